/* The schema as a list of objects: on real servers of every major version that is installed. */
#include "../testing.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "db/schema.h"

#include <gio/gio.h>
#include <string.h>

/* What the changes below change. */
static const char base_schema[]
    = "CREATE ROLE alice; CREATE ROLE bob;"
      "CREATE SCHEMA s;"
      "CREATE SCHEMA s2;"
      "CREATE TYPE s.mood AS ENUM ('sad', 'ok');"
      "CREATE TYPE s.pair AS (a integer, b text);"
      "CREATE DOMAIN s.positive AS integer CONSTRAINT more CHECK (VALUE > 0);"
      "CREATE TYPE s.span AS RANGE (subtype = float8);"
      "CREATE FUNCTION s.f (a integer) RETURNS integer LANGUAGE sql AS 'SELECT a';"
      "CREATE FUNCTION s.tf () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE FUNCTION s.etf () RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
      "CREATE AGGREGATE s.agg (integer) (SFUNC = int4pl, STYPE = integer);"
      "CREATE OPERATOR s.## (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer);"
      "CREATE COLLATION s.c FROM \"C\";"
      "CREATE TABLE s.t (id serial PRIMARY KEY, a integer DEFAULT 1, b varchar(10), c text,"
      "  CONSTRAINT rule CHECK (b IN ('x', 'y')));"
      "CREATE TABLE s.u (id integer REFERENCES s.t, during int4range) WITH (fillfactor = 70);"
      "CREATE TABLE s.p (a integer) PARTITION BY LIST (a);"
      "CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES IN (1);"
      "CREATE TABLE s.child () INHERITS (s.t);"
      "CREATE INDEX i ON s.t (a);"
      "CREATE INDEX pi ON s.p (a);"
      "CREATE STATISTICS s.st ON a, b FROM s.t;"
      "CREATE VIEW s.v AS SELECT a FROM s.t;"
      "CREATE MATERIALIZED VIEW s.m AS SELECT a FROM s.t;"
      "CREATE SEQUENCE s.q;"
      "CREATE TRIGGER tr BEFORE UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION s.tf ();"
      "CREATE TRIGGER ptr BEFORE UPDATE ON s.p FOR EACH ROW EXECUTE FUNCTION s.tf ();"
      "CREATE RULE r AS ON DELETE TO s.u DO ALSO SELECT 1;"
      "CREATE POLICY pol ON s.t USING (a > 0);"
      "CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION s.etf ();"
      "CREATE PUBLICATION pub FOR TABLE s.t;"
      "CREATE TEXT SEARCH CONFIGURATION s.ts (COPY = simple);"
      "CREATE TEXT SEARCH DICTIONARY s.td (TEMPLATE = simple);"
      "CREATE FOREIGN DATA WRAPPER w;"
      "CREATE SERVER srv FOREIGN DATA WRAPPER w OPTIONS (host 'a', password 'secret-one');"
      "CREATE USER MAPPING FOR alice SERVER srv OPTIONS (password 'secret-two');"
      "CREATE FOREIGN TABLE s.ft (a integer) SERVER srv;"
      "COMMENT ON TABLE s.t IS 'a  table';";

typedef struct
{
  const char *sql;
  const char *kind; /* of an object that must be in the difference; NULL: there must be none */
  const char *name;
  int from_major;
} Change;

