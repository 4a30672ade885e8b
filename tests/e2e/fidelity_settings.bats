#!/usr/bin/env bats
# Databases of other encodings, locales and names, and settings that would change what is dumped.
# shellcheck disable=SC2154,SC2164,SC2016,SC1003 # set by fidelity.bash; bats stops at a failing cd; SQL has quotes and dollars
load helper
load fidelity

setup_file () { fidelity_begin; }
teardown_file () { e2e_end; }

# What a failed test left.
setup ()
{
  local major
  for major in $(pg_majors); do
    on "$major"
    psql -X -q -A -t -d postgres -c 'ALTER ROLE postgres RESET ALL' \
      -c "SELECT format ('ALTER DATABASE %1\$I RESET ALL; DROP DATABASE %1\$I', datname) FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')" |
      PGOPTIONS='-c default_transaction_read_only=off' psql -X -q -d postgres
  done
}

drop_all ()
{
  local db
  for db in "$@"; do sql postgres "DROP DATABASE \"${db//\"/\"\"}\""; done
}

# Backs up DB, restores it with psql (database OPTION...) and with pgkeel, and compares.
assert_both_ways ()
{
  backup_of "$1"
  restore_psql "$BACKUP" by_psql "${@:2}"
  assert_same_data "$1" by_psql
  run_keel restore latest --to by_keel
  assert_status 0
  assert_same_data "$1" by_keel
  run_keel backup prove latest
  assert_status 0
  drop_all by_psql by_keel
}

@test "a database in LATIN1, with names and data beyond ASCII" {
  for major in $(pg_majors); do
    on "$major"
    make_db latin "ENCODING 'LATIN1' LOCALE 'C'"
    sql latin "SET client_encoding = 'UTF8'" \
      "CREATE SCHEMA \"größe\"" \
      "CREATE TYPE \"größe\".\"maß\" AS ENUM ('klein', 'größer')" \
      "CREATE TABLE \"größe\".\"täble\" (\"spälte\" serial PRIMARY KEY, t text DEFAULT 'ä', m \"größe\".\"maß\")" \
      "INSERT INTO \"größe\".\"täble\" (t, m) VALUES ('Ærøskøbing ÿ', 'größer'), ('plain', 'klein')" \
      "CREATE INDEX \"ïndex\" ON \"größe\".\"täble\" (t)" \
      "COMMENT ON TABLE \"größe\".\"täble\" IS 'ümlaut'" \
      "SELECT setval ('\"größe\".\"täble_spälte_seq\"', 77)"
    assert_both_ways latin "ENCODING 'LATIN1' LOCALE 'C'"
    sql latin "SET client_encoding = 'UTF8'" 'CREATE TABLE plain (a integer)'
    run_keel restore latest --to latin --table 'größe.täble'
    assert_status 0
    drop_all latin
  done
}

@test "a database in EUC_JP" {
  on "$(pg_majors | head -n 1)"
  make_db japan "ENCODING 'EUC_JP' LOCALE 'C'"
  sql japan "SET client_encoding = 'UTF8'" \
    'CREATE TABLE "表" ("列" integer PRIMARY KEY, t text)' \
    "INSERT INTO \"表\" SELECT i, repeat ('日本語、ソ能表', i % 5) FROM generate_series (1, 500) AS i"
  assert_both_ways japan "ENCODING 'EUC_JP' LOCALE 'C'"
  drop_all japan
}

@test "a database in SQL_ASCII that holds bytes of no encoding, in names too" {
  for major in $(pg_majors); do
    on "$major"
    make_db bytes "ENCODING 'SQL_ASCII' LOCALE 'C'"
    PGCLIENTENCODING=SQL_ASCII sql bytes $'CREATE TABLE "t\xff\xfe" (a integer PRIMARY KEY, "c\xe4" text)' \
      $'CREATE TABLE "t\xff\xfd" (a integer PRIMARY KEY, "c\xe4" text)' \
      $'INSERT INTO "t\xff\xfe" VALUES (1, \'\xe4\xff\'), (2, \'ok\')' \
      $'INSERT INTO "t\xff\xfd" VALUES (3, \'\xe4\xff\')' \
      "CREATE TABLE plain (a serial, t text)" "INSERT INTO plain (t) VALUES (E'\\\\\\\\x'), ('ü')"
    assert_both_ways bytes "ENCODING 'SQL_ASCII' LOCALE 'C'"
    drop_all bytes
  done
}

