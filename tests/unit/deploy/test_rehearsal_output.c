/* A rehearsal as JSON and as a page. */
#include "../testing.h"

#include "deploy/rehearsal.h"

#include <string.h>

static GPtrArray *
texts (const char *text)
{
  GPtrArray *array = g_ptr_array_new_with_free_func (g_free);
  if (text != NULL)
    g_ptr_array_add (array, g_strdup (text));
  return array;
}

static void
migration_free_all (RehearsedMigration *migration)
{
  g_free (migration->path);
  g_free (migration->down_path);
  g_ptr_array_unref (migration->up);
  g_free (migration);
}

static RehearsedMigration *
make_migration (void)
{
  RehearsedMigration *migration = g_new0 (RehearsedMigration, 1);
  Measurement *measurement = measurement_new_command ("UPDATE", "UPDATE <t> SET a = 'b' & \"c\"");
  migration->version = (char *) "7";
  migration->name = (char *) "name";
  migration->path = g_strdup ("migrations/<7>.up.sql");
  migration->checksum = (char *) "ab";
  migration->up = g_ptr_array_new_with_free_func ((GDestroyNotify) measurement_free);
  migration->up_us = 2500000;
  measurement->elapsed_us = 1500;
  measurement->rows = 12;
  measurement->wal_bytes = 2048;
  measurement->size_bytes = -1024;
  measurement->commit_us = 2000000;
  measurement_add_lock (measurement, "public.\"<t>\"", 'r', false, "AccessExclusiveLock");
  measurement_add_lock (measurement, "public.new", 'r', true, "AccessExclusiveLock");
  measurement_add_lock_time (measurement, "public.new", "AccessExclusiveLock", 1500000, 0);
  measurement_add_file (measurement, "public.\"<t>\"", 'r');
  measurement_add_rows (measurement, "public.\"<t>\"", 1, 2, 3);
  g_ptr_array_add (migration->up, measurement);
  return migration;
}

static Rehearsal
make (void)
{
  Rehearsal r = { .backup = g_strdup ("shop_db_backup_20260101_000000.sql.gz"),
                  .backup_sha256 = g_strdup ("cd"),
                  .backup_created = 1000,
                  .project = g_strdup ("<shop>"),
                  .environment = g_strdup ("production"),
                  .server_version = 150004,
                  .role = g_strdup ("clerk"),
                  .rehearsed = 2000,
                  .restore_us = 500000,
                  .elapsed_us = 5000000,
                  .way_back = REHEARSAL_PROVEN,
                  .undone_count = 1,
                  .tables_equal = 2,
                  .tables_total = 2,
                  .rows_before = 21000,
                  .constraints_total = 3,
                  .passed = true };
  r.migrations = g_ptr_array_new_with_free_func ((GDestroyNotify) migration_free_all);
  g_ptr_array_add (r.migrations, make_migration ());
  r.problems = texts (NULL);
  r.notes = texts ("broken: \xff <b>");
  r.differences = texts (NULL);
  r.constraints_broken = texts (NULL);
  r.invalid_indexes = texts (NULL);
  r.not_validated = texts (NULL);
  return r;
}

/* What json_unpack reads of the object. */
static json_t *
make_json (const Rehearsal *r)
{
  json_t *object = rehearsal_json (r);
  assert_non_null (object);
  g_autofree char *text = json_dumps (object, 0);
  assert_true (g_utf8_validate (text, -1, NULL));
  return object;
}

static void
test_json (void **state)
{
  (void) state;
  g_auto (Rehearsal) r = make ();
  g_autoptr (json_t) object = make_json (&r);
  const char *when, *verdict, *tag, *mode, *first;
  int passed, rows, inserted, is_new;
  double seconds, commit, held;
  assert_int_equal (json_unpack (object,
                                 "{s:b, s:s, s:{s:s}, s:n, s:n, s:[{s:f, s:[{s:s, s:f, s:f, s:i,"
                                 " s:[{s:s}, {s:b, s:f}], s:[s], s:[{s:i}]}]}]}",
                                 "passed", &passed, "rehearsed", &when, "way_back", "verdict",
                                 &verdict, "failure", "command", "migrations", "up_seconds",
                                 &seconds, "up", "tag", &tag, "seconds", &seconds, "commit_seconds",
                                 &commit, "rows", &rows, "locks", "mode", &mode, "new", &is_new,
                                 "held_seconds", &held, "rewritten", &first, "rows_by_table",
                                 "inserted", &inserted),
                    0);
  assert_true (passed);
  assert_string_equal (when, "1970-01-01T00:33:20Z");
  assert_string_equal (verdict, "proven");
  assert_string_equal (tag, "UPDATE");
  assert_true (seconds > 0.00149 && seconds < 0.00151);
  assert_true (commit > 1.99 && commit < 2.01);
  assert_int_equal (rows, 12);
  assert_string_equal (mode, "ACCESS EXCLUSIVE");
  assert_true (is_new);
  assert_true (held > 1.49 && held < 1.51);
  assert_string_equal (first, "public.\"<t>\"");
  assert_int_equal (inserted, 1);
}

