/* What a request to the Docker Engine does, read as the Engine reads it. */
#include "../testing.h"

#include "guard/request.h"

#include <string.h>

/* SAYS: "ACT" and what is set of name, force, v, named, path, verb, project in that order. */
typedef struct
{
  const char *method, *uri;
  const char
      *headers; /* JSON; NULL: {"Content-Length": "0"} without a body, else application/json */
  const char *body;
  const char *says;
} Case;

#define FORM "{\"Content-Type\": \"application/x-www-form-urlencoded\", \"Content-Length\": \"9\"}"
#define CHUNKED "{\"Content-Type\": \"application/json\"}"
#define LARGE "{\"Content-Type\": \"application/json\", \"Content-Length\": \"1100000\"}"

static const Case cases[] = {
  /* Reading is not looked at, whatever it says. */
  { "GET", "/volumes/x", NULL, NULL, "other" },
  { "HEAD", "/_ping", NULL, NULL, "other" },
  { "GET", "/volumes/%zz", NULL, NULL, "other" },
  { "GET", "/containers/x/archive?path=/", NULL, NULL, "other" },
  { "OPTIONS", "/volumes/x", NULL, NULL, "other" },
  /* Volumes by every spelling of their URL. */
  { "DELETE", "/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/v1.41/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/v1.41/volumes/pgdata?force=1", NULL, NULL, "volume-remove name=pgdata force" },
  { "DELETE", "/v1.41/volumes/pgdata?force=0", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/v1/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/v1.41.7/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/v999.99/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/pg%64ata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/%70%67%64%61%74%61", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/%76olumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/v1%2e41/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/%76%31.41/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes%2Fpgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/pgdata%2F", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/%2Fpgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "//volumes//pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "///v1.41///volumes/pgdata/", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/./pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/other/../pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/other/%2e%2e/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/../../volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/containers/../volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "http://localhost/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "HTTP://any.host:2375/v1.41/volumes/pgdata", NULL, NULL,
    "volume-remove name=pgdata" },
  { "DELETE", "unix://volumes/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "odd:/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "delete", "/volumes/pgdata", NULL, NULL, "volume-remove name=pgdata" },
  { "DELETE", "/volumes/PGDATA", NULL, NULL, "volume-remove name=PGDATA" },
  { "DELETE", "/volumes/pg%2564ata", NULL, NULL, "volume-remove name=pg%64ata" },
  { "DELETE", "/volumes/pgdata#x", NULL, NULL, "volume-remove name=pgdata#x" },
  { "DELETE", "/volumes/pgdata%3Fx", NULL, NULL, "volume-remove name=pgdata?x" },
  { "DELETE", "/volumes/a%2Fb", NULL, NULL, "volume-remove name=a/b" },
  { "DELETE", "/volumes/pg+data", NULL, NULL, "volume-remove name=pg+data" },
  { "DELETE", "/volumes/%zz", NULL, NULL, "opaque" },
  { "DELETE", "/volumes/x%00y", NULL, NULL, "opaque" },
  { "DELETE", "/volumes/x%4", NULL, NULL, "opaque" },
  { "DELETE", "volumes/pgdata", NULL, NULL, "opaque" },
  { "DELETE", "*", NULL, NULL, "opaque" },
  { "DELETE", "/volumes/", NULL, NULL, "other" },
  { "DELETE", "/VOLUMES/pgdata", NULL, NULL, "other" },
  { "PUT", "/v1.43/volumes/pgdata", NULL, NULL, "volume-update name=pgdata" },
  /* Containers: what counts as true. */
  { "DELETE", "/containers/db", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?v=1", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?v=yes&force=1", NULL, NULL, "container-remove name=db force v" },
  { "DELETE", "/containers/db?v=True", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?v=2", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?v=%20on", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?v=", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?v", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?v=0", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?v=NO", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?v=+False+", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?v=none", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?V=1", NULL, NULL, "container-remove name=db" },
  { "DELETE", "/containers/db?%76=1", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?v=0&v=1", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?x=1;v=1", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?v=%31", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/db?link=1&v=%zz", NULL, NULL, "container-remove name=db v" },
  { "DELETE", "/containers/%2Fdb?v=1", NULL, NULL, "container-remove name=db v" },
  { "POST", "/containers/db/stop", NULL, NULL, "container-stop name=db" },
  { "POST", "/containers/db/kill?signal=HUP", NULL, NULL, "container-stop name=db" },
  { "POST", "/containers/db/restart", NULL, NULL, "container-start name=db" },
  { "POST", "/containers/db/checkpoints", NULL, "{\"CheckpointID\": \"x\"}",
    "container-stop name=db" },
  { "DELETE", "/containers/db/checkpoints/x", NULL, NULL, "other" },
  { "DELETE", "/containers/db/checkpoints/x?dir=", NULL, NULL, "other" },
  { "DELETE", "/containers/db/checkpoints/x?dir=/srv", NULL, NULL,
    "checkpoint-remove name=db path=/srv/x" },
  { "DELETE", "/v1.25/containers/db/check%70oints/%78?%64ir=/srv/.//", NULL, NULL,
    "checkpoint-remove name=db path=/srv/./x" },
  { "DELETE", "/containers/db/checkpoints/x?dir=/srv&dir=", NULL, NULL, "opaque" },
  { "POST", "/containers/prune", NULL, NULL, "other" },
  { "POST", "/containers/db/rename?name=x", NULL, NULL, "other" },
  { "POST", "/v1.41/containers/db/start", NULL, NULL, "container-start name=db" },
  { "POST", "/containers/db/start", CHUNKED, NULL, "container-start name=db" },
  { "POST", "/v1.23/containers/db/start", NULL, NULL, "container-start name=db" },
  { "POST", "/v1.23/containers/db/start", CHUNKED, NULL, "opaque" },
  { "POST", "/v1.23/containers/db/start", NULL, "{\"Binds\": [\"pgdata:/x\"]}",
    "container-start name=db {\"HostConfig\":{\"Binds\":[\"pgdata:/x\"]}}" },
  { "POST", "/containers/create?name=x", NULL, "{\"Image\": \"a\"}",
    "container-create name=x {\"Image\":\"a\"}" },
  { "POST", "/containers/create", NULL, "{\"hostconfig\": {\"BINDS\": [\"a:/b\"]}}",
    "container-create {\"HostConfig\":{\"Binds\":[\"a:/b\"]}}" },
  { "POST", "/containers/create", NULL, "{\"Ho\u017ftConfig\": {\"bind\u017f\": [\"a:/b\"]}}",
    "container-create {\"HostConfig\":{\"Binds\":[\"a:/b\"]}}" },
  { "POST", "/containers/create", NULL, "{\"Image\": \"a\"} {\"HostConfig\": {}}",
    "container-create {\"Image\":\"a\"}" },
  { "POST", "/containers/create", NULL, "{\"Labels\": {\"Name\": \"a\", \"name\": \"b\"}}",
    "container-create {\"Labels\":{\"Name\":\"a\",\"name\":\"b\"}}" },
  { "POST", "/containers/create", NULL, "{\"HostConfig\": {}, \"hostconfig\": {}}", "opaque" },
  { "POST", "/containers/create", NULL, "{\"HostConfig\": {}, \"HostConfig\": {}}", "opaque" },
  { "POST", "/containers/create", NULL, "{\"HostConfig\": {\"Binds\": [], \"binds\": []}}",
    "opaque" },
  { "POST", "/containers/create", NULL, "[]", "opaque" },
  { "POST", "/containers/create", NULL, "{", "opaque" },
  { "POST", "/containers/create", NULL, "Image=a", "opaque" },
  { "POST", "/containers/create", NULL, "{\"Image\": \"\xff\"}", "opaque" },
  { "POST", "/containers/create", NULL, NULL, "opaque" },
  { "POST", "/containers/create", LARGE, NULL, "opaque" },
  { "POST", "/containers/create", CHUNKED, NULL, "opaque" },
  { "POST", "/containers/create", FORM, NULL, "opaque" },
  { "POST", "/containers/create?x=/auth", LARGE, NULL, "opaque" },
  { "POST", "/containers/db/exec", NULL, "{\"privileged\": true}",
    "container-exec name=db {\"Privileged\":true}" },
  { "POST", "/containers/db/exec", CHUNKED, NULL, "container-exec name=db" },
  { "PUT", "/containers/db/archive?path=%2Fvar%2Flib", NULL, NULL,
    "archive-put name=db path=/var/lib" },
  { "PUT", "/containers/db/archive", NULL, NULL, "archive-put name=db path=/" },
  { "PUT", "/containers/db/archive?path=/tmp&path=/", NULL, NULL, "opaque" },
  /* Prunes: by version, by filters, and when a form may hide them. */
  { "POST", "/volumes/prune", NULL, NULL, "volume-prune named" },
  { "POST", "/v1.41/volumes/prune", NULL, NULL, "volume-prune named" },
  { "POST", "/v1.42/volumes/prune", NULL, NULL, "volume-prune" },
  { "POST", "/v1.9/volumes/prune", NULL, NULL, "volume-prune named" },
  { "POST", "/v1.42/volumes/prune?filters=%7B%22all%22:[%22true%22]%7D", NULL, NULL,
    "volume-prune named {\"all\":[\"true\"]}" },
  { "POST", "/v1.42/volumes/prune?filters={%22all%22:{%221%22:true}}", NULL, NULL,
    "volume-prune named {\"all\":[\"1\"]}" },
  { "POST", "/v1.42/volumes/prune?filters={%22all%22:{%22false%22:true}}", NULL, NULL,
    "volume-prune {\"all\":[\"false\"]}" },
  { "POST", "/v1.42/volumes/prune?filters={%22label!%22:{%22a%22:false}}", NULL, NULL,
    "volume-prune {\"label!\":[\"a\"]}" },
  { "POST", "/v1.42/volumes/prune?filters=nonsense", NULL, NULL, "volume-prune named" },
  { "POST", "/v1.42/volumes/prune?filters={}&filters={}", NULL, NULL, "volume-prune named" },
  { "POST", "/v1.42/volumes/prune?filters={%22label%22:{%22a%22:true}}", FORM, NULL,
    "volume-prune named" },
  { "POST", "/v1.42/volumes/prune", CHUNKED, NULL, "volume-prune named" },
  { "POST", "/volumes/pr%75ne", NULL, NULL, "volume-prune named" },
  { "POST", "/volumes/create", NULL, "{\"name\": \"x\", \"DRIVEROPTS\": {\"o\": \"bind\"}}",
    "volume-create {\"Name\":\"x\",\"DriverOpts\":{\"o\":\"bind\"}}" },
  { "POST", "/volumes", NULL, "{}", "volume-create {}" },
  { "POST", "/volumes/create", LARGE, NULL, "opaque" },
  { "POST", "/plugins/a%2Fb:latest/disable?force=1", NULL, NULL,
    "plugin-change name=a/b:latest verb=disable" },
  { "DELETE", "/plugins/x", NULL, NULL, "plugin-change name=x verb=remove" },
  { "POST", "/plugins/pull?remote=x", NULL, NULL, "plugin-change name=x verb=pull" },
  { "POST", "/services/create", NULL, "{\"tasktemplate\": {}}",
    "service-change verb=create {\"TaskTemplate\":{}}" },
  { "POST", "/services/x/update?version=1", CHUNKED, NULL, "opaque" },
  { "DELETE", "/services/x", NULL, NULL, "service-change name=x verb=remove" },
  { "POST", "/swarm/leave?force=true", NULL, NULL, "swarm-leave force" },
  { "DELETE", "/images/x", NULL, NULL, "other" },
  { "DELETE", "/networks/x", NULL, NULL, "other" },
  { "POST", "/build?t=x", CHUNKED, NULL, "other" },
  { "POST", "/images/prune", NULL, NULL, "other" },
  { "POST", "/grpc", NULL, NULL, "other" },
};

/* Caller frees. */
static char *
say (const GuardOperation *operation)
{
  GString *text = g_string_new (guard_act_name (operation->act));
  const json_t *more = operation->spec != NULL ? operation->spec : operation->filters;
  if (operation->act == GUARD_OTHER || operation->act == GUARD_OPAQUE)
    {
      assert_true ((operation->act == GUARD_OPAQUE) == (operation->detail != NULL));
      return g_string_free (text, FALSE);
    }
  if (operation->name != NULL)
    g_string_append_printf (text, " name=%s", operation->name);
  g_string_append (text, operation->force ? " force" : "");
  g_string_append (text, operation->removes_volumes ? " v" : "");
  g_string_append (text, operation->takes_named ? " named" : "");
  if (operation->path != NULL)
    g_string_append_printf (text, " path=%s", operation->path);
  if (operation->verb != NULL)
    g_string_append_printf (text, " verb=%s", operation->verb);
  if (more != NULL)
    {
      char *dumped = json_dumps (more, JSON_COMPACT);
      g_string_append_printf (text, " %s", dumped);
      free (dumped);
    }
  return g_string_free (text, FALSE);
}

static void
check_case (const Case *one)
{
  const char *usual = one->body != NULL ? "{\"Content-Type\": \"application/json\"}"
                                        : "{\"Content-Length\": \"0\"}";
  GuardRequest request = {
    .method = (char *) one->method,
    .uri = (char *) one->uri,
    .headers = json_loads (one->headers != NULL ? one->headers : usual, 0, NULL),
    .body = (char *) one->body,
    .body_length = one->body != NULL ? strlen (one->body) : 0,
  };
  g_auto (GuardOperation) operation = { 0 };
  guard_request_operation (&request, &operation);
  g_autofree char *says = say (&operation);
  if (strcmp (says, one->says) != 0)
    fail_msg ("%s %s: “%s”, not “%s”", one->method, one->uri, says, one->says);
  json_decref (request.headers);
}

static void
test_cases (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&cases[i]);
}

static void
test_envelope (void **state)
{
  static const char good[]
      = "{\"User\":\"\",\"RequestMethod\":\"POST\",\"RequestUri\":\"/volumes/create\","
        "\"RequestBody\":\"eyJOYW1lIjoieCJ9\",\"RequestHeaders\":{\"Content-Length\":\"12\"}}";
  static const char *const bad[] = { "", "[]", "{\"RequestMethod\":\"GET\"}",
                                     "{\"RequestUri\":\"/\"}", "{\"RequestMethod\":1" };
  (void) state;
  g_auto (GuardRequest) request = { 0 };
  assert_true (guard_request_parse (good, strlen (good), &request, NULL));
  assert_string_equal (request.method, "POST");
  assert_string_equal (request.uri, "/volumes/create");
  assert_int_equal (request.body_length, 12);
  assert_memory_equal (request.body, "{\"Name\":\"x\"}", 12);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GuardRequest) none = { 0 };
      assert_false (guard_request_parse (bad[i], strlen (bad[i]), &none, &error));
      assert_non_null (error);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_cases),
    cmocka_unit_test (test_envelope),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
