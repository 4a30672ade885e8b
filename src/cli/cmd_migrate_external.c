/* pgkeel migrate status, up and down where commands of the project run its migrations. */
#include "base/cancel.h"
#include "base/clock.h"
#include "cli/cmd_migrate.h"
#include "cli/cmd_migrate_rehearse.h"
#include "cli/confirm.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "migrate/external_pending.h"
#include "migrate/run_lock.h"
#include "project/audit.h"

#include <string.h>
#include <unistd.h>

#define NAMED_MAX 20

typedef struct
{
  MigrateRun run; /* for the backup, and what is told afterwards */
  const MigrateExternal *spec;
  bool is_up;
  const char *key, *command; /* "migrations.command.up", and what it says */
  char *status;              /* what the status command wrote; NULL: there is none */
  char *started;             /* ISO */
  int exit_code;
  ExternalState before, after; /* after: empty when it could not be looked at */
  GPtrArray *gained, *lost;    /* of ExternalRow, owned by after and before */
  GPtrArray *done;             /* of ExternalRow: migrations that were applied; down: undone */
} ExternalWork;

static void
work_clear (ExternalWork *work)
{
  migrate_run_clear (&work->run);
  g_free (work->status);
  g_free (work->started);
  g_clear_pointer (&work->gained, g_ptr_array_unref);
  g_clear_pointer (&work->lost, g_ptr_array_unref);
  g_clear_pointer (&work->done, g_ptr_array_unref);
  external_state_clear (&work->before);
  external_state_clear (&work->after);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ExternalWork, work_clear)

bool
migrate_is_external (CliContext *context)
{
  Project *project = NULL;
  if (!context_project (context, &project, NULL))
    return false;
  const ProjectMigrations *settings = &project->migrations;
  return settings->status_command != NULL || settings->up_command != NULL
         || settings->down_command != NULL;
}

/* --- running a command ------------------------------------------------------------------------ */

/* As it is, colours and all: it is what somebody would see who runs it without us. */
void
migrate_pass_on (const char *bytes, size_t length, void *data)
{
  (void) data;
  while (length > 0)
    {
      ssize_t count = write (STDERR_FILENO, bytes, length);
      if (count <= 0)
        return;
      bytes += count;
      length -= (size_t) count;
    }
}

static bool
run_command (const MigrateBase *base, const char *text, const char *session, int *ret_exit_code,
             char **ret_output, GError **error)
{
  const ExternalCommand command = { .command = text,
                                    .folder = base->project->folder,
                                    .url = base->url,
                                    .environment = base->project->environment->name,
                                    .session = session,
                                    .output = migrate_pass_on };
  return external_run (&command, ret_exit_code, ret_output, error);
}

/* --- status ----------------------------------------------------------------------------------- */

static json_t *
row_json (const ExternalRow *row, const History *history)
{
  const HistoryEntry *entry = history != NULL ? history_find (history, row->version) : NULL;
  return json_pack ("{s:s, s:o, s:o, s:o}", "tool", row->tool, "table",
                    output_json_string (row->table), "version", output_json_string (row->version),
                    "state",
                    output_json_string (entry != NULL ? history_state_name (entry->state) : NULL));
}

static json_t *
rows_json (const GPtrArray *rows, const History *history)
{
  json_t *array = json_array ();
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    json_array_append_new (array, row_json (rows->pdata[i], history));
  return array;
}

static void
print_rows (const ExternalState *state, const History *history)
{
  static const OutputColumn columns[]
      = { { "TABLE", false }, { "VERSION", false }, { "IN THE HISTORY", false }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < state->rows->len; i++)
    {
      const ExternalRow *row = state->rows->pdata[i];
      const HistoryEntry *entry = history_find (history, row->version);
      output_table_row (table, row->table, row->version,
                        entry != NULL ? history_state_name (entry->state) : "no");
    }
  output_table_print (table);
  if (state->tables->len == 0)
    output_line ("no tool that is known has a history in this database");
  for (guint i = 0; i < state->tables->len; i++)
    output_line ("%s", (const char *) state->tables->pdata[i]);
}

