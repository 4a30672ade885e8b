#include "backup/database.h"
#include "backup/load.h"
#include "backup/scratch_copy.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/digest.h"
#include "db/schema.h"
#include "deploy/constraints.h"
#include "deploy/rehearsal.h"
#include "deploy/state.h"
#include "migrate/run_lock.h"

#include <string.h>

static void
migration_clear (RehearsedMigration *migration)
{
  g_free (migration->version);
  g_free (migration->name);
  g_free (migration->path);
  g_free (migration->down_path);
  g_free (migration->checksum);
  g_free (migration->down_checksum);
  g_clear_pointer (&migration->up, g_ptr_array_unref);
  g_clear_pointer (&migration->down, g_ptr_array_unref);
  g_clear_pointer (&migration->schema_changes, g_ptr_array_unref);
  g_free (migration);
}

void
rehearsal_clear (Rehearsal *rehearsal)
{
  g_free (rehearsal->backup);
  g_free (rehearsal->backup_sha256);
  g_free (rehearsal->project);
  g_free (rehearsal->environment);
  g_free (rehearsal->role);
  g_clear_pointer (&rehearsal->migrations, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->problems, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->notes, g_ptr_array_unref);
  run_failure_clear (&rehearsal->failure);
  g_clear_pointer (&rehearsal->differences, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->constraints_broken, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->invalid_indexes, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->not_validated, g_ptr_array_unref);
  *rehearsal = (Rehearsal){ 0 };
}

const char *
rehearsal_return_name (RehearsalReturn way_back)
{
  static const char *const names[] = { "not tried", "no down script", "proven", "loses", "failed" };
  return names[way_back];
}

char *
rehearsal_down_checksum (const Migration *migration)
{
  uint8_t sum[SHA256_BYTES];
  if (migration->down.text == NULL)
    return NULL;
  sha256_of (migration->down.text, migration->down.length, sum);
  return sha256_hex (sum);
}

/* --- the copy -------------------------------------------------------------------------------- */

typedef struct
{
  const RehearseSpec *spec;
  Report *report;
  Rehearsal *result;
  ScratchCluster *cluster;
  DbConn *admin;
  char *url; /* of the superuser */
  char *database;
  DbConn *look; /* the superuser's, in the copy */
  char *work_url;
  DbConn *work; /* of the role that migrates */
  Measure *measure;
  Run *run;
  History *history;
  Plan *plan;
  GPtrArray *schemas; /* of GPtrArray: the objects before each migration */
  DeployState *before;
  guint first_undone; /* all migrations from here on have a way back, ... */
  guint undo_count;   /* ... and so many of them are undone */
  GHashTable *broken_before;
} Copy;

static void
copy_clear (Copy *copy)
{
  run_free (copy->run);
  measure_free (copy->measure);
  g_clear_pointer (&copy->plan, plan_free);
  g_clear_pointer (&copy->history, history_free);
  g_clear_pointer (&copy->schemas, g_ptr_array_unref);
  g_clear_pointer (&copy->broken_before, g_hash_table_unref);
  deploy_state_free (copy->before);
  db_conn_free (copy->work);
  db_conn_free (copy->look);
  db_conn_free (copy->admin);
  scratch_free (copy->cluster);
  g_free (copy->url);
  g_free (copy->work_url);
  g_free (copy->database);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Copy, copy_clear)

static void G_GNUC_PRINTF (2, 3) add_text (GPtrArray *texts, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (texts, g_strdup_vprintf (format, args));
  va_end (args);
}

/* Migrations may name their database, so it is called what it is called at home. */
static char *
database_name (const BackupIndex *index)
{
  bool is_taken
      = strcmp (index->database, "postgres") == 0 || strcmp (index->database, "template1") == 0;
  return g_strdup (is_taken ? "rehearsal" : index->database);
}

