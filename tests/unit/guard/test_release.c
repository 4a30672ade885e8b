/* A release opens one volume once, for a while, and only when nobody else could have written it. */
#include "../folder.h"
#include "../testing.h"
#include "base/fs.h"
#include "guard/release.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOW INT64_C (1800000000)
#define MADE "2026-11-21T12:00:00Z"
#define TAKERS 16

/* Caller frees. */
static char *
folder_of (void **state)
{
  return g_build_filename (*state, "releases", NULL);
}

static void
write_release (const char *folder, const char *volume, const char *identity, int64_t expires)
{
  g_autoptr (GError) error = NULL;
  GuardRelease release = { volume, identity, GUARD_VOLUME_REMOVE, "mara", expires };
  assert_true (guard_release_write (folder, &release, &error));
  assert_no_error (error);
}

static bool
find (const char *folder, const char *volume, const char *identity, int64_t now, bool take)
{
  g_autoptr (GError) error = NULL;
  bool found = false;
  assert_true (guard_release_find (folder, volume, identity, GUARD_VOLUME_REMOVE, now, take, &found,
                                   &error));
  assert_no_error (error);
  return found;
}

/* The only file of FOLDER; caller frees. */
static char *
only_file (const char *folder)
{
  g_autofree char *name = list_files (folder);
  assert_null (strchr (name, ' '));
  return g_build_filename (folder, name, NULL);
}

static void
test_single_use (void **state)
{
  g_autofree char *folder = folder_of (state);
  assert_false (find (folder, "pg", MADE, NOW, true));
  write_release (folder, "pg", MADE, NOW + 600);
  assert_true (find (folder, "pg", MADE, NOW, false));
  assert_true (find (folder, "pg", MADE, NOW, false));
  assert_true (find (folder, "pg", MADE, NOW, true));
  assert_false (find (folder, "pg", MADE, NOW, false));
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_files (folder, "");
}

static void
test_bound_to_one_volume (void **state)
{
  bool found = true;
  g_autofree char *folder = folder_of (state);
  write_release (folder, "pg", MADE, NOW + 600);
  assert_false (find (folder, "pg2", MADE, NOW, true));
  assert_false (find (folder, "PG", MADE, NOW, true));
  assert_false (find (folder, "pg", "2026-11-21T12:00:01Z", NOW, true));
  assert_false (find (folder, "pg", "", NOW, true));
  assert_true (
      guard_release_find (folder, "pg", NULL, GUARD_VOLUME_REMOVE, NOW, true, &found, NULL));
  assert_false (found);
  assert_true (
      guard_release_find (folder, "pg", MADE, GUARD_VOLUME_PRUNE, NOW, true, &found, NULL));
  assert_false (found);
  assert_true (find (folder, "pg", MADE, NOW, true));
}

static void
test_time (void **state)
{
  g_autofree char *folder = folder_of (state);
  write_release (folder, "pg", MADE, NOW + 600);
  assert_false (find (folder, "pg", MADE, NOW + 600, true));
  assert_false (find (folder, "pg", MADE, NOW - 1, true));
  assert_true (find (folder, "pg", MADE, NOW + 599, true));
}

static void
test_replaced (void **state)
{
  g_autofree char *folder = folder_of (state);
  write_release (folder, "pg", MADE, NOW + 1);
  write_release (folder, "pg", MADE, NOW + 600);
  assert_true (find (folder, "pg", MADE, NOW + 10, true));
  assert_false (find (folder, "pg", MADE, NOW, true));
}

