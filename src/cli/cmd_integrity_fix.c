/* pgkeel integrity fix and undo: put right what was found, with a way back. */
#include "backup/catalogue.h"
#include "backup/create.h"
#include "backup/proof.h"
#include "base/clock.h"
#include "base/size.h"
#include "base/text.h"
#include "cli/cmd_integrity.h"
#include "cli/confirm.h"
#include "cli/output.h"
#include "integrity/fix.h"
#include "integrity/quarantine.h"
#include "integrity/report.h"
#include "project/audit.h"
#include "project/incident.h"
#include "project/stamp.h"

#include <string.h>

static gboolean option_all;
static gboolean option_dry_run;
static gboolean option_without_undo;
static gboolean option_unproven;
static int option_jobs;

/* --- guards --------------------------------------------------------------------------------------- */

/* The database says itself which one it is; a wrong URL shows here. */
static bool
check_target (const IntegrityBase *base, char **ret_database, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (Stamp) stamp = { 0 };
  if (!project_check_authorised (base->project, error)
      || !db_connect (base->url, NULL, &db_retry_default, &conn, error)
      || !stamp_read (conn, base->project, &stamp, error)
      || !stamp_check (&stamp, base->project, error))
    return false;
  *ret_database = g_strdup (db_database (conn));
  return true;
}

static bool
audit (const IntegrityBase *base, const char *action, const char *phase, const json_t *details,
       const char *message, GError **error)
{
  g_autoptr (json_t) copy = json_deep_copy (details);
  json_object_set_new (copy, "confirmed", confirm_json (base->context));
  json_object_set_new (copy, "error", output_json_string (message));
  return audit_write (base->project, action, phase, copy, error);
}

