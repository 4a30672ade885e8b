#!/usr/bin/env bats
# The messages hold typographic quotes; what is in single quotes is for other programs to expand.
# shellcheck disable=SC1111,SC2016
# The command line itself: help, mistakes, --json, completion, the manual, installing. What is true of
# every command is asked of every command in the tree (`pgkeel help --json`).

load helper

setup_file () { e2e_begin; }
teardown_file () { e2e_end; }
setup () { project_new; }

# Every command that does something, one a line: "pgkeel backup create".
leaf_commands ()
{
  "$PGKEEL" help --json | jq -r '.. | objects | select(.command and (.commands | not)) | .command'
}

# Those that read all words themselves: the words of `guard docker` are docker's.
own_commands () { leaf_commands | grep -vxF 'pgkeel guard docker'; }

# Every group, "pgkeel" itself too.
group_commands ()
{
  "$PGKEEL" help --json | jq -r '.. | objects | select(.command and .commands) | .command'
}

# Runs the words of LINE, which begin with "pgkeel", and then the other arguments.
run_line ()
{
  local words
  read -ra words <<< "$1"
  shift
  run_keel "${words[@]:1}" "$@"
}

assert_one_json_object ()
{
  [ "$(jq -s 'length == 1 and (.[0] | type == "object")' <<< "$output")" = true ] ||
    { show_run; fail "not exactly one JSON object"; }
}

@test "the tree has the commands of this version" {
  local command
  run leaf_commands
  for command in "db start" "db stop" "db status" "db url" "db shell" \
                 "backup create" "backup list" "backup show" "backup verify" "backup prove" \
                 "backup prune" restore restore-test "audit log" "audit verify" \
                 "config check" "config show" "config schema" "env check" "env stamp" \
                 init completion version help; do
    grep -qxF "pgkeel $command" <<< "$output" || fail "there is no pgkeel $command"
  done
}

@test "every command and every group has help, as text and as JSON" {
  local command count=0
  while IFS= read -r command; do
    run_line "$command" --help
    assert_status 0
    [[ $output == "Usage: $command"* ]] || { show_run; fail "no usage line of $command"; }
    [ -z "$stderr" ] || { show_run; fail "help of $command writes to standard error"; }
    run_line "$command" --help --json
    assert_status 0
    assert_one_json_object
    assert_json ".command == \"$command\" and (.summary | length > 10)"
    count=$((count + 1))
  done < <(leaf_commands; group_commands)
  [ "$count" -ge 25 ]
}

@test "help of a command says the same as --help after it" {
  local command
  while IFS= read -r command; do
    run_line "$command" --help
    local after=$output
    run_line "pgkeel help ${command#pgkeel}"
    assert_status 0
    [ "$output" = "$after" ] || fail "they differ: $command"
  done < <(leaf_commands)
}

@test "every command says a mistake once, and under --json as one object too" {
  local command
  while IFS= read -r command; do
    run_line "$command" --no-such-option
    assert_error 2 "pgkeel: Unknown option --no-such-option" "$command --help"
    [ -z "$output" ] || { show_run; fail "standard output is not empty"; }
    run_line "$command" --no-such-option --json
    assert_error 2 "pgkeel: Unknown option --no-such-option"
    assert_one_json_object
    assert_json '.error | .kind == "usage" and .exit_code == 2
                 and .message == "Unknown option --no-such-option"
                 and (.hint | contains("--help")) and .detail == null and .sqlstate == null'
  done < <(own_commands)
}

@test "every command counts its arguments" {
  local command
  while IFS= read -r command; do
    run_line "$command" --json one two three four five six
    # Who takes any number of arguments fails for another reason, but fails.
    [ "$status" -ne 0 ] || { show_run; fail "$command takes six arguments"; }
    assert_one_json_object
    assert_json '.error.exit_code > 0'
  done < <(own_commands)
}

@test "a group alone shows what could follow, and is a mistake" {
  local command
  while IFS= read -r command; do
    run_line "$command"
    assert_status 2
    [ -z "$output" ] || { show_run; fail "standard output is not empty"; }
    assert_stderr "Usage: $command [OPTION...] COMMAND"
    assert_stderr "pgkeel: “$command” needs a command"
    run_line "$command" --json
    assert_error 2 "needs a command" "$command --help"
    assert_one_json_object
  done < <(group_commands)
}

@test "unknown commands and options name the nearest" {
  run_keel bakcup create
  assert_error 2 "unknown command “pgkeel bakcup”" "Did you mean “pgkeel backup”?"
  run_keel backup craete
  assert_error 2 "unknown command “pgkeel backup craete”" "Did you mean “pgkeel backup create”?"
  run_keel version --jsno
  assert_error 2 "Unknown option --jsno" "Did you mean “--json”?"
  run_keel frobnicate --json
  assert_error 2 "unknown command “pgkeel frobnicate”"
  assert_json '.error.kind == "usage"'
}

@test "global options may stand before, between and after the words of a command" {
  local line
  for line in "--json help version" "help --json version" "help version --json"; do
    run_line "pgkeel $line"
    assert_status 0
    assert_json '.command == "pgkeel version"'
  done
}

