/*
 * The pre-commit hook of `guard install --hooks`: `pgkeel guard scan --staged` before each commit.
 *
 * A hook that is there already is never written over, and none is written for other repositories: where a
 * user's or the machine's configuration of git names the folder of the hooks, it is theirs.
 */
#pragma once

#include "cli/command.h"

typedef enum
{
  GUARD_HOOK_WRITTEN,
  GUARD_HOOK_THERE, /* it runs the scan already */
  GUARD_HOOK_OTHERS, /* another hook is there, or the folder is not this repository's: nothing was written */
} GuardHookState;

typedef struct
{
  GuardHookState state;
  char *path;       /* of the hook, absolute */
  const char *line; /* what to add to a hook that is somebody else's */
  const char *why;  /* of GUARD_HOOK_OTHERS: a clause */
} GuardHook;

void guard_hook_clear (GuardHook *hook);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardHook, guard_hook_clear)

/* Sets the hook of the repository that FOLDER is in; of all its work trees, as git has it. DRY_RUN: only says
 * what would be done. KEEL_ERROR_USAGE when FOLDER is in no repository. */
bool guard_hook_install (const char *folder, bool dry_run, GuardHook *ret_hook, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* guard install --hooks: does that for the context's folder and says so. KEEL_ERROR_ANSWER_NO when the hook is
 * somebody else's. */
bool guard_hook_run (const CliContext *context, bool dry_run, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
