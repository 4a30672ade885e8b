/* Which of the rehearsals that were kept `migrate up` is content with. */
#include "../project/fixture.h"

#include "base/clock.h"
#include "deploy/rehearsal.h"

#include <string.h>

#define BACKUP "shop_db_backup_20260101_000000"

static Project *
open_shop (const char *folder, const char *settings)
{
  g_autofree char *yaml = g_strdup_printf (
      "project: shop\nenvironments:\n  production: {url: \"postgresql://h/shop\"}\n%s", settings);
  write_file (folder, "pgkeel.yaml", yaml);
  return open_project (folder, "production");
}

static void
keep (const Project *project, const char *name, const char *text)
{
  g_autofree char *folder = project_backup_folder (project);
  assert_int_equal (g_mkdir_with_parents (folder, 0700), 0);
  write_file (folder, name, text);
}

/* --- files ------------------------------------------------------------------------------------ */

typedef struct
{
  GPtrArray *migrations; /* of Migration */
  GPtrArray *items;      /* of PlanItem */
} Files;

static void
files_clear (Files *files)
{
  g_ptr_array_unref (files->items);
  g_ptr_array_unref (files->migrations);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Files, files_clear)

/* Of versions and the letters that their checksums are made of: "1a 2b". */
static Files
make_files (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  Files files = { .migrations = g_ptr_array_new_with_free_func ((GDestroyNotify) migration_free),
                  .items = g_ptr_array_new_with_free_func (g_free) };
  for (char **word = words; *word != NULL; word++)
    {
      g_autofree char *version = g_strndup (*word, 1);
      Migration *migration = migration_new (MIGRATION_VERSIONED, version, "name");
      migration->up.path = g_strdup_printf ("migrations/%s.up.sql", version);
      memset (migration->checksum, (*word)[1], 64);
      PlanItem *item = g_new0 (PlanItem, 1);
      item->migration = migration;
      g_ptr_array_add (files.migrations, migration);
      g_ptr_array_add (files.items, item);
    }
  return files;
}

/* A rehearsal of such FILES, held AGE seconds ago. */
static char *
text_of (const char *files, int64_t age, bool passed, const char *environment)
{
  g_auto (GStrv) words = g_strsplit (files, " ", -1);
  g_autofree char *when = clock_format_iso (clock_now () - age);
  json_t *migrations = json_array ();
  for (char **word = words; *word != NULL && **word != '\0'; word++)
    {
      char checksum[65] = { 0 }, version[2] = { (*word)[0], '\0' };
      memset (checksum, (*word)[1], 64);
      json_array_append_new (migrations, json_pack ("{s:s, s:s, s:n}", "version", version,
                                                    "checksum", checksum, "down_checksum"));
    }
  json_t *object
      = json_pack ("{s:b, s:s, s:{s:s}, s:s, s:s, s:[s], s:o}", "passed", (int) passed, "rehearsed",
                   when, "backup", "name", BACKUP ".sql.gz", "project", "shop", "environment",
                   environment, "problems", "it broke", "migrations", migrations);
  char *text = json_dumps (object, 0);
  json_decref (object);
  return text;
}

/* REASON NULL: found. A star at its end stands for anything. */
static void
assert_match (const Project *project, const char *files, const char *reason)
{
  g_auto (Files) wanted = make_files (files);
  g_auto (RehearsalMatch) match = { 0 };
  g_autoptr (GError) error = NULL;
  bool done = rehearsal_find (project, wanted.items, &match, &error);
  assert_no_error (error);
  assert_true (done);
  if (match.found != (reason == NULL))
    fail_msg ("%s: %s", files, match.found ? "found" : match.reason);
  if (reason != NULL && !g_pattern_match_simple (reason, match.reason))
    fail_msg ("%s: %s", files, match.reason);
}

static void
keep_files (const Project *project, const char *name, const char *files, int64_t age, bool passed)
{
  g_autofree char *text = text_of (files, age, passed, "production");
  keep (project, name, text);
}