static bool
ask_audited (const IntegrityBase *base, const char *action, const ConfirmRequest *request,
             const json_t *details, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (incident_check_none (base->project, action, &problem)
      && confirm (base->context, request, &problem))
    return true;
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !audit (base, action, "refused", details, problem->message, NULL))
    report_warning (&base->context->report, "the refusal could not be written to the audit log",
                    NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* --- the backup ----------------------------------------------------------------------------------- */

/* The newest backup whose snapshot is young enough and that is proven; NULL: there is none. */
static bool
find_proven (const Project *project, char **ret_name, GError **error)
{
  g_autofree char *folder = project_backup_folder (project);
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  int64_t oldest = clock_now () - project->integrity.backup_max_age_seconds;
  *ret_name = NULL;
  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    return true;
  if (!catalogue_list (store, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const BackupEntry *entry = entries->pdata[i];
      if (entry->problem == NULL && g_strcmp0 (entry->type, "db") == 0
          && g_strcmp0 (entry->project, project->name) == 0 && entry->proven > 0
          && entry->created >= oldest)
        {
          *ret_name = g_strdup (entry->name);
          return true;
        }
    }
  return true;
}

static bool
prove_new (const IntegrityBase *base, const char *name, GError **error)
{
  g_autofree char *folder = project_backup_folder (base->project);
  g_autoptr (Store) store = store_open_folder (folder);
  g_auto (Proof) proof = { 0 };
  ProofSpec spec = { .server_url = base->url, .tolerate_broken_keys = true };
  report_step (&base->context->report, "proving it");
  if (!proof_run (&spec, store, name, &base->context->report, &proof, error))
    return prefix_error (error, "the backup before the fix");
  /* Rows that break their keys are what is to be fixed: that all of them come back is enough. */
  return proof.passed || proof.broken_keys == proof.compared.differences->len
         || keel_error (error, KEEL_ERROR_FAILED, "Without a way back nothing is fixed.",
                        "the backup before the fix, “%s”, is not proven: %u differences", name,
                        proof.compared.differences->len);
}

/* Old backups are not this command's to remove. */
static bool
back_up (const IntegrityBase *base, char **ret_name, GError **error)
{
  g_auto (CreateResult) result = { 0 };
  CreateSpec spec
      = { .project = base->project, .url = base->url, .type = DUMP_ALL, .keep_all = true };
  if (!find_proven (base->project, ret_name, error))
    return false;
  if (*ret_name != NULL)
    {
      report_step (&base->context->report, "the proven backup %s is young enough", *ret_name);
      return true;
    }
  report_step (&base->context->report, "backing up first");
  if (!backup_create (&spec, &base->context->report, &result, error))
    return prefix_error (error, "the backup before the fix");
  g_autoptr (GError) problem = NULL;
  *ret_name = g_strdup (result.name);
  if (prove_new (base, result.name, &problem))
    return true;
  if (option_unproven && !keel_error_is (problem, KEEL_ERROR_CANCELLED))
    {
      report_warning (&base->context->report, problem->message,
                      "Going on all the same, as --unproven says; every byte of it was verified.");
      return true;
    }
  g_propagate_error (error, g_steal_pointer (&problem));
  keel_error_suggest (error, "--unproven goes on with a backup that is verified, but not proven.");
  return false;
}

/* --- the plan ------------------------------------------------------------------------------------- */

static json_t *
texts_json (const GPtrArray *texts)
{
  json_t *array = json_array ();
  for (guint i = 0; texts != NULL && i < texts->len; i++)
    json_array_append_new (array, output_json_string (texts->pdata[i]));
  return array;
}

static json_t *
plan_json (const GPtrArray *items)
{
  json_t *array = json_array ();
  for (guint i = 0; i < items->len; i++)
    {
      const FixItem *item = items->pdata[i];
      const Finding *finding = item->finding;
      json_array_append_new (
          array, json_pack ("{s:s, s:o, s:o, s:o, s:b, s:o, s:b, s:o}", "check", finding->check->id,
                            "object", output_json_string (finding->object), "message",
                            output_json_string (finding->message), "rows",
                            finding->rows >= 0 ? json_integer (finding->rows) : json_null (),
                            "safe", (int) finding->fix_is_safe, "statements",
                            texts_json (item->statements), "applies", (int) item->applies,
                            "why_not", output_json_string (item->why_not)));
    }
  return array;
}

static void
print_item (const FixItem *item)
{
  const Finding *finding = item->finding;
  g_autofree char *count = finding->rows >= 0 ? text_format_count ((uint64_t) finding->rows) : NULL;
  output_line ("%s %s: %s%s%s%s", finding->check->id, finding->object, finding->message,
               count != NULL ? " (rows: " : "", count != NULL ? count : "",
               count != NULL ? ")" : "");
  for (guint i = 0; i < item->statements->len; i++)
    output_line ("    %s;", (const char *) item->statements->pdata[i]);
  if (item->why_not != NULL)
    output_line ("    not applied: %s", item->why_not);
}

static void
print_plan (const GPtrArray *items, unsigned int count)
{
  if (count > 0)
    output_line ("%u fix%s to apply, in one transaction:", count, count == 1 ? "" : "es");
  for (guint i = 0; i < items->len; i++)
    if (((const FixItem *) items->pdata[i])->applies)
      print_item (items->pdata[i]);
  if (count < items->len)
    output_line ("%s%u that pgkeel does not apply:", count > 0 ? "\n" : "", items->len - count);
  for (guint i = 0; i < items->len; i++)
    if (!((const FixItem *) items->pdata[i])->applies)
      print_item (items->pdata[i]);
}

static void
show_plan (const IntegrityBase *base, const GPtrArray *items, bool is_result)
{
  unsigned int count = fix_plan_count (items);
  if (base->context->json)
    {
      if (is_result)
        output_json (json_pack ("{s:b, s:o, s:n}", "dry_run", (int) option_dry_run, "plan",
                                plan_json (items), "fix"));
      return;
    }
  print_plan (items, count);
  if (items->len == 0)
    output_line ("nothing was found that pgkeel knows a fix for");
}

/* --- applying ------------------------------------------------------------------------------------- */

static json_t *
tables_json (const GPtrArray *tables)
{
  json_t *array = json_array ();
  for (guint i = 0; i < tables->len; i++)
    {
      const QuarantineTable *table = tables->pdata[i];
      json_array_append_new (array, json_pack ("{s:o, s:o, s:I, s:I, s:I}", "schema",
                                               output_json_string (table->schema), "name",
                                               output_json_string (table->name), "inserted",
                                               (json_int_t) table->inserted, "updated",
                                               (json_int_t) table->updated, "deleted",
                                               (json_int_t) table->deleted));
    }
  return array;
}

static void
show_result (const IntegrityBase *base, const GPtrArray *items, const FixResult *result,
             const char *backup)
{
  if (base->context->json)
    {
      output_json (json_pack ("{s:b, s:o, s:o, s:o, s:i, s:o, s:o, s:b, s:o}", "dry_run", 0, "plan",
                              plan_json (items), "fix", output_json_string (result->id), "backup",
                              output_json_string (backup), "solved", (int) result->solved, "tables",
                              tables_json (result->tables), "lasting", texts_json (result->lasting),
                              "can_be_undone", (int) result->can_be_undone, "no_undo_reason",
                              output_json_string (result->no_undo_reason)));
      return;
    }
  output_line ("%u finding%s put right and checked again", result->solved,
               result->solved == 1 ? "" : "s");
  for (guint i = 0; i < result->tables->len; i++)
    {
      const QuarantineTable *table = result->tables->pdata[i];
      output_line ("%s.%s: %" G_GINT64_FORMAT " inserted, %" G_GINT64_FORMAT
                   " updated, %" G_GINT64_FORMAT " deleted; as they were: pgkeel.quarantine",
                   table->schema, table->name, table->inserted, table->updated, table->deleted);
    }
  for (guint i = 0; i < result->lasting->len; i++)
    output_line ("an undo leaves as it is: %s", (const char *) result->lasting->pdata[i]);
  if (result->can_be_undone)
    output_line ("to take it back: pgkeel integrity undo %s", result->id);
  else
    output_line ("it cannot be undone (%s); the rows are in pgkeel.quarantine, fix_id = '%s'",
                 result->no_undo_reason, result->id);
  output_line ("as it was before: %s", backup);
}

static bool
apply (const IntegrityBase *base, const IntegrityRun *run, const GPtrArray *items, json_t *details,
       GError **error)
{
  g_autofree char *backup = NULL;
  g_autofree char *run_id = report_run_id (run);
  g_autoptr (GError) problem = NULL;
  g_auto (FixResult) result = { 0 };
  if (!back_up (base, &backup, error))
    return false;
  FixSpec spec = { .url = base->url,
                   .run_id = run_id,
                   .environment = base->project->environment->name,
                   .backup = backup,
                   .items = items,
                   .own_checks = base->rules,
                   .without_undo = option_without_undo };
  json_object_set_new (details, "backup", output_json_string (backup));
  if (!audit (base, "integrity fix", "intent", details, NULL, error))
    return false;
  bool done = fix_apply (&spec, (Report *) &base->report, &result, &problem);
  json_object_set_new (details, "fix", output_json_string (result.id));
  if (!audit (base, "integrity fix", done ? "done" : "failed", details,
              done ? NULL : problem->message, NULL))
    report_warning (&base->context->report, "the outcome could not be written to the audit log",
                    NULL);
  if (!done)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "nothing was changed");
    }
  show_result (base, items, &result, backup);
  return true;
}

