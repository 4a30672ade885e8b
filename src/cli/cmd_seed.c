/* pgkeel seed: make the environment's database have the rows that the project's seeds say. */
#include "cli/cmd_integrity.h"
#include "cli/cmd_seed_generate.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/output.h"
#include "integrity/report.h"
#include "project/audit.h"
#include "project/environment.h"
#include "project/incident.h"
#include "project/target.h"
#include "seed/guard.h"
#include "seed/run.h"

#include <string.h>

static int option_clean;
static int option_validate;
static int option_minimal;
static int option_dry_run;

/* What the steps of one command share. */
typedef struct
{
  CliContext *context;
  Project *project; /* the context's */
  char *url;
  DbConn *conn;
  SeedConfig *config;
  SeedRun *run;
  SeedResult result;
  char *coverage; /* what --validate looked at; NULL: it did not look */
  unsigned int check_count, finding_count;
} Seeding;

static void
seeding_clear (Seeding *seeding)
{
  g_clear_pointer (&seeding->run, seed_run_free);
  g_clear_pointer (&seeding->config, seed_config_free);
  g_clear_pointer (&seeding->conn, db_conn_free);
  g_free (seeding->url);
  seed_result_clear (&seeding->result);
  g_free (seeding->coverage);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seeding, seeding_clear)

/* --- integrity ------------------------------------------------------------------------------- */

/* How many findings a message names. */
#define FINDINGS_NAMED 5

static bool
refuse_findings (const IntegrityRun *run, unsigned int count, GError **error)
{
  g_autoptr (GString) detail = g_string_new (NULL);
  for (guint i = 0; i < MIN (run->findings->len, MIN (count, FINDINGS_NAMED)); i++)
    {
      const Finding *finding = run->findings->pdata[i];
      g_string_append_printf (detail, "%s%s: %s: %s", i > 0 ? "; " : "", finding->check->id,
                              finding->object, finding->message);
    }
  return keel_error_full (error, KEEL_ERROR_ANSWER_NO, NULL, detail->str,
                          "“pgkeel integrity check” shows what the database has without the seeds.",
                          "the integrity checks have %u finding%s of severity error or critical",
                          count, count == 1 ? "" : "s");
}

/* The checks of rows, in the transaction of the seeds and so with their rows. */
static bool
check_integrity (DbConn *conn, void *data, GError **error)
{
  Seeding *seeding = data;
  /* The run speaks of the base's rules. */
  g_auto (IntegrityBase) base = { 0 };
  g_autoptr (IntegrityRun) run = NULL;
  IntegrityFlags none = { 0 };
  IntegrityOptions options = { 0 };
  if (!integrity_base_open (seeding->context, seeding->url, &base, error)
      || !integrity_options (&base, &none, &options, error))
    return false;
  options.categories = 1u << CHECK_CATEGORY_ORPHANS | 1u << CHECK_CATEGORY_RULES
                       | 1u << CHECK_CATEGORY_CONSISTENCY;
  report_step (&seeding->context->report, "checking the integrity of the rows");
  if (!integrity_run_in (conn, &options, &base.report, &run, error))
    return false;
  g_free (seeding->coverage);
  seeding->coverage = report_coverage_line (run);
  seeding->check_count = run->coverage->len;
  seeding->finding_count = integrity_run_count (run, CHECK_SEVERITY_ERROR);
  return seeding->finding_count > 0 ? refuse_findings (run, seeding->finding_count, error)
                                    : integrity_answer (run, error);
}

static json_t *
integrity_json (const Seeding *seeding)
{
  if (seeding->coverage == NULL)
    return json_null ();
  return json_pack ("{s:i, s:i}", "checks", (int) seeding->check_count, "findings",
                    (int) seeding->finding_count);
}

/* --- showing --------------------------------------------------------------------------------- */

typedef struct
{
  int64_t inserted, updated, unchanged, retracted, kept, by_scripts;
} Totals;

