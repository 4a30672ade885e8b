/*
 * One statement of somebody else's SQL, run as it stands, with all that the server says about it: what
 * migrations need, where db_exec is for SQL of our own.
 */
#pragma once

#include "db/conn.h"

#include <stddef.h>

/* What the server said about a statement that failed; NULL where it said nothing. */
typedef struct
{
  char *sqlstate;
  char *message;
  char *detail;
  char *hint;
  char *context;
  char *column;     /* the column it is about; of a NOT NULL */
  char *constraint; /* the constraint or unique index it is about */
  size_t position;  /* the character of the statement, from 1; 0: not said */
} DbFailure;

void db_failure_clear (DbFailure *failure);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DbFailure, db_failure_clear)

typedef struct
{
  const char *sql;  /* one statement */
  const char *data; /* of COPY ... FROM stdin: the rows; NULL: none */
  size_t data_length;
} DbStatement;

/* Runs STATEMENT by the simple protocol; rows it returns are thrown away as they come. *RET_ROWS (may
 * be NULL) becomes the number of rows that it changed, -1 when it is not of a kind that changes any.
 * On failure *RET_FAILURE (must be empty) is filled in as well as *ERROR; of a broken connection it
 * stays empty. */
bool db_run (DbConn *conn, const DbStatement *statement, int64_t *ret_rows, DbFailure *ret_failure,
             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* True inside a transaction block that has not failed. */
bool db_in_transaction (const DbConn *conn);

/* From here on the server's warnings and notices go to ON_NOTICE, called while a statement runs, in
 * that thread. SEVERITY: "WARNING", "NOTICE", ... */
typedef void (*DbNoticeFn) (const char *severity, const char *message, void *data);
void db_on_notice (DbConn *conn, DbNoticeFn on_notice, void *data);
