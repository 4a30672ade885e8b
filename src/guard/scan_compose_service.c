/* Services of compose files: open ports, tools and strangers beside the database, written secrets. */
#include "guard/scan_internal.h"

#include <string.h>

static char *
image_name (const Node *service)
{
  g_autofree char *image = compose_image (service, NULL);
  const char *slash = image != NULL ? strrchr (image, '/') : NULL;
  return image != NULL ? g_strdup (slash != NULL ? slash + 1 : image) : g_strdup ("");
}

/* --- ports ------------------------------------------------------------------------------------ */

static bool
is_store (const Node *service)
{
  static const char *const names[]
      = { "redis", "valkey",  "keydb",         "dragonfly",  "memcached", "mysql",  "mariadb",
          "mongo", "mongodb", "elasticsearch", "opensearch", "pgbouncer", "pgpool", NULL };
  g_autofree char *name = image_name (service);
  return g_strv_contains (names, name) || compose_is_postgres (service);
}

static bool
is_loopback (const char *address)
{
  return g_str_has_prefix (address, "127.") || strcmp (address, "::1") == 0
         || strcmp (address, "[::1]") == 0 || strcmp (address, "localhost") == 0
         || address[0] == '$'; /* known only where it runs */
}

/* "ADDRESS:HOST:CONTAINER"; an address of IPv6 is in brackets. */
static bool
short_is_open (const char *text)
{
  g_autofree char *value = compose_text (text);
  if (value[0] == '[')
    {
      value[strcspn (value, "]")] = '\0';
      return !is_loopback (value + 1);
    }
  g_auto (GStrv) parts = g_strsplit (value, ":", -1);
  return g_strv_length (parts) < 3 || !is_loopback (parts[0]);
}

static bool
long_is_open (const Node *port)
{
  const Node *address = node_child (port, "host_ip"), *published = node_child (port, "published");
  if (published == NULL)
    return false;
  if (address == NULL || address->kind != NODE_SCALAR)
    return true;
  g_autofree char *text = compose_text (address->text);
  return !is_loopback (text);
}

static void
check_ports (ScanRun *run, const ComposeGroup *group, const Node *service)
{
  const Node *ports = node_child (service, "ports"),
             *network = node_child (service, "network_mode");
  ScanSeverity severity = group->is_production ? SCAN_ERROR : SCAN_NOTE;
  if (!is_store (service) || group->is_throwaway)
    return;
  for (guint i = 0; ports != NULL && ports->kind == NODE_SEQUENCE && i < ports->children->len; i++)
    {
      const Node *port = ports->children->pdata[i];
      ScanPlace place = scan_place_of (port);
      if (port->kind == NODE_SCALAR ? short_is_open (port->text) : long_is_open (port))
        scan_report (run, "port-exposed", severity, &place,
                     "a port of the service “%s” is published on all interfaces", service->key);
    }
  if (network != NULL && network->kind == NODE_SCALAR && strcmp (network->text, "host") == 0)
    {
      ScanPlace place = scan_place_of (network);
      scan_report (run, "port-exposed", severity, &place,
                   "the service “%s” listens on the host's own interfaces", service->key);
    }
}

/* --- administration --------------------------------------------------------------------------- */

static bool
is_admin_tool (const Node *service)
{
  static const char *const names[]
      = { "adminer",       "pgadmin", "pgadmin4",    "pgweb",           "phppgadmin",
          "phpmyadmin",    "dbgate",  "cloudbeaver", "redis-commander", "redisinsight",
          "mongo-express", "sqlpad",  NULL };
  g_autofree char *name = image_name (service);
  return g_strv_contains (names, name);
}

static void
check_admin_tool (ScanRun *run, const ComposeGroup *group, const Node *service)
{
  const Node *image = node_child (service, "image");
  if (!group->is_production || !is_admin_tool (service))
    return;
  ScanPlace place = scan_place_of (image);
  scan_report (run, "admin-tool-production", SCAN_ERROR, &place,
               "the service “%s” is %s, in production", service->key, image->text);
}

/* --- strangers -------------------------------------------------------------------------------- */

/* What stands beside databases without being connected to them in the file. */
static bool
is_companion (const Node *service)
{
  static const char *const words[]
      = { "redis",        "valkey",    "memcached",  "rabbitmq",      "nats",          "kafka",
          "zookeeper",    "minio",     "mailpit",    "mailhog",       "mailcatcher",   "maildev",
          "caddy",        "nginx",     "traefik",    "haproxy",       "envoy",         "certbot",
          "prometheus",   "grafana",   "loki",       "promtail",      "tempo",         "exporter",
          "alertmanager", "jaeger",    "otel",       "opentelemetry", "elasticsearch", "opensearch",
          "meilisearch",  "typesense", "localstack", "watchtower",    "celery",        "backup",
          "vector",       "fluentd",   "fluent",     "statsd",        "sentry",        NULL };
  g_autofree char *name = image_name (service);
  for (const char *const *word = words; *word != NULL; word++)
    if (strstr (name, *word) != NULL)
      return true;
  return is_store (service) || is_admin_tool (service);
}

