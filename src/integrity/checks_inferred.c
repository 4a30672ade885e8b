/* References that nobody declared. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"
#include "integrity/names.h"
#include "integrity/orphans.h"

#include <string.h>

/* Of the values of a column this share must be keys of the other table for the names to be believed. */
#define CONTAINMENT_MIN 0.9
/* Types that one pair of columns may refer to. */
#define CLASSES_MAX 50

static bool
is_in_declared_key (const CatalogueTable *table, const CatalogueColumn *column)
{
  for (guint i = 0; i < table->keys->len; i++)
    if (g_ptr_array_find (((CatalogueKey *) table->keys->pdata[i])->child_columns, column, NULL))
      return true;
  return false;
}

/* The column that says what table COLUMN ("owner_id") refers to ("owner_type"); NULL: none. */
static CatalogueColumn *
type_column (const CatalogueTable *table, const CatalogueColumn *column)
{
  size_t length = strlen (column->name);
  if (length < 4 || g_ascii_strcasecmp (column->name + length - 2, "id") != 0)
    return NULL;
  bool is_snake = column->name[length - 3] == '_';
  g_autofree char *name
      = g_strdup_printf ("%.*s%s", (int) length - 2, column->name, is_snake ? "type" : "Type");
  CatalogueColumn *found = catalogue_column_named (table, name);
  return found != NULL && (check_is_text (found) || found->category == 'E') ? found : NULL;
}

/* --- inferred keys --------------------------------------------------------------------------------- */

/* What came of measuring an inferred key. */
typedef struct
{
  int64_t rows, filled, orphans;
} Measured;

static bool
measure (CheckContext *context, const Check *check, CatalogueKey *key, Measured *ret_measured,
         GError **error)
{
  const CatalogueColumn *column = key->child_columns->pdata[0];
  g_autofree char *sql = g_strdup_printf ("SELECT count(%s) FROM %s%s", column->quoted,
                                          catalogue_table_only (key->child), key->child->quoted);
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  g_ptr_array_add (keys, key);
  if (!check_query_heap (context, sql, 0, NULL, &result, error)
      || !orphans_count (context, check, keys, &ret_measured->orphans, &ret_measured->rows, error))
    return false;
  ret_measured->filled = db_result_int64 (result, 0, 0);
  return true;
}

static bool
is_believable (const Measured *measured)
{
  return measured->filled > 0 && measured->orphans >= 0
         && (double) (measured->filled - measured->orphans)
                >= CONTAINMENT_MIN * (double) measured->filled;
}

static char *
add_key_sql (const CatalogueKey *key)
{
  const CatalogueColumn *column = key->child_columns->pdata[0];
  const CatalogueColumn *other = key->parent_columns->pdata[0];
  return g_strdup_printf ("ALTER TABLE %1$s ADD CONSTRAINT %2$s FOREIGN KEY (%3$s) REFERENCES %4$s"
                          " (%5$s) NOT VALID; ALTER TABLE %1$s VALIDATE CONSTRAINT %2$s",
                          key->child->quoted, key->quoted, column->quoted, key->parent->quoted,
                          other->quoted);
}

