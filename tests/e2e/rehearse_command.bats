#!/usr/bin/env bats
# pgkeel migrate rehearse where commands of the project run its migrations, and what `migrate up` wants of
# it. Alembic is played by a shell script that writes what Alembic writes.
# shellcheck disable=SC1111,SC2016,SC2154 # real quotation marks; for other shells; set by helper.bash

load helper

setup_file ()
{
  e2e_begin
  pg_start one "$(pg_bindirs | head -n 1)"
}

teardown_file () { e2e_end; }

# A project whose production, a protected one, is at revision a1; b2 and c3 are pending.
setup ()
{
  pg_sql one postgres "DROP DATABASE IF EXISTS shop WITH (FORCE)"
  pg_sql one postgres "CREATE DATABASE shop"
  pg_sql one shop "
    CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE purchase (id int PRIMARY KEY, customer int NOT NULL REFERENCES customer, amount int NOT NULL);
    INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, 100) i;
    INSERT INTO purchase SELECT i, 1 + i % 100, i FROM generate_series(1, 5000) i;
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('a1')"
  project_new "project: shop
backup: {min_size: 1B}
environments:
  production: {url: \"$(pg_url one shop)\", protected: true}
migrations:
  dir: versions
  command:
    status: cd versions && ../alembic heads
    up: cd versions && RAN=../ran ../alembic upgrade head
    down: cd versions && ../alembic downgrade -1"
  export LEDGER_ENV=production TMPDIR=$PROJECT/tmp
  PATH=$(pg_bindir one):$PATH
  mkdir -m 777 "$TMPDIR"
  mkdir versions
  cp "$BATS_TEST_DIRNAME/external/alembic" .
  printf 'SELECT 1;\n' > versions/a1.sql
  # On the copy it goes on when it has been looked at three times: then its lock has been seen.
  printf '%s\n' 'ALTER TABLE purchase ALTER COLUMN amount TYPE bigint;' "DO \$\$
    DECLARE looks int := 0; last timestamptz; now timestamptz;
    BEGIN
      WHILE current_setting('data_directory') LIKE '%pgkeel-scratch-%' AND looks < 3 LOOP
        PERFORM pg_stat_clear_snapshot(), pg_sleep(0.001);
        SELECT max(query_start) INTO now FROM pg_stat_activity
         WHERE query LIKE '%pg_stat_get_activity%' AND pid <> pg_backend_pid();
        looks := looks + (now IS DISTINCT FROM last)::int;
        last := now;
      END LOOP;
    END \$\$;" > versions/b2.sql
  printf 'ALTER TABLE purchase ALTER COLUMN amount TYPE int;\n' > versions/b2.down.sql
  printf 'ALTER TABLE customer ADD COLUMN age int;\n' > versions/c3.sql
  printf 'ALTER TABLE customer DROP COLUMN age;\n' > versions/c3.down.sql
}

teardown ()
{
  [ -z "$(find "$TMPDIR" -mindepth 1 -maxdepth 1)" ] || fail "left: $(ls -a "$TMPDIR")"
  unset TMPDIR
}

keel () { run_keel -e production "$@"; }

rehearse () { keel migrate rehearse --yes --json "$@"; }

back_up ()
{
  keel backup create --json
  assert_status 0
  KEPT=$PROJECT/backups/production/$(jq -r '.backup | rtrimstr(".sql.gz")' <<< "$output").rehearsal.json
}

history () { pg_sql one shop "SELECT string_agg (version || ' ' || state, ', ' ORDER BY id) FROM pgkeel.migration"; }

