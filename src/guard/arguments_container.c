/* docker run, create, exec, cp and the services of a swarm: what they mount. */
#include "guard/arguments_internal.h"

#include <string.h>

/* Options that it does not list take a value: docker has too many to follow, and all of them but these
 * do. Letters must be known, since they stand together. */
const WordOption arguments_run_options[] = {
  { "disable-content-trust", 0, false },
  { "help", 0, false },
  { "init", 0, false },
  { "no-healthcheck", 0, false },
  { "oom-kill-disable", 0, false },
  { "privileged", 0, false },
  { "read-only", 0, false },
  { "rm", 0, false },
  { "sig-proxy", 0, false },
  { "use-api-socket", 0, false },
  { "detach", 'd', false },
  { "interactive", 'i', false },
  { "publish-all", 'P', false },
  { "quiet", 'q', false },
  { "tty", 't', false },
  { "attach", 'a', true },
  { "cpu-shares", 'c', true },
  { "env", 'e', true },
  { "hostname", 'h', true },
  { "label", 'l', true },
  { "memory", 'm', true },
  { "publish", 'p', true },
  { "user", 'u', true },
  { "volume", 'v', true },
  { "workdir", 'w', true },
  { "cap-add", 0, true },
  { "device", 0, true },
  { "entrypoint", 0, true },
  { "label-file", 0, true },
  { "mount", 0, true },
  { "name", 0, true },
  { "pid", 0, true },
  { "security-opt", 0, true },
  { "tmpfs", 0, true },
  { "userns", 0, true },
  { "volume-driver", 0, true },
  { "volumes-from", 0, true },
  { 0 },
};

const WordOption arguments_exec_options[] = {
  { "detach", 'd', false },
  { "interactive", 'i', false },
  { "privileged", 0, false },
  { "tty", 't', false },
  { "detach-keys", 0, true },
  { "env", 'e', true },
  { "env-file", 0, true },
  { "user", 'u', true },
  { "workdir", 'w', true },
  { "help", 0, false },
  { 0 },
};

const WordOption arguments_service_options[] = {
  { "detach", 'd', false },
  { "force", 0, false },
  { "help", 0, false },
  { "init", 0, false },
  { "no-healthcheck", 0, false },
  { "no-resolve-image", 0, false },
  { "quiet", 'q', false },
  { "read-only", 0, false },
  { "rollback", 0, false },
  { "tty", 't', false },
  { "with-registry-auth", 0, false },
  { "env", 'e', true },
  { "label", 'l', true },
  { "publish", 'p', true },
  { "user", 'u', true },
  { "workdir", 'w', true },
  { "container-label", 0, true },
  { "image", 0, true },
  { "mount", 0, true },
  { "mount-add", 0, true },
  { "mount-rm", 0, true },
  { "name", 0, true },
  { 0 },
};

/* The fields of one line of CSV, as Go's encoding/csv reads it; caller frees. */
static GPtrArray *
split_csv (const char *text)
{
  GPtrArray *fields = g_ptr_array_new_with_free_func (g_free);
  for (bool is_last = false; !is_last;)
    {
      g_autoptr (GString) field = g_string_new (NULL);
      bool is_quoted = *text == '"';
      text += is_quoted ? 1 : 0;
      while (*text != '\0' && (is_quoted || *text != ','))
        {
          bool is_quote = is_quoted && *text == '"';
          if (is_quote && text[1] != '"')
            {
              is_quoted = false;
              text++;
              continue;
            }
          g_string_append_c (field, *text);
          text += is_quote ? 2 : 1;
        }
      is_last = *text == '\0';
      text += is_last ? 0 : 1;
      g_ptr_array_add (fields, g_strdup (field->str));
    }
  return fields;
}

/* The client makes paths that begin with a dot absolute. Caller frees. */
static char *
resolve_source (const char *source, const char *folder)
{
  if (source[0] != '.')
    return g_strdup (source);
  return g_canonicalize_filename (source, folder);
}

static bool
is_yes (const char *value)
{
  static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", NULL };
  return value == NULL || !g_strv_contains (no, value);
}

static json_t *
member (json_t *object, const char *name)
{
  json_t *inner = json_object_get (object, name);
  if (inner == NULL)
    {
      inner = json_object ();
      json_object_set_new (object, name, inner);
    }
  return inner;
}

