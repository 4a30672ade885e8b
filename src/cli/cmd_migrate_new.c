/*
 * pgkeel migrate new: the files of a new migration, in the layout that the project's have.
 */
#include "base/clock.h"
#include "base/fs.h"
#include "cli/cmd_migrate.h"
#include "cli/output.h"
#include "migrate/layout.h"

#include <string.h>

#define FILE_MODE 0644
#define FOLDER_MODE 0755

static char *
absolute_path (const Project *project, const MigrationNewFile *file)
{
  return g_canonicalize_filename (file->path, project->folder);
}

/* Nothing is written over; a plan or a journal grows by a line. */
static bool
check_free (const Project *project, const GPtrArray *files, GError **error)
{
  for (guint i = 0; i < files->len; i++)
    {
      const MigrationNewFile *file = files->pdata[i];
      g_autofree char *path = absolute_path (project, file);
      if (!file->is_changed && g_file_test (path, G_FILE_TEST_EXISTS))
        return keel_error (error, KEEL_ERROR_REFUSED, "Choose another name, or wait a second.",
                           "“%s” is there already", file->path);
    }
  return true;
}

/* In the order planned: what lists the new files is written last. */
static bool
write_files (const Project *project, const GPtrArray *files, GError **error)
{
  for (guint i = 0; i < files->len; i++)
    {
      const MigrationNewFile *file = files->pdata[i];
      g_autofree char *path = absolute_path (project, file);
      g_autofree char *folder = g_path_get_dirname (path);
      if (!fs_make_folder (folder, FOLDER_MODE, error)
          || !fs_write_durable (path, file->text, strlen (file->text), FILE_MODE, error))
        return false;
    }
  return true;
}

static json_t *
files_json (const MigrationSet *set, const GPtrArray *files)
{
  json_t *array = json_array ();
  for (guint i = 0; i < files->len; i++)
    {
      const MigrationNewFile *file = files->pdata[i];
      json_array_append_new (array,
                             json_pack ("{s:o, s:b}", "path", output_json_string (file->path),
                                        "changed", file->is_changed));
    }
  return json_pack ("{s:s, s:o}", "layout", set->layout, "files", array);
}

bool
migrate_command_new (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project;
  g_autoptr (MigrationSet) set = NULL;
  g_autoptr (GPtrArray) files = NULL;
  if (!context_project (context, &project, error)
      || !migration_set_read_for_new (project->folder, project->migrations.dir,
                                      project->migrations.layout, &set, error)
      || !migration_plan_new (project->folder, set, argv[0], clock_now (), &files, error)
      || !check_free (project, files, error) || !write_files (project, files, error))
    return false;
  if (context->json)
    {
      output_json (files_json (set, files));
      return true;
    }
  for (guint i = 0; i < files->len; i++)
    {
      const MigrationNewFile *file = files->pdata[i];
      output_line ("%s %s", file->is_changed ? "changed" : "wrote", file->path);
    }
  return true;
}
