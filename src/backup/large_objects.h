/*
 * Large objects: as SQL statements that make them again, and as rows that can be digested.
 *
 * A row is (oid, offset, chunk): the bytes of one object from OFFSET on, at most 256 KiB, as COPY
 * text. An empty object is one row with an empty chunk. Holes read as zeros, so a sparse object and
 * its dense copy have the same rows.
 */
#pragma once

#include "base/digest.h"
#include "db/conn.h"

/* Takes SQL text, one or more whole statements. */
typedef bool (*LargeObjectSinkFn) (const char *sql, size_t length, void *data, GError **error);

/* Hands the statements for all large objects of the database to SINK: contents, then owners, grants
 * and comments. Sets their count and digest. */
bool large_objects_dump (DbConn *conn, LargeObjectSinkFn sink, void *data, uint64_t *ret_count,
                         RowDigest *ret_digest, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Count and digest only. */
bool large_objects_digest (DbConn *conn, uint64_t *ret_count, RowDigest *ret_digest, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
