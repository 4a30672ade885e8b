#include "guard/request.h"

#include "base/text.h"
#include "guard/spec.h"
#include "guard/uri.h"

#include <string.h>

void
guard_request_clear (GuardRequest *request)
{
  g_free (request->method);
  g_free (request->uri);
  g_clear_pointer (&request->headers, json_decref);
  g_free (request->body);
}

bool
guard_request_parse (const char *envelope, size_t length, GuardRequest *ret_request, GError **error)
{
  json_error_t problem;
  g_autoptr (json_t) object = json_loadb (envelope, length, 0, &problem);
  if (object == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "the Engine's question is no JSON: %s",
                       problem.text);
  const char *method = json_string_value (json_object_get (object, "RequestMethod"));
  const char *uri = json_string_value (json_object_get (object, "RequestUri"));
  const char *body = json_string_value (json_object_get (object, "RequestBody"));
  if (method == NULL || uri == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL,
                       "the Engine's question names no method or no URI");
  *ret_request = (GuardRequest){
    .method = g_strdup (method),
    .uri = g_strdup (uri),
    .headers = json_incref (json_object_get (object, "RequestHeaders")),
  };
  if (body != NULL && *body != '\0')
    ret_request->body = (char *) g_base64_decode (body, &ret_request->body_length);
  return true;
}

/* NULL when it is not there. The Engine writes names as Go does ("Content-Length"). */
static const char *
header (const GuardRequest *request, const char *name)
{
  const char *key;
  json_t *value;
  if (json_is_object (request->headers))
    json_object_foreach (request->headers, key, value)
      if (g_ascii_strcasecmp (key, name) == 0)
        return json_string_value (value);
  return NULL;
}

/* A body that is sent in chunks has no Content-Length, and neither has a request without one. */
static bool
has_no_body (const GuardRequest *request)
{
  const char *length = header (request, "Content-Length");
  return request->body_length == 0 && length != NULL && strcmp (length, "0") == 0;
}

static void G_GNUC_PRINTF (2, 3) make_opaque (GuardOperation *operation, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  operation->act = GUARD_OPAQUE;
  g_free (operation->detail);
  operation->detail = g_strdup_vprintf (format, args);
  va_end (args);
}

/* What the request means; BETWEEN: what stands in the place of the pattern's name. */
typedef struct
{
  const GuardRequest *request;
  const GuardUri *uri;
  const char *between;
} Reading;

typedef struct
{
  const char *method;
  const char *prefix;
  const char *suffix; /* after the name; NULL: the path is PREFIX, and there is no name */
  GuardAct act;
  const char *verb;
  void (*read) (const Reading *reading, GuardOperation *operation); /* NULL: the name is all */
} Route;

static void
read_spec (const Reading *reading, GuardOperation *operation)
{
  g_autoptr (GError) error = NULL;
  const GuardRequest *request = reading->request;
  if (request->body_length == 0)
    make_opaque (
        operation, "the Engine shows nothing of its body (%s)",
        header (request, "Content-Length") == NULL
            ? "it is sent in chunks, or there is none"
            : "it is too large, is not sent as application/json, or its URL ends in /auth");
  else if (!guard_spec_read (request->body, request->body_length, &operation->spec, &error))
    make_opaque (operation, "%s", error->message);
}

static void
read_volume_remove (const Reading *reading, GuardOperation *operation)
{
  operation->force = guard_query_is_true (reading->uri->query, "force");
}

/* Between the prefix and the end stand the container's name and the checkpoint's. */
static void
read_checkpoint_remove (const Reading *reading, GuardOperation *operation)
{
  g_autoptr (GPtrArray) folders = guard_query_values (reading->uri->query, "dir");
  g_auto (GStrv) names = g_strsplit (reading->between, "/checkpoints/", 2);
  if (folders->len > 1)
    make_opaque (operation, "its URL says “dir” more than once");
  if (operation->act == GUARD_OPAQUE)
    return;
  g_free (operation->name);
  operation->name = g_strdup (names[0]);
  /* Without a folder it is the container's own, which holds nothing else. */
  if (folders->len == 0 || *(const char *) folders->pdata[0] == '\0')
    operation->act = GUARD_OTHER;
  else
    operation->path = g_build_filename (folders->pdata[0], names[1], NULL);
}

