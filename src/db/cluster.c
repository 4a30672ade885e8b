#include "db/cluster.h"
#include "base/cancel.h"
#include "base/fs.h"
#include "base/process.h"
#include "db/binaries.h"
#include "db/cluster_place.h"
#include "db/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUPERUSER "postgres"
#define NEW_DATA_PREFIX "data.new."
#define SETTINGS_FILE "pgkeel.conf"
#define SMALL_FILE_MAX_BYTES 8192
#define LOG_MAX_BYTES (16 * 1024 * 1024)
#define LOCK_TIMEOUT_MS 120000
#define READY_TIMEOUT_MS 300000
#define STOP_TIMEOUT_MS 120000
/* After a crash the children of the dead postmaster notice and leave. */
#define ORPHANS_TIMEOUT_MS 15000
#define POLL_MS 50

struct Cluster
{
  ClusterPlace place;
};

/* Waits until IS_DONE, the time is over or a cancellation arrives. */
static bool
wait_until (bool (*is_done) (const ClusterPlace *place), const ClusterPlace *place, int timeout_ms,
            bool *ret_done, GError **error)
{
  int64_t give_up = g_get_monotonic_time () + timeout_ms * INT64_C (1000);
  bool done;
  while (!(done = is_done (place)) && g_get_monotonic_time () < give_up)
    {
      struct pollfd fd = { cancel_fd (), POLLIN, 0 };
      poll (&fd, 1, POLL_MS);
      if (!cancel_check (error))
        return false;
    }
  *ret_done = done;
  return true;
}

bool
cluster_open (const char *folder, Cluster **ret_cluster, GError **error)
{
  g_auto (ClusterPlace) place = { 0 };
  if (!cluster_place_find (folder, &place, error))
    return false;
  *ret_cluster = g_new0 (Cluster, 1);
  (*ret_cluster)->place = place;
  place = (ClusterPlace){ 0 };
  return true;
}

void
cluster_free (Cluster *cluster)
{
  if (cluster == NULL)
    return;
  cluster_place_clear (&cluster->place);
  g_free (cluster);
}

/* Line NUMBER (from 1) of postmaster.pid, or NULL: 1 the process id, 5 the socket's folder. */
static char *
read_pid_file (const ClusterPlace *place, guint number)
{
  g_autofree char *path = g_build_filename (place->data, "postmaster.pid", NULL);
  g_autofree char *text = NULL;
  if (!fs_read_text (path, SMALL_FILE_MAX_BYTES, &text, NULL, NULL))
    return NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  return g_strv_length (lines) >= number ? g_strdup (g_strstrip (lines[number - 1])) : NULL;
}

/* The postmaster that lives; 0 when postmaster.pid is not there or speaks of one that is gone. A
 * process id is used again by others, and one that nobody waited for lingers: what counts is that it
 * is a server whose working folder is our data. */
static pid_t
find_postmaster (const ClusterPlace *place)
{
  g_autofree char *text = read_pid_file (place, 1);
  pid_t pid = text != NULL ? (pid_t) atoi (text) : 0;
  return pid > 0 && server_works_in (pid, place->data) ? pid : 0;
}

/* Where the running server's socket is, else where the next start puts it. */
static char *
socket_folder (const ClusterPlace *place)
{
  g_autofree char *folder = find_postmaster (place) != 0 ? read_pid_file (place, 5) : NULL;
  return g_strdup (folder != NULL && *folder != '\0' ? folder : place->run);
}

static ServerAnswer
ask (const ClusterPlace *place)
{
  g_autofree char *folder = socket_folder (place);
  return server_ask (folder);
}

ClusterState
cluster_state (const Cluster *cluster)
{
  if (!cluster_place_has_data (&cluster->place))
    return CLUSTER_ABSENT;
  if (find_postmaster (&cluster->place) == 0 || ask (&cluster->place) == SERVER_SILENT)
    return CLUSTER_STOPPED;
  return CLUSTER_RUNNING;
}

int
cluster_major (const Cluster *cluster)
{
  g_autofree char *path = g_build_filename (cluster->place.data, "PG_VERSION", NULL);
  g_autofree char *text = NULL;
  return fs_read_text (path, SMALL_FILE_MAX_BYTES, &text, NULL, NULL) ? atoi (text) : 0;
}

