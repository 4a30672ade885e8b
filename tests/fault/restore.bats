#!/usr/bin/env bats
# Restores that go wrong: whatever happens, the database is the old one or the restored one, whole, and
# the next restore works and tidies up.

load fault

setup_file () { fault_begin; }
teardown_file () { fault_end; }

# The database "shop" as it was backed up, then changed: what a restore brings back can be told from
# what is there.
setup ()
{
  local name
  use_release
  fault_server
  for name in $(databases); do pg_sql pg postgres "DROP DATABASE \"$name\" WITH (FORCE)"; done
  fault_fill "${ROWS:-20000}"
  fault_project shop
  export DB_RESTORE_CONFIRM=1
  good_backup
  GOOD=$(content)
  FILE=$(newest_backup)
  pg_sql pg shop "UPDATE customers SET balance = 0; DELETE FROM events WHERE id % 2 = 0"
  CHANGED=$(content)
  [ "$GOOD" != "$CHANGED" ]
}

databases () { pg_sql pg postgres "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY 1"; }

# assert_error without the steps that are told before.
assert_failed ()
{
  stderr=$(grep '^pgkeel: \|^ *detail: \|^ *hint: ' <<< "$stderr")
  assert_error "$@"
}

# A digest of what all can see of the database; the order of rows does not count.
content ()
{
  { pg_tool pg pg_dump --schema-only shop | grep -v '^.restrict\|^.unrestrict'
    pg_sql pg shop "SELECT sum(hashtextextended(c::text, 0)) FROM customers c;
      SELECT sum(hashtextextended(e::text, 0)) FROM events e; SELECT count(*) FROM pg_largeobject_metadata"
  } | sha256sum | cut -d ' ' -f 1
}

assert_nothing_happened ()
{
  [ "$(content)" = "$CHANGED" ] || fail "the database is another one"
  [ "$(databases)" = shop ] || fail "databases that were not there before: $(databases)"
  assert_no_temporary_files
}

assert_restore_works ()
{
  run_keel restore latest
  assert_status 0
  [ "$(content)" = "$GOOD" ] || fail "the restored database is not what was backed up"
  # The old one is kept under its own name, and there is nothing else.
  wait_for 5 only_shop_and_before || fail "left on the server: $(databases)"
  assert_no_temporary_files
}

only_shop_and_before () { [ "$(databases | grep -cv '^shop$\|^shop_before_')" -eq 0 ]; }

flip ()
{
  perl -e 'open my $f, "+<", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1;
           seek $f, $ARGV[1], 0; print $f chr (ord ($c) ^ 4); close $f or die' "$FILE" "$1"
}

@test "a damaged backup is not restored, wherever the damage is" {
  local size offset
  size=$(stat -c %s "$FILE")
  cp "$FILE" "$PROJECT/good"
  for offset in 100 $((size / 3)) $((size / 2)) $((size * 9 / 10)) $((size - 500)) $((size - 20)); do
    flip "$offset"
    run_keel restore "$FILE"
    assert_failed 1 "" ""
    assert_nothing_happened
    cp "$PROJECT/good" "$FILE"
  done
  for size in 0 10 $((size / 2)) $((size - 1)); do
    truncate -s "$size" "$FILE"
    run_keel restore "$FILE"
    assert_failed 1 "" ""
    assert_nothing_happened
    cp "$PROJECT/good" "$FILE"
  done
  # What a verification remembered of the damage in between does not count for mended bytes.
  run_keel backup verify
  assert_status 0
  assert_restore_works
}

@test "damage is found when one table is restored, or in place, too" {
  local size
  size=$(stat -c %s "$FILE")
  flip $((size / 2))
  run_keel restore "$FILE" --table events
  assert_failed 1 "" ""
  assert_nothing_happened
  run_keel restore "$FILE" --in-place
  assert_failed 1 "" ""
  assert_nothing_happened
  run_keel restore "$FILE" --to elsewhere
  assert_failed 1 "" ""
  assert_nothing_happened
}

now_ms () { echo $((${EPOCHREALTIME/./} / 1000)); }

