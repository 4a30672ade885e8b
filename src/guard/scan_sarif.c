/* What a comment allows is there too, as suppressed in the source. */
#include "base/sarif.h"
#include "guard/scan.h"

static json_t *
rules_json (void)
{
  size_t count;
  const ScanRule *rules = scan_rules (&count);
  json_t *array = json_array ();
  for (size_t i = 0; i < count; i++)
    json_array_append_new (
        array, sarif_rule (&(SarifRule){ .id = rules[i].id,
                                         .title = rules[i].title,
                                         .why = rules[i].why,
                                         .change = rules[i].change,
                                         .level = scan_severity_name (rules[i].severity) }));
  return array;
}

static json_t *
result_json (const ScanFinding *finding)
{
  size_t count;
  g_autofree char *message
      = g_strdup_printf ("%s: %s. %s Instead: %s", finding->rule->title, finding->message,
                         finding->rule->why, finding->rule->change);
  SarifPlace place = { .path = finding->file, .line = finding->line, .column = finding->column };
  return sarif_result (finding->rule->id, (size_t) (finding->rule - scan_rules (&count)),
                       scan_severity_name (finding->severity), message, &place, finding->reason);
}

json_t *
scan_sarif (const ScanResult *result, const char *version)
{
  json_t *results = json_array ();
  for (guint i = 0; i < result->findings->len; i++)
    json_array_append_new (results, result_json (result->findings->pdata[i]));
  for (guint i = 0; i < result->allowed->len; i++)
    json_array_append_new (results, result_json (result->allowed->pdata[i]));
  return sarif_log (version, rules_json (), results);
}