static Totals
totals_of (const SeedResult *result)
{
  Totals totals = { 0 };
  for (guint i = 0; i < result->tables->len; i++)
    {
      const SeedTableResult *table = result->tables->pdata[i];
      totals.inserted += table->inserted;
      totals.updated += table->updated;
      totals.unchanged += table->unchanged;
      totals.retracted += table->retracted;
      totals.kept += table->kept;
    }
  for (guint i = 0; i < result->scripts->len; i++)
    totals.by_scripts += ((SeedScriptResult *) result->scripts->pdata[i])->rows;
  return totals;
}

static json_t *
tables_json (const SeedResult *result)
{
  json_t *array = json_array ();
  for (guint i = 0; i < result->tables->len; i++)
    {
      const SeedTableResult *table = result->tables->pdata[i];
      json_array_append_new (
          array,
          json_pack ("{s:o, s:I, s:I, s:I, s:I, s:I}", "table", output_json_string (table->table),
                     "inserted", (json_int_t) table->inserted, "updated",
                     (json_int_t) table->updated, "unchanged", (json_int_t) table->unchanged,
                     "retracted", (json_int_t) table->retracted, "kept", (json_int_t) table->kept));
    }
  return array;
}

static json_t *
scripts_json (const SeedResult *result)
{
  json_t *array = json_array ();
  for (guint i = 0; i < result->scripts->len; i++)
    {
      const SeedScriptResult *script = result->scripts->pdata[i];
      json_array_append_new (
          array, json_pack ("{s:o, s:b, s:I}", "file", output_json_string (script->file), "run",
                            (int) script->was_run, "rows", (json_int_t) script->rows));
    }
  return array;
}

static json_t *
expects_json (const SeedResult *result)
{
  json_t *array = json_array ();
  for (guint i = 0; i < result->expects->len; i++)
    {
      const SeedExpectResult *expect = result->expects->pdata[i];
      json_array_append_new (
          array,
          json_pack ("{s:o, s:o, s:I, s:o, s:I, s:b}", "table", output_json_string (expect->table),
                     "where", output_json_string (expect->where), "min", (json_int_t) expect->min,
                     "max", expect->max < 0 ? json_null () : json_integer (expect->max), "count",
                     (json_int_t) expect->count, "holds", (int) expect->holds));
    }
  return array;
}

static json_t *
kept_json (const SeedResult *result)
{
  json_t *array = json_array ();
  for (guint i = 0; i < result->kept->len; i++)
    {
      const SeedKept *kept = result->kept->pdata[i];
      json_t *key = json_loads (kept->key, 0, NULL);
      json_array_append_new (array, json_pack ("{s:o, s:o, s:o}", "table",
                                               output_json_string (kept->table), "key",
                                               key != NULL ? key : output_json_string (kept->key),
                                               "reason", output_json_string (kept->reason)));
    }
  return array;
}

static json_t *
cleaned_json (const SeedResult *result)
{
  json_t *array = json_array ();
  for (guint i = 0; i < result->cleaned->len; i++)
    json_array_append_new (array, output_json_string (result->cleaned->pdata[i]));
  return array;
}

static json_t *
result_json (const Seeding *seeding)
{
  const SeedResult *result = &seeding->result;
  const Totals totals = totals_of (result);
  return json_pack (
      "{s:o, s:o, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:f}", "environment",
      output_json_string (seeding->project->environment->name), "database",
      output_json_string (db_database (seeding->conn)), "dry_run", option_dry_run, "written",
      (json_int_t) (totals.inserted + totals.updated + totals.retracted + totals.by_scripts),
      "tables", tables_json (result), "scripts", scripts_json (result), "expectations",
      expects_json (result), "kept", kept_json (result), "cleaned", cleaned_json (result),
      "integrity", integrity_json (seeding), "seconds", (double) result->elapsed_us / 1e6);
}

