#!/usr/bin/env bats
# The environment lock: `guard run` in front of a command, and `env check`. The ways to be wrong stand in tables: what is
# set, what is given, what comes of it. The judgement alone has its cases in tests/unit/guard/test_environment_lock.c.
# Real quotation marks; expanded later; each test is a shell of its own; bats sets status and output.
# shellcheck disable=SC1111,SC2016,SC2030,SC2031,SC2154

load helper

setup_file ()
{
  local bindir
  e2e_begin
  bindir=$(pg_bindirs | head -n 1)
  MAJOR=main
  pg_start main "$bindir"
  export MAJOR
  RUN=$E2E_ROOT/pg/main/run PORT=$(pg_port main)
  export RUN PORT
  local name
  for name in dev prod blank other; do
    pg_tool main createdb "shop_$name"
    printf -v "${name^^}" '%s' "$(pg_url main "shop_$name")"
    export "${name^^}"
  done
  pg_sql main shop_prod "CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT i, md5(i::text) FROM generate_series(1, 2000) i"
  # The stamps, a proven backup of production, and then production once more: as a dump that was restored in its
  # place, and as one that came from another cluster.
  PROJECT=$E2E_ROOT/shop
  mkdir "$PROJECT"
  cd "$PROJECT" || return
  write_project "$DEV" "$PROD"
  "$PGKEEL" -e development --yes env stamp
  "$PGKEEL" -e production env stamp --confirm shop_prod
  "$PGKEEL" -e production -q backup create --prove
  pg_tool main createdb -T shop_prod shop_dump
  pg_tool main createdb -T shop_prod shop_copy
  pg_sql main shop_copy "UPDATE pgkeel.identity SET system_identifier = '1'"
  DUMP=$(pg_url main shop_dump) COPY=$(pg_url main shop_copy)
  export DUMP COPY PROJECT
}
teardown_file () { e2e_end; }

# The project's file: development and production lead to the URLs given.
write_project ()
{
  cat > pgkeel.yaml << EOF
project: shop
backup: {min_size: 1KB, dir: $PROJECT/backups}
guard: {proof_max_age: ${3:-24h}}
environments:
  development: {url: "$1"}
  staging: {url: "\${STAGING_URL:-$DEV}", protected: true}
  production: {url: "$2", protected: true}
EOF
}

setup ()
{
  # Where CI runs, nobody is asked to be at a terminal.
  unset CI
  # They hold URLs, so pgkeel would see them.
  export -n DEV PROD BLANK OTHER DUMP COPY
  FOLDER=$(mktemp -d "$E2E_ROOT/case-XXXXXX")
  cd "$FOLDER" || return
  write_project "$DEV" "$PROD"
}

# Runs what reads as "SETTINGS | OPTIONS" and says whether it ran.
run_case ()
{
  local settings=$1 options=$2
  rm -f .env .env.* "$E2E_ROOT/ran"
  run --separate-stderr timeout --foreground "$E2E_TIMEOUT" bash -c "
    set -e
    $(declare -p DEV PROD BLANK OTHER DUMP COPY)
    $settings
    exec $PGKEEL $options -- sh -c 'echo ran > $E2E_ROOT/ran'" < /dev/null 3>&-
}

