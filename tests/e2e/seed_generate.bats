#!/usr/bin/env bats
# Generators: rows for volume that keep every constraint, are the same everywhere, and go again when a run fails.
# shellcheck disable=SC1111 # the messages have real quotation marks

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }

# Types and constraints of all kinds.
readonly EVERYTHING="
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s fine');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN mail AS varchar(60) NOT NULL CHECK (VALUE ~ '^[^@]+@[^@]+[.][a-z]+\$');
CREATE TABLE countries (code char(2) PRIMARY KEY, name text NOT NULL);
INSERT INTO countries VALUES ('NG', 'Nigeria'), ('DE', 'Germany'), ('FR', 'France');
CREATE TABLE \"App Users\" (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email mail UNIQUE, first_name text, last_name text,
  phone varchar(20), country char(2) NOT NULL REFERENCES countries,
  kyc_tier smallint NOT NULL CHECK (kyc_tier BETWEEN 0 AND 3),
  balance numeric(10,2) NOT NULL CHECK (balance >= 0),
  status text NOT NULL CHECK (status IN ('active', 'frozen', 'closed')), mood mood NOT NULL, tags text[] NOT NULL,
  moods mood[], prefs jsonb NOT NULL, raw_json json, born date CHECK (born > '1940-01-01' AND born < '2010-01-01'),
  manager_id bigint REFERENCES \"App Users\", token uuid NOT NULL UNIQUE, code varchar(4) UNIQUE,
  ip inet, net cidr, mac macaddr, raw bytea, score float8 CHECK (score IS NULL OR score <= 50), ratio real,
  flag boolean NOT NULL, full_name text GENERATED ALWAYS AS (coalesce (first_name, '') || coalesce (last_name, '')) STORED,
  nick varchar(8) CHECK (length (nick) >= 3), bits bit(5), vb varbit(9), price money, at time, lasts interval,
  during tstzrange, days daterange, numbers int4range, place point, n numeric, n20 numeric(20,12), small numeric(3,3),
  attempts positive NOT NULL, attempt_list positive[], created_at timestamptz NOT NULL DEFAULT now (),
  updated_at timestamp NOT NULL, valid_from date NOT NULL, valid_to date NOT NULL, CHECK (valid_to > valid_from),
  level \"char\" DEFAULT 'x');
