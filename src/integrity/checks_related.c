/* What foreign keys that are declared are meant to keep besides: the tenant, the mark of deleted rows, and
 * hierarchies without circles. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"
#include "integrity/names.h"
#include "integrity/orphans.h"

#include <string.h>

/* Of the rows this share must be as they should be for the names of the columns to be believed. */
#define FIT_MIN 0.9

/* A join of child and parent that returns rows of the child which should not be there. */
typedef struct
{
  const CatalogueKey *key;
  char *object;
  char *join;      /* FROM ... JOIN ..., the child called c */
  char *condition; /* of what is wrong */
  char *message;   /* with two %s: rows, of how many */
  bool must_fit;   /* only believed when nearly all rows are as they should be */
} Joined;

static void
joined_free (void *data)
{
  Joined *joined = data;
  g_free (joined->object);
  g_free (joined->join);
  g_free (joined->condition);
  g_free (joined->message);
  g_free (joined);
}

static bool
look_at_join (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Joined *joined = data;
  g_autofree char *sql = g_strdup_printf ("SELECT count(*), count(*) FILTER (WHERE %s) FROM %s",
                                          joined->condition, joined->join);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  int64_t rows = db_result_int64 (result, 0, 0), wrong = db_result_int64 (result, 0, 1);
  check_covered (context, check, 0, rows);
  if (wrong == 0 || (joined->must_fit && (double) wrong > (1 - FIT_MIN) * (double) rows + 1))
    return true;
  g_autofree char *wrong_text = text_format_count ((uint64_t) wrong);
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  Finding *finding = finding_new (check, joined->object, "%s of %s rows %s", wrong_text, rows_text,
                                  joined->message);
  finding->rows = wrong;
  finding->query
      = g_strdup_printf ("SELECT c.ctid, c.* FROM %s WHERE %s", joined->join, joined->condition);
  finding->schema = g_strdup (joined->key->child->schema);
  finding->table = g_strdup (joined->key->child->name);
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static void
plan_join (CheckContext *context, const Check *check, const CatalogueKey *key, char *condition,
           char *message)
{
  Joined *joined = g_new0 (Joined, 1);
  g_autoptr (GString) on = g_string_new (NULL);
  for (guint i = 0; i < key->child_columns->len; i++)
    g_string_append_printf (on, "%sp.%s %s c.%s", i > 0 ? " AND " : "",
                            ((const CatalogueColumn *) key->parent_columns->pdata[i])->quoted,
                            (const char *) key->operators->pdata[i],
                            ((const CatalogueColumn *) key->child_columns->pdata[i])->quoted);
  *joined = (Joined){ .key = key,
                      .object = orphans_object (key),
                      .condition = condition,
                      .message = message,
                      .must_fit = true };
  joined->join = g_strdup_printf ("%s%s AS c JOIN %s%s AS p ON %s",
                                  catalogue_table_only (key->child), key->child->quoted,
                                  catalogue_table_only (key->parent), key->parent->quoted, on->str);
  check_expect (context, check, NULL, 1);
  if (check_can_read (context, check, key->child, joined->object)
      && check_can_read (context, check, key->parent, joined->object))
    check_later (context, check, joined->object,
                 check_table_rows (key->child) + check_table_rows (key->parent), look_at_join,
                 joined, joined_free);
  else
    joined_free (joined);
}

static const char *const tenants[]
    = { "tenant_id",  "tenant",       "organization_id", "organisation_id", "org_id",
        "company_id", "workspace_id", "shop_id",         "store_id",        NULL };

static void
look_for_tenant (CheckContext *context, const Check *check, const CatalogueKey *key)
{
  for (guint i = 0; tenants[i] != NULL; i++)
    {
      CatalogueColumn *own = catalogue_column_named (key->child, tenants[i]);
      CatalogueColumn *other = catalogue_column_named (key->parent, tenants[i]);
      if (own == NULL || other == NULL || !names_same_type (own, other)
          || g_ptr_array_find (key->child_columns, own, NULL)
          || g_ptr_array_find (key->parent_columns, other, NULL))
        continue;
      plan_join (context, check, key, g_strdup_printf ("c.%s <> p.%s", own->quoted, other->quoted),
                 g_strdup_printf ("have another %s than the row of %s that they refer to",
                                  own->name, key->parent->display));
      return;
    }
}

static void
look_for_deleted (CheckContext *context, const Check *check, const CatalogueKey *key)
{
  static const char *const names[] = { "deleted_at", "removed_at", "deletedAt", NULL };
  for (guint i = 0; names[i] != NULL; i++)
    {
      CatalogueColumn *own = catalogue_column_named (key->child, names[i]);
      CatalogueColumn *other = catalogue_column_named (key->parent, names[i]);
      if (own == NULL || other == NULL || !check_is_time (own) || !check_is_time (other))
        continue;
      plan_join (context, check, key,
                 g_strdup_printf ("c.%s IS NULL AND p.%s IS NOT NULL", own->quoted, other->quoted),
                 g_strdup_printf ("are alive, while the row of %s that they refer to is deleted",
                                  key->parent->display));
      return;
    }
}

static void
each_declared_key (CheckContext *context, const Check *check,
                   void (*function) (CheckContext *context, const Check *check,
                                     const CatalogueKey *key))
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "foreign keys", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; j < table->keys->len; j++)
        if (!((CatalogueKey *) table->keys->pdata[j])->is_inherited)
          function (context, check, table->keys->pdata[j]);
    }
}

