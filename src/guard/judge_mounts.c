/*
 * Containers and services that are to be made: what they mount, and what else they may do.
 */
#include "guard/judge.h"
#include "net/client.h"

#include <string.h>

typedef struct
{
  Judge *judge;
  Placement placement;
  bool removes_itself;
} Making;

/* Refuses what is not of the type that the Engine's API has there: it could be read in another way. */
static bool
is_list (Judge *judge, const json_t *value, const char *name)
{
  if (value == NULL || json_is_null (value) || json_is_array (value))
    return true;
  return judge_refuse (judge, &(Refusal){ .rule = "opaque" }, "“%s” of its body is no list", name);
}

/* IS_COPIED: taken over from another container with volumes-from. */
static bool
judge_volume_mount (Making *making, const char *name, const char *target, bool is_read_only,
                    bool is_copied)
{
  GError *error = NULL;
  Judge *judge = making->judge;
  g_autoptr (GuardVolume) volume = NULL;
  if (!guard_volume_read (judge->policy, judge->engine, name, &volume, &error))
    return judge_refuse_unknown (judge, error);
  if (volume == NULL)
    return true;
  bool is_bound = volume->device != NULL && *volume->device == '/';
  if (!guard_volume_is_protected (volume))
    return !is_bound || judge_host_path (judge, volume->device, !is_read_only);
  /* It may be protected only for what it shows of others. */
  if (is_bound && !is_read_only && !judge_engine_root (judge, volume->device))
    return false;
  if (is_copied && making->removes_itself && volume->is_anonymous)
    return judge_refuse (judge, &(Refusal){ "anonymous-volume", name, "Leave --rm out.", true },
                         "the anonymous volume “%.12s” is protected and would go with a container "
                         "that removes itself",
                         name);
  if (is_read_only)
    return true;
  making->placement.target = target;
  return judge_placement (judge, volume, &making->placement);
}

static bool
has_word (const char *words, const char *word)
{
  g_auto (GStrv) parts = g_strsplit (words, ",", -1);
  return g_strv_contains ((const char *const *) parts, word);
}

/* "SOURCE:TARGET[:MODE]"; "TARGET" alone is a new anonymous volume. */
static bool
judge_bind (Making *making, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  guint count = g_strv_length (parts);
  if (count == 1)
    return true;
  if (count == 0 || count > 3)
    return judge_refuse (making->judge, &(Refusal){ .rule = "opaque" },
                         "“%s” of “Binds” cannot be read", text);
  bool is_read_only = count == 3 && has_word (parts[2], "ro");
  g_autofree char *target = g_canonicalize_filename (parts[1], "/");
  if (*parts[0] == '/')
    return judge_host_path (making->judge, parts[0], !is_read_only);
  return judge_volume_mount (making, parts[0], target, is_read_only, false);
}

static bool
judge_mount (Making *making, const json_t *mount)
{
  static const char *const harmless[] = { "tmpfs", "npipe", "image", NULL };
  const char *type = json_string_value (json_object_get (mount, "Type"));
  const char *source = json_string_value (json_object_get (mount, "Source"));
  const char *given = json_string_value (json_object_get (mount, "Target"));
  const json_t *options = json_object_get (
      json_object_get (json_object_get (mount, "VolumeOptions"), "DriverConfig"), "Options");
  bool is_read_only = json_is_true (json_object_get (mount, "ReadOnly"));
  g_autofree char *target = g_canonicalize_filename (given != NULL ? given : "/", "/");
  if (type != NULL && g_strv_contains (harmless, type))
    return true;
  if (source != NULL && *source == '/')
    return judge_host_path (making->judge, source, !is_read_only);
  if (source != NULL && *source != '\0'
      && !judge_volume_mount (making, source, target, is_read_only, false))
    return false;
  return json_object_size (options) == 0 || judge_volume_options (making->judge, options);
}

static bool
judge_copied (Making *making, const json_t *mount, bool is_read_only)
{
  const char *name = json_string_value (json_object_get (mount, "Name"));
  const char *source = json_string_value (json_object_get (mount, "Source"));
  const char *target = json_string_value (json_object_get (mount, "Destination"));
  is_read_only = is_read_only || json_is_false (json_object_get (mount, "RW"));
  if (name != NULL && *name != '\0')
    return judge_volume_mount (making, name, target != NULL ? target : "/", is_read_only, true);
  return source == NULL || *source != '/' || judge_host_path (making->judge, source, !is_read_only);
}

