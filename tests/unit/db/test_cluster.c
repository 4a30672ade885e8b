/* The embedded cluster, on a real server: what is committed stays, whatever happens to the server. */
#include "../testing.h"
#include "base/fs.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "db/conn.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *project;

static int
make_project (void **state)
{
  (void) state;
  project = g_strdup ("/tmp/pgkeel-test-XXXXXX");
  return g_mkdtemp (project) != NULL && chmod (project, 0755) == 0 ? 0 : -1;
}

static int
remove_project (void **state)
{
  (void) state;
  bool removed = fs_remove_tree (project, NULL);
  g_clear_pointer (&project, g_free);
  return removed ? 0 : -1;
}

/* Stops the server when a test fails, too. */
typedef Cluster TestCluster;

static void
test_cluster_free (TestCluster *cluster)
{
  if (cluster == NULL)
    return;
  bool stopped = cluster_stop (cluster, NULL);
  cluster_free (cluster);
  assert_true (stopped);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestCluster, test_cluster_free)

static TestCluster *
open_in (const char *parent)
{
  g_autofree char *folder = g_build_filename (parent, ".pgkeel", "development", NULL);
  g_autoptr (GError) error = NULL;
  Cluster *cluster = NULL;
  bool opened = cluster_open (folder, &cluster, &error);
  assert_no_error (error);
  assert_true (opened);
  return cluster;
}

static void
assert_starts (Cluster *cluster)
{
  g_autoptr (GError) error = NULL;
  bool started = cluster_start (cluster, 0, &error);
  if (error != NULL && keel_error_detail (error) != NULL)
    print_message ("detail: %s\n", keel_error_detail (error));
  assert_no_error (error);
  assert_true (started);
  assert_int_equal (cluster_state (cluster), CLUSTER_RUNNING);
  assert_true (cluster_pid (cluster) > 0);
}

static void
assert_stops (Cluster *cluster)
{
  g_autoptr (GError) error = NULL;
  bool stopped = cluster_stop (cluster, &error);
  assert_no_error (error);
  assert_true (stopped);
  assert_int_equal (cluster_state (cluster), CLUSTER_STOPPED);
  assert_int_equal (cluster_pid (cluster), 0);
}

/* The one text that SQL gives; "" when it gives no row. Caller frees. */
static char *
ask (const Cluster *cluster, const char *sql)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DbConn) conn = NULL;
  g_autofree char *url = cluster_url (cluster, "postgres");
  char *text = NULL;
  bool done = db_connect (url, NULL, &db_retry_none, &conn, &error)
              && db_query_text (conn, sql, 0, NULL, &text, &error);
  assert_no_error (error);
  assert_true (done);
  return text != NULL ? text : g_strdup ("");
}

static void
assert_answer (const Cluster *cluster, const char *sql, const char *expected)
{
  g_autofree char *text = ask (cluster, sql);
  assert_string_equal (text, expected);
}

static void
execute (const Cluster *cluster, const char *sql)
{
  g_autofree char *text = ask (cluster, sql);
}

static char *
read_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  bool read = fs_read_text (path, 1 << 20, &text, NULL, &error);
  assert_no_error (error);
  assert_true (read);
  return text;
}

/* Keeps the owner, who is the server's user. */
static void
overwrite_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  FILE *file = fopen (path, "r+");
  assert_non_null (file);
  assert_int_equal (ftruncate (fileno (file), 0), 0);
  assert_true (fputs (text, file) >= 0);
  assert_int_equal (fclose (file), 0);
}

/* kill -9, which leaves postmaster.pid and the socket behind. */
static void
crash (const Cluster *cluster)
{
  int pid = cluster_pid (cluster);
  assert_true (pid > 0);
  assert_int_equal (kill (pid, SIGKILL), 0);
  for (int i = 0; i < 500 && cluster_pid (cluster) != 0; i++)
    g_usleep (10000);
  assert_int_equal (cluster_state (cluster), CLUSTER_STOPPED);
}

