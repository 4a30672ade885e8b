#!/usr/bin/env bats
# pgkeel migrate lint, as a user meets it. No server is started: it needs none.
# shellcheck disable=SC1111,SC2016,SC2030,SC2031,SC2154 # real quotation marks; jq; set by helper.bash

load helper

setup_file () { e2e_begin; }
teardown_file () { e2e_end; }

setup ()
{
  project_new
  mkdir migrations
  cat > migrations/20260101000000_shop.up.sql << 'SQL'
CREATE TABLE public.customer (id bigint PRIMARY KEY, name text, city varchar(10));
SQL
  echo 'DROP TABLE public.customer;' > migrations/20260101000000_shop.down.sql
}

up () { cat > "migrations/$1.up.sql"; }

@test "a finding says the lock, what it blocks, why, and what instead" {
  up 20260102000000_index <<< 'CREATE INDEX customer_name ON customer (name);'
  run_keel migrate lint
  assert_error 1 "the migrations have errors: 1, warnings: 0" "pgkeel: ignore RULE reason"
  assert_stdout "migrations/20260102000000_index.up.sql:1:1: error: an index is built on “customer” [index-not-concurrent]"
  assert_stdout "SHARE on “customer”, which blocks all writes"
  assert_stdout "Every INSERT, UPDATE and DELETE waits behind it."
  assert_stdout "CREATE INDEX CONCURRENTLY customer_name ON customer (name)"
  assert_stdout "statements: 2, files: 2, errors: 1, warnings: 0, notes: 0, unknown: 0, ignored: 0"
}

@test "clean migrations end with 0; the files before tell of types" {
  up 20260102000000_wider <<< 'ALTER TABLE customer ALTER COLUMN city TYPE varchar(20);'
  run_keel migrate lint
  assert_status 0
  up 20260103000000_narrower <<< 'ALTER TABLE customer ALTER COLUMN city TYPE varchar(5);'
  run_keel migrate lint migrations/20260103000000_narrower.up.sql --json
  assert_status 1
  assert_json '.files == 1 and .statements == 1 and (.findings | length) == 1
               and .findings[0].rule == "change-type" and .findings[0].lock == "ACCESS EXCLUSIVE"'
}

@test "files outside a project are read as they are" {
  mkdir elsewhere
  cd elsewhere
  echo 'DROP TABLE customer;' > x.sql
  run_keel migrate lint x.sql --json
  assert_status 1
  assert_json '.findings[0] | .file == "x.sql" and .rule == "drop-table" and .line == 1'
  run_keel migrate lint nosuch.sql
  assert_error 5 "cannot open “nosuch.sql”"
}

@test "what cannot be parsed is unknown and ends with 1" {
  up 20260102000000_odd <<< 'FROBNICATE customer;'
  run_keel migrate lint --level=error
  assert_error 1 "the migrations have errors: 1"
  assert_stdout 'unknown: syntax error at or near "FROBNICATE"'
  assert_stdout "unknown: 1"
  { echo "-- pgkeel: ignore unknown our server knows it"; echo 'FROBNICATE customer;'; } \
    | up 20260102000000_odd
  run_keel migrate lint
  assert_status 0
  assert_stdout "unknown: 0, ignored: 1"
}

@test "a statement that overflows the parser is unknown, and those behind it are read" {
  { printf 'SELECT 1'; for _ in $(seq 60000); do printf '+1'; done; echo ';'
    echo 'DROP TABLE customer;'; } | up 20260102000000_deep
  run_keel migrate lint --json
  assert_status 1
  assert_json '[.findings[].rule] == ["unknown", "drop-table"] and .unknown == 1'
}

@test "notes are shown on demand and fail nothing" {
  up 20260102000000_note <<< 'ALTER TABLE customer ADD COLUMN note text;'
  run_keel migrate lint --level=note
  assert_status 0
  assert_stdout "note: waits for ACCESS EXCLUSIVE on “customer” without lock_timeout [lock-timeout]"
  run_keel migrate lint --level=nosuch
  assert_error 2 "“nosuch” is no level"
}

@test "--sarif is SARIF 2.1.0" {
  up 20260102000000_ü_x <<< 'DROP TABLE customer;'
  run_keel migrate lint --sarif
  assert_status 1
  assert_json '.version == "2.1.0" and (.runs | length) == 1
    and .runs[0].tool.driver.name == "pgkeel" and (.runs[0].tool.driver.rules | length) > 60
    and (.runs[0].results[0]
         | .ruleId == "drop-table" and .level == "warning"
           and .locations[0].physicalLocation.artifactLocation.uri
               == "migrations/20260102000000_%C3%BC_x.up.sql"
           and .locations[0].physicalLocation.region.startLine == 1)
    and (.runs[0] as $run | $run.results | all($run.tool.driver.rules[.ruleIndex].id == .ruleId))'
  run_keel migrate lint --sarif --json
  assert_error 2 "--sarif and --json"
}

