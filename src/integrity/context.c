#include "base/clock.h"
#include "integrity/run_internal.h"

#include <stddef.h>
#include <string.h>

void
run_task_free (RunTask *task)
{
  if (task->free_data != NULL)
    task->free_data (task->data);
  g_free (task->object);
  g_free (task);
}

DbConn *
check_conn (CheckContext *context)
{
  return context->conn;
}

const Catalogue *
check_catalogue (CheckContext *context)
{
  return context->runner->catalogue;
}

const GPtrArray *
check_aggregates (CheckContext *context)
{
  return context->runner->options->aggregates;
}

int
check_server_major (CheckContext *context)
{
  return db_server_major (context->conn);
}

bool
check_has_time (CheckContext *context)
{
  int64_t give_up_us = context->runner->give_up_us;
  return give_up_us == 0 || clock_monotonic_us () < give_up_us;
}

/* With a budget no statement may take longer than what is left of it. */
static bool
limit_to_budget (CheckContext *context, GError **error)
{
  const Runner *runner = context->runner;
  if (runner->give_up_us == 0)
    return true;
  /* Rounded up: what is cut off must not look as if there had still been time. */
  int64_t left_ms = MAX (1, (runner->give_up_us - clock_monotonic_us ()) / 1000 + 1);
  int timeout_ms = runner->options->statement_timeout_ms;
  if (timeout_ms > 0)
    left_ms = MIN (left_ms, timeout_ms);
  g_autofree char *sql
      = g_strdup_printf ("SET LOCAL statement_timeout = %" G_GINT64_FORMAT, left_ms);
  return db_exec (context->conn, sql, error);
}

