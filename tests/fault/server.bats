#!/usr/bin/env bats
# The server or a connection goes away while a backup is being made.

load fault

setup_file () { fault_begin; fault_fill 120000; }
teardown_file () { fault_end; }
setup ()
{
  fault_server
  fault_project
}

# Ends the session that pgkeel reads rows with, the one that holds the locks, or the one that owns
# the snapshot.
terminate ()
{
  pg_sql pg postgres "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                      WHERE datname = 'shop' AND $1" | grep -qx "${2:-[1-9][0-9]*}"
}

@test "the server is killed in the middle of the data" {
  good_backup
  note_folder
  start_keel backup create
  stop_at_bytes 1000000
  pg_kill pg
  kill -CONT "$KEEL_PID"
  await_keel
  assert_error 4 "server closed the connection" "server's log"
  assert_folder_untouched
  grep -q ' create failed .*server closed the connection' "$BACKUPS/backup.log"
  fault_server
  assert_next_run_works
}

@test "the server is stopped at once in the middle of the data" {
  good_backup
  note_folder
  start_keel backup create
  stop_at_bytes 1000000
  pg_stop pg immediate
  kill -CONT "$KEEL_PID"
  await_keel
  assert_connection_lost "table"
  assert_folder_untouched
  fault_server
  assert_next_run_works
}

@test "a connection that reads rows is cut" {
  use_release
  good_backup
  note_folder
  start_keel backup create
  stop_at_bytes 1000000
  terminate "state = 'active' AND query LIKE 'COPY %'"
  kill -CONT "$KEEL_PID"
  await_keel
  assert_connection_lost "events"
  assert_folder_untouched
  assert_next_run_works
}

@test "the connection that owns the snapshot is cut" {
  note_folder
  start_keel backup create
  stop_at_bytes 1000000
  terminate "query !~ '^(COPY|LOCK) ' AND state = 'idle in transaction'"
  kill -CONT "$KEEL_PID"
  await_keel
  assert_connection_lost
  assert_folder_untouched
  assert_next_run_works
}

@test "all connections are cut at once" {
  note_folder
  start_keel backup create
  stop_at_bytes 1000000
  terminate "true"
  kill -CONT "$KEEL_PID"
  await_keel
  assert_connection_lost
  assert_folder_untouched
  assert_next_run_works
}

@test "the server does not run: nothing but the log is written" {
  good_backup
  note_folder
  pg_stop pg
  E2E_TIMEOUT=60 run_keel backup create
  assert_error 4 "connection to server" "start it"
  assert_folder_untouched
  grep -q ' create failed ' "$BACKUPS/backup.log"
  fault_server
  assert_next_run_works
}

# A server process that has rows which pgkeel has not read yet.
stuck_in_copy ()
{
  pg_sql pg postgres "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND query LIKE 'COPY %'
                      AND wait_event = 'ClientWrite' LIMIT 1" | grep .
}

@test "a session that answers no more does not keep pgkeel from ending when told to" {
  local backend='' attempt
  note_folder
  for attempt in 1 2 3 4 5; do
    start_keel backup create
    stop_at_bytes 100000
    wait_for 3 stuck_in_copy && break
    echo "attempt $attempt: too late, all rows have been sent"
    kill -CONT "$KEEL_PID"
    await_keel
    rm "$BACKUPS"/*
  done
  backend=$(stuck_in_copy)
  kill -STOP "$backend"
  kill -CONT "$KEEL_PID"
  sleep 1
  kill -TERM "$KEEL_PID"
  wait_for 20 is_gone "$KEEL_PID" || {
    kill -CONT "$backend"
    fail "pgkeel waits for ever"
  }
  kill -CONT "$backend"
  await_keel
  assert_error 5 "interrupted"
  assert_folder_untouched
  assert_next_run_works
}

@test "a table that is dropped and made again all the time does not break a backup" {
  use_release
  (
    while [ ! -e "$PROJECT/stop" ]; do
      pg_sql pg shop "CREATE TABLE flicker (id integer); INSERT INTO flicker VALUES (1); DROP TABLE flicker"
    done
  ) > "$PROJECT/ddl.log" 2>&1 3>&- &
  local ddl=$! _
  for _ in 1 2 3; do
    run_keel backup create
    assert_status 0
  done
  touch "$PROJECT/stop"
  wait "$ddl"
  [ ! -s "$PROJECT/ddl.log" ] || fail "the other session failed: $(cat "$PROJECT/ddl.log")"
}
