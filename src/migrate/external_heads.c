/*
 * Several heads of Alembic, several leaf nodes of Django: told from what commands write, from the files,
 * and from the database.
 */
#include "migrate/external_internal.h"
#include "migrate/heads.h"

#include <string.h>

#define NAMED_MAX 20

/* The words of the tools themselves, and what to do. */
static const struct
{
  const char *words, *message, *hint;
} conflicts[] = {
  { "Multiple head revisions are present", "Alembic has several heads",
    "Merge them with “alembic merge heads”, then run it again." },
  { "Multiple heads are present", "Alembic has several heads",
    "Merge them with “alembic merge heads”, then run it again." },
  { "multiple leaf nodes in the migration graph", "Django has several leaf nodes",
    "Merge them with “python manage.py makemigrations --merge”, then run it again." },
};

/* How many lines name a head, as `alembic heads` does: "ae1027a6acf (head)". */
static guint
list_heads (const char *output, GString *heads)
{
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  guint count = 0;
  for (guint i = 0; lines[i] != NULL; i++)
    if (strstr (lines[i], "(head)") != NULL && ++count <= NAMED_MAX)
      g_string_append_printf (heads, "%s%s", heads->len > 0 ? "\n" : "", g_strstrip (lines[i]));
  return count;
}

bool
external_check_output (const char *output, GError **error)
{
  g_autoptr (GString) heads = g_string_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (conflicts); i++)
    {
      const char *at = strstr (output, conflicts[i].words);
      if (at == NULL)
        continue;
      while (at > output && at[-1] != '\n')
        at--;
      g_autofree char *line = g_strndup (at, strcspn (at, "\r\n"));
      return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, line, conflicts[i].hint, "%s",
                              conflicts[i].message);
    }
  guint count = list_heads (output, heads);
  return count < 2
         || keel_error_full (error, KEEL_ERROR_REFUSED, NULL, heads->str, conflicts[0].hint,
                             "Alembic has %u heads", count);
}

/* --- files ------------------------------------------------------------------------------------ */

static void
add_folder (GPtrArray *folders, const char *root, char *name)
{
  g_autofree char *path = g_canonicalize_filename (name, root);
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    g_ptr_array_add (folders, name);
  else
    g_free (name);
}

/* Of Django's, every app has a folder. */
GPtrArray *
external_list_folders (const char *root, const char *dir)
{
  GPtrArray *folders = g_ptr_array_new_with_free_func (g_free);
  if (dir != NULL)
    {
      add_folder (folders, root, g_strdup (dir));
      add_folder (folders, root, g_build_filename (dir, "versions", NULL));
      return folders;
    }
  g_autoptr (GDir) entries = g_dir_open (root, 0, NULL);
  add_folder (folders, root, g_strdup ("migrations"));
  add_folder (folders, root, g_strdup ("alembic/versions"));
  add_folder (folders, root, g_strdup ("migrations/versions"));
  for (const char *name; entries != NULL && (name = g_dir_read_name (entries)) != NULL;)
    if (name[0] != '.')
      add_folder (folders, root, g_build_filename (name, "migrations", NULL));
  return folders;
}

static bool
check_folder (const char *root, const char *name, bool *ret_has_one_head, GError **error)
{
  g_autoptr (Folder) folder = NULL;
  g_autoptr (PythonHistory) history = NULL;
  if (!folder_open (root, name, false, &folder, error)
      || !python_history_read (folder, "", &history, error))
    return false;
  if (history == NULL)
    return true;
  if (history->heads->len > 1)
    {
      g_autoptr (GPtrArray) problems = python_history_problems (history);
      return keel_error (error, KEEL_ERROR_REFUSED, "Merge them, then run it again.", "%s: %s",
                         name, (const char *) problems->pdata[0]);
    }
  if (strcmp (history->tool, "Alembic") == 0 && history->heads->len == 1)
    *ret_has_one_head = true;
  return true;
}

static bool
check_files (const char *root, const char *dir, bool *ret_has_one_head, GError **error)
{
  g_autoptr (GPtrArray) folders = external_list_folders (root, dir);
  for (guint i = 0; i < folders->len; i++)
    if (!check_folder (root, folders->pdata[i], ret_has_one_head, error))
      return false;
  return true;
}

/* --- all together ----------------------------------------------------------------------------- */

bool
external_check_heads (const ExternalState *state, const char *root, const char *dir,
                      const char *status, GError **error)
{
  g_autoptr (GString) versions = g_string_new (NULL), heads = g_string_new (NULL);
  guint count = 0;
  /* The tool's own word goes before what we read in its files. */
  bool has_one_head = status != NULL && list_heads (status, heads) == 1;
  if (!has_one_head && !check_files (root, dir, &has_one_head, error))
    return false;
  for (guint i = 0; i < state->rows->len; i++)
    {
      const ExternalRow *row = state->rows->pdata[i];
      if (strcmp (row->tool, "alembic") == 0 && ++count <= NAMED_MAX)
        g_string_append_printf (versions, "%s%s", count > 1 ? ", " : "", row->version);
    }
  /* After a merge in the files the table has both rows until the upgrade. */
  return count < 2 || has_one_head
         || keel_error (
             error, KEEL_ERROR_REFUSED,
             "Merge them with “alembic merge heads”, and let migrations.command.status be “alembic "
             "heads”, which shows that they are merged.",
             "Alembic has %u heads in this database: %s", count, versions->str);
}

bool
external_check_project (const Project *project, const ExternalState *state, const char *status,
                        GError **error)
{
  const ProjectMigrations *settings = &project->migrations;
  bool means_several
      = settings->up_command != NULL && strstr (settings->up_command, "upgrade heads") != NULL;
  return means_several
         || ((status == NULL || external_check_output (status, error))
             && external_check_heads (state, project->folder, settings->dir, status, error));
}