static bool
run_tenants (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_declared_key (context, check, look_for_tenant);
  return true;
}

static bool
run_deleted (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_declared_key (context, check, look_for_deleted);
  return true;
}

/* --- loops ----------------------------------------------------------------------------------------- */

/* Whatever cannot be reached from a row without a parent is in a loop or hangs on one. Where no row is
 * without a parent, rows that are their own parent are the roots. */
static char *
loop_query (const CatalogueKey *key)
{
  const CatalogueColumn *up = key->child_columns->pdata[0];
  const CatalogueColumn *id = key->parent_columns->pdata[0];
  const char *only = catalogue_table_only (key->child);
  return g_strdup_printf (
      "WITH RECURSIVE reached (id) AS (SELECT r.%1$s FROM %3$s%4$s AS r WHERE r.%2$s IS NULL"
      " OR NOT EXISTS (SELECT FROM %3$s%4$s AS p WHERE p.%1$s = r.%2$s)"
      " OR (r.%2$s = r.%1$s AND NOT EXISTS (SELECT FROM %3$s%4$s AS n WHERE n.%2$s IS NULL))"
      " UNION SELECT d.%1$s FROM reached JOIN %3$s%4$s AS d ON d.%2$s = reached.id)"
      " SELECT c.ctid, c.* FROM %3$s%4$s AS c WHERE NOT EXISTS (SELECT FROM reached WHERE reached.id"
      " = c.%1$s)",
      id->quoted, up->quoted, only, key->child->quoted);
}

static bool
look_for_loops (CheckContext *context, const Check *check, void *data, GError **error)
{
  const CatalogueKey *key = data;
  g_autofree char *query = loop_query (key);
  g_autofree char *sql
      = g_strdup_printf ("SELECT count(*), (SELECT count(*) FROM %s%s) FROM (%s) AS loops",
                         catalogue_table_only (key->child), key->child->quoted, query);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  int64_t rows = db_result_int64 (result, 0, 0);
  check_covered (context, check, 0, db_result_int64 (result, 0, 1));
  if (rows == 0)
    return true;
  g_autofree char *object = orphans_object (key);
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  Finding *finding = finding_new (
      check, object, "%s rows are their own ancestors, or descend from such rows", rows_text);
  finding->rows = rows;
  finding->query = g_steal_pointer (&query);
  finding->schema = g_strdup (key->child->schema);
  finding->table = g_strdup (key->child->name);
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

/* Any column that refers to its own table: only names say whether loops are wrong ("parent_id") or may
 * be ("spouse_id", "best_friend_id"). */
static void
plan_loops (CheckContext *context, const Check *check, const CatalogueKey *key)
{
  static const char *const names[]
      = { "parent",   "manager",   "supervisor", "reports_to",  "boss",
          "superior", "ancestor",  "replace",    "predecessor", "supersede",
          "revers",   "refund_of", "successor",  NULL };
  if (key->child != key->parent || key->child_columns->len != 1)
    return;
  const CatalogueColumn *column = key->child_columns->pdata[0];
  bool is_hierarchy = false;
  for (guint i = 0; names[i] != NULL; i++)
    is_hierarchy |= strstr (column->name, names[i]) != NULL;
  if (!is_hierarchy)
    return;
  g_autofree char *object = orphans_object (key);
  check_expect (context, check, "hierarchies", 1);
  if (check_can_read (context, check, key->child, object))
    check_later (context, check, object, check_table_rows (key->child) * 6, look_for_loops,
                 (void *) key, NULL);
}

static bool
run_loops (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_declared_key (context, check, plan_loops);
  check_expect (context, check, "hierarchies", 0);
  return true;
}

const Check checks_related[] = {
  {
      .id = "hierarchy-loop",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_RULES,
      .title = "Hierarchies that run in a circle",
      .why = "What walks up from such a row never arrives, and what walks down never comes by it.",
      .advice = "Set the parent of one of the rows in each circle to null.",
      .run = run_loops,
  },
  {
      .id = "tenant-mismatch",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_RULES,
      .title = "References across tenants",
      .why = "A row of one tenant that refers to a row of another shows data to whom they are not"
             " meant for.",
      .advice = "Put the rows right, and make the tenant a column of the foreign key.",
      .run = run_tenants,
  },
  {
      .id = "soft-deleted-parent",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_ORPHANS,
      .title = "Live rows of deleted parents",
      .why
      = "The parent was marked as deleted and its children, which can be marked too, were not.",
      .advice = "Mark the rows as deleted as well, or bring their parents back.",
      .run = run_deleted,
  },
  { .id = NULL },
};
