# What the fidelity tests share: the torture database on every server, backups of any database, the
# ways to restore one, and comparisons that know nothing of pgkeel.
#
#   load helper; load fidelity
#   setup_file ()    { fidelity_begin; }       # a server per major, with programs of each in reach
#   teardown_file () { e2e_end; }
#
#   on MAJOR                     that server from here on: PGHOST, PGPORT, PGUSER, BIN, MAJOR
#   sql DB SQL...                runs SQL, prints bare rows; fails when SQL fails
#   make_db DB [OPTION...]       a database; OPTION: of CREATE DATABASE (default: UTF8, C.UTF-8)
#   backup_of DB [ARGUMENT...]   a new project for DB and a backup of it; BACKUP: the file's path
#   restore_psql FILE DB         gunzip -c FILE | psql -v ON_ERROR_STOP=1 into the new database DB
#   refute_backup                the project holds no file that passes for a backup
#   data_of DB                   every row, sequence and large object of DB as sorted text
#   assert_same_data A B         data_of both is identical
#   assert_same_dump A B         pg_dump of both is identical but for the order of rows
#   assert_same_database A B     and what --create adds: owner, settings, grants, comment, locale, ...
#   url_of DB [USER]             its URL; project_for DB [USER]: a new project for it

# shellcheck disable=SC2034 # MAJOR, BACKUP and such are for the tests
# shellcheck disable=SC2015 # "A && B || fail" is meant

# shellcheck source=tests/e2e/torture/torture.bash
source "$(dirname "${BASH_SOURCE[0]}")/torture/torture.bash"

fidelity_begin ()
{
  e2e_begin
  pg_start_all
  PGKEEL_PG_PATH=$(pg_bindirs | paste -s -d :)
  FIDELITY_PATH=$PATH
  export PGKEEL_PG_PATH FIDELITY_PATH
}

on ()
{
  MAJOR=$1
  BIN=$(pg_bindir "$1")
  export PGHOST=$E2E_ROOT/pg/$1/run PGPORT PGUSER=postgres PATH=$BIN:$FIDELITY_PATH
  PGPORT=$(pg_port "$1")
}

sql ()
{
  local db=$1 command arguments=()
  shift
  for command in "$@"; do arguments+=(-c "$command"); done
  psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$db" "${arguments[@]}"
}

