#include "net/server.h"

#include "base/fs.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONNECTIONS_MAX 512
/* Who comes when it is full is not let in, and does not wait either. */
#define BACKLOG 4096
#define FIRST_HANDED_FD 3
#define LARGE_BYTES (256 * 1024)

struct NetServer
{
  struct MHD_Daemon *daemon;
  NetServerSpec spec;
  char *socket; /* NULL: systemd's */
  Fd lock;
};

struct NetExchange
{
  NetServer *server;
  struct MHD_Connection *connection;
  char *method, *path;
  GByteArray *body; /* NULL: none yet */
  bool is_cut, is_asked, is_deferred, is_answered;
  unsigned int status;
  struct MHD_Response *response;
};

const char *
net_exchange_method (const NetExchange *exchange)
{
  return exchange->method;
}

const char *
net_exchange_path (const NetExchange *exchange)
{
  return exchange->path;
}

const char *
net_exchange_body (const NetExchange *exchange, size_t *ret_length, bool *ret_is_cut)
{
  *ret_length = exchange->body->len - 1;
  *ret_is_cut = exchange->is_cut;
  return (const char *) exchange->body->data;
}

void
net_exchange_defer (NetExchange *exchange)
{
  exchange->is_deferred = true;
  MHD_suspend_connection (exchange->connection);
}

