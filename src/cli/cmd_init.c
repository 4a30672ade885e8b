/*
 * pgkeel init: a commented pgkeel.yaml to start from, and what must not be committed.
 */
#include "base/fs.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "project/values.h"

#include <string.h>

#define IGNORE_FILE ".gitignore"
#define IGNORE_MAX_BYTES (1024 * 1024)

static char *project_name;

static const char template[]
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
  g_autofree char *text = g_strdup_printf (template, name);
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
print_result (const CliContext *context, const char *path, json_t *added)
{
  if (context->json)
    {
      output_json (json_pack ("{s:o, s:O}", "file", output_json_string (path), "ignored", added));
      return;
    }
  output_line ("wrote %s", path);
  size_t i;
  json_t *pattern;
  json_array_foreach (added, i, pattern)
    output_line ("added %s to %s", json_string_value (pattern), IGNORE_FILE);
  output_line ("next: `pgkeel config check`, `pgkeel db start`, `pgkeel backup create`");
}

static bool
run_init (CliContext *context, int argc, char **argv, GError **error)
{
  g_autofree char *folder = g_get_current_dir ();
  g_autofree char *path = g_build_filename (folder, PROJECT_FILE, NULL);
  g_autofree char *ignore_path = g_build_filename (folder, IGNORE_FILE, NULL);
  g_autofree char *name = project_name != NULL ? g_strdup (project_name) : default_name (folder);
  g_autoptr (json_t) added = NULL;
  if (!value_is_project_name (name))
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Use letters, digits, “-” and “_”, at most 63, beginning with a letter or "
                       "a digit.",
                       "“%s” cannot be the name of a project", name);
  if (!write_project_file (path, name, error) || !write_ignore_file (ignore_path, &added, error))
    return false;
  print_result (context, path, added);
  return true;
}

static const GOptionEntry init_options[] = {
  { "name", 0, 0, G_OPTION_ARG_STRING, &project_name, "Name of the project; default: the folder's",
    "NAME" },
  { NULL },
};

const CliCommand init_command = {
  .name = "init",
  .summary = "Write a commented pgkeel.yaml to start from",
  .description
  = "Refuses to overwrite one. Also adds .pgkeel/, backups/ and the .env files to .gitignore, so "
    "that neither data nor credentials are committed.",
  .example = "pgkeel init --name ledgerflow",
  .options = init_options,
  .run = run_init,
};
