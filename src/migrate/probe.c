#include "migrate/probe.h"

#include "sql/token.h"

#include <string.h>

/* "schema"."name", or "name" for search_path to find; NULL without a name. Caller frees. */
static char *
quoted (const char *schema, const char *name)
{
  if (name == NULL)
    return NULL;
  return schema != NULL ? db_quote_name (schema, name) : db_quote_ident (name);
}

bool
probe_note (DbConn *conn, const ScriptStatement *statement, char **ret_note, GError **error)
{
  g_autofree char *table = quoted (statement->class.table_schema, statement->class.table);
  const char *params[] = { table };
  char *note = NULL;
  if (statement->class.kind == SQL_KIND_CONCURRENT_INDEX && table != NULL
      && !db_query_text (conn,
                         "SELECT coalesce (pg_catalog.string_agg (indexrelid::text, ','), '')\n"
                         "  FROM pg_catalog.pg_index WHERE indrelid = pg_catalog.to_regclass ($1)",
                         1, params, &note, error))
    return false;
  *ret_note = note;
  return true;
}

/* --- CREATE INDEX CONCURRENTLY --------------------------------------------------------------- */

/* The indexes that may be the statement's: those of its name, or, without one, all of the table that
 * NOTE does not have. Columns: quoted name, valid, known from NOTE. */
static bool
find_indexes (DbConn *conn, const SqlClass *class, const char *note, DbResult **ret_result,
              GError **error)
{
  g_autofree char *table = quoted (class->table_schema, class->table);
  const char *params[] = { table, class->name, note };
  return db_query (
      conn,
      "SELECT pg_catalog.format ('%I.%I', n.nspname, c.relname), i.indisvalid,\n"
      "       coalesce (c.oid::text = ANY (pg_catalog.string_to_array ($3, ',')), false)\n"
      "  FROM pg_catalog.pg_index i\n"
      "  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid\n"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE i.indrelid = pg_catalog.to_regclass ($1) AND c.relkind = 'i'\n"
      "   AND (c.relname = $2\n"
      "        OR ($2 IS NULL AND $3 IS NOT NULL\n"
      "            AND c.oid::text <> ALL (pg_catalog.string_to_array ($3, ','))))",
      3, params, ret_result, error);
}

static bool
drop_index (DbConn *conn, const char *name, Report *report, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("DROP INDEX CONCURRENTLY IF EXISTS %s", name);
  report_step (report, "dropping the index %s, which a failed attempt left invalid", name);
  return db_exec (conn, "SET lock_timeout = 0", error) && db_exec (conn, sql, error);
}

static bool
clean_index (DbConn *conn, const SqlClass *class, const char *note, Report *report, GError **error)
{
  g_autoptr (DbResult) indexes = NULL;
  if (!find_indexes (conn, class, note, &indexes, error))
    return false;
  for (int row = 0; row < db_result_rows (indexes); row++)
    if (!db_result_bool (indexes, row, 1)
        && !drop_index (conn, db_result_text (indexes, row, 0), report, error))
      return false;
  return true;
}

static bool
index_is_done (DbConn *conn, const SqlClass *class, const char *note, bool *ret_done,
               GError **error)
{
  g_autoptr (DbResult) indexes = NULL;
  if (!find_indexes (conn, class, note, &indexes, error))
    return false;
  for (int row = 0; row < db_result_rows (indexes); row++)
    *ret_done |= db_result_bool (indexes, row, 1) && !db_result_bool (indexes, row, 2);
  return true;
}

/* --- the others ------------------------------------------------------------------------------ */

static bool
relation_exists (DbConn *conn, const SqlClass *class, bool *ret_exists, GError **error)
{
  g_autofree char *name = quoted (class->schema, class->name);
  g_autofree char *found = NULL;
  const char *params[] = { name };
  if (!db_query_text (conn, "SELECT pg_catalog.to_regclass ($1)", 1, params, &found, error))
    return false;
  *ret_exists = name == NULL || found != NULL;
  return true;
}

/* What REINDEX CONCURRENTLY leaves: of the table, of the index's table, or, for a schema or a whole
 * database, of all. */
