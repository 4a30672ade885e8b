#!/usr/bin/env bats
# The torture database, backed up and restored in every way there is, compared with what
# `pg_dump | psql` makes of it: pg_dump of both and the data of both are identical.
# shellcheck disable=SC2154,SC2164,SC2016,SC1003 # set by fidelity.bash; bats stops at a failing cd; SQL has quotes and dollars
load helper
load fidelity

setup_file ()
{
  local major
  fidelity_begin
  for major in $(pg_majors); do
    on "$major"
    as_server_user mkdir "$E2E_ROOT/pg/$major/space"
    torture_load "$BIN" torture
    torture_tablespaces torture "$E2E_ROOT/pg/$major/space"
    torture_copy "$BIN" torture copy
    torture_psql torture -f "$torture_dir/torture-database.sql"
    torture_hold torture
    backup_of torture
    torture_release
    printf '%s\n' "$PROJECT" > "$E2E_ROOT/project-of-$major"
  done
}

teardown_file () { e2e_end; }

# The server of MAJOR and its torture backup.
with_backup ()
{
  on "$1"
  PROJECT=$(cat "$E2E_ROOT/project-of-$1")
  cd "$PROJECT"
  BACKUP=$(echo "$PROJECT"/backups/development/*.sql.gz)
}

@test "psql restores the torture database as pg_dump | psql does" {
  for major in $(pg_majors); do
    with_backup "$major"
    restore_psql "$BACKUP" by_psql
    assert_same_dump copy by_psql
    assert_same_data copy by_psql
    torture_drop by_psql
  done
}

@test "pgkeel restore restores the torture database, and the database's own properties" {
  for major in $(pg_majors); do
    with_backup "$major"
    run_keel restore latest --to by_keel
    assert_status 0
    assert_same_dump copy by_keel
    assert_same_data copy by_keel
    properties_of torture > "$E2E_ROOT/same.1"
    properties_of by_keel > "$E2E_ROOT/same.2"
    assert_same "the database's properties"
    grep -q 'SET "torture.custom"' "$E2E_ROOT/same.1"
    torture_drop by_keel
  done
}

@test "the torture backup is proven" {
  for major in $(pg_majors); do
    with_backup "$major"
    run_keel backup prove latest --json
    assert_status 0
    assert_json '.passed and .schema.equal and (.tables.equal == .tables.total) and .tables.total > 100'
  done
}

# The rows and the definition of TABLE (quoted, with its schema) in DB.
table_of ()
{
  pg_dump --schema-only -t "$2" -d "$1" | grep -vE '^\\(un)?restrict '
  PGOPTIONS=$exact_options sql "$1" "COPY (SELECT * FROM ONLY $2) TO STDOUT" | LC_ALL=C sort
}

# Each is dropped, with all that needs it, from a copy of its own, and brought back alone. The views,
# foreign keys and rules of others that went with it do not come back, as with pg_dump --table. Every
# server takes its share of the tables.
@test "pgkeel restore --table restores one table as pg_dump --table does" {
  local name quoted share=0 servers
  servers=$(pg_majors | wc -l)
  for major in $(pg_majors); do
    with_backup "$major"
    while IFS=$'\t' read -r name quoted; do
      sql postgres 'CREATE DATABASE single TEMPLATE copy'
      sql single "SET client_min_messages = error" "DROP TABLE $quoted CASCADE"
      run_keel restore latest --to single --table "$name" < /dev/null
      [ "$status" -eq 0 ] || { show_run; fail "$quoted"; }
      table_of copy "$quoted" > "$E2E_ROOT/same.1"
      table_of single "$quoted" > "$E2E_ROOT/same.2"
      assert_same "$quoted, restored alone,"
      sql postgres 'DROP DATABASE single'
    done < <(sql copy "SELECT n.nspname || '.' || c.relname || E'\t' || c.oid::regclass FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, set_config ('search_path', '', false) WHERE c.oid IN (
      'types.numbers'::regclass, 'types.arrays'::regclass, 'types.references'::regclass, 'types.documents'::regclass,
      '\"Odd \"\"Names\"\".dot and space\".\"Table \"\"with\"\" quotes, dots. and spaces\"'::regclass,
      'public.\"*\"'::regclass, 'public.\"--help\"'::regclass, 'public.\"a*b?c\"'::regclass, 'public.\"public.abc\"'::regclass,
      'public.\"ロロロロロロロロロロロロロロロロロロロロロ\"'::regclass, 'public.table________________________________________________________1b'::regclass,
      'public.\"Twin\"'::regclass, 'tables.defaults'::regclass, 'tables.generated'::regclass, 'tables.identity'::regclass,
      'tables.zero_columns'::regclass, 'tables.child_diff'::regclass, 'tables.by_list_b_low'::regclass, 'tables.by_hash_1'::regclass, 'tables.storage'::regclass,
      'access.secured'::regclass, 'access.granted'::regclass, 'tables.owned'::regclass, 'ext.uses'::regclass, 'tables.ruled'::regclass)
      ORDER BY 1" | awk -v n="$servers" -v share="$share" 'NR % n == share')
    share=$((share + 1))
  done
}
