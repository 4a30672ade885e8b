/*
 * One run at a time: an advisory lock held by the session that does the work, so it ends exactly when
 * that session does, however that comes about.
 *
 * Who waits asks again and again instead of standing in a queue: a session that waits inside of a
 * statement has a snapshot, and CREATE INDEX CONCURRENTLY of the lock's holder would wait for that
 * snapshot, for ever. A pooler that hands out sessions transaction by transaction would lose the lock;
 * it is recognised and refused.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"

/* KEEL_ERROR_REFUSED when A and B, two connections to one database, are not two sessions that last:
 * there is a pooler in transaction mode between. Both must be outside of transactions. */
bool run_lock_check_sessions (DbConn *a, DbConn *b, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits at most TIMEOUT_MS for the lock, and says who holds it. KEEL_ERROR_LOCKED when it is still
 * held then. */
bool run_lock_take (DbConn *conn, int64_t timeout_ms, Report *report, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_FAILED when the session does not hold the lock any more: a statement let it go. */
bool run_lock_check (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;
