#include "integrity/quarantine.h"

#include <string.h>

#define TRIGGER "pgkeel_quarantine"

static const char create_sql[]
    = "CREATE SCHEMA IF NOT EXISTS pgkeel;\n"
      "CREATE TABLE IF NOT EXISTS pgkeel.integrity_fix (\n"
      "  id text PRIMARY KEY,\n"
      "  run text NOT NULL,\n"
      "  fixed timestamptz NOT NULL DEFAULT clock_timestamp(),\n"
      "  fixed_by text NOT NULL DEFAULT session_user,\n"
      "  environment text NOT NULL,\n"
      "  backup text,\n"
      "  statements jsonb NOT NULL,\n"
      "  tables jsonb NOT NULL DEFAULT '[]',\n"
      "  sequences jsonb NOT NULL DEFAULT '[]',\n"
      "  can_be_undone boolean NOT NULL DEFAULT true,\n"
      "  undone timestamptz,\n"
      "  undone_by text);\n"
      "COMMENT ON TABLE pgkeel.integrity_fix IS 'What pgkeel integrity fix has done';\n"
      "CREATE TABLE IF NOT EXISTS pgkeel.quarantine (\n"
      "  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
      "  fix_id text NOT NULL REFERENCES pgkeel.integrity_fix,\n"
      "  check_id text NOT NULL,\n"
      "  run text NOT NULL,\n"
      "  operation text NOT NULL CHECK (operation IN ('insert', 'update', 'delete')),\n"
      "  table_schema text NOT NULL,\n"
      "  table_name text NOT NULL,\n"
      "  place tid,\n"
      "  key jsonb,\n"
      "  before jsonb,\n"
      "  before_row text,\n"
      "  after_row text,\n"
      "  taken timestamptz NOT NULL DEFAULT clock_timestamp());\n"
      "COMMENT ON TABLE pgkeel.quarantine IS 'The rows that pgkeel integrity fix touched, as they were';\n"
      "CREATE INDEX IF NOT EXISTS quarantine_fix_id_number ON pgkeel.quarantine (fix_id, number)";

/* jsonb has no \u0000, which a json may hold; then there is the row's text alone. */
static const char function_sql[]
    = "CREATE OR REPLACE FUNCTION pgkeel.quarantine_row() RETURNS trigger LANGUAGE plpgsql\n"
      "  SET search_path = pg_catalog AS $f$\n"
      "DECLARE\n"
      "  was json := CASE WHEN TG_OP <> 'INSERT' THEN to_json(OLD) END;\n"
      "  row_json json := coalesce(was, CASE WHEN TG_OP = 'INSERT' THEN to_json(NEW) END);\n"
      "  is_plain boolean := row_json::text !~ '\\\\u0000';\n"
      "BEGIN\n"
      "  INSERT INTO pgkeel.quarantine (fix_id, check_id, run, operation, table_schema, table_name, place,"
      " key, before, before_row, after_row)\n"
      "  VALUES (current_setting('pgkeel.fix'), current_setting('pgkeel.check'), current_setting('pgkeel.run'),\n"
      "          lower(TG_OP), TG_TABLE_SCHEMA, TG_TABLE_NAME,\n"
      "          CASE WHEN TG_OP <> 'INSERT' THEN OLD.ctid END,\n"
      "          CASE WHEN is_plain THEN (SELECT jsonb_object_agg(k, v) FROM json_each(row_json) e(k, v)"
      " WHERE k = ANY (TG_ARGV)) END,\n"
      "          CASE WHEN is_plain THEN was::jsonb END,\n"
      "          CASE WHEN TG_OP <> 'INSERT' THEN OLD::text END,\n"
      "          CASE WHEN TG_OP <> 'DELETE' THEN NEW::text END);\n"
      "  RETURN NULL;\n"
      "END $f$";

static const char count_sql[]
    = "SELECT schemaname, relname, relid, n_tup_ins, n_tup_upd, n_tup_del\n"
      "  FROM pg_catalog.pg_stat_xact_all_tables\n"
      " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0\n"
      "   AND schemaname !~ '^pg_' AND schemaname NOT IN ('information_schema', 'pgkeel')";

static const char held_sql[]
    = "SELECT q.table_schema, q.table_name, c.oid,\n"
      "       count(*) FILTER (WHERE operation = 'insert'), count(*) FILTER (WHERE operation = 'update'),\n"
      "       count(*) FILTER (WHERE operation = 'delete')\n"
      "  FROM pgkeel.quarantine q\n"
      "  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = q.table_schema\n"
      "  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = q.table_name\n"
      " WHERE q.fix_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2";

void
quarantine_table_free (QuarantineTable *table)
{
  g_free (table->schema);
  g_free (table->name);
  g_free (table);
}

bool
quarantine_create (DbConn *conn, GError **error)
{
  return db_exec (conn, create_sql, error)
         || prefix_error (error, "making the tables for what a fix touches");
}

QuarantineTable *
quarantine_find (const GPtrArray *tables, const char *schema, const char *name)
{
  for (guint i = 0; i < tables->len; i++)
    {
      QuarantineTable *table = tables->pdata[i];
      if (strcmp (table->name, name) == 0 && strcmp (table->schema, schema) == 0)
        return table;
    }
  return NULL;
}

