# The torture database for bash and bats: load it, copy it as a peer would, dump it comparably.
#
#   source tests/e2e/torture/torture.bash
#   torture_load BIN DB            create DB and fill it with all this server's version can hold
#   torture_tablespaces DB DIR     its tablespaces, in DIR (empty, owned by the server's user)
#   torture_copy BIN SOURCE TARGET what `pg_dump | psql` makes of SOURCE, in the new database TARGET
#   torture_dump BIN DB            pg_dump of DB to stdout, comparable between two databases
#   torture_drop DB                drop DB, its subscriptions first
#   torture_hold DB / torture_release   temporary objects in a session that stays
#
# BIN is the folder of the server's programs.  The server and user come from PGHOST, PGPORT,
# PGUSER (a superuser).  torture_load writes the test extension into the server's extension folder,
# so it needs to be allowed to.

torture_dir=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

torture_psql () { # DB ARGUMENT...
  local db=$1
  shift
  PGOPTIONS='-c client_min_messages=error' psql -X -q -v ON_ERROR_STOP=1 -d "$db" "$@"
}

torture_major () {
  local version
  version=$(torture_psql postgres -At -c 'SHOW server_version_num') || return 1
  echo $((version / 10000))
}

torture_extension () { # BIN
  local share
  share=$("$1/pg_config" --sharedir) || return 1
  install -m 644 "$torture_dir"/extension/* "$share/extension/"
}

# The files for this server, in order.
torture_files () { # MAJOR
  local major=$1 minor
  echo "$torture_dir/torture-roles.sql" "$torture_dir/torture.sql"
  for ((minor = 14; minor <= major; minor++)); do
    [[ -e $torture_dir/torture-$minor.sql ]] && echo "$torture_dir/torture-$minor.sql"
  done
  return 0
}

torture_load () { # BIN DB
  local major file
  torture_extension "$1" || return 1
  major=$(torture_major) || return 1
  torture_psql postgres -c "CREATE DATABASE \"$2\" TEMPLATE template0 ENCODING 'UTF8'" || return 1
  for file in $(torture_files "$major"); do
    torture_psql "$2" -f "$file" || return 1
  done
}

torture_tablespaces () { # DB DIR
  torture_psql "$1" -v tablespace_dir="$2" -f "$torture_dir/torture-tablespace.sql"
}

torture_copy () { # BIN SOURCE TARGET
  torture_psql postgres -c "CREATE DATABASE \"$3\" TEMPLATE template0 ENCODING 'UTF8'" || return 1
  (
    set -o pipefail
    "$1/pg_dump" -d "$2" | sed 's/^SET client_min_messages = warning;$/SET client_min_messages = error;/' \
      | torture_psql "$3" -f - > /dev/null
  )
}

# Rows come in the order of the heap, which no copy keeps: they are sorted within their table.
torture_dump () { # BIN DB
  local key=() settings='-c TimeZone=UTC -c bytea_output=hex -c standard_conforming_strings=on -c escape_string_warning=on'
  "$1/pg_dump" --help | grep -q -- --restrict-key && key=(--restrict-key=torture)
  PGOPTIONS=$settings "$1/pg_dump" "${key[@]}" --section=pre-data --section=post-data -d "$2" || return 1
  (
    set -o pipefail
    PGOPTIONS=$settings "$1/pg_dump" "${key[@]}" --section=data -d "$2" \
      | LC_ALL=C perl -ne '
          if ($copying && $_ eq "\\.\n") { print sort (@rows), $_; @rows = (); $copying = 0 }
          elsif ($copying) { push @rows, $_ }
          else { print; $copying = / FROM stdin;$/ }'
  )
}

torture_drop () { # DB
  torture_psql "$1" -At -f - <<'SQL' || return 1
SELECT format ('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I;', subname)
  FROM pg_catalog.pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database ())
\gexec
SQL
  torture_psql postgres -c "DROP DATABASE \"$1\""
}

torture_hold () { # DB
  local line
  coproc torture_session { torture_psql "$1" -f - 2>&1; }
  # shellcheck disable=SC2154 # set by coproc
  cat "$torture_dir/torture-temp.sql" >&"${torture_session[1]}"
  read -r -t 30 line <&"${torture_session[0]}" && [[ $line == held ]]
}

torture_release () {
  # shellcheck disable=SC2154
  local pid=$torture_session_PID
  echo '\q' >&"${torture_session[1]}"
  wait "$pid"
}