/* "CONTAINER[:MODE]" */
static bool
judge_volumes_from (Making *making, const char *text)
{
  g_autoptr (json_t) container = NULL;
  g_auto (GStrv) parts = g_strsplit (text, ":", 2);
  bool is_read_only = parts[0] != NULL && parts[1] != NULL && has_word (parts[1], "ro");
  size_t i;
  json_t *mount;
  if (parts[0] == NULL || !judge_container (making->judge, parts[0], &container))
    return parts[0] == NULL;
  json_array_foreach (json_object_get (container, "Mounts"), i, mount)
    if (!judge_copied (making, mount, is_read_only))
      return false;
  return true;
}

static bool
judge_texts (Making *making, const json_t *list, const char *name,
             bool (*judge_text) (Making *making, const char *text))
{
  size_t i;
  json_t *value;
  if (!is_list (making->judge, list, name))
    return false;
  json_array_foreach (list, i, value)
    {
      const char *text = json_string_value (value);
      if (text == NULL)
        return judge_refuse (making->judge, &(Refusal){ .rule = "opaque" },
                             "“%s” of its body is no list of texts", name);
      if (!judge_text (making, text))
        return false;
    }
  return true;
}

static bool
judge_mounts (Making *making, const json_t *host)
{
  const json_t *mounts = json_object_get (host, "Mounts");
  size_t i;
  json_t *mount;
  if (!judge_texts (making, json_object_get (host, "Binds"), "Binds", judge_bind)
      || !judge_texts (making, json_object_get (host, "VolumesFrom"), "VolumesFrom",
                       judge_volumes_from)
      || !is_list (making->judge, mounts, "Mounts"))
    return false;
  json_array_foreach (mounts, i, mount)
    if (!judge_mount (making, mount))
      return false;
  return true;
}

static bool
is_dangerous_capability (const char *name)
{
  static const char *const dangerous[]
      = { "ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", NULL };
  g_autofree char *upper = g_ascii_strup (name, -1);
  return g_strv_contains (dangerous, g_str_has_prefix (upper, "CAP_") ? upper + 4 : upper);
}

static bool
judge_capability (Making *making, const char *name)
{
  return !is_dangerous_capability (name)
         || judge_refuse (making->judge, &(Refusal){ .rule = "privileged" },
                          "guard.strict: with the capability %s a container may get at the host",
                          name);
}

/* Through /proc a container sees the files of processes that it shares with another. */
static bool
judge_shared_processes (Judge *judge, const char *other)
{
  g_autoptr (json_t) container = NULL;
  size_t i;
  json_t *mount;
  if (!judge_container (judge, other, &container))
    return false;
  json_array_foreach (json_object_get (container, "Mounts"), i, mount)
    {
      GError *error = NULL;
      g_autoptr (GuardVolume) volume = NULL;
      const char *name = json_string_value (json_object_get (mount, "Name"));
      if (name == NULL || json_is_false (json_object_get (mount, "RW")))
        continue;
      if (!guard_volume_read (judge->policy, judge->engine, name, &volume, &error))
        return judge_refuse_unknown (judge, error);
      if (volume != NULL && guard_volume_is_protected (volume))
        return judge_refuse (
            judge, &(Refusal){ .rule = "privileged", .volume = name },
            "guard.strict: with the processes of “%s” a container gets at volume “%s”", other,
            name);
    }
  return true;
}

/* What lets a container out: only a strict guard minds. */
static bool
judge_powers (Making *making, const json_t *host)
{
  static const char *const lists[] = { "Devices", "DeviceCgroupRules" };
  Judge *judge = making->judge;
  const char *pid = json_string_value (json_object_get (host, "PidMode"));
  Refusal refusal = { .rule = "privileged" };
  if (!judge->policy->is_strict)
    return true;
  if (json_is_true (json_object_get (host, "Privileged")))
    return judge_refuse (judge, &refusal,
                         "guard.strict: a privileged container may do anything to the host");
  if (g_strcmp0 (pid, "host") == 0)
    return judge_refuse (judge, &refusal,
                         "guard.strict: with the host's processes a container gets at its files");
  if (pid != NULL && g_str_has_prefix (pid, "container:")
      && !judge_shared_processes (judge, pid + strlen ("container:")))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    if (json_array_size (json_object_get (host, lists[i])) > 0)
      return judge_refuse (judge, &refusal,
                           "guard.strict: with devices a container may get at the host");
  return judge_texts (making, json_object_get (host, "CapAdd"), "CapAdd", judge_capability)
         && judge_texts (making, json_object_get (host, "CapabilityAdd"), "CapabilityAdd",
                         judge_capability);
}

static const char *
first_word (const json_t *words)
{
  return json_is_string (words) ? json_string_value (words)
                                : json_string_value (json_array_get (words, 0));
}

