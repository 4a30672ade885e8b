/*
 * pgkeel init: a commented pgkeel.yaml to start from, and what must not be committed; or, with
 * --template, all that a project of a certain kind needs.
 */
#include "base/fs.h"
#include "base/line_diff.h"
#include "cli/cmds.h"
#include "cli/init_plan.h"
#include "cli/output.h"
#include "project/project.h"
#include "project/values.h"

#include <string.h>

#define IGNORE_FILE ".gitignore"
#define IGNORE_MAX_BYTES (1024 * 1024)

static char *project_name, *template_name, *shown_path;
static int want_merge, want_diff, is_dry_run;

static const char minimal[]
    = "# pgkeel's project file. Every key may be left out; `pgkeel config check` says what is in\n"
      "# force and from where, `pgkeel config schema` gives editors the keys.\n"
      "project: %s\n"
      "\n"
      "backup:\n"
      "  dir: backups              # BACKUP_DIR overrides it; each environment has a folder below it\n"
      "  min_size: 10KB            # a smaller file is a failed backup\n"
      "  # schedule: {db: \"0 * * * *\", full: \"0 2 * * *\"}\n"
      "  # keep: {db: 48h, full: 7d}      # without it, nothing is ever removed\n"
      "  # count: [some_table]           # the tables whose row counts are headlined\n"
      "\n"
      "# Which one is meant: -e, then PGKEEL_ENV, LEDGER_ENV, NODE_ENV, then the words in DATABASE_URL,\n"
      "# then development. ${NAME} is taken from the environment, .env.<environment> or .env.\n"
      "environments:\n"
      "  development:\n"
      "    local: true             # a cluster of its own below .pgkeel/: `pgkeel db start`\n"
      "  # staging:\n"
      "  #   url: \"${STAGING_DATABASE_URL}\"\n"
      "  production:\n"
      "    url: \"${DATABASE_URL}\"\n"
      "    protected: true         # destructive commands ask for more\n";

static char *
default_name (const char *folder)
{
  g_autofree char *base = g_path_get_basename (folder);
  return value_make_project_name (base);
}

static bool
write_project_file (const char *path, const char *name, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return keel_error (error, KEEL_ERROR_REFUSED, "Edit it, or remove it first.",
                       "“%s” is there already", path);
  g_autofree char *text = g_strdup_printf (minimal, name);
  return fs_write_durable (path, text, strlen (text), 0644, error);
}

static bool
has_line (const char *text, const char *wanted)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (strcmp (g_strchomp (*line), wanted) == 0)
      return true;
  return false;
}

/* Appends the patterns that PATH lacks. *RET_ADDED: what was appended, an array of texts. */
static bool
write_ignore_file (const char *path, json_t **ret_added, GError **error)
{
  static const char *const patterns[]
      = { ".pgkeel/", "backups/", ".env", ".env.*", "!.env.example" };
  g_autofree char *text = NULL;
  g_autoptr (json_t) added = json_array ();
  if (g_file_test (path, G_FILE_TEST_EXISTS)
      && !fs_read_text (path, IGNORE_MAX_BYTES, &text, NULL, error))
    return false;
  const char *before = text != NULL ? text : "";
  g_autoptr (GString) more = g_string_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (patterns); i++)
    if (!has_line (before, patterns[i]))
      {
        g_string_append_printf (more, "%s\n", patterns[i]);
        json_array_append_new (added, json_string (patterns[i]));
      }
  if (*before != '\0' && !g_str_has_suffix (before, "\n"))
    g_string_prepend_c (more, '\n');
  if (json_array_size (added) > 0 && !fs_append (path, more->str, more->len, 0644, error))
    return false;
  *ret_added = g_steal_pointer (&added);
  return true;
}

static void
print_result (const CliContext *context, const char *folder, const char *path, json_t *added)
{
  const char *why;
  const InitTemplate *fitting = init_template_guess (folder, &why);
  const char *name = fitting != NULL ? fitting->name : NULL;
  if (context->json)
    {
      output_json (json_pack ("{s:o, s:O, s:s?}", "file", output_json_string (path), "ignored",
                              added, "template_that_fits", name));
      return;
    }
  output_line ("wrote %s", path);
  size_t i;
  json_t *pattern;
  json_array_foreach (added, i, pattern)
    output_line ("added %s to %s", json_string_value (pattern), IGNORE_FILE);
  output_line ("next: `pgkeel config check`, `pgkeel db start`, `pgkeel backup create`");
  if (fitting != NULL)
    output_line ("“%s” is there: `pgkeel init --template %s --diff` shows what else pgkeel has for "
                 "such a project",
                 why, name);
}

