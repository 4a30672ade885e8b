#!/usr/bin/env bats
# shellcheck disable=SC1111 # pgkeel quotes names so in what it says.
# shellcheck disable=SC2016 # what the fake docker does is for its own shell
# ledger_docker: what it passes on, to a docker that writes down what it got; what it refuses, before a real Engine
# of its own, without any plugin.

load helper
# shellcheck source=tests/docker/engine.bash
source "$BATS_TEST_DIRNAME/../docker/engine.bash"

setup_file ()
{
  e2e_begin
  export WRAPPER=$E2E_ROOT/bin/ledger_docker FAKES=$E2E_ROOT/fakes PLAIN_PATH=$PATH
  mkdir "$E2E_ROOT/bin" "$FAKES"
  ln -s "$PGKEEL" "$WRAPPER"
  write_fake docker
  write_fake docker-compose
  export ENGINE_WITHOUT_PLUGINS=1
  engine_start "$E2E_ROOT/e"
  image_base "$ENGINE/rootfs"
  tar -C "$ENGINE/rootfs" -c . | docker import - tools:e2e > /dev/null
}

teardown_file ()
{
  engine_stop
  e2e_end
}

setup ()
{
  project_new
  export RECORD=$PROJECT/record FAKE_EXIT=0 FAKE_COMPOSE=1 FAKE_DO=:
}

# A docker that writes down its name and words, each in brackets, and does what FAKE_DO says.
write_fake ()
{
  cat > "$FAKES/$1" << 'END'
#!/bin/bash
case "$*" in
  *"compose version") exit $((1 - FAKE_COMPOSE)) ;;
  *"version --format"*) echo 1.51; exit ;;
esac
{ printf '%s' "${0##*/}"; printf ' [%s]' "$@"; echo; } >> "$RECORD"
eval "$FAKE_DO"
exit "$FAKE_EXIT"
END
  chmod 755 "$FAKES/$1"
}

# As run_keel, by the wrapper's name; the fakes are the docker that it finds.
wrap () { wrap_in "$FAKES:$PLAIN_PATH" "$@"; }

# With the PATH $1.
wrap_in ()
{
  local errors=$E2E_ROOT/stderr path=$1
  shift
  status=0
  output=$(timeout --foreground "$E2E_TIMEOUT" env PATH="$path" "$WRAPPER" "$@" 2> "$errors") || status=$?
  stderr=$(cat "$errors")
}

# The same before the Engine, with the real docker.
guarded ()
{
  local errors=$E2E_ROOT/stderr
  status=0
  output=$(timeout "$E2E_TIMEOUT" "$WRAPPER" "$@" 2> "$errors" < /dev/null) || status=$?
  stderr=$(cat "$errors")
}

# What the fake says of itself when it does $1 is the same behind the wrapper, with another descriptor open.
same_as_docker ()
{
  FAKE_DO=$1 PATH=$FAKES:$PATH "$WRAPPER" ps 8> /dev/null > behind
  FAKE_DO=$1 "$FAKES/docker" ps 8> /dev/null > before
  [ -s before ]
  diff before behind
}

assert_passed ()
{
  assert_status 0
  [ "$(tail -n 1 "$RECORD")" = "$1" ] || fail "passed: $(cat "$RECORD")"
  [ -z "$stderr" ] || fail "it says: $stderr"
}

refute_passed () { [ ! -e "$RECORD" ] || fail "passed: $(cat "$RECORD")"; }

# --- what it passes on -----------------------------------------------------------------------------

