#include "../testing.h"
#include "backup/script.h"

#include <string.h>

#define FINE ((KeelErrorKind) -1)

static KeelErrorKind
read_in_pieces (const char *text, size_t length, size_t piece, bool is_gzip)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Script) script = script_new ("dump.sql", is_gzip);
  bool is_fine = true;
  for (size_t at = 0; is_fine && at < length; at += piece)
    {
      /* Of exactly this size, so that reading beyond it is seen. */
      size_t count = MIN (piece, length - at);
      g_autofree char *copy = g_memdup2 (text + at, count);
      is_fine = script_read (script, copy, count, &error);
    }
  is_fine = is_fine && script_end (script, &error);
  assert_true (is_fine == (error == NULL));
  return is_fine ? FINE : (KeelErrorKind) error->code;
}

/* However the text is cut, the verdict is the same. */
static void
expect (KeelErrorKind expected, const char *text)
{
  static const size_t pieces[] = { 1, 2, 3, 5, 64, 1 << 20 };
  for (size_t i = 0; i < G_N_ELEMENTS (pieces); i++)
    {
      KeelErrorKind kind = read_in_pieces (text, strlen (text), pieces[i], false);
      if (kind != expected)
        fail_msg ("in pieces of %zu: %d instead of %d: %s", pieces[i], (int) kind, (int) expected,
                  text);
    }
}

static void
test_commands (void **state)
{
  static const char *const refused[] = {
    "\\c",
    "\\connect x\n",
    "SELECT 1 \\g |sh\n",
    "SELECT 1; \\! true\n",
    "\\echo `true`\n",
    "\\echo x \\c y\n",
    "\\set ON_ERROR_STOP off\n",
    "SELECT 'it''s' \\c\n",
    "SELECT E'\\\\' \\c\n",
    "SELECT E'it''s \\' ' \\c\n",
    "SELECT '\\' \\c\n",
    "SELECT \"\\\" \\c\n",
    "SELECT type'\\' \\c\n",
    "SELECT $$ $ $$ \\c\n",
    "SELECT $a$ $b$ $a $a$ \\c\n",
    "SELECT a$b$, \\c\n",
    "SELECT $1, $2 \\c\n",
    "SELECT 1 -- '\n\\c\n",
    "/* /* */ ' */ \\c\n",
    "SELECT 1 / * 2 \\c */\n",
    "COPY t FROM stdin;\na\n\\.\n\\c\n",
    "COPY t FROM stdin;\na\n\\.\r\n\\c\n",
    "COPY t TO stdout;\n\\c\n\\.\n",
    "COPY t FROM 'stdin';\n\\c\n\\.\n",
    "COPY (SELECT a FROM stdin) TO stdout;\n\\c\n\\.\n",
    "SELECT 1 FROM stdin;\n\\c\n\\.\n",
    "COPY t FROM stdin; \\c\n\\.\n",
    "SET standard_conforming_strings = off;\nSELECT '\\'';\nSET standard_conforming_strings = on;\n"
    "SELECT '\\' \\c\n",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    expect (KEEL_ERROR_REFUSED, refused[i]);
}

static void
test_statements (void **state)
{
  static const char *const refused[] = { "DROP DATABASE x",
                                         "drop/**/database x;",
                                         "SELECT 1;\nCreate Database x;",
                                         "-- x\nALTER DATABASE \"x\" SET a = b;",
                                         "alter\nsystem reset all;",
                                         "DROP ROLE x;",
                                         "DROP TABLESPACE x;",
                                         "DROP DATABASE\"x\";" };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    expect (KEEL_ERROR_REFUSED, refused[i]);
}

static void
test_fine (void **state)
{
  static const char *const fine[] = {
    "",
    "SELECT 1",
    "\\restrict abc\nSELECT 1;\n\\unrestrict abc\n",
    "\\echo done",
    "\\set ON_ERROR_STOP on\n",
    "\\encoding UTF8\n",
    "SELECT 1 \\; SELECT 2;\n",
    "SELECT a\\:b;\n",
    "INSERT INTO t VALUES ('\\c\n\\! x\n');",
    "INSERT INTO t VALUES (E'\\'\\c', e'a''\\'\\c');",
    "SELECT $$\n\\c\n$$, $x$ $$ \\c $ $x $x$, \"\\c\"\"\\c\";",
    "-- \\c\n/* \\c /* \\c */ \\c */",
    "COPY t (a, b) FROM stdin;\n\\\\c\t1\n\\.x\n\\c\n'\n\\.\nSELECT 1;\n",
    "copy public.t from -- x\n stdin with (format text); -- y\n\\c\n\\.\n",
    "SET standard_conforming_strings = off;\nSELECT 'it\\'s \\c';\n",
    "DROP TABLE database;",
    "DROP USER MAPPING FOR x SERVER y;",
    "CREATE TABLE t (drop int, database int); COMMENT ON DATABASE x IS 'y';",
    "CREATE FUNCTION f () RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;",
    "SELECT 'DROP DATABASE x;';",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (fine); i++)
    expect (FINE, fine[i]);
}

static void
test_ends (void **state)
{
  expect (KEEL_ERROR_CORRUPT, "--\n-- PostgreSQL database dump\n--\nSELECT 1;\n");
  expect (FINE,
          "-- PostgreSQL database dump\nSELECT 1;\n-- PostgreSQL database dump complete\n--\n");
  expect (FINE, "-- PostgreSQL database dump\n-- PostgreSQL database dump complete");
  /* In a string it is no end. */
  expect (KEEL_ERROR_CORRUPT,
          "-- PostgreSQL database dump\nSELECT '\n-- PostgreSQL database dump complete\n';");
  expect (KEEL_ERROR_CORRUPT, "-- Restore without pgkeel: gunzip\nSELECT 1;\n");
  expect (FINE, "-- Restore without pgkeel: gunzip\nSELECT 1;\n-- {\"end\":{}}\n");
  assert_int_equal (
      read_in_pieces ("-- Restore without pgkeel: \n-- {\"end\":{}}\n", 42, 100, true),
      KEEL_ERROR_CORRUPT);
}

static void
test_no_text (void **state)
{
  assert_int_equal (read_in_pieces ("ELF\0\1\2", 6, 100, false), KEEL_ERROR_USAGE);
  assert_int_equal (read_in_pieces ("SELECT \0;", 9, 1, false), KEEL_ERROR_USAGE);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_commands), cmocka_unit_test (test_statements),
    cmocka_unit_test (test_fine),     cmocka_unit_test (test_ends),
    cmocka_unit_test (test_no_text),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