static void
print_tables (const SeedResult *result)
{
  static const OutputColumn columns[] = { { "TABLE", false },
                                          { "INSERTED", true },
                                          { "UPDATED", true },
                                          { "UNCHANGED", true },
                                          { "REMOVED", true },
                                          { "KEPT", true },
                                          { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < result->tables->len; i++)
    {
      const SeedTableResult *row = result->tables->pdata[i];
      g_autofree char *inserted = text_format_count ((uint64_t) row->inserted);
      g_autofree char *updated = text_format_count ((uint64_t) row->updated);
      g_autofree char *unchanged = text_format_count ((uint64_t) row->unchanged);
      g_autofree char *retracted = text_format_count ((uint64_t) row->retracted);
      g_autofree char *kept = text_format_count ((uint64_t) row->kept);
      output_table_row (table, row->table, inserted, updated, unchanged, retracted, kept);
    }
  output_table_print (table);
}

static void
print_validation (const Seeding *seeding, const char *which)
{
  guint count = seeding->result.expects->len;
  if (count > 0)
    output_line ("%u of %u expectations hold%s", count, count, which);
  if (seeding->coverage != NULL)
    output_line ("integrity%s: no errors; looked at: %s", which, seeding->coverage);
}

static void
print_rest (const Seeding *seeding)
{
  const SeedResult *result = &seeding->result;
  for (guint i = 0; i < result->scripts->len; i++)
    {
      const SeedScriptResult *script = result->scripts->pdata[i];
      g_autofree char *rows = text_format_count ((uint64_t) script->rows);
      if (script->was_run)
        output_line ("%s: run, %s row%s", script->file, rows, script->rows == 1 ? "" : "s");
      else
        output_line ("%s: unchanged since it ran", script->file);
    }
  for (guint i = 0; i < result->kept->len; i++)
    {
      const SeedKept *kept = result->kept->pdata[i];
      output_line ("kept in %s: %s: %s", kept->table, kept->key, kept->reason);
    }
  print_validation (seeding, "");
}

static void
print_result (const Seeding *seeding)
{
  const SeedResult *result = &seeding->result;
  const Totals totals = totals_of (result);
  g_autofree char *inserted = text_format_count ((uint64_t) totals.inserted);
  g_autofree char *updated = text_format_count ((uint64_t) totals.updated);
  g_autofree char *retracted = text_format_count ((uint64_t) totals.retracted);
  g_autofree char *unchanged = text_format_count ((uint64_t) totals.unchanged);
  const char *environment = seeding->project->environment->name;
  print_tables (result);
  print_rest (seeding);
  if (totals.inserted + totals.updated + totals.retracted + totals.by_scripts == 0)
    output_line ("nothing to write: %s row%s of “%s” %s as the files say", unchanged,
                 totals.unchanged == 1 ? "" : "s", environment,
                 totals.unchanged == 1 ? "is" : "are");
  else
    output_line ("%s “%s” in %.2f s: %s inserted, %s updated, %s removed, %s unchanged",
                 option_dry_run ? "would seed" : "seeded", environment,
                 (double) result->elapsed_us / 1e6, inserted, updated, retracted, unchanged);
  if (option_dry_run)
    output_line ("all of it was taken back");
}

/* --- auditing -------------------------------------------------------------------------------- */

static bool
write_audit (const Seeding *seeding, const char *phase, const char *message, GError **error)
{
  const bool has_result = seeding->result.tables != NULL && strcmp (phase, "done") == 0;
  const Totals totals = has_result ? totals_of (&seeding->result) : (Totals){ 0 };
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:o}", "confirmed", confirm_json (seeding->context),
      "database", output_json_string (seeding->conn != NULL ? db_database (seeding->conn) : NULL),
      "clean", option_clean, "minimal", option_minimal, "validate", option_validate, "inserted",
      (json_int_t) totals.inserted, "updated", (json_int_t) totals.updated, "removed",
      (json_int_t) totals.retracted, "error", output_json_string (message));
  return audit_write (seeding->project, "seed", phase, details, error);
}

/* Hands PROBLEM on; a refusal is written down. */
static bool
refuse (const Seeding *seeding, GError *problem, GError **error)
{
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !write_audit (seeding, "refused", problem->message, NULL))
    report_warning (&seeding->context->report, "the refusal could not be written to the audit log",
                    NULL);
  g_propagate_error (error, problem);
  return false;
}

/* --- steps ----------------------------------------------------------------------------------- */

/* ENV of the command line is what -e says for other commands. */
static bool
choose_environment (CliContext *context, const char *name, GError **error)
{
  g_autofree char *here = environment_canonical (name);
  g_autofree char *there
      = context->environment != NULL ? environment_canonical (context->environment) : NULL;
  if (there != NULL && strcmp (here, there) != 0)
    return keel_error (error, KEEL_ERROR_USAGE, "Leave one of the two out.",
                       "“seed %s” and “--env %s” mean different environments", name,
                       context->environment);
  context->environment = name;
  return true;
}

