/*
 * pgkeel migrate lint: what migrations will do to a busy database, told from their text alone.
 */
#include "base/fs.h"
#include "base/line_diff.h"
#include "base/size.h"
#include "base/text.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "migrate/layout.h"
#include "migrate/lint.h"
#include "project/target.h"

#include <string.h>
#include <sys/stat.h>

#define DIFFERENCE_CONTEXT 3
#define FILE_MAX_BYTES ((size_t) 256 * 1024 * 1024)

static int option_sarif, option_fix, option_dry_run, option_locks, option_postgres, option_database;
static char *option_level;

/* What is read, in the order it would run. */
typedef struct
{
  MigrationSet *set;  /* NULL: there is none, or it cannot be read */
  GArray *files;      /* of LintFile */
  GArray *judged;     /* of bool: those asked for; the others tell of the schema */
  GPtrArray *owned;   /* of char *: paths and texts of files outside the set */
  GPtrArray *folders; /* of char *: for each file, the absolute path */
} Sources;

static void
sources_clear (Sources *sources)
{
  g_clear_pointer (&sources->set, migration_set_free);
  g_clear_pointer (&sources->files, g_array_unref);
  g_clear_pointer (&sources->judged, g_array_unref);
  g_clear_pointer (&sources->owned, g_ptr_array_unref);
  g_clear_pointer (&sources->folders, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Sources, sources_clear)

static void
add_file (Sources *sources, const LintFile *file, bool is_judged, char *absolute)
{
  g_array_append_val (sources->files, *file);
  g_array_append_val (sources->judged, is_judged);
  g_ptr_array_add (sources->folders, absolute);
}

static bool
is_named (GPtrArray *named, const char *absolute)
{
  guint index;
  bool found = g_ptr_array_find_with_equal_func (named, absolute, g_str_equal, &index);
  if (found)
    g_ptr_array_remove_index (named, index);
  return found;
}

/* The project's migrations. NAMED (absolute paths) loses those found here. */
static void
add_set (Sources *sources, const Project *project, GPtrArray *named, bool all)
{
  for (guint i = 0; i < sources->set->migrations->len; i++)
    {
      const Migration *migration = sources->set->migrations->pdata[i];
      const MigrationScript *script = &migration->up;
      if (script->text == NULL)
        continue;
      LintFile file = { script->path,          script->text,           script->length,
                        MAX (script->line, 1), script->no_transaction, migration->not_sql };
      char *absolute = g_canonicalize_filename (script->path, project->folder);
      bool is_judged = is_named (named, absolute) || all;
      add_file (sources, &file, is_judged, absolute);
    }
}

static bool
asks_for_no_transaction (const char *text)
{
  return g_regex_match_simple (
      "^--[ \\t]*(pgkeel:[ \\t]*no-transaction|no-transaction|\\+goose[ \\t]+NO[ \\t]+TRANSACTION|"
      "migrate:up[^\\n]*transaction:false)",
      text, G_REGEX_MULTILINE, 0);
}

/* A file that is none of the project's migrations: read as it is. */
static bool
add_other (Sources *sources, const char *path, char *absolute, GError **error)
{
  char *text = NULL;
  size_t length;
  if (!fs_read_text (path, FILE_MAX_BYTES, &text, &length, error))
    {
      g_free (absolute);
      return false;
    }
  g_ptr_array_add (sources->owned, text);
  LintFile file = { path, text, length, 1, asks_for_no_transaction (text), NULL };
  add_file (sources, &file, true, absolute);
  return true;
}

/* Without a set that can be read the files named are read alone. */
static bool
read_set (CliContext *context, Sources *sources, const Project *project, bool is_needed,
          GError **error)
{
  g_autoptr (GError) problem = NULL;
  const ProjectMigrations *settings = &project->migrations;
  if (!migration_set_read (project->folder, settings->dir, settings->layout, &sources->set,
                           &problem))
    {
      if (is_needed)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      report_warning (&context->report, problem->message,
                      "The files are read without the migrations before them.");
      return true;
    }
  for (guint i = 0; is_needed && i < sources->set->warnings->len; i++)
    report_warning (&context->report, sources->set->warnings->pdata[i], NULL);
  return true;
}

static bool
read_sources (CliContext *context, int argc, char **argv, Sources *sources, GError **error)
{
  g_autoptr (GPtrArray) named = g_ptr_array_new_with_free_func (g_free);
  Project *project;
  sources->files = g_array_new (FALSE, TRUE, sizeof (LintFile));
  sources->judged = g_array_new (FALSE, TRUE, sizeof (bool));
  sources->owned = g_ptr_array_new_with_free_func (g_free);
  sources->folders = g_ptr_array_new_with_free_func (g_free);
  for (int i = 0; i < argc; i++)
    g_ptr_array_add (named, g_canonicalize_filename (argv[i], NULL));
  if (!context_project (context, &project, error)
      || !read_set (context, sources, project, argc == 0, error))
    return false;
  if (sources->set != NULL)
    add_set (sources, project, named, argc == 0);
  for (int i = 0; i < argc; i++)
    {
      char *absolute = g_canonicalize_filename (argv[i], NULL);
      if (!g_ptr_array_find_with_equal_func (named, absolute, g_str_equal, NULL))
        g_free (absolute);
      else if (!add_other (sources, argv[i], absolute, error))
        return false;
    }
  return true;
}

/* --- --fix ------------------------------------------------------------------------------------ */

/* The line by which a file of the layout leaves the transaction. */
static const char *
marker_of (const MigrationSet *set)
{
  const char *layout = set != NULL ? set->layout : "";
  if (strcmp (layout, "sqlx") == 0)
    return "-- no-transaction";
  return strcmp (layout, "goose") == 0 ? "-- +goose NO TRANSACTION" : "-- pgkeel: no-transaction";
}

static void
show_difference (const char *shown, const char *before, const char *after)
{
  g_autofree char *lines = line_diff (before, after, DIFFERENCE_CONTEXT);
  g_autofree char *safe = output_safe_text (lines);
  output_line ("--- %s", shown);
  output_line ("+++ %s", shown);
  output_text (safe);
}

static bool
fix_file (CliContext *context, const Sources *sources, guint index, const LintResult *result,
          json_t *fixes, GError **error)
{
  const LintFile *file = &g_array_index (sources->files, LintFile, index);
  const char *path = sources->folders->pdata[index];
  g_autofree char *whole = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) notes = NULL;
  size_t length;
  struct stat status;
  if (!lint_fix (file, result, marker_of (sources->set), &text, &notes, error)
      || !fs_read_text (path, FILE_MAX_BYTES, &whole, &length, error))
    return false;
  /* A file of both directions is not what was read, byte for byte. */
  bool is_whole = length == file->length && memcmp (whole, file->text, length) == 0;
  for (guint i = 0; i < notes->len && is_whole; i++)
    report_step (&context->report, "%s", (const char *) notes->pdata[i]);
  if (text == NULL)
    return true;
  if (!is_whole)
    {
      report_step (&context->report, "%s: not changed: it holds more than the way up", file->path);
      return true;
    }
  json_array_append_new (fixes, output_json_string (file->path));
  if (!context->json && !option_sarif)
    show_difference (file->path, whole, text);
  if (option_dry_run)
    return true;
  mode_t mode = stat (path, &status) == 0 ? status.st_mode & 07777 : 0644;
  return fs_write_durable (path, text, strlen (text), mode, error);
}

