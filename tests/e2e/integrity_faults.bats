#!/usr/bin/env bats
# The checks of storage, server, indexes, statistics and privileges: each fault is made for real, and found.
# The last major has data checksums, the first has none.
# shellcheck disable=SC1111,SC2016 # real quotation marks in messages, dollar quotes in SQL

load helper

setup_file ()
{
  local bindir major
  e2e_begin
  for bindir in $(pg_bindirs); do
    major=$(pg_major_of "$bindir")
    pg_start "$major" "$bindir" "fsync = on" "full_page_writes = on" "max_wal_size = 32MB" \
      "max_prepared_transactions = 4" "wal_level = replica" "archive_mode = on" "archive_command = ''" \
      "autovacuum = on" "autovacuum_naptime = 1d"
    printf '%s\n' "$major" >> "$E2E_ROOT/majors"
  done
  pg_stop "$major"
  as_server_user "$(pg_bindir "$major")/pg_checksums" --enable -D "$E2E_ROOT/pg/$major/data" > /dev/null
  pg_start "$major" "$(pg_bindir "$major")"
}

teardown_file () { e2e_end; }

first_major () { pg_majors | head -n 1; }
last_major () { pg_majors | tail -n 1; }

# database MAJOR: an empty database, and a project for it.
database ()
{
  MAJOR=$1
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop WITH (FORCE)"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  pg_sql "$MAJOR" shop "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE EXTENSION amcheck"
  project_new "project: shop
environments:
  staging: {url: \"$(pg_url "$MAJOR" shop)\"}"
  export PGKEEL_ENV=staging
}

# Runs all checks of the categories; what they found is in FOUND, a line "check object" each.
look ()
{
  run_keel --json integrity check "$@"
  [ "$status" -le 1 ] || { show_run; fail "the run failed"; }
  FOUND=$(jq -r '.findings[] | "\(.check) \(.object)"' <<< "$output")
}

expect () { grep -qxF -- "$1" <<< "$FOUND" || fail "not found: $1, but
$FOUND"; }

@test "nothing is found in databases where nothing is wrong" {
  for major in $(pg_majors); do
    database "$major"
    pg_sql "$major" shop "CREATE TABLE a (id int PRIMARY KEY, b text); CREATE INDEX ON a (b);
      INSERT INTO a SELECT i, i FROM generate_series(1, 5000) i; ANALYZE a"
    look --category=performance --category=schema
    [ -z "$FOUND" ] || fail "found: $FOUND"
    assert_json '.counts.unknown == 0'
    look --category=physical
    # The one that has no checksums says so.
    [ "$FOUND" = "$([ "$major" = "$(last_major)" ] || printf 'checksums-off cluster')" ] || fail "found: $FOUND"
    assert_json '.counts.unknown == 0'
  done
}

@test "privileges, policies, functions and names: every fault is found, on every major" {
  for major in $(pg_majors); do
    database "$major"
    pg_sql "$major" postgres "DROP ROLE IF EXISTS other; CREATE ROLE other; DROP ROLE IF EXISTS boss; CREATE ROLE boss LOGIN SUPERUSER"
    pg_sql "$major" shop "
      CREATE TABLE guarded (id int PRIMARY KEY, tenant int);
      ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON guarded USING (tenant = 1);
      CREATE TABLE open (id int PRIMARY KEY, tenant int);
      CREATE TABLE idle (id int PRIMARY KEY); CREATE POLICY q ON idle USING (true);
      CREATE TABLE shut (id int PRIMARY KEY); ALTER TABLE shut ENABLE ROW LEVEL SECURITY;
      CREATE VIEW past AS SELECT * FROM guarded;
      CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
      CREATE SCHEMA wide; GRANT CREATE ON SCHEMA wide TO PUBLIC;
      CREATE TABLE free (id int PRIMARY KEY); GRANT DELETE ON free TO PUBLIC;
      CREATE TABLE strange (id int PRIMARY KEY); ALTER TABLE strange OWNER TO other;
      CREATE SCHEMA own; CREATE TABLE own.t (id int PRIMARY KEY); ALTER TABLE own.t OWNER TO boss;
      CREATE FUNCTION broken() RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE gone SET a = 1; INSERT INTO guarded VALUES (1); END';
      CREATE FUNCTION whole() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TEMP TABLE scratch (a int); INSERT INTO scratch VALUES (1); PERFORM extract(day FROM now()); END';
      DROP EXTENSION amcheck; CREATE EXTENSION amcheck VERSION '1.2';
      CREATE TABLE \"Camel\" (id int PRIMARY KEY, \"createdAt\" date);
      CREATE TABLE $(printf 'n%.0s' {1..63}) (id int PRIMARY KEY);
      CREATE TABLE late (id int PRIMARY KEY); CREATE RULE r AS ON DELETE TO late DO INSTEAD NOTHING; ALTER TABLE late DISABLE RULE r;
      ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO PUBLIC"
    look --category=schema --category=physical
    expect "rls-missing public.open"
    expect "rls-policy-without-security public.idle"
    expect "rls-without-policies public.shut"
    expect "view-bypasses-rls public.past"
    expect "definer-search-path public.f()"
    expect "definer-superuser public.f()"
    expect "schema-public-create schema wide"
    expect "table-public-write public.free"
    expect "default-privileges-public default privileges of postgres"
    expect "owner-differs public.strange"
    expect "owner-superuser-login role boss"
    expect "function-broken public.broken()"
    expect "extension-outdated extension amcheck"
    expect 'name-needs-quotes public."Camel"'
    expect "name-truncated public.$(printf 'n%.0s' {1..63})"
    expect "trigger-disabled public.late.r"
    [ "$(grep -c '^function-broken\|^rls-\|^view-\|^definer\|^table-public\|^schema-public' <<< "$FOUND")" -eq 9 ] ||
      fail "found too much: $FOUND"
    assert_json '[.findings[] | select(.check == "function-broken")][0].message == "uses gone, which no schema has"'
    pg_sql "$major" shop "DROP OWNED BY boss, other"
    pg_sql "$major" postgres "DROP ROLE boss; DROP ROLE other"
  done
}

@test "indexes, statistics, partitions and storage: every fault is found, on every major" {
  for major in $(pg_majors); do
    database "$major"
    pg_sql "$major" shop "
      CREATE TABLE twice (id int, other int); INSERT INTO twice SELECT 1, i FROM generate_series(1, 10) i"
    # What a failed CREATE UNIQUE INDEX CONCURRENTLY leaves.
    run pg_sql "$major" shop "CREATE UNIQUE INDEX CONCURRENTLY broken ON twice (id)"
    [ "$status" -ne 0 ]
    pg_sql "$major" shop "
      CREATE INDEX same_a ON twice (other); CREATE INDEX same_b ON twice (other);
      CREATE INDEX short ON twice (id); CREATE INDEX long ON twice (id, other);
      CREATE INDEX half ON twice (other, id);
      UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half'::regclass;
      CREATE TABLE big (id int PRIMARY KEY, t text) WITH (autovacuum_enabled = false);
      INSERT INTO big SELECT i, 'some text' FROM generate_series(1, 20000) i;
      CREATE TABLE grown (id int PRIMARY KEY); INSERT INTO grown SELECT generate_series(1, 2000); ANALYZE grown;
      ALTER TABLE grown ADD extra int;
      CREATE UNLOGGED TABLE light (id int PRIMARY KEY);
      CREATE MATERIALIZED VIEW empty AS SELECT 1 AS one WITH NO DATA;
      CREATE TABLE part (at date NOT NULL, n int) PARTITION BY RANGE (at);
      DO \$\$ BEGIN
        EXECUTE format('CREATE TABLE part_a PARTITION OF part FOR VALUES FROM (%L) TO (%L)', current_date - 40, current_date - 9);
        EXECUTE format('CREATE TABLE part_b PARTITION OF part FOR VALUES FROM (%L) TO (%L)', current_date - 9, current_date);
      END \$\$;
      CREATE TABLE rest (at date NOT NULL, n int) PARTITION BY RANGE (at);
      CREATE TABLE rest_rest PARTITION OF rest DEFAULT; INSERT INTO rest VALUES (now(), 1);
      CREATE COLLATION german (provider = icu, locale = 'de');
      CREATE TABLE words (w text COLLATE german); CREATE INDEX words_w ON words (w);
      UPDATE pg_collation SET collversion = '1' WHERE collname = 'german';
      ALTER DATABASE shop SET zero_damaged_pages = on; ALTER DATABASE shop SET synchronous_commit = off;
      CREATE FUNCTION orphan() RETURNS int LANGUAGE sql AS 'SELECT 1';
      UPDATE pg_proc SET pronamespace = 4242424 WHERE proname = 'orphan'"
    look --category=performance --category=physical
    expect "index-not-ready public.broken"
    expect "index-invalid public.half"
    expect "index-duplicate public.same_b"
    expect "index-redundant public.short"
    expect "never-analysed public.big"
    expect "autovacuum-off public.big"
    expect "column-statistics-missing public.grown"
    expect "table-unlogged public.light"
    expect "matview-unpopulated public.empty"
    expect "partition-missing-next public.part"
    expect "default-partition-rows public.rest_rest"
    expect "collation-version collation public.german"
    expect "setting-zero-damaged-pages setting zero_damaged_pages of database shop"
    expect "setting-synchronous-commit setting synchronous_commit"
    expect "catalogue-dangling pg_proc.pronamespace"
    assert_json '[.findings[] | select(.check == "partition-missing-next")][0].severity == "critical"'
    assert_json '[.findings[] | select(.check == "collation-version")][0].fix | contains("REINDEX INDEX CONCURRENTLY public.words_w; ALTER COLLATION public.german REFRESH VERSION")'
    if [ "$major" -ge 15 ]; then
      pg_sql "$major" shop "CREATE UNLOGGED SEQUENCE fast"
      look --check=sequence-unlogged
      expect "sequence-unlogged public.fast"
    fi
  done
}

@test "settings of the server, slots, archiving" {
  MAJOR=$(first_major)
  database "$MAJOR"
  pg_sql "$MAJOR" shop "SELECT pg_create_physical_replication_slot('stale', true)"
  for _ in 1 2 3 4; do
    pg_sql "$MAJOR" shop "CREATE TABLE IF NOT EXISTS w (a int)"
    pg_sql "$MAJOR" shop "INSERT INTO w VALUES (1)"
    pg_sql "$MAJOR" shop "SELECT pg_switch_wal()"
  done
  pg_sql "$MAJOR" shop "ALTER SYSTEM SET fsync = off"
  pg_sql "$MAJOR" shop "ALTER SYSTEM SET full_page_writes = off"
  pg_sql "$MAJOR" shop "ALTER SYSTEM SET autovacuum = off"
  pg_sql "$MAJOR" shop "ALTER SYSTEM SET archive_command = 'false'"
  pg_sql "$MAJOR" shop "ALTER SYSTEM SET max_connections = 50"
  pg_sql "$MAJOR" shop "SELECT pg_reload_conf()"
  wait_for 60 test "$(pg_sql "$MAJOR" shop "SHOW fsync")" = off
  archive_failed () { [ "$(pg_sql "$MAJOR" shop "SELECT failed_count > 0 FROM pg_stat_archiver")" = t ]; }
  wait_for 60 archive_failed
  look --category=performance --category=physical
  expect "slot-retaining-wal slot stale"
  expect "setting-fsync setting fsync"
  expect "setting-full-page-writes setting full_page_writes"
  expect "autovacuum-off setting autovacuum"
  expect "archive-failing archiving"
  expect "setting-pending-restart setting max_connections"
  # A young prepared transaction is looked at, and not yet a finding.
  pg_sql "$MAJOR" shop "BEGIN; INSERT INTO w VALUES (1); PREPARE TRANSACTION 'young'"
  look --check=prepared-transaction-old
  [ -z "$FOUND" ]
  assert_json '.coverage[0].looked_at == 1'
  pg_sql "$MAJOR" shop "ROLLBACK PREPARED 'young'"
  run_keel integrity quick
  assert_status 1
  assert_stdout "setting-fsync"
  pg_sql "$MAJOR" shop "SELECT pg_drop_replication_slot('stale')"
  for setting in fsync full_page_writes autovacuum archive_command max_connections; do
    pg_sql "$MAJOR" shop "ALTER SYSTEM RESET $setting"
  done
  pg_sql "$MAJOR" shop "SELECT pg_reload_conf()"
}

# flip FILE OFFSET: turns the bits of 16 bytes around.
flip ()
{
  python3 - "$1" "$2" << 'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    old = file.read(16)
    file.seek(int(sys.argv[2]))
    file.write(bytes(255 - byte for byte in old))
PYTHON
}

@test "flipped bytes of tables and indexes are found, with checksums and without, and missing files" {
  local data table index gone
  for major in $(pg_majors); do
    database "$major"
    pg_sql "$major" shop "CREATE TABLE t (id int PRIMARY KEY, x text); CREATE TABLE gone (id int);
      CREATE TABLE u (id int, y text); CREATE INDEX u_y ON u (y);
      INSERT INTO t SELECT i, repeat('x', 50) FROM generate_series(1, 3000) i;
      INSERT INTO u SELECT i, repeat('y', 50) || i FROM generate_series(1, 3000) i;
      INSERT INTO gone SELECT generate_series(1, 3000)"
    pg_sql "$major" shop "VACUUM ANALYZE"
    pg_sql "$major" shop "CHECKPOINT"
    data=$E2E_ROOT/pg/$major/data
    table=$(pg_sql "$major" shop "SELECT pg_relation_filepath('t')")
    index=$(pg_sql "$major" shop "SELECT pg_relation_filepath('u_y')")
    gone=$(pg_sql "$major" shop "SELECT pg_relation_filepath('gone')")
    pg_stop "$major"
    # The first line pointers of the table's second page; the middle of a leaf of the index.
    flip "$data/$table" $((8192 + 28))
    flip "$data/$index" $((2 * 8192 + 5000))
    rm "$data/$gone"
    pg_start "$major" "$(pg_bindir "$major")"
    look --category=physical
    expect "heap-corrupt public.t"
    expect "btree-corrupt public.u_y"
    expect "file-missing public.gone"
    if [ "$major" = "$(last_major)" ]; then
      assert_json '[.findings[] | select(.check == "heap-corrupt" and .object == "public.t")][0].message | contains("invalid page")'
      look --check=checksum-failures
      expect "checksum-failures database shop"
    fi
  done
}
