/* Indexes: missing, twice there, contained in another, never used. */
#include "integrity/checks.h"
#include "integrity/query_check.h"

#define QUERY(...)                                                                                 \
  &(const QueryCheck)                                                                              \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

/* $1: rows of a table, $2: rows read by one sequential scan on average, $3: scans. */
static const char missing_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN c.reltuples >= $1::float8 AND s.seq_scan >= $3::bigint\n"
      "             AND s.seq_tup_read / greatest(s.seq_scan, 1) >= $2::bigint\n"
      "             AND s.seq_scan > coalesce(s.idx_scan, 0)\n"
      "            THEN format('was read from end to end %s times (%s rows each time), by index %s times',\n"
      "                        s.seq_scan, s.seq_tup_read / greatest(s.seq_scan, 1), coalesce(s.idx_scan, 0))"
      " END,\n"
      "       NULL, NULL,\n"
      "       'SELECT relid::regclass, seq_scan, seq_tup_read, idx_scan FROM pg_stat_user_tables"
      " ORDER BY seq_tup_read DESC LIMIT 20', NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      "  JOIN pg_stat_all_tables s ON s.relid = c.oid\n"
      " WHERE c.relkind = 'r' AND" QUERY_USER_RELATION;

/* What decides which queries an index serves, as text: two with the same text are one too many. */
#define INDEXES                                                                                                              \
  "WITH indexes AS (\n"                                                                                                      \
  "  SELECT i.indexrelid, i.indrelid, n.nspname, c.relname, t.relname AS table_name, c.relam,\n"                             \
  "         i.indisunique, i.indisprimary, i.indisexclusion, i.indnatts, i.indnkeyatts, i.indimmediate,\n"                   \
  "         k.oid AS constraint_oid,\n"                                                                                      \
  "         ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, false) || ' ' || i.indclass[p - 1] || ' '\n"                       \
  "                      || i.indcollation[p - 1] || ' ' || i.indoption[p - 1]\n"                                            \
  "                 FROM generate_series(1, i.indnkeyatts) p ORDER BY p) AS keys,\n"                                         \
  "         ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, false)\n"                                                          \
  "                 FROM generate_series(i.indnkeyatts + 1, i.indnatts) p ORDER BY 1) AS included,\n"                        \
  "         coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,\n"                                                \
  "         pg_relation_size(i.indexrelid) AS bytes\n"                                                                       \
  "    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid\n"                                                            \
  "    JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace\n"                                \
  "    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')\n"                            \
  "   WHERE i.indisvalid AND c.relkind = 'i' AND" QUERY_USER_RELATION /* A partition's index cannot be dropped by itself. */ \
  "     AND NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid))\n"

static const char duplicate_sql[] = INDEXES
    "SELECT format('%I.%I', x.nspname, x.relname),\n"
    "       CASE WHEN o.indexrelid IS NOT NULL\n"
    "            THEN format('is the same as %I.%I and takes %s', o.nspname, o.relname,"
    " pg_size_pretty(x.bytes)) END,\n"
    "       NULL, CASE WHEN o.indexrelid IS NOT NULL\n"
    "                  THEN format('DROP INDEX CONCURRENTLY %I.%I', x.nspname, x.relname) END,\n"
    "       format('SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index"
    " WHERE indrelid = %L::regclass', x.indrelid::regclass), NULL\n"
    "  FROM indexes x\n"
    "  LEFT JOIN LATERAL (\n"
    "    SELECT o.indexrelid, o.nspname, o.relname FROM indexes o\n"
    "     WHERE o.indrelid = x.indrelid AND o.indexrelid <> x.indexrelid AND o.relam = x.relam\n"
    "       AND o.keys = x.keys AND o.included = x.included AND o.predicate = x.predicate\n"
    "       AND x.constraint_oid IS NULL\n"
    "       AND (o.indisunique = x.indisunique OR o.indisunique)\n"
    /* Of two that are alike the younger goes, of a plain and a unique one the plain. */
    "       AND (o.constraint_oid IS NOT NULL OR o.indisunique > x.indisunique"
    " OR o.indexrelid < x.indexrelid)\n"
    "     ORDER BY o.constraint_oid IS NULL, o.indexrelid LIMIT 1) o ON true";

