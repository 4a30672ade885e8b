#include "guard/volume.h"

#include "base/text.h"
#include "net/client.h"

#include <string.h>

#define LABEL_ANONYMOUS "com.docker.volume.anonymous"
#define LABEL_PROJECT "com.docker.compose.project"

void
guard_volume_free (GuardVolume *volume)
{
  if (volume == NULL)
    return;
  g_free (volume->name);
  g_free (volume->created);
  g_free (volume->driver);
  g_free (volume->mountpoint);
  g_free (volume->device);
  g_free (volume->project);
  g_free (volume->postgres);
  g_clear_pointer (&volume->container, g_ptr_array_unref);
  g_clear_pointer (&volume->running, g_ptr_array_unref);
  g_free (volume);
}

static void
volume_free (void *volume)
{
  guard_volume_free (volume);
}

bool
guard_volume_is_protected (const GuardVolume *volume)
{
  return volume->is_labelled || volume->is_named || volume->postgres != NULL;
}

char *
guard_volume_why (const GuardPolicy *policy, const GuardVolume *volume)
{
  if (volume->postgres != NULL)
    return g_strdup_printf ("holds a PostgreSQL %s database", volume->postgres);
  if (volume->is_labelled)
    return g_strdup_printf ("carries the label %s%s%s", policy->label_name,
                            policy->label_value != NULL ? "=" : "",
                            policy->label_value != NULL ? policy->label_value : "");
  return g_strdup (volume->is_named ? "is named in guard.protect" : "cannot be looked into");
}

static bool
has_label (const GuardPolicy *policy, const json_t *labels)
{
  const char *value = json_string_value (json_object_get (labels, policy->label_name));
  return value != NULL && (policy->label_value == NULL || strcmp (value, policy->label_value) == 0);
}

static bool
is_named (const GuardPolicy *policy, const char *name)
{
  for (char **pattern = policy->protect; *pattern != NULL; pattern++)
    if (g_pattern_match_simple (*pattern, name))
      return true;
  return false;
}

/* The Engine marks them since version 23; before, they are told by their names. */
static bool
is_anonymous (const char *name, const json_t *labels)
{
  return json_object_get (labels, LABEL_ANONYMOUS) != NULL
         || (strlen (name) == 64 && strspn (name, "0123456789abcdef") == 64);
}

static char *
text_of (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text != NULL && *text != '\0' ? g_strdup (text) : NULL;
}

GuardVolume *
guard_volume_from_json (const GuardPolicy *policy, const json_t *object)
{
  const json_t *labels = json_object_get (object, "Labels");
  GuardVolume *volume = g_new0 (GuardVolume, 1);
  volume->name = text_of (object, "Name");
  if (volume->name == NULL)
    volume->name = g_strdup ("");
  volume->created = text_of (object, "CreatedAt");
  volume->driver = text_of (object, "Driver");
  volume->mountpoint = text_of (object, "Mountpoint");
  volume->device = text_of (json_object_get (object, "Options"), "device");
  volume->project = text_of (labels, LABEL_PROJECT);
  volume->is_labelled = has_label (policy, labels);
  volume->is_named = is_named (policy, volume->name);
  volume->is_anonymous = is_anonymous (volume->name, labels);
  volume->is_remote = policy->is_remote;
  return volume;
}

/* A device that is no folder (a file system of its own, NFS): its files are at the mountpoint, while it is
 * mounted. */
static bool
is_elsewhere (const GuardVolume *volume)
{
  return volume->device != NULL && strcmp (volume->device, "tmpfs") != 0
         && !(*volume->device == '/' && g_file_test (volume->device, G_FILE_TEST_IS_DIR));
}

const char *
guard_volume_place (const GuardVolume *volume)
{
  bool is_folder = volume->device != NULL && *volume->device == '/' && !is_elsewhere (volume);
  const char *place = is_folder ? volume->device : volume->mountpoint;
  return place != NULL && *place == '/' && !volume->is_remote ? place : NULL;
}

void
guard_volume_look_into (GuardVolume *volume)
{
  const char *place = guard_volume_place (volume);
  g_clear_pointer (&volume->postgres, g_free);
  volume->is_readable = false;
  if (place == NULL)
    return;
  volume->postgres = guard_find_postgres (place, &volume->is_readable);
  /* What is not mounted now shows an empty folder instead. */
  if (volume->postgres == NULL && is_elsewhere (volume))
    volume->is_readable = false;
}

char *
guard_volume_identity (const GuardVolume *volume)
{
  bool is_complete;
  g_autoptr (json_t) parts
      = json_pack ("[s?, s?, s?]", volume->created, volume->mountpoint, volume->device);
  const char *place = guard_volume_place (volume);
  g_autoptr (GPtrArray) folders
      = place != NULL ? guard_find_data_folders (place, &is_complete) : NULL;
  for (guint i = 0; folders != NULL && i < folders->len; i++)
    {
      const GuardDataFolder *folder = folders->pdata[i];
      g_autofree char *text
          = g_strdup_printf ("%" G_GUINT64_FORMAT, folder->control.system_identifier);
      json_array_append_new (parts, json_string (folder->has_control ? text : "unknown"));
    }
  return json_dumps (parts, JSON_COMPACT);
}