static bool
check_name (const char *name, GError **error)
{
  /* To YAML, null in any case is no value. */
  return (value_is_project_name (name) && g_ascii_strcasecmp (name, "null") != 0)
         || keel_error (error, KEEL_ERROR_USAGE,
                        "Use letters, digits, “-” and “_”, at most 63, beginning with a letter or "
                        "a digit.",
                        "“%s” cannot be the name of a project", name);
}

static bool
run_minimal (CliContext *context, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, PROJECT_FILE, NULL);
  g_autofree char *ignore_path = g_build_filename (folder, IGNORE_FILE, NULL);
  g_autofree char *name = project_name != NULL ? g_strdup (project_name) : default_name (folder);
  g_autoptr (json_t) added = NULL;
  if (want_merge || want_diff || is_dry_run || shown_path != NULL)
    return keel_error (error, KEEL_ERROR_USAGE, "Name one: --template django.",
                       "--merge, --diff, --dry-run and --show are about a template");
  if (!check_name (name, error) || !write_project_file (path, name, error)
      || !write_ignore_file (ignore_path, &added, error))
    return false;
  print_result (context, folder, path, added);
  return true;
}

/* A project that is there keeps its name, or a second run would render other texts than the first. */
static bool
find_name (const char *folder, char **ret_name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, PROJECT_FILE, NULL);
  g_autoptr (Project) project = NULL;
  g_autofree char *name = project_name != NULL ? g_strdup (project_name) : NULL;
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      if (!project_open (folder, NULL, &project, error))
        return false;
      if (name != NULL && strcmp (name, project->name) != 0)
        return keel_error (error, KEEL_ERROR_REFUSED, "Leave out --name, or change it there.",
                           "%s calls the project “%s”, not “%s”", PROJECT_FILE, project->name,
                           name);
      g_free (name);
      name = g_strdup (project->name);
    }
  if (name == NULL)
    name = default_name (folder);
  if (!check_name (name, error))
    return false;
  *ret_name = g_steal_pointer (&name);
  return true;
}

static char *
decision_diff (const InitDecision *decision)
{
  return decision->change.after == NULL
             ? g_strdup ("")
             : line_diff_unified (decision->change.path, decision->change.before,
                                  decision->change.after);
}

static void
print_decisions_json (const InitTemplate *template, const char *name, GPtrArray *decisions,
                      bool is_applied)
{
  json_t *files = json_array ();
  for (guint i = 0; i < decisions->len; i++)
    {
      const InitDecision *decision = g_ptr_array_index (decisions, i);
      g_autofree char *diff = want_diff ? decision_diff (decision) : NULL;
      json_t *file = json_pack ("{s:s, s:s, s:s?}", "path", decision->change.path, "action",
                                init_action_name (decision->action), "note", decision->note);
      if (diff != NULL)
        json_object_set_new (file, "diff", output_json_string (diff));
      json_array_append_new (files, file);
    }
  output_json (json_pack ("{s:s, s:s, s:b, s:o}", "template", template->name, "project", name,
                          "applied", is_applied, "files", files));
}

static void
print_diffs (GPtrArray *decisions)
{
  for (guint i = 0; i < decisions->len; i++)
    {
      g_autofree char *diff = decision_diff (g_ptr_array_index (decisions, i));
      output_text (diff);
    }
}

static void
print_table (GPtrArray *decisions, bool is_applied)
{
  static const char *const done[] = { [INIT_CREATE] = "wrote",
                                      [INIT_ADD] = "added to",
                                      [INIT_OFFER] = "not added to",
                                      [INIT_UNCHANGED] = "unchanged",
                                      [INIT_LEFT] = "left" };
  static const char *const planned[] = { [INIT_CREATE] = "would write",
                                         [INIT_ADD] = "would add to",
                                         [INIT_OFFER] = "not added to",
                                         [INIT_UNCHANGED] = "unchanged",
                                         [INIT_LEFT] = "left" };
  g_autoptr (OutputTable) table = output_pairs_new ();
  for (guint i = 0; i < decisions->len; i++)
    {
      const InitDecision *decision = g_ptr_array_index (decisions, i);
      const char *note = decision->note;
      if (decision->action == INIT_OFFER && note == NULL)
        note = "--merge does, --diff shows what";
      output_pair (table, (is_applied ? done : planned)[decision->action], "%s%s%s%s",
                   decision->change.path, note != NULL ? " (" : "", note != NULL ? note : "",
                   note != NULL ? ")" : "");
    }
  output_table_print (table);
}

