/*
 * Writes what differs: rows that are new are inserted, rows that are there and differ are updated.
 *
 * Each is one statement. When the server refuses it, it is tried again in ever smaller parts, to find the row that
 * it refuses: that is only done once something is wrong.
 */
#include "seed/internal.h"

#include <string.h>

#define SAVEPOINT "SAVEPOINT pgkeel_seed"
#define ROLL_BACK "ROLLBACK TO SAVEPOINT pgkeel_seed"
#define RELEASE "RELEASE SAVEPOINT pgkeel_seed"

/* A statement over the rows of a set's stage, from n = FIRST to LAST. */
typedef struct
{
  SeedRun *run;
  const SeedSet *set;
  const char *head; /* up to what follows WHERE */
  const char *tail; /* behind it; "" */
} Step;

/* True when it ran: then the savepoint is still there. Otherwise FAILURE says what the server said, or *RET_PROBLEM
 * what else was wrong. */
static bool
try_step (const Step *step, int64_t first, int64_t last, int64_t *ret_rows, DbFailure *failure,
          GError **ret_problem)
{
  g_autofree char *sql
      = g_strdup_printf ("%s AND s.n BETWEEN %" G_GINT64_FORMAT " AND %" G_GINT64_FORMAT "%s",
                         step->head, first, last, step->tail);
  const DbStatement statement = { .sql = sql };
  return db_exec (step->run->conn, SAVEPOINT, ret_problem)
         && db_run (step->run->conn, &statement, ret_rows, failure, ret_problem);
}

/* Whether it is about a row, not about the statement: data exceptions, constraints, triggers, views. */
static bool
is_about_a_row (const DbFailure *failure)
{
  static const char *const classes[] = { "22", "23", "P0", "44", "38", "39" };
  for (size_t i = 0; failure->sqlstate != NULL && i < G_N_ELEMENTS (classes); i++)
    if (g_str_has_prefix (failure->sqlstate, classes[i]))
      return true;
  return false;
}

static bool
is_same_failure (const DbFailure *a, const DbFailure *b)
{
  return g_strcmp0 (a->sqlstate, b->sqlstate) == 0 && g_strcmp0 (a->constraint, b->constraint) == 0;
}

/* The first row with which the step fails as FAILURE says; 0 when it cannot be told. What works stays, so that it is
 * done once. But where rows refer to rows of their own table, a part of them may fail for want of the others: there
 * each part begins with the first row and is taken back. */
static int64_t
find_row (const Step *step, const DbFailure *failure)
{
  bool is_self = step->set->is_self;
  int64_t first = 1, low = 1, high = step->set->row_count;
  while (low < high)
    {
      g_auto (DbFailure) other = { 0 };
      g_autoptr (GError) problem = NULL;
      int64_t middle = low + (high - low) / 2;
      bool done = try_step (step, first, middle, NULL, &other, &problem);
      if (!db_exec (step->run->conn, done && !is_self ? RELEASE : ROLL_BACK, NULL))
        return 0;
      bool is_it = !done && is_same_failure (failure, &other);
      if (!done && !is_it && !is_self)
        return 0;
      if (is_it)
        high = middle;
      else
        low = middle + 1;
      if (!is_self)
        first = low;
    }
  return low;
}

/* --- what the server says ------------------------------------------------------------------------- */

