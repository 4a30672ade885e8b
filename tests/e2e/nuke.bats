#!/usr/bin/env bats
# pgkeel nuke: what goes, what must be said, what is refused, and that nothing goes without a way back.
# shellcheck disable=SC1111 # real quotation marks in messages

load helper

setup_file ()
{
  e2e_begin
  pg_start pg "$(pg_bindirs | head -n 1)" "shared_buffers = 16MB" "max_prepared_transactions = 2" "autovacuum = off"
  pg_sql pg postgres "CREATE ROLE app LOGIN; CREATE ROLE reader"
  # Several schemas, keys, a large object, a sequence, a view, an own type, a table that inherits.
  pg_sql pg postgres "CREATE DATABASE origin OWNER app LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
  pg_sql pg origin "
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE account (id int PRIMARY KEY, secret text NOT NULL, mood mood DEFAULT 'ok');
    INSERT INTO account SELECT i, md5(i::text) FROM generate_series(1, 1200) i;
    CREATE TABLE closed () INHERITS (account);
    INSERT INTO closed SELECT i, md5(i::text) FROM generate_series(2001, 2010) i;
    CREATE SCHEMA \"Odd one\" CREATE TABLE \"a.b\" (id serial PRIMARY KEY, account int REFERENCES account);
    INSERT INTO \"Odd one\".\"a.b\" (account) SELECT i FROM generate_series(1, 34) i;
    CREATE VIEW secrets AS SELECT secret FROM account;
    SELECT lo_from_bytea(0, 'large')" > /dev/null
}
teardown_file () { e2e_end; }

