#include "guard/release.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STATE_FOLDER "/var/lib/pgkeel/guard"
#define ENDING ".release"
#define FILE_MAX_BYTES 8192

char *
guard_release_folder (void)
{
  const char *state = g_getenv ("PGKEEL_GUARD_STATE");
  return g_build_filename (state != NULL && *state != '\0' ? state : STATE_FOLDER, "releases",
                           NULL);
}

void
guard_release_entry_free (GuardReleaseEntry *entry)
{
  if (entry == NULL)
    return;
  g_free (entry->volume);
  g_free (entry->identity);
  g_free (entry->by);
  g_free (entry);
}

/* A hash, so that no volume's name is a path; caller frees. */
static char *
file_name (const char *volume)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (volume, strlen (volume), sum);
  g_autofree char *hex = sha256_hex (sum);
  return g_strconcat (hex, ENDING, NULL);
}

/* Root's or our own, and nobody else's to write. */
static bool
is_trusted (const struct stat *info)
{
  return (info->st_uid == 0 || info->st_uid == geteuid ()) && (info->st_mode & 022) == 0;
}

/* -1 when there is none, or none that can be trusted; errno says why, 0: it is not trusted. */
static int
open_folder (const char *folder)
{
  struct stat info;
  g_auto (Fd) fd = open (folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return -1;
  if (fstat (fd, &info) != 0 || !is_trusted (&info))
    {
      errno = 0;
      return -1;
    }
  int opened = fd;
  fd = -1;
  return opened;
}

/* The whole file as JSON; NULL when it is not one that counts. A link to a file elsewhere is none, and
 * neither is a file with a second name. */
static json_t *
read_file (int folder_fd, const char *name)
{
  struct stat info;
  char text[FILE_MAX_BYTES + 1];
  g_auto (Fd) fd = openat (folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &info) != 0 || !S_ISREG (info.st_mode) || !is_trusted (&info)
      || info.st_nlink > 1 || info.st_size > FILE_MAX_BYTES)
    return NULL;
  ssize_t length = read (fd, text, sizeof text);
  if (length != info.st_size)
    return NULL;
  return json_loadb (text, (size_t) length, JSON_REJECT_DUPLICATES, NULL);
}

static GuardReleaseEntry *
parse (const json_t *object, GuardAct *ret_act)
{
  const char *volume, *identity, *act, *by;
  json_int_t expires;
  if (object == NULL
      || json_unpack ((json_t *) object, "{s:s, s:s, s:s, s:s, s:I}", "volume", &volume, "identity",
                      &identity, "act", &act, "by", &by, "expires", &expires)
             != 0
      || strcmp (act, guard_act_name (GUARD_VOLUME_REMOVE)) != 0)
    return NULL;
  GuardReleaseEntry *entry = g_new0 (GuardReleaseEntry, 1);
  entry->volume = g_strdup (volume);
  entry->identity = g_strdup (identity);
  entry->by = g_strdup (by);
  entry->expires = expires;
  *ret_act = GUARD_VOLUME_REMOVE;
  return entry;
}

/* One that ends later than any could that was made by now is not ours, or the clock was put back. */
static bool
fits (int folder_fd, const char *name, const GuardRelease *wanted, int64_t now)
{
  GuardAct act;
  g_autoptr (json_t) object = read_file (folder_fd, name);
  g_autoptr (GuardReleaseEntry) entry = parse (object, &act);
  return entry != NULL && act == wanted->act && strcmp (entry->volume, wanted->volume) == 0
         && strcmp (entry->identity, wanted->identity) == 0 && now < entry->expires
         && entry->expires - now <= GUARD_RELEASE_SECONDS;
}

/* Of two that come at once, one moves it away and the other finds nothing. What was moved is looked at
 * again: it may be another than the one that was seen. */
