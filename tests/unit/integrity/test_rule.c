/* The heads of own rules, the names in function bodies, and the page: what needs no server. */
#include "../folder.h"
#include "base/text.h"
#include "integrity/broken_function.h"
#include "integrity/report.h"
#include "integrity/rule.h"

#define HEAD "-- id: a-rule\n-- severity: error\n-- category: rules\n-- why: Because.\n"

static Rule *
parse (const char *text, GError **error)
{
  g_autoptr (SqlParser) parser = sql_parser_new ();
  Rule *rule = NULL;
  return rule_parse (parser, "checks/a.sql", text, strlen (text), &rule, error) ? rule : NULL;
}

static void
test_a_rule_is_read (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_autoptr (Rule) rule = parse ("/* anything */\n-- id: a-rule\n-- severity: critical\n"
                                 "-- category: orphans\n-- why: Because it\n--   must not be.\n"
                                 "-- An ordinary comment, with words.\n"
                                 "-- fix: DELETE FROM t\n--   WHERE a = '--';\n--   DELETE FROM u\n"
                                 "WITH x AS (SELECT 1 AS a) SELECT a -- all\n  FROM x ;\n",
                                 &error);
  assert_no_error (error);
  assert_string_equal (rule->check.id, "a-rule");
  assert_int_equal (rule->check.severity, CHECK_SEVERITY_CRITICAL);
  assert_int_equal (rule->check.category, CHECK_CATEGORY_ORPHANS);
  assert_true (rule->check.is_quick);
  assert_string_equal (rule->why, "Because it must not be.");
  assert_string_equal (rule->fix, "DELETE FROM t\nWHERE a = '--';\nDELETE FROM u");
  assert_string_equal (rule->query, "WITH x AS (SELECT 1 AS a) SELECT a -- all\n  FROM x");
  assert_ptr_equal (rule_of_check (&rule->check), rule);
}

static void
test_bad_rules_are_refused_at_their_line (void **state)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "", "checks/a.sql:1: the rule's head says no “id”" },
    { "SELECT 1", "checks/a.sql:1: the rule's head says no “id”" },
    { "-- id: A\n-- severity: error\n-- category: rules\n-- why: x\nSELECT 1",
      "checks/a.sql:1: “A” cannot be the id of a rule" },
    { "-- id: a\n-- id: b\nSELECT 1", "checks/a.sql:2: “id” is there twice, first in line 1" },
    { "-- id: a\n-- severity: error\n-- category: odd\n-- why: x\nSELECT 1",
      "checks/a.sql:3: “odd” is no category" },
    { "-- id: a\n-- severity: error\n-- category: rules\n-- why:\nSELECT 1",
      "checks/a.sql:4: the rule's head says no “why”" },
    { HEAD, "checks/a.sql:5: the rule has no query" },
    { HEAD "TRUNCATE t", "checks/a.sql:5: the rule's statement is not a query" },
    { HEAD "\nSELECT 1 INTO t", "checks/a.sql:6: the rule's query changes or locks rows" },
    { HEAD "SELECT * FROM t FOR UPDATE", "the rule's query changes or locks rows" },
    { HEAD "SELECT 1;\n\nDROP TABLE t", "checks/a.sql:7: the rule has more than one statement" },
    { HEAD "SELECT 1\nFROM (", "the rule's query cannot be read" },
    { HEAD "SELECT '\xff'", "checks/a.sql:1: the rule is no UTF-8 text" },
  };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      assert_null (parse (cases[i].text, &error));
      assert_error (error, KEEL_ERROR_CONFIG, cases[i].message);
    }
}

static void
test_a_folder_of_rules (void **state)
{
  const char *folder = *state;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) rules = NULL;
  g_autoptr (GPtrArray) none = NULL;
  GPtrArray *refused = NULL;
  g_autofree char *missing = g_build_filename (folder, "missing", NULL);
  assert_true (rules_read (missing, &none, &error));
  assert_int_equal (none->len, 0);
  put_file (folder, "b.sql", HEAD "SELECT 1", strlen (HEAD "SELECT 1"));
  put_file (folder, "a.txt", "x", 1);
  put_file (folder, ".hidden.sql", "x", 1);
  assert_true (rules_read (folder, &rules, &error));
  assert_int_equal (rules->len, 1);
  put_file (folder, "c.sql", HEAD "SELECT 2", strlen (HEAD "SELECT 2"));
  assert_false (rules_read (folder, &refused, &error));
  assert_error (error, KEEL_ERROR_CONFIG, "“a-rule” is the id of");
}

static void
expect_names (const char *body, const char *expected)
{
  g_autoptr (GPtrArray) names = broken_function_names (body);
  g_ptr_array_add (names, NULL);
  g_autofree char *joined = g_strjoinv (" ", (char **) names->pdata);
  assert_string_equal (joined, expected);
}

