/* The identity stamp, on real servers: what each verdict needs, and who may read it. */
#include "base/cancel.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "fixture.h"
#include "project/stamp.h"

#include <string.h>

static ScratchCluster *scratch;

static int
set_up_server (void **state)
{
  (void) state;
  cancel_install ();
  clear_environment ();
  g_autoptr (GError) error = NULL;
  int major = 0;
  g_autofree char *folder = binaries_find_server (0, &major, &error);
  assert_no_error (error);
  assert_non_null (folder);
  const ScratchSpec spec = { .major = major, .worker_count = 4 };
  bool started = scratch_start (&spec, &scratch, &error);
  assert_no_error (error);
  return started ? 0 : -1;
}

static int
tear_down_server (void **state)
{
  (void) state;
  g_clear_pointer (&scratch, scratch_free);
  return 0;
}

static DbConn *
connect_to (const char *database)
{
  DbConn *conn = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *url = scratch_url (scratch, database);
  bool connected = db_connect (url, NULL, &db_retry_none, &conn, &error);
  assert_no_error (error);
  assert_true (connected);
  return conn;
}

static void
run (DbConn *conn, const char *sql)
{
  g_autoptr (GError) error = NULL;
  bool done = db_exec (conn, sql, &error);
  assert_no_error (error);
  assert_true (done);
}

/* A new database, dropped and made again. */
static DbConn *
new_database (void)
{
  g_autoptr (DbConn) admin = connect_to ("postgres");
  run (admin, "DROP DATABASE IF EXISTS stamped");
  run (admin, "CREATE DATABASE stamped");
  return connect_to ("stamped");
}

static StampVerdict
verdict (DbConn *conn, const Project *project)
{
  g_auto (Stamp) stamp = { 0 };
  g_autoptr (GError) error = NULL;
  bool read = stamp_read (conn, project, &stamp, &error);
  assert_no_error (error);
  assert_true (read);
  return stamp.verdict;
}

static void
stamp (DbConn *conn, const Project *project)
{
  g_autoptr (GError) error = NULL;
  bool written = stamp_write (conn, project, &error);
  assert_no_error (error);
  assert_true (written);
}

/* False is a KEEL_ERROR_REFUSED with this message. */
static void
assert_check (DbConn *conn, const Project *project, const char *message)
{
  g_auto (Stamp) read = { 0 };
  g_autoptr (GError) error = NULL;
  assert_true (stamp_read (conn, project, &read, NULL));
  bool passed = stamp_check (&read, project, &error);
  if (message == NULL)
    {
      assert_no_error (error);
      assert_true (passed);
      return;
    }
  assert_false (passed);
  assert_string_equal (error->message, message);
  assert_true (keel_error_is (error, KEEL_ERROR_REFUSED));
  assert_non_null (keel_error_hint (error));
}

static Project *
open_as (const char *folder, const char *environment)
{
  write_file (folder, "pgkeel.yaml",
              "project: ledger\n"
              "environments:\n"
              "  development: {local: true}\n"
              "  staging: {url: postgres://a/b}\n"
              "  production: {url: postgres://a/b}\n");
  return open_project (folder, environment);
}

static void
test_a_database_without_a_stamp (void **state)
{
  g_autoptr (Project) project = open_as (*state, "production");
  g_autoptr (DbConn) conn = new_database ();
  assert_int_equal (verdict (conn, project), STAMP_NONE);
  assert_check (conn, project, NULL);
}

static void
test_a_stamp_matches_its_environment_only (void **state)
{
  g_autoptr (Project) staging = open_as (*state, "staging");
  g_autoptr (Project) production = open_as (*state, "production");
  g_autoptr (DbConn) conn = new_database ();
  stamp (conn, production);
  assert_int_equal (verdict (conn, production), STAMP_MATCHES);
  assert_int_equal (verdict (conn, staging), STAMP_MISMATCH);
  assert_check (conn, production, NULL);
  assert_check (conn, staging,
                "the database is stamped “production” of project “ledger”, but “staging” of "
                "project “ledger” was chosen");
  write_file (*state, "pgkeel.yaml",
              "project: other\nenvironments:\n  production: {url: postgres://a/b}\n");
  g_autoptr (Project) other = open_project (*state, "production");
  assert_int_equal (verdict (conn, other), STAMP_MISMATCH);
}

