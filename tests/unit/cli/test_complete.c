#include "../testing.h"
#include "base/fs.h"
#include "cli/complete.h"

#include <glib/gstdio.h>
#include <string.h>

static int prove;
static char *type, *folder, *name;

static bool
run_nothing (CliContext *context, int argc, char **argv, GError **error)
{
  return true;
}

static const GOptionEntry create_options[] = {
  { "prove", 'p', 0, G_OPTION_ARG_NONE, &prove, "Prove it", NULL },
  { "type", 't', 0, G_OPTION_ARG_STRING, &type, "What", "db|schema|data" },
  { "to", 0, 0, G_OPTION_ARG_FILENAME, &folder, "Where", "DIR" },
  { "name", 0, 0, G_OPTION_ARG_STRING, &name, "Its name", "NAME" },
  { "secret", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &prove, "Hidden", NULL },
  { 0 },
};

static const CliCommand backup_rows[] = {
  { .name = "create", .summary = "Create", .options = create_options, .run = run_nothing },
  { .name = "show",
    .arguments = "BACKUP [db|schema]",
    .max_arguments = 2,
    .summary = "Show",
    .run = run_nothing },
  { 0 },
};

static const CliCommand tree[] = {
  { .name = "backup", .summary = "Backups", .children = backup_rows },
  { .name = "back",
    .summary = "Go back",
    .arguments = "FILE...",
    .max_arguments = -1,
    .run = run_nothing },
  { .name = "look", .same_as = &backup_rows[1] },
  { .name = "under",
    .summary = "Run another program",
    .arguments = "PROGRAM...",
    .max_arguments = -1,
    .options = create_options,
    .stops_at_argument = true,
    .run = run_nothing },
  { .name = "close",
    .arguments = "INCIDENT",
    .max_arguments = 1,
    .summary = "Close",
    .run = run_nothing },
  { .name = "help",
    .summary = "Help",
    .arguments = "[COMMAND...]",
    .max_arguments = -1,
    .run = run_nothing },
  { 0 },
};

/* LINE is what stands after "pgkeel "; EXPECTED the words offered, without explanations. */
static void
assert_offers (const char *line, const char *expected)
{
  g_auto (GStrv) words = *line != '\0' ? g_strsplit (line, " ", -1) : g_new0 (char *, 2);
  if (*line == '\0')
    words[0] = g_strdup ("");
  g_autoptr (GPtrArray) lines = complete_words (tree, (int) g_strv_length (words), words);
  g_autoptr (GString) offered = g_string_new (NULL);
  for (guint i = 0; i < lines->len; i++)
    {
      const char *text = g_ptr_array_index (lines, i);
      g_string_append_printf (offered, "%s%.*s", i > 0 ? " " : "", (int) strcspn (text, "\t"),
                              text);
    }
  assert_string_equal (offered->str, expected);
}

static void
test_commands (void **state)
{
  (void) state;
  assert_offers ("", "backup back look under close help");
  assert_offers ("ba", "backup back");
  assert_offers ("backup ", "create show");
  assert_offers ("--json backup c", "create");
  assert_offers ("nosuch ", "");
  assert_offers ("backup nosuch ", "");
  assert_offers ("help backup ", "create show");
  assert_offers ("help look ", "");
}

static void
test_options (void **state)
{
  (void) state;
  assert_offers ("backup create --p", "--prove");
  assert_offers ("backup create --t", "--type= --to=");
  assert_offers ("backup create --se", "");
  assert_offers ("backup create --j", "--json");
  assert_offers ("backup --pr", "");
  assert_offers ("--v", "--verbose --version");
  assert_offers ("backup create -- --p", "");
  assert_offers ("under --p", "--prove");
  assert_offers ("under psql --p", "");
}

