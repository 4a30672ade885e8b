#include "../testing.h"
#include "migrate/lint.h"

#include <jansson.h>
#include <string.h>

/* What is there before each case: a table with rows, and its relations. */
static const char before[]
    = "CREATE TYPE mood AS ENUM ('sad');\n"
      "CREATE DOMAIN positive AS int CHECK (value > 0);\n"
      "CREATE DOMAIN amount AS int;\n"
      "CREATE TABLE parent (id bigint PRIMARY KEY);\n"
      "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, c varchar(10), m mood, n int NOT NULL,\n"
      "  parent_id bigint CONSTRAINT t_parent_id_fkey REFERENCES parent, v amount);\n"
      "CREATE TABLE u (id bigint PRIMARY KEY);\n"
      "CREATE TABLE w (id bigint PRIMARY KEY);\n"
      "ALTER TABLE t ADD CONSTRAINT b_filled CHECK (b IS NOT NULL);\n"
      "CREATE INDEX t_a ON t (a);\n"
      "CREATE TABLE p (id bigint, at date) PARTITION BY RANGE (at);\n"
      "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');\n"
      "CREATE TABLE p2 (id bigint, at date);\n"
      "CREATE TABLE p3 (id bigint, at date, CONSTRAINT p3_at_check CHECK (at IS NOT NULL));\n"
      "CREATE MATERIALIZED VIEW mv AS SELECT 1;\n"
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;\n";

