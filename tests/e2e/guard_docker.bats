#!/usr/bin/env bats
# The guard against everything that tests/docker/attacks.bash knows, on a real Docker Engine with a PostgreSQL in it. One
# Engine and one database for all of the file; tests run in their order, and the last ones take the guard away.
#
# Needs root and dockerd. Where no Engine can be started every test fails, and says so.
# shellcheck disable=SC2153,SC1111 # names of fixture.bash; quotes of messages

load helper
load ../docker/engine
load ../docker/fixture
load ../docker/attacks
load ../docker/everyday

setup_file ()
{
  e2e_begin
  export E2E_ROOT PLUGIN=pgkeel-e2e PGKEEL_GUARD_STATE=$E2E_ROOT/state
  # It takes a while, and the other one does not wait for it.
  dead_engine_start 3>&- &
  local dead=$!
  engine_start "$E2E_ROOT/engine"
  engine_watch "$BATS_ROOT_PID" "$E2E_ROOT"
  fixture_begin "$(pg_bindirs | head -n 1)"
  fixture_check
  guard_configure false
  everyday_transcript > "$E2E_ROOT/unguarded"
  guard_start
  engine_plugins "$PLUGIN-guard"
  wait "$dead"
}

teardown_file ()
{
  local name
  [ -n "${E2E_ROOT:-}" ] || return 0
  for name in guard dead-guard; do
    [ ! -s "$E2E_ROOT/$name.pid" ] || kill -KILL "$(guard_pid "$name")" 2> /dev/null || true
  done
  engine_stop || true
  [ ! -s "$E2E_ROOT/dead.keeper" ] || dead_engine_stop || true
  e2e_end
}

setup () { cd "$E2E_ROOT" || return 1; }

# ---- The plugin

guard_configure ()
{
  mkdir -p "$E2E_ROOT/guard" "$PGKEEL_GUARD_STATE"
  cat > "$E2E_ROOT/guard/pgkeel.yaml" << END
project: shop
guard: {protect: ["named*"], strict: $1}
incident: {emergency_backup: false}
environments:
  development: {local: true}
END
}

guard_pid () { cat "$E2E_ROOT/${1:-guard}.pid"; }

guard_answers ()
{
  curl --silent --fail --output /dev/null --unix-socket "$ENGINE/plugins/$PLUGIN-$1.sock" --data '' \
    http://plugin/Plugin.Activate
}

# guard_start [NAME]: of the Engine that DOCKER_HOST says.
guard_start ()
{
  local name=${1:-guard}
  (cd "$E2E_ROOT/guard" && exec "$PGKEEL" guard serve --name "$PLUGIN-$name" \
    --socket "$ENGINE/plugins/$PLUGIN-$name.sock" --docker "$DOCKER_HOST" >> "$E2E_ROOT/$name.log" 2>&1 3>&- < /dev/null) &
  echo $! > "$E2E_ROOT/$name.pid"
  wait_for 60 guard_answers "$name" || { cat "$E2E_ROOT/$name.log" >&2; return 1; }
}

# guard_stop NAME SIGNAL
guard_stop ()
{
  kill "-$2" "$(guard_pid "$1")"
  wait_for 60 not kill -0 "$(guard_pid "$1")"
}

not () { ! "$@" 2> /dev/null; }

# ---- A second Engine, whose plugin is gone: it stalls for half a minute each time, while the rest goes on.

dead_engine_start ()
{
  engine_start "$E2E_ROOT/dead"
  engine_watch "$BATS_ROOT_PID" "$E2E_ROOT"
  echo "$ENGINE_KEEPER" > "$E2E_ROOT/dead.keeper"
  docker volume create dead > /dev/null
  touch "$(volume_path dead)/PG_VERSION"
  guard_configure false
  guard_start dead-guard
  engine_plugins "$PLUGIN-dead-guard"
  guard_stop dead-guard KILL
  api DELETE /volumes/dead > "$E2E_ROOT/dead.delete" 2>&1 &
  api POST /volumes/prune > "$E2E_ROOT/dead.prune" 2>&1 &
  disown -a
}

# Without engine_stop, which asks the Engine: its answers stall.
dead_engine_stop ()
{
  local ENGINE=$E2E_ROOT/dead ENGINE_KEEPER
  ENGINE_KEEPER=$(cat "$E2E_ROOT/dead.keeper")
  kill -KILL "$ENGINE_KEEPER"
  wait_for 30 not engine_runs
  engine_remove_groups
}