static bool
guard (Seeding *seeding, GError **error)
{
  g_auto (Stamp) stamp = { 0 };
  g_autoptr (GError) problem = NULL;
  if (!stamp_read (seeding->conn, seeding->project, &stamp, error))
    return false;
  bool destroys = !option_dry_run && (option_clean || seeding->project->environment->is_protected);
  return (seed_guard_check (seeding->project, &stamp, seeding->url, &problem)
          && (!destroys || incident_check_none (seeding->project, "seed", &problem)))
         || refuse (seeding, g_steal_pointer (&problem), error);
}

/* All that seeds.yaml expects, and integrity, with the generated rows. */
static bool
check_generated (DbConn *conn, void *data, GError **error)
{
  Seeding *seeding = data;
  if (seed_validate (conn, seeding->config, false, &seeding->result.expects, error)
      && check_integrity (conn, seeding, error))
    return true;
  keel_error_suggest (error, "The generated rows are taken back; those of the files are there.");
  return false;
}

static SeedGenerate
generate_spec (Seeding *seeding)
{
  return (SeedGenerate){ .context = seeding->context,
                         .url = seeding->url,
                         .conn = seeding->conn,
                         .config = seeding->config,
                         .dry_run = option_dry_run,
                         .inspect = option_validate ? check_generated : NULL,
                         .inspect_data = seeding };
}

static bool
is_generating (Seeding *seeding)
{
  const SeedGenerate spec = generate_spec (seeding);
  return !option_minimal && seed_generate_is_wanted (&spec);
}

static bool
open_run (Seeding *seeding, GError **error)
{
  const SeedSpec spec = { .project = seeding->project,
                          .clean = option_clean,
                          .validate = option_validate,
                          .minimal = option_minimal,
                          .generates = is_generating (seeding),
                          .dry_run = option_dry_run,
                          .inspect = option_validate ? check_integrity : NULL,
                          .inspect_data = seeding };
  return seed_run_new (&spec, seeding->conn, seeding->config, &seeding->context->report,
                       &seeding->run, error);
}

static bool
open_all (CliContext *context, Seeding *seeding, GError **error)
{
  seeding->context = context;
  if (!context_project (context, &seeding->project, error))
    return false;
  seeding->url = target_url (seeding->project, error);
  return seeding->url != NULL
         && db_connect (seeding->url, NULL, &db_retry_default, &seeding->conn, error)
         && guard (seeding, error) && seed_read_config (seeding->project, &seeding->config, error)
         && open_run (seeding, error);
}

/* Emptying tables takes more than the rows that were seeded. */
static bool
ask_to_clean (Seeding *seeding, GError **error)
{
  g_autoptr (GPtrArray) tables = NULL;
  g_autoptr (GError) problem = NULL;
  g_autoptr (GString) names = g_string_new (NULL);
  const ProjectEnvironment *environment = seeding->project->environment;
  const char *database = db_database (seeding->conn);
  if (!option_clean)
    return true;
  if (!seed_run_to_clean (seeding->run, &tables, &problem))
    return refuse (seeding, g_steal_pointer (&problem), error);
  for (guint i = 0; i < tables->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", (char *) tables->pdata[i]);
  if (option_dry_run || tables->len == 0)
    {
      report_step (&seeding->context->report, "would empty %s", names->str);
      return true;
    }
  g_autofree char *what
      = g_strdup_printf ("empty tables of the database “%s” of %s, all rows of: %s", database,
                         environment->name, names->str);
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_SEED_CLEAN, .what = what, .name = database };
  return confirm (seeding->context, &request, &problem)
         || refuse (seeding, g_steal_pointer (&problem), error);
}

/* Intent before, outcome after; a failure that cannot be logged is still the failure. */
static bool
load_audited (Seeding *seeding, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (option_dry_run)
    return seed_run_load (seeding->run, &seeding->result, error);
  if (!write_audit (seeding, "intent", NULL, error))
    return false;
  bool done = seed_run_load (seeding->run, &seeding->result, &problem);
  if (!write_audit (seeding, done ? "done" : "failed", done ? NULL : problem->message, NULL))
    report_warning (&seeding->context->report, "the outcome could not be written to the audit log",
                    NULL);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done;
}

