/* What is said of Engines whose plugins answer the probe in all the ways there are. */
#include "../net/peer.h"

#include "guard/status.h"

#define OURS "authorization denied by plugin pgkeel: "

/* An Engine that answers the probe with STATUS and MESSAGE, in which "@" is the plugin's answer and "%" the target of
 * the request; NULL: as if nobody had looked at it. */
typedef struct
{
  const char *title;
  int status;
  const char *message;
  const char *plugins; /* as /info lists them; NULL: that is refused */
  int64_t volumes, unreadable;
  bool is_guarded;
  const char *problem, *change; /* parts of them; NULL: none */
} Case;

static const Case cases[] = {
  { "ours", 403, OURS "@", "[\"pgkeel\"]", 3, 0, true, NULL, NULL },
  { "ours, as the Engine of a reload lists it", 403, OURS "@", "null", 3, 0, true, NULL, NULL },
  { "ours, and another one that hides the rest", 403, OURS "@", NULL, 3, 0, true, NULL, NULL },
  { "ours cannot ask", 403, OURS "@", "[]", -1, -1, true, "cannot list the volumes", "--docker" },
  { "ours cannot look", 403, OURS "@", "[]", 3, 2, true, "look into 2 volumes", "as root" },
  { "nobody", 200, NULL, "null", 0, 0, false, "does not consult “pgkeel”", "guard install" },
  { "another one", 200, NULL, "[\"opa\"]", 0, 0, false, "does not consult “pgkeel”",
    "guard install" },
  { "something by our name lets it pass", 200, NULL, "[\"pgkeel\"]", 0, 0, false,
    "let the probe pass", "what listens" },
  { "another one refuses", 403, "authorization denied by plugin opa: by policy", "[]", 0, 0, false,
    "“opa” refused the probe", "before it" },
  { "another one refuses and repeats the question", 403,
    "authorization denied by plugin opa: pgkeel guards this Engine % {\\\"probe\\\":\\\"%\\\"}",
    "[]", 0, 0, false, "“opa” refused the probe", "before it" },
  { "our name, other words", 403, OURS "no", "[]", 0, 0, false, "other words", "what listens" },
  { "our words in another error", 500, OURS "@", "[]", 0, 0, false, "other words", "what listens" },
  { "ours is dead", 500, "plugin pgkeel failed with error: AuthZPlugin.AuthZReq: Post: EOF", "[]",
    0, 0, false, "“pgkeel” does not answer", "systemctl start pgkeel-guard.socket" },
  { "another one is dead", 500, "plugin opa failed with error: EOF", "[]", 0, 0, false,
    "“opa” does not answer", "Start that plugin" },
  { "the Engine is ill", 503, "out of order", "[]", 0, 0, false, "with 503: out of order", "log" },
};

typedef struct
{
  const Case *row;
  int listener;
} Engine;

/* The message for the request with this TARGET; caller frees. */
static char *
message_for (const Case *row, const char *target)
{
  g_autofree char *nonce = guard_probe_find (target);
  g_assert (nonce != NULL);
  const GuardProbe probe = { .version = (char *) "9.9",
                             .volumes = row->volumes,
                             .guarded = row->volumes,
                             .unreadable = row->unreadable };
  g_autofree char *answer = guard_probe_answer (nonce, &probe);
  g_autofree char *quoted = g_strescape (answer, NULL);
  g_autoptr (GString) message = g_string_new (row->message);
  g_string_replace (message, "@", quoted, 0);
  g_string_replace (message, "%", target, 0);
  return g_strdup_printf ("{\"message\":\"%s\"}", message->str);
}

static char *
body_for (const Case *row, const char *target, int *ret_status)
{
  *ret_status = 200;
  if (strcmp (target, "/info") == 0 && row->plugins != NULL)
    return g_strdup_printf ("{\"ServerVersion\":\"1.2.3\",\"Plugins\":{\"Authorization\":%s}}",
                            row->plugins);
  *ret_status = row->status;
  if (row->message == NULL)
    return g_strdup ("{\"Version\":\"1.2.3\"}");
  if (strcmp (target, "/info") != 0)
    return message_for (row, target);
  *ret_status = 403;
  return g_strdup ("{\"message\":\"no\"}");
}

