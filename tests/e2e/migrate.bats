#!/usr/bin/env bats
# Applying and undoing migrations: what runs, what is refused, what is said when it fails.
# shellcheck disable=SC1111,SC2016 # real quotation marks in messages; expanded later

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }

# An empty database “shop” of the major version $1 (default: the first), and a project for it.
new_shop ()
{
  MAJOR=${1:-$(pg_majors | head -n 1)}
  project_new "project: shop
backup: {min_size: 1B}
environments:
  development: {url: \"$(pg_url "$MAJOR" shop)\"}
  production: {url: \"$(pg_url "$MAJOR" shop)\", protected: true}"
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  mkdir migrations
}

setup () { new_shop; }

sql () { pg_sql "$MAJOR" shop "$1"; }

# up N NAME SQL, down N NAME SQL: the files of migration N.
up () { printf '%s\n' "$3" > "migrations/2025010100000$1_$2.up.sql"; }
down () { printf '%s\n' "$3" > "migrations/2025010100000$1_$2.down.sql"; }

two_tables ()
{
  up 1 customers 'CREATE TABLE customer (id int PRIMARY KEY, name text);'
  down 1 customers 'DROP TABLE customer;'
  up 2 orders 'CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customer);'
  down 2 orders 'DROP TABLE orders;'
}

migrate () { run_keel migrate up --yes "$@"; }

tables () { sql "SELECT string_agg (relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"; }

@test "up, status, history and down, on every major version" {
  local major
  for major in $(pg_majors); do
    new_shop "$major"
    migrate
    assert_status 0
    assert_stdout "nothing is pending"
    assert_stderr "there are no migration files"
    two_tables
    run_keel migrate status
    assert_status 0
    assert_stdout "0 applied, 2 pending"
    migrate
    assert_status 0
    assert_stdout "applied 2 of 2 migrations"
    assert_stderr "the database is empty: no backup is needed"
    [ "$(tables)" = "customer orders" ]
    run_keel migrate status --json
    assert_json '.applied == 2 and .pending == 0 and .layout == "pgkeel"'
    assert_json '[.migrations[] | select(.state == "applied" and .reversible)] | length == 2'
    migrate
    assert_status 0
    assert_stdout "nothing is pending"
    run_keel migrate down --yes
    assert_status 3
    DB_MIGRATE_CONFIRM=1 run_keel migrate down
    assert_status 0
    assert_stdout "undone 1 of 1 migrations"
    [ "$(tables)" = customer ]
    migrate
    run_keel migrate history --json
    assert_json '[.history[] | .state] == ["applied", "reverted", "applied"]'
    assert_json '.history[1].reverted != null and .history[2].backup != null'
    assert_json '[.history[].applied_from | test("@")] | all'
    assert_json '.history[2].schema_fingerprint | startswith("sha256:")'
  done
}

@test "a dry run shows the plan and changes nothing" {
  two_tables
  up 3 index 'CREATE INDEX CONCURRENTLY i ON orders (customer);'
  run_keel migrate up --dry-run
  assert_status 0
  assert_stdout "3/3 migrations/20250101000003_index.up.sql: 1 statement, 1 of them outside of a transaction"
  run_keel migrate up --dry-run --json
  assert_json '.dry_run and ([.pending[].version] | length == 3)'
  [ -z "$(tables)" ]
  [ "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgkeel'")" = 0 ]
}

@test "up asks; --to stops at a version" {
  two_tables
  run_keel migrate up
  assert_error 3 "there is no terminal to confirm on: this would apply 2 migrations" "give --yes"
  run_keel audit --json
  migrate --to 20250101000001
  assert_status 0
  [ "$(tables)" = customer ]
  migrate --to 1999
  assert_error 2 'there is no migration “1999”'
}

@test "every file begins in a session as new, whatever the one before set" {
  up 1 first 'SET search_path = pg_catalog; SET ROLE pg_monitor; CREATE TEMP TABLE t (); SET lock_timeout = 1;'
  up 2 second "CREATE TABLE t (id int);
DO \$\$ BEGIN ASSERT current_setting('lock_timeout') = '2s'; ASSERT current_user = 'postgres'; END \$\$;"
  migrate
  assert_status 0
  [ "$(tables)" = t ]
}

@test "COPY data, quotes, functions and comments run as psql would run them" {
  up 1 all "$(printf '%s\n' 'CREATE TABLE t (id int, body text); -- ; not here' \
    'COPY t FROM stdin;' '1	semi;colon' "2	quo'te" '\.' \
    'CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$;' \
    "INSERT INTO t VALUES (3, ';');" '/* the end; */')"
  migrate
  assert_status 0
  [ "$(sql 'SELECT string_agg (body, chr(44) ORDER BY id) FROM t')" = "semi;colon,quo'te,;" ]
  run_keel migrate history --json
  assert_json '.history[0].statement_total == 4'
}

@test "a file that was reformatted is unchanged, one that means something else is refused" {
  two_tables
  migrate
  printf -- '-- licence\r\ncreate table customer\r\n  (id int primary key,\r\n   name text)' \
    > migrations/20250101000001_customers.up.sql
  up 3 more 'CREATE TABLE more ();'
  run_keel migrate status --json
  assert_json '.changed == 0 and .migrations[0].state == "applied, reformatted since"'
  migrate
  assert_status 0
  run_keel migrate status --json
  assert_json '.migrations[0].state == "applied"'
  up 2 orders 'CREATE TABLE orders (id bigint PRIMARY KEY, customer int REFERENCES customer);'
  up 4 again 'CREATE TABLE again ();'
  run_keel migrate status
  assert_stdout "1 changed"
  migrate
  assert_error 3 "files of applied migrations mean something else now" "a new migration"
  assert_stderr "detail: migrations/20250101000002_orders.up.sql"
  [ "$(tables)" = "customer more orders" ]
}

@test "status says what is wrong with the files before it says that there is no server" {
  two_tables
  sed -i 's|postgresql://[^"]*|postgresql://127.0.0.1:1/shop|' pgkeel.yaml
  printf 'SELECT \xff' > migrations/20250101000001_customers.up.sql
  run_keel migrate status
  assert_error 2 ":1: the byte 0xff is no UTF-8" "Save the file as UTF-8."
}

@test "a way back that cannot be read is no matter to status, but to all who need it" {
  two_tables
  migrate
  assert_status 0
  printf 'DROP TABLE \xff' > migrations/20250101000001_customers.down.sql
  printf 'DROP TABLE {{ orders }}' > migrations/20250101000002_orders.down.sql
  run_keel migrate status
  assert_status 0
  assert_stdout "2 applied, 0 pending"
  [ -z "$stderr" ] || fail "it says: $stderr"
  local command
  for command in "status --json" validate up "down --steps=2" lint; do
    # shellcheck disable=SC2086 # words
    run_keel migrate $command
    assert_error 2 ":1: the byte 0xff is no UTF-8" "Save the file as UTF-8."
  done
  rm migrations/20250101000001_customers.down.sql
  run_keel migrate validate
  assert_stderr "cannot be run: a template's {{ on line 1"
  run_keel migrate status --json
  assert_json '[.migrations[].reversible] == [false, false]'
  printf 'SELECT 2;' > migrations/20250101000001_customers.up.sql
  run_keel migrate status
  assert_stdout "1 changed"
}

@test "late files are refused, or applied when that is allowed; missing files are told" {
  two_tables
  migrate
  up 0 late 'CREATE TABLE late ();'
  run_keel migrate status --json
  assert_json '.late == 1 and .migrations[0].state == "late"'
  migrate
  assert_error 3 "there are late migrations" "--allow-out-of-order"
  migrate --allow-out-of-order
  assert_status 0
  [ "$(tables)" = "customer late orders" ]
  rm migrations/20250101000002_*
  up 3 more 'CREATE TABLE more ();'
  down 3 more 'DROP TABLE more;'
  migrate
  assert_status 0
  assert_stderr "20250101000002 orders was applied, but its file is missing"
  run_keel migrate status --json
  assert_json '.missing == 1'
  DB_MIGRATE_CONFIRM=1 run_keel migrate down --to 20250101000001
  assert_error 3 "cannot be undone: its file is missing"
}

@test "a failure in a transaction leaves nothing, and says where, why and what is now" {
  up 1 fine 'CREATE TABLE fine ();'
  up 2 bad "CREATE TABLE bad (id int);

ALTER TABLE bad
  ADD COLUMN a int,
  ADD COLUMN b nosuch;"
  migrate
  assert_error 5 "migrations/20250101000002_bad.up.sql:5: ALTER TABLE failed: type \"nosuch\" does not exist" \
    "an earlier migration has to make it"
  assert_stderr "detail: statement 2 of 2: ALTER TABLE bad ADD COLUMN a int, ADD COLUMN b nosuch"
  assert_stderr "detail: SQLSTATE 42704"
  assert_stderr "detail: now: nothing of this file is in the database"
  assert_stdout "applied 1 of 2 migrations"
  [ "$(tables)" = fine ]
  run_keel migrate status
  assert_stdout 'failed: type "nosuch" does not exist'
  run_keel migrate up --yes --json
  assert_status 5
  assert_json '.failure.line == 5 and .failure.sqlstate == "42704" and .failure.statement == 2'
  assert_json '.applied == [] and .error.kind == "server" and (.failure.state | test("nothing"))'
  up 2 bad 'CREATE TABLE good (id int);'
  migrate
  assert_status 0
  [ "$(tables)" = "fine good" ]
}

@test "a constraint that fails at commit is a failure of the file" {
  up 1 deferred 'CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
INSERT INTO c VALUES (7);'
  migrate
  assert_error 5 "COMMIT failed: insert or update on table \"c\" violates foreign key constraint" "not there"
  [ -z "$(tables)" ]
}

@test "each kind of failure has a hint of ours" {
  local code sql hint
  up 1 base "CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a'), (1, NULL);
CREATE TABLE p (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t; CREATE TYPE mood AS ENUM ('ok');"
  migrate
  assert_status 0
  while IFS='|' read -r code sql hint; do
    up 2 bad "$sql"
    migrate --no-backup
    assert_error 5 "" "$hint"
    assert_stderr "SQLSTATE $code"
  done <<'E'
23505|CREATE UNIQUE INDEX u ON t (id);|share a key
23505|INSERT INTO p VALUES (1), (1);|ON CONFLICT
42804|ALTER TABLE t ALTER name TYPE int;|USING
22P02|ALTER TABLE t ALTER name TYPE int USING name::int;|does not fit the new type
2BP01|DROP TABLE t;|CASCADE
0A000|ALTER TABLE t ALTER id TYPE bigint;|drop the view
42710|CREATE TYPE mood AS ENUM ('x');|there already
42710|ALTER TYPE mood ADD VALUE 'ok';|IF NOT EXISTS
23503|ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES p;|NOT VALID
23502|ALTER TABLE t ALTER name SET NOT NULL;|empty values
23514|ALTER TABLE t ADD CHECK (id > 1);|NOT VALID
42P07|CREATE TABLE t ();|made by hand
42701|ALTER TABLE t ADD id int;|there already
42P01|DROP TABLE nosuch;|not there
42703|ALTER TABLE t DROP nosuch;|not there
42601|CREATE TABEL x ();|cannot read
E
}

@test "statements that cannot run in a transaction run alone; a failed index is removed, and built again" {
  up 1 base "CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a'), (1, 'b');"
  up 2 index 'ALTER TABLE t ADD COLUMN x int;
CREATE UNIQUE INDEX CONCURRENTLY u ON t (id);
VACUUM t;
ALTER TABLE t ADD COLUMN y int;'
  migrate
  assert_error 5 ":2: CREATE INDEX failed: could not create unique index \"u\"" "share a key"
  assert_stderr "now: statement 1 of 4 of this file is committed; the same command goes on with statement 2, line 2"
  [ "$(sql "SELECT count(*) FROM pg_index WHERE NOT indisvalid")" = 0 ]
  run_keel migrate status
  assert_stdout "stopped after statement 1 of 4"
  run_keel migrate down
  assert_error 3 "a migration stopped half way" "migrate up"
  sql "DELETE FROM t WHERE name = 'b'"
  migrate
  assert_status 0
  [ "$(sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'u'::regclass")" = t ]
  [ "$(sql "SELECT string_agg (attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0")" = "id name x y" ]
}

@test "the statements that are done must not change; what follows may be corrected" {
  up 1 halves '-- pgkeel: no-transaction
CREATE TABLE a ();
CREATE TABLE b (id nosuch);'
  migrate
  assert_status 5
  [ "$(tables)" = a ]
  up 1 halves '-- pgkeel: no-transaction
CREATE TABLE other ();
CREATE TABLE b (id int);'
  migrate
  assert_error 3 "what it begins with is in the database (1 of its statements) and has changed since" "Bring back"
  up 1 halves '-- pgkeel: no-transaction
create table a ( ) ; -- as it was
CREATE TABLE b (id int);'
  migrate
  assert_status 0
  [ "$(tables)" = "a b" ]
  run_keel migrate status --json
  assert_json '.migrations[0].state == "applied"'
}

@test "IF NOT EXISTS does not take an invalid index for one" {
  up 1 base "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1);"
  migrate
  run pg_sql "$MAJOR" shop "CREATE UNIQUE INDEX CONCURRENTLY i ON t (id)"
  [ "$(sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")" = f ]
  up 2 index 'CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);'
  migrate
  assert_status 0
  assert_stderr "dropping the index public.i, which a failed attempt left invalid"
  [ "$(sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")" = t ]
}

@test "leftovers of REINDEX CONCURRENTLY go" {
  up 1 base "CREATE TABLE t (id int); CREATE UNIQUE INDEX i ON t (id);"
  migrate
  sql "SET allow_system_table_mods = on; CREATE INDEX i_ccnew ON t (id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i_ccnew'::regclass"
  up 2 reindex 'REINDEX INDEX CONCURRENTLY i;'
  migrate
  assert_status 0
  [ "$(sql "SELECT count(*) FROM pg_class WHERE relname ~ 'cc(new|old)'")" = 0 ]
}

@test "a value of an enum can be used in the file that adds it" {
  up 1 base "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (m mood);"
  up 2 value "INSERT INTO t VALUES ('sad');
ALTER TYPE mood ADD VALUE 'happy';
INSERT INTO t VALUES ('happy');"
  migrate
  assert_status 0
  [ "$(sql 'SELECT string_agg (m::text, chr(44) ORDER BY m) FROM t')" = "sad,happy" ]
}

@test "a batch runs until it changes no row, and commits each round" {
  up 1 base "CREATE TABLE t AS SELECT g AS id, false AS done FROM generate_series(1, 1000) g; CREATE TABLE rounds (x xid8);"
  up 2 batch "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO rounds VALUES (pg_current_xact_id()); RETURN NULL; END \$\$;
CREATE TRIGGER n AFTER UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION note();
-- pgkeel: batch pause 1ms
UPDATE t SET done = true WHERE id IN (SELECT id FROM t WHERE NOT done LIMIT 300);
DROP TRIGGER n ON t;"
  migrate
  assert_status 0
  [ "$(sql 'SELECT count(*) FROM t WHERE NOT done')" = 0 ]
  [ "$(sql 'SELECT count(DISTINCT x) FROM rounds')" = 5 ]
  up 3 wrong '-- pgkeel: batch soon
UPDATE t SET done = true;'
  migrate
  assert_error 5 ':2: the mark “-- pgkeel: batch soon” is not understood'
}

@test "a file's own transactions are respected" {
  up 1 blocks 'BEGIN;
CREATE TABLE a ();
COMMIT;
BEGIN;
CREATE TABLE b ();
SAVEPOINT s;
CREATE TABLE c ();
ROLLBACK TO SAVEPOINT s;
COMMIT;
BEGIN; CREATE TABLE d (); ROLLBACK;
CREATE TABLE e ();'
  migrate
  assert_status 0
  [ "$(tables)" = "a b e" ]
  up 2 procedure 'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE f (); COMMIT; CREATE TABLE g (); END $$;
CALL p();'
  migrate
  assert_status 0
  [ "$(tables)" = "a b e f g" ]
}

@test "down says what is lost, tables, columns and rows, and loses nothing when it is not confirmed" {
  up 1 base "CREATE TABLE t (id int, name text); INSERT INTO t SELECT g, CASE WHEN g <= 3 THEN 'x' END FROM generate_series(1, 10) g;
CREATE TABLE part (id int) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100); INSERT INTO part SELECT generate_series(1, 20);
CREATE TABLE other AS SELECT generate_series(1, 7) AS id; CREATE VIEW v AS SELECT name FROM t;"
  down 1 base "ALTER TABLE t DROP COLUMN name CASCADE; DROP TABLE part; DO \$\$ BEGIN DELETE FROM t WHERE id > 8; END \$\$;
UPDATE t SET id = 0 WHERE id = 1; TRUNCATE other;"
  migrate
  run_keel migrate down
  assert_error 3 "losing the data named above" "DB_MIGRATE_CONFIRM=1"
  assert_stderr "this loses column name of table public.t, which has a value in 3 rows"
  assert_stderr "this loses table public.part_1 with 20 rows"
  assert_stderr "this loses 2 rows of table public.t"
  assert_stderr "this loses the old values of 1 row of table public.t"
  assert_stderr "this loses 7 rows of table public.other"
  [ "$(sql 'SELECT count(name) FROM t')" = 3 ]
  run_keel migrate down --dry-run --json
  assert_status 0
  assert_json '.losses | length == 5'
  assert_json '.losses[] | select(.column == "name") | .rows == 3 and .kind == "dropped"'
  [ "$(tables)" = "other part_1 t" ]
}

@test "down undoes several, the last first, and refuses what cannot be undone" {
  two_tables
  up 3 forever 'CREATE TABLE forever ();'
  migrate
  DB_MIGRATE_CONFIRM=1 run_keel migrate down
  assert_error 3 'migration “20250101000003 forever” is irreversible: it has no down script' "restore a backup"
  down 3 forever 'DROP TABLE forever;'
  DB_MIGRATE_CONFIRM=1 run_keel migrate down --steps 2 --json
  assert_status 0
  assert_json '.undone == ["20250101000003 forever", "20250101000002 orders"]'
  [ "$(tables)" = customer ]
  migrate
  DB_MIGRATE_CONFIRM=1 run_keel migrate down --to 20250101000001
  assert_status 0
  [ "$(tables)" = customer ]
  run_keel migrate down --steps 1 --to 20250101000001
  assert_status 2
}

@test "a backup comes first, and the history names it" {
  two_tables
  migrate --to 20250101000001
  sql "INSERT INTO customer VALUES (1, 'Ann')"
  migrate
  assert_status 0
  run_keel migrate history --json
  assert_json '.history[0].backup == null'
  local backup
  backup=$(jq -r '.history[1].backup' <<< "$output")
  run_keel backup show "$backup" --json
  assert_status 0
  up 3 more 'CREATE TABLE more ();'
  migrate --no-backup
  run_keel migrate history --json
  assert_json '.history[2].backup == null'
  [ "$(find backups -name '*.sql.gz' | wc -l)" = 1 ]
}

@test "nothing runs when the backup fails" {
  two_tables
  migrate --to 20250101000001
  echo not a folder > backups
  migrate
  assert_status 5
  assert_stderr "the backup before the migrations"
  [ "$(tables)" = customer ]
}

@test "production is refused without its authorisation, a wrong stamp anywhere" {
  two_tables
  LEDGER_ENV=development run_keel -e production migrate up --yes
  assert_status 3
  LEDGER_ENV=production run_keel -e production migrate up --yes
  assert_status 0
  LEDGER_ENV=production run_keel -e production migrate down --yes
  assert_error 3 "protected against undoing migrations" "DB_MIGRATE_ALLOW_PRODUCTION=1"
  run_keel audit log --json
  assert_json '[.entries[] | select(.action == "migrate down" and .phase == "refused")] | length == 1'
  assert_json '[.entries[] | select(.action == "migrate up" and .phase == "done" and .done == 2)] | length == 1'
  run_keel env stamp --yes
  assert_status 0
  LEDGER_ENV=production run_keel -e production migrate up --yes
  assert_status 3
}

@test "a constraint that was not validated is told, once" {
  up 1 left 'CREATE TABLE t (id int); ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;'
  migrate
  assert_status 0
  assert_stderr "the constraint positive on public.t is NOT VALID"
  up 2 more 'CREATE TABLE more ();'
  run_keel migrate up --yes --json
  assert_json '.not_validated == []'
}

lock_is_held () { [ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")" = 1 ]; }

@test "the lock is held by one; who waits too long is told by whom" {
  two_tables
  mkfifo holder
  pg_tool "$MAJOR" psql -X -q -A -t -d shop < holder > /dev/null 3>&- &
  local pid=$!
  exec 7> holder
  echo "SELECT pg_advisory_lock (8100679841041181031);" >&7
  wait_for 10 lock_is_held
  migrate --lock-wait 1
  assert_error 6 "another run of migrations holds the lock: session" "--lock-wait"
  assert_stderr "waiting for another run of migrations"
  [ -z "$(tables)" ]
  exec 7>&-
  wait "$pid"
  migrate
  assert_status 0
}

@test "the schema's fingerprint does not know what pgkeel keeps for itself" {
  local first
  two_tables
  run_keel migrate up --yes --json
  first=$(jq -r .schema_fingerprint <<< "$output")
  run_keel env stamp --yes
  assert_status 0
  up 3 nothing 'SELECT 1;'
  run_keel migrate up --yes --json
  assert_json ".schema_fingerprint == \"$first\""
  up 4 more 'CREATE TABLE more ();'
  run_keel migrate up --yes --json
  assert_json ".schema_fingerprint != \"$first\""
}

@test "a way back in pieces goes on where it stopped" {
  up 1 base "CREATE TABLE t (id int, name text); CREATE INDEX i ON t (id);"
  down 1 base 'DROP INDEX CONCURRENTLY i; DROP TABLE nosuch; DROP TABLE t;'
  migrate
  DB_MIGRATE_CONFIRM=1 run_keel migrate down
  assert_error 5 "migrations/20250101000001_base.down.sql:1: DROP TABLE failed: table \"nosuch\" does not exist"
  assert_stderr "now: statement 1 of 3 of this file is committed"
  run_keel migrate status
  assert_stdout "half undone"
  migrate
  assert_error 3 "a down migration stopped half way" "migrate down"
  down 1 base 'DROP INDEX CONCURRENTLY i; DROP TABLE t;'
  DB_MIGRATE_CONFIRM=1 run_keel migrate down
  assert_status 0
  [ -z "$(tables)" ]
  run_keel migrate status --json
  assert_json '.pending == 1 and .applied == 0'
}

@test "a partition is detached concurrently, also when an earlier try stopped half way" {
  local pid
  up 1 base "CREATE TABLE t (id int) PARTITION BY RANGE (id); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10);
CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (10) TO (20);"
  up 2 detach 'ALTER TABLE t DETACH PARTITION t_1 CONCURRENTLY; ALTER TABLE t DETACH PARTITION t_2 CONCURRENTLY;'
  migrate --to 20250101000001
  # Its second half waits for this reader, and is given up there.
  pg_tool "$MAJOR" psql -X -q -d shop -c "BEGIN; SELECT * FROM t" -c "SELECT pg_sleep (2)" > /dev/null 3>&- &
  pid=$!
  wait_for 5 reader_is_there
  PGOPTIONS="-c statement_timeout=300" run pg_sql "$MAJOR" shop "ALTER TABLE t DETACH PARTITION t_1 CONCURRENTLY"
  [ "$(sql 'SELECT count(*) FROM pg_inherits WHERE inhdetachpending')" = 1 ]
  wait "$pid"
  migrate
  assert_status 0
  assert_stderr "finishing the detaching of public.t_1, which stopped half way"
  [ "$(sql 'SELECT count(*) FROM pg_inherits')" = 0 ]
  [ "$(tables)" = "t_1 t_2" ]
}
reader_is_there () { [ "$(sql "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND mode = 'AccessShareLock' AND pid <> pg_backend_pid ()")" = 1 ]; }

@test "a signal stops it in order, and the next run goes on" {
  local pid status=0
  up 1 long '-- pgkeel: no-transaction
CREATE TABLE a ();
SELECT pg_sleep (30);
CREATE TABLE b ();'
  "$PGKEEL" migrate up --yes > out 2> err 3>&- &
  pid=$!
  wait_for 20 first_is_there
  kill -TERM "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 5 ] || fail "exit code $status: $(cat err)"
  grep -q 'statement 1 of 3 of this file is committed' err || fail "$(cat err)"
  [ "$(sql "SELECT state FROM pgkeel.migration")" = failed ]
  [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid ()")" = 0 ]
  up 1 long '-- pgkeel: no-transaction
CREATE TABLE a ();
CREATE TABLE b ();'
  migrate
  assert_status 0
  [ "$(tables)" = "a b" ]
}
first_is_there () { [ "$(sql "SELECT count(*) FROM pg_class WHERE relname = 'a'")" = 1 ]; }

@test "a role that may not is told so" {
  two_tables
  sql "DROP ROLE IF EXISTS deployer; CREATE ROLE deployer LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
  printf '%s\n' 'project: shop' 'environments:' "  development: {url: \"$(pg_url "$MAJOR" shop deployer)\"}" > pgkeel.yaml
  migrate
  assert_error 5 "creating the table pgkeel.migration: permission denied for database shop" "owner"
  sql "GRANT CREATE ON DATABASE shop TO deployer"
  migrate
  assert_error 5 "CREATE TABLE failed: permission denied for schema public" "lacks a privilege"
  assert_stderr "SQLSTATE 42501"
  sql "GRANT CREATE ON SCHEMA public TO deployer"
  migrate
  assert_status 0
}

@test "a procedure that commits by itself is announced, and told when it runs again after a kill" {
  up 1 procedure "CREATE TABLE seen (id int); CREATE TABLE go (id int);
    CREATE PROCEDURE work() LANGUAGE plpgsql AS \$\$
    BEGIN
      INSERT INTO public.seen VALUES (1);
      COMMIT;
      WHILE NOT EXISTS (SELECT FROM public.go) LOOP PERFORM pg_sleep(0.05); COMMIT; END LOOP;
    END \$\$;"
  migrate
  assert_status 0
  refute_stderr "may commit a part of its work"
  printf '%s\n' '-- pgkeel: no-transaction' 'SELECT 1;' 'CALL work();' > migrations/20250101000002_call.up.sql
  run_keel migrate up --dry-run
  assert_stdout "2 statements, each committed by itself; what begins on line 3 may commit a part of its work"
  "$PGKEEL" migrate up --yes --no-backup > out 2> err 3>&- &
  local pid=$!
  wait_for 30 eval '[ "$(sql "SELECT count(*) FROM seen")" -eq 1 ]'
  kill -KILL "$pid"
  wait "$pid" || true
  sql 'INSERT INTO go VALUES (1)'
  migrate --no-backup
  assert_status 0
  assert_stderr "going on with statement 2 of 2"
  assert_stderr "20250101000002_call.up.sql:3: an earlier run was interrupted in this CALL, which may have committed a part of its work"
  [ "$(sql 'SELECT count(*) FROM seen')" -eq 2 ]
}
