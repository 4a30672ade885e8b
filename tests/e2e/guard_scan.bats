#!/usr/bin/env bats
# The messages hold typographic quotes; what is in single quotes is for other programs to expand.
# shellcheck disable=SC1111,SC2016
# pgkeel guard scan in repositories of git. What each rule finds in a file is in tests/unit/guard/test_scan.c;
# here is what needs git, the command and its output.

load helper

setup_file ()
{
  e2e_begin
  export GIT_CONFIG_GLOBAL=$E2E_ROOT/gitconfig GIT_CONFIG_NOSYSTEM=1
  git config --global user.name tester
  git config --global user.email tester@example.org
  git config --global init.defaultBranch main
}

teardown_file () { e2e_end; }

setup ()
{
  project_new
  git init -q
}

# A compose file whose database keeps its data in the volume $1; its lines of `volumes:` are the others.
compose ()
{
  printf '%s\n' 'services:' '  db:' '    image: postgres:17' \
    "    volumes: [$1:/var/lib/postgresql/data]" 'volumes:' "  $1:" "${@:2}"
}

commit () { git add -A && git commit -qm "$1"; }

@test "a finding says where, what, why and what to write instead" {
  compose pg > compose.yml
  run_keel guard scan
  assert_error 1 "the files have errors: 1, warnings: 0, not read: 0" "# pgkeel: allow RULE -- reason"
  assert_stdout 'compose.yml:6:3: error: the volume “pg” of the service “db” has neither the label com.ledgerflow.protect=true nor `external: true` [db-volume-unprotected]'
  assert_stdout "    why      \`docker compose down -v\` and"
  assert_stdout "    instead  Give the volume the protection label"
  assert_stdout "files: 1, errors: 1, warnings: 0, notes: 0, allowed: 0, not read: 0"

  run_keel guard scan --json
  assert_status 1
  assert_json '.errors == 1 and .files == 1 and (.findings[0] | .rule == "db-volume-unprotected" and
    .file == "compose.yml" and .line == 6 and .column == 3 and .severity == "error" and .allowed == null)'

  compose pg '    labels: {com.ledgerflow.protect: "true"}' > compose.yml
  run_keel guard scan
  assert_status 0
  assert_stdout "files: 1, errors: 0, warnings: 0, notes: 0, allowed: 0, not read: 0"
}

@test "what a comment allows is counted and shown with its reason" {
  echo 'docker compose down -v # pgkeel: allow down-volumes -- a machine for tests' > reset.sh
  run_keel guard scan
  assert_status 0
  assert_stdout "reset.sh:1:21: allowed: “-v” takes the project's volumes along [down-volumes]"
  assert_stdout "    because  a machine for tests"
  assert_stdout "notes: 0, allowed: 1, not read: 0"
  run_keel guard scan --json
  assert_json '.allowed[0].allowed == "a machine for tests" and .findings == []'
}

@test "SARIF is complete, and printed alone" {
  mkdir ops
  echo 'docker compose down -v' > ops/reset.sh
  run_keel guard scan --sarif
  assert_status 1
  assert_json '.version == "2.1.0" and (."$schema" | endswith("sarif-2.1.0.json")) and (.runs | length == 1)'
  assert_json '.runs[0].tool.driver | .name == "pgkeel" and (.rules | length > 15) and
    all(.rules[]; (.id | length > 0) and (.shortDescription.text | length > 0) and (.help.text | length > 0))'
  assert_json '.runs[0] as $run | $run.results | length == 1 and all(.[]; (.message.text | length > 0) and
    $run.tool.driver.rules[.ruleIndex].id == .ruleId and (.locations[0].physicalLocation |
      .artifactLocation.uri == "ops/reset.sh" and .region.startLine == 1 and .region.startColumn == 21))'
  run_keel guard scan --sarif --json
  assert_error 2 "--sarif and --json are two forms of the result"
}

@test "--staged looks at the index, not at the folder, and only at what would be committed" {
  echo 'docker volume prune' > old.sh
  commit old
  run_keel guard scan --staged
  assert_status 0
  assert_stdout "files: 0,"

  echo 'docker compose down -v' > reset.sh
  git add reset.sh
  echo 'docker compose down' > reset.sh
  run_keel guard scan --staged
  assert_error 1 "errors: 1"
  assert_stdout "reset.sh:1:21: error:"
  refute_stdout "old.sh"

  git add reset.sh
  echo 'docker compose down -v' > reset.sh
  run_keel guard scan --staged
  assert_status 0
  assert_stdout "files: 1, errors: 0"

  # The compose file is not staged, and tells all the same what the script removes.
  compose store '    external: true' > compose.yml
  git add compose.yml && git commit -qm compose
  echo 'docker volume rm store' > reset.sh
  git add reset.sh
  mkdir sub && cd sub
  run_keel guard scan --staged
  assert_error 1 "errors: 1"
  assert_stdout "reset.sh:1:18: error: the database volume “store” is removed"
}

