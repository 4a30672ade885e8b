#include "db/cluster_place.h"
#include "base/cancel.h"
#include "base/digest.h"
#include "base/fs.h"
#include "db/server.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ELSEWHERE "/var/lib/pgkeel"
#define LOCATION_MAX_BYTES 16384
#define HASH_CHARS 12

/* The beginning of the SHA-256 of TEXT. */
static char *
short_hash (const char *text)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (text, strlen (text), sum);
  g_autofree char *hex = sha256_hex (sum);
  return g_strndup (hex, HASH_CHARS);
}

/* /var/lib/pgkeel/ledgerflow-development-0123456789ab */
static char *
elsewhere_of (const char *folder)
{
  g_autofree char *environment = g_path_get_basename (folder);
  g_autofree char *state = g_path_get_dirname (folder);
  g_autofree char *project = g_path_get_dirname (state);
  g_autofree char *project_name = g_path_get_basename (project);
  g_autofree char *hash = short_hash (folder);
  g_autofree char *name = g_strdup_printf ("%.40s-%.40s", project_name, environment);
  g_strcanon (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_", '_');
  return g_strdup_printf (ELSEWHERE "/%s-%s", name, hash);
}

static char *
location_path (const char *folder)
{
  return g_build_filename (folder, "location", NULL);
}

/* The folder that <folder>/location names, or NULL: it is not there, or it is of another project that
 * this one was copied from. */
static bool
read_location (const char *folder, char **ret_home, GError **error)
{
  g_autofree char *path = location_path (folder);
  g_autofree char *text = NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  if (!fs_read_text (path, LOCATION_MAX_BYTES, &text, NULL, error))
    return false;
  g_auto (GStrv) lines = g_strsplit (text, "\n", 3);
  if (g_strv_length (lines) < 2 || !g_str_has_prefix (lines[0], ELSEWHERE "/")
      || strstr (lines[0], "..") != NULL)
    return keel_error (
        error, KEEL_ERROR_CORRUPT,
        "Write the folder that holds the cluster into its first line and this folder into "
        "its second, or remove it.",
        "“%s” does not name a folder under " ELSEWHERE, path);
  g_autofree char *original = location_path (lines[1]);
  if (strcmp (lines[1], folder) == 0 || !g_file_test (original, G_FILE_TEST_EXISTS))
    *ret_home = g_strdup (lines[0]);
  return true;
}

static bool
write_location (const ClusterPlace *place, GError **error)
{
  g_autofree char *path = location_path (place->folder);
  g_autofree char *text = g_strdup_printf ("%s\n%s\n", place->home, place->folder);
  return fs_write_durable (path, text, strlen (text), 0644, error);
}

/* The nearest folder on the way to PATH, itself included, that exists. */
static char *
nearest_existing (const char *path)
{
  g_autofree char *folder = g_strdup (path);
  while (!g_file_test (folder, G_FILE_TEST_IS_DIR) && strcmp (folder, "/") != 0)
    {
      char *parent = g_path_get_dirname (folder);
      g_free (folder);
      folder = parent;
    }
  return g_steal_pointer (&folder);
}

/* Where a cluster that is not there yet would go. */
static bool
choose_home (const char *folder, char **ret_home, ServerUser *ret_user, GError **error)
{
  g_autofree char *existing = nearest_existing (folder);
  if (!server_user_default (ret_user, error))
    return false;
  *ret_home
      = server_user_can_enter (ret_user, existing) ? g_strdup (folder) : elsewhere_of (folder);
  /* Who was told to stop has not learnt whether it can be entered. */
  return cancel_check (error);
}

/* HOME/run when its socket's path fits, else a short folder that is always the same for HOME. */
static char *
socket_folder_of (const char *home, const ServerUser *user)
{
  g_autofree char *run = g_build_filename (home, "run", NULL);
  if (server_socket_fits (run))
    return g_steal_pointer (&run);
  g_autofree char *hash = short_hash (home);
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  /* Root's runtime folder is closed to the server's user. */
  if (user->uid == 0 && runtime != NULL && runtime[0] == '/' && access (runtime, W_OK | X_OK) == 0)
    {
      g_autofree char *name = g_strdup_printf ("pgkeel-%s", hash);
      g_autofree char *folder = g_build_filename (runtime, name, NULL);
      if (server_socket_fits (folder))
        return g_steal_pointer (&folder);
    }
  return g_strdup_printf ("/tmp/pgkeel-%u-%s",
                          (unsigned int) (user->uid != 0 ? user->uid : geteuid ()), hash);
}

static bool
is_there (const char *path, bool *ret_is, GError **error)
{
  struct stat info;
  *ret_is = lstat (path, &info) == 0;
  return *ret_is || errno == ENOENT || errno == ENOTDIR
         || keel_error_errno (error, errno, "cannot look at “%s”", path);
}

bool
cluster_place_find (const char *folder, ClusterPlace *ret_place, GError **error)
{
  g_auto (ClusterPlace) place = { .folder = g_canonicalize_filename (folder, NULL) };
  g_autofree char *data_here = g_build_filename (place.folder, "data", NULL);
  bool has_data = false;
  if (!is_there (data_here, &has_data, error))
    return false;
  if (has_data)
    place.home = g_strdup (place.folder);
  else if (!read_location (place.folder, &place.home, error))
    return false;
  if (place.home == NULL && !choose_home (place.folder, &place.home, &place.user, error))
    return false;
  place.data = g_build_filename (place.home, "data", NULL);
  place.log = g_build_filename (place.home, "server.log", NULL);
  if (!is_there (place.data, &has_data, error))
    return false;
  bool known = has_data ? server_user_of_folder (place.data, &place.user, error)
                        : server_user_default (&place.user, error);
  if (!known)
    return false;
  place.run = socket_folder_of (place.home, &place.user);
  *ret_place = place;
  place = (ClusterPlace){ 0 };
  return true;
}

bool
cluster_place_make (const ClusterPlace *place, GError **error)
{
  g_autofree char *state = g_path_get_dirname (place->folder);
  bool is_elsewhere = strcmp (place->home, place->folder) != 0;
  /* The server's user must be able to pass; who is not root keeps it to himself. */
  if (!fs_make_folder (state, place->user.uid != 0 ? 0755 : 0700, error))
    return false;
  if (is_elsewhere
      && (!fs_make_folder (place->folder, 0700, error) || !fs_make_folder (ELSEWHERE, 0755, error)))
    return false;
  if (!server_user_make_folder (&place->user, place->home, error)
      || !server_user_make_folder (&place->user, place->run, error))
    return false;
  return !is_elsewhere || write_location (place, error);
}

bool
cluster_place_has_data (const ClusterPlace *place)
{
  return g_file_test (place->data, G_FILE_TEST_IS_DIR);
}

void
cluster_place_clear (ClusterPlace *place)
{
  g_clear_pointer (&place->folder, g_free);
  g_clear_pointer (&place->home, g_free);
  g_clear_pointer (&place->data, g_free);
  g_clear_pointer (&place->log, g_free);
  g_clear_pointer (&place->run, g_free);
}
