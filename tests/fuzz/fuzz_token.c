/*
 * Any text as SQL: the tokens lie inside it, in order and without overlap, none is empty, what lies
 * between them is white space, and a dollar-quoted body lies inside its token.
 */
#include "sql/token.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  size_t at = 0, end = 0;
  SqlToken token;
  while (sql_token_next (text, size, &at, &token))
    {
      g_assert (token.length > 0 && token.start >= end);
      g_assert (token.start <= size && token.length <= size - token.start);
      for (size_t i = end; i < token.start; i++)
        g_assert (g_ascii_isspace (text[i]) || text[i] == '\v');
      end = token.start + token.length;
      g_assert (at == end);
      if (token.kind != SQL_TOKEN_DOLLAR)
        continue;
      SqlToken body = sql_token_dollar_body (text, &token);
      g_assert (body.start >= token.start && body.start + body.length <= end);
    }
  for (; end < size; end++)
    g_assert (g_ascii_isspace (text[end]) || text[end] == '\v');
  return 0;
}