/* Each rule: a text that breaks it, and the nearest one that does not. */
static const struct
{
  const char *rule, *bad, *good;
} cases[] = {
  { "index-not-concurrent", "CREATE INDEX x ON t (a)", "CREATE INDEX CONCURRENTLY x ON t (a)" },
  { "index-not-concurrent", "CREATE UNIQUE INDEX x ON unknown (a)",
    "CREATE TABLE fresh (a int); CREATE INDEX x ON fresh (a)" },
  { "drop-index-not-concurrent", "DROP INDEX t_a", "DROP INDEX CONCURRENTLY t_a" },
  { "reindex-not-concurrent", "REINDEX TABLE t", "REINDEX TABLE CONCURRENTLY t" },
  { "index-on-partitioned", "CREATE INDEX x ON p (id)", "CREATE INDEX x ON ONLY p (id)" },
  { "detach-not-concurrent", "ALTER TABLE p DETACH PARTITION p1",
    "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY" },
  { "attach-scans",
    "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')",
    "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')" },
  { "check-validated", "ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0)",
    "ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0) NOT VALID" },
  { "check-validated", "ALTER TABLE t ADD COLUMN x int CHECK (x > 0)",
    "CREATE TABLE fresh (a int); ALTER TABLE fresh ADD CHECK (a > 0)" },
  { "foreign-key-validated", "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES parent",
    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES parent NOT VALID" },
  { "set-not-null", "ALTER TABLE t ALTER a SET NOT NULL", "ALTER TABLE t ALTER b SET NOT NULL" },
  { "set-not-null", "ALTER TABLE unknown ALTER a SET NOT NULL",
    "ALTER TABLE t ALTER n SET NOT NULL" },
  { "unique-builds-index", "ALTER TABLE t ADD UNIQUE (a)",
    "ALTER TABLE t ADD UNIQUE USING INDEX t_a" },
  { "primary-key-builds-index", "ALTER TABLE unknown ADD PRIMARY KEY (a)",
    "ALTER TABLE unknown ADD PRIMARY KEY USING INDEX i" },
  { "exclusion-builds-index", "ALTER TABLE t ADD EXCLUDE USING btree (a WITH =)",
    "CREATE TABLE fresh (a int); ALTER TABLE fresh ADD EXCLUDE USING btree (a WITH =)" },
  { "change-type", "ALTER TABLE t ALTER a TYPE bigint", "ALTER TABLE t ALTER c TYPE text" },
  { "change-type", "ALTER TABLE unknown ALTER a TYPE text",
    "ALTER TABLE t ALTER c TYPE varchar(20)" },
  { "volatile-default", "ALTER TABLE t ADD x uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE t ADD x timestamptz DEFAULT now()" },
  { "volatile-default", "ALTER TABLE t ADD x int DEFAULT unknown()",
    "ALTER TABLE t ADD x int DEFAULT 1" },
  { "add-serial", "ALTER TABLE t ADD x bigserial", "CREATE TABLE fresh (x bigserial)" },
  { "add-identity", "ALTER TABLE t ADD x bigint GENERATED ALWAYS AS IDENTITY",
    "CREATE TABLE fresh (x bigint GENERATED ALWAYS AS IDENTITY)" },
  { "add-generated", "ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) STORED",
    "CREATE TABLE fresh (a int, x int GENERATED ALWAYS AS (a + 1) STORED)" },
  { "add-domain-column", "ALTER TABLE t ADD x positive", "ALTER TABLE t ADD x amount" },
  { "add-required-column", "ALTER TABLE t ADD x int NOT NULL",
    "ALTER TABLE t ADD x int NOT NULL DEFAULT 0" },
  { "add-required-column", "ALTER TABLE t ADD x int NOT NULL DEFAULT NULL",
    "ALTER TABLE t ADD x int" },
  { "domain-constraint", "ALTER DOMAIN amount ADD CHECK (value > 0)",
    "ALTER DOMAIN amount ADD CHECK (value > 0) NOT VALID" },
  { "vacuum-full", "VACUUM FULL t", "VACUUM t" },
  { "vacuum-full", "CLUSTER t USING t_a", "VACUUM (FULL false) t" },
  { "set-logged", "ALTER TABLE t SET UNLOGGED", "CREATE UNLOGGED TABLE fresh (a int)" },
  { "set-access-method", "ALTER TABLE t SET ACCESS METHOD heap",
    "ALTER TABLE t SET (fillfactor = 70)" },
  { "set-tablespace", "ALTER TABLE t SET TABLESPACE x", "CREATE TABLE fresh (a int) TABLESPACE x" },
  { "refresh-not-concurrent", "REFRESH MATERIALIZED VIEW mv",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY mv" },
  { "trigger-lock", "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "CREATE TABLE fresh (a int);"
    " CREATE TRIGGER x BEFORE INSERT ON fresh FOR EACH ROW EXECUTE FUNCTION f()" },
  { "replica-identity-full", "ALTER TABLE t REPLICA IDENTITY FULL",
    "ALTER TABLE t REPLICA IDENTITY DEFAULT" },
  { "autovacuum-off", "ALTER TABLE t SET (autovacuum_enabled = off)",
    "ALTER TABLE t SET (autovacuum_enabled = on)" },
  { "autovacuum-off", "CREATE TABLE fresh (a int) WITH (autovacuum_enabled = false)",
    "CREATE TABLE fresh (a int) WITH (fillfactor = 70)" },
  { "explicit-lock", "LOCK TABLE t", "LOCK TABLE t IN ACCESS SHARE MODE" },
  { "drop-table", "DROP TABLE t", "CREATE TABLE fresh (a int); DROP TABLE fresh" },
  { "drop-column", "ALTER TABLE t DROP a", "CREATE TABLE fresh (a int); ALTER TABLE fresh DROP a" },
  { "drop-schema", "DROP SCHEMA s", "DROP VIEW v" },
  { "drop-database", "DROP DATABASE d", "DROP VIEW v" },
  { "drop-cascade", "DROP VIEW v CASCADE", "DROP VIEW v" },
  { "drop-cascade", "ALTER TABLE t DROP a CASCADE", "ALTER TABLE t DROP a" },
  { "truncate", "TRUNCATE t", "CREATE TABLE fresh (a int); TRUNCATE fresh" },
  { "drop-foreign-key", "ALTER TABLE t DROP CONSTRAINT t_parent_id_fkey",
    "ALTER TABLE t DROP CONSTRAINT b_filled" },
  { "drop-primary-key", "ALTER TABLE t DROP CONSTRAINT t_pkey",
    "ALTER TABLE t DROP CONSTRAINT b_filled" },
  { "drop-not-null", "ALTER TABLE t ALTER n DROP NOT NULL", "ALTER TABLE t ALTER n DROP DEFAULT" },
  { "rename-table", "ALTER TABLE t RENAME TO tt", "ALTER INDEX t_a RENAME TO t_aa" },
  { "rename-table", "ALTER TABLE t SET SCHEMA s",
    "CREATE TABLE fresh (a int); ALTER TABLE fresh RENAME TO fresher" },
  { "rename-column", "ALTER TABLE t RENAME a TO aa",
    "ALTER TABLE t RENAME CONSTRAINT b_filled TO x" },
  { "rename-schema", "ALTER SCHEMA s RENAME TO r", "CREATE SCHEMA r" },
  { "rename-enum-value", "ALTER TYPE mood RENAME VALUE 'sad' TO 'low'",
    "ALTER TYPE mood ADD VALUE 'low' BEFORE 'sad'" },
  { "write-without-where", "UPDATE t SET a = 1", "UPDATE t SET a = 1 WHERE id = 1" },
  { "write-without-where", "DELETE FROM t", "DELETE FROM t USING u WHERE u.id = t.id" },
  { "duplicate-assignment", "UPDATE t SET a = 1, a = 2 WHERE id = 1",
    "UPDATE t SET a = 1, b = 2 WHERE id = 1" },
  { "duplicate-assignment", "INSERT INTO t (a, a) VALUES (1, 2)",
    "INSERT INTO t (a, b) VALUES (1, 2)" },
  { "nested-transaction", "BEGIN; SELECT 1; COMMIT", "SELECT 1" },
  { "uncommitted-transaction", "BEGIN; SELECT 1", "BEGIN; SELECT 1; COMMIT" },
  { "concurrent-in-transaction", "BEGIN; CREATE INDEX CONCURRENTLY x ON t (a); COMMIT",
    "BEGIN; SELECT 1; COMMIT; CREATE INDEX CONCURRENTLY x ON t (a)" },
  { "splits-transaction", "SELECT 1; CREATE INDEX CONCURRENTLY x ON t (a)",
    "CREATE INDEX CONCURRENTLY x ON t (a)" },
  { "commits-itself", "DO $$ BEGIN DELETE FROM t; COMMIT; END $$",
    "DO $$ BEGIN DELETE FROM t; END $$" },
  { "enum-value-used", "ALTER TYPE mood ADD VALUE 'low'; UPDATE t SET m = 'low' WHERE id = 1",
    "ALTER TYPE mood ADD VALUE 'low'; UPDATE t SET m = 'sad' WHERE id = 1" },
  { "enum-value-used", "BEGIN; ALTER TYPE mood ADD VALUE 'low'; SELECT 'low'::mood; COMMIT",
    "BEGIN; ALTER TYPE mood ADD VALUE 'low'; COMMIT; SELECT 'low'::mood" },
  { "enum-value-used", "ALTER TYPE mood ADD VALUE 'low'; SELECT 'low'",
    "CREATE TYPE fresh AS ENUM ('a'); ALTER TYPE fresh ADD VALUE 'low'; SELECT 'low'" },
  { "validate-same-transaction",
    "ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT x",
    "ALTER TABLE t VALIDATE CONSTRAINT x" },
  { "work-under-lock", "ALTER TABLE t ADD x int; CREATE INDEX y ON u (id)",
    "CREATE INDEX y ON u (id); ALTER TABLE t ADD x int" },
  { "many-tables-locked",
    "ALTER TABLE t ADD x int; ALTER TABLE u ADD x int; ALTER TABLE w ADD x int",
    "ALTER TABLE t ADD x int; ALTER TABLE u ADD x int" },
  { "backfill-with-ddl",
    "CREATE TABLE fresh (id bigint REFERENCES t); INSERT INTO fresh SELECT id FROM t",
    "CREATE TABLE fresh (id bigint REFERENCES t); INSERT INTO fresh VALUES (1)" },
  { "backfill-with-ddl", "CREATE INDEX x ON t (a); UPDATE t SET a = 1 WHERE id = 1",
    "UPDATE t SET a = 1 WHERE id = 1" },
  { "work-under-lock", "ALTER TABLE t ADD x int; UPDATE t SET x = 1 WHERE id = 1",
    "ALTER TABLE t ADD x int; ALTER TABLE t ALTER a SET NOT NULL" },
  { "lock-timeout", "ALTER TABLE t ADD x int", "SET lock_timeout = '1s'; ALTER TABLE t ADD x int" },
  { "statement-timeout", "ALTER TABLE t ADD x int",
    "SET LOCAL statement_timeout = '1s'; ALTER TABLE t ADD x int" },
  { "idle-timeout", "BEGIN; COMMIT", "SET idle_in_transaction_session_timeout = 1; BEGIN; COMMIT" },
  { "not-repeatable", "CREATE INDEX CONCURRENTLY x ON t (a)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS x ON t (a)" },
  { "integer-key", "CREATE TABLE fresh (id int PRIMARY KEY)", "CREATE TABLE fresh (id int)" },
  { "integer-key", "CREATE TABLE fresh (id serial)", "CREATE TABLE fresh (id bigserial)" },
  { "smallint-key", "CREATE TABLE fresh (id smallint PRIMARY KEY)",
    "CREATE TABLE fresh (id smallint)" },
  { "serial", "CREATE TABLE fresh (id bigserial)",
    "CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY)" },
  { "varchar", "CREATE TABLE fresh (x varchar(3))", "CREATE TABLE fresh (x varchar)" },
  { "char", "ALTER TABLE t ADD x char(3)", "ALTER TABLE t ADD x text" },
  { "timestamp", "CREATE TABLE fresh (x timestamp)", "CREATE TABLE fresh (x timestamptz)" },
  { "json-column", "ALTER TABLE t ADD x json", "ALTER TABLE t ADD x jsonb" },
  { "domain-with-constraint", "CREATE DOMAIN d AS int CHECK (value > 0)",
    "CREATE DOMAIN d AS int" },
  { "wide-index", "CREATE INDEX CONCURRENTLY x ON t (a, b, c, n)",
    "CREATE INDEX CONCURRENTLY x ON t (a, b, c)" },
  { "column-alignment", "CREATE TABLE fresh (a bool, b bigint, c bool, d bigint)",
    "CREATE TABLE fresh (b bigint, d bigint, a bool, c bool)" },
  { "enum-order", "ALTER TYPE mood ADD VALUE 'low'",
    "ALTER TYPE mood ADD VALUE 'low' BEFORE 'sad'" },
  { "schema-not-named", "CREATE TABLE fresh (a int)", "CREATE TABLE s.fresh (a int)" },
  { "name-too-long",
    "ALTER TABLE t ADD x23456789012345678901234567890123456789012345678901234567890123456 int",
    "ALTER TABLE t ADD x2345678901234567890123456789012345678901234567890123456789012 int" },
  { "unknown", "FROB t", "SELECT 1" },
  { "dynamic-sql", "DO $$ BEGIN EXECUTE 'x'; END $$", "SELECT 1" },
  { "unused-ignore", "-- pgkeel: ignore drop-table it is empty\nSELECT 1",
    "-- pgkeel: ignore drop-table it is empty\nDROP TABLE t" },
  { "unused-ignore", "-- pgkeel: ignore no-such-rule it is empty\nSELECT 1",
    "DROP TABLE t; -- pgkeel: ignore drop-table it is empty" },
  { "unused-ignore",
    "DROP TABLE t; -- pgkeel: ignore drop-table it is empty\nSELECT 1;\n"
    "-- pgkeel: ignore drop-table and this\nSELECT 2",
    "DROP TABLE /* x */ -- pgkeel: ignore drop-table,lock-timeout it is empty\n t" },
  { "ignore-without-reason", "-- pgkeel: ignore drop-table\nDROP TABLE t",
    "-- pgkeel: ignore-file drop-table it is empty\nSELECT 1; DROP TABLE t" },
};

static LintResult *
lint_with (const char *text, LintSeverity level, bool with_locks)
{
  g_autoptr (GError) error = NULL;
  LintFile files[]
      = { { .path = "before.sql", .text = before, .length = strlen (before), .line = 1 },
          { .path = "now.sql", .text = text, .length = strlen (text), .line = 1 } };
  bool judged[] = { false, true };
  LintOptions options = { .level = level, .with_locks = with_locks };
  LintResult *result = NULL;
  bool ok = lint_run (&options, files, 2, judged, &result, &error);
  assert_no_error (error);
  assert_true (ok);
  return result;
}

static const LintFinding *
find (const LintResult *result, const char *rule)
{
  for (guint i = 0; i < result->findings->len; i++)
    {
      const LintFinding *finding = result->findings->pdata[i];
      if (strcmp (finding->rule->id, rule) == 0)
        return finding;
    }
  return NULL;
}

static void
test_every_rule (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LintResult) bad = lint_with (cases[i].bad, LINT_NOTE, false);
      g_autoptr (LintResult) good = lint_with (cases[i].good, LINT_NOTE, false);
      assert_non_null (lint_rule_find (cases[i].rule));
      if (find (bad, cases[i].rule) == NULL)
        fail_msg ("%s is not found in: %s", cases[i].rule, cases[i].bad);
      if (find (good, cases[i].rule) != NULL)
        fail_msg ("%s is found in: %s", cases[i].rule, cases[i].good);
    }
}

