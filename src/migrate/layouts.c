#include "migrate/layouts.h"

#include <string.h>

bool
layout_split_name (const char *file, const char *suffix, char **ret_version, char **ret_name)
{
  size_t digits = strspn (file, "0123456789");
  size_t length = strlen (file), tail = strlen (suffix);
  if (digits == 0 || file[digits] != '_' || !g_str_has_suffix (file, suffix)
      || length <= digits + 1 + tail)
    return false;
  if (ret_version != NULL)
    *ret_version = g_strndup (file, digits);
  if (ret_name != NULL)
    *ret_name = g_strndup (file + digits + 1, length - tail - digits - 1);
  return true;
}

int
layout_compare_numbers (const char *a, const char *b)
{
  const char *first = a + strspn (a, "0"), *second = b + strspn (b, "0");
  size_t length = strlen (first), other = strlen (second);
  if (length != other)
    return length < other ? -1 : 1;
  return strcmp (first, second);
}

void
layout_warn (const Folder *folder, MigrationSet *set, const char *name, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *shown = folder_shown (folder, name);
  g_ptr_array_add (set->warnings, g_strdup_printf ("“%s” %s", shown, text));
}

bool
layout_refuse (const Folder *folder, const char *name, unsigned int line, const char *hint,
               GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *shown = folder_shown (folder, name);
  if (line > 0)
    return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s:%u: %s", shown, line, text);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s: %s", shown, text);
}

bool
layout_asks_for_no_transaction (const char *text)
{
  static const char mark[] = "pgkeel: no-transaction";
  for (const char *at = strstr (text, mark); at != NULL; at = strstr (at + 1, mark))
    {
      const char *before = at;
      while (before > text && (before[-1] == ' ' || before[-1] == '\t'))
        before--;
      const char *after = at + strlen (mark);
      after += strspn (after, " \t\r");
      if (before - text >= 2 && before[-1] == '-' && before[-2] == '-'
          && (*after == '\n' || *after == '\0'))
        return true;
    }
  return false;
}

bool
layout_read_script (Folder *folder, const char *name, MigrationScript *script, char checksum[65],
                    GError **error)
{
  if (!folder_take (folder, name, &script->text, &script->length, checksum, error))
    return false;
  script->path = folder_shown (folder, name);
  script->line = 1;
  script->no_transaction = layout_asks_for_no_transaction (script->text);
  return true;
}

bool
layout_read_script_if_there (Folder *folder, const char *name, MigrationScript *script,
                             GError **error)
{
  if (!folder_has (folder, name))
    return true;
  if (!folder->only_up)
    return layout_read_script (folder, name, script, NULL, error);
  script->path = folder_shown (folder, name);
  return true;
}

static char *
format_time (int64_t unix_seconds, const char *format)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (unix_seconds);
  return g_date_time_format (time, format);
}

/* DIGITS plus one; as wide, wider only when it has to be. */
static char *
next_number (const char *digits)
{
  g_autoptr (GString) text = g_string_new (digits);
  for (gsize i = text->len; i-- > 0;)
    {
      if (text->str[i] != '9')
        {
          text->str[i]++;
          return g_strdup (text->str);
        }
      text->str[i] = '0';
    }
  return g_strconcat ("1", text->str, NULL);
}

/* NOW as the time that a version of DIGITS digits is; NULL when such a one is no time. */
static char *
time_of (int64_t now, const char *version, size_t digits)
{
  if (digits == 10 && version[0] == '1')
    return g_strdup_printf ("%" G_GINT64_FORMAT, now);
  if (digits == 13 && version[0] == '1')
    return g_strdup_printf ("%" G_GINT64_FORMAT "000", now);
  return digits == 14 || digits == 0 ? format_time (now, "%Y%m%d%H%M%S") : NULL;
}

char *
layout_next_version (const LayoutNew *new, unsigned int width)
{
  const char *last = NULL;
  for (guint i = 0; i < new->set->migrations->len; i++)
    {
      const Migration *migration = new->set->migrations->pdata[i];
      if (migration->kind == MIGRATION_VERSIONED)
        last = migration->version;
    }
  if (last == NULL && width > 0)
    return g_strdup_printf ("%0*d", (int) width, 1);
  size_t digits = last != NULL ? strspn (last, "0123456789") : 0;
  g_autofree char *number = g_strndup (last, digits);
  g_autofree char *time = time_of (new->now, last, digits);
  /* Also when the last one is of this very moment, or of somebody whose clock is ahead. */
  if (time == NULL || (digits > 0 && layout_compare_numbers (time, number) <= 0))
    return next_number (number);
  return g_steal_pointer (&time);
}

void
layout_add_file (LayoutNew *new, char *text, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  MigrationNewFile *file = g_new0 (MigrationNewFile, 1);
  file->path = folder_path_of (new->set->folder, name);
  file->text = text;
  g_ptr_array_add (new->files, file);
}
