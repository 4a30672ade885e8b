/*
 * Bytes as one gzip member: inflated text never exceeds the limit, and what is taken, compressed and
 * inflated again is the same text.
 */
#include "backup/gzip.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define MAX_BYTES (1 << 20)

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = NULL, *again = NULL;
  size_t length = 0, member_length, length_again;
  const uint8_t *member;
  g_autoptr (GError) error = NULL;
  if (!gzip_inflate_text (data, size, MAX_BYTES, &text, &length, &error))
    {
      g_assert (error != NULL && text == NULL);
      return 0;
    }
  g_assert (error == NULL && length <= MAX_BYTES && text[length] == '\0');
  g_autoptr (GzipCompressor) compressor = gzip_compressor_new ();
  gzip_compress (compressor, text, length, &member, &member_length);
  g_assert (gzip_inflate_text (member, member_length, length, &again, &length_again, &error));
  g_assert (length == length_again && memcmp (text, again, length) == 0);
  return 0;
}
