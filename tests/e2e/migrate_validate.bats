#!/usr/bin/env bats
# shellcheck disable=SC1111 # messages have such quotes
# Files against the history, and the database against what the files make: drift is found, and nothing
# else is taken for it.

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }

# An empty database “shop” of the major version $1 (default: the first), and a project for it. USER
# migrates; IGNORE is the list of migrations.ignore.
new_shop ()
{
  MAJOR=${1:-$(pg_majors | head -n 1)}
  project_new "project: shop
migrations: {ignore: [${IGNORE:-}]}
environments:
  development: {url: \"$(pg_url "$MAJOR" shop "${USER:-postgres}")\"}
  production: {url: \"$(pg_url "$MAJOR" shop "${USER:-postgres}")\", protected: true}"
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop ${DATABASE_OPTIONS:-}"
  mkdir migrations
}

setup ()
{
  unset IGNORE DATABASE_OPTIONS
  USER=postgres
}

sql () { pg_sql "$MAJOR" shop "$1"; }
up () { printf '%s\n' "$3" > "migrations/2025010100000$1_$2.up.sql"; }

migrate ()
{
  run_keel migrate up --yes --no-backup
  assert_status 0
}

# What is taken for drift, a line each: "different table public.customer". OPTION: --on-server is the
# faster way, where the roles of a cluster of its own do not matter.
drift ()
{
  run_keel migrate validate --json "$@"
  jq -r '.drift.objects[] | "\(.change) \(.kind) \(.name)"' <<< "$output"
}

assert_no_drift ()
{
  run_keel migrate validate "$@"
  assert_status 0
  assert_stdout "schema: as the files make it"
}

shop ()
{
  up 1 shop "CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL, city text DEFAULT 'Ulm');
CREATE INDEX customer_name ON customer (name);
CREATE FUNCTION twice (a integer) RETURNS integer LANGUAGE sql AS 'SELECT a * 2';"
  up 2 orders 'CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer integer NOT NULL REFERENCES customer, total numeric(10,2) CHECK (total >= 0));'
}

@test "what was changed by hand is told with both definitions, on every major version" {
  for major in $(pg_majors); do
    new_shop "$major"
    shop
    migrate
    assert_no_drift --on-server
    assert_stdout "files: 2 applied, 0 pending"
    sql "ALTER TABLE customer ADD note text;
         ALTER TABLE customer ALTER city SET DEFAULT 'Bonn';
         DROP INDEX customer_name;
         CREATE OR REPLACE FUNCTION twice (a integer) RETURNS integer LANGUAGE sql AS 'SELECT a * 3';
         GRANT SELECT ON orders TO PUBLIC;
         CREATE TABLE extra (id integer PRIMARY KEY);
         ALTER TABLE orders DROP CONSTRAINT orders_total_check"
    run_keel migrate validate
    assert_error 1 "the schema has drifted from its files: 6 objects" "migrations.ignore"
    assert_stdout "2 replayed in a scratch cluster of PostgreSQL $major"
    assert_stdout "different: table public.customer"
    assert_stdout "  -column city text default 'Ulm'::text
  +column city text default 'Bonn'::text
  +column note text"
    assert_stdout "missing: index public.customer_name
  -CREATE INDEX customer_name ON public.customer USING btree (name)"
    assert_stdout "  -AS \$function\$SELECT a * 2\$function\$
  +AS \$function\$SELECT a * 3\$function\$"
    assert_stdout "unexpected: table public.extra
  +owner postgres
  +access method heap
  +column id integer not null
  +constraint extra_pkey PRIMARY KEY (id)"
    assert_stdout "missing: constraint public.orders.orders_total_check
  -CHECK ((total >= (0)::numeric))"
    assert_stdout "  +PUBLIC select by postgres"
    run_keel migrate validate --json --on-server
    assert_status 1
    assert_json '.valid == false and .applied == 2 and .problems == [] and .drift.replayed == 2'
    assert_json '[.drift.objects[] | .change + " " + .kind + " " + .name] == [
      "different table public.customer", "missing index public.customer_name",
      "unexpected table public.extra", "missing constraint public.orders.orders_total_check",
      "unexpected grants relation public.orders", "different function public.twice(a integer)"]'
    assert_json '.drift.objects[0] | (.expected | contains("Ulm")) and (.found | contains("Bonn"))'
    assert_json '.error.exit_code == 1'
  done
}

@test "columns in another order, other owners, types, policies and settings of a table are drift" {
  new_shop
  pg_sql "$MAJOR" postgres "DROP ROLE IF EXISTS keeper; CREATE ROLE keeper"
  up 1 t "CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE t (a integer, b integer, m mood);
CREATE TABLE u (a integer);
CREATE SEQUENCE s;
CREATE VIEW v AS SELECT a FROM t;
CREATE FUNCTION tf () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tf ();
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (a > 0);"
  migrate
  sql "ALTER TABLE t DROP a CASCADE; ALTER TABLE t ADD a integer;
       CREATE VIEW v AS SELECT a + 1 AS a FROM t; CREATE POLICY p ON t USING (a > 0)"
  [ "$(drift --on-server)" = "different table public.t
different view public.v" ]
  sql "ALTER TYPE mood ADD VALUE 'good'; ALTER TABLE u OWNER TO keeper; ALTER SEQUENCE s INCREMENT 5;
       ALTER TABLE t DISABLE TRIGGER tr; ALTER POLICY p ON t USING (a > 1);
       ALTER DOMAIN positive ADD CONSTRAINT small CHECK (VALUE < 10)"
  [ "$(drift --on-server)" = "different enum public.mood
unexpected domain constraint public.positive.small
different sequence public.s
different table public.t
different policy public.t.p
different trigger public.t.tr
different table public.u
different view public.v" ]
}

# What servers write otherwise than it was given to them, names they make up, traces of the past.
awkward ()
{
  up 1 base "CREATE SCHEMA app;
CREATE TABLE app.p (id bigint GENERATED BY DEFAULT AS IDENTITY, kind varchar(10) CHECK (kind IN ('a', 'b')),
  at timestamptz NOT NULL DEFAULT '2024-01-01 10:00', day date NOT NULL, dead integer,
  CHECK ((id > 0) AND kind <> ''), PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE app.p2 (LIKE app.p INCLUDING ALL EXCLUDING IDENTITY);
ALTER TABLE app.p ATTACH PARTITION app.p2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE app.pd PARTITION OF app.p DEFAULT;
CREATE INDEX ON app.p (kind, at DESC) WHERE kind = ANY (ARRAY['a', 'b']::varchar[]);
CREATE TABLE app.s (id serial, n bigserial, p bigint, d date, PRIMARY KEY (id),
  FOREIGN KEY (p, d) REFERENCES app.p, UNIQUE (n) DEFERRABLE, EXCLUDE USING gist (int4range (id, id + 1) WITH &&));
CREATE TABLE app.child (extra text) INHERITS (app.s);
CREATE TABLE app.g (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED, c text COLLATE \"C\",
  d interval DEFAULT '1 day 2:00', e float8 DEFAULT 0.1, f bytea DEFAULT '\\\\x00ff', h text DEFAULT 'it''s
a line end');"
  up 2 later "ALTER TABLE app.p DROP dead;
ALTER TABLE app.p ADD late integer DEFAULT 5 NOT NULL;
ALTER TABLE app.s RENAME TO renamed;
ALTER TABLE app.renamed RENAME n TO number;
CREATE VIEW app.v AS SELECT s.*, x.y FROM app.renamed s JOIN (VALUES (1, 'a'), (2, 'b')) AS x (id, y) USING (id)
  WHERE s.number BETWEEN 1 AND 5 OR x.y IN ('a', 'b');
CREATE VIEW app.star AS SELECT * FROM app.v;
CREATE MATERIALIZED VIEW app.m AS SELECT number, count(*) FROM app.star GROUP BY number WITH NO DATA;
CREATE FUNCTION app.f (a integer DEFAULT 1, VARIADIC b text[] DEFAULT '{}') RETURNS TABLE (x integer) LANGUAGE sql
  BEGIN ATOMIC SELECT a; END;
CREATE PROCEDURE app.proc () LANGUAGE plpgsql AS \$x\$ BEGIN COMMIT; END \$x\$;
CREATE RULE r AS ON DELETE TO app.g DO INSTEAD NOTHING;
CREATE STATISTICS app.st ON a, b FROM app.g;
CREATE POLICY pol ON app.g FOR SELECT TO reader, PUBLIC USING (a IN (1, 2) AND c LIKE 'x%');
GRANT SELECT (a, b) ON app.g TO reader WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO reader;
CREATE TABLE app.after (a integer);
REVOKE EXECUTE ON FUNCTION app.f FROM PUBLIC;
COMMENT ON COLUMN app.g.a IS 'two
lines';"
  up 3 concurrent "CREATE INDEX CONCURRENTLY g_c ON app.g (lower (c)) WHERE a IS NOT NULL;
ALTER TABLE app.g ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
ALTER TABLE app.g VALIDATE CONSTRAINT positive;"
}

@test "no drift is seen where there is none, nor in a copy by pg_dump, on every major version" {
  for major in $(pg_majors); do
    DATABASE_OPTIONS="" new_shop "$major"
    pg_sql "$major" postgres "DROP ROLE IF EXISTS reader; CREATE ROLE reader"
    sql "ALTER DATABASE shop SET timezone = 'Asia/Tokyo'"
    awkward
    migrate
    assert_no_drift
    pg_sql "$major" postgres "DROP DATABASE IF EXISTS copy"
    pg_sql "$major" postgres "CREATE DATABASE copy"
    pg_tool "$major" pg_dump -Fc -f "$PROJECT/dump" shop
    pg_tool "$major" pg_restore -d copy "$PROJECT/dump"
    sed -i 's/shop?/copy?/' pgkeel.yaml
    # Of the past nobody knows now: the settings under which the files ran.
    pg_sql "$major" postgres "ALTER DATABASE copy SET timezone = 'Asia/Tokyo'"
    assert_no_drift --on-server
    pg_sql "$major" postgres "DROP DATABASE copy"
    sql "DROP OWNED BY reader"
  done
}

@test "the roles of the server are there: who migrates is no superuser and works as others" {
  new_shop
  pg_sql "$MAJOR" postgres "CREATE ROLE deploy LOGIN; CREATE ROLE app_owner; CREATE ROLE reporting;
    GRANT app_owner TO deploy; GRANT CREATE ON DATABASE shop TO app_owner, deploy"
  USER=deploy
  sed -i 's/postgres@/deploy@/' pgkeel.yaml
  sql "ALTER DATABASE shop SET search_path = app, public; ALTER ROLE deploy SET statement_timeout = '1min'"
  up 1 schema "SET ROLE app_owner;
CREATE SCHEMA app;
CREATE TABLE t (a integer);
GRANT USAGE ON SCHEMA app TO reporting;
GRANT SELECT ON t TO reporting;
RESET ROLE;"
  up 2 own "CREATE SCHEMA mine; CREATE TABLE mine.t (a integer);
DO \$\$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reporting') THEN CREATE ROLE reporting; END IF; END \$\$;"
  migrate
  assert_no_drift
  sql "REVOKE SELECT ON app.t FROM reporting; ALTER TABLE mine.t OWNER TO app_owner"
  # Another user asks: what is compared is who ran the files, not who asks.
  sed -i 's/deploy@/postgres@/' pgkeel.yaml
  [ "$(drift)" = "missing grants relation app.t
different table mine.t" ]
  # On the server itself nobody can be somebody else: then owners are left out, and that is said.
  run_keel migrate validate --on-server
  assert_error 1 "the schema has drifted from its files: 1 object"
  assert_stdout "owners were not compared"
  assert_stdout "missing: grants relation app.t
  -reporting select"
  pg_sql "$MAJOR" postgres "DROP DATABASE shop"
  pg_sql "$MAJOR" postgres "DROP ROLE deploy, app_owner, reporting"
}

@test "a role that a file creates is made by that file" {
  new_shop
  pg_sql "$MAJOR" postgres "DROP ROLE IF EXISTS made"
  up 1 role "CREATE ROLE made; CREATE TABLE t (a integer); GRANT SELECT ON t TO made;"
  migrate
  sql "REVOKE SELECT ON t FROM made; GRANT UPDATE ON t TO made"
  [ "$(drift)" = "different grants relation public.t" ]
  pg_sql "$MAJOR" postgres "DROP DATABASE shop"
  pg_sql "$MAJOR" postgres "DROP ROLE made"
}

@test "what the project leaves to others is not drift, and other tools' tables are not" {
  IGNORE='audit, public.events_*, "*.pg_trgm"' new_shop
  shop
  migrate
  sql "CREATE SCHEMA audit; CREATE TABLE audit.log (id serial PRIMARY KEY);
       CREATE TABLE events_2025 (a integer PRIMARY KEY); CREATE INDEX ON events_2025 (a);
       GRANT SELECT ON events_2025 TO PUBLIC;
       CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
       CREATE TABLE goose_db_version (id serial PRIMARY KEY)"
  assert_no_drift --on-server
  sql "CREATE TABLE event (a integer)"
  [ "$(drift --on-server)" = "unexpected table public.event" ]
}

@test "extensions: of the files, of others, and such as cannot be installed here" {
  new_shop
  up 1 citext "CREATE EXTENSION citext; CREATE TABLE t (a citext);"
  migrate
  # Used by a file, but made by somebody else.
  sql "CREATE EXTENSION pg_trgm"
  up 2 trgm "CREATE INDEX i ON t USING gin ((a::text) gin_trgm_ops);"
  migrate
  run_keel migrate validate
  assert_error 5 "gin_trgm_ops" "put “public.pg_trgm” in migrations.ignore"
  assert_stderr "the database has the extension “pg_trgm”, which no file creates"
  assert_stderr "replaying the files in a scratch cluster"
  sed -i 's/ignore: \[\]/ignore: [public.pg_trgm]/' pgkeel.yaml
  assert_no_drift
  assert_no_drift --on-server
  # The history says that it was applied; here there is none of that name.
  up 3 none "SELECT 1;"
  migrate
  printf 'CREATE EXTENSION postgis_of_elsewhere;\n' > migrations/20250101000003_none.up.sql
  run_keel migrate validate
  assert_error 5 "creates the extension “postgis_of_elsewhere”, which is not installed on this machine" \
    "--on-server"
}

@test "files against the history: changed, missing, late, pending, reformatted" {
  new_shop
  shop
  up 4 fourth "CREATE TABLE fourth (a integer);"
  migrate
  up 5 pending "CREATE TABLE fifth (a integer);"
  sed -i 's/^CREATE TABLE orders/-- a comment\ncreate  table orders/' migrations/*_orders.up.sql
  run_keel migrate validate --files
  assert_status 0
  assert_stdout "files: 3 applied, 1 pending"
  refute_stdout "schema"
  [ -z "$stderr" ]
  up 3 late "CREATE TABLE third (a integer);"
  rm migrations/*_fourth.up.sql
  sed -i 's/total >= 0/total > 0/' migrations/*_orders.up.sql
  run_keel migrate validate --files
  assert_error 1 "files and history contradict each other in 3 migrations" "migrate status"
  assert_stdout "changed: 20250101000002 orders means something else now than when it was applied"
  assert_stdout "late: 20250101000003 late is pending"
  assert_stdout "missing: 20250101000004 fourth was applied, but there is no file"
  # The replay has what the files say now, and not the one that is gone.
  run_keel migrate validate --on-server --json
  assert_status 1
  assert_json '[.problems[].state] == ["changed", "late", "missing"] and .pending == 1'
  assert_json '[.drift.objects[] | .change + " " + .name] == [
    "unexpected public.fourth", "different public.orders.orders_total_check"]'
}

@test "a failing file is told with its line, and the answer is not yes" {
  new_shop
  shop
  migrate
  sed -i 's/REFERENCES customer/REFERENCES nobody/' migrations/*_orders.up.sql
  run_keel migrate validate
  assert_error 5 "replaying the files in a scratch cluster"
  assert_stderr "20250101000002_orders.up.sql:1"
  assert_stderr 'relation "nobody" does not exist'
  assert_stdout "changed: 20250101000002 orders"
  run_keel migrate validate --on-server --json
  assert_status 5
  assert_json '.valid == false and .drift == null'
}

# pgkeel where no program of PostgreSQL is installed.
without_programs ()
{
  mkdir -p bin
  run --separate-stderr env PGKEEL_PG_PATH= PATH="$PWD/bin" "$PGKEEL" "$@" 3>&-
}

@test "on the server, where the version's programs are missing, and nothing is left of it" {
  new_shop
  shop
  migrate
  without_programs migrate validate
  assert_status 0
  assert_stdout "2 replayed in a scratch database on the server (PostgreSQL $MAJOR)"
  # A protected server is not where files are tried, unless that is asked for.
  without_programs migrate validate -e production
  assert_error 5 "PostgreSQL $MAJOR" "apt-get install"
  sql "ALTER TABLE customer ADD note text"
  run_keel migrate validate --on-server -e production
  assert_error 1 "the schema has drifted"
  [ "$(pg_sql "$MAJOR" postgres "SELECT string_agg (datname, ' ' ORDER BY datname) FROM pg_database")" = \
    "postgres shop template0 template1" ]
  up 3 role "CREATE ROLE reach_far;"
  migrate
  run_keel migrate validate --on-server
  assert_error 3 "they change more than their database" "scratch cluster"
  assert_stderr "migrations/20250101000003_role.up.sql: CREATE ROLE reach_far"
  pg_sql "$MAJOR" postgres "DROP ROLE reach_far"
}

@test "files that would change the server of a publication are not replayed" {
  new_shop
  up 1 sub "CREATE SUBSCRIPTION away CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false, slot_name = NONE);"
  up 2 more "CREATE TABLE t (a integer);"
  migrate
  sql "ALTER SUBSCRIPTION away SET (synchronous_commit = local)"
  [ "$(drift)" = "different subscription away" ]
  # It says so before anything runs: nobody is there who could be asked.
  sed -i 's/connect = false, //' migrations/*_sub.up.sql
  run_keel migrate validate
  assert_error 3 "the files cannot be replayed: the server of a publication would be changed" "--files"
  assert_stderr "migrations/20250101000001_sub.up.sql: CREATE SUBSCRIPTION away"
  sql "DROP SUBSCRIPTION away"
}

@test "other layouts are replayed as they are" {
  local layout
  for layout in goose sqitch drizzle; do
    new_shop
    rmdir migrations
    cp -r "$REPOSITORY/tests/e2e/migrations/$layout/." .
    migrate
    assert_no_drift --on-server
    sql "CREATE TABLE by_hand (a integer)"
    [ "$(drift --on-server)" = "unexpected table public.by_hand" ]
  done
}

@test "histories of others: what was adopted, or declared as a baseline, is replayed too" {
  new_shop
  pg_sql "$MAJOR" postgres "DROP ROLE IF EXISTS other_tool; CREATE ROLE other_tool LOGIN"
  sql "GRANT CREATE ON SCHEMA public TO other_tool"
  up 0 grant "GRANT CREATE ON SCHEMA public TO other_tool;"
  shop
  # What another tool ran as its own user; who connects now is another one.
  sql "SET ROLE other_tool; $(cat migrations/*_shop.up.sql migrations/*_orders.up.sql)"
  run_keel migrate baseline --yes
  assert_status 0
  up 3 third "CREATE TABLE third (a integer);"
  migrate
  sql "ALTER FUNCTION twice OWNER TO postgres"
  [ "$(drift)" = "different function public.twice(a integer)" ]
  # Without the files that it stands for nobody can tell.
  rm migrations/*_grant.up.sql migrations/*_shop.up.sql migrations/*_orders.up.sql
  run_keel migrate validate
  assert_error 5 "the baseline “20250101000002” stands for a schema that is in no file" "pg_dump --schema-only"
  pg_sql "$MAJOR" postgres "DROP DATABASE shop"
  pg_sql "$MAJOR" postgres "DROP ROLE other_tool"
}

@test "Flyway: a baseline script stands for what is before it only where it ran" {
  new_shop
  rmdir migrations
  mkdir -p src/main/resources/db/migration
  echo "CREATE TABLE a (x integer);" > src/main/resources/db/migration/V1__a.sql
  echo "ALTER TABLE a ADD y integer;" > src/main/resources/db/migration/V2__y.sql
  echo "CREATE OR REPLACE VIEW w AS SELECT x FROM a;" > src/main/resources/db/migration/R__w.sql
  migrate
  echo "CREATE TABLE a (x integer, y integer);" > src/main/resources/db/migration/B2__all.sql
  echo "CREATE TABLE b (x integer);" > src/main/resources/db/migration/V3__b.sql
  migrate
  assert_no_drift --on-server
  assert_stdout "(4 replayed"
  pg_sql "$MAJOR" postgres "DROP DATABASE shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  migrate
  assert_no_drift --on-server
  assert_stdout "(3 replayed"
  # A repeatable file that changed is pending; what it will make differs until then.
  echo "CREATE OR REPLACE VIEW w AS SELECT x, y FROM a;" > src/main/resources/db/migration/R__w.sql
  run_keel migrate validate --on-server
  assert_status 1
  assert_stdout "files: 4 applied, 1 pending"
  assert_stdout "different: view public.w"
}

@test "migrations that another tool's commands run cannot be validated" {
  new_shop
  sed -i 's/^migrations: .*/migrations: {command: {up: "true"}}/' pgkeel.yaml
  run_keel migrate validate
  assert_error 5 "the migrations are programs of another tool" "migrate status"
}
