/*
 * Whether a command of docker is about production, and what says so.
 */
#pragma once

#include "guard/compose_project.h"
#include "guard/endpoint.h"
#include "project/project.h"

typedef struct
{
  const GuardCommand *command;
  const GuardEndpoint *endpoint;
  const ComposeProject *compose; /* NULL: no compose files are used */
  const char *const *patterns;   /* guard.production */
} GuardSetting;

/* What says production: "LEDGER_ENV", "the compose file “compose.prod.yml”", "the context “prod”"; caller frees. NULL:
 * nothing does. */
char *guard_production_evidence (const GuardSetting *setting);
