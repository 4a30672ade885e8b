#!/usr/bin/env bats
# Taking over the histories of nineteen tools, whose tables are made here as those tools make them.
# shellcheck disable=SC1111,SC2016,SC2119,SC2120,SC2154 # real quotation marks; set by helper.bash

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }

# A database “shop” with the schema that the history of layout $1 makes, and its files; no rows in
# pgkeel.migration.
new_shop ()
{
  MAJOR=$(pg_majors | head -n 1)
  project_new "project: shop
environments: {development: {url: \"$(pg_url "$MAJOR" shop)\"}}"
  [ -z "${1:-}" ] || cp -R "$BATS_TEST_DIRNAME/migrations/$1/." .
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  sql "CREATE TABLE users (id int)"
}

sql () { pg_sql "$MAJOR" shop "$1"; }

adopt () { run_keel migrate adopt --yes "$@"; }

# All files are applied, with nothing left to do, and the tool's own table $1 is as it was.
assert_adopted ()
{
  assert_status 0
  run_keel migrate status --json
  assert_status 0
  assert_json '.pending == 0 and .missing == 0 and .changed == 0 and .late == 0'
  assert_json "[.migrations[] | select(.history.state == \"adopted\")] | length == $1"
  [ "$(sql "SELECT count(*) FROM pgkeel.migration WHERE state <> 'adopted'")" -eq 0 ]
}

assert_untouched () { [ "$(sql "SELECT coalesce (to_regclass ('pgkeel.migration')::text, 'none')")" = none ]; }

# Every version of the files, a line each.
versions () { run_keel migrate status --json; jq -r '.migrations[].version' <<< "$output"; }

@test "dbmate" {
  new_shop dbmate
  sql "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)"
  for version in $(versions); do sql "INSERT INTO schema_migrations VALUES ('$version')"; done
  run_keel migrate adopt --dry-run
  assert_status 0
  assert_stdout "20240112143000"
  assert_untouched
  adopt
  assert_stdout "adopted 7 migrations of dbmate from public.schema_migrations"
  assert_adopted 7
  [ "$(sql "SELECT count(*) FROM schema_migrations")" -eq 7 ]
  adopt
  assert_status 0
  assert_stdout "all 7 migrations of dbmate are in the history already"
  run_keel migrate up --yes
  assert_status 0
  run_keel audit log --json
  assert_json '[.entries[] | select(.action == "migrate adopt") | .phase] == ["intent", "done"]'
}

@test "what came after the adopted ones is pending, and is applied" {
  new_shop pgkeel
  sql "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)"
  for version in $(versions); do sql "INSERT INTO schema_migrations VALUES ('$version')"; done
  adopt
  assert_adopted 7
  printf 'CREATE TABLE tax (rate numeric);\n' > migrations/20250101000000_tax.up.sql
  run_keel migrate up --yes --no-backup
  assert_status 0
  [ "$(sql "SELECT count(*) FROM pgkeel.migration WHERE state = 'applied'")" -eq 1 ]
  # A reformatted file is the same file, a changed one is not.
  sed -i 's/CREATE TABLE users/create  table Users/' migrations/20240105091500_users.up.sql
  run_keel migrate status --json
  assert_json '.changed == 0'
  sed -i 's/email text/email varchar/' migrations/20240105091500_users.up.sql
  run_keel migrate status --json
  assert_json '.changed == 1'
}

@test "golang-migrate: the last version stands for all before it; dirty is refused" {
  new_shop golang-migrate
  sql "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)"
  sql "INSERT INTO schema_migrations VALUES (5, true)"
  adopt
  assert_error 3 "golang-migrate left version 5 dirty" "migrate force VERSION"
  assert_untouched
  sql "UPDATE schema_migrations SET dirty = false"
  adopt
  assert_status 0
  run_keel migrate status --json
  assert_json '.applied == 5 and .pending == 2'
  sql "UPDATE schema_migrations SET version = 99"
  adopt
  assert_error 3 "golang-migrate is at version 99, and there is no file of it"
}

@test "goose: what was rolled back is not applied" {
  new_shop goose
  sql "CREATE TABLE goose_db_version (id serial NOT NULL, version_id bigint NOT NULL,
    is_applied boolean NOT NULL, tstamp timestamp NULL default now(), PRIMARY KEY (id))"
  sql "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true)"
  for version in $(versions); do
    sql "INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES ($version, true, '2024-06-01 10:00')"
  done
  sql "INSERT INTO goose_db_version (version_id, is_applied) VALUES (20240402093000, false)"
  adopt --from=goose
  assert_status 0
  run_keel migrate status --json
  assert_json '.applied == 6 and .pending == 1'
  assert_json '[.migrations[] | select(.state == "pending") | .version] == ["20240402093000"]'
  assert_json '.migrations[0].applied == "2024-06-01T10:00:00Z"'
}

# The table of Flyway, with rows for the files: version, description, script, checksum.
flyway_history ()
{
  sql 'CREATE TABLE flyway_schema_history (installed_rank integer NOT NULL PRIMARY KEY, version varchar(50),
    description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL,
    checksum integer, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(),
    execution_time integer NOT NULL, success boolean NOT NULL)'
  local rank=0 version name file
  sql "INSERT INTO flyway_schema_history VALUES (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '\"x\"', NULL, 'ada', now(), 0, true)"
  while IFS='|' read -r version name; do
    rank=$((rank + 1))
    file=$(find src -name "V${version//./_}__$name.sql" -o -name "R__$name.sql" | head -n 1)
    sql "INSERT INTO flyway_schema_history VALUES ($rank, nullif ('$version', ''), '${name//_/ }', 'SQL',
      '${file##*/}', $(flyway_crc "$file"), 'ada', '2024-06-01 10:00', 5, true)"
  done << 'ROWS'
