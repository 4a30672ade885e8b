#include "base/temporary.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_FILE "lock"
/* A new folder has no lock for an instant; one that has none after this long is a leftover. */
#define UNLOCKED_AGE_SECONDS 600

/* A folder of ours that nobody holds; *RET_LOCK is then our hold on it, or -1 if it has no lock. */
static bool
is_leftover (const char *path, Fd *ret_lock)
{
  struct stat info;
  if (lstat (path, &info) != 0 || !S_ISDIR (info.st_mode) || info.st_uid != geteuid ())
    return false;
  g_autofree char *lock = g_build_filename (path, LOCK_FILE, NULL);
  if (g_file_test (lock, G_FILE_TEST_EXISTS))
    return fs_lock (lock, ret_lock, NULL);
  return time (NULL) - info.st_mtime > UNLOCKED_AGE_SECONDS;
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
      g_auto (Fd) lock = -1;
      if (is_leftover (path, &lock) && !fs_remove_tree (path, NULL))
        g_debug ("cannot remove “%s”", path);
    }
}

bool
temporary_folder_make (const char *purpose, TemporaryFolder *ret_folder, GError **error)
{
  const char *parent = g_get_tmp_dir ();
  g_autofree char *prefix = g_strdup_printf ("pgkeel-%s-", purpose);
  g_autofree char *name = g_strconcat (prefix, "XXXXXX", NULL);
  g_auto (TemporaryFolder) folder = { .path = g_build_filename (parent, name, NULL), .lock = -1 };
  remove_leftovers (parent, prefix);
  if (g_mkdtemp_full (folder.path, 0700) == NULL)
    {
      keel_error_errno (error, errno, "cannot make a temporary folder in “%s”", parent);
      keel_error_suggest (error, "Set TMPDIR to a folder that can be written to.");
      g_clear_pointer (&folder.path, g_free);
      return false;
    }
  g_autofree char *lock = g_build_filename (folder.path, LOCK_FILE, NULL);
  if (!fs_lock (lock, &folder.lock, error))
    return false;
  *ret_folder = folder;
  folder = (TemporaryFolder){ .lock = -1 };
  return true;
}

void
temporary_folder_clear (TemporaryFolder *folder)
{
  if (folder->path == NULL)
    return;
  if (!fs_remove_tree (folder->path, NULL))
    g_debug ("cannot remove “%s”", folder->path);
  fd_clear (&folder->lock);
  g_clear_pointer (&folder->path, g_free);
}
