/* A store that is a folder. Unfinished objects are called ".NAME.partial", are locked by who writes
 * them, and never listed. */
#include "base/fs.h"
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0700
#define FILE_MODE 0600

typedef struct
{
  StoreReader base;
  Fd fd;
  char *path;
  uint64_t size_bytes;
} FolderReader;

typedef struct
{
  StoreWriter base;
  Fd fd;
  char *folder;
  char *temporary;
  char *path;
  uint64_t size_bytes;
  bool synced;
  bool committed;
} FolderWriter;

static char *
path_of (const Store *store, const char *name)
{
  return g_build_filename (store->location, name, NULL);
}

/* False with errno set when the entry cannot be looked at: what is not seen must not pass for not
 * there. */
static bool
list_entry (int folder_fd, const char *name, GPtrArray *entries)
{
  struct stat info;
  if (name[0] == '.')
    return true;
  if (fstatat (folder_fd, name, &info, 0) != 0)
    return errno == ENOENT;
  if (!S_ISREG (info.st_mode))
    return true;
  StoreEntry *entry = g_new0 (StoreEntry, 1);
  entry->name = g_strdup (name);
  entry->size_bytes = (uint64_t) info.st_size;
  entry->modified = info.st_mtime;
  g_ptr_array_add (entries, entry);
  return true;
}

static bool
folder_list (Store *store, GPtrArray *entries, GError **error)
{
  DIR *folder = opendir (store->location);
  if (folder == NULL && errno == ENOENT)
    return true;
  if (folder == NULL)
    return keel_error_errno (error, errno, "cannot read the folder “%s”", store->location);
  const struct dirent *item;
  errno = 0;
  while ((item = readdir (folder)) != NULL && list_entry (dirfd (folder), item->d_name, entries))
    errno = 0;
  int problem = errno;
  closedir (folder);
  if (problem != 0)
    return keel_error_errno (error, problem, "cannot read the folder “%s”", store->location);
  return true;
}

static uint64_t
reader_size (const StoreReader *reader)
{
  return ((const FolderReader *) reader)->size_bytes;
}

static bool
reader_read_at (StoreReader *base, void *buffer, size_t length, uint64_t offset, GError **error)
{
  FolderReader *reader = (FolderReader *) base;
  return fs_pread_all (reader->fd, buffer, length, offset, reader->path, error);
}

static void
reader_free (StoreReader *base)
{
  FolderReader *reader = (FolderReader *) base;
  fd_clear (&reader->fd);
  g_free (reader->path);
  g_free (reader);
}

static const StoreReaderClass reader_class
    = { .size = reader_size, .read_at = reader_read_at, .free = reader_free };

static bool
open_reader (const char *path, StoreReader **ret_reader, GError **error)
{
  /* Not waiting for a writer, should it be a pipe: it is refused below. */
  g_auto (Fd) fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat (fd, &info) != 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  if (!S_ISREG (info.st_mode))
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "“%s” is not a regular file", path);
  FolderReader *reader = g_new0 (FolderReader, 1);
  reader->base.class = &reader_class;
  reader->path = g_strdup (path);
  reader->size_bytes = (uint64_t) info.st_size;
  reader->fd = fd;
  fd = -1;
  *ret_reader = &reader->base;
  return true;
}

static bool
folder_read (Store *store, const char *name, StoreReader **ret_reader, GError **error)
{
  g_autofree char *path = path_of (store, name);
  return open_reader (path, ret_reader, error);
}

static bool
writer_append (StoreWriter *base, const void *data, size_t length, GError **error)
{
  FolderWriter *writer = (FolderWriter *) base;
  if (!fs_write_all (writer->fd, data, length, writer->path, error))
    return false;
  /* Starts writing back now, so that the fsync at the end finds little to do. */
  sync_file_range (writer->fd, (off_t) writer->size_bytes, (off_t) length, SYNC_FILE_RANGE_WRITE);
  writer->size_bytes += length;
  return true;
}

