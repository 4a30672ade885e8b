/*
 * What takes volumes away: by name, by pruning, with their containers, with their project.
 */
#include "base/clock.h"
#include "guard/judge.h"
#include "guard/release.h"

#include <string.h>

#define LABEL_PROJECT "com.docker.compose.project"
#define LABEL_ONE_OFF "com.docker.compose.oneoff"

/* How else it could be deleted; caller frees. */
static char *
removal_hint (const GuardVolume *volume)
{
  if (guard_volume_is_protected (volume))
    return g_strdup_printf (
        "To delete it all the same: pgkeel guard release %s, which wants a proven backup.",
        volume->name);
  return g_strdup_printf (
      "Ask as root on the Engine's host, where its files can be looked at, or open it for one "
      "deletion: pgkeel guard release %s.",
      volume->name);
}

/* The name of a container that mounts VOLUME; NULL: none does. */
static bool
find_holder (Judge *judge, const char *volume, const char **ret_holder)
{
  const json_t *containers;
  size_t i, j;
  json_t *container, *mount;
  if (!judge_containers (judge, &containers))
    return false;
  json_array_foreach (containers, i, container)
    json_array_foreach (json_object_get (container, "Mounts"), j, mount)
      if (g_strcmp0 (json_string_value (json_object_get (mount, "Name")), volume) == 0)
        {
          const char *name
              = json_string_value (json_array_get (json_object_get (container, "Names"), 0));
          *ret_holder = name != NULL ? name + (*name == '/') : "?";
        }
  return true;
}

/* A protected volume goes only when it is released. The release stays when the Engine could not use it. */
static bool
judge_release (Judge *judge, const GuardVolume *volume)
{
  GError *error = NULL;
  bool is_found = false;
  const char *holder = NULL;
  const GuardPolicy *policy = judge->policy;
  g_autofree char *identity = guard_volume_identity (volume);
  if (policy->releases != NULL
      && !guard_release_find (policy->releases, volume->name, identity, GUARD_VOLUME_REMOVE,
                              clock_now (), false, &is_found, &error))
    return judge_refuse_unknown (judge, error);
  if (is_found && !find_holder (judge, volume->name, &holder))
    return false;
  if (holder != NULL)
    return judge_refuse (judge,
                         &(Refusal){ .rule = "volume-in-use",
                                     .volume = volume->name,
                                     .hint = "Remove the container first; the release stays." },
                         "volume “%s” is released, but container “%s” mounts it", volume->name,
                         holder);
  if (is_found && judge->takes_releases
      && !guard_release_find (policy->releases, volume->name, identity, GUARD_VOLUME_REMOVE,
                              clock_now (), true, &is_found, &error))
    return judge_refuse_unknown (judge, error);
  if (is_found)
    {
      judge->verdict->is_released = true;
      judge->verdict->rule = "released";
      judge->verdict->volume = g_strdup (volume->name);
      return true;
    }
  g_autofree char *hint = removal_hint (volume);
  g_autofree char *why = guard_volume_why (policy, volume);
  return judge_refuse (
      judge, &(Refusal){ "volume-remove", volume->name, hint, guard_volume_is_protected (volume) },
      "volume “%s” %s and must not be deleted", volume->name, why);
}

/* No release is for that: it may not come to it, and then the release would be gone. */
static bool
judge_recreation (Judge *judge, const GuardVolume *volume)
{
  g_autofree char *why = guard_volume_why (judge->policy, volume);
  return judge_refuse (
      judge,
      &(Refusal){ .rule = "volume-recreate",
                  .volume = volume->name,
                  .hint = "Without -y compose asks before it deletes a volume that has changed." },
      "volume “%s” %s, and compose may make it anew", volume->name, why);
}

