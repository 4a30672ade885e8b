/*
 * The report as one page: no scripts, nothing loaded from elsewhere, every text escaped. Readable by who
 * knows no SQL: what it means comes first, statements are folded away.
 */
#include "base/text.h"
#include "integrity/report.h"

#include <string.h>

static const char head[]
    = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\""
      " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<title>Integrity report</title>\n<style>\n"
      ":root { color-scheme: light dark; --line: #8884; --soft: #8881; --critical: #c62a2f;"
      " --error: #c4460a; --warning: #946800; --info: #3451b2; --good: #18794e; }\n"
      "@media (prefers-color-scheme: dark){ :root { --critical: #ff6369; --error: #ff8b3e;"
      " --warning: #f0c000; --info: #8da4ef; --good: #4cc38a; } }\n"
      "body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto;"
      " padding: 0 1rem; }\n"
      "h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }\n"
      ".verdict { font-size: 1.15rem; border-left: 0.4rem solid; padding: 0.4rem 0.8rem; }\n"
      ".tiles { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1rem 0; padding: 0; list-style: none; }\n"
      ".tiles li { background: var(--soft); border-radius: 0.5rem; padding: 0.5rem 1rem; min-width: 6rem; }\n"
      ".tiles b { display: block; font-size: 1.6rem; line-height: 1.2; }\n"
      ".critical { color: var(--critical); } .error { color: var(--error); }"
      " .warning { color: var(--warning); } .info { color: var(--info); } .good { color: var(--good); }\n"
      "article { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.75rem 1rem;"
      " margin: 0.75rem 0; }\n"
      "article h3 { font-size: 1rem; margin: 0; } article p { margin: 0.3rem 0; }\n"
      ".object { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }\n"
      ".tag { font-size: 0.8rem; border: 1px solid; border-radius: 1rem; padding: 0 0.5rem;"
      " margin-left: 0.4rem; white-space: nowrap; }\n"
      "details { margin-top: 0.4rem; } summary { cursor: pointer; }\n"
      "pre { background: var(--soft); padding: 0.6rem; white-space: pre-wrap; overflow-wrap: anywhere;"
      " margin: 0.4rem 0; }\n"
      ".scroll { overflow-x: auto; }\n"
      "table { border-collapse: collapse; font-size: 0.9rem; }\n"
      "th, td { text-align: start; vertical-align: top; padding: 0.25rem 0.6rem;"
      " border-bottom: 1px solid var(--line); max-width: 24rem; overflow-wrap: anywhere; }\n"
      "td.n, th.n { text-align: end; white-space: nowrap; }\n"
      ".null { opacity: 0.6; font-style: italic; }\n"
      "@media print { details { display: block; } article { break-inside: avoid; } }\n"
      "</style>\n</head>\n<body>\n";

/* The characters that turn text around, and other controls, would let a value look like another one:
 * they are shown as numbers. Everything else that has a direction stays in its own <bdi>. */
static bool
is_hidden (gunichar c)
{
  return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || (c >= 0x80 && c <= 0x9f)
         || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e)
         || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || c == 0x2028 || c == 0x2029;
}

static void
add_escaped (GString *page, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);
      if (is_hidden (c))
        g_string_append_printf (page, "<span class=\"null\">U+%04X</span>", c);
      else if (c == '&')
        g_string_append (page, "&amp;");
      else if (c == '<')
        g_string_append (page, "&lt;");
      else if (c == '>')
        g_string_append (page, "&gt;");
      else if (c == '"')
        g_string_append (page, "&quot;");
      else if (c == '\'')
        g_string_append (page, "&#39;");
      else
        g_string_append_unichar (page, c);
    }
}

/* Text of the database's own, kept from turning what stands around it. */
static void
add_foreign (GString *page, const char *text)
{
  g_string_append (page, "<bdi>");
  add_escaped (page, text);
  g_string_append (page, "</bdi>");
}

static const char *
get_text (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text != NULL ? text : "";
}

static json_int_t
get_number (const json_t *object, const char *key)
{
  return json_integer_value (json_object_get (object, key));
}

static bool
has_text (const json_t *object, const char *key)
{
  return json_is_string (json_object_get (object, key));
}

/* --- the top -------------------------------------------------------------------------------------- */

