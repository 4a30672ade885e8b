# What the fault tests share, on top of tests/e2e/helper.bash: a server with data, and what must hold
# after every run that went wrong.
#
#   setup_file ()    { fault_begin; fault_fill; }   # one server called "pg", database "shop"
#   teardown_file () { fault_end; }
#   setup ()         { fault_project; }              # $PROJECT, $BACKUPS (its backup folder), $TMPDIR
#
#   use_release                  the release binary, where the number of runs matters
#   fault_server                 starts the server, again if it was stopped or killed
#   good_backup                  makes a backup that must succeed; prints its name
#   note_folder                  remembers names and bytes of all backups
#   assert_folder_untouched      the same backups with the same bytes, as a listing and as files;
#                                nothing new but backup.log; no unfinished file; nothing in TMPDIR
#   assert_nothing_lives         no process of pgkeel, and no server but ours
#   assert_next_run_works        the next backup succeeds, verifies, and leaves no leftovers
#   start_keel ARGS...           runs pgkeel in the background: $KEEL_PID, $PROJECT/keel.{out,err}
#   await_keel                   waits for its end: $status, $output, $stderr
#   stop_at_bytes N              waits until it has written N bytes of the backup, then SIGSTOPs it
#   mount_small SIZE FOLDER [MODE]   a small tmpfs; unmount_small FOLDER
#   newest_backup                path of the newest backup's file
load ../e2e/helper

use_release () { PGKEEL=${PGKEEL_RELEASE:-$PGKEEL}; }


fault_begin ()
{
  e2e_begin
  pg_start pg "$(pg_bindirs | head -n 1)" "max_connections = 40" "shared_buffers = 64MB"
}

# Only what mount_small mounted, under our own folder, is ever unmounted.
fault_end ()
{
  [[ ${E2E_ROOT:-} == /tmp/pgkeel-e2e-?* ]] || return 0
  unmount_small_below "$E2E_ROOT"
  e2e_end
}

# A few tables, one of them large enough (about 60 MB of text) to interrupt in its middle.
fault_fill ()
{
  pg_sql pg postgres "CREATE DATABASE shop"
  pg_sql pg shop "
    CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, balance numeric(12,2));
    INSERT INTO customers SELECT i, 'customer ' || i, i * 1.25 FROM generate_series(1, 1000) i;
    CREATE TABLE events (id bigserial PRIMARY KEY, customer integer REFERENCES customers, body text);
    INSERT INTO events (customer, body)
      SELECT 1 + i % 1000, md5(i::text) || md5((i + 1)::text) || md5((i * 7)::text)
             || md5((i * 3)::text) || md5((i * 5)::text) || md5((i * 11)::text)
        FROM generate_series(1, ${1:-300000}) i;
    SELECT lo_from_bytea(0, decode(repeat('c0ffee', 1000), 'hex'));
    CREATE VIEW totals AS SELECT customer, count(*) FROM events GROUP BY customer" > /dev/null
}

# Also a small database, for what has to be done many times.
fault_fill_small ()
{
  pg_sql pg postgres "CREATE DATABASE little"
  pg_sql pg little "
    CREATE TABLE notes (id serial PRIMARY KEY, body text);
    INSERT INTO notes (body) SELECT md5(i::text) FROM generate_series(1, 1500) i"
}

