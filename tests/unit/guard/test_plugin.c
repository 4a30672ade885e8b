/* The plugin as the Engine sees it, over its socket; the Engine that it asks is a function. */
#include "../net/peer.h"

#include "guard/plugin.h"
#include "guard/probe.h"
#include "net/client.h"

#define MANY 300

/* "p" carries the label, "q" does not, and nobody answers while MUTEX is held. */
typedef struct
{
  GuardEngine engine;
  GMutex mutex;
  char *folder, *socket; /* volumes lie in the folder */
  GuardPlugin *plugin;
  gint notices; /* atomic */
  NetClient *client;
} Bench;

static bool
fake_get (GuardEngine *engine, const char *path, json_t **ret, GError **error)
{
  Bench *bench = (Bench *) engine;
  g_mutex_lock (&bench->mutex);
  g_mutex_unlock (&bench->mutex);
  (void) error;
  const char *name = g_str_has_prefix (path, "/volumes/") ? path + strlen ("/volumes/") : "";
  *ret = NULL;
  if (strcmp (name, "p") == 0 || strcmp (name, "q") == 0)
    *ret = json_pack ("{s:s, s:s, s:s, s:{s:s}}", "Name", name, "Driver", "local", "Mountpoint",
                      bench->folder, "Labels", *name == 'p' ? "keep" : "none", "yes");
  else if (strcmp (path, "/volumes") == 0)
    *ret = json_pack ("{s:[{s:s, s:s, s:{s:s}}]}", "Volumes", "Name", "p", "Mountpoint",
                      bench->folder, "Labels", "keep", "yes");
  else if (g_str_has_prefix (path, "/containers/json"))
    *ret = json_array ();
  return true;
}

static bool
notice (const GuardOperation *operation, const GuardVerdict *verdict, void *bench_pointer)
{
  Bench *bench = bench_pointer;
  g_assert (operation->given != NULL && !verdict->is_allowed);
  g_atomic_int_inc (&bench->notices);
  return true;
}

static GuardPolicy *
policy_of (const char *label)
{
  char *none[] = { NULL };
  const ProjectGuard settings = { .label = (char *) label, .protect = none, .production = none };
  return guard_policy_new (&settings, NULL);
}

static int
start (void **state)
{
  char *folder;
  g_autoptr (GError) error = NULL;
  Bench *bench = g_new0 (Bench, 1);
  make_test_folder ((void **) &folder);
  g_mutex_init (&bench->mutex);
  bench->engine.get = fake_get;
  bench->socket = g_build_filename (folder, "s", NULL);
  bench->folder = folder;
  const GuardPluginSpec spec = { .socket = bench->socket,
                                 .version = "9.9",
                                 .engine = &bench->engine,
                                 .notice = notice,
                                 .data = bench };
  bool is_started = guard_plugin_start (&spec, policy_of ("keep=yes"), &bench->plugin, &error);
  assert_no_error (error);
  assert_true (is_started);
  bench->client
      = net_client_new (&(NetClientSpec){ .base = "http://plugin", .socket = bench->socket });
  *state = bench;
  return 0;
}

static int
stop (void **state)
{
  Bench *bench = *state;
  net_client_free (bench->client);
  guard_plugin_stop (bench->plugin);
  assert_true (fs_remove_tree (bench->folder, NULL));
  g_mutex_clear (&bench->mutex);
  g_free (bench->socket);
  g_free (bench->folder);
  g_free (bench);
  return 0;
}

/* What the plugin answers to BODY at PATH; the caller owns it. */
static json_t *
ask (Bench *bench, const char *path, const char *body, size_t length)
{
  g_autoptr (GError) error = NULL;
  g_auto (NetAnswer) answer = { 0 };
  const NetCall call = { .method = "POST", .path = path, .body = body, .body_length = length };
  bool is_answered = net_client_call (bench->client, &call, &answer, &error);
  assert_no_error (error);
  assert_true (is_answered);
  assert_int_equal (answer.status, 200);
  json_t *value = json_loads (answer.body, 0, NULL);
  assert_non_null (value);
  return value;
}

static void
check (Bench *bench, const char *body, size_t length, bool is_allowed, const char *part)
{
  json_t *answer = ask (bench, "/AuthZPlugin.AuthZReq", body, length);
  const char *message = json_string_value (json_object_get (answer, "Msg"));
  if (json_is_true (json_object_get (answer, "Allow")) != is_allowed)
    fail_msg ("%.80s: %s", body, message);
  if (part != NULL && (message == NULL || strstr (message, part) == NULL))
    fail_msg ("%.80s: “%s” has no “%s”", body, message, part);
  json_decref (answer);
}

