#include "sql/parser_child.h"

#include <errno.h>
#include <fcntl.h>
#include <pg_query.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#define CHILD_FD 3
#define MEMORY_BYTES ((rlim_t) 1024 * 1024 * 1024)
#define STACK_BYTES ((rlim_t) 8 * 1024 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

/* Running out of memory or stack is how this process is meant to end on hostile input; the
 * sanitizer must not report it as a fault of the program. */
static void
quiet_sanitizer (void)
{
#ifdef UNDER_ASAN
  extern void __sanitizer_set_report_fd (void *fd);
  __sanitizer_set_report_fd ((void *) STDERR_FILENO);
#endif
}

static void
die_with_parent (pid_t parent)
{
#ifdef __linux__
  prctl (PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (getppid () != parent)
    _exit (0);
}

/* The parent's descriptors must not live on here: its locks and connections would with them. */
static void
keep_only (int fd)
{
  int null_fd = open ("/dev/null", O_RDWR);
  if (null_fd < 0 || dup2 (fd, CHILD_FD) < 0)
    _exit (1);
  for (int standard = 0; standard < CHILD_FD; standard++)
    if (dup2 (null_fd, standard) < 0)
      _exit (1);
#ifdef __linux__
  if (close_range (CHILD_FD + 1, ~0u, 0) == 0)
    return;
#endif
  for (int other = CHILD_FD + 1; other < (int) sysconf (_SC_OPEN_MAX); other++)
    close (other);
}

/* The parent ends this process; a Ctrl+C that reaches the whole group must not. A fault has to kill
 * it rather than reach a handler of the parent's. */
static void
reset_signals (void)
{
  static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
  sigset_t none;
  for (int number = 1; number < NSIG; number++)
    signal (number, SIG_DFL);
  for (size_t i = 0; i < G_N_ELEMENTS (ignored); i++)
    signal (ignored[i], SIG_IGN);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

/* Address space is limited beyond what the parent already had: a sanitizer maps terabytes. */
static rlim_t
address_space_now (void)
{
  char text[128] = "";
  int fd = open ("/proc/self/statm", O_RDONLY);
  ssize_t got = fd >= 0 ? read (fd, text, sizeof text - 1) : 0;
  if (fd >= 0)
    close (fd);
  return got > 0 ? (rlim_t) strtoull (text, NULL, 10) * (rlim_t) sysconf (_SC_PAGESIZE) : 0;
}

static void
lower_limit (__rlimit_resource_t resource, rlim_t value)
{
  struct rlimit limit;
  if (getrlimit (resource, &limit) != 0)
    return;
  limit.rlim_cur = MIN (limit.rlim_cur, MIN (value, limit.rlim_max));
  setrlimit (resource, &limit);
}

static void
set_limits (void)
{
  rlim_t now = address_space_now ();
  if (now > 0)
    lower_limit (RLIMIT_AS, now + MEMORY_BYTES);
  lower_limit (RLIMIT_STACK, STACK_BYTES);
  lower_limit (RLIMIT_CORE, 0);
}

static void
receive_all (void *buffer, size_t length)
{
  for (size_t done = 0; done < length;)
    {
      ssize_t got = recv (CHILD_FD, (char *) buffer + done, length - done, 0);
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        _exit (0);
      done += (size_t) got;
    }
}

static void
send_all (const void *buffer, size_t length)
{
  for (size_t done = 0; done < length;)
    {
      ssize_t sent = send (CHILD_FD, (const char *) buffer + done, length - done, 0);
      if (sent < 0 && errno == EINTR)
        continue;
      if (sent <= 0)
        _exit (0);
      done += (size_t) sent;
    }
}

static void
reply (SqlReplyKind kind, int position, const char *text)
{
  SqlReplyHead head = { kind, (uint32_t) MAX (position, 0), (uint32_t) strlen (text) };
  send_all (&head, sizeof head);
  send_all (text, head.length);
}

static void
answer (const char *text)
{
  PgQueryParseResult result = pg_query_parse (text);
  if (result.error != NULL)
    reply (SQL_REPLY_ERROR, result.error->cursorpos, result.error->message);
  else if (strlen (result.parse_tree) > SQL_TREE_MAX_BYTES)
    reply (SQL_REPLY_TOO_LARGE, 0, "");
  else
    reply (SQL_REPLY_TREE, 0, result.parse_tree);
  pg_query_free_parse_result (result);
}

void
sql_parser_child (int fd, pid_t parent)
{
  die_with_parent (parent);
  reset_signals ();
  keep_only (fd);
  set_limits ();
  quiet_sanitizer ();
  while (true)
    {
      uint32_t length;
      receive_all (&length, sizeof length);
      char *text = length <= SQL_PARSE_MAX_BYTES ? malloc (length + 1) : NULL;
      if (text == NULL)
        _exit (1);
      receive_all (text, length);
      text[length] = '\0';
      /* Ends a parse that never does, should the parent be gone or stopped. */
      alarm (SQL_PARSE_SECONDS + 5);
      answer (text);
      alarm (0);
      free (text);
    }
}