/* One connection: the client keeps it. */
static void *
serve (void *engine_pointer)
{
  Engine *engine = engine_pointer;
  g_auto (Fd) fd = accept (engine->listener, NULL, NULL);
  for (;;)
    {
      int status;
      g_autofree char *head = peer_read_to (fd, "\r\n\r\n");
      g_auto (GStrv) words = g_strsplit (head, " ", 3);
      if (g_strv_length (words) < 3)
        return NULL;
      g_autofree char *body = body_for (engine->row, words[1], &status);
      g_autofree char *answer = g_strdup_printf ("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s",
                                                 status, strlen (body), body);
      (void) peer_say (fd, answer);
    }
}

static void
check_part (const char *title, const char *text, const char *part)
{
  bool is_fine = part == NULL ? text == NULL : text != NULL && strstr (text, part) != NULL;
  if (!is_fine)
    fail_msg ("%s: “%s”, not “%s”", title, text, part);
}

static void
check_case (const Case *row, const char *socket)
{
  g_autoptr (GError) error = NULL;
  g_auto (GuardStatus) status = { 0 };
  Engine engine = { row, peer_listen (socket) };
  g_autofree char *host = g_strconcat ("unix://", socket, NULL);
  GThread *thread = g_thread_new ("engine", serve, &engine);
  bool is_read = guard_status_read (host, "pgkeel", &status, &error);
  g_thread_join (thread);
  close (engine.listener);
  assert_no_error (error);
  assert_true (is_read);
  if (status.is_guarded != row->is_guarded)
    fail_msg ("%s: guarded is %d", row->title, status.is_guarded);
  check_part (row->title, status.problem, row->problem);
  check_part (row->title, status.change, row->change);
  assert_string_equal (status.host, host);
  if (row->is_guarded)
    {
      assert_string_equal (status.plugin, "pgkeel");
      assert_string_equal (status.answer.version, "9.9");
      assert_int_equal (status.answer.volumes, row->volumes);
    }
}

static void
test_answers (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *socket = g_strdup_printf ("%s/%zu", (char *) *state, i);
      check_case (&cases[i], socket);
    }
}

static void
test_no_engine (void **state)
{
  g_autoptr (GError) error = NULL;
  GuardStatus status;
  g_autofree char *host = g_strdup_printf ("unix://%s/none", (char *) *state);
  assert_false (guard_status_read (host, "pgkeel", &status, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_UNREACHABLE));
  g_clear_error (&error);
  assert_false (guard_status_read ("ssh://x", "pgkeel", &status, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_USAGE));
}

static void
test_the_answer_is_to_one_question (void **state)
{
  const GuardProbe said = { .version = (char *) "1", .volumes = 2, .guarded = 1, .unreadable = 0 };
  g_auto (GuardProbe) read = { 0 };
  g_autofree char *first = guard_probe_nonce (), *second = guard_probe_nonce ();
  g_autofree char *answer = guard_probe_answer (first, &said);
  g_autofree char *uri = g_strdup_printf ("/version?a=b&" GUARD_PROBE "=%s", first);
  g_autofree char *found = guard_probe_find (uri);
  (void) state;
  assert_string_not_equal (first, second);
  assert_string_equal (found, first);
  assert_null (strstr (answer, first));
  assert_false (guard_probe_read (answer, second, &read));
  assert_true (guard_probe_read (answer, first, &read));
  assert_int_equal (read.guarded, 1);
  assert_null (guard_probe_find ("/version?" GUARD_PROBE "=a&" GUARD_PROBE "=b"));
  assert_null (guard_probe_find ("/" GUARD_PROBE "?x"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_answers, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_no_engine, make_test_folder, remove_test_folder),
    cmocka_unit_test (test_the_answer_is_to_one_question),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
