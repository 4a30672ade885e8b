/*
 * The rehearsal of migrations that a command of the project runs. What it does is not seen statement by
 * statement, so it is measured from outside: locks of all its sessions, time, new files, growth, WAL; and
 * what the database holds afterwards is compared with what it held before.
 */
#include "base/clock.h"
#include "deploy/command_sampler.h"
#include "deploy/copy.h"

#include <string.h>

#define SESSION "pgkeel rehearse command"
/* A down command that undoes one migration at a time is run again as long as that leads somewhere. */
#define DOWN_RUNS_MAX 200
#define END_WAIT_US (10 * G_USEC_PER_SEC)
#define END_POLL_US (10 * 1000)

typedef struct
{
  Copy copy;
  const RehearseCommandSpec *spec;
  const ProjectMigrations *settings;
  DbConn *samples; /* lent to the sampler */
  RehearsedCommand *command;
  RehearsedMigration *migration; /* the one, of all that the command does */
  char *status;                  /* what the status command wrote, the first time */
  ExternalState before, after;
  GPtrArray *schema_before;
  DeployState *state_before;
} Stage;

static void
stage_clear (Stage *stage)
{
  g_clear_pointer (&stage->schema_before, g_ptr_array_unref);
  deploy_state_free (stage->state_before);
  external_state_clear (&stage->before);
  external_state_clear (&stage->after);
  db_conn_free (stage->samples);
  g_free (stage->status);
  copy_clear (&stage->copy);
}

/* --- running a command ------------------------------------------------------------------------ */

/* Sessions that a command left work on, and hold their locks. On the copy all but our two are in the way. */
static bool
end_sessions (Stage *stage, GError **error)
{
  static const char sql[]
      = "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(pid))\n"
        "  FROM pg_catalog.pg_stat_activity\n"
        " WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend'\n"
        "   AND pid <> ALL ($1::int[])";
  g_autofree char *ours = g_strdup_printf ("{%d,%d}", db_backend_pid (stage->copy.look),
                                           db_backend_pid (stage->samples));
  const char *const params[] = { ours };
  int64_t give_up_us = clock_monotonic_us () + END_WAIT_US;
  for (;;)
    {
      g_autofree char *count = NULL;
      if (!db_query_text (stage->copy.look, sql, 1, params, &count, error))
        return false;
      if (strcmp (count, "0") == 0)
        return true;
      if (clock_monotonic_us () > give_up_us)
        return keel_error (error, KEEL_ERROR_FAILED, NULL, "%s sessions of the command do not end",
                           count);
      g_usleep (END_POLL_US);
    }
}

static bool
run_text (const Stage *stage, const char *text, int *ret_exit_code, char **ret_output,
          GError **error)
{
  const Project *project = stage->copy.spec->project;
  const ExternalCommand command = { .command = text,
                                    .folder = project->folder,
                                    .url = stage->copy.work_url,
                                    .environment = project->environment->name,
                                    .session = SESSION,
                                    .also = stage->spec->also,
                                    .output = stage->spec->output };
  return external_run (&command, ret_exit_code, ret_output, error);
}

/* Where WAL and size are. */
static bool
look_at_sizes (Stage *stage, int64_t *ret_wal, int64_t *ret_size, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (stage->copy.look,
                 "SELECT (pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint,\n"
                 "       pg_catalog.pg_database_size(pg_catalog.current_database())",
                 0, NULL, &result, error))
    return false;
  *ret_wal = db_result_int64 (result, 0, 0);
  *ret_size = db_result_int64 (result, 0, 1);
  return true;
}

static void
note_files (Measurement *measurement, GHashTable *before, GHashTable *now)
{
  GHashTableIter iter;
  void *oid, *value;
  g_hash_table_iter_init (&iter, now);
  while (g_hash_table_iter_next (&iter, &oid, &value))
    {
      const Relation *earlier = g_hash_table_lookup (before, oid);
      if (earlier != NULL)
        relation_note_file (measurement, earlier, value);
    }
}

