/* Files against history, without a server. */
#include "../testing.h"
#include "base/error.h"
#include "migrate/plan.h"

#include <string.h>

static SqlParser *parser;

static int
start (void **state)
{
  (void) state;
  parser = sql_parser_new ();
  return 0;
}

static int
stop (void **state)
{
  (void) state;
  sql_parser_free (parser);
  return 0;
}

/* What one test is about. */
typedef struct
{
  MigrationSet *set;
  History *history;
  Plan *plan;
} World;

static int
compare_text (const char *a, const char *b)
{
  return strcmp (a, b);
}

static World
world_new (void)
{
  World world = { .set = migration_set_new ("pgkeel", "migrations") };
  world.set->compare = compare_text;
  world.history = g_new0 (History, 1);
  world.history->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) history_entry_free);
  world.history->in_force = g_hash_table_new (g_str_hash, g_str_equal);
  return world;
}

static void
world_clear (World *world)
{
  plan_free (world->plan);
  history_free (world->history);
  migration_set_free (world->set);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (World, world_clear)

/* A file; its checksum is made of its text. */
static Migration *
add_file (World *world, MigrationKind kind, const char *version, const char *text, bool has_down)
{
  Migration *migration = migration_new (kind, version, "name");
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  migration->up.path = g_strdup_printf ("migrations/%s_name.up.sql", version);
  migration->up.text = g_strdup (text);
  migration->up.length = strlen (text);
  if (has_down)
    {
      migration->down.path = g_strdup_printf ("migrations/%s_name.down.sql", version);
      migration->down.text = g_strdup ("SELECT 1;");
      migration->down.length = strlen (migration->down.text);
    }
  memcpy (migration->checksum, sum, sizeof migration->checksum);
  g_ptr_array_add (world->set->migrations, migration);
  g_hash_table_insert (world->set->positions, migration->version,
                       GUINT_TO_POINTER (world->set->migrations->len));
  return migration;
}

/* A row that says that TEXT was applied as VERSION; TEXT NULL: nothing is known of it. */
static HistoryEntry *
add_row (World *world, const char *version, HistoryState state, const char *text)
{
  HistoryEntry *entry = g_new0 (HistoryEntry, 1);
  g_autoptr (GError) error = NULL;
  entry->id = world->history->entries->len + 1;
  entry->version = g_strdup (version);
  entry->name = g_strdup ("name");
  entry->state = state;
  if (text != NULL)
    {
      entry->checksum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
      bool made = sql_fingerprint (parser, text, strlen (text), &entry->fingerprint, &error);
      assert_no_error (error);
      assert_true (made);
    }
  g_ptr_array_add (world->history->entries, entry);
  if (state != HISTORY_REVERTED && state != HISTORY_REPLACED)
    g_hash_table_replace (world->history->in_force, entry->version, entry);
  return entry;
}

/* "1:applied 2:pending ..." */
static void
assert_plan (World *world, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  g_clear_pointer (&world->plan, plan_free);
  bool made = plan_new (world->set, world->history, parser, &world->plan, &error);
  assert_no_error (error);
  assert_true (made);
  for (guint i = 0; i < world->plan->items->len; i++)
    {
      const PlanItem *item = world->plan->items->pdata[i];
      g_string_append_printf (text, "%s%s:%s", i > 0 ? " " : "",
                              item->migration != NULL ? item->migration->version
                                                      : item->entry->version,
                              plan_state_name (item->state));
    }
  assert_string_equal (text->str, expected);
}

/* The versions of ITEMS. */
static void
assert_items (const GPtrArray *items, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      g_string_append_printf (text, "%s%s", i > 0 ? " " : "", item->migration->version);
    }
  assert_string_equal (text->str, expected);
}

static void
assert_up (World *world, const char *to, bool allow_late, const char *expected)
{
  const PlanUp spec = { .to = to, .allow_late = allow_late };
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GError) error = NULL;
  bool made = plan_up (world->plan, &spec, &items, &error);
  assert_no_error (error);
  assert_true (made);
  assert_items (items, expected);
}

static void
assert_up_refused (World *world, KeelErrorKind kind, const char *message)
{
  const PlanUp spec = { 0 };
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (plan_up (world->plan, &spec, &items, &error));
  assert_true (keel_error_is (error, kind));
  assert_string_equal (error->message, message);
  assert_non_null (keel_error_hint (error));
}

static void
assert_down (World *world, const char *to, guint steps, const char *expected)
{
  const PlanDown spec = { .to = to, .steps = steps };
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GError) error = NULL;
  bool made = plan_down (world->plan, &spec, &items, &error);
  assert_no_error (error);
  assert_true (made);
  assert_items (items, expected);
}

static void
assert_down_refused (World *world, const char *to, const char *message)
{
  const PlanDown spec = { .to = to, .steps = 1 };
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (plan_down (world->plan, &spec, &items, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_REFUSED));
  assert_string_equal (error->message, message);
}

static void
test_pending_and_applied (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "SELECT 1", true);
  add_file (&world, MIGRATION_VERSIONED, "2", "SELECT 2", true);
  add_file (&world, MIGRATION_VERSIONED, "3", "SELECT 3", true);
  assert_plan (&world, "1:pending 2:pending 3:pending");
  assert_up (&world, NULL, false, "1 2 3");
  assert_up (&world, "2", false, "1 2");
  add_row (&world, "1", HISTORY_APPLIED, "SELECT 1");
  add_row (&world, "2", HISTORY_REVERTED, "SELECT 2");
  assert_plan (&world, "1:applied 2:pending 3:pending");
  assert_up (&world, NULL, false, "2 3");
  assert_int_equal (plan_pending_count (world.plan), 2);
}