# ---- Judging

REFUSED='HTTP 403|authorization denied by plugin|is not allowed|plugin .* failed'

# refusal_names VICTIM TEXT: by its name, a part of an anonymous one's, or what could not be looked into.
refusal_names ()
{
  local name
  case $1 in
    any)
      # "fresh" is what the everyday commands leave.
      for name in "${FIXTURE_VOLUMES[@]}" fresh "${OLD:0:12}" "${TEMP:0:12}"; do
        [[ $2 != *"“$name"* ]] || return 0
      done
      [[ $2 == *"the Engine's own data"* || $2 == *guard.strict* ]] || grep -qE "“[0-9a-f]{64}”" <<< "$2" ;;
    opaque) [[ $2 == *"cannot be looked into"* ]] ;;
    anonymous) [[ $2 == *"the anonymous volume “"*"holds a PostgreSQL"* ]] ;;
    host) [[ $2 == *"is mounted on this host"* ]] ;;
    *) [[ $2 == *"volume “${1:0:12}"* ]] ;;
  esac
}

# attack_each CATEGORY: all of its attacks; says all that is wrong.
attack_each ()
{
  local row output victim wrong=0 count=0
  for row in "${ATTACKS[@]}"; do
    attack_fields "$row"
    [ "$CATEGORY" = "$1" ] || continue
    count=$((count + 1))
    output=$(eval "$COMMAND" 2>&1) || true
    victim=$(eval "printf %s \"$VICTIM\"")
    if ! grep -qE "$REFUSED" <<< "$output"; then
      printf 'NOT REFUSED: %s: %s\n%s\n' "$CATEGORY" "$TITLE" "$output"
      wrong=$((wrong + 1))
    elif ! refusal_names "$victim" "$output"; then
      printf 'does not say that it is about %s: %s: %s\n%s\n' "$victim" "$CATEGORY" "$TITLE" "$output"
      wrong=$((wrong + 1))
    fi
  done
  printf '%d attacks, %d wrong\n' "$count" "$wrong"
  [ "$wrong" -eq 0 ] && [ "$count" -gt 0 ]
}

attack_all () { attack_each "$1" && data_is_intact; }