1|users
1.1|orders
1.2|touch_changed_at
2|index_orders_user
2.1|user_names
10|refunds
|user_orders
ROWS
}

# The CRC-32 of the lines without their ends, as a signed number; Python's zlib is the reference.
flyway_crc ()
{
  python3 -c 'import sys, zlib
sum = 0
for line in open(sys.argv[1], newline=None, encoding="utf-8-sig"):
    sum = zlib.crc32(line.rstrip("\n").encode(), sum)
print(sum - (1 << 32) if sum >= 1 << 31 else sum)' "$1"
}

@test "Flyway: checksums, undone versions, repeatable ones, failures" {
  new_shop flyway
  flyway_history
  # Line ends and a byte order mark change nothing there.
  sed -i -e '1s/^/\xef\xbb\xbf/' -e 's/$/\r/' src/main/resources/db/migration/V1__users.sql
  run_keel migrate adopt --dry-run --json
  assert_status 0
  assert_json '.tool == "flyway" and [.migrations[].file_check] == ["same", "same", "same", "same", "same", "same", "same"]'
  adopt
  assert_stdout "7 files are what was applied, by their checksums"
  assert_adopted 7
  [ "$(sql "SELECT applied_by || ' ' || applied_from FROM pgkeel.migration WHERE version = '1'")" \
    = "ada flyway: public.flyway_schema_history" ]
  [ "$(sql "SELECT kind FROM pgkeel.migration WHERE version = 'user_orders'")" = repeatable ]

  new_shop flyway
  flyway_history
  sql "INSERT INTO flyway_schema_history VALUES (8, '10', 'refunds', 'UNDO_SQL', 'U10__refunds.sql', 1, 'ada', now(), 5, true)"
  sed -i 's/name text/name varchar/' src/main/resources/db/migration/V2_1__user_names.sql
  adopt
  assert_error 3 "1 file is not what flyway has applied" "pass --accept-changed"
  assert_stderr "detail: src/main/resources/db/migration/V2_1__user_names.sql"
  assert_untouched
  adopt --accept-changed
  assert_status 0
  run_keel migrate status --json
  assert_json '.applied == 6 and .pending == 1'
  sql "INSERT INTO flyway_schema_history VALUES (9, '11', 'broken', 'SQL', 'V11__broken.sql', 1, 'ada', now(), 5, false)"
  adopt
  assert_error 3 "Flyway failed at 11 (broken)" "flyway repair"
}

