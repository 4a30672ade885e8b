#!/usr/bin/env bats
# Rows restored through COPY's binary format are, to the byte, those that psql restores from the text.
# shellcheck disable=SC2153,SC2154,SC2164 # set by fidelity.bash; bats stops at a failing cd
load helper
load fidelity

setup_file ()
{
  local major
  fidelity_begin
  for major in $(pg_majors); do
    on "$major"
    sql postgres "ALTER SYSTEM SET log_statement = 'all'" 'SELECT pg_reload_conf ()' > "$E2E_ROOT/reload"
  done
}

teardown_file () { e2e_end; }

server_log () { printf '%s\n' "$E2E_ROOT/pg/$MAJOR/data/server.log"; }

# A table of TYPE: the values VALUES (texts, one an element) and what QUERY gives. A time beside it, so
# that the table is worth it.
make_values ()
{
  local db=$1 table=$2 type=$3 values=$4 query=$5
  sql "$db" "CREATE TABLE $table (at timestamptz, v $type)" \
    "INSERT INTO $table SELECT to_timestamp (i), v::$type FROM unnest (ARRAY[$values]::text[]) WITH ORDINALITY AS a (v, i)" \
    "INSERT INTO $table VALUES (NULL, NULL)" \
    "INSERT INTO $table SELECT to_timestamp (i), v::$type FROM (SELECT i, $query AS v FROM generate_series (1, 2000) AS i) AS q"
}

# Every character that COPY escapes, and what is none of its business.
readonly TEXTS="'', ' ', E'\\\\', E'\\\\N', E'\\\\.', E'a\\tb\\nc\\rd\\be\\ff\\vg', E'\\001\\177', 'é€😀', repeat ('x', 100000), 'NULL', E'\\\\x41'"
readonly RANDOM_TEXT="(SELECT string_agg (chr (1 + (random () * CASE WHEN (i + j) % 2 = 0 THEN 126 ELSE 50000 END)::int), '') FROM generate_series (1, i % 40) AS j)"