# Volumes and files are there, PostgreSQL reads every row, and containers (CONTAINER..., else all) run.
data_is_intact ()
{
  local damage container there
  [ $# -gt 0 ] || set -- db old temp shop_db_1 shop_web_1
  damage=$(fixture_check) || { printf 'LOST: %s\n' "$damage"; return 1; }
  there=$(docker ps --format '{{.Names}}')
  for container in "$@"; do
    grep -qxF "$container" <<< "$there" || { printf 'container %s does not run:\n%s\n' "$container" "$there"; return 1; }
  done
  for container in db shop_db_1; do
    [ "$(fixture_digest $container)" = "$DIGEST" ] || { printf 'other rows in %s\n' "$container"; return 1; }
  done
}

# The answer 403, and the reason that begins with REASON.
assert_denied ()
{
  [ "$status" -ne 0 ] || fail "not refused: $output"
  [[ $output == *"authorization denied by plugin $PLUGIN-guard: $1"* ]] || fail "refused otherwise: $output"
}

# ---- The tests

@test "the Engine asks the guard about every call" {
  [ "${#ATTACKS[@]}" -ge 150 ]
  [ "${#EVERYDAY[@]}" -ge 80 ]
  run api GET '/_ping?pgkeel-guard-probe=here'
  assert_denied 'pgkeel guards this Engine'
  data_is_intact
}

# ---- One deletion, released

# release VOLUME
release ()
{
  cd "$E2E_ROOT/guard" || return 1
  GUARD_RELEASE_CONFIRM="$1 no backup" run_keel guard release "$1" --no-backup --docker "$DOCKER_HOST"
  assert_status 0
  cd "$E2E_ROOT" || return 1
}

volume_new ()
{
  docker volume create "$1" > /dev/null
  cp -a "$TEMPLATE/." "$(volume_path "$1")/"
}

# Before anything is refused: an open incident would not let it be released.
@test "of 50 deletions at once a release lets one pass, and no other volume" {
  local i pids=()
  volume_new retired
  release retired
  run api DELETE /volumes/idle
  assert_denied 'volume “idle”'
  run api POST /v1.41/volumes/prune
  assert_denied 'pruning takes volume'
  for i in {1..50}; do
    api DELETE "/volumes/retired?force=$((i % 2))" > "released.$i" 2>&1 3>&- & pids+=($!)
  done
  wait "${pids[@]}" || true
  # With force the Engine says 204 about a volume that is not there any more; the guard says how many it let pass.
  [ "$(grep -c '^released ' guard.log)" -eq 1 ] || fail "$(cat guard.log)"
  run docker volume inspect retired
  [ "$status" -ne 0 ]
  # Another one of the same name is as well protected as the first one was.
  volume_new retired
  run docker volume rm retired
  assert_denied 'volume “retired” holds a PostgreSQL'
  rm -rf "${E2E_ROOT:?}/engine/data/volumes/retired/_data"/*
  docker volume rm retired
  data_is_intact
}

@test "deleting volumes" { attack_all delete; }
@test "deleting volumes, spelt otherwise" { attack_all spelling; }
@test "containers that reach the files" { attack_all mount; }
@test "files copied into the container" { attack_all copy; }
@test "checkpoints" { attack_all checkpoint; }
@test "swarm services" { attack_all swarm; }

@test "the guard itself is not taken away" {
  local name=$PLUGIN-guard
  run docker plugin rm --force "$name"
  assert_denied "plugin “$name” decides"
  run docker plugin disable --force "$name"
  assert_denied "plugin “$name” decides"
  run api POST "/plugins/%70gkeel-e2e-guard:latest/disable?force=1"
  assert_denied "plugin “$name:latest” decides"
  run api POST "/v1.25/plugins/$name/set" "${JSON[@]}" --data '["DEBUG=1"]'
  assert_denied "plugin “$name” decides"
  run run_wiper -v "$ENGINE/plugins:/x"
  assert_denied "$ENGINE/plugins"
  run run_wiper -v "$PGKEEL_GUARD_STATE:/x"
  assert_denied "$PGKEEL_GUARD_STATE is what this guard works with"
  data_is_intact
}

@test "50 deletions at once" {
  local i refused pids=()
  for i in {1..50}; do
    case $((i % 3)) in
      0) api DELETE "/v1.$((24 + i % 17))/volumes/idle?force=1" > "race.$i" 3>&- & ;;
      1) api POST /volumes/prune > "race.$i" 3>&- & ;;
      2) api DELETE "/containers/old?force=1&v=1" > "race.$i" 3>&- & ;;
    esac
    pids+=($!)
  done
  wait "${pids[@]}" || true
  refused=$(grep -l 'HTTP 403' race.* | wc -l)
  [ "$refused" -eq 50 ] || fail "only $refused of 50 were refused: $(tail -n 1 race.*)"
  data_is_intact
}

@test "what everybody does every day works, and prints what it prints without a guard" {
  local row wrong=0
  everyday_transcript > guarded
  diff unguarded guarded
  for row in "${EVERYDAY[@]}"; do
    run_everyday "$row" || wrong=$((wrong + 1))
  done
  printf '%d everyday commands, %d wrong\n' "${#EVERYDAY[@]}" "$wrong"
  data_is_intact
  [ "$wrong" -eq 0 ]
}

@test "docker compose down -v is refused before anything goes" {
  local before
  before=$(docker ps --no-trunc --filter label=com.docker.compose.project=shop --format '{{.ID}} {{.Names}}' | sort)
  run compose down -v
  [ "$status" -ne 0 ]
  [[ $output == *"project “shop” has volume “shop_pgdata”"*"its containers are not removed together with volumes"* ]]
  [ "$(docker ps --all --no-trunc --filter label=com.docker.compose.project=shop --format '{{.ID}} {{.Names}}' | sort)" = "$before" ]
  volume_is_whole shop_pgdata
  # It stops them first, which is no destruction.
  compose start
  wait_for_pg shop_db_1
  data_is_intact
}

@test "docker-compose" {
  # They stop containers before they are refused, or remove them and leave their volumes.
  attack_each compose
  fixture_compose
  docker ps --all --quiet --filter name=shop_web_1 | xargs docker rm --force
  compose up -d
  wait_for_pg shop_db_1
  data_is_intact
}

@test "prunes" { attack_all prune; }

@test "containers whose anonymous volume goes with them" {
  attack_each anonymous
  # The last one removes the container first, which is nobody's business.
  data_is_intact db temp shop_db_1 shop_web_1
}

@test "the guard hangs: nothing is done, and refused when it goes on" {
  local pids=()
  kill -STOP "$(guard_pid)"
  API_SECONDS=2 api DELETE /volumes/idle > hung.1 2>&1 3>&- & pids+=($!)
  API_SECONDS=2 api POST /volumes/prune > hung.2 2>&1 3>&- & pids+=($!)
  API_SECONDS=2 api DELETE "/containers/temp?force=1&v=1" > hung.3 2>&1 3>&- & pids+=($!)
  API_SECONDS=2 api_run "" "$(wiper '"Binds":["idle:/x"]')" > hung.4 2>&1 3>&- & pids+=($!)
  wait "${pids[@]}" || true
  [ "$(grep -l 'HTTP 000' hung.[1-4] | wc -l)" -eq 4 ] || fail "$(cat hung.[1-4])"
  kill -CONT "$(guard_pid)"
  run api DELETE /volumes/idle
  assert_denied 'volume “idle”'
  data_is_intact db temp shop_db_1 shop_web_1
}

@test "the guard is killed: no deletion passes, and the next guard refuses it" {
  local pids=()
  guard_stop guard KILL
  api DELETE /volumes/idle > killed.1 2>&1 3>&- & pids+=($!)
  api POST /volumes/prune > killed.2 2>&1 3>&- & pids+=($!)
  api DELETE "/containers/temp?force=1&v=1" > killed.3 2>&1 3>&- & pids+=($!)
  # They are on their way to a guard that is not there.
  sleep 0.5
  guard_start
  wait "${pids[@]}" || true
  [ "$(grep -lE 'HTTP (403|500)' killed.[1-3] | wc -l)" -eq 3 ] || fail "$(cat killed.[1-3])"
  data_is_intact db temp shop_db_1 shop_web_1
}

@test "the guard is strict" {
  guard_configure true
  kill -HUP "$(guard_pid)"
  wait_for 60 grep -q 'was read again' guard.log
  attack_each strict
  run docker run --rm --network none --privileged tools:e2e true
  assert_denied 'guard.strict: a privileged container'
  run docker exec --privileged db true
  assert_denied 'guard.strict: privileged processes'
  run docker run --rm --network none -v /var/run/docker.sock:/s tools:e2e true
  assert_denied 'guard.strict: with /run/docker.sock'
  run docker run --rm --network none -v /var/run:/s:ro tools:e2e true
  assert_denied 'guard.strict: with /run/docker.sock'
  run docker plugin install --grant-all-permissions no.such/plugin
  assert_denied 'guard.strict: a plugin may do anything'
  run docker run --rm --network none tools:e2e echo plain
  [ "$output" = plain ]
  data_is_intact db temp shop_db_1 shop_web_1
}

@test "without any guard behind its plugin an Engine destroys nothing" {
  wait_for 120 grep -q HTTP dead.delete
  wait_for 120 grep -q HTTP dead.prune
  grep -qE 'HTTP (403|500)' dead.delete || fail "$(cat dead.delete)"
  grep -qE 'HTTP (403|500)' dead.prune || fail "$(cat dead.prune)"
  [ -f "$E2E_ROOT/dead/data/volumes/dead/_data/PG_VERSION" ]
}

@test "after all of it, and a restart, every row is there" {
  docker restart db > /dev/null
  wait_for_pg db
  data_is_intact db temp shop_db_1 shop_web_1
}

# Some of them; attacks.sh --unguarded shows it of all, which takes long.
@test "the attacks do destroy where no guard is" {
  local row left=' prune anonymous mount copy compose '
  engine_plugins
  for row in "${ATTACKS[@]}"; do
    attack_fields "$row"
    [[ $left == *" $CATEGORY "* ]] || continue
    left=${left/" $CATEGORY "/ }
    fixture_repair > /dev/null
    fixture_check
    eval "$COMMAND" > attack.log 2>&1 || true
    ! fixture_check > /dev/null || fail "harmless: $CATEGORY: $TITLE: $(cat attack.log)"
  done
  [ "$left" = ' ' ]
}
