#include "base/cancel.h"
#include "base/fs.h"
#include "base/process.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "db/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER_PREFIX "pgkeel-scratch-"
/* Where the socket goes when the folder's path is too long for one: "run" is a link to it then. */
#define SHORT_RUN_PREFIX "/tmp/pgkeel-run-"
#define START_TIMEOUT_US (120 * G_USEC_PER_SEC)
#define STOP_TIMEOUT_US (10 * G_USEC_PER_SEC)
#define POLL_MS 10

/*
 * <parent>/pgkeel-scratch-XXXXXX/, held with flock by the living owner
 *   data/   run/   server.log
 */
struct ScratchCluster
{
  ServerUser user;
  char *folder, *data, *run, *log;
  char *superuser;
  Fd hold;
  pid_t pid; /* our child; 0: not running */
};

/* True when nobody lives in FOLDER any more. *RET_HOLD is our hold on it then. */
static bool
is_leftover (const char *folder, const ServerUser *user, Fd *ret_hold)
{
  struct stat info;
  uid_t owner = user->uid != 0 ? user->uid : geteuid ();
  /* One that was just made is not yet the server user's. */
  return lstat (folder, &info) == 0 && S_ISDIR (info.st_mode) && (info.st_mode & 0777) == 0700
         && (info.st_uid == owner || info.st_uid == geteuid ())
         && fs_hold_folder (folder, ret_hold);
}

/* Removes FOLDER, and the socket's folder if that is elsewhere. What could not be removed is left for
 * the next time: it must not stop the work at hand. */
static void
remove_files (const char *folder)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *link = g_build_filename (folder, "run", NULL);
  g_autofree char *run = g_file_read_link (link, NULL);
  if (run != NULL && g_str_has_prefix (run, SHORT_RUN_PREFIX)
      && strchr (run + strlen (SHORT_RUN_PREFIX), '/') == NULL && !fs_remove_tree (run, &problem))
    g_debug ("%s", problem->message);
  g_clear_error (&problem);
  if (!fs_remove_tree (folder, &problem))
    g_debug ("%s", problem->message);
}

/* A server whose owner was killed ends by itself; should one have been left, its data is worthless. */
static void
kill_servers_in (const char *data)
{
  g_autoptr (GArray) pids = server_find_processes (data);
  for (guint i = 0; i < pids->len; i++)
    kill (g_array_index (pids, pid_t, i), SIGKILL);
}

static void
remove_leftovers (const char *parent, const ServerUser *user)
{
  g_autoptr (GDir) entries = g_dir_open (parent, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      if (!g_str_has_prefix (name, FOLDER_PREFIX))
        continue;
      g_autofree char *folder = g_build_filename (parent, name, NULL);
      g_auto (Fd) hold = -1;
      if (!is_leftover (folder, user, &hold))
        continue;
      g_autofree char *data = g_build_filename (folder, "data", NULL);
      kill_servers_in (data);
      remove_files (folder);
    }
}

/* Where to make it: what the caller says, $TMPDIR, /var/tmp (which is on disk, where /tmp may be
 * memory), /tmp: the first that the server's user can enter. */
static char *
choose_parent (const ScratchSpec *spec, const ServerUser *user, GError **error)
{
  const char *const candidates[] = { spec->parent, g_getenv ("TMPDIR"), "/var/tmp", "/tmp" };
  for (size_t i = 0; i < G_N_ELEMENTS (candidates); i++)
    {
      if (candidates[i] == NULL || *candidates[i] == '\0'
          || access (candidates[i], W_OK | X_OK) != 0)
        continue;
      g_autofree char *path = g_canonicalize_filename (candidates[i], NULL);
      if (server_user_can_enter (user, path))
        return g_steal_pointer (&path);
    }
  /* The program that tries to enter them ends as well when it is told to stop. */
  if (cancel_check (error))
    keel_error (error, KEEL_ERROR_FAILED,
                "Set TMPDIR to a folder that the server's user can enter.",
                "no folder was found for a scratch cluster");
  return NULL;
}

