/*
 * One unit of a script: a transaction, a statement outside of any, or a batch; with its tries.
 */
#include "base/cancel.h"
#include "base/clock.h"
#include "migrate/probe.h"
#include "migrate/run_internal.h"

#include <string.h>

#define FIRST_PAUSE_MS 250
#define LONGEST_PAUSE_MS 8000
/* So that whoever waited behind us gets through before we come again. */
#define SHORTEST_PAUSE_US (50 * 1000)

/* How one try ended. */
typedef struct
{
  guint index; /* of the statement that failed; past the end: at COMMIT */
  DbFailure failure;
  bool gave_way;
} Try;

static void
try_clear (Try *try)
{
  db_failure_clear (&try->failure);
  *try = (Try){ 0 };
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Try, try_clear)

static DbConn *
conn_of (const ScriptRun *run)
{
  return run->run->spec.conn;
}

static bool
code_is (const Try *try, const char *sqlstate)
{
  return g_strcmp0 (try->failure.sqlstate, sqlstate) == 0;
}

/* --- statements ------------------------------------------------------------------------------ */

/* TEXT is watched while it runs. */
static bool
run_text (ScriptRun *run, const DbStatement *statement, bool gives_way, int64_t *ret_rows, Try *try,
          GError **error)
{
  watch_begin (run->run->watch, gives_way ? run->give_way_ms : 0);
  bool done = db_run (conn_of (run), statement, ret_rows, &try->failure, error);
  try->gave_way = watch_end (run->run->watch) && !done;
  return done;
}

static bool
run_observed (ScriptRun *run, guint index, const DbStatement *statement, bool gives_way,
              int64_t *ret_rows, Try *try, GError **error)
{
  const RunObserver *observer = run->run->spec.observer;
  int64_t rows = -1;
  if (observer == NULL)
    return run_text (run, statement, gives_way, ret_rows, try, error);
  if (!observer->before (run->script, index, observer->data, error))
    return false;
  bool done = run_text (run, statement, gives_way, &rows, try, error);
  if (!observer->after (run->script, index, done, rows, observer->data, done ? error : NULL)
      || !done)
    return false;
  if (ret_rows != NULL)
    *ret_rows = rows;
  return true;
}

static bool
run_statement (ScriptRun *run, guint index, bool gives_way, int64_t *ret_rows, Try *try,
               GError **error)
{
  const ScriptStatement *statement = migrate_script_at (run->script, index);
  g_autofree char *text = migrate_script_statement_text (run->script, index);
  DbStatement what = { .sql = text };
  if (statement->data_start > 0)
    {
      what.data = run->script->source->text + statement->data_start;
      what.data_length = statement->data_length;
    }
  try->index = index;
  return run_observed (run, index, &what, gives_way, ret_rows, try, error);
}

/* --- a transaction --------------------------------------------------------------------------- */

/* "BEGIN", or the block's own words, which may say an isolation level. */
static char *
begin_text (const ScriptRun *run, const ScriptUnit *unit)
{
  for (guint i = unit->first; unit->is_block && i < unit->first + unit->count; i++)
    if (migrate_script_at (run->script, i)->control == SCRIPT_BEGIN)
      return migrate_script_statement_text (run->script, i);
  return g_strdup ("BEGIN");
}

static bool
run_statements (ScriptRun *run, const ScriptUnit *unit, Try *try, GError **error)
{
  for (guint i = unit->first; i < unit->first + unit->count; i++)
    if (migrate_script_at (run->script, i)->control == SCRIPT_PLAIN
        && !run_statement (run, i, true, NULL, try, error))
      return false;
  return true;
}

bool
run_unit_is_whole (const ScriptRun *run, const ScriptUnit *unit)
{
  return unit->kind == UNIT_TRANSACTION && !unit->is_rolled_back && unit->first == 0
         && unit->count == run->script->statements->len;
}

