#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISTURBED_TIMEOUT_MS 10000
#define DISTURBED_POLL_MS 20
#define HOLD_ATTEMPTS 20

bool
fs_read_text (const char *path, size_t max_bytes, char **ret_text, size_t *ret_length,
              GError **error)
{
  /* Not waiting for a writer, should it be a pipe: it is refused below. */
  g_auto (Fd) fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  struct stat info;
  if (fstat (fd, &info) != 0)
    return keel_error_errno (error, errno, "cannot read “%s”", path);
  if (!S_ISREG (info.st_mode))
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "“%s” is not a regular file", path);

  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  uint8_t chunk[16384];
  for (;;)
    {
      ssize_t count = read (fd, chunk, sizeof chunk);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return keel_error_errno (error, errno, "cannot read “%s”", path);
      if (count == 0)
        break;
      if (bytes->len + (size_t) count > max_bytes)
        return keel_error (error, KEEL_ERROR_FAILED, NULL,
                           "“%s” is larger than the %zu bytes expected at most", path, max_bytes);
      g_byte_array_append (bytes, chunk, (guint) count);
    }
  if (ret_length != NULL)
    *ret_length = bytes->len;
  g_byte_array_append (bytes, (const uint8_t *) "", 1);
  *ret_text = (char *) g_byte_array_free (g_steal_pointer (&bytes), FALSE);
  return true;
}

bool
fs_write_all (int fd, const void *data, size_t length, const char *path, GError **error)
{
  const char *next = data;
  while (length > 0)
    {
      ssize_t count = write (fd, next, length);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return keel_error_errno (error, errno, "cannot write “%s”", path);
      next += count;
      length -= (size_t) count;
    }
  return true;
}

bool
fs_pread_all (int fd, void *buffer, size_t length, uint64_t offset, const char *path,
              GError **error)
{
  char *next = buffer;
  while (length > 0)
    {
      ssize_t count = pread (fd, next, length, (off_t) offset);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return keel_error_errno (error, errno, "cannot read “%s”", path);
      if (count == 0)
        return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "“%s” is cut short", path);
      next += count;
      offset += (uint64_t) count;
      length -= (size_t) count;
    }
  return true;
}

bool
fs_sync_folder (const char *path, GError **error)
{
  g_auto (Fd) fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Some network and FUSE file systems have no fsync of folders, and say so with EINVAL. */
  if (fd < 0 || (fsync (fd) != 0 && errno != EINVAL))
    return keel_error_errno (error, errno, "cannot sync the folder “%s”", path);
  return true;
}

/* Writes, syncs and renames an open temporary file; the caller removes it on failure. */
static bool
fill_and_rename (int fd, const char *temporary, const char *path, const void *data, size_t length,
                 mode_t mode, GError **error)
{
  if (!fs_write_all (fd, data, length, temporary, error))
    return false;
  if (fchmod (fd, mode) != 0 || fsync (fd) != 0)
    return keel_error_errno (error, errno, "cannot sync “%s”", temporary);
  if (rename (temporary, path) != 0)
    return keel_error_errno (error, errno, "cannot rename “%s” to “%s”", temporary, path);
  return true;
}

/* A hidden file beside PATH whose name says that it is unfinished, and locked, so that whoever tidies
 * up can tell it from one whose writer was killed. */
static int
open_temporary (const char *path, char **ret_temporary, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  for (;;)
    {
      g_autofree char *temporary
          = g_strdup_printf ("%s/.%s.XXXXXX" FS_PARTIAL_SUFFIX, folder, name);
      struct stat info;
      g_auto (Fd) fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, 0600);
      if (fd < 0)
        {
          keel_error_errno (error, errno, "cannot write “%s”", path);
          return -1;
        }
      /* Somebody who tidied up between the two has taken it: then it is made again. */
      if (flock (fd, LOCK_EX | LOCK_NB) != 0 || fstat (fd, &info) != 0 || info.st_nlink == 0)
        continue;
      *ret_temporary = g_steal_pointer (&temporary);
      int opened = fd;
      fd = -1;
      return opened;
    }
}

bool
fs_write_durable (const char *path, const void *data, size_t length, mode_t mode, GError **error)
{
  g_autofree char *temporary = NULL;
  g_auto (Fd) fd = open_temporary (path, &temporary, error);
  if (fd < 0)
    return false;
  if (!fill_and_rename (fd, temporary, path, data, length, mode, error))
    {
      unlink (temporary);
      return false;
    }
  g_autofree char *folder = g_path_get_dirname (path);
  return fs_sync_folder (folder, error);
}

void
fs_remove_partial (const char *folder_path)
{
  g_autoptr (GDir) folder = g_dir_open (folder_path, 0, NULL);
  const char *name;
  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      if (name[0] != '.' || !g_str_has_suffix (name, FS_PARTIAL_SUFFIX))
        continue;
      g_autofree char *path = g_build_filename (folder_path, name, NULL);
      g_auto (Fd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
      if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0)
        unlink (path);
    }
}

