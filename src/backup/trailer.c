#include "backup/trailer.h"

#include <string.h>

static const uint8_t head[16] = { 0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 56, 0, 'P', 'K', 52, 0 };
static const uint8_t tail[10] = { 3, 0 };

static void
put_le (uint8_t *bytes, uint64_t value, int count)
{
  for (int i = 0; i < count; i++)
    bytes[i] = (uint8_t) (value >> (8 * i));
}

static uint64_t
get_le (const uint8_t *bytes, int count)
{
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; i--)
    value = value << 8 | bytes[i];
  return value;
}

static void
build (const BackupTrailer *trailer, uint32_t format, uint8_t bytes[TRAILER_BYTES])
{
  memcpy (bytes, head, sizeof head);
  put_le (bytes + 16, format, 4);
  put_le (bytes + 20, trailer->index_offset, 8);
  put_le (bytes + 28, trailer->index_size, 8);
  memcpy (bytes + 36, trailer->sha256, SHA256_BYTES);
  memcpy (bytes + 68, tail, sizeof tail);
}

void
backup_trailer_build (const BackupTrailer *trailer, uint8_t ret_bytes[TRAILER_BYTES])
{
  build (trailer, TRAILER_FORMAT, ret_bytes);
}

bool
backup_trailer_parse (const uint8_t bytes[TRAILER_BYTES], uint64_t file_size,
                      BackupTrailer *ret_trailer, GError **error)
{
  BackupTrailer trailer
      = { .index_offset = get_le (bytes + 20, 8), .index_size = get_le (bytes + 28, 8) };
  memcpy (trailer.sha256, bytes + 36, SHA256_BYTES);
  uint32_t format = (uint32_t) get_le (bytes + 16, 4);
  uint8_t again[TRAILER_BYTES];
  build (&trailer, format, again);
  if (memcmp (again, bytes, TRAILER_BYTES) != 0)
    return keel_error (error, KEEL_ERROR_CORRUPT,
                       "The file is cut short, damaged, or was not written by pgkeel.",
                       "the file does not end with pgkeel's trailer");
  uint64_t body = file_size - TRAILER_BYTES;
  bool fits = file_size >= TRAILER_BYTES && trailer.index_offset <= body
              && trailer.index_size == body - trailer.index_offset;
  if (format != TRAILER_FORMAT && format > TRAILER_FORMAT && fits)
    return keel_error (error, KEEL_ERROR_FAILED, "Use the newer pgkeel that wrote it.",
                       "the backup has format %u, this pgkeel knows format %d", format,
                       TRAILER_FORMAT);
  if (!fits || format != TRAILER_FORMAT)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the trailer contradicts the file's size");
  *ret_trailer = trailer;
  return true;
}
