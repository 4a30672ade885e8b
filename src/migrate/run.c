#include "migrate/run.h"

#include "base/cancel.h"
#include "migrate/run_internal.h"
#include "migrate/run_lock.h"

#include <string.h>

/* A session whose client is gone must not go on holding locks: the server looks this often. */
#define CLIENT_CHECK_MS 300

void
run_free (Run *run)
{
  if (run == NULL)
    return;
  watch_free (run->watch);
  g_clear_pointer (&run->not_validated, g_hash_table_unref);
  g_free (run->settings);
  g_free (run->own_role);
  g_free (run->applied_from);
  g_free (run->backup);
  g_free (run);
}

/* Every file begins in a session as it was at first, with the settings of the role and the database.
 * The lock must stay, so DISCARD ALL will not do. */
static char *
make_settings (const RunSpec *spec)
{
  int version = db_server_version (spec->conn);
  GString *sql = g_string_new ("SET SESSION AUTHORIZATION DEFAULT;\n"
                               "RESET ALL;\n"
                               "DEALLOCATE ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP;\n"
                               "SET application_name = 'pgkeel migrate';\n"
                               "SELECT pg_catalog.set_config ('client_encoding',\n"
                               "  CASE pg_catalog.current_setting ('server_encoding')\n"
                               "  WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false);\n"
                               "SET standard_conforming_strings = on;\n"
                               "SET client_min_messages = 'warning';\n"
                               "SET idle_in_transaction_session_timeout = 0;\n");
  g_string_append_printf (sql,
                          "SET lock_timeout = %" G_GINT64_FORMAT ";\n"
                          "SET statement_timeout = %" G_GINT64_FORMAT ";\n",
                          spec->lock_timeout_ms, spec->statement_timeout_ms);
  if (version >= 140000)
    g_string_append_printf (sql,
                            "SET client_connection_check_interval = %d;\n"
                            "SET idle_session_timeout = 0;\n",
                            CLIENT_CHECK_MS);
  if (version >= 170000)
    g_string_append (sql, "SET transaction_timeout = 0;\n");
  return g_string_free (sql, FALSE);
}

static bool
read_own_role (Run *run, GError **error)
{
  g_autofree char *role = NULL;
  if (!db_query_text (run->spec.conn,
                      "SELECT CASE WHEN current_user = session_user THEN 'NONE'\n"
                      "            ELSE pg_catalog.quote_ident (current_user) END",
                      0, NULL, &role, error))
    return false;
  run->own_role
      = g_strdup_printf ("SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE %s", role);
  return true;
}

static void
show_notice (const char *severity, const char *message, void *data)
{
  Run *run = data;
  if (strcmp (severity, "WARNING") == 0)
    report_warning (run->spec.report, message, NULL);
}

static bool
note_not_validated (Run *run, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;
  if (!run_list_not_validated (run->spec.conn, &names, error))
    return false;
  run->not_validated = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < names->len; i++)
    g_hash_table_add (run->not_validated, g_strdup (names->pdata[i]));
  return true;
}

bool
run_new (const RunSpec *spec, Run **ret_run, GError **error)
{
  g_autoptr (Run) run = g_new0 (Run, 1);
  WatchSpec watch = { .url = spec->url, .report = spec->report };
  run->spec = *spec;
  run->settings = make_settings (spec);
  run->applied_from = history_whoami ();
  if (!history_ensure (spec->conn, error) || !read_own_role (run, error)
      || !note_not_validated (run, error) || !watch_new (&watch, spec->conn, &run->watch, error))
    return false;
  db_on_notice (spec->conn, show_notice, run);
  *ret_run = g_steal_pointer (&run);
  return true;
}

void
run_set_backup (Run *run, const char *backup)
{
  g_free (run->backup);
  run->backup = g_strdup (backup);
}

/* --- the journal ----------------------------------------------------------------------------- */

static HistoryState
state_of (const ScriptRun *run, bool is_done)
{
  if (run->is_up)
    return is_done ? HISTORY_APPLIED : HISTORY_RUNNING;
  return is_done ? HISTORY_REVERTED : HISTORY_REVERTING;
}

bool
run_in_transaction (ScriptRun *run, RunWriteFn write, GError **error)
{
  DbConn *conn = run->run->spec.conn;
  if (db_exec (conn, "BEGIN", error) && db_exec (conn, run->run->own_role, error)
      && write (run, error) && db_exec (conn, "COMMIT", error))
    return true;
  (void) db_rollback (conn);
  return false;
}