/* As who runs them at home, so that missing permissions show here first. */
static bool
choose_role (Copy *copy, GError **error)
{
  const char *user = copy->spec->user;
  const char *const params[] = { user };
  g_autofree char *found = NULL;
  if (user != NULL && *user != '\0'
      && !db_query_text (copy->admin,
                         "SELECT rolname FROM pg_catalog.pg_roles\n"
                         " WHERE rolname = $1 AND rolcanlogin",
                         1, params, &found, error))
    return false;
  copy->result->is_superuser = found == NULL;
  copy->result->role = g_strdup (found != NULL ? found : db_user (copy->admin));
  copy->work_url = found != NULL ? scratch_url_as (copy->cluster, found, copy->database)
                                 : scratch_url (copy->cluster, copy->database);
  if (found == NULL)
    add_text (
        copy->result->notes,
        "The role “%s” is not in the backup: the migrations ran as a superuser, and what they "
        "are permitted was not tried.",
        user != NULL ? user : "");
  return true;
}

static bool
open_copy (Copy *copy, GError **error)
{
  const BackupIndex *index = backup_reader_index (copy->spec->reader);
  const json_t *properties = json_object_get (index->source, "database");
  unsigned int jobs
      = copy->spec->job_count > 0 ? copy->spec->job_count : MIN (g_get_num_processors (), 8);
  ScratchCopySpec scratch = { .worker_count = (int) jobs, .measures_wal = true };
  LoadResult loaded;
  int64_t started = clock_monotonic_us ();
  if (!scratch_copy_start (&scratch, index, &copy->cluster, &copy->admin, error))
    return false;
  copy->database = database_name (index);
  copy->url = scratch_url (copy->cluster, copy->database);
  LoadSpec load
      = { .url = copy->url, .database = copy->database, .job_count = jobs, .analyze = true };
  report_step (copy->report, "restoring “%s” into a scratch cluster of PostgreSQL %d",
               copy->spec->backup, index->server_version / 10000);
  if (!database_create (copy->admin, copy->database, properties, true,
                        &copy->result->locale_replaced, error)
      || !load_run (&load, copy->spec->reader, copy->report, &loaded, error)
      || !database_finish (copy->admin, copy->database, properties, error)
      || !db_exec (copy->admin, "CHECKPOINT", error))
    return prefix_error (error, "restoring the backup");
  copy->result->restore_us = clock_monotonic_us () - started;
  if (copy->result->locale_replaced)
    add_text (copy->result->notes,
              "The database's locale is not on this machine: the copy has “C”.");
  return choose_role (copy, error)
         && db_connect (copy->url, copy->database, &db_retry_default, &copy->look, error)
         && db_connect (copy->work_url, copy->database, &db_retry_default, &copy->work, error);
}

static bool
start_run (Copy *copy, GError **error)
{
  const ProjectMigrations *settings = &copy->spec->project->migrations;
  if (!measure_new (copy->work, copy->url, copy->database, &copy->measure, error))
    return false;
  RunSpec run = { .url = copy->work_url,
                  .conn = copy->work,
                  .parser = copy->spec->parser,
                  .lock_timeout_ms = settings->lock_timeout_ms,
                  .statement_timeout_ms = settings->statement_timeout_ms,
                  .wait_ms = settings->lock_timeout_ms,
                  .report = copy->report,
                  .observer = measure_observer (copy->measure) };
  return run_lock_take (copy->work, 0, copy->report, error) && run_new (&run, &copy->run, error);
}

static bool
make_plan (Copy *copy, GError **error)
{
  g_clear_pointer (&copy->plan, plan_free);
  g_clear_pointer (&copy->history, history_free);
  return history_read (copy->look, &copy->history, error)
         && plan_new (copy->spec->set, copy->history, copy->spec->parser, &copy->plan, error);
}

static bool
plan_pending (Copy *copy, GPtrArray **ret_items, GError **error)
{
  const PlanUp up = { .to = copy->spec->to, .allow_late = copy->spec->allow_late };
  return make_plan (copy, error) && plan_up (copy->plan, &up, ret_items, error);
}

static bool
database_size (Copy *copy, int64_t *ret_bytes, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (copy->look, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())", 0,
                 NULL, &result, error))
    return false;
  *ret_bytes = db_result_int64 (result, 0, 0);
  return true;
}

/* --- the three ways -------------------------------------------------------------------------- */