@test "Flyway's baseline stands for what came before it" {
  new_shop flyway
  flyway_history
  sql "DELETE FROM flyway_schema_history WHERE installed_rank < 5"
  sql "INSERT INTO flyway_schema_history VALUES (1, '2', '<< Flyway Baseline >>', 'BASELINE', 'x', NULL, 'ada', now(), 0, true)"
  adopt
  assert_status 0
  run_keel migrate status --json
  assert_json '.pending == 0 and ([.migrations[] | select(.state == "in baseline")] | length) == 4'
}

@test "sqlx: SHA-384 of the files, unfinished ones" {
  new_shop sqlx
  sql "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL)"
  local file
  for file in migrations/*.up.sql; do
    local name=${file##*/}
    sql "INSERT INTO _sqlx_migrations VALUES (${name%%_*}, 'x', now(), true,
      '\\x$(sha384sum "$file" | cut -d ' ' -f 1)', 5)"
  done
  # A checkout with other line ends is no change.
  sed -i 's/$/\r/' migrations/20240105091500_users.up.sql
  adopt
  assert_stdout "7 files are what was applied"
  assert_adopted 7
  new_shop sqlx
  sql "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL)"
  sql "INSERT INTO _sqlx_migrations VALUES (20240105091500, 'users', now(), true, '\\x00', 5)"
  adopt
  assert_error 3 "1 file is not what sqlx has applied"
  sql "UPDATE _sqlx_migrations SET success = false"
  adopt
  assert_error 3 "sqlx did not finish version 20240105091500"
}

@test "diesel" {
  new_shop diesel
  sql "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
  for version in $(versions); do sql "INSERT INTO __diesel_schema_migrations VALUES ('$version')"; done
  adopt
  assert_adopted 8
}

sqitch_history ()
{
  sql "CREATE SCHEMA sqitch;
    CREATE TABLE sqitch.projects (project TEXT PRIMARY KEY, uri TEXT NULL UNIQUE,
      created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), creator_name TEXT NOT NULL,
      creator_email TEXT NOT NULL);
    CREATE TABLE sqitch.changes (change_id TEXT PRIMARY KEY, script_hash TEXT NULL, change TEXT NOT NULL,
      project TEXT NOT NULL REFERENCES sqitch.projects(project), note TEXT NOT NULL DEFAULT '',
      committed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), committer_name TEXT NOT NULL,
      committer_email TEXT NOT NULL, planned_at TIMESTAMPTZ NOT NULL, planner_name TEXT NOT NULL,
      planner_email TEXT NOT NULL, UNIQUE(project, script_hash));
    INSERT INTO sqitch.projects VALUES ('shop', NULL, now(), 'ada', 'a@b'), ('other', NULL, now(), 'ada', 'a@b');
    INSERT INTO sqitch.changes VALUES ('other', NULL, 'users', 'other', '', now(), 'ada', 'a@b', now(), 'ada', 'a@b')"
  local change id=0
  for change in users orders touch_changed_at@v1.0 index_orders_user user_names refunds user_orders \
    touch_changed_at; do
    id=$((id + 1))
    sql "INSERT INTO sqitch.changes VALUES ('$id', '$(sha1sum "deploy/$change.sql" | cut -d ' ' -f 1)',
      '${change%@*}', 'shop', '', '2024-06-01 10:00:0$id', 'grace', 'a@b', now(), 'ada', 'a@b')"
  done
}

@test "Sqitch: the project of the plan, reworked changes, hashes of the scripts" {
  new_shop sqitch
  sqitch_history
  adopt
  assert_stdout "8 files are what was applied"
  assert_adopted 8
  [ "$(sql "SELECT applied_by FROM pgkeel.migration WHERE version = 'touch_changed_at#2'")" = grace ]
  new_shop sqitch
  sqitch_history
  echo "-- changed" >> deploy/users.sql
  adopt
  assert_error 3 "1 file is not what sqitch has applied"
  assert_stderr "detail: deploy/users.sql"
}

