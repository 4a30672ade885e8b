#include "base/foreground.h"
#include "base/cancel.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is passed on. Those that stop are among them, so that we stop only when the program has: one that
 * takes no notice of Ctrl-Z would be left alone otherwise. */
static const int passed_on[] = { SIGINT,  SIGQUIT,  SIGTERM, SIGHUP,  SIGUSR1, SIGUSR2,
                                 SIGALRM, SIGWINCH, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU };

static atomic_int child;

/* What the terminal sends has reached the program already. */
static void
pass_on (int number, siginfo_t *info, void *context)
{
  (void) context;
  int saved = errno;
  bool is_of_terminal = info->si_code == SI_KERNEL;
  pid_t pid = atomic_load (&child);
  if (pid > 0 && !is_of_terminal)
    kill (pid, number);
  errno = saved;
}

static void
take_signals (struct sigaction before[])
{
  struct sigaction action = { .sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART };
  sigfillset (&action.sa_mask);
  for (size_t i = 0; i < G_N_ELEMENTS (passed_on); i++)
    {
      sigaction (passed_on[i], NULL, &before[i]);
      /* Ignored is ignored for the program as well: nohup. */
      if (before[i].sa_handler != SIG_IGN)
        sigaction (passed_on[i], &action, NULL);
    }
}

static void
give_back_signals (const struct sigaction before[])
{
  for (size_t i = 0; i < G_N_ELEMENTS (passed_on); i++)
    sigaction (passed_on[i], &before[i], NULL);
}

/* In the child: everything as it was when we were started, then the program. What went wrong goes to FD. */
static G_NORETURN void
become (const char *const *argv, char **environment, const struct sigaction before[],
        const sigset_t *mask, int fd)
{
  give_back_signals (before);
  cancel_restore ();
  sigprocmask (SIG_SETMASK, mask, NULL);
  execvpe (argv[0], (char *const *) argv, environment);
  int problem = errno;
  ssize_t ignored = write (fd, &problem, sizeof problem);
  (void) ignored;
  _exit (127);
}

/* Job control stopped it: the terminal, or somebody in its place. A SIGSTOP that was meant for the program
 * alone stops only it: who sent that will not wake us. */
static bool
is_job_control (int stop_signal)
{
  return stop_signal == SIGTSTP || stop_signal == SIGTTIN || stop_signal == SIGTTOU;
}

/* Waits to the end; when the program stops we stop, so that the shell takes the terminal back. */
static int
wait_for (pid_t pid)
{
  int status = 0;
  for (;;)
    {
      if (waitpid (pid, &status, WUNTRACED) < 0)
        {
          if (errno != EINTR)
            return W_EXITCODE (255, 0);
        }
      else if (!WIFSTOPPED (status))
        return status;
      else if (is_job_control (WSTOPSIG (status)))
        {
          raise (SIGSTOP);
          kill (pid, SIGCONT);
        }
    }
}

static bool
refuse_unrun (const char *program, int problem, GError **error)
{
  KeelErrorKind kind = problem == ENOENT ? KEEL_ERROR_MISSING : KEEL_ERROR_FAILED;
  return keel_error (error, kind, NULL, "cannot run “%s”: %s", program, g_strerror (problem));
}

/* FD is at its end once the program runs, as it is closed then. */
static bool
read_problem (int fd, int *ret_problem)
{
  ssize_t count;
  do
    count = read (fd, ret_problem, sizeof *ret_problem);
  while (count < 0 && errno == EINTR);
  return count == sizeof *ret_problem;
}

/* Forks with all signals held back, so that one that comes before the first wait waits until CHILD is known. */
static pid_t
start (const char *const *argv, char **environment, struct sigaction before[], int tell,
       GError **error)
{
  sigset_t all, mask;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &mask);
  take_signals (before);
  pid_t pid = cancel_check (error) ? fork () : -1;
  if (pid == 0)
    become (argv, environment, before, &mask, tell);
  if (pid < 0 && (error == NULL || *error == NULL))
    keel_error_errno (error, errno, "cannot start “%s”", argv[0]);
  atomic_store (&child, MAX (pid, 0));
  if (pid < 0)
    give_back_signals (before);
  pthread_sigmask (SIG_SETMASK, &mask, NULL);
  return pid;
}

bool
foreground_run (const char *const *argv, char **environment, int *ret_status, GError **error)
{
  struct sigaction before[G_N_ELEMENTS (passed_on)];
  g_auto (Fd) told = -1;
  g_auto (Fd) tell = -1;
  int ends[2], problem;
  if (pipe2 (ends, O_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "cannot make a pipe");
  told = ends[0];
  tell = ends[1];

  pid_t pid = start (argv, environment != NULL ? environment : environ, before, tell, error);
  if (pid < 0)
    return false;
  fd_clear (&tell);
  bool has_failed = read_problem (told, &problem);
  int status = wait_for (pid);
  atomic_store (&child, 0);
  give_back_signals (before);
  if (has_failed)
    return refuse_unrun (argv[0], problem, error);
  *ret_status = status;
  return true;
}

int
foreground_exit_code (int status)
{
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

void
foreground_die_alike (int status)
{
  if (!WIFSIGNALED (status))
    return;
  const struct rlimit no_core = { 0 };
  setrlimit (RLIMIT_CORE, &no_core);
  sigset_t one;
  sigemptyset (&one);
  sigaddset (&one, WTERMSIG (status));
  signal (WTERMSIG (status), SIG_DFL);
  sigprocmask (SIG_UNBLOCK, &one, NULL);
  raise (WTERMSIG (status));
}
