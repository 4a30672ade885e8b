#!/usr/bin/env bats
# The audit log: what commands leave in it, and what verification says after it was tampered with.

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }

setup ()
{
  local major
  major=$(pg_majors | head -n 1)
  DATABASE=db_$BATS_TEST_NUMBER
  pg_sql "$major" postgres "CREATE DATABASE $DATABASE"
  project_new "project: shop
environments:
  staging: {url: '$(pg_url "$major" "$DATABASE")'}
  testing: {url: '$(pg_url "$major" "$DATABASE")'}"
  export PGKEEL_ENV=staging
}

# Six entries: three stampings, each an intent and its outcome.
fill_log ()
{
  local environment
  for environment in staging testing staging; do
    PGKEEL_ENV=$environment run_keel env stamp --force --confirm "$DATABASE"
    assert_status 0
  done
  [ "$(wc -l < .pgkeel/audit.jsonl)" -eq 6 ]
}

@test "an empty log is sound" {
  run_keel audit log
  assert_status 0
  assert_stdout 'no entries'
  run_keel audit verify
  assert_status 0
  run_keel audit log --json
  assert_json '.entries == []'
}

@test "the chain is what the manual says: sha256sum of the line before" {
  fill_log
  local line previous sum
  for line in 2 3 4 5 6; do
    previous=$(sed -n "${line}p" .pgkeel/audit.jsonl | jq -r .previous)
    sum=$(sed -n "$((line - 1))p" .pgkeel/audit.jsonl | tr -d '\n' | sha256sum)
    [ "$previous" = "sha256:${sum%% *}" ]
  done
  [ "$(jq -r .hash .pgkeel/audit.head)" = \
    "sha256:$(sed -n 6p .pgkeel/audit.jsonl | tr -d '\n' | sha256sum | cut -d ' ' -f 1)" ]
  run_keel audit verify
  assert_status 0
  assert_stdout '6 entries, each follows the one before'
}

@test "the log is filtered by time, action and number" {
  fill_log
  run_keel audit log -n 2 --json
  assert_json '[.entries[].seq] == [5, 6]'
  run_keel audit log --action env --since 1h --json
  assert_json '.entries | length == 6'
  run_keel audit log --action restore --json
  assert_json '.entries == []'
  run_keel audit log --since yesterday
  assert_error 2 '--since must be a duration, not “yesterday”' 'as in 48h or 7d'
  run_keel audit log -n -1
  assert_error 2 '-n must not be negative'
  run_keel audit log
  assert_status 0
  [ "$(grep -c 'env stamp' <<< "$output")" -eq 6 ]
}

@test "a changed, a removed and a moved entry are found, and the exit code is 1" {
  fill_log
  cp -r .pgkeel kept
  sed -i '3s/testing/prodding/' .pgkeel/audit.jsonl
  run_keel audit verify
  assert_error 1 'the audit log is not what was written: 1 problem'
  assert_stdout 'problem: line 3: entry 3 was changed after it was written'

  cp kept/audit.jsonl .pgkeel/
  sed -i 2,3d .pgkeel/audit.jsonl
  run_keel audit verify --json
  assert_status 1
  assert_json '(.sound | not) and .problems == ["line 2: 2 entries before it are missing"]'

  cp kept/audit.jsonl .pgkeel/
  sed -i '2{h;d};3G' .pgkeel/audit.jsonl
  run_keel audit verify
  assert_status 1
  assert_stdout 'entry 2 is not in its place'

  cp kept/audit.jsonl .pgkeel/
  run_keel audit verify
  assert_status 0
}

@test "a log that was cut short stays found, also after more was written" {
  fill_log
  sed -i 5,6d .pgkeel/audit.jsonl
  run_keel audit verify
  assert_error 1 'the audit log is not what was written'
  assert_stdout '2 entries are missing at the end'
  fill_log_once
  run_keel audit verify
  assert_status 1
  assert_stdout 'line 5: 2 entries before it are missing'
}

fill_log_once ()
{
  PGKEEL_ENV=testing run_keel env stamp --force --confirm "$DATABASE"
  assert_status 0
}

