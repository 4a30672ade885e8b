/*
 * Which databases a PostgreSQL data directory holds, read from its files, without a server.
 *
 * pg_database is a table like any other: global/pg_filenode.map says which file it is, and a row of it counts
 * unless the row or the commit log (pg_xact) says that it was deleted or never committed. What is in doubt
 * counts. Layouts: storage/bufpage.h, access/htup_details.h and utils/cache/relmapper.c of PostgreSQL 13 to 18.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

typedef struct
{
  uint32_t oid;
  char *name;       /* NULL: it has files, but no row (yet) */
  bool is_pristine; /* of initdb, and nobody has put a table or large object into it */
} GuardDatabase;

void guard_database_free (GuardDatabase *database);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardDatabase, guard_database_free)

/* Of the data directory opened as FOLDER_FD; *RET_DATABASES: of GuardDatabase, by name and oid. Of a server
 * that runs, or did not end in order, the newest ones may have no name. KEEL_ERROR_CORRUPT, KEEL_ERROR_FAILED. */
bool guard_databases_read (int folder_fd, GPtrArray **ret_databases, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The rows of pg_database in the LENGTH bytes of its file TABLE, added to DATABASES; what a row does not say itself
 * is looked up in pg_xact of FOLDER_FD (-1: it stays in doubt). */
bool guard_databases_parse (const char *table, size_t length, int folder_fd, GPtrArray *databases,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
