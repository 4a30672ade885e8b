/* A person at a terminal is the master side of a pseudo-terminal. */
#include "../testing.h"
#include "base/cancel.h"
#include "base/text.h"
#include "cli/confirm.h"

#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIRMED 100

static void
test_what_counts_as_yes (void **state)
{
  (void) state;
  static const char *const yes[] = { "y", "Y", "yes", "YES" };
  for (size_t i = 0; i < G_N_ELEMENTS (yes); i++)
    assert_true (confirm_answer_is_yes (CONFIRM_YES_NO, NULL, yes[i]));
  static const char *const no[] = { "", "n", "no", "ye", "yess", "yes please", "1", "true" };
  for (size_t i = 0; i < G_N_ELEMENTS (no); i++)
    assert_false (confirm_answer_is_yes (CONFIRM_YES_NO, NULL, no[i]));

  assert_true (confirm_answer_is_yes (CONFIRM_WORD, "DESTROY", "DESTROY"));
  assert_false (confirm_answer_is_yes (CONFIRM_WORD, "DESTROY", "destroy"));
  assert_false (confirm_answer_is_yes (CONFIRM_NAME, "ledger", "yes"));
  assert_false (confirm_answer_is_yes (CONFIRM_NAME, "ledger", "ledger2"));
  assert_false (confirm_answer_is_yes (CONFIRM_NAME, "", ""));
  assert_false (confirm_answer_is_yes (CONFIRM_NAME, NULL, ""));
  assert_false (confirm_answer_is_yes (CONFIRM_NAME, NULL, "ledger"));
  assert_false (confirm_answer_is_yes (CONFIRM_WORD, "DESTROY", "yes"));
  assert_false (confirm_answer_is_yes (CONFIRM_WORD, "DESTROY", "DESTROY it"));
  assert_false (confirm_answer_is_yes (CONFIRM_WORD, "DESTROY", "\"DESTROY\""));
  assert_false (confirm_answer_is_yes (CONFIRM_NEVER, "DESTROY", "DESTROY"));
  assert_false (confirm_answer_is_yes (CONFIRM_NEVER, NULL, "yes"));

  /* Blanks around an answer are no part of it, but for a name that has some. */
  assert_true (confirm_answer_is_yes (CONFIRM_YES_NO, NULL, " yes \r"));
  assert_true (confirm_answer_is_yes (CONFIRM_WORD, "DESTROY", "DESTROY  "));
  assert_true (confirm_answer_is_yes (CONFIRM_NAME, "ledger", "\tledger\r"));
  assert_true (confirm_answer_is_yes (CONFIRM_NAME, "ledger ", "ledger "));
  assert_false (confirm_answer_is_yes (CONFIRM_NAME, "ledger ", "ledger"));
}

/* Development unless it says otherwise. */
static ProjectEnvironment environment = { .name = (char *) "development" };
static Project project = { .environment = &environment };

/* The operation that asks at LEVEL in development. */
static DestructiveOperation
operation_of (ConfirmLevel level)
{
  switch (level)
    {
    case CONFIRM_NONE: return DESTRUCTIVE_RESTORE_BESIDE;
    case CONFIRM_YES_NO: return DESTRUCTIVE_RESTORE_OWN;
    case CONFIRM_NAME: return DESTRUCTIVE_RESTORE_REPLACE;
    case CONFIRM_WORD:
    case CONFIRM_NEVER: break;
    }
  return DESTRUCTIVE_NUKE;
}

static void
check_passes (CliContext *context, ConfirmLevel level, const char *said)
{
  const ConfirmRequest request
      = { .operation = operation_of (level), .what = "replace “ledger”", .name = "ledger" };
  g_autoptr (GError) error = NULL;
  assert_true (confirm (context, &request, &error));
  assert_no_error (error);
  g_autoptr (json_t) decision = confirm_json (context);
  assert_string_equal (json_string_value (json_object_get (decision, "level")),
                       confirm_level_name (level));
  assert_string_equal (json_string_value (json_object_get (decision, "by")), said);
}

static void
test_flags_answer_without_asking (void **state)
{
  (void) state;
  CliContext plain = { .project = &project };
  CliContext with_yes = { .project = &project, .yes = true };
  CliContext with_name = { .project = &project, .confirm = "ledger" };
  CliContext with_word = { .project = &project, .confirm = "DESTROY" };
  g_autoptr (json_t) before = confirm_json (&plain);
  assert_true (json_is_null (before));
  check_passes (&plain, CONFIRM_NONE, "nothing asked");
  check_passes (&with_yes, CONFIRM_YES_NO, "--yes");
  check_passes (&with_name, CONFIRM_YES_NO, "--confirm");
  check_passes (&with_name, CONFIRM_NAME, "--confirm");
  check_passes (&with_word, CONFIRM_WORD, "--confirm");
  g_setenv ("DB_RESTORE_CONFIRM", "1", TRUE);
  check_passes (&plain, CONFIRM_NAME, "DB_RESTORE_CONFIRM");
  g_setenv ("DB_RESTORE_CONFIRM", "ledger", TRUE);
  check_passes (&plain, CONFIRM_NAME, "DB_RESTORE_CONFIRM");
  g_unsetenv ("DB_RESTORE_CONFIRM");
}

