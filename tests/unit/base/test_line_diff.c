/* Differences of texts, line by line. */
#include "../testing.h"
#include "base/line_diff.h"

#include <stdio.h>

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

static void
assert_unified (const char *before, const char *after, const char *expected)
{
  g_autofree char *diff = line_diff_unified ("f", before, after);
  assert_string_equal (diff, expected);
}

#define HEAD "--- a/f\n+++ b/f\n"

static void
test_unified (void **state)
{
  (void) state;
  assert_unified ("a\n", "a\n", "");
  assert_unified (NULL, "a\nb\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n");
  assert_unified ("", "a\n", HEAD "@@ -0,0 +1,1 @@\n+a\n");
  assert_unified ("a\n", "", HEAD "@@ -1,1 +0,0 @@\n-a\n");
  assert_unified ("a", "a\n", HEAD "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
  assert_unified ("a\nb", "x\nb",
                  HEAD "@@ -1,2 +1,2 @@\n-a\n+x\n b\n\\ No newline at end of file\n");
  assert_unified ("1\n2\n3\n4\n5\n", "1\n2\n3\n4\n5\n6\n",
                  HEAD "@@ -3,3 +3,4 @@\n 3\n 4\n 5\n+6\n");
  /* Six lines between two differences are one hunk, seven are two. */
  assert_unified ("a\n1\n2\n3\n4\n5\n6\nb\n", "x\n1\n2\n3\n4\n5\n6\ny\n",
                  HEAD "@@ -1,8 +1,8 @@\n-a\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+y\n");
  assert_unified ("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "x\n1\n2\n3\n4\n5\n6\n7\ny\n",
                  HEAD
                  "@@ -1,4 +1,4 @@\n-a\n+x\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+y\n");
}

/* What patch(1) makes of it: the hunks stand where they say, and hold as many lines as they say. */
static void
test_unified_applies (void **state)
{
  (void) state;
  for (guint32 seed = 1; seed < 300; seed++)
    {
      g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
      g_autoptr (GPtrArray) before = g_ptr_array_new_with_free_func (g_free);
      g_autoptr (GString) old = g_string_new (NULL);
      g_autoptr (GString) new = g_string_new (NULL);
      g_autoptr (GString) made = g_string_new (NULL);
      for (int i = g_rand_int_range (rand, 0, 60); i > 0; i--)
        {
          char *line = g_strdup_printf ("%d", g_rand_int_range (rand, 0, 9));
          int what = g_rand_int_range (rand, 0, 12);
          g_ptr_array_add (before, line);
          g_string_append_printf (old, "%s\n", line);
          if (what > 0)
            g_string_append_printf (new, "%s\n", line);
          if (what < 2)
            g_string_append (new, "x\n");
        }
      g_autofree char *diff = line_diff_unified ("f", old->str, new->str);
      g_auto (GStrv) lines = g_strsplit (diff, "\n", -1);
      guint at = 0, from, old_count = 0, to, new_count = 0;
      for (guint i = 2; i < g_strv_length (lines) && *lines[i] != '\0'; i++)
        {
          if (sscanf (lines[i], "@@ -%u,%u +%u,%u @@", &from, &old_count, &to, &new_count) == 4)
            {
              for (; at < (old_count > 0 ? from - 1 : from); at++)
                g_string_append_printf (made, "%s\n", (char *) g_ptr_array_index (before, at));
              guint made_lines = 0;
              for (const char *c = made->str; *c != '\0'; c++)
                made_lines += *c == '\n';
              assert_int_equal (made_lines, new_count > 0 ? to - 1 : to);
              continue;
            }
          if (*lines[i] != '+')
            assert_string_equal (lines[i] + 1, (char *) g_ptr_array_index (before, at++));
          if (*lines[i] != '-')
            g_string_append_printf (made, "%s\n", lines[i] + 1);
          old_count -= *lines[i] != '+';
          new_count -= *lines[i] != '-';
        }
      assert_int_equal (old_count, 0);
      assert_int_equal (new_count, 0);
      for (; at < before->len; at++)
        g_string_append_printf (made, "%s\n", (char *) g_ptr_array_index (before, at));
      assert_string_equal (made->str, new->str);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_small),   cmocka_unit_test (test_context),
    cmocka_unit_test (test_any),     cmocka_unit_test (test_large),
    cmocka_unit_test (test_unified), cmocka_unit_test (test_unified_applies),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
