#!/usr/bin/env bats
# Migrations among others: fifty deployers at once, readers that hold locks, applications that must not
# wait, poolers.

load helper

setup_file ()
{
  e2e_begin
  MAJOR=$(pg_major_of "$(pg_bindirs | head -n 1)")
  export MAJOR
  pg_start "$MAJOR" "$(pg_bindirs | head -n 1)" "max_connections = 150" "shared_buffers = 64MB"
}
teardown_file () { e2e_end; }

# The sanitized program is too large to run fifty times at once.
use_release () { PGKEEL=${PGKEEL_RELEASE:-$PGKEEL}; }

setup ()
{
  project_new "project: shop
migrations: {lock_timeout: 1s}
environments:
  development: {url: \"$(pg_url "$MAJOR" shop)\"}"
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  mkdir migrations
  sql "CREATE TABLE customer (id int PRIMARY KEY, name text, mail text);
       INSERT INTO customer SELECT g, 'name ' || g, 'mail' FROM generate_series(1, 2000) g;
       CREATE TABLE runs (version text)"
}

# A test that failed may have left its pooler.
teardown () { [ -z "${POOLER:-}" ] || [ ! -e "$POOLER/pid" ] || kill -INT "$(cat "$POOLER/pid")"; }

sql () { pg_sql "$MAJOR" shop "$1"; }
up () { printf '%s\n' "$3" > "migrations/2025010100000$1_$2.up.sql"; }

@test "fifty deployers at once, with concurrent index builds: each migration exactly once" {
  local i pids=() failed=0
  use_release
  for i in 1 3 5; do
    up "$i" table "CREATE TABLE t$i (id int); INSERT INTO runs VALUES ('$i');"
    up "$((i + 1))" index "INSERT INTO runs VALUES ('$((i + 1))'); CREATE INDEX CONCURRENTLY i$i ON customer (name); CREATE INDEX CONCURRENTLY j$i ON customer (mail);"
  done
  for i in $(seq 50); do
    timeout 100 "$PGKEEL" migrate up --yes --no-backup > "out.$i" 2> "err.$i" 3>&- &
    pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i" || failed=$((failed + 1)); done
  [ "$failed" -eq 0 ] || { grep -h '^pgkeel:' err.*; fail "$failed of 50 failed"; }
  [ "$(sql "SELECT string_agg (version, '' ORDER BY version) FROM runs")" = 123456 ]
  [ "$(sql "SELECT count(*) FROM pgkeel.migration WHERE state = 'applied'")" = 6 ]
  [ "$(sql "SELECT count(*) FROM pgkeel.migration")" = 6 ]
  [ "$(sql "SELECT count(*) FROM pg_index WHERE NOT indisvalid")" = 0 ]
  [ "$(grep -l 'nothing is pending' out.* | wc -l)" = 49 ]
}

# A session whose lines are written to descriptor 7, and whose answers go to $PROJECT/reader.
reader_start ()
{
  mkfifo reader.in
  pg_tool "$MAJOR" psql -X -q -A -t -d shop < reader.in > reader.out 3>&- &
  READER=$!
  exec 7> reader.in
  echo "BEGIN; SELECT count(*) FROM customer;" >&7
  wait_for 10 test -s reader.out
}

reader_end ()
{
  echo "COMMIT; SELECT extract (epoch FROM clock_timestamp ());" >&7
  exec 7>&-
  wait "$READER"
  RELEASED=$(tail -n 1 reader.out)
}

# An application that reads table $1 again and again, $2 times, and notes how long each query took (ms).
app_start ()
{
  { printf '%s\n' '\timing on'
    yes "SELECT count(*) FROM $1 WHERE id = 7; SELECT pg_sleep (0.02) \\g /dev/null" | head -n "$2"; } > app.sql
  pg_tool "$MAJOR" psql -X -q -A -t -d shop -f app.sql > app.out 2> app.err 3>&- &
  APP=$!
}

longest_wait_ms () { sed -n 's/^Time: \([0-9]*\).*/\1/p' app.out | sort -n | tail -n 1; }

keel_start ()
{
  "$PGKEEL" migrate up --yes --no-backup > out 2> err 3>&- &
  KEEL=$!
}

seconds_after_release ()
{
  sql "SELECT round (extract (epoch FROM finished) - $RELEASED, 2) FROM pgkeel.migration ORDER BY id DESC LIMIT 1"
}

@test "while a reader holds the table, applications do not wait for the migration, which lands when it is free" {
  up 1 column 'ALTER TABLE customer ADD COLUMN x int;'
  reader_start
  app_start customer 250
  keel_start
  sleep 4
  kill -0 "$KEEL" || fail "it did not wait: $(cat err)"
  reader_end
  wait "$KEEL" || fail "$(cat err)"
  wait "$APP"
  grep -q 'gave way to sessions that queued behind it' err
  echo "longest wait: $(longest_wait_ms) ms, landed $(seconds_after_release) s after the release"
  # lock_timeout is 1 s here; it gives way long before.
  [ "$(longest_wait_ms)" -le 1050 ]
  [ "$(sql "SELECT $(seconds_after_release) BETWEEN 0 AND 1")" = t ]
  [ ! -s app.err ]
}

@test "what a transaction holds already is given up too, when others wait for it" {
  sql 'CREATE TABLE other (id int)'
  up 1 two 'ALTER TABLE other ADD COLUMN x int; ALTER TABLE customer ADD COLUMN x int;'
  reader_start
  keel_start
  app_start other 100
  wait "$APP"
  kill -0 "$KEEL" || fail "it did not wait: $(cat err)"
  reader_end
  wait "$KEEL" || fail "$(cat err)"
  [ "$(longest_wait_ms)" -le 1050 ]
  [ "$(sql "SELECT count(*) FROM pg_attribute WHERE attname = 'x'")" = 2 ]
}

@test "a table that never rests is changed all the same" {
  local i apps=()
  up 1 column 'ALTER TABLE customer ADD COLUMN x int;'
  yes 'SELECT pg_sleep (0.3) FROM customer WHERE id = 1 \g /dev/null' | head -n 30 > app.sql
  for i in 1 2 3 4; do
    pg_tool "$MAJOR" psql -X -q -d shop -f app.sql > /dev/null 2>> app.err 3>&- &
    apps+=($!)
    sleep 0.07
  done
  run_keel migrate up --yes --no-backup
  assert_status 0
  for i in "${apps[@]}"; do kill -0 "$i" || fail "the applications were done before"; done
  wait "${apps[@]}"
  [ ! -s app.err ]
}

@test "it gives up after the time it may wait, and says who was in the way" {
  up 1 column 'CREATE TABLE made (); ALTER TABLE customer ADD COLUMN x int;'
  reader_start
  run_keel migrate up --yes --no-backup --lock-wait 3
  assert_error 5 "ALTER TABLE failed: canceling statement due to lock timeout" "pg_stat_activity"
  assert_stderr "the lock was held by session"
  assert_stderr "idle in transaction"
  assert_stderr "now: nothing of this file is in the database"
  reader_end
  [ "$(sql "SELECT count(*) FROM pg_class WHERE relname = 'made'")" = 0 ]
  run_keel migrate up --yes --no-backup
  assert_status 0
}

@test "a concurrent index build waits for old transactions as long as it takes" {
  up 1 index 'CREATE INDEX CONCURRENTLY i ON customer (name);'
  reader_start
  echo "UPDATE customer SET name = 'x' WHERE id = 1;" >&7
  keel_start
  sleep 2
  kill -0 "$KEEL" || fail "it did not wait: $(cat err)"
  reader_end
  wait "$KEEL" || fail "$(cat err)"
  [ "$(sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")" = t ]
}

# A folder for each: one that ends removes its files by name.
pooler_start ()
{
  POOLER=$PROJECT/pooler-$1
  mkdir "$POOLER"
  printf '%s\n' '[databases]' "shop = host=$E2E_ROOT/pg/$MAJOR/run port=$(pg_port "$MAJOR") dbname=shop user=postgres" \
    '[pgbouncer]' "unix_socket_dir = $POOLER" 'listen_port = 6432' 'listen_addr =' 'auth_type = any' \
    "pool_mode = $1" "logfile = $POOLER/log" "pidfile = $POOLER/pid" \
    'ignore_startup_parameters = extra_float_digits,options' > "$POOLER/ini"
  [ "$(id -u)" -ne 0 ] || chown -R postgres "$POOLER"
  as_server_user pgbouncer -q -d "$POOLER/ini" > "$POOLER.out" 2>&1 3>&- || fail "$(cat "$POOLER.out")"
  wait_for 10 test -s "$POOLER/pid"
  printf '%s\n' 'project: shop' 'environments:' \
    "  development: {url: \"postgresql://postgres@/shop?host=$POOLER&port=6432\"}" > pgkeel.yaml
}

pooler_stop ()
{
  kill -INT "$(cat "$POOLER/pid")"
  wait_for 10 test ! -e "$POOLER/pid"
}

@test "a pooler in transaction mode is refused; one in session mode serves" {
  up 1 table 'CREATE TABLE made ();'
  pooler_start transaction
  run_keel migrate status
  assert_status 0
  run_keel migrate up --yes --no-backup
  pooler_stop
  assert_error 3 "a pooler in transaction mode stands between" "the server itself"
  [ "$(sql "SELECT count(*) FROM pg_class WHERE relname = 'made'")" = 0 ]
  pooler_start session
  run_keel migrate up --yes --no-backup
  pooler_stop
  assert_status 0
}
