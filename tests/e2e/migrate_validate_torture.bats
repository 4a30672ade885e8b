#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154,SC2016 # set by fidelity.bash; SQL has dollars
# The torture database as migrations: nothing that PostgreSQL can hold is taken for drift, neither in the
# database that they made nor in what pg_dump makes of it.

load helper
load fidelity

setup_file () { fidelity_begin; }
teardown_file () { e2e_end; }

# FILE of the torture database as a migration: what psql does in it is taken out, or written as SQL.
as_migration ()
{
  printf '%s\n' "SET client_min_messages = error; SET intervalstyle = postgres; SET timezone = 'UTC';" \
    "SET search_path = public;"
  sed -e 's/\\g \/dev\/null/;/' -e '/^\\set ON_ERROR_STOP/d' -e '/^\\if/d' -e '/^\\endif/d' \
    -e '/\\gset/d' -e '/CREATE TABLESPACE/d' -e 's/^\\gexec/); END $do$;/' \
    -e 's/^SELECT format (.ALTER TABLE tables.wide/DO $do$ BEGIN EXECUTE (&/' "$torture_dir/$1"
}

# The files that torture_load would run on the server that is ON, in that order.
list_files ()
{
  local major
  sed -n 's/^\\ir //p' "$torture_dir/torture.sql"
  for ((major = 14; major <= MAJOR; major++)); do
    [ ! -e "$torture_dir/torture-$major.sql" ] || echo "torture-$major.sql"
  done
  echo torture-tablespace.sql
}

@test "no drift is seen in the torture database, nor in a copy of it, on every major version" {
  local major file number
  for major in $(pg_majors); do
    on "$major"
    project_for shop
    torture_extension "$BIN"
    torture_psql postgres -f "$torture_dir/torture-roles.sql"
    as_server_user mkdir "$E2E_ROOT/pg/$major/space"
    sql postgres "CREATE TABLESPACE \"torture \"\"space\"\"\" OWNER torture_owner LOCATION '$E2E_ROOT/pg/$major/space'"
    make_db shop
    mkdir migrations
    number=10
    for file in $(list_files); do
      number=$((number + 1))
      as_migration "$file" > "migrations/202501010000${number}_$(basename "$file" .sql).up.sql"
    done
    run_keel migrate up --yes --no-backup
    assert_status 0
    run_keel migrate validate
    assert_status 0
    assert_stdout "files: $((number - 10)) applied, 0 pending"
    assert_stdout "schema: as the files make it ($((number - 10)) replayed"
    # Once is enough for the rest: copies are compared on every major version in fidelity.bats.
    [ "$major" = "$(pg_majors | head -n 1)" ] || continue
    torture_copy "$BIN" shop copy
    sed -i 's/shop/copy/' pgkeel.yaml
    run_keel migrate validate
    assert_status 0
    assert_stdout "schema: as the files make it"
    # Nor is what does differ overlooked among all that.
    sql copy 'DROP EVENT TRIGGER on_drop' 'ALTER TABLE tables.wide ALTER c77 DROP DEFAULT'
    run_keel migrate validate --json
    assert_status 1
    assert_json '[.drift.objects[] | .change + " " + .name] == [
      "missing event trigger on_drop", "missing on_drop", "different tables.wide"]'
  done
}
