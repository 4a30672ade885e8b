/* pgkeel backup: make, verify, prove and prune backups; cmd_backup_list.c lists and shows them. */
#include "cli/cmd_backup.h"
#include "backup/backup_log.h"
#include "backup/catalogue.h"
#include "backup/create.h"
#include "backup/proof.h"
#include "backup/retention.h"
#include "base/clock.h"
#include "base/size.h"
#include "cli/cmd_integrity.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "project/audit.h"
#include "project/target.h"

#include <string.h>

static char *option_type;
static gboolean option_prove;
static int option_jobs;
static gboolean option_dry_run;

static char *
format_seconds (int64_t us)
{
  return g_strdup_printf ("%.2f s", (double) us / 1e6);
}

static json_t *
json_texts (const GPtrArray *texts)
{
  json_t *array = json_array ();
  for (guint i = 0; texts != NULL && i < texts->len; i++)
    json_array_append_new (array, output_json_string (texts->pdata[i]));
  return array;
}

/* --- prove ----------------------------------------------------------------------------------- */

static json_t *
proof_json (const char *name, const Proof *proof)
{
  const CompareResult *c = &proof->compared;
  return json_pack (
      "{s:o, s:b, s:s, s:f, s:{s:I, s:I}, s:I, s:{s:I, s:I}, s:b, s:{s:I, s:I}, s:{s:b, s:b}, s:o}",
      "backup", output_json_string (name), "passed", (int) proof->passed, "place", proof->place,
      "seconds", (double) proof->elapsed_us / 1e6, "tables", "equal", (json_int_t) c->tables_equal,
      "total", (json_int_t) c->tables_total, "rows", (json_int_t) c->rows, "sequences", "equal",
      (json_int_t) c->sequences_equal, "total", (json_int_t) c->sequences_total,
      "large_objects_equal", (int) c->large_objects_equal, "indexes", "valid",
      (json_int_t) c->indexes_valid, "total", (json_int_t) c->indexes_total, "schema", "compared",
      (int) c->schema_compared, "equal", (int) c->schema_equal, "differences",
      json_texts (c->differences));
}

static void
print_proof (const char *name, const Proof *proof)
{
  const CompareResult *c = &proof->compared;
  g_autofree char *rows = text_format_count (c->rows);
  g_autofree char *seconds = format_seconds (proof->elapsed_us);
  g_autofree char *verdict = proof->passed ? output_paint (OUTPUT_GOOD, "proven")
                                           : output_paint (OUTPUT_BAD, "NOT proven");
  output_line ("%s: %s", name, verdict);
  g_autoptr (OutputTable) table = output_pairs_new ();
  output_pair (table, "restored in", "%s, %s", proof->place, seconds);
  output_pair (table, "tables",
               "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " equal by count and digest, %s rows",
               c->tables_equal, c->tables_total, rows);
  output_pair (table, "sequences", "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " equal",
               c->sequences_equal, c->sequences_total);
  output_pair (table, "large objects", "%s", c->large_objects_equal ? "equal" : "not equal");
  output_pair (table, "indexes", "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " valid",
               c->indexes_valid, c->indexes_total);
  output_pair (table, "schema", "%s",
               !c->schema_compared ? "not compared"
               : c->schema_equal   ? "equal by fingerprint"
                                   : "NOT equal");
  output_table_print (table);
  for (guint i = 0; i < c->differences->len; i++)
    output_line ("difference: %s", (const char *) c->differences->pdata[i]);
}

static bool
log_proof (const char *folder, const char *name, const Proof *proof, GError **error)
{
  return backup_log (folder, "prove", proof->passed ? "ok" : "failed", error,
                     "file=%s tables=%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
                     " rows=%" G_GUINT64_FORMAT " differences=%u seconds=%.2f",
                     name, proof->compared.tables_equal, proof->compared.tables_total,
                     proof->compared.rows, proof->compared.differences->len,
                     (double) proof->elapsed_us / 1e6);
}

