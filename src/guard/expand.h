/*
 * What a command line leaves open: which containers and volumes a project of compose has, and what a prune of this
 * client takes. Afterwards every operation of a command can be judged by itself.
 */
#pragma once

#include "guard/compose_project.h"
#include "guard/engine.h"

typedef struct
{
  const ComposeProject *project; /* of commands with is_compose; NULL: of others */
  GuardEngine *engine;
  bool
      prune_takes_named; /* the API that client and Engine agree on is older than 1.42, or is not known */
} GuardExpansion;

/* Completes and adds to COMMAND's operations. KEEL_ERROR_REFUSED when it cannot be found out what they would
 * do. */
bool guard_expand (GuardCommand *command, const GuardExpansion *expansion, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Whether operations of COMMAND depend on what a prune takes. */
bool guard_expand_wants_api (const GuardCommand *command);

/* Whether TEXT, an API version such as "1.41", is one whose prunes take named volumes, too; one that cannot be read is. */
bool guard_api_prunes_named (const char *text);
