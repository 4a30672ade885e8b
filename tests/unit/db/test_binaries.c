/* Which program is chosen: by what it says of its version, and by where it is. The programs are small
 * scripts, so that any set of versions can be had; the last test looks at the real ones. */
#include "../testing.h"
#include "base/fs.h"
#include "base/process.h"
#include "db/binaries.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root;
static char *old_path;

static int
make_root (void **state)
{
  (void) state;
  old_path = g_strdup (g_getenv ("PATH"));
  root = g_strdup ("/tmp/pgkeel-test-XXXXXX");
  return g_mkdtemp (root) != NULL ? 0 : -1;
}

static int
remove_root (void **state)
{
  (void) state;
  g_setenv ("PATH", old_path, TRUE);
  g_unsetenv ("PGKEEL_PG_PATH");
  bool removed = fs_remove_tree (root, NULL);
  g_clear_pointer (&root, g_free);
  g_clear_pointer (&old_path, g_free);
  return removed ? 0 : -1;
}

/* ROOT/FOLDER/TOOL, which says VERSION; caller frees. */
static char *
add_program (const char *folder, const char *tool, const char *version)
{
  g_autofree char *parent = g_build_filename (root, folder, NULL);
  char *path = g_build_filename (parent, tool, NULL);
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\necho '%s'\n", version);
  assert_int_equal (g_mkdir_with_parents (parent, 0755), 0);
  assert_true (fs_write_durable (path, text, strlen (text), 0755, NULL));
  return path;
}

/* Only these folders of ROOT, as PATH; the system's own programs are left out. */
static void
look_in (const char *first, const char *second)
{
  g_autofree char *path = second != NULL
                              ? g_strdup_printf ("%s/%s:%s/%s", root, first, root, second)
                              : g_strdup_printf ("%s/%s", root, first);
  g_setenv ("PGKEEL_PG_PATH", "", TRUE);
  g_setenv ("PATH", path, TRUE);
}

static void
assert_tool (int major, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = binaries_find_tool ("pg_dump", major, &error);
  assert_no_error (error);
  assert_string_equal (path, expected);
}

static void
test_exact_then_next_newer (void **state)
{
  (void) state;
  g_autofree char *v17 = add_program ("a", "pg_dump", "pg_dump (PostgreSQL) 17.4 (Debian 17.4-1)");
  g_autofree char *v14 = add_program ("b", "pg_dump", "pg_dump (PostgreSQL) 14beta2");
  look_in ("a", "b");
  assert_tool (14, v14);
  assert_tool (15, v17);
  assert_tool (17, v17);
  assert_tool (13, v14);
  assert_tool (0, v17);
  g_autoptr (GError) error = NULL;
  assert_null (binaries_find_tool ("pg_dump", 18, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_MISSING));
  assert_int_equal (keel_error_exit_code (error), 5);
  assert_string_equal (error->message,
                       "PostgreSQL's pg_dump of version 18 or newer is not installed here");
  assert_non_null (strstr (keel_error_hint (error), "apt-get install postgresql-client-18"));
}

static void
test_chosen_folders_come_first (void **state)
{
  (void) state;
  g_autofree char *chosen = add_program ("chosen", "pg_dump", "pg_dump (PostgreSQL) 15.1");
  g_autofree char *same = add_program ("path", "pg_dump", "pg_dump (PostgreSQL) 99.1");
  look_in ("path", NULL);
  g_autofree char *folder = g_path_get_dirname (chosen);
  g_setenv ("PGKEEL_PG_PATH", folder, TRUE);
  assert_tool (0, chosen);
  assert_tool (15, chosen);
  assert_tool (90, same);
}

static void
test_wrappers_are_the_last_resort (void **state)
{
  (void) state;
  g_autofree char *script = add_program ("share", "pg_wrapper", "pg_dump (PostgreSQL) 15.9");
  g_autofree char *real = add_program ("real", "pg_dump", "pg_dump (PostgreSQL) 16.1");
  g_autofree char *usr_bin = g_build_filename (root, "usr-bin", NULL);
  g_autofree char *wrapper = g_build_filename (usr_bin, "pg_dump", NULL);
  assert_int_equal (g_mkdir (usr_bin, 0755), 0);
  assert_int_equal (symlink (script, wrapper), 0);
  look_in ("usr-bin", "real");
  assert_tool (15, real);
  look_in ("usr-bin", NULL);
  assert_tool (15, wrapper);
}

static void
test_what_does_not_run_is_passed_over (void **state)
{
  (void) state;
  g_autofree char *broken = add_program ("a", "pg_dump", "'; exit 1; echo '");
  g_autofree char *foreign = add_program ("b", "pg_dump", "pg_dump of something else 17.1");
  look_in ("a", "b");
  g_autoptr (GError) error = NULL;
  assert_null (binaries_find_tool ("pg_dump", 0, &error));
  assert_string_equal (error->message, "PostgreSQL's pg_dump is not installed here");
  g_clear_error (&error);
  g_autofree char *good = add_program ("c", "pg_dump", "pg_dump (PostgreSQL) 13.1");
  look_in ("a", "c");
  assert_tool (13, good);
  assert_int_equal (chmod (good, 0644), 0);
  assert_null (binaries_find_tool ("pg_dump", 13, &error));
  assert_non_null (error);
}

static void
test_server_needs_all_its_programs (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_autofree char *postgres = add_program ("a", "postgres", "postgres (PostgreSQL) 16.3");
  g_autofree char *pg_ctl = add_program ("a", "pg_ctl", "pg_ctl (PostgreSQL) 16.3");
  look_in ("a", NULL);
  int major = -1;
  assert_null (binaries_find_server (0, &major, &error));
  assert_string_equal (error->message, "no PostgreSQL server programs are installed here");
  assert_non_null (strstr (keel_error_hint (error), "apt-get install postgresql)"));
  assert_int_equal (major, -1);
  g_clear_error (&error);

  g_autofree char *initdb = add_program ("a", "initdb", "initdb (PostgreSQL) 16.3");
  g_autofree char *folder = binaries_find_server (0, &major, &error);
  assert_no_error (error);
  assert_true (g_str_has_prefix (postgres, folder));
  assert_int_equal (major, 16);
  /* A newer server is no use for older data. */
  assert_null (binaries_find_server (15, NULL, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_MISSING));
  assert_non_null (strstr (keel_error_hint (error), "apt-get install postgresql-15"));
}

static void
test_installed_programs (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  int major = 0;
  g_autofree char *folder = binaries_find_server (0, &major, &error);
  assert_no_error (error);
  assert_in_range (major, 13, 99);
  g_autofree char *psql = binaries_find_tool ("psql", major, &error);
  assert_no_error (error);
  const char *const argv[] = { psql, "--version", NULL };
  const ProcessSpec spec = { .argv = argv };
  g_auto (ProcessResult) result = { 0 };
  assert_true (process_run_ok (&spec, &result, &error));
  g_autofree char *expected = g_strdup_printf ("psql (PostgreSQL) %d", major);
  assert_true (g_str_has_prefix (result.output, expected));
}

int
main (void)
{
#define TEST(function) cmocka_unit_test_setup_teardown (function, make_root, remove_root)
  const struct CMUnitTest tests[] = {
    TEST (test_exact_then_next_newer),         TEST (test_chosen_folders_come_first),
    TEST (test_wrappers_are_the_last_resort),  TEST (test_what_does_not_run_is_passed_over),
    TEST (test_server_needs_all_its_programs), TEST (test_installed_programs),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
