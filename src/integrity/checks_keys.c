/* Keys as the schema declares them: what is missing, double, of the wrong type or switched off. */
#include "integrity/checks.h"
#include "integrity/checks_common.h"
#include "integrity/orphans.h"

#include <string.h>

/* A key to or from tables smaller than this needs no index. */
#define INDEX_ROWS_MIN 1000

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
        {
          CatalogueKey *key = table->keys->pdata[j];
          if (key->is_inherited)
            continue;
          check_expect (context, check, NULL, 1);
          check_covered (context, check, 1, 0);
          function (context, check, key);
        }
    }
}

/* --- fk-type-mismatch ------------------------------------------------------------------------------ */

static void
look_at_types (CheckContext *context, const Check *check, CatalogueKey *key)
{
  for (guint i = 0; i < key->child_columns->len; i++)
    {
      const CatalogueColumn *child = key->child_columns->pdata[i];
      const CatalogueColumn *parent = key->parent_columns->pdata[i];
      bool are_texts = check_is_text (child) && check_is_text (parent);
      if (child->base_oid == parent->base_oid
          || (are_texts && strcmp (child->base_name, "bpchar") != 0
              && strcmp (parent->base_name, "bpchar") != 0
              && strcmp (child->base_name, "citext") != 0
              && strcmp (parent->base_name, "citext") != 0))
        continue;
      g_autofree char *object = catalogue_display (key->child, child);
      g_autofree char *other = catalogue_display (key->parent, parent);
      check_found (context, finding_new (check, object, "it is %s, and %s that it refers to is %s",
                                         child->type, other, parent->type));
    }
}

static bool
run_types (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, look_at_types);
  return true;
}

/* --- fk-duplicate ---------------------------------------------------------------------------------- */

static bool
are_same_pairs (const CatalogueKey *a, const CatalogueKey *b)
{
  if (a->parent != b->parent || a->child_columns->len != b->child_columns->len)
    return false;
  for (guint i = 0; i < a->child_columns->len; i++)
    {
      guint place;
      if (!g_ptr_array_find (b->child_columns, a->child_columns->pdata[i], &place)
          || b->parent_columns->pdata[place] != a->parent_columns->pdata[i])
        return false;
    }
  return true;
}

static void
look_for_double (CheckContext *context, const Check *check, CatalogueKey *key)
{
  const GPtrArray *siblings = key->child->keys;
  for (guint i = 0; i < siblings->len && siblings->pdata[i] != key; i++)
    {
      const CatalogueKey *other = siblings->pdata[i];
      if (!are_same_pairs (key, other))
        continue;
      g_autofree char *object = orphans_object (key);
      Finding *finding
          = finding_new (check, object, "the keys %s and %s are the same", other->name, key->name);
      finding->fix
          = g_strdup_printf ("ALTER TABLE %s DROP CONSTRAINT %s", key->child->quoted, key->quoted);
      check_found (context, finding);
      return;
    }
}

static bool
run_double (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, look_for_double);
  return true;
}

/* --- fk-unindexed ---------------------------------------------------------------------------------- */

/* True when the first columns of INDEX are those of KEY, in whatever order. */
static bool
index_serves (const CatalogueIndex *index, const CatalogueKey *key)
{
  guint count = key->child_columns->len;
  if (!index->is_valid || index->columns->len < count || strcmp (index->method, "brin") == 0
      || strcmp (index->method, "gin") == 0)
    return false;
  if (index->is_partial
      && (index->predicate == NULL || strstr (index->predicate, "IS NOT NULL") == NULL))
    return false;
  for (guint i = 0; i < count; i++)
    {
      bool is_there = false;
      for (guint j = 0; j < count; j++)
        is_there |= g_array_index (index->columns, int, j)
                    == ((const CatalogueColumn *) key->child_columns->pdata[i])->number;
      if (!is_there)
        return false;
    }
  return true;
}

static void
look_for_index (CheckContext *context, const Check *check, CatalogueKey *key)
{
  for (guint i = 0; i < key->child->indexes->len; i++)
    if (index_serves (key->child->indexes->pdata[i], key))
      return;
  if (key->child->rows < INDEX_ROWS_MIN)
    return;
  g_autofree char *object = orphans_object (key);
  g_autofree char *columns = catalogue_columns_sql (key->child_columns, "", ", ");
  Finding *finding
      = finding_new (check, object,
                     "no index begins with the columns of the key %s; about %.0f rows are read for"
                     " each row of %s that is deleted",
                     key->name, key->child->rows, key->parent->display);
  finding->fix = g_strdup_printf ("CREATE INDEX %sON %s (%s)",
                                  key->child->kind == 'p' ? "" : "CONCURRENTLY ",
                                  key->child->quoted, columns);
  check_found (context, finding);
}

static bool
run_unindexed (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, look_for_index);
  return true;
}

/* --- tables ---------------------------------------------------------------------------------------- */

static void
each_root (CheckContext *context, const Check *check,
           void (*function) (CheckContext *context, const Check *check, CatalogueTable *table))
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "tables", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      CatalogueTable *table = catalogue->tables->pdata[i];
      if ((table->kind != 'r' && table->kind != 'p') || table->is_partition)
        continue;
      check_expect (context, check, NULL, 1);
      check_covered (context, check, 1, 0);
      function (context, check, table);
    }
}

