#include "../testing.h"
#include "sql/classify.h"

#include <string.h>

static const struct
{
  const char *text;
  SqlKind kind;
  const char *tag, *schema, *name;
} cases[] = {
  { "FROB t", SQL_KIND_UNKNOWN, "FROB", NULL, NULL },
  { "SELECT 1", SQL_KIND_OTHER, "SELECT", NULL, NULL },
  { "ALTER TABLE \"S\".t ADD c int", SQL_KIND_OTHER, "ALTER TABLE", "S", "t" },
  { "alter materialized view v rename to w", SQL_KIND_OTHER, "ALTER MATERIALIZED VIEW", NULL,
    NULL },
  { "CREATE OR REPLACE FUNCTION f() RETURNS int AS '' LANGUAGE sql", SQL_KIND_OTHER,
    "CREATE FUNCTION", NULL, NULL },
  { "BEGIN", SQL_KIND_TRANSACTION, "BEGIN", NULL, NULL },
  { "start transaction isolation level serializable", SQL_KIND_TRANSACTION, "START", NULL, NULL },
  { "COMMIT PREPARED 'x'", SQL_KIND_TRANSACTION, "COMMIT", NULL, NULL },
  { "SAVEPOINT a", SQL_KIND_TRANSACTION, "SAVEPOINT", NULL, NULL },
  { "RELEASE a", SQL_KIND_TRANSACTION, "RELEASE", NULL, NULL },
  { "CREATE INDEX i ON s.t (a)", SQL_KIND_OTHER, "CREATE INDEX", "s", "i" },
  { "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t (a)", SQL_KIND_CONCURRENT_INDEX,
    "CREATE INDEX", "s", "i" },
  { "DROP INDEX CONCURRENTLY s.i", SQL_KIND_CONCURRENT_DROP, "DROP INDEX", "s", "i" },
  { "DROP INDEX i", SQL_KIND_OTHER, "DROP INDEX", NULL, "i" },
  { "REINDEX TABLE CONCURRENTLY s.t", SQL_KIND_CONCURRENT_REINDEX, "REINDEX", "s", "t" },
  { "REINDEX (CONCURRENTLY) INDEX i", SQL_KIND_CONCURRENT_REINDEX, "REINDEX", NULL, "i" },
  { "REINDEX (CONCURRENTLY false) INDEX i", SQL_KIND_OTHER, "REINDEX", NULL, "i" },
  { "REINDEX SCHEMA s", SQL_KIND_ALONE, "REINDEX", NULL, "s" },
  { "ALTER TABLE p DETACH PARTITION q CONCURRENTLY", SQL_KIND_CONCURRENT_DETACH, "ALTER TABLE",
    NULL, "p" },
  { "ALTER TABLE p DETACH PARTITION q", SQL_KIND_OTHER, "ALTER TABLE", NULL, "p" },
  { "ALTER TYPE s.mood ADD VALUE IF NOT EXISTS 'x'", SQL_KIND_ENUM_VALUE, "ALTER TYPE", "s",
    "mood" },
  { "ALTER TYPE mood RENAME VALUE 'x' TO 'y'", SQL_KIND_OTHER, "ALTER TYPE", NULL, "mood" },
  { "COPY t (a) FROM STDIN", SQL_KIND_COPY_STDIN, "COPY", NULL, "t" },
  { "COPY t FROM '/x'", SQL_KIND_OTHER, "COPY", NULL, "t" },
  { "COPY t TO STDOUT", SQL_KIND_OTHER, "COPY", NULL, "t" },
  { "VACUUM t", SQL_KIND_ALONE, "VACUUM", NULL, NULL },
  { "ANALYZE t", SQL_KIND_OTHER, "ANALYZE", NULL, NULL },
  { "CLUSTER", SQL_KIND_ALONE, "CLUSTER", NULL, NULL },
  { "CLUSTER t USING i", SQL_KIND_OTHER, "CLUSTER", NULL, "t" },
  { "CREATE DATABASE d", SQL_KIND_ALONE, "CREATE DATABASE", NULL, NULL },
  { "DROP DATABASE d", SQL_KIND_ALONE, "DROP DATABASE", NULL, NULL },
  { "ALTER DATABASE d SET TABLESPACE x", SQL_KIND_ALONE, "ALTER DATABASE", NULL, "d" },
  { "ALTER DATABASE d SET work_mem = '1MB'", SQL_KIND_OTHER, "ALTER DATABASE", NULL, NULL },
  { "CREATE TABLESPACE x LOCATION '/x'", SQL_KIND_ALONE, "CREATE TABLESPACE", NULL, NULL },
  { "DROP TABLESPACE x", SQL_KIND_ALONE, "DROP TABLESPACE", NULL, NULL },
  { "ALTER SYSTEM SET work_mem = '1MB'", SQL_KIND_ALONE, "ALTER SYSTEM", NULL, NULL },
  { "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", SQL_KIND_ALONE, "CREATE SUBSCRIPTION",
    NULL, "s" },
  { "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = false)", SQL_KIND_OTHER,
    "CREATE SUBSCRIPTION", NULL, "s" },
  { "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)", SQL_KIND_OTHER,
    "CREATE SUBSCRIPTION", NULL, "s" },
  { "ALTER SUBSCRIPTION s REFRESH PUBLICATION", SQL_KIND_ALONE, "ALTER SUBSCRIPTION", NULL, "s" },
  { "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)", SQL_KIND_OTHER,
    "ALTER SUBSCRIPTION", NULL, "s" },
  { "ALTER SUBSCRIPTION s DISABLE", SQL_KIND_OTHER, "ALTER SUBSCRIPTION", NULL, "s" },
  { "DROP SUBSCRIPTION s", SQL_KIND_ALONE, "DROP SUBSCRIPTION", NULL, NULL },
  { "DISCARD ALL", SQL_KIND_ALONE, "DISCARD", NULL, NULL },
  { "DISCARD TEMP", SQL_KIND_OTHER, "DISCARD", NULL, NULL },
  { "DO $$ BEGIN UPDATE t SET a = 1; COMMIT; END $$", SQL_KIND_ALONE, "DO", NULL, NULL },
  { "DO $$ BEGIN PERFORM 'commit'; END $$", SQL_KIND_OTHER, "DO", NULL, NULL },
  { "CREATE TABLE IF NOT EXISTS s.t (a int)", SQL_KIND_OTHER, "CREATE TABLE", "s", "t" },
  /* Of a grammar yet to come: known by their first words. */
  { "CREATE INDEX CONCURRENTLY i ON t (a) FROBBED", SQL_KIND_CONCURRENT_INDEX, "CREATE INDEX", NULL,
    NULL },
  { "create /* x */ unique index concurrently i frobbed", SQL_KIND_CONCURRENT_INDEX, "CREATE INDEX",
    NULL, NULL },
  { "DROP INDEX CONCURRENTLY i FROBBED", SQL_KIND_CONCURRENT_DROP, "DROP INDEX", NULL, NULL },
  { "REINDEX TABLE CONCURRENTLY i FROBBED", SQL_KIND_CONCURRENT_REINDEX, "REINDEX", NULL, NULL },
  { "VACUUM t FROBBED", SQL_KIND_ALONE, "VACUUM", NULL, NULL },
  { "COMMIT FROBBED", SQL_KIND_TRANSACTION, "COMMIT", NULL, NULL },
  { "'quoted'", SQL_KIND_UNKNOWN, "", NULL, NULL },
};

