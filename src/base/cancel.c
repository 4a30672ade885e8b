#include "base/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int requested;
static int pipe_fds[2] = { -1, -1 };
static _Thread_local unsigned int holds;

static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };
static struct sigaction before[G_N_ELEMENTS (taken)];

static const struct
{
  int number;
  bool is_ignored;
} signals[] = {
  { SIGINT, false }, { SIGTERM, false }, { SIGHUP, false },
  { SIGPIPE, true }, { SIGXFSZ, true }, /* a file that reaches a limit is an error like any other, not the end */
};
static struct sigaction before[G_N_ELEMENTS (signals)];

static void
handle (int signal_number)
{
  int saved = errno;
  if (atomic_exchange (&requested, 1) == 0)
    {
      /* A full pipe is readable too: the result does not matter. */
      if (write (pipe_fds[1], "x", 1) < 0)
        errno = saved;
    }
  else if (signal_number == SIGINT)
    _exit (130);
  errno = saved;
}

void
cancel_install (void)
{
  if (pipe_fds[0] != -1 || !g_unix_open_pipe (pipe_fds, FD_CLOEXEC, NULL))
    return;
  g_unix_set_fd_nonblocking (pipe_fds[1], TRUE, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (taken); i++)
    sigaction (taken[i], NULL, &before[i]);
  struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  for (size_t i = 0; i < G_N_ELEMENTS (signals); i++)
    sigaction (signals[i].number, signals[i].is_ignored ? &ignore : &action, &before[i]);
}

void
cancel_uninstall (void)
{
  for (size_t i = 0; pipe_fds[0] != -1 && i < G_N_ELEMENTS (signals); i++)
    sigaction (signals[i].number, &before[i], NULL);
}

void
cancel_restore (void)
{
  for (size_t i = 0; pipe_fds[0] != -1 && i < G_N_ELEMENTS (taken); i++)
    sigaction (taken[i], &before[i], NULL);
}

bool
cancel_requested (void)
{
  return holds == 0 && atomic_load (&requested) != 0;
}

void
cancel_request (void)
{
  handle (SIGTERM);
}

int
cancel_fd (void)
{
  /* poll() passes over a negative descriptor. */
  return holds == 0 ? pipe_fds[0] : -1;
}

void
cancel_hold (void)
{
  holds++;
}

void
cancel_release (void)
{
  g_assert (holds > 0);
  holds--;
}

bool
cancel_check (GError **error)
{
  if (!cancel_requested ())
    return true;
  return keel_error (error, KEEL_ERROR_CANCELLED, NULL, "interrupted");
}
