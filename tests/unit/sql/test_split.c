#include "../testing.h"
#include "sql/split.h"

#include <string.h>

/* Splits TEXT and compares with a NULL-terminated list. */
static void
check (const char *text, const char *const *expected)
{
  g_autoptr (GArray) statements = sql_split (text, strlen (text));
  size_t count = 0;
  for (; expected[count] != NULL; count++)
    {
      assert_true (count < statements->len);
      SqlStatement *statement = &g_array_index (statements, SqlStatement, count);
      g_autofree char *got = g_strndup (text + statement->start, statement->length);
      assert_string_equal (got, expected[count]);
    }
  assert_int_equal (statements->len, count);
}

#define CHECK(text, ...) check (text, (const char *const[]){ __VA_ARGS__, NULL })

static void
test_plain (void **state)
{
  (void) state;
  CHECK ("SELECT 1; SELECT 2", "SELECT 1", "SELECT 2");
  CHECK (";; -- only a comment;\n /* a; /* b; */ c; */ SELECT 1 -- x;\n;\n", "SELECT 1");
  check ("  -- nothing\n", (const char *const[]){ NULL });
}

static void
test_quotes (void **state)
{
  (void) state;
  CHECK ("SELECT 'a;''b'; SELECT \"x;\"\"y\"", "SELECT 'a;''b'", "SELECT \"x;\"\"y\"");
  CHECK ("SELECT E'a\\';b'; SELECT 'c\\'; SELECT 3", "SELECT E'a\\';b'", "SELECT 'c\\'",
         "SELECT 3");
  CHECK ("DO $x$ a; $$ b; $x$; SELECT $1; SELECT a$b$c; SELECT 2", "DO $x$ a; $$ b; $x$",
         "SELECT $1", "SELECT a$b$c", "SELECT 2");
}

static void
test_bodies (void **state)
{
  (void) state;
  CHECK (
      "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; "
      "SELECT 2; END; SELECT 3",
      "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; "
      "SELECT 2; END",
      "SELECT 3");
  CHECK ("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); BEGIN; END; SELECT 4",
         "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)", "BEGIN", "END",
         "SELECT 4");
}

static void
test_unclosed_runs_to_the_end (void **state)
{
  (void) state;
  CHECK ("SELECT 1; SELECT 'a; b", "SELECT 1", "SELECT 'a; b");
  CHECK ("SELECT $q$ a; b", "SELECT $q$ a; b");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_plain),
    cmocka_unit_test (test_quotes),
    cmocka_unit_test (test_bodies),
    cmocka_unit_test (test_unclosed_runs_to_the_end),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