/* Runs the proof and writes it to the log; what it found is the caller's to show. */
static bool
prove (CliContext *context, Store *store, const char *name, Proof *ret_proof, GError **error)
{
  g_autofree char *url = target_url (context->project, NULL);
  ProofSpec spec = { .server_url = url,
                     .job_count = (unsigned int) MAX (option_jobs, 0),
                     .inspect = integrity_inspect,
                     .inspect_data = context };
  g_autoptr (GError) problem = NULL;
  if (proof_run (&spec, store, name, &context->report, ret_proof, &problem))
    {
      bool is_logged = log_proof (store_location (store), name, ret_proof, error);
      incident_after_proof (context, store, name, ret_proof, NULL);
      return is_logged;
    }
  if (!backup_log (store_location (store), "prove", "failed", NULL, "file=%s error=%s", name,
                   problem->message))
    report_warning (&context->report, "the failure could not be written to backup.log", NULL);
  incident_after_proof (context, store, name, NULL, problem);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
answer_of_proof (const char *name, const Proof *proof, GError **error)
{
  if (proof->passed)
    return true;
  return keel_error (error, KEEL_ERROR_ANSWER_NO,
                     "Do not rely on it: make a new backup and prove that one.",
                     "“%s” is not proven: %u differences", name, proof->compared.differences->len);
}

bool
cmd_backup_prove (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (BackupBase) base = { 0 };
  g_auto (Proof) proof = { 0 };
  g_autoptr (Store) store = NULL;
  g_autofree char *name = NULL;
  if (!backup_base_open (context, &base, error)
      || !catalogue_find (base.folder, argc > 0 ? argv[0] : "latest", &store, &name, error)
      || !prove (context, store, name, &proof, error))
    return false;
  if (context->json)
    output_json (proof_json (name, &proof));
  else
    print_proof (name, &proof);
  return answer_of_proof (name, &proof, error);
}

/* --- create ---------------------------------------------------------------------------------- */

static bool
parse_type (DumpType *ret_type, GError **error)
{
  for (int type = DUMP_ALL; type <= DUMP_DATA_ONLY; type++)
    if (option_type == NULL || strcmp (option_type, dump_type_name ((DumpType) type)) == 0)
      {
        *ret_type = (DumpType) type;
        return true;
      }
  return keel_error (error, KEEL_ERROR_USAGE, "The types are db, schema and data.",
                     "unknown type of backup “%s”", option_type);
}

static json_t *
create_json (const CreateResult *result, const Proof *proof)
{
  const BackupIndex *index = result->dump.index;
  return json_pack ("{s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:s*, s:f, s:b, s:o, s:o, s:o*}", "backup",
                    output_json_string (result->name), "path", output_json_string (result->path),
                    "type", index->type, "size_bytes", (json_int_t) result->dump.size_bytes,
                    "raw_bytes", (json_int_t) backup_index_raw_bytes (index), "tables",
                    (json_int_t) index->tables->len, "rows", (json_int_t) backup_index_rows (index),
                    "schema_fingerprint", index->fingerprint, "seconds",
                    (double) result->dump.elapsed_us / 1e6, "verified", 1, "warnings",
                    json_texts (result->warnings), "removed", json_texts (result->removed), "proof",
                    proof->place != NULL ? proof_json (result->name, proof) : NULL);
}

static void
print_create (const Project *project, const CreateResult *result)
{
  const BackupIndex *index = result->dump.index;
  g_autofree char *size = size_format (result->dump.size_bytes);
  g_autofree char *rows = text_format_count (backup_index_rows (index));
  g_autofree char *seconds = format_seconds (result->dump.elapsed_us);
  output_line ("%s", result->path);
  output_line ("%s, %u tables, %s rows, %s; read back and verified", size, index->tables->len, rows,
               seconds);
  for (guint i = 0; i < index->tables->len; i++)
    {
      const BackupTable *table = index->tables->pdata[i];
      g_autofree char *count = text_format_count (table->digest.rows);
      g_autofree char *digest = row_digest_hex (&table->digest);
      if (g_strv_contains ((const char *const *) project->count_tables, table->name))
        output_line ("%s: %s rows, digest %s", table->name, count, digest);
    }
  for (guint i = 0; i < result->removed->len; i++)
    output_line ("removed %s, older than backup.keep", (const char *) result->removed->pdata[i]);
}

/* While an incident is open nothing old goes: it may be what is needed. */
static bool
may_remove (const Project *project)
{
  g_autoptr (GPtrArray) incidents = NULL;
  if (!incident_list (project, false, &incidents, NULL))
    return false;
  for (guint i = 0; i < incidents->len; i++)
    if (incident_is_of (incidents->pdata[i], project->environment->name))
      return false;
  return true;
}

static bool
make (CliContext *context, CreateSpec *spec, CreateResult *result, GError **error)
{
  g_autoptr (GError) problem = NULL;
  spec->keep_all = !may_remove (spec->project);
  if (spec->keep_all && spec->project->keep_db_seconds > 0)
    report_warning (&context->report, "an incident is open: no old backup is removed", NULL);
  if (backup_create (spec, &context->report, result, &problem))
    {
      incident_after_create (context, result, NULL);
      return true;
    }
  incident_after_create (context, NULL, problem);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
run_create (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (BackupBase) base = { 0 };
  g_auto (CreateResult) result = { 0 };
  g_auto (Proof) proof = { 0 };
  DumpType type = DUMP_ALL;
  if (!parse_type (&type, error) || !backup_base_open (context, &base, error))
    return false;
  if (option_prove && type == DUMP_DATA_ONLY)
    return keel_error (error, KEEL_ERROR_USAGE, "Make it without --prove, or prove a “db” backup.",
                       "a backup of data alone cannot be restored by itself, so not be proven");
  g_autofree char *url = target_url (base.project, error);
  if (url == NULL)
    return false;
  CreateSpec spec = { .project = base.project,
                      .url = url,
                      .type = type,
                      .job_count = (unsigned int) MAX (option_jobs, 0) };
  if (!make (context, &spec, &result, error))
    return false;
  g_autoptr (Store) store = store_open_folder (base.folder);
  bool proven = !option_prove || prove (context, store, result.name, &proof, error);
  if (context->json)
    output_json (create_json (&result, &proof));
  else
    print_create (base.project, &result);
  if (!proven || !option_prove)
    return proven;
  if (!context->json)
    print_proof (result.name, &proof);
  return answer_of_proof (result.name, &proof, error);
}

/* --- verify ---------------------------------------------------------------------------------- */

static bool
verify (CliContext *context, Store *store, const char *name, uint64_t *ret_bytes, GError **error)
{
  g_autoptr (BackupReader) reader = NULL;
  if (!backup_reader_open (store, name, &reader, error))
    return false;
  *ret_bytes = backup_reader_size (reader);
  if (!catalogue_check_bytes (store, name, reader, &context->report, error))
    return prefix_error (error, "“%s”", name);
  if (*ret_bytes <= context->project->min_size_bytes)
    {
      g_autofree char *size = size_format (*ret_bytes);
      return keel_error (
          error, KEEL_ERROR_ANSWER_NO,
          "If the database really is that small, lower backup.min_size in pgkeel.yaml.",
          "“%s” has only %s, which counts as failed", name, size);
    }
  return catalogue_note_verified (store, name, reader, error);
}

static bool
run_verify (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (BackupBase) base = { 0 };
  g_autoptr (Store) store = NULL;
  g_autofree char *name = NULL;
  g_autoptr (GError) problem = NULL;
  uint64_t bytes = 0;
  int64_t started = clock_monotonic_us ();
  if (!backup_base_open (context, &base, error)
      || !catalogue_find (base.folder, argc > 0 ? argv[0] : "latest", &store, &name, error))
    return false;
  bool good = verify (context, store, name, &bytes, &problem);
  incident_after_verify (context, store, name, problem);
  double seconds = (double) (clock_monotonic_us () - started) / 1e6;
  if (!backup_log (store_location (store), "verify", good ? "ok" : "failed", good ? error : NULL,
                   "file=%s size=%" G_GUINT64_FORMAT " %s", name, bytes,
                   good ? "" : problem->message)
      && good)
    return false;
  if (!good)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  g_autofree char *size = size_format (bytes);
  if (context->json)
    output_json (json_pack ("{s:o, s:b, s:I, s:f}", "backup", output_json_string (name), "verified",
                            1, "size_bytes", (json_int_t) bytes, "seconds", seconds));
  else
    output_line ("%s: every byte of %s is as it was written (%.2f s)", name, size, seconds);
  return true;
}

/* --- prune ----------------------------------------------------------------------------------- */

static bool
audit_prune (const CliContext *context, const char *phase, const GPtrArray *removed,
             const GError *problem, GError **error)
{
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:o, s:o}", "confirmed", confirm_json (context), "removed", json_texts (removed),
      "error", output_json_string (problem != NULL ? problem->message : NULL));
  return audit_write (context->project, "backup prune", phase, details, error);
}

