#include "seed/reader_internal.h"

#include <string.h>

#define MESSAGE_CHARS 400

char *
seed_place_at (const char *file, const char *text, size_t offset)
{
  int line = 1;
  const char *start = text;
  for (const char *at = text; at < text + offset; at++)
    if (*at == '\n')
      {
        line++;
        start = at + 1;
      }
  if (start == text && g_str_has_prefix (text, "\xef\xbb\xbf") && offset >= 3)
    start += 3;
  long column = g_utf8_strlen (start, text + offset - start) + 1;
  return g_strdup_printf ("%s:%d:%ld", file, line, column);
}

/* What names and values bring into a message must not break its line, nor fill a screen. */
char *
seed_one_line (const char *format, va_list args)
{
  g_autofree char *raw = g_strdup_vprintf (format, args);
  /* jansson quotes what it stopped at up to a byte, not to a character. */
  g_autofree char *text = g_utf8_make_valid (raw, -1);
  for (char *at = text; *at != '\0'; at++)
    if (g_ascii_iscntrl (*at))
      *at = ' ';
  if (g_utf8_strlen (text, -1) <= MESSAGE_CHARS)
    return g_steal_pointer (&text);
  g_autofree char *start = g_utf8_substring (text, 0, MESSAGE_CHARS);
  return g_strdup_printf ("%s…", start);
}

bool
seed_refuse_at (const char *file, const char *text, size_t offset, const char *hint, GError **error,
                const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = seed_one_line (format, args);
  va_end (args);
  g_autofree char *place = seed_place_at (file, text, offset);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s: %s", place, message);
}

/* All of it must be text before any of it is looked at. */
static bool
check_text (const SeedReader *reader, GError **error)
{
  const char *end;
  if (g_utf8_validate (reader->text, (gssize) reader->length, &end))
    return true;
  size_t offset = (size_t) (end - reader->text);
  return seed_refuse_at (reader->file, reader->text, offset, "Save the file as UTF-8.", error,
                         *end == '\0' ? "a NUL byte, which no text can have"
                                      : "a byte that is not UTF-8 text");
}

bool
seed_reader_new (const char *file, SeedFormat format, const char *text, size_t length,
                 SeedReader **ret_reader, GError **error)
{
  g_autoptr (SeedReader) reader = g_new0 (SeedReader, 1);
  reader->file = file;
  reader->format = format;
  reader->text = text;
  reader->length = length;
  reader->names = g_ptr_array_new_with_free_func (g_free);
  reader->name_offsets = g_array_new (FALSE, FALSE, sizeof (size_t));
  reader->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  reader->values = g_array_new (FALSE, FALSE, sizeof (SeedValue));
  reader->unquoted = g_string_new (NULL);
  if (!check_text (reader, error))
    return false;
  if (length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    reader->at = 3;
  if (format == SEED_FORMAT_CSV ? !seed_csv_header (reader, error)
                                : !seed_json_begin (reader, error))
    return false;
  *ret_reader = g_steal_pointer (&reader);
  return true;
}

void
seed_reader_free (SeedReader *reader)
{
  if (reader == NULL)
    return;
  g_hash_table_unref (reader->by_name);
  g_array_unref (reader->name_offsets);
  g_ptr_array_unref (reader->names);
  g_array_unref (reader->values);
  g_string_free (reader->unquoted, TRUE);
  g_free (reader);
}

const GPtrArray *
seed_reader_names (const SeedReader *reader)
{
  return reader->names;
}

size_t
seed_reader_name_offset (const SeedReader *reader, guint number)
{
  return g_array_index (reader->name_offsets, size_t, number);
}

bool
seed_reader_next (SeedReader *reader, SeedRow *ret_row, bool *ret_has_row, GError **error)
{
  if (++reader->row_count > SEED_ROWS_MAX)
    return seed_refuse_at (reader->file, reader->text, reader->at,
                           "Rows for volume are made by “generate:” in seeds.yaml.", error,
                           "more than %d rows", SEED_ROWS_MAX);
  return reader->format == SEED_FORMAT_CSV ? seed_csv_next (reader, ret_row, ret_has_row, error)
                                           : seed_json_next (reader, ret_row, ret_has_row, error);
}
