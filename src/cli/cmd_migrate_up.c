/* pgkeel migrate up, and what it shares with down: the backup before, the run, the audit log. */
#include "backup/create.h"
#include "base/clock.h"
#include "cli/cmd_migrate.h"
#include "cli/cmd_migrate_rehearse.h"
#include "cli/confirm.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "migrate/script.h"
#include "project/audit.h"

#include <string.h>

static char *option_to;
static char *option_wait;
static gboolean option_dry_run;
static gboolean option_late;
static gboolean option_no_backup;
static gboolean option_no_rehearsal;

/* --- around a run ---------------------------------------------------------------------------- */

void
migrate_run_clear (MigrateRun *run)
{
  g_free (run->backup);
  run_failure_clear (&run->failure);
  run_aftermath_clear (&run->aftermath);
}

static json_t *
titles_json (const GPtrArray *items, guint count)
{
  json_t *array = json_array ();
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *title = plan_item_title (items->pdata[i]);
      json_array_append_new (array, output_json_string (title));
    }
  return array;
}

bool
migrate_audit (const MigrateRun *run, const char *phase, const char *message, GError **error)
{
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:o, s:o, s:o, s:i, s:o}", "confirmed", confirm_json (run->context), "database",
      output_json_string (db_database (run->base->conn)), "migrations",
      titles_json (run->items, run->items->len), "backup", output_json_string (run->backup), "done",
      (int) run->done_count, "error", output_json_string (message));
  return audit_write (run->base->project, run->action, phase, details, error);
}

bool
migrate_refuse (const MigrateRun *run, GError *problem, GError **error)
{
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !migrate_audit (run, "refused", problem->message, NULL))
    report_warning (&run->context->report, "the refusal could not be written to the audit log",
                    NULL);
  g_propagate_error (error, problem);
  return false;
}

void
migrate_show_nothing (const CliContext *context, bool dry_run, const char *verb, const char *words)
{
  if (context->json)
    output_json (json_pack ("{s:b, s:[], s:n}", "dry_run", (int) dry_run, verb, "failure"));
  else
    output_line ("%s", words);
}

/* Nothing can be lost where there is nothing. */
bool
migrate_is_empty (DbConn *conn, bool *ret_empty, GError **error)
{
  g_autofree char *found = NULL;
  if (!db_query_text (conn,
                      "SELECT 1 FROM pg_catalog.pg_class c\n"
                      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                      " WHERE c.relkind IN ('r', 'p', 'm', 'v', 'S') AND n.nspname !~ '^pg_'\n"
                      "   AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"
                      " LIMIT 1",
                      0, NULL, &found, error))
    return false;
  *ret_empty = found == NULL;
  return true;
}

/* Old backups are not this command's to remove. */
bool
migrate_back_up (MigrateRun *run, GError **error)
{
  g_auto (CreateResult) result = { 0 };
  Report *report = &run->context->report;
  bool empty;
  if (run->no_backup || run->base->project->environment->is_local)
    return true;
  if (!migrate_is_empty (run->base->conn, &empty, error))
    return false;
  if (empty)
    {
      report_step (report, "the database is empty: no backup is needed");
      return true;
    }
  CreateSpec spec = {
    .project = run->base->project, .url = run->base->url, .type = DUMP_ALL, .keep_all = true
  };
  report_step (report, "backing up first");
  if (!backup_create (&spec, report, &result, error))
    {
      keel_error_suggest (error, "--no-backup goes on without one.");
      return prefix_error (error, "the backup before the migrations");
    }
  run->backup = g_strdup (result.name);
  return true;
}

bool
migrate_run_start (const MigrateRun *run, Run **ret_runner, GError **error)
{
  const ProjectMigrations *settings = &run->base->project->migrations;
  RunSpec spec = { .url = run->base->url,
                   .conn = run->base->conn,
                   .parser = run->base->parser,
                   .lock_timeout_ms = settings->lock_timeout_ms,
                   .statement_timeout_ms = settings->statement_timeout_ms,
                   .wait_ms = run->wait_ms,
                   .report = &run->context->report };
  return run_new (&spec, ret_runner, error);
}

