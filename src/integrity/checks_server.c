/* Sessions, slots, archiving and partitions: what will stop the server or lose rows later. */
#include "integrity/checks.h"
#include "integrity/query_check.h"

#define QUERY(...)                                                                                 \
  &(const QueryCheck)                                                                              \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

/* $1: seconds that are too many. */
static const char prepared_sql[]
    = "SELECT 'prepared transaction ' || quote_literal(gid),\n"
      "       CASE WHEN prepared < clock_timestamp() - make_interval(secs => $1::float8)\n"
      "            THEN format('was prepared on %s by %s and holds its locks and old rows since',\n"
      "                        to_char(prepared, 'YYYY-MM-DD HH24:MI'), owner) END,\n"
      "       NULL, CASE WHEN database = current_database()\n"
      "                   AND prepared < clock_timestamp() - make_interval(secs => $1::float8)\n"
      "                  THEN format('ROLLBACK PREPARED %L', gid) END,\n"
      "       'SELECT * FROM pg_prepared_xacts ORDER BY prepared', NULL\n"
      "  FROM pg_prepared_xacts";

/* $1: seconds. Who may not see the others' sessions sees no state: then it is not known. */
static const char idle_sql[]
    = "SELECT 'session ' || pid || coalesce(' of ' || usename, ''),\n"
      "       CASE WHEN state LIKE 'idle in transaction%'\n"
      "             AND state_change < clock_timestamp() - make_interval(secs => $1::float8)\n"
      "            THEN format('is idle in a transaction since %s: vacuum keeps all that died since, and its"
      " locks stay', to_char(xact_start, 'YYYY-MM-DD HH24:MI')) END,\n"
      "       NULL, CASE WHEN state LIKE 'idle in transaction%'\n"
      "                   AND state_change < clock_timestamp() - make_interval(secs => $1::float8)\n"
      "                  THEN format('SELECT pg_terminate_backend(%s)', pid) END,\n"
      "       'SELECT pid, usename, application_name, xact_start, state_change, query FROM pg_stat_activity"
      " WHERE state LIKE ''idle in transaction%'' ORDER BY xact_start',\n"
      "       CASE WHEN state IS NULL THEN 'no privilege to see what it does (grant pg_read_all_stats)' END\n"
      "  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()\n"
      "   AND application_name NOT LIKE 'pgkeel%'";

static const char long_running_sql[]
    = "SELECT 'session ' || pid || coalesce(' of ' || usename, ''),\n"
      "       CASE WHEN state = 'active' AND xact_start < clock_timestamp() - make_interval(secs => $1::float8)\n"
      "             AND backend_xmin IS NOT NULL\n"
      "            THEN format('runs one transaction since %s: vacuum keeps all that died since',\n"
      "                        to_char(xact_start, 'YYYY-MM-DD HH24:MI')) END,\n"
      "       NULL, NULL,\n"
      "       'SELECT pid, usename, application_name, xact_start, query FROM pg_stat_activity"
      " WHERE state = ''active'' ORDER BY xact_start',\n"
      "       CASE WHEN state IS NULL THEN 'no privilege to see what it does (grant pg_read_all_stats)' END\n"
      "  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()\n"
      "   AND application_name NOT LIKE 'pgkeel%'";

/* Retained is counted from where WAL is written now; on a standby from what was replayed. */
static const char slot_sql[]
    = "SELECT 'slot ' || s.slot_name,\n"
      "       CASE WHEN s.wal_status = 'lost' THEN 'has lost the WAL that it needs: what follows it must be"
      " made again'\n"
      "            WHEN NOT s.active AND retained > pg_size_bytes(current_setting('max_wal_size'))\n"
      "            THEN format('is used by nobody and keeps %s of WAL: the disk will fill up',"
      " pg_size_pretty(retained)) END,\n"
      "       NULL, CASE WHEN NOT s.active AND (s.wal_status = 'lost'"
      " OR retained > pg_size_bytes(current_setting('max_wal_size')))\n"
      "                  THEN format('SELECT pg_drop_replication_slot(%L)', s.slot_name) END,\n"
      "       'SELECT slot_name, active, wal_status, restart_lsn FROM pg_replication_slots', NULL\n"
      "  FROM pg_replication_slots s\n"
      " CROSS JOIN LATERAL (SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()"
      " THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, s.restart_lsn)) w(retained)\n"
      " WHERE NOT s.temporary";

