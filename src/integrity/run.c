#include "base/cancel.h"
#include "base/clock.h"
#include "integrity/bitmap.h"
#include "integrity/checks.h"
#include "integrity/run_internal.h"

#include <string.h>

/* More sessions than this help nobody. */
#define JOBS_MAX 64

/* Parents of large keys are hashed: with the default of 4 MB a million of them goes through temporary
 * files. */
static const char settings_sql[]
    = "SET work_mem = '128MB'; SET application_name = 'pgkeel integrity';"
      " SET default_transaction_read_only = on; SET max_parallel_workers_per_gather = %s;"
      /* No constraint is believed, and no index of a table whose rows are in question. */
      " SET constraint_exclusion = off; SET enable_indexonlyscan = off; SET enable_mergejoin = off;"
      " SET statement_timeout = %d; SET lock_timeout = %d";

static const char begin_sql[] = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

static void
coverage_free (Coverage *coverage)
{
  g_ptr_array_unref (coverage->reasons);
  g_free (coverage);
}

void
integrity_run_free (IntegrityRun *run)
{
  if (run == NULL)
    return;
  g_ptr_array_unref (run->coverage);
  g_ptr_array_unref (run->findings);
  g_ptr_array_unref (run->ignored);
  g_ptr_array_unref (run->ignore_uses);
  g_ptr_array_unref (run->left_out);
  g_free (run->database);
  g_free (run->system_identifier);
  g_free (run);
}

static IntegrityRun *
run_new (void)
{
  IntegrityRun *run = g_new0 (IntegrityRun, 1);
  run->coverage = g_ptr_array_new_with_free_func ((GDestroyNotify) coverage_free);
  run->findings = g_ptr_array_new_with_free_func ((GDestroyNotify) finding_free);
  run->ignored = g_ptr_array_new_with_free_func ((GDestroyNotify) finding_free);
  run->ignore_uses = g_ptr_array_new_with_free_func ((GDestroyNotify) ignore_use_free);
  run->left_out = g_ptr_array_new_with_free_func (g_free);
  run->started = clock_now ();
  return run;
}

static void
runner_clear (Runner *runner)
{
  g_ptr_array_unref (runner->tasks);
  g_ptr_array_unref (runner->probes);
  g_hash_table_unref (runner->coverage);
  g_hash_table_unref (runner->bitmaps);
  g_clear_pointer (&runner->resume, g_hash_table_unref);
  catalogue_free (runner->catalogue);
  integrity_run_free (runner->run);
  g_mutex_clear (&runner->lock);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Runner, runner_clear)

static void
runner_init (Runner *runner, const IntegrityOptions *options, Report *report)
{
  *runner = (Runner){ .options = options, .report = report, .run = run_new () };
  g_mutex_init (&runner->lock);
  runner->coverage = g_hash_table_new (NULL, NULL);
  runner->bitmaps = bitmap_cache_new ();
  runner->tasks = g_ptr_array_new_with_free_func ((GDestroyNotify) run_task_free);
  runner->probes = g_ptr_array_new_with_free_func ((GDestroyNotify) run_probe_free);
  if (options->budget_seconds > 0)
    runner->give_up_us = clock_monotonic_us () + options->budget_seconds * INT64_C (1000000);
  for (guint i = 0; options->ignore != NULL && options->ignore[i] != NULL; i++)
    {
      IgnoreUse *use = g_new0 (IgnoreUse, 1);
      use->pattern = g_strdup (options->ignore[i]);
      g_ptr_array_add (runner->run->ignore_uses, use);
    }
  if (options->resume == NULL)
    return;
  runner->resume = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < options->resume->len; i++)
    {
      char *unit = options->resume->pdata[i];
      g_hash_table_add (runner->resume, unit);
    }
}

/* --- which checks ---------------------------------------------------------------------------------- */

static bool
is_selected (const IntegrityOptions *options, const Check *check)
{
  if (options->ids != NULL && !g_strv_contains (options->ids, check->id))
    return false;
  if (options->categories != 0 && (options->categories & 1u << check->category) == 0)
    return false;
  return !options->only_quick || check->is_quick;
}

