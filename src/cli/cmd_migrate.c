/* pgkeel migrate: status and history; the other commands of the group have files of their own. */
#include "cli/cmd_migrate.h"

#include "base/cancel.h"
#include "base/size.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "migrate/layout.h"
#include "migrate/run_lock.h"
#include "project/stamp.h"
#include "project/target.h"

#include <string.h>

#define WAIT_DEFAULT_MS (10 * 60 * 1000)

static gboolean option_all;

/* --- what all commands need ------------------------------------------------------------------ */

void
migrate_base_clear (MigrateBase *base)
{
  g_clear_pointer (&base->plan, plan_free);
  g_clear_pointer (&base->history, history_free);
  g_clear_pointer (&base->set, migration_set_free);
  g_clear_pointer (&base->parser, sql_parser_free);
  g_clear_pointer (&base->conn, db_conn_free);
  g_clear_pointer (&base->url, g_free);
}

static bool
open_base (CliContext *context, MigrateBase *base, bool only_up, GError **error)
{
  if (!context_project (context, &base->project, error))
    return false;
  const ProjectMigrations *settings = &base->project->migrations;
  bool (*read) (const char *, const char *, const char *, MigrationSet **, GError **)
      = only_up ? migration_set_read_up : migration_set_read;
  if (!read (base->project->folder, settings->dir, settings->layout, &base->set, error))
    return false;
  for (guint i = 0; i < base->set->warnings->len; i++)
    report_warning (&context->report, base->set->warnings->pdata[i], NULL);
  base->parser = sql_parser_new ();
  return true;
}

bool
migrate_base_open (CliContext *context, MigrateBase *base, GError **error)
{
  return open_base (context, base, false, error);
}

void
migrate_warn_of_no_files (CliContext *context, const MigrateBase *base)
{
  if (base->set->migrations->len == 0)
    report_warning (
        &context->report, "there are no migration files",
        "“pgkeel migrate new NAME” writes the first ones; migrations.dir in pgkeel.yaml "
        "says where they are.");
}

bool
migrate_base_connect (MigrateBase *base, bool write, GError **error)
{
  g_auto (Stamp) stamp = { 0 };
  if (write && base->project->environment->is_protected
      && !project_check_authorised (base->project, error))
    return false;
  base->url = target_url (base->project, error);
  if (base->url == NULL || !db_connect (base->url, NULL, &db_retry_default, &base->conn, error))
    return false;
  return !write
         || (stamp_read (base->conn, base->project, &stamp, error)
             && stamp_check (&stamp, base->project, error));
}

bool
migrate_base_plan (MigrateBase *base, GError **error)
{
  g_clear_pointer (&base->plan, plan_free);
  g_clear_pointer (&base->history, history_free);
  return history_read (base->conn, &base->history, error)
         && plan_new (base->set, base->history, base->parser, &base->plan, error);
}

bool
migrate_parse_wait (const char *wait, int64_t *ret_ms, GError **error)
{
  int64_t seconds;
  g_autofree char *with_unit = g_strconcat (wait != NULL ? wait : "", "s", NULL);
  if (wait == NULL)
    *ret_ms = WAIT_DEFAULT_MS;
  else if (duration_parse (with_unit, &seconds) && seconds >= 0 && seconds <= 7 * 24 * 3600)
    *ret_ms = seconds * 1000;
  else if (duration_parse (wait, &seconds) && seconds >= 0 && seconds <= 7 * 24 * 3600)
    *ret_ms = seconds * 1000;
  else
    return keel_error (error, KEEL_ERROR_USAGE, "Write it like 30s, 10m or 2h.",
                       "“%s” is not a duration", wait);
  return true;
}

bool
migrate_base_lock (CliContext *context, MigrateBase *base, const char *wait, GError **error)
{
  g_autoptr (DbConn) other = NULL;
  int64_t wait_ms;
  return migrate_parse_wait (wait, &wait_ms, error)
         && db_connect (base->url, NULL, &db_retry_default, &other, error)
         && run_lock_check_sessions (base->conn, other, error)
         && run_lock_take (base->conn, wait_ms, &context->report, error)
         && migrate_base_plan (base, error);
}

static const char *
path_of (const PlanItem *item)
{
  return item->migration != NULL ? item->migration->up.path : NULL;
}

