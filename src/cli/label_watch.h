/*
 * Protected volumes that are gone or have lost their label open incidents (guard/known.h). Always of the same Engine: the
 * volumes of another one would all be gone.
 */
#pragma once

#include "cli/command.h"
#include "guard/policy.h"
#include "project/incident.h"

/* Opens the incident; false when it could not be recorded: then the loss is told again. */
typedef bool (*LabelWatchRaise) (const IncidentSpec *spec, void *data, GError **error);

/* Looks at all volumes of the Engine; *RET_COUNT (may be NULL): how many losses were new. One that cannot be asked is
 * KEEL_ERROR_UNREACHABLE, and nothing is lost. */
bool label_watch_look (const Project *project, const GuardPolicy *policy, GuardEngine *engine,
                       LabelWatchRaise raise, void *data, guint *ret_count, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
