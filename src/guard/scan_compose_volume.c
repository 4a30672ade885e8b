/* Databases in compose files: whether their data outlives the containers, and is where it was. */
#include "guard/scan_internal.h"

#include <string.h>

/* A database's service, and where its data is. */
typedef struct
{
  const Node *service;
  GPtrArray *mounts;        /* of ComposeMount */
  const ComposeMount *data; /* of mounts; NULL: none */
  char *folder;             /* the data directory in the container */
} Database;

static void
database_clear (Database *database)
{
  g_clear_pointer (&database->mounts, g_ptr_array_unref);
  g_clear_pointer (&database->folder, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Database, database_clear)

static void
database_read (const Node *service, Database *ret_database)
{
  ret_database->service = service;
  ret_database->mounts = compose_mounts (service);
  ret_database->data = compose_data_mount (service, ret_database->mounts, &ret_database->folder);
}

/* --- protection ------------------------------------------------------------------------------- */

static bool
matches_any (const char *const *patterns, const char *name)
{
  for (; patterns != NULL && *patterns != NULL; patterns++)
    if (g_pattern_match_simple (*patterns, name))
      return true;
  return false;
}

/* LABEL is "name=value", or "name" with any value. */
static bool
has_label (const Node *volume, const char *label)
{
  g_auto (GStrv) parts = g_strsplit (label, "=", 2);
  g_autofree char *written = compose_pair (volume, "labels", parts[0], NULL);
  g_autofree char *value = compose_text (written);
  return value != NULL && (parts[1] == NULL || strcmp (value, parts[1]) == 0);
}

/* The folder of a volume that is one under another name: `down -v` forgets the name only. */
static char *
bound_device (const Node *volume)
{
  const Node *options = node_child (volume, "driver_opts");
  const Node *device = node_child (options, "device"), *flags = node_child (options, "o");
  bool is_bind
      = flags != NULL && flags->kind == NODE_SCALAR && strstr (flags->text, "bind") != NULL;
  return is_bind && device != NULL && device->kind == NODE_SCALAR ? compose_text (device->text)
                                                                  : NULL;
}

/* A bound folder, as commands of this repository would name it. */
static void
keep_folder (ScanRun *run, const ComposeGroup *group, const char *path)
{
  const ScanFile *first = group->files->pdata[0];
  g_autofree char *base = g_path_get_dirname (first->path);
  if (path == NULL || *path == '~' || *path == '$')
    return;
  g_autofree char *start = g_canonicalize_filename (base, "/");
  g_autofree char *full = g_canonicalize_filename (path, start);
  g_hash_table_add (run->folders, g_strdup (*path == '/' ? full : full + 1));
}

/* guard.protect names what must be there: a name that it does not know may be a new one by mistake. */
static void
check_external (ScanRun *run, const ComposeGroup *group, const Database *database, const char *name)
{
  const char *const *protect = run->settings->protect;
  ScanPlace place = scan_place_of (database->data->node);
  if (protect == NULL || *protect == NULL || strchr (name, '$') != NULL || !group->is_production
      || matches_any (protect, name))
    return;
  scan_report (run, "db-volume-changed", SCAN_WARNING, &place,
               "the external volume “%s” is none of those that guard.protect names", name);
}

static void
check_named (ScanRun *run, const ComposeGroup *group, const Database *database)
{
  bool is_declared;
  const char *source = database->data->source;
  const Node *volume = compose_volume (group->root, source, &is_declared);
  const Node *declaration = node_child (node_child (group->root, "volumes"), source);
  g_autofree char *name = compose_volume_name (group->root, source);
  g_autofree char *device = bound_device (volume);
  ScanPlace place
      = is_declared ? scan_place_of_key (declaration) : scan_place_of (database->data->node);
  keep_folder (run, group, device);
  g_hash_table_add (run->volumes, g_strdup (source));
  g_hash_table_add (run->volumes, g_strdup (name));
  if (compose_volume_is_external (volume))
    check_external (run, group, database, name);
  else if (device == NULL && !has_label (volume, run->settings->label)
           && !matches_any (run->settings->protect, name) && !group->is_throwaway)
    scan_report (run, "db-volume-unprotected", SCAN_ERROR, &place,
                 is_declared
                     ? "the volume “%s” of the service “%s” has neither the label %s nor "
                       "`external: true`"
                     : "the volume “%s” of the service “%s” is not declared, with the label %s",
                 source, database->service->key, run->settings->label);
}

/* Its data is in nothing that outlives the container. */
static void
check_missing (ScanRun *run, const ComposeGroup *group, const Database *database)
{
  const ComposeMount *data = database->data;
  const char *name = database->service->key;
  ScanPlace place
      = data != NULL ? scan_place_of (data->node) : scan_place_of_key (database->service);
  ScanSeverity severity = group->is_production ? SCAN_ERROR : SCAN_WARNING;
  if (data != NULL && data->kind == MOUNT_MEMORY)
    {
      /* Elsewhere that is what somebody wanted. */
      if (group->is_production)
        scan_report (run, "db-volume-missing", SCAN_ERROR, &place,
                     "the service “%s” keeps its data in memory", name);
      return;
    }
  for (guint i = 0; data == NULL && i < database->mounts->len; i++)
    {
      const ComposeMount *mount = database->mounts->pdata[i];
      if (mount->kind != MOUNT_NAMED || !g_str_has_prefix (mount->target, "/var/lib/postgresql"))
        continue;
      place = scan_place_of (mount->node);
      scan_report (run, "db-volume-missing", SCAN_ERROR, &place,
                   "the volume “%s” is mounted at %s, the image keeps its data in %s",
                   mount->source, mount->target, database->folder);
      return;
    }
  scan_report (run, "db-volume-missing", severity, &place,
               data != NULL ? "the service “%s” keeps its data in an anonymous volume"
                            : "the service “%s” has no volume for its data",
               name);
}

/* --- what has changed ------------------------------------------------------------------------- */

/* What the data is in, as one text: the Engine's name of a volume, or a path. Caller frees; NULL: in
 * nothing that lasts, or not to be told. */
static char *
identity_of (const Node *root, const Database *database)
{
  const ComposeMount *data = database->data;
  if (data == NULL || (data->kind != MOUNT_NAMED && data->kind != MOUNT_BIND))
    return NULL;
  return data->kind == MOUNT_NAMED ? compose_volume_name (root, data->source)
                                   : g_strdup (data->source);
}

static void
check_changed (ScanRun *run, const ComposeGroup *group, const Database *database, const Node *head)
{
  const Node *before_service = node_child (node_child (head, "services"), database->service->key);
  g_auto (Database) before = { 0 };
  g_autofree char *now = identity_of (group->root, database);
  if (before_service == NULL || now == NULL || !compose_is_postgres (before_service))
    return;
  database_read (before_service, &before);
  g_autofree char *then = identity_of (head, &before);
  ScanPlace place = scan_place_of (database->data->node);
  if (then != NULL && strcmp (then, now) != 0 && !group->is_throwaway)
    scan_report (run, "db-volume-changed", SCAN_ERROR, &place,
                 "the data of “%s” was in “%s” in the last commit, and is in “%s” now",
                 database->service->key, then, now);
}

/* --- all of a group --------------------------------------------------------------------------- */

static void
check_database (ScanRun *run, const ComposeGroup *group, const Node *service, const Node *head)
{
  g_auto (Database) database = { 0 };
  database_read (service, &database);
  if (database.data != NULL && database.data->kind == MOUNT_NAMED)
    check_named (run, group, &database);
  else if (database.data != NULL && database.data->kind == MOUNT_BIND)
    keep_folder (run, group, database.data->source);
  else if (!group->is_throwaway)
    check_missing (run, group, &database);
  if (head != NULL)
    check_changed (run, group, &database, head);
}

bool
scan_compose_volumes (ScanRun *run, const ComposeGroup *group, GError **error)
{
  const Node *services = node_child (group->root, "services");
  g_autoptr (Node) head = NULL;
  if (services == NULL || services->kind != NODE_MAPPING)
    return true;
  if (group->is_judged && !compose_group_read_head (run, group, &head, error))
    return false;
  for (guint i = 0; i < services->children->len; i++)
    if (compose_is_postgres (services->children->pdata[i]))
      check_database (run, group, services->children->pdata[i], head);
  return true;
}
