/*
 * Preloaded into pgkeel by migrate_kill.bats: ends it, or its session's server process, by a signal at an
 * exact place of its talk with the server.
 *
 *   KILL_MATCH   a text; counting begins with the first message that holds it
 *   KILL_SKIP    so many messages of that session pass, from that one on
 *   KILL_WHEN    "before" the next one is sent, or when it is "sent" and not answered
 *   KILL_WHOM    "self" or "backend"
 *   KILL_SIGNAL  the signal's number; 9 when it is not set
 */
#include <dlfcn.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static PGconn *session; /* the one in which the text was seen */
static int passed;
static int is_done;

static int
is_now (PGconn *conn, const char *text)
{
  const char *match = getenv ("KILL_MATCH"), *skip = getenv ("KILL_SKIP");
  if (match == NULL || is_done)
    return 0;
  if (session == NULL && strstr (text, match) != NULL)
    session = conn;
  if (session != conn)
    return 0;
  return passed++ == (skip != NULL ? atoi (skip) : 0);
}

static void
end_it (PGconn *conn)
{
  const char *whom = getenv ("KILL_WHOM"), *number = getenv ("KILL_SIGNAL");
  is_done = 1;
  kill (whom != NULL && strcmp (whom, "backend") == 0 ? PQbackendPID (conn) : getpid (),
        number != NULL ? atoi (number) : SIGKILL);
}

/* Calls END_IT before or after SEND, which sends the message. */
#define SEND_AND_END(conn, text, send)                                                             \
  const char *when = getenv ("KILL_WHEN");                                                         \
  int now = is_now (conn, text);                                                                   \
  int is_sent = when != NULL && strcmp (when, "sent") == 0;                                        \
  if (now && !is_sent)                                                                             \
    end_it (conn);                                                                                 \
  int result = send;                                                                               \
  if (now && is_sent)                                                                              \
    end_it (conn);                                                                                 \
  return result;

int
PQsendQuery (PGconn *conn, const char *query)
{
  static int (*real) (PGconn *, const char *);
  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "PQsendQuery");
  SEND_AND_END (conn, query, real (conn, query))
}

int
PQsendQueryParams (PGconn *conn, const char *command, int count, const Oid *types,
                   const char *const *values, const int *lengths, const int *formats, int format)
{
  static int (*real) (PGconn *, const char *, int, const Oid *, const char *const *, const int *,
                      const int *, int);
  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "PQsendQueryParams");
  SEND_AND_END (conn, command, real (conn, command, count, types, values, lengths, formats, format))
}
