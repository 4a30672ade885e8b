/* What should be there once only: under unique indexes, and under natural keys that have none. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"

#include <string.h>

/* A column may be a natural key without an index when so few of its values are there twice. */
#define COPIES_SHARE_MAX 0.01
/* Tables with fewer rows say nothing about what is meant to be unique. */
#define ROWS_MIN 3
/* Comparing each row with each other one takes too long beyond this; then the index is asked. */
#define ROWS_COMPARED_MAX 5000

typedef struct
{
  const CatalogueTable *table;
  const CatalogueIndex *index;   /* of unique ones */
  const CatalogueColumn *column; /* of natural keys */
  char *keys, *condition;        /* condition may be NULL */
  char *object;
} Copies;

static void
copies_free (void *data)
{
  Copies *copies = data;
  g_free (copies->keys);
  g_free (copies->condition);
  g_free (copies->object);
  g_free (copies);
}

static bool
count_copies (CheckContext *context, const Check *check, const Copies *copies, int64_t *ret_keys,
              int64_t *ret_rows, int64_t *ret_total, GError **error)
{
  g_autofree char *sql = check_copies_count (copies->table, copies->keys, copies->condition);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, 0, NULL, &result, error))
    return false;
  *ret_keys = db_result_int64 (result, 0, 0);
  *ret_rows = db_result_int64 (result, 0, 1);
  *ret_total = db_result_int64 (result, 0, 2);
  check_covered (context, check, 0, *ret_total);
  return true;
}

static Finding *
new_finding (const Check *check, const Copies *copies, int64_t rows, char *message)
{
  Finding *finding = finding_new (check, copies->object, "%s", message);
  g_free (message);
  finding->rows = rows;
  finding->query = check_copies_query (copies->table, copies->keys, copies->condition);
  finding->schema = g_strdup (copies->table->schema);
  finding->table = g_strdup (copies->table->name);
  return finding;
}

/* --- unique-violated ------------------------------------------------------------------------------- */

static bool
look_under_index (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Copies *copies = data;
  int64_t keys, rows, total;
  if (!count_copies (context, check, copies, &keys, &rows, &total, error))
    return false;
  if (keys == 0)
    return true;
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  g_autofree char *keys_text = text_format_count ((uint64_t) keys);
  check_found (
      context,
      new_finding (check, copies, rows,
                   g_strdup_printf ("%s rows share %s %s under the unique index %s", rows_text,
                                    keys_text, keys == 1 ? "key" : "keys", copies->index->name)));
  return true;
}

static char *
join_keys (const CatalogueIndex *index, const char *separator, const char *behind)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < index->keys->len; i++)
    g_string_append_printf (text, "%s%s%s", i > 0 ? separator : "",
                            (const char *) index->keys->pdata[i], behind);
  return g_string_free (text, FALSE);
}

/* Where a null makes a row differ from all others, such rows need not be looked at. */
static char *
index_condition (const CatalogueIndex *index)
{
  g_autofree char *there
      = index->nulls_not_distinct ? NULL : join_keys (index, " AND ", " IS NOT NULL");
  if (index->predicate == NULL)
    return g_steal_pointer (&there);
  return there == NULL ? g_strdup_printf ("(%s)", index->predicate)
                       : g_strdup_printf ("%s AND (%s)", there, index->predicate);
}

static void
plan_index (CheckContext *context, const Check *check, const CatalogueTable *table,
            const CatalogueIndex *index)
{
  g_autofree char *object = g_strdup_printf ("%s (%s)", table->display, index->name);
  check_expect (context, check, "unique indexes", 1);
  if (!check_can_read (context, check, table, object))
    return;
  Copies *copies = g_new0 (Copies, 1);
  copies->table = table;
  copies->index = index;
  copies->keys = join_keys (index, ", ", "");
  copies->condition = index_condition (index);
  copies->object = g_steal_pointer (&object);
  check_later (context, check, copies->object, check_table_rows (table) * 2, look_under_index,
               copies, copies_free);
}

/* An index that is not valid promises nothing (index-invalid reports it). */
static bool
run_unique (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "unique indexes", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; table->kind != 'p' && j < table->indexes->len; j++)
        {
          const CatalogueIndex *index = table->indexes->pdata[j];
          if (index->is_unique && index->is_valid && !index->is_exclusion)
            plan_index (context, check, table, index);
        }
    }
  return true;
}

/* --- natural keys ---------------------------------------------------------------------------------- */

static const char *const natural_keys[] = { "email",
                                            "username",
                                            "user_name",
                                            "login",
                                            "slug",
                                            "sku",
                                            "isbn",
                                            "iban",
                                            "vin",
                                            "code",
                                            "reference_number",
                                            "invoice_number",
                                            "order_number",
                                            "account_number",
                                            NULL };