static void
test_values_of_options (void **state)
{
  (void) state;
  assert_offers ("backup create --type ", "db schema data");
  assert_offers ("backup create -pt d", "db data");
  assert_offers ("backup create --type=s", "--type=schema");
  assert_offers ("backup create --to ", ":folders");
  assert_offers ("backup create --to=", ":folders");
  assert_offers ("backup create --name x", "");
  assert_offers ("-C ", ":folders");
  assert_offers ("--prove=", "");
}

static void
test_arguments (void **state)
{
  (void) state;
  assert_offers ("back ", ":files");
  assert_offers ("back one two ", ":files");
  assert_offers ("backup show x ", "db schema");
  assert_offers ("look x s", "schema");
  assert_offers ("backup show x y ", "");
  assert_offers ("backup create ", "");
}

static void
write_file (const char *root, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (root, path, NULL);
  g_autofree char *parent = g_path_get_dirname (full);
  assert_int_equal (g_mkdir_with_parents (parent, 0700), 0);
  assert_true (g_file_set_contents (full, text, -1, NULL));
}

static void
test_names_from_the_project (void **state)
{
  (void) state;
  g_autofree char *root = g_dir_make_tmp ("pgkeel-complete-XXXXXX", NULL);
  write_file (root, "pgkeel.yaml",
              "project: shop\nenvironments:\n  development: {local: true}\n"
              "  production: {url: \"${NOT_SET_ANYWHERE}\", protected: true}\n");
  write_file (root, "backups/development/shop_db_backup_20250101_000000.sql.gz", "");
  write_file (root, "backups/development/shop_db_backup_20250102_000000.sql.gz", "");
  write_file (root, "backups/development/shop_db_backup_20250102_000000.proof.json", "");
  write_file (root, "backups/development/.shop_db_backup_20250103_000000.sql.gz", "");
  write_file (root, "backups/production/shop_db_backup_20240101_000000.sql.gz", "");

  g_autofree char *here = g_get_current_dir ();
  assert_int_equal (g_chdir (root), 0);
  assert_offers ("-e ", "development production");
  assert_offers ("backup create --env=p", "--env=production");
  assert_offers ("-e development backup show ", "latest shop_db_backup_20250102_000000.sql.gz "
                                                "shop_db_backup_20250101_000000.sql.gz :files");
  assert_offers ("look --env production shop_", "shop_db_backup_20240101_000000.sql.gz :files");
  write_file (root, ".pgkeel/incidents/2026-11-21-1.json", "{}");
  write_file (root, ".pgkeel/incidents/2026-11-21-2.json", "{}");
  assert_offers ("-e development close 2026-", "2026-11-21-2 2026-11-21-1");
  assert_int_equal (g_chdir (here), 0);

  g_autofree char *elsewhere = g_strdup_printf ("-C %s -e ", root);
  assert_offers (elsewhere, "development production");
  GError *error = NULL;
  assert_true (fs_remove_tree (root, &error));
}

static void
test_a_broken_project_is_silent (void **state)
{
  (void) state;
  g_autofree char *root = g_dir_make_tmp ("pgkeel-complete-XXXXXX", NULL);
  write_file (root, "pgkeel.yaml", "nonsense: [");
  g_autofree char *environments = g_strdup_printf ("-C %s -e ", root);
  assert_offers (environments, "");
  g_autofree char *backups = g_strdup_printf ("-C %s backup show ", root);
  assert_offers (backups, ":files");
  GError *error = NULL;
  assert_true (fs_remove_tree (root, &error));
}

int
main (void)
{
  static const char *const variables[]
      = { "PGKEEL_ENV", "LEDGER_ENV", "NODE_ENV", "BACKUP_DIR", "DATABASE_URL" };
  for (size_t i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_commands),
    cmocka_unit_test (test_options),
    cmocka_unit_test (test_values_of_options),
    cmocka_unit_test (test_arguments),
    cmocka_unit_test (test_names_from_the_project),
    cmocka_unit_test (test_a_broken_project_is_silent),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