@test "what the command does is measured, the way back is proven, and up goes through once it was" {
  back_up
  keel migrate up --dry-run
  assert_status 0
  assert_stderr "these migrations are not rehearsed: nothing was rehearsed yet"
  keel migrate up --yes
  assert_error 3 "these migrations are not rehearsed: nothing was rehearsed yet" \
    "Run “pgkeel migrate rehearse” first"
  keel migrate rehearse
  assert_error 3 "run the commands of this project with DATABASE_URL and PGHOST set to the copy" "--yes"
  rehearse --html page.html
  assert_status 0
  assert_stderr "Running upgrade a1 -> b2"
  assert_json '.passed and .problems == [] and .role == "postgres"'
  assert_json '.command | .applied == ["b2", "c3"] and .rows == ["public.alembic_version a1"]
    and (.files | map(.path)) == ["versions/a1.sql", "versions/b2.down.sql", "versions/b2.sql",
                                  "versions/c3.down.sql", "versions/c3.sql"]
    and .data_changes == [] and .down_runs == 2
    and (.schema_changes | length) == 2
    and (.schema_changes | any(. == "column public.customer.age was not there before"))
    and (.schema_changes | any(startswith("column public.purchase.amount is defined otherwise (- ")))'
  # The rewrite: its new files, its lock while it was held, its WAL (5,000 rows of 40 bytes and more).
  assert_json '.migrations[0] | .version == "migrations.command.up" and .undone and .up_seconds > 0
    and .down_seconds > 0 and .again_seconds > 0 and (.down | length) == 2'
  assert_json '.migrations[0].up[0] | .rewritten == ["public.purchase"]
    and .rebuilt_indexes == ["public.purchase_pkey"] and .wal_bytes > 200000 and .samples >= 3
    and ([.locks[] | select(.relation == "public.purchase")][0]
         | .mode == "ACCESS EXCLUSIVE" and .held_seconds > 0 and .waited_seconds == 0)'
  # Its statements, from the log of the copy's server.
  assert_json '.command.statements_left_out == 0 and (.command.statements | map(select(.failed)) == [])
    and (.command.statements | map(.text | split(" ")[0:3] | join(" "))
         | index("ALTER TABLE purchase") != null and index("ALTER TABLE customer") != null
           and index("SELECT version_num FROM") == null)
    and (.command.statements | all(.seconds >= 0) and any(.seconds > 0))'
  assert_json '.way_back | .verdict == "proven" and .tables == 2 and .tables_equal == 2 and .rows == 5100'
  assert_json '.constraints | .checked == 1 and .broken == []'
  [ "$(jq -S 'del(.path)' <<< "$output")" = "$(jq -S . "$KEPT")" ]
  grep -q 'migrations.command.down' page.html
  grep -q 'column public.customer.age was not there before' page.html
  # The database itself was left alone, and now gets what was rehearsed.
  [ "$(pg_sql one shop 'SELECT version_num FROM alembic_version')" = a1 ]
  keel migrate up --dry-run
  refute_stderr "not rehearsed"
  keel migrate up --yes
  assert_status 0
  assert_stderr "rehearsed "
  assert_stdout "public.alembic_version has gained c3; public.alembic_version has lost a1; applied b2, c3"
  [ "$(history)" = "b2 applied, c3 applied" ]
  # What was rehearsed is done; what is here now was not.
  keel migrate up --yes
  assert_error 3 "the database has public.alembic_version c3, which was not in the copy"
}

@test "up wants a rehearsal of the same files, commands and heads, and a young one" {
  back_up
  rehearse
  assert_status 0
  cp versions/b2.sql kept.sql
  printf 'SELECT 2;\n' > versions/b2.sql
  keel migrate up --yes
  assert_error 3 "versions/b2.sql has changed since the rehearsal of "
  cp kept.sql versions/b2.sql
  printf 'SELECT 2;\n' > versions/d4.sql
  keel migrate up --yes
  assert_error 3 "versions/d4.sql was not there in the rehearsal of "
  rm versions/d4.sql
  mv versions/c3.down.sql kept.sql
  keel migrate up --yes
  assert_error 3 "versions/c3.down.sql is not there any more since the rehearsal of "
  mv kept.sql versions/c3.down.sql
  printf 'c3 (head), of somebody else\n' > versions/heads
  sed -i 's/dir: versions/dir: versions-only/; s/cd versions/cd versions-only/' pgkeel.yaml
  mv versions versions-only
  keel migrate up --yes
  assert_error 3 "migrations.command has changed since the rehearsal of "
  mv versions-only versions
  sed -i 's/versions-only/versions/' pgkeel.yaml
  mv versions/heads .
  sed -i 's/^case/[ ! -f ..\/heads ] || { [ "$1" != heads ] || { cat ..\/heads; exit; }; }\n&/' alembic
  keel migrate up --yes
  assert_error 3 "migrations.command.status says something else than in the rehearsal of "
  rm heads
  # Too old, unless that is no matter.
  jq '.rehearsed = "2020-01-01T00:00:00Z"' "$KEPT" > old.json
  mv old.json "$KEPT"
  keel migrate up --yes
  assert_error 3 "the rehearsal of 2020-01-01T00:00:00Z is " "Run “pgkeel migrate rehearse”"
  assert_stderr "old, more than 24 h (migrations.rehearsal_max_age)"
  sed -i 's/^migrations:/&\n  rehearsal_max_age: 0/' pgkeel.yaml
  keel migrate up --dry-run
  assert_status 0
  refute_stderr "not rehearsed"
  # --no-rehearsal is confirmed by the database's name.
  sed -i 's/rehearsal_max_age: 0/rehearsal_max_age: 1h/' pgkeel.yaml
  keel migrate up --yes --no-rehearsal
  assert_error 3 "" "DB_MIGRATE_CONFIRM=1"
  DB_MIGRATE_CONFIRM=1 keel migrate up --no-rehearsal
  assert_status 0
  [ "$(history)" = "b2 applied, c3 applied" ]
}

