#!/usr/bin/env bats
# The project file, the environments and the identity stamp, as a user meets them.

load helper

setup_file () { e2e_begin; pg_start_all; }
teardown_file () { e2e_end; }
setup () { project_new; }

a_major () { pg_majors | head -n 1; }

# A new, empty database of this test alone; prints its URL.
new_database ()
{
  local name=db_$BATS_TEST_NUMBER
  pg_sql "$(a_major)" postgres "CREATE DATABASE $name"
  pg_url "$(a_major)" "$name"
}

write_environments ()
{
  cat > pgkeel.yaml << EOF
project: shop
environments:
  development: {local: true}
  staging:     {url: "\${SHOP_URL}"}
  production:  {url: "\${SHOP_URL}", protected: true}
EOF
}

@test "an unknown key is refused with line, column and the key that was meant" {
  printf 'project: shop\nbackup:\n  dir: x\n  keeep: {db: 48h}\n' > pgkeel.yaml
  run_keel config check
  assert_error 2 'pgkeel.yaml:4:3: unknown key “keeep”' 'Did you mean “keep”?'
  [ -z "$output" ]
  run_keel config check --json
  assert_status 2
  assert_json '.error.message == "pgkeel.yaml:4:3: unknown key “keeep”" and .error.kind == "configuration"'
}

@test "every command that needs the project refuses a bad file the same way" {
  printf 'project: [shop]\n' > pgkeel.yaml
  local command
  for command in 'config show' 'env check' 'audit log' 'audit verify' 'backup list' 'db status'; do
    # shellcheck disable=SC2086
    run_keel $command
    assert_error 2 'pgkeel.yaml:1:10: “project” must be a text, not a list'
  done
}

@test "config check says what is in force and from where" {
  cat > pgkeel.yaml << 'EOF'
project: shop
backup:
  min_size: 64KB
  keep: {db: 48h}
environments:
  development: {local: true}
  production:  {url: "${SHOP_URL}"}
EOF
  echo 'BACKUP_DIR=/srv/backups' > .env
  run_keel config check
  assert_status 0
  assert_stdout 'environment  development (default)'
  [[ $output =~ backup.dir\ +/srv/backups\ +BACKUP_DIR\ \(.env\) ]]
  [[ $output =~ backup.min_size\ +64.0\ KB\ +pgkeel.yaml:3:13 ]]
  [[ $output =~ backup.keep.full\ +for\ ever ]]
  assert_stdout 'development: can be used'
  assert_stdout 'production: pgkeel.yaml:7:23: the variable SHOP_URL is not set'
  run_keel config check --all
  assert_error 2 'environment “production”: pgkeel.yaml:7:23: the variable SHOP_URL is not set' \
    'Set SHOP_URL in the environment or in .env'
  run_keel -e production config check
  assert_error 2 'the variable SHOP_URL is not set'
  SHOP_URL=postgres://db/shop run_keel config check --all --json
  assert_status 0
  assert_json '.problems == {development: null, production: null} and .from["backup.dir"] == "BACKUP_DIR (.env)"'
}

@test "config check finds a mistake in another environment's .env file" {
  write_environments
  echo 'SHOP_URL=postgres://db/shop' > .env
  echo 'SHOP_URL postgres://prod/shop' > .env.prod
  run_keel config check
  assert_status 0
  assert_stdout 'production: .env.prod:1:1: this is not a NAME=value line'
  run_keel config check --all
  assert_error 2 '.env.prod:1:1: this is not a NAME=value line' 'Write NAME=value'
}

@test "secrets are masked wherever the configuration is shown" {
  cat > pgkeel.yaml << 'EOF'
environments:
  staging:    {url: "postgres://ada:geheim1@db/x?sslpassword=geheim2"}
  production: {url: "host=db dbname=x password='geheim3 x' user=a"}
  testing:    {url: "${TEST_URL}"}
EOF
  echo 'TEST_URL=postgres://ada:geheim4@db/x' > .env
  local command environment
  for environment in staging production testing; do
    for command in 'config show' 'config check' 'config show --json' 'config check --json' 'env check'; do
      # shellcheck disable=SC2086
      PGCONNECT_TIMEOUT=1 E2E_TIMEOUT=30 run_keel -e "$environment" $command
      refute_stdout geheim
      refute_stderr geheim
    done
  done
  run_keel -e testing config show
  assert_stdout 'postgres://ada:***@db/x'
}

@test "the environment is chosen in order, and the reason is told" {
  write_environments
  export SHOP_URL=postgres://db/shop
  run_keel config show --json
  assert_json '.environment == "development" and .environment_reason == "default"
    and .migrations.rehearsal_max_age_seconds == 86400'
  DATABASE_URL=postgres://x.prod.example/y run_keel config show --json
  assert_json '.environment == "production" and .environment_reason == "DATABASE_URL, which says “prod”"'
  NODE_ENV=staging DATABASE_URL=postgres://x.prod.example/y run_keel config show --json
  assert_json '.environment == "staging" and .environment_reason == "NODE_ENV"'
  LEDGER_ENV=dev NODE_ENV=staging run_keel config show --json
  assert_json '.environment == "development" and .environment_reason == "LEDGER_ENV"'
  PGKEEL_ENV=prod LEDGER_ENV=dev run_keel config show --json
  assert_json '.environment == "production" and .environment_reason == "PGKEEL_ENV"'
  PGKEEL_ENV=prod run_keel -e dev config show --json
  assert_json '.environment == "development" and .environment_reason == "--env"'
  run_keel -e live config show
  assert_error 2 'unknown environment “live” (from --env)' \
    'Known environments: development, staging, production.'
}