const char *
cluster_data_folder (const Cluster *cluster)
{
  return cluster->place.data;
}

const char *
cluster_log_path (const Cluster *cluster)
{
  return cluster->place.log;
}

int
cluster_pid (const Cluster *cluster)
{
  return (int) find_postmaster (&cluster->place);
}

char *
cluster_url (const Cluster *cluster, const char *database)
{
  g_autofree char *folder = socket_folder (&cluster->place);
  return server_url (folder, SUPERUSER, database);
}

/* One run at a time makes, starts or stops it; the next one waits, as it will find its work done. */
static bool
take_lock (const ClusterPlace *place, int *ret_fd, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s.lock", place->folder);
  g_autofree char *state = g_path_get_dirname (path);
  if (!fs_make_folder (state, place->user.uid != 0 ? 0755 : 0700, error))
    return false;
  for (int waited_ms = 0;; waited_ms += POLL_MS)
    {
      g_autoptr (GError) problem = NULL;
      if (fs_lock (path, ret_fd, &problem))
        return true;
      if (!keel_error_is (problem, KEEL_ERROR_LOCKED) || waited_ms >= LOCK_TIMEOUT_MS)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      struct pollfd fd = { cancel_fd (), POLLIN, 0 };
      poll (&fd, 1, POLL_MS);
      if (!cancel_check (error))
        return false;
    }
}

/* Appended to the postgresql.conf that initdb wrote. Where it listens is decided at each start. */
static const char fixed_settings[]
    = "\n# Written by pgkeel. The socket's folder is set in " SETTINGS_FILE
      " at each start; settings below\n"
      "# the include win over it.\n"
      "include_if_exists = '" SETTINGS_FILE "'\n"
      "max_locks_per_transaction = 256\n"
      "log_line_prefix = '%m [%p] %q%u@%d '\n"
      "log_checkpoints = on\n"
      "log_lock_waits = on\n";

static bool
append_settings (const char *data, GError **error)
{
  g_autofree char *path = g_build_filename (data, "postgresql.conf", NULL);
  g_auto (Fd) fd = open (path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  if (!fs_write_all (fd, fixed_settings, strlen (fixed_settings), path, error))
    return false;
  return fsync (fd) == 0 || keel_error_errno (error, errno, "cannot sync “%s”", path);
}

/* What killed runs left. */
static bool
remove_half_made (const ClusterPlace *place, GError **error)
{
  g_autoptr (GDir) entries = g_dir_open (place->home, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (place->home, name, NULL);
      if (g_str_has_prefix (name, NEW_DATA_PREFIX) && !fs_remove_tree (path, error))
        return false;
    }
  return true;
}

/* Makes the data under another name first: a run that is killed leaves nothing half made. A name of
 * its own, since the initdb of a killed run may take a moment to notice, and cleans up after itself. */
static bool
make_data (const ClusterPlace *place, const char *bin_folder, GError **error)
{
  g_autofree char *name = g_strdup_printf (NEW_DATA_PREFIX "%d.%" G_GINT64_FORMAT, (int) getpid (),
                                           g_get_monotonic_time ());
  g_autofree char *new_data = g_build_filename (place->home, name, NULL);
  const ServerInit init = { .user = &place->user,
                            .bin_folder = bin_folder,
                            .parent = place->home,
                            .name = name,
                            .superuser = SUPERUSER };
  if (!remove_half_made (place, error))
    return false;
  if (!server_init (&init, error) || !append_settings (new_data, error))
    {
      g_autoptr (GError) problem = NULL;
      if (!fs_remove_tree (new_data, &problem))
        g_debug ("%s", problem->message);
      return false;
    }
  if (rename (new_data, place->data) != 0)
    return keel_error_errno (error, errno, "cannot rename “%s” to “%s”", new_data, place->data);
  return fs_sync_folder (place->home, error);
}

static bool
write_socket_settings (const ClusterPlace *place, GError **error)
{
  g_autofree char *element = server_quote_list_element (place->run);
  g_autofree char *run = server_quote_setting (element);
  g_autofree char *path = g_build_filename (place->data, SETTINGS_FILE, NULL);
  g_autofree char *text = g_strdup_printf ("listen_addresses = ''\n"
                                           "port = " SERVER_PORT "\n"
                                           "unix_socket_directories = %s\n"
                                           "unix_socket_permissions = 0700\n",
                                           run);
  if (!fs_write_durable (path, text, strlen (text), 0600, error))
    return false;
  if (place->user.uid != 0 && lchown (path, place->user.uid, place->user.gid) != 0)
    return keel_error_errno (error, errno, "cannot give “%s” to the server's user", path);
  return true;
}

static bool
has_no_processes (const ClusterPlace *place)
{
  g_autoptr (GArray) pids = server_find_processes (place->data);
  return pids->len == 0;
}

/* Files that name a dead server keep PostgreSQL from starting when the process id is in use again or
 * was never waited for (in a container without an init). They go only when no process of the old
 * server is left: starting beside one would ruin the data. */
static bool
clear_stale_files (const ClusterPlace *place, GError **error)
{
  static const char *const sockets[] = { ".s.PGSQL." SERVER_PORT, ".s.PGSQL." SERVER_PORT ".lock" };
  g_autofree char *pid_file = g_build_filename (place->data, "postmaster.pid", NULL);
  bool gone = false;
  if (!g_file_test (pid_file, G_FILE_TEST_EXISTS))
    return true;
  if (!wait_until (has_no_processes, place, ORPHANS_TIMEOUT_MS, &gone, error))
    return false;
  if (!gone)
    return keel_error (error, KEEL_ERROR_FAILED,
                       "End them (ps shows them as “postgres”), then start again.",
                       "processes of a server that crashed still work in “%s”", place->data);
  if (!server_can_find_processes ())
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS (sockets); i++)
    {
      g_autofree char *path = g_build_filename (place->run, sockets[i], NULL);
      unlink (path);
    }
  if (unlink (pid_file) != 0 && errno != ENOENT)
    return keel_error_errno (error, errno, "cannot remove “%s”", pid_file);
  return true;
}

