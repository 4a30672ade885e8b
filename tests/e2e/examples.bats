#!/usr/bin/env bats
# The projects below examples/: their migrations, their seeds in every environment, their rules, and the
# rows that their generators make.

load helper

setup_file ()
{
  e2e_begin
  # As a server should be: without either of these the checks complain, and are right.
  pg_start main "$(pg_bindirs | head -n 1)" "fsync = on"
  pg_stop main
  as_server_user "$(pg_bindir main)/pg_checksums" --enable --no-sync "--pgdata=$E2E_ROOT/pg/main/data" > /dev/null
  pg_start main "$(pg_bindirs | head -n 1)"
}

teardown_file () { e2e_end; }

# A copy of an example whose environments are empty databases of this file's one server; its other settings
# stay.
example ()
{
  local name=$1 environment
  PROJECT=$(mktemp -d "$E2E_ROOT/$name-XXXXXX")
  cp -R "$REPOSITORY/examples/$name/." "$PROJECT"
  cd "$PROJECT" || return
  PREFIX=${PROJECT##*-}
  shift
  {
    sed '/^environments:/,$d; /^backup:/,/^[a-z]/{/^backup:/d; /^ /d}' "$REPOSITORY/examples/$name/pgkeel.yaml"
    printf 'environments:\n'
    for environment; do
      pg_sql main postgres "CREATE DATABASE \"$PREFIX-$environment\""
      pg_sql main "$PREFIX-$environment" "CREATE EXTENSION amcheck"
      printf '  %s: {url: "%s"}\n' "$environment" "$(pg_url main "$PREFIX-$environment")"
    done
  } > pgkeel.yaml
}

rows () { pg_sql main "$PREFIX-$1" "$2"; }

apply ()
{
  run_keel -e "$1" --yes migrate up --no-backup
  assert_status 0
}

seed ()
{
  run_keel --yes seed "$@"
  assert_status 0
}

# No finding that is more than information, nothing that could not be looked at.
assert_sound ()
{
  run_keel -e "$1" --json integrity check
  assert_status 0
  assert_json '[.findings[] | select(.severity != "info")] == []'
  assert_json '[.coverage[] | select(.state == "unknown")] == []'
  # Each rule of the project is counted.
  local rules=(checks/*.sql)
  assert_json ".coverage_line | contains(\", rules ${#rules[@]} of ${#rules[@]};\")"
}

@test "the migrations of both examples are clean by lint" {
  cd "$REPOSITORY/examples/avdaily"
  run_keel migrate lint
  assert_status 0
  cd "$REPOSITORY/examples/dordash"
  run_keel migrate lint
  assert_status 0
}

@test "the migrations of both examples can be undone, and leave nothing behind" {
  local name
  for name in avdaily dordash; do
    example "$name" development
    apply development
    export DB_MIGRATE_CONFIRM=1
    run_keel -e development --yes migrate down --steps 9 --no-backup
    assert_status 0
    [ "$(rows development "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
                              AND relkind = 'r'")" -eq 0 ]
    [ "$(rows development "SELECT count(*) FROM pg_type WHERE typnamespace = 'public'::regnamespace")" -eq 0 ]
    apply development
    cd /
  done
}

@test "avdaily: development has five users of different tiers, four roles, funded wallets" {
  example avdaily development
  apply development
  seed development --validate
  [ "$(rows development 'SELECT count(*), count(DISTINCT kyc_tier) FROM users')" = '5|5' ]
  [ "$(rows development "SELECT string_agg(name, ' ' ORDER BY name) FROM roles")" = 'admin moderator premium_user user' ]
  [ "$(rows development 'SELECT count(DISTINCT permission_id) FROM role_permissions')" -eq 23 ]
  [ "$(rows development 'SELECT count(*), count(*) FILTER (WHERE balance > 0) FROM wallets')" = '5|5' ]
  [ "$(rows development 'SELECT count(*), sum(transaction_count) FROM user_analytics')" = '5|56' ]
  assert_sound development
  # Again: nothing is written, nothing is touched.
  local before
  before=$(rows development "SELECT sum(xmin::text::bigint) FROM users")
  seed development
  [ "$(rows development "SELECT sum(xmin::text::bigint) FROM users")" = "$before" ]
}

@test "avdaily: testing has one user and the roles admin and user" {
  example avdaily testing
  apply testing
  seed testing --validate
  [ "$(rows testing 'SELECT count(*) FROM users')" -eq 1 ]
  [ "$(rows testing "SELECT string_agg(name, ' ' ORDER BY name) FROM roles")" = 'admin user' ]
  assert_sound testing
}

@test "avdaily: staging has admin and user, and is sound" {
  example avdaily staging
  apply staging
  seed staging --validate
  [ "$(rows staging "SELECT string_agg(split_part(email, '@', 1), ' ' ORDER BY email) FROM users")" = 'admin user' ]
  [ "$(rows staging "SELECT string_agg(name, ' ' ORDER BY name) FROM roles")" = 'admin user' ]
  assert_sound staging
}

@test "avdaily: demo has groups, plans and analytics, and is sound" {
  example avdaily demo
  apply demo
  seed demo --validate
  [ "$(rows demo 'SELECT count(*) FROM users')" -eq 12 ]
  [ "$(rows demo 'SELECT count(*) FROM user_analytics')" -eq 12 ]
  [ "$(rows demo 'SELECT count(*) FROM contributions')" -eq 55 ]
  assert_sound demo
}

@test "avdaily: --minimal loads what nobody can do without, and no user" {
  example avdaily development
  apply development
  seed development --minimal
  [ "$(rows development 'SELECT count(*) FROM users')" -eq 0 ]
  [ "$(rows development 'SELECT count(*) FROM roles')" -eq 4 ]
  [ "$(rows development 'SELECT count(*) FROM permissions')" -eq 23 ]
}

@test "avdaily: the rules find what is wrong with the money" {
  example avdaily demo
  apply demo
  seed demo
  rows demo "UPDATE wallets SET balance = balance + 0.01 WHERE id = (SELECT min(id) FROM wallets)"
  rows demo "UPDATE groups SET member_count = member_count + 1 WHERE name = 'Office lunch club'"
  rows demo "UPDATE user_analytics SET active_plans = active_plans + 1 WHERE user_id = (SELECT min(user_id) FROM user_analytics)"
  run_keel -e demo --json integrity check
  assert_status 1
  assert_json '[.findings[].check] | contains(["wallet-balances", "group-member-counts"])'
  assert_json '.findings[] | select(.check == "wallet-balances") | .rows == 1 and .severity == "critical"'
  assert_json '[.findings[] | select(.check == "aggregate-declared") | [.object, .rows]] == [["public.user_analytics.active_plans", 1]]'
  assert_json '.coverage[] | select(.check == "aggregate-declared") | .looked_at == 3 and .of == 3'
}

@test "dordash: every environment's seeds load, hold to their expectations, and are sound" {
  example dordash development testing staging
  local environment
  for environment in development testing staging; do
    apply "$environment"
    seed "$environment" --validate
    assert_sound "$environment"
  done
  [ "$(rows development 'SELECT count(*) FROM agenda_item')" -eq 33 ]
  [ "$(rows development 'SELECT count(*) FROM fileupload')" -eq 9 ]
  [ "$(rows development "SELECT enum_range(NULL::userrole)")" = '{STUDENT,FACULTY,SECRETARY,ADMIN}' ]
}

@test "both: the rows for a load test keep every rule, and again after --clean" {
  local name
  for name in avdaily dordash; do
    example "$name" load
    apply load
    seed load --scale 0.01 --validate
    assert_stdout "integrity with the generated rows: no errors"
    seed load --scale 0.02 --clean --confirm "$PREFIX-load" --json
    assert_json '.generated.written > 20000'
    cd /
  done
}

@test "dordash: the rules find roles, registrations and schedules that cannot be" {
  example dordash development
  apply development
  seed development
  rows development "UPDATE agenda_item SET item_type = 'STUDENT_UPDATE' WHERE item_type = 'FACULTY_UPDATE'"
  rows development "UPDATE registration_request SET user_id = NULL WHERE username = 'student1'"
  rows development "INSERT INTO meeting (title, meeting_type, location, start_time, end_time, created_by)
                    SELECT 'Clash', 'OTHER', location, start_time, end_time, created_by FROM meeting LIMIT 1"
  run_keel -e development --json integrity check
  assert_status 1
  assert_json '.findings[] | select(.check == "role-of-agenda-items") | .rows == 6'
  assert_json '[.findings[].check] | contains(["registration-outcome", "meetings-overlap"])'
}

@test "ledgerflow: verify-data is content with the ledger, and not with one row less" {
  example ledgerflow development
  pg_tool main psql -Xq -v ON_ERROR_STOP=1 -d "$PREFIX-development" -f schema.sql -f data.sql
  rows development 'VACUUM (ANALYZE)'
  assert_sound development
  rows development 'DELETE FROM ledger_transaction WHERE id = 1001'
  run_keel -e development --json integrity check
  assert_status 1
  assert_json '[.findings[].check] | contains(["total-rows", "import-rows", "amounts-of-statements"])'
}
