/*
 * How large tables are where the migrations will run, so that a lock that lasts as long as a table is
 * large counts by what it will last.
 */
#include "migrate/lint_internal.h"

/* What is read or written anew within a few milliseconds. */
#define SMALL_BYTES ((int64_t) 8 * 1024 * 1024)

bool
lint_sizes_read (DbConn *conn, GHashTable **ret_sizes, GError **error)
{
  /* A partitioned table has no size of its own; other kinds are no part of a partition tree. */
  static const char sql[]
      = "SELECT CASE n.nspname WHEN 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END,"
        "       coalesce((SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(c.oid)),"
        "                pg_total_relation_size(c.oid))::bigint,"
        "       greatest(coalesce((SELECT sum(p.reltuples) FROM pg_partition_tree(c.oid) t"
        "                            JOIN pg_class p ON p.oid = t.relid AND p.relkind IN ('r', 'i', 'm')"
        "                           WHERE p.reltuples > 0),"
        "                         c.reltuples), 0)::bigint"
        "  FROM pg_class c"
        "  JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I')"
        "   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, 0, NULL, &result, error))
    return false;
  GHashTable *sizes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      LintSize *size = g_new0 (LintSize, 1);
      size->bytes = db_result_int64 (result, row, 1);
      size->rows = db_result_int64 (result, row, 2);
      g_hash_table_replace (sizes, g_strdup (db_result_text (result, row, 0)), size);
    }
  *ret_sizes = sizes;
  return true;
}

/* Rules whose harm is that something takes as long as the table is large, and nothing else. */
static bool
grows_with_the_table (LintRuleNumber rule)
{
  switch (rule)
    {
    case RULE_INDEX_NOT_CONCURRENT:
    case RULE_DROP_INDEX_NOT_CONCURRENT:
    case RULE_REINDEX_NOT_CONCURRENT:
    case RULE_INDEX_ON_PARTITIONED:
    case RULE_ATTACH_SCANS:
    case RULE_CHECK_VALIDATED:
    case RULE_FOREIGN_KEY_VALIDATED:
    case RULE_SET_NOT_NULL:
    case RULE_UNIQUE_BUILDS_INDEX:
    case RULE_PRIMARY_KEY_BUILDS_INDEX:
    case RULE_EXCLUSION:
    case RULE_VOLATILE_DEFAULT:
    case RULE_ADD_SERIAL:
    case RULE_ADD_IDENTITY:
    case RULE_ADD_GENERATED:
    case RULE_ADD_DOMAIN_COLUMN:
    case RULE_VACUUM_FULL:
    case RULE_SET_LOGGED:
    case RULE_SET_ACCESS_METHOD:
    case RULE_SET_TABLESPACE:
    case RULE_REFRESH_NOT_CONCURRENT:
    case RULE_UPDATE_WITHOUT_WHERE: return true;
    default: return false;
    }
}

LintSeverity
lint_weigh (const Lint *lint, const LintReport *report, const LintSize **ret_size)
{
  GHashTable *sizes = lint->options->sizes;
  LintSeverity severity = lint_rule (report->rule)->severity;
  *ret_size
      = sizes != NULL && report->key != NULL ? g_hash_table_lookup (sizes, report->key) : NULL;
  if (*ret_size != NULL && (*ret_size)->bytes < SMALL_BYTES && grows_with_the_table (report->rule))
    return LINT_NOTE;
  return severity;
}
