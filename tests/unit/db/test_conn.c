/* Connections, statements and COPY against a real server. */
#include "../testing.h"
#include "base/cancel.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "db/conn.h"
#include "db/copy.h"
#include "db/internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static ScratchCluster *scratch;
static char *url;

static int
start_server (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  ScratchSpec spec = { .worker_count = 4 };
  g_autofree char *folder = binaries_find_server (0, &spec.major, &error);
  if (folder == NULL || !scratch_start (&spec, &scratch, &error))
    {
      print_error ("%s\n", error->message);
      return -1;
    }
  url = scratch_url (scratch, "postgres");
  return 0;
}

static int
stop_server (void **state)
{
  (void) state;
  scratch_free (scratch);
  g_free (url);
  return 0;
}

static DbConn *
connect_as (const char *target, const char *database)
{
  g_autoptr (GError) error = NULL;
  DbConn *conn = NULL;
  bool connected = db_connect (target, database, &db_retry_none, &conn, &error);
  assert_no_error (error);
  assert_true (connected);
  return conn;
}

static void
execute (DbConn *conn, const char *sql)
{
  g_autoptr (GError) error = NULL;
  bool done = db_exec (conn, sql, &error);
  assert_no_error (error);
  assert_true (done);
}

static void
assert_answer (DbConn *conn, const char *sql, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  bool done = db_query_text (conn, sql, 0, NULL, &text, &error);
  assert_no_error (error);
  assert_true (done);
  assert_string_equal (text, expected);
}

/* Without a server. */

static void
test_quoting (void **state)
{
  (void) state;
  g_autofree char *ident = db_quote_ident ("a\"b.c");
  g_autofree char *name = db_quote_name ("My Schema", "x");
  g_autofree char *literal = db_quote_literal ("it's \\ a");
  assert_string_equal (ident, "\"a\"\"b.c\"");
  assert_string_equal (name, "\"My Schema\".\"x\"");
  assert_string_equal (literal, "'it''s \\ a'");
}

static void
test_conninfo_separates_the_password (void **state)
{
  (void) state;
  g_autofree char *password = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = db_conninfo ("postgresql://me:s%20'%5Cx@h:5433/d?sslmode=require",
                                       "o'ther \\", &password, &error);
  assert_no_error (error);
  assert_string_equal (password, "s '\\x");
  assert_null (strstr (text, "s '"));
  assert_null (strstr (text, "password"));
  assert_non_null (strstr (text, "dbname='o\\'ther \\\\'"));
  assert_non_null (strstr (text, "host='h'"));
  assert_non_null (strstr (text, "port='5433'"));
  assert_non_null (strstr (text, "sslmode='require'"));
  /* PGHOSTADDR must not lead elsewhere. */
  assert_non_null (strstr (text, "hostaddr=''"));
}

static void
test_other_secrets_stay_out_of_arguments (void **state)
{
  (void) state;
  const char *target = "postgresql://me@h/d?sslpassword=topsecret";
  g_autoptr (GError) error = NULL;
  g_autofree char *password = NULL;
  g_autofree char *text = db_conninfo (target, NULL, &password, &error);
  assert_null (text);
  assert_true (keel_error_is (error, KEEL_ERROR_CONFIG));
  assert_non_null (strstr (error->message, "sslpassword"));
  assert_null (strstr (error->message, "topsecret"));
  assert_non_null (strstr (keel_error_hint (error), "service file"));
  /* Our own connections pass it in memory. */
  g_autofree char *own = db_conninfo (target, NULL, NULL, NULL);
  assert_non_null (own);
}

static void
test_malformed_urls_hide_the_password (void **state)
{
  (void) state;
  static const char *const urls[]
      = { "postgresql://me:topsecret@h:5432:1/d", "postgresql://me:topsecret@h/d?no_such=1",
          "host=h password=topsecret nonsense" };
  for (size_t i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      g_autoptr (GError) error = NULL;
      DbConn *conn = NULL;
      assert_false (db_connect (urls[i], NULL, &db_retry_none, &conn, &error));
      assert_null (conn);
      assert_int_not_equal (keel_error_exit_code (error), 0);
      assert_null (strstr (error->message, "topsecret"));
      assert_non_null (keel_error_hint (error));
    }
}

