#include "base/process.h"
#include "base/cancel.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX_DEFAULT (1024 * 1024)
/* How long a child may take to end after SIGTERM. */
#define PATIENCE_US (5 * G_USEC_PER_SEC)
#define CANCELLED_POLL_MS 20

void
process_result_clear (ProcessResult *result)
{
  g_clear_pointer (&result->output, g_free);
  g_clear_pointer (&result->errors, g_free);
}

/* Runs in the child between fork and exec: only calls that are safe there. */
static void
prepare_child (gpointer data)
{
  const ProcessSpec *spec = data;
  signal (SIGPIPE, SIG_DFL);
  /* A shell makes those it runs in the background ignore it. */
  signal (SIGQUIT, SIG_DFL);
  if (spec->own_group && setpgid (0, 0) != 0)
    _exit (126);
  if (spec->uid != 0 && geteuid () == 0)
    if (setgroups (0, NULL) != 0 || setgid (spec->gid) != 0 || setuid (spec->uid) != 0)
      _exit (126);
  /* After setuid, which would clear it. */
  if (spec->die_with_us && prctl (PR_SET_PDEATHSIG, SIGQUIT) != 0)
    _exit (126);
}

static char **
child_environment (const ProcessSpec *spec)
{
  char **environment = g_get_environ ();
  for (size_t i = 0; spec->environment != NULL && spec->environment[i] != NULL; i++)
    {
      const char *equals = strchr (spec->environment[i], '=');
      g_assert (equals != NULL);
      g_autofree char *name
          = g_strndup (spec->environment[i], (gsize) (equals - spec->environment[i]));
      environment = g_environ_setenv (environment, name, equals + 1, TRUE);
    }
  return environment;
}

static void
prepare_detached (gpointer data)
{
  sigset_t none;
  /* A thread that starts it may have blocked signals; who executes inherits that. */
  if (setsid () < 0 || sigemptyset (&none) != 0 || sigprocmask (SIG_SETMASK, &none, NULL) != 0)
    _exit (126);
  prepare_child (data);
}

/* Root whose capabilities were taken away, as in a unit of systemd, may not be able to become somebody else; a child
 * that nobody waits for would end without a word. */
static bool
check_may_become (const ProcessSpec *spec, GError **error)
{
  if (spec->uid == 0 || geteuid () != 0
      || (prctl (PR_CAPBSET_READ, CAP_SETUID) == 1 && prctl (PR_CAPBSET_READ, CAP_SETGID) == 1))
    return true;
  return keel_error (error, KEEL_ERROR_FAILED,
                     "Its unit must have CAP_SETUID and CAP_SETGID in CapabilityBoundingSet.",
                     "“%s” cannot be run as the user %u: this process may not change users",
                     spec->argv[0], (unsigned int) spec->uid);
}

bool
process_detach (const ProcessSpec *spec, const char *program, GError **error)
{
  if (!check_may_become (spec, error))
    return false;
  g_auto (GStrv) environment = child_environment (spec);
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GError) problem = NULL;
  int flags = G_SPAWN_STDOUT_TO_DEV_NULL;
  if (program != NULL)
    g_ptr_array_add (words, (char *) program);
  for (size_t i = 0; spec->argv[i] != NULL; i++)
    g_ptr_array_add (words, (char *) spec->argv[i]);
  g_ptr_array_add (words, NULL);
  flags |= program != NULL ? G_SPAWN_FILE_AND_ARGV_ZERO : G_SPAWN_SEARCH_PATH;
  if (spec->is_silent)
    flags |= G_SPAWN_STDERR_TO_DEV_NULL;
  /* Without DO_NOT_REAP_CHILD GLib forks twice: init will wait for it. */
  if (g_spawn_async (spec->folder, (char **) words->pdata, environment, (GSpawnFlags) flags,
                     prepare_detached, (gpointer) spec, NULL, &problem))
    return true;
  return keel_error (error, KEEL_ERROR_FAILED, NULL, "cannot start “%s”: %s", spec->argv[0],
                     problem->message);
}

/* Spawns with the given standard descriptors. */
static bool
spawn (const ProcessSpec *spec, int in, int out, int err, pid_t *ret_pid, GError **error)
{
  g_auto (GStrv) environment = child_environment (spec);
  g_autoptr (GError) problem = NULL;
  GPid pid;
  if (g_spawn_async_with_fds (spec->folder, (char **) spec->argv, environment,
                              G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, prepare_child,
                              (gpointer) spec, &pid, in, out, err, &problem))
    {
      *ret_pid = pid;
      return true;
    }
  KeelErrorKind kind = g_error_matches (problem, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT)
                           ? KEEL_ERROR_MISSING
                           : KEEL_ERROR_FAILED;
  return keel_error (error, kind, NULL, "cannot run “%s”: %s", spec->argv[0], problem->message);
}

