/* Side by side: fill a new database, compare, then swap names. */
#include "backup/database.h"
#include "backup/load.h"
#include "backup/restore_internal.h"
#include "base/cancel.h"

#include <string.h>

static bool
fill_from_backup (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  const BackupIndex *index = backup_reader_index (plan->reader);
  LoadSpec load = { .url = plan->spec.url,
                    .database = plan->new_name,
                    .analyze = true,
                    .job_count = plan->spec.job_count };
  CompareSpec compare = { .url = plan->spec.url,
                          .database = plan->new_name,
                          .job_count = plan->spec.job_count,
                          .expect_schema = true,
                          .expect_data = strcmp (index->type, "schema") != 0 };
  LoadResult loaded;
  restore_begin_step (plan, report);
  if (!load_run (&load, plan->reader, report, &loaded, error))
    return false;
  result->table_count = index->tables->len;
  result->row_count = loaded.rows;
  if (plan->spec.skip_compare)
    return true;
  restore_begin_step (plan, report);
  /* Between major versions the same schema may read differently, so only the data is compared. */
  if (index->server_version / 10000 != db_server_major (plan->admin))
    compare.expect_schema = false;
  if (!compare_run (&compare, index, report, &result->compared, error)
      || !restore_check_equal (&result->compared, error))
    return false;
  result->is_compared = true;
  return true;
}

/* Nothing came: then the dump was not one, whatever the exit code of the program said. */
static bool
count_tables (RestorePlan *plan, RestoreResult *result, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_autoptr (DbResult) answer = NULL;
  if (!db_connect (plan->spec.url, plan->new_name, &db_retry_default, &conn, error)
      || !db_exec (conn, "ANALYZE", error)
      || !db_query (conn,
                    "SELECT pg_catalog.count(*),"
                    "       coalesce(pg_catalog.sum(GREATEST(c.reltuples, 0))::bigint, 0)"
                    "  FROM pg_catalog.pg_class c"
                    "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE c.relkind = 'r' AND n.nspname !~ '^pg_'"
                    "   AND n.nspname <> 'information_schema'",
                    0, NULL, &answer, error))
    return false;
  result->table_count = (uint64_t) db_result_int64 (answer, 0, 0);
  result->row_count = (uint64_t) db_result_int64 (answer, 0, 1);
  result->is_foreign = true;
  if (result->table_count > 0)
    return true;
  return keel_error (error, KEEL_ERROR_ANSWER_NO,
                     "Check that the file is a dump of a whole database.",
                     "“%s” was restored without an error, but no table came of it", plan->name);
}

static bool
fill_from_foreign (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  restore_begin_step (plan, report);
  if (!foreign_restore (plan->path, plan->kind, plan->spec.url, plan->new_name,
                        db_server_major (plan->admin), plan->spec.job_count, error))
    return false;
  restore_begin_step (plan, report);
  return count_tables (plan, result, error);
}

static bool
fill_and_swap (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  bool filled = plan->reader != NULL ? fill_from_backup (plan, report, result, error)
                                     : fill_from_foreign (plan, report, result, error);
  if (!filled)
    return false;
  restore_begin_step (plan, report);
  return database_swap (plan->admin, plan->database, plan->kept_name, plan->new_name,
                        plan->properties, true, error);
}

static bool
make_database (RestorePlan *plan, Report *report, GError **error)
{
  int unfinished = 0;
  if (!database_drop_unfinished (plan->admin, &unfinished, error))
    return false;
  if (unfinished > 0)
    report_step (report, "removed %d unfinished databases of restores that were ended", unfinished);
  return database_create (plan->admin, plan->new_name, plan->properties, false, NULL, error);
}

static bool
drop_new (RestorePlan *plan)
{
  g_autoptr (DbConn) conn = NULL;
  if (db_connect (plan->spec.url, plan->new_name, &db_retry_none, &conn, NULL))
    database_drop_subscriptions (conn);
  g_clear_pointer (&conn, db_conn_free);
  return database_drop (plan->admin, plan->new_name, NULL);
}

bool
restore_run_beside (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (plan->kind != FOREIGN_ARCHIVE)
    restore_begin_step (plan, report);
  if (plan->reader != NULL ? !backup_reader_verify (plan->reader, report, error)
                           : !foreign_check (plan->path, plan->kind, error))
    return false;
  restore_begin_step (plan, report);
  if (!make_database (plan, report, error))
    return false;
  if (fill_and_swap (plan, report, result, &problem))
    {
      result->kept = g_strdup (plan->kept_name);
      return true;
    }
  /* What is half filled goes; what was there before has not been touched. */
  cancel_hold ();
  bool dropped = drop_new (plan);
  cancel_release ();
  if (!dropped)
    report_warning (report, "the unfinished database could not be dropped",
                    "The next restore will remove it.");
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}
