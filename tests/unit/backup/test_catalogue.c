#include "backup/catalogue.h"
#include "fixture.h"

#include <glib/gstdio.h>

#define STEM "shop_db_backup_20250422_020000"
#define NEWER "shop_db_backup_20250423_020000.sql.gz"
#define SCHEMA "shop_schema_backup_20250424_020000.sql.gz"

static void
assert_name (const char *name, const char *project, const char *type, int64_t stamp)
{
  g_autofree char *read_project = NULL, *read_type = NULL;
  int64_t read_stamp = 0;
  if (!catalogue_parse_name (name, &read_project, &read_type, &read_stamp))
    fail_msg ("not taken for a backup: %s", name);
  assert_string_equal (read_project, project);
  assert_string_equal (read_type, type);
  assert_int_equal (read_stamp, stamp);
  g_autofree char *again = catalogue_format_name (project, type, stamp);
  assert_string_equal (again, name);
}

static void
test_names (void **state)
{
  (void) state;
  assert_name ("ledgerflow_db_backup_20250422_020000.sql.gz", "ledgerflow", "db", 1745287200);
  assert_name ("a_full_backup_19700101_000000.sql.gz", "a", "full", 0);
  assert_name ("my_db_backup_tool_data_backup_20250422_020000.sql.gz", "my_db_backup_tool", "data",
               1745287200);
  assert_name ("_x_db_backup_20250422_020000.sql.gz", "_x", "db", 1745287200);
  assert_true (catalogue_parse_name (SMALL_NAME, NULL, NULL, NULL));
}

static void
test_names_of_other_files (void **state)
{
  (void) state;
  static const char *const others[] = { "",
                                        "backup.log",
                                        STEM,
                                        STEM ".sql",
                                        STEM ".sql.gz.partial",
                                        "." STEM ".sql.gz.partial",
                                        STEM ".proof.json",
                                        STEM ".verified.json",
                                        "shop_db_backup_20250422_0200.sql.gz",
                                        "shop_db_backup_20250230_020000.sql.gz",
                                        "shop_db_backup_20250422-020000.sql.gz",
                                        "shop_backup_20250422_020000.sql.gz",
                                        "_db_backup_20250422_020000.sql.gz",
                                        "db_backup_20250422_020000.sql.gz",
                                        "_backup_20250422_020000.sql.gz",
                                        "shop_db_backup_.sql.gz",
                                        "shop_db_backup_20250422_020000.sql.gz.gz",
                                        "shop_db_backup_20250422_020000_.sql.gz",
                                        "shop_db_backup_20250422_020000.tar.gz" };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    {
      char *project = NULL, *type = NULL;
      int64_t stamp = 42;
      if (catalogue_parse_name (others[i], &project, &type, &stamp))
        fail_msg ("taken for a backup: %s", others[i]);
      assert_true (project == NULL && type == NULL && stamp == 42);
    }
}

static GPtrArray *
list (const char *folder)
{
  g_autoptr (Store) store = store_open_folder (folder);
  GPtrArray *entries = NULL;
  g_autoptr (GError) error = NULL;
  bool done = catalogue_list (store, &entries, &error);
  assert_no_error (error);
  assert_true (done);
  return entries;
}

static void
test_list_is_newest_first_and_hides_nothing (void **state)
{
  put_small_backup (*state, &(SmallBackup){ 0 });
  put_small_backup (*state, &(SmallBackup){ .name = NEWER, .created = SMALL_CREATED + 86400 });
  put_small_backup (*state, &(SmallBackup){ .name = SCHEMA, .type = "schema" });
  put_file (*state, "shop_db_backup_20250425_020000.sql.gz", "", 0);
  put_file (*state, "shop_db_backup_20250401_020000.sql.gz", "SELECT 1;", 9);
  put_file (*state, "notes.txt", "x", 1);
  g_autoptr (GPtrArray) entries = list (*state);
  assert_int_equal (entries->len, 5);
  const BackupEntry *empty = entries->pdata[0], *schema = entries->pdata[1];
  const BackupEntry *newer = entries->pdata[2], *older = entries->pdata[3];
  const BackupEntry *other = entries->pdata[4];
  assert_string_equal (empty->problem,
                       "“shop_db_backup_20250425_020000.sql.gz”: the file is empty (0 bytes)");
  assert_int_equal (empty->size_bytes, 0);
  assert_string_equal (schema->type, "schema");
  assert_string_equal (newer->name, NEWER);
  assert_null (newer->problem);
  assert_int_equal (newer->created, SMALL_CREATED + 86400);
  assert_int_equal (newer->row_count, 3);
  assert_int_equal (newer->table_count, 1);
  assert_string_equal (newer->project, "shop");
  assert_int_equal (newer->verified, 0);
  assert_int_equal (newer->proven, 0);
  assert_string_equal (older->name, SMALL_NAME);
  assert_non_null (strstr (other->problem, "too short to be a backup"));
}

