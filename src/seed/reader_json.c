/*
 * A list of objects. jansson says of each object whether it is JSON; where its members stand, and their
 * numbers digit by digit, is read here: jansson keeps neither.
 */
#include "base/text.h"
#include "seed/reader_internal.h"

#include <string.h>

#define DECODE_FLAGS                                                                               \
  (JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY)

static bool
refuse (const SeedReader *reader, size_t offset, const char *hint, GError **error,
        const char *message)
{
  return seed_refuse_at (reader->file, reader->text, offset, hint, error, "%s", message);
}

static bool
is_blank (char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_blanks (SeedReader *reader)
{
  while (reader->at < reader->length && is_blank (reader->text[reader->at]))
    reader->at++;
}

/* The next byte that is not blank; '\0' at the end. */
static char
peek (SeedReader *reader)
{
  skip_blanks (reader);
  return reader->at < reader->length ? reader->text[reader->at] : '\0';
}

bool
seed_json_begin (SeedReader *reader, GError **error)
{
  if (peek (reader) != '[')
    return refuse (reader, reader->at, "Write it as [{\"column\": value, ...}, ...].", error,
                   "the file must be a list of objects");
  reader->at++;
  reader->is_first = true;
  return true;
}

/* --- valid JSON, walked --------------------------------------------------------------------------- */

/* From the quote that begins a string to behind the one that ends it. */
static const char *
after_string (const char *at)
{
  for (at++; *at != '"'; at++)
    if (*at == '\\')
      at++;
  return at + 1;
}

static const char *
after_value (const char *at)
{
  if (*at == '"')
    return after_string (at);
  if (*at != '{' && *at != '[')
    {
      while (*at != ',' && *at != '}' && *at != ']' && *at != '\0' && !is_blank (*at))
        at++;
      return at;
    }
  int depth = 0;
  do
    {
      if (*at == '"')
        {
          at = after_string (at);
          continue;
        }
      depth += *at == '{' || *at == '[';
      depth -= *at == '}' || *at == ']';
      at++;
    }
  while (depth > 0);
  return at;
}

static const char *
after_blanks (const char *at)
{
  while (is_blank (*at))
    at++;
  return at;
}

static SeedValueKind
kind_of (char first)
{
  switch (first)
    {
    case '"': return SEED_VALUE_STRING;
    case '[': return SEED_VALUE_LIST;
    case '{': return SEED_VALUE_OBJECT;
    case 'n': return SEED_VALUE_NULL;
    default: return SEED_VALUE_WORD;
    }
}

/* The value that begins at AT, and *AT behind it. */
static SeedValue
take_value (const char **at)
{
  const char *start = *at;
  *at = after_value (start);
  return (SeedValue){ .kind = kind_of (*start), .text = start, .length = (size_t) (*at - start) };
}

char *
seed_value_string (const SeedValue *value)
{
  if (memchr (value->text, '\\', value->length) == NULL)
    return g_strndup (value->text + 1, value->length - 2);
  g_autoptr (json_t) string = json_loadb (value->text, value->length, DECODE_FLAGS, NULL);
  return g_strdup (string != NULL ? json_string_value (string) : "");
}

/* Arrays quote what is in them with backslashes. */
static void
append_quoted (GString *array, const char *text, size_t length)
{
  g_string_append_c (array, '"');
  for (size_t i = 0; i < length; i++)
    {
      if (text[i] == '"' || text[i] == '\\')
        g_string_append_c (array, '\\');
      g_string_append_c (array, text[i]);
    }
  g_string_append_c (array, '"');
}

static void
append_array (GString *array, const char *at)
{
  g_string_append_c (array, '{');
  at = after_blanks (at + 1);
  for (bool is_first = true; *at != ']'; is_first = false)
    {
      if (!is_first)
        {
          g_string_append_c (array, ',');
          at = after_blanks (at + 1);
        }
      SeedValue value = take_value (&at);
      if (value.kind == SEED_VALUE_NULL)
        g_string_append (array, "NULL");
      else if (value.kind == SEED_VALUE_LIST)
        append_array (array, value.text);
      else if (value.kind == SEED_VALUE_STRING)
        {
          g_autofree char *string = seed_value_string (&value);
          append_quoted (array, string, strlen (string));
        }
      else
        append_quoted (array, value.text, value.length);
      at = after_blanks (at);
    }
  g_string_append_c (array, '}');
}

char *
seed_value_array (const SeedValue *value)
{
  GString *array = g_string_new (NULL);
  append_array (array, value->text);
  return g_string_free (array, FALSE);
}

/* --- rows ------------------------------------------------------------------------------------ */

/* The members of the valid object at TEXT. NAMES grows, INDEX (may be NULL) finds them. */
static bool
read_members (SeedReader *reader, const char *text, GPtrArray *names, GHashTable *index,
              GArray *values, GError **error)
{
  const char *at = after_blanks (text + 1);
  while (*at != '}')
    {
      size_t offset = (size_t) (at - reader->text);
      SeedValue key = take_value (&at);
      g_autofree char *name = seed_value_string (&key);
      at = after_blanks (after_blanks (at) + 1);
      SeedValue value = take_value (&at);
      value.offset = offset;
      if (*name == '\0')
        return refuse (reader, offset, NULL, error, "a column without a name");
      guint number = GPOINTER_TO_UINT (g_hash_table_lookup (index, name));
      if (number == 0)
        {
          g_ptr_array_add (names, g_steal_pointer (&name));
          number = names->len;
          g_hash_table_insert (index, names->pdata[number - 1], GUINT_TO_POINTER (number));
          if (names == reader->names)
            g_array_append_val (reader->name_offsets, offset);
        }
      value.name = number - 1;
      g_array_append_val (values, value);
      if (names->len > SEED_NAMES_MAX)
        return refuse (reader, offset, NULL, error, "more names than a table has columns");
      at = after_blanks (at);
      if (*at == ',')
        at = after_blanks (at + 1);
    }
  return true;
}

bool
seed_reader_members (SeedReader *reader, const SeedValue *value, GPtrArray *names,
                     GArray **ret_values, GError **error)
{
  g_autoptr (GHashTable) index = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (SeedValue));
  for (guint i = 0; i < names->len; i++)
    g_hash_table_insert (index, names->pdata[i], GUINT_TO_POINTER (i + 1));
  if (!read_members (reader, value->text, names, index, values, error))
    return false;
  *ret_values = g_steal_pointer (&values);
  return true;
}