bool
judge_volume_remove (Judge *judge)
{
  GError *error = NULL;
  g_autoptr (GuardVolume) volume = NULL;
  if (!guard_volume_read (judge->policy, judge->engine, judge->operation->name, &volume, &error))
    return judge_refuse_unknown (judge, error);
  if (volume == NULL || (!guard_volume_is_protected (volume) && volume->is_readable))
    return true;
  bool is_recreation = g_strcmp0 (judge->operation->verb, "recreate") == 0;
  return is_recreation ? judge_recreation (judge, volume) : judge_release (judge, volume);
}

/* Whether LABELS has all of WANTED ("name" or "name=value"), as the Engine's MatchKVList. */
static bool
labels_match (const json_t *labels, const json_t *wanted)
{
  size_t i;
  json_t *text;
  json_array_foreach (wanted, i, text)
    {
      g_auto (GStrv) parts = g_strsplit (json_string_value (text), "=", 2);
      const char *value = json_string_value (json_object_get (labels, parts[0]));
      if (value == NULL || (parts[1] != NULL && strcmp (parts[1], value) != 0))
        return false;
    }
  return true;
}

static bool
is_pruned (const GuardOperation *operation, const GuardVolume *volume, const json_t *labels)
{
  const json_t *spared = json_object_get (operation->filters, "label!");
  if (!operation->takes_named && !volume->is_anonymous)
    return false;
  if (!labels_match (labels, json_object_get (operation->filters, "label")))
    return false;
  return json_array_size (spared) == 0 || !labels_match (labels, spared);
}

bool
judge_prune (Judge *judge)
{
  const json_t *volumes;
  size_t i;
  json_t *object;
  g_autofree char *hint = g_strdup_printf (
      "Remove what is to go by name, or leave protected ones out: docker volume prune --filter "
      "label!=%s",
      judge->policy->label_name);
  if (!judge_volumes (judge, &volumes))
    return false;
  /* Whether a container holds it does not count: that may end before the Engine gets there. */
  json_array_foreach (volumes, i, object)
    {
      g_autoptr (GuardVolume) volume = guard_volume_from_json (judge->policy, object);
      if (!is_pruned (judge->operation, volume, json_object_get (object, "Labels")))
        continue;
      guard_volume_look_into (volume);
      if (!guard_volume_is_protected (volume) && volume->is_readable)
        continue;
      g_autofree char *why = guard_volume_why (judge->policy, volume);
      return judge_refuse (
          judge,
          &(Refusal){ "volume-prune", volume->name, hint, guard_volume_is_protected (volume) },
          "pruning takes volume “%s” when no container mounts it, and it %s", volume->name, why);
    }
  return true;
}

/* Whether CONTAINER was made with the volume NAME by name: the Engine then keeps it. */
static bool
is_mounted_by_name (const json_t *container, const char *name)
{
  const json_t *host = json_object_get (container, "HostConfig");
  size_t i;
  json_t *value;
  json_array_foreach (json_object_get (host, "Binds"), i, value)
    {
      const char *text = json_string_value (value);
      size_t length = text != NULL ? strcspn (text, ":") : 0;
      if (length == strlen (name) && text[length] == ':' && strncmp (text, name, length) == 0)
        return true;
    }
  json_array_foreach (json_object_get (host, "Mounts"), i, value)
    if (g_strcmp0 (json_string_value (json_object_get (value, "Source")), name) == 0)
      return true;
  return false;
}

bool
judge_anonymous_volumes (Judge *judge, const json_t *container)
{
  const json_t *host = json_object_get (container, "HostConfig");
  bool has_others = json_array_size (json_object_get (host, "VolumesFrom")) > 0;
  size_t i;
  json_t *mount;
  json_array_foreach (json_object_get (container, "Mounts"), i, mount)
    {
      GError *error = NULL;
      g_autoptr (GuardVolume) volume = NULL;
      const char *name = json_string_value (json_object_get (mount, "Name"));
      if (name == NULL || is_mounted_by_name (container, name))
        continue;
      if (!guard_volume_read (judge->policy, judge->engine, name, &volume, &error))
        return judge_refuse_unknown (judge, error);
      if (volume == NULL || (!guard_volume_is_protected (volume) && volume->is_readable))
        continue;
      /* Named where it came from: another container's volume. */
      if (has_others && !volume->is_anonymous)
        continue;
      g_autofree char *why = guard_volume_why (judge->policy, volume);
      return judge_refuse (judge,
                           &(Refusal){ "anonymous-volume", name,
                                       "Remove the container without -v; the volume then stays.",
                                       guard_volume_is_protected (volume) },
                           "the anonymous volume “%.12s” would go with its container, and it %s",
                           name, why);
    }
  return true;
}

