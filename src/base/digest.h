/*
 * Hashes: SHA-256 (OpenSSL) for bytes that must not change, and the row digest that compares
 * tables whatever the order of their rows.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_HEX_CHARS 64

typedef struct Sha256 Sha256;

Sha256 *sha256_new (void);
void sha256_update (Sha256 *hash, const void *data, size_t length);
/* Writes 32 bytes; the hash must not be used after but to be freed. */
void sha256_finish (Sha256 *hash, uint8_t ret_sum[SHA256_BYTES]);
void sha256_free (Sha256 *hash);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sha256, sha256_free)

/* One call for bytes in memory. */
void sha256_of (const void *data, size_t length, uint8_t ret_sum[SHA256_BYTES]);

/* 64 lower-case hexadecimal characters; caller frees. */
char *sha256_hex (const uint8_t sum[SHA256_BYTES]);
/* The reverse; false when TEXT is not exactly 64 hexadecimal characters. */
bool sha256_from_hex (const char *text, uint8_t ret_sum[SHA256_BYTES]) G_GNUC_WARN_UNUSED_RESULT;

/* CRC-32C (Castagnoli), as PostgreSQL puts it into its files. Against damage only, and not fast. */
uint32_t crc32c_of (const void *data, size_t length);

/* Digest of a bag of rows: the sum, modulo 2^128, of XXH3-128 (seed 0) of each row's COPY text line
 * without its newline. Addition makes it independent of the order, and digests of parts of a table
 * add up to the digest of the table. Not cryptographic: it finds damage, not malice. */
typedef struct
{
  uint64_t high;
  uint64_t low;
  uint64_t rows;
} RowDigest;

/* Adds one row; LENGTH excludes the newline. */
void row_digest_add (RowDigest *digest, const char *line, size_t length);
/* Adds all rows of OTHER. */
void row_digest_merge (RowDigest *digest, const RowDigest *other);
bool row_digest_equal (const RowDigest *a, const RowDigest *b);
/* 32 hexadecimal characters, the sum only; caller frees. */
char *row_digest_hex (const RowDigest *digest);
/* Sets the sum, not the row count. */
bool row_digest_from_hex (const char *text, RowDigest *ret_digest) G_GNUC_WARN_UNUSED_RESULT;
