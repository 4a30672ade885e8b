/* Foreign keys: what they promise, row by row, and whether they can keep it. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/orphans.h"

#include <string.h>

/* --- fk-orphans ------------------------------------------------------------------------------------ */

/* The keys of one table that are looked at together. */
typedef struct
{
  GPtrArray *keys; /* of CatalogueKey, borrowed */
} KeyList;

static void
key_list_free (void *data)
{
  KeyList *list = data;
  g_ptr_array_unref (list->keys);
  g_free (list);
}

/* What puts orphans right is what the key itself does when a parent goes: then it is safe. */
static void
set_orphan_fix (Finding *finding, const CatalogueKey *key)
{
  g_autofree char *condition = orphans_condition (key);
  const char *only = catalogue_table_only (key->child);
  if (key->on_delete == 'n')
    {
      g_autofree char *set = catalogue_columns_sql (key->child_columns, "", " = NULL, ");
      finding->fix = g_strdup_printf ("UPDATE %s%s AS c SET %s = NULL WHERE %s", only,
                                      key->child->quoted, set, condition);
    }
  else
    finding->fix
        = g_strdup_printf ("DELETE FROM %s%s AS c WHERE %s", only, key->child->quoted, condition);
  finding->fix_is_safe = key->on_delete == 'n' || key->on_delete == 'c';
}

static void
report_orphans (CheckContext *context, const Check *check, const CatalogueKey *key, int64_t count,
                int64_t rows)
{
  g_autofree char *object = orphans_object (key);
  g_autofree char *count_text = text_format_count ((uint64_t) count);
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  Finding *finding = finding_new (
      check, object, "%s of %s rows refer to rows of %s that are not there, though the key %s is%s",
      count_text, rows_text, key->parent->display, key->name,
      key->is_validated ? " marked valid" : " there (NOT VALID)");
  finding->rows = count;
  finding->query = orphans_query (key);
  finding->schema = g_strdup (key->child->schema);
  finding->table = g_strdup (key->child->name);
  set_orphan_fix (finding, key);
  check_found (context, finding);
}

static bool
look_for_orphans (CheckContext *context, const Check *check, void *data, GError **error)
{
  const GPtrArray *keys = ((KeyList *) data)->keys;
  g_autofree int64_t *counts = g_new0 (int64_t, keys->len);
  int64_t rows;
  if (!orphans_count (context, check, keys, counts, &rows, error))
    return false;
  bool has_counted_rows = false;
  for (guint i = 0; i < keys->len; i++)
    {
      if (counts[i] < 0)
        continue;
      check_covered (context, check, 1, has_counted_rows ? 0 : rows);
      has_counted_rows = true;
      if (counts[i] > 0)
        report_orphans (context, check, keys->pdata[i], counts[i], rows);
    }
  return true;
}

/* A partitioned table is read as a whole, for the key that is declared on it. */
static bool
is_own_key (const CatalogueKey *key)
{
  return !key->is_inherited;
}

static bool
can_compare (CheckContext *context, const Check *check, const CatalogueKey *key)
{
  g_autofree char *object = orphans_object (key);
  return check_can_read (context, check, key->child, object)
         && check_can_read (context, check, key->parent, object);
}

static double
rows_of (const CatalogueTable *table)
{
  return MAX (table->rows, 1);
}

static void
plan_table (CheckContext *context, const Check *check, const CatalogueTable *table)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  double cost = rows_of (table);
  for (guint i = 0; i < table->keys->len; i++)
    {
      CatalogueKey *key = table->keys->pdata[i];
      if (!is_own_key (key))
        continue;
      check_expect (context, check, "foreign keys", 1);
      if (!can_compare (context, check, key))
        continue;
      g_ptr_array_add (keys, key);
      cost += rows_of (table) * 0.3 + rows_of (key->parent);
    }
  if (keys->len == 0)
    return;
  KeyList *list = g_new (KeyList, 1);
  guint count = keys->len;
  list->keys = g_steal_pointer (&keys);
  check_later_many (context, check, table->display, count, cost, look_for_orphans, list,
                    key_list_free);
}

static bool
run_orphans (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "foreign keys", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    plan_table (context, check, catalogue->tables->pdata[i]);
  return true;
}

/* --- keys that do not check ------------------------------------------------------------------------ */

/* Calls FUNCTION for every key of the tables to be looked at that is declared there. */
static void
each_key (CheckContext *context, const Check *check,
          void (*function) (CheckContext *context, const Check *check, CatalogueKey *key))
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "foreign keys", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; j < table->keys->len; j++)
        if (is_own_key (table->keys->pdata[j]))
          {
            check_expect (context, check, NULL, 1);
            function (context, check, table->keys->pdata[j]);
          }
    }
}

/* Validating what has orphans would fail: only a clean key can be. */
static bool
look_at_unvalidated (CheckContext *context, const Check *check, void *data, GError **error)
{
  CatalogueKey *key = data;
  g_autofree char *object = orphans_object (key);
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  g_ptr_array_add (keys, key);
  int64_t count, rows;
  if (!orphans_count (context, check, keys, &count, &rows, error))
    return false;
  if (count < 0)
    return true;
  check_covered (context, check, 1, rows);
  g_autofree char *count_text = text_format_count ((uint64_t) count);
  Finding *finding = finding_new (check, object, "the key %s is NOT VALID, and %s rows break it",
                                  key->name, count == 0 ? "no" : count_text);
  if (count == 0)
    finding->fix = g_strdup_printf ("ALTER TABLE %s VALIDATE CONSTRAINT %s", key->child->quoted,
                                    key->quoted);
  finding->fix_is_safe = count == 0;
  check_found (context, finding);
  return true;
}

