#include "project/place.h"

#include <string.h>

/* How many bytes the line break at TEXT takes; 0 when there is none. The same breaks as libyaml's, or
 * the lines would not be the ones it counts. */
static size_t
line_break (const char *text)
{
  if (text[0] == '\r' && text[1] == '\n')
    return 2;
  if (text[0] == '\r' || text[0] == '\n')
    return 1;
  if (g_str_has_prefix (text, "\xc2\x85"))
    return 2;
  if (g_str_has_prefix (text, "\xe2\x80\xa8") || g_str_has_prefix (text, "\xe2\x80\xa9"))
    return 3;
  return 0;
}

/* Walks from the start of the text until NEEDLE is found at or after the place. */
static bool
find (const Place *place, const char *needle, int *ret_line, int *ret_column)
{
  int line = 1, column = 1;
  size_t needle_length = strlen (needle);
  const char *at = place->source;
  if (g_str_has_prefix (at, "\xef\xbb\xbf"))
    at += 3;
  while (*at != '\0')
    {
      bool is_after = line > place->line || (line == place->line && column >= place->column);
      if (is_after && strncmp (at, needle, needle_length) == 0)
        {
          *ret_line = line;
          *ret_column = column;
          return true;
        }
      size_t length = line_break (at);
      line += length > 0;
      column = length > 0 ? 1 : column + 1;
      at = length > 0 ? at + length : g_utf8_next_char (at);
    }
  return false;
}

char *
place_of (const Place *place, const char *needle)
{
  if (place->line == 0)
    return g_strdup (place->file);
  int line = place->line, column = place->column;
  if (needle != NULL && place->source != NULL)
    (void) find (place, needle, &line, &column);
  return g_strdup_printf ("%s:%d:%d", place->file, line, column);
}
