#include "db/statement.h"

#include "base/cancel.h"
#include "db/internal.h"

#include <string.h>

/* How much of COPY data is handed to libpq at a time: it buffers what the server does not take yet. */
#define COPY_PIECE_BYTES (256 * 1024)

void
db_failure_clear (DbFailure *failure)
{
  g_free (failure->sqlstate);
  g_free (failure->message);
  g_free (failure->detail);
  g_free (failure->hint);
  g_free (failure->context);
  g_free (failure->column);
  g_free (failure->constraint);
  *failure = (DbFailure){ 0 };
}

static char *
field_of (const PGresult *result, int code)
{
  const char *text = PQresultErrorField (result, code);
  return text != NULL ? g_strchomp (g_strdup (text)) : NULL;
}

static void
take_failure (const PGresult *result, DbFailure *failure)
{
  const char *position = PQresultErrorField (result, PG_DIAG_STATEMENT_POSITION);
  failure->sqlstate = field_of (result, PG_DIAG_SQLSTATE);
  failure->message = field_of (result, PG_DIAG_MESSAGE_PRIMARY);
  failure->detail = field_of (result, PG_DIAG_MESSAGE_DETAIL);
  failure->hint = field_of (result, PG_DIAG_MESSAGE_HINT);
  failure->context = field_of (result, PG_DIAG_CONTEXT);
  failure->column = field_of (result, PG_DIAG_COLUMN_NAME);
  failure->constraint = field_of (result, PG_DIAG_CONSTRAINT_NAME);
  failure->position = position != NULL ? (size_t) g_ascii_strtoull (position, NULL, 10) : 0;
}

/* A COPY that brings no rows of its own must not leave the session waiting for them. */
static bool
send_rows (DbConn *conn, const DbStatement *statement, GError **error)
{
  size_t sent = 0;
  while (sent < statement->data_length)
    {
      size_t piece = MIN (statement->data_length - sent, COPY_PIECE_BYTES);
      if (!cancel_check (error))
        {
          PQputCopyEnd (conn->pg, "stopped");
          return false;
        }
      if (PQputCopyData (conn->pg, statement->data + sent, (int) piece) != 1)
        return db_set_error (conn, NULL, error);
      sent += piece;
    }
  const char *problem = statement->data == NULL ? "no rows follow the statement" : NULL;
  return PQputCopyEnd (conn->pg, problem) == 1 || db_set_error (conn, NULL, error);
}

/* False when the statement has failed with *ERROR set. */
static bool
take_result (DbConn *conn, const DbStatement *statement, PGresult *result, int64_t *rows,
             DbFailure *failure, GError **error)
{
  ExecStatusType status = PQresultStatus (result);
  const char *count;
  switch (status)
    {
    case PGRES_COPY_IN: return send_rows (conn, statement, error);
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      return keel_error (error, KEEL_ERROR_FAILED, "Write the rows to a table or leave it out.",
                         "COPY ... TO stdout has nowhere to go");
    case PGRES_BAD_RESPONSE:
    case PGRES_FATAL_ERROR:
      take_failure (result, failure);
      return db_set_error (conn, failure->message != NULL ? result : NULL, error);
    default:
      count = PQcmdTuples (result);
      *rows = *count != '\0' ? g_ascii_strtoll (count, NULL, 10) : -1;
      return true;
    }
}

bool
db_run (DbConn *conn, const DbStatement *statement, int64_t *ret_rows, DbFailure *ret_failure,
        GError **error)
{
  int64_t rows = -1;
  if (PQsendQuery (conn->pg, statement->sql) != 1)
    return db_set_error (conn, NULL, error);
  PQsetSingleRowMode (conn->pg);
  for (;;)
    {
      if (!db_wait (conn, error))
        break;
      PGresult *result = PQgetResult (conn->pg);
      if (result == NULL)
        {
          if (ret_rows != NULL)
            *ret_rows = rows;
          return true;
        }
      bool taken = take_result (conn, statement, result, &rows, ret_failure, error);
      PQclear (result);
      if (!taken)
        break;
    }
  db_drain (conn);
  return false;
}

bool
db_in_transaction (const DbConn *conn)
{
  return PQtransactionStatus (conn->pg) == PQTRANS_INTRANS;
}

typedef struct
{
  DbNoticeFn on_notice;
  void *data;
} Listener;

static void
receive_notice (void *data, const PGresult *result)
{
  const Listener *listener = data;
  const char *severity = PQresultErrorField (result, PG_DIAG_SEVERITY_NONLOCALIZED);
  const char *message = PQresultErrorField (result, PG_DIAG_MESSAGE_PRIMARY);
  if (severity != NULL && message != NULL)
    listener->on_notice (severity, message, listener->data);
}

void
db_on_notice (DbConn *conn, DbNoticeFn on_notice, void *data)
{
  g_free (conn->listener);
  Listener *listener = g_new (Listener, 1);
  *listener = (Listener){ on_notice, data };
  conn->listener = listener;
  PQsetNoticeReceiver (conn->pg, receive_notice, listener);
}
