/*
 * SARIF 2.1.0 (OASIS), as code hosts show it beside the lines. What a comment allows is there too, as
 * suppressed in the source.
 */
#include "base/text.h"
#include "guard/scan.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *
text_object (const char *text)
{
  g_autofree char *safe = text_escape_invalid (text);
  return json_pack ("{s:s}", "text", safe);
}

static json_t *
rules_json (void)
{
  size_t count;
  const ScanRule *rules = scan_rules (&count);
  json_t *array = json_array ();
  for (size_t i = 0; i < count; i++)
    json_array_append_new (array, json_pack ("{s:s, s:o, s:o, s:o, s:{s:s}}", "id", rules[i].id,
                                             "shortDescription", text_object (rules[i].title),
                                             "fullDescription", text_object (rules[i].why), "help",
                                             text_object (rules[i].change), "defaultConfiguration",
                                             "level", scan_severity_name (rules[i].severity)));
  return array;
}

static json_t *
location_json (const ScanFinding *finding)
{
  g_autofree char *uri = g_uri_escape_string (finding->file, "/", FALSE);
  return json_pack ("{s:{s:{s:s}, s:{s:i, s:i}}}", "physicalLocation", "artifactLocation", "uri",
                    uri, "region", "startLine", (int) finding->line, "startColumn",
                    (int) finding->column);
}

static json_t *
result_json (const ScanFinding *finding)
{
  size_t count;
  g_autofree char *message
      = g_strdup_printf ("%s: %s. %s Instead: %s", finding->rule->title, finding->message,
                         finding->rule->why, finding->rule->change);
  json_t *result = json_pack ("{s:s, s:i, s:s, s:o, s:[o]}", "ruleId", finding->rule->id,
                              "ruleIndex", (int) (finding->rule - scan_rules (&count)), "level",
                              scan_severity_name (finding->severity), "message",
                              text_object (message), "locations", location_json (finding));
  if (finding->reason != NULL)
    {
      g_autofree char *reason = text_escape_invalid (finding->reason);
      json_object_set_new (result, "suppressions",
                           json_pack ("[{s:s, s:s}]", "kind", "inSource", "justification", reason));
    }
  return result;
}

json_t *
scan_sarif (const ScanResult *result, const char *version)
{
  json_t *results = json_array ();
  for (guint i = 0; i < result->findings->len; i++)
    json_array_append_new (results, result_json (result->findings->pdata[i]));
  for (guint i = 0; i < result->allowed->len; i++)
    json_array_append_new (results, result_json (result->allowed->pdata[i]));
  return json_pack ("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema", SCHEMA,
                    "version", "2.1.0", "runs", "tool", "driver", "name", "pgkeel", "version",
                    version, "rules", rules_json (), "columnKind", "unicodeCodePoints", "results",
                    results);
}
