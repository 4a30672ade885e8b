/* Rows go to a temporary table whose columns have the types they are for: COPY itself says which row and which
 * column holds no value of its type. */
#include "seed/internal.h"

#include <stdlib.h>
#include <string.h>

/* Rows sent by one COPY, in bytes. */
#define CHUNK_BYTES (8 * 1024 * 1024)

typedef struct
{
  const char *text; /* NULL: NULL */
  size_t length;
  char *owned;
} Cell;

/* What filling one stage carries along. */
typedef struct
{
  SeedRun *run;
  SeedSet *set;
  GHashTable *by_path; /* path -> index of its input + 1 */
  char *copy_sql;
  GString *lines;
  int64_t first_n; /* of the rows in LINES */
  int64_t n;
  Cell *cells; /* of inputs */
  bool *given; /* of groups */
} Fill;

static void
fill_clear (Fill *fill)
{
  g_clear_pointer (&fill->by_path, g_hash_table_unref);
  g_free (fill->copy_sql);
  if (fill->lines != NULL)
    g_string_free (fill->lines, TRUE);
  g_free (fill->cells);
  g_free (fill->given);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fill, fill_clear)

static bool
create_stage (SeedRun *run, const SeedSet *set, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  g_string_append_printf (sql, "CREATE TEMPORARY TABLE %s (n int, layer int, act \"char\"",
                          strchr (set->stage, '.') + 1);
  for (guint i = 0; i < set->groups->len; i++)
    g_string_append_printf (sql, ", g%u boolean", i);
  for (guint i = 0; i < set->carried->len; i++)
    {
      int number = g_array_index (set->carried, int, i);
      g_string_append_printf (sql, ", v%d %s", number,
                              seed_table_column (set->table, number)->type);
    }
  for (guint i = 0; i < set->inputs->len; i++)
    {
      const SeedInput *input = set->inputs->pdata[i];
      if (*input->stage_column == 'c')
        g_string_append_printf (sql, ", %s %s", input->stage_column, input->column->type);
    }
  for (guint i = 0; i < set->references->len; i++)
    {
      const SeedReference *reference = set->references->pdata[i];
      for (guint j = 0; j < reference->outputs->len; j++)
        {
          const char *output = reference->outputs->pdata[j];
          int target = g_array_index (reference->key->targets, int, j);
          if (*output == 'r')
            g_string_append_printf (sql, ", %s %s", output,
                                    seed_table_column (reference->target, target)->type);
        }
    }
  g_string_append (sql, ") ON COMMIT DROP");
  return seed_exec (run, sql->str, NULL, error);
}

static char *
make_copy_sql (const SeedSet *set)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  g_string_append_printf (sql, "COPY %s (n, layer", set->stage);
  for (guint i = 0; i < set->groups->len; i++)
    g_string_append_printf (sql, ", g%u", i);
  for (guint i = 0; i < set->inputs->len; i++)
    g_string_append_printf (sql, ", %s", ((SeedInput *) set->inputs->pdata[i])->stage_column);
  g_string_append (sql, ") FROM STDIN");
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static void
append_cell (GString *lines, const Cell *cell)
{
  g_string_append_c (lines, '\t');
  if (cell->text == NULL)
    {
      g_string_append (lines, "\\N");
      return;
    }
  const char *start = cell->text, *end = cell->text + cell->length;
  for (const char *at = start; at < end; at++)
    {
      char escape = *at == '\\'   ? '\\'
                    : *at == '\n' ? 'n'
                    : *at == '\r' ? 'r'
                    : *at == '\t' ? 't'
                                  : '\0';
      if (escape == '\0')
        continue;
      g_string_append_len (lines, start, at - start);
      g_string_append_c (lines, '\\');
      g_string_append_c (lines, escape);
      start = at + 1;
    }
  g_string_append_len (lines, start, end - start);
}

/* --- what the server says ------------------------------------------------------------------------- */

/* The context is "COPY pgkeel_seed_1, line 3, column v2: ...", in the server's language: the table's name, a
 * number, a column's name. */
static void
read_context (const SeedSet *set, const char *context, int64_t *ret_line, char **ret_column)
{
  const char *name = strchr (set->stage, '.') + 1;
  const char *at = context != NULL ? strstr (context, name) : NULL;
  if (at == NULL)
    return;
  at += strlen (name);
  while (*at != '\0' && !g_ascii_isdigit (*at))
    at++;
  char *end;
  *ret_line = strtoll (at, &end, 10);
  for (at = end; *at != '\0' && *at != ':'; at++)
    if (strchr ("vcg", *at) != NULL && g_ascii_isdigit (at[1]) && !g_ascii_isalnum (at[-1]))
      {
        size_t digits = strspn (at + 1, G_CSET_DIGITS);
        *ret_column = g_strndup (at, digits + 1);
        return;
      }
}

static bool
refuse_copy (const Fill *fill, const DbFailure *failure, GError **error)
{
  int64_t line = 0;
  g_autofree char *column = NULL;
  const SeedInput *input = NULL;
  read_context (fill->set, failure->context, &line, &column);
  for (guint i = 0; column != NULL && i < fill->set->inputs->len; i++)
    if (strcmp (((SeedInput *) fill->set->inputs->pdata[i])->stage_column, column) == 0)
      input = fill->set->inputs->pdata[i];
  if (line < 1 || failure->message == NULL)
    return false;
  g_autofree char *place
      = seed_place (fill->set, fill->first_n + line - 1, input != NULL ? input->path : NULL);
  g_clear_error (error);
  return keel_error_full (error, KEEL_ERROR_CONFIG, failure->sqlstate, failure->detail,
                          failure->hint, "%s: %s%s%s%s", place, input != NULL ? "“" : "",
                          input != NULL ? input->path : "", input != NULL ? "”: " : "",
                          failure->message);
}

