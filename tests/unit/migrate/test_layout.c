/* Where migrations are looked for, which layout they are taken for, and what is wrong with a file of
 * any layout. */
#include "fixture.h"

#include "base/digest.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define FIRST "migrations/20250101000000_users"

static void
test_native_pairs (void **state)
{
  const char *up = "CREATE TABLE users (id int);\n";
  put (*state, "migrations/20250102000000_b.up.sql", "SELECT 2;\n");
  put (*state, FIRST ".up.sql", up);
  put (*state, FIRST ".down.sql", "DROP TABLE users;\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "pgkeel");
  assert_string_equal (set->folder, "migrations");
  assert_versions (set, "20250101000000:users 20250102000000:b");
  assert_warnings (set, "");
  const Migration *first = migration_set_find (set, "20250101000000");
  const Migration *second = set->migrations->pdata[1];
  assert_ptr_equal (first, set->migrations->pdata[0]);
  assert_int_equal (first->kind, MIGRATION_VERSIONED);
  assert_string_equal (first->up.path, FIRST ".up.sql");
  assert_string_equal (first->up.text, up);
  assert_int_equal (first->up.length, strlen (up));
  assert_int_equal (first->up.line, 1);
  assert_false (first->up.no_transaction);
  assert_string_equal (first->down.path, FIRST ".down.sql");
  assert_string_equal (first->down.text, "DROP TABLE users;\n");
  uint8_t sum[SHA256_BYTES];
  sha256_of (up, strlen (up), sum);
  g_autofree char *hex = sha256_hex (sum);
  assert_string_equal (first->checksum, hex);
  assert_null (first->not_sql);
  assert_null (second->down.text);
  assert_null (second->down.path);
  assert_null (migration_set_find (set, "users"));
}

static void
test_versions_are_compared_by_place_and_then_as_numbers (void **state)
{
  put (*state, FIRST ".up.sql", "SELECT 1;");
  put (*state, "migrations/20250102000000_b.up.sql", "SELECT 1;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_int_equal (migration_set_compare_versions (set, "20250101000000", "20250102000000"), -1);
  assert_int_equal (migration_set_compare_versions (set, "20250102000000", "20250101000000"), 1);
  assert_int_equal (migration_set_compare_versions (set, "20250102000000", "20250102000000"), 0);
  assert_int_equal (migration_set_compare_versions (set, "20250101120000", "20250102000000"), -1);
  assert_int_equal (migration_set_compare_versions (set, "9", "20250102000000"), -1);
  assert_int_equal (migration_set_compare_versions (set, "007", "7"), 0);
}

static void
test_no_transaction (void **state)
{
  static const struct
  {
    const char *text;
    bool is_marked;
  } cases[] = {
    { "-- pgkeel: no-transaction\nSELECT 1;", true },
    { "SELECT 1;\n--pgkeel: no-transaction\r\nSELECT 2;", true },
    { "-- pgkeel: no-transaction", true },
    { "-- pgkeel: no-transactions\n", false },
    { "SELECT 'pgkeel: no-transaction';", false },
    { "-- see pgkeel: no-transaction\n", false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (*state, FIRST ".up.sql", cases[i].text);
      g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
      const Migration *migration = set->migrations->pdata[0];
      assert_int_equal (migration->up.no_transaction, cases[i].is_marked);
    }
}

static void
test_what_is_left_out_is_said (void **state)
{
  put (*state, FIRST ".up.sql", "SELECT 1;");
  put (*state, "migrations/20250103000000_gone.down.sql", "SELECT 1;");
  put (*state, "migrations/2025_short.up.sql", "SELECT 1;");
  put (*state, "migrations/schema.sql", "SELECT 1;");
  put (*state, "migrations/20250104000000.up.sql", "SELECT 1;");
  put (*state, "migrations/20250105000000_empty.up.sql", " \r\n");
  put (*state, "migrations/README.md", "");
  put (*state, "migrations/.20250106000000_hidden.up.sql", "");
  put (*state, "migrations/20250107000000_folder.up.sql/file", "");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, "pgkeel");
  assert_versions (set, "20250101000000:users 20250105000000:empty");
  assert_warnings (
      set, "“migrations/20250103000000_gone.down.sql” was left out: there is no "
           "20250103000000_gone.up.sql\n"
           "“migrations/20250104000000.up.sql” was left out: its name is not like "
           "YYYYMMDDHHMMSS_name.up.sql\n"
           "“migrations/2025_short.up.sql” was left out: its name is not like "
           "YYYYMMDDHHMMSS_name.up.sql\n"
           "“migrations/schema.sql” was left out: its name is not like YYYYMMDDHHMMSS_name.up.sql\n"
           "“migrations/20250105000000_empty.up.sql” is empty\n");
}

static void
test_one_version_twice_is_refused (void **state)
{
  put (*state, FIRST ".up.sql", "SELECT 1;");
  put (*state, "migrations/20250101000000_other.up.sql", "SELECT 1;");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "“migrations/20250101000000_other.up.sql” and "
                      "“migrations/20250101000000_users.up.sql” have the same version, "
                      "20250101000000",
                      "Give one of them another version.");
}

static void
test_bytes (void **state)
{
  put (*state, FIRST ".up.sql", "\xef\xbb\xbfSELECT 1;\r\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  const Migration *migration = set->migrations->pdata[0];
  assert_string_equal (migration->up.text, "SELECT 1;\r\n");
  assert_int_equal (migration->up.length, 11);
  uint8_t sum[SHA256_BYTES];
  sha256_of ("\xef\xbb\xbfSELECT 1;\r\n", 14, sum);
  g_autofree char *hex = sha256_hex (sum);
  assert_string_equal (migration->checksum, hex);

  put (*state, FIRST ".up.sql", "SELECT 1;\n-- \xe9t\xe9\n");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      FIRST ".up.sql:2: the byte 0xe9 is no UTF-8", "Save the file as UTF-8.");
  g_autofree char *folder = g_build_filename (*state, "migrations", NULL);
  put_file (folder, "20250101000000_users.up.sql", "SELECT\0 1;", 10);
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      FIRST ".up.sql:1: the byte 0x00 is no UTF-8", NULL);
}