void
net_exchange_reply (NetExchange *exchange, unsigned int status, const char *content_type,
                    const char *text)
{
  exchange->status = status;
  exchange->response
      = MHD_create_response_from_buffer (strlen (text), (void *) text, MHD_RESPMEM_MUST_COPY);
  MHD_add_response_header (exchange->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
  exchange->is_answered = true;
  if (exchange->is_deferred)
    MHD_resume_connection (exchange->connection);
}

static void
take_body (NetExchange *exchange, const char *data, size_t length)
{
  size_t room = exchange->server->spec.max_bytes - exchange->body->len;
  exchange->is_cut = exchange->is_cut || length > room;
  g_byte_array_append (exchange->body, (const guint8 *) data, (guint) MIN (length, room));
}

static enum MHD_Result
take_call (void *server_pointer, struct MHD_Connection *connection, const char *path,
           const char *method, const char *version, const char *data, size_t *length,
           void **exchange_pointer)
{
  NetServer *server = server_pointer;
  NetExchange *exchange = *exchange_pointer;
  if (exchange == NULL)
    {
      exchange = g_new0 (NetExchange, 1);
      *exchange_pointer = exchange;
      exchange->server = server;
      exchange->connection = connection;
      exchange->method = g_strdup (method);
      exchange->path = g_strdup (path);
      exchange->body = g_byte_array_new ();
      return MHD_YES;
    }
  if (*length > 0)
    {
      take_body (exchange, data, *length);
      *length = 0;
      return MHD_YES;
    }
  if (!exchange->is_asked)
    {
      exchange->is_asked = true;
      g_byte_array_append (exchange->body, (const guint8 *) "", 1);
      server->spec.handler (exchange, server->spec.data);
      if (exchange->is_deferred)
        return MHD_YES;
    }
  if (!exchange->is_answered)
    return MHD_YES;
  return MHD_queue_response (connection, exchange->status, exchange->response);
}

static void
end_call (void *server_pointer, struct MHD_Connection *connection, void **exchange_pointer,
          enum MHD_RequestTerminationCode code)
{
  NetExchange *exchange = *exchange_pointer;
  if (exchange == NULL)
    return;
  if (exchange->response != NULL)
    MHD_destroy_response (exchange->response);
  bool is_large = exchange->body->len > LARGE_BYTES;
  g_byte_array_unref (exchange->body);
  g_free (exchange->method);
  g_free (exchange->path);
  g_free (exchange);
  *exchange_pointer = NULL;
  if (is_large)
    memory_give_back ();
}

/* The number in the environment variable NAME, -1 when it holds none. */
static int64_t
number_of (const char *name)
{
  const char *text = g_getenv (name);
  guint64 value;
  return text != NULL && g_ascii_string_to_unsigned (text, 10, 0, INT_MAX, &value, NULL)
             ? (int64_t) value
             : -1;
}

/* The socket that systemd listens on for us, as sd_listen_fds(3) says; *RET_FD is -1 when there is none. The variables
 * stay: they name our process, no other takes them for its own. */
static bool
take_handed (int *ret_fd, GError **error)
{
  int is_listening = 0;
  socklen_t length = sizeof is_listening;
  *ret_fd = -1;
  if (number_of ("LISTEN_PID") != getpid () || number_of ("LISTEN_FDS") < 1)
    return true;
  if (getsockopt (FIRST_HANDED_FD, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) != 0
      || !is_listening)
    return keel_error (error, KEEL_ERROR_USAGE, "Start it by its socket unit.",
                       "what LISTEN_FDS hands over is no socket that listens");
  /* A peer that went away again must not make the next accept wait. */
  int flags = fcntl (FIRST_HANDED_FD, F_GETFL);
  if (fcntl (FIRST_HANDED_FD, F_SETFL, flags | O_NONBLOCK) != 0
      || fcntl (FIRST_HANDED_FD, F_SETFD, FD_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "preparing the socket that was handed over");
  *ret_fd = FIRST_HANDED_FD;
  return true;
}

static bool
listen_at (const char *path, int *ret_fd, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (strlen (path) >= sizeof address.sun_path)
    return keel_error (error, KEEL_ERROR_USAGE, "Use a shorter path.",
                       "the path of a socket has at most %zu bytes: %s",
                       sizeof address.sun_path - 1, path);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_auto (Fd) fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* Nobody serves here: the lock is ours. What is left is of one that was killed. */
  if (unlink (path) != 0 && errno != ENOENT)
    return keel_error_errno (error, errno, "removing %s", path);
  mode_t before = umask (0177);
  int result = fd < 0 ? -1 : bind (fd, (struct sockaddr *) &address, sizeof address);
  int problem = errno;
  umask (before);
  if (result != 0 || listen (fd, BACKLOG) != 0)
    return keel_error_errno (error, result != 0 ? problem : errno, "listening at %s", path);
  *ret_fd = fd;
  fd = -1;
  return true;
}

static bool
open_socket (NetServer *server, int *ret_fd, GError **error)
{
  if (!take_handed (ret_fd, error) || *ret_fd >= 0)
    return *ret_fd >= 0;
  g_autofree char *lock = g_strconcat (server->spec.socket, ".lock", NULL);
  g_autofree char *folder = g_path_get_dirname (server->spec.socket);
  if (!fs_make_folder (folder, 0700, error) || !fs_lock (lock, &server->lock, error)
      || !listen_at (server->spec.socket, ret_fd, error))
    return false;
  server->socket = g_strdup (server->spec.socket);
  return true;
}

bool
net_server_start (const NetServerSpec *spec, NetServer **ret_server, GError **error)
{
  int fd = -1;
  g_autoptr (NetServer) server = g_new0 (NetServer, 1);
  server->spec = *spec;
  server->lock = -1;
  if (!open_socket (server, &fd, error))
    return false;
  server->daemon = MHD_start_daemon (
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, take_call, server,
      MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, end_call, server,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned int) CONNECTIONS_MAX, MHD_OPTION_END);
  if (server->daemon == NULL)
    {
      close (fd);
      return keel_error (error, KEEL_ERROR_FAILED, NULL, "the HTTP server does not start");
    }
  *ret_server = g_steal_pointer (&server);
  return true;
}

void
net_server_stop (NetServer *server)
{
  if (server == NULL)
    return;
  if (server->daemon != NULL)
    MHD_stop_daemon (server->daemon);
  if (server->socket != NULL)
    unlink (server->socket);
  fd_clear (&server->lock);
  g_free (server->socket);
  g_free (server);
}
