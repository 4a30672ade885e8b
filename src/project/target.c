#include "project/target.h"

#include "base/fs.h"
#include "db/cluster.h"
#include "project/dotenv.h"

#include <string.h>

#define ENV_FILE_MAX_BYTES (256 * 1024)

static char *
cluster_target (const Project *project, GError **error)
{
  const ProjectEnvironment *environment = project->environment;
  g_autofree char *folder = project_state_path (project, environment->name);
  g_autoptr (Cluster) cluster = NULL;
  if (!cluster_open (folder, &cluster, error))
    return NULL;
  if (cluster_state (cluster) == CLUSTER_RUNNING)
    return cluster_url (cluster, environment->database);
  keel_error (error, KEEL_ERROR_UNREACHABLE, "Start it with “pgkeel db start”.",
              "the local cluster of “%s” is not running", environment->name);
  return NULL;
}

char *
target_url (const Project *project, GError **error)
{
  const char *url;
  if (project->environment->is_local)
    return cluster_target (project, error);
  return project_url (project, &url, error) ? g_strdup (url) : NULL;
}

static bool
add_of_file (const char *path, const char *url, GPtrArray *names, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  size_t length;
  if (!fs_read_text (path, ENV_FILE_MAX_BYTES, &text, &length, error)
      || !dotenv_parse (path, text, length, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const DotenvEntry *entry = entries->pdata[i];
      if (strcmp (entry->text, url) == 0)
        g_ptr_array_add (names, g_strdup (entry->name));
    }
  return true;
}

char **
target_url_variables (const Project *project, const char *url, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) known = g_listenv ();
  for (guint i = 0; known[i] != NULL; i++)
    if (g_strcmp0 (g_getenv (known[i]), url) == 0)
      g_ptr_array_add (names, g_strdup (known[i]));
  for (guint i = 0; i < project->files_read->len; i++)
    {
      const char *path = project->files_read->pdata[i];
      g_autofree char *name = g_path_get_basename (path);
      if (g_str_has_prefix (name, ".env") && !add_of_file (path, url, names, error))
        return NULL;
    }
  g_ptr_array_add (names, NULL);
  g_ptr_array_set_free_func (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}
