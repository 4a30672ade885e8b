/* pgkeel migrate down: undo migrations, after saying what that loses. */
#include "cli/cmd_migrate.h"
#include "cli/confirm.h"
#include "cli/incident_raise.h"
#include "cli/output.h"

#include <string.h>

static char *option_to;
static char *option_wait;
static int option_steps;
static gboolean option_dry_run;
static gboolean option_no_backup;

static json_t *
losses_json (const RunLosses *losses)
{
  static const char *const kinds[] = { "dropped", "deleted", "changed" };
  json_t *array = json_array ();
  for (guint i = 0; i < losses->losses->len; i++)
    {
      const RunLoss *loss = losses->losses->pdata[i];
      json_array_append_new (
          array, json_pack ("{s:o, s:o, s:s, s:I, s:b}", "table", output_json_string (loss->table),
                            "column", output_json_string (loss->column), "kind", kinds[loss->kind],
                            "rows", (json_int_t) loss->rows, "estimate", (int) loss->is_estimate));
    }
  return array;
}

static char *
describe_loss (const RunLoss *loss)
{
  g_autofree char *count = text_format_count ((uint64_t) loss->rows);
  const char *about = loss->is_estimate ? "about " : "";
  const char *rows = loss->rows == 1 ? "row" : "rows";
  if (loss->kind == LOSS_DELETED)
    return g_strdup_printf ("%s%s %s of table %s", about, count, rows, loss->table);
  if (loss->kind == LOSS_CHANGED)
    return g_strdup_printf ("the old values of %s%s %s of table %s", about, count, rows,
                            loss->table);
  if (loss->column != NULL)
    return g_strdup_printf ("column %s of table %s, which has a value in %s%s %s", loss->column,
                            loss->table, about, count, rows);
  return g_strdup_printf ("table %s with %s%s %s", loss->table, about, count, rows);
}

/* The plan is the result of a dry run, and a step of a real one. */
static void G_GNUC_PRINTF (2, 3) say (CliContext *context, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  if (option_dry_run)
    output_line ("%s", text);
  else
    report_step (&context->report, "%s", text);
}

static void
show_plan (CliContext *context, const GPtrArray *items, const RunLosses *losses)
{
  if (option_dry_run && context->json)
    {
      output_json (json_pack ("{s:b, s:o, s:o, s:o}", "dry_run", 1, "migrations",
                              migrate_items_json (items), "losses", losses_json (losses), "problem",
                              output_json_string (losses->problem)));
      return;
    }
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      say (context, "%u/%u undo %s", i + 1, items->len, item->migration->down.path);
    }
  for (guint i = 0; i < losses->losses->len; i++)
    {
      g_autofree char *text = describe_loss (losses->losses->pdata[i]);
      say (context, "this loses %s", text);
    }
  if (losses->problem != NULL)
    say (context, "what else this loses could not be found out: %s", losses->problem);
  else if (losses->left_out > 0)
    say (context, "%u statements could not be tried, as they cannot run in a transaction",
         losses->left_out);
  if (losses->losses->len == 0 && losses->problem == NULL)
    say (context, "this loses no data");
}

static bool
ask (MigrateRun *run, const RunLosses *losses, GError **error)
{
  const Project *project = run->base->project;
  const char *database = db_database (run->base->conn);
  bool loses = losses->losses->len > 0 || losses->problem != NULL;
  g_autofree char *what
      = g_strdup_printf ("undo %u migration%s of the database “%s” of %s%s", run->items->len,
                         run->items->len == 1 ? "" : "s", database, project->environment->name,
                         loses ? ", losing the data named above" : "");
  const ConfirmRequest request
      = { .operation = loses ? DESTRUCTIVE_MIGRATE_DOWN_LOSING : DESTRUCTIVE_MIGRATE_DOWN,
          .what = what,
          .name = database };
  return destructive_check_allowed (request.operation, project->environment, error)
         && confirm (run->context, &request, error);
}

static bool
ask_audited (MigrateRun *run, const RunLosses *losses, GError **error)
{
  GError *problem = NULL;
  return ask (run, losses, &problem) || migrate_refuse (run, problem, error);
}

static bool
run_locked (CliContext *context, MigrateBase *base, const PlanDown *spec, GError **error)
{
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (Run) runner = NULL;
  g_auto (RunLosses) losses = { 0 };
  if (!plan_down (base->plan, spec, &items, error))
    return false;
  if (items->len == 0)
    {
      migrate_show_nothing (context, option_dry_run, "undone", "nothing is to be undone");
      return true;
    }
  g_auto (MigrateRun) run = { .context = context,
                              .base = base,
                              .action = "migrate down",
                              .items = items,
                              .no_backup = option_no_backup };
  if (!migrate_parse_wait (option_wait, &run.wait_ms, error)
      || !migrate_run_start (&run, &runner, error)
      || !run_measure_loss (runner, items, &losses, error))
    return false;
  show_plan (context, items, &losses);
  return option_dry_run
         || (ask_audited (&run, &losses, error) && migrate_run_items (&run, runner, false, error));
}

/* Even a dry run takes locks to find out what would be lost, so it is let in like a real one. */
bool
migrate_command_down (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (MigrateBase) base = { 0 };
  const PlanDown spec = { .to = option_to, .steps = option_steps > 0 ? (guint) option_steps : 1 };
  if (option_steps < 0 || (option_steps > 0 && option_to != NULL))
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Give --to=VERSION or --steps=N, with N at least 1.",
                       "--to and --steps do not go together, and steps are counted from 1");
  const MigrateExternal external = { .wait = option_wait,
                                     .dry_run = option_dry_run,
                                     .no_backup = option_no_backup,
                                     .refused = option_to != NULL  ? "--to"
                                                : option_steps > 0 ? "--steps"
                                                                   : NULL };
  if (migrate_is_external (context))
    return migrate_external_down (context, &external, error);
  return migrate_base_open (context, &base, error)
         && (option_dry_run || incident_check_logged (context, "migrate down", error))
         && migrate_base_connect (&base, true, error)
         && migrate_base_lock (context, &base, option_wait, error)
         && run_locked (context, &base, &spec, error);
}

const GOptionEntry migrate_down_options[]
    = { { "to", 0, 0, G_OPTION_ARG_STRING, &option_to,
          "Undo everything that came after this version", "VERSION" },
        { "steps", 0, 0, G_OPTION_ARG_INT, &option_steps, "Undo the last N migrations (default: 1)",
          "N" },
        { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
          "Show what would be undone and lost, and change nothing", NULL },
        { "no-backup", 0, 0, G_OPTION_ARG_NONE, &option_no_backup, "Make no backup first", NULL },
        { "lock-wait", 0, 0, G_OPTION_ARG_STRING, &option_wait,
          "How long to wait for another run, and for locks of tables (default: 10m)", "DURATION" },
        G_OPTION_ENTRY_NULL };
