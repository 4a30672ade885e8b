/* Every check of the data on real servers: silent on a clean schema, and finding what was injected. */
#include "../testing.h"
#include "corruption.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "integrity/run.h"

#include <stdlib.h>
#include <string.h>

typedef struct
{
  ScratchCluster *scratch;
  char *url;
  DbConn *conn;
  int major;
} Server;

/* All that is wrong is told before the test fails. */
static unsigned int complaints;

static void G_GNUC_PRINTF (1, 2) complain (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  print_error ("%s\n", text);
  complaints++;
}

static void
run_sql (const Server *server, const char *sql, const char *what)
{
  g_autoptr (GError) error = NULL;
  if (!db_exec (server->conn, sql, &error))
    complain ("%s (PostgreSQL %d): %s: %s", what, server->major, error->message, sql);
}

static IntegrityRun *
run_one (const Server *server, const char *id)
{
  g_autoptr (GError) error = NULL;
  const char *const ids[] = { id, NULL };
  const char *const schemas[] = { "t", NULL };
  IntegrityOptions options = { .ids = ids, .schemas = schemas, .jobs = 1 };
  IntegrityRun *run = NULL;
  if (!integrity_run (server->url, &options, NULL, &run, &error))
    fail_msg ("%s (PostgreSQL %d): %s", id, server->major, error->message);
  assert_int_equal (run->coverage->len, 1);
  return run;
}

static void
expect_silence (const Server *server, const Corruption *corruption)
{
  g_autoptr (IntegrityRun) run = run_one (server, corruption->id);
  const Coverage *coverage = run->coverage->pdata[0];
  if (run->findings->len > 0)
    {
      const Finding *finding = run->findings->pdata[0];
      complain ("%s (PostgreSQL %d) on clean data: %s: %s", corruption->id, server->major,
                finding->object, finding->message);
    }
  g_autofree char *reason = coverage_reason (coverage);
  if (coverage->state != COVERAGE_OK)
    complain ("%s (PostgreSQL %d) on clean data is %s: %s", corruption->id, server->major,
              coverage_state_name (coverage->state), reason);
}

/* The query of a finding about rows returns just these. */
static void
expect_query (const Server *server, const Finding *finding)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *count = NULL;
  g_autofree char *sql = g_strdup_printf ("SELECT count(*) FROM (%s) AS rows", finding->query);
  if (!db_query_text (server->conn, sql, 0, NULL, &count, &error))
    complain ("%s: %s: %s", finding->check->id, error->message, finding->query);
  else if (atoll (count) != finding->rows)
    complain ("%s: the query returns %s rows, not %ld: %s", finding->check->id, count,
              (long) finding->rows, finding->query);
}

static void
expect_finding (const Server *server, const Corruption *corruption)
{
  g_autoptr (IntegrityRun) run = run_one (server, corruption->id);
  const Coverage *coverage = run->coverage->pdata[0];
  g_autofree char *reason = coverage_reason (coverage);
  if (run->findings->len != 1)
    {
      complain ("%s (PostgreSQL %d): %u findings instead of one at %s (%s)", corruption->id,
                server->major, run->findings->len, corruption->object,
                reason != NULL ? reason : "all looked at");
      return;
    }
  const Finding *finding = run->findings->pdata[0];
  if (coverage->state != COVERAGE_FOUND || strcmp (finding->object, corruption->object) != 0)
    complain ("%s (PostgreSQL %d): %s, %s instead of %s", corruption->id, server->major,
              coverage_state_name (coverage->state), finding->object, corruption->object);
  if (finding->rows != corruption->rows)
    complain ("%s at %s: %ld rows: %s", corruption->id, finding->object, (long) finding->rows,
              finding->message);
  if (corruption->part != NULL && strstr (finding->message, corruption->part) == NULL)
    complain ("%s at %s: %s", corruption->id, finding->object, finding->message);
  if (finding->rows >= 0 && finding->query == NULL)
    complain ("%s: a finding about rows without a query", corruption->id);
  if (finding->query != NULL && finding->rows >= 0)
    expect_query (server, finding);
}