static BackupEntry *
describe (const char *folder, const char *name)
{
  g_autoptr (Store) store = store_open_folder (folder);
  BackupEntry *entry = NULL;
  g_autoptr (GError) error = NULL;
  bool done = catalogue_describe (store, name, &entry, &error);
  assert_no_error (error);
  assert_true (done);
  return entry;
}

static void
note_verified (const char *folder)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (BackupReader) reader = NULL;
  assert_true (backup_reader_open (store, SMALL_NAME, &reader, NULL));
  assert_true (catalogue_note_verified (store, SMALL_NAME, reader, NULL));
}

static void
test_verified_counts_for_the_same_bytes_only (void **state)
{
  put_small_backup (*state, &(SmallBackup){ 0 });
  note_verified (*state);
  assert_files (*state, SMALL_NAME " " STEM ".verified.json");
  g_autoptr (BackupEntry) entry = describe (*state, SMALL_NAME);
  assert_true (ABS (entry->verified - g_get_real_time () / G_USEC_PER_SEC) < 60);
  g_autofree char *path = g_build_filename (*state, SMALL_NAME, NULL);
  assert_int_equal (g_unlink (path), 0);
  put_small_backup (*state, &(SmallBackup){ .rows = "9\tother\n" });
  g_autoptr (BackupEntry) replaced = describe (*state, SMALL_NAME);
  assert_null (replaced->problem);
  assert_int_equal (replaced->verified, 0);
}

/* Writes a proof file: SHA256 NULL is the right one. */
static void
put_proof (const char *folder, const char *sha256, const char *rest)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (BackupReader) reader = NULL;
  assert_true (backup_reader_open (store, SMALL_NAME, &reader, NULL));
  g_autofree char *right = sha256_hex (backup_reader_trailer (reader)->sha256);
  g_autofree char *text = g_strdup_printf ("{\"format\": 1, \"sha256\": \"%s\", %s}",
                                           sha256 != NULL ? sha256 : right, rest);
  put_file (folder, STEM ".proof.json", text, strlen (text));
}

static void
assert_proven (const char *folder, int64_t proven)
{
  g_autoptr (BackupEntry) entry = describe (folder, SMALL_NAME);
  assert_null (entry->problem);
  assert_int_equal (entry->proven, proven);
}