static void
select_check (Runner *runner, const Check *check)
{
  if (!is_selected (runner->options, check))
    return;
  Coverage *coverage = g_new0 (Coverage, 1);
  coverage->check = check;
  coverage->noun = "objects";
  coverage->reasons = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (runner->run->coverage, coverage);
  g_hash_table_insert (runner->coverage, (void *) check, coverage);
}

static bool
check_ids_exist (const IntegrityOptions *options, GError **error)
{
  for (guint i = 0; options->ids != NULL && options->ids[i] != NULL; i++)
    {
      bool is_known = integrity_check_find (options->ids[i]) != NULL;
      for (guint j = 0; !is_known && options->own_checks != NULL && j < options->own_checks->len;
           j++)
        is_known
            = strcmp (((const Check *) options->own_checks->pdata[j])->id, options->ids[i]) == 0;
      if (!is_known)
        return keel_error (error, KEEL_ERROR_USAGE,
                           "docs/integrity.md lists all checks; those of the project are in its"
                           " folder of rules.",
                           "there is no check “%s”", options->ids[i]);
    }
  return true;
}

static bool
select_checks (Runner *runner, GError **error)
{
  const IntegrityOptions *options = runner->options;
  if (!check_ids_exist (options, error))
    return false;
  const GPtrArray *all = integrity_checks ();
  for (guint i = 0; i < all->len; i++)
    select_check (runner, all->pdata[i]);
  for (guint i = 0; options->own_checks != NULL && i < options->own_checks->len; i++)
    select_check (runner, options->own_checks->pdata[i]);
  return true;
}

/* --- sessions -------------------------------------------------------------------------------------- */

/* One session may use the server's parallel workers, as psql would; several are parallel enough. */
static bool
open_session (const char *url, const Runner *runner, bool is_alone, DbConn **ret_conn,
              GError **error)
{
  const IntegrityOptions *options = runner->options;
  g_autoptr (DbConn) conn = NULL;
  if (!db_connect (url, options->database, &db_retry_default, &conn, error))
    return false;
  g_autofree char *sql = g_strdup_printf (settings_sql, is_alone ? "DEFAULT" : "0",
                                          options->statement_timeout_ms, options->lock_timeout_ms);
  if (!db_exec (conn, sql, error) || !db_exec (conn, begin_sql, error))
    return false;
  *ret_conn = g_steal_pointer (&conn);
  return true;
}

static bool
open_sessions (const char *url, Runner *runner, GPtrArray *conns, GError **error)
{
  unsigned int jobs = CLAMP (runner->options->jobs, 1, JOBS_MAX);
  g_autofree char *snapshot = NULL;
  DbConn *conn = NULL;
  if (!open_session (url, runner, jobs == 1, &conn, error))
    return false;
  g_ptr_array_add (conns, conn);
  if (jobs == 1)
    return true;
  if (!db_query_text (conn, "SELECT pg_catalog.pg_export_snapshot()", 0, NULL, &snapshot, error))
    return false;
  g_autofree char *literal = db_quote_literal (snapshot);
  g_autofree char *sql = g_strdup_printf ("SET TRANSACTION SNAPSHOT %s", literal);
  for (unsigned int i = 1; i < jobs; i++)
    {
      if (!open_session (url, runner, false, &conn, error))
        return false;
      g_ptr_array_add (conns, conn);
      if (!db_exec (conn, sql, error))
        return false;
    }
  return true;
}

/* --- the two rounds -------------------------------------------------------------------------------- */

typedef struct
{
  Runner *runner;
  GPtrArray *conns;
} Round;

static void
report_cost (Runner *runner)
{
  ReportProgress progress = { .phase = "checking" };
  progress.done_bytes = (uint64_t) (runner->cost_done / 1000);
  progress.total_bytes = (uint64_t) (runner->cost / 1000);
  progress.rows = (uint64_t) runner->run->rows;
  report_progress (runner->report, &progress);
}