/* The path in the files of a column that the failure is about; NULL: none is known. */
static const char *
path_of_failure (SeedRun *run, const SeedSet *set, const DbFailure *failure)
{
  static const char constraint_sql[]
      = "SELECT unnest (coalesce ((SELECT conkey FROM pg_constraint\n"
        "                           WHERE conrelid = $1::oid AND conname = $2),\n"
        "                         (SELECT indkey::int2[] FROM pg_index i\n"
        "                            JOIN pg_class c ON c.oid = i.indexrelid\n"
        "                           WHERE i.indrelid = $1::oid AND c.relname = $2)))";
  const SeedColumn *column
      = failure->column != NULL ? seed_table_column_called (set->table, failure->column) : NULL;
  if (column != NULL)
    return seed_path_of_column (set, column->number);
  if (failure->constraint == NULL)
    return NULL;
  g_autofree char *oid = g_strdup_printf ("%u", set->table->oid);
  const char *params[] = { oid, failure->constraint };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (run->conn, constraint_sql, 2, params, &result, NULL))
    return NULL;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const char *path = seed_path_of_column (set, (int) db_result_int64 (result, row, 0));
      if (path != NULL)
        return path;
    }
  return NULL;
}

/* A column that must have a value and is not in the file is one that was forgotten. */
static bool
refuse_missing (const SeedSet *set, int64_t n, const DbFailure *failure, const char *path,
                GError **error)
{
  if (g_strcmp0 (failure->sqlstate, "23502") != 0 || path != NULL || failure->column == NULL)
    return false;
  seed_refuse_row (set, n, NULL, "It has no default, so every new row must say it.", error,
                   "column “%s” of %s is missing", failure->column, set->table->shown);
  return true;
}

bool
seed_refuse_failure (const SeedSet *set, int64_t n, const char *path, const DbFailure *failure,
                     GError **error)
{
  g_autofree char *message = g_strdup (failure->message);
  g_autofree char *place = seed_place (set, n, path);
  g_strdelimit (message, "\r\n\t", ' ');
  return keel_error_full (error, KEEL_ERROR_SERVER, failure->sqlstate, failure->detail,
                          failure->hint, "%s: %s%s%s%s", place, path != NULL ? "“" : "",
                          path != NULL ? path : "", path != NULL ? "”: " : "", message);
}

static bool
explain (const Step *step, const DbFailure *failure, GError **error)
{
  const SeedSet *set = step->set;
  g_autofree char *message = g_strdup (failure->message);
  int64_t n = is_about_a_row (failure) ? find_row (step, failure) : 0;
  const char *path = path_of_failure (step->run, set, failure);
  g_strdelimit (message, "\r\n\t", ' ');
  if (n == 0)
    return keel_error_full (error, KEEL_ERROR_SERVER, failure->sqlstate, failure->detail,
                            failure->hint, "%s: %s", set->table->shown, message);
  if (refuse_missing (set, n, failure, path, error))
    return false;
  return seed_refuse_failure (set, n, path, failure, error);
}

