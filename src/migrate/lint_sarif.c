#include "migrate/lint_internal.h"

#include "base/sarif.h"

static json_t *
rules_json (void)
{
  size_t count;
  const LintRule *rules = lint_rules (&count);
  json_t *array = json_array ();
  for (size_t i = 0; i < count; i++)
    json_array_append_new (
        array, sarif_rule (&(SarifRule){ .id = rules[i].id,
                                         .title = rules[i].title,
                                         .why = rules[i].why,
                                         .change = rules[i].rewrite,
                                         .level = lint_severity_name (rules[i].severity) }));
  return array;
}

static json_t *
result_json (const LintFinding *finding)
{
  bool is_longer = finding->end_line > finding->line;
  g_autofree char *message
      = g_strdup_printf ("%s. %s Instead: %s", finding->message, finding->rule->why,
                         finding->rewrite != NULL ? finding->rewrite : finding->rule->rewrite);
  SarifPlace place = { .path = finding->path,
                       .line = finding->line,
                       .column = finding->column,
                       .end_line = MAX (finding->end_line, finding->line),
                       .end_column = is_longer ? finding->end_column
                                               : MAX (finding->end_column, finding->column) };
  size_t count;
  return sarif_result (finding->rule->id, (size_t) (finding->rule - lint_rules (&count)),
                       lint_severity_name (finding->severity), message, &place, NULL);
}

json_t *
lint_sarif (const LintResult *result, const char *version)
{
  json_t *results = json_array ();
  for (guint i = 0; i < result->findings->len; i++)
    json_array_append_new (results, result_json (result->findings->pdata[i]));
  return sarif_log (version, rules_json (), results);
}
