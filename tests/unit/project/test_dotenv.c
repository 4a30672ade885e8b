/* .env: every form it is written in, and what each expands to. */
#include "fixture.h"
#include "project/dotenv.h"
#include "project/variables.h"

#include <string.h>

/* The value of X in a .env of TEXT; caller frees. */
static char *
value_of_x (const char *folder, const char *text, GError **error)
{
  g_autoptr (Variables) variables = variables_new ();
  bool found;
  char *value = NULL;
  write_file (folder, ".env", text);
  if (!variables_read_file (variables, folder, ".env", &found, error))
    return NULL;
  assert_true (found);
  if (!variables_lookup (variables, "X", &value, NULL, error))
    return NULL;
  return value;
}

static void
test_forms (void **state)
{
  static const struct
  {
    const char *text;
    const char *value; /* NULL: not set */
  } forms[] = {
    { "X=1", "1" },
    { "X=1\n", "1" },
    { "X=1\r\n", "1" },
    { "\xef\xbb\xbfX=1", "1" },
    { "  X = 1  \n", "1" },
    { "export X=1", "1" },
    { "export\tX=1", "1" },
    { "export=2\nX=1", "1" },
    { "X=", "" },
    { "X=   ", "" },
    { "X= # nothing", "" },
    { "X=#x", "#x" },
    { "X=a#b", "a#b" },
    { "X=a #b", "a" },
    { "X=a b  c", "a b  c" },
    { "# X=2\n\n   \nX=1", "1" },
    { "X=1\nX=2", "2" },
    { "X=postgres://u:p=w@h/d?a=b", "postgres://u:p=w@h/d?a=b" },
    { "X='a b' # c", "a b" },
    { "X='a \\n ${Y} \"'", "a \\n ${Y} \"" },
    { "X=\"a b\"", "a b" },
    { "X=\"a\\tb\\nc\\\\d\\\"e\"", "a\tb\nc\\d\"e" },
    { "X=\"a\\qb\"", "a\\qb" },
    { "X=\"a\nb\"\nY=1", "a\nb" },
    { "X=\"a\r\nb\"\r\n", "a\nb" },
    { "X=\"a # b\"", "a # b" },
    { "X=\"\"", "" },
    { "X=''", "" },
    { "X=\"'\"", "'" },
    { "X", NULL },
    { "export X", NULL },
    { "Y=1", NULL },
    { "X=\"größe\"", "größe" },
    { "Y=1\nX=${Y}2", "12" },
    { "X=${Y}2\nY=1", "12" },
    { "X=\"${Y}\"\nY=1", "1" },
    { "X=${Y:-3}", "3" },
    { "Y=\nX=${Y:-3}", "3" },
    { "Y=\nX=${Y}", "" },
    { "Z=4\nX=${Y:-a${Z}b}", "a4b" },
    { "X=$Y", "$Y" },
    { "X=pa$$word", "pa$$word" },
    { "X=$${Y}", "${Y}" },
    { "X=\"\\${Y}\"", "${Y}" },
    { "X=\"\\$Y\"", "$Y" },
    { "Y='${Z}'\nX=${Y}", "${Z}" },
    { "A.B-c=1\nX=${A.B-c}", "1" },
  };
  g_unsetenv ("X");
  g_unsetenv ("Y");
  g_unsetenv ("Z");
  for (size_t i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *value = value_of_x (*state, forms[i].text, &error);
      assert_no_error (error);
      if (g_strcmp0 (value, forms[i].value) != 0)
        fail_msg ("«%s» gives «%s», not «%s»", forms[i].text, value, forms[i].value);
    }
}

