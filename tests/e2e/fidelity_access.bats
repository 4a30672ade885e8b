#!/usr/bin/env bats
# Who backs up: owners who are no superusers, and what they may not read.
# shellcheck disable=SC2154,SC2164 # set by fidelity.bash; bats stops at a failing cd
load helper
load fidelity

setup_file ()
{
  local major
  fidelity_begin
  for major in $(pg_majors); do
    on "$major"
    sql postgres 'CREATE ROLE owner LOGIN CREATEDB' 'CREATE ROLE other LOGIN' 'CREATE ROLE reader LOGIN'
  done
}

teardown_file () { e2e_end; }

# A database of its owner's, as an application has it.
make_owned ()
{
  make_db owned
  sql postgres 'ALTER DATABASE owned OWNER TO owner'
  sql owned 'ALTER SCHEMA public OWNER TO owner' 'SET ROLE owner' \
    'CREATE TABLE t (id serial PRIMARY KEY, a text)' "INSERT INTO t (a) SELECT repeat ('x', i % 100) FROM generate_series (1, 5000) AS i" \
    'CREATE TABLE r (id integer PRIMARY KEY, t integer REFERENCES t)' 'INSERT INTO r VALUES (1, 1)' \
    'CREATE VIEW v AS SELECT count (*) FROM t' 'GRANT SELECT ON t, r TO reader'
}

setup ()
{
  local major
  for major in $(pg_majors); do
    on "$major"
    sql postgres 'DROP DATABASE IF EXISTS owned' 'DROP DATABASE IF EXISTS by_psql' 'DROP DATABASE IF EXISTS by_keel'
  done
}

@test "an owner who is no superuser backs up, proves and restores their database" {
  for major in $(pg_majors); do
    on "$major"
    make_owned
    project_for owned owner
    run_keel backup create
    assert_status 0
    BACKUP=$(echo "$PROJECT"/backups/development/*.sql.gz)
    run_keel backup prove latest
    assert_status 0
    run_keel restore latest --to by_keel
    assert_status 0
    assert_same_dump owned by_keel
    assert_same_data owned by_keel
    restore_psql "$BACKUP" by_psql
    assert_same_data owned by_psql
  done
}

@test "a table that may not be read ends the backup: 42501, a hint, no file" {
  for major in $(pg_majors); do
    on "$major"
    make_owned
    sql owned 'CREATE TABLE public.foreign_property (a integer)' 'ALTER TABLE public.foreign_property OWNER TO other' \
      'INSERT INTO public.foreign_property VALUES (1)'
    project_for owned owner
    run_keel backup create
    assert_error 5 'foreign_property' 'grant the missing privilege'
    assert_stderr 'permission denied'
    refute_backup
  done
}

@test "a table with row-level security that applies ends the backup instead of losing rows" {
  local type
  for major in $(pg_majors); do
    on "$major"
    make_owned
    sql owned 'SET ROLE owner' 'ALTER TABLE r ENABLE ROW LEVEL SECURITY' 'CREATE POLICY none ON r FOR SELECT USING (false)'
    # Policies are not for the owner, so this is a whole backup.
    project_for owned owner
    run_keel backup create
    assert_status 0
    BACKUP=$(echo "$PROJECT"/backups/development/*.sql.gz)
    restore_psql "$BACKUP" by_psql
    [ "$(sql by_psql 'SELECT count (*) FROM r')" = 1 ]
    # For others, and for the owner when forced, they are.
    sql owned 'GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader' 'CREATE TABLE big (a text)' 'ALTER TABLE big OWNER TO owner' 'GRANT SELECT ON big TO reader'
    for type in db data; do
      project_for owned reader
      run_keel backup create --type="$type"
      assert_status 5
      assert_stderr 'row-level security'
      refute_backup
    done
    sql owned 'ALTER TABLE r FORCE ROW LEVEL SECURITY'
    project_for owned owner
    run_keel backup create
    assert_status 5
    assert_stderr 'row-level security'
    refute_backup
    # Who may bypass it sees all rows, and they all come back.
    sql postgres 'ALTER ROLE owner BYPASSRLS'
    run_keel backup create
    assert_status 0
    sql postgres 'ALTER ROLE owner NOBYPASSRLS'
    BACKUP=$(echo "$PROJECT"/backups/development/*.sql.gz)
    sql postgres 'DROP DATABASE by_psql'
    restore_psql "$BACKUP" by_psql
    assert_same_data owned by_psql
  done
}

@test "large objects of others: all of them, or a clear refusal" {
  for major in $(pg_majors); do
    on "$major"
    make_owned
    sql owned "SELECT lo_from_bytea (7, 'secret')" 'ALTER LARGE OBJECT 7 OWNER TO other'
    project_for owned owner
    run_keel backup create
    assert_error 5 'large objects' 'grant the missing privilege'
    refute_backup
  done
}
