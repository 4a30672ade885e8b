#include "cli/output.h"

#include "cli/progress.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct OutputTable
{
  struct libscols_table *table;
  struct libscols_line *last;
  size_t column_count;
};

static json_t *document;
static bool document_failed;

bool
output_is_terminal (void)
{
  return isatty (STDOUT_FILENO);
}

bool
output_wants_colour (int fd)
{
  const char *no_colour = g_getenv ("NO_COLOR");
  return isatty (fd) && (no_colour == NULL || *no_colour == '\0')
         && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

const char *
output_style_sequence (OutputStyle style)
{
  static const char *const sequences[] = {
    [OUTPUT_PLAIN] = "",        [OUTPUT_BOLD] = "\033[1m",  [OUTPUT_DIM] = "\033[2m",
    [OUTPUT_GOOD] = "\033[32m", [OUTPUT_WARN] = "\033[33m", [OUTPUT_BAD] = "\033[1;31m",
  };
  return sequences[style];
}

char *
output_paint (OutputStyle style, const char *text)
{
  if (style == OUTPUT_PLAIN || !output_wants_colour (STDOUT_FILENO))
    return g_strdup (text);
  return g_strconcat (output_style_sequence (style), text, "\033[0m", NULL);
}

char *
output_safe_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *safe = g_string_new (NULL);
  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      g_string_append_unichar (safe, g_unichar_iscntrl (c) && c != '\n' && c != '\t' ? 0xFFFD : c);
    }
  return g_string_free (safe, FALSE);
}

void
output_text (const char *text)
{
  progress_clear ();
  fputs (text, stdout);
}

void
output_line (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *line = g_strdup_vprintf (format, args);
  va_end (args);
  progress_clear ();
  fputs (line, stdout);
  fputc ('\n', stdout);
}

void
output_json (json_t *object)
{
  g_assert (document == NULL && (object == NULL || json_is_object (object)));
  document = object;
  document_failed = object == NULL;
}

bool
output_check_json (GError **error)
{
  if (!document_failed)
    return true;
  return keel_error (error, KEEL_ERROR_FAILED, "Without --json it can be shown.",
                     "the result is no JSON: a name in it is not valid UTF-8");
}

json_t *
output_take_json (void)
{
  return g_steal_pointer (&document);
}

json_t *
output_json_string (const char *text)
{
  if (text == NULL)
    return json_null ();
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  return json_string (valid);
}

static OutputTable *
table_new (void)
{
  OutputTable *table = g_new0 (OutputTable, 1);
  scols_init_debug (0);
  table->table = scols_new_table ();
  g_assert (table->table != NULL);
  scols_table_set_column_separator (table->table, "  ");
  return table;
}

static void
add_column (OutputTable *table, const char *heading, bool is_number)
{
  struct libscols_column *column
      = scols_table_new_column (table->table, heading, 0, is_number ? SCOLS_FL_RIGHT : 0);
  g_assert (column != NULL);
  table->column_count++;
}

OutputTable *
output_table_new (const OutputColumn *columns)
{
  OutputTable *table = table_new ();
  for (const OutputColumn *column = columns; column->heading != NULL; column++)
    add_column (table, column->heading, column->is_number);
  return table;
}

OutputTable *
output_pairs_new (void)
{
  OutputTable *table = table_new ();
  scols_table_enable_noheadings (table->table, 1);
  add_column (table, "name", false);
  add_column (table, "value", false);
  return table;
}

void
output_table_free (OutputTable *table)
{
  if (table == NULL)
    return;
  scols_unref_table (table->table);
  g_free (table);
}

void
output_table_add (OutputTable *table, size_t count, const char *const *cells)
{
  g_assert (count == table->column_count);
  table->last = scols_table_new_line (table->table, NULL);
  g_assert (table->last != NULL);
  for (size_t i = 0; i < count; i++)
    scols_line_set_data (table->last, i, cells[i] != NULL ? cells[i] : "");
}

void
output_pair (OutputTable *table, const char *name, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *value = g_strdup_vprintf (format, args);
  va_end (args);
  output_table_row (table, name, value);
}

void
output_table_style (OutputTable *table, size_t column, OutputStyle style)
{
  g_assert (table->last != NULL && column < table->column_count);
  if (style != OUTPUT_PLAIN)
    scols_cell_set_color (scols_line_get_cell (table->last, column), output_style_sequence (style));
}

/* libsmartcols pads the last column of a row; spaces before a line's end serve nobody. */
static char *
strip_line_ends (const char *text)
{
  GString *stripped = g_string_new (NULL);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (size_t i = 0; lines[i] != NULL; i++)
    if (*g_strchomp (lines[i]) != '\0' || lines[i + 1] != NULL)
      g_string_append_printf (stripped, "%s\n", lines[i]);
  return g_string_free (stripped, FALSE);
}

char *
output_table_text (OutputTable *table, bool with_colours)
{
  char *text = NULL;
  scols_table_enable_colors (table->table, with_colours);
  /* Never cut a name short: a line that wraps on a narrow terminal still says everything. */
  scols_table_set_termforce (table->table, SCOLS_TERMFORCE_NEVER);
  if (scols_table_is_empty (table->table) || scols_print_table_to_string (table->table, &text) != 0)
    return g_strdup ("");
  char *stripped = strip_line_ends (text);
  free (text);
  return stripped;
}

void
output_table_print (OutputTable *table)
{
  g_autofree char *text = output_table_text (table, output_wants_colour (STDOUT_FILENO));
  output_text (text);
}
