#include "guard/endpoint.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/text.h"

#include <string.h>

#define HOST_DEFAULT "unix:///var/run/docker.sock"
/* Nobody waits for us but a person. */
#define ANSWER_MS 60000
#define FILE_MAX_BYTES ((size_t) 4 << 20)

void
guard_endpoint_clear (GuardEndpoint *endpoint)
{
  g_free (endpoint->context);
  g_free (endpoint->host);
  g_free (endpoint->origin);
  g_free (endpoint->problem);
}

/* NULL when it is empty: docker reads that as not set. */
static const char *
variable (const char *name)
{
  const char *value = g_getenv (name);
  return value != NULL && *value != '\0' ? value : NULL;
}

char *
guard_docker_folder (const GuardCommand *command)
{
  const char *given = command->config != NULL ? command->config : variable ("DOCKER_CONFIG");
  if (given != NULL)
    return g_strdup (given);
  return g_build_filename (g_get_home_dir (), ".docker", NULL);
}

/* The JSON object of a file. NULL, without an error, when there is no such file. */
static bool
read_object (const char *path, json_t **ret_object, GError **error)
{
  g_autofree char *text = NULL;
  size_t length;
  json_error_t problem;
  *ret_object = NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  if (!fs_read_text (path, FILE_MAX_BYTES, &text, &length, error))
    return false;
  *ret_object = json_loadb (text, length, 0, &problem);
  if (json_is_object (*ret_object))
    return true;
  g_clear_pointer (ret_object, json_decref);
  return keel_error (error, KEEL_ERROR_CONFIG, NULL, "“%s” is no JSON object", path);
}

/* Docker's rule: a -H or DOCKER_HOST means no context, unless one is asked for on the command line. */
static bool
choose_context (const GuardCommand *command, const char *folder, char **ret_context, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "config.json", NULL);
  g_autoptr (json_t) config = NULL;
  const char *name = command->context;
  if (name == NULL && (command->host != NULL || variable ("DOCKER_HOST") != NULL))
    name = "default";
  if (name == NULL)
    name = variable ("DOCKER_CONTEXT");
  if (name == NULL)
    {
      if (!read_object (path, &config, error))
        return false;
      name = json_string_value (json_object_get (config, "currentContext"));
    }
  bool is_default = name == NULL || *name == '\0' || strcmp (name, "default") == 0;
  *ret_context = is_default ? NULL : g_strdup (name);
  return true;
}

/* What docker makes of a host: "localhost:2375" is tcp. Caller frees. */
static char *
normalise_host (const char *given)
{
  g_autofree char *host = g_strstrip (g_strdup (given));
  if (*host == '\0' || strcmp (host, "unix://") == 0)
    return g_strdup (HOST_DEFAULT);
  if (strstr (host, "://") == NULL)
    return g_strconcat ("tcp://", host, NULL);
  return g_steal_pointer (&host);
}

static void
set_host (GuardEndpoint *endpoint, const char *given, const char *origin)
{
  endpoint->host = normalise_host (given);
  endpoint->origin = g_strdup (origin);
  endpoint->is_here = g_str_has_prefix (endpoint->host, "unix:///");
  if (!endpoint->is_here && !g_str_has_prefix (endpoint->host, "tcp://"))
    endpoint->problem
        = g_strdup_printf ("it is reached through “%s” (%s), which only docker itself can use",
                           endpoint->host, origin);
}

/* What one has to say to an Engine behind TLS is in the context's own folder. */
static bool
has_tls (const char *folder, const char *digest, const json_t *endpoint)
{
  g_autofree char *path = g_build_filename (folder, "contexts", "tls", digest, NULL);
  return json_is_true (json_object_get (endpoint, "SkipTLSVerify"))
         || g_file_test (path, G_FILE_TEST_EXISTS);
}

static bool
read_context (const char *folder, GuardEndpoint *endpoint, GError **error)
{
  uint8_t sum[SHA256_BYTES];
  g_autoptr (json_t) meta = NULL;
  sha256_of (endpoint->context, strlen (endpoint->context), sum);
  g_autofree char *digest = sha256_hex (sum);
  g_autofree char *path = g_build_filename (folder, "contexts", "meta", digest, "meta.json", NULL);
  g_autofree char *origin = g_strdup_printf ("the context “%s”", endpoint->context);
  if (!read_object (path, &meta, error))
    return false;
  if (meta == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG, NULL, "there is no context “%s”",
                       endpoint->context);
  const json_t *docker = json_object_get (json_object_get (meta, "Endpoints"), "docker");
  const char *host = json_string_value (json_object_get (docker, "Host"));
  set_host (endpoint, host != NULL ? host : "", origin);
  if (endpoint->problem == NULL && !endpoint->is_here && has_tls (folder, digest, docker))
    endpoint->problem = g_strdup_printf (
        "it is reached by TLS with what %s keeps, which only docker itself uses", origin);
  return true;
}

static bool
find (const GuardCommand *command, GuardEndpoint *endpoint, GError **error)
{
  g_autofree char *folder = guard_docker_folder (command);
  const char *host = variable ("DOCKER_HOST");
  if (!choose_context (command, folder, &endpoint->context, error))
    return false;
  if (endpoint->context != NULL)
    return read_context (folder, endpoint, error);
  if (command->host != NULL)
    set_host (endpoint, command->host, "--host");
  else
    set_host (endpoint, host != NULL ? host : HOST_DEFAULT,
              host != NULL ? "DOCKER_HOST" : "default");
  if (endpoint->problem == NULL && !endpoint->is_here
      && (command->is_tls || variable ("DOCKER_TLS") != NULL))
    endpoint->problem = g_strdup ("it is reached by TLS as the command's options say, which only "
                                  "docker itself follows");
  return true;
}

void
guard_endpoint_find (const GuardCommand *command, GuardEndpoint *ret_endpoint)
{
  g_autoptr (GError) error = NULL;
  GuardEndpoint endpoint = { 0 };
  if (!find (command, &endpoint, &error))
    endpoint.problem = g_strdup_printf ("it cannot be told which one: %s", error->message);
  *ret_endpoint = endpoint;
}

typedef struct
{
  GuardEngine engine;
  char *problem;
} SilentEngine;

static bool
silent_get (GuardEngine *engine, const char *path, json_t **ret, GError **error)
{
  const SilentEngine *self = (const SilentEngine *) engine;
  return keel_error (error, KEEL_ERROR_UNREACHABLE, NULL,
                     "the Docker Engine cannot be asked, as %s", self->problem);
}

static void
silent_free (GuardEngine *engine)
{
  SilentEngine *self = (SilentEngine *) engine;
  g_free (self->problem);
  g_free (self);
}

bool
guard_endpoint_open (const GuardEndpoint *endpoint, GuardEngine **ret_engine, GError **error)
{
  if (endpoint->problem == NULL)
    return guard_engine_open_patient (endpoint->host, ANSWER_MS, ret_engine, error);
  SilentEngine *self = g_new0 (SilentEngine, 1);
  self->engine = (GuardEngine){ .get = silent_get, .free = silent_free };
  self->problem = g_strdup (endpoint->problem);
  *ret_engine = &self->engine;
  return true;
}

bool
guard_endpoint_is_here (const GuardEndpoint *endpoint, GuardEngine *engine)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) info = NULL;
  if (!endpoint->is_here)
    return false;
  /* Without an answer there is nothing to look at, either. */
  if (!engine->get (engine, "/info", &info, &error))
    return true;
  const char *name = json_string_value (json_object_get (info, "Name"));
  return name == NULL || *name == '\0' || strcmp (name, g_get_host_name ()) == 0;
}