static const Change changes[] = {
  { "CREATE SCHEMA s3", "schema", "s3", 0 },
  { "ALTER SCHEMA s OWNER TO alice", "schema", "s", 0 },
  { "DROP SCHEMA s2", "schema", "s2", 0 },
  { "ALTER SCHEMA public OWNER TO alice", "schema", "public", 0 },
  { "COMMENT ON SCHEMA public IS NULL", "comment", "schema public", 0 },
  { "GRANT CREATE ON SCHEMA public TO bob", "grants", "schema public", 0 },
  { "ALTER TYPE s.mood RENAME VALUE 'ok' TO 'fine'", "enum", "s.mood", 0 },
  { "ALTER TYPE s.mood ADD VALUE 'well' BEFORE 'ok'", "enum", "s.mood", 0 },
  { "ALTER TYPE s.pair ADD ATTRIBUTE c integer", "attribute", "s.pair.c", 0 },
  { "ALTER TYPE s.pair ALTER ATTRIBUTE b TYPE varchar", "attribute", "s.pair.b", 0 },
  { "ALTER DOMAIN s.positive DROP CONSTRAINT more", "domain constraint", "s.positive.more", 0 },
  { "ALTER DOMAIN s.positive SET NOT NULL", "domain", "s.positive", 0 },
  { "ALTER DOMAIN s.positive SET DEFAULT 3", "domain", "s.positive", 0 },
  { "ALTER TYPE s.span OWNER TO alice", "range type", "s.span", 0 },
  { "CREATE OR REPLACE FUNCTION s.f (a integer) RETURNS integer LANGUAGE sql AS 'SELECT  a'",
    "function", "s.f(a integer)", 0 },
  { "ALTER FUNCTION s.f STABLE", "function", "s.f(a integer)", 0 },
  { "ALTER FUNCTION s.f SET work_mem = '1MB'", "function", "s.f(a integer)", 0 },
  { "ALTER FUNCTION s.f OWNER TO alice", "function", "s.f(a integer)", 0 },
  { "REVOKE ALL ON FUNCTION s.f FROM PUBLIC", "grants", "function s.f(a integer)", 0 },
  { "CREATE OR REPLACE AGGREGATE s.agg (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = 1)",
    "aggregate", "s.agg(integer)", 0 },
  { "ALTER OPERATOR s.## (integer, integer) SET (RESTRICT = eqsel)", "operator",
    "s.##(integer, integer)", 0 },
  { "ALTER COLLATION s.c OWNER TO alice", "collation", "s.c", 0 },
  { "CREATE CAST (s.pair AS text) WITH INOUT", "cast", "s.pair as text", 0 },
  { "CREATE OPERATOR FAMILY s.fam USING btree", "operator family", "s.fam using btree", 0 },
  { "ALTER TABLE s.t ADD COLUMN d integer", "column", "s.t.d", 0 },
  { "ALTER TABLE s.t DROP COLUMN a CASCADE", "column", "s.t.b", 0 }, /* it has moved up */
  { "ALTER TABLE s.t ALTER a SET DEFAULT 2", "column", "s.t.a", 0 },
  { "ALTER TABLE s.t ALTER a SET NOT NULL", "column", "s.t.a", 0 },
  { "ALTER TABLE s.t ALTER b TYPE varchar(20)", "column", "s.t.b", 0 },
  { "ALTER TABLE s.t ALTER c SET STORAGE EXTERNAL", "column", "s.t.c", 0 },
  { "ALTER TABLE s.t ALTER c SET COMPRESSION pglz", "column", "s.t.c", 14 },
  { "ALTER TABLE s.t ALTER c SET STATISTICS 7", "column", "s.t.c", 0 },
  { "ALTER TABLE s.t ALTER c SET (n_distinct = 5)", "column", "s.t.c", 0 },
  { "ALTER TABLE s.t ALTER c TYPE text COLLATE \"C\"", "column", "s.t.c", 0 },
  { "ALTER TABLE s.u ALTER id SET NOT NULL, ALTER id ADD GENERATED ALWAYS AS IDENTITY", "column",
    "s.u.id", 0 },
  { "ALTER TABLE s.t OWNER TO alice", "table", "s.t", 0 },
  { "ALTER TABLE s.u SET UNLOGGED", "table", "s.u", 0 },
  { "ALTER TABLE s.u SET (fillfactor = 71)", "table", "s.u", 0 },
  { "ALTER TABLE s.t SET (toast.autovacuum_enabled = off)", "table", "s.t", 0 },
  { "ALTER TABLE s.t REPLICA IDENTITY FULL", "table", "s.t", 0 },
  { "ALTER TABLE s.t FORCE ROW LEVEL SECURITY", "table", "s.t", 0 },
  { "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY", "row level security", "s.t", 0 },
  { "ALTER TABLE s.child NO INHERIT s.t", "table", "s.child", 0 },
  { "ALTER TABLE s.p DETACH PARTITION s.p1", "table", "s.p1", 0 },
  { "CREATE TABLE s.p2 PARTITION OF s.p DEFAULT", "table", "s.p2", 0 },
  { "ALTER TABLE s.t DROP CONSTRAINT rule", "constraint", "s.t.rule", 0 },
  { "ALTER TABLE s.t RENAME CONSTRAINT rule TO law", "constraint", "s.t.law", 0 },
  { "ALTER TABLE s.u ALTER CONSTRAINT u_id_fkey DEFERRABLE", "constraint", "s.u.u_id_fkey", 0 },
  { "ALTER TABLE s.u ADD CHECK (id > 0) NOT VALID", "constraint", "s.u.u_id_check", 0 },
  { "ALTER TABLE s.u ADD EXCLUDE USING gist (during WITH &&)", "constraint", "s.u.u_during_excl",
    0 },
  { "DROP INDEX s.i", "index", "s.i", 0 },
  { "ALTER INDEX s.i RENAME TO j", "index", "s.j", 0 },
  { "ALTER INDEX s.i SET (fillfactor = 50)", "index", "s.i", 0 },
  { "ALTER TABLE s.t CLUSTER ON i", "index", "s.i", 0 },
  { "DROP INDEX s.pi", "index", "s.p1_a_idx", 0 },
  { "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 's.i'::regclass", "index", "s.i",
    0 },
  { "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 's.pi'::regclass", "index", "s.pi",
    0 },
  { "ALTER STATISTICS s.st SET STATISTICS 9", "statistics", "s.st", 0 },
  { "DROP STATISTICS s.st", "statistics", "s.st", 0 },
  { "CREATE OR REPLACE VIEW s.v AS SELECT a + 0 AS a FROM s.t", "view", "s.v", 0 },
  { "ALTER VIEW s.v SET (security_barrier)", "view", "s.v", 0 },
  { "ALTER VIEW s.v ALTER a SET DEFAULT 4", "column", "s.v.a", 0 },
  { "REFRESH MATERIALIZED VIEW s.m WITH NO DATA", "materialised view", "s.m", 0 },
  { "ALTER SEQUENCE s.q INCREMENT 2", "sequence", "s.q", 0 },
  { "ALTER SEQUENCE s.q CYCLE", "sequence", "s.q", 0 },
  { "ALTER SEQUENCE s.q OWNED BY s.t.a", "sequence", "s.q", 0 },
  { "ALTER SEQUENCE s.t_id_seq OWNED BY NONE", "sequence", "s.t_id_seq", 0 },
  { "ALTER TABLE s.t DISABLE TRIGGER tr", "trigger", "s.t.tr", 0 },
  { "ALTER TABLE s.t ENABLE ALWAYS TRIGGER tr", "trigger", "s.t.tr", 0 },
  { "ALTER TABLE s.p1 DISABLE TRIGGER ptr", "trigger", "s.p1.ptr", 0 },
  { "DROP TRIGGER tr ON s.t", "trigger", "s.t.tr", 0 },
  { "ALTER TABLE s.u DISABLE RULE r", "rule", "s.u.r", 0 },
  { "CREATE OR REPLACE RULE r AS ON DELETE TO s.u DO ALSO SELECT 2", "rule", "s.u.r", 0 },
  { "ALTER POLICY pol ON s.t USING (a > 1)", "policy", "s.t.pol", 0 },
  { "ALTER POLICY pol ON s.t TO bob", "policy", "s.t.pol", 0 },
  { "ALTER EVENT TRIGGER et DISABLE", "event trigger", "et", 0 },
  { "ALTER PUBLICATION pub ADD TABLE s.u", "publication", "pub", 0 },
  { "ALTER PUBLICATION pub SET (publish = 'insert')", "publication", "pub", 0 },
  { "ALTER PUBLICATION pub SET TABLE s.t (id)", "publication", "pub", 15 },
  { "ALTER PUBLICATION pub SET TABLE s.t WHERE (a > 0)", "publication", "pub", 15 },
  { "CREATE SUBSCRIPTION sub CONNECTION 'dbname=none' PUBLICATION p"
    " WITH (connect = false, slot_name = NONE)",
    "subscription", "sub", 0 },
  { "ALTER TEXT SEARCH CONFIGURATION s.ts DROP MAPPING FOR url", "text search configuration",
    "s.ts", 0 },
  { "ALTER TEXT SEARCH DICTIONARY s.td (accept = false)", "text search dictionary", "s.td", 0 },
  { "ALTER FOREIGN DATA WRAPPER w OPTIONS (a 'b')", "foreign data wrapper", "w", 0 },
  { "ALTER SERVER srv OPTIONS (SET host 'b')", "server", "srv", 0 },
  { "ALTER SERVER srv OPTIONS (SET password 'secret-three')", "server", "srv", 0 },
  { "ALTER USER MAPPING FOR alice SERVER srv OPTIONS (SET password 'secret-four')", "user mapping",
    "for alice server srv", 0 },
  { "ALTER FOREIGN TABLE s.ft OPTIONS (x 'y')", "foreign table", "s.ft", 0 },
  { "ALTER FOREIGN TABLE s.ft ALTER a OPTIONS (x 'y')", "column", "s.ft.a", 0 },
  { "COMMENT ON TABLE s.t IS 'a table'", "comment", "relation s.t", 0 },
  { "COMMENT ON COLUMN s.t.a IS 'x'", "comment", "column s.t.a", 0 },
  { "COMMENT ON FUNCTION s.f IS 'x'", "comment", "function s.f(integer)", 0 },
  { "COMMENT ON CONSTRAINT rule ON s.t IS 'x'", "comment", "table constraint rule on s.t", 0 },
  { "GRANT SELECT ON s.t TO bob", "grants", "relation s.t", 0 },
  { "GRANT SELECT (a) ON s.t TO bob", "grants", "column s.t.a", 0 },
  { "REVOKE INSERT ON s.t FROM CURRENT_USER", "grants", "relation s.t", 0 },
  { "GRANT EXECUTE ON FUNCTION pg_read_file (text) TO bob", "grants",
    "function pg_catalog.pg_read_file(text)", 0 },
  { "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC", "grants", "language plpgsql", 0 },
  { "GRANT USAGE ON FOREIGN SERVER srv TO bob", "grants", "server srv", 0 },
  { "REVOKE USAGE ON TYPE s.mood FROM PUBLIC", "grants", "type s.mood", 0 },
  { "ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT SELECT ON TABLES TO bob", "default privileges",
    "for alice on tables", 0 },

  /* No difference: what a dump does not carry, or what is the same in other words. */
  { "GRANT SELECT ON s.t TO bob; REVOKE SELECT ON s.t FROM bob", NULL, NULL, 0 },
  { "INSERT INTO s.t (b) VALUES ('x')", NULL, NULL, 0 },
  { "SELECT nextval ('s.q')", NULL, NULL, 0 },
  { "CREATE TEMPORARY TABLE gone (a integer)", NULL, NULL, 0 },
  { "CREATE INDEX k ON s.u (id);"
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 's.k'::regclass",
    NULL, NULL, 0 },
  { "ALTER TABLE s.t DROP CONSTRAINT rule;"
    "ALTER TABLE s.t ADD CONSTRAINT rule CHECK ((((b)::text = ANY "
    "(ARRAY[('x'::character varying)::text, ('y'::character varying)::text]))))",
    NULL, NULL, 0 },
  { "ALTER TABLE s.u ADD gone text; ALTER TABLE s.u DROP gone", NULL, NULL, 0 },
  { "DROP INDEX s.i; CREATE INDEX i ON s.t (a)", NULL, NULL, 0 },
  { "COMMENT ON EXTENSION plpgsql IS 'x'", NULL, NULL, 0 },
  { "SET LOCAL search_path = s; SET LOCAL TimeZone = 'Asia/Tokyo'; SET LOCAL"
    " quote_all_identifiers = on; SET LOCAL standard_conforming_strings = off",
    NULL, NULL, 0 },
};

