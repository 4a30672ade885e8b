/*
 * From what files say to rows of the database: references are looked up, rows are found by their keys, and
 * those that are new get the ids that others refer to them by.
 *
 * Tables that refer to each other in a circle, and rows that refer to rows of their own table, are gone over
 * until nothing more is found.
 */
#include "seed/internal.h"

#include <string.h>

static bool
has_number (const GArray *numbers, int number)
{
  for (guint i = 0; i < numbers->len; i++)
    if (g_array_index (numbers, int, i) == number)
      return true;
  return false;
}

static char *
name_of (const SeedTable *table, int number)
{
  return db_quote_ident (seed_table_column (table, number)->name);
}

char *
seed_key_match (const SeedSet *set, const char *t, const char *s)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  for (guint i = 0; i < set->key->len; i++)
    {
      const SeedColumn *column = seed_table_column (set->table, g_array_index (set->key, int, i));
      g_autofree char *name = db_quote_ident (column->name);
      g_autofree char *equal
          = g_strdup_printf ("%s.%s %s %s.v%d", t, name, column->equal, s, column->number);
      const char *and = i > 0 ? " AND " : "";
      if (column->is_not_null || set->key->len == 1)
        g_string_append_printf (sql, "%s%s", and, equal);
      else
        g_string_append_printf (sql, "%s(%s OR (%s.%s IS NULL AND %s.v%d IS NULL))", and, equal, t,
                                name, s, column->number);
    }
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

/* --- references ------------------------------------------------------------------------------ */