@test "-C works in another folder, and says when there is none" {
  mkdir inner
  printf '%s\n' 'project: inner' 'environments:' '  elsewhere: {local: true}' > inner/pgkeel.yaml
  run_keel -C inner completion words -- -e ""
  assert_status 0
  [ "$output" = elsewhere ]
  run_keel -C nowhere version
  assert_error 2 "cannot enter the folder “nowhere”"
}

@test "version says its own and those under it" {
  run_keel version
  assert_status 0
  [[ ${lines[0]} =~ ^pgkeel\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
  assert_stdout "libpq "
  local version=${lines[0]#pgkeel }
  run_keel --version
  assert_status 0
  [ "${lines[0]}" = "pgkeel $version" ]
  run_keel version --json
  assert_json ".version == \"$version\" and (.libpq | test(\"^[0-9]+\"))"
}

@test "a result that cannot be written is a failure" {
  run bash -c '"$PGKEEL" help > /dev/full'
  [ "$status" -eq 5 ]
  [[ $output == *"cannot write the result to standard output: No space left on device"* ]]
  run bash -c '"$PGKEEL" version --json > /dev/full'
  [ "$status" -eq 5 ]
  run bash -c '"$PGKEEL" version >&-'
  [ "$status" -eq 5 ]
  [[ $output == *"cannot write the result to standard output"* ]]
  # The reader has gone by the time we write.
  run bash -c '{ sleep 0.2; "$PGKEEL" help; echo "code $?" >&2; } | true'
  [[ $output == *"Broken pipe"* ]]
  [[ $output == *"code 5"* ]]
}

@test "a closed standard error takes nothing else's place" {
  run bash -c '"$PGKEEL" version 2>&-'
  [ "$status" -eq 0 ]
  run bash -c '"$PGKEEL" nonsense 2>&-'
  [ "$status" -eq 2 ]
  [ -z "$output" ]
  run bash -c '"$PGKEEL" nonsense <&- >&- 2>&-'
  [ "$status" -eq 2 ]
  run bash -c '"$PGKEEL" version <&- >&- 2>&-'
  [ "$status" -eq 5 ]
}

@test "names are shown whole in a locale that knows only ASCII" {
  LC_ALL=C run_keel "größe"
  assert_error 2 "unknown command “pgkeel größe”"
  LC_ALL=C run_keel -e "größe" --json version
  assert_status 0
}

@test "no colour and no control character where nobody looks" {
  unset NO_COLOR
  run_keel help
  [[ $output != *$'\033'* ]]
  run_keel $'bad\033[2Jname'
  assert_status 2
  [[ $stderr != *$'\033'* ]]
}

@test "the manual has every command, option and environment variable" {
  local manual=$REPOSITORY/packaging/pgkeel.1 text missing=0 word
  text=$(mandoc -T utf8 -O width=200 "$manual" | col -b)
  while IFS= read -r word; do
    grep -qE -- "^ +$word( |\$)" <<< "$text" || { echo "no section on $word" >&2; missing=1; }
  done < <(leaf_commands)
  while IFS= read -r word; do
    grep -qE -- "$word([^a-z-]|\$)" <<< "$text" || { echo "no $word" >&2; missing=1; }
  done < <("$PGKEEL" help --json | jq -r '.. | objects | select(.long) | "--" + .long' | sort -u)
  while IFS= read -r word; do
    grep -qF -- "$word" <<< "$text" || { echo "no variable $word" >&2; missing=1; }
  done < <(grep -rhoE 'getenv \("[A-Z_]+"\)' "$REPOSITORY/src" | grep -oE '[A-Z_]{3,}' | sort -u
         # These are read through functions.
         printf '%s\n' PGKEEL_ENV LEDGER_ENV NODE_ENV DATABASE_URL BACKUP_DIR DB_RESTORE_CONFIRM \
           DB_RESTORE_ALLOW_PRODUCTION DB_MIGRATE_CONFIRM DB_MIGRATE_ALLOW_PRODUCTION DB_FIX_CONFIRM)
  [ "$missing" -eq 0 ]
}

# What stands under the heading of each command: its own options, and no others.
@test "the manual gives each command its own options" {
  local text missing=0 command option section
  text=$(mandoc -T utf8 -O width=200 "$REPOSITORY/packaging/pgkeel.1" | col -b)
  while IFS=$'\t' read -r command option; do
    section=$(awk -v command="$command" '
      /^ *pgkeel [a-z]/ { inside = index($0, command) && $0 ~ "^ *" command "( |$)" }
      /^[A-Z]/ { inside = 0 }
      inside' <<< "$text")
    grep -qE -- "--$option([^a-z-]|\$)" <<< "$section" ||
      { echo "$command: no --$option" >&2; missing=1; }
  done < <("$PGKEEL" help --json |
    jq -r '.. | objects | select(.command and .options) | .command as $c | .options[] | [$c, .long] | @tsv')
  [ "$missing" -eq 0 ]
}

@test "the manual is clean" {
  run mandoc -T lint -W warning "$REPOSITORY/packaging/pgkeel.1"
  [ "$status" -eq 0 ] || fail "$output"
  [ -z "$output" ] || fail "$output"
}

@test "installing honours DESTDIR and puts binary, manual and completions in place" {
  local build root=$PROJECT/root prefix
  build=$(dirname "$PGKEEL")
  prefix=$(meson introspect "$build" --buildoptions | jq -r '.[] | select(.name == "prefix").value')
  DESTDIR=$root meson install -C "$build" --no-rebuild > /dev/null
  [ -x "$root$prefix/bin/pgkeel" ]
  cmp "$REPOSITORY/packaging/pgkeel.1" "$root$prefix/share/man/man1/pgkeel.1"
  cmp <("$PGKEEL" completion bash) "$root$prefix/share/bash-completion/completions/pgkeel"
  cmp <("$PGKEEL" completion zsh) "$root$prefix/share/zsh/site-functions/_pgkeel"
  cmp <("$PGKEEL" completion fish) "$root$prefix/share/fish/vendor_completions.d/pgkeel.fish"
  "$root$prefix/bin/pgkeel" version
  # Units only where there is a systemd.
  [ ! -d /lib/systemd/system ] ||
    grep -qF "ExecStart=$prefix/bin/pgkeel -C /etc/pgkeel guard serve" "$root$prefix/lib/systemd/system/pgkeel-guard.service"
}

@test "completion scripts: which there are, and that they are sound" {
  bash -n <("$PGKEEL" completion bash)
  zsh -n <("$PGKEEL" completion zsh)
  fish --no-execute <("$PGKEEL" completion fish)
  "$PGKEEL" completion bash | shellcheck -s bash -
  run_keel completion tcsh
  assert_error 2 "no completion for the shell “tcsh”" "bash, zsh and fish"
  run_keel completion bash --json
  assert_json '.shell == "bash" and (.script | contains("complete -F"))'
}

# Types LINES into an interactive SHELL on a terminal, TABs too; prints what it shows.
type_into ()
{
  local shell=$1
  shift
  printf '%s\n' "$@" exit |
    PATH=$(dirname "$PGKEEL"):$PATH TERM=dumb PS1='> ' timeout 30 script -qc "$shell" /dev/null |
    tr -d '\r'
}

@test "bash completes commands, options, values, environments, backups and files" {
  project_new "$(printf '%s\n' 'project: shop' 'environments:' '  development: {local: true}' \
    '  production: {url: "${NOT_SET}", protected: true}')"
  mkdir -p backups/development
  touch backups/development/shop_db_backup_20250422_020000.sql.gz "a dump.sql"
  touch "$HOME/home-dump.sql"
  # What is completed is echoed back, word by word.
  printf '%s\n' '#!/bin/sh' '[ "$1" = completion ] && exec "$REAL" "$@"' \
    'printf "<%s>" "$@"; echo' > pgkeel
  chmod +x pgkeel
  export REAL=$PGKEEL
  PGKEEL=$PROJECT/pgkeel run type_into "bash --noprofile --norc -i" \
    'eval "$(pgkeel completion bash)"' \
    $'pgkeel back\tcre\t--pro\t' \
    $'pgkeel -e prod\tbackup list' \
    $'pgkeel --env=prod\tbackup list' \
    $'pgkeel backup create --type=sch\t' \
    $'pgkeel backup create --type sch\t' \
    $'pgkeel restore shop_\t' \
    $'pgkeel restore a\\ d\t' \
    $'pgkeel backup prove "a d\t' \
    $'pgkeel backup prove a\t' \
    $'pgkeel backup verify ~/home-du\t' \
    $'pgkeel help backup ver\t' \
    $'pgkeel -C backups/dev\t version'
  local expected
  for expected in '<backup><create><--prove>' '<-e><production><backup><list>' \
                  '<--env=production><backup><list>' '<backup><create><--type=schema>' \
                  '<backup><create><--type><schema>' \
                  '<restore><shop_db_backup_20250422_020000.sql.gz>' '<restore><a dump.sql>' \
                  '<backup><prove><a dump.sql>' "<backup><verify><$HOME/home-dump.sql>" \
                  '<help><backup><verify>' '<-C><backups/development/><version>'; do
    grep -qxF -- "$expected" <<< "$output" || fail "not completed to $expected: $output"
  done
}

@test "zsh completes" {
  PGKEEL=$PGKEEL run type_into "zsh -f -i" \
    'autoload -U compinit; compinit -u -D; source <(pgkeel completion zsh)' \
    $'pgkeel vers\t--js\t'
  grep -qF '"libpq"' <<< "$output" || fail "$output"
}

@test "fish completes" {
  PATH=$(dirname "$PGKEEL"):$PATH run fish --no-config -c '
    pgkeel completion fish | source
    complete -C "pgkeel vers"
    complete -C "pgkeel version --js"
    complete -C "pgkeel -e dev"
    complete -C "pgkeel completion f"'
  grep -qE '^version' <<< "$output" || fail "$output"
  grep -qE '^--json' <<< "$output" || fail "$output"
  grep -qxE 'development' <<< "$output" || fail "$output"
  grep -qxF 'fish' <<< "$output" || fail "$output"
}
