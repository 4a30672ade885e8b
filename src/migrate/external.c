#include "migrate/external.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/process.h"
#include "project/leave.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* Kept of what a command writes: enough for what it says last. */
#define OUTPUT_KEPT_BYTES ((size_t) 64 * 1024)
#define POLL_MS 20
/* From a cancellation on: first as Ctrl-C would, then less kindly. */
#define TERM_AFTER_US (2 * G_USEC_PER_SEC)
#define KILL_AFTER_US (5 * G_USEC_PER_SEC)

#define SESSIONS_WAIT_MS 10000
#define SESSIONS_POLL_MS 20

/* --- a child that never outlives us ------------------------------------------------------------ */

typedef struct
{
  pid_t pid;   /* the shell, leader of its process group */
  pid_t guard; /* ends that group when we are gone */
  Fd leash;    /* the guard lives as long as we hold it */
  Fd output;   /* what the group writes */
} Child;

/* Runs in the guard, a copy of us: only calls that are safe there. */
static void G_GNUC_NORETURN
guard_main (int leash, pid_t group)
{
  char byte;
  ssize_t count;
  setsid ();
  do
    count = read (leash, &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1)
    kill (-group, SIGKILL);
  _exit (0);
}

/* A process of its own waits for our end, however that comes about. It has copies of our connections,
 * so that the lock is only let go when the command has been ended. */