static void
look_for_primary_key (CheckContext *context, const Check *check, CatalogueTable *table)
{
  if (table->primary != NULL)
    return;
  for (guint i = 0; i < table->indexes->len; i++)
    {
      const CatalogueIndex *index = table->indexes->pdata[i];
      if (index->is_unique && !index->is_partial && index->is_immediate)
        return;
    }
  check_found (context, finding_new (check, table->display,
                                     "it has neither a primary key nor a unique index"));
}

static bool
run_no_primary_key (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_root (context, check, look_for_primary_key);
  return true;
}

static const char published_sql[]
    = "SELECT DISTINCT c.oid"
      "  FROM pg_publication p"
      "  JOIN pg_publication_tables t ON t.pubname = p.pubname"
      "  JOIN pg_namespace n ON n.nspname = t.schemaname"
      "  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename"
      " WHERE p.pubupdate OR p.pubdelete";

static bool
has_replica_identity (const CatalogueTable *table)
{
  if (table->replica_identity == 'd')
    return table->primary != NULL;
  if (table->replica_identity != 'i')
    return table->replica_identity == 'f';
  for (guint i = 0; i < table->indexes->len; i++)
    if (((const CatalogueIndex *) table->indexes->pdata[i])->is_replica_identity)
      return true;
  return false;
}

static bool
run_replica_identity (CheckContext *context, const Check *check, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  check_expect (context, check, "published tables", 0);
  if (!check_query (context, published_sql, 0, NULL, &result, error))
    return false;
  const GPtrArray *tables = check_catalogue (context)->tables;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      CatalogueTable *table = catalogue_table (check_catalogue (context),
                                               (unsigned int) db_result_int64 (result, row, 0));
      if (table == NULL || !g_ptr_array_find ((GPtrArray *) tables, table, NULL))
        continue;
      check_expect (context, check, NULL, 1);
      check_covered (context, check, 1, 0);
      if (!has_replica_identity (table))
        check_found (context, finding_new (check, table->display,
                                           "it is published, but has no replica identity"));
    }
  return true;
}

/* --- settings that switch keys off ----------------------------------------------------------------- */

static const char role_settings_sql[]
    = "SELECT coalesce(r.rolname, ''), coalesce(d.datname, '')"
      "  FROM pg_db_role_setting s"
      "  LEFT JOIN pg_roles r ON r.oid = s.setrole"
      "  LEFT JOIN pg_database d ON d.oid = s.setdatabase"
      " WHERE 'session_replication_role=replica' = ANY (s.setconfig)"
      "   AND (s.setdatabase = 0 OR d.datname = current_database())"
      "   AND s.setrole <> 0"
      " UNION ALL"
      " SELECT '', d.datname FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
      "  WHERE 'session_replication_role=replica' = ANY (s.setconfig) AND s.setrole = 0"
      "    AND d.datname = current_database()";

static bool
run_replication_role (CheckContext *context, const Check *check, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  check_expect (context, check, "settings", 1);
  if (!check_query (context, role_settings_sql, 0, NULL, &result, error))
    return false;
  check_covered (context, check, 1, 0);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const char *role = db_result_text (result, row, 0);
      const char *database = db_result_text (result, row, 1);
      g_autofree char *object = *role == '\0' ? g_strdup_printf ("database %s", database)
                                              : g_strdup_printf ("role %s", role);
      check_found (context, finding_new (check, object,
                                         "its sessions start with session_replication_role ="
                                         " replica, so that no foreign key is checked"));
    }
  return true;
}

const Check checks_keys[] = {
  {
      .id = "replication-role-set",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Sessions that check no foreign key",
      .why
      = "With session_replication_role = replica no key and no trigger is looked at, whatever is"
        " written.",
      .advice = "Remove the setting with ALTER ROLE or ALTER DATABASE ... RESET"
                " session_replication_role, then look for orphans.",
      .is_quick = true,
      .run = run_replication_role,
  },
  {
      .id = "fk-type-mismatch",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Foreign keys between columns of different types",
      .why
      = "A narrower column will not take the keys that its parent comes to have, and joins cast.",
      .advice = "Give both columns the same type.",
      .run = run_types,
  },
  {
      .id = "fk-duplicate",
      .severity = CHECK_SEVERITY_INFO,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Foreign keys that are there twice",
      .why = "Every write is checked twice, and the actions of the two may contradict each other.",
      .advice = "Drop one of them.",
      .run = run_double,
  },
  {
      .id = "fk-unindexed",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_PERFORMANCE,
      .title = "Foreign keys without an index",
      .why = "Deleting a parent reads the whole child table, holding locks meanwhile.",
      .advice = "Create an index that begins with the key's columns.",
      .run = run_unindexed,
  },
  {
      .id = "primary-key-missing",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Tables without any key",
      .why = "Rows that cannot be told apart cannot be repaired, replicated or referred to.",
      .advice = "Add a primary key.",
      .run = run_no_primary_key,
  },
  {
      .id = "replica-identity-missing",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Published tables without a replica identity",
      .why = "Updates and deletes of a published table fail when its rows cannot be told apart.",
      .advice = "Add a primary key, or choose another REPLICA IDENTITY.",
      .run = run_replica_identity,
  },
  { .id = NULL },
};
