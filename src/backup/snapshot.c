#include "backup/snapshot.h"
#include "backup/source.h"
#include "base/cancel.h"
#include "base/clock.h"

#include <poll.h>
#include <string.h>

#define LOCK_WAIT_SECONDS_DEFAULT 600
/* Shorter than deadlock_timeout's default of one second: whoever waits for us and for whom we wait
 * is let go before the server looks for somebody to cancel. */
#define LOCK_TURN "SET lock_timeout = '400ms'"
#define PG_DUMP_ATTEMPTS 3

/* Every table that a dump reads or describes, as "oid name" lines and as a list for LOCK TABLE. */
static const char lockable_sql[]
    = "SELECT coalesce(pg_catalog.string_agg(c.oid || ' ' || f.name, E'\\n' ORDER BY c.oid), ''),"
      "       coalesce(pg_catalog.string_agg('ONLY ' || f.name, ', ' ORDER BY c.oid), '')"
      "  FROM pg_catalog.pg_class c"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,"
      "  LATERAL pg_catalog.format('%I.%I', n.nspname, c.relname) AS f (name)"
      " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
      "   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
      "   AND (NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
      "                     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
      "                       AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')"
      "        OR EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))";

/* What one attempt came to. */
typedef enum
{
  ATTEMPT_FAILED, /* the error is set */
  ATTEMPT_AGAIN,  /* something stood in the way that will pass; the error says what */
  ATTEMPT_DONE,
} Attempt;

static const char begin_snapshot_sql[]
    = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

void
snapshot_free (Snapshot *snapshot)
{
  if (snapshot == NULL)
    return;
  g_clear_pointer (&snapshot->workers, g_ptr_array_unref);
  if (!snapshot->is_borrowed)
    {
      db_conn_free (snapshot->main);
      db_conn_free (snapshot->locker);
    }
  g_clear_pointer (&snapshot->tables, g_ptr_array_unref);
  g_free (snapshot->encoding);
  g_free (snapshot->snapshot);
  backup_ddl_clear (&snapshot->ddl);
  g_free (snapshot);
}

/* Lock timeouts pass; so does a table that was dropped between being listed and being locked. */
static Attempt
judge (const GError *error)
{
  const char *sqlstate = keel_error_sqlstate (error);
  static const char *const passing[] = { "55P03", "42P01", "3F000", "40P01" };
  for (size_t i = 0; sqlstate != NULL && i < G_N_ELEMENTS (passing); i++)
    if (strcmp (sqlstate, passing[i]) == 0)
      return ATTEMPT_AGAIN;
  return ATTEMPT_FAILED;
}

static bool
list_lockable (DbConn *conn, char **ret_lines, char **ret_names, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, lockable_sql, 0, NULL, &result, error))
    return false;
  *ret_lines = g_strdup (db_result_text (result, 0, 0));
  *ret_names = g_strdup (db_result_text (result, 0, 1));
  return true;
}

static bool
lock_tables (DbConn *conn, const char *names, const char *how, GError **error)
{
  if (*names == '\0')
    return true;
  g_autofree char *sql = g_strdup_printf ("LOCK TABLE %s IN ACCESS SHARE MODE %s", names, how);
  return db_exec (conn, sql, error);
}

/* Locks what there is until nothing new has come meanwhile. */
static bool
lock_all (DbConn *locker, char **ret_lines, char **ret_names, GError **error)
{
  g_autofree char *lines = NULL, *names = NULL;
  if (!list_lockable (locker, &lines, &names, error))
    return false;
  for (;;)
    {
      g_autofree char *lines_after = NULL, *names_after = NULL;
      if (!lock_tables (locker, names, "", error)
          || !list_lockable (locker, &lines_after, &names_after, error))
        return false;
      bool is_stable = strcmp (lines, lines_after) == 0;
      g_free (lines);
      g_free (names);
      lines = g_steal_pointer (&lines_after);
      names = g_steal_pointer (&names_after);
      if (is_stable)
        break;
    }
  *ret_lines = g_steal_pointer (&lines);
  *ret_names = g_steal_pointer (&names);
  return true;
}