static bool
read_tables (DbConn *conn, const char *sql, const char *parameter, GPtrArray **ret_tables,
             GError **error)
{
  g_autoptr (DbResult) result = NULL;
  GPtrArray *tables;
  if (!db_query (conn, sql, parameter != NULL ? 1 : 0, &parameter, &result, error))
    return false;
  tables = g_ptr_array_new_with_free_func ((GDestroyNotify) quarantine_table_free);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      QuarantineTable *table = g_new0 (QuarantineTable, 1);
      table->schema = g_strdup (db_result_text (result, row, 0));
      table->name = g_strdup (db_result_text (result, row, 1));
      table->oid = (unsigned int) db_result_int64 (result, row, 2);
      table->inserted = db_result_int64 (result, row, 3);
      table->updated = db_result_int64 (result, row, 4);
      table->deleted = db_result_int64 (result, row, 5);
      g_ptr_array_add (tables, table);
    }
  *ret_tables = tables;
  return true;
}

bool
quarantine_count (DbConn *conn, GPtrArray **ret_tables, GError **error)
{
  return read_tables (conn, count_sql, NULL, ret_tables, error);
}

bool
quarantine_held (DbConn *conn, const char *fix_id, GPtrArray **ret_tables, GError **error)
{
  return read_tables (conn, held_sql, fix_id, ret_tables, error);
}

GPtrArray *
quarantine_difference (const GPtrArray *before, const GPtrArray *after)
{
  GPtrArray *tables = g_ptr_array_new_with_free_func ((GDestroyNotify) quarantine_table_free);
  for (guint i = 0; i < after->len; i++)
    {
      const QuarantineTable *now = after->pdata[i];
      const QuarantineTable *then = quarantine_find (before, now->schema, now->name);
      QuarantineTable *table = g_new0 (QuarantineTable, 1);
      *table = *now;
      table->schema = g_strdup (now->schema);
      table->name = g_strdup (now->name);
      if (then != NULL)
        {
          table->inserted -= then->inserted;
          table->updated -= then->updated;
          table->deleted -= then->deleted;
        }
      if (table->inserted + table->updated + table->deleted == 0)
        quarantine_table_free (table);
      else
        g_ptr_array_add (tables, table);
    }
  return tables;
}

/* The trigger's arguments are the columns of the primary key. */
static bool
watch_one (DbConn *conn, const QuarantineTable *table, GError **error)
{
  static const char statement_sql[]
      = "SELECT pg_catalog.format('CREATE TRIGGER " TRIGGER
        " AFTER INSERT OR UPDATE OR DELETE ON %I.%I FOR EACH ROW EXECUTE FUNCTION"
        " pgkeel.quarantine_row(%s); ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER " TRIGGER
        "', n.nspname, c.relname, k.columns, n.nspname, c.relname), c.relkind\n"
        "  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
        " CROSS JOIN LATERAL (\n"
        "   SELECT pg_catalog.string_agg(pg_catalog.quote_literal(a.attname), ', ' ORDER BY a.attnum)\n"
        "     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid\n"
        "      AND a.attnum = ANY (i.indkey::pg_catalog.int2[])\n"
        "    WHERE i.indrelid = c.oid AND i.indisprimary) k(columns)\n"
        " WHERE n.nspname = $1 AND c.relname = $2";
  const char *parameters[] = { table->schema, table->name };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, statement_sql, 2, parameters, &result, error))
    return false;
  if (db_result_rows (result) != 1 || strcmp (db_result_text (result, 0, 1), "r") != 0)
    return keel_error (
        error, KEEL_ERROR_REFUSED, "Run the fix yourself, after a backup.",
        "the fix changes “%s.%s”, which is not an ordinary table: its rows could not be"
        " brought back",
        table->schema, table->name);
  return db_exec (conn, db_result_text (result, 0, 0), error)
         || prefix_error (error, "watching “%s.%s”", table->schema, table->name);
}

bool
quarantine_watch (DbConn *conn, const char *fix_id, const GPtrArray *tables, GError **error)
{
  const char *parameters[] = { fix_id };
  g_autofree char *done = NULL;
  if (!db_exec (conn, function_sql, error)
      || !db_query_text (conn, "SELECT pg_catalog.set_config('pgkeel.fix', $1, true)", 1,
                         parameters, &done, error))
    return false;
  for (guint i = 0; i < tables->len; i++)
    if (!watch_one (conn, tables->pdata[i], error))
      return false;
  return true;
}

bool
quarantine_unwatch (DbConn *conn, const GPtrArray *tables, GError **error)
{
  for (guint i = 0; i < tables->len; i++)
    {
      const QuarantineTable *table = tables->pdata[i];
      g_autofree char *name = db_quote_name (table->schema, table->name);
      g_autofree char *sql = g_strdup_printf ("DROP TRIGGER " TRIGGER " ON %s", name);
      if (!db_exec (conn, sql, error))
        return false;
    }
  return db_exec (conn, "DROP FUNCTION pgkeel.quarantine_row()", error);
}

bool
quarantine_attribute (DbConn *conn, const char *check_id, const char *run_id, GError **error)
{
  const char *parameters[] = { check_id, run_id };
  g_autofree char *done = NULL;
  return db_query_text (conn,
                        "SELECT pg_catalog.set_config('pgkeel.check', $1, true)"
                        " || pg_catalog.set_config('pgkeel.run', $2, true)",
                        2, parameters, &done, error);
}
