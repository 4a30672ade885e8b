#include "../testing.h"
#include "cli/progress.h"

#include <math.h>
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB UINT64_C (1048576)

static char *
render (const ReportProgress *progress, double bytes_per_second, double seconds, int width)
{
  ProgressRate rate = { .per_second = bytes_per_second, .seconds = seconds };
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
test_rows_are_counted_where_their_total_is_known (void **state)
{
  (void) state;
  ReportProgress progress = { .phase = "generating users", .rows = 250000, .total_rows = 1000000 };
  g_autofree char *line = render (&progress, 125000, 2, 130);
  assert_string_equal (
      line, "generating users  [=======>                      ]   25%  250,000 of 1,000,000"
            "  ETA 0:06  125,000 rows/s");
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

/* Runs WORK in a child whose standard error is a terminal of 60 columns, or a pipe. Returns all it
 * wrote there; caller frees. */
static char *
run_and_watch (bool is_terminal, void (*work) (void))
{
  struct winsize size = { .ws_row = 24, .ws_col = 60 };
  int pipe_fds[2] = { -1, -1 }, master = -1;
  assert_int_equal (pipe (pipe_fds), 0);
  g_setenv ("TERM", "xterm", TRUE);
  g_setenv ("NO_COLOR", "1", TRUE);
  pid_t pid = forkpty (&master, NULL, NULL, &size);
  assert_true (pid >= 0);
  if (pid == 0)
    {
      if (!is_terminal)
        dup2 (pipe_fds[1], STDERR_FILENO);
      close (pipe_fds[1]);
      work ();
      _exit (0);
    }
  close (pipe_fds[1]);
  GString *text = g_string_new (NULL);
  char buffer[4096];
  ssize_t n;
  while ((n = read (is_terminal ? master : pipe_fds[0], buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  close (pipe_fds[0]);
  close (master);
  int status = -1;
  assert_int_equal (waitpid (pid, &status, 0), pid);
  assert_int_equal (status, 0);
  return g_string_free (text, FALSE);
}

static int
count (const char *text, const char *part)
{
  g_auto (GStrv) parts = g_strsplit (text, part, -1);
  return (int) g_strv_length (parts) - 1;
}

/* A second of updates at a thousand times a second. */
static void
report_for_a_second (void)
{
  Report report;
  progress_init (&report, false, false);
  for (int i = 1; i <= 1000; i++)
    {
      ReportProgress progress = { .phase = "dumping",
                                  .done_bytes = (uint64_t) i * MB / 10,
                                  .total_bytes = 100 * MB,
                                  .rows = (uint64_t) i };
      report_progress (&report, &progress);
      g_usleep (1000);
    }
  progress_clear ();
}

static void
test_a_terminal_is_redrawn_at_most_ten_times_a_second (void **state)
{
  (void) state;
  gint64 began = g_get_monotonic_time ();
  g_autofree char *screen = run_and_watch (true, report_for_a_second);
  double seconds = (double) (g_get_monotonic_time () - began) / 1e6;
  int drawn = count (screen, "dumping");
  assert_in_range (drawn, 5, (int) (seconds * 10) + 1);
  assert_true (strstr (screen, "ETA 0:0") != NULL);
  assert_true (g_str_has_suffix (screen, "\r\033[K"));

  g_auto (GStrv) lines = g_strsplit (screen, "\r", -1);
  for (size_t i = 0; lines[i] != NULL; i++)
    {
      lines[i][strcspn (lines[i], "\033")] = '\0';
      assert_true (strlen (lines[i]) <= 59);
    }
}

static void
report_everything (void)
{
  Report report;
  progress_init (&report, false, false);
  ReportProgress progress = { .phase = "dumping", .done_bytes = 1 };
  report_step (&report, "dumping “%s”", "shop");
  report_progress (&report, &progress);
  report_warning (&report, "it shrank", "Look at it.");
  report_progress (&report, &progress);
  report_step (&report, "done");
}

static void
test_lines_take_the_place_of_the_bar (void **state)
{
  (void) state;
  g_autofree char *screen = run_and_watch (true, report_everything);
  assert_string_equal (screen, "dumping “shop”\r\n"
                               "\rdumping  1 B  0:00\033[K\r\033[K"
                               "warning: it shrank\r\nhint: Look at it.\r\n"
                               "\rdumping  1 B  0:00\033[K\r\033[K"
                               "done\r\n");
}

static void
test_a_pipe_gets_lines_only (void **state)
{
  (void) state;
  g_autofree char *text = run_and_watch (false, report_everything);
  assert_string_equal (text, "dumping “shop”\nwarning: it shrank\nhint: Look at it.\ndone\n");
}

static void
report_quietly (void)
{
  Report report;
  progress_init (&report, true, false);
  ReportProgress progress = { .phase = "dumping", .done_bytes = 1 };
  report_step (&report, "begins");
  report_progress (&report, &progress);
  report_warning (&report, "it shrank", NULL);
}

static void
test_quiet_keeps_the_warnings (void **state)
{
  (void) state;
  g_autofree char *screen = run_and_watch (true, report_quietly);
  assert_string_equal (screen, "warning: it shrank\r\n");
}

static gpointer
report_from_a_thread (gpointer data)
{
  ReportProgress progress = { .phase = "dumping" };
  for (int i = 0; i < 2000; i++)
    {
      progress.done_bytes++;
      report_progress (data, &progress);
      if (i % 500 == 0)
        report_warning (data, "from a thread", NULL);
    }
  return NULL;
}

static void
report_from_threads (void)
{
  Report report;
  GThread *threads[4];
  progress_init (&report, false, false);
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("reporter", report_from_a_thread, &report);
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  progress_clear ();
}

static void
test_threads_do_not_mix_their_lines (void **state)
{
  (void) state;
  g_autofree char *screen = run_and_watch (true, report_from_threads);
  assert_int_equal (count (screen, "warning: from a thread\r\n"), 16);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_everything_on_a_wide_terminal),
    cmocka_unit_test (test_narrow_terminals_lose_the_least_useful),
    cmocka_unit_test (test_rows_are_counted_where_their_total_is_known),
    cmocka_unit_test (test_an_unknown_total_has_no_bar_and_no_eta),
    cmocka_unit_test (test_a_total_that_was_too_low_stops_at_all),
    cmocka_unit_test (test_names_cannot_steer_the_terminal),
    cmocka_unit_test (test_clock),
    cmocka_unit_test (test_a_terminal_is_redrawn_at_most_ten_times_a_second),
    cmocka_unit_test (test_lines_take_the_place_of_the_bar),
    cmocka_unit_test (test_a_pipe_gets_lines_only),
    cmocka_unit_test (test_quiet_keeps_the_warnings),
    cmocka_unit_test (test_threads_do_not_mix_their_lines),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