/* Only B-trees answer for their first columns; what a longer one is unique over says nothing of them. */
static const char redundant_sql[] = INDEXES
    "SELECT format('%I.%I', x.nspname, x.relname),\n"
    "       CASE WHEN o.indexrelid IS NOT NULL\n"
    "            THEN format('begins as %I.%I does, which serves its queries too; it takes %s', o.nspname,"
    " o.relname, pg_size_pretty(x.bytes)) END,\n"
    "       NULL, CASE WHEN o.indexrelid IS NOT NULL\n"
    "                  THEN format('DROP INDEX CONCURRENTLY %I.%I', x.nspname, x.relname) END,\n"
    "       format('SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index"
    " WHERE indrelid = %L::regclass', x.indrelid::regclass), NULL\n"
    "  FROM indexes x\n"
    "  LEFT JOIN LATERAL (\n"
    "    SELECT o.indexrelid, o.nspname, o.relname FROM indexes o\n"
    "     WHERE o.indrelid = x.indrelid AND o.indexrelid <> x.indexrelid AND o.relam = x.relam\n"
    "       AND o.relam = (SELECT a.oid FROM pg_am a WHERE a.amname = 'btree')\n"
    "       AND NOT x.indisunique AND x.constraint_oid IS NULL AND x.included = '{}'\n"
    "       AND cardinality(o.keys) > cardinality(x.keys)\n"
    "       AND o.keys[1:cardinality(x.keys)] = x.keys AND o.predicate = x.predicate\n"
    "     ORDER BY o.indexrelid LIMIT 1) o ON true\n"
    " WHERE x.relam = (SELECT a.oid FROM pg_am a WHERE a.amname = 'btree')";

/* $1: days that the statistics must reach back, $2: bytes below which it is not worth a word. */
static const char unused_sql[] = INDEXES
    "SELECT format('%I.%I', x.nspname, x.relname),\n"
    "       CASE WHEN s.idx_scan = 0 AND x.bytes >= $2::bigint\n"
    "             AND coalesce(d.stats_reset, pg_postmaster_start_time())"
    " < now() - make_interval(days => $1::int)\n"
    "            THEN format('was not used once since %s and takes %s',\n"
    "                        to_char(coalesce(d.stats_reset, pg_postmaster_start_time()), 'YYYY-MM-DD'),\n"
    "                        pg_size_pretty(x.bytes)) END,\n"
    "       NULL,\n"
    "       CASE WHEN s.idx_scan = 0 AND x.bytes >= $2::bigint\n"
    "            THEN format('DROP INDEX CONCURRENTLY %I.%I', x.nspname, x.relname) END,\n"
    "       'SELECT indexrelid::regclass, idx_scan FROM pg_stat_user_indexes WHERE idx_scan = 0', NULL\n"
    "  FROM indexes x JOIN pg_stat_all_indexes s ON s.indexrelid = x.indexrelid\n"
    "  JOIN pg_stat_database d ON d.datname = current_database()\n"
    " WHERE NOT x.indisunique AND x.constraint_oid IS NULL";

#define INDEX(check_id, check_severity, check_title, check_why, check_advice, query)               \
  {                                                                                                \
    .id = check_id, .severity = CHECK_SEVERITY_##check_severity,                                   \
    .category = CHECK_CATEGORY_PERFORMANCE, .title = check_title, .why = check_why,                \
    .advice = check_advice, .run = query_check_run, .data = query                                  \
  }

const Check checks_performance[] = {
  INDEX ("index-missing", WARNING, "Large tables that are read from end to end",
         "A query that reads a whole large table for a few rows takes the time of all of them.",
         "Look at the statements that read it (pg_stat_statements) and index what they filter by.",
         QUERY ("tables", missing_sql, { "100000", "50000", "50" })),
  INDEX ("index-duplicate", WARNING, "Indexes that are there twice",
         "Every write pays for both, and the second one serves no query.",
         "Drop the one that no constraint needs.", QUERY ("indexes", duplicate_sql)),
  INDEX ("index-redundant", INFO, "Indexes that a longer one makes superfluous",
         "Every write pays for it, and the longer one serves the same queries.",
         "Drop it, unless it is much smaller and asked very often.",
         QUERY ("indexes", redundant_sql)),
  INDEX ("index-unused", INFO, "Indexes that no query uses",
         "Every write pays for it and nobody gains; ask the standbys before it goes.",
         "Drop it when no server that follows this one uses it either.",
         QUERY ("indexes", unused_sql, { "30", "1048576" })),
  { 0 },
};
