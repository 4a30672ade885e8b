#!/usr/bin/env bats
# pgkeel restore --table: one table where it is missing, beside the one that is there, without what it
# refers to, and what is said of all that.
# shellcheck disable=SC2030,SC2031,SC2154 # set by helper.bash; each test is a subshell

load helper

schema_sql="
  CREATE FUNCTION touch () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := upper (NEW.note); RETURN NEW; END';
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL, note text,
    CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (id), CHECK (id > 0));
  CREATE INDEX orders_note ON orders (note);
  CREATE TRIGGER orders_touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch ();
  CREATE TABLE lines (order_id bigint CONSTRAINT lines_order REFERENCES orders (id), n int);
  CREATE VIEW busy AS SELECT customer, count(*) FROM orders GROUP BY 1;
  CREATE TABLE measures (day date, value int) PARTITION BY RANGE (day);
  CREATE TABLE measures_2024 PARTITION OF measures FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE measures_2025 PARTITION OF measures FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE INDEX measures_day ON measures (day);
  CREATE SCHEMA other; CREATE TABLE other.\"Odd Table\" (\"Odd, Column\" text, plain int);
  CREATE TABLE big (id int, filling text);
  GRANT SELECT ON orders TO clerk;
  INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series (1, 20) i;
  INSERT INTO orders (customer, note) SELECT i % 20 + 1, 'note ' || i FROM generate_series (1, 500) i;
  INSERT INTO lines SELECT i, 1 FROM generate_series (1, 500) i;
  INSERT INTO measures SELECT date '2024-01-01' + i, i FROM generate_series (0, 699) i;
  INSERT INTO other.\"Odd Table\" VALUES (E'tab\\tand \\\\ backslash', 1), (NULL, 2), ('', 3);
  INSERT INTO big SELECT i, md5 (i::text) || md5 ((-i)::text) FROM generate_series (1, 40000) i"