static ScratchCluster *scratch;
static int major;

static DbConn *
connect_to (const char *database)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *url = scratch_url (scratch, database);
  DbConn *conn = NULL;
  bool connected = db_connect (url, NULL, &db_retry_none, &conn, &error);
  assert_no_error (error);
  assert_true (connected);
  return conn;
}

static void
run (DbConn *conn, const char *sql)
{
  g_autoptr (GError) error = NULL;
  if (!db_exec (conn, sql, &error))
    fail_msg ("%s: %s", sql, error->message);
}

static GPtrArray *
read_schema (DbConn *conn)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *objects = NULL;
  bool done = db_schema_read (conn, &objects, &error);
  assert_no_error (error);
  assert_true (done);
  return objects;
}

static const DbSchemaChange *
find_change (const GPtrArray *difference, const char *kind, const char *name)
{
  for (guint i = 0; i < difference->len; i++)
    {
      const DbSchemaChange *change = difference->pdata[i];
      if (strcmp (change->kind, kind) == 0 && strcmp (change->name, name) == 0)
        return change;
    }
  return NULL;
}

static void
check_change (DbConn *conn, const GPtrArray *before, const Change *change)
{
  run (conn, "BEGIN");
  run (conn, change->sql);
  g_autoptr (GPtrArray) after = read_schema (conn);
  run (conn, "ROLLBACK");
  g_autoptr (GPtrArray) difference = db_schema_diff (before, after);
  g_autofree char *first = db_schema_fingerprint (before);
  g_autofree char *second = db_schema_fingerprint (after);
  const DbSchemaChange *any = difference->len > 0 ? difference->pdata[0] : NULL;

  if (change->kind == NULL && any != NULL)
    fail_msg ("%s: differs in %s %s: %s / %s", change->sql, any->kind, any->name, any->before,
              any->after);
  if (change->kind != NULL && find_change (difference, change->kind, change->name) == NULL)
    fail_msg ("%s: no difference in %s %s but in %u others, first %s", change->sql, change->kind,
              change->name, difference->len, any != NULL ? any->name : "none");
  assert_int_equal (strcmp (first, second) == 0, change->kind == NULL);
}