CREATE UNIQUE INDEX ON \"App Users\" (lower (email));
CREATE TABLE roles (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO roles (name) VALUES ('admin'), ('user'), ('moderator'), ('guest');
CREATE TABLE user_roles (user_id bigint REFERENCES \"App Users\", role_id int REFERENCES roles,
  granted_by bigint REFERENCES \"App Users\", PRIMARY KEY (user_id, role_id));
CREATE TABLE wallets (id uuid PRIMARY KEY, user_id bigint NOT NULL UNIQUE REFERENCES \"App Users\",
  amount numeric(12,4) NOT NULL CHECK (amount > 0 AND amount < 1000), currency char(3) NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES \"App Users\", number int NOT NULL,
  note text CHECK (length (note) <= 10), UNIQUE (user_id, number));
CREATE TABLE lines (order_id int NOT NULL REFERENCES orders, line_no smallint NOT NULL CHECK (line_no > 0), qty int NOT NULL,
  PRIMARY KEY (order_id, line_no));
CREATE TABLE pairs (odd positive[], a int NOT NULL, b boolean NOT NULL, c mood NOT NULL, UNIQUE (a, b, c), CHECK (a >= 1 AND a <= 100));
CREATE TABLE parts (tenant int, id int, label text, PRIMARY KEY (tenant, id)) PARTITION BY HASH (tenant);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE part_notes (id bigserial PRIMARY KEY, tenant int NOT NULL, part_id int NOT NULL, body text,
  FOREIGN KEY (tenant, part_id) REFERENCES parts (tenant, id));"

readonly EVERYTHING_SEEDS="generate:
  seed: 42
  tables:
    lines: {per: orders, children: 0..3}
    App Users: {rows: 1000, columns: {manager_id: \"null(20, parent())\", place: \"'(1,2)'\", net: \"null()\"}}
    user_roles: {per: App Users, children: 1..3}
    wallets: 800
    orders: {per: user_id, children: zipf 2}
    pairs: 600
    parts: 500
    part_notes: {rows: 700, columns: {tenant: 'parent(zipf(1.1))'}}"

readonly USERS="CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, age int CHECK (age >= 18));
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                     total numeric(10,2) NOT NULL);"

# An empty database “shop” with the tables $2 of the major version $1, and a project for it.
new_shop ()
{
  MAJOR=$1
  project_new "project: shop
environments:
  development: {url: \"$(pg_url "$MAJOR" shop)\"}
  production: {url: \"$(pg_url "$MAJOR" shop)\", protected: true}"
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  sql "$2"
  mkdir seeds
}

first_major () { pg_majors | head -n 1; }

sql () { pg_sql "$MAJOR" shop "$1"; }

# The generate: section whose tables are the lines.
generates () { printf '%s\n' 'generate:' '  seed: 7' '  tables:' "${@/#/    }" > seeds/seeds.yaml; }

seed () { run_keel seed development "$@"; }

digest () { sql "SELECT md5 (string_agg (t::text, E'\n' ORDER BY t::text)) FROM $1 t"; }

@test "every type and every kind of constraint, on every major version, the same rows on all" {
  local major table digests=''
  for major in $(pg_majors); do
    new_shop "$major" "$EVERYTHING"
    printf '%s\n' "$EVERYTHING_SEEDS" > seeds/seeds.yaml
    seed --dry-run
    assert_status 0
    assert_stdout "would be generated"
    [ "$(sql 'SELECT count(*) FROM "App Users"')" = 0 ]
    seed --json
    assert_status 0
    assert_json '.generated.tables | map ({(.table): .rows}) | add | .["App Users"] == 1000 and .wallets == 800
                 and .orders == 2000 and .pairs == 600 and .user_roles == 2000'
    assert_json '.generated.written == ([.generated.tables[].rows] | add)'
    # The server holds the constraints; what it does not say: that nothing is the same all over.
    [ "$(sql 'SELECT count(DISTINCT email) = 1000 AND count(DISTINCT country) = 3 AND count(DISTINCT mood) = 3
                AND count(DISTINCT status) = 3 AND count(DISTINCT kyc_tier) = 4 AND count(DISTINCT balance) > 500
                AND count(DISTINCT born) > 500 AND count(phone) BETWEEN 850 AND 950 AND count(DISTINCT code) = 1000
                AND bool_and (full_name IS NOT NULL) AND count(manager_id) BETWEEN 700 AND 900
                AND bool_and (manager_id < id) AND max (id) = 1000 AND count(DISTINCT moods) > 10
                AND count(DISTINCT during) > 500 AND count(DISTINCT raw) > 500 AND count(net) = 0
              FROM "App Users"')" = t ]
    [ "$(sql 'SELECT max (n) FROM (SELECT count(*) AS n FROM orders GROUP BY user_id) x')" -gt 200 ]
    [ "$(sql 'SELECT min (n) || max (n)::text FROM (SELECT count(*) AS n FROM user_roles GROUP BY user_id) x')" = 13 ]
    [ "$(sql 'SELECT count(*) FROM parts_0')" -gt 100 ]
    # The planner knows the tables.
    [ "$(sql "SELECT reltuples FROM pg_class WHERE relname = 'App Users'")" = 1000 ]
    # Sequences stand behind what was written.
    [ "$(sql "INSERT INTO orders (user_id, number) VALUES (1, 5000) RETURNING id")" = 2001 ]
    sql "DELETE FROM orders WHERE number = 5000"
    seed --json
    assert_status 0
    assert_json '.generated.written == 0 and ([.generated.tables[].state] | unique == ["there already"])'
    for table in '"App Users"' user_roles wallets orders lines pairs parts part_notes; do
      digests+="$(digest "$table") "
    done
    digests+=$'\n'
  done
  [ "$(sort -u <<< "${digests%$'\n'}" | wc -l)" = 1 ]
}

@test "--validate counts with the generated rows, and takes them back when that fails" {
  local jobs
  new_shop "$(first_major)" "$USERS"
  printf 'email,age\nada@example.org,30\n' > seeds/users.csv
  mkdir -p seeds/common
  mv seeds/users.csv seeds/common/10_users.csv
  for jobs in 1 2; do
    generates 'public.users: 99' 'orders: 300'
    printf '%s\n' 'keys: {users: email}' 'expect: {users: 100, orders: {min: 301}}' >> seeds/seeds.yaml
    seed --validate --jobs "$jobs"
    assert_error 1 '1 of 2 expectations of seeds/seeds.yaml do not hold' 'The generated rows are taken back'
    assert_stderr 'orders: 300, expected at least 301'
    [ "$(sql 'SELECT (SELECT count(*) FROM users) || $$ $$ || (SELECT count(*) FROM orders)')" = '1 0' ]
    sed -i 's/min: 301/min: 300/' seeds/seeds.yaml
    seed --validate --jobs "$jobs"
    assert_status 0
    assert_stdout '2 of 2 expectations hold with the generated rows'
    assert_stdout 'integrity with the generated rows: no errors'
    [ "$(sql 'SELECT (SELECT count(*) FROM users) || $$ $$ || (SELECT count(*) FROM orders)')" = '100 300' ]
    seed --validate --json
    assert_status 0
    assert_json '[.expectations[] | [.table, .count, .holds]] == [["users", 100, true], ["orders", 300, true]]
                 and .generated.written == 0'
    # What is wrong stays wrong when nothing is left to generate.
    sed -i 's/users: 100/users: 101/' seeds/seeds.yaml
    seed --validate
    assert_error 1 'do not hold'
    run_keel seed development --clean --no-generate --yes
    assert_status 0
  done
}

@test "the number of sessions does not matter, nor whether rows go to a file" {
  local jobs digests=''
  for jobs in 1 3; do
    new_shop "$(first_major)" "$USERS"
    generates 'users: 45000' 'orders: {per: users, children: 1}'
    seed --jobs "$jobs"
    assert_status 0
    assert_stdout "generated 90,000 rows"
    digests+="$(digest users) $(digest orders)"$'\n'
  done
  [ "$(sort -u <<< "${digests%$'\n'}" | wc -l)" = 1 ]
  seed --table users --output users.copy
  assert_status 0
  assert_stdout "wrote 45,000 rows of users to users.copy"
  [ "$(sql 'COPY (SELECT * FROM users ORDER BY id) TO STDOUT' | md5sum)" = "$(md5sum < users.copy)" ]
  run bash -c "'$PGKEEL' seed development --table users --output - --format binary 2> /dev/null | md5sum"
  [ "$output" = "$(sql 'COPY (SELECT * FROM users ORDER BY id) TO STDOUT (FORMAT binary)' | md5sum)" ]
  seed --table users
  assert_error 2 "--table and --output go together"
  seed --table nobody --output x
  assert_error 2 "seeds.yaml does not generate “nobody”"
}

@test "what cannot be is told before anything is written" {
  new_shop "$(first_major)" "CREATE TABLE users (id int PRIMARY KEY, code varchar(2) UNIQUE, name text NOT NULL,
      age int CONSTRAINT grown CHECK (age % 2 = 0 AND age > 3),
      CONSTRAINT named CHECK (name <> 'x' OR age > 10));
    CREATE TABLE cards (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, place point NOT NULL);"
  generates 'users: 5000'
  seed
  assert_error 2 "seeds/seeds.yaml:4:12: users.code unique: 1,296 values of character varying(2), 5,000 rows asked"
  generates 'users: 100'
  seed
  assert_error 2 "users.age: " "columns:"
  assert_stderr "of 100 rows break the constraint “grown” CHECK"
  generates "users: {rows: 100, columns: {age: 'one_of(4, 6)', name: \"'x'\"}}"
  seed
  assert_error 2 "seeds.yaml:4:" "columns:"
  assert_stderr 'users.name, age: 100 of 100 rows break the constraint “named” CHECK'
  assert_stderr 'such as (x,4)'
  generates "users: {rows: 100, columns: {age: 4, name: \"null(50, 'y')\"}}"
  seed
  assert_error 2 "users.name: " "columns:"
  assert_stderr "of 100 rows have NULL, which the column does not allow"
  generates "users: {rows: 10, columns: {age: \"email()\"}}"
  seed
  assert_error 2 "seeds.yaml:4:38: users.age: email() makes text, and this is of type integer"
  generates "users: {rows: 10, columns: {aeg: 4}}"
  seed
  assert_error 2 "users has no column “aeg”"
  generates "users: {row: 10}"
  seed
  assert_error 2 "unknown key “row”" "Did you mean “rows”?"
  generates "user: 10"
  seed
  assert_error 2 "seeds.yaml:4:11: the database has no table “user”"
  generates "users: {per: cards, children: 3}"
  seed
  assert_error 2 "users has no foreign key to “cards”"
  generates "cards: {rows: 5, columns: {place: \"'(1,2)'\"}}"
  seed
  assert_error 2 "cards refers to users, which has no rows" "Seed it first"
  generates "users: {rows: 5, columns: {age: 4}}" "cards: 5"
  seed
  assert_error 2 "cards.place: nothing is known that could be a point"
  seed --scale 0
  assert_error 2 "--scale must be a number from 0.001"
  [ "$(sql 'SELECT count(*) FROM users')" = 0 ]
}

@test "rows of files come first; whole numbers begin after them; --scale and --clean" {
  new_shop "$(first_major)" "$USERS"
  mkdir seeds/common
  printf '%s\n' 'id,email,age' '5,ada@example.org,30' '900,bob@example.org,40' > seeds/common/users.csv
  generates 'users: 300' 'orders: 1000'
  seed --scale 0.1
  assert_status 0
  [ "$(sql 'SELECT count(*), min (id), max (id) FROM users WHERE age IS NOT NULL OR age IS NULL')" = "32|5|930" ]
  [ "$(sql 'SELECT count(*), count(DISTINCT user_id) > 20, min (user_id) > 900 FROM orders')" = "100|t|t" ]
  # What was generated is known by its settings.
  seed --scale 0.1
  assert_status 0
  assert_stdout "nothing to generate: all rows are there already"
  seed --scale 0.2
  assert_error 3 "users was generated with other settings: 30 rows with seed 7, and now 60 rows" "--clean"
  [ "$(sql 'SELECT count(*) FROM users')" = 32 ]
  seed --no-generate
  assert_status 0
  refute_stdout "GENERATED"
  seed --minimal
  assert_status 0
  refute_stdout "GENERATED"
  seed --scale 0.2 --clean --yes
  assert_status 0
  [ "$(sql 'SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders)')" = "62|200" ]
  run_keel seed production
  assert_error 3 "production"
  [ "$(sql 'SELECT count(*) FROM users')" = 62 ]
}

@test "a load that fails leaves nothing of its own behind, in one session or several" {
  local jobs
  new_shop "$(first_major)" "$USERS
    INSERT INTO users (email) VALUES ('ada@example.org');
    CREATE FUNCTION refuse () RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
      IF NEW.id = 41111 THEN RAISE EXCEPTION 'no such order'; END IF; RETURN NEW; END \$\$;
    CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION refuse ();"
  generates 'users: 30000' 'orders: 50000'
  for jobs in 1 2; do
    seed --jobs "$jobs"
    assert_error 5 "generating rows of “orders”: no such order"
    [ "$(sql 'SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders)')" = "1|0" ]
    [ "$(sql 'SELECT count(*) FROM pgkeel.seed_generated')" = 0 ]
  done
  assert_stderr "rows that this run had written were removed"
  sql "DROP TRIGGER refuse ON orders"
  seed --jobs 2
  assert_status 0
  [ "$(sql 'SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders)')" = "30001|50000" ]
  jq -r 'select(.action == "seed generate").phase' .pgkeel/audit.jsonl | paste -s -d ' ' > phases
  [ "$(cat phases)" = "intent failed intent failed intent done" ]
}

@test "what a killed run left is removed by the next one, and nothing else" {
  local pid locker
  new_shop "$(first_major)" "$USERS INSERT INTO users (email) VALUES ('ada@example.org');"
  generates 'users: 30000' 'orders: 500'
  # Orders wait for this session, so users are all there when pgkeel is killed.
  pg_tool "$MAJOR" psql -X -q -d shop -c "BEGIN; LOCK TABLE orders IN SHARE MODE; SELECT pg_sleep (600)" 3>&- &
  locker=$!
  wait_for 60 bash -c "[ \"\$(psql -X -At '$(pg_url "$MAJOR" shop)' -c \"SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass AND mode = 'ShareLock' AND granted\")\" = 1 ]"
  "$PGKEEL" seed development --jobs 2 3>&- &
  pid=$!
  wait_for 60 bash -c "[ \"\$(psql -X -At '$(pg_url "$MAJOR" shop)' -c \"SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted\")\" -ge 1 ]"
  kill -KILL "$pid"
  wait "$pid" || true
  sql "SELECT pg_terminate_backend (pid) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid ()" > /dev/null
  wait "$locker" || true
  [ "$(sql 'SELECT count(*) FROM users')" = 30001 ]
  sql "UPDATE users SET age = 77 WHERE id = 12345"
  seed
  assert_status 5
  sql "DELETE FROM users WHERE age = 77 AND id = 12345"
  seed
  assert_status 0
  [ "$(sql 'SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders)')" = "30001|500" ]
}
