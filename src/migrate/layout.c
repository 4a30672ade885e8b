#include "migrate/layout.h"
#include "migrate/layouts.h"

#include <string.h>

/* In the order of `migrations.layout` in the documentation; the native one first. */
static const Layout *const layouts[] = { &layout_native };

/* Where projects keep their migrations, when pgkeel.yaml does not say. */
static const char *const usual_folders[] = { "migrations", "db/migrations" };

const char *const *
migration_layout_names (void)
{
  static const char *names[G_N_ELEMENTS (layouts) + 1];
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++)
    names[i] = layouts[i]->name;
  return names;
}

static const Layout *
find_layout (const char *name, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++)
    if (strcmp (layouts[i]->name, name) == 0)
      return layouts[i];
  g_autofree char *names = g_strjoinv (", ", (char **) migration_layout_names ());
  g_autofree char *hint = g_strdup_printf ("The layouts are: %s.", names);
  keel_error (error, KEEL_ERROR_CONFIG, hint, "there is no layout “%s”", name);
  return NULL;
}

/* The layout that fits, NULL when none does; two are refused. */
static bool
detect_layout (Folder *folder, const Layout **ret_layout, GError **error)
{
  const Layout *found = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++)
    {
      bool fits;
      if (!layouts[i]->fits (folder, &fits, error))
        return false;
      if (!fits)
        continue;
      if (found != NULL)
        return keel_error (error, KEEL_ERROR_CONFIG,
                           "Say which one is meant with migrations.layout in pgkeel.yaml.",
                           "“%s” has files like %s (%s) and files like %s (%s)", folder->shown,
                           found->pattern, found->name, layouts[i]->pattern, layouts[i]->name);
      found = layouts[i];
    }
  *ret_layout = found;
  return true;
}

/* What looking for the folder has found. */
typedef struct
{
  Folder *folder; /* the one that holds migrations */
  const Layout *layout;
  Folder *other; /* the first that is there and does not seem to */
} Search;

static void
search_clear (Search *search)
{
  folder_free (search->folder);
  folder_free (search->other);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Search, search_clear)

static bool
look_in (Search *search, const char *root, const char *name, const Layout *wanted, GError **error)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  g_autoptr (Folder) folder = NULL;
  const Layout *layout = NULL;
  bool fits = false;
  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    return true;
  if (!folder_open (root, name, &folder, error)
      || (wanted != NULL ? !wanted->fits (folder, &fits, error)
                         : !detect_layout (folder, &layout, error)))
    return false;
  if (!fits && layout == NULL)
    {
      if (search->other == NULL)
        search->other = g_steal_pointer (&folder);
      return true;
    }
  if (search->folder != NULL)
    return keel_error (
        error, KEEL_ERROR_CONFIG, "Say which one is meant with migrations.dir in pgkeel.yaml.",
        "there are migrations in “%s” and in “%s”", search->folder->shown, folder->shown);
  search->folder = g_steal_pointer (&folder);
  search->layout = fits ? wanted : layout;
  return true;
}

/* The one usual folder that holds migrations; else the first that is there at all, so that its files
 * are warned of; NULL when none is there. */
static bool
find_folder (const char *root, const Layout **layout, Folder **ret_folder, GError **error)
{
  g_auto (Search) search = { 0 };
  for (size_t i = 0; i < G_N_ELEMENTS (usual_folders); i++)
    if (!look_in (&search, root, usual_folders[i], *layout, error))
      return false;
  if (search.layout != NULL)
    *layout = search.layout;
  *ret_folder
      = search.folder != NULL ? g_steal_pointer (&search.folder) : g_steal_pointer (&search.other);
  return true;
}

static int
compare_migrations (gconstpointer a, gconstpointer b, gpointer data)
{
  const Migration *const *first = a, *const *second = b;
  const Layout *layout = data;
  bool repeatable = (*first)->kind == MIGRATION_REPEATABLE;
  if (repeatable != ((*second)->kind == MIGRATION_REPEATABLE))
    return repeatable ? 1 : -1;
  if (repeatable || layout->compare == NULL)
    return strcmp ((*first)->version, (*second)->version);
  return layout->compare ((*first)->version, (*second)->version);
}

static const char *
path_of (const Migration *migration)
{
  return migration->up.path != NULL ? migration->up.path : migration->version;
}

static bool
refuse_twice (const Migration *first, const Migration *second, GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG, "Give one of them another version.",
                     "“%s” and “%s” have the same version, %s", path_of (first), path_of (second),
                     second->version);
}

/* Sorts where the layout sorts, and refuses a version that is there twice. */
static bool
finish (const Layout *layout, MigrationSet *set, GError **error)
{
  GPtrArray *migrations = set->migrations;
  if (layout->compare != NULL)
    g_ptr_array_sort_with_data (migrations, compare_migrations, (gpointer) layout);
  for (guint i = 0; i < migrations->len; i++)
    {
      const Migration *migration = migrations->pdata[i];
      const Migration *before = i > 0 ? migrations->pdata[i - 1] : NULL;
      const Migration *same = migration_set_find (set, migration->version);
      if (same == NULL && before != NULL && layout->compare != NULL
          && compare_migrations (&before, &migration, (gpointer) layout) == 0)
        same = before;
      if (same != NULL)
        return refuse_twice (same, migration, error);
      g_hash_table_insert (set->positions, migration->version, GUINT_TO_POINTER (i + 1));
      if (migration->up.text != NULL
          && migration->up.text[strspn (migration->up.text, " \t\r\n")] == '\0')
        g_ptr_array_add (set->warnings, g_strdup_printf ("“%s” is empty", path_of (migration)));
    }
  return true;
}

static bool
read_folder (const Layout *layout, Folder *folder, MigrationSet **ret_set, GError **error)
{
  g_autoptr (MigrationSet) set = migration_set_new (layout->name, folder->shown);
  set->compare = layout->compare;
  if (!layout->read (folder, set, error) || !finish (layout, set, error))
    return false;
  *ret_set = g_steal_pointer (&set);
  return true;
}

static MigrationSet *
empty_set (const Layout *layout)
{
  MigrationSet *set = migration_set_new (layout->name, usual_folders[0]);
  set->compare = layout->compare;
  return set;
}

bool
migration_set_read (const char *root, const char *folder_name, const char *layout_name,
                    MigrationSet **ret_set, GError **error)
{
  const Layout *layout = NULL;
  g_autoptr (Folder) folder = NULL;
  if (layout_name != NULL && (layout = find_layout (layout_name, error)) == NULL)
    return false;
  if (folder_name != NULL ? !folder_open (root, folder_name, &folder, error)
                          : !find_folder (root, &layout, &folder, error))
    return false;
  if (folder != NULL && layout == NULL && !detect_layout (folder, &layout, error))
    return false;
  if (layout == NULL)
    layout = &layout_native;
  if (folder != NULL)
    return read_folder (layout, folder, ret_set, error);
  *ret_set = empty_set (layout);
  return true;
}
