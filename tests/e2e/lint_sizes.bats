#!/usr/bin/env bats
# pgkeel migrate lint --database: findings weighed by how large the tables are.
# shellcheck disable=SC1111,SC2016,SC2154 # real quotation marks; jq; set by helper.bash

load helper

setup_file ()
{
  e2e_begin
  pg_start_all
}

teardown_file () { e2e_end; }

setup ()
{
  NAME=$(pg_majors | head -n 1)
  pg_sql "$NAME" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$NAME" postgres "CREATE DATABASE shop"
  pg_sql "$NAME" shop "
    CREATE TABLE small (id bigint PRIMARY KEY, v int);
    CREATE SCHEMA s;
    CREATE TABLE s.large (id bigint, v text);
    INSERT INTO s.large SELECT x, repeat('x', 1000) FROM generate_series(1, 10000) x;
    CREATE TABLE part (id bigint, v text) PARTITION BY RANGE (id);
    CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (1000000);
    INSERT INTO part SELECT * FROM s.large;
    ANALYZE"
  project_new "environments: {development: {url: \"$(pg_url "$NAME" shop)\"}}"
}

@test "a small table's lock is a note, a large one's stays an error, with its size" {
  cat > x.sql << 'SQL'
CREATE INDEX a ON small (v);
CREATE INDEX b ON s.large (v);
ALTER TABLE part ALTER v SET NOT NULL;
CREATE INDEX c ON unknown (v);
SQL
  run_keel migrate lint x.sql --level=note --database --json
  assert_status 1
  assert_json '[.findings[] | select(.rule | IN("index-not-concurrent", "set-not-null"))
                | [.line, .severity, (.table_bytes // 0) > 8388608, .table_rows]]
               == [[1, "note", false, 0], [2, "error", true, 10000], [3, "error", true, 10000],
                   [4, "error", false, null]]'
  run_keel migrate lint x.sql --database
  assert_stdout "about 10,000 rows"
  refute_stdout "x.sql:1:"
}

@test "what hurts whatever the size stays as it is" {
  echo 'ALTER TABLE small DROP COLUMN v;' > x.sql
  run_keel migrate lint x.sql --database --json
  assert_status 1
  assert_json '.findings | length == 1 and .[0].rule == "drop-column" and .[0].severity == "warning"'
}

@test "lint leaves the database as it was, and says when it cannot be asked" {
  echo 'SELECT 1;' > x.sql
  run_keel migrate lint x.sql --database
  assert_status 0
  [ "$(pg_sql "$NAME" shop "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgkeel'")" = 0 ]
  pg_sql "$NAME" postgres "DROP DATABASE shop"
  run_keel migrate lint x.sql --database
  assert_status 4
}
