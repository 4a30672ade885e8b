/*
 * COPY in both directions, streamed. Memory is bounded by the longest row.
 */
#pragma once

#include "db/conn.h"

/* Called for each row with its COPY text line; LENGTH includes the newline that ends it. False
 * stops the copy with the error it set. */
typedef bool (*DbCopyRowFn) (const char *line, size_t length, void *data, GError **error);

/* Runs SQL (COPY ... TO STDOUT, text format) and hands each row to ON_ROW. After a stop the
 * connection is no longer in COPY and can be used or closed. */
bool db_copy_out (DbConn *conn, const char *sql, DbCopyRowFn on_row, void *data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* COPY ... FROM STDIN in three steps. Write takes any cut of the stream. End waits for the server
 * and gives the number of rows it took. Abort makes the server forget it and swallows errors. */
bool db_copy_in_begin (DbConn *conn, const char *sql, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool db_copy_in_write (DbConn *conn, const char *data, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool db_copy_in_end (DbConn *conn, uint64_t *ret_rows, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void db_copy_in_abort (DbConn *conn);
