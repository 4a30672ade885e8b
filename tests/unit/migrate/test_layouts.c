/* Every layout but the native one: what is told from its files, in which order, with which texts. */
#include "fixture.h"

#include "base/text.h"
#include "project/project.h"

#include <unistd.h>

static const Migration *
at (const MigrationSet *set, guint place)
{
  assert_true (place < set->migrations->len);
  return set->migrations->pdata[place];
}

static void
assert_text (const MigrationScript *script, const char *text, unsigned int line)
{
  assert_non_null (script->text);
  assert_string_equal (script->text, text);
  assert_int_equal (script->length, strlen (text));
  assert_int_equal (script->line, line);
}

static void
test_golang_migrate (void **state)
{
  put (*state, "migrations/2_b.up.sql", "SELECT 2;");
  put (*state, "migrations/000010_c.up.sql", "SELECT 10;");
  put (*state, "migrations/0001_a_b.up.sql", "SELECT 1;");
  put (*state, "migrations/0001_a_b.down.sql", "SELECT -1;");
  put (*state, "migrations/20250101000000_d.up.sql", "SELECT 3;");
  put (*state, "migrations/3_only.down.sql", "SELECT 3;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "golang-migrate");
  assert_versions (set, "0001:a_b 2:b 000010:c 20250101000000:d");
  assert_warnings (set, "“migrations/3_only.down.sql” was left out: there is no 3_only.up.sql\n");
  assert_text (&at (set, 0)->down, "SELECT -1;", 1);
  put (*state, "migrations/02_other.up.sql", "SELECT 2;");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "“migrations/02_other.up.sql” and “migrations/2_b.up.sql” have the same "
                      "version, 2",
                      "Give one of them another version.");
}

static void
test_dbmate (void **state)
{
  put (*state, "db/migrations/20250101000000_a.sql",
       "-- a licence\n\n-- migrate:up\nCREATE TABLE a ();\n\n-- migrate:down\nDROP TABLE a;\n");
  put (*state, "db/migrations/20250102000000_b.sql",
       "--  migrate:up transaction:false\nSELECT 1;\n--migrate:down\n");
  put (*state, "db/migrations/9_late.sql", "-- migrate:up\n");
  put (*state, "db/migrations/schema.sql", "SELECT 1;\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "dbmate");
  assert_versions (set, "20250101000000:a 20250102000000:b 9:late");
  assert_text (&at (set, 0)->up, "CREATE TABLE a ();\n\n", 4);
  assert_text (&at (set, 0)->down, "DROP TABLE a;\n", 7);
  assert_false (at (set, 0)->up.no_transaction);
  assert_text (&at (set, 1)->up, "SELECT 1;\n", 2);
  assert_true (at (set, 1)->up.no_transaction);
  assert_null (at (set, 1)->down.text);
  assert_warnings (set, "“db/migrations/schema.sql” was left out: its name begins with no number\n"
                        "“db/migrations/9_late.sql” is empty\n");
}

/* Ways up in the order of the file, with its lines; ways down in the reverse order. */
static void
test_dbmate_with_several_blocks (void **state)
{
  put (*state, "db/migrations/1_a.sql",
       "-- migrate:up\nCREATE TABLE a ();\n-- migrate:down\nDROP TABLE a;\n"
       "-- migrate:up transaction:false\nCREATE TABLE b ();\n-- migrate:down\nDROP TABLE b;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_text (&at (set, 0)->up,
               "CREATE TABLE a ();\n               \n             \n"
               "                               \nCREATE TABLE b ();\n",
               2);
  assert_text (&at (set, 0)->down, "DROP TABLE b;\nDROP TABLE a;\n", 0);
  assert_true (at (set, 0)->up.no_transaction);
  assert_false (at (set, 0)->down.no_transaction);
}

static void
test_dbmate_refuses (void **state)
{
  put (*state, "db/migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n");
  put (*state, "db/migrations/2_b.sql", "\nSELECT 1;\n-- migrate:up\n");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "db/migrations/2_b.sql:2: there is SQL before the first mark",
                      "Put it below “-- migrate:up”: what stands before the first mark runs in "
                      "neither direction.");
  put (*state, "db/migrations/2_b.sql", "-- migrate:down\nSELECT 1;\n");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "db/migrations/2_b.sql: there is no “-- migrate:up”",
                      "Write “-- migrate:up” before what it does.");
}

