/* pgkeel restore: bring a backup back, without destroying anything first. */
#include "backup/backup_log.h"
#include "backup/catalogue.h"
#include "backup/restore.h"
#include "base/size.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/output.h"
#include "project/audit.h"
#include "project/incident.h"
#include "project/stamp.h"
#include "project/target.h"

#include <string.h>

static char *option_to;
static char *option_table;
static gboolean option_in_place;
static gboolean option_no_compare;
static gboolean option_dry_run;
static int option_jobs;
static int option_lock_wait = 60;

static bool
check_production (const Project *project, GError **error)
{
  return project_check_authorised (project, error)
         && destructive_check_allowed (DESTRUCTIVE_RESTORE_REPLACE, project->environment, error);
}

/* The database says itself which one it is; a wrong URL shows here. */
static bool
check_stamp (const Project *project, const char *url, const char *database, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (Stamp) stamp = { 0 };
  return db_connect (url, database, &db_retry_default, &conn, error)
         && stamp_read (conn, project, &stamp, error) && stamp_check (&stamp, project, error);
}

static bool
ask (CliContext *context, const RestorePlan *plan, GError **error)
{
  const char *database = restore_plan_database (plan);
  bool replaces = restore_plan_replaces (plan);
  bool is_own = option_to == NULL && option_table == NULL;
  const char *verb = replaces               ? "replace the database"
                     : option_table != NULL ? "restore a table in the database"
                                            : "make the database";
  g_autofree char *what
      = g_strdup_printf ("%s “%s” of %s", verb, database, context->project->environment->name);
  const ConfirmRequest request = { .operation = replaces ? DESTRUCTIVE_RESTORE_REPLACE
                                                : is_own ? DESTRUCTIVE_RESTORE_OWN
                                                         : DESTRUCTIVE_RESTORE_BESIDE,
                                   .what = what,
                                   .name = database };
  return confirm (context, &request, error);
}

static json_t *
plan_json (const RestorePlan *plan)
{
  const GPtrArray *steps = restore_plan_steps (plan);
  json_t *array = json_array ();
  for (guint i = 0; i < steps->len; i++)
    json_array_append_new (array, output_json_string (steps->pdata[i]));
  return array;
}

static void
show_plan (CliContext *context, const RestorePlan *plan)
{
  const GPtrArray *steps = restore_plan_steps (plan);
  if (context->json)
    {
      output_json (json_pack ("{s:b, s:o, s:b, s:o}", "dry_run", 1, "database",
                              output_json_string (restore_plan_database (plan)), "replaces",
                              (int) restore_plan_replaces (plan), "steps", plan_json (plan)));
      return;
    }
  for (guint i = 0; i < steps->len; i++)
    output_line ("%u/%u %s", i + 1, steps->len, (const char *) steps->pdata[i]);
}

static json_t *
result_json (const RestorePlan *plan, const RestoreResult *result)
{
  return json_pack ("{s:b, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:f, s:o}", "dry_run", 0,
                    "database", output_json_string (result->database), "table",
                    output_json_string (result->table), "kept", output_json_string (result->kept),
                    "safety_backup", output_json_string (result->safety_backup), "compared",
                    (int) result->is_compared, "tables", (json_int_t) result->table_count, "rows",
                    (json_int_t) result->row_count, "bytes_read", (json_int_t) result->bytes_read,
                    "seconds", (double) result->elapsed_us / 1e6, "steps", plan_json (plan));
}

static void
print_compared (const RestoreResult *result)
{
  const CompareResult *c = &result->compared;
  g_autofree char *rows = text_format_count (result->row_count);
  if (!result->is_compared && !result->is_foreign)
    {
      output_line ("%" G_GUINT64_FORMAT " tables, %s rows, each part as the backup's hashes say; "
                   "NOT compared with what the server holds now, as asked",
                   result->table_count, rows);
      return;
    }
  if (!result->is_compared)
    {
      output_line ("%" G_GUINT64_FORMAT
                   " tables, about %s rows came; pgkeel did not write this dump, so",
                   result->table_count, rows);
      output_line (
          "there were no counts or digests to compare: NOTHING of the contents was verified");
      return;
    }
  output_line ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
               " tables equal by count and digest, %s rows",
               c->tables_equal, c->tables_total, rows);
  if (result->table == NULL)
    output_line ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " sequences equal, schema %s",
                 c->sequences_equal, c->sequences_total,
                 c->schema_compared ? "equal by fingerprint" : "not compared");
}

static void
print_result (const RestoreResult *result)
{
  double seconds = (double) result->elapsed_us / 1e6;
  if (result->table != NULL)
    output_line ("restored table %s in database %s in %.2f s", result->table, result->database,
                 seconds);
  else
    output_line ("restored database %s in %.2f s", result->database, seconds);
  print_compared (result);
  if (result->kept != NULL)
    output_line ("the old database is kept as %s; drop it when you no longer need it",
                 result->kept);
  if (result->safety_backup != NULL)
    output_line ("as it was before: %s", result->safety_backup);
}

static bool
write_audit (const CliContext *context, const RestorePlan *plan, const char *backup,
             const char *phase, const char *message, GError **error)
{
  g_autoptr (json_t) details
      = json_pack ("{s:o, s:o, s:o, s:o, s:o}", "backup", output_json_string (backup), "database",
                   output_json_string (restore_plan_database (plan)), "steps", plan_json (plan),
                   "confirmed", confirm_json (context), "error", output_json_string (message));
  return audit_write (context->project, "restore", phase, details, error);
}