static void
test_data_survives_stop_and_start (void **state)
{
  (void) state;
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_int_equal (cluster_state (cluster), CLUSTER_ABSENT);
  assert_int_equal (cluster_major (cluster), 0);
  assert_starts (cluster);
  assert_answer (cluster, "SHOW data_checksums", "on");
  assert_answer (cluster, "SHOW server_encoding", "UTF8");
  assert_answer (cluster, "SHOW fsync", "on");
  assert_answer (cluster, "SHOW listen_addresses", "");
  assert_answer (cluster, "SHOW unix_socket_permissions", "0700");
  assert_answer (cluster, "SELECT current_user", "postgres");
  assert_answer (cluster,
                 "SELECT current_setting('server_version_num')::int / 10000 = "
                 "split_part(version(), ' ', 2)::numeric::int",
                 "t");
  execute (cluster, "SELECT lo_from_bytea(4711, 'kept')");
  int pid = cluster_pid (cluster);
  assert_starts (cluster);
  assert_int_equal (cluster_pid (cluster), pid);
  assert_stops (cluster);
  assert_stops (cluster);
  assert_starts (cluster);
  assert_answer (cluster, "SELECT convert_from(lo_get(4711), 'UTF8')", "kept");
}

static void
test_data_survives_a_crash (void **state)
{
  (void) state;
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_starts (cluster);
  execute (cluster, "SELECT lo_from_bytea(4711, 'kept')");
  crash (cluster);
  assert_starts (cluster);
  assert_answer (cluster, "SELECT convert_from(lo_get(4711), 'UTF8')", "kept");
}

/* After a reboot the id in postmaster.pid may be that of any program of the same user. */
static void
test_pid_in_use_by_another (void **state)
{
  (void) state;
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_starts (cluster);
  g_autofree char *text = read_file (cluster_data_folder (cluster), "postmaster.pid");
  struct stat owner;
  assert_int_equal (stat (cluster_data_folder (cluster), &owner), 0);
  assert_stops (cluster);
  pid_t other = fork ();
  if (other == 0)
    {
      if (geteuid () == 0 && setuid (owner.st_uid) != 0)
        _exit (1);
      for (;;)
        pause ();
    }
  g_autofree char *stale = g_strdup_printf ("%d%s", (int) other, strchr (text, '\n'));
  g_autofree char *path = g_build_filename (cluster_data_folder (cluster), "postmaster.pid", NULL);
  assert_true (fs_write_durable (path, stale, strlen (stale), 0600, NULL));
  if (geteuid () == 0)
    assert_int_equal (chown (path, owner.st_uid, owner.st_gid), 0);
  assert_int_equal (cluster_state (cluster), CLUSTER_STOPPED);
  assert_starts (cluster);
  assert_int_not_equal (cluster_pid (cluster), other);
  kill (other, SIGKILL);
  waitpid (other, NULL, 0);
}

/* In processes of their own: all of them start it at once. */
static void
test_concurrent_starts_make_one (void **state)
{
  (void) state;
  pid_t children[3];
  for (size_t i = 0; i < G_N_ELEMENTS (children); i++)
    if ((children[i] = fork ()) == 0)
      {
        Cluster *mine = open_in (project);
        _exit (cluster_start (mine, 0, NULL) ? 0 : 1);
      }
  for (size_t i = 0; i < G_N_ELEMENTS (children); i++)
    {
      int status = -1;
      waitpid (children[i], &status, 0);
      assert_int_equal (status, 0);
    }
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_int_equal (cluster_state (cluster), CLUSTER_RUNNING);
  g_autofree char *log = read_file (project, ".pgkeel/development/server.log");
  char *first = strstr (log, "starting PostgreSQL");
  assert_non_null (first);
  assert_null (strstr (first + 1, "starting PostgreSQL"));
}

