/* Which Engine a command line of docker goes to. */
#include "../folder.h"

#include "base/digest.h"
#include "guard/endpoint.h"

#include <string.h>

typedef struct
{
  const char *line;        /* after "docker"; "@" is the folder of docker's settings */
  const char *environment; /* "A=b C=d"; NULL: none */
  const char *expected;    /* "[HERE ]CONTEXT HOST" or "! PART OF THE PROBLEM" */
} Case;

static const char *const variables[]
    = { "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY" };

static const Case cases[] = {
  { "ps", NULL, "here - unix:///run/chosen.sock" },
  { "--context remote ps", NULL, "remote tcp://db1:2375" },
  { "-c remote volume rm x", NULL, "remote tcp://db1:2375" },
  { "--context=default ps", NULL, "here - unix:///var/run/docker.sock" },
  { "-H unix:///run/a.sock ps", NULL, "here - unix:///run/a.sock" },
  { "-H unix:///run/a.sock ps", "DOCKER_CONTEXT=remote", "here - unix:///run/a.sock" },
  { "--host tcp://h:1 ps", "DOCKER_HOST=unix:///run/b.sock", "- tcp://h:1" },
  { "-H h:2375 ps", NULL, "- tcp://h:2375" },
  { "-Hunix:// ps", NULL, "here - unix:///var/run/docker.sock" },
  { "ps", "DOCKER_HOST=tcp://h:1", "- tcp://h:1" },
  { "ps", "DOCKER_HOST=tcp://h:1 DOCKER_CONTEXT=remote", "- tcp://h:1" },
  { "--context remote ps", "DOCKER_HOST=tcp://h:1", "remote tcp://db1:2375" },
  { "ps", "DOCKER_CONTEXT=remote", "remote tcp://db1:2375" },
  { "ps", "DOCKER_CONTEXT=default", "here - unix:///var/run/docker.sock" },
  { "ps", "DOCKER_CONTEXT= DOCKER_HOST=", "here - unix:///run/chosen.sock" },
  { "--config @/empty ps", NULL, "here - unix:///var/run/docker.sock" },
  { "compose -f x ps", NULL, "here - unix:///run/chosen.sock" },
  { "--context remote compose ps", NULL, "remote tcp://db1:2375" },
  { "--context ssh ps", NULL, "! ssh://ops@prod" },
  { "ps", "DOCKER_HOST=ssh://me@there", "! ssh://me@there" },
  { "--context tls ps", NULL, "! TLS" },
  { "--context skips ps", NULL, "! TLS" },
  { "--tls -H tcp://h:2376 ps", NULL, "! TLS" },
  { "--tlsverify -H tcp://h:2376 ps", NULL, "! TLS" },
  { "--tlsverify=false -H tcp://h:2376 ps", NULL, "- tcp://h:2376" },
  { "--tls -H unix:///run/a.sock ps", NULL, "here - unix:///run/a.sock" },
  { "ps", "DOCKER_TLS=1 DOCKER_HOST=tcp://h:2376", "! TLS" },
  { "--context nowhere ps", NULL, "! there is no context “nowhere”" },
  { "--context ../../x ps", NULL, "! there is no context" },
  { "--context broken ps", NULL, "! no JSON object" },
  { "--config @/damaged ps", NULL, "! no JSON object" },
  { "--config @/damaged -H unix:///run/a.sock ps", NULL, "here - unix:///run/a.sock" },
};

static char *
context_folder (const char *folder, const char *kind, const char *name)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (name, strlen (name), sum);
  g_autofree char *digest = sha256_hex (sum);
  char *path = g_build_filename (folder, "contexts", kind, digest, NULL);
  assert_int_equal (g_mkdir_with_parents (path, 0700), 0);
  return path;
}

static void
put_context (const char *folder, const char *name, const char *host, bool skips)
{
  g_autofree char *path = context_folder (folder, "meta", name);
  g_autofree char *text
      = g_strdup_printf ("{\"Name\": \"%s\", \"Metadata\": {}, \"Endpoints\": {\"docker\": "
                         "{\"Host\": \"%s\", \"SkipTLSVerify\": %s}}}",
                         name, host, skips ? "true" : "false");
  put_file (path, "meta.json", text, strlen (text));
}

static int
make_settings (void **state)
{
  static const char config[] = "{\"auths\": {}, \"currentContext\": \"chosen\"}";
  make_test_folder (state);
  const char *folder = *state;
  put_file (folder, "config.json", config, strlen (config));
  put_context (folder, "chosen", "unix:///run/chosen.sock", false);
  put_context (folder, "remote", "tcp://db1:2375", false);
  put_context (folder, "ssh", "ssh://ops@prod", false);
  put_context (folder, "tls", "tcp://db2:2376", false);
  put_context (folder, "skips", "tcp://db3:2376", true);
  g_free (context_folder (folder, "tls", "tls"));
  g_autofree char *broken = context_folder (folder, "meta", "broken");
  put_file (broken, "meta.json", "[]", 2);
  g_autofree char *empty = g_build_filename (folder, "empty", NULL);
  g_autofree char *damaged = g_build_filename (folder, "damaged", NULL);
  assert_int_equal (g_mkdir_with_parents (empty, 0700), 0);
  assert_int_equal (g_mkdir_with_parents (damaged, 0700), 0);
  put_file (damaged, "config.json", "{\"currentContext\":", 18);
  return 0;
}

static void
set_environment (const char *folder, const char *text)
{
  for (size_t i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
  g_setenv ("DOCKER_CONFIG", folder, TRUE);
  g_auto (GStrv) pairs = g_strsplit (text != NULL ? text : "", " ", -1);
  for (char **pair = pairs; *pair != NULL; pair++)
    {
      g_auto (GStrv) parts = g_strsplit (*pair, "=", 2);
      g_setenv (parts[0], parts[1], TRUE);
    }
}

static void
check_case (const Case *one, const char *folder)
{
  g_auto (GuardCommand) command = { 0 };
  g_auto (GuardEndpoint) endpoint = { 0 };
  g_auto (GStrv) parts = g_strsplit (one->line, "@", -1);
  g_autofree char *line = g_strjoinv (folder, parts);
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  set_environment (folder, one->environment);
  guard_arguments_read (GUARD_PROGRAM_DOCKER, words, "/", &command);
  guard_endpoint_find (&command, &endpoint);
  if (*one->expected == '!')
    {
      if (endpoint.problem == NULL || strstr (endpoint.problem, one->expected + 2) == NULL)
        fail_msg ("%s: %s", one->line, endpoint.problem);
      g_autoptr (GuardEngine) engine = NULL;
      g_autoptr (GError) error = NULL;
      json_t *answer = NULL;
      assert_true (guard_endpoint_open (&endpoint, &engine, NULL));
      assert_false (engine->get (engine, "/info", &answer, &error));
      assert_non_null (strstr (error->message, endpoint.problem));
      return;
    }
  if (endpoint.problem != NULL)
    fail_msg ("%s: %s", one->line, endpoint.problem);
  g_autofree char *found = g_strdup_printf (
      "%s%s %s", endpoint.is_here ? "here " : "",
      endpoint.context != NULL && strcmp (endpoint.context, "chosen") != 0 ? endpoint.context : "-",
      endpoint.host);
  if (strcmp (found, one->expected) != 0)
    fail_msg ("%s: %s", one->line, found);
}

static void
test_cases (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&cases[i], *state);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_cases, make_settings, remove_test_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
