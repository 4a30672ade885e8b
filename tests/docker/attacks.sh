#!/usr/bin/env bash
# The attacks of guard_docker.bats against an Engine WITHOUT the plugin: each must really destroy data there, or it is
# no attack. And the commands of every day, which must succeed there. Run by hand; takes some minutes. Root, and
# tools/bootstrap --test.
#
#   tests/docker/attacks.sh --unguarded [CATEGORY...]
#   tests/docker/attacks.sh --everyday
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
# shellcheck source=tests/docker/engine.bash
. ./engine.bash
# shellcheck source=tests/docker/fixture.bash
. ./fixture.bash
# shellcheck source=tests/docker/attacks.bash
. ./attacks.bash
# shellcheck source=tests/docker/everyday.bash
. ./everyday.bash

usage () { sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p}' "$0"; }

MODE=${1:-}
[ "$MODE" = --unguarded ] || [ "$MODE" = --everyday ] || { usage; exit 2; }
shift

FOLDER=$(mktemp -d /tmp/pgkeel-unguarded-XXXXXX)
trap 'engine_stop; rm -rf "$FOLDER"' EXIT
engine_start "$FOLDER/engine" || exit 1
fixture_begin "$(pg_config --bindir)" || exit 1
fixture_check || { echo "the fixture is not whole"; exit 1; }

if [ "$MODE" = --everyday ]; then
  failed=0
  for row in "${EVERYDAY[@]}"; do run_everyday "$row" || failed=$((failed + 1)); done
  printf '%d of %d everyday commands fail\n' "$failed" "${#EVERYDAY[@]}"
  [ "$failed" -eq 0 ]
  exit
fi

destroyed=0 harmless=0
for row in "${ATTACKS[@]}"; do
  attack_fields "$row"
  [ $# -eq 0 ] || [[ " $* " == *" $CATEGORY "* ]] || continue
  EXTRA=
  eval "$COMMAND" > "$FOLDER/output" 2>&1
  if damage=$(fixture_check) && { [ -z "$EXTRA" ] || docker volume inspect "$EXTRA" > /dev/null 2>&1; }; then
    harmless=$((harmless + 1))
    printf 'HARMLESS   %s: %s\n' "$CATEGORY" "$TITLE"
    sed 's/^/             /' "$FOLDER/output" | cut -c 1-300
  else
    destroyed=$((destroyed + 1))
    printf 'destroyed  %s: %s (%s)\n' "$CATEGORY" "$TITLE" "$(paste -s -d , <<< "${damage:-$EXTRA: gone}")"
  fi
  if ! fixture_repair > "$FOLDER/repair" 2>&1 || ! damage=$(fixture_check); then
    printf 'the fixture cannot be made again: %s\n' "$damage"
    cat "$FOLDER/repair"
    exit 1
  fi
done
printf '%d destroy, %d do not\n' "$destroyed" "$harmless"
[ "$harmless" -eq 0 ]
