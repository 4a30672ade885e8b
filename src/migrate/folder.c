#include "migrate/folder.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/parallel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define DOWN ".down.sql"
/* Threads that read ahead; fewer files than these for each are not worth starting them. */
#define READERS_MAX 4
#define FILES_PER_READER 100

typedef DIR *Directory;
static void
directory_close (Directory *directory)
{
  if (*directory != NULL)
    closedir (*directory);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Directory, directory_close)

static void
entry_free (FolderEntry *entry)
{
  g_free (entry->name);
  g_free (entry);
}

static void
file_free (FolderFile *file)
{
  g_free (file->text);
  g_free (file);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FolderFile, file_free)

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const FolderEntry *const *first = a, *const *second = b;
  return strcmp ((*first)->name, (*second)->name);
}

/* A link counts as what it leads to; one that leads nowhere, as a file, which then cannot be opened
 * and is named in that error. */
static bool
is_folder (int fd, const struct dirent *item)
{
  struct stat info;
  if (item->d_type != DT_LNK && item->d_type != DT_UNKNOWN)
    return item->d_type == DT_DIR;
  return fstatat (fd, item->d_name, &info, 0) == 0 && S_ISDIR (info.st_mode);
}

static bool
list (const char *path, const char *shown, GPtrArray **ret_entries, int *ret_fd, GError **error)
{
  g_auto (Directory) directory = opendir (path);
  if (directory == NULL)
    return keel_error_errno (error, errno, "cannot read the folder “%s”", shown);
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
  for (;;)
    {
      errno = 0;
      const struct dirent *item = readdir (directory);
      if (item == NULL && errno != 0)
        return keel_error_errno (error, errno, "cannot read the folder “%s”", shown);
      if (item == NULL)
        break;
      if (item->d_name[0] == '.')
        continue;
      FolderEntry *entry = g_new0 (FolderEntry, 1);
      entry->name = g_strdup (item->d_name);
      entry->is_folder = is_folder (dirfd (directory), item);
      g_ptr_array_add (entries, entry);
    }
  g_ptr_array_sort (entries, compare_entries);
  if (ret_fd != NULL && (*ret_fd = fcntl (dirfd (directory), F_DUPFD_CLOEXEC, 0)) < 0)
    return keel_error_errno (error, errno, "cannot read the folder “%s”", shown);
  *ret_entries = g_steal_pointer (&entries);
  return true;
}

void
folder_free (Folder *folder)
{
  if (folder == NULL)
    return;
  g_free (folder->root);
  g_free (folder->shown);
  g_free (folder->path);
  close (folder->fd);
  g_hash_table_unref (folder->names);
  g_ptr_array_unref (folder->entries);
  g_hash_table_unref (folder->files);
  g_free (folder);
}

char *
folder_path_of (const char *shown, const char *name)
{
  g_autofree char *parent = g_strdup (shown);
  while (g_str_has_prefix (name, "../") && strcmp (parent, ".") != 0
         && !g_str_has_suffix (parent, ".."))
    {
      char *above = g_path_get_dirname (parent);
      g_free (parent);
      parent = above;
      name += strlen ("../");
    }
  return strcmp (parent, ".") == 0 ? g_strdup (name) : g_build_filename (parent, name, NULL);
}

char *
folder_shown (const Folder *folder, const char *name)
{
  return folder_path_of (folder->shown, name);
}

bool
folder_has (const Folder *folder, const char *name)
{
  if (strchr (name, '/') == NULL)
    return g_hash_table_contains (folder->names, name);
  return faccessat (folder->fd, name, F_OK, 0) == 0;
}

bool
folder_list (const Folder *folder, const char *name, GPtrArray **ret_entries, GError **error)
{
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  g_autofree char *shown = folder_shown (folder, name);
  return list (path, shown, ret_entries, NULL, error);
}

static bool
check_utf8 (const FolderFile *file, const char *shown, GError **error)
{
  const char *end;
  if (g_utf8_validate_len (file->text, file->length, &end))
    return true;
  unsigned int line = 1;
  for (const char *at = file->text; at < end; at++)
    line += *at == '\n';
  return keel_error (error, KEEL_ERROR_CONFIG, "Save the file as UTF-8.",
                     "%s:%u: the byte 0x%02x is no UTF-8", shown, line, (unsigned char) *end);
}

static void
remove_byte_order_mark (FolderFile *file)
{
  size_t mark = strlen (BYTE_ORDER_MARK);
  if (file->length < mark || memcmp (file->text, BYTE_ORDER_MARK, mark) != 0)
    return;
  file->length -= mark;
  file->had_mark = true;
  memmove (file->text, file->text + mark, file->length + 1);
}

/* Reads SIZE bytes and one more, which must not be there: most files in one call. */
static bool
read_bytes (int fd, size_t size, const char *shown, FolderFile *file, GError **error)
{
  file->text = g_malloc (size + 2);
  while (file->length <= size)
    {
      ssize_t count = read (fd, file->text + file->length, size + 1 - file->length);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return keel_error_errno (error, errno, "cannot read “%s”", shown);
      file->length += (size_t) count;
      /* All that was expected and not the byte more that was asked for: that is its end. */
      if (count == 0 || file->length == size)
        break;
    }
  file->text[file->length] = '\0';
  return file->length <= size
         || keel_error (error, KEEL_ERROR_FAILED, "Try again when it is whole.",
                        "“%s” grew while it was read", shown);
}

