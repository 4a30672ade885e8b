/* pgkeel nuke: remove a development or testing database, behind a backup that was proven. */
#include "backup/backup_log.h"
#include "backup/create.h"
#include "backup/inventory.h"
#include "backup/proof.h"
#include "backup/remove.h"
#include "base/size.h"
#include "cli/cmd_integrity.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "project/audit.h"
#include "project/environment.h"
#include "project/incident.h"
#include "project/stamp.h"
#include "project/target.h"

#include <string.h>

#define PRODUCTION "production"

static gboolean option_dry_run;
static gboolean option_end_sessions;
static int option_jobs;

/* What the steps of one run share. */
typedef struct
{
  CliContext *context;
  Project *project; /* the context's */
  char *url;
  Inventory inventory;
  char *backup; /* its name, once it is there */
  bool is_proven;
  char *kept; /* what the database is called, if not by its own name */
  bool is_removed;
} Nuke;

static void
nuke_clear (Nuke *nuke)
{
  g_free (nuke->url);
  inventory_clear (&nuke->inventory);
  g_free (nuke->backup);
  g_free (nuke->kept);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Nuke, nuke_clear)

/* --- guards ---------------------------------------------------------------------------------- */

static bool
is_production (const char *environment)
{
  g_autofree char *name = environment != NULL ? environment_canonical (environment) : NULL;
  return g_strcmp0 (name, PRODUCTION) == 0;
}

/* A shell of production has nothing to remove, whatever -e says. */
static bool
check_variables (GError **error)
{
  static const char *const names[] = { "LEDGER_ENV", "PGKEEL_ENV", "NODE_ENV" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (is_production (g_getenv (names[i])))
      return keel_error (error, KEEL_ERROR_REFUSED,
                         "Run it where that variable does not mean production.",
                         "%s says that this is production: nothing is removed here", names[i]);
  return true;
}

static bool
check_environment (const Project *project, GError **error)
{
  const ProjectEnvironment *environment = project->environment;
  if (destructive_level (DESTRUCTIVE_NUKE, environment) == CONFIRM_NEVER)
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        "Only “development” and “testing” are ever nuked, and not while they are protected. No flag "
        "and no variable changes that.",
        "the database of “%s” is never removed", environment->name);
  return check_variables (error);
}

static bool
check_url (const Project *project, const char *url, GError **error)
{
  return project->environment->is_local || !is_production (environment_of_url (url))
         || keel_error (error, KEEL_ERROR_REFUSED,
                        "Check the URL and the environment. No flag and no variable changes that.",
                        "the URL of “%s” says that it is production: it is never removed",
                        project->environment->name);
}

/* A server of its own has nothing else in it; elsewhere only the stamp tells this database from the one
 * that a wrong URL leads to. */
static bool
check_stamp (const Project *project, const Stamp *stamp, GError **error)
{
  if (is_production (stamp->environment))
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        stamp->verdict == STAMP_COPY
            ? "It is a copy: if it may be removed, say what it is now with “pgkeel env stamp”."
            : "Check the URL and the environment. No flag and no variable changes that.",
        "the database is stamped “%s” of project “%s”: production is never removed",
        stamp->environment, stamp->project);
  if (!stamp_check (stamp, project, error))
    return false;
  return project->environment->is_local || stamp->verdict == STAMP_MATCHES
         || keel_error (error, KEEL_ERROR_REFUSED,
                        "If it is the right one, say so with “pgkeel env stamp”.",
                        "the database does not say that it is “%s” of project “%s”",
                        project->environment->name, project->name);
}

static bool
check_database (const Inventory *inventory, GError **error)
{
  static const char *const kept[] = { "postgres", "template0", "template1", NULL };
  return !g_strv_contains (kept, inventory->database)
         || keel_error (error, KEEL_ERROR_REFUSED, "Give the project a database of its own.",
                        "the database “%s” belongs to the server", inventory->database);
}

static bool
check_blockers (const Inventory *inventory, GError **error)
{
  if (inventory->blockers->len == 0)
    return true;
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < inventory->blockers->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "",
                            (const char *) inventory->blockers->pdata[i]);
  return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, names->str, "Remove it first.",
                          "the database “%s” cannot be dropped with what depends on it",
                          inventory->database);
}

static bool
check_sessions (const Inventory *inventory, GError **error)
{
  guint count = inventory->sessions->len;
  if (count == 0 || option_end_sessions)
    return true;
  return keel_error (error, KEEL_ERROR_REFUSED, "End them, or let --end-sessions do it.",
                     "%u session%s connected to the database “%s”", count,
                     count == 1 ? " is" : "s are", inventory->database);
}

/* --- showing --------------------------------------------------------------------------------- */

