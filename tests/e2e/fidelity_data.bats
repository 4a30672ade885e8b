#!/usr/bin/env bats
# Backups of the schema or the data alone, and the order in which tables with foreign keys come.
# shellcheck disable=SC2154,SC2164 # set by fidelity.bash; bats stops at a failing cd
load helper
load fidelity

setup_file ()
{
  local major
  fidelity_begin
  for major in $(pg_majors); do
    on "$major"
    torture_extension "$BIN"
  done
}

teardown_file () { e2e_end; }

# What a failed test left.
setup ()
{
  local major
  for major in $(pg_majors); do
    on "$major"
    sql postgres "SELECT format ('DROP DATABASE %I', datname) FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')" |
      psql -X -q -d postgres
  done
}

# What refers comes first in the alphabet and by size, so that only the keys can tell the order.
make_chain ()
{
  make_db chain
  sql chain 'SET client_min_messages = error' \
    'CREATE TABLE z_root (id integer PRIMARY KEY, parent integer REFERENCES z_root)' \
    'CREATE TABLE m_list (id integer PRIMARY KEY, root integer REFERENCES z_root) PARTITION BY RANGE (id)' \
    'CREATE TABLE m_list_1 PARTITION OF m_list FOR VALUES FROM (0) TO (500)' \
    'CREATE TABLE m_list_2 PARTITION OF m_list DEFAULT' \
    'CREATE TABLE a_leaf (id serial PRIMARY KEY, list integer REFERENCES m_list, root integer REFERENCES z_root, t text)' \
    'CREATE TABLE b_alone (t text)' \
    'INSERT INTO z_root SELECT i, nullif (i - 1, 0) FROM generate_series (1, 1000) AS i' \
    'INSERT INTO m_list SELECT i, i FROM generate_series (1, 1000) AS i' \
    "INSERT INTO a_leaf (list, root, t) SELECT 1 + i % 1000, 1 + i % 1000, repeat ('x', 200) FROM generate_series (1, 20000) AS i" \
    "INSERT INTO b_alone SELECT repeat ('y', 2000) FROM generate_series (1, 1000)" \
    "SELECT lo_from_bytea (42, 'large')"
}

@test "a backup of the data loads over the schema, its foreign keys in force" {
  for major in $(pg_majors); do
    on "$major"
    make_chain
    backup_of chain --type=schema
    restore_psql "$BACKUP" over
    [ "$(sql over 'SELECT count (*) FROM a_leaf')" = 0 ]
    backup_of chain --type=data
    refute_stderr circle
    gunzip_psql "$BACKUP" over
    assert_same_data chain over
    assert_same_dump chain over
    # Alone it cannot be proven or made into a database, and says so.
    run_keel backup prove "$BACKUP"
    assert_error 2 'a backup of data alone' 'backup verify'
    run_keel restore "$BACKUP" --to new
    assert_error 2 'holds data alone' 'gunzip -c FILE | psql'
    run_keel backup verify "$BACKUP"
    assert_status 0
    sql postgres 'DROP DATABASE chain' 'DROP DATABASE over'
  done
}

