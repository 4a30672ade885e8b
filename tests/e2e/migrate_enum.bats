#!/usr/bin/env bats
# Migrations that change enums: written from what the database has, applied, undone, and nothing else
# is different afterwards.
# shellcheck disable=SC1111 # pgkeel's messages have such quotes

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }

# An empty database “shop” of the major version $1 (default: the first), and a project for it.
new_shop ()
{
  MAJOR=${1:-$(pg_majors | head -n 1)}
  project_new "project: shop
environments:
  development: {url: \"$(pg_url "$MAJOR" shop)\"}"
  pg_sql "$MAJOR" postgres "DROP DATABASE IF EXISTS shop"
  pg_sql "$MAJOR" postgres "CREATE DATABASE shop"
  mkdir migrations
}

sql () { pg_sql "$MAJOR" shop "$1"; }
dump () { pg_tool "$MAJOR" pg_dump -d shop -N pgkeel "$@" | grep -v '^\\\(un\)\?restrict '; }

# Everything in this schema uses the type, each in its own way.
everything ()
{
  sql "DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''reader'') THEN
             CREATE ROLE reader; CREATE ROLE \"the Owner\"; END IF; END';
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO reader;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM PUBLIC;
COMMENT ON TYPE mood IS 'how it''s going';
ALTER TYPE mood OWNER TO \"the Owner\";
REVOKE USAGE ON TYPE mood FROM PUBLIC;
GRANT USAGE ON TYPE mood TO reader WITH GRANT OPTION;
CREATE DOMAIN feeling AS mood DEFAULT 'ok' NOT NULL
  CONSTRAINT not_too_much CHECK (VALUE <> 'happy');
COMMENT ON DOMAIN feeling IS 'felt';
CREATE DOMAIN feelings AS mood[] CHECK (cardinality (VALUE) < 9);

CREATE TABLE person (id integer PRIMARY KEY, name text, state mood DEFAULT 'ok' NOT NULL,
  past mood[] DEFAULT '{ok,happy}', felt feeling, all_felt feelings,
  note text DEFAULT ('ok'::mood)::text,
  CONSTRAINT cheered CHECK (state <> 'happy' OR name IS NOT NULL));
COMMENT ON COLUMN person.state IS 'now';
COMMENT ON CONSTRAINT cheered ON person IS 'why';
ALTER TABLE person ALTER past SET STORAGE EXTERNAL;
CREATE INDEX person_state ON person (state);
CREATE INDEX person_ok ON person (name) WHERE state = 'ok';
COMMENT ON INDEX person_ok IS 'the usual ones';
CREATE INDEX person_text ON person ((CASE state WHEN 'ok' THEN 1 ELSE 2 END), past);
GRANT SELECT (state) ON person TO reader;
CREATE TABLE state_name (state mood PRIMARY KEY, title text);
CREATE TABLE diary (id integer, state mood REFERENCES state_name (state) ON DELETE CASCADE,
  UNIQUE (state, id));
ALTER TABLE diary ADD EXCLUDE USING btree (id WITH =) WHERE (state = 'ok');
CREATE UNIQUE INDEX diary_first ON diary (id, coalesce (state, 'ok'));
CLUSTER diary USING diary_first;
CREATE STATISTICS diary_both ON id, state FROM diary;

CREATE TABLE event (at date, state mood DEFAULT 'ok', note text,
  CONSTRAINT event_told CHECK (state <> 'happy' OR note IS NOT NULL)) PARTITION BY RANGE (at);
CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2025-01-01');
CREATE TABLE event_new (note text, at date, state mood DEFAULT 'happy');
ALTER TABLE event_new ADD CONSTRAINT event_told CHECK (state <> 'happy' OR note IS NOT NULL);
ALTER TABLE event ATTACH PARTITION event_new FOR VALUES FROM ('2025-01-01') TO ('2030-01-01');
CREATE INDEX event_ok ON event (at) WHERE state = 'ok';
ALTER INDEX event_old_at_idx RENAME TO \"an old one\";
CREATE TABLE parent (state mood CHECK (state > 'sad' OR state IS NULL));
ALTER TABLE parent DROP CONSTRAINT parent_state_check;
CREATE TABLE child (more text) INHERITS (parent);

CREATE VIEW happy_ones AS SELECT name, state FROM person WHERE state = 'happy';
COMMENT ON VIEW happy_ones IS 'glad';
COMMENT ON COLUMN happy_ones.state IS 'always the same';
ALTER VIEW happy_ones OWNER TO \"the Owner\";
GRANT SELECT ON happy_ones TO reader, PUBLIC;
GRANT UPDATE (name) ON happy_ones TO reader;
CREATE VIEW a_over_it WITH (security_barrier = true) AS SELECT name FROM happy_ones
  WHERE state IS NOT NULL WITH LOCAL CHECK OPTION;
CREATE MATERIALIZED VIEW counted AS SELECT state, count (*) FROM person GROUP BY state;
CREATE UNIQUE INDEX counted_state ON counted (state);
CREATE VIEW twice AS SELECT a.state FROM happy_ones a, counted c WHERE a.state = c.state;
CREATE VIEW all_moods AS SELECT unnest (enum_range (NULL::mood)) AS m;
CREATE VIEW whole AS SELECT person FROM person;
CREATE MATERIALIZED VIEW not_filled AS SELECT state FROM diary WITH NO DATA;

ALTER TABLE person ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_ok ON person AS RESTRICTIVE FOR UPDATE TO reader, \"the Owner\"
  USING (state = 'ok') WITH CHECK (state <> 'happy');
CREATE POLICY seen ON person USING (state <> 'happy');
COMMENT ON POLICY only_ok ON person IS 'calm';
CREATE FUNCTION touch () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER cheer BEFORE UPDATE OF state ON person FOR EACH ROW
  WHEN (NEW.state = 'happy') EXECUTE FUNCTION touch ();
CREATE TRIGGER told AFTER INSERT ON event FOR EACH ROW WHEN (NEW.state = 'happy')
  EXECUTE FUNCTION touch ();

INSERT INTO person VALUES (1, 'Ann', 'happy', '{ok,NULL,happy}', 'ok', '{ok}'),
  (2, NULL, 'ok', NULL, 'ok', '{}');
INSERT INTO state_name VALUES ('ok', 'OK'), ('happy', 'Happy');
INSERT INTO diary VALUES (1, 'ok'), (2, NULL);
INSERT INTO event VALUES ('2021-01-01', 'ok', NULL), ('2026-01-01', 'happy', 'x');
INSERT INTO parent VALUES ('ok');
INSERT INTO child VALUES ('happy', 'more');
REFRESH MATERIALIZED VIEW counted;"
}

# Runs pgkeel, then lint must have nothing against what it wrote.
enum ()
{
  run_keel migrate enum "$@"
  assert_status 0
  assert_stdout "wrote migrations/"
  run_keel migrate lint
  # That programs have to follow a new name is said, and no fault of the file.
  [ "$1" = rename ] || assert_status 0
  assert_stdout "errors: 0, warnings: $([ "$1" = rename ] && echo 1 || echo 0)"
  assert_stdout "unknown: 0"
}

up () { run_keel migrate up --yes --no-backup; assert_status 0; }
down () { DB_MIGRATE_CONFIRM=1 run_keel migrate down --steps=1 --yes --no-backup; assert_status 0; }
labels () { sql "SELECT string_agg (enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = '$1'::regtype"; }
same () { diff -u "$1" "$2" || fail "not as before: $1 and $2"; }

@test "a value is taken out of everything that uses the type, and comes back" {
  for major in $(pg_majors); do
    new_shop "$major"
    everything
    dump > before
    enum remove mood sad
    dump > still
    same before still
    up
    [ "$(labels mood)" = "ok happy" ]
    dump > without
    sed "/^    'sad',\$/d" before | diff -u - without
    down
    [ "$(labels mood)" = "sad ok happy" ]
    dump > after
    same before after
    [ "$(sql "SELECT count (*) FROM pg_type WHERE typname LIKE '%pgkeel_old%'")" -eq 0 ]
  done
}

@test "a value is added at its place, and undoing that exchanges the type" {
  for major in $(pg_majors); do
    new_shop "$major"
    everything
    dump > before
    enum add mood meh --before=ok
    up
    [ "$(labels mood)" = "sad meh ok happy" ]
    sql "INSERT INTO parent VALUES ('meh')"
    DB_MIGRATE_CONFIRM=1 run_keel migrate down --steps=1 --yes --no-backup
    assert_error 5 "rows of table public.parent hold the value “meh” in column state"
    sql "DELETE FROM parent WHERE state = 'meh'"
    down
    dump > after
    same before after
    rm migrations/*
    enum add mood last
    up
    [ "$(labels mood)" = "sad ok happy last" ]
    enum add mood later --after=sad
    up
    [ "$(labels mood)" = "sad later ok happy last" ]
  done
}

@test "a value is renamed, there and back" {
  new_shop
  everything
  dump > before
  enum rename mood ok fine
  up
  [ "$(labels mood)" = "sad fine happy" ]
  [ "$(sql 'SELECT state FROM person WHERE id = 2')" = fine ]
  down
  dump > after
  same before after
}

@test "rows that hold the value stop it, by table, column and count, or become another one" {
  new_shop
  sql "CREATE TYPE mood AS ENUM ('sad', 'ok');
       CREATE DOMAIN felt AS mood DEFAULT 'sad';
       CREATE TABLE a (id integer PRIMARY KEY, state mood DEFAULT 'sad', past mood[], d felt);
       CREATE TABLE p (state mood) PARTITION BY HASH (state);
       DROP TABLE p;
       CREATE TABLE p (id integer REFERENCES a DEFERRABLE INITIALLY DEFERRED, state mood)
         PARTITION BY RANGE (id);
       CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (10);
       INSERT INTO a VALUES (1, 'sad', '{ok,sad,sad}'), (2, 'sad', NULL);
       INSERT INTO a VALUES (3, 'ok', '{}', 'ok');
       INSERT INTO p VALUES (1, 'sad'), (2, 'ok')"
  dump > before
  run_keel migrate enum remove mood sad
  assert_error 1 "rows hold the value “sad” of type public.mood" "--replace-with"
  assert_stderr "table public.a, column state: 2 rows"
  assert_stderr "table public.a, column past: 1 row"
  assert_stderr "table public.a, column d: 2 rows"
  assert_stderr "table public.p1, column state: 1 row"
  refute_stderr "table public.p,"
  [ -z "$(ls migrations)" ]
  enum remove mood sad --replace-with=ok
  up
  [ "$(labels mood)" = ok ]
  [ "$(sql "SELECT string_agg (state || coalesce (past::text, '-') || d, ' ' ORDER BY id) FROM a")" = \
    "ok{ok,ok,ok}ok ok-ok ok{}ok" ]
  [ "$(sql "INSERT INTO a VALUES (9) RETURNING state || ' ' || d")" = "ok ok" ]
  sql "DELETE FROM a WHERE id = 9"
  down
  dump --schema-only > after
  diff -u <(sed '/^COPY/,/^\\\.$/d' before | grep -E 'DEFAULT|ENUM|sad') \
    <(grep -E 'DEFAULT|ENUM|sad' after)
}

@test "rows that appear after it was written stop the migration, which changes nothing" {
  new_shop
  sql "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE a (state mood, past mood[])"
  enum remove mood sad
  sql "INSERT INTO a VALUES ('ok', '{sad}')"
  dump > before
  run_keel migrate up --yes --no-backup
  assert_error 5 "rows of table public.a hold the value “sad” in column past"
  dump > after
  same before after
  sql "DELETE FROM a"
  up
  [ "$(labels mood)" = ok ]
}

@test "what cannot be carried along is refused by name" {
  for major in $(pg_majors); do
    new_shop "$major"
    sql "CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE FUNCTION cheer (a mood) RETURNS mood LANGUAGE sql AS 'SELECT a';
         CREATE TABLE by_mood (state mood) PARTITION BY LIST (state);
         CREATE TYPE pair AS (a integer, b mood);
         CREATE TABLE plain (id integer, state mood);
         CREATE RULE watched AS ON INSERT TO plain WHERE NEW.state = 'ok' DO ALSO SELECT 1;
         CREATE VIEW shown AS SELECT * FROM plain;
         CREATE TRIGGER instead INSTEAD OF INSERT ON shown FOR EACH ROW
           EXECUTE FUNCTION suppress_redundant_updates_trigger ();
         CREATE CAST (mood AS integer) WITH INOUT;
         CREATE TABLE made (state mood, code integer GENERATED ALWAYS AS
           (CASE state WHEN 'ok' THEN 1 ELSE 0 END) STORED)"
    run_keel migrate enum remove mood sad
    assert_error 3 "type public.mood is used by what cannot be moved to another type safely" \
      "drops these"
    assert_stderr "function public.cheer(public.mood)"
    assert_stderr "column state is in the partition key of table public.by_mood"
    assert_stderr "column b of composite type public.pair"
    assert_stderr "generated column: default value for column code of table public.made"
    assert_stderr "rule watched on table public.plain"
    assert_stderr "trigger instead on view public.shown"
    assert_stderr "cast from public.mood to integer"
    [ -z "$(ls migrations)" ]
    # Adding needs no exchange; only its way back does.
    run_keel migrate enum add mood meh
    assert_status 0
    assert_stderr "it has no way back"
    assert_stderr "function public.cheer(public.mood)"
    [ "$(find migrations -type f | wc -l)" -eq 1 ]
    up
    [ "$(labels mood)" = "sad ok meh" ]
  done
}

@test "a value that stands in a definition is refused by name" {
  new_shop
  sql "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE a (state mood CHECK (state <> 'sad'),
         other mood DEFAULT 'sad', past mood[] DEFAULT '{sad}');
       CREATE VIEW sad_ones AS SELECT * FROM a WHERE other = 'sad'"
  run_keel migrate enum remove mood sad
  assert_error 3 "the value “sad” of type public.mood stands in definitions" "--replace-with"
  assert_stderr "constraint a_state_check of table public.a"
  assert_stderr "default of table public.a, column other"
  assert_stderr "default of table public.a, column past"
  assert_stderr "view public.sad_ones"
  run_keel migrate enum remove mood sad --replace-with=ok
  assert_error 3 "stands in definitions"
  refute_stderr "column other"
}

@test "types and values that are not there, or are already" {
  new_shop
  sql "CREATE TYPE mood AS ENUM ('sad'); CREATE SCHEMA far; CREATE TYPE far.\"My Mood\" AS ENUM ('a', 'b')"
  run_keel migrate enum add moood x
  assert_error 5 "there is no type “moood”" "schema"
  run_keel migrate enum add 'far.my mood' x
  assert_status 5
  run_keel migrate enum remove integer x
  assert_error 5 "type “integer” is no enum"
  run_keel migrate enum remove mood glad
  assert_error 5 "type public.mood has no value “glad”" "It has: sad."
  run_keel migrate enum remove mood sad
  assert_error 3 "“sad” is the last value of type public.mood" "Drop the type"
  run_keel migrate enum remove 'far."My Mood"' a --replace-with=z
  assert_error 5 'type far."My Mood" has no value “z”'
  run_keel migrate enum remove 'far."My Mood"' a --replace-with=a
  assert_error 2 "cannot replace itself"
  run_keel migrate enum rename mood sad sad
  assert_error 3 "has a value “sad” already"
  run_keel migrate enum add mood sad
  assert_error 3 "has a value “sad” already"
  run_keel migrate enum add mood x --before=y
  assert_error 5 "has no value “y”"
  run_keel migrate enum add mood x --before=sad --after=sad
  assert_error 2 "exclude each other"
  run_keel migrate enum add mood ''
  assert_error 2 "cannot be a value"
  [ -z "$(ls migrations)" ]
}

@test "names and values with quotes, capitals, blanks and backslashes, in another schema" {
  new_shop
  sql "CREATE SCHEMA \"Far \"\"away\"; SET search_path = \"Far \"\"away\";
       CREATE TYPE \"My Mood\" AS ENUM ('it''s', 'back\\slash', 'a \"b\" \$pgkeel\$', 'ok');
       CREATE DOMAIN \"D'oh\" AS \"My Mood\" CONSTRAINT \"C c\" CHECK (VALUE <> 'back\\slash');
       CREATE TABLE \"T t\" (\"C'c\" \"My Mood\" DEFAULT 'it''s', d \"D'oh\"[], e \"D'oh\");
       CREATE INDEX \"I i\" ON \"T t\" (d) WHERE \"C'c\" = 'it''s';
       CREATE VIEW \"V v\" AS SELECT * FROM \"T t\" WHERE \"C'c\" = 'ok';
       INSERT INTO \"T t\" VALUES ('ok', '{ok,NULL,\"it''s\"}', 'ok')"
  dump > before
  enum remove '"Far ""away"."My Mood"' "a \"b\" \$pgkeel\$"
  up
  down
  dump > after
  same before after
  rm migrations/*
  enum rename '"Far ""away"."My Mood"' "it's" 'It "was"'
  up
  down
  dump > after
  same before after
}

@test "files are written in the layout that is there, with both ways" {
  local layout
  new_shop
  sql "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE a (state mood)"
  for layout in golang-migrate dbmate goose diesel sqitch prisma drizzle \
    sql-migrate sql flyway; do
    rm -rf migrations
    printf '%s\n' "project: shop" "migrations: {layout: $layout, dir: migrations}" "environments:" \
      "  development: {url: \"$(pg_url "$MAJOR" shop)\"}" > pgkeel.yaml
    run_keel migrate enum remove mood sad
    assert_status 0
    up
    [ "$(labels mood)" = ok ] || fail "$layout: not applied"
    down
    [ "$(labels mood)" = "sad ok" ] || fail "$layout: not undone"
    sql "DROP SCHEMA pgkeel CASCADE"
  done
}

@test "pending migrations are applied first" {
  new_shop
  sql "CREATE TYPE mood AS ENUM ('sad', 'ok')"
  echo "CREATE TABLE a (state mood);" > migrations/20250101000001_a.up.sql
  run_keel migrate enum remove mood sad
  assert_error 3 "1 migration is pending" "migrate up"
  up
  run_keel migrate enum remove mood sad --name=no_more_sadness --json
  assert_status 0
  assert_json '.way_back and .layout == "pgkeel" and (.files | length) == 2
    and (.files[0].path | test ("no_more_sadness.up.sql$"))'
}
