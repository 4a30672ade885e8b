#include "integrity/report.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "integrity/rule.h"

#include <string.h>

#define REPORTS_KEPT 100
#define REPORT_MAX_BYTES (64 * 1024 * 1024)
#define REASONS_LISTED 20

static json_t *
text_json (const char *text)
{
  if (text == NULL)
    return json_null ();
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  return json_string (valid);
}

char *
report_run_id (const IntegrityRun *run)
{
  return clock_format_stamp (run->started);
}

/* --- samples -------------------------------------------------------------------------------------- */

static json_t *
rows_json (const DbResult *result)
{
  json_t *rows = json_array ();
  for (int row = 0; row < db_result_rows (result); row++)
    {
      json_t *object = json_loads (db_result_text (result, row, 0), 0, NULL);
      json_array_append_new (rows, object != NULL ? object : json_null ());
    }
  return rows;
}

/* Every value as the server writes it, cut where it gets long. */
static const char values_sql[]
    = "SELECT (SELECT pg_catalog.json_object_agg(e.key, pg_catalog.\"left\"(e.value, 200))"
      " FROM pg_catalog.json_each_text(pg_catalog.row_to_json(s)) e)::text FROM (%s\n) AS s LIMIT %u";

/* The same of rows that have no text as JSON (a json with \\u0000 in it). */
static const char rows_sql[]
    = "SELECT pg_catalog.json_build_object('row', pg_catalog.\"left\"(s::text, 1000))::text"
      " FROM (%s\n) AS s LIMIT %u";

static bool
query_sample (DbConn *conn, const char *format, const char *query, unsigned int count,
              DbResult **ret_result, GError **error)
{
  g_autoptr (GString) sql = g_string_new (format);
  g_autofree char *number = g_strdup_printf ("%u", count);
  g_string_replace (sql, "%u", number, 1);
  g_string_replace (sql, "%s", query, 1);
  return db_query (conn, sql->str, 0, NULL, ret_result, error);
}

static bool
read_sample (DbConn *conn, const Finding *finding, unsigned int count, json_t **ret_rows,
             GError **error)
{
  g_autoptr (DbResult) result = NULL;
  bool is_own = rule_of_check (finding->check) != NULL;
  if (is_own && !rule_search_path (conn, true, error))
    return false;
  bool done = query_sample (conn, values_sql, finding->query, count, &result, NULL)
              || query_sample (conn, rows_sql, finding->query, count, &result, error);
  if (is_own && !rule_search_path (conn, false, done ? error : NULL) && done)
    return false;
  if (done)
    *ret_rows = rows_json (result);
  return done;
}

static bool
open_samples (const ReportSpec *spec, DbConn **ret_conn, GError **error)
{
  *ret_conn = NULL;
  if (spec->url == NULL || spec->samples == 0)
    return true;
  g_autoptr (DbConn) conn = NULL;
  if (!db_connect (spec->url, NULL, &db_retry_default, &conn, error)
      || !db_exec (
          conn,
          "SET application_name = 'pgkeel integrity'; SET default_transaction_read_only = on;"
          " SET statement_timeout = '30s'; SET lock_timeout = '2s'",
          error))
    return false;
  *ret_conn = g_steal_pointer (&conn);
  return true;
}

/* --- the object ----------------------------------------------------------------------------------- */

static json_t *
finding_json (const Finding *finding, DbConn *samples, unsigned int count)
{
  const Check *check = finding->check;
  g_autoptr (GError) problem = NULL;
  json_t *rows = NULL;
  json_t *object = json_pack (
      "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "check", check->id,
      "severity", check_severity_name (finding->severity), "category",
      check_category_name (check->category), "object", text_json (finding->object), "message",
      text_json (finding->message), "rows",
      finding->rows >= 0 ? json_integer (finding->rows) : json_null (), "query",
      text_json (finding->query), "fix", text_json (finding->fix), "fix_is_safe",
      (int) finding->fix_is_safe, "inferred", (int) finding->is_inferred, "title",
      text_json (check->title), "why", text_json (check->why), "advice", text_json (check->advice));
  if (samples == NULL || finding->query == NULL)
    return object;
  if (read_sample (samples, finding, count, &rows, &problem))
    json_object_set_new (object, "sample", rows);
  else
    json_object_set_new (object, "sample_error", text_json (problem->message));
  return object;
}

