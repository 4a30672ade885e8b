/*
 * What undoing migrations would lose. The server says it: the down scripts run in a transaction that is
 * taken back, and the catalogues and the transaction's own statistics show what went.
 */
#include "base/cancel.h"
#include "migrate/run_internal.h"

#include <string.h>

/* The trial takes the locks of the real thing. */
#define TRIAL_SQL "BEGIN; SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '10s'"
#define COUNT_SQL                                                                                  \
  "BEGIN READ ONLY; SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '30s'"

static void
loss_free (RunLoss *loss)
{
  g_free (loss->table);
  g_free (loss->column);
  g_free (loss);
}

void
run_losses_clear (RunLosses *losses)
{
  g_clear_pointer (&losses->losses, g_ptr_array_unref);
  g_free (losses->problem);
  *losses = (RunLosses){ 0 };
}

/* Tables with rows of their own, and their columns: the parts of a partitioned table, not itself. */
static const char before_sql[]
    = "CREATE TEMPORARY TABLE pgkeel_before ON COMMIT DROP AS\n"
      "SELECT c.oid AS relation, 0 AS number, n.nspname AS schema, c.relname AS name,\n"
      "       NULL::name AS column_name, c.reltuples::bigint AS rows,\n"
      "       pg_catalog.pg_relation_filenode (c.oid) AS file\n"
      "  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_'\n"
      "   AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"
      " UNION ALL\n"
      "SELECT c.oid, a.attnum, n.nspname, c.relname, a.attname, c.reltuples::bigint, NULL\n"
      "  FROM pg_catalog.pg_attribute a\n"
      "  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid\n"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND a.attnum > 0\n"
      "   AND NOT a.attisdropped AND a.attgenerated = ''\n"
      "   AND n.nspname NOT IN ('information_schema', 'pgkeel')";

/* Columns: kind, schema, name, column, rows. Tables that went, columns of tables that stayed, rows of
 * tables that stayed. */
static const char after_sql[]
    = "SELECT 0, b.schema, b.name, NULL, b.rows FROM pg_temp.pgkeel_before b\n"
      " WHERE b.number = 0\n"
      "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = b.relation)\n"
      " UNION ALL\n"
      "SELECT 0, b.schema, b.name, b.column_name, b.rows\n"
      "  FROM pg_temp.pgkeel_before b\n"
      "  JOIN pg_catalog.pg_attribute a ON a.attrelid = b.relation AND a.attnum = b.number\n"
      " WHERE b.number > 0 AND a.attisdropped\n"
      " UNION ALL\n"
      "SELECT 1, b.schema, b.name, NULL, pg_catalog.pg_stat_get_xact_tuples_deleted (b.relation)\n"
      "  FROM pg_temp.pgkeel_before b JOIN pg_catalog.pg_class c ON c.oid = b.relation\n"
      " WHERE b.number = 0 AND pg_catalog.pg_stat_get_xact_tuples_deleted (b.relation) > 0\n"
      " UNION ALL\n"
      "SELECT 2, b.schema, b.name, NULL, pg_catalog.pg_stat_get_xact_tuples_updated (b.relation)\n"
      "  FROM pg_temp.pgkeel_before b JOIN pg_catalog.pg_class c ON c.oid = b.relation\n"
      " WHERE b.number = 0 AND pg_catalog.pg_stat_get_xact_tuples_updated (b.relation) > 0\n"
      " ORDER BY 1, 2, 3, 4 NULLS FIRST";

/* Which tables a TRUNCATE has just emptied: they have new files. */
static const char truncated_sql[]
    = "SELECT 1, b.schema, b.name, NULL, b.rows\n"
      "  FROM pg_temp.pgkeel_before b JOIN pg_catalog.pg_class c ON c.oid = b.relation\n"
      " WHERE b.number = 0 AND pg_catalog.pg_relation_filenode (b.relation) <> b.file\n"
      "   AND pg_catalog.pg_relation_size (b.relation) = 0";

/* A table as SQL names it, for the counting. */
typedef struct
{
  RunLoss *loss;
  char *sql; /* counts its rows; NULL: counted already */
} Count;

static void
count_free (Count *count)
{
  g_free (count->sql);
  g_free (count);
}

