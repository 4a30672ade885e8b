/* The facts of the environment lock: what files and variables say, and what a real server says of itself. */
#include "../project/fixture.h"
#include "../server.h"
#include "guard/environment_facts.h"
#include "project/stamp.h"

#include <string.h>
#include <sys/stat.h>
#include <utime.h>

#define NOWHERE "postgresql://nobody@127.0.0.1:1/"

static Project *
open_shop (const char *folder, const char *url, const char *environment)
{
  g_autofree char *text
      = g_strdup_printf ("project: shop\n"
                         "environments:\n"
                         "  development: {url: \"%s\"}\n"
                         "  production: {url: \"${PROD_URL:-" NOWHERE "prod}\", protected: true}\n",
                         url);
  write_file (folder, "pgkeel.yaml", text);
  return open_project (folder, environment);
}

static void
gather (const Project *project, const char *variables, EnvLockGathered *gathered)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) environment = g_strsplit (variables, "\n", -1);
  bool done = env_lock_gather (project, environment, NULL, gathered, &error);
  assert_no_error (error);
  assert_true (done);
}

static const EnvLockVariable *
variable_of (const EnvLockGathered *gathered, const char *name, const char *source)
{
  for (size_t i = 0; i < gathered->facts.variable_count; i++)
    {
      const EnvLockVariable *variable = &gathered->facts.variables[i];
      if (strcmp (variable->name, name) == 0 && g_strcmp0 (variable->source, source) == 0)
        return variable;
    }
  fail_msg ("there is no %s of %s", name, source != NULL ? source : "the process");
  return NULL;
}

static void
test_files_are_read (void **state)
{
  const char *folder = *state;
  g_autofree char *prisma = g_build_filename (folder, "prisma", NULL);
  g_autofree char *old = g_build_filename (folder, ".env", NULL);
  g_autofree char *open = g_build_filename (folder, ".env.local", NULL);
  assert_int_equal (g_mkdir (prisma, 0755), 0);
  write_file (folder, ".env", "DATABASE_URL=" NOWHERE "old\nPORT=80\nRAILS_ENV=production\n");
  write_file (folder, ".env.local", "DATABASE_URL=" NOWHERE "local\n");
  write_file (folder, ".env.dev", "USER_OF=ada\nANALYTICS_DATABASE_URL=" NOWHERE "${USER_OF}\n");
  write_file (folder, ".env.test", "DATABASE_URL=" NOWHERE "test\n");
  write_file (folder, ".env.production", "DATABASE_URL=" NOWHERE "never\n");
  write_file (folder, "prisma/.env", "SHADOW_DATABASE_URL=" NOWHERE "shadow\n");
  const struct utimbuf yesterday = { 1000, 1000 };
  assert_int_equal (utime (old, &yesterday), 0);
  assert_int_equal (chmod (open, 0666), 0);

  g_autoptr (Project) project = open_shop (folder, NOWHERE "shop", "development");
  g_auto (EnvLockGathered) gathered = { 0 };
  gather (project, "DATABASE_URL=" NOWHERE "mine\nNODE_ENV=test", &gathered);
  const EnvLockFacts *facts = &gathered.facts;
  assert_int_equal (facts->variable_count, 6);
  assert_false (variable_of (&gathered, "DATABASE_URL", NULL)->is_shadowed);
  assert_true (variable_of (&gathered, "DATABASE_URL", ".env")->is_shadowed);
  assert_true (variable_of (&gathered, "DATABASE_URL", ".env.local")->is_shadowed);
  assert_true (variable_of (&gathered, "DATABASE_URL", ".env.test")->is_shadowed);
  assert_false (variable_of (&gathered, "ANALYTICS_DATABASE_URL", ".env.dev")->is_shadowed);
  assert_string_equal (
      variable_of (&gathered, "ANALYTICS_DATABASE_URL", ".env.dev")->database.shown, NOWHERE "ada");
  assert_int_equal (variable_of (&gathered, "SHADOW_DATABASE_URL", "prisma/.env")->role,
                    ENV_LOCK_ROLE_SHADOW);
  assert_string_equal (facts->stale_file, ".env");
  assert_string_equal (facts->writable_file, ".env.local");
  assert_null (facts->unread_file);
  assert_int_equal (facts->target.state, ENV_LOCK_DATABASE_UNREACHABLE);
  assert_non_null (strstr (facts->target.problem, "Connection refused"));
  assert_int_equal (facts->chosen, ENV_LOCK_CHOSEN_ASKED);
}