/* Runs TEXT while the sampler looks on. */
static bool
run_sampled (Stage *stage, const char *text, Measurement *measurement, CommandSamples *ret_samples,
             int *ret_exit_code, char **ret_output, GError **error)
{
  CommandSampler *sampler;
  g_autoptr (GError) problem = NULL;
  if (!command_sampler_start (stage->samples, db_backend_pid (stage->copy.look), &sampler, error))
    return false;
  int64_t started_us = clock_monotonic_us ();
  bool ran = run_text (stage, text, ret_exit_code, ret_output, &problem);
  measurement->elapsed_us = clock_monotonic_us () - started_us;
  if (!command_sampler_stop (sampler, ret_samples, ran ? error : NULL))
    ran = false;
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return ran;
}

/* Runs and measures the command KEY, adding to MEASURED and LOG. */
static bool
run_measured (Stage *stage, const char *key, const char *text, GPtrArray *measured, CommandLog *log,
              int *ret_exit_code, char **ret_output, GError **error)
{
  const char *log_path = scratch_log_path (stage->copy.cluster);
  g_autoptr (GHashTable) before = NULL, now = NULL;
  g_auto (CommandSamples) samples = { 0 };
  int64_t wal_before, size_before, wal, size;
  Measurement *measurement = measurement_new_command (key, text);
  g_ptr_array_add (measured, measurement);
  /* Those that have read the state are ours, and may take a moment to be gone. */
  if (!end_sessions (stage, error) || !relations_read (stage->copy.look, &before, error)
      || !look_at_sizes (stage, &wal_before, &size_before, error))
    return false;
  int64_t log_start = command_log_length (log_path);
  if (!run_sampled (stage, text, measurement, &samples, ret_exit_code, ret_output, error)
      || !end_sessions (stage, error) || !command_log_read (log_path, log_start, log, error)
      || !look_at_sizes (stage, &wal, &size, error)
      || !relations_read (stage->copy.look, &now, error))
    return false;
  measurement->failed = *ret_exit_code != 0;
  measurement->wal_bytes = wal - wal_before;
  measurement->size_bytes = size - size_before;
  command_samples_note (&samples, before, now, measurement);
  note_files (measurement, before, now);
  stage->command->session_count += samples.session_count;
  return true;
}

static GPtrArray *
measurements_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) measurement_free);
}

static int64_t
sum_of_times (const GPtrArray *measured)
{
  int64_t us = 0;
  for (guint i = 0; i < measured->len; i++)
    us += ((const Measurement *) measured->pdata[i])->elapsed_us;
  return us;
}

/* The last error of the command's sessions, and its statement. */
static void
take_failure (Rehearsal *result, CommandLog *log)
{
  run_failure_clear (&result->failure);
  result->failure.server = log->failure;
  result->failure.text = g_steal_pointer (&log->failed_text);
  log->failure = (DbFailure){ 0 };
}

/* What OUTPUT says of heads is told in our words, and what the server said in its own. */
static void
note_failure (Stage *stage, const char *failed_in, const char *key, int exit_code,
              const char *output, CommandLog *log)
{
  Rehearsal *result = stage->copy.result;
  g_autoptr (GError) conflict = NULL;
  take_failure (result, log);
  const char *said = result->failure.server.message;
  result->failed_in = failed_in;
  if (!external_check_output (output, &conflict))
    said = conflict->message;
  copy_note (result->problems, "%s: %s ended with exit code %d%s%s", failed_in, key, exit_code,
             said != NULL ? ": " : "", said != NULL ? said : "");
}

/* --- before ----------------------------------------------------------------------------------- */