static void
test_goose (void **state)
{
  put (*state, "migrations/00001_a.sql",
       "-- +goose Up\n-- +goose StatementBegin\nDO $$ BEGIN NULL; END $$\n"
       "-- +goose StatementEnd\nSELECT 1;\n\n-- +goose Down\nSELECT 2;\n");
  put (*state, "migrations/00002_b.go", "package migrations\n");
  put (*state, "migrations/00002_b_test.go", "package migrations\n");
  put (*state, "migrations/00003_c.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 3;\n");
  put (*state, "migrations/10_d.sql", "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${X}';\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "goose");
  assert_versions (set, "00001:a 00002:b 00003:c 10:d");
  assert_warnings (set, "");
  assert_text (&at (set, 0)->up,
               "                        \nDO $$ BEGIN NULL; END $$\n"
               ";                     \nSELECT 1;\n\n",
               2);
  assert_text (&at (set, 0)->down, "SELECT 2;\n", 8);
  assert_null (at (set, 1)->up.text);
  assert_string_equal (at (set, 1)->not_sql, "a Go migration");
  assert_string_equal (at (set, 1)->up.path, "migrations/00002_b.go");
  assert_true (at (set, 2)->up.no_transaction);
  assert_string_equal (at (set, 3)->not_sql, "variables of the environment are put into it");
}

static void
test_goose_refuses (void **state)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n",
      "migrations/1_a.sql:3: a statement does not end" },
    { "-- +goose Up\n-- +goose StatementEnd\n",
      "migrations/1_a.sql:2: a statement ends that did not begin" },
    { "-- +goose Up\n-- +goose StatementBegin\n-- +goose Down\n",
      "migrations/1_a.sql:3: the direction changes inside a statement" },
    { "-- +goose StatementBegin\n-- +goose Up\n",
      "migrations/1_a.sql:1: a statement begins before the first direction" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (*state, "migrations/1_a.sql", cases[i].text);
      assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG, cases[i].message, NULL);
    }
}

#define FLYWAY "src/main/resources/db/migration/"

static void
test_flyway (void **state)
{
  put (*state, FLYWAY "V1__first.sql", "SELECT 1;");
  put (*state, FLYWAY "V1_10__ten.sql", "SELECT 1;");
  put (*state, FLYWAY "old/V1.2__two.sql", "SELECT 1;");
  put (*state, FLYWAY "V2__index.sql", "CREATE INDEX CONCURRENTLY i ON t (a);");
  put (*state, FLYWAY "V2__index.sql.conf", "executeInTransaction=false\n");
  put (*state, FLYWAY "U1.10__ten.sql", "SELECT -1;");
  put (*state, FLYWAY "U7__gone.sql", "SELECT -1;");
  put (*state, FLYWAY "B2__all.sql", "SELECT 0;");
  put (*state, FLYWAY "R__views.sql", "SELECT 5;");
  put (*state, FLYWAY "V3__place.sql", "CREATE TABLE ${schema}.t ();");
  put (*state, FLYWAY "V4__literal.sql", "SELECT '${x}';");
  put (*state, FLYWAY "V4__literal.sql.conf", "placeholderReplacement=false\n");
  put (*state, FLYWAY "afterMigrate.sql", "SELECT 5;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "flyway");
  assert_versions (set, "1:first 1.2:two 1.10:ten 2:index B2:all 3:place 4:literal views:");
  assert_warnings (set, "“" FLYWAY "afterMigrate.sql” was left out: its name is not like "
                        "V1_2__name.sql\n"
                        "“" FLYWAY "U7__gone.sql” was left out: there is no V7\n");
  assert_string_equal (at (set, 1)->up.path, FLYWAY "old/V1.2__two.sql");
  assert_text (&at (set, 2)->down, "SELECT -1;", 1);
  assert_true (at (set, 3)->up.no_transaction);
  assert_int_equal (at (set, 4)->kind, MIGRATION_BASELINE);
  assert_string_equal (at (set, 5)->not_sql, "Flyway's placeholder ${schema}");
  assert_null (at (set, 6)->not_sql);
  assert_int_equal (at (set, 7)->kind, MIGRATION_REPEATABLE);
  assert_int_equal (migration_set_compare_versions (set, "1.3", "1.20"), -1);
  assert_int_equal (migration_set_compare_versions (set, "2.0", "2.00.0"), 0);
  put (*state, FLYWAY "V1_2_0__again.sql", "SELECT 1;");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "“" FLYWAY "V1_2_0__again.sql” and “" FLYWAY "old/V1.2__two.sql” have the "
                      "same version, 1.2",
                      NULL);
}

