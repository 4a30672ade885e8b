#include "../folder.h"
#include "base/cancel.h"
#include "base/process.h"

#include <signal.h>
#include <sys/wait.h>

#define SH(script) ((const char *const[]){ "sh", "-c", script, NULL })

static void
run (const ProcessSpec *spec, ProcessResult *result)
{
  g_autoptr (GError) error = NULL;
  bool done = process_run (spec, result, &error);
  assert_no_error (error);
  assert_true (done);
}

static void
test_exit_codes_and_signals (void **state)
{
  (void) state;
  static const struct
  {
    const char *script;
    int exit_code;
  } cases[] = { { "exit 0", 0 }, { "exit 7", 7 }, { "exit 255", 255 }, { "kill -9 $$", 137 } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (ProcessResult) result = { 0 };
      run (&(ProcessSpec){ .argv = SH (cases[i].script) }, &result);
      assert_int_equal (result.exit_code, cases[i].exit_code);
    }
}

static void
test_both_outputs_and_standard_input (void **state)
{
  (void) state;
  g_auto (ProcessResult) result = { 0 };
  run (&(ProcessSpec){ .argv = SH ("cat; echo oops >&2"), .input = "some text" }, &result);
  assert_string_equal (result.output, "some text");
  assert_string_equal (result.errors, "oops\n");
  assert_false (result.output_cut);
}

static void
test_no_input_is_an_empty_one (void **state)
{
  (void) state;
  g_auto (ProcessResult) result = { 0 };
  g_auto (ProcessResult) empty = { 0 };
  run (&(ProcessSpec){ .argv = SH ("wc -c") }, &result);
  assert_int_equal (atoi (result.output), 0);
  run (&(ProcessSpec){ .argv = SH ("wc -c"), .input = "" }, &empty);
  assert_int_equal (atoi (empty.output), 0);
}

/* More than pipes hold, both ways at once: neither side may wait for the other for ever. */
static void
test_large_input_and_output_do_not_block (void **state)
{
  (void) state;
  g_autofree char *input = g_strnfill (3 * 1024 * 1024, 'x');
  g_auto (ProcessResult) result = { 0 };
  run (&(ProcessSpec){ .argv = SH ("cat"), .input = input, .output_max_bytes = 4 * 1024 * 1024 },
       &result);
  assert_string_equal (result.output, input);
}

static void
test_a_child_that_does_not_read_is_no_error (void **state)
{
  (void) state;
  g_autofree char *input = g_strnfill (3 * 1024 * 1024, 'x');
  g_auto (ProcessResult) result = { 0 };
  run (&(ProcessSpec){ .argv = SH ("exec <&-; echo done"), .input = input }, &result);
  assert_string_equal (result.output, "done\n");
}

static void
test_output_is_cut_at_its_end_and_errors_at_their_beginning (void **state)
{
  (void) state;
  g_auto (ProcessResult) result = { 0 };
  g_auto (ProcessResult) exact = { 0 };
  g_autoptr (GError) error = NULL;
  ProcessSpec spec = { .argv = SH ("seq 1 1000; seq 1 1000 >&2"), .output_max_bytes = 10 };
  run (&spec, &result);
  assert_string_equal (result.output, "1\n2\n3\n4\n5\n");
  assert_true (result.output_cut);
  assert_string_equal (result.errors, "\n999\n1000\n");
  assert_false (process_run_ok (&spec, &exact, &error));
  assert_error (error, KEEL_ERROR_FAILED, "wrote more than expected");
  assert_null (exact.output);
  run (&(ProcessSpec){ .argv = SH ("printf 1234567890"), .output_max_bytes = 10 }, &exact);
  assert_false (exact.output_cut);
}

static void
test_run_ok_gives_the_last_line_as_detail (void **state)
{
  (void) state;
  g_auto (ProcessResult) result = { 0 };
  g_autoptr (GError) error = NULL;
  ProcessSpec spec = { .argv = SH ("echo first >&2; echo 'the reason ' >&2; echo >&2; exit 3") };
  assert_false (process_run_ok (&spec, &result, &error));
  assert_error (error, KEEL_ERROR_FAILED, "sh failed with exit code 3");
  assert_string_equal (keel_error_detail (error), "the reason");
  assert_null (result.output);
}

