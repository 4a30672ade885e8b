/*
 * pgkeel guard release: opens one protected volume for one deletion, for ten minutes.
 */
#include "backup/catalogue.h"
#include "base/clock.h"
#include "base/size.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/guard_proof.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "guard/policy.h"
#include "guard/release.h"
#include "guard/volume.h"
#include "project/audit.h"
#include "project/incident.h"
#include "project/who.h"

#include <string.h>
#include <unistd.h>

#define ACTION "guard release"
/* Typed behind the volume's name where there is no proven backup. */
#define NO_BACKUP_WORDS "no backup"

static int option_list, option_revoke, option_no_backup;
static char *option_docker;

/* One release in the making. */
typedef struct
{
  CliContext *context;
  Project *project;
  GuardEngine *engine;
  GuardPolicy *policy;
  char *folder;
  GuardVolume *volume;
  char *identity; /* of the volume, as it was judged */
  GPtrArray *backups;
  GuardProof *proof;
  bool has_no_backup; /* the proof is not enough, and the words have been typed */
} Releasing;

static void
releasing_clear (Releasing *self)
{
  guard_proof_free (self->proof);
  g_clear_pointer (&self->backups, g_ptr_array_unref);
  g_free (self->identity);
  guard_volume_free (self->volume);
  g_free (self->folder);
  guard_policy_free (self->policy);
  guard_engine_free (self->engine);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Releasing, releasing_clear)

/* --- the volume -------------------------------------------------------------------------------- */

static bool
check_protected (const GuardVolume *volume, GError **error)
{
  if (guard_volume_is_protected (volume) || !volume->is_readable)
    return true;
  g_autofree char *hint
      = g_strdup_printf ("“docker volume rm %s” deletes it as it is.", volume->name);
  return keel_error (error, KEEL_ERROR_ANSWER_NO, hint,
                     "volume “%s” is not protected: there is nothing to release", volume->name);
}

static bool
check_unused (const GuardVolume *volume, GError **error)
{
  if (volume->running->len == 0)
    return true;
  const char *name = volume->running->pdata[0];
  g_autofree char *hint
      = g_strdup_printf ("Stop and remove it first: docker stop %s && docker rm %s", name, name);
  return keel_error (error, KEEL_ERROR_REFUSED, hint,
                     "volume “%s” is in use: container “%s” is running", volume->name, name);
}

/* A server may have the files by another way than through a container that mounts the volume. */
static bool
check_unserved (const GuardProof *proof, GError **error)
{
  for (guint i = 0; i < proof->clusters->len; i++)
    {
      const GuardClusterProof *cluster = proof->clusters->pdata[i];
      pid_t pid = guard_find_worker (cluster->path);
      if (pid != 0)
        return keel_error (error, KEEL_ERROR_REFUSED, "Stop it first.",
                           "process %d is at work in the data directory “%s”", (int) pid,
                           cluster->path);
    }
  return true;
}

static bool
read_volume (Releasing *self, const char *name, GuardVolume **ret_volume, GError **error)
{
  g_autoptr (GuardVolume) volume = NULL;
  if (!guard_volume_read (self->policy, self->engine, name, &volume, error))
    return false;
  if (volume == NULL)
    return keel_error (error, KEEL_ERROR_MISSING, "“pgkeel guard volumes” shows what there is.",
                       "there is no Docker volume “%s”", name);
  if (!guard_volume_find_containers (self->engine, volume, error))
    return false;
  *ret_volume = g_steal_pointer (&volume);
  return true;
}

/* The plugin reads root's releases. */
static bool
check_user (GError **error)
{
  const char *state = g_getenv ("PGKEEL_GUARD_STATE");
  if (geteuid () == 0 || (state != NULL && *state != '\0'))
    return true;
  return keel_error (error, KEEL_ERROR_REFUSED,
                     "Run it with sudo, in the same folder: sudo pgkeel guard release VOLUME",
                     "only root can release a volume");
}

