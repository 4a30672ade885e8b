/*
 * The last bytes of a file: whatever comes, there is a trailer whose every byte is as pgkeel writes
 * it, or an error. The first eight bytes of the input are the size of the file.
 */
#include "backup/trailer.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint64_t file_size;
  uint8_t bytes[TRAILER_BYTES], again[TRAILER_BYTES];
  if (size != sizeof file_size + TRAILER_BYTES)
    return 0;
  memcpy (&file_size, data, sizeof file_size);
  memcpy (bytes, data + sizeof file_size, TRAILER_BYTES);
  BackupTrailer trailer = { 0 };
  g_autoptr (GError) error = NULL;
  if (!backup_trailer_parse (bytes, file_size, &trailer, &error))
    {
      g_assert (error != NULL && trailer.index_size == 0);
      return 0;
    }
  g_assert (error == NULL);
  g_assert (trailer.index_offset <= file_size && trailer.index_size <= file_size);
  g_assert (trailer.index_offset + trailer.index_size + TRAILER_BYTES == file_size);
  backup_trailer_build (&trailer, again);
  g_assert (memcmp (again, bytes, TRAILER_BYTES) == 0);
  return 0;
}