static bool
take_it (int folder_fd, const char *folder, const char *name, const GuardRelease *wanted,
         int64_t now, bool *ret_found, GError **error)
{
  static int counter;
  g_autofree char *taken
      = g_strdup_printf (".%s.taken-%d-%d", name, (int) getpid (), g_atomic_int_add (&counter, 1));
  if (renameat (folder_fd, name, folder_fd, taken) != 0)
    {
      if (errno == ENOENT)
        return true;
      return keel_error_errno (error, errno, "cannot use up the release in “%s”", folder);
    }
  bool found = fits (folder_fd, taken, wanted, now);
  /* On disk before the volume goes: a crash must not bring the release back. */
  if (unlinkat (folder_fd, taken, 0) != 0 || fsync (folder_fd) != 0)
    return keel_error_errno (error, errno, "cannot use up the release in “%s”", folder);
  *ret_found = found;
  return true;
}

bool
guard_release_find (const char *folder, const char *volume, const char *identity, GuardAct act,
                    int64_t now, bool take, bool *ret_found, GError **error)
{
  GuardRelease wanted = { .volume = volume, .identity = identity, .act = act };
  *ret_found = false;
  g_auto (Fd) fd = open_folder (folder);
  if (fd < 0 || volume == NULL || identity == NULL)
    return true;
  g_autofree char *name = file_name (volume);
  bool found = fits (fd, name, &wanted, now);
  if (!found || !take)
    {
      *ret_found = found;
      return true;
    }
  return take_it (fd, folder, name, &wanted, now, ret_found, error);
}

bool
guard_release_prepare (const char *folder, GError **error)
{
  if (!fs_make_folder (folder, 0700, error))
    return false;
  g_auto (Fd) fd = open_folder (folder);
  if (fd < 0 && errno != 0)
    return keel_error_errno (error, errno, "cannot open the folder “%s”", folder);
  if (fd < 0)
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Give it to root with mode 0700, or name another one with "
                       "PGKEEL_GUARD_STATE.",
                       "others may write in “%s”: no release in it counts", folder);
  return true;
}

bool
guard_release_write (const char *folder, const GuardRelease *release, GError **error)
{
  if (!guard_release_prepare (folder, error))
    return false;
  g_autoptr (json_t) object = json_pack (
      "{s:s, s:s, s:s, s:s, s:I}", "volume", release->volume, "identity", release->identity, "act",
      guard_act_name (release->act), "by", release->by, "expires", (json_int_t) release->expires);
  if (object == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "a release's texts must be UTF-8");
  g_autofree char *text = json_dumps (object, JSON_INDENT (2));
  g_autofree char *name = file_name (release->volume);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return fs_write_durable (path, text, strlen (text), 0600, error);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const GuardReleaseEntry *const *one = a, *const *two = b;
  return strcmp ((*one)->volume, (*two)->volume);
}

bool
guard_release_list (const char *folder, GPtrArray **ret_entries, GError **error)
{
  g_autoptr (GPtrArray) entries
      = g_ptr_array_new_with_free_func ((GDestroyNotify) guard_release_entry_free);
  g_auto (Fd) fd = open_folder (folder);
  if (fd < 0 && errno != ENOENT)
    return errno == 0 ? keel_error (error, KEEL_ERROR_REFUSED,
                                    "Give it to root with mode 0700; what is in it does not count.",
                                    "others may write in “%s”", folder)
                      : keel_error_errno (error, errno, "cannot open the folder “%s”", folder);
  g_autoptr (GDir) dir = fd >= 0 ? g_dir_open (folder, 0, error) : NULL;
  if (fd >= 0 && dir == NULL)
    return false;
  for (const char *name = dir != NULL ? g_dir_read_name (dir) : NULL; name != NULL;
       name = g_dir_read_name (dir))
    {
      GuardAct act;
      g_autoptr (json_t) object
          = *name != '.' && g_str_has_suffix (name, ENDING) ? read_file (fd, name) : NULL;
      GuardReleaseEntry *entry = parse (object, &act);
      if (entry != NULL)
        g_ptr_array_add (entries, entry);
    }
  g_ptr_array_sort (entries, compare_entries);
  *ret_entries = g_steal_pointer (&entries);
  return true;
}

bool
guard_release_revoke (const char *folder, const char *volume, bool *ret_found, GError **error)
{
  g_autofree char *name = file_name (volume);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  *ret_found = unlink (path) == 0;
  if (!*ret_found && errno != ENOENT)
    return keel_error_errno (error, errno, "cannot take back the release of “%s”", volume);
  return !*ret_found || fs_sync_folder (folder, error);
}