setup_file ()
{
  local major
  e2e_begin
  pg_start_all
  for major in $(pg_majors); do
    pg_sql "$major" postgres "CREATE ROLE clerk"
    pg_sql "$major" postgres "CREATE DATABASE origin"
    pg_sql "$major" origin "$schema_sql"
    project_new "project: shop
environments:
  development: {url: \"$(pg_url "$major" origin)\"}"
    "$PGKEEL" backup create --json > created.json 2> log || fail "$(cat log)"
    cp "$(jq -r .path created.json)" "$E2E_ROOT/$major.sql.gz"
  done
}

teardown_file () { e2e_end; }

setup () { on "$(pg_majors | head -n 1)"; }

# A copy of the database as it was backed up, on the server MAJOR, and its project.
on ()
{
  MAJOR=$1
  DB=shop_$BATS_TEST_NUMBER
  PGOPTIONS="-c client_min_messages=warning" sql postgres "DROP DATABASE IF EXISTS $DB"
  sql postgres "CREATE DATABASE $DB TEMPLATE origin"
  project_new "project: shop
environments:
  development: {url: \"$(pg_url "$MAJOR" "$DB")\"}"
  BACKUP=$E2E_ROOT/$MAJOR.sql.gz
}

sql () { pg_sql "$MAJOR" "$@"; }

databases () { sql postgres 'SELECT datname FROM pg_database ORDER BY 1'; }

tables () { sql "$DB" "SELECT c.oid::regclass FROM pg_class c WHERE relkind IN ('r', 'p', 'v') AND relnamespace >= 2200 AND relnamespace::regnamespace::text <> 'information_schema' ORDER BY 1"; }

# Definition and rows of TABLE in DATABASE.
table_of ()
{
  pg_tool "$MAJOR" pg_dump -d "$1" -t "$2" | sed '/^\\\(un\)\?restrict /d'
}

assert_same_table ()
{
  table_of origin "$1" > wanted
  table_of "$DB" "$1" > got
  diff wanted got || fail "$1 is not what it was"
}

@test "a table that is missing comes back whole, on every server" {
  local major
  for major in $(pg_majors); do
    on "$major"
    BEFORE=$(databases)
    sql "$DB" 'DROP TABLE orders CASCADE'
    run_keel restore "$BACKUP" --table orders
    assert_status 0
    assert_stdout "restored table public.orders in database $DB"
    assert_stdout '1 of 1 tables equal by count and digest, 500 rows'
    # What CASCADE took along is named: only the table was asked for.
    assert_stderr 'not restored with it: foreign key lines_order of public.lines, view public.busy'
    assert_same_table orders
    # The sequence goes on where it was, and the trigger works.
    [ "$(sql "$DB" "INSERT INTO orders (customer) VALUES (1) RETURNING id")" = 501 ]
    [ "$(sql "$DB" "UPDATE orders SET note = 'abc' WHERE id = 1 RETURNING note")" = ABC ]
    [ "$(databases)" = "$BEFORE" ] || fail "left behind: $(databases)"
    jq -r 'select(.action == "restore") | .phase' .pgkeel/audit.jsonl | paste -s -d ' ' | grep -qx 'intent done'
  done
}

@test "a table that is there stays as it is, the old rows come beside it, on every server" {
  local major beside
  for major in $(pg_majors); do
    on "$major"
    sql "$DB" "UPDATE orders SET note = 'spoilt'; DELETE FROM lines; DELETE FROM orders WHERE id > 400"
    table_of "$DB" orders > before
    tables > tables_before
    run_keel restore "$BACKUP" --table orders --json
    assert_status 0
    beside=$(jq -r .table <<< "$output")
    [[ $beside =~ ^public\.orders_restored_[0-9]{8}_[0-9]{6}$ ]] || fail "$beside"
    assert_json ".rows == 500 and .compared and .database == \"$DB\" and .kept == null"
    table_of "$DB" orders | diff before -
    tables | grep -v restored | diff tables_before -
    [ "$(sql "$DB" "SELECT count(*) FROM lines; SELECT count(*) FROM busy")" = "0
20" ]
    [ "$(sql "$DB" "SELECT count(*), min(note), max(id) FROM $beside")" = "500|note 1|500" ]
    # A person can take the rows over, and drop it.
    sql "$DB" "UPDATE orders o SET note = r.note FROM $beside r WHERE r.id = o.id; DROP TABLE $beside"
  done
}

@test "the plan says what stays as it is, changes nothing, and is what is done" {
  local planned dropped
  sql "$DB" 'CREATE VIEW slow AS SELECT id FROM orders'
  tables > before
  for dropped in '' 'DROP TABLE orders CASCADE' ; do
    [ -z "$dropped" ] || { sql "$DB" "DROP TABLE $(tables | grep orders_restored)"; sql "$DB" "$dropped"; tables > before; }
    run_keel restore "$BACKUP" --table orders --dry-run
    assert_status 0
    [ -n "$dropped" ] || assert_stdout 'that one stays as it is, and so do 2 views and 1 foreign key of another table'
    planned=$(sed -E 's/_[0-9]{8}_[0-9]{6}/_TIME/g' <<< "$output")
    tables | diff before -
    [ ! -e .pgkeel/audit.jsonl ] || [ -n "$dropped" ]
    run_keel restore "$BACKUP" --table orders
    assert_status 0
    [ "$(grep -oE '^[0-9]/[0-9] .*' <<< "$stderr" | sed -E 's/_[0-9]{8}_[0-9]{6}/_TIME/g')" = "$planned" ] ||
      { show_run; fail "planned: $planned"; }
  done
}

@test "columns that have changed since: the old ones come back beside" {
  local beside
  sql "$DB" 'ALTER TABLE other."Odd Table" DROP COLUMN "Odd, Column"; ALTER TABLE other."Odd Table" ADD late text'
  run_keel restore "$BACKUP" --table 'other.Odd Table' --dry-run
  assert_stdout 'with the columns that it has in the backup'
  run_keel restore "$BACKUP" --table 'other.Odd Table' --json
  assert_status 0
  beside=$(sql "$DB" "SELECT oid::regclass FROM pg_class WHERE relname ~ '^Odd Table_restored'")
  [ "$(sql "$DB" "SELECT * FROM $beside ORDER BY plain")" = $'tab\tand \\ backslash|1\n|2\n|3' ]
  [ "$(sql "$DB" "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'other.\"Odd Table\"'::regclass AND attnum > 0 AND NOT attisdropped")" = plain,late ]
  # With its keys and checks; of the same names in another order, each comes into its own.
  sql "$DB" 'ALTER TABLE customers RENAME name TO x; ALTER TABLE customers RENAME id TO name; ALTER TABLE customers RENAME x TO id'
  run_keel restore "$BACKUP" --table customers
  assert_status 0
  beside=$(tables | grep customers_restored)
  [ "$(sql "$DB" "SELECT id, name FROM $beside WHERE id = 7")" = '7|customer 7' ]
  [ "$(sql "$DB" "SELECT contype FROM pg_constraint WHERE conrelid = '$beside'::regclass AND contype = 'p'")" = p ]
  # A rule that the rows of then do not meet.
  sql "$DB" 'ALTER TABLE orders ADD CHECK (note IS NULL) NOT VALID'
  tables > before
  run_keel restore "$BACKUP" --table orders
  assert_status 5
  assert_stderr 'violates check constraint'
  assert_stderr '--to'
  tables | diff before -
}

@test "what it refers to is not there: the rows come back, and what was left out is told" {
  local major
  for major in $(pg_majors); do
    on "$major"
    sql postgres "CREATE DATABASE bare_$BATS_TEST_NUMBER"
    DB=bare_$BATS_TEST_NUMBER
    run_keel restore "$BACKUP" --to "$DB" --table orders
    assert_status 0
    assert_stdout '1 of 1 tables equal by count and digest, 500 rows'
    assert_stderr 'left out, as relation "public.customers" does not exist: ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_customer'
    assert_stderr 'left out, as function public.touch() does not exist: CREATE TRIGGER orders_touch'
    [ "$(sql "$DB" "SELECT count(*), max(note) FROM orders")" = '500|note 99' ]
    [ "$(sql "$DB" "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype IN ('p', 'f', 'c')")" = 'orders_id_check orders_pkey' ]
    [ "$(sql "$DB" "SELECT count(*) FROM pg_indexes WHERE indexname = 'orders_note'")" = 1 ]
    [ "$(sql "$DB" "SELECT has_table_privilege ('clerk', 'orders', 'select')")" = t ]

    # Rows that it refers to have gone since: the constraint holds for new ones.
    DB=shop_$BATS_TEST_NUMBER
    sql "$DB" 'DROP TABLE orders CASCADE; DELETE FROM customers WHERE id > 15'
    run_keel restore "$BACKUP" --table orders
    assert_status 0
    assert_stderr 'rows refer to others that are not there: ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_customer'
    assert_stderr 'VALIDATE CONSTRAINT'
    [ "$(sql "$DB" "SELECT convalidated FROM pg_constraint WHERE conname = 'orders_customer'")" = f ]
    run pg_sql "$MAJOR" "$DB" 'INSERT INTO orders (customer) VALUES (99)'
    [ "$status" -ne 0 ]
    sql "$DB" "INSERT INTO customers SELECT i, '' FROM generate_series (16, 20) i; ALTER TABLE orders VALIDATE CONSTRAINT orders_customer"
  done
}

@test "a partition comes back as one, or alone without its parent; the parent's rows are its partitions'" {
  local major
  for major in $(pg_majors); do
    on "$major"
    sql "$DB" 'DROP TABLE measures_2024'
    run_keel restore "$BACKUP" --table measures_2024
    assert_status 0
    assert_same_table measures_2024
    [ "$(sql "$DB" 'SELECT count(*) FROM measures')" = 700 ]
    sql "$DB" 'DROP TABLE measures'
    run_keel restore "$BACKUP" --table measures_2024
    assert_status 0
    assert_stderr 'left out, as relation "public.measures" does not exist: ALTER TABLE ONLY public.measures ATTACH PARTITION'
    [ "$(grep -c 'left out' <<< "$stderr")" -eq 1 ]
    [ "$(sql "$DB" 'SELECT count(*) FROM measures_2024')" = 366 ]
    run_keel restore "$BACKUP" --table measures
    assert_error 2 'public.measures is partitioned: its rows are in its partitions' 'Name its partitions'
    run_keel restore "$BACKUP" --table public.measures
    assert_error 2 'public.measures is partitioned'
  done
}

@test "a table or schema that is not there is one error" {
  tables > before
  run_keel restore "$BACKUP" --table no_such_table
  assert_error 2 'the backup holds no table “no_such_table”' 'backup show'
  run_keel restore "$BACKUP" --table ''
  assert_error 2 'the backup holds no table “”'
  run_keel restore "$BACKUP" --to no_such_database --table orders
  assert_error 2 'there is no database “no_such_database”' 'Create it first'
  run_keel restore "$BACKUP" --to postgres --table 'other.Odd Table'
  assert_error 5 'the database “postgres” has no schema “other”' 'CREATE SCHEMA "other";'
  # Renamed away, it still has the names of its sequence and keys.
  sql "$DB" 'ALTER TABLE orders RENAME TO orders_broken'
  tables > before
  run_keel restore "$BACKUP" --table orders
  assert_status 5
  assert_stderr 'orders_id_seq" already exists'
  assert_stderr 'hint: '
  tables | diff before -
  # Not a table.
  sql "$DB" 'CREATE SEQUENCE orders'
  run_keel restore "$BACKUP" --table orders
  assert_error 5 'public.orders is there already, and is no table' 'Rename it'
}

@test "a role that the server lacks is named, with how to make it; beside it is not needed" {
  sql postgres 'CREATE ROLE "Odd Role" LOGIN CREATEDB NOINHERIT'
  sql "$DB" 'CREATE TABLE extra AS SELECT 1 AS a; ALTER TABLE extra OWNER TO "Odd Role"'
  run_keel backup create --json
  assert_status 0
  BACKUP=$(jq -r .path <<< "$output")
  sql "$DB" 'ALTER TABLE extra OWNER TO postgres; DROP ROLE "Odd Role"'
  run_keel restore "$BACKUP" --table extra
  assert_status 0
  sql "$DB" 'DROP TABLE extra'
  BEFORE=$(databases)
  tables > before
  for mode in '' --dry-run; do
    # shellcheck disable=SC2086 # none or one word
    run_keel restore "$BACKUP" --table extra $mode
    assert_error 5 'the server lacks roles that the backup needs: Odd Role' 'CREATE ROLE "Odd Role" CREATEDB LOGIN NOINHERIT;'
    tables | diff before -
  done
  [ "$(databases)" = "$BEFORE" ]
}

# Settings of the database that pg_dump would take over into its text.
@test "the settings of the database and of PGOPTIONS do not bend the definition" {
  sql "$DB" "CREATE TABLE odd (a text DEFAULT E'back\\\\slash', b bytea DEFAULT '\\x01ff'::bytea,
    t timestamptz DEFAULT '2020-01-01 00:00:00+00', CHECK (t < '2030-01-01 12:00:00+00'));
    INSERT INTO odd DEFAULT VALUES;
    CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)"
  run_keel backup create --json
  assert_status 0
  BACKUP=$(jq -r .path <<< "$output")
  table_of "$DB" odd > wanted
  sql "$DB" "DROP TABLE odd; ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub"
  BEFORE=$(databases)
  sql postgres "ALTER ROLE postgres SET standard_conforming_strings = off; ALTER ROLE postgres SET bytea_output = escape;
    ALTER ROLE postgres SET timezone = 'Asia/Tokyo'; ALTER ROLE postgres SET datestyle = 'SQL, DMY'"
  PGOPTIONS='-c quote_all_identifiers=on -c search_path=other' run_keel restore "$BACKUP" --table odd
  sql postgres 'ALTER ROLE postgres RESET ALL'
  assert_status 0
  table_of "$DB" odd | diff wanted -
  [ "$(databases)" = "$BEFORE" ] || fail "left behind: $(databases)"
}

@test "of the file only the table's own parts are read" {
  local compressed
  # Where it is, so that its definition need not be read either.
  run_keel backup show "$BACKUP" --json
  compressed=$(jq '.table_list[] | select(.name == "big") | .compressed_bytes' <<< "$output")
  [ "$compressed" -gt 1000000 ] || fail "big has $compressed bytes: $output"
  run_keel restore "$BACKUP" --table big --json
  assert_status 0
  [ "$(jq .bytes_read <<< "$output")" -le $((compressed * 11 / 10)) ] || fail "$(jq .bytes_read <<< "$output") bytes for $compressed"
  sql "$DB" 'DROP TABLE big'
  run_keel restore "$BACKUP" --table big --json
  assert_status 0
  [ "$(jq .bytes_read <<< "$output")" -le $((compressed * 11 / 10)) ] || fail "$(jq .bytes_read <<< "$output") bytes for $compressed"
  [ "$(stat -c %s "$BACKUP")" -gt $((compressed + 10000)) ]
}

@test "a newer pg_dump than the server has is no hindrance" {
  local old new
  old=$(pg_majors | sort -n | head -n 1)
  new=$(pg_majors | sort -n | tail -n 1)
  [ "$old" -lt "$new" ]
  on_old_server "$old"
  sql "$DB" 'DROP TABLE orders CASCADE'
  mkdir tools
  ln -s "$(pg_bindir "$new")"/* tools/
  PGKEEL_PG_PATH=$PWD/tools run_keel restore "$BACKUP" --table orders
  assert_status 0
  [ "$(sql "$DB" 'SELECT count(*) FROM orders')" = 500 ]
}

on_old_server () { [ "$MAJOR" = "$1" ] || on "$1"; }

@test "interrupted, it leaves nothing" {
  local pid status=0
  sql "$DB" 'DROP TABLE big'
  BEFORE=$(databases)
  tables > before
  # A lock on the name's schema keeps it from ending.
  pg_tool "$MAJOR" psql -X -q -d "$DB" -c 'BEGIN; CREATE TABLE big (); SELECT pg_sleep(30)' > /dev/null 2>&1 3>&- &
  wait_for 10 sleeper_is_there
  "$PGKEEL" restore "$BACKUP" --table big > log 2>&1 3>&- &
  pid=$!
  wait_for 20 restore_waits
  kill -TERM "$pid"
  wait "$pid" || status=$?
  sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid()" > /dev/null
  [ "$status" -eq 5 ] || fail "exit code $status: $(cat log)"
  grep -q interrupted log || fail "$(cat log)"
  [ "$(databases)" = "$BEFORE" ] || fail "left behind: $(databases)"
  tables | diff before -
}

sleeper_is_there () { [ "$(sql "$DB" "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND state = 'active' AND wait_event = 'PgSleep'")" -eq 1 ]; }

restore_waits () { [ "$(sql "$DB" "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'pgkeel' AND wait_event_type = 'Lock'")" -ge 1 ]; }
