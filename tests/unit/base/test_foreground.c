#include "../testing.h"
#include "base/cancel.h"
#include "base/foreground.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SH(script) ((const char *const[]){ "sh", "-c", script, NULL })

static int
run (const char *script)
{
  g_autoptr (GError) error = NULL;
  int status = -1;
  bool done = foreground_run (SH (script), NULL, &status, &error);
  assert_no_error (error);
  assert_true (done);
  return status;
}

/* In a process of its own, as a program would: what it ends with is what the script ended with. */
static G_NORETURN void
run_and_end_alike (const char *script)
{
  int status = -1;
  cancel_install ();
  if (!foreground_run (SH (script), NULL, &status, NULL))
    _exit (99);
  foreground_die_alike (status);
  _exit (foreground_exit_code (status));
}

static void
test_exit_codes_and_signals (void **state)
{
  (void) state;
  static const struct
  {
    const char *script;
    int exit_code;
    int killed_by;
  } cases[] = { { "exit 0", 0, 0 },
                { "exit 7", 7, 0 },
                { "exit 255", 255, 0 },
                { "kill -KILL $$", 137, SIGKILL },
                { "kill -TERM $$", 143, SIGTERM },
                { "kill -INT $$", 130, SIGINT },
                { "kill -PIPE $$", 141, SIGPIPE } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      assert_int_equal (foreground_exit_code (run (cases[i].script)), cases[i].exit_code);
      pid_t pid = fork ();
      if (pid == 0)
        run_and_end_alike (cases[i].script);
      int status;
      assert_int_equal (waitpid (pid, &status, 0), pid);
      assert_int_equal (WIFSIGNALED (status) ? WTERMSIG (status) : 0, cases[i].killed_by);
      if (cases[i].killed_by == 0)
        assert_int_equal (WEXITSTATUS (status), cases[i].exit_code);
    }
}

static void
test_what_cannot_be_run (void **state)
{
  (void) state;
  static const struct
  {
    const char *program;
    KeelErrorKind kind;
    const char *message;
  } cases[]
      = { { "no-such-program-anywhere", KEEL_ERROR_MISSING,
            "cannot run “no-such-program-anywhere”: No such file or directory" },
          { "/etc/passwd", KEEL_ERROR_FAILED, "cannot run “/etc/passwd”: Permission denied" } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      int status = -1;
      assert_false (
          foreground_run ((const char *const[]){ cases[i].program, NULL }, NULL, &status, &error));
      assert_true (keel_error_is (error, cases[i].kind));
      assert_string_equal (error->message, cases[i].message);
      assert_int_equal (status, -1);
    }
}

static void
test_environment_is_the_one_given (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  int status;
  char *environment[] = { "ONLY=this", NULL };
  const char *const argv[]
      = { "sh", "-c", "test \"$ONLY\" = this && test -z \"$FOREGROUND_TEST\"", NULL };
  g_setenv ("FOREGROUND_TEST", "x", TRUE);
  assert_int_equal (run ("test \"$FOREGROUND_TEST\" = x"), 0);
  assert_true (foreground_run (argv, environment, &status, &error));
  assert_int_equal (status, 0);
}

/* --- signals ------------------------------------------------------------------------------------ */

static void
read_word (int fd, const char *word)
{
  char seen[4096] = "";
  size_t length = 0;
  while (strstr (seen, word) == NULL)
    {
      ssize_t count = read (fd, seen + length, sizeof seen - 1 - length);
      if (count <= 0)
        fail_msg ("“%s” never came, only “%s”", word, seen);
      length += (size_t) count;
      seen[length] = '\0';
    }
}

static void
test_signals_are_passed_on (void **state)
{
  (void) state;
  static const int signals[] = { SIGUSR1, SIGTERM, SIGHUP, SIGINT };
  for (size_t i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      int ends[2];
      assert_int_equal (pipe (ends), 0);
      pid_t pid = fork ();
      if (pid == 0)
        {
          dup2 (ends[1], STDOUT_FILENO);
          run_and_end_alike ("trap 'exit 41' USR1; trap 'exit 42' TERM; trap 'exit 43' HUP;"
                             "trap 'exit 44' INT; echo ready; while :; do sleep 0.02; done");
        }
      close (ends[1]);
      read_word (ends[0], "ready");
      assert_int_equal (kill (pid, signals[i]), 0);
      int status;
      assert_int_equal (waitpid (pid, &status, 0), pid);
      assert_true (WIFEXITED (status));
      assert_int_equal (WEXITSTATUS (status), 41 + (int) i);
      close (ends[0]);
    }
}