/* One old log is kept. */
static void
rotate_log (const ClusterPlace *place)
{
  struct stat info;
  g_autofree char *old = g_strdup_printf ("%s.1", place->log);
  if (lstat (place->log, &info) == 0 && info.st_size > LOG_MAX_BYTES
      && rename (place->log, old) != 0)
    g_debug ("cannot rename %s", place->log);
}

/* Relative names: pg_ctl hands its arguments to a shell, and the path may hold anything. */
static bool
run_pg_ctl (const ClusterPlace *place, const char *bin_folder, GError **error)
{
  g_autofree char *program = g_build_filename (bin_folder, "pg_ctl", NULL);
  g_autofree char *timeout = g_strdup_printf ("--timeout=%d", READY_TIMEOUT_MS / 1000);
  const char *const argv[]
      = { program, "--pgdata=data", "--log=server.log", timeout, "--wait", "start", NULL };
  const char *const environment[] = { "LC_ALL=C", NULL };
  const ProcessSpec spec = { .argv = argv,
                             .environment = environment,
                             .folder = place->home,
                             .uid = place->user.uid,
                             .gid = place->user.gid };
  g_auto (ProcessResult) result = { 0 };
  if (!process_run (&spec, &result, error))
    return false;
  if (result.exit_code == 0)
    return true;
  g_autofree char *reason = server_log_reason (place->log);
  g_autofree char *hint = g_strdup_printf ("The server's log says more: %s", place->log);
  return keel_error_full (error, KEEL_ERROR_FAILED, NULL, reason, hint,
                          find_postmaster (place) != 0
                              ? "the server is not ready after %d s"
                              : "the server did not start (pg_ctl waited at most %d s)",
                          READY_TIMEOUT_MS / 1000);
}

/* The programs for data of version DATA_MAJOR, which only the same version can run. */
static char *
find_bin_folder (const ClusterPlace *place, int data_major, int major, GError **error)
{
  if (data_major != 0 && major != 0 && data_major != major)
    {
      g_autofree char *hint = g_strdup_printf (
          "Ask for PostgreSQL %d (apt-get install postgresql-%d), or move the data over: back it up, remove "
          "“%s”, start again and restore.",
          data_major, data_major, place->data);
      keel_error (error, KEEL_ERROR_FAILED, hint,
                  "the cluster's data is of PostgreSQL %d, and version %d was asked for",
                  data_major, major);
      return NULL;
    }
  char *bin_folder = binaries_find_server (data_major != 0 ? data_major : major, NULL, error);
  if (bin_folder == NULL && data_major != 0)
    {
      int other = 0;
      g_autofree char *found = binaries_find_server (0, &other, NULL);
      if (found != NULL)
        prefix_error (error, "the cluster's data is of PostgreSQL %d, and only %d is here",
                      data_major, other);
    }
  return bin_folder;
}

