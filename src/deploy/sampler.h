/*
 * Which locks a session holds while it runs a statement that has no transaction to ask it in: a
 * session of ours looks again and again, from a thread of its own.
 *
 * Statements that wait for old snapshots or for whoever works with a table (CREATE INDEX CONCURRENTLY and its
 * like) can be held up for an instant, until they have been seen: then no sample can miss them.
 */
#pragma once

#include "db/conn.h"

typedef struct Sampler Sampler;

typedef struct
{
  DbConn *conn; /* of the same database; lent until sampler_stop */
  int backend_pid;
  bool holds_up; /* has an old snapshot until the session waits */
  const char
      *bait; /* with holds_up: SQL that takes the lock which the session will wait for, or NULL */
} SamplerSpec;

bool sampler_start (const SamplerSpec *spec, Sampler **ret_sampler, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Ends the thread and frees SAMPLER. *RET_LOCKS: what was seen, each once, as "OID:AccessExclusiveLock"
 * of relations that are no catalogues; *RET_COUNT: how many times it looked. */
bool sampler_stop (Sampler *sampler, GHashTable **ret_locks, guint *ret_count, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