static void
test_json_of_a_failure (void **state)
{
  (void) state;
  g_auto (Rehearsal) r = make ();
  r.passed = false;
  r.failed_in = "up";
  r.way_back = REHEARSAL_NOT_TRIED;
  r.failure.path = g_strdup ("migrations/7.up.sql");
  r.failure.line = 3;
  r.failure.server.sqlstate = g_strdup ("23505");
  g_ptr_array_add (r.problems, g_strdup ("up: it broke"));
  g_autoptr (json_t) object = make_json (&r);
  const char *in, *sqlstate, *verdict, *problem;
  int line;
  assert_int_equal (json_unpack (object, "{s:{s:s, s:i, s:s, s:n}, s:{s:s}, s:[s]}", "failure",
                                 "in", &in, "line", &line, "sqlstate", &sqlstate, "detail",
                                 "way_back", "verdict", &verdict, "problems", &problem),
                    0);
  assert_string_equal (in, "up");
  assert_int_equal (line, 3);
  assert_string_equal (sqlstate, "23505");
  assert_string_equal (verdict, "not tried");
  assert_string_equal (problem, "up: it broke");
}

static void
assert_has (const char *page, const char *text)
{
  if (strstr (page, text) == NULL)
    fail_msg ("the page lacks: %s\n%s", text, page);
}

/* Nothing that was not made by us is markup, and nothing is asked of elsewhere. */
static void
test_html (void **state)
{
  (void) state;
  g_auto (Rehearsal) r = make ();
  g_autofree char *page = rehearsal_html (&r);
  assert_true (g_utf8_validate (page, -1, NULL));
  assert_has (page, "<h1>Rehearsal of 1 migration of &lt;shop&gt;: <span class=\"good\">passed");
  assert_has (page, "UPDATE &lt;t&gt; SET a = &apos;b&apos; &amp; &quot;c&quot;");
  assert_has (page, "<div class=\"bad\">ACCESS EXCLUSIVE on public.&quot;&lt;t&gt;&quot;</div>");
  assert_has (page,
              "<div>ACCESS EXCLUSIVE on public.new, held for 1.50 s, waited for 0.0 ms (new)");
  assert_has (page, "migrations/&lt;7&gt;.up.sql <small>2.50 s</small>");
  assert_has (page, "<td><pre>COMMIT</pre></td>\n<td class=\"n\">2.00 s</td>");
  assert_has (page, "1 inserted, 2 updated, 3 deleted");
  assert_has (page,
              "proven: 1 of 1 migrations undone; schema, 2 of 2 tables and their 21,000 rows");
  assert_has (page, "&lt;b&gt;</li>");
  assert_null (strstr (page, "<b>"));
  assert_null (strstr (page, "<script"));
  assert_null (strstr (page, "src="));
  assert_null (strstr (page, "href="));
}

static void
test_html_of_every_way_back (void **state)
{
  static const struct
  {
    RehearsalReturn way_back;
    const char *files, *command;
  } ways[] = {
    { REHEARSAL_NOT_TRIED, "not tried, as applying failed", "not tried, as applying failed" },
    { REHEARSAL_NO_DOWN, "none: there is no down script to try", "none: there is no down command" },
    { REHEARSAL_PROVEN, "proven: 1 of 1 migrations undone",
      "proven by 4 runs of the down command" },
    { REHEARSAL_LOSES, "it loses: 1 differences after undoing 1 of 1",
      "it loses: 1 differences after 4 runs of the down command" },
    { REHEARSAL_DOWN_FAILED, "a down script fails", "the down command fails" },
  };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_auto (Rehearsal) r = make ();
      r.way_back = ways[i].way_back;
      g_ptr_array_add (r.differences, g_strdup ("data: gone"));
      g_autofree char *files = rehearsal_html (&r);
      assert_has (files, ways[i].files);
      assert_has (files, "<li>data: gone</li>");
      r.command = g_new0 (RehearsedCommand, 1);
      r.command->pending = external_pending_new ();
      r.command->pending->commands = g_strdup ("c");
      r.command->down_runs = 4;
      r.command->applied = texts ("b2<");
      r.command->schema_changes = texts ("table public.t is missing");
      r.command->data_changes = texts (NULL);
      g_autofree char *page = rehearsal_html (&r);
      assert_has (page, ways[i].command);
      assert_has (page, "Rehearsal of migrations.command.up of &lt;shop&gt;");
      assert_has (page, "<li>b2&lt;</li>");
      assert_has (page, "<li>table public.t is missing</li>");
      g_autoptr (json_t) object = make_json (&r);
      const char *applied;
      int runs;
      assert_int_equal (json_unpack (object, "{s:{s:[s], s:i, s:n, s:[], s:[]}}", "command",
                                     "applied", &applied, "down_runs", &runs, "status", "files",
                                     "data_changes"),
                        0);
      assert_string_equal (applied, "b2<");
      assert_int_equal (runs, 4);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_json),
    cmocka_unit_test (test_json_of_a_failure),
    cmocka_unit_test (test_html),
    cmocka_unit_test (test_html_of_every_way_back),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
