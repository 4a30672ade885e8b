/*
 * Rows of a generated table as one COPY, into a session or anywhere else.
 */
#pragma once

#include "db/conn.h"
#include "seed/gen_model.h"

/* Takes pieces of the stream; DATA is the caller's. */
typedef bool (*GenWriteFn) (const char *bytes, size_t length, void *data, GError **error);

typedef struct GenCopy GenCopy;

/* Writes through WRITE; BINARY: with COPY's header and trailer. */
GenCopy *gen_copy_new (const GenTable *table, bool is_binary, GenWriteFn write, void *data);
void gen_copy_free (GenCopy *copy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenCopy, gen_copy_free)

/* Rows FIRST, FIRST + STEP, ... COUNT of them; cancellation is looked at. */
bool gen_copy_rows (GenCopy *copy, uint64_t first, uint64_t count, uint64_t step, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool gen_copy_end (GenCopy *copy, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes that have been written. */
uint64_t gen_copy_bytes (const GenCopy *copy);

/* "COPY target (columns) FROM STDIN (FORMAT binary)". TARGET is quoted. Caller frees. */
char *gen_copy_statement (const GenTable *table, const char *target, bool is_binary);

/* A GenWriteFn for a session (DATA: DbConn) that is in COPY. */
bool gen_copy_to_session (const char *bytes, size_t length, void *data, GError **error);
