/* Opening a project: where it is found, what is in force, and from where. */
#include "fixture.h"

#include <string.h>

static void
test_everything_written_is_in_force (void **state)
{
  const char *folder = *state;
  write_file (folder, "pgkeel.yaml",
              "project: ledgerflow\n"
              "backup:\n"
              "  dir: ../elsewhere\n"
              "  min_size: 64KB\n"
              "  schedule: {db: \"0 * * * *\", full: \"0 2 * * 1-5\"}\n"
              "  keep: {db: 48h, full: 7d}\n"
              "  count: [ledger_transaction, ledger.account]\n"
              "environments:\n"
              "  development: {local: true, database: ledger_dev, postgres: 17}\n"
              "  production: {url: \"${DATABASE_URL}\", protected: true}\n");
  g_autoptr (Project) project = open_project (folder, NULL);
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autofree char *elsewhere = g_build_filename (parent, "elsewhere", NULL);
  g_autofree char *backups = project_backup_folder (project);
  g_autofree char *expected = g_build_filename (elsewhere, "development", NULL);
  assert_string_equal (project->name, "ledgerflow");
  assert_string_equal (project->folder, folder);
  assert_string_equal (project->backup_folder, elsewhere);
  assert_string_equal (backups, expected);
  assert_int_equal (project->min_size_bytes, 65536);
  assert_string_equal (project->schedule_db, "0 * * * *");
  assert_string_equal (project->schedule_full, "0 2 * * 1-5");
  assert_int_equal (project->keep_db_seconds, 48 * 3600);
  assert_int_equal (project->keep_full_seconds, 7 * 86400);
  assert_string_equal (project->count_tables[0], "ledger_transaction");
  assert_string_equal (project->count_tables[1], "ledger.account");
  assert_null (project->count_tables[2]);
  assert_string_equal (project->environment->database, "ledger_dev");
  assert_int_equal (project->environment->postgres_major, 17);
  assert_true (project->environment->is_local);
  assert_string_equal (project_origin (project, "backup.min_size"), "pgkeel.yaml:4:13");
  assert_string_equal (project_origin (project, "nothing"), "default");
}