static void
test_stamping_again_replaces (void **state)
{
  g_autoptr (Project) staging = open_as (*state, "staging");
  g_autoptr (Project) production = open_as (*state, "production");
  g_autoptr (DbConn) conn = new_database ();
  stamp (conn, production);
  stamp (conn, staging);
  g_auto (Stamp) read = { 0 };
  assert_true (stamp_read (conn, staging, &read, NULL));
  assert_int_equal (read.verdict, STAMP_MATCHES);
  assert_string_equal (read.project, "ledger");
  assert_string_equal (read.environment, "staging");
  assert_int_equal (strlen (read.stamped_at), strlen ("2025-04-22T02:00:00Z"));
  g_autofree char *rows = NULL;
  g_autofree char *cluster = NULL;
  assert_true (db_query_text (conn, "SELECT count(*) FROM pgkeel.identity", 0, NULL, &rows, NULL));
  assert_string_equal (rows, "1");
  assert_true (db_query_text (conn, "SELECT system_identifier::text FROM pg_control_system()", 0,
                              NULL, &cluster, NULL));
  assert_string_equal (read.system_identifier, cluster);
}

/* What a dump restored on another cluster looks like. */
static void
test_a_copy (void **state)
{
  g_autoptr (Project) staging = open_as (*state, "staging");
  g_autoptr (Project) production = open_as (*state, "production");
  g_autoptr (DbConn) conn = new_database ();
  stamp (conn, production);
  run (conn, "UPDATE pgkeel.identity SET system_identifier = '7000000000000000001'");
  assert_int_equal (verdict (conn, production), STAMP_COPY);
  assert_int_equal (verdict (conn, staging), STAMP_COPY);
  assert_check (conn, staging, NULL);
  assert_check (conn, production,
                "the database is a copy: it was stamped “production” of project “ledger” on "
                "another cluster, and “production” is protected");
  stamp (conn, staging);
  assert_int_equal (verdict (conn, staging), STAMP_MATCHES);
}

static void
test_without_privileges_the_answer_is_unknown (void **state)
{
  g_autoptr (Project) project = open_as (*state, "staging");
  g_autoptr (DbConn) conn = new_database ();
  stamp (conn, project);
  run (conn, "DROP ROLE IF EXISTS plain; CREATE ROLE plain; SET ROLE plain");
  assert_int_equal (verdict (conn, project), STAMP_MATCHES);
  run (conn, "RESET ROLE; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;"
             "SET ROLE plain");
  assert_int_equal (verdict (conn, project), STAMP_UNKNOWN);
  assert_check (conn, project,
                "the database's identity stamp cannot be read, so “staging” cannot be told from "
                "another environment");
  run (conn, "RESET ROLE; GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC;"
             "REVOKE SELECT ON pgkeel.identity FROM PUBLIC; SET ROLE plain");
  assert_int_equal (verdict (conn, project), STAMP_UNKNOWN);
  run (conn, "RESET ROLE; REVOKE USAGE ON SCHEMA pgkeel FROM PUBLIC; SET ROLE plain");
  assert_int_equal (verdict (conn, project), STAMP_UNKNOWN);
  g_autoptr (GError) error = NULL;
  assert_false (stamp_write (conn, project, &error));
  assert_true (g_str_has_prefix (error->message, "writing the identity stamp: permission denied"));
  assert_non_null (keel_error_hint (error));
  /* The session goes on: the failed transaction was rolled back. */
  run (conn, "RESET ROLE");
  assert_int_equal (verdict (conn, project), STAMP_MATCHES);
}

static void
test_a_foreign_table_of_that_name_is_an_error (void **state)
{
  g_autoptr (Project) project = open_as (*state, "staging");
  g_autoptr (DbConn) conn = new_database ();
  run (conn, "CREATE SCHEMA pgkeel; CREATE TABLE pgkeel.identity (something text)");
  g_auto (Stamp) read = { 0 };
  g_autoptr (GError) error = NULL;
  assert_false (stamp_read (conn, project, &read, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_SERVER));
  assert_int_equal (read.verdict, STAMP_UNKNOWN);
}

static void
test_a_stamp_written_in_a_read_only_database_fails (void **state)
{
  g_autoptr (Project) project = open_as (*state, "staging");
  g_autoptr (DbConn) conn = new_database ();
  run (conn, "SET default_transaction_read_only = on");
  g_autoptr (GError) error = NULL;
  assert_false (stamp_write (conn, project, &error));
  assert_int_equal (verdict (conn, project), STAMP_NONE);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
    TEST (test_a_database_without_a_stamp),
    TEST (test_a_stamp_matches_its_environment_only),
    TEST (test_stamping_again_replaces),
    TEST (test_a_copy),
    TEST (test_without_privileges_the_answer_is_unknown),
    TEST (test_a_foreign_table_of_that_name_is_an_error),
    TEST (test_a_stamp_written_in_a_read_only_database_fails),
  };
  return cmocka_run_group_tests (tests, set_up_server, tear_down_server);
}
