#include "base/temporary.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* A folder of ours that nobody holds; *RET_HOLD is then our hold on it. */
static bool
is_leftover (const char *path, Fd *ret_hold)
{
  struct stat info;
  return lstat (path, &info) == 0 && S_ISDIR (info.st_mode) && info.st_uid == geteuid ()
         && fs_hold_folder (path, ret_hold);
}

/* What cannot be removed is left for the next time: it must not stop the work at hand. */
static void
remove_leftovers (const char *parent, const char *prefix)
{
  g_autoptr (GDir) entries = g_dir_open (parent, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      if (!g_str_has_prefix (name, prefix))
        continue;
      g_autofree char *path = g_build_filename (parent, name, NULL);
      g_auto (Fd) hold = -1;
      if (is_leftover (path, &hold) && !fs_remove_tree (path, NULL))
        g_debug ("cannot remove “%s”", path);
    }
}

bool
temporary_folder_make (const char *purpose, TemporaryFolder *ret_folder, GError **error)
{
  const char *parent = g_get_tmp_dir ();
  g_autofree char *prefix = g_strdup_printf ("pgkeel-%s-", purpose);
  g_autofree char *name = g_strconcat (prefix, "XXXXXX", NULL);
  g_auto (TemporaryFolder) folder = { .path = g_build_filename (parent, name, NULL), .hold = -1 };
  remove_leftovers (parent, prefix);
  if (!fs_make_held_folder (folder.path, &folder.hold, error))
    {
      keel_error_suggest (error, "Set TMPDIR to a folder that can be written to.");
      g_clear_pointer (&folder.path, g_free);
      return false;
    }
  *ret_folder = folder;
  folder = (TemporaryFolder){ .hold = -1 };
  return true;
}

void
temporary_folder_clear (TemporaryFolder *folder)
{
  if (folder->path == NULL)
    return;
  if (!fs_remove_tree (folder->path, NULL))
    g_debug ("cannot remove “%s”", folder->path);
  fd_clear (&folder->hold);
  g_clear_pointer (&folder->path, g_free);
}