static void
test_exactly_these_files (void **state)
{
  g_autoptr (Project) project = open_shop (*state, "");
  assert_match (project, "1a", "nothing was rehearsed yet for this environment");
  keep_files (project, BACKUP ".rehearsal.json", "1a 2b 3c", 60, true);
  assert_match (project, "1a 2b 3c", NULL);
  /* Of an older backup, and up to a version. */
  assert_match (project, "2b 3c", NULL);
  assert_match (project, "2b", NULL);
  assert_match (project, "1a 3c", "the rehearsal of * ran them in another order");
  assert_match (project, "2b 1a", "the rehearsal of * ran them in another order");
  assert_match (project, "1a 2x", "migrations/2.up.sql has changed since the rehearsal of *");
  assert_match (project, "3c 4d", "migrations/4.up.sql was not in the rehearsal of *");
}

static void
test_the_last_one_counts (void **state)
{
  g_autoptr (Project) project = open_shop (*state, "");
  keep_files (project, "shop_db_backup_20260101_000001.rehearsal.json", "1a", 100, true);
  keep_files (project, "shop_db_backup_20260101_000002.rehearsal.json", "1a", 50, false);
  assert_match (project, "1a", "the rehearsal of * failed: it broke");
  keep_files (project, "shop_db_backup_20260101_000003.rehearsal.json", "2b", 10, true);
  assert_match (project, "1a", "the rehearsal of * failed: it broke");
  keep_files (project, "shop_db_backup_20260101_000004.rehearsal.json", "1a", 5, true);
  assert_match (project, "1a", NULL);
  /* What was rehearsed on a copy made just now is kept elsewhere. */
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", NULL);
  assert_int_equal (g_mkdir (folder, 0700), 0);
  g_autofree char *text = text_of ("1a", 1, false, "production");
  write_file (folder, "production.rehearsal.json", text);
  assert_match (project, "1a", "the rehearsal of * failed: it broke");
}

static void
test_of_this_environment (void **state)
{
  g_autoptr (Project) project = open_shop (*state, "");
  g_autofree char *text = text_of ("1a", 1, true, "staging");
  keep (project, BACKUP ".rehearsal.json", text);
  assert_match (project, "1a", "nothing was rehearsed yet for this environment");
  keep (project, "x.rehearsal.json", "{\"project\": \"shop\", \"environment\": \"production\"");
  keep (project, "y.rehearsal.json",
        "{\"project\": \"shop\", \"environment\": \"production\", \"passed\": true}");
  keep (project, "z.rehearsal.json", "[]");
  assert_match (project, "1a", "nothing was rehearsed yet for this environment");
}

static void
test_rehearsals_age (void **state)
{
  g_autoptr (Project) project = open_shop (*state, "");
  keep_files (project, BACKUP ".rehearsal.json", "1a", 23 * 3600, true);
  assert_match (project, "1a", NULL);
  keep_files (project, BACKUP ".rehearsal.json", "1a", 25 * 3600, true);
  assert_match (project, "1a",
                "the rehearsal of * is 25 h old, more than 24 h "
                "(migrations.rehearsal_max_age)");
  g_autoptr (Project) patient = open_shop (*state, "migrations: {rehearsal_max_age: 2d}\n");
  assert_match (patient, "1a", NULL);
  g_autoptr (Project) careless = open_shop (*state, "migrations: {rehearsal_max_age: 0}\n");
  keep_files (project, BACKUP ".rehearsal.json", "1a", 1000 * 86400, true);
  assert_match (careless, "1a", NULL);
  assert_match (patient, "1a", "the rehearsal of * old, more than *");
  /* That it failed says more than its age. */
  keep_files (project, BACKUP ".rehearsal.json", "1a", 1000 * 86400, false);
  assert_match (patient, "1a", "the rehearsal of * failed: it broke");
}

/* --- commands --------------------------------------------------------------------------------- */

static ExternalPending *
make_pending (const char *commands, const char *status)
{
  ExternalPending *pending = external_pending_new ();
  pending->commands = g_strdup (commands);
  pending->status = g_strdup (status);
  return pending;
}

