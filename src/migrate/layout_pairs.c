/*
 * Layouts with a file for each direction: V_name.up.sql and V_name.down.sql. The native one's versions
 * are times of 14 digits; golang-migrate's any numbers; sqlx has these or one file without a way back.
 */
#include "base/fs.h"
#include "migrate/layouts.h"

#include <string.h>

#define UP ".up.sql"
#define DOWN ".down.sql"
#define SQL ".sql"
#define TIME_DIGITS 14
#define SQLX_MARK "-- no-transaction"

static bool
is_time (const char *version)
{
  return strlen (version) == TIME_DIGITS;
}

static bool
is_any (const char *version)
{
  return true;
}

/* What tells these layouts apart when they read a folder. */
typedef struct
{
  const char *pattern;
  bool (*is_version) (const char *version);
  bool has_simple; /* V_name.sql, too */
  bool has_mark;   /* -- no-transaction at the beginning */
} Pairs;

static const Pairs native_pairs = { "YYYYMMDDHHMMSS_name.up.sql", is_time, false, true };
static const Pairs golang_pairs = { "NUMBER_name.up.sql", is_any, false, false };
static const Pairs sqlx_pairs = { "NUMBER_name.sql or NUMBER_name.up.sql", is_any, true, true };

static bool
read_up (Folder *folder, const Pairs *pairs, const char *file, Migration *migration, GError **error)
{
  if (!layout_read_script (folder, file, &migration->up, migration->checksum, error))
    return false;
  if (pairs->has_mark && g_str_has_prefix (migration->up.text, SQLX_MARK))
    migration->up.no_transaction = true;
  return true;
}

static bool
read_down (Folder *folder, const Pairs *pairs, const char *file, Migration *migration,
           GError **error)
{
  if (!layout_read_script_if_there (folder, file, &migration->down, error))
    return false;
  if (pairs->has_mark && migration->down.text != NULL
      && g_str_has_prefix (migration->down.text, SQLX_MARK))
    migration->down.no_transaction = true;
  return true;
}

/* FILE with SUFFIX in the place of its own, OLD. */
static char *
with_suffix (const char *file, const char *old, const char *suffix)
{
  return g_strdup_printf ("%.*s%s", (int) (strlen (file) - strlen (old)), file, suffix);
}

static bool
read_migration (Folder *folder, MigrationSet *set, const Pairs *pairs, const char *file,
                const char *suffix, GError **error)
{
  g_autofree char *version = NULL, *name = NULL;
  if (!layout_split_name (file, suffix, &version, &name) || !pairs->is_version (version))
    {
      layout_warn (folder, set, file, "was left out: its name is not like %s", pairs->pattern);
      return true;
    }
  g_autofree char *up = with_suffix (file, suffix, UP);
  g_autofree char *down = with_suffix (file, suffix, DOWN);
  if (strcmp (suffix, DOWN) == 0)
    {
      if (!folder_has (folder, up))
        layout_warn (folder, set, file, "was left out: there is no %s", up);
      return true;
    }
  g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, name);
  if (!read_up (folder, pairs, file, migration, error)
      || (strcmp (suffix, UP) == 0 && !read_down (folder, pairs, down, migration, error)))
    return false;
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

static const char *
suffix_of (const char *file, const Pairs *pairs)
{
  if (g_str_has_suffix (file, UP))
    return UP;
  if (g_str_has_suffix (file, DOWN))
    return DOWN;
  return pairs->has_simple ? SQL : UP;
}

static bool
read_pairs (Folder *folder, MigrationSet *set, const Pairs *pairs, GError **error)
{
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      if (!entry->is_folder && g_str_has_suffix (entry->name, SQL)
          && !read_migration (folder, set, pairs, entry->name, suffix_of (entry->name, pairs),
                              error))
        return false;
    }
  return true;
}

/* How many files of the folder go up with times for versions, and with other numbers. */
static void
count_pairs (const Folder *folder, guint *ret_times, guint *ret_others)
{
  *ret_times = *ret_others = 0;
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      g_autofree char *version = NULL;
      if (!entry->is_folder && layout_split_name (entry->name, UP, &version, NULL))
        *(is_time (version) ? ret_times : ret_others) += 1;
    }
}

