/*
 * Rows of COPY's text format as COPY's binary format, streamed.
 *
 * The server reads binary rows with less work than text. The rows may come in any pieces. A row that
 * does not convert exactly (binary_value.h), or is very long, is never guessed at: the converter stops
 * before it, and the caller sends it and all that follow as text.
 *
 *      0  "PGCOPY\n" ff "\r\n" 00                       signature
 *     11  int4 0, int4 0                                flags, length of an extension
 *     19  int2 columns, { int4 length, bytes } ...      a row; length -1: NULL
 *    ...  int2 -1                                       the end
 */
#pragma once

#include "backup/binary_value.h"
#include "base/error.h"

#include <stddef.h>

typedef struct BinaryRows BinaryRows;

/* Takes the next bytes of the binary format. False stops with the error it set. */
typedef bool (*BinaryRowsSinkFn) (const char *data, size_t length, void *user_data, GError **error);

/* True when rows with columns of these kinds load faster as binary, and all can be. */
bool binary_rows_pay (const BinaryKind *kinds, size_t column_count);

/* For rows with columns of these kinds, none of which is BINARY_NONE. KINDS is copied. */
BinaryRows *binary_rows_new (const BinaryKind *kinds, size_t column_count, BinaryRowsSinkFn sink,
                             void *user_data);
void binary_rows_free (BinaryRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BinaryRows, binary_rows_free)

/* Converts the next LENGTH bytes of text. *RET_TAKEN is less than LENGTH when a row cannot be converted:
 * it consists of what binary_rows_held gives and of DATA from *RET_TAKEN on. Nothing more may be
 * written then. Fails only if the sink does. */
bool binary_rows_write (BinaryRows *rows, const char *data, size_t length, size_t *ret_taken,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The beginning of a row that was not yet complete. Owned by ROWS. */
const char *binary_rows_held (const BinaryRows *rows, size_t *ret_length);

/* Hands over what is left and the format's end. */
bool binary_rows_end (BinaryRows *rows, GError **error) G_GNUC_WARN_UNUSED_RESULT;
