/*
 * What the files of src/db share about libpq. Nothing above this folder includes it.
 */
#pragma once

#include "db/conn.h"

#include <libpq-fe.h>

struct DbConn
{
  PGconn *pg;
  void *listener; /* of db_on_notice; NULL: notices are thrown away */
};

/* Sets an error from a failed RESULT (may be NULL: the connection's own message). Returns false. */
bool db_set_error (DbConn *conn, const PGresult *result, GError **error);

/* Flushes and waits until libpq can read a result without blocking, or a cancellation arrives: then
 * the server is asked to cancel, and false is returned with the error set. */
bool db_wait (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How long a session that is given up may take to say its last word. */
#define DB_PATIENCE_US (5 * G_USEC_PER_SEC)

/* Waits for bytes from the server and takes them in. False when they do not come before GIVE_UP_US of
 * the monotonic clock (then the connection is cut), or it broke. */
bool db_wait_for_input (DbConn *conn, int64_t give_up_us) G_GNUC_WARN_UNUSED_RESULT;

/* Reads and drops all results that are left. A server that is silent loses the connection. */
void db_drain (DbConn *conn);

/* A copy of MESSAGE on one line: libpq's messages end with a newline and may go over several. */
char *db_one_line (const char *message);

/* KEEL_ERROR_FAILED when a server of VERSION (as in server_version_num) is older than we work with. */
bool db_check_version (int version, GError **error) G_GNUC_WARN_UNUSED_RESULT;
