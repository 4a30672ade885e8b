/*
 * pgkeel guard install: writes the units with which systemd runs the Docker plugin, and says what to change so
 * that the Engine consults it.
 */
#include "base/act_as.h"
#include "base/fs.h"
#include "base/line_diff.h"
#include "cli/cmds.h"
#include "cli/guard_daemon.h"
#include "cli/guard_hooks.h"
#include "cli/guard_units.h"
#include "cli/output.h"
#include "project/audit.h"

#include <errno.h>
#include <string.h>

#define UNIT_FOLDER "/etc/systemd/system"

static char *name_text, *socket_text, *docker_text, *root_text, *unit_dir_text;
static int wants_removal, is_dry_run, wants_hooks;

/* --- what is done ---------------------------------------------------------------------------- */

static const char *
verb_of (const GuardFile *file)
{
  if (wants_removal)
    return file->state == GUARD_FILE_ABSENT ? "absent" : "removed";
  if (file->state == GUARD_FILE_SAME)
    return "unchanged";
  return file->state == GUARD_FILE_OLD ? "updated" : "written";
}

static bool
refuse_foreign (const GuardFile *file, GError **error)
{
  g_autofree char *diff = line_diff_unified (file->path + 1, file->before, file->text);
  return keel_error_full (
      error, KEEL_ERROR_REFUSED, NULL, diff,
      wants_removal
          ? "Look at the difference and remove it yourself."
          : "Look at the difference; move the file away to have it written, or put changes in "
            "a drop-in (systemctl edit).",
      "%s was changed, or made by somebody else, and stays as it is", file->path);
}

static bool
check_files (const GPtrArray *files, GError **error)
{
  for (guint i = 0; i < files->len; i++)
    {
      const GuardFile *file = files->pdata[i];
      if (file->state == GUARD_FILE_FOREIGN)
        return refuse_foreign (file, error);
    }
  return true;
}

static bool
write_file (const GuardFile *file, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (file->path);
  return file->state == GUARD_FILE_SAME
         || (fs_make_folder (folder, 0755, error)
             && fs_write_durable (file->path, file->text, strlen (file->text), 0644, error));
}

static bool
remove_file (const GuardFile *file, GError **error)
{
  if (unlink (file->path) == 0 || errno == ENOENT)
    return true;
  return keel_error_errno (error, errno, "removing %s", file->path);
}

static bool
change_files (const GPtrArray *files, GError **error)
{
  for (guint i = 0; i < files->len; i++)
    if (!(wants_removal ? remove_file : write_file) (files->pdata[i], error))
      return false;
  return true;
}

static bool
needs_change (const GPtrArray *files)
{
  for (guint i = 0; i < files->len; i++)
    {
      const GuardFile *file = files->pdata[i];
      if (file->state != (wants_removal ? GUARD_FILE_ABSENT : GUARD_FILE_SAME))
        return true;
    }
  return false;
}

/* An Engine that is told of a plugin that is not there refuses everything, and does not start again. */
static bool
check_daemon (const GuardDaemon *daemon, GError **error)
{
  return !wants_removal || daemon->state != GUARD_DAEMON_NAMES_IT
         || keel_error (error, KEEL_ERROR_REFUSED,
                        "Take it out of “authorization-plugins” and reload the Engine (systemctl "
                        "reload docker) first.",
                        "%s names the plugin: without it the Engine would refuse everything",
                        daemon->path);
}

/* The unit may write only what is there when it starts; and it is the project's, not root's. */
static bool
make_owned (const char *folder, mode_t mode, GError **error)
{
  g_auto (ActAs) act = act_as_owner_of (folder);
  return fs_make_folder (folder, mode, error);
}

static bool
change_logged (const Project *project, const GuardUnitSpec *spec, const GPtrArray *files,
               GError **error)
{
  const char *action = wants_removal ? "guard install --remove" : "guard install";
  g_autoptr (json_t) details = json_pack ("{s:s}", "plugin", spec->name);
  if (!make_owned (spec->state, 0755, error) || !make_owned (spec->backups, 0700, error)
      || !audit_write (project, action, "intent", details, error))
    return false;
  bool is_done
      = change_files (files, error) && (!wants_removal || guard_unit_disable (spec, error));
  return audit_write (project, action, is_done ? "done" : "failed", details, is_done ? error : NULL)
         && is_done;
}