static void
assert_text (const char *text, const char *what, const char *got, const char *expected)
{
  if (g_strcmp0 (got, expected) != 0)
    fail_msg ("%s of “%s”: %s, not %s", what, text, got != NULL ? got : "none",
              expected != NULL ? expected : "none");
}

static void
test_every_class (void **state)
{
  g_autoptr (SqlParser) parser = sql_parser_new ();
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (SqlClass) class = { 0 };
      const char *text = cases[i].text;
      bool ok = sql_classify (parser, text, strlen (text), &class, &error);
      assert_no_error (error);
      assert_true (ok);
      if (class.kind != cases[i].kind)
        fail_msg ("“%s” is of kind %d, not %d", text, class.kind, cases[i].kind);
      assert_text (text, "tag", class.tag, cases[i].tag);
      assert_text (text, "schema", class.schema, cases[i].schema);
      assert_text (text, "name", class.name, cases[i].name);
    }
}

static void
test_index_says_its_table (void **state)
{
  static const char text[] = "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON \"S\".\"T\" (a)";
  g_autoptr (SqlParser) parser = sql_parser_new ();
  g_auto (SqlClass) class = { 0 };
  (void) state;
  assert_true (sql_classify (parser, text, strlen (text), &class, NULL));
  assert_string_equal (class.table_schema, "S");
  assert_string_equal (class.table, "T");
  assert_true (class.if_not_exists);
}

static void
test_who_runs_alone (void **state)
{
  (void) state;
  assert_true (sql_kind_runs_alone (SQL_KIND_ALONE));
  assert_true (sql_kind_runs_alone (SQL_KIND_CONCURRENT_INDEX));
  assert_true (sql_kind_runs_alone (SQL_KIND_CONCURRENT_REINDEX));
  assert_true (sql_kind_runs_alone (SQL_KIND_CONCURRENT_DROP));
  assert_true (sql_kind_runs_alone (SQL_KIND_CONCURRENT_DETACH));
  assert_false (sql_kind_runs_alone (SQL_KIND_OTHER));
  assert_false (sql_kind_runs_alone (SQL_KIND_UNKNOWN));
  assert_false (sql_kind_runs_alone (SQL_KIND_ENUM_VALUE));
}

static void
test_commits (void **state)
{
  (void) state;
  g_autoptr (SqlParser) parser = sql_parser_new ();
  static const struct
  {
    const char *text;
    SqlKind kind;
    SqlCommits commits;
  } what[] = {
    { "CALL p()", SQL_KIND_OTHER, SQL_MAY_COMMIT },
    { "DO $$ BEGIN CALL p(); END $$", SQL_KIND_OTHER, SQL_MAY_COMMIT },
    { "DO $$ BEGIN CALL p(); COMMIT; END $$", SQL_KIND_ALONE, SQL_COMMITS },
    { "DO $$ BEGIN ROLLBACK; END $$", SQL_KIND_ALONE, SQL_COMMITS },
    { "DO $$ BEGIN RAISE NOTICE 'commit; call'; /* COMMIT */ END $$", SQL_KIND_OTHER,
      SQL_COMMITS_NOTHING },
    { "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$", SQL_KIND_OTHER,
      SQL_COMMITS_NOTHING },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (what); i++)
    {
      g_auto (SqlClass) class = { 0 };
      g_autoptr (GError) error = NULL;
      assert_true (sql_classify (parser, what[i].text, strlen (what[i].text), &class, &error));
      assert_no_error (error);
      if (class.kind != what[i].kind || class.commits != what[i].commits)
        fail_msg ("%s: kind %d, commits %d", what[i].text, class.kind, class.commits);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_every_class),
    cmocka_unit_test (test_index_says_its_table),
    cmocka_unit_test (test_who_runs_alone),
    cmocka_unit_test (test_commits),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
