#include "../testing.h"
#include "sql/parse.h"
#include "sql/token.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int
start (void **state)
{
  *state = sql_parser_new ();
  return 0;
}

static int
end (void **state)
{
  sql_parser_free (*state);
  return 0;
}

/* The tree, or NULL and *RET_MESSAGE, which may be NULL. */
static json_t *
parse (SqlParser *parser, const char *text, size_t length, char **ret_message, size_t *ret_position)
{
  g_autoptr (GError) error = NULL;
  json_t *tree = NULL;
  bool ok = sql_parse (parser, text, length, &tree, ret_message, ret_position, &error);
  assert_no_error (error);
  assert_true (ok);
  return tree;
}

static void
assert_parses (SqlParser *parser, const char *text, const char *node)
{
  json_t *tree = parse (parser, text, strlen (text), NULL, NULL);
  assert_non_null (tree);
  assert_int_equal (json_object_size (tree), 1);
  assert_non_null (json_object_get (tree, node));
  json_decref (tree);
}

static void
assert_refused (SqlParser *parser, const char *text, size_t length, const char *expected,
                size_t expected_position)
{
  g_autofree char *message = NULL;
  size_t position = 12345;
  assert_null (parse (parser, text, length, &message, &position));
  assert_non_null (message);
  if (strstr (message, expected) == NULL)
    fail_msg ("“%s” does not contain “%s”", message, expected);
  assert_int_equal (position, expected_position);
}

/* TIMES times TEXT between HEAD and TAIL. */
static char *
repeat (const char *head, const char *text, size_t times, const char *tail)
{
  GString *all = g_string_new (head);
  while (times-- > 0)
    g_string_append (all, text);
  g_string_append (all, tail);
  return g_string_free (all, FALSE);
}

static void
test_trees (void **state)
{
  assert_parses (*state, "ALTER TABLE t ADD COLUMN c int", "AlterTableStmt");
  assert_parses (*state, "select 1 -- a comment", "SelectStmt");
  assert_parses (
      *state, "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
      "CreateFunctionStmt");
  assert_in_range (sql_parser_version (), 15, 30);
}

static void
test_errors_say_where (void **state)
{
  assert_refused (*state, "SELEC 1", 7, "syntax error at or near \"SELEC\"", 0);
  /* The parser counts characters, we count bytes. */
  assert_refused (*state, "SELECT 'é', fro m x y", 22, "syntax error at or near \"x\"", 19);
  assert_refused (*state, "SELECT 1; SELECT 2", 18, "more than one statement", 0);
  assert_refused (*state, " -- nothing", 11, "no statement", 0);
  assert_refused (*state, "SELECT\0001", 8, "zero byte", 0);
  assert_parses (*state, "SELECT 1", "SelectStmt");
}

static void
test_deep_nesting_ends_the_child_only (void **state)
{
  g_autofree char *sum = repeat ("SELECT 1", "+1", 100000, "");
  g_autofree char *parens = repeat ("SELECT ", "(", 5000, "1");
  g_autofree char *deep = repeat ("SELECT 1", "+1", 3000, "");
  assert_refused (*state, sum, strlen (sum), "nested too deeply", 0);
  assert_parses (*state, "SELECT 2", "SelectStmt");
  assert_refused (*state, parens, strlen (parens), "syntax error at end of input", strlen (parens));
  assert_refused (*state, deep, strlen (deep), "nested too deeply", 0);
  assert_parses (*state, "SELECT 3", "SelectStmt");
}

static void
test_size_is_limited (void **state)
{
  g_autofree char *rows = repeat ("INSERT INTO t VALUES (1)", ",(1,2,3,4,5,6)", 200000, "");
  g_autofree char *bomb = repeat ("SELECT ARRAY[1", ",1", 4000000, "]");
  g_autofree char *huge = repeat ("SELECT '", "0123456789", 1000000, "'");
  assert_refused (*state, rows, strlen (rows), "too large to be parsed", 0);
  assert_refused (*state, bomb, strlen (bomb), "too large to be parsed", 0);
  assert_refused (*state, huge, strlen (huge), "too large to be parsed", 0);
  assert_parses (*state, "SELECT 4", "SelectStmt");
}

