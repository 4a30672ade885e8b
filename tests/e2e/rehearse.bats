#!/usr/bin/env bats
# pgkeel migrate rehearse: what it measures, what it proves, and what `migrate up` wants of it.
# shellcheck disable=SC1111,SC2016 # real quotation marks in messages, dollar quotes in SQL

load helper

setup_file ()
{
  e2e_begin
  pg_start_all
}

teardown_file () { e2e_end; }

# A project whose production, a protected one, is the database DATABASE of server MAJOR.
shop_on ()
{
  MAJOR=$1
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop WITH (FORCE)"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  pg_sql "$MAJOR" shop "
    CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE purchase (id int PRIMARY KEY, customer int NOT NULL REFERENCES customer,
                           amount int NOT NULL, note text);
    INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, 1000) i;
    INSERT INTO purchase SELECT i, 1 + i % 1000, i, CASE WHEN i % 5 = 0 THEN 'note ' || i END
      FROM generate_series(1, 20000) i"
  project_new "project: shop
backup: {min_size: 1B}
environments:
  production: {url: \"$(pg_url "$MAJOR" shop)\", protected: true}"
  export LEDGER_ENV=production
  BACKUPS=$PROJECT/backups/production
  export TMPDIR=$PROJECT/tmp
  mkdir -m 777 "$TMPDIR"
  mkdir migrations
}

setup () { shop_on "$(pg_majors | head -n 1)"; }

teardown ()
{
  # Nothing of a scratch cluster is left, whatever happened.
  [ -z "$(find "$TMPDIR" -mindepth 1 -maxdepth 1)" ] || fail "left: $(ls -a "$TMPDIR")"
  unset TMPDIR
}

keel () { run_keel -e production "$@"; }

