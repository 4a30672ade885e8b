#!/usr/bin/env bats
# pgkeel db: the embedded server as a user meets it. Every test runs for each installed major version.
# shellcheck disable=SC2030,SC2031 # bats runs each test in a shell of its own, on purpose

load helper

setup_file () { e2e_begin; }
teardown_file () { e2e_end; }
setup () { project_new; }

# Nothing may run on after a test, failed or not.
teardown ()
{
  local folder
  for folder in "$E2E_ROOT"/project-*; do
    [ ! -f "$folder/pgkeel.yaml" ] || "$PGKEEL" -q -C "$folder" -e development db stop > /dev/null 2>&1 || true
  done
  [ -z "${CLOSED:-}" ] || rm -rf "$CLOSED"
}

# for_each_major FUNCTION: runs it in a new project with $BINDIR and $MAJOR, PGKEEL_PG_PATH set.
for_each_major ()
{
  local count=0
  for BINDIR in $(pg_bindirs); do
    MAJOR=$(pg_major_of "$BINDIR")
    project_new
    export PGKEEL_PG_PATH=$BINDIR
    "$1"
    count=$((count + 1))
  done
  [ "$count" -gt 0 ] || fail "no PostgreSQL server is installed"
}

query () { "$BINDIR/psql" -X -A -t -v ON_ERROR_STOP=1 -c "$2" "$1"; }

data_folder () { "$PGKEEL" db status --json | jq -r .data_folder; }

# --- start, stop, status