static bool
make_socket_folder (ScratchCluster *scratch, GError **error)
{
  g_autofree char *run = g_build_filename (scratch->folder, "run", NULL);
  if (server_socket_fits (run))
    {
      scratch->run = g_steal_pointer (&run);
      return server_user_make_folder (&scratch->user, scratch->run, error);
    }
  scratch->run = g_strdup (SHORT_RUN_PREFIX "XXXXXX");
  if (g_mkdtemp (scratch->run) == NULL)
    return keel_error_errno (error, errno, "cannot make a folder in /tmp");
  if (symlink (scratch->run, run) != 0)
    {
      keel_error_errno (error, errno, "cannot link “%s”", run);
      rmdir (scratch->run);
      return false;
    }
  if (scratch->user.uid != 0 && chown (scratch->run, scratch->user.uid, scratch->user.gid) != 0)
    return keel_error_errno (error, errno, "cannot give “%s” to the server's user", scratch->run);
  return true;
}

static bool
make_folders (ScratchCluster *scratch, const char *parent, GError **error)
{
  g_autofree char *folder = g_build_filename (parent, FOLDER_PREFIX "XXXXXX", NULL);
  if (!fs_make_held_folder (folder, &scratch->hold, error))
    return false;
  scratch->folder = g_steal_pointer (&folder);
  if (scratch->user.uid != 0 && chown (scratch->folder, scratch->user.uid, scratch->user.gid) != 0)
    return keel_error_errno (error, errno, "cannot give “%s” to the server's user",
                             scratch->folder);
  scratch->data = g_build_filename (scratch->folder, "data", NULL);
  scratch->log = g_build_filename (scratch->folder, "server.log", NULL);
  return make_socket_folder (scratch, error);
}

/* Appended to postgresql.conf. Everything is lost in a crash, so nothing is done to survive one. */
static char *
settings (const ScratchCluster *scratch, const ScratchSpec *spec)
{
  g_autofree char *element = server_quote_list_element (scratch->run);
  g_autofree char *run = server_quote_setting (element);
  return g_strdup_printf ("listen_addresses = ''\n"
                          "port = " SERVER_PORT "\n"
                          "unix_socket_directories = %s\n"
                          "unix_socket_permissions = 0700\n"
                          "max_connections = %d\n"
                          "superuser_reserved_connections = 0\n"
                          "fsync = off\n"
                          "full_page_writes = %s\n"
                          "synchronous_commit = off\n"
                          "wal_level = %s\n"
                          "max_wal_senders = 0\n"
                          "max_wal_size = 2GB\n"
                          "checkpoint_timeout = 1h\n"
                          "autovacuum = off\n"
                          "shared_buffers = 128MB\n"
                          "maintenance_work_mem = 128MB\n"
                          "max_locks_per_transaction = 2048\n"
                          "max_prepared_transactions = 0\n"
                          "jit = off\n"
                          "bgwriter_lru_maxpages = 0\n",
                          run, MAX (spec->worker_count, 1) + 20, spec->measures_wal ? "on" : "off",
                          spec->measures_wal ? "replica" : "minimal");
}

static bool
write_settings (const ScratchCluster *scratch, const ScratchSpec *spec, GError **error)
{
  g_autofree char *path = g_build_filename (scratch->data, "postgresql.conf", NULL);
  g_autofree char *text = settings (scratch, spec);
  g_auto (Fd) fd = open (path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  return fs_write_all (fd, text, strlen (text), path, error);
}

static bool
did_exit (ScratchCluster *scratch)
{
  int status;
  pid_t ended = waitpid (scratch->pid, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR))
    return false;
  scratch->pid = 0;
  return true;
}

static bool
wait_until_ready (ScratchCluster *scratch, GError **error)
{
  int64_t give_up = g_get_monotonic_time () + START_TIMEOUT_US;
  while (server_ask (scratch->run) != SERVER_ACCEPTS)
    {
      struct pollfd fd = { cancel_fd (), POLLIN, 0 };
      bool exited = did_exit (scratch);
      if (exited || g_get_monotonic_time () > give_up)
        {
          g_autofree char *reason = server_log_reason (scratch->log);
          return keel_error_full (error, KEEL_ERROR_FAILED, NULL, reason, NULL,
                                  "the scratch server %s",
                                  exited ? "ended while it was starting" : "does not answer");
        }
      poll (&fd, 1, POLL_MS);
      if (!cancel_check (error))
        return false;
    }
  return true;
}