#define REMOVE(name) "{\"RequestMethod\":\"DELETE\",\"RequestUri\":\"/v1.41/volumes/" name "\"}"
#define READ "{\"RequestMethod\":\"GET\",\"RequestUri\":\"/v1.41/volumes/p\"}"

static void
test_what_the_engine_says_and_asks (void **state)
{
  static const struct
  {
    const char *body;
    bool is_allowed;
    const char *part;
  } cases[] = {
    { READ, true, NULL },
    { REMOVE ("p"), false, "carries the label keep=yes" },
    { REMOVE ("q"), true, NULL },
    { REMOVE ("nobody"), true, NULL },
    { "", false, "restarted in the middle" },
    { "no JSON", false, "no JSON" },
    { "{\"RequestMethod\":\"DELETE\"}", false, "names no method or no URI" },
    { "[]", false, "names no method" },
  };
  Bench *bench = *state;
  json_t *hello = ask (bench, "/Plugin.Activate", "", 0);
  assert_string_equal (
      json_string_value (json_array_get (json_object_get (hello, "Implements"), 0)), "authz");
  json_decref (hello);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check (bench, cases[i].body, strlen (cases[i].body), cases[i].is_allowed, cases[i].part);
  json_t *after = ask (bench, "/AuthZPlugin.AuthZRes", REMOVE ("p"), strlen (REMOVE ("p")));
  assert_true (json_is_true (json_object_get (after, "Allow")));
  json_decref (after);
}

static void
test_more_than_can_be_looked_into (void **state)
{
  Bench *bench = *state;
  size_t length = (size_t) 9 << 20;
  g_autofree char *body = g_strnfill (length, ' ');
  memcpy (body, READ, strlen (READ));
  check (bench, body, length, false, "too large");
  check (bench, body, (size_t) 7 << 20, true, NULL);
}

static void
test_the_probe (void **state)
{
  Bench *bench = *state;
  g_auto (GuardProbe) probe = { 0 };
  g_autofree char *nonce = guard_probe_nonce ();
  g_autofree char *body = g_strdup_printf (
      "{\"RequestMethod\":\"GET\",\"RequestUri\":\"/version?" GUARD_PROBE "=%s\"}", nonce);
  json_t *answer = ask (bench, "/AuthZPlugin.AuthZReq", body, strlen (body));
  const char *message = json_string_value (json_object_get (answer, "Msg"));
  assert_true (guard_probe_read (message, nonce, &probe));
  assert_string_equal (probe.version, "9.9");
  assert_int_equal (probe.volumes, 1);
  assert_int_equal (probe.guarded, 1);
  json_decref (answer);
  assert_int_equal (g_atomic_int_get (&bench->notices), 0);
}

static void
test_another_policy (void **state)
{
  Bench *bench = *state;
  check (bench, REMOVE ("p"), strlen (REMOVE ("p")), false, NULL);
  guard_plugin_set_policy (bench->plugin, policy_of ("other"));
  check (bench, REMOVE ("p"), strlen (REMOVE ("p")), true, NULL);
}

/* While the Engine does not answer: what reads passes, what was asked waits, and what is too much is refused. */
static void
test_many_at_once (void **state)
{
  Bench *bench = *state;
  int fds[MANY], refused = 0, busy = 0;
  struct pollfd waits[MANY];
  const char *body = REMOVE ("p");
  g_autofree char *request = g_strdup_printf (
      "POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
      strlen (body), body);
  g_mutex_lock (&bench->mutex);
  for (int i = 0; i < MANY; i++)
    {
      fds[i] = peer_connect (bench->socket);
      waits[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
      assert_true (peer_say (fds[i], request));
    }
  /* Once somebody is refused, the queue is full. */
  while (poll (waits, MANY, -1) < 1)
    ;
  check (bench, READ, strlen (READ), true, NULL);
  check (bench, REMOVE ("q"), strlen (REMOVE ("q")), false, "too much at once");
  g_mutex_unlock (&bench->mutex);
  for (int i = 0; i < MANY; i++)
    {
      int status;
      g_autofree char *answer = peer_read_answer (fds[i], &status);
      assert_non_null (answer);
      refused += strstr (answer, "carries the label") != NULL ? 1 : 0;
      busy += strstr (answer, "too much at once") != NULL ? 1 : 0;
      close (fds[i]);
    }
  assert_int_equal (refused + busy, MANY);
  assert_in_range (refused, 256, MANY - 1);
  check (bench, REMOVE ("q"), strlen (REMOVE ("q")), true, NULL);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_what_the_engine_says_and_asks, start, stop),
    cmocka_unit_test_setup_teardown (test_more_than_can_be_looked_into, start, stop),
    cmocka_unit_test_setup_teardown (test_the_probe, start, stop),
    cmocka_unit_test_setup_teardown (test_another_policy, start, stop),
    cmocka_unit_test_setup_teardown (test_many_at_once, start, stop),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
