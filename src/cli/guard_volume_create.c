#include "cli/guard_volume_create.h"

#include "base/text.h"
#include "net/client.h"
#include "project/audit.h"

#include <string.h>

/* Of a label that counts with any value. */
#define VALUE_DEFAULT "true"

static bool
parse_options (const char *const *texts, json_t *options, GError **error)
{
  for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
    {
      g_auto (GStrv) parts = g_strsplit (texts[i], "=", 2);
      if (parts[0] == NULL || *parts[0] == '\0' || parts[1] == NULL)
        return keel_error (error, KEEL_ERROR_USAGE, "Write --opt name=value.",
                           "“%s” is no option of a driver", texts[i]);
      if (json_object_set_new (options, parts[0], json_string (parts[1])) != 0)
        return keel_error (error, KEEL_ERROR_USAGE, NULL, "an option must be UTF-8");
    }
  return true;
}

static json_t *
label_of (const Project *project)
{
  g_auto (GStrv) parts = g_strsplit (project->guard.label, "=", 2);
  return json_pack ("{s:s}", parts[0], parts[1] != NULL ? parts[1] : VALUE_DEFAULT);
}

/* The volume as the Engine has it; NULL: there is none. */
static bool
read_volume (GuardEngine *engine, const char *name, json_t **ret_volume, GError **error)
{
  g_autofree char *escaped = net_escape (name);
  g_autofree char *path = g_strconcat ("/volumes/", escaped, NULL);
  return engine->get (engine, path, ret_volume, error);
}

/* The Engine says null for an empty object. */
static bool
same_object (const json_t *a, const json_t *b)
{
  return json_object_size (a) == json_object_size (b)
         && (json_object_size (a) == 0 || json_equal (a, b));
}

static bool
has_label (const Project *project, const json_t *volume)
{
  g_auto (GStrv) parts = g_strsplit (project->guard.label, "=", 2);
  const char *value
      = json_string_value (json_object_get (json_object_get (volume, "Labels"), parts[0]));
  return value != NULL && (parts[1] == NULL || strcmp (value, parts[1]) == 0);
}

static bool
check_equal (const Project *project, const json_t *volume, const json_t *wanted, const char *name,
             GError **error)
{
  if (!has_label (project, volume))
    return keel_error (error, KEEL_ERROR_ANSWER_NO,
                       "A volume's labels cannot be changed. Make one of another name and move the "
                       "data: docs/guard.md, “Moving a database to a protected volume”.",
                       "there is a volume “%s” already, without the label %s", name,
                       project->guard.label);
  if (g_strcmp0 (json_string_value (json_object_get (volume, "Driver")),
                 json_string_value (json_object_get (wanted, "Driver")))
          != 0
      || !same_object (json_object_get (volume, "Options"), json_object_get (wanted, "DriverOpts")))
    return keel_error (error, KEEL_ERROR_ANSWER_NO, "“docker volume inspect” shows it.",
                       "there is a volume “%s” already, with another driver or other options",
                       name);
  return true;
}

static bool
make (const Project *project, GuardEngine *engine, const json_t *wanted, const char *name,
      GError **error)
{
  g_autoptr (json_t) answer = NULL, volume = NULL;
  g_autoptr (json_t) details
      = json_pack ("{s:s, s:s}", "volume", name, "label", project->guard.label);
  if (!engine->post (engine, "/volumes/create", wanted, &answer, error)
      || !read_volume (engine, name, &volume, error))
    return false;
  if (volume == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL,
                       "the Docker Engine says that “%s” was made, and does not have it", name);
  return check_equal (project, volume, wanted, name, error)
         && audit_write (project, "guard volumes create", "done", details, error);
}

bool
guard_volume_create (const Project *project, GuardEngine *engine, const GuardVolumeSpec *spec,
                     bool *ret_is_new, GError **error)
{
  g_autoptr (json_t) options = json_object (), volume = NULL;
  if (!parse_options (spec->options, options, error))
    return false;
  g_autoptr (json_t) wanted
      = json_pack ("{s:s, s:s, s:O, s:o}", "Name", spec->name, "Driver", spec->driver, "DriverOpts",
                   options, "Labels", label_of (project));
  if (wanted == NULL)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "a volume's name and driver must be UTF-8");
  if (!read_volume (engine, spec->name, &volume, error))
    return false;
  if (volume != NULL ? !check_equal (project, volume, wanted, spec->name, error)
                     : !make (project, engine, wanted, spec->name, error))
    return false;
  *ret_is_new = volume == NULL;
  return true;
}
