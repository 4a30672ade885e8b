/* RFC 4180, with one thing more: an empty field without quotes is NULL. */
#include "seed/reader_internal.h"

#include <string.h>

static bool
refuse (const SeedReader *reader, size_t offset, const char *hint, GError **error,
        const char *message)
{
  return seed_refuse_at (reader->file, reader->text, offset, hint, error, "%s", message);
}

/* Where a line ends at OFFSET: the length of its end, 0 when it does not. */
static size_t
line_end_at (const SeedReader *reader, size_t offset)
{
  const char *text = reader->text;
  if (offset < reader->length && text[offset] == '\n')
    return 1;
  if (offset + 1 < reader->length && text[offset] == '\r' && text[offset + 1] == '\n')
    return 2;
  return 0;
}

/* Of a field in quotes: its text is made in UNQUOTED, and VALUE->text is set when the row is whole, as it
 * may still move. VALUE->length is final. */
static bool
read_quoted (SeedReader *reader, SeedValue *value, GError **error)
{
  const char *text = reader->text;
  size_t start = reader->unquoted->len, at = reader->at + 1;
  for (;;)
    {
      const char *quote = memchr (text + at, '"', reader->length - at);
      if (quote == NULL)
        return refuse (reader, reader->at, "Close the quotes; a quote in a text is written twice.",
                       error, "the quotes that begin here are not closed");
      g_string_append_len (reader->unquoted, text + at, quote - (text + at));
      at = (size_t) (quote - text) + 1;
      if (at >= reader->length || text[at] != '"')
        break;
      g_string_append_c (reader->unquoted, '"');
      at++;
    }
  if (at < reader->length && text[at] != ',' && line_end_at (reader, at) == 0)
    return refuse (reader, at, "Write a quote in a text twice, and nothing beside the quotes.",
                   error, "text after the closing quotes");
  value->kind = SEED_VALUE_TEXT;
  value->text = NULL;
  value->length = reader->unquoted->len - start;
  reader->at = at;
  return true;
}

static bool
read_plain (SeedReader *reader, SeedValue *value, GError **error)
{
  const char *text = reader->text;
  size_t at = reader->at;
  while (at < reader->length && text[at] != ',' && line_end_at (reader, at) == 0)
    {
      if (text[at] == '"')
        return refuse (reader, at, "Put quotes around the whole field, and write this one twice.",
                       error, "a quote within a field that has none around it");
      if (text[at] == '\r')
        return refuse (reader, at, "Put quotes around the field, or save it with LF or CRLF.",
                       error, "a carriage return within a field that has no quotes around it");
      at++;
    }
  value->text = text + reader->at;
  value->length = at - reader->at;
  value->kind = value->length == 0 ? SEED_VALUE_NULL : SEED_VALUE_TEXT;
  reader->at = at;
  return true;
}

static void
settle_texts (SeedReader *reader)
{
  size_t offset = 0;
  for (guint i = 0; i < reader->values->len; i++)
    {
      SeedValue *value = &g_array_index (reader->values, SeedValue, i);
      if (value->text != NULL)
        continue;
      value->text = reader->unquoted->str + offset;
      offset += value->length;
    }
}

/* Reads one line of fields into reader->values; none at the end of the file. */
static bool
read_record (SeedReader *reader, GError **error)
{
  g_array_set_size (reader->values, 0);
  g_string_truncate (reader->unquoted, 0);
  for (size_t end; (end = line_end_at (reader, reader->at)) > 0;)
    reader->at += end;
  while (reader->at < reader->length)
    {
      SeedValue value = { .name = reader->values->len, .offset = reader->at };
      bool is_quoted = reader->text[reader->at] == '"';
      if (is_quoted ? !read_quoted (reader, &value, error) : !read_plain (reader, &value, error))
        return false;
      g_array_append_val (reader->values, value);
      if (reader->values->len > SEED_NAMES_MAX)
        return refuse (reader, value.offset, NULL, error, "more fields than a table has columns");
      if (reader->at < reader->length && reader->text[reader->at] == ',')
        {
          reader->at++;
          if (reader->at < reader->length)
            continue;
          SeedValue last = { .name = reader->values->len,
                             .text = reader->text + reader->at,
                             .offset = reader->at };
          g_array_append_val (reader->values, last);
        }
      reader->at += line_end_at (reader, reader->at);
      break;
    }
  settle_texts (reader);
  return true;
}

bool
seed_csv_header (SeedReader *reader, GError **error)
{
  if (!read_record (reader, error))
    return false;
  if (reader->values->len == 0)
    return refuse (reader, reader->at, "Write the names of the columns in the first line.", error,
                   "the file is empty");
  for (guint i = 0; i < reader->values->len; i++)
    {
      const SeedValue *value = &g_array_index (reader->values, SeedValue, i);
      char *name = g_strndup (value->text, value->length);
      g_ptr_array_add (reader->names, name);
      g_array_append_val (reader->name_offsets, value->offset);
      if (*name == '\0')
        return refuse (reader, value->offset, NULL, error, "a column without a name");
      if (!g_hash_table_insert (reader->by_name, name, GUINT_TO_POINTER (i + 1)))
        return seed_refuse_at (reader->file, reader->text, value->offset, "Remove one of the two.",
                               error, "column “%s” is there twice", name);
    }
  return true;
}

bool
seed_csv_next (SeedReader *reader, SeedRow *ret_row, bool *ret_has_row, GError **error)
{
  if (!read_record (reader, error))
    return false;
  *ret_has_row = reader->values->len > 0;
  if (!*ret_has_row)
    return true;
  const SeedValue *values = (const SeedValue *) (void *) reader->values->data;
  guint count = reader->values->len, wanted = reader->names->len;
  if (count < wanted)
    return seed_refuse_at (reader->file, reader->text, values[count - 1].offset,
                           "Write an empty field for a value that is NULL.", error,
                           "the row has %u of %u fields: “%s” is missing", count, wanted,
                           (const char *) reader->names->pdata[count]);
  if (count > wanted)
    return seed_refuse_at (reader->file, reader->text, values[wanted].offset,
                           "Put quotes around a text that has a comma.", error,
                           "the row has %u fields, and the header %u", count, wanted);
  *ret_row = (SeedRow){ .values = values, .count = count, .offset = values[0].offset };
  return true;
}