static void
print_next (const InitTemplate *template)
{
  g_auto (GStrv) lines = g_strsplit (template->next, "\n", -1);
  output_line ("next:");
  for (char **line = lines; *line != NULL; line++)
    output_line ("  %s", *line);
}

static void
print_decisions (const CliContext *context, const InitTemplate *template, const char *name,
                 GPtrArray *decisions, bool has_changes, bool is_applied)
{
  if (context->json)
    print_decisions_json (template, name, decisions, is_applied);
  else if (want_diff)
    print_diffs (decisions);
  else
    {
      print_table (decisions, is_applied);
      if (!has_changes)
        output_line ("nothing to write");
      else if (is_applied)
        print_next (template);
    }
}

static bool
show_file (const CliContext *context, const InitTemplate *template, const char *name,
           GError **error)
{
  for (const InitFile *file = template->files; file->path != NULL; file++)
    if (strcmp (file->path, shown_path) == 0 && file->existing != INIT_ADD_THE_LOCK)
      {
        g_autofree char *text = init_template_render (template, file->path, name);
        if (context->json)
          output_json (json_pack ("{s:s, s:s, s:s}", "template", template->name, "path", file->path,
                                  "text", text));
        else
          output_text (text);
        return true;
      }
  return keel_error (error, KEEL_ERROR_USAGE, "--dry-run lists the files of a template.",
                     "the template %s makes no file “%s”", template->name, shown_path);
}

static bool
run_template (CliContext *context, const char *folder, GError **error)
{
  const InitTemplate *template = init_template_find (template_name);
  g_autofree char *name = NULL;
  g_autoptr (GPtrArray) decisions = NULL;
  if (template == NULL)
    return keel_error (error, KEEL_ERROR_USAGE, "There are django, node, fastapi and plain.",
                       "no template “%s”", template_name);
  if (!find_name (folder, &name, error))
    return false;
  if (shown_path != NULL)
    return show_file (context, template, name, error);
  if (!init_plan (folder, template, name, want_merge, &decisions, error))
    return false;
  g_autoptr (GPtrArray) changes = init_plan_changes (decisions);
  bool is_applied = !want_diff && !is_dry_run;
  if (is_applied && !init_write (folder, changes, error))
    return false;
  print_decisions (context, template, name, decisions, changes->len > 0, is_applied);
  return true;
}

static bool
run_init (CliContext *context, int argc, char **argv, GError **error)
{
  g_autofree char *folder = g_get_current_dir ();
  return template_name != NULL ? run_template (context, folder, error)
                               : run_minimal (context, folder, error);
}

static const GOptionEntry init_options[] = {
  { "name", 0, 0, G_OPTION_ARG_STRING, &project_name, "Name of the project; default: the folder's",
    "NAME" },
  { "template", 0, 0, G_OPTION_ARG_STRING, &template_name,
    "Write all that such a project needs; what is there is left as it is",
    "django|node|fastapi|plain" },
  { "merge", 0, 0, G_OPTION_ARG_NONE, &want_merge,
    "Also add what is missing to package.json or manage.py", NULL },
  { "diff", 0, 0, G_OPTION_ARG_NONE, &want_diff,
    "Print what would change as a patch; write nothing", NULL },
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &is_dry_run, "List what would be done; write nothing",
    NULL },
  { "show", 0, 0, G_OPTION_ARG_STRING, &shown_path, "Print the template's text of one file",
    "PATH" },
  { NULL },
};

const CliCommand init_command = {
  .name = "init",
  .summary = "Write a commented pgkeel.yaml to start from, or all files of a template",
  .description
  = "Refuses to overwrite one. Also adds .pgkeel/, backups/ and the .env files to .gitignore, so "
    "that neither data nor credentials are committed.\n\n"
    "With --template it writes what a project of that kind needs around its database: pgkeel.yaml, "
    "Makefile or scripts of package.json, compose files, CI. Files that are there are left "
    "and listed; all that are missing appear, or none. A second run writes nothing. docs/init.md "
    "has the whole.",
  .example = "pgkeel init --template django --diff",
  .options = init_options,
  .run = run_init,
};