static void
test_old_servers_are_refused (void **state)
{
  (void) state;
  static const struct
  {
    int version;
    const char *message;
  } cases[] = {
    { 90624, "the server is PostgreSQL 9.6, which is too old" },
    { 120022, "the server is PostgreSQL 12.22, which is too old" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      assert_false (db_check_version (cases[i].version, &error));
      assert_string_equal (error->message, cases[i].message);
      assert_int_equal (keel_error_exit_code (error), 5);
      assert_string_equal (keel_error_hint (error),
                           "pgkeel works with PostgreSQL 13 to 18; upgrade the server.");
    }
  assert_true (db_check_version (130000, NULL));
  assert_true (db_check_version (180001, NULL));
}

/* Connecting. */

/* MESSAGE and HINT: parts of what is said. */
static void
assert_refused (const char *target, const char *message, const char *hint)
{
  g_autoptr (GError) error = NULL;
  DbConn *conn = NULL;
  assert_false (db_connect (target, NULL, &db_retry_none, &conn, &error));
  assert_null (conn);
  print_message ("%s\n", error->message);
  assert_int_equal (keel_error_exit_code (error), 4);
  assert_non_null (strstr (error->message, message));
  assert_null (strpbrk (error->message, "\n\t"));
  assert_null (strstr (error->message, "topsecret"));
  assert_non_null (keel_error_hint (error));
  assert_non_null (strstr (keel_error_hint (error), hint));
}

static void
test_failed_connections_have_hints (void **state)
{
  (void) state;
  g_autofree char *no_database = scratch_url (scratch, "nowhere");
  g_autofree char *no_role
      = g_strdup_printf ("postgresql://nobody_here:topsecret@%s", strstr (url, "@") + 1);
  assert_refused (no_database, "database \"nowhere\" does not exist", "Create the database");
  assert_refused (no_role, "role \"nobody_here\" does not exist",
                  "Create the database or the role");
  assert_refused ("postgresql://me:topsecret@127.0.0.1:9/d", "Connection refused",
                  "No server listens there");
  assert_refused ("postgresql://me:topsecret@no-such-host.invalid/d",
                  "could not translate host name", "the name does not resolve");
  assert_refused ("host=/nonexistent dbname=d", "No such file or directory", "pgkeel db start");
}

/* In a process of its own: what CODE tells its parent is its exit code. */
static int
in_child (int (*code) (void))
{
  pid_t child = fork ();
  if (child == 0)
    _exit (code ());
  int status = -1;
  assert_int_equal (waitpid (child, &status, 0), child);
  assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static gpointer
cancel_soon (gpointer data)
{
  (void) data;
  g_usleep (300000);
  cancel_request ();
  return NULL;
}

/* A host that takes the connection and stays silent. */
static int
connect_to_silence (void)
{
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM, 0);
  if (bind (listener, (struct sockaddr *) &address, sizeof address) != 0
      || listen (listener, 8) != 0
      || getsockname (listener, (struct sockaddr *) &address, &length) != 0)
    return 1;
  g_autofree char *target = g_strdup_printf ("postgresql://me@127.0.0.1:%d/d?sslmode=disable",
                                             ntohs (address.sin_port));
  cancel_install ();
  g_thread_unref (g_thread_new ("cancel", cancel_soon, NULL));
  g_autoptr (GError) error = NULL;
  DbConn *conn = NULL;
  int64_t begin = g_get_monotonic_time ();
  if (db_connect (target, NULL, &db_retry_default, &conn, &error))
    return 2;
  bool soon = g_get_monotonic_time () - begin < 3 * G_USEC_PER_SEC;
  return keel_error_is (error, KEEL_ERROR_CANCELLED) && soon ? 42 : 3;
}

static void
test_connecting_can_be_interrupted (void **state)
{
  (void) state;
  assert_int_equal (in_child (connect_to_silence), 42);
}

static int
interrupt_a_statement (void)
{
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  g_autoptr (DbConn) other = connect_as (url, NULL);
  g_autoptr (GError) error = NULL;
  cancel_install ();
  g_thread_unref (g_thread_new ("cancel", cancel_soon, NULL));
  if (db_exec (conn, "BEGIN; CREATE TABLE public.half (); SELECT pg_sleep(30)", &error)
      || !keel_error_is (error, KEEL_ERROR_CANCELLED))
    return 1;
  /* The session is usable, but not before the cancellation is held off. */
  if (!db_rollback (conn) || db_exec (other, "SELECT 1", NULL))
    return 2;
  cancel_hold ();
  g_autofree char *text = NULL;
  bool done = db_query_text (conn,
                             "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class"
                             " WHERE relname = 'half'",
                             0, NULL, &text, NULL);
  DbConn *third = NULL;
  bool connected = db_connect (url, NULL, &db_retry_none, &third, NULL);
  cancel_release ();
  return done && connected && strcmp (text, "0") == 0 && cancel_requested () ? 42 : 3;
}

static void
test_statements_can_be_interrupted (void **state)
{
  (void) state;
  assert_int_equal (in_child (interrupt_a_statement), 42);
}

/* Limits that an administrator set for the role would cut a dump off. */
static void
test_no_timeouts (void **state)
{
  (void) state;
  static const struct
  {
    const char *name;
    int since;
  } limits[] = { { "statement_timeout", 13 },
                 { "lock_timeout", 13 },
                 { "idle_in_transaction_session_timeout", 13 },
                 { "idle_session_timeout", 14 },
                 { "transaction_timeout", 17 } };
  g_autoptr (DbConn) admin = connect_as (url, NULL);
  execute (admin, "CREATE ROLE limited SUPERUSER LOGIN");
  for (size_t i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autofree char *sql = g_strdup_printf ("ALTER ROLE limited SET %s = '1h'", limits[i].name);
      if (db_server_major (admin) >= limits[i].since)
        execute (admin, sql);
    }
  g_autofree char *target = g_strdup_printf ("postgresql://limited@%s", strstr (url, "@") + 1);
  g_autoptr (DbConn) conn = connect_as (target, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autofree char *sql = g_strdup_printf ("SHOW %s", limits[i].name);
      if (db_server_major (admin) >= limits[i].since)
        assert_answer (conn, sql, "0");
    }
}

/* Statements. */

static void
test_parameters_and_results (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  const char *const params[] = { "it's", NULL, "9007199254740993" };
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GError) error = NULL;
  assert_true (db_query (
      conn,
      "SELECT $1::text, $2::text, $3::bigint, true, ''::text UNION ALL SELECT 'b', 'c', -1, "
      "false, NULL ORDER BY 3 DESC",
      3, params, &result, &error));
  assert_no_error (error);
  assert_int_equal (db_result_rows (result), 2);
  assert_string_equal (db_result_text (result, 0, 0), "it's");
  assert_true (db_result_is_null (result, 0, 1));
  assert_string_equal (db_result_text (result, 0, 1), "");
  assert_true (db_result_int64 (result, 0, 2) == INT64_C (9007199254740993));
  assert_true (db_result_bool (result, 0, 3));
  assert_false (db_result_is_null (result, 0, 4));
  assert_false (db_result_bool (result, 1, 3));
  assert_true (db_result_is_null (result, 1, 4));
  g_autofree char *none = g_strdup ("x");
  g_free (none);
  none = NULL;
  assert_true (db_query_text (conn, "SELECT 1 WHERE false", 0, NULL, &none, &error));
  assert_null (none);
}

