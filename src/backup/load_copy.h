/*
 * One COPY command of a load, fed with any number of a table's parts.
 *
 * One command for many parts, as the server keeps its buffers and its place in the table from row to
 * row of a command, not from command to command. Where that loads faster the rows go in COPY's binary
 * format; from a row on that does not convert exactly a second command takes the rest as text.
 */
#pragma once

#include "backup/load_types.h"
#include "backup/reader.h"
#include "db/conn.h"

typedef struct LoadCopy LoadCopy;

/* STATEMENT replaces the one in the dump (NULL: the dump's own). FREEZE: the table was made or emptied
 * in this very transaction, and its rows are to be frozen. TYPES: of the table that STATEMENT or the
 * dump names; NULL: everything goes as text. CONN, READER and TYPES are borrowed. */
LoadCopy *load_copy_new (BackupReader *reader, DbConn *conn, const BackupTable *table,
                         const char *statement, bool freeze, const LoadTypes *types);

/* Sends the rows of MEMBER, after checking its hash. The first one starts the command. */
bool load_copy_member (LoadCopy *copy, const BackupMember *member, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Ends the command; the server must have taken as many rows as the parts hold. */
bool load_copy_end (LoadCopy *copy, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The table's name as the dump quotes it, NULL before the first part. Owned by the copy. */
const char *load_copy_table_name (const LoadCopy *copy);

/* Aborts a command that was not ended. */
void load_copy_free (LoadCopy *copy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LoadCopy, load_copy_free)
