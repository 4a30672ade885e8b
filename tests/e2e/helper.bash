# What the end-to-end tests share: real PostgreSQL servers, temporary projects, running pgkeel, and
# assertions about what a user sees. Load it first: `load helper`.
#
#   setup_file ()    { e2e_begin; pg_start_all; }     # E2E_ROOT, and a server per installed major
#   teardown_file () { e2e_end; }                     # stops every server, removes E2E_ROOT
#   setup ()         { project_new; }                 # an own project folder; cd into it
#
# Variables from outside:
#   PGKEEL               the binary; default: build/pgkeel of this repository
#   PGKEEL_TEST_BINDIRS  bin folders of PostgreSQL, separated by spaces; default: all that are
#                        installed and the one of tools/postgres-other
#
# e2e_begin gives pgkeel all of them in PGKEEL_PG_PATH.
#
# Servers (NAME is any word; pg_start_all uses the major version: 15, 17):
#   pg_bindirs                   the bin folders, one a line
#   pg_start NAME BINDIR [SETTING...]   starts a server (a new one, or again one that was stopped);
#                                SETTING: lines for postgresql.conf, such as "port = 5433"
#   pg_start_all                 one per bin folder
#   pg_majors                    names of the servers that pg_start_all started
#   pg_stop NAME [MODE]          MODE: fast (default), immediate
#   pg_kill NAME                 kill -9 of the server, as a crash; returns when all of it is gone
#   no_process_in FOLDER         true when no process has FOLDER as its working folder
#   pg_url NAME [DATABASE [USER]]   its URL over the Unix socket; default: database and user postgres
#   pg_sql NAME DATABASE SQL     runs SQL with psql, prints bare rows; fails when SQL fails
#   pg_tool NAME TOOL ARGS...    runs a program of that server's bin folder against it (PGHOST,
#                                PGPORT, PGUSER are set)
#   as_server_user COMMAND...    as the user who owns the servers: "postgres" for root, else us
#
# Projects:
#   project_new [YAML]           new folder $PROJECT with pgkeel.yaml (YAML, or a minimal one with
#                                a local environment "development"), becomes the current folder
#
# Running and asserting (after run_keel: $status, $output = standard output, $stderr):
#   run_keel ARGS...             runs pgkeel, whatever its exit code; bounded to E2E_TIMEOUT (120) s
#   assert_status N              exit code; shows everything otherwise
#   assert_stdout TEXT           standard output contains TEXT
#   assert_stderr TEXT           standard error contains TEXT
#   refute_stdout, refute_stderr TEXT
#   assert_error STATUS MESSAGE [HINT]   exit code; standard error has exactly one "pgkeel: " line,
#                                which contains MESSAGE, and a "hint: " line that contains HINT
#   assert_json FILTER           standard output is one JSON value for which jq's FILTER is true
#   wait_for SECONDS COMMAND...  until COMMAND succeeds; fails after SECONDS
#   close_incidents              closes whatever incident is open
#   fail MESSAGE                 ends the test
bats_require_minimum_version 1.5.0

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PGKEEL=${PGKEEL:-$REPOSITORY/build/pgkeel}
E2E_TIMEOUT=${E2E_TIMEOUT:-120}

fail ()
{
  printf '%s\n' "$*" >&2
  return 1
}

# Nothing of the caller's environment may decide what is tested.
clean_environment ()
{
  local name
  for name in $(compgen -v); do
    case $name in
      PGKEEL_TEST_BINDIRS | PGKEEL_RELEASE) ;;
      PG[A-Z]*) [ "$name" = PGKEEL ] || unset "$name" ;;
      DATABASE_URL | LEDGER_ENV | NODE_ENV | BACKUP_DIR | DB_RESTORE_* | GUARD_RELEASE_*) unset "$name" ;;
    esac
  done
  export LC_ALL=C.UTF-8 NO_COLOR=1 HOME=${E2E_ROOT:-/nonexistent}
}

