/*
 * Which statements a command has run, and how long each took: read from the log of the copy's server, which
 * writes down every statement of sessions that connect after command_log_enable.
 *
 * Values of parameters are not written. What only reads, or opens and closes transactions, is left out
 * unless it took its time.
 */
#pragma once

#include "db/conn.h"
#include "db/statement.h"

typedef struct
{
  char *text; /* its beginning, without literals that may be secrets */
  int64_t elapsed_us;
  bool failed;
} CommandStatement;

void command_statement_free (CommandStatement *statement);

typedef struct
{
  GPtrArray *statements; /* of CommandStatement, in the order of their ends */
  guint left_out;        /* more than can be kept */
  guint count;           /* all that ran or failed, those that only read among them */
  DbFailure failure;     /* the last error; sqlstate NULL: there was none */
  char *failed_text;     /* of the statement with that error */
} CommandLog;

/* An empty one, to be cleared. */
void command_log_init (CommandLog *log);
void command_log_clear (CommandLog *log);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CommandLog, command_log_clear)

/* CONN: a superuser's. Its own session, and all that are there already, stay as they are. */
bool command_log_enable (DbConn *conn, const char *database, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* How long the log in PATH is now; 0: it is not there. */
int64_t command_log_length (const char *path);

/* Adds what was written to the log in PATH from byte FROM on. */
bool command_log_read (const char *path, int64_t from, CommandLog *log, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same of TEXT, LENGTH bytes. */
void command_log_parse (const char *text, size_t length, CommandLog *log);