fault_project ()
{
  local database=${1:-shop}
  shift || true
  project_new "project: shop
backup: {min_size: 512B${1:+, $1}}
incident: {emergency_backup: false}
environments:
  development: {url: \"$(pg_url pg "$database")\"}"
  BACKUPS=$PROJECT/backups/development
  export TMPDIR=$PROJECT/tmp
  mkdir -m 1777 "$TMPDIR"
}

fault_server ()
{
  pg_stop pg immediate || pg_kill pg || true
  pg_start pg "$(pg_bindir pg)"
}

newest_backup () { find "$BACKUPS" -name '*.sql.gz' ! -name '.*' | sort | tail -n 1; }

good_backup ()
{
  run_keel backup create "$@"
  assert_status 0
  newest_backup
}

# shellcheck disable=SC2154 # bats, or await_keel, sets it
assert_hint () { grep -q '^ *hint: ' <<< "$stderr" || { show_run; fail "there is no hint"; }; }

# Any of the exit codes of a broken connection: the session's own message comes through, or does not.
assert_connection_lost ()
{
  [ "$status" -eq 4 ] || [ "$status" -eq 5 ] || { show_run; fail "exit code $status"; }
  assert_error "$status" "${1:-}" ""
}

# True for one that has ended, too, when nobody has waited for it.
is_gone () { [ ! -e "/proc/$1" ] || grep -qs '^State:.Z' "/proc/$1/status"; }

list_backups () { "$PGKEEL" backup list --json | jq -r '.backups[].name' | sort; }

sums_of_backups () { (cd "$BACKUPS" 2> /dev/null && sha256sum -- *.json *.sql.gz 2> /dev/null) || true; }

note_folder ()
{
  list_backups > "$PROJECT/list.before"
  sums_of_backups > "$PROJECT/sums.before"
}

assert_folder_untouched ()
{
  list_backups > "$PROJECT/list.after"
  sums_of_backups > "$PROJECT/sums.after"
  diff "$PROJECT/list.before" "$PROJECT/list.after" || fail "the list of backups is another one"
  diff "$PROJECT/sums.before" "$PROJECT/sums.after" || fail "a file in the backup folder changed"
  assert_only_finished_files
  assert_no_temporary_files
}

# Backups, what stands beside them, backup.log and the lock.
assert_only_finished_files ()
{
  local strange
  strange=$(find "$BACKUPS" -mindepth 1 ! -name backup.log ! -name .lock \
    ! -name '*_backup_????????_??????.sql.gz' ! -name '*_backup_????????_??????.verified.json' \
    ! -name '*_backup_????????_??????.proof.json' 2> /dev/null) || true
  [ -z "$strange" ] || fail "left in the backup folder: $strange"
}

assert_no_temporary_files ()
{
  [ -z "$(find "$TMPDIR" -mindepth 1 2> /dev/null)" ] ||
    fail "left in TMPDIR: $(find "$TMPDIR" -mindepth 1 | head -n 5)"
}

# Processes whose command line or working folder names this project.
processes_of_project ()
{
  local folder
  for folder in /proc/[0-9]*; do
    case ${folder#/proc/} in "$$" | "$BASHPID") continue ;; esac
    if { tr '\0' ' ' < "$folder/cmdline"; } 2> /dev/null | grep -qE "^[^ ]*(pgkeel|postgres|pg_dump|pg_restore) .*$PROJECT" ||
      [[ $(readlink "$folder/cwd" 2> /dev/null) == "$TMPDIR"/* ]]; then
      printf '%s %s\n' "${folder#/proc/}" "$({ tr '\0' ' ' < "$folder/cmdline"; } 2> /dev/null)"
    fi
  done
}

no_process_lives () { [ -z "$(processes_of_project)" ]; }

assert_nothing_lives ()
{
  wait_for 10 no_process_lives || fail "still running: $(processes_of_project)"
}

assert_next_run_works ()
{
  run_keel backup create --json
  assert_status 0
  local name
  name=$(jq -r .backup <<< "$output")
  [ "$name" = "$(basename "$(newest_backup)")" ] || fail "the next backup is not the newest"
  run_keel backup verify "$name"
  assert_status 0
  assert_only_finished_files
  assert_no_temporary_files
}

start_keel ()
{
  "$PGKEEL" "$@" > "$PROJECT/keel.out" 2> "$PROJECT/keel.err" < /dev/null 3>&- &
  KEEL_PID=$!
}

# shellcheck disable=SC2034 # helper.bash's assertions read them
await_keel ()
{
  status=0
  wait "$KEEL_PID" || status=$?
  output=$(cat "$PROJECT/keel.out")
  stderr=$(cat "$PROJECT/keel.err")
}

written_bytes ()
{
  local file size=0
  for file in "$BACKUPS"/.*.sql.gz.partial; do
    [ -f "$file" ] && size=$(stat -c %s "$file" 2> /dev/null || echo 0)
  done
  echo "$size"
}

stop_at_bytes ()
{
  local end=$((SECONDS + 60))
  until [ "$(written_bytes)" -ge "$1" ]; do
    kill -0 "$KEEL_PID" 2> /dev/null || { fail "pgkeel ended before it wrote $1 bytes: $(cat "$PROJECT/keel.err")"; return 1; }
    [ "$SECONDS" -lt "$end" ] || { fail "pgkeel did not write $1 bytes"; return 1; }
  done
  kill -STOP "$KEEL_PID"
}

# A tmpfs of SIZE at FOLDER, which must be inside of our own folder.
mount_small ()
{
  [ "$(id -u)" -eq 0 ] || fail "a file system of a chosen size can only be mounted by root"
  [[ -n ${E2E_ROOT:-} && $2 == "$E2E_ROOT"/?* ]] || fail "not below the folder of the tests: $2"
  mkdir -p "$2"
  mount -t tmpfs -o "size=$1,mode=${3:-700}" none "$2"
  printf '%s\n' "$2" >> "$E2E_ROOT/mounted"
}

unmount_small ()
{
  [ -f "$E2E_ROOT/mounted" ] && grep -qxF -- "$1" "$E2E_ROOT/mounted" || return 0
  ! mountpoint -q "$1" || umount "$1"
}

unmount_small_below ()
{
  local folder
  [ -f "$E2E_ROOT/mounted" ] || return 0
  while IFS= read -r folder; do
    if [[ $folder == "$1"/* ]]; then (cd / && unmount_small "$folder"); fi
  done < <(tac "$E2E_ROOT/mounted" | sort -u)
}
