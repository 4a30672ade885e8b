#include "backup/catalogue.h"
#include "backup/retention.h"
#include "base/clock.h"
#include "fixture.h"

#define HOUR 3600
#define KEEP (48 * HOUR)

/* A backup taken HOURS ago; its name goes by BY_NAME_HOURS ago, for clocks that jump. */
static void
put_aged (const char *folder, const char *project, const char *type, int hours, int by_name_hours)
{
  int64_t now = clock_now ();
  g_autofree char *name = catalogue_format_name (project, type, now - by_name_hours * HOUR);
  put_small_backup (folder, &(SmallBackup){ .name = name, .created = now - hours * HOUR });
}

static void
put_old (const char *folder, int hours)
{
  put_aged (folder, "shop", "db", hours, hours);
}

static BackupEntry *
entry_of (GPtrArray *entries, guint i)
{
  return entries->pdata[i];
}

/* Rounded, also for times to come. */
static int
hours_since (int64_t stamp)
{
  return (int) ((clock_now () - stamp + HOUR / 2 + 1000 * HOUR) / HOUR) - 1000;
}

/* The ages that are left, newest first: "1 49 100"; of any project and type. Caller frees. */
static char *
ages (const char *folder)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  assert_true (catalogue_list (store, &entries, NULL));
  for (guint i = 0; i < entries->len; i++)
    g_string_append_printf (text, "%s%d", i > 0 ? " " : "",
                            hours_since (entry_of (entries, i)->stamp));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
prune (const char *folder, int64_t keep_seconds, bool dry_run, guint expected)
{
  Project project = { .name = (char *) "shop", .keep_db_seconds = keep_seconds };
  g_autoptr (GPtrArray) removed = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  bool done = retention_run (&project, folder, dry_run, removed, &error);
  assert_no_error (error);
  assert_true (done);
  assert_int_equal (removed->len, expected);
}

static void
assert_ages (const char *folder, const char *expected)
{
  g_autofree char *left = ages (folder);
  assert_string_equal (left, expected);
}

/* Says that the backup of HOURS ago was proven, or that its proof failed. */
static void
put_proof (const char *folder, int hours, bool passed)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  assert_true (catalogue_list (store, &entries, NULL));
  for (guint i = 0; i < entries->len; i++)
    {
      BackupEntry *entry = entry_of (entries, i);
      g_autoptr (BackupReader) reader = NULL;
      if (hours_since (entry->stamp) != hours)
        continue;
      assert_true (backup_reader_open (store, entry->name, &reader, NULL));
      g_autofree char *sha256 = sha256_hex (backup_reader_trailer (reader)->sha256);
      g_autofree char *text = g_strdup_printf (
          "{\"sha256\": \"%s\", \"proven\": \"2025-04-22T03:00:00Z\", \"passed\": %s}", sha256,
          passed ? "true" : "false");
      g_autofree char *stem = g_strndup (entry->name, strlen (entry->name) - strlen (".sql.gz"));
      g_autofree char *name = g_strconcat (stem, ".proof.json", NULL);
      put_file (folder, name, text, strlen (text));
      return;
    }
  fail_msg ("no backup of %d hours ago", hours);
}

static void
test_old_ones_go_oldest_first (void **state)
{
  Project project = { .name = (char *) "shop", .keep_db_seconds = KEEP };
  g_autoptr (GPtrArray) removed = g_ptr_array_new_with_free_func (g_free);
  put_old (*state, 1);
  put_old (*state, 47);
  put_old (*state, 49);
  put_old (*state, 100);
  assert_true (retention_run (&project, *state, false, removed, NULL));
  assert_ages (*state, "1 47");
  assert_int_equal (removed->len, 2);
  assert_true (strcmp (removed->pdata[0], removed->pdata[1]) < 0);
  g_autofree char *log = get_file (*state, "backup.log", NULL);
  g_autofree char *line = g_strdup_printf (" prune ok file=%s\n", (char *) removed->pdata[0]);
  assert_non_null (strstr (log, line));
}

static void
test_a_dry_run_removes_nothing (void **state)
{
  put_old (*state, 1);
  put_old (*state, 100);
  prune (*state, KEEP, true, 1);
  assert_ages (*state, "1 100");
  g_autofree char *names = list_files (*state);
  assert_null (strstr (names, "backup.log"));
}

static void
test_without_a_setting_nothing_goes (void **state)
{
  put_old (*state, 1);
  put_old (*state, 100000);
  prune (*state, 0, false, 0);
  assert_ages (*state, "1 100000");
}

static void
test_the_newest_whole_one_stays_whatever_its_age (void **state)
{
  put_old (*state, 1000);
  put_old (*state, 2000);
  prune (*state, KEEP, false, 1);
  assert_ages (*state, "1000");
}

