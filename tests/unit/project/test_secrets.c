/* Secrets are hidden wherever they stand, and what is none is left as it is. */
#include "base/text.h"
#include "fixture.h"
#include "project/secrets.h"

#define FILE_SECRET "Tr0ub4dor-of-the-file"
#define URL_SECRET "horse%40staple"

static Project *
project_with_secrets (const char *folder)
{
  write_file (folder, "pgkeel.yaml",
              "project: shop\n"
              "environments:\n"
              "  testing: {url: \"postgresql://ada:" URL_SECRET "@localhost/shop\"}\n");
  write_file (folder, ".env", "BILLING_TOKEN=" FILE_SECRET "\nGREETING=good-morning\n");
  return open_project (folder, "testing");
}

static void
test_texts (void **state)
{
  static const struct
  {
    const char *text, *hidden;
  } cases[] = {
    { "nothing to hide", "nothing to hide" },
    { "docker volume rm pgdata --force", "docker volume rm pgdata --force" },
    { "primary key, tokens and passwords are words",
      "primary key, tokens and passwords are words" },
    { "at postgres://u@h/d", "at postgres://u@h/d" },
    { "at postgres://u:pw@h/d", "at postgres://u:***@h/d" },
    { "redis://:pw@h:6379/0 and https://a:b@c/", "redis://:***@h:6379/0 and https://a:***@c/" },
    { "password=hunter2 host=h", "password=*** host=h" },
    { "PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql" },
    { "{\"api_key\": \"abc def\", \"b\": 1}", "{\"api_key\": ***, \"b\": 1}" },
    { "login --password hunter2 -u ada", "login --password *** -u ada" },
    { "psql: " FILE_SECRET " was refused", "psql: *** was refused" },
    { "tried " URL_SECRET ", then horse@staple", "tried ***, then ***" },
    { "good-morning", "good-morning" },
  };
  g_autoptr (Project) project = project_with_secrets (*state);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *hidden = secrets_hide (project, cases[i].text);
      assert_string_equal (hidden, cases[i].hidden);
    }
}

static void
test_json (void **state)
{
  g_autoptr (Project) project = project_with_secrets (*state);
  g_autoptr (json_t) value = json_loads (
      "{\"argv\": [\"mysql\", \"--password\", \"xyz\", \"db\"], \"count\": 3,"
      " \"db_password\": \"x\", \"nested\": {\"list\": [\"" FILE_SECRET "\", [\"pwd=x\"]]}}",
      0, NULL);
  g_autoptr (json_t) expected
      = json_loads ("{\"argv\": [\"mysql\", \"--password\", \"***\", \"db\"], \"count\": 3,"
                    " \"db_password\": \"***\", \"nested\": {\"list\": [\"***\", [\"pwd=***\"]]}}",
                    0, NULL);
  assert_non_null (value);
  assert_non_null (expected);
  secrets_hide_json (project, value);
  assert_true (json_equal (value, expected));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_texts, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_json, make_folder, remove_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