static void
test_links (void **state)
{
  g_autofree char *folder = g_build_filename (*state, "migrations", NULL);
  g_autofree char *link = g_build_filename (folder, "20250101000000_a.up.sql", NULL);
  put (*state, "elsewhere.sql", "SELECT 1;");
  assert_int_equal (g_mkdir (folder, 0755), 0);
  assert_int_equal (symlink ("../elsewhere.sql", link), 0);
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_versions (set, "20250101000000:a");
  assert_int_equal (unlink (link), 0);
  assert_int_equal (symlink ("20250101000000_a.up.sql", link), 0);
  MigrationSet *refused = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (migration_set_read (*state, NULL, NULL, &refused, &error));
  assert_error (error, KEEL_ERROR_FAILED, "Too many levels of symbolic links");
}

static void
test_no_migrations_are_an_empty_set (void **state)
{
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "pgkeel");
  assert_string_equal (set->folder, "migrations");
  assert_int_equal (set->migrations->len, 0);
}

static void
test_a_folder_that_is_named_must_be_there (void **state)
{
  put (*state, "db/changes/20250101000000_a.up.sql", "SELECT 1;");
  g_autoptr (MigrationSet) set = read_set (*state, "db/changes", NULL);
  const Migration *migration = set->migrations->pdata[0];
  assert_string_equal (set->folder, "db/changes");
  assert_string_equal (migration->up.path, "db/changes/20250101000000_a.up.sql");
  assert_set_refused (*state, "db/change", NULL, KEEL_ERROR_MISSING,
                      "cannot read the folder “db/change”: No such file or directory", NULL);
  assert_set_refused (*state, "db/changes/20250101000000_a.up.sql", NULL, KEEL_ERROR_FAILED,
                      "cannot read the folder “db/changes/20250101000000_a.up.sql”: Not a "
                      "directory",
                      NULL);
}

static void
test_two_folders_are_refused (void **state)
{
  put (*state, FIRST ".up.sql", "SELECT 1;");
  put (*state, "db/migrations/20250101000000_a.up.sql", "SELECT 1;");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "there are migrations in “migrations” and in “db/migrations”",
                      "Say which one is meant with migrations.dir in pgkeel.yaml.");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_native_pairs, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_versions_are_compared_by_place_and_then_as_numbers,
                                     make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_no_transaction, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_what_is_left_out_is_said, make_test_folder,
                                     remove_test_folder),
    cmocka_unit_test_setup_teardown (test_one_version_twice_is_refused, make_test_folder,
                                     remove_test_folder),
    cmocka_unit_test_setup_teardown (test_bytes, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_links, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_no_migrations_are_an_empty_set, make_test_folder,
                                     remove_test_folder),
    cmocka_unit_test_setup_teardown (test_a_folder_that_is_named_must_be_there, make_test_folder,
                                     remove_test_folder),
    cmocka_unit_test_setup_teardown (test_two_folders_are_refused, make_test_folder,
                                     remove_test_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