static json_t *
coverage_json (const Coverage *coverage)
{
  json_t *reasons = json_array ();
  for (guint i = 0; i < coverage->reasons->len; i++)
    json_array_append_new (reasons, text_json (coverage->reasons->pdata[i]));
  return json_pack (
      "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:o}", "check",
      coverage->check->id, "category", check_category_name (coverage->check->category), "severity",
      check_severity_name (coverage->check->severity), "state",
      coverage_state_name (coverage->state), "noun", coverage->noun, "looked_at",
      (json_int_t) coverage->looked_at, "of", (json_int_t) coverage->of, "unknown",
      (json_int_t) coverage->unknown_count, "left_out", (json_int_t) coverage->left_out_count,
      "ignored", (json_int_t) coverage->ignored_count, "rows", (json_int_t) coverage->rows,
      "seconds", coverage->seconds, "findings", (json_int_t) coverage->finding_count, "reasons",
      reasons);
}

static json_t *
counts_json (const IntegrityRun *run)
{
  json_int_t counts[CHECK_SEVERITY_CRITICAL + 1] = { 0 };
  json_int_t states[COVERAGE_LEFT_OUT + 1] = { 0 };
  for (guint i = 0; i < run->findings->len; i++)
    counts[((const Finding *) run->findings->pdata[i])->severity]++;
  for (guint i = 0; i < run->coverage->len; i++)
    {
      const Coverage *coverage = run->coverage->pdata[i];
      states[coverage->state]++;
      /* What was found does not make what could not be seen known. */
      if (coverage->state == COVERAGE_FOUND && coverage->unknown_count > 0)
        states[COVERAGE_UNKNOWN]++;
    }
  return json_pack ("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "critical",
                    counts[CHECK_SEVERITY_CRITICAL], "error", counts[CHECK_SEVERITY_ERROR],
                    "warning", counts[CHECK_SEVERITY_WARNING], "info", counts[CHECK_SEVERITY_INFO],
                    "checks", (json_int_t) run->coverage->len, "ok", states[COVERAGE_OK], "found",
                    states[COVERAGE_FOUND], "unknown", states[COVERAGE_UNKNOWN], "left_out",
                    states[COVERAGE_LEFT_OUT]);
}

/* --- what is ignored ------------------------------------------------------------------------------- */

/* Without rows and statements. */
static json_t *
short_json (json_t *finding)
{
  return json_pack ("{s:O, s:O, s:O, s:O}", "check", json_object_get (finding, "check"), "severity",
                    json_object_get (finding, "severity"), "object",
                    json_object_get (finding, "object"), "message",
                    json_object_get (finding, "message"));
}

static json_int_t
ignored_unknown (const IntegrityRun *run)
{
  json_int_t count = 0;
  for (guint i = 0; i < run->coverage->len; i++)
    count += ((const Coverage *) run->coverage->pdata[i])->ignored_unknown_count;
  return count;
}

char *
report_ignored_line (const IntegrityRun *run)
{
  unsigned int patterns = 0;
  json_int_t unknown = ignored_unknown (run);
  for (guint i = 0; i < run->ignore_uses->len; i++)
    {
      const IgnoreUse *use = run->ignore_uses->pdata[i];
      patterns += use->finding_count > 0 || use->unknown_count > 0;
    }
  if (patterns == 0)
    return NULL;
  g_autofree char *also = unknown > 0
                              ? g_strdup_printf (" and %" JSON_INTEGER_FORMAT " UNKNOWN", unknown)
                              : g_strdup ("");
  return g_strdup_printf ("%u finding%s%s of %u pattern%s", run->ignored->len,
                          run->ignored->len == 1 ? "" : "s", also, patterns,
                          patterns == 1 ? "" : "s");
}

static json_t *
ignored_json (const IntegrityRun *run)
{
  g_autofree char *line = report_ignored_line (run);
  json_t *findings = json_array ();
  json_t *patterns = json_array ();
  for (guint i = 0; i < run->ignored->len; i++)
    {
      g_autoptr (json_t) whole = finding_json (run->ignored->pdata[i], NULL, 0);
      json_array_append_new (findings, short_json (whole));
    }
  for (guint i = 0; i < run->ignore_uses->len; i++)
    {
      const IgnoreUse *use = run->ignore_uses->pdata[i];
      json_array_append_new (
          patterns, json_pack ("{s:o, s:I, s:I, s:b}", "pattern", text_json (use->pattern),
                               "findings", (json_int_t) use->finding_count, "unknown",
                               (json_int_t) use->unknown_count, "unused", (int) use->is_unused));
    }
  return json_pack ("{s:o, s:I, s:o, s:o}", "line", text_json (line), "unknown",
                    ignored_unknown (run), "findings", findings, "patterns", patterns);
}

/* --- the whole ------------------------------------------------------------------------------------- */

