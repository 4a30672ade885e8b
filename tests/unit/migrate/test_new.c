/* The files of a new migration in every layout, and the histories that the end-to-end tests run. */
#include "fixture.h"

/* 2025-06-07T08:09:10Z */
#define NOW 1749283750

static GPtrArray *
plan_new (const char *root, const MigrationSet *set, const char *name)
{
  GPtrArray *files = NULL;
  g_autoptr (GError) error = NULL;
  bool is_planned = migration_plan_new (root, set, name, NOW, &files, &error);
  assert_no_error (error);
  assert_true (is_planned);
  return files;
}

/* The paths, "+" before one that is changed, a space between. */
static void
assert_files_planned (const char *root, const MigrationSet *set, const char *name,
                      const char *expected)
{
  g_autoptr (GPtrArray) files = plan_new (root, set, name);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < files->len; i++)
    {
      const MigrationNewFile *file = files->pdata[i];
      g_string_append_printf (text, "%s%s%s", i > 0 ? " " : "", file->is_changed ? "+" : "",
                              file->path);
    }
  assert_string_equal (text->str, expected);
}

static const struct
{
  const char *layout;
  guint count;
  const char *files;
} histories[] = {
  { "pgkeel", 7,
    "migrations/20250607080910_add_tax.up.sql migrations/20250607080910_add_tax.down.sql" },
  { "golang-migrate", 7, "migrations/000008_add_tax.up.sql migrations/000008_add_tax.down.sql" },
  { "dbmate", 7, "db/migrations/20250607080910_add_tax.sql" },
  { "goose", 7, "migrations/20250607080910_add_tax.sql" },
  { "flyway", 7,
    "src/main/resources/db/migration/V11__add_tax.sql "
    "src/main/resources/db/migration/U11__add_tax.sql" },
  { "sqlx", 7,
    "migrations/20250607080910_add_tax.up.sql migrations/20250607080910_add_tax.down.sql" },
  { "diesel", 8,
    "migrations/2025-06-07-080910_add_tax/up.sql migrations/2025-06-07-080910_add_tax/down.sql" },
  { "sqitch", 8, "deploy/add_tax.sql revert/add_tax.sql verify/add_tax.sql +sqitch.plan" },
  { "prisma", 7, "prisma/migrations/20250607080910_add_tax/migration.sql" },
  { "drizzle", 7, "drizzle/0007_add_tax.sql +drizzle/meta/_journal.json" },
  { "node-pg-migrate", 7, "migrations/1749283750000_add_tax.sql" },
  { "graphile-migrate", 7, "migrations/committed/000008-add_tax.sql" },
  { "sql-migrate", 7, "migrations/20250607080910-add_tax.sql" },
  { "sql", 7, "migrations/008-add_tax.sql migrations/008-add_tax.down.sql" },
};

static void
test_histories (void **state)
{
  const char *source = g_getenv ("PGKEEL_SOURCE_ROOT");
  assert_non_null (source);
  for (size_t i = 0; i < G_N_ELEMENTS (histories); i++)
    {
      g_autofree char *root
          = g_build_filename (source, "tests/e2e/migrations", histories[i].layout, NULL);
      g_autoptr (MigrationSet) set = read_set (root, NULL, NULL);
      assert_string_equal (set->layout, histories[i].layout);
      assert_int_equal (set->migrations->len, histories[i].count);
      assert_warnings (set, "");
      assert_files_planned (root, set, "add tax", histories[i].files);
    }
}

