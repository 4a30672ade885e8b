#include "base/clock.h"
#include "base/text.h"
#include "integrity/run_internal.h"

#include <string.h>

/* So many conditions are evaluated by one statement: a select list holds at most 1,664 columns. */
#define PROBES_AT_ONCE 200
/* What evaluating one condition adds to reading a row, in rows. */
#define PROBE_COST 0.2

/* A range of the probes of one table. */
typedef struct
{
  GPtrArray *probes; /* of CheckProbe, owned */
} Scan;

void
run_probe_free (CheckProbe *probe)
{
  g_free ((char *) probe->object);
  g_free ((char *) probe->condition);
  g_free ((char *) probe->message);
  g_free ((char *) probe->fix);
  g_free (probe);
}

static CheckProbe *
copy_probe (const CheckProbe *probe)
{
  CheckProbe *copy = g_new (CheckProbe, 1);
  *copy = *probe;
  copy->object = g_strdup (probe->object);
  copy->condition = g_strdup (probe->condition);
  copy->message = g_strdup (probe->message);
  copy->fix = g_strdup (probe->fix);
  return copy;
}

void
check_probe (CheckContext *context, const CheckProbe *probe)
{
  Runner *runner = context->runner;
  if (!run_is_wanted (runner, probe->check, probe->object, 1)
      || !check_can_read (context, probe->check, probe->table, probe->object))
    return;
  g_mutex_lock (&runner->lock);
  g_ptr_array_add (runner->probes, copy_probe (probe));
  g_mutex_unlock (&runner->lock);
}

char *
check_rows_query (const CatalogueTable *table, const char *condition)
{
  return g_strdup_printf ("SELECT ctid, * FROM %s%s WHERE %s", catalogue_table_only (table),
                          table->quoted, condition);
}

/* The names of the primary key's columns, or NULL when it has none. */
static char *
list_primary_key (const CatalogueTable *table)
{
  if (table->primary == NULL)
    return NULL;
  g_autoptr (GPtrArray) columns = g_ptr_array_new ();
  for (guint i = 0; i < table->primary->columns->len; i++)
    {
      CatalogueColumn *column
          = catalogue_column (table, g_array_index (table->primary->columns, int, i));
      if (column != NULL)
        g_ptr_array_add (columns, column);
    }
  return catalogue_columns_sql (columns, "", ", ");
}

/* ": the first at ctid (0,3), id 7"; "" when it cannot be told. Not being able to say where is no
 * reason not to say that. */
static char *
locate_first (CheckContext *context, const CheckProbe *probe)
{
  g_autoptr (DbResult) result = NULL;
  g_autofree char *key = list_primary_key (probe->table);
  g_autofree char *sql = g_strdup_printf (
      "SELECT ctid%s%s FROM %s%s WHERE %s LIMIT 1", key != NULL ? ", " : "", key != NULL ? key : "",
      catalogue_table_only (probe->table), probe->table->quoted, probe->condition);
  if (!check_has_time (context) || !check_query (context, sql, 0, NULL, &result, NULL)
      || db_result_rows (result) == 0)
    return g_strdup ("");
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "; the first is at ctid %s", db_result_text (result, 0, 0));
  if (key == NULL)
    return g_string_free (text, FALSE);
  const GArray *numbers = probe->table->primary->columns;
  for (guint i = 0; i < numbers->len; i++)
    g_string_append_printf (text, ", %s %s",
                            catalogue_column (probe->table, g_array_index (numbers, int, i))->name,
                            db_result_text (result, 0, (int) i + 1));
  return g_string_free (text, FALSE);
}

/* MESSAGE with its %s replaced. */
static char *
fill_message (const char *message, const char *count)
{
  const char *place = strstr (message, "%s");
  g_assert (place != NULL);
  return g_strdup_printf ("%.*s%s%s", (int) (place - message), message, count, place + 2);
}

static void
report_probe (CheckContext *context, const CheckProbe *probe, int64_t rows)
{
  g_autofree char *count = text_format_count ((uint64_t) rows);
  g_autofree char *message = fill_message (probe->message, count);
  g_autofree char *place = locate_first (context, probe);
  Finding *finding = finding_new (probe->check, probe->object, "%s%s", message, place);
  if (probe->has_severity)
    finding->severity = probe->severity;
  finding->rows = rows;
  finding->query = check_rows_query (probe->table, probe->condition);
  finding->schema = g_strdup (probe->table->schema);
  finding->table = g_strdup (probe->table->name);
  finding->fix = g_strdup (probe->fix);
  finding->fix_is_safe = probe->fix_is_safe;
  finding->is_inferred = probe->is_inferred;
  check_found (context, finding);
}

static char *
build_scan (GPtrArray *probes, guint first, guint count)
{
  const CatalogueTable *table = ((const CheckProbe *) probes->pdata[first])->table;
  GString *sql = g_string_new ("SELECT count(*)");
  for (guint i = first; i < first + count; i++)
    {
      const CheckProbe *probe = probes->pdata[i];
      g_string_append_printf (sql, ", count(*) FILTER (WHERE %s)", probe->condition);
    }
  g_string_append_printf (sql, " FROM %s%s", catalogue_table_only (table), table->quoted);
  return g_string_free (sql, FALSE);
}

