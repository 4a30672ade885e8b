#include "backup/binary_rows.h"

#include <string.h>

/* What the sink gets at a time, about. */
#define OUT_BYTES (256 * 1024)
/* Of a row's text. Longer ones are streamed as text rather than held, and the length of their values is
 * what costs, whatever the format. */
#define ROW_MAX_BYTES (16 * 1024 * 1024)
/* Loading a row takes the server a microsecond at the least. */
#define ROW_GAIN_MIN_NS 50
#define ROW_HEADER_BYTES 2
#define VALUE_HEADER_BYTES 4

struct BinaryRows
{
  BinaryRowsSinkFn sink;
  void *user_data;
  GByteArray *held; /* the beginning of a row */
  uint8_t *out;
  size_t out_length, out_size;
  size_t column_count;
  BinaryKind kinds[];
};

bool
binary_rows_pay (const BinaryKind *kinds, size_t column_count)
{
  int gain_ns = 0;
  for (size_t i = 0; i < column_count; i++)
    {
      if (kinds[i] == BINARY_NONE)
        return false;
      gain_ns += binary_kind_gain_ns (kinds[i]);
    }
  return gain_ns >= ROW_GAIN_MIN_NS;
}

BinaryRows *
binary_rows_new (const BinaryKind *kinds, size_t column_count, BinaryRowsSinkFn sink,
                 void *user_data)
{
  static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* and the last 0 */
  BinaryRows *rows = g_malloc0 (sizeof *rows + column_count * sizeof *kinds);
  rows->sink = sink;
  rows->user_data = user_data;
  rows->held = g_byte_array_new ();
  rows->out_size = OUT_BYTES;
  rows->out = g_malloc (rows->out_size);
  rows->out_length = sizeof header;
  memcpy (rows->out, header, sizeof header);
  rows->column_count = column_count;
  memcpy (rows->kinds, kinds, column_count * sizeof *kinds);
  return rows;
}

void
binary_rows_free (BinaryRows *rows)
{
  if (rows == NULL)
    return;
  g_byte_array_unref (rows->held);
  g_free (rows->out);
  g_free (rows);
}

static bool
flush (BinaryRows *rows, GError **error)
{
  size_t length = rows->out_length;
  rows->out_length = 0;
  return length == 0 || rows->sink ((const char *) rows->out, length, rows->user_data, error);
}

/* Room for a row of LENGTH bytes of text. */
static inline bool
make_room (BinaryRows *rows, size_t length, GError **error)
{
  size_t needed
      = ROW_HEADER_BYTES + length + rows->column_count * (VALUE_HEADER_BYTES + BINARY_VALUE_MORE);
  if (rows->out_size - rows->out_length >= needed)
    return true;
  if (!flush (rows, error))
    return false;
  if (rows->out_size < needed)
    {
      g_free (rows->out);
      rows->out_size = needed;
      rows->out = g_malloc (rows->out_size);
    }
  return true;
}

static inline void
put_length (uint8_t *out, uint32_t length)
{
  length = GUINT32_TO_BE (length);
  memcpy (out, &length, sizeof length);
}

static inline bool
is_null (const char *at, const char *end)
{
  return at[0] == '\\' && at[1] == 'N' && (at + 2 == end || at[2] == '\t');
}

/* END is the row's newline. False: it cannot be converted, and nothing has been written. */
static bool
convert_row (BinaryRows *rows, const char *at, const char *end)
{
  uint8_t *out = rows->out + rows->out_length;
  uint16_t count = GUINT16_TO_BE ((uint16_t) rows->column_count);
  memcpy (out, &count, sizeof count);
  out += ROW_HEADER_BYTES;
  for (size_t i = 0; i < rows->column_count; i++)
    {
      if (i > 0 && (at == end || *at++ != '\t'))
        return false;
      uint8_t *header = out;
      out += VALUE_HEADER_BYTES;
      if (is_null (at, end))
        {
          put_length (header, UINT32_MAX);
          at += 2;
          continue;
        }
      at = binary_value_write (rows->kinds[i], at, end, &out);
      if (at == NULL)
        return false;
      put_length (header, (uint32_t) (out - header - VALUE_HEADER_BYTES));
    }
  if (at != end)
    return false;
  rows->out_length = (size_t) (out - rows->out);
  return true;
}

/* Completes the row that is held with the first bytes of DATA. */
static bool
write_held (BinaryRows *rows, const char *data, size_t length, size_t *ret_taken, GError **error)
{
  const char *newline = memchr (data, '\n', length);
  size_t count = newline != NULL ? (size_t) (newline + 1 - data) : length;
  guint held = rows->held->len;
  *ret_taken = 0;
  if (count > ROW_MAX_BYTES - held)
    return true;
  g_byte_array_append (rows->held, (const guint8 *) data, (guint) count);
  if (newline == NULL)
    {
      *ret_taken = count;
      return true;
    }
  const char *row = (const char *) rows->held->data;
  if (!make_room (rows, rows->held->len, error))
    return false;
  bool done = convert_row (rows, row, row + rows->held->len - 1);
  g_byte_array_set_size (rows->held, done ? 0 : held);
  *ret_taken = done ? count : 0;
  return true;
}

bool
binary_rows_write (BinaryRows *rows, const char *data, size_t length, size_t *ret_taken,
                   GError **error)
{
  const char *at = data, *end = data + length, *newline = NULL;
  *ret_taken = 0;
  if (length > 0 && rows->held->len > 0)
    {
      size_t count;
      if (!write_held (rows, data, length, &count, error))
        return false;
      if (count == 0)
        return true;
      at += count;
    }
  while (at < end && (newline = memchr (at, '\n', (size_t) (end - at))) != NULL)
    {
      if (newline - at > ROW_MAX_BYTES)
        break;
      if (!make_room (rows, (size_t) (newline - at), error))
        return false;
      if (!convert_row (rows, at, newline))
        break;
      at = newline + 1;
    }
  if (at < end && newline == NULL && end - at <= ROW_MAX_BYTES)
    {
      g_byte_array_append (rows->held, (const guint8 *) at, (guint) (end - at));
      at = end;
    }
  *ret_taken = (size_t) (at - data);
  return true;
}

const char *
binary_rows_held (const BinaryRows *rows, size_t *ret_length)
{
  *ret_length = rows->held->len;
  return (const char *) rows->held->data;
}

bool
binary_rows_end (BinaryRows *rows, GError **error)
{
  const uint8_t trailer[] = { 0xff, 0xff };
  if (rows->out_size - rows->out_length < sizeof trailer && !flush (rows, error))
    return false;
  memcpy (rows->out + rows->out_length, trailer, sizeof trailer);
  rows->out_length += sizeof trailer;
  return flush (rows, error);
}
