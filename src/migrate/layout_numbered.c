/*
 * Plain SQL files that begin with a number: 1.sql, 002-name.sql, 20250102030405_name.sql, 1.4.2.sql,
 * 2025-01-02_name.sql. A way back stands in a file of the same name that ends in .down.sql,
 * .rollback.sql or .undo.sql.
 */
#include "migrate/layouts.h"

#include <string.h>

static const char *const back[] = { ".down.sql", ".rollback.sql", ".undo.sql" };

/* How long the number is that FILE begins with: digits, and more of them behind dots and dashes (the 2
 * of 001-2fa.sql is none, as letters follow). */
static size_t
version_length (const char *file)
{
  size_t length = strspn (file, "0123456789");
  while (length > 0 && (file[length] == '.' || file[length] == '-'))
    {
      size_t digits = strspn (file + length + 1, "0123456789");
      if (digits == 0 || strchr ("._- ", file[length + 1 + digits]) == NULL)
        break;
      length += 1 + digits;
    }
  return length;
}

/* Part by part; a missing part is 0. */
static int
numbered_compare (const char *a, const char *b)
{
  while (*a != '\0' || *b != '\0')
    {
      size_t length = strspn (a, "0123456789"), other = strspn (b, "0123456789");
      g_autofree char *first = g_strndup (a, length), *second = g_strndup (b, other);
      int order = layout_compare_numbers (first, second);
      if (order != 0)
        return order;
      a += length;
      b += other;
      /* Behind the number of a version that no file has anything may stand. */
      if ((*a != '\0' && !strchr (".-", *a)) || (*b != '\0' && !strchr (".-", *b)))
        return strcmp (a, b);
      a += *a != '\0';
      b += *b != '\0';
    }
  return 0;
}

/* The number, and the name after it and its separators; false for other names. */
static bool
split (const char *file, char **ret_version, char **ret_name)
{
  size_t digits = version_length (file), length = strlen (file);
  if (digits == 0 || !g_str_has_suffix (file, ".sql"))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (back); i++)
    if (g_str_has_suffix (file, back[i]))
      return false;
  if (g_str_has_suffix (file, ".up.sql"))
    return false;
  const char *name = file + digits;
  name += strspn (name, "_-. ");
  size_t name_length = MAX (file + length - strlen (".sql"), name) - name;
  if (ret_version != NULL)
    *ret_version = g_strndup (file, digits);
  if (ret_name != NULL)
    *ret_name = g_strndup (name, name_length);
  return true;
}

static bool
numbered_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  *ret_fit = LAYOUT_FITS_NOT;
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      if (!entry->is_folder && split (entry->name, NULL, NULL))
        *ret_fit = LAYOUT_FITS_NAMES;
    }
  return true;
}

static bool
read_back (Folder *folder, const char *file, MigrationScript *down, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (back) && down->path == NULL; i++)
    {
      g_autofree char *name
          = g_strdup_printf ("%.*s%s", (int) (strlen (file) - strlen (".sql")), file, back[i]);
      if (!layout_read_script_if_there (folder, name, down, error))
        return false;
    }
  return true;
}

/* A way back that belongs to no file. */
static void
check_back (const Folder *folder, MigrationSet *set, const char *file, const char *suffix)
{
  g_autofree char *up = g_strdup_printf ("%.*s.sql", (int) (strlen (file) - strlen (suffix)), file);
  if (!folder_has (folder, up))
    layout_warn (folder, set, file, "was left out: there is no %s", up);
}

static void
warn_of_other (const Folder *folder, MigrationSet *set, const char *file)
{
  for (size_t i = 0; i < G_N_ELEMENTS (back); i++)
    if (g_str_has_suffix (file, back[i]))
      {
        check_back (folder, set, file, back[i]);
        return;
      }
  if (g_str_has_suffix (file, ".sql"))
    layout_warn (folder, set, file, "was left out: its name is not like NUMBER_name.sql");
  else if (g_ascii_isdigit (file[0]))
    layout_warn (folder, set, file, "was left out: it is no SQL file");
}