/* LedgerFlow's incident: empty files pushing out the last good dump. */
static void
test_damaged_newer_ones_do_not_push_out_the_last_good_one (void **state)
{
  int64_t now = clock_now ();
  put_old (*state, 72);
  put_old (*state, 96);
  for (int hours = 1; hours <= 60; hours += 20)
    {
      g_autofree char *name = catalogue_format_name ("shop", "db", now - hours * HOUR);
      put_file (*state, name, "", 0);
    }
  prune (*state, KEEP, false, 1);
  assert_ages (*state, "1 21 41 72");
}

static void
test_damaged_ones_stay_for_a_person_to_look_at (void **state)
{
  g_autofree char *name = catalogue_format_name ("shop", "db", clock_now () - 500 * HOUR);
  put_old (*state, 1);
  put_file (*state, name, "not a backup", 12);
  prune (*state, KEEP, false, 0);
  assert_ages (*state, "1 500");
}

static void
test_the_newest_proven_one_stays (void **state)
{
  put_old (*state, 1);
  put_old (*state, 100);
  put_old (*state, 200);
  put_old (*state, 300);
  put_proof (*state, 200, true);
  put_proof (*state, 300, true);
  prune (*state, KEEP, false, 2);
  assert_ages (*state, "1 200");
}

static void
test_a_failed_proof_makes_no_last_good_one (void **state)
{
  put_old (*state, 1);
  put_old (*state, 100);
  put_old (*state, 200);
  put_proof (*state, 1, false);
  prune (*state, KEEP, false, 1);
  assert_ages (*state, "1 100");
}

static void
test_a_failed_proof_keeps_nothing_old (void **state)
{
  put_old (*state, 1);
  put_old (*state, 100);
  put_proof (*state, 100, false);
  prune (*state, KEEP, false, 1);
  assert_ages (*state, "1");
}

static void
test_types_are_counted_apart (void **state)
{
  put_old (*state, 1);
  put_aged (*state, "shop", "schema", 100, 100);
  put_aged (*state, "shop", "schema", 200, 200);
  prune (*state, KEEP, false, 1);
  assert_ages (*state, "1 100");
}

static void
test_other_projects_are_not_ours (void **state)
{
  put_old (*state, 1);
  put_aged (*state, "other", "db", 100, 100);
  put_aged (*state, "other", "db", 200, 200);
  prune (*state, KEEP, false, 0);
  assert_ages (*state, "1 100 200");
}

/* Only where both the name and the snapshot say so, and never from the future. */
static void
test_a_clock_that_jumps (void **state)
{
  put_old (*state, 1);
  put_aged (*state, "shop", "db", 100, 2);
  put_aged (*state, "shop", "db", 3, 100);
  put_aged (*state, "shop", "db", -500, -500);
  prune (*state, KEEP, false, 0);
  assert_ages (*state, "-500 1 2 100");
}

static void
test_full_backups_have_a_time_of_their_own (void **state)
{
  Project project = { .name = (char *) "shop", .keep_db_seconds = HOUR, .keep_full_seconds = KEEP };
  g_autoptr (GPtrArray) removed = g_ptr_array_new_with_free_func (g_free);
  put_aged (*state, "shop", "full", 1, 1);
  put_aged (*state, "shop", "full", 47, 47);
  put_aged (*state, "shop", "full", 49, 49);
  assert_true (retention_run (&project, *state, false, removed, NULL));
  assert_ages (*state, "1 47");
}

static void
test_an_empty_or_missing_folder (void **state)
{
  g_autofree char *missing = g_build_filename (*state, "missing", NULL);
  prune (*state, KEEP, false, 0);
  prune (missing, KEEP, false, 0);
  assert_files (*state, "");
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown (function, make_test_folder, remove_test_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (test_old_ones_go_oldest_first),
    TEST (test_a_dry_run_removes_nothing),
    TEST (test_without_a_setting_nothing_goes),
    TEST (test_the_newest_whole_one_stays_whatever_its_age),
    TEST (test_damaged_newer_ones_do_not_push_out_the_last_good_one),
    TEST (test_damaged_ones_stay_for_a_person_to_look_at),
    TEST (test_the_newest_proven_one_stays),
    TEST (test_a_failed_proof_makes_no_last_good_one),
    TEST (test_a_failed_proof_keeps_nothing_old),
    TEST (test_types_are_counted_apart),
    TEST (test_other_projects_are_not_ours),
    TEST (test_a_clock_that_jumps),
    TEST (test_full_backups_have_a_time_of_their_own),
    TEST (test_an_empty_or_missing_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