static void
test_proofs (void **state)
{
  static const char other[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  put_small_backup (*state, &(SmallBackup){ 0 });
  put_proof (*state, NULL, "\"proven\": \"2025-04-22T03:00:00Z\", \"passed\": true");
  assert_proven (*state, SMALL_CREATED + 3600);
  put_proof (*state, NULL, "\"proven\": \"2025-04-22T03:00:00Z\", \"passed\": false");
  assert_proven (*state, -(SMALL_CREATED + 3600));
  /* Neither yes nor anything else that is not a plain yes. */
  put_proof (*state, NULL, "\"proven\": \"2025-04-22T03:00:00Z\", \"passed\": \"true\"");
  assert_proven (*state, -(SMALL_CREATED + 3600));
  put_proof (*state, NULL, "\"proven\": \"2025-04-22T03:00:00Z\"");
  assert_proven (*state, -(SMALL_CREATED + 3600));
  put_proof (*state, other, "\"proven\": \"2025-04-22T03:00:00Z\", \"passed\": true");
  assert_proven (*state, 0);
  put_proof (*state, NULL, "\"proven\": \"yesterday\", \"passed\": true");
  assert_proven (*state, 0);
  put_file (*state, STEM ".proof.json", "{", 1);
  assert_proven (*state, 0);
}

static void
test_a_proof_that_cannot_be_read_is_none (void **state)
{
  g_autofree char *path = g_build_filename (*state, STEM ".proof.json", NULL);
  put_small_backup (*state, &(SmallBackup){ 0 });
  assert_int_equal (g_mkdir (path, 0700), 0);
  assert_proven (*state, 0);
}

static void
assert_finds (const char *folder, const char *text, const char *name)
{
  g_autoptr (Store) store = NULL;
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  bool done = catalogue_find (folder, text, &store, &found, &error);
  assert_no_error (error);
  assert_true (done);
  assert_string_equal (found, name);
}

static void
assert_finds_nothing (const char *folder, const char *text, KeelErrorKind kind, const char *message)
{
  Store *store = NULL;
  char *found = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (catalogue_find (folder, text, &store, &found, &error));
  assert_null (store);
  assert_null (found);
  assert_error (error, kind, message);
}

static void
test_finding_by_name_and_by_path (void **state)
{
  g_autofree char *elsewhere = g_build_filename (*state, "elsewhere", NULL);
  g_autofree char *path = g_build_filename (elsewhere, "a.sql.gz", NULL);
  assert_int_equal (g_mkdir (elsewhere, 0700), 0);
  put_small_backup (*state, &(SmallBackup){ 0 });
  put_small_backup (elsewhere, &(SmallBackup){ .name = "a.sql.gz" });
  assert_finds (*state, SMALL_NAME, SMALL_NAME);
  assert_finds (*state, STEM, SMALL_NAME);
  assert_finds (*state, path, "a.sql.gz");
  assert_finds_nothing (*state, "no_such", KEEL_ERROR_MISSING, "there is no backup “no_such”");
  assert_finds_nothing (*state, "/no/such.sql.gz", KEEL_ERROR_MISSING, "there is no backup");
}

static void
test_latest (void **state)
{
  g_autofree char *missing = g_build_filename (*state, "missing", NULL);
  assert_finds_nothing (*state, "latest", KEEL_ERROR_MISSING, "there is no backup in “");
  assert_finds_nothing (missing, "latest", KEEL_ERROR_MISSING, "there is no backup in “");
  put_small_backup (*state, &(SmallBackup){ .name = SCHEMA, .type = "schema" });
  assert_finds_nothing (*state, "latest", KEEL_ERROR_MISSING, "there is no backup in “");
  put_small_backup (*state, &(SmallBackup){ 0 });
  put_small_backup (*state, &(SmallBackup){ .name = NEWER });
  assert_finds (*state, "latest", NEWER);
  /* A newer one that is damaged is not passed over. */
  put_file (*state, "shop_db_backup_20250425_020000.sql.gz", "", 0);
  assert_finds_nothing (*state, "latest", KEEL_ERROR_CORRUPT,
                        "the latest backup “shop_db_backup_20250425_020000.sql.gz” is damaged");
}

static void
test_removal_takes_the_records_along (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  put_small_backup (*state, &(SmallBackup){ 0 });
  put_small_backup (*state, &(SmallBackup){ .name = NEWER });
  note_verified (*state);
  put_proof (*state, NULL, "\"proven\": \"2025-04-22T03:00:00Z\", \"passed\": true");
  assert_true (catalogue_remove (store, SMALL_NAME, NULL));
  assert_files (*state, NEWER);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown (function, make_test_folder, remove_test_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (test_names),
    TEST (test_names_of_other_files),
    TEST (test_list_is_newest_first_and_hides_nothing),
    TEST (test_verified_counts_for_the_same_bytes_only),
    TEST (test_proofs),
    TEST (test_a_proof_that_cannot_be_read_is_none),
    TEST (test_finding_by_name_and_by_path),
    TEST (test_latest),
    TEST (test_removal_takes_the_records_along),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