/* COMMIT can fail, too: deferred constraints are checked then. */
static bool
commit (ScriptRun *run, const ScriptUnit *unit, Try *try, GError **error)
{
  const DbStatement statement = { .sql = "COMMIT" };
  const RunObserver *observer = run->run->spec.observer;
  int64_t started_us = clock_monotonic_us ();
  try->index = run->script->statements->len;
  bool done = run_text (run, &statement, true, NULL, try, error);
  if (observer != NULL)
    observer->committed (run->script, unit->first, done, clock_monotonic_us () - started_us,
                         observer->data);
  return done;
}

static bool
check_still_open (ScriptRun *run, const ScriptUnit *unit, GError **error)
{
  if (db_in_transaction (conn_of (run)))
    return true;
  return keel_error (error, KEEL_ERROR_FAILED,
                     "Take PREPARE TRANSACTION and its like out of the file.",
                     "%s:%u: a statement ended the transaction by itself",
                     run->script->source->path, migrate_script_at (run->script, unit->first)->line);
}

static bool
write_done (ScriptRun *run, const ScriptUnit *unit, GError **error)
{
  return db_exec (conn_of (run), run->run->own_role, error)
         && run_journal_done (run, unit->first + unit->count, error);
}

static bool
try_transaction (ScriptRun *run, const ScriptUnit *unit, Try *try, GError **error)
{
  g_autofree char *begin = begin_text (run, unit);
  int64_t id = run->id;
  if (!db_exec (conn_of (run), begin, error) || !run_statements (run, unit, try, error)
      || !check_still_open (run, unit, error))
    return false;
  if (unit->is_rolled_back
      && !(db_rollback (conn_of (run)) && db_exec (conn_of (run), "BEGIN", error)))
    return false;
  if (write_done (run, unit, error) && commit (run, unit, try, error))
    return true;
  run->id = id;
  return false;
}

/* --- a batch --------------------------------------------------------------------------------- */

/* One round, and its journal, in one transaction. */
static bool
try_round (ScriptRun *run, const ScriptUnit *unit, int64_t *ret_rows, Try *try, GError **error)
{
  DbConn *conn = conn_of (run);
  if (!db_exec (conn, "BEGIN", error)
      || !run_statement (run, unit->first, true, ret_rows, try, error)
      || !check_still_open (run, unit, error))
    return false;
  if (*ret_rows < 0)
    return keel_error (
        error, KEEL_ERROR_FAILED,
        "Mark an UPDATE, a DELETE or an INSERT that leaves rows to be done out of it.",
        "%s:%u: a batch statement has to say how many rows it changed", run->script->source->path,
        migrate_script_at (run->script, unit->first)->line);
  run->journal.batch_rows = *ret_rows == 0 ? 0 : run->journal.batch_rows + *ret_rows;
  if (*ret_rows == 0)
    return write_done (run, unit, error) && commit (run, unit, try, error);
  return db_exec (conn, run->run->own_role, error)
         && history_journal (conn, run->id, &run->journal, error) && commit (run, unit, try, error);
}

static bool
run_rounds (ScriptRun *run, const ScriptUnit *unit, Try *try, GError **error)
{
  for (int64_t rows = -1; rows != 0;)
    {
      int64_t before = run->journal.batch_rows;
      if (!try_round (run, unit, &rows, try, error))
        {
          run->journal.batch_rows = before;
          return false;
        }
      ReportProgress progress
          = { .phase = "changing rows in batches", .rows = (uint64_t) run->journal.batch_rows };
      report_progress (run->run->spec.report, &progress);
      int64_t pause_ms = migrate_script_at (run->script, unit->first)->pause_ms;
      if (rows != 0 && pause_ms > 0)
        g_usleep ((gulong) pause_ms * 1000);
      if (!cancel_check (error))
        return false;
    }
  return true;
}

/* --- a statement alone ----------------------------------------------------------------------- */

static bool
write_begun (ScriptRun *run, GError **error)
{
  return history_journal (conn_of (run), run->id, &run->journal, error);
}

static bool
write_alone_done (ScriptRun *run, GError **error)
{
  return run_journal_done (run, (guint) run->journal.statement_begun, error);
}

