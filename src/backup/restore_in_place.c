/* In place: everything in one transaction, so that a failure at any point leaves what was there. */
#include "backup/blockers.h"
#include "backup/create.h"
#include "backup/load.h"
#include "backup/restore_internal.h"

#include <string.h>

/* Statements that empty the database, in an order that needs nothing twice. Event triggers first, so
 * that none fires at the rest. */
static const char drop_sql[]
    = "WITH defaults AS (SELECT pg_catalog.pg_get_userbyid(defaclrole) AS owner, defaclacl AS acl,"
      "    CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'"
      "      WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS what"
      "  FROM pg_catalog.pg_default_acl WHERE defaclnamespace = 0)"
      "SELECT DISTINCT sql, phase FROM ("
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
      "  UNION ALL SELECT 8, pg_catalog.format('DROP ACCESS METHOD IF EXISTS %I CASCADE', amname)"
      "    FROM pg_catalog.pg_am WHERE oid >= 16384"
      /* Default privileges would add to what the backup grants: back to those that are built in. */
      "  UNION ALL SELECT 9, pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE ALL ON %s FROM %s',"
      "                        d.owner, d.what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE"
      "                          pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)"
      "    FROM defaults d, pg_catalog.aclexplode(d.acl) a"
      "  UNION ALL SELECT 10, pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %1$I GRANT ALL ON %2$s TO %1$I',"
      "                        d.owner, d.what) FROM defaults d"
      "  UNION ALL SELECT 10, pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ALL ON %s TO PUBLIC',"
      "                        d.owner, d.what) FROM defaults d WHERE d.what IN ('FUNCTIONS', 'TYPES')"
      ") AS s (phase, sql) ORDER BY phase, sql";

/* The schema that every new database has, as that major version makes it. */
static const char public_15_sql[] = "CREATE SCHEMA public AUTHORIZATION pg_database_owner;"
                                    "GRANT USAGE ON SCHEMA public TO PUBLIC;"
                                    "COMMENT ON SCHEMA public IS 'standard public schema'";
static const char public_13_sql[] = "CREATE SCHEMA public;"
                                    "GRANT ALL ON SCHEMA public TO PUBLIC;"
                                    "COMMENT ON SCHEMA public IS 'standard public schema'";

/* What no transaction can drop, or end. */
static bool
refuse_hindrances (DbConn *conn, GError **error)
{
  g_autofree char *subscription = NULL, *prepared = NULL;
  if (!db_query_text (conn,
                      "SELECT s.subname FROM pg_catalog.pg_subscription s"
                      "  JOIN pg_catalog.pg_database d ON d.oid = s.subdbid"
                      " WHERE d.datname = pg_catalog.current_database() LIMIT 1",
                      0, NULL, &subscription, error)
      || !db_query_text (conn,
                         "SELECT gid FROM pg_catalog.pg_prepared_xacts"
                         " WHERE database = pg_catalog.current_database() LIMIT 1",
                         0, NULL, &prepared, error))
    return false;
  if (subscription != NULL)
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Drop the subscription first, or restore side by side without --in-place.",
                       "the database has the subscription “%s”, which no transaction can drop",
                       subscription);
  return prepared == NULL
         || keel_error (
             error, KEEL_ERROR_REFUSED, "End it with COMMIT PREPARED or ROLLBACK PREPARED.",
             "the database has the prepared transaction “%s”, whose locks would be waited"
             " for in vain",
             prepared);
}

/* Every lock that another session holds is waited for only so long. */
static bool
set_lock_timeout (const RestorePlan *plan, DbConn *conn, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("SET lock_timeout = '%us'", plan->spec.lock_wait_seconds);
  return db_exec (conn, sql, error);
}

/* Whoever works in the database now would be waited for after the safety backup, perhaps in vain: that
 * is found out first, by locking all tables for a moment. */
