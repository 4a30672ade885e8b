/*
 * The part of loading that follows the data: indexes, keys and foreign keys, each statement on its
 * own, by all sessions at once.
 */
#pragma once

#include "backup/reader.h"

typedef struct
{
  GPtrArray *conns;    /* of DbConn */
  BackupReader *reader;
  GHashTable *names;   /* BackupTable to its quoted name in the dump: large ones go first */
  bool own_transactions; /* false: all in the one open transaction of conns[0] */
} LoadKeys;

/* Runs the DDL of KIND. Statements that the server ends for a deadlock run again, one by one. */
bool load_keys (const LoadKeys *keys, BackupMemberKind kind, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