/* A migration that fails is what a rehearsal is for; a signal, or a server that is gone, is not. */
static bool
note_failure (Copy *copy, const char *failed_in, RunFailure *failure, GError **problem,
              GError **error)
{
  if (keel_error_is (*problem, KEEL_ERROR_CANCELLED)
      || keel_error_is (*problem, KEEL_ERROR_UNREACHABLE))
    {
      g_propagate_error (error, g_steal_pointer (problem));
      return false;
    }
  const char *detail = failure->server.detail;
  copy->result->failed_in = failed_in;
  add_text (copy->result->problems, "%s: %s%s%s%s", failed_in, (*problem)->message,
            detail != NULL ? " (" : "", detail != NULL ? detail : "", detail != NULL ? ")" : "");
  run_failure_clear (&copy->result->failure);
  copy->result->failure = *failure;
  *failure = (RunFailure){ 0 };
  if (copy->result->failure.text != NULL)
    {
      char *shown = measurement_show_text (copy->result->failure.text);
      g_free (copy->result->failure.text);
      copy->result->failure.text = shown;
    }
  return true;
}

static RehearsedMigration *
migration_of (Copy *copy, const PlanItem *item)
{
  for (guint i = 0; i < copy->result->migrations->len; i++)
    {
      RehearsedMigration *migration = copy->result->migrations->pdata[i];
      if (strcmp (migration->version, item->migration->version) == 0)
        return migration;
    }
  return NULL;
}

static void
add_migrations (Copy *copy, const GPtrArray *items)
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
      g_ptr_array_add (copy->result->migrations, rehearsed);
      /* A repeatable one is never undone, and stands in nobody's way: they come last. */
      if (migration->kind == MIGRATION_REPEATABLE)
        continue;
      copy->undo_count++;
      if (migration->down.text == NULL)
        {
          copy->first_undone = i + 1;
          copy->undo_count = 0;
        }
    }
}

static bool
read_before (Copy *copy, guint index, GError **error)
{
  GPtrArray *objects;
  DeployStateSpec spec
      = { .url = copy->url, .database = copy->database, .job_count = copy->spec->job_count };
  if (!deploy_schema_read (copy->look, &objects, error))
    return false;
  g_ptr_array_add (copy->schemas, objects);
  if (index != copy->first_undone)
    return true;
  report_step (copy->report, "digesting the rows as they are before");
  return deploy_state_read (&spec, NULL, copy->report, &copy->before, error);
}

static int64_t
sum_of_times (const GPtrArray *measured)
{
  int64_t us = 0;
  for (guint i = 0; i < measured->len; i++)
    us += ((const Measurement *) measured->pdata[i])->elapsed_us;
  return us;
}

/* False with *ERROR only when the rehearsal cannot go on at all; *RET_DONE: all of them ran. */
static bool
go_up (Copy *copy, const GPtrArray *items, bool is_first, bool *ret_done, GError **error)
{
  *ret_done = false;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      RehearsedMigration *migration = migration_of (copy, item);
      g_auto (RunFailure) failure = { 0 };
      g_autoptr (GError) problem = NULL;
      g_autofree char *title = plan_item_title (item);
      if (is_first && !read_before (copy, i, error))
        return false;
      report_step (copy->report, "applying %s%s", title, is_first ? "" : " again");
      bool done = run_up (copy->run, item, &failure, &problem);
      g_autoptr (GPtrArray) measured = measure_take (copy->measure);
      *(is_first ? &migration->up_us : &migration->again_us) = sum_of_times (measured);
      if (is_first)
        migration->up = g_ptr_array_ref (measured);
      if (!done)
        return note_failure (copy, is_first ? "up" : "up again", &failure, &problem, error);
    }
  *ret_done = true;
  return true;
}

static bool
note_schema (Copy *copy, RehearsedMigration *migration, GError **error)
{
  guint index;
  g_autoptr (GPtrArray) now = NULL;
  bool known = g_ptr_array_find (copy->result->migrations, migration, &index);
  g_assert (known);
  if (!deploy_schema_read (copy->look, &now, error))
    return false;
  migration->schema_changes = deploy_schema_compare (copy->schemas->pdata[index], now);
  return true;
}