/* The whole row, for a migration that has none, or begins anew. */
static bool
write_row (ScriptRun *run, HistoryState state, GError **error)
{
  const Migration *migration = run->item->migration;
  HistoryEntry entry = run->journal;
  entry.version = migration->version;
  entry.name = migration->name;
  entry.kind = migration->kind;
  entry.state = state;
  entry.checksum = (char *) migration->checksum;
  entry.applied_from = run->run->applied_from;
  entry.backup = run->run->backup;
  return history_write (run->run->spec.conn, &entry, &run->id, error);
}

static bool
write_first_row (ScriptRun *run, GError **error)
{
  return write_row (run, HISTORY_RUNNING, error);
}

static bool
write_reverting (ScriptRun *run, GError **error)
{
  return history_journal (run->run->spec.conn, run->id, &run->journal, error);
}

/* What COMMIT has not made true yet is not in the journal that run_fail reads: it is set afterwards. */
bool
run_journal_done (ScriptRun *run, guint count, GError **error)
{
  bool is_done = count == run->script->statements->len;
  HistoryEntry entry = run->journal;
  entry.statement_done = entry.statement_begun = (int) count;
  entry.statement_digest = count > 0 ? migrate_script_at (run->script, count - 1)->digest : NULL;
  entry.statement_probe = NULL;
  entry.batch_rows = 0;
  entry.state = state_of (run, is_done);
  if (run->id != 0)
    return history_journal (run->run->spec.conn, run->id, &entry, error);
  run->journal.statement_done = (int) count;
  run->journal.statement_digest = entry.statement_digest;
  bool written = write_row (run, entry.state, error);
  run->journal.statement_done = 0;
  run->journal.statement_digest = NULL;
  return written;
}

/* --- a script -------------------------------------------------------------------------------- */

static bool
check_unchanged (const ScriptRun *run, const HistoryEntry *entry, GError **error)
{
  int done = entry->statement_done;
  bool is_same = done <= (int) run->script->statements->len
                 && (done == 0
                     || g_strcmp0 (migrate_script_at (run->script, (guint) done - 1)->digest,
                                   entry->statement_digest)
                            == 0);
  return is_same
         || keel_error (
             error, KEEL_ERROR_REFUSED,
             "Bring back the first statements as they were; correct only what comes after them.",
             "%s: what it begins with is in the database (%d of its statements) and has changed since",
             run->script->source->path, done);
}

/* Takes over where an earlier run stopped. */
static bool
resume (ScriptRun *run, const HistoryEntry *entry, GError **error)
{
  run->id = entry->id;
  if (entry->state != (run->is_up ? HISTORY_RUNNING : HISTORY_REVERTING)
      && !(run->is_up && entry->state == HISTORY_FAILED))
    return true;
  if (!check_unchanged (run, entry, error))
    return false;
  run->journal.statement_done = entry->statement_done;
  if (entry->statement_done > 0)
    run->journal.statement_digest
        = migrate_script_at (run->script, (guint) entry->statement_done - 1)->digest;
  run->journal.statement_begun = entry->statement_begun;
  run->journal.statement_probe = g_strdup (entry->statement_probe);
  run->journal.batch_rows = entry->batch_rows;
  run->was_begun = entry->statement_begun > entry->statement_done;
  if (entry->statement_done > 0)
    report_step (run->run->spec.report, "%s: going on with statement %d of %u",
                 run->script->source->path, entry->statement_done + 1,
                 run->script->statements->len);
  return true;
}

/* A new session has to be told again what the statements before told the old one. */
static bool
replay_settings (ScriptRun *run, GError **error)
{
  for (guint i = 0; i < (guint) run->journal.statement_done; i++)
    if (migrate_script_at (run->script, i)->sets_session)
      {
        g_autofree char *text = migrate_script_statement_text (run->script, i);
        if (!db_exec (run->run->spec.conn, text, error))
          return prefix_error (error, "%s:%u", run->script->source->path,
                               migrate_script_at (run->script, i)->line);
      }
  return true;
}

/* What followed the statements that are done may have been corrected. */
static bool
follow_file (ScriptRun *run, GError **error)
{
  return !run->is_up || run->id == 0 || run->journal.fingerprint == NULL
         || history_set_file (run->run->spec.conn, run->id, run->item->migration->checksum,
                              run->journal.fingerprint, error);
}

