/* Scratch clusters, on real servers of every major version that is installed. */
#include "../testing.h"
#include "base/cancel.h"
#include "base/fs.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "db/conn.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *parent;

static int
make_parent (void **state)
{
  (void) state;
  parent = g_strdup ("/tmp/pgkeel-test-XXXXXX");
  return g_mkdtemp (parent) != NULL && chmod (parent, 0755) == 0 ? 0 : -1;
}

static int
remove_parent (void **state)
{
  (void) state;
  bool removed = fs_remove_tree (parent, NULL);
  g_clear_pointer (&parent, g_free);
  return removed ? 0 : -1;
}

static guint
count_entries (const char *folder)
{
  g_autoptr (GDir) entries = g_dir_open (folder, 0, NULL);
  guint count = 0;
  assert_non_null (entries);
  while (g_dir_read_name (entries) != NULL)
    count++;
  return count;
}

static int
newest_major (void)
{
  g_autoptr (GError) error = NULL;
  int major = 0;
  g_autofree char *folder = binaries_find_server (0, &major, &error);
  assert_no_error (error);
  assert_non_null (folder);
  return major;
}

static ScratchCluster *
start (int major)
{
  const ScratchSpec spec = { .major = major, .parent = parent, .worker_count = 4 };
  ScratchCluster *scratch = NULL;
  g_autoptr (GError) error = NULL;
  bool started = scratch_start (&spec, &scratch, &error);
  assert_no_error (error);
  assert_true (started);
  return scratch;
}

static void
assert_query (DbConn *conn, const char *sql, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  bool done = db_query_text (conn, sql, 0, NULL, &text, &error);
  assert_no_error (error);
  assert_true (done);
  assert_string_equal (text, expected);
}

static DbConn *
connect_to (const ScratchCluster *scratch)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *url = scratch_url (scratch, "postgres");
  DbConn *conn = NULL;
  bool connected = db_connect (url, NULL, &db_retry_none, &conn, &error);
  assert_no_error (error);
  assert_true (connected);
  return conn;
}

static void
check_major (int major)
{
  int64_t begin = g_get_monotonic_time ();
  ScratchCluster *scratch = start (major);
  int64_t started = g_get_monotonic_time ();
  DbConn *conn = connect_to (scratch);
  assert_int_equal (db_server_major (conn), major);
  assert_query (conn, "SHOW fsync", "off");
  assert_query (conn, "SHOW wal_level", "minimal");
  assert_query (conn, "SHOW server_encoding", "UTF8");
  assert_query (conn, "SHOW listen_addresses", "");
  assert_query (conn, "SELECT current_setting('max_connections')::int >= 4 + 10", "t");
  g_autoptr (GError) error = NULL;
  g_autofree char *space = NULL;
  assert_true (scratch_make_folder (scratch, "space one", &space, &error));
  assert_no_error (error);
  g_autofree char *literal = db_quote_literal (space);
  g_autofree char *sql = g_strdup_printf ("CREATE TABLESPACE here LOCATION %s", literal);
  assert_true (db_exec (conn, sql, &error));
  assert_no_error (error);
  db_conn_free (conn);
  scratch_free (scratch);
  print_message ("PostgreSQL %d: started in %d ms, gone in %d ms\n", major,
                 (int) ((started - begin) / 1000),
                 (int) ((g_get_monotonic_time () - started) / 1000));
  assert_int_equal (count_entries (parent), 0);
}

static void
test_every_installed_major (void **state)
{
  (void) state;
  int checked = 0;
  for (int major = 13; major <= 18; major++)
    {
      g_autofree char *folder = binaries_find_server (major, NULL, NULL);
      if (folder == NULL)
        continue;
      check_major (major);
      checked++;
    }
  assert_true (checked > 0);
}

