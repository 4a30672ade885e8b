/* Leave holds below the process that gave it, for what it was given, and nowhere else. */
#include "../testing.h"
#include "project/leave.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define URL "postgresql://ada:secret@db/shop"

static bool
holds (const char *environment, const char *url)
{
  pid_t giver = 0;
  bool does = leave_holds (environment, url, &giver);
  assert_int_equal (does, giver != 0);
  return does;
}

/* What leave_holds says GENERATIONS of processes below us. */
static bool
holds_below (unsigned int generations, const char *value, const char *environment, const char *url)
{
  pid_t pid = fork ();
  if (pid == 0)
    {
      setenv (LEAVE_VARIABLE, value, 1);
      bool does = generations > 1 ? holds_below (generations - 1, value, environment, url)
                                  : holds (environment, url);
      _exit (does);
    }
  int status = 0;
  assert_int_equal (waitpid (pid, &status, 0), pid);
  assert_true (WIFEXITED (status));
  return WEXITSTATUS (status) == 1;
}

static void
test_it_holds_below (void **state)
{
  (void) state;
  g_autofree char *value = leave_value ("production", URL);
  assert_null (strstr (value, "secret"));
  assert_true (holds_below (1, value, "production", URL));
  assert_true (holds_below (3, value, "production", URL));
  assert_false (holds_below (1, value, "staging", URL));
  assert_false (holds_below (1, value, "production", URL "2"));
  assert_false (holds_below (1, value, "production", NULL));
  g_autofree char *without = leave_value ("production", NULL);
  assert_true (holds_below (1, without, "production", NULL));
  assert_false (holds_below (1, without, "production", URL));
}

static void
test_it_holds_nowhere_else (void **state)
{
  (void) state;
  g_autofree char *value = leave_value ("production", URL);
  const char *rest = strchr (value, ' ');
  assert_false (holds ("production", URL));
  /* Copied out, by who gave it and by who is beside it. */
  setenv (LEAVE_VARIABLE, value, 1);
  assert_false (holds ("production", URL));
  pid_t beside = fork ();
  if (beside == 0)
    {
      pause ();
      _exit (0);
    }
  g_autofree char *of_sibling = g_strdup_printf ("%d%s", (int) beside, rest);
  assert_false (holds_below (1, of_sibling, "production", URL));
  kill (beside, SIGKILL);
  waitpid (beside, NULL, 0);
  assert_false (holds_below (1, of_sibling, "production", URL));
  /* Of an ancestor that is another program. */
  g_autofree char *of_parent = g_strdup_printf ("%d%s", (int) getppid (), rest);
  assert_false (holds_below (1, of_parent, "production", URL));
  static const char *const nonsense[] = { "", " ", "1", "x", "0 production", "-1 production x" };
  for (size_t i = 0; i < G_N_ELEMENTS (nonsense); i++)
    assert_false (holds_below (1, nonsense[i], "production", URL));
  unsetenv (LEAVE_VARIABLE);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_it_holds_below),
    cmocka_unit_test (test_it_holds_nowhere_else),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
