#!/usr/bin/env bats
# Backups of a database that changes all the time hold one moment of it, and nobody notices them: rows
# are written, tables made, altered, rewritten, truncated and dropped meanwhile, and every backup,
# restored by psql alone, satisfies what is true of every moment.

load helper

PGKEEL=${PGKEEL_RELEASE:-$PGKEEL}

setup_file ()
{
  e2e_begin
  pg_start_all
}

teardown_file () { e2e_end; }

setup ()
{
  MAJORS=$(pg_majors)
  WRITERS=()
}

teardown ()
{
  local pid
  [ -z "${PROJECT:-}" ] || touch "$PROJECT/stop"
  for pid in "${WRITERS[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait
}

project_for ()
{
  project_new "project: bank
environments:
  development: {url: \"$(pg_url "$1" bank)\"}"
}

# Two tables that always have equally many rows, whatever happens to them.
fill ()
{
  pg_sql "$1" postgres "DROP DATABASE IF EXISTS bank WITH (FORCE)" 2> /dev/null
  pg_sql "$1" postgres "CREATE DATABASE bank"
  pg_tool "$1" pgbench -q -i -s 3 bank > "$PROJECT/init.log" 2>&1
  pg_sql "$1" bank "CREATE TABLE side_a (id serial PRIMARY KEY, body text);
                    CREATE TABLE side_b (id integer); CREATE SEQUENCE counter"
}

# Transfers money as fast as it can until "$PROJECT/stop" is there.
write_rows ()
{
  while [ ! -e "$PROJECT/stop" ]; do
    pg_tool "$1" pgbench -n -c 4 -j 1 -R 600 -T 2 bank || return
  done > "$PROJECT/pgbench.log" 2>&1
}

# Every kind of statement that takes an exclusive lock, one after the other, and in transactions that
# lock several tables in both orders.
change_schema ()
{
  local round=0
  while [ ! -e "$PROJECT/stop" ]; do
    round=$((round + 1))
    pg_tool "$1" psql -X -q -v ON_ERROR_STOP=1 -v round="$round" -d bank <<'SQL' > /dev/null || return
ALTER TABLE side_a ADD COLUMN extra integer DEFAULT :round;
SELECT pg_sleep(0.1);
BEGIN;
ALTER TABLE side_a ALTER COLUMN extra TYPE bigint;
INSERT INTO side_a (body) SELECT 'round ' || :round FROM generate_series(1, 10);
TRUNCATE side_b;
INSERT INTO side_b SELECT id FROM side_a;
COMMIT;
SELECT pg_sleep(0.1);
BEGIN;
ALTER TABLE side_b ADD COLUMN later text;
ALTER TABLE side_a DROP COLUMN extra;
COMMIT;
ALTER TABLE side_b DROP COLUMN later;
SELECT pg_sleep(0.1);
BEGIN;
DELETE FROM side_a WHERE id % 3 = 0;
TRUNCATE side_b;
INSERT INTO side_b SELECT id FROM side_a;
ALTER SEQUENCE counter INCREMENT BY 1;
COMMIT;
CREATE TABLE passing (id integer PRIMARY KEY, body text);
INSERT INTO passing SELECT i, 'x' FROM generate_series(1, 100) i;
CREATE INDEX ON passing (body);
SELECT pg_sleep(0.1);
CREATE VIEW glimpse AS SELECT * FROM passing;
ALTER TABLE pgbench_branches ALTER COLUMN filler TYPE character(88);
DROP VIEW glimpse;
DROP TABLE passing;
SELECT pg_sleep(0.1);
VACUUM FULL side_b;
SQL
    echo "$round" > "$PROJECT/rounds"
  done 2> "$PROJECT/ddl.log"
}

rounds () { cat "$PROJECT/rounds" 2> /dev/null || echo 0; }

invariants_sql="SELECT a.s = t.s AND t.s = b.s AND b.s = h.s AND h.n > 0 AND side_a.n = side_b.n
  FROM (SELECT sum(abalance) s FROM pgbench_accounts) a, (SELECT sum(tbalance) s FROM pgbench_tellers) t,
       (SELECT sum(bbalance) s FROM pgbench_branches) b,
       (SELECT sum(delta) s, count(*) n FROM pgbench_history) h,
       (SELECT count(*) n FROM side_a) side_a, (SELECT count(*) n FROM side_b) side_b"

assert_moment ()
{
  pg_sql "$1" postgres "CREATE DATABASE moment"
  gunzip -c "$2" | pg_tool "$1" psql -X -q -v ON_ERROR_STOP=1 -d moment > "$PROJECT/psql.log" 2>&1 ||
    fail "psql did not restore $2: $(tail -n 3 "$PROJECT/psql.log")"
  [ "$(pg_sql "$1" moment "$invariants_sql")" = t ] || fail "$2 is of no one moment"
  pg_sql "$1" postgres "DROP DATABASE moment"
}

# Waits until what MAJOR's writers do has begun.
start_writers ()
{
  write_rows "$1" 3>&- &
  WRITERS+=($!)
  change_schema "$1" 3>&- &
  WRITERS+=($!)
  wait_for 30 test -s "$PROJECT/rounds"
  wait_for 30 has_history "$1"
}

has_history () { [ "$(pg_sql "$1" bank "SELECT count(*) > 0 FROM pgbench_history")" = t ]; }

backups_under_load ()
{
  local major=$1 count=$2 before started file
  project_for "$major"
  fill "$major"
  start_writers "$major"
  for _ in $(seq "$count"); do
    before=$(rounds)
    started=$SECONDS
    run_keel backup create
    assert_status 0
    [ $((SECONDS - started)) -le 60 ] || fail "the backup took $((SECONDS - started)) s"
    # Nobody was shut out for good: the other session gets on with its work.
    wait_for 30 eval "[ \$(rounds) -gt $before ]"
  done
  touch "$PROJECT/stop"
  wait "${WRITERS[@]}" || fail "a writer failed: $(cat "$PROJECT/ddl.log") $(tail -n 5 "$PROJECT/pgbench.log")"
  WRITERS=()
  [ ! -s "$PROJECT/ddl.log" ] || fail "a statement of the other session failed: $(cat "$PROJECT/ddl.log")"
  ! grep "aborted" "$PROJECT/pgbench.log" || fail "pgbench lost a client"
  ! grep 'deadlock detected' "$E2E_ROOT/pg/$major/data/server.log" || fail "there was a deadlock"
  for file in "$PROJECT"/backups/development/*.sql.gz; do
    assert_moment "$major" "$file"
  done
  [ "$(find "$PROJECT/backups" -name '*.sql.gz' | wc -l)" -eq "$count" ]
}

@test "eight backups under load are each of one moment" {
  backups_under_load "$(head -n 1 <<< "$MAJORS")" 8
}

@test "so they are with the other major version" {
  local major=${MAJORS##*$'\n'}
  [ "$(wc -l <<< "$MAJORS")" -ge 2 ] || fail "there is only one major version"
  backups_under_load "$major" 4
}

# Holds an exclusive lock on TABLE for SECONDS; returns once it is held.
hold_lock ()
{
  pg_sql "$1" bank "BEGIN; LOCK TABLE $2 IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep($3); COMMIT" \
    > /dev/null 2>&1 3>&- &
  WRITERS+=($!)
  wait_for 10 is_locked "$1" "$2"
}

is_locked ()
{
  [ "$(pg_sql "$1" bank "SELECT count(*) FROM pg_locks WHERE relation = '$2'::regclass
                         AND mode = 'AccessExclusiveLock' AND granted")" -gt 0 ]
}

@test "an exclusive lock is waited for" {
  local major started
  for major in $MAJORS; do
    project_for "$major"
    fill "$major"
    hold_lock "$major" pgbench_tellers 3
    started=${EPOCHREALTIME/./}
    run_keel backup create
    assert_status 0
    [ $((${EPOCHREALTIME/./} - started)) -ge 2000000 ] || fail "it did not wait for the lock"
    wait "${WRITERS[@]}"
    WRITERS=()
  done
}

@test "a backup that waits for a lock stops when it is told to, and holds nobody up" {
  local major keel
  major=$(head -n 1 <<< "$MAJORS")
  project_for "$major"
  fill "$major"
  hold_lock "$major" side_b 20
  "$PGKEEL" backup create > "$PROJECT/out" 2>&1 3>&- &
  keel=$!
  sleep 2
  # Others can change what it has locked already: it lets go between its attempts.
  PGOPTIONS="-c lock_timeout=5s" pg_sql "$major" bank "ALTER TABLE side_a ADD COLUMN now_or_never integer"
  kill -TERM "$keel"
  run wait "$keel"
  wait "$keel" || status=$?
  [ "$status" -eq 5 ] || fail "exit code $status: $(cat "$PROJECT/out")"
  grep -q interrupted "$PROJECT/out"
  [ -z "$(find "$PROJECT/backups" -name '*.sql.gz*')" ]
}

has_bytes () { [ -n "$(find "$PROJECT/backups" -name '.*.sql.gz.partial' -size +0 2> /dev/null)" ]; }

is_waited_for () { [ "$(pg_sql "$1" bank "SELECT count(*) FROM pg_locks WHERE NOT granted")" -gt 0 ]; }

@test "DDL that comes in the middle of a backup waits for its end, and the backup does not wait for it" {
  local major keel
  for major in $MAJORS; do
    project_for "$major"
    fill "$major"
    "$PGKEEL" backup create > "$PROJECT/out" 2>&1 3>&- &
    keel=$!
    wait_for 10 has_bytes "$major"
    kill -STOP "$keel"
    pg_sql "$major" bank "ALTER TABLE side_a ADD COLUMN later integer DEFAULT nextval('counter')" 3>&- &
    WRITERS+=($!)
    wait_for 10 is_waited_for "$major"
    kill -CONT "$keel"
    wait "$keel" || fail "$(cat "$PROJECT/out")"
    wait "${WRITERS[@]}" || fail "the other session failed"
    WRITERS=()
    gunzip -c "$PROJECT"/backups/development/*.sql.gz > "$PROJECT/dump.sql"
    ! grep -q later "$PROJECT/dump.sql" || fail "the backup holds what came after it"
  done
}