bool
migrate_external_status (CliContext *context, GError **error)
{
  g_auto (MigrateBase) base = { 0 };
  g_auto (ExternalState) state = { 0 };
  g_autofree char *output = NULL;
  int exit_code = 0;
  if (!context_project (context, &base.project, error)
      || !migrate_base_connect (&base, false, error)
      || !external_look (base.conn, false, &state, error)
      || !history_read (base.conn, &base.history, error))
    return false;
  const char *command = base.project->migrations.status_command;
  if (command != NULL
      && !run_command (&base, command, "pgkeel migrate status", &exit_code, &output, error))
    return false;
  if (context->json)
    output_json (json_pack ("{s:o, s:i, s:o}", "output", output_json_string (output), "exit_code",
                            exit_code, "migrations", rows_json (state.rows, base.history)));
  else
    print_rows (&state, base.history);
  return external_check_project (base.project, &state, output, error)
         && (exit_code == 0
             || keel_error (error, KEEL_ERROR_FAILED, NULL,
                            "migrations.command.status ended with exit code %d", exit_code));
}

/* --- before ----------------------------------------------------------------------------------- */

static bool
check_spec (const ExternalWork *work, GError **error)
{
  if (work->command == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG,
                       "Write it into pgkeel.yaml: the command that does it, as in a shell.",
                       "the project has no %s", work->key);
  return work->spec->refused == NULL
         || keel_error (error, KEEL_ERROR_USAGE,
                        "Write it into that command, or run the tool's own command.",
                        "%s cannot be passed on to %s", work->spec->refused, work->key);
}

/* The status command shows what would run. Its exit code says nothing: some tools' is that there is
 * something to do. */
static bool
look_before (ExternalWork *work, GError **error)
{
  MigrateBase *base = work->run.base;
  const char *command = base->project->migrations.status_command;
  int exit_code;
  return external_look (base->conn, false, &work->before, error)
         && (command == NULL
             || run_command (base, command, "pgkeel migrate status", &exit_code, &work->status,
                             error))
         && external_check_project (base->project, &work->before, work->status, error);
}

static bool
audit (const ExternalWork *work, const char *phase, const char *message, GError **error)
{
  const MigrateRun *run = &work->run;
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "confirmed", confirm_json (run->context),
      "database", output_json_string (db_database (run->base->conn)), "command", work->key,
      "gained", rows_json (work->gained, NULL), "lost", rows_json (work->lost, NULL),
      "schema_before", output_json_string (work->before.schema_fingerprint), "schema_after",
      output_json_string (work->after.schema_fingerprint), "backup",
      output_json_string (run->backup), "error", output_json_string (message));
  return audit_write (run->base->project, run->action, phase, details, error);
}

/* What an empty database lacks cannot be broken. *RET_IS_CONFIRMED: by the database's name. */
static bool
check_rehearsed (const ExternalWork *work, bool *ret_is_confirmed, GError **error)
{
  const MigrateBase *base = work->run.base;
  const ProjectMigrations *settings = &base->project->migrations;
  g_autoptr (ExternalPending) pending = NULL;
  bool empty;
  *ret_is_confirmed = false;
  if (!work->is_up || !base->project->environment->is_protected)
    return true;
  const ExternalPendingSpec spec = { .root = base->project->folder,
                                     .dir = settings->dir,
                                     .up = settings->up_command,
                                     .down = settings->down_command,
                                     .status = work->status,
                                     .state = &work->before };
  if (!migrate_is_empty (base->conn, &empty, error))
    return false;
  if (empty)
    return true;
  if (!external_pending_read (&spec, &pending, error))
    return false;
  if (work->spec->dry_run)
    return migrate_warn_command_unrehearsed (work->run.context, base, pending, error);
  return migrate_check_command_rehearsed (work->run.context, base, pending,
                                          work->spec->no_rehearsal, ret_is_confirmed, error);
}