# migration VERSION NAME UP [DOWN]
migration ()
{
  printf '%s\n' "$3" > "migrations/$1_$2.up.sql"
  [ $# -lt 4 ] || printf '%s\n' "$4" > "migrations/$1_$2.down.sql"
}

back_up ()
{
  keel backup create --json
  assert_status 0
  BACKUP=$(jq -r .backup <<< "$output")
  KEPT=$BACKUPS/${BACKUP%.sql.gz}.rehearsal.json
}

rehearse ()
{
  keel migrate rehearse --json "$@"
}

measures ()
{
  back_up
  migration 20260101000000 widen \
    'ALTER TABLE purchase ALTER COLUMN amount TYPE bigint;
     UPDATE purchase SET amount = amount * 100 WHERE id <= 5000;
     ALTER TABLE purchase ADD COLUMN paid boolean NOT NULL DEFAULT false;' \
    'ALTER TABLE purchase DROP COLUMN paid;
     UPDATE purchase SET amount = amount / 100 WHERE id <= 5000;
     ALTER TABLE purchase ALTER COLUMN amount TYPE int;'
  migration 20260102000000 by_customer \
    'CREATE INDEX CONCURRENTLY purchase_customer ON purchase (customer);' \
    'DROP INDEX CONCURRENTLY purchase_customer;'
  rehearse --html "$PROJECT/page.html"
  assert_status 0
  assert_json '.passed and (.problems | length) == 0'
  # The rewrite: its lock, its WAL (20,000 rows of 40 bytes and more), its new file.
  assert_json '.migrations[0].up[0] | .tag == "ALTER TABLE" and .rewritten == ["public.purchase"]
    and (.locks[0] == {relation: "public.purchase", kind: "r", mode: "ACCESS EXCLUSIVE", new: false})
    and .wal_bytes > 800000 and .size_bytes > 800000 and .in_transaction and .seconds > 0
    and .rows == null and .rebuilt_indexes == ["public.purchase_pkey"]'
  # The update: rows by its tag and by the table's counters; it rewrites nothing.
  assert_json '.migrations[0].up[1] | .rows == 5000 and .rewritten == [] and .line == 2
    and .rows_by_table == [{table: "public.purchase", inserted: 0, updated: 5000, deleted: 0}]
    and .wal_bytes > 200000'
  # A default that the catalogue holds: no rewrite, and no lock that was not held already.
  assert_json '.migrations[0].up[2] | .rewritten == [] and .rows_by_table == [] and .wal_bytes < 100000'
  # The concurrent build: outside of a transaction, its lock seen while it ran.
  assert_json '.migrations[1].up[0] | .in_transaction == false and .samples > 0 and .rewritten == []
    and ([.locks[] | select(.relation == "public.purchase") | .mode] | first)
        == "SHARE UPDATE EXCLUSIVE"
    and (.locks | all(.relation != "public.purchase" or .mode != "ACCESS EXCLUSIVE"))'
  assert_json '.migrations[1].down[0] | .samples > 0
    and ([.locks[] | select(.relation == "public.purchase") | .mode]) == ["SHARE UPDATE EXCLUSIVE"]'
  # There and back again.
  assert_json '.way_back | .verdict == "proven" and .undone == 2 and .tables == 2
    and .tables_equal == 2 and .rows == 21000 and .differences == []'
  assert_json '.migrations | all(.undone and .again_seconds > 0 and .schema_changes == [])'
  assert_json '.constraints | .checked == 1 and .broken == []'
  assert_json '.invalid_indexes == []'
  # Kept beside the backup; the page needs nothing from elsewhere.
  [ "$(jq -S 'del(.path)' <<< "$output")" = "$(jq -S . "$KEPT")" ]
  grep -q 'ACCESS EXCLUSIVE on public.purchase' page.html
  grep -q '<span class="good">passed</span>' page.html
  [ "$(grep -cE '<script|src=|href=|@import|url\(' page.html)" -eq 0 ]
  # It goes with its backup.
  sed -i 's/min_size: 1B/min_size: 1B, keep: {db: 1s}/' pgkeel.yaml
  cp "$KEPT" "$BACKUPS/shop_db_backup_20200101_000000.rehearsal.json"
  cp "$BACKUPS/$BACKUP" "$BACKUPS/shop_db_backup_20200101_000000.sql.gz"
  keel backup prune --yes
  assert_status 0
  [ ! -e "$BACKUPS/shop_db_backup_20200101_000000.sql.gz" ]
  [ ! -e "$BACKUPS/shop_db_backup_20200101_000000.rehearsal.json" ]
  [ -e "$KEPT" ]
  # The database itself was left alone.
  [ "$(pg_sql "$MAJOR" shop "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgkeel'")" -eq 0 ]
}

@test "every statement is measured, and the way back proven" { measures; }

@test "the same on the other major version" {
  shop_on "$(pg_majors | tail -n 1)"
  measures
}

@test "a down that does not bring a column's values back is told by table and column" {
  back_up
  migration 20260101000000 forget_notes \
    'ALTER TABLE purchase DROP COLUMN note;' 'ALTER TABLE purchase ADD COLUMN note text;'
  keel migrate rehearse
  assert_status 0
  assert_stdout "way back: 1 of 1 undone, and NOT as before:"
  assert_stdout "data: column note of table public.purchase has lost values: 0 are left of 4,000"
  assert_stdout "ACCESS EXCLUSIVE on public.purchase"
  refute_stdout "table public.customer"
  output=$(cat "$KEPT")
  assert_json '.passed and .way_back.verdict == "loses" and .way_back.tables_equal == 1
    and .way_back.differences
        == ["data: column note of table public.purchase has lost values: 0 are left of 4,000"]'
}

@test "a down that defines something otherwise is told with what differs" {
  back_up
  migration 20260101000000 narrow 'ALTER TABLE purchase DROP COLUMN amount; DROP TABLE customer CASCADE;' \
    'ALTER TABLE purchase ADD COLUMN amount bigint; CREATE TABLE customer (id int, name text);
     INSERT INTO customer SELECT i, $$customer $$ || i FROM generate_series(1, 1000) i;'
  rehearse
  assert_status 0
  assert_json '.way_back.differences | any(startswith("schema: column public.purchase.amount is defined otherwise (- ")
    and contains("; + ") and contains("bigint"))'
  assert_json '.way_back.differences
    | any(. == "schema: constraint purchase_customer_fkey on public.purchase is missing" or
          (contains("purchase_customer_fkey") and endswith("is missing")))'
  assert_json '.way_back.differences
    | any(. == "data: column amount of table public.purchase has lost values: 0 are left of 20,000")'
  # The rows that were made anew are as they were.
  assert_json '[.way_back.differences[] | select(startswith("data: "))] | length == 1'
}

@test "a down that leaves something behind is told by object" {
  back_up
  migration 20260101000000 add_stock \
    'CREATE TABLE stock (id int PRIMARY KEY); DELETE FROM purchase WHERE id > 19990;' 'SELECT 1;'
  migration 20260102000000 add_view 'CREATE VIEW rich AS SELECT 1 AS one;' 'DROP VIEW rich;'
  rehearse
  assert_status 1
  assert_json '.way_back.verdict == "loses"
    and (.way_back.differences | any(. == "schema: table public.stock was not there before"))
    and (.way_back.differences
         | any(. == "data: table public.purchase has 19,990 rows instead of 20,000"))'
  assert_json '.migrations[0].schema_changes | length > 0'
  assert_json '.migrations[1].schema_changes == []'
  # So it cannot be applied a second time.
  assert_json '.failure.in == "up again" and .failure.sqlstate == "42P07"'
}

@test "a migration that fails: exit code 1, and nothing is left of the copy" {
  back_up
  migration 20260101000000 fine 'ALTER TABLE customer ADD COLUMN age int;'
  migration 20260102000000 unique_amounts 'INSERT INTO customer VALUES (5000, $$new$$);
CREATE UNIQUE INDEX ON purchase (customer);'
  rehearse
  assert_error 1 "the rehearsal failed: up: migrations/20260102000000_unique_amounts.up.sql:2: CREATE INDEX failed: could not create unique index"
  assert_json '.passed == false and .failure.file == "migrations/20260102000000_unique_amounts.up.sql"
    and .failure.line == 2 and .failure.sqlstate == "23505" and .way_back.verdict == "not tried"'
  assert_json '.migrations[1].up | .[0].rows == 1 and .[1].failed'
  [ "$(pg_sql "$MAJOR" shop 'SELECT count(*) FROM customer')" -eq 1000 ]
}

@test "rows that break a constraint which the server takes for valid are found" {
  back_up
  migration 20260101000000 orphans 'SET session_replication_role = replica;
    DELETE FROM customer WHERE id = 7;'
  migration 20260102000000 later 'ALTER TABLE customer ADD CHECK (id < 500) NOT VALID;'
  rehearse
  assert_error 1 "the rehearsal failed: the constraint "
  assert_json '.constraints | .checked == 2 and (.broken | length) == 2
    and (.not_valid | length) == 1'
  assert_json '.problems | any(contains("purchase_customer_fkey of public.purchase"))'
}

@test "what a trigger changes is counted by table" {
  pg_sql "$MAJOR" shop "
    CREATE TABLE log (id int);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO public.log VALUES (new.id); RETURN new; END';
    CREATE TRIGGER note AFTER INSERT ON customer FOR EACH ROW EXECUTE FUNCTION note()"
  back_up
  migration 20260101000000 more "SET lock_timeout = '1s';
INSERT INTO customer SELECT i, 'x' FROM generate_series(2001, 2010) i;
DO \$\$ BEGIN DELETE FROM purchase WHERE id <= 3; END \$\$;"
  rehearse
  assert_status 0
  assert_json '.migrations[0].up | .[1].rows == 10 and .[1].rows_by_table == [
      {table: "public.customer", inserted: 10, updated: 0, deleted: 0},
      {table: "public.log", inserted: 10, updated: 0, deleted: 0}]
    and .[2].rows_by_table == [{table: "public.purchase", inserted: 0, updated: 0, deleted: 3}]'
  assert_json '.way_back.verdict == "no down script"'
}