static bool
look_for_missing (CheckContext *context, const Check *check, void *data, GError **error)
{
  CatalogueKey *key = data;
  Measured measured;
  if (!measure (context, check, key, &measured, error))
    return false;
  if (measured.orphans < 0)
    return true;
  check_covered (context, check, 1, measured.rows);
  if (measured.orphans > 0 || measured.filled == 0)
    return true;
  g_autofree char *object = orphans_object (key);
  g_autofree char *filled = text_format_count ((uint64_t) measured.filled);
  Finding *finding = finding_new (check, object,
                                  "all of its %s values are keys of %s, but no foreign key says so",
                                  filled, key->parent->display);
  finding->fix = add_key_sql (key);
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static bool
look_for_inferred_orphans (CheckContext *context, const Check *check, void *data, GError **error)
{
  CatalogueKey *key = data;
  Measured measured;
  if (!measure (context, check, key, &measured, error))
    return false;
  if (measured.orphans < 0)
    return true;
  check_covered (context, check, 1, measured.rows);
  if (measured.orphans == 0 || !is_believable (&measured))
    return true;
  g_autofree char *object = orphans_object (key);
  g_autofree char *orphans = text_format_count ((uint64_t) measured.orphans);
  g_autofree char *filled = text_format_count ((uint64_t) measured.filled);
  Finding *finding = finding_new (check, object,
                                  "%s of its %s values are not keys of %s, as all"
                                  " others are",
                                  orphans, filled, key->parent->display);
  finding->rows = measured.orphans;
  finding->query = orphans_query (key);
  finding->schema = g_strdup (key->child->schema);
  finding->table = g_strdup (key->child->name);
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static void
plan_inferred (CheckContext *context, const Check *check, CatalogueKey *key, CheckLaterFn function)
{
  g_autofree char *object = orphans_object (key);
  check_expect (context, check, NULL, 1);
  if (check_can_read (context, check, key->child, object)
      && check_can_read (context, check, key->parent, object))
    check_later_many (context, check, object, 1,
                      check_table_rows (key->child) * 2 + check_table_rows (key->parent), function,
                      key, (GDestroyNotify) names_key_free);
  else
    names_key_free (key);
}

static void
infer_keys (CheckContext *context, const Check *check, CheckLaterFn function)
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "inferred keys", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      CatalogueTable *table = catalogue->tables->pdata[i];
      if ((table->kind != 'r' && table->kind != 'p') || table->is_partition)
        continue;
      for (guint j = 0; j < table->columns->len; j++)
        {
          CatalogueColumn *column = table->columns->pdata[j], *other;
          CatalogueTable *parent;
          if (column->is_virtual || is_in_declared_key (table, column)
              || type_column (table, column) != NULL
              || (parent = names_find_parent (catalogue, table, column, &other)) == NULL)
            continue;
          plan_inferred (context, check, names_key_new (table, column, parent, other), function);
        }
    }
}

static bool
run_missing (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  infer_keys (context, check, look_for_missing);
  return true;
}

static bool
run_inferred_orphans (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  infer_keys (context, check, look_for_inferred_orphans);
  return true;
}

/* --- references to one of several tables ----------------------------------------------------------- */

typedef struct
{
  CatalogueTable *table;
  CatalogueColumn *type, *id;
  char *object;
} Pair;

static void
pair_free (void *data)
{
  Pair *pair = data;
  g_free (pair->object);
  g_free (pair);
}

static bool
look_at_class (CheckContext *context, const Check *check, const Pair *pair, const char *class,
               GError **error)
{
  CatalogueColumn *key;
  CatalogueTable *parent = names_find_class (check_catalogue (context), pair->table, class, &key);
  if (parent == NULL || !check_can_read (context, check, parent, pair->object))
    return true;
  g_autofree char *literal = db_quote_literal (class);
  const char *cast = names_same_type (pair->id, key) ? "" : "::text";
  g_autofree char *query = g_strdup_printf (
      "SELECT c.ctid, c.* FROM %s%s AS c WHERE c.%s::text = %s AND c.%s IS NOT NULL AND NOT EXISTS"
      " (SELECT FROM %s%s AS p WHERE p.%s%s = c.%s%s)",
      catalogue_table_only (pair->table), pair->table->quoted, pair->type->quoted, literal,
      pair->id->quoted, catalogue_table_only (parent), parent->quoted, key->quoted, cast,
      pair->id->quoted, cast);
  g_autofree char *sql = g_strdup_printf (
      "SELECT count(*), (SELECT count(*) FROM %s%s WHERE %s::text = %s) FROM (%s) AS orphans",
      catalogue_table_only (pair->table), pair->table->quoted, pair->type->quoted, literal, query);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, 0, NULL, &result, error))
    return false;
  int64_t orphans = db_result_int64 (result, 0, 0), rows = db_result_int64 (result, 0, 1);
  check_covered (context, check, 0, rows);
  if (orphans == 0 || (double) orphans > (1 - CONTAINMENT_MIN) * (double) rows + 1)
    return true;
  g_autofree char *orphans_text = text_format_count ((uint64_t) orphans);
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  Finding *finding = finding_new (
      check, pair->object, "%s of %s rows of type “%s” refer to rows of %s that are not there",
      orphans_text, rows_text, class, parent->display);
  finding->rows = orphans;
  finding->query = g_steal_pointer (&query);
  finding->schema = g_strdup (pair->table->schema);
  finding->table = g_strdup (pair->table->name);
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static bool
look_at_pair (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Pair *pair = data;
  g_autofree char *sql = g_strdup_printf (
      "SELECT DISTINCT %s::text FROM %s%s WHERE %s IS NOT NULL LIMIT %d", pair->type->quoted,
      catalogue_table_only (pair->table), pair->table->quoted, pair->id->quoted, CLASSES_MAX);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, 0, NULL, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    if (!look_at_class (context, check, pair, db_result_text (result, row, 0), error))
      return false;
  return true;
}

