/* The HTTP client against servers that answer in bits, too much, too late or not at all. */
#include "net/client.h"
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define THREADS 8
#define CALLS 25

typedef enum
{
  AT_ONCE,
  IN_BYTES,    /* one byte a write */
  THEN_CLOSE,  /* closes when it has said its answer */
  AND_NOTHING, /* says its answer and keeps the connection, without reading on */
} Manner;

/* What the server says to every call, until it is stopped. */
typedef struct
{
  char *folder, *socket;
  int listener, stop[2]; /* a byte in the pipe, or its end, ends it */
  char *answer;
  Manner manner;
  GThread *thread;
  int connections; /* that were made */
  GString *heads;  /* of all calls, as they came */
} Server;

/* False when nothing comes and the test is over. */
static bool
wait_for (const Server *server, int fd)
{
  struct pollfd waits[]
      = { { .fd = fd, .events = POLLIN }, { .fd = server->stop[0], .events = POLLIN } };
  while (poll (waits, 2, -1) < 0)
    ;
  return waits[0].revents != 0;
}

/* Reads one call to its end. */
static bool
take_call (Server *server, int fd)
{
  if (!wait_for (server, fd))
    return false;
  g_autofree char *head = peer_read_to (fd, "\r\n\r\n");
  const char *length = strstr (head, "Content-Length: ");
  g_string_append (server->heads, head);
  size_t left = length != NULL ? (size_t) atol (length + 16) : 0;
  g_autofree char *body = g_malloc (left + 1);
  if (left > 0 && recv (fd, body, left, MSG_WAITALL) != (ssize_t) left)
    return false;
  return *head != '\0';
}

static void
say_answer (const Server *server, int fd)
{
  size_t length = strlen (server->answer);
  size_t step = server->manner == IN_BYTES ? 1 : MAX (length, 1);
  for (size_t at = 0; at < length; at += step)
    if (!peer_send (fd, server->answer + at, MIN (step, length - at)))
      return;
}

static void
serve_connection (Server *server, int fd)
{
  while (take_call (server, fd))
    {
      say_answer (server, fd);
      if (server->manner == THEN_CLOSE)
        return;
      if (server->manner == AND_NOTHING)
        {
          char c;
          while (read (server->stop[0], &c, 1) < 0)
            ;
          return;
        }
    }
}

static void *
serve (void *server_pointer)
{
  Server *server = server_pointer;
  while (wait_for (server, server->listener))
    {
      g_auto (Fd) fd = accept (server->listener, NULL, NULL);
      server->connections++;
      serve_connection (server, fd);
    }
  return NULL;
}

static int
start (void **state)
{
  Server *server = g_new0 (Server, 1);
  make_test_folder ((void **) &server->folder);
  server->socket = g_build_filename (server->folder, "s", NULL);
  server->listener = peer_listen (server->socket);
  server->heads = g_string_new (NULL);
  assert_int_equal (pipe (server->stop), 0);
  *state = server;
  return 0;
}

static int
stop (void **state)
{
  Server *server = *state;
  close (server->stop[1]);
  if (server->thread != NULL)
    g_thread_join (server->thread);
  close (server->stop[0]);
  close (server->listener);
  remove_test_folder ((void **) &server->folder);
  g_string_free (server->heads, TRUE);
  g_free (server->answer);
  g_free (server->socket);
  g_free (server);
  return 0;
}

/* From now on: ANSWER in MANNER. */
static NetClient *
client_of (Server *server, const char *answer, Manner manner, int64_t timeout_ms)
{
  server->answer = g_strdup (answer);
  server->manner = manner;
  server->thread = g_thread_new ("server", serve, server);
  return net_client_new (&(NetClientSpec){ .base = "http://localhost",
                                           .socket = server->socket,
                                           .timeout_ms = timeout_ms,
                                           .max_bytes = 100 });
}

static void
expect_answer (NetClient *client, const NetCall *call, long status, const char *body)
{
  g_autoptr (GError) error = NULL;
  g_auto (NetAnswer) answer = { 0 };
  bool is_answered = net_client_call (client, call, &answer, &error);
  assert_no_error (error);
  assert_true (is_answered);
  assert_int_equal (answer.status, status);
  assert_string_equal (answer.body, body);
  assert_int_equal (answer.body_length, strlen (body));
}

static void
expect_error (NetClient *client, KeelErrorKind kind, const char *message)
{
  g_autoptr (GError) error = NULL;
  NetAnswer answer = { .status = 77 };
  assert_false (net_client_call (client, &(NetCall){ .path = "/secret?token=x" }, &answer, &error));
  assert_true (keel_error_is (error, kind));
  assert_non_null (strstr (error->message, message));
  assert_null (strstr (error->message, "secret"));
  assert_int_equal (answer.status, 77);
}