@test "a line torn by a crash is told from tampering" {
  fill_log
  printf '{"time":"2025-04-22T02:0' >> .pgkeel/audit.jsonl
  run_keel audit verify
  assert_status 0
  assert_stdout 'note: line 7: cut short by a crash'
  fill_log_once
  run_keel audit verify
  assert_status 0
  assert_stdout '8 entries'
}

@test "a step whose intent cannot be logged is not taken" {
  printf 'not a folder' > .pgkeel
  run_keel env stamp --yes
  assert_error 5 'writing the audit log'
  run_keel env check --json
  assert_json '.stamp.verdict == "none"'
}

@test "a failed step is logged as failed" {
  local major
  major=$(pg_majors | head -n 1)
  pg_sql "$major" postgres "ALTER DATABASE $DATABASE SET default_transaction_read_only = on"
  run_keel env stamp --yes
  assert_error 5 'writing the identity stamp'
  run_keel audit log --json
  assert_json '[.entries[].phase] == ["intent", "failed"] and (.entries[1].error | test("read-only"))'
  run_keel audit verify
  assert_status 0
}

# --- audit.database_head

head_rows () { pg_sql "$(pg_majors | head -n 1)" "$DATABASE" "$1"; }

@test "the database remembers the end: a tail cut with its head and a log written anew are found" {
  printf 'audit: {database_head: true}\n' >> pgkeel.yaml
  fill_log
  [ "$(head_rows 'SELECT string_agg (entries::text, $$ $$ ORDER BY entries) FROM pgkeel.audit_head')" = '2 4 6' ]
  run_keel audit verify
  assert_status 0
  assert_stdout '6 entries, each follows the one before'
  assert_stdout '6 of them as the database remembers them since 20'
  cp -r .pgkeel kept

  # Cut behind entry 3, with a head that fits.
  sed -i 4,6d .pgkeel/audit.jsonl
  printf '{"count": 3, "hash": "sha256:%s"}\n' \
    "$(sed -n 3p kept/audit.jsonl | tr -d '\n' | sha256sum | cut -d ' ' -f 1)" > .pgkeel/audit.head
  run_keel audit verify
  assert_error 1 'the audit log is not what was written: 1 problem'
  assert_stdout 'problem: 3 entries are missing at the end: the database remembers 6 since 20'
  # What is written now does not make the database forget.
  PGKEEL_ENV=testing run_keel env stamp --force --confirm "$DATABASE"
  assert_status 0
  assert_stderr 'the audit log has 5 entries, but the database remembers 6'
  run_keel audit verify
  assert_status 1

  # Another log in its place, which is sound in itself.
  rm .pgkeel/audit.jsonl .pgkeel/audit.head
  sed -i 's/database_head: true/database_head: false/' pgkeel.yaml
  fill_log
  fill_log_once
  run_keel audit verify
  assert_status 0
  sed -i 's/database_head: false/database_head: true/' pgkeel.yaml
  run_keel audit verify --json
  assert_status 1
  assert_json '(.sound | not) and .database.heads == 3 and .database.entries == 6
    and (.problems[0] | contains("the log was replaced or rewritten"))'

  # The right one, moved to another folder, is known by how it begins.
  rm -r .pgkeel
  cp -r kept .pgkeel
  cp -r "$PROJECT" "$PROJECT-moved"
  cd "$PROJECT-moved"
  run_keel audit verify
  assert_status 0
  assert_stdout '6 of them as the database remembers them'
}

@test "a database that cannot be asked is no pass, and one that must not be written to is not" {
  printf 'audit: {database_head: true}\n' >> pgkeel.yaml
  fill_log
  # Of another environment: nothing is written where the stamp forbids it.
  head_rows 'TRUNCATE pgkeel.audit_head'
  PGKEEL_ENV=testing run_keel incident open 'looked at' --subject x
  assert_status 0
  [ "$(head_rows 'SELECT count(*) FROM pgkeel.audit_head')" = 0 ]
  run_keel audit verify
  assert_status 0
  assert_stdout 'note: the database remembers nothing of this log yet'
  # Not there.
  sed -i "s/\/$DATABASE?/\/gone?/" pgkeel.yaml
  run_keel audit verify
  assert_error 4 'the log was not compared with what the database remembers: '
  assert_stdout 'entries, each follows the one before'
  run_keel audit verify --json
  assert_json '(.sound | not) and .database == null and .problems == []'
}