static bool
check_ids (char **ids, const IntegrityBase *base, GError **error)
{
  for (int i = 0; ids[i] != NULL; i++)
    {
      bool is_known = integrity_check_find (ids[i]) != NULL;
      for (guint j = 0; !is_known && j < base->rules->len; j++)
        is_known = strcmp (((const Rule *) base->rules->pdata[j])->id, ids[i]) == 0;
      if (!is_known)
        return keel_error (
            error, KEEL_ERROR_USAGE,
            "docs/integrity.md lists all checks; those of the project are in its folder"
            " of rules.",
            "there is no check “%s”", ids[i]);
    }
  return true;
}

static bool
run_fix (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (IntegrityBase) base = { 0 };
  g_autoptr (IntegrityRun) run = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (SqlParser) parser = sql_parser_new ();
  g_autofree char *database = NULL;
  const IntegrityFlags flags = { .checks = argc > 0 ? argv : NULL, .jobs = option_jobs };
  const FixChoice choice = { .ids = (const char *const *) argv, .all = option_all };
  IntegrityOptions options = { 0 };
  if (argc > 0 && option_all)
    return keel_error (error, KEEL_ERROR_USAGE, "Give one of them.",
                       "checks and --all do not go together");
  if (!integrity_base_open (context, NULL, &base, error) || !check_ids (argv, &base, error)
      || !integrity_options (&base, &flags, &options, error)
      || !check_target (&base, &database, error)
      || !integrity_run (base.url, &options, &base.report, &run, error)
      || !fix_plan (parser, run, &choice, &items, error))
    return false;
  unsigned int count = fix_plan_count (items);
  show_plan (&base, items, option_dry_run || count == 0);
  if (option_dry_run || count == 0)
    return true;
  g_autoptr (json_t) details = json_pack ("{s:o, s:o}", "database", output_json_string (database),
                                          "plan", plan_json (items));
  g_autofree char *what
      = g_strdup_printf ("change rows of the database “%s” of %s with %u fix%s", database,
                         base.project->environment->name, count, count == 1 ? "" : "es");
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_INTEGRITY_FIX, .what = what, .name = database };
  return ask_audited (&base, "integrity fix", &request, details, error)
         && apply (&base, run, items, details, error);
}

/* --- undo ----------------------------------------------------------------------------------------- */

