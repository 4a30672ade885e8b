#!/usr/bin/env bash
# How long an Engine keeps its callers waiting whose plugin is killed, or hangs: nothing starts it again here. Run by
# hand; takes some minutes. Root, tools/bootstrap --test and a built pgkeel.
#
#   tests/docker/stalls.sh PGKEEL
set -uo pipefail

PGKEEL=$(realpath "${1:?the program}")
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
# shellcheck source=tests/docker/engine.bash
. ./engine.bash

FOLDER=$(mktemp -d /tmp/pgkeel-stalls-XXXXXX)
trap 'kill -KILL "$GUARD"; engine_stop; rm -rf "$FOLDER"' EXIT
export PGKEEL_GUARD_STATE=$FOLDER/state API_SECONDS=300
printf 'project: shop\nenvironments: {development: {local: true}}\n' > "$FOLDER/pgkeel.yaml"

guard_start ()
{
  (cd "$FOLDER" && exec "$PGKEEL" guard serve --name stall --socket "$ENGINE/plugins/stall.sock" --docker "$DOCKER_HOST") \
    >> "$FOLDER/log" 2>&1 &
  GUARD=$!
  until curl --silent --output /dev/null --unix-socket "$ENGINE/plugins/stall.sock" --data '' http://p/Plugin.Activate; do
    sleep 0.1
  done
}

# timed TEXT METHOD TARGET
timed ()
{
  local begin end answer
  begin=$(date +%s%N)
  answer=$(api "$2" "$3" 2>&1 | tail -n 1)
  end=$(date +%s%N)
  printf '%-34s %-28s %6d ms  %s\n' "$1" "$2 $3" $(((end - begin) / 1000000)) "$answer"
}

engine_start "$FOLDER/engine" || exit 1
docker volume create --label com.ledgerflow.protect=true kept > /dev/null
measure ()
{
  local pids=() row
  for row in 'GET /_ping' 'GET /containers/json' 'GET /volumes' 'DELETE /volumes/kept'; do
    # shellcheck disable=SC2086 # two words
    timed "$1" $row &
    pids+=($!)
  done
  wait "${pids[@]}"
}

guard_start
engine_plugins stall
measure 'the plugin answers'
kill -STOP "$GUARD"
(sleep 5; kill -CONT "$GUARD") &
measure 'it hangs for 5 seconds'
kill -KILL "$GUARD"
measure 'it is killed'
measure 'it is killed, the second time'
guard_start
measure 'it is started again'
kill -KILL "$GUARD"
measure 'killed again' > "$FOLDER/restarted" &
waiting=$!
sleep 5
guard_start
wait "$waiting"
sed 's/^killed again      /restarted after 5 s/' "$FOLDER/restarted"
kill -STOP "$GUARD"
measure 'it hangs'