static void
test_each_change_is_seen (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_to ("base");
  g_autoptr (GPtrArray) before = read_schema (conn);
  for (size_t i = 0; i < G_N_ELEMENTS (changes); i++)
    if (changes[i].from_major <= major)
      check_change (conn, before, &changes[i]);
}

static void
test_secrets_are_not_shown (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_to ("base");
  g_autoptr (GPtrArray) objects = read_schema (conn);
  bool mapping_seen = false;
  for (guint i = 0; i < objects->len; i++)
    {
      const DbSchemaObject *object = objects->pdata[i];
      assert_null (strstr (object->definition, "secret-"));
      mapping_seen |= strcmp (object->kind, "user mapping") == 0
                      && strstr (object->definition, "password=(digest ") != NULL;
    }
  assert_true (mapping_seen);
}

/* Reading inside a transaction sees it, and leaves the session's settings alone. */
static void
test_transaction_is_left_as_it_was (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_to ("base");
  run (conn, "BEGIN; SET LOCAL search_path = s; SET LOCAL timezone = 'Asia/Tokyo';"
             "CREATE TABLE s.mine (a integer)");
  g_autoptr (GPtrArray) objects = read_schema (conn);
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autoptr (GPtrArray) all = db_schema_diff (none, objects);
  assert_int_equal (all->len, objects->len);
  const DbSchemaChange *mine = find_change (all, "table", "s.mine");
  assert_non_null (mine);
  assert_int_equal (mine->change, DB_SCHEMA_ADDED);

  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  assert_true (db_query_text (conn,
                              "SELECT current_setting ('search_path') || ' ' || current_setting "
                              "('timezone') || ' ' || count (*) FROM mine",
                              0, NULL, &text, &error));
  assert_string_equal (text, "s Asia/Tokyo 0");
  run (conn, "COMMIT");
  run (conn, "DROP TABLE s.mine");
}