make_db ()
{
  local name=${1//\"/\"\"}
  shift
  sql postgres "CREATE DATABASE \"$name\" TEMPLATE template0 ${*:-ENCODING 'UTF8'}"
}

# The name of a database for a URL.
url_of ()
{
  printf 'postgresql://%s@/%s?host=%s&port=%s' "${2:-postgres}" "$(jq -rn --arg name "$1" '$name | @uri')" \
    "$(jq -rn --arg host "$PGHOST" '$host | @uri')" "$PGPORT"
}

project_for ()
{
  project_new "project: shop
backup: {min_size: 100}
environments:
  development: {url: \"$(url_of "$@")\"}"
}

backup_of ()
{
  local db=$1
  shift
  project_for "$db"
  run_keel backup create "$@"
  assert_status 0
  BACKUP=$(echo "$PROJECT"/backups/development/*.sql.gz)
}

refute_backup ()
{
  [ -z "$(find "$PROJECT" -name '*.sql.gz*' -o -name '*.partial*' -o -name '*.tmp')" ] ||
    fail "a failed backup left: $(ls -A "$PROJECT/backups/development")"
}

restore_psql ()
{
  make_db "$2" "${@:3}"
  gunzip_psql "$1" "$2"
}

gunzip_psql ()
{
  (
    set -o pipefail
    gunzip -c "$1" | psql -X -v ON_ERROR_STOP=1 -d "$2" > "$PROJECT/psql.out" 2> "$PROJECT/psql.err"
  ) || fail "psql: $(grep ERROR "$PROJECT/psql.err" | head -n 5)"
}

# Settings under which text output is exact; names and values come in the database's own encoding.
exact_options='-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=3 -c bytea_output=hex -c standard_conforming_strings=on -c quote_all_identifiers=off -c row_security=off -c search_path=pg_catalog -c client_min_messages=warning'

# One line for each table and materialised view: its name, rows, digest of the sorted rows; then the
# sequences and large objects.
data_of ()
{
  local encoding
  encoding=$(sql "$1" 'SHOW server_encoding') || return 1
  PGOPTIONS=$exact_options PGCLIENTENCODING=$encoding \
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" > "$E2E_ROOT/copies.sql" <<'SQL' || return 1
SELECT pg_catalog.format (E'\\echo @@@ %s\nCOPY (SELECT * FROM ONLY %s) TO STDOUT;', line, name)
  FROM pg_catalog.pg_class AS c, LATERAL (SELECT c.oid::regclass::text) AS f (name),
       LATERAL pg_catalog.quote_literal (pg_catalog.translate (name, E'\r\n', '  ')) AS g (line)
 WHERE (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated) AND c.relpersistence <> 't'
   AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
 ORDER BY name COLLATE "C";
SELECT pg_catalog.format (E'\\echo @@@ sequence %s\nSELECT last_value, is_called FROM %s;', line, name)
  FROM pg_catalog.pg_class AS c, LATERAL (SELECT c.oid::regclass::text) AS f (name),
       LATERAL pg_catalog.quote_literal (pg_catalog.translate (name, E'\r\n', '  ')) AS g (line)
 WHERE c.relkind = 'S' AND c.relpersistence <> 't'
 ORDER BY name COLLATE "C";
SELECT pg_catalog.format (E'\\echo @@@ large object %s\nSELECT %L, %L, %L, md5 (lo_get (%s));', oid,
                          lomowner::regrole, lomacl, obj_description (oid, 'pg_largeobject'), oid)
  FROM pg_catalog.pg_largeobject_metadata
 ORDER BY oid;
SELECT E'\\echo @@@ tables and sequences\nSELECT count (*) FROM pg_class WHERE relkind IN (''r'', ''p'', ''m'', ''S'', ''v'', ''f'') AND relpersistence <> ''t'';';
SQL
  (
    set -o pipefail
    PGOPTIONS=$exact_options PGCLIENTENCODING=$encoding \
      psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -f "$E2E_ROOT/copies.sql" |
      LC_ALL=C perl -MDigest::SHA=sha256_hex -ne '
        sub end_of { printf "%s: %d rows, %s\n", $name, scalar @rows, sha256_hex (join "", sort @rows) if defined $name }
        if (/^@@@ (.*)$/) { end_of; $name = $1; @rows = () } else { push @rows, $_ }
        END { end_of }'
  )
}

assert_same ()
{
  diff "$E2E_ROOT/same.1" "$E2E_ROOT/same.2" > "$E2E_ROOT/same.diff" && [ -s "$E2E_ROOT/same.1" ] ||
    fail "$1 differs: $(head -n 40 "$E2E_ROOT/same.diff" | cut -c 1-200)"
}

assert_same_data ()
{
  data_of "$1" > "$E2E_ROOT/same.1" && data_of "$2" > "$E2E_ROOT/same.2" || fail "cannot read the data"
  assert_same "the data of $1 and $2"
}

assert_same_dump ()
{
  torture_dump "$BIN" "$1" > "$E2E_ROOT/same.1" && torture_dump "$BIN" "$2" > "$E2E_ROOT/same.2" ||
    fail "cannot dump"
  assert_same "pg_dump of $1 and $2"
}

# What --create adds, the second name written as the first.
properties_of ()
{
  local name
  name=$(sql postgres "SELECT quote_ident ('$1')")
  pg_dump --create --schema-only -d "$(url_of "$1")" | grep -vE '^\\((un)?restrict|connect) ' |
    sed -n '/Type: DATABASE/,/^-- Name/p' | NAME=$name perl -pe 's/(DATABASE |Name: )\Q$ENV{NAME}\E(?=[ ;])/$1THIS/g'
}

assert_same_database ()
{
  properties_of "$1" > "$E2E_ROOT/same.1" && properties_of "$2" > "$E2E_ROOT/same.2" ||
    fail "cannot dump"
  assert_same "what pg_dump --create writes of $1 and $2"
  assert_same_dump "$1" "$2"
}