static const char *const severities[] = { "critical", "error", "warning", "info" };
static const char *const severity_words[] = { "Critical", "Errors", "Warnings", "Notes" };
static const char *const severity_means[]
    = { "Data is lost or wrong, or will be at the next crash. Act today.",
        "Something is wrong that somebody will run into. Act this week.",
        "Not wrong yet, or only slow. Plan it.", "Worth knowing." };

static void
add_verdict (GString *page, const json_t *report)
{
  const json_t *counts = json_object_get (report, "counts");
  const char *class = "good";
  const char *words = "Everything that was looked at is in order.";
  if (get_number (counts, "critical") > 0)
    {
      class = "critical";
      words = "Data is damaged or in danger: something must be done today.";
    }
  else if (get_number (counts, "error") > 0)
    {
      class = "error";
      words = "There are faults that should be put right this week.";
    }
  else if (get_number (counts, "unknown") > 0)
    {
      class = "warning";
      words = "No fault was found, but not everything could be looked at.";
    }
  else if (get_number (counts, "warning") > 0)
    {
      class = "warning";
      words = "No fault was found; some things should be improved.";
    }
  g_string_append_printf (page, "<p class=\"verdict %s\" id=\"verdict\">%s</p>\n", class, words);
}

static void
add_tile (GString *page, const char *class, json_int_t number, const char *words,
          const json_t *then, const char *key)
{
  g_autofree char *shown = text_format_count ((uint64_t) number);
  g_string_append_printf (page, "<li><b class=\"%s\">%s</b>%s", number > 0 ? class : "", shown,
                          words);
  if (json_is_object (then))
    {
      json_int_t change = number - get_number (then, key);
      if (change == 0)
        g_string_append (page, "<br><small>as before</small>");
      else
        g_string_append_printf (page, "<br><small>%s%" JSON_INTEGER_FORMAT " since</small>",
                                change > 0 ? "+" : "\xe2\x88\x92", change > 0 ? change : -change);
    }
  g_string_append (page, "</li>\n");
}

static void
add_tiles (GString *page, const json_t *report)
{
  const json_t *counts = json_object_get (report, "counts");
  const json_t *then = json_object_get (json_object_get (report, "trend"), "counts");
  g_string_append (page, "<ul class=\"tiles\">\n");
  for (size_t i = 0; i < G_N_ELEMENTS (severities); i++)
    add_tile (page, severities[i], get_number (counts, severities[i]), severity_words[i], then,
              severities[i]);
  add_tile (page, "warning", get_number (counts, "unknown"), "checks unknown", then, "unknown");
  add_tile (page, "good", get_number (counts, "ok"), "checks passed", then, "ok");
  g_string_append (page, "</ul>\n");
}

static void
add_head (GString *page, const json_t *report)
{
  g_string_append (page, "<h1>Integrity of ");
  add_foreign (page, get_text (report, "project"));
  g_string_append (page, ", ");
  add_foreign (page, get_text (report, "environment"));
  g_string_append (page, "</h1>\n<p>Database ");
  add_foreign (page, get_text (report, "database"));
  g_string_append (page, ", looked at on ");
  add_escaped (page, get_text (report, "started"));
  g_string_append_printf (page, " in %.1f s</p>\n",
                          json_number_value (json_object_get (report, "seconds")));
}

/* --- findings ------------------------------------------------------------------------------------- */

static void
add_cell (GString *page, const json_t *value)
{
  g_string_append (page, "<td>");
  if (json_is_string (value))
    add_foreign (page, json_string_value (value));
  else
    g_string_append (page, "<span class=\"null\">null</span>");
  g_string_append (page, "</td>");
}

static void
add_sample (GString *page, const json_t *finding)
{
  json_t *rows = json_object_get (finding, "sample");
  json_t *first = json_array_get (rows, 0);
  const char *name;
  json_t *row;
  json_t *value;
  size_t i;
  if (has_text (finding, "sample_error"))
    {
      g_string_append (page, "<p>Rows cannot be shown: ");
      add_escaped (page, get_text (finding, "sample_error"));
      g_string_append (page, "</p>\n");
    }
  if (!json_is_object (first))
    return;
  g_string_append (page, "<div class=\"scroll\"><table class=\"sample\">\n<tr>");
  json_object_foreach (first, name, value)
    {
      g_string_append (page, "<th>");
      add_foreign (page, name);
      g_string_append (page, "</th>");
    }
  g_string_append (page, "</tr>\n");
  json_array_foreach (rows, i, row)
    {
      g_string_append (page, "<tr>");
      json_object_foreach (first, name, value)
        add_cell (page, json_object_get (row, name));
      g_string_append (page, "</tr>\n");
    }
  g_string_append (page, "</table></div>\n");
}

