#include "base/cancel.h"
#include "db/conn.h"
#include "db/hint.h"
#include "db/internal.h"
#include "db/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

const DbRetry db_retry_default = { .total_ms = 10000, .first_delay_ms = 100, .max_delay_ms = 2000 };
const DbRetry db_retry_none = { 0 };

static void
ignore_notice (void *data, const PGresult *result)
{
  (void) data;
  (void) result;
}

/* True for what may pass by itself. The texts are the server's own and libpq's, whose language main
 * sets to English. */
static bool
is_passing_text (const char *message)
{
  static const char *const texts[] = { "starting up",
                                       "shutting down",
                                       "Connection refused",
                                       "not yet accepting",
                                       "not accepting connections",
                                       "too many clients",
                                       "remaining connection slots",
                                       "in recovery mode",
                                       "server closed the connection",
                                       "Is the server running locally" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    if (strstr (message, texts[i]) != NULL)
      return true;
  return false;
}

/* One attempt, in a thread of its own: looking up a name and waiting for a silent host cannot be
 * interrupted otherwise. Who leaves last cleans up. */
typedef struct
{
  gatomicrefcount references;
  char *conninfo;
  int done[2]; /* a pipe: readable at the end when the attempt is over */
  PGconn *pg;
  bool is_passing; /* it failed, and may succeed later */
} Attempt;

static void
attempt_unref (Attempt *attempt)
{
  if (!g_atomic_ref_count_dec (&attempt->references))
    return;
  PQfinish (attempt->pg);
  close (attempt->done[0]);
  close (attempt->done[1]);
  g_free (attempt->conninfo);
  g_free (attempt);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Attempt, attempt_unref)

/* A server that speaks another language says in its answer's code, which only PQping sees, that it
 * takes no sessions at the moment. */
static bool
may_pass (const char *conninfo, const char *message)
{
  return is_passing_text (message)
         || (db_hint_for_connection (message) == NULL && PQping (conninfo) == PQPING_REJECT);
}

/* What stands before "dbname" is a default, which the URL overrides. The server of a broken network is
 * given up after about two minutes, not the system's two hours. */
static gpointer
make_attempt (gpointer data)
{
  static const char *const keywords[] = { "connect_timeout",
                                          "keepalives_idle",
                                          "keepalives_interval",
                                          "keepalives_count",
                                          "fallback_application_name",
                                          "dbname",
                                          NULL };
  g_autoptr (Attempt) attempt = data;
  const char *const values[] = { "10", "60", "10", "6", "pgkeel", attempt->conninfo, NULL };
  attempt->pg = PQconnectdbParams (keywords, values, 1);
  if (attempt->pg != NULL && PQstatus (attempt->pg) != CONNECTION_OK)
    attempt->is_passing = may_pass (attempt->conninfo, PQerrorMessage (attempt->pg));
  if (write (attempt->done[1], "x", 1) != 1)
    g_warning ("cannot tell that a connection attempt is over");
  return NULL;
}

static Attempt *
attempt_new (const char *conninfo, GError **error)
{
  int done[2];
  if (pipe2 (done, O_CLOEXEC) != 0)
    {
      keel_error_errno (error, errno, "cannot make a pipe");
      return NULL;
    }
  Attempt *attempt = g_new0 (Attempt, 1);
  g_atomic_ref_count_init (&attempt->references);
  attempt->conninfo = g_strdup (conninfo);
  attempt->done[0] = done[0];
  attempt->done[1] = done[1];
  return attempt;
}

/* True when the attempt is over, whether it connected or not. */
static bool
run_attempt (const char *conninfo, Attempt **ret_attempt, GError **error)
{
  if (!cancel_check (error))
    return false;
  g_autoptr (Attempt) attempt = attempt_new (conninfo, error);
  if (attempt == NULL)
    return false;
  g_atomic_ref_count_inc (&attempt->references);
  GThread *thread = g_thread_try_new ("connect", make_attempt, attempt, error);
  if (thread == NULL)
    {
      attempt_unref (attempt);
      return prefix_error (error, "cannot start a thread");
    }
  struct pollfd fds[] = { { attempt->done[0], POLLIN, 0 }, { cancel_fd (), POLLIN, 0 } };
  while (fds[0].revents == 0 && !cancel_requested ())
    poll (fds, G_N_ELEMENTS (fds), -1);
  if (fds[0].revents == 0)
    {
      g_thread_unref (thread);
      return cancel_check (error);
    }
  g_thread_join (thread);
  *ret_attempt = g_steal_pointer (&attempt);
  return true;
}

/* libpq says one line per address it tried, and a question under each. */
static bool
set_connection_error (const PGconn *pg, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (pg != NULL ? PQerrorMessage (pg) : "out of memory", "\n", -1);
  g_autoptr (GString) more = g_string_new (NULL);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    if (*g_strstrip (lines[i]) != '\0')
      g_string_append_printf (more, "%s%s", more->len > 0 ? " " : "", lines[i]);
  const char *first
      = lines[0] != NULL && *g_strstrip (lines[0]) != '\0' ? lines[0] : "the server gave no answer";
  const char *hint = db_hint_for_connection (first);
  return keel_error_full (error, KEEL_ERROR_UNREACHABLE, NULL, more->len > 0 ? more->str : NULL,
                          hint != NULL ? hint : db_hint_for_connection (more->str), "%s", first);
}

static bool
sleep_unless_cancelled (int ms, GError **error)
{
  struct pollfd fd = { cancel_fd (), POLLIN, 0 };
  poll (&fd, 1, ms);
  return cancel_check (error);
}

static PGconn *
connect_with_retry (const char *conninfo, const DbRetry *retry, GError **error)
{
  int64_t give_up = g_get_monotonic_time () + retry->total_ms * INT64_C (1000);
  int delay_ms = retry->first_delay_ms;
  for (;;)
    {
      g_autoptr (Attempt) attempt = NULL;
      if (!run_attempt (conninfo, &attempt, error))
        return NULL;
      if (attempt->pg != NULL && PQstatus (attempt->pg) == CONNECTION_OK)
        return g_steal_pointer (&attempt->pg);
      if (!attempt->is_passing || g_get_monotonic_time () + delay_ms * INT64_C (1000) >= give_up)
        {
          set_connection_error (attempt->pg, error);
          return NULL;
        }
      if (!sleep_unless_cancelled (delay_ms, error))
        return NULL;
      delay_ms = MIN (delay_ms * 2, retry->max_delay_ms);
    }
}

bool
db_check_version (int version, GError **error)
{
  if (version >= DB_OLDEST_VERSION)
    return true;
  int major = version / 10000, minor = version % 10000;
  if (version < 100000)
    minor = version / 100 % 100;
  return keel_error (error, KEEL_ERROR_FAILED,
                     "pgkeel works with PostgreSQL 13 to 18; upgrade the server.",
                     "the server is PostgreSQL %d.%d, which is too old", major, minor);
}

/* Later versions brought further limits that would cut a long dump off. */
static bool
apply_settings (DbConn *conn, GError **error)
{
  int version = PQserverVersion (conn->pg);
  g_autofree char *sql = g_strconcat (
      db_sql ("settings.sql"), version >= 140000 ? "SET idle_session_timeout = 0;\n" : "",
      version >= 170000 ? "SET transaction_timeout = 0;\n" : "", NULL);
  return db_exec (conn, sql, error);
}

bool
db_connect (const char *url, const char *database, const DbRetry *retry, DbConn **ret_conn,
            GError **error)
{
  g_autofree char *conninfo = db_conninfo (url, database, NULL, error);
  if (conninfo == NULL)
    return false;
  PGconn *pg = connect_with_retry (conninfo, retry, error);
  if (pg == NULL)
    return false;
  g_autoptr (DbConn) conn = g_new0 (DbConn, 1);
  conn->pg = pg;
  PQsetNoticeReceiver (pg, ignore_notice, NULL);
  PQsetErrorContextVisibility (pg, PQSHOW_CONTEXT_ERRORS);
  if (!db_check_version (PQserverVersion (pg), error) || !apply_settings (conn, error))
    return false;
  *ret_conn = g_steal_pointer (&conn);
  return true;
}

void
db_conn_free (DbConn *conn)
{
  if (conn == NULL)
    return;
  PQfinish (conn->pg);
  g_free (conn->listener);
  g_free (conn);
}