static json_t *
head_json (const IntegrityRun *run, const ReportSpec *spec)
{
  g_autofree char *id = report_run_id (run);
  g_autofree char *started = clock_format_iso (run->started);
  g_autofree char *line = report_coverage_line (run);
  bool passed
      = integrity_run_count (run, CHECK_SEVERITY_ERROR) == 0 && !integrity_run_has_unknown (run);
  return json_pack ("{s:i, s:s, s:s, s:s, s:f, s:o, s:o, s:o, s:i, s:b, s:o, s:o, s:I, s:I}",
                    "format", 1, "run", id, "mode", spec->mode, "started", started, "seconds",
                    run->seconds, "project", text_json (spec->project->name), "environment",
                    text_json (spec->project->environment->name), "database",
                    text_json (run->database), "server_version", run->server_version, "passed",
                    (int) passed, "counts", counts_json (run), "coverage_line", text_json (line),
                    "tables", (json_int_t) run->table_count, "rows", (json_int_t) run->rows);
}

bool
report_build (const IntegrityRun *run, const ReportSpec *spec, json_t **ret_report, GError **error)
{
  g_autoptr (DbConn) samples = NULL;
  if (!open_samples (spec, &samples, error))
    return false;
  json_t *report = head_json (run, spec);
  json_t *findings = json_array ();
  json_t *coverage = json_array ();
  json_t *left_out = json_array ();
  for (guint i = 0; i < run->findings->len; i++)
    json_array_append_new (findings,
                           finding_json (run->findings->pdata[i], samples, spec->samples));
  for (guint i = 0; i < run->coverage->len; i++)
    json_array_append_new (coverage, coverage_json (run->coverage->pdata[i]));
  for (guint i = 0; i < run->left_out->len; i++)
    json_array_append_new (left_out, text_json (run->left_out->pdata[i]));
  json_object_set_new (report, "findings", findings);
  json_object_set_new (report, "coverage", coverage);
  json_object_set_new (report, "left_out", left_out);
  json_object_set_new (report, "ignored", ignored_json (run));
  *ret_report = report;
  return true;
}

/* --- coverage in one line ------------------------------------------------------------------------- */

typedef struct
{
  const char *noun;
  int64_t looked_at, of;
} Noun;

/* Several checks look at the same kind of thing: the one that saw the smallest part speaks for it. Each of
 * the project's own rules is a thing by itself. */
static void
add_noun (GArray *nouns, const Coverage *coverage)
{
  int64_t of = coverage->of;
  if (of == 0)
    return;
  for (guint i = 0; i < nouns->len; i++)
    {
      Noun *noun = &g_array_index (nouns, Noun, i);
      if (strcmp (noun->noun, coverage->noun) != 0)
        continue;
      if (coverage->check->data != NULL)
        {
          noun->looked_at += coverage->looked_at;
          noun->of += of;
          return;
        }
      double now = (double) coverage->looked_at / (double) of;
      double then = (double) noun->looked_at / (double) noun->of;
      if (now < then || (now == then && of > noun->of))
        *noun = (Noun){ coverage->noun, coverage->looked_at, of };
      return;
    }
  Noun noun = { coverage->noun, coverage->looked_at, of };
  g_array_append_val (nouns, noun);
}

static void
add_reasons (GHashTable *seen, GPtrArray *reasons, const Coverage *coverage)
{
  for (guint i = 0; i < coverage->reasons->len; i++)
    if (g_hash_table_add (seen, coverage->reasons->pdata[i]))
      g_ptr_array_add (reasons, coverage->reasons->pdata[i]);
}

char *
report_coverage_line (const IntegrityRun *run)
{
  g_autoptr (GArray) nouns = g_array_new (FALSE, FALSE, sizeof (Noun));
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) reasons = g_ptr_array_new ();
  GString *line = g_string_new (NULL);
  for (guint i = 0; i < run->coverage->len; i++)
    {
      add_noun (nouns, run->coverage->pdata[i]);
      add_reasons (seen, reasons, run->coverage->pdata[i]);
    }
  for (guint i = 0; i < nouns->len; i++)
    {
      const Noun *noun = &g_array_index (nouns, Noun, i);
      g_autofree char *looked_at = text_format_count ((uint64_t) noun->looked_at);
      g_autofree char *of = text_format_count ((uint64_t) noun->of);
      g_string_append_printf (line, "%s%s %s of %s", i > 0 ? ", " : "", noun->noun, looked_at, of);
    }
  g_autofree char *rows = text_format_count ((uint64_t) run->rows);
  g_string_append_printf (line, "%s%s rows", line->len > 0 ? "; " : "", rows);
  for (guint i = 0; i < MIN (reasons->len, REASONS_LISTED); i++)
    g_string_append_printf (line, "%s%s", i == 0 ? "; skipped: " : ", ",
                            (const char *) reasons->pdata[i]);
  if (reasons->len > REASONS_LISTED)
    g_string_append_printf (line, " and %u more", reasons->len - REASONS_LISTED);
  return g_string_free (line, FALSE);
}

/* --- keeping -------------------------------------------------------------------------------------- */