@test "statements that are committed one by one, or refuse transactions, show their locks" {
  pg_sql "$MAJOR" shop "
    CREATE TABLE part (id int) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (10);
    CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
    CREATE TYPE mood AS ENUM ('good')"
  back_up
  migration 20260101000000 one_by_one "-- pgkeel: no-transaction
ALTER TABLE customer ADD COLUMN age int;
TRUNCATE purchase;
CREATE TABLE fresh (id int PRIMARY KEY, html text DEFAULT '<script>alert(1)</script>&\"');
ALTER TYPE mood ADD VALUE 'better';
ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY;
REINDEX TABLE CONCURRENTLY customer;
VACUUM FULL customer;
DO \$\$ BEGIN UPDATE customer SET age = 1 WHERE id = 1; COMMIT; END \$\$;"
  rehearse --html page.html
  assert_status 0
  assert_json '[.migrations[0].up[] | .in_transaction]
    == [true, true, true, true, false, false, false, false]'
  assert_json '.migrations[0].up[0].locks
    == [{relation: "public.customer", kind: "r", mode: "ACCESS EXCLUSIVE", new: false}]'
  assert_json '.migrations[0].up[1] | .rewritten == ["public.purchase"]
    and .locks[0].mode == "ACCESS EXCLUSIVE"'
  assert_json '.migrations[0].up[2].locks | length > 0 and all(.new)'
  assert_json '.migrations[0].up[4].locks | any(.relation == "public.part" and .mode == "SHARE UPDATE EXCLUSIVE")
    and any(.relation == "public.part_1" and .mode == "ACCESS EXCLUSIVE")'
  assert_json '.migrations[0].up[5].locks | any(.relation == "public.customer" and .mode == "SHARE UPDATE EXCLUSIVE")'
  assert_json '.migrations[0].up[6].rewritten == ["public.customer"]'
  [ "$(grep -c '<script' page.html)" -eq 0 ]
  grep -q '&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;' page.html
}