static void
test_flyway_in_a_circle (void **state)
{
  put (*state, "sql/migrations/V1__a.sql", "SELECT 1;");
  g_autofree char *link = g_build_filename (*state, "sql/migrations/again", NULL);
  assert_int_equal (symlink (".", link), 0);
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "sql/migrations/again/again/again/again/again/again/again/again/again: the "
                      "folders are nested more than 8 deep",
                      "Look for a link that leads back to a folder above it.");
}

static void
test_sqlx (void **state)
{
  put (*state, "Cargo.toml", "[dependencies]\nsqlx = \"0.8\"\n");
  put (*state, "migrations/1_first.sql", "SELECT 1;");
  put (*state, "migrations/2_second.sql", "-- no-transaction\nSELECT 2;");
  put (*state, "migrations/3_third.up.sql", "SELECT 3;");
  put (*state, "migrations/3_third.down.sql", "SELECT -3;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "sqlx");
  assert_versions (set, "1:first 2:second 3:third");
  assert_true (at (set, 1)->up.no_transaction);
  assert_false (at (set, 0)->up.no_transaction);
  assert_text (&at (set, 2)->down, "SELECT -3;", 1);
}

static void
test_diesel (void **state)
{
  put (*state, "migrations/00000000000000_diesel_initial_setup/up.sql", "SELECT 0;");
  put (*state, "migrations/2025-01-02-030405_users/up.sql", "SELECT 1;");
  put (*state, "migrations/2025-01-02-030405_users/down.sql", "SELECT -1;");
  put (*state, "migrations/2025-01-03-000000_index/up.sql", "SELECT 2;");
  put (*state, "migrations/2025-01-03-000000_index/metadata.toml", "run_in_transaction = false\n");
  put (*state, "migrations/2025-01-04-000000_nothing/down.sql", "SELECT 2;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "diesel");
  assert_versions (set, "00000000000000:diesel_initial_setup 20250102030405:users "
                        "20250103000000:index");
  assert_warnings (
      set, "“migrations/2025-01-04-000000_nothing” was left out: there is no up.sql in it\n");
  assert_string_equal (at (set, 1)->down.path, "migrations/2025-01-02-030405_users/down.sql");
  assert_true (at (set, 2)->up.no_transaction);
}

#define PRAGMAS "%syntax-version=1.0.0\n%project=shop\n\n"
#define WHO " 2025-01-02T03:04:05Z Ada <ada@example.org> # note\n"

static void
put_sqitch_plan (const char *folder)
{
  put (folder, "sqitch.plan",
       PRAGMAS "users" WHO "orders [users other:base]" WHO "@v1" WHO "\n# a comment\n"
               "users [users@v1]" WHO);
}

static void
test_sqitch (void **state)
{
  put_sqitch_plan (*state);
  put (*state, "deploy/users@v1.sql", "SELECT 1;");
  put (*state, "deploy/orders.sql", "SELECT 2;");
  put (*state, "deploy/users.sql", "SELECT 3;");
  put (*state, "revert/users@v1.sql", "SELECT -1;");
  put (*state, "verify/orders.sql", "\\set x 1\nSELECT 1/0;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "sqitch");
  assert_string_equal (set->folder, ".");
  assert_versions (set, "users: orders: users#2:");
  assert_string_equal (at (set, 0)->up.path, "deploy/users@v1.sql");
  assert_text (&at (set, 0)->down, "SELECT -1;", 1);
  assert_string_equal (at (set, 2)->up.path, "deploy/users.sql");
  assert_null (at (set, 1)->verify.text);
  assert_warnings (set,
                   "“sqitch.plan” has “orders” need “other:base” of another project: that is not "
                   "checked\n"
                   "“verify/orders.sql” cannot be run: psql's \\set on line 1\n");
  assert_int_equal (migration_set_compare_versions (set, "users#2", "orders"), 1);
}

static void
test_sqitch_refuses (void **state)
{
  static const struct
  {
    const char *plan, *message;
  } cases[] = {
    { "a [b]" WHO, "sqitch.plan:1: it needs “b”, which does not stand before it" },
    { "a" WHO "a" WHO, "sqitch.plan:2: “a” is on line 1 already, without a tag in between" },
    { "a" WHO "b [!a]" WHO, "sqitch.plan:2: it conflicts with “a”, which stands before it" },
    { "a" WHO "b [a@v1]" WHO, "sqitch.plan:2: it needs “a@v1”, which does not stand before it" },
    { "a" WHO "@v1" WHO "@v1" WHO, "sqitch.plan:3: the tag “@v1” is there twice" },
    { "../a" WHO, "sqitch.plan:1: this is no line of a plan" },
    { PRAGMAS "a" WHO, "sqitch.plan:4: there is no deploy/a.sql" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (*state, "sqitch.plan", cases[i].plan);
      assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG, cases[i].message, NULL);
    }
}

static void
test_sqitch_conf (void **state)
{
  put (*state, "sqitch.conf",
       "# core\n[Core] ; its case does not matter\n\tengine = pg\n\tTop_Dir = \"src/my \\\n"
       "db\" # the end\n\tplan_file = plans/pg.plan\n\tuntracked\n"
       "[engine \"pg\"]\r\n  target = db:pg:shop\r\n  deploy_dir = up;down\r\n"
       "  deploy_dir = src/changes/up\r\n[engine \"PG\"]\n  deploy_dir = wrong\n"
       "[target \"db:pg:shop\"]\n  extension = ddl\n"
       "[core]\n  deploy_dir = wrong\n  revert_dir = \"src/changes/down\"\n");
  put (*state, "plans/pg.plan",
       PRAGMAS "users" WHO "@v1" WHO "users [users@v1]" WHO "teams/all" WHO);
  put (*state, "src/my db/deploy/users@v1.ddl", "SELECT 1;");
  put (*state, "src/changes/up/users.ddl", "SELECT 2;");
  put (*state, "src/changes/up/teams/all.ddl", "SELECT 3;");
  put (*state, "src/changes/down/users.ddl", "SELECT -2;");
  put (*state, "src/my db/verify/teams/all.ddl", "SELECT 4;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "sqitch");
  assert_string_equal (set->folder, "src/my db");
  assert_versions (set, "users: users#2: teams/all:");
  assert_string_equal (at (set, 0)->up.path, "src/my db/deploy/users@v1.ddl");
  assert_string_equal (at (set, 1)->up.path, "src/changes/up/users.ddl");
  assert_text (&at (set, 1)->down, "SELECT -2;", 1);
  assert_string_equal (at (set, 2)->up.path, "src/changes/up/teams/all.ddl");
  assert_text (&at (set, 2)->verify, "SELECT 4;", 1);
  assert_warnings (set, "");
  g_autoptr (GPtrArray) files = NULL;
  g_autoptr (GError) error = NULL;
  assert_true (migration_plan_new (*state, set, "tax", 1749283750, &files, &error));
  assert_int_equal (files->len, 4);
  assert_string_equal (((MigrationNewFile *) files->pdata[0])->path, "src/changes/up/tax.ddl");
  assert_string_equal (((MigrationNewFile *) files->pdata[3])->path, "plans/pg.plan");
  assert_true (((MigrationNewFile *) files->pdata[3])->is_changed);
  /* The same from the root, where it is told to look. */
  g_autoptr (MigrationSet) same = read_set (*state, ".", NULL);
  assert_versions (same, "users: users#2: teams/all:");
  assert_string_equal (at (same, 1)->up.path, "src/changes/up/users.ddl");
}

/* One of several projects in the folder: the others' settings are no matter. */
static void
test_sqitch_conf_of_another_folder (void **state)
{
  put (*state, "sqitch.conf",
       "[core]\n  engine = mysql\n  top_dir = other\n"
       "[engine \"pg\"]\n  client = psql\n");
  put (*state, "db/sqitch.plan", PRAGMAS "a" WHO);
  put (*state, "db/sqitch.conf", "[core \"pg\"]\n  deploy_dir = up\n[core]\n  engine = pg\n");
  put (*state, "db/up/a.sql", "SELECT 1;");
  put (*state, "sql/sqitch.plan", PRAGMAS "b" WHO);
  put (*state, "sql/deploy/b.sql", "SELECT 1;");
  g_autoptr (MigrationSet) set = read_set (*state, "db", NULL);
  assert_string_equal (at (set, 0)->up.path, "db/up/a.sql");
  g_autoptr (MigrationSet) other = read_set (*state, "sql", NULL);
  assert_string_equal (at (other, 0)->up.path, "sql/deploy/b.sql");
}

static void
test_sqitch_conf_refuses (void **state)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "[core]\n engine = mysql\n", "sqitch.conf: the engine is mysql" },
    { "[core\n", "sqitch.conf:1: a section's name has no end" },
    { "[engine \"pg\n", "sqitch.conf:1: a section's name has no end" },
    { "[engine \"pg\"\n", "sqitch.conf:1: a section's name has no end" },
    { "[]\n", "sqitch.conf:1: a section's name has no end" },
    { "top_dir = x\n", "sqitch.conf:1: this is no setting" },
    { "[core]\n\n= x\n", "sqitch.conf:3: this is no setting" },
    { "[core]\na b\n", "sqitch.conf:2: this is no setting" },
    { "[core]\na = \"b\n", "sqitch.conf:2: a quotation has no end" },
    { "[core]\na = \\\nb \\d\n", "sqitch.conf:3: a backslash that stands for nothing" },
    { "[core]\na = \\", "sqitch.conf:2: a backslash that stands for nothing" },
  };
  put (*state, "sqitch.plan", PRAGMAS);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (*state, "sqitch.conf", cases[i].text);
      assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG, cases[i].message, NULL);
    }
}