static void
test_every_rule_has_a_case (void **state)
{
  size_t count;
  const LintRule *rules = lint_rules (&count);
  (void) state;
  for (size_t i = 0; i < count; i++)
    {
      bool has_case = false;
      for (size_t j = 0; j < G_N_ELEMENTS (cases); j++)
        has_case |= strcmp (cases[j].rule, rules[i].id) == 0;
      if (!has_case)
        fail_msg ("no case for %s", rules[i].id);
    }
}

/* docs/lint.md lists each rule with its severity and what others call it. */
static void
test_every_rule_is_documented (void **state)
{
  size_t count;
  const LintRule *rules = lint_rules (&count);
  g_autofree char *path
      = g_build_filename (g_getenv ("PGKEEL_SOURCE_ROOT"), "docs", "lint.md", NULL);
  g_autofree char *text = NULL;
  (void) state;
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (size_t i = 0; i < count; i++)
    {
      const LintRule *rule = &rules[i];
      g_autofree char *row = g_strdup_printf (
          "| `%s` | %s | %s | %s | %s | %s |\n", rule->id, lint_severity_name (rule->severity),
          rule->title, rule->squawk != NULL ? rule->squawk : "",
          rule->strong != NULL ? rule->strong : "", rule->atlas != NULL ? rule->atlas : "");
      if (strstr (text, row) == NULL)
        fail_msg ("docs/lint.md lacks this row: %s", row);
    }
}

