#include "backup/backup_log.h"
#include "base/clock.h"
#include "base/fs.h"

#include <string.h>

bool
backup_log (const char *folder, const char *action, const char *outcome, GError **error,
            const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *details = g_strdup_vprintf (format, args);
  va_end (args);
  for (char *c = details; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  g_autofree char *time = clock_format_iso (clock_now ());
  g_autofree char *line = g_strdup_printf ("%s %s %s %s\n", time, action, outcome, details);
  g_autofree char *path = g_build_filename (folder, BACKUP_LOG_FILE, NULL);
  return fs_make_folder (folder, 0700, error) && fs_append (path, line, strlen (line), 0600, error);
}
