/* Rows that were seeded and have left the files. */
#include "seed/ledger.h"

#include <string.h>

/* What one table's rows to remove are looked at in. */
#define GONE "pg_temp.pgkeel_seed_gone"

typedef struct
{
  SeedRun *run;
  SeedTable *table;
  const SeedSet *set; /* NULL: no file is of it any more */
  char *own;          /* "l.schema_name = ... AND ...": the ledger's rows of the table */
} Retract;

static void
retract_clear (Retract *retract)
{
  g_free (retract->own);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Retract, retract_clear)

static SeedTableResult *
result_of (const Retract *retract)
{
  GPtrArray *tables = retract->run->result->tables;
  for (guint i = 0; i < tables->len; i++)
    if (strcmp (((SeedTableResult *) tables->pdata[i])->table, retract->table->shown) == 0)
      return tables->pdata[i];
  SeedTableResult *result = g_new0 (SeedTableResult, 1);
  result->table = g_strdup (retract->table->shown);
  g_ptr_array_add (tables, result);
  return result;
}

/* --- which rows ------------------------------------------------------------------------------ */

/* "l.key ->> 'email'" as the type of the column. */
static char *
ledger_value (const SeedColumn *column)
{
  g_autofree char *literal = db_quote_literal (column->name);
  return g_strdup_printf ("CAST(l.key ->> %s AS %s)", literal, column->type);
}

/* Row T of the table is the one that row L of the ledger means. */
static char *
ledger_match (const GArray *key, const SeedTable *table, bool in_stage)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  for (guint i = 0; i < key->len; i++)
    {
      const SeedColumn *column = seed_table_column (table, g_array_index (key, int, i));
      g_autofree char *name = db_quote_ident (column->name);
      g_autofree char *value = ledger_value (column);
      g_autofree char *there
          = in_stage ? g_strdup_printf ("s.v%d", column->number) : g_strdup_printf ("t.%s", name);
      const char *and = i > 0 ? " AND " : "";
      if (column->is_not_null || key->len == 1)
        g_string_append_printf (sql, "%s%s %s %s", and, there, column->equal, value);
      else
        g_string_append_printf (sql, "%s(%s %s %s OR (%s IS NULL AND %s IS NULL))", and, there,
                                column->equal, value, there, value);
    }
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

/* The columns of NAMES, separated by newlines; NULL when one is not there any more. */
static GArray *
columns_called (const SeedTable *table, const char *names)
{
  g_autoptr (GArray) columns = g_array_new (FALSE, FALSE, sizeof (int));
  g_auto (GStrv) words = g_strsplit (names, "\n", -1);
  for (char **word = words; *word != NULL; word++)
    {
      const SeedColumn *column = seed_table_column_called (table, *word);
      if (column == NULL)
        return NULL;
      g_array_append_val (columns, column->number);
    }
  return g_steal_pointer (&columns);
}

static bool
is_key_of_set (const SeedSet *set, const GArray *key)
{
  if (set->key->len != key->len)
    return false;
  for (guint i = 0; i < key->len; i++)
    {
      bool is_there = false;
      for (guint j = 0; j < key->len; j++)
        is_there |= g_array_index (set->key, int, j) == g_array_index (key, int, i);
      if (!is_there)
        return false;
    }
  return true;
}

/* Adds what the ledger knows by the columns KEY and no file has any more. Its join with the stage is of two tables of
 * a run's size, and the planner may know nothing of either: it must not be a loop in a loop. */
static bool
add_unsaid (const Retract *retract, const char *names, const GArray *key, int64_t *ret_rows,
            GError **error)
{
  const SeedSet *set = retract->set;
  g_autofree char *shape = db_quote_literal (names);
  g_autofree char *match
      = set != NULL && is_key_of_set (set, key) ? ledger_match (key, retract->table, true) : NULL;
  g_autoptr (GString) sql = g_string_new (NULL);
  g_string_append_printf (sql,
                          "INSERT INTO " GONE
                          " (id, key, digest) SELECT l.id, l.key, l.digest FROM pgkeel.seed_row l\n"
                          " WHERE %s AND l.key_columns = %s",
                          retract->own, shape);
  if (match != NULL)
    g_string_append_printf (sql, " AND NOT EXISTS (SELECT 1 FROM %s s WHERE %s)", set->stage,
                            match);
  return seed_exec (retract->run, "SET LOCAL enable_nestloop = off", NULL, error)
         && seed_exec (retract->run, sql->str, ret_rows, error)
         && seed_exec (retract->run, "SET LOCAL enable_nestloop TO DEFAULT", NULL, error);
}

/* Finds the rows of the table that GONE means. A row that was seeded by other columns than it is known by now may
 * still be in a file. */