static void
check_refused (const char *name, const char *given, ConfirmLevel level, const char *message)
{
  ProjectEnvironment other = { .name = (char *) name };
  Project there = { .environment = &other };
  CliContext context = { .project = &there, .yes = true, .confirm = given };
  const ConfirmRequest request
      = { .operation = operation_of (level), .what = "replace “ledger”", .name = "ledger" };
  g_autoptr (GError) error = NULL;
  assert_false (confirm (&context, &request, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_REFUSED));
  if (strstr (error->message, message) == NULL)
    fail_msg ("“%s” is not in “%s”", message, error->message);
  g_autoptr (json_t) decision = confirm_json (&context);
  assert_string_equal (json_string_value (json_object_get (decision, "by")), "nobody");
}

/* GUARD_RELEASE_CONFIRM=1 names no volume. */
static void
test_a_variable_that_must_name (void **state)
{
  (void) state;
  static const struct
  {
    const char *value;
    bool passes;
  } cases[] = { { "1", false },     { "", false },       { "pgdata2", false },
                { "pgdata", true }, { "PGDATA", false }, { "pgdata no backup", false } };
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_GUARD_RELEASE, .what = "release it", .name = "pgdata" };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CliContext context = { .project = &project, .yes = true };
      g_autoptr (GError) error = NULL;
      g_setenv ("GUARD_RELEASE_CONFIRM", cases[i].value, TRUE);
      if (!cases[i].passes && isatty (STDERR_FILENO))
        continue; /* it would ask whoever runs the tests by hand */
      assert_int_equal (confirm (&context, &request, &error), cases[i].passes);
      assert_true (cases[i].passes
                   || strstr (keel_error_hint (error), "set GUARD_RELEASE_CONFIRM=pgdata.")
                          != NULL);
    }
  g_unsetenv ("GUARD_RELEASE_CONFIRM");
}

static void
test_what_no_flag_passes (void **state)
{
  (void) state;
  g_setenv ("DB_RESTORE_CONFIRM", "1", TRUE);
  check_refused ("production", "DESTROY", CONFIRM_WORD,
                 "“nuke” is never done in the environment “production”");
  check_refused ("staging", "DESTROY", CONFIRM_WORD, "never done");
  check_refused (
      "development", "ledger", CONFIRM_WORD,
      "--confirm=ledger was given, but this would replace “ledger”, for which the word is "
      "DESTROY");
  check_refused ("development", "shop", CONFIRM_NAME, "--confirm=shop was given");
  check_refused ("development", "shop", CONFIRM_YES_NO, "--confirm=shop was given");
  check_refused ("development", "shop", CONFIRM_NONE, "--confirm=shop was given");
  g_unsetenv ("DB_RESTORE_CONFIRM");
}

/* Runs confirm in a child whose terminal is given TYPED (NULL: no terminal at all). Returns its exit
 * code: CONFIRMED, or that of the error. RET_SCREEN (caller frees): all it showed. */
static int
run_at_terminal (ConfirmLevel level, const char *word, bool yes, const char *typed,
                 char **ret_screen)
{
  int master = -1;
  pid_t pid = forkpty (&master, NULL, NULL, NULL);
  assert_true (pid >= 0);
  if (pid == 0)
    {
      /* Standard error stays one, but nobody can answer. */
      signal (SIGHUP, SIG_IGN);
      if (typed == NULL
          && (ioctl (STDERR_FILENO, TIOCNOTTY) != 0 || freopen ("/dev/null", "r", stdin) == NULL))
        _exit (99);
      cancel_install ();
      CliContext context = { .project = &project, .yes = yes };
      const ConfirmRequest request
          = { .operation = operation_of (level), .what = "replace “ledger”", .name = word };
      GError *error = NULL;
      bool ok = confirm (&context, &request, &error);
      if (error != NULL)
        fprintf (stderr, "%s|%s\n", error->message,
                 keel_error_hint (error) != NULL ? keel_error_hint (error) : "");
      _exit (ok ? CONFIRMED : keel_error_exit_code (error));
    }
  g_autoptr (GString) screen = g_string_new (NULL);
  char buffer[4096];
  ssize_t n;
  while ((n = read (master, buffer, sizeof buffer)) > 0)
    {
      g_string_append_len (screen, buffer, n);
      /* Typed before the question is there, a signal key would find nobody. */
      bool is_asked = g_str_has_suffix (screen->str, "[y/N] ")
                      || g_str_has_suffix (screen->str, "to go on: ");
      if (!is_asked || typed == NULL)
        continue;
      assert_int_equal (write (master, typed, strlen (typed)), (ssize_t) strlen (typed));
      typed = NULL;
    }
  close (master);
  int status = 0;
  assert_int_equal (waitpid (pid, &status, 0), pid);
  assert_true (WIFEXITED (status));
  *ret_screen = g_strdup (screen->str);
  return WEXITSTATUS (status);
}