/* A name such as "postal_code" or "contact_email" is of something else. */
static bool
is_natural_key (const CatalogueColumn *column)
{
  return check_is_text (column) && g_strv_contains (natural_keys, column->name);
}

static bool
look_at_natural_key (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Copies *copies = data;
  int64_t keys, rows, total;
  if (!count_copies (context, check, copies, &keys, &rows, &total, error))
    return false;
  if (keys == 0 || total < ROWS_MIN
      || keys > MAX (1, (int64_t) ((double) total * COPIES_SHARE_MAX)))
    return true;
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  g_autofree char *total_text = text_format_count ((uint64_t) total);
  Finding *finding = new_finding (
      check, copies, rows,
      g_strdup_printf (
          "%s of %s rows share a %s that is otherwise unique, and no index keeps it so", rows_text,
          total_text, copies->column->name));
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static void
plan_column (CheckContext *context, const Check *check, const CatalogueTable *table,
             const CatalogueColumn *column, char *keys, CheckLaterFn function)
{
  g_autofree char *object = catalogue_display (table, column);
  check_expect (context, check, "natural keys", 1);
  if (check_can_read (context, check, table, object))
    {
      Copies *copies = g_new0 (Copies, 1);
      copies->table = table;
      copies->column = column;
      copies->keys = g_steal_pointer (&keys);
      copies->condition = g_strdup_printf ("%s IS NOT NULL", column->quoted);
      copies->object = g_steal_pointer (&object);
      check_later (context, check, copies->object, check_table_rows (table) * 2, function, copies,
                   copies_free);
    }
  g_free (keys);
}

static bool
run_natural_keys (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "natural keys", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; table->kind == 'r' && !table->is_partition && j < table->columns->len; j++)
        {
          const CatalogueColumn *column = table->columns->pdata[j];
          if (is_natural_key (column) && !check_is_in_unique (table, column))
            plan_column (context, check, table, column, g_strdup (column->quoted),
                         look_at_natural_key);
        }
    }
  return true;
}

static bool
look_for_variants (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Copies *copies = data;
  int64_t keys, rows, total;
  if (!count_copies (context, check, copies, &keys, &rows, &total, error))
    return false;
  if (keys == 0)
    return true;
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  Finding *finding = new_finding (
      check, copies, rows,
      g_strdup_printf ("%s rows have a %s that differs from another one only in case or blanks",
                       rows_text, copies->column->name));
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static bool
run_variants (CheckContext *context, const Check *check, GError **error)
{
  static const char *const names[] = { "email", "username", "user_name", "login", "slug", NULL };
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "natural keys", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; table->kind == 'r' && !table->is_partition && j < table->columns->len; j++)
        {
          const CatalogueColumn *column = table->columns->pdata[j];
          if (check_is_text (column) && g_strv_contains (names, column->name)
              && check_unique_on (table, column) != NULL)
            plan_column (context, check, table, column,
                         g_strdup_printf ("lower(btrim(%s::text))", column->quoted),
                         look_for_variants);
        }
    }
  return true;
}

/* --- exclusion-violated ---------------------------------------------------------------------------- */

typedef struct
{
  const CatalogueTable *table;
  char *name;
  char *object;
  char *condition; /* over the row and "other" */
} Exclusion;

static void
exclusion_free (void *data)
{
  Exclusion *exclusion = data;
  g_free (exclusion->name);
  g_free (exclusion->object);
  g_free (exclusion->condition);
  g_free (exclusion);
}

static bool
look_at_exclusion (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Exclusion *exclusion = data;
  const CatalogueTable *table = exclusion->table;
  g_autofree char *query = g_strdup_printf (
      "SELECT c.ctid, c.* FROM ONLY %1$s AS c WHERE EXISTS (SELECT FROM ONLY %1$s AS other"
      " WHERE other.ctid <> c.ctid AND %2$s)",
      table->quoted, exclusion->condition);
  g_autofree char *sql = g_strdup_printf (
      "SELECT count(*), (SELECT count(*) FROM ONLY %s) FROM (%s) AS rows", table->quoted, query);
  g_autoptr (DbResult) result = NULL;
  bool done = table->rows > ROWS_COMPARED_MAX
                  ? check_query (context, sql, 0, NULL, &result, error)
                  : check_query_heap (context, sql, 0, NULL, &result, error);
  if (!done)
    return false;
  int64_t rows = db_result_int64 (result, 0, 0);
  check_covered (context, check, 0, db_result_int64 (result, 0, 1));
  if (rows == 0)
    return true;
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  Finding *finding
      = finding_new (check, exclusion->object, "%s rows exclude each other under the constraint %s",
                     rows_text, exclusion->name);
  finding->rows = rows;
  finding->query = g_steal_pointer (&query);
  finding->schema = g_strdup (table->schema);
  finding->table = g_strdup (table->name);
  check_found (context, finding);
  return true;
}

