/*
 * pgkeel guard scan: what in a repository's files will cost somebody a database.
 */
#include "cli/cmds.h"
#include "cli/output.h"
#include "guard/scan.h"

static int option_sarif, option_staged;
static char **option_files;

static OutputStyle
style_of (ScanSeverity severity)
{
  return severity == SCAN_ERROR ? OUTPUT_BAD : severity == SCAN_WARNING ? OUTPUT_WARN : OUTPUT_DIM;
}

static void
print_part (const char *label, const char *text)
{
  g_autofree char *safe = output_safe_text (text);
  output_line ("    %-8s %s", label, safe);
}

static void
print_finding (const ScanFinding *finding)
{
  g_autofree char *file = output_safe_text (finding->file);
  g_autofree char *message = output_safe_text (finding->message);
  g_autofree char *severity
      = output_paint (finding->reason != NULL ? OUTPUT_DIM : style_of (finding->severity),
                      finding->reason != NULL ? "allowed" : scan_severity_name (finding->severity));
  output_line ("%s:%u:%u: %s: %s [%s]", file, finding->line, finding->column, severity, message,
               finding->rule->id);
  if (finding->reason != NULL)
    print_part ("because", finding->reason);
  else
    {
      print_part ("why", finding->rule->why);
      print_part ("instead", finding->rule->change);
    }
  output_line ("%s", "");
}

static void
print_result (const ScanResult *result)
{
  for (guint i = 0; i < result->findings->len; i++)
    print_finding (result->findings->pdata[i]);
  for (guint i = 0; i < result->allowed->len; i++)
    print_finding (result->allowed->pdata[i]);
  for (guint i = 0; i < result->skipped->len; i++)
    {
      g_autofree char *skipped = output_safe_text (result->skipped->pdata[i]);
      output_line ("not read: %s", skipped);
    }
  output_line ("files: %u, errors: %u, warnings: %u, notes: %u, allowed: %u, not read: %u",
               result->file_count, scan_result_count (result, SCAN_ERROR),
               scan_result_count (result, SCAN_WARNING), scan_result_count (result, SCAN_NOTE),
               result->allowed->len, result->skipped->len);
}

static json_t *
finding_json (const ScanFinding *finding)
{
  return json_pack ("{s:s, s:s, s:o, s:i, s:i, s:o, s:s, s:s, s:o}", "rule", finding->rule->id,
                    "severity", scan_severity_name (finding->severity), "file",
                    output_json_string (finding->file), "line", (int) finding->line, "column",
                    (int) finding->column, "message", output_json_string (finding->message), "why",
                    finding->rule->why, "instead", finding->rule->change, "allowed",
                    output_json_string (finding->reason));
}

static json_t *
result_json (const ScanResult *result)
{
  json_t *findings = json_array (), *allowed = json_array (), *skipped = json_array ();
  for (guint i = 0; i < result->findings->len; i++)
    json_array_append_new (findings, finding_json (result->findings->pdata[i]));
  for (guint i = 0; i < result->allowed->len; i++)
    json_array_append_new (allowed, finding_json (result->allowed->pdata[i]));
  for (guint i = 0; i < result->skipped->len; i++)
    json_array_append_new (skipped, output_json_string (result->skipped->pdata[i]));
  return json_pack ("{s:i, s:i, s:i, s:i, s:o, s:o, s:o}", "files", (int) result->file_count,
                    "errors", (int) scan_result_count (result, SCAN_ERROR), "warnings",
                    (int) scan_result_count (result, SCAN_WARNING), "notes",
                    (int) scan_result_count (result, SCAN_NOTE), "findings", findings, "allowed",
                    allowed, "not_read", skipped);
}

static void
show (const CliContext *context, const ScanResult *result)
{
  if (option_sarif)
    {
      g_autoptr (json_t) sarif = scan_sarif (result, PGKEEL_VERSION);
      char *text = json_dumps (sarif, JSON_INDENT (2));
      output_text (text);
      output_line ("%s", "");
      free (text);
    }
  else if (context->json)
    output_json (result_json (result));
  else
    print_result (result);
}

/* What could not be read has not been checked: that is no yes either. */
static bool
judge (const ScanResult *result, GError **error)
{
  guint errors = scan_result_count (result, SCAN_ERROR);
  guint warnings = scan_result_count (result, SCAN_WARNING);
  if (errors + warnings + result->skipped->len == 0)
    return true;
  return keel_error (error, KEEL_ERROR_ANSWER_NO,
                     "What is meant to be is said so: # pgkeel: allow RULE -- reason",
                     "the files have errors: %u, warnings: %u, not read: %u", errors, warnings,
                     result->skipped->len);
}

/* As seen from the current folder; the project's may be another. Caller frees. */
static char **
absolute (char *const *paths, guint count)
{
  char **full = g_new0 (char *, (gsize) count + 1);
  for (guint i = 0; i < count; i++)
    full[i] = g_canonicalize_filename (paths[i], NULL);
  return full;
}

static bool
run_scan (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project;
  g_autoptr (ScanResult) result = NULL;
  if (option_sarif && context->json)
    return keel_error (error, KEEL_ERROR_USAGE, "SARIF is JSON already; leave out --json.",
                       "--sarif and --json are two forms of the result");
  if (option_files != NULL && argc > 0)
    return keel_error (error, KEEL_ERROR_USAGE, "Name the compose files with -f, nothing else.",
                       "-f and other files do not go together");
  if (!context_project (context, &project, error))
    return false;
  g_auto (GStrv) paths = absolute (argv, (guint) argc);
  g_auto (GStrv) files
      = option_files != NULL ? absolute (option_files, g_strv_length (option_files)) : NULL;
  const ScanSettings settings = {
    .folder = project->folder,
    .is_staged = option_staged,
    .label = project->guard.label,
    .protect = (const char *const *) project->guard.protect,
    .production = (const char *const *) project->guard.production,
    .compose = (const char *const *) files,
    .paths = argc > 0 ? (const char *const *) paths : NULL,
  };
  if (!guard_scan_run (&settings, &result, error))
    return false;
  show (context, result);
  return judge (result, error);
}

static const GOptionEntry scan_options[] = {
  { "staged", 0, 0, G_OPTION_ARG_NONE, &option_staged,
    "Look at what is staged in git, as it would be committed", NULL },
  { "file", 'f', 0, G_OPTION_ARG_FILENAME_ARRAY, &option_files,
    "Only this compose file; several are merged, in this order", "FILE" },
  { "sarif", 0, 0, G_OPTION_ARG_NONE, &option_sarif, "Print SARIF 2.1.0, for code review tools",
    NULL },
  { NULL },
};

const CliCommand guard_scan_command = {
  .arguments = "[FILE...]",
  .min_arguments = 0,
  .max_arguments = -1,
  .summary = "Find what endangers a database in compose files, scripts and .env files",
  .description
  = "Reads the compose files, Makefiles, shell scripts, package.json, CI workflows and .env files of "
    "the project, or those named (folders too), and asks neither Docker nor a server. Each finding "
    "says the file and line, what is wrong, what it costs and what to write instead.\n\n"
    "A comment “# pgkeel: allow RULE -- reason” behind a line, or on the line before it, says that "
    "it is meant to be; allow-file says so for the file. What is allowed is counted and shown. "
    "Errors, warnings and files that could not be read end with exit code 1; notes do not. The "
    "rules are in docs/guard-scan.md.",
  .example = "pgkeel guard scan --staged",
  .options = scan_options,
  .run = run_scan,
};
