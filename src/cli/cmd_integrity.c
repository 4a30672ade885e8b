/* pgkeel integrity check and quick, and what the other integrity commands share. */
#include "cli/cmd_integrity.h"
#include "base/fs.h"
#include "base/size.h"
#include "base/text.h"
#include "cli/cmds.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "integrity/report.h"
#include "project/audit.h"
#include "project/stamp.h"
#include "project/target.h"

#include <string.h>

#define JOBS_DEFAULT_MAX 4
#define JOBS_MAX 64
#define LOCK_TIMEOUT_MS 2000
#define QUICK_BUDGET_SECONDS 30
#define STATE_MAX_BYTES (16 * 1024 * 1024)

static IntegrityFlags flags;
static gboolean option_amcheck;
static gboolean option_restart;
static gboolean option_list;

/* --- shared --------------------------------------------------------------------------------------- */

void
integrity_base_clear (IntegrityBase *base)
{
  g_free (base->url);
  g_clear_pointer (&base->rules, g_ptr_array_unref);
  g_clear_pointer (&base->aggregates, g_ptr_array_unref);
  g_free (base->ignore);
}

/* The cost of checks is no number of bytes: what can be said of it is its part of the whole. */
static void
show_progress (Report *report, const ReportProgress *progress)
{
  const IntegrityBase *base = report->data;
  Report *inner = &base->context->report;
  ReportProgress shown = { .rows = progress->rows };
  uint64_t total = MAX (progress->total_bytes, 1);
  g_autofree char *phase = g_strdup_printf (
      "%s, %u %%", progress->phase, (unsigned int) MIN (progress->done_bytes * 100 / total, 100));
  shown.phase = phase;
  report_progress (inner, &shown);
}

static void
show_step (Report *report, const char *message)
{
  const IntegrityBase *base = report->data;
  report_step (&base->context->report, "%s", message);
}

static void
show_warning (Report *report, const char *message, const char *hint)
{
  const IntegrityBase *base = report->data;
  report_warning (&base->context->report, message, hint);
}

bool
integrity_base_open (CliContext *context, const char *url, IntegrityBase *base, GError **error)
{
  base->context = context;
  base->report = (Report){
    .warning = show_warning, .step = show_step, .progress = show_progress, .data = base
  };
  if (!context_project (context, &base->project, error)
      || !rules_read (base->project->integrity.checks_folder, &base->rules, error)
      || !integrity_aggregates_read (&base->project->integrity, &base->aggregates, error)
      || !ignore_read (&base->project->integrity, base->rules, &base->ignore, error))
    return false;
  base->url = url != NULL ? g_strdup (url) : target_url (base->project, error);
  return base->url != NULL;
}

static bool
read_categories (char **names, unsigned int *ret_categories, GError **error)
{
  *ret_categories = 0;
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      CheckCategory category;
      if (!check_category_parse (names[i], &category))
        return keel_error (
            error, KEEL_ERROR_USAGE,
            "The categories are orphans, rules, consistency, performance, physical and"
            " schema.",
            "there is no category “%s”", names[i]);
      *ret_categories |= 1u << category;
    }
  return true;
}

static bool
read_duration (const char *option, const char *text, int64_t *ret_seconds, GError **error)
{
  return text == NULL || duration_parse (text, ret_seconds)
         || keel_error (error, KEEL_ERROR_USAGE, "Write a number and s, m or h, as in 30s.",
                        "%s must be a duration, not “%s”", option, text);
}

bool
integrity_options (const IntegrityBase *base, const IntegrityFlags *given,
                   IntegrityOptions *options, GError **error)
{
  int64_t timeout_seconds = -1;
  int64_t budget_seconds = 0;
  unsigned int jobs = CLAMP (g_get_num_processors (), 1, JOBS_DEFAULT_MAX);
  if (!read_categories (given->categories, &options->categories, error)
      || !read_duration ("--statement-timeout", given->statement_timeout, &timeout_seconds, error)
      || !read_duration ("--budget", given->budget, &budget_seconds, error))
    return false;
  int64_t timeout_ms = timeout_seconds >= 0 ? timeout_seconds * 1000
                                            : base->project->integrity.statement_timeout_ms;
  options->ids = (const char *const *) given->checks;
  options->jobs = given->jobs > 0 ? (unsigned int) MIN (given->jobs, JOBS_MAX) : jobs;
  options->statement_timeout_ms = (int) MIN (timeout_ms, G_MAXINT);
  options->lock_timeout_ms = LOCK_TIMEOUT_MS;
  options->budget_seconds = (int) MIN (budget_seconds, G_MAXINT);
  options->own_checks = base->rules;
  options->aggregates = base->aggregates;
  options->ignore = base->ignore;
  return true;
}