static bool
run_all (MigrateRun *run, Run *runner, bool is_up, GError **error)
{
  for (; run->done_count < run->items->len; run->done_count++)
    {
      const PlanItem *item = run->items->pdata[run->done_count];
      g_autofree char *title = plan_item_title (item);
      report_step (&run->context->report, "%s %s", is_up ? "applying" : "undoing", title);
      if (!(is_up ? run_up : run_down) (runner, item, &run->failure, error))
        return false;
    }
  return true;
}

/* Intent before, outcome after; a failure that cannot be logged is still the failure. */
static bool
run_items (MigrateRun *run, Run *runner, bool is_up, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (!migrate_back_up (run, error))
    return false;
  run_set_backup (runner, run->backup);
  if (!migrate_audit (run, "intent", NULL, error))
    return false;
  int64_t started_us = clock_monotonic_us ();
  bool done
      = run_all (run, runner, is_up, &problem) && run_finish (runner, &run->aftermath, &problem);
  run->elapsed_us = clock_monotonic_us () - started_us;
  if (!migrate_audit (run, done ? "done" : "failed", done ? NULL : problem->message, NULL))
    report_warning (&run->context->report, "the outcome could not be written to the audit log",
                    NULL);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done;
}

json_t *
migrate_failure_json (const RunFailure *failure)
{
  if (failure->path == NULL)
    return json_null ();
  const DbFailure *server = &failure->server;
  return json_pack (
      "{s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "file",
      output_json_string (failure->path), "line", (json_int_t) failure->line, "statement",
      (json_int_t) failure->statement, "statement_total", (json_int_t) failure->statement_total,
      "tag", output_json_string (failure->tag), "text", output_json_string (failure->text),
      "sqlstate", output_json_string (server->sqlstate), "message",
      output_json_string (server->message), "detail", output_json_string (server->detail), "hint",
      output_json_string (server->hint), "context", output_json_string (server->context), "advice",
      output_json_string (failure->advice), "state", output_json_string (failure->state));
}

static json_t *
texts_json (const GPtrArray *texts)
{
  json_t *array = json_array ();
  for (guint i = 0; texts != NULL && i < texts->len; i++)
    json_array_append_new (array, output_json_string (texts->pdata[i]));
  return array;
}

void
migrate_warn_of_left (const MigrateRun *run)
{
  const RunAftermath *after = &run->aftermath;
  Report *report = &run->context->report;
  for (guint i = 0; after->invalid_indexes != NULL && i < after->invalid_indexes->len; i++)
    {
      g_autofree char *text
          = g_strdup_printf ("the index %s is INVALID: it costs every write and serves no query",
                             (const char *) after->invalid_indexes->pdata[i]);
      report_warning (report, text, "Build it again with REINDEX INDEX CONCURRENTLY, or drop it.");
    }
  for (guint i = 0; after->not_validated != NULL && i < after->not_validated->len; i++)
    {
      g_autofree char *text
          = g_strdup_printf ("the constraint %s is NOT VALID: older rows may break it",
                             (const char *) after->not_validated->pdata[i]);
      report_warning (report, text, "Validate it in a later migration (VALIDATE CONSTRAINT).");
    }
}

/* What RUN did, or its part before it failed. */
static void
show_run (const MigrateRun *run, const char *verb)
{
  const RunAftermath *after = &run->aftermath;
  migrate_warn_of_left (run);
  if (run->context->json)
    {
      output_json (json_pack (
          "{s:b, s:o, s:o, s:f, s:o, s:o, s:o, s:o}", "dry_run", 0, verb,
          titles_json (run->items, run->done_count), "backup", output_json_string (run->backup),
          "seconds", (double) run->elapsed_us / 1e6, "schema_fingerprint",
          output_json_string (after->schema_fingerprint), "invalid_indexes",
          texts_json (after->invalid_indexes), "not_validated", texts_json (after->not_validated),
          "failure", migrate_failure_json (&run->failure)));
      return;
    }
  if (run->done_count > 0 || run->failure.path == NULL)
    output_line ("%s %u of %u migrations in %.2f s", verb, run->done_count, run->items->len,
                 (double) run->elapsed_us / 1e6);
  if (run->backup != NULL)
    output_line ("as it was before: %s", run->backup);
}

