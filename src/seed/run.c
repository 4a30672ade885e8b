#include "seed/run.h"
#include "base/clock.h"
#include "project/check.h"
#include "seed/internal.h"
#include "seed/ledger.h"

#include <string.h>

/* Of any name, but the same for all runs in a database. */
#define LOCK_KEY "7306934712083405"

/* --- results --------------------------------------------------------------------------------- */

static void
table_result_free (SeedTableResult *result)
{
  g_free (result->table);
  g_free (result);
}

static void
script_result_free (SeedScriptResult *result)
{
  g_free (result->file);
  g_free (result);
}

static void
kept_free (SeedKept *kept)
{
  g_free (kept->table);
  g_free (kept->key);
  g_free (kept->reason);
  g_free (kept);
}

void
seed_result_clear (SeedResult *result)
{
  g_clear_pointer (&result->tables, g_ptr_array_unref);
  g_clear_pointer (&result->scripts, g_ptr_array_unref);
  g_clear_pointer (&result->expects, g_ptr_array_unref);
  g_clear_pointer (&result->kept, g_ptr_array_unref);
  g_clear_pointer (&result->cleaned, g_ptr_array_unref);
}

static void
result_init (SeedResult *result)
{
  seed_result_clear (result);
  result->tables = g_ptr_array_new_with_free_func ((GDestroyNotify) table_result_free);
  result->scripts = g_ptr_array_new_with_free_func ((GDestroyNotify) script_result_free);
  result->expects = g_ptr_array_new ();
  result->kept = g_ptr_array_new_with_free_func ((GDestroyNotify) kept_free);
  result->cleaned = g_ptr_array_new_with_free_func (g_free);
}

/* --- statements ------------------------------------------------------------------------------ */

bool
seed_exec (SeedRun *run, const char *sql, int64_t *ret_rows, GError **error)
{
  g_auto (DbFailure) failure = { 0 };
  const DbStatement statement = { .sql = sql };
  return db_run (run->conn, &statement, ret_rows, &failure, error);
}

bool
seed_query_number (SeedRun *run, const char *sql, int64_t *ret_number, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (run->conn, sql, 0, NULL, &result, error))
    return false;
  bool has_number = db_result_rows (result) > 0 && !db_result_is_null (result, 0, 0);
  *ret_number = has_number ? db_result_int64 (result, 0, 0) : -1;
  return true;
}

/* --- reading --------------------------------------------------------------------------------- */

void
seed_folder (const Project *project, char **ret_path, char **ret_shown)
{
  *ret_path = g_canonicalize_filename (project->seeds_dir, project->folder);
  *ret_shown = g_strdup (project->seeds_dir);
}

bool
seed_read_config (const Project *project, SeedConfig **ret_config, GError **error)
{
  g_autofree char *folder = NULL, *shown = NULL;
  seed_folder (project, &folder, &shown);
  g_autofree char *path = g_build_filename (folder, SEED_CONFIG_FILE, NULL);
  g_autofree char *file = g_build_filename (shown, SEED_CONFIG_FILE, NULL);
  return seed_config_read (path, file, project->environment->name, ret_config, error);
}

static bool
find_files (SeedRun *run, GError **error)
{
  const char *environment = run->spec.project->environment->name;
  g_autoptr (GPtrArray) ignored = NULL;
  g_autofree char *own = g_build_filename (run->folder, environment, NULL);
  g_autofree char *hint = g_strdup_printf (
      "Write files such as %s/%s/01_users.csv; docs/seeds.md says how.", run->shown, environment);
  if (!seed_files_find (run->folder, run->shown, environment, &run->files, &ignored, error))
    return false;
  for (guint i = 0; i < ignored->len; i++)
    report_warning (run->report, ignored->pdata[i], NULL);
  if (run->files->len == 0 && run->config->generate == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG, hint, "there are no seeds for “%s” in %s",
                       environment, run->shown);
  if (!g_file_test (own, G_FILE_TEST_IS_DIR) && !run->config->has_environment)
    {
      g_autofree char *message = g_strdup_printf (
          "there is no folder %s/%s: only the common seeds are loaded", run->shown, environment);
      report_warning (run->report, message, NULL);
    }
  return true;
}

bool
seed_run_new (const SeedSpec *spec, DbConn *conn, const SeedConfig *config, Report *report,
              SeedRun **ret_run, GError **error)
{
  g_autoptr (SeedRun) run = g_new0 (SeedRun, 1);
  run->spec = *spec;
  run->conn = conn;
  run->config = config;
  run->report = report;
  run->sets = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_set_free);
  run->scripts = g_ptr_array_new ();
  run->by_oid = g_hash_table_new (NULL, NULL);
  run->keys = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_array_unref);
  run->tables = seed_tables_new (conn);
  seed_folder (spec->project, &run->folder, &run->shown);
  if (!find_files (run, error) || !seed_sets_make (run, error) || !seed_order (run, error)
      || !seed_scripts_check (run, error))
    return false;
  *ret_run = g_steal_pointer (&run);
  return true;
}

