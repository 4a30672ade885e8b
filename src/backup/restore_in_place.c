/* In place: everything in one transaction, so that a failure at any point leaves what was there. */
#include "backup/create.h"
#include "backup/load.h"
#include "backup/restore_internal.h"

#include <string.h>

/* Statements that empty the database, in an order that needs nothing twice. Event triggers first, so
 * that none fires at the rest. */
static const char drop_sql[]
    = "SELECT sql FROM ("
      "  SELECT 1, pg_catalog.format('DROP EVENT TRIGGER %I', evtname)"
      "    FROM pg_catalog.pg_event_trigger"
      "  UNION ALL SELECT 2, pg_catalog.format('DROP PUBLICATION %I', pubname)"
      "    FROM pg_catalog.pg_publication"
      "  UNION ALL SELECT 3, pg_catalog.format('DROP EXTENSION IF EXISTS %I CASCADE', extname)"
      "    FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'"
      "  UNION ALL SELECT 4, pg_catalog.format('DROP SCHEMA IF EXISTS %I CASCADE', nspname)"
      "    FROM pg_catalog.pg_namespace"
      "   WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
      "  UNION ALL SELECT 5, pg_catalog.format('DROP FOREIGN DATA WRAPPER IF EXISTS %I CASCADE', fdwname)"
      "    FROM pg_catalog.pg_foreign_data_wrapper"
      "  UNION ALL SELECT 6, pg_catalog.format('DROP CAST IF EXISTS (%s AS %s)',"
      "                        pg_catalog.format_type(castsource, NULL),"
      "                        pg_catalog.format_type(casttarget, NULL))"
      "    FROM pg_catalog.pg_cast c WHERE c.oid >= 16384"
      "     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'"
      "                        AND d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass"
      "                        AND d.objid = c.oid)"
      "  UNION ALL SELECT 7, pg_catalog.format('DROP LANGUAGE IF EXISTS %I CASCADE', lanname)"
      "    FROM pg_catalog.pg_language WHERE lanispl AND lanname <> 'plpgsql'"
      ") AS s (phase, sql) ORDER BY phase, sql";

/* The schema that every new database has, as that major version makes it. */
static const char public_15_sql[] = "CREATE SCHEMA public AUTHORIZATION pg_database_owner;"
                                    "GRANT USAGE ON SCHEMA public TO PUBLIC;"
                                    "COMMENT ON SCHEMA public IS 'standard public schema'";
static const char public_13_sql[] = "CREATE SCHEMA public;"
                                    "GRANT ALL ON SCHEMA public TO PUBLIC;"
                                    "COMMENT ON SCHEMA public IS 'standard public schema'";

static bool
refuse_subscriptions (DbConn *conn, GError **error)
{
  g_autofree char *name = NULL;
  if (!db_query_text (conn,
                      "SELECT s.subname FROM pg_catalog.pg_subscription s"
                      "  JOIN pg_catalog.pg_database d ON d.oid = s.subdbid"
                      " WHERE d.datname = pg_catalog.current_database() LIMIT 1",
                      0, NULL, &name, error))
    return false;
  return name == NULL
         || keel_error (error, KEEL_ERROR_REFUSED,
                        "Drop the subscription first, or restore side by side without --in-place.",
                        "the database has the subscription “%s”, which no transaction can drop",
                        name);
}

static bool
drop_everything (DbConn *conn, GError **error)
{
  g_autoptr (DbResult) statements = NULL;
  if (!db_query (conn, drop_sql, 0, NULL, &statements, error))
    return false;
  for (int row = 0; row < db_result_rows (statements); row++)
    if (!db_exec (conn, db_result_text (statements, row, 0), error))
      return prefix_error (error, "%s", db_result_text (statements, row, 0));
  return db_exec (conn, "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata",
                  error)
         && db_exec (conn, db_server_major (conn) >= 15 ? public_15_sql : public_13_sql, error);
}

static bool
load_and_compare (RestorePlan *plan, DbConn *conn, Report *report, RestoreResult *result,
                  GError **error)
{
  const BackupIndex *index = backup_reader_index (plan->reader);
  LoadSpec load = { .single = conn, .job_count = 1 };
  CompareSpec compare = { .single = conn,
                          .expect_schema = true,
                          .expect_data = strcmp (index->type, "schema") != 0 };
  LoadResult loaded;
  restore_begin_step (plan, report);
  if (!load_run (&load, plan->reader, report, &loaded, error))
    return false;
  restore_begin_step (plan, report);
  if (index->server_version / 10000 != db_server_major (conn))
    compare.expect_schema = false;
  if (!compare_run (&compare, index, report, &result->compared, error)
      || !restore_check_equal (&result->compared, error))
    return false;
  result->is_compared = true;
  result->table_count = index->tables->len;
  result->row_count = loaded.rows;
  return true;
}

static bool
safety_backup (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  g_auto (CreateResult) created = { 0 };
  CreateSpec spec = { .project = plan->spec.project,
                      .url = plan->spec.url,
                      .type = DUMP_ALL,
                      .job_count = plan->spec.job_count,
                      .keep_all = true };
  restore_begin_step (plan, report);
  if (!backup_create (&spec, report, &created, error))
    return prefix_error (error, "the safety backup");
  result->safety_backup = g_steal_pointer (&created.path);
  return true;
}

bool
restore_run_in_place (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  restore_begin_step (plan, report);
  if (!backup_reader_verify (plan->reader, report, error)
      || !safety_backup (plan, report, result, error)
      || !db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error)
      || !refuse_subscriptions (conn, error))
    return false;
  restore_begin_step (plan, report);
  if (!db_exec (conn, "SET lock_timeout = '60s'", error) || !db_exec (conn, "BEGIN", error)
      || !drop_everything (conn, error) || !load_and_compare (plan, conn, report, result, error))
    return false;
  restore_begin_step (plan, report);
  return db_exec (conn, "COMMIT", error) && db_exec (conn, "ANALYZE", error);
}

bool
restore_plan_in_place (RestorePlan *plan, GError **error)
{
  const BackupIndex *index = backup_reader_index (plan->reader);
  g_autofree char *rows = text_format_count (backup_index_rows (index));
  if (!plan->target_exists)
    return keel_error (error, KEEL_ERROR_USAGE, "Leave --in-place out: the database will be made.",
                       "there is no database “%s” to restore in place", plan->database);
  if (plan->spec.to != NULL)
    return keel_error (
        error, KEEL_ERROR_USAGE, "Leave one of them out.",
        "--in-place restores the environment's own database, so --to does not go with it");
  restore_add_step (plan, "verify every byte of “%s”", plan->name);
  restore_add_step (plan, "back up “%s” as it is now", plan->database);
  restore_add_step (plan, "in one transaction: drop everything in “%s”", plan->database);
  restore_add_step (plan, "restore %u tables, %s rows into it", index->tables->len, rows);
  restore_add_step (plan,
                    "compare every table by count and digest, sequences, large objects and schema");
  restore_add_step (plan, "commit");
  return true;
}
