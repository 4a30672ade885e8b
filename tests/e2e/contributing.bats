#!/usr/bin/env bats
# The worked example of CONTRIBUTING.md, done as it says in a copy of the source: it must compile without
# warnings, pass the test it brings, and pass the tests that are asked of every command.

load helper

setup_file () { e2e_begin; }
teardown_file () { e2e_end; }

# The NUMBERth fenced block of LANGUAGE in CONTRIBUTING.md, from 1.
block ()
{
  awk -v language="$1" -v number="$2" '
    $0 == "```" language { inside = ++seen == number; next }
    /^```/ { inside = 0 }
    inside' "$REPOSITORY/CONTRIBUTING.md"
}

# Puts standard input before the last line of FILE that is exactly LINE.
insert_before_last ()
{
  local file=$1 line=$2 number
  number=$(grep -nxF -- "$line" "$file" | tail -n 1 | cut -d: -f1)
  [ -n "$number" ]
  sed -i "$((number - 1))r /dev/stdin" "$file"
}

# What the release build of this very source made already need not be made again: only what is new is compiled.
take_release_build ()
{
  reconfigure=
  [ "${PGKEEL_RELEASE:-}" -ef "$REPOSITORY/build/pgkeel" ] || return 0
  cp -a "$REPOSITORY/build" .
  reconfigure=--reconfigure
}

@test "the example of a new command builds, works and passes" {
  local copy=$E2E_ROOT/copy
  mkdir "$copy"
  (cd "$REPOSITORY" && cp -a .clang-format meson.build meson_options.txt packaging src tests tools docs "$copy")
  cd "$copy"
  take_release_build

  block bash 1 > tests/e2e/db_tables.bats
  block c 1 > src/cli/cmd_db_tables.c
  block c 2 | insert_before_last src/cli/cmd_db.c '  { 0 },'
  block c 3 >> src/cli/cmd_db.h
  block roff 1 | insert_before_last packaging/pgkeel.1 '.SS Backups'
  sed -i "s/'cmd_db.c',/'cmd_db.c', 'cmd_db_tables.c',/" src/cli/meson.build

  meson setup ${reconfigure:+"$reconfigure"} build -Dtests=disabled --buildtype=release -Db_sanitize=none > setup.log 2>&1 ||
    fail "$(tail -n 20 setup.log)"
  ninja -C build > build.log 2>&1 || fail "$(tail -n 20 build.log)"
  PGKEEL=$copy/build/pgkeel run bats --formatter tap tests/e2e/db_tables.bats
  [ "$status" -eq 0 ] && [ "${lines[0]}" = 1..2 ] || fail "$output"
  PGKEEL=$copy/build/pgkeel run bats --formatter tap -f "help|--json|manual" tests/e2e/cli.bats
  [ "$status" -eq 0 ] || fail "$output"
  [[ $(build/pgkeel db --help) == *"tables  List the tables of the environment's database"* ]]
  # What it shows is laid out as the check wants it.
  tools/check-style > style.log 2>&1 || { ! grep cmd_db_tables style.log; }
}
