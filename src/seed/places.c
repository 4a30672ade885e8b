/* Where a row, or a value of it, stands in its file. Found by reading the file again: it is asked for once, when
 * something is wrong, and nothing has to be remembered for a hundred thousand rows. */
#include "base/text.h"
#include "seed/internal.h"

#include <string.h>

#define SHOWN_CHARS 60

bool
seed_source_reader (const SeedSource *source, SeedReader **ret_reader, GError **error)
{
  SeedFormat format = source->file->kind == SEED_FILE_CSV ? SEED_FORMAT_CSV : SEED_FORMAT_JSON;
  return seed_reader_new (source->file->shown, format, source->text, source->length, ret_reader,
                          error);
}

static bool
walk_members (SeedReader *reader, const char *prefix, const SeedValue *object, SeedPathFn on_path,
              void *data, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) values = NULL;
  if (!seed_reader_members (reader, object, names, &values, error))
    return false;
  for (guint i = 0; i < values->len; i++)
    {
      const SeedValue *value = &g_array_index (values, SeedValue, i);
      g_autofree char *path
          = g_strdup_printf ("%s.%s", prefix, (const char *) names->pdata[value->name]);
      if (value->kind == SEED_VALUE_OBJECT
              ? !walk_members (reader, path, value, on_path, data, error)
              : !on_path (path, value, data, error))
        return false;
    }
  return true;
}

/* An object is a value for a column of its own, and a reference elsewhere. */
bool
seed_each_path (SeedReader *reader, const SeedTable *table, const SeedRow *row, SeedPathFn on_path,
                void *data, GError **error)
{
  const GPtrArray *names = seed_reader_names (reader);
  for (guint i = 0; i < row->count; i++)
    {
      const SeedValue *value = &row->values[i];
      const char *name = names->pdata[value->name];
      const SeedColumn *column
          = value->kind == SEED_VALUE_OBJECT ? seed_table_column_called (table, name) : NULL;
      bool is_reference = value->kind == SEED_VALUE_OBJECT && (column == NULL || !column->is_json);
      if (is_reference ? !walk_members (reader, name, value, on_path, data, error)
                       : !on_path (name, value, data, error))
        return false;
    }
  return true;
}

/* Looks for a path; the first value at or below it, or above it, is taken. */
typedef struct
{
  const char *path;
  bool is_found;
  size_t offset;
  char *text;
} Search;

static bool
look (const char *path, const SeedValue *value, void *data, GError **error)
{
  (void) error;
  Search *search = data;
  size_t length = strlen (search->path);
  bool is_below
      = g_str_has_prefix (path, search->path) && (path[length] == '\0' || path[length] == '.');
  if (search->is_found || !is_below)
    return true;
  search->is_found = true;
  search->offset = value->offset;
  search->text = value->kind == SEED_VALUE_NULL     ? g_strdup ("NULL")
                 : value->kind == SEED_VALUE_STRING ? seed_value_string (value)
                                                    : g_strndup (value->text, value->length);
  return true;
}

static const SeedSource *
source_of (const SeedSet *set, int64_t n)
{
  for (guint i = 0; i < set->sources->len; i++)
    {
      const SeedSource *source = set->sources->pdata[i];
      if (n >= source->first_row && n < source->first_row + source->row_count)
        return source;
    }
  return NULL;
}

/* The file was read before without a fault, so there is none now. */
static bool
search_row (const SeedSet *set, const SeedSource *source, int64_t n, Search *search,
            size_t *ret_row_offset)
{
  g_autoptr (SeedReader) reader = NULL;
  SeedRow row;
  bool has_row = true;
  if (!seed_source_reader (source, &reader, NULL))
    return false;
  for (int64_t at = source->first_row; at <= n; at++)
    if (!seed_reader_next (reader, &row, &has_row, NULL) || !has_row)
      return false;
  *ret_row_offset = row.offset;
  return search->path == NULL || seed_each_path (reader, set->table, &row, look, search, NULL);
}

char *
seed_place (const SeedSet *set, int64_t n, const char *path)
{
  const SeedSource *source = source_of (set, n);
  Search search = { .path = path };
  size_t offset = 0;
  if (source == NULL)
    return g_strdup (set->table->shown);
  if (!search_row (set, source, n, &search, &offset))
    return g_strdup (source->file->shown);
  g_free (search.text);
  return seed_place_at (source->file->shown, source->text,
                        search.is_found ? search.offset : offset);
}

char *
seed_value_shown (const SeedSet *set, int64_t n, const char *path)
{
  const SeedSource *source = source_of (set, n);
  Search search = { .path = path };
  size_t offset;
  if (source == NULL || !search_row (set, source, n, &search, &offset) || search.text == NULL)
    return g_strdup ("?");
  g_autofree char *text = search.text;
  g_strdelimit (text, "\r\n\t", ' ');
  if (g_utf8_strlen (text, -1) <= SHOWN_CHARS)
    return g_steal_pointer (&text);
  g_autofree char *start = g_utf8_substring (text, 0, SHOWN_CHARS);
  return g_strdup_printf ("%s…", start);
}

bool
seed_refuse_row (const SeedSet *set, int64_t n, const char *path, const char *hint, GError **error,
                 const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = seed_one_line (format, args);
  va_end (args);
  g_autofree char *place = seed_place (set, n, path);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s: %s", place, message);
}

const char *
seed_path_of_column (const SeedSet *set, int number)
{
  for (guint i = 0; i < set->groups->len; i++)
    {
      const SeedGroup *group = set->groups->pdata[i];
      for (guint j = 0; j < group->columns->len; j++)
        if (g_array_index (group->columns, int, j) == number)
          return group->name;
    }
  return NULL;
}

bool
seed_source_name_offset (const SeedSource *source, const char *path, size_t *ret_offset)
{
  g_autoptr (SeedReader) reader = NULL;
  SeedRow row;
  bool has_row = true;
  if (!seed_source_reader (source, &reader, NULL))
    return false;
  for (;;)
    {
      const GPtrArray *names = seed_reader_names (reader);
      for (guint i = 0; i < names->len; i++)
        {
          const char *name = names->pdata[i];
          size_t length = strlen (name);
          if (strcmp (name, path) == 0 || (g_str_has_prefix (path, name) && path[length] == '.')
              || (g_str_has_prefix (name, path) && name[strlen (path)] == '.'))
            {
              *ret_offset = seed_reader_name_offset (reader, i);
              return true;
            }
        }
      if (source->file->kind == SEED_FILE_CSV || !seed_reader_next (reader, &row, &has_row, NULL)
          || !has_row)
        return false;
    }
}
