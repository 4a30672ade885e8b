#include "backup/blockers.h"

#include <string.h>

#define LOOK_US (G_USEC_PER_SEC / 4)

struct Blockers
{
  DbConn *watcher;
  char *pid;
  Report *report;
  GThread *thread;
  GMutex lock; /* over all below */
  GCond ended;
  bool has_ended;
  char *who; /* the last one that was waited for; NULL: nobody yet */
  char *hint;
};

/* A prepared transaction is shown as session 0. */
static const char blocker_sql[]
    = "SELECT b.pid,"
      "       CASE WHEN b.pid = 0 THEN 'a prepared transaction'"
      "       ELSE pg_catalog.format('session %s of %s (%s)', b.pid, coalesce(a.usename, 'the server'),"
      "         pg_catalog.concat_ws(', ', nullif(a.application_name, ''),"
      "           CASE WHEN a.state LIKE 'idle%' THEN a.state ELSE 'busy' END || ' for '"
      "           || pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() -"
      "                CASE WHEN a.state LIKE 'idle%' THEN a.state_change ELSE a.query_start END)::int"
      "           || ' s')) END"
      "  FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1::int)) AS b (pid)"
      "  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid"
      " ORDER BY b.pid LIMIT 1";

/* Everybody is told of once, when seen for the second time: many a lock passes at once. */
static void
look (Blockers *blockers, int *seen, int *told)
{
  const char *const params[] = { blockers->pid };
  g_autoptr (DbResult) found = NULL;
  if (!db_query (blockers->watcher, blocker_sql, 1, params, &found, NULL)
      || db_result_rows (found) == 0)
    return;
  int pid = (int) db_result_int64 (found, 0, 0);
  const char *who = db_result_text (found, 0, 1);
  bool is_news = pid == *seen && pid != *told;
  *seen = pid;
  g_mutex_lock (&blockers->lock);
  g_free (blockers->who);
  g_free (blockers->hint);
  blockers->who = g_strdup (who);
  blockers->hint
      = pid == 0
            ? g_strdup ("End it with COMMIT PREPARED or ROLLBACK PREPARED (see pg_prepared_xacts), "
                        "then try again. Nothing was changed.")
            : g_strdup_printf (
                "Let it finish, or end it with SELECT pg_terminate_backend(%d), then "
                "try again. Nothing was changed.",
                pid);
  g_mutex_unlock (&blockers->lock);
  if (!is_news)
    return;
  *told = pid;
  report_step (blockers->report, "waiting for a lock that %s holds", who);
}

static gpointer
watch (gpointer data)
{
  Blockers *blockers = data;
  int seen = -1, told = -1;
  g_mutex_lock (&blockers->lock);
  while (!blockers->has_ended)
    {
      gint64 next = g_get_monotonic_time () + LOOK_US;
      while (!blockers->has_ended && g_cond_wait_until (&blockers->ended, &blockers->lock, next))
        ;
      if (blockers->has_ended)
        break;
      g_mutex_unlock (&blockers->lock);
      look (blockers, &seen, &told);
      g_mutex_lock (&blockers->lock);
    }
  g_mutex_unlock (&blockers->lock);
  return NULL;
}

Blockers *
blockers_watch (DbConn *watcher, int pid, Report *report)
{
  Blockers *blockers = g_new0 (Blockers, 1);
  blockers->watcher = watcher;
  blockers->pid = g_strdup_printf ("%d", pid);
  blockers->report = report;
  g_mutex_init (&blockers->lock);
  g_cond_init (&blockers->ended);
  blockers->thread = g_thread_new ("blockers", watch, blockers);
  return blockers;
}

static void
end (Blockers *blockers)
{
  if (blockers->thread == NULL)
    return;
  g_mutex_lock (&blockers->lock);
  blockers->has_ended = true;
  g_cond_signal (&blockers->ended);
  g_mutex_unlock (&blockers->lock);
  g_thread_join (g_steal_pointer (&blockers->thread));
}

void
blockers_free (Blockers *blockers)
{
  if (blockers == NULL)
    return;
  end (blockers);
  g_mutex_clear (&blockers->lock);
  g_cond_clear (&blockers->ended);
  g_free (blockers->pid);
  g_free (blockers->who);
  g_free (blockers->hint);
  g_free (blockers);
}

void
blockers_explain (Blockers *blockers, GError **error)
{
  end (blockers);
  if (error == NULL || *error == NULL || blockers->who == NULL
      || g_strcmp0 (keel_error_sqlstate (*error), "55P03") != 0)
    return;
  g_autoptr (GError) problem = *error;
  *error = NULL;
  keel_error_full (error, KEEL_ERROR_FAILED, "55P03", problem->message, blockers->hint,
                   "gave up waiting for a lock that %s holds", blockers->who);
}
