/*
 * One connection to a PostgreSQL server, 13 to 18.
 *
 * Wraps libpq: connecting with retries, statements, results, errors with SQLSTATE and our hints.
 * A connection is used by one thread at a time. Every session starts with src/db/sql/settings.sql
 * (exact text output, no timeouts, search_path = pg_catalog: name every object with its schema).
 * Cancellation (base/cancel.h) interrupts waits. Passwords never appear in errors.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define DB_OLDEST_VERSION 130000

typedef struct DbConn DbConn;
typedef struct DbResult DbResult;

/* How long to keep trying while a server is starting or not there yet. */
typedef struct
{
  int total_ms;       /* give up after this long; 0: one attempt */
  int first_delay_ms; /* doubled after every attempt, up to max_delay_ms */
  int max_delay_ms;
} DbRetry;

extern const DbRetry db_retry_default; /* 10 s in all */
extern const DbRetry db_retry_none;

/* Connects to URL (postgresql://... or key=value text). DATABASE (may be NULL) replaces the one in
 * URL. Retries only what may pass: a server that is starting up, shutting down or not listening yet,
 * too many clients. Errors: KEEL_ERROR_UNREACHABLE with a hint for the cause (host unknown, refused,
 * password, no such database, ...); a server older than 13: KEEL_ERROR_FAILED. */
bool db_connect (const char *url, const char *database, const DbRetry *retry, DbConn **ret_conn,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void db_conn_free (DbConn *conn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbConn, db_conn_free)

/* URL with its database replaced, as key=value text that libpq and its tools understand, without
 * the password when RET_PASSWORD is given (then the password or NULL is handed over there: pass it
 * in the environment as PGPASSWORD). NULL with KEEL_ERROR_CONFIG when URL is malformed. */
char *db_conninfo (const char *url, const char *database, char **ret_password, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* CONNINFO (as db_conninfo gives it) with OPTIONS, written as in PGOPTIONS, after the options that it
 * has itself or, having none, that PGOPTIONS holds: the server takes the last one. NULL with
 * KEEL_ERROR_CONFIG when CONNINFO is malformed. */
char *db_conninfo_add_options (const char *conninfo, const char *options, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The variables that lead another program to the database of URL: DATABASE_URL, written as a URL, and
 * PGHOST, PGDATABASE and so on for all that it names. Caller frees with g_strfreev. NULL with
 * KEEL_ERROR_CONFIG when URL is malformed. */
char **db_url_environment (const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The database URL names ("" when it names none), user and host part for messages: "host:port" or
 * the socket's folder. Caller frees each; any may be NULL to leave it out. */
bool db_url_parts (const char *url, char **ret_database, char **ret_user, char **ret_host,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The version of libpq in use: 150004. */
int db_library_version (void);

int db_server_version (const DbConn *conn); /* 150004 */
int db_server_major (const DbConn *conn);   /* 15 */
const char *db_database (const DbConn *conn);
const char *db_user (const DbConn *conn);
int db_backend_pid (const DbConn *conn);

/* Runs SQL, which may hold several statements (then they are one transaction), by the simple
 * protocol; rows are thrown away. */
bool db_exec (DbConn *conn, const char *sql, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs one statement and returns its rows. PARAMS: N texts (NULL means SQL NULL), as $1, $2, ... */
bool db_query (DbConn *conn, const char *sql, int n, const char *const *params,
               DbResult **ret_result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One text value, the first column of the only row; NULL value or no row gives NULL and true. */
bool db_query_text (DbConn *conn, const char *sql, int n, const char *const *params,
                    char **ret_text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* From here on texts come and go in UTF-8 again, as at the session's start. Of a SQL_ASCII database
 * they are the bytes that it holds. */
bool db_speak_utf8 (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Undoes a failed or unfinished transaction; true when the session is usable after. */
bool db_rollback (DbConn *conn);

int db_result_rows (const DbResult *result);
/* "" for NULL; owned by the result. */
const char *db_result_text (const DbResult *result, int row, int column);
bool db_result_is_null (const DbResult *result, int row, int column);
int64_t db_result_int64 (const DbResult *result, int row, int column);
bool db_result_bool (const DbResult *result, int row, int column);
void db_result_free (DbResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbResult, db_result_free)

/* The only ways to put names and values into SQL text. Caller frees. db_quote_name gives
 * "schema"."name". Literals are written with standard_conforming_strings on. */
char *db_quote_ident (const char *name);
char *db_quote_name (const char *schema, const char *name);
char *db_quote_literal (const char *value);