/* Keeps the beginning of standard output, the end of standard error. */
static void
keep (GString *text, const char *chunk, size_t length, size_t max_bytes, bool keep_end, bool *cut)
{
  *cut = *cut || text->len + length > max_bytes;
  if (keep_end)
    {
      g_string_append_len (text, chunk, (gssize) length);
      if (text->len > max_bytes)
        g_string_erase (text, 0, (gssize) (text->len - max_bytes));
    }
  else if (text->len < max_bytes)
    g_string_append_len (text, chunk, (gssize) MIN (length, max_bytes - text->len));
}

typedef struct
{
  int in, out, err; /* our ends; -1 when closed */
  const char *input;
  size_t input_left;
  GString *output, *errors;
  size_t max_bytes;
  bool output_cut, errors_cut;
  bool cancelled;
  int64_t patience_ends_us; /* once cancelled */
} Pump;

static void
pump_read (int *fd, GString *text, size_t max_bytes, bool keep_end, bool *cut)
{
  char chunk[16384];
  ssize_t count = read (*fd, chunk, sizeof chunk);
  if (count > 0)
    keep (text, chunk, (size_t) count, max_bytes, keep_end, cut);
  else if (count == 0 || (errno != EINTR && errno != EAGAIN))
    {
      close (*fd);
      *fd = -1;
    }
}

static void
pump_write (Pump *pump)
{
  ssize_t count = write (pump->in, pump->input, pump->input_left);
  if (count > 0)
    {
      pump->input += count;
      pump->input_left -= (size_t) count;
    }
  if ((count < 0 && errno != EINTR && errno != EAGAIN) || pump->input_left == 0)
    {
      close (pump->in);
      pump->in = -1;
    }
}

