/*
 * Layouts with a folder for each migration: diesel's (up.sql, down.sql, metadata.toml) and Prisma's
 * (migration.sql).
 */
#include "migrate/layouts.h"

#include <string.h>

static char *
inside (const FolderEntry *entry, const char *file)
{
  return g_strdup_printf ("%s/%s", entry->name, file);
}

static bool
has (const Folder *folder, const FolderEntry *entry, const char *file)
{
  g_autofree char *path = inside (entry, file);
  return entry->is_folder && folder_has (folder, path);
}

static void
fits (const Folder *folder, const char *file, LayoutFit *ret_fit)
{
  *ret_fit = LAYOUT_FITS_NOT;
  for (guint i = 0; i < folder->entries->len && *ret_fit == LAYOUT_FITS_NOT; i++)
    if (has (folder, folder->entries->pdata[i], file))
      *ret_fit = LAYOUT_FITS_MARKS;
}

static void
warn_of_files (const Folder *folder, MigrationSet *set, const FolderEntry *entry)
{
  if (!entry->is_folder && g_str_has_suffix (entry->name, ".sql"))
    layout_warn (folder, set, entry->name, "was left out: migrations are in folders here");
}

/* diesel takes what stands before the first "_" for the version, without its dashes. */
static Migration *
diesel_migration (const char *folder_name)
{
  const char *end = strchr (folder_name, '_');
  g_autoptr (GString) version = g_string_new (NULL);
  for (const char *at = folder_name; *at != '\0' && at != end; at++)
    if (*at != '-')
      g_string_append_c (version, *at);
  return migration_new (MIGRATION_VERSIONED, version->str, end != NULL ? end + 1 : "");
}

/* run_in_transaction = false, the one thing that metadata.toml can say. */
static bool
diesel_metadata (Folder *folder, const FolderEntry *entry, Migration *migration, GError **error)
{
  g_autofree char *name = inside (entry, "metadata.toml");
  FolderFile *file;
  if (!folder_has (folder, name))
    return true;
  if (!folder_read (folder, name, &file, error))
    return false;
  if (g_regex_match_simple ("^\\s*run_in_transaction\\s*=\\s*false\\b", file->text,
                            G_REGEX_MULTILINE, 0))
    migration->up.no_transaction = migration->down.no_transaction = true;
  return true;
}

static bool
diesel_read_entry (Folder *folder, MigrationSet *set, const FolderEntry *entry, GError **error)
{
  g_autofree char *up = inside (entry, "up.sql"), *down = inside (entry, "down.sql");
  if (!has (folder, entry, "up.sql"))
    {
      if (g_ascii_isdigit (entry->name[0]))
        layout_warn (folder, set, entry->name, "was left out: there is no up.sql in it");
      return true;
    }
  g_autoptr (Migration) migration = diesel_migration (entry->name);
  if (!layout_read_script (folder, up, &migration->up, migration->checksum, error)
      || !layout_read_script_if_there (folder, down, &migration->down, error)
      || !diesel_metadata (folder, entry, migration, error))
    return false;
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

static bool
diesel_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  fits (folder, "up.sql", ret_fit);
  return true;
}

static bool
diesel_read (Folder *folder, MigrationSet *set, GError **error)
{
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      warn_of_files (folder, set, entry);
      if (entry->is_folder && !diesel_read_entry (folder, set, entry, error))
        return false;
    }
  return true;
}

/* Hasura's folders are the same but for their numbers, which have no dashes. */
static bool
has_plain_numbers (const MigrationSet *set)
{
  if (set->migrations->len == 0)
    return false;
  const Migration *last = set->migrations->pdata[set->migrations->len - 1];
  g_autofree char *folder = g_path_get_dirname (last->up.path);
  g_autofree char *name = g_path_get_basename (folder);
  return name[strspn (name, "0123456789")] != '-';
}

static bool
diesel_add (LayoutNew *new, GError **error)
{
  bool is_plain = has_plain_numbers (new->set);
  g_autofree char *version = is_plain ? layout_next_version (new, 0) : NULL;
  for (int64_t now = new->now; version == NULL; now++)
    {
      g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (now);
      g_autofree char *digits = g_date_time_format (time, "%Y%m%d%H%M%S");
      if (migration_set_find (new->set, digits) == NULL)
        version = g_date_time_format (time, "%Y-%m-%d-%H%M%S");
    }
  layout_add_file (new, g_strdup (""), "%s_%s/up.sql", version, new->name);
  layout_add_file (new, g_strdup (""), "%s_%s/down.sql", version, new->name);
  return true;
}

const Layout layout_diesel = {
  .name = "diesel",
  .pattern = "YYYY-MM-DD-HHMMSS_name/up.sql",
  .fits = diesel_fits,
  .read = diesel_read,
  .compare = strcmp,
  .add = diesel_add,
};

static bool
prisma_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  fits (folder, "migration.sql", ret_fit);
  return true;
}

static bool
prisma_check_provider (Folder *folder, GError **error)
{
  static const char lock[] = "migration_lock.toml";
  FolderFile *file;
  if (!folder_has (folder, lock))
    return true;
  if (!folder_read (folder, lock, &file, error))
    return false;
  if (!g_regex_match_simple ("^\\s*provider\\s*=", file->text, G_REGEX_MULTILINE, 0)
      || g_regex_match_simple ("^\\s*provider\\s*=\\s*[\"'](postgresql|cockroachdb)[\"']",
                               file->text, G_REGEX_MULTILINE, 0))
    return true;
  return layout_refuse (folder, lock, 0, "pgkeel is for PostgreSQL only.", error,
                        "the provider is not postgresql");
}

/* The folder's whole name is what Prisma knows a migration by. */
static bool
prisma_read (Folder *folder, MigrationSet *set, GError **error)
{
  if (!prisma_check_provider (folder, error))
    return false;
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      warn_of_files (folder, set, entry);
      if (!entry->is_folder)
        continue;
      g_autofree char *up = inside (entry, "migration.sql");
      g_autofree char *down = inside (entry, "down.sql");
      if (!folder_has (folder, up))
        {
          layout_warn (folder, set, entry->name, "was left out: there is no migration.sql in it");
          continue;
        }
      g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, entry->name, "");
      if (!layout_read_script (folder, up, &migration->up, migration->checksum, error)
          || !layout_read_script_if_there (folder, down, &migration->down, error))
        return false;
      g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
    }
  return true;
}

static bool
prisma_add (LayoutNew *new, GError **error)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (new->now);
  g_autofree char *version = g_date_time_format (time, "%Y%m%d%H%M%S");
  layout_add_file (new, g_strdup (""), "%s_%s/migration.sql", version, new->name);
  return true;
}

const Layout layout_prisma = {
  .name = "prisma",
  .pattern = "YYYYMMDDHHMMSS_name/migration.sql",
  .fits = prisma_fits,
  .read = prisma_read,
  .add = prisma_add,
};
