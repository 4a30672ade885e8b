#!/usr/bin/env bats
# Sizes: many tables, many columns, rows of 50 MB, tables that are read in several ranges at once. With
# the release build: what is tested is data, not memory errors.
# shellcheck disable=SC2154,SC2164 # set by fidelity.bash; bats stops at a failing cd
load helper
load fidelity

setup_file ()
{
  fidelity_begin
  export PGKEEL=${PGKEEL_RELEASE:-$PGKEEL}
}
teardown_file () { e2e_end; }

setup ()
{
  # The newest major; the others differ in nothing that is of interest here.
  on "$(pg_majors | tail -n 1)"
  psql -X -q -A -t -d postgres -c "SELECT format ('DROP DATABASE %I', datname) FROM pg_database WHERE datname IN ('many', 'wide', 'ranges', 'pair', 'by_psql', 'by_keel')" | psql -X -q -d postgres
}

assert_all_ways ()
{
  backup_of "$1"
  restore_psql "$BACKUP" by_psql
  assert_same_data "$1" by_psql
  run_keel restore latest --to by_keel
  assert_status 0
  assert_same_data "$1" by_keel
  sql postgres 'DROP DATABASE by_psql' 'DROP DATABASE by_keel'
}

@test "2,000 tables" {
  make_db many
  sql many "SELECT format ('CREATE TABLE t%s (id integer PRIMARY KEY, t text)', i), format ('INSERT INTO t%s VALUES (%s, %L)', i, i, repeat ('x', i % 50)) FROM generate_series (1, 2000) AS i" |
    tr '|' ';' | sed 's/$/;/' | psql -Xq1 -v ON_ERROR_STOP=1 -d many
  [ "$(sql many "SELECT count (*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 't%'")" -ge 2000 ]
  backup_of many
  run_keel restore latest --to by_keel
  assert_status 0
  assert_stdout '2000 of 2000 tables equal'
  assert_same_data many by_keel
  sql postgres 'DROP DATABASE many' 'DROP DATABASE by_keel'
}

@test "rows of 50 MB, and 1,600 columns" {
  make_db wide
  sql wide "CREATE TABLE huge (id integer PRIMARY KEY, t text, b bytea)" \
    "INSERT INTO huge SELECT 1, repeat (E'fifty\\\\mega\\tbytes\\n', 3000000), NULL" \
    "INSERT INTO huge SELECT 2, 'small', decode (repeat ('00ff5c0a', 6000000), 'hex')" "INSERT INTO huge VALUES (3, '', '')"
  sql wide "SELECT 'CREATE TABLE columns (' || string_agg (format ('c%s integer', i), ', ') || ')' FROM generate_series (1, 1600) AS i" | psql -Xq -d wide
  sql wide "SELECT 'INSERT INTO columns VALUES (' || string_agg (CASE i % 3 WHEN 0 THEN 'NULL' ELSE i::text END, ', ') || ')' FROM generate_series (1, 1600) AS i" | psql -Xq -d wide
  assert_all_ways wide
  sql postgres 'DROP DATABASE wide'
}

@test "a table of 120 MB with dropped columns, dead rows and moved rows, in several ranges" {
  make_db ranges
  sql ranges 'CREATE TABLE t (gone integer, id integer PRIMARY KEY, gone2 text, filler text, n numeric) WITH (fillfactor = 90, autovacuum_enabled = false)' \
    "INSERT INTO t SELECT i, i, 'gone', md5 (i::text) || repeat ('f', 250), i / 7.0 FROM generate_series (1, 320000) AS i" \
    'ALTER TABLE t DROP COLUMN gone, DROP COLUMN gone2' 'ALTER TABLE t ADD COLUMN later integer DEFAULT 5' \
    "UPDATE t SET n = n + 1 WHERE id % 10 = 0" 'DELETE FROM t WHERE id % 13 = 0' "UPDATE t SET filler = 'hot', later = NULL WHERE id % 17 = 0" \
    'CREATE TABLE small (id integer REFERENCES t)' 'INSERT INTO small SELECT id FROM t LIMIT 10'
  [ "$(sql ranges "SELECT pg_relation_size ('t') / (32 * 1024 * 1024)")" -ge 3 ]
  assert_all_ways ranges
  run_keel backup show latest --json
  assert_status 0
  [ "$(zcat "$BACKUP" | grep -c '^COPY public.t (id, filler, n, later) FROM stdin;$')" -ge 4 ]
  sql postgres 'DROP DATABASE ranges'
}

# Each has one session for its first three quarters, and both for the rest.
@test "two tables of 90 MB, whose ends two sessions fill" {
  make_db pair
  sql pair 'CREATE TABLE a (id integer PRIMARY KEY, filler text)' 'CREATE TABLE b (id integer PRIMARY KEY, filler text UNIQUE)' \
    "INSERT INTO a SELECT i, md5 (i::text) || repeat ('a', 860) FROM generate_series (1, 100000) AS i" \
    "INSERT INTO b SELECT i, md5 (i::text) || repeat ('b', 860) FROM generate_series (1, 100000) AS i"
  backup_of pair
  # Each is read by one session, but for its last blocks.
  [ "$(zcat "$BACKUP" | grep -c '^COPY public.a (id, filler) FROM stdin;$')" -ge 2 ]
  [ "$(zcat "$BACKUP" | grep -c '^COPY public.b (id, filler) FROM stdin;$')" -ge 2 ]
  run_keel restore latest --to by_keel --jobs 2
  assert_status 0
  assert_stdout '2 of 2 tables equal'
  assert_same_data pair by_keel
  [ "$(sql by_keel 'SELECT count (DISTINCT xmin::text) >= 2 FROM a' 'SELECT count (DISTINCT xmin::text) >= 2 FROM b')" = $'t\nt' ]
  [ "$(sql by_keel "SELECT count (*) FROM pg_index WHERE indisvalid AND indrelid IN ('a'::regclass, 'b'::regclass)")" -eq 3 ]
  sql postgres 'DROP DATABASE pair' 'DROP DATABASE by_keel'
}

@test "a backup of the oldest server is restored into the newest" {
  local old new
  old=$(pg_majors | head -n 1)
  new=$(pg_majors | tail -n 1)
  [ "$old" != "$new" ]
  on "$old"
  torture_load "$BIN" torture
  backup_of torture
  on "$new"
  torture_extension "$BIN"
  torture_psql postgres -f "$torture_dir/torture-roles.sql"
  project_for torture
  run_keel restore "$BACKUP" --to newer
  assert_status 0
  # As pg_dump brings the old database over; its own version does, the newer one writes notes of the
  # server's own (pg_attver) that no server takes.
  make_db upgraded
  pg_tool "$old" pg_dump -d torture |
    PGOPTIONS='-c client_min_messages=error' psql -X -q -v ON_ERROR_STOP=1 -d upgraded > /dev/null
  assert_same_data upgraded newer
  assert_same_dump upgraded newer
  restore_psql "$BACKUP" by_psql
  assert_same_dump upgraded by_psql
  # The other way is none.
  backup_of newer
  on "$old"
  project_for torture
  run_keel restore "$BACKUP" --to older
  assert_error 5 "the backup comes from PostgreSQL $new, the server is PostgreSQL $old" 'newer'
}