static void
take_counts (CheckContext *context, GPtrArray *probes, guint first, guint count,
             const DbResult *result, double seconds)
{
  int64_t total = db_result_int64 (result, 0, 0);
  for (guint i = first; i < first + count; i++)
    {
      const CheckProbe *probe = probes->pdata[i];
      int64_t rows = db_result_int64 (result, 0, (int) (i - first) + 1);
      check_covered (context, probe->check, 1, total);
      run_add_seconds (context->runner, probe->check, seconds / count);
      if (rows > probe->tolerated)
        report_probe (context, probe, rows);
    }
  /* The rows were read once, whoever asked for them. */
  g_mutex_lock (&context->runner->lock);
  context->runner->run->rows -= total * (count - 1);
  g_mutex_unlock (&context->runner->lock);
}

/* Another try with fewer conditions may get on when one of them failed, but not when it took too long
 * or the table cannot be had. */
static bool
is_worth_halving (const GError *error)
{
  static const char *const hopeless[] = { "57014", "55P03", "42501", "42P01" };
  const char *sqlstate = keel_error_sqlstate (error);
  for (size_t i = 0; sqlstate != NULL && i < G_N_ELEMENTS (hopeless); i++)
    if (strcmp (sqlstate, hopeless[i]) == 0)
      return false;
  return true;
}

static bool
scan_range (CheckContext *context, GPtrArray *probes, guint first, guint count, GError **error)
{
  g_autofree char *sql = build_scan (probes, first, count);
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GError) problem = NULL;
  int64_t begun = clock_monotonic_us ();
  if (check_query (context, sql, 0, NULL, &result, &problem))
    {
      double seconds = (double) (clock_monotonic_us () - begun) / 1e6;
      take_counts (context, probes, first, count, result, seconds);
      return true;
    }
  if (run_is_fatal (problem))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  if (count > 1 && is_worth_halving (problem))
    return scan_range (context, probes, first, count / 2, error)
           && scan_range (context, probes, first + count / 2, count - count / 2, error);
  for (guint i = first; i < first + count; i++)
    {
      const CheckProbe *probe = probes->pdata[i];
      run_note_failure (context, probe->check, probe->object, problem);
    }
  return true;
}

static bool
run_scan (CheckContext *context, const Check *check, void *data, GError **error)
{
  (void) check;
  Scan *scan = data;
  return scan_range (context, scan->probes, 0, scan->probes->len, error);
}

static void
scan_free (void *data)
{
  Scan *scan = data;
  g_ptr_array_unref (scan->probes);
  g_free (scan);
}

static void
leave_scan_out (CheckContext *context, Scan *scan)
{
  for (guint i = 0; i < scan->probes->len; i++)
    {
      const CheckProbe *probe = scan->probes->pdata[i];
      run_leave_out (context->runner, probe->check, probe->object, 1);
    }
}

void
run_leave_task_out (CheckContext *context, RunTask *task)
{
  if (task->check == NULL)
    leave_scan_out (context, task->data);
  else
    run_leave_out (context->runner, task->check, task->object, MAX (task->count, 1));
}

static void
add_scan (Runner *runner, Scan *scan)
{
  const CatalogueTable *table = ((const CheckProbe *) scan->probes->pdata[0])->table;
  RunTask *task = g_new0 (RunTask, 1);
  double cost = table->rows * (1 + PROBE_COST * scan->probes->len);
  *task = (RunTask){ .object = g_strdup (table->display),
                     .cost = cost,
                     .function = run_scan,
                     .data = scan,
                     .free_data = scan_free };
  g_ptr_array_add (runner->tasks, task);
  runner->cost += cost;
}

static int
compare_probes (gconstpointer a, gconstpointer b)
{
  const CheckProbe *left = *(CheckProbe *const *) a;
  const CheckProbe *right = *(CheckProbe *const *) b;
  int order = strcmp (left->table->display, right->table->display);
  if (order == 0 && left->table != right->table)
    order = left->table->oid < right->table->oid ? -1 : 1;
  return order;
}

void
run_plan_scans (Runner *runner)
{
  g_autoptr (GPtrArray) probes = g_steal_pointer (&runner->probes);
  runner->probes = g_ptr_array_new_with_free_func ((GDestroyNotify) run_probe_free);
  g_ptr_array_set_free_func (probes, NULL);
  g_ptr_array_sort (probes, compare_probes);
  Scan *scan = NULL;
  for (guint i = 0; i < probes->len; i++)
    {
      CheckProbe *probe = probes->pdata[i];
      bool fits = scan != NULL && scan->probes->len < PROBES_AT_ONCE
                  && ((CheckProbe *) scan->probes->pdata[0])->table == probe->table;
      if (!fits && scan != NULL)
        add_scan (runner, scan);
      if (!fits)
        {
          scan = g_new0 (Scan, 1);
          scan->probes = g_ptr_array_new_with_free_func ((GDestroyNotify) run_probe_free);
        }
      g_ptr_array_add (scan->probes, probe);
    }
  if (scan != NULL)
    add_scan (runner, scan);
}
