/*
 * Files of seeds from any bytes: the first one says whether it is CSV, JSON or seeds.yaml. Whatever comes, there are rows
 * or one error of one line that begins with the file's name. What is read of CSV, written out with all its quotes,
 * reads as the same again.
 */
#include "seed/config.h"
#include "seed/reader.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define FILE_NAME "seeds/x"

/* Takes the error over. */
static void
check_error (GError *error)
{
  g_assert (error != NULL);
  g_assert (keel_error_is (error, KEEL_ERROR_CONFIG));
  g_assert (g_str_has_prefix (error->message, FILE_NAME ":"));
  g_assert (strpbrk (error->message, "\r\n") == NULL);
  g_assert (g_utf8_validate (error->message, -1, NULL));
  g_error_free (error);
}

static void
write_field (GString *csv, const SeedValue *value, bool is_first)
{
  if (!is_first)
    g_string_append_c (csv, ',');
  if (value->kind == SEED_VALUE_NULL)
    return;
  g_string_append_c (csv, '"');
  for (size_t i = 0; i < value->length; i++)
    {
      if (value->text[i] == '"')
        g_string_append_c (csv, '"');
      g_string_append_c (csv, value->text[i]);
    }
  g_string_append_c (csv, '"');
}

/* Strings and lists are decoded; objects are gone into. */
static void
look_at (SeedReader *reader, const SeedValue *value, const char *text, size_t length)
{
  g_assert (value->offset <= length);
  g_autofree char *place = seed_place_at (FILE_NAME, text, value->offset);
  if (value->kind == SEED_VALUE_STRING)
    {
      g_autofree char *string = seed_value_string (value);
      g_assert (g_utf8_validate (string, -1, NULL));
    }
  else if (value->kind == SEED_VALUE_LIST)
    {
      g_autofree char *array = seed_value_array (value);
      g_assert (array[0] == '{' && g_str_has_suffix (array, "}"));
    }
  else if (value->kind == SEED_VALUE_OBJECT)
    {
      g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
      g_autoptr (GArray) members = NULL;
      GError *error = NULL;
      if (!seed_reader_members (reader, value, names, &members, &error))
        {
          check_error (error);
          return;
        }
      for (guint i = 0; i < members->len; i++)
        look_at (reader, &g_array_index (members, SeedValue, i), text, length);
    }
}

/* Reads all rows; *CSV becomes the same with all quotes. Returns how many there were, -1 after an error. */
static long
read_all (SeedFormat format, const char *text, size_t length, GString *csv)
{
  SeedReader *opened = NULL;
  GError *error = NULL;
  SeedRow row;
  bool has_row;
  if (!seed_reader_new (FILE_NAME, format, text, length, &opened, &error))
    {
      check_error (error);
      return -1;
    }
  g_autoptr (SeedReader) reader = opened;
  const GPtrArray *names = seed_reader_names (reader);
  for (guint i = 0; format == SEED_FORMAT_CSV && i < names->len; i++)
    {
      SeedValue name = { .kind = SEED_VALUE_TEXT, .text = names->pdata[i] };
      name.length = strlen (name.text);
      write_field (csv, &name, i == 0);
    }
  for (long count = 0;; count++)
    {
      if (!seed_reader_next (reader, &row, &has_row, &error))
        {
          check_error (error);
          return -1;
        }
      if (!has_row)
        return count;
      g_string_append_c (csv, '\n');
      for (guint i = 0; i < row.count; i++)
        {
          g_assert (row.values[i].name < names->len);
          if (format == SEED_FORMAT_CSV)
            write_field (csv, &row.values[i], i == 0);
          else
            look_at (reader, &row.values[i], text, length);
        }
    }
}

static void
read_csv (const char *text, size_t length)
{
  g_autoptr (GString) first = g_string_new (NULL);
  g_autoptr (GString) second = g_string_new (NULL);
  long rows = read_all (SEED_FORMAT_CSV, text, length, first);
  /* A row of one NULL is an empty line, which is no row. */
  if (rows < 0 || strstr (first->str, "\n\n") != NULL || g_str_has_suffix (first->str, "\n"))
    return;
  g_assert (read_all (SEED_FORMAT_CSV, first->str, first->len, second) == rows);
  g_assert_cmpstr (first->str, ==, second->str);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 1)
    return 0;
  size_t length = size - 1;
  g_autofree char *text = g_malloc (length + 1);
  g_autoptr (GString) unused = g_string_new (NULL);
  memcpy (text, data + 1, length);
  text[length] = '\0';
  if (data[0] == 'c')
    read_csv (text, length);
  else if (data[0] == 'j')
    read_all (SEED_FORMAT_JSON, text, length, unused);
  else
    {
      g_autoptr (SeedConfig) config = NULL;
      GError *error = NULL;
      if (!seed_config_parse (FILE_NAME, text, length, "development", &config, &error))
        check_error (error);
    }
  return 0;
}
