/* pgkeel integrity report: what was found, with rows and trend, for people. */
#include "base/fs.h"
#include "cli/cmd_integrity.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "integrity/report.h"

#include <string.h>

static IntegrityFlags flags;
static char *option_html;
static gboolean option_last;
static gboolean option_no_samples;

static bool
make_report (const IntegrityBase *base, json_t **ret_report, IntegrityRun **ret_run, GError **error)
{
  IntegrityOptions options = { 0 };
  ReportSpec spec = { .project = base->project,
                      .url = base->url,
                      .mode = "report",
                      .samples = option_no_samples ? 0 : REPORT_SAMPLE_ROWS };
  g_autoptr (IntegrityRun) run = NULL;
  g_autoptr (json_t) before = NULL;
  g_autoptr (json_t) report = NULL;
  if (!integrity_options (base, &flags, &options, error)
      || !integrity_run (base->url, &options, (Report *) &base->report, &run, error)
      || !report_build (run, &spec, &report, error) || !report_last (base->project, &before, error))
    return false;
  report_compare (report, before);
  *ret_report = g_steal_pointer (&report);
  *ret_run = g_steal_pointer (&run);
  return true;
}

static void
print_trend (const json_t *report)
{
  const json_t *trend = json_object_get (report, "trend");
  if (!json_is_object (trend))
    {
      output_line ("this is the first report");
      return;
    }
  output_line ("since the report of %s: %zu new, %zu gone",
               json_string_value (json_object_get (trend, "since")),
               json_array_size (json_object_get (trend, "new")),
               json_array_size (json_object_get (trend, "gone")));
}

static bool
write_html (const json_t *report, GError **error)
{
  if (option_html == NULL)
    return true;
  g_autofree char *page = report_html (report);
  return fs_write_durable (option_html, page, strlen (page), 0600, error);
}

/* The last report again, without asking the database. */
static bool
show_last (CliContext *context, GError **error)
{
  Project *project;
  json_t *report;
  if (!context_project (context, &project, error) || !report_last (project, &report, error))
    return false;
  if (report == NULL)
    return keel_error (error, KEEL_ERROR_MISSING, "“pgkeel integrity report” makes one.",
                       "there is no report of “%s” yet", project->environment->name);
  bool done = write_html (report, error);
  if (done && !context->json)
    {
      output_line ("report of %s: %s", json_string_value (json_object_get (report, "started")),
                   json_string_value (json_object_get (report, "coverage_line")));
      print_trend (report);
    }
  if (done && context->json)
    output_json (report);
  else
    json_decref (report);
  return done;
}

static bool
run_report (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (IntegrityBase) base = { 0 };
  g_autoptr (IntegrityRun) run = NULL;
  g_autoptr (json_t) report = NULL;
  g_autofree char *path = NULL;
  if (option_last)
    return show_last (context, error);
  if (!integrity_base_open (context, NULL, &base, error)
      || !make_report (&base, &report, &run, error)
      || !report_save (base.project, report, &path, error) || !write_html (report, error))
    return false;
  if (context->json)
    output_json (g_steal_pointer (&report));
  else
    {
      integrity_print (&base, run);
      print_trend (report);
      output_line ("kept in %s", path);
    }
  incident_after_check (context, run);
  return integrity_answer (run, error);
}

static const GOptionEntry report_options[] = {
  { "html", 0, 0, G_OPTION_ARG_FILENAME, &option_html, "Write the report as a page, too", "FILE" },
  { "last", 0, 0, G_OPTION_ARG_NONE, &option_last,
    "Show the last report again, without asking the database", NULL },
  { "no-samples", 0, 0, G_OPTION_ARG_NONE, &option_no_samples,
    "Leave sample rows out: no data of the database is in the report then", NULL },
  { "check", 0, 0, G_OPTION_ARG_STRING_ARRAY, &flags.checks,
    "Only this check; may be given several times", "ID" },
  { "category", 0, 0, G_OPTION_ARG_STRING_ARRAY, &flags.categories,
    "Only checks of this category; may be given several times",
    "orphans|rules|consistency|performance|physical|schema" },
  { "jobs", 'j', 0, G_OPTION_ARG_INT, &flags.jobs,
    "Sessions at once (default: one for each processor, at most 4)", "N" },
  { "statement-timeout", 0, 0, G_OPTION_ARG_STRING, &flags.statement_timeout,
    "How long one query may run; 0s: as long as it takes (default: integrity.statement_timeout)",
    "DURATION" },
  G_OPTION_ENTRY_NULL
};

const CliCommand integrity_report_command = {
  .name = "report",
  .summary = "Run all checks and report them with rows, fixes and trend",
  .description
  = "As check, with up to five rows of every finding, the query that shows all of them, the fix, and\n"
    "what is new or gone since the last report. Reports are kept below .pgkeel/integrity/; they hold\n"
    "rows of the database, so only their owner may read them.",
  .example = "pgkeel -e production integrity report --html=integrity.html",
  .options = report_options,
  .run = run_report,
};
