/*
 * Rows in COPY's text format, in pieces: the first byte says how many columns of which kinds, the second
 * how long the pieces are. Whatever the pieces, the same comes out, and what is converted and what is
 * left as text make up the input.
 */
#include "backup/binary_rows.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define COLUMNS_MAX 3

static bool
collect (const char *data, size_t length, void *user_data, GError **error)
{
  (void) error;
  g_byte_array_append (user_data, (const guint8 *) data, (guint) length);
  return true;
}

/* Returns what is left as text. */
static GByteArray *
convert (const BinaryKind *kinds, size_t count, const char *text, size_t length, size_t piece,
         GByteArray *out)
{
  g_autoptr (BinaryRows) rows = binary_rows_new (kinds, count, collect, out);
  GByteArray *left = g_byte_array_new ();
  size_t taken = 0, at = 0, held_length;
  while (at < length)
    {
      size_t part = MIN (piece, length - at);
      g_autofree char *copy = g_memdup2 (text + at, part);
      g_assert (binary_rows_write (rows, copy, part, &taken, NULL));
      g_assert (taken <= part);
      at += taken;
      if (taken < part)
        break;
    }
  const char *held = binary_rows_held (rows, &held_length);
  g_byte_array_append (left, (const guint8 *) held, (guint) held_length);
  g_byte_array_append (left, (const guint8 *) text + at, (guint) (length - at));
  g_assert (left->len <= length);
  g_assert (left->len == 0 || memcmp (left->data, text + length - left->len, left->len) == 0);
  g_assert (binary_rows_end (rows, NULL));
  return left;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  size_t count = 1 + data[0] % COLUMNS_MAX;
  BinaryKind kinds[COLUMNS_MAX];
  for (size_t i = 0; i < count; i++)
    kinds[i] = (BinaryKind) (BINARY_INT2 + (data[0] / COLUMNS_MAX + i * 5) % BINARY_BYTEA);
  const char *text = (const char *) data + 2;
  g_autoptr (GByteArray) whole = g_byte_array_new ();
  g_autoptr (GByteArray) pieces = g_byte_array_new ();
  g_autoptr (GByteArray) left = convert (kinds, count, text, size - 2, size, whole);
  g_autoptr (GByteArray) left_again = convert (kinds, count, text, size - 2, 1 + data[1], pieces);
  g_assert (left->len == left_again->len && whole->len == pieces->len);
  g_assert (memcmp (whole->data, pieces->data, whole->len) == 0);
  return 0;
}
