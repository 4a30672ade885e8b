/* pgkeel migrate rehearse: run what is pending on a restored copy, there and back, and measure it. */
#include "cli/cmd_migrate_rehearse.h"

#include "backup/catalogue.h"
#include "backup/dump.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/size.h"
#include "base/temporary.h"
#include "cli/cmd_migrate.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/output.h"
#include "deploy/rehearsal.h"
#include "project/target.h"

#include <string.h>

#define TEXT_SHOWN_CHARS 60
#define STATEMENTS_SHOWN 30

static char *option_from;
static gboolean option_from_database;
static char *option_html;
static char *option_to;
static gboolean option_late;
static int option_jobs;

/* --- what it is rehearsed on ----------------------------------------------------------------- */

typedef struct
{
  TemporaryFolder folder; /* of a copy made just now */
  Store *store;
  char *name;
  BackupReader *reader;
} Source;

static void
source_clear (Source *source)
{
  backup_reader_free (source->reader);
  store_free (source->store);
  g_free (source->name);
  temporary_folder_clear (&source->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Source, source_clear)

/* A dump that ends with the rehearsal: nobody's backup. */
static bool
copy_database (CliContext *context, Source *source, GError **error)
{
  const Project *project = context->project;
  g_auto (DumpResult) result = { 0 };
  g_autofree char *url = target_url (project, error);
  if (url == NULL || !temporary_folder_make ("rehearsal", &source->folder, error))
    return false;
  DumpSpec spec = { .url = url,
                    .type = DUMP_ALL,
                    .job_count = (unsigned int) MAX (option_jobs, 0),
                    .project = project->name,
                    .environment = project->environment->name };
  source->store = store_open_folder (source->folder.path);
  source->name = catalogue_format_name (project->name, "db", clock_now ());
  report_step (&context->report, "copying the database");
  return dump_run (&spec, source->store, source->name, &context->report, &result, error);
}

static bool
open_source (CliContext *context, Source *source, GError **error)
{
  g_autofree char *folder = project_backup_folder (context->project);
  const char *from = option_from != NULL ? option_from : "latest";
  if (option_from_database ? !copy_database (context, source, error)
                           : !catalogue_find (folder, from, &source->store, &source->name, error))
    {
      keel_error_suggest (error, "--from-database rehearses on a copy made just now.");
      return false;
    }
  return backup_reader_open (source->store, source->name, &source->reader, error);
}

/* Who runs the migrations at home: the URL's user, or whom libpq takes without one. */
static char *
usual_user (const Project *project)
{
  const char *url;
  g_autofree char *user = NULL;
  if (project->environment->is_local)
    return g_strdup ("postgres");
  if (!project_url (project, &url, NULL) || url == NULL
      || !db_url_parts (url, NULL, &user, NULL, NULL))
    return NULL;
  if (*user != '\0')
    return g_steal_pointer (&user);
  return g_strdup (g_getenv ("PGUSER") != NULL ? g_getenv ("PGUSER") : g_get_user_name ());
}

/* --- showing it ------------------------------------------------------------------------------ */

static char *
format_time (int64_t us)
{
  return us < 1000000 ? g_strdup_printf ("%.1f ms", (double) us / 1e3)
                      : g_strdup_printf ("%.2f s", (double) us / 1e6);
}

static char *
format_growth (int64_t bytes)
{
  g_autofree char *size = size_format ((uint64_t) ABS (bytes));
  return bytes == 0 ? g_strdup ("") : g_strdup_printf ("%s%s", bytes < 0 ? "-" : "+", size);
}

/* The statement on one line, its beginning. */
static char *
shorten (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t\r\n", -1);
  g_autoptr (GString) line = g_string_new (NULL);
  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      g_string_append_printf (line, "%s%s", line->len > 0 ? " " : "", words[i]);
  if (g_utf8_strlen (line->str, -1) <= TEXT_SHOWN_CHARS)
    return g_string_free (g_steal_pointer (&line), FALSE);
  g_autofree char *start = g_utf8_substring (line->str, 0, TEXT_SHOWN_CHARS - 3);
  return g_strconcat (start, "...", NULL);
}

/* "ACCESS EXCLUSIVE on public.a; SHARE on public.b": the strongest new one of each table. */
static char *
format_locks (const Measurement *measurement)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *last = "";
  bool has_table = measurement_strongest (measurement) != NULL;
  for (guint i = 0; i < measurement->locks->len; i++)
    {
      const MeasuredLock *lock = measurement->locks->pdata[i];
      if (lock->is_new || (has_table && strchr ("iIS", lock->kind) != NULL)
          || strcmp (lock->relation, last) == 0)
        continue;
      g_string_append_printf (text, "%s%s on %s", text->len > 0 ? "; " : "", lock->mode,
                              lock->relation);
      if (lock->held_us > 0)
        {
          g_autofree char *held = format_time (lock->held_us);
          g_string_append_printf (text, " for %s", held);
        }
      last = lock->relation;
    }
  if (measurement->locks->len == 0 && measurement->is_alone)
    return g_strdup ("too fast to be seen");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
format_rows (const Measurement *measurement)
{
  int64_t rows = MAX (measurement->rows, 0);
  int64_t counted = 0;
  for (guint i = 0; i < measurement->touched->len; i++)
    {
      const MeasuredRows *one = measurement->touched->pdata[i];
      counted += one->inserted + one->updated + one->deleted;
    }
  /* Triggers and functions change rows that the command's tag does not count. */
  rows = MAX (rows, counted);
  return rows > 0 || measurement->rows == 0 ? text_format_count ((uint64_t) rows) : g_strdup ("");
}

static void
add_row (OutputTable *table, const Measurement *measurement)
{
  g_autofree char *line = g_strdup_printf ("%u", measurement->line);
  g_autofree char *text = shorten (measurement->text);
  g_autofree char *time = format_time (measurement->elapsed_us);
  g_autofree char *rows = format_rows (measurement);
  g_autofree char *wal = format_growth (measurement->wal_bytes);
  g_autofree char *size = format_growth (measurement->size_bytes);
  g_autofree char *locks = format_locks (measurement);
  g_autofree char *names = NULL;
  g_ptr_array_add (measurement->rewritten, NULL);
  names = g_strjoinv (", ", (char **) measurement->rewritten->pdata);
  g_ptr_array_set_size (measurement->rewritten, (int) measurement->rewritten->len - 1);
  output_table_row (table, line, text, time, rows, wal, size, names,
                    measurement->failed ? "FAILED" : locks);
  if (measurement->failed || strstr (locks, "ACCESS EXCLUSIVE") != NULL)
    output_table_style (table, 7, OUTPUT_BAD);
  output_table_style (table, 6, OUTPUT_WARN);
}

/* Deferred constraints and triggers run then. */
static void
add_commit_row (OutputTable *table, const Measurement *measurement)
{
  g_autofree char *time = format_time (measurement->commit_us);
  output_table_row (table, "", "COMMIT", time, "", "", "", "",
                    measurement->commit_failed ? "FAILED" : "");
  if (measurement->commit_failed)
    output_table_style (table, 7, OUTPUT_BAD);
}

static void
print_measured (const char *path, const GPtrArray *measured, int64_t us)
{
  static const OutputColumn columns[]
      = { { "LINE", true },      { "STATEMENT", false }, { "TIME", true },
          { "ROWS", true },      { "WAL", true },        { "SIZE", true },
          { "REWRITES", false }, { "NEW LOCKS", false }, { NULL } };
  if (measured == NULL)
    return;
  g_autofree char *time = format_time (us);
  g_autoptr (OutputTable) table = output_table_new (columns);
  output_line ("%s: %s", path, time);
  for (guint i = 0; i < measured->len; i++)
    {
      add_row (table, measured->pdata[i]);
      if (measurement_shows_commit (measured->pdata[i]))
        add_commit_row (table, measured->pdata[i]);
    }
  output_table_print (table);
  output_line ("%s", "");
}

static void
print_return (const Rehearsal *r)
{
  g_autofree char *rows = text_format_count (r->rows_before);
  switch (r->way_back)
    {
    case REHEARSAL_PROVEN:
      if (r->command != NULL)
        output_line (
            "way back: proven, by %u run%s of migrations.command.down: the schema, %u of %u "
            "tables and their %s rows are as before",
            r->command->down_runs, r->command->down_runs == 1 ? "" : "s", r->tables_equal,
            r->tables_total, rows);
      else
        output_line (
            "way back: proven for %u of %u: the schema, %u of %u tables and their %s rows are "
            "as before",
            r->undone_count, r->migrations->len, r->tables_equal, r->tables_total, rows);
      break;
    case REHEARSAL_LOSES:
      if (r->command != NULL)
        output_line ("way back: after %u run%s of migrations.command.down it is NOT as before:",
                     r->command->down_runs, r->command->down_runs == 1 ? "" : "s");
      else
        output_line ("way back: %u of %u undone, and NOT as before:", r->undone_count,
                     r->migrations->len);
      break;
    case REHEARSAL_DOWN_FAILED:
      output_line ("way back: %s fails",
                   r->command != NULL ? "migrations.command.down" : "a down script");
      break;
    case REHEARSAL_NO_DOWN:
      output_line ("way back: none, %s", r->command != NULL ? "there is no migrations.command.down"
                                                            : "the last one has no down script");
      break;
    default: output_line ("way back: not tried"); break;
    }
  for (guint i = 0; i < r->differences->len; i++)
    output_line ("  %s", (const char *) r->differences->pdata[i]);
}

static void
print_texts (const char *title, const GPtrArray *texts)
{
  output_line ("%s: %u", title, texts->len);
  for (guint i = 0; i < texts->len; i++)
    output_line ("  %s", (const char *) texts->pdata[i]);
}

static void
print_statements (const GPtrArray *statements)
{
  static const OutputColumn columns[] = { { "TIME", true }, { "STATEMENT", false }, { NULL } };
  if (statements->len == 0)
    return;
  g_autoptr (OutputTable) table = output_table_new (columns);
  output_line ("statements of migrations.command.up: %u", statements->len);
  for (guint i = 0; i < MIN (statements->len, STATEMENTS_SHOWN); i++)
    {
      const CommandStatement *statement = statements->pdata[i];
      g_autofree char *text = shorten (statement->text);
      g_autofree char *time = format_time (statement->elapsed_us);
      output_table_row (table, statement->failed ? "FAILED" : time, text);
      if (statement->failed)
        output_table_style (table, 0, OUTPUT_BAD);
    }
  output_table_print (table);
  if (statements->len > STATEMENTS_SHOWN)
    output_line ("--json has them all");
  output_line ("%s", "");
}

/* What a command did, as a whole. */
static void
print_command (const RehearsedCommand *command)
{
  if (command == NULL)
    return;
  print_statements (command->log.statements);
  print_texts ("migrations applied, as far as the tool's table tells", command->applied);
  print_texts ("objects that differ after it", command->schema_changes);
  print_texts ("data that was there and is not as it was", command->data_changes);
}

static void
print_rehearsal (const Rehearsal *r, const char *path)
{
  g_autofree char *time = format_time (r->elapsed_us);
  g_autofree char *restore = format_time (r->restore_us);
  g_autofree char *verdict
      = r->passed ? output_paint (OUTPUT_GOOD, "passed") : output_paint (OUTPUT_BAD, "FAILED");
  for (guint i = 0; i < r->migrations->len; i++)
    {
      const RehearsedMigration *migration = r->migrations->pdata[i];
      print_measured (migration->path, migration->up, migration->up_us);
    }
  for (guint i = r->migrations->len; i > 0; i--)
    {
      const RehearsedMigration *migration = r->migrations->pdata[i - 1];
      print_measured (migration->down_path, migration->down, migration->down_us);
    }
  print_command (r->command);
  print_return (r);
  if (r->failed_in == NULL)
    output_line ("constraints: %u of %u hold", r->constraints_total - r->constraints_broken->len,
                 r->constraints_total);
  for (guint i = 0; i < r->problems->len; i++)
    output_line ("problem: %s", (const char *) r->problems->pdata[i]);
  for (guint i = 0; i < r->notes->len; i++)
    output_line ("note: %s", (const char *) r->notes->pdata[i]);
  g_autofree char *what = r->command != NULL
                              ? g_strdup ("migrations.command.up")
                              : g_strdup_printf ("%u migration%s", r->migrations->len,
                                                 r->migrations->len == 1 ? "" : "s");
  output_line ("%s rehearsed on %s as role %s in %s (restoring: %s): %s", what,
               r->is_fresh ? "a copy made just now" : r->backup, r->role, time, restore, verdict);
  output_line ("kept in %s", path);
}

static bool
write_html (const Rehearsal *rehearsal, GError **error)
{
  if (option_html == NULL)
    return true;
  g_autofree char *page = rehearsal_html (rehearsal);
  return fs_write_durable (option_html, page, strlen (page), 0600, error);
}

/* What a rehearsal found is kept and shown, whatever it is. */
static bool
finish (CliContext *context, const Source *source, const Rehearsal *rehearsal, GError **error)
{
  g_autofree char *path = NULL;
  if (rehearsal->migrations->len == 0)
    {
      if (context->json)
        output_json (rehearsal_json (rehearsal));
      else
        output_line ("nothing is pending in “%s”", rehearsal->backup);
      return true;
    }
  if (!rehearsal_save (rehearsal, context->project, source->store, &path, error)
      || !write_html (rehearsal, error))
    return false;
  if (context->json)
    {
      json_t *object = rehearsal_json (rehearsal);
      json_object_set_new (object, "path", output_json_string (path));
      output_json (object);
    }
  else
    print_rehearsal (rehearsal, path);
  if (rehearsal->passed)
    return true;
  return keel_error_full (error, KEEL_ERROR_ANSWER_NO, rehearsal->failure.server.sqlstate,
                          rehearsal->failure.server.detail, rehearsal->failure.advice,
                          "the rehearsal failed: %s", (const char *) rehearsal->problems->pdata[0]);
}

static bool
check_command (const Project *project, GError **error)
{
  const char *refused = option_to != NULL ? "--to" : option_late ? "--allow-out-of-order" : NULL;
  if (project->migrations.up_command == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG,
                       "Write it into pgkeel.yaml: the command that does it, as in a shell.",
                       "the project has no migrations.command.up");
  return refused == NULL
         || keel_error (error, KEEL_ERROR_USAGE, "Write it into that command.",
                        "%s cannot be passed on to migrations.command.up", refused);
}

/* A command that does not read our variables works in the database that it is set to. */
static bool
ask_command (CliContext *context, GError **error)
{
  const ProjectEnvironment *environment = context->project->environment;
  g_autofree char *what = g_strdup_printf (
      "run the commands of this project with DATABASE_URL and PGHOST set to the copy (one that reads "
      "neither would work in the database it is set to, perhaps that of %s)",
      environment->name);
  const ConfirmRequest request = { .operation = DESTRUCTIVE_MIGRATE_REHEARSE, .what = what };
  return confirm (context, &request, error);
}

/* Other variables that hold the environment's URL: they lead to the copy as well. */
static bool
list_variables (const Project *project, char ***ret_names, GError **error)
{
  const char *url = NULL;
  *ret_names = NULL;
  if (project->environment->is_local)
    return true;
  if (!project_url (project, &url, NULL) || url == NULL)
    return true;
  *ret_names = target_url_variables (project, url, error);
  return *ret_names != NULL;
}

static bool
rehearse_command (CliContext *context, GError **error)
{
  const Project *project = context->project;
  g_auto (Source) source = { .folder = { .hold = -1 } };
  g_auto (Rehearsal) rehearsal = { 0 };
  g_auto (GStrv) variables = NULL;
  if (!check_command (project, error) || !ask_command (context, error)
      || !list_variables (project, &variables, error) || !open_source (context, &source, error))
    return false;
  g_autofree char *user = usual_user (project);
  RehearseCommandSpec spec = { .copy = { .project = project,
                                         .reader = source.reader,
                                         .backup = source.name,
                                         .is_fresh = option_from_database,
                                         .user = user,
                                         .job_count = (unsigned int) MAX (option_jobs, 0) },
                               .also = (const char *const *) variables,
                               .output = migrate_pass_on };
  return rehearsal_run_command (&spec, &context->report, &rehearsal, error)
         && finish (context, &source, &rehearsal, error);
}

static bool
run_rehearse (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (MigrateBase) base = { 0 };
  g_auto (Source) source = { .folder = { .hold = -1 } };
  g_auto (Rehearsal) rehearsal = { 0 };
  if (option_from != NULL && option_from_database)
    return keel_error (error, KEEL_ERROR_USAGE, "Give one of them.",
                       "--from and --from-database do not go together");
  if (migrate_is_external (context))
    return rehearse_command (context, error);
  if (!migrate_base_open (context, &base, error) || !open_source (context, &source, error))
    return false;
  g_autofree char *user = usual_user (base.project);
  RehearseSpec spec = { .project = base.project,
                        .set = base.set,
                        .parser = base.parser,
                        .reader = source.reader,
                        .backup = source.name,
                        .is_fresh = option_from_database,
                        .user = user,
                        .to = option_to,
                        .allow_late = option_late,
                        .job_count = (unsigned int) MAX (option_jobs, 0) };
  return rehearsal_run (&spec, &context->report, &rehearsal, error)
         && finish (context, &source, &rehearsal, error);
}

static const GOptionEntry rehearse_options[]
    = { { "from", 0, 0, G_OPTION_ARG_STRING, &option_from,
          "The backup to rehearse on (default: the latest)", "BACKUP" },
        { "from-database", 0, 0, G_OPTION_ARG_NONE, &option_from_database,
          "Rehearse on a copy of the environment's database, made now", NULL },
        { "html", 0, 0, G_OPTION_ARG_FILENAME, &option_html, "Write the report as a page, too",
          "FILE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &option_to, "The last version to apply", "VERSION" },
        { "allow-out-of-order", 0, 0, G_OPTION_ARG_NONE, &option_late,
          "Apply late migrations too, whose successors are applied already", NULL },
        { "jobs", 'j', 0, G_OPTION_ARG_INT, &option_jobs,
          "Sessions at once (default: one for each processor, at most 8)", "N" },
        G_OPTION_ENTRY_NULL };

const CliCommand migrate_rehearse_command = {
  .name = "rehearse",
  .summary = "Run what is pending on a restored copy, there and back, and measure it",
  .description
  = "Restores the latest backup into a scratch cluster, applies the pending migrations as `migrate up`\n"
    "does and reports for every statement what was measured: time, locks by table, tables that got a\n"
    "new file, rows, WAL, growth. Then it undoes them and compares schema and rows with the state\n"
    "before, applies them again, and validates all foreign keys and checks.\n\n"
    "The result is kept beside the backup. In protected environments `migrate up` wants one of exactly\n"
    "the files that it is about to run. Exit code 1: a migration or its way back fails, or it leaves\n"
    "rows that break a constraint, or an invalid index. Times are those of this machine, without fsync.\n\n"
    "Commands of the project (migrations.command) run on the copy, to which DATABASE_URL and PGHOST lead\n"
    "them, and are measured from outside. One that reads neither works in the database that it is set\n"
    "to: in protected environments it is asked first.",
  .example = "pgkeel -e production migrate rehearse --html=rehearsal.html",
  .options = rehearse_options,
  .run = run_rehearse,
};

/* --- what up asks for ------------------------------------------------------------------------ */

static char *
describe_age (int64_t rehearsed)
{
  return duration_format (MAX (clock_now () - rehearsed, 0));
}

/* What MATCH means for who wants to go on. */
static bool
check_match (CliContext *context, const MigrateBase *base, const RehearsalMatch *match, bool waived,
             bool *ret_is_confirmed, GError **error)
{
  const ProjectEnvironment *environment = base->project->environment;
  *ret_is_confirmed = false;
  if (match->found)
    {
      g_autofree char *age = describe_age (match->rehearsed);
      report_step (&context->report, "rehearsed %s ago on %s", age, match->backup);
      return true;
    }
  if (!waived)
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        "Run “pgkeel migrate rehearse” first; --no-rehearsal goes on without.",
        "the environment “%s” is protected, and these migrations are not rehearsed: %s",
        environment->name, match->reason);
  const char *database = db_database (base->conn);
  g_autofree char *what
      = g_strdup_printf ("apply to the database “%s” of %s what was not rehearsed (%s)", database,
                         environment->name, match->reason);
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_MIGRATE_UNREHEARSED, .what = what, .name = database };
  *ret_is_confirmed = confirm (context, &request, error);
  return *ret_is_confirmed;
}