static const char archive_sql[]
    = "SELECT 'archiving',\n"
      "       CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity')\n"
      "            THEN format('%s failed on %s, and nothing was archived since%s', last_failed_wal,\n"
      "                        to_char(last_failed_time, 'YYYY-MM-DD HH24:MI'),\n"
      "                        coalesce(' ' || to_char(last_archived_time, 'YYYY-MM-DD HH24:MI'), '')) END,\n"
      "       NULL, NULL, 'SELECT * FROM pg_stat_archiver', NULL\n"
      "  FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off'";

/* The bounds of range partitions by one column of a time, read from how the server writes them. One
 * whose last partition ended more than three of its lengths ago is taken for an archive. */
static const char partition_next_sql[]
    = "WITH bounds AS (\n"
      "  SELECT p.partrelid, p.partdefid, c.oid,\n"
      "         regexp_match(pg_get_expr(c.relpartbound, c.oid),\n"
      "                      $r$^FOR VALUES FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$r$) AS range\n"
      "    FROM pg_partitioned_table p JOIN pg_inherits i ON i.inhparent = p.partrelid\n"
      "    JOIN pg_class c ON c.oid = i.inhrelid\n"
      "    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]\n"
      "   WHERE p.partstrat = 'r' AND p.partnatts = 1\n"
      "     AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)),\n"
      "last AS (\n"
      "  SELECT DISTINCT ON (partrelid) partrelid, partdefid, range[1]::timestamptz AS low,\n"
      "         range[2]::timestamptz AS high\n"
      "    FROM bounds WHERE range IS NOT NULL AND range[2] <> 'infinity' AND range[1] <> '-infinity'\n"
      "   ORDER BY partrelid, range[2]::timestamptz DESC)\n"
      "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN high < now() - 3 * (high - low) THEN NULL\n"
      "            WHEN high <= now()\n"
      "            THEN format('its last partition ended at %s: new rows %s', to_char(high, 'YYYY-MM-DD"
      " HH24:MI'),\n"
      "                        CASE WHEN partdefid = 0 THEN 'are refused' ELSE 'go to the default partition'"
      " END)\n"
      "            WHEN high < now() + least(high - low, interval '7 days')\n"
      "            THEN format('its last partition ends at %s, and there is no next one', to_char(high,"
      " 'YYYY-MM-DD HH24:MI')) END,\n"
      "       CASE WHEN high <= now() AND partdefid = 0 THEN 'critical' END, NULL,\n"
      "       format('SELECT inhrelid::regclass, pg_get_expr(relpartbound, oid) FROM pg_inherits JOIN pg_class"
      " ON oid = inhrelid WHERE inhparent = %L::regclass', l.partrelid::regclass), NULL\n"
      "  FROM last l JOIN pg_class c ON c.oid = l.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE" QUERY_USER_RELATION;

static const char trigger_sql[]
    = "SELECT format('%I.%I.%I', n.nspname, c.relname, t.tgname),\n"
      "       CASE t.tgenabled WHEN 'D' THEN 'is disabled: what it should do is not done'\n"
      "                        WHEN 'R' THEN 'fires on replicas only' END,\n"
      "       CASE t.tgenabled WHEN 'R' THEN 'info' END,\n"
      "       CASE t.tgenabled WHEN 'D' THEN format('ALTER TABLE %I.%I ENABLE TRIGGER %I', n.nspname,"
      " c.relname, t.tgname) END,\n"
      "       'SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgenabled IN (''D'', ''R'')',"
      " NULL\n"
      "  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid\n"
      "  JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE NOT t.tgisinternal AND" QUERY_USER_RELATION "\n"
      "UNION ALL\n"
      "SELECT format('event trigger %I', evtname),\n"
      "       CASE WHEN evtenabled = 'D' THEN 'is disabled: what it should do is not done' END, 'info',\n"
      "       CASE WHEN evtenabled = 'D' THEN format('ALTER EVENT TRIGGER %I ENABLE', evtname) END, NULL, NULL\n"
      "  FROM pg_event_trigger\n"
      "UNION ALL\n"
      "SELECT format('%I.%I.%I', n.nspname, c.relname, r.rulename),\n"
      "       CASE WHEN r.ev_enabled = 'D' THEN 'is a disabled rule: what it should do is not done' END, NULL,\n"
      "       CASE WHEN r.ev_enabled = 'D' THEN format('ALTER TABLE %I.%I ENABLE RULE %I', n.nspname,"
      " c.relname, r.rulename) END, NULL, NULL\n"
      "  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class\n"
      "  JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE r.rulename <> '_RETURN' AND" QUERY_USER_RELATION;