static void
read_container_remove (const Reading *reading, GuardOperation *operation)
{
  if (strstr (reading->between, "/checkpoints/") != NULL)
    {
      operation->act = GUARD_CHECKPOINT_REMOVE;
      read_checkpoint_remove (reading, operation);
      return;
    }
  operation->force = guard_query_is_true (reading->uri->query, "force");
  operation->removes_volumes = guard_query_is_true (reading->uri->query, "v");
}

/* {"all": ["true"]}: what prunes of API 1.42 and later want for named volumes. */
static bool
wants_all (const json_t *filters)
{
  size_t i;
  json_t *value;
  json_array_foreach (json_object_get (filters, "all"), i, value)
    {
      const char *text = json_string_value (value);
      if (strcmp (text, "0") != 0 && g_ascii_strcasecmp (text, "false") != 0)
        return true;
    }
  return false;
}

static void
read_prune (const Reading *reading, GuardOperation *operation)
{
  /* Filters in a form are taken before those of the URL, and nobody shows us the form. */
  bool is_all_seen = reading->request->body_length > 0 || has_no_body (reading->request);
  g_autoptr (GPtrArray) values = guard_query_values (reading->uri->query, "filters");
  operation->takes_named = true;
  if (!is_all_seen || values->len > 1)
    return;
  if (values->len == 1 && *(const char *) values->pdata[0] != '\0')
    operation->filters = guard_filters_read (values->pdata[0]);
  bool is_read
      = operation->filters != NULL || values->len == 0 || *(const char *) values->pdata[0] == '\0';
  if (is_read && !guard_uri_is_below (reading->uri, 1, 42))
    operation->takes_named = wants_all (operation->filters);
}

static void
read_container_create (const Reading *reading, GuardOperation *operation)
{
  g_autoptr (GPtrArray) names = guard_query_values (reading->uri->query, "name");
  if (names->len > 0)
    operation->name = g_strdup (names->pdata[0]);
  read_spec (reading, operation);
}

/* Before API 1.24 a start could bring a HostConfig along, with mounts and everything. */
static void
read_container_start (const Reading *reading, GuardOperation *operation)
{
  bool has_version = reading->uri->major > 0;
  if (!has_version || !guard_uri_is_below (reading->uri, 1, 24) || has_no_body (reading->request))
    return;
  read_spec (reading, operation);
  if (operation->spec != NULL)
    {
      json_t *host = g_steal_pointer (&operation->spec);
      operation->spec = json_pack ("{s:o}", "HostConfig", host);
    }
}

static void
read_exec (const Reading *reading, GuardOperation *operation)
{
  /* Only a strict guard wants to know; a body that cannot be read has no spec. */
  if (reading->request->body_length > 0
      && !guard_spec_read (reading->request->body, reading->request->body_length, &operation->spec,
                           NULL))
    operation->spec = NULL;
}

static void
read_archive (const Reading *reading, GuardOperation *operation)
{
  /* "/" when it is not said: nothing else covers as much. */
  g_autoptr (GPtrArray) paths = guard_query_values (reading->uri->query, "path");
  if (paths->len > 1)
    make_opaque (operation, "its URL says “path” more than once");
  else
    operation->path = g_strdup (paths->len == 1 ? paths->pdata[0] : "/");
}

static void
read_swarm_leave (const Reading *reading, GuardOperation *operation)
{
  operation->force = guard_query_is_true (reading->uri->query, "force");
}

static void
read_plugin_pull (const Reading *reading, GuardOperation *operation)
{
  g_autoptr (GPtrArray) names = guard_query_values (reading->uri->query, "remote");
  if (names->len > 0)
    operation->name = g_strdup (names->pdata[0]);
}