static void
test_defaults (void **state)
{
  g_autofree char *folder = g_build_filename (*state, "Led ger!", NULL);
  assert_int_equal (g_mkdir (folder, 0755), 0);
  static const char *const empty[]
      = { "", "# only a comment\n", "{}\n", "backup:\n", "---\n...\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (empty); i++)
    {
      write_file (folder, "pgkeel.yaml", empty[i]);
      g_autoptr (Project) project = open_project (folder, NULL);
      g_autofree char *backups = g_build_filename (folder, "backups", NULL);
      assert_string_equal (project->name, "Led_ger_");
      assert_string_equal (project->backup_folder, backups);
      assert_int_equal (project->min_size_bytes, 10240);
      assert_int_equal (project->keep_db_seconds, 0);
      assert_int_equal (project->keep_full_seconds, 0);
      assert_null (project->schedule_db);
      assert_null (project->count_tables[0]);
      assert_string_equal (project->environment->name, "development");
      assert_true (project->environment->is_local);
      assert_string_equal (project->environment->database, "Led_ger_");
      assert_int_equal (project->environment->postgres_major, 0);
    }
}

static void
test_migration_settings (void **state)
{
  const char *folder = *state;
  g_setenv ("MIGRATIONS", "db", TRUE);
  write_file (folder, "pgkeel.yaml",
              "migrations:\n"
              "  dir: ${MIGRATIONS}/migrations\n"
              "  layout: dbmate\n"
              "  lock_timeout: 500ms\n"
              "  statement_timeout: 15m\n"
              "  rehearsal_max_age: 2d\n"
              "  ignore: [cron, \"public.django_*\"]\n"
              "  command: {status: \"x ${URL} $$\", up: y}\n");
  g_autoptr (Project) project = open_project (folder, NULL);
  g_unsetenv ("MIGRATIONS");
  const ProjectMigrations *migrations = &project->migrations;
  assert_string_equal (migrations->dir, "db/migrations");
  assert_string_equal (migrations->layout, "dbmate");
  assert_int_equal (migrations->lock_timeout_ms, 500);
  assert_int_equal (migrations->statement_timeout_ms, 900000);
  assert_int_equal (migrations->rehearsal_max_age_s, 2 * 86400);
  assert_string_equal (migrations->ignore[0], "cron");
  assert_string_equal (migrations->ignore[1], "public.django_*");
  assert_null (migrations->ignore[2]);
  assert_string_equal (migrations->status_command, "x ${URL} $$");
  assert_string_equal (migrations->up_command, "y");
  assert_null (migrations->down_command);
  assert_string_equal (project_origin (project, "migrations.command.up"), "pgkeel.yaml:8:40");

  write_file (folder, "pgkeel.yaml", "migrations:\n");
  g_autoptr (Project) without = open_project (folder, NULL);
  assert_null (without->migrations.dir);
  assert_null (without->migrations.layout);
  assert_int_equal (without->migrations.lock_timeout_ms, 2000);
  assert_int_equal (without->migrations.statement_timeout_ms, 0);
  assert_int_equal (without->migrations.rehearsal_max_age_s, 86400);
  assert_null (without->migrations.ignore[0]);
}

static void
test_seeds_settings (void **state)
{
  const char *folder = *state;
  write_file (folder, "pgkeel.yaml", "seeds: {dir: db/rows}\n");
  g_autoptr (Project) project = open_project (folder, NULL);
  assert_string_equal (project->seeds_dir, "db/rows");
  assert_string_equal (project_origin (project, "seeds.dir"), "pgkeel.yaml:1:14");

  write_file (folder, "pgkeel.yaml", "seeds:\n");
  g_autoptr (Project) without = open_project (folder, NULL);
  assert_string_equal (without->seeds_dir, "seeds");
}

static void
test_integrity_settings (void **state)
{
  const char *folder = *state;
  write_file (folder, "pgkeel.yaml",
              "integrity: {checks: db/rules, backup_max_age: 2h, statement_timeout: 0s}\n");
  g_autoptr (Project) project = open_project (folder, NULL);
  g_autofree char *rules = g_build_filename (project->folder, "db/rules", NULL);
  assert_string_equal (project->integrity.checks_folder, rules);
  assert_int_equal (project->integrity.backup_max_age_seconds, 7200);
  assert_int_equal (project->integrity.statement_timeout_ms, 0);
  assert_string_equal (project_origin (project, "integrity.backup_max_age"), "pgkeel.yaml:1:47");

  write_file (folder, "pgkeel.yaml", "integrity:\n");
  g_autoptr (Project) without = open_project (folder, NULL);
  g_autofree char *checks = g_build_filename (without->folder, "checks", NULL);
  assert_string_equal (without->integrity.checks_folder, checks);
  assert_int_equal (without->integrity.backup_max_age_seconds, 86400);
  assert_int_equal (without->integrity.statement_timeout_ms, 600000);
  assert_int_equal (without->integrity.aggregates->len, 0);
  assert_int_equal (without->integrity.ignore->len, 0);
}

static void
test_declared_aggregates_and_what_is_ignored (void **state)
{
  const char *folder = *state;
  write_file (
      folder, "pgkeel.yaml",
      "integrity:\n"
      "  ignore: [index-unused, \"fk-*:public.old_?\"]\n"
      "  aggregates:\n"
      "    - {name: members, parent: s.groups, column: member_count, child: members,\n"
      "       child_key: group_id, parent_key: id, expression: count(*), filter: \"left = '${x}'\"}\n"
      "    - {parent: groups, column: total, child: dues, expression: sum(amount)}\n");
  g_autoptr (Project) project = open_project (folder, NULL);
  const GPtrArray *aggregates = project->integrity.aggregates;
  assert_int_equal (aggregates->len, 2);
  const ProjectAggregate *one = aggregates->pdata[0];
  assert_string_equal (one->name, "members");
  assert_string_equal (one->parent, "s.groups");
  assert_string_equal (one->column, "member_count");
  assert_string_equal (one->child, "members");
  assert_string_equal (one->child_key, "group_id");
  assert_string_equal (one->parent_key, "id");
  assert_string_equal (one->expression, "count(*)");
  assert_string_equal (one->expression_place, "pgkeel.yaml:5:57");
  /* SQL is taken as it is. */
  assert_string_equal (one->filter, "left = '${x}'");
  assert_string_equal (one->filter_place, "pgkeel.yaml:5:75");
  const ProjectAggregate *two = aggregates->pdata[1];
  assert_null (two->name);
  assert_null (two->child_key);
  assert_null (two->filter_place);
  const GPtrArray *ignore = project->integrity.ignore;
  assert_int_equal (ignore->len, 2);
  assert_string_equal (((ProjectPattern *) ignore->pdata[1])->text, "fk-*:public.old_?");
  assert_string_equal (((ProjectPattern *) ignore->pdata[1])->place, "pgkeel.yaml:2:26");
  assert_string_equal (project_origin (project, "integrity.ignore"), "pgkeel.yaml:2:11");
}

static void
test_guard_settings (void **state)
{
  const char *folder = *state;
  write_file (
      folder, "pgkeel.yaml",
      "guard: {label: org.example.keep, protect: [pg*, keep], strict: true, proof_max_age: 2h,\n"
      "  production: [live.yml]}\n"
      "incident: {notify: \"mail $WHO\", webhook: \"https://example.org/x\",\n"
      "  emergency_backup: false}\n"
      "audit: {database_head: true}\n");
  g_autoptr (Project) project = open_project (folder, NULL);
  assert_string_equal (project->guard.label, "org.example.keep");
  assert_int_equal (g_strv_length (project->guard.protect), 2);
  assert_string_equal (project->guard.protect[1], "keep");
  assert_true (project->guard.is_strict);
  assert_int_equal (project->guard.proof_max_age_seconds, 7200);
  assert_string_equal (project->guard.production[0], "live.yml");
  assert_null (project->guard.production[1]);
  assert_string_equal (project->incident.notify_command, "mail $WHO");
  assert_string_equal (project->incident.webhook, "https://example.org/x");
  assert_false (project->incident.wants_backup);
  assert_true (project->audit_has_database_head);
  assert_string_equal (project_origin (project, "guard.protect"), "pgkeel.yaml:1:43");

  write_file (folder, "pgkeel.yaml", "guard:\n");
  g_autoptr (Project) without = open_project (folder, NULL);
  assert_string_equal (without->guard.label, "com.ledgerflow.protect=true");
  assert_null (without->guard.protect[0]);
  assert_true (without->incident.wants_backup);
  assert_false (without->guard.is_strict);
  assert_int_equal (without->guard.proof_max_age_seconds, 86400);
  assert_string_equal (without->guard.production[0], "*prod.yml");
  assert_null (without->incident.notify_command);
  assert_false (without->audit_has_database_head);
}

static void
test_the_file_is_found_from_below (void **state)
{
  g_autofree char *below = g_build_filename (*state, "a", "b", NULL);
  assert_int_equal (g_mkdir_with_parents (below, 0755), 0);
  write_file (*state, "pgkeel.yaml", "project: up\n");
  write_file (below, ".env", "BACKUP_DIR=wrong\n");
  g_autoptr (Project) project = open_project (below, NULL);
  g_autofree char *state_path = project_state_path (project, "audit.jsonl");
  g_autofree char *expected = g_build_filename (*state, ".pgkeel", "audit.jsonl", NULL);
  assert_string_equal (project->folder, *state);
  assert_string_equal (project->name, "up");
  assert_string_equal (state_path, expected);
  assert_null (strstr (project->backup_folder, "wrong"));
}

static void
test_a_folder_that_is_not_there (void **state)
{
  (void) state;
  assert_refused ("/nonexistent/folder", NULL,
                  "cannot enter “/nonexistent/folder”: No such file or directory",
                  "Name a folder that is there.");
}

/* A project without a pgkeel.yaml has one environment, which DATABASE_URL gives. */
static void
test_without_a_file (void **state)
{
  g_setenv ("DATABASE_URL", "postgres://ada:x@prod/ledger", TRUE);
  g_autoptr (Project) project = open_project (*state, NULL);
  const char *url = NULL;
  assert_true (project_url (project, &url, NULL));
  assert_null (project->file);
  assert_int_equal (project->environments->len, 1);
  assert_string_equal (url, "postgres://ada:x@prod/ledger");
  assert_string_equal (project->environment->name, "production");
  assert_true (project->environment->is_protected);
  assert_string_equal (project->environment->origin, "DATABASE_URL");
  /* What the URL says protects, whatever the environment is called. */
  g_autoptr (Project) other = open_project (*state, "development");
  assert_true (other->environment->is_protected);
  assert_false (other->environment->is_local);
  clear_environment ();

  g_autoptr (Project) without = open_project (*state, "staging");
  g_autoptr (GError) error = NULL;
  assert_false (project_url (without, &url, &error));
  assert_string_equal (error->message, "environment “staging” has no URL");
  assert_string_equal (keel_error_hint (error),
                       "Set DATABASE_URL, or write a pgkeel.yaml with `pgkeel init`.");
}

static void
test_backup_dir_overrides (void **state)
{
  g_autofree char *relative = g_build_filename (*state, "there", NULL);
  write_file (*state, "pgkeel.yaml", "backup: {dir: \"${NOBODY_SETS_THIS}\"}\n");
  g_setenv ("BACKUP_DIR", "/srv/backups", TRUE);
  g_autoptr (Project) absolute = open_project (*state, NULL);
  assert_string_equal (absolute->backup_folder, "/srv/backups");
  assert_string_equal (project_origin (absolute, "backup.dir"), "BACKUP_DIR");
  g_unsetenv ("BACKUP_DIR");
  write_file (*state, ".env", "BACKUP_DIR=there\n");
  g_autoptr (Project) project = open_project (*state, NULL);
  assert_string_equal (project->backup_folder, relative);
  assert_string_equal (project_origin (project, "backup.dir"), "BACKUP_DIR (.env)");
}

static void
test_a_missing_production_url_does_not_disturb_development (void **state)
{
  write_file (*state, "pgkeel.yaml",
              "environments:\n"
              "  development: {local: true}\n"
              "  production:  {url: \"${PROD_URL}\"}\n");
  g_unsetenv ("PROD_URL");
  g_autoptr (Project) development = open_project (*state, NULL);
  const char *url = "untouched";
  assert_true (project_url (development, &url, NULL));
  assert_null (url);
  g_autoptr (Project) production = open_project (*state, "production");
  g_autoptr (GError) error = NULL;
  assert_false (project_url (production, &url, &error));
  assert_string_equal (error->message, "pgkeel.yaml:3:23: the variable PROD_URL is not set");
  assert_string_equal (
      keel_error_hint (error),
      "Set PROD_URL in the environment or in .env, or write ${PROD_URL:-default}.");
  assert_string_equal (production->environment->url_text, "${PROD_URL}");
  assert_string_equal (production->environment->origin, "pgkeel.yaml:3:22");
}

static void
test_env_files_of_the_environment (void **state)
{
  write_file (*state, "pgkeel.yaml",
              "environments:\n  development: {url: \"${URL}\"}\n  production: {url: \"${URL}\"}\n");
  write_file (*state, ".env", "URL=postgres://common/x\n");
  write_file (*state, ".env.prod", "URL=postgres://alias/x\n");
  g_autoptr (Project) development = open_project (*state, "dev");
  assert_string_equal (development->environment->url, "postgres://common/x");
  g_autoptr (Project) alias = open_project (*state, "prod");
  assert_string_equal (alias->environment->url, "postgres://alias/x");
  write_file (*state, ".env.production", "URL=postgresql+psycopg://full/x\n");
  g_autoptr (Project) full = open_project (*state, "prod");
  assert_string_equal (full->environment->url, "postgresql://full/x");
  assert_int_equal (full->files_read->len, 4);
  write_file (*state, ".env.production", "nonsense here\n");
  assert_refused (*state, "prod", ".env.production:1:1: this is not a NAME=value line",
                  "Write NAME=value, or # before a comment.");
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
    TEST (test_everything_written_is_in_force),
    TEST (test_defaults),
    TEST (test_migration_settings),
    TEST (test_seeds_settings),
    TEST (test_integrity_settings),
    TEST (test_guard_settings),
    TEST (test_declared_aggregates_and_what_is_ignored),
    TEST (test_the_file_is_found_from_below),
    TEST (test_a_folder_that_is_not_there),
    TEST (test_without_a_file),
    TEST (test_backup_dir_overrides),
    TEST (test_a_missing_production_url_does_not_disturb_development),
    TEST (test_env_files_of_the_environment),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
