#include "guard/spec.h"

#include "base/text.h"

#include <string.h>

/* The keys that are looked at anywhere, and those on the way to them. */
static const char *const known_keys[] = {
  "AutoRemove",    "Binds",         "BindOptions",  "CapAdd",          "Capabilities",
  "CapabilityAdd", "CgroupnsMode",  "Cmd",          "ContainerSpec",   "DeviceCgroupRules",
  "Devices",       "Driver",        "DriverConfig", "DriverOpts",      "Entrypoint",
  "Env",           "HostConfig",    "Image",        "IpcMode",         "Labels",
  "Mounts",        "Name",          "Options",      "PathInContainer", "PathOnHost",
  "PidMode",       "Privileged",    "ReadOnly",     "SecurityOpt",     "Source",
  "Target",        "TaskTemplate",  "Type",         "UsernsMode",      "User",
  "VolumeDriver",  "VolumeOptions", "Volumes",      "VolumesFrom",
};

/* Below these, keys are the user's own. */
static const char *const free_keys[] = { "DriverOpts", "Labels", "Options", "Volumes" };

static bool
is_free (const char *key)
{
  for (size_t i = 0; i < G_N_ELEMENTS (free_keys); i++)
    if (strcmp (key, free_keys[i]) == 0)
      return true;
  return false;
}

/* Folded -> as the API spells it. */
static GHashTable *
known_spellings (void)
{
  static GHashTable *known = NULL;
  if (g_once_init_enter (&known))
    {
      GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      for (size_t i = 0; i < G_N_ELEMENTS (known_keys); i++)
        g_hash_table_insert (table, g_utf8_casefold (known_keys[i], -1), (char *) known_keys[i]);
      g_once_init_leave (&known, table);
    }
  return known;
}

/* As the API spells KEY; KEY itself when it is not looked at. */
static const char *
spelling_of (const char *key)
{
  /* Folding is Unicode's: "ſ" is an s, the Kelvin sign a k, for Go and for GLib. */
  g_autofree char *folded = g_utf8_casefold (key, -1);
  const char *known = g_hash_table_lookup (known_spellings (), folded);
  return known != NULL ? known : key;
}

static json_t *normalise (const json_t *value, const char **ret_twice);

static json_t *
normalise_object (const json_t *object, const char **ret_twice)
{
  g_autoptr (json_t) copy = json_object ();
  const char *key;
  json_t *value;
  json_object_foreach ((json_t *) object, key, value)
    {
      const char *spelling = spelling_of (key);
      if (json_object_get (copy, spelling) != NULL)
        {
          *ret_twice = spelling;
          return NULL;
        }
      json_t *inner = is_free (spelling) ? json_incref (value) : normalise (value, ret_twice);
      if (inner == NULL)
        return NULL;
      json_object_set_new (copy, spelling, inner);
    }
  return g_steal_pointer (&copy);
}

/* A copy with keys as the API spells them; NULL: *RET_TWICE is there twice. */
static json_t *
normalise (const json_t *value, const char **ret_twice)
{
  if (json_is_object (value))
    return normalise_object (value, ret_twice);
  if (!json_is_array (value))
    return json_incref ((json_t *) value);
  g_autoptr (json_t) copy = json_array ();
  size_t i;
  json_t *element;
  json_array_foreach (value, i, element)
    {
      json_t *inner = normalise (element, ret_twice);
      if (inner == NULL)
        return NULL;
      json_array_append_new (copy, inner);
    }
  return g_steal_pointer (&copy);
}

bool
guard_spec_read (const char *text, size_t length, json_t **ret_spec, GError **error)
{
  json_error_t problem;
  const char *twice = NULL;
  g_autoptr (json_t) given
      = json_loadb (text, length, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &problem);
  if (given == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "its body is no plain JSON: %s",
                       problem.text);
  if (!json_is_object (given))
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "its body is no JSON object");
  json_t *spec = normalise (given, &twice);
  if (spec == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "its body says “%s” twice", twice);
  *ret_spec = spec;
  return true;
}

/* The texts of ["a"] or the keys of {"a": true}; NULL when it is neither. */
static json_t *
filter_values (const json_t *given)
{
  g_autoptr (json_t) values = json_array ();
  const char *key;
  json_t *value;
  size_t i;
  if (json_is_array (given))
    {
      json_array_foreach (given, i, value)
        {
          if (!json_is_string (value))
            return NULL;
          json_array_append (values, value);
        }
      return g_steal_pointer (&values);
    }
  if (!json_is_object (given))
    return NULL;
  json_object_foreach ((json_t *) given, key, value)
    json_array_append_new (values, json_string (key));
  return g_steal_pointer (&values);
}

json_t *
guard_filters_read (const char *text)
{
  g_autoptr (json_t) given = json_loads (text, JSON_REJECT_DUPLICATES, NULL);
  g_autoptr (json_t) filters = json_object ();
  const char *key;
  json_t *value;
  if (!json_is_object (given))
    return NULL;
  json_object_foreach (given, key, value)
    {
      json_t *values = filter_values (value);
      if (values == NULL)
        return NULL;
      json_object_set_new (filters, key, values);
    }
  return g_steal_pointer (&filters);
}
