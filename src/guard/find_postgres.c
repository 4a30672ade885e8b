/*
 * Where in a folder are PostgreSQL data directories, and what they say of themselves.
 */
#include "base/fs.h"
#include "guard/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 3
/* A volume of other things (packages, uploads) may be large; beyond this it counts as not looked at. */
#define ENTRIES_MAX 200000

typedef struct
{
  unsigned int entry_count;
  bool is_complete;
  char *found;
  GPtrArray *all; /* of GuardDataFolder; NULL: the first one will do */
} Search;

/* The version in PG_VERSION of the folder FD: "17", or "9.6"; NULL: it has none. Caller frees. */
static char *
version_in (int fd, Search *search)
{
  char text[16];
  g_auto (Fd) file = openat (fd, "PG_VERSION", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0)
    {
      if (errno != ENOENT)
        search->is_complete = false;
      return NULL;
    }
  ssize_t length = read (file, text, sizeof text - 1);
  if (length <= 0)
    return NULL;
  text[length] = '\0';
  size_t digits = strspn (text, "0123456789.");
  return digits > 0 ? g_strndup (text, digits) : NULL;
}

static bool
is_folder (int fd, const struct dirent *entry)
{
  struct stat status;
  if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
    return false;
  if (entry->d_type != DT_UNKNOWN)
    return entry->d_type == DT_DIR;
  return fstatat (fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (status.st_mode);
}

static int
open_folder (int at, const char *name)
{
  return openat (at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

void
guard_data_folder_free (GuardDataFolder *folder)
{
  if (folder == NULL)
    return;
  g_free (folder->path);
  g_free (folder->version);
  g_clear_pointer (&folder->databases, g_ptr_array_unref);
  g_free (folder->problem);
  g_free (folder);
}

/* What is at PATH, opened as FD, where VERSION was found. */
static GuardDataFolder *
describe (int fd, const char *path, const char *version)
{
  g_autoptr (GError) error = NULL;
  GuardDataFolder *folder = g_new0 (GuardDataFolder, 1);
  folder->path = g_strdup (path);
  folder->version = g_strdup (version);
  folder->has_control = control_file_read (fd, &folder->control, &error);
  if (!folder->has_control || !guard_databases_read (fd, &folder->databases, &error))
    folder->problem = g_strdup (error->message);
  return folder;
}

/* Whether the search goes on. */
static bool
note_found (int fd, const char *path, Search *search)
{
  g_autofree char *version = version_in (fd, search);
  if (version == NULL)
    return true;
  if (search->all != NULL)
    g_ptr_array_add (search->all, describe (fd, path, version));
  else
    search->found = g_steal_pointer (&version);
  return false;
}

/* Looks in the folder FD at PATH, which is closed, and DEPTH folders below. */
static void
search_in (int fd, const char *path, int depth, Search *search)
{
  DIR *folder = note_found (fd, path, search) && depth > 0 ? fdopendir (fd) : NULL;
  if (folder == NULL)
    {
      close (fd);
      return;
    }
  for (struct dirent *entry = readdir (folder); entry != NULL && search->found == NULL;
       entry = readdir (folder))
    {
      if (++search->entry_count > ENTRIES_MAX)
        {
          search->is_complete = false;
          break;
        }
      if (!is_folder (fd, entry))
        continue;
      g_autofree char *inner_path = g_build_filename (path, entry->d_name, NULL);
      int inner = open_folder (fd, entry->d_name);
      if (inner >= 0)
        search_in (inner, inner_path, depth - 1, search);
      else if (errno != ENOENT) /* it may just have gone */
        search->is_complete = false;
    }
  closedir (folder);
}

char *
guard_find_postgres (const char *folder, bool *ret_is_complete)
{
  Search search = { .is_complete = true };
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0)
    search_in (fd, folder, DEPTH_MAX, &search);
  else
    search.is_complete = false;
  *ret_is_complete = search.is_complete || search.found != NULL;
  return search.found;
}

static int
compare_folders (const void *a, const void *b)
{
  const GuardDataFolder *const *first = a, *const *second = b;
  return strcmp ((*first)->path, (*second)->path);
}

GPtrArray *
guard_find_data_folders (const char *folder, bool *ret_is_complete)
{
  Search search
      = { .is_complete = true,
          .all = g_ptr_array_new_with_free_func ((GDestroyNotify) guard_data_folder_free) };
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0)
    search_in (fd, folder, DEPTH_MAX, &search);
  else
    search.is_complete = false;
  *ret_is_complete = search.is_complete;
  g_ptr_array_sort (search.all, compare_folders);
  return search.all;
}

/* By device and inode: its path is another one in each mount namespace. */
static bool
works_in (const char *pid, const struct stat *folder)
{
  struct stat status;
  g_autofree char *link = g_strconcat ("/proc/", pid, "/cwd", NULL);
  return stat (link, &status) == 0 && status.st_dev == folder->st_dev
         && status.st_ino == folder->st_ino;
}

pid_t
guard_find_worker (const char *folder)
{
  struct stat status;
  pid_t found = 0;
  g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
  if (processes == NULL || stat (folder, &status) != 0)
    return 0;
  for (const char *name = g_dir_read_name (processes); name != NULL && found == 0;
       name = g_dir_read_name (processes))
    if (strspn (name, "0123456789") == strlen (name) && works_in (name, &status))
      found = (pid_t) strtol (name, NULL, 10);
  return found;
}
