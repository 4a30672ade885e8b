# shellcheck shell=bash disable=SC2034,SC2154 # for the scripts of this folder, which set and use these
# What the benchmarks share: a cluster of their own, measuring, medians, ratios, targets.

work=      # the temporary folder
server=    # set once the server may be running
running=   # process group of what is being measured
poller=    # process that watches its memory
declare -A times=() sizes=()

fail ()
{
  printf 'bench: %s\n' "$1" >&2
  exit "${2:-5}"
}

note () { printf '%s\n' "$*" >&2; }

# The server refuses to run as root.
as_server ()
{
  if [ "$(id -u)" = 0 ]; then runuser -u "$server_user" -- "$@"; else "$@"; fi
}

clean_up ()
{
  local status=$?
  set +e
  trap - EXIT
  trap '' INT TERM HUP
  [ -z "$poller" ] || kill "$poller" 2>/dev/null || true
  if [ -n "$running" ]; then
    kill -TERM -- "-$running" 2>/dev/null || true
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      kill -0 -- "-$running" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL -- "-$running" 2>/dev/null || true
  fi
  if [ -n "$server" ]; then
    as_server "$bin/pg_ctl" -s -D "$work/data" -m immediate -w stop >/dev/null 2>&1 || true
  fi
  [ -z "$work" ] || rm -rf -- "$work"
  exit "$status"
}

find_binaries ()
{
  local folder given=${PGKEEL_PG_PATH:-}
  bin=
  for folder in ${given//:/ } $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
                                         | sort -rV); do
    if [ -x "$folder/initdb" ]; then bin=$folder; break; fi
  done
  [ -n "$bin" ] || fail 'no PostgreSQL server is installed; apt-get install postgresql' 2
  command -v igzip >/dev/null || fail 'igzip is missing; apt-get install isal' 2
  # pgkeel must measure with the same programs as its peers.
  export PGKEEL_PG_PATH=$bin
}

start_server ()
{
  server_user=postgres
  getent passwd postgres >/dev/null || server_user=nobody
  chmod 711 "$work"
  mkdir "$work/data" "$work/socket" "$work/out"
  [ "$(id -u)" != 0 ] || chown "$server_user" "$work/data" "$work/socket"
  (cd "$work" && as_server "$bin/initdb" -D "$work/data" -U bench -A trust -E UTF8 --locale=C.UTF-8 -k \
    >"$work/initdb.log" 2>&1) || { cat "$work/initdb.log" >&2; fail 'initdb failed'; }
  # The same for everyone. fsync stays on.
  cat >>"$work/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$work/socket'
shared_buffers = 1GB
max_wal_size = 4GB
CONF
  server=1
  (cd "$work" && as_server "$bin/pg_ctl" -s -D "$work/data" -l "$work/data/log" -w start) \
    || { tail -5 "$work/data/log" >&2; fail 'the server did not start'; }
  export PGHOST=$work/socket PGUSER=bench
  unset PGDATABASE PGPORT PGPASSWORD PGSERVICE PGOPTIONS DATABASE_URL BACKUP_DIR PGKEEL_ENV LEDGER_ENV \
        NODE_ENV
}

query () { psql -X -A -t -q -v ON_ERROR_STOP=1 -d "${2:-ledger}" -c "$1"; }

median ()
{
  printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 }
    END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# Runs the shell command $2 in a process group of its own, so that an interrupt can end all of it, and
# adds its seconds to times[$1].
measure ()
{
  local name=$1 began ended
  query CHECKPOINT postgres
  sync
  began=$EPOCHREALTIME
  setsid bash -c "set -euo pipefail; cd '$work/out'; $2" 2>"$work/stderr" &
  running=$!
  wait "$running" || { cat "$work/stderr" >&2; running=; fail "'$name' failed"; }
  ended=$EPOCHREALTIME
  running=
  times[$name]+=" $(awk -v a="$began" -v b="$ended" 'BEGIN { printf "%.3f", b - a }')"
  note "$(printf '  %-34s %8s s' "$name" "${times[$name]##* }")"
}

# ratio A B: A / B with two decimals; nothing when either is missing.
ratio ()
{
  awk -v a="${1:-}" -v b="${2:-}" 'BEGIN { if (a != "" && b != "" && b > 0) printf "%.2f", a / b }'
}

# verdict VALUE SENSE TARGET [AIM]: what to print of a target, and counts the missed.
missed=0
verdict ()
{
  local text
  [ -n "$1" ] || { verdict_text=''; return; }
  text=$(awk -v v="$1" -v sense="$2" -v target="$3" -v aim="${4:-}" 'BEGIN {
    met = sense == ">=" ? v >= target : sense == ">" ? v > target : sense == "<" ? v < target : v <= target
    print sense " " target (aim == "" ? "" : ", aim " aim) ": " \
      (!met ? "MISSED" : aim != "" && v >= aim ? "met, aim too" : "met") }')
  case $text in *MISSED) missed=$((missed + 1)) ;; esac
  verdict_text=$text
}
