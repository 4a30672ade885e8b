/* What is read of a server's log. */
#include "../folder.h"

#include "deploy/command_log.h"

#include <string.h>

#define AT "2026-01-02 03:04:05.678 UTC "

/* "12000 UPDATE t; failed SELECT x" of all statements. */
static void
assert_statements (const CommandLog *log, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < log->statements->len; i++)
    {
      const CommandStatement *statement = log->statements->pdata[i];
      g_string_append_printf (text, "%s", i > 0 ? " | " : "");
      if (statement->failed)
        g_string_append (text, "failed ");
      else
        g_string_append_printf (text, "%d ", (int) statement->elapsed_us);
      g_string_append (text, statement->text);
    }
  assert_string_equal (text->str, expected);
}

static CommandLog
parse (const char *text)
{
  CommandLog log;
  command_log_init (&log);
  command_log_parse (text, strlen (text), &log);
  return log;
}

static void
test_statements (void **state)
{
  (void) state;
  g_auto (CommandLog) log = parse (
      AT "[7] LOG:  00000: duration: 1.500 ms  statement: ALTER TABLE t\n"
         "\tADD COLUMN a int;\n" AT "[7] LOCATION:  exec_simple_query, postgres.c:1338\n" AT
         "[7] LOG:  00000: duration: 0.200 ms  statement: SELECT 1\n" AT
         "[7] LOG:  duration: 12.000 ms  statement: select pg_sleep(0.012)\n" AT
         "[7] LOG:  00000: duration: 0.100 ms  statement: COMMIT\n" AT
         "[7] LOG:  00000: duration: 3.000 ms  statement: COMMIT;\n" AT
         "[7] LOG:  00000: checkpoint starting: immediate\n" AT
         "[8] LOG:  00000: duration: 4 ms  statement: /* x */ CREATE ROLE a PASSWORD 'geheim'\n");
  assert_statements (&log, "1500 ALTER TABLE t\nADD COLUMN a int; | 12000 select pg_sleep(0.012) | "
                           "3000 COMMIT; | 4000 /* x */ CREATE ROLE a PASSWORD  ...");
  assert_int_equal (log.count, 6);
  assert_null (log.failure.sqlstate);
}

/* Parsing and binding are part of it, each session's own. */
static void
test_extended_protocol (void **state)
{
  (void) state;
  g_auto (CommandLog) log
      = parse (AT "[7] LOG:  00000: duration: 1.000 ms  parse <unnamed>: UPDATE t SET a = $1\n" AT
                  "[8] LOG:  00000: duration: 9.000 ms  bind s1: DELETE FROM u\n" AT
                  "[7] LOG:  00000: duration: 0.500 ms  bind <unnamed>: UPDATE t SET a = $1\n" AT
                  "[7] LOG:  00000: duration: 2.000 ms  execute <unnamed>: UPDATE t SET a = $1\n" AT
                  "[7] LOG:  00000: duration: 2.000 ms  execute <unnamed>: UPDATE t SET a = $1\n" AT
                  "[8] LOG:  00000: duration: 1.000 ms  execute s1: DELETE FROM u\n");
  assert_statements (&log, "3500 UPDATE t SET a = $1 | 2000 UPDATE t SET a = $1 | "
                           "10000 DELETE FROM u");
}

static void
test_errors (void **state)
{
  (void) state;
  g_auto (CommandLog) log = parse (
      AT "[7] ERROR:  42P01: relation \"first\" does not exist at character 13\n" AT
         "[7] STATEMENT:  SELECT 1 FROM first\n" AT "[7] ERROR:  23505: duplicate key: \"x\"\n" AT
         "[7] DETAIL:  Key (id)=(1)\n"
         "\texists.\n" AT "[7] HINT:  Take another.\n" AT
         "[7] LOCATION:  _bt_check_unique, nbtinsert.c:664\n" AT
         "[7] STATEMENT:  INSERT INTO t\n\tVALUES (1)\n" AT "[7] DETAIL:  of something else\n" AT
         "[7] FATAL:  57P01: terminating connection\n");
  assert_statements (&log, "failed SELECT 1 FROM first | failed INSERT INTO t\nVALUES (1)");
  assert_string_equal (log.failure.sqlstate, "57P01");
  assert_string_equal (log.failure.message, "terminating connection");
  assert_null (log.failure.detail);
  assert_null (log.failed_text);
  g_auto (CommandLog) second = parse (
      AT "[7] ERROR:  23505: duplicate key: \"x\"\n" AT "[7] DETAIL:  Key (id)=(1)\n"
         "\texists.\n" AT "[7] HINT:  Take another.\n" AT
         "[7] STATEMENT:  INSERT INTO t VALUES (1)\n" AT "[7] DETAIL:  of something else\n");
  assert_string_equal (second.failure.message, "duplicate key: \"x\"");
  assert_string_equal (second.failure.detail, "Key (id)=(1)\nexists.");
  assert_string_equal (second.failure.hint, "Take another.");
  assert_string_equal (second.failed_text, "INSERT INTO t VALUES (1)");
}

/* Whatever is in a log, or cut off it. */
static void
test_nonsense (void **state)
{
  static const char *const texts[] = {
    "",
    "\n\n\t\n",
    "\tthe end of a record that began before\n",
    AT,
    AT "[7]",
    AT "[7] LOG:",
    AT "[7] LOG:  ",
    AT "[7] LOG:  00000: duration: ",
    AT "[7] LOG:  00000: duration: x ms  statement: DELETE FROM t",
    AT "[7] LOG:  00000: duration: 1 ms  statement",
    AT "[7] LOG:  00000: duration: 1 ms  statement: ",
    AT "[7] LOG:  00000: somebody wrote duration: 1 ms  statement: DELETE FROM t",
    AT "[7] ERROR:  no code",
    AT "[7] STATEMENT:  of no error",
    "not a record [7] LOG:  00000: duration: 1 ms  statement: DELETE FROM t",
    "\xff\xfe [\xff] LOG:  \xff",
  };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_auto (CommandLog) log = parse (texts[i]);
      if (log.statements->len > 0)
        fail_msg ("“%s”: %s", texts[i], ((CommandStatement *) log.statements->pdata[0])->text);
    }
}

static void
test_there_is_an_end (void **state)
{
  const char *folder = *state;
  g_autofree char *path = g_build_filename (folder, "log", NULL);
  g_autoptr (GError) error = NULL;
  g_auto (CommandLog) log = { 0 };
  g_autoptr (GString) text = g_string_new ("what was there before\n");
  assert_int_equal (command_log_length (path), 0);
  command_log_init (&log);
  assert_true (command_log_read (path, 0, &log, &error));
  put_file (folder, "log", text->str, text->len);
  int64_t from = command_log_length (path);
  assert_int_equal (from, text->len);
  for (int i = 0; i < 1003; i++)
    g_string_append (text, AT "[7] LOG:  00000: duration: 1 ms  statement: DELETE FROM t\n");
  put_file (folder, "log", text->str, text->len);
  assert_true (command_log_read (path, from, &log, &error));
  assert_no_error (error);
  assert_int_equal (log.statements->len, 1000);
  assert_int_equal (log.left_out, 3);
  assert_int_equal (log.count, 1003);
  assert_true (command_log_read (path, command_log_length (path), &log, &error));
  assert_int_equal (log.count, 1003);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_statements),
    cmocka_unit_test (test_extended_protocol),
    cmocka_unit_test (test_errors),
    cmocka_unit_test (test_nonsense),
    cmocka_unit_test_setup_teardown (test_there_is_an_end, make_test_folder, remove_test_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