starts_and_keeps_data ()
{
  run_keel db status
  assert_error 1 'has not been made yet' 'pgkeel db start'
  assert_stdout absent

  run_keel db start
  assert_status 0
  local url=$output
  [[ $url == postgresql://postgres@/shop\?host=* ]]
  [ "$(query "$url" 'SHOW data_checksums')" = on ]
  [ "$(query "$url" 'SHOW listen_addresses')" = '' ]
  [ "$(query "$url" 'SHOW fsync')" = on ]
  [[ "$(query "$url" 'SHOW server_version')" == "$MAJOR".* ]]
  query "$url" 'CREATE TABLE kept AS SELECT generate_series(1, 1666) AS id'

  run_keel db start --json
  assert_status 0
  assert_json ".url == \"$url\" and .made == false and .started == false and .major == $MAJOR"

  run_keel db stop
  assert_status 0
  assert_stdout stopped
  run_keel db stop
  assert_status 0
  assert_stdout 'was not running'
  run_keel db status
  assert_error 1 'is not running' 'pgkeel db start'
  assert_stdout stopped

  run_keel db start --json
  assert_json '.made == false and .started == true'
  [ "$(query "$url" 'SELECT count(*) FROM kept')" = 1666 ]
}

@test "start makes a cluster and its database; stop and start keep the data" {
  for_each_major starts_and_keeps_data
}

survives_kill ()
{
  run_keel db start
  local url=$output pid
  query "$url" 'CREATE TABLE kept AS SELECT generate_series(1, 1666) AS id'
  pid=$("$PGKEEL" db status --json | jq .pid)
  kill -KILL "$pid"
  run_keel db status
  assert_error 1 'is not running'
  run_keel db start
  assert_status 0
  [ "$(query "$url" 'SELECT count(*) FROM kept')" = 1666 ]
  grep -q 'not properly shut down' "$(dirname "$(data_folder)")/server.log"
}

@test "data survives kill -9 of the server" { for_each_major survives_kill; }

shows_status ()
{
  run_keel db start
  assert_status 0
  run_keel db status
  assert_status 0
  for text in 'shop/development, local' running "PostgreSQL $MAJOR." postgresql:// "$(data_folder)" ' MB' \
              'checksums    on' 'latency' 'stamp        matches'; do
    assert_stdout "$text"
  done
  [ -z "$stderr" ]
  run_keel db status --json
  assert_status 0
  assert_json ".state == \"running\" and .local and (.protected | not) and .checksums and .major == $MAJOR"
  assert_json '.stamp == "matches" and .size_bytes > 1000000 and .latency_ms >= 0'
  [ "$(ps -o comm= -p "$(jq .pid <<< "$output")")" = postgres ]
}

@test "status shows state, version, URL, process, data, size, checksums, stamp" {
  for_each_major shows_status
}

@test "two starts at once make one cluster, and both succeed" {
  "$PGKEEL" db start > one 2> one.err 3>&- & local first=$!
  "$PGKEEL" db start > two 2> two.err 3>&- & local second=$!
  wait "$first" || fail "$(cat one.err)"
  wait "$second" || fail "$(cat two.err)"
  cmp one two
  [ "$(grep -c 'starting PostgreSQL' "$(dirname "$(data_folder)")/server.log")" -eq 1 ]
}

@test "a database that was dropped is a finding, and start makes an empty one again" {
  run_keel db start
  psql -X -q -c 'DROP DATABASE shop' "${output/\/shop/\/postgres}"
  run_keel db status
  assert_error 1 'there is no database “shop”' 'a backup brings its data back'
  run_keel db start
  assert_status 0
  run_keel db status
  assert_status 0
}

@test "interrupting the first start leaves nothing half made" {
  local delay
  for delay in 0.05 0.2 0.4; do
    timeout --signal=INT "$delay" "$PGKEEL" db start 3>&- || true
    timeout --signal=KILL "$delay" "$PGKEEL" db start 3>&- || true
  done
  run_keel db start
  assert_status 0
  [ "$(psql -X -A -t -c 'SELECT 1' "$output")" = 1 ]
  [ -z "$(find "$(dirname "$(data_folder)")" -maxdepth 1 -name 'data.new*')" ]
}

@test "a server that cannot start says why" {
  run_keel db start
  run_keel db stop
  local data
  data=$(data_folder)
  echo 'shared_buffers = plenty' >> "$data/postgresql.conf"
  run_keel db start
  assert_error 5 'the server did not start' 'server.log'
  assert_stderr 'detail: '
  assert_stderr 'shared_buffers'
}

@test "start and stop write to the audit log, a repeated start does not" {
  run_keel db start
  run_keel db start
  run_keel db stop
  [ "$(jq -r '.action + " " + .phase' .pgkeel/audit.jsonl)" = $'db start done\ndb stop intent\ndb stop done' ]
}

# --- where it cannot be

@test "without programs of the wanted version the package is named" {
  project_new $'project: shop\nenvironments:\n  development: {local: true, postgres: 13}'
  run_keel db start
  assert_error 5 'the server programs of PostgreSQL 13 are not installed here' 'apt-get install postgresql-13'
  [ ! -e .pgkeel/development/data ]
}

# As run_keel, with no PostgreSQL to be found.
run_without_programs ()
{
  mkdir -p bin
  ln -sf "$(command -v test)" bin/
  run --separate-stderr env PGKEEL_PG_PATH= PATH="$PWD/bin" "$PGKEEL" "$@" 3>&-
}

@test "without any programs the package is named" {
  run_without_programs db start
  assert_error 5 'no PostgreSQL server programs are installed here' 'apt-get install postgresql)'
  run_keel db start
  assert_status 0
  run_without_programs db shell
  assert_error 5 "PostgreSQL's psql of version" 'apt-get install postgresql-client-'
  # What runs can be stopped all the same.
  run_without_programs db stop
  assert_status 0
}

@test "data of one version is not started with another" {
  local bindirs
  mapfile -t bindirs < <(pg_bindirs)
  [ "${#bindirs[@]}" -ge 2 ] || fail "two PostgreSQL majors are needed: run tools/postgres-other"
  local have want
  have=$(pg_major_of "${bindirs[0]}")
  want=$(pg_major_of "${bindirs[1]}")
  PGKEEL_PG_PATH=${bindirs[0]} run_keel db start
  assert_status 0
  run_keel db stop
  printf '%s\n' 'project: shop' 'environments:' "  development: {local: true, postgres: $want}" > pgkeel.yaml
  PGKEEL_PG_PATH=${bindirs[1]} run_keel db start
  assert_error 5 "the cluster's data is of PostgreSQL $have, and version $want was asked for" \
    "apt-get install postgresql-$have"
}

@test "a remote environment is not started or stopped" {
  project_new $'project: shop\nenvironments:\n  staging: {url: "postgresql://me@127.0.0.1:9/shop"}'
  run_keel -e staging db start
  assert_error 2 'cannot start the server of “staging”, which is not local' 'local: true'
  run_keel -e staging db stop
  assert_error 2 'cannot stop the server of “staging”, which is not local' 'local: true'
}

# --- users and places

@test "in a folder that only root can enter (root's server runs as postgres)" {
  [ "$(id -u)" -eq 0 ] || fail "this test needs root: run make check as root or with sudo"
  CLOSED=$(mktemp -d /root/pgkeel-e2e-XXXXXX)
  cp pgkeel.yaml "$CLOSED"
  cd "$CLOSED"
  run_keel db start
  assert_status 0
  [ "$(psql -X -A -t -c 'SELECT 1' "$output")" = 1 ]
  run_keel db status --json
  assert_json '.data_folder | startswith("/var/lib/pgkeel/")'
  local data
  data=$(jq -r .data_folder <<< "$output")
  [ "$(stat -c %U "$data")" = postgres ]
  [ "$(stat -c %a "$(dirname "$data")")" = 700 ]
  [ "$(head -n 1 .pgkeel/development/location)" = "$(dirname "$data")" ]
  run_keel db stop
  assert_status 0
  rm -rf "$(dirname "$data")"
}

@test "in a deep folder with an odd name" {
  local deep="$PROJECT/a \"deep\" \$(touch oops) 'folder' with %2F and ünïcode/and more than the hundred and seven"
  mkdir -p "$deep"
  chmod 755 "$deep"
  cp pgkeel.yaml "$deep"
  cd "$deep"
  run_keel db start
  assert_status 0
  [ "$(psql -X -A -t -c 'SELECT 1' "$output")" = 1 ]
  [ -z "$(find "$PROJECT" -name oops)" ]
  run_keel db stop
  assert_status 0
}

@test "as an ordinary user" {
  local folder=$E2E_ROOT/ordinary
  mkdir "$folder"
  cp pgkeel.yaml "$folder"
  if [ "$(id -u)" -eq 0 ]; then
    chown -R nobody "$folder"
    as () { setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"; }
  else
    as () { "$@"; }
  fi
  # shellcheck disable=SC2016
  run as timeout 60 sh -c 'cd "$1" && "$2" -q db start && "$2" db status --json && "$2" -q db stop' - \
    "$folder" "$PGKEEL" 3>&-
  [ "$status" -eq 0 ] || fail "$output"
  [[ $output == *'"state": "running"'* ]]
  [[ $output == *"$folder/.pgkeel/development/data"* ]]
  [ "$(stat -c %a "$folder/.pgkeel")" = 700 ]
}

# --- url

@test "url works with psql, and warns when the server is not running" {
  run_keel db url
  assert_status 0
  assert_stderr 'the server is not running'
  local url=$output
  run_keel db start
  [ "$output" = "$url" ]
  run_keel db url
  [ "$output" = "$url" ]
  [ -z "$stderr" ]
  [ "$(psql -X -A -t -c 'SELECT current_database()' "$output")" = shop ]
  run_keel db url --json
  assert_json ".url == \"$url\" and .masked == false"
}

@test "url of a remote environment is masked" {
  project_new $'project: shop\nenvironments:\n  production: {url: "postgresql://me:topsecret@db.invalid/shop"}'
  run_keel -e production db url
  assert_status 0
  [ "$output" = 'postgresql://me:***@db.invalid/shop' ]
  run_keel -e production db url --json
  assert_json '.masked == true'
  refute_stdout topsecret
  run_keel -e production db url --show-password
  [ "$output" = 'postgresql://me:topsecret@db.invalid/shop' ]
}

# --- shell

# In a terminal, as a user would see it. $1: what is typed.
type_into_shell ()
{
  unset NO_COLOR
  run timeout 60 env TERM=xterm PAGER=cat script -qec "$PGKEEL -q ${ENVIRONMENT_OPTION:-} db shell ${SHELL_ARGUMENTS:-}" /dev/null \
    <<< "$1" 3>&-
  export NO_COLOR=1
}

@test "shell: the prompt says where it is, green for development" {
  run_keel db start
  type_into_shell '\q'
  [ "$status" -eq 0 ]
  [[ $output == *$'\e[1;32mshop/development\e[0m shop=#'* ]] || fail "$output"
}

@test "shell: production is red, and one's own psqlrc cannot take that away" {
  printf '%s\n' 'project: shop' 'environments:' '  production: {local: true}' > pgkeel.yaml
  run_keel -e production db start
  assert_status 0
  printf '%s\n' "\\set PROMPT1 'mine> '" '\set seen yes' > "$E2E_ROOT/.psqlrc"
  ENVIRONMENT_OPTION='-e production'
  type_into_shell $'\\echo seen :seen\n\\q'
  rm "$E2E_ROOT/.psqlrc"
  [ "$status" -eq 0 ]
  [[ $output == *$'\e[1;37;41mshop/production\e[0m shop=#'* ]] || fail "$output"
  [[ $output != *'mine>'* ]]
  [[ $output == *'seen yes'* ]]
  SHELL_ARGUMENTS='-- -X'
  type_into_shell '\q'
  [[ $output == *$'\e[1;37;41mshop/production\e[0m shop=#'* ]]
  run_keel -e production db stop
}

@test "shell: arguments after -- go to psql, whose exit code comes back" {
  run_keel db start
  run_keel db shell -- -X -A -t -c 'SELECT 6 * 7' -c 'SHOW application_name'
  assert_status 0
  [ "${lines[0]}" = 42 ]
  run_keel db shell -- -X -v ON_ERROR_STOP=1 -c 'SELECT 1/0'
  assert_status 1
  assert_stderr 'division by zero'
  run_keel --json db shell
  assert_error 2 'does not write JSON' '--csv'
}

@test "shell: a psql older than the server serves, with a warning" {
  local bindirs
  mapfile -t bindirs < <(pg_bindirs)
  [ "${#bindirs[@]}" -ge 2 ] || fail "two PostgreSQL majors are needed: run tools/postgres-other"
  local older=${bindirs[0]} newer=${bindirs[1]}
  [ "$(pg_major_of "$older")" -lt "$(pg_major_of "$newer")" ] || { older=$newer; newer=${bindirs[0]}; }
  PGKEEL_PG_PATH=$newer run_keel db start
  assert_status 0
  mkdir older
  ln -s "$older/psql" older/
  ln -s "$(command -v test)" older/
  run --separate-stderr env PGKEEL_PG_PATH= PATH="$PWD/older" "$PGKEEL" db shell -- -X -A -t -c 'SELECT 42' 3>&-
  assert_status 0
  [ "$output" = 42 ]
  assert_stderr 'psql is older than the server'
  assert_stderr "apt-get install postgresql-client-$(pg_major_of "$newer")"
}

@test "shell: a database that is another environment's is refused" {
  run_keel db start
  local url=$output
  printf '%s\n' 'project: shop' 'environments:' "  staging: {url: \"$url\"}" > pgkeel.yaml
  run_keel -e staging db shell -- -c 'SELECT 1'
  assert_status 3
  assert_stderr development
  assert_stderr staging
  printf '%s\n' 'project: shop' 'environments:' '  development: {local: true}' > pgkeel.yaml
}

@test "shell: the server is not running" {
  run_keel db shell
  assert_error 4 'is not running' 'pgkeel db start'
}