static bool
fix_files (CliContext *context, const Sources *sources, const LintResult *result, json_t *fixes,
           GError **error)
{
  for (guint i = 0; i < sources->files->len; i++)
    if (g_array_index (sources->judged, bool, i)
        && !fix_file (context, sources, i, result, fixes, error))
      return false;
  return true;
}

/* --- what is shown ---------------------------------------------------------------------------- */

static OutputStyle
style_of (LintSeverity severity)
{
  return severity == LINT_ERROR ? OUTPUT_BAD : severity == LINT_WARNING ? OUTPUT_WARN : OUTPUT_DIM;
}

/* A text of several lines, each behind the same margin. */
static void
print_indented (const char *label, const char *text)
{
  g_autofree char *safe = output_safe_text (text);
  g_auto (GStrv) lines = g_strsplit (safe, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    output_line ("    %-8s %s", line == lines ? label : "", *line);
}

static void
print_finding (const LintFinding *finding)
{
  const LintRule *rule = finding->rule;
  g_autofree char *path = output_safe_text (finding->path);
  g_autofree char *message = output_safe_text (finding->message);
  g_autofree char *statement = output_safe_text (finding->statement);
  g_autofree char *severity
      = output_paint (style_of (finding->severity), lint_severity_name (finding->severity));
  output_line ("%s:%u:%u: %s: %s [%s]", path, finding->line, finding->column, severity, message,
               rule->id);
  print_indented ("in", statement);
  if (finding->lock != LOCK_NONE)
    {
      g_autofree char *lock
          = g_strdup_printf ("%s on “%s”, which blocks %s", lock_mode_name (finding->lock),
                             finding->key, lock_mode_blocks (finding->lock));
      print_indented ("lock", lock);
    }
  if (finding->table_bytes >= 0)
    {
      g_autofree char *size = size_format ((uint64_t) finding->table_bytes);
      g_autofree char *rows = text_format_count ((uint64_t) finding->table_rows);
      g_autofree char *text = g_strdup_printf ("%s, about %s rows", size, rows);
      print_indented ("size", text);
    }
  print_indented ("why", rule->why);
  print_indented ("instead", rule->rewrite);
  if (finding->rewrite != NULL)
    print_indented ("--fix", finding->rewrite);
  output_line ("%s", "");
}

static json_t *
number_or_null (int64_t number)
{
  return number >= 0 ? json_integer (number) : json_null ();
}

static json_t *
finding_json (const LintFinding *finding)
{
  const LintRule *rule = finding->rule;
  return json_pack (
      "{s:s, s:s, s:o, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o}", "rule",
      rule->id, "severity", lint_severity_name (finding->severity), "file",
      output_json_string (finding->path), "line", (int) finding->line, "column",
      (int) finding->column, "end_line", (int) finding->end_line, "end_column",
      (int) finding->end_column, "statement", output_json_string (finding->statement), "message",
      output_json_string (finding->message), "table", output_json_string (finding->key),
      "table_bytes", number_or_null (finding->table_bytes), "table_rows",
      number_or_null (finding->table_rows), "lock",
      finding->lock != LOCK_NONE ? json_string (lock_mode_name (finding->lock)) : json_null (),
      "why", rule->why, "instead", rule->rewrite, "rewrite", output_json_string (finding->rewrite));
}

static json_t *
effects_json (const GPtrArray *effects)
{
  json_t *array = json_array ();
  for (guint i = 0; i < effects->len; i++)
    {
      const LockEffect *effect = effects->pdata[i];
      json_array_append_new (array, json_pack ("{s:o, s:s, s:s, s:s}", "relation",
                                               output_json_string (effect->key), "mode",
                                               lock_mode_name (effect->mode), "rewrite",
                                               lock_answer_name (effect->rewrite), "scan",
                                               lock_answer_name (effect->scan)));
    }
  return array;
}

static json_t *
locks_json (const LintResult *result)
{
  json_t *array = json_array ();
  for (guint i = 0; i < result->locks->len; i++)
    {
      const LintLocks *locks = result->locks->pdata[i];
      json_array_append_new (array,
                             json_pack ("{s:o, s:i, s:o, s:b, s:o}", "file",
                                        output_json_string (locks->path), "line", (int) locks->line,
                                        "statement", output_json_string (locks->statement), "known",
                                        locks->is_known, "locks", effects_json (locks->effects)));
    }
  return array;
}

static guint
count_of (const LintResult *result, LintSeverity severity)
{
  guint count = 0;
  for (guint i = 0; i < result->findings->len; i++)
    count += ((const LintFinding *) result->findings->pdata[i])->severity == severity;
  return count;
}

static guint
judged_count (const Sources *sources)
{
  guint count = 0;
  for (guint i = 0; i < sources->judged->len; i++)
    count += g_array_index (sources->judged, bool, i);
  return count;
}

static json_t *
result_json (const Sources *sources, const LintResult *result, json_t *fixes)
{
  json_t *findings = json_array ();
  for (guint i = 0; i < result->findings->len; i++)
    json_array_append_new (findings, finding_json (result->findings->pdata[i]));
  json_t *object = json_pack (
      "{s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:o}", "files", (int) judged_count (sources),
      "statements", (json_int_t) result->statement_count, "errors",
      (int) count_of (result, LINT_ERROR), "warnings", (int) count_of (result, LINT_WARNING),
      "notes", (int) count_of (result, LINT_NOTE), "unknown", (int) result->unknown_count,
      "ignored", (int) result->ignored_count, "findings", findings);
  if (option_locks)
    json_object_set_new (object, "locks", locks_json (result));
  if (option_fix)
    json_object_set (object, option_dry_run ? "would_change" : "changed", fixes);
  return object;
}

static void
print_locks (const LintResult *result)
{
  static const OutputColumn columns[]
      = { { "WHERE", false },   { "STATEMENT", false }, { "LOCK", false }, { "ON", false },
          { "REWRITE", false }, { "SCAN", false },      { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < result->locks->len; i++)
    {
      const LintLocks *locks = result->locks->pdata[i];
      g_autofree char *place = g_strdup_printf ("%s:%u", locks->path, locks->line);
      if (locks->effects->len == 0)
        output_table_row (table, place, locks->statement, locks->is_known ? "none" : "unknown", "",
                          "", "");
      for (guint j = 0; j < locks->effects->len; j++)
        {
          const LockEffect *effect = locks->effects->pdata[j];
          output_table_row (table, j == 0 ? place : "", j == 0 ? locks->statement : "",
                            lock_mode_name (effect->mode), effect->key,
                            lock_answer_name (effect->rewrite), lock_answer_name (effect->scan));
        }
    }
  output_table_print (table);
  output_line ("%s", "");
}

static void
print_result (const Sources *sources, const LintResult *result)
{
  if (option_locks)
    print_locks (result);
  for (guint i = 0; i < result->findings->len; i++)
    print_finding (result->findings->pdata[i]);
  g_autofree char *statements = text_format_count (result->statement_count);
  output_line (
      "statements: %s, files: %u, errors: %u, warnings: %u, notes: %u, unknown: %u, ignored: %u",
      statements, judged_count (sources), count_of (result, LINT_ERROR),
      count_of (result, LINT_WARNING), count_of (result, LINT_NOTE), result->unknown_count,
      result->ignored_count);
}

static void
show (CliContext *context, const Sources *sources, const LintResult *result, json_t *fixes)
{
  if (option_sarif)
    {
      g_autoptr (json_t) sarif = lint_sarif (result, PGKEEL_VERSION);
      char *text = json_dumps (sarif, JSON_INDENT (2));
      output_text (text);
      output_line ("%s", "");
      free (text);
    }
  else if (context->json)
    output_json (result_json (sources, result, fixes));
  else
    print_result (sources, result);
}

/* --- the command ------------------------------------------------------------------------------ */

static bool
read_options (CliContext *context, int argc, LintOptions *ret_options, GError **error)
{
  LintOptions options
      = { .server_major = option_postgres, .level = LINT_WARNING, .with_locks = option_locks };
  if (option_level != NULL && !lint_severity_parse (option_level, &options.level))
    return keel_error (error, KEEL_ERROR_USAGE, "It is note, warning or error.", "“%s” is no level",
                       option_level);
  if (option_sarif && context->json)
    return keel_error (error, KEEL_ERROR_USAGE, "SARIF is JSON already; leave out --json.",
                       "--sarif and --json are two forms of the result");
  if (option_postgres != 0 && (option_postgres < 13 || option_postgres > 18))
    return keel_error (error, KEEL_ERROR_USAGE, "pgkeel knows PostgreSQL 13 to 18.",
                       "there is no PostgreSQL %d that pgkeel knows", option_postgres);
  if (option_fix && argc == 0)
    return keel_error (
        error, KEEL_ERROR_USAGE,
        "Name the files that were not applied anywhere yet: an applied one must stay as "
        "it is.",
        "--fix needs the files to change");
  if (option_dry_run && !option_fix)
    return keel_error (error, KEEL_ERROR_USAGE, "Without --fix nothing is written anyway.",
                       "--dry-run goes with --fix");
  *ret_options = options;
  return true;
}

/* Only reads; the server's version is used unless another was named. */
static bool
ask_database (CliContext *context, LintOptions *options, GError **error)
{
  Project *project;
  g_autoptr (DbConn) conn = NULL;
  if (!context_project (context, &project, error))
    return false;
  g_autofree char *url = target_url (project, error);
  if (url == NULL || !db_connect (url, NULL, &db_retry_default, &conn, error))
    return false;
  if (options->server_major == 0)
    options->server_major = db_server_version (conn) / 10000;
  return lint_sizes_read (conn, &options->sizes, error);
}

static bool
judge (const LintResult *result, GError **error)
{
  guint errors = count_of (result, LINT_ERROR), warnings = count_of (result, LINT_WARNING);
  if (!lint_result_is_bad (result))
    return true;
  return keel_error (error, KEEL_ERROR_ANSWER_NO,
                     "What is meant to be is said so: -- pgkeel: ignore RULE reason",
                     "the migrations have errors: %u, warnings: %u", errors, warnings);
}

static bool
run_lint (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (Sources) sources = { 0 };
  g_autoptr (LintResult) result = NULL;
  g_autoptr (json_t) fixes = json_array ();
  g_autoptr (GHashTable) sizes = NULL;
  LintOptions options;
  if (!read_options (context, argc, &options, error)
      || (option_database && !ask_database (context, &options, error)))
    return false;
  sizes = options.sizes;
  if (!read_sources (context, argc, argv, &sources, error)
      || !lint_run (&options, (const LintFile *) (void *) sources.files->data, sources.files->len,
                    (const bool *) (void *) sources.judged->data, &result, error)
      || (option_fix && !fix_files (context, &sources, result, fixes, error)))
    return false;
  show (context, &sources, result, fixes);
  return judge (result, error);
}

static const GOptionEntry lint_options[] = {
  { "sarif", 0, 0, G_OPTION_ARG_NONE, &option_sarif, "Print SARIF 2.1.0, for code review tools",
    NULL },
  { "fix", 0, 0, G_OPTION_ARG_NONE, &option_fix,
    "Write the named files anew where that is certain, and show the difference", NULL },
  { "dry-run", 0, 0, G_OPTION_ARG_NONE, &option_dry_run, "With --fix: only show the difference",
    NULL },
  { "level", 0, 0, G_OPTION_ARG_STRING, &option_level, "Report from this severity on (warning)",
    "note|warning|error" },
  { "locks", 0, 0, G_OPTION_ARG_NONE, &option_locks,
    "List the locks and rewrites of every statement as well", NULL },
  { "database", 0, 0, G_OPTION_ARG_NONE, &option_database,
    "Ask the environment's database how large the tables are, and weigh by that", NULL },
  { "postgres", 0, 0, G_OPTION_ARG_INT, &option_postgres, "The server's major version (18)",
    "13|14|15|16|17|18" },
  { NULL },
};

const CliCommand migrate_lint_command = {
  .name = "lint",
  .arguments = "[FILE...]",
  .min_arguments = 0,
  .max_arguments = -1,
  .summary = "Find what hurts in migrations before they run: locks, rewrites, lost data",
  .description
  = "Reads the files named, or all migrations of the project, without a database. Each finding says "
    "which lock is taken, what it blocks, why it hurts, and what to write instead. Tables that the "
    "same file makes are exempt from most rules. What cannot be parsed is reported as unknown.\n\n"
    "A comment “-- pgkeel: ignore RULE reason” before a statement says that it is meant to be; "
    "“-- pgkeel: ignore-file RULE reason” says so for the file. Errors, warnings and unknown "
    "statements end with exit code 1; notes are shown with --level=note. The rules are in "
    "docs/lint.md.\n\n"
    "With --database the environment's database is asked how large the tables are: what only takes "
    "as long as a table is large is a note where the table has less than 8 MB.",
  .example = "pgkeel migrate lint migrations/20260101120000_orders.up.sql --fix --dry-run",
  .options = lint_options,
  .run = run_lint,
};
