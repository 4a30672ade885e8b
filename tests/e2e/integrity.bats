#!/usr/bin/env bats
# pgkeel integrity: what check, quick and report say, own rules, and that fix and undo give back every row.
# shellcheck disable=SC1111,SC2016 # real quotation marks in messages, dollar quotes in SQL

load helper

setup_file ()
{
  local bindir major
  e2e_begin
  for bindir in $(pg_bindirs); do
    major=$(pg_major_of "$bindir")
    # fsync as helper.bash sets it is a finding of its own.
    pg_start "$major" "$bindir" "fsync = on" "full_page_writes = on"
    printf '%s\n' "$major" >> "$E2E_ROOT/majors"
  done
}

teardown_file () { e2e_end; }

# A shop with what makes undoing hard: cascades, triggers that write elsewhere and touch the row,
# generated and identity columns, a json that jsonb cannot hold, arrays with bounds, minus zero, a table
# without a key that holds the same row twice.
shop_on ()
{
  MAJOR=$1
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop WITH (FORCE)"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  pg_sql "$MAJOR" shop "
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    CREATE EXTENSION amcheck;
    CREATE TABLE customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
    CREATE TABLE purchase (id int PRIMARY KEY, customer int REFERENCES customer ON DELETE CASCADE,
                           amount numeric(10,2) NOT NULL, net numeric GENERATED ALWAYS AS (amount * 0.8) STORED,
                           doc json, f float8, arr int[], touched timestamptz DEFAULT now());
    CREATE INDEX ON purchase (customer);
    CREATE TABLE item (purchase int NOT NULL REFERENCES purchase ON DELETE CASCADE, what text);
    CREATE INDEX ON item (purchase);
    CREATE TABLE journal (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text NOT NULL);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS \$\$
    BEGIN
      INSERT INTO public.journal (what) VALUES (TG_OP || ' ' || OLD.id);
      IF TG_OP = 'UPDATE' THEN NEW.touched = clock_timestamp(); RETURN NEW; END IF;
      RETURN OLD;
    END \$\$;
    CREATE TRIGGER touch BEFORE UPDATE OR DELETE ON purchase FOR EACH ROW EXECUTE FUNCTION touch();
    INSERT INTO customer (name) SELECT 'c' || i FROM generate_series(1, 50) i;
    INSERT INTO purchase (id, customer, amount, doc, f, arr)
      SELECT i, 1 + i % 50, i * 1.10, '{\"a\" : 1,  \"a\":\"\\u0000\"}', '-0', '[2:3]={1,2}' FROM generate_series(1, 500) i;
    INSERT INTO item SELECT 1 + i % 500, 'item ' || i FROM generate_series(1, 1500) i;
    INSERT INTO item SELECT 51, 'same' FROM generate_series(1, 3);
    ANALYZE"
  project_new "project: shop
backup: {min_size: 1B}
environments:
  staging: {url: \"$(pg_url "$MAJOR" shop)\"}
  production: {url: \"$(pg_url "$MAJOR" shop)\", protected: true}"
  export PGKEEL_ENV=staging TMPDIR=$PROJECT/tmp
  mkdir -m 777 "$TMPDIR"
}

setup () { shop_on "$(pg_majors | head -n 1)"; }

# Orphans under a key that the server calls valid: customers 1 and 2 are gone, 20 purchases stay.
make_orphans ()
{
  pg_sql "$MAJOR" shop "SET session_replication_role = replica; DELETE FROM customer WHERE id <= 2"
}

# rule NAME ID SEVERITY QUERY [FIX]
rule ()
{
  mkdir -p checks
  {
    printf '%s\n' "-- id: $2" "-- severity: $3" "-- category: rules" "-- why: It must not be."
    [ $# -lt 5 ] || printf '%s\n' "-- fix: $5"
    printf '%s;\n' "$4"
  } > "checks/$1.sql"
}

digests ()
{
  local table
  for table in customer purchase item journal; do
    pg_sql "$MAJOR" shop "SET extra_float_digits = 3; SELECT '$table', count(*), md5(string_agg(t::text, E'\n' ORDER BY t::text)) FROM $table t"
  done
}

fix_id () { pg_sql "$MAJOR" shop "SELECT id FROM pgkeel.integrity_fix ORDER BY fixed DESC LIMIT 1"; }

@test "a database in order passes, with all that was looked at" {
  for major in $(pg_majors); do
    shop_on "$major"
    run_keel integrity check
    assert_status 0
    assert_stdout "foreign keys 2 of 2"
    assert_stdout ", 0 UNKNOWN"
    run_keel --json integrity check
    assert_status 0
    assert_json '.passed and .counts.unknown == 0 and .counts.error == 0 and .counts.checks >= 80'
    assert_json '[.coverage[] | select(.check == "heap-corrupt")][0] | .looked_at > 60 and .looked_at == .of'
  done
}

@test "orphans under a valid key are found; errors make the exit code 1, warnings do not" {
  make_orphans
  run_keel integrity check --category=orphans
  assert_error 1 "1 finding of severity error or critical" "integrity fix"
  assert_stdout "20 of 500 rows refer to rows of public.customer that are not there"
  run_keel integrity check --check=primary-key-missing
  assert_status 0
  assert_stdout "public.item"
  assert_stdout "1 checks in"
  run_keel integrity check --check=no-such-check
  assert_error 2 "there is no check “no-such-check”"
  run_keel integrity check --category=ghosts
  assert_error 2 "there is no category “ghosts”" "orphans, rules"
  run_keel integrity check --statement-timeout=soon
  assert_error 2 "--statement-timeout must be a duration"
}

@test "what cannot be looked at is unknown, named, and no pass" {
  pg_sql "$MAJOR" shop "DROP EXTENSION amcheck; DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN;
    GRANT SELECT ON customer, purchase, journal TO reader"
  run_keel integrity check --check=heap-corrupt --check=btree-corrupt
  assert_error 1 "2 checks could not look at everything"
  assert_stdout "CREATE EXTENSION amcheck"
  # Only when it is told to does a check write.
  [ -z "$(pg_sql "$MAJOR" shop "SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")" ]
  run_keel integrity check --amcheck --check=heap-corrupt --check=btree-corrupt
  assert_status 0
  sed -i "s|postgres@/shop|reader@/shop|" pgkeel.yaml
  run_keel integrity check --check=fk-orphans
  assert_status 1
  assert_stdout "unknown: fk-orphans: public.item"
  assert_stdout "foreign keys 1 of 2"
}

@test "rules of the project: rows, names as the role finds them, a fix that must be asked for" {
  rule small small-amounts error "SELECT id, amount FROM purchase WHERE amount < 2" \
    "UPDATE purchase SET amount = 2 WHERE amount < 2"
  run_keel integrity check --check=small-amounts
  assert_status 1
  assert_stdout "1 row breaks it"
  run_keel integrity check --list
  assert_stdout "checks/small.sql"
  rule small small-amounts error "SELECT id FROM purchase WHERE amout < 2"
  run_keel integrity check --check=small-amounts
  assert_status 1
  assert_stdout "unknown: small-amounts: checks/small.sql: column \"amout\" does not exist"
  # Whatever it calls, it cannot write.
  pg_sql "$MAJOR" shop "CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO journal (what) VALUES (''x'') RETURNING 1'"
  rule small small-amounts error "SELECT sneak()"
  run_keel integrity check --check=small-amounts
  assert_status 1
  assert_stdout "cannot execute INSERT in a read-only transaction"
  [ "$(pg_sql "$MAJOR" shop "SELECT count(*) FROM journal")" -eq 0 ]
}

@test "a rule with a mistake is refused with file and line before anything runs" {
  mkdir checks
  bad ()
  {
    printf '%s\n' "$1" > checks/bad.sql
    run_keel integrity check
    assert_error 2 "$2"
    [ -z "$output" ] || fail "something was run"
  }
  bad $'-- id: x\n-- severity: grave\n-- category: rules\n-- why: y\nSELECT 1' "checks/bad.sql:2: “grave” is no severity"
  bad $'-- id: x\n-- severity: error\n-- why: y\nSELECT 1' "checks/bad.sql:1: the rule's head says no “category”"
  bad $'-- id: x\n-- severity: error\n-- category: rules\n-- why: y\n-- reason: z\nSELECT 1' \
    "checks/bad.sql:5: unknown line “reason”"
  bad $'-- id: x\n-- severity: error\n-- category: rules\n-- why: y\nDELETE FROM purchase' \
    "checks/bad.sql:5: the rule's statement is not a query"
  bad $'-- id: x\n-- severity: error\n-- category: rules\n-- why: y\nWITH d AS (DELETE FROM item RETURNING 1) SELECT * FROM d' \
    "the rule's query changes or locks rows"
  bad $'-- id: x\n-- severity: error\n-- category: rules\n-- why: y\nSELECT 1;\nSELECT 2' \
    "checks/bad.sql:6: the rule has more than one statement"
  bad $'-- id: x\n-- severity: error\n-- category: rules\n-- why: y\nSELECT\n  FROM WHERE' "checks/bad.sql:6: "
  bad $'-- id: fk-orphans\n-- severity: error\n-- category: rules\n-- why: y\nSELECT 1' \
    "“fk-orphans” is the id of a check that pgkeel brings"
}

@test "quick says what its budget left out, and the next run begins with that" {
  local state=.pgkeel/integrity/staging/quick.json
  # Longer than any budget: a statement is cut off when the budget ends.
  rule slow slow-rule critical "SELECT 1 WHERE pg_sleep(100)::text = 'x'"
  run_keel integrity quick --budget=2s
  assert_stdout "the budget left out"
  assert_stdout "slow-rule"
  refute_stdout "unknown: slow-rule"
  [ -f "$state" ]
  rule slow slow-rule critical "SELECT 1 WHERE false"
  run_keel integrity quick --budget=100s
  assert_status 0
  assert_stderr "that the last run left out"
  refute_stdout "left out"
  [ ! -e "$state" ]
  run_keel --json integrity quick --budget=100s
  assert_status 0
  assert_json '.mode == "quick" and .counts.left_out == 0 and ([.coverage[].check] | index("slow-rule"))'
}

browser ()
{
  local program
  program=$(command -v chromium-headless-shell chromium chromium-browser | head -n 1)
  # Without a session bus and as root, as tests run.
  "$program" --headless --no-sandbox --disable-gpu --user-data-dir="$PROJECT/browser" "$@" 2> /dev/null
}

@test "the report as JSON and page: samples, trend, and a browser that runs nothing of it" {
  local page
  make_orphans
  pg_sql "$MAJOR" shop "UPDATE customer SET name = '</script><script>document.title=\"owned\"</script><img src=x onerror=alert(1)>' WHERE id = 3;
    UPDATE customer SET name = U&'\202Eevil' || U&'\05D0\05D1' WHERE id = 4"
  rule names odd-names warning "SELECT id, name FROM customer WHERE id IN (3, 4)"
  run_keel integrity report --html=page.html
  assert_status 1
  assert_stdout "this is the first report"
  [ "$(stat -c %a page.html)" = 600 ]
  run browser --dump-dom "file://$PWD/page.html"
  [ "$status" -eq 0 ]
  page=$output
  [[ $page == *'id="verdict"'*'Data is damaged or in danger'* ]]
  [[ $page == *'<title>Integrity report</title>'* ]]
  [[ $page != *'<script'* && $page != *'<img'* ]]
  [[ $page == *'&lt;/script&gt;&lt;script&gt;document.title='* ]]
  [[ $page == *'U+202E</span>evil'* ]]
  [[ $page == *'public.purchase.customer'*'Query that shows all of it'*'DELETE FROM ONLY'* ]]
  [[ $page == *'foreign keys 2 of 2'* ]]
  # It is drawn, and the dark one is another picture.
  browser --window-size=900,1200 --screenshot=light.png "file://$PWD/page.html"
  browser --window-size=900,1200 --blink-settings=preferredColorScheme=0 --screenshot=dark.png \
    "file://$PWD/page.html"
  [ "$(stat -c %s light.png)" -gt 20000 ]
  [ "$(stat -c %s dark.png)" -gt 20000 ]
  run ! cmp -s light.png dark.png

  pg_sql "$MAJOR" shop "SET session_replication_role = replica; DELETE FROM purchase WHERE customer <= 2;
    DELETE FROM item WHERE purchase NOT IN (SELECT id FROM purchase);
    CREATE TABLE fresh (a int); INSERT INTO item VALUES (1000000, 'lost')"
  # Reports are named by the second.
  wait_for 20 test "$(date -u +%Y%m%d_%H%M%S).json" '>' "$(basename .pgkeel/integrity/staging/*.json)"
  run_keel --json integrity report --html=second.html
  assert_status 1
  assert_json '[.trend.gone[] | .object] == ["public.purchase.customer"]'
  assert_json '[.trend.new[] | .object] | contains(["public.fresh", "public.item.purchase"])'
  assert_json '[.findings[] | select(.check == "fk-orphans")][0] | .sample[0].what == "lost" and .is_new and .rows == 1'
  grep -q '2 new, 1 gone' second.html || grep -q '3 new, 1 gone' second.html
  run_keel integrity report --last --html=again.html
  assert_status 0
  cmp second.html again.html
  run_keel --json integrity report --no-samples
  assert_json '[.findings[] | select(has("sample"))] == []'
}

@test "aggregates that pgkeel.yaml declares: drift is found, fixed, undone" {
  local before
  pg_sql "$MAJOR" shop "ALTER TABLE customer ADD spent numeric, ADD last timestamptz;
    UPDATE customer c SET spent = s.spent, last = s.last FROM (SELECT customer, sum(amount) FILTER (WHERE f <= 0 AND id < 500 OR id = 500)
      AS spent, max(touched) AS last FROM purchase GROUP BY 1) s WHERE s.customer = c.id"
  cat >> pgkeel.yaml << 'YAML'
integrity:
  aggregates:
    - {parent: customer, column: spent, child: purchase, expression: sum(amount), filter: f <= 0 AND id < 500 OR id = 500}
    - {parent: public.customer, column: last, child: public.purchase, child_key: customer, parent_key: id, expression: max(c.touched)}
YAML
  run_keel integrity check --check=aggregate-declared
  assert_status 0
  assert_stdout "declared aggregates 2 of 2"
  pg_sql "$MAJOR" shop "UPDATE customer SET spent = spent + 1, last = NULL WHERE id = 7; UPDATE customer SET spent = NULL WHERE id = 8"
  before=$(pg_sql "$MAJOR" shop "SELECT * FROM customer ORDER BY id")
  run_keel --json integrity check --check=aggregate-declared
  assert_status 1
  assert_json '[.findings[] | {object, rows, inferred}] == [{object: "public.customer.last", rows: 1, inferred: false},
    {object: "public.customer.spent", rows: 2, inferred: false}]'
  run_keel --yes integrity fix aggregate-declared
  assert_status 0
  [ "$(pg_sql "$MAJOR" shop "SELECT count(*) FROM customer WHERE spent IS NULL OR last IS NULL")" -eq 0 ]
  run_keel integrity check --check=aggregate-declared
  assert_status 0
  run_keel --yes integrity undo "$(fix_id)"
  assert_status 0
  [ "$(pg_sql "$MAJOR" shop "SELECT * FROM customer ORDER BY id")" = "$before" ]
  # A declaration that does not fit the database is UNKNOWN, one that is no expression is refused at its place.
  sed -i 's/column: spent/column: spend/' pgkeel.yaml
  run_keel integrity check --check=aggregate-declared
  assert_error 1 "1 finding of severity error or critical"
  assert_stdout "unknown: aggregate-declared: customer.spend: the parent has no such column"
  sed -i 's/sum(amount)/sum(amount) FROM purchase/' pgkeel.yaml
  run_keel integrity check --check=aggregate-declared
  assert_error 2 "pgkeel.yaml:8:70: “expression” cannot be read" "Write one expression of SQL"
}

@test "what pgkeel.yaml ignores is counted and shown, and has no say; a pattern that matches nothing is told" {
  make_orphans
  pg_sql "$MAJOR" shop "CREATE TABLE keyless (a int); REVOKE ALL ON keyless FROM PUBLIC; CREATE EXTENSION postgres_fdw;
    CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE abroad (id int CHECK (id > 0)) SERVER far"
  run_keel integrity check
  assert_error 1 "finding"
  assert_stdout "unknown: check-violated"
  cat >> pgkeel.yaml << 'YAML'
integrity:
  ignore:
    - fk-orphans:public.purchase.*
    - "*:public.keyless"
    - check-violated:public.abroad*
    - index-unused:public.gone_*
YAML
  run_keel integrity check
  assert_status 0
  refute_stdout "20 of 500 rows"
  refute_stdout "public.keyless"
  assert_stdout "ignored by pgkeel.yaml: 2 findings and 1 UNKNOWN of 3 patterns"
  assert_stdout "ignored by pgkeel.yaml: “index-unused:public.gone_*” (pgkeel.yaml:11:7) matches nothing: remove it"
  assert_stdout ", 0 UNKNOWN"
  # A run of some checks cannot tell that a pattern matches nothing.
  run_keel integrity check --category=orphans
  assert_status 0
  assert_stdout "ignored by pgkeel.yaml: 1 finding of 1 pattern"
  refute_stdout "matches nothing"
  run_keel --json integrity report --html=page.html
  assert_status 0
  assert_json '.passed and .ignored.unknown == 1 and ([.ignored.findings[].check] | sort) == ["fk-orphans", "primary-key-missing"]'
  assert_json '[.ignored.patterns[] | [.findings, .unknown, .unused]] == [[1,0,false],[1,0,false],[0,1,false],[0,0,true]]'
  grep -q 'id="ignored">2 findings and 1 UNKNOWN of 3 patterns' page.html
  grep -q 'index-unused:public.gone_\*</bdi></code>: 0, matches nothing any more' page.html
  run_keel integrity fix fk-orphans --dry-run
  assert_status 0
  refute_stdout "DELETE FROM"
  sed -i 's/fk-orphans:/fk-orphan:/' pgkeel.yaml
  run_keel integrity check
  assert_error 2 "pgkeel.yaml:8:7: there is no check “fk-orphan”" "Did you mean “fk-orphans”?"
}

@test "fix and undo give back identical tables, on every major, whatever cascades and triggers do" {
  local before after
  for major in $(pg_majors); do
    shop_on "$major"
    make_orphans
    rule small small-amounts error "SELECT id, amount FROM purchase WHERE amount < 80" \
      "UPDATE purchase SET amount = 80 WHERE amount < 80"
    before=$(digests)
    run_keel --yes integrity fix fk-orphans small-amounts
    assert_status 0
    assert_stdout "2 findings put right and checked again"
    assert_stdout "public.item: 0 inserted, 0 updated, 63 deleted"
    assert_stdout "public.purchase: 0 inserted, 69 updated, 20 deleted"
    after=$(digests)
    [ "$before" != "$after" ]
    run_keel integrity check --check=fk-orphans --check=small-amounts
    assert_status 0
    # Nothing of the watching is left.
    [ -z "$(pg_sql "$MAJOR" shop "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'pgkeel%'")" ]
    [ "$(pg_sql "$MAJOR" shop "SELECT count(*) FROM pgkeel.quarantine WHERE check_id = 'fk-orphans' AND operation = 'delete' AND table_name = 'item' AND before ->> 'what' LIKE 'item%' AND place IS NOT NULL")" -eq 60 ]

    run_keel --yes integrity undo "$(fix_id)"
    assert_status 0
    [ "$(digests)" = "$before" ] || fail "the tables differ: $before / $(digests)"
    run_keel --yes integrity undo "$(fix_id)"
    assert_error 1 "was undone already"
    # The triggers fire as before.
    pg_sql "$MAJOR" shop "UPDATE purchase SET amount = 1 WHERE id = 500"
    [ "$(pg_sql "$MAJOR" shop "SELECT what FROM journal")" = "UPDATE 500" ]
  done
}

@test "undo refuses when a row was changed since, and changes nothing" {
  local before
  rule small small-amounts error "SELECT id FROM purchase WHERE amount < 80" \
    "UPDATE purchase SET amount = 80 WHERE amount < 80"
  run_keel --yes integrity fix small-amounts
  assert_status 0
  pg_sql "$MAJOR" shop "UPDATE purchase SET amount = 81 WHERE id = 7"
  before=$(digests)
  run_keel --yes integrity undo "$(fix_id)"
  assert_error 1 "1 of 72 rows of “public.purchase” are no longer as the fix left them" "pgkeel.quarantine"
  [ "$(digests)" = "$before" ]
  run_keel --yes integrity undo fix_20200101_000000
  assert_error 5 "there is no fix “fix_20200101_000000”"
}

@test "a row that one fix changes twice, rows without a key, and rows that are inserted come back" {
  local before
  rule twice twice error "SELECT 1 FROM purchase WHERE id = 9 AND amount <> 99" \
    "UPDATE purchase SET amount = 98 WHERE id = 9; UPDATE purchase SET amount = 99 WHERE id = 9; DELETE FROM purchase WHERE id = 10"
  rule same same error "SELECT 1 FROM item WHERE what = 'same' HAVING count(*) <> 1" \
    "DELETE FROM item WHERE ctid IN (SELECT ctid FROM item WHERE what = 'same' OFFSET 1); UPDATE item SET what = 'other' WHERE what = 'item 3'; INSERT INTO item VALUES (1, 'new'), (1, 'new')"
  before=$(digests)
  run_keel --yes integrity fix twice same
  assert_status 0
  run_keel --yes integrity undo --dry-run "$(fix_id)"
  assert_status 0
  [ "$(digests)" != "$before" ]
  run_keel --yes integrity undo "$(fix_id)"
  assert_status 0
  [ "$(digests)" = "$before" ] || fail "the tables differ"
}

@test "a fix that does not fix is rolled back, and so is one that fails" {
  local before
  rule small small-amounts error "SELECT id FROM purchase WHERE amount < 2" \
    "UPDATE purchase SET amount = 1.5 WHERE amount < 2"
  before=$(digests)
  run_keel --yes integrity fix small-amounts
  assert_error 5 "nothing was changed: small-amounts of checks/small.sql is still there after its fix" 
  [ "$(digests)" = "$before" ]
  rule small small-amounts error "SELECT id FROM purchase WHERE amount < 2" \
    "UPDATE purchase SET amount = 2 WHERE amount < 2; UPDATE purchase SET amount = NULL"
  run_keel --yes integrity fix small-amounts
  assert_error 5 "nothing was changed: the fix of small-amounts"
  [ "$(digests)" = "$before" ]
  [ -z "$(pg_sql "$MAJOR" shop "SELECT to_regclass('pgkeel.quarantine')")" ]
  run_keel --json audit log
  assert_json '[.entries[] | select(.action == "integrity fix") | .phase] | contains(["intent", "failed"])'
}

@test "only safe fixes run unasked; a dry run changes nothing; the guards hold" {
  local before
  make_orphans
  rule small small-amounts error "SELECT id FROM purchase WHERE amount BETWEEN 3 AND 4" \
    "UPDATE purchase SET amount = 5 WHERE amount BETWEEN 3 AND 4"
  before=$(digests)
  run_keel integrity fix --dry-run
  assert_status 0
  assert_stdout 'DELETE FROM ONLY "public"."purchase"'
  assert_stdout "(rows: 20)"
  assert_stdout "not applied: it is not marked safe"
  [ ! -d backups ]
  run_keel integrity fix < /dev/null
  assert_error 3 "there is no terminal to confirm on" "--yes"
  PGKEEL_ENV=production run_keel -e production --yes integrity fix < /dev/null
  assert_error 3 "there is no terminal to confirm on" "give --confirm=shop, or set DB_FIX_CONFIRM=1"
  [ "$(digests)" = "$before" ]
  PGKEEL_ENV=production DB_FIX_CONFIRM=1 run_keel -e production integrity fix
  assert_status 0
  [ "$(pg_sql "$MAJOR" shop "SELECT count(*) FROM purchase WHERE amount BETWEEN 3 AND 4")" -eq 1 ]
  [ "$(pg_sql "$MAJOR" shop "SELECT environment FROM pgkeel.integrity_fix")" = production ]
}

@test "an open incident stops fix and undo, and a dry run goes on" {
  local fix id before
  rule small small-amounts error "SELECT id FROM purchase WHERE amount < 2" \
    "UPDATE purchase SET amount = 2 WHERE amount < 2"
  run_keel --yes integrity fix small-amounts --json
  assert_status 0
  fix=$(jq -r .fix <<< "$output")
  pg_sql "$MAJOR" shop "UPDATE purchase SET amount = 1 WHERE id = 40"
  before=$(digests)
  run_keel incident open 'rows vanished' --json
  id=$(jq -r .id <<< "$output")
  run_keel --yes integrity fix small-amounts
  assert_error 3 "while the incident $id is open" "PGKEEL_INCIDENT=$id"
  run_keel --yes integrity undo "$fix"
  assert_error 3 "while the incident $id is open" "PGKEEL_INCIDENT=$id"
  [ "$(digests)" = "$before" ]
  run_keel audit log --action integrity --json
  assert_json '[.entries[] | select(.phase == "refused") | .action] == ["integrity fix", "integrity undo"]'
  run_keel integrity fix small-amounts --dry-run
  assert_status 0
  run_keel incident close "$id" --reason 'found again'
  assert_status 0
  run_keel --yes integrity fix small-amounts
  assert_status 0
}

@test "a proven backup that is young enough is not made again" {
  rule small small-amounts error "SELECT id FROM purchase WHERE amount < 2" \
    "UPDATE purchase SET amount = 2 WHERE amount < 2"
  run_keel backup create --prove
  assert_status 0
  run_keel --yes integrity fix small-amounts
  assert_status 0
  assert_stderr "is young enough"
  [ "$(find backups -name '*.sql.gz' | wc -l)" -eq 1 ]
}

@test "sequences come back, and stay when they were used since" {
  pg_sql "$MAJOR" shop "CREATE TABLE ticket (id serial PRIMARY KEY); INSERT INTO ticket SELECT generate_series(1, 40); ANALYZE ticket"
  run_keel --yes integrity fix sequence-behind
  assert_status 0
  [ "$(pg_sql "$MAJOR" shop "SELECT nextval('ticket_id_seq')")" -eq 41 ]
  run_keel --yes integrity undo "$(fix_id)"
  assert_status 0
  assert_stdout "left where it is, as it was used since: sequence public.ticket_id_seq"
  pg_sql "$MAJOR" shop "SELECT setval('ticket_id_seq', 3)"
  run_keel --yes integrity fix sequence-behind
  run_keel --yes integrity undo "$(fix_id)"
  assert_status 0
  assert_stdout "1 sequences stand where they stood"
  [ "$(pg_sql "$MAJOR" shop "SELECT nextval('ticket_id_seq')")" -eq 4 ]
}

@test "an owner who is no superuser fixes and undoes, as far as keys allow" {
  local before
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS owned WITH (FORCE)"
  pg_sql "$MAJOR" postgres "DROP ROLE IF EXISTS keeper; CREATE ROLE keeper LOGIN"
  pg_sql "$MAJOR" postgres "CREATE DATABASE owned OWNER keeper"
  pg_tool "$MAJOR" psql -X -q -v ON_ERROR_STOP=1 -U keeper -d owned -c "
    CREATE SCHEMA app; CREATE TABLE app.parent (id int PRIMARY KEY, v int, seen int DEFAULT 0);
    CREATE FUNCTION app.bump() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN NEW.seen = NEW.seen + 1; RETURN NEW; END \$\$;
    CREATE TRIGGER bump BEFORE UPDATE ON app.parent FOR EACH ROW EXECUTE FUNCTION app.bump();
    INSERT INTO app.parent SELECT i, i FROM generate_series(1, 20) i"
  printf '%s\n' 'project: shop' 'backup: {min_size: 1B}' 'environments:' \
    "  staging: {url: \"$(pg_url "$MAJOR" owned keeper)\"}" > pgkeel.yaml
  rule v small-v error "SELECT id FROM app.parent WHERE v < 5" "UPDATE app.parent SET v = 5 WHERE v < 5"
  before=$(pg_sql "$MAJOR" owned "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM app.parent t")
  run_keel --yes integrity fix small-v
  assert_status 0
  [ "$(pg_sql "$MAJOR" owned "SELECT sum(seen) FROM app.parent")" -eq 4 ]
  run_keel --yes integrity undo "$(pg_sql "$MAJOR" owned "SELECT id FROM pgkeel.integrity_fix")"
  assert_status 0
  [ "$(pg_sql "$MAJOR" owned "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM app.parent t")" = "$before" ]
}

@test "a proof runs the checks too, and says what it found without failing for it" {
  rule small small-amounts error "SELECT id FROM purchase WHERE amount < 2"
  run_keel backup create --prove
  assert_status 0
  assert_stderr "1 finding of severity error"
  jq -e '.passed and .inspection.mode == "proof" and ([.inspection.findings[].check] | index("small-amounts"))' \
    backups/staging/*.proof.json > /dev/null
}
