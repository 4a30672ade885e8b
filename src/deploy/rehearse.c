#include "base/clock.h"
#include "deploy/copy.h"
#include "migrate/run_lock.h"

#include <string.h>

/* --- the stage ------------------------------------------------------------------------------- */

typedef struct
{
  Copy copy;
  DbConn *work; /* of the role that migrates */
  Measure *measure;
  Run *run;
  History *history;
  Plan *plan;
  GPtrArray *schemas; /* of GPtrArray: the objects before each migration */
  DeployState *before;
  guint first_undone; /* all migrations from here on have a way back, ... */
  guint undo_count;   /* ... and so many of them are undone */
} Stage;

static void
stage_clear (Stage *stage)
{
  run_free (stage->run);
  measure_free (stage->measure);
  g_clear_pointer (&stage->plan, plan_free);
  g_clear_pointer (&stage->history, history_free);
  g_clear_pointer (&stage->schemas, g_ptr_array_unref);
  deploy_state_free (stage->before);
  db_conn_free (stage->work);
  copy_clear (&stage->copy);
}

static bool
start_run (Stage *stage, GError **error)
{
  const ProjectMigrations *settings = &stage->copy.spec->project->migrations;
  if (!measure_new (stage->work, stage->copy.url, stage->copy.database, &stage->measure, error))
    return false;
  RunSpec run = { .url = stage->copy.work_url,
                  .conn = stage->work,
                  .parser = stage->copy.spec->parser,
                  .lock_timeout_ms = settings->lock_timeout_ms,
                  .statement_timeout_ms = settings->statement_timeout_ms,
                  .wait_ms = settings->lock_timeout_ms,
                  .report = stage->copy.report,
                  .observer = measure_observer (stage->measure) };
  return run_lock_take (stage->work, 0, stage->copy.report, error)
         && run_new (&run, &stage->run, error);
}

static bool
make_plan (Stage *stage, GError **error)
{
  g_clear_pointer (&stage->plan, plan_free);
  g_clear_pointer (&stage->history, history_free);
  return history_read (stage->copy.look, &stage->history, error)
         && plan_new (stage->copy.spec->set, stage->history, stage->copy.spec->parser, &stage->plan,
                      error);
}

static bool
plan_pending (Stage *stage, GPtrArray **ret_items, GError **error)
{
  const PlanUp up = { .to = stage->copy.spec->to, .allow_late = stage->copy.spec->allow_late };
  return make_plan (stage, error) && plan_up (stage->plan, &up, ret_items, error);
}

/* --- the three ways -------------------------------------------------------------------------- */

/* A migration that fails is what a rehearsal is for; a signal, or a server that is gone, is not. */
static bool
note_failure (Stage *stage, const char *failed_in, RunFailure *failure, GError **problem,
              GError **error)
{
  if (keel_error_is (*problem, KEEL_ERROR_CANCELLED)
      || keel_error_is (*problem, KEEL_ERROR_UNREACHABLE))
    {
      g_propagate_error (error, g_steal_pointer (problem));
      return false;
    }
  const char *detail = failure->server.detail;
  stage->copy.result->failed_in = failed_in;
  copy_note (stage->copy.result->problems, "%s: %s%s%s%s", failed_in, (*problem)->message,
             detail != NULL ? " (" : "", detail != NULL ? detail : "", detail != NULL ? ")" : "");
  run_failure_clear (&stage->copy.result->failure);
  stage->copy.result->failure = *failure;
  *failure = (RunFailure){ 0 };
  if (stage->copy.result->failure.text != NULL)
    {
      char *shown = measurement_show_text (stage->copy.result->failure.text);
      g_free (stage->copy.result->failure.text);
      stage->copy.result->failure.text = shown;
    }
  return true;
}

static RehearsedMigration *
migration_of (Stage *stage, const PlanItem *item)
{
  for (guint i = 0; i < stage->copy.result->migrations->len; i++)
    {
      RehearsedMigration *migration = stage->copy.result->migrations->pdata[i];
      if (strcmp (migration->version, item->migration->version) == 0)
        return migration;
    }
  return NULL;
}

static void
add_migrations (Stage *stage, const GPtrArray *items)
{
  for (guint i = 0; i < items->len; i++)
    {
      const Migration *migration = ((PlanItem *) items->pdata[i])->migration;
      RehearsedMigration *rehearsed = g_new0 (RehearsedMigration, 1);
      rehearsed->version = g_strdup (migration->version);
      rehearsed->name = g_strdup (migration->name);
      rehearsed->path = g_strdup (migration->up.path);
      rehearsed->down_path = g_strdup (migration->down.text != NULL ? migration->down.path : NULL);
      rehearsed->checksum = g_strdup (migration->checksum);
      rehearsed->down_checksum = rehearsal_down_checksum (migration);
      g_ptr_array_add (stage->copy.result->migrations, rehearsed);
      /* A repeatable one is never undone, and stands in nobody's way: they come last. */
      if (migration->kind == MIGRATION_REPEATABLE)
        continue;
      stage->undo_count++;
      if (migration->down.text == NULL)
        {
          stage->first_undone = i + 1;
          stage->undo_count = 0;
        }
    }
}

static bool
read_before (Stage *stage, guint index, GError **error)
{
  GPtrArray *objects;
  if (!deploy_schema_read (stage->copy.look, &objects, error))
    return false;
  g_ptr_array_add (stage->schemas, objects);
  if (index != stage->first_undone)
    return true;
  report_step (stage->copy.report, "digesting the rows as they are before");
  return copy_read_state (&stage->copy, NULL, &stage->before, error);
}

