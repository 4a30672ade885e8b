#include "../folder.h"
#include "store/store.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown (function, make_test_folder, remove_test_folder)

/* Writes and syncs, and leaves the rest to the caller. */
static StoreWriter *
write_object (Store *store, const char *name, const char *text)
{
  StoreWriter *writer = NULL;
  g_autoptr (StoreReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  bool created = store_create (store, name, &writer, &error);
  assert_no_error (error);
  assert_true (created);
  assert_true (store_writer_append (writer, text, strlen (text), &error));
  assert_true (store_writer_sync (writer, &reader, &error));
  assert_int_equal (store_reader_size (reader), strlen (text));
  return writer;
}

static void
test_an_object_appears_whole (void **state)
{
  g_autofree char *path = g_build_filename (*state, "new", "store", NULL);
  g_autoptr (Store) store = store_open_folder (path);
  g_autoptr (GPtrArray) before = NULL, after = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreWriter) writer = write_object (store, "one", "text");
  assert_true (store_list (store, &before, &error));
  assert_int_equal (before->len, 0);
  assert_files (path, ".one.partial");
  assert_true (store_writer_commit (writer, &error));
  assert_true (store_list (store, &after, &error));
  assert_int_equal (after->len, 1);
  const StoreEntry *entry = after->pdata[0];
  assert_string_equal (entry->name, "one");
  assert_int_equal (entry->size_bytes, 4);
  assert_true (ABS (entry->modified - g_get_real_time () / G_USEC_PER_SEC) < 60);
  assert_files (path, "one");
}

