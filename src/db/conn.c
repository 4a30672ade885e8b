#include "db/conn.h"
#include "base/cancel.h"
#include "base/text.h"
#include "db/hint.h"
#include "db/internal.h"
#include "db/resource.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PGresult, PQclear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PQconninfoOption, PQconninfoFree)

const DbRetry db_retry_default = { .total_ms = 10000, .first_delay_ms = 100, .max_delay_ms = 2000 };
const DbRetry db_retry_none = { 0 };

struct DbResult
{
  PGresult *pg;
};

static void
ignore_notice (void *data, const PGresult *result)
{
  (void) data;
  (void) result;
}

/* libpq's messages end with a newline and may go over several lines. */
static char *
one_line (const char *message)
{
  g_autofree char *text = g_strdup (message);
  g_strchomp (text);
  g_strdelimit (text, "\r\n\t", ' ');
  return g_steal_pointer (&text);
}

bool
db_set_error (DbConn *conn, const PGresult *result, GError **error)
{
  const char *primary = result != NULL ? PQresultErrorField (result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  if (primary == NULL)
    {
      g_autofree char *message = one_line (PQerrorMessage (conn->pg));
      bool lost = PQstatus (conn->pg) == CONNECTION_BAD;
      return keel_error (error, lost ? KEEL_ERROR_UNREACHABLE : KEEL_ERROR_SERVER,
                         lost ? "The connection broke; look at the server's log, then run the command again."
                              : NULL,
                         "%s", *message != '\0' ? message : "the server gave no answer");
    }
  const char *sqlstate = PQresultErrorField (result, PG_DIAG_SQLSTATE);
  const char *detail = PQresultErrorField (result, PG_DIAG_MESSAGE_DETAIL);
  const char *context = PQresultErrorField (result, PG_DIAG_CONTEXT);
  const char *hint = PQresultErrorField (result, PG_DIAG_MESSAGE_HINT);
  g_autofree char *message = one_line (primary);
  g_autofree char *more
      = detail != NULL ? one_line (detail) : context != NULL ? one_line (context) : NULL;
  return keel_error_full (error, KEEL_ERROR_SERVER, sqlstate, more,
                          hint != NULL ? hint : db_hint_for_sqlstate (sqlstate), "%s", message);
}

/* The options of URL, merged with libpq's defaults only where the caller asks libpq for them. */
static PQconninfoOption *
parse_url (const char *url, GError **error)
{
  char *problem = NULL;
  PQconninfoOption *options = PQconninfoParse (url, &problem);
  if (options == NULL)
    {
      g_autofree char *masked = text_mask_url (url);
      keel_error (error, KEEL_ERROR_CONFIG,
                  "Write it as postgresql://user@host:5432/database, special characters %-encoded.",
                  "“%s” is not a PostgreSQL URL", masked);
      PQfreemem (problem);
    }
  return options;
}

static const char *
option_value (const PQconninfoOption *options, const char *keyword)
{
  for (; options->keyword != NULL; options++)
    if (strcmp (options->keyword, keyword) == 0)
      return options->val;
  return NULL;
}

static void
append_conninfo (GString *text, const char *keyword, const char *value)
{
  g_string_append_printf (text, "%s%s='", text->len > 0 ? " " : "", keyword);
  for (; *value != '\0'; value++)
    {
      if (*value == '\'' || *value == '\\')
        g_string_append_c (text, '\\');
      g_string_append_c (text, *value);
    }
  g_string_append_c (text, '\'');
}

char *
db_conninfo (const char *url, const char *database, char **ret_password, GError **error)
{
  g_autoptr (PQconninfoOption) options = parse_url (url, error);
  if (options == NULL)
    return NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
    {
      const char *value = option->val;
      if (strcmp (option->keyword, "dbname") == 0 && database != NULL)
        value = database;
      if (strcmp (option->keyword, "password") == 0 && ret_password != NULL)
        continue;
      /* What is given as empty stays so: leaving it out would let the environment (PGOPTIONS) fill it. */
      if (value != NULL)
        append_conninfo (text, option->keyword, value);
    }
  /* A URL that names its host must not be led elsewhere by PGHOSTADDR. */
  if (option_value (options, "host") != NULL && option_value (options, "hostaddr") == NULL)
    append_conninfo (text, "hostaddr", "");
  if (ret_password != NULL)
    *ret_password = g_strdup (option_value (options, "password"));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

bool
db_url_parts (const char *url, char **ret_database, char **ret_user, char **ret_host,
              GError **error)
{
  g_autoptr (PQconninfoOption) options = parse_url (url, error);
  if (options == NULL)
    return false;
  const char *database = option_value (options, "dbname");
  const char *user = option_value (options, "user");
  const char *host = option_value (options, "host");
  const char *port = option_value (options, "port");
  if (ret_database != NULL)
    *ret_database = g_strdup (database != NULL ? database : "");
  if (ret_user != NULL)
    *ret_user = g_strdup (user != NULL ? user : "");
  if (ret_host != NULL)
    *ret_host = host == NULL || host[0] == '/'
                    ? g_strdup (host != NULL ? host : "local socket")
                    : g_strdup_printf ("%s:%s", host, port != NULL ? port : "5432");
  return true;
}

/* True for what may pass by itself. The texts are libpq's and the server's own; with other
 * languages the SQLSTATE is not there to ask, and the attempt simply is not repeated. */
static bool
is_passing (const char *message)
{
  static const char *const texts[]
      = { "starting up",         "shutting down",           "Connection refused",
          "not yet accepting",   "too many clients",        "remaining connection slots",
          "in recovery mode",    "server closed the connection" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    if (strstr (message, texts[i]) != NULL)
      return true;
  return false;
}

static bool
sleep_unless_cancelled (int ms, GError **error)
{
  struct pollfd fd = { cancel_fd (), POLLIN, 0 };
  poll (&fd, 1, ms);
  return cancel_check (error);
}

/* One attempt. On failure *RET_MESSAGE says why, in libpq's words. */
static PGconn *
attempt (const char *conninfo, char **ret_message)
{
  const char *const keywords[] = { "connect_timeout", "fallback_application_name", "dbname", NULL };
  const char *const values[] = { "10", "pgkeel", conninfo, NULL };
  PGconn *pg = PQconnectdbParams (keywords, values, 1);
  if (pg != NULL && PQstatus (pg) == CONNECTION_OK)
    return pg;
  *ret_message = one_line (pg != NULL ? PQerrorMessage (pg) : "out of memory");
  PQfinish (pg);
  return NULL;
}

static PGconn *
connect_with_retry (const char *conninfo, const DbRetry *retry, GError **error)
{
  int64_t give_up = g_get_monotonic_time () + retry->total_ms * INT64_C (1000);
  int delay_ms = retry->first_delay_ms;
  for (;;)
    {
      g_autofree char *message = NULL;
      PGconn *pg = attempt (conninfo, &message);
      if (pg != NULL)
        return pg;
      bool again = is_passing (message)
                   && g_get_monotonic_time () + delay_ms * INT64_C (1000) < give_up;
      if (!again)
        {
          keel_error (error, KEEL_ERROR_UNREACHABLE, db_hint_for_connection (message), "%s",
                      message);
          return NULL;
        }
      if (!sleep_unless_cancelled (delay_ms, error))
        return NULL;
      delay_ms = MIN (delay_ms * 2, retry->max_delay_ms);
    }
}

static bool
check_version (const DbConn *conn, GError **error)
{
  int version = PQserverVersion (conn->pg);
  if (version >= DB_OLDEST_VERSION)
    return true;
  return keel_error (error, KEEL_ERROR_FAILED,
                     "pgkeel works with PostgreSQL 13 to 18; upgrade the server.",
                     "the server is PostgreSQL %d.%d, which is too old", version / 10000,
                     version >= 100000 ? version % 10000 : version / 100 % 100);
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
  if (!check_version (conn, error) || !db_exec (conn, db_sql ("settings.sql"), error))
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
  g_free (conn);
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

void
db_drain (DbConn *conn)
{
  PGresult *result;
  while ((result = PQgetResult (conn->pg)) != NULL)
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