# A database $1 like the origin, stamped as $2 (default: development), and a project for it.
new_shop ()
{
  DB=$1
  project_new "project: shop
backup: {min_size: 512B}
environments:
  development: {url: \"$(pg_url pg "$DB")\"}
  testing: {url: \"$(pg_url pg "$DB")\"}
  staging: {url: \"$(pg_url pg "$DB")\"}
  production: {url: \"$(pg_url pg "$DB")\", protected: false}"
  pg_sql pg postgres "CREATE DATABASE \"$DB\" OWNER app TEMPLATE origin"
  run_keel -e "${2:-development}" env stamp --confirm="$DB"
  assert_status 0
}

# All that is in the database $DB, and of it.
contents () { pg_tool pg pg_dump --create "$DB" | grep -v '^\\\(un\)\?restrict\|^-- Dumped'; }

databases () { pg_sql pg postgres "SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1" | paste -s -d ' '; }

assert_untouched ()
{
  [ "$(contents)" = "$BEFORE" ] || fail "the contents of $DB changed"
  [ "$(databases)" = "$BEFORE_DATABASES" ] || fail "there are other databases: $(databases)"
}

note () { BEFORE=$(contents) BEFORE_DATABASES=$(databases); }

# refused MESSAGE [HINT] -- ARGS...: with everything that could say yes.
refused ()
{
  local message=$1 hint=
  shift
  [ "$1" = -- ] || { hint=$1; shift; }
  shift
  DB_RESTORE_CONFIRM=1 DB_RESTORE_ALLOW_PRODUCTION=1 DB_MIGRATE_CONFIRM=1 DB_MIGRATE_ALLOW_PRODUCTION=1 \
    run_keel "$@" nuke --yes --confirm=DESTROY --end-sessions < /dev/null
  assert_error 3 "$message" "$hint"
  [ ! -d backups ] || fail "a backup was made"
}

@test "nuke shows what goes, proves a backup, leaves an empty database like the old one, and it comes back" {
  new_shop shop_whole
  pg_sql pg postgres "ALTER DATABASE $DB SET work_mem = '5MB'; GRANT CONNECT ON DATABASE $DB TO reader;
    REVOKE TEMPORARY ON DATABASE $DB FROM PUBLIC; COMMENT ON DATABASE $DB IS 'the shop'"
  note
  run_keel nuke --dry-run --json
  assert_status 0
  assert_json '.dry_run and (.removed | not) and .rows == 1245 and .tables == 4 and .large_objects == 1
    and .backup == null and .sessions == [] and .size_bytes > 1000000
    and [.schemas[] | [.schema, .tables, .rows]] == [["Odd one", 1, 34], ["pgkeel", 1, 1], ["public", 2, 1210]]'
  run_keel nuke --dry-run
  assert_status 0
  assert_stdout "the database “shop_whole” of development will be empty: "
  assert_stdout "schema Odd one: 1 tables, 34 rows, "
  assert_stdout "not touched: Docker volumes, roles, other databases, backups"
  assert_untouched
  [ ! -d backups ]

  run_keel nuke --yes < /dev/null
  assert_error 3 "there is no terminal to confirm on: this would back up the database “shop_whole”" \
    "Run it on a terminal, or give --confirm=DESTROY."
  run_keel nuke --confirm=shop_whole < /dev/null
  assert_error 3 "for which the word is DESTROY"
  run script -qec "'$PGKEEL' nuke" /dev/null < <(sleep 1; echo shop_whole; sleep 5) 3>&-
  [ "$status" -eq 3 ]
  [[ $output == *"Type DESTROY to go on: "*"not confirmed: nothing was changed"* ]]
  [ ! -d backups ]
  assert_untouched

  run_keel nuke --confirm=DESTROY --json < /dev/null
  assert_status 0
  assert_json '.removed and .proven and .rows == 1245 and .kept_as == null'
  local command backup
  backup=$(jq -r .backup <<< "$output")
  command=$(jq -r .bring_back <<< "$output")
  [ "$command" = "pgkeel -e development restore $backup" ]
  [ "$(databases)" = "$BEFORE_DATABASES" ]
  # Nothing is in it, and of itself it is what it was.
  local kept='^(CREATE|ALTER|COMMENT ON|REVOKE|GRANT).* DATABASE'
  [ "$(contents | grep -E "$kept")" = "$(grep -E "$kept" <<< "$BEFORE")" ] || { contents; false; }
  [ "$(pg_sql pg "$DB" "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                         WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')")" = 0 ]
  run_keel env check --json
  assert_json '.stamp.verdict == "matches"'
  run_keel backup list --json
  assert_json "[.backups[] | select(.proven)] | length == 1 and .[0].name == \"$backup\""
  run_keel audit log --action nuke --json
  assert_json "[.entries[] | .phase] == [\"refused\", \"refused\", \"refused\", \"intent\", \"done\"]
    and (.entries[3] | .backup == \"$backup\" and .proven and .confirmed == {level: \"DESTROY\", by: \"--confirm\"})"
  # An empty one is not made emptier, and nobody is asked for it.
  run_keel nuke < /dev/null
  assert_status 0
  assert_stdout 'is empty already'
  mkdir migrations
  echo 'CREATE TABLE t (id int);' > migrations/0001_first.sql
  run_keel --yes migrate up
  assert_status 0

  # shellcheck disable=SC2086 # words
  run_keel ${command#pgkeel } --confirm="$DB"
  assert_status 0
  diff <(printf '%s\n' "$BEFORE") <(printf '%s\n' "$(contents)")
}

@test "production is refused always, and so is what does not say that it is development or testing" {
  new_shop shop_guarded
  note
  refused "the database of “production” is never removed" "No flag and no variable" -- -e production
  refused "the database of “production” is never removed" -- -e prod
  refused "the database of “staging” is never removed" -- -e staging
  refused "is stamped “development” of project “shop”, but “testing”" -- -e testing
  sed -i 's/^  development: {/  development: {protected: true, /' pgkeel.yaml
  refused "the database of “development” is never removed" "not while they are protected" -- -e development
  sed -i 's/protected: true, //' pgkeel.yaml
  refused "the database of “production” is never removed" -- -e production
  LEDGER_ENV=prod refused "LEDGER_ENV says that this is production: nothing is removed here" -- -e development
  NODE_ENV=production refused "NODE_ENV says that this is production" -- -e development
  # The database says that it is production; then that it is a copy of it; then nothing at all.
  pg_sql pg "$DB" "UPDATE pgkeel.identity SET environment = 'production'"
  note
  refused "the database is stamped “production” of project “shop”: production is never removed" --
  pg_sql pg "$DB" "UPDATE pgkeel.identity SET environment = 'prod', system_identifier = '1'"
  note
  refused "production is never removed" "It is a copy" --
  pg_sql pg "$DB" "UPDATE pgkeel.identity SET environment = 'development'"
  note
  refused "the database does not say that it is “development” of project “shop”" "pgkeel env stamp" --
  pg_sql pg "$DB" "DROP SCHEMA pgkeel CASCADE"
  note
  refused "the database does not say that it is “development”" "pgkeel env stamp" --
  run_keel nuke --dry-run
  assert_status 3
  assert_untouched
  run_keel audit log --action nuke --json
  assert_json '[.entries[] | .phase] | length == 13 and all(. == "refused")'
  # The URL says it, though the stamp says something else.
  new_shop shop_prod_1
  note
  refused "the URL of “development” says that it is production: it is never removed" --
  assert_untouched
  # The server's own.
  DB=postgres
  sed -i "s|shop_prod_1|postgres|" pgkeel.yaml
  run_keel -e testing env stamp --yes
  refused "the database “postgres” belongs to the server" -- -e testing
  pg_sql pg postgres "DROP SCHEMA pgkeel CASCADE"
}

@test "others who are connected are named, and ended only when that is said; so are incidents and what a drop stops at" {
  new_shop shop_busy
  note
  pg_tool pg psql -X -q -d "$DB" -c 'BEGIN; SELECT 1; SELECT pg_sleep(600)' > /dev/null 2>&1 3>&- &
  local holder=$! id backups
  wait_for 20 is_connected
  run_keel nuke --dry-run --json
  assert_status 0
  assert_json '.sessions | length == 1 and .[0].application == "psql" and .[0].user == "postgres"'
  run_keel nuke --confirm=DESTROY
  assert_error 3 "1 session is connected to the database “shop_busy”" "--end-sessions"
  assert_stderr "connected: process "
  [ ! -d backups ]
  is_connected

  run_keel incident open 'rows vanished' --json
  id=$(jq -r .id <<< "$output")
  run_keel nuke --confirm=DESTROY --end-sessions
  assert_error 3 "while the incident $id is open"
  run_keel nuke --dry-run
  assert_status 0
  run_keel incident close "$id" --reason found
  is_connected
  # The incident may have made one.
  backups=$(find backups -name '*.sql.gz')

  pg_sql pg "$DB" "BEGIN; INSERT INTO account VALUES (5000, ''); PREPARE TRANSACTION 'half'"
  run_keel nuke --confirm=DESTROY --end-sessions
  assert_error 3 "the database “shop_busy” cannot be dropped" "Remove it first."
  assert_stderr "detail: the prepared transaction half"
  [ "$(find backups -name '*.sql.gz')" = "$backups" ]
  pg_sql pg "$DB" "ROLLBACK PREPARED 'half'"
  assert_untouched

  run_keel nuke --confirm=DESTROY --end-sessions
  assert_status 0
  assert_stdout "the database “shop_busy” is empty"
  run ! wait "$holder"
  run ! is_connected
}

is_connected () { [ "$(pg_sql pg postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = '$DB' AND query LIKE '%sleep%'")" = 1 ]; }

# A bin folder whose program $1 first runs the lines of standard input.
meddle ()
{
  mkdir "$PROJECT/bin"
  ln -s "$(pg_bindir pg)"/* "$PROJECT/bin"
  rm "$PROJECT/bin/$1"
  { echo '#!/bin/sh'; cat; echo "exec '$(pg_bindir pg)/$1' \"\$@\""; } > "$PROJECT/bin/$1"
  chmod +x "$PROJECT/bin/$1"
}

@test "without a backup, a proof, or with rows that came after the backup nothing is removed" {
  new_shop shop_unsafe
  note
  sed -i 's/512B/1GB/' pgkeel.yaml
  run_keel nuke --confirm=DESTROY
  assert_error 1 "nothing was removed: the backup before: " "backup.min_size"
  sed -i 's/1GB/512B/' pgkeel.yaml
  assert_untouched

  # The proof is made by a server that initdb makes; meanwhile somebody writes a row.
  meddle initdb <<< "[ \"\$1\" = --version ] || '$(pg_bindir pg)/psql' -X -q -h '$E2E_ROOT/pg/pg/run' -p $(pg_port pg) -U postgres \
    -d $DB -c \"INSERT INTO account VALUES (9000 + (random() * 1000)::int, 'late')\" > /dev/null"
  PGKEEL_PG_PATH=$PROJECT/bin run_keel nuke --confirm=DESTROY
  assert_error 1 "the database “shop_unsafe” was changed after the backup was made: nothing was removed" "when nobody writes"
  [ "$(databases)" = "$BEFORE_DATABASES" ]
  [ "$(pg_sql pg "$DB" "SELECT count(*), count(*) FILTER (WHERE secret = 'late') FROM ONLY account")" = "1201|1" ]
  pg_sql pg "$DB" "DELETE FROM account WHERE secret = 'late'"
  diff <(sort <<< "$BEFORE") <(printf "%s\n" "$(contents)" | sort)

  # Rows that break a key: such a backup never restores under it.
  pg_sql pg "$DB" "SET session_replication_role = replica; DELETE FROM account WHERE id = 7"
  note
  run_keel nuke --confirm=DESTROY
  [ "$status" -ne 0 ]
  assert_stderr "nothing was removed: "
  assert_untouched
  run_keel audit log --action nuke --json
  assert_json '[.entries[] | .phase] == ["intent", "failed"]'
  run_keel incident list --json
  assert_json '.incidents | length == 1 and .[0].kind == "failed-proof"'
}

# Ends pgkeel ("self") or the session that works for it ("backend") at MATCH and so many messages later,
# "before" that message is sent or when it is "sent".
killed_at ()
{
  KILL_MATCH=$1 KILL_SKIP=$2 KILL_WHEN=$3 KILL_WHOM=$4 KILL_SIGNAL=${5:-9} LD_PRELOAD=$E2E_ROOT/kill_at.so \
    run_keel nuke --confirm=DESTROY
  [ "$status" -ne 0 ] || fail "it was not killed at $1"
}

rows_in () { pg_sql pg "$1" "SELECT count(*) FROM account" 2> /dev/null || echo none; }

@test "killed at any step, the database is whole, under its name or another, or the proven backup brings it back" {
  # shellcheck disable=SC2046 # several words
  cc -shared -fPIC -o "$E2E_ROOT/kill_at.so" "$REPOSITORY/tests/fault/kill_at.c" $(pkg-config --cflags libpq) -ldl
  # The sanitized program cannot be preloaded before its sanitizer.
  PGKEEL=${PGKEEL_RELEASE:-$PGKEEL}
  new_shop shop_killed
  note
  local case match skip when whom where backup gone
  # Ctrl-C while the names change: they change back.
  killed_at 'RENAME TO "shop_killed_nuked' 2 sent self 2
  assert_error 5 "interrupted"
  [ "$(rows_in "$DB")" = 1210 ]
  [ "$(databases)" = "$BEFORE_DATABASES" ]
  for case in 'CREATE DATABASE "shop_killed_empty,0,sent,self,whole' 'RENAME TO "shop_killed_nuked,0,sent,backend,whole' \
              'DROP DATABASE IF,0,before,self,renamed' 'DROP DATABASE IF,0,sent,self,backup'; do
    IFS=, read -r match skip when whom where <<< "$case"
    killed_at "$match" "$skip" "$when" "$whom"
    # The server begins anew when a process of it was killed.
    wait_for 60 nobody_works
    backup=$(jq -rs '[.[] | select(.action == "nuke" and .phase == "intent")] | last | .backup' .pgkeel/audit.jsonl)
    [ -f "backups/development/$backup" ]
    jq -e .passed "backups/development/${backup%.sql.gz}.proof.json"
    assert_stderr "the way back, proven: $backup"
    gone=$(databases | tr ' ' '\n' | grep _nuked_ || true)
    echo "killed at $case: $(databases)"
    case $where in
      whole) [ "$(rows_in "$DB")" = 1210 ] ;;
      renamed) [ "$(rows_in "$gone")" = 1210 ] ;;
      backup) [ -z "$gone" ] ;;
    esac
    # What was renamed is put back by hand, as its name says how.
    [ -z "$gone" ] || pg_tool pg psql -X -q -d postgres -c "DROP DATABASE $DB" -c "ALTER DATABASE \"$gone\" RENAME TO $DB"
  done
  run_keel restore "$backup" --confirm="$DB"
  assert_status 0
  [ "$(rows_in "$DB")" = 1210 ]
  [[ $(databases) != *_empty_* ]]
}

nobody_works () { [ "$(pg_sql pg postgres "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgkeel%' AND backend_type = 'client backend'")" = 0 ]; }