static void
test_prisma (void **state)
{
  put (*state, "prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n");
  put (*state, "prisma/migrations/20250102000000_b/migration.sql", "SELECT 2;");
  put (*state, "prisma/migrations/20250102000000_a/migration.sql", "SELECT 1;");
  put (*state, "prisma/migrations/2_early/migration.sql", "SELECT 0;");
  put (*state, "prisma/migrations/20250103000000_none/README", "");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "prisma");
  assert_versions (set, "20250102000000_a: 20250102000000_b: 2_early:");
  assert_warnings (set, "“prisma/migrations/20250103000000_none” was left out: there is no "
                        "migration.sql in it\n");
  put (*state, "prisma/migrations/migration_lock.toml", "provider = \"mysql\"\n");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "prisma/migrations/migration_lock.toml: the provider is not postgresql",
                      "pgkeel is for PostgreSQL only.");
}

#define JOURNAL "drizzle/meta/_journal.json"

static void
test_drizzle (void **state)
{
  put (*state, JOURNAL,
       "{\"version\": \"7\", \"dialect\": \"postgresql\", \"entries\": ["
       "{\"idx\": 0, \"when\": 1700000000000, \"tag\": \"0000_a\"},"
       "{\"idx\": 1, \"when\": 1600000000000, \"tag\": \"0001_b\"}]}");
  put (*state, "drizzle/0000_a.sql", "SELECT 1\n--> statement-breakpoint\nSELECT 2;");
  put (*state, "drizzle/0001_b.sql", "SELECT 3;");
  put (*state, "drizzle/0001_b.down.sql", "SELECT -3;");
  put (*state, "drizzle/0002_c.sql", "SELECT 3;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "drizzle");
  assert_versions (set, "0000_a: 0001_b:");
  assert_text (&at (set, 0)->up, "SELECT 1\n;                       \nSELECT 2;", 1);
  assert_string_equal (at (set, 0)->tool_key, "1700000000000");
  assert_text (&at (set, 1)->down, "SELECT -3;", 1);
  assert_warnings (set, "“" JOURNAL "” has an older time for “0001_b” than for one before: "
                        "drizzle would skip it\n"
                        "“drizzle/0002_c.sql” was left out: meta/_journal.json does not list it\n");
  /* Generators have made up such times by the dozen: one line tells of them all. */
  g_autoptr (GString) entries = g_string_new ("{\"when\": 2, \"tag\": \"0000_a\"}");
  for (unsigned int i = 1; i <= 7; i++)
    {
      g_autofree char *file = g_strdup_printf ("drizzle/000%u_x.sql", i);
      put (*state, file, "SELECT 1;");
      g_string_append_printf (entries, ", {\"when\": 1, \"tag\": \"000%u_x\"}", i);
    }
  g_autofree char *journal = g_strdup_printf ("{\"entries\": [%s]}", entries->str);
  put (*state, JOURNAL, journal);
  g_autoptr (MigrationSet) several = read_set (*state, NULL, NULL);
  assert_string_equal (several->warnings->pdata[0],
                       "“" JOURNAL
                       "” has an older time for “0001_x”, “0002_x”, “0003_x”, “0004_x”, "
                       "“0005_x” and 2 more than for one before: drizzle would skip them");
  put (*state, JOURNAL, "{\"entries\": [{\"when\": 1, \"tag\": \"0009_x\"}]}");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      JOURNAL ": it lists “0009_x”, and there is no 0009_x.sql", NULL);
  put (*state, JOURNAL, "{\"entries\": [\n<<<<<<< HEAD\n]}");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG, JOURNAL ":2: invalid token near '<'",
                      "Two branches may have changed it: put their entries in order.");
}