@test "every word arrives as it was given, and nothing is added" {
  wrap ps -a --format '{{.Names}} x' '' $'a\nb' -- '--help' 'ü' '*'
  assert_status 0
  [ "$(cat "$RECORD")" = $'docker [ps] [-a] [--format] [{{.Names}} x] [] [a\nb] [--] [--help] [ü] [*]' ]
  wrap --help
  assert_passed "docker [--help]"
  wrap --version
  assert_passed "docker [--version]"
  wrap
  [[ $(tail -n 1 "$RECORD") == docker* ]]
  wrap -H tcp://nobody:1 --json version --json -q -C x
  assert_passed "docker [-H] [tcp://nobody:1] [--json] [version] [--json] [-q] [-C] [x]"
  PATH=$FAKES:$PLAIN_PATH run_keel guard docker images --help
  assert_passed "docker [images] [--help]"
  PATH=$FAKES:$PLAIN_PATH run_keel guard docker -- --help
  assert_passed "docker [--help]"
  PATH=$FAKES:$PLAIN_PATH run_keel guard docker --help
  assert_stdout "Usage: pgkeel guard docker"
}

@test "exit codes, input, output, descriptors and environment are docker's own" {
  local code
  for code in 0 1 3 42 125 255; do
    FAKE_EXIT=$code wrap ps
    assert_status "$code"
    [ -z "$stderr" ]
  done
  FAKE_DO='cat; echo err >&2' wrap load < <(printf 'one\0two' | tr '\0' x)
  [ "$output" = onextwo ]
  [ "$stderr" = err ]
  FAKE_DO='cat <&7; ls /proc/$$/fd | paste -s -d " "' wrap ps 7< <(echo seven) 8> /dev/null
  assert_stdout seven
  same_as_docker 'ls /proc/$$/fd'
  same_as_docker 'env | grep -v -e ^_= -e ^PATH= -e ^PGKEEL_DOCKER_DEPTH= | sort'
  same_as_docker 'ulimit -a; umask; pwd'
}

@test "signals: what was ignored stays so, all else is as before; docker gets them, not us" {
  local state='exec grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
  same_as_docker "$state"
  trap '' HUP PIPE XFSZ
  same_as_docker "$state"
  trap - HUP PIPE XFSZ
  export PROJECT
  FAKE_DO='trap "exit 77" TERM; echo $$ > "$PROJECT/pid"; while :; do sleep 0.05; done' \
    PATH=$FAKES:$PATH "$WRAPPER" logs -f x 3>&- & local pid=$!
  wait_for 60 test -s "$PROJECT/pid"
  [ "$(cat "$PROJECT/pid")" = "$pid" ]
  kill -TERM "$pid"
  local code=0
  wait "$pid" || code=$?
  [ "$code" -eq 77 ]
  # What ends by a signal is seen to.
  rm "$PROJECT/pid"
  FAKE_DO='kill -KILL $$' wrap ps
  assert_status 137
}

@test "a terminal is docker's terminal" {
  FAKE_DO='[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all three; stty -g > /dev/null && echo controls' \
    PATH=$FAKES:$PATH run script -qec "$WRAPPER run -it --rm alpine" /dev/null
  [[ $output == *"all three"*controls* ]] || fail "$output"
  PATH=$FAKES:$PATH FAKE_EXIT=9 run script -qec "$WRAPPER exec -it c sh" /dev/null
  [ "$status" -eq 9 ]
}

@test "compose is docker's, or docker-compose's where docker has none" {
  wrap compose -p x up -d
  assert_passed "docker [compose] [-p] [x] [up] [-d]"
  export FAKE_COMPOSE=0
  wrap --context c --config "$PROJECT/settings" compose ps
  assert_passed "docker-compose [--context=c] [ps]"
  FAKE_DO='echo "$DOCKER_CONFIG"' wrap --config /settings compose ps
  assert_stdout "/settings"
  wrap ps
  assert_passed "docker [ps]"
}