static void
test_failure_is_told (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_to ("base");
  g_autoptr (GError) error = NULL;
  GPtrArray *objects = NULL;
  run (conn, "SET statement_timeout = '1ms'");
  assert_false (db_schema_read (conn, &objects, &error));
  assert_null (objects);
  assert_non_null (error);
  run (conn, "SET statement_timeout = 0");
  g_clear_error (&error);
  /* The session is usable again. */
  assert_true (db_schema_read (conn, &objects, &error));
  assert_no_error (error);
  g_ptr_array_unref (objects);
}

/* Runs SCRIPT with the functions of torture.bash on the scratch cluster; BIN in its environment. */
static void
run_torture (const char *script)
{
  const char *root = g_getenv ("PGKEEL_SOURCE_ROOT");
  if (root == NULL)
    fail_msg ("PGKEEL_SOURCE_ROOT must name the source tree (meson test sets it)");
  g_autoptr (GError) error = NULL;
  g_autofree char *bin = binaries_find_server (major, NULL, &error);
  assert_no_error (error);
  g_autofree char *url = scratch_url (scratch, "postgres");
  g_autofree char *host = NULL;
  assert_true (db_url_parts (url, NULL, NULL, &host, &error));
  g_autofree char *text = g_strdup_printf (
      "set -euo pipefail; source '%s/tests/e2e/torture/torture.bash'; %s", root, script);
  const char *argv[] = { "bash", "-c", text, NULL };
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_setenv (launcher, "PGHOST", host, TRUE);
  g_subprocess_launcher_setenv (launcher, "PGUSER", "postgres", TRUE);
  g_subprocess_launcher_setenv (launcher, "BIN", bin, TRUE);
  g_autoptr (GSubprocess) process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  assert_no_error (error);
  assert_true (g_subprocess_wait_check (process, NULL, &error));
  assert_no_error (error);
}

