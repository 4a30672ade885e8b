#!/usr/bin/env bats
# The messages hold typographic quotes; what is in single quotes is for other programs to expand.
# shellcheck disable=SC1111,SC2016
# pgkeel init --template: what is written is run: every target of the Makefiles, every script of package.json,
# the lock in manage.py. Only Docker is a stand-in here, which writes down what it is asked; the compose files
# themselves are read by docker-compose.

load helper

TEMPLATES=(django node fastapi plain)

setup_file ()
{
  e2e_begin
  # The database of a development container: a server on a port of 127.0.0.1, with the names of .env.dev.
  TCP_PORT=$(free_port)
  export TCP_PORT
  pg_start tcp "$(pg_bindirs | head -n 1)" "listen_addresses = '127.0.0.1'" "port = $TCP_PORT" "fsync = on"
  mkdir "$E2E_ROOT/bin" "$E2E_ROOT/stub"
  ln -s "$PGKEEL" "$E2E_ROOT/bin/pgkeel"
  write_docker > "$E2E_ROOT/bin/docker"
  chmod +x "$E2E_ROOT/bin/docker"
  write_django
}

teardown_file () { e2e_end; }

setup ()
{
  project_new
  rm pgkeel.yaml
  PATH=$E2E_ROOT/bin:$PATH
  DOCKER_LOG=$PROJECT.docker
  export DOCKER_LOG PYTHONDONTWRITEBYTECODE=1
}