static void
test_modes (void **state)
{
  const char *folder = *state;
  write_file (folder, ".env", "LEDGER_ENV=prod\nRAILS_ENV=production\nNODE_ENV=test\n");
  write_file (folder, ".env.development", "LEDGER_ENV=development\n");
  g_autoptr (Project) project = open_shop (folder, NOWHERE "shop", "development");
  g_auto (EnvLockGathered) gathered = { 0 };
  gather (project,
          "NODE_ENV=development\nDJANGO_SETTINGS_MODULE=config.settings.local\nAPP_ENV=live\n"
          "FLASK_ENV=\nCI=false\nSUDO_USER=ada",
          &gathered);
  static const struct
  {
    const char *name, *source, *says;
    bool is_lock, is_lax;
  } expected[] = { { "LEDGER_ENV", ".env", "production", true, false },
                   { "NODE_ENV", NULL, "development", false, true },
                   { "RAILS_ENV", ".env", "production", false, false },
                   { "APP_ENV", NULL, NULL, false, false },
                   { "DJANGO_SETTINGS_MODULE", NULL, "development", false, false } };
  assert_int_equal (gathered.facts.mode_count, G_N_ELEMENTS (expected));
  for (size_t i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      const EnvLockMode *mode = &gathered.facts.modes[i];
      assert_string_equal (mode->name, expected[i].name);
      assert_int_equal (g_strcmp0 (mode->source, expected[i].source), 0);
      assert_int_equal (g_strcmp0 (mode->says, expected[i].says), 0);
      assert_int_equal (mode->is_lock, expected[i].is_lock);
      assert_int_equal (mode->is_lax, expected[i].is_lax);
    }
  assert_false (gathered.facts.is_ci);
  assert_string_equal (gathered.facts.sudo_user, "ada");
}

/* A default of a port is an everyday thing, one of the whole URL a trap. */
static void
test_defaults_of_the_url (void **state)
{
  static const struct
  {
    const char *url, *variables;
    bool is_default;
  } cases[] = {
    { "${SHOP_URL:-" NOWHERE "shop}", "", true },
    { "${SHOP_URL:-" NOWHERE "shop}", "SHOP_URL=" NOWHERE "x", false },
    { "postgresql://${SHOP_HOST:-127.0.0.1}:1/shop", "", true },
    { "postgresql://nobody@127.0.0.1:${SHOP_PORT:-1}/shop", "", false },
    { NOWHERE "shop", "", false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Project) project = open_shop (*state, cases[i].url, "development");
      g_auto (EnvLockGathered) gathered = { 0 };
      gather (project, cases[i].variables, &gathered);
      assert_int_equal (gathered.facts.target_is_default, cases[i].is_default);
    }
}

static void
test_a_url_that_two_environments_have (void **state)
{
  static const struct
  {
    const char *url, *production, *shares;
  } cases[] = { { NOWHERE "prod", "", "production" },
                { "host=127.0.0.1 port=1 dbname=prod", "", "production" },
                { NOWHERE "shop", "", NULL },
                { NOWHERE "shop", "PROD_URL=" NOWHERE "shop\n", "production" } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      write_file (*state, ".env.production", cases[i].production);
      g_autoptr (Project) project = open_shop (*state, cases[i].url, "development");
      g_auto (EnvLockGathered) gathered = { 0 };
      gather (project, "", &gathered);
      assert_int_equal (g_strcmp0 (gathered.facts.shares_url, cases[i].shares), 0);
    }
}

static void
test_a_file_that_is_none (void **state)
{
  write_file (*state, ".env.local", "A=\"never ends\n");
  g_autoptr (Project) project = open_shop (*state, NOWHERE "shop", "development");
  g_auto (EnvLockGathered) gathered = { 0 };
  gather (project, "", &gathered);
  assert_string_equal (gathered.facts.unread_file, ".env.local");
}

