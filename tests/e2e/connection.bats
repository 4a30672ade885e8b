#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # bats runs each test in a shell of its own, on purpose
# Connections that fail: each is one line with a hint and the right exit code, on real servers.

load helper

setup_file ()
{
  e2e_begin
  local bindir
  bindir=$(pg_bindirs | head -n 1)
  # Loopback TCP is what is tested, so the server gets a port that is free now.
  PORT=$(free_port)
  export BINDIR=$bindir PORT
  pg_start tcp "$bindir" "listen_addresses = '127.0.0.1'" "port = $PORT" 'max_connections = 8' \
    'superuser_reserved_connections = 2'
  pg_sql tcp postgres "CREATE ROLE app LOGIN PASSWORD 'right'"
  pg_sql tcp postgres 'CREATE DATABASE shop OWNER app'
  pg_sql tcp postgres "SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'right'"
  write_hba tcp 'local all all trust' 'host all old 127.0.0.1/32 md5' 'host shop app 127.0.0.1/32 scram-sha-256'
}

teardown_file () { e2e_end; }

# write_hba NAME LINE...: replaces pg_hba.conf.
write_hba ()
{
  local file=$E2E_ROOT/pg/$1/data/pg_hba.conf
  pg_sql "$1" postgres 'SELECT 1' > /dev/null
  local name=$1
  shift
  printf '%s\n' "$@" > "$file"
  pg_sql "$name" postgres 'SELECT pg_reload_conf()' > /dev/null
  wait_for 5 hba_has "$name" $#
}

hba_has () { [ "$(pg_sql "$1" postgres 'SELECT count(*) FROM pg_hba_file_rules')" -eq "$2" ]; }

# A port of the loopback that nothing listens on, below those that connections take by themselves.
free_port ()
{
  local port
  for port in $(shuf -i 20000-30000 -n 50); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { printf '%s\n' "$port"; return; }
  done
  fail "no free port was found"
}

