#include "seed/gen_trial.h"
#include "base/text.h"
#include "db/copy.h"
#include "project/check.h"
#include "seed/gen_copy.h"

#include <string.h>

#define TRIAL_TABLE "pg_temp.pgkeel_trial"

/* The columns as they are, but without domains, constraints and defaults. */
static const char generated_sql[]
    = "SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)\n"
      "  FROM pg_catalog.pg_attrdef d\n"
      "  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum\n"
      " WHERE d.adrelid = $1::pg_catalog.oid AND a.attname = $2 AND a.attgenerated <> ''";

static bool
make_table (DbConn *conn, const GenTable *table, GError **error)
{
  g_autoptr (GString) sql = g_string_new ("CREATE TEMPORARY TABLE pgkeel_trial (");
  g_autofree char *oid = g_strdup_printf ("%u", table->oid);
  for (guint i = 0; i < table->columns->len; i++)
    {
      const GenColumn *column = gen_table_column (table, i);
      g_autofree char *name = db_quote_ident (column->name);
      g_autofree char *expression = NULL;
      if (column->is_generated
          && !db_query_text (conn, generated_sql, 2, (const char *[]){ oid, column->name },
                             &expression, error))
        return false;
      g_string_append_printf (sql, "%s%s %s", i > 0 ? ", " : "", name, column->type->name);
      if (expression != NULL)
        g_string_append_printf (sql, " GENERATED ALWAYS AS (%s) STORED", expression);
    }
  g_string_append (sql, ")");
  return db_exec (conn, sql->str, error);
}

static bool
fill_table (DbConn *conn, const GenTable *table, GError **error)
{
  g_autofree char *sql = gen_copy_statement (table, TRIAL_TABLE, table->is_binary);
  uint64_t count = MIN (table->rows, GEN_TRIAL_ROWS);
  g_autoptr (GenCopy) copy = gen_copy_new (table, table->is_binary, gen_copy_to_session, conn);
  if (!db_copy_in_begin (conn, sql, error))
    return false;
  if (gen_copy_rows (copy, 0, count, table->rows / count, error) && gen_copy_end (copy, error))
    return db_copy_in_end (conn, NULL, error);
  db_copy_in_abort (conn);
  return false;
}

/* --- what is counted -------------------------------------------------------------------------- */

static const char checks_sql[]
    = "SELECT k.conname, pg_catalog.pg_get_expr(k.conbin, k.conrelid),\n"
      "       (SELECT pg_catalog.string_agg(a.attname, ', ' ORDER BY a.attnum)\n"
      "          FROM pg_catalog.pg_attribute a\n"
      "         WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)), false\n"
      "  FROM pg_catalog.pg_constraint k\n"
      " WHERE k.contype = 'c' AND k.conrelid = $1::pg_catalog.oid\n"
      "UNION ALL\n"
      "SELECT k.conname, pg_catalog.pg_get_expr(k.conbin, 0), a.attname, true\n"
      "  FROM pg_catalog.pg_attribute a\n"
      "  JOIN pg_catalog.pg_constraint k ON k.contype = 'c' AND k.contypid = a.atttypid\n"
      " WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped\n"
      " ORDER BY 1";

typedef struct
{
  DbConn *conn;
  const GenModel *model;
  const GenTable *table;
  const char *file;
  GPtrArray *faults; /* of char * */
  const Node *place; /* of the first */
} Trial;

/* Rows for which CONDITION is false; of one of them, COLUMNS as text. */
static bool
count_faults (Trial *trial, const char *source, const char *condition, const char *columns,
              int64_t *ret_count, char **ret_example, GError **error)
{
  g_autofree char *sql = g_strdup_printf (
      "SELECT pg_catalog.count(*), pg_catalog.min(pg_catalog.left((%s)::pg_catalog.text, 200))\n"
      "  FROM %s\n WHERE NOT (%s)",
      columns, source, condition);
  g_autoptr (DbResult) result = NULL;
  if (!db_query (trial->conn, sql, 0, NULL, &result, error))
    return false;
  *ret_count = db_result_int64 (result, 0, 0);
  *ret_example = g_strdup (db_result_text (result, 0, 1));
  return true;
}

static void
note_fault (Trial *trial, const char *names, char *fault)
{
  g_auto (GStrv) list = g_strsplit (names, ", ", -1);
  if (trial->place == NULL)
    trial->place = trial->table->place;
  for (char **name = list; *name != NULL; name++)
    {
      int column = gen_table_find (trial->table, *name);
      const Node *place = column >= 0 ? gen_table_column (trial->table, column)->place : NULL;
      if (place != NULL && trial->faults->len == 0)
        trial->place = place;
    }
  g_ptr_array_add (trial->faults, fault);
}

