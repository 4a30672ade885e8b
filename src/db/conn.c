#include "db/conn.h"
#include "base/cancel.h"
#include "db/hint.h"
#include "db/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PGresult, PQclear)

struct DbResult
{
  PGresult *pg;
};

char *
db_one_line (const char *message)
{
  g_autofree char *text = g_strdup (message);
  g_strchomp (text);
  g_strdelimit (text, "\r\n\t", ' ');
  return g_steal_pointer (&text);
}

bool
db_set_error (DbConn *conn, const PGresult *result, GError **error)
{
  const char *primary
      = result != NULL ? PQresultErrorField (result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  if (primary == NULL)
    {
      g_autofree char *message = db_one_line (PQerrorMessage (conn->pg));
      bool lost = PQstatus (conn->pg) == CONNECTION_BAD;
      return keel_error (
          error, lost ? KEEL_ERROR_UNREACHABLE : KEEL_ERROR_SERVER,
          lost ? "The connection broke; look at the server's log, then run the command again."
               : NULL,
          "%s", *message != '\0' ? message : "the server gave no answer");
    }
  const char *sqlstate = PQresultErrorField (result, PG_DIAG_SQLSTATE);
  const char *detail = PQresultErrorField (result, PG_DIAG_MESSAGE_DETAIL);
  const char *context = PQresultErrorField (result, PG_DIAG_CONTEXT);
  const char *hint = PQresultErrorField (result, PG_DIAG_MESSAGE_HINT);
  g_autofree char *message = db_one_line (primary);
  g_autofree char *more = detail != NULL    ? db_one_line (detail)
                          : context != NULL ? db_one_line (context)
                                            : NULL;
  return keel_error_full (error, KEEL_ERROR_SERVER, sqlstate, more,
                          hint != NULL ? hint : db_hint_for_sqlstate (sqlstate), "%s", message);
}

int
db_library_version (void)
{
  return PQlibVersion ();
}

int
db_server_version (const DbConn *conn)
{
  return PQserverVersion (conn->pg);
}

int
db_server_major (const DbConn *conn)
{
  return PQserverVersion (conn->pg) / 10000;
}

const char *
db_database (const DbConn *conn)
{
  return PQdb (conn->pg);
}

const char *
db_user (const DbConn *conn)
{
  return PQuser (conn->pg);
}

int
db_backend_pid (const DbConn *conn)
{
  return PQbackendPID (conn->pg);
}

static void
send_cancel (DbConn *conn)
{
  PGcancel *cancel = PQgetCancel (conn->pg);
  char ignored[256];
  if (cancel != NULL)
    PQcancel (cancel, ignored, sizeof ignored);
  PQfreeCancel (cancel);
}

bool
db_wait (DbConn *conn, GError **error)
{
  while (PQisBusy (conn->pg))
    {
      struct pollfd fds[] = { { PQsocket (conn->pg), POLLIN, 0 }, { cancel_fd (), POLLIN, 0 } };
      if (poll (fds, G_N_ELEMENTS (fds), -1) < 0 && errno != EINTR)
        return keel_error_errno (error, errno, "cannot wait for the server");
      if (cancel_requested ())
        {
          send_cancel (conn);
          return cancel_check (error);
        }
      if (fds[0].revents != 0 && !PQconsumeInput (conn->pg))
        return db_set_error (conn, NULL, error);
    }
  return true;
}

bool
db_wait_for_input (DbConn *conn, int64_t give_up_us)
{
  int64_t left_us = give_up_us - g_get_monotonic_time ();
  struct pollfd fd = { PQsocket (conn->pg), POLLIN, 0 };
  if (left_us > 0 && poll (&fd, 1, (int) (left_us / 1000) + 1) >= 0 && fd.revents != 0)
    return PQconsumeInput (conn->pg);
  if (left_us > 0)
    return true;
  /* Whoever asks this session for anything now learns at once that there is none. */
  shutdown (PQsocket (conn->pg), SHUT_RDWR);
  return false;
}

/* True when a result can be read without waiting. */
static bool
settle (DbConn *conn, int64_t give_up_us)
{
  while (PQisBusy (conn->pg))
    if (!db_wait_for_input (conn, give_up_us))
      return false;
  return true;
}

void
db_drain (DbConn *conn)
{
  int64_t give_up_us = g_get_monotonic_time () + DB_PATIENCE_US;
  PGresult *result;
  while (settle (conn, give_up_us) && (result = PQgetResult (conn->pg)) != NULL)
    {
      ExecStatusType status = PQresultStatus (result);
      PQclear (result);
      if (status == PGRES_COPY_IN)
        PQputCopyEnd (conn->pg, "stopped");
      if (status == PGRES_COPY_OUT || PQstatus (conn->pg) == CONNECTION_BAD)
        return;
    }
}

/* Collects the results of what was sent; the last one is kept, the first failed one decides. */
static bool
collect (DbConn *conn, PGresult **ret_last, GError **error)
{
  g_autoptr (PGresult) last = NULL;
  for (;;)
    {
      if (!db_wait (conn, error))
        {
          db_drain (conn);
          return false;
        }
      PGresult *result = PQgetResult (conn->pg);
      if (result == NULL)
        break;
      g_clear_pointer (&last, PQclear);
      last = result;
      ExecStatusType status = PQresultStatus (last);
      if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_COPY_IN
          || status == PGRES_COPY_OUT)
        {
          db_set_error (conn, last, error);
          db_drain (conn);
          return false;
        }
    }
  if (last == NULL)
    return db_set_error (conn, NULL, error);
  *ret_last = g_steal_pointer (&last);
  return true;
}

