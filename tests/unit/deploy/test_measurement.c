/* What is noted of a statement that was measured. */
#include "../testing.h"

#include "deploy/measurement.h"

#include <string.h>

static void
test_secrets_are_not_shown (void **state)
{
  static const char *const texts[][2] = {
    { "SELECT 1", "SELECT 1" },
    { "CREATE ROLE a PASSWORD 'geheim' LOGIN", "CREATE ROLE a PASSWORD  ..." },
    { "CREATE ROLE a password $$geheim$$", "CREATE ROLE a password  ..." },
    { "CREATE SUBSCRIPTION s CONNECTION 'password=geheim' PUBLICATION p",
      "CREATE SUBSCRIPTION s CONNECTION  ..." },
    { "SELECT set_config('app.secret', 'geheim', true)", "SELECT set_config('app.secret ..." },
    { "ALTER TABLE t ADD password text", "ALTER TABLE t ADD password text" },
  };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *shown = measurement_show_text (texts[i][0]);
      assert_string_equal (shown, texts[i][1]);
    }
}

/* Four hundred bytes, never half a character. */
static void
test_long_texts_are_cut (void **state)
{
  (void) state;
  g_autoptr (GString) text = g_string_new ("x");
  for (int i = 0; i < 300; i++)
    g_string_append (text, "ä");
  g_autofree char *shown = measurement_show_text (text->str);
  assert_true (g_utf8_validate (shown, -1, NULL));
  assert_true (g_str_has_suffix (shown, "ä ..."));
  assert_int_equal (strlen (shown), 399 + strlen (" ..."));
  g_autofree char *broken = measurement_show_text ("SELECT '\xff'");
  assert_true (g_utf8_validate (broken, -1, NULL));
}

static Measurement *
make (void)
{
  return measurement_new_command ("migrations.command.up", "alembic upgrade head");
}

static void
assert_locks (Measurement *measurement, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);
  measurement_sort_locks (measurement);
  for (guint i = 0; i < measurement->locks->len; i++)
    {
      const MeasuredLock *lock = measurement->locks->pdata[i];
      g_string_append_printf (text, "%s%s %s%s", i > 0 ? ", " : "", lock->relation, lock->mode,
                              lock->is_new ? " new" : "");
    }
  assert_string_equal (text->str, expected);
}

static void
test_locks (void **state)
{
  (void) state;
  Measurement *measurement = make ();
  assert_null (measurement_strongest (measurement));
  measurement_add_lock (measurement, "public.b", 'r', false, "AccessShareLock");
  measurement_add_lock (measurement, "public.b", 'r', false, "AccessShareLock");
  measurement_add_lock (measurement, "public.b", 'r', false, "ShareUpdateExclusiveLock");
  measurement_add_lock (measurement, "public.a_pkey", 'i', false, "AccessExclusiveLock");
  measurement_add_lock (measurement, "public.a", 'r', true, "AccessExclusiveLock");
  measurement_add_lock (measurement, "pg_toast.pg_toast_1", 't', false, "AccessExclusiveLock");
  measurement_add_lock (measurement, "pgkeel.migration", 'r', false, "RowExclusiveLock");
  measurement_add_lock (measurement, "public.c", 'r', false, "SomeNewLock");
  assert_locks (measurement, "public.a ACCESS EXCLUSIVE new, public.a_pkey ACCESS EXCLUSIVE, "
                             "public.b SHARE UPDATE EXCLUSIVE, public.b ACCESS SHARE, "
                             "public.c SomeNewLock");
  /* One that nobody knows is taken for the worst; indexes and what is new are in nobody's way. */
  assert_string_equal (measurement_strongest (measurement)->relation, "public.c");
  measurement_free (measurement);
}

static void
test_times_of_locks_add_up (void **state)
{
  (void) state;
  Measurement *measurement = make ();
  measurement_add_lock (measurement, "public.a", 'r', false, "AccessExclusiveLock");
  measurement_add_lock_time (measurement, "public.a", "AccessExclusiveLock", 5, 0);
  measurement_add_lock_time (measurement, "public.a", "AccessExclusiveLock", 7, 30);
  measurement_add_lock_time (measurement, "public.a", "AccessShareLock", 100, 100);
  const MeasuredLock *lock = measurement->locks->pdata[0];
  assert_int_equal (measurement->locks->len, 1);
  assert_int_equal (lock->held_us, 12);
  assert_int_equal (lock->waited_us, 30);
  measurement_free (measurement);
}

static void
test_files_and_rows (void **state)
{
  (void) state;
  Measurement *measurement = make ();
  measurement_add_file (measurement, "public.a", 'r');
  measurement_add_file (measurement, "public.a", 'r');
  measurement_add_file (measurement, "public.m", 'm');
  measurement_add_file (measurement, "public.a_pkey", 'i');
  measurement_add_file (measurement, "public.s", 'S');
  measurement_add_file (measurement, "pg_toast.pg_toast_1", 't');
  assert_int_equal (measurement->rewritten->len, 2);
  assert_string_equal (measurement->rewritten->pdata[1], "public.m");
  assert_int_equal (measurement->rebuilt->len, 1);
  measurement_add_rows (measurement, "public.a", 1, 0, 0);
  measurement_add_rows (measurement, "public.a", 2, -3, 4);
  measurement_add_rows (measurement, "public.b", 0, 0, 0);
  measurement_add_rows (measurement, "pgkeel.migration", 1, 0, 0);
  assert_int_equal (measurement->touched->len, 1);
  const MeasuredRows *rows = measurement->touched->pdata[0];
  assert_int_equal (rows->inserted, 3);
  assert_int_equal (rows->updated, 0);
  assert_int_equal (rows->deleted, 4);
  measurement_free (measurement);
}

static void
test_commits_that_are_worth_a_line (void **state)
{
  (void) state;
  Measurement *measurement = make ();
  assert_int_equal (measurement->rows, -1);
  assert_false (measurement_shows_commit (measurement));
  measurement->commit_us = 999;
  assert_false (measurement_shows_commit (measurement));
  measurement->commit_us = 1000;
  assert_true (measurement_shows_commit (measurement));
  measurement->commit_us = 10;
  measurement->commit_failed = true;
  assert_true (measurement_shows_commit (measurement));
  measurement_free (measurement);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_secrets_are_not_shown),
    cmocka_unit_test (test_long_texts_are_cut),
    cmocka_unit_test (test_locks),
    cmocka_unit_test (test_times_of_locks_add_up),
    cmocka_unit_test (test_files_and_rows),
    cmocka_unit_test (test_commits_that_are_worth_a_line),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
