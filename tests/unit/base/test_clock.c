#include "../testing.h"
#include "base/clock.h"

static void
assert_stamp (const char *text, int64_t expected)
{
  int64_t seconds = 0;
  assert_true (clock_parse_stamp (text, &seconds));
  assert_int_equal (seconds, expected);
  g_autofree char *again = clock_format_stamp (seconds);
  assert_string_equal (again, text);
}

static void
test_stamps_are_utc (void **state)
{
  (void) state;
  g_setenv ("TZ", "Asia/Kathmandu", TRUE);
  assert_stamp ("20250422_020000", 1745287200);
  assert_stamp ("19700101_000000", 0);
  assert_stamp ("20240229_235959", 1709251199);
  assert_stamp ("20380119_031408", 2147483648);
  g_unsetenv ("TZ");
}

static void
test_stamps_in_no_other_form (void **state)
{
  (void) state;
  static const char *const bad[] = { "",
                                     "20250422",
                                     "20250422_02000",
                                     "20250422_0200000",
                                     "20250422_020000Z",
                                     "20250422-020000",
                                     "20250229_000000",
                                     "20251301_000000",
                                     "20250431_000000",
                                     "20250422_240000",
                                     "20250422_006000",
                                     "20250422_000060",
                                     " 20250422_020000",
                                     "+2025422_020000",
                                     "2025 422_020000",
                                     "20250422_ 20000",
                                     "2025042a_020000",
                                     "２０250422_020000" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      int64_t seconds = 42;
      if (clock_parse_stamp (bad[i], &seconds))
        fail_msg ("taken for a time stamp: “%s”", bad[i]);
      assert_int_equal (seconds, 42);
    }
}

static void
test_iso_both_ways (void **state)
{
  (void) state;
  int64_t seconds = 0;
  g_autofree char *text = clock_format_iso (1745287200);
  assert_string_equal (text, "2025-04-22T02:00:00Z");
  assert_true (clock_parse_iso (text, &seconds));
  assert_int_equal (seconds, 1745287200);
  static const char *const bad[]
      = { "2025-04-22T02:00:00",  "2025-04-22 02:00:00Z",  "2025-04-22T02:00:00+00:00",
          "2025-02-29T00:00:00Z", "2025-04-22T02:00:00Zx", "2025-4-22T02:00:00Z" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (clock_parse_iso (bad[i], &seconds));
}

static void
test_times_no_calendar_has (void **state)
{
  (void) state;
  g_autofree char *stamp = clock_format_stamp (INT64_MAX);
  g_autofree char *iso = clock_format_iso (INT64_MIN);
  assert_string_equal (stamp, "?");
  assert_string_equal (iso, "?");
}

static void
test_clocks_run (void **state)
{
  (void) state;
  /* Later than when this was written; the monotonic one never goes back. */
  assert_true (clock_now () > 1735689600);
  int64_t before = clock_monotonic_us ();
  g_usleep (2000);
  assert_true (clock_monotonic_us () - before >= 2000);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_stamps_are_utc), cmocka_unit_test (test_stamps_in_no_other_form),
    cmocka_unit_test (test_iso_both_ways),  cmocka_unit_test (test_times_no_calendar_has),
    cmocka_unit_test (test_clocks_run),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
