#include "cli/emergency.h"

#include "backup/catalogue.h"
#include "backup/create.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/size.h"
#include "cli/cmd_integrity.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "integrity/report.h"
#include "project/audit.h"
#include "project/target.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Another incident's emergency backup that is not older serves this one, too: many volumes may be attacked at once, and
 * the disk must not be filled by that. */
#define RECENT_SECONDS (10 * 60)
#define LOCK_POLL_US (500 * 1000)
#define CHECK_BUDGET_SECONDS 30
#define SHOWN_MAX 20

/* Adds to the timeline; that this fails is no reason to stop. */
static void
note (CliContext *context, const char *id, const char *event, json_t *evidence, const char *summary)
{
  g_autoptr (json_t) owned = evidence;
  g_autoptr (GError) problem = NULL;
  report_step (&context->report, "incident %s: %s", id, summary);
  if (incident_note (context->project, id, event, summary, owned, &problem))
    return;
  g_autofree char *text
      = g_strdup_printf ("the incident’s timeline could not be written: %s", problem->message);
  report_warning (&context->report, text, NULL);
}

/* In the timeline, and told: a response that failed in silence would be taken for one that was made. */
static void
note_failure (CliContext *context, const char *id, const char *event, const char *what,
              const GError *problem)
{
  g_autofree char *summary = g_strdup_printf ("%s: %s", what, problem->message);
  note (context, id, event,
        json_pack ("{s:o, s:o}", "detail", output_json_string (keel_error_detail (problem)), "hint",
                   output_json_string (keel_error_hint (problem))),
        summary);
  incident_notify (context, id, "response-failed", summary);
}

/* --- backup ---------------------------------------------------------------------------------- */

static bool
audit (const Project *project, const char *id, const char *phase, const char *backup,
       GError **error)
{
  g_autoptr (json_t) details = json_pack ("{s:s, s:s*}", "incident", id, "backup", backup);
  return audit_write (project, "incident backup", phase, details, error);
}

/* The newest emergency backup, when it is young; NULL: there is none. */
static char *
find_recent (const Project *project, const GPtrArray *entries)
{
  for (guint i = 0; i < entries->len; i++)
    {
      const BackupEntry *entry = entries->pdata[i];
      if (entry->problem == NULL && strcmp (entry->type, CATALOGUE_EMERGENCY) == 0
          && strcmp (entry->project, project->name) == 0
          && entry->created >= clock_now () - RECENT_SECONDS)
        return g_strdup (entry->name);
    }
  return NULL;
}

/* The last backup says how large this one will be: a disk that it fills may be the server's. */
static bool
check_room (const Project *project, const char *folder, const GPtrArray *entries, GError **error)
{
  uint64_t needed = 0, room;
  for (guint i = 0; i < entries->len && needed == 0; i++)
    {
      const BackupEntry *entry = entries->pdata[i];
      if (entry->problem == NULL && strcmp (entry->project, project->name) == 0
          && (strcmp (entry->type, "db") == 0 || strcmp (entry->type, CATALOGUE_EMERGENCY) == 0))
        needed = entry->size_bytes + entry->size_bytes / 4;
    }
  if (!fs_free_bytes (folder, &room, error))
    return false;
  if (room >= needed)
    return true;
  g_autofree char *has = size_format (room);
  g_autofree char *wants = size_format (needed);
  return keel_error (error, KEEL_ERROR_FAILED,
                     "Make room, then run “pgkeel incident respond” again.",
                     "“%s” has %s free, and about %s are needed", folder, has, wants);
}