@test "settings of the database, the role and the environment do not change what is dumped" {
  local setting
  for major in $(pg_majors); do
    on "$major"
    make_db hostile
    sql hostile "SET TimeZone = 'UTC'" \
      "CREATE TABLE v (id integer PRIMARY KEY, m money, f float8, r real, b bytea, i interval, ts timestamptz, d date, a text[], x xml)" \
      "INSERT INTO v VALUES (1, 1234.56, 0.1::float8 + 0.2, 1e-7, '\\x00ff5c27', '-1 days +02:03:04', '2020-06-01 12:00:00.123456+00', '2020-02-03', '{NULL,\"NULL\",a}', 'a <b/> c')" \
      "INSERT INTO v VALUES (2, -0.01, 'NaN', '-Infinity', '', '1 mon -1 day', '0044-03-15 12:00+00 BC', 'infinity', '{}', NULL)" \
      "CREATE TABLE checked (t text CHECK ((t::date) > '2000-01-01'), n integer CHECK (n = NULL OR n > 0), e text DEFAULT E'back\\\\slash')" \
      "INSERT INTO checked VALUES ('2020-12-31', NULL)" \
      "SELECT lo_from_bytea (5000, '\\x005c27ff')" "COMMENT ON TABLE v IS E'a \\\\ b'" \
      "CREATE MATERIALIZED VIEW local_days AS SELECT id, (ts AT TIME ZONE current_setting ('TimeZone'))::date AS day FROM v"
    PGOPTIONS='-c TimeZone=Pacific/Chatham' sql hostile 'REFRESH MATERIALIZED VIEW local_days'
    for setting in "DateStyle = 'SQL, DMY'" "IntervalStyle = 'sql_standard'" "bytea_output = 'escape'" \
      'extra_float_digits = -15' "TimeZone = 'Pacific/Chatham'" 'standard_conforming_strings = off' \
      'search_path = "$user", public, "a;b", "it''s"' 'default_transaction_read_only = on' \
      'default_transaction_isolation = serializable' "statement_timeout = '30s'" 'quote_all_identifiers = on' \
      "lc_monetary = 'C.UTF-8'" 'array_nulls = off' 'transform_null_equals = on' "xmloption = 'document'" \
      'row_security = off' "idle_in_transaction_session_timeout = '1s'" "client_encoding = 'LATIN1'" \
      'check_function_bodies = on' "work_mem = '1MB'"; do
      PGOPTIONS='-c default_transaction_read_only=off -c standard_conforming_strings=on' \
        sql postgres "ALTER DATABASE hostile SET $setting"
    done
    PGOPTIONS='-c default_transaction_read_only=off' sql postgres "ALTER ROLE postgres SET DateStyle = 'German'" \
      "ALTER ROLE postgres SET backslash_quote = off" "ALTER ROLE postgres SET default_tablespace = 'pg_default'"
    export PGOPTIONS='-c IntervalStyle=iso_8601 -c standard_conforming_strings=off -c search_path=nowhere' \
      PGCLIENTENCODING=LATIN1 PGDATESTYLE='Postgres, DMY' PGTZ=Asia/Kolkata
    backup_of hostile
    run_keel restore latest --to by_keel
    assert_status 0
    run_keel backup prove latest
    assert_status 0
    restore_psql "$BACKUP" by_psql
    unset PGOPTIONS PGCLIENTENCODING PGDATESTYLE PGTZ
    sql postgres 'ALTER ROLE postgres RESET ALL'
    assert_same_data hostile by_keel
    assert_same_data hostile by_psql
    # Whatever the settings were: the values, named one by one.
    for db in by_keel by_psql; do
      PGOPTIONS=$exact_options sql "$db" "SELECT m::numeric = 1234.56 AND f = 0.1::float8 + 0.2 AND b = '\\x00ff5c27' AND i = '-1 days +02:03:04'::interval AND ts = '2020-06-01 12:00:00.123456+00' AND a[1] IS NULL AND a[2] = 'NULL' AND x::text = 'a <b/> c' FROM public.v WHERE id = 1" | grep -qx t
      PGOPTIONS=$exact_options sql "$db" "SELECT encode (lo_get (5000), 'hex')" | grep -qx 005c27ff
    done
    assert_same_database hostile by_keel
    drop_all hostile by_keel by_psql
  done
}

