#include "migrate/heads.h"

#include <string.h>

static void
migration_clear (PythonMigration *migration)
{
  g_free (migration->revision);
  g_free (migration->name);
  g_free (migration->file);
  g_strfreev (migration->needs);
  g_strfreev (migration->depends);
  g_strfreev (migration->replaces);
  g_free (migration);
}

void
python_history_free (PythonHistory *history)
{
  if (history == NULL)
    return;
  g_ptr_array_unref (history->heads);
  g_ptr_array_unref (history->all);
  g_ptr_array_unref (history->orphans);
  g_free (history);
}

/* The first group of PATTERN in TEXT; NULL when it does not match. Caller frees. */
static char *
match (const char *text, const char *pattern)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_MULTILINE | G_REGEX_DOTALL, 0, NULL);
  g_autoptr (GMatchInfo) info = NULL;
  g_assert (regex != NULL);
  return g_regex_match (regex, text, 0, &info) ? g_match_info_fetch (info, 1) : NULL;
}

/* Group GROUP of every match of PATTERN whose first group is FIRST (NULL: any); TEXT may be NULL. */
static char **
match_all (const char *text, const char *pattern, int group, const char *first)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_MULTILINE | G_REGEX_DOTALL, 0, NULL);
  g_autoptr (GMatchInfo) info = NULL;
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  g_assert (regex != NULL);
  if (text != NULL)
    g_regex_match (regex, text, 0, &info);
  while (info != NULL && g_match_info_matches (info))
    {
      g_autofree char *one = g_match_info_fetch (info, 1);
      if (first == NULL || strcmp (one, first) == 0)
        g_ptr_array_add (found, g_match_info_fetch (info, group));
      g_match_info_next (info, NULL);
    }
  g_ptr_array_add (found, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&found), FALSE);
}

#define ASSIGNMENT "[ \\t]*(?::[^=\\n]+)?=[ \\t]*"
#define QUOTED "[\"']([^\"'\\n]+)[\"']"
#define PAIR "\\(\\s*[\"'](\\w+)[\"']\\s*,\\s*[\"'](\\w+)[\"']\\s*,?\\s*\\)"

/* revision = "a", down_revision = "b", ("b", "c") or None. */
static PythonMigration *
parse_alembic (const char *text)
{
  g_autofree char *revision = match (text, "^revision" ASSIGNMENT QUOTED);
  g_autofree char *down = match (text, "^down_revision" ASSIGNMENT "(\\([^)]*\\)|[^\\n]*)");
  g_autofree char *depends
      = match (text, "^depends_on" ASSIGNMENT "(\\([^)]*\\)|\\[[^]]*\\]|[^\\n]*)");
  g_autofree char *title = match (text, "\\A\\s*[rR]?\"\"\"([^\\n\"]*)");
  if (revision == NULL || down == NULL)
    return NULL;
  PythonMigration *migration = g_new0 (PythonMigration, 1);
  migration->revision = g_steal_pointer (&revision);
  migration->name = g_strdup (title != NULL ? g_strstrip (title) : "");
  migration->needs = match_all (down, QUOTED, 1, NULL);
  migration->depends = match_all (depends, QUOTED, 1, NULL);
  migration->replaces = g_new0 (char *, 1);
  return migration;
}

/* dependencies = [("app", "0001_initial")], replaces = [...], of the app itself only. */
static PythonMigration *
parse_django (const char *text, const char *file, const char *app)
{
  if (!g_regex_match_simple ("^class Migration\\(migrations\\.Migration\\)", text,
                             G_REGEX_MULTILINE, 0))
    return NULL;
  g_autofree char *depends = match (text, "^\\s+dependencies\\s*=\\s*\\[(.*?)\\]");
  g_autofree char *replaces = match (text, "^\\s+replaces\\s*=\\s*\\[(.*?)\\]");
  PythonMigration *migration = g_new0 (PythonMigration, 1);
  migration->revision = g_strndup (file, strlen (file) - strlen (".py"));
  migration->name = g_strdup ("");
  migration->needs = match_all (depends, PAIR, 2, app);
  migration->depends = g_new0 (char *, 1);
  migration->replaces = match_all (replaces, PAIR, 2, app);
  return migration;
}

static const PythonMigration *
find (const GPtrArray *migrations, const char *revision)
{
  for (guint i = 0; i < migrations->len; i++)
    {
      const PythonMigration *migration = migrations->pdata[i];
      if (strcmp (migration->revision, revision) == 0)
        return migration;
    }
  return NULL;
}

/* Alembic's revisions may be shortened where they are named. */
static const PythonMigration *
find_needed (const GPtrArray *migrations, const char *revision)
{
  const PythonMigration *found = find (migrations, revision);
  for (guint i = 0; i < migrations->len && found == NULL; i++)
    {
      const PythonMigration *migration = migrations->pdata[i];
      if (strlen (revision) >= 4 && g_str_has_prefix (migration->revision, revision))
        found = migration;
    }
  return found;
}

static bool
names (char **revisions, const char *revision)
{
  return g_strv_contains ((const char *const *) revisions, revision);
}