/* *RET_RECENT: the one that serves; then none is made. */
static bool
make_backup (CliContext *context, CreateResult *ret_result, char **ret_recent, GError **error)
{
  const Project *project = context->project;
  g_autofree char *url = target_url (project, error);
  g_autofree char *folder = project_backup_folder (project);
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  if (url == NULL || !fs_make_folder (folder, 0700, error)
      || !catalogue_list (store, &entries, error))
    return false;
  *ret_recent = find_recent (project, entries);
  if (*ret_recent != NULL)
    return true;
  const CreateSpec spec
      = { .project = project, .url = url, .type = DUMP_ALL, .is_emergency = true };
  return check_room (project, folder, entries, error)
         && backup_create (&spec, &context->report, ret_result, error);
}

/* Waits while another backup is made, and then looks again. */
static bool
make_patiently (CliContext *context, int64_t patience_seconds, CreateResult *ret_result,
                char **ret_recent, GError **error)
{
  int64_t deadline = clock_monotonic_us () + patience_seconds * G_USEC_PER_SEC;
  for (;;)
    {
      g_autoptr (GError) problem = NULL;
      if (make_backup (context, ret_result, ret_recent, &problem))
        return true;
      if (!keel_error_is (problem, KEEL_ERROR_LOCKED) || clock_monotonic_us () > deadline)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      report_step (&context->report, "waiting for the backup that is being made");
      g_usleep (LOCK_POLL_US);
      if (!cancel_check (error))
        return false;
    }
}

static json_t *
backup_evidence (const CreateResult *result)
{
  json_t *differences = json_array ();
  for (guint i = 0; i < MIN (result->warnings->len, (guint) SHOWN_MAX); i++)
    json_array_append_new (differences, output_json_string (result->warnings->pdata[i]));
  return json_pack (
      "{s:o, s:o, s:I, s:I, s:I, s:o}", "backup", output_json_string (result->name), "path",
      output_json_string (result->path), "size_bytes", (json_int_t) result->dump.size_bytes,
      "tables", (json_int_t) result->dump.index->tables->len, "rows",
      (json_int_t) backup_index_rows (result->dump.index), "differences", differences);
}

static void
note_backup (CliContext *context, const char *id, const CreateResult *result)
{
  g_autofree char *size = size_format (result->dump.size_bytes);
  g_autofree char *rows = text_format_count (backup_index_rows (result->dump.index));
  guint tables = result->dump.index->tables->len;
  g_autofree char *summary = g_strdup_printf (
      "emergency backup “%s”: %s, %u table%s, %s rows; read back and verified, not proven",
      result->name, size, tables, tables == 1 ? "" : "s", rows);
  note (context, id, "backup", backup_evidence (result), summary);
}

static bool
run_backup (CliContext *context, const char *id, int64_t patience_seconds, char **ret_name,
            GError **error)
{
  g_auto (CreateResult) result = { 0 };
  g_autofree char *recent = NULL;
  if (!audit (context->project, id, "intent", NULL, error)
      || !make_patiently (context, patience_seconds, &result, &recent, error))
    return false;
  *ret_name = g_strdup (recent != NULL ? recent : result.name);
  if (recent == NULL)
    note_backup (context, id, &result);
  else
    {
      g_autofree char *summary = g_strdup_printf (
          "emergency backup “%s” serves: it is less than 10 minutes old", recent);
      note (context, id, "backup", NULL, summary);
    }
  return audit (context->project, id, "done", *ret_name, error);
}

static bool
back_up (CliContext *context, const char *id, int64_t patience_seconds, char **ret_name,
         GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (run_backup (context, id, patience_seconds, ret_name, &problem))
    return true;
  /* What was wrong is what matters. */
  if (!audit (context->project, id, "failed", NULL, NULL))
    report_warning (&context->report, "the failure could not be written to the audit log", NULL);
  note_failure (context, id, "backup", "no emergency backup could be made", problem);
  g_propagate_prefixed_error (error, g_steal_pointer (&problem),
                              "no emergency backup could be made: ");
  return false;
}

/* --- integrity ------------------------------------------------------------------------------- */