prisma_history ()
{
  sql "CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)"
  local folder
  for folder in prisma/migrations/*/; do
    folder=${folder%/}
    sql "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES (gen_random_uuid(),
      '$(sha256sum "$folder/migration.sql" | cut -d ' ' -f 1)', now(), '${folder##*/}')"
  done
}

@test "Prisma: rolled back rows do not count, failed ones are refused" {
  new_shop prisma
  prisma_history
  sql "INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at)
    VALUES ('x', '0', '20240105091500_users', now())"
  adopt
  assert_stdout "7 files are what was applied"
  assert_adopted 7
  sql "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('y', '0', '20250101000000_broken')"
  adopt
  assert_error 3 "Prisma did not finish 20250101000000_broken" "prisma migrate resolve"
}

@test "drizzle: times of the journal, hashes of the files" {
  new_shop drizzle
  sql "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY,
    hash text NOT NULL, created_at bigint)"
  local tag when
  while read -r when tag; do
    sql "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES
      ('$(sha256sum "drizzle/$tag.sql" | cut -d ' ' -f 1)', $when)"
  done < <(jq -r '.entries[] | "\(.when) \(.tag)"' drizzle/meta/_journal.json)
  adopt
  assert_stdout "7 files are what was applied"
  assert_adopted 7
}

graphile_history ()
{
  sql "CREATE SCHEMA graphile_migrate; CREATE TABLE graphile_migrate.migrations (hash text PRIMARY KEY,
    previous_hash text REFERENCES graphile_migrate.migrations, filename text NOT NULL,
    date timestamptz NOT NULL DEFAULT now())"
  local file hash previous=
  for file in migrations/committed/*.sql; do
    hash=$(sed -n 's/^--! Hash: //p' "$file")
    sql "INSERT INTO graphile_migrate.migrations VALUES ('$hash', nullif ('$previous', ''), '${file##*/}')"
    previous=$hash
  done
}

@test "graphile-migrate: the chain of hashes" {
  new_shop graphile-migrate
  graphile_history
  adopt
  assert_stdout "7 files are what was applied"
  assert_adopted 7
  new_shop graphile-migrate
  graphile_history
  echo "SELECT 1;" >> migrations/committed/000003-touch-changed-at.sql
  adopt
  assert_error 3 "1 file is not what graphile-migrate has applied"
  sql "UPDATE graphile_migrate.migrations SET previous_hash = NULL WHERE filename LIKE '000004%'"
  adopt
  assert_error 3 "the chain of hashes in graphile_migrate.migrations is broken at 000004-index-orders-user.sql"
}

alembic_file ()
{
  printf '"""%s\n\nRevision ID: %s\n"""\nrevision = "%s"\ndown_revision = %s\n' "$2" "$1" "$1" "$3" \
    > "alembic/versions/$1_x.py"
}