void
seed_run_free (SeedRun *run)
{
  if (run == NULL)
    return;
  g_hash_table_unref (run->by_oid);
  g_ptr_array_unref (run->sets);
  g_ptr_array_unref (run->scripts);
  g_hash_table_unref (run->keys);
  seed_tables_free (run->tables);
  g_clear_pointer (&run->files, g_ptr_array_unref);
  g_free (run->folder);
  g_free (run->shown);
  g_free (run);
}

/* --- loading --------------------------------------------------------------------------------- */

static bool
begin (SeedRun *run, GError **error)
{
  g_autofree char *taken = NULL;
  if (!db_exec (run->conn, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", error)
      || !db_exec (run->conn, SEED_SETTINGS, error)
      || !db_query_text (run->conn, "SELECT pg_try_advisory_xact_lock (" LOCK_KEY ")", 0, NULL,
                         &taken, error))
    return false;
  return g_strcmp0 (taken, "t") == 0
         || keel_error (error, KEEL_ERROR_LOCKED, "Wait for it to end, then run the command again.",
                        "another run of seeds is at work in this database");
}

static void
make_results (SeedRun *run)
{
  for (guint i = 0; i < run->sets->len; i++)
    {
      SeedSet *set = run->sets->pdata[i];
      set->result = g_new0 (SeedTableResult, 1);
      set->result->table = g_strdup (set->table->shown);
      g_ptr_array_add (run->result->tables, set->result);
    }
}

static guint
component_count (const SeedRun *run)
{
  guint count = 0;
  for (guint i = 0; i < run->sets->len; i++)
    count = MAX (count, ((SeedSet *) run->sets->pdata[i])->component + 1);
  return count;
}

static bool
run_scripts_of (SeedRun *run, guint component, GError **error)
{
  for (guint i = 0; run->scripts->len > 0 && i < run->sets->len; i++)
    {
      const SeedSet *set = run->sets->pdata[i];
      if (set->component == component && !seed_scripts_run (run, set->table, error))
        return false;
    }
  return true;
}

/* Everything is looked up before anything is written, so that rows that leave can make room for those that come;
 * unless scripts are to run: rows may refer to what they bring. */
static bool
load_rows (SeedRun *run, GError **error)
{
  bool pending;
  guint count = component_count (run);
  for (guint i = 0; i < run->sets->len; i++)
    {
      SeedSet *set = run->sets->pdata[i];
      if (set->row_count > 0 && !seed_stage_fill (run, set, error))
        return false;
    }
  if (!seed_scripts_pending (run, &pending, error))
    return false;
  for (guint i = 0; !pending && i < count; i++)
    if (!seed_resolve (run, i, true, error))
      return false;
  if (!pending && !seed_retract (run, false, error))
    return false;
  for (guint i = 0; i < count; i++)
    if ((pending && !seed_resolve (run, i, true, error)) || !seed_apply (run, i, error)
        || !run_scripts_of (run, i, error))
      return false;
  /* The files are the same as before: so is what has left them. */
  return seed_scripts_run (run, NULL, error)
         && (!(pending || run->has_gone) || seed_retract (run, true, error));
}

static bool
load_all (SeedRun *run, GError **error)
{
  const SeedSpec *spec = &run->spec;
  return begin (run, error) && seed_ledger_ensure (run->conn, error)
         && (!spec->clean || seed_clean (run, error)) && load_rows (run, error)
         && seed_ledger_write (run, error) && seed_constraints_now (run, "ALL", error)
         && (!spec->validate
             || seed_validate (run->conn, run->config, spec->generates, &run->result->expects,
                               error))
         && (spec->inspect == NULL || spec->inspect (run->conn, spec->inspect_data, error))
         && db_exec (run->conn, spec->dry_run ? "ROLLBACK" : "COMMIT", error);
}

bool
seed_run_load (SeedRun *run, SeedResult *ret_result, GError **error)
{
  int64_t start_us = clock_monotonic_us ();
  result_init (ret_result);
  run->result = ret_result;
  make_results (run);
  bool done = load_all (run, error);
  if (!done)
    (void) db_rollback (run->conn);
  ret_result->elapsed_us = clock_monotonic_us () - start_us;
  return done;
}