static bool
open_engine (Releasing *self, GError **error)
{
  if (!guard_engine_open (option_docker, &self->engine, error))
    return false;
  if (!g_str_has_prefix (guard_engine_host (option_docker), "unix://"))
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Run it on the machine of that Engine, by its Unix socket.",
                       "a release is honoured on the machine where it is made, and the Docker "
                       "Engine may be on another one");
  self->policy = guard_policy_new (&self->project->guard, NULL);
  return true;
}

/* --- what speaks against it ---------------------------------------------------------------------- */

/* The environment that the backups name, when it is a protected one and not the chosen. */
static const GuardBackup *
find_foreign (const Releasing *self)
{
  const Project *project = self->project;
  for (guint i = 0; i < self->proof->clusters->len; i++)
    {
      const GuardClusterProof *cluster = self->proof->clusters->pdata[i];
      for (guint j = 0; j < cluster->databases->len; j++)
        {
          const GuardDatabaseProof *database = cluster->databases->pdata[j];
          const ProjectEnvironment *environment
              = database->newest != NULL
                    ? project_find_environment (project, database->newest->environment)
                    : NULL;
          if (environment != NULL && environment_kind (environment) >= ENVIRONMENT_PROTECTED
              && strcmp (environment->name, project->environment->name) != 0)
            return database->newest;
        }
    }
  return NULL;
}

static bool
check_environment (const Releasing *self, GError **error)
{
  const Project *project = self->project;
  const GuardBackup *foreign = find_foreign (self);
  if (foreign != NULL)
    {
      g_autofree char *hint
          = g_strdup_printf ("If that is what you mean, choose it: pgkeel -e %s guard release %s",
                             foreign->environment, self->volume->name);
      return keel_error (error, KEEL_ERROR_REFUSED, hint,
                         "volume “%s” holds the database “%s” of %s, and the chosen environment "
                         "is %s",
                         self->volume->name, foreign->database, foreign->environment,
                         project->environment->name);
    }
  return project_check_authorised (project, error);
}

static const char *
proof_hint (GuardProofVerdict verdict)
{
  switch (verdict)
    {
    case GUARD_PROOF_UNPROVEN:
      return "Run “pgkeel backup prove latest” in the database's environment. What has no other "
             "copy goes only with --no-backup.";
    case GUARD_PROOF_MISSING:
    case GUARD_PROOF_STALE:
      return "Start the database, run “pgkeel backup create” and “pgkeel backup prove latest” in its "
             "environment, and stop it. What has no other copy goes only with --no-backup.";
    case GUARD_PROOF_NO_DATABASE:
      return "If what it holds is not needed: pgkeel guard release VOLUME --no-backup";
    case GUARD_PROOF_UNKNOWN:
    case GUARD_PROOF_FRESH: break;
    }
  return "Unknown is not proven: make it readable, or delete what may have no other copy with "
         "--no-backup.";
}

static bool
check_proof (const Releasing *self, GError **error)
{
  const GuardProof *proof = self->proof;
  if (proof->verdict == GUARD_PROOF_FRESH || option_no_backup)
    return true;
  g_autofree char *what = guard_proof_describe (proof);
  g_autofree char *age = duration_format (self->project->guard.proof_max_age_seconds);
  g_autoptr (GString) detail = g_string_new (what);
  g_string_append_printf (detail, "; guard.proof_max_age is %s", age);
  if (proof->inside_count > 0)
    g_string_append_printf (detail, "; backups that lie in the volume itself do not count: %u",
                            proof->inside_count);
  if (proof->verdict == GUARD_PROOF_NO_DATABASE)
    return keel_error_full (
        error, KEEL_ERROR_REFUSED, NULL, detail->str, proof_hint (proof->verdict),
        "volume “%s” holds no database, so no backup of pgkeel has its contents",
        self->volume->name);
  return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, detail->str, proof_hint (proof->verdict),
                          "there is no proven backup, young enough, of all that volume “%s” holds",
                          self->volume->name);
}