/* Whatever a check did inside a failed statement, its session must be usable for the next one. */
static bool
run_check (CheckContext *context, const Check *check, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (!check_has_time (context))
    {
      run_leave_out (context->runner, check, NULL, 1);
      return true;
    }
  int64_t begun = clock_monotonic_us ();
  bool done = check->run (context, check, &problem);
  run_add_seconds (context->runner, check, (double) (clock_monotonic_us () - begun) / 1e6);
  if (done || run_note_failure (context, check, NULL, problem))
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* True when all of CHECK was done by the run that this one resumes. */
static bool
is_settled (CheckContext *context, const Coverage *coverage)
{
  GHashTable *resume = context->runner->resume;
  if (resume == NULL || g_hash_table_contains (resume, coverage->check->id))
    return false;
  g_autofree char *prefix = g_strdup_printf ("%s ", coverage->check->id);
  GHashTableIter iter;
  gpointer unit;
  g_hash_table_iter_init (&iter, resume);
  while (g_hash_table_iter_next (&iter, &unit, NULL))
    if (g_str_has_prefix (unit, prefix))
      return false;
  return true;
}

static bool
plan_worker (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  Round *round = data;
  CheckContext context = { round->runner, round->conns->pdata[worker] };
  GPtrArray *all = round->runner->run->coverage;
  for (;;)
    {
      unsigned int next = parallel_next (parallel);
      if (next >= all->len || parallel_stopped (parallel))
        return true;
      if (!cancel_check (error))
        return false;
      Coverage *coverage = all->pdata[next];
      if (!is_settled (&context, coverage) && !run_check (&context, coverage->check, error))
        return false;
    }
}

static bool
run_task (CheckContext *context, RunTask *task, GError **error)
{
  Runner *runner = context->runner;
  g_autoptr (GError) problem = NULL;
  if (!check_has_time (context))
    {
      run_leave_task_out (context, task);
      return true;
    }
  int64_t begun = clock_monotonic_us ();
  bool done = task->function (context, task->check, task->data, &problem);
  if (task->check != NULL)
    run_add_seconds (runner, task->check, (double) (clock_monotonic_us () - begun) / 1e6);
  if (done && task->check != NULL && task->count == 0)
    check_covered (context, task->check, 1, 0);
  g_mutex_lock (&runner->lock);
  runner->cost_done += task->cost;
  report_cost (runner);
  g_mutex_unlock (&runner->lock);
  if (done
      || (task->check != NULL && run_note_failure (context, task->check, task->object, problem)))
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
work_worker (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  Round *round = data;
  CheckContext context = { round->runner, round->conns->pdata[worker] };
  GPtrArray *tasks = round->runner->tasks;
  for (;;)
    {
      unsigned int next = parallel_next (parallel);
      if (next >= tasks->len || parallel_stopped (parallel))
        return true;
      if (!cancel_check (error) || !run_task (&context, tasks->pdata[next], error))
        return false;
    }
}

/* The largest first, so that the sessions end at about the same time. With a budget the smallest
 * first: as much as possible is looked at before it ends. */
static int
compare_cost (gconstpointer a, gconstpointer b, gpointer data)
{
  const Runner *runner = data;
  double left = (*(RunTask *const *) a)->cost;
  double right = (*(RunTask *const *) b)->cost;
  int order = (left > right) - (left < right);
  return runner->give_up_us == 0 ? -order : order;
}

static bool
run_rounds (Runner *runner, GPtrArray *conns, GError **error)
{
  Round round = { runner, conns };
  report_step (runner->report, "reading the catalogue");
  if (!parallel_run (conns->len, plan_worker, &round, error))
    return false;
  run_plan_scans (runner);
  g_ptr_array_sort_with_data (runner->tasks, compare_cost, runner);
  report_step (runner->report, "reading the tables");
  return parallel_run (conns->len, work_worker, &round, error);
}

/* --- the result ------------------------------------------------------------------------------------ */

static int
compare_findings (gconstpointer a, gconstpointer b)
{
  const Finding *left = *(Finding *const *) a;
  const Finding *right = *(Finding *const *) b;
  int order = (left->severity < right->severity) - (left->severity > right->severity);
  if (order == 0)
    order = strcmp (left->check->id, right->check->id);
  if (order == 0)
    order = strcmp (left->object, right->object);
  return order != 0 ? order : strcmp (left->message, right->message);
}

/* What was neither looked at nor accounted for otherwise is a gap in our own counting, and no pass. */
static void
settle_coverage (Coverage *coverage)
{
  int64_t accounted = coverage->looked_at + coverage->unknown_count + coverage->left_out_count
                      + coverage->ignored_unknown_count;
  if (accounted < coverage->of)
    {
      coverage->unknown_count += coverage->of - accounted;
      g_ptr_array_add (coverage->reasons,
                       g_strdup_printf ("%" G_GINT64_FORMAT " %s were not looked at",
                                        coverage->of - accounted, coverage->noun));
    }
  if (coverage->finding_count > 0)
    coverage->state = COVERAGE_FOUND;
  else if (coverage->unknown_count > 0)
    coverage->state = COVERAGE_UNKNOWN;
  else if (coverage->left_out_count > 0)
    coverage->state = COVERAGE_LEFT_OUT;
  else
    coverage->state = COVERAGE_OK;
}

/* True when the run has looked for all that the pattern of USE may match. A run of some checks only, one
 * that a budget ended or that goes on with another, cannot tell. */
static bool
was_looked_for (const Runner *runner, const IgnoreUse *use)
{
  const IntegrityOptions *options = runner->options;
  if (options->ids != NULL || options->categories != 0 || options->only_quick
      || options->schemas != NULL || runner->resume != NULL)
    return false;
  for (guint i = 0; i < runner->run->coverage->len; i++)
    {
      const Coverage *coverage = runner->run->coverage->pdata[i];
      if ((coverage->unknown_count > 0 || coverage->left_out_count > 0)
          && ignore_may_match (use->pattern, coverage->check->id))
        return false;
    }
  return true;
}

static void
settle_ignored (Runner *runner)
{
  IntegrityRun *run = runner->run;
  g_ptr_array_sort (run->ignored, compare_findings);
  for (guint i = 0; i < run->ignore_uses->len; i++)
    {
      IgnoreUse *use = run->ignore_uses->pdata[i];
      use->is_unused
          = use->finding_count == 0 && use->unknown_count == 0 && was_looked_for (runner, use);
    }
}

static void
finish (Runner *runner, int64_t begun_us)
{
  IntegrityRun *run = runner->run;
  const Catalogue *catalogue = runner->catalogue;
  for (guint i = 0; i < run->coverage->len; i++)
    settle_coverage (run->coverage->pdata[i]);
  g_ptr_array_sort (run->findings, compare_findings);
  settle_ignored (runner);
  run->database = g_strdup (catalogue->database);
  run->system_identifier = g_strdup (catalogue->system_identifier);
  run->server_version = catalogue->server_version;
  run->table_count = catalogue->tables->len;
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      if (catalogue_table_has_rows (table))
        run->row_estimate += (int64_t) table->rows;
    }
  run->seconds = (double) (clock_monotonic_us () - begun_us) / 1e6;
}

static bool
run_in_sessions (Runner *runner, GPtrArray *conns, IntegrityRun **ret_run, GError **error)
{
  int64_t begun_us = clock_monotonic_us ();
  if (!catalogue_read (conns->pdata[0], runner->options->schemas, &runner->catalogue, error)
      || !run_rounds (runner, conns, error))
    return false;
  finish (runner, begun_us);
  *ret_run = g_steal_pointer (&runner->run);
  return true;
}

bool
integrity_run (const char *url, const IntegrityOptions *options, Report *report,
               IntegrityRun **ret_run, GError **error)
{
  g_autoptr (GPtrArray) conns = g_ptr_array_new_with_free_func ((GDestroyNotify) db_conn_free);
  g_auto (Runner) runner;
  runner_init (&runner, options, report);
  return select_checks (&runner, error) && open_sessions (url, &runner, conns, error)
         && run_in_sessions (&runner, conns, ret_run, error);
}

bool
integrity_run_in (DbConn *conn, const IntegrityOptions *options, Report *report,
                  IntegrityRun **ret_run, GError **error)
{
  g_autoptr (GPtrArray) conns = g_ptr_array_new ();
  g_auto (Runner) runner;
  g_ptr_array_add (conns, conn);
  runner_init (&runner, options, report);
  return select_checks (&runner, error) && run_in_sessions (&runner, conns, ret_run, error);
}

unsigned int
integrity_run_count (const IntegrityRun *run, CheckSeverity severity)
{
  unsigned int count = 0;
  for (guint i = 0; i < run->findings->len; i++)
    count += ((const Finding *) run->findings->pdata[i])->severity >= severity;
  return count;
}

bool
integrity_run_has_unknown (const IntegrityRun *run)
{
  for (guint i = 0; i < run->coverage->len; i++)
    if (((const Coverage *) run->coverage->pdata[i])->unknown_count > 0)
      return true;
  return false;
}