static const char *
label_of (const json_t *labels, const char *name)
{
  return json_string_value (json_object_get (labels, name));
}

/* Whether VOLUME is of PROJECT, by its label or because a container of PROJECT mounts it. */
static bool
is_of_project (const GuardVolume *volume, const char *project, const json_t *containers)
{
  size_t i, j;
  json_t *container, *mount;
  if (g_strcmp0 (volume->project, project) == 0)
    return true;
  json_array_foreach (containers, i, container)
    {
      if (g_strcmp0 (label_of (json_object_get (container, "Labels"), LABEL_PROJECT), project) != 0)
        continue;
      json_array_foreach (json_object_get (container, "Mounts"), j, mount)
        if (g_strcmp0 (json_string_value (json_object_get (mount, "Name")), volume->name) == 0)
          return true;
    }
  return false;
}

bool
judge_compose_down (Judge *judge, const char *project)
{
  const json_t *volumes, *containers;
  size_t i;
  json_t *object;
  if (!judge_volumes (judge, &volumes) || !judge_containers (judge, &containers))
    return false;
  json_array_foreach (volumes, i, object)
    {
      g_autoptr (GuardVolume) volume = guard_volume_from_json (judge->policy, object);
      if (!is_of_project (volume, project, containers))
        continue;
      guard_volume_look_into (volume);
      if (!guard_volume_is_protected (volume) && volume->is_readable)
        continue;
      g_autofree char *why = guard_volume_why (judge->policy, volume);
      return judge_refuse (
          judge,
          &(Refusal){ "compose-down", volume->name,
                      "Without -v the containers go and the data stays: docker compose down",
                      guard_volume_is_protected (volume) },
          "project “%s” has volume “%s”, which %s: its containers are not removed together with "
          "volumes",
          project, volume->name, why);
    }
  return true;
}

bool
judge_container_remove (Judge *judge)
{
  g_autoptr (json_t) container = NULL;
  const GuardOperation *operation = judge->operation;
  if (!judge_container (judge, operation->name, &container))
    return false;
  if (container == NULL)
    return true;
  const json_t *labels = json_object_get (json_object_get (container, "Config"), "Labels");
  const char *project = label_of (labels, LABEL_PROJECT);
  const char *one_off = label_of (labels, LABEL_ONE_OFF);
  bool removes_itself
      = json_is_true (json_object_get (json_object_get (container, "HostConfig"), "AutoRemove"));
  if ((operation->removes_volumes || removes_itself) && !judge_anonymous_volumes (judge, container))
    return false;
  /* `compose run --rm` removes with v=1, too; `compose down -v` meets the services' own containers. */
  if (!operation->removes_volumes || project == NULL
      || (one_off != NULL && g_ascii_strcasecmp (one_off, "true") == 0))
    return true;
  return judge_compose_down (judge, project);
}

bool
judge_container_stop (Judge *judge)
{
  g_autoptr (json_t) container = NULL;
  if (!judge_container (judge, judge->operation->name, &container))
    return false;
  if (!json_is_true (json_object_get (json_object_get (container, "HostConfig"), "AutoRemove")))
    return true;
  return judge_anonymous_volumes (judge, container);
}

bool
judge_container_renew (Judge *judge)
{
  g_autoptr (json_t) container = NULL;
  return judge_container (judge, judge->operation->name, &container)
         && judge_anonymous_volumes (judge, container);
}
