/* The other end of a connection, made of bare sockets, so that it can behave as badly as a test wants. */
#pragma once

#include "../folder.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static inline struct sockaddr_un
peer_address (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  assert_true (strlen (path) < sizeof address.sun_path);
  memcpy (address.sun_path, path, strlen (path) + 1);
  return address;
}

static inline int
peer_connect (const char *path)
{
  struct sockaddr_un address = peer_address (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal (connect (fd, (struct sockaddr *) &address, sizeof address), 0);
  return fd;
}

static inline int
peer_listen (const char *path)
{
  struct sockaddr_un address = peer_address (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
  assert_int_equal (listen (fd, 64), 0);
  return fd;
}

/* False when the other end is gone. */
static inline bool
peer_send (int fd, const char *data, size_t length)
{
  while (length > 0)
    {
      ssize_t count = send (fd, data, length, MSG_NOSIGNAL);
      if (count <= 0)
        return false;
      data += count;
      length -= (size_t) count;
    }
  return true;
}

static inline bool
peer_say (int fd, const char *text)
{
  return peer_send (fd, text, strlen (text));
}

/* Whatever comes up to and with the first END, or until the other end closes; caller frees. Reads no byte more. */
static inline char *
peer_read_to (int fd, const char *end)
{
  GString *text = g_string_new (NULL);
  char c;
  while (!g_str_has_suffix (text->str, end) && recv (fd, &c, 1, 0) == 1)
    g_string_append_c (text, c);
  return g_string_free (text, FALSE);
}

/* The body of the next answer, which says its length; NULL: no whole answer came. Caller frees. */
static inline char *
peer_read_answer (int fd, int *ret_status)
{
  g_autofree char *head = peer_read_to (fd, "\r\n\r\n");
  g_autofree char *lower = g_ascii_strdown (head, -1);
  const char *length_text = strstr (lower, "content-length: ");
  if (!g_str_has_prefix (head, "HTTP/1.1 ") || length_text == NULL)
    return NULL;
  *ret_status = atoi (head + strlen ("HTTP/1.1 "));
  size_t length = (size_t) atol (length_text + strlen ("content-length: "));
  g_autofree char *body = g_malloc0 (length + 1);
  if (length > 0 && recv (fd, body, length, MSG_WAITALL) != (ssize_t) length)
    return NULL;
  return g_steal_pointer (&body);
}

/* Whether the other end has closed, without sending more. */
static inline bool
peer_is_closed (int fd)
{
  char c;
  return recv (fd, &c, 1, 0) <= 0;
}
