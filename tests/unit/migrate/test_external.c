/* Commands of other tools: what they are told, and what is told of them. */
#include "../testing.h"

#include "base/cancel.h"
#include "migrate/external.h"

#include <string.h>

static void
take (const char *bytes, size_t length, void *data)
{
  g_string_append_len (data, bytes, (gssize) length);
}

static int
run (const char *text, char **ret_output)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  int exit_code = -1;
  const ExternalCommand command = { .command = text,
                                    .folder = "/",
                                    .url = "host=db.example port=5433 user=ada dbname='my shop' "
                                           "password='a b/c'",
                                    .environment = "staging",
                                    .session = "test",
                                    .output = take,
                                    .data = seen };
  assert_true (external_run (&command, &exit_code, ret_output, &error));
  assert_no_error (error);
  assert_string_equal (seen->str, *ret_output);
  return exit_code;
}

static void
test_run (void **state)
{
  (void) state;
  g_autofree char *output = NULL, *none = NULL;
  assert_int_equal (run ("echo one; echo two >&2; pwd; exit 3", &output), 3);
  assert_string_equal (output, "one\ntwo\n/\n");
  assert_int_equal (run ("kill -KILL $$", &none), 128 + 9);
  assert_string_equal (none, "");
}

/* Neither waited for, nor left. */
static void
test_background (void **state)
{
  (void) state;
  g_autofree char *output = NULL;
  int64_t before = g_get_monotonic_time ();
  assert_int_equal (run ("sleep 60 & echo $!", &output), 0);
  assert_true (g_get_monotonic_time () - before < 30 * G_USEC_PER_SEC);
  g_autofree char *path = g_strdup_printf ("/proc/%s/cmdline", g_strstrip (output));
  bool is_alive = true;
  for (int i = 0; i < 500 && is_alive; i++)
    {
      g_autofree char *text = NULL;
      is_alive = g_file_get_contents (path, &text, NULL, NULL) && strcmp (text, "sleep") == 0;
      g_usleep (10 * 1000);
    }
  assert_false (is_alive);
}

static void
test_environment (void **state)
{
  (void) state;
  g_autofree char *output = NULL;
  run ("echo $PGHOST $PGPORT $PGUSER $PGDATABASE $PGPASSWORD $PGKEEL_ENV $PGAPPNAME $DATABASE_URL",
       &output);
  assert_string_equal (output, "db.example 5433 ada my shop a b/c staging test "
                               "postgresql://ada:a%20b%2Fc@db.example:5433/my%20shop\n");
}

static void
check_url (const char *url, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) environment = db_url_environment (url, &error);
  assert_no_error (error);
  assert_string_equal (g_environ_getenv (environment, "DATABASE_URL"), expected);
}

static void
test_urls (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  check_url ("postgresql://ada@h/x?sslmode=require", "postgresql://ada@h/x?sslmode=require");
  check_url ("host=/run/pg dbname=x user=ada port=5433",
             "postgresql://ada@/x?host=%2Frun%2Fpg&port=5433");
  check_url ("dbname=x", "postgresql:///x");
  check_url ("host=a,b dbname=x sslmode=require", "postgresql:///x?host=a%2Cb&sslmode=require");
  assert_null (db_url_environment ("nonsense", &error));
  assert_true (keel_error_is (error, KEEL_ERROR_CONFIG));
}

static void
check_output (const char *output, const char *message, const char *detail)
{
  g_autoptr (GError) error = NULL;
  assert_int_equal (external_check_output (output, &error), message == NULL);
  if (message == NULL)
    return;
  assert_true (keel_error_is (error, KEEL_ERROR_REFUSED));
  assert_string_equal (error->message, message);
  assert_string_equal (keel_error_detail (error), detail);
}

static void
test_conflicts (void **state)
{
  (void) state;
  check_output ("", NULL, NULL);
  check_output ("ae1027a6acf (head)\n", NULL, NULL);
  check_output ("ae1027a6acf (head)\n27c6a30d7c24 (head)\n", "Alembic has 2 heads",
                "ae1027a6acf (head)\n27c6a30d7c24 (head)");
  check_output ("INFO x\nFAILED: Multiple head revisions are present for given argument 'head'\r\n",
                "Alembic has several heads",
                "FAILED: Multiple head revisions are present for given argument 'head'");
  check_output ("CommandError: Conflicting migrations detected; multiple leaf nodes in the "
                "migration graph: (0002_a, 0002_b in shop).\nmore",
                "Django has several leaf nodes",
                "CommandError: Conflicting migrations detected; multiple leaf nodes in the "
                "migration graph: (0002_a, 0002_b in shop).");
}

int
main (void)
{
  cancel_install ();
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_run),         cmocka_unit_test (test_background),
    cmocka_unit_test (test_environment), cmocka_unit_test (test_urls),
    cmocka_unit_test (test_conflicts),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
