#include "guard/policy.h"

#include "base/text.h"
#include "guard/judge.h"
#include "net/client.h"

#include <string.h>

GuardPolicy *
guard_policy_new (const ProjectGuard *settings, const char *releases)
{
  GuardPolicy *policy = g_new0 (GuardPolicy, 1);
  g_auto (GStrv) label = g_strsplit (settings->label, "=", 2);
  policy->label_name = g_strdup (label[0]);
  policy->label_value = g_strdup (label[1]);
  policy->protect = g_strdupv (settings->protect);
  policy->is_strict = settings->is_strict;
  policy->releases = g_strdup (releases);
  policy->paths = g_new0 (char *, 1);
  return policy;
}

void
guard_policy_free (GuardPolicy *policy)
{
  if (policy == NULL)
    return;
  g_free (policy->label_name);
  g_free (policy->label_value);
  g_strfreev (policy->protect);
  g_free (policy->releases);
  g_free (policy->plugin);
  g_strfreev (policy->paths);
  g_free (policy);
}

void
guard_policy_protect_self (GuardPolicy *policy, const char *plugin, const char *const *paths)
{
  g_free (policy->plugin);
  policy->plugin = g_strdup (plugin);
  g_strfreev (policy->paths);
  policy->paths = g_strdupv ((char **) paths);
}

void
guard_policy_set_remote (GuardPolicy *policy, bool is_remote)
{
  policy->is_remote = is_remote;
}

void
guard_verdict_clear (GuardVerdict *verdict)
{
  g_free (verdict->reason);
  g_free (verdict->volume);
  g_free (verdict->hint);
}

bool
judge_refuse (Judge *judge, const Refusal *refusal, const char *format, ...)
{
  GuardVerdict *verdict = judge->verdict;
  if (!verdict->is_allowed)
    return false;
  va_list args;
  va_start (args, format);
  verdict->is_allowed = false;
  verdict->rule = refusal->rule;
  verdict->volume = g_strdup (refusal->volume);
  verdict->hint = g_strdup (refusal->hint);
  verdict->is_attempt = refusal->is_attempt;
  verdict->reason = g_strdup_vprintf (format, args);
  va_end (args);
  return false;
}

bool
judge_refuse_unknown (Judge *judge, GError *error)
{
  (void) judge_refuse (judge,
                       &(Refusal){ .rule = "unknown",
                                   .hint = "Try again; if it stays so, look at the guard's log." },
                       "it cannot be found out what this would destroy: %s", error->message);
  g_error_free (error);
  return false;
}

static bool
read_list (Judge *judge, const char *path, const char *key, json_t **list)
{
  GError *error = NULL;
  g_autoptr (json_t) answer = NULL;
  if (*list != NULL)
    return true;
  if (!judge->engine->get (judge->engine, path, &answer, &error))
    return judge_refuse_unknown (judge, error);
  json_t *found = key != NULL ? json_object_get (answer, key) : answer;
  bool is_empty = key != NULL && json_is_object (answer) && (found == NULL || json_is_null (found));
  if (!json_is_array (found) && !is_empty)
    {
      keel_error (&error, KEEL_ERROR_FAILED, NULL, "the Docker Engine's answer has no list");
      return judge_refuse_unknown (judge, error);
    }
  *list = is_empty ? json_array () : json_incref (found);
  return true;
}

bool
judge_volumes (Judge *judge, const json_t **ret_volumes)
{
  if (!read_list (judge, "/volumes", "Volumes", &judge->volumes))
    return false;
  *ret_volumes = judge->volumes;
  return true;
}

bool
judge_containers (Judge *judge, const json_t **ret_containers)
{
  if (!read_list (judge, "/containers/json?all=1", NULL, &judge->containers))
    return false;
  *ret_containers = judge->containers;
  return true;
}

bool
judge_container (Judge *judge, const char *name, json_t **ret_container)
{
  GError *error = NULL;
  g_autofree char *escaped = net_escape (name);
  g_autofree char *path = g_strconcat ("/containers/", escaped, "/json", NULL);
  if (!judge->engine->get (judge->engine, path, ret_container, &error))
    return judge_refuse_unknown (judge, error);
  return true;
}

static bool
judge_volume_create (Judge *judge)
{
  GError *error = NULL;
  g_autoptr (GuardVolume) volume = NULL;
  const json_t *spec = judge->operation->spec;
  const json_t *options = json_object_get (spec, "DriverOpts");
  const char *name = json_string_value (json_object_get (spec, "Name"));
  if (json_object_size (options) == 0)
    return true;
  if (name != NULL && *name != '\0'
      && !guard_volume_read (judge->policy, judge->engine, name, &volume, &error))
    return judge_refuse_unknown (judge, error);
  const char *device = json_string_value (json_object_get (options, "device"));
  if (volume != NULL && guard_volume_is_protected (volume)
      && g_strcmp0 (volume->device, device) != 0)
    {
      g_autofree char *why = guard_volume_why (judge->policy, volume);
      return judge_refuse (judge,
                           &(Refusal){ "volume-create", name,
                                       "Choose another name, or leave the options out.", true },
                           "volume “%s” %s and cannot be made anew with other options", name, why);
    }
  return judge_volume_options (judge, options);
}

