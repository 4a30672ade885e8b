/* Which variables name databases, how they are read, and what each is for. */
#include "../project/fixture.h"
#include "guard/database_arguments.h"

#include <string.h>

static Project *
open_shop (const char *folder)
{
  write_file (folder, "pgkeel.yaml",
              "project: shop\n"
              "environments:\n"
              "  development: {url: \"${SHOP_URL}\"}\n"
              "  staging: {url: \"${SHOP_STAGE:-postgresql://s/shop}\"}\n"
              "  production: {url: \"postgresql://${LIVE_USER}:${LIVE_PASSWORD}@prod/shop\"}\n");
  return open_project (folder, "development");
}

/* "NAME role[=environment] state url" of each that was found, joined by "; ". */
static char *
describe (const GPtrArray *found)
{
  static const char *const roles[] = { "main", "extra", "other", "replica", "shadow" };
  static const char *const states[]
      = { "", "", "", "", "", "unparseable", "not-postgres", "incomplete" };
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < found->len; i++)
    {
      const DatabaseVariable *variable = found->pdata[i];
      g_string_append_printf (text, "%s%s: %s%s%s %s", i > 0 ? "; " : "", variable->name,
                              roles[variable->role], variable->meant_for != NULL ? "=" : "",
                              variable->meant_for != NULL ? variable->meant_for : "",
                              variable->url != NULL ? variable->url : states[variable->state]);
    }
  return g_string_free (text, FALSE);
}

