/*
 * Incidents: something happened that must not be passed over. A file each in .pgkeel/incidents/, with
 * a timeline; while one is open, commands that destroy are refused.
 *
 * An incident is of a project's environment: one in production does not stop development. A second
 * event of the same kind on the same subject is added to the incident that is open.
 *
 * What cannot be read counts as open: a file that is gone or damaged, a folder one may not look into.
 * When the folder is gone, the audit log says what was open.
 *
 * What composes an emergency backup and tells people is above (cli/emergency.h).
 */
#pragma once

#include "project/project.h"

#include <jansson.h>

/* Names open incidents, "ID,ID": what somebody who must act during an incident says. See incident_check_none. */
#define INCIDENT_VARIABLE "PGKEEL_INCIDENT"

typedef enum
{
  INCIDENT_REFUSED_DESTRUCTION, /* somebody tried to delete protected data */
  INCIDENT_EMPTY_BACKUP,        /* 0 bytes, or not more than backup.min_size */
  INCIDENT_SHRUNKEN_BACKUP,
  INCIDENT_DAMAGED_BACKUP, /* its bytes are not what their hashes say */
  INCIDENT_FAILED_PROOF,
  INCIDENT_FAILED_INTEGRITY,
  INCIDENT_LOST_LABEL, /* a volume that was protected is there without its label */
  INCIDENT_MANUAL,
} IncidentKind;

#define INCIDENT_KIND_COUNT (INCIDENT_MANUAL + 1)

/* "refused-destruction", "empty-backup", ... */
const char *incident_kind_name (IncidentKind kind);

typedef struct
{
  IncidentKind kind;
  const char *subject;    /* a volume, a backup, a database */
  const char *summary;    /* one line */
  const json_t *evidence; /* an object; may be NULL; no secrets */
} IncidentSpec;

/* Opens one, or adds to the one that is open. *RET_ID (may be NULL): "2026-11-21-1", caller frees; *RET_IS_NEW
 * (may be NULL): it was not open before. Durable, and in the audit log, when it returns. Any thread, any
 * process. Of events that repeat the first and the last are kept, and all are counted. */
bool incident_open (const Project *project, const IncidentSpec *spec, char **ret_id,
                    bool *ret_is_new, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Call before a command that destroys. KEEL_ERROR_REFUSED while an incident of the environment is open: its
 * hint says how to look at it and close it. An incident folder that cannot be read refuses, too. ACTION: what was about
 * to be done ("restore"), for the message.
 *
 * When INCIDENT_VARIABLE names every incident that is open it passes, and the incidents and the audit log say who went
 * on, with what. */
bool incident_check_none (const Project *project, const char *action, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  char *id;
  char *environment; /* NULL when its file cannot be read and nothing else knows it */
  char *kind;        /* a name of incident_kind_name; NULL as above */
  char *subject, *summary;
  char *opened, *closed; /* ISO times; NULL */
  char *reason;          /* why it could be closed; NULL while it is open */
  char *problem;         /* why its file cannot be read; NULL */
  bool is_open;
  uint64_t event_count; /* how often it happened */
  json_t *document;     /* the whole file; NULL when it cannot be read */
} Incident;

void incident_free (Incident *incident);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Incident, incident_free)

/* Whether it concerns ENVIRONMENT; one that nobody knows the environment of concerns all. */
bool incident_is_of (const Incident *incident, const char *environment);

/* *RET_INCIDENTS: of Incident, the oldest first: those that are open, of all environments; WITH_CLOSED: all. */
bool incident_list (const Project *project, bool with_closed, GPtrArray **ret_incidents,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One incident. KEEL_ERROR_USAGE when there is none of that ID. */
bool incident_read (const Project *project, const char *id, Incident **ret_incident, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Adds a line to the timeline: EVENT is one word ("backup", "notify", "note"), SUMMARY one line; EVIDENCE an object
 * (borrowed) or NULL. */
bool incident_note (const Project *project, const char *id, const char *event, const char *summary,
                    const json_t *evidence, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes it, with the written REASON, by whoever runs us. One whose file is gone or damaged can be closed as well:
 * what is left of it is kept beside. KEEL_ERROR_USAGE when there is none, or it is closed already. */
bool incident_close (const Project *project, const char *id, const char *reason, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The file of an incident; caller frees. */
char *incident_path (const Project *project, const char *id);