static bool
judge_volume_update (Judge *judge)
{
  GError *error = NULL;
  g_autoptr (GuardVolume) volume = NULL;
  const char *name = judge->operation->name;
  if (!guard_volume_read (judge->policy, judge->engine, name, &volume, &error))
    return judge_refuse_unknown (judge, error);
  if (volume == NULL || !guard_volume_is_protected (volume))
    return true;
  g_autofree char *why = guard_volume_why (judge->policy, volume);
  return judge_refuse (judge, &(Refusal){ "volume-update", name, NULL, true },
                       "volume “%s” %s and cannot be changed", name, why);
}

static bool
judge_exec (Judge *judge)
{
  const json_t *spec = judge->operation->spec;
  if (!judge->policy->is_strict)
    return true;
  if (spec == NULL)
    return judge_refuse (judge, &(Refusal){ .rule = "opaque" },
                         "guard.strict: what this would run cannot be seen");
  if (!json_is_true (json_object_get (spec, "Privileged")))
    return true;
  return judge_refuse (judge, &(Refusal){ .rule = "privileged" },
                       "guard.strict: privileged processes may do anything to the host");
}

/* The destination of MOUNT when putting files at PATH could change what is mounted there. */
static const char *
mount_at (const json_t *mount, const char *path)
{
  const char *target = json_string_value (json_object_get (mount, "Destination"));
  const char *name = json_string_value (json_object_get (mount, "Name"));
  if (target == NULL || name == NULL || json_is_false (json_object_get (mount, "RW")))
    return NULL;
  return judge_path_covers (target, path) || judge_path_covers (path, target) ? target : NULL;
}

/* What is in a tar nobody shows us: a link, and what goes through it. */
static bool
refuse_archive (Judge *judge, const char *path, const char *target, const GuardVolume *volume)
{
  g_autofree char *why = guard_volume_why (judge->policy, volume);
  g_autofree char *hint = g_strdup_printf (
      "Copy to a folder that is not above %s, such as /tmp, and move it from there.", target);
  if (judge->policy->is_strict)
    return judge_refuse (judge,
                         &(Refusal){ "archive-put", volume->name,
                                     "Send it through a command: docker exec -i CONTAINER ...",
                                     true },
                         "guard.strict: what is copied into a container that has volume “%s”, "
                         "which %s, can lead there from %s",
                         volume->name, why, path);
  return judge_refuse (judge, &(Refusal){ "archive-put", volume->name, hint, true },
                       "copying to %s could overwrite volume “%s”, which %s", path, volume->name,
                       why);
}

static bool
judge_archive (Judge *judge)
{
  g_autoptr (json_t) container = NULL;
  g_autofree char *path = g_canonicalize_filename (judge->operation->path, "/");
  size_t i;
  json_t *mount;
  if (!judge_container (judge, judge->operation->name, &container))
    return false;
  json_array_foreach (json_object_get (container, "Mounts"), i, mount)
    {
      GError *error = NULL;
      g_autoptr (GuardVolume) volume = NULL;
      const char *target = mount_at (mount, judge->policy->is_strict ? "/" : path);
      const char *name = json_string_value (json_object_get (mount, "Name"));
      if (target == NULL)
        continue;
      if (!guard_volume_read (judge->policy, judge->engine, name, &volume, &error))
        return judge_refuse_unknown (judge, error);
      if (volume == NULL || !guard_volume_is_protected (volume))
        continue;
      return refuse_archive (judge, path, target, volume);
    }
  return true;
}

/* "pgkeel" of "pgkeel:latest" and "docker.io/library/pgkeel:latest"; caller frees. */
static char *
plugin_base (const char *name)
{
  const char *slash = strrchr (name, '/');
  const char *base = slash != NULL ? slash + 1 : name;
  return g_strndup (base, strcspn (base, ":@"));
}

/* Whether it decides who may do what: removing one takes a guard away. */
static bool
judge_is_authorization_plugin (Judge *judge, const char *name, bool *ret_is)
{
  GError *error = NULL;
  g_autofree char *escaped = net_escape (name);
  g_autofree char *path = g_strconcat ("/plugins/", escaped, "/json", NULL);
  g_autoptr (json_t) plugin = NULL;
  if (!judge->engine->get (judge->engine, path, &plugin, &error))
    return judge_refuse_unknown (judge, error);
  const json_t *interface = json_object_get (json_object_get (plugin, "Config"), "Interface");
  size_t i;
  json_t *type;
  json_array_foreach (json_object_get (interface, "Types"), i, type)
    {
      const char *text = json_is_string (type)
                             ? json_string_value (type)
                             : json_string_value (json_object_get (type, "Capability"));
      if (text != NULL && strstr (text, "authz") != NULL)
        *ret_is = true;
    }
  return true;
}

