#!/usr/bin/env bats
# pgkeel backup create, list, show, verify, prove as a user sees them, on every server that is installed.
# shellcheck disable=SC1111 # the messages have real quotation marks

load helper

setup_file ()
{
  local major
  e2e_begin
  pg_start_all
  for major in $(pg_majors); do
    pg_tool "$major" createdb ledgerflow
    pg_tool "$major" psql -X -q -v ON_ERROR_STOP=1 -d ledgerflow \
      -f "$REPOSITORY/examples/ledgerflow/schema.sql" -f "$REPOSITORY/examples/ledgerflow/data.sql" \
      > /dev/null
  done
}

teardown_file () { e2e_end; }

setup ()
{
  MAJOR=$(pg_majors | head -n 1)
  project_with "$MAJOR"
}

# A project whose production is the ledgerflow database of the server MAJOR.
project_with ()
{
  project_new "project: ledgerflow
backup: {count: [ledger_transaction]}
incident: {emergency_backup: false}
environments:
  production: {url: \"$(pg_url "$1" "${2:-ledgerflow}")\"}"
  BACKUPS=$PROJECT/backups/production
}

keel () { run_keel -e production "$@"; }

# The names of the backups in FOLDER, oldest first.
backups_in () { (cd "$1" && compgen -G '*.sql.gz' | sort); }

create ()
{
  keel backup create --json "$@"
  assert_status 0
  NAME=$(jq -r .backup <<< "$output")
  FILE=$BACKUPS/$NAME
  STEM=${FILE%.sql.gz}
}

# Adds one to the byte at OFFSET of FILE.
damage ()
{
  local value
  value=$(od -A n -t u1 -j "$2" -N 1 "$1")
  # shellcheck disable=SC2059 # the byte is the format
  printf "\\$(printf '%03o' $(((value + 1) % 256)))" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "create writes one file, says where, and keeps it to its owner" {
  keel backup create
  assert_status 0
  local name
  name=$(backups_in "$BACKUPS")
  [[ $name =~ ^ledgerflow_db_backup_20[0-9]{6}_[0-9]{6}\.sql\.gz$ ]] || fail "the name is $name"
  [ "$(head -n 1 <<< "$output")" = "$BACKUPS/$name" ] || { show_run; fail "another path"; }
  assert_stdout "15 tables, 2,041 rows"
  assert_stdout "read back and verified"
  assert_stdout "ledger_transaction: 1,666 rows, digest "
  [ "$(stat -c %a "$BACKUPS")" = 700 ]
  [ "$(stat -c %a "$BACKUPS/$name")" = 600 ]
  [ "$(stat -c %a "$BACKUPS/backup.log")" = 600 ]
  [ "$(wc -l < "$BACKUPS/backup.log")" -eq 1 ]
  grep -qE "^20[0-9-]+T[0-9:]+Z create ok file=$name size=$(stat -c %s "$BACKUPS/$name") tables=15 rows=2041 seconds=[0-9.]+ ledger_transaction=1666\$" \
    "$BACKUPS/backup.log" || fail "$(cat "$BACKUPS/backup.log")"
  # Nothing of the work in progress is left.
  [ "$(find "$BACKUPS" -name '*.partial' | wc -l)" -eq 0 ]
}

@test "the file is as docs/backup-format.md says, on every server" {
  local major reader=$BATS_TEST_DIRNAME/format_reader
  for major in $(pg_majors); do
    project_with "$major"
    create
    run "$reader" check "$FILE"
    assert_status 0
    assert_stdout "members, all as the index says"
    run "$reader" index "$FILE"
    assert_status 0
    output=$(jq -s . <<< "$output")
    assert_json '.[0] | .pgkeel_index == 1 and .type == "db" and .database == "ledgerflow"
                 and .encoding == "UTF8" and (.lsn | test("^[0-9A-F]+/[0-9A-F]+$"))'
    assert_json ".[0].server_version / 10000 | floor == $major"
    assert_json '[.[] | select(.part)] | map(.part) | .[:2] == ["header", "pre-data"]'
    # A table by hand is the table: same rows, byte for byte, as the server gives.
    "$reader" table "$FILE" public ledger_transaction | sed '/^COPY /d; /^\\\.$/d; /^$/d' | sort \
      > by_hand
    PGTZ=UTC pg_tool "$major" psql -X -q -d ledgerflow -c 'COPY ledger_transaction TO STDOUT' | sort \
      > by_server
    [ "$(wc -l < by_hand)" -eq 1666 ]
    cmp by_hand by_server
  done
}

@test "the document's reader sees damage, too" {
  create
  cp "$FILE" damaged.sql.gz
  damage damaged.sql.gz 20000
  run "$BATS_TEST_DIRNAME/format_reader" check damaged.sql.gz
  assert_status 1
  head -c -1 "$FILE" > cut.sql.gz
  run "$BATS_TEST_DIRNAME/format_reader" check cut.sql.gz
  assert_status 1
}

@test "create --json is one object with the numbers" {
  create
  assert_json ".path == \"$FILE\" and .type == \"db\" and .tables == 15 and .rows == 2041"
  assert_json ".size_bytes == $(stat -c %s "$FILE") and .raw_bytes > 800000 and .seconds > 0"
  assert_json '.verified == true and .warnings == [] and .removed == [] and (has("proof") | not)'
  assert_json '.schema_fingerprint | test("^sha256:[0-9a-f]{64}$")'
}

@test "create --type schema and --type data hold what they say" {
  create --type schema
  [[ $NAME == ledgerflow_schema_backup_* ]]
  assert_json '.type == "schema" and .tables == 0 and .rows == 0'
  gunzip -c "$FILE" | grep -q '^CREATE TABLE public.ledger_transaction '
  [ "$(gunzip -c "$FILE" | grep -c '^COPY ')" -eq 0 ]
  create --type data
  [[ $NAME == ledgerflow_data_backup_* ]]
  assert_json '.type == "data" and .rows == 2041 and (has("schema_fingerprint") | not)'
  [ "$(gunzip -c "$FILE" | grep -c '^CREATE ')" -eq 0 ]
  gunzip -c "$FILE" | grep -q '^COPY public.ledger_transaction '
  keel backup create --type everything
  assert_error 2 "unknown type of backup “everything”" "The types are db, schema and data."
}

@test "gunzip and psql restore the file with nothing of pgkeel" {
  create
  pg_tool "$MAJOR" createdb plain
  gunzip -c "$FILE" | pg_tool "$MAJOR" psql -X -q -v ON_ERROR_STOP=1 -d plain > /dev/null
  [ "$(pg_sql "$MAJOR" plain 'SELECT count(*), sum(amount) FROM ledger_transaction')" = \
    "$(pg_sql "$MAJOR" ledgerflow 'SELECT count(*), sum(amount) FROM ledger_transaction')" ]
  pg_tool "$MAJOR" dropdb plain
}

@test "a second backup in the same second gets a later name" {
  create
  local first=$NAME
  create
  [[ $NAME > $first ]] || fail "$NAME is not after $first"
  [ "$(backups_in "$BACKUPS" | wc -l)" -eq 2 ]
}

@test "BACKUP_DIR is where the environment's folder is" {
  BACKUP_DIR=$PROJECT/elsewhere keel backup create
  assert_status 0
  [ "$(backups_in "$PROJECT/elsewhere/production" | wc -l)" -eq 1 ]
  [ ! -e "$PROJECT/backups" ]
  BACKUP_DIR=$PROJECT/elsewhere keel backup list --json
  assert_json ".folder == \"$PROJECT/elsewhere/production\" and (.backups | length == 1)"
}

@test "a backup as small as backup.min_size is a failed one and leaves nothing" {
  pg_tool "$MAJOR" createdb tiny
  project_with "$MAJOR" tiny
  keel backup create
  assert_error 1 "or less counts as failed" "lower backup.min_size in pgkeel.yaml"
  [ -z "$(backups_in "$BACKUPS")" ]
  grep -q ' create failed file=ledgerflow_db_backup_' "$BACKUPS/backup.log"
  pg_tool "$MAJOR" dropdb tiny
}

@test "list is empty, then newest first, with states" {
  keel backup list
  assert_status 0
  assert_stdout "no backups in $BACKUPS"
  create
  local first=$NAME
  create
  cp "$BACKUPS/$first" "$BACKUPS/ledgerflow_db_backup_20200101_000000.sql.gz"
  : > "$BACKUPS/ledgerflow_db_backup_20200102_000000.sql.gz"
  echo 'SELECT 1;' | gzip > "$BACKUPS/ledgerflow_db_backup_20200103_000000.sql.gz"
  keel backup list
  assert_status 0
  [ "$(wc -l <<< "$output")" -eq 6 ]
  [[ $(sed -n 1p <<< "$output") =~ ^BACKUP\ +AGE\ +TYPE\ +SIZE\ +ROWS\ +VERIFIED\ +PROVEN ]]
  [[ $(sed -n 2p <<< "$output") =~ ^$NAME\ .*ago\ +db\ .*\ 2,041\ .*ago\ +never ]]
  [[ $(sed -n 3p <<< "$output") == "$first "* ]]
  [[ $(sed -n 4p <<< "$output") == *20200103*DAMAGED* ]]
  [[ $(sed -n 5p <<< "$output") == *20200102*"0 B"*DAMAGED* ]]
  [[ $(sed -n 6p <<< "$output") =~ 20200101.*2,041\ +never\ +never ]]
  keel backup list --json
  assert_json '.backups | length == 5'
  assert_json ".backups[0] | .name == \"$NAME\" and .project == \"ledgerflow\" and .type == \"db\"
               and .rows == 2041 and .tables == 15 and .proven == null and .proof_failed == false
               and (.verified | test(\"Z\$\")) and (has(\"problem\") | not)"
  assert_json '.backups[3].problem | test("the file is empty \\(0 bytes\\)")'
  assert_json '.backups[4] | .verified == null and (has("problem") | not)'
}

@test "show lists every table with rows, bytes and digest" {
  create
  keel backup show latest
  assert_status 0
  assert_stdout "production, database ledgerflow, PostgreSQL $MAJOR."
  assert_stdout "15 tables, 2,041 rows, 11 sequences, 0 large objects"
  [ "$(grep -cE '^public\.[a-z_]+ .* [0-9a-f]{32}$' <<< "$output")" -eq 15 ]
  keel backup show --json "$NAME"
  assert_status 0
  assert_json '.database == "ledgerflow" and .environment == "production" and .sequences == 11'
  assert_json '.table_list | length == 15'
  assert_json '[.table_list[].rows] | add == 2041'
  assert_json '.table_list[] | select(.name == "ledger_transaction")
               | .rows == 1666 and .parts >= 1 and (.digest | test("^[0-9a-f]{32}$"))
               and .raw_bytes > .compressed_bytes'
}

@test "a backup is named by latest, by name with and without its ending, and by path" {
  local form
  create
  for form in latest "$NAME" "$(basename "$STEM")" "$FILE" "backups/production/$NAME"; do
    keel backup show "$form" --json
    assert_status 0
    assert_json ".name == \"$NAME\""
  done
  keel backup show nothing
  assert_error 5 "there is no backup “nothing”" "pgkeel backup list"
  rm -r "$BACKUPS"
  keel backup verify latest
  assert_error 5 "there is no backup in “$BACKUPS”" "pgkeel backup create"
}

@test "latest is the newest of type db, and a damaged one is not passed over" {
  create
  local db=$NAME
  create --type schema
  keel backup show latest --json
  assert_json ".name == \"$db\""
  : > "$BACKUPS/ledgerflow_db_backup_20990101_000000.sql.gz"
  keel backup show latest
  assert_error 1 "the latest backup “ledgerflow_db_backup_20990101_000000.sql.gz” is damaged" \
    "Name an older one"
}

@test "verify reads every byte, records it, and finds a single wrong one" {
  create
  rm "$STEM.verified.json"
  keel backup verify
  assert_status 0
  assert_stdout "$NAME: every byte of "
  jq -e ".format == 1 and .size == $(stat -c %s "$FILE") and (.verified | test(\"Z\$\"))" \
    "$STEM.verified.json"
  [ "$(jq -r .sha256 "$STEM.verified.json")" = "$(head -c -78 "$FILE" | sha256sum | cut -c 1-64)" ]
  grep -q " verify ok file=$NAME size=" "$BACKUPS/backup.log"
  keel backup verify --json
  assert_json ".backup == \"$NAME\" and .verified == true and .size_bytes > 100000"
  damage "$FILE" 50000
  keel backup verify
  assert_error 1 "does not have the hash it was written with" "Use an older backup"
  assert_stderr "$NAME"
  grep -q " verify failed file=$NAME " "$BACKUPS/backup.log"
  keel backup verify --json
  assert_status 1
  assert_json '.error.kind == "corrupt" and .error.exit_code == 1'
  keel backup list
  assert_stdout DAMAGED
  keel backup list --json
  assert_json '.backups[0].problem | test("damaged")'
  keel backup show "$NAME"
  assert_stdout "DAMAGED"
}

@test "prove restores, compares and writes the proof file" {
  local major
  for major in $(pg_majors); do
    project_with "$major"
    create
    keel backup prove
    assert_status 0
    assert_stdout "$NAME: proven"
    assert_stdout "scratch cluster of PostgreSQL $major"
    assert_stdout "15 of 15 equal by count and digest, 2,041 rows"
    assert_stdout "11 of 11 equal"
    assert_stdout "equal by fingerprint"
    jq -e ".format == 1 and .backup == \"$NAME\" and .passed == true and .differences == []
           and .tables == {equal: 15, total: 15} and .rows == 2041
           and .sequences == {equal: 11, total: 11} and .large_objects_equal == true
           and .indexes.valid == .indexes.total and .schema == {compared: true, equal: true}" \
      "$STEM.proof.json"
    [ "$(stat -c %a "$STEM.proof.json")" = 600 ]
    [ "$(jq -r .sha256 "$STEM.proof.json")" = "$(head -c -78 "$FILE" | sha256sum | cut -c 1-64)" ]
    grep -qE " prove ok file=$NAME tables=15/15 rows=2041 differences=0 " "$BACKUPS/backup.log"
    keel backup list --json
    assert_json '.backups[0].proven | test("Z$")'
    keel backup list
    [[ $(sed -n 2p <<< "$output") =~ ago\ *$ ]] || { show_run; fail "not listed as proven"; }
  done
}

@test "restore-test is the same as prove, and create --prove does both" {
  create --prove
  assert_json '.proof | .passed == true and .tables == {equal: 15, total: 15}'
  rm "$STEM.proof.json"
  keel restore-test "$NAME" --json
  assert_status 0
  assert_json '.passed == true'
  [ -s "$STEM.proof.json" ]
}

@test "a failed proof is listed as one, and a proof of other bytes counts for nothing" {
  create
  local sha256
  sha256=$(head -c -78 "$FILE" | sha256sum | cut -c 1-64)
  printf '{"format": 1, "sha256": "%s", "proven": "2025-04-22T02:00:00Z", "passed": false}' "$sha256" \
    > "$STEM.proof.json"
  keel backup list
  [[ $(sed -n 2p <<< "$output") == *"FAILED "*" ago"* ]] || { show_run; fail "no failed proof"; }
  keel backup list --json
  assert_json '.backups[0].proof_failed == true'
  printf '{"format": 1, "sha256": "%064d", "proven": "2025-04-22T02:00:00Z", "passed": true}' 0 \
    > "$STEM.proof.json"
  keel backup list --json
  assert_json '.backups[0] | .proven == null and .proof_failed == false'
}

@test "a backup that is damaged is not proven" {
  create
  damage "$FILE" 50000
  keel backup prove
  assert_error 1 "does not have the hash it was written with" "Use an older backup"
  [ ! -e "$STEM.proof.json" ]
  grep -q " prove failed file=$NAME " "$BACKUPS/backup.log"
}

@test "data alone cannot be proven, and is refused before it is made" {
  keel backup create --type data --prove
  assert_error 2 "a backup of data alone cannot be restored by itself" "prove a “db” backup"
  [ ! -d "$BACKUPS" ] || [ -z "$(backups_in "$BACKUPS")" ]
}

@test "progress is drawn on a terminal, and only there" {
  keel backup create
  assert_status 0
  [ -z "$stderr" ] || { show_run; fail "standard error is not empty"; }
  run script -qec "$PGKEEL -e production backup create" /dev/null
  assert_status 0
  assert_stdout 'dumping  ['
  assert_stdout ' of '
  assert_stdout 'read back and verified'
  run script -qec "$PGKEEL -e production --quiet backup create" /dev/null
  assert_status 0
  refute_stdout 'dumping  ['
}

@test "a table that lost more than half of its rows, or is gone, is warned of" {
  pg_tool "$MAJOR" createdb --template=ledgerflow shrinking
  project_with "$MAJOR" shrinking
  create
  pg_sql "$MAJOR" shrinking 'DELETE FROM ledger_transaction_tags;
                             DELETE FROM ledger_transaction WHERE id > 800; DROP TABLE ledger_tag CASCADE'
  keel backup create --json
  assert_status 0
  assert_stderr "table public.ledger_transaction fell from 1,666 to 800 rows"
  assert_stderr "table public.ledger_tag, which had 6 rows, is gone"
  assert_json '.warnings | length >= 2'
  grep -q ' create warning file=.* table public.ledger_transaction fell from 1,666 to 800 rows' \
    "$BACKUPS/backup.log"
  pg_tool "$MAJOR" dropdb shrinking
}
