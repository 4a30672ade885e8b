#include "guard/watchdog.h"

#include "base/fs.h"
#include "net/client.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMES_IN_A_SPAN 3
#define PAUSE_MIN_MS 10

struct GuardWatchdog
{
  NetClient *client;
  struct sockaddr_un address; /* of who wants to know */
  socklen_t address_length;
  int fd, stop_fd, pause_ms;
  GThread *thread;
};

/* A number from the environment; 0 for anything else. */
static uint64_t
number_of (const char *name)
{
  guint64 number = 0;
  const char *text = g_getenv (name);
  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &number, NULL))
    return 0;
  return number;
}

/* "@" stands for the zero byte of the abstract namespace. */
static bool
address_of (const char *text, struct sockaddr_un *ret_address, socklen_t *ret_length)
{
  *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  size_t length = text != NULL ? strlen (text) : 0;
  if (length < 2 || length >= sizeof ret_address->sun_path || (*text != '/' && *text != '@'))
    return false;
  memcpy (ret_address->sun_path, text, length);
  if (*text == '@')
    ret_address->sun_path[0] = '\0';
  *ret_length = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length + (*text == '/'));
  return true;
}

static bool
does_answer (const GuardWatchdog *watchdog)
{
  g_autoptr (GError) error = NULL;
  g_auto (NetAnswer) answer = { 0 };
  const NetCall call = { .method = "POST", .path = "/Plugin.Activate" };
  return net_client_call (watchdog->client, &call, &answer, &error) && answer.status == 200;
}

static void *
watch (void *watchdog_pointer)
{
  static const char alive[] = "WATCHDOG=1";
  const GuardWatchdog *watchdog = watchdog_pointer;
  struct pollfd stop = { .fd = watchdog->stop_fd, .events = POLLIN };
  do
    if (does_answer (watchdog))
      /* A message that does not arrive is one that is missing: systemd does what it would then do. */
      while (sendto (watchdog->fd, alive, sizeof alive - 1, MSG_NOSIGNAL,
                     (const struct sockaddr *) &watchdog->address, watchdog->address_length)
                 < 0
             && errno == EINTR)
        ;
  while (poll (&stop, 1, watchdog->pause_ms) == 0);
  return NULL;
}

GuardWatchdog *
guard_watchdog_start (const char *socket_path)
{
  struct sockaddr_un address;
  socklen_t length;
  uint64_t span_us = number_of ("WATCHDOG_USEC"), process = number_of ("WATCHDOG_PID");
  if (span_us == 0 || (process != 0 && process != (uint64_t) getpid ())
      || !address_of (g_getenv ("NOTIFY_SOCKET"), &address, &length))
    return NULL;
  int64_t pause_ms = (int64_t) MIN (span_us / 1000 / TIMES_IN_A_SPAN, G_MAXINT);
  GuardWatchdog *watchdog = g_new0 (GuardWatchdog, 1);
  *watchdog = (GuardWatchdog){ .address = address,
                               .address_length = length,
                               .pause_ms = (int) MAX (pause_ms, PAUSE_MIN_MS) };
  watchdog->fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  watchdog->stop_fd = eventfd (0, EFD_CLOEXEC);
  watchdog->client = net_client_new (&(NetClientSpec){ .base = "http://localhost",
                                                       .socket = socket_path,
                                                       .connect_ms = watchdog->pause_ms,
                                                       .timeout_ms = watchdog->pause_ms });
  watchdog->thread = g_thread_new ("watchdog", watch, watchdog);
  return watchdog;
}

void
guard_watchdog_stop (GuardWatchdog *watchdog)
{
  if (watchdog == NULL)
    return;
  eventfd_write (watchdog->stop_fd, 1);
  g_thread_join (watchdog->thread);
  net_client_free (watchdog->client);
  if (watchdog->fd >= 0)
    close (watchdog->fd);
  close (watchdog->stop_fd);
  g_free (watchdog);
}
