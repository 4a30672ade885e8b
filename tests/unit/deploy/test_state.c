/* What a database held before and holds now, on a real server. */
#include "../server.h"

#include "deploy/constraints.h"
#include "deploy/state.h"

#include <string.h>

static DbConn *conn;

static int
start (void **state)
{
  if (start_server (state) != 0)
    return -1;
  conn = make_database ("shop");
  run (conn, "CREATE SCHEMA s;"
             "CREATE TABLE s.\"Item\" (id int PRIMARY KEY, name text, price int);"
             "INSERT INTO s.\"Item\" SELECT i, 'item ' || i, i % 7 FROM generate_series(1, 500) i;"
             "CREATE TABLE public.purchase (id int PRIMARY KEY, item int REFERENCES s.\"Item\","
             "                              CONSTRAINT sane CHECK (id > 0));"
             "INSERT INTO public.purchase SELECT i, i FROM generate_series(1, 20) i;"
             "CREATE SCHEMA pgkeel; CREATE TABLE pgkeel.migration (id int);"
             "CREATE TABLE public.alembic_version (version_num varchar(32));"
             "SELECT pg_catalog.lo_from_bytea(7, 'large');");
  return 0;
}

static int
stop (void **state)
{
  db_conn_free (conn);
  return stop_server (state);
}

static DeployState *
read_state (const DeployState *like)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *url = scratch_url (scratch, "shop");
  DeployStateSpec spec = { .url = url, .database = "shop", .job_count = 2 };
  DeployState *state = NULL;
  bool done = deploy_state_read (&spec, like, NULL, &state, &error);
  assert_no_error (error);
  assert_true (done);
  return state;
}

/* Each change in SQL must be told as exactly these lines, and be forgotten once UNDO has run. */
typedef struct
{
  const char *sql, *undo, *losses;
  guint equal_tables;
} Change;

static const Change changes[] = {
  { "SELECT 1", "SELECT 1", "", 2 },
  { "UPDATE s.\"Item\" SET price = 100 WHERE id = 3",
    "UPDATE s.\"Item\" SET price = 3 WHERE id = 3",
    "column price of table s.\"Item\" has other values than before\n", 1 },
  { "UPDATE s.\"Item\" SET name = NULL WHERE id <= 100",
    "UPDATE s.\"Item\" SET name = 'item ' || id WHERE id <= 100",
    "column name of table s.\"Item\" has lost values: 400 are left of 500\n", 1 },
  { "DELETE FROM public.purchase WHERE id = 1", "INSERT INTO public.purchase VALUES (1, 1)",
    "table public.purchase has 19 rows instead of 20\n", 1 },
  { "ALTER TABLE s.\"Item\" DROP COLUMN price",
    "ALTER TABLE s.\"Item\" ADD COLUMN price int; UPDATE s.\"Item\" SET price = id % 7",
    "column price of table s.\"Item\" is missing; it had 500 values\n", 1 },
  { "ALTER TABLE public.purchase RENAME TO bought", "ALTER TABLE public.bought RENAME TO purchase",
    "table public.purchase is missing; it had 20 rows\n", 1 },
  /* The same values, but not in the same rows. */
  { "UPDATE s.\"Item\" SET price = CASE id WHEN 1 THEN 2 ELSE 1 END WHERE id IN (1, 2)",
    "UPDATE s.\"Item\" SET price = id WHERE id IN (1, 2)",
    "the rows of table s.\"Item\" hold the same values in other combinations\n", 1 },
  { "SELECT pg_catalog.lo_put(7, 0, 'other')", "SELECT pg_catalog.lo_put(7, 0, 'large')",
    "large objects differ: 1 instead of 1\n", 2 },
  /* What was added, and what belongs to the tools, is no loss. */
  { "CREATE TABLE public.more (id int); INSERT INTO public.more VALUES (1);"
    "INSERT INTO public.alembic_version VALUES ('a1'); INSERT INTO pgkeel.migration VALUES (1);"
    "ALTER TABLE s.\"Item\" ADD COLUMN more int DEFAULT 3",
    "DROP TABLE public.more; ALTER TABLE s.\"Item\" DROP COLUMN more", "", 2 },
};