/* Those with a suffix stand before those without: a container may be called "x/exec" nowhere else. */
static const Route routes[] = {
  { "DELETE", "/volumes/", "", GUARD_VOLUME_REMOVE, NULL, read_volume_remove },
  { "POST", "/volumes/prune", NULL, GUARD_VOLUME_PRUNE, NULL, read_prune },
  { "POST", "/volumes/create", NULL, GUARD_VOLUME_CREATE, NULL, read_spec },
  { "POST", "/volumes", NULL, GUARD_VOLUME_CREATE, NULL, read_spec },
  { "PUT", "/volumes/", "", GUARD_VOLUME_UPDATE, NULL, NULL },
  { "POST", "/containers/create", NULL, GUARD_CONTAINER_CREATE, NULL, read_container_create },
  { "POST", "/containers/", "/start", GUARD_CONTAINER_START, NULL, read_container_start },
  { "POST", "/containers/", "/restart", GUARD_CONTAINER_START, NULL, NULL },
  { "POST", "/containers/", "/stop", GUARD_CONTAINER_STOP, NULL, NULL },
  { "POST", "/containers/", "/kill", GUARD_CONTAINER_STOP, NULL, NULL },
  /* It ends the container, unless it is told not to. */
  { "POST", "/containers/", "/checkpoints", GUARD_CONTAINER_STOP, NULL, NULL },
  { "POST", "/containers/", "/exec", GUARD_CONTAINER_EXEC, NULL, read_exec },
  { "PUT", "/containers/", "/archive", GUARD_ARCHIVE_PUT, NULL, read_archive },
  { "DELETE", "/containers/", "", GUARD_CONTAINER_REMOVE, NULL, read_container_remove },
  { "POST", "/plugins/pull", NULL, GUARD_PLUGIN_CHANGE, "pull", read_plugin_pull },
  { "POST", "/plugins/create", NULL, GUARD_PLUGIN_CHANGE, "create", NULL },
  { "POST", "/plugins/", "/enable", GUARD_PLUGIN_CHANGE, "enable", NULL },
  { "POST", "/plugins/", "/disable", GUARD_PLUGIN_CHANGE, "disable", NULL },
  { "POST", "/plugins/", "/upgrade", GUARD_PLUGIN_CHANGE, "upgrade", NULL },
  { "POST", "/plugins/", "/set", GUARD_PLUGIN_CHANGE, "set", NULL },
  { "DELETE", "/plugins/", "", GUARD_PLUGIN_CHANGE, "remove", NULL },
  { "POST", "/services/create", NULL, GUARD_SERVICE_CHANGE, "create", read_spec },
  { "POST", "/services/", "/update", GUARD_SERVICE_CHANGE, "update", read_spec },
  { "DELETE", "/services/", "", GUARD_SERVICE_CHANGE, "remove", NULL },
  { "POST", "/swarm/leave", NULL, GUARD_SWARM_LEAVE, NULL, read_swarm_leave },
};

/* What stands in PATH in the place of ROUTE's name, "" when it has none; NULL: it is another path. Caller
 * frees. */
static char *
match (const Route *route, const char *method, const char *path)
{
  if (g_ascii_strcasecmp (route->method, method) != 0)
    return NULL;
  if (route->suffix == NULL)
    return strcmp (path, route->prefix) == 0 ? g_strdup ("") : NULL;
  size_t prefix = strlen (route->prefix), suffix = strlen (route->suffix), length = strlen (path);
  if (length <= prefix + suffix || !g_str_has_prefix (path, route->prefix)
      || !g_str_has_suffix (path, route->suffix))
    return NULL;
  return g_strndup (path + prefix, length - prefix - suffix);
}

static bool
only_reads (const char *method)
{
  return strcmp (method, "GET") == 0 || strcmp (method, "HEAD") == 0
         || strcmp (method, "OPTIONS") == 0;
}

static bool
read_as (const Route *route, const GuardRequest *request, const GuardUri *uri,
         GuardOperation *operation)
{
  g_autofree char *between = match (route, request->method, uri->path);
  if (between == NULL)
    return false;
  operation->act = route->act;
  operation->verb = route->verb;
  if (*between != '\0')
    operation->name = g_strdup (between);
  if (route->read != NULL)
    route->read (&(Reading){ request, uri, between }, operation);
  return true;
}

void
guard_request_operation (const GuardRequest *request, GuardOperation *ret_operation)
{
  g_auto (GuardUri) uri = { 0 };
  g_autofree char *given = g_strconcat (request->method, " ", request->uri, NULL);
  *ret_operation = (GuardOperation){ .act = GUARD_OTHER, .given = text_escape_invalid (given) };
  if (only_reads (request->method))
    return;
  if (!guard_uri_read (request->uri, &uri))
    {
      make_opaque (ret_operation, "its URL cannot be read");
      return;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (routes); i++)
    if (read_as (&routes[i], request, &uri, ret_operation))
      return;
}
