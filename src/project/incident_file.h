/*
 * Incidents as files: what incident.c decides on.
 *
 *   .pgkeel/incidents/2026-11-21-1.json   one incident (docs/incidents.md has its keys)
 *   .pgkeel/incidents/index.json          {"version": 1, "last": "2026-11-21-1", "open": [{...}]}: which are
 *                                         open, so that a file that is gone is missed
 *   .pgkeel/incidents/.lock               held while something is written
 *
 * An incident is in the index before its file is there, and until its file says closed: a crash between
 * leaves it open. An index that is gone or damaged is made again from the files and the audit log.
 */
#pragma once

#include "base/act_as.h"
#include "base/fs.h"
#include "project/incident.h"

#define INCIDENT_FOLDER "incidents"

typedef struct
{
  const Project *project;
  char *folder;
  json_t *index;
  ActAs act; /* root writes as the owner of the folder */
  Fd lock;   /* -1 while only looking */
} IncidentStore;

void incident_store_clear (IncidentStore *store);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (IncidentStore, incident_store_clear)

/* Waits for the lock, makes the folder if it is not there, reads the index. */
bool incident_store_open (const Project *project, IncidentStore *ret_store, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* To look only. *RET_STORE has no index when there is no .pgkeel: nothing ever happened here. */
bool incident_store_look (const Project *project, IncidentStore *ret_store, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "2026-11-21-1", of today, never used before. Caller frees. */
char *incident_store_new_id (const IncidentStore *store);

bool incident_id_is_valid (const char *id);

/* All IDs, open or closed, the oldest first; of char *. */
GPtrArray *incident_store_ids (const IncidentStore *store);

/* The entry of the index; NULL when it is not among the open ones. Borrowed. */
json_t *incident_store_entry (const IncidentStore *store, const char *id);

/* Takes it out of the open ones. */
void incident_store_forget (IncidentStore *store, const char *id);

bool incident_store_write_index (IncidentStore *store, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The incident of ID, whatever state its file is in; NULL when neither a file nor the index has it. */
Incident *incident_store_read (const IncidentStore *store, const char *id);

bool incident_store_write (IncidentStore *store, const char *id, const json_t *document,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds {time, event, summary, who, evidence} to the timeline. Of one kind of event the first and the last
 * INCIDENT_EVENTS_KEPT are kept; "omitted" counts the others. */
#define INCIDENT_EVENTS_KEPT 20
void incident_document_add (const Project *project, json_t *document, const char *event,
                            const char *summary, const json_t *evidence);

/* TEXT as one line of bounded length, valid UTF-8 without control characters and secrets; caller frees. */
char *incident_line (const Project *project, const char *text);
