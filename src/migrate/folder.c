#include "migrate/folder.h"
#include "base/digest.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

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
list (const char *path, const char *shown, GPtrArray **ret_entries, GError **error)
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
  *ret_entries = g_steal_pointer (&entries);
  return true;
}

bool
folder_open (const char *root, const char *shown, Folder **ret_folder, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (shown, root);
  GPtrArray *entries;
  if (!list (path, shown, &entries, error))
    return false;
  Folder *folder = g_new0 (Folder, 1);
  folder->root = g_strdup (root);
  folder->shown = g_strdup (shown);
  folder->path = g_steal_pointer (&path);
  folder->entries = entries;
  folder->files
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) file_free);
  *ret_folder = folder;
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
  g_ptr_array_unref (folder->entries);
  g_hash_table_unref (folder->files);
  g_free (folder);
}

char *
folder_shown (const Folder *folder, const char *name)
{
  if (strcmp (folder->shown, ".") == 0)
    return g_strdup (name);
  return g_build_filename (folder->shown, name, NULL);
}

bool
folder_has (const Folder *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

bool
folder_list (const Folder *folder, const char *name, GPtrArray **ret_entries, GError **error)
{
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  g_autofree char *shown = folder_shown (folder, name);
  return list (path, shown, ret_entries, error);
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
  memmove (file->text, file->text + mark, file->length + 1);
}

bool
folder_read (Folder *folder, const char *name, FolderFile **ret_file, GError **error)
{
  FolderFile *known = g_hash_table_lookup (folder->files, name);
  if (known != NULL)
    {
      *ret_file = known;
      return true;
    }
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  g_autofree char *shown = folder_shown (folder, name);
  g_autoptr (FolderFile) file = g_new0 (FolderFile, 1);
  if (!fs_read_text (path, MIGRATION_FILE_MAX_BYTES, &file->text, &file->length, error))
    return false;
  uint8_t sum[SHA256_BYTES];
  sha256_of (file->text, file->length, sum);
  g_autofree char *hex = sha256_hex (sum);
  memcpy (file->checksum, hex, sizeof file->checksum);
  remove_byte_order_mark (file);
  if (!check_utf8 (file, shown, error))
    return false;
  *ret_file = file;
  g_hash_table_insert (folder->files, g_strdup (name), g_steal_pointer (&file));
  return true;
}
