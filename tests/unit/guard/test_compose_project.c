/* Projects of compose: names, files, volumes; what its commands expand to; what says production. */
#include "../folder.h"

#include "base/text.h"
#include "guard/expand.h"
#include "guard/production.h"

#include <string.h>

/* A folder of the test: "Shop.Web", with files. */
typedef struct
{
  const char *name, *text;
} File;

static const File files[] = {
  { "docker-compose.yml",
    "services:\n  db:\n    image: postgres:17\n    volumes: [pgdata:/var/lib/postgresql/data]\n"
    "volumes:\n  pgdata:\n  cache: {}\n  kept:\n    external: true\n" },
  { "docker-compose.override.yml", "volumes:\n  cache:\n    name: shop-${STAGE:-dev}-cache\n" },
  { "named.yml",
    "name: Ledger_${STAGE-x}\nvolumes:\n  data: ~\n  old:\n    external:\n      name: elsewhere\n" },
  { "merge.yml",
    "x-v: &v\n  name: merged\nvolumes:\n  a: *v\n  b:\n    <<: *v\n    external: true\n" },
  { "include.yml", "include:\n  - sub/db.yml\n  - path: [named.yml]\nvolumes:\n  top:\n" },
  { "sub/db.yml", "include: [../include.yml]\nvolumes:\n  inner:\n" },
  { "wrong.yml", "volumes: [\n" },
  { "must.yml", "volumes:\n  x:\n    name: ${NOT_SET_ANYWHERE:?say it}\n" },
  { "prod/compose.yml", "services:\n  web:\n    environment:\n      LEDGER_ENV: production\n" },
  { "list.yml", "services:\n  web:\n    environment: [A=b, 'DJANGO_ENV=prod']\n" },
  { "label.yml", "services:\n  web:\n    labels: [com.example.environment=production]\n" },
  { "labels.yml", "services:\n  web:\n    labels: {com.example.environment: '${STAGE}'}\n" },
  { "node.yml", "services:\n  web:\n    environment: {NODE_ENV: production}\n" },
  { "app.prod.yml", "services: {}\n" },
  { "env/.env", "COMPOSE_PROJECT_NAME=fromenv\nCOMPOSE_FILE=../named.yml\n" },
  { "other.env", "COMPOSE_PROJECT_NAME='other'\nSTAGE=\"two\"\n" },
  { ".env.production", "STAGE=x\n" },
  { "live.env", "LEDGER_ENV=prod\n" },
  { "broken.env", "=\n" },
};

static const char *const variables[] = { "COMPOSE_PROJECT_NAME",
                                         "COMPOSE_FILE",
                                         "COMPOSE_ENV_FILES",
                                         "COMPOSE_PATH_SEPARATOR",
                                         "COMPOSE_DISABLE_ENV_FILE",
                                         "STAGE",
                                         "LEDGER_ENV",
                                         "PGKEEL_ENV",
                                         "DOCKER_HOST",
                                         "DOCKER_CONTEXT" };

static int
make_folder (void **state)
{
  make_test_folder (state);
  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (*state, "Shop.Web", files[i].name, NULL);
      g_autofree char *folder = g_path_get_dirname (path);
      g_autofree char *base = g_path_get_basename (path);
      assert_int_equal (g_mkdir_with_parents (folder, 0700), 0);
      put_file (folder, base, files[i].text, strlen (files[i].text));
    }
  g_autofree char *settings = g_build_filename (*state, "docker", NULL);
  g_setenv ("DOCKER_CONFIG", settings, TRUE);
  return 0;
}

