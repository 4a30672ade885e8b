#include "guard/engine.h"

#include "base/text.h"

#include <string.h>

#define HOST_DEFAULT "unix:///var/run/docker.sock"

/* The Engine gives its plugins 30 seconds; it takes 15 itself to list volumes while some plugin is dead. */
#define CONNECT_MS 2000
#define TIMEOUT_MS 20000

typedef struct
{
  GuardEngine engine;
  NetClient *client;
} HttpEngine;

char *
guard_engine_message (const NetAnswer *answer)
{
  g_autoptr (json_t) object = json_loadb (answer->body, answer->body_length, 0, NULL);
  const char *message = json_string_value (json_object_get (object, "message"));
  return message != NULL ? text_first_line (message) : g_strdup ("no reason given");
}

static bool
http_get (GuardEngine *engine, const char *path, json_t **ret, GError **error)
{
  HttpEngine *self = (HttpEngine *) engine;
  g_auto (NetAnswer) answer = { 0 };
  if (!net_client_call (self->client, &(NetCall){ .path = path }, &answer, error))
    return prefix_error (error, "asking the Docker Engine");
  if (answer.status == 404)
    {
      *ret = NULL;
      return true;
    }
  if (answer.status != 200)
    {
      g_autofree char *message = guard_engine_message (&answer);
      return keel_error (error, KEEL_ERROR_FAILED, NULL, "the Docker Engine answered %ld: %s",
                         answer.status, message);
    }
  json_error_t problem;
  json_t *value = json_loadb (answer.body, answer.body_length, JSON_DECODE_ANY, &problem);
  if (value == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL,
                       "the answer of the Docker Engine is no JSON: %s", problem.text);
  *ret = value;
  return true;
}

static bool
http_post (GuardEngine *engine, const char *path, const json_t *body, json_t **ret, GError **error)
{
  HttpEngine *self = (HttpEngine *) engine;
  g_auto (NetAnswer) answer = { 0 };
  g_autofree char *text = json_dumps (body, JSON_COMPACT);
  if (text == NULL)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "what the Engine is told must be UTF-8");
  const NetCall call = { .path = path, .body = text, .body_length = strlen (text) };
  if (!net_client_call (self->client, &call, &answer, error))
    return prefix_error (error, "asking the Docker Engine");
  if (answer.status >= 300)
    {
      g_autofree char *message = guard_engine_message (&answer);
      return keel_error (error, answer.status == 403 ? KEEL_ERROR_REFUSED : KEEL_ERROR_FAILED, NULL,
                         "the Docker Engine answered %ld: %s", answer.status, message);
    }
  *ret = json_loadb (answer.body, answer.body_length, 0, NULL);
  return true;
}

static void
http_free (GuardEngine *engine)
{
  HttpEngine *self = (HttpEngine *) engine;
  net_client_free (self->client);
  g_free (self);
}

/* The files that `docker` uses for an Engine behind TLS. */
static void
use_tls (NetClientSpec *spec, char **ret_ca, char **ret_cert, char **ret_key)
{
  const char *folder = g_getenv ("DOCKER_CERT_PATH");
  g_autofree char *usual = g_build_filename (g_get_home_dir (), ".docker", NULL);
  if (folder == NULL || *folder == '\0')
    folder = usual;
  spec->ca_file = *ret_ca = g_build_filename (folder, "ca.pem", NULL);
  spec->cert_file = *ret_cert = g_build_filename (folder, "cert.pem", NULL);
  spec->key_file = *ret_key = g_build_filename (folder, "key.pem", NULL);
}

static NetClient *
client_of (const char *host, int64_t timeout_ms)
{
  NetClientSpec spec = { .connect_ms = CONNECT_MS, .timeout_ms = timeout_ms };
  if (g_str_has_prefix (host, "unix://"))
    {
      spec.base = "http://localhost";
      spec.socket = host + strlen ("unix://");
      return net_client_new (&spec);
    }
  const char *verify = g_getenv ("DOCKER_TLS_VERIFY");
  bool is_tls = verify != NULL && *verify != '\0';
  g_autofree char *ca = NULL, *cert = NULL, *key = NULL;
  g_autofree char *base
      = g_strconcat (is_tls ? "https://" : "http://", host + strlen ("tcp://"), NULL);
  g_strchomp (base);
  if (g_str_has_suffix (base, "/"))
    base[strlen (base) - 1] = '\0';
  spec.base = base;
  if (is_tls)
    use_tls (&spec, &ca, &cert, &key);
  return net_client_new (&spec);
}

const char *
guard_engine_host (const char *host)
{
  if (host == NULL)
    host = g_getenv ("DOCKER_HOST");
  return host == NULL || *host == '\0' ? HOST_DEFAULT : host;
}

bool
guard_engine_client (const char *host, int64_t timeout_ms, NetClient **ret_client, GError **error)
{
  host = guard_engine_host (host);
  if (!g_str_has_prefix (host, "unix:///") && !g_str_has_prefix (host, "tcp://"))
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Write unix:///path/of/docker.sock or tcp://host:port.",
                       "the Docker Engine cannot be reached through “%s”", host);
  *ret_client = client_of (host, timeout_ms);
  return true;
}

bool
guard_engine_open (const char *host, GuardEngine **ret_engine, GError **error)
{
  return guard_engine_open_patient (host, TIMEOUT_MS, ret_engine, error);
}

bool
guard_engine_open_patient (const char *host, int64_t timeout_ms, GuardEngine **ret_engine,
                           GError **error)
{
  NetClient *client = NULL;
  if (!guard_engine_client (host, timeout_ms, &client, error))
    return false;
  HttpEngine *self = g_new0 (HttpEngine, 1);
  self->engine = (GuardEngine){ .get = http_get, .post = http_post, .free = http_free };
  self->client = client;
  *ret_engine = &self->engine;
  return true;
}
