#!/usr/bin/env bats
# Migrations that commands of the project run. Alembic and Django are played by shell scripts that
# write what those write: their tables, their words, their exit codes.
# shellcheck disable=SC1111,SC2016,SC2119,SC2120,SC2154 # real quotation marks; set by helper.bash

load helper

setup_file ()
{
  e2e_begin
  pg_start one "$(pg_bindirs | head -n 1)"
}
teardown_file () { e2e_end; }

# A project whose migrations are those of $1 (alembic, django), in environment $2 with settings $3.
new_shop ()
{
  local environment=${2:-staging} up down status
  case $1 in
    alembic) up='./alembic upgrade head' down='./alembic downgrade -1' status='./alembic heads' ;;
    django) up='./manage.py migrate' down='./manage.py migrate shop 0001' status='./manage.py showmigrations' ;;
    *) up=$1 down='' status='' ;;
  esac
  project_new "project: shop
backup: {min_size: 1KB}
environments: {$environment: {url: \"$(pg_url one shop)\"${3:+, $3}}}
migrations:
  command:
    up: $up
${down:+    down: $down}
${status:+    status: $status}"
  pg_sql one postgres "DROP DATABASE IF EXISTS shop WITH (FORCE)"
  pg_sql one postgres "CREATE DATABASE shop"
  export PGKEEL_ENV=$environment
  PATH=$(pg_bindir one):$PATH
  [ ! -f "$BATS_TEST_DIRNAME/external/$1" ] || cp "$BATS_TEST_DIRNAME/external/$1" .
  [ ! -f django ] || mv django manage.py
}

sql () { pg_sql one shop "$1"; }
history () { sql "SELECT coalesce (string_agg (version || ' ' || state, ', ' ORDER BY id), '') FROM pgkeel.migration"; }
nobody_is_connected ()
{
  [ "$(pg_sql one postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'")" -eq 0 ]
}
phases () { "$PGKEEL" audit log --json | jq -c '[.entries[] | select(.action | startswith("migrate")) | .phase]'; }

@test "Alembic up and down: history, backup, audit, schema" {
  new_shop alembic
  printf 'CREATE TABLE users (id int);\n' > a1.sql
  printf 'ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;\n' > b2.sql
  printf 'DROP TABLE users;\n' > a1.down.sql
  printf 'ALTER TABLE users DROP CONSTRAINT positive;\n' > b2.down.sql
  run_keel migrate up --yes
  assert_status 0
  assert_stdout "the schema has changed; public.alembic_version has gained b2"
  assert_stderr "Running upgrade a1 -> b2"
  assert_stderr "the database is empty: no backup is needed"
  assert_stderr "the constraint positive on public.users is NOT VALID"
  # Its table says b2 only; both were applied.
  [ "$(history)" = "a1 applied, b2 applied" ]
  assert_stdout "; applied a1, b2"
  [ "$(sql "SELECT bool_and (schema_fingerprint ~ '.') FROM pgkeel.migration")" = t ]
  [ "$(phases)" = '["intent","done"]' ]
  run_keel migrate status
  assert_status 0
  assert_stdout "alembic (public.alembic_version)"
  assert_stdout "b2"
  assert_stdout "applied"

  run_keel migrate up --yes --json
  assert_status 0
  assert_json '.gained == [] and .applied == [] and .schema_changed == false and .exit_code == 0 and (.backup | type) == "string"'
  [ "$(history)" = "a1 applied, b2 applied" ]

  DB_MIGRATE_CONFIRM=1 run_keel migrate down --json
  assert_status 0
  assert_json '[.gained[].version] == ["a1"] and [.lost[].version] == ["b2"] and [.undone[].version] == ["b2"]
    and .schema_changed'
  [ "$(history)" = "a1 applied, b2 reverted" ]
  run_keel migrate up --yes --no-backup
  assert_status 0
  [ "$(history)" = "a1 applied, b2 reverted, b2 applied" ]
}

@test "Alembic keeps one revision: those between are told from its files, or from what is said" {
  new_shop alembic
  sql "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('a1')"
  for revision in a1 b2 c3 d4; do printf 'SELECT 1;\n' > "$revision.sql"; printf 'SELECT 1;\n' > "$revision.down.sql"; done
  # Nothing but the files tells: the tool is silent, and its status is the head.
  sed -i '/Running upgrade/d' alembic
  mkdir -p migrations/versions
  printf '%s\n' "revision = 'a1'" "down_revision = None" > migrations/versions/1.py
  printf '%s\n' "revision = 'b2'" "down_revision = 'a1'" > migrations/versions/2.py
  printf '%s\n' "revision = 'x9'" "down_revision = None" "depends_on = None" > migrations/versions/9.py
  printf '%s\n' "revision: str = 'c3'" "down_revision: Union[str, None] = 'b2'" "depends_on = ('x9',)" > migrations/versions/3.py
  rm d4.sql
  run_keel migrate up --yes --no-backup --json
  assert_status 0
  assert_json '[.gained[].version] == ["c3"] and [.lost[].version] == ["a1"]
    and [.applied[].version] == ["b2", "x9", "c3"]'
  [ "$(history)" = "b2 applied, x9 applied, c3 applied" ]
  # Two steps down by one command.
  sed -i 's/downgrade -1$/downgrade -1 \&\& .\/alembic downgrade -1/' pgkeel.yaml
  DB_MIGRATE_CONFIRM=1 run_keel migrate down --no-backup
  assert_status 0
  assert_stdout "undone b2, x9, c3"
  [ "$(history)" = "b2 reverted, x9 reverted, c3 reverted, a1 adopted" ]
  # No files, but `alembic history` as the status.
  rm -r migrations
  printf '%s\n' 'b2, x9 -> c3 (head) (mergepoint), the third' 'a1 -> b2 (branchpoint), the second' '<base> -> a1, the first' > heads
  run_keel migrate up --yes --no-backup --json
  assert_status 0
  assert_json '[.applied[].version] == ["b2", "x9", "c3"]'
}

@test "Django that fails half way: what is there now is said" {
  new_shop django
  printf 'CREATE TABLE item (id int);\n' > shop.0001_initial.sql
  printf 'CREATE TABLE item (id int);\n' > shop.0002_again.sql
  run_keel migrate up --yes
  assert_error 5 "migrations.command.up ended with exit code 1" "See what it left"
  assert_stderr "the schema has changed; public.django_migrations has gained shop.0001_initial"
  assert_stderr 'relation "item" already exists'
  assert_stdout "shop.0001_initial"
  [[ $(history) =~ ^shop.0001_initial\ applied,\ run-[0-9TZ]+\ failed$ ]]
  [ "$(sql "SELECT error FROM pgkeel.migration WHERE state = 'failed'")" = "migrations.command.up ended with exit code 1" ]
  [ "$(phases)" = '["intent","failed"]' ]
  # Nothing at all was done now.
  run_keel migrate up --yes
  assert_error 5 "exit code 1" "Run it again when that is mended."
  assert_stderr "the schema is as it was before; the tool's table has neither gained nor lost a row"
  printf 'CREATE TABLE other (id int);\n' > shop.0002_again.sql
  run_keel migrate up --yes
  assert_status 0
  [[ $(history) =~ ^shop.0001_initial\ applied,\ run-[0-9TZ]+\ replaced,.*\ shop.0002_again\ applied$ ]]
}

@test "several heads of Alembic and leaf nodes of Django are conflicts, before anything runs" {
  new_shop alembic
  printf 'SELECT 1;\n' > a1.sql
  printf 'c3 (head)\nd4 (head)\n' > heads
  run_keel migrate up --yes
  assert_error 3 "Alembic has 2 heads" "alembic merge heads"
  assert_stderr "c3 (head)"
  [ ! -e ran ]
  run_keel migrate status
  assert_error 3 "Alembic has 2 heads"
  # Without its word on it, the table is believed.
  rm heads
  sed -i '/status:/d' pgkeel.yaml
  sql "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('c3'), ('d4')"
  run_keel migrate up --yes
  assert_error 3 "Alembic has 2 heads in this database: c3, d4" "alembic merge heads"
  [ ! -e ran ]
  # Merged in the files, not in the database yet.
  printf '    status: ./alembic heads\n' >> pgkeel.yaml
  printf 'e5 (head)\n' > heads
  run_keel migrate up --yes --no-backup
  assert_status 0
  [ -e ran ]

  # Their files say it too.
  mkdir -p alembic_files/versions
  sed -i 's/^migrations:/&\n  dir: alembic_files/; /status:/d' pgkeel.yaml
  for revision in f6 f7; do
    printf '%s\n' "revision = '$revision'" "down_revision = 'e5'" 'def upgrade(): pass' \
      > "alembic_files/versions/$revision.py"
  done
  printf '%s\n' "revision = 'e5'" "down_revision = None" 'def upgrade(): pass' > alembic_files/versions/e5.py
  rm ran
  run_keel migrate up --yes
  assert_error 3 "Alembic has 2 heads" "Merge them"
  [ ! -e ran ]
  # Who wants them all has no conflict.
  sed -i 's/upgrade head$/upgrade heads/' pgkeel.yaml
  run_keel migrate up --yes --no-backup
  assert_status 0
  [ -e ran ]

  new_shop django
  printf 'CREATE TABLE item (id int);\n' > shop.0001_initial.sql
  touch conflict
  run_keel migrate up --yes
  assert_error 3 "Django has several leaf nodes" "makemigrations --merge"
  assert_stderr "(0002_a, 0002_b in shop)"
  [ "$(sql "SELECT to_regclass ('item') IS NULL")" = t ]
}

@test "a command without a table of its own has one row for the run" {
  new_shop 'psql -X -q -c "CREATE TABLE t (id int)"'
  run_keel migrate up --yes
  assert_status 0
  assert_stdout "there is no tool's table that is known"
  [[ $(history) =~ ^run-[0-9TZ]+\ applied$ ]]
  run_keel migrate down --yes
  assert_error 2 "the project has no migrations.command.down"
  run_keel migrate up --yes --to=7
  assert_error 2 "--to cannot be passed on to migrations.command.up"
  run_keel migrate up --dry-run
  assert_status 0
  assert_stdout "would run migrations.command.up: psql"
}

@test "two at once run one after the other" {
  new_shop django
  printf 'CREATE TABLE item (id int); SELECT pg_sleep (0.7);\n' > shop.0001_initial.sql
  "$PGKEEL" migrate up --yes > first 2>&1 3>&- &
  local first=$!
  wait_for 10 test -e ran
  run_keel migrate up --yes
  assert_status 0
  assert_stderr "waiting for another run of migrations"
  wait "$first"
  [ "$(history)" = "shop.0001_initial applied" ]
  run_keel migrate up --yes --lock-wait=0s
  assert_status 0
}

@test "protected environments: authorised, confirmed, never by default" {
  new_shop django production 'protected: true'
  printf 'CREATE TABLE item (id int);\n' > shop.0001_initial.sql
  sql 'CREATE TABLE other (id int)'
  run_keel migrate up --yes
  assert_error 3 "protected, and these migrations are not rehearsed: nothing was rehearsed yet" "--no-rehearsal"
  run_keel migrate up --yes --no-rehearsal
  assert_error 3 "" "DB_MIGRATE_CONFIRM=1"
  PGKEEL_ENV=staging run_keel -e production migrate up --yes --no-rehearsal
  assert_status 3
  DB_MIGRATE_CONFIRM=1 run_keel migrate down
  assert_error 3 "protected against undoing migrations" "DB_MIGRATE_ALLOW_PRODUCTION=1"
  [ ! -e ran ]
  [ "$(phases)" = '["refused","refused","refused"]' ]
  DB_MIGRATE_CONFIRM=1 run_keel migrate up --no-rehearsal
  assert_status 0
  [ -e ran ]
}

@test "the database is told in variables, never in arguments, audit or messages" {
  new_shop './look'
  sed -i "s#url: \"postgresql://postgres@/#url: \"postgresql://postgres:geheim%2B7@/#" pgkeel.yaml
  printf '%s\n' '#!/bin/sh' 'env > variables' 'cat /proc/*/cmdline 2> /dev/null | tr "\0" " " > arguments' \
    'psql -X -q -c "CREATE TABLE t (id int)"' > look
  chmod +x look
  printf '%s\n' '[elsewhere]' 'dbname=elsewhere' > services
  PGSERVICEFILE=$PWD/services PGSERVICE=elsewhere PGDATABASE=elsewhere run_keel migrate up --yes --verbose
  assert_status 0
  grep -q '^DATABASE_URL=postgresql://postgres:geheim%2B7@/shop' variables
  grep -qx 'PGPASSWORD=geheim+7' variables
  grep -qx 'PGDATABASE=shop' variables
  grep -qx 'PGKEEL_ENV=staging' variables
  run grep -c '^PGSERVICE=' variables
  [ "$output" -eq 0 ]
  grep -q 'migrate up' arguments
  run grep -c geheim arguments
  [ "$output" -eq 0 ]
  refute_stderr geheim
  run grep -rc geheim .pgkeel
  [[ $output != *[1-9]* ]]
  [ "$(sql "SELECT to_regclass ('t') IS NOT NULL")" = t ]
}

@test "Ctrl-C ends the command and what it does in the database" {
  new_shop 'psql -X -q -c "BEGIN; CREATE TABLE t (id int); SELECT pg_sleep (60)"; touch went-on'
  "$PGKEEL" migrate up --yes > out 2> err 3>&- &
  local pid=$!
  wait_for 10 eval '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '\''%pg_sleep (60)%'\'' AND state = '\''active'\'' AND pid <> pg_backend_pid ()")" -eq 1 ]'
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 5 ]
  grep -q 'interrupted: migrations.command.up was ended' err
  grep -q 'the schema is as it was before' err
  wait_for 10 nobody_is_connected
  [ ! -e went-on ]
  [ "$(phases)" = '["intent","failed"]' ]
  [[ $(history) =~ ^run-[0-9TZ]+\ failed$ ]]
}

