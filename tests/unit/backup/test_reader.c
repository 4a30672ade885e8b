#include "base/parallel.h"
#include "base/process.h"
#include "fixture.h"

#define OTHER_NAME "shop_db_backup_20250422_030000.sql.gz"

/* Opens NAME and reads every byte against its hash. */
static bool
check_file (const char *folder, const char *name, GError **error)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (BackupReader) reader = NULL;
  return backup_reader_open (store, name, &reader, error)
         && backup_reader_verify (reader, NULL, error);
}

static void
assert_damaged (const char *folder, const char *data, size_t length, const char *what)
{
  g_autoptr (GError) error = NULL;
  put_file (folder, OTHER_NAME, data, length);
  if (check_file (folder, OTHER_NAME, &error))
    fail_msg ("not caught: %s", what);
  assert_int_not_equal (keel_error_exit_code (error), 0);
  assert_non_null (error->message);
}

static void
test_round_trip (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (BackupReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  size_t length, file_length = 0;
  uint64_t size_bytes = 0;
  assert_true (write_small_backup (store, &(SmallBackup){ 0 }, &size_bytes, &error));
  assert_files (*state, SMALL_NAME);
  g_free (get_file (*state, SMALL_NAME, &file_length));
  assert_int_equal (size_bytes, file_length);
  assert_true (backup_reader_open (store, SMALL_NAME, &reader, &error));
  assert_int_equal (backup_reader_size (reader), size_bytes);
  const BackupIndex *index = backup_reader_index (reader);
  assert_int_equal (index->members->len, 3);
  const BackupTable *table = backup_index_find_table (index, "t", &error);
  assert_int_equal (table->digest.rows, 3);
  /* The example of docs/backup-format.md. */
  g_autofree char *digest = row_digest_hex (&table->digest);
  assert_string_equal (digest, "ac2508d7839091b99bea843bc0ad8d0c");
  const BackupMember *member = &g_array_index (table->members, BackupMember, 0);
  uint64_t before = backup_reader_bytes_read (reader);
  assert_int_equal (before, TRAILER_BYTES + backup_reader_trailer (reader)->index_size);
  assert_true (backup_reader_read_text (reader, member, &text, &length, &error));
  assert_string_equal (text, SMALL_STATEMENT SMALL_ROWS "\\.\n\n");
  assert_int_equal (length, strlen (text));
  /* One table costs its own bytes and no others. */
  assert_int_equal (backup_reader_bytes_read (reader) - before, member->size_bytes);
  assert_true (backup_reader_verify (reader, NULL, &error));
}

static void
test_gunzip_gives_the_whole_text (void **state)
{
  g_autofree char *path = g_build_filename (*state, SMALL_NAME, NULL);
  g_auto (ProcessResult) result = { 0 };
  g_autoptr (GError) error = NULL;
  put_small_backup (*state, &(SmallBackup){ 0 });
  ProcessSpec spec = { .argv = (const char *const[]){ "gzip", "-dc", path, NULL } };
  assert_true (process_run_ok (&spec, &result, &error));
  assert_no_error (error);
  assert_true (g_str_has_prefix (
      result.output, "SET client_encoding = 'UTF8';\n"
                     "CREATE TABLE public.t (a int, b text);\n" SMALL_STATEMENT SMALL_ROWS
                     "\\.\n\nALTER TABLE public.t ADD PRIMARY KEY (a);\n-- pgkeel's index"));
  g_auto (GStrv) lines = g_strsplit (strstr (result.output, "-- pgkeel's"), "\n", -1);
  for (guint i = 0; i + 1 < g_strv_length (lines); i++)
    assert_true (g_str_has_prefix (lines[i], "-- "));
}

/* The promise of the issue: every byte, whatever it turns into. */
static void
test_every_flipped_byte_is_caught (void **state)
{
  static const uint8_t masks[] = { 0x01, 0x80, 0xff, 0x20 };
  size_t length;
  put_small_backup (*state, &(SmallBackup){ 0 });
  g_autofree char *data = get_file (*state, SMALL_NAME, &length);
  assert_true (length > 500);
  for (size_t i = 0; i < length; i++)
    {
      g_autofree char *what = g_strdup_printf ("byte %zu of %zu", i, length);
      uint8_t mask = masks[i % G_N_ELEMENTS (masks)];
      data[i] = (char) (data[i] ^ mask);
      assert_damaged (*state, data, length, what);
      data[i] = (char) (data[i] ^ mask);
    }
  put_file (*state, OTHER_NAME, data, length);
  assert_true (check_file (*state, OTHER_NAME, NULL));
}

static void
test_every_cut_is_caught (void **state)
{
  size_t length;
  put_small_backup (*state, &(SmallBackup){ 0 });
  g_autofree char *data = get_file (*state, SMALL_NAME, &length);
  for (size_t i = 0; i < length; i++)
    assert_damaged (*state, data, i, "a cut file");
  g_autofree char *longer = g_malloc0 (length + 512);
  memcpy (longer, data, length);
  for (size_t i = 1; i <= 512; i *= 2)
    assert_damaged (*state, longer, length + i, "a file that has grown");
}

static void
test_what_is_said_of_a_short_file (void **state)
{
  g_autoptr (GError) error = NULL;
  put_file (*state, OTHER_NAME, "", 0);
  assert_false (check_file (*state, OTHER_NAME, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "the file is empty (0 bytes)");
  g_clear_error (&error);
  put_file (*state, OTHER_NAME, "x", 1);
  assert_false (check_file (*state, OTHER_NAME, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "the file is too short to be a backup");
}

/* The message names the part in which the damage is. */
static void
test_damage_is_located (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (BackupReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  size_t length;
  put_small_backup (*state, &(SmallBackup){ 0 });
  g_autofree char *data = get_file (*state, SMALL_NAME, &length);
  assert_true (backup_reader_open (store, SMALL_NAME, &reader, &error));
  const BackupTable *table = backup_reader_index (reader)->tables->pdata[0];
  const BackupMember *member = &g_array_index (table->members, BackupMember, 0);
  data[member->offset + 20] ^= 1;
  put_file (*state, OTHER_NAME, data, length);
  assert_false (check_file (*state, OTHER_NAME, &error));
  g_autofree char *expected = g_strdup_printf ("the data part at byte %" G_GUINT64_FORMAT
                                               " of the backup does not have the hash",
                                               member->offset);
  assert_error (error, KEEL_ERROR_CORRUPT, expected);
  assert_string_equal (keel_error_hint (error), "Use an older backup; this one is damaged.");
}

/* Index and trailer of another backup with parts of the same sizes: all of it is well formed. */
static void
test_a_swapped_index_is_caught (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (BackupReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  size_t length, other_length;
  put_small_backup (*state, &(SmallBackup){ 0 });
  put_small_backup (*state, &(SmallBackup){ .name = "other", .rows = "1\tone\n2\ttwo\n4\t\\N\n" });
  g_autofree char *data = get_file (*state, SMALL_NAME, &length);
  g_autofree char *other = get_file (*state, "other", &other_length);
  assert_true (backup_reader_open (store, "other", &reader, &error));
  uint64_t offset = backup_reader_trailer (reader)->index_offset;
  g_autoptr (GString) mixed = g_string_new_len (data, (gssize) offset);
  g_string_append_len (mixed, other + offset, (gssize) (other_length - offset));
  put_file (*state, OTHER_NAME, mixed->str, mixed->len);
  assert_false (check_file (*state, OTHER_NAME, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "the data part at byte ");
}

/* The hash is right and the text is not what the index says: a lie, not damage. */
static void
test_a_part_of_another_length_is_caught (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (BackupReader) reader = NULL;
  put_small_backup (*state, &(SmallBackup){ 0 });
  assert_true (backup_reader_open (store, SMALL_NAME, &reader, NULL));
  BackupMember member = g_array_index (backup_reader_index (reader)->members, BackupMember, 1);
  for (int difference = -1; difference <= 1; difference += 2)
    {
      char *text = NULL;
      size_t length;
      g_autoptr (GError) error = NULL;
      BackupMember lie = member;
      lie.raw_bytes += (uint64_t) difference;
      assert_false (backup_reader_read_text (reader, &lie, &text, &length, &error));
      assert_null (text);
      assert_true (keel_error_is (error, KEEL_ERROR_CORRUPT));
    }
}

static void
test_too_small_is_failed (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (GError) error = NULL;
  uint64_t size_bytes = 0, again = 0;
  assert_true (write_small_backup (store, &(SmallBackup){ 0 }, &size_bytes, &error));
  assert_true (store_remove (store, SMALL_NAME, &error));
  SmallBackup spec = { .min_size_bytes = size_bytes };
  assert_false (write_small_backup (store, &spec, &again, &error));
  assert_error (error, KEEL_ERROR_ANSWER_NO, "or less counts as failed");
  assert_non_null (strstr (keel_error_hint (error), "backup.min_size"));
  assert_int_equal (again, 0);
  assert_files (*state, "");
  spec.min_size_bytes--;
  g_clear_error (&error);
  assert_true (write_small_backup (store, &spec, &again, &error));
  assert_int_equal (again, size_bytes);
}

static void
test_nothing_remains_of_an_unfinished_one (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  BackupWriter *writer = NULL;
  g_autoptr (BackupIndex) index = make_small_index (&(SmallBackup){ 0 });
  assert_true (backup_writer_open (store, SMALL_NAME, &writer, NULL));
  assert_true (fill_small_backup (writer, &(SmallBackup){ 0 }, index, NULL));
  assert_files (*state, "." SMALL_NAME ".partial");
  backup_writer_free (writer);
  assert_files (*state, "");
}

static void
test_a_taken_name_is_left_alone (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (GError) error = NULL;
  uint64_t size_bytes;
  size_t length;
  put_file (*state, SMALL_NAME, "precious", 8);
  assert_false (write_small_backup (store, &(SmallBackup){ 0 }, &size_bytes, &error));
  assert_error (error, KEEL_ERROR_FAILED, "File exists");
  g_autofree char *text = get_file (*state, SMALL_NAME, &length);
  assert_string_equal (text, "precious");
  assert_files (*state, SMALL_NAME);
}

/* An index that does not describe what was written is never given a name. */
static void
test_a_wrong_index_is_not_committed (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (BackupWriter) writer = NULL;
  g_autoptr (BackupIndex) index = make_small_index (&(SmallBackup){ 0 });
  g_autoptr (GError) error = NULL;
  uint64_t size_bytes;
  assert_true (backup_writer_open (store, SMALL_NAME, &writer, NULL));
  assert_true (fill_small_backup (writer, &(SmallBackup){ 0 }, index, NULL));
  g_array_set_size (index->members, 2);
  assert_false (backup_writer_finish (writer, index, 0, &size_bytes, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "reading the new backup back: the index");
  backup_writer_free (g_steal_pointer (&writer));
  assert_files (*state, "");
}

#define THREADS 8
#define PARTS_EACH 100

typedef struct
{
  BackupWriter *writer;
  GArray *members[THREADS];
} Together;

static bool
append_many (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  Together *together = data;
  (void) parallel;
  for (int i = 0; i < PARTS_EACH; i++)
    {
      g_autofree char *text = g_strdup_printf ("-- part %d of worker %u\n", i, worker);
      if (!append_part (together->writer, MEMBER_POST_DATA, text, 0, together->members[worker],
                        error))
        return false;
    }
  return true;
}

static void
test_many_threads_append_to_one_file (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (BackupWriter) writer = NULL;
  g_autoptr (BackupIndex) index = make_small_index (&(SmallBackup){ 0 });
  g_autoptr (GError) error = NULL;
  uint64_t size_bytes;
  assert_true (backup_writer_open (store, SMALL_NAME, &writer, NULL));
  Together together = { .writer = writer };
  for (int i = 0; i < THREADS; i++)
    together.members[i] = g_array_new (FALSE, TRUE, sizeof (BackupMember));
  assert_true (parallel_run (THREADS, append_many, &together, &error));
  for (int i = 0; i < THREADS; i++)
    {
      g_array_append_vals (index->members, together.members[i]->data, together.members[i]->len);
      g_array_unref (together.members[i]);
    }
  assert_int_equal (index->members->len, THREADS * PARTS_EACH);
  bool done = backup_writer_finish (writer, index, 0, &size_bytes, &error);
  assert_no_error (error);
  assert_true (done);
  assert_true (check_file (*state, SMALL_NAME, &error));
}

static void
count_progress (Report *report, const ReportProgress *progress)
{
  uint64_t *last = report->data;
  assert_true (progress->done_bytes >= *last && progress->done_bytes <= progress->total_bytes);
  *last = progress->done_bytes;
}

static void
test_verify_reports_its_progress (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (BackupReader) reader = NULL;
  uint64_t last = 0;
  Report report = { .progress = count_progress, .data = &last };
  put_small_backup (*state, &(SmallBackup){ 0 });
  assert_true (backup_reader_open (store, SMALL_NAME, &reader, NULL));
  assert_true (backup_reader_verify (reader, &report, NULL));
  assert_int_equal (last, backup_reader_size (reader) - TRAILER_BYTES);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown (function, make_test_folder, remove_test_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (test_round_trip),
    TEST (test_gunzip_gives_the_whole_text),
    TEST (test_every_flipped_byte_is_caught),
    TEST (test_every_cut_is_caught),
    TEST (test_what_is_said_of_a_short_file),
    TEST (test_damage_is_located),
    TEST (test_a_swapped_index_is_caught),
    TEST (test_a_part_of_another_length_is_caught),
    TEST (test_too_small_is_failed),
    TEST (test_nothing_remains_of_an_unfinished_one),
    TEST (test_a_taken_name_is_left_alone),
    TEST (test_a_wrong_index_is_not_committed),
    TEST (test_many_threads_append_to_one_file),
    TEST (test_verify_reports_its_progress),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
