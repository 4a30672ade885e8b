/* Which environment is meant, and why. */
#include "fixture.h"
#include "project/environment.h"

#include <string.h>

static const char yaml[] = "environments:\n"
                           "  dev: {local: true}\n"
                           "  testing: {local: true, database: t}\n"
                           "  staging: {url: \"${STAGING_URL:-postgres://s/s}\"}\n"
                           "  production: {url: \"${DATABASE_URL}\"}\n";

/* What each step gives when those before it are silent. */
static void
test_the_order (void **state)
{
  static const struct
  {
    const char *asked, *pgkeel_env, *ledger_env, *node_env, *url;
    const char *name, *reason;
  } rows[] = {
    { NULL, NULL, NULL, NULL, NULL, "development", "default" },
    { NULL, NULL, NULL, NULL, "postgres://db-prod2/x", "production",
      "DATABASE_URL, which says “prod”" },
    { NULL, NULL, NULL, "test", "postgres://db-prod2/x", "testing", "NODE_ENV" },
    { NULL, NULL, "staging", "test", "postgres://db-prod2/x", "staging", "LEDGER_ENV" },
    { NULL, "Dev", "staging", "test", "postgres://db-prod2/x", "development", "PGKEEL_ENV" },
    { "PROD", "Dev", "staging", "test", "postgres://db-prod2/x", "production", "--env" },
    { NULL, "", "", "", "", "development", "default" },
    { NULL, "", "staging", NULL, NULL, "staging", "LEDGER_ENV" },
  };
  write_file (*state, "pgkeel.yaml", yaml);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      clear_environment ();
      if (rows[i].pgkeel_env != NULL)
        g_setenv ("PGKEEL_ENV", rows[i].pgkeel_env, TRUE);
      if (rows[i].ledger_env != NULL)
        g_setenv ("LEDGER_ENV", rows[i].ledger_env, TRUE);
      if (rows[i].node_env != NULL)
        g_setenv ("NODE_ENV", rows[i].node_env, TRUE);
      if (rows[i].url != NULL)
        g_setenv ("DATABASE_URL", rows[i].url, TRUE);
      g_autoptr (Project) project = open_project (*state, rows[i].asked);
      assert_string_equal (project->environment->name, rows[i].name);
      assert_string_equal (project->environment_reason, rows[i].reason);
    }
  clear_environment ();
}