static void
add_volume_option (json_t *mount, const char *text)
{
  g_auto (GStrv) pair = g_strsplit (text != NULL ? text : "", "=", 2);
  json_t *driver = member (member (mount, "VolumeOptions"), "DriverConfig");
  if (pair[0] != NULL)
    json_object_set_new (member (driver, "Options"), pair[0],
                         json_string (pair[1] != NULL ? pair[1] : ""));
}

static void
set_mount_field (json_t *mount, const char *name, const char *value, const char *folder)
{
  static const char *const sources[] = { "source", "src", NULL };
  static const char *const targets[] = { "target", "dst", "destination", NULL };
  static const char *const read_only[] = { "readonly", "ro", NULL };
  if (strcmp (name, "type") == 0)
    {
      g_autofree char *type = g_ascii_strdown (value != NULL ? value : "", -1);
      json_object_set_new (mount, "Type", json_string (type));
    }
  else if (g_strv_contains (sources, name))
    {
      g_autofree char *source = resolve_source (value != NULL ? value : "", folder);
      json_object_set_new (mount, "Source", json_string (source));
    }
  else if (g_strv_contains (targets, name))
    json_object_set_new (mount, "Target", json_string (value != NULL ? value : ""));
  else if (g_strv_contains (read_only, name))
    json_object_set_new (mount, "ReadOnly", json_boolean (is_yes (value)));
  else if (strcmp (name, "volume-opt") == 0)
    add_volume_option (mount, value);
  else if (strcmp (name, "volume-driver") == 0)
    json_object_set_new (member (member (mount, "VolumeOptions"), "DriverConfig"), "Name",
                         json_string (value != NULL ? value : ""));
  else if (strcmp (name, "volume-subpath") == 0)
    json_object_set_new (member (mount, "VolumeOptions"), "Subpath",
                         json_string (value != NULL ? value : ""));
}

json_t *
arguments_mount (const char *text, const char *folder)
{
  json_t *mount = json_pack ("{s:s}", "Type", "volume");
  g_autoptr (GPtrArray) fields = split_csv (text);
  for (guint i = 0; i < fields->len; i++)
    {
      g_auto (GStrv) pair = g_strsplit (fields->pdata[i], "=", 2);
      if (pair[0] == NULL)
        continue;
      g_autofree char *name = g_ascii_strdown (g_strstrip (pair[0]), -1);
      set_mount_field (mount, name, pair[1], folder);
    }
  return mount;
}

void
arguments_add_volume (json_t *binds, json_t *volumes, const char *text, const char *folder)
{
  const char *colon = strchr (text, ':');
  if (colon == NULL)
    {
      if (*text != '\0')
        json_object_set_new (volumes, text, json_object ());
      return;
    }
  g_autofree char *given = g_strndup (text, (size_t) (colon - text));
  g_autofree char *source = resolve_source (given, folder);
  g_autofree char *bind = g_strconcat (source, colon, NULL);
  json_array_append_new (binds, json_string (bind));
}

static json_t *
texts (const Words *words, const char *option)
{
  json_t *array = json_array ();
  g_autoptr (GPtrArray) values = words_values (words, option);
  for (guint i = 0; i < values->len; i++)
    json_array_append_new (array, json_string (values->pdata[i]));
  return array;
}

static json_t *
pairs (const Words *words, const char *option, char separator)
{
  const char delimiter[] = { separator, '\0' };
  json_t *object = json_object ();
  g_autoptr (GPtrArray) values = words_values (words, option);
  for (guint i = 0; i < values->len; i++)
    {
      g_auto (GStrv) pair = g_strsplit (values->pdata[i], delimiter, 2);
      if (pair[0] != NULL)
        json_object_set_new (object, pair[0], json_string (pair[1] != NULL ? pair[1] : ""));
    }
  return object;
}

static json_t *
read_mounts (const Words *words, const char *option, const char *folder)
{
  json_t *mounts = json_array ();
  g_autoptr (GPtrArray) values = words_values (words, option);
  for (guint i = 0; i < values->len; i++)
    json_array_append_new (mounts, arguments_mount (values->pdata[i], folder));
  return mounts;
}

static json_t *
read_devices (const Words *words)
{
  json_t *devices = json_array ();
  g_autoptr (GPtrArray) values = words_values (words, "device");
  for (guint i = 0; i < values->len; i++)
    {
      g_auto (GStrv) parts = g_strsplit (values->pdata[i], ":", 3);
      if (parts[0] != NULL)
        json_array_append_new (devices, json_pack ("{s:s}", "PathOnHost", parts[0]));
    }
  return devices;
}

