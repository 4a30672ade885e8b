/*
 * Layouts with a file for each direction: V_name.up.sql and V_name.down.sql. The native one's versions
 * are times of 14 digits.
 */
#include "migrate/layouts.h"

#include <string.h>

#define UP ".up.sql"
#define DOWN ".down.sql"
#define TIME_DIGITS 14

typedef bool (*IsVersion) (const char *version);

static bool
is_time (const char *version)
{
  return strlen (version) == TIME_DIGITS;
}

/* "x" of "x.up.sql" and "x.down.sql"; NULL for other names. Caller frees. */
static char *
stem_of (const char *name)
{
  if (g_str_has_suffix (name, UP))
    return g_strndup (name, strlen (name) - strlen (UP));
  if (g_str_has_suffix (name, DOWN))
    return g_strndup (name, strlen (name) - strlen (DOWN));
  return NULL;
}

static bool
read_pair (Folder *folder, MigrationSet *set, const char *stem, const char *version,
           const char *name, GError **error)
{
  g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, name);
  g_autofree char *up = g_strconcat (stem, UP, NULL);
  g_autofree char *down = g_strconcat (stem, DOWN, NULL);
  if (!layout_read_script (folder, up, &migration->up, migration->checksum, error))
    return false;
  if (folder_has (folder, down)
      && !layout_read_script (folder, down, &migration->down, NULL, error))
    return false;
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

static bool
read_entry (Folder *folder, MigrationSet *set, const char *file, IsVersion is_version,
            const char *pattern, GError **error)
{
  g_autofree char *version = NULL, *name = NULL;
  g_autofree char *stem = stem_of (file);
  bool is_down = g_str_has_suffix (file, DOWN);
  if (!layout_split_name (file, is_down ? DOWN : UP, &version, &name) || !is_version (version))
    {
      layout_warn (folder, set, file, "was left out: its name is not like %s", pattern);
      return true;
    }
  if (!is_down)
    return read_pair (folder, set, stem, version, name, error);
  g_autofree char *up = g_strconcat (stem, UP, NULL);
  if (!folder_has (folder, up))
    layout_warn (folder, set, file, "was left out: there is no %s", up);
  return true;
}

static bool
read_pairs (Folder *folder, MigrationSet *set, IsVersion is_version, const char *pattern,
            GError **error)
{
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      if (!entry->is_folder && g_str_has_suffix (entry->name, ".sql")
          && !read_entry (folder, set, entry->name, is_version, pattern, error))
        return false;
    }
  return true;
}

/* The native layout is that of golang-migrate and sqlx when all their versions are times: then it
 * makes no difference whose they were. */
static bool
native_fits (Folder *folder, bool *ret_fits, GError **error)
{
  guint times = 0, others = 0;
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      g_autofree char *version = NULL;
      if (!entry->is_folder && layout_split_name (entry->name, UP, &version, NULL))
        *(is_time (version) ? &times : &others) += 1;
    }
  *ret_fits = times > 0 && others == 0;
  return true;
}

static const char native_pattern[] = "YYYYMMDDHHMMSS_name.up.sql";

static bool
native_read (Folder *folder, MigrationSet *set, GError **error)
{
  return read_pairs (folder, set, is_time, native_pattern, error);
}

const Layout layout_native = {
  .name = "pgkeel",
  .pattern = native_pattern,
  .fits = native_fits,
  .read = native_read,
  .compare = layout_compare_numbers,
};