static bool
journal_begin (ScriptRun *run, const ScriptStatement *statement, guint index, GError **error)
{
  char *note = NULL;
  if (!probe_note (conn_of (run), statement, &note, error))
    return false;
  g_free (run->journal.statement_probe);
  run->journal.statement_probe = note;
  run->journal.statement_begun = (int) index + 1;
  return run_in_transaction (run, write_begun, error);
}

/* Concurrent builds wait for old transactions in modes that queries do not queue behind, and start
 * all over when they fail: lock_timeout would do harm only. */
static bool
is_concurrent (SqlKind kind)
{
  return kind == SQL_KIND_CONCURRENT_INDEX || kind == SQL_KIND_CONCURRENT_REINDEX
         || kind == SQL_KIND_CONCURRENT_DROP;
}

static bool
run_alone (ScriptRun *run, guint index, Try *try, GError **error)
{
  const ScriptStatement *statement = migrate_script_at (run->script, index);
  bool is_patient = is_concurrent (statement->class.kind);
  g_autofree char *timeout = NULL;
  if (!is_patient)
    return run_statement (run, index, true, NULL, try, error);
  if (!db_query_text (conn_of (run), "SELECT pg_catalog.current_setting ('lock_timeout')", 0, NULL,
                      &timeout, error)
      || !db_exec (conn_of (run), "SET lock_timeout = 0", error))
    return false;
  bool done = run_statement (run, index, false, NULL, try, error);
  g_autofree char *restore = g_strdup_printf ("SET lock_timeout = '%s'", timeout);
  return db_exec (conn_of (run), restore, done ? error : NULL) && done;
}

/* What a failed try leaves is removed at once: an invalid index costs every write. */
static void
clean_up (ScriptRun *run, const ScriptStatement *statement)
{
  bool ignored;
  g_autoptr (GError) problem = NULL;
  if (!probe_clean (conn_of (run), statement, run->journal.statement_probe, &ignored,
                    run->run->spec.report, &problem))
    report_warning (run->run->spec.report, problem->message,
                    "The next run removes what the failed statement left.");
}

/* The journal knows that it was begun, and nobody how far it came. */
static void
warn_of_repetition (ScriptRun *run, const ScriptStatement *statement)
{
  g_autofree char *text = g_strdup_printf (
      "%s:%u: an earlier run was interrupted in this %s, which may have committed "
      "a part of its work; it runs again from its beginning",
      run->script->source->path, statement->line, statement->class.tag);
  report_warning (run->run->spec.report, text, "Look at what it did twice.");
}

