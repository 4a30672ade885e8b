/* Alembic's heads and Django's leaf nodes, told from the files. */
#include "fixture.h"
#include "migrate/heads.h"

static void
put_alembic (const char *root, const char *revision, const char *down)
{
  g_autofree char *name = g_strdup_printf ("alembic/versions/%s_x.py", revision);
  g_autofree char *text
      = g_strdup_printf ("\"\"\"make %s\n\nRevision ID: %s\n\"\"\"\nfrom alembic import op\n\n"
                         "# revision identifiers\nrevision: str = '%s'\n"
                         "down_revision: Union[str, None] = %s\nbranch_labels = None\n",
                         revision, revision, revision, down);
  put (root, name, text);
}

static PythonHistory *
read_python (const char *root, const char *folder_name, const char *name)
{
  g_autoptr (Folder) folder = NULL;
  g_autoptr (GError) error = NULL;
  PythonHistory *history = NULL;
  assert_true (folder_open (root, folder_name, false, &folder, &error));
  assert_true (python_history_read (folder, name, &history, &error));
  assert_no_error (error);
  return history;
}

static void
assert_problems (const PythonHistory *history, const char *expected)
{
  g_autoptr (GPtrArray) problems = python_history_problems (history);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < problems->len; i++)
    g_string_append_printf (text, "%s\n", (const char *) problems->pdata[i]);
  assert_string_equal (text->str, expected);
}

static void
test_alembic (void **state)
{
  put_alembic (*state, "aaaa1111", "None");
  put_alembic (*state, "bbbb2222", "'aaaa1111'");
  put_alembic (*state, "cccc3333", "\"aaaa\"");
  put (*state, "alembic/env.py", "from alembic import context\n");
  put (*state, "alembic/versions/helper.py", "x = 1\n");
  g_autoptr (PythonHistory) two = read_python (*state, "alembic", "versions");
  assert_string_equal (two->tool, "Alembic");
  assert_int_equal (two->all->len, 3);
  assert_problems (two, "Alembic has 2 heads: bbbb2222_x.py, cccc3333_x.py; merge them with "
                        "“alembic merge heads”\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_warnings (set, "“alembic” holds programs and no SQL: name the commands of their tool "
                        "under migrations.command in pgkeel.yaml\n"
                        "Alembic has 2 heads: bbbb2222_x.py, cccc3333_x.py; merge them with "
                        "“alembic merge heads”\n");

  put_alembic (*state, "dddd4444", "(\n    'bbbb2222',\n    'cccc3333',\n)");
  g_autoptr (PythonHistory) merged = read_python (*state, "alembic", "versions");
  assert_problems (merged, "");
  g_autoptr (GPtrArray) order = python_history_up_to (merged, "dddd4444");
  assert_int_equal (order->len, 4);
  const PythonMigration *first = order->pdata[0], *last = order->pdata[3];
  assert_string_equal (first->revision, "aaaa1111");
  assert_string_equal (first->name, "make aaaa1111");
  assert_string_equal (last->revision, "dddd4444");
  g_autoptr (GPtrArray) none = python_history_up_to (merged, "ffff");
  assert_int_equal (none->len, 0);

  put_alembic (*state, "eeee5555", "'0000gone'");
  g_autoptr (PythonHistory) orphan = read_python (*state, "alembic", "versions");
  assert_problems (orphan, "Alembic has 2 heads: dddd4444_x.py, eeee5555_x.py; merge them with "
                           "“alembic merge heads”\n"
                           "Alembic needs 0000gone (eeee5555_x.py), which is not there\n");
}

static void
put_django (const char *root, const char *name, const char *body)
{
  g_autofree char *path = g_strdup_printf ("ledger/migrations/%s.py", name);
  g_autofree char *text
      = g_strdup_printf ("from django.db import migrations\n\n\n"
                         "class Migration(migrations.Migration):\n%s\n    operations = []\n",
                         body);
  put (root, path, text);
}

static void
test_django (void **state)
{
  put (*state, "ledger/migrations/__init__.py", "");
  put_django (*state, "0001_initial",
              "    initial = True\n    dependencies = [\n        ('auth', '0012_x'),\n    ]\n");
  put_django (*state, "0002_a", "    dependencies = [('ledger', '0001_initial')]\n");
  put_django (*state, "0002_b",
              "    dependencies = [\n        (\"ledger\", \"0001_initial\"),\n    ]\n");
  g_autoptr (PythonHistory) two = read_python (*state, "ledger/migrations", "");
  assert_string_equal (two->tool, "Django");
  assert_problems (two, "Django has 2 leaf nodes: 0002_a, 0002_b; merge them with “manage.py "
                        "makemigrations --merge”\n");
  put_django (*state, "0003_merge",
              "    dependencies = [('ledger', '0002_a'), ('ledger', '0002_b')]\n");
  /* A squashed one stands for those that it replaces, whichever of them is named. */
  put_django (*state, "0001_squashed_0003",
              "    replaces = [('ledger', '0001_initial'), ('ledger', '0002_a'),\n"
              "        ('ledger', '0002_b'), ('ledger', '0003_merge')]\n    dependencies = []\n");
  put_django (*state, "0004_c", "    dependencies = [('ledger', '0003_merge')]\n");
  g_autoptr (PythonHistory) squashed = read_python (*state, "ledger/migrations", "");
  assert_problems (squashed, "");
}

static void
test_other_programs (void **state)
{
  put (*state, "scripts/a.py", "revision = 'a'\nprint('x')\n");
  put (*state, "scripts/b.js", "exports.up = 1\n");
  assert_null (read_python (*state, "scripts", ""));
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, make_test_folder, remove_test_folder)
  const struct CMUnitTest tests[] = {
    TEST (test_alembic),
    TEST (test_django),
    TEST (test_other_programs),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