@test "the real docker is found behind ourselves, or named" {
  mkdir self
  ln -s "$PGKEEL" self/docker
  PATH=$PWD/self:$FAKES:$PLAIN_PATH run_keel guard docker ps
  assert_passed "docker [ps]"
  PATH=$PWD/self:$FAKES:$PLAIN_PATH run docker ps
  [ "$status" -eq 0 ]
  wrap_in "$PWD/self" ps
  assert_error 5 "there is no program “docker” in PATH besides pgkeel itself" "PGKEEL_DOCKER"
  PGKEEL_DOCKER=$FAKES/docker PATH=/nonexistent:/bin:/usr/bin run_keel guard docker ps
  assert_passed "docker [ps]"
  PGKEEL_DOCKER=$PWD/self/docker run_keel guard docker ps
  assert_error 2 "is pgkeel itself"
  PGKEEL_DOCKER=docker run_keel guard docker ps
  assert_error 2 "is no program"
  # A script that calls us again must not go round for ever.
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$WRAPPER" > self/script
  chmod 755 self/script
  PGKEEL_DOCKER=$PWD/self/script run_keel guard docker ps
  assert_error 5 "leads back to pgkeel"
}

# --- production ------------------------------------------------------------------------------------

@test "production is authorised by a word; reading needs none" {
  local line lines=("compose -f docker-compose.prod.yml up -d" "compose -p shop-prod down"
                    "--context shop-production restart web" "-H tcp://prod:2375 run alpine"
                    "compose --env-file .env.production restart")
  printf '%s\n' 'project: shop' 'environments:' '  development: {local: true}' \
    '  production: {url: "postgresql://db/shop"}' > pgkeel.yaml
  touch docker-compose.prod.yml .env.production docker-compose.yml
  for line in "${lines[@]}"; do
    # shellcheck disable=SC2086 # one word each
    wrap $line
    assert_error 3 "in production" "--authorise production"
    refute_passed
  done
  wrap --authorise production compose -f docker-compose.prod.yml up -d
  assert_passed "docker [compose] [-f] [docker-compose.prod.yml] [up] [-d]"
  wrap --authorise=prod compose -p shop-prod up
  assert_passed "docker [compose] [-p] [shop-prod] [up]"
  wrap compose -f docker-compose.prod.yml ps
  assert_passed "docker [compose] [-f] [docker-compose.prod.yml] [ps]"
  wrap --context shop-production logs web
  assert_passed "docker [--context] [shop-production] [logs] [web]"
  wrap compose up
  assert_passed "docker [compose] [up]"
  rm "$RECORD"
  LEDGER_ENV=production wrap restart web
  assert_error 3 "LEDGER_ENV says “production”"
  wrap --authorise staging compose up
  assert_error 2 "takes “production”, not “staging”"
  refute_passed
  "$PGKEEL" audit log --json | jq -e '[.. | objects | select(.rule? == "production")] | length == 6' > /dev/null
}

@test "production is authorised by typing it on a terminal" {
  PATH=$FAKES:$PATH run script -qec "$WRAPPER compose -p shop-prod up -d" /dev/null <<< yes
  [ "$status" -eq 3 ] || fail "$output"
  refute_passed
  PATH=$FAKES:$PATH run script -qec "$WRAPPER compose -p shop-prod up -d" /dev/null <<< production
  [ "$status" -eq 0 ] || fail "$output"
  [[ $output == *"the project's name “shop-prod”"* ]]
  grep -qxF "docker [compose] [-p] [shop-prod] [up] [-d]" "$RECORD"
  "$PGKEEL" audit log --json |
    jq -e '[.. | objects | select(.confirmed?.by? == "terminal" and .confirmed.level == "name")] | length == 1'
}

# --- what cannot be asked --------------------------------------------------------------------------