free_port ()
{
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Says that every volume is there and protected, but where DOCKER_EMPTY is set, and takes everything else.
write_docker ()
{
  printf '%s\n' '#!/bin/sh' 'printf "%s\n" "$*" >> "$DOCKER_LOG"' \
    'case $* in "volume inspect "*) [ -z "$DOCKER_EMPTY" ] || exit 1; echo true ;; esac'
}

# As much of Django as manage.py asks for.
write_django ()
{
  mkdir -p "$E2E_ROOT/stub/django/core"
  touch "$E2E_ROOT/stub/django/__init__.py" "$E2E_ROOT/stub/django/core/__init__.py"
  printf '%s\n' 'def execute_from_command_line(argv):' '    print("ran", *argv[1:])' \
    > "$E2E_ROOT/stub/django/core/management.py"
}

# manage.py as django-admin startproject writes it.
write_manage ()
{
  cat > manage.py << 'EOF'
#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""
import os
import sys


def main():
    """Run administrative tasks."""
    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')
    try:
        from django.core.management import execute_from_command_line
    except ImportError as exc:
        raise ImportError("Couldn't import Django.") from exc
    execute_from_command_line(sys.argv)


if __name__ == '__main__':
    main()
EOF
  chmod 755 manage.py
}

# A table with rows enough that a backup of it is one.
write_migration ()
{
  mkdir -p migrations
  printf '%s\n' 'CREATE TABLE account (id int PRIMARY KEY, secret text NOT NULL);' \
    'INSERT INTO account SELECT i, md5(i::text) FROM generate_series(1, 2000) i;' \
    > migrations/20250101000000_accounts.up.sql
  printf '%s\n' 'DROP TABLE account;' > migrations/20250101000000_accounts.down.sql
}

# Every file with its digest and mode, links as links.
snapshot ()
{
  find . -path ./.pgkeel -prune -o \( -type f -o -type l -o -type d \) -printf '%P %y %m %l\n' | sort
  find . -path ./.pgkeel -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum
}

# docker-compose 1 does not know `name:` yet.
assert_compose_reads ()
{
  sed '/^name:/d' "$1" > "checked-$1"
  docker-compose --env-file "$2" -f "checked-$1" config > "$1.read" 2> "$1.errors" ||
    { cat "$1.errors"; fail "docker-compose does not take $1"; }
  rm "checked-$1"
}

@test "every template begins in an empty folder, and a second run writes nothing" {
  local template before
  for template in "${TEMPLATES[@]}"; do
    mkdir "$template"
    cd "$template"
    run_keel init --template "$template" --name Ledger-Flow
    assert_status 0
    assert_stdout 'wrote  pgkeel.yaml'
    [ -z "$(find . -name '.pgkeel-init-*')" ]
    [ "$(stat -c %a pgkeel.yaml)" = 644 ]
    before=$(snapshot; stat -c '%n %Y %i' ./*)
    run_keel init --template "$template" --json
    assert_status 0
    assert_json '.template == "'"$template"'" and .project == "Ledger-Flow" and .applied and
      all(.files[]; .action == "unchanged" or (.path == "manage.py" and .action == "left"))'
    [ "$(snapshot; stat -c '%n %Y %i' ./*)" = "$before" ]
    run_keel init --template "$template"
    assert_stdout 'nothing to write'
    run_keel init --template "$template" --diff
    [ -z "$output" ]
    run_keel -e testing config check
    assert_status 0
    if [ -f Makefile ]; then make --no-print-directory env-files; else cp .env.example .env.dev; fi
    printf 'POSTGRES_PASSWORD=x\n' >> .env.dev
    run_keel config check
    assert_status 0
    cd "$PROJECT"
  done
}

@test "the compose files are sound: labels, names, ports, networks" {
  local template stack file
  for template in "${TEMPLATES[@]}"; do
    mkdir "$template"
    cd "$template"
    "$PGKEEL" init --template "$template" --name shop > init.log
    printf '%s=x\n' POSTGRES_PASSWORD SECRET_KEY SITE_ADDRESS SEARXNG_SECRET > .env.dev
    for file in compose.*.yml; do
      assert_compose_reads "$file" .env.dev
      [ "$(sed -n 's/^name: //p' "$file")" = "shop-$(cut -d . -f 2 <<< "$file")" ]
      # Only Caddy is open to others than this machine.
      run grep -E '^ +- "?[0-9]+:[0-9]+"?$' "$file"
      [[ $file = compose.prod.yml && $template != plain && $output = *'"80:80"'* && ${#lines[@]} -eq 2 ]] ||
        [ -z "$output" ] || fail "$template/$file opens ports: $output"
    done
    for stack in dev prod; do
      grep -q 'image: postgres:17.4' "compose.$stack.yml.read"
      grep -q 'pg_isready --username=' "compose.$stack.yml.read"
      grep -A 3 '^  postgres:' "compose.$stack.yml.read" | grep -q "name: shop-$stack-postgres"
      grep -A 3 '^  postgres:' "compose.$stack.yml.read" | grep -q 'external: true'
    done
    grep -q 'adminer' compose.dev.yml.read
    run ! grep -q 'adminer' compose.prod.yml.read
    [ "$template" = plain ] || grep -q 'image: redis:7.2' compose.prod.yml.read
    # What is in the one is not in the other.
    run grep -Fxf <(grep -h 'name: shop' compose.prod.yml.read) <(grep -h 'name: shop' compose.dev.yml.read)
    [ "$status" -eq 1 ]
    cd "$PROJECT"
  done
  cd django
  grep -q 'published: 9001' compose.dev.yml.read || grep -q '127.0.0.1:9001:9001' compose.dev.yml.read
  grep -q '127.0.0.1:8082:8080' compose.dev.yml.read
  grep -q '127.0.0.1:8080:8080' compose.search.yml.read
  run ! grep -qE 'postgres|shop-(dev|prod)' compose.search.yml.read
  jq -e '.name == "shop" and .private' ../node/package.json
}

@test "what is there is left; --diff is a patch that does what the command does" {
  write_manage
  printf 'all:\n\ttrue\n' > Makefile
  printf 'node_modules/\n.env' > .gitignore
  mkdir checks
  local before
  before=$(snapshot)
  run_keel init --template django --name shop --dry-run
  assert_status 0
  assert_stdout 'would write   compose.dev.yml'
  assert_stdout 'would add to  .gitignore'
  assert_stdout 'not added to  manage.py (--merge does, --diff shows what)'
  assert_stdout 'left          Makefile (is there already, and differs from the template'
  assert_stdout 'left          checks/README.md (not needed: “checks” is there)'
  run_keel init --template django --name shop --merge --diff
  assert_status 0
  [ "$(snapshot)" = "$before" ]
  cp -a . "$PROJECT.patched"
  printf '%s\n' "$output" > "$PROJECT.patch"
  (cd "$PROJECT.patched" && git apply "$PROJECT.patch")
  run_keel init --template django --name shop --merge --json
  assert_status 0
  assert_json '[.files[] | select(.action == "left").path] == ["Makefile", "checks/README.md"]'
  assert_json '[.files[] | select(.action == "add").path] == [".gitignore", "manage.py"]'
  diff -r . "$PROJECT.patched"
  [ "$(stat -c %a manage.py)" = 755 ]
  [ "$(cat Makefile)" = $'all:\n\ttrue' ]
  [ "$(head -n 2 .gitignore)" = $'node_modules/\n.env' ]
  before=$(snapshot)
  run_keel init --template django --merge
  assert_stdout 'nothing to write'
  [ "$(snapshot)" = "$before" ]
  run_keel init --template django --show Makefile
  assert_status 0
  assert_stdout 'nuke: ##'
  run_keel init --template plain --show Dockerfile
  assert_error 2 'the template plain makes no file “Dockerfile”' '--dry-run lists the files'
}

@test "scripts are added to a package.json, which keeps its own" {
  printf '{\n    "name": "mine",\n    "scripts": {\n        "test": "jest",\n        "db:start": "my own"\n    }\n}\n' \
    > package.json
  cp package.json before.json
  run_keel init --template node
  assert_status 0
  assert_stdout 'not added to  package.json (has its own: db:start)'
  cmp package.json before.json
  run_keel init --template node --diff
  assert_status 0
  assert_stdout $'\n+        "migration:up": "pgkeel migrate up && pgkeel migrate validate",\n'
  refute_stdout 'pgkeel db start'
  run_keel init --template node --merge
  assert_status 0
  jq -e '.name == "mine" and .scripts.test == "jest" and .scripts["db:start"] == "my own" and
         .scripts["integrity:fix"] == "pgkeel integrity fix"' package.json
  printf 'not JSON' > package.json
  run_keel init --template node --merge
  assert_status 0
  assert_stdout 'left       package.json (nothing can be added: line 1: '
  [ "$(cat package.json)" = 'not JSON' ]
}

@test "no symbolic link is followed, and what is no file is left" {
  mkdir "$PROJECT.outside"
  ln -s "$PROJECT.outside" .github
  ln -s "$PROJECT.outside/stolen" .env.example
  ln -s /etc/hostname Makefile
  mkfifo Dockerfile
  mkdir compose.dev.yml
  printf 'file' > checks
  run_keel init --template fastapi --name shop --merge
  assert_status 0
  assert_stdout '.github/workflows/pgkeel.yml (a symbolic link is on the way, and none is followed)'
  assert_stdout '.env.example (a symbolic link is on the way'
  assert_stdout 'Makefile (a symbolic link is on the way'
  assert_stdout 'Dockerfile (is there already, and is no text file)'
  assert_stdout 'compose.dev.yml (is there already, and is no text file)'
  assert_stdout 'checks/README.md (is there already, and is no text file)'
  [ -z "$(ls -A "$PROJECT.outside")" ]
  [ -f pgkeel.yaml ]
}

@test "a failure half way leaves nothing, and what a killed run left is removed" {
  mkdir -p .github .pgkeel-init-dead01
  printf 'node_modules/\n' > .gitignore
  printf 'x' > .pgkeel-init-dead01/new-0
  if [ "$(id -u)" -eq 0 ]; then chown -R postgres: .; fi
  chmod 555 .github
  local before
  before=$(find . -mindepth 1 -not -path '*dead01*' | sort)
  run --separate-stderr as_server_user env -C "$PROJECT" "$PGKEEL" init --template plain --name shop
  assert_error 5 'cannot open the folder of “.github/workflows/pgkeel.yml”'
  [ "$(find . -mindepth 1 | sort)" = "$before" ]
  [ "$(cat .gitignore)" = 'node_modules/' ]
  chmod 755 .github
}

@test "mistakes are refused before anything is written" {
  local name
  run_keel init --template rails
  assert_error 2 'no template “rails”' 'There are django, node, fastapi and plain.'
  for name in 'led ger' '../x' '-x' '$(id)' null ''; do
    run_keel init --template plain --name="$name"
    assert_error 2 "“$name” cannot be the name of a project"
  done
  run_keel init --diff
  assert_error 2 '--merge, --diff, --dry-run and --show are about a template'
  [ -z "$(ls -A)" ]
  printf 'project: other\n' > pgkeel.yaml
  run_keel init --template plain --name shop
  assert_error 3 'pgkeel.yaml calls the project “other”, not “shop”'
  printf 'projekt: other\n' > pgkeel.yaml
  run_keel init --template plain
  assert_error 2 'unknown key “projekt”'
  [ "$(ls -A)" = pgkeel.yaml ]
}

@test "init without a template says which one fits" {
  local case
  for case in manage.py:django package.json:node; do
    touch "${case%:*}"
    run_keel init --name shop
    assert_status 0
    assert_stdout "“${case%:*}” is there: \`pgkeel init --template ${case#*:} --diff\`"
    rm -f pgkeel.yaml "${case%:*}"
  done
  printf 'FastAPI>=0.1\n' > requirements.txt
  run_keel init --json
  assert_json '.template_that_fits == "fastapi"'
  rm pgkeel.yaml requirements.txt
  run_keel init --json
  assert_json '.template_that_fits == null'
}

@test "plain: every target of the Makefile runs" {
  "$PGKEEL" init --template plain --name shop > init.log
  write_migration
  local target
  run make help
  for target in dev status logs backup restore restore-test migrate test down nuke rebuild update-deps \
                check-volumes scan hooks env-check health-check verify-data clear-cache; do
    grep -qE "^  make $target " <<< "$output" || fail "there is no make $target"
  done
  git init -q
  make hooks
  [ -x .git/hooks/pre-commit ]
  make scan
  make dev
  make migrate PGKEEL='pgkeel --yes'
  make env-check
  make backup
  make status | grep -q shop_db_backup_
  make logs | grep -q 'ready to accept connections'
  make restore-test
  make health-check verify-data
  pg_embedded 'DROP TABLE account'
  run make restore < /dev/null
  [ "$status" -ne 0 ]
  DB_RESTORE_CONFIRM=1 make restore
  [ "$(pg_embedded 'SELECT count(*) FROM account')" = 2000 ]
  make rebuild
  [ "$(pg_embedded 'SELECT count(*) FROM account')" = 2000 ]
  make clear-cache
  make check-volumes | grep -qx 'shop-dev-postgres: protected'
  DOCKER_EMPTY=1 run make check-volumes
  [ "$status" -ne 0 ]
  [[ $output == *'shop-dev-postgres: NOT protected'* ]]
  DOCKER_EMPTY=1 make volumes
  [ "$(tail -n 1 "$DOCKER_LOG")" = 'volume create --label com.ledgerflow.protect=true shop-dev-postgres' ]
  run make nuke ENV=production < /dev/null
  [ "$status" -ne 0 ]
  [[ $output == *'the database of “production” is never removed'* ]]
  run make nuke < /dev/null
  [ "$status" -ne 0 ]
  [[ $output == *'give --confirm=DESTROY'* ]]
  [ "$(pg_embedded 'SELECT count(*) FROM account')" = 2000 ]
  make nuke PGKEEL='pgkeel --confirm=DESTROY' | grep -q 'the database “shop” is empty'
  [ "$(pg_embedded "SELECT to_regclass('account') IS NULL")" = t ]
  make migrate PGKEEL='pgkeel --yes'
  [ "$(pg_embedded 'SELECT count(*) FROM account')" = 2000 ]
  make down
  run make env-check
  [ "$status" -ne 0 ]
  make test
  make restore-smoke
  make safety-check
  make update-deps
  [ "$(tail -n 1 "$DOCKER_LOG")" = 'compose -f compose.dev.yml --env-file .env.dev pull' ]
  pgkeel -e testing db stop
  # A path with blanks and quotes is one argument; some shells have a file's name in ENV.
  run make restore-test FILE="it's \$(touch hacked) there.gz"
  [[ $output == *"it's \$(touch hacked) there.gz"* ]]
  [ ! -e hacked ]
  run env ENV="$HOME/.shrc" make env-check
  [[ $output == *development* ]]
}

pg_embedded () { "$PGKEEL" db shell -- -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; }

@test "django: the targets run, with the containers' server and Docker's words checked" {
  write_manage
  "$PGKEEL" init --template django --name shop --merge > init.log
  make env-files
  [ "$(stat -c %a .env.dev .env.prod | uniq)" = 600 ]
  run ! cmp -s .env.dev .env.prod
  grep -qE '^POSTGRES_PASSWORD=[0-9a-f]{48}$' .env.dev
  cp .env.dev before
  make env-files
  cmp .env.dev before
  # The container, as far as pgkeel sees it.
  sed -i "s/^DB_PORT=.*/DB_PORT=$TCP_PORT/" .env.dev
  pg_sql tcp postgres 'CREATE ROLE shop SUPERUSER LOGIN'
  pg_sql tcp postgres 'CREATE DATABASE shop OWNER shop'
  pg_sql tcp shop "CREATE TABLE account AS SELECT i, md5(i::text) FROM generate_series(1, 2000) i"
  export PYTHONPATH=$E2E_ROOT/stub
  make dev
  [ "$(tail -n 1 "$DOCKER_LOG")" = \
    'compose -f compose.dev.yml --env-file .env.dev up --detach --build --wait' ]
  make env-check
  "$PGKEEL" --yes env stamp
  make backup
  make health-check verify-data
  make status | grep -q shop_db_backup_
  make migrate PGKEEL='pgkeel --yes' 2>&1 | grep -q 'ran migrate --no-input'
  # The lock lets it through, and not to where another variable leads.
  [ "$(make run CMD='echo "it is $PGDATABASE" && python3 manage.py flush')" = $'it is shop\nran flush' ]
  run make run CMD='DATABASE_URL=postgresql:///elsewhere python3 manage.py flush'
  [ "$status" -ne 0 ] && [[ $output == *'is not run: '* ]] && [[ $output != *'ran flush'* ]]
  make test | grep -q 'ran test'
  pgkeel -e testing db stop
  rm "$DOCKER_LOG"
  make logs down update-deps clear-cache SERVICE=db
  make logs ENV=prod
  make search
  make rebuild
  grep -v '^compose version' "$DOCKER_LOG" > log
  [ "$(cat log)" = "compose -f compose.dev.yml --env-file .env.dev logs --tail=100 db
compose -f compose.dev.yml --env-file .env.dev down
compose -f compose.dev.yml --env-file .env.dev pull db redis
compose -f compose.dev.yml --env-file .env.dev build --pull --no-cache app
compose -f compose.dev.yml --env-file .env.dev exec -T redis redis-cli FLUSHALL
compose -f compose.prod.yml --env-file .env.prod logs --tail=100
compose -f compose.search.yml --env-file .env.search up --detach
compose -f compose.dev.yml --env-file .env.dev stop
compose -f compose.dev.yml --env-file .env.dev build
compose -f compose.dev.yml --env-file .env.dev up --detach --wait" ]
  run make logs ENV=testing
  [ "$status" -ne 0 ]
  [[ $output == *'ENV=testing has no containers'* ]]
  # Docker goes through the guard.
  rm "$DOCKER_LOG"
  run make down ENV=prod < /dev/null
  [ "$status" -ne 0 ]
  [[ $output == *'--authorise production'* ]]
  run ! grep -q down "$DOCKER_LOG"
  make down ENV=prod AUTHORISE=production
  [ "$(tail -n 1 "$DOCKER_LOG")" = 'compose -f compose.prod.yml --env-file .env.prod down' ]
}

# What jq finds in package.json, run as npm does: by sh, in the project's folder.
script () { sh -c "$(jq -er --arg name "$1" '.scripts[$name]' package.json) ${2:-}"; }

@test "node: the scripts run" {
  "$PGKEEL" init --template node --name shop > init.log
  local name
  for name in db:start migration:status migration:up migration:validate migration:history migration:rollback \
              db:generate seed:development seed:testing seed:staging seed:demo integrity:check \
              integrity:quick integrity:report integrity:fix backup:create backup:restore guard:scan guard:hooks; do
    jq -e --arg name "$name" '.scripts[$name] | startswith("pgkeel ")' package.json
  done
  # Only commands that pgkeel has.
  "$PGKEEL" help --json | jq -r '.. | objects | .command? // empty' > commands
  jq -r '.scripts[]' package.json | grep -oE 'pgkeel (-e [a-z]+ )?(--yes )?[a-z-]+( [a-z-]+)?' |
    sed -E 's/ -e [a-z]+//; s/ --yes//' | sort -u > used
  while IFS= read -r name; do
    grep -qxF "$name" commands || grep -qxF "${name% *}" commands || fail "there is no $name"
  done < used
  script guard:scan
  git init -q
  script guard:hooks
  [ -x .git/hooks/pre-commit ]
  script db:start
  script db:generate add_users
  printf 'CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE NOT NULL);\n' > migrations/*_add_users.up.sql
  printf 'DROP TABLE users;\n' > migrations/*_add_users.down.sql
  mkdir -p seeds/development
  { echo id,email; for i in {1..5}; do echo "$i,user$i@example.org"; done; } > seeds/development/01_users.csv
  script migration:status | grep -q '1 pending'
  PATH=$E2E_ROOT/yes:$PATH
  mkdir -p "$E2E_ROOT/yes"
  printf '#!/bin/sh\nexec "%s" --yes "$@"\n' "$PGKEEL" > "$E2E_ROOT/yes/pgkeel"
  chmod +x "$E2E_ROOT/yes/pgkeel"
  script migration:up
  script migration:history | grep -q add_users
  script seed:development | grep -q '5 inserted'
  script integrity:quick
  script integrity:report | grep -q 'checks in'
  script env:check
  script guard:run 'printenv PGDATABASE' | grep -qx shop
  script db:status
  printf 'INSERT INTO users SELECT i, md5(i::text) FROM generate_series(10, 2000) i' |
    "$PGKEEL" db shell -- -X -q
  script backup:create
  script backup:verify
  DB_RESTORE_CONFIRM=1 script backup:restore latest
  script ci:safety-check
  script db:stop
}

@test "manage.py: dangerous commands are refused in the wrong environment" {
  write_manage
  "$PGKEEL" init --template django --name shop --merge > init.log
  local line environment command expected
  export PYTHONPATH=$E2E_ROOT/stub
  # Without pgkeel: only development and testing go on.
  while read -r environment expected command; do
    # shellcheck disable=SC2086 # the words of the command
    run --separate-stderr env -u LEDGER_ENV -u PGKEEL_ENV PATH=/usr/bin:/bin ${environment#-} python3 manage.py $command
    line="$environment $command: $status $output $stderr"
    case $expected in
      refused) [ "$status" -eq 3 ] && [ -z "$output" ] && [[ $stderr == *'is refused: pgkeel is not installed'* ]] ||
        fail "$line" ;;
      warned) [ "$status" -eq 0 ] && [ "$output" = "ran $command" ] && [[ $stderr == *warning:* ]] || fail "$line" ;;
      ran) [ "$status" -eq 0 ] && [ "$output" = "ran $command" ] && [ -z "$stderr" ] || fail "$line" ;;
    esac
  done << 'EOF'
LEDGER_ENV=production refused migrate
LEDGER_ENV=production refused flush --no-input
LEDGER_ENV=production refused loaddata x.json
LEDGER_ENV=production refused sqlflush
LEDGER_ENV=production refused reset_db
LEDGER_ENV=production refused dbshell
LEDGER_ENV=prod refused migrate
LEDGER_ENV=PRODUCTION refused migrate app 0001
LEDGER_ENV=staging refused flush
LEDGER_ENV=nonsense refused flush
- refused flush
PGKEEL_ENV=production refused migrate
LEDGER_ENV=development warned migrate
LEDGER_ENV=dev warned flush
LEDGER_ENV=testing warned migrate
LEDGER_ENV=production ran runserver
LEDGER_ENV=production ran migrate --plan
LEDGER_ENV=production ran check
LEDGER_ENV=production ran showmigrations
EOF
}
