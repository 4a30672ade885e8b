#!/usr/bin/env bats
# The checks of data as a user meets them: what they find in a database that is broken on purpose, what
# they say of a sound one and of what they may not read, and what is left when they are interrupted.
# shellcheck disable=SC2030,SC2031,SC2154 # set by helper.bash; each test is a subshell

load helper

# Names that need quotes everywhere: what is not quoted fails.
schema_sql=$(cat <<'SQL'
  CREATE SCHEMA "Odd ""Schema";
  SET search_path = "Odd ""Schema";
  CREATE TABLE "Some Users" ("Id" int PRIMARY KEY, "E mail" text UNIQUE, created_at timestamptz NOT NULL,
    updated_at timestamptz, CONSTRAINT "100% %s" CHECK ("Id" % 1000 <> 999));
  CREATE TABLE "Orders, all" ("No" bigserial PRIMARY KEY, "User's" int REFERENCES "Some Users", total numeric);
  CREATE TABLE "Order Lines" ("Order" bigint REFERENCES "Orders, all", amount numeric);
  CREATE INDEX ON "Orders, all" ("User's"); CREATE INDEX ON "Order Lines" ("Order");
  INSERT INTO "Some Users" SELECT g, g || '@example.org', now(), now() FROM generate_series(1, 100) g;
  INSERT INTO "Orders, all" ("User's", total) SELECT g % 100 + 1, 2 * g FROM generate_series(1, 500) g;
  INSERT INTO "Order Lines" SELECT g, g FROM generate_series(1, 500) g, generate_series(1, 2)
SQL
)

setup_file ()
{
  local major
  e2e_begin
  pg_start_all
  for major in $(pg_majors); do
    pg_sql "$major" postgres "CREATE DATABASE sound"
    pg_sql "$major" sound "$schema_sql"
    pg_sql "$major" postgres "CREATE ROLE reader LOGIN"
  done
}

teardown_file () { e2e_end; }

# on MAJOR [USER]: a project on a copy of the sound database.
on ()
{
  MAJOR=$1
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS work WITH (FORCE)"
  pg_sql "$MAJOR" postgres "CREATE DATABASE work TEMPLATE sound"
  project_new "project: shop
environments:
  development: {url: \"$(pg_url "$MAJOR" work "${2:-postgres}")\"}"
}

sql () { pg_sql "$MAJOR" work "SET search_path = \"Odd \"\"Schema\"; $1"; }

data_checks ()
{
  run_keel --json integrity check --category=orphans --category=rules --category=consistency --jobs=2
}

@test "a sound database with odd names: nothing found, all looked at" {
  for major in $(pg_majors); do
    on "$major"
    data_checks
    assert_json '.findings == [] and .counts.unknown == 0 and .counts.found == 0'
    assert_json '.coverage_line | startswith("foreign keys 2 of 2")'
  done
}

@test "each finding's query returns just the rows that it counts, whatever their names" {
  for major in $(pg_majors); do
    on "$major"
    sql "SET session_replication_role = replica;
         DELETE FROM \"Some Users\" WHERE \"Id\" IN (3, 4);
         UPDATE \"Orders, all\" SET total = 0 WHERE \"No\" = 10;
         UPDATE \"Some Users\" SET updated_at = created_at - interval '1 day' WHERE \"Id\" = 50"
    data_checks
    assert_status 1
    assert_json '[.findings[] | select(.check == "fk-orphans") | .rows] == [10]'
    assert_json '[.findings[] | select(.check == "fk-orphans") | .object] == ["Odd \"Schema.Orders, all.User'"'"'s"]'
    assert_json '[.findings[] | select(.check == "updated-before-created") | .rows] == [1]'
    assert_json '[.findings[] | select(.check == "sum-drift") | .rows] == [1]'
    jq -r '.findings[] | select(.query != null) | "\(.rows)\t\(.query | gsub("\n"; " "))"' <<< "$output" > queries
    [ "$(wc -l < queries)" -ge 3 ]
    while IFS=$'\t' read -r rows query; do
      [ "$(pg_sql "$MAJOR" work "SELECT count(*) FROM ($query) AS q")" = "$rows" ] || fail "not $rows rows: $query"
    done < queries
  done
}

@test "what may not be read is UNKNOWN with its reason, and the answer is no" {
  for major in $(pg_majors); do
    on "$major" reader
    sql 'GRANT USAGE ON SCHEMA "Odd ""Schema" TO reader; GRANT SELECT ON "Orders, all" TO reader'
    run_keel --json integrity check --check=fk-orphans
    assert_status 1
    assert_json '.findings == [] and .counts.unknown == 1'
    assert_stdout "no privilege to read it"
    sql 'GRANT SELECT ON ALL TABLES IN SCHEMA "Odd ""Schema" TO reader'
    run_keel --json integrity check --check=fk-orphans
    assert_status 0
    assert_json '.counts.unknown == 0 and .counts.ok == 1'
  done
}

@test "a query that takes too long is UNKNOWN, and the others are looked at" {
  on "$(pg_majors | head -n 1)"
  sql "CREATE FUNCTION slow (i int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
       CREATE TABLE waits (i int CHECK (slow (i))); INSERT INTO waits VALUES (1);
       CREATE OR REPLACE FUNCTION slow (i int) RETURNS bool IMMUTABLE LANGUAGE plpgsql
         AS 'BEGIN PERFORM pg_sleep(600); RETURN true; END'"
  run_keel --json integrity check --check=check-violated --check=fk-orphans --statement-timeout=2s
  assert_status 1
  assert_stdout "longer than the statement timeout of 2 s"
  assert_json '.counts.unknown == 1 and .counts.ok == 1'
}

@test "an interrupted run ends its queries on the server" {
  on "$(pg_majors | head -n 1)"
  sql "CREATE FUNCTION slow (i int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
       CREATE TABLE waits (i int CHECK (slow (i))); INSERT INTO waits VALUES (1);
       CREATE OR REPLACE FUNCTION slow (i int) RETURNS bool IMMUTABLE LANGUAGE plpgsql
         AS 'BEGIN PERFORM pg_sleep(600); RETURN true; END'"
  # A shell starts what runs in the background with SIGINT ignored; pgkeel installs its handler anyway.
  "$PGKEEL" integrity check --check=check-violated > out 2> err &
  keel=$!
  wait_for 60 sleeps
  kill -INT "$keel"
  status=0
  wait "$keel" || status=$?
  [ "$status" = 5 ] || fail "exit code $status: $(cat err)"
  grep -q interrupted err
  wait_for 60 gone
}

sleeps () { [ "$(pg_sql "$MAJOR" postgres "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ]; }
gone () { [ "$(pg_sql "$MAJOR" postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'work'")" = 0 ]; }
