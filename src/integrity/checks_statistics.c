/* What the planner knows, what vacuum leaves behind, and how much room that takes. */
#include "integrity/checks.h"
#include "integrity/query_check.h"

#define QUERY(...)                                                                                 \
  &(const QueryCheck)                                                                              \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

#define TABLES                                                                                     \
  "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"                              \
  "  JOIN pg_stat_all_tables s ON s.relid = c.oid\n"                                               \
  " WHERE c.relkind IN ('r', 'm') AND" QUERY_USER_RELATION

/* pg_stats shows only what one may read. */
#define HIDDEN                                                                                     \
  "CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'no privilege to read it'\n"            \
  "     WHEN row_security_active(c.oid) THEN 'row-level security hides its statistics' END\n"

/* $1: pages from which on it matters. */
static const char never_analysed_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN pg_relation_size(c.oid) / current_setting('block_size')::int >= $1::bigint\n"
      "             AND NOT EXISTS (SELECT 1 FROM pg_stats x WHERE x.schemaname = n.nspname AND x.tablename = c.relname)\n"
      "            THEN format('takes %s and was never analysed', pg_size_pretty(pg_relation_size(c.oid)))"
      " END,\n"
      "       NULL, format('ANALYZE %I.%I', n.nspname, c.relname),\n"
      "       'SELECT relid::regclass, last_analyze, last_autoanalyze FROM pg_stat_user_tables"
      " WHERE last_analyze IS NULL AND last_autoanalyze IS NULL', " HIDDEN TABLES;

