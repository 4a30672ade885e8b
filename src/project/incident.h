/*
 * Incidents: something happened that must not be passed over. A file each in .pgkeel/incidents/, with
 * a timeline; while one is open, commands that destroy are refused.
 *
 * A second event of the same kind on the same subject is added to the incident that is open.
 * What composes an emergency backup and tells people is above (cli/emergency.h).
 */
#pragma once

#include "project/project.h"

#include <jansson.h>

typedef enum
{
  INCIDENT_REFUSED_DESTRUCTION, /* somebody tried to delete protected data */
  INCIDENT_EMPTY_BACKUP,        /* 0 bytes, or not more than backup.min_size */
  INCIDENT_SHRUNKEN_BACKUP,
  INCIDENT_FAILED_PROOF,
  INCIDENT_FAILED_INTEGRITY,
  INCIDENT_LOST_LABEL, /* a volume that was protected is there without its label */
  INCIDENT_MANUAL,
} IncidentKind;

typedef struct
{
  IncidentKind kind;
  const char *subject;    /* a volume, a backup, a database */
  const char *summary;    /* one line */
  const json_t *evidence; /* an object; may be NULL; no secrets */
} IncidentSpec;

/* Opens one, or adds to the one that is open. *RET_ID (may be NULL): "2026-11-21-1", caller frees; *RET_IS_NEW
 * (may be NULL): it was not open before. Durable, and in the audit log, when it returns. */
bool incident_open (const Project *project, const IncidentSpec *spec, char **ret_id,
                    bool *ret_is_new, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_REFUSED while an incident is open: its hint says how to look at it and close it. An incident
 * folder that cannot be read refuses, too. ACTION: what was about to be done, for the message. */
bool incident_check_none (const Project *project, const char *action, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "refused-destruction", "empty-backup", ... */
const char *incident_kind_name (IncidentKind kind);
