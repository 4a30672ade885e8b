/*
 * pgkeel migrate adopt and baseline: databases that had their migrations before pgkeel came.
 */
#include "cli/cmd_migrate.h"
#include "cli/confirm.h"
#include "cli/output.h"
#include "migrate/adopt.h"
#include "project/audit.h"

#include <string.h>

#define NAMED_MAX 20

static char *option_from, *option_table, *option_wait, *option_to;
static gboolean option_dry_run, option_accept_changed;

/* Writes to the audit log what is meant before WORK is done, and what came of it after. */
static bool
audited (const Project *project, const char *action, json_t *details,
         bool (*work) (gpointer data, GError **error), gpointer data, GError **error)
{
  if (!audit_write (project, action, "intent", details, error))
    return false;
  bool is_done = work (data, error);
  if (!is_done)
    json_object_set_new (details, "error",
                         output_json_string (error != NULL ? (*error)->message : NULL));
  bool is_logged
      = audit_write (project, action, is_done ? "done" : "failed", details, is_done ? error : NULL);
  return is_done && is_logged;
}

/* --- adopt ------------------------------------------------------------------------------------ */

typedef struct
{
  CliContext *context;
  MigrateBase *base;
  const Adoption *adoption;
  guint written;
} AdoptRun;

static guint
count_checks (const Adoption *adoption, AdoptCheck check)
{
  guint count = 0;
  for (guint i = 0; i < adoption->rows->len; i++)
    count += ((AdoptRow *) adoption->rows->pdata[i])->check == check;
  return count;
}

static guint
count_known (const MigrateBase *base, const Adoption *adoption)
{
  guint count = 0;
  for (guint i = 0; i < adoption->rows->len; i++)
    count += history_find (base->history, ((AdoptRow *) adoption->rows->pdata[i])->version) != NULL;
  return count;
}

static bool
refuse_changed (const Adoption *adoption, GError **error)
{
  guint count = count_checks (adoption, ADOPT_DIFFERENT), named = 0;
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < adoption->rows->len; i++)
    {
      const AdoptRow *row = adoption->rows->pdata[i];
      if (row->check == ADOPT_DIFFERENT && named++ < NAMED_MAX)
        g_string_append_printf (names, "%s%s", named > 1 ? "\n" : "", row->migration->up.path);
    }
  if (count > NAMED_MAX)
    g_string_append_printf (names, "\nand %u more", count - NAMED_MAX);
  return count == 0 || option_accept_changed
         || keel_error_full (error, KEEL_ERROR_REFUSED, NULL, names->str,
                             "Bring the files back as they were, or pass --accept-changed: then "
                             "they count as what was applied.",
                             "%u %s not what %s has applied", count,
                             count == 1 ? "file is" : "files are", adoption->tool);
}

static json_t *
rows_json (const Adoption *adoption)
{
  json_t *array = json_array ();
  for (guint i = 0; i < adoption->rows->len; i++)
    {
      const AdoptRow *row = adoption->rows->pdata[i];
      const char *file = row->migration != NULL ? row->migration->up.path : NULL;
      json_array_append_new (array, json_pack ("{s:o, s:o, s:s, s:o, s:o, s:s, s:o}", "version",
                                               output_json_string (row->version), "name",
                                               output_json_string (row->name), "state",
                                               history_state_name (row->state), "applied",
                                               output_json_string (row->applied), "applied_by",
                                               output_json_string (row->applied_by), "file_check",
                                               adopt_check_name (row->check), "file",
                                               output_json_string (file)));
    }
  return array;
}

static void
show_json (const AdoptRun *run)
{
  const Adoption *adoption = run->adoption;
  output_json (json_pack ("{s:s, s:o, s:b, s:i, s:o}", "tool", adoption->tool, "table",
                          output_json_string (adoption->table), "dry_run", (int) option_dry_run,
                          "written", (int) run->written, "migrations", rows_json (adoption)));
}

