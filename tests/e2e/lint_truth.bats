#!/usr/bin/env bats
# What lint says of locks and rewrites, held against what servers of two major versions do.
# shellcheck disable=SC2016,SC2154 # jq, and a dollar of sed; set by helper.bash

load helper

CASES=$BATS_TEST_DIRNAME/lint

setup_file ()
{
  e2e_begin
  pg_start_all
}

teardown_file () { e2e_end; }

setup () { project_new; }

# The statements alone, one a line.
statements () { grep -vE '^(--|$)' "$CASES/statements.sql"; }

# Every statement in a transaction that is rolled back, for lint.
write_lint_input ()
{
  cp "$CASES/schema.sql" schema.sql
  statements | sed 's/^.*$/BEGIN;\n&\nROLLBACK;/' > cases.sql
}

# One JSON array: what lint expects of each statement.
predict ()
{
  write_lint_input
  run_keel migrate lint schema.sql cases.sql --locks --json --postgres="$1"
  [ "$status" -le 1 ] || { show_run; fail "lint failed"; }
  jq '[.locks[] | select(.file == "cases.sql")
       | select(.statement | IN("BEGIN", "ROLLBACK") | not)
       | {known, locks: [.locks[] | {relation, mode, rewrite}]}]' <<< "$output" > predicted.json
}

# The same after each statement, as the server has it: the strongest mode by relation, and which got
# a new file.
measure ()
{
  {
    cat "$CASES/schema.sql"
    cat << 'SQL'
CREATE SCHEMA truth;
CREATE TABLE truth.before AS
  SELECT c.oid, c.relkind, pg_relation_filenode(c.oid) AS file,
         CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS relation
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname IN ('public', 's') AND c.relkind <> 'c';
CREATE VIEW truth.now AS
  SELECT b.relation, b.relkind,
         coalesce((SELECT upper(regexp_replace(regexp_replace(l.mode, 'Lock$', ''),
                                               '([a-z])([A-Z])', '\1 \2', 'g'))
                     FROM pg_locks l
                    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
                      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                      AND l.relation = b.oid
                    ORDER BY array_position(ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock',
                                                  'ShareUpdateExclusiveLock', 'ShareLock',
                                                  'ShareRowExclusiveLock', 'ExclusiveLock',
                                                  'AccessExclusiveLock'], l.mode) DESC
                    LIMIT 1), 'none') AS mode,
         coalesce(pg_relation_filenode(b.oid), b.file) IS DISTINCT FROM b.file AS rewritten
    FROM truth.before b;
SQL
    statements | sed 's/^.*$/BEGIN;\n\\o \/dev\/null\n&\n\\o\n'\
'SELECT json_agg(now)::jsonb FROM truth.now WHERE mode <> '"'none'"' OR rewritten;\nROLLBACK;/'
  } > measure.sql
  chmod 644 measure.sql
  pg_sql "$1" postgres "DROP DATABASE IF EXISTS truth"
  pg_sql "$1" postgres "CREATE DATABASE truth"
  pg_tool "$1" psql -X -q -A -t -v ON_ERROR_STOP=1 -d truth < measure.sql > measured.txt 2> measure.log ||
    { cat measure.log; fail "a statement failed on PostgreSQL $1"; }
  sed 's/^$/null/' measured.txt | jq -s 'map(. // [])' > measured.json
}

# Prints each difference; none is what is wanted.
compare ()
{
  statements | jq -R . | jq -s . > statements.json
  jq -n -r --slurpfile s statements.json --slurpfile p predicted.json --slurpfile m measured.json '
    ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE"] as $weak
    | range($s[0] | length) as $i
    | $s[0][$i] as $statement | $p[0][$i] as $predicted | $m[0][$i] as $measured
    | ($measured | map({key: .relation, value: .}) | from_entries) as $found
    | ($predicted.locks | map({key: .relation, value: .}) | from_entries) as $expected
    | if $predicted.known | not then "\($statement)\n  could not be parsed" else empty end,
      ($predicted.locks[]
       | ($found[.relation].mode // "none") as $mode
       | if .mode != $mode then "\($statement)\n  \(.relation): lint \(.mode), server \($mode)"
         else empty end),
      ($measured[]
       | select(.relkind | IN("r", "p", "m", "f", "v"))
       | select(.mode | IN($weak[], "none") | not)
       | select($expected[.relation] == null)
       | "\($statement)\n  \(.relation): lint nothing, server \(.mode)"),
      ($predicted.locks[]
       | ($found[.relation].rewritten // false) as $rewritten
       | if .rewrite != (if $rewritten then "yes" else "no" end)
         then "\($statement)\n  \(.relation): rewrite: lint \(.rewrite), server \($rewritten)"
         else empty end),
      ($measured[]
       | select(.rewritten and (.relkind | IN("r", "p", "m")) and $expected[.relation] == null)
       | "\($statement)\n  \(.relation): rewritten, lint nothing")'
}

check_truth ()
{
  local differences
  predict "$1"
  measure "$1"
  [ "$(jq length predicted.json)" -ge 300 ]
  [ "$(jq length predicted.json)" -eq "$(jq length measured.json)" ]
  differences=$(compare)
  [ -z "$differences" ] || fail "$differences"
}

@test "lint's locks and rewrites of 300 statements are those of the older major" {
  check_truth "$(pg_majors | head -n 1)"
}

@test "lint's locks and rewrites of 300 statements are those of the newer major" {
  check_truth "$(pg_majors | tail -n 1)"
}

# The comparison itself must be able to fail.
@test "a wrong prediction would be noticed" {
  local name
  name=$(pg_majors | head -n 1)
  predict "$name"
  measure "$name"
  jq '.[0].locks[0].mode = "SHARE"' predicted.json > changed.json
  mv changed.json predicted.json
  [[ $(compare) == *"t: lint SHARE, server ACCESS EXCLUSIVE"* ]]
  jq '.[0].locks = []' predicted.json > changed.json
  mv changed.json predicted.json
  [[ $(compare) == *"t: lint nothing, server ACCESS EXCLUSIVE"* ]]
}