static void
test_a_project_without_migrations (void **state)
{
  static const struct
  {
    const char *layout, *files;
  } cases[] = {
    { NULL, "migrations/20250607080910_a.up.sql migrations/20250607080910_a.down.sql" },
    { "golang-migrate", "migrations/000001_a.up.sql migrations/000001_a.down.sql" },
    { "flyway", "migrations/V1__a.sql migrations/U1__a.sql" },
    { "sqitch", "migrations/deploy/a.sql migrations/revert/a.sql migrations/verify/a.sql "
                "migrations/sqitch.plan" },
    { "drizzle", "migrations/0000_a.sql migrations/meta/_journal.json" },
    { "graphile-migrate", "migrations/committed/000001-a.sql" },
    { "sql", "migrations/0001_a.sql migrations/0001_a.down.sql" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MigrationSet *set;
      g_autoptr (GError) error = NULL;
      assert_true (
          migration_set_read_for_new (*state, "migrations", cases[i].layout, &set, &error));
      assert_files_planned (*state, set, "a", cases[i].files);
      migration_set_free (set);
    }
}

static void
test_names (void **state)
{
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  GPtrArray *files = NULL;
  g_autoptr (GError) error = NULL;
  assert_files_planned (*state, set, " Über's ../tax: rates! ",
                        "migrations/20250607080910_Über_s_tax_rates.up.sql "
                        "migrations/20250607080910_Über_s_tax_rates.down.sql");
  assert_false (migration_plan_new (*state, set, "../..", NOW, &files, &error));
  assert_error (error, KEEL_ERROR_USAGE, "the name cannot stand in a file name");
  assert_null (files);
}

/* Versions of other widths, and times in seconds and milliseconds. */
static void
test_next_versions (void **state)
{
  static const struct
  {
    const char *last, *next;
  } cases[] = {
    { "7", "8" },
    { "0099", "0100" },
    { "9", "10" },
    { "999", "1000" },
    { "1700000000", "1749283750" },
    { "1700000000000", "1749283750000" },
    { "20240101", "20240102" },
    { "20250607080909", "20250607080910" },
    { "1749283750", "1749283751" },
    { "1749283750000", "1749283750001" },
    { "20250607080910", "20250607080911" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = g_strdup_printf ("case%zu", i);
      g_autofree char *file = g_strdup_printf ("%s/%s_a.up.sql", folder, cases[i].last);
      put (*state, file, "SELECT 1;");
      g_autoptr (MigrationSet) set = read_set (*state, folder, NULL);
      g_autofree char *expected = g_strdup_printf ("%s/%s_b.up.sql %s/%s_b.down.sql", folder,
                                                   cases[i].next, folder, cases[i].next);
      assert_files_planned (*state, set, "b", expected);
    }
}

/* Versions in parts, dates, and folders with plain numbers. */
static void
test_next_versions_of_other_forms (void **state)
{
  static const struct
  {
    const char *last, *next;
  } cases[] = {
    { "1.4.9-a.sql", "1.4.10-b.sql" },
    { "2024-01-02_a.sql", "2025-06-07_b.sql" },
    { "2024-01-02-1530-a.sql", "2025-06-07-080910-b.sql" },
    { "1700000000000_a/up.sql", "1749283750000_b/up.sql" },
    { "2024-01-02-030405_a/up.sql", "2025-06-07-080910_b/up.sql" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = g_strdup_printf ("form%zu", i);
      g_autofree char *file = g_build_filename (folder, cases[i].last, NULL);
      g_autofree char *expected = g_build_filename (folder, cases[i].next, NULL);
      put (*state, file, "SELECT 1;");
      g_autoptr (MigrationSet) set = read_set (*state, folder, NULL);
      g_autoptr (GPtrArray) files = plan_new (*state, set, "b");
      const MigrationNewFile *first = files->pdata[0];
      assert_string_equal (first->path, expected);
    }
}

/* What is written can be read again, and stands last. */
static void
test_what_is_new_is_last (void **state)
{
  const char *source = g_getenv ("PGKEEL_SOURCE_ROOT");
  for (size_t i = 0; i < G_N_ELEMENTS (histories); i++)
    {
      g_autofree char *copy = g_build_filename (*state, histories[i].layout, NULL);
      g_autofree char *command = g_strdup_printf ("cp -r '%s/tests/e2e/migrations/%s' '%s'", source,
                                                  histories[i].layout, copy);
      assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
      g_autoptr (MigrationSet) set = read_set (copy, NULL, NULL);
      g_autoptr (GPtrArray) files = plan_new (copy, set, "add_tax");
      for (guint j = 0; j < files->len; j++)
        {
          const MigrationNewFile *file = files->pdata[j];
          put (copy, file->path, file->text);
        }
      g_autoptr (MigrationSet) after = read_set (copy, NULL, NULL);
      assert_int_equal (after->migrations->len, set->migrations->len + 1);
      guint last = after->migrations->len - 1;
      const Migration *migration = after->migrations->pdata[last];
      if (migration->kind == MIGRATION_REPEATABLE)
        migration = after->migrations->pdata[last - 1];
      if (strstr (migration->up.path, "add_tax") == NULL)
        fail_msg ("%s: “%s” is last", histories[i].layout, migration->up.path);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_histories),
    cmocka_unit_test_setup_teardown (test_a_project_without_migrations, make_test_folder,
                                     remove_test_folder),
    cmocka_unit_test_setup_teardown (test_names, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_next_versions, make_test_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_next_versions_of_other_forms, make_test_folder,
                                     remove_test_folder),
    cmocka_unit_test_setup_teardown (test_what_is_new_is_last, make_test_folder,
                                     remove_test_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
