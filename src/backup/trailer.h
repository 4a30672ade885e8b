/*
 * The trailer: the last 78 bytes of a backup, an empty gzip member whose extra field says where the
 * index is and what all bytes before it hash to. All numbers are little-endian.
 *
 *   0  1f 8b 08 04          gzip, deflate, FEXTRA
 *   4  00 00 00 00 00 ff    no time, no flags, system unknown
 *  10  38 00                length of the extra field: 56
 *  12  'P' 'K' 34 00        subfield, 52 bytes:
 *  16    format version     4 bytes, now 1
 *  20    index offset       8 bytes
 *  28    index size         8 bytes, the compressed member
 *  36    SHA-256            32 bytes, of all bytes before the trailer
 *  68  03 00                an empty deflate block
 *  70  CRC-32 and length    8 zero bytes
 */
#pragma once

#include "base/digest.h"

#define TRAILER_BYTES 78
#define TRAILER_FORMAT 1

typedef struct
{
  uint64_t index_offset;
  uint64_t index_size;
  uint8_t sha256[SHA256_BYTES];
} BackupTrailer;

void backup_trailer_build (const BackupTrailer *trailer, uint8_t ret_bytes[TRAILER_BYTES]);

/* Reads a trailer that ends a file of FILE_SIZE bytes. Every byte must be what trailer_build would
 * write, and the index must end where the trailer begins; anything else is KEEL_ERROR_CORRUPT, a
 * newer format KEEL_ERROR_FAILED. */
bool backup_trailer_parse (const uint8_t bytes[TRAILER_BYTES], uint64_t file_size,
                           BackupTrailer *ret_trailer, GError **error) G_GNUC_WARN_UNUSED_RESULT;