static const struct
{
  const char *environment; /* separated by newlines */
  const char *found;
} cases[] = {
  { "", "" },
  { "HOME=/root\nEDITOR=vi\nREDIS_URL=redis://r\nMONGO_URL=mongodb://m\nAPI_URL=https://a", "" },
  { "DATABASE_URL=postgresql://db/shop", "DATABASE_URL: main postgresql://db/shop" },
  { "DATABASE_URL=", "" },
  { "DATABASE_URL=postgresql://a/1\nDATABASE_URL=postgresql://b/2",
    "DATABASE_URL: main postgresql://b/2" },
  { "DATABASE_URL=host=db dbname=shop", "DATABASE_URL: main host=db dbname=shop" },
  { "DATABASE_URL=postgres+psycopg2://db/shop", "DATABASE_URL: main postgres://db/shop" },
  { "SQLALCHEMY_DATABASE_URI=postgresql+asyncpg://db/shop?ssl=require",
    "SQLALCHEMY_DATABASE_URI: main postgresql://db/shop" },
  { "DATABASE_URL=postgis://db/shop", "DATABASE_URL: main postgresql://db/shop" },
  { "SPRING_DATASOURCE_URL=jdbc:postgresql://db:5433/shop?stringtype=unspecified",
    "SPRING_DATASOURCE_URL: main postgresql://db:5433/shop" },
  { "DATABASE_URL=postgresql://db/shop?schema=public&sslmode=require&pgbouncer=true",
    "DATABASE_URL: main postgresql://db/shop?sslmode=require" },
  { "DATABASE_URL=see the wiki", "DATABASE_URL: main unparseable" },
  { "DATABASE_URL=mysql://db/shop", "DATABASE_URL: main not-postgres" },
  { "DATABASE_URL=sqlite:///db.sqlite3", "DATABASE_URL: main not-postgres" },
  { "DATABASE_URL=file:./dev.db", "DATABASE_URL: main not-postgres" },
  { "LEGACY_DATABASE_URL=mysql://db/shop", "" },
  /* What pgkeel.yaml says a variable is for goes before its name. */
  { "SHOP_URL=postgresql://db/shop", "SHOP_URL: main postgresql://db/shop" },
  { "SHOP_STAGE=postgresql://s/shop", "SHOP_STAGE: other=staging postgresql://s/shop" },
  { "LIVE_USER=ada\nLIVE_PASSWORD=x", "" },
  { "PROD_DATABASE_URL=postgresql://p/shop",
    "PROD_DATABASE_URL: other=production postgresql://p/shop" },
  { "TEST_DATABASE_URL=postgresql://t/shop",
    "TEST_DATABASE_URL: other=testing postgresql://t/shop" },
  { "DEV_DB_URL=postgresql://d/shop", "DEV_DB_URL: main postgresql://d/shop" },
  { "SHADOW_DATABASE_URL=postgresql://s/x", "SHADOW_DATABASE_URL: shadow postgresql://s/x" },
  { "READ_DATABASE_URL=postgresql://r/x", "READ_DATABASE_URL: replica postgresql://r/x" },
  { "ANALYTICS_DATABASE_URL=postgresql://a/x", "ANALYTICS_DATABASE_URL: extra postgresql://a/x" },
  { "LATEST_DATABASE_URL=postgresql://a/x", "LATEST_DATABASE_URL: extra postgresql://a/x" },
  /* Settings in lower case, and values that tell what they are. */
  { "database_url=postgresql://db/shop", "database_url: main postgresql://db/shop" },
  { "db_host=db\ndb_name=shop", "DB_HOST, DB_NAME: main host='db' dbname='shop'" },
  { "pghost=db", "" },
  { "STORE=postgresql://db/shop", "STORE: extra postgresql://db/shop" },
  { "PROD=postgres://p/shop", "PROD: other=production postgres://p/shop" },
  { "CONNECTION_STRING=postgresql+psycopg://db/shop",
    "CONNECTION_STRING: extra postgresql://db/shop" },
  { "QUOTED=\"postgresql://db/shop\"", "QUOTED: extra postgresql://db/shop" },
  { "DOCS=see postgresql://db/shop", "" },
  /* Families. */
  { "PGHOST=db", "PGHOST: main host='db'" },
  { "PGDATABASE=shop\nPGPORT=5433\nPGUSER=ada",
    "PGPORT, PGDATABASE: main port='5433' dbname='shop' user='ada'" },
  { "PGUSER=ada\nPGPASSWORD=x\nPGSSLMODE=require", "" },
  { "PGSERVICE=live", "PGSERVICE: main service='live'" },
  { "PGHOSTADDR=10.0.0.5", "PGHOSTADDR: main hostaddr='10.0.0.5'" },
  { "POSTGRES_DB=shop\nPOSTGRES_USER=ada\nPOSTGRES_PASSWORD=x", "POSTGRES_DB: main incomplete" },
  { "POSTGRES_SERVER=db\nPOSTGRES_DB=shop",
    "POSTGRES_SERVER, POSTGRES_DB: main host='db' dbname='shop'" },
  { "DB_HOST=db\nDB_NAME=o'neil\\\nDB_PASS=x",
    "DB_HOST, DB_NAME: main host='db' dbname='o\\'neil\\\\' password='x'" },
  { "DB_HOST=db\nDB_NAME=shop\nDB_ENGINE=django.db.backends.mysql", "" },
  { "DB_HOST=db\nDB_DATABASE=shop\nDB_CONNECTION=pgsql",
    "DB_HOST, DB_DATABASE: main host='db' dbname='shop'" },
  { "RDS_HOSTNAME=rds\nRDS_DB_NAME=ebdb\nRDS_PORT=5432",
    "RDS_HOSTNAME, RDS_PORT, RDS_DB_NAME: main host='rds' port='5432' dbname='ebdb'" },
  { "DATABASE_URL=postgresql://a/x\nPGHOST=b",
    "DATABASE_URL: main postgresql://a/x; PGHOST: main host='b'" },
};

static void
test_what_is_found (void **state)
{
  g_autoptr (Project) project = open_shop (*state);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GStrv) environment = g_strsplit (cases[i].environment, "\n", -1);
      g_autoptr (GPtrArray) found
          = database_variables_find (project, (const char *const *) environment);
      g_autofree char *text = describe (found);
      if (strcmp (text, cases[i].found) != 0)
        fail_msg ("“%s” gave “%s”, not “%s”", cases[i].environment, text, cases[i].found);
    }
}