e2e_begin ()
{
  [ -x "$PGKEEL" ] || fail "there is no binary $PGKEEL: build it, or set PGKEEL"
  E2E_ROOT=$(mktemp -d /tmp/pgkeel-e2e-XXXXXX)
  chmod 755 "$E2E_ROOT"
  export E2E_ROOT PGKEEL
  mkdir "$E2E_ROOT/pg"
  clean_environment
  PGKEEL_PG_PATH=$(pg_bindirs | paste -s -d :)
  export PGKEEL_PG_PATH
}

e2e_end ()
{
  local name folder
  for folder in "$E2E_ROOT"/pg/*/; do
    [ -d "$folder" ] || continue
    name=$(basename "$folder")
    pg_stop "$name" immediate || pg_kill "$name" || true
  done
  # Embedded clusters that a test left running.
  for folder in "$E2E_ROOT"/*/.pgkeel/*/data; do
    [ -f "$folder/postmaster.pid" ] || continue
    kill -QUIT "$(head -n 1 "$folder/postmaster.pid")" 2> /dev/null || true
  done
  rm -rf "${E2E_ROOT:?}"
}

as_server_user ()
{
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- env HOME=/ "$@")
  else
    "$@"
  fi
}

pg_bindirs ()
{
  if [ -n "${PGKEEL_TEST_BINDIRS:-}" ]; then
    tr -s ' ' '\n' <<< "$PGKEEL_TEST_BINDIRS"
  else
    { compgen -G '/usr/lib/postgresql/*/bin' || true
      "$REPOSITORY/tools/postgres-other" --check 2> /dev/null || true; } | sort -u
  fi
}

pg_major_of () { "$1/postgres" --version | sed -E 's/.*\) ([0-9]+).*/\1/'; }

pg_majors () { cat "$E2E_ROOT/majors"; }

pg_start_all ()
{
  local bindir major
  for bindir in $(pg_bindirs); do
    major=$(pg_major_of "$bindir")
    pg_start "$major" "$bindir"
    printf '%s\n' "$major" >> "$E2E_ROOT/majors"
  done
  [ -s "$E2E_ROOT/majors" ] || fail "no PostgreSQL server is installed"
}