make_all ()
{
  local db=$1 infinite=
  if [ "$MAJOR" -ge 14 ]; then infinite=", 'Infinity', '-Infinity'"; fi
  sql "$db" "SET TimeZone = 'UTC'" 'SELECT setseed (0.5)' \
    'CREATE DOMAIN price AS numeric (12, 2) CHECK (VALUE <> 13)' \
    'CREATE DOMAIN fair_price AS price CHECK (VALUE >= 0)' \
    'CREATE DOMAIN day AS date' \
    "CREATE TYPE mood AS ENUM ('sad', 'a \\ b', 'é')" \
    'CREATE DOMAIN good_mood AS mood' > "$E2E_ROOT/types"
  make_values "$db" t_int2 smallint "'0', '-32768', '32767'" '((random () - 0.5) * 65534)::int'
  make_values "$db" t_int4 integer "'0', '-2147483648', '2147483647'" '((random () - 0.5) * 10 ^ (i % 10))::int'
  make_values "$db" t_int8 bigint "'0', '-9223372036854775808', '9223372036854775807'" '((random () - 0.5) * 10 ^ (i % 19))::bigint'
  make_values "$db" t_oid oid "'0', '4294967295'" '(random () * 4294967295)::bigint'
  make_values "$db" t_bool boolean "'t', 'f'" '(random () < 0.5)'
  make_values "$db" t_float8 'double precision' "'0', '-0', 'NaN', 'Infinity', '-Infinity', '5e-324', '-2.2250738585072014e-308', '2.2250738585072009e-308', '1.7976931348623157e308', '0.1', '9007199254740993'" "(random () - 0.5) * 10.0 ^ (i % 600 - 300)"
  make_values "$db" t_float4 real "'0', '-0', 'NaN', 'Infinity', '-Infinity', '1.4e-45', '1.1754942e-38', '3.4028235e38', '0.1', '16777217'" "(random () - 0.5) * 10.0 ^ (i % 70 - 35)"
  make_values "$db" t_uuid uuid "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'" 'md5 (i::text)'
  make_values "$db" t_date date "'4714-11-24 BC', '0001-12-31 BC', '0001-01-01', '0001-02-28 BC', '0001-02-29 BC', '1900-02-28', '1900-03-01', '2000-02-29', '9999-12-31', '10000-01-01', '5874897-12-31', 'infinity', '-infinity'" "date '2000-01-01' + CASE WHEN i % 2 = 0 THEN (random () * 2145031948)::int ELSE ((random () - 0.5) * 4900000)::int END"
  make_values "$db" t_time time "'00:00', '24:00', '23:59:59.999999', '00:00:00.000001', '12:00:00.1'" "time '00:00' + random () * interval '24 h'"
  make_values "$db" t_time0 'time (0)' "'23:59:59.4'" "time '00:00' + random () * interval '23 h'"
  make_values "$db" t_timestamp timestamp "'4714-11-24 00:00:00 BC', '0001-12-31 23:59:59.999999 BC', '0001-01-01', '1999-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999', 'infinity', '-infinity'" "timestamp '4714-11-24 BC' + i * interval '54000 days' + random () * interval '100 days'"
  make_values "$db" t_timestamp3 'timestamp (3)' "'2020-01-01 00:00:00.1234567'" "timestamp '2020-01-01' + i * random () * interval '1 day'"
  make_values "$db" t_timestamptz timestamptz "'4714-11-24 00:00:00+00 BC', '0044-03-15 12:00:00.000001+00 BC', '294276-12-31 23:59:59.999999+00', '2020-06-01 00:00:00+05:45', 'infinity', '-infinity'" "timestamptz '4714-11-24 00:00:00+00 BC' + i * interval '54000 days' + random () * interval '100 days'"
  make_values "$db" t_numeric numeric "'0', '0.00', '-0.0', 'NaN', '1e131071', '-9.99e131071', '1e-16383', '0.0000000000000001', '10000', '100000000.00000001', '-12345.6789', '1.10', '1.100', '9999.9999', '99999999.0000'$infinite" "trunc (((random () - 0.5)::numeric + (random () / 1e15)::numeric) * 10::numeric ^ (i % 80 - 40), i % 50)"
  make_values "$db" t_numeric2 'numeric (14, 2)' "'0', '-0.01', '999999999999.99', 'NaN'" "((random () - 0.5) * 10 ^ (i % 13))::numeric"
  make_values "$db" t_text text "$TEXTS" "$RANDOM_TEXT"
  make_values "$db" t_varchar 'varchar (50)' "'', 'é', E'a\\\\\\tb'" "$RANDOM_TEXT"
  make_values "$db" t_bpchar 'char (50)' "'', 'é', E'a\\\\\\tb', '  x  '" "$RANDOM_TEXT"
  make_values "$db" t_json json "'null', ' {\"b\":1,  \"a\":\"\\\\u00e9\\\\n\", \"b\":2}', '\"\\\\\\\\\"'" "to_json ($RANDOM_TEXT)"
  make_values "$db" t_jsonb jsonb "'null', ' {\"b\":1,  \"a\":\"\\\\u00e9\\\\n\", \"b\":2.00}', '\"\\\\\\\\\"', '[]'" "to_jsonb ($RANDOM_TEXT)"
  make_values "$db" t_bytea bytea "E'\\\\\\\\x', E'\\\\\\\\x00ff5c0a09', repeat ('a', 100000)" "decode (md5 (i::text), 'hex')"
  make_values "$db" t_enum mood "'sad', 'a \\ b', 'é'" "(ARRAY['sad', 'a \\ b', 'é'])[1 + i % 3]"
  make_values "$db" t_enum_domain good_mood "'sad', 'é'" "'sad'::text"
  make_values "$db" t_domain fair_price "'0', '12.345', '9999999999.99'" "20 + random () * 10 ^ (i % 10)"
  make_values "$db" t_day day "'infinity', '0044-03-15 BC'" "date '2000-01-01' + i"
}

# The rows in their order, as text and as the server's own binary format.
copies_of ()
{
  local table
  for table in $(sql "$1" "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"); do
    printf '%s %s %s\n' "$table" \
      "$(PGOPTIONS=$exact_options sql "$1" "COPY public.$table TO STDOUT" | sha256sum)" \
      "$(sql "$1" "COPY $table TO STDOUT (FORMAT binary)" | sha256sum)"
  done
}

# How many COPY commands of the restore into DB named TABLE and took the binary format.
binary_copies ()
{
  grep -c "statement: COPY public\.$1 (.*FROM stdin WITH (FORMAT binary" "$(server_log)" || true
}