static void
take_losses (const DbResult *result, bool counts_rows, GPtrArray *losses, GPtrArray *counts)
{
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const char *schema = db_result_text (result, row, 1), *name = db_result_text (result, row, 2);
      const char *column = db_result_text (result, row, 3);
      RunLoss *loss = g_new0 (RunLoss, 1);
      Count *count = g_new0 (Count, 1);
      loss->kind = (int) db_result_int64 (result, row, 0);
      loss->table = g_strdup_printf ("%s.%s", schema, name);
      loss->column = db_result_is_null (result, row, 3) ? NULL : g_strdup (column);
      loss->rows = MAX (db_result_int64 (result, row, 4), 0);
      g_autofree char *table = db_quote_name (schema, name);
      g_autofree char *what = loss->column != NULL ? db_quote_ident (column) : g_strdup ("*");
      if (counts_rows || loss->kind == LOSS_DROPPED)
        count->sql = g_strdup_printf ("SELECT pg_catalog.count (%s) FROM %s", what, table);
      count->loss = loss;
      g_ptr_array_add (losses, loss);
      g_ptr_array_add (counts, count);
    }
}

static bool
try_statement (Run *run, const MigrateScript *script, guint index, GPtrArray *losses,
               GPtrArray *counts, GError **error)
{
  const ScriptStatement *statement = migrate_script_at (script, index);
  g_autofree char *text = migrate_script_statement_text (script, index);
  g_auto (DbFailure) failure = { 0 };
  g_autoptr (DbResult) truncated = NULL;
  DbStatement what = { .sql = text };
  if (statement->data_start > 0)
    {
      what.data = script->source->text + statement->data_start;
      what.data_length = statement->data_length;
    }
  if (!db_run (run->spec.conn, &what, NULL, &failure, error))
    return prefix_error (error, "%s:%u", script->source->path, statement->line);
  if (g_ascii_strncasecmp (text, "truncate", 8) != 0)
    return true;
  if (!db_query (run->spec.conn, truncated_sql, 0, NULL, &truncated, error))
    return false;
  take_losses (truncated, true, losses, counts);
  return true;
}

static bool
try_script (Run *run, const MigrateScript *script, RunLosses *losses, GPtrArray *counts,
            GError **error)
{
  for (guint i = 0; i < script->statements->len; i++)
    {
      const ScriptStatement *statement = migrate_script_at (script, i);
      losses->left_out += statement->runs_alone;
      if (statement->control == SCRIPT_PLAIN && !statement->runs_alone
          && !try_statement (run, script, i, losses->losses, counts, error))
        return false;
    }
  return true;
}

static bool
try_all (Run *run, const GPtrArray *items, RunLosses *losses, GPtrArray *counts, GError **error)
{
  g_autoptr (DbResult) after = NULL;
  if (!db_exec (run->spec.conn, TRIAL_SQL, error) || !db_exec (run->spec.conn, before_sql, error))
    return false;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      g_autoptr (MigrateScript) script = NULL;
      if (!migrate_script_read (&item->migration->down, run->spec.parser, &script, error)
          || !try_script (run, script, losses, counts, error))
        return false;
    }
  if (!db_query (run->spec.conn, after_sql, 0, NULL, &after, error))
    return false;
  take_losses (after, false, losses->losses, counts);
  return true;
}

/* What takes too long to count stays the server's estimate. */
static bool
count_all (Run *run, const GPtrArray *counts, GError **error)
{
  DbConn *conn = run->spec.conn;
  for (guint i = 0; i < counts->len; i++)
    {
      const Count *count = counts->pdata[i];
      g_autofree char *rows = NULL;
      if (count->sql == NULL)
        continue;
      if (db_exec (conn, COUNT_SQL, NULL) && db_query_text (conn, count->sql, 0, NULL, &rows, NULL)
          && rows != NULL)
        count->loss->rows = g_ascii_strtoll (rows, NULL, 10);
      else
        count->loss->is_estimate = true;
      if (!cancel_check (error))
        return false;
      if (!db_rollback (conn))
        return keel_error (error, KEEL_ERROR_UNREACHABLE, NULL, "the connection broke");
    }
  return true;
}

bool
run_measure_loss (Run *run, const GPtrArray *items, RunLosses *ret_losses, GError **error)
{
  g_auto (RunLosses) losses = { 0 };
  g_autoptr (GPtrArray) counts = g_ptr_array_new_with_free_func ((GDestroyNotify) count_free);
  g_autoptr (GError) problem = NULL;
  losses.losses = g_ptr_array_new_with_free_func ((GDestroyNotify) loss_free);
  if (!db_exec (run->spec.conn, run->settings, error))
    return false;
  watch_begin (run->watch, RUN_GIVE_WAY_MS);
  bool tried = try_all (run, items, &losses, counts, &problem);
  (void) watch_end (run->watch);
  if (!cancel_check (error))
    return false;
  if (!db_rollback (run->spec.conn))
    return keel_error (error, KEEL_ERROR_UNREACHABLE, NULL, "the connection broke");
  if (!tried)
    losses.problem = g_strdup (problem->message);
  if (!count_all (run, counts, error))
    return false;
  *ret_losses = losses;
  losses = (RunLosses){ 0 };
  return true;
}