/* Twice: what differs from one time to the next tells nothing of what is pending. */
static bool
run_status (Stage *stage, bool *ret_is_steady, GError **error)
{
  g_autofree char *again = NULL;
  int exit_code;
  *ret_is_steady = false;
  if (stage->settings->status_command == NULL)
    return true;
  report_step (stage->copy.report, "running migrations.command.status");
  if (!run_text (stage, stage->settings->status_command, &exit_code, &stage->status, error)
      || !run_text (stage, stage->settings->status_command, &exit_code, &again, error))
    return false;
  *ret_is_steady = strcmp (stage->status, again) == 0;
  if (!*ret_is_steady)
    copy_note (stage->copy.result->notes,
               "migrations.command.status writes something else each time: what is pending is told "
               "from the files and the tool's table only.");
  return true;
}

/* STATUS NULL: there is none that could be compared. */
static bool
read_pending (Stage *stage, const char *status, ExternalPending **ret_pending, GError **error)
{
  const ExternalPendingSpec spec = { .root = stage->copy.spec->project->folder,
                                     .dir = stage->settings->dir,
                                     .up = stage->settings->up_command,
                                     .down = stage->settings->down_command,
                                     .status = status,
                                     .state = &stage->before };
  return external_pending_read (&spec, ret_pending, error);
}

static bool
look_before (Stage *stage, GError **error)
{
  const Project *project = stage->copy.spec->project;
  bool is_steady;
  if (!external_look (stage->copy.look, true, &stage->before, error)
      || !run_status (stage, &is_steady, error)
      || !external_check_project (project, &stage->before, stage->status, error))
    return false;
  if (!read_pending (stage, is_steady ? stage->status : NULL, &stage->command->pending, error))
    return false;
  if (!external_pending_is_told (stage->command->pending))
    copy_note (stage->copy.result->notes,
               "Nothing tells what the command is going to do, so this counts for no “migrate up”: "
               "name a migrations.command.status, or the files' folder in migrations.dir.");
  return copy_check_before (&stage->copy, error)
         && deploy_schema_read (stage->copy.look, &stage->schema_before, error)
         && copy_read_state (&stage->copy, NULL, &stage->state_before, error);
}

/* --- up --------------------------------------------------------------------------------------- */

static bool
describe_up (Stage *stage, const char *output, GError **error)
{
  const ExternalTold told = { .root = stage->copy.spec->project->folder,
                              .dir = stage->settings->dir,
                              .status = stage->status,
                              .output = output };
  g_autoptr (GPtrArray) applied = NULL, schema = NULL;
  g_autoptr (DeployState) state = NULL;
  RehearsedCommand *command = stage->command;
  guint equal;
  external_state_clear (&stage->after);
  if (!external_look (stage->copy.look, true, &stage->after, error)
      || !external_list_applied (&told, &stage->before, &stage->after, &applied, error)
      || !deploy_schema_read (stage->copy.look, &schema, error)
      || !copy_read_state (&stage->copy, stage->state_before, &state, error))
    return false;
  for (guint i = 0; i < applied->len; i++)
    copy_note (command->applied, "%s", ((const ExternalRow *) applied->pdata[i])->version);
  g_ptr_array_unref (command->schema_changes);
  command->schema_changes = deploy_schema_compare (stage->schema_before, schema);
  g_autoptr (GPtrArray) losses = deploy_state_compare (stage->state_before, state, &equal);
  for (guint i = 0; i < losses->len; i++)
    copy_note (command->data_changes, "%s", ((const DeployLoss *) losses->pdata[i])->text);
  return true;
}

/* A command that reads other settings than ours has worked somewhere else. */
static void
check_came (Stage *stage)
{
  const RehearsedCommand *command = stage->command;
  if (command->session_count > 0 || command->log.count > 0 || command->applied->len > 0
      || command->schema_changes->len > 0)
    return;
  copy_note (
      stage->copy.result->problems,
      "migrations.command.up did not come to the copy: it does not read DATABASE_URL or PGHOST, "
      "and has worked in the database that it is set to");
}