@test "interrupted, it leaves nothing behind and keeps nothing" {
  back_up
  migration 20260101000000 slow 'SELECT pg_sleep(60);'
  "$PGKEEL" -e production migrate rehearse > out.txt 2> err.txt 3>&- &
  local pid=$!
  wait_for 60 grep -q "applying 20260101000000 slow" err.txt
  kill -INT "$pid"
  local code=0
  wait "$pid" || code=$?
  [ "$code" -eq 5 ] || fail "exit code $code: $(cat err.txt)"
  grep -q "interrupted" err.txt || fail "$(cat err.txt)"
  [ ! -e "$KEPT" ]
}

@test "a file's own transaction settings and batches are measured as they run" {
  back_up
  migration 20260101000000 careful 'BEGIN ISOLATION LEVEL SERIALIZABLE;
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
UPDATE customer SET name = name || $$!$$ WHERE id <= 10;
COMMIT;'
  migration 20260102000000 batches '-- pgkeel: batch
UPDATE purchase SET note = $$none$$ WHERE id IN
  (SELECT id FROM purchase WHERE note IS NULL LIMIT 8000);'
  migration 20260103000000 deferred 'ALTER TABLE purchase ADD CONSTRAINT late FOREIGN KEY (customer)
  REFERENCES customer DEFERRABLE INITIALLY DEFERRED NOT VALID;
CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END$$;
CREATE CONSTRAINT TRIGGER rest AFTER INSERT ON customer DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION rest();
INSERT INTO customer VALUES (5000, $$late$$);'
  migration 20260104000000 broken '-- pgkeel: no-transaction
SELECT 1;
ALTER TABLE purchase DROP CONSTRAINT purchase_customer_fkey;
UPDATE purchase SET customer = 0 WHERE id = 1;'
  rehearse --html page.html
  # What is checked, and what sleeps, at COMMIT is the time of COMMIT; its failure is found there.
  assert_error 1 "the rehearsal failed: up: migrations/20260104000000_broken.up.sql"
  assert_json '.migrations[2].up | (.[3] | .commit_seconds >= 0.05
                                          and (.commit_failed | not))
    and all(.[0:3][]; .commit_seconds == null)'
  assert_json '.migrations[2] | .up_seconds >= ([.up[].seconds] | add) + 0.05'
  assert_json '.migrations[3].up | length == 3 and (.[0].commit_failed | not) and .[0].commit_seconds != null
    and .[2].commit_failed and (.[2].failed | not)'
  [ "$(grep -c '<pre>COMMIT</pre>' page.html)" -ge 2 ]
  assert_json '.migrations[0].up | (map(select(.tag == "UPDATE")) | .[0].rows) == 10'
  assert_json '.migrations[1].up[0] | .rows == 16000 and .rounds == 3'
}