static void
test_corruption (const Server *server, const Corruption *corruption)
{
  if (server->major < corruption->from_major)
    return;
  run_sql (server,
           "RESET ALL; SET client_min_messages = error; SET allow_system_table_mods = on;"
           " SET search_path = public; DROP SCHEMA IF EXISTS t CASCADE; CREATE SCHEMA t;"
           " SET search_path = t, public",
           corruption->id);
  run_sql (server, corruption->clean, corruption->id);
  expect_silence (server, corruption);
  run_sql (server, corruption->corrupt, corruption->id);
  expect_finding (server, corruption);
}

static void
test_all (const Server *server)
{
  static const Corruption *const lists[]
      = { corruption_referential, corruption_inferred, corruption_keys, corruption_values,
          corruption_aggregates };
  const char *only = g_getenv ("PGKEEL_TEST_CHECK");
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const Corruption *corruption = lists[i]; corruption->id != NULL; corruption++)
      if (only == NULL || strcmp (only, corruption->id) == 0)
        test_corruption (server, corruption);
}

static void
with_server (int major, void (*test) (const Server *server))
{
  g_autoptr (GError) error = NULL;
  ScratchSpec spec = { .major = major, .worker_count = 4 };
  Server server = { .major = major };
  assert_true (scratch_start (&spec, &server.scratch, &error));
  assert_no_error (error);
  server.url = scratch_url (server.scratch, "postgres");
  assert_true (db_connect (server.url, NULL, &db_retry_default, &server.conn, &error));
  test (&server);
  db_conn_free (server.conn);
  g_free (server.url);
  scratch_free (server.scratch);
}

/* The release's own PostgreSQL is found anyway; the other major that the tests want is where
 * tools/postgres-other puts it. */
static void
find_other_major (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *tool
      = g_build_filename (g_getenv ("PGKEEL_SOURCE_ROOT"), "tools", "postgres-other", NULL);
  char *argv[] = { tool, NULL };
  int status = 1;
  if (!g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status, &error)
      || status != 0)
    fail_msg ("%s: %s", tool, error != NULL ? error->message : "failed");
  g_setenv ("PGKEEL_PG_PATH", g_strchomp (output), TRUE);
}

static void
on_every_server (void (*test) (const Server *server))
{
  int servers = 0;
  for (int major = 13; major <= 18; major++)
    {
      g_autofree char *bin = binaries_find_server (major, NULL, NULL);
      if (bin == NULL)
        continue;
      with_server (major, test);
      servers++;
    }
  assert_true (servers >= 2);
}

