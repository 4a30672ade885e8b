/*
 * Loads a backup into an empty database: schema, data by several sessions, keys, the rest.
 *
 * Every part is checked against its hash before the server sees a byte of it. On failure the database
 * is left half filled: the caller drops it.
 */
#pragma once

#include "backup/reader.h"
#include "base/report.h"
#include "db/conn.h"

typedef struct
{
  const char *url;
  const char *database;       /* replaces the one in the URL */
  unsigned int job_count;     /* 0: one for each processor, at most 8 */
  DbConn *single;             /* when set: everything in this session and its open transaction */
  const BackupTable *only;    /* data of this table only, and no schema; NULL: all */
  const char *only_statement; /* with only: the COPY statement instead of the dump's own, or NULL */
  bool skip_schema;           /* the schema is there already */
  bool analyze;               /* gather statistics at the end */
  GPtrArray
      *broken_keys; /* of char *: gets what rows break, which is no error then; NULL: it is one */
} LoadSpec;

typedef struct
{
  uint64_t rows;
  uint64_t raw_bytes;
} LoadResult;

bool load_run (const LoadSpec *spec, BackupReader *reader, Report *report, LoadResult *ret_result,
               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs the DDL of one phase in one session, statement by statement. */
bool load_ddl (DbConn *conn, BackupReader *reader, BackupMemberKind kind, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
