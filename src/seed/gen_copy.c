#include "seed/gen_copy.h"
#include "base/cancel.h"
#include "db/copy.h"

#include <string.h>

#define PIECE_BYTES (128 * 1024)
#define CANCEL_ROWS 4096

struct GenCopy
{
  const GenTable *table;
  bool is_binary;
  GenWriteFn write;
  void *data;
  GenArena *arena;
  GByteArray *out;
  uint64_t bytes;
};

GenCopy *
gen_copy_new (const GenTable *table, bool is_binary, GenWriteFn write, void *data)
{
  /* Signature, flags, length of the header's extension. */
  static const guint8 header[19] = "PGCOPY\n\377\r\n";
  GenCopy *copy = g_new0 (GenCopy, 1);
  copy->table = table;
  copy->is_binary = is_binary;
  copy->write = write;
  copy->data = data;
  copy->arena = gen_arena_new ();
  copy->out = g_byte_array_sized_new (2 * PIECE_BYTES);
  if (is_binary)
    g_byte_array_append (copy->out, header, sizeof header);
  return copy;
}

void
gen_copy_free (GenCopy *copy)
{
  if (copy == NULL)
    return;
  gen_arena_free (copy->arena);
  g_byte_array_unref (copy->out);
  g_free (copy);
}

static bool
flush (GenCopy *copy, GError **error)
{
  copy->bytes += copy->out->len;
  if (copy->out->len > 0
      && !copy->write ((const char *) copy->out->data, copy->out->len, copy->data, error))
    return false;
  g_byte_array_set_size (copy->out, 0);
  return true;
}

bool
gen_copy_rows (GenCopy *copy, uint64_t first, uint64_t count, uint64_t step, GError **error)
{
  for (uint64_t i = 0; i < count; i++)
    {
      gen_row_write (copy->table, first + i * step, copy->is_binary, copy->arena, copy->out);
      if (copy->out->len >= PIECE_BYTES && !flush (copy, error))
        return false;
      if (i % CANCEL_ROWS == 0 && !cancel_check (error))
        return false;
    }
  return true;
}

bool
gen_copy_end (GenCopy *copy, GError **error)
{
  static const guint8 trailer[2] = { 0xFF, 0xFF };
  if (copy->is_binary)
    g_byte_array_append (copy->out, trailer, sizeof trailer);
  return flush (copy, error);
}

uint64_t
gen_copy_bytes (const GenCopy *copy)
{
  return copy->bytes;
}

char *
gen_copy_statement (const GenTable *table, const char *target, bool is_binary)
{
  g_autoptr (GString) sql = g_string_new ("COPY ");
  const char *separator = " (";
  g_string_append (sql, target);
  for (guint i = 0; i < table->columns->len; i++)
    {
      const GenColumn *column = gen_table_column (table, i);
      if (column->is_left_out)
        continue;
      g_autofree char *name = db_quote_ident (column->name);
      g_string_append_printf (sql, "%s%s", separator, name);
      separator = ", ";
    }
  g_string_append (sql, is_binary ? ") FROM STDIN (FORMAT binary)" : ") FROM STDIN");
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

bool
gen_copy_to_session (const char *bytes, size_t length, void *data, GError **error)
{
  return db_copy_in_write (data, bytes, length, error);
}