static json_t *
entry_json (const HistoryEntry *entry)
{
  return json_pack (
      "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:I}",
      "version", output_json_string (entry->version), "name", output_json_string (entry->name),
      "state", history_state_name (entry->state), "started", output_json_string (entry->started),
      "finished", output_json_string (entry->finished), "reverted",
      output_json_string (entry->reverted), "applied_by", output_json_string (entry->applied_by),
      "applied_from", output_json_string (entry->applied_from), "reverted_by",
      output_json_string (entry->reverted_by), "checksum", output_json_string (entry->checksum),
      "fingerprint", output_json_string (entry->fingerprint), "backup",
      output_json_string (entry->backup), "pgkeel", output_json_string (entry->pgkeel_version),
      "schema_fingerprint", output_json_string (entry->schema_fingerprint), "error",
      output_json_string (entry->error), "statement_done", entry->statement_done, "statement_total",
      entry->statement_total, "batch_rows", (json_int_t) entry->batch_rows);
}

json_t *
migrate_item_json (const PlanItem *item)
{
  const Migration *migration = item->migration;
  const HistoryEntry *entry = item->entry;
  return json_pack ("{s:o, s:o, s:s, s:o, s:o, s:b, s:o}", "version",
                    output_json_string (migration != NULL ? migration->version : entry->version),
                    "name", output_json_string (migration != NULL ? migration->name : entry->name),
                    "state", plan_state_name (item->state), "file",
                    output_json_string (path_of (item)), "applied",
                    output_json_string (entry != NULL ? entry->finished : NULL), "reversible",
                    migration != NULL && migration->down.text != NULL, "history",
                    entry != NULL ? entry_json (entry) : json_null ());
}

json_t *
migrate_items_json (const GPtrArray *items)
{
  json_t *array = json_array ();
  for (guint i = 0; i < items->len; i++)
    json_array_append_new (array, migrate_item_json (items->pdata[i]));
  return array;
}

/* --- status ---------------------------------------------------------------------------------- */

static OutputStyle
style_of (PlanState state)
{
  switch (state)
    {
    case PLAN_APPLIED:
    case PLAN_REFORMATTED: return OUTPUT_GOOD;
    case PLAN_COVERED: return OUTPUT_DIM;
    case PLAN_PENDING:
    case PLAN_REPEAT: return OUTPUT_WARN;
    default: return OUTPUT_BAD;
    }
}

/* What is worth a word beside the state. */
static char *
describe (const PlanItem *item)
{
  const HistoryEntry *entry = item->entry;
  if (entry == NULL)
    return g_strdup (item->migration->not_sql);
  if (item->state == PLAN_UNFINISHED || item->state == PLAN_REVERTING)
    return g_strdup_printf ("stopped after statement %d of %d%s%s", entry->statement_done,
                            entry->statement_total, entry->error != NULL ? ": " : "",
                            entry->error != NULL ? entry->error : "");
  if (entry->error != NULL)
    return g_strdup_printf ("failed: %s", entry->error);
  if (entry->state == HISTORY_ADOPTED || entry->state == HISTORY_BASELINE)
    return g_strdup (history_state_name (entry->state));
  return g_strdup (item->state == PLAN_REFORMATTED ? "the file was reformatted since" : NULL);
}

static void
add_status_row (OutputTable *table, const PlanItem *item)
{
  const Migration *migration = item->migration;
  const HistoryEntry *entry = item->entry;
  g_autofree char *note = describe (item);
  PlanState shown = item->state == PLAN_REFORMATTED ? PLAN_APPLIED : item->state;
  output_table_row (table, migration != NULL ? migration->version : entry->version,
                    migration != NULL ? migration->name : entry->name, plan_state_name (shown),
                    entry != NULL ? entry->finished : NULL, note);
  output_table_style (table, 2, style_of (item->state));
}

static bool
is_quiet (const PlanItem *item)
{
  return item->state == PLAN_APPLIED || item->state == PLAN_REFORMATTED
         || item->state == PLAN_COVERED;
}

/* How many of the applied ones are shown unless all are asked for. */
#define APPLIED_SHOWN 5

