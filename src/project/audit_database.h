/*
 * The end of the audit log as a database remembers it (audit.database_head): what the log's own folder cannot show, a
 * tail that was cut off together with its head, and a log that was replaced as a whole.
 *
 *   pgkeel.audit_head   a row for each time: the log's place (host, folder), the hash of its first entry, how many entries
 *                       it had, and the hash of the last; rows are only added, and only with more entries than before
 *
 * A log is known by its place, and by its first entry when it has moved. Rows of other logs (other machines, other
 * copies of the project) do not matter.
 */
#pragma once

#include "db/conn.h"
#include "project/audit.h"

typedef struct
{
  uint64_t count;
  char *hash;    /* of the entry that was the last then: "sha256:..." */
  char *first;   /* of the first entry */
  char *written; /* ISO time, of the server's clock */
} AuditKept;

void audit_kept_free (AuditKept *kept);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AuditKept, audit_kept_free)

/* *RET_KEPT: of AuditKept, by count, the fewest first: what the database remembers of the project's log. Empty when it
 * remembers nothing. */
bool audit_database_read (DbConn *conn, const Project *project, GPtrArray **ret_kept,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Remembers how the log ends now; makes the table where it is missing. Call outside of a transaction, and only where
 * writing is allowed (stamp_check). KEEL_ERROR_ANSWER_NO: the database remembers more entries than the log has, and
 * nothing was written. An empty log is nothing to remember. */
bool audit_database_write (DbConn *conn, const Project *project, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* audit_verify, and the log compared with KEPT (of AuditKept, in the order of audit_database_read). */
bool audit_verify_kept (const Project *project, const GPtrArray *kept, AuditReport *ret_report,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
