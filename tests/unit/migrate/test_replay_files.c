/* What files need of the server that replays them. */
#include "../testing.h"
#include "migrate/replay_files.h"

#include <string.h>

static void
scan (ReplayFiles *files, const char *text)
{
  files->roles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  files->extensions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  replay_files_scan (files, "1.sql", text, strlen (text));
}

static void
test_roles (void **state)
{
  (void) state;
  g_auto (ReplayFiles) files = { 0 };
  scan (&files, "-- CREATE ROLE commented\n"
                "SELECT 'CREATE ROLE literal; CREATE ROLE x';\n"
                "DO $$ BEGIN CREATE ROLE inside; END $$;\n"
                "create /* x */ Role App LOGIN;\n"
                "CREATE USER \"Big \"\"One\" ;CREATE GROUP g;\n"
                "CREATE USER MAPPING FOR app SERVER s;\n"
                "ALTER ROLE app RENAME TO app2;\n"
                "COPY t FROM stdin;\nit's\tan \"open\n\\.\nCREATE ROLE after_rows");
  static const char *const made[] = { "app", "Big \"One", "g", "app2", "after_rows" };
  for (size_t i = 0; i < G_N_ELEMENTS (made); i++)
    assert_true (g_hash_table_contains (files.roles, made[i]));
  assert_int_equal (g_hash_table_size (files.roles), G_N_ELEMENTS (made));
  assert_string_equal (files.cluster_wide, "1.sql: create Role App");
}

static void
test_extensions (void **state)
{
  (void) state;
  g_auto (ReplayFiles) files = { 0 };
  scan (&files, "CREATE EXTENSION citext; CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" SCHEMA x;"
                "DROP EXTENSION ltree;");
  assert_true (g_hash_table_contains (files.extensions, "citext"));
  assert_string_equal (g_hash_table_lookup (files.extensions, "uuid-ossp"), "1.sql");
  assert_int_equal (g_hash_table_size (files.extensions), 2);
  assert_null (files.cluster_wide);
}

static void
test_cluster_wide (void **state)
{
  (void) state;
  static const char *const wide[] = { "CREATE DATABASE x",
                                      "ALTER DATABASE x SET search_path = a",
                                      "DROP ROLE x",
                                      "ALTER SYSTEM SET x = 1",
                                      "GRANT a TO b",
                                      "GRANT CONNECT ON DATABASE x TO b",
                                      "REVOKE a FROM b",
                                      "COMMENT ON ROLE x IS ''",
                                      "DROP OWNED BY x",
                                      "REASSIGN OWNED BY a TO b",
                                      "CREATE TABLESPACE x LOCATION '/x'",
                                      "CREATE SUBSCRIPTION x CONNECTION '' PUBLICATION p",
                                      "SELECT 1; ALTER USER x PASSWORD 'y'" };
  static const char *const narrow[] = { "CREATE TABLE \"database\" (a int)",
                                        "GRANT SELECT ON t TO b",
                                        "REVOKE ALL ON ALL TABLES IN SCHEMA s FROM b",
                                        "COMMENT ON TABLE role IS ''",
                                        "DROP USER MAPPING FOR a SERVER s",
                                        "CREATE INDEX ON t (a)",
                                        "ALTER TABLE t OWNER TO b",
                                        "" };
  for (size_t i = 0; i < G_N_ELEMENTS (wide); i++)
    {
      g_auto (ReplayFiles) files = { 0 };
      scan (&files, wide[i]);
      if (files.cluster_wide == NULL)
        fail_msg ("%s", wide[i]);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (narrow); i++)
    {
      g_auto (ReplayFiles) files = { 0 };
      scan (&files, narrow[i]);
      if (files.cluster_wide != NULL)
        fail_msg ("%s", narrow[i]);
    }
}

/* What would make or remove slots on another server. */
static void
test_reaching_out (void **state)
{
  (void) state;
  static const char *const far[]
      = { "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
          "CREATE SUBSCRIPTION s CONNECTION 'connect = false' PUBLICATION p WITH (enabled = false)",
          "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = true)",
          "ALTER SUBSCRIPTION s ENABLE",
          "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
          "ALTER SUBSCRIPTION s ADD PUBLICATION p",
          "DROP SUBSCRIPTION IF EXISTS s" };
  static const char *const near[] = {
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (slot_name = NONE, connect = false)",
    "ALTER SUBSCRIPTION s DISABLE", "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = off)",
    "ALTER SUBSCRIPTION s SET (slot_name = NONE)", "CREATE PUBLICATION p FOR ALL TABLES"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (far); i++)
    {
      g_auto (ReplayFiles) files = { 0 };
      scan (&files, far[i]);
      if (files.reaching_out == NULL)
        fail_msg ("%s", far[i]);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (near); i++)
    {
      g_auto (ReplayFiles) files = { 0 };
      scan (&files, near[i]);
      if (files.reaching_out != NULL)
        fail_msg ("%s", near[i]);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_roles),
    cmocka_unit_test (test_extensions),
    cmocka_unit_test (test_cluster_wide),
    cmocka_unit_test (test_reaching_out),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