@test "money comes back to the same number on a server with another lc_monetary" {
  on "$(pg_majors | head -n 1)"
  make_db money
  sql money 'CREATE TABLE m (id integer, v money DEFAULT 1234.5)' 'INSERT INTO m VALUES (1), (2)' \
    'INSERT INTO m VALUES (3, -92233720368547758.08)'
  backup_of money
  zcat "$BACKUP" | grep -F "SET lc_monetary = 'C';"
  restore_psql "$BACKUP" by_psql
  assert_same_data money by_psql
  drop_all money by_psql
}

@test "a database with the ICU provider, an owner, grants, a comment, a limit and settings of roles" {
  for major in $(pg_majors); do
    on "$major"
    sql postgres "SELECT FROM pg_roles WHERE rolname = 'Dr. \"X\"'" | grep -q . || sql postgres 'CREATE ROLE "Dr. ""X"""' 'CREATE ROLE reader'
    make_db icu "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk' LOCALE 'C.UTF-8'"
    sql icu 'CREATE TABLE t (a text PRIMARY KEY)' "INSERT INTO t VALUES ('Äpfel'), ('Afra'), ('z')" \
      'ALTER DATABASE icu OWNER TO "Dr. ""X"""' 'ALTER DATABASE icu CONNECTION LIMIT 17' \
      "COMMENT ON DATABASE icu IS E'it''s\\na \\\\ comment'" 'GRANT CONNECT ON DATABASE icu TO reader WITH GRANT OPTION' \
      'REVOKE TEMPORARY ON DATABASE icu FROM PUBLIC' "ALTER ROLE reader IN DATABASE icu SET search_path = 'a b', \"q\"\"q\", public" \
      "ALTER DATABASE icu SET \"app.setting\" = 'x, \"y\" ''z'''" "ALTER DATABASE icu SET TimeZone = 'Europe/Berlin'" \
      "ALTER DATABASE icu SET search_path = ''"
    backup_of icu
    run_keel restore latest --to by_keel
    assert_status 0
    assert_same_database icu by_keel
    sql by_keel 'SELECT string_agg (a, $$,$$ ORDER BY a) FROM public.t' | grep -qx 'Äpfel,Afra,z'
    run_keel backup prove latest
    assert_status 0
    # The usual way: the old database is kept beside, the new one has its name and properties.
    properties_of icu > "$E2E_ROOT/before"
    DB_RESTORE_CONFIRM=1 run_keel restore latest
    assert_status 0
    properties_of icu | diff "$E2E_ROOT/before" -
    drop_all icu by_keel
    sql postgres "SELECT 'DROP DATABASE ' || quote_ident (datname) FROM pg_database WHERE datname LIKE 'icu_before%'" | psql -Xq postgres
  done
}

@test "databases with names that need quoting, and an empty one" {
  on "$(pg_majors | tail -n 1)"
  for db in $'my db\'"x' 'a=b host=c' 'postgresql://ü %20\'; do
    make_db "$db"
    sql "$(url_of "$db")" 'CREATE TABLE t (a integer)' 'INSERT INTO t VALUES (1), (2)'
    backup_of "$db"
    run_keel restore latest --to "$db copy"
    assert_status 0
    [ "$(sql "$(url_of "$db copy")" 'SELECT count (*) FROM t')" = 2 ]
    run_keel backup prove latest
    assert_status 0
    drop_all "$db" "$db copy"
  done
  make_db nothing
  assert_both_ways nothing
  drop_all nothing
}
