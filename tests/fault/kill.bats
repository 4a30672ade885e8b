#!/usr/bin/env bats
# pgkeel itself is killed, or told to stop, at any moment.

load fault

setup_file () { fault_begin; fault_fill 120000; fault_fill_small; }
teardown_file () { fault_end; }
setup () { fault_project; }

sleep_ms () { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

now_ms () { echo $((${EPOCHREALTIME/./} / 1000)); }

# What is in the folder after a SIGKILL is older backups, whole new ones, and hidden leftovers.
assert_only_whole_backups ()
{
  local name
  sums_of_backups > "$PROJECT/sums.after"
  [ -z "$(comm -23 <(sort "$PROJECT/sums.before") <(sort "$PROJECT/sums.after"))" ] ||
    fail "an older backup changed"
  run_keel backup list --json
  assert_json '[.backups[] | select(.problem)] == []'
  for name in $(comm -13 "$PROJECT/list.before" <(list_backups)); do
    run_keel backup verify "$name"
    assert_status 0
  done
  [ -z "$(find "$BACKUPS" -type f ! -name '.*' ! -name backup.log ! -name '*.sql.gz' ! -name '*.json')" ] ||
    fail "a strange file: $(ls -A "$BACKUPS")"
}

@test "killed at thirty moments, it leaves nothing that passes for a backup" {
  local started length i delay
  use_release
  good_backup
  started=$(now_ms)
  good_backup
  length=$(($(now_ms) - started))
  for i in $(seq 30); do
    note_folder
    delay=$((length * i / 28))
    start_keel backup create
    sleep_ms "$delay"
    kill -KILL "$KEEL_PID" 2> /dev/null || true
    await_keel
    echo "killed after $delay of $length ms: exit code $status"
    assert_only_whole_backups
  done
  assert_nothing_lives
  # The server has noticed, too: nothing holds a lock or a snapshot any more.
  wait_for 20 no_session
  assert_next_run_works
}

no_session () { [ "$(pg_sql pg postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'")" = 0 ]; }

# A line that makes a script answer --version as the real pg_dump does.
tell_version () { echo "[ \"\$1\" != --version ] || exec '$(pg_bindir pg)/pg_dump' --version"; }

@test "killed while pg_dump runs: pg_dump ends, and its files go with the next run" {
  mkdir "$PROJECT/bin"
  ln -s "$(pg_bindir pg)"/* "$PROJECT/bin"
  rm "$PROJECT/bin/pg_dump"
  printf '%s\n' '#!/bin/sh' "$(tell_version)" "echo \$\$ > '$PROJECT/pg_dump.pid'" 'exec sleep 60' > "$PROJECT/bin/pg_dump"
  chmod +x "$PROJECT/bin/pg_dump"
  PGKEEL_PG_PATH=$PROJECT/bin start_keel backup create
  wait_for 20 test -s "$PROJECT/pg_dump.pid"
  kill -KILL "$KEEL_PID"
  await_keel
  wait_for 10 is_gone "$(cat "$PROJECT/pg_dump.pid")"
  [ -n "$(find "$TMPDIR" -mindepth 1)" ] || fail "there was nothing to clean up"
  assert_next_run_works
}

@test "killed while proving: the server ends, and the scratch cluster goes with the next proof" {
  local i started length delay
  use_release
  fault_project little
  good_backup
  started=$(now_ms)
  run_keel backup prove
  assert_status 0
  length=$(($(now_ms) - started))
  rm "$BACKUPS"/*.proof.json
  for i in 1 2 3 4 5; do
    delay=$((length * i / 6))
    start_keel backup prove
    sleep_ms "$delay"
    kill -KILL "$KEEL_PID" 2> /dev/null || true
    await_keel
    assert_nothing_lives
  done
  rm -f "$BACKUPS"/*.proof.json
  run_keel backup prove
  assert_status 0
  assert_only_finished_files
  assert_no_temporary_files
  [ -z "$(find /tmp /var/tmp -maxdepth 1 -name 'pgkeel-run-*' -newer "$PROJECT/pgkeel.yaml" -user postgres)" ]
}

# Starts a backup and sends SIGNAL at the MOMENT (1 to 6) of it: early ones by time, later ones by what is
# written.
interrupt_at ()
{
  local signal=$1 moment=$2
  note_folder
  start_keel backup create
  if [ "$moment" -gt 3 ]; then stop_at_bytes $(((moment - 3) * 1000000)) || true; else sleep_ms $((moment * 60)); fi
  kill "-$signal" "$KEEL_PID" 2> /dev/null || true
  kill -CONT "$KEEL_PID" 2> /dev/null || true
  await_keel
}

# A backup that is whole before the signal reaches it stays, and is tried again.
interrupt_with ()
{
  local signal=$1 moment attempt
  good_backup
  for moment in 1 2 3 4 5 6; do
    for attempt in 1 2 3 4; do
      interrupt_at "$signal" "$moment"
      [ "$status" -eq 0 ] || break
      echo "moment $moment, attempt $attempt: too late"
      assert_only_whole_backups
    done
    assert_error 5 "interrupted"
    assert_folder_untouched
    assert_nothing_lives
  done
  assert_next_run_works
}

@test "SIGINT ends it in order" { interrupt_with INT; }

@test "SIGTERM ends it in order" { interrupt_with TERM; }

scratch_server_is_up ()
{
  compgen -G "$TMPDIR/pgkeel-scratch-*/data/postmaster.pid" > /dev/null
}

# At once, when its server has begun to start, and while that is filled.
@test "SIGTERM during a proof leaves no server, no folder and no proof" {
  fault_project little
  good_backup
  for moment in start server filling; do
    note_folder
    start_keel backup prove
    if [ "$moment" = start ]; then sleep_ms 100; else wait_for 30 scratch_server_is_up; fi
    [ "$moment" != filling ] || sleep_ms 150
    kill -TERM "$KEEL_PID"
    await_keel
    assert_error 5 "interrupted"
    assert_folder_untouched
    assert_nothing_lives
  done
}

@test "a pg_dump that hangs does not keep SIGTERM from ending the run" {
  mkdir "$PROJECT/bin"
  ln -s "$(pg_bindir pg)"/* "$PROJECT/bin"
  rm "$PROJECT/bin/pg_dump"
  # Neither the shell nor what it starts reacts to SIGTERM.
  printf '%s\n' '#!/bin/sh' "$(tell_version)" "trap '' TERM" "echo \$\$ > '$PROJECT/pg_dump.pid'" 'sleep 60' 'sleep 60' \
    > "$PROJECT/bin/pg_dump"
  chmod +x "$PROJECT/bin/pg_dump"
  PGKEEL_PG_PATH=$PROJECT/bin start_keel backup create
  wait_for 20 test -s "$PROJECT/pg_dump.pid"
  note_folder
  kill -TERM "$KEEL_PID"
  wait_for 20 is_gone "$KEEL_PID" || { kill -KILL "$KEEL_PID"; fail "pgkeel waits for ever"; }
  await_keel
  assert_error 5 "interrupted"
  assert_folder_untouched
  wait_for 5 is_gone "$(cat "$PROJECT/pg_dump.pid")"
  assert_next_run_works
}