/* Keys as Django names them, taken away: each one is found again, and nothing else. */
static void
test_keys_found_again (const Server *server)
{
  static const char schema[]
      = "RESET ALL; SET client_min_messages = error; DROP SCHEMA IF EXISTS t CASCADE;"
        " CREATE SCHEMA t; SET search_path = t;"
        "CREATE TABLE auth_user (id int PRIMARY KEY, name text);"
        "CREATE TABLE auth_group (id int PRIMARY KEY, label text);"
        "CREATE TABLE auth_permission (id int PRIMARY KEY);"
        "CREATE TABLE auth_group_permissions (id int PRIMARY KEY, group_id int REFERENCES auth_group,"
        " permission_id int REFERENCES auth_permission);"
        "CREATE TABLE auth_user_groups (id int PRIMARY KEY, user_id int REFERENCES auth_user,"
        " group_id int REFERENCES auth_group);"
        "CREATE TABLE shop_category (id int PRIMARY KEY, parent_id int REFERENCES shop_category);"
        "CREATE TABLE shop_item (id int PRIMARY KEY, \"categoryId\" bigint REFERENCES"
        " shop_category, created_by int REFERENCES auth_user, owner_id int REFERENCES auth_user,"
        " external_id int, price int, status int);"
        "CREATE TABLE shop_tag (id int PRIMARY KEY);"
        "CREATE TABLE shop_item_tags (item_id int REFERENCES shop_item, tag_id int REFERENCES"
        " shop_tag, PRIMARY KEY (item_id, tag_id));"
        "INSERT INTO auth_user SELECT g, 'x' FROM generate_series(1, 20) g;"
        "INSERT INTO auth_group SELECT g FROM generate_series(1, 20) g;"
        "INSERT INTO auth_permission SELECT g FROM generate_series(101, 130) g;"
        "INSERT INTO auth_group_permissions SELECT g, g % 20 + 1, 101 + g % 30 FROM"
        " generate_series(1, 60) g;"
        "INSERT INTO auth_user_groups SELECT g, g % 20 + 1, 20 - g % 20 FROM generate_series(1, 60) g;"
        "INSERT INTO shop_category SELECT g, nullif(g / 2, 0) FROM generate_series(1, 20) g;"
        "INSERT INTO shop_item SELECT g, g % 20 + 1, g % 20 + 1, g % 20 + 1, g, g, 1 FROM"
        " generate_series(1, 60) g;"
        "INSERT INTO shop_tag SELECT g FROM generate_series(201, 220) g;"
        "INSERT INTO shop_item_tags SELECT g, 201 + g % 20 FROM generate_series(1, 60) g;"
        "CREATE TEMP TABLE declared AS SELECT conrelid, conname"
        " FROM pg_constraint WHERE contype = 'f'"
        " AND connamespace = 't'::regnamespace;"
        "DO $$DECLARE c record; BEGIN FOR c IN SELECT * FROM declared LOOP EXECUTE"
        " format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname); END LOOP;"
        " END$$; DROP TABLE declared";
  static const char *const expected[] = {
    "t.auth_group_permissions.group_id of t.auth_group,",
    "t.auth_group_permissions.permission_id of t.auth_permission,",
    "t.auth_user_groups.group_id of t.auth_group,",
    "t.auth_user_groups.user_id of t.auth_user,",
    "t.shop_category.parent_id of t.shop_category,",
    "t.shop_item.categoryId of t.shop_category,",
    "t.shop_item.created_by of t.auth_user,",
    "t.shop_item.owner_id of t.auth_user,",
    "t.shop_item_tags.item_id of t.shop_item,",
    "t.shop_item_tags.tag_id of t.shop_tag,",
  };
  run_sql (server, schema, "keys to be found again");
  g_autoptr (IntegrityRun) run = run_one (server, "fk-missing");
  assert_int_equal (run->findings->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < run->findings->len; i++)
    {
      const Finding *finding = run->findings->pdata[i];
      const char *place = strstr (finding->message, " of t.");
      assert_non_null (place);
      g_autofree char *found = g_strconcat (finding->object, place, NULL);
      if (!g_str_has_prefix (found, expected[i]))
        complain ("%s instead of %s", found, expected[i]);
      /* The statements that are proposed work. */
      run_sql (server, finding->fix, "adding an inferred key");
    }
}

static IntegrityRun *
run_as (const Server *server, const char *user, const IntegrityOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *url = scratch_url_as (server->scratch, user, "postgres");
  IntegrityRun *run = NULL;
  if (!integrity_run (url, options, NULL, &run, &error))
    fail_msg ("as %s: %s", user, error->message);
  return run;
}

static void
expect_unknown (const IntegrityRun *run, const char *part)
{
  const Coverage *coverage = run->coverage->pdata[0];
  g_autofree char *reason = coverage_reason (coverage);
  if (coverage->state != COVERAGE_UNKNOWN || reason == NULL || strstr (reason, part) == NULL)
    complain ("%s instead of unknown (%s): %s", coverage_state_name (coverage->state), part,
              reason != NULL ? reason : "no reason");
  assert_true (integrity_run_has_unknown (run));
}