static char *
sha1 (const char *text)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA1, text, -1);
  return g_strconcat ("sha1:", sum, NULL);
}

static void
test_graphile_migrate (void **state)
{
  const char *text = "--! no-transaction\nSELECT 2;\n";
  g_autofree char *chained = sha1 ("SELECT 1;\n");
  g_autofree char *whole = g_strconcat (chained, "\n", text, NULL);
  g_autofree char *hash = sha1 (whole);
  g_autofree char *one = g_strdup_printf ("--! Previous: -\n--! Hash: %s\n\nSELECT 1;\n", chained);
  g_autofree char *two = g_strdup_printf ("--! Previous: %s\n--! Hash: %s\n--! Message: two\n\n%s",
                                          chained, hash, text);
  put (*state, "migrations/committed/000001.sql", one);
  put (*state, "migrations/committed/000002-two.sql", two);
  put (*state, "migrations/current.sql", "SELECT 3;");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "graphile-migrate");
  assert_versions (set, "000001: 000002:two");
  assert_warnings (set, "");
  assert_false (at (set, 0)->up.no_transaction);
  assert_true (at (set, 1)->up.no_transaction);
  assert_string_equal (at (set, 0)->tool_key, chained);

  put (*state, "migrations/committed/000001.sql",
       "--! Previous: -\n--! Hash: sha1:0000000000000000000000000000000000000000\n\nSELECT 1;\n");
  put (*state, "migrations/committed/000003.sql", "--! Previous: -\n\nSELECT ':DATABASE_OWNER';\n");
  g_autoptr (MigrationSet) broken = read_set (*state, NULL, NULL);
  assert_warnings (
      broken, "“migrations/committed/000001.sql” was changed after it was committed\n"
              "“migrations/committed/000002-two.sql” does not name the file before as its "
              "previous\n"
              "“migrations/committed/000003.sql” does not name the file before as its previous\n");
  assert_string_equal (at (broken, 2)->not_sql, "graphile-migrate's placeholder :DATABASE_OWNER");
}