static bool
find_rows (const Retract *retract, const GArray *key, GError **error)
{
  const SeedSet *set = retract->set;
  g_autofree char *digest = seed_ledger_digest ("t");
  g_autofree char *found = ledger_match (key, retract->table, false);
  g_autofree char *sql = g_strdup_printf (
      "UPDATE " GONE " l SET at = t.ctid, part = t.tableoid, is_same = l.digest = %s\n"
      "  FROM %s t WHERE l.at IS NULL AND %s",
      digest, retract->table->sql, found);
  if (!seed_exec (retract->run, sql, NULL, error))
    return false;
  if (set == NULL || is_key_of_set (set, key))
    return true;
  g_autofree char *match = seed_key_match (set, "t", "s");
  g_autofree char *keep = g_strdup_printf ("DELETE FROM " GONE " l USING %s t, %s s\n"
                                           " WHERE t.ctid = l.at AND t.tableoid = l.part AND %s",
                                           retract->table->sql, set->stage, match);
  return seed_exec (retract->run, keep, NULL, error);
}

/* By each set of columns that rows of this table were known by when they were seeded. Of rows that somebody has
 * removed already nothing is left to keep a book on. */
static bool
find_gone (const Retract *retract, bool is_last, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autofree char *sql = g_strdup_printf (
      "SELECT DISTINCT l.key_columns FROM pgkeel.seed_row l WHERE %s", retract->own);
  if (!seed_exec (retract->run, "TRUNCATE " GONE, NULL, error)
      || !db_query (retract->run->conn, sql, 0, NULL, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const char *names = db_result_text (result, row, 0);
      g_autoptr (GArray) key = columns_called (retract->table, names);
      int64_t rows = 0;
      if (key != NULL
          && (!add_unsaid (retract, names, key, &rows, error)
              || (rows > 0 && !find_rows (retract, key, error))))
        return false;
      retract->run->has_gone |= rows > 0;
    }
  return (!is_last
          || seed_exec (retract->run,
                        "DELETE FROM pgkeel.seed_row l USING " GONE " g\n"
                        " WHERE l.id = g.id AND g.at IS NULL",
                        NULL, error))
         && seed_exec (retract->run, "DELETE FROM " GONE " WHERE at IS NULL", NULL, error);
}

/* --- who refers to them ------------------------------------------------------------------------- */

static bool
block_by (const Retract *retract, const char *referring, const char *shown, bool is_self,
          const char *match, int64_t *ret_rows, GError **error)
{
  g_autofree char *name = db_quote_literal (shown);
  g_autofree char *sql = g_strdup_printf (
      "UPDATE " GONE " g SET blocked_by = %s FROM %s t\n"
      " WHERE t.ctid = g.at AND t.tableoid = g.part AND g.is_same AND g.blocked_by IS NULL\n"
      "   AND EXISTS (SELECT 1 FROM %s r WHERE %s%s)",
      name, retract->table->sql, referring, match,
      is_self
          ? "\n   AND NOT EXISTS (SELECT 1 FROM " GONE " o WHERE o.at = r.ctid\n"
            "                     AND o.part = r.tableoid AND o.is_same AND o.blocked_by IS NULL)"
          : "");
  return seed_exec (retract->run, sql, ret_rows, error);
}

/* Whatever a key would do on DELETE (CASCADE, SET NULL): rows that others refer to stay. */
static bool
block_referred (const Retract *retract, GError **error)
{
  static const char sql[]
      = "SELECT format ('%I.%I', n.nspname, c.relname),\n"
        "       CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname,\n"
        "       c.oid = $1::oid,\n"
        "       (SELECT string_agg (format ('t.%I OPERATOR(%I.%s) r.%I', f.attname, p.nspname, o.oprname,\n"
        "                                   a.attname), ' AND ')\n"
        "          FROM unnest (k.conkey, k.confkey, k.conpfeqop) u (here, there, equal)\n"
        "          JOIN pg_operator o ON o.oid = u.equal JOIN pg_namespace p ON p.oid = o.oprnamespace\n"
        "          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.here\n"
        "          JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.there)\n"
        "  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid\n"
        "  JOIN pg_namespace n ON n.oid = c.relnamespace\n"
        " WHERE k.contype = 'f' AND k.confrelid = $1::oid AND k.conparentid = 0\n"
        " ORDER BY k.oid";
  g_autofree char *oid = g_strdup_printf ("%u", retract->table->oid);
  const char *params[] = { oid };
  g_autoptr (DbResult) result = NULL;
  int64_t blocked;
  if (!db_query (retract->run->conn, sql, 1, params, &result, error))
    return false;
  /* From here to COMMIT nobody can come to refer to what is about to go. */
  for (int row = 0; row < db_result_rows (result); row++)
    {
      g_autofree char *lock = g_strdup_printf ("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE",
                                               db_result_text (result, row, 0));
      if (!seed_exec (retract->run, lock, NULL, error))
        return false;
    }
  /* A row that stays keeps those that it refers to. */
  do
    {
      blocked = 0;
      for (int row = 0; row < db_result_rows (result); row++)
        {
          bool is_self = db_result_bool (result, row, 2);
          int64_t rows;
          if (!block_by (retract, db_result_text (result, row, 0), db_result_text (result, row, 1),
                         is_self, db_result_text (result, row, 3), &rows, error))
            return false;
          blocked += is_self ? rows : 0;
        }
    }
  while (blocked > 0);
  return true;
}

/* --- removing -------------------------------------------------------------------------------- */

static bool
remove_rows (const Retract *retract, int64_t *ret_removed, GError **error)
{
  static const char ledger_sql[] = "DELETE FROM pgkeel.seed_row l USING " GONE " g\n"
                                   " WHERE l.id = g.id AND g.is_same AND g.blocked_by IS NULL";
  g_autofree char *sql = g_strdup_printf (
      "DELETE FROM %s t USING " GONE " g\n"
      " WHERE t.ctid = g.at AND t.tableoid = g.part AND g.is_same AND g.blocked_by IS NULL",
      retract->table->sql);
  if (!seed_exec (retract->run, sql, ret_removed, error))
    return prefix_error (error, "removing rows of %s that left the files", retract->table->shown);
  return *ret_removed == 0 || seed_exec (retract->run, ledger_sql, NULL, error);
}

static bool
note_kept (const Retract *retract, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (retract->run->conn,
                 "SELECT key, blocked_by FROM " GONE "\n"
                 " WHERE NOT is_same OR blocked_by IS NOT NULL ORDER BY id",
                 0, NULL, &result, error))
    return false;
  result_of (retract)->kept = db_result_rows (result);
  for (int row = 0; row < MIN (db_result_rows (result), SEED_KEPT_MAX); row++)
    {
      SeedKept *kept = g_new0 (SeedKept, 1);
      kept->table = g_strdup (retract->table->shown);
      kept->key = g_strdup (db_result_text (result, row, 0));
      kept->reason
          = db_result_is_null (result, row, 1)
                ? g_strdup ("it was changed since it was seeded")
                : g_strdup_printf ("rows of %s refer to it", db_result_text (result, row, 1));
      g_ptr_array_add (retract->run->result->kept, kept);
    }
  return true;
}

