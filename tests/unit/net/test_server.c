/* The HTTP server on real sockets, with peers that are slow, large, many, wrong or gone. */
#include "net/server.h"
#include "peer.h"

#include <fcntl.h>
#include <glib/gstdio.h>

#define BODY_MAX ((size_t) 1 << 20)
#define CONNECTION_COUNT 200

/* What the handler does by the path: "/echo", "/length", "/cut" answer at once, "/later" from another thread. */
typedef struct
{
  NetServer *server;
  GThreadPool *pool;
  char *socket;
  GMutex mutex; /* held: deferred calls wait */
} Bench;

static void
reply_later (void *exchange_pointer, void *bench_pointer)
{
  Bench *bench = bench_pointer;
  NetExchange *exchange = exchange_pointer;
  g_mutex_lock (&bench->mutex);
  g_mutex_unlock (&bench->mutex);
  size_t length;
  bool is_cut;
  net_exchange_reply (exchange, 200, "text/plain", net_exchange_body (exchange, &length, &is_cut));
}

static void
handle (NetExchange *exchange, void *bench_pointer)
{
  Bench *bench = bench_pointer;
  size_t length;
  bool is_cut;
  const char *body = net_exchange_body (exchange, &length, &is_cut);
  const char *path = net_exchange_path (exchange);
  if (strcmp (path, "/later") == 0)
    {
      net_exchange_defer (exchange);
      g_assert (g_thread_pool_push (bench->pool, exchange, NULL));
      return;
    }
  g_autofree char *summary = g_strdup_printf ("%s %s %zu%s", net_exchange_method (exchange), path,
                                              length, is_cut ? " cut" : "");
  bool is_echo = strcmp (path, "/echo") == 0;
  net_exchange_reply (exchange, is_echo ? 200 : 201, "text/plain", is_echo ? body : summary);
}

static int
start (void **state)
{
  char *folder;
  g_autoptr (GError) error = NULL;
  Bench *bench = g_new0 (Bench, 1);
  make_test_folder ((void **) &folder);
  g_mutex_init (&bench->mutex);
  bench->socket = g_build_filename (folder, "s", NULL);
  bench->pool = g_thread_pool_new (reply_later, bench, 4, FALSE, NULL);
  g_free (folder);
  const NetServerSpec spec
      = { .socket = bench->socket, .max_bytes = BODY_MAX, .handler = handle, .data = bench };
  bool is_started = net_server_start (&spec, &bench->server, &error);
  assert_no_error (error);
  assert_true (is_started);
  *state = bench;
  return 0;
}

static int
stop (void **state)
{
  Bench *bench = *state;
  g_autofree char *folder = g_path_get_dirname (bench->socket);
  g_thread_pool_free (bench->pool, FALSE, TRUE);
  net_server_stop (bench->server);
  assert_false (g_file_test (bench->socket, G_FILE_TEST_EXISTS));
  assert_true (fs_remove_tree (folder, NULL));
  g_mutex_clear (&bench->mutex);
  g_free (bench->socket);
  g_free (bench);
  return 0;
}

/* Says REQUEST and expects STATUS with BODY. */
static void
expect (int fd, const char *request, int status, const char *body)
{
  int got = 0;
  assert_true (peer_say (fd, request));
  g_autofree char *answer = peer_read_answer (fd, &got);
  assert_non_null (answer);
  assert_string_equal (answer, body);
  assert_int_equal (got, status);
}

