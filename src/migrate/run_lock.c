#include "migrate/run_lock.h"

#include "base/cancel.h"
#include "base/clock.h"

#include <poll.h>
#include <string.h>

/* "pkeelmig"; pg_locks shows its halves. */
#define KEY "8100679841041181031"
#define KEY_HALVES "classid = 1886086501 AND objid = 1819109735 AND objsubid = 1"

/* Between two questions; doubled each time, a bit of chance added. */
#define FIRST_POLL_MS 10
#define LONGEST_POLL_MS 160
#define PROBE_ROUNDS 4

/* --- poolers --------------------------------------------------------------------------------- */

static bool
read_pid (DbConn *conn, char **pid, GError **error)
{
  g_free (g_steal_pointer (pid));
  return db_query_text (conn, "SELECT pg_catalog.pg_backend_pid ()", 0, NULL, pid, error);
}

/* While B has a transaction open, A must still be in the session it was in, and B in another one. */
static bool
probe_round (DbConn *a, DbConn *b, const char *first, bool *ret_lasts, GError **error)
{
  g_autofree char *pid_a = NULL, *pid_b = NULL;
  if (!db_exec (b, "BEGIN", error))
    return false;
  bool asked = read_pid (b, &pid_b, error) && read_pid (a, &pid_a, error);
  if (!db_rollback (b) && asked)
    return keel_error (error, KEEL_ERROR_UNREACHABLE, NULL, "the connection broke");
  if (!asked)
    return false;
  *ret_lasts = g_strcmp0 (pid_a, first) == 0 && g_strcmp0 (pid_b, first) != 0;
  return true;
}

bool
run_lock_check_sessions (DbConn *a, DbConn *b, GError **error)
{
  g_autofree char *first = NULL;
  if (!read_pid (a, &first, error))
    return false;
  bool is_behind_pooler = g_ascii_strtoll (first, NULL, 10) != db_backend_pid (a);
  for (int round = 0; round < (is_behind_pooler ? PROBE_ROUNDS : 1); round++)
    {
      bool lasts = false;
      if (!probe_round (a, b, first, &lasts, error))
        return false;
      if (!lasts)
        return keel_error (
            error, KEEL_ERROR_REFUSED,
            "Give the URL of the server itself, or of a pool in session mode, for migrations.",
            "a pooler in transaction mode stands between: a session, and a lock in it, would not last");
    }
  return true;
}

/* --- the lock -------------------------------------------------------------------------------- */

static bool
try_lock (DbConn *conn, bool *ret_taken, GError **error)
{
  g_autofree char *taken = NULL;
  if (!db_query_text (conn, "SELECT pg_catalog.pg_try_advisory_lock (" KEY ")", 0, NULL, &taken,
                      error))
    return false;
  *ret_taken = g_strcmp0 (taken, "t") == 0;
  return true;
}

/* "session 4711 of deploy from 10.0.0.7", "another session"; caller frees. */
static char *
describe_holder (DbConn *conn)
{
  g_autofree char *text = NULL;
  bool asked = db_query_text (
      conn,
      "SELECT pg_catalog.format ('session %s%s%s', l.pid, ' of ' || a.usename,\n"
      "                          ' from ' || pg_catalog.host (a.client_addr))\n"
      "  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid\n"
      " WHERE l.locktype = 'advisory' AND l.granted AND " KEY_HALVES "\n"
      "   AND l.database = (SELECT oid FROM pg_catalog.pg_database\n"
      "                      WHERE datname = pg_catalog.current_database ())",
      0, NULL, &text, NULL);
  return asked && text != NULL ? g_steal_pointer (&text) : g_strdup ("another session");
}

bool
run_lock_take (DbConn *conn, int64_t timeout_ms, Report *report, GError **error)
{
  int64_t give_up = clock_monotonic_us () + timeout_ms * 1000;
  int poll_ms = FIRST_POLL_MS;
  for (bool first = true;; first = false)
    {
      bool taken = false;
      if (!try_lock (conn, &taken, error) || taken)
        return taken;
      g_autofree char *holder
          = first || clock_monotonic_us () >= give_up ? describe_holder (conn) : NULL;
      if (clock_monotonic_us () >= give_up)
        return keel_error (
            error, KEEL_ERROR_LOCKED,
            "Run it again when that one has ended; --lock-wait=DURATION waits longer.",
            "another run of migrations holds the lock: %s", holder);
      if (first)
        report_step (report, "waiting for another run of migrations (%s)", holder);
      struct pollfd fd = { cancel_fd (), POLLIN, 0 };
      poll (&fd, 1, poll_ms + g_random_int_range (0, poll_ms));
      poll_ms = MIN (poll_ms * 2, LONGEST_POLL_MS);
      if (!cancel_check (error))
        return false;
    }
}

bool
run_lock_check (DbConn *conn, GError **error)
{
  g_autofree char *held = NULL;
  if (!db_query_text (conn,
                      "SELECT 1 FROM pg_catalog.pg_locks\n"
                      " WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid ()\n"
                      "   AND granted AND " KEY_HALVES,
                      0, NULL, &held, error))
    return false;
  return held != NULL
         || keel_error (error, KEEL_ERROR_FAILED,
                        "Take DISCARD ALL and pg_advisory_unlock_all() out of the migrations.",
                        "a statement let go of the lock that keeps other runs out");
}