/* A table in the snapshot that is not locked was made a moment ago: start over. */
static Attempt
take_snapshot (Snapshot *snapshot, const char *locked_lines, const char *locked_names,
               GError **error)
{
  g_autofree char *lines = NULL, *names = NULL;
  if (!db_exec (snapshot->main, begin_snapshot_sql, error))
    return ATTEMPT_FAILED;
  /* It holds the locks itself: what it asks about a table later would wait behind DDL that has queued up
   * and that waits for us. LOCK does not take the transaction's snapshot yet. */
  if (!lock_tables (snapshot->main, locked_names, "NOWAIT", error))
    return judge (*error);
  snapshot->taken = clock_now ();
  if (!list_lockable (snapshot->main, &lines, &names, error))
    return ATTEMPT_FAILED;
  if (strcmp (lines, locked_lines) != 0)
    {
      keel_error (error, KEEL_ERROR_FAILED, "Try again when no tables are being made or dropped.",
                  "tables keep appearing and disappearing while the backup starts");
      return ATTEMPT_AGAIN;
    }
  g_free (snapshot->snapshot);
  snapshot->snapshot = NULL;
  if (!db_query_text (snapshot->main, "SELECT pg_catalog.pg_export_snapshot()", 0, NULL,
                      &snapshot->snapshot, error))
    return ATTEMPT_FAILED;
  g_clear_pointer (&snapshot->tables, g_ptr_array_unref);
  return scan_list_tables (snapshot->main, &snapshot->tables, error) ? ATTEMPT_DONE
                                                                     : ATTEMPT_FAILED;
}

/* Reading a sequence locks it to the end of the transaction: once now, so that reading its position
 * later waits for nobody. */
static bool
lock_sequences (Snapshot *snapshot, GError **error)
{
  g_autoptr (BackupIndex) ignored = backup_index_new ();
  g_autofree char *sql = NULL;
  return db_exec (snapshot->main, "SET LOCAL lock_timeout = '400ms'", error)
         && source_read_sequences (snapshot->main, ignored, &sql, error)
         && db_exec (snapshot->main, "SET LOCAL lock_timeout = 0", error);
}

static bool
join_snapshot (DbConn *conn, const Snapshot *snapshot, const char *names, GError **error)
{
  g_autofree char *literal = db_quote_literal (snapshot->snapshot);
  g_autofree char *sql = g_strdup_printf ("SET TRANSACTION SNAPSHOT %s", literal);
  return db_exec (conn, begin_snapshot_sql, error) && db_exec (conn, sql, error)
         && lock_tables (conn, names, "NOWAIT", error);
}

/* True when somebody waits for an exclusive lock on a table that we hold. */
static bool
is_ddl_waiting (Snapshot *snapshot)
{
  g_autofree char *answer = NULL;
  g_autofree char *pid = g_strdup_printf ("%d", db_backend_pid (snapshot->locker));
  const char *const params[] = { pid };
  return db_query_text (snapshot->main,
                        "SELECT 1 FROM pg_catalog.pg_locks w"
                        "  JOIN pg_catalog.pg_locks h ON h.locktype = 'relation'"
                        "   AND h.database = w.database AND h.relation = w.relation"
                        " WHERE w.locktype = 'relation' AND NOT w.granted AND h.granted"
                        "   AND w.mode = 'AccessExclusiveLock' AND h.pid = $1::int LIMIT 1",
                        1, params, &answer, NULL)
         && answer != NULL;
}

static Attempt
dump_ddl (Snapshot *snapshot, const SnapshotSpec *spec, GError **error)
{
  if (!spec->want_ddl)
    return ATTEMPT_DONE;
  /* pg_dump would only wait in vain, and others behind the one who waits for us. */
  if (is_ddl_waiting (snapshot))
    {
      keel_error (error, KEEL_ERROR_FAILED, "Try again when fewer tables are being changed.",
                  "other sessions keep changing tables while the backup starts");
      return ATTEMPT_AGAIN;
    }
  g_autoptr (GHashTable) oids = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < snapshot->tables->len; i++)
    {
      const ScanTable *table = snapshot->tables->pdata[i];
      if (!table->is_extension_member)
        g_hash_table_add (oids, table->oid);
    }
  DdlSpec ddl = { .url = spec->url,
                  .snapshot = snapshot->snapshot,
                  .table_oids = oids,
                  .encoding = snapshot->encoding,
                  .schema_only = spec->schema_only,
                  .server_major = db_server_major (snapshot->main) };
  backup_ddl_clear (&snapshot->ddl);
  if (backup_ddl_dump (&ddl, &snapshot->ddl, error))
    return ATTEMPT_DONE;
  return is_ddl_waiting (snapshot) ? ATTEMPT_AGAIN : ATTEMPT_FAILED;
}

static Attempt
attempt (Snapshot *snapshot, const SnapshotSpec *spec, bool *ret_is_pg_dump, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *lines = NULL, *names = NULL;
  *ret_is_pg_dump = false;
  Attempt outcome = ATTEMPT_DONE;
  if (!db_exec (snapshot->locker, "BEGIN", &problem)
      || !lock_all (snapshot->locker, &lines, &names, &problem))
    outcome = judge (problem);
  if (outcome == ATTEMPT_DONE)
    outcome = take_snapshot (snapshot, lines, names, &problem);
  if (outcome == ATTEMPT_DONE && !lock_sequences (snapshot, &problem))
    outcome = judge (problem);
  for (guint i = 0; outcome == ATTEMPT_DONE && i < snapshot->workers->len; i++)
    if (!join_snapshot (snapshot->workers->pdata[i], snapshot, names, &problem))
      outcome = judge (problem);
  if (outcome == ATTEMPT_DONE)
    {
      outcome = dump_ddl (snapshot, spec, &problem);
      *ret_is_pg_dump = outcome == ATTEMPT_FAILED;
    }
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return outcome;
}