/* Nobody knows what a down command will lose. */
static bool
ask (const ExternalWork *work, GError **error)
{
  const MigrateRun *run = &work->run;
  const ProjectEnvironment *environment = run->base->project->environment;
  const char *database = db_database (run->base->conn);
  bool is_confirmed;
  g_autofree char *what = g_strdup_printf ("run %s on the database “%s” of %s", work->key, database,
                                           environment->name);
  const ConfirmRequest request
      = { .operation = work->is_up ? DESTRUCTIVE_MIGRATE_UP : DESTRUCTIVE_MIGRATE_DOWN_LOSING,
          .what = what,
          .name = database };
  return destructive_check_allowed (request.operation, environment, error)
         && check_rehearsed (work, &is_confirmed, error)
         && (is_confirmed || confirm (run->context, &request, error));
}

static bool
ask_audited (const ExternalWork *work, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (ask (work, &problem))
    return true;
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !audit (work, "refused", problem->message, NULL))
    report_warning (&work->run.context->report, "the refusal could not be written to the audit log",
                    NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* --- after ------------------------------------------------------------------------------------ */

static void
append_rows (GString *text, const char *verb, const GPtrArray *rows)
{
  for (guint i = 0; i < rows->len && i < NAMED_MAX; i++)
    {
      const ExternalRow *row = rows->pdata[i];
      if (i == 0)
        g_string_append_printf (text, "; %s has %s %s", row->table, verb, row->version);
      else
        g_string_append_printf (text, ", %s", row->version);
    }
  if (rows->len > NAMED_MAX)
    g_string_append_printf (text, " and %u more", rows->len - NAMED_MAX);
}

/* More than the table tells: it may keep the last one only. */
static void
append_done (GString *text, const ExternalWork *work)
{
  if (work->done->len <= (work->is_up ? work->gained : work->lost)->len)
    return;
  g_string_append_printf (text, "; %s", work->is_up ? "applied" : "undone");
  for (guint i = 0; i < work->done->len && i < NAMED_MAX; i++)
    g_string_append_printf (text, "%s %s", i > 0 ? "," : "",
                            ((const ExternalRow *) work->done->pdata[i])->version);
  if (work->done->len > NAMED_MAX)
    g_string_append_printf (text, " and %u more", work->done->len - NAMED_MAX);
}

static bool
schema_changed (const ExternalWork *work)
{
  return g_strcmp0 (work->before.schema_fingerprint, work->after.schema_fingerprint) != 0;
}

/* "the schema has changed; public.alembic_version has gained ae10"; caller frees. */
static char *
describe_state (const ExternalWork *work)
{
  GString *text = g_string_new (schema_changed (work) ? "the schema has changed"
                                                      : "the schema is as it was before");
  append_rows (text, "gained", work->gained);
  append_rows (text, "lost", work->lost);
  append_done (text, work);
  if (work->gained->len == 0 && work->lost->len == 0)
    g_string_append (text, work->after.tables->len > 0
                               ? "; the tool's table has neither gained nor lost a row"
                               : "; there is no tool's table that is known");
  return g_string_free (text, FALSE);
}

/* The session, and the lock with it, may have been lost together with the command's. */
static bool
check_lock (ExternalWork *work, GError **error)
{
  MigrateBase *base = work->run.base;
  DbConn *fresh = NULL;
  g_autoptr (GError) lost = NULL;
  if (run_lock_check (base->conn, &lost))
    return external_end_sessions (base->conn, error);
  report_warning (&work->run.context->report,
                  "the lock that keeps other runs out was lost while the command ran",
                  "See in the audit log whether another run came between.");
  if (!db_connect (base->url, NULL, &db_retry_default, &fresh, error))
    return false;
  db_conn_free (base->conn);
  base->conn = fresh;
  return true;
}

static bool
look_after (ExternalWork *work, const char *output, GError **error)
{
  DbConn *conn;
  if (!check_lock (work, error))
    return false;
  conn = work->run.base->conn;
  if (!external_look (conn, true, &work->after, error)
      || !external_aftermath (conn, &work->before, &work->after, &work->run.aftermath, error))
    return false;
  work->gained = external_rows_missing (&work->after, &work->before);
  work->lost = external_rows_missing (&work->before, &work->after);
  const ExternalState *less = work->is_up ? &work->before : &work->after;
  const ExternalState *more = work->is_up ? &work->after : &work->before;
  const ExternalTold told = { .root = work->run.base->project->folder,
                              .dir = work->run.base->project->migrations.dir,
                              .status = work->status,
                              .output = output };
  return external_list_applied (&told, less, more, &work->done, error);
}

static bool
write_history (const ExternalWork *work, const char *problem, GError **error)
{
  const ExternalRun run = { .is_up = work->is_up,
                            .command = work->key,
                            .started = work->started,
                            .backup = work->run.backup,
                            .problem = problem,
                            .gained = work->gained,
                            .lost = work->lost,
                            .done = work->done,
                            .has_table = work->after.tables->len > 0,
                            .schema_changed = schema_changed (work),
                            .schema_fingerprint = work->after.schema_fingerprint };
  return external_write_history (work->run.base->conn, &run, error);
}

/* The error of a command that failed, with the state that the database is in now. */
static void
explain (const ExternalWork *work, const char *output, GError **problem)
{
  g_autoptr (GError) conflict = NULL;
  g_autofree char *state = describe_state (work);
  bool nothing = !schema_changed (work) && work->gained->len == 0 && work->lost->len == 0;
  if (keel_error_is (*problem, KEEL_ERROR_CANCELLED))
    {
      g_clear_error (problem);
      keel_error_full (problem, KEEL_ERROR_CANCELLED, NULL, state, NULL,
                       "interrupted: %s was ended", work->key);
      return;
    }
  if (output != NULL && nothing && !external_check_output (output, &conflict))
    {
      g_clear_error (problem);
      g_propagate_error (problem, g_steal_pointer (&conflict));
      return;
    }
  g_autofree char *message = g_strdup ((*problem)->message);
  g_autofree char *hint
      = g_strdup_printf ("What the command wrote above says why. %s%s%s",
                         nothing ? "Run it again when that is mended."
                                 : "See what it left, mend that, and run it again",
                         !nothing && work->run.backup != NULL ? "; as it was before: " : "",
                         nothing                    ? ""
                         : work->run.backup != NULL ? work->run.backup
                                                    : ".");
  g_clear_error (problem);
  keel_error_full (problem, KEEL_ERROR_FAILED, NULL, state, hint, "%s", message);
}

/* What came of it is found out and written down even after a cancellation. */
static bool
settle (ExternalWork *work, const char *output, GError **problem)
{
  g_autoptr (GError) unknown = NULL;
  cancel_hold ();
  if (!look_after (work, output, &unknown))
    {
      report_warning (&work->run.context->report,
                      "what state the database is in now could not be found out", unknown->message);
      if (*problem == NULL)
        g_propagate_error (problem, g_steal_pointer (&unknown));
    }
  else
    {
      if (*problem != NULL)
        explain (work, output, problem);
      if (!write_history (work, *problem != NULL ? (*problem)->message : NULL, &unknown))
        {
          report_warning (&work->run.context->report, unknown->message, NULL);
          if (*problem == NULL)
            g_propagate_error (problem, g_steal_pointer (&unknown));
        }
    }
  bool done = *problem == NULL;
  if (!audit (work, done ? "done" : "failed", done ? NULL : (*problem)->message, NULL))
    report_warning (&work->run.context->report, "the outcome could not be written to the audit log",
                    NULL);
  cancel_release ();
  return done;
}

static bool
run_and_settle (ExternalWork *work, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *output = NULL;
  int64_t started_us = clock_monotonic_us ();
  work->started = clock_format_iso (clock_now ());
  report_step (&work->run.context->report, "running %s", work->key);
  if (run_command (work->run.base, work->command, EXTERNAL_SESSION, &work->exit_code, &output,
                   &problem)
      && work->exit_code != 0)
    keel_error (&problem, KEEL_ERROR_FAILED, NULL, "%s ended with exit code %d", work->key,
                work->exit_code);
  bool done = settle (work, output, &problem);
  work->run.elapsed_us = clock_monotonic_us () - started_us;
  if (!done)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done;
}

/* --- up and down ------------------------------------------------------------------------------ */

static json_t *
texts_json (const GPtrArray *texts)
{
  json_t *array = json_array ();
  for (guint i = 0; texts != NULL && i < texts->len; i++)
    json_array_append_new (array, output_json_string (texts->pdata[i]));
  return array;
}

static void
show (const ExternalWork *work)
{
  const MigrateRun *run = &work->run;
  const RunAftermath *after = &run->aftermath;
  bool is_known = work->after.schema_fingerprint != NULL;
  migrate_warn_of_left (run);
  if (run->context->json)
    {
      output_json (json_pack (
          "{s:b, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o}", "dry_run", 0, "command",
          work->key, "exit_code", work->exit_code, "gained", rows_json (work->gained, NULL), "lost",
          rows_json (work->lost, NULL), work->is_up ? "applied" : "undone",
          rows_json (work->done, NULL), "schema_changed",
          is_known ? json_boolean (schema_changed (work)) : json_null (), "schema_fingerprint",
          output_json_string (after->schema_fingerprint), "backup",
          output_json_string (run->backup), "seconds", (double) run->elapsed_us / 1e6,
          "invalid_indexes", texts_json (after->invalid_indexes), "not_validated",
          texts_json (after->not_validated)));
      return;
    }
  if (is_known)
    {
      g_autofree char *state = describe_state (work);
      output_line ("%s in %.2f s: %s", work->key, (double) run->elapsed_us / 1e6, state);
    }
  if (run->backup != NULL)
    output_line ("as it was before: %s", run->backup);
}

static bool
lock (ExternalWork *work, GError **error)
{
  MigrateBase *base = work->run.base;
  g_autoptr (DbConn) other = NULL;
  return migrate_parse_wait (work->spec->wait, &work->run.wait_ms, error)
         && db_connect (base->url, NULL, &db_retry_default, &other, error)
         && run_lock_check_sessions (base->conn, other, error)
         && run_lock_take (base->conn, work->run.wait_ms, &work->run.context->report, error)
         && external_end_sessions (base->conn, error);
}

static bool
run_locked (ExternalWork *work, GError **error)
{
  MigrateRun *run = &work->run;
  if (!look_before (work, error) || !ask_audited (work, error)
      || !history_ensure (run->base->conn, error) || !migrate_back_up (run, error))
    return false;
  external_state_clear (&work->before);
  if (!external_look (run->base->conn, true, &work->before, error)
      || !audit (work, "intent", NULL, error))
    return false;
  bool done = run_and_settle (work, error);
  show (work);
  return done;
}

static bool
run_dry (ExternalWork *work, GError **error)
{
  bool ignored;
  if (!look_before (work, error) || !check_rehearsed (work, &ignored, error))
    return false;
  if (work->run.context->json)
    output_json (json_pack ("{s:b, s:s, s:o}", "dry_run", 1, "command", work->key, "migrations",
                            rows_json (work->before.rows, NULL)));
  else
    output_line ("would run %s: %s", work->key, work->command);
  return true;
}

static bool
run_work (ExternalWork *work, GError **error)
{
  bool dry_run = work->spec->dry_run;
  return check_spec (work, error)
         && (dry_run || incident_check_logged (work->run.context, "migrate", error))
         && migrate_base_connect (work->run.base, !dry_run, error)
         && (dry_run ? run_dry (work, error) : lock (work, error) && run_locked (work, error));
}

bool
migrate_external_up (CliContext *context, const MigrateExternal *spec, GError **error)
{
  g_auto (MigrateBase) base = { 0 };
  if (!context_project (context, &base.project, error))
    return false;
  g_auto (ExternalWork) work = {
    .run
    = { .context = context, .base = &base, .action = "migrate up", .no_backup = spec->no_backup },
    .spec = spec,
    .is_up = true,
    .key = "migrations.command.up",
    .command = base.project->migrations.up_command
  };
  return run_work (&work, error);
}

bool
migrate_external_down (CliContext *context, const MigrateExternal *spec, GError **error)
{
  g_auto (MigrateBase) base = { 0 };
  if (!context_project (context, &base.project, error))
    return false;
  g_auto (ExternalWork) work = {
    .run
    = { .context = context, .base = &base, .action = "migrate down", .no_backup = spec->no_backup },
    .spec = spec,
    .key = "migrations.command.down",
    .command = base.project->migrations.down_command
  };
  return run_work (&work, error);
}
