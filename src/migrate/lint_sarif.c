/*
 * SARIF 2.1.0 (OASIS), as code review tools show it beside the lines.
 */
#include "migrate/lint_internal.h"

#include "base/text.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *
text_object (const char *text)
{
  g_autofree char *safe = text_escape_invalid (text);
  return json_pack ("{s:s}", "text", safe);
}

static json_t *
rule_json (const LintRule *rule)
{
  return json_pack ("{s:s, s:o, s:o, s:o, s:{s:s}}", "id", rule->id, "shortDescription",
                    text_object (rule->title), "fullDescription", text_object (rule->why), "help",
                    text_object (rule->rewrite), "defaultConfiguration", "level",
                    lint_severity_name (rule->severity));
}

static json_t *
rules_json (void)
{
  size_t count;
  const LintRule *rules = lint_rules (&count);
  json_t *array = json_array ();
  for (size_t i = 0; i < count; i++)
    json_array_append_new (array, rule_json (&rules[i]));
  return array;
}

static json_t *
region_json (const LintFinding *finding)
{
  return json_pack (
      "{s:i, s:i, s:i, s:i}", "startLine", (int) finding->line, "startColumn",
      (int) finding->column, "endLine", (int) MAX (finding->end_line, finding->line), "endColumn",
      (int) (finding->end_line > finding->line ? finding->end_column
                                               : MAX (finding->end_column, finding->column)));
}

static json_t *
result_json (const LintFinding *finding)
{
  g_autofree char *uri = g_uri_escape_string (finding->path, "/", FALSE);
  g_autofree char *message
      = g_strdup_printf ("%s. %s Instead: %s", finding->message, finding->rule->why,
                         finding->rewrite != NULL ? finding->rewrite : finding->rule->rewrite);
  size_t count;
  return json_pack ("{s:s, s:i, s:s, s:o, s:[{s:{s:{s:s}, s:o}}]}", "ruleId", finding->rule->id,
                    "ruleIndex", (int) (finding->rule - lint_rules (&count)), "level",
                    lint_severity_name (finding->severity), "message", text_object (message),
                    "locations", "physicalLocation", "artifactLocation", "uri", uri, "region",
                    region_json (finding));
}

json_t *
lint_sarif (const LintResult *result, const char *version)
{
  json_t *results = json_array ();
  for (guint i = 0; i < result->findings->len; i++)
    json_array_append_new (results, result_json (result->findings->pdata[i]));
  return json_pack ("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema", SCHEMA,
                    "version", "2.1.0", "runs", "tool", "driver", "name", "pgkeel", "version",
                    version, "rules", rules_json (), "columnKind", "unicodeCodePoints", "results",
                    results);
}
