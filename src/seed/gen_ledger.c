#include "seed/gen_ledger.h"
#include "base/text.h"

#include <string.h>

/* run numbers grow with the order of foreign keys, so children have greater ones than their parents. */
static const char create_sql[] = "CREATE SCHEMA IF NOT EXISTS pgkeel;\n"
                                 "CREATE TABLE IF NOT EXISTS pgkeel.seed_generated (\n"
                                 "  run bigint GENERATED ALWAYS AS IDENTITY,\n"
                                 "  schema_name text NOT NULL,\n"
                                 "  table_name text NOT NULL,\n"
                                 "  seed numeric NOT NULL,\n"
                                 "  row_count bigint NOT NULL,\n"
                                 "  digest text NOT NULL,\n"
                                 "  key_starts jsonb NOT NULL,\n"
                                 "  transactions text[] NOT NULL DEFAULT '{}',\n"
                                 "  is_done boolean NOT NULL DEFAULT false,\n"
                                 "  begun_at timestamptz NOT NULL DEFAULT now(),\n"
                                 "  done_at timestamptz,\n"
                                 "  PRIMARY KEY (schema_name, table_name))";

bool
gen_ledger_prepare (DbConn *conn, GError **error)
{
  return db_exec (conn, create_sql, error);
}

static bool
has_ledger (DbConn *conn, bool *ret_has, GError **error)
{
  g_autofree char *found = NULL;
  if (!db_query_text (conn, "SELECT pg_catalog.to_regclass('pgkeel.seed_generated')", 0, NULL,
                      &found, error))
    return false;
  *ret_has = found != NULL;
  return true;
}

/* Rows that a transaction of the ledger wrote carry the low 32 bits of its number. */
#define WRITTEN_BY_LEDGER                                                                          \
  "xmin::pg_catalog.text = ANY (SELECT (x::pg_catalog.numeric %% 4294967296)::pg_catalog.text\n"   \
  "                               FROM pg_catalog.unnest(%s::pg_catalog.text[]) x)"

/* Whether any of the rows is left: as written, or, should all have been changed, by their number. */
static bool
are_rows_left (DbConn *conn, const GenTable *table, const char *transactions, int64_t rows,
               bool *ret_left, GError **error)
{
  g_autofree char *name = db_quote_name (table->schema, table->name);
  g_autofree char *sql
      = g_strdup_printf ("SELECT EXISTS (SELECT 1 FROM %s WHERE " WRITTEN_BY_LEDGER
                         ")\n    OR (SELECT pg_catalog.count(*) FROM %s) >= $2::pg_catalog.int8",
                         name, "$1", name);
  g_autofree char *count = g_strdup_printf ("%" G_GINT64_FORMAT, rows);
  g_autofree char *answer = NULL;
  if (!db_query_text (conn, sql, 2, (const char *[]){ transactions, count }, &answer, error))
    return false;
  *ret_left = rows == 0 || g_strcmp0 (answer, "t") == 0;
  return true;
}

static void
apply_starts (GenTable *table, const char *text)
{
  g_autoptr (json_t) starts = json_loads (text, 0, NULL);
  const char *name;
  json_t *start;
  for (guint i = 0; i < table->columns->len; i++)
    gen_table_column (table, i)->key_start = 1;
  json_object_foreach (starts, name, start)
    {
      int column = gen_table_find (table, name);
      if (column >= 0)
        gen_table_column (table, (unsigned int) column)->key_start = json_integer_value (start);
    }
}

static bool
find_entry (DbConn *conn, const GenTable *table, DbResult **ret_result, GError **error)
{
  return db_query (conn,
                   "SELECT transactions, row_count, key_starts, digest, seed\n"
                   "  FROM pgkeel.seed_generated\n"
                   " WHERE schema_name = $1 AND table_name = $2 AND is_done",
                   2, (const char *[]){ table->schema, table->name }, ret_result, error);
}

bool
gen_ledger_apply (DbConn *conn, const GenModel *model, GError **error)
{
  bool has;
  if (!has_ledger (conn, &has, error))
    return false;
  for (guint i = 0; has && i < model->tables->len; i++)
    {
      GenTable *table = model->tables->pdata[i];
      g_autoptr (DbResult) result = NULL;
      if (!find_entry (conn, table, &result, error))
        return false;
      if (db_result_rows (result) == 0)
        continue;
      if (!are_rows_left (conn, table, db_result_text (result, 0, 0),
                          db_result_int64 (result, 0, 1), &table->is_done, error))
        return false;
      if (table->is_done)
        apply_starts (table, db_result_text (result, 0, 2));
    }
  return true;
}