/* What cannot be looked at is never passed. */
static void
test_unknown (const Server *server)
{
  static const char schema[]
      = "RESET ALL; SET client_min_messages = error; DROP SCHEMA IF EXISTS t CASCADE;"
        " CREATE SCHEMA t; SET search_path = t; DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN;"
        "GRANT USAGE ON SCHEMA t TO reader;"
        "CREATE TABLE p (id int PRIMARY KEY, x int CHECK (x > 0)); INSERT INTO p VALUES (1, 1);"
        "CREATE TABLE c (p_id int REFERENCES p); INSERT INTO c VALUES (1); GRANT SELECT ON c TO reader";
  static const char *const orphans[] = { "fk-orphans", NULL };
  static const char *const rules[] = { "check-violated", NULL };
  static const char *const schemas[] = { "t", NULL };
  run_sql (server, schema, "unknown");
  IntegrityOptions options
      = { .ids = orphans, .schemas = schemas, .jobs = 2, .lock_timeout_ms = 200 };
  g_autoptr (IntegrityRun) denied = run_as (server, "reader", &options);
  expect_unknown (denied, "t.p: no privilege to read it");

  run_sql (server, "GRANT SELECT ON p TO reader; ALTER TABLE p ENABLE ROW LEVEL SECURITY", "RLS");
  g_autoptr (IntegrityRun) hidden = run_as (server, "reader", &options);
  expect_unknown (hidden, "row-level security");

  /* One rule that fails does not keep the other one of the same table from being looked at. */
  run_sql (server,
           "CREATE FUNCTION fails (x int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN"
           " true; END'; ALTER TABLE p ADD CONSTRAINT odd CHECK (fails(x));"
           "CREATE OR REPLACE FUNCTION fails (x int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS"
           " 'BEGIN RETURN 1 / (x - x); END'",
           "a rule that fails");
  options.ids = rules;
  g_autoptr (IntegrityRun) failing = run_as (server, "postgres", &options);
  expect_unknown (failing, "division by zero");
  const Coverage *coverage = failing->coverage->pdata[0];
  assert_int_equal (coverage->looked_at, 1);
  assert_int_equal (coverage->of, 2);
  assert_int_equal (coverage->unknown_count, 1);

  options.ids = orphans;
  run_sql (server, "BEGIN; LOCK TABLE p IN ACCESS EXCLUSIVE MODE", "a lock");
  g_autoptr (IntegrityRun) locked = run_as (server, "postgres", &options);
  expect_unknown (locked, "exclusive lock");
  run_sql (server, "ROLLBACK", "a lock");

  static const char *const ignore[] = { "fk-orphans:t.c.*", NULL };
  run_sql (server,
           "ALTER TABLE p DISABLE ROW LEVEL SECURITY; SET session_replication_role = replica;"
           " DELETE FROM p",
           "orphans to be ignored");
  options.ignore = ignore;
  g_autoptr (IntegrityRun) ignored = run_as (server, "postgres", &options);
  coverage = ignored->coverage->pdata[0];
  assert_int_equal (ignored->findings->len, 0);
  assert_int_equal (coverage->ignored_count, 1);
  assert_int_equal (coverage->looked_at, coverage->of);
  assert_int_equal (coverage->state, COVERAGE_OK);
  assert_int_equal (ignored->ignored->len, 1);
  const IgnoreUse *use = ignored->ignore_uses->pdata[0];
  assert_int_equal (use->finding_count, 1);
  assert_false (use->is_unused);
  options.ignore = NULL;
  g_autoptr (IntegrityRun) found = run_as (server, "reader", &options);
  assert_int_equal (found->findings->len, 1);
  assert_int_equal (integrity_run_count (found, CHECK_SEVERITY_CRITICAL), 1);
}