static void
test_missing_major_names_the_package (void **state)
{
  (void) state;
  const ScratchSpec spec = { .major = 12, .parent = parent };
  ScratchCluster *scratch = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (scratch_start (&spec, &scratch, &error));
  assert_null (scratch);
  assert_true (keel_error_is (error, KEEL_ERROR_MISSING));
  assert_string_equal (error->message,
                       "the server programs of PostgreSQL 12 are not installed here");
  assert_non_null (strstr (keel_error_hint (error), "apt-get install postgresql-12"));
  assert_int_equal (count_entries (parent), 0);
}

static void
test_other_superuser (void **state)
{
  (void) state;
  const ScratchSpec spec
      = { .major = newest_major (), .parent = parent, .superuser = "Größe @/ x" };
  g_autoptr (ScratchCluster) scratch = NULL;
  g_autoptr (GError) error = NULL;
  bool started = scratch_start (&spec, &scratch, &error);
  assert_no_error (error);
  assert_true (started);
  g_autoptr (DbConn) conn = connect_to (scratch);
  assert_query (conn, "SELECT rolname FROM pg_roles WHERE oid = 10", spec.superuser);
}

/* A project in a deep folder: the socket's path would not fit, and shells would trip over the name. */
static void
test_long_and_odd_parent (void **state)
{
  (void) state;
  g_autofree char *deep
      = g_strdup_printf ("%s/%s", parent,
                         "a \"deep\" $(touch oops) 'folder', with `all` the \\ trouble that a path "
                         "can make and of more than a hundred bytes");
  assert_int_equal (g_mkdir (deep, 0755), 0);
  const ScratchSpec spec = { .major = newest_major (), .parent = deep, .worker_count = 1 };
  g_autoptr (ScratchCluster) scratch = NULL;
  g_autoptr (GError) error = NULL;
  bool started = scratch_start (&spec, &scratch, &error);
  assert_no_error (error);
  assert_true (started);
  assert_true (g_str_has_prefix (scratch_folder (scratch), deep));
  g_autofree char *link = g_build_filename (scratch_folder (scratch), "run", NULL);
  g_autofree char *run = g_file_read_link (link, NULL);
  assert_non_null (run);
  assert_true (g_file_test (run, G_FILE_TEST_IS_DIR));
  DbConn *conn = connect_to (scratch);
  assert_query (conn, "SELECT 1", "1");
  db_conn_free (conn);
  g_clear_pointer (&scratch, scratch_free);
  assert_false (g_file_test (run, G_FILE_TEST_EXISTS));
  assert_int_equal (count_entries (deep), 0);
}