static json_t *
findings_json (const IntegrityRun *run)
{
  json_t *array = json_array ();
  for (guint i = 0; i < MIN (run->findings->len, (guint) SHOWN_MAX); i++)
    {
      const Finding *finding = run->findings->pdata[i];
      json_array_append_new (array, json_pack ("{s:s, s:s, s:o, s:o}", "severity",
                                               check_severity_name (finding->severity), "check",
                                               finding->check->id, "object",
                                               output_json_string (finding->object), "message",
                                               output_json_string (finding->message)));
    }
  return array;
}

static bool
run_quick (CliContext *context, IntegrityRun **ret_run, GError **error)
{
  g_auto (IntegrityBase) base = { 0 };
  const IntegrityFlags none = { 0 };
  IntegrityOptions options = { 0 };
  if (!integrity_base_open (context, NULL, &base, error)
      || !integrity_options (&base, &none, &options, error))
    return false;
  options.only_quick = true;
  options.budget_seconds = CHECK_BUDGET_SECONDS;
  return integrity_run (base.url, &options, &base.report, ret_run, error);
}

static bool
check_integrity (CliContext *context, const char *id, GError **error)
{
  g_autoptr (IntegrityRun) run = NULL;
  g_autoptr (GError) problem = NULL;
  if (!run_quick (context, &run, &problem))
    {
      note_failure (context, id, "integrity", "integrity could not be checked", problem);
      g_propagate_prefixed_error (error, g_steal_pointer (&problem),
                                  "integrity could not be checked: ");
      return false;
    }
  unsigned int critical = integrity_run_count (run, CHECK_SEVERITY_CRITICAL);
  unsigned int bad = integrity_run_count (run, CHECK_SEVERITY_ERROR);
  g_autofree char *coverage = report_coverage_line (run);
  g_autofree char *summary = g_strdup_printf (
      "quick check of integrity: %u critical, %u error%s%s%s; looked at: %s", critical,
      bad - critical, bad - critical == 1 ? "" : "s",
      integrity_run_has_unknown (run) ? "; not all could be looked at" : "",
      run->left_out->len > 0 ? "; some left out for want of time" : "", coverage);
  note (context, id, "integrity", json_pack ("{s:o}", "findings", findings_json (run)), summary);
  return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* The database was dumped a moment ago, and that is the news. */
static bool
is_about_dump (const Incident *incident)
{
  return g_strcmp0 (incident->kind, incident_kind_name (INCIDENT_SHRUNKEN_BACKUP)) == 0;
}

static bool
read_open (CliContext *context, const char *id, Incident **ret_incident, GError **error)
{
  Project *project;
  g_autoptr (Incident) incident = NULL;
  if (!context_project (context, &project, error) || !incident_read (project, id, &incident, error))
    return false;
  if (!incident->is_open || incident->document == NULL)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "the incident %s is %s%s", id,
                       incident->is_open ? "not to be read: " : "closed",
                       incident->is_open ? incident->problem : "");
  if (!incident_is_of (incident, project->environment->name))
    {
      g_autofree char *hint = g_strdup_printf ("Give -e %s.", incident->environment);
      return keel_error (error, KEEL_ERROR_USAGE, hint,
                         "the incident %s is of the environment “%s”", id, incident->environment);
    }
  *ret_incident = g_steal_pointer (&incident);
  return true;
}

/* Backs up, then looks: the look may take a while. A backup that failed is no reason not to look, unless nobody is
 * there. */