static void
test_only_the_owner_may_look (void **state)
{
  g_autofree char *path = g_build_filename (*state, "store", NULL);
  g_autofree char *file = g_build_filename (path, "one", NULL);
  g_autofree char *small = g_build_filename (path, "small", NULL);
  g_autoptr (Store) store = store_open_folder (path);
  struct stat info;
  mode_t mask = umask (0);
  g_autoptr (StoreWriter) writer = write_object (store, "one", "text");
  assert_true (store_writer_commit (writer, NULL));
  assert_true (store_write_small (store, "small", "x", NULL));
  umask (mask);
  assert_int_equal (stat (path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0700);
  assert_int_equal (stat (file, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
  assert_int_equal (stat (small, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
}

static void
test_without_a_commit_nothing_remains (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  store_writer_free (write_object (store, "one", "text"));
  assert_files (*state, "");
}

static void
test_a_taken_name_stays_whose_it_is (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (GError) error = NULL;
  put_file (*state, "one", "old", 3);
  StoreWriter *writer = write_object (store, "one", "text");
  assert_false (store_writer_commit (writer, &error));
  assert_error (error, KEEL_ERROR_FAILED, "File exists");
  store_writer_free (writer);
  g_autofree char *text = get_file (*state, "one", NULL);
  assert_string_equal (text, "old");
  assert_files (*state, "one");
}

static void
test_two_writers_of_one_name (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (StoreWriter) first = write_object (store, "one", "first");
  StoreWriter *second = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (store_create (store, "one", &second, &error));
  assert_null (second);
  assert_error (error, KEEL_ERROR_FAILED, "cannot write");
  assert_true (store_writer_commit (first, NULL));
  g_autofree char *text = get_file (*state, "one", NULL);
  assert_string_equal (text, "first");
}

static void
test_leftovers_go_unless_somebody_writes_them (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autofree char *busy = g_build_filename (*state, ".busy.partial", NULL);
  put_file (*state, ".dead.partial", "x", 1);
  put_file (*state, ".busy.partial", "x", 1);
  put_file (*state, ".other", "x", 1);
  put_file (*state, "mine.partial", "x", 1);
  g_auto (Fd) fd = open (busy, O_RDONLY | O_CLOEXEC);
  assert_int_equal (flock (fd, LOCK_EX), 0);
  store_writer_free (write_object (store, "one", "text"));
  assert_files (*state, ".busy.partial .other mine.partial");
}

static void
test_list_leaves_out_what_is_no_object (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autofree char *folder = g_build_filename (*state, "folder", NULL);
  g_autofree char *fifo = g_build_filename (*state, "fifo", NULL);
  g_autofree char *dangling = g_build_filename (*state, "dangling", NULL);
  g_autoptr (GPtrArray) entries = NULL;
  put_file (*state, "b", "bb", 2);
  put_file (*state, "a", "", 0);
  put_file (*state, ".hidden", "x", 1);
  assert_int_equal (g_mkdir (folder, 0700), 0);
  assert_int_equal (mkfifo (fifo, 0600), 0);
  assert_int_equal (symlink ("nowhere", dangling), 0);
  assert_true (store_list (store, &entries, NULL));
  assert_int_equal (entries->len, 2);
  assert_string_equal (((const StoreEntry *) entries->pdata[0])->name, "a");
  assert_string_equal (((const StoreEntry *) entries->pdata[1])->name, "b");
}

static void
test_a_store_that_is_not_there_and_one_that_is_none (void **state)
{
  g_autofree char *missing = g_build_filename (*state, "missing", NULL);
  g_autofree char *file = g_build_filename (*state, "file", NULL);
  g_autoptr (Store) nowhere = store_open_folder (missing);
  g_autoptr (Store) broken = store_open_folder (file);
  g_autoptr (GPtrArray) entries = NULL, none = NULL;
  g_autoptr (GError) error = NULL;
  put_file (*state, "file", "x", 1);
  assert_true (store_list (nowhere, &entries, &error));
  assert_int_equal (entries->len, 0);
  assert_true (store_remove (nowhere, "one", &error));
  assert_false (store_list (broken, &none, &error));
  assert_null (none);
  assert_error (error, KEEL_ERROR_FAILED, "cannot read the folder");
}

static void
test_reading (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autoptr (StoreReader) reader = NULL;
  StoreReader *none = NULL;
  g_autofree char *fifo = g_build_filename (*state, "fifo", NULL);
  g_autoptr (GError) error = NULL;
  char buffer[4] = "";
  put_file (*state, "one", "abcdef", 6);
  assert_int_equal (mkfifo (fifo, 0600), 0);
  assert_true (store_read (store, "one", &reader, &error));
  assert_int_equal (store_reader_size (reader), 6);
  assert_true (store_reader_read_at (reader, buffer, 3, 2, &error));
  assert_string_equal (buffer, "cde");
  assert_false (store_reader_read_at (reader, buffer, 3, 4, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "is cut short");
  g_clear_error (&error);
  assert_false (store_read (store, "missing", &none, &error));
  assert_error (error, KEEL_ERROR_MISSING, "cannot open");
  g_clear_error (&error);
  assert_false (store_read (store, "fifo", &none, &error));
  assert_error (error, KEEL_ERROR_FAILED, "is not a regular file");
  assert_null (none);
}

static void
test_small_objects_and_removal (void **state)
{
  g_autoptr (Store) store = store_open_folder (*state);
  g_autofree char *text = NULL;
  char *none = NULL;
  g_autoptr (GError) error = NULL;
  assert_true (store_write_small (store, "note", "first", &error));
  assert_true (store_write_small (store, "note", "second", &error));
  assert_true (store_read_small (store, "note", 6, &text, &error));
  assert_string_equal (text, "second");
  assert_false (store_read_small (store, "note", 5, &none, &error));
  assert_null (none);
  g_clear_error (&error);
  assert_true (store_remove (store, "note", &error));
  assert_true (store_remove (store, "note", &error));
  assert_false (store_read_small (store, "note", 6, &none, &error));
  assert_error (error, KEEL_ERROR_MISSING, "cannot open");
  assert_files (*state, "");
}

static void
test_location_is_absolute (void **state)
{
  (void) state;
  g_autoptr (Store) store = store_open_folder ("some/../folder");
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *expected = g_build_filename (here, "folder", NULL);
  assert_string_equal (store_location (store), expected);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (test_an_object_appears_whole),
    TEST (test_only_the_owner_may_look),
    TEST (test_without_a_commit_nothing_remains),
    TEST (test_a_taken_name_stays_whose_it_is),
    TEST (test_two_writers_of_one_name),
    TEST (test_leftovers_go_unless_somebody_writes_them),
    TEST (test_list_leaves_out_what_is_no_object),
    TEST (test_a_store_that_is_not_there_and_one_that_is_none),
    TEST (test_reading),
    TEST (test_small_objects_and_removal),
    TEST (test_location_is_absolute),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
