#include "migrate/layout.h"
#include "migrate/heads.h"
#include "migrate/layouts.h"
#include "migrate/runnable.h"
#include "migrate/sqitch_conf.h"

#include <string.h>

#define NAME_MAX_BYTES 120

/* In the order of `migrations.layout` in the documentation; the native one first. */
static const Layout *const layouts[] = {
  &layout_native, &layout_golang_migrate, &layout_dbmate,      &layout_goose,    &layout_flyway,
  &layout_sqlx,   &layout_diesel,         &layout_sqitch,      &layout_prisma,   &layout_drizzle,
  &layout_node,   &layout_graphile,       &layout_sql_migrate, &layout_numbered,
};

/* Where projects keep their migrations, when pgkeel.yaml does not say. */
static const struct
{
  const char *name;
  const char *only_with; /* too broad a folder, but for one with this file; NULL: any */
} usual_folders[] = {
  { "migrations", NULL },
  { "db/migrations", NULL },
  { "db/migrate", NULL },
  { "database/migrations", NULL },
  { "sql/migrations", NULL },
  { "supabase/migrations", NULL },
  { "prisma/migrations", NULL },
  { "drizzle", NULL },
  { "drizzle/migrations", NULL },
  { "alembic", NULL },
  { "src/main/resources/db/migration", NULL },
  { ".", "sqitch.plan" },
  { "db", "sqitch.plan" },
  { "sql", "sqitch.plan" },
  { "sqitch", "sqitch.plan" },
};

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

/* The layout that fits best, NULL when none does; two that fit as well are refused. */
static bool
detect_layout (Folder *folder, const Layout **ret_layout, LayoutFit *ret_fit, GError **error)
{
  const Layout *found = NULL, *other = NULL;
  LayoutFit best = LAYOUT_FITS_NOT;
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++)
    {
      LayoutFit fit;
      if (!layouts[i]->fits (folder, &fit, error))
        return false;
      if (fit == LAYOUT_FITS_NOT || fit < best)
        continue;
      other = fit == best ? found : NULL;
      found = layouts[i];
      best = fit;
    }
  if (other != NULL)
    return keel_error (error, KEEL_ERROR_CONFIG,
                       "Say which one is meant with migrations.layout in pgkeel.yaml.",
                       "“%s” has files like %s (%s) and files like %s (%s)", folder->shown,
                       other->pattern, other->name, found->pattern, found->name);
  *ret_layout = found;
  *ret_fit = best;
  return true;
}