@test "up in a protected environment wants a rehearsal of exactly these files" {
  back_up
  migration 20260101000000 add_age \
    'ALTER TABLE customer ADD COLUMN age int;' 'ALTER TABLE customer DROP COLUMN age;'
  keel migrate up --dry-run
  assert_status 0
  assert_stderr "these migrations are not rehearsed: nothing was rehearsed yet"
  keel migrate up --yes
  assert_error 3 "these migrations are not rehearsed: nothing was rehearsed yet" \
    "Run “pgkeel migrate rehearse” first"
  rehearse
  assert_status 0
  # Another file than was rehearsed, be it the way back.
  cp migrations/20260101000000_add_age.down.sql kept.sql
  printf '%s\n' 'SELECT 1;' > migrations/20260101000000_add_age.down.sql
  keel migrate up --yes
  assert_error 3 "20260101000000_add_age.up.sql has changed since the rehearsal of "
  mv kept.sql migrations/20260101000000_add_age.down.sql
  migration 20260102000000 add_size 'ALTER TABLE customer ADD COLUMN size int;'
  keel migrate up --yes
  assert_error 3 "20260102000000_add_size.up.sql was not in the rehearsal of "
  [ "$(pg_sql "$MAJOR" shop "SELECT count(*) FROM pg_attribute
    WHERE attrelid = 'customer'::regclass AND attnum > 0")" -eq 2 ]
  # As far as it was rehearsed.
  keel migrate up --dry-run --to 20260101000000
  refute_stderr "not rehearsed"
  keel migrate up --yes --to 20260101000000
  assert_status 0
  assert_stderr "rehearsed "
  assert_stderr "on $BACKUP"
  # --no-rehearsal is confirmed by the database's name, which --yes does not say.
  keel migrate up --yes --no-rehearsal
  assert_error 3 "" "DB_MIGRATE_CONFIRM=1"
  DB_MIGRATE_CONFIRM=1 keel migrate up --yes --no-rehearsal
  assert_status 0
  [ "$(pg_sql "$MAJOR" shop "SELECT count(*) FROM pg_attribute
    WHERE attrelid = 'customer'::regclass AND attnum > 0")" -eq 4 ]
}

@test "a rehearsal that failed does not let up through, nor does one of another environment" {
  back_up
  migration 20260101000000 fails 'ALTER TABLE nosuch ADD COLUMN age int;'
  rehearse
  assert_status 1
  keel migrate up --yes
  assert_error 3 "are not rehearsed: the rehearsal of "
  migration 20260101000000 fails 'ALTER TABLE customer ADD COLUMN age int;'
  rehearse
  assert_status 0
  jq '.environment = "staging"' "$KEPT" > other.json
  mv other.json "$KEPT"
  keel migrate up --yes
  assert_error 3 "nothing was rehearsed yet for this environment"
}

@test "it runs as the role that runs migrations, and on a copy made just now" {
  pg_sql "$MAJOR" postgres "DROP ROLE IF EXISTS clerk"
  pg_sql "$MAJOR" postgres "CREATE ROLE clerk LOGIN"
  pg_sql "$MAJOR" shop "GRANT CREATE ON DATABASE shop TO clerk; ALTER TABLE customer OWNER TO clerk;
    GRANT SELECT ON purchase TO clerk"
  sed -i 's|//postgres@|//clerk@|' pgkeel.yaml
  migration 20260101000000 add_age 'ALTER TABLE customer ADD COLUMN age int;'
  rehearse --from-database
  assert_status 0
  assert_json '.role == "clerk" and .as_superuser == false and .backup.fresh_copy'
  assert_json ".path | endswith(\".pgkeel/production.rehearsal.json\")"
  [ ! -e "$BACKUPS" ]
  migration 20260101000001 role "CREATE ROLE other PASSWORD 'hidden by nobody';"
  rehearse --from-database --html page.html
  assert_error 1 "permission denied to create role"
  assert_json '.failure.sqlstate == "42501"'
  refute_stdout "hidden by nobody"
  assert_json '.migrations[1].up[0].text == "CREATE ROLE other PASSWORD  ..."'
  [ "$(grep -c "hidden by nobody" page.html)" -eq 0 ]
}

@test "nothing pending, no backup, options that contradict" {
  keel migrate rehearse
  assert_error 5 "there is no backup"
  keel migrate rehearse --from latest --from-database
  assert_error 2 "do not go together"
  back_up
  keel migrate rehearse
  assert_status 0
  assert_stdout "nothing is pending in “$BACKUP”"
  [ ! -e "$KEPT" ]
}