static json_t *
read_host_config (const Words *words, const char *folder, json_t *volumes)
{
  json_t *binds = json_array ();
  json_t *mounts = read_mounts (words, "mount", folder);
  g_autoptr (GPtrArray) values = words_values (words, "volume");
  for (guint i = 0; i < values->len; i++)
    arguments_add_volume (binds, volumes, values->pdata[i], folder);
  if (words_has (words, "use-api-socket"))
    json_array_append_new (mounts,
                           json_pack ("{s:s, s:s, s:s}", "Type", "bind", "Source",
                                      "/var/run/docker.sock", "Target", "/var/run/docker.sock"));
  const char *pid = words_value (words, "pid");
  const char *user = words_value (words, "userns");
  const char *driver = words_value (words, "volume-driver");
  return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:s, s:s, s:s}", "Binds", binds,
                    "Mounts", mounts, "VolumesFrom", texts (words, "volumes-from"), "Tmpfs",
                    pairs (words, "tmpfs", ':'), "CapAdd", texts (words, "cap-add"), "SecurityOpt",
                    texts (words, "security-opt"), "Devices", read_devices (words), "Privileged",
                    (int) words_has (words, "privileged"), "AutoRemove",
                    (int) words_has (words, "rm"), "PidMode", pid != NULL ? pid : "", "UsernsMode",
                    user != NULL ? user : "", "VolumeDriver", driver != NULL ? driver : "");
}

static json_t *
rest_of (const Words *words)
{
  json_t *array = json_array ();
  for (guint i = 1; i < words->arguments->len; i++)
    json_array_append_new (array, json_string (words->arguments->pdata[i]));
  return array;
}

void
arguments_collect_run (Arguments *arguments, const Words *words)
{
  const char *image = words->arguments->len > 0 ? words->arguments->pdata[0] : "";
  GuardOperation *making
      = arguments_add (arguments, GUARD_CONTAINER_CREATE, words_value (words, "name"));
  json_t *volumes = json_object ();
  json_t *host = read_host_config (words, arguments->folder, volumes);
  making->spec
      = json_pack ("{s:s, s:o, s:o, s:o, s:o}", "Image", image, "Cmd", rest_of (words), "Labels",
                   pairs (words, "label", '='), "Volumes", volumes, "HostConfig", host);
}

void
arguments_collect_exec (Arguments *arguments, const Words *words)
{
  if (words->arguments->len == 0)
    return;
  GuardOperation *exec
      = arguments_add (arguments, GUARD_CONTAINER_EXEC, words->arguments->pdata[0]);
  const char *user = words_value (words, "user");
  exec->spec = json_pack ("{s:b, s:s, s:o}", "Privileged", (int) words_has (words, "privileged"),
                          "User", user != NULL ? user : "", "Cmd", rest_of (words));
}

/* "CONTAINER:PATH"; what begins with a slash or a dot is a file here. */
void
arguments_collect_cp (Arguments *arguments, const Words *words)
{
  if (words->arguments->len < 2)
    return;
  const char *target = words->arguments->pdata[1];
  const char *colon = strchr (target, ':');
  if (*target == '/' || *target == '.' || colon == NULL || colon == target)
    return;
  g_autofree char *container = g_strndup (target, (size_t) (colon - target));
  GuardOperation *copy = arguments_add (arguments, GUARD_ARCHIVE_PUT, container);
  copy->path = g_strconcat (colon[1] == '/' ? "" : "/", colon + 1, NULL);
}

void
arguments_collect_service (Arguments *arguments, const Words *words)
{
  bool is_new = strcmp (arguments->command->command, "service create") == 0;
  const char *name = is_new                      ? words_value (words, "name")
                     : words->arguments->len > 0 ? words->arguments->pdata[0]
                                                 : NULL;
  GuardOperation *change = arguments_add (arguments, GUARD_SERVICE_CHANGE, name);
  json_t *mounts = read_mounts (words, is_new ? "mount" : "mount-add", arguments->folder);
  change->spec
      = json_pack ("{s:s?, s:{s:{s:o, s:o}}}", "Name", name, "TaskTemplate", "ContainerSpec",
                   "Mounts", mounts, "Labels", pairs (words, "container-label", '='));
}