@test "--fix shows the difference, writes the file, and leaves nothing to fix" {
  up 20260102000000_index << 'SQL'
-- Searches by name.
CREATE INDEX customer_name ON customer (name);
SQL
  chmod 640 migrations/20260102000000_index.up.sql
  local file=migrations/20260102000000_index.up.sql
  run_keel migrate lint "$file" --fix --dry-run
  assert_status 1
  assert_stdout "--- $file"
  assert_stdout "+-- pgkeel: no-transaction"
  assert_stdout "-CREATE INDEX customer_name"
  assert_stdout "+CREATE INDEX CONCURRENTLY customer_name"
  run grep -q CONCURRENTLY "$file"
  [ "$status" -eq 1 ]
  run_keel migrate lint "$file" --fix
  assert_stdout "+CREATE INDEX CONCURRENTLY customer_name"
  [ "$(cat "$file")" = "-- pgkeel: no-transaction
-- Searches by name.
CREATE INDEX CONCURRENTLY customer_name ON customer (name);" ]
  [ "$(stat -c %a "$file")" = 640 ]
  run_keel migrate lint "$file"
  assert_status 0
  run_keel migrate lint "$file" --fix
  assert_status 0
  refute_stdout "+++"
}

@test "--fix leaves what is not certain, and says why" {
  up 20260102000000_both << 'SQL'
ALTER TABLE customer ADD COLUMN zip text;
CREATE INDEX customer_name ON customer (name);
SQL
  local file=migrations/20260102000000_both.up.sql before
  before=$(cat "$file")
  run_keel migrate lint "$file" --fix
  assert_status 1
  assert_stderr "$file:2: not changed: it would have to leave the transaction it shares with line 1"
  [ "$(cat "$file")" = "$before" ]
  run_keel migrate lint --fix
  assert_error 2 "--fix needs the files to change"
}

@test "--fix of a file that cannot be replaced leaves it whole" {
  [ "$(id -u)" -ne 0 ] || command -v setpriv > /dev/null || fail "setpriv is missing"
  mkdir locked
  echo 'DROP INDEX customer_name;' > locked/x.sql
  chmod 555 locked
  if [ "$(id -u)" -eq 0 ]; then
    run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups \
      "$PGKEEL" migrate lint locked/x.sql --fix
  else
    run_keel migrate lint locked/x.sql --fix
  fi
  chmod 755 locked
  assert_status 5
  [ "$(cat locked/x.sql)" = 'DROP INDEX customer_name;' ]
  [ "$(ls locked)" = x.sql ]
}

@test "--locks lists every statement's locks" {
  up 20260102000000_key << 'SQL'
CREATE TABLE public.sale (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);
SELECT count(*) FROM customer;
SQL
  run_keel migrate lint migrations/20260102000000_key.up.sql --locks --json
  assert_status 0
  assert_json '[.locks[].locks[] | [.relation, .mode, .rewrite]]
               == [["customer", "SHARE ROW EXCLUSIVE", "no"], ["customer", "ACCESS SHARE", "no"]]'
  run_keel migrate lint --locks
  assert_stdout "SHARE ROW EXCLUSIVE"
}

@test "lint knows every one of 2,000 statements" {
  local i
  for i in $(seq 200); do
    cat << SQL
CREATE TABLE public.t$i (id bigint PRIMARY KEY, a text NOT NULL DEFAULT 'x', b numeric(10, 2), c jsonb);
CREATE INDEX t${i}_a ON public.t$i (a);
ALTER TABLE public.t$i ADD CONSTRAINT t${i}_b CHECK (b > 0);
ALTER TABLE public.t$i ADD COLUMN d timestamptz DEFAULT now();
COMMENT ON TABLE public.t$i IS 'number $i';
INSERT INTO public.t$i (id, a) SELECT x, x::text FROM generate_series(1, 10) x WHERE x > 3;
UPDATE public.t$i SET b = 1, c = jsonb_build_object('a', a) WHERE id IN (1, 2, 3);
CREATE FUNCTION public.f$i() RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN RETURN $i; END \$\$;
CREATE TRIGGER t$i BEFORE UPDATE ON public.t$i FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE VIEW public.v$i AS SELECT id, lower(a) AS a FROM public.t$i JOIN public.t$i USING (id);
SQL
  done > many.sql
  run_keel migrate lint many.sql --json
  assert_status 0
  assert_json '.statements == 2000 and .unknown == 0'
}