@test "the JSON Schema is printed, and is what editors read" {
  run_keel config schema
  assert_status 0
  assert_json '.title == "pgkeel.yaml" and .additionalProperties == false'
  [ "$output" = "$(cat "$REPOSITORY/docs/pgkeel.schema.json")" ]
}

@test "init writes a file that is in order, and never over another" {
  rm pgkeel.yaml
  printf 'node_modules/\n.env' > .gitignore
  run_keel init --name ledger_flow
  assert_status 0
  run_keel config check
  assert_status 0
  [[ $output =~ project\ +ledger_flow\ +pgkeel.yaml ]]
  [ "$(cat .gitignore)" = $'node_modules/\n.env\n.pgkeel/\nbackups/\n.env.*\n!.env.example' ]
  cp pgkeel.yaml before
  run_keel init
  assert_error 3 'pgkeel.yaml” is there already' 'Edit it, or remove it first.'
  cmp pgkeel.yaml before
  rm pgkeel.yaml
  run_keel init --name 'led ger'
  assert_error 2 '“led ger” cannot be the name of a project'
  [ ! -e pgkeel.yaml ]
  run_keel init --json
  assert_json '.file != null and .ignored == []'
}

@test "env check shows the database and what it says of itself" {
  write_environments
  SHOP_URL=$(new_database)
  export SHOP_URL
  run_keel -e staging env check
  assert_status 0
  [[ $output =~ environment\ +staging\ \(--env\) ]]
  [[ $output =~ stamp\ +none ]]
  assert_stdout "db_$BATS_TEST_NUMBER"
  run_keel env check
  assert_error 4 'the local cluster of “development” is not running' 'pgkeel db start'
  assert_stdout 'local cluster, not running'
}

@test "a stamped database refuses another environment" {
  write_environments
  SHOP_URL=$(new_database)
  export SHOP_URL
  run_keel -e production --yes env stamp
  assert_error 3 '' "--confirm=db_$BATS_TEST_NUMBER"
  run_keel -e production env stamp --confirm "db_$BATS_TEST_NUMBER"
  assert_status 0
  run_keel -e production env check --json
  assert_status 0
  assert_json '.stamp.verdict == "matches" and .protected'
  run_keel -e staging env check
  assert_error 3 'is stamped “production” of project “shop”, but “staging” of project “shop” was chosen' \
    'pgkeel env stamp --force'
  [[ $output =~ stamp\ +mismatch ]]
  run_keel -e staging --yes env stamp
  assert_error 3 'is stamped “production”'
  run_keel -e staging env stamp --force --confirm=wrong
  assert_error 3 ''
  [ "$(pg_sql "$(a_major)" "db_$BATS_TEST_NUMBER" 'SELECT environment FROM pgkeel.identity')" = production ]
  run_keel -e staging env stamp --force --confirm "db_$BATS_TEST_NUMBER"
  assert_status 0
  run_keel -e staging env check
  assert_status 0
  run_keel audit log --json
  assert_json '[.entries[] | [.action, .phase, .environment, .confirmed.by]] == [
    ["env stamp", "refused", "production", "nobody"],
    ["env stamp", "intent", "production", "--confirm"], ["env stamp", "done", "production", "--confirm"],
    ["env stamp", "refused", "staging", null], ["env stamp", "refused", "staging", "nobody"],
    ["env stamp", "intent", "staging", "--confirm"], ["env stamp", "done", "staging", "--confirm"]]'
  assert_json '.entries[5] | .verdict_before == "mismatch" and .environment_before == "production"'
  run_keel audit verify
  assert_status 0
}

@test "a copy from another cluster is reported, and passes only where nothing is protected" {
  write_environments
  SHOP_URL=$(new_database)
  export SHOP_URL
  run_keel -e production env stamp --confirm "db_$BATS_TEST_NUMBER"
  assert_status 0
  pg_sql "$(a_major)" "db_$BATS_TEST_NUMBER" "UPDATE pgkeel.identity SET system_identifier = '1'"
  run_keel -e staging env check
  assert_status 0
  [[ $output =~ stamp\ +copy ]]
  run_keel -e production env check
  assert_error 3 'the database is a copy' 'pgkeel env stamp'
}

@test "LEDGER_ENV locks a protected environment" {
  write_environments
  SHOP_URL=$(new_database)
  export SHOP_URL
  LEDGER_ENV=dev run_keel -e production env stamp --confirm "db_$BATS_TEST_NUMBER"
  assert_error 3 '“production” is protected, and LEDGER_ENV says this is “development”' \
    'Run it where LEDGER_ENV=production is set on purpose.'
  LEDGER_ENV=prod run_keel -e production env stamp --confirm "db_$BATS_TEST_NUMBER"
  assert_status 0
}

@test "without a pgkeel.yaml DATABASE_URL is the project" {
  rm pgkeel.yaml
  DATABASE_URL=$(new_database)
  export DATABASE_URL
  run_keel env check --json
  assert_status 0
  assert_json '.environment == "development" and (.environment_reason | startswith("DATABASE_URL"))'
  run_keel config check
  assert_status 0
  assert_stdout 'no pgkeel.yaml in'
}