static Making
making_of (Judge *judge, const json_t *config)
{
  const json_t *labels = json_object_get (config, "Labels");
  const char *entrypoint = first_word (json_object_get (config, "Entrypoint"));
  return (Making){
    .judge = judge,
    .placement = {
      .project = json_string_value (json_object_get (labels, "com.docker.compose.project")),
      .service = json_string_value (json_object_get (labels, "com.docker.compose.service")),
      .image = json_string_value (json_object_get (config, "Image")),
      .environment = json_object_get (config, "Env"),
      .program = entrypoint != NULL ? entrypoint : first_word (json_object_get (config, "Cmd")),
    },
  };
}

bool
judge_container_create (Judge *judge)
{
  const json_t *spec = judge->operation->spec;
  Making making = making_of (judge, spec);
  /* Before there was a "HostConfig", what is in it now stood in the body itself, and Engines still take it
   * from there. */
  const json_t *hosts[] = { json_object_get (spec, "HostConfig"), spec };
  for (size_t i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      making.removes_itself
          = making.removes_itself || json_is_true (json_object_get (hosts[i], "AutoRemove"));
      if (!judge_powers (&making, hosts[i]) || !judge_mounts (&making, hosts[i]))
        return false;
    }
  return true;
}

static bool
judge_started_mount (Making *making, const json_t *mount)
{
  GError *error = NULL;
  Judge *judge = making->judge;
  g_autoptr (GuardVolume) volume = NULL;
  const char *name = json_string_value (json_object_get (mount, "Name"));
  if (name == NULL || json_is_false (json_object_get (mount, "RW")))
    return true;
  if (!guard_volume_read (judge->policy, judge->engine, name, &volume, &error))
    return judge_refuse_unknown (judge, error);
  /* An anonymous volume was made for this container. */
  if (volume == NULL || volume->is_anonymous || !guard_volume_is_protected (volume))
    return true;
  making->placement.target = json_string_value (json_object_get (mount, "Destination"));
  return judge_start_placement (judge, volume, &making->placement);
}

bool
judge_container_start (Judge *judge)
{
  g_autoptr (json_t) container = NULL;
  g_autofree char *escaped = net_escape (judge->operation->name);
  g_autofree char *path = g_strconcat ("/containers/", escaped, "/json", NULL);
  size_t i;
  json_t *mount;
  if (judge->operation->spec != NULL && !judge_container_create (judge))
    return false;
  /* An Engine that cannot say what it would start does not start it either. */
  if (!judge->engine->get (judge->engine, path, &container, NULL) || container == NULL)
    return true;
  Making making = making_of (judge, json_object_get (container, "Config"));
  const char *name = json_string_value (json_object_get (container, "Name"));
  making.placement.name = name != NULL && *name == '/' ? name + 1 : name;
  json_array_foreach (json_object_get (container, "Mounts"), i, mount)
    if (!judge_started_mount (&making, mount))
      return false;
  return true;
}

/* Removing a service removes its tasks with their anonymous volumes. */
static bool
judge_service_remove (Judge *judge)
{
  const json_t *containers;
  size_t i;
  json_t *listed;
  const char *name = judge->operation->name;
  if (!judge_containers (judge, &containers))
    return false;
  json_array_foreach (containers, i, listed)
    {
      const json_t *labels = json_object_get (listed, "Labels");
      const char *id = json_string_value (json_object_get (listed, "Id"));
      const char *service_id
          = json_string_value (json_object_get (labels, "com.docker.swarm.service.id"));
      const char *service
          = json_string_value (json_object_get (labels, "com.docker.swarm.service.name"));
      g_autoptr (json_t) container = NULL;
      /* An ID may be shortened. */
      if (id == NULL || service_id == NULL
          || (g_strcmp0 (service, name) != 0 && !g_str_has_prefix (service_id, name)))
        continue;
      if (!judge_container (judge, id, &container) || !judge_anonymous_volumes (judge, container))
        return false;
    }
  return true;
}

bool
judge_service_change (Judge *judge)
{
  if (g_strcmp0 (judge->operation->verb, "remove") == 0)
    return judge_service_remove (judge);
  /* Its tasks are made anew, and the old ones go with their anonymous volumes. */
  if (judge->operation->name != NULL && !judge_service_remove (judge))
    return false;
  const json_t *task = json_object_get (judge->operation->spec, "TaskTemplate");
  const json_t *config = json_object_get (task, "ContainerSpec");
  Making making = making_of (judge, config);
  return judge_powers (&making, config) && judge_mounts (&making, config);
}
