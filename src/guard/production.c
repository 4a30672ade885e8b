#include "guard/production.h"

#include "project/environment.h"

#include <string.h>

static bool
is_production (const char *value)
{
  if (value == NULL || *value == '\0')
    return false;
  g_autofree char *name = environment_canonical (value);
  return strcmp (name, "production") == 0;
}

/* NODE_ENV says how a program was built, not whose data it has. */
static const char *const variables[] = { "LEDGER_ENV", "PGKEEL_ENV", NULL };
static const char *const service_variables[]
    = { "LEDGER_ENV", "PGKEEL_ENV", "DJANGO_ENV", "APP_ENV", "ENVIRONMENT", NULL };

static bool
matches (const GuardSetting *setting, const char *text)
{
  for (const char *const *pattern = setting->patterns; *pattern != NULL; pattern++)
    if (g_pattern_match_simple (*pattern, text))
      return true;
  return false;
}

static char *
evidence_of_variables (const GuardSetting *setting)
{
  for (const char *const *name = variables; *name != NULL; name++)
    {
      if (is_production (g_getenv (*name)))
        return g_strdup_printf ("%s says “%s”", *name, g_getenv (*name));
      const char *value
          = setting->compose != NULL ? compose_variable (setting->compose, *name) : NULL;
      if (is_production (value))
        return g_strdup_printf ("%s in .env says “%s”", *name, value);
    }
  return NULL;
}

static char *
evidence_of_endpoint (const GuardSetting *setting)
{
  const GuardEndpoint *endpoint = setting->endpoint;
  if (endpoint->context != NULL && matches (setting, endpoint->context))
    return g_strdup_printf ("the context “%s”", endpoint->context);
  const char *begin = endpoint->host != NULL ? strstr (endpoint->host, "://") : NULL;
  if (begin == NULL || endpoint->is_here)
    return NULL;
  const char *user_end = strchr (begin + 3, '@');
  begin = user_end != NULL ? user_end + 1 : begin + 3;
  g_autofree char *host = g_strndup (begin, strcspn (begin, ":/"));
  g_autofree char *first = g_strndup (host, strcspn (host, "."));
  return matches (setting, host) || matches (setting, first)
             ? g_strdup_printf ("the host “%s”", host)
             : NULL;
}

static char *
evidence_of_names (const GuardSetting *setting)
{
  const ComposeProject *project = setting->compose;
  for (guint i = 0; i < project->files->len; i++)
    {
      g_autofree char *base = g_path_get_basename (project->files->pdata[i]);
      if (matches (setting, base))
        return g_strdup_printf ("the compose file “%s”", base);
    }
  for (guint i = 0; i < project->env_files->len; i++)
    {
      g_autofree char *base = g_path_get_basename (project->env_files->pdata[i]);
      const char *end = strrchr (base, '.');
      if (matches (setting, base) || (end != NULL && is_production (end + 1)))
        return g_strdup_printf ("the file “%s”", base);
    }
  for (guint i = 0; setting->command->is_compose && i < project->names->len; i++)
    if (matches (setting, project->names->pdata[i]))
      return g_strdup_printf ("the project's name “%s”", (char *) project->names->pdata[i]);
  return NULL;
}

/* The value of NAME in a mapping, or in a list of NAME=VALUE; caller frees. NULL: it is not there. */
static char *
pair_value (const ComposeProject *project, const Node *pairs, const char *name)
{
  const Node *value = node_child (pairs, name);
  if (value != NULL)
    return value->kind == NODE_SCALAR ? compose_expand (project, value->text) : NULL;
  size_t length = strlen (name);
  for (guint i = 0; pairs != NULL && pairs->kind == NODE_SEQUENCE && i < pairs->children->len; i++)
    {
      const Node *one = pairs->children->pdata[i];
      if (one->kind == NODE_SCALAR && strncmp (one->text, name, length) == 0
          && one->text[length] == '=')
        return compose_expand (project, one->text + length + 1);
    }
  return NULL;
}

/* "environment", "env", and labels like com.example.environment. */
static bool
is_environment_label (const char *key)
{
  const char *dot = strrchr (key, '.');
  const char *last = dot != NULL ? dot + 1 : key;
  return strcmp (last, "environment") == 0 || strcmp (last, "env") == 0;
}

static bool
labels_say_production (const ComposeProject *project, const Node *labels)
{
  if (labels == NULL || labels->kind == NODE_SCALAR)
    return false;
  for (guint i = 0; i < labels->children->len; i++)
    {
      const Node *one = labels->children->pdata[i];
      if (one->kind != NODE_SCALAR)
        continue;
      size_t length = one->key == NULL ? strcspn (one->text, "=") : 0;
      g_autofree char *key = one->key != NULL ? g_strdup (one->key) : g_strndup (one->text, length);
      const char *text = one->key != NULL ? one->text : one->text + length;
      g_autofree char *value
          = compose_expand (project, one->key == NULL && *text == '=' ? text + 1 : text);
      if (is_environment_label (key) && is_production (value))
        return true;
    }
  return false;
}

static char *
evidence_of_service (const ComposeProject *project, const Node *service)
{
  const Node *environment = node_child (service, "environment");
  for (const char *const *name = service_variables; *name != NULL; name++)
    {
      g_autofree char *value = pair_value (project, environment, *name);
      if (is_production (value))
        return g_strdup_printf ("%s of the service “%s”", *name, service->key);
    }
  if (labels_say_production (project, node_child (service, "labels")))
    return g_strdup_printf ("a label of the service “%s”", service->key);
  return NULL;
}

static char *
evidence_of_documents (const ComposeProject *project)
{
  for (guint i = 0; i < project->documents->len; i++)
    {
      const Node *services = node_child (project->documents->pdata[i], "services");
      for (guint j = 0;
           services != NULL && services->kind == NODE_MAPPING && j < services->children->len; j++)
        {
          char *evidence = evidence_of_service (project, services->children->pdata[j]);
          if (evidence != NULL)
            return evidence;
        }
    }
  return NULL;
}

char *
guard_production_evidence (const GuardSetting *setting)
{
  char *evidence = evidence_of_variables (setting);
  if (evidence == NULL)
    evidence = evidence_of_endpoint (setting);
  if (evidence == NULL && setting->compose != NULL)
    evidence = evidence_of_names (setting);
  if (evidence == NULL && setting->compose != NULL)
    evidence = evidence_of_documents (setting->compose);
  return evidence;
}
