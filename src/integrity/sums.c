#include "integrity/sums.h"
#include "base/text.h"
#include "integrity/checks_common.h"

#include <string.h>

/* What fewer rows keep may be chance: then it is only a warning. */
#define KEPT_SURE 20

Sum *
sum_new (const CatalogueTable *parent, const CatalogueColumn *column, const CatalogueTable *child,
         const char *parent_key, const char *child_key)
{
  Sum *sum = g_new0 (Sum, 1);
  sum->parent = parent;
  sum->column = column;
  sum->child = child;
  sum->parent_key = g_strdup (parent_key);
  sum->child_key = g_strdup (child_key);
  sum->expressions = g_ptr_array_new_with_free_func (g_free);
  sum->object = catalogue_display (parent, column);
  return sum;
}

void
sum_free (void *data)
{
  Sum *sum = data;
  g_free (sum->parent_key);
  g_free (sum->child_key);
  g_free (sum->filter);
  g_free (sum->object);
  g_ptr_array_unref (sum->expressions);
  g_free (sum);
}

/* Nothing to count comes to 0 where the column is a number, and to null where it is a time or a text. */
static bool
has_zero (const Sum *sum)
{
  return check_is_numeric (sum->column) && strcmp (sum->column->base_name, "money") != 0;
}

static char *
sum_or_nothing (const Sum *sum, const char *value)
{
  return has_zero (sum) ? g_strdup_printf ("coalesce(%s, 0)", value) : g_strdup (value);
}

/* "parent AS p LEFT JOIN (the child's rows, grouped) AS d", d.v0 and so on being the expressions. The child
 * is called c, here as in the fix. */
static char *
sum_source (const Sum *sum, guint first, guint count)
{
  g_autoptr (GString) values = g_string_new (NULL);
  for (guint i = first; i < first + count; i++)
    g_string_append_printf (values, ", %s AS v%u", (const char *) sum->expressions->pdata[i], i);
  return g_strdup_printf ("%s%s AS p LEFT JOIN (SELECT c.%s AS key%s FROM %s%s AS c%s%s GROUP BY 1)"
                          " AS d ON d.key = p.%s",
                          catalogue_table_only (sum->parent), sum->parent->quoted, sum->child_key,
                          values->str, catalogue_table_only (sum->child), sum->child->quoted,
                          sum->filter != NULL ? " WHERE " : "",
                          sum->filter != NULL ? sum->filter : "", sum->parent_key);
}

static char *
sum_differs (const Sum *sum, guint i)
{
  g_autofree char *column = g_strdup_printf ("p.%s", sum->column->quoted);
  g_autofree char *value = g_strdup_printf ("d.v%u", i);
  g_autofree char *stored = sum_or_nothing (sum, column);
  g_autofree char *counted = sum_or_nothing (sum, value);
  return g_strdup_printf ("%s IS DISTINCT FROM %s", stored, counted);
}

/* A row that keeps the rule says something only when there is something to count. */
static char *
sum_statement (const Sum *sum)
{
  g_autofree char *source = sum_source (sum, 0, sum->expressions->len);
  GString *sql = g_string_new ("SELECT count(*), coalesce(sum(1), 0)");
  for (guint i = 0; i < sum->expressions->len; i++)
    {
      g_autofree char *differs = sum_differs (sum, i);
      g_string_append_printf (
          sql, ", count(*) FILTER (WHERE %s), count(*) FILTER (WHERE NOT (%s) AND p.%s %s)",
          differs, differs, sum->column->quoted, has_zero (sum) ? "<> 0" : "IS NOT NULL");
    }
  g_string_append_printf (sql, " FROM %s", source);
  return g_string_free (sql, FALSE);
}

static char *
sum_fix (const Sum *sum, guint i, const char *source, const char *differs)
{
  g_autofree char *value = g_strdup_printf (
      "(SELECT %s FROM %s%s AS c WHERE c.%s = p.%s%s%s)", (const char *) sum->expressions->pdata[i],
      catalogue_table_only (sum->child), sum->child->quoted, sum->child_key, sum->parent_key,
      sum->filter != NULL ? " AND " : "", sum->filter != NULL ? sum->filter : "");
  g_autofree char *actual = sum_or_nothing (sum, value);
  return g_strdup_printf (
      "UPDATE %s%s AS p SET %s = %s WHERE p.ctid IN (SELECT p.ctid FROM %s WHERE"
      " %s)",
      catalogue_table_only (sum->parent), sum->parent->quoted, sum->column->quoted, actual, source,
      differs);
}

static void
report_sum (CheckContext *context, const Check *check, const Sum *sum, guint i, int64_t rows,
            int64_t broken, int64_t kept)
{
  g_autofree char *broken_text = text_format_count ((uint64_t) broken);
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  g_autofree char *source = sum_source (sum, i, 1);
  g_autofree char *differs = sum_differs (sum, i);
  Finding *finding
      = finding_new (check, sum->object, "in %s of %s rows it is not %s of %s%s", broken_text,
                     rows_text, (const char *) sum->expressions->pdata[i], sum->child->display,
                     sum->is_declared ? "" : ", as it is in all others");
  finding->rows = broken;
  g_autofree char *value = g_strdup_printf ("d.v%u", i);
  g_autofree char *actual = sum_or_nothing (sum, value);
  finding->query = g_strdup_printf ("SELECT p.ctid, p.*, %s AS actual FROM %s WHERE %s", actual,
                                    source, differs);
  finding->schema = g_strdup (sum->parent->schema);
  finding->table = g_strdup (sum->parent->name);
  finding->fix = sum_fix (sum, i, source, differs);
  finding->is_inferred = !sum->is_declared;
  if (finding->is_inferred && kept < KEPT_SURE)
    finding->severity = CHECK_SEVERITY_WARNING;
  check_found (context, finding);
}

static bool
is_believed (int64_t rows, int64_t broken, int64_t kept)
{
  return kept >= SUM_KEPT_MIN && kept > broken
         && broken <= MAX (1, (int64_t) (SUM_BROKEN_SHARE_MAX * (double) rows));
}

static bool
look_at_sum (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Sum *sum = data;
  g_autofree char *sql = sum_statement (sum);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  int64_t rows = db_result_int64 (result, 0, 0);
  check_covered (context, check, 0, rows);
  /* The expression that fits best is what is meant; when it fits all rows nothing is wrong. */
  guint best = 0;
  for (guint i = 1; i < sum->expressions->len; i++)
    if (db_result_int64 (result, 0, 2 + 2 * (int) i)
        < db_result_int64 (result, 0, 2 + 2 * (int) best))
      best = i;
  int64_t broken = db_result_int64 (result, 0, 2 + 2 * (int) best);
  int64_t kept = db_result_int64 (result, 0, 3 + 2 * (int) best);
  if (broken > 0 && (sum->is_declared || is_believed (rows, broken, kept)))
    report_sum (context, check, sum, best, rows, broken, kept);
  return true;
}

void
sum_plan (CheckContext *context, const Check *check, Sum *sum)
{
  check_expect (context, check, NULL, 1);
  if (check_can_read (context, check, sum->parent, sum->object)
      && check_can_read (context, check, sum->child, sum->object))
    check_later (context, check, sum->object,
                 check_table_rows (sum->parent) + 2 * check_table_rows (sum->child), look_at_sum,
                 sum, sum_free);
  else
    sum_free (sum);
}