static void
test_errors_carry_what_the_server_said (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  g_autoptr (GError) error = NULL;
  assert_false (db_exec (conn, "CREATE TABLE public.kept (); SELECT 1/0", &error));
  assert_true (keel_error_is (error, KEEL_ERROR_SERVER));
  assert_string_equal (keel_error_sqlstate (error), "22012");
  assert_string_equal (error->message, "division by zero");
  assert_int_equal (keel_error_exit_code (error), 5);
  g_clear_error (&error);
  assert_answer (conn, "SELECT count(*) FROM pg_class WHERE relname = 'kept'", "0");
  execute (conn, "CREATE TABLE public.u (a int PRIMARY KEY); INSERT INTO public.u VALUES (1)");
  assert_false (db_exec (conn, "INSERT INTO public.u VALUES (1)", &error));
  assert_string_equal (keel_error_sqlstate (error), "23505");
  assert_string_equal (keel_error_detail (error), "Key (a)=(1) already exists.");
  assert_non_null (strstr (keel_error_hint (error), "duplicates"));
  execute (conn, "DROP TABLE public.u");
}

static void
test_rollback (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  assert_true (db_rollback (conn));
  execute (conn, "BEGIN");
  assert_false (db_exec (conn, "SELECT 1/0", NULL));
  assert_false (db_exec (conn, "SELECT 1", NULL));
  assert_true (db_rollback (conn));
  assert_answer (conn, "SELECT 1", "1");
}

static void
test_lost_connection (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  g_autoptr (DbConn) admin = connect_as (url, NULL);
  g_autofree char *sql
      = g_strdup_printf ("SELECT pg_terminate_backend(%d, 5000)", db_backend_pid (conn));
  if (db_server_major (admin) >= 14)
    assert_answer (admin, sql, "t");
  g_autoptr (GError) first = NULL, second = NULL;
  assert_false (db_exec (conn, "SELECT 1", &first));
  assert_string_equal (keel_error_sqlstate (first), "57P01");
  assert_false (db_exec (conn, "SELECT 1", &second));
  assert_int_equal (keel_error_exit_code (second), 4);
  assert_non_null (keel_error_hint (second));
  assert_false (db_rollback (conn));
}

/* COPY. */

typedef struct
{
  guint rows;
  size_t bytes;
  guint stop_after;
} Seen;