static void
show_plan (const Adoption *adoption)
{
  static const OutputColumn columns[]
      = { { "VERSION", false }, { "NAME", false }, { "STATE", false },
          { "APPLIED", false }, { "FILE", false }, { NULL } };
  static const OutputStyle styles[] = {
    [ADOPT_UNCHECKED] = OUTPUT_PLAIN, [ADOPT_SAME] = OUTPUT_GOOD, [ADOPT_DIFFERENT] = OUTPUT_BAD
  };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < adoption->rows->len; i++)
    {
      const AdoptRow *row = adoption->rows->pdata[i];
      output_table_row (table, row->version, row->name, history_state_name (row->state),
                        row->applied,
                        row->migration == NULL ? "missing" : adopt_check_name (row->check));
      output_table_style (table, 4, row->migration == NULL ? OUTPUT_WARN : styles[row->check]);
    }
  output_table_print (table);
}

static bool
write_adoption (gpointer data, GError **error)
{
  AdoptRun *run = data;
  MigrateBase *base = run->base;
  return history_ensure (base->conn, error)
         && adopt_write (base->conn, base->project->folder, base->set, base->parser, run->adoption,
                         &run->written, error);
}

static bool
ask_and_write (AdoptRun *run, guint new_count, GError **error)
{
  const Adoption *adoption = run->adoption;
  const char *database = db_database (run->base->conn);
  g_autofree char *what
      = g_strdup_printf ("take over %u migrations of %s (%s) into the history of the database “%s”",
                         new_count, adoption->tool, adoption->table, database);
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:s, s:o, s:i}", "database", output_json_string (database), "tool", adoption->tool,
      "table", output_json_string (adoption->table), "migrations", (int) new_count);
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_MIGRATE_ADOPT, .what = what, .name = database };
  return confirm (run->context, &request, error)
         && json_object_set_new (details, "confirmed", confirm_json (run->context)) == 0
         && audited (run->base->project, "migrate adopt", details, write_adoption, run, error);
}

static void
show_adopted (const AdoptRun *run)
{
  const Adoption *adoption = run->adoption;
  guint same = count_checks (adoption, ADOPT_SAME);
  output_line ("adopted %u migrations of %s from %s", run->written, adoption->tool,
               adoption->table);
  if (same > 0)
    output_line ("%u files are what was applied, by their checksums", same);
}

static bool
adopt_locked (AdoptRun *run, GError **error)
{
  MigrateBase *base = run->base;
  g_autoptr (Adoption) adoption = NULL;
  if (!adopt_read (base->conn, base->project->folder, base->set, option_from, option_table,
                   &adoption, error))
    return false;
  run->adoption = adoption;
  for (guint i = 0; i < adoption->warnings->len; i++)
    report_warning (&run->context->report, adoption->warnings->pdata[i], NULL);
  guint new_count = adoption->rows->len - count_known (base, adoption);
  bool is_shown = option_dry_run && !run->context->json;
  if (is_shown)
    show_plan (adoption);
  if (!refuse_changed (adoption, error)
      || (!option_dry_run && new_count > 0 && !ask_and_write (run, new_count, error)))
    return false;
  if (run->context->json)
    show_json (run);
  else if (new_count == 0)
    output_line ("all %u migrations of %s are in the history already", adoption->rows->len,
                 adoption->tool);
  else if (!option_dry_run)
    show_adopted (run);
  return true;
}

static bool
run_adopt (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (MigrateBase) base = { 0 };
  AdoptRun run = { .context = context, .base = &base };
  return migrate_base_open (context, &base, error)
         && migrate_base_connect (&base, !option_dry_run, error)
         && (option_dry_run ? history_read (base.conn, &base.history, error)
                            : migrate_base_lock (context, &base, option_wait, error))
         && adopt_locked (&run, error);
}

/* --- baseline --------------------------------------------------------------------------------- */

typedef struct
{
  DbConn *conn;
  const Migration *last;
} BaselineRun;

static bool
write_baseline (gpointer data, GError **error)
{
  const BaselineRun *run = data;
  return history_ensure (run->conn, error) && adopt_write_baseline (run->conn, run->last, error);
}

/* Somebody else's history is better than the word of whoever types this. */
static bool
warn_of_histories (CliContext *context, DbConn *conn, GError **error)
{
  g_autoptr (GPtrArray) found = NULL;
  if (!adopt_find (conn, &found, error))
    return false;
  for (guint i = 0; i < found->len; i++)
    {
      g_autofree char *text
          = g_strdup_printf ("this database has a history of %s", (const char *) found->pdata[i]);
      report_warning (&context->report, text, "“pgkeel migrate adopt” takes it over.");
    }
  return true;
}

