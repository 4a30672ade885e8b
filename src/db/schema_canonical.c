#include "db/schema_canonical.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Deeper arrays than this are copied as they are: a limit for the C stack, not for sane schemas. */
#define MAX_DEPTH 100

/* (ARRAY[elements])::type[], as offsets into the text. */
typedef struct
{
  size_t elements;     /* after "ARRAY[" */
  size_t elements_end; /* at its "]" */
  size_t type;         /* after "::" */
  size_t type_end;     /* at its "[]" */
  size_t end;          /* after "[]" */
} ArrayCast;

static void write_range (GString *out, const char *text, size_t from, size_t to, int depth);

static bool
is_name_byte (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '$' || (unsigned char) c >= 0x80;
}

static size_t
skip_space (const char *text, size_t at, size_t end)
{
  while (at < end && g_ascii_isspace (text[at]))
    at++;
  return at;
}

/* After the closing quote of what opens at AT; END when it never closes. */
static size_t
skip_quoted (const char *text, size_t at, size_t end, bool escapes)
{
  char quote = text[at++];
  while (at < end)
    {
      if (escapes && text[at] == '\\')
        at += 2;
      else if (text[at] != quote)
        at++;
      else if (at + 1 < end && text[at + 1] == quote)
        at += 2;
      else
        return at + 1;
    }
  return end;
}

/* After $tag$...$tag$; AT + 1 when no dollar quote opens here. */
static size_t
skip_dollar_quoted (const char *text, size_t at, size_t end)
{
  size_t tag_end = at + 1;
  while (tag_end < end && text[tag_end] != '$' && is_name_byte (text[tag_end]))
    tag_end++;
  if (tag_end >= end || text[tag_end] != '$' || g_ascii_isdigit (text[at + 1]))
    return at + 1;
  g_autofree char *tag = g_strndup (text + at, tag_end + 1 - at);
  const char *close = g_strstr_len (text + tag_end + 1, (gssize) (end - tag_end - 1), tag);
  return close == NULL ? end : (size_t) (close - text) + strlen (tag);
}

/* After the token at AT: a literal, a quoted or plain name, or one byte of anything else. */
static size_t
skip_token (const char *text, size_t at, size_t end)
{
  char c = text[at];
  if (c == '\'' || c == '"')
    return skip_quoted (text, at, end, false);
  if ((c == 'E' || c == 'e') && at + 1 < end && text[at + 1] == '\'')
    return skip_quoted (text, at + 1, end, true);
  if (c == '$')
    return skip_dollar_quoted (text, at, end);
  if (!is_name_byte (c))
    return at + 1;
  while (at < end && is_name_byte (text[at]))
    at++;
  return at;
}

/* The offset of the bracket that closes the one at AT; END when none does. */
static size_t
find_close (const char *text, size_t at, size_t end)
{
  size_t depth = 0;
  while (at < end)
    {
      if (text[at] == '(' || text[at] == '[')
        depth++;
      else if ((text[at] == ')' || text[at] == ']') && --depth == 0)
        return at;
      at = skip_token (text, at, end);
    }
  return end;
}

/* The offset of the "[]" that ends the array type at AT; END when it is no array type. */
static size_t
find_array_type_end (const char *text, size_t at, size_t end)
{
  for (size_t i = at; i < end; i = skip_token (text, i, end))
    {
      if (text[i] == '[')
        return i > at && i + 1 < end && text[i + 1] == ']' ? i : end;
      if (text[i] == '(') /* character varying(10)[] */
        i = find_close (text, i, end);
      else if (!is_name_byte (text[i]) && strchr (" .\"", text[i]) == NULL)
        return end;
      if (i >= end)
        return end;
    }
  return end;
}

/* Whether "ARRAY[" stands at AT; gives the offset after it. */
static bool
at_array (const char *text, size_t at, size_t end, size_t *ret_elements)
{
  static const char word[] = "ARRAY[";
  size_t length = sizeof word - 1;
  if (end - at < length || memcmp (text + at, word, length) != 0)
    return false;
  *ret_elements = at + length;
  return true;
}

/* Whether the parenthesis at OPEN begins a cast of a whole array. That of a call does not. */
static bool
find_array_cast (const char *text, size_t open, size_t end, ArrayCast *ret_cast)
{
  ArrayCast cast;
  if (open > 0 && (is_name_byte (text[open - 1]) || text[open - 1] == '"'))
    return false;
  if (!at_array (text, skip_space (text, open + 1, end), end, &cast.elements))
    return false;
  cast.elements_end = find_close (text, cast.elements - 1, end);
  size_t close = skip_space (text, MIN (cast.elements_end + 1, end), end);
  if (close >= end || end - close < 3 || memcmp (text + close, ")::", 3) != 0)
    return false;
  cast.type = close + 3;
  cast.type_end = find_array_type_end (text, cast.type, end);
  if (cast.type_end >= end || skip_space (text, cast.elements, end) >= cast.elements_end)
    return false;
  cast.end = cast.type_end + 2;
  *ret_cast = cast;
  return true;
}

/* The offset of the comma that ends the element at AT, or TO. */
static size_t
find_element_end (const char *text, size_t at, size_t to)
{
  while (at < to && text[at] != ',')
    at = text[at] == '(' || text[at] == '[' ? MIN (find_close (text, at, to) + 1, to)
                                            : skip_token (text, at, to);
  return at;
}

/* Writes ARRAY[(e1)::type, (e2)::type] for the elements FROM..TO of CAST's array or one in it. */
static void
write_array (GString *out, const char *text, size_t from, size_t to, const ArrayCast *cast,
             int depth)
{
  g_string_append (out, "ARRAY[");
  for (size_t at = from; at < to;)
    {
      size_t begin = skip_space (text, at, to);
      size_t stop = find_element_end (text, begin, to);
      at = stop + 1;
      while (stop > begin && g_ascii_isspace (text[stop - 1]))
        stop--;
      size_t inner;
      if (depth < MAX_DEPTH && at_array (text, begin, stop, &inner)
          && find_close (text, inner - 1, stop) == stop - 1)
        write_array (out, text, inner, stop - 1, cast, depth + 1);
      else
        {
          g_string_append_c (out, '(');
          write_range (out, text, begin, stop, depth + 1);
          g_string_append (out, ")::");
          g_string_append_len (out, text + cast->type, (gssize) (cast->type_end - cast->type));
        }
      if (at < to)
        g_string_append (out, ", ");
    }
  g_string_append_c (out, ']');
}

static void
write_range (GString *out, const char *text, size_t from, size_t to, int depth)
{
  ArrayCast cast;
  for (size_t at = from; at < to;)
    {
      size_t next = skip_token (text, at, to);
      if (text[at] == '(' && depth < MAX_DEPTH && find_array_cast (text, at, to, &cast))
        {
          write_array (out, text, cast.elements, cast.elements_end, &cast, depth);
          at = cast.end;
          continue;
        }
      if (text[at] == '(')
        next = skip_space (text, next, to);
      if (g_ascii_isspace (text[at]))
        next = skip_space (text, at, to);
      if (text[at] == '(')
        g_string_append_c (out, '(');
      else if (!g_ascii_isspace (text[at]) || next >= to || text[next] != ')')
        g_string_append_len (out, text + at, (gssize) (next - at));
      at = next;
    }
}

char *
db_schema_canonical (const char *text)
{
  size_t length = strlen (text);
  GString *out = g_string_sized_new (length + 16);
  write_range (out, text, 0, length, 0);
  return g_string_free (out, FALSE);
}