static bool
writer_sync (StoreWriter *base, StoreReader **ret_reader, GError **error)
{
  FolderWriter *writer = (FolderWriter *) base;
  if (fsync (writer->fd) != 0)
    return keel_error_errno (error, errno, "cannot sync “%s”", writer->path);
  /* What is read back should come from the disk, not from memory. */
  posix_fadvise (writer->fd, 0, 0, POSIX_FADV_DONTNEED);
  writer->synced = true;
  return open_reader (writer->temporary, ret_reader, error);
}

/* Without RENAME_NOREPLACE, as on NFS, a second link does the same; without links either, the check
 * before has to do, as runs that write here exclude each other. */
static bool
rename_new (const char *from, const char *to)
{
  if (renameat2 (AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return true;
  if (errno != EINVAL && errno != ENOSYS)
    return false;
  if (link (from, to) == 0)
    {
      /* Should it stay, it is a leftover that the next run removes. */
      unlink (from);
      return true;
    }
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
    return false;
  if (access (to, F_OK) == 0)
    errno = EEXIST;
  return errno != EEXIST && rename (from, to) == 0;
}

/* A name that may not outlive a crash of the machine is taken back. */
static bool
writer_commit (StoreWriter *base, GError **error)
{
  FolderWriter *writer = (FolderWriter *) base;
  g_assert (writer->synced);
  if (!rename_new (writer->temporary, writer->path))
    return keel_error_errno (error, errno, "cannot give “%s” its name", writer->path);
  writer->committed = true;
  if (fs_sync_folder (writer->folder, error))
    return true;
  unlink (writer->path);
  return false;
}

static void
writer_free (StoreWriter *base)
{
  FolderWriter *writer = (FolderWriter *) base;
  if (!writer->committed)
    unlink (writer->temporary);
  fd_clear (&writer->fd);
  g_free (writer->folder);
  g_free (writer->temporary);
  g_free (writer->path);
  g_free (writer);
}

static const StoreWriterClass writer_class = {
  .append = writer_append, .sync = writer_sync, .commit = writer_commit, .free = writer_free
};

static bool
folder_create (Store *store, const char *name, StoreWriter **ret_writer, GError **error)
{
  if (!fs_make_folder (store->location, FOLDER_MODE, error))
    return false;
  fs_remove_partial (store->location);
  FolderWriter *writer = g_new0 (FolderWriter, 1);
  writer->base.class = &writer_class;
  writer->folder = g_strdup (store->location);
  writer->path = path_of (store, name);
  writer->temporary = g_strdup_printf ("%s/.%s" FS_PARTIAL_SUFFIX, store->location, name);
  writer->fd = open (writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
  if (writer->fd < 0 || flock (writer->fd, LOCK_EX | LOCK_NB) != 0)
    {
      keel_error_errno (error, errno, "cannot write “%s”", writer->temporary);
      /* What another run may have made under that name is not ours to remove. */
      writer->committed = true;
      writer_free (&writer->base);
      return false;
    }
  *ret_writer = &writer->base;
  return true;
}

static bool
folder_write_small (Store *store, const char *name, const char *text, GError **error)
{
  g_autofree char *path = path_of (store, name);
  return fs_make_folder (store->location, FOLDER_MODE, error)
         && fs_write_durable (path, text, strlen (text), FILE_MODE, error);
}

static bool
folder_read_small (Store *store, const char *name, size_t max_bytes, char **ret_text,
                   GError **error)
{
  g_autofree char *path = path_of (store, name);
  return fs_read_text (path, max_bytes, ret_text, NULL, error);
}

static bool
folder_remove (Store *store, const char *name, GError **error)
{
  g_autofree char *path = path_of (store, name);
  if (unlink (path) != 0)
    return errno == ENOENT || keel_error_errno (error, errno, "cannot remove “%s”", path);
  return fs_sync_folder (store->location, error);
}

static void
folder_free (Store *store)
{
  g_free (store);
}

static const StoreClass folder_class = {
  .list = folder_list,
  .read = folder_read,
  .create = folder_create,
  .write_small = folder_write_small,
  .read_small = folder_read_small,
  .remove = folder_remove,
  .free = folder_free,
};

Store *
store_open_folder (const char *path)
{
  Store *store = g_new0 (Store, 1);
  store->class = &folder_class;
  store->location = g_canonicalize_filename (path, NULL);
  return store;
}