/* Intent before, outcome after; a failure that cannot be logged is still the failure. */
static bool
run_audited (CliContext *context, RestorePlan *plan, const char *folder, const char *backup,
             RestoreResult *result, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (!write_audit (context, plan, backup, "intent", NULL, error))
    return false;
  bool done = restore_run (plan, &context->report, result, &problem);
  const char *message = done ? NULL : problem->message;
  bool logged = write_audit (context, plan, backup, done ? "done" : "failed", message, NULL)
                && backup_log (folder, "restore", done ? "ok" : "failed", NULL,
                               "file=%s database=%s tables=%" G_GUINT64_FORMAT
                               " rows=%" G_GUINT64_FORMAT " compared=%s%s%s",
                               backup, restore_plan_database (plan), result->table_count,
                               result->row_count, result->is_compared ? "yes" : "no",
                               done ? "" : " error=", done ? "" : message);
  if (!logged)
    report_warning (&context->report, "the outcome could not be written to the logs", NULL);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done;
}

static bool
guard (CliContext *context, const RestorePlan *plan, const char *url, const char *backup,
       GError **error)
{
  const Project *project = context->project;
  g_autoptr (GError) problem = NULL;
  bool destroys = restore_plan_replaces (plan) || option_in_place;
  if (check_production (project, &problem)
      && (!destroys || incident_check_none (project, "restore", &problem))
      && ((!restore_plan_replaces (plan) && option_table == NULL)
          || check_stamp (project, url, restore_plan_database (plan), &problem))
      && ask (context, plan, &problem))
    return true;
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !write_audit (context, plan, backup, "refused", problem->message, NULL))
    report_warning (&context->report, "the refusal could not be written to the audit log", NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
run_restore (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  Project *project;
  g_autoptr (Store) store = NULL;
  g_autofree char *name = NULL;
  g_autoptr (RestorePlan) plan = NULL;
  g_auto (RestoreResult) result = { 0 };
  if (!context_project (context, &project, error))
    return false;
  g_autofree char *folder = project_backup_folder (project);
  g_autofree char *url = target_url (project, error);
  if (url == NULL || !catalogue_find (folder, argv[0], &store, &name, error))
    return false;
  RestoreSpec spec = { .project = project,
                       .url = url,
                       .to = option_to,
                       .table = option_table,
                       .in_place = option_in_place,
                       .skip_compare = option_no_compare,
                       .job_count = (unsigned int) MAX (option_jobs, 0),
                       .lock_wait_seconds = (unsigned int) CLAMP (option_lock_wait, 1, 86400) };
  if (option_no_compare && (option_in_place || option_table != NULL))
    return keel_error (error, KEEL_ERROR_USAGE,
                       "What replaces rows that have no other copy is always compared.",
                       "--no-compare cannot be used with --in-place or --table");
  if (!restore_plan_new (&spec, store, name, &plan, error))
    return false;
  if (option_dry_run)
    {
      show_plan (context, plan);
      return true;
    }
  if (!guard (context, plan, url, name, error)
      || !run_audited (context, plan, folder, name, &result, error))
    return false;
  if (context->json)
    output_json (result_json (plan, &result));
  else
    print_result (&result);
  return true;
}

static const GOptionEntry restore_options[] = {
  { "to", 0, 0, G_OPTION_ARG_STRING, &option_to,
    "Restore as this database on the environment's server", "DB" },
  { "table", 'T', 0, G_OPTION_ARG_STRING, &option_table,
    "Restore one table, reading only its parts of the file", "TABLE" },
  { "in-place", 0, 0, G_OPTION_ARG_NONE, &option_in_place,
    "For servers that allow no new database: back up, then replace in one transaction", NULL },
  { "lock-wait", 0, 0, G_OPTION_ARG_INT, &option_lock_wait,
    "With --in-place: how long to wait for a lock of another session (default: 60)", "SECONDS" },
  { "no-compare", 0, 0, G_OPTION_ARG_NONE, &option_no_compare,
    "Do not read the new database back to compare it: faster, and less certain", NULL },
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
    "Show what would be done, and change nothing", NULL },
  { "jobs", 'j', 0, G_OPTION_ARG_INT, &option_jobs,
    "Connections to use (default: one for each processor, at most 8)", "N" },
  G_OPTION_ENTRY_NULL
};

const CliCommand restore_command = {
  .name = "restore",
  .arguments = "BACKUP",
  .min_arguments = 1,
  .max_arguments = 1,
  .summary = "Restore a backup beside the database, compare, then swap them",
  .description
  = "BACKUP is a path, a name from “pgkeel backup list”, or latest. A new database is made, filled\n"
    "and compared with the backup's counts and digests; only then the old one is renamed to\n"
    "NAME_before_TIME and the new one takes its name. The old one is kept. Dumps of pg_dump (.sql,\n"
    ".sql.gz, custom, tar, directory) can be restored too, but carry nothing to compare with.\n\n"
    "A table that is there already comes back beside it, as TABLE_restored_TIME.",
  .example = "pgkeel restore latest --dry-run",
  .options = restore_options,
  .run = run_restore,
};