static void
show_baseline (const CliContext *context, const MigrateBase *base, const Migration *last)
{
  if (context->json)
    output_json (json_pack ("{s:o, s:o, s:b}", "version", output_json_string (last->version),
                            "name", output_json_string (last->name), "dry_run",
                            (int) option_dry_run));
  else
    output_line ("%s %s and all before it %s in the database “%s” already", last->version,
                 last->name, option_dry_run ? "would count as being" : "count as being",
                 db_database (base->conn));
}

static bool
baseline_locked (CliContext *context, MigrateBase *base, GError **error)
{
  BaselineRun run = { .conn = base->conn };
  if (!adopt_check_baseline (base->conn, base->set, option_to, &run.last, error)
      || !warn_of_histories (context, base->conn, error))
    return false;
  if (!option_dry_run)
    {
      const char *database = db_database (base->conn);
      g_autofree char *what = g_strdup_printf (
          "declare that %s %s and all before it are in the database “%s” already",
          run.last->version, run.last->name, database);
      g_autoptr (json_t) details
          = json_pack ("{s:o, s:o}", "database", output_json_string (database), "version",
                       output_json_string (run.last->version));
      const ConfirmRequest request
          = { .operation = DESTRUCTIVE_MIGRATE_BASELINE, .what = what, .name = database };
      if (!confirm (context, &request, error)
          || json_object_set_new (details, "confirmed", confirm_json (context)) != 0
          || !audited (base->project, "migrate baseline", details, write_baseline, &run, error))
        return false;
    }
  show_baseline (context, base, run.last);
  return true;
}

static bool
run_baseline (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (MigrateBase) base = { 0 };
  return migrate_base_open (context, &base, error)
         && migrate_base_connect (&base, !option_dry_run, error)
         && (option_dry_run || migrate_base_lock (context, &base, option_wait, error))
         && baseline_locked (context, &base, error);
}

static const GOptionEntry adopt_options[] = {
  { "from", 0, 0, G_OPTION_ARG_STRING, &option_from,
    "Whose history (default: the only one that is there)", "TOOL" },
  { "table", 0, 0, G_OPTION_ARG_STRING, &option_table,
    "Where it is, when its table has another name than usual", "SCHEMA.TABLE" },
  { "accept-changed", 0, 0, G_OPTION_ARG_NONE, &option_accept_changed,
    "Take files that are not what was applied for what was applied", NULL },
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
    "Show what would be taken over, and change nothing", NULL },
  { "lock-wait", 0, 0, G_OPTION_ARG_STRING, &option_wait,
    "How long to wait for another run (default: 10m)", "DURATION" },
  G_OPTION_ENTRY_NULL,
};

const CliCommand migrate_adopt_command = {
  .name = "adopt",
  .summary = "Take over the history that another tool has written",
  .description
  = "Reads the table of dbmate, golang-migrate, goose, Flyway, sqlx, diesel, Sqitch, Prisma, drizzle,\n"
    "graphile-migrate, node-pg-migrate, knex, Rails, Alembic, Django, Ecto, Supabase, Atlas or Liquibase,\n"
    "holds it against the files, and writes it into pgkeel.migration in one transaction. The tool's own tables are not changed.\n\n"
    "Where the tool keeps checksums, files that are not what was applied are refused. So is a history\n"
    "that is dirty, has failed, is locked or has several heads.",
  .example = "pgkeel migrate adopt --from=flyway --dry-run",
  .options = adopt_options,
  .run = run_adopt,
};

static const GOptionEntry baseline_options[] = {
  { "to", 0, 0, G_OPTION_ARG_STRING, &option_to, "The last one that is there (default: all are)",
    "VERSION" },
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
    "Show what would be declared, and change nothing", NULL },
  { "lock-wait", 0, 0, G_OPTION_ARG_STRING, &option_wait,
    "How long to wait for another run (default: 10m)", "DURATION" },
  G_OPTION_ENTRY_NULL,
};

const CliCommand migrate_baseline_command = {
  .name = "baseline",
  .summary = "Declare which migrations a database without a history already has",
  .description
  = "For a database whose schema came into being without any tool. Files up to the version never run\n"
    "on it; those after it are pending. Refused when there is a history, or nothing at all.",
  .example = "pgkeel migrate baseline --to=20250101120000",
  .options = baseline_options,
  .run = run_baseline,
};