bool
gen_ledger_check (DbConn *conn, const GenModel *model, GError **error)
{
  for (guint i = 0; i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      g_autoptr (DbResult) result = NULL;
      g_autofree char *digest = gen_table_digest (model, table);
      if (!table->is_done)
        continue;
      if (!find_entry (conn, table, &result, error))
        return false;
      if (strcmp (db_result_text (result, 0, 3), digest) == 0)
        continue;
      g_autofree char *had = text_format_count ((uint64_t) db_result_int64 (result, 0, 1));
      g_autofree char *wanted = text_format_count (table->rows);
      return keel_error (
          error, KEEL_ERROR_REFUSED,
          "Empty the table, with --clean or by hand, to have it generated anew.",
          "%s was generated with other settings: %s rows with seed %s, and now %s rows with "
          "seed %" G_GUINT64_FORMAT,
          table->label, had, db_result_text (result, 0, 4), wanted, model->seed);
    }
  return true;
}

static char *
starts_of (const GenTable *table)
{
  g_autoptr (json_t) starts = json_object ();
  for (guint i = 0; i < table->columns->len; i++)
    {
      const GenColumn *column = gen_table_column (table, i);
      if (column->key_start != 1)
        json_object_set_new (starts, column->name, json_integer (column->key_start));
    }
  return json_dumps (starts, JSON_COMPACT);
}

bool
gen_ledger_begin (DbConn *conn, const GenModel *model, const GenTable *table, GError **error)
{
  g_autofree char *seed = g_strdup_printf ("%" G_GUINT64_FORMAT, model->seed);
  g_autofree char *rows = g_strdup_printf ("%" G_GUINT64_FORMAT, table->rows);
  g_autofree char *digest = gen_table_digest (model, table);
  g_autofree char *starts = starts_of (table);
  g_autoptr (DbResult) result = NULL;
  const char *values[] = { table->schema, table->name, seed, rows, digest, starts };
  if (!db_query (conn,
                 "DELETE FROM pgkeel.seed_generated WHERE schema_name = $1 AND table_name = $2", 2,
                 values, &result, error))
    return false;
  g_clear_pointer (&result, db_result_free);
  return db_query (conn,
                   "INSERT INTO pgkeel.seed_generated\n"
                   "       (schema_name, table_name, seed, row_count, digest, key_starts)\n"
                   "VALUES ($1, $2, $3::pg_catalog.numeric, $4::pg_catalog.int8, $5,\n"
                   "        $6::pg_catalog.jsonb)",
                   6, values, &result, error);
}

bool
gen_ledger_add_transaction (DbConn *conn, const GenTable *table, const char *xid, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  return db_query (
      conn,
      "UPDATE pgkeel.seed_generated SET transactions = transactions || $3::pg_catalog.text\n"
      " WHERE schema_name = $1 AND table_name = $2",
      3, (const char *[]){ table->schema, table->name, xid }, &result, error);
}

bool
gen_ledger_finish (DbConn *conn, const GenTable *table, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  return db_query (conn,
                   "UPDATE pgkeel.seed_generated SET is_done = true, done_at = pg_catalog.now()\n"
                   " WHERE schema_name = $1 AND table_name = $2",
                   2, (const char *[]){ table->schema, table->name }, &result, error);
}

static bool
clean_table (DbConn *conn, const char *schema, const char *table, uint64_t *rows, GError **error)
{
  g_autofree char *name = db_quote_name (schema, table);
  g_autofree char *sql = g_strdup_printf (
      "WITH gone AS (DELETE FROM %s WHERE " WRITTEN_BY_LEDGER "\n            RETURNING 1)\n"
      "SELECT pg_catalog.count(*) FROM gone",
      name,
      "(SELECT transactions FROM pgkeel.seed_generated WHERE schema_name = $1 AND table_name = $2)");
  g_autofree char *there = NULL, *count = NULL;
  g_autoptr (DbResult) result = NULL;
  const char *names[] = { schema, table };
  if (!db_query_text (conn, "SELECT pg_catalog.to_regclass($1)", 1, (const char *[]){ name },
                      &there, error)
      || (there != NULL && !db_query_text (conn, sql, 2, names, &count, error)))
    return false;
  if (count != NULL)
    *rows += g_ascii_strtoull (count, NULL, 10);
  return db_query (conn,
                   "DELETE FROM pgkeel.seed_generated WHERE schema_name = $1 AND table_name = $2",
                   2, names, &result, error);
}

bool
gen_ledger_clean (DbConn *conn, uint64_t *ret_rows, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  *ret_rows = 0;
  if (!db_query (conn,
                 "SELECT schema_name, table_name FROM pgkeel.seed_generated\n"
                 " WHERE NOT is_done ORDER BY run DESC",
                 0, NULL, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    if (!clean_table (conn, db_result_text (result, i, 0), db_result_text (result, i, 1), ret_rows,
                      error))
      return false;
  return true;
}