@test "what is lost on the way there and back is told; a role and other variables lead to the copy" {
  pg_sql one postgres "CREATE ROLE clerk LOGIN SUPERUSER"
  pg_sql one shop "ALTER TABLE customer OWNER TO clerk"
  sed -i 's|//postgres@|//clerk@|' pgkeel.yaml
  printf 'DELETE FROM purchase WHERE id <= 7;\nUPDATE customer SET name = $$x$$ WHERE id = 1;\n' > versions/b2.sql
  printf 'SELECT current_user;\n' > versions/b2.down.sql
  printf 'SHOP_URL=%s\n' "$(pg_url one shop clerk)" > .env
  sed -i 's|^    up: .*|    up: env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE psql -X -q -d "$SHOP_URL" -f versions/b2.sql -c "UPDATE alembic_version SET version_num = \x27b2\x27"|' pgkeel.yaml
  printf 'SELECT 1;\n' > versions/c3.sql
  rehearse --from-database
  assert_status 0
  assert_json '.role == "clerk" and .backup.fresh_copy and .passed and .command.applied == ["b2"]'
  assert_json '.command.data_changes == ["column name of table public.customer has other values than before",
    "table public.purchase has 4,993 rows instead of 5,000"]'
  assert_json '.way_back | .verdict == "loses" and .tables_equal == 0
    and .differences == ["data: column name of table public.customer has other values than before",
                         "data: table public.purchase has 4,993 rows instead of 5,000"]'
  assert_json ".path | endswith(\".pgkeel/production.rehearsal.json\")"
  [ "$(pg_sql one shop 'SELECT count(*) FROM purchase')" -eq 5000 ]
}

@test "a command that fails, leaves broken rows or an invalid index fails the rehearsal" {
  back_up
  printf 'ALTER TABLE nosuch ADD COLUMN age int;\n' > versions/c3.sql
  rehearse
  assert_error 1 "the rehearsal failed: up: migrations.command.up ended with exit code "
  assert_stderr 'relation "nosuch" does not exist'
  assert_json '(.problems[0] | endswith(": relation \"nosuch\" does not exist"))
    and .failure.sqlstate == "42P01" and .failure.text == "ALTER TABLE nosuch ADD COLUMN age int;"
    and (.command.statements | map(select(.failed) | .text)) == ["ALTER TABLE nosuch ADD COLUMN age int;"]'
  assert_json '.passed == false and .command.applied == ["b2"] and .way_back.verdict == "not tried"
    and .migrations[0].up[0].failed and .failure.in == "up"'
  keel migrate up --yes
  assert_error 3 "are not rehearsed: the rehearsal of "
  assert_stderr "failed: up: migrations.command.up ended with exit code"
  printf 'SET session_replication_role = replica; DELETE FROM customer WHERE id = 7;\n' > versions/c3.sql
  printf 'SELECT 1;\n' > versions/c3.down.sql
  sed -i '/^    down: /d' pgkeel.yaml
  keel migrate rehearse --yes
  assert_error 1 "the rehearsal failed: the constraint "
  assert_stdout "way back: none, there is no migrations.command.down"
  assert_stdout "migrations applied, as far as the tool's table tells: 2"
  assert_stdout "  table public.customer has 99 rows instead of 100"
  assert_stdout "ACCESS EXCLUSIVE on public.purchase"
}

@test "a command that goes elsewhere has failed, and one of which nobody knows what it will do counts for nothing" {
  back_up
  sed -i 's|^    up: .*|    up: echo done|' pgkeel.yaml
  rehearse
  assert_error 1 "migrations.command.up did not come to the copy: it does not read DATABASE_URL or PGHOST"
  # What it changes itself was not what was rehearsed.
  sed -i '/^    down: /d; s|^    up: .*|    up: touch versions/made; psql -X -q -c "CREATE TABLE IF NOT EXISTS t (id int)"|' pgkeel.yaml
  rehearse
  assert_error 1 "files changed while the rehearsal ran: versions/made was not there"
  sed -i '/^  dir: /d; /^    status: /d; /^    down: /d; s|^    up: .*|    up: psql -X -q -c "CREATE TABLE t (id int)"|' pgkeel.yaml
  mv versions elsewhere
  rehearse
  assert_status 0
  assert_json '.passed and (.notes | any(startswith("Nothing tells what the command is going to do")))
    and .way_back.verdict == "no down script"'
  keel migrate up --yes
  assert_error 3 "nothing tells what the command is going to do"
  keel migrate rehearse --to 7
  assert_error 2 "--to cannot be passed on to migrations.command.up"
  sed -i 's|^    up: .*|    down: "true"|' pgkeel.yaml
  keel migrate rehearse --yes
  assert_error 2 "the project has no migrations.command.up"
}

@test "several heads are the conflict that they are, and Ctrl-C leaves nothing" {
  back_up
  printf 'c3 (head)\nd4 (head)\n' > versions/heads
  rehearse
  assert_error 3 "Alembic has 2 heads" "alembic merge heads"
  rm versions/heads
  printf 'SELECT pg_sleep(60);\n' > versions/b2.sql
  "$PGKEEL" -e production migrate rehearse --yes > out.txt 2> err.txt 3>&- &
  local pid=$! code=0
  wait_for 60 grep -q "Running upgrade a1 -> b2" err.txt
  kill -INT "$pid"
  wait "$pid" || code=$?
  [ "$code" -eq 5 ] || fail "exit code $code: $(cat err.txt)"
  grep -q "interrupted" err.txt || fail "$(cat err.txt)"
  [ ! -e "$KEPT" ]
}