static void
warn_of_match (CliContext *context, const RehearsalMatch *match)
{
  g_autofree char *text = g_strdup_printf ("these migrations are not rehearsed: %s", match->reason);
  if (!match->found)
    report_warning (&context->report, text, "Run “pgkeel migrate rehearse” before “migrate up”.");
}

bool
migrate_check_rehearsed (CliContext *context, const MigrateBase *base, const GPtrArray *items,
                         bool waived, GError **error)
{
  g_auto (RehearsalMatch) match = { 0 };
  bool ignored;
  return !base->project->environment->is_protected
         || (rehearsal_find (base->project, items, &match, error)
             && check_match (context, base, &match, waived, &ignored, error));
}

bool
migrate_check_command_rehearsed (CliContext *context, const MigrateBase *base,
                                 const ExternalPending *pending, bool waived,
                                 bool *ret_is_confirmed, GError **error)
{
  g_auto (RehearsalMatch) match = { 0 };
  return rehearsal_find_command (base->project, pending, &match, error)
         && check_match (context, base, &match, waived, ret_is_confirmed, error);
}

bool
migrate_warn_unrehearsed (CliContext *context, const MigrateBase *base, const GPtrArray *items,
                          GError **error)
{
  g_auto (RehearsalMatch) match = { 0 };
  if (!base->project->environment->is_protected)
    return true;
  if (!rehearsal_find (base->project, items, &match, error))
    return false;
  warn_of_match (context, &match);
  return true;
}

bool
migrate_warn_command_unrehearsed (CliContext *context, const MigrateBase *base,
                                  const ExternalPending *pending, GError **error)
{
  g_auto (RehearsalMatch) match = { 0 };
  if (!rehearsal_find_command (base->project, pending, &match, error))
    return false;
  warn_of_match (context, &match);
  return true;
}