pg_start ()
{
  local name=$1 bindir=$2 folder=$E2E_ROOT/pg/$1
  shift 2
  if [ ! -d "$folder" ]; then
    mkdir "$folder"
    [ "$(id -u)" -ne 0 ] || chown postgres: "$folder"
    printf '%s\n' "$bindir" > "$folder/bindir"
    as_server_user mkdir "$folder/run"
    as_server_user "$bindir/initdb" --no-sync --auth=trust --username=postgres --encoding=UTF8 \
      --locale=C.UTF-8 --pgdata="$folder/data" > "$folder/initdb.log" 2>&1 ||
      fail "initdb failed: $(tail -n 3 "$folder/initdb.log")"
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$folder/run'" "fsync = off" \
      >> "$folder/data/postgresql.conf"
  fi
  [ $# -eq 0 ] || printf '%s\n' "$@" >> "$folder/data/postgresql.conf"
  # After a crash. PostgreSQL takes a dead process that nobody has waited for yet for a living one.
  [ ! -f "$folder/data/postmaster.pid" ] || ! no_process_in "$folder/data" ||
    rm -f "$folder/data/postmaster.pid" "$folder"/run/.s.PGSQL.*
  # Bats waits for who holds its descriptor 3.
  as_server_user "$bindir/pg_ctl" --pgdata="$folder/data" --log="$folder/data/server.log" -w \
    start > /dev/null 3>&- || fail "the server did not start: $(tail -n 5 "$folder/data/server.log")"
}

pg_bindir () { cat "$E2E_ROOT/pg/$1/bindir"; }

pg_port () { sed -n 4p "$E2E_ROOT/pg/$1/data/postmaster.pid"; }

pg_stop ()
{
  local data=$E2E_ROOT/pg/$1/data
  [ -f "$data/postmaster.pid" ] || return 0
  as_server_user "$(pg_bindir "$1")/pg_ctl" --pgdata="$data" --mode="${2:-fast}" -w stop > /dev/null 2>&1
}

pg_kill ()
{
  local data=$E2E_ROOT/pg/$1/data
  kill -KILL "$(head -n 1 "$data/postmaster.pid")"
  wait_for 20 no_process_in "$data"
}

# True when no process works in FOLDER: the postmaster and its children are gone.
no_process_in ()
{
  [ -z "$(find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$1" 2> /dev/null)" ]
}

pg_url ()
{
  printf 'postgresql://%s@/%s?host=%s&port=%s\n' "${3:-postgres}" "${2:-postgres}" \
    "$E2E_ROOT/pg/$1/run" "$(pg_port "$1")"
}

pg_tool ()
{
  local name=$1 tool=$2
  shift 2
  PGHOST=$E2E_ROOT/pg/$name/run PGPORT=$(pg_port "$name") PGUSER=postgres \
    "$(pg_bindir "$name")/$tool" "$@"
}

pg_sql () { pg_tool "$1" psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$2" -c "$3"; }

project_new ()
{
  PROJECT=$(mktemp -d "$E2E_ROOT/project-XXXXXX")
  chmod 755 "$PROJECT"
  cd "$PROJECT" || return 1
  if [ $# -gt 0 ]; then
    printf '%s\n' "$1" > pgkeel.yaml
  else
    printf '%s\n' 'project: shop' 'environments:' '  development: {local: true}' > pgkeel.yaml
  fi
}

run_keel ()
{
  # timeout(1) in the foreground, so that a test can give the program a terminal.
  run --separate-stderr timeout --foreground "$E2E_TIMEOUT" "$PGKEEL" "$@" 3>&-
}

# shellcheck disable=SC2154 # bats sets status, output and stderr
show_run ()
{
  printf 'exit code: %s\n--- standard output\n%s\n--- standard error\n%s\n---\n' "$status" "$output" \
    "${stderr:-}" >&2
}

assert_status ()
{
  [ "$status" -eq "$1" ] || { show_run; fail "expected exit code $1, not $status"; }
}

assert_stdout () { [[ $output == *"$1"* ]] || { show_run; fail "standard output lacks: $1"; }; }

assert_stderr () { [[ $stderr == *"$1"* ]] || { show_run; fail "standard error lacks: $1"; }; }

refute_stdout () { [[ $output != *"$1"* ]] || { show_run; fail "standard output has: $1"; }; }

refute_stderr () { [[ $stderr != *"$1"* ]] || { show_run; fail "standard error has: $1"; }; }

assert_error ()
{
  local message
  assert_status "$1"
  message=$(grep '^pgkeel: ' <<< "$stderr" || true)
  [ "$(grep -c . <<< "$message")" -eq 1 ] || { show_run; fail "there is not one message"; }
  [[ $message == *"$2"* ]] || { show_run; fail "the message lacks: $2"; }
  [ $# -lt 3 ] || grep -E '^ *hint: ' <<< "$stderr" | grep -qF -- "$3" ||
    { show_run; fail "the hint lacks: $3"; }
}

assert_json ()
{
  jq -e "$1" <<< "$output" > /dev/null || { show_run; fail "not true of the JSON: $1"; }
}

wait_for ()
{
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { fail "waited in vain for: $*"; return 1; }
    sleep 0.05
  done
}

# What a test did on purpose is understood.
close_incidents ()
{
  local id
  for id in $("$PGKEEL" incident list --json | jq -r '.incidents[].id'); do
    "$PGKEEL" incident close "$id" --reason 'done by a test' > /dev/null || fail "incident $id stays open"
  done
}