/* A migration tool reads thousands of these before it says a word: no more system calls than needed. */
static bool
read_file (const Folder *folder, const char *name, FolderFile **ret_file, GError **error)
{
  g_autofree char *shown = folder_shown (folder, name);
  g_autoptr (FolderFile) file = g_new0 (FolderFile, 1);
  struct stat info;
  g_auto (Fd) fd = openat (folder->fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", shown);
  if (fstat (fd, &info) != 0)
    return keel_error_errno (error, errno, "cannot read “%s”", shown);
  if (!S_ISREG (info.st_mode))
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "“%s” is not a regular file", shown);
  if ((uint64_t) info.st_size > MIGRATION_FILE_MAX_BYTES)
    return keel_error (error, KEEL_ERROR_FAILED, "Load data with COPY from another file.",
                       "“%s” is larger than 64 MB", shown);
  if (!read_bytes (fd, (size_t) info.st_size, shown, file, error))
    return false;
  remove_byte_order_mark (file);
  if (!check_utf8 (file, shown, error))
    return false;
  *ret_file = g_steal_pointer (&file);
  return true;
}

const char *
folder_checksum (FolderFile *file)
{
  if (file->checksum[0] != '\0')
    return file->checksum;
  g_autoptr (Sha256) hash = sha256_new ();
  uint8_t sum[SHA256_BYTES];
  if (file->had_mark)
    sha256_update (hash, BYTE_ORDER_MARK, strlen (BYTE_ORDER_MARK));
  sha256_update (hash, file->text, file->length);
  sha256_finish (hash, sum);
  g_autofree char *hex = sha256_hex (sum);
  memcpy (file->checksum, hex, SHA256_HEX_CHARS + 1);
  return file->checksum;
}

typedef struct
{
  const Folder *folder;
  FolderFile **files; /* as folder->entries; NULL: not read */
} ReadAhead;

static bool
is_wanted (const Folder *folder, const FolderEntry *entry)
{
  return !entry->is_folder && g_str_has_suffix (entry->name, ".sql")
         && !(folder->only_up && g_str_has_suffix (entry->name, DOWN));
}

/* A file that cannot be read is left for whoever asks for it, and gets the error. */
static bool
read_ahead_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  (void) number;
  (void) error;
  ReadAhead *ahead = data;
  const GPtrArray *entries = ahead->folder->entries;
  for (guint i = parallel_next (parallel); i < entries->len; i = parallel_next (parallel))
    {
      const FolderEntry *entry = entries->pdata[i];
      g_autoptr (GError) ignored = NULL;
      if (is_wanted (ahead->folder, entry)
          && read_file (ahead->folder, entry->name, &ahead->files[i], &ignored))
        folder_checksum (ahead->files[i]);
    }
  return true;
}

/* Reads a folder's many migrations with several threads: whoever asks for one later finds it read. */
static void
read_ahead (Folder *folder)
{
  const GPtrArray *entries = folder->entries;
  guint readers = MIN (MIN (g_get_num_processors (), READERS_MAX), entries->len / FILES_PER_READER);
  if (readers < 2)
    return;
  g_autofree FolderFile **files = g_new0 (FolderFile *, entries->len);
  ReadAhead ahead = { folder, files };
  g_autoptr (GError) ignored = NULL;
  if (!parallel_run (readers, read_ahead_worker, &ahead, &ignored))
    g_debug ("reading ahead: %s", ignored->message);
  for (guint i = 0; i < entries->len; i++)
    if (files[i] != NULL)
      g_hash_table_replace (folder->files, g_strdup (((FolderEntry *) entries->pdata[i])->name),
                            files[i]);
}

bool
folder_open (const char *root, const char *shown, bool only_up, Folder **ret_folder, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (shown, root);
  GPtrArray *entries;
  int fd;
  if (!list (path, shown, &entries, &fd, error))
    return false;
  Folder *folder = g_new0 (Folder, 1);
  folder->root = g_strdup (root);
  folder->shown = g_strdup (shown);
  folder->path = g_steal_pointer (&path);
  folder->entries = entries;
  folder->fd = fd;
  folder->only_up = only_up;
  folder->names = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < entries->len; i++)
    g_hash_table_add (folder->names, ((FolderEntry *) entries->pdata[i])->name);
  folder->files
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) file_free);
  read_ahead (folder);
  *ret_folder = folder;
  return true;
}

bool
folder_read (Folder *folder, const char *name, FolderFile **ret_file, GError **error)
{
  FolderFile *file = g_hash_table_lookup (folder->files, name);
  if (file == NULL)
    {
      if (!read_file (folder, name, &file, error))
        return false;
      g_hash_table_insert (folder->files, g_strdup (name), file);
    }
  *ret_file = file;
  return true;
}

bool
folder_take (Folder *folder, const char *name, char **ret_text, size_t *ret_length,
             char checksum[65], GError **error)
{
  g_autoptr (FolderFile) taken = NULL;
  FolderFile *file = g_hash_table_lookup (folder->files, name);
  if (file == NULL)
    {
      if (!read_file (folder, name, &taken, error))
        return false;
      file = taken;
    }
  if (checksum != NULL)
    memcpy (checksum, folder_checksum (file), sizeof file->checksum);
  *ret_text = g_steal_pointer (&file->text);
  *ret_length = file->length;
  if (taken == NULL)
    g_hash_table_remove (folder->files, name);
  return true;
}
