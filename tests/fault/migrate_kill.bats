#!/usr/bin/env bats
# pgkeel, or the server process that works for it, is killed at every statement of a long migration; the
# same command goes on, and in the end the schema is that of a run that nobody disturbed.

load fault

setup_file ()
{
  e2e_begin
  pg_start pg "$(pg_bindirs | head -n 1)" "shared_buffers = 16MB" "max_connections = 30" \
    "autovacuum = off" "restart_after_crash = on" "wal_level = minimal" "max_wal_senders = 0"
  # shellcheck disable=SC2046 # several words
  cc -shared -fPIC -o "$E2E_ROOT/kill_at.so" "$BATS_TEST_DIRNAME/kill_at.c" \
    $(pkg-config --cflags libpq) -ldl
}
teardown_file () { e2e_end; }

# The sanitized program cannot be preloaded before its sanitizer.
setup () { PGKEEL=${PGKEEL_RELEASE:-$PGKEEL}; }

# A file of $1 statements, each with a mark /* sN. */. What is not idempotent changes the table counter.
write_migration ()
{
  local n
  echo '-- pgkeel: no-transaction'
  for n in $(seq "$1"); do
    case $((n % 10)) in
      0) echo "CREATE /* s$n. */ INDEX CONCURRENTLY i$n ON base (x);" ;;
      1) echo "CREATE /* s$n. */ INDEX CONCURRENTLY ON base (y);" ;;
      2) [ "$n" -gt 10 ] && echo "DROP /* s$n. */ INDEX CONCURRENTLY i$((n - 2));" ||
          echo "INSERT /* s$n. */ INTO counter VALUES ($n);" ;;
      3) echo "REINDEX /* s$n. */ INDEX CONCURRENTLY base_pkey;" ;;
      4) echo "INSERT /* s$n. */ INTO counter VALUES ($n);" ;;
      5) echo "VACUUM /* s$n. */ base;" ;;
      6) echo "CREATE /* s$n. */ TABLE t$n (id int);" ;;
      7) echo "ALTER /* s$n. */ TABLE t$((n - 1)) ADD COLUMN c$n int DEFAULT $n;" ;;
      8) echo "UPDATE /* s$n. */ counter SET n = n + 1;" ;;
      9) echo "CREATE /* s$n. */ UNIQUE INDEX CONCURRENTLY IF NOT EXISTS u$n ON base (id, x);" ;;
    esac
  done
}

# A database $1 with what the migration works on, and a project for it.
new_database ()
{
  pg_sql pg postgres "CREATE DATABASE $1"
  pg_sql pg "$1" "CREATE TABLE base (id int PRIMARY KEY, x int, y int); CREATE TABLE counter (n int);
    INSERT INTO base SELECT g, g, g FROM generate_series(1, 50) g"
  project_new "project: shop
environments:
  development: {url: \"$(pg_url pg "$1")\"}"
  mkdir migrations
}

dump () { pg_tool pg pg_dump --exclude-schema=pgkeel "$1" | grep -v '^\\\(un\)\?restrict\|^-- Dumped'; }

reference ()
{
  new_database "$1_whole"
  write_migration "$2" > migrations/20250101000000_long.up.sql
  run_keel migrate up --yes --no-backup
  assert_status 0
  dump "$1_whole" > "$E2E_ROOT/$1.whole"
}

# Kills WHOM at statement N: which message after it, and whether before or after it is sent, goes round so
# that every kind of statement meets every moment.
kill_at ()
{
  local round=$(($2 / 10 + $2)) when=before
  [ $((round / 5 % 2)) -eq 0 ] || when=sent
  { KILL_MATCH="/* s$2. */" KILL_SKIP=$((round % 5)) KILL_WHOM=$1 KILL_WHEN=$when \
      LD_PRELOAD=$E2E_ROOT/kill_at.so "$PGKEEL" migrate up --yes --no-backup > out 2> err 3>&-
  } 2> /dev/null
}

assert_same_in_the_end ()
{
  run_keel migrate up --yes --no-backup
  assert_status 0
  dump "$1" > "$E2E_ROOT/$1.killed"
  diff "$E2E_ROOT/$1.whole" "$E2E_ROOT/$1.killed"
  [ "$(pg_sql pg "$1" "SELECT count(*) FROM pg_index WHERE NOT indisvalid")" = 0 ]
  [ "$(pg_sql pg "$1" "SELECT string_agg (state, ' ') FROM pgkeel.migration")" = applied ]
}

@test "pgkeel is killed at each of 220 statements" {
  local n status killed=0
  reference shop 220
  new_database shop
  write_migration 220 > migrations/20250101000000_long.up.sql
  for n in $(seq 220); do
    status=0
    kill_at self "$n" || status=$?
    [ "$status" -eq 137 ] || fail "at statement $n: exit code $status: $(cat err)"
    killed=$((killed + 1))
  done
  [ "$killed" -eq 220 ]
  assert_same_in_the_end shop
}

server_answers () { pg_sql pg postgres 'SELECT 1' > /dev/null 2>&1; }

@test "the server process is killed at each of 200 statements" {
  local n status killed=0
  reference store 200
  new_database store
  write_migration 200 > migrations/20250101000000_long.up.sql
  for n in $(seq 200); do
    status=0
    kill_at backend "$n" || status=$?
    [ "$status" -eq 4 ] || fail "at statement $n: exit code $status: $(cat err)"
    killed=$((killed + 1))
    wait_for 20 server_answers
  done
  [ "$killed" -eq 200 ]
  assert_same_in_the_end store
}
