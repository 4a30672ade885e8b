/*
 * What a backup remembers of the database and its cluster beside tables: enough to make the database
 * again with the same properties, and to make the roles and tablespaces a scratch cluster lacks.
 */
#pragma once

#include "backup/index.h"
#include "db/conn.h"

/* Fills database, server_version, system_identifier, encoding, lsn and source of INDEX. */
bool source_read (DbConn *conn, BackupIndex *index, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SET statements, one a line, for a session that runs the schema's own expressions (CHECK constraints,
 * materialised views): what the database itself sets of time zone and notation of dates, so that
 * they come to the same again. Caller frees. */
char *source_session_sql (const BackupIndex *index);

/* What pg_dump from PostgreSQL 15 on leaves out: it takes for granted that nobody may create objects in
 * schema public, which only holds from server version 15 on. *RET_SQL takes that right from PUBLIC
 * where a server of major version SERVER_MAJOR would give it, or is "". */
bool source_read_public_schema (DbConn *conn, int server_major, char **ret_sql, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Reads all sequence positions into INDEX; RET_SQL is the setval() statements in the session's
 * encoding, "" when there are none. */
bool source_read_sequences (DbConn *conn, BackupIndex *index, char **ret_sql, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