static void
test_words_in_urls (void **state)
{
  (void) state;
  static const struct
  {
    const char *url;
    const char *environment;
  } rows[] = {
    { "postgres://db.prod.example.com/x", "production" },
    { "postgres://db/ledger_production", "production" },
    { "postgres://localhost/ledger_prod", "production" },
    { "postgres://test-db/prod", "production" },
    { "postgres://PROD1:5433/x", "production" },
    { "postgres://db-staging/x", "staging" },
    { "host=db dbname=ledger_test", "testing" },
    { "postgres://db/testing", "testing" },
    { "postgresql+asyncpg://db/test", "testing" },
    { "postgres://db/app_dev", "development" },
    { "postgres://db/development", "development" },
    { "postgres://localhost:5432/x", "development" },
    { "postgres://127.0.0.1/x", "development" },
    { "postgres://[::1]:5432/x", "development" },
    { "postgresql:///x?host=/srv/prod/socket", "development" },
    { "postgres://db/latest", NULL },
    { "postgres://products/x", NULL },
    { "postgres://prod:test@db/x", NULL },
    { "postgres://db/x?application_name=prod", NULL },
    { "mysql://prod/x", NULL },
    { "", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *environment = environment_of_url (rows[i].url);
      if (g_strcmp0 (environment, rows[i].environment) != 0)
        fail_msg ("%s gives %s", rows[i].url, environment);
    }
}

static void
test_unknown_names_are_refused (void **state)
{
  static const char known[] = "Known environments: development, testing, staging, production.";
  write_file (*state, "pgkeel.yaml", yaml);
  assert_refused (*state, "qa", "unknown environment “qa” (from --env)", known);
  assert_refused (*state, "", "unknown environment “” (from --env)", known);
  g_setenv ("NODE_ENV", "Stagin", TRUE);
  assert_refused (*state, NULL, "unknown environment “Stagin” (from NODE_ENV)",
                  "Known environments: development, testing, staging, production. Did you mean "
                  "“staging”?");
  g_unsetenv ("NODE_ENV");
  write_file (*state, "pgkeel.yaml", "environments:\n  live: {url: postgres://x/y}\n");
  assert_refused (*state, NULL, "unknown environment “development” (the default)",
                  "Known environments: live. Choose one with -e or PGKEEL_ENV.");
  /* A URL that says production must not fall through to an unprotected environment. */
  g_setenv ("DATABASE_URL", "postgres://prod/x", TRUE);
  write_file (*state, "pgkeel.yaml", "environments:\n  development: {local: true}\n");
  assert_refused (*state, NULL,
                  "unknown environment “production” (from DATABASE_URL, which says “prod”)",
                  "Known environments: development.");
  g_unsetenv ("DATABASE_URL");
}

static void
test_variables_of_dotenv_count (void **state)
{
  write_file (*state, "pgkeel.yaml", yaml);
  write_file (*state, ".env", "LEDGER_ENV=staging\n");
  g_autoptr (Project) project = open_project (*state, NULL);
  assert_string_equal (project->environment->name, "staging");
  assert_string_equal (project->environment_reason, "LEDGER_ENV (.env)");
  write_file (*state, ".env", "");
}

static void
test_protection (void **state)
{
  write_file (*state, "pgkeel.yaml",
              "environments:\n"
              "  production: {url: postgres://a/b}\n"
              "  staging: {url: postgres://a/b, protected: true}\n"
              "  development: {local: true}\n");
  g_autoptr (Project) project = open_project (*state, "dev");
  assert_true (project_find_environment (project, "prod")->is_protected);
  assert_true (project_find_environment (project, "staging")->is_protected);
  assert_false (project_find_environment (project, "development")->is_protected);
  assert_null (project_find_environment (project, "testing"));
  write_file (*state, "pgkeel.yaml",
              "environments:\n  prod: {url: postgres://a/b, protected: false}\n");
  g_autoptr (Project) other = open_project (*state, "production");
  assert_false (other->environment->is_protected);
}

/* What the lock says of ENVIRONMENT as the variables are now; NULL: it passes. */
static void
assert_lock (const char *folder, const char *environment, const char *message)
{
  g_autoptr (Project) project = open_project (folder, environment);
  g_autoptr (GError) error = NULL;
  bool passed = project_check_authorised (project, &error);
  assert_int_equal (passed, message == NULL);
  if (passed)
    return;
  assert_true (keel_error_is (error, KEEL_ERROR_REFUSED));
  assert_string_equal (error->message, message);
  assert_non_null (strstr (keel_error_hint (error), "=production is set on purpose."));
}

/* L3: a protected environment is written to only where the variables do not say otherwise. */
static void
test_the_environment_lock (void **state)
{
  write_file (*state, "pgkeel.yaml", yaml);
  g_setenv ("DATABASE_URL", "postgres://db/x", TRUE);
  assert_lock (*state, "production", NULL);
  g_setenv ("LEDGER_ENV", "dev", TRUE);
  assert_lock (*state, "production",
               "“production” is protected, and LEDGER_ENV says this is “development”");
  assert_lock (*state, "staging", NULL);
  g_setenv ("LEDGER_ENV", "prod", TRUE);
  assert_lock (*state, "production", NULL);
  g_setenv ("PGKEEL_ENV", "staging", TRUE);
  assert_lock (*state, "production",
               "“production” is protected, and PGKEEL_ENV says this is “staging”");
}

/* A developer's .env locks, too; the target's own file must not unlock. */
static void
test_the_environment_lock_in_files (void **state)
{
  write_file (*state, "pgkeel.yaml", yaml);
  write_file (*state, ".env", "LEDGER_ENV=dev\nDATABASE_URL=postgres://db/x\n");
  write_file (*state, ".env.production", "LEDGER_ENV=production\n");
  assert_lock (*state, "production",
               "“production” is protected, and LEDGER_ENV (.env) says this is “development”");
  g_setenv ("LEDGER_ENV", "production", TRUE);
  assert_lock (*state, "production", NULL);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
    TEST (test_the_order),
    TEST (test_words_in_urls),
    TEST (test_unknown_names_are_refused),
    TEST (test_variables_of_dotenv_count),
    TEST (test_protection),
    TEST (test_the_environment_lock),
    TEST (test_the_environment_lock_in_files),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