static void
set_environment (const char *text)
{
  for (size_t i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
  g_auto (GStrv) pairs = g_strsplit (text != NULL ? text : "", " ", -1);
  for (char **pair = pairs; *pair != NULL; pair++)
    {
      g_auto (GStrv) parts = g_strsplit (*pair, "=", 2);
      g_setenv (parts[0], parts[1], TRUE);
    }
}

typedef struct
{
  const char *folder;      /* below "Shop.Web" */
  const char *line;        /* after "docker compose" */
  const char *environment; /* "A=b"; NULL */
  const char *expected;    /* "NAME,NAME: VOLUME VOLUME", or "! PART OF THE PROBLEM" */
} Case;

static const Case cases[] = {
  { "", "down -v", NULL, "shopweb: shopweb_pgdata shop-dev-cache" },
  { "sub", "down -v", NULL, "shopweb: shopweb_pgdata shop-dev-cache" },
  { "", "down -v", "STAGE=live", "shopweb: shopweb_pgdata shop-live-cache" },
  { "", "-f docker-compose.yml down -v", NULL, "shopweb: shopweb_pgdata shopweb_cache" },
  { "", "-p My.Own down -v", NULL, "myown: myown_pgdata shop-dev-cache" },
  { "", "-p _own down -v", NULL, "own,_own: own_pgdata shop-dev-cache _own_pgdata shop-dev-cache" },
  { "", "-p x down -v", "COMPOSE_PROJECT_NAME=y", "x: x_pgdata shop-dev-cache" },
  { "", "down -v", "COMPOSE_PROJECT_NAME=y", "y: y_pgdata shop-dev-cache" },
  { "", "down -v", "COMPOSE_FILE=named.yml:merge.yml", "ledger_x: ledger_x_data merged" },
  { "", "down -v", "COMPOSE_FILE=named.yml|merge.yml COMPOSE_PATH_SEPARATOR=|",
    "ledger_x: ledger_x_data merged" },
  { "", "-f named.yml down -v", "STAGE=Q", "ledger_q: ledger_q_data" },
  { "", "-f named.yml -f merge.yml down -v", NULL, "ledger_x: ledger_x_data merged" },
  { "", "-f include.yml down -v", NULL, "ledger_x: ledger_x_top ledger_x_inner ledger_x_data" },
  { "", "-f sub/db.yml down -v", NULL, "ledger_x: ledger_x_inner ledger_x_top ledger_x_data" },
  { "sub", "-f ../docker-compose.yml down -v", NULL, "shopweb: shopweb_pgdata shopweb_cache" },
  { "", "--project-directory sub -f docker-compose.yml down -v", NULL,
    "sub: sub_pgdata sub_cache" },
  { "env", "down -v", NULL, "fromenv,ledger_x: fromenv_data ledger_x_data" },
  { "env", "-p z down -v", NULL, "z: z_data" },
  { "env", "down -v", "COMPOSE_DISABLE_ENV_FILE=1", "shopweb: shopweb_pgdata shop-dev-cache" },
  { "", "--env-file other.env down -v", NULL, "other: other_pgdata shop-two-cache" },
  { "", "down -v", "COMPOSE_ENV_FILES=other.env", "other: other_pgdata shop-two-cache" },
  { "", "-f wrong.yml down -v", NULL, "! wrong.yml" },
  { "", "-f missing.yml down -v", NULL, "! missing.yml" },
  { "", "-f must.yml down -v", NULL, "! variables" },
  { "", "-f - down -v", NULL, "! “-”" },
  { "", "-f https://example.com/c.yml down -v", NULL, "! example.com" },
  { "", "--env-file broken.env down -v", NULL, "! broken.env" },
};

static void
read_line (const char *root, const char *below, const char *line, GuardCommand *command,
           ComposeProject *project)
{
  g_autofree char *folder = g_build_filename (root, "Shop.Web", below, NULL);
  g_autofree char *full = g_strconcat ("compose ", line, NULL);
  g_auto (GStrv) words = g_strsplit (full, " ", -1);
  guard_arguments_read (GUARD_PROGRAM_DOCKER, words, folder, command);
  compose_project_read (command, folder, project);
}

/* "a,b: x y"; caller frees. */
static char *
describe_project (const ComposeProject *project)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GPtrArray) seen = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < project->names->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "," : "", (char *) project->names->pdata[i]);
  g_string_append_c (text, ':');
  for (guint i = 0; i < project->names->len; i++)
    for (guint j = 0; j < project->volumes->len; j++)
      {
        const ComposeVolume *volume = project->volumes->pdata[j];
        g_autofree char *name = compose_project_volume_name (volume, project->names->pdata[i]);
        if (!volume->is_external)
          g_string_append_printf (text, " %s", name);
      }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_projects (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GuardCommand) command = { 0 };
      g_auto (ComposeProject) project = { 0 };
      set_environment (cases[i].environment);
      read_line (*state, cases[i].folder, cases[i].line, &command, &project);
      if (*cases[i].expected == '!')
        {
          if (project.problem == NULL || strstr (project.problem, cases[i].expected + 2) == NULL)
            fail_msg ("%s: %s", cases[i].line, project.problem);
          continue;
        }
      if (project.problem != NULL)
        fail_msg ("%s: %s", cases[i].line, project.problem);
      g_autofree char *found = describe_project (&project);
      if (strcmp (found, cases[i].expected) != 0)
        fail_msg ("%s in “%s”: %s", cases[i].line, cases[i].folder, found);
    }
}

