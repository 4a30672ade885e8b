#!/usr/bin/env bats
# pgkeel restore of dumps that pgkeel did not write: SQL text, plain or gzipped, and archives of pg_dump.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # dollar quotes; set by helper.bash; each test is a subshell

load helper

setup_file ()
{
  local major
  e2e_begin
  pg_start_all
  for major in $(pg_majors); do
    pg_sql "$major" postgres "CREATE ROLE keeper"
    pg_sql "$major" postgres "CREATE DATABASE origin"
    # Data and functions with what looks like commands of psql, and is none.
    pg_sql "$major" origin "CREATE TABLE words (id int PRIMARY KEY, word text);
      INSERT INTO words SELECT i, 'word ' || i FROM generate_series (1, 3000) i;
      INSERT INTO words VALUES (0, E'\\\\connect elsewhere\\n\\\\c elsewhere\\n\\\\! true\\n;DROP DATABASE shop;\\n');
      CREATE FUNCTION odd () RETURNS text LANGUAGE sql AS \$body\$
        SELECT \$\$
\\connect elsewhere
\\! touch nothing
DROP DATABASE shop; \$\$ || E'it\\'s \\\\'
\$body\$;
      COMMENT ON TABLE words IS E'of a kind\\n\\\\c elsewhere';
      CREATE TABLE empty (); ALTER TABLE empty OWNER TO keeper"
  done
}

teardown_file () { e2e_end; }

setup () { on "$(pg_majors | head -n 1)"; }

