/* systemd is told that the plugin answers, and is not when it does not. */
#include "../net/peer.h"

#include "base/fs.h"
#include "guard/watchdog.h"
#include "net/server.h"

#include <errno.h>

typedef struct
{
  char *folder, *socket;
  int systemd;         /* where systemd would be told */
  unsigned int status; /* of the answers */
  gint calls;          /* atomic */
} Bench;

static int
hear (const struct sockaddr_un *address, socklen_t length)
{
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  assert_int_equal (bind (fd, (const struct sockaddr *) address, length), 0);
  return fd;
}

static void
set_environment (const char *notify, const char *span_us, const char *process)
{
  const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
  const char *const values[] = { notify, span_us, process };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (values[i] != NULL)
      g_setenv (names[i], values[i], TRUE);
    else
      g_unsetenv (names[i]);
}

static int
start (void **state)
{
  Bench *bench = g_new0 (Bench, 1);
  make_test_folder ((void **) &bench->folder);
  bench->socket = g_build_filename (bench->folder, "s", NULL);
  g_autofree char *notify = g_build_filename (bench->folder, "n", NULL);
  struct sockaddr_un address = peer_address (notify);
  bench->systemd = hear (&address, sizeof address);
  bench->status = 200;
  set_environment (notify, "60000", NULL);
  *state = bench;
  return 0;
}

static int
stop (void **state)
{
  Bench *bench = *state;
  set_environment (NULL, NULL, NULL);
  close (bench->systemd);
  remove_test_folder ((void **) &bench->folder);
  g_free (bench->socket);
  g_free (bench);
  return 0;
}

static void
answer (NetExchange *exchange, void *bench_pointer)
{
  Bench *bench = bench_pointer;
  assert_string_equal (net_exchange_method (exchange), "POST");
  assert_string_equal (net_exchange_path (exchange), "/Plugin.Activate");
  g_atomic_int_inc (&bench->calls);
  net_exchange_reply (exchange, bench->status, "application/json", "{}");
}

static NetServer *
serve (Bench *bench)
{
  g_autoptr (GError) error = NULL;
  NetServer *server = NULL;
  assert_true (net_server_start (
      &(NetServerSpec){
          .socket = bench->socket, .max_bytes = 100, .handler = answer, .data = bench },
      &server, &error));
  return server;
}

static void
expect_words (int fd, int count)
{
  for (int i = 0; i < count; i++)
    {
      char text[100] = "";
      assert_int_equal (recv (fd, text, sizeof text - 1, 0), strlen ("WATCHDOG=1"));
      assert_string_equal (text, "WATCHDOG=1");
    }
}

static void
expect_silence (int fd)
{
  char text[100];
  assert_int_equal (recv (fd, text, sizeof text, MSG_DONTWAIT), -1);
  assert_int_equal (errno, EAGAIN);
}

static void
test_it_is_told_again_and_again (void **state)
{
  Bench *bench = *state;
  g_autoptr (NetServer) server = serve (bench);
  g_autoptr (GuardWatchdog) watchdog = guard_watchdog_start (bench->socket);
  assert_non_null (watchdog);
  expect_words (bench->systemd, 4);
}

static void
test_abstract_sockets (void **state)
{
  Bench *bench = *state;
  g_autofree char *name = g_strdup_printf ("@pgkeel-test-watchdog-%d", (int) getpid ());
  g_autofree char *process = g_strdup_printf ("%d", (int) getpid ());
  struct sockaddr_un address = peer_address (name);
  address.sun_path[0] = '\0';
  g_auto (Fd) systemd
      = hear (&address, (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (name)));
  set_environment (name, "60000", process);
  g_autoptr (NetServer) server = serve (bench);
  g_autoptr (GuardWatchdog) watchdog = guard_watchdog_start (bench->socket);
  expect_words (systemd, 2);
}

static void
test_another_answer_is_none (void **state)
{
  Bench *bench = *state;
  bench->status = 500;
  g_autoptr (NetServer) server = serve (bench);
  g_autoptr (GuardWatchdog) watchdog = guard_watchdog_start (bench->socket);
  while (g_atomic_int_get (&bench->calls) < 3)
    g_usleep (1000);
  expect_silence (bench->systemd);
}

/* Each question is given up, and asked anew. */
static void
test_a_plugin_that_hangs (void **state)
{
  Bench *bench = *state;
  g_auto (Fd) listener = peer_listen (bench->socket);
  g_autoptr (GuardWatchdog) watchdog = guard_watchdog_start (bench->socket);
  for (int i = 0; i < 3; i++)
    {
      int fd = accept (listener, NULL, NULL);
      assert_true (fd >= 0);
      g_autofree char *head = peer_read_to (fd, "\r\n\r\n");
      assert_true (g_str_has_prefix (head, "POST /Plugin.Activate"));
      g_autofree char *rest = peer_read_to (fd, "never");
      close (fd);
    }
  expect_silence (bench->systemd);
}

static void
test_nobody_wants_to_know (void **state)
{
  Bench *bench = *state;
  const char *notify = g_getenv ("NOTIFY_SOCKET");
  g_autofree char *kept = g_strdup (notify);
  const struct
  {
    const char *notify, *span_us, *process;
  } cases[] = {
    { NULL, "60000", NULL }, { kept, NULL, NULL },   { kept, "0", NULL },
    { kept, "soon", NULL },  { kept, "60000", "1" }, { "relative", "60000", NULL },
    { "@", "60000", NULL },  { "", "60000", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      set_environment (cases[i].notify, cases[i].span_us, cases[i].process);
      assert_null (guard_watchdog_start (bench->socket));
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_it_is_told_again_and_again, start, stop),
    cmocka_unit_test_setup_teardown (test_abstract_sockets, start, stop),
    cmocka_unit_test_setup_teardown (test_another_answer_is_none, start, stop),
    cmocka_unit_test_setup_teardown (test_a_plugin_that_hangs, start, stop),
    cmocka_unit_test_setup_teardown (test_nobody_wants_to_know, start, stop),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
