#include "migrate/watch.h"

#include "base/cancel.h"
#include "base/clock.h"

#include <poll.h>
#include <string.h>

/* Most statements are over before the first look. */
#define FIRST_LOOK_US (20 * 1000)
#define LOOK_EVERY_US (20 * 1000)
/* From when on it is worth a line that we wait. */
#define TELL_AFTER_US (1000 * 1000)
#define TELL_AGAIN_US (30 * G_USEC_PER_SEC)
#define WAIT_LOOK_MS 50

struct Watch
{
  WatchSpec spec;
  DbConn *conn;
  char *work_pid;
  GThread *thread;
  GMutex mutex;
  GCond cond;
  /* Guarded by mutex, as is conn while a statement is watched. */
  bool stop, is_armed, gave_way;
  int64_t give_way_us; /* 0: never */
  int64_t look_at_us;
  int64_t waiting_since_us, queued_since_us; /* 0: not waiting, nobody behind us */
  int64_t told_us;
  char *blocker_pids;         /* "1,2" */
  char *blocker_transactions; /* "1:3/7,2:4/9" */
};

/* --- looking --------------------------------------------------------------------------------- */

static bool
list_has (const char *list, const char *pid)
{
  g_auto (GStrv) parts = g_strsplit (list, ",", -1);
  return g_strv_contains ((const char *const *) parts, pid);
}

static char *
ask_text (Watch *watch, const char *sql, const char *param)
{
  char *text = NULL;
  return db_query_text (watch->conn, sql, 1, &param, &text, NULL) ? text : NULL;
}

/* The transactions of those in our way: while one of them is in pg_locks, they are not through. */
static void
note_blockers (Watch *watch, const char *pids)
{
  g_free (watch->blocker_pids);
  g_free (watch->blocker_transactions);
  watch->blocker_pids = g_strdup (pids);
  watch->blocker_transactions
      = ask_text (watch,
                  "SELECT pg_catalog.string_agg (DISTINCT pid || ':' || virtualtransaction, ',')\n"
                  "  FROM pg_catalog.pg_locks\n"
                  " WHERE pid = ANY (pg_catalog.string_to_array ($1, ',')::int[])",
                  pids);
}

static char *
describe (Watch *watch, const char *pids)
{
  return ask_text (
      watch,
      "SELECT pg_catalog.string_agg (\n"
      "         pg_catalog.format ('session %s%s%s', pid, ' of ' || usename,\n"
      "           CASE WHEN state LIKE 'idle in%' THEN ', ' || state ||\n"
      "             pg_catalog.format (' for %s s',\n"
      "               extract (epoch FROM pg_catalog.now () - state_change)::int) END), '; ')\n"
      "  FROM pg_catalog.pg_stat_activity\n"
      " WHERE pid = ANY (pg_catalog.string_to_array ($1, ',')::int[])",
      pids);
}

static void
tell (Watch *watch, int64_t now_us)
{
  if (now_us - watch->waiting_since_us < TELL_AFTER_US
      || (watch->told_us > 0 && now_us - watch->told_us < TELL_AGAIN_US))
    return;
  g_autofree char *who = describe (watch, watch->blocker_pids);
  watch->told_us = now_us;
  report_step (watch->spec.report, "waiting for a lock that %s holds",
               who != NULL ? who : "another session");
}

static void
give_way (Watch *watch)
{
  g_autofree char *done
      = ask_text (watch, "SELECT pg_catalog.pg_cancel_backend ($1::int)", watch->work_pid);
  watch->gave_way = g_strcmp0 (done, "t") == 0;
}

/* Runs with the mutex held, so that nothing is cancelled after watch_end. */
static void
look (Watch *watch)
{
  static const char sql[]
      = "WITH waiting AS MATERIALIZED (\n"
        "  SELECT DISTINCT pid FROM pg_catalog.pg_locks WHERE NOT granted)\n"
        "SELECT pid, pg_catalog.array_to_string (pg_catalog.pg_blocking_pids (pid), ',')\n"
        "  FROM waiting";
  g_autoptr (DbResult) result = NULL;
  const char *ours = NULL;
  bool is_queued = false;
  int64_t now_us = clock_monotonic_us ();
  if (!db_query (watch->conn, sql, 0, NULL, &result, NULL))
    return;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const char *blockers = db_result_text (result, row, 1);
      if (strcmp (db_result_text (result, row, 0), watch->work_pid) == 0)
        ours = blockers;
      else
        is_queued |= list_has (blockers, watch->work_pid);
    }
  bool waits = ours != NULL && *ours != '\0';
  watch->queued_since_us = !waits || !is_queued         ? 0
                           : watch->queued_since_us > 0 ? watch->queued_since_us
                                                        : now_us;
  watch->waiting_since_us = !waits                        ? 0
                            : watch->waiting_since_us > 0 ? watch->waiting_since_us
                                                          : now_us;
  if (!waits)
    return;
  note_blockers (watch, ours);
  if (watch->give_way_us > 0 && watch->queued_since_us > 0
      && now_us - watch->queued_since_us >= watch->give_way_us)
    give_way (watch);
  else
    tell (watch, now_us);
}