# An empty database "shop" with one table on MAJOR, and a project.
on ()
{
  MAJOR=$1
  local name
  for name in $(databases | grep '^shop'); do sql postgres "DROP DATABASE $name"; done
  sql postgres 'CREATE DATABASE shop'
  sql shop 'CREATE TABLE old (a int)'
  project_new "project: shop
backup: {min_size: 10B}
environments:
  development: {url: \"$(pg_url "$MAJOR" shop)\"}"
  export DB_RESTORE_CONFIRM=1
  BEFORE=$(databases)
}

sql () { pg_sql "$MAJOR" "$@"; }

databases () { sql postgres 'SELECT datname FROM pg_database ORDER BY 1'; }

dump () { pg_tool "$MAJOR" pg_dump -d origin "$@"; }

plain () { pg_tool "$MAJOR" pg_dump -d "$1" | sed '/^\\\(un\)\?restrict /d'; }

assert_untouched ()
{
  [ "$(databases)" = "$BEFORE" ] || fail "databases: $(databases)"
  [ "$(sql shop "SELECT count(*) FROM pg_class WHERE relname = 'old'")" = 1 ] || fail "the old database is gone"
}

# FILE is refused or fails, with these words, and nothing is left behind.
assert_fails ()
{
  local code=$1 file=$2
  shift 2
  run_keel restore "$file"
  stderr=$(grep '^pgkeel: \|^ *detail: \|^ *hint: ' <<< "$stderr")
  assert_error "$code" "$@"
  assert_untouched
}

@test "plain, gzipped, custom, tar and directory dumps are restored, and what was not verified is said" {
  local major file
  for major in $(pg_majors); do
    on "$major"
    dump > dump.sql
    gzip -k dump.sql
    dump -Fc > dump.dump
    dump -Ft > dump.tar
    dump -Fd -f dump.dir
    dump --inserts > inserts.sql
    cp dump.dump no-such-suffix
    plain origin > wanted
    for file in dump.sql dump.sql.gz dump.dump dump.tar dump.dir inserts.sql no-such-suffix; do
      # The ways are the same everywhere.
      [ "$major" = "$(pg_majors | head -n 1)" ] || [[ $file == dump.sql.gz || $file == dump.dump ]] || continue
      run_keel restore "$PWD/$file" --to shop_copy
      assert_status 0
      assert_stdout '2 tables, about 3,001 rows came'
      assert_stdout 'NOTHING of the contents was verified'
      plain shop_copy | diff wanted - || fail "$file"
      sql postgres 'DROP DATABASE shop_copy'
    done
    run_keel restore "$PWD/dump.sql.gz" --json
    assert_status 0
    assert_json '.compared == false and .tables == 2 and (.kept | startswith("shop_before_")) and .bytes_read == 0'
    plain shop | diff wanted -
    # Of what there is nothing to compare with, a table alone or a proof is refused.
    run_keel restore "$PWD/dump.sql.gz" --table words
    assert_error 2 '--table needs a backup written by pgkeel, “dump.sql.gz” is gzipped SQL text' '--to'
    run_keel restore "$PWD/dump.dump" --in-place
    assert_error 2 '--in-place needs a backup written by pgkeel, “dump.dump” is pg_dump archive'
  done
}

@test "the plan says that nothing can be compared, and is what is done" {
  local file planned
  dump > dump.sql
  dump -Fc > dump.dump
  for file in dump.sql dump.dump; do
    run_keel restore "$PWD/$file" --dry-run
    assert_status 0
    assert_stdout 'there are no counts or digests to compare with'
    planned=$(sed -E 's/_[0-9]{8}_[0-9]{6}/_TIME/g' <<< "$output")
    assert_untouched
    run_keel restore "$PWD/$file"
    assert_status 0
    [ "$(grep -oE '^[0-9]/[0-9] .*' <<< "$stderr" | sed -E 's/_[0-9]{8}_[0-9]{6}/_TIME/g')" = "$planned" ] ||
      { show_run; fail "planned: $planned"; }
    sql shop 'CREATE TABLE old (a int)'
    BEFORE=$(databases)
  done
}

@test "damaged and cut files are refused" {
  local size
  dump | gzip > whole.sql.gz
  size=$(stat -c %s whole.sql.gz)
  head -c $((size / 2)) whole.sql.gz > cut.sql.gz
  assert_fails 1 "$PWD/cut.sql.gz" '“'"$PWD"'/cut.sql.gz” is not a whole gzip file' 'older backup'
  head -c -4 whole.sql.gz > cut.sql.gz
  assert_fails 1 "$PWD/cut.sql.gz" 'is not a whole gzip file'
  cp whole.sql.gz flipped.sql.gz
  printf XYZW | dd of=flipped.sql.gz bs=1 seek=$((size / 2)) conv=notrunc status=none
  assert_fails 1 "$PWD/flipped.sql.gz" 'is not a whole gzip file'
  dump > whole.sql
  head -n -5 whole.sql > cut.sql
  sed -i '/database dump complete/d' cut.sql
  assert_fails 1 "$PWD/cut.sql" 'was begun by pg_dump, but lacks its end' 'older backup'
  gzip -f cut.sql
  assert_fails 1 "$PWD/cut.sql.gz" 'was begun by pg_dump, but lacks its end'
  # By hand, so that only gzip knows that it is cut.
  { echo 'CREATE TABLE t (a text);'; for i in {1..3000}; do echo "INSERT INTO t VALUES ('$RANDOM $i');"; done; } | gzip > hand.sql.gz
  head -c 5000 hand.sql.gz > hand_cut.sql.gz
  assert_fails 1 "$PWD/hand_cut.sql.gz" 'is not a whole gzip file'
  dump -Fc > whole.dump
  head -c $(($(stat -c %s whole.dump) * 2 / 3)) whole.dump > cut.dump
  assert_fails 5 "$PWD/cut.dump" 'pg_restore stopped at an error in “'"$PWD"'/cut.dump”' 'Nothing was replaced'
  [ "$(jq -r 'select(.action == "restore") | .phase' .pgkeel/audit.jsonl | sort | uniq -c | awk '{ print $1 $2 }' | paste -s -d ' ')" = '7failed 7intent' ]
}

@test "an error in the middle ends it: nothing is left, nothing replaced" {
  { dump; echo 'SELECT 1 / 0;'; echo 'CREATE TABLE after (a int);'; } > bad.sql
  assert_fails 5 "$PWD/bad.sql" 'psql stopped at an error in “'"$PWD"'/bad.sql”' 'Nothing was replaced'
  [[ $stderr == *'detail: division by zero'* ]] || fail "$stderr"
  gzip bad.sql
  assert_fails 5 "$PWD/bad.sql.gz" 'psql stopped at an error'
  # A server that lacks what an archive needs.
  sql origin 'CREATE TYPE mood AS ENUM (); CREATE TABLE feels (m mood)'
  dump -Fc -t feels > feels.dump
  sql origin 'DROP TABLE feels; DROP TYPE mood'
  assert_fails 5 "$PWD/feels.dump" 'pg_restore stopped at an error'
  [[ $stderr == *'detail: type "public.mood" does not exist'* ]] || fail "$stderr"
  # \set may say what psql does anyway, but not that it should go on after errors.
  printf '%s\n' '\set ON_ERROR_STOP on' 'CREATE TABLE t (a int);' > fine.sql
  run_keel restore "$PWD/fine.sql" --to shop_fine
  assert_status 0
  sql postgres 'DROP DATABASE shop_fine'
  printf '%s\n' '\set ON_ERROR_STOP off' 'CREATE TABLE t (a int); SELECT 1 / 0;' > bad.sql
  assert_fails 3 "$PWD/bad.sql" 'has the psql command “\set”'
}

@test "roles that are missing are named with how to make them" {
  sql postgres 'CREATE ROLE "Odd Role"'
  sql origin 'CREATE TABLE odd_own (); ALTER TABLE odd_own OWNER TO "Odd Role"'
  dump > roles.sql
  dump -Fc > roles.dump
  sql origin 'DROP TABLE odd_own'
  sql postgres 'DROP ROLE "Odd Role"'
  assert_fails 5 "$PWD/roles.sql" 'psql stopped at an error' 'CREATE ROLE "Odd Role";'
  [[ $stderr == *'detail: role "Odd Role" does not exist'* ]] || fail "$stderr"
  assert_fails 5 "$PWD/roles.dump" 'pg_restore stopped at an error' 'CREATE ROLE "Odd Role";'
}

@test "what is no dump is said to be none" {
  : > empty.sql
  assert_fails 1 "$PWD/empty.sql" 'is empty (0 bytes)' 'older backup'
  : | gzip > empty.sql.gz
  assert_fails 1 "$PWD/empty.sql.gz" 'no table came of it' 'dump of a whole database'
  head -c 20000 "$PGKEEL" > program.sql
  assert_fails 2 "$PWD/program.sql" 'is neither SQL text nor an archive of pg_dump' 'Name a backup'
  head -c 20000 "$PGKEEL" | gzip > program.sql.gz
  assert_fails 2 "$PWD/program.sql.gz" 'is neither SQL text'
  echo 'Dear customer, the shop is closed.' > letter.sql
  assert_fails 5 "$PWD/letter.sql" 'psql stopped at an error'
  printf '%s\n' '-- nothing but' '/* comments, */' '   ' > comments.sql
  assert_fails 1 "$PWD/comments.sql" 'no table came of it'
  mkdir folder
  assert_fails 2 "$PWD/folder" 'is a folder, not a backup'
  { printf PGDMP; head -c 500 /dev/zero; } > fake.dump
  assert_fails 5 "$PWD/fake.dump" 'pg_restore stopped at an error'
  # Too small to be one, whatever it is.
  printf '%s\n' 'project: shop' 'backup: {min_size: 5KB}' 'environments:' "  development: {url: \"$(pg_url "$MAJOR" shop)\"}" > pgkeel.yaml
  assert_fails 1 "$PWD/letter.sql" 'counts as a failed backup' 'min_size'
}

@test "a dump does not lead out of its database" {
  # All that psql could be told is tried by the unit tests.
  local i commands=('\connect postgres' 'SELECT 1; \c postgres' '\! touch pwned' "\\echo \`touch pwned\`"
    'SELECT 1 \g |touch pwned' "SELECT 1 /* /* */ ' */; \\c postgres")
  sql postgres 'CREATE DATABASE victim'
  BEFORE=$(databases)
  for i in "${!commands[@]}"; do
    printf '%s\n' 'CREATE TABLE t (a text);' "${commands[i]}" 'CREATE TABLE trace ();' > "lead.sql"
    assert_fails 3 "$PWD/lead.sql" '“'"$PWD"'/lead.sql”'
  done
  gzip lead.sql
  assert_fails 3 "$PWD/lead.sql.gz" '“'"$PWD"'/lead.sql.gz”'
  for i in 'DROP DATABASE victim' 'drop /* */ database"victim"' 'ALTER SYSTEM SET jit = off'; do
    printf '%s\n' 'CREATE TABLE t (a text);' "$i;" > lead.sql
    assert_fails 3 "$PWD/lead.sql" 'would change more than the new database'
  done
  pg_tool "$MAJOR" pg_dump --create --clean -d origin > create.sql
  assert_fails 3 "$PWD/create.sql" 'would change more than the new database, by “DROP DATABASE”' 'make it again without'
  pg_tool "$MAJOR" pg_dumpall > all.sql
  assert_fails 3 "$PWD/all.sql" 'by “\connect”' 'pg_dumpall'
  [ "$(sql postgres "SELECT count(*) FROM pg_class WHERE relname = 'trace'")" = 0 ]
  [ ! -e pwned ]
  sql postgres 'DROP DATABASE victim'
}

@test "what only looks like a command is left alone" {
  cat > quotes.sql << 'EOF'
SET standard_conforming_strings = off;
CREATE TABLE t (a text, b text);
INSERT INTO t VALUES ('it\'s \c here', E'\'\\c there\\'), ("a"('x'), '') \; SELECT 1;
EOF
  sed -i 's/, ("a"(.x.), ..)//' quotes.sql
  cat >> quotes.sql << 'EOF'
SET standard_conforming_strings = on;
INSERT INTO t VALUES ('\', '\c'), (E'a''\'\c', U&'\0041'), ($$\c$$, $x$ $$ \c $ $x $x$);
CREATE TABLE "\c "";DROP DATABASE shop" (a int);
/* \c /* \! */ DROP DATABASE shop; */ -- \c
COPY t (a, b) FROM stdin; -- \c
\\c	DROP DATABASE shop;
';	$$
\.
copy public.t from
  STDIN;
\\.	\\c
\.
CREATE FUNCTION f () RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
\echo done
EOF
  run_keel restore "$PWD/quotes.sql"
  assert_status 0
  assert_stdout '2 tables'
  [ "$(sql shop 'SELECT count(*), max(length (a)) FROM t')" = "7|11" ] || fail "$(sql shop 'SELECT * FROM t')"
}

@test "interrupted, it leaves nothing" {
  local pid status kind
  # In the end, and with so much behind it that psql cannot be fed on.
  { dump; echo 'SELECT pg_sleep(60);'; } > slow.sql
  { dump; echo 'SELECT pg_sleep(60);'; seq -f 'SELECT %.0f;' 40000; } > slow_middle.sql
  gzip -k slow.sql
  for kind in slow.sql slow.sql.gz slow_middle.sql; do
    "$PGKEEL" restore "$PWD/$kind" > log 2>&1 3>&- &
    pid=$!
    wait_for 20 sleeps
    SECONDS=0
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 5 ] || fail "exit code $status: $(cat log)"
    grep -q interrupted log || fail "$(cat log)"
    [ "$SECONDS" -lt 10 ] || fail "it took $SECONDS s to end"
    assert_untouched
    ! pgrep -f "dbname=.*shop_restore" > /dev/null || fail "psql goes on"
  done
}

sleeps () { [ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND wait_event = 'PgSleep'")" -ge 1 ]; }