static bool
begin_row (ScriptRun *run, GError **error)
{
  if (!run->is_up)
    {
      run->journal.state = HISTORY_REVERTING;
      return run_in_transaction (run, write_reverting, error);
    }
  run->journal.state = HISTORY_RUNNING;
  return run->id != 0 || run_in_transaction (run, write_first_row, error);
}

static bool
run_units (ScriptRun *run, GError **error)
{
  guint total = run->script->statements->len;
  bool has_row = run->journal.statement_done > 0 || run->was_begun;
  for (guint next = (guint) run->journal.statement_done; next < total;)
    {
      ScriptUnit unit = migrate_script_unit_at (run->script, next, run->split_enums);
      bool again;
      if (!has_row && !run_unit_is_whole (run, &unit))
        {
          if (!begin_row (run, error))
            return false;
          has_row = true;
        }
      if (!run_unit (run, &unit, &again, error))
        return false;
      if (again)
        continue;
      run->was_begun = false;
      next = unit.first + unit.count;
      run->journal.statement_done = run->journal.statement_begun = (int) next;
      g_clear_pointer (&run->journal.statement_probe, g_free);
      run->journal.batch_rows = 0;
      run->journal.statement_digest = migrate_script_at (run->script, next - 1)->digest;
    }
  return true;
}

static bool
write_empty (ScriptRun *run, GError **error)
{
  return run_journal_done (run, 0, error);
}

/* The failure is what matters: that it could not be noted is not told. */
static void
note_failure (ScriptRun *run, const GError *problem)
{
  const char *message = run->failure->server.message;
  cancel_hold ();
  if (run->id == 0 && run->is_up && !run_in_transaction (run, write_first_row, NULL))
    run->id = 0;
  if (run->id != 0
      && !history_fail (run->run->spec.conn, run->id, message != NULL ? message : problem->message,
                        NULL))
    (void) db_rollback (run->run->spec.conn);
  cancel_release ();
}

static bool
run_script (ScriptRun *run, GError **error)
{
  DbConn *conn = run->run->spec.conn;
  const HistoryEntry *entry = run->item->entry;
  g_autoptr (GError) problem = NULL;
  run->journal.statement_total = (int) run->script->statements->len;
  if (!db_exec (conn, run->run->settings, error) || !run_lock_check (conn, error)
      || (entry != NULL && (!run->is_up || run->item->state == PLAN_UNFINISHED)
          && !resume (run, entry, error))
      || !replay_settings (run, error) || !follow_file (run, error))
    return false;
  bool done = run->script->statements->len == 0 ? run_in_transaction (run, write_empty, &problem)
                                                : run_units (run, &problem);
  if (done)
    return true;
  note_failure (run, problem);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* The row of a run that goes on has it already, unless the file was corrected. */
static bool
needs_fingerprint (const PlanItem *item)
{
  return item->state != PLAN_UNFINISHED
         || g_strcmp0 (item->entry->checksum, item->migration->checksum) != 0;
}

static bool
run_one (Run *run, const PlanItem *item, bool is_up, RunFailure *ret_failure, GError **error)
{
  const Migration *migration = item->migration;
  g_autoptr (MigrateScript) script = NULL;
  g_autofree char *fingerprint = NULL;
  if (!migrate_script_read (is_up ? &migration->up : &migration->down, run->spec.parser, &script,
                            error)
      || (is_up && needs_fingerprint (item)
          && !sql_fingerprint (run->spec.parser, migration->up.text, migration->up.length,
                               &fingerprint, error)))
    return false;
  ScriptRun one = { .run = run,
                    .item = item,
                    .script = script,
                    .is_up = is_up,
                    .failure = ret_failure,
                    .journal = { .fingerprint = fingerprint } };
  bool done = run_script (&one, error);
  g_free (one.journal.statement_probe);
  if (done && is_up)
    run->last_id = one.id;
  return done;
}

bool
run_up (Run *run, const PlanItem *item, RunFailure *ret_failure, GError **error)
{
  return run_one (run, item, true, ret_failure, error);
}

bool
run_down (Run *run, const PlanItem *item, RunFailure *ret_failure, GError **error)
{
  return run_one (run, item, false, ret_failure, error);
}
