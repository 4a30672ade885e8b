#include "deploy/copy.h"

#include "backup/database.h"
#include "backup/load.h"
#include "backup/scratch_copy.h"
#include "base/clock.h"
#include "deploy/constraints.h"

#include <string.h>

void
copy_clear (Copy *copy)
{
  g_clear_pointer (&copy->broken_before, g_hash_table_unref);
  db_conn_free (copy->look);
  db_conn_free (copy->admin);
  scratch_free (copy->cluster);
  g_free (copy->url);
  g_free (copy->work_url);
  g_free (copy->database);
}

void
copy_note (GPtrArray *texts, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (texts, g_strdup_vprintf (format, args));
  va_end (args);
}

/* Migrations may name their database, so it is called what it is called at home. */
static char *
database_name (const BackupIndex *index)
{
  bool is_taken
      = strcmp (index->database, "postgres") == 0 || strcmp (index->database, "template1") == 0;
  return g_strdup (is_taken ? "rehearsal" : index->database);
}

/* As who runs them at home, so that missing permissions show here first. */
static bool
choose_role (Copy *copy, GError **error)
{
  const char *user = copy->spec->user;
  const char *const params[] = { user };
  g_autofree char *found = NULL;
  if (user != NULL && *user != '\0'
      && !db_query_text (copy->admin,
                         "SELECT rolname FROM pg_catalog.pg_roles\n"
                         " WHERE rolname = $1 AND rolcanlogin",
                         1, params, &found, error))
    return false;
  copy->result->is_superuser = found == NULL;
  copy->result->role = g_strdup (found != NULL ? found : db_user (copy->admin));
  copy->work_url = found != NULL ? scratch_url_as (copy->cluster, found, copy->database)
                                 : scratch_url (copy->cluster, copy->database);
  if (found == NULL)
    copy_note (
        copy->result->notes,
        "The role “%s” is not in the backup: the migrations ran as a superuser, and what they "
        "are permitted was not tried.",
        user != NULL ? user : "");
  return true;
}

bool
copy_open (Copy *copy, GError **error)
{
  const BackupIndex *index = backup_reader_index (copy->spec->reader);
  const json_t *properties = json_object_get (index->source, "database");
  unsigned int jobs
      = copy->spec->job_count > 0 ? copy->spec->job_count : MIN (g_get_num_processors (), 8);
  ScratchCopySpec scratch = { .worker_count = (int) jobs, .measures_wal = true };
  LoadResult loaded;
  int64_t started = clock_monotonic_us ();
  if (!scratch_copy_start (&scratch, index, &copy->cluster, &copy->admin, error))
    return false;
  copy->database = database_name (index);
  copy->url = scratch_url (copy->cluster, copy->database);
  LoadSpec load
      = { .url = copy->url, .database = copy->database, .job_count = jobs, .analyze = true };
  report_step (copy->report, "restoring “%s” into a scratch cluster of PostgreSQL %d",
               copy->spec->backup, index->server_version / 10000);
  if (!database_create (copy->admin, copy->database, properties, true,
                        &copy->result->locale_replaced, error)
      || !load_run (&load, copy->spec->reader, copy->report, &loaded, error)
      || !database_finish (copy->admin, copy->database, properties, error)
      || !db_exec (copy->admin, "CHECKPOINT", error))
    return prefix_error (error, "restoring the backup");
  copy->result->restore_us = clock_monotonic_us () - started;
  if (copy->result->locale_replaced)
    copy_note (copy->result->notes,
               "The database's locale is not on this machine: the copy has “C”.");
  return choose_role (copy, error)
         && db_connect (copy->url, copy->database, &db_retry_default, &copy->look, error);
}

static bool
database_size (Copy *copy, int64_t *ret_bytes, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (copy->look, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())", 0,
                 NULL, &result, error))
    return false;
  *ret_bytes = db_result_int64 (result, 0, 0);
  return true;
}

bool
copy_read_state (Copy *copy, const DeployState *like, DeployState **ret_state, GError **error)
{
  DeployStateSpec spec
      = { .url = copy->url, .database = copy->database, .job_count = copy->spec->job_count };
  return deploy_state_read (&spec, like, copy->report, ret_state, error);
}

bool
copy_judge_return (Copy *copy, const GPtrArray *schema, const GPtrArray *now,
                   const DeployState *state, GError **error)
{
  Rehearsal *result = copy->result;
  g_autoptr (DeployState) after = NULL;
  report_step (copy->report, "comparing with the state before");
  if (!copy_read_state (copy, state, &after, error))
    return false;
  g_autoptr (GPtrArray) changes = deploy_schema_compare (schema, now);
  g_autoptr (GPtrArray) losses = deploy_state_compare (state, after, &result->tables_equal);
  result->tables_total = deploy_state_table_count (state);
  result->rows_before = deploy_state_rows (state);
  for (guint i = 0; i < changes->len; i++)
    copy_note (result->differences, "schema: %s", (const char *) changes->pdata[i]);
  for (guint i = 0; i < losses->len; i++)
    copy_note (result->differences, "data: %s", ((DeployLoss *) losses->pdata[i])->text);
  result->way_back = result->differences->len == 0 ? REHEARSAL_PROVEN : REHEARSAL_LOSES;
  return true;
}

static bool
judge_constraints (Copy *copy, GError **error)
{
  Rehearsal *result = copy->result;
  g_auto (ConstraintCheck) check = { 0 };
  GHashTableIter iter;
  void *name, *text;
  report_step (copy->report, "validating all constraints");
  if (!constraint_check_run (copy->look, &check, error))
    return false;
  result->constraints_total = check.total;
  g_hash_table_iter_init (&iter, check.broken);
  while (g_hash_table_iter_next (&iter, &name, &text))
    {
      copy_note (result->constraints_broken, "%s: %s", (char *) name, (char *) text);
      if (g_hash_table_contains (copy->broken_before, name))
        copy_note (result->notes, "The constraint %s was broken before the migrations: %s.",
                   (char *) name, (char *) text);
      else
        copy_note (result->problems, "the constraint %s is broken after the migrations: %s",
                   (char *) name, (char *) text);
    }
  return true;
}

bool
copy_judge_end (Copy *copy, RunAftermath *aftermath, GError **error)
{
  Rehearsal *result = copy->result;
  if (!judge_constraints (copy, error) || !database_size (copy, &result->size_after, error))
    return false;
  g_ptr_array_unref (result->invalid_indexes);
  result->invalid_indexes = g_steal_pointer (&aftermath->invalid_indexes);
  g_ptr_array_unref (result->not_validated);
  result->not_validated = g_steal_pointer (&aftermath->not_validated);
  for (guint i = 0; i < result->invalid_indexes->len; i++)
    copy_note (result->problems, "the index %s is left INVALID",
               (const char *) result->invalid_indexes->pdata[i]);
  for (guint i = 0; i < result->not_validated->len; i++)
    copy_note (result->notes, "The constraint %s is left NOT VALID.",
               (const char *) result->not_validated->pdata[i]);
  return true;
}

bool
copy_check_before (Copy *copy, GError **error)
{
  g_auto (ConstraintCheck) check = { 0 };
  if (!constraint_check_run (copy->look, &check, error)
      || !database_size (copy, &copy->result->size_before, error))
    return false;
  copy->broken_before = g_steal_pointer (&check.broken);
  return true;
}