static bool
go_down (Copy *copy, const GPtrArray *items, bool *ret_done, GError **error)
{
  *ret_done = false;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      RehearsedMigration *migration = migration_of (copy, item);
      g_auto (RunFailure) failure = { 0 };
      g_autoptr (GError) problem = NULL;
      g_autofree char *title = plan_item_title (item);
      if (migration == NULL)
        return keel_error (error, KEEL_ERROR_FAILED, NULL, "%s was not applied here", title);
      report_step (copy->report, "undoing %s", title);
      bool done = run_down (copy->run, item, &failure, &problem);
      migration->down = measure_take (copy->measure);
      migration->down_us = sum_of_times (migration->down);
      if (!done)
        {
          copy->result->way_back = REHEARSAL_DOWN_FAILED;
          return note_failure (copy, "down", &failure, &problem, error);
        }
      migration->undone = true;
      copy->result->undone_count++;
      if (!note_schema (copy, migration, error))
        return false;
    }
  *ret_done = true;
  return true;
}

/* What the way back has cost: objects and rows that are not as they were. */
static bool
judge_return (Copy *copy, GError **error)
{
  Rehearsal *result = copy->result;
  g_autoptr (GPtrArray) now = NULL;
  g_autoptr (DeployState) after = NULL;
  DeployStateSpec spec
      = { .url = copy->url, .database = copy->database, .job_count = copy->spec->job_count };
  report_step (copy->report, "comparing with the state before");
  if (!deploy_schema_read (copy->look, &now, error)
      || !deploy_state_read (&spec, copy->before, copy->report, &after, error))
    return false;
  g_autoptr (GPtrArray) changes
      = deploy_schema_compare (copy->schemas->pdata[copy->first_undone], now);
  g_autoptr (GPtrArray) losses = deploy_state_compare (copy->before, after, &result->tables_equal);
  result->tables_total = deploy_state_table_count (copy->before);
  result->rows_before = deploy_state_rows (copy->before);
  for (guint i = 0; i < changes->len; i++)
    add_text (result->differences, "schema: %s", (const char *) changes->pdata[i]);
  for (guint i = 0; i < losses->len; i++)
    add_text (result->differences, "data: %s", ((DeployLoss *) losses->pdata[i])->text);
  result->way_back = result->differences->len == 0 ? REHEARSAL_PROVEN : REHEARSAL_LOSES;
  return true;
}

static bool
plan_return (Copy *copy, GPtrArray **ret_items, GError **error)
{
  const PlanDown down = { .steps = copy->undo_count };
  return make_plan (copy, error) && plan_down (copy->plan, &down, ret_items, error);
}

/* Down and, if that went well, up again. */
static bool
there_and_back (Copy *copy, GError **error)
{
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GPtrArray) again = NULL;
  bool done;
  if (copy->undo_count == 0)
    {
      copy->result->way_back = REHEARSAL_NO_DOWN;
      return true;
    }
  if (!plan_return (copy, &items, error) || !go_down (copy, items, &done, error))
    return false;
  if (!done)
    return true;
  return judge_return (copy, error) && plan_pending (copy, &again, error)
         && go_up (copy, again, false, &done, error);
}

/* --- afterwards ------------------------------------------------------------------------------ */

static bool
judge_constraints (Copy *copy, GError **error)
{
  Rehearsal *result = copy->result;
  g_auto (ConstraintCheck) check = { 0 };
  GHashTableIter iter;
  void *name, *text;
  report_step (copy->report, "validating all constraints");
  if (!constraint_check_run (copy->look, &check, error))
    return false;
  result->constraints_total = check.total;
  g_hash_table_iter_init (&iter, check.broken);
  while (g_hash_table_iter_next (&iter, &name, &text))
    {
      add_text (result->constraints_broken, "%s: %s", (char *) name, (char *) text);
      if (g_hash_table_contains (copy->broken_before, name))
        add_text (result->notes, "The constraint %s was broken before the migrations: %s.",
                  (char *) name, (char *) text);
      else
        add_text (result->problems, "the constraint %s is broken after the migrations: %s",
                  (char *) name, (char *) text);
    }
  return true;
}