sleep_ms () { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# Kills restores with SIGNAL at COUNT moments over the length of one.
kill_restores ()
{
  local signal=$1 count=$2 started length delay i
  shift 2
  started=$(now_ms)
  assert_restore_works
  length=$(($(now_ms) - started))
  for i in $(seq "$count"); do
    delay=$((length * i / count))
    sleep 1 # the names of databases carry the second
    start_keel restore "$FILE" "$@"
    sleep_ms "$delay"
    kill "-$signal" "$KEEL_PID" 2> /dev/null || true
    await_keel
    wait_for 10 no_session
    echo "$signal after $delay of $length ms: exit code $status: $(tail -n 3 <<< "$stderr")"
    # The database is there and whole at every moment.
    [ "$(content)" = "$GOOD" ] || fail "the database is not what it was, nor what was restored"
    if [ "$signal" = TERM ] && [ "$status" -ne 0 ]; then
      stderr=$(grep '^pgkeel: \|^ *detail: \|^ *hint: ' <<< "$stderr") # not the steps
      assert_error 5 "interrupted"
      only_shop_and_before || fail "left on the server: $(databases)"
      assert_no_temporary_files
    fi
  done
  assert_nothing_lives
  sleep 1
  pg_sql pg shop "UPDATE customers SET balance = 1"
  assert_restore_works
}

no_session () { [ "$(pg_sql pg postgres "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgkeel%'")" = 0 ]; }

@test "killed at any moment of a restore, the database is there, and leftovers go" { kill_restores KILL 10; }

@test "told to stop at any moment of a restore, it leaves nothing" { kill_restores TERM 8; }

# The signal comes with the statement that makes the database, or with the next one: whether the server makes it all the
# same is its own affair.
@test "told to stop while the new database is made, it leaves nothing" {
  local statement when
  # The program is not sanitized: one that is cannot be preloaded before its sanitizer.
  # shellcheck disable=SC2046 # several words
  cc -shared -fPIC -o "$E2E_ROOT/kill_at.so" "$BATS_TEST_DIRNAME/kill_at.c" $(pkg-config --cflags libpq) -ldl
  for statement in "CREATE DATABASE" "COMMENT ON DATABASE" "ALTER DATABASE"; do
    for when in before sent; do
      sleep 1 # the names of databases carry the second
      KILL_MATCH=$statement KILL_WHEN=$when KILL_WHOM=self KILL_SIGNAL=15 LD_PRELOAD=$E2E_ROOT/kill_at.so \
        start_keel restore "$FILE"
      await_keel
      stderr=$(grep '^pgkeel: \|^ *detail: \|^ *hint: ' <<< "$stderr") # not the steps
      assert_error 5 "interrupted"
      only_shop_and_before || fail "$when $statement: left on the server: $(databases)"
      [ "$(content)" = "$CHANGED" ] || fail "$when $statement: the database is not what it was"
    done
  done
  assert_restore_works
}

@test "killed at any moment of a restore in place, the database is there" { kill_restores KILL 8 --in-place; }

@test "the server is killed in the middle of a restore" {
  start_keel restore latest
  wait_for 10 has_second_database
  pg_kill pg
  await_keel
  [ "$status" -eq 4 ] || [ "$status" -eq 5 ] || { show_run; fail "exit code $status"; }
  assert_failed "$status" "" ""
  fault_server
  [ "$(content)" = "$CHANGED" ] || fail "the database is another one"
  assert_restore_works
}

has_second_database () { [ "$(databases | wc -l)" -gt 1 ]; }

@test "dumps of pg_dump that were cut are not restored" {
  local size
  pg_tool pg pg_dump -Fc shop > "$PROJECT/whole.dump"
  pg_tool pg pg_dump shop > "$PROJECT/whole.sql"
  gzip -k "$PROJECT/whole.sql"
  for name in whole.dump whole.sql.gz whole.sql; do
    size=$(stat -c %s "$PROJECT/$name")
    cp "$PROJECT/$name" "$PROJECT/cut${name#whole}"
    truncate -s $((size * 2 / 3)) "$PROJECT/cut${name#whole}"
    run_keel restore "$PROJECT/cut${name#whole}"
    [ "$status" -eq 1 ] || [ "$status" -eq 5 ] || { show_run; fail "$name: exit code $status"; }
    assert_failed "$status" "" ""
    assert_nothing_happened
  done
}

@test "a dump with a statement that fails is not restored half" {
  pg_tool pg pg_dump shop > "$PROJECT/bad.sql"
  echo "SELECT 1 / 0;" >> "$PROJECT/bad.sql"
  run_keel restore "$PROJECT/bad.sql"
  assert_failed 5 "" ""
  assert_nothing_happened
}

@test "an empty file, a folder and a text are no backups" {
  : > "$PROJECT/empty.sql"
  : > "$PROJECT/empty.sql.gz"
  echo "hello" > "$PROJECT/hello.dump"
  mkdir "$PROJECT/folder"
  for name in empty.sql empty.sql.gz hello.dump folder; do
    run_keel restore "$PROJECT/$name"
    [ "$status" -ne 0 ] || { show_run; fail "$name was restored"; }
    assert_failed "$status" "" ""
    assert_nothing_happened
  done
}