@test "a circle of foreign keys is named when only the data is backed up" {
  on "$(pg_majors | head -n 1)"
  make_db circle
  sql circle 'CREATE TABLE hen (id integer PRIMARY KEY, egg integer)' \
    'CREATE TABLE egg (id integer PRIMARY KEY, hen integer REFERENCES hen)' \
    'ALTER TABLE hen ADD CONSTRAINT hen_egg FOREIGN KEY (egg) REFERENCES egg' \
    'CREATE TABLE chick (egg integer REFERENCES egg)' 'CREATE TABLE aloof (id integer)' \
    'INSERT INTO hen VALUES (1, NULL)' 'INSERT INTO egg VALUES (1, 1)' 'UPDATE hen SET egg = 1' \
    'INSERT INTO chick VALUES (1)'
  backup_of circle --type=data
  assert_stderr 'the table public.egg is part of a circle of foreign keys'
  assert_stderr 'hint: Before you load the data with psql, drop one of those keys'
  # As the hint says.
  backup_of circle --type=schema
  restore_psql "$BACKUP" over
  sql over 'ALTER TABLE egg DROP CONSTRAINT egg_hen_fkey'
  backup_of circle --type=data
  gunzip_psql "$BACKUP" over
  sql over 'ALTER TABLE egg ADD CONSTRAINT egg_hen_fkey FOREIGN KEY (hen) REFERENCES hen'
  assert_same_dump circle over
  assert_same_data circle over
  # With the schema it is no matter, and there is nothing to warn of.
  backup_of circle
  refute_stderr circle
  restore_psql "$BACKUP" whole
  assert_same_dump circle whole
  sql postgres 'DROP DATABASE circle' 'DROP DATABASE over' 'DROP DATABASE whole'
}

@test "configuration tables of extensions, whose keys are there first, are filled in their order" {
  for major in $(pg_majors); do
    on "$major"
    make_db config
    sql config 'CREATE EXTENSION pgkeel_torture' \
      "INSERT INTO config_some VALUES (10, false, 'ours')" \
      'INSERT INTO config_child SELECT i, 10 FROM generate_series (1, 50000) AS i' \
      "INSERT INTO config_all (name) SELECT repeat ('n', 100) FROM generate_series (1, 3000)"
    backup_of config
    restore_psql "$BACKUP" by_psql
    assert_same_data config by_psql
    run_keel restore latest --to by_keel --jobs=4
    assert_status 0
    assert_same_data config by_keel
    sql postgres 'DROP DATABASE config' 'DROP DATABASE by_psql' 'DROP DATABASE by_keel'
  done
}

@test "rows of partitions hashed by an enum come back, though each may belong into another partition" {
  for major in $(pg_majors); do
    on "$major"
    make_db hashed
    psql -Xq -d hashed -f "$torture_dir/torture-unstable.sql"
    sql hashed 'SELECT id, colour FROM unstable.by_enum ORDER BY id' > "$E2E_ROOT/hashed"
    backup_of hashed
    restore_psql "$BACKUP" by_psql
    run_keel restore latest --to by_keel --jobs=4
    assert_status 0
    run_keel backup prove latest
    assert_status 0
    for db in by_psql by_keel; do
      sql "$db" 'SELECT id, colour FROM unstable.by_enum ORDER BY id' | diff "$E2E_ROOT/hashed" -
    done
    # Alone a partition comes back beside the one that is there, but not as a partition.
    run_keel restore latest --to hashed --table unstable.by_enum_0
    assert_status 0
    sql hashed 'DROP TABLE unstable.by_enum_0'
    run_keel restore latest --to hashed --table unstable.by_enum_0
    assert_error 5 'the rows of unstable.by_enum_0 may belong into other partitions of unstable.by_enum' 'whole backup'
    sql postgres 'DROP DATABASE hashed' 'DROP DATABASE by_psql' 'DROP DATABASE by_keel'
  done
}

@test "sequences at the ends of their range, and a serial of 64 bits" {
  on "$(pg_majors | head -n 1)"
  make_db ends
  sql ends 'CREATE SEQUENCE lowest MINVALUE -9223372036854775808 START -9223372036854775808' \
    'CREATE SEQUENCE highest START 9223372036854775807' "SELECT nextval ('lowest'), nextval ('highest')" \
    'CREATE TABLE t (id bigserial PRIMARY KEY)' "SELECT setval ('t_id_seq', 8999999999999999999, false)" 'INSERT INTO t DEFAULT VALUES'
  backup_of ends
  restore_psql "$BACKUP" by_psql
  assert_same_data ends by_psql
  run_keel restore latest --to by_keel
  assert_status 0
  assert_same_data ends by_keel
  sql postgres 'DROP DATABASE ends' 'DROP DATABASE by_psql' 'DROP DATABASE by_keel'
}
