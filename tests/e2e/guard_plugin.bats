# guard status against a real Engine, and the plugin as systemd runs it: on a socket that outlives it.

setup_file ()
{
  load helper
  load ../docker/engine
  e2e_begin
  FOLDER=$(mktemp -d /tmp/pgkeel-p-XXXXXX)
  export FOLDER
  engine_start "$FOLDER/e"
}

teardown_file ()
{
  load helper
  load ../docker/engine
  [ ! -s "$FOLDER/supervisor" ] || kill "$(cat "$FOLDER/supervisor")" || true
  engine_stop
  rm -rf "$FOLDER"
  e2e_end
}

setup ()
{
  load helper
  load ../docker/engine
  project_new
}

serve ()
{
  local socket=$ENGINE/plugins/pgkeel.sock
  PGKEEL_GUARD_STATE=$FOLDER/state "$REPOSITORY/tests/docker/supervise" "$socket" \
    "$PGKEEL" -C "$PROJECT" guard serve --socket "$socket" > "$FOLDER/log" 2>&1 3>&- < /dev/null &
  echo $! > "$FOLDER/supervisor"
  wait_for 30 test -S "$socket"
}

@test "an Engine that asks nobody is not guarded" {
  run_keel guard status
  assert_error 1 "does not consult" "pgkeel guard install"
  assert_stdout "NO"
  run_keel guard status --json
  assert_status 1
  assert_json '.guarded == false and .plugin == null and .authorization_plugins == [] and (.change | length > 0)'
  run_keel guard status --docker "unix://$FOLDER/none"
  assert_error 4 "asking the Docker Engine"
}

@test "an Engine that asks the plugin is guarded, also when that has just been killed" {
  local round
  serve
  engine_plugins pgkeel
  docker volume create plain
  docker volume create --label com.ledgerflow.protect=true kept
  run_keel guard status
  assert_status 0
  assert_stdout "yes"
  assert_stdout "2, 1 protected"
  for round in 1 2 3; do
    kill -KILL "$(cat "$ENGINE/plugins/pgkeel.sock.pid")"
    # Calls wait in the socket until it is back.
    docker ps > /dev/null || docker ps > /dev/null # one that was under way in that moment may be refused
    run_keel guard status --json
    assert_status 0
    assert_json '.guarded and .plugin.name == "pgkeel" and .plugin.guarded_volumes == 1 and .problem == null'
  done
  run docker volume rm kept
  [ "$status" -ne 0 ] || fail "removed in round $round"
  docker volume rm plain
  docker volume inspect kept > /dev/null
}

@test "a plugin that hangs is killed and started again, and what waited for it is answered" {
  local pid
  pid=$(cat "$ENGINE/plugins/pgkeel.sock.pid")
  kill -STOP "$pid"
  docker ps > /dev/null || docker ps > /dev/null # the Engine may have asked it already: then it is refused once
  [ "$(cat "$ENGINE/plugins/pgkeel.sock.pid")" != "$pid" ] || fail "it still hangs"
  run_keel guard status
  assert_status 0
  run docker volume rm kept
  [ "$status" -ne 0 ]
}