static void
add_statement (GString *page, const char *title, const char *text)
{
  g_string_append_printf (page, "<details><summary>%s</summary><pre>", title);
  add_foreign (page, text);
  g_string_append (page, "</pre></details>\n");
}

static void
add_finding (GString *page, const json_t *finding)
{
  const json_t *rows_before = json_object_get (finding, "rows_before");
  const char *severity = get_text (finding, "severity");
  g_string_append (page, "<article>\n<h3>");
  add_escaped (page, get_text (finding, "title"));
  if (json_is_true (json_object_get (finding, "is_new")))
    g_string_append_printf (page, "<span class=\"tag %s\">new</span>", severity);
  if (json_is_true (json_object_get (finding, "inferred")))
    g_string_append (page, "<span class=\"tag\">inferred</span>");
  g_string_append (page, "</h3>\n<p><span class=\"object\">");
  add_foreign (page, get_text (finding, "object"));
  g_string_append (page, "</span>: ");
  add_foreign (page, get_text (finding, "message"));
  if (json_is_integer (rows_before)
      && json_integer_value (rows_before) != get_number (finding, "rows"))
    g_string_append_printf (page, " (%" JSON_INTEGER_FORMAT " before)",
                            json_integer_value (rows_before));
  g_string_append (page, "</p>\n<p>");
  add_escaped (page, get_text (finding, "why"));
  g_string_append (page, " <b>What to do:</b> ");
  add_escaped (page, get_text (finding, "advice"));
  g_string_append (page, "</p>\n");
  add_sample (page, finding);
  if (has_text (finding, "query"))
    add_statement (page, "Query that shows all of it", get_text (finding, "query"));
  if (has_text (finding, "fix"))
    add_statement (page,
                   json_is_true (json_object_get (finding, "fix_is_safe"))
                       ? "The fix (safe: <code>pgkeel integrity fix</code>)"
                       : "The fix (look at it first)",
                   get_text (finding, "fix"));
  g_string_append (page, "<p><small>check <code>");
  add_escaped (page, get_text (finding, "check"));
  g_string_append (page, "</code>, ");
  add_escaped (page, get_text (finding, "category"));
  g_string_append (page, "</small></p>\n</article>\n");
}

static void
add_findings (GString *page, const json_t *report)
{
  json_t *findings = json_object_get (report, "findings");
  size_t i;
  json_t *finding;
  for (size_t severity = 0; severity < G_N_ELEMENTS (severities); severity++)
    {
      bool is_first = true;
      json_array_foreach (findings, i, finding)
        {
          if (strcmp (get_text (finding, "severity"), severities[severity]) != 0)
            continue;
          if (is_first)
            g_string_append_printf (page, "<h2 class=\"%s\">%s</h2>\n<p>%s</p>\n",
                                    severities[severity], severity_words[severity],
                                    severity_means[severity]);
          is_first = false;
          add_finding (page, finding);
        }
    }
}

/* --- the rest ------------------------------------------------------------------------------------- */

static void
add_changes (GString *page, const char *title, json_t *findings)
{
  size_t i;
  json_t *finding;
  if (json_array_size (findings) == 0)
    return;
  g_string_append_printf (page, "<h3>%s</h3>\n<ul>\n", title);
  json_array_foreach (findings, i, finding)
    {
      g_string_append_printf (page, "<li><span class=\"%s\">%s</span> ",
                              get_text (finding, "severity"), get_text (finding, "severity"));
      add_foreign (page, get_text (finding, "object"));
      g_string_append (page, ": ");
      add_foreign (page, get_text (finding, "message"));
      g_string_append (page, "</li>\n");
    }
  g_string_append (page, "</ul>\n");
}

