/*
 * The environment lock as commands use it: `guard run` and `env check`. Puts together what guard/ cannot know: the
 * terminal, the backups, the incidents, and prints the verdict.
 */
#pragma once

#include "cli/command.h"
#include "guard/environment_facts.h"

typedef struct
{
  const char *authorised; /* --authorise; NULL */
  bool set_url;           /* the command's variables are to lead to the environment's database */
  bool no_proof;
  char *const *argv; /* the command; NULL: none */
  bool wants_proof;  /* look for the last proof even where none is needed */
} LockAsk;

typedef struct
{
  char **environment; /* the command's variables, "NAME=VALUE" */
  EnvLockGathered gathered;
  EnvLockVerdict verdict;
  GPtrArray *texts; /* that the facts refer to */
} LockLook;

void lock_look_clear (LockLook *look);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LockLook, lock_look_clear)

/* Looks and judges; what is wrong is in the verdict. Errors: cancelled, and with set_url those of target_url. */
bool lock_look (const Project *project, const LockAsk *ask, LockLook *ret_look, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Every row, with its level in colour. */
void lock_print (const LockLook *look);

/* {"verdict": "fine"|"warning"|"refused", "agrees": bool, "rows": [...], "databases": [...], ...}; the caller owns it. */
json_t *lock_json (const LockLook *look);