static bool
may_prune (CliContext *context, GError **error)
{
  const Project *project = context->project;
  g_autoptr (GError) problem = NULL;
  g_autofree char *what = g_strdup_printf (
      "remove the backups of %s that are older than backup.keep", project->environment->name);
  const ConfirmRequest request = { .operation = DESTRUCTIVE_BACKUP_PRUNE, .what = what };
  if (project_check_authorised (project, &problem)
      && incident_check_none (project, "backup prune", &problem)
      && confirm (context, &request, &problem))
    return true;
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !audit_prune (context, "refused", NULL, problem, NULL))
    report_warning (&context->report, "the refusal could not be written to the audit log", NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
prune (CliContext *context, const BackupBase *base, GPtrArray *removed, GError **error)
{
  const Project *project = base->project;
  if (option_dry_run)
    return retention_run (project, base->folder, true, removed, error);
  if (!may_prune (context, error) || !audit_prune (context, "intent", NULL, NULL, error))
    return false;
  g_autoptr (GError) problem = NULL;
  bool done = retention_run (project, base->folder, false, removed, &problem);
  if (!audit_prune (context, done ? "done" : "failed", removed, problem, done ? error : NULL)
      && done)
    return false;
  if (!done)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done;
}

static bool
run_prune (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (BackupBase) base = { 0 };
  g_autoptr (GPtrArray) removed = g_ptr_array_new_with_free_func (g_free);
  if (!backup_base_open (context, &base, error))
    return false;
  if (base.project->keep_db_seconds == 0 && base.project->keep_full_seconds == 0)
    return keel_error (error, KEEL_ERROR_CONFIG, "Set it, for example “keep: {db: 48h, full: 7d}”.",
                       "backup.keep is not set, so nothing may be removed");
  if (!prune (context, &base, removed, error))
    return false;
  if (context->json)
    {
      output_json (json_pack ("{s:b, s:o}", "dry_run", (int) option_dry_run, "removed",
                              json_texts (removed)));
      return true;
    }
  for (guint i = 0; i < removed->len; i++)
    output_line ("%s %s", option_dry_run ? "would remove" : "removed",
                 (const char *) removed->pdata[i]);
  if (removed->len == 0)
    output_line ("nothing is old enough to go");
  return true;
}

/* --- the tables ------------------------------------------------------------------------------ */

static const GOptionEntry create_options[]
    = { { "type", 't', 0, G_OPTION_ARG_STRING, &option_type,
          "What to back up: db (schema and data, the default), schema or data", "db|schema|data" },
        { "prove", 0, 0, G_OPTION_ARG_NONE, &option_prove,
          "Then prove it: restore it into a scratch cluster and compare", NULL },
        { "jobs", 'j', 0, G_OPTION_ARG_INT, &option_jobs,
          "Connections to use (default: one for each processor, at most 8)", "N" },
        G_OPTION_ENTRY_NULL };

static const GOptionEntry prove_options[]
    = { { "jobs", 'j', 0, G_OPTION_ARG_INT, &option_jobs,
          "Connections to use (default: one for each processor)", "N" },
        G_OPTION_ENTRY_NULL };

static const GOptionEntry prune_options[]
    = { { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &option_dry_run, "Only list what would be removed",
          NULL },
        G_OPTION_ENTRY_NULL };

const CliCommand restore_test_command = {
  .name = "restore-test",
  .arguments = "[BACKUP]",
  .max_arguments = 1,
  .summary = "The same as backup prove",
  .example = "pgkeel restore-test latest",
  .options = prove_options,
  .run = cmd_backup_prove,
};

const CliCommand backup_commands[]
    = { { .name = "create",
          .summary = "Back up the database of the environment",
          .description
          = "Writes one .sql.gz that “gunzip -c FILE | psql -v ON_ERROR_STOP=1” restores without\n"
            "pgkeel, with an index and a hash of every part. The file is read back and checked\n"
            "before it gets its name; a failure leaves no file that looks like a backup.",
          .example = "pgkeel -e production backup create --prove",
          .options = create_options,
          .run = run_create },
        { .name = "list",
          .summary = "List the backups of the environment, newest first",
          .example = "pgkeel backup list",
          .run = cmd_backup_list },
        { .name = "show",
          .arguments = "BACKUP",
          .min_arguments = 1,
          .max_arguments = 1,
          .summary = "Show what a backup holds, table by table",
          .example = "pgkeel backup show latest",
          .run = cmd_backup_show },
        { .name = "verify",
          .arguments = "[BACKUP]",
          .max_arguments = 1,
          .summary = "Read every byte of a backup against its hashes",
          .example = "pgkeel backup verify latest",
          .run = run_verify },
        { .name = "prove",
          .arguments = "[BACKUP]",
          .max_arguments = 1,
          .summary = "Restore a backup into a scratch cluster and compare everything",
          .description
          = "Compares tables, row counts, row digests, sequences, large objects, the schema's\n"
            "fingerprint and the validity of indexes with what the snapshot held, and writes\n"
            "NAME.proof.json beside the backup. Exit code 1 when anything differs.",
          .example = "pgkeel backup prove latest",
          .options = prove_options,
          .run = cmd_backup_prove },
        { .name = "prune",
          .summary = "Remove backups older than backup.keep, never the last good one",
          .example = "pgkeel backup prune --dry-run",
          .options = prune_options,
          .run = run_prune },
        { 0 } };