static void
let_go (Snapshot *snapshot)
{
  for (guint i = 0; i < snapshot->workers->len; i++)
    db_rollback (snapshot->workers->pdata[i]);
  db_rollback (snapshot->main);
  db_rollback (snapshot->locker);
}

static bool
pause_ms (int ms, GError **error)
{
  struct pollfd fd = { cancel_fd (), POLLIN, 0 };
  poll (&fd, 1, ms);
  return cancel_check (error);
}

/* Tries until it is done, something is really wrong, or the time is up. */
static bool
attempt_until_done (Snapshot *snapshot, const SnapshotSpec *spec, Report *report, GError **error)
{
  int wait_seconds
      = spec->lock_wait_seconds > 0 ? spec->lock_wait_seconds : LOCK_WAIT_SECONDS_DEFAULT;
  int64_t give_up = clock_monotonic_us () + wait_seconds * INT64_C (1000000);
  int pg_dump_failures = 0;
  for (int pause = 20;; pause = MIN (pause * 2, 1000))
    {
      g_autoptr (GError) problem = NULL;
      bool is_pg_dump;
      Attempt outcome = attempt (snapshot, spec, &is_pg_dump, &problem);
      if (outcome == ATTEMPT_DONE)
        return true;
      let_go (snapshot);
      /* An object that is not locked (a view, a function) may have gone while pg_dump read it. */
      bool again = outcome == ATTEMPT_AGAIN
                   || (is_pg_dump && keel_error_is (problem, KEEL_ERROR_FAILED)
                       && ++pg_dump_failures < PG_DUMP_ATTEMPTS);
      if (!again || clock_monotonic_us () > give_up)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      if (pause == 320)
        report_step (report, "waiting for locks: %s", problem->message);
      if (!pause_ms (pause, error))
        return false;
    }
}

static bool
open_session (const SnapshotSpec *spec, const char *encoding, DbConn **ret_conn, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  if (!db_connect (spec->url, spec->database, &db_retry_default, &conn, error))
    return false;
  if (encoding != NULL)
    {
      g_autofree char *literal = db_quote_literal (encoding);
      g_autofree char *sql = g_strdup_printf ("SET client_encoding = %s", literal);
      if (!db_exec (conn, sql, error))
        return false;
    }
  *ret_conn = g_steal_pointer (&conn);
  return true;
}

static bool
open_sessions (Snapshot *snapshot, const SnapshotSpec *spec, GError **error)
{
  if (!open_session (spec, NULL, &snapshot->main, error)
      || !db_query_text (snapshot->main, "SHOW server_encoding", 0, NULL, &snapshot->encoding,
                         error))
    return false;
  g_autofree char *literal = db_quote_literal (snapshot->encoding);
  g_autofree char *sql = g_strdup_printf ("SET client_encoding = %s", literal);
  if (!db_exec (snapshot->main, sql, error)
      || !open_session (spec, snapshot->encoding, &snapshot->locker, error)
      || !db_exec (snapshot->locker, LOCK_TURN, error))
    return false;
  for (unsigned int i = 0; i < spec->worker_count; i++)
    {
      DbConn *worker = NULL;
      if (!open_session (spec, snapshot->encoding, &worker, error))
        return false;
      g_ptr_array_add (snapshot->workers, worker);
    }
  return true;
}

bool
snapshot_open (const SnapshotSpec *spec, Report *report, Snapshot **ret_snapshot, GError **error)
{
  g_autoptr (Snapshot) snapshot = g_new0 (Snapshot, 1);
  snapshot->workers = g_ptr_array_new_with_free_func ((GDestroyNotify) db_conn_free);
  if (!open_sessions (snapshot, spec, error) || !attempt_until_done (snapshot, spec, report, error))
    return false;
  *ret_snapshot = g_steal_pointer (&snapshot);
  return true;
}

bool
snapshot_borrow (DbConn *conn, Snapshot **ret_snapshot, GError **error)
{
  g_autoptr (Snapshot) snapshot = g_new0 (Snapshot, 1);
  snapshot->is_borrowed = true;
  snapshot->main = conn;
  snapshot->workers = g_ptr_array_new ();
  g_ptr_array_add (snapshot->workers, conn);
  if (!db_query_text (conn,
                      "SELECT pg_catalog.set_config('client_encoding',"
                      " pg_catalog.current_setting('server_encoding'), false)",
                      0, NULL, &snapshot->encoding, error)
      || !scan_list_tables (conn, &snapshot->tables, error))
    return false;
  *ret_snapshot = g_steal_pointer (&snapshot);
  return true;
}
