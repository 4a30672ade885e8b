/*
 * Tells whom a session waits for: a watcher looks, from a session of its own, who holds the lock that
 * another one needs.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"

typedef struct Blockers Blockers;

/* Watches the session PID from WATCHER, which is the watcher's until blockers_free, and tells REPORT of
 * everybody that it has to wait for. */
Blockers *blockers_watch (DbConn *watcher, int pid, Report *report);
void blockers_free (Blockers *blockers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Blockers, blockers_free)

/* Makes *ERROR, if it is that a lock could not be had in time, say who held it and how to go on; leaves
 * others alone. */
void blockers_explain (Blockers *blockers, GError **error);