static void
assert_answer (ConfirmLevel level, const char *word, bool yes, const char *typed, int exit_code,
               const char *shown)
{
  g_autofree char *screen = NULL;
  assert_int_equal (run_at_terminal (level, word, yes, typed, &screen), exit_code);
  if (strstr (screen, shown) == NULL)
    fail_msg ("“%s” is not in “%s”", shown, screen);
}

static void
test_a_person_answers (void **state)
{
  (void) state;
  assert_answer (CONFIRM_YES_NO, NULL, false, "y\n", CONFIRMED,
                 "This will replace “ledger”. Go on? [y/N] ");
  assert_answer (CONFIRM_YES_NO, NULL, false, "\n", 3, "not confirmed: nothing was changed");
  assert_answer (CONFIRM_YES_NO, NULL, false, "nonsense\n", 3, "not confirmed");
  assert_answer (CONFIRM_NAME, "ledger", false, "ledger\n", CONFIRMED,
                 "Type the name ledger to go on: ");
  assert_answer (CONFIRM_WORD, "ledger", false, "DESTROY\n", CONFIRMED, "Type DESTROY to go on: ");
  assert_answer (CONFIRM_WORD, "ledger", false, "DESTROY \n", CONFIRMED, "Type DESTROY to go on: ");
  /* One try. */
  assert_answer (CONFIRM_WORD, "ledger", false, "ledger\nDESTROY\n", 3, "not confirmed");
  assert_answer (CONFIRM_NAME, "ledger", false, "LEDGER\nledger\n", 3, "not confirmed");
}

static void
test_yes_does_not_type_a_name (void **state)
{
  (void) state;
  assert_answer (CONFIRM_NAME, "ledger", true, "yes\n", 3, "not confirmed");
  assert_answer (CONFIRM_WORD, "DESTROY", true, "\n", 3, "not confirmed");
}

static void
test_end_of_input_is_a_no (void **state)
{
  (void) state;
  assert_answer (CONFIRM_YES_NO, NULL, false, "\004", 3, "not confirmed");
  assert_answer (CONFIRM_YES_NO, NULL, false, "y\004\004", 3, "not confirmed");
  assert_answer (CONFIRM_WORD, "ledger", false, "DESTROY\004\004", 3, "not confirmed");
}

static void
test_an_interrupt_ends_the_question (void **state)
{
  (void) state;
  assert_answer (CONFIRM_YES_NO, NULL, false, "\003", 5, "interrupted");
  assert_answer (CONFIRM_WORD, "ledger", true, "DESTROY\003", 5, "interrupted");
}

static void
test_without_a_terminal_the_way_is_named (void **state)
{
  (void) state;
  assert_answer (CONFIRM_NAME, "ledger", true, NULL, 3,
                 "there is no terminal to confirm on: this would replace “ledger”|Run it on a "
                 "terminal, give --confirm=ledger, or set DB_RESTORE_CONFIRM=1.");
  assert_answer (CONFIRM_YES_NO, NULL, false, NULL, 3,
                 "terminal, give --yes, or set DB_RESTORE_CONFIRM=1.");
  assert_answer (CONFIRM_NAME, "my ledger", false, NULL, 3, "give --confirm='my ledger', or");
  assert_answer (CONFIRM_WORD, NULL, true, NULL, 3,
                 "|Run it on a terminal, or give --confirm=DESTROY.");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_what_counts_as_yes),
    cmocka_unit_test (test_flags_answer_without_asking),
    cmocka_unit_test (test_a_variable_that_must_name),
    cmocka_unit_test (test_what_no_flag_passes),
    cmocka_unit_test (test_a_person_answers),
    cmocka_unit_test (test_yes_does_not_type_a_name),
    cmocka_unit_test (test_end_of_input_is_a_no),
    cmocka_unit_test (test_an_interrupt_ends_the_question),
    cmocka_unit_test (test_without_a_terminal_the_way_is_named),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
