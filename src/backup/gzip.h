/*
 * Gzip members (RFC 1952) through ISA-L, in memory.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Compresses again and again with buffers that are kept. For one thread. */
typedef struct GzipCompressor GzipCompressor;

GzipCompressor *gzip_compressor_new (void);
void gzip_compressor_free (GzipCompressor *compressor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GzipCompressor, gzip_compressor_free)

/* Makes one whole member of DATA. The result is the compressor's until its next use. Needs no more
 * than memory, so it cannot fail. */
void gzip_compress (GzipCompressor *compressor, const void *data, size_t length,
                    const uint8_t **ret_member, size_t *ret_length);

/* Called with pieces of the inflated text, in order. False stops with the error it set. */
typedef bool (*GzipSinkFn) (const char *data, size_t length, void *user_data, GError **error);

/* Inflates exactly one member of LENGTH bytes and checks its CRC. Damage, bytes after its end and
 * text of more than MAX_BYTES are KEEL_ERROR_CORRUPT. */
bool gzip_inflate (const uint8_t *member, size_t length, uint64_t max_bytes, GzipSinkFn sink,
                   void *user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same into one allocation, NUL-terminated. */
bool gzip_inflate_text (const uint8_t *member, size_t length, uint64_t max_bytes, char **ret_text,
                        size_t *ret_length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
