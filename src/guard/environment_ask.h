/*
 * Asks databases who they are: which cluster, which database of it, which stamp. Several at a time, each once;
 * nothing is written. One that does not answer is an answer.
 */
#pragma once

#include "guard/environment_lock.h"
#include "project/project.h"

typedef struct EnvLockAsk EnvLockAsk;

/* PROJECT must outlive it. */
EnvLockAsk *env_lock_ask_new (const Project *project);
void env_lock_ask_free (EnvLockAsk *ask);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EnvLockAsk, env_lock_ask_free)

/* URL: what db_connect takes. */
void env_lock_ask_add (EnvLockAsk *ask, const char *url);

/* Asks all. Errors: KEEL_ERROR_CANCELLED only. */
bool env_lock_ask_run (EnvLockAsk *ask, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What URL answered; its texts are ASK's. ENV_LOCK_DATABASE_UNASKED when nobody has asked. */
EnvLockDatabase env_lock_ask_answer (const EnvLockAsk *ask, const char *url);