static void
take_log (RehearsedCommand *command, CommandLog *log)
{
  command_log_clear (&command->log);
  command->log = *log;
  *log = (CommandLog){ 0 };
}

static bool
go_up (Stage *stage, bool is_first, bool *ret_done, GError **error)
{
  g_autofree char *output = NULL;
  g_autoptr (GPtrArray) measured = measurements_new ();
  g_auto (CommandLog) log = { 0 };
  int exit_code = 0;
  command_log_init (&log);
  report_step (stage->copy.report, "running migrations.command.up%s", is_first ? "" : " again");
  if (!run_measured (stage, "migrations.command.up", stage->settings->up_command, measured, &log,
                     &exit_code, &output, error))
    return false;
  *(is_first ? &stage->migration->up_us : &stage->migration->again_us) = sum_of_times (measured);
  if (is_first)
    stage->migration->up = g_ptr_array_ref (measured);
  if (exit_code != 0)
    note_failure (stage, is_first ? "up" : "up again", "migrations.command.up", exit_code, output,
                  &log);
  if (is_first)
    take_log (stage->command, &log);
  if (is_first && !describe_up (stage, output, error))
    return false;
  if (is_first && exit_code == 0)
    check_came (stage);
  *ret_done = stage->copy.result->problems->len == 0;
  return true;
}

/* --- down ------------------------------------------------------------------------------------- */

static bool
has_same_rows (const ExternalState *a, const ExternalState *b)
{
  g_autoptr (GPtrArray) more = external_rows_missing (a, b);
  g_autoptr (GPtrArray) less = external_rows_missing (b, a);
  return more->len == 0 && less->len == 0;
}

/* One run of the down command. *RET_GOES_ON: it led somewhere, and not back to where all began. */
static bool
go_down_once (Stage *stage, bool *ret_done, bool *ret_goes_on, GError **error)
{
  g_autofree char *output = NULL;
  g_auto (ExternalState) now = { 0 };
  g_auto (CommandLog) log = { 0 };
  int exit_code = 0;
  command_log_init (&log);
  *ret_goes_on = false;
  if (!run_measured (stage, "migrations.command.down", stage->settings->down_command,
                     stage->migration->down, &log, &exit_code, &output, error))
    return false;
  stage->command->down_runs++;
  *ret_done = exit_code == 0;
  if (exit_code != 0)
    {
      stage->copy.result->way_back = REHEARSAL_DOWN_FAILED;
      note_failure (stage, "down", "migrations.command.down", exit_code, output, &log);
    }
  if (!external_look (stage->copy.look, false, &now, error))
    return false;
  *ret_goes_on
      = *ret_done && !has_same_rows (&now, &stage->before) && !has_same_rows (&now, &stage->after);
  external_state_clear (&stage->after);
  stage->after = now;
  now = (ExternalState){ 0 };
  return true;
}

/* "public.alembic_version b2", of the tool's rows that differ from those before. */
static void
note_rows (Stage *stage)
{
  g_autoptr (GPtrArray) more = external_rows_missing (&stage->after, &stage->before);
  g_autoptr (GPtrArray) less = external_rows_missing (&stage->before, &stage->after);
  const ExternalRow *row = more->len > 0 ? more->pdata[0] : less->len > 0 ? less->pdata[0] : NULL;
  if (row != NULL)
    copy_note (stage->copy.result->notes,
               "migrations.command.down does not lead back to where the rehearsal began: %s %s %s.",
               row->table, more->len > 0 ? "still has" : "has no longer", row->version);
}

static bool
go_down (Stage *stage, bool *ret_done, GError **error)
{
  bool goes_on = true;
  stage->migration->down = measurements_new ();
  report_step (stage->copy.report, "running migrations.command.down");
  while (goes_on && stage->command->down_runs < DOWN_RUNS_MAX)
    if (!go_down_once (stage, ret_done, &goes_on, error))
      return false;
  stage->migration->down_us = sum_of_times (stage->migration->down);
  stage->migration->undone = *ret_done;
  return true;
}