static bool
judge_volume_driver (Judge *judge, const char *plugin)
{
  const json_t *volumes;
  size_t i;
  json_t *object;
  if (!judge_volumes (judge, &volumes))
    return false;
  json_array_foreach (volumes, i, object)
    {
      g_autoptr (GuardVolume) volume = guard_volume_from_json (judge->policy, object);
      g_autofree char *driver = plugin_base (volume->driver != NULL ? volume->driver : "");
      if (strcmp (driver, plugin) != 0)
        continue;
      guard_volume_look_into (volume);
      if (guard_volume_is_protected (volume))
        return judge_refuse (judge, &(Refusal){ "plugin", volume->name, NULL, true },
                             "the plugin keeps volume “%s”, which is protected", volume->name);
    }
  return true;
}

static bool
judge_plugin (Judge *judge)
{
  static const char *const installing[] = { "pull", "create", "enable", NULL };
  const GuardOperation *operation = judge->operation;
  bool is_authorization = false;
  if (operation->verb != NULL && g_strv_contains (installing, operation->verb))
    return !judge->policy->is_strict
           || judge_refuse (judge, &(Refusal){ .rule = "plugin" },
                            "guard.strict: a plugin may do anything to the host");
  if (operation->name == NULL)
    return true;
  g_autofree char *base = plugin_base (operation->name);
  if (g_strcmp0 (base, judge->policy->plugin) != 0
      && !judge_is_authorization_plugin (judge, operation->name, &is_authorization))
    return false;
  if (is_authorization || g_strcmp0 (base, judge->policy->plugin) == 0)
    return judge_refuse (judge,
                         &(Refusal){ .rule = "plugin",
                                     .hint = "Take it out of the Engine's configuration first: "
                                             "that needs root on the host, as it should.",
                                     .is_attempt = true },
                         "plugin “%s” decides what may be done to this Engine", operation->name);
  return judge_volume_driver (judge, base);
}

/* Leaving removes the tasks of services, and with them their anonymous volumes. */
static bool
judge_swarm_leave (Judge *judge)
{
  const json_t *containers;
  size_t i;
  json_t *listed;
  if (!judge_containers (judge, &containers))
    return false;
  json_array_foreach (containers, i, listed)
    {
      const char *id = json_string_value (json_object_get (listed, "Id"));
      const json_t *labels = json_object_get (listed, "Labels");
      g_autoptr (json_t) container = NULL;
      if (id == NULL || json_object_get (labels, "com.docker.swarm.service.id") == NULL)
        continue;
      if (!judge_container (judge, id, &container) || !judge_anonymous_volumes (judge, container))
        return false;
    }
  return true;
}

static bool
judge_opaque (Judge *judge)
{
  return judge_refuse (
      judge,
      &(Refusal){ .rule = "opaque",
                  .hint = "Send it as plain JSON of less than 1 MB, as `docker` does." },
      "it could destroy data and cannot be looked into: %s",
      judge->operation->detail != NULL ? judge->operation->detail : "no reason is known");
}

static bool
judge_operation (Judge *judge)
{
  const GuardOperation *operation = judge->operation;
  switch (operation->act)
    {
    case GUARD_OTHER: return true;
    case GUARD_VOLUME_REMOVE: return judge_volume_remove (judge);
    case GUARD_VOLUME_PRUNE: return judge_prune (judge);
    case GUARD_VOLUME_CREATE: return judge_volume_create (judge);
    case GUARD_VOLUME_UPDATE: return judge_volume_update (judge);
    case GUARD_CONTAINER_CREATE: return judge_container_create (judge);
    case GUARD_CONTAINER_START: return judge_container_start (judge);
    case GUARD_CONTAINER_STOP: return judge_container_stop (judge);
    case GUARD_CONTAINER_REMOVE: return judge_container_remove (judge);
    case GUARD_CONTAINER_RENEW: return judge_container_renew (judge);
    case GUARD_CONTAINER_EXEC: return judge_exec (judge);
    case GUARD_ARCHIVE_PUT: return judge_archive (judge);
    case GUARD_CHECKPOINT_REMOVE: return judge_host_path (judge, operation->path, true);
    case GUARD_PLUGIN_CHANGE: return judge_plugin (judge);
    case GUARD_SERVICE_CHANGE: return judge_service_change (judge);
    case GUARD_SWARM_LEAVE: return judge_swarm_leave (judge);
    case GUARD_COMPOSE_DOWN:
      return !operation->removes_volumes || judge_compose_down (judge, operation->project);
    case GUARD_OPAQUE: return judge_opaque (judge);
    }
  return judge_opaque (judge);
}

void
guard_judge (const GuardPolicy *policy, GuardEngine *engine, const GuardOperation *operation,
             bool take_releases, GuardVerdict *ret_verdict)
{
  *ret_verdict = (GuardVerdict){ .is_allowed = true, .rule = "none" };
  Judge judge = {
    .policy = policy,
    .engine = engine,
    .operation = operation,
    .takes_releases = take_releases,
    .verdict = ret_verdict,
  };
  /* What a judge says is in the verdict. */
  (void) !judge_operation (&judge);
  g_clear_pointer (&judge.volumes, json_decref);
  g_clear_pointer (&judge.containers, json_decref);
  g_free (judge.root);
}