static void
keep_command (const Project *project, ExternalPending *pending)
{
  Rehearsal rehearsal = { .backup_sha256 = "", .passed = true };
  RehearsedCommand command = { .pending = pending };
  rehearsal.command = &command;
  rehearsal.backup = BACKUP ".sql.gz";
  rehearsal.project = "shop";
  rehearsal.environment = "production";
  rehearsal.rehearsed = clock_now ();
  rehearsal.migrations = g_ptr_array_new ();
  g_autoptr (json_t) object = rehearsal_json (&rehearsal);
  g_autofree char *text = json_dumps (object, 0);
  g_ptr_array_unref (rehearsal.migrations);
  keep (project, BACKUP ".rehearsal.json", text);
}

static void
assert_command_match (const Project *project, const ExternalPending *pending, const char *reason)
{
  g_auto (RehearsalMatch) match = { 0 };
  g_autoptr (GError) error = NULL;
  bool done = rehearsal_find_command (project, pending, &match, &error);
  assert_no_error (error);
  assert_true (done);
  if (match.found != (reason == NULL))
    fail_msg ("%s", match.found ? "found" : match.reason);
  if (reason != NULL && !g_pattern_match_simple (reason, match.reason))
    fail_msg ("%s", match.reason);
}

static void
test_exactly_this_command (void **state)
{
  g_autoptr (Project) project = open_shop (*state, "");
  g_autoptr (ExternalPending) pending = make_pending ("c", "s");
  external_pending_add_file (pending, "m/1.py", "one");
  g_ptr_array_add (pending->rows, g_strdup ("public.alembic_version a1"));
  assert_command_match (project, pending, "nothing was rehearsed yet for this environment");
  keep_files (project, BACKUP ".rehearsal.json", "1a", 1, true);
  assert_command_match (project, pending,
                        "the rehearsal of * was of files, not of migrations.command");
  keep_command (project, pending);
  assert_command_match (project, pending, NULL);
  external_pending_add_file (pending, "m/2.py", "two");
  assert_command_match (project, pending, "m/2.py was not there in the rehearsal of *");
  g_ptr_array_set_size (pending->files, 0);
  assert_command_match (project, pending, "m/1.py is not there any more since *");
  external_pending_add_file (pending, "m/1.py", "other");
  assert_command_match (project, pending, "m/1.py has changed since the rehearsal of *");
  g_ptr_array_set_size (pending->files, 0);
  external_pending_add_file (pending, "m/1.py", "one");
  g_ptr_array_add (pending->rows, g_strdup ("public.alembic_version b2"));
  assert_command_match (project, pending,
                        "the database has public.alembic_version b2, which was not in the copy *");
  g_ptr_array_set_size (pending->rows, 0);
  assert_command_match (project, pending,
                        "the database lacks public.alembic_version a1, which was in the copy *");
}

static void
test_status_and_what_nobody_tells (void **state)
{
  g_autoptr (Project) project = open_shop (*state, "");
  g_autoptr (ExternalPending) rehearsed = make_pending ("c", "s");
  g_autoptr (ExternalPending) other = make_pending ("c", "t");
  g_autoptr (ExternalPending) changed = make_pending ("d", "s");
  keep_command (project, rehearsed);
  assert_command_match (project, other, "migrations.command.status says something else than *");
  assert_command_match (project, changed, "migrations.command has changed since *");
  /* A status that is another one each time was left out, and files have to tell. */
  g_autoptr (ExternalPending) untold = make_pending ("c", NULL);
  keep_command (project, untold);
  assert_command_match (project, rehearsed, "nothing tells what the command is going to do *");
  external_pending_add_file (untold, "m/1.py", "one");
  external_pending_add_file (rehearsed, "m/1.py", "one");
  keep_command (project, untold);
  assert_command_match (project, rehearsed, NULL);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown (name, make_folder, remove_folder)
    TEST (test_exactly_these_files),  TEST (test_the_last_one_counts),
    TEST (test_of_this_environment),  TEST (test_rehearsals_age),
    TEST (test_exactly_this_command), TEST (test_status_and_what_nobody_tells),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
