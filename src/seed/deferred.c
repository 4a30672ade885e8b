/*
 * Constraints that wait for the end: when one of them does not hold, which row of which file it is.
 *
 * The server says the constraint, not the row. The rows are still there behind a savepoint, so they are asked.
 */
#include "seed/internal.h"

#define SAVEPOINT "SAVEPOINT pgkeel_seed_constraints"
#define ROLL_BACK "ROLLBACK TO SAVEPOINT pgkeel_seed_constraints"
#define RELEASE "RELEASE SAVEPOINT pgkeel_seed_constraints"

/* "a.x = b.y AND ...": rows A and B agree in LEFT of TABLE_A and RIGHT of TABLE_B, arrays of attnums. */
static char *
agree (const char *a, const SeedTable *table_a, const GArray *left, const char *b,
       const SeedTable *table_b, const GArray *right)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  for (guint i = 0; i < left->len; i++)
    {
      const SeedColumn *one = seed_table_column (table_a, g_array_index (left, int, i));
      const SeedColumn *other = seed_table_column (table_b, g_array_index (right, int, i));
      g_autofree char *name = db_quote_ident (one->name);
      g_autofree char *other_name = db_quote_ident (other->name);
      g_string_append_printf (sql, "%s%s.%s %s %s.%s", i > 0 ? " AND " : "", a, name, one->equal, b,
                              other_name);
    }
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

/* The first row of SET's files whose row T of the table fulfils CONDITION; 0: none. */
static bool
find_row (SeedRun *run, const SeedSet *set, const char *condition, int64_t *ret_n, GError **error)
{
  g_autofree char *match = seed_key_match (set, "t", "s");
  g_autofree char *sql
      = g_strdup_printf ("SELECT coalesce (min (s.n), 0) FROM %s s JOIN %s t ON %s WHERE %s",
                         set->stage, set->table->sql, match, condition);
  return seed_query_number (run, sql, ret_n, error);
}

static bool
find_dangling (SeedRun *run, const SeedSet *set, const SeedForeignKey *key, int64_t *ret_n,
               GError **error)
{
  SeedTable *target;
  if (!seed_tables_by_oid (run->tables, key->target_oid, &target, error))
    return false;
  g_autofree char *agreeing = agree ("p", target, key->targets, "t", set->table, key->columns);
  g_autoptr (GString) condition = g_string_new (NULL);
  g_string_append_printf (condition, "NOT EXISTS (SELECT FROM %s p WHERE %s)", target->sql,
                          agreeing);
  for (guint i = 0; i < key->columns->len; i++)
    {
      const SeedColumn *column
          = seed_table_column (set->table, g_array_index (key->columns, int, i));
      g_autofree char *name = db_quote_ident (column->name);
      g_string_append_printf (condition, " AND t.%s IS NOT NULL", name);
    }
  return find_row (run, set, condition->str, ret_n, error);
}

/* The columns of the unique constraint NAME; NULL: SET's table has none. */
static GArray *
unique_columns (SeedRun *run, const SeedSet *set, const char *name)
{
  g_autofree char *oid = g_strdup_printf ("%u", set->table->oid);
  const char *params[] = { oid, name };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (run->conn,
                 "SELECT pg_catalog.unnest (conkey) FROM pg_catalog.pg_constraint\n"
                 " WHERE conrelid = $1::pg_catalog.oid AND conname = $2 AND contype IN ('u', 'p')",
                 2, params, &result, NULL)
      || db_result_rows (result) == 0)
    return NULL;
  GArray *columns = g_array_new (FALSE, FALSE, sizeof (int));
  for (int row = 0; row < db_result_rows (result); row++)
    {
      int number = (int) db_result_int64 (result, row, 0);
      g_array_append_val (columns, number);
    }
  return columns;
}

static bool
find_double (SeedRun *run, const SeedSet *set, const GArray *columns, int64_t *ret_n,
             GError **error)
{
  g_autofree char *agreeing = agree ("o", set->table, columns, "t", set->table, columns);
  g_autofree char *condition = g_strdup_printf (
      "EXISTS (SELECT FROM %s o WHERE %s AND (o.tableoid, o.ctid) <> (t.tableoid, t.ctid))",
      set->table->sql, agreeing);
  return find_row (run, set, condition, ret_n, error);
}

/* Looks in SET for the row that the constraint NAME is about; *RET_N is 0 when it is not there. */
static bool
look_in (SeedRun *run, const SeedSet *set, const char *name, int64_t *ret_n, const char **ret_path,
         GError **error)
{
  *ret_n = 0;
  *ret_path = NULL;
  for (guint i = 0; i < set->table->keys->len; i++)
    {
      const SeedForeignKey *key = set->table->keys->pdata[i];
      if (g_strcmp0 (key->name, name) != 0)
        continue;
      *ret_path = seed_path_of_column (set, g_array_index (key->columns, int, 0));
      return find_dangling (run, set, key, ret_n, error);
    }
  g_autoptr (GArray) columns = unique_columns (run, set, name);
  if (columns == NULL)
    return true;
  *ret_path = seed_path_of_column (set, g_array_index (columns, int, 0));
  return find_double (run, set, columns, ret_n, error);
}

/* Rows of others than the files' (a script's, those of --clean) have no place: then the server's words stand. */
static bool
explain (SeedRun *run, const DbFailure *failure, GError **error)
{
  for (guint i = 0; failure->constraint != NULL && i < run->sets->len; i++)
    {
      const SeedSet *set = run->sets->pdata[i];
      const char *path;
      int64_t n;
      if (set->row_count == 0)
        continue;
      if (!look_in (run, set, failure->constraint, &n, &path, error))
        return false;
      if (n > 0)
        return seed_refuse_failure (set, n, path, failure, error);
    }
  return keel_error_full (error, KEEL_ERROR_SERVER, failure->sqlstate, failure->detail,
                          failure->hint, "%s", failure->message);
}

bool
seed_constraints_now (SeedRun *run, const char *names, GError **error)
{
  g_auto (DbFailure) failure = { 0 };
  g_autoptr (GError) problem = NULL;
  g_autofree char *sql = g_strdup_printf ("SET CONSTRAINTS %s IMMEDIATE", names);
  const DbStatement statement = { .sql = sql };
  if (!db_exec (run->conn, SAVEPOINT, error))
    return false;
  if (db_run (run->conn, &statement, NULL, &failure, &problem))
    return db_exec (run->conn, RELEASE, error);
  if (failure.sqlstate != NULL && failure.message != NULL && db_exec (run->conn, ROLL_BACK, NULL))
    return explain (run, &failure, error);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}