/* Reads every byte of BACKUP against its hashes: it was proven then, and must be whole now. */
static bool
check_bytes (const Releasing *self, const GuardBackup *backup, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (BackupReader) reader = NULL;
  g_autofree char *folder = g_path_get_dirname (backup->path);
  g_autofree char *name = g_path_get_basename (backup->path);
  g_autoptr (Store) store = store_open_folder (folder);
  report_step (&self->context->report, "reading %s", name);
  if (backup_reader_open (store, name, &reader, &problem)
      && catalogue_check_bytes (store, name, reader, &self->context->report, &problem))
    return true;
  incident_after_verify (self->context, store, name, problem);
  g_propagate_error (error, g_steal_pointer (&problem));
  return prefix_error (error, "“%s”", name);
}

/* All that the release relies on. */
static bool
check_backups (const Releasing *self, GError **error)
{
  for (guint i = 0; i < self->proof->clusters->len; i++)
    {
      const GuardClusterProof *cluster = self->proof->clusters->pdata[i];
      for (guint j = 0; j < cluster->databases->len; j++)
        {
          const GuardDatabaseProof *database = cluster->databases->pdata[j];
          if (self->proof->verdict == GUARD_PROOF_FRESH
              && !check_bytes (self, database->proven, error))
            return false;
        }
    }
  return true;
}

/* --- asking ------------------------------------------------------------------------------------- */

/* What the servers wrote after the backups were made is lost, which the age alone does not say. */
static void
warn_of_younger_data (const Releasing *self)
{
  int64_t made = self->proof->proven != NULL ? self->proof->proven->created : 0;
  for (guint i = 0; i < self->proof->clusters->len; i++)
    {
      const GuardClusterProof *cluster = self->proof->clusters->pdata[i];
      if (cluster->system_identifier != NULL && !cluster->is_shut_down)
        report_warning (&self->context->report,
                        "the server was not shut down in order: what it wrote last is not known",
                        NULL);
      else if (made > 0 && cluster->changed > made)
        {
          g_autofree char *time = clock_format_iso (cluster->changed);
          g_autofree char *gap = duration_format (cluster->changed - made);
          g_autofree char *text = g_strdup_printf (
              "the server worked until %s, %s longer than the backup knows", time, gap);
          report_warning (&self->context->report, text, NULL);
        }
    }
}

static bool
ask (const Releasing *self, GError **error)
{
  const char *name = self->volume->name;
  bool is_proven = self->proof->verdict == GUARD_PROOF_FRESH;
  g_autofree char *size = size_format (self->proof->size_bytes);
  g_autofree char *holds = guard_proof_describe (self->proof);
  g_autofree char *words = g_strdup_printf (is_proven ? "%s" : "%s " NO_BACKUP_WORDS, name);
  g_autofree char *what = g_strdup_printf (
      "let the Docker volume “%s” be deleted once within %d minutes%s (%s%s; %s)", name,
      GUARD_RELEASE_SECONDS / 60, is_proven ? "" : ", WITHOUT A PROVEN BACKUP",
      self->proof->has_size ? "" : "at least ", size, holds);
  const ConfirmRequest request
      = { is_proven ? DESTRUCTIVE_GUARD_RELEASE : DESTRUCTIVE_GUARD_RELEASE_UNPROVEN, what, words };
  warn_of_younger_data (self);
  return confirm (self->context, &request, error);
}

/* While somebody was typing, a server may have been started on it. */
static bool
check_unchanged (Releasing *self, GError **error)
{
  g_autoptr (GuardVolume) volume = NULL;
  if (!read_volume (self, self->volume->name, &volume, error) || !check_unused (volume, error)
      || !check_unserved (self->proof, error))
    return false;
  g_autofree char *identity = guard_volume_identity (volume);
  return g_strcmp0 (identity, self->identity) == 0
         || keel_error (error, KEEL_ERROR_REFUSED, "Look at it again, and start anew.",
                        "volume “%s” has become another one meanwhile", volume->name);
}

