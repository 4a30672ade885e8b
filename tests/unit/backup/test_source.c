/* What is asked of a database beside pg_dump, against a real server. */
#include "../testing.h"
#include "backup/source.h"
#include "db/binaries.h"
#include "db/cluster.h"

static ScratchCluster *scratch;
static DbConn *conn;

static int
start_server (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  ScratchSpec spec = { .worker_count = 1 };
  g_autofree char *folder = binaries_find_server (0, &spec.major, &error);
  bool started = folder != NULL && scratch_start (&spec, &scratch, &error);
  g_autofree char *url = started ? scratch_url (scratch, "postgres") : NULL;
  if (started && db_connect (url, NULL, &db_retry_none, &conn, &error))
    return 0;
  print_error ("%s\n", error->message);
  return -1;
}

static int
stop_server (void **state)
{
  (void) state;
  db_conn_free (conn);
  scratch_free (scratch);
  return 0;
}

static void
assert_public_schema (const char *grants, int server_major, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *sql = NULL;
  bool done = db_exec (conn, grants, &error)
              && source_read_public_schema (conn, server_major, &sql, &error);
  assert_no_error (error);
  assert_true (done);
  assert_string_equal (g_strstrip (sql), expected);
}

/* pg_dump of version 15 and later writes nothing for a schema public that is closed to others, as it
 * then is everywhere; on older servers it is open. */
static void
test_closed_schema_public_stays_closed_on_old_servers (void **state)
{
  (void) state;
  static const char revoke[] = "REVOKE CREATE ON SCHEMA public FROM PUBLIC;";
  assert_public_schema ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", 14, revoke);
  assert_public_schema ("REVOKE ALL ON SCHEMA public FROM PUBLIC", 13, revoke);
  assert_public_schema ("SELECT 1", 15, "");
  assert_public_schema ("GRANT CREATE ON SCHEMA public TO PUBLIC", 14, "");
  assert_public_schema ("DROP SCHEMA public", 14, "");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_closed_schema_public_stays_closed_on_old_servers),
  };
  return cmocka_run_group_tests (tests, start_server, stop_server);
}