static int64_t
sum_of_times (const GPtrArray *measured)
{
  int64_t us = 0;
  for (guint i = 0; i < measured->len; i++)
    {
      const Measurement *measurement = measured->pdata[i];
      us += measurement->elapsed_us + MAX (measurement->commit_us, 0);
    }
  return us;
}

/* False with *ERROR only when the rehearsal cannot go on at all; *RET_DONE: all of them ran. */
static bool
go_up (Stage *stage, const GPtrArray *items, bool is_first, bool *ret_done, GError **error)
{
  *ret_done = false;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      RehearsedMigration *migration = migration_of (stage, item);
      g_auto (RunFailure) failure = { 0 };
      g_autoptr (GError) problem = NULL;
      g_autofree char *title = plan_item_title (item);
      if (is_first && !read_before (stage, i, error))
        return false;
      report_step (stage->copy.report, "applying %s%s", title, is_first ? "" : " again");
      bool done = run_up (stage->run, item, &failure, &problem);
      g_autoptr (GPtrArray) measured = measure_take (stage->measure);
      *(is_first ? &migration->up_us : &migration->again_us) = sum_of_times (measured);
      if (is_first)
        migration->up = g_ptr_array_ref (measured);
      if (!done)
        return note_failure (stage, is_first ? "up" : "up again", &failure, &problem, error);
    }
  *ret_done = true;
  return true;
}

static bool
note_schema (Stage *stage, RehearsedMigration *migration, GError **error)
{
  guint index;
  g_autoptr (GPtrArray) now = NULL;
  bool known = g_ptr_array_find (stage->copy.result->migrations, migration, &index);
  g_assert (known);
  if (!deploy_schema_read (stage->copy.look, &now, error))
    return false;
  migration->schema_changes = deploy_schema_compare (stage->schemas->pdata[index], now);
  return true;
}

static bool
go_down (Stage *stage, const GPtrArray *items, bool *ret_done, GError **error)
{
  *ret_done = false;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      RehearsedMigration *migration = migration_of (stage, item);
      g_auto (RunFailure) failure = { 0 };
      g_autoptr (GError) problem = NULL;
      g_autofree char *title = plan_item_title (item);
      if (migration == NULL)
        return keel_error (error, KEEL_ERROR_FAILED, NULL, "%s was not applied here", title);
      report_step (stage->copy.report, "undoing %s", title);
      bool done = run_down (stage->run, item, &failure, &problem);
      migration->down = measure_take (stage->measure);
      migration->down_us = sum_of_times (migration->down);
      if (!done)
        {
          stage->copy.result->way_back = REHEARSAL_DOWN_FAILED;
          return note_failure (stage, "down", &failure, &problem, error);
        }
      migration->undone = true;
      stage->copy.result->undone_count++;
      if (!note_schema (stage, migration, error))
        return false;
    }
  *ret_done = true;
  return true;
}

static bool
plan_return (Stage *stage, GPtrArray **ret_items, GError **error)
{
  const PlanDown down = { .steps = stage->undo_count };
  return make_plan (stage, error) && plan_down (stage->plan, &down, ret_items, error);
}

static bool
judge_return (Stage *stage, GError **error)
{
  g_autoptr (GPtrArray) now = NULL;
  return deploy_schema_read (stage->copy.look, &now, error)
         && copy_judge_return (&stage->copy, stage->schemas->pdata[stage->first_undone], now,
                               stage->before, error);
}

/* Down and, if that went well, up again. */
static bool
there_and_back (Stage *stage, GError **error)
{
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GPtrArray) again = NULL;
  bool done;
  if (stage->undo_count == 0)
    {
      stage->copy.result->way_back = REHEARSAL_NO_DOWN;
      return true;
    }
  if (!plan_return (stage, &items, error) || !go_down (stage, items, &done, error))
    return false;
  if (!done)
    return true;
  return judge_return (stage, error) && plan_pending (stage, &again, error)
         && go_up (stage, again, false, &done, error);
}

static bool
judge_end (Stage *stage, GError **error)
{
  g_auto (RunAftermath) aftermath = { 0 };
  return run_finish (stage->run, &aftermath, error)
         && copy_judge_end (&stage->copy, &aftermath, error);
}

static bool
open_stage (Stage *stage, GError **error)
{
  Copy *copy = &stage->copy;
  return copy_open (copy, error)
         && db_connect (copy->work_url, copy->database, &db_retry_default, &stage->work, error);
}

static bool
hold (Stage *stage, GError **error)
{
  g_autoptr (GPtrArray) items = NULL;
  bool done;
  if (!open_stage (stage, error) || !plan_pending (stage, &items, error))
    return false;
  add_migrations (stage, items);
  if (items->len == 0)
    return true;
  if (!copy_check_before (&stage->copy, error) || !start_run (stage, error)
      || !go_up (stage, items, true, &done, error))
    return false;
  return !done
         || (there_and_back (stage, error)
             && (stage->copy.result->failed_in != NULL || judge_end (stage, error)));
}

bool
rehearsal_run (const RehearseSpec *spec, Report *report, Rehearsal *ret_rehearsal, GError **error)
{
  int64_t started = clock_monotonic_us ();
  g_auto (Rehearsal) result = { 0 };
  if (!rehearsal_begin (spec, &result, error))
    return false;
  Stage stage = { .copy = { .spec = spec, .report = report, .result = &result },
                  .schemas = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref) };
  bool held = hold (&stage, error);
  stage_clear (&stage);
  if (!held)
    return false;
  result.passed = result.problems->len == 0;
  result.elapsed_us = clock_monotonic_us () - started;
  *ret_rehearsal = result;
  result = (Rehearsal){ 0 };
  return true;
}