/* Marks of tools whose files would run both ways if they were taken for plain SQL. */
static char *
foreign_mark (const char *text)
{
  static const char *const marks[] = { "-- rambler up",
                                       "---- create above / drop below ----",
                                       "--liquibase formatted sql",
                                       "-- liquibase formatted sql",
                                       "-- +micrate Up",
                                       "-- +duck Up",
                                       "--//@UNDO",
                                       "-- //@UNDO",
                                       "-- +up",
                                       "-- @down",
                                       "-- Down",
                                       "-- DOWN",
                                       "-- down" };
  for (size_t i = 0; i < G_N_ELEMENTS (marks); i++)
    for (const char *at = strstr (text, marks[i]); at != NULL; at = strstr (at + 1, marks[i]))
      if ((at == text || at[-1] == '\n') && strchr (":\r\n", at[strlen (marks[i])]) != NULL)
        return g_strdup_printf ("written for another tool (“%s”)", marks[i]);
  return NULL;
}

static bool
numbered_read (Folder *folder, MigrationSet *set, GError **error)
{
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      g_autofree char *version = NULL, *name = NULL;
      if (entry->is_folder)
        continue;
      if (!split (entry->name, &version, &name))
        {
          warn_of_other (folder, set, entry->name);
          continue;
        }
      g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, name);
      if (!layout_read_script (folder, entry->name, &migration->up, migration->checksum, error)
          || !read_back (folder, entry->name, &migration->down, error))
        return false;
      migration->not_sql = foreign_mark (migration->up.text);
      /* Atlas, whose files are such, has a word for it. */
      migration->up.no_transaction |= strstr (migration->up.text, "-- atlas:txmode none") != NULL;
      g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
    }
  return true;
}

/* The separator that the last file has. */
static char
separator_of (const MigrationSet *set)
{
  if (set->migrations->len == 0)
    return '_';
  const Migration *last = set->migrations->pdata[set->migrations->len - 1];
  g_autofree char *file = g_path_get_basename (last->up.path);
  char separator = file[version_length (file)];
  return separator == '-' || separator == '.' ? separator : '_';
}

/* 1.4.2 becomes 1.4.3, a date today's; of the others the next number. */
static char *
next_version (const LayoutNew *new)
{
  guint count = new->set->migrations->len;
  const Migration *last = count > 0 ? new->set->migrations->pdata[count - 1] : NULL;
  const char *version = last != NULL ? last->version : "";
  const char *dot = strrchr (version, '.');
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_utc (new->now);
  if (g_regex_match_simple ("^\\d{4}-\\d{2}-\\d{2}", version, 0, 0))
    return g_date_time_format (now, strlen (version) > 10 ? "%Y-%m-%d-%H%M%S" : "%Y-%m-%d");
  if (dot == NULL)
    return layout_next_version (new, 4);
  return g_strdup_printf ("%.*s.%" G_GUINT64_FORMAT, (int) (dot - version), version,
                          g_ascii_strtoull (dot + 1, NULL, 10) + 1);
}

static bool
numbered_add (LayoutNew *new, GError **error)
{
  g_autofree char *version = next_version (new);
  char separator = separator_of (new->set);
  bool has_back = new->set->migrations->len == 0;
  for (guint i = 0; i < new->set->migrations->len; i++)
    {
      const Migration *migration = new->set->migrations->pdata[i];
      has_back |= migration->down.text != NULL;
    }
  layout_add_file (new, g_strdup (""), "%s%c%s.sql", version, separator, new->name);
  if (has_back)
    layout_add_file (new, g_strdup (""), "%s%c%s.down.sql", version, separator, new->name);
  return true;
}

const Layout layout_numbered = {
  .name = "sql",
  .pattern = "NUMBER_name.sql",
  .fits = numbered_fits,
  .read = numbered_read,
  .compare = numbered_compare,
  .add = numbered_add,
};
