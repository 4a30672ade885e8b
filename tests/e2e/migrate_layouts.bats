#!/usr/bin/env bats
# The histories in tests/e2e/migrations, one of every layout: all of them lead to the same schema, and
# shellcheck disable=SC1111,SC2016,SC2119,SC2120,SC2154 # real quotation marks; set by helper.bash
# back to none.

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }

# The history of the layout $1, as a project with an empty database of the major version $2.
new_project ()
{
  MAJOR=$2
  project_new "project: shop
environments: {development: {url: \"$(pg_url "$2" shop)\"}}"
  cp -R "$BATS_TEST_DIRNAME/migrations/$1/." .
  pg_sql "$2" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$2" postgres "CREATE DATABASE shop"
}

dump ()
{
  pg_tool "$MAJOR" pg_dump -d shop --schema-only --no-owner --exclude-schema=pgkeel "$@" \
    | sed -e '/^--/d' -e '/^\\/d' -e '/^$/d'
}

count_objects ()
{
  pg_sql "$MAJOR" shop "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
    + (SELECT count(*) FROM pg_type WHERE typnamespace = 'public'::regnamespace)"
}

layouts () { (cd "$BATS_TEST_DIRNAME/migrations" && printf '%s\n' */ | tr -d /); }

# Up on one major version; the schema but for what Sqitch's and diesel's have of their own.
run_up ()
{
  new_project "$1" "$2"
  run_keel migrate up --yes --no-backup
  assert_status 0
  refute_stderr "warning"
  run_keel migrate status --json
  assert_status 0
  assert_json ".layout == \"$1\" and .pending == 0 and .changed == 0 and .missing == 0"
  if [ "$1" = diesel ]; then
    pg_sql "$MAJOR" shop "DROP FUNCTION diesel_set_updated_at ()"
  fi
  dump | sed 's/clock_timestamp ()/now()/' > "$E2E_ROOT/schema.$1.$2"
}

@test "every layout makes the same schema on every major version" {
  local major layout
  for major in $(pg_majors); do
    run_up pgkeel "$major"
    for layout in $(layouts); do
      run_up "$layout" "$major"
      diff -u "$E2E_ROOT/schema.pgkeel.$major" "$E2E_ROOT/schema.$layout.$major"
    done
    [ "$(pg_sql "$major" shop "SELECT count(*) FROM user_orders WHERE orders = 1 AND total = 10.50")" -eq 2 ]
  done
}

@test "every layout goes back to nothing" {
  local layout major
  major=$(pg_majors | head -n 1)
  for layout in $(layouts); do
    [ "$layout" != graphile-migrate ] || continue
    new_project "$layout" "$major"
    run_keel migrate up --yes --no-backup
    assert_status 0
    DB_MIGRATE_CONFIRM=1 run_keel migrate down --yes --no-backup --steps=6
    assert_status 0
    if [ "$layout" != flyway ]; then
      DB_MIGRATE_CONFIRM=1 run_keel migrate down --yes --no-backup --steps=9
      assert_status 0
    fi
    [ "$(count_objects)" -eq 0 ] || fail "$layout leaves $(dump)"
  done
}

@test "graphile-migrate knows no way down, and that is said" {
  new_project graphile-migrate "$(pg_majors | head -n 1)"
  run_keel migrate up --yes --no-backup
  assert_status 0
  DB_MIGRATE_CONFIRM=1 run_keel migrate down --yes --no-backup
  assert_error 3 "migration “000007 user-orders” is irreversible: it has no down script"
}

@test "a new migration in every layout is applied as it is written" {
  local layout major
  major=$(pg_majors | head -n 1)
  for layout in $(layouts); do
    new_project "$layout" "$major"
    run_keel migrate up --yes --no-backup
    assert_status 0
    run_keel migrate new --json "Add a tax"
    assert_status 0
    assert_json ".layout == \"$layout\" and (.files | length) >= 1"
    fill_new_files
    run_keel migrate up --yes --no-backup
    assert_status 0
    [ "$(pg_sql "$major" shop "SELECT count(*) FROM pg_class WHERE relname = 'tax'")" -eq 1 ] \
      || fail "$layout: the new migration did nothing"
  done
}

# Writes SQL into the files that migrate new --json listed.
fill_new_files ()
{
  local file up="CREATE TABLE tax (rate numeric);"
  for file in $(jq -r '.files[] | select(.changed | not) | .path' <<< "$output"); do
    case $file in
      *down.sql | *U[0-9]*__* | revert/* | verify/* | meta/*) ;;
      deploy/*) sed -i "s/^BEGIN;/&\n$up/" "$file" ;;
      *) if grep -Eq '^-- .*[Uu]p( Migration)?$' "$file"; then
           sed -i -E "s/^-- .*[Uu]p( Migration)?$/&\n$up/" "$file"
         else echo "$up" >> "$file"; fi ;;
    esac
  done
}

@test "a new migration without any, and what is in the way" {
  project_new
  run_keel migrate new "add users"
  assert_status 0
  [ "$(find migrations -name '*_add_users.up.sql' | wc -l)" -eq 1 ]
  [ "$(find migrations -name '*_add_users.down.sql' | wc -l)" -eq 1 ]
  run_keel migrate new "///"
  assert_error 2 "the name cannot stand in a file name" "as in add_users"
  project_new "migrations: {dir: db/changes, layout: flyway}"
  run_keel migrate status
  assert_error 5 "cannot read the folder “db/changes”: No such file or directory"
  run_keel migrate new first
  assert_status 0
  assert_stdout "wrote db/changes/V1__first.sql"
  project_new "migrations: {layout: liquibase}"
  run_keel migrate new first
  assert_error 2 "there is no layout “liquibase”" "The layouts are: pgkeel, golang-migrate"
}

@test "what is no SQL is named and nothing of it runs" {
  new_project sql "$(pg_majors | head -n 1)"
  echo '\i other.sql' > migrations/008-include.sql
  run_keel migrate up --yes --no-backup
  assert_error 3 "pgkeel cannot run migrations/008-include.sql: psql's \\i on line 1"
  [ "$(count_objects)" -eq 0 ]
  # Nobody looked at it, so nobody can say that it is safe.
  run_keel migrate lint migrations/008-include.sql
  assert_status 1
  assert_stdout "migrations/008-include.sql:1:1: error: unknown: psql's \\i on line 1 [unknown]"
  assert_stdout "files: 1, errors: 1, warnings: 0, notes: 0, unknown: 1, ignored: 0"
  sed -i '1i -- pgkeel: ignore-file unknown psql runs it' migrations/008-include.sql
  run_keel migrate lint migrations/008-include.sql
  assert_status 0
  assert_stdout "unknown: 0, ignored: 1"
}