static void
test_bad_lines_are_refused_at_their_place (void **state)
{
  static const struct
  {
    const char *text;
    const char *message;
  } bad[] = {
    { "Y=1\nX: 1\n", ".env:2:1: this is not a NAME=value line" },
    { "  =1\n", ".env:1:3: this is not a NAME=value line" },
    { "1X=1\n", ".env:1:1: this is not a NAME=value line" },
    { "X Y=1\n", ".env:1:1: this is not a NAME=value line" },
    { "export 1=1\n", ".env:1:1: this is not a NAME=value line" },
    { "Y=1\nX='never\nclosed\n", ".env:2:3: the quote is never closed" },
    { "X=\"never closed\\\"", ".env:1:3: the quote is never closed" },
    { "X='a'b\n", ".env:1:6: there is text after the closing quote" },
    { "X='ä\nö' b\n", ".env:2:4: there is text after the closing quote" },
    { "Y=1\nX=ä\xff\n", ".env:2:4: a byte that is not UTF-8 text" },
    { "X=a${Y}\n", ".env:1:4: the variable Y is not set" },
    { "X=\"\n  ${Y}\"\n", ".env:2:3: the variable Y is not set" },
    { "X=${Y\n", ".env:1:3: ${ is never closed" },
    { "X=${Y Z}\n", ".env:1:3: ${ does not begin a reference to a variable here" },
    { "X=${X}\n", ".env:1:3: the variable X refers to itself" },
    { "X=${Y}\nY=${X}\n", ".env:1:3: the variable Y refers to itself" },
  };
  g_unsetenv ("X");
  g_unsetenv ("Y");
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *value = value_of_x (*state, bad[i].text, &error);
      assert_null (value);
      if (error == NULL)
        fail_msg ("«%s» passed", bad[i].text);
      assert_string_equal (error->message, bad[i].message);
      assert_true (keel_error_is (error, KEEL_ERROR_CONFIG));
      assert_non_null (keel_error_hint (error));
    }
}

/* Ten lines, each ten times the one before: 10^10 characters, or as many empty look-ups. */
static void
test_values_that_multiply_are_stopped (void **state)
{
  static const char *const leaves[] = { "xxxxxxxxxx", "" };
  for (size_t leaf = 0; leaf < G_N_ELEMENTS (leaves); leaf++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_string_printf (text, "V0=%s\n", leaves[leaf]);
      for (int i = 1; i <= 10; i++)
        {
          g_string_append_printf (text, "V%d=", i);
          for (int j = 0; j < 10; j++)
            g_string_append_printf (text, "${V%d}", i - 1);
          g_string_append_c (text, '\n');
        }
      g_string_append (text, "X=${V10}\n");
      g_autoptr (GError) error = NULL;
      int64_t start = g_get_monotonic_time ();
      assert_null (value_of_x (*state, text->str, &error));
      assert_non_null (error);
      assert_true (g_get_monotonic_time () - start < 2 * G_USEC_PER_SEC);
    }
}

static void
test_the_real_environment_wins (void **state)
{
  g_setenv ("X", "real ${Y}", TRUE);
  g_autoptr (GError) error = NULL;
  g_autofree char *value = value_of_x (*state, "X=file\n", &error);
  g_unsetenv ("X");
  assert_no_error (error);
  assert_string_equal (value, "real ${Y}");
}

static void
test_the_later_file_goes_before_the_earlier (void **state)
{
  const char *folder = *state;
  g_autoptr (Variables) variables = variables_new ();
  g_autofree char *x = NULL;
  g_autofree char *y = NULL;
  const char *source = NULL;
  bool found;
  write_file (folder, ".env", "X=1\nY=${X}\n");
  write_file (folder, ".env.staging", "X=2\n");
  assert_true (variables_read_file (variables, folder, ".env", &found, NULL));
  assert_true (variables_read_file (variables, folder, ".env.staging", &found, NULL));
  assert_true (variables_lookup (variables, "X", &x, &source, NULL));
  assert_string_equal (x, "2");
  assert_string_equal (source, ".env.staging");
  assert_true (variables_lookup (variables, "Y", &y, &source, NULL));
  assert_string_equal (y, "2");
  assert_string_equal (source, ".env");
}

static void
test_a_folder_called_env_is_no_file (void **state)
{
  g_autofree char *path = g_build_filename (*state, ".env.venv", NULL);
  g_autoptr (Variables) variables = variables_new ();
  bool found = true;
  assert_int_equal (g_mkdir (path, 0755), 0);
  assert_true (variables_read_file (variables, *state, ".env.venv", &found, NULL));
  assert_false (found);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_forms),
    cmocka_unit_test (test_bad_lines_are_refused_at_their_place),
    cmocka_unit_test (test_values_that_multiply_are_stopped),
    cmocka_unit_test (test_the_real_environment_wins),
    cmocka_unit_test (test_the_later_file_goes_before_the_earlier),
    cmocka_unit_test (test_a_folder_called_env_is_no_file),
  };
  return cmocka_run_group_tests (tests, make_folder, remove_folder);
}