static bool
accepts (const ClusterPlace *place)
{
  return find_postmaster (place) == 0 || ask (place) == SERVER_ACCEPTS;
}

/* A server that lives: it may be recovering from a crash. */
static bool
wait_until_ready (const ClusterPlace *place, GError **error)
{
  bool ready = false;
  if (!wait_until (accepts, place, READY_TIMEOUT_MS, &ready, error))
    return false;
  if (ready && find_postmaster (place) != 0)
    return true;
  g_autofree char *reason = server_log_reason (place->log);
  g_autofree char *hint = g_strdup_printf ("The server's log says more: %s", place->log);
  return keel_error_full (error, KEEL_ERROR_FAILED, NULL, reason, hint,
                          ready ? "the server ended again"
                                : "the server does not take connections");
}

static bool
start_locked (Cluster *cluster, int major, GError **error)
{
  /* Another run may have made it while we waited for the lock. */
  g_auto (ClusterPlace) place = { 0 };
  if (!cluster_place_find (cluster->place.folder, &place, error))
    return false;
  ClusterPlace former = cluster->place;
  cluster->place = place;
  place = former;

  const ClusterPlace *here = &cluster->place;
  bool has_data = cluster_place_has_data (here);
  int data_major = cluster_major (cluster);
  if (has_data && data_major == 0)
    return keel_error (error, KEEL_ERROR_CORRUPT,
                       "Restore the folder from a copy, or move it away to start anew.",
                       "“%s” is there, and is not a PostgreSQL cluster", here->data);
  g_autofree char *bin_folder = find_bin_folder (here, data_major, major, error);
  if (bin_folder == NULL)
    return false;
  if (find_postmaster (here) != 0)
    return wait_until_ready (here, error);
  if (!cluster_place_make (here, error) || (!has_data && !make_data (here, bin_folder, error)))
    return false;
  rotate_log (here);
  return clear_stale_files (here, error) && write_socket_settings (here, error)
         && run_pg_ctl (here, bin_folder, error) && wait_until_ready (here, error);
}

bool
cluster_start (Cluster *cluster, int major, GError **error)
{
  g_auto (Fd) lock = -1;
  return take_lock (&cluster->place, &lock, error) && start_locked (cluster, major, error);
}

static bool
has_ended (const ClusterPlace *place)
{
  return find_postmaster (place) == 0 && has_no_processes (place);
}

/* A socket's folder outside of the cluster's own goes when it is empty. */
static void
remove_short_run (const ClusterPlace *place)
{
  if (!g_str_has_prefix (place->run, place->home) && rmdir (place->run) != 0)
    g_debug ("cannot remove %s", place->run);
}

bool
cluster_stop (Cluster *cluster, GError **error)
{
  g_auto (Fd) lock = -1;
  if (!cluster_place_has_data (&cluster->place))
    return true;
  if (!take_lock (&cluster->place, &lock, error))
    return false;
  pid_t pid = find_postmaster (&cluster->place);
  bool ended = false;
  /* Fast mode, without pg_ctl: it works when the programs are no longer installed. */
  if (pid == 0)
    return true;
  if (kill (pid, SIGINT) != 0 && errno != ESRCH)
    return keel_error_errno (error, errno, "cannot stop the server (process %d)", (int) pid);
  if (!wait_until (has_ended, &cluster->place, STOP_TIMEOUT_MS, &ended, error))
    return false;
  if (ended)
    {
      remove_short_run (&cluster->place);
      return true;
    }
  g_autofree char *hint = g_strdup_printf ("The server's log says more: %s", cluster->place.log);
  return keel_error (error, KEEL_ERROR_FAILED, hint, "the server (process %d) is still stopping",
                     (int) pid);
}