static const char restart_sql[]
    = "SELECT 'setting ' || name,\n"
      "       CASE WHEN pending_restart THEN 'was changed and waits for a restart of the server' END,\n"
      "       NULL, NULL, 'SELECT name, setting FROM pg_settings WHERE pending_restart', NULL\n"
      "  FROM pg_settings";

static const char matview_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN NOT c.relispopulated THEN 'was never filled: every query of it fails' END,\n"
      "       NULL, CASE WHEN NOT c.relispopulated\n"
      "                  THEN format('REFRESH MATERIALIZED VIEW %I.%I', n.nspname, c.relname) END, NULL, NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind = 'm' AND" QUERY_USER_RELATION;

/* --- rows in default partitions -------------------------------------------------------------------- */

static bool
run_default_partitions (CheckContext *context, const Check *check, GError **error)
{
  const Catalogue *catalogue = check_catalogue (context);
  (void) error;
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      if (!table->is_default_partition || !catalogue_table_has_rows (table))
        continue;
      CheckProbe probe = { .check = check,
                           .table = table,
                           .object = table->display,
                           .condition = "true",
                           .message = "%s rows are in the default partition" };
      check_expect (context, check, "default partitions", 1);
      check_probe (context, &probe);
    }
  return true;
}

#define SERVER(check_id, check_severity, quick, check_title, check_why, check_advice, query)       \
  {                                                                                                \
    .id = check_id, .severity = CHECK_SEVERITY_##check_severity,                                   \
    .category = CHECK_CATEGORY_PHYSICAL, .title = check_title, .why = check_why,                   \
    .advice = check_advice, .is_quick = quick, .run = query_check_run, .data = query               \
  }

const Check checks_server[] = {
  SERVER (
      "prepared-transaction-old", ERROR, true, "Old prepared transactions",
      "A prepared transaction holds its locks over restarts, and vacuum can remove nothing younger.",
      "COMMIT PREPARED or ROLLBACK PREPARED it, after asking whoever made it.",
      QUERY ("prepared transactions", prepared_sql, { "3600" })),
  SERVER ("idle-in-transaction", WARNING, true, "Sessions idle in a transaction",
          "Its locks stay, and vacuum can remove nothing that died since it began.",
          "End the session, and set idle_in_transaction_session_timeout.",
          QUERY ("sessions", idle_sql, { "900" })),
  SERVER ("transaction-long", WARNING, false, "Transactions that run very long",
          "Vacuum can remove nothing that died since it began: tables grow.",
          "Look at what it does; cut reports into parts, or run them on a standby.",
          QUERY ("sessions", long_running_sql, { "14400" })),
  SERVER ("slot-retaining-wal", ERROR, true, "Replication slots that nobody reads",
          "The server keeps all WAL for it until the disk is full, and then stops.",
          "Start what should read it, or drop the slot; set max_slot_wal_keep_size.",
          QUERY ("slots", slot_sql)),
  SERVER ("archive-failing", ERROR, true, "Archiving of WAL fails",
          "Without the archive there is no recovery to a point in time, and WAL fills the disk.",
          "Read the server's log for archive_command's own words.",
          QUERY ("archivers", archive_sql)),
  SERVER ("partition-missing-next", ERROR, true, "The next partition is missing",
          "When the last partition ends, inserts are refused, or land in the default partition.",
          "Create the next partitions, and have it done by the clock.",
          QUERY ("tables partitioned by time", partition_next_sql)),
  { .id = "default-partition-rows",
    .severity = CHECK_SEVERITY_WARNING,
    .category = CHECK_CATEGORY_PHYSICAL,
    .title = "Rows in a default partition",
    .why
    = "They stand in the way of the partition that they belong in: it cannot be created over them.",
    .advice = "Create the missing partitions and move the rows there, in one transaction.",
    .run = run_default_partitions },
  SERVER ("trigger-disabled", WARNING, true, "Disabled triggers and rules",
          "What it should check or keep in step has not been since.",
          "Enable it, and check the rows that were written meanwhile.",
          QUERY ("triggers and rules", trigger_sql)),
  SERVER (
      "setting-pending-restart", INFO, false, "Settings that wait for a restart",
      "The server does not run with what its files say, and will behave otherwise after a crash.",
      "Restart the server in a quiet hour.", QUERY ("settings", restart_sql)),
  SERVER ("matview-unpopulated", WARNING, false, "Materialised views without rows",
          "Every query of it fails.", "REFRESH MATERIALIZED VIEW.",
          QUERY ("materialised views", matview_sql)),
  { 0 },
};
