/*
 * Flyway's layout: V1_2__name.sql, U1_2__name.sql (the way back), R__name.sql (again whenever it
 * changes), B3__name.sql (a baseline), in folders of any depth; settings of one file in NAME.sql.conf.
 */
#include "migrate/layouts.h"

#include <string.h>

#define DEPTH_MAX 8

/* A name taken apart. */
typedef struct
{
  char letter;   /* V, U, R, B */
  char *version; /* with dots; "" for R */
  char *name;
} Parts;

static void
parts_clear (Parts *parts)
{
  g_free (parts->version);
  g_free (parts->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parts, parts_clear)

static bool
is_version (const char *version)
{
  bool is_digit_before = false;
  for (; *version != '\0'; version++)
    {
      if (!g_ascii_isdigit (*version) && !(*version == '.' && is_digit_before))
        return false;
      is_digit_before = *version != '.';
    }
  return is_digit_before;
}

static bool
split (const char *path, Parts *ret_parts)
{
  const char *slash = strrchr (path, '/'), *file = slash != NULL ? slash + 1 : path;
  const char *separator = strstr (file, "__");
  if (!g_str_has_suffix (file, ".sql") || separator == NULL || strchr ("VURB", file[0]) == NULL)
    return false;
  g_auto (Parts) parts = { .letter = file[0] };
  parts.version = g_strndup (file + 1, (gsize) (separator - file - 1));
  g_strdelimit (parts.version, "_", '.');
  const char *name = separator + 2;
  parts.name = g_strndup (name, strlen (name) - strlen (".sql"));
  if (parts.letter == 'R' ? *parts.version != '\0' || *parts.name == '\0'
                          : !is_version (parts.version))
    return false;
  *ret_parts = parts;
  parts = (Parts){ 0 };
  return true;
}

/* The next number of a version and whether there is none; a missing one is 0: 1 is 1.0. */
static const char *
next_part (const char *version, const char **ret_part, size_t *ret_length)
{
  version += *version == '.';
  version += strspn (version, "0");
  *ret_part = version;
  *ret_length = strspn (version, "0123456789");
  return version + *ret_length;
}

static int
flyway_compare (const char *a, const char *b)
{
  bool is_baseline = *a == 'B', is_other_baseline = *b == 'B';
  a += is_baseline;
  b += is_other_baseline;
  while (*a != '\0' || *b != '\0')
    {
      const char *first, *second;
      size_t length, other;
      a = next_part (a, &first, &length);
      b = next_part (b, &second, &other);
      if (length != other)
        return length < other ? -1 : 1;
      int order = memcmp (first, second, length);
      if (order != 0)
        return order;
      /* What is no version ends it. */
      if (*a != '.' && *b != '.')
        break;
    }
  return (int) is_baseline - (int) is_other_baseline;
}

/* All files below NAME ("": the folder itself), as paths seen from the folder. */
static bool
collect (const Folder *folder, const char *name, guint depth, GPtrArray *paths, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  if (depth > DEPTH_MAX)
    return layout_refuse (folder, name, 0, "Look for a link that leads back to a folder above it.",
                          error, "the folders are nested more than %d deep", DEPTH_MAX);
  if (*name == '\0')
    entries = g_ptr_array_ref (folder->entries);
  else if (!folder_list (folder, name, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const FolderEntry *entry = entries->pdata[i];
      g_autofree char *path
          = *name == '\0' ? g_strdup (entry->name) : g_strdup_printf ("%s/%s", name, entry->name);
      if (entry->is_folder && !collect (folder, path, depth + 1, paths, error))
        return false;
      if (!entry->is_folder && g_str_has_suffix (entry->name, ".sql"))
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
  return true;
}

static bool
flyway_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  if (!collect (folder, "", 0, paths, error))
    return false;
  *ret_fit = LAYOUT_FITS_NOT;
  for (guint i = 0; i < paths->len && *ret_fit == LAYOUT_FITS_NOT; i++)
    {
      g_auto (Parts) parts = { 0 };
      if (split (paths->pdata[i], &parts))
        *ret_fit = LAYOUT_FITS_NAMES;
    }
  return true;
}

/* What NAME.sql.conf says. */
typedef struct
{
  bool no_transaction, keeps_placeholders;
} Settings;

static bool
read_settings (Folder *folder, const char *path, Settings *ret_settings, GError **error)
{
  g_autofree char *name = g_strconcat (path, ".conf", NULL);
  FolderFile *file;
  if (!folder_has (folder, name))
    return true;
  if (!folder_read (folder, name, &file, error))
    return false;
  ret_settings->no_transaction
      = g_regex_match_simple ("^\\s*(flyway\\.)?executeInTransaction\\s*=\\s*false\\b", file->text,
                              G_REGEX_MULTILINE | G_REGEX_CASELESS, 0);
  ret_settings->keeps_placeholders
      = g_regex_match_simple ("^\\s*(flyway\\.)?placeholderReplacement\\s*=\\s*false\\b",
                              file->text, G_REGEX_MULTILINE | G_REGEX_CASELESS, 0);
  return true;
}

/* "${schema}" of TEXT; NULL when there is none. Flyway puts values in wherever one stands. */
static char *
placeholder_in (const char *text)
{
  const char *start = strstr (text, "${");
  const char *end = start != NULL ? strpbrk (start, "}\r\n") : NULL;
  if (start == NULL)
    return NULL;
  return g_strndup (start, end != NULL && *end == '}' ? (gsize) (end + 1 - start) : 2);
}

static bool
read_script (Folder *folder, const char *path, MigrationScript *script, char checksum[65],
             char **not_sql, GError **error)
{
  Settings settings = { 0 };
  if (!layout_read_script (folder, path, script, checksum, error)
      || !read_settings (folder, path, &settings, error))
    return false;
  script->no_transaction |= settings.no_transaction;
  g_autofree char *placeholder = settings.keeps_placeholders ? NULL : placeholder_in (script->text);
  if (placeholder != NULL && *not_sql == NULL)
    *not_sql = g_strdup_printf ("Flyway's placeholder %s", placeholder);
  return true;
}

static bool
read_migration (Folder *folder, MigrationSet *set, const char *path, const Parts *parts,
                GError **error)
{
  bool is_baseline = parts->letter == 'B', is_repeatable = parts->letter == 'R';
  g_autofree char *version = is_baseline     ? g_strconcat ("B", parts->version, NULL)
                             : is_repeatable ? g_strdup (parts->name)
                                             : g_strdup (parts->version);
  g_autoptr (Migration) migration = migration_new (is_baseline     ? MIGRATION_BASELINE
                                                   : is_repeatable ? MIGRATION_REPEATABLE
                                                                   : MIGRATION_VERSIONED,
                                                   version, is_repeatable ? "" : parts->name);
  if (!read_script (folder, path, &migration->up, migration->checksum, &migration->not_sql, error))
    return false;
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

static Migration *
find_version (const MigrationSet *set, const char *version)
{
  for (guint i = 0; i < set->migrations->len; i++)
    {
      Migration *migration = set->migrations->pdata[i];
      if (migration->kind == MIGRATION_VERSIONED
          && flyway_compare (migration->version, version) == 0)
        return migration;
    }
  return NULL;
}

/* A way back with a placeholder is none, and that is said. */
static bool
read_undo (Folder *folder, MigrationSet *set, const char *path, const Parts *parts, GError **error)
{
  Migration *migration = find_version (set, parts->version);
  g_autofree char *not_sql = NULL;
  if (migration == NULL)
    {
      layout_warn (folder, set, path, "was left out: there is no V%s", parts->version);
      return true;
    }
  if (migration->down.path != NULL)
    return layout_refuse (folder, path, 0, "Remove one of the two.", error,
                          "“%s” undoes the same version, %s", migration->down.path, parts->version);
  if (folder->only_up)
    return layout_read_script_if_there (folder, path, &migration->down, error);
  if (!read_script (folder, path, &migration->down, NULL, &not_sql, error))
    return false;
  if (not_sql != NULL)
    {
      layout_warn (folder, set, path, "cannot be run: %s", not_sql);
      g_clear_pointer (&migration->down.text, g_free);
    }
  return true;
}

static bool
read_paths (Folder *folder, MigrationSet *set, const GPtrArray *paths, bool undo, GError **error)
{
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = paths->pdata[i];
      g_auto (Parts) parts = { 0 };
      bool is_one = split (path, &parts);
      if (!is_one && !undo)
        layout_warn (folder, set, path, "was left out: its name is not like V1_2__name.sql");
      if (!is_one || (parts.letter == 'U') != undo)
        continue;
      if (undo ? !read_undo (folder, set, path, &parts, error)
               : !read_migration (folder, set, path, &parts, error))
        return false;
    }
  return true;
}

static bool
flyway_read (Folder *folder, MigrationSet *set, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  return collect (folder, "", 0, paths, error) && read_paths (folder, set, paths, false, error)
         && read_paths (folder, set, paths, true, error);
}

/* The last version with its last number one higher, in the writing of the last file. */
static char *
next_version (const LayoutNew *new)
{
  const char *last = NULL;
  bool is_long = false;
  for (guint i = 0; i < new->set->migrations->len; i++)
    {
      const Migration *migration = new->set->migrations->pdata[i];
      if (migration->kind == MIGRATION_VERSIONED)
        last = migration->version;
    }
  const char *dot = last != NULL ? strrchr (last, '.') : NULL;
  is_long = last != NULL && strlen (last) >= 12;
  if (last == NULL)
    return g_strdup ("1");
  if (dot == NULL || is_long)
    return layout_next_version (new, 1);
  guint64 number = g_ascii_strtoull (dot + 1, NULL, 10);
  char *version = g_strdup_printf ("%.*s.%" G_GUINT64_FORMAT, (int) (dot - last), last, number + 1);
  return g_strdelimit (version, ".", '_');
}

static bool
flyway_add (LayoutNew *new, GError **error)
{
  g_autofree char *version = next_version (new);
  bool has_undo = false;
  for (guint i = 0; i < new->set->migrations->len; i++)
    {
      const Migration *migration = new->set->migrations->pdata[i];
      has_undo |= migration->down.text != NULL;
    }
  layout_add_file (new, g_strdup (""), "V%s__%s.sql", version, new->name);
  if (has_undo || new->set->migrations->len == 0)
    layout_add_file (new, g_strdup (""), "U%s__%s.sql", version, new->name);
  return true;
}

const Layout layout_flyway = {
  .name = "flyway",
  .pattern = "V1_2__name.sql",
  .fits = flyway_fits,
  .read = flyway_read,
  .compare = flyway_compare,
  .add = flyway_add,
};