@test "--staged needs a repository; the first commit is checked, too" {
  echo 'docker compose down -v' > reset.sh
  git add reset.sh
  run_keel guard scan --staged
  assert_error 1 "errors: 1"
  rm -r .git
  run_keel guard scan --staged
  assert_error 2 "there is nothing staged" "Run it in a repository of git"
  run_keel guard scan
  assert_error 1 "errors: 1"
}

@test "a repository that git will not look at is not taken for a folder without git" {
  export GIT_TEST_ASSUME_DIFFERENT_OWNER=1
  run_keel guard scan
  assert_error 5 "git could not look at the repository"
}

@test "a database that gets another volume than in the last commit" {
  compose pg '    external: true' > compose.yml
  commit first
  # A comment, another key and another service change nothing.
  { echo '# a comment'; compose pg '    external: true'; echo 'networks: {a: {}}'; } > compose.yml
  run_keel guard scan
  assert_status 0

  compose pgdata '    external: true' > compose.yml
  run_keel guard scan
  assert_error 1 "errors: 1"
  assert_stdout 'compose.yml:4:15: error: the data of “db” was in “pg” in the last commit, and is in “pgdata” now [db-volume-changed]'
  run_keel guard scan --staged
  assert_status 0
  git add compose.yml
  run_keel guard scan --staged
  assert_error 1 "errors: 1"
  assert_stdout "[db-volume-changed]"

  # The same volume under another key of the file; then another name for the same key.
  compose data '    external: true' '    name: pg' > compose.yml
  run_keel guard scan
  assert_status 0
  compose pg '    external: true' '    name: pg-2' > compose.yml
  run_keel guard scan
  assert_stdout "was in “pg” in the last commit, and is in “pg-2” now"
}

@test "a project that is renamed takes its volumes along; an external one stays" {
  { echo 'name: ledger'; compose pg '    labels: [com.ledgerflow.protect=true]'; } > compose.yml
  commit first
  sed -i 's/ledger$/ledger2/' compose.yml
  run_keel guard scan
  assert_error 1 "errors: 1"
  assert_stdout "was in “ledger_pg” in the last commit, and is in “ledger2_pg” now"
}

@test ".env files: in git, not ignored, ignored, examples" {
  printf 'POSTGRES_PASSWORD=vK3x9QpLm2Zt\nPORT=1\n' > .env
  run_keel guard scan
  assert_error 1 "errors: 0, warnings: 1"
  assert_stdout ".env:1:19: warning: “POSTGRES_PASSWORD” is in a file that git does not ignore [env-secret]"
  refute_stdout "vK3x9QpLm2Zt"
  git add -f .env
  run_keel guard scan --staged
  assert_error 1 "errors: 1"
  assert_stdout ".env:1:19: error: “POSTGRES_PASSWORD” is in git [env-secret]"

  git rm -q --cached .env
  echo .env > .gitignore
  printf 'POSTGRES_PASSWORD=changeme\nAPI_KEY=\n' > .env.example
  run_keel guard scan
  assert_status 0
  assert_stdout "files: 1, errors: 0, warnings: 0"
  run_keel guard scan .env
  assert_status 0
}

@test "files and folders that are named, and what is wrong with the question" {
  mkdir a b
  echo 'docker compose down -v' | tee a/x.sh > b/y.sh
  run_keel guard scan a
  assert_stdout "a/x.sh:1:21"
  refute_stdout "b/y.sh"
  run_keel guard scan b/y.sh a/x.sh
  assert_error 1 "errors: 2"
  run_keel guard scan nothing.sh
  assert_error 2 "there is no “$PROJECT/nothing.sh”"
  run_keel guard scan /etc/passwd
  assert_error 2 "“/etc/passwd” lies outside of “$PROJECT”"
  run_keel guard scan -f nothing.yml
  assert_error 2 "there is no file “$PROJECT/nothing.yml”"
  # Seen from where one is, and through a link to the folder.
  compose pg > b/live.yaml
  ln -s "$PROJECT" "$PROJECT.link"
  cd "$PROJECT.link/b"
  run_keel guard scan -f live.yaml
  assert_error 1 "errors: 1"
  assert_stdout "b/live.yaml:6:3: error:"
  git add live.yaml
  run_keel guard scan --staged -f live.yaml
  assert_error 1 "errors: 1"
  run_keel guard scan --staged ../b
  assert_status 0
  cd "$PROJECT"
  run_keel guard scan -f a.yml b/y.sh
  assert_error 2 "-f and other files do not go together"
  # 1 MB is much for a script: what is not read is no yes.
  head -c 1100000 /dev/zero | tr '\0' '#' > b/y.sh
  rm a/x.sh
  run_keel guard scan
  assert_error 1 "errors: 0, warnings: 0, not read: 1"
  assert_stdout "not read: b/y.sh: no ordinary file, or larger than 1 MB"
}

@test "guard.label, guard.protect and guard.production decide" {
  printf '%s\n' 'guard:' '  label: keep' '  protect: ["led-*"]' '  production: ["live.compose.yml"]' >> pgkeel.yaml
  { compose pg '    name: led-pg'; printf '%s\n' '  other:' '    labels: {keep: ""}'; } > live.compose.yml
  run_keel guard scan
  assert_status 0
  sed -i 's/pg:.var/other:\/var/; s/image: postgres:17/&\n    ports: ["5432:5432"]/' live.compose.yml
  run_keel guard scan
  assert_error 1 "errors: 1, warnings: 0"
  assert_stdout "live.compose.yml:4:13: error: a port of the service “db” is published on all interfaces"
}