static OutputStyle
style_of (CheckSeverity severity)
{
  switch (severity)
    {
    case CHECK_SEVERITY_CRITICAL:
    case CHECK_SEVERITY_ERROR: return OUTPUT_BAD;
    case CHECK_SEVERITY_WARNING: return OUTPUT_WARN;
    case CHECK_SEVERITY_INFO: break;
    }
  return OUTPUT_DIM;
}

static void
print_findings (const IntegrityRun *run)
{
  static const OutputColumn columns[]
      = { { "SEVERITY" }, { "CHECK" }, { "OBJECT" }, { "WHAT" }, { "FIX" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < run->findings->len; i++)
    {
      const Finding *finding = run->findings->pdata[i];
      g_autofree char *what
          = g_strdup_printf ("%s%s", finding->is_inferred ? "(inferred) " : "", finding->message);
      output_table_row (table, check_severity_name (finding->severity), finding->check->id,
                        finding->object, what,
                        finding->fix == NULL   ? ""
                        : finding->fix_is_safe ? "safe"
                                               : "look at it");
      output_table_style (table, 0, style_of (finding->severity));
    }
  output_table_print (table);
}

static void
print_totals (const IntegrityRun *run)
{
  unsigned int counts[COVERAGE_LEFT_OUT + 1] = { 0 };
  unsigned int partly = 0;
  for (guint i = 0; i < run->coverage->len; i++)
    {
      const Coverage *coverage = run->coverage->pdata[i];
      counts[coverage->state]++;
      partly += coverage->state == COVERAGE_FOUND && coverage->unknown_count > 0;
    }
  g_autofree char *unknown = g_strdup_printf ("%u UNKNOWN", counts[COVERAGE_UNKNOWN] + partly);
  g_autofree char *shown
      = output_paint (counts[COVERAGE_UNKNOWN] + partly > 0 ? OUTPUT_BAD : OUTPUT_PLAIN, unknown);
  output_line ("%u checks in %.1f s: %u found nothing, %u found something, %s%s",
               run->coverage->len, run->seconds, counts[COVERAGE_OK], counts[COVERAGE_FOUND], shown,
               counts[COVERAGE_LEFT_OUT] > 0 ? ", some left out" : "");
}

/* A check that could not look is named with its reason, so that it is not taken for one that passed. */
static void
print_unknown (const IntegrityRun *run)
{
  for (guint i = 0; i < run->coverage->len; i++)
    {
      const Coverage *coverage = run->coverage->pdata[i];
      if (coverage->unknown_count == 0)
        continue;
      g_autofree char *reason = coverage_reason (coverage);
      output_line ("unknown: %s: %s", coverage->check->id, reason != NULL ? reason : "");
    }
}

static void
print_left_out (const IntegrityRun *run)
{
  if (run->left_out->len == 0)
    return;
  output_line ("the budget left out %u:", run->left_out->len);
  for (guint i = 0; i < run->left_out->len; i++)
    output_line ("  %s", (const char *) run->left_out->pdata[i]);
}

/* A pattern that matches nothing hides what comes next under its name. */
static void
print_ignored (const IntegrityBase *base, const IntegrityRun *run)
{
  g_autofree char *line = report_ignored_line (run);
  if (line != NULL)
    output_line ("ignored by %s: %s", PROJECT_FILE, line);
  for (guint i = 0; i < run->ignore_uses->len; i++)
    {
      const IgnoreUse *use = run->ignore_uses->pdata[i];
      const ProjectPattern *pattern = base->project->integrity.ignore->pdata[i];
      if (use->is_unused)
        output_line ("ignored by %s: “%s” (%s) matches nothing: remove it", PROJECT_FILE,
                     use->pattern, pattern->place);
    }
}

void
integrity_print (const IntegrityBase *base, const IntegrityRun *run)
{
  g_autofree char *line = report_coverage_line (run);
  print_findings (run);
  if (run->findings->len > 0)
    output_line ("%s", "");
  print_unknown (run);
  print_left_out (run);
  print_ignored (base, run);
  output_line ("looked at: %s", line);
  print_totals (run);
}

bool
integrity_answer (const IntegrityRun *run, GError **error)
{
  unsigned int findings = integrity_run_count (run, CHECK_SEVERITY_ERROR);
  unsigned int unknown = 0;
  for (guint i = 0; i < run->coverage->len; i++)
    unknown += ((const Coverage *) run->coverage->pdata[i])->unknown_count > 0;
  if (findings == 0 && unknown == 0)
    return true;
  if (findings == 0)
    return keel_error (error, KEEL_ERROR_ANSWER_NO,
                       "What could not be looked at has not passed: see the reasons.",
                       "%u check%s could not look at everything", unknown, unknown == 1 ? "" : "s");
  return keel_error (error, KEEL_ERROR_ANSWER_NO,
                     "“pgkeel integrity report --html=FILE” shows the rows; “pgkeel integrity fix"
                     " --dry-run” what can be put right.",
                     "%u finding%s of severity error or critical", findings,
                     findings == 1 ? "" : "s");
}

/* --- check ---------------------------------------------------------------------------------------- */

/* The only thing that check writes, and only when it is told to. */
static bool
make_amcheck (const IntegrityBase *base, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (Stamp) stamp = { 0 };
  g_autofree char *there = NULL;
  if (!project_check_authorised (base->project, error)
      || !db_connect (base->url, NULL, &db_retry_default, &conn, error)
      || !stamp_read (conn, base->project, &stamp, error)
      || !stamp_check (&stamp, base->project, error)
      || !db_query_text (conn,
                         "SELECT extname FROM pg_catalog.pg_extension WHERE extname = 'amcheck'", 0,
                         NULL, &there, error))
    return false;
  if (there != NULL)
    return true;
  g_autoptr (json_t) details = json_pack ("{s:s, s:o}", "extension", "amcheck", "database",
                                          output_json_string (db_database (conn)));
  /* In a schema of its own: nothing of the application's should find it by accident. */
  return audit_write (base->project, "integrity check", "intent", details, error)
         && db_exec (
             conn,
             "CREATE SCHEMA IF NOT EXISTS pgkeel; CREATE EXTENSION amcheck WITH SCHEMA pgkeel",
             error)
         && audit_write (base->project, "integrity check", "done", details, error);
}

static bool
show_run (const IntegrityBase *base, const IntegrityRun *run, const char *mode, GError **error)
{
  ReportSpec spec = { .project = base->project, .mode = mode };
  json_t *report;
  if (!base->context->json)
    {
      integrity_print (base, run);
      return true;
    }
  if (!report_build (run, &spec, &report, error))
    return false;
  output_json (report);
  return true;
}

/* The result first: what a critical finding sets going may take a while. */
static bool
conclude (const IntegrityBase *base, const IntegrityRun *run, const char *mode, GError **error)
{
  if (!show_run (base, run, mode, error))
    return false;
  incident_after_check (base->context, run);
  return integrity_answer (run, error);
}

static void
list_one (const Check *check, OutputTable *table, json_t *array)
{
  const Rule *rule = rule_of_check (check);
  output_table_row (table, check->id, check_severity_name (check->severity),
                    check_category_name (check->category), check->is_quick ? "quick" : "",
                    rule != NULL ? rule->file : check->title);
  json_array_append_new (
      array,
      json_pack ("{s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "id", check->id, "severity",
                 check_severity_name (check->severity), "category",
                 check_category_name (check->category), "quick", (int) check->is_quick, "title",
                 output_json_string (check->title), "why", output_json_string (check->why),
                 "advice", output_json_string (check->advice), "file",
                 output_json_string (rule != NULL ? rule->file : NULL)));
}

/* No server is asked. */
static bool
list_checks (CliContext *context, GError **error)
{
  static const OutputColumn columns[]
      = { { "CHECK" }, { "SEVERITY" }, { "CATEGORY" }, { "" }, { "WHAT" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  g_autoptr (GPtrArray) rules = NULL;
  const GPtrArray *all = integrity_checks ();
  Project *project;
  if (!context_project (context, &project, error)
      || !rules_read (project->integrity.checks_folder, &rules, error))
    return false;
  json_t *array = json_array ();
  for (guint i = 0; i < all->len; i++)
    list_one (all->pdata[i], table, array);
  for (guint i = 0; i < rules->len; i++)
    list_one (rules->pdata[i], table, array);
  if (context->json)
    output_json (json_pack ("{s:o}", "checks", array));
  else
    {
      output_table_print (table);
      json_decref (array);
    }
  return true;
}

static bool
run_check (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (IntegrityBase) base = { 0 };
  g_autoptr (IntegrityRun) run = NULL;
  IntegrityOptions options = { 0 };
  if (option_list)
    return list_checks (context, error);
  return integrity_base_open (context, NULL, &base, error)
         && integrity_options (&base, &flags, &options, error)
         && (!option_amcheck || make_amcheck (&base, error))
         && integrity_run (base.url, &options, &base.report, &run, error)
         && conclude (&base, run, "check", error);
}

/* --- quick ---------------------------------------------------------------------------------------- */

static char *
quick_state_path (const Project *project)
{
  g_autofree char *folder = project_state_path (project, "integrity");
  return g_build_filename (folder, project->environment->name, "quick.json", NULL);
}

/* What the last run left out, or NULL: all is to be looked at. A state that cannot be read is none. */
static GPtrArray *
read_left_out (const Project *project)
{
  g_autofree char *path = quick_state_path (project);
  g_autofree char *text = NULL;
  if (!fs_read_text (path, STATE_MAX_BYTES, &text, NULL, NULL))
    return NULL;
  g_autoptr (json_t) state = json_loads (text, 0, NULL);
  json_t *array = json_object_get (state, "left_out");
  size_t i;
  json_t *unit;
  if (json_array_size (array) == 0)
    return NULL;
  GPtrArray *left_out = g_ptr_array_new_with_free_func (g_free);
  json_array_foreach (array, i, unit)
    if (json_is_string (unit))
      g_ptr_array_add (left_out, g_strdup (json_string_value (unit)));
  return left_out;
}

static bool
write_left_out (const Project *project, const IntegrityRun *run, GError **error)
{
  g_autofree char *path = quick_state_path (project);
  g_autofree char *folder = g_path_get_dirname (path);
  if (run->left_out->len == 0)
    return fs_remove_tree (path, error);
  json_t *array = json_array ();
  for (guint i = 0; i < run->left_out->len; i++)
    json_array_append_new (array, output_json_string (run->left_out->pdata[i]));
  g_autoptr (json_t) state = json_pack ("{s:o}", "left_out", array);
  char *text = json_dumps (state, JSON_INDENT (1));
  bool done = fs_make_folder (folder, 0700, error)
              && fs_write_durable (path, text, strlen (text), 0600, error);
  free (text);
  return done;
}

static bool
run_quick (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (IntegrityBase) base = { 0 };
  g_autoptr (IntegrityRun) run = NULL;
  g_autoptr (GPtrArray) left_out = NULL;
  IntegrityOptions options = { .only_quick = true };
  if (!integrity_base_open (context, NULL, &base, error)
      || !integrity_options (&base, &flags, &options, error))
    return false;
  if (flags.budget == NULL)
    options.budget_seconds = QUICK_BUDGET_SECONDS;
  if (!option_restart)
    left_out = read_left_out (base.project);
  if (left_out != NULL)
    report_step (&context->report, "going on with the %u that the last run left out",
                 left_out->len);
  options.resume = left_out;
  return integrity_run (base.url, &options, &base.report, &run, error)
         && write_left_out (base.project, run, error) && conclude (&base, run, "quick", error);
}

/* --- for other commands --------------------------------------------------------------------------- */

/* Checks of rows: what settings, statistics and privileges are is another question. */
static bool
check_rows (CliContext *context, const char *url, IntegrityBase *base, IntegrityRun **ret_run,
            GError **error)
{
  const IntegrityFlags none = { 0 };
  IntegrityOptions options = { 0 };
  if (!integrity_base_open (context, url, base, error)
      || !integrity_options (base, &none, &options, error))
    return false;
  options.categories = 1u << CHECK_CATEGORY_ORPHANS | 1u << CHECK_CATEGORY_RULES
                       | 1u << CHECK_CATEGORY_CONSISTENCY;
  return integrity_run (url, &options, &base->report, ret_run, error);
}

static bool
inspect (CliContext *context, const char *url, json_t **ret_report, GError **error)
{
  g_auto (IntegrityBase) base = { 0 };
  g_autoptr (IntegrityRun) run = NULL;
  report_step (&context->report, "checking the integrity of the copy");
  if (!check_rows (context, url, &base, &run, error))
    return false;
  const ReportSpec spec = { .project = base.project, .mode = "proof" };
  if (!report_build (run, &spec, ret_report, error))
    return false;
  unsigned int count = integrity_run_count (run, CHECK_SEVERITY_ERROR);
  g_autofree char *text
      = g_strdup_printf ("the rows in it have %u finding%s of severity error or critical", count,
                         count == 1 ? "" : "s");
  if (count > 0)
    report_warning (&context->report, text,
                    "The backup is what the database was; “pgkeel integrity report” shows them.");
  return true;
}

bool
integrity_inspect (const char *url, void *data, json_t **ret_report, bool *ret_passed,
                   GError **error)
{
  CliContext *context = data;
  g_autoptr (GError) problem = NULL;
  *ret_passed = true;
  if (inspect (context, url, ret_report, &problem))
    return true;
  if (keel_error_is (problem, KEEL_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  g_autofree char *text = g_strdup_printf ("integrity was not checked: %s", problem->message);
  report_warning (&context->report, text, keel_error_hint (problem));
  *ret_report = json_pack ("{s:o}", "error", output_json_string (problem->message));
  return true;
}

/* --- the tables ----------------------------------------------------------------------------------- */

#define RUN_OPTIONS                                                                                   \
  { "check",                                                                                          \
    0,                                                                                                \
    0,                                                                                                \
    G_OPTION_ARG_STRING_ARRAY,                                                                        \
    &flags.checks,                                                                                    \
    "Only this check; may be given several times",                                                    \
    "ID" },                                                                                           \
      { "category",                                                                                   \
        0,                                                                                            \
        0,                                                                                            \
        G_OPTION_ARG_STRING_ARRAY,                                                                    \
        &flags.categories,                                                                            \
        "Only checks of this category; may be given several times",                                   \
        "orphans|rules|consistency|performance|physical|schema" },                                    \
      { "jobs",      'j',                                                                             \
        0,           G_OPTION_ARG_INT,                                                                \
        &flags.jobs, "Sessions at once (default: one for each processor, at most 4)",                 \
        "N" },                                                                                        \
  {                                                                                                   \
    "statement-timeout", 0, 0, G_OPTION_ARG_STRING, &flags.statement_timeout,                         \
        "How long one query may run; 0s: as long as it takes (default: integrity.statement_timeout)", \
        "DURATION"                                                                                    \
  }

static const GOptionEntry check_options[]
    = { RUN_OPTIONS,
        { "budget", 0, 0, G_OPTION_ARG_STRING, &flags.budget,
          "Begin nothing new after this time, and say what was left out", "DURATION" },
        { "list", 0, 0, G_OPTION_ARG_NONE, &option_list,
          "List the checks and the project's rules, and run none", NULL },
        { "amcheck", 0, 0, G_OPTION_ARG_NONE, &option_amcheck,
          "First make the extension amcheck where it is missing: the only thing this writes",
          NULL },
        G_OPTION_ENTRY_NULL };

static const GOptionEntry quick_options[]
    = { RUN_OPTIONS,
        { "budget", 0, 0, G_OPTION_ARG_STRING, &flags.budget,
          "How long all of it may take (default: 30s)", "DURATION" },
        { "restart", 0, 0, G_OPTION_ARG_NONE, &option_restart,
          "Begin anew, whatever the last run left out", NULL },
        G_OPTION_ENTRY_NULL };

const CliCommand integrity_commands[] = {
  { .name = "check",
    .summary = "Look for what the server itself does not see: orphans, broken rules, damage",
    .description
    = "Runs all checks that pgkeel brings and the project's own rules (checks/*.sql), in read-only\n"
      "transactions of one snapshot. What was looked at is always said; what could not be looked at\n"
      "is UNKNOWN and has not passed.\n\n"
      "Exit code 1: findings of severity error or critical, or anything UNKNOWN. Warnings and notes\n"
      "alone are exit code 0.",
    .example = "pgkeel integrity check --category=orphans",
    .options = check_options,
    .run = run_check },
  { .name = "quick",
    .summary = "Run the critical checks within a time budget",
    .description
    = "Runs the checks marked quick, and the project's rules of severity critical. What the budget\n"
      "leaves out is listed, and the next run begins with it. Exit codes as those of check; what was\n"
      "left out alone is exit code 0.",
    .example = "pgkeel integrity quick --budget=30s",
    .options = quick_options,
    .run = run_quick },
  { .name = "report", .same_as = &integrity_report_command },
  { .name = "fix", .same_as = &integrity_fix_command },
  { .name = "undo", .same_as = &integrity_undo_command },
  { 0 }
};
