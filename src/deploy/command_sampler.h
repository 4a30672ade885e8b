/*
 * Which locks the sessions of a command hold and wait for while it runs: a session of ours looks again
 * and again, from a thread of its own, at all others of the database. To be used on a copy, where
 * there is nobody else.
 */
#pragma once

#include "deploy/relations.h"

typedef struct CommandSampler CommandSampler;

/* CONN is lent until command_sampler_stop; OTHER_PID: another session of ours. */
bool command_sampler_start (DbConn *conn, int other_pid, CommandSampler **ret_sampler,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  guint sample_count;
  guint session_count; /* how many were seen */
  GHashTable *locks;   /* "OID:AccessExclusiveLock" -> SampledLock */
} CommandSamples;

typedef struct
{
  int64_t held_us, waited_us; /* from one look to the next */
} SampledLock;

void command_samples_clear (CommandSamples *samples);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CommandSamples, command_samples_clear)

/* Ends the thread and frees SAMPLER. */
bool command_sampler_stop (CommandSampler *sampler, CommandSamples *ret_samples, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Tells MEASUREMENT what SAMPLES saw of relations that were there BEFORE or are there NOW. */
void command_samples_note (const CommandSamples *samples, GHashTable *before, GHashTable *now,
                           Measurement *measurement);