static bool
try_alone (ScriptRun *run, const ScriptUnit *unit, Try *try, GError **error)
{
  const ScriptStatement *statement = migrate_script_at (run->script, unit->first);
  run->was_begun &= run->journal.statement_begun == (int) unit->first + 1;
  const char *note = run->was_begun ? run->journal.statement_probe : NULL;
  bool is_done = false;
  if (run->was_begun && !probe_is_done (conn_of (run), statement, note, &is_done, error))
    return false;
  if (!is_done
      && !probe_clean (conn_of (run), statement, note, &is_done, run->run->spec.report, error))
    return false;
  if (is_done)
    report_step (run->run->spec.report, "statement %u was done before the earlier run ended",
                 unit->first + 1);
  else if (!run->was_begun && !journal_begin (run, statement, unit->first, error))
    return false;
  else if (run->was_begun && statement->class.commits != SQL_COMMITS_NOTHING)
    warn_of_repetition (run, statement);
  g_autofree char *text = migrate_script_statement_text (run->script, unit->first);
  g_autoptr (GError) problem = NULL;
  if (!is_done && !run_alone (run, unit->first, try, &problem)
      && !(run->was_begun && probe_failure_means_done (statement, text, &try->failure)))
    {
      if (!keel_error_is (problem, KEEL_ERROR_UNREACHABLE))
        {
          cancel_hold ();
          clean_up (run, statement);
          cancel_release ();
        }
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  run->was_begun = false;
  return run_in_transaction (run, write_alone_done, error);
}

/* --- tries ----------------------------------------------------------------------------------- */

/* Another cut of the script makes it run: a value of an enum is used behind a commit, a statement that
 * refuses transactions gets none. */
static bool
can_be_cut (ScriptRun *run, const ScriptUnit *unit, const Try *try)
{
  if (unit->kind != UNIT_TRANSACTION || unit->is_block
      || try->index >= run->script->statements->len)
    return false;
  if (code_is (try, "55P04") && !run->split_enums && unit->count > 1)
    return run->split_enums = true;
  ScriptStatement *statement = migrate_script_at (run->script, try->index);
  if ((code_is (try, "25001") || code_is (try, "2D000")) && !statement->runs_alone)
    return statement->runs_alone = true;
  return false;
}

static bool
may_pass (const Try *try)
{
  return try->gave_way || code_is (try, "55P03") || code_is (try, "40P01")
         || code_is (try, "40001");
}

static bool
pause_between (ScriptRun *run, const Try *try, int64_t pause_ms, GError **error)
{
  g_autofree char *who = watch_describe_blockers (run->run->watch);
  const char *why = try->gave_way            ? "gave way to sessions that queued behind it"
                    : code_is (try, "55P03") ? "did not get its lock"
                                             : "lost against another transaction";
  report_step (run->run->spec.report, "%s:%u %s; trying again%s%s", run->script->source->path,
               try->index < run->script->statements->len
                   ? migrate_script_at (run->script, try->index)->line
                   : migrate_script_at (run->script, run->script->statements->len - 1)->line,
               why, who != NULL ? " when it is free: held by " : "", who != NULL ? who : "");
  g_usleep (SHORTEST_PAUSE_US);
  return watch_wait (run->run->watch, pause_ms + g_random_int_range (0, 50), error);
}

/* A table that never rests, or an autovacuum, which the server ends only when somebody has waited for it
 * for deadlock_timeout, wants more patience each time; never more than lock_timeout, so that is the longest
 * that others wait. */
static int64_t
more_patience (const ScriptRun *run)
{
  int64_t most_ms = MAX (run->run->spec.lock_timeout_ms, RUN_GIVE_WAY_MS);
  return MIN (run->give_way_ms + run->give_way_ms / 2, most_ms);
}

static bool
try_unit (ScriptRun *run, const ScriptUnit *unit, Try *try, GError **error)
{
  switch (unit->kind)
    {
    case UNIT_ALONE: return try_alone (run, unit, try, error);
    case UNIT_BATCH: return run_rounds (run, unit, try, error);
    default: return try_transaction (run, unit, try, error);
    }
}

bool
run_unit (ScriptRun *run, const ScriptUnit *unit, bool *ret_again, GError **error)
{
  int64_t give_up_us = clock_monotonic_us () + run->run->spec.wait_ms * 1000;
  int64_t pause_ms = FIRST_PAUSE_MS;
  *ret_again = false;
  run->give_way_ms = RUN_GIVE_WAY_MS;
  for (;;)
    {
      g_auto (Try) try = { .index = unit->first };
      g_autoptr (GError) problem = NULL;
      int64_t started_us = clock_monotonic_us ();
      if (try_unit (run, unit, &try, &problem))
        return true;
      cancel_hold ();
      (void) db_rollback (conn_of (run));
      cancel_release ();
      if (can_be_cut (run, unit, &try))
        return *ret_again = true;
      if (!may_pass (&try) || clock_monotonic_us () + pause_ms * 1000 >= give_up_us)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return run_fail (run, try.index, &try.failure, error);
        }
      /* A batch that came far may wait as long again. */
      if (unit->kind == UNIT_BATCH)
        give_up_us += clock_monotonic_us () - started_us;
      if (!pause_between (run, &try, pause_ms, error))
        return false;
      pause_ms = MIN (pause_ms * 2, LONGEST_PAUSE_MS);
      run->give_way_ms = more_patience (run);
    }
}