static void
test_torture_equals_its_copy (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_autofree char *space = NULL;
  assert_true (scratch_make_folder (scratch, "space", &space, &error));
  g_autofree char *script
      = g_strdup_printf ("torture_load \"$BIN\" source; torture_tablespaces source '%s';"
                         "torture_copy \"$BIN\" source copy",
                         space);
  run_torture (script);
  g_autoptr (DbConn) source = connect_to ("source");
  g_autoptr (DbConn) copy = connect_to ("copy");
  g_autoptr (GPtrArray) before = read_schema (source);
  g_autoptr (GPtrArray) after = read_schema (copy);
  g_autoptr (GPtrArray) difference = db_schema_diff (before, after);
  if (difference->len > 0)
    {
      const DbSchemaChange *change = difference->pdata[0];
      fail_msg ("%u differences; the first: %s %s\n%s\n%s", difference->len, change->kind,
                change->name, change->before, change->after);
    }
  assert_true (before->len > 1800);
  g_autofree char *first = db_schema_fingerprint (before);
  g_autofree char *second = db_schema_fingerprint (after);
  assert_string_equal (first, second);
}

static DbSchemaObject *
object (const char *kind, const char *name, const char *definition)
{
  DbSchemaObject *made = g_new0 (DbSchemaObject, 1);
  made->kind = g_strdup (kind);
  made->name = g_strdup (name);
  made->definition = g_strdup (definition);
  return made;
}

static void
object_free (gpointer data)
{
  DbSchemaObject *made = data;
  g_free (made->kind);
  g_free (made->name);
  g_free (made->definition);
  g_free (made);
}

static GPtrArray *
list_of (DbSchemaObject *first, DbSchemaObject *second)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (object_free);
  g_ptr_array_add (list, first);
  if (second != NULL)
    g_ptr_array_add (list, second);
  return list;
}

static void
test_fingerprint_is_unambiguous (void **state)
{
  (void) state;
  g_autoptr (GPtrArray) ab = list_of (object ("k", "a", "1"), object ("k", "b", "2"));
  g_autoptr (GPtrArray) ba = list_of (object ("k", "b", "2"), object ("k", "a", "1"));
  g_autoptr (GPtrArray) moved = list_of (object ("k", "a1", ""), object ("k", "b", "2"));
  g_autoptr (GPtrArray) joined = list_of (object ("ka", "", "1"), object ("k", "b", "2"));
  g_autoptr (GPtrArray) versioned = list_of (object ("k", "a", "1"), object ("k", "b", "2"));
  g_ptr_array_add (versioned, object ("extension version", "x", "1.0"));
  g_autofree char *one = db_schema_fingerprint (ab);
  g_autofree char *two = db_schema_fingerprint (ba);
  g_autofree char *three = db_schema_fingerprint (moved);
  g_autofree char *four = db_schema_fingerprint (joined);
  g_autofree char *five = db_schema_fingerprint (versioned);
  assert_string_equal (one, two);
  assert_string_not_equal (one, three);
  assert_string_not_equal (one, four);
  assert_string_equal (one, five);
  /* The bytes are written into backups: they must never change. */
  assert_string_equal (one,
                       "sha256:f9359e31039009c8bc8a49efc5eea96e2c9f2fe39983ce9b06b9d3c2a5b8b94f");
}