static void
assert_losses (const DeployState *before, const char *what, const char *expected, guint equal)
{
  g_autoptr (DeployState) now = read_state (before);
  guint equal_tables;
  g_autoptr (GPtrArray) losses = deploy_state_compare (before, now, &equal_tables);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < losses->len; i++)
    g_string_append_printf (text, "%s\n", ((const DeployLoss *) losses->pdata[i])->text);
  if (strcmp (text->str, expected) != 0 || equal_tables != equal)
    fail_msg ("%s: %u tables are equal\n%s", what, equal_tables, text->str);
}

static void
test_data (void **state)
{
  (void) state;
  g_autoptr (DeployState) before = read_state (NULL);
  assert_int_equal (deploy_state_table_count (before), 2);
  assert_int_equal (deploy_state_rows (before), 520);
  for (size_t i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      run (conn, changes[i].sql);
      assert_losses (before, changes[i].sql, changes[i].losses, changes[i].equal_tables);
      run (conn, changes[i].undo);
      assert_losses (before, changes[i].undo, "", 2);
    }
}

static GPtrArray *
read_schema (void)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *objects = NULL;
  bool done = deploy_schema_read (conn, &objects, &error);
  assert_no_error (error);
  assert_true (done);
  return objects;
}

static void
test_schema (void **state)
{
  static const char *const expected[] = {
    "column public.purchase.item is defined otherwise (- *integer*; + *bigint*)",
    "column public.purchase.note was not there before",
    "constraint *sane* is missing",
    "index s.by_price was not there before",
  };
  (void) state;
  g_autoptr (GPtrArray) before = read_schema ();
  run (conn, "CREATE INDEX by_price ON s.\"Item\" (price);"
             "ALTER TABLE public.purchase ADD COLUMN note text, DROP CONSTRAINT sane,"
             "  ALTER COLUMN item TYPE bigint;"
             "ALTER TABLE public.alembic_version ADD COLUMN more int;"
             "CREATE TABLE pgkeel.more (id int); CREATE TABLE public.django_migrations (id int)");
  g_autoptr (GPtrArray) now = read_schema ();
  g_autoptr (GPtrArray) lines = deploy_schema_compare (before, now);
  assert_int_equal (lines->len, G_N_ELEMENTS (expected));
  for (size_t i = 0; i < G_N_ELEMENTS (expected); i++)
    if (!g_pattern_match_simple (expected[i], lines->pdata[i]))
      fail_msg ("“%s” is told as “%s”", expected[i], (const char *) lines->pdata[i]);
  g_autoptr (GPtrArray) none = deploy_schema_compare (now, now);
  assert_int_equal (none->len, 0);
  run (conn, "DROP INDEX s.by_price; ALTER TABLE public.purchase DROP COLUMN note,"
             "  ADD CONSTRAINT sane CHECK (id > 0), ALTER COLUMN item TYPE int");
}

/* Rows that came in behind the server's back, and what is only marked. */
static void
test_constraints (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_auto (ConstraintCheck) good = { 0 };
  assert_true (constraint_check_run (conn, &good, &error));
  assert_no_error (error);
  assert_int_equal (good.total, 2);
  assert_int_equal (g_hash_table_size (good.broken), 0);
  assert_int_equal (good.not_valid->len, 0);
  run (conn, "SET session_replication_role = replica;"
             "UPDATE public.purchase SET item = 1000 WHERE id = 2;"
             "SET session_replication_role = origin;"
             "ALTER TABLE s.\"Item\" ADD CONSTRAINT cheap CHECK (price < 3) NOT VALID");
  g_auto (ConstraintCheck) bad = { 0 };
  assert_true (constraint_check_run (conn, &bad, &error));
  assert_no_error (error);
  assert_int_equal (bad.total, 3);
  assert_int_equal (g_hash_table_size (bad.broken), 2);
  assert_int_equal (bad.not_valid->len, 1);
  /* It has looked only. */
  g_autofree char *valid = NULL;
  assert_true (
      db_query_text (conn,
                     "SELECT pg_catalog.string_agg(convalidated::text, ' ' ORDER BY conname)\n"
                     "  FROM pg_catalog.pg_constraint WHERE contype IN ('c', 'f')\n"
                     "   AND connamespace IN ('s'::regnamespace, 'public'::regnamespace)",
                     0, NULL, &valid, &error));
  assert_string_equal (valid, "false true true");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_data),
    cmocka_unit_test (test_schema),
    cmocka_unit_test (test_constraints),
  };
  return cmocka_run_group_tests (tests, start, stop);
}