/* The squashed migration that stands for REVISION; NULL: there is none. */
static const PythonMigration *
squash_of (const GPtrArray *all, const char *revision)
{
  for (guint i = 0; i < all->len; i++)
    {
      const PythonMigration *migration = all->pdata[i];
      if (names (migration->replaces, revision))
        return migration;
    }
  return NULL;
}

/* Whether any migration comes after ONE, or after one that ONE stands for. */
static bool
is_needed (const GPtrArray *all, const PythonMigration *one)
{
  for (guint i = 0; i < all->len; i++)
    {
      const PythonMigration *other = all->pdata[i];
      if (names (one->replaces, other->revision))
        continue;
      for (char **need = other->needs; *need != NULL; need++)
        if (find_needed (all, *need) == one || names (one->replaces, *need))
          return true;
    }
  return false;
}

static void
find_heads (PythonHistory *history)
{
  for (guint i = 0; i < history->all->len; i++)
    {
      PythonMigration *migration = history->all->pdata[i];
      if (squash_of (history->all, migration->revision) == NULL
          && !is_needed (history->all, migration))
        g_ptr_array_add (history->heads, migration);
      for (char **need = migration->needs; *need != NULL; need++)
        if (find_needed (history->all, *need) == NULL && squash_of (history->all, *need) == NULL)
          g_ptr_array_add (history->orphans, g_strdup_printf ("%s (%s)", *need, migration->file));
    }
}

/* The app is what the folder above is called: ledger/migrations. */
static char *
app_of (const Folder *folder)
{
  g_autofree char *above = g_path_get_dirname (folder->path);
  return g_path_get_basename (above);
}

static bool
read_file (Folder *folder, PythonHistory *history, const char *path, const char *file,
           GError **error)
{
  FolderFile *text;
  g_autofree char *app = app_of (folder);
  if (!folder_read (folder, path, &text, error))
    return false;
  PythonMigration *migration = parse_alembic (text->text);
  const char *tool = "Alembic";
  if (migration == NULL)
    {
      migration = parse_django (text->text, file, app);
      tool = "Django";
    }
  if (migration == NULL)
    return true;
  migration->file = g_strdup (file);
  history->tool = tool;
  g_ptr_array_add (history->all, migration);
  return true;
}

bool
python_history_read (Folder *folder, const char *name, PythonHistory **ret_history, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (PythonHistory) history = g_new0 (PythonHistory, 1);
  history->all = g_ptr_array_new_with_free_func ((GDestroyNotify) migration_clear);
  history->heads = g_ptr_array_new ();
  history->orphans = g_ptr_array_new_with_free_func (g_free);
  if (*name == '\0')
    entries = g_ptr_array_ref (folder->entries);
  else if (!folder_list (folder, name, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const FolderEntry *entry = entries->pdata[i];
      g_autofree char *path
          = *name == '\0' ? g_strdup (entry->name) : g_strdup_printf ("%s/%s", name, entry->name);
      if (!entry->is_folder && g_str_has_suffix (entry->name, ".py")
          && !read_file (folder, history, path, entry->name, error))
        return false;
    }
  find_heads (history);
  *ret_history = history->all->len > 0 ? g_steal_pointer (&history) : NULL;
  return true;
}

GPtrArray *
python_history_problems (const PythonHistory *history)
{
  GPtrArray *problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) heads = g_string_new (NULL);
  bool is_alembic = strcmp (history->tool, "Alembic") == 0;
  for (guint i = 0; i < history->heads->len; i++)
    {
      const PythonMigration *head = history->heads->pdata[i];
      g_string_append_printf (heads, "%s%s", i > 0 ? ", " : "",
                              is_alembic ? head->file : head->revision);
    }
  if (history->heads->len > 1)
    g_ptr_array_add (
        problems,
        g_strdup_printf ("%s has %u %s: %s; merge them with “%s”", history->tool,
                         history->heads->len, is_alembic ? "heads" : "leaf nodes", heads->str,
                         is_alembic ? "alembic merge heads" : "manage.py makemigrations --merge"));
  for (guint i = 0; i < history->orphans->len; i++)
    g_ptr_array_add (problems, g_strdup_printf ("%s needs %s, which is not there", history->tool,
                                                (const char *) history->orphans->pdata[i]));
  return problems;
}

/* Depth first, so that everything comes after what it needs; a circle ends where it began. */
static void
add_with_needs (const PythonHistory *history, const PythonMigration *migration, GHashTable *seen,
                GPtrArray *order)
{
  if (!g_hash_table_add (seen, (gpointer) migration))
    return;
  for (char **need = migration->needs; *need != NULL; need++)
    {
      const PythonMigration *before = find_needed (history->all, *need);
      if (before != NULL)
        add_with_needs (history, before, seen, order);
    }
  g_ptr_array_add (order, (gpointer) migration);
}

GPtrArray *
python_history_up_to (const PythonHistory *history, const char *head)
{
  GPtrArray *order = g_ptr_array_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  const PythonMigration *migration = find (history->all, head);
  if (migration != NULL)
    add_with_needs (history, migration, seen, order);
  return order;
}
