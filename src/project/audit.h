/*
 * The audit log: .pgkeel/audit.jsonl, one JSON object a line, each carrying the SHA-256 of the line
 * before, so that a line changed, removed or put in shows. Every destructive step writes its intent
 * before and its outcome after.
 *
 * Who can write the files can also write a whole new chain: the files alone show accidents and edits; what
 * an owner rewrites shows only against what a database remembers (audit_database.h, docs/audit.md).
 */
#pragma once

#include "project/project.h"

#include <jansson.h>

/* Appends {"time", "seq", "user", "host", "pid", "environment", "action", "phase", ..., "previous"}.
 * ACTION: "restore", "db stop", ...; PHASE: "intent", "done", "failed", "refused", "note".
 * DETAILS (borrowed, may be NULL): an object merged in; secrets must not be in it. Takes a lock for the
 * moment; durable when it returns. */
bool audit_write (const Project *project, const char *action, const char *phase,
                  const json_t *details, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether this process has written an entry. */
bool audit_was_written (void);

typedef struct
{
  int64_t since;      /* seconds since 1970; 0: from the start */
  const char *action; /* this action, or those that begin with it and a space; NULL: all */
  size_t limit;       /* the last so many; 0: all */
} AuditFilter;

/* *RET_ENTRIES: of json_t, the oldest first; lines that are none are left out. */
bool audit_read (const Project *project, const AuditFilter *filter, GPtrArray **ret_entries,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  uint64_t entry_count;
  GPtrArray *problems; /* of char *: what was changed, removed, put in or reordered; at most 100 */
  GPtrArray *notes;    /* of char *: what a crash left, harmless */
} AuditReport;

void audit_report_clear (AuditReport *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AuditReport, audit_report_clear)

/* Reads the whole chain and compares its end with the remembered head. True when it could be read,
 * whatever was found: the log is sound when there are no problems. */
bool audit_verify (const Project *project, AuditReport *ret_report, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