/* --- a real server -------------------------------------------------------------------------------- */

static void
test_a_server_says_who_it_is (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DbConn) conn = make_database ("shop");
  g_autoptr (DbConn) other = make_database ("other");
  g_autofree char *url = scratch_url (scratch, "shop");
  g_autofree char *other_url = scratch_url (scratch, "other");
  g_autofree char *variables = g_strdup_printf (
      "DATABASE_URL=%s\nPOSTGRES_URL=%s&application_name=x\nDB_URL=%s", url, url, other_url);
  g_autoptr (Project) project = open_shop (*state, url, "development");
  assert_true (stamp_write (conn, project, &error));

  g_auto (EnvLockGathered) gathered = { 0 };
  gather (project, variables, &gathered);
  const EnvLockDatabase *target = &gathered.facts.target;
  const EnvLockDatabase *same = &variable_of (&gathered, "POSTGRES_URL", NULL)->database;
  const EnvLockDatabase *beside = &variable_of (&gathered, "DB_URL", NULL)->database;
  assert_int_equal (target->state, ENV_LOCK_DATABASE_REACHED);
  assert_string_equal (target->name, "shop");
  assert_int_equal (target->stamp, ENV_LOCK_STAMP_HERE);
  assert_string_equal (target->stamp_environment, "development");
  assert_true (target->is_superuser && target->is_local_host && !target->is_replica);
  assert_string_equal (same->cluster, target->cluster);
  assert_string_equal (same->started, target->started);
  assert_string_equal (beside->cluster, target->cluster);
  assert_string_equal (beside->name, "other");
  assert_int_equal (beside->stamp, ENV_LOCK_STAMP_NONE);

  run (conn, "UPDATE pgkeel.identity SET system_identifier = '1'");
  run (conn, "CREATE ROLE reader LOGIN");
  g_auto (EnvLockGathered) copied = { 0 };
  gather (project, variables, &copied);
  assert_int_equal (copied.facts.target.stamp, ENV_LOCK_STAMP_COPY);

  /* Nobody there is one thing, somebody who does not let us in another. */
  static const struct
  {
    const char *database, *user;
    EnvLockDatabaseState state;
  } closed[] = { { "nosuch", "postgres", ENV_LOCK_DATABASE_UNREACHABLE },
                 { "shop", "nobody", ENV_LOCK_DATABASE_CLOSED },
                 { "shop", "outside", ENV_LOCK_DATABASE_CLOSED } };
  run (conn, "CREATE ROLE outside");
  for (size_t i = 0; i < G_N_ELEMENTS (closed); i++)
    {
      g_autofree char *there = scratch_url (scratch, closed[i].database);
      g_autofree char *line = g_strdup_printf ("DATABASE_URL=%s&user=%s", there, closed[i].user);
      g_auto (EnvLockGathered) refused = { 0 };
      gather (project, line, &refused);
      assert_int_equal (variable_of (&refused, "DATABASE_URL", NULL)->database.state,
                        closed[i].state);
    }

  /* Who may read neither stamp nor cluster says nothing, and that is no stamp of none. */
  run (conn, "REVOKE ALL ON pgkeel.identity FROM PUBLIC; REVOKE ALL ON FUNCTION "
             "pg_catalog.pg_control_system () FROM PUBLIC");
  g_autofree char *as_reader = g_strdup_printf ("DATABASE_URL=%s&user=reader", url);
  g_auto (EnvLockGathered) blind = { 0 };
  gather (project, as_reader, &blind);
  const EnvLockDatabase *unread = &variable_of (&blind, "DATABASE_URL", NULL)->database;
  assert_int_equal (unread->state, ENV_LOCK_DATABASE_REACHED);
  assert_int_equal (unread->stamp, ENV_LOCK_STAMP_UNKNOWN);
  assert_null (unread->cluster);
  assert_false (unread->is_superuser);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_files_are_read, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_modes, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_defaults_of_the_url, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_a_url_that_two_environments_have, make_folder,
                                     remove_folder),
    cmocka_unit_test_setup_teardown (test_a_file_that_is_none, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_a_server_says_who_it_is, make_folder, remove_folder),
  };
  return cmocka_run_group_tests (tests, start_server, stop_server);
}
