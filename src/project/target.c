#include "project/target.h"
#include "db/cluster.h"

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