@test "knex, node-pg-migrate, Rails, Django and Alembic: programs have no files here, and that is said" {
  new_shop
  sql "CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz);
    CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked integer);
    INSERT INTO knex_migrations_lock (is_locked) VALUES (1);
    INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('20240101_users.js', 1, now())"
  adopt
  assert_error 3 "knex has locked its migrations" "knex migrate:unlock"
  sql "UPDATE knex_migrations_lock SET is_locked = 0"
  adopt
  assert_status 0
  assert_stderr "1 of 1 applied migrations have no file here: 20240101_users"
  [ "$(sql "SELECT version FROM pgkeel.migration")" = 20240101_users ]

  new_shop
  sql "CREATE TABLE pgmigrations (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
    INSERT INTO pgmigrations (name, run_on) VALUES ('1700000000000_users', '2024-06-01 10:00')"
  adopt
  assert_status 0
  [ "$(sql "SELECT version FROM pgkeel.migration")" = 1700000000000_users ]

  new_shop
  sql "CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
    CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar, created_at timestamp(6), updated_at timestamp(6));
    INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240102000000')"
  adopt
  assert_stdout "adopted 2 migrations of rails"

  new_shop
  sql "CREATE TABLE django_migrations (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, app varchar(255) NOT NULL,
      name varchar(255) NOT NULL, applied timestamptz NOT NULL);
    INSERT INTO django_migrations (app, name, applied) VALUES ('auth', '0001_initial', now()), ('ledger', '0001_initial', now())"
  adopt
  assert_stdout "adopted 2 migrations of django"
  [ "$(sql "SELECT string_agg (version, ' ' ORDER BY id) FROM pgkeel.migration")" = "auth.0001_initial ledger.0001_initial" ]

  new_shop
  sql "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('1975ea83b712'), ('27c6a30d7c24')"
  adopt
  assert_error 3 "Alembic has 2 heads in this database: 1975ea83b712, 27c6a30d7c24" "alembic merge heads"
  sql "DELETE FROM alembic_version WHERE version_num = '27c6a30d7c24'"
  run_keel migrate adopt --dry-run
  assert_status 0
  assert_stdout "1975ea83b712"
  # The files know what came before the head.
  mkdir -p alembic/versions
  alembic_file ae1027a6acf "first table" None
  alembic_file 1975ea83b712 "second table" '"ae1027a6acf"'
  alembic_file 27c6a30d7c24 "a branch" "'ae1027a6acf'"
  adopt
  assert_stdout "adopted 2 migrations of alembic"
  assert_stderr "Alembic has 2 heads: 1975ea83b712_x.py, 27c6a30d7c24_x.py; merge them with “alembic merge heads”"
  [ "$(sql "SELECT string_agg (version || ' ' || name, ', ' ORDER BY id) FROM pgkeel.migration")" \
    = "ae1027a6acf first table, 1975ea83b712 second table" ]
}

@test "Ecto, Supabase and dbmate have tables of one name, told apart by their columns" {
  new_shop
  sql "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));
    INSERT INTO schema_migrations VALUES (20240101000000, '2024-06-01 10:00'), (20240102000000, '2024-06-02 10:00')"
  adopt
  assert_stdout "adopted 2 migrations of ecto from public.schema_migrations"
  [ "$(sql "SELECT min (finished) AT TIME ZONE 'UTC' FROM pgkeel.migration")" = "2024-06-01 10:00:00" ]

  new_shop sql
  mkdir -p supabase
  mv migrations supabase/
  sql "CREATE SCHEMA supabase_migrations;
    CREATE TABLE supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY, statements text[], name text)"
  for version in $(versions); do
    sql "INSERT INTO supabase_migrations.schema_migrations VALUES ('$version', '{SELECT 1}', 'x')"
  done
  adopt
  assert_stdout "adopted 7 migrations of supabase from supabase_migrations.schema_migrations"
  assert_adopted 7
  run_keel migrate adopt --from=dbmate
  assert_error 5 "there is no history of dbmate"

  # As it was before Supabase kept the statements, beside its services' own tables.
  new_shop
  sql "CREATE SCHEMA supabase_migrations; CREATE SCHEMA realtime; CREATE SCHEMA auth;
    CREATE TABLE supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY);
    INSERT INTO supabase_migrations.schema_migrations VALUES ('20240101000000');
    CREATE TABLE auth.schema_migrations (version varchar(14) PRIMARY KEY);
    CREATE TABLE realtime.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0))"
  adopt
  assert_error 3 "there are 3 histories of migrations in this database" "--from=TOOL"
  adopt --from=supabase
  assert_stdout "adopted 1 migrations of supabase"
}