static bool
save_and_check (CliContext *context, const Incident *incident, int64_t patience_seconds,
                char **ret_backup, GError **error)
{
  const char *id = incident->id;
  g_autoptr (GError) problem = NULL;
  if (is_about_dump (incident))
    note (context, id, "backup", NULL,
          "no emergency backup: the one that was just made says what the database holds");
  else if (!back_up (context, id, patience_seconds, ret_backup, &problem)
           && (cancel_requested () || keel_error_is (problem, KEEL_ERROR_UNREACHABLE)
               || keel_error_is (problem, KEEL_ERROR_CONFIG)))
    {
      if (!cancel_requested ())
        note (context, id, "integrity", NULL, "integrity was not checked: there is no database");
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  if (problem == NULL)
    return check_integrity (context, id, error);
  if (!check_integrity (context, id, NULL))
    g_debug ("neither backup nor check for %s", id);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

bool
emergency_respond (CliContext *context, const char *id, int64_t patience_seconds, char **ret_backup,
                   GError **error)
{
  g_autoptr (Incident) incident = NULL;
  g_autofree char *backup = NULL;
  if (!read_open (context, id, &incident, error))
    return false;
  incident_notify (context, id, "opened", NULL);
  if (!context->project->incident.wants_backup)
    {
      note (context, id, "backup", NULL,
            "neither an emergency backup nor a check: incident.emergency_backup is false");
      return true;
    }
  if (!save_and_check (context, incident, patience_seconds, &backup, error))
    return false;
  if (ret_backup != NULL)
    *ret_backup = g_steal_pointer (&backup);
  return true;
}

void
emergency_respond_or_warn (CliContext *context, const char *id)
{
  g_autoptr (GError) problem = NULL;
  if (emergency_respond (context, id, EMERGENCY_PATIENCE_S, NULL, &problem))
    return;
  g_autofree char *text = g_strdup_printf ("incident %s: %s", id, problem->message);
  g_autofree char *hint = g_strdup_printf ("“pgkeel incident respond %s” tries it again.", id);
  report_warning (&context->report, text, hint);
}

/* --- for who cannot wait --------------------------------------------------------------------- */

/* What belongs to the user who runs it: .pgpass is looked for there. */
static GPtrArray *
owner_environment (uid_t uid)
{
  GPtrArray *environment = g_ptr_array_new_with_free_func (g_free);
  struct passwd entry, *found = NULL;
  char buffer[4096];
  if (getpwuid_r (uid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
    {
      g_ptr_array_add (environment, g_strconcat ("HOME=", found->pw_dir, NULL));
      g_ptr_array_add (environment, g_strconcat ("USER=", found->pw_name, NULL));
      g_ptr_array_add (environment, g_strconcat ("LOGNAME=", found->pw_name, NULL));
    }
  g_ptr_array_add (environment, NULL);
  return environment;
}

static bool
start_response (const Project *project, const char *id, bool is_silent, GError **error)
{
  /* Our own program, also when its file was replaced meanwhile. */
  const char *program
      = g_file_test ("/proc/self/exe", G_FILE_TEST_EXISTS) ? "/proc/self/exe" : NULL;
  const char *argv[]
      = { "pgkeel", "-C", project->folder, "-e", project->environment->name, "incident", "respond",
          id,       NULL };
  struct stat info;
  if (stat (project->folder, &info) != 0)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "cannot look at “%s”", project->folder);
  g_autoptr (GPtrArray) environment = owner_environment (info.st_uid);
  const ProcessSpec spec = { .argv = argv,
                             .environment = (const char *const *) environment->pdata,
                             .folder = project->folder,
                             .uid = info.st_uid,
                             .gid = info.st_gid,
                             .is_silent = is_silent };
  return process_detach (&spec, program, error);
}

bool
emergency_open_aside (const Project *project, const IncidentSpec *spec, bool is_silent,
                      GError **error)
{
  g_autofree char *id = NULL;
  g_autoptr (GError) problem = NULL;
  bool is_new;
  if (!incident_open (project, spec, &id, &is_new, error))
    return false;
  if (!is_new || start_response (project, id, is_silent, &problem))
    return true;
  g_autofree char *summary
      = g_strdup_printf ("no emergency backup was begun: %s", problem->message);
  fprintf (stderr, "error: incident %s: %s\n", id, summary);
  return incident_note (project, id, "backup", summary, NULL, error);
}