static gpointer
run_watch (gpointer data)
{
  Watch *watch = data;
  g_mutex_lock (&watch->mutex);
  while (!watch->stop)
    if (!watch->is_armed || watch->gave_way)
      g_cond_wait (&watch->cond, &watch->mutex);
    else if (clock_monotonic_us () < watch->look_at_us)
      g_cond_wait_until (&watch->cond, &watch->mutex, watch->look_at_us);
    else
      {
        look (watch);
        watch->look_at_us = clock_monotonic_us () + LOOK_EVERY_US;
      }
  g_mutex_unlock (&watch->mutex);
  return NULL;
}

/* --- the outside ----------------------------------------------------------------------------- */

bool
watch_new (const WatchSpec *spec, DbConn *work, Watch **ret_watch, GError **error)
{
  g_autoptr (Watch) watch = g_new0 (Watch, 1);
  watch->spec = *spec;
  g_mutex_init (&watch->mutex);
  g_cond_init (&watch->cond);
  if (!db_query_text (work, "SELECT pg_catalog.pg_backend_pid ()", 0, NULL, &watch->work_pid, error)
      || !db_connect (spec->url, NULL, &db_retry_default, &watch->conn, error))
    return false;
  watch->thread = g_thread_try_new ("watch", run_watch, watch, error);
  if (watch->thread == NULL)
    return prefix_error (error, "cannot start a thread");
  *ret_watch = g_steal_pointer (&watch);
  return true;
}

void
watch_free (Watch *watch)
{
  if (watch == NULL)
    return;
  g_mutex_lock (&watch->mutex);
  watch->stop = true;
  g_cond_signal (&watch->cond);
  g_mutex_unlock (&watch->mutex);
  if (watch->thread != NULL)
    g_thread_join (watch->thread);
  db_conn_free (watch->conn);
  g_mutex_clear (&watch->mutex);
  g_cond_clear (&watch->cond);
  g_free (watch->work_pid);
  g_free (watch->blocker_pids);
  g_free (watch->blocker_transactions);
  g_free (watch);
}

DbConn *
watch_conn (Watch *watch)
{
  return watch->conn;
}

void
watch_begin (Watch *watch, int64_t give_way_ms)
{
  g_mutex_lock (&watch->mutex);
  watch->is_armed = true;
  watch->give_way_us = give_way_ms * 1000;
  watch->gave_way = false;
  watch->waiting_since_us = watch->queued_since_us = 0;
  watch->look_at_us = clock_monotonic_us () + FIRST_LOOK_US;
  g_cond_signal (&watch->cond);
  g_mutex_unlock (&watch->mutex);
}

bool
watch_end (Watch *watch)
{
  g_mutex_lock (&watch->mutex);
  watch->is_armed = false;
  bool gave_way = watch->gave_way;
  g_mutex_unlock (&watch->mutex);
  return gave_way;
}

static bool
blockers_are_through (Watch *watch)
{
  g_autofree char *left = ask_text (watch,
                                    "SELECT 1 FROM pg_catalog.pg_locks\n"
                                    " WHERE pid || ':' || virtualtransaction\n"
                                    "       = ANY (pg_catalog.string_to_array ($1, ',')) LIMIT 1",
                                    watch->blocker_transactions);
  return left == NULL;
}

bool
watch_wait (Watch *watch, int64_t timeout_ms, GError **error)
{
  int64_t give_up_us = clock_monotonic_us () + timeout_ms * 1000;
  bool is_known = watch->blocker_transactions != NULL;
  while (clock_monotonic_us () < give_up_us && !(is_known && blockers_are_through (watch)))
    {
      struct pollfd fd = { cancel_fd (), POLLIN, 0 };
      int64_t left_ms = (give_up_us - clock_monotonic_us ()) / 1000;
      poll (&fd, 1, (int) CLAMP (left_ms, 1, WAIT_LOOK_MS));
      if (!cancel_check (error))
        return false;
    }
  return true;
}

char *
watch_describe_blockers (Watch *watch)
{
  return watch->blocker_pids != NULL ? describe (watch, watch->blocker_pids) : NULL;
}
