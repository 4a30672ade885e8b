/* seeds.yaml: what it says for an environment, and its faults. */
#include "../testing.h"
#include "seed/config.h"

#include <string.h>

static SeedConfig *
parse (const char *environment, const char *text)
{
  SeedConfig *config = NULL;
  g_autoptr (GError) error = NULL;
  bool parsed = seed_config_parse ("seeds.yaml", text, strlen (text), environment, &config, &error);
  assert_no_error (error);
  assert_true (parsed);
  return config;
}

static void
assert_fault (const char *text, const char *message)
{
  SeedConfig *config = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (
      seed_config_parse ("seeds.yaml", text, strlen (text), "development", &config, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_CONFIG));
  assert_string_equal (error->message, message);
}

/* "table[ where]:min-max ..." */
static char *
show_expects (const SeedConfig *config)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < config->expect->len; i++)
    {
      const SeedExpect *expect = config->expect->pdata[i];
      g_string_append_printf (
          text, "%s%s%s%s:%d-%d", i > 0 ? " " : "", expect->table, expect->where != NULL ? "/" : "",
          expect->where != NULL ? expect->where : "", (int) expect->min, (int) expect->max);
    }
  return g_string_free (text, FALSE);
}

static const char everything[] = "keys: {roles: name, app.permissions: [resource, action]}\n"
                                 "essential: [roles]\n"
                                 "clean: [sessions]\n"
                                 "expect: {roles: 4, users: 9, logs: {max: 7}}\n"
                                 "generate: {users: {rows: 3}}\n"
                                 "environments:\n"
                                 "  dev:\n"
                                 "    essential: [90_settings.sql]\n"
                                 "    expect: {users: [5, {where: x > 0, min: 2}]}\n"
                                 "    generate: {orders: {rows: 4}}\n"
                                 "  demo: ~\n";

static void
test_everything (void **state)
{
  (void) state;
  g_autoptr (SeedConfig) config = parse ("development", everything);
  g_autofree char *expects = show_expects (config);
  const SeedKey *role = config->keys->pdata[0], *permission = config->keys->pdata[1];
  assert_int_equal (config->keys->len, 2);
  assert_string_equal (role->table, "roles");
  assert_string_equal (role->columns[0], "name");
  assert_null (role->columns[1]);
  assert_string_equal (permission->table, "app.permissions");
  assert_string_equal (permission->columns[1], "action");
  assert_int_equal (config->essential->len, 2);
  assert_string_equal (((SeedName *) config->essential->pdata[1])->name, "90_settings.sql");
  assert_string_equal (expects, "roles:4-4 logs:0-7 users:5-5 users/x > 0:2--1");
  assert_non_null (node_find (config->generate, "orders.rows"));
  assert_null (node_find (config->generate, "users"));
  assert_true (config->has_environment);
}

static void
test_another_environment (void **state)
{
  (void) state;
  g_autoptr (SeedConfig) config = parse ("demo", everything);
  g_autofree char *expects = show_expects (config);
  assert_string_equal (expects, "roles:4-4 users:9-9 logs:0-7");
  assert_int_equal (config->essential->len, 1);
  assert_non_null (node_find (config->generate, "users.rows"));
  g_autoptr (SeedConfig) none = parse ("staging", everything);
  assert_false (none->has_environment);
  g_autoptr (SeedConfig) empty = parse ("staging", "# nothing\n");
  assert_int_equal (empty->keys->len + empty->expect->len, 0);
}

static void
test_faults (void **state)
{
  (void) state;
  assert_fault ("kes: {}\n", "seeds.yaml:1:1: unknown key “kes”");
  assert_fault ("keys: [a]\n", "seeds.yaml:1:7: “keys” must be a mapping of tables to columns");
  assert_fault ("keys: {a: []}\n", "seeds.yaml:1:11: the key of “a” has no column");
  assert_fault ("keys: {a: [b, b]}\n", "seeds.yaml:1:15: column “b” is there twice");
  assert_fault ("essential: roles\n",
                "seeds.yaml:1:12: “essential” must be a list, as in [one, two]");
  assert_fault ("expect: {a: many}\n", "seeds.yaml:1:13: this must be a number of rows");
  assert_fault ("expect: {a: {where: x}}\n",
                "seeds.yaml:1:13: an expectation has “count”, or else “min” or “max”");
  assert_fault ("expect: {a: {count: 1, wher: x}}\n", "seeds.yaml:1:24: unknown key “wher”");
  assert_fault ("environments: {dev: {keys: {}}}\n", "seeds.yaml:1:22: unknown key “keys”");
  /* Of environments that are not asked for, too. */
  assert_fault ("environments: {demo: {expects: {}}}\n", "seeds.yaml:1:23: unknown key “expects”");
}

int
main (void)
{
  const struct CMUnitTest tests[]
      = { cmocka_unit_test (test_everything), cmocka_unit_test (test_another_environment),
          cmocka_unit_test (test_faults) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