/* All rules of squawk as of its forty; what others have is in docs/lint.md. */
static void
test_rules_of_others_are_covered (void **state)
{
  static const char *const squawk[] = { "require-concurrent-index-creation",
                                        "require-concurrent-index-deletion",
                                        "require-concurrent-reindex",
                                        "require-concurrent-partition-detach",
                                        "constraint-missing-not-valid",
                                        "adding-field-with-default",
                                        "adding-foreign-key-constraint",
                                        "adding-not-nullable-field",
                                        "adding-serial-primary-key-field",
                                        "adding-required-field",
                                        "changing-column-type",
                                        "disallowed-unique-constraint",
                                        "prefer-repack",
                                        "renaming-column",
                                        "renaming-table",
                                        "ban-drop-column",
                                        "ban-drop-table",
                                        "ban-drop-database",
                                        "ban-drop-not-null",
                                        "ban-truncate-cascade",
                                        "transaction-nesting",
                                        "ban-concurrent-index-creation-in-transaction",
                                        "ban-uncommitted-transaction",
                                        "require-lock-timeout",
                                        "require-statement-timeout",
                                        "require-timeout-settings",
                                        "prefer-bigint-over-int",
                                        "prefer-bigint-over-smallint",
                                        "prefer-identity",
                                        "prefer-text-field",
                                        "prefer-timestamp-tz",
                                        "prefer-robust-stmts",
                                        "ban-char-field",
                                        "ban-create-domain-with-constraint",
                                        "ban-alter-domain-with-add-constraint",
                                        "require-enum-value-ordering",
                                        "require-table-schema",
                                        "identifier-too-long",
                                        "ban-duplicate-column-assignments",
                                        "unused-ignore" };
  static const char *const atlas[]
      = { "PG101", "PG102", "PG103", "PG104", "PG105", "PG108", "PG109", "PG110", "PG301",
          "PG302", "PG303", "PG304", "PG305", "PG306", "PG307", "PG308", "PG309", "PG310",
          "PG311", "PG312", "PG314", "PG320", "TX101", "TX201", "DS101", "DS102", "DS103",
          "MF101", "MF102", "MF103", "MF104", "BC101", "BC102", "CD101", "SA101" };
  size_t count;
  const LintRule *rules = lint_rules (&count);
  g_autoptr (GString) ours = g_string_new (" ");
  (void) state;
  assert_int_equal (G_N_ELEMENTS (squawk), 40);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (ours, "%s, %s, ", rules[i].squawk != NULL ? rules[i].squawk : "",
                            rules[i].atlas != NULL ? rules[i].atlas : "");
  for (size_t i = 0; i < G_N_ELEMENTS (squawk) + G_N_ELEMENTS (atlas); i++)
    {
      const char *id = i < G_N_ELEMENTS (squawk) ? squawk[i] : atlas[i - G_N_ELEMENTS (squawk)];
      g_autofree char *listed = g_strdup_printf (" %s,", id);
      if (strstr (ours->str, listed) == NULL)
        fail_msg ("nothing is said of %s", id);
    }
}