static void
test_variables (void **state)
{
  static const char *const texts[][2] = {
    { "a", "a" },
    { "$A-${A}", "1-1" },
    { "$$A$${A}", "$A${A}" },
    { "${NONE:-x}${NONE-y}${EMPTY-z}${EMPTY:-w}", "xyw" },
    { "${A:+set}${NONE:+set}${EMPTY+set}${EMPTY:+no}", "setset" },
    { "${NONE:-${A}}${NONE:-${NONE:-deep}}", "1deep" },
    { "${A:?needed}", "1" },
    { "${NONE}$NONE", "" },
    { "${NONE:?needed}", NULL },
    { "${EMPTY:?needed}", NULL },
    { "${A", NULL },
    { "$", NULL },
    { "${}", NULL },
    { "$1", NULL },
    { "${A:}", NULL },
    { "${A!}", NULL },
  };
  char *own[] = { "A=1", "EMPTY=", NULL };
  const ComposeProject project = { .variables = own };
  g_unsetenv ("A");
  g_unsetenv ("EMPTY");
  g_unsetenv ("NONE");
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *found = compose_expand (&project, texts[i][0]);
      if (g_strcmp0 (found, texts[i][1]) != 0)
        fail_msg ("%s: %s", texts[i][0], found);
    }
}

static void
test_normalised_names (void **state)
{
  static const char *const names[][3] = { { "Shop.Web", "shopweb", "shopweb" },
                                          { "_-x", "x", "_-x" },
                                          { "a_b-C1", "a_b-c1", "a_b-c1" },
                                          { "Ünïx", "nx", "nx" },
                                          { "...", "", "" } };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *new_name = compose_normalise_name (names[i][0], true);
      g_autofree char *old_name = compose_normalise_name (names[i][0], false);
      assert_string_equal (new_name, names[i][1]);
      assert_string_equal (old_name, names[i][2]);
    }
}

/* --- what commands expand to -------------------------------------------------------------------- */

typedef struct
{
  GuardEngine engine;
  bool is_down;
} FakeEngine;

static bool
fake_get (GuardEngine *engine, const char *path, json_t **ret, GError **error)
{
  if (((FakeEngine *) engine)->is_down)
    return keel_error (error, KEEL_ERROR_UNREACHABLE, NULL, "nobody there");
  assert_string_equal (path, "/containers/json?all=1");
  *ret = json_loads ("[{\"Id\": \"d1\", \"Labels\": {\"com.docker.compose.project\": \"shopweb\", "
                     "\"com.docker.compose.service\": \"db\"}},"
                     " {\"Id\": \"w1\", \"Labels\": {\"com.docker.compose.project\": \"shopweb\", "
                     "\"com.docker.compose.service\": \"web\"}},"
                     " {\"Id\": \"x\", \"Labels\": {\"com.docker.compose.project\": \"other\", "
                     "\"com.docker.compose.service\": \"db\"}}, {\"Id\": \"y\", \"Labels\": {}}]",
                     0, NULL);
  return true;
}

static const char *const expansions[][2] = {
  { "down -v", "compose-down shopweb; volume-remove shopweb_pgdata; volume-remove shop-dev-cache" },
  { "down", "" },
  { "down -v --dry-run", "" },
  { "-f wrong.yml down", "" },
  { "rm -v", "container-remove d1 v; container-remove w1 v" },
  { "rm -fsv web", "container-remove w1 v" },
  { "rm -v none", "" },
  { "up -V", "container-renew d1 v; container-renew w1 v" },
  { "up -d --renew-anon-volumes db", "container-renew d1 v" },
  { "up -d", "" },
  { "up -dy", "volume-remove shopweb_pgdata recreate; volume-remove shop-dev-cache recreate" },
  { "create --yes=false", "" },
  { "cp x db:/var", "archive-put d1 /var" },
  { "run -v pgdata:/x db sh",
    "container-create image=postgres:17 project=shopweb [\"pgdata:/x\",\"shopweb_pgdata:/x\"]" },
  { "run -v kept:/x other", "container-create image=- project=shopweb [\"kept:/x\",\"kept:/x\"]" },
  { "exec db ls", "container-exec db" },
};