static bool
see_row (const char *line, size_t length, void *data, GError **error)
{
  Seen *seen = data;
  assert_int_equal (line[length - 1], '\n');
  seen->rows++;
  seen->bytes += length;
  if (seen->rows == seen->stop_after)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "seen enough");
  return true;
}

static void
test_copy_out (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  g_autoptr (GError) error = NULL;
  Seen all = { 0 };
  assert_true (db_copy_out (conn, "COPY (SELECT * FROM generate_series(1, 100000)) TO STDOUT",
                            see_row, &all, &error));
  assert_no_error (error);
  assert_int_equal (all.rows, 100000);
  assert_int_equal (all.bytes, 588895);
  Seen none = { 0 };
  assert_true (db_copy_out (conn, "COPY (SELECT 1 WHERE false) TO STDOUT", see_row, &none, &error));
  assert_int_equal (none.rows, 0);
  Seen long_row = { 0 };
  assert_true (db_copy_out (conn, "COPY (SELECT repeat('x', 20000000)) TO STDOUT", see_row,
                            &long_row, &error));
  assert_int_equal (long_row.bytes, 20000001);
}

static void
test_copy_out_that_ends_early (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  g_autoptr (GError) error = NULL;
  Seen some = { .stop_after = 10 };
  assert_false (db_copy_out (conn, "COPY (SELECT * FROM generate_series(1, 10000000)) TO STDOUT",
                             see_row, &some, &error));
  assert_string_equal (error->message, "seen enough");
  assert_int_equal (some.rows, 10);
  g_clear_error (&error);
  assert_answer (conn, "SELECT 1", "1");

  Seen rest = { 0 };
  assert_false (db_copy_out (conn,
                             "COPY (SELECT 1/(1000-x) FROM generate_series(1, 2000) x) TO STDOUT",
                             see_row, &rest, &error));
  assert_string_equal (keel_error_sqlstate (error), "22012");
  assert_answer (conn, "SELECT 2", "2");
  g_clear_error (&error);
  assert_false (db_copy_out (conn, "SELECT 1", see_row, &rest, &error));
  assert_non_null (error);
  assert_answer (conn, "SELECT 3", "3");
}

static void
test_copy_in (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_as (url, NULL);
  g_autoptr (GError) error = NULL;
  static const char stream[] = "1\ta\n2\t\\N\n3\tb\\tc\n";
  uint64_t rows = 0;
  execute (conn, "CREATE TABLE public.t (a int, b text)");
  assert_true (db_copy_in_begin (conn, "COPY public.t FROM STDIN", &error));
  for (size_t i = 0; i < strlen (stream); i++)
    assert_true (db_copy_in_write (conn, stream + i, 1, &error));
  assert_true (db_copy_in_end (conn, &rows, &error));
  assert_no_error (error);
  assert_int_equal (rows, 3);
  assert_answer (conn, "SELECT string_agg(coalesce(b, 'NULL'), ',' ORDER BY a) FROM public.t",
                 "a,NULL,b\tc");

  assert_true (db_copy_in_begin (conn, "COPY public.t FROM STDIN", &error));
  assert_true (db_copy_in_write (conn, "4\td\nx\ty\n", 8, &error));
  assert_false (db_copy_in_end (conn, &rows, &error));
  assert_string_equal (keel_error_sqlstate (error), "22P02");
  g_clear_error (&error);
  assert_answer (conn, "SELECT count(*) FROM public.t", "3");

  assert_true (db_copy_in_begin (conn, "COPY public.t FROM STDIN", &error));
  assert_true (db_copy_in_write (conn, "4\td\n", 4, &error));
  db_copy_in_abort (conn);
  assert_answer (conn, "SELECT count(*) FROM public.t", "3");
  execute (conn, "DROP TABLE public.t");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_quoting),
    cmocka_unit_test (test_conninfo_separates_the_password),
    cmocka_unit_test (test_other_secrets_stay_out_of_arguments),
    cmocka_unit_test (test_malformed_urls_hide_the_password),
    cmocka_unit_test (test_old_servers_are_refused),
    cmocka_unit_test (test_failed_connections_have_hints),
    cmocka_unit_test (test_connecting_can_be_interrupted),
    cmocka_unit_test (test_statements_can_be_interrupted),
    cmocka_unit_test (test_no_timeouts),
    cmocka_unit_test (test_parameters_and_results),
    cmocka_unit_test (test_errors_carry_what_the_server_said),
    cmocka_unit_test (test_rollback),
    cmocka_unit_test (test_lost_connection),
    cmocka_unit_test (test_copy_out),
    cmocka_unit_test (test_copy_out_that_ends_early),
    cmocka_unit_test (test_copy_in),
  };
  return cmocka_run_group_tests (tests, start_server, stop_server);
}