static char *
reports_folder (const Project *project)
{
  g_autofree char *folder = project_state_path (project, "integrity");
  return g_build_filename (folder, project->environment->name, NULL);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names of the reports that are kept, the oldest first. */
static GPtrArray *
list_reports (const char *folder)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_ascii_isdigit (*name) && g_str_has_suffix (name, ".json"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

bool
report_save (const Project *project, json_t *report, char **ret_path, GError **error)
{
  g_autofree char *folder = reports_folder (project);
  g_autofree char *name
      = g_strdup_printf ("%s.json", json_string_value (json_object_get (report, "run")));
  g_autofree char *path = g_build_filename (folder, name, NULL);
  char *text = json_dumps (report, JSON_INDENT (1));
  bool done = fs_make_folder (folder, 0700, error)
              && fs_write_durable (path, text, strlen (text), 0600, error);
  free (text);
  if (!done)
    return prefix_error (error, "the report could not be kept");
  g_autoptr (GPtrArray) names = list_reports (folder);
  for (guint i = 0; i + REPORTS_KEPT < names->len; i++)
    {
      g_autofree char *old = g_build_filename (folder, names->pdata[i], NULL);
      unlink (old);
    }
  if (ret_path != NULL)
    *ret_path = g_steal_pointer (&path);
  return true;
}

bool
report_last (const Project *project, json_t **ret_report, GError **error)
{
  g_autofree char *folder = reports_folder (project);
  g_autoptr (GPtrArray) names = list_reports (folder);
  g_autofree char *text = NULL;
  json_error_t problem;
  *ret_report = NULL;
  if (names->len == 0)
    return true;
  g_autofree char *path = g_build_filename (folder, names->pdata[names->len - 1], NULL);
  if (!fs_read_text (path, REPORT_MAX_BYTES, &text, NULL, error))
    return false;
  *ret_report = json_loads (text, 0, &problem);
  if (!json_is_object (*ret_report))
    {
      json_decref (*ret_report);
      *ret_report = NULL;
      return keel_error (error, KEEL_ERROR_CORRUPT,
                         "Remove the file, and it is no longer compared with.",
                         "the last report, “%s”, cannot be read: %s", path, problem.text);
    }
  return true;
}

/* --- trend ---------------------------------------------------------------------------------------- */

static json_t *
find_same (json_t *findings, json_t *finding)
{
  size_t i;
  json_t *other;
  json_array_foreach (findings, i, other)
    if (json_equal (json_object_get (other, "check"), json_object_get (finding, "check"))
        && json_equal (json_object_get (other, "object"), json_object_get (finding, "object")))
      return other;
  return NULL;
}

/* A finding is gone only where its check was run and could see everything this time. */
static bool
was_looked_for (json_t *report, json_t *finding)
{
  size_t i;
  json_t *coverage;
  json_array_foreach (json_object_get (report, "coverage"), i, coverage)
    if (json_equal (json_object_get (coverage, "check"), json_object_get (finding, "check")))
      return json_integer_value (json_object_get (coverage, "unknown")) == 0
             && json_integer_value (json_object_get (coverage, "left_out")) == 0;
  return false;
}

static bool
is_whole (json_t *report)
{
  return json_is_array (json_object_get (report, "findings"))
         && json_is_object (json_object_get (report, "counts"))
         && json_is_string (json_object_get (report, "started"));
}

void
report_compare (json_t *report, json_t *before)
{
  json_t *now = json_object_get (report, "findings");
  size_t i;
  json_t *finding;
  if (before == NULL || !is_whole (before))
    {
      json_object_set_new (report, "trend", json_null ());
      return;
    }
  json_t *then = json_object_get (before, "findings");
  json_t *ignored_now = json_object_get (json_object_get (report, "ignored"), "findings");
  json_t *ignored_then = json_object_get (json_object_get (before, "ignored"), "findings");
  json_t *added = json_array ();
  json_t *gone = json_array ();
  json_array_foreach (now, i, finding)
    {
      json_t *other = find_same (then, finding);
      /* What was ignored then and counts now is nothing new in the database. */
      bool is_new = other == NULL && find_same (ignored_then, finding) == NULL;
      if (is_new)
        json_array_append_new (added, short_json (finding));
      else if (other != NULL)
        json_object_set (finding, "rows_before", json_object_get (other, "rows"));
      json_object_set_new (finding, "is_new", json_boolean (is_new));
    }
  json_array_foreach (then, i, finding)
    if (find_same (now, finding) == NULL && find_same (ignored_now, finding) == NULL
        && was_looked_for (report, finding))
      json_array_append_new (gone, short_json (finding));
  json_object_set_new (report, "trend",
                       json_pack ("{s:O, s:O, s:o, s:o}", "since",
                                  json_object_get (before, "started"), "counts",
                                  json_object_get (before, "counts"), "new", added, "gone", gone));
}