static bool
judge_end (Copy *copy, GError **error)
{
  Rehearsal *result = copy->result;
  g_auto (RunAftermath) aftermath = { 0 };
  if (!run_finish (copy->run, &aftermath, error) || !judge_constraints (copy, error)
      || !database_size (copy, &result->size_after, error))
    return false;
  g_ptr_array_unref (result->invalid_indexes);
  result->invalid_indexes = g_steal_pointer (&aftermath.invalid_indexes);
  g_ptr_array_unref (result->not_validated);
  result->not_validated = g_steal_pointer (&aftermath.not_validated);
  for (guint i = 0; i < result->invalid_indexes->len; i++)
    add_text (result->problems, "the index %s is left INVALID",
              (const char *) result->invalid_indexes->pdata[i]);
  for (guint i = 0; i < result->not_validated->len; i++)
    add_text (result->notes, "The constraint %s is left NOT VALID.",
              (const char *) result->not_validated->pdata[i]);
  return true;
}

static bool
check_before (Copy *copy, GError **error)
{
  g_auto (ConstraintCheck) check = { 0 };
  if (!constraint_check_run (copy->look, &check, error)
      || !database_size (copy, &copy->result->size_before, error))
    return false;
  copy->broken_before = g_steal_pointer (&check.broken);
  return true;
}

static bool
hold (Copy *copy, GError **error)
{
  g_autoptr (GPtrArray) items = NULL;
  bool done;
  if (!open_copy (copy, error) || !plan_pending (copy, &items, error))
    return false;
  add_migrations (copy, items);
  if (items->len == 0)
    return true;
  if (!check_before (copy, error) || !start_run (copy, error)
      || !go_up (copy, items, true, &done, error))
    return false;
  return !done
         || (there_and_back (copy, error)
             && (copy->result->failed_in != NULL || judge_end (copy, error)));
}

static void
describe_backup (const RehearseSpec *spec, Rehearsal *result)
{
  const BackupIndex *index = backup_reader_index (spec->reader);
  result->backup = g_strdup (spec->backup);
  result->backup_sha256 = sha256_hex (backup_reader_trailer (spec->reader)->sha256);
  result->is_fresh = spec->is_fresh;
  result->backup_created = index->created;
  result->project = g_strdup (index->project);
  result->environment = g_strdup (index->environment);
  result->server_version = index->server_version;
  result->rehearsed = clock_now ();
}

static void
make_lists (Rehearsal *result)
{
  result->migrations = g_ptr_array_new_with_free_func ((GDestroyNotify) migration_clear);
  result->problems = g_ptr_array_new_with_free_func (g_free);
  result->notes = g_ptr_array_new_with_free_func (g_free);
  result->differences = g_ptr_array_new_with_free_func (g_free);
  result->constraints_broken = g_ptr_array_new_with_free_func (g_free);
  result->invalid_indexes = g_ptr_array_new_with_free_func (g_free);
  result->not_validated = g_ptr_array_new_with_free_func (g_free);
}

bool
rehearsal_run (const RehearseSpec *spec, Report *report, Rehearsal *ret_rehearsal, GError **error)
{
  int64_t started = clock_monotonic_us ();
  g_auto (Rehearsal) result = { 0 };
  const BackupIndex *index = backup_reader_index (spec->reader);
  if (strcmp (index->type, "db") != 0)
    return keel_error (error, KEEL_ERROR_USAGE, "Name a backup of type db.",
                       "“%s” is a backup of type %s: migrations are rehearsed with schema and data",
                       spec->backup, index->type);
  make_lists (&result);
  describe_backup (spec, &result);
  Copy copy = { .spec = spec,
                .report = report,
                .result = &result,
                .schemas = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref) };
  bool held = hold (&copy, error);
  copy_clear (&copy);
  if (!held)
    return false;
  result.passed = result.problems->len == 0;
  result.elapsed_us = clock_monotonic_us () - started;
  *ret_rehearsal = result;
  result = (Rehearsal){ 0 };
  return true;
}
