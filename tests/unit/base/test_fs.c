#include "../folder.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *
path_in (void **state, const char *name)
{
  return g_build_filename (*state, name, NULL);
}

static void
test_read_has_a_ceiling (void **state)
{
  g_autofree char *path = path_in (state, "f");
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  size_t length = 99;
  put_file (*state, "f", "ab\0cd", 5);
  assert_true (fs_read_text (path, 5, &text, &length, &error));
  assert_int_equal (length, 5);
  assert_memory_equal (text, "ab\0cd", 6);
  char *untouched = NULL;
  assert_false (fs_read_text (path, 4, &untouched, NULL, &error));
  assert_null (untouched);
  assert_error (error, KEEL_ERROR_FAILED, "is larger than the 4 bytes expected at most");
}

static void
test_read_an_empty_file (void **state)
{
  g_autofree char *path = path_in (state, "f");
  g_autofree char *text = NULL;
  size_t length = 99;
  put_file (*state, "f", "", 0);
  assert_true (fs_read_text (path, 0, &text, &length, NULL));
  assert_int_equal (length, 0);
  assert_string_equal (text, "");
}

static void
test_read_what_is_no_file (void **state)
{
  g_autofree char *missing = path_in (state, "missing");
  g_autofree char *fifo = path_in (state, "fifo");
  char *text = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (fs_read_text (missing, 10, &text, NULL, &error));
  assert_error (error, KEEL_ERROR_MISSING, "cannot open “");
  g_clear_error (&error);
  assert_false (fs_read_text (*state, 10, &text, NULL, &error));
  assert_error (error, KEEL_ERROR_FAILED, "is not a regular file");
  g_clear_error (&error);
  /* Must not wait for somebody to write into it. */
  assert_int_equal (mkfifo (fifo, 0600), 0);
  assert_false (fs_read_text (fifo, 10, &text, NULL, &error));
  assert_error (error, KEEL_ERROR_FAILED, "is not a regular file");
}