static char *
describe_operation (const GuardOperation *operation)
{
  GString *text = g_string_new (guard_act_name (operation->act));
  assert_non_null (operation->given);
  if (operation->act == GUARD_CONTAINER_CREATE)
    {
      g_autofree char *binds = json_dumps (
          json_object_get (json_object_get (operation->spec, "HostConfig"), "Binds"), JSON_COMPACT);
      const char *image = json_string_value (json_object_get (operation->spec, "Image"));
      g_string_append_printf (
          text, " image=%s project=%s %s", image != NULL ? image : "-",
          json_string_value (json_object_get (json_object_get (operation->spec, "Labels"),
                                              "com.docker.compose.project")),
          binds);
      return g_string_free (text, FALSE);
    }
  if (operation->project != NULL)
    g_string_append_printf (text, " %s", operation->project);
  if (operation->name != NULL)
    g_string_append_printf (text, " %s", operation->name);
  if (operation->path != NULL)
    g_string_append_printf (text, " %s", operation->path);
  if (operation->verb != NULL)
    g_string_append_printf (text, " %s", operation->verb);
  if (operation->removes_volumes && operation->act != GUARD_COMPOSE_DOWN)
    g_string_append (text, " v");
  return g_string_free (text, FALSE);
}

static void
test_expansions (void **state)
{
  FakeEngine engine = { { .get = fake_get }, false };
  set_environment (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (expansions); i++)
    {
      g_auto (GuardCommand) command = { 0 };
      g_auto (ComposeProject) project = { 0 };
      g_autoptr (GError) error = NULL;
      g_autoptr (GString) text = g_string_new (NULL);
      read_line (*state, "", expansions[i][0], &command, &project);
      assert_true (
          guard_expand (&command, &(GuardExpansion){ &project, &engine.engine, false }, &error));
      assert_no_error (error);
      for (guint j = 0; j < command.operations->len; j++)
        {
          g_autofree char *one = describe_operation (command.operations->pdata[j]);
          g_string_append_printf (text, "%s%s", j > 0 ? "; " : "", one);
        }
      if (strcmp (text->str, expansions[i][1]) != 0)
        fail_msg ("%s: %s", expansions[i][0], text->str);
    }
}

/* What cannot be looked at is not taken apart. */
static void
test_refused_expansions (void **state)
{
  static const char *const lines[]
      = { "-f wrong.yml down -v", "-f - rm -v", "-f must.yml up -V", "-f wrong.yml up -y" };
  FakeEngine engine = { { .get = fake_get }, false };
  set_environment (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (GuardCommand) command = { 0 };
      g_auto (ComposeProject) project = { 0 };
      g_autoptr (GError) error = NULL;
      read_line (*state, "", lines[i], &command, &project);
      assert_false (
          guard_expand (&command, &(GuardExpansion){ &project, &engine.engine, false }, &error));
      assert_true (keel_error_is (error, KEEL_ERROR_REFUSED));
    }
  g_auto (GuardCommand) command = { 0 };
  g_auto (ComposeProject) project = { 0 };
  g_autoptr (GError) error = NULL;
  engine.is_down = true;
  read_line (*state, "", "rm -v", &command, &project);
  assert_false (
      guard_expand (&command, &(GuardExpansion){ &project, &engine.engine, false }, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_UNREACHABLE));
}

static void
test_prunes (void **state)
{
  static const struct
  {
    const char *line;
    bool wants, is_old, named;
  } prunes[] = {
    { "volume prune -f", true, true, true },
    { "volume prune -f", true, false, false },
    { "volume prune -af", false, false, true },
    { "system prune --volumes", true, true, true },
    { "system prune --volumes", true, false, false },
  };
  static const char *const old[] = { "1.41", "1.24", "0.9", "", "x", NULL };
  static const char *const recent[] = { "1.42", "1.51\n", "2.0" };
  for (size_t i = 0; i < G_N_ELEMENTS (prunes); i++)
    {
      g_auto (GuardCommand) command = { 0 };
      g_auto (GStrv) words = g_strsplit (prunes[i].line, " ", -1);
      guard_arguments_read (GUARD_PROGRAM_DOCKER, words, "/", &command);
      assert_int_equal (guard_expand_wants_api (&command), prunes[i].wants);
      assert_true (
          guard_expand (&command, &(GuardExpansion){ NULL, NULL, prunes[i].is_old }, NULL));
      const GuardOperation *prune = command.operations->pdata[0];
      assert_int_equal (prune->takes_named, prunes[i].named);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (old); i++)
    assert_true (guard_api_prunes_named (old[i]));
  for (size_t i = 0; i < G_N_ELEMENTS (recent); i++)
    assert_false (guard_api_prunes_named (recent[i]));
}