/* NAME is in TEXT as a word of its own. */
static bool
mentions (const char *text, const char *name)
{
  size_t length = strlen (name);
  for (const char *at = text; length > 0 && (at = strstr (at, name)) != NULL; at++)
    if ((at == text || !g_ascii_isalnum (at[-1])) && !g_ascii_isalnum (at[length]))
      return true;
  return false;
}

/* Somewhere below NODE, as a key of depends_on or in a value, there is NAME. */
static bool
node_mentions (const Node *node, const char *name)
{
  if (node->key != NULL && strcmp (node->key, name) == 0)
    return true;
  if (node->kind == NODE_SCALAR)
    return mentions (node->text, name);
  for (guint i = 0; i < node->children->len; i++)
    if (node_mentions (node->children->pdata[i], name))
      return true;
  return false;
}

static bool
service_mentions (const Node *service, const char *name)
{
  static const char *const keys[]
      = { "depends_on", "links",        "external_links", "environment", "command",
          "entrypoint", "network_mode", "volumes_from",   "healthcheck", "labels" };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const Node *node = node_child (service, keys[i]);
      if (node != NULL
          && (node->kind == NODE_SCALAR ? mentions (node->text, name) : node_mentions (node, name)))
        return true;
    }
  return false;
}

/* It says something of another service, or another says something of it. */
static bool
is_connected (const Node *services, const Node *service)
{
  for (guint i = 0; i < services->children->len; i++)
    {
      const Node *other = services->children->pdata[i];
      if (other != service
          && (service_mentions (service, other->key) || service_mentions (other, service->key)))
        return true;
    }
  return false;
}

/* Only of images of others: what the project builds belongs to it. */
static void
check_stranger (ScanRun *run, const Node *services, const Node *service)
{
  const Node *image = node_child (service, "image");
  if (image == NULL || node_child (service, "build") != NULL
      || node_child (service, "env_file") != NULL || is_companion (service)
      || is_connected (services, service))
    return;
  ScanPlace place = scan_place_of_key (service);
  scan_report (run, "unrelated-service", SCAN_WARNING, &place,
               "the service “%s” (%s) has nothing to do with the others", service->key,
               image->text);
}

static bool
has_database (const Node *services)
{
  for (guint i = 0; i < services->children->len; i++)
    if (compose_is_postgres (services->children->pdata[i]))
      return true;
  return false;
}

/* --- secrets ---------------------------------------------------------------------------------- */

typedef struct
{
  ScanRun *run;
  const ComposeGroup *group;
  const Node *service;
} Secrets;

/* In production what everybody guesses is no better than what stands there. */
static bool
is_bad (const ComposeGroup *group, ScanSecret secret)
{
  return secret == SECRET_REAL
         || (group->is_production && (secret == SECRET_WEAK || secret == SECRET_PLACEHOLDER));
}

static void
check_secret (const char *name, const char *value, const Node *node, void *data)
{
  const Secrets *secrets = data;
  g_autofree char *with_defaults = compose_text (value);
  ScanPlace place = scan_place_of (node);
  if (secrets->group->is_throwaway)
    return;
  if (is_bad (secrets->group, scan_secret_of (name, value)))
    scan_report (secrets->run, "plaintext-secret", SCAN_ERROR, &place,
                 "“%s” of the service “%s” is written here", name, secrets->service->key);
  else if (is_bad (secrets->group, scan_secret_of (name, with_defaults)))
    scan_report (secrets->run, "plaintext-secret", SCAN_ERROR, &place,
                 "“%s” of the service “%s” has a default that is written here", name,
                 secrets->service->key);
}

void
scan_compose_services (ScanRun *run, const ComposeGroup *group)
{
  const Node *services = node_child (group->root, "services");
  if (services == NULL || services->kind != NODE_MAPPING)
    return;
  bool is_core = has_database (services) && !group->is_throwaway;
  for (guint i = 0; i < services->children->len; i++)
    {
      const Node *service = services->children->pdata[i];
      Secrets secrets = { run, group, service };
      check_ports (run, group, service);
      check_admin_tool (run, group, service);
      if (is_core)
        check_stranger (run, services, service);
      compose_each_pair (service, "environment", check_secret, &secrets);
      compose_each_pair (node_child (service, "build"), "args", check_secret, &secrets);
    }
}