static bool
guard (Releasing *self, GError **error)
{
  return check_unused (self->volume, error) && check_unserved (self->proof, error)
         && check_environment (self, error) && incident_check_none (self->project, ACTION, error)
         && check_proof (self, error) && check_backups (self, error) && ask (self, error)
         && check_unchanged (self, error);
}

/* --- the log -------------------------------------------------------------------------------------- */

static bool
write_audit (const Releasing *self, const char *phase, int64_t expires, const char *message,
             GError **error)
{
  g_autofree char *until = expires > 0 ? clock_format_iso (expires) : NULL;
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:o, s:b, s:s?, s:o, s:o, s:o}", "volume", output_json_string (self->volume->name),
      "identity", output_json_string (self->identity), "no_backup", (int) option_no_backup,
      "expires", until, "proof", guard_proof_json (self->proof), "error",
      output_json_string (message), "confirmed", confirm_json (self->context));
  return audit_write (self->project, ACTION, phase, details, error);
}

static bool
guard_logged (Releasing *self, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (guard (self, &problem))
    return true;
  if (!write_audit (self, "refused", 0, problem->message, NULL))
    report_warning (&self->context->report, "the refusal could not be written to the audit log",
                    NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* Intent before, outcome after: without the first there is no release. */
static bool
write_release (Releasing *self, int64_t *ret_expires, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (json_t) who = who_am_i ();
  g_autofree char *by = who_describe (who);
  int64_t expires = clock_now () + GUARD_RELEASE_SECONDS;
  const GuardRelease release
      = { self->volume->name, self->identity, GUARD_VOLUME_REMOVE, by, expires };
  if (!write_audit (self, "intent", expires, NULL, error))
    return false;
  bool is_done = guard_release_write (self->folder, &release, &problem);
  if (!write_audit (self, is_done ? "done" : "failed", expires, is_done ? NULL : problem->message,
                    NULL))
    report_warning (&self->context->report, "the outcome could not be written to the audit log",
                    NULL);
  if (!is_done)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  *ret_expires = expires;
  return true;
}

static void
say_released (const Releasing *self, int64_t expires)
{
  const char *name = self->volume->name;
  g_autofree char *until = clock_format_iso (expires);
  if (self->context->json)
    {
      output_json (json_pack ("{s:o, s:s, s:b, s:o}", "volume", output_json_string (name),
                              "expires", until, "no_backup",
                              (int) (self->proof->verdict != GUARD_PROOF_FRESH), "proof",
                              guard_proof_json (self->proof)));
      return;
    }
  output_line ("volume %s can be deleted once, until %s", name, until);
  for (guint i = 0; i < self->volume->container->len; i++)
    output_line ("  docker rm %s", (const char *) self->volume->container->pdata[i]);
  output_line ("  docker volume rm %s", name);
}

static bool
release_volume (Releasing *self, const char *name, GError **error)
{
  int64_t expires;
  if (!open_engine (self, error) || !read_volume (self, name, &self->volume, error)
      || !check_protected (self->volume, error) || !check_user (error)
      || !guard_release_prepare (self->folder, error)
      || !guard_backups_read (self->project, &self->backups, error))
    return false;
  self->identity = guard_volume_identity (self->volume);
  self->proof = guard_proof_of_volume (self->project, self->backups, self->volume);
  if (!guard_logged (self, error) || !write_release (self, &expires, error))
    return false;
  say_released (self, expires);
  return true;
}

/* --- --list and --revoke --------------------------------------------------------------------------- */

static void
print_releases (const GPtrArray *entries)
{
  static const OutputColumn columns[]
      = { { "VOLUME" }, { "STATE" }, { "UNTIL" }, { "BY" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  int64_t now = clock_now ();
  for (guint i = 0; i < entries->len; i++)
    {
      const GuardReleaseEntry *entry = entries->pdata[i];
      g_autofree char *until = clock_format_iso (entry->expires);
      output_table_row (table, entry->volume, entry->expires > now ? "open" : "over", until,
                        entry->by);
      if (entry->expires > now)
        output_table_style (table, 1, OUTPUT_WARN);
    }
  output_table_print (table);
}

static json_t *
releases_json (const GPtrArray *entries)
{
  json_t *array = json_array ();
  for (guint i = 0; i < entries->len; i++)
    {
      const GuardReleaseEntry *entry = entries->pdata[i];
      g_autofree char *until = clock_format_iso (entry->expires);
      json_array_append_new (array, json_pack ("{s:o, s:b, s:s, s:o}", "volume",
                                               output_json_string (entry->volume), "is_open",
                                               (int) (entry->expires > clock_now ()), "expires",
                                               until, "by", output_json_string (entry->by)));
    }
  return array;
}

static bool
list_releases (const Releasing *self, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  if (!guard_release_list (self->folder, &entries, error))
    return false;
  if (self->context->json)
    output_json (json_pack ("{s:o}", "releases", releases_json (entries)));
  else if (entries->len == 0)
    output_line ("no volume is released");
  else
    print_releases (entries);
  return true;
}

static bool
revoke_release (const Releasing *self, const char *name, GError **error)
{
  bool is_found = false;
  g_autoptr (json_t) details = json_pack ("{s:o}", "volume", output_json_string (name));
  if (!guard_release_revoke (self->folder, name, &is_found, error))
    return false;
  if (!is_found)
    return keel_error (error, KEEL_ERROR_ANSWER_NO, "“pgkeel guard release --list” shows them.",
                       "volume “%s” is not released", name);
  if (!audit_write (self->project, ACTION " revoke", "done", details, error))
    return prefix_error (error, "the release is taken back, which could not be logged");
  if (self->context->json)
    output_json (json_pack ("{s:o, s:b}", "volume", output_json_string (name), "revoked", 1));
  else
    output_line ("volume %s is protected again", name);
  return true;
}

static bool
check_options (int argc, GError **error)
{
  if (option_list + option_revoke + option_no_backup > 1)
    return keel_error (error, KEEL_ERROR_USAGE, NULL,
                       "--list, --revoke and --no-backup exclude each other");
  if (option_list != (argc == 0))
    return keel_error (error, KEEL_ERROR_USAGE, "Run “pgkeel guard release --help” for its use.",
                       option_list ? "--list takes no volume" : "which volume is it about?");
  return true;
}

static bool
run_release (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (Releasing) self = { .context = context, .folder = guard_release_folder () };
  if (!check_options (argc, error) || !context_project (context, &self.project, error))
    return false;
  if (option_list)
    return list_releases (&self, error);
  return option_revoke ? revoke_release (&self, argv[0], error)
                       : release_volume (&self, argv[0], error);
}

static const GOptionEntry release_options[]
    = { { "no-backup", 0, 0, G_OPTION_ARG_NONE, &option_no_backup,
          "Also without a proven backup, when “no backup” is typed as well", NULL },
        { "list", 0, 0, G_OPTION_ARG_NONE, &option_list, "Show what is released", NULL },
        { "revoke", 0, 0, G_OPTION_ARG_NONE, &option_revoke, "Take the release of VOLUME back",
          NULL },
        { "docker", 0, 0, G_OPTION_ARG_STRING, &option_docker,
          "The Engine (default: DOCKER_HOST, or the usual socket)", "HOST" },
        G_OPTION_ENTRY_NULL };

const CliCommand guard_release_command = {
  .arguments = "[VOLUME]",
  .max_arguments = 1,
  .summary = "Open one protected Docker volume for one deletion, for ten minutes",
  .description
  = "Wanted are the volume's name, typed, and for each database that it holds a backup that was\n"
    "proven and is younger than guard.proof_max_age; backups that lie in the volume do not count.\n"
    "--no-backup goes on without, when “NAME no backup” is typed. Refused while a container that\n"
    "mounts it runs, and while an incident is open. All of it is in the audit log.",
  .example = "sudo pgkeel guard release shop_pgdata_old",
  .options = release_options,
  .run = run_release,
};