static void
add_trend (GString *page, const json_t *report)
{
  const json_t *trend = json_object_get (report, "trend");
  if (!json_is_object (trend))
    {
      g_string_append (page, "<h2>Since the last report</h2>\n<p>This is the first one.</p>\n");
      return;
    }
  json_t *added = json_object_get (trend, "new");
  json_t *gone = json_object_get (trend, "gone");
  g_string_append (page, "<h2>Since the last report of ");
  add_escaped (page, get_text (trend, "since"));
  g_string_append_printf (page, "</h2>\n<p id=\"trend\">%zu new, %zu gone.</p>\n",
                          json_array_size (added), json_array_size (gone));
  add_changes (page, "New", added);
  add_changes (page, "Gone", gone);
}

/* What somebody chose not to hear of must not look as if it were not there. */
static void
add_ignored (GString *page, const json_t *report)
{
  json_t *ignored = json_object_get (report, "ignored");
  json_t *patterns = json_object_get (ignored, "patterns");
  size_t i;
  json_t *pattern;
  if (json_array_size (patterns) == 0)
    return;
  g_string_append (page, "<h2>Ignored by pgkeel.yaml</h2>\n<p id=\"ignored\">");
  add_escaped (page, has_text (ignored, "line") ? get_text (ignored, "line") : "Nothing.");
  g_string_append (page, "</p>\n");
  add_changes (page, "Findings", json_object_get (ignored, "findings"));
  g_string_append (page, "<h3>Patterns</h3>\n<ul>\n");
  json_array_foreach (patterns, i, pattern)
    {
      g_string_append (page, "<li><code>");
      add_foreign (page, get_text (pattern, "pattern"));
      g_string_append_printf (
          page, "</code>: %" JSON_INTEGER_FORMAT "%s</li>\n",
          get_number (pattern, "findings") + get_number (pattern, "unknown"),
          json_is_true (json_object_get (pattern, "unused")) ? ", matches nothing any more" : "");
    }
  g_string_append (page, "</ul>\n");
}

static void
add_number_cell (GString *page, json_int_t number)
{
  g_autofree char *text = text_format_count ((uint64_t) MAX (number, 0));
  g_string_append_printf (page, "<td class=\"n\">%s</td>", text);
}

static void
add_coverage_row (GString *page, const json_t *coverage)
{
  json_t *reasons = json_object_get (coverage, "reasons");
  size_t i;
  json_t *reason;
  const char *state = get_text (coverage, "state");
  g_string_append (page, "<tr><td><code>");
  add_escaped (page, get_text (coverage, "check"));
  g_string_append_printf (page, "</code></td><td class=\"%s\">%s</td><td>",
                          strcmp (state, "ok") == 0        ? "good"
                          : strcmp (state, "found") == 0   ? "error"
                          : strcmp (state, "unknown") == 0 ? "warning"
                                                           : "",
                          state);
  add_escaped (page, get_text (coverage, "noun"));
  g_string_append (page, "</td>");
  add_number_cell (page, get_number (coverage, "looked_at"));
  add_number_cell (page, get_number (coverage, "of"));
  add_number_cell (page, get_number (coverage, "rows"));
  g_string_append (page, "<td>");
  json_array_foreach (reasons, i, reason)
    {
      g_string_append (page, i > 0 ? "<br>" : "");
      add_foreign (page, json_string_value (reason));
    }
  g_string_append (page, "</td></tr>\n");
}

static void
add_coverage (GString *page, const json_t *report)
{
  json_t *coverage = json_object_get (report, "coverage");
  size_t i;
  json_t *one;
  g_string_append (page, "<h2>What was looked at</h2>\n<p id=\"coverage\">");
  add_foreign (page, get_text (report, "coverage_line"));
  g_string_append (
      page, "</p>\n<details><summary>Check by check</summary><div class=\"scroll\"><table>\n"
            "<tr><th>Check</th><th>Result</th><th>Looks at</th><th class=\"n\">Looked at</th>"
            "<th class=\"n\">Of</th><th class=\"n\">Rows</th><th>Not looked at</th></tr>\n");
  json_array_foreach (coverage, i, one)
    add_coverage_row (page, one);
  g_string_append (page, "</table></div></details>\n");
}

char *
report_html (const json_t *report)
{
  GString *page = g_string_new (head);
  add_head (page, report);
  add_verdict (page, report);
  add_tiles (page, report);
  add_findings (page, report);
  add_ignored (page, report);
  add_trend (page, report);
  add_coverage (page, report);
  g_string_append (page, "</body>\n</html>\n");
  return g_string_free (page, FALSE);
}