static const char plain[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
static const char chunked[]
    = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";

static void
test_calls_share_a_connection (void **state)
{
  Server *server = *state;
  g_autoptr (NetClient) client = client_of (server, plain, AT_ONCE, 0);
  for (int i = 0; i < 5; i++)
    expect_answer (client, &(NetCall){ .path = "/x" }, 200, "hello");
  assert_int_equal (server->connections, 1);
}

static void
test_answers_in_bits (void **state)
{
  Server *server = *state;
  g_autoptr (NetClient) client = client_of (server, chunked, IN_BYTES, 0);
  expect_answer (client, &(NetCall){ .path = "/x" }, 403, "hello");
  expect_answer (client, &(NetCall){ .path = "/x" }, 403, "hello");
}

static void
test_requests_go_out_as_given (void **state)
{
  Server *server = *state;
  g_autoptr (NetClient) client = client_of (server, plain, AT_ONCE, 0);
  g_autofree char *large = g_strnfill (3 << 20, 'x');
  expect_answer (client, &(NetCall){ .path = "//a/../%41?b=%2F&c" }, 200, "hello");
  expect_answer (client, &(NetCall){ .method = "DELETE", .path = "/d" }, 200, "hello");
  expect_answer (client, &(NetCall){ .path = "/p", .body = large, .body_length = 3 << 20 }, 200,
                 "hello");
  assert_non_null (strstr (server->heads->str, "GET //a/../%41?b=%2F&c HTTP/1.1\r\n"));
  assert_non_null (strstr (server->heads->str, "DELETE /d HTTP/1.1\r\n"));
  assert_non_null (strstr (server->heads->str, "POST /p HTTP/1.1\r\n"));
  assert_non_null (strstr (server->heads->str, "Content-Length: 3145728\r\n"));
  assert_non_null (strstr (server->heads->str, "Content-Type: application/json\r\n"));
  assert_null (strstr (server->heads->str, "Expect"));
}

/* A kept connection that has been closed meanwhile is no error. */
static void
test_a_server_that_closes_after_each_answer (void **state)
{
  Server *server = *state;
  g_autoptr (NetClient) client = client_of (server, plain, THEN_CLOSE, 0);
  for (int i = 0; i < 5; i++)
    expect_answer (client, &(NetCall){ .path = "/x" }, 200, "hello");
  assert_int_equal (server->connections, 5);
}

static void
test_half_an_answer_is_none (void **state)
{
  Server *server = *state;
  g_autoptr (NetClient) client
      = client_of (server, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel", THEN_CLOSE, 0);
  expect_error (client, KEEL_ERROR_UNREACHABLE, server->socket);
}

static void
test_no_answer_is_none (void **state)
{
  Server *server = *state;
  g_autoptr (NetClient) client = client_of (server, "", THEN_CLOSE, 0);
  expect_error (client, KEEL_ERROR_UNREACHABLE, server->socket);
}

static void
test_an_answer_that_does_not_end (void **state)
{
  Server *server = *state;
  g_autoptr (NetClient) client
      = client_of (server, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel", AND_NOTHING, 50);
  expect_error (client, KEEL_ERROR_UNREACHABLE, "Timeout");
}

static void
test_an_answer_that_is_too_large (void **state)
{
  Server *server = *state;
  g_autofree char *body = g_strnfill (101, 'x');
  g_autofree char *answer
      = g_strdup_printf ("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n%s", body);
  g_autoptr (NetClient) client = client_of (server, answer, THEN_CLOSE, 0);
  expect_error (client, KEEL_ERROR_FAILED, "is larger than 100 bytes");
}

static void
test_nobody_is_there (void **state)
{
  Server *server = *state;
  g_autofree char *none = g_strconcat (server->socket, "-none", NULL);
  g_autoptr (NetClient) client
      = net_client_new (&(NetClientSpec){ .base = "http://localhost", .socket = none });
  expect_error (client, KEEL_ERROR_UNREACHABLE, none);
}

static void *
call_often (void *client)
{
  for (int i = 0; i < CALLS; i++)
    expect_answer (client, &(NetCall){ .path = "/x" }, 200, "hello");
  return NULL;
}

/* One thread of the server takes one connection after the other, so it closes each. */
static void
test_many_threads (void **state)
{
  Server *server = *state;
  GThread *threads[THREADS];
  g_autoptr (NetClient) client = client_of (server, plain, THEN_CLOSE, 0);
  for (int i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("caller", call_often, client);
  for (int i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  assert_int_equal (server->connections, THREADS * CALLS);
}

static void
test_over_tcp (void **state)
{
  Server *server = *state;
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  close (server->listener);
  server->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal (bind (server->listener, (struct sockaddr *) &address, length), 0);
  assert_int_equal (getsockname (server->listener, (struct sockaddr *) &address, &length), 0);
  assert_int_equal (listen (server->listener, 4), 0);
  net_client_free (client_of (server, chunked, IN_BYTES, 0));
  g_autofree char *base = g_strdup_printf ("http://127.0.0.1:%d", ntohs (address.sin_port));
  g_autoptr (NetClient) client = net_client_new (&(NetClientSpec){ .base = base });
  expect_answer (client, &(NetCall){ .path = "/x" }, 403, "hello");
}

static void
test_escape (void **state)
{
  g_autofree char *escaped = net_escape ("aZ9-._~/ %?é\x01");
  (void) state;
  assert_string_equal (escaped, "aZ9-._~%2F%20%25%3F%C3%A9%01");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_calls_share_a_connection, start, stop),
    cmocka_unit_test_setup_teardown (test_answers_in_bits, start, stop),
    cmocka_unit_test_setup_teardown (test_requests_go_out_as_given, start, stop),
    cmocka_unit_test_setup_teardown (test_a_server_that_closes_after_each_answer, start, stop),
    cmocka_unit_test_setup_teardown (test_half_an_answer_is_none, start, stop),
    cmocka_unit_test_setup_teardown (test_no_answer_is_none, start, stop),
    cmocka_unit_test_setup_teardown (test_an_answer_that_does_not_end, start, stop),
    cmocka_unit_test_setup_teardown (test_an_answer_that_is_too_large, start, stop),
    cmocka_unit_test_setup_teardown (test_nobody_is_there, start, stop),
    cmocka_unit_test_setup_teardown (test_many_threads, start, stop),
    cmocka_unit_test_setup_teardown (test_over_tcp, start, stop),
    cmocka_unit_test (test_escape),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