static bool
flush (Fill *fill, GError **error)
{
  g_auto (DbFailure) failure = { 0 };
  const DbStatement statement
      = { .sql = fill->copy_sql, .data = fill->lines->str, .data_length = fill->lines->len };
  if (fill->lines->len == 0)
    return true;
  if (!db_run (fill->run->conn, &statement, NULL, &failure, error))
    {
      refuse_copy (fill, &failure, error);
      return false;
    }
  g_string_truncate (fill->lines, 0);
  fill->first_n = fill->n + 1;
  return true;
}

/* --- rows ------------------------------------------------------------------------------------ */

static bool
refuse_value (const Fill *fill, const SeedInput *input, const char *what, GError **error)
{
  return seed_refuse_row (fill->set, fill->n, input->path, NULL, error,
                          "column %s is of type %s, and %s is no value of it", input->column->name,
                          input->column->type, what);
}

/* The text of VALUE for a column as INPUT's. */
static bool
fill_cell (const Fill *fill, const SeedInput *input, const SeedValue *value, Cell *cell,
           GError **error)
{
  const SeedColumn *column = input->column;
  cell->text = value->text;
  cell->length = value->length;
  if (value->kind == SEED_VALUE_NULL)
    cell->text = NULL;
  else if (column->is_json || value->kind == SEED_VALUE_TEXT || value->kind == SEED_VALUE_WORD)
    return true;
  else if (value->kind == SEED_VALUE_STRING)
    cell->owned = seed_value_string (value);
  else if (value->kind == SEED_VALUE_LIST && column->is_array)
    cell->owned = seed_value_array (value);
  else
    return refuse_value (fill, input, value->kind == SEED_VALUE_LIST ? "a list" : "an object",
                         error);
  if (cell->owned != NULL)
    {
      cell->text = cell->owned;
      cell->length = strlen (cell->owned);
    }
  return true;
}

static bool
take_value (const char *path, const SeedValue *value, void *data, GError **error)
{
  Fill *fill = data;
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (fill->by_path, path));
  if (number > 0)
    {
      const SeedInput *input = fill->set->inputs->pdata[number - 1];
      fill->given[input->group] = true;
      return fill_cell (fill, input, value, &fill->cells[number - 1], error);
    }
  /* null for a reference that other rows write in parts. */
  for (guint i = 0; i < fill->set->groups->len; i++)
    if (strcmp (((SeedGroup *) fill->set->groups->pdata[i])->name, path) == 0)
      fill->given[i] = true;
  return true;
}

static bool
append_row (Fill *fill, SeedReader *reader, const SeedRow *row, bool is_common, GError **error)
{
  const SeedSet *set = fill->set;
  memset (fill->cells, 0, set->inputs->len * sizeof (Cell));
  memset (fill->given, 0, set->groups->len * sizeof (bool));
  bool done = seed_each_path (reader, set->table, row, take_value, fill, error);
  g_string_append_printf (fill->lines, "%" G_GINT64_FORMAT "\t%d", fill->n, is_common ? 0 : 1);
  for (guint i = 0; i < set->groups->len; i++)
    g_string_append (fill->lines, fill->given[i] ? "\tt" : "\tf");
  for (guint i = 0; i < set->inputs->len; i++)
    {
      append_cell (fill->lines, &fill->cells[i]);
      g_free (fill->cells[i].owned);
    }
  g_string_append_c (fill->lines, '\n');
  return done;
}

static bool
append_source (Fill *fill, const SeedSource *source, GError **error)
{
  g_autoptr (SeedReader) reader = NULL;
  SeedRow row;
  bool has_row;
  if (!seed_source_reader (source, &reader, error))
    return false;
  for (;;)
    {
      if (!seed_reader_next (reader, &row, &has_row, error))
        return false;
      if (!has_row)
        return true;
      fill->n++;
      if (!append_row (fill, reader, &row, source->file->is_common, error)
          || (fill->lines->len >= CHUNK_BYTES && !flush (fill, error)))
        return false;
    }
}

bool
seed_stage_fill (SeedRun *run, SeedSet *set, GError **error)
{
  g_auto (Fill) fill = { .run = run, .set = set, .first_n = 1 };
  if (!create_stage (run, set, error))
    return false;
  fill.by_path = g_hash_table_new (g_str_hash, g_str_equal);
  fill.copy_sql = make_copy_sql (set);
  fill.lines = g_string_new (NULL);
  fill.cells = g_new0 (Cell, set->inputs->len + 1);
  fill.given = g_new0 (bool, set->groups->len + 1);
  for (guint i = 0; i < set->inputs->len; i++)
    {
      const SeedInput *input = set->inputs->pdata[i];
      g_hash_table_insert (fill.by_path, input->path, GUINT_TO_POINTER (i + 1));
    }
  for (guint i = 0; i < set->sources->len; i++)
    if (!append_source (&fill, set->sources->pdata[i], error))
      return false;
  g_autofree char *analyze = g_strdup_printf ("ANALYZE %s", set->stage);
  return flush (&fill, error) && seed_exec (run, analyze, NULL, error);
}
