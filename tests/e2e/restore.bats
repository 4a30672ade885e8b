#!/usr/bin/env bats
# pgkeel restore of a whole database: side by side, in place, what guards it, and what is left when it
# fails or is killed. Tables are in restore_table.bats, dumps of other programs in restore_foreign.bats.
# shellcheck disable=SC1111,SC2016,SC2030,SC2031,SC2119,SC2120,SC2154 # real quotation marks; set by helper.bash; each test is a subshell

load helper

setup_file ()
{
  local major
  e2e_begin
  pg_start_all
  major=$(pg_majors | head -n 1)
  pg_stop "$major"
  pg_start "$major" "$(pg_bindir "$major")" 'max_prepared_transactions = 2'
  for major in $(pg_majors); do
    pg_sql "$major" postgres "CREATE ROLE book_owner; CREATE ROLE book_reader"
    pg_sql "$major" postgres "CREATE DATABASE ledgerflow OWNER book_owner"
    pg_tool "$major" psql -X -q -v ON_ERROR_STOP=1 -d ledgerflow \
      -f "$REPOSITORY/examples/ledgerflow/schema.sql" -f "$REPOSITORY/examples/ledgerflow/data.sql" \
      > /dev/null
    project_new "project: books
environments:
  development: {url: \"$(pg_url "$major" ledgerflow)\"}"
    "$PGKEEL" backup create --json > created.json 2> log || fail "$(cat log)"
    cp "$(jq -r .path created.json)" "$E2E_ROOT/$major.sql.gz"
  done
}

teardown_file () { e2e_end; }

setup ()
{
  NATIVE=$(pg_majors | head -n 1)
  use "$NATIVE" "books_$BATS_TEST_NUMBER"
  export DB_RESTORE_CONFIRM=1
}

# A project whose development environment is DATABASE of the server MAJOR, and a copy of its backup.
use ()
{
  MAJOR=$1
  DB=$2
  project_new "project: books
environments:
  development: {url: \"$(pg_url "$MAJOR" "$DB")\"}"
  BACKUP=$PROJECT/books.sql.gz
  cp "$E2E_ROOT/$MAJOR.sql.gz" "$BACKUP"
}

sql () { pg_sql "$MAJOR" "$1" "$2"; }

make_database () { sql postgres "CREATE DATABASE \"${1:-$DB}\" TEMPLATE ledgerflow OWNER book_owner"; }

databases () { sql postgres 'SELECT datname FROM pg_database ORDER BY 1'; }

dump () { pg_tool "$MAJOR" pg_dump -d "$1" | sed '/^\\\(un\)\?restrict /d'; }

# Rows of the ledger: 1,666 as the backup has them.
rows () { sql "$1" 'SELECT count(*) FROM ledger_transaction'; }

lose_rows () { sql "${1:-$DB}" "DELETE FROM ledger_transaction_tags WHERE transaction_id % 2 = 0; DELETE FROM ledger_transaction WHERE id % 2 = 0" ; }

audit () { jq -r 'select(.action == "restore") | .phase' .pgkeel/audit.jsonl | paste -s -d ' '; }

# What an interrupted or failed restore must not leave.
assert_untouched ()
{
  [ "$(databases)" = "$BEFORE" ] || fail "databases: $(databases)"
  [ "$(rows "$DB")" = "$1" ] || fail "the old database has changed"
}

@test "the new database is equal, the old one is kept beside it, on every server" {
  local major kept
  for major in $(pg_majors); do
    use "$major" books_beside
    make_database
    lose_rows
    run_keel restore "$BACKUP"
    assert_status 0
    assert_stdout "restored database books_beside in "
    assert_stdout "15 of 15 tables equal by count and digest, 2,041 rows"
    assert_stdout "schema equal by fingerprint"
    kept=$(sql postgres "SELECT datname FROM pg_database WHERE datname ~ '^books_beside_before_[0-9]{8}_[0-9]{6}$'")
    [ -n "$kept" ]
    assert_stdout "the old database is kept as $kept"
    [ "$(rows "$DB")" = 1666 ]
    [ "$(rows "$kept")" = 833 ]
    dump "$DB" > got
    dump ledgerflow > wanted
    diff wanted got
    [ "$(audit)" = "intent done" ]
    grep -qE '^20[0-9T:Z-]+ restore ok file=books.sql.gz database=books_beside tables=15 rows=2041 compared=yes$' \
      "$(find "$PROJECT" -name backup.log)" || fail "$(cat backups/*/backup.log)"
    # A second one does not mind the first.
    run_keel restore "$BACKUP"
    assert_status 0
    [ "$(databases | grep -c '^books_beside')" -eq 3 ]
  done
}

properties ()
{
  sql postgres "SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, datconnlimit,
      datistemplate, shobj_description(oid, 'pg_database'), (SELECT array_agg(a::text ORDER BY a::text)
        FROM unnest(datacl) a) FROM pg_database WHERE datname = '$1'
    UNION ALL SELECT coalesce(r.rolname, '-'), 0, unnest(setconfig), NULL, 0, NULL, NULL, NULL
      FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = setrole
      JOIN pg_database d ON d.oid = setdatabase WHERE datname = '$1' ORDER BY 1, 3"
}

dress_up ()
{
  sql postgres "ALTER DATABASE $1 SET search_path = public, \"Odd, Name\";
    ALTER DATABASE $1 SET statement_timeout = '7min';
    ALTER DATABASE $1 SET application_name = 'it''s \\ ours';
    ALTER ROLE book_reader IN DATABASE $1 SET work_mem = '12MB';
    REVOKE CONNECT ON DATABASE $1 FROM PUBLIC; GRANT CONNECT ON DATABASE $1 TO book_reader;
    GRANT CREATE ON DATABASE $1 TO book_reader WITH GRANT OPTION;
    COMMENT ON DATABASE $1 IS 'the books, \"all\" of them';
    ALTER DATABASE $1 CONNECTION LIMIT 17"
}

@test "owner, encoding, settings, privileges, comment and limit are those of the database replaced" {
  local major before kept
  for major in $(pg_majors); do
    use "$major" books_dressed
    sql postgres "CREATE DATABASE books_dressed OWNER book_owner ENCODING 'LATIN1'
      LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    dress_up books_dressed
    before=$(properties books_dressed)
    run_keel restore "$BACKUP"
    assert_status 0
    [ "$(properties books_dressed)" = "$before" ] || fail "$before
is now $(properties books_dressed)"
    [ "$(sql books_dressed 'SHOW server_encoding')" = LATIN1 ]
    # The old one keeps its own.
    kept=$(databases | grep books_dressed_before)
    [ "$(properties "$kept")" = "$before" ] || fail "kept: $(properties "$kept")"
  done
}

@test "they are those of the backup when the database is gone" {
  local major before
  for major in $(pg_majors); do
    use "$major" books_gone
    make_database
    dress_up books_gone
    before=$(properties books_gone)
    run_keel backup create
    assert_status 0
    sql postgres 'DROP DATABASE books_gone'
    run_keel restore latest
    assert_status 0
    refute_stdout 'is kept as'
    [ "$(properties books_gone)" = "$before" ] || fail "$before
is now $(properties books_gone)"
    ! databases | grep -q books_gone_ || fail "$(databases)"
    [ "$(rows books_gone)" = 1666 ]
  done
}

@test "sessions that keep coming back do not make the swap fail" {
  local loop stop=$PROJECT/stop
  make_database
  for _ in 1 2 3; do
    (while [ -d "$PROJECT" ] && [ ! -e "$stop" ]; do
      pg_tool "$MAJOR" psql -X -q -d "$DB" -c 'SELECT pg_sleep(5)' || true
    done) > /dev/null 2>&1 3>&- &
  done
  loop=$(jobs -p)
  lose_rows
  run_keel restore "$BACKUP"
  touch "$stop"
  sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid()" > /dev/null
  # shellcheck disable=SC2086 # one word per process
  wait $loop || true
  assert_status 0
  [ "$(rows "$DB")" = 1666 ]
  [ "$(databases | grep -c "^${DB}_before_")" -eq 1 ]
}

@test "--to makes a database, or replaces one, and leaves the environment's alone" {
  make_database
  lose_rows
  unset DB_RESTORE_CONFIRM
  run_keel restore "$BACKUP" --to "${DB}_copy"
  assert_status 0
  [ "$(rows "${DB}_copy")" = 1666 ]
  [ "$(rows "$DB")" = 833 ]
  # Now that it is there, replacing it wants to be confirmed.
  lose_rows "${DB}_copy"
  run_keel restore "$BACKUP" --to "${DB}_copy"
  assert_error 3 "this would replace the database “${DB}_copy” of development" DB_RESTORE_CONFIRM=1
  [ "$(rows "${DB}_copy")" = 833 ]
  DB_RESTORE_CONFIRM=1 run_keel restore "$BACKUP" --to "${DB}_copy" --json
  assert_status 0
  assert_json ".dry_run == false and .database == \"${DB}_copy\" and .table == null and .compared
    and (.kept | test(\"^${DB}_copy_before_[0-9_]+\$\")) and .safety_backup == null and .tables == 15
    and .rows == 2041 and .seconds > 0 and (.steps | length) == 5 and .bytes_read > 0"
  [ "$(rows "$(jq -r .kept <<< "$output")")" = 833 ]
  [ "$(rows "$DB")" = 833 ]
}

@test "--no-compare restores as much, and says what it did not do" {
  run_keel restore "$BACKUP" --to "${DB}_quick" --no-compare
  assert_status 0
  assert_stdout '15 tables, 2,041 rows'
  assert_stdout 'NOT compared'
  [[ $output != *'equal by count'* ]] || fail "it says it compared: $output"
  [ "$(rows "${DB}_quick")" = 1666 ]
  run_keel restore "$BACKUP" --to "${DB}_quick2" --no-compare --json
  assert_json '(.compared | not) and .tables == 15 and .rows == 2041 and (.steps | length) == 4
    and (.steps | map(test("compare")) | any | not)'
  dump "${DB}_quick" > quick
  run_keel restore "$BACKUP" --to "${DB}_compared"
  assert_status 0
  dump "${DB}_compared" | diff quick -
  # What replaces the only rows there are is always compared.
  make_database
  run_keel restore "$BACKUP" --in-place --no-compare
  assert_error 2 '--no-compare cannot be used with --in-place' 'always compared'
}

# Texts of steps, without the times in names.
steps () { sed -E 's/_[0-9]{8}_[0-9]{6}/_TIME/g'; }

@test "a dry run changes nothing, and its steps are those that a real run takes" {
  local planned mode
  make_database
  lose_rows
  BEFORE=$(databases)
  dump "$DB" > before
  for mode in '' --in-place; do
    # shellcheck disable=SC2086 # none or one word
    run_keel restore "$BACKUP" --dry-run $mode
    assert_status 0
    planned=$(steps <<< "$output")
    assert_untouched 833
    dump "$DB" | diff before -
    [ ! -e .pgkeel/audit.jsonl ]
    [ -z "$(find . -name backup.log)" ]
    # shellcheck disable=SC2086
    run_keel restore "$BACKUP" --dry-run --json $mode
    assert_json '.dry_run and .replaces and (.steps | length) > 4'
    [ "$(jq -r '(.steps | length) as $n | .steps | to_entries[] | "\(.key + 1)/\($n) \(.value)"' \
      <<< "$output" | steps)" = "$planned" ]
  done
  run_keel restore "$BACKUP" --in-place
  assert_status 0
  [ "$(grep -oE '^[0-9]/[0-9] .*' <<< "$stderr" | steps)" = "$planned" ] || { show_run; fail "planned: $planned"; }
  run_keel restore "$BACKUP" --dry-run
  planned=$(steps <<< "$output")
  run_keel restore "$BACKUP"
  assert_status 0
  [ "$(grep -oE '^[0-9]/[0-9] .*' <<< "$stderr" | steps)" = "$planned" ] || { show_run; fail "planned: $planned"; }
}

@test "without DB_RESTORE_CONFIRM or a terminal nothing happens: exit code 3" {
  make_database
  lose_rows
  BEFORE=$(databases)
  unset DB_RESTORE_CONFIRM
  run_keel restore "$BACKUP"
  assert_error 3 "this would replace the database “$DB” of development" \
    "Run it on a terminal, give --confirm=$DB, or set DB_RESTORE_CONFIRM=1."
  assert_untouched 833
  [ "$(audit)" = refused ]
  DB_RESTORE_CONFIRM=yes run_keel restore "$BACKUP"
  assert_status 3
  run_keel --yes restore "$BACKUP"
  assert_status 3
  run_keel restore "$BACKUP" --in-place
  assert_status 3
  assert_untouched 833
  # A command line that was written for another database does nothing to this one.
  DB_RESTORE_CONFIRM=1 run_keel --yes restore "$BACKUP" --confirm=other
  assert_error 3 "--confirm=other was given, but this would replace the database “$DB”" "which database"
  assert_untouched 833
  run_keel restore "$BACKUP" --confirm="$DB" --json
  assert_status 0
  [ "$(rows "$DB")" = 1666 ]
  run_keel audit log --action restore --json
  assert_json '[.entries[] | .confirmed | [.level, .by]] | .[0] == ["name", "nobody"]
               and .[-1] == ["name", "--confirm"]'
}

# pgkeel on a terminal where ANSWER is typed; with "EOF" the terminal's end of input.
on_terminal ()
{
  local answer=$1
  shift
  run script -qec "timeout --foreground 60 '$PGKEEL' $*" /dev/null < <(
    sleep 1.5
    if [ "$answer" = EOF ]; then printf '\004'; else printf '%s\n' "$answer"; fi
    sleep 8) 3>&-
}

@test "on a terminal the database's name is asked for" {
  make_database
  lose_rows
  BEFORE=$(databases)
  unset DB_RESTORE_CONFIRM
  on_terminal wrong restore "$BACKUP"
  assert_status 3
  assert_stdout "This will replace the database “$DB” of development"
  assert_stdout "not confirmed: nothing was changed"
  assert_untouched 833
  on_terminal EOF restore "$BACKUP"
  assert_status 3
  assert_stdout "not confirmed"
  assert_untouched 833
  on_terminal "$DB" restore "$BACKUP"
  assert_status 0
  [ "$(rows "$DB")" = 1666 ]
  [ "$(audit)" = "refused refused intent done" ]
}

@test "a protected environment wants DB_RESTORE_ALLOW_PRODUCTION, and LEDGER_ENV to agree" {
  make_database
  lose_rows
  BEFORE=$(databases)
  printf '%s\n' 'project: books' 'environments:' "  production: {url: \"$(pg_url "$MAJOR" "$DB")\"}" \
    "  development: {url: \"$(pg_url "$MAJOR" "$DB")\"}" > pgkeel.yaml
  run_keel -e production restore "$BACKUP"
  assert_error 3 "“production” is protected against restores" DB_RESTORE_ALLOW_PRODUCTION=1
  DB_RESTORE_ALLOW_PRODUCTION=1 DB_RESTORE_CONFIRM='' run_keel -e production restore "$BACKUP"
  assert_error 3 "there is no terminal to confirm on"
  DB_RESTORE_ALLOW_PRODUCTION=1 LEDGER_ENV=development run_keel -e production restore "$BACKUP"
  assert_error 3 "LEDGER_ENV"
  assert_untouched 833
  [ "$(audit)" = "refused refused refused" ]
  # A dry run asks nobody.
  run_keel -e production restore "$BACKUP" --dry-run
  assert_status 0
  DB_RESTORE_ALLOW_PRODUCTION=1 run_keel -e production restore "$BACKUP"
  assert_status 0
  [ "$(rows "$DB")" = 1666 ]
}

@test "a database that says it is another's is not replaced, and a restored copy is called one" {
  make_database
  printf '%s\n' 'project: books' 'environments:' "  development: {url: \"$(pg_url "$MAJOR" "$DB")\"}" \
    "  staging: {url: \"$(pg_url "$MAJOR" "$DB")\"}" > pgkeel.yaml
  run_keel -e staging env stamp --force --confirm "$DB"
  assert_status 0
  lose_rows
  BEFORE=$(databases)
  run_keel -e development restore "$BACKUP"
  assert_status 3
  assert_stderr staging
  assert_untouched 833
  run_keel -e development restore "$BACKUP" --in-place
  assert_status 3
  run_keel -e development restore "$BACKUP" --table ledger_transaction
  assert_status 3
  assert_untouched 833
  [ "$(audit)" = "refused refused refused" ]

  # The other server gets a copy, which says of itself that it is one.
  local other
  other=$(pg_majors | tail -n 1)
  [ "$other" -gt "$MAJOR" ] || return 0
  run_keel -e staging backup create --json
  assert_status 0
  local backup
  backup=$(jq -r .path <<< "$output")
  use "$other" books_copy
  run_keel restore "$backup"
  assert_status 0
  assert_stdout "schema not compared"
  run_keel env check
  assert_stdout "copy"
}

@test "a damaged backup replaces nothing, and leaves nothing" {
  local offset
  make_database
  lose_rows
  BEFORE=$(databases)
  offset=$("$PGKEEL" backup show "$BACKUP" --json | jq '.bytes // .size // 0 | . / 2 | floor')
  [ "$offset" -gt 0 ] || offset=$(($(stat -c %s "$BACKUP") / 2))
  printf 'XYZW' | dd of="$BACKUP" bs=1 seek="$offset" conv=notrunc status=none
  for mode in '' --in-place '--to other_name'; do
    # shellcheck disable=SC2086 # words
    run_keel restore "$BACKUP" $mode
    assert_status 1
    assert_untouched 833
  done
  [ "$(audit)" = "intent failed intent failed intent failed" ]
  # The trailer cut off, everything before it as it was; then at the end of a member, as cut gzip.
  cp "$E2E_ROOT/$MAJOR.sql.gz" whole.sql.gz
  head -c -40 whole.sql.gz > cut.sql.gz
  run_keel restore cut.sql.gz
  assert_status 1
  run "$BATS_TEST_DIRNAME/format_reader" index whole.sql.gz
  assert_status 0
  assert_untouched 833
}

@test "a backup cut where one of its parts ends is no dump of somebody else" {
  local offset file=$E2E_ROOT/$MAJOR.sql.gz
  make_database
  lose_rows
  BEFORE=$(databases)
  # Ends of parts: every gzip header in the file.
  for offset in $(LC_ALL=C grep -aboP '\x1f\x8b\x08' "$file" | cut -d : -f 1 | tail -n +3); do
    [ "$offset" -gt 10240 ] || continue
    head -c "$offset" "$file" > cut.sql.gz
    run_keel restore cut.sql.gz
    [ "$status" -eq 1 ] || { show_run; fail "cut at $offset"; }
  done
  assert_untouched 833
}

@test "a restore that is killed leaves the old database, and the next one clears up" {
  local pid
  make_database
  lose_rows
  BEFORE=$(databases)
  "$PGKEEL" restore "$BACKUP" > log 2>&1 3>&- &
  pid=$!
  wait_for 20 grep -q '^3/' log
  kill -KILL "$pid"
  wait "$pid" || true
  [ "$(databases | grep -c "^${DB}_restore_")" -eq 1 ]
  [ "$(rows "$DB")" = 833 ]
  sleep 1.1
  run_keel restore "$BACKUP"
  assert_status 0
  [ "$(rows "$DB")" = 1666 ]
  ! databases | grep -q "^${DB}_restore_" || fail "$(databases)"
}

# A database with a subscription cannot be dropped as it is.
@test "a restore that fails leaves nothing, not even with a subscription" {
  make_database
  sql "$DB" "CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false);
    CREATE FUNCTION allowed () RETURNS int LANGUAGE sql AS
      'SELECT 1 / (SELECT count(*) - 1 FROM pg_catalog.pg_roles WHERE rolname IN (''postgres'', ''no_restores''))::int'"
  sql postgres 'CREATE ROLE no_restores'
  sql "$DB" 'CREATE MATERIALIZED VIEW last AS SELECT public.allowed ()'
  run_keel backup create --json
  assert_status 0
  BACKUP=$(jq -r .path <<< "$output")
  sql "$DB" "ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub"
  sql postgres 'DROP ROLE no_restores'
  lose_rows
  BEFORE=$(databases)
  run_keel restore "$BACKUP"
  assert_status 5
  assert_stderr 'division by zero'
  assert_untouched 833
}

@test "a restore that is interrupted leaves nothing" {
  local pid signal
  make_database
  lose_rows
  BEFORE=$(databases)
  for signal in INT TERM; do
    env --default-signal=INT "$PGKEEL" restore "$BACKUP" > log 2>&1 3>&- &
    pid=$!
    wait_for 20 grep -q '^3/' log
    kill -"$signal" "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 5 ] || fail "exit code $status: $(cat log)"
    assert_untouched 833
  done
  [ "$(audit)" = "intent failed intent failed" ]
}

@test "a backup of a newer major version is refused by an older server, an older one's goes on a newer" {
  local old new
  old=$(pg_majors | sort -n | head -n 1)
  new=$(pg_majors | sort -n | tail -n 1)
  [ "$old" -lt "$new" ]
  use "$old" books_versions
  make_database
  BEFORE=$(databases)
  run_keel restore "$E2E_ROOT/$new.sql.gz"
  assert_error 5 "the backup comes from PostgreSQL $new, the server is PostgreSQL $old" 'newer'
  assert_untouched 1666
  use "$new" books_versions
  run_keel restore "$E2E_ROOT/$old.sql.gz"
  assert_status 0
  assert_stdout '15 of 15 tables equal'
  assert_stdout 'schema not compared'
}

@test "names of 63 bytes, with quotes, spaces and other scripts" {
  local long name
  long=$(printf 'ä%.0s' {1..31})x
  [ "$(printf %s "$long" | wc -c)" -eq 63 ]
  for name in "$long" "it's \"odd\" 名 前" "Upper-Case; --"; do
    run_keel restore "$BACKUP" --to "$name"
    assert_status 0
    run_keel restore "$BACKUP" --to "$name" --json
    assert_status 0
    jq -r .database <<< "$output" | grep -qxF -- "$name"
    [ "$(jq -r .kept <<< "$output" | tr -d '\n' | wc -c)" -le 63 ]
    [ "$(rows "$name")" = 1666 ]
    databases | grep -qxF -- "$(jq -r .kept <<< "$output")"
  done
  run_keel restore "$BACKUP" --to "${long}y"
  assert_error 2 'cannot be the name of a database' '63 bytes'
  run_keel restore "$BACKUP" --to ''
  assert_status 2
}

@test "in place: a safety backup, then everything in one transaction, on every server" {
  local major safety
  for major in $(pg_majors); do
    use "$major" books_in_place
    make_database
    lose_rows
    # An event trigger that forbids everything is dropped first; what others were to get of new tables
    # and functions is not added to what the backup grants.
    sql books_in_place "CREATE SCHEMA late; CREATE TABLE late.t (a int); CREATE VIEW late.v AS SELECT 1 AS x;
      ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO book_reader;
      ALTER DEFAULT PRIVILEGES FOR ROLE book_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
      CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
      SELECT lo_from_bytea(4711, 'abc');
      CREATE FUNCTION forbid () RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no DDL here''; END';
      CREATE EVENT TRIGGER forbid ON ddl_command_start EXECUTE FUNCTION forbid ()" > /dev/null
    BEFORE=$(databases)
    run_keel restore "$BACKUP" --in-place
    assert_status 0
    assert_stdout '15 of 15 tables equal by count and digest'
    assert_stdout 'as it was before: '
    [ "$(databases)" = "$BEFORE" ]
    dump "$DB" > got
    dump ledgerflow > wanted
    diff wanted got
    # The way back: the safety backup is in the list, whole, and holds what was there before.
    safety=$(sed -n 's/^as it was before: //p' <<< "$output")
    run_keel backup list --json
    assert_json ".backups | map(.name) | index(\"$(basename "$safety")\") != null"
    run_keel restore "$safety" --to books_was --json
    assert_json '.rows == 1128'
    [ "$(rows books_was)" = 833 ]
    [ "$(sql books_was 'SELECT x FROM late.v')" = 1 ]
    [ "$(sql books_was 'SELECT convert_from(lo_get(4711), $$UTF8$$)')" = abc ]
    sql postgres 'DROP DATABASE books_was'
    [ "$(audit)" = "intent done intent done" ]
  done
}

safety_backups () { find . -name '*_backup_*.sql.gz' | wc -l; }

@test "in place: what fails half way leaves everything as it was" {
  local major
  for major in $(pg_majors); do
    use "$major" books_half
    make_database
    # Rows that this cluster will not take any more when they are restored.
    sql "$DB" "CREATE FUNCTION allowed () RETURNS boolean LANGUAGE sql AS
        'SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''no_restores'')';
      CREATE TABLE picky (a int CHECK (public.allowed ())); INSERT INTO picky VALUES (1)"
    run_keel backup create --json
    assert_status 0
    BACKUP=$(jq -r .path <<< "$output")
    lose_rows
    sql "$DB" "DROP TABLE picky; SELECT lo_from_bytea(4711, 'abc'); CREATE SCHEMA late" > /dev/null
    sql postgres 'CREATE ROLE no_restores'
    BEFORE=$(databases)
    dump "$DB" > before
    run_keel restore "$BACKUP" --in-place
    sql postgres 'DROP ROLE no_restores'
    stderr=$(grep '^pgkeel: \|^ *hint: \|^ *detail: ' <<< "$stderr")
    assert_error 5 'the database is as it was: '
    assert_stderr 'violates check constraint "picky_check"'
    assert_untouched 833
    dump "$DB" | diff before -
    [ "$(safety_backups)" -eq 2 ]
    [ "$(audit)" = "intent failed" ]
    # Once it may, the same restore works.
    run_keel restore "$BACKUP" --in-place
    assert_status 0
    [ "$(rows "$DB")" = 1666 ]
    [ "$(sql "$DB" 'SELECT count(*) FROM picky')" = 1 ]
  done
}

@test "in place: the owner of a database who may make none" {
  local major
  sql postgres "GRANT ALL ON DATABASE ledgerflow TO book_owner"
  for major in $(pg_majors); do
    use "$major" books_owned
    sql postgres "ALTER ROLE book_owner LOGIN"
    sql postgres "CREATE DATABASE $DB OWNER book_owner"
    PGOPTIONS='-c client_min_messages=warning' pg_sql "$MAJOR" "$DB" "GRANT ALL ON SCHEMA public TO book_owner"
    printf '%s\n' 'project: books' 'backup: {min_size: 10B}' 'environments:' "  development: {url: \"$(pg_url "$MAJOR" "$DB" book_owner)\"}" > pgkeel.yaml
    PGOPTIONS='-c role=book_owner' sql "$DB" "CREATE TABLE public.t (a int PRIMARY KEY); INSERT INTO public.t VALUES (1); CREATE SCHEMA mine"
    run_keel backup create --json
    assert_status 0
    BACKUP=$(jq -r .path <<< "$output")
    PGOPTIONS='-c role=book_owner' sql "$DB" "DROP TABLE public.t; CREATE TABLE mine.late (a int)"
    dump "$DB" > before
    run_keel restore "$BACKUP"
    assert_error 5 '“book_owner” may make no databases' 'CREATEDB, or restore with --in-place'
    run_keel restore "$BACKUP" --to books_copy
    assert_error 5 '“book_owner” may make no databases' 'CREATEDB.'
    # A thing of somebody else in the way is no reason to lose the rest.
    sql "$DB" 'CREATE EXTENSION hstore'
    sql "$DB" 'ALTER DATABASE '"$DB"' SET search_path = public; CREATE SCHEMA theirs'
    run_keel restore "$BACKUP" --in-place
    assert_status 5
    assert_stderr 'the database is as it was: '
    assert_stderr 'must be owner of'
    sql "$DB" 'DROP EXTENSION hstore; DROP SCHEMA theirs'
    dump "$DB" | diff before -
    run_keel restore "$BACKUP" --in-place
    assert_status 0
    [ "$(sql "$DB" 'SELECT a FROM t')" = 1 ]
    [ "$(sql "$DB" "SELECT to_regclass('mine.late') IS NULL")" = t ]
    sql postgres "ALTER ROLE book_owner NOLOGIN"
  done
}

@test "in place: a database that has lost everything" {
  sql postgres "CREATE DATABASE $DB OWNER book_owner"
  run_keel restore "$BACKUP" --in-place
  assert_status 0
  dump "$DB" > got
  dump ledgerflow | diff - got
  [ "$(safety_backups)" -eq 1 ]
}

# A session that holds a lock in $DB for SECONDS.
hold_lock ()
{
  PGAPPNAME=report pg_tool "$MAJOR" psql -X -q -d "$DB" \
    -c "BEGIN; UPDATE ledger_transaction SET description = description WHERE id = 1; SELECT pg_sleep($1)" > /dev/null 2>&1 3>&- &
  HOLDER=$!
  wait_for 10 locked
}

locked ()
{
  [ "$(sql "$DB" "SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted AND relation = 'ledger_transaction'::regclass")" -ge 1 ]
}

@test "in place: whom it waits for is told, and named when it gives up" {
  local major pid
  for major in $(pg_majors); do
    use "$major" books_locked
    make_database
    lose_rows
    sql "$DB" 'ALTER TABLE ledger_transaction DISABLE TRIGGER ALL'
    BEFORE=$(databases)
    dump "$DB" > before
    hold_lock 30
    pid=$(sql "$DB" "SELECT pid FROM pg_stat_activity WHERE application_name = 'report' AND datname = '$DB'")
    run_keel restore "$BACKUP" --in-place --lock-wait 1
    assert_stderr "waiting for a lock that session $pid of postgres (report, busy for "
    stderr=$(grep '^pgkeel: \|^ *hint: \|^ *detail: ' <<< "$stderr")
    assert_error 5 "gave up waiting for a lock that session $pid of postgres (report, busy for " "SELECT pg_terminate_backend($pid)"
    sql postgres "SELECT pg_terminate_backend($pid)" > /dev/null
    wait "$HOLDER" || true
    assert_untouched 833
    dump "$DB" | diff before -
    # Found out before the safety backup was made for nothing.
    [ "$(safety_backups)" -eq 0 ]
    [ "$major" = "$NATIVE" ] || continue
    # One that ends in time is waited for.
    hold_lock 2
    run_keel restore "$BACKUP" --in-place
    wait "$HOLDER"
    assert_status 0
    assert_stderr 'waiting for a lock that session '
    [ "$(rows "$DB")" = 1666 ]
  done
}

@test "in place: subscriptions and prepared transactions are refused before anything is done" {
  local mode
  make_database
  lose_rows
  sql "$DB" "CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)"
  BEFORE=$(databases)
  for mode in '' --dry-run; do
    # shellcheck disable=SC2086 # none or one word
    run_keel restore "$BACKUP" --in-place $mode
    assert_error 3 'has the subscription “sub”' 'without --in-place'
  done
  sql "$DB" "ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub"
  pg_sql "$MAJOR" "$DB" "BEGIN; DELETE FROM ledger_transaction_tags; PREPARE TRANSACTION 'odd ''gid'"
  run_keel restore "$BACKUP" --in-place
  assert_error 3 "has the prepared transaction “odd 'gid”" 'ROLLBACK PREPARED'
  sql "$DB" "ROLLBACK PREPARED 'odd ''gid'"
  assert_untouched 833
  [ "$(safety_backups)" -eq 0 ]
}

@test "a role or tablespace that the server lacks is named, with how to make it" {
  local place=$E2E_ROOT/pg/$MAJOR/space mode
  as_server_user mkdir "$place"
  sql postgres "CREATE ROLE \"Odd Role\" LOGIN CREATEDB NOINHERIT"
  make_database
  sql "$DB" "CREATE TABLE extra (a int); ALTER TABLE extra OWNER TO \"Odd Role\""
  run_keel backup create --json
  assert_status 0
  BACKUP=$(jq -r .path <<< "$output")
  sql "$DB" 'DROP TABLE extra'
  sql postgres 'DROP ROLE "Odd Role"'
  BEFORE=$(databases)
  for mode in '' --in-place --dry-run "--to ${DB}_copy"; do
    # shellcheck disable=SC2086 # words
    run_keel restore "$BACKUP" $mode
    assert_error 5 'the server lacks roles that the backup needs: Odd Role' 'CREATE ROLE "Odd Role" CREATEDB LOGIN NOINHERIT;'
  done
  assert_untouched 1666

  sql postgres "CREATE TABLESPACE \"odd space\" LOCATION '$place'"
  sql "$DB" 'CREATE TABLE extra (a int) TABLESPACE "odd space"'
  run_keel backup create --json
  assert_status 0
  BACKUP=$(jq -r .path <<< "$output")
  sql "$DB" 'DROP TABLE extra'
  sql postgres 'DROP TABLESPACE "odd space"'
  run_keel restore "$BACKUP"
  assert_error 5 'the server lacks tablespaces that the backup needs: odd space' 'CREATE TABLESPACE'
  assert_untouched 1666
}

@test "what does not go together is a mistake of the command line" {
  run_keel restore "$BACKUP" --in-place --table ledger_transaction
  assert_error 2 'do not go together'
  run_keel restore "$BACKUP" --in-place
  assert_error 2 "there is no database “$DB”"
  run_keel restore nowhere
  assert_error 5 'there is no backup “nowhere”' 'backup list'
  run_keel restore
  assert_status 2
  make_database
  run_keel restore "$BACKUP" --in-place --to "$DB"
  assert_error 2 '--to does not go with it'
  run_keel backup create --type data --json
  run_keel restore "$(jq -r .path <<< "$output")"
  assert_error 2 'holds data alone' 'psql'
}

@test "restore-test is prove" {
  run_keel restore-test "$BACKUP"
  assert_status 0
  assert_stdout 'proven'
  assert_stdout '15 of 15 equal by count and digest'
  [ -f books.proof.json ] || [ -n "$(find . -name '*.proof.json')" ]
}