static void
test_changed_by_meaning_only (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "-- licence\r\nselect\r\n 1 ;", true);
  add_file (&world, MIGRATION_VERSIONED, "2", "SELECT 22", true);
  add_row (&world, "1", HISTORY_APPLIED, "SELECT 1");
  HistoryEntry *second = add_row (&world, "2", HISTORY_APPLIED, "SELECT 2");
  assert_plan (&world, "1:applied, reformatted since 2:changed");
  assert_up_refused (&world, KEEL_ERROR_REFUSED,
                     "files of applied migrations mean something else now");
  /* Adopted from a tool that keeps neither: there is nothing to compare with. */
  g_clear_pointer (&second->checksum, g_free);
  assert_plan (&world, "1:applied, reformatted since 2:applied");
}

static void
test_late_and_missing (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "SELECT 1", true);
  add_file (&world, MIGRATION_VERSIONED, "3", "SELECT 3", true);
  add_file (&world, MIGRATION_VERSIONED, "5", "SELECT 5", true);
  add_row (&world, "3", HISTORY_APPLIED, "SELECT 3");
  add_row (&world, "2", HISTORY_APPLIED, "SELECT 2");
  add_row (&world, "4", HISTORY_FAILED, NULL)->statement_done = 1;
  assert_plan (&world, "1:late 2:missing 3:applied 4:missing 5:pending");
  assert_up_refused (&world, KEEL_ERROR_REFUSED,
                     "there are late migrations: later ones are applied already");
  assert_up (&world, NULL, true, "1 5");
}

static void
test_unfinished_and_half_undone (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "SELECT 1", true);
  add_file (&world, MIGRATION_VERSIONED, "2", "SELECT 2", true);
  add_row (&world, "1", HISTORY_APPLIED, "SELECT 1");
  HistoryEntry *second = add_row (&world, "2", HISTORY_FAILED, "SELECT 2");
  assert_plan (&world, "1:applied 2:pending");
  second->statement_done = 1;
  assert_plan (&world, "1:applied 2:unfinished");
  assert_up (&world, NULL, false, "2");
  assert_down_refused (&world, NULL, "a migration stopped half way");
  second->state = HISTORY_REVERTING;
  assert_plan (&world, "1:applied 2:half undone");
  assert_up_refused (&world, KEEL_ERROR_REFUSED, "a down migration stopped half way");
  assert_down (&world, NULL, 1, "2");
}

static void
test_baselines (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "SELECT 1", true);
  add_file (&world, MIGRATION_VERSIONED, "2", "SELECT 2", true);
  add_file (&world, MIGRATION_BASELINE, "2b", "SELECT 2", false);
  add_file (&world, MIGRATION_VERSIONED, "3", "SELECT 3", true);
  /* On a database without a history the baseline's script stands for what came before it. */
  assert_plan (&world, "1:in baseline 2:in baseline 2b:pending 3:pending");
  add_row (&world, "1", HISTORY_APPLIED, "SELECT 1");
  assert_plan (&world, "1:applied 2:pending 2b:in baseline 3:pending");
  g_auto (World) declared = world_new ();
  add_file (&declared, MIGRATION_VERSIONED, "1", "SELECT 1", true);
  add_file (&declared, MIGRATION_VERSIONED, "3", "SELECT 3", true);
  add_row (&declared, "2", HISTORY_BASELINE, NULL);
  assert_plan (&declared, "1:in baseline 3:pending");
}

static void
test_repeatable (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "SELECT 1", true);
  add_file (&world, MIGRATION_REPEATABLE, "views", "SELECT 'new'", false);
  add_row (&world, "1", HISTORY_APPLIED, "SELECT 1");
  add_row (&world, "views", HISTORY_APPLIED, "SELECT 'old'")->kind = MIGRATION_REPEATABLE;
  assert_plan (&world, "1:applied views:pending, changed");
  assert_up (&world, "1", false, "views");
  assert_down (&world, NULL, 1, "1");
}

static void
test_down (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "SELECT 1", true);
  add_file (&world, MIGRATION_VERSIONED, "2", "SELECT 2", false);
  add_file (&world, MIGRATION_VERSIONED, "3", "SELECT 3", true);
  add_row (&world, "2", HISTORY_APPLIED, "SELECT 2");
  add_row (&world, "3", HISTORY_APPLIED, "SELECT 3");
  add_row (&world, "1", HISTORY_APPLIED, "SELECT 1");
  assert_plan (&world, "1:applied 2:applied 3:applied");
  /* By when they were applied, not by version. */
  assert_down (&world, NULL, 1, "1");
  assert_down (&world, NULL, 2, "1 3");
  assert_down (&world, "2", 0, "3");
  assert_down_refused (&world, "1", "migration “2 name” is irreversible: it has no down script");
}

static void
test_what_is_no_sql (void **state)
{
  (void) state;
  g_auto (World) world = world_new ();
  add_file (&world, MIGRATION_VERSIONED, "1", "", true)->not_sql = g_strdup ("a Go migration");
  assert_plan (&world, "1:pending");
  assert_up_refused (&world, KEEL_ERROR_REFUSED,
                     "pgkeel cannot run migrations/1_name.up.sql: a Go migration");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_pending_and_applied),
    cmocka_unit_test (test_changed_by_meaning_only),
    cmocka_unit_test (test_late_and_missing),
    cmocka_unit_test (test_unfinished_and_half_undone),
    cmocka_unit_test (test_baselines),
    cmocka_unit_test (test_repeatable),
    cmocka_unit_test (test_down),
    cmocka_unit_test (test_what_is_no_sql),
  };
  return cmocka_run_group_tests (tests, start, stop);
}