/* --- production --------------------------------------------------------------------------------- */

static const struct
{
  const char *line, *environment, *evidence; /* NULL: it is not production */
} productions[] = {
  { "up", NULL, NULL },
  { "-f node.yml up", NULL, NULL },
  { "-f app.prod.yml up", NULL, "the compose file “app.prod.yml”" },
  { "-f docker-compose.yml -f app.prod.yml up", NULL, "the compose file “app.prod.yml”" },
  { "-f prod/compose.yml up", NULL, "the project's name “prod”" },
  { "-p x -f prod/compose.yml up", NULL, "LEDGER_ENV of the service “web”" },
  { "-f list.yml up", NULL, "DJANGO_ENV of the service “web”" },
  { "-f label.yml up", NULL, "a label of the service “web”" },
  { "-f labels.yml up", NULL, NULL },
  { "-f labels.yml up", "STAGE=production", "a label of the service “web”" },
  { "-p shop-prod up", NULL, "the project's name “shop-prod”" },
  { "-p reproduced up", NULL, NULL },
  { "--env-file .env.production up", NULL, "the file “.env.production”" },
  { "--env-file live.env up", NULL, "LEDGER_ENV in .env says “prod”" },
  { "up", "LEDGER_ENV=production", "LEDGER_ENV says “production”" },
  { "up", "PGKEEL_ENV=prod", "PGKEEL_ENV says “prod”" },
  { "up", "LEDGER_ENV=staging", NULL },
  { "up", "DOCKER_HOST=tcp://shop-prod.example.com:2375", "the host “shop-prod.example.com”" },
  { "up", "DOCKER_HOST=ssh://me@prod", "the host “prod”" },
  { "up", "DOCKER_HOST=tcp://db.example.com:2375", NULL },
  { "up", "DOCKER_CONTEXT=shop-production", "the context “shop-production”" },
};

static void
test_production (void **state)
{
  static const char *const patterns[]
      = { "*prod.yml", "prod", "production", "*-prod", "*-production", NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (productions); i++)
    {
      g_auto (GuardCommand) command = { 0 };
      g_auto (ComposeProject) project = { 0 };
      g_auto (GuardEndpoint) endpoint = { 0 };
      set_environment (productions[i].environment);
      read_line (*state, "", productions[i].line, &command, &project);
      guard_endpoint_find (&command, &endpoint);
      const GuardSetting setting = { &command, &endpoint, &project, patterns };
      g_autofree char *evidence = guard_production_evidence (&setting);
      if (g_strcmp0 (evidence, productions[i].evidence) != 0)
        fail_msg ("%s (%s): %s", productions[i].line, productions[i].environment, evidence);
    }
}

/* --- words for docker-compose 1.x --------------------------------------------------------------- */

static void
test_standalone_words (void **state)
{
  static const char *const lines[][3] = {
    { "compose up -d", "up -d", NULL },
    { "-H unix:///x compose -p a down -v", "--host=unix:///x -p a down -v", NULL },
    { "--context=c -D --tls compose ps", "--context=c --tls ps", NULL },
    { "--config /c -l debug compose ps", "--log-level=debug ps", "/c" },
    { "compose", "", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *config = NULL;
      g_auto (GStrv) words = g_strsplit (lines[i][0], " ", -1);
      g_autoptr (GPtrArray) found = guard_arguments_for_compose (words, &config);
      g_autofree char *joined = g_strjoinv (" ", (char **) found->pdata);
      assert_string_equal (joined, lines[i][1]);
      assert_int_equal (g_strcmp0 (config, lines[i][2]), 0);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_projects, make_folder, remove_test_folder),
    cmocka_unit_test (test_variables),
    cmocka_unit_test (test_normalised_names),
    cmocka_unit_test_setup_teardown (test_expansions, make_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_refused_expansions, make_folder, remove_test_folder),
    cmocka_unit_test (test_prunes),
    cmocka_unit_test_setup_teardown (test_production, make_folder, remove_test_folder),
    cmocka_unit_test (test_standalone_words),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