/* The generators come when the files' rows are there: they may refer to them. */
static bool
generate (Seeding *seeding, json_t **ret_json, GError **error)
{
  g_autoptr (GError) problem = NULL;
  const SeedGenerate spec = generate_spec (seeding);
  if (!is_generating (seeding))
    {
      *ret_json = json_null ();
      return true;
    }
  if (option_dry_run)
    return seed_generate_run (&spec, ret_json, error);
  if (!seed_generate_audit (&spec, seeding->project, "intent", NULL, error))
    return false;
  bool done = seed_generate_run (&spec, ret_json, &problem);
  if (!seed_generate_audit (&spec, seeding->project, done ? "done" : "failed",
                            done ? NULL : problem->message, NULL))
    report_warning (&seeding->context->report, "the outcome could not be written to the audit log",
                    NULL);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done;
}

static bool
show_and_generate (CliContext *context, Seeding *seeding, bool is_loaded, GError **error)
{
  const SeedResult *result = &seeding->result;
  json_t *generated = NULL;
  if (!is_loaded)
    {
      if (context->json && result->expects != NULL && result->expects->len > 0)
        output_json (json_pack ("{s:o}", "expectations", expects_json (result)));
      return false;
    }
  if (!context->json)
    print_result (seeding);
  bool done = generate (seeding, &generated, error);
  if (done && !context->json && option_validate && !option_dry_run && is_generating (seeding))
    print_validation (seeding, " with the generated rows");
  if (context->json)
    {
      json_t *shown = result_json (seeding);
      json_object_set_new (shown, "generated", done ? generated : json_null ());
      output_json (shown);
    }
  else if (done)
    json_decref (generated);
  return done;
}

static bool
write_generated (Seeding *seeding, GError **error)
{
  const SeedGenerate spec = generate_spec (seeding);
  return seed_generate_write (&spec, error);
}

static bool
run_seed (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_auto (Seeding) seeding = { 0 };
  if (!seed_generate_check_options (error) || !choose_environment (context, argv[0], error)
      || !open_all (context, &seeding, error))
    return false;
  if (seed_generate_wants_output ())
    return write_generated (&seeding, error);
  if (!ask_to_clean (&seeding, error))
    return false;
  bool is_loaded = load_audited (&seeding, error);
  return show_and_generate (context, &seeding, is_loaded, error);
}

static const GOptionEntry seed_options[]
    = { { "clean", 0, 0, G_OPTION_ARG_NONE, &option_clean,
          "Empty the seeded tables first, after asking", NULL },
        { "validate", 0, 0, G_OPTION_ARG_NONE, &option_validate,
          "Check integrity and what seeds.yaml expects; load nothing if that fails", NULL },
        { "minimal", 0, 0, G_OPTION_ARG_NONE, &option_minimal,
          "Load only what seeds.yaml calls essential", NULL },
        { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run,
          "Do it all, show it, and take it back", NULL },
        SEED_GENERATE_ENTRIES,
        G_OPTION_ENTRY_NULL };

const CliCommand seed_command = {
  .name = "seed",
  .arguments = "ENV",
  .min_arguments = 1,
  .max_arguments = 1,
  .summary = "Make the database have the rows that the seeds of ENV say",
  .description
  = "Reads seeds/common/ and seeds/ENV/: CSV, JSON and SQL files, one for each table (docs/seeds.md). Rows\n"
    "are known by their natural key: new ones are inserted, others changed to what the file says, and what is\n"
    "as it should be is left alone: a second run writes nothing. Rows that have left the files are removed if\n"
    "pgkeel seeded them and nobody has changed them since. All of it is one transaction.\n\n"
    "Then come the rows for volume that generate: in seeds.yaml declares (docs/generators.md), once: a second run\n"
    "finds them there. With --table and --output they are written to a file instead, and nothing is loaded.\n\n"
    "A production database is refused, by what its stamp says.",
  .example = "pgkeel seed development --validate",
  .options = seed_options,
  .run = run_seed,
};