@test "a lock that is lost on the way is told, and so is the state" {
  new_shop 'psql -X -q -c "SELECT pg_terminate_backend (pid) FROM pg_locks WHERE locktype = '"'advisory'"'"; psql -X -q -c "CREATE TABLE t (id int)"; exit 3'
  run_keel migrate up --yes
  assert_error 5 "migrations.command.up ended with exit code 3"
  assert_stderr "the lock that keeps other runs out was lost"
  assert_stderr "the schema has changed"
  [ "$(phases)" = '["intent","failed"]' ]
  [[ $(history) =~ ^run-[0-9TZ]+\ failed$ ]]
}

@test "kill -9 of pgkeel leaves no command, no session and no lock" {
  new_shop 'echo $$ > shell; psql -X -q -c "SELECT pg_sleep (60)"; touch went-on'
  "$PGKEEL" migrate up --yes > out 2> err 3>&- &
  local pid=$!
  wait_for 10 eval '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '\''%pg_sleep (60)%'\'' AND state = '\''active'\'' AND pid <> pg_backend_pid ()")" -eq 1 ]'
  kill -KILL "$pid"
  wait "$pid" || true
  wait_for 5 eval '! pgrep -g "$(cat shell)" > /dev/null'
  [ ! -e went-on ]
  sed -i 's/^    up: .*/    up: echo done/' pgkeel.yaml
  run_keel migrate up --yes --lock-wait=5s
  assert_status 0
  wait_for 5 nobody_is_connected
}