/* --- what is said ---------------------------------------------------------------------------- */

/* The commands that are left to do, in their order. */
static GPtrArray *
next_steps (const GuardUnitSpec *spec, const GuardDaemon *daemon)
{
  GPtrArray *steps = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *unit = guard_unit_name (spec->name);
  if (wants_removal)
    {
      g_ptr_array_add (steps, g_strdup_printf ("systemctl stop %s.socket %s.service", unit, unit));
      g_ptr_array_add (steps, g_strdup ("systemctl daemon-reload"));
      return steps;
    }
  g_ptr_array_add (steps, g_strdup ("systemctl daemon-reload"));
  g_ptr_array_add (steps,
                   g_strdup_printf ("systemctl enable --now %s.socket %s.service", unit, unit));
  if (daemon->state == GUARD_DAEMON_ABSENT)
    g_ptr_array_add (steps, g_strdup_printf ("write to %s: {%s}", daemon->path, daemon->line));
  else if (daemon->state != GUARD_DAEMON_NAMES_IT)
    g_ptr_array_add (steps, g_strdup_printf ("add to %s: %s", daemon->path, daemon->line));
  g_ptr_array_add (steps, g_strdup ("systemctl reload docker"));
  g_ptr_array_add (steps, g_strcmp0 (spec->name, "pgkeel") == 0
                              ? g_strdup ("pgkeel guard status")
                              : g_strdup_printf ("pgkeel guard status --name %s", spec->name));
  return steps;
}

static void
say_json (const GPtrArray *files, const GuardDaemon *daemon, const GPtrArray *steps)
{
  json_t *list = json_array (), *next = json_array ();
  for (guint i = 0; i < files->len; i++)
    {
      const GuardFile *file = files->pdata[i];
      json_array_append_new (list,
                             json_pack ("{s:o, s:s, s:o}", "path", output_json_string (file->path),
                                        "done", is_dry_run ? "nothing" : verb_of (file), "text",
                                        output_json_string (file->text)));
    }
  for (guint i = 0; i < steps->len; i++)
    json_array_append_new (next, output_json_string (steps->pdata[i]));
  output_json (json_pack ("{s:b, s:o, s:{s:o, s:b, s:o, s:o}, s:o}", "dry_run", is_dry_run, "files",
                          list, "daemon_json", "path", output_json_string (daemon->path),
                          "names_plugin", (int) (daemon->state == GUARD_DAEMON_NAMES_IT), "line",
                          output_json_string (daemon->line), "problem",
                          output_json_string (daemon->problem), "next", next));
}

static void
say_plan (const GuardFile *file)
{
  g_autofree char *diff
      = wants_removal ? NULL : line_diff_unified (file->path + 1, file->before, file->text);
  output_line ("would be %-10s %s", verb_of (file), file->path);
  if (diff != NULL && file->state != GUARD_FILE_SAME)
    output_text (diff);
}

static void
say_text (const GPtrArray *files, const GuardDaemon *daemon, const GPtrArray *steps)
{
  for (guint i = 0; i < files->len; i++)
    {
      const GuardFile *file = files->pdata[i];
      if (is_dry_run)
        say_plan (file);
      else
        output_line ("%-10s %s", verb_of (file), file->path);
    }
  if (daemon->state == GUARD_DAEMON_NAMES_IT)
    output_line ("%-10s %s names the plugin already", "unchanged", daemon->path);
  output_line ("%s", "");
  output_line ("Left to do, in this order:");
  for (guint i = 0; i < steps->len; i++)
    output_line ("  %s", (const char *) steps->pdata[i]);
}

/* --- the command ----------------------------------------------------------------------------- */