static void
test_findings_say_where (void **state)
{
  static const char text[] = "-- é\nSELECT 1; /* é */ CREATE INDEX x\n  ON t (a);\n";
  (void) state;
  g_autoptr (LintResult) result = lint_with (text, LINT_WARNING, false);
  const LintFinding *finding = find (result, "index-not-concurrent");
  assert_non_null (finding);
  assert_string_equal (finding->path, "now.sql");
  assert_int_equal (finding->line, 2);
  assert_int_equal (finding->column, 19);
  assert_int_equal (finding->end_line, 3);
  assert_int_equal (finding->end_column, 11);
  assert_string_equal (finding->statement, "CREATE INDEX x ON t (");
  assert_string_equal (finding->key, "t");
  assert_int_equal (finding->lock, LOCK_SHARE);
  assert_string_equal (finding->rewrite, "CREATE INDEX CONCURRENTLY x\n  ON t (a)");
  assert_true (lint_result_is_bad (result));
}

static void
test_open_begin_is_pointed_at (void **state)
{
  (void) state;
  g_autoptr (LintResult) result
      = lint_with ("SELECT 1;\n  BEGIN;\nSELECT 2;\n", LINT_WARNING, false);
  const LintFinding *finding = find (result, "uncommitted-transaction");
  assert_non_null (finding);
  assert_string_equal (finding->message, "the file ends within this transaction");
  assert_int_equal (finding->line, 2);
  assert_int_equal (finding->column, 3);
}

static void
test_level_and_counts (void **state)
{
  (void) state;
  g_autoptr (LintResult) quiet = lint_with ("ALTER TABLE t ADD x int", LINT_WARNING, false);
  assert_int_equal (quiet->findings->len, 0);
  assert_false (lint_result_is_bad (quiet));
  g_autoptr (LintResult) notes = lint_with ("ALTER TABLE t ADD x int", LINT_NOTE, false);
  assert_int_equal (notes->findings->len, 2);
  assert_false (lint_result_is_bad (notes));
  g_autoptr (LintResult) ignored = lint_with (
      "-- pgkeel: ignore unknown a server of ours knows it\nFROB; SELECT 1", LINT_NOTE, false);
  assert_int_equal (ignored->findings->len, 0);
  assert_int_equal (ignored->unknown_count, 0);
  assert_int_equal (ignored->ignored_count, 1);
  assert_int_equal (ignored->statement_count, 2);
  /* At any level what is not known is bad. */
  g_autoptr (LintResult) unknown = lint_with ("FROB", LINT_ERROR, false);
  assert_int_equal (unknown->unknown_count, 1);
  assert_true (lint_result_is_bad (unknown));
}

/* What a server does not have is not asked for. */
static void
test_older_servers (void **state)
{
  static const char text[] = "ALTER TABLE p DETACH PARTITION q";
  LintFile file = { .path = "now.sql", .text = text, .length = strlen (text), .line = 1 };
  (void) state;
  for (int major = 13; major <= 14; major++)
    {
      g_autoptr (LintResult) result = NULL;
      LintOptions options = { .level = LINT_WARNING, .server_major = major };
      assert_true (lint_run (&options, &file, 1, NULL, &result, NULL));
      assert_int_equal (result->findings->len, major < 14 ? 0 : 1);
    }
}