static void
test_numbered (void **state)
{
  put (*state, "migrations/1.sql", "SELECT 1;");
  put (*state, "migrations/10-ten.sql", "SELECT 10;");
  put (*state, "migrations/02_two.sql", "SELECT 2;");
  put (*state, "migrations/02_two.rollback.sql", "SELECT -2;");
  put (*state, "migrations/3_x.down.sql", "SELECT -3;");
  put (*state, "migrations/seed.sql", "SELECT 3;");
  put (*state, "migrations/11_program.py", "");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "sql");
  assert_versions (set, "1: 02:two 10:ten");
  assert_text (&at (set, 1)->down, "SELECT -2;", 1);
  assert_warnings (set,
                   "“migrations/11_program.py” was left out: it is no SQL file\n"
                   "“migrations/3_x.down.sql” was left out: there is no 3_x.sql\n"
                   "“migrations/seed.sql” was left out: its name is not like NUMBER_name.sql\n");
}

static void
test_numbered_in_parts (void **state)
{
  put (*state, "a/1.10.0.sql", "SELECT 1;");
  put (*state, "a/1.9.sql", "SELECT 1;");
  put (*state, "a/1.9.1-fix.sql", "-- atlas:txmode none\nSELECT 1;");
  put (*state, "a/2-2fa.sql", "SELECT 1;");
  g_autoptr (MigrationSet) set = read_set (*state, "a", NULL);
  assert_string_equal (set->layout, "sql");
  assert_versions (set, "1.9: 1.9.1:fix 1.10.0: 2:2fa");
  assert_true (at (set, 1)->up.no_transaction);
  assert_int_equal (migration_set_compare_versions (set, "1.9.0.1", "1.9.1"), -1);
  put (*state, "b/2024-01-02_a.sql", "SELECT 1;");
  put (*state, "b/2024-01-02-1530-b.sql", "SELECT 1;");
  put (*state, "b/2023-12-31_c.sql", "SELECT 1;");
  g_autoptr (MigrationSet) dates = read_set (*state, "b", NULL);
  assert_versions (dates, "2023-12-31:c 2024-01-02:a 2024-01-02-1530:b");
}