static bool
has_ended (pid_t pid)
{
  siginfo_t info = { 0 };
  return waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

/* After a cancellation only the child's own end counts: what it started may hold the pipes open. True
 * when it is over; a child that does not react is killed. */
static bool
is_over (Pump *pump, pid_t pid)
{
  if (!pump->cancelled)
    return false;
  if (has_ended (pid))
    return true;
  if (g_get_monotonic_time () > pump->patience_ends_us)
    kill (pid, SIGKILL);
  return false;
}

/* Moves bytes until the child has closed its ends; passes a cancellation on as SIGTERM. */
static void
pump_run (Pump *pump, pid_t pid)
{
  while ((pump->out >= 0 || pump->err >= 0) && !is_over (pump, pid))
    {
      struct pollfd fds[] = { { pump->out, POLLIN, 0 },
                              { pump->err, POLLIN, 0 },
                              { pump->in, POLLOUT, 0 },
                              { pump->cancelled ? -1 : cancel_fd (), POLLIN, 0 } };
      if (poll (fds, G_N_ELEMENTS (fds), pump->cancelled ? CANCELLED_POLL_MS : -1) < 0)
        continue;
      if (fds[3].revents != 0)
        {
          pump->cancelled = true;
          pump->patience_ends_us = g_get_monotonic_time () + PATIENCE_US;
          kill (pid, SIGTERM);
        }
      if (fds[0].revents != 0)
        pump_read (&pump->out, pump->output, pump->max_bytes, false, &pump->output_cut);
      if (fds[1].revents != 0)
        pump_read (&pump->err, pump->errors, pump->max_bytes, true, &pump->errors_cut);
      if (fds[2].revents != 0)
        pump_write (pump);
    }
  fd_clear (&pump->out);
  fd_clear (&pump->err);
}

int
process_wait (pid_t pid)
{
  int status = 0;
  while (waitpid (pid, &status, 0) < 0)
    if (errno != EINTR)
      return 255;
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

static bool
open_pipe (int fds[2], GError **error)
{
  if (pipe2 (fds, O_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "cannot make a pipe");
  return true;
}

bool
process_run (const ProcessSpec *spec, ProcessResult *ret_result, GError **error)
{
  int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
  pid_t pid = 0;
  bool started = (spec->input == NULL || open_pipe (in, error)) && open_pipe (out, error)
                 && open_pipe (err, error) && spawn (spec, in[0], out[1], err[1], &pid, error);
  fd_clear (&in[0]);
  fd_clear (&out[1]);
  fd_clear (&err[1]);
  g_autoptr (GString) output = g_string_new (NULL);
  g_autoptr (GString) errors = g_string_new (NULL);
  Pump pump = { .in = in[1], .out = out[0], .err = err[0], .output = output, .errors = errors };
  if (!started)
    {
      fd_clear (&pump.in);
      fd_clear (&pump.out);
      fd_clear (&pump.err);
      return false;
    }
  pump.input = spec->input;
  pump.input_left = spec->input != NULL ? strlen (spec->input) : 0;
  pump.max_bytes = spec->output_max_bytes != 0 ? spec->output_max_bytes : OUTPUT_MAX_DEFAULT;
  if (pump.in >= 0 && pump.input_left == 0)
    fd_clear (&pump.in);
  if (pump.in >= 0)
    g_unix_set_fd_nonblocking (pump.in, TRUE, NULL);
  pump_run (&pump, pid);
  fd_clear (&pump.in);
  int exit_code = process_wait (pid);
  if (pump.cancelled)
    return cancel_check (error);

  ret_result->exit_code = exit_code;
  ret_result->output_cut = pump.output_cut;
  ret_result->output_length = output->len;
  ret_result->output = g_string_free (g_steal_pointer (&output), FALSE);
  ret_result->errors = g_string_free (g_steal_pointer (&errors), FALSE);
  return true;
}

/* The last line that says something, for a detail. */
static char *
last_line (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = g_strv_length (lines); i > 0; i--)
    if (*g_strstrip (lines[i - 1]) != '\0')
      return g_strdup (lines[i - 1]);
  return NULL;
}

bool
process_run_ok (const ProcessSpec *spec, ProcessResult *ret_result, GError **error)
{
  g_auto (ProcessResult) result = { 0 };
  if (!process_run (spec, &result, error))
    return false;
  if (result.exit_code != 0)
    {
      g_autofree char *detail = last_line (result.errors);
      g_autofree char *name = g_path_get_basename (spec->argv[0]);
      return keel_error_full (error, KEEL_ERROR_FAILED, NULL, detail, NULL,
                              "%s failed with exit code %d", name, result.exit_code);
    }
  if (result.output_cut)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "“%s” wrote more than expected",
                       spec->argv[0]);
  *ret_result = result;
  result = (ProcessResult){ 0 };
  return true;
}

bool
process_start (const ProcessSpec *spec, const char *log_path, pid_t *ret_pid, GError **error)
{
  const char *path = log_path != NULL ? log_path : "/dev/null";
  g_auto (Fd) log = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  return spawn (spec, -1, log, log, ret_pid, error);
}

bool
process_start_fds (const ProcessSpec *spec, int in_fd, int out_fd, int err_fd, pid_t *ret_pid,
                   GError **error)
{
  return spawn (spec, in_fd, out_fd, err_fd, ret_pid, error);
}

/* Reads what there is, for at most a moment; what does not fit is thrown away, so that the child is not held up. False
 * when there is nothing (yet). */
static bool
read_some (int fd, GString *output, size_t max_bytes, bool *cut)
{
  char chunk[16384];
  struct pollfd wait = { fd, POLLIN, 0 };
  if (poll (&wait, 1, CANCELLED_POLL_MS) <= 0)
    return false;
  ssize_t count = read (fd, chunk, sizeof chunk);
  if (count > 0)
    keep (output, chunk, (size_t) count, max_bytes, false, cut);
  else
    g_usleep (CANCELLED_POLL_MS * 1000); /* it closed its output, and goes on */
  return count > 0;
}

/* True when it ended by itself; *RET_STATUS as of waitpid. What it started may go on and hold the pipe. */
static bool
pump_limited (pid_t pid, int fd, int64_t timeout_ms, GString *output, size_t max_bytes, bool *cut,
              int *ret_status)
{
  int64_t deadline = g_get_monotonic_time () + timeout_ms * 1000;
  while (g_get_monotonic_time () < deadline && !cancel_requested ())
    {
      bool was_read = read_some (fd, output, max_bytes, cut);
      pid_t waited = waitpid (pid, ret_status, WNOHANG);
      if (waited == 0 || (waited < 0 && errno == EINTR))
        continue;
      for (int i = 0; was_read && i < 100; i++)
        was_read = read_some (fd, output, max_bytes, cut);
      (void) read_some (fd, output, max_bytes, cut);
      return true;
    }
  return false;
}

bool
process_run_limited (const ProcessSpec *spec, int64_t timeout_ms, ProcessResult *ret_result,
                     bool *ret_timed_out, GError **error)
{
  ProcessSpec own = *spec;
  g_autoptr (GString) output = g_string_new (NULL);
  size_t max_bytes = spec->output_max_bytes != 0 ? spec->output_max_bytes : OUTPUT_MAX_DEFAULT;
  int pipe_fds[2], status = 0;
  bool cut = false;
  pid_t pid;
  if (!open_pipe (pipe_fds, error))
    return false;
  g_auto (Fd) in = pipe_fds[0];
  g_auto (Fd) out = pipe_fds[1];
  own.own_group = true;
  if (!spawn (&own, -1, out, out, &pid, error))
    return false;
  fd_clear (&out);
  bool ended = pump_limited (pid, in, timeout_ms, output, max_bytes, &cut, &status);
  kill (-pid, SIGKILL);
  if (!ended)
    (void) process_wait (pid);
  if (!cancel_check (error))
    return false;
  *ret_timed_out = !ended;
  ret_result->exit_code = !ended               ? 128 + SIGKILL
                          : WIFEXITED (status) ? WEXITSTATUS (status)
                                               : 128 + WTERMSIG (status);
  ret_result->output_cut = cut;
  ret_result->output_length = output->len;
  ret_result->output = g_string_free (g_steal_pointer (&output), FALSE);
  ret_result->errors = g_strdup ("");
  return true;
}
