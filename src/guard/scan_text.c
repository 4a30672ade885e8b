#include "guard/scan_text.h"

#include <string.h>

/* More than an escape, or the indentation of a line. */
#define LOOK_AHEAD_BYTES 256
/* A line this long was not written by hand: its first place is told for all of it. */
#define LINE_MAX_BYTES 4096

void
scan_source_init (ScanSource *source, const char *text, size_t length)
{
  *source = (ScanSource){ text, length, g_array_new (FALSE, FALSE, sizeof (size_t)) };
  size_t at = 0;
  g_array_append_val (source->lines, at);
  for (const char *newline; (newline = memchr (text + at, '\n', length - at)) != NULL;)
    {
      at = (size_t) (newline - text) + 1;
      g_array_append_val (source->lines, at);
    }
}

void
scan_source_clear (ScanSource *source)
{
  g_clear_pointer (&source->lines, g_array_unref);
}

static size_t
line_start (const ScanSource *source, guint index)
{
  return g_array_index (source->lines, size_t, MIN (index, source->lines->len - 1));
}

ScanSpot
scan_source_spot (const ScanSource *source, size_t offset)
{
  guint low = 0, high = source->lines->len;
  while (high - low > 1)
    {
      guint middle = low + (high - low) / 2;
      if (line_start (source, middle) <= offset)
        low = middle;
      else
        high = middle;
    }
  size_t start = line_start (source, low);
  ScanSpot spot = { low + 1, 1 };
  for (size_t i = start; i < offset && i < source->length && i - start < LINE_MAX_BYTES; i++)
    spot.column += ((unsigned char) source->text[i] & 0xc0) != 0x80 ? 1 : 0;
  return spot;
}

ScanText *
scan_text_new (void)
{
  ScanText *text = g_new0 (ScanText, 1);
  text->text = g_string_new (NULL);
  text->spots = g_array_new (FALSE, FALSE, sizeof (ScanSpot));
  return text;
}

void
scan_text_free (ScanText *text)
{
  if (text == NULL)
    return;
  g_string_free (text->text, TRUE);
  g_array_unref (text->spots);
  g_free (text);
}

void
scan_text_add (ScanText *text, char byte, ScanSpot spot)
{
  g_string_append_c (text->text, byte);
  g_array_append_val (text->spots, spot);
}

void
scan_text_add_string (ScanText *text, const char *string, ScanSpot spot)
{
  for (const char *at = string; *at != '\0'; at++)
    scan_text_add (text, *at, spot);
}

ScanSpot
scan_text_spot (const ScanText *text, size_t index)
{
  if (text->spots->len == 0)
    return (ScanSpot){ 1, 1 };
  return g_array_index (text->spots, ScanSpot, MIN (index, text->spots->len - 1));
}

/* Where the byte behind BYTE stands. Bytes that go on a character are at its column. */
static void
advance (ScanSpot *spot, char byte, char next)
{
  if (byte == '\n')
    *spot = (ScanSpot){ spot->line + 1, 1 };
  else if (((unsigned char) next & 0xc0) != 0x80)
    spot->column++;
}

ScanText *
scan_text_of (const char *bytes, size_t length, ScanSpot start)
{
  ScanText *text = scan_text_new ();
  ScanSpot spot = start;
  for (size_t i = 0; i < length; i++)
    {
      scan_text_add (text, bytes[i], spot);
      advance (&spot, bytes[i], i + 1 < length ? bytes[i + 1] : '\0');
    }
  return text;
}

/* A reader of the source that knows where it is. */
typedef struct
{
  const char *at, *end;
  ScanSpot spot;
} Cursor;

static void
cursor_step (Cursor *cursor)
{
  char byte = *cursor->at++;
  advance (&cursor->spot, byte, cursor->at < cursor->end ? *cursor->at : '\0');
}

static void
cursor_seek (Cursor *cursor, unsigned int line, unsigned int column)
{
  while (
      cursor->at < cursor->end
      && (cursor->spot.line < line || (cursor->spot.line == line && cursor->spot.column < column)))
    cursor_step (cursor);
}

/* Behind anchor and tag, and behind the head of a block scalar ("|2-  # comment"). */
static void
skip_head (Cursor *cursor)
{
  while (cursor->at < cursor->end && (*cursor->at == '&' || *cursor->at == '!'))
    {
      while (cursor->at < cursor->end && !g_ascii_isspace (*cursor->at))
        cursor_step (cursor);
      while (cursor->at < cursor->end && g_ascii_isspace (*cursor->at))
        cursor_step (cursor);
    }
  if (cursor->at < cursor->end && (*cursor->at == '|' || *cursor->at == '>'))
    cursor_seek (cursor, cursor->spot.line + 1, 1);
}

/* The next BYTE of the source. A byte that is not there was written as an escape: false. */
static bool
cursor_find (Cursor *cursor, char byte)
{
  Cursor ahead = *cursor;
  for (int i = 0; i < LOOK_AHEAD_BYTES && ahead.at < ahead.end; i++)
    {
      if (*ahead.at == byte)
        {
          *cursor = ahead;
          return true;
        }
      cursor_step (&ahead);
    }
  return false;
}

ScanText *
scan_text_of_scalar (const Node *scalar, const ScanSource *source)
{
  ScanText *text = scan_text_new ();
  unsigned int line = (unsigned int) MAX (scalar->line, 1);
  unsigned int column = (unsigned int) MAX (scalar->column, 1);
  if (column > LINE_MAX_BYTES)
    {
      scan_text_add_string (text, scalar->text, (ScanSpot){ line, column });
      return text;
    }
  Cursor cursor = { source->text + line_start (source, line - 1),
                    source->text + source->length,
                    { line, 1 } };
  if (line == 1 && g_str_has_prefix (source->text, "\xef\xbb\xbf"))
    cursor.at += 3;
  cursor_seek (&cursor, line, column);
  skip_head (&cursor);
  for (const char *byte = scalar->text; *byte != '\0'; byte++)
    {
      bool is_there = g_ascii_isspace (*byte) ? cursor.at < cursor.end && *cursor.at == *byte
                                              : cursor_find (&cursor, *byte);
      scan_text_add (text, *byte, cursor.spot);
      if (is_there)
        cursor_step (&cursor);
    }
  return text;
}