@test "every type is the same to the byte as when psql restores it" {
  local major table
  for major in $(pg_majors); do
    on "$major"
    make_db typed
    make_all typed
    backup_of typed
    : > "$(server_log)"
    run_keel restore latest --to by_keel
    assert_status 0
    for table in $(sql typed "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^t_'"); do
      [ "$(binary_copies "$table")" -ge 1 ] || fail "$MAJOR: $table was not restored as binary"
      [ "$(grep -c "statement: COPY public\.$table (.*FROM stdin" "$(server_log)")" = 1 ] ||
        fail "$MAJOR: $table needed more than one COPY"
    done
    restore_psql "$BACKUP" by_psql
    copies_of typed > "$E2E_ROOT/typed"
    [ "$(wc -l < "$E2E_ROOT/typed")" = 26 ]
    copies_of by_psql | diff "$E2E_ROOT/typed" -
    copies_of by_keel | diff "$E2E_ROOT/typed" -
  done
}

@test "from a row on that is too long to hold the table goes on as text" {
  local major
  for major in $(pg_majors); do
    on "$major"
    make_db long
    sql long 'CREATE TABLE a (n uuid, t text)' \
      "INSERT INTO a SELECT md5 (i::text)::uuid, i::text || E'\\\\\\n' FROM generate_series (1, 1000) AS i" \
      "INSERT INTO a VALUES (NULL, repeat ('0123456789', 2000000))" \
      "INSERT INTO a SELECT md5 (i::text)::uuid, i::text || E'\\\\\\n' FROM generate_series (1002, 100000) AS i"
    backup_of long
    : > "$(server_log)"
    run_keel restore latest --to long_again --jobs=1
    assert_status 0
    [ "$(grep -c 'statement: COPY public\.a (n, t) FROM stdin WITH (FORMAT binary, FREEZE)' "$(server_log)")" = 1 ]
    [ "$(grep -c 'statement: COPY public\.a (n, t) FROM stdin WITH (FREEZE)' "$(server_log)")" = 1 ]
    copies_of long > "$E2E_ROOT/long"
    copies_of long_again | diff "$E2E_ROOT/long" -
    # The same within one transaction of one session.
    sql long 'DELETE FROM a WHERE n IS NOT NULL'
    : > "$(server_log)"
    DB_RESTORE_CONFIRM=1 run_keel restore "$BACKUP" --in-place
    assert_status 0
    [ "$(binary_copies a)" = 1 ]
    [ "$(grep -c 'statement: COPY public\.a (n, t) FROM stdin' "$(server_log)")" = 2 ]
    copies_of long | diff "$E2E_ROOT/long" -
  done
}

@test "a table with a column of another kind, or with little to gain, is restored as text" {
  on "$(pg_majors | head -n 1)"
  make_db texts
  sql texts 'CREATE TABLE listed (n date, l integer[])' "INSERT INTO listed VALUES ('2000-01-01', '{1,2}'), (NULL, NULL)" \
    'CREATE TABLE spans (n date, i interval)' "INSERT INTO spans VALUES ('2000-01-01', '1 mon 2 days')" \
    'CREATE TABLE plain (a integer, b numeric, c text)' "INSERT INTO plain VALUES (1, 2, 'x')" \
    'CREATE DOMAIN list AS integer[]' 'CREATE TABLE domains (n date, l list)' "INSERT INTO domains VALUES ('2000-01-01', '{1}')" \
    'CREATE TABLE bare ()' 'INSERT INTO bare DEFAULT VALUES'
  backup_of texts
  : > "$(server_log)"
  run_keel restore latest --to texts_again
  assert_status 0
  ! grep -q 'FORMAT binary' "$(server_log)" || fail "binary was used"
  assert_same_data texts texts_again
}

@test "names and texts of a database in another encoding are what they were" {
  local encoding
  on "$(pg_majors | head -n 1)"
  for encoding in LATIN1 EUC_JP SQL_ASCII; do
    sql postgres 'DROP DATABASE IF EXISTS other' 'DROP DATABASE IF EXISTS other_again'
    make_db other "ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'"
    sql other "SET client_encoding = 'UTF8'" 'CREATE TABLE plain (n date, t text)' \
      "INSERT INTO plain VALUES ('2000-01-01', E'\\\\ \\t')"
    case $encoding in
      LATIN1)
        PGCLIENTENCODING=UTF8 sql other "INSERT INTO plain VALUES (NULL, 'é')" \
          'CREATE TABLE "tablé" (n uuid, "é" date)' "INSERT INTO \"tablé\" VALUES (NULL, '2000-01-01')" ;;
      EUC_JP) PGCLIENTENCODING=UTF8 sql other "INSERT INTO plain VALUES (NULL, '日本語')" ;;
      # Bytes of no encoding, in a name too.
      *)
        printf '%b' "INSERT INTO plain VALUES (NULL, '\\xe9');" \
          "CREATE TABLE \"t\\xe9\" (n date, v text);" "INSERT INTO \"t\\xe9\" VALUES ('2000-01-01', 'text');" \
          > "$E2E_ROOT/bytes.sql"
        psql -X -q -v ON_ERROR_STOP=1 -d other -f "$E2E_ROOT/bytes.sql" ;;
    esac
    backup_of other
    : > "$(server_log)"
    run_keel restore latest --to other_again
    assert_status 0
    [ "$(binary_copies plain)" = 1 ]
    assert_same_data other other_again
  done
}
