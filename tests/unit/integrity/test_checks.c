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

static void
test_injected (void **state)
{
  (void) state;
  on_every_server (test_all);
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