/* Moves on to the next object; *RET_HAS_ROW is false behind the list's end. */
static bool
find_object (SeedReader *reader, bool *ret_has_row, GError **error)
{
  char next = reader->is_done ? '\0' : peek (reader);
  *ret_has_row = false;
  if (reader->is_done)
    return true;
  if (next == ',' && !reader->is_first)
    {
      reader->at++;
      next = peek (reader);
      if (next != '{')
        return refuse (reader, reader->at, "Remove the comma before the list's end.", error,
                       "an object must follow the comma");
    }
  else if (next == ']')
    {
      reader->at++;
      reader->is_done = true;
      return peek (reader) == '\0' && reader->at >= reader->length
                 ? true
                 : refuse (reader, reader->at, NULL, error, "text after the list's end");
    }
  else if (!reader->is_first || next != '{')
    return refuse (reader, reader->at, NULL, error,
                   next == '\0'       ? "the list is not closed with ]"
                   : reader->is_first ? "a row must be an object: {\"column\": value, ...}"
                                      : "a comma or ] must follow the object");
  *ret_has_row = true;
  return true;
}

bool
seed_json_next (SeedReader *reader, SeedRow *ret_row, bool *ret_has_row, GError **error)
{
  if (!find_object (reader, ret_has_row, error))
    return false;
  if (!*ret_has_row)
    return true;
  json_error_t problem;
  size_t start = reader->at;
  g_autoptr (json_t) object
      = json_loadb (reader->text + start, reader->length - start, DECODE_FLAGS, &problem);
  if (object == NULL)
    {
      size_t offset = start + (problem.position > 0 ? (size_t) problem.position - 1 : 0);
      return seed_refuse_at (reader->file, reader->text, MIN (offset, reader->length), NULL, error,
                             "not valid JSON: %s", problem.text);
    }
  g_array_set_size (reader->values, 0);
  if (!read_members (reader, reader->text + start, reader->names, reader->by_name, reader->values,
                     error))
    return false;
  reader->at = start + (size_t) problem.position;
  reader->is_first = false;
  *ret_row = (SeedRow){ .values = (const SeedValue *) (void *) reader->values->data,
                        .count = reader->values->len,
                        .offset = start };
  return true;
}