/* The mode that TEXT takes on the table “below”, which inherits from or is a partition of “above”. */
static LockMode
lock_below (const char *above, const char *text, int major)
{
  g_autofree char *schema = g_strdup_printf ("%s;\nCREATE TABLE other ();", above);
  LintFile files[]
      = { { .path = "before.sql", .text = schema, .length = strlen (schema), .line = 1 },
          { .path = "now.sql", .text = text, .length = strlen (text), .line = 1 } };
  const bool judged[] = { false, true };
  LintOptions options = { .level = LINT_ERROR, .server_major = major, .with_locks = true };
  g_autoptr (LintResult) result = NULL;
  assert_true (lint_run (&options, files, 2, judged, &result, NULL));
  assert_int_equal (result->locks->len, 1);
  const LintLocks *locks = result->locks->pdata[0];
  const LockEffect *effect = lock_model_find (locks->effects, "below");
  return effect != NULL ? effect->mode : LOCK_NONE;
}

/* Measured on 15, 16, 17 and 18. */
static void
test_constraints_lock_what_inherits (void **state)
{
  static const char inherited[]
      = "CREATE TABLE above (id int); CREATE TABLE below () INHERITS (above)";
  static const char partitioned[] = "CREATE TABLE above (id int) PARTITION BY LIST (id); "
                                    "CREATE TABLE below PARTITION OF above FOR VALUES IN (1)";
  static const struct
  {
    const char *above, *text;
    LockMode before, since;
  } statements[] = {
    { inherited, "ALTER TABLE above ADD UNIQUE (id)", LOCK_NONE, LOCK_ACCESS_EXCLUSIVE },
    { inherited, "ALTER TABLE above ADD CHECK (id > 0) NO INHERIT", LOCK_NONE,
      LOCK_ACCESS_EXCLUSIVE },
    { inherited, "ALTER TABLE ONLY above ADD UNIQUE (id)", LOCK_NONE, LOCK_NONE },
    { inherited, "ALTER TABLE above ADD CHECK (id > 0)", LOCK_ACCESS_EXCLUSIVE,
      LOCK_ACCESS_EXCLUSIVE },
    { partitioned, "ALTER TABLE above ADD UNIQUE (id)", LOCK_SHARE, LOCK_ACCESS_EXCLUSIVE },
  };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (statements); i++)
    {
      assert_int_equal (lock_below (statements[i].above, statements[i].text, 17),
                        statements[i].before);
      assert_int_equal (lock_below (statements[i].above, statements[i].text, 18),
                        statements[i].since);
    }
}

/* Rows of COPY and commands of psql are no SQL. */
static void
test_what_is_no_sql (void **state)
{
  static const char text[]
      = "\\set ON_ERROR_STOP on\nCOPY u (id) FROM stdin;\n1\tit's; DROP TABLE t;\n"
        "\\.\nSELECT 1;\n\\echo 'done\nDROP TABLE u;\n";
  (void) state;
  g_autoptr (LintResult) result = lint_with (text, LINT_WARNING, false);
  assert_int_equal (result->statement_count, 3);
  assert_int_equal (result->unknown_count, 0);
  assert_int_equal (result->findings->len, 1);
  assert_int_equal (((LintFinding *) result->findings->pdata[0])->line, 7);
}

static void
test_rollback_forgets (void **state)
{
  static const char text[] = "BEGIN; ALTER TABLE t ALTER a SET NOT NULL; ROLLBACK;\n"
                             "BEGIN; ALTER TABLE t ALTER a SET NOT NULL; COMMIT;\n"
                             "BEGIN; ALTER TABLE t ALTER a SET NOT NULL; COMMIT;\n";
  (void) state;
  g_autoptr (LintResult) result = lint_with (text, LINT_ERROR, false);
  assert_int_equal (result->findings->len, 2);
  assert_int_equal (((LintFinding *) result->findings->pdata[0])->line, 1);
  assert_int_equal (((LintFinding *) result->findings->pdata[1])->line, 2);
}

static void
test_locks_of_every_statement (void **state)
{
  (void) state;
  g_autoptr (LintResult) result = lint_with (
      "SELECT * FROM t; FROB; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u", LINT_ERROR, true);
  assert_int_equal (result->locks->len, 3);
  const LintLocks *select = result->locks->pdata[0], *unknown = result->locks->pdata[1],
                  *alter = result->locks->pdata[2];
  assert_int_equal (lock_model_find (select->effects, "t")->mode, LOCK_ACCESS_SHARE);
  assert_false (unknown->is_known);
  assert_int_equal (lock_model_find (alter->effects, "t")->mode, LOCK_SHARE_ROW_EXCLUSIVE);
  assert_int_equal (lock_model_find (alter->effects, "u")->mode, LOCK_SHARE_ROW_EXCLUSIVE);
}

