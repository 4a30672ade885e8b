/*
 * Which migrations a command has run. Most tools keep a row of each; Alembic keeps the last one only, and
 * what came between is told from its files, from what it wrote, and from what `alembic history` says.
 */
#include "migrate/external_internal.h"
#include "migrate/heads.h"

#include <string.h>

/* revision -> char ** of those before it */
typedef GHashTable Graph;

static void
add_edge (Graph *graph, const char *revision, char **before)
{
  if (g_hash_table_contains (graph, revision))
    g_strfreev (before);
  else
    g_hash_table_insert (graph, g_strdup (revision), before);
}

/* --- from files ------------------------------------------------------------------------------- */

/* Revisions may be shortened where they are named. */
static const char *
whole_name (const PythonHistory *history, const char *name)
{
  const char *found = name;
  for (guint i = 0; i < history->all->len; i++)
    {
      const PythonMigration *migration = history->all->pdata[i];
      if (strcmp (migration->revision, name) == 0)
        return name;
      if (strlen (name) >= 4 && g_str_has_prefix (migration->revision, name))
        found = migration->revision;
    }
  return found;
}

static void
add_history (Graph *graph, const PythonHistory *history)
{
  for (guint i = 0; i < history->all->len; i++)
    {
      const PythonMigration *migration = history->all->pdata[i];
      g_autoptr (GStrvBuilder) before = g_strv_builder_new ();
      for (char **need = migration->needs; *need != NULL; need++)
        g_strv_builder_add (before, whole_name (history, *need));
      for (char **need = migration->depends; *need != NULL; need++)
        g_strv_builder_add (before, whole_name (history, *need));
      add_edge (graph, migration->revision, g_strv_builder_end (before));
    }
}

static bool
read_files (Graph *graph, const char *root, const char *dir, GError **error)
{
  g_autoptr (GPtrArray) folders = external_list_folders (root, dir);
  for (guint i = 0; i < folders->len; i++)
    {
      g_autoptr (Folder) folder = NULL;
      g_autoptr (PythonHistory) history = NULL;
      if (!folder_open (root, folders->pdata[i], false, &folder, error)
          || !python_history_read (folder, "", &history, error))
        return false;
      if (history != NULL && strcmp (history->tool, "Alembic") == 0)
        add_history (graph, history);
    }
  return true;
}

/* --- from what was written -------------------------------------------------------------------- */

/* "Running upgrade a1, b1 -> c2, merge them" of a run; "a1 -> b2 (head), more" of `alembic history`, with
 * <base> before the first. */
static void
read_text (Graph *graph, const char *text)
{
  g_autoptr (GRegex) regex
      = g_regex_new ("(?:Running upgrade |^)(<base>|[\\w, -]*?) ?-> ([\\w-]+)(?:$|[,\\s(])",
                     G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) info = NULL;
  g_assert (regex != NULL);
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
  g_regex_match (regex, valid, 0, &info);
  for (; g_match_info_matches (info); g_match_info_next (info, NULL))
    {
      g_autofree char *before = g_match_info_fetch (info, 1);
      g_autofree char *revision = g_match_info_fetch (info, 2);
      g_auto (GStrv) words = g_strsplit_set (before, ", ", -1);
      g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
      for (char **word = words; *word != NULL; word++)
        if (**word != '\0' && **word != '<')
          g_strv_builder_add (list, *word);
      add_edge (graph, revision, g_strv_builder_end (list));
    }
}

/* --- the difference --------------------------------------------------------------------------- */

/* REVISION after everything that it needs; ORDER of borrowed texts. */
static void
add_with_needs (const Graph *graph, const char *revision, GHashTable *seen, GPtrArray *order)
{
  if (!g_hash_table_add (seen, g_strdup (revision)))
    return;
  char **before = g_hash_table_lookup ((GHashTable *) graph, revision);
  for (; before != NULL && *before != NULL; before++)
    add_with_needs (graph, *before, seen, order);
  g_ptr_array_add (order, (char *) revision);
}

/* All that the rows of Alembic in STATE stand for, in order. */
static GPtrArray *
all_of (const Graph *graph, const ExternalState *state, GHashTable *seen)
{
  GPtrArray *order = g_ptr_array_new ();
  for (guint i = 0; i < state->rows->len; i++)
    {
      const ExternalRow *row = state->rows->pdata[i];
      if (strcmp (row->tool, "alembic") == 0)
        add_with_needs (graph, row->version, seen, order);
    }
  return order;
}

static void
add_row (GPtrArray *rows, const ExternalRow *like, const char *version)
{
  ExternalRow *row = g_new0 (ExternalRow, 1);
  row->tool = like->tool;
  row->table = g_strdup (like->table);
  row->version = g_strdup (version);
  g_ptr_array_add (rows, row);
}

static const ExternalRow *
find_alembic (const ExternalState *state)
{
  for (guint i = 0; i < state->rows->len; i++)
    if (strcmp (((ExternalRow *) state->rows->pdata[i])->tool, "alembic") == 0)
      return state->rows->pdata[i];
  return NULL;
}

/* What the revisions of MORE stand for and those of LESS do not. */
static void
add_revisions (GPtrArray *rows, const Graph *graph, const ExternalState *more,
               const ExternalState *less)
{
  const ExternalRow *like = find_alembic (more);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) order = all_of (graph, more, seen);
  g_ptr_array_unref (all_of (graph, less, known));
  for (guint i = 0; i < order->len; i++)
    if (!g_hash_table_contains (known, order->pdata[i]))
      add_row (rows, like, order->pdata[i]);
}

bool
external_list_applied (const ExternalTold *told, const ExternalState *less,
                       const ExternalState *more, GPtrArray **ret_rows, GError **error)
{
  g_autoptr (GPtrArray) missing = external_rows_missing (more, less);
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) external_row_free);
  bool has_alembic = false;
  for (guint i = 0; i < missing->len; i++)
    {
      const ExternalRow *row = missing->pdata[i];
      if (strcmp (row->tool, "alembic") == 0)
        has_alembic = true;
      else
        add_row (rows, row, row->version);
    }
  if (has_alembic)
    {
      g_autoptr (GHashTable) graph
          = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_strfreev);
      if (!read_files (graph, told->root, told->dir, error))
        return false;
      read_text (graph, told->output);
      read_text (graph, told->status);
      add_revisions (rows, graph, more, less);
    }
  *ret_rows = g_steal_pointer (&rows);
  return true;
}