/* Looking for the folder: what for, and what has been found. */
typedef struct
{
  const char *root;
  bool only_up;
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
is_there (const char *root, gsize which)
{
  g_autofree char *path = g_build_filename (root, usual_folders[which].name, NULL);
  g_autofree char *file = g_build_filename (path, usual_folders[which].only_with, NULL);
  return g_file_test (path, G_FILE_TEST_IS_DIR)
         && (usual_folders[which].only_with == NULL || g_file_test (file, G_FILE_TEST_EXISTS));
}

static bool
look_in (Search *search, const char *name, const Layout *wanted, GError **error)
{
  g_autoptr (Folder) folder = NULL;
  const Layout *layout = wanted;
  LayoutFit fit = LAYOUT_FITS_NOT;
  if (!folder_open (search->root, name, search->only_up, &folder, error)
      || (wanted != NULL ? !wanted->fits (folder, &fit, error)
                         : !detect_layout (folder, &layout, &fit, error)))
    return false;
  if (fit == LAYOUT_FITS_NOT)
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
  search->layout = layout;
  return true;
}

/* A folder that only Sqitch knows of. */
static bool
look_where_sqitch_says (Search *search, const Layout *wanted, GError **error)
{
  g_autofree char *top = NULL;
  if (!sqitch_top_dir (search->root, &top, error))
    return false;
  g_autofree char *path = top != NULL ? g_canonicalize_filename (top, search->root) : NULL;
  return path == NULL || !g_file_test (path, G_FILE_TEST_IS_DIR)
         || look_in (search, top, wanted, error);
}

/* The one usual folder that holds migrations; else the first that is there at all, so that its files
 * are warned of; NULL when none is there. */
static bool
find_folder (const char *root, bool only_up, const Layout **layout, Folder **ret_folder,
             GError **error)
{
  g_auto (Search) search = { .root = root, .only_up = only_up };
  for (gsize i = 0; i < G_N_ELEMENTS (usual_folders); i++)
    if (is_there (root, i) && !look_in (&search, usual_folders[i].name, *layout, error))
      return false;
  if (search.folder == NULL && !look_where_sqitch_says (&search, *layout, error))
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

static bool
is_empty (const MigrationScript *script)
{
  return script->text != NULL && script->text[strspn (script->text, " \t\r\n")] == '\0';
}

static char *
script_problem (MigrationScript *script)
{
  return script->text != NULL ? runnable_problem (script->text, script->length, script->line)
                              : NULL;
}

/* What no server can run is said now: a way up makes the migration not_sql, a way down is none. */
static void
check_runnable (MigrationSet *set, Migration *migration)
{
  MigrationScript *down = &migration->down;
  g_autofree char *up_problem = script_problem (&migration->up);
  g_autofree char *down_problem = script_problem (down);
  g_autofree char *verify_problem = script_problem (&migration->verify);
  if (migration->not_sql == NULL)
    migration->not_sql = g_steal_pointer (&up_problem);
  if (is_empty (&migration->up))
    g_ptr_array_add (set->warnings, g_strdup_printf ("“%s” is empty", path_of (migration)));
  if (is_empty (down))
    g_clear_pointer (&down->text, g_free);
  if (down_problem != NULL)
    {
      g_ptr_array_add (set->warnings,
                       g_strdup_printf ("“%s” cannot be run: %s", down->path, down_problem));
      g_clear_pointer (&down->text, g_free);
    }
  if (verify_problem != NULL)
    {
      g_ptr_array_add (set->warnings, g_strdup_printf ("“%s” cannot be run: %s",
                                                       migration->verify.path, verify_problem));
      g_clear_pointer (&migration->verify.text, g_free);
    }
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
      Migration *migration = migrations->pdata[i];
      const Migration *before = i > 0 ? migrations->pdata[i - 1] : NULL;
      const Migration *same = migration_set_find (set, migration->version);
      if (same == NULL && before != NULL && layout->compare != NULL
          && compare_migrations (&before, &migration, (gpointer) layout) == 0)
        same = before;
      if (same != NULL)
        return refuse_twice (same, migration, error);
      g_hash_table_insert (set->positions, migration->version, GUINT_TO_POINTER (i + 1));
      check_runnable (set, migration);
    }
  return true;
}

/* Alembic keeps its files in versions/. */
static bool
warn_of_python (Folder *folder, MigrationSet *set, const char *name, GError **error)
{
  g_autoptr (PythonHistory) history = NULL;
  if (!python_history_read (folder, name, &history, error))
    return false;
  if (history == NULL)
    return true;
  g_autoptr (GPtrArray) problems = python_history_problems (history);
  for (guint i = 0; i < problems->len; i++)
    g_ptr_array_add (set->warnings, g_strdup (problems->pdata[i]));
  return true;
}

/* A folder of programs: pgkeel can run them only through their tool. */
static bool
warn_of_programs (Folder *folder, MigrationSet *set, GError **error)
{
  static const char *const ends[] = { ".py", ".js", ".ts", ".mjs", ".rb", ".go", ".java", ".exs" };
  guint count = 0;
  if (set->migrations->len > 0)
    return true;
  for (guint i = 0; i < folder->entries->len; i++)
    for (gsize j = 0; j < G_N_ELEMENTS (ends); j++)
      count += g_str_has_suffix (((FolderEntry *) folder->entries->pdata[i])->name, ends[j]);
  if (count > 0)
    g_ptr_array_add (set->warnings,
                     g_strdup_printf ("“%s” holds programs and no SQL: name the commands of their "
                                      "tool under migrations.command in pgkeel.yaml",
                                      folder->shown));
  g_autofree char *versions = g_build_filename (folder->path, "versions", NULL);
  return warn_of_python (folder, set, "", error)
         && (!g_file_test (versions, G_FILE_TEST_IS_DIR)
             || warn_of_python (folder, set, "versions", error));
}

static bool
read_folder (const Layout *layout, Folder *folder, MigrationSet **ret_set, GError **error)
{
  g_autoptr (MigrationSet) set = migration_set_new (layout->name, folder->shown);
  set->compare = layout->compare;
  if (!layout->read (folder, set, error) || !finish (layout, set, error)
      || !warn_of_programs (folder, set, error))
    return false;
  *ret_set = g_steal_pointer (&set);
  return true;
}

static MigrationSet *
empty_set (const Layout *layout, const char *folder)
{
  MigrationSet *set = migration_set_new (layout->name, folder);
  set->compare = layout->compare;
  return set;
}

static bool
read_set (const char *root, const char *folder_name, const char *layout_name, bool only_up,
          MigrationSet **ret_set, GError **error)
{
  const Layout *layout = NULL;
  LayoutFit fit;
  g_autoptr (Folder) folder = NULL;
  if (layout_name != NULL && (layout = find_layout (layout_name, error)) == NULL)
    return false;
  if (folder_name != NULL ? !folder_open (root, folder_name, only_up, &folder, error)
                          : !find_folder (root, only_up, &layout, &folder, error))
    return false;
  if (folder != NULL && layout == NULL && !detect_layout (folder, &layout, &fit, error))
    return false;
  if (layout == NULL)
    layout = &layout_native;
  if (folder != NULL)
    return read_folder (layout, folder, ret_set, error);
  *ret_set = empty_set (layout, usual_folders[0].name);
  return true;
}

bool
migration_set_read (const char *root, const char *folder, const char *layout,
                    MigrationSet **ret_set, GError **error)
{
  return read_set (root, folder, layout, false, ret_set, error);
}

bool
migration_set_read_up (const char *root, const char *folder, const char *layout,
                       MigrationSet **ret_set, GError **error)
{
  return read_set (root, folder, layout, true, ret_set, error);
}

bool
migration_set_read_for_new (const char *root, const char *folder, const char *layout_name,
                            MigrationSet **ret_set, GError **error)
{
  g_autofree char *path = folder != NULL ? g_canonicalize_filename (folder, root) : NULL;
  if (path == NULL || g_file_test (path, G_FILE_TEST_EXISTS))
    return migration_set_read (root, folder, layout_name, ret_set, error);
  const Layout *layout = layout_name != NULL ? find_layout (layout_name, error) : &layout_native;
  if (layout == NULL)
    return false;
  *ret_set = empty_set (layout, folder);
  return true;
}

/* NAME with what has no business in a file name made "_"; NULL when nothing is left of it. */
static char *
safe_name (const char *name)
{
  g_autoptr (GString) safe = g_string_new (NULL);
  for (const char *at = name; *at != '\0'; at++)
    {
      if (g_ascii_isalnum (*at) || *at == '-' || (*at & 0x80) != 0)
        g_string_append_c (safe, *at);
      else if (safe->len > 0 && safe->str[safe->len - 1] != '_')
        g_string_append_c (safe, '_');
    }
  while (safe->len > 0 && safe->str[safe->len - 1] == '_')
    g_string_truncate (safe, safe->len - 1);
  return safe->len > 0 && safe->len <= NAME_MAX_BYTES
             ? g_string_free (g_steal_pointer (&safe), FALSE)
             : NULL;
}

static void
new_file_free (MigrationNewFile *file)
{
  g_free (file->path);
  g_free (file->text);
  g_free (file);
}

bool
migration_plan_new (const char *root, const MigrationSet *set, const char *name, int64_t now,
                    GPtrArray **ret_files, GError **error)
{
  g_autofree char *safe = g_utf8_validate (name, -1, NULL) ? safe_name (name) : NULL;
  g_autofree char *path = g_canonicalize_filename (set->folder, root);
  g_autoptr (Folder) folder = NULL;
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) new_file_free);
  const Layout *layout = find_layout (set->layout, error);
  if (safe == NULL)
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Say in a few words what the migration does, as in add_users.",
                       "the name cannot stand in a file name");
  if (layout == NULL
      || (g_file_test (path, G_FILE_TEST_EXISTS)
          && !folder_open (root, set->folder, false, &folder, error)))
    return false;
  LayoutNew new
      = { .root = root, .set = set, .folder = folder, .name = safe, .now = now, .files = files };
  if (!layout->add (&new, error))
    return false;
  *ret_files = g_steal_pointer (&files);
  return true;
}
