#include "base/sarif.h"

#include "base/text.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *
text_object (const char *text)
{
  g_autofree char *safe = text_escape_invalid (text);
  return json_pack ("{s:s}", "text", safe);
}

json_t *
sarif_rule (const SarifRule *rule)
{
  return json_pack ("{s:s, s:o, s:o, s:o, s:{s:s}}", "id", rule->id, "shortDescription",
                    text_object (rule->title), "fullDescription", text_object (rule->why), "help",
                    text_object (rule->change), "defaultConfiguration", "level", rule->level);
}

static json_t *
region_json (const SarifPlace *place)
{
  json_t *region = json_pack ("{s:I, s:I}", "startLine", (json_int_t) place->line, "startColumn",
                              (json_int_t) place->column);
  if (place->end_line > 0)
    {
      json_object_set_new (region, "endLine", json_integer ((json_int_t) place->end_line));
      json_object_set_new (region, "endColumn", json_integer ((json_int_t) place->end_column));
    }
  return region;
}

json_t *
sarif_result (const char *rule_id, size_t rule_index, const char *level, const char *message,
              const SarifPlace *place, const char *suppressed_why)
{
  g_autofree char *uri = g_uri_escape_string (place->path, "/", FALSE);
  json_t *result = json_pack ("{s:s, s:I, s:s, s:o, s:[{s:{s:{s:s}, s:o}}]}", "ruleId", rule_id,
                              "ruleIndex", (json_int_t) rule_index, "level", level, "message",
                              text_object (message), "locations", "physicalLocation",
                              "artifactLocation", "uri", uri, "region", region_json (place));
  if (suppressed_why != NULL)
    {
      g_autofree char *safe = text_escape_invalid (suppressed_why);
      json_object_set_new (result, "suppressions",
                           json_pack ("[{s:s, s:s}]", "kind", "inSource", "justification", safe));
    }
  return result;
}

json_t *
sarif_log (const char *version, json_t *rules, json_t *results)
{
  return json_pack ("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema", SCHEMA,
                    "version", "2.1.0", "runs", "tool", "driver", "name", "pgkeel", "version",
                    version, "rules", rules, "columnKind", "unicodeCodePoints", "results", results);
}
