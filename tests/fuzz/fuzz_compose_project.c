/*
 * Any bytes as a compose file, and as a text with compose's variables: whatever comes, the project has names that
 * compose would give it, and volumes that have keys.
 */
#include "base/fs.h"
#include "guard/compose_project.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARS G_CSET_a_2_z G_CSET_DIGITS "_-"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char *folder;

static void
remove_folder (void)
{
  if (!fs_remove_tree (folder, NULL))
    g_assert_not_reached ();
  g_free (folder);
}

static void
check_project (const ComposeProject *project)
{
  g_assert (project->names->len > 0 && project->folder != NULL && project->files->len > 0);
  for (guint i = 0; i < project->names->len; i++)
    {
      const char *name = project->names->pdata[i];
      g_assert (*name != '\0' && strspn (name, NAME_CHARS) == strlen (name));
    }
  for (guint i = 0; i < project->volumes->len; i++)
    {
      const ComposeVolume *volume = project->volumes->pdata[i];
      g_autofree char *name = compose_project_volume_name (volume, "x");
      g_assert (volume->key != NULL && name != NULL);
    }
  g_assert (project->problem == NULL || g_utf8_validate (project->problem, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *words[] = { "compose", "down", "-v", NULL };
  g_auto (GuardCommand) command = { 0 };
  g_auto (ComposeProject) project = { 0 };
  if (folder == NULL)
    {
      folder = g_dir_make_tmp ("pgkeel-fuzz-XXXXXX", NULL);
      g_assert (folder != NULL);
      atexit (remove_folder);
    }
  g_autofree char *file = g_build_filename (folder, "compose.yaml", NULL);
  g_autofree char *text = size > 0 ? g_strndup ((const char *) data, size) : g_strdup ("");
  if (!g_file_set_contents (file, size > 0 ? (const char *) data : "", (gssize) size, NULL))
    g_assert_not_reached ();
  guard_arguments_read (GUARD_PROGRAM_DOCKER, words, folder, &command);
  compose_project_read (&command, folder, &project);
  check_project (&project);
  g_autofree char *expanded = compose_expand (&project, text);
  g_assert (expanded == NULL || strchr (text, '$') != NULL || strcmp (expanded, text) == 0);
  return 0;
}