/* Variables of libpq that would lead elsewhere must not. */
static void
test_environment_has_no_say (void **state)
{
  (void) state;
  g_setenv ("PGHOSTADDR", "127.0.0.1", TRUE);
  g_setenv ("PGPORT", "9", TRUE);
  g_setenv ("PGHOST", "nowhere.invalid", TRUE);
  g_setenv ("PGOPTIONS", "-c no_such_setting=1", TRUE);
  g_setenv ("PGDATA", "/nonexistent", TRUE);
  g_autoptr (ScratchCluster) scratch = start (newest_major ());
  g_autoptr (DbConn) conn = connect_to (scratch);
  assert_query (conn, "SHOW port", "5432");
  static const char *const names[] = { "PGHOSTADDR", "PGPORT", "PGHOST", "PGOPTIONS", "PGDATA" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    g_unsetenv (names[i]);
}

/* In a process of its own: starts a scratch cluster, says so, then waits for its end. */
static G_GNUC_NORETURN void
live_until_killed (int ready_fd)
{
  const ScratchSpec spec = { .major = newest_major (), .parent = parent, .worker_count = 1 };
  ScratchCluster *scratch = NULL;
  bool started = scratch_start (&spec, &scratch, NULL);
  g_autoptr (DbConn) conn = started ? connect_to (scratch) : NULL;
  g_autofree char *pid = NULL;
  if (!started
      || !db_query_text (conn, "SELECT pg_read_file('postmaster.pid', 0, 7)", 0, NULL, &pid, NULL))
    _exit (1);
  int server = atoi (pid);
  if (write (ready_fd, &server, sizeof server) != sizeof server)
    _exit (1);
  for (;;)
    pause ();
}

static bool
is_gone_within (int pid, int seconds)
{
  for (int i = 0; i < seconds * 100; i++)
    {
      if (kill (pid, 0) != 0)
        return true;
      g_usleep (10000);
    }
  return false;
}

static void
test_killed_owner_leaves_nothing (void **state)
{
  (void) state;
  int fds[2];
  assert_int_equal (pipe (fds), 0);
  g_autoptr (ScratchCluster) alive = start (newest_major ());
  pid_t owner = fork ();
  if (owner == 0)
    live_until_killed (fds[1]);
  int server = 0;
  assert_int_equal (read (fds[0], &server, sizeof server), sizeof server);
  assert_int_equal (kill (server, 0), 0);
  kill (owner, SIGKILL);
  waitpid (owner, NULL, 0);
  assert_true (is_gone_within (server, 10));
  assert_int_equal (count_entries (parent), 2);

  /* The next start removes what the dead one left, and leaves the living alone. */
  ScratchCluster *next = start (newest_major ());
  assert_int_equal (count_entries (parent), 2);
  scratch_free (next);
  g_autoptr (DbConn) conn = connect_to (alive);
  assert_query (conn, "SELECT 1", "1");
  close (fds[0]);
  close (fds[1]);
}

/* In a process of its own: a start that is interrupted. */
static G_GNUC_NORETURN void
start_to_be_interrupted (bool is_at_once)
{
  cancel_install ();
  if (is_at_once)
    cancel_request ();
  const ScratchSpec spec = { .major = newest_major (), .parent = parent, .worker_count = 1 };
  ScratchCluster *scratch = NULL;
  g_autoptr (GError) error = NULL;
  if (scratch_start (&spec, &scratch, &error))
    {
      scratch_free (scratch);
      _exit (0);
    }
  _exit (keel_error_is (error, KEEL_ERROR_CANCELLED) ? 42 : 1);
}

static void
test_interrupted_start_leaves_nothing (void **state)
{
  (void) state;
  int interrupted = 0;
  for (int delay_ms = 20; delay_ms <= 620; delay_ms += 100)
    {
      pid_t owner = fork ();
      if (owner == 0)
        start_to_be_interrupted (false);
      g_usleep ((gulong) delay_ms * 1000);
      kill (owner, SIGTERM);
      int status = 0;
      waitpid (owner, &status, 0);
      /* The first may strike before the handlers are there. */
      assert_true (WIFEXITED (status) || delay_ms == 20);
      assert_int_not_equal (WEXITSTATUS (status), 1);
      interrupted += WEXITSTATUS (status) == 42;
      assert_int_equal (count_entries (parent), 0);
    }
  assert_true (interrupted > 0);
}

/* What asks whether a folder can be entered ends, too: that is no answer. */
static void
test_interrupted_before_the_start (void **state)
{
  (void) state;
  int status = 0;
  pid_t owner = fork ();
  if (owner == 0)
    start_to_be_interrupted (true);
  assert_int_equal (waitpid (owner, &status, 0), owner);
  assert_true (WIFEXITED (status));
  assert_int_equal (WEXITSTATUS (status), 42);
  assert_int_equal (count_entries (parent), 0);
}

int
main (void)
{
#define TEST(function) cmocka_unit_test_setup_teardown (function, make_parent, remove_parent)
  const struct CMUnitTest tests[] = {
    TEST (test_every_installed_major),
    TEST (test_missing_major_names_the_package),
    TEST (test_other_superuser),
    TEST (test_long_and_odd_parent),
    TEST (test_environment_has_no_say),
    TEST (test_killed_owner_leaves_nothing),
    TEST (test_interrupted_start_leaves_nothing),
    TEST (test_interrupted_before_the_start),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