static bool
await_sessions (RestorePlan *plan, DbConn *conn, Report *report, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *names = NULL;
  if (!db_query_text (conn,
                      "SELECT pg_catalog.string_agg(pg_catalog.format('ONLY %I.%I', n.nspname,"
                      "  c.relname), ', ' ORDER BY c.oid)"
                      "  FROM pg_catalog.pg_class c"
                      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                      " WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
                      "   AND n.nspname <> 'information_schema'",
                      0, NULL, &names, error))
    return false;
  if (names == NULL)
    return true;
  g_autoptr (Blockers) blockers = blockers_watch (plan->admin, db_backend_pid (conn), report);
  g_autofree char *sql
      = g_strdup_printf ("BEGIN; LOCK TABLE %s IN ACCESS EXCLUSIVE MODE; ROLLBACK", names);
  bool done = db_exec (conn, sql, &problem);
  (void) !db_rollback (conn);
  /* What else is wrong will show, and be undone, when it is for real. */
  if (done
      || (g_strcmp0 (keel_error_sqlstate (problem), "55P03") != 0
          && keel_error_is (problem, KEEL_ERROR_SERVER)))
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  blockers_explain (blockers, error);
  return false;
}

static bool
drop_everything (RestorePlan *plan, DbConn *conn, Report *report, GError **error)
{
  g_autoptr (Blockers) blockers = blockers_watch (plan->admin, db_backend_pid (conn), report);
  g_autoptr (DbResult) statements = NULL;
  if (!db_query (conn, drop_sql, 0, NULL, &statements, error))
    return false;
  for (int row = 0; row < db_result_rows (statements); row++)
    if (!db_exec (conn, db_result_text (statements, row, 0), error))
      {
        prefix_error (error, "%s", db_result_text (statements, row, 0));
        blockers_explain (blockers, error);
        return false;
      }
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
  /* What is there may be next to nothing, which is why it is restored. */
  Project project = *plan->spec.project;
  project.min_size_bytes = 0;
  CreateSpec spec = { .project = &project,
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

/* A connection that is lost at that moment leaves it open. */
static bool
commit (DbConn *conn, const RestoreResult *result, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (db_exec (conn, "COMMIT", &problem))
    return true;
  if (!keel_error_is (problem, KEEL_ERROR_UNREACHABLE))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "the database is as it was");
    }
  g_autofree char *hint = g_strdup_printf ("Look what is there. As it was before, it is in %s.",
                                           result->safety_backup);
  return keel_error_full (error, KEEL_ERROR_UNREACHABLE, NULL, problem->message, hint,
                          "the connection was lost at the commit, so the database may be the old or"
                          " the restored one");
}

static bool
replace (RestorePlan *plan, DbConn *conn, Report *report, RestoreResult *result, GError **error)
{
  restore_begin_step (plan, report);
  return (db_exec (conn, "BEGIN", error) && drop_everything (plan, conn, report, error)
          && load_and_compare (plan, conn, report, result, error))
         || prefix_error (error, "the database is as it was");
}

bool
restore_run_in_place (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_autoptr (GError) problem = NULL;
  restore_begin_step (plan, report);
  if (!backup_reader_verify (plan->reader, report, error)
      || !db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error)
      || !refuse_hindrances (conn, error) || !set_lock_timeout (plan, conn, error)
      || !await_sessions (plan, conn, report, error) || !safety_backup (plan, report, result, error)
      || !replace (plan, conn, report, result, error))
    return false;
  restore_begin_step (plan, report);
  if (!commit (conn, result, error))
    return false;
  if (!db_exec (conn, "ANALYZE", &problem))
    report_warning (report, problem->message, "The database is restored; run ANALYZE on it.");
  return true;
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
  g_autoptr (DbConn) conn = NULL;
  if (!db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error)
      || !refuse_hindrances (conn, error))
    return false;
  restore_add_step (plan, "verify every byte of “%s”", plan->name);
  restore_add_step (plan, "back up “%s” as it is now", plan->database);
  restore_add_step (plan, "in one transaction: drop everything in “%s”", plan->database);
  restore_add_step (plan, "restore %u tables, %s rows into it", index->tables->len, rows);
  restore_add_step (plan,
                    "compare every table by count and digest, sequences, large objects and schema");
  restore_add_step (plan, "commit");
  return true;
}