/* Each row spoils the release in its own way. */
static void
test_not_trusted (void **state)
{
  g_autofree char *folder = folder_of (state);
  write_release (folder, "pg", MADE, NOW + 600);
  g_autofree char *file = only_file (folder);
  g_autofree char *aside = g_build_filename (*state, "aside", NULL);

  assert_int_equal (chmod (file, 0620), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (chmod (file, 0602), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (chmod (file, 0600), 0);

  assert_int_equal (chmod (folder, 0770), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (chmod (folder, 01777), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (chmod (folder, 0700), 0);

  assert_int_equal (link (file, aside), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (unlink (file), 0);
  assert_int_equal (symlink (aside, file), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (unlink (file), 0);
  assert_int_equal (mkfifo (file, 0600), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (unlink (file), 0);
  assert_int_equal (rename (aside, file), 0);

  g_autofree char *elsewhere = g_build_filename (*state, "elsewhere", NULL);
  assert_int_equal (rename (folder, elsewhere), 0);
  assert_int_equal (symlink (elsewhere, folder), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_true (find (elsewhere, "pg", MADE, NOW, true));
}

static void
test_foreign_owner (void **state)
{
  if (geteuid () != 0)
    fail_msg ("only root can give a file away: run this test as root");
  g_autofree char *folder = folder_of (state);
  write_release (folder, "pg", MADE, NOW + 600);
  g_autofree char *file = only_file (folder);
  assert_int_equal (chown (file, 65534, 65534), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (chown (file, 0, 0), 0);
  assert_int_equal (chown (folder, 65534, 65534), 0);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_int_equal (chown (folder, 0, 0), 0);
  assert_true (find (folder, "pg", MADE, NOW, true));
}

static void
test_broken_files (void **state)
{
  static const char *const texts[]
      = { "",
          "{",
          "[]",
          "null",
          "{\"volume\": \"pg\"}",
          "{\"volume\": \"pg\", \"identity\": \"" MADE
          "\", \"act\": \"other\", \"by\": \"x\", \"expires\": 1800000600}",
          "{\"volume\": \"pg\", \"identity\": \"" MADE
          "\", \"act\": \"volume-remove\", \"by\": \"x\", \"expires\": \"1800000600\"}",
          "{\"volume\": \"pg\", \"volume\": \"pg\", \"identity\": \"" MADE
          "\", \"act\": \"volume-remove\", \"by\": \"x\", \"expires\": 1800000600}" };
  g_autofree char *folder = folder_of (state);
  write_release (folder, "pg", MADE, NOW + 600);
  g_autofree char *file = only_file (folder);
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      assert_true (g_file_set_contents_full (file, texts[i], -1, G_FILE_SET_CONTENTS_CONSISTENT,
                                             0600, NULL));
      if (find (folder, "pg", MADE, NOW, true))
        fail_msg ("this counts: %s", texts[i]);
    }
  g_autofree char *big = g_strnfill (10000, ' ');
  assert_true (
      g_file_set_contents_full (file, big, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  assert_false (find (folder, "pg", MADE, NOW, true));
}

static void
test_written_where_nobody_else_writes (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = folder_of (state);
  assert_int_equal (g_mkdir (folder, 0700), 0);
  assert_int_equal (chmod (folder, 0777), 0);
  GuardRelease release = { "pg", MADE, GUARD_VOLUME_REMOVE, "mara", NOW + 600 };
  assert_false (guard_release_write (folder, &release, &error));
  assert_error (error, KEEL_ERROR_REFUSED, "others may write in");
  assert_files (folder, "");
}

static void
test_list_and_revoke (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) none = NULL, both = NULL;
  bool found = true;
  g_autofree char *folder = folder_of (state);
  assert_true (guard_release_list (folder, &none, &error));
  assert_int_equal (none->len, 0);
  assert_true (guard_release_revoke (folder, "pg", &found, &error));
  assert_false (found);

  write_release (folder, "pg", MADE, NOW + 600);
  write_release (folder, "../../etc/passwd", MADE, NOW + 500);
  assert_true (guard_release_list (folder, &both, &error));
  assert_int_equal (both->len, 2);
  const GuardReleaseEntry *odd = both->pdata[0], *entry = both->pdata[1];
  assert_string_equal (odd->volume, "../../etc/passwd");
  assert_string_equal (entry->volume, "pg");
  assert_string_equal (entry->identity, MADE);
  assert_string_equal (entry->by, "mara");
  assert_int_equal (entry->expires, NOW + 600);

  assert_true (guard_release_revoke (folder, "pg", &found, &error));
  assert_no_error (error);
  assert_true (found);
  assert_false (find (folder, "pg", MADE, NOW, true));
  assert_true (find (folder, "../../etc/passwd", MADE, NOW, true));
}

typedef struct
{
  const char *folder;
  int go;
} Race;

static void *
take_when_told (void *data)
{
  Race *race = data;
  bool found = false;
  while (!g_atomic_int_get (&race->go))
    g_thread_yield ();
  bool ok
      = guard_release_find (race->folder, "pg", MADE, GUARD_VOLUME_REMOVE, NOW, true, &found, NULL);
  return GINT_TO_POINTER (ok && found ? 1 : 0);
}

static void
test_race_of_threads (void **state)
{
  g_autofree char *folder = folder_of (state);
  for (int round = 0; round < 20; round++)
    {
      Race race = { folder, 0 };
      GThread *threads[TAKERS];
      int won = 0;
      write_release (folder, "pg", MADE, NOW + 600);
      for (int i = 0; i < TAKERS; i++)
        threads[i] = g_thread_new ("taker", take_when_told, &race);
      g_atomic_int_set (&race.go, 1);
      for (int i = 0; i < TAKERS; i++)
        won += GPOINTER_TO_INT (g_thread_join (threads[i]));
      assert_int_equal (won, 1);
      assert_files (folder, "");
    }
}

/* Children wait for the pipe to close, then all take at once. */
static void
test_race_of_processes (void **state)
{
  g_autofree char *folder = folder_of (state);
  int pipe_fds[2], won = 0;
  pid_t children[TAKERS];
  write_release (folder, "pg", MADE, NOW + 600);
  assert_int_equal (pipe (pipe_fds), 0);
  for (int i = 0; i < TAKERS; i++)
    {
      children[i] = fork ();
      assert_true (children[i] >= 0);
      if (children[i] != 0)
        continue;
      char byte;
      bool found = false;
      close (pipe_fds[1]);
      ssize_t end = read (pipe_fds[0], &byte, 1);
      bool ok
          = guard_release_find (folder, "pg", MADE, GUARD_VOLUME_REMOVE, NOW, true, &found, NULL);
      _exit (end == 0 && ok && found ? 1 : 0);
    }
  close (pipe_fds[0]);
  close (pipe_fds[1]);
  for (int i = 0; i < TAKERS; i++)
    {
      int status;
      assert_int_equal (waitpid (children[i], &status, 0), children[i]);
      assert_true (WIFEXITED (status));
      won += WEXITSTATUS (status);
    }
  assert_int_equal (won, 1);
}

static void
test_where (void **state)
{
  (void) state;
  g_setenv ("PGKEEL_GUARD_STATE", "/srv/guard", true);
  g_autofree char *set = guard_release_folder ();
  assert_string_equal (set, "/srv/guard/releases");
  g_unsetenv ("PGKEEL_GUARD_STATE");
  g_autofree char *usual = guard_release_folder ();
  assert_string_equal (usual, "/var/lib/pgkeel/guard/releases");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown (test, make_test_folder, remove_test_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    IN_FOLDER (test_single_use),
    IN_FOLDER (test_bound_to_one_volume),
    IN_FOLDER (test_time),
    IN_FOLDER (test_replaced),
    IN_FOLDER (test_not_trusted),
    IN_FOLDER (test_foreign_owner),
    IN_FOLDER (test_broken_files),
    IN_FOLDER (test_written_where_nobody_else_writes),
    IN_FOLDER (test_list_and_revoke),
    IN_FOLDER (test_race_of_threads),
    IN_FOLDER (test_race_of_processes),
    cmocka_unit_test (test_where),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