static void
print_status (const Plan *plan)
{
  static const OutputColumn columns[]
      = { { "VERSION", false }, { "NAME", false }, { "STATE", false },
          { "APPLIED", false }, { "", false },     { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  guint quiet
      = plan->counts[PLAN_APPLIED] + plan->counts[PLAN_REFORMATTED] + plan->counts[PLAN_COVERED];
  guint hidden = option_all || quiet <= APPLIED_SHOWN ? 0 : quiet - APPLIED_SHOWN;
  guint seen = 0;
  for (guint i = 0; i < plan->items->len; i++)
    if (!is_quiet (plan->items->pdata[i]) || seen++ >= hidden)
      add_status_row (table, plan->items->pdata[i]);
  if (hidden > 0)
    output_line ("%u earlier ones are applied; --all lists them", hidden);
  output_table_print (table);
}

static void
print_counts (const MigrateBase *base)
{
  const Plan *plan = base->plan;
  g_autoptr (GString) line = g_string_new (NULL);
  for (PlanState state = PLAN_UNFINISHED; state <= PLAN_REVERTING; state++)
    if (plan->counts[state] > 0)
      g_string_append_printf (line, ", %u %s", plan->counts[state], plan_state_name (state));
  output_line ("%u applied, %u pending%s (%s, layout %s)",
               plan->counts[PLAN_APPLIED] + plan->counts[PLAN_REFORMATTED],
               plan->counts[PLAN_PENDING], line->str,
               base->set->folder != NULL ? base->set->folder : "no folder", base->set->layout);
}

static json_t *
status_json (const MigrateBase *base)
{
  const Plan *plan = base->plan;
  return json_pack ("{s:s, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "layout", base->set->layout,
                    "folder", output_json_string (base->set->folder), "applied",
                    (int) (plan->counts[PLAN_APPLIED] + plan->counts[PLAN_REFORMATTED]), "pending",
                    (int) plan_pending_count (plan), "changed", (int) plan->counts[PLAN_CHANGED],
                    "missing", (int) plan->counts[PLAN_MISSING], "late",
                    (int) plan->counts[PLAN_LATE], "unfinished",
                    (int) (plan->counts[PLAN_UNFINISHED] + plan->counts[PLAN_REVERTING]),
                    "migrations", migrate_items_json (plan->items));
}

/* The history, asked for in a thread while the files are read. */
typedef struct
{
  const char *url;
  DbConn *conn;
  History *history;
  GError *error;
} Asking;

static gpointer
ask (gpointer data)
{
  Asking *asking = data;
  bool is_read = db_connect (asking->url, NULL, &db_retry_default, &asking->conn, &asking->error)
                 && history_read (asking->conn, &asking->history, &asking->error);
  return GINT_TO_POINTER (is_read);
}

static bool
ask_while_reading_files (CliContext *context, MigrateBase *base, GError **error)
{
  Asking asking = { .url = base->url };
  GThread *thread = g_thread_try_new ("history", ask, &asking, error);
  if (thread == NULL)
    return prefix_error (error, "cannot start a thread");
  bool is_open = open_base (context, base, !context->json, error);
  /* Nobody waits for a silent server to be told that a file is no good. */
  if (!is_open)
    cancel_request ();
  bool is_asked = GPOINTER_TO_INT (g_thread_join (thread)) != 0;
  base->conn = asking.conn;
  base->history = asking.history;
  if (is_open && !is_asked)
    g_propagate_error (error, asking.error);
  else
    g_clear_error (&asking.error);
  return is_open && is_asked;
}

/* What is wrong with the files is said first, as by the other commands. Only --json tells of the ways
 * back, so only that reads them. */
static bool
read_files_and_history (CliContext *context, MigrateBase *base, GError **error)
{
  g_autoptr (GError) no_url = NULL;
  if (!context_project (context, &base->project, error))
    return false;
  base->url = target_url (base->project, &no_url);
  if (base->url != NULL)
    return ask_while_reading_files (context, base, error)
           && plan_new (base->set, base->history, base->parser, &base->plan, error);
  if (open_base (context, base, !context->json, error))
    g_propagate_error (error, g_steal_pointer (&no_url));
  return false;
}

static bool
run_status (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (MigrateBase) base = { 0 };
  if (migrate_is_external (context))
    return migrate_external_status (context, error);
  if (!read_files_and_history (context, &base, error))
    return false;
  migrate_warn_of_no_files (context, &base);
  if (context->json)
    {
      output_json (status_json (&base));
      return true;
    }
  print_status (base.plan);
  print_counts (&base);
  return true;
}

static const GOptionEntry status_options[] = { { "all", 'a', 0, G_OPTION_ARG_NONE, &option_all,
                                                 "List the applied ones too, all of them", NULL },
                                               G_OPTION_ENTRY_NULL };

/* --- history --------------------------------------------------------------------------------- */

static void
add_history_row (OutputTable *table, const HistoryEntry *entry)
{
  const char *when = entry->reverted != NULL   ? entry->reverted
                     : entry->finished != NULL ? entry->finished
                                               : entry->started;
  const char *who = entry->state == HISTORY_REVERTED ? entry->reverted_by : entry->applied_by;
  g_autofree char *by = entry->applied_from != NULL
                            ? g_strdup_printf ("%s (%s)", who, entry->applied_from)
                            : g_strdup (who);
  output_table_row (table, when, entry->version, entry->name, history_state_name (entry->state), by,
                    entry->backup);
}

static bool
run_history (CliContext *context, int argc, char **argv, GError **error)
{
  static const OutputColumn columns[]
      = { { "WHEN", false }, { "VERSION", false }, { "NAME", false }, { "STATE", false },
          { "BY", false },   { "BACKUP", false },  { NULL } };
  (void) argc;
  (void) argv;
  g_auto (MigrateBase) base = { 0 };
  if (!context_project (context, &base.project, error)
      || !migrate_base_connect (&base, false, error)
      || !history_read (base.conn, &base.history, error))
    return false;
  const GPtrArray *entries = base.history->entries;
  g_autoptr (OutputTable) table = output_table_new (columns);
  json_t *array = json_array ();
  for (guint i = 0; i < entries->len; i++)
    {
      add_history_row (table, entries->pdata[i]);
      json_array_append_new (array, entry_json (entries->pdata[i]));
    }
  if (context->json)
    output_json (json_pack ("{s:o}", "history", array));
  else
    {
      json_decref (array);
      output_table_print (table);
      if (entries->len == 0)
        output_line ("no migration was applied yet");
    }
  return true;
}

/* --- the group ------------------------------------------------------------------------------- */

const CliCommand migrate_commands[] = {
  { .name = "status",
    .summary = "Show which migrations are applied, pending, changed, missing or late",
    .description
    = "Holds the project's migration files against the database's history (pgkeel.migration). A file\n"
      "that was only reformatted counts as unchanged. Nothing is written.",
    .example = "pgkeel migrate status",
    .options = status_options,
    .run = run_status },
  { .name = "up",
    .summary = "Apply what is pending, after a backup",
    .description
    = "Shows what will run, asks, makes a backup (unless the environment is local or the database\n"
      "empty), and applies file by file, each in one transaction. Statements that cannot run in one go\n"
      "one by one, with a journal: after a crash the same command goes on where it stopped.\n\n"
      "Locks are waited for in short tries that give way to others. Protected environments are\n"
      "confirmed by --yes as well, but LEDGER_ENV or PGKEEL_ENV must mean the same environment.",
    .example = "pgkeel migrate up --dry-run",
    .options = migrate_up_options,
    .run = migrate_command_up },
  { .name = "down",
    .summary = "Undo the last migrations, after a backup",
    .description
    = "Finds out first what would be lost, by undoing it in a transaction that is taken back: tables,\n"
      "columns and rows are shown, then it asks. What loses data is confirmed by typing the database's\n"
      "name, or with DB_MIGRATE_CONFIRM=1; protected environments need DB_MIGRATE_ALLOW_PRODUCTION=1\n"
      "as well. A migration without a down script is refused.",
    .example = "pgkeel migrate down --steps=1",
    .options = migrate_down_options,
    .run = migrate_command_down },
  { .name = "new",
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "Write the files of a new migration",
    .description
    = "In the layout that the project's migrations have: their names, their kind of version, a file or\n"
      "a mark for the way back where they have one. Without any, the native layout is begun in\n"
      "migrations/. Sqitch's plan and drizzle's journal get the new line they need. Asks no server.",
    .example = "pgkeel migrate new add_users",
    .run = migrate_command_new },
  { .name = "adopt", .same_as = &migrate_adopt_command },
  { .name = "baseline", .same_as = &migrate_baseline_command },
  { .name = "history",
    .summary = "List everything that was applied and undone, with times",
    .description
    = "One line for each time a migration was applied, the oldest first, undone ones included.",
    .example = "pgkeel migrate history --json",
    .run = run_history },
  { .name = "enum",
    .summary = "Write migrations that add, rename and remove values of enums",
    .children = migrate_enum_commands },
  { .name = "lint", .same_as = &migrate_lint_command },
  { .name = "rehearse", .same_as = &migrate_rehearse_command },
  { .name = "validate", .same_as = &migrate_validate_command },
  { 0 },
};