/* The server is our direct child: no pg_ctl between, so that it dies with us. */
static bool
launch (ScratchCluster *scratch, const char *bin_folder, GError **error)
{
  g_autofree char *program = g_build_filename (bin_folder, "postgres", NULL);
  const char *const argv[] = { program, "-D", scratch->data, NULL };
  const char *const environment[] = { "LC_ALL=C", "TZ=UTC", NULL };
  const ProcessSpec spec = { .argv = argv,
                             .environment = environment,
                             .folder = scratch->folder,
                             .uid = scratch->user.uid,
                             .gid = scratch->user.gid,
                             .die_with_us = true };
  return process_start (&spec, scratch->log, &scratch->pid, error)
         && wait_until_ready (scratch, error);
}

bool
scratch_start (const ScratchSpec *spec, ScratchCluster **ret_scratch, GError **error)
{
  g_autofree char *bin_folder = binaries_find_server (spec->major, NULL, error);
  if (bin_folder == NULL)
    return false;
  g_autoptr (ScratchCluster) scratch = g_new0 (ScratchCluster, 1);
  scratch->hold = -1;
  scratch->superuser = g_strdup (spec->superuser != NULL ? spec->superuser : "postgres");
  if (!server_user_default (&scratch->user, error))
    return false;
  g_autofree char *parent = choose_parent (spec, &scratch->user, error);
  if (parent == NULL)
    return false;
  remove_leftovers (parent, &scratch->user);
  if (!make_folders (scratch, parent, error))
    return false;
  const ServerInit init = { .user = &scratch->user,
                            .bin_folder = bin_folder,
                            .parent = scratch->folder,
                            .name = "data",
                            .superuser = scratch->superuser,
                            .is_scratch = true };
  if (!server_init (&init, error) || !write_settings (scratch, spec, error)
      || !launch (scratch, bin_folder, error))
    return prefix_error (error, "starting a scratch cluster of PostgreSQL %d", spec->major);
  *ret_scratch = g_steal_pointer (&scratch);
  return true;
}

char *
scratch_url (const ScratchCluster *scratch, const char *database)
{
  return scratch_url_as (scratch, scratch->superuser, database);
}

char *
scratch_url_as (const ScratchCluster *scratch, const char *user, const char *database)
{
  g_autofree char *url = server_url (scratch->run, user, database);
  /* What the user sets in PGOPTIONS is meant for servers of his own. */
  return g_strconcat (url, "&options=", NULL);
}

const char *
scratch_log_path (const ScratchCluster *scratch)
{
  return scratch->log;
}

const char *
scratch_folder (const ScratchCluster *scratch)
{
  return scratch->folder;
}

bool
scratch_make_folder (const ScratchCluster *scratch, const char *name, char **ret_path,
                     GError **error)
{
  g_autofree char *path = g_build_filename (scratch->folder, name, NULL);
  if (!server_user_make_folder (&scratch->user, path, error))
    return false;
  *ret_path = g_steal_pointer (&path);
  return true;
}

/* Immediate shutdown: nothing needs to be saved. */
static void
stop_server (ScratchCluster *scratch)
{
  int64_t give_up = g_get_monotonic_time () + STOP_TIMEOUT_US;
  if (scratch->pid == 0)
    return;
  kill (scratch->pid, SIGQUIT);
  while (!did_exit (scratch))
    {
      if (g_get_monotonic_time () > give_up)
        {
          kill (scratch->pid, SIGKILL);
          kill_servers_in (scratch->data);
        }
      g_usleep (POLL_MS * 1000 / 2);
    }
}

void
scratch_free (ScratchCluster *scratch)
{
  if (scratch == NULL)
    return;
  stop_server (scratch);
  if (scratch->folder != NULL)
    remove_files (scratch->folder);
  fd_clear (&scratch->hold);
  g_free (scratch->folder);
  g_free (scratch->data);
  g_free (scratch->run);
  g_free (scratch->log);
  g_free (scratch->superuser);
  g_free (scratch);
}
