/* What pgkeel.yaml says of integrity: declared aggregates and what is ignored. Needs no server. */
#include "../folder.h"
#include "base/text.h"
#include "integrity/aggregates.h"
#include "integrity/ignore.h"
#include "integrity/report.h"
#include "integrity/rule.h"

static ProjectIntegrity
settings_new (void)
{
  return (ProjectIntegrity){ .aggregates = g_ptr_array_new (), .ignore = g_ptr_array_new () };
}

static void
settings_clear (ProjectIntegrity *settings)
{
  g_ptr_array_unref (settings->aggregates);
  g_ptr_array_unref (settings->ignore);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ProjectIntegrity, settings_clear)

static void
test_expressions_are_one_value_and_nothing_more (void **state)
{
  static const struct
  {
    const char *expression, *filter, *message;
  } cases[] = {
    { "count(*)", NULL, NULL },
    { "sum(amount) FILTER (WHERE type = 'deposit')", "status IN ('a', 'b') OR x IS NULL", NULL },
    { "max(day)", "note <> '--' AND other <> ';'", NULL },
    { "(SELECT 1)", NULL, NULL },
    { "sum(amount", NULL, "a:1:1: “expression” cannot be read: " },
    { "", NULL, "a:1:1: “expression” cannot be read: " },
    { "count(*)) FROM (t", NULL, "a:1:1: “expression” cannot be read: " },
    { "count(*)), (sum(x)", NULL, "a:1:1: “expression” is more than one expression" },
    { "count(*), sum(x)", NULL, "a:1:1: “expression” is more than one expression" },
    { "1) UNION SELECT (2", NULL, "a:1:1: “expression” is more than one expression" },
    { "1) FROM pg_class WHERE (true", NULL, "a:1:1: “expression” is more than one expression" },
    { "1); DROP TABLE t; SELECT (1", NULL, "a:1:1: “expression” " },
    { "count(*) -- all", NULL, "a:1:1: “expression” has a comment in it" },
    { "count(*)", "true /* all */", "a:2:1: “filter” has a comment in it" },
    { "count(*)", "x = 1) OR (", "a:2:1: “filter” cannot be read: " },
    { "count(*)", "x = 1) GROUP BY (y", "a:2:1: “filter” is more than one expression" },
  };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (ProjectIntegrity) settings = settings_new ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) aggregates = NULL;
      ProjectAggregate written = { .parent = (char *) "t",
                                   .column = (char *) "n",
                                   .child = (char *) "c",
                                   .expression = (char *) cases[i].expression,
                                   .expression_place = (char *) "a:1:1",
                                   .filter = (char *) cases[i].filter,
                                   .filter_place = (char *) "a:2:1" };
      g_ptr_array_add (settings.aggregates, &written);
      bool done = integrity_aggregates_read (&settings, &aggregates, &error);
      if (done != (cases[i].message == NULL))
        fail_msg ("“%s”, “%s”: %s", cases[i].expression, cases[i].filter,
                  done ? "taken" : error->message);
      if (!done)
        assert_error (error, KEEL_ERROR_CONFIG, cases[i].message);
      else
        assert_string_equal (((IntegrityAggregate *) aggregates->pdata[0])->expression,
                             cases[i].expression);
    }
}

static void
test_patterns_match_checks_and_objects (void **state)
{
  (void) state;
  assert_true (ignore_matches ("fk-orphans", "fk-orphans", "public.a.b"));
  assert_true (ignore_matches ("fk-orphans", "fk-orphans", NULL));
  assert_true (ignore_matches ("fk-*:public.a.*", "fk-orphans", "public.a.b"));
  assert_true (ignore_matches ("*:public.a.?", "anything", "public.a.b"));
  assert_false (ignore_matches ("*:public.a.?", "anything", "public.a.bb"));
  assert_false (ignore_matches ("fk-orphan", "fk-orphans", "public.a.b"));
  assert_false (ignore_matches ("fk-orphans:*", "fk-orphans", NULL));
  assert_false (ignore_matches ("fk-orphans:public.a.b", "fk-missing", "public.a.b"));
  assert_true (ignore_may_match ("fk-*:public.a", "fk-missing"));
  assert_false (ignore_may_match ("fk-*:public.a", "index-unused"));
}

static void
test_ids_that_no_check_has_are_refused (void **state)
{
  static const struct
  {
    const char *pattern, *message, *hint;
  } cases[] = {
    { "fk-orphans", NULL, NULL },
    { "index-*:public.x", NULL, NULL },
    { "own-rule:checks/own.sql", NULL, NULL },
    { "*:public.x", NULL, NULL },
    { "fk-orphan", "p:1:2: there is no check “fk-orphan”", "Did you mean “fk-orphans”?" },
    { "own-rul:x", "p:1:2: there is no check “own-rul”", "Did you mean “own-rule”?" },
    { "zzz-*", "p:1:2: there is no check “zzz-*”",
      "“pgkeel integrity check --list” names them all." },
  };
  (void) state;
  Check own = { .id = "own-rule" };
  g_autoptr (GPtrArray) rules = g_ptr_array_new ();
  g_ptr_array_add (rules, &own);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (ProjectIntegrity) settings = settings_new ();
      g_autoptr (GError) error = NULL;
      g_autofree const char **patterns = NULL;
      ProjectPattern pattern = { (char *) cases[i].pattern, (char *) "p:1:2" };
      g_ptr_array_add (settings.ignore, &pattern);
      if (ignore_read (&settings, rules, &patterns, &error))
        {
          assert_null (cases[i].message);
          assert_string_equal (patterns[0], cases[i].pattern);
          assert_null (patterns[1]);
          continue;
        }
      assert_non_null (cases[i].message);
      assert_error (error, KEEL_ERROR_CONFIG, cases[i].message);
      assert_string_equal (keel_error_hint (error), cases[i].hint);
    }
}

/* To ignore a finding does not make it gone, and to hear of it again does not make it new. */
static void
test_a_trend_knows_what_is_ignored (void **state)
{
  static const char with[]
      = "{'started': 'then', 'counts': {}, 'findings': [{'check': 'a', 'object': 'x', 'severity':"
        " 'error', 'message': 'm', 'rows': 1}], 'ignored': {'findings': []}, 'coverage': [{'check':"
        " 'a', 'unknown': 0, 'left_out': 0}]}";
  static const char ignored[]
      = "{'started': 'now', 'counts': {}, 'findings': [], 'ignored': {'findings': [{'check': 'a',"
        " 'object': 'x', 'severity': 'error', 'message': 'm'}]}, 'coverage': [{'check': 'a',"
        " 'unknown': 0, 'left_out': 0}]}";
  (void) state;
  g_autofree char *with_text = g_strdelimit (g_strdup (with), "'", '"');
  g_autofree char *ignored_text = g_strdelimit (g_strdup (ignored), "'", '"');
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (json_t) first = json_loads (i == 0 ? with_text : ignored_text, 0, NULL);
      g_autoptr (json_t) second = json_loads (i == 0 ? ignored_text : with_text, 0, NULL);
      assert_non_null (first);
      assert_non_null (second);
      report_compare (second, first);
      json_t *trend = json_object_get (second, "trend");
      assert_int_equal (json_array_size (json_object_get (trend, "new")), 0);
      assert_int_equal (json_array_size (json_object_get (trend, "gone")), 0);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_expressions_are_one_value_and_nothing_more),
    cmocka_unit_test (test_patterns_match_checks_and_objects),
    cmocka_unit_test (test_ids_that_no_check_has_are_refused),
    cmocka_unit_test (test_a_trend_knows_what_is_ignored),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