static void
plan_unvalidated (CheckContext *context, const Check *check, CatalogueKey *key)
{
  if (key->is_validated || !key->is_enforced)
    check_covered (context, check, 1, 0);
  else if (can_compare (context, check, key))
    {
      g_autofree char *object = orphans_object (key);
      check_later_many (context, check, object, 1, rows_of (key->child) + rows_of (key->parent),
                        look_at_unvalidated, key, NULL);
    }
}

static bool
run_unvalidated (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, plan_unvalidated);
  return true;
}

static void
look_at_enforcement (CheckContext *context, const Check *check, CatalogueKey *key)
{
  check_covered (context, check, 1, 0);
  if (key->is_enforced)
    return;
  g_autofree char *object = orphans_object (key);
  check_found (context,
               finding_new (check, object, "the key %s is declared NOT ENFORCED", key->name));
}

static bool
run_not_enforced (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, look_at_enforcement);
  return true;
}

/* The partitions' copies of a key have triggers of their own, so all keys are looked at. */
static bool
run_triggers_disabled (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "foreign keys", catalogue->keys->len);
  check_covered (context, check, catalogue->keys->len, 0);
  for (guint i = 0; i < catalogue->keys->len; i++)
    {
      const CatalogueKey *key = catalogue->keys->pdata[i];
      if (!key->has_disabled_trigger)
        continue;
      g_autofree char *object = orphans_object (key);
      Finding *finding
          = finding_new (check, object, "triggers that enforce the key %s to %s are disabled",
                         key->name, key->parent->display);
      finding->fix = g_strdup_printf ("ALTER TABLE %s ENABLE TRIGGER ALL; ALTER TABLE %s ENABLE"
                                      " TRIGGER ALL",
                                      key->child->quoted, key->parent->quoted);
      check_found (context, finding);
    }
  return true;
}

/* --- composite keys -------------------------------------------------------------------------------- */

static void
probe_partial_null (CheckContext *context, const Check *check, const CatalogueKey *key,
                    const GPtrArray *columns, const char *message)
{
  g_autofree char *names = catalogue_columns_sql (columns, "", ", ");
  g_autofree char *object = orphans_object (key);
  g_autofree char *condition
      = g_strdup_printf ("num_nulls(%s) BETWEEN 1 AND %u", names, columns->len - 1);
  CheckProbe probe = { .check = check,
                       .table = key->child,
                       .object = object,
                       .condition = condition,
                       .message = message };
  check_probe (context, &probe);
}

static void
look_at_match_full (CheckContext *context, const Check *check, CatalogueKey *key)
{
  if (key->match != 'f' || key->child_columns->len < 2)
    check_covered (context, check, 1, 0);
  else
    probe_partial_null (context, check, key, key->child_columns,
                        "%s rows have some columns of a MATCH FULL key null and others not");
}

static bool
run_match_full (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, look_at_match_full);
  return true;
}

/* A column that is NOT NULL (a tenant) beside one that may be NULL is how an optional reference is
 * written: only columns that may be NULL are asked to be so together. */
static void
look_at_match_simple (CheckContext *context, const Check *check, CatalogueKey *key)
{
  g_autoptr (GPtrArray) optional = g_ptr_array_new ();
  for (guint i = 0; i < key->child_columns->len; i++)
    if (!((const CatalogueColumn *) key->child_columns->pdata[i])->is_not_null)
      g_ptr_array_add (optional, key->child_columns->pdata[i]);
  if (key->match == 'f' || optional->len < 2)
    check_covered (context, check, 1, 0);
  else
    probe_partial_null (context, check, key, optional,
                        "%s rows have some columns of a key null and others not, so nothing checks"
                        " the others");
}

static bool
run_match_simple (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, look_at_match_simple);
  return true;
}

const Check checks_referential[] = {
  {
      .id = "fk-orphans",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Rows that refer to rows that are not there",
      .why
      = "Rows loaded with triggers off slip past a foreign key, and neither VALIDATE CONSTRAINT"
        " nor amcheck ever looks at them again.",
      .advice = "Look at the rows, find out what their parents were, and restore the parents or"
                " remove the rows.",
      .is_quick = true,
      .run = run_orphans,
  },
  {
      .id = "fk-not-valid",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Foreign keys that were never validated",
      .why = "A NOT VALID key checks new rows only; the old ones may refer to nothing.",
      .advice = "Put the rows right that break it, then VALIDATE CONSTRAINT.",
      .run = run_unvalidated,
  },
  {
      .id = "fk-not-enforced",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Foreign keys that are not enforced",
      .why = "A NOT ENFORCED key is a comment: the server checks no row against it.",
      .advice = "ALTER CONSTRAINT ... ENFORCED, unless the data are checked elsewhere.",
      .run = run_not_enforced,
  },
  {
      .id = "fk-trigger-disabled",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Foreign keys whose triggers are disabled",
      .why = "A foreign key is kept by its triggers: while they are disabled the key is still shown"
             " as valid, and any row is taken.",
      .advice = "Enable the triggers, then look for orphans that came meanwhile.",
      .is_quick = true,
      .run = run_triggers_disabled,
  },
  {
      .id = "fk-match-full-null",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Half-filled references under a MATCH FULL key",
      .why = "MATCH FULL promises that all columns of the key are null or none is.",
      .advice = "Fill in the missing columns of these rows, or set all of them to null.",
      .run = run_match_full,
  },
  {
      .id = "fk-match-simple-null",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Half-filled references that nothing checks",
      .why = "With MATCH SIMPLE, one null column switches off the check of all others.",
      .advice = "Make the columns NOT NULL, or the key MATCH FULL.",
      .run = run_match_simple,
  },
  { .id = NULL },
};