static json_t *
schemas_json (const Inventory *inventory)
{
  json_t *array = json_array ();
  for (guint i = 0; i < inventory->schemas->len; i++)
    {
      const InventorySchema *schema = inventory->schemas->pdata[i];
      json_array_append_new (array, json_pack ("{s:o, s:I, s:I, s:I, s:I}", "schema",
                                               output_json_string (schema->name), "tables",
                                               (json_int_t) schema->tables, "others",
                                               (json_int_t) schema->others, "rows",
                                               (json_int_t) schema->rows, "size_bytes",
                                               (json_int_t) schema->size_bytes));
    }
  return array;
}

static json_t *
sessions_json (const Inventory *inventory)
{
  json_t *array = json_array ();
  for (guint i = 0; i < inventory->sessions->len; i++)
    {
      const InventorySession *session = inventory->sessions->pdata[i];
      json_array_append_new (array,
                             json_pack ("{s:i, s:o, s:o, s:o, s:o}", "pid", session->pid, "user",
                                        output_json_string (session->user), "application",
                                        output_json_string (session->application), "client",
                                        output_json_string (session->client), "state",
                                        output_json_string (session->state)));
    }
  return array;
}

static char *
bring_back_command (const Nuke *nuke)
{
  if (nuke->backup == NULL)
    return NULL;
  g_autofree char *environment = g_shell_quote (nuke->project->environment->name);
  bool is_plain = environment_name_is_valid (nuke->project->environment->name);
  return g_strdup_printf ("pgkeel -e %s restore %s",
                          is_plain ? nuke->project->environment->name : environment, nuke->backup);
}

static json_t *
nuke_json (const Nuke *nuke)
{
  const Inventory *inventory = &nuke->inventory;
  g_autofree char *command = bring_back_command (nuke);
  return json_pack (
      "{s:b, s:o, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:b, s:o, s:o}", "dry_run",
      (int) option_dry_run, "environment", output_json_string (nuke->project->environment->name),
      "database", output_json_string (inventory->database), "empty", (int) inventory->is_empty,
      "removed", (int) nuke->is_removed, "tables", (json_int_t) inventory_tables (inventory),
      "rows", (json_int_t) inventory_rows (inventory), "large_objects",
      (json_int_t) inventory->large_objects, "size_bytes", (json_int_t) inventory->size_bytes,
      "schemas", schemas_json (inventory), "sessions", sessions_json (inventory), "backup",
      output_json_string (nuke->backup), "proven", (int) nuke->is_proven, "bring_back",
      output_json_string (command), "kept_as", output_json_string (nuke->kept));
}

/* The plan is the result of a dry run, and a step of a real one. */
static void G_GNUC_PRINTF (2, 3) say (const Nuke *nuke, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  if (option_dry_run && !nuke->context->json)
    output_line ("%s", text);
  else if (!option_dry_run)
    report_step (&nuke->context->report, "%s", text);
}

static void
show_plan (const Nuke *nuke)
{
  const Inventory *inventory = &nuke->inventory;
  g_autofree char *size = size_format (inventory->size_bytes);
  g_autofree char *rows = text_format_count (inventory_rows (inventory));
  say (nuke, "the database “%s” of %s will be empty: %s, %" G_GUINT64_FORMAT " tables, %s rows",
       inventory->database, nuke->project->environment->name, size, inventory_tables (inventory),
       rows);
  for (guint i = 0; i < inventory->schemas->len; i++)
    {
      const InventorySchema *schema = inventory->schemas->pdata[i];
      g_autofree char *schema_size = size_format (schema->size_bytes);
      g_autofree char *schema_rows = text_format_count (schema->rows);
      say (nuke,
           "schema %s: %" G_GUINT64_FORMAT " tables, %s rows, %s; %" G_GUINT64_FORMAT
           " other objects",
           schema->name, schema->tables, schema_rows, schema_size, schema->others);
    }
  if (inventory->large_objects > 0)
    say (nuke, "%" G_GUINT64_FORMAT " large objects", inventory->large_objects);
  for (guint i = 0; i < inventory->sessions->len; i++)
    {
      const InventorySession *session = inventory->sessions->pdata[i];
      say (nuke, "connected: process %d, %s from %s%s%s, %s%s", session->pid, session->user,
           session->client, *session->application != '\0' ? ", " : "", session->application,
           session->state, option_end_sessions ? "; it will be ended" : "");
    }
  say (nuke, "not touched: Docker volumes, roles, other databases, backups");
}

