/* What `pgkeel init --template` adds to texts of others, and that every text of every template renders. */
#include "../testing.h"
#include "base/fs.h"
#include "cli/init_merge.h"
#include "cli/init_template.h"
#include "cli/init_write.h"

#include <string.h>

static void
test_lines (void **state)
{
  static const struct
  {
    const char *text, *wanted, *expected; /* NULL: nothing is missing */
  } cases[] = {
    { "", "a\nb\n", "a\nb\n" },          { "a\nb\n", "a\nb\n", NULL },
    { "b\n", "a\nb\n", "b\na\n" },       { "x", "a\n", "x\na\n" },
    { "x\r\n", "a\n", "x\r\na\r\n" },    { "a  \r\nx\r\n", "a\n", NULL },
    { "x\n", "# why\na\n\n", "x\na\n" }, { "aa\n", "a\n", "aa\na\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = init_merge_lines (cases[i].text, cases[i].wanted);
      assert_int_equal (text == NULL, cases[i].expected == NULL);
      if (text != NULL)
        assert_string_equal (text, cases[i].expected);
    }
}

#define WANTED "{\"scripts\": {\"a\": \"x\", \"b\": \"say \\\"hi\\\"\"}}"

static void
test_scripts (void **state)
{
  static const struct
  {
    const char *text, *expected, *taken;
  } cases[] = {
    /* Laid out in lines: as the ones that are there. */
    { "{\n\t\"scripts\": {\n\t\t\"test\": \"jest\"\n\t},\n\t\"x\": 1\n}\n",
      "{\n\t\"scripts\": {\n\t\t\"test\": \"jest\",\n\t\t\"a\": \"x\",\n\t\t\"b\": \"say \\\"hi\\\"\"\n\t},\n\t\"x\": 1\n}\n",
      NULL },
    /* In one line. */
    { "{\"scripts\": {\"a\": \"x\"}}", "{\"scripts\": {\"a\": \"x\", \"b\": \"say \\\"hi\\\"\"}}",
      NULL },
    /* None yet. */
    { "{\n  \"scripts\": {}\n}",
      "{\n  \"scripts\": {\n    \"a\": \"x\",\n    \"b\": \"say \\\"hi\\\"\"\n  }\n}", NULL },
    { "{\n    \"name\": \"n\"\n}\n",
      "{\n    \"name\": \"n\",\n    \"scripts\": {\n        \"a\": \"x\",\n        \"b\": \"say \\\"hi\\\"\"\n    }\n}\n",
      NULL },
    { "{}", "{\n  \"scripts\": {\n    \"a\": \"x\",\n    \"b\": \"say \\\"hi\\\"\"\n  }\n}", NULL },
    /* Somebody's own command stays. */
    { "{\"scripts\": {\"a\": \"mine\", \"b\": \"say \\\"hi\\\"\"}}", NULL, "a" },
    { "{\"scripts\": {\"b\": \"say \\\"hi\\\"\", \"a\": \"x\"}}", NULL, NULL },
    /* What looks like the section and is not. */
    { "{\"x\": {\"scripts\": {}}, \"y\": \"\\\"scripts\\\": {\", \"scripts\": {\"t\": \"}\\\\\"}}",
      "{\"x\": {\"scripts\": {}}, \"y\": \"\\\"scripts\\\": {\", \"scripts\": {\"t\": \"}\\\\\", \"a\": \"x\", \"b\": \"say "
      "\\\"hi\\\"\"}}",
      NULL },
    { "{\r\n  \"scripts\": {\r\n    \"t\": \"1\"\r\n  }\r\n}\r\n",
      "{\r\n  \"scripts\": {\r\n    \"t\": \"1\",\r\n    \"a\": \"x\",\r\n    \"b\": \"say \\\"hi\\\"\"\r\n  }\r\n}\r\n",
      NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = NULL, *taken = NULL;
      assert_true (init_merge_scripts (cases[i].text, WANTED, &text, &taken, &error));
      assert_int_equal (text == NULL, cases[i].expected == NULL);
      if (text != NULL)
        assert_string_equal (text, cases[i].expected);
      assert_int_equal (taken == NULL, cases[i].taken == NULL);
      if (taken != NULL)
        assert_string_equal (taken, cases[i].taken);
      /* And once more: nothing. */
      g_autofree char *again = NULL, *again_taken = NULL;
      if (text != NULL)
        assert_true (init_merge_scripts (text, WANTED, &again, &again_taken, &error));
      assert_null (again);
    }
}

/* Nothing is guessed about a text that is not what it should be. */
static void
test_scripts_refused (void **state)
{
  static const char *const cases[] = {
    "",
    "nonsense",
    "[]",
    "{\"scripts\": []}",
    "{\"scripts\": \"x\"}",
    "{\"scripts\": {}, \"scripts\": {}}",
    "{\"scripts\": {\"a\": \"x\",}}",
    "// comment\n{\"scripts\": {}}",
    "{\"\\u0073cripts\": {\"t\": \"1\"}}",
    "\xef\xbb\xbf{\"scripts\": {}}",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      char *text = NULL, *taken = NULL;
      assert_false (init_merge_scripts (cases[i], WANTED, &text, &taken, &error));
      assert_true (keel_error_is (error, KEEL_ERROR_ANSWER_NO));
      assert_null (text);
    }
}

#define MAIN "if __name__ == \"__main__\":\n"

static void
test_main (void **state)
{
  static const struct
  {
    const char *text, *expected; /* NULL: refused; "": nothing to do */
  } cases[] = {
    { "import x\n" MAIN "    main()\n",
      "import x\n" MAIN "    import lock\n\n    lock.check()\n    main()\n" },
    { "if __name__ == '__main__':\r\n\tmain()\r\n",
      "if __name__ == '__main__':\r\n\timport lock\r\n\r\n\tlock.check()\r\n\tmain()\r\n" },
    { MAIN "\n    # go\n    main()",
      MAIN "    import lock\n\n    lock.check()\n\n    # go\n    main()" },
    { "import lock\n" MAIN "    main()\n", "" },
    { "main()\n", NULL },
    { MAIN, NULL },
    { MAIN "main()\n", NULL },
    { "    " MAIN "        main()\n", NULL },
    { MAIN "    a()\n" MAIN "    b()\n", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = NULL;
      bool is_fine
          = init_merge_main (cases[i].text, "import lock\n\nlock.check()", "lock", &text, &error);
      assert_int_equal (is_fine, cases[i].expected != NULL);
      if (is_fine)
        assert_string_equal (text != NULL ? text : "", cases[i].expected);
    }
}

/* No placeholder is left in any text, for any name that a project may have, and what is made of the name
 * is what Docker and PostgreSQL take. */
static void
test_render (void **state)
{
  static const char *const names[] = {
    "shop",      "Ledger-Flow", "9lives",
    "pg_shop",   "a",           "x_-_",
    "template1", "postgres",    "a23456789-123456789-123456789-123456789-123456789-123456789-123"
  };
  g_autoptr (GRegex) placeholder = g_regex_new ("@[A-Z_]+@|^@include", G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GRegex) compose_name
      = g_regex_new ("^name: [a-z0-9]([a-z0-9_-]*[a-z0-9])?-dev$", G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GRegex) database = g_regex_new (
      "^POSTGRES_DB=(?!pg_|template|postgres$)[a-z][a-z0-9_]{0,62}$", G_REGEX_MULTILINE, 0, NULL);
  for (const InitTemplate *template = init_templates; template->name != NULL; template ++)
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
      for (const InitFile *file = template->files; file->path != NULL; file++)
        {
          if (file->existing == INIT_ADD_THE_LOCK)
            continue;
          g_autofree char *text = init_template_render (template, file->path, names[i]);
          if (g_regex_match (placeholder, text, 0, NULL))
            fail_msg ("%s of %s has a placeholder", file->path, template->name);
          if (strcmp (file->path, "compose.dev.yml") == 0)
            assert_true (g_regex_match (compose_name, text, 0, NULL));
          if (strcmp (file->path, ".env.example") == 0)
            assert_true (g_regex_match (database, text, 0, NULL));
          assert_true (g_str_has_suffix (text, "\n"));
          assert_false (g_str_has_suffix (text, "\n\n"));
          if (!g_str_has_suffix (file->path, ".py"))
            assert_null (strstr (text, "\n\n\n"));
        }
}

static void
add_change (GPtrArray *changes, const char *path, const char *before, const char *after)
{
  InitChange *change = g_new0 (InitChange, 1);
  *change
      = (InitChange){ .path = (char *) path, .before = (char *) before, .after = (char *) after };
  g_ptr_array_add (changes, change);
}

static void
put (const char *folder, const char *path, const char *text)
{
  g_autofree char *whole = g_build_filename (folder, path, NULL);
  assert_true (g_file_set_contents (whole, text, -1, NULL));
}

static void
assert_holds (const char *folder, const char *path, const char *expected)
{
  g_autofree char *whole = g_build_filename (folder, path, NULL);
  g_autofree char *text = NULL;
  bool is_there = g_file_get_contents (whole, &text, NULL, NULL);
  assert_int_equal (is_there, expected != NULL);
  if (is_there)
    assert_string_equal (text, expected);
}

static guint
count_entries (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint count = 0;
  while (g_dir_read_name (dir) != NULL)
    count++;
  return count;
}

static void
test_write (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("pgkeel-test-XXXXXX", &error);
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func (g_free);
  put (folder, "old", "1\n");
  add_change (changes, "a/b/new", NULL, "n\n");
  add_change (changes, "old", "1\n", "2\n");
  assert_true (init_write (folder, changes, &error));
  assert_holds (folder, "a/b/new", "n\n");
  assert_holds (folder, "old", "2\n");
  assert_int_equal (count_entries (folder), 2);
  assert_true (fs_remove_tree (folder, &error));
}

/* Whatever fails, and wherever in the list: all is as it was. */
static void
test_write_all_or_nothing (void **state)
{
  static const struct
  {
    const char *path, *before, *message;
  } faults[] = {
    { "there", NULL, "“there” has appeared meanwhile" },
    { "old", "not this\n", "“old” has changed meanwhile" },
    { "gone", "1\n", "“gone” has changed meanwhile" },
    { "there/below", NULL, "cannot open the folder of “there/below”" },
    { "link", NULL, "“link” has appeared meanwhile" },
    { "link", "1\n", "“link” has changed meanwhile" },
    { "outside/new", NULL, "cannot open the folder of “outside/new”" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (faults); i++)
    for (int is_last = 0; is_last < 2; is_last++)
      {
        g_autoptr (GError) error = NULL;
        g_autofree char *folder = g_dir_make_tmp ("pgkeel-test-XXXXXX", &error);
        g_autofree char *link = g_build_filename (folder, "link", NULL);
        g_autofree char *outside = g_build_filename (folder, "outside", NULL);
        g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func (g_free);
        put (folder, "there", "mine\n");
        put (folder, "old", "1\n");
        put (folder, "other", "o\n");
        assert_int_equal (symlink ("old", link), 0);
        assert_int_equal (symlink ("/tmp", outside), 0);
        if (!is_last)
          add_change (changes, faults[i].path, faults[i].before, "x\n");
        add_change (changes, "a/b/new", NULL, "n\n");
        add_change (changes, "a/new", NULL, "n\n");
        add_change (changes, "other", "o\n", "p\n");
        if (is_last)
          add_change (changes, faults[i].path, faults[i].before, "x\n");
        assert_false (init_write (folder, changes, &error));
        if (!g_str_has_prefix (error->message, faults[i].message))
          fail_msg ("%s, not %s", error->message, faults[i].message);
        assert_holds (folder, "there", "mine\n");
        assert_holds (folder, "old", "1\n");
        assert_holds (folder, "other", "o\n");
        assert_holds (folder, "a/new", NULL);
        assert_int_equal (count_entries (folder), 5);
        g_clear_error (&error);
        assert_true (fs_remove_tree (folder, &error));
      }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_lines),
    cmocka_unit_test (test_scripts),
    cmocka_unit_test (test_scripts_refused),
    cmocka_unit_test (test_main),
    cmocka_unit_test (test_render),
    cmocka_unit_test (test_write),
    cmocka_unit_test (test_write_all_or_nothing),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