static void
test_sql_migrate (void **state)
{
  put (*state, "migrations/001-a.sql",
       "-- +migrate Up notransaction\nSELECT 1;\n-- +migrate StatementBegin\nDO $$ $$\n"
       "-- +migrate StatementEnd\n-- +migrate Down\nSELECT -1;\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "sql-migrate");
  assert_versions (set, "001-a.sql:");
  assert_text (&at (set, 0)->down, "SELECT -1;\n", 7);
  assert_true (at (set, 0)->up.no_transaction);
  assert_false (at (set, 0)->down.no_transaction);
  assert_null (strstr (at (set, 0)->up.text, "Statement"));
}

static void
test_node_pg_migrate (void **state)
{
  put (*state, "migrations/1700000000000_users.sql",
       "-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT -1;\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_string_equal (set->layout, "node-pg-migrate");
  assert_versions (set, "1700000000000_users:");
  assert_text (&at (set, 0)->up, "SELECT 1;\n", 2);
  assert_text (&at (set, 0)->down, "SELECT -1;\n", 4);
}

static void
test_two_layouts_in_one_folder (void **state)
{
  put (*state, "migrations/0001_a.up.sql", "SELECT 1;");
  put (*state, "migrations/0002_b.sql", "SELECT 1;");
  assert_set_refused (*state, NULL, NULL, KEEL_ERROR_CONFIG,
                      "“migrations” has files like NUMBER_name.up.sql (golang-migrate) and files "
                      "like NUMBER_name.sql (sql)",
                      "Say which one is meant with migrations.layout in pgkeel.yaml.");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, "golang-migrate");
  assert_versions (set, "0001:a");
  assert_warnings (
      set, "“migrations/0002_b.sql” was left out: its name is not like NUMBER_name.up.sql\n");
  assert_set_refused (*state, NULL, "alembic", KEEL_ERROR_CONFIG, "there is no layout “alembic”",
                      "The layouts are: pgkeel, golang-migrate, dbmate, goose, flyway, sqlx, "
                      "diesel, sqitch, prisma, drizzle, node-pg-migrate, graphile-migrate, "
                      "sql-migrate, sql.");
}

static void
test_programs (void **state)
{
  put (*state, "migrations/0001_initial.py", "");
  put (*state, "migrations/__init__.py", "");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, NULL);
  assert_warnings (set, "“migrations” holds programs and no SQL: name the commands of their tool "
                        "under migrations.command in pgkeel.yaml\n");
}

/* The list that editors offer is the list that is read. */
static void
test_the_json_schema_names_the_layouts (void **state)
{
  g_autoptr (json_t) schema = json_loads (project_json_schema (), 0, NULL);
  json_t *names = NULL;
  assert_int_equal (json_unpack (schema, "{s:{s:{s:{s:{s:[{s:o}]}}}}}", "properties", "migrations",
                                 "properties", "layout", "anyOf", "enum", &names),
                    0);
  const char *const *layouts = migration_layout_names ();
  size_t i;
  json_t *name;
  json_array_foreach (names, i, name)
    assert_string_equal (json_string_value (name), layouts[i]);
  assert_null (layouts[json_array_size (names)]);
}