/* A line that did not fit is taken back, unless somebody has already written after it. */
static bool
append_whole (int fd, const void *data, size_t length, const char *path, GError **error)
{
  struct stat before, after;
  bool is_known = fstat (fd, &before) == 0;
  if (fs_write_all (fd, data, length, path, error))
    return true;
  if (is_known && fstat (fd, &after) == 0 && after.st_size > before.st_size
      && after.st_size < before.st_size + (off_t) length && ftruncate (fd, before.st_size) != 0)
    g_debug ("a piece of a line is left at the end of “%s”", path);
  return false;
}

bool
fs_append (const char *path, const void *data, size_t length, mode_t mode, GError **error)
{
  g_auto (Fd) fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  if (!append_whole (fd, data, length, path, error))
    return false;
  if (fsync (fd) != 0)
    return keel_error_errno (error, errno, "cannot sync “%s”", path);
  return true;
}

bool
fs_make_folder (const char *path, mode_t mode, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return true;
  g_autofree char *parent = g_path_get_dirname (path);
  if (strcmp (parent, path) != 0 && !fs_make_folder (parent, mode, error))
    return false;
  if (mkdir (path, mode) != 0)
    return (errno == EEXIST && g_file_test (path, G_FILE_TEST_IS_DIR))
           || keel_error_errno (error, errno, "cannot make the folder “%s”", path);
  /* What is put into it lasts only if the folder itself does. */
  return fs_sync_folder (parent, error);
}

static int
remove_entry (const char *path, const struct stat *info, int type, struct FTW *where)
{
  (void) info;
  (void) type;
  (void) where;
  return remove (path) == 0 || errno == ENOENT ? 0 : -1;
}

/* Whether the walk failed since another process, such as the child of a killed one, still adds or
 * removes entries. */
static bool
is_disturbed (int problem)
{
  return problem == ENOTEMPTY || problem == EEXIST || problem == ENOENT;
}

bool
fs_remove_tree (const char *path, GError **error)
{
  int64_t give_up = g_get_monotonic_time () + INT64_C (1000) * DISTURBED_TIMEOUT_MS;
  while (nftw (path, remove_entry, 32, FTW_DEPTH | FTW_PHYS) != 0)
    {
      int problem = errno;
      struct stat info;
      if (problem == ENOENT && lstat (path, &info) != 0 && errno == ENOENT)
        return true;
      if (!is_disturbed (problem) || g_get_monotonic_time () >= give_up)
        return keel_error_errno (error, problem, "cannot remove “%s”", path);
      g_usleep (DISTURBED_POLL_MS * 1000);
    }
  return true;
}

/* The holder writes its process id into the file; it may be missing in the instant after. */
static char *
describe_holder (int fd)
{
  char text[32] = { 0 };
  if (pread (fd, text, sizeof text - 1, 0) <= 0)
    return g_strdup ("Wait until the other run has ended.");
  return g_strdup_printf ("Wait until the other run (process %s) has ended.", g_strchomp (text));
}

bool
fs_lock (const char *path, int *ret_fd, GError **error)
{
  g_auto (Fd) fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open the lock “%s”", path);
  if (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno != EWOULDBLOCK)
        return keel_error_errno (error, errno, "cannot lock “%s”", path);
      g_autofree char *hint = describe_holder (fd);
      return keel_error (error, KEEL_ERROR_LOCKED, hint, "another run holds the lock “%s”", path);
    }
  g_autofree char *pid = g_strdup_printf ("%d\n", (int) getpid ());
  if (ftruncate (fd, 0) != 0 || pwrite (fd, pid, strlen (pid), 0) < 0)
    return keel_error_errno (error, errno, "cannot write the lock “%s”", path);
  *ret_fd = fd;
  fd = -1;
  return true;
}

/* flock works on folders as on files. */
bool
fs_hold_folder (const char *path, Fd *ret_hold)
{
  struct stat there, held;
  g_auto (Fd) fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) != 0)
    return false;
  /* Whoever held it before may have removed it meanwhile. */
  if (lstat (path, &there) != 0 || fstat (fd, &held) != 0 || there.st_dev != held.st_dev
      || there.st_ino != held.st_ino)
    return false;
  *ret_hold = fd;
  fd = -1;
  return true;
}

bool
fs_make_held_folder (char *path, Fd *ret_hold, GError **error)
{
  g_autofree char *pattern = g_strdup (path);
  for (int attempt = 1;; attempt++)
    {
      memcpy (path, pattern, strlen (pattern));
      if (g_mkdtemp_full (path, 0700) == NULL)
        return keel_error_errno (error, errno, "cannot make the folder “%s”", pattern);
      if (fs_hold_folder (path, ret_hold))
        return true;
      int problem = errno;
      rmdir (path);
      if (attempt == HOLD_ATTEMPTS)
        return keel_error_errno (error, problem, "cannot lock “%s”", path);
    }
}

bool
fs_free_bytes (const char *path, uint64_t *ret_bytes, GError **error)
{
  struct statvfs info;
  if (statvfs (path, &info) != 0)
    return keel_error_errno (error, errno, "cannot ask for the free space of “%s”", path);
  *ret_bytes = (uint64_t) info.f_bavail * info.f_frsize;
  return true;
}