static void
test_write_replaces_all_or_nothing (void **state)
{
  g_autofree char *path = path_in (state, "f");
  g_autoptr (GError) error = NULL;
  struct stat info;
  put_file (*state, "f", "old", 3);
  assert_true (fs_write_durable (path, "new", 3, 0640, &error));
  g_autofree char *text = get_file (*state, "f", NULL);
  assert_string_equal (text, "new");
  assert_int_equal (stat (path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0640);
  assert_files (*state, "f");
}

static void
test_write_that_fails_leaves_nothing (void **state)
{
  g_autofree char *folder = path_in (state, "taken");
  g_autofree char *inside = path_in (state, "no/such/folder");
  g_autoptr (GError) error = NULL;
  assert_int_equal (g_mkdir (folder, 0700), 0);
  assert_false (fs_write_durable (folder, "x", 1, 0600, &error));
  assert_error (error, KEEL_ERROR_FAILED, "cannot rename");
  g_clear_error (&error);
  assert_false (fs_write_durable (inside, "x", 1, 0600, &error));
  assert_error (error, KEEL_ERROR_MISSING, "cannot write");
  assert_files (*state, "taken");
}

static void
test_full_disk_is_told_apart (void **state)
{
  (void) state;
  g_auto (Fd) fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  g_autoptr (GError) error = NULL;
  assert_true (fd >= 0);
  assert_false (fs_write_all (fd, "x", 1, "the file", &error));
  assert_error (error, KEEL_ERROR_DISK_FULL, "cannot write “the file”: ");
  assert_string_equal (keel_error_hint (error), "Free some space there, or choose another folder.");
}

static void
test_append (void **state)
{
  g_autofree char *path = path_in (state, "log");
  struct stat info;
  assert_true (fs_append (path, "one\n", 4, 0600, NULL));
  assert_true (fs_append (path, "two\n", 4, 0600, NULL));
  g_autofree char *text = get_file (*state, "log", NULL);
  assert_string_equal (text, "one\ntwo\n");
  assert_int_equal (stat (path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
}

static void
test_pread_is_exact (void **state)
{
  g_autofree char *path = path_in (state, "f");
  g_autoptr (GError) error = NULL;
  char buffer[4] = "";
  put_file (*state, "f", "abcdef", 6);
  g_auto (Fd) fd = open (path, O_RDONLY | O_CLOEXEC);
  assert_true (fs_pread_all (fd, buffer, 3, 3, path, &error));
  assert_string_equal (buffer, "def");
  assert_true (fs_pread_all (fd, buffer, 0, 6, path, &error));
  assert_false (fs_pread_all (fd, buffer, 3, 4, path, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "is cut short");
}

static void
test_folders (void **state)
{
  g_autofree char *deep = path_in (state, "a/b/c");
  g_autofree char *top = path_in (state, "a");
  g_autofree char *outside = path_in (state, "outside");
  g_autofree char *link = path_in (state, "a/link");
  g_autofree char *blocked = path_in (state, "outside/x");
  g_autoptr (GError) error = NULL;
  struct stat info;
  assert_true (fs_make_folder (deep, 0700, &error));
  assert_true (fs_make_folder (deep, 0700, &error));
  assert_int_equal (stat (deep, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0700);
  assert_true (fs_sync_folder (deep, &error));
  put_file (deep, "f", "x", 1);
  put_file (*state, "outside", "x", 1);
  assert_int_equal (symlink (outside, link), 0);
  assert_true (fs_remove_tree (top, &error));
  assert_true (fs_remove_tree (top, &error));
  assert_files (*state, "outside");
  assert_false (fs_make_folder (blocked, 0700, &error));
  assert_error (error, KEEL_ERROR_FAILED, "cannot make the folder");
}

/* In a child: adds files to FOLDER as fast as it can for half a second, or until it is gone. */
static pid_t
fill_in_child (const char *folder)
{
  pid_t pid = fork ();
  if (pid != 0)
    return pid;
  int64_t give_up = g_get_monotonic_time () + G_USEC_PER_SEC / 2;
  for (int i = 0; g_get_monotonic_time () < give_up; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%d", folder, i);
      int fd = open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
      if (fd < 0)
        break;
      close (fd);
    }
  _exit (0);
}

static void
test_removal_outlasts_a_dying_writer (void **state)
{
  g_autofree char *top = path_in (state, "busy");
  g_autofree char *deep = path_in (state, "busy/deep");
  g_autoptr (GError) error = NULL;
  assert_true (fs_make_folder (deep, 0700, &error));
  pid_t pid = fill_in_child (deep);
  g_usleep (20000);
  bool removed = fs_remove_tree (top, &error);
  assert_int_equal (waitpid (pid, NULL, 0), pid);
  assert_no_error (error);
  assert_true (removed);
  assert_false (g_file_test (top, G_FILE_TEST_EXISTS));
}

/* In a child: makes held folders in PARENT, each of them expected to last, until it is killed. */
static pid_t
make_folders_in_child (const char *parent)
{
  pid_t pid = fork ();
  if (pid != 0)
    return pid;
  for (;;)
    {
      g_autofree char *path = g_build_filename (parent, "held-XXXXXX", NULL);
      g_auto (Fd) hold = -1;
      if (!fs_make_held_folder (path, &hold, NULL))
        _exit (1);
      g_usleep (100);
      if (!g_file_test (path, G_FILE_TEST_IS_DIR) || !fs_remove_tree (path, NULL))
        _exit (2);
    }
}

static void
remove_unheld (const char *parent)
{
  g_autoptr (GDir) entries = g_dir_open (parent, 0, NULL);
  for (const char *name; (name = g_dir_read_name (entries)) != NULL;)
    {
      g_autofree char *path = g_build_filename (parent, name, NULL);
      g_auto (Fd) hold = -1;
      assert_true (!fs_hold_folder (path, &hold) || fs_remove_tree (path, NULL));
    }
}

static void
test_held_folders_outlive_their_maker_at_no_moment (void **state)
{
  for (int i = 0; i < 60; i++)
    {
      int status;
      pid_t pid = make_folders_in_child (*state);
      for (int64_t end = g_get_monotonic_time () + 2000 + i * 37; g_get_monotonic_time () < end;)
        remove_unheld (*state);
      kill (pid, SIGKILL);
      assert_int_equal (waitpid (pid, &status, 0), pid);
      assert_true (WIFSIGNALED (status));
      remove_unheld (*state);
      assert_files (*state, "");
    }
}

/* In a child: exits with 0 if it gets the lock, else with the exit code of the error. */
static int
lock_in_child (const char *path, char hint[200])
{
  int fds[2];
  assert_int_equal (pipe (fds), 0);
  pid_t pid = fork ();
  if (pid == 0)
    {
      int fd = -1;
      GError *error = NULL;
      bool locked = fs_lock (path, &fd, &error);
      const char *text = locked ? "" : keel_error_hint (error);
      _exit (write (fds[1], text, strlen (text) + 1) < 0 ? 99 : keel_error_exit_code (error));
    }
  int status;
  assert_true (read (fds[0], hint, 200) > 0);
  close (fds[0]);
  close (fds[1]);
  assert_int_equal (waitpid (pid, &status, 0), pid);
  return WEXITSTATUS (status);
}

static void
test_lock_excludes_others_and_names_its_holder (void **state)
{
  g_autofree char *path = path_in (state, ".lock");
  g_autofree char *expected
      = g_strdup_printf ("Wait until the other run (process %d) has ended.", (int) getpid ());
  char hint[200];
  struct stat info;
  int fd = -1;
  assert_true (fs_lock (path, &fd, NULL));
  assert_int_equal (lock_in_child (path, hint), 6);
  assert_string_equal (hint, expected);
  close (fd);
  assert_int_equal (lock_in_child (path, hint), 0);
  assert_int_equal (stat (path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
}

static void
test_lock_of_a_killed_process_is_free (void **state)
{
  g_autofree char *path = path_in (state, ".lock");
  int fds[2];
  char byte;
  assert_int_equal (pipe (fds), 0);
  pid_t pid = fork ();
  if (pid == 0)
    {
      int fd;
      if (fs_lock (path, &fd, NULL) && write (fds[1], "x", 1) == 1)
        pause ();
      _exit (1);
    }
  assert_int_equal (read (fds[0], &byte, 1), 1);
  int fd = -1;
  assert_false (fs_lock (path, &fd, NULL));
  assert_int_equal (fd, -1);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  assert_true (fs_lock (path, &fd, NULL));
  close (fd);
  close (fds[0]);
  close (fds[1]);
}

static void
test_free_bytes (void **state)
{
  uint64_t bytes = 0;
  g_autofree char *missing = path_in (state, "missing");
  g_autoptr (GError) error = NULL;
  assert_true (fs_free_bytes (*state, &bytes, &error));
  assert_true (bytes > 0);
  assert_false (fs_free_bytes (missing, &bytes, &error));
  assert_error (error, KEEL_ERROR_MISSING, "free space");
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown (function, make_test_folder, remove_test_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (test_read_has_a_ceiling),
    TEST (test_read_an_empty_file),
    TEST (test_read_what_is_no_file),
    TEST (test_write_replaces_all_or_nothing),
    TEST (test_write_that_fails_leaves_nothing),
    TEST (test_full_disk_is_told_apart),
    TEST (test_append),
    TEST (test_pread_is_exact),
    TEST (test_folders),
    TEST (test_removal_outlasts_a_dying_writer),
    TEST (test_held_folders_outlive_their_maker_at_no_moment),
    TEST (test_lock_excludes_others_and_names_its_holder),
    TEST (test_lock_of_a_killed_process_is_free),
    TEST (test_free_bytes),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