/* One row per column of an exclusion constraint: table, name, column, operator, predicate there is. */
static const char exclusions_sql[]
    = "SELECT o.conrelid, o.conname, a.attname, format('OPERATOR(%I.%s)', n.nspname, p.oprname),"
      "       pg_get_expr(i.indpred, i.indrelid)"
      "  FROM pg_constraint o JOIN pg_index i ON i.indexrelid = o.conindid,"
      "       unnest(o.conkey, o.conexclop) WITH ORDINALITY AS u (number, operator, place)"
      "  LEFT JOIN pg_attribute a ON true"
      "  JOIN pg_operator p ON p.oid = u.operator JOIN pg_namespace n ON n.oid = p.oprnamespace"
      " WHERE o.contype = 'x' AND a.attrelid = o.conrelid AND a.attnum = u.number"
      "   AND NOT 0 = ANY (o.conkey)"
      " ORDER BY o.conrelid, o.conname, u.place";

static void
plan_exclusion (CheckContext *context, const Check *check, Exclusion *exclusion)
{
  check_expect (context, check, "exclusion constraints", 1);
  if (!check_can_read (context, check, exclusion->table, exclusion->object))
    {
      exclusion_free (exclusion);
      return;
    }
  check_later (context, check, exclusion->object, check_table_rows (exclusion->table) * 10,
               look_at_exclusion, exclusion, exclusion_free);
}

static Exclusion *
begin_exclusion (const CatalogueTable *table, const char *name, const char *predicate)
{
  Exclusion *exclusion = g_new0 (Exclusion, 1);
  exclusion->table = table;
  exclusion->name = g_strdup (name);
  exclusion->object = g_strdup_printf ("%s (%s)", table->display, name);
  /* The predicate names columns without a table: within a subselect they are those of its row. */
  exclusion->condition
      = *predicate == '\0'
            ? g_strdup ("true")
            : g_strdup_printf ("(SELECT %1$s FROM (SELECT c.*) AS x) AND (SELECT %1$s"
                               " FROM (SELECT other.*) AS x)",
                               predicate);
  return exclusion;
}

static bool
run_exclusions (CheckContext *context, const Check *check, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  check_expect (context, check, "exclusion constraints", 0);
  if (!check_query (context, exclusions_sql, 0, NULL, &result, error))
    return false;
  const GPtrArray *tables = check_catalogue (context)->tables;
  Exclusion *exclusion = NULL;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      unsigned int oid = (unsigned int) db_result_int64 (result, row, 0);
      const CatalogueTable *table = catalogue_table (check_catalogue (context), oid);
      const char *name = db_result_text (result, row, 1);
      if (table == NULL || table->kind != 'r'
          || !g_ptr_array_find ((GPtrArray *) tables, table, NULL))
        continue;
      if (exclusion == NULL || exclusion->table != table || strcmp (exclusion->name, name) != 0)
        {
          if (exclusion != NULL)
            plan_exclusion (context, check, exclusion);
          exclusion = begin_exclusion (table, name, db_result_text (result, row, 4));
        }
      g_autofree char *column = db_quote_ident (db_result_text (result, row, 2));
      g_autofree char *before = g_steal_pointer (&exclusion->condition);
      exclusion->condition = g_strdup_printf ("c.%s %s other.%s AND %s", column,
                                              db_result_text (result, row, 3), column, before);
    }
  if (exclusion != NULL)
    plan_exclusion (context, check, exclusion);
  return true;
}

const Check checks_uniqueness[] = {
  {
      .id = "unique-violated",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Duplicates under a unique index",
      .why = "A damaged index lets in what it should refuse and finds only one of the copies, so a"
             " restored dump will not load.",
      .advice = "Decide which of the rows stays, remove the others, then REINDEX.",
      .is_quick = true,
      .run = run_unique,
  },
  {
      .id = "unique-missing",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Duplicates of a natural key that no index keeps unique",
      .why = "Two rows for one e-mail address, code or slug are one thing stored twice.",
      .advice = "Merge the rows, then add a unique index.",
      .run = run_natural_keys,
  },
  {
      .id = "unique-case-or-space",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Keys that differ only in case or blanks",
      .why = "The index takes Ada@example.org and ada@example.org for two, people do not.",
      .advice = "Merge the rows, and make the unique index one on lower(btrim(...)).",
      .run = run_variants,
  },
  {
      .id = "exclusion-violated",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Rows that an exclusion constraint should keep apart",
      .why = "The constraint is kept by its index alone: a damaged one lets overlaps in.",
      .advice = "Put the rows right, then REINDEX the index of the constraint.",
      .run = run_exclusions,
  },
  { .id = NULL },
};
