/*
 * Looks, from a session of its own, at who waits for whom while the working session runs a statement.
 *
 * A statement that waits for a lock makes everybody wait who comes after it, even those who would not
 * disturb whoever holds the lock. When that happens the watch cancels the statement, so that the
 * others go first and it can be tried again. Whether or not it works, lock_timeout still holds.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"

typedef struct Watch Watch;

typedef struct
{
  const char *url;
  Report *report;
} WatchSpec;

/* Starts a thread with a connection of its own, which sees what WORK, outside of transactions, does. */
bool watch_new (const WatchSpec *spec, DbConn *work, Watch **ret_watch, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void watch_free (Watch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Watch, watch_free)

/* Its connection, while no statement is being watched. */
DbConn *watch_conn (Watch *watch);

/* A statement begins. It is cancelled when others have waited behind it for GIVE_WAY_MS; 0: it is not. */
void watch_begin (Watch *watch, int64_t give_way_ms);

/* It has ended. True when it was cancelled to give way. */
bool watch_end (Watch *watch);

/* Between two tries: waits until those who held the statement up are done with their transactions, at
 * most TIMEOUT_MS. False with KEEL_ERROR_CANCELLED. */
bool watch_wait (Watch *watch, int64_t timeout_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Who held it up last: "session 4711 of app, idle in transaction for 3 min"; NULL: nobody was seen.
 * Caller frees. */
char *watch_describe_blockers (Watch *watch);
