/*
 * Any text as SQL: the statements lie inside it, in order and without overlap, none is empty, and
 * each begins with something that is neither a blank nor a semicolon.
 */
#include "sql/split.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  g_autoptr (GArray) statements = sql_split (text, size);
  size_t end = 0;
  for (guint i = 0; i < statements->len; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      g_assert (statement->offset >= end && statement->start >= statement->offset);
      g_assert (statement->length > 0 && statement->start <= size);
      g_assert (statement->length <= size - statement->start);
      g_assert (!g_ascii_isspace (text[statement->start]) && text[statement->start] != ';');
      end = statement->start + statement->length;
    }
  return 0;
}
