/*
 * Dumps that pgkeel did not write: SQL text, plain or gzipped, and pg_dump's own archives.
 *
 * They are restored by psql or pg_restore, stopping at the first error. They carry no counts and no
 * digests, so what was restored cannot be compared with what was dumped: the caller must say so.
 */
#pragma once

#include "base/error.h"
#include "base/report.h"

typedef enum
{
  FOREIGN_NONE,    /* written by pgkeel */
  FOREIGN_SQL,     /* .sql */
  FOREIGN_SQL_GZ,  /* .sql.gz */
  FOREIGN_ARCHIVE, /* pg_dump's custom, tar or directory format */
} ForeignKind;

/* Looks at the bytes, not at the name. An empty file is KEEL_ERROR_CORRUPT. */
bool foreign_detect (const char *path, ForeignKind *ret_kind, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "SQL text", "gzipped SQL text", "pg_dump archive". */
const char *foreign_kind_name (ForeignKind kind);

/* Reads all of a text, before anything is done with it: gzip must be whole, what pg_dump wrote must end
 * as pg_dump ends it, and nothing may lead out of the database (see script.h). Archives are for
 * pg_restore to check. */
bool foreign_check (const char *path, ForeignKind kind, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs PATH into the empty DATABASE, under the same conditions. SERVER_MAJOR chooses the program. */
bool foreign_restore (const char *path, ForeignKind kind, const char *url, const char *database,
                      int server_major, unsigned int job_count, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