static void
print_result (const Nuke *nuke)
{
  g_autofree char *rows = text_format_count (inventory_rows (&nuke->inventory));
  g_autofree char *command = bring_back_command (nuke);
  output_line ("removed %" G_GUINT64_FORMAT " tables with %s rows; the database “%s” is empty",
               inventory_tables (&nuke->inventory), rows, nuke->inventory.database);
  output_line ("as it was before, proven: %s", nuke->backup);
  output_line ("to bring it back: %s", command);
}

/* --- the way back ---------------------------------------------------------------------------- */

/* Old backups are not this command's to remove. */
static bool
back_up (Nuke *nuke, GError **error)
{
  g_auto (CreateResult) result = { 0 };
  g_autoptr (GError) problem = NULL;
  Report *report = &nuke->context->report;
  CreateSpec spec = { .project = nuke->project,
                      .url = nuke->url,
                      .type = DUMP_ALL,
                      .job_count = (unsigned int) MAX (option_jobs, 0),
                      .keep_all = true };
  report_step (report, "backing up first");
  if (backup_create (&spec, report, &result, &problem))
    {
      nuke->backup = g_strdup (result.name);
      return true;
    }
  bool is_small = keel_error_is (problem, KEEL_ERROR_ANSWER_NO);
  g_propagate_error (error, g_steal_pointer (&problem));
  if (is_small)
    keel_error_suggest (error, "A database as small as this one needs a smaller backup.min_size in "
                               "pgkeel.yaml.");
  return prefix_error (error, "nothing was removed: the backup before");
}

static bool
prove (Nuke *nuke, Store *store, GError **error)
{
  g_auto (Proof) proof = { 0 };
  g_autoptr (GError) problem = NULL;
  const ProofSpec spec
      = { .server_url = nuke->url, .job_count = (unsigned int) MAX (option_jobs, 0) };
  report_step (&nuke->context->report, "proving it");
  bool is_made = proof_run (&spec, store, nuke->backup, &nuke->context->report, &proof, &problem);
  nuke->is_proven = is_made && proof.passed;
  if (!backup_log (store_location (store), "prove", nuke->is_proven ? "ok" : "failed", NULL,
                   "file=%s tables=%" G_GUINT64_FORMAT " rows=%" G_GUINT64_FORMAT "%s%s",
                   nuke->backup, proof.compared.tables_equal, proof.compared.rows,
                   is_made ? "" : " error=", is_made ? "" : problem->message))
    report_warning (&nuke->context->report, "the proof could not be written to backup.log", NULL);
  incident_after_proof (nuke->context, store, nuke->backup, is_made ? &proof : NULL, problem);
  if (nuke->is_proven)
    return true;
  if (is_made)
    return keel_error_full (
        error, KEEL_ERROR_FAILED, NULL,
        proof.compared.differences->len > 0 ? proof.compared.differences->pdata[0] : NULL,
        "Without a way back nothing is removed.",
        "nothing was removed: the backup “%s” is not proven, %u differences", nuke->backup,
        proof.compared.differences->len);
  g_propagate_error (error, g_steal_pointer (&problem));
  return prefix_error (error, "nothing was removed: the proof of “%s”", nuke->backup);
}

/* --- the run --------------------------------------------------------------------------------- */

static bool
write_audit (const Nuke *nuke, const char *phase, const char *message, GError **error)
{
  const Inventory *inventory = &nuke->inventory;
  bool is_read = inventory->schemas != NULL;
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:o, s:I, s:I, s:I, s:o, s:b, s:o, s:o}", "confirmed", confirm_json (nuke->context),
      "database", output_json_string (inventory->database), "tables",
      (json_int_t) (is_read ? inventory_tables (inventory) : 0), "rows",
      (json_int_t) (is_read ? inventory_rows (inventory) : 0), "size_bytes",
      (json_int_t) inventory->size_bytes, "backup", output_json_string (nuke->backup), "proven",
      (int) nuke->is_proven, "kept_as", output_json_string (nuke->kept), "error",
      output_json_string (message));
  return audit_write (nuke->project, "nuke", phase, details, error);
}

/* Hands PROBLEM on; a refusal is written down. */
static bool
refuse (const Nuke *nuke, GError *problem, GError **error)
{
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !write_audit (nuke, "refused", problem->message, NULL))
    report_warning (&nuke->context->report, "the refusal could not be written to the audit log",
                    NULL);
  g_propagate_error (error, problem);
  return false;
}

/* The session ends with it: it would be one of those that are in the way. */
static bool
look (Nuke *nuke, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (Stamp) stamp = { 0 };
  return db_connect (nuke->url, NULL, &db_retry_default, &conn, error)
         && stamp_read (conn, nuke->project, &stamp, error)
         && check_stamp (nuke->project, &stamp, error)
         && (option_dry_run || incident_check_none (nuke->project, "nuke", error))
         && inventory_read (conn, &nuke->inventory, error)
         && check_database (&nuke->inventory, error);
}