bool
db_exec (DbConn *conn, const char *sql, GError **error)
{
  g_autoptr (PGresult) last = NULL;
  if (PQsendQuery (conn->pg, sql) != 1)
    return db_set_error (conn, NULL, error);
  return collect (conn, &last, error);
}

bool
db_query (DbConn *conn, const char *sql, int n, const char *const *params, DbResult **ret_result,
          GError **error)
{
  g_autoptr (PGresult) last = NULL;
  if (PQsendQueryParams (conn->pg, sql, n, NULL, params, NULL, NULL, 0) != 1)
    return db_set_error (conn, NULL, error);
  if (!collect (conn, &last, error))
    return false;
  DbResult *result = g_new0 (DbResult, 1);
  result->pg = g_steal_pointer (&last);
  *ret_result = result;
  return true;
}

bool
db_query_text (DbConn *conn, const char *sql, int n, const char *const *params, char **ret_text,
               GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, n, params, &result, error))
    return false;
  bool has_value = db_result_rows (result) > 0 && !db_result_is_null (result, 0, 0);
  *ret_text = has_value ? g_strdup (db_result_text (result, 0, 0)) : NULL;
  return true;
}

bool
db_speak_utf8 (DbConn *conn, GError **error)
{
  return db_exec (conn,
                  "SELECT pg_catalog.set_config('client_encoding',"
                  " CASE pg_catalog.current_setting('server_encoding')"
                  " WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false)",
                  error);
}

bool
db_rollback (DbConn *conn)
{
  if (PQtransactionStatus (conn->pg) == PQTRANS_IDLE)
    return true;
  PQclear (PQexec (conn->pg, "ROLLBACK"));
  return PQtransactionStatus (conn->pg) == PQTRANS_IDLE;
}

int
db_result_rows (const DbResult *result)
{
  return PQntuples (result->pg);
}

const char *
db_result_text (const DbResult *result, int row, int column)
{
  return PQgetvalue (result->pg, row, column);
}

bool
db_result_is_null (const DbResult *result, int row, int column)
{
  return PQgetisnull (result->pg, row, column) != 0;
}

int64_t
db_result_int64 (const DbResult *result, int row, int column)
{
  return g_ascii_strtoll (PQgetvalue (result->pg, row, column), NULL, 10);
}

bool
db_result_bool (const DbResult *result, int row, int column)
{
  return PQgetvalue (result->pg, row, column)[0] == 't';
}

void
db_result_free (DbResult *result)
{
  if (result == NULL)
    return;
  PQclear (result->pg);
  g_free (result);
}

/* Quotes TEXT with QUOTE, doubling it inside. */
static char *
quote (const char *text, char quote_char)
{
  GString *quoted = g_string_new (NULL);
  g_string_append_c (quoted, quote_char);
  for (; *text != '\0'; text++)
    {
      if (*text == quote_char)
        g_string_append_c (quoted, quote_char);
      g_string_append_c (quoted, *text);
    }
  g_string_append_c (quoted, quote_char);
  return g_string_free (quoted, FALSE);
}

char *
db_quote_ident (const char *name)
{
  return quote (name, '"');
}

char *
db_quote_name (const char *schema, const char *name)
{
  g_autofree char *first = quote (schema, '"');
  g_autofree char *second = quote (name, '"');
  return g_strdup_printf ("%s.%s", first, second);
}

char *
db_quote_literal (const char *value)
{
  return quote (value, '\'');
}