@test "nothing is found in what init writes, nor in the examples" {
  local template
  for template in django node fastapi plain; do
    mkdir "$PROJECT/$template" && cd "$PROJECT/$template"
    git init -q
    run_keel init --template "$template"
    assert_status 0
    git add -A
    run_keel guard scan
    assert_status 0
    assert_stdout "errors: 0, warnings: 0, notes: 0, allowed: 0, not read: 0"
    refute_stdout "files: 0"
    run_keel guard scan --staged
    assert_status 0
  done
  # And what is found when somebody opens what they closed.
  sed -i 's/^    external: true$/    driver: local/; s/name: .*-prod-postgres$/name: store/' compose.prod.yml
  sed -i 's/^    networks: .backend.$/&\n    ports: ["5432:5432"]/' compose.prod.yml
  run_keel guard scan
  assert_stdout "[db-volume-unprotected]"
  assert_stdout "[port-exposed]"
  cd "$REPOSITORY"
  for template in examples/*/; do
    run_keel -C "$template" guard scan
    assert_status 0
  done
}

# The hook finds pgkeel in PATH.
with_pgkeel ()
{
  mkdir -p "$E2E_ROOT/bin"
  ln -sf "$PGKEEL" "$E2E_ROOT/bin/pgkeel"
  PATH=$E2E_ROOT/bin:$PATH
}

@test "--hooks: what is staged decides whether a commit is made, also with -a, in part and in another work tree" {
  with_pgkeel
  run_keel guard install --hooks --dry-run
  assert_status 0
  assert_stdout "to be written $PROJECT/.git/hooks/pre-commit"
  [ ! -e .git/hooks/pre-commit ]
  run_keel guard install --hooks
  assert_status 0
  assert_stdout "written    $PROJECT/.git/hooks/pre-commit"
  run_keel guard install --hooks
  assert_status 0
  assert_stdout "unchanged  $PROJECT/.git/hooks/pre-commit"

  echo 'docker compose down' > reset.sh
  commit first
  echo 'docker compose down -v' > reset.sh
  echo other > other.txt
  git add other.txt
  run git commit -qm "the index is clean"
  [ "$status" -eq 0 ]
  run git commit -aqm all
  [ "$status" -eq 1 ]
  [[ $output == *"reset.sh:1:21: error:"* ]]
  run git commit -qm part reset.sh
  [ "$status" -eq 1 ]
  [ "$(git log --format=%s | head -n 1)" = "the index is clean" ]

  git worktree add -q "$PROJECT.two"
  cd "$PROJECT.two"
  echo 'docker volume prune' > prune.sh
  git add prune.sh
  run git commit -qm two
  [ "$status" -eq 1 ]
  [[ $output == *"prune.sh:1:15: error:"* ]]
  run_keel guard install --hooks
  assert_status 0
  assert_stdout "unchanged  $PROJECT/.git/hooks/pre-commit"
  # What cannot be checked has not passed.
  run env PATH=/usr/bin:/bin git commit -qm two
  [ "$status" -eq 1 ]
  [[ $output == *"the commit is not checked"* ]]
}

@test "--hooks: a hook of others and a folder that is shared stay as they are" {
  with_pgkeel
  mkdir -p .git/hooks
  printf '#!/bin/sh\necho mine\n' > .git/hooks/pre-commit
  chmod +x .git/hooks/pre-commit
  run_keel guard install --hooks
  assert_error 1 "$PROJECT/.git/hooks/pre-commit: there is a hook already" "pgkeel guard scan --staged || exit 1"
  assert_stdout "not written"
  [ "$(cat .git/hooks/pre-commit)" = "$(printf '#!/bin/sh\necho mine')" ]
  echo 'pgkeel guard scan --staged || exit 1' >> .git/hooks/pre-commit
  run_keel guard install --hooks
  assert_status 0
  chmod -x .git/hooks/pre-commit
  run_keel guard install --hooks
  assert_error 1 "not executable"

  git config core.hooksPath .githooks
  mkdir sub && cd sub
  run_keel guard install --hooks
  assert_status 0
  assert_stdout "written    $PROJECT/.githooks/pre-commit"
  cd .. && git config --unset core.hooksPath
  rm .git/hooks/pre-commit
  git config --global core.hooksPath "$E2E_ROOT/shared"
  run_keel guard install --hooks
  git config --global --unset core.hooksPath
  assert_error 1 "$E2E_ROOT/shared/pre-commit: core.hooksPath is set for other repositories as well"
  [ ! -e "$E2E_ROOT/shared" ]

  run_keel guard install --hooks --remove
  assert_error 2 "--hooks is about this repository"
  rm -r .git
  run_keel guard install --hooks
  assert_error 2 "is in no repository of git" "git init"
}