/* The native layout is that of golang-migrate and sqlx when all their versions are times: then it
 * makes no difference whose they were. */
static bool
native_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  guint times, others;
  count_pairs (folder, &times, &others);
  *ret_fit = times > 0 && others == 0 ? LAYOUT_FITS_NAMES : LAYOUT_FITS_NOT;
  return true;
}

static bool
native_read (Folder *folder, MigrationSet *set, GError **error)
{
  return read_pairs (folder, set, &native_pairs, error);
}

static bool
add_pair (LayoutNew *new, unsigned int width)
{
  g_autofree char *version = layout_next_version (new, width);
  layout_add_file (new, g_strdup (""), "%s_%s" UP, version, new->name);
  layout_add_file (new, g_strdup (""), "%s_%s" DOWN, version, new->name);
  return true;
}

static bool
native_add (LayoutNew *new, GError **error)
{
  return add_pair (new, 0);
}

const Layout layout_native = {
  .name = "pgkeel",
  .pattern = "YYYYMMDDHHMMSS_name.up.sql",
  .fits = native_fits,
  .read = native_read,
  .compare = layout_compare_numbers,
  .add = native_add,
};

static bool
golang_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  guint times, others;
  count_pairs (folder, &times, &others);
  *ret_fit = others > 0 ? LAYOUT_FITS_NAMES : LAYOUT_FITS_NOT;
  return true;
}

static bool
golang_read (Folder *folder, MigrationSet *set, GError **error)
{
  return read_pairs (folder, set, &golang_pairs, error);
}

static bool
golang_add (LayoutNew *new, GError **error)
{
  return add_pair (new, 6);
}

const Layout layout_golang_migrate = {
  .name = "golang-migrate",
  .pattern = "NUMBER_name.up.sql",
  .fits = golang_fits,
  .read = golang_read,
  .compare = layout_compare_numbers,
  .add = golang_add,
};

/* Whether the project says that it uses sqlx; its files alone do not. */
static bool
project_uses_sqlx (const Folder *folder)
{
  g_autofree char *cache = g_build_filename (folder->root, ".sqlx", NULL);
  g_autofree char *data = g_build_filename (folder->root, "sqlx-data.json", NULL);
  g_autofree char *manifest = g_build_filename (folder->root, "Cargo.toml", NULL);
  g_autofree char *text = NULL;
  if (g_file_test (cache, G_FILE_TEST_IS_DIR) || g_file_test (data, G_FILE_TEST_EXISTS))
    return true;
  return fs_read_text (manifest, 1024 * 1024, &text, NULL, NULL) && strstr (text, "sqlx") != NULL;
}

static bool
sqlx_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  bool is_sure = false, uses_sqlx = project_uses_sqlx (folder);
  for (guint i = 0; i < folder->entries->len && !is_sure; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      FolderFile *file;
      if (entry->is_folder || !layout_split_name (entry->name, SQL, NULL, NULL)
          || g_str_has_suffix (entry->name, DOWN))
        continue;
      if (!folder_read (folder, entry->name, &file, error))
        return false;
      is_sure = uses_sqlx || g_str_has_prefix (file->text, SQLX_MARK);
    }
  *ret_fit = is_sure ? LAYOUT_FITS_MARKS : LAYOUT_FITS_NOT;
  return true;
}

static bool
sqlx_read (Folder *folder, MigrationSet *set, GError **error)
{
  return read_pairs (folder, set, &sqlx_pairs, error);
}

/* As the others are: with a way back when some have one. */
static bool
sqlx_add (LayoutNew *new, GError **error)
{
  bool is_simple = new->set->migrations->len > 0;
  for (guint i = 0; i < new->set->migrations->len; i++)
    {
      const Migration *migration = new->set->migrations->pdata[i];
      is_simple &= !g_str_has_suffix (migration->up.path, UP);
    }
  g_autofree char *version = layout_next_version (new, 0);
  if (!is_simple)
    return add_pair (new, 0);
  layout_add_file (new, g_strdup (""), "%s_%s" SQL, version, new->name);
  return true;
}

const Layout layout_sqlx = {
  .name = "sqlx",
  .pattern = "NUMBER_name.sql",
  .fits = sqlx_fits,
  .read = sqlx_read,
  .compare = layout_compare_numbers,
  .add = sqlx_add,
};