/* What a server would refuse still must not confuse the reader. */
static void
test_nonsense_is_survived (void **state)
{
  static const char text[]
      = "CREATE TABLE x (id int, CONSTRAINT x UNIQUE (id));\n"
        "CREATE TABLE y () INHERITS (y); ALTER TABLE y ADD a int; TRUNCATE y;\n"
        "ALTER TABLE p ATTACH PARTITION p FOR VALUES IN (1); DROP TABLE p;\n"
        "ALTER TABLE t RENAME TO u; DROP TABLE u; DROP TABLE u; DROP INDEX t_a;\n"
        "CREATE INDEX w ON w (id); DROP INDEX w; ALTER TABLE w RENAME id TO id;\n";
  (void) state;
  g_autoptr (LintResult) result = lint_with (text, LINT_NOTE, true);
  assert_int_equal (result->statement_count, 13);
  assert_int_equal (result->unknown_count, 0);
}

/* TEXT as --fix writes it, NULL when it stays. */
static char *
fix (const char *text, bool no_transaction, char **ret_note)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) notes = NULL;
  g_autoptr (LintResult) result = NULL;
  LintFile files[]
      = { { .path = "before.sql", .text = before, .length = strlen (before), .line = 1 },
          { .path = "now.sql", .text = text, .length = strlen (text), .line = 1 } };
  bool judged[] = { false, true };
  char *fixed = NULL;
  files[1].no_transaction = no_transaction;
  assert_true (lint_run (&(LintOptions){ .level = LINT_WARNING }, files, 2, judged, &result, NULL));
  bool ok = lint_fix (&files[1], result, "-- pgkeel: no-transaction", &fixed, &notes, &error);
  assert_no_error (error);
  assert_true (ok);
  *ret_note = notes->len > 0 ? g_strdup (notes->pdata[0]) : NULL;
  return fixed;
}

static void
check_fix (const char *text, bool no_transaction, const char *expected)
{
  g_autofree char *note = NULL;
  g_autofree char *fixed = fix (text, no_transaction, &note);
  if (expected == NULL)
    assert_null (fixed);
  else
    {
      assert_non_null (fixed);
      assert_string_equal (fixed, expected);
    }
}

static void
test_fixes (void **state)
{
  (void) state;
#define MARKER "-- pgkeel: no-transaction\n"
  check_fix ("-- why\nCREATE INDEX x ON t (a); -- so\n", false,
             MARKER "-- why\nCREATE INDEX CONCURRENTLY x ON t (a); -- so\n");
  check_fix ("CREATE UNIQUE INDEX IF NOT EXISTS x ON t (a)", true,
             "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS x ON t (a)");
  check_fix ("SET lock_timeout = '1s'; DROP INDEX \"t_a\";", false,
             MARKER "SET lock_timeout = '1s'; DROP INDEX CONCURRENTLY \"t_a\";");
  check_fix ("REINDEX (VERBOSE) TABLE t;", false, MARKER "REINDEX (VERBOSE) TABLE CONCURRENTLY t;");
  check_fix ("ALTER TABLE public.\"t\" ADD CONSTRAINT \"X\" CHECK (a > 0);\n", false,
             MARKER "ALTER TABLE public.\"t\" ADD CONSTRAINT \"X\" CHECK (a > 0) NOT VALID;\n"
                    "ALTER TABLE public.\"t\" VALIDATE CONSTRAINT \"X\";\n");
  check_fix ("ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES u DEFERRABLE;\n", false,
             MARKER
             "ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES u DEFERRABLE NOT VALID;\n"
             "ALTER TABLE t VALIDATE CONSTRAINT x;\n");
  check_fix ("ALTER TABLE t ALTER COLUMN a SET NOT NULL;\n", false,
             MARKER "ALTER TABLE t ADD CONSTRAINT a_not_null CHECK (a IS NOT NULL) NOT VALID;\n"
                    "ALTER TABLE t VALIDATE CONSTRAINT a_not_null;\n"
                    "ALTER TABLE t ALTER COLUMN a SET NOT NULL;\n"
                    "ALTER TABLE t DROP CONSTRAINT a_not_null;\n");
  check_fix ("ALTER TABLE t ADD CONSTRAINT x UNIQUE (a, b);\n", false,
             MARKER "CREATE UNIQUE INDEX CONCURRENTLY x ON t (a, b);\n"
                    "ALTER TABLE t ADD CONSTRAINT x UNIQUE USING INDEX x;\n");
}

/* What is not certain is left to people. */
static void
test_no_fixes (void **state)
{
  static const char *const texts[] = {
    "CREATE INDEX x ON unknown (a)",
    "CREATE INDEX x ON p (id)",
    "DROP INDEX t_a CASCADE",
    "DROP INDEX t_a, t_b",
    "ALTER TABLE t ADD CHECK (a > 0)",
    "ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0), ADD COLUMN y int",
    "ALTER TABLE ONLY t ADD CONSTRAINT x CHECK (a > 0)",
    "ALTER TABLE t ADD CONSTRAINT x UNIQUE (a) INCLUDE (b)",
    "ALTER TABLE t ADD CONSTRAINT x UNIQUE (a) DEFERRABLE",
    "ALTER TABLE t ALTER a TYPE bigint",
    "BEGIN; CREATE INDEX x ON t (a); COMMIT",
  };
  g_autofree char *note = NULL;
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *words = NULL;
      g_autofree char *fixed = fix (texts[i], false, &words);
      if (fixed != NULL)
        fail_msg ("“%s” became “%s”", texts[i], fixed);
    }
  g_autofree char *shared
      = fix ("ALTER TABLE u ADD x int;\nCREATE INDEX x ON t (a);\n", false, &note);
  assert_null (shared);
  assert_string_equal (note,
                       "now.sql:2: not changed: it would have to leave the transaction it shares "
                       "with line 1; move it to a file of its own");
}