static void
test_killed_start_leaves_nothing_half_made (void **state)
{
  (void) state;
  for (int delay_ms = 50; delay_ms <= 450; delay_ms += 100)
    {
      pid_t child = fork ();
      if (child == 0)
        {
          Cluster *mine = open_in (project);
          _exit (cluster_start (mine, 0, NULL) ? 0 : 1);
        }
      g_usleep ((gulong) delay_ms * 1000);
      kill (child, SIGKILL);
      waitpid (child, NULL, 0);
    }
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_starts (cluster);
  assert_answer (cluster, "SELECT 1", "1");
  g_autofree char *home = g_path_get_dirname (cluster_data_folder (cluster));
  g_autoptr (GDir) entries = g_dir_open (home, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name (entries)) != NULL)
    assert_false (g_str_has_prefix (name, "data.new"));
}

static void
test_failed_start_shows_the_log (void **state)
{
  (void) state;
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_starts (cluster);
  assert_stops (cluster);
  g_autofree char *good = read_file (cluster_data_folder (cluster), "postgresql.conf");
  overwrite_file (cluster_data_folder (cluster), "postgresql.conf", "no_such_setting = 1\n");
  g_autoptr (GError) error = NULL;
  assert_false (cluster_start (cluster, 0, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_FAILED));
  assert_non_null (strstr (error->message, "the server did not start"));
  assert_non_null (strstr (keel_error_detail (error), "postgresql.conf"));
  assert_non_null (strstr (keel_error_hint (error), "server.log"));
  overwrite_file (cluster_data_folder (cluster), "postgresql.conf", good);
  assert_starts (cluster);
}

static void
test_other_major_is_refused (void **state)
{
  (void) state;
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_starts (cluster);
  int major = cluster_major (cluster);
  assert_stops (cluster);
  g_autoptr (GError) error = NULL;
  assert_false (cluster_start (cluster, major + 1, &error));
  g_autofree char *message = g_strdup_printf (
      "the cluster's data is of PostgreSQL %d, and version %d was asked for", major, major + 1);
  g_autofree char *package = g_strdup_printf ("apt-get install postgresql-%d", major);
  assert_string_equal (error->message, message);
  assert_non_null (strstr (keel_error_hint (error), package));
  g_clear_error (&error);

  overwrite_file (cluster_data_folder (cluster), "PG_VERSION", "12\n");
  assert_false (cluster_start (cluster, 0, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_MISSING));
  g_autofree char *newest
      = g_strdup_printf ("the cluster's data is of PostgreSQL 12, and only %d is here: ", major);
  assert_true (g_str_has_prefix (error->message, newest));
  assert_non_null (strstr (keel_error_hint (error), "apt-get install postgresql-12"));
}

static void
test_long_and_odd_path (void **state)
{
  (void) state;
  g_autofree char *deep = g_build_filename (
      project, "a \"deep\" $(touch oops) 'folder', with `all` the \\ trouble that a path can make",
      "and longer than the hundred and seven bytes that a socket's path may have", NULL);
  assert_int_equal (g_mkdir_with_parents (deep, 0755), 0);
  g_autoptr (TestCluster) cluster = open_in (deep);
  g_autofree char *planned = cluster_url (cluster, "postgres");
  assert_starts (cluster);
  g_autofree char *url = cluster_url (cluster, "postgres");
  assert_string_equal (url, planned);
  assert_true (g_str_has_prefix (cluster_data_folder (cluster), deep));
  assert_answer (cluster, "SELECT 1", "1");
  crash (cluster);
  assert_starts (cluster);
  g_autofree char *socket_folder = ask (cluster, "SHOW unix_socket_directories");
  assert_stops (cluster);

  /* The short folder goes with the server; it lies where others can make one first. */
  g_strdelimit (socket_folder, "\"", ' ');
  g_strstrip (socket_folder);
  assert_false (g_file_test (socket_folder, G_FILE_TEST_EXISTS));
  assert_int_equal (g_mkdir (socket_folder, 0777), 0);
  assert_int_equal (chmod (socket_folder, 0777), 0);
  g_autoptr (GError) error = NULL;
  assert_false (cluster_start (cluster, 0, &error));
  assert_non_null (strstr (error->message, "is not a private folder of the server's user"));
  assert_true (fs_remove_tree (socket_folder, NULL));
}