static char *
quote_list (const char *names)
{
  g_auto (GStrv) list = g_strsplit (names, ", ", -1);
  g_autoptr (GString) text = g_string_new (NULL);
  for (char **name = list; *name != NULL; name++)
    {
      g_autofree char *quoted = db_quote_ident (*name);
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", quoted);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static bool
try_check (Trial *trial, const char *name, const char *condition, const char *columns,
           bool is_domain, GError **error)
{
  g_autofree char *quoted = quote_list (columns);
  g_autofree char *source
      = is_domain ? g_strdup_printf ("(SELECT %s AS value FROM " TRIAL_TABLE ") trial", quoted)
                  : g_strdup (TRIAL_TABLE);
  g_autofree char *example = NULL, *shown = NULL;
  int64_t count;
  if (*columns == '\0')
    shown = g_strdup ("NULL");
  else
    shown = is_domain ? g_strdup ("value") : g_strdup_printf ("ROW(%s)", quoted);
  if (!count_faults (trial, source, condition, shown, &count, &example, error))
    return false;
  if (count > 0)
    note_fault (trial, columns,
                g_strdup_printf ("%s.%s: %" G_GINT64_FORMAT " of %" G_GUINT64_FORMAT
                                 " rows break the constraint “%s” CHECK %s, such as %s",
                                 trial->table->label, columns, count,
                                 MIN (trial->table->rows, GEN_TRIAL_ROWS), name, condition,
                                 example));
  return true;
}

static bool
try_not_null (Trial *trial, const GenColumn *column, GError **error)
{
  g_autofree char *name = db_quote_ident (column->name);
  g_autofree char *condition = g_strdup_printf ("%s IS NOT NULL", name);
  g_autofree char *example = NULL;
  int64_t count;
  if (!column->is_not_null || column->is_left_out)
    return true;
  if (!count_faults (trial, TRIAL_TABLE, condition, "''", &count, &example, error))
    return false;
  if (count > 0)
    note_fault (trial, column->name,
                g_strdup_printf ("%s.%s: %" G_GINT64_FORMAT " of %" G_GUINT64_FORMAT
                                 " rows have NULL, which the column does not allow",
                                 trial->table->label, column->name, count,
                                 MIN (trial->table->rows, GEN_TRIAL_ROWS)));
  return true;
}

static bool
count_all (Trial *trial, GError **error)
{
  g_autofree char *oid = g_strdup_printf ("%u", trial->table->oid);
  g_autoptr (DbResult) checks = NULL;
  for (guint i = 0; i < trial->table->columns->len; i++)
    if (!try_not_null (trial, gen_table_column (trial->table, i), error))
      return false;
  if (!db_query (trial->conn, checks_sql, 1, (const char *[]){ oid }, &checks, error))
    return false;
  for (int i = 0; i < db_result_rows (checks); i++)
    if (!try_check (trial, db_result_text (checks, i, 0), db_result_text (checks, i, 1),
                    db_result_text (checks, i, 2), db_result_bool (checks, i, 3), error))
      return false;
  return true;
}

static bool
try_table (Trial *trial, GError **error)
{
  bool done = db_exec (trial->conn, "BEGIN", error) && make_table (trial->conn, trial->table, error)
              && fill_table (trial->conn, trial->table, error) && count_all (trial, error);
  bool is_usable = db_rollback (trial->conn);
  if (!done)
    return prefix_error (error, "trying rows of “%s”", trial->table->label);
  return is_usable
         || keel_error (error, KEEL_ERROR_FAILED, NULL, "the trial could not be rolled back");
}

bool
gen_trial (DbConn *conn, const GenModel *model, const char *file, GError **error)
{
  g_autoptr (GPtrArray) faults = g_ptr_array_new_with_free_func (g_free);
  Trial trial = { .conn = conn, .model = model, .file = file, .faults = faults };
  for (guint i = 0; i < model->tables->len; i++)
    {
      trial.table = model->tables->pdata[i];
      if (trial.table->rows > 0 && !trial.table->is_done && !try_table (&trial, error))
        return false;
    }
  if (faults->len == 0)
    return true;
  g_ptr_array_add (faults, NULL);
  g_autofree char *rest = g_strjoinv ("\n", (char **) faults->pdata + 1);
  g_autofree char *place = trial.place != NULL ? node_place (trial.place, file) : g_strdup (file);
  return keel_error_full (error, KEEL_ERROR_CONFIG, NULL, *rest != '\0' ? rest : NULL,
                          "Say below columns: what the column is to hold (docs/generators.md); "
                          "nothing was loaded.",
                          "%s: %s", place, (char *) faults->pdata[0]);
}