static void
test_declared (const Server *server)
{
  static const char *const ids[] = { "aggregate-declared", NULL };
  run_sql (server,
           "RESET ALL; SET client_min_messages = error; DROP SCHEMA IF EXISTS t CASCADE;"
           " CREATE SCHEMA t; SET search_path = t;"
           "CREATE TABLE p (id int PRIMARY KEY, seen int); INSERT INTO p VALUES (1, 2), (2, 0);"
           "CREATE TABLE c (p_id int REFERENCES p, good bool); INSERT INTO c VALUES (1, true),"
           " (1, true), (1, false)",
           "declared");
  IntegrityAggregate good = { .name = "seen",
                              .parent = "t.p",
                              .column = "seen",
                              .child = "t.c",
                              .expression = "count(*)",
                              .filter = "good" };
  IntegrityAggregate wrong = { .name = "wrong",
                               .parent = "t.nothing",
                               .column = "seen",
                               .child = "t.c",
                               .expression = "count(*)" };
  g_autoptr (GPtrArray) aggregates = g_ptr_array_new ();
  g_ptr_array_add (aggregates, &good);
  IntegrityOptions options = { .ids = ids, .aggregates = aggregates };
  g_autoptr (IntegrityRun) clean = run_as (server, "postgres", &options);
  assert_int_equal (((Coverage *) clean->coverage->pdata[0])->state, COVERAGE_OK);
  run_sql (server, "UPDATE c SET good = true", "declared");
  g_autoptr (IntegrityRun) drifted = run_as (server, "postgres", &options);
  assert_int_equal (drifted->findings->len, 1);
  const Finding *finding = drifted->findings->pdata[0];
  assert_int_equal (finding->rows, 1);
  expect_query (server, finding);
  run_sql (server, finding->fix, "recomputing");
  g_autoptr (IntegrityRun) repaired = run_as (server, "postgres", &options);
  assert_int_equal (repaired->findings->len, 0);
  g_ptr_array_add (aggregates, &wrong);
  g_autoptr (IntegrityRun) unknown = run_as (server, "postgres", &options);
  expect_unknown (unknown, "no such parent table");
  /* What cannot be looked at may be ignored as well, and is counted. */
  static const char *const ignore[]
      = { "aggregate-declared:wrong", "aggregate-declared:t.p.*", NULL };
  options.ignore = ignore;
  g_autoptr (IntegrityRun) ignored = run_as (server, "postgres", &options);
  assert_false (integrity_run_has_unknown (ignored));
  assert_int_equal (((Coverage *) ignored->coverage->pdata[0])->ignored_unknown_count, 1);
  assert_int_equal (((IgnoreUse *) ignored->ignore_uses->pdata[0])->unknown_count, 1);
  assert_int_equal (((IgnoreUse *) ignored->ignore_uses->pdata[1])->finding_count, 0);
  /* Times too, and a filter of several conditions. */
  run_sql (
      server,
      "ALTER TABLE p ADD last date; ALTER TABLE c ADD day date; UPDATE c SET day = '2026-01-02';"
      " INSERT INTO c VALUES (2, false, '2026-01-01'); UPDATE p SET last = '2026-01-02'",
      "a maximum");
  IntegrityAggregate last = { .parent = "t.p",
                              .column = "last",
                              .child = "t.c",
                              .expression = "max(c.day)",
                              .filter = "good OR day > '2020-01-01'" };
  aggregates->pdata[0] = &last;
  options.ignore = ignore;
  g_autoptr (IntegrityRun) late = run_as (server, "postgres", &options);
  assert_int_equal (late->ignored->len, 1);
  options.ignore = NULL;
  g_ptr_array_set_size (aggregates, 1);
  g_autoptr (IntegrityRun) later = run_as (server, "postgres", &options);
  assert_int_equal (later->findings->len, 1);
  finding = later->findings->pdata[0];
  assert_int_equal (finding->rows, 1);
  expect_query (server, finding);
  run_sql (server, finding->fix, "recomputing a maximum");
  g_autoptr (IntegrityRun) maximum = run_as (server, "postgres", &options);
  assert_int_equal (maximum->findings->len, 0);
}

static void
test_server (const Server *server)
{
  test_all (server);
  test_keys_found_again (server);
  test_unknown (server);
  test_declared (server);
}

static void
test_injected (void **state)
{
  (void) state;
  on_every_server (test_server);
  assert_int_equal (complaints, 0);
}

/* Each check has an identity of its own, is fully described, and is in the manual. */
static void
test_catalogue (void **state)
{
  (void) state;
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *path
      = g_build_filename (g_getenv ("PGKEEL_SOURCE_ROOT"), "docs", "integrity.md", NULL);
  g_autofree char *manual = NULL;
  assert_true (g_file_get_contents (path, &manual, NULL, NULL));
  const GPtrArray *all = integrity_checks ();
  assert_true (all->len >= 80);
  for (guint i = 0; i < all->len; i++)
    {
      const Check *check = all->pdata[i];
      g_autofree char *entry = g_strdup_printf ("`%s`", check->id);
      if (!g_hash_table_add (ids, (char *) check->id))
        complain ("two checks are called %s", check->id);
      if (strspn (check->id, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen (check->id))
        complain ("%s: only small letters, digits and hyphens", check->id);
      if (check->title == NULL || !g_str_has_suffix (check->why, ".")
          || !g_str_has_suffix (check->advice, "."))
        complain ("%s: why and advice are sentences", check->id);
      if (strstr (manual, entry) == NULL)
        complain ("docs/integrity.md does not describe %s", entry);
    }
  assert_int_equal (complaints, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[]
      = { cmocka_unit_test (test_catalogue), cmocka_unit_test (test_injected) };
  find_other_major ();
  return cmocka_run_group_tests (tests, NULL, NULL);
}