static void
test_names_in_bodies (void **state)
{
  (void) state;
  expect_names ("BEGIN UPDATE Old SET a = 1; DELETE FROM ONLY \"X\"\"y\"; END", "old X\"y");
  expect_names ("INSERT INTO a.b SELECT * FROM c.d JOIN e ON true", "a.b c.d");
  /* No tables: what locks rows, triggers' words, functions, strings, comments, casts of intervals. */
  expect_names ("SELECT 1 FROM t FOR UPDATE OF t; -- UPDATE x SET\n"
                "IF TG_OP = 'UPDATE' THEN PERFORM f.g(extract(day FROM now())); END IF",
                "");
  expect_names ("SELECT * FROM s.f(1)", "");
  expect_names ("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", "t");
  expect_names ("DECLARE r gone%ROWTYPE; q s.kept%ROWTYPE; BEGIN END", "gone s.kept");
  expect_names ("CREATE TEMP TABLE IF NOT EXISTS mine (a int); INSERT INTO mine VALUES (1)", "");
}

/* Whatever stands in a report, the page has no more elements than its own. */
static void
test_the_page_escapes_everything (void **state)
{
  static const char evil[] = "</script><script>x()</script>\"'&\xe2\x80\xae<img src=x>";
  (void) state;
  g_autoptr (json_t) report = json_pack (
      "{s:s, s:s, s:s, s:s, s:f, s:s, s:{s:i, s:i}, s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s,"
      " s:[{s:s}]}], s:[{s:s, s:s, s:s, s:[s]}]}",
      "project", evil, "environment", evil, "database", evil, "started", evil, "seconds", 1.0,
      "coverage_line", evil, "counts", "critical", 1, "ok", 2, "findings", "check", evil,
      "severity", "critical", "category", evil, "object", evil, "message", evil, "query", evil,
      "fix", evil, "title", evil, "why", evil, "advice", evil, "sample", evil, evil, "coverage",
      "check", evil, "state", "unknown", "noun", evil, "reasons", evil);
  assert_non_null (report);
  g_autofree char *page = report_html (report);
  assert_null (strstr (page, "<script"));
  assert_null (strstr (page, "<img"));
  assert_null (strstr (page, "\xe2\x80\xae"));
  assert_non_null (strstr (page, "&lt;img src=x&gt;"));
  assert_non_null (strstr (page, "U+202E"));
  assert_non_null (strstr (page, "Data is damaged or in danger"));
  /* A report of another version may lack anything. */
  g_autoptr (json_t) empty = json_object ();
  g_autofree char *nothing = report_html (empty);
  assert_non_null (strstr (nothing, "</html>"));
}

static void
test_a_trend_says_gone_only_of_what_was_looked_for (void **state)
{
  (void) state;
  g_autoptr (json_t) before = json_pack (
      "{s:s, s:{}, s:[{s:s, s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:s, s:i}]}",
      "started", "then", "counts", "findings", "check", "a", "object", "gone", "severity", "error",
      "message", "m", "rows", 1, "check", "b", "object", "unseen", "severity", "error", "message",
      "m", "rows", 1, "check", "a", "object", "stays", "severity", "error", "message", "m", "rows",
      5);
  g_autoptr (json_t) now = json_pack (
      "{s:[{s:s, s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:s, s:i}], s:[{s:s, s:i, s:i}, {s:s, s:i, s:i}]}",
      "findings", "check", "a", "object", "stays", "severity", "error", "message", "m", "rows", 3,
      "check", "a", "object", "new", "severity", "error", "message", "m", "rows", 1, "coverage",
      "check", "a", "unknown", 0, "left_out", 0, "check", "b", "unknown", 1, "left_out", 0);
  assert_non_null (before);
  assert_non_null (now);
  report_compare (now, before);
  json_t *trend = json_object_get (now, "trend");
  json_t *gone = json_object_get (trend, "gone");
  json_t *added = json_object_get (trend, "new");
  assert_int_equal (json_array_size (gone), 1);
  assert_string_equal (json_string_value (json_object_get (json_array_get (gone, 0), "object")),
                       "gone");
  assert_int_equal (json_array_size (added), 1);
  json_t *stays = json_array_get (json_object_get (now, "findings"), 0);
  assert_int_equal (json_integer_value (json_object_get (stays, "rows_before")), 5);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_a_rule_is_read),
    cmocka_unit_test (test_bad_rules_are_refused_at_their_line),
    cmocka_unit_test_setup_teardown (test_a_folder_of_rules, make_test_folder, remove_test_folder),
    cmocka_unit_test (test_names_in_bodies),
    cmocka_unit_test (test_the_page_escapes_everything),
    cmocka_unit_test (test_a_trend_says_gone_only_of_what_was_looked_for),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