static bool
run_polymorphic (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "pairs of type and id", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; (table->kind == 'r' || table->kind == 'p') && !table->is_partition
                        && j < table->columns->len;
           j++)
        {
          CatalogueColumn *id = table->columns->pdata[j];
          CatalogueColumn *type = type_column (table, id);
          if (type == NULL || is_in_declared_key (table, id))
            continue;
          g_autofree char *object
              = g_strdup_printf ("%s.(%s, %s)", table->display, type->name, id->name);
          check_expect (context, check, NULL, 1);
          if (!check_can_read (context, check, table, object))
            continue;
          Pair *pair = g_new (Pair, 1);
          *pair = (Pair){ table, type, id, g_steal_pointer (&object) };
          check_later (context, check, pair->object, check_table_rows (table) * 3, look_at_pair,
                       pair, pair_free);
        }
    }
  return true;
}

/* --- arrays of references -------------------------------------------------------------------------- */

static CatalogueTable *
array_parent (const Catalogue *catalogue, const CatalogueTable *table,
              const CatalogueColumn *column, CatalogueColumn **ret_key)
{
  static const char *const types[] = { "_int2", "_int4", "_int8", "_uuid", "_text", NULL };
  g_autofree char *stem = names_snake (column->name);
  if (!g_strv_contains (types, column->base_name) || !g_str_has_suffix (stem, "_ids"))
    return NULL;
  stem[strlen (stem) - 4] = '\0';
  CatalogueTable *parent = names_find_class (catalogue, table, stem, ret_key);
  if (parent == NULL)
    return NULL;
  bool are_integers = strncmp (column->base_name, "_int", 4) == 0 && check_is_integer (*ret_key);
  return are_integers || strcmp (column->base_name + 1, (*ret_key)->base_name) == 0 ? parent : NULL;
}

static void
probe_array (CheckContext *context, const Check *check, CatalogueTable *table,
             CatalogueColumn *column)
{
  CatalogueColumn *key;
  CatalogueTable *parent = array_parent (check_catalogue (context), table, column, &key);
  if (parent == NULL)
    return;
  g_autofree char *object = catalogue_display (table, column);
  g_autofree char *message = g_strdup_printf ("%%s rows hold numbers of rows of %s that are not"
                                              " there",
                                              parent->display);
  g_autofree char *condition = g_strdup_printf (
      "EXISTS (SELECT FROM unnest(%s) AS element WHERE element IS NOT NULL AND NOT EXISTS"
      " (SELECT FROM %s%s AS p WHERE p.%s = element))",
      column->quoted, catalogue_table_only (parent), parent->quoted, key->quoted);
  CheckProbe probe = { .check = check,
                       .table = table,
                       .object = object,
                       .condition = condition,
                       .message = message,
                       .is_inferred = true };
  check_expect (context, check, NULL, 1);
  if (check_can_read (context, check, parent, object))
    check_probe (context, &probe);
}

static bool
run_arrays (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "arrays of references", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; catalogue_table_has_rows (table) && j < table->columns->len; j++)
        probe_array (context, check, table, table->columns->pdata[j]);
    }
  return true;
}

const Check checks_inferred[] = {
  {
      .id = "fk-missing",
      .severity = CHECK_SEVERITY_INFO,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "References that no foreign key keeps",
      .why = "What is only agreed upon will be broken one day, and nobody will be told.",
      .advice = "Add the foreign key NOT VALID, then VALIDATE it.",
      .run = run_missing,
  },
  {
      .id = "fk-inferred-orphans",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Orphans under references that are not declared",
      .why = "By name and by nearly all of its values the column refers to another table, but some"
             " rows lead nowhere.",
      .advice = "Put the rows right, then add the foreign key.",
      .run = run_inferred_orphans,
  },
  {
      .id = "fk-polymorphic-orphans",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Orphans under pairs of type and id",
      .why
      = "No foreign key can keep a reference to one of several tables, so rows stay behind when"
        " what they belong to is deleted.",
      .advice = "Remove the rows, and delete such rows together with what they belong to.",
      .run = run_polymorphic,
  },
  {
      .id = "fk-array-orphans",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Arrays that hold keys of rows that are not there",
      .why = "No foreign key can keep the elements of an array.",
      .advice = "Remove the elements, or move them to a table of their own with foreign keys.",
      .run = run_arrays,
  },
  { .id = NULL },
};