# Reads lines "what is wrong | exit code | rule | settings | options" and tries each: the command has run exactly when the
# exit code is 0, and the audit log names the rule.
check_table ()
{
  local what expected rule settings options line rules ran count=0
  while IFS='|' read -r what expected rule settings options; do
    [ -n "$what" ] || continue
    expected=${expected// /} rule=${rule// /}
    run_case "$settings" "${options:--e development guard run}"
    [ "$status" -eq "$expected" ] || { show_run; fail "$what: expected $expected, not $status"; }
    ran=3
    [ ! -e "$E2E_ROOT/ran" ] || ran=0
    [ "$ran" -eq "$expected" ] || { show_run; fail "$what: it has run, or has not, against the exit code"; }
    line=$(jq -c 'select(.action == "guard run" and .decision)' .pgkeel/audit.jsonl | tail -n 1)
    rules=$(jq -r '(.refused + .warnings)[]' <<< "$line")
    [ "$rule" = - ] || grep -qxF -- "$rule" <<< "$rules" || { show_run; fail "$what: no $rule in: $rules"; }
    [ "$rule" != - ] || [ -z "$rules" ] || { show_run; fail "$what: expected nothing to be found, but: $rules"; }
    if [ "$expected" -eq 3 ]; then
      [[ $stderr == *'pgkeel: “sh -c '*'” is not run: '* ]] || { show_run; fail "$what: no message"; }
    fi
    count=$((count + 1))
  done
  [ "$count" -ge "$1" ] || fail "only $count cases"
}

@test "development: the ways to be wrong" {
  printf '[prod]\nhost=%s\nport=%s\ndbname=shop_prod\nuser=postgres\n' "$RUN" "$PORT" > services
  mkdir backend
  check_table 25 << 'EOF'
all is right                              | 0 | -                   | export DATABASE_URL=$DEV
nothing says which database               | 0 | nothing-named       | :
a forgotten export leads to production    | 3 | tunnel              | export DATABASE_URL=$PROD
a tunnel on localhost ends in production  | 3 | tunnel              | export DATABASE_URL="postgresql://postgres@localhost/shop_prod?host=$RUN&port=$PORT"
.env leads to production                  | 3 | tunnel              | echo "DATABASE_URL=$PROD" > .env
.env.local leads to production            | 3 | tunnel              | echo "DATABASE_URL=$PROD" > .env.local
.env of the folder it is run in           | 3 | tunnel              | cd backend; echo "DATABASE_URL=$PROD" > .env
.env has production's URL behind ours     | 3 | file-says-production | export DATABASE_URL=$DEV; echo "DATABASE_URL=$PROD" > .env
.env is out of date behind ours           | 0 | stale-file          | export DATABASE_URL=$DEV; echo "DATABASE_URL=$OTHER" > .env
the same server, another database         | 3 | other-database      | export DATABASE_URL=$OTHER
PGDATABASE leads to production            | 3 | tunnel              | export PGHOST=$RUN PGPORT=$PORT PGUSER=postgres PGDATABASE=shop_prod
PGDATABASE contradicts DATABASE_URL       | 3 | contradiction       | export DATABASE_URL=$DEV PGHOST=$RUN PGPORT=$PORT PGUSER=postgres PGDATABASE=shop_other
PGSERVICE leads to production             | 3 | tunnel              | export PGSERVICEFILE=$PWD/services PGSERVICE=prod
POSTGRES_HOST contradicts DATABASE_URL    | 3 | contradiction       | export DATABASE_URL=$DEV POSTGRES_HOST=$RUN POSTGRES_PORT=$PORT POSTGRES_USER=postgres POSTGRES_DB=shop_blank
a driver's URL leads to production        | 3 | tunnel              | export SQLALCHEMY_DATABASE_URI="postgresql+asyncpg${PROD#postgresql}"
Prisma's parameters hide no production    | 3 | tunnel              | export DATABASE_URL="$PROD&schema=public&connection_limit=1"
production's settings with our database   | 3 | mode                | export DATABASE_URL=$DEV DJANGO_SETTINGS_MODULE=config.settings.production
a build for production                    | 0 | mode                | export DATABASE_URL=$DEV NODE_ENV=production 
LEDGER_ENV says production                | 3 | ledger-env          | export DATABASE_URL=$DEV LEDGER_ENV=production 
LEDGER_ENV of .env says production        | 3 | ledger-env          | export DATABASE_URL=$DEV; echo LEDGER_ENV=production > .env 
Prisma's shadow database is ours          | 3 | shadow-is-real      | export DATABASE_URL=$DEV SHADOW_DATABASE_URL=$DEV
the tests' database is production         | 3 | misnamed            | export DATABASE_URL=$DEV TEST_DATABASE_URL=$PROD
a second database is production           | 3 | tunnel              | export DATABASE_URL=$DEV ANALYTICS_DATABASE_URL=$PROD
nobody answers                            | 0 | unreachable         | export DATABASE_URL=postgresql://nobody@127.0.0.1:1/shop
nobody answers, the URL says production   | 3 | unreachable         | export DATABASE_URL=postgresql://nobody@127.0.0.1:1/shop_prod 
who answers does not let us in            | 3 | closed              | export DATABASE_URL="postgresql://nobody@/shop_dev?host=$RUN&port=$PORT"
a setting in lower case                   | 3 | tunnel              | echo "database_url=$PROD" > .env
a variable of any name                    | 3 | tunnel              | export DATABASE_URL=$DEV SHOP_STORE=$PROD
the variable holds no URL                 | 3 | unparseable-url     | export DATABASE_URL='see the wiki'
another engine                            | 0 | other-engine        | export DATABASE_URL=sqlite:///db.sqlite3
the URL is set by pgkeel                  | 0 | -                   | export DATABASE_URL=$PROD PGDATABASE=shop_prod PGSERVICE=nowhere | -e development guard run --set-url
EOF
}

@test "development's URL itself leads to the wrong database" {
  # A dump of production was restored over it; then one from another cluster; then nothing says what it is.
  write_project "$DUMP" "$PROD"
  check_table 2 << 'EOF'
a restored dump calls itself production   | 3 | tunnel              | export DATABASE_URL=$DUMP
and --set-url makes it no better          | 3 | tunnel              | : | -e development guard run --set-url
EOF
  write_project "$COPY" "$PROD"
  check_table 1 <<< 'a copy of production | 0 | copy | export DATABASE_URL=$COPY'
  write_project "$BLANK" "$BLANK"
  check_table 1 <<< 'the URL of production | 3 | shared-url | export DATABASE_URL=$BLANK'
  write_project "$BLANK" "$PROD"
  check_table 1 <<< 'no stamp at all | 0 | - | export DATABASE_URL=$BLANK'
  write_project 'postgresql://nobody@127.0.0.1:1/shop' "$PROD"
  check_table 2 << 'EOF'
what answers instead has no stamp         | 3 | not-comparable      | export DATABASE_URL=$BLANK
what answers instead is stamped so        | 0 | unreachable         | export DATABASE_URL=$DEV
EOF
}

@test "production: the ways to be wrong" {
  check_table 14 << 'EOF'
all is right                              | 0 | -                   | export DATABASE_URL=$PROD | -e production guard run --authorise production
nobody has authorised it                  | 3 | not-authorised      | export DATABASE_URL=$PROD | -e production guard run
a variable, and nobody at a terminal      | 3 | no-terminal         | export DATABASE_URL=$PROD LEDGER_ENV=production | guard run
a variable in .env authorises nobody      | 3 | not-authorised      | export DATABASE_URL=$PROD; echo LEDGER_ENV=production > .env | -e production guard run
a deployment by CI                        | 0 | -                   | export DATABASE_URL=$PROD LEDGER_ENV=production CI=true | guard run
another environment was authorised        | 3 | authorised-other    | export DATABASE_URL=$PROD | -e production guard run --authorise staging
LEDGER_ENV says development               | 3 | ledger-env          | export DATABASE_URL=$PROD LEDGER_ENV=development | -e production guard run --authorise production
a stale .env leads to development         | 3 | stamp-mismatch      | echo "DATABASE_URL=$DEV" > .env | -e production guard run --authorise production
the variable leads to a copy beside it    | 3 | other-database      | export DATABASE_URL=$COPY | -e production guard run --authorise production
nothing says which database               | 3 | nothing-named       | : | -e production guard run --authorise production
only .env.production says which           | 0 | named-by-file       | echo "DATABASE_URL=$PROD" > .env.production | -e production guard run --authorise production
anybody may write .env                    | 3 | writable-file       | export DATABASE_URL=$PROD; touch .env; chmod o+w .env | -e production guard run --authorise production
.env.local is no .env file                | 3 | unread-file         | export DATABASE_URL=$PROD; echo 'A="' > .env.local | -e production guard run --authorise production
production's URL is a default             | 3 | fallback-url        | export DATABASE_URL=$DEV | -e staging guard run --authorise staging
another engine                            | 3 | other-engine        | export DATABASE_URL=sqlite:///db.sqlite3 | -e production guard run --authorise production
development's settings                    | 3 | mode                | export DATABASE_URL=$PROD NODE_ENV=development | -e production guard run --authorise production
the URL is set by pgkeel                  | 0 | -                   | : | -e production guard run --set-url --authorise production
EOF
  write_project "$DEV" "$COPY"
  check_table 1 <<< 'a copy | 3 | copy | export DATABASE_URL=$COPY | -e production guard run --authorise production'
  write_project "$DEV" "$BLANK"
  check_table 1 <<< 'no stamp | 3 | unstamped | export DATABASE_URL=$BLANK | -e production guard run --authorise production'
}

@test "production: without a way back nothing runs" {
  # The proof is more than a second old by now, or will be.
  write_project "$DEV" "$PROD" 1s
  wait_for 60 proof_is_old
  check_table 2 << 'EOF'
the proof is too old                      | 3 | old-proof           | export DATABASE_URL=$PROD | -e production guard run --authorise production
and that is meant                         | 0 | old-proof           | export DATABASE_URL=$PROD | -e production guard run --authorise production --no-proof
EOF
  PROJECT=$FOLDER write_project "$DEV" "$PROD"
  check_table 1 <<< 'no backup | 3 | no-proof | export DATABASE_URL=$PROD | -e production guard run --authorise production'
  # A backup of another database, in the folder of production's.
  write_project "$DEV" "$DUMP"
  check_table 1 <<< 'of another | 3 | proof-of-another | export DATABASE_URL=$DUMP | -e production guard run --authorise production'
  write_project "$DEV" "$PROD"
  "$PGKEEL" -e production -q incident open 'rows have vanished'
  check_table 1 <<< 'an incident | 3 | incident | export DATABASE_URL=$PROD | -e production guard run --authorise production'
  ID=$("$PGKEEL" -e production incident list --json | jq -r '.incidents[0].id')
  check_table 1 <<< "it is named | 0 | - | export DATABASE_URL=\$PROD PGKEEL_INCIDENT=$ID | -e production guard run --authorise production"
}

proof_is_old () { [ "$("$PGKEEL" -e production env check --json | jq .lock.proof_age_seconds)" -gt 1 ]; }

@test "the command keeps its input, its output, its exit code and its end by a signal" {
  export DATABASE_URL=$DEV
  run --separate-stderr "$PGKEEL" guard run -- sh -c 'cat; echo problem >&2; exit 7' <<< 'what is piped in'
  [ "$status" -eq 7 ]
  [ "$output" = 'what is piped in' ]
  [ "$stderr" = problem ]
  # Its options are its own, with and without --.
  run_keel guard run sh -c 'echo "$@"' sh --json -e production -- --help -q
  assert_status 0
  [ "$output" = '--json -e production -- --help -q' ]
  run_keel guard run -- sh -c 'kill -TERM $$'
  assert_status 143
  run_keel guard run -- sh -c 'kill -KILL $$'
  assert_status 137
  # bats takes 127 for a mistake of the test's unless it is told to expect it.
  run -127 --separate-stderr "$PGKEEL" guard run -- no-such-program --option
  assert_error 127 'cannot run “no-such-program”: No such file or directory'
  touch plain
  run_keel guard run -- ./plain
  assert_error 126 'cannot run “./plain”: Permission denied'
  run_keel --json guard run -- true
  assert_error 2 'does not write JSON' '--dry-run'
  jq -s -e 'map(select(.action == "guard run")) | map([.phase, .exit_code, .signal]) ==
    [["intent", null, null], ["failed", 7, null], ["intent", null, null], ["done", 0, null],
     ["intent", null, null], ["failed", 143, 15], ["intent", null, null], ["failed", 137, 9],
     ["intent", null, null], ["failed", 127, null], ["intent", null, null], ["failed", 126, null]]' \
    .pgkeel/audit.jsonl
  run_keel audit verify
  assert_status 0
}

@test "at a terminal LEDGER_ENV authorises, and the command has the terminal" {
  export DATABASE_URL=$PROD LEDGER_ENV=production
  run script -qec "$PGKEEL guard run -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo has it; exit 9'" /dev/null \
    < /dev/null
  [ "$status" -eq 9 ]
  [[ $output == 'has it'* ]]
}

@test "--set-url gives the command all variables, and takes away what goes before them" {
  export PGSERVICE=nowhere PGHOSTADDR=192.0.2.1 DATABASE_URL=$PROD PGDATABASE=shop_prod
  run_keel -e development guard run --set-url -- \
    sh -c 'echo "$DATABASE_URL" "$PGDATABASE" "$PGHOST" "${PGSERVICE-none}" "${PGHOSTADDR-none}"'
  assert_status 0
  [ "$output" = "$DEV shop_dev $RUN none none" ]
  run_keel -e development guard run --set-url -- "$(pg_bindir main)/psql" -X -A -t -c 'SELECT current_database()'
  assert_status 0
  [ "$output" = shop_dev ]
}

@test "what the command names itself is looked at as well" {
  local psql
  psql=$(pg_bindir main)/psql
  export DATABASE_URL=$DEV
  run_keel guard run -- "$psql" -X -q -h "$RUN" -p "$PORT" -U postgres -d shop_prod -c 'CREATE TABLE lost (a int)'
  assert_error 3 'psql (the command): it leads to “production”'
  run_keel guard run -- sh -c "$psql -X -q '$PROD' -c 'CREATE TABLE lost (a int)'"
  assert_error 3 'a URL (the command): it leads to “production”'
  run_keel guard run -- env DATABASE_URL="$PROD" sh -c 'echo ran'
  assert_error 3 'DATABASE_URL: it leads to “production”'
  [ "$(pg_sql main shop_prod "SELECT to_regclass('public.lost') IS NULL")" = t ]
  run_keel guard run -- "$psql" -X -A -t -d "$DEV" -c 'SELECT current_database()'
  assert_status 0
  [ "$output" = shop_dev ]
}

@test "no secret is in the audit log, the messages or the verdict" {
  local words=(sh -c 'true --password=geheim1 "PASSWORD '\''geheim2'\''" postgresql://a:geheim3@h/d' --token geheim4
    PGPASSWORD=geheim5 'Authorization: Bearer geheim6')
  export DATABASE_URL=$PROD EXTRA_DATABASE_URL='postgresql://a:geheim7@127.0.0.1:1/x' DB_HOST=127.0.0.1 DB_PORT=1 \
    DB_NAME=x DB_PASSWORD=geheim8
  run_keel guard run "${words[@]}"
  assert_status 3
  refute_stderr geheim
  DATABASE_URL=$DEV run_keel guard run --dry-run "${words[@]}"
  refute_stdout geheim
  refute_stderr geheim
  DATABASE_URL=$DEV run_keel --json guard run --dry-run "${words[@]}"
  refute_stdout geheim
  run_keel env check --json
  refute_stdout geheim
  grep -q 'sh -c' .pgkeel/audit.jsonl
  [ "$(grep -c geheim .pgkeel/audit.jsonl)" -eq 0 ]
}

@test "a dry run shows what was found, runs nothing, and writes nothing down" {
  export DATABASE_URL=$PROD
  run_keel -e development guard run --dry-run touch here
  assert_error 3 '“touch here” would not be run: DATABASE_URL' 'tunnel'
  assert_stdout 'tunnel'
  run_keel --json -e production guard run --dry-run --authorise production touch here
  assert_status 0
  assert_json '.would_run and .verdict == "fine" and .agrees and .command == "touch here" and .terminal == false
    and (.proof_age_seconds >= 0) and .target.stamp == "here" and .target.stamp_environment == "production"
    and (.variables[0] | .variable == "DATABASE_URL" and .source == null and .role == "main" and .state == "reached")'
  [ ! -e here ]
  [ ! -e .pgkeel/audit.jsonl ]
}

@test "env check shows the whole comparison, and its exit code is about the places only" {
  export DATABASE_URL=$PROD
  run_keel -e production env check
  assert_status 0
  [[ $output =~ fine\ +DATABASE_URL\ +postgresql ]]
  [[ $output =~ refused\ +authorisation\ +.production.\ is\ protected ]]
  [[ $output =~ fine\ +proven\ backup\ +shop_db_backup_ ]]
  run_keel -e development env check
  assert_error 3 'they do not agree: DATABASE_URL: it leads to “production” of project “shop”' 'tunnel'
  run_keel -e development env check --json
  assert_status 3
  assert_json '.stamp.verdict == "matches" and .database == "shop_dev" and .lock.verdict == "refused"
    and (.lock.agrees | not) and .error.kind == "refused"
    and (.lock.rows | map(select(.rule == "tunnel" and .level == "refused" and .about == "place")) | length == 1)'
}

# As much of Django as manage.py asks for.
write_django ()
{
  cat > manage.py << 'EOF'
import os
import sys

if __name__ == "__main__":
    import pgkeel_lock

    pgkeel_lock.check()
    print("ran", *sys.argv[1:], "in", os.path.basename(os.getcwd()), "with", os.environ.get("DATABASE_URL", "nothing"))
    sys.exit(int(os.environ.get("EXIT", "0")))
EOF
  "$PGKEEL" init --template django --show=pgkeel_lock.py > pgkeel_lock.py
}

@test "manage.py goes through guard run once, and comes back with its own exit code" {
  local folder=${FOLDER##*/}
  write_django
  mkdir bin app
  ln -s "$PGKEEL" bin/pgkeel
  export PATH=$FOLDER/bin:$PATH DATABASE_URL=$DEV LEDGER_ENV=development
  EXIT=4 run --separate-stderr python3 manage.py migrate shop
  [ "$status" -eq 4 ]
  [ "$output" = "ran migrate shop in $folder with $DEV" ]
  [ "$(jq -s -c 'map([.phase, .exit_code])' .pgkeel/audit.jsonl)" = '[["intent",null],["failed",4]]' ]
  # From another folder, where it stays.
  run --separate-stderr env -C app python3 ../manage.py flush
  [ "$status" -eq 0 ] && [ "$output" = "ran flush in app with $DEV" ]
  DATABASE_URL=$PROD run --separate-stderr python3 manage.py migrate
  [ "$status" -eq 3 ] && [ -z "$output" ] && [[ $stderr == *'is not run: DATABASE_URL: it leads to “production”'* ]]
  # What only shows something is not asked for.
  DATABASE_URL=$PROD run --separate-stderr python3 manage.py migrate --plan
  [ "$status" -eq 0 ] && [[ $output == 'ran migrate --plan '* ]]
  # Below a guard run that was authorised it needs no word of its own, in a shell between them as well.
  export DATABASE_URL=$PROD
  unset LEDGER_ENV
  run_keel -e production guard run --authorise production -- sh -c 'LEDGER_ENV=production python3 manage.py migrate; exit $?'
  assert_status 0
  [ "$output" = "ran migrate in $folder with $PROD" ]
  # A variable in between that leads elsewhere is noticed.
  run_keel -e production guard run --authorise production -- \
    env DATABASE_URL="$DEV" sh -c 'LEDGER_ENV=production python3 manage.py migrate; exit $?'
  assert_status 3
  refute_stdout ran
}

@test "below migrate up and a rehearsal the lock in manage.py has leave" {
  write_django
  mkdir bin
  ln -s "$PGKEEL" bin/pgkeel
  export PATH=$FOLDER/bin:$PATH
  # What it does is left to psql.
  sed -i "s|print(\"ran\".*|import subprocess; subprocess.run(['$(pg_bindir main)/psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', os.environ['DATABASE_URL'], '-c', 'CREATE TABLE made (a int)'], check=True)|" manage.py
  printf 'migrations:\n  command: {up: python3 manage.py migrate}\n' >> pgkeel.yaml
  run_keel -e development --yes migrate up
  assert_status 0
  run_keel -e production --yes migrate rehearse
  assert_status 0
}