bool
check_query (CheckContext *context, const char *sql, int n, const char *const *params,
             DbResult **ret_result, GError **error)
{
  DbConn *conn = context->conn;
  if (!limit_to_budget (context, error) || !db_exec (conn, "SAVEPOINT one", error))
    return false;
  g_autoptr (GError) problem = NULL;
  if (db_query (conn, sql, n, params, ret_result, &problem))
    return db_exec (conn, "RELEASE SAVEPOINT one", error);
  bool is_usable = run_is_fatal (problem)
                   || db_exec (conn, "ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one", error);
  if (is_usable)
    g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static Coverage *
find_coverage (Runner *runner, const Check *check)
{
  Coverage *coverage = g_hash_table_lookup (runner->coverage, check);
  g_assert (coverage != NULL);
  return coverage;
}

void
check_expect (CheckContext *context, const Check *check, const char *noun, int64_t count)
{
  Runner *runner = context->runner;
  g_mutex_lock (&runner->lock);
  Coverage *coverage = find_coverage (runner, check);
  coverage->of += count;
  if (noun != NULL)
    coverage->noun = noun;
  g_mutex_unlock (&runner->lock);
}

void
check_covered (CheckContext *context, const Check *check, int64_t count, int64_t rows)
{
  Runner *runner = context->runner;
  g_mutex_lock (&runner->lock);
  Coverage *coverage = find_coverage (runner, check);
  coverage->looked_at += count;
  coverage->rows += rows;
  runner->run->rows += rows;
  g_mutex_unlock (&runner->lock);
}

void
run_add_seconds (Runner *runner, const Check *check, double seconds)
{
  g_mutex_lock (&runner->lock);
  find_coverage (runner, check)->seconds += seconds;
  g_mutex_unlock (&runner->lock);
}

/* Counts the match in the member at OFFSET of every pattern that has one. The lock is held. */
static bool
is_ignored (Runner *runner, const Check *check, const char *object, size_t offset)
{
  bool is_matched = false;
  for (guint i = 0; i < runner->run->ignore_uses->len; i++)
    {
      IgnoreUse *use = runner->run->ignore_uses->pdata[i];
      if (!ignore_matches (use->pattern, check->id, object))
        continue;
      is_matched = true;
      ++*(int64_t *) G_STRUCT_MEMBER_P (use, offset);
    }
  return is_matched;
}

void
check_unknown (CheckContext *context, const Check *check, const char *object, const char *format,
               ...)
{
  Runner *runner = context->runner;
  va_list args;
  va_start (args, format);
  g_autofree char *reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_mutex_lock (&runner->lock);
  Coverage *coverage = find_coverage (runner, check);
  if (is_ignored (runner, check, object, offsetof (IgnoreUse, unknown_count)))
    coverage->ignored_unknown_count++;
  else
    {
      coverage->unknown_count++;
      g_ptr_array_add (coverage->reasons, object != NULL
                                              ? g_strdup_printf ("%s: %s", object, reason)
                                              : g_steal_pointer (&reason));
    }
  g_mutex_unlock (&runner->lock);
}

void
run_leave_out (Runner *runner, const Check *check, const char *object, int64_t count)
{
  g_mutex_lock (&runner->lock);
  find_coverage (runner, check)->left_out_count += count;
  g_ptr_array_add (runner->run->left_out, object != NULL
                                              ? g_strdup_printf ("%s %s", check->id, object)
                                              : g_strdup (check->id));
  g_mutex_unlock (&runner->lock);
}

bool
run_is_wanted (Runner *runner, const Check *check, const char *object, int64_t count)
{
  if (runner->resume == NULL || g_hash_table_contains (runner->resume, check->id))
    return true;
  g_autofree char *unit = g_strdup_printf ("%s %s", check->id, object);
  if (g_hash_table_contains (runner->resume, unit))
    return true;
  g_mutex_lock (&runner->lock);
  find_coverage (runner, check)->looked_at += count;
  g_mutex_unlock (&runner->lock);
  return false;
}

bool
run_is_fatal (const GError *error)
{
  const char *sqlstate = keel_error_sqlstate (error);
  return !keel_error_is (error, KEEL_ERROR_SERVER)
         || (sqlstate != NULL && g_str_has_prefix (sqlstate, "57P"));
}

static char *
describe_failure (CheckContext *context, const GError *error)
{
  const IntegrityOptions *options = context->runner->options;
  const char *sqlstate = keel_error_sqlstate (error);
  if (g_strcmp0 (sqlstate, "57014") == 0 && options->statement_timeout_ms > 0)
    return g_strdup_printf ("it took longer than the statement timeout of %.4g s",
                            options->statement_timeout_ms / 1000.0);
  if (g_strcmp0 (sqlstate, "55P03") == 0)
    return g_strdup_printf ("another session kept it locked for longer than %.4g s",
                            options->lock_timeout_ms / 1000.0);
  return g_strdup (error->message);
}

bool
run_note_failure (CheckContext *context, const Check *check, const char *object,
                  const GError *error)
{
  if (run_is_fatal (error))
    return false;
  if (g_strcmp0 (keel_error_sqlstate (error), "57014") == 0 && !check_has_time (context))
    {
      run_leave_out (context->runner, check, object, 1);
      return true;
    }
  g_autofree char *reason = describe_failure (context, error);
  check_unknown (context, check, object, "%s", reason);
  return true;
}

static const char *
unreadable_reason (const CatalogueTable *table)
{
  if (!table->can_select)
    return "no privilege to read it";
  if (table->kind == 'f')
    return "a foreign table, whose rows are another server's";
  if (table->rls_is_active)
    return "row-level security hides rows of it from this user";
  if (table->is_locked)
    return "another session holds an exclusive lock on it";
  if (table->kind == 'm' && !table->is_populated)
    return "a materialised view that was never filled";
  return NULL;
}

bool
check_can_read (CheckContext *context, const Check *check, const CatalogueTable *table,
                const char *object)
{
  const char *reason = unreadable_reason (table);
  if (reason == NULL)
    return true;
  if (g_str_has_prefix (object, table->display))
    check_unknown (context, check, object, "%s", reason);
  else
    check_unknown (context, check, object, "%s: %s", table->display, reason);
  return false;
}

void
check_found (CheckContext *context, Finding *finding)
{
  Runner *runner = context->runner;
  g_mutex_lock (&runner->lock);
  Coverage *coverage = find_coverage (runner, finding->check);
  if (is_ignored (runner, finding->check, finding->object, offsetof (IgnoreUse, finding_count)))
    {
      coverage->ignored_count++;
      g_ptr_array_add (runner->run->ignored, finding);
    }
  else
    {
      coverage->finding_count++;
      g_ptr_array_add (runner->run->findings, finding);
    }
  g_mutex_unlock (&runner->lock);
}

bool
check_note_failure (CheckContext *context, const Check *check, const char *object, GError **error)
{
  if (!run_note_failure (context, check, object, *error))
    return false;
  g_clear_error (error);
  return true;
}

bool
check_query_heap (CheckContext *context, const char *sql, int n, const char *const *params,
                  DbResult **ret_result, GError **error)
{
  static const char without[]
      = "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;"
        " SET LOCAL enable_tidscan = off";
  static const char with[] = "SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on;"
                             " SET LOCAL enable_tidscan = on";
  if (!db_exec (context->conn, without, error))
    return false;
  g_autoptr (GError) problem = NULL;
  if (!check_query (context, sql, n, params, ret_result, &problem))
    {
      if (run_is_fatal (problem) || db_exec (context->conn, with, error))
        g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  return db_exec (context->conn, with, error);
}

static void
add_task (CheckContext *context, RunTask *task)
{
  Runner *runner = context->runner;
  if (!run_is_wanted (runner, task->check, task->object, MAX (task->count, 1)))
    {
      run_task_free (task);
      return;
    }
  g_mutex_lock (&runner->lock);
  g_ptr_array_add (runner->tasks, task);
  runner->cost += task->cost;
  g_mutex_unlock (&runner->lock);
}

void
check_later (CheckContext *context, const Check *check, const char *object, double cost,
             CheckLaterFn function, void *data, GDestroyNotify free_data)
{
  check_later_many (context, check, object, 0, cost, function, data, free_data);
}

void
check_later_many (CheckContext *context, const Check *check, const char *object, int64_t count,
                  double cost, CheckLaterFn function, void *data, GDestroyNotify free_data)
{
  RunTask *task = g_new (RunTask, 1);
  *task = (RunTask){ .check = check,
                     .object = g_strdup (object),
                     .count = count,
                     .cost = cost,
                     .function = function,
                     .data = data,
                     .free_data = free_data };
  add_task (context, task);
}
