/* What a command is about to do, and which migrations it has run: from files and texts, without a
 * server. */
#include "fixture.h"

#include "migrate/external_pending.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* The rows of "alembic a1", "django shop.0001 shop.0002" and so on. */
static ExternalState
make_state (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  ExternalState state
      = { .rows = g_ptr_array_new_with_free_func ((GDestroyNotify) external_row_free) };
  for (char **word = words + 1; words[0] != NULL && *word != NULL; word++)
    {
      ExternalRow *row = g_new0 (ExternalRow, 1);
      row->tool = strcmp (words[0], "alembic") == 0 ? "alembic" : "django";
      row->table = g_strdup_printf ("public.%s_version", words[0]);
      row->version = g_strdup (*word);
      g_ptr_array_add (state.rows, row);
    }
  return state;
}

/* --- which were applied ----------------------------------------------------------------------- */

static void
assert_applied (const ExternalTold *told, const char *less, const char *more, const char *expected)
{
  g_auto (ExternalState) before = make_state (less), after = make_state (more);
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  bool done = external_list_applied (told, &before, &after, &rows, &error);
  assert_no_error (error);
  assert_true (done);
  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "",
                            ((const ExternalRow *) rows->pdata[i])->version);
  if (strcmp (text->str, expected) != 0)
    fail_msg ("from %s to %s: %s", less, more, text->str);
}

static void
test_tools_with_a_row_for_each (void **state)
{
  const ExternalTold told = { .root = *state };
  assert_applied (&told, "django s.1", "django s.1 s.2 s.3", "s.2 s.3");
  assert_applied (&told, "", "django s.1", "s.1");
  assert_applied (&told, "django s.1 s.2", "django s.1", "");
}

static void
test_nothing_tells (void **state)
{
  const ExternalTold told = { .root = *state };
  assert_applied (&told, "alembic a1", "alembic c3", "c3");
  assert_applied (&told, "alembic a1", "alembic a1", "");
  assert_applied (&told, "alembic c3", "alembic", "");
}

/* a1, then b2 and b3 side by side, merged by c4; d5 needs another branch, x9. */
static void
test_files_tell (void **state)
{
  const char *root = *state;
  const ExternalTold told = { .root = root };
  put (root, "alembic/versions/1.py", "revision = 'a1'\ndown_revision = None\n");
  put (root, "alembic/versions/2.py", "revision = 'b2'\ndown_revision = 'a1'\n");
  put (root, "alembic/versions/3.py", "revision: str = \"b3\"\ndown_revision: str = \"a1\"\n");
  put (root, "alembic/versions/4.py", "revision = 'c4long'\ndown_revision = ('b2', 'b3')\n");
  put (root, "alembic/versions/5.py",
       "revision = 'd5'\ndown_revision = 'c4lo'\ndepends_on = ['x9']\n");
  put (root, "alembic/versions/9.py",
       "revision = 'x9'\ndown_revision = None\nbranch_labels = ('x',)\n");
  assert_applied (&told, "", "alembic d5", "a1 b2 b3 c4long x9 d5");
  assert_applied (&told, "alembic b2", "alembic d5", "b3 c4long x9 d5");
  assert_applied (&told, "alembic b2 b3", "alembic c4long", "c4long");
  assert_applied (&told, "alembic a1", "alembic b2 b3", "b2 b3");
  /* The way back asks the same of what was there before. */
  assert_applied (&told, "alembic a1", "alembic c4long", "b2 b3 c4long");
  const ExternalTold elsewhere = { .root = root, .dir = "elsewhere" };
  assert_applied (&elsewhere, "alembic a1", "alembic c4long", "c4long");
}

static void
test_output_tells (void **state)
{
  const ExternalTold run
      = { .root = *state,
          .output
          = "INFO  [alembic.runtime.migration] Running upgrade  -> a1, the first -> one\r\n"
            "INFO  [alembic.runtime.migration] Running upgrade a1 -> b2\r\n"
            "INFO  [alembic.runtime.migration] Running upgrade b2, x9 -> c3, merge\n"
            "INFO  [alembic.runtime.migration] Running upgrade c3 -> d4, failed and undone\n" };
  assert_applied (&run, "", "alembic c3", "a1 b2 x9 c3");
  assert_applied (&run, "alembic a1", "alembic c3", "b2 x9 c3");
  const ExternalTold history = { .root = *state,
                                 .status = "c3 -> d4 (head), the last\n"
                                           "b2, x9 -> c3 (mergepoint), merged\n"
                                           "<base> -> x9 (label) (branchpoint)\n"
                                           "a1 -> b2, the second\n"
                                           "<base> -> a1, the first\n" };
  assert_applied (&history, "", "alembic d4", "a1 b2 x9 c3 d4");
  assert_applied (&history, "alembic b2", "alembic d4", "x9 c3 d4");
}

