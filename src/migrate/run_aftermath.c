/*
 * What is looked at after a run: the schema as a whole, and what it left half done.
 */
#include "db/schema.h"
#include "migrate/drift.h"
#include "migrate/run_internal.h"

void
run_aftermath_clear (RunAftermath *aftermath)
{
  g_free (aftermath->schema_fingerprint);
  g_clear_pointer (&aftermath->invalid_indexes, g_ptr_array_unref);
  g_clear_pointer (&aftermath->not_validated, g_ptr_array_unref);
  *aftermath = (RunAftermath){ 0 };
}

static bool
list_texts (DbConn *conn, const char *sql, GPtrArray **ret_texts, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, 0, NULL, &result, error))
    return false;
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);
  for (int row = 0; row < db_result_rows (result); row++)
    g_ptr_array_add (texts, g_strdup (db_result_text (result, row, 0)));
  *ret_texts = texts;
  return true;
}

bool
run_list_not_validated (DbConn *conn, GPtrArray **ret_names, GError **error)
{
  return list_texts (conn,
                     "SELECT pg_catalog.format ('%I on %s', conname, conrelid::regclass)\n"
                     "  FROM pg_catalog.pg_constraint\n"
                     " WHERE NOT convalidated AND conrelid <> 0\n"
                     " ORDER BY 1",
                     ret_names, error);
}

/* An index of a partitioned table may be invalid for good: until all its partitions have theirs. */
bool
run_list_invalid_indexes (DbConn *conn, GPtrArray **ret_names, GError **error)
{
  return list_texts (conn,
                     "SELECT pg_catalog.format ('%I.%I', n.nspname, c.relname)\n"
                     "  FROM pg_catalog.pg_index i\n"
                     "  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid\n"
                     "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                     " WHERE NOT i.indisvalid AND c.relkind = 'i'\n"
                     " ORDER BY 1",
                     ret_names, error);
}

char *
run_schema_fingerprint (DbConn *conn, GError **error)
{
  g_autoptr (GPtrArray) objects = NULL;
  g_autoptr (GPtrArray) others = g_ptr_array_new ();
  const DriftSpec spec = { 0 };
  if (!db_schema_read (conn, &objects, error))
    return NULL;
  for (guint i = 0; i < objects->len; i++)
    if (!drift_is_ignored (objects->pdata[i], &spec))
      g_ptr_array_add (others, objects->pdata[i]);
  return db_schema_fingerprint (others);
}

bool
run_finish (Run *run, RunAftermath *ret_aftermath, GError **error)
{
  g_auto (RunAftermath) aftermath = { 0 };
  g_autoptr (GPtrArray) names = NULL;
  DbConn *conn = watch_conn (run->watch);
  aftermath.schema_fingerprint = run_schema_fingerprint (conn, error);
  if (aftermath.schema_fingerprint == NULL
      || !run_list_invalid_indexes (conn, &aftermath.invalid_indexes, error)
      || !run_list_not_validated (conn, &names, error))
    return false;
  aftermath.not_validated = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < names->len; i++)
    if (!g_hash_table_contains (run->not_validated, names->pdata[i]))
      g_ptr_array_add (aftermath.not_validated, g_strdup (names->pdata[i]));
  if (run->last_id != 0
      && !history_set_schema (conn, run->last_id, aftermath.schema_fingerprint, error))
    return false;
  *ret_aftermath = aftermath;
  aftermath = (RunAftermath){ 0 };
  return true;
}