/* A terminal with a small shell in it, which runs SCRIPT as a job in the foreground, and each time that the
 * job stops says so and lets it go on. *RET_MASTER: the terminal's other end. */
static pid_t
start_in_terminal (const char *script, int *ret_master)
{
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  assert_true (master >= 0 && grantpt (master) == 0 && unlockpt (master) == 0);
  pid_t shell = fork ();
  if (shell != 0)
    {
      *ret_master = master;
      return shell;
    }
  setsid ();
  int terminal = open (ptsname (master), O_RDWR);
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    dup2 (terminal, fd);
  signal (SIGTTOU, SIG_IGN);
  pid_t job = fork ();
  if (job == 0)
    {
      setpgid (0, 0);
      tcsetpgrp (STDIN_FILENO, getpid ());
      signal (SIGTTOU, SIG_DFL);
      run_and_end_alike (script);
    }
  int status;
  while (waitpid (job, &status, WUNTRACED) == job && WIFSTOPPED (status))
    {
      ssize_t ignored = write (STDOUT_FILENO, "stopped\n", 8);
      (void) ignored;
      kill (-job, SIGCONT);
    }
  _exit (WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
}

static int
end_of (pid_t pid, int master)
{
  int status;
  assert_int_equal (waitpid (pid, &status, 0), pid);
  close (master);
  assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static void
type (int master, const char *text)
{
  assert_int_equal (write (master, text, strlen (text)), (ssize_t) strlen (text));
}

static void
test_the_terminal_is_the_programs (void **state)
{
  (void) state;
  int master;
  pid_t pid = start_in_terminal ("test -t 0 && test -t 1 && test -t 2 && echo rea''dy && read x &&"
                                 " test \"$x\" = typed && exit 5",
                                 &master);
  read_word (master, "ready");
  type (master, "typed\n");
  assert_int_equal (end_of (pid, master), 5);
}

/* Once: passed on as well it would arrive twice. */
static void
test_ctrl_c_reaches_the_program_once (void **state)
{
  (void) state;
  int master;
  pid_t pid
      = start_in_terminal ("n=0; trap 'n=$((n + 1))' INT; echo rea''dy; while [ $n -eq 0 ]; do"
                           " sleep 0.02; done; sleep 0.2; exit $((60 + n))",
                           &master);
  read_word (master, "ready");
  type (master, "\003");
  assert_int_equal (end_of (pid, master), 61);
}

static void
test_ctrl_z_stops_both (void **state)
{
  (void) state;
  int master;
  pid_t pid = start_in_terminal ("echo rea''dy; read x; echo \"go\"t $x; exit 6", &master);
  read_word (master, "ready");
  type (master, "\032");
  read_word (master, "stopped");
  type (master, "more\n");
  read_word (master, "got more");
  assert_int_equal (end_of (pid, master), 6);
}

/* Who ignores Ctrl-Z is waited for. */
static void
test_a_program_that_does_not_stop (void **state)
{
  (void) state;
  int master;
  pid_t pid = start_in_terminal ("trap '' TSTP; echo rea''dy; read x; exit 8", &master);
  read_word (master, "ready");
  type (master, "\032");
  type (master, "x\n");
  assert_int_equal (end_of (pid, master), 8);
}

/* What started the tests may ignore signals (nohup, a shell's background), which a shell's trap cannot change. */
static void
take_no_notice_of_the_caller (void)
{
  static const int signals[] = { SIGUSR1, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP };
  for (size_t i = 0; i < G_N_ELEMENTS (signals); i++)
    signal (signals[i], SIG_DFL);
}

int
main (void)
{
  take_no_notice_of_the_caller ();
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_exit_codes_and_signals),
    cmocka_unit_test (test_what_cannot_be_run),
    cmocka_unit_test (test_environment_is_the_one_given),
    cmocka_unit_test (test_signals_are_passed_on),
    cmocka_unit_test (test_the_terminal_is_the_programs),
    cmocka_unit_test (test_ctrl_c_reaches_the_program_once),
    cmocka_unit_test (test_ctrl_z_stops_both),
    cmocka_unit_test (test_a_program_that_does_not_stop),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