/* Ids of our children, zombies too. */
static GArray *
children (void)
{
  GArray *pids = g_array_new (FALSE, FALSE, sizeof (pid_t));
  g_autofree char *text = NULL;
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/children", (int) getpid ());
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) words = g_strsplit (g_strstrip (text), " ", -1);
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0')
      {
        pid_t pid = (pid_t) atoi (*word);
        g_array_append_val (pids, pid);
      }
  return pids;
}

static void
test_killed_child_is_replaced (void **state)
{
  assert_parses (*state, "SELECT 1", "SelectStmt");
  g_autoptr (GArray) before = children ();
  assert_int_equal (before->len, 1);
  assert_int_equal (kill (g_array_index (before, pid_t, 0), SIGKILL), 0);
  assert_parses (*state, "SELECT 2", "SelectStmt");
  g_autoptr (GArray) after = children ();
  assert_int_equal (after->len, 1);
  assert_int_not_equal (g_array_index (before, pid_t, 0), g_array_index (after, pid_t, 0));
}

static void
test_freed_parser_leaves_no_process (void **state)
{
  SqlParser *parser = sql_parser_new ();
  g_autofree char *sum = repeat ("SELECT 1", "+1", 100000, "");
  assert_refused (parser, sum, strlen (sum), "nested too deeply", 0);
  assert_parses (parser, "SELECT 1", "SelectStmt");
  sql_parser_free (parser);
  g_autoptr (GArray) after = children ();
  assert_int_equal (after->len, 0);
}

/* What the parent holds must not live on in the child: a lock would. */
static void
test_child_holds_no_descriptors (void **state)
{
  int pipe_fds[2];
  char byte;
  assert_int_equal (pipe (pipe_fds), 0);
  assert_parses (*state, "SELECT 1", "SelectStmt");
  close (pipe_fds[1]);
  assert_int_equal (read (pipe_fds[0], &byte, 1), 0);
  close (pipe_fds[0]);
}

/* A parent that is killed takes its parser along. */
static void
test_child_dies_with_its_parent (void **state)
{
  int pipe_fds[2];
  pid_t grandchild = 0;
  assert_int_equal (pipe (pipe_fds), 0);
  pid_t child = fork ();
  if (child == 0)
    {
      SqlParser *parser = sql_parser_new ();
      json_t *tree = NULL;
      if (!sql_parse (parser, "SELECT 1", 8, &tree, NULL, NULL, NULL))
        _exit (1);
      g_autoptr (GArray) pids = children ();
      if (write (pipe_fds[1], pids->data, sizeof (pid_t)) < 0)
        _exit (1);
      pause ();
      _exit (0);
    }
  assert_int_equal (read (pipe_fds[0], &grandchild, sizeof grandchild), sizeof grandchild);
  close (pipe_fds[0]);
  close (pipe_fds[1]);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int) grandchild);
  for (int i = 0; i < 500; i++)
    {
      g_autofree char *status = NULL;
      /* Whoever adopted it may be slow to bury it. */
      if (!g_file_get_contents (path, &status, NULL, NULL) || strstr (status, "zombie") != NULL)
        return;
      g_usleep (10000);
    }
  fail_msg ("process %d lives on", (int) grandchild);
}

static char *
fingerprint (SqlParser *parser, const char *text)
{
  g_autoptr (GError) error = NULL;
  char *result = NULL;
  bool ok = sql_fingerprint (parser, text, strlen (text), &result, &error);
  assert_no_error (error);
  assert_true (ok);
  return result;
}

static bool
same (SqlParser *parser, const char *a, const char *b)
{
  g_autofree char *of_a = fingerprint (parser, a);
  g_autofree char *of_b = fingerprint (parser, b);
  return sql_fingerprint_equal (of_a, of_b);
}

static void
test_fingerprint_ignores_layout (void **state)
{
  static const char text[] = "CREATE TABLE t (a int DEFAULT 1, \"B\" text);\n"
                             "INSERT INTO t VALUES (1, 'X');\n";
  assert_true (same (*state, text,
                     "create table T(A INT default 1,\"B\" text); -- new\n\n"
                     "/* /* x */ */ ;;insert\ninto t values(1,'X')"));
  assert_true (same (*state, text,
                     "CREATE TABLE t (a int DEFAULT 1, \"B\" text);\r\n"
                     "INSERT INTO t VALUES (1, 'X');\r\n"));
  /* By the tree alone. */
  assert_true (same (*state, "SELECT 'a', i FROM t", "SELECT E'a', i FROM \"t\""));
  /* By the words alone: no parser knows this. */
  assert_true (same (*state, "FROB t; SELECT 'a'", "frob   T ;\nselect 'a';"));
}