static void
test_a_missing_program (void **state)
{
  (void) state;
  g_auto (ProcessResult) result = { 0 };
  g_autoptr (GError) error = NULL;
  ProcessSpec spec = { .argv = (const char *const[]){ "pgkeel-no-such-program", NULL } };
  assert_false (process_run (&spec, &result, &error));
  assert_error (error, KEEL_ERROR_MISSING, "cannot run “pgkeel-no-such-program”");
  g_clear_error (&error);
  spec.argv = (const char *const[]){ "/nonexistent/program", NULL };
  assert_false (process_run (&spec, &result, &error));
  assert_error (error, KEEL_ERROR_MISSING, "cannot run “/nonexistent/program”");
}

static void
test_environment_and_folder (void **state)
{
  g_auto (ProcessResult) result = { 0 };
  g_setenv ("PGKEEL_TEST_A", "ours", TRUE);
  g_setenv ("PGKEEL_TEST_B", "ours", TRUE);
  const char *const environment[] = { "PGKEEL_TEST_A=theirs=x", NULL };
  run (&(ProcessSpec){ .argv = SH ("echo \"$PGKEEL_TEST_A $PGKEEL_TEST_B $(pwd -P)\""),
                       .environment = environment,
                       .folder = *state },
       &result);
  g_autofree char *real = realpath (*state, NULL);
  g_autofree char *expected = g_strdup_printf ("theirs=x ours %s\n", real);
  assert_string_equal (result.output, expected);
  assert_string_equal (g_getenv ("PGKEEL_TEST_A"), "ours");
}

static void
test_descriptors_do_not_leak_into_children (void **state)
{
  g_autofree char *path = g_build_filename (*state, "lock", NULL);
  g_auto (ProcessResult) result = { 0 };
  int fd = -1;
  assert_true (fs_lock (path, &fd, NULL));
  run (&(ProcessSpec){ .argv = SH ("ls -l /proc/self/fd") }, &result);
  assert_null (strstr (result.output, path));
  close (fd);
}

static void
test_start_writes_to_a_log (void **state)
{
  g_autofree char *log = g_build_filename (*state, "log", NULL);
  g_autoptr (GError) error = NULL;
  pid_t pid = 0;
  int status;
  assert_true (process_start (&(ProcessSpec){ .argv = SH ("echo out; echo err >&2; exit 4") }, log,
                              &pid, &error));
  assert_int_equal (waitpid (pid, &status, 0), pid);
  assert_int_equal (WEXITSTATUS (status), 4);
  g_autofree char *text = get_file (*state, "log", NULL);
  assert_string_equal (text, "out\nerr\n");
}

static void *
request_soon (void *data)
{
  (void) data;
  g_usleep (200 * 1000);
  kill (getpid (), SIGTERM);
  return NULL;
}

/* The last one: a request to stop is never taken back. */
static void
test_cancellation_ends_the_child (void **state)
{
  g_autofree char *script = g_strdup_printf (
      "trap 'kill $!; echo ended > %s/ended; exit 9' TERM; sleep 60 > /dev/null 2>&1 & wait",
      (char *) *state);
  g_auto (ProcessResult) result = { 0 };
  g_autoptr (GError) error = NULL;
  cancel_install ();
  assert_false (cancel_requested ());
  GThread *thread = g_thread_new ("request", request_soon, NULL);
  int64_t started = g_get_monotonic_time ();
  ProcessSpec spec = { .argv = (const char *const[]){ "sh", "-c", script, NULL } };
  bool done = process_run (&spec, &result, &error);
  g_thread_join (thread);
  assert_false (done);
  assert_error (error, KEEL_ERROR_CANCELLED, "interrupted");
  assert_null (result.output);
  assert_true (g_get_monotonic_time () - started < 30 * G_USEC_PER_SEC);
  g_autofree char *text = get_file (*state, "ended", NULL);
  assert_string_equal (text, "ended\n");
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown (function, make_test_folder, remove_test_folder)

int
main (void)
{
  /* As cancel_install does for the whole program. */
  signal (SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
    TEST (test_exit_codes_and_signals),
    TEST (test_both_outputs_and_standard_input),
    TEST (test_no_input_is_an_empty_one),
    TEST (test_large_input_and_output_do_not_block),
    TEST (test_a_child_that_does_not_read_is_no_error),
    TEST (test_output_is_cut_at_its_end_and_errors_at_their_beginning),
    TEST (test_run_ok_gives_the_last_line_as_detail),
    TEST (test_a_missing_program),
    TEST (test_environment_and_folder),
    TEST (test_descriptors_do_not_leak_into_children),
    TEST (test_start_writes_to_a_log),
    TEST (test_cancellation_ends_the_child),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
