/* Differences of texts, line by line. */
#include "../testing.h"
#include "base/line_diff.h"

static void
assert_diff (const char *before, const char *after, guint context, const char *expected)
{
  g_autofree char *diff = line_diff (before, after, context);
  assert_string_equal (diff, expected);
}

static void
test_small (void **state)
{
  (void) state;
  assert_diff ("a\nb\n", "a\nb\n", 3, "");
  assert_diff ("a\nb", "a\nb\n", 3, "");
  assert_diff (NULL, NULL, 3, "");
  assert_diff (NULL, "a\nb\n", 3, "+a\n+b\n");
  assert_diff ("a", NULL, 3, "-a\n");
  assert_diff ("a\nb\nc", "a\nx\nc", 3, " a\n-b\n+x\n c\n");
  assert_diff ("a\nb\nc", "c\na\nb", 3, "+c\n a\n b\n-c\n");
  /* An empty line is a line. */
  assert_diff ("a\n\nb", "a\nb", 3, " a\n-\n b\n");
}

static void
test_context (void **state)
{
  (void) state;
  assert_diff ("1\n2\n3\n4\n5\n6\n7", "1\n2\n3\nx\n5\n6\n7", 1, "...\n 3\n-4\n+x\n 5\n...\n");
  assert_diff ("1\n2\n3", "1\nx\n3", 0, "...\n-2\n+x\n...\n");
  /* What two differences share is written once, what is between them left out. */
  assert_diff ("a\n1\n2\nb", "x\n1\n2\ny", 1, "-a\n+x\n 1\n 2\n-b\n+y\n");
  assert_diff ("a\n1\n2\n3\nb", "x\n1\n2\n3\ny", 1, "-a\n+x\n 1\n...\n 3\n-b\n+y\n");
}

/* Applying the difference to what was before gives what is after, whatever they are. */
static void
test_any (void **state)
{
  (void) state;
  for (guint32 seed = 1; seed < 400; seed++)
    {
      g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
      g_autoptr (GString) before = g_string_new (NULL);
      g_autoptr (GString) after = g_string_new (NULL);
      g_autoptr (GString) old = g_string_new (NULL);
      g_autoptr (GString) new = g_string_new (NULL);
      for (int i = g_rand_int_range (rand, 0, 12); i > 0; i--)
        g_string_append_printf (before, "%d\n", g_rand_int_range (rand, 0, 4));
      for (int i = g_rand_int_range (rand, 0, 12); i > 0; i--)
        g_string_append_printf (after, "%d\n", g_rand_int_range (rand, 0, 4));
      g_autofree char *diff = line_diff (before->str, after->str, 100);
      g_auto (GStrv) lines = g_strsplit (diff, "\n", -1);
      for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
        {
          if (*lines[i] != '+')
            g_string_append_printf (old, "%s\n", lines[i] + 1);
          if (*lines[i] != '-')
            g_string_append_printf (new, "%s\n", lines[i] + 1);
        }
      if (g_string_equal (before, after))
        assert_string_equal (diff, "");
      else
        {
          assert_string_equal (old->str, before->str);
          assert_string_equal (new->str, after->str);
        }
    }
}

/* More than is compared line by line: still right, only longer. */
static void
test_large (void **state)
{
  (void) state;
  g_autoptr (GString) before = g_string_new ("same\n");
  g_autoptr (GString) after = g_string_new ("same\n");
  for (int i = 0; i < 3000; i++)
    {
      g_string_append_printf (before, "a%d\n", i);
      g_string_append_printf (after, "b%d\n", i);
    }
  g_autofree char *diff = line_diff (before->str, after->str, 1);
  assert_true (g_str_has_prefix (diff, " same\n-a0\n-a1\n"));
  assert_true (g_str_has_suffix (diff, "+b2998\n+b2999\n"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_small),
    cmocka_unit_test (test_context),
    cmocka_unit_test (test_any),
    cmocka_unit_test (test_large),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
