#include "../testing.h"
#include "cli/progress.h"

#include <math.h>

#define MB UINT64_C (1048576)

static char *
render (const ReportProgress *progress, double bytes_per_second, double seconds, int width)
{
  ProgressRate rate = { .bytes_per_second = bytes_per_second, .seconds = seconds };
  return progress_render (progress, &rate, width);
}

static void
test_everything_on_a_wide_terminal (void **state)
{
  (void) state;
  ReportProgress progress
      = { .phase = "dumping", .done_bytes = 50 * MB, .total_bytes = 200 * MB, .rows = 1234567 };
  g_autofree char *line = render (&progress, 10.0 * MB, 5, 120);
  assert_string_equal (line, "dumping  [=======>                      ]   25%  50.0 MB of 200.0 MB"
                             "  ETA 0:15  10.0 MB/s  1,234,567 rows");
}

static void
test_narrow_terminals_lose_the_least_useful (void **state)
{
  (void) state;
  ReportProgress progress
      = { .phase = "dumping", .done_bytes = 50 * MB, .total_bytes = 200 * MB, .rows = 1234567 };
  for (int width = 0; width < 140; width++)
    {
      g_autofree char *line = render (&progress, 10.0 * MB, 5, width);
      assert_true (g_utf8_strlen (line, -1) <= MAX (width - 1, 0));
    }
  g_autofree char *line = render (&progress, 10.0 * MB, 5, 36);
  assert_string_equal (line, "dumping   25%  50.0 MB of 200.0 MB");
  g_autofree char *tiny = render (&progress, 10.0 * MB, 5, 5);
  assert_string_equal (tiny, "dump");
}

static void
test_an_unknown_total_has_no_bar_and_no_eta (void **state)
{
  (void) state;
  ReportProgress progress = { .phase = "reading", .done_bytes = 3 * MB, .rows = 7 };
  g_autofree char *line = render (&progress, 1.0 * MB, 3, 80);
  assert_string_equal (line, "reading  3.0 MB  0:03  1.0 MB/s  7 rows");
  ReportProgress nothing = { .phase = "waiting" };
  g_autofree char *waiting = render (&nothing, 0, 62, 80);
  assert_string_equal (waiting, "waiting  1:02");
}

static void
test_a_total_that_was_too_low_stops_at_all (void **state)
{
  (void) state;
  ReportProgress progress = { .phase = "dumping", .done_bytes = 300 * MB, .total_bytes = 200 * MB };
  g_autofree char *line = render (&progress, 10.0 * MB, 30, 100);
  assert_string_equal (line, "dumping  [==============================]  100%  300.0 MB of 200.0 MB"
                             "  ETA 0:00  10.0 MB/s");
}

static void
test_names_cannot_steer_the_terminal (void **state)
{
  (void) state;
  ReportProgress progress = { .phase = "dumping \033[2Jx" };
  g_autofree char *line = render (&progress, 0, 0, 80);
  assert_string_equal (line, "dumping \xef\xbf\xbd[2Jx  0:00");
}

static void
test_clock (void **state)
{
  (void) state;
  static const struct
  {
    double seconds;
    const char *text;
  } times[]
      = { { 0, "0:00" },    { -5, "0:00" },       { 59.4, "0:59" }, { 59.6, "1:00" },
          { 760, "12:40" }, { 11100, "3:05:00" }, { 1e9, "long" },  { (double) NAN, "long" } };
  for (size_t i = 0; i < G_N_ELEMENTS (times); i++)
    {
      g_autofree char *text = progress_format_clock (times[i].seconds);
      assert_string_equal (text, times[i].text);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_everything_on_a_wide_terminal),
    cmocka_unit_test (test_narrow_terminals_lose_the_least_useful),
    cmocka_unit_test (test_an_unknown_total_has_no_bar_and_no_eta),
    cmocka_unit_test (test_a_total_that_was_too_low_stops_at_all),
    cmocka_unit_test (test_names_cannot_steer_the_terminal),
    cmocka_unit_test (test_clock),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
