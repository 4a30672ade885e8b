/*
 * Which tables of a backup are loaded in COPY's binary format, and with what types.
 *
 * The types are those of the tables as they stand in the database that is filled, so it is asked when
 * they are there. Domains count as what they are over: the server checks them whatever the format.
 */
#pragma once

#include "backup/binary_rows.h"
#include "backup/index.h"
#include "db/conn.h"

typedef struct LoadTypes LoadTypes;

/* Asks once for all tables. The session must speak the backup's encoding. */
bool load_types_read (DbConn *conn, const BackupIndex *index, LoadTypes **ret_types, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A converter for the rows of TABLE, as many as it has columns; NULL: they are loaded as text. Caller
 * frees. TYPES may be NULL: nothing is known. */
BinaryRows *load_types_converter (const LoadTypes *types, const BackupTable *table,
                                  BinaryRowsSinkFn sink, void *user_data);

void load_types_free (LoadTypes *types);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LoadTypes, load_types_free)