static bool
install_units (const Project *project, const GuardUnitSpec *spec, bool is_json, Report *report,
               GError **error)
{
  g_autoptr (GPtrArray) files = NULL, steps = NULL;
  g_auto (GuardDaemon) daemon = { 0 };
  if (!guard_unit_check (spec, error) || !guard_unit_files (spec, wants_removal, &files, error))
    return false;
  guard_daemon_read (spec->root, spec->name, &daemon);
  if (!check_files (files, error) || !check_daemon (&daemon, error))
    return false;
  if (!is_dry_run && needs_change (files) && !change_logged (project, spec, files, error))
    return false;
  steps = next_steps (spec, &daemon);
  if (daemon.problem != NULL)
    report_warning (report, daemon.problem, "The Engine does not start with such a file.");
  if (is_json)
    say_json (files, &daemon, steps);
  else
    say_text (files, &daemon, steps);
  return true;
}

static bool
run_install (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  bool names_units = wants_removal || name_text != NULL || socket_text != NULL
                     || docker_text != NULL || root_text != NULL || unit_dir_text != NULL;
  if (wants_hooks && names_units)
    return keel_error (error, KEEL_ERROR_USAGE, "Only --dry-run goes with --hooks.",
                       "--hooks is about this repository, the other options about the plugin");
  if (wants_hooks)
    return guard_hook_run (context, is_dry_run, error);
  if (!context_project (context, &project, error))
    return false;
  if (project->file == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG,
                       "Run it in the project's folder, or say which with -C; an empty pgkeel.yaml "
                       "in /etc/pgkeel is fine.",
                       "the guard needs a pgkeel.yaml, beside which its log is");
  g_autofree char *program = g_file_read_link ("/proc/self/exe", error);
  g_autofree char *state = project_state_path (project, ".");
  g_autofree char *clean = g_canonicalize_filename (state, "/");
  const GuardUnitSpec spec = {
    .root = root_text != NULL ? root_text : "",
    .unit_folder = unit_dir_text != NULL ? unit_dir_text : UNIT_FOLDER,
    .name = name_text != NULL ? name_text : "pgkeel",
    .socket = socket_text,
    .program = program,
    .folder = project->folder,
    .state = clean,
    .backups = project->backup_folder,
    .environment = context->environment,
    .docker = docker_text,
  };
  return program != NULL && install_units (project, &spec, context->json, &context->report, error);
}

static const GOptionEntry install_options[] = {
  { "name", 0, 0, G_OPTION_ARG_STRING, &name_text, "The plugin's name (default: pgkeel)", "NAME" },
  { "socket", 0, 0, G_OPTION_ARG_FILENAME, &socket_text,
    "Listen there (default: /run/docker/plugins/NAME.sock); elsewhere a .spec file tells the Engine",
    "FILE" },
  { "docker", 0, 0, G_OPTION_ARG_STRING, &docker_text,
    "The Engine that the plugin asks about volumes (default: the usual socket)", "HOST" },
  { "unit-dir", 0, 0, G_OPTION_ARG_FILENAME, &unit_dir_text,
    "Where the units go (default: /etc/systemd/system)", "DIR" },
  { "root", 0, 0, G_OPTION_ARG_FILENAME, &root_text,
    "Take DIR for the root of the file system: for images and packages", "DIR" },
  { "remove", 0, 0, G_OPTION_ARG_NONE, &wants_removal, "Remove what was installed", NULL },
  { "hooks", 0, 0, G_OPTION_ARG_NONE, &wants_hooks,
    "Instead of all that: set this repository's pre-commit hook, which runs guard scan --staged",
    NULL },
  { "dry-run", 0, 0, G_OPTION_ARG_NONE, &is_dry_run, "Only show what would be written", NULL },
  { NULL },
};

const CliCommand guard_install_command = {
  .summary = "Write the systemd units of the Docker plugin; say what the Engine needs",
  .description
  = "Writes NAME-guard.socket and NAME-guard.service, which run `pgkeel guard serve` for the project of this "
    "folder, and prints the line for the Engine's daemon.json, which it does not touch, and the commands that are "
    "left to do. Files that somebody has changed are left alone, and the difference is shown. Again it "
    "changes nothing.",
  .example = "pgkeel guard install",
  .options = install_options,
  .run = run_install,
};
