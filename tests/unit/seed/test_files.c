/* Which files an environment has, and what their names say. */
#include "../folder.h"
#include "seed/files.h"

#include <glib/gstdio.h>

static void
put (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  assert_int_equal (g_mkdir_with_parents (parent, 0755), 0);
  assert_true (g_file_set_contents (path, "", 0, NULL));
}

static void
test_names (void **state)
{
  const char *folder = *state;
  static const char *const names[] = { "common/10_users.csv", "common/9_app.roles.json",
                                       "common/plain.sql",    "development/01_a.b.csv",
                                       "common/README.md",    "common/.hidden.csv",
                                       "common/notes.txt",    "testing/01_never.csv",
                                       "common/02_.csv",      "development/more/1_deep.csv",
                                       "common/1_x.csv~" };
  static const char *const expected[]
      = { "s/common/9_app.roles.json: app roles", "s/common/10_users.csv: - users",
          "s/common/plain.sql: - plain", "s/development/01_a.b.csv: a b" };
  g_autoptr (GPtrArray) files = NULL;
  g_autoptr (GPtrArray) ignored = NULL;
  g_autoptr (GError) error = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    put (folder, names[i]);
  assert_true (seed_files_find (folder, "s", "development", &files, &ignored, &error));
  assert_int_equal (files->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < files->len; i++)
    {
      const SeedFile *file = files->pdata[i];
      g_autofree char *shown = g_strdup_printf (
          "%s: %s %s", file->shown, file->schema != NULL ? file->schema : "-", file->table);
      assert_string_equal (shown, expected[i]);
      assert_int_equal (file->is_common, i < 3);
    }
  assert_int_equal (ignored->len, 3);
}

static void
test_no_folder (void **state)
{
  g_autoptr (GPtrArray) files = NULL;
  g_autoptr (GPtrArray) ignored = NULL;
  g_autofree char *folder = g_build_filename (*state, "none", NULL);
  assert_true (seed_files_find (folder, "s", "development", &files, &ignored, NULL));
  assert_int_equal (files->len, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_names, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_no_folder, make_test_folder, remove_test_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
