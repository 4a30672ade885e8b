#include "db/copy.h"
#include "base/cancel.h"
#include "db/internal.h"

#include <errno.h>
#include <poll.h>

/* Rows between two looks at the cancellation flag. */
#define CANCEL_INTERVAL 1024

static bool
start_copy (DbConn *conn, const char *sql, ExecStatusType expected, GError **error)
{
  if (PQsendQuery (conn->pg, sql) != 1)
    return db_set_error (conn, NULL, error);
  if (!db_wait (conn, error))
    {
      db_drain (conn);
      return false;
    }
  PGresult *result = PQgetResult (conn->pg);
  if (PQresultStatus (result) == expected)
    {
      PQclear (result);
      return true;
    }
  db_set_error (conn, result, error);
  PQclear (result);
  db_drain (conn);
  return false;
}

/* Reads the command's final result. */
static bool
finish_copy (DbConn *conn, uint64_t *ret_rows, GError **error)
{
  if (!db_wait (conn, error))
    {
      db_drain (conn);
      return false;
    }
  PGresult *result = PQgetResult (conn->pg);
  bool done = PQresultStatus (result) == PGRES_COMMAND_OK;
  if (done && ret_rows != NULL)
    *ret_rows = g_ascii_strtoull (PQcmdTuples (result), NULL, 10);
  if (!done)
    db_set_error (conn, result, error);
  PQclear (result);
  db_drain (conn);
  return done;
}

/* Asks the server to stop sending, and throws away what is on its way. */
static void
stop_copy_out (DbConn *conn)
{
  PGcancel *cancel = PQgetCancel (conn->pg);
  char ignored[256];
  if (cancel != NULL)
    PQcancel (cancel, ignored, sizeof ignored);
  PQfreeCancel (cancel);
  int64_t give_up_us = g_get_monotonic_time () + DB_PATIENCE_US;
  char *row = NULL;
  int length;
  while ((length = PQgetCopyData (conn->pg, &row, 1)) >= 0)
    if (length > 0)
      PQfreemem (row);
    else if (!db_wait_for_input (conn, give_up_us))
      return;
  db_drain (conn);
}

/* Waits for the server, or for a cancellation. A server that sends as fast as it can fills the socket
 * in less than a millisecond: letting it get on with that first saves a switch between the two
 * processes for every few kilobytes, which on a busy machine is a fifth of the whole work. */
static bool
wait_for_rows (DbConn *conn, GError **error)
{
  struct pollfd fds[] = { { PQsocket (conn->pg), POLLIN, 0 }, { cancel_fd (), POLLIN, 0 } };
  static const struct timespec head_start = { .tv_nsec = 200 * 1000 };
  if (poll (fds, 1, 0) == 0)
    {
      ppoll (&fds[1], 1, &head_start, NULL);
      if (poll (fds, G_N_ELEMENTS (fds), -1) < 0 && errno != EINTR)
        return keel_error_errno (error, errno, "cannot wait for the server");
    }
  if (!cancel_check (error))
    return false;
  if (fds[0].revents != 0 && !PQconsumeInput (conn->pg))
    return db_set_error (conn, NULL, error);
  return true;
}

/* The length of the next row, -1 at the end, -2 with the error set. Waits where a cancellation can
 * reach it. */
static int
next_row (DbConn *conn, char **ret_row, GError **error)
{
  int length;
  while ((length = PQgetCopyData (conn->pg, ret_row, 1)) == 0)
    if (!wait_for_rows (conn, error))
      return -2;
  if (length == -2)
    db_set_error (conn, NULL, error);
  return length;
}

/* The server's own count must be that of the rows that came. */
static bool
finish_copy_out (DbConn *conn, uint64_t row_count, GError **error)
{
  uint64_t sent_count;
  if (!finish_copy (conn, &sent_count, error))
    return false;
  if (sent_count == row_count)
    return true;
  return keel_error (
      error, KEEL_ERROR_FAILED, "Run the command again; if it stays so, look at the server's log.",
      "the server says it sent %" G_GUINT64_FORMAT " rows, but %" G_GUINT64_FORMAT " came",
      sent_count, row_count);
}

bool
db_copy_out (DbConn *conn, const char *sql, DbCopyRowFn on_row, void *data, GError **error)
{
  if (!start_copy (conn, sql, PGRES_COPY_OUT, error))
    return false;
  for (uint64_t count = 0;; count++)
    {
      char *row = NULL;
      int length = next_row (conn, &row, error);
      if (length == -1)
        return finish_copy_out (conn, count, error);
      if (length < 0)
        {
          stop_copy_out (conn);
          return false;
        }
      bool more = on_row (row, (size_t) length, data, error);
      PQfreemem (row);
      if (!more || (count % CANCEL_INTERVAL == 0 && !cancel_check (error)))
        {
          stop_copy_out (conn);
          return false;
        }
    }
}

bool
db_copy_in_begin (DbConn *conn, const char *sql, GError **error)
{
  return start_copy (conn, sql, PGRES_COPY_IN, error);
}

bool
db_copy_in_write (DbConn *conn, const char *data, size_t length, GError **error)
{
  /* libpq takes an int and buffers what it is given: modest pieces keep its buffer small. */
  const size_t piece = 32 * 1024;
  while (length > 0)
    {
      size_t count = MIN (length, piece);
      if (!cancel_check (error))
        return false;
      if (PQputCopyData (conn->pg, data, (int) count) != 1)
        return db_set_error (conn, NULL, error);
      data += count;
      length -= count;
    }
  return true;
}

bool
db_copy_in_end (DbConn *conn, uint64_t *ret_rows, GError **error)
{
  if (PQputCopyEnd (conn->pg, NULL) != 1)
    return db_set_error (conn, NULL, error);
  return finish_copy (conn, ret_rows, error);
}

void
db_copy_in_abort (DbConn *conn)
{
  if (PQputCopyEnd (conn->pg, "stopped by pgkeel") == 1)
    db_drain (conn);
}