bool
migrate_run_items (MigrateRun *run, Run *runner, bool is_up, GError **error)
{
  bool done = run_items (run, runner, is_up, error);
  show_run (run, is_up ? "applied" : "undone");
  return done;
}

/* --- up -------------------------------------------------------------------------------------- */

static bool
select_items (const MigrateBase *base, GPtrArray **ret_items, GError **error)
{
  const PlanUp spec = { .to = option_to, .allow_late = option_late };
  return plan_up (base->plan, &spec, ret_items, error);
}

/* ", of which line 7 may commit a part of its work: interrupted, it runs again from its beginning"; "" for
 * scripts without such a statement. */
static char *
describe_commits (const MigrateScript *script)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < script->statements->len; i++)
    {
      const ScriptStatement *statement = migrate_script_at (script, i);
      SqlCommits commits = statement->class.commits;
      if (commits == SQL_COMMITS || (commits == SQL_MAY_COMMIT && script->source->no_transaction))
        g_string_append_printf (text, "%s %u", text->len > 0 ? "," : "", statement->line);
    }
  return text->len == 0 ? g_strdup ("")
                        : g_strdup_printf ("; what begins on line%s may commit a part of its work: "
                                           "interrupted, it runs again from its beginning",
                                           text->str);
}

/* How an item will run: "3 statements in one transaction", "2 of 3 statements outside of one". */
static bool
describe_script (const MigrateBase *base, const PlanItem *item, char **ret_text, GError **error)
{
  g_autoptr (MigrateScript) script = NULL;
  g_autofree char *text = NULL;
  guint alone = 0;
  if (!migrate_script_read (&item->migration->up, base->parser, &script, error))
    return false;
  guint count = script->statements->len;
  for (guint i = 0; i < count; i++)
    alone += migrate_script_at (script, i)->runs_alone || migrate_script_at (script, i)->is_batch;
  const char *plural = count == 1 ? "" : "s";
  if (item->state == PLAN_UNFINISHED)
    text = g_strdup_printf ("goes on with statement %d of %u", item->entry->statement_done + 1,
                            count);
  else if (item->migration->up.no_transaction)
    text = g_strdup_printf ("%u statement%s, each committed by itself", count, plural);
  else if (alone > 0)
    text = g_strdup_printf ("%u statement%s, %u of them outside of a transaction", count, plural,
                            alone);
  else
    text = g_strdup_printf ("%u statement%s in one transaction", count, plural);
  g_autofree char *commits = describe_commits (script);
  *ret_text = g_strconcat (text, commits, NULL);
  return true;
}

/* Reads every file on the way, so that none is found unreadable in the middle of a run. */
static bool
show_plan (const CliContext *context, const MigrateBase *base, const GPtrArray *items,
           GError **error)
{
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      g_autofree char *how = NULL;
      if (!describe_script (base, item, &how, error))
        return false;
      if (option_dry_run && !context->json)
        output_line ("%u/%u %s: %s%s", i + 1, items->len, item->migration->up.path, how,
                     item->state == PLAN_LATE ? ", late" : "");
      else if (!option_dry_run)
        report_step ((Report *) &context->report, "%u/%u %s: %s%s", i + 1, items->len,
                     item->migration->up.path, how, item->state == PLAN_LATE ? ", late" : "");
    }
  if (option_dry_run && context->json)
    output_json (json_pack ("{s:b, s:o}", "dry_run", 1, "pending", migrate_items_json (items)));
  else if (option_dry_run && items->len == 0)
    output_line ("nothing is pending");
  return true;
}

static void
warn_of_missing (CliContext *context, const Plan *plan)
{
  for (guint i = 0; i < plan->items->len; i++)
    {
      const PlanItem *item = plan->items->pdata[i];
      if (item->state != PLAN_MISSING)
        continue;
      g_autofree char *title = plan_item_title (item);
      g_autofree char *text = g_strdup_printf ("%s was applied, but its file is missing", title);
      report_warning (&context->report, text, "Look at whether this is the right branch.");
    }
}