static void
show_undone (const IntegrityBase *base, const char *id, const UndoResult *result)
{
  g_autofree char *rows = text_format_count ((uint64_t) result->rows);
  if (base->context->json)
    {
      output_json (json_pack (
          "{s:b, s:o, s:I, s:I, s:I, s:o, s:o}", "dry_run", (int) option_dry_run, "fix",
          output_json_string (id), "rows", (json_int_t) result->rows, "tables",
          (json_int_t) result->tables, "sequences", (json_int_t) result->sequences, "lasting",
          texts_json (result->lasting), "skipped", texts_json (result->skipped)));
      return;
    }
  output_line ("%s rows of %" G_GINT64_FORMAT " tables %s as they were before %s", rows,
               result->tables, option_dry_run ? "would be" : "are", id);
  if (result->sequences > 0)
    output_line ("%" G_GINT64_FORMAT " sequences stand where they stood", result->sequences);
  for (guint i = 0; i < result->skipped->len; i++)
    output_line ("left where it is, as it was used since: sequence %s",
                 (const char *) result->skipped->pdata[i]);
  for (guint i = 0; i < result->lasting->len; i++)
    output_line ("left as it is: %s", (const char *) result->lasting->pdata[i]);
}

static bool
undo_audited (const IntegrityBase *base, const char *id, const json_t *details, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_auto (UndoResult) result = { 0 };
  if (!option_dry_run && !audit (base, "integrity undo", "intent", details, NULL, error))
    return false;
  bool done = fix_undo (base->url, id, option_dry_run, &result, &problem);
  if (!option_dry_run
      && !audit (base, "integrity undo", done ? "done" : "failed", details,
                 done ? NULL : problem->message, NULL))
    report_warning (&base->context->report, "the outcome could not be written to the audit log",
                    NULL);
  if (!done)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  show_undone (base, id, &result);
  return true;
}

static bool
run_undo (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_auto (IntegrityBase) base = { 0 };
  g_autofree char *database = NULL;
  if (!integrity_base_open (context, NULL, &base, error) || !check_target (&base, &database, error))
    return false;
  g_autoptr (json_t) details = json_pack ("{s:o, s:o}", "database", output_json_string (database),
                                          "fix", output_json_string (argv[0]));
  g_autofree char *what
      = g_strdup_printf ("bring back the rows that %s changed in the database “%s” of %s", argv[0],
                         database, base.project->environment->name);
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_INTEGRITY_UNDO, .what = what, .name = database };
  return (option_dry_run || ask_audited (&base, "integrity undo", &request, details, error))
         && undo_audited (&base, argv[0], details, error);
}

/* --- the tables ----------------------------------------------------------------------------------- */

static const GOptionEntry fix_options[]
    = { { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
          "Show the statements and row counts, and change nothing", NULL },
        { "all", 0, 0, G_OPTION_ARG_NONE, &option_all,
          "Apply every fix that can be applied, also those not marked safe", NULL },
        { "without-undo", 0, 0, G_OPTION_ARG_NONE, &option_without_undo,
          "Apply it even when the rows could not be brought back exactly", NULL },
        { "unproven", 0, 0, G_OPTION_ARG_NONE, &option_unproven,
          "Go on when the backup that was made first cannot be proven", NULL },
        { "jobs", 'j', 0, G_OPTION_ARG_INT, &option_jobs,
          "Sessions that look for faults (default: one for each processor, at most 4)", "N" },
        G_OPTION_ENTRY_NULL };

static const GOptionEntry undo_options[]
    = { { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run, "Try it, and roll it back", NULL },
        G_OPTION_ENTRY_NULL };

const CliCommand integrity_fix_command = {
  .name = "fix",
  .arguments = "[ID...]",
  .max_arguments = -1,
  .summary = "Put right what the checks found, with a way back",
  .description
  = "ID are checks; without any the fixes that are marked safe are applied, the others shown. There\n"
    "must be a proven backup not older than integrity.backup_max_age (24h), or one is made and proven.\n"
    "Everything runs in one transaction: the rows that are touched are kept in pgkeel.quarantine, the\n"
    "checks run again, the way back is tried; only then it commits.",
  .example = "pgkeel integrity fix --dry-run",
  .options = fix_options,
  .run = run_fix,
};

const CliCommand integrity_undo_command = {
  .name = "undo",
  .arguments = "ID",
  .min_arguments = 1,
  .max_arguments = 1,
  .summary = "Bring back exactly the rows that a fix changed",
  .description
  = "ID is what fix has printed, as fix_20261121_093000. All of it or nothing: when rows were changed\n"
    "since, it says so and changes nothing.",
  .example = "pgkeel integrity undo fix_20261121_093000",
  .options = undo_options,
  .run = run_undo,
};
