/* Cutting a migration's text into what is run as one. */
#include "../testing.h"
#include "base/error.h"
#include "migrate/script.h"

#include <string.h>

static SqlParser *parser;

static int
start (void **state)
{
  (void) state;
  parser = sql_parser_new ();
  return 0;
}

static int
stop (void **state)
{
  (void) state;
  sql_parser_free (parser);
  return 0;
}

static MigrationScript
source_of (const char *text)
{
  return (MigrationScript){ .path = (char *) "m.sql",
                            .text = (char *) text,
                            .length = strlen (text),
                            .line = 1,
                            .no_transaction = strstr (text, "no-transaction") != NULL };
}

static MigrateScript *
read_script (const MigrationScript *source)
{
  MigrateScript *script = NULL;
  g_autoptr (GError) error = NULL;
  bool is_read = migrate_script_read (source, parser, &script, &error);
  assert_no_error (error);
  assert_true (is_read);
  return script;
}

/* The units of TEXT: "T" a transaction, "B" the file's own, "R" one that is rolled back, "A" alone, "L" a
 * batch, each with how many statements it has. */
static void
assert_units (const char *text, bool split_enums, const char *expected)
{
  MigrationScript source = source_of (text);
  g_autoptr (MigrateScript) script = read_script (&source);
  g_autoptr (GString) units = g_string_new (NULL);
  for (guint next = 0; next < script->statements->len;)
    {
      ScriptUnit unit = migrate_script_unit_at (script, next, split_enums);
      assert_int_equal (unit.first, next);
      assert_true (unit.count > 0);
      const char *kind = unit.is_rolled_back       ? "R"
                         : unit.is_block           ? "B"
                         : unit.kind == UNIT_ALONE ? "A"
                         : unit.kind == UNIT_BATCH ? "L"
                                                   : "T";
      g_string_append_printf (units, "%s%s%u", units->len > 0 ? " " : "", kind, unit.count);
      next += unit.count;
    }
  if (strcmp (units->str, expected) != 0)
    fail_msg ("%s: units %s, not %s", text, units->str, expected);
}

static void
test_units (void **state)
{
  (void) state;
  assert_units ("SELECT 1; SELECT 2; SELECT 3", false, "T3");
  assert_units ("", false, "");
  assert_units ("-- nothing\n;;", false, "");
  assert_units ("-- pgkeel: no-transaction\nSELECT 1; SELECT 2", false, "T1 T1");
  assert_units ("SELECT 1; CREATE INDEX CONCURRENTLY i ON t (a); SELECT 2; SELECT 3", false,
                "T1 A1 T2");
  assert_units ("VACUUM; SELECT 1", false, "A1 T1");
  assert_units ("BEGIN; SELECT 1; COMMIT;", false, "B3");
  assert_units ("SET x.y = 1; BEGIN; SELECT 1; END; SELECT 2", false, "B4 T1");
  assert_units ("SELECT 1; BEGIN; SELECT 2; COMMIT; START TRANSACTION; SELECT 3; COMMIT", false,
                "T1 B3 B3");
  assert_units ("BEGIN; SAVEPOINT s; ROLLBACK TO s; ROLLBACK WORK TO SAVEPOINT s; COMMIT", false,
                "B5");
  assert_units ("BEGIN; SELECT 1; ROLLBACK; SELECT 2", false, "R3 T1");
  assert_units ("SELECT 1;\n-- pgkeel: batch\nDELETE FROM t; SELECT 2", false, "T1 L1 T1");
  assert_units ("ALTER TYPE m ADD VALUE 'x'; SELECT 1", false, "T2");
  assert_units ("SELECT 0; ALTER TYPE m ADD VALUE 'x'; SELECT 1", true, "T2 T1");
}