@test "behind ssh, or nowhere: what destroys is refused, the rest passes" {
  local host
  for host in ssh://me@there tcp://127.0.0.1:1 unix:///nonexistent/docker.sock; do
    wrap -H "$host" volume rm data
    assert_error 3 "it cannot be found out what this would destroy"
    refute_passed
    wrap -H "$host" volume ls
    assert_passed "docker [-H] [$host] [volume] [ls]"
    rm "$RECORD"
  done
  host=ssh://me@there
  wrap -H "$host" volume prune -f
  assert_status 3
  wrap -H "$host" compose -p x down -v
  assert_status 3
  wrap -H "$host" compose -p x rm -fsv
  assert_error 3 "it cannot be found out what this would destroy"
  refute_passed
  wrap -H "$host" compose -p x down
  assert_passed "docker [-H] [$host] [compose] [-p] [x] [down]"
  wrap -H "$host" run --rm alpine true
  assert_passed "docker [-H] [$host] [run] [--rm] [alpine] [true]"
  rm "$RECORD"
  echo 'project: [' > pgkeel.yaml
  wrap ps
  assert_passed "docker [ps]"
  wrap restart web
  assert_error 2 "whether docker may do this is not known"
}

# --- before a real Engine --------------------------------------------------------------------------

# A volume with a PostgreSQL's files in it, as far as the guard looks.
database_volume ()
{
  docker volume create "$@" > /dev/null
  printf '17\n' > "$(volume_path "${!#}")/PG_VERSION"
}

@test "protected volumes stay; the refusal says why, how large, how proven, and what else to do" {
  database_volume pgdata
  docker volume create --label com.ledgerflow.protect=true marked > /dev/null
  docker volume create plain > /dev/null
  guarded volume rm pgdata
  assert_error 3 "refused: volume “pgdata” holds a PostgreSQL 17 database and must not be deleted" "pgkeel guard release pgdata"
  assert_stderr "detail: command: docker volume rm pgdata"
  assert_stderr "detail: volume: pgdata, "
  assert_stderr "detail: last proven backup: "
  assert_stderr "detail: this is an incident"
  run_keel incident list
  assert_stdout "refused-destruction"
  run_keel audit log
  assert_stdout "refused"
  # While it is open, not even this.
  guarded volume rm plain
  assert_error 3 "incident"
  close_incidents
  guarded volume rm -f plain marked
  assert_error 3 "carries the label com.ledgerflow.protect=true"
  close_incidents
  guarded volume rm -f plain
  assert_status 0
  [ "$output" = plain ]
  docker volume inspect pgdata marked > /dev/null
  [ "$(cat "$(volume_path pgdata)/PG_VERSION")" = 17 ]
  docker volume rm pgdata marked > /dev/null
}

@test "prunes and anonymous volumes" {
  local id
  database_volume keep
  # This client and Engine agree on API 1.41 at most, or else on what takes anonymous ones only.
  DOCKER_API_VERSION=1.41 guarded volume prune -f
  assert_error 3 "pruning takes volume “keep”" "label!="
  close_incidents
  id=$(docker create --network none -v /data tools:e2e true)
  printf '17\n' > "$(volume_path "$(docker inspect --format '{{(index .Mounts 0).Name}}' "$id")")/PG_VERSION"
  guarded rm -fv "$id"
  assert_error 3 "would go with its container" "without -v"
  close_incidents
  guarded rm "$id"
  assert_status 0
  DOCKER_API_VERSION=1.41 guarded system prune -f --volumes
  assert_status 3
  docker volume inspect keep > /dev/null
  docker volume ls -q | xargs docker volume rm > /dev/null
}

@test "down -v is refused while the containers are there, and by the names in the files without them" {
  mkdir Shop.Web
  cd Shop.Web
  printf '%s\n' 'services:' '  db: {image: "tools:e2e", network_mode: none, command: sleep 1000, stop_grace_period: 0s,' \
    '       volumes: ["pgdata:/data"]}' 'volumes:' '  pgdata:' '  extra: {name: shop-extra}' > docker-compose.yml
  sed -i '1i version: "3.7"' docker-compose.yml
  guarded compose up -d
  assert_status 0
  printf '17\n' > "$(volume_path shopweb_pgdata)/PG_VERSION"
  guarded compose down -v
  assert_error 3 "project “shopweb” has volume “shopweb_pgdata”" "docker compose down"
  [ -n "$(docker ps -q)" ]
  close_incidents
  guarded compose rm -sfv
  assert_status 3
  close_incidents
  docker ps -aq | xargs docker rm -f > /dev/null
  # A volume that compose did not make, but will remove.
  docker volume rm shopweb_pgdata > /dev/null
  docker volume rm shop-extra > /dev/null
  database_volume shop-extra
  guarded compose down --volumes
  assert_error 3 "volume “shop-extra” holds a PostgreSQL 17 database"
  close_incidents
  docker volume inspect shop-extra > /dev/null
  rm "$(volume_path shop-extra)/PG_VERSION"
  guarded compose down -v
  assert_status 0
  [ -z "$(docker volume ls -q)" ]
}

@test "a release opens one deletion, which the log has; asked for more, it stays" {
  export PGKEEL_GUARD_STATE=$PROJECT/state
  database_volume first
  database_volume second
  GUARD_RELEASE_CONFIRM="first no backup" run_keel guard release first --no-backup --docker "$DOCKER_HOST"
  assert_status 0
  guarded volume rm first second
  assert_error 3 "volume “second”"
  close_incidents
  guarded volume rm first
  assert_status 0
  run_keel audit log -n 100 --json
  assert_json '[.. | objects | select(.action? == "guard" and .phase == "intent" and .volume == "first")] | length == 1'
  [ -z "$(ls "$PGKEEL_GUARD_STATE/releases")" ]
  database_volume first
  guarded volume rm first
  assert_status 3
  docker volume rm first second > /dev/null
}

# As somebody who may use the Engine, and may not read its files.
guarded_as_user ()
{
  local errors=$E2E_ROOT/stderr
  status=0
  output=$(as_server_user env -C "$PROJECT" "$E2E_ROOT/bin/pgkeel" guard docker "$@" 2> "$errors" < /dev/null) ||
    status=$?
  stderr=$(cat "$errors")
}

@test "who cannot look into a volume does not delete it, unless the plugin has looked" {
  cp "$PGKEEL" "$E2E_ROOT/bin/pgkeel"
  chmod 666 "$ENGINE/docker.sock"
  chown -R postgres: "$PROJECT"
  docker volume create cache > /dev/null
  database_volume pgdata
  guarded_as_user volume rm cache
  assert_error 3 "volume “cache” cannot be looked into" "as root"
  guarded_as_user volume ls -q
  [ "$output" = $'cache\npgdata' ]
  "$PGKEEL" guard serve --name pgkeel --socket "$ENGINE/plugins/pgkeel.sock" 2> guard.log 3>&- &
  local guard=$!
  wait_for 60 test -S "$ENGINE/plugins/pgkeel.sock"
  engine_plugins pgkeel
  guarded_as_user volume rm cache
  assert_status 0
  guarded_as_user volume rm pgdata
  assert_status 1
  assert_stderr "authorization denied by plugin pgkeel"
  engine_plugins
  kill "$guard"
  wait "$guard" || true
  docker volume rm pgdata > /dev/null
}

@test "every command below a pgkeel.yaml is logged, without its secrets" {
  wrap run -e POSTGRES_PASSWORD=geheim alpine
  wrap ps
  wrap --authorise production compose -p shop-prod up
  run_keel audit log -n 100 --json
  assert_json '[.. | objects | select(.action? == "docker") | .request] | length == 3'
  assert_json '[.. | objects | select(.action? == "docker" and .reads)] | length == 1'
  assert_json '[.. | objects | select(.authorised? == "production")] | length == 1'
  refute_stdout geheim
}

@test "without a log only what takes volumes away is stopped" {
  mkdir -p .pgkeel/audit.jsonl
  wrap ps
  assert_passed "docker [ps]"
  wrap restart web
  assert_status 0
  assert_stderr "writing the audit log"
  docker volume create plain > /dev/null
  guarded volume rm plain
  assert_error 3 "it cannot be told whether an incident is open"
  docker volume rm plain > /dev/null
}