/* --- what is pending -------------------------------------------------------------------------- */

static ExternalPending *
read_pending (const char *root, const char *dir, const char *status)
{
  g_auto (ExternalState) state = make_state ("alembic b2 a1");
  const ExternalPendingSpec spec = { .root = root,
                                     .dir = dir,
                                     .up = "tool up",
                                     .down = "tool down",
                                     .status = status,
                                     .state = &state };
  ExternalPending *pending = NULL;
  g_autoptr (GError) error = NULL;
  bool done = external_pending_read (&spec, &pending, &error);
  assert_no_error (error);
  assert_true (done);
  return pending;
}

static void
assert_paths (const char *root, const char *dir, const char *expected)
{
  g_autoptr (ExternalPending) pending = read_pending (root, dir, NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < pending->files->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "",
                            ((const ExternalFile *) pending->files->pdata[i])->path);
  assert_string_equal (text->str, expected);
}

static void
test_files_that_count (void **state)
{
  const char *root = *state;
  put (root, "apps/shop/migrations/0001.py", "1");
  put (root, "apps/shop/migrations/__pycache__/0001.pyc", "no");
  put (root, "apps/shop/migrations/.hidden", "no");
  put (root, "apps/shop/models.py", "no");
  put (root, "alembic/env.py", "2");
  put (root, "alembic/versions/a.py", "3");
  put (root, "drizzle/meta/_journal.json", "4");
  put (root, "node_modules/x/migrations/1.js", "no");
  put (root, "venv/pyvenv.cfg", "no");
  put (root, "venv/lib/migrations/1.py", "no");
  put (root, ".git/migrations/1.py", "no");
  put (root, "own/any.sql", "5");
  assert_paths (root, NULL,
                "alembic/env.py alembic/versions/a.py apps/shop/migrations/0001.py "
                "drizzle/meta/_journal.json");
  assert_paths (root, "own", "own/any.sql");
  assert_paths (root, "nosuch", "");
  /* A folder may be reached in two ways, or by going round in a circle. */
  g_autofree char *link = g_build_filename (root, "alembic", "again", NULL);
  assert_int_equal (symlink (root, link), 0);
  assert_paths (root, "alembic", "alembic/env.py alembic/versions/a.py");
}

static void
test_what_tells (void **state)
{
  g_autoptr (ExternalPending) nothing = read_pending (*state, NULL, NULL);
  assert_false (external_pending_is_told (nothing));
  assert_int_equal (nothing->rows->len, 2);
  assert_string_equal (nothing->rows->pdata[0], "public.alembic_version a1");
  g_autoptr (ExternalPending) status = read_pending (*state, NULL, "one (head)\n");
  assert_true (external_pending_is_told (status));
  g_autoptr (ExternalPending) same = read_pending (*state, NULL, "  one (head)");
  g_autofree char *none = external_pending_difference (status, same, "then");
  assert_null (none);
  g_autoptr (ExternalPending) other = read_pending (*state, NULL, "two (head)");
  g_autofree char *text = external_pending_difference (status, other, "then");
  assert_string_equal (
      text, "migrations.command.status says something else than in the rehearsal of then");
  put (*state, "migrations/1.sql", "one");
  g_autoptr (ExternalPending) files = read_pending (*state, NULL, NULL);
  assert_true (external_pending_is_told (files));
  put (*state, "migrations/1.sql", "two");
  g_autoptr (ExternalPending) changed = read_pending (*state, NULL, NULL);
  g_autofree char *difference = external_pending_difference (files, changed, "then");
  assert_string_equal (difference, "migrations/1.sql has changed since the rehearsal of then");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown (name, make_test_folder, remove_test_folder)
    TEST (test_tools_with_a_row_for_each),
    TEST (test_nothing_tells),
    TEST (test_files_tell),
    TEST (test_output_tells),
    TEST (test_files_that_count),
    TEST (test_what_tells),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