/* S says something of the reference: one of its own inputs is no NULL. */
static char *
is_meant (const SeedReference *reference)
{
  g_autoptr (GString) sql = g_string_new ("(");
  for (guint i = 0; i < reference->inputs->len; i++)
    g_string_append_printf (sql, "%ss.%s IS NOT NULL", i > 0 ? " OR " : "",
                            (char *) reference->inputs->pdata[i]);
  g_string_append_c (sql, ')');
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static bool
is_shared_output (const SeedReference *reference, guint i)
{
  const char *output = reference->outputs->pdata[i];
  for (guint j = 0; j < reference->parts->len; j++)
    {
      const SeedPart *part = reference->parts->pdata[j];
      if (part->is_shared && strcmp (part->stage_column, output) == 0)
        return true;
    }
  return false;
}

/* What is NULL as long as the reference is not resolved. */
static const char *
main_output (const SeedReference *reference)
{
  for (guint i = 0; i < reference->outputs->len; i++)
    if (!is_shared_output (reference, i))
      return reference->outputs->pdata[i];
  return reference->outputs->pdata[0];
}

/* Column NUMBER of the target, T being the table itself or the stage of its rows. */
static char *
target_column (const SeedReference *reference, int number, bool in_stage)
{
  if (in_stage)
    return g_strdup_printf ("t.v%d", number);
  g_autofree char *name = name_of (reference->target, number);
  return g_strdup_printf ("t.%s", name);
}

/* "FROM ... WHERE ...": S with the row of the target T that it refers to, where that is not known yet. */
static char *
lookup_sql (const SeedSet *set, const SeedReference *reference, const SeedSet *staged)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  g_autofree char *is_said = is_meant (reference);
  g_string_append_printf (sql, "s.%s IS NULL AND %s", main_output (reference), is_said);
  for (guint i = 0; i < reference->parts->len; i++)
    {
      const SeedPart *part = reference->parts->pdata[i];
      const SeedColumn *column = seed_table_column (reference->target, part->column);
      g_autofree char *there = target_column (reference, part->column, staged != NULL);
      g_autofree char *meant = part->within != NULL ? is_meant (part->within) : g_strdup ("false");
      if (column->is_not_null || part->is_shared || reference->parts->len == 1)
        g_string_append_printf (sql, " AND %s %s s.%s", there, column->equal, part->stage_column);
      else
        g_string_append_printf (
            sql, " AND (%s %s s.%s OR (%s IS NULL AND s.%s IS NULL AND NOT %s))", there,
            column->equal, part->stage_column, there, part->stage_column, meant);
    }
  if (staged != NULL)
    g_string_append (sql, " AND t.act <> 'x'");
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static bool
refuse_ambiguous (const SeedSet *set, const SeedReference *reference, int64_t n, GError **error)
{
  g_autofree char *shown = seed_value_shown (set, n, reference->path);
  return seed_refuse_row (set, n, reference->path,
                          "Refer to it by a key, which only one row can have.", error,
                          "“%s” refers to more than one row of %s: %s", reference->path,
                          reference->target->shown, shown);
}

static bool
check_unambiguous (SeedRun *run, const SeedSet *set, const SeedReference *reference,
                   const char *lookup, const char *from, GError **error)
{
  g_autoptr (GArray) columns = g_array_new (FALSE, FALSE, sizeof (int));
  int64_t n;
  for (guint i = 0; i < reference->parts->len; i++)
    g_array_append_val (columns, ((SeedPart *) reference->parts->pdata[i])->column);
  if (seed_table_is_unique (reference->target, columns))
    return true;
  g_autofree char *sql
      = g_strdup_printf ("SELECT s.n FROM %s s, %s t WHERE %s GROUP BY s.n HAVING count(*) > 1\n"
                         " ORDER BY 1 LIMIT 1",
                         set->stage, from, lookup);
  return seed_query_number (run, sql, &n, error)
         && (n < 0 || refuse_ambiguous (set, reference, n, error));
}

/* STAGED: look among the rows of that stage; NULL: in the table. */
static bool
look_up_in (SeedRun *run, const SeedSet *set, const SeedReference *reference, const SeedSet *staged,
            int64_t *found, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  g_autofree char *lookup = lookup_sql (set, reference, staged);
  const char *from = staged != NULL ? staged->stage : reference->target->sql;
  int64_t rows = 0;
  g_string_append_printf (sql, "UPDATE %s s SET ", set->stage);
  const char *comma = "";
  for (guint i = 0; i < reference->outputs->len; i++)
    {
      if (is_shared_output (reference, i))
        continue;
      g_autofree char *value = target_column (
          reference, g_array_index (reference->key->targets, int, i), staged != NULL);
      g_string_append_printf (sql, "%s%s = %s", comma, (char *) reference->outputs->pdata[i],
                              value);
      comma = ", ";
    }
  g_string_append_printf (sql, " FROM %s t WHERE %s", from, lookup);
  if (!check_unambiguous (run, set, reference, lookup, from, error)
      || !seed_exec (run, sql->str, &rows, error))
    return false;
  *found += rows;
  return true;
}

/* The stage of the target, if it has all that is asked for. */
static const SeedSet *
staged_target (SeedRun *run, const SeedReference *reference)
{
  const SeedSet *staged
      = g_hash_table_lookup (run->by_oid, GUINT_TO_POINTER (reference->target->oid));
  if (staged == NULL || staged->row_count == 0)
    return NULL;
  for (guint i = 0; i < reference->parts->len; i++)
    if (!has_number (staged->carried, ((SeedPart *) reference->parts->pdata[i])->column))
      return NULL;
  return staged;
}

/* The files come first: what they change is not what it was any more. */
static bool
look_up (SeedRun *run, const SeedSet *set, const SeedReference *reference, int64_t *found,
         GError **error)
{
  const SeedSet *staged = staged_target (run, reference);
  return (staged == NULL || look_up_in (run, set, reference, staged, found, error))
         && look_up_in (run, set, reference, NULL, found, error);
}

static bool
check_resolved (SeedRun *run, const SeedSet *set, const SeedReference *reference, GError **error)
{
  g_autofree char *meant = is_meant (reference);
  g_autofree char *sql = g_strdup_printf ("SELECT min (s.n) FROM %s s WHERE s.%s IS NULL AND %s",
                                          set->stage, main_output (reference), meant);
  int64_t n;
  if (!seed_query_number (run, sql, &n, error))
    return false;
  if (n < 0)
    return true;
  g_autofree char *shown = seed_value_shown (set, n, reference->path);
  return seed_refuse_row (set, n, reference->path,
                          "The row must be in a file of seeds, or in the database already.", error,
                          "“%s” refers to a row of %s that is not there: %s", reference->path,
                          reference->target->shown, shown);
}

/* --- rows ------------------------------------------------------------------------------------ */

/* The key of S is known: nothing that it is made of is still looked for. */
static char *
key_is_known (const SeedSet *set)
{
  g_autoptr (GString) sql = g_string_new ("s.act IS NULL");
  for (guint i = 0; i < set->groups->len; i++)
    {
      const SeedGroup *group = set->groups->pdata[i];
      bool is_of_key = false;
      for (guint j = 0; j < group->columns->len; j++)
        is_of_key |= has_number (set->key, g_array_index (group->columns, int, j));
      if (group->reference == NULL || !is_of_key)
        continue;
      g_autofree char *meant = is_meant (group->reference);
      g_string_append_printf (sql, " AND (s.%s IS NOT NULL OR NOT %s)",
                              main_output (group->reference), meant);
    }
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static bool
check_key_is_there (SeedRun *run, const SeedSet *set, const char *known, GError **error)
{
  for (guint i = 0; i < set->key->len; i++)
    {
      const SeedColumn *column = seed_table_column (set->table, g_array_index (set->key, int, i));
      g_autofree char *sql
          = g_strdup_printf ("SELECT min (s.n) FROM %s s WHERE %s AND s.v%d IS NULL", set->stage,
                             known, column->number);
      int64_t n;
      if (set->key->len > 1 && !column->is_not_null)
        continue;
      if (!seed_query_number (run, sql, &n, error))
        return false;
      const char *path = seed_path_of_column (set, column->number);
      if (n > 0)
        return seed_refuse_row (set, n, path, NULL, error,
                                "“%s” has no value, and rows of %s are known by it", path,
                                set->table->shown);
    }
  return true;
}

static char *
key_columns (const SeedSet *set, const char *prefix)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  for (guint i = 0; i < set->key->len; i++)
    g_string_append_printf (sql, "%s%sv%d", i > 0 ? ", " : "", prefix,
                            g_array_index (set->key, int, i));
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static bool
check_no_duplicates (SeedRun *run, const SeedSet *set, const char *known, GError **error)
{
  g_autofree char *columns = key_columns (set, "s.");
  g_autofree char *sql = g_strdup_printf (
      "SELECT max (s.n), min (s.n) FROM %s s WHERE %s GROUP BY s.layer, %s HAVING count(*) > 1\n"
      " ORDER BY 2 LIMIT 1",
      set->stage, known, columns);
  g_autoptr (DbResult) result = NULL;
  if (!db_query (run->conn, sql, 0, NULL, &result, error))
    return false;
  if (db_result_rows (result) == 0)
    return true;
  int64_t n = db_result_int64 (result, 0, 0);
  const char *path = seed_path_of_column (set, g_array_index (set->key, int, 0));
  g_autofree char *first = seed_place (set, db_result_int64 (result, 0, 1), path);
  return seed_refuse_row (set, n, path, "Remove one of the two.", error,
                          "the row has the same key as the one at %s", first);
}

/* Of two rows with the same key the environment's wins; what it does not say, the common one does. */
static bool
merge_layers (SeedRun *run, const SeedSet *set, const char *known, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  g_autoptr (GString) match = g_string_new (NULL);
  if (!set->has_layers)
    return true;
  for (guint i = 0; i < set->key->len; i++)
    {
      const SeedColumn *column = seed_table_column (set->table, g_array_index (set->key, int, i));
      g_string_append_printf (match, " AND (s.v%d %s c.v%d OR (s.v%d IS NULL AND c.v%d IS NULL))",
                              column->number, column->equal, column->number, column->number,
                              column->number);
    }
  g_string_append_printf (sql, "UPDATE %s s SET n = s.n", set->stage);
  for (guint i = 0; i < set->groups->len; i++)
    {
      const SeedGroup *group = set->groups->pdata[i];
      g_string_append_printf (sql, ", g%u = s.g%u OR c.g%u", i, i, i);
      for (guint j = 0; j < group->columns->len; j++)
        {
          int number = g_array_index (group->columns, int, j);
          g_string_append_printf (sql, ", v%d = CASE WHEN s.g%u THEN s.v%d ELSE c.v%d END", number,
                                  i, number, number);
        }
      for (guint j = 0; j < set->inputs->len; j++)
        {
          const SeedInput *input = set->inputs->pdata[j];
          if (input->group == i && *input->stage_column == 'c')
            g_string_append_printf (sql, ", %s = CASE WHEN s.g%u THEN s.%s ELSE c.%s END",
                                    input->stage_column, i, input->stage_column,
                                    input->stage_column);
        }
    }
  g_string_append_printf (sql, " FROM %s c WHERE %s AND s.layer = 1 AND c.layer = 0%s", set->stage,
                          known, match->str);
  g_autofree char *hide = g_strdup_printf (
      "UPDATE %s c SET act = 'x' FROM %s s WHERE %s AND s.layer = 1 AND c.layer = 0 AND c.act IS NULL%s",
      set->stage, set->stage, known, match->str);
  return seed_exec (run, sql->str, NULL, error) && seed_exec (run, hide, NULL, error);
}

static bool
check_one_match (SeedRun *run, const SeedSet *set, const char *known, const char *match,
                 GError **error)
{
  int64_t n;
  if (seed_table_is_unique (set->table, set->key))
    return true;
  g_autofree char *sql = g_strdup_printf (
      "SELECT s.n FROM %s s, %s t WHERE %s AND %s GROUP BY s.n HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
      set->stage, set->table->sql, known, match);
  if (!seed_query_number (run, sql, &n, error))
    return false;
  const char *path = seed_path_of_column (set, g_array_index (set->key, int, 0));
  return n < 0
         || seed_refuse_row (
             set, n, path, "Name columns below keys: in seeds.yaml that only one row can have.",
             error, "the key of this row is that of several rows of %s", set->table->shown);
}

/* The group that says column NUMBER; -1: none. */
static int
group_of (const SeedSet *set, int number)
{
  for (guint i = 0; i < set->groups->len; i++)
    if (has_number (((SeedGroup *) set->groups->pdata[i])->columns, number))
      return (int) i;
  return -1;
}

/* Rows that are there: what the files do not say is as it is. */
static bool
match_rows (SeedRun *run, const SeedSet *set, const char *known, int64_t *found, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  g_autofree char *match = seed_key_match (set, "t", "s");
  int64_t rows;
  if (!check_one_match (run, set, known, match, error))
    return false;
  g_string_append_printf (sql, "UPDATE %s s SET act = 'e'", set->stage);
  for (guint i = 0; i < set->carried->len; i++)
    {
      int number = g_array_index (set->carried, int, i), group = group_of (set, number);
      g_autofree char *name = name_of (set->table, number);
      if (group < 0)
        g_string_append_printf (sql, ", v%d = t.%s", number, name);
      else if (!has_number (set->key, number))
        g_string_append_printf (sql, ", v%d = CASE WHEN s.g%d THEN s.v%d ELSE t.%s END", number,
                                group, number, name);
    }
  g_string_append_printf (sql, " FROM %s t WHERE %s AND %s", set->table->sql, known, match);
  if (!seed_exec (run, sql->str, &rows, error))
    return false;
  *found += rows;
  return true;
}

/* Rows that are new: what the files do not say has its default. Sequences are asked in the order of the rows, which
 * only a sorted subquery has. */
static bool
assign_rows (SeedRun *run, const SeedSet *set, const char *known, int64_t *found, GError **error)
{
  g_autoptr (GString) assignments = g_string_new ("act = 'i'");
  g_autoptr (GString) values = g_string_new ("s.n");
  int64_t rows;
  for (guint i = 0; i < set->carried->len; i++)
    {
      int number = g_array_index (set->carried, int, i), group = group_of (set, number);
      const SeedColumn *column = seed_table_column (set->table, number);
      if (column->fallback == NULL)
        continue;
      g_string_append_printf (assignments, ", v%d = d.d%d", number, number);
      if (group < 0)
        g_string_append_printf (values, ", (%s) AS d%d", column->fallback, number);
      else
        g_string_append_printf (values, ", CASE WHEN s.g%d THEN s.v%d ELSE (%s) END AS d%d", group,
                                number, column->fallback, number);
    }
  g_autofree char *sql
      = g_strdup_printf ("UPDATE %s s SET %s FROM (SELECT %s FROM %s s WHERE %s ORDER BY s.n) d\n"
                         " WHERE s.n = d.n AND %s",
                         set->stage, assignments->str, values->str, set->stage, known, known);
  if (!seed_exec (run, sql, &rows, error))
    return false;
  *found += rows;
  return true;
}

static bool
find_rows (SeedRun *run, const SeedSet *set, int64_t *found, GError **error)
{
  g_autofree char *known = key_is_known (set);
  return check_key_is_there (run, set, known, error) && check_no_duplicates (run, set, known, error)
         && merge_layers (run, set, known, error) && match_rows (run, set, known, found, error)
         && assign_rows (run, set, known, found, error);
}

/* --- components ------------------------------------------------------------------------------- */

static bool
has_shared_parts (const SeedReference *reference)
{
  for (guint i = 0; i < reference->parts->len; i++)
    if (((SeedPart *) reference->parts->pdata[i])->is_shared)
      return true;
  return false;
}

/* Those that go by what others come to (the tenant) after the others. */
static bool
look_up_all (SeedRun *run, const SeedSet *set, int64_t *found, GError **error)
{
  for (int shared = 0; shared < 2; shared++)
    for (guint i = 0; i < set->references->len; i++)
      {
        const SeedReference *reference = set->references->pdata[i];
        if (has_shared_parts (reference) == (shared == 1)
            && !look_up (run, set, reference, found, error))
          return false;
      }
  return true;
}

/* Once over all sets of the component; *RET_FOUND is 0 when nothing more can be found. */
static bool
go_over (SeedRun *run, const GPtrArray *sets, int64_t *ret_found, GError **error)
{
  *ret_found = 0;
  for (guint i = 0; i < sets->len; i++)
    if (!look_up_all (run, sets->pdata[i], ret_found, error))
      return false;
  for (guint i = 0; i < sets->len; i++)
    if (!find_rows (run, sets->pdata[i], ret_found, error))
      return false;
  return true;
}

static bool
is_circular (const GPtrArray *sets)
{
  return sets->len > 1 || (sets->len == 1 && ((SeedSet *) sets->pdata[0])->is_self);
}

bool
seed_resolve (SeedRun *run, guint component, bool is_final, GError **error)
{
  g_autoptr (GPtrArray) sets = g_ptr_array_new ();
  int64_t found;
  for (guint i = 0; i < run->sets->len; i++)
    {
      SeedSet *set = run->sets->pdata[i];
      if (set->component == component && set->row_count > 0)
        g_ptr_array_add (sets, set);
    }
  do
    if (!go_over (run, sets, &found, error))
      return false;
  while (found > 0 && is_circular (sets));
  for (guint i = 0; is_final && i < sets->len; i++)
    {
      const SeedSet *set = sets->pdata[i];
      for (guint j = 0; j < set->references->len; j++)
        if (!check_resolved (run, set, set->references->pdata[j], error))
          return false;
    }
  return true;
}