# A project whose environment "remote" is URL.
remote () { project_new "$(printf '%s\n' 'project: shop' 'environments:' "  remote: {url: \"$1\"}")"; }

status_of ()
{
  remote "$1"
  run_keel -e remote db status
  refute_stdout topsecret
  refute_stderr topsecret
}

@test "the right password connects, over SCRAM and MD5" {
  status_of "postgresql://app:right@127.0.0.1:$PORT/shop"
  assert_status 0
  assert_stdout 'state        reachable'
  assert_stdout "url          postgresql://app:***@127.0.0.1:$PORT/shop"
  assert_stdout 'user         app'
  refute_stdout right
  status_of "postgresql://old:right@127.0.0.1:$PORT/shop"
  assert_status 0
}

@test "a password in PGPASSWORD or in a password file is used" {
  remote "postgresql://app@127.0.0.1:$PORT/shop"
  PGPASSWORD=right run_keel -e remote db status
  assert_status 0
  printf '127.0.0.1:%s:shop:app:right\n' "$PORT" > pgpass
  chmod 600 pgpass
  PGPASSFILE=$PWD/pgpass run_keel -e remote db status
  assert_status 0
}

@test "wrong password" {
  status_of "postgresql://app:topsecret@127.0.0.1:$PORT/shop"
  assert_error 4 'password authentication failed for user "app"' 'Check the password'
  assert_stdout 'state        unreachable'
  status_of "postgresql://old:topsecret@127.0.0.1:$PORT/shop"
  assert_error 4 'password authentication failed for user "old"' 'Check the password'
}

@test "no password" {
  status_of "postgresql://app@127.0.0.1:$PORT/shop"
  assert_error 4 'no password supplied' 'PGPASSWORD'
}

@test "no such role, no such database, not allowed by pg_hba.conf" {
  status_of "postgresql://old:right@127.0.0.1:$PORT/nowhere"
  assert_error 4 'database "nowhere" does not exist' 'Create the database'
  status_of "postgresql://nobody_here:topsecret@127.0.0.1:$PORT/shop"
  assert_error 4 'no pg_hba.conf entry' 'pg_hba.conf on the server'
  status_of "$(pg_url tcp shop nobody_here)"
  assert_error 4 'role "nobody_here" does not exist' 'Create the database or the role'
}

@test "no such host" {
  status_of 'postgresql://me:topsecret@no-such-host.invalid/shop'
  assert_error 4 'could not translate host name "no-such-host.invalid"' 'the name does not resolve'
}

@test "refused" {
  status_of "postgresql://me:topsecret@127.0.0.1:$(free_port)/shop"
  assert_error 4 'Connection refused' 'No server listens there'
  status_of "postgresql://me@/shop?host=$E2E_ROOT"
  assert_error 4 'No such file or directory' 'No server listens on that socket'
}

@test "TLS is asked for and not there" {
  status_of "postgresql://app:right@127.0.0.1:$PORT/shop?sslmode=require"
  assert_error 4 'server does not support SSL' 'sslmode'
}

@test "a URL that is none" {
  status_of 'postgresql://me:topsecret@host:port:1/shop'
  [ "$status" -ne 0 ]
  status_of 'postgresql://me:topsecret@host/shop?no_such_option=1'
  assert_error 2 'is not a PostgreSQL URL' 'postgresql://user@host:5432/database'
}

app_sessions ()
{
  pg_sql tcp postgres "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
}
all_sleep () { [ "$(app_sessions)" -ge 6 ]; }

# Whoever looks, and sessions that have just ended, hold a place for a moment: so this tries again.
occupy_place ()
{
  local problem
  for _ in {1..100}; do
    problem=$(PGPASSWORD=right psql -X -q "postgresql://app@127.0.0.1:$PORT/shop" \
      -c 'SELECT pg_sleep(30)' 2>&1 > /dev/null) && return
    [[ $problem == *'remaining connection slots'* ]] || return 0
    sleep 0.1
  done
}

@test "all connections in use" {
  local pids=()
  while [ "${#pids[@]}" -lt 6 ]; do
    occupy_place 3>&- &
    pids+=($!)
  done
  wait_for 10 all_sleep
  status_of "postgresql://app:right@127.0.0.1:$PORT/shop"
  # The server would go on sleeping for clients that are gone.
  pg_sql tcp postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"
  wait "${pids[@]}" || true
  assert_error 4 'remaining connection slots' 'max_connections'
}

# The program's messages are read in English, whatever language the user's are in.
@test "in another locale" {
  [ "$(locale -a | grep -ci '^de_DE')" -eq 0 ] || export LC_ALL=de_DE.UTF-8
  LANGUAGE=de LANG=de_DE.UTF-8 status_of "postgresql://me@127.0.0.1:$(free_port)/shop"
  assert_error 4 'Connection refused' 'No server listens there'
}

# A standby that takes no sessions answers as a server that is starting, for as long as one likes.
start_standby ()
{
  pg_start slow "$BINDIR"
  pg_sql slow postgres 'CREATE DATABASE shop'
  pg_stop slow
  as_server_user touch "$E2E_ROOT/pg/slow/data/standby.signal"
  printf 'hot_standby = off\n' >> "$E2E_ROOT/pg/slow/data/postgresql.conf"
  as_server_user "$BINDIR/pg_ctl" -D "$E2E_ROOT/pg/slow/data" -l "$E2E_ROOT/pg/slow/data/server.log" -W start \
    > /dev/null 3>&-
  wait_for 10 test -S "$E2E_ROOT/pg/slow/run/.s.PGSQL.5432"
}

@test "a server that is starting is waited for" {
  start_standby
  remote "$(pg_url slow shop)"
  run_keel -e remote db status
  assert_error 4 'the database system is' 'try again shortly'

  (sleep 2; as_server_user "$BINDIR/pg_ctl" -D "$E2E_ROOT/pg/slow/data" promote > /dev/null) 3>&- &
  local begin=$SECONDS
  run_keel -e remote db shell -- -X -A -t -c 'SELECT 42'
  assert_status 0
  [ "$output" = 42 ]
  [ $((SECONDS - begin)) -lt 10 ]
  wait
  pg_stop slow
}

@test "a server that is not there yet is waited for, and not for ever" {
  [ -d "$E2E_ROOT/pg/slow" ] || fail "the test before has not made the server"
  local url="postgresql://postgres@/shop?host=$E2E_ROOT/pg/slow/run"
  remote "$url"
  (sleep 1; pg_start slow "$BINDIR") 3>&- &
  run_keel -e remote db shell -- -X -A -t -c 'SELECT 42'
  wait
  assert_status 0
  [ "$output" = 42 ]
  pg_stop slow
  local begin=$SECONDS
  run_keel -e remote db shell -- -X -c 'SELECT 42'
  assert_error 4 'No such file or directory' 'No server listens on that socket'
  [ $((SECONDS - begin)) -le 15 ]
}

is_psql () { [ "$(cat "/proc/$1/comm" 2> /dev/null)" = psql ]; }

@test "the password is not among the arguments of psql" {
  remote "postgresql://app:right@127.0.0.1:$PORT/shop"
  (cd "$PROJECT" && exec "$PGKEEL" -e remote db shell -- -X -c 'SELECT pg_sleep(5)') > out 2>&1 3>&- &
  local pid=$!
  wait_for 10 is_psql "$pid" || fail "$(cat out)"
  run cat "/proc/$pid/cmdline"
  kill "$pid"
  [[ $output == *dbname=* ]]
  [[ $output != *right* ]]
}

@test "interrupted while it waits for a server" {
  remote "postgresql://app:right@127.0.0.1:$(free_port)/shop"
  "$PGKEEL" -e remote db shell > out 2> err 3>&- &
  local pid=$!
  sleep 1
  kill -TERM "$pid"
  local begin=$SECONDS code=0
  wait "$pid" || code=$?
  [ "$code" -eq 5 ]
  [ $((SECONDS - begin)) -le 1 ]
  [ "$(cat err)" = 'pgkeel: interrupted' ]
}