/* What the history remembers of a file that was only reformatted follows it. */
static bool
update_checksums (const MigrateBase *base, GError **error)
{
  for (guint i = 0; i < base->plan->items->len; i++)
    {
      const PlanItem *item = base->plan->items->pdata[i];
      if (item->state == PLAN_REFORMATTED
          && !history_set_file (base->conn, item->entry->id, item->migration->checksum, NULL,
                                error))
        return false;
    }
  return true;
}

/* What an empty database lacks cannot be broken. */
static bool
check_rehearsed (MigrateRun *run, GError **error)
{
  bool empty = false;
  return migrate_is_empty (run->base->conn, &empty, error)
         && (empty
             || migrate_check_rehearsed (run->context, run->base, run->items, option_no_rehearsal,
                                         error));
}

static bool
ask (MigrateRun *run, GError **error)
{
  const ProjectEnvironment *environment = run->base->project->environment;
  g_autoptr (GError) problem = NULL;
  const char *database = db_database (run->base->conn);
  g_autofree char *what
      = g_strdup_printf ("apply %u migration%s to the database “%s” of %s", run->items->len,
                         run->items->len == 1 ? "" : "s", database, environment->name);
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_MIGRATE_UP, .what = what, .name = database };
  return (check_rehearsed (run, &problem) && confirm (run->context, &request, &problem))
         || migrate_refuse (run, g_steal_pointer (&problem), error);
}

/* With the lock held. */
static bool
run_locked (CliContext *context, MigrateBase *base, GError **error)
{
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (Run) runner = NULL;
  if (!select_items (base, &items, error))
    return false;
  if (items->len == 0)
    {
      migrate_show_nothing (context, false, "applied", "nothing is pending");
      return true;
    }
  g_auto (MigrateRun) run = { .context = context,
                              .base = base,
                              .action = "migrate up",
                              .items = items,
                              .no_backup = option_no_backup };
  if (!migrate_parse_wait (option_wait, &run.wait_ms, error)
      || !show_plan (context, base, items, error) || !ask (&run, error)
      || !migrate_run_start (&run, &runner, error) || !update_checksums (base, error))
    return false;
  return migrate_run_items (&run, runner, true, error);
}

bool
migrate_command_up (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (MigrateBase) base = { 0 };
  g_autoptr (GPtrArray) items = NULL;
  const MigrateExternal external = { .wait = option_wait,
                                     .dry_run = option_dry_run,
                                     .no_backup = option_no_backup,
                                     .no_rehearsal = option_no_rehearsal,
                                     .refused = option_to != NULL ? "--to"
                                                : option_late     ? "--allow-out-of-order"
                                                                  : NULL };
  if (migrate_is_external (context))
    return migrate_external_up (context, &external, error);
  if (!migrate_base_open (context, &base, error)
      || (!option_dry_run && !incident_check_logged (context, "migrate up", error))
      || !migrate_base_connect (&base, !option_dry_run, error) || !migrate_base_plan (&base, error)
      || !select_items (&base, &items, error))
    return false;
  warn_of_missing (context, base.plan);
  migrate_warn_of_no_files (context, &base);
  if (option_dry_run)
    return show_plan (context, &base, items, error)
           && (items->len == 0 || migrate_warn_unrehearsed (context, &base, items, error));
  if (items->len == 0)
    {
      migrate_show_nothing (context, false, "applied", "nothing is pending");
      return true;
    }
  return migrate_base_lock (context, &base, option_wait, error)
         && run_locked (context, &base, error);
}

const GOptionEntry migrate_up_options[]
    = { { "to", 0, 0, G_OPTION_ARG_STRING, &option_to, "The last version to apply", "VERSION" },
        { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
          "Show what would run, and change nothing", NULL },
        { "allow-out-of-order", 0, 0, G_OPTION_ARG_NONE, &option_late,
          "Apply late migrations too, whose successors are applied already", NULL },
        { "no-backup", 0, 0, G_OPTION_ARG_NONE, &option_no_backup, "Make no backup first", NULL },
        { "no-rehearsal", 0, 0, G_OPTION_ARG_NONE, &option_no_rehearsal,
          "Apply to a protected environment what was not rehearsed", NULL },
        { "lock-wait", 0, 0, G_OPTION_ARG_STRING, &option_wait,
          "How long to wait for another run, and for locks of tables (default: 10m)", "DURATION" },
        G_OPTION_ENTRY_NULL };