static bool
clean_reindex (DbConn *conn, const SqlClass *class, Report *report, GError **error)
{
  g_autofree char *name = quoted (class->schema, class->name);
  const char *params[] = { name };
  g_autoptr (DbResult) left = NULL;
  if (!db_query (conn,
                 "SELECT pg_catalog.format ('%I.%I', n.nspname, c.relname)\n"
                 "  FROM pg_catalog.pg_index i\n"
                 "  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid\n"
                 "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                 "  LEFT JOIN pg_catalog.pg_class t ON t.oid = pg_catalog.to_regclass ($1)\n"
                 "  LEFT JOIN pg_catalog.pg_index ti ON ti.indexrelid = t.oid\n"
                 " WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'\n"
                 "   AND n.nspname <> 'pg_toast'\n"
                 "   AND (t.oid IS NULL OR i.indrelid IN (t.oid, ti.indrelid))",
                 1, params, &left, error))
    return false;
  for (int row = 0; row < db_result_rows (left); row++)
    if (!drop_index (conn, db_result_text (left, row, 0), report, error))
      return false;
  return true;
}

static bool
finish_detach (DbConn *conn, const SqlClass *class, bool *ret_done, Report *report, GError **error)
{
  g_autofree char *parent = quoted (class->schema, class->name);
  const char *params[] = { parent };
  g_autofree char *child = NULL;
  if (!db_query_text (conn,
                      "SELECT pg_catalog.format ('%I.%I', n.nspname, c.relname)\n"
                      "  FROM pg_catalog.pg_inherits h\n"
                      "  JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid\n"
                      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                      " WHERE h.inhparent = pg_catalog.to_regclass ($1) AND h.inhdetachpending",
                      1, params, &child, error))
    return false;
  if (child == NULL)
    return true;
  g_autofree char *sql
      = g_strdup_printf ("ALTER TABLE %s DETACH PARTITION %s FINALIZE", parent, child);
  report_step (report, "finishing the detaching of %s, which stopped half way", child);
  if (!db_exec (conn, sql, error))
    return false;
  *ret_done = true;
  return true;
}

bool
probe_is_done (DbConn *conn, const ScriptStatement *statement, const char *note, bool *ret_done,
               GError **error)
{
  const SqlClass *class = &statement->class;
  bool exists = true;
  *ret_done = false;
  switch (class->kind)
    {
    case SQL_KIND_CONCURRENT_INDEX: return index_is_done (conn, class, note, ret_done, error);
    case SQL_KIND_CONCURRENT_DROP:
      if (!relation_exists (conn, class, &exists, error))
        return false;
      *ret_done = !exists;
      return true;
    default: return true;
    }
}

bool
probe_clean (DbConn *conn, const ScriptStatement *statement, const char *note, bool *ret_done,
             Report *report, GError **error)
{
  const SqlClass *class = &statement->class;
  *ret_done = false;
  switch (class->kind)
    {
    case SQL_KIND_CONCURRENT_INDEX: return clean_index (conn, class, note, report, error);
    case SQL_KIND_CONCURRENT_REINDEX: return clean_reindex (conn, class, report, error);
    case SQL_KIND_CONCURRENT_DETACH:
      return db_server_major (conn) < 14 || finish_detach (conn, class, ret_done, report, error);
    default: return true;
    }
}

bool
probe_failure_means_done (const ScriptStatement *statement, const char *text,
                          const DbFailure *failure)
{
  static const char *const create[] = { "create", NULL };
  static const char *const drop[] = { "drop", NULL };
  static const char *const is_there[] = { "42P04", "42710", "42P07", "42P06", NULL };
  static const char *const is_gone[] = { "3D000", "42704", "42P01", "3F000", NULL };
  size_t length = strlen (text);
  if (failure->sqlstate == NULL)
    return false;
  if (statement->class.kind == SQL_KIND_CONCURRENT_DETACH)
    return strcmp (failure->sqlstate, "42P01") == 0;
  return (sql_begins_with (text, length, create) && g_strv_contains (is_there, failure->sqlstate))
         || (sql_begins_with (text, length, drop) && g_strv_contains (is_gone, failure->sqlstate));
}