static bool
may_look (Nuke *nuke, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (check_environment (nuke->project, &problem))
    nuke->url = target_url (nuke->project, &problem);
  return (nuke->url != NULL && check_url (nuke->project, nuke->url, &problem)
          && look (nuke, &problem))
         || refuse (nuke, g_steal_pointer (&problem), error);
}

static bool
ask (Nuke *nuke, GError **error)
{
  const Inventory *inventory = &nuke->inventory;
  g_autoptr (GError) problem = NULL;
  g_autofree char *rows = text_format_count (inventory_rows (inventory));
  g_autofree char *what = g_strdup_printf (
      "back up the database “%s” of %s, prove the backup, and remove all of the database: "
      "%" G_GUINT64_FORMAT " tables, %s rows",
      inventory->database, nuke->project->environment->name, inventory_tables (inventory), rows);
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_NUKE, .what = what, .name = inventory->database };
  return (check_blockers (inventory, &problem) && check_sessions (inventory, &problem)
          && confirm (nuke->context, &request, &problem))
         || refuse (nuke, g_steal_pointer (&problem), error);
}

static bool
remove_proven (Nuke *nuke, Store *store, GError **error)
{
  g_autoptr (BackupReader) reader = NULL;
  if (!backup_reader_open (store, nuke->backup, &reader, error))
    return false;
  const RemoveSpec spec = { .project = nuke->project,
                            .url = nuke->url,
                            .database = nuke->inventory.database,
                            .index = backup_reader_index (reader),
                            .job_count = (unsigned int) MAX (option_jobs, 0),
                            .end_sessions = option_end_sessions };
  report_step (&nuke->context->report, "the way back, proven: %s", nuke->backup);
  return remove_run (&spec, &nuke->context->report, &nuke->kept, error);
}

/* Intent before, naming the way back, and outcome after; a failure that cannot be logged is still the failure. */
static bool
remove_audited (Nuke *nuke, GError **error)
{
  g_autofree char *folder = project_backup_folder (nuke->project);
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GError) problem = NULL;
  if (!back_up (nuke, error) || !prove (nuke, store, error)
      || !write_audit (nuke, "intent", NULL, error))
    return false;
  nuke->is_removed = remove_proven (nuke, store, &problem);
  if (!write_audit (nuke, nuke->is_removed ? "done" : "failed",
                    nuke->is_removed ? NULL : problem->message, NULL))
    report_warning (&nuke->context->report, "the outcome could not be written to the audit log",
                    NULL);
  if (!nuke->is_removed)
    g_propagate_error (error, g_steal_pointer (&problem));
  return nuke->is_removed;
}

static bool
run_nuke (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (Nuke) nuke = { .context = context };
  if (!context_project (context, &nuke.project, error) || !may_look (&nuke, error))
    return false;
  bool is_done = option_dry_run || nuke.inventory.is_empty;
  show_plan (&nuke);
  if (!is_done)
    is_done = ask (&nuke, error) && remove_audited (&nuke, error);
  if (context->json)
    output_json (nuke_json (&nuke));
  else if (nuke.inventory.is_empty)
    output_line ("the database “%s” is empty already", nuke.inventory.database);
  else if (nuke.is_removed)
    print_result (&nuke);
  return is_done;
}

static const GOptionEntry nuke_options[]
    = { { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
          "Show what would go, and change nothing", NULL },
        { "end-sessions", 0, 0, G_OPTION_ARG_NONE, &option_end_sessions,
          "End the sessions of others in the database; without it they are a reason to refuse",
          NULL },
        { "jobs", 'j', 0, G_OPTION_ARG_INT, &option_jobs,
          "Connections to use (default: one for each processor, at most 8)", "N" },
        G_OPTION_ENTRY_NULL };

const CliCommand nuke_command = {
  .name = "nuke",
  .summary = "Remove a development or testing database, behind a proven backup",
  .description
  = "Shows what will go, wants DESTROY typed, makes a backup and proves it. Then an empty database with\n"
    "the same owner, encoding, locale, privileges and settings takes its place, ready for “pgkeel migrate\n"
    "up”; the old one is compared with the backup, every row of it, and dropped. When the backup, its\n"
    "proof or the comparison fails, nothing is removed. The command that brings it back is printed.\n\n"
    "Production is refused always: by the environment's name or protection, by what the database's stamp\n"
    "says, by what the URL says. A database that is not of a local environment needs a stamp.",
  .example = "pgkeel nuke --dry-run",
  .options = nuke_options,
  .run = run_nuke,
};
