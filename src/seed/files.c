#include "seed/files.h"

#include <errno.h>
#include <string.h>

static void
seed_file_free (SeedFile *file)
{
  g_free (file->path);
  g_free (file->shown);
  g_free (file->base);
  g_free (file->schema);
  g_free (file->table);
  g_free (file);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SeedFile, seed_file_free)

static bool
kind_of (const char *name, SeedFileKind *ret_kind)
{
  static const char *const endings[]
      = { [SEED_FILE_CSV] = ".csv", [SEED_FILE_JSON] = ".json", [SEED_FILE_SQL] = ".sql" };
  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (name, endings[i]))
      {
        *ret_kind = (SeedFileKind) i;
        return true;
      }
  return false;
}

/* NN_SCHEMA.TABLE without its ending. */
static bool
read_name (SeedFile *file)
{
  g_autofree char *stem = g_strndup (file->base, (size_t) (strrchr (file->base, '.') - file->base));
  size_t digits = strspn (stem, G_CSET_DIGITS);
  const char *table = stem;
  file->number = UINT64_MAX;
  if (digits > 0 && digits < 19 && stem[digits] == '_')
    {
      file->number = g_ascii_strtoull (stem, NULL, 10);
      table = stem + digits + 1;
    }
  const char *dot = strchr (table, '.');
  file->schema = dot != NULL ? g_strndup (table, (size_t) (dot - table)) : NULL;
  file->table = g_strdup (dot != NULL ? dot + 1 : table);
  return *file->table != '\0' && (file->schema == NULL || *file->schema != '\0');
}

/* NULL when NAME is no file of seeds; then *IGNORED is told why, unless nobody takes it for one. */
static SeedFile *
file_new (const char *folder, const char *shown, const char *name, GPtrArray *ignored)
{
  g_autoptr (SeedFile) file = g_new0 (SeedFile, 1);
  file->path = g_build_filename (folder, name, NULL);
  file->shown = g_strdup_printf ("%s/%s", shown, name);
  file->base = g_strdup (name);
  bool is_folder = g_file_test (file->path, G_FILE_TEST_IS_DIR);
  if (is_folder || !kind_of (name, &file->kind))
    g_ptr_array_add (ignored,
                     g_strdup_printf ("%s is left out: %s", file->shown,
                                      is_folder ? "folders are not looked into"
                                                : "its name ends in none of .csv, .json, .sql"));
  else if (!read_name (file))
    g_ptr_array_add (ignored,
                     g_strdup_printf ("%s is left out: its name names no table", file->shown));
  else
    return g_steal_pointer (&file);
  return NULL;
}

static int
compare_files (gconstpointer a, gconstpointer b)
{
  const SeedFile *one = *(SeedFile *const *) a, *other = *(SeedFile *const *) b;
  if (one->number != other->number)
    return one->number < other->number ? -1 : 1;
  return strcmp (one->base, other->base);
}

static bool
is_uninteresting (const char *name)
{
  return *name == '.' || g_str_has_suffix (name, "~") || g_str_has_suffix (name, ".md");
}

static bool
read_folder (const char *folder, const char *shown, bool is_common, GPtrArray *files,
             GPtrArray *ignored, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &problem);
  if (g_error_matches (problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return true;
  if (dir == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "the folder %s cannot be read: %s", shown,
                       problem->message);
  g_autoptr (GPtrArray) own = g_ptr_array_new ();
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    {
      SeedFile *file = is_uninteresting (name) ? NULL : file_new (folder, shown, name, ignored);
      if (file == NULL)
        continue;
      file->is_common = is_common;
      g_ptr_array_add (own, file);
    }
  g_ptr_array_sort (own, compare_files);
  g_ptr_array_extend_and_steal (files, g_steal_pointer (&own));
  return true;
}

bool
seed_files_find (const char *folder, const char *shown, const char *environment,
                 GPtrArray **ret_files, GPtrArray **ret_ignored, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_file_free);
  g_autoptr (GPtrArray) ignored = g_ptr_array_new_with_free_func (g_free);
  const char *const names[] = { SEED_COMMON, environment };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_autofree char *called = g_strdup_printf ("%s/%s", shown, names[i]);
      if (i == 1 && strcmp (environment, SEED_COMMON) == 0)
        break;
      if (!read_folder (path, called, i == 0, files, ignored, error))
        return false;
    }
  *ret_files = g_steal_pointer (&files);
  *ret_ignored = g_steal_pointer (&ignored);
  return true;
}