static void
test_fingerprint_sees_changes (void **state)
{
  static const char *const changes[][2] = {
    { "SELECT 1", "SELECT 2" },
    { "SELECT 'a'", "SELECT 'A'" },
    { "SELECT 'a  b'", "SELECT 'a b'" },
    { "SELECT \"a\"", "SELECT \"A\"" },
    { "SELECT 1; SELECT 2", "SELECT 2; SELECT 1" },
    { "SELECT 1", "SELECT 1; SELECT 1" },
    { "SELECT 1 -- ; SELECT 2", "SELECT 1; SELECT 2" },
    { "ALTER TABLE t ADD c int", "ALTER TABLE t ADD c bigint" },
    { "SELECT a b", "SELECT ab" },
    { "FROB 'a'", "FROB 'b'" },
    { "COPY t FROM stdin;\na\tB\n\\.\n", "COPY t FROM stdin;\na\tb\n\\.\n" },
    { "COPY t (a) FROM STDIN WITH CSV;\na b\n\\.\nSELECT 1",
      "COPY t (a) FROM STDIN WITH CSV;\na  b\n\\.\nSELECT 1" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (changes); i++)
    if (same (*state, changes[i][0], changes[i][1]))
      fail_msg ("no difference seen between “%s” and “%s”", changes[i][0], changes[i][1]);
}

static void
test_fingerprint_of_bodies (void **state)
{
  assert_true (
      same (*state, "DO $$ BEGIN  PERFORM 1; END $$", "do $x$begin\n\tPERFORM 1; -- x\nEND$x$"));
  assert_true (same (*state, "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql",
                     "CREATE FUNCTION f() RETURNS int AS $$\n  select 1\n$$ LANGUAGE sql"));
  assert_false (same (*state, "CREATE FUNCTION f() RETURNS int AS $$ SELECT 'a' $$ LANGUAGE sql",
                      "CREATE FUNCTION f() RETURNS int AS $$ SELECT 'A' $$ LANGUAGE sql"));
  /* Layout is meaning in Python, and in a text. */
  assert_false (
      same (*state, "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$\n if a:\n  b\n c$$",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$\n if a:\n  b\n  c$$"));
  assert_false (
      same (*state, "DO LANGUAGE plpython3u $$\na\n b$$", "DO LANGUAGE plpython3u $$\na\nb$$"));
  assert_false (same (*state, "INSERT INTO t VALUES ($$a b$$)", "INSERT INTO t VALUES ($$a  b$$)"));
}

static void
test_fingerprint_form (void **state)
{
  g_autofree char *both = fingerprint (*state, "SELECT 1");
  g_autofree char *words = fingerprint (*state, "FROB 1");
  g_autofree char *pattern
      = g_strdup_printf ("^tokens:[0-9a-f]{32} pg%d:[0-9a-f]{32}$", sql_parser_version ());
  assert_true (g_regex_match_simple (pattern, both, 0, 0));
  assert_true (g_regex_match_simple ("^tokens:[0-9a-f]{32}$", words, 0, 0));
  /* Kept in databases: it must never change. */
  both[39] = '\0';
  assert_string_equal (both, "tokens:3d200bad89728ff541dda67a460d731f");
  assert_true (sql_fingerprint_equal ("tokens:a pg15:b", "tokens:c pg15:b"));
  assert_false (sql_fingerprint_equal ("tokens:a pg15:b", "tokens:c pg17:b"));
  assert_false (sql_fingerprint_equal ("", ""));
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, start, end)
  const struct CMUnitTest tests[] = {
    TEST (test_trees),
    TEST (test_errors_say_where),
    TEST (test_deep_nesting_ends_the_child_only),
    TEST (test_size_is_limited),
    TEST (test_killed_child_is_replaced),
    TEST (test_freed_parser_leaves_no_process),
    TEST (test_child_holds_no_descriptors),
    TEST (test_child_dies_with_its_parent),
    TEST (test_fingerprint_ignores_layout),
    TEST (test_fingerprint_sees_changes),
    TEST (test_fingerprint_of_bodies),
    TEST (test_fingerprint_form),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
