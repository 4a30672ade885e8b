#include "../folder.h"
#include "project/node.h"

static GPtrArray *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *documents = NULL;
  bool ok = node_parse_documents ("f.yml", text, strlen (text), &node_limits_foreign, &documents,
                                  &error);
  assert_no_error (error);
  assert_true (ok);
  return documents;
}

/* What is at PATH, and where it was written. */
static void
assert_at (const Node *root, const char *path, const char *text, int line, int column)
{
  const Node *node = node_find (root, path);
  if (node == NULL)
    fail_msg ("there is no %s", path);
  assert_string_equal (node->text, text);
  assert_int_equal (node->line, line);
  assert_int_equal (node->column, column);
  assert_string_equal (node->file, "f.yml");
}

static void
test_aliases_and_merge_keys (void **state)
{
  g_autoptr (GPtrArray) documents = parse ("base: &base {image: postgres, env: &env {A: one}}\n"
                                           "more: &more\n"
                                           "  image: redis\n"
                                           "  extra: 1\n"
                                           "db:\n"
                                           "  <<: [*base, *more]\n"
                                           "  env:\n"
                                           "    <<: *env\n"
                                           "    B: two\n"
                                           "own:\n"
                                           "  image: mine\n"
                                           "  <<: *base\n"
                                           "list: [*more, x]\n"
                                           "quoted: {\"<<\": text}\n");
  const Node *root = documents->pdata[0];
  assert_int_equal (documents->len, 1);
  assert_at (root, "db.image", "postgres", 1, 21);
  assert_at (root, "db.extra", "1", 4, 10);
  assert_at (root, "db.env.A", "one", 1, 45);
  assert_at (root, "db.env.B", "two", 9, 8);
  assert_at (root, "own.image", "mine", 11, 10);
  assert_at (root, "quoted.<<", "text", 14, 16);
  assert_null (node_find (root, "db.<<"));
  const Node *list = node_find (root, "list");
  assert_int_equal (list->children->len, 2);
  assert_null (((const Node *) list->children->pdata[0])->key);
  assert_string_equal (node_child (list->children->pdata[0], "image")->text, "redis");
}

static void
test_tags_and_documents (void **state)
{
  g_autoptr (GPtrArray) documents = parse ("ports: !reset []\nuser: !override 5\n---\nb: 2\n");
  assert_int_equal (documents->len, 2);
  assert_string_equal (node_find (documents->pdata[0], "ports")->tag, "!reset");
  assert_string_equal (node_find (documents->pdata[0], "user")->tag, "!override");
  assert_at (documents->pdata[1], "b", "2", 4, 4);
  g_autoptr (Node) copy = node_copy (documents->pdata[0]);
  assert_string_equal (node_find (copy, "user")->text, "5");
}

/* LEVELS lists, each of nine aliases to the one before. */
static char *
bomb (int levels)
{
  GString *text = g_string_new ("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
  for (int i = 1; i <= levels; i++)
    {
      g_string_append_printf (text, "a%d: &a%d [", i, i);
      for (int j = 0; j < 9; j++)
        g_string_append_printf (text, "%s*a%d", j > 0 ? ", " : "", i - 1);
      g_string_append (text, "]\n");
    }
  return g_string_free (text, FALSE);
}

/* Chains of aliases that each nest the one before deeper. */
static char *
tower (void)
{
  GString *text = g_string_new ("a0: &a0 [[[[[[x]]]]]]\n");
  for (int i = 1; i < 20; i++)
    g_string_append_printf (text, "a%d: &a%d [[[[[[*a%d]]]]]]\n", i, i, i - 1);
  return g_string_free (text, FALSE);
}

static char *
long_text (void)
{
  GString *text = g_string_new ("a: &a ");
  for (int i = 0; i < 100000; i++)
    g_string_append_c (text, 'x');
  g_string_append (text, "\nb: [");
  for (int i = 0; i < 100; i++)
    g_string_append (text, "*a,");
  g_string_append (text, "]\n");
  return g_string_free (text, FALSE);
}

static void
assert_refused (const char *text, const char *message)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *documents = NULL;
  assert_false (node_parse_documents ("f.yml", text, strlen (text), &node_limits_foreign,
                                      &documents, &error));
  assert_error (error, KEEL_ERROR_CONFIG, message);
  assert_null (documents);
}

static void
test_limits (void **state)
{
  g_autofree char *small = bomb (3), *large = bomb (12), *deep = tower (), *wide = long_text ();
  g_ptr_array_unref (parse (small));
  assert_refused (large, "too many values");
  assert_refused (deep, "nested too deeply");
  assert_refused (wide, "too much text is repeated");
}

static void
test_refusals (void **state)
{
  assert_refused ("a: &a [*a]\n", "f.yml:1:8: an alias (*name) to an anchor that is not there");
  assert_refused ("a: *b\n", "f.yml:1:4: an alias");
  assert_refused ("a: &a x\n---\nb: *a\n", "f.yml:3:4: an alias");
  assert_refused ("a: &a x\nb: {<<: *a}\n", "f.yml:1:4: only mappings can be merged");
  assert_refused ("a: 1\na: 2\n", "“a” is there twice (first on line 1)");
  assert_refused ("a: [1\n", "not valid YAML");
  assert_refused ("? [a]\n: 1\n", "a key must be a plain word");
}

/* A project's own file still has none of it. */
static void
test_project_files_stay_plain (void **state)
{
  static const char *const texts[]
      = { "a: &a 1\n", "a: *b\n", "a: !x 1\n", "a: 1\n---\nb: 1\n", "a: {b: 1, b: 2}\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      Node *root = NULL;
      assert_false (node_parse ("f.yml", texts[i], strlen (texts[i]), &root, &error));
      assert_error (error, KEEL_ERROR_CONFIG, "f.yml:");
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_aliases_and_merge_keys),
    cmocka_unit_test (test_tags_and_documents),
    cmocka_unit_test (test_limits),
    cmocka_unit_test (test_refusals),
    cmocka_unit_test (test_project_files_stay_plain),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