static bool
retract_table (const Retract *retract, bool is_last, int64_t *removed, GError **error)
{
  int64_t count = 0, rows;
  if (!find_gone (retract, is_last, error)
      || !seed_query_number (retract->run, "SELECT count(*) FROM " GONE, &count, error))
    return false;
  if (count == 0)
    return true;
  if (!block_referred (retract, error) || !remove_rows (retract, &rows, error))
    return false;
  *removed += rows;
  result_of (retract)->retracted += rows;
  return !is_last || note_kept (retract, error);
}

static bool
retract_init (SeedRun *run, const char *schema, const char *name, Retract *retract, GError **error)
{
  g_autofree char *schema_text = db_quote_literal (schema);
  g_autofree char *name_text = db_quote_literal (name);
  g_autofree char *environment = db_quote_literal (run->spec.project->environment->name);
  retract->run = run;
  retract->own = g_strdup_printf ("l.schema_name = %s AND l.table_name = %s AND l.environment = %s",
                                  schema_text, name_text, environment);
  if (!seed_tables_find (run->tables, schema, name, &retract->table, error))
    return false;
  const SeedSet *set
      = retract->table != NULL
            ? g_hash_table_lookup (run->by_oid, GUINT_TO_POINTER (retract->table->oid))
            : NULL;
  retract->set = set != NULL && set->row_count > 0 ? set : NULL;
  return true;
}

/* One table of the ledger. */
static bool
retract_one (SeedRun *run, const char *schema, const char *name, bool is_last, int64_t *removed,
             GError **error)
{
  g_auto (Retract) retract = { 0 };
  if (!retract_init (run, schema, name, &retract, error))
    return false;
  return retract.table == NULL || !seed_is_essential (run, retract.table, NULL)
         || retract_table (&retract, is_last, removed, error);
}

/* What was removed may have been what another row was kept for: all tables are gone over until nothing goes. */
bool
seed_retract (SeedRun *run, bool is_last, GError **error)
{
  const char *environment = run->spec.project->environment->name;
  g_autoptr (DbResult) tables = NULL;
  if (!db_query (run->conn,
                 "SELECT DISTINCT schema_name, table_name FROM pgkeel.seed_row\n"
                 " WHERE environment = $1 ORDER BY 1, 2",
                 1, &environment, &tables, error)
      || !seed_exec (run,
                     "CREATE TEMPORARY TABLE IF NOT EXISTS pgkeel_seed_gone\n"
                     "  (id bigint, key jsonb, digest text, at tid, part oid, is_same boolean,\n"
                     "   blocked_by text) ON COMMIT DROP",
                     NULL, error))
    return false;
  int64_t removed;
  do
    {
      removed = 0;
      g_ptr_array_set_size (run->result->kept, 0);
      for (guint i = 0; i < run->result->tables->len; i++)
        ((SeedTableResult *) run->result->tables->pdata[i])->kept = 0;
      for (int row = 0; row < db_result_rows (tables); row++)
        if (!retract_one (run, db_result_text (tables, row, 0), db_result_text (tables, row, 1),
                          is_last, &removed, error))
          return false;
    }
  while (removed > 0);
  return true;
}