bool
guard_volume_read (const GuardPolicy *policy, GuardEngine *engine, const char *name,
                   GuardVolume **ret_volume, GError **error)
{
  g_autofree char *escaped = net_escape (name);
  g_autofree char *path = g_strconcat ("/volumes/", escaped, NULL);
  g_autoptr (json_t) object = NULL;
  if (!engine->get (engine, path, &object, error))
    return false;
  if (object == NULL)
    {
      *ret_volume = NULL;
      return true;
    }
  if (json_string_value (json_object_get (object, "Name")) == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL,
                       "the Docker Engine's answer about a volume has no name in it");
  *ret_volume = guard_volume_from_json (policy, object);
  guard_volume_look_into (*ret_volume);
  return true;
}

/* The name of the container OBJECT of /containers/json; "" when it has none. */
static const char *
container_name (const json_t *object)
{
  const char *name = json_string_value (json_array_get (json_object_get (object, "Names"), 0));
  if (name == NULL)
    return "";
  return *name == '/' ? name + 1 : name;
}

/* Paused and restarting ones have it, too. */
static bool
is_running (const json_t *container)
{
  const char *state = json_string_value (json_object_get (container, "State"));
  return state == NULL
         || (strcmp (state, "created") != 0 && strcmp (state, "exited") != 0
             && strcmp (state, "dead") != 0);
}

static void
add_container (GHashTable *by_name, const json_t *container)
{
  size_t i;
  json_t *mount;
  json_array_foreach (json_object_get (container, "Mounts"), i, mount)
    {
      const char *name = json_string_value (json_object_get (mount, "Name"));
      GuardVolume *volume = name != NULL ? g_hash_table_lookup (by_name, name) : NULL;
      if (volume == NULL)
        continue;
      g_ptr_array_add (volume->container, g_strdup (container_name (container)));
      if (is_running (container))
        g_ptr_array_add (volume->running, g_strdup (container_name (container)));
    }
}

static int
compare_volumes (const void *a, const void *b)
{
  const GuardVolume *const *first = a, *const *second = b;
  return strcmp ((*first)->name, (*second)->name);
}

static bool
get_array (GuardEngine *engine, const char *path, const char *key, json_t **ret, GError **error)
{
  g_autoptr (json_t) answer = NULL;
  if (!engine->get (engine, path, &answer, error))
    return false;
  json_t *array = key != NULL ? json_object_get (answer, key) : answer;
  /* Go says null for an empty list. */
  if (!json_is_array (array) && !(key != NULL && json_is_object (answer) && json_is_null (array)))
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "the Docker Engine's answer has no list");
  *ret = json_is_array (array) ? json_incref (array) : json_array ();
  return true;
}

static void
forget_containers (GuardVolume *volume)
{
  g_clear_pointer (&volume->container, g_ptr_array_unref);
  g_clear_pointer (&volume->running, g_ptr_array_unref);
  volume->container = g_ptr_array_new_with_free_func (g_free);
  volume->running = g_ptr_array_new_with_free_func (g_free);
}

bool
guard_volume_find_containers (GuardEngine *engine, GuardVolume *volume, GError **error)
{
  g_autoptr (json_t) containers = NULL;
  g_autoptr (GHashTable) by_name = g_hash_table_new (g_str_hash, g_str_equal);
  size_t i;
  json_t *object;
  if (!get_array (engine, "/containers/json?all=1", NULL, &containers, error))
    return false;
  forget_containers (volume);
  g_hash_table_insert (by_name, volume->name, volume);
  json_array_foreach (containers, i, object)
    add_container (by_name, object);
  return true;
}

bool
guard_volumes_read (const GuardPolicy *policy, GuardEngine *engine, GPtrArray **ret_volumes,
                    GError **error)
{
  g_autoptr (json_t) objects = NULL, containers = NULL;
  g_autoptr (GPtrArray) volumes = g_ptr_array_new_with_free_func (volume_free);
  g_autoptr (GHashTable) by_name = g_hash_table_new (g_str_hash, g_str_equal);
  size_t i;
  json_t *object;
  if (!get_array (engine, "/volumes", "Volumes", &objects, error)
      || !get_array (engine, "/containers/json?all=1", NULL, &containers, error))
    return false;
  json_array_foreach (objects, i, object)
    {
      GuardVolume *volume = guard_volume_from_json (policy, object);
      guard_volume_look_into (volume);
      forget_containers (volume);
      g_ptr_array_add (volumes, volume);
      g_hash_table_insert (by_name, volume->name, volume);
    }
  json_array_foreach (containers, i, object)
    add_container (by_name, object);
  g_ptr_array_sort (volumes, compare_volumes);
  *ret_volumes = g_steal_pointer (&volumes);
  return true;
}