/* What is no SQL is found outside of quotes and comments only. */
static void
test_what_cannot_be_run (void **state)
{
  static const struct
  {
    const char *text, *problem; /* NULL: it can be run */
  } cases[] = {
    { "SELECT 1;\n\\i other.sql\n", "psql's \\i on line 2" },
    { "SELECT 1 \\gexec\n", "psql's \\gexec on line 1" },
    { "COPY t FROM stdin;\n1\t{{:x\n\\.\nSELECT 1;\n", NULL },
    { "SELECT 1;\n\\.\n", "rows without a COPY up to line 2" },
    { "COPY t FROM stdin;\nit's\n\\.", NULL },
    { "CREATE TABLE t ();\n-- Down\nDROP TABLE t;", "written for another tool (“-- Down”)" },
    { "-- Downtime is short\n-- Down the road\nSELECT 1;", NULL },
    { "SELECT :'name';", "a variable of psql (:') on line 1" },
    { "GRANT ALL ON t TO :owner;", "psql's variable :owner on line 1" },
    { "CREATE TABLE {{ schema }}.t ();", "a template's {{ on line 1" },
    { "CREATE TABLE <%= x %>.t ();", "a template's <% on line 1" },
    { "SELECT '\n\\i x', E'\\'\\i', $$ \\i $$; -- \\i\n/* :x {{ */", NULL },
    { "SELECT a[1:n], '{1}'::int[], '{{1}}', x::text, \"a:b\";", NULL },
    { "DO $$ BEGIN x := 1; END $$; SELECT f(a => 1);", NULL },
    { "\\set ON_ERROR_STOP on\n\\echo 'x'\n\\restrict abc\nSELECT 1;", NULL },
    { "SELECT 1 < 2, '<%'", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (*state, "migrations/1_a.sql", cases[i].text);
      g_autoptr (MigrationSet) set = read_set (*state, NULL, "sql");
      if (cases[i].problem == NULL && at (set, 0)->not_sql != NULL)
        fail_msg ("%s: %s", cases[i].text, at (set, 0)->not_sql);
      if (cases[i].problem != NULL)
        assert_string_equal (at (set, 0)->not_sql, cases[i].problem);
    }
  put (*state, "migrations/1_a.sql", "\\set ON_ERROR_STOP on\r\nSELECT 1;\n");
  put (*state, "migrations/1_a.down.sql", "\\c x\nSELECT 1;\n");
  g_autoptr (MigrationSet) set = read_set (*state, NULL, "sql");
  assert_text (&at (set, 0)->up, "                     \r\nSELECT 1;\n", 1);
  assert_null (at (set, 0)->down.text);
  assert_warnings (set, "“migrations/1_a.down.sql” cannot be run: psql's \\c on line 1\n");
}

/* Every layout that keeps its ways back, or its checks, in files of their own. */
static void
test_without_the_ways_back (void **state)
{
  static const struct
  {
    const char *layout, *up, *down, *verify;
  } cases[] = {
    { "pgkeel", "20250101000000_a.up.sql", "20250101000000_a.down.sql", NULL },
    { "golang-migrate", "1_a.up.sql", "1_a.down.sql", NULL },
    { "sqlx", "1_a.up.sql", "1_a.down.sql", NULL },
    { "flyway", "V1__a.sql", "U1__a.sql", NULL },
    { "diesel", "2025-01-01-000000_a/up.sql", "2025-01-01-000000_a/down.sql", NULL },
    { "prisma", "20250101000000_a/migration.sql", "20250101000000_a/down.sql", NULL },
    { "sqitch", "deploy/a.sql", "revert/a.sql", "verify/a.sql" },
    { "sql", "1_a.sql", "1_a.rollback.sql", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *names[] = { cases[i].up, cases[i].down, cases[i].verify };
      g_autofree char *folder = g_strdup_printf ("m%zu", i);
      g_autofree char *plan = g_build_filename (folder, "sqitch.plan", NULL);
      if (cases[i].verify != NULL)
        put (*state, plan, "%project=p\na 2025-01-01T00:00:00Z A <a@b>\n");
      for (size_t j = 0; j < G_N_ELEMENTS (names) && names[j] != NULL; j++)
        {
          g_autofree char *path = g_build_filename (folder, names[j], NULL);
          put (*state, path, j == 0 ? "SELECT 1;" : "\xff");
        }
      g_autofree char *message
          = g_strdup_printf ("%s/%s:1: the byte 0xff is no UTF-8", folder, cases[i].down);
      assert_set_refused (*state, folder, cases[i].layout, KEEL_ERROR_CONFIG, message,
                          "Save the file as UTF-8.");
      g_autoptr (MigrationSet) set = NULL;
      g_autoptr (GError) error = NULL;
      assert_true (migration_set_read_up (*state, folder, cases[i].layout, &set, &error));
      assert_int_equal (set->migrations->len, 1);
      assert_warnings (set, "");
      const Migration *migration = at (set, 0);
      assert_text (&migration->up, "SELECT 1;", 1);
      assert_true (g_str_has_suffix (migration->down.path, cases[i].down));
      assert_null (migration->down.text);
      assert_null (migration->verify.text);
      assert_true ((migration->verify.path != NULL) == (cases[i].verify != NULL));
    }
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, make_test_folder, remove_test_folder)
  const struct CMUnitTest tests[] = {
    TEST (test_golang_migrate),
    TEST (test_dbmate),
    TEST (test_dbmate_with_several_blocks),
    TEST (test_dbmate_refuses),
    TEST (test_goose),
    TEST (test_goose_refuses),
    TEST (test_flyway),
    TEST (test_flyway_in_a_circle),
    TEST (test_sqlx),
    TEST (test_diesel),
    TEST (test_sqitch),
    TEST (test_sqitch_refuses),
    TEST (test_sqitch_conf),
    TEST (test_sqitch_conf_of_another_folder),
    TEST (test_sqitch_conf_refuses),
    TEST (test_prisma),
    TEST (test_drizzle),
    TEST (test_graphile_migrate),
    TEST (test_numbered),
    TEST (test_numbered_in_parts),
    TEST (test_sql_migrate),
    TEST (test_node_pg_migrate),
    TEST (test_two_layouts_in_one_folder),
    TEST (test_programs),
    TEST (test_the_json_schema_names_the_layouts),
    TEST (test_what_cannot_be_run),
    TEST (test_without_the_ways_back),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
