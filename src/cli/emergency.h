/*
 * What happens when an incident opens: people are told, the database is backed up as it is now, and looked at.
 *
 * The backup is of the type "emergency": retention never removes it, and "latest" never means it, because it
 * may hold what went wrong. All of it, and what failed of it, is in the incident's timeline.
 */
#pragma once

#include "cli/command.h"
#include "project/incident.h"

/* How long to wait for another backup that is being made: by a command that has its own answer to give, and by a
 * process that has nothing else to do. */
#define EMERGENCY_PATIENCE_S 60
#define EMERGENCY_PATIENCE_ALONE_S (30 * 60)

/* Responds to the open incident ID. *RET_BACKUP (may be NULL): name of the emergency backup, caller frees; NULL when none
 * was wanted. Errors: of the backup, or of the check of integrity; findings are none. */
bool emergency_respond (CliContext *context, const char *id, int64_t patience_seconds,
                        char **ret_backup, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a command that goes on: what fails is a warning. */
void emergency_respond_or_warn (CliContext *context, const char *id);

/* For a server that cannot wait: opens the incident, or adds to the one that is open; to a new one a process of its own
 * responds ("pgkeel incident respond"), as the owner of the project's folder when we are root. Any thread. False: the
 * incident could not be recorded. That nobody responds is in the timeline. IS_SILENT: the process writes only there, not to our
 * standard error, which may be a pipe that somebody reads to its end. */
bool emergency_open_aside (const Project *project, const IncidentSpec *spec, bool is_silent,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