# The table of Atlas, with a row for each file of migrations/ in the order of names.
atlas_history ()
{
  sql 'CREATE SCHEMA atlas_schema_revisions;
    CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version varchar NOT NULL PRIMARY KEY,
      description varchar NOT NULL, type bigint NOT NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0,
      total bigint NOT NULL DEFAULT 0, executed_at timestamptz NOT NULL, execution_time bigint NOT NULL,
      error text, error_stmt text, hash varchar NOT NULL, partial_hashes jsonb, operator_version varchar NOT NULL)'
  sql "INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES ('.atlas_cloud_identifier', 'x', 0, 0, 0,
    now(), 0, NULL, NULL, '', NULL, 'Atlas CLI v1')"
  local file name day=0
  for file in migrations/*.sql; do
    name=$(basename "$file" .sql)
    day=$((day + 1))
    # The chain: names and bytes of all files up to this one.
    { [ ! -f chain ] || cat chain; printf '%s' "$name.sql"; cat "$file"; } > next
    mv next chain
    sql "INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES ('${name%%_*}', '${name#*_}', 2, 1, 1,
      '2024-06-0$day 10:00+00', 5, '', '', '$(openssl dgst -sha256 -binary chain | base64)', 'null', 'Atlas CLI v1')"
  done
}

atlas () { sql "UPDATE atlas_schema_revisions.atlas_schema_revisions SET $1"; }

@test "Atlas: a chain of hashes, baselines, files that came late, unfinished ones" {
  new_shop
  mkdir migrations
  echo "CREATE TABLE a ();" > migrations/20240101000000_a.sql
  echo "CREATE TABLE b ();" > migrations/20240103000000_b.sql
  echo "CREATE TABLE c ();" > migrations/20240104000000_c.sql
  atlas_history
  atlas "applied = 0 WHERE version = '20240104000000'"
  adopt
  assert_error 3 "Atlas did not finish version 20240104000000" "atlas migrate apply"
  atlas "applied = 1, error = 'it broke' WHERE version = '20240104000000'"
  adopt
  assert_error 3 "Atlas did not finish version 20240104000000"
  assert_stderr "detail: it broke"
  atlas "error = NULL, applied = 0, type = 6 WHERE version = '20240104000000'"
  run_keel migrate adopt --dry-run --json
  assert_json '[.migrations[] | .file_check] == ["same", "same", "same"]'
  # One that Atlas applied later, out of order: the others' links are of the folder before it.
  echo "CREATE TABLE late ();" > migrations/20240102000000_late.sql
  sql "INSERT INTO atlas_schema_revisions.atlas_schema_revisions SELECT '20240102000000', 'late', 2, 1, 1,
    '2024-07-01', 5, NULL, NULL, '$({ printf 20240101000000_a.sql; cat migrations/*_a.sql
      printf 20240102000000_late.sql; cat migrations/*_late.sql; } | openssl dgst -sha256 -binary | base64)', NULL, 'x'"
  run_keel migrate adopt --dry-run --json
  assert_json '[.migrations[] | .file_check] == ["same", "same", "same", "same"]'
  # And one that it has not applied yet.
  echo "CREATE TABLE pending ();" > migrations/20240101120000_pending.sql
  run_keel migrate adopt --dry-run --json
  assert_json '[.migrations[] | .file_check] == ["same", "same", "same", "same"]'
  rm migrations/20240101120000_pending.sql
  echo "CREATE TABLE other ();" > migrations/20240103000000_b.sql
  adopt
  assert_error 3 "1 file is not what atlas has applied"
  assert_stderr "detail: migrations/20240103000000_b.sql"
  assert_untouched
  echo "CREATE TABLE b ();" > migrations/20240103000000_b.sql
  adopt
  assert_stdout "adopted 4 migrations of atlas"
  assert_adopted 4
  run_keel migrate status --json
  assert_json '.migrations[0].applied == "2024-06-01T10:00:00Z"'

  new_shop
  mkdir migrations
  echo "CREATE TABLE a ();" > migrations/1_a.sql
  echo "CREATE TABLE b ();" > migrations/2_b.sql
  echo "CREATE TABLE c ();" > migrations/3_c.sql
  rm -f chain
  atlas_history
  sql "DELETE FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '1'"
  atlas "type = 1, applied = 0, total = 0, hash = '' WHERE version = '2'"
  run_keel migrate adopt --dry-run --json
  assert_json '[.migrations[] | .file_check] == ["unchecked", "same"]'
  adopt
  run_keel migrate status --json
  assert_json '[.migrations[] | .state] == ["in baseline", "in baseline", "applied"]'
}

@test "Liquibase: what ran, what was marked so; a lock and a failure are refused" {
  new_shop
  sql "CREATE TABLE databasechangelog (id varchar(255) NOT NULL, author varchar(255) NOT NULL, filename varchar(255) NOT NULL,
      dateexecuted timestamp NOT NULL, orderexecuted integer NOT NULL, exectype varchar(10) NOT NULL, md5sum varchar(35),
      description varchar(255), comments varchar(255), tag varchar(255), liquibase varchar(20), contexts varchar(255),
      labels varchar(255), deployment_id varchar(10));
    CREATE TABLE databasechangeloglock (id integer NOT NULL PRIMARY KEY, locked boolean NOT NULL,
      lockgranted timestamp, lockedby varchar(255));
    INSERT INTO databasechangeloglock VALUES (1, true, now(), 'host');
    INSERT INTO databasechangelog VALUES ('1', 'ada', 'db/main.xml', '2024-06-01 10:00', 1, 'EXECUTED', '9:aa'),
      ('2', 'ada', 'db/main.xml', '2024-06-01 10:00', 2, 'MARK_RAN', '9:bb'),
      ('3', 'bob', 'db/more.sql', '2024-06-02 10:00', 3, 'FAILED', '9:cc')"
  adopt
  assert_error 3 "Liquibase has locked its change log" "liquibase release-locks"
  sql "UPDATE databasechangeloglock SET locked = false"
  adopt
  assert_error 3 "Liquibase failed at db/more.sql::3::bob" "liquibase update"
  sql "UPDATE databasechangelog SET exectype = 'RERAN' WHERE id = '3'"
  adopt
  assert_stdout "adopted 3 migrations of liquibase from public.databasechangelog"
  [ "$(sql "SELECT string_agg (version, ' ' ORDER BY id) FROM pgkeel.migration")" \
    = "db/main.xml::1::ada db/main.xml::2::ada db/more.sql::3::bob" ]
}

@test "several histories, none, an empty one, and one under another name" {
  new_shop dbmate
  adopt
  assert_error 5 "there is no history of any tool that is known in this database" "pgkeel migrate baseline"
  adopt --from=sequelize
  assert_error 2 "there is no tool “sequelize”" "The tools are: dbmate, golang-migrate"
  sql "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)"
  adopt
  assert_error 1 "the history of dbmate in public.schema_migrations is empty"
  sql "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
  adopt
  assert_error 3 "there are 2 histories of migrations in this database" "--from=TOOL"
  sql "CREATE SCHEMA ops; CREATE TABLE ops.done (version varchar(128) PRIMARY KEY);
    INSERT INTO ops.done VALUES ('20240105091500')"
  adopt --from=dbmate --table=ops.done
  assert_status 0
  assert_stdout "from ops.done"
  [ "$(sql "SELECT string_agg (version, ' ') FROM pgkeel.migration")" = 20240105091500 ]
  adopt --from=dbmate --table=ops.nothing
  assert_error 5 "“ops.nothing” is no table of dbmate"
}

@test "adopt asks, and answers no without a terminal" {
  new_shop dbmate
  sql "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
    INSERT INTO schema_migrations VALUES ('20240105091500')"
  run_keel migrate adopt
  assert_error 3 "take over 1 migrations of dbmate" "--yes"
  assert_untouched
}

@test "baseline" {
  new_shop pgkeel
  run_keel migrate baseline --to=20240203080512 --dry-run
  assert_status 0
  assert_stdout "would count as being in the database “shop” already"
  assert_untouched
  run_keel migrate baseline --yes --to=2024
  assert_error 2 "there is no versioned migration “2024”"
  sql "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
  run_keel migrate baseline --yes --to=20240203080512
  assert_status 0
  assert_stderr "this database has a history of alembic (public.alembic_version)"
  run_keel migrate status --json
  assert_json '.pending == 4 and ([.migrations[] | select(.state == "in baseline")] | length) == 3'
  run_keel migrate baseline --yes
  assert_error 3 "the database “shop” has a history of migrations already"

  new_shop pgkeel
  sql "DROP TABLE users"
  run_keel migrate baseline --yes
  assert_error 3 "the database “shop” is empty: there is nothing that a baseline could stand for" "pgkeel migrate up"
  assert_untouched
  new_shop
  run_keel migrate baseline --yes
  assert_error 5 "the project has no migrations"
}
