/*
 * The facts of the environment lock: what a command will see when it is run from here.
 *
 * The .env files are not put into its environment. But frameworks read them by themselves, so every line in
 * them that names a database counts, as does one that the process's environment goes before: not every loader
 * lets it. Looked at are .env, .env.local, .env.<environment>, prisma/.env (and the environments that NODE_ENV and its
 * like name) of the project's folder and of the current one. Every database that is named is connected to, once,
 * and asked who it is; nothing is written.
 */
#pragma once

#include "guard/environment_ask.h"
#include "guard/environment_lock.h"
#include "project/project.h"

typedef struct
{
  EnvLockFacts facts; /* its texts are ours */
  GArray *variables;  /* of EnvLockVariable */
  GArray *modes;      /* of EnvLockMode */
  GPtrArray *texts;
  EnvLockAsk *ask;
} EnvLockGathered;

void env_lock_gathered_clear (EnvLockGathered *gathered);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EnvLockGathered, env_lock_gathered_clear)

/* All facts but those of the caller: authorised, has_terminal, proof, incident. ENVIRONMENT: the command's variables,
 * "NAME=VALUE"; ARGV: the command itself, NULL when there is none. What cannot be found out is a fact. Errors:
 * KEEL_ERROR_CANCELLED only. */
bool env_lock_gather (const Project *project, char *const *environment, char *const *argv,
                      EnvLockGathered *ret_gathered, GError **error) G_GNUC_WARN_UNUSED_RESULT;