static bool
there_and_back (Stage *stage, GError **error)
{
  g_autoptr (GPtrArray) schema = NULL;
  Rehearsal *result = stage->copy.result;
  bool done;
  if (stage->settings->down_command == NULL)
    {
      result->way_back = REHEARSAL_NO_DOWN;
      return true;
    }
  if (!go_down (stage, &done, error) || !done)
    return result->failed_in != NULL;
  result->undone_count = 1;
  note_rows (stage);
  if (!deploy_schema_read (stage->copy.look, &schema, error)
      || !copy_judge_return (&stage->copy, stage->schema_before, schema, stage->state_before,
                             error))
    return false;
  stage->migration->schema_changes = deploy_schema_compare (stage->schema_before, schema);
  return go_up (stage, false, &done, error);
}

/* Files that changed meanwhile, be it by the command, were not rehearsed. */
static bool
check_files (Stage *stage, GError **error)
{
  g_autoptr (ExternalPending) now = NULL;
  ExternalPending *before = stage->command->pending;
  g_autofree char *status = g_steal_pointer (&before->status);
  bool done = read_pending (stage, NULL, &now, error);
  g_autofree char *when = clock_format_iso (stage->copy.result->rehearsed);
  g_autofree char *text = done ? external_pending_difference (before, now, when) : NULL;
  if (text != NULL)
    copy_note (stage->copy.result->problems, "files changed while the rehearsal ran: %s", text);
  before->status = g_steal_pointer (&status);
  return done;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool
judge_end (Stage *stage, GError **error)
{
  g_auto (RunAftermath) aftermath = { 0 };
  external_state_clear (&stage->after);
  return external_look (stage->copy.look, true, &stage->after, error)
         && external_aftermath (stage->copy.look, &stage->before, &stage->after, &aftermath, error)
         && copy_judge_end (&stage->copy, &aftermath, error);
}

static void
describe_command (Stage *stage)
{
  Rehearsal *result = stage->copy.result;
  RehearsedMigration *migration = g_new0 (RehearsedMigration, 1);
  RehearsedCommand *command = g_new0 (RehearsedCommand, 1);
  migration->version = g_strdup ("migrations.command.up");
  migration->name = g_strdup ("");
  migration->path = g_strdup ("migrations.command.up");
  if (stage->settings->down_command != NULL)
    migration->down_path = g_strdup ("migrations.command.down");
  command_log_init (&command->log);
  command->applied = g_ptr_array_new_with_free_func (g_free);
  command->schema_changes = g_ptr_array_new_with_free_func (g_free);
  command->data_changes = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (result->migrations, migration);
  result->command = command;
  stage->migration = migration;
  stage->command = command;
}

static bool
hold (Stage *stage, GError **error)
{
  bool done;
  Copy *copy = &stage->copy;
  if (!copy_open (copy, error)
      || !db_connect (copy->url, copy->database, &db_retry_default, &stage->samples, error)
      || !command_log_enable (copy->look, copy->database, error) || !look_before (stage, error)
      || !go_up (stage, true, &done, error))
    return false;
  return !done
         || (there_and_back (stage, error) && check_files (stage, error)
             && (copy->result->failed_in != NULL || judge_end (stage, error)));
}

bool
rehearsal_run_command (const RehearseCommandSpec *spec, Report *report, Rehearsal *ret_rehearsal,
                       GError **error)
{
  int64_t started = clock_monotonic_us ();
  g_auto (Rehearsal) result = { 0 };
  if (!rehearsal_begin (&spec->copy, &result, error))
    return false;
  Stage stage = { .copy = { .spec = &spec->copy, .report = report, .result = &result },
                  .spec = spec,
                  .settings = &spec->copy.project->migrations };
  describe_command (&stage);
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