static void
test_diff_names_each_change (void **state)
{
  (void) state;
  g_autoptr (GPtrArray) before = list_of (object ("k", "a", "1"), object ("k", "b", "2"));
  g_autoptr (GPtrArray) after = list_of (object ("k", "c", "3"), object ("k", "b", "4"));
  g_autoptr (GPtrArray) difference = db_schema_diff (before, after);
  assert_int_equal (difference->len, 3);
  const DbSchemaChange *removed = difference->pdata[0];
  const DbSchemaChange *changed = difference->pdata[1];
  const DbSchemaChange *added = difference->pdata[2];
  assert_int_equal (removed->change, DB_SCHEMA_REMOVED);
  assert_string_equal (removed->name, "a");
  assert_string_equal (removed->before, "1");
  assert_null (removed->after);
  assert_int_equal (changed->change, DB_SCHEMA_CHANGED);
  assert_string_equal (changed->before, "2");
  assert_string_equal (changed->after, "4");
  assert_int_equal (added->change, DB_SCHEMA_ADDED);
  assert_null (added->before);
}

static void
test_lines_for_versions (void **state)
{
  (void) state;
  static const char query[] = "all\nnew -- [15,)\nold -- [,15)\nsome -- [14,16)\nlast -- [15,18)";
  static const struct
  {
    int major;
    const char *expected;
  } rows[] = {
    { 13, "all\nold -- [,15)\n" },
    { 14, "all\nold -- [,15)\nsome -- [14,16)\n" },
    { 15, "all\nnew -- [15,)\nsome -- [14,16)\nlast -- [15,18)" },
    { 18, "all\nnew -- [15,)\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = db_schema_query_for (query, rows[i].major);
      assert_string_equal (text, rows[i].expected);
    }
}

/* One server for all tests of a major version. */
static int
start_major (int wanted)
{
  const ScratchSpec spec = { .major = wanted, .worker_count = 4 };
  g_autoptr (GError) error = NULL;
  if (!scratch_start (&spec, &scratch, &error))
    {
      print_error ("PostgreSQL %d: %s\n", wanted, error->message);
      return -1;
    }
  major = wanted;
  g_autoptr (DbConn) conn = connect_to ("postgres");
  run (conn, "CREATE DATABASE base TEMPLATE template0");
  g_autoptr (DbConn) base = connect_to ("base");
  run (base, base_schema);
  return 0;
}

int
main (void)
{
  const struct CMUnitTest plain[] = {
    cmocka_unit_test (test_fingerprint_is_unambiguous),
    cmocka_unit_test (test_diff_names_each_change),
    cmocka_unit_test (test_lines_for_versions),
  };
  const struct CMUnitTest on_server[] = {
    cmocka_unit_test (test_each_change_is_seen),
    cmocka_unit_test (test_secrets_are_not_shown),
    cmocka_unit_test (test_transaction_is_left_as_it_was),
    cmocka_unit_test (test_failure_is_told),
    cmocka_unit_test (test_torture_equals_its_copy),
  };
  int failed = cmocka_run_group_tests (plain, NULL, NULL);
  int servers = 0;
  for (int wanted = 13; wanted <= 18; wanted++)
    {
      g_autofree char *bin = binaries_find_server (wanted, NULL, NULL);
      if (bin == NULL)
        continue;
      g_autofree char *name = g_strdup_printf ("PostgreSQL %d", wanted);
      servers++;
      if (start_major (wanted) != 0)
        return 1;
      failed += _cmocka_run_group_tests (name, on_server, G_N_ELEMENTS (on_server), NULL, NULL);
      g_clear_pointer (&scratch, scratch_free);
    }
  if (servers == 0)
    print_error ("no PostgreSQL server is installed\n");
  return failed > 0 || servers == 0;
}