/* A project of root's, where the server's user cannot go. */
static void
test_project_that_is_closed_to_the_server (void **state)
{
  (void) state;
  assert_int_equal (chmod (project, 0700), 0);
  g_autoptr (TestCluster) cluster = open_in (project);
  assert_starts (cluster);
  assert_answer (cluster, "SELECT 1", "1");
  execute (cluster, "SELECT lo_from_bytea(4711, 'kept')");
  if (geteuid () != 0)
    {
      assert_true (g_str_has_prefix (cluster_data_folder (cluster), project));
      return;
    }
  g_autofree char *home = g_path_get_dirname (cluster_data_folder (cluster));
  assert_true (g_str_has_prefix (home, "/var/lib/pgkeel/"));
  g_autofree char *expected = g_strdup_printf ("%s\n%s/.pgkeel/development\n", home, project);
  g_autofree char *location = read_file (project, ".pgkeel/development/location");
  assert_string_equal (location, expected);

  /* A copy of the project does not get the original's data. */
  g_autofree char *copy = g_build_filename (project, "copy", NULL);
  g_autofree char *copied = g_build_filename (copy, ".pgkeel", "development", NULL);
  g_autofree char *copied_location = g_build_filename (copied, "location", NULL);
  assert_int_equal (g_mkdir_with_parents (copied, 0700), 0);
  assert_true (fs_write_durable (copied_location, location, strlen (location), 0644, NULL));
  g_autoptr (TestCluster) second = open_in (copy);
  assert_int_equal (cluster_state (second), CLUSTER_ABSENT);

  /* A project that moved keeps its data. */
  g_autofree char *original = g_build_filename (project, ".pgkeel", NULL);
  assert_true (fs_remove_tree (original, NULL));
  g_autoptr (TestCluster) moved = open_in (copy);
  assert_answer (moved, "SELECT convert_from(lo_get(4711), 'UTF8')", "kept");
  assert_stops (moved);
  assert_true (fs_remove_tree (home, NULL));
}

/* Keeping the data elsewhere may not lead to anywhere. */
static void
test_forged_location (void **state)
{
  (void) state;
  g_autofree char *folder = g_build_filename (project, ".pgkeel", "development", NULL);
  g_autofree char *location = g_build_filename (folder, "location", NULL);
  assert_int_equal (g_mkdir_with_parents (folder, 0755), 0);
  static const char *const texts[]
      = { "/etc\n/x\n", "/var/lib/pgkeel/../../etc\n/x\n", "", "nonsense" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      Cluster *cluster = NULL;
      g_autoptr (GError) error = NULL;
      assert_true (fs_write_durable (location, texts[i], strlen (texts[i]), 0644, NULL));
      assert_false (cluster_open (folder, &cluster, &error));
      assert_null (cluster);
      assert_true (keel_error_is (error, KEEL_ERROR_CORRUPT));
    }
}

int
main (void)
{
#define TEST(function) cmocka_unit_test_setup_teardown (function, make_project, remove_project)
  const struct CMUnitTest tests[] = {
    TEST (test_data_survives_stop_and_start),
    TEST (test_data_survives_a_crash),
    TEST (test_pid_in_use_by_another),
    TEST (test_concurrent_starts_make_one),
    TEST (test_killed_start_leaves_nothing_half_made),
    TEST (test_failed_start_shows_the_log),
    TEST (test_other_major_is_refused),
    TEST (test_long_and_odd_path),
    TEST (test_project_that_is_closed_to_the_server),
    TEST (test_forged_location),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