static void
test_many_calls_on_one_connection (void **state)
{
  Bench *bench = *state;
  g_auto (Fd) fd = peer_connect (bench->socket);
  for (int i = 0; i < 50; i++)
    {
      expect (fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
      expect (fd, "GET /length?a=b HTTP/1.1\r\nHost: x\r\n\r\n", 201, "GET /length 0");
      expect (fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", 200, "hi");
    }
}

/* The second call is there before the first has its answer. */
static void
test_calls_that_do_not_wait_for_answers (void **state)
{
  Bench *bench = *state;
  int status;
  g_auto (Fd) fd = peer_connect (bench->socket);
  assert_true (peer_say (fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
                             "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nb"));
  g_autofree char *first = peer_read_answer (fd, &status);
  g_autofree char *second = peer_read_answer (fd, &status);
  assert_string_equal (first, "a");
  assert_string_equal (second, "b");
}

static void
test_bodies_in_chunks_and_in_single_bytes (void **state)
{
  Bench *bench = *state;
  static const char request[]
      = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n1;x=y\r\nd\r\nA\r\n0123456789\r\n0\r\n\r\n";
  int status;
  g_auto (Fd) fd = peer_connect (bench->socket);
  expect (fd, request, 200, "abcd0123456789");
  for (const char *c = request; *c != '\0'; c++)
    assert_true (peer_send (fd, c, 1));
  g_autofree char *answer = peer_read_answer (fd, &status);
  assert_string_equal (answer, "abcd0123456789");
}

static void
test_bodies_around_the_limit (void **state)
{
  Bench *bench = *state;
  static const struct
  {
    size_t length;
    const char *answer;
  } cases[] = {
    { BODY_MAX - 1, "POST /length 1048575" },
    { BODY_MAX, "POST /length 1048576" },
    { BODY_MAX + 1, "POST /length 1048576 cut" },
    { 5 * BODY_MAX, "POST /length 1048576 cut" },
  };
  g_auto (Fd) fd = peer_connect (bench->socket);
  g_autofree char *body = g_malloc (5 * BODY_MAX);
  memset (body, 'x', 5 * BODY_MAX);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      int status;
      g_autofree char *head = g_strdup_printf (
          "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", cases[i].length);
      assert_true (peer_say (fd, head) && peer_send (fd, body, cases[i].length));
      g_autofree char *answer = peer_read_answer (fd, &status);
      assert_string_equal (answer, cases[i].answer);
    }
}

/* A peer that says half a request and then nothing takes nobody's turn. */
static void
test_slow_peers_stop_nobody (void **state)
{
  Bench *bench = *state;
  static const char *const halves[]
      = { "", "POST /ec", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab" };
  int slow[G_N_ELEMENTS (halves)];
  for (size_t i = 0; i < G_N_ELEMENTS (halves); i++)
    {
      slow[i] = peer_connect (bench->socket);
      assert_true (peer_say (slow[i], halves[i]));
    }
  g_auto (Fd) fd = peer_connect (bench->socket);
  for (int i = 0; i < 20; i++)
    expect (fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
  expect (slow[2], "cd", 200, "abcd");
  expect (slow[1], "ho HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz", 200, "z");
  for (size_t i = 0; i < G_N_ELEMENTS (slow); i++)
    close (slow[i]);
}

/* Who waits for a deferred answer is in nobody's way, and may go. */
static void
test_peers_that_go_before_their_answer (void **state)
{
  Bench *bench = *state;
  g_auto (Fd) fd = peer_connect (bench->socket);
  g_mutex_lock (&bench->mutex);
  for (int i = 0; i < 30; i++)
    {
      int gone = peer_connect (bench->socket);
      assert_true (
          peer_say (gone, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"));
      close (gone);
      gone = peer_connect (bench->socket);
      assert_true (
          peer_say (gone, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na"));
      close (gone);
    }
  expect (fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
  g_mutex_unlock (&bench->mutex);
  expect (fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nto", 200, "to");
}

static void
test_many_connections_at_once (void **state)
{
  Bench *bench = *state;
  int fds[CONNECTION_COUNT];
  g_mutex_lock (&bench->mutex);
  for (int i = 0; i < CONNECTION_COUNT; i++)
    {
      g_autofree char *request
          = g_strdup_printf ("POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d", i);
      fds[i] = peer_connect (bench->socket);
      assert_true (peer_say (fds[i], request));
    }
  g_mutex_unlock (&bench->mutex);
  for (int i = 0; i < CONNECTION_COUNT; i++)
    {
      int status;
      g_autofree char *wanted = g_strdup_printf ("%03d", i);
      g_autofree char *answer = peer_read_answer (fds[i], &status);
      assert_string_equal (answer, wanted);
      close (fds[i]);
    }
}

static void
test_what_is_no_http_is_not_answered_as_such (void **state)
{
  Bench *bench = *state;
  static const char *const wrong[]
      = { "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n", "GET\r\n\r\n",
          "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nabc",
          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_auto (Fd) fd = peer_connect (bench->socket);
      assert_true (peer_say (fd, wrong[i]));
      shutdown (fd, SHUT_WR);
      g_autofree char *answer = peer_read_to (fd, "\r\n");
      assert_false (g_str_has_prefix (answer, "HTTP/1.1 2"));
    }
  g_auto (Fd) fd = peer_connect (bench->socket);
  expect (fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
}

static void
test_one_serves_at_a_place (void **state)
{
  Bench *bench = *state;
  NetServer *second = NULL;
  g_autoptr (GError) error = NULL;
  const NetServerSpec spec = { .socket = bench->socket, .max_bytes = 10, .handler = handle };
  assert_false (net_server_start (&spec, &second, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_LOCKED));
  assert_null (second);
  g_auto (Fd) fd = peer_connect (bench->socket);
  expect (fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
}

static void
test_what_a_killed_one_left_is_replaced (void **state)
{
  Bench *bench = *state;
  g_autofree char *other = g_strconcat (bench->socket, "-other", NULL);
  g_autoptr (NetServer) server = NULL;
  close (peer_listen (other));
  const NetServerSpec spec = { .socket = other, .max_bytes = 10, .handler = handle, .data = bench };
  assert_true (net_server_start (&spec, &server, NULL));
  GStatBuf status;
  assert_int_equal (g_stat (other, &status), 0);
  assert_int_equal (status.st_mode & 0777, 0600);
  g_auto (Fd) fd = peer_connect (other);
  expect (fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
}

static void
test_a_path_that_is_too_long (void **state)
{
  g_autofree char *name = g_strnfill (120, 'x');
  Bench *bench = *state;
  g_autofree char *path = g_strconcat (bench->socket, name, NULL);
  NetServer *server = NULL;
  g_autoptr (GError) error = NULL;
  const NetServerSpec spec = { .socket = path, .max_bytes = 10, .handler = handle };
  assert_false (net_server_start (&spec, &server, &error));
  assert_non_null (strstr (error->message, "has at most 107 bytes"));
}

/* Descriptor 3 is FD until the test is over; what was there comes back. */
static void
serve_handed (Bench *bench, int fd, bool is_listening)
{
  g_autofree char *pid = g_strdup_printf ("%d", (int) getpid ());
  g_autoptr (GError) error = NULL;
  NetServer *server = NULL;
  const NetServerSpec spec
      = { .socket = "/nonexistent/s", .max_bytes = 10, .handler = handle, .data = bench };
  int saved = fcntl (3, F_DUPFD_CLOEXEC, 10);
  assert_int_equal (dup2 (fd, 3), 3);
  g_setenv ("LISTEN_PID", pid, TRUE);
  g_setenv ("LISTEN_FDS", "1", TRUE);
  bool is_started = net_server_start (&spec, &server, &error);
  g_unsetenv ("LISTEN_PID");
  g_unsetenv ("LISTEN_FDS");
  assert_int_equal (is_started, is_listening);
  if (is_listening)
    {
      g_autofree char *path = g_strconcat (bench->socket, "-handed", NULL);
      g_auto (Fd) peer = peer_connect (path);
      expect (peer, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
    }
  net_server_stop (server);
  if (saved >= 0)
    {
      dup2 (saved, 3);
      close (saved);
    }
}

/* As systemd does it: calls that come while nobody serves wait, and the socket outlives who served. */
static void
test_a_socket_that_is_handed_over (void **state)
{
  Bench *bench = *state;
  int status;
  g_autofree char *path = g_strconcat (bench->socket, "-handed", NULL);
  g_auto (Fd) fd = peer_listen (path);
  g_auto (Fd) early = peer_connect (path);
  assert_true (
      peer_say (early, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nearly"));
  serve_handed (bench, fd, true);
  g_autofree char *answer = peer_read_answer (early, &status);
  assert_string_equal (answer, "early");
  g_auto (Fd) again = peer_connect (path);
  serve_handed (bench, fd, true);
  g_auto (Fd) no_listener = open ("/dev/null", O_RDWR | O_CLOEXEC);
  serve_handed (bench, no_listener, false);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_many_calls_on_one_connection, start, stop),
    cmocka_unit_test_setup_teardown (test_calls_that_do_not_wait_for_answers, start, stop),
    cmocka_unit_test_setup_teardown (test_bodies_in_chunks_and_in_single_bytes, start, stop),
    cmocka_unit_test_setup_teardown (test_bodies_around_the_limit, start, stop),
    cmocka_unit_test_setup_teardown (test_slow_peers_stop_nobody, start, stop),
    cmocka_unit_test_setup_teardown (test_peers_that_go_before_their_answer, start, stop),
    cmocka_unit_test_setup_teardown (test_many_connections_at_once, start, stop),
    cmocka_unit_test_setup_teardown (test_what_is_no_http_is_not_answered_as_such, start, stop),
    cmocka_unit_test_setup_teardown (test_one_serves_at_a_place, start, stop),
    cmocka_unit_test_setup_teardown (test_what_a_killed_one_left_is_replaced, start, stop),
    cmocka_unit_test_setup_teardown (test_a_path_that_is_too_long, start, stop),
    cmocka_unit_test_setup_teardown (test_a_socket_that_is_handed_over, start, stop),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