/* A fixed text has nothing left to fix. */
static void
test_fixed_is_fixed (void **state)
{
  static const char *const texts[]
      = { "CREATE INDEX x ON t (a);", "ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0);",
          "ALTER TABLE t ALTER a SET NOT NULL;", "ALTER TABLE t ADD CONSTRAINT x UNIQUE (a);",
          "ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES u;" };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *note = NULL;
      g_autofree char *again_note = NULL;
      g_autofree char *fixed = fix (texts[i], false, &note);
      assert_non_null (fixed);
      g_autofree char *again = fix (fixed, true, &again_note);
      if (again != NULL)
        fail_msg ("“%s” became “%s” again", fixed, again);
      LintFile files[]
          = { { .path = "before.sql", .text = before, .length = strlen (before), .line = 1 },
              { .path = "now.sql",
                .text = fixed,
                .length = strlen (fixed),
                .line = 1,
                .no_transaction = true } };
      bool judged[] = { false, true };
      g_autoptr (LintResult) result = NULL;
      assert_true (
          lint_run (&(LintOptions){ .level = LINT_WARNING }, files, 2, judged, &result, NULL));
      if (result->findings->len > 0)
        fail_msg ("%s: %s", ((LintFinding *) result->findings->pdata[0])->rule->id, fixed);
    }
}

/* Within a transaction a procedure cannot commit: the server refuses. */
static void
test_calls_outside_of_transactions (void **state)
{
  (void) state;
  for (int no_transaction = 0; no_transaction < 2; no_transaction++)
    {
      const char *text = "CALL p()";
      LintFile file = { .path = "now.sql",
                        .text = text,
                        .length = strlen (text),
                        .line = 1,
                        .no_transaction = no_transaction == 1 };
      bool judged = true;
      g_autoptr (LintResult) result = NULL;
      assert_true (
          lint_run (&(LintOptions){ .level = LINT_WARNING }, &file, 1, &judged, &result, NULL));
      const LintFinding *finding = find (result, "commits-itself");
      assert_int_equal (finding != NULL, no_transaction == 1);
    }
}

static void
test_sarif (void **state)
{
  size_t count;
  (void) state;
  lint_rules (&count);
  g_autoptr (LintResult) result
      = lint_with ("SELECT 1;\nCREATE INDEX x ON t (a)", LINT_WARNING, false);
  json_t *sarif = lint_sarif (result, "1.2.3");
  json_t *run = json_array_get (json_object_get (sarif, "runs"), 0);
  json_t *rules = NULL, *first = json_array_get (json_object_get (run, "results"), 0);
  const char *version, *rule, *level, *uri;
  int index, line, column;
  assert_string_equal (json_string_value (json_object_get (sarif, "version")), "2.1.0");
  assert_int_equal (json_unpack (run, "{s:{s:{s:s, s:o}}}", "tool", "driver", "version", &version,
                                 "rules", &rules),
                    0);
  assert_string_equal (version, "1.2.3");
  assert_int_equal (json_array_size (rules), count);
  assert_int_equal (json_unpack (first, "{s:s, s:i, s:s, s:[{s:{s:{s:s}, s:{s:i, s:i}}}]}",
                                 "ruleId", &rule, "ruleIndex", &index, "level", &level, "locations",
                                 "physicalLocation", "artifactLocation", "uri", &uri, "region",
                                 "startLine", &line, "startColumn", &column),
                    0);
  assert_string_equal (rule, "index-not-concurrent");
  assert_string_equal (
      json_string_value (json_object_get (json_array_get (rules, (size_t) index), "id")), rule);
  assert_string_equal (level, "error");
  assert_string_equal (uri, "now.sql");
  assert_int_equal (line, 2);
  assert_int_equal (column, 1);
  json_decref (sarif);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_every_rule),
    cmocka_unit_test (test_every_rule_has_a_case),
    cmocka_unit_test (test_every_rule_is_documented),
    cmocka_unit_test (test_rules_of_others_are_covered),
    cmocka_unit_test (test_findings_say_where),
    cmocka_unit_test (test_open_begin_is_pointed_at),
    cmocka_unit_test (test_level_and_counts),
    cmocka_unit_test (test_older_servers),
    cmocka_unit_test (test_constraints_lock_what_inherits),
    cmocka_unit_test (test_what_is_no_sql),
    cmocka_unit_test (test_rollback_forgets),
    cmocka_unit_test (test_locks_of_every_statement),
    cmocka_unit_test (test_nonsense_is_survived),
    cmocka_unit_test (test_fixes),
    cmocka_unit_test (test_no_fixes),
    cmocka_unit_test (test_fixed_is_fixed),
    cmocka_unit_test (test_calls_outside_of_transactions),
    cmocka_unit_test (test_sarif),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