/* Only columns whose statistics one may see count: pg_stats shows no others. */
static const char column_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       (SELECT format('has statistics, but none of %s', string_agg(quote_ident(a.attname), ', '"
      " ORDER BY a.attnum))\n"
      "          FROM pg_attribute a\n"
      "         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped\n"
      "           AND NOT EXISTS (SELECT 1 FROM pg_stats x WHERE x.schemaname = n.nspname\n"
      "                              AND x.tablename = c.relname AND x.attname = a.attname)\n"
      /* Types without an equality get no statistics beyond nulls; json is one, and has them all the same. */
      "           AND a.attgenerated <> 'v'\n"
      "           AND c.reltuples >= $1::float8\n"
      "        HAVING count(*) > 0),\n"
      "       NULL, format('ANALYZE %I.%I', n.nspname, c.relname), NULL,\n"
      "       " HIDDEN TABLES
      "   AND EXISTS (SELECT 1 FROM pg_stats x WHERE x.schemaname = n.nspname AND x.tablename ="
      " c.relname)";

/* $1: changed rows, $2: their part of all. */
static const char stale_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN s.n_mod_since_analyze >= $1::bigint\n"
      "             AND s.n_mod_since_analyze > $2::float8 * greatest(s.n_live_tup, 1)\n"
      "             AND coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL\n"
      "            THEN format('%s of about %s rows changed since it was analysed on %s',"
      " s.n_mod_since_analyze, s.n_live_tup,\n"
      "                        to_char(greatest(s.last_analyze, s.last_autoanalyze), 'YYYY-MM-DD')) END,\n"
      "       NULL, format('ANALYZE %I.%I', n.nspname, c.relname),\n"
      "       'SELECT relid::regclass, n_live_tup, n_mod_since_analyze FROM pg_stat_user_tables"
      " ORDER BY n_mod_since_analyze DESC LIMIT 20', NULL\n" TABLES;

static const char autovacuum_sql[]
    = "SELECT 'setting ' || name,\n"
      "       CASE WHEN setting = 'off' THEN 'is off: dead rows stay, statistics grow old' END,\n"
      "       CASE WHEN setting = 'off' THEN 'error' END,\n"
      "       CASE WHEN setting = 'off' THEN format('ALTER SYSTEM RESET %I; SELECT pg_reload_conf()', name) END,\n"
      "       'SELECT name, setting, source FROM pg_settings WHERE name IN (''autovacuum'', ''track_counts'')',"
      " NULL\n"
      "  FROM pg_settings WHERE name IN ('autovacuum', 'track_counts')\n"
      "UNION ALL\n"
      "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN o.is_off THEN 'has autovacuum switched off' END, NULL,\n"
      "       CASE WHEN o.is_off THEN format('ALTER TABLE %I.%I RESET (autovacuum_enabled)', n.nspname,"
      " c.relname) END,\n"
      "       'SELECT oid::regclass, reloptions FROM pg_class WHERE reloptions::text LIKE"
      " ''%autovacuum_enabled%''', NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " CROSS JOIN LATERAL (SELECT coalesce(bool_or(NOT split_part(o, '=', 2)::boolean), false)\n"
      "                       FROM unnest(c.reloptions) o WHERE o LIKE 'autovacuum_enabled=%') o(is_off)\n"
      " WHERE c.relkind IN ('r', 'm') AND" QUERY_USER_RELATION;

/* $1: dead rows, $2: their part of all. */
static const char dead_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN s.n_dead_tup >= $1::bigint AND s.n_dead_tup > $2::float8 * greatest(s.n_live_tup, 1)\n"
      "            THEN format('has about %s dead rows for %s live ones%s', s.n_dead_tup, s.n_live_tup,\n"
      "                        coalesce(', and was vacuumed last on ' || to_char(greatest(s.last_vacuum,"
      " s.last_autovacuum), 'YYYY-MM-DD'), ', and was never vacuumed')) END,\n"
      "       NULL, CASE WHEN s.n_dead_tup >= $1::bigint\n"
      "                  THEN format('VACUUM (ANALYZE) %I.%I', n.nspname, c.relname) END,\n"
      "       'SELECT relid::regclass, n_live_tup, n_dead_tup, last_autovacuum FROM pg_stat_user_tables"
      " ORDER BY n_dead_tup DESC LIMIT 20', NULL\n" TABLES;

/* The size that the rows would have when packed: a header of 24 bytes, a line pointer, the average width of
 * every column, the table's fillfactor. Alignment is counted as 4 bytes a row. Tables that were not
 * analysed, or whose statistics may not be seen, are not judged: reltuples says so.
 * $1: bytes wasted, $2: their part of all. */
static const char table_bloat_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN b.wasted >= $1::float8 AND b.wasted > $2::float8 * b.bytes\n"
      "            THEN format('takes %s and needs about %s: estimated from its statistics',\n"
      "                        pg_size_pretty(b.bytes), pg_size_pretty((b.bytes - b.wasted)::bigint)) END,\n"
      "       NULL, CASE WHEN b.wasted >= $1::float8 AND b.wasted > $2::float8 * b.bytes\n"
      "                  THEN format('VACUUM (FULL) %I.%I', n.nspname, c.relname) END,\n"
      "       format('SELECT pg_size_pretty(pg_relation_size(%s)), reltuples, relpages FROM pg_class"
      " WHERE oid = %s', c.oid, c.oid), NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " CROSS JOIN LATERAL (\n"
      "   SELECT sum(x.avg_width * (1 - x.null_frac)) FROM pg_stats x\n"
      "    WHERE x.schemaname = n.nspname AND x.tablename = c.relname AND NOT x.inherited) w(width)\n"
      " CROSS JOIN LATERAL (SELECT pg_relation_size(c.oid)) f(bytes)\n"
      " CROSS JOIN LATERAL (\n"
      "   SELECT f.bytes, f.bytes - greatest(c.reltuples, 0) * (32 + w.width) * 100\n"
      "          / coalesce((SELECT split_part(o, '=', 2)::int FROM unnest(c.reloptions) o\n"
      "                       WHERE o LIKE 'fillfactor=%'), 100)) b(bytes, wasted)\n"
      " WHERE c.relkind IN ('r', 'm') AND c.reltuples >= 0 AND w.width IS NOT NULL\n"
      "   AND" QUERY_USER_RELATION;

/* B-trees: 8 bytes of header, 4 of line pointer, the keys, pages nine tenths full. Deduplication makes one
 * smaller than this says, never larger: what is found is there. */
static const char index_bloat_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN b.wasted >= $1::float8 AND b.wasted > $2::float8 * b.bytes\n"
      "            THEN format('takes %s and needs at most about %s: estimated from its statistics',\n"
      "                        pg_size_pretty(b.bytes), pg_size_pretty((b.bytes - b.wasted)::bigint)) END,\n"
      "       NULL, CASE WHEN b.wasted >= $1::float8 AND b.wasted > $2::float8 * b.bytes\n"
      "                  THEN format('REINDEX INDEX CONCURRENTLY %I.%I', n.nspname, c.relname) END,\n"
      "       format('SELECT pg_size_pretty(pg_relation_size(%s)), reltuples, relpages FROM pg_class"
      " WHERE oid = %s', c.oid, c.oid), NULL\n"
      "  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid\n"
      "  JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam\n"
      " CROSS JOIN LATERAL (\n"
      "   SELECT sum(x.avg_width), count(*) FROM pg_attribute a\n"
      "     JOIN pg_stats x ON x.schemaname = n.nspname AND x.tablename = t.relname AND x.attname = a.attname\n"
      "    WHERE a.attrelid = t.oid AND a.attnum = ANY (i.indkey::int2[]) AND NOT x.inherited) w(width, known)\n"
      " CROSS JOIN LATERAL (SELECT pg_relation_size(c.oid)) f(bytes)\n"
      " CROSS JOIN LATERAL (SELECT f.bytes, f.bytes - greatest(c.reltuples, 0) * (20 + w.width) / 0.9)"
      " b(bytes, wasted)\n"
      " WHERE m.amname = 'btree' AND c.relkind = 'i' AND t.reltuples >= 0 AND i.indisvalid\n"
      "   AND w.known = i.indnatts AND" QUERY_USER_RELATION;

#define STATISTICS(check_id, check_severity, check_title, check_why, check_advice, query)          \
  {                                                                                                \
    .id = check_id, .severity = CHECK_SEVERITY_##check_severity,                                   \
    .category = CHECK_CATEGORY_PERFORMANCE, .title = check_title, .why = check_why,                \
    .advice = check_advice, .run = query_check_run, .data = query                                  \
  }

const Check checks_statistics[] = {
  STATISTICS ("never-analysed", WARNING, "Tables that were never analysed",
              "The planner guesses, and a wrong guess makes a fast query slow.",
              "ANALYZE it; after a restore do so for the whole database.",
              QUERY ("tables", never_analysed_sql, { "16" }, true)),
  STATISTICS ("column-statistics-missing", INFO, "Columns without statistics",
              "The planner knows nothing of their values and guesses.",
              "ANALYZE the table; look at the column's statistics target.",
              QUERY ("tables", column_sql, { "1000" }, true)),
  STATISTICS ("statistics-stale", WARNING, "Statistics that are out of date",
              "The planner counts on a table that is no longer as it was.",
              "ANALYZE it; lower autovacuum_analyze_scale_factor for large tables.",
              QUERY ("tables", stale_sql, { "100000", "0.5" }, true)),
  STATISTICS (
      "autovacuum-off", WARNING, "Autovacuum is switched off",
      "Dead rows stay, statistics grow old, and at last an emergency vacuum comes at the worst time.",
      "Switch it on again; make it slower for this table rather than off.",
      QUERY ("settings and tables", autovacuum_sql)),
  STATISTICS ("dead-rows", WARNING, "Tables full of dead rows",
              "Every scan reads them, and the table grows.",
              "Find what holds vacuum back (old transactions, slots), then VACUUM.",
              QUERY ("tables", dead_sql, { "100000", "0.5" })),
  STATISTICS ("table-bloat", WARNING, "Tables that take much more room than their rows need",
              "Scans, caches and backups pay for the empty room.",
              "VACUUM FULL locks the table; pg_repack or pg_squeeze do it beside the writes.",
              QUERY ("tables with statistics", table_bloat_sql, { "104857600", "0.5" })),
  STATISTICS ("index-bloat", WARNING, "Indexes that take much more room than their keys need",
              "Every search and every cache pays for the empty room.",
              "REINDEX INDEX CONCURRENTLY.",
              QUERY ("B-tree indexes with statistics", index_bloat_sql, { "104857600", "0.5" })),
  { 0 },
};