static bool
start_guard (Child *child, GError **error)
{
  static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
  int fds[2];
  if (pipe2 (fds, O_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "cannot make a pipe");
  sigset_t all, before;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  pid_t pid = fork ();
  int problem = errno;
  if (pid == 0)
    {
      for (size_t i = 0; i < G_N_ELEMENTS (ignored); i++)
        signal (ignored[i], SIG_IGN);
      close (fds[1]);
      guard_main (fds[0], child->pid);
    }
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  close (fds[0]);
  child->leash = fds[1];
  if (pid < 0)
    return keel_error_errno (error, problem, "cannot start a process");
  child->guard = pid;
  return true;
}

static void
end_child (Child *child, int *ret_exit_code)
{
  /* What the shell left in the background. Its own number is not given away before it is waited for. */
  kill (-child->pid, SIGKILL);
  *ret_exit_code = process_wait (child->pid);
  if (child->guard > 0)
    {
      ssize_t ignored = write (child->leash, "", 1);
      (void) ignored;
      process_wait (child->guard);
    }
  fd_clear (&child->leash);
  fd_clear (&child->output);
}

static char **
make_environment (const ExternalCommand *command, GError **error)
{
  char **environment = db_url_environment (command->url, error);
  if (environment == NULL)
    return NULL;
  environment = g_environ_setenv (environment, "PGAPPNAME", command->session, TRUE);
  g_autofree char *url = g_strdup (g_environ_getenv (environment, "DATABASE_URL"));
  for (size_t i = 0; command->also != NULL && command->also[i] != NULL; i++)
    environment = g_environ_setenv (environment, command->also[i], url, TRUE);
  /* For the lock in manage.py: who runs it has checked, and on a copy the stamp says another cluster. */
  g_autofree char *leave = leave_value (command->environment, url);
  environment = g_environ_setenv (environment, LEAVE_VARIABLE, leave, TRUE);
  return g_environ_setenv (environment, "PGKEEL_ENV", command->environment, TRUE);
}

/* A service of the caller's would go before the variables that we give. */
static char *
make_script (const ExternalCommand *command)
{
  return g_strconcat (g_getenv ("PGSERVICE") != NULL ? "unset PGSERVICE\n" : "", command->command,
                      NULL);
}

static bool
start_child (const ExternalCommand *command, Child *child, GError **error)
{
  int fds[2];
  g_autofree char *script = make_script (command);
  const char *argv[] = { "/bin/sh", "-c", script, NULL };
  g_auto (GStrv) environment = make_environment (command, error);
  if (environment == NULL)
    return false;
  const ProcessSpec spec = { .argv = argv,
                             .environment = (const char *const *) environment,
                             .folder = command->folder,
                             .die_with_us = true,
                             .own_group = true };
  if (pipe2 (fds, O_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "cannot make a pipe");
  child->output = fds[0];
  bool started = process_start_fds (&spec, -1, fds[1], fds[1], &child->pid, error);
  close (fds[1]);
  if (!started)
    {
      fd_clear (&child->output);
      return false;
    }
  if (start_guard (child, error))
    return true;
  int ignored;
  end_child (child, &ignored);
  return false;
}

/* --- running ---------------------------------------------------------------------------------- */

/* False at the end of the output, or when there is nothing to read now. */
static bool
take_output (const ExternalCommand *command, Child *child, GString *tail)
{
  char chunk[8192];
  ssize_t count = read (child->output, chunk, sizeof chunk);
  if (count == 0)
    fd_clear (&child->output);
  if (count <= 0)
    return false;
  command->output (chunk, (size_t) count, command->data);
  g_string_append_len (tail, chunk, count);
  if (tail->len > OUTPUT_KEPT_BYTES)
    g_string_erase (tail, 0, (gssize) (tail->len - OUTPUT_KEPT_BYTES));
  return true;
}

static bool
has_ended (pid_t pid)
{
  siginfo_t info = { 0 };
  return waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

static int
signal_after (int64_t cancelled_us)
{
  int64_t elapsed_us = clock_monotonic_us () - cancelled_us;
  return elapsed_us > KILL_AFTER_US ? SIGKILL : elapsed_us > TERM_AFTER_US ? SIGTERM : SIGINT;
}

/* Until the shell has ended; processes it left may hold the output open. */
static bool
follow (const ExternalCommand *command, Child *child, GString *tail)
{
  int64_t cancelled_us = 0;
  int sent = 0;
  while (!has_ended (child->pid))
    {
      struct pollfd fds[]
          = { { child->output, POLLIN, 0 }, { cancelled_us != 0 ? -1 : cancel_fd (), POLLIN, 0 } };
      if (poll (fds, G_N_ELEMENTS (fds), POLL_MS) < 0)
        continue;
      if (fds[0].revents != 0)
        (void) take_output (command, child, tail);
      if (fds[1].revents != 0)
        cancelled_us = clock_monotonic_us ();
      if (cancelled_us != 0 && signal_after (cancelled_us) != sent)
        kill (-child->pid, sent = signal_after (cancelled_us));
    }
  if (child->output >= 0 && fcntl (child->output, F_SETFL, O_NONBLOCK) == 0)
    while (child->output >= 0 && take_output (command, child, tail))
      ;
  return cancelled_us == 0;
}

bool
external_run (const ExternalCommand *command, int *ret_exit_code, char **ret_output, GError **error)
{
  Child child = { .leash = -1, .output = -1 };
  g_autoptr (GString) tail = g_string_new (NULL);
  int exit_code = 0;
  if (!cancel_check (error) || !start_child (command, &child, error))
    return false;
  bool whole = follow (command, &child, tail);
  end_child (&child, &exit_code);
  if (!whole)
    return keel_error (error, KEEL_ERROR_CANCELLED, NULL, "interrupted, and the command ended");
  *ret_exit_code = exit_code;
  *ret_output = g_string_free (g_steal_pointer (&tail), FALSE);
  return true;
}

/* --- sessions --------------------------------------------------------------------------------- */

bool
external_end_sessions (DbConn *conn, GError **error)
{
  static const char sql[] = "SELECT pg_catalog.count (pg_catalog.pg_terminate_backend (pid))\n"
                            "  FROM pg_catalog.pg_stat_activity\n"
                            " WHERE application_name = '" EXTERNAL_SESSION "'\n"
                            "   AND datname = pg_catalog.current_database ()\n"
                            "   AND usename = session_user AND pid <> pg_catalog.pg_backend_pid ()";
  int64_t give_up = clock_monotonic_us () + (int64_t) SESSIONS_WAIT_MS * 1000;
  for (;;)
    {
      g_autofree char *count = NULL;
      if (!db_query_text (conn, sql, 0, NULL, &count, error))
        return false;
      if (g_strcmp0 (count, "0") == 0)
        return true;
      if (clock_monotonic_us () > give_up)
        return keel_error (error, KEEL_ERROR_FAILED,
                           "Look at pg_stat_activity; they are called “" EXTERNAL_SESSION "”.",
                           "%s sessions of an earlier command do not end", count);
      g_usleep (SESSIONS_POLL_MS * 1000);
    }
}