static void
test_lines_and_copy_data (void **state)
{
  (void) state;
  MigrationScript source = source_of ("-- a\nSELECT 1;\n\nCOPY t (a, b) FROM stdin;\n1;\t'x\n"
                                      "\\N\t$$\n\\.\nSELECT\n  'ä', 2;\n");
  g_autoptr (MigrateScript) script = read_script (&source);
  assert_int_equal (script->statements->len, 3);
  assert_int_equal (migrate_script_at (script, 0)->line, 2);
  assert_int_equal (migrate_script_at (script, 1)->line, 4);
  assert_int_equal (migrate_script_at (script, 2)->line, 8);
  const ScriptStatement *copy = migrate_script_at (script, 1);
  g_autofree char *data = g_strndup (source.text + copy->data_start, copy->data_length);
  assert_string_equal (data, "1;\t'x\n\\N\t$$\n");
  /* SELECT, newline, two blanks, quote, ä: its tenth character is on the second line. */
  assert_int_equal (migrate_script_line_at (script, 2, 1), 8);
  assert_int_equal (migrate_script_line_at (script, 2, 11), 9);
}

static void
test_digest_is_of_words (void **state)
{
  (void) state;
  MigrationScript first = source_of ("CREATE TABLE a (); INSERT INTO a VALUES ('X');");
  MigrationScript second
      = source_of ("-- x\ncreate table A ( ) ;\n/* y */ insert into a values ('X')");
  MigrationScript third = source_of ("CREATE TABLE a (); INSERT INTO a VALUES ('x');");
  g_autoptr (MigrateScript) a = read_script (&first);
  g_autoptr (MigrateScript) b = read_script (&second);
  g_autoptr (MigrateScript) c = read_script (&third);
  assert_string_equal (migrate_script_at (a, 1)->digest, migrate_script_at (b, 1)->digest);
  assert_string_equal (migrate_script_at (a, 0)->digest, migrate_script_at (c, 0)->digest);
  assert_string_not_equal (migrate_script_at (a, 1)->digest, migrate_script_at (c, 1)->digest);
}

static void
assert_refused (const char *text, const char *message)
{
  MigrationScript source = source_of (text);
  MigrateScript *script = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (migrate_script_read (&source, parser, &script, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_FAILED));
  assert_string_equal (error->message, message);
}

static void
test_refused (void **state)
{
  (void) state;
  assert_refused ("SELECT 1;\n\\i other.sql\n",
                  "m.sql:2: “\\i other.sql” is a command of psql, not SQL");
  assert_refused ("COPY t FROM stdin;\n1\n", "m.sql:1: the rows of this COPY have no end");
  assert_refused ("-- pgkeel: batch pause 3\nDELETE FROM t;",
                  "m.sql:2: the mark “-- pgkeel: batch pause 3” is not understood");
  assert_units ("\\restrict abc\nSELECT 1;\n\\unrestrict abc\n", false, "T1");
}

static void
test_batch_pause (void **state)
{
  (void) state;
  MigrationScript source = source_of ("-- pgkeel: batch pause 2s\nDELETE FROM t;\nDELETE FROM u;");
  g_autoptr (MigrateScript) script = read_script (&source);
  assert_true (migrate_script_at (script, 0)->is_batch);
  assert_int_equal (migrate_script_at (script, 0)->pause_ms, 2000);
  assert_false (migrate_script_at (script, 1)->is_batch);
}

static void
test_session_settings (void **state)
{
  (void) state;
  static const struct
  {
    const char *text;
    bool sets;
  } cases[] = { { "SET search_path = a", true },
                { "RESET role", true },
                { "SELECT pg_catalog.set_config('search_path', '', false)", true },
                { "SET LOCAL x.y = 1", false },
                { "SET CONSTRAINTS ALL DEFERRED", false },
                { "SET TRANSACTION READ ONLY", false },
                { "SELECT pg_catalog.now()", false } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MigrationScript source = source_of (cases[i].text);
      g_autoptr (MigrateScript) script = read_script (&source);
      if (migrate_script_at (script, 0)->sets_session != cases[i].sets)
        fail_msg ("%s", cases[i].text);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_units),
    cmocka_unit_test (test_lines_and_copy_data),
    cmocka_unit_test (test_digest_is_of_words),
    cmocka_unit_test (test_refused),
    cmocka_unit_test (test_batch_pause),
    cmocka_unit_test (test_session_settings),
  };
  return cmocka_run_group_tests (tests, start, stop);
}