/* What a command line names past all variables. */
static void
test_what_a_command_names (void **state)
{
  (void) state;
  static const struct
  {
    const char *line, *found;
  } lines[] = {
    { "manage.py migrate --database default -h x", "" },
    { "psql -c 'DROP TABLE x'", "" },
    { "psql -h prod -d shop -U ada", "psql: extra host='prod' user='ada' dbname='shop'" },
    { "psql -qhprod -p5433 shop ada -c 'x'", "psql: extra host='prod' port='5433' dbname='shop'" },
    { "psql --host=prod --dbname shop --set a=b", "psql: extra host='prod' dbname='shop'" },
    { "psql --ho prod -v x=y -- shop", "psql: extra host='prod' dbname='shop'" },
    { "/usr/bin/psql -c -d shop", "psql: extra dbname='shop'" },
    { "sudo -u postgres psql -d \"it's\"", "psql: extra dbname='it\\'s'" },
    { "psql 'host=prod dbname=shop'", "psql: extra host=prod dbname=shop" },
    { "psql -d postgresql://prod/shop", "a URL: extra postgresql://prod/shop" },
    { "timeout 5 pg_restore -j4 -d shop -h prod dump.sql",
      "pg_restore: extra host='prod' dbname='shop'" },
    { "pg_restore -l dump", "" },
    { "dropdb --if-exists -h prod shop", "dropdb: extra host='prod' dbname='shop'" },
    { "sh -c 'pg_dump postgres://a/1 | psql \"postgresql://b/2?sslmode=require\"'",
      "a URL: extra postgres://a/1; a URL: extra postgresql://b/2?sslmode=require" },
    { "tool --url=postgresql+asyncpg://prod/shop", "a URL: extra postgresql://prod/shop" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (GStrv) argv = NULL;
      assert_true (g_shell_parse_argv (lines[i].line, NULL, &argv, NULL));
      g_autoptr (GPtrArray) found = database_arguments_find (argv);
      g_autofree char *text = describe (found);
      if (strcmp (text, lines[i].found) != 0)
        fail_msg ("“%s” gave “%s”, not “%s”", lines[i].line, text, lines[i].found);
    }
}

static void
test_what_env_sets (void **state)
{
  (void) state;
  char *before[] = { "A=1", "DATABASE_URL=x", NULL };
  char *with[] = { "/usr/bin/env", "-i", "DATABASE_URL=y", "B=2", "make", "C=3", NULL };
  char *without[] = { "make", "DATABASE_URL=y", NULL };
  g_auto (GStrv) set = database_arguments_environment (before, with);
  g_auto (GStrv) same = database_arguments_environment (before, without);
  assert_string_equal (g_environ_getenv (set, "DATABASE_URL"), "y");
  assert_string_equal (g_environ_getenv (set, "B"), "2");
  assert_null (g_environ_getenv (set, "C"));
  assert_string_equal (g_environ_getenv (same, "DATABASE_URL"), "x");
}

/* For another environment the same variables have other roles. */
static void
test_roles_follow_the_choice (void **state)
{
  g_autoptr (Project) shop = open_shop (*state);
  g_autoptr (Project) project = open_project (*state, "production");
  static const char *const environment[]
      = { "SHOP_URL=postgresql://d/1", "PROD_DATABASE_URL=postgresql://p/2",
          "DATABASE_URL=postgresql://x/3", NULL };
  g_autoptr (GPtrArray) found = database_variables_find (project, environment);
  g_autofree char *text = describe (found);
  assert_string_equal (text, "SHOP_URL: other=development postgresql://d/1; "
                             "PROD_DATABASE_URL: main postgresql://p/2; "
                             "DATABASE_URL: main postgresql://x/3");
}

static void
test_passwords_are_not_shown (void **state)
{
  g_autoptr (Project) project = open_shop (*state);
  static const char *const environment[]
      = { "DATABASE_URL=postgresql://ada:geheim@db/shop?sslpassword=geheim",
          "DB_URL=mysql://ada:geheim@db/shop",
          "PGHOST=db",
          "PGPASSWORD=geheim x",
          "DB_HOST=db",
          "DB_NAME=shop",
          "DB_PASSWORD=geh'geheim",
          NULL };
  g_autoptr (GPtrArray) found = database_variables_find (project, environment);
  assert_int_equal (found->len, 4);
  for (guint i = 0; i < found->len; i++)
    {
      const DatabaseVariable *variable = found->pdata[i];
      assert_non_null (variable->shown);
      assert_null (strstr (variable->shown, "geh"));
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_what_is_found, make_folder, remove_folder),
    cmocka_unit_test (test_what_a_command_names),
    cmocka_unit_test (test_what_env_sets),
    cmocka_unit_test_setup_teardown (test_roles_follow_the_choice, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_passwords_are_not_shown, make_folder, remove_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
