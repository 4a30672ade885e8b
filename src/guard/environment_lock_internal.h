/* What the two halves of the environment lock share. */
#pragma once

#include "guard/environment_lock.h"

/* Adds a row; UNKNOWN counts as refused. */
void env_lock_add (EnvLockVerdict *verdict, EnvLockLevel level, const char *rule,
                   const char *subject, const char *hint, const char *format, ...)
    G_GNUC_PRINTF (6, 7);

/* The first when the environment is protected, else the second. */
EnvLockLevel env_lock_grave (const EnvLockFacts *facts, EnvLockLevel is_protected,
                             EnvLockLevel otherwise);

/* The environment's own database, and where the variables lead. */
void env_lock_judge_databases (const EnvLockFacts *facts, EnvLockVerdict *verdict);

/* Whether anything says at all which database a command will work on. */
void env_lock_judge_named (const EnvLockFacts *facts, EnvLockVerdict *verdict);
