/*
 * The identity stamp: a row in the database (schema pgkeel) that says which project and environment
 * it is and on which cluster that was said, so that a wrong URL is noticed before anything is written.
 */
#pragma once

#include "db/conn.h"
#include "project/project.h"

typedef enum
{
  STAMP_UNKNOWN = 0, /* could not be read: treat as unsafe */
  STAMP_NONE,        /* the database carries no stamp */
  STAMP_MATCHES,     /* this project, this environment, this cluster */
  STAMP_MISMATCH,    /* this cluster, but another project or environment */
  STAMP_COPY,        /* a stamp of another cluster: the database is a restored copy */
} StampVerdict;

typedef struct
{
  StampVerdict verdict;
  char *project; /* what the stamp says; NULL without one */
  char *environment;
  char *system_identifier; /* of the cluster where it was stamped */
  char *stamped_at;        /* ISO time */
} Stamp;

void stamp_clear (Stamp *stamp);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Stamp, stamp_clear)

/* Reads and compares. Without the privilege to read the row, or to call pg_control_system() (PUBLIC
 * has it, unless it was revoked), the verdict is UNKNOWN; the refused statement would abort a
 * transaction, so call it outside of one. */
bool stamp_read (DbConn *conn, const Project *project, Stamp *ret_stamp, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_REFUSED, with both sides named, unless writing as the chosen environment is safe:
 * NONE and MATCHES pass; MISMATCH does not; COPY passes only for an unprotected environment. */
bool stamp_check (const Stamp *stamp, const Project *project, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Writes or replaces the stamp of the connected database (creates schema pgkeel if needed). */
bool stamp_write (DbConn *conn, const Project *project, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "none", "matches", "mismatch", "copy", "unknown". */
const char *stamp_verdict_name (StampVerdict verdict);
