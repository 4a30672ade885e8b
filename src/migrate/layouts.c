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

/* Whether a comment line of TEXT says what in every layout means: no transaction. */
static bool
asks_for_no_transaction (const char *text)
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
  FolderFile *file;
  if (!folder_read (folder, name, &file, error))
    return false;
  script->path = folder_shown (folder, name);
  script->text = g_strndup (file->text, file->length);
  script->length = file->length;
  script->line = 1;
  script->no_transaction = asks_for_no_transaction (script->text);
  if (checksum != NULL)
    memcpy (checksum, file->checksum, sizeof file->checksum);
  return true;
}