static bool
run_step (const Step *step, int64_t *ret_rows, GError **error)
{
  g_auto (DbFailure) failure = { 0 };
  g_autoptr (GError) problem = NULL;
  *ret_rows = 0;
  if (try_step (step, 1, step->set->row_count, ret_rows, &failure, &problem))
    return db_exec (step->run->conn, RELEASE, error);
  if (failure.sqlstate != NULL && failure.message != NULL
      && db_exec (step->run->conn, ROLL_BACK, NULL))
    return explain (step, &failure, error);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* --- statements ------------------------------------------------------------------------------ */

static bool
is_broken (const SeedSet *set, int number)
{
  for (guint i = 0; i < set->broken->len; i++)
    {
      const SeedForeignKey *key = set->broken->pdata[i];
      for (guint j = 0; j < key->columns->len; j++)
        if (g_array_index (key->columns, int, j) == number && seed_can_be_null (set, number))
          return true;
    }
  return false;
}

static bool
insert_rows (SeedRun *run, const SeedSet *set, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  g_autoptr (GString) values = g_string_new (NULL);
  bool has_always = false;
  for (guint i = 0; i < set->carried->len; i++)
    {
      int number = g_array_index (set->carried, int, i);
      const SeedColumn *column = seed_table_column (set->table, number);
      g_autofree char *name = db_quote_ident (column->name);
      const char *comma = names->len > 0 ? ", " : "";
      if (column->is_generated)
        continue;
      has_always |= column->is_always;
      g_string_append_printf (names, "%s%s", comma, name);
      if (is_broken (set, number))
        g_string_append_printf (values, "%sNULL", comma);
      else
        g_string_append_printf (values, "%ss.v%d", comma, number);
    }
  g_autofree char *head = g_strdup_printf (
      "INSERT INTO %s (%s)%s SELECT %s FROM %s s WHERE s.act = 'i'", set->table->sql, names->str,
      has_always ? " OVERRIDING SYSTEM VALUE" : "", values->str, set->stage);
  const Step step = { run, set, head, " ORDER BY s.n" };
  return run_step (&step, &set->result->inserted, error);
}

static bool
compare_rows (SeedRun *run, const SeedSet *set, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  g_autofree char *match = seed_key_match (set, "t", "s");
  g_string_append_printf (sql, "UPDATE %s s SET act = CASE WHEN false", set->stage);
  for (guint i = 0; i < set->copied->len; i++)
    {
      int number = g_array_index (set->copied, int, i);
      g_autofree char *name = db_quote_ident (seed_table_column (set->table, number)->name);
      /* As text: what is equal to the server (citext, 1.0 and 1.00) is not always the same. */
      g_string_append_printf (sql, " OR t.%s::text IS DISTINCT FROM s.v%d::text", name, number);
    }
  g_string_append_printf (sql, " THEN 'u' ELSE 's' END FROM %s t WHERE s.act = 'e' AND %s",
                          set->table->sql, match);
  return seed_exec (run, sql->str, NULL, error);
}

/* Sets COLUMNS (of int) of the rows that ACT says. */
static bool
update_rows (SeedRun *run, const SeedSet *set, const GArray *columns, const char *act,
             int64_t *ret_rows, GError **error)
{
  g_autoptr (GString) head = g_string_new (NULL);
  g_autofree char *match = seed_key_match (set, "t", "s");
  const char *comma = "";
  g_string_append_printf (head, "UPDATE %s t SET ", set->table->sql);
  for (guint i = 0; i < columns->len; i++)
    {
      const SeedColumn *column = seed_table_column (set->table, g_array_index (columns, int, i));
      g_autofree char *name = db_quote_ident (column->name);
      if (column->is_always || column->is_generated)
        continue;
      g_string_append_printf (head, "%s%s = s.v%d", comma, name, column->number);
      comma = ", ";
    }
  *ret_rows = 0;
  if (*comma == '\0')
    return true;
  g_string_append_printf (head, " FROM %s s WHERE %s AND s.act = '%s'", set->stage, match, act);
  const Step step = { run, set, head->str, "" };
  return run_step (&step, ret_rows, error);
}

/* What was left NULL, now that all rows of the circle are there. */
static bool
fill_broken (SeedRun *run, const SeedSet *set, GError **error)
{
  g_autoptr (GArray) columns = g_array_new (FALSE, FALSE, sizeof (int));
  int64_t ignored;
  for (guint i = 0; i < set->carried->len; i++)
    {
      int number = g_array_index (set->carried, int, i);
      if (is_broken (set, number))
        g_array_append_val (columns, number);
    }
  return columns->len == 0 || update_rows (run, set, columns, "i", &ignored, error);
}

/* Rows whose file says an id of its own: the next one of the sequence must not be one of them. */
static bool
move_sequences (SeedRun *run, const SeedSet *set, GError **error)
{
  for (guint i = 0; i < set->copied->len; i++)
    {
      const SeedColumn *column
          = seed_table_column (set->table, g_array_index (set->copied, int, i));
      if (column->sequence == NULL || set->result->inserted == 0 || run->spec.dry_run)
        continue;
      g_autofree char *sql = g_strdup_printf (
          "SELECT setval (%s, m.value) FROM (SELECT max (v%d)::bigint AS value FROM %s WHERE act = 'i') m,\n"
          "       pg_sequence q\n"
          " WHERE q.seqrelid = %s AND q.seqincrement > 0 AND m.value BETWEEN q.seqmin AND q.seqmax\n"
          "   AND m.value > coalesce (pg_sequence_last_value (q.seqrelid), q.seqmin - 1)",
          column->sequence, column->number, set->stage, column->sequence);
      if (!seed_exec (run, sql, NULL, error))
        return false;
    }
  return true;
}

/* How many rows there are to do what with: a statement for none would still call triggers. */
static bool
count_acts (SeedRun *run, const SeedSet *set, int64_t *ret_inserts, int64_t *ret_updates,
            GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autofree char *sql = g_strdup_printf (
      "SELECT count(*) FILTER (WHERE act = 'i'), count(*) FILTER (WHERE act = 'u'),\n"
      "       count(*) FILTER (WHERE act = 's') FROM %s",
      set->stage);
  if (!db_query (run->conn, sql, 0, NULL, &result, error))
    return false;
  *ret_inserts = db_result_int64 (result, 0, 0);
  *ret_updates = db_result_int64 (result, 0, 1);
  set->result->unchanged = db_result_int64 (result, 0, 2);
  return true;
}

/* --- sets ------------------------------------------------------------------------------------ */

static bool
defer (SeedRun *run, const SeedSet *set, bool is_deferred, GError **error)
{
  for (guint i = 0; i < set->deferred->len; i++)
    {
      const SeedForeignKey *key = set->deferred->pdata[i];
      g_autofree char *name = db_quote_name (set->table->schema, key->name);
      g_autofree char *sql = g_strdup_printf ("SET CONSTRAINTS %s DEFERRED", name);
      if (is_deferred ? !seed_exec (run, sql, NULL, error)
                      : !seed_constraints_now (run, name, error))
        return false;
    }
  return true;
}

/* A row that gives up a value may make room for one that is new; but a row that comes to refer to a new one of
 * its own table must wait for it. */
static bool
write_set (SeedRun *run, SeedSet *set, GError **error)
{
  bool is_first = !set->is_self && set->broken->len == 0;
  SeedTableResult *result = set->result;
  int64_t inserts;
  if (!compare_rows (run, set, error)
      || !count_acts (run, set, &inserts, &set->update_count, error))
    return false;
  if (inserts + set->update_count > 0)
    report_step (run->report, "loading %s", set->table->shown);
  if (is_first && set->update_count > 0
      && !update_rows (run, set, set->copied, "u", &result->updated, error))
    return false;
  if (inserts > 0 && (!insert_rows (run, set, error) || !move_sequences (run, set, error)))
    return false;
  return is_first || set->broken->len > 0 || set->update_count == 0
         || update_rows (run, set, set->copied, "u", &result->updated, error);
}

static bool
finish_set (SeedRun *run, const SeedSet *set, GError **error)
{
  if (set->broken->len > 0 && set->result->inserted > 0 && !fill_broken (run, set, error))
    return false;
  if (set->broken->len > 0 && set->update_count > 0
      && !update_rows (run, set, set->copied, "u", &set->result->updated, error))
    return false;
  return defer (run, set, false, error);
}

bool
seed_apply (SeedRun *run, guint component, GError **error)
{
  g_autoptr (GPtrArray) sets = g_ptr_array_new ();
  for (guint i = 0; i < run->sets->len; i++)
    {
      SeedSet *set = run->sets->pdata[i];
      if (set->component == component && set->row_count > 0)
        g_ptr_array_add (sets, set);
    }
  for (guint i = 0; i < sets->len; i++)
    if (!defer (run, sets->pdata[i], true, error))
      return false;
  for (guint i = 0; i < sets->len; i++)
    if (!write_set (run, sets->pdata[i], error))
      return false;
  for (guint i = 0; i < sets->len; i++)
    if (!finish_set (run, sets->pdata[i], error))
      return false;
  return true;
}
