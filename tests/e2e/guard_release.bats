#!/usr/bin/env bats
# What a Docker volume holds and what protects it, and the way to delete one all the same: a release. On an
# Engine of its own that asks `pgkeel guard serve`, with the files of a real cluster and its backups.
# shellcheck disable=SC1111 # real quotation marks

load helper
load ../docker/engine

LABEL=com.ledgerflow.protect=true

#   shop     labelled, the cluster: databases shop and orders
#   bare     no label, the same files
#   other    labelled, another cluster, with a database shop as well
#   plain    no label, no database
setup_file ()
{
  local bindir
  e2e_begin
  bindir=$(pg_bindirs | head -n 1)
  MAJOR=$(pg_major_of "$bindir")
  ENGINE_FOLDER=$(mktemp -d /tmp/pgk-XXXXXX)
  chmod 711 "$ENGINE_FOLDER"
  export MAJOR ENGINE_FOLDER STATE=$ENGINE_FOLDER/state PLUGIN=pgkeel
  engine_start "$ENGINE_FOLDER"
  engine_images "$bindir"
  make_cluster db "$bindir"
  pg_start db "$bindir"
  pg_sql db postgres 'CREATE DATABASE shop'
  pg_sql db shop 'CREATE TABLE t AS SELECT i FROM generate_series(1, 20000) i'
  project_new "project: shop
backup: {min_size: 100B}
guard: {protect: [kept*]}
environments:
  staging: {url: '$(pg_url db shop)'}
  accounts: {url: '$(pg_url db orders)'}
  production: {url: '$(pg_url db shop)', protected: true}"
  export PROJECT PGKEEL_ENV=staging PGKEEL_GUARD_STATE=$STATE
  mkdir -m 700 "$STATE"
  "$PGKEEL" guard serve --socket "$ENGINE/plugins/$PLUGIN.sock" > "$ENGINE/serve.log" 2>&1 3>&- &
  export SERVE=$!
  fill_templates "$bindir"
}

teardown_file ()
{
  engine_stop
  kill "$SERVE" || true
  e2e_end
  rm -rf "${ENGINE_FOLDER:?}"
}

# Backups and the files of three states: the cluster, the cluster with a database more, another cluster.
fill_templates ()
{
  "$PGKEEL" backup create > /dev/null 2>&1
  wait_for 60 grep -q 'guarding as' "$ENGINE/serve.log"
  copy_cluster one
  pg_sql db postgres 'CREATE DATABASE orders'
  copy_cluster two
  make_cluster other "$1"
  echo 'CREATE DATABASE shop' |
    as_server_user "$1/postgres" --single -F -D "$E2E_ROOT/pg/other/data" postgres > /dev/null
  cp -a "$E2E_ROOT/pg/other/data" "$ENGINE/other"
}

# As pg_start makes them, but with little WAL, as the image pg:e2e wants it.
make_cluster ()
{
  local folder=$E2E_ROOT/pg/$1
  mkdir "$folder"
  chown postgres: "$folder"
  printf '%s\n' "$2" > "$folder/bindir"
  as_server_user mkdir "$folder/run"
  as_server_user "$2/initdb" --no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
    --wal-segsize=1 --pgdata="$folder/data" > /dev/null
  printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$folder/run'" 'fsync = off' \
    'min_wal_size = 2MB' >> "$folder/data/postgresql.conf"
}

# Stopped in order, copied, started again.
copy_cluster ()
{
  pg_stop db
  cp -a "$E2E_ROOT/pg/db/data" "$ENGINE/$1"
  pg_start db "$(pg_bindir db)"
}

setup ()
{
  cd "$PROJECT" || return 1
  export DOCKER_HOST
}

# Without the plugin: whatever a test has left goes, and what it needs is made.
fresh ()
{
  local name
  engine_plugins
  docker ps --all --quiet | xargs -r docker rm --force > /dev/null
  docker volume ls --quiet | xargs -r docker volume rm > /dev/null
  rm -rf "${STATE:?}"/*
  close_incidents
  for name in "$@"; do
    case $name in
      shop | other) docker volume create --label "$LABEL" "$name" > /dev/null ;;
      *) docker volume create "$name" > /dev/null ;;
    esac
    case $name in
      shop | bare) put one "$name" ;;
      other) put other "$name" ;;
      *) echo x > "$(volume_path "$name")/file" ;;
    esac
  done
}

# The same files, not copies: nobody changes them in place.
put () { rm -rf "$(volume_path "$2")" && cp -al "$ENGINE/$1" "$(volume_path "$2")"; }

guarded () { engine_plugins "$PLUGIN"; }

backup () { ls backups/staging/*.sql.gz; }

has_incident () { "$PGKEEL" incident list --json | jq -e '.incidents | length > 0' > /dev/null; }

assert_refused_by_plugin ()
{
  run docker volume rm "$1"
  [ "$status" -ne 0 ]
  [[ $output == *"authorization denied by plugin $PLUGIN"* ]] ||
    { show_run; fail "$1 was not refused by the plugin"; }
  docker volume inspect "$1" > /dev/null
  # It opens an incident, which stops releases, after the Engine has its answer.
  wait_for 60 has_incident
  close_incidents
}

# typed ANSWERS WORDS...: the release on a terminal, with what a person types.
typed ()
{
  local answers=$1
  shift
  # shellcheck disable=SC2059 # the answers have line ends
  run bash -c "printf '$answers' | script -qec \"\$PGKEEL guard release $*\" /dev/null"
}

@test "volumes: what protects them, who has them, what they hold; exit 1 for a database without protection" {
  fresh shop bare plain
  docker run --detach --name web --network none --volume shop:/data tools:e2e sleep 100000 > /dev/null
  docker create --name idle --volume bare:/data tools:e2e true > /dev/null
  run_keel guard volumes
  assert_error 1 'a database volume is unprotected: bare' 'Name it in guard.protect'
  assert_stdout 'web (running)'
  grep -qE "^bare +NO +idle +$MAJOR +[0-9.]+ MB +.* ago +never" <<< "$output" || { show_run; fail 'no row of bare'; }
  grep -qE '^plain +- +- +[0-9.]+ [KM]?B +- +-' <<< "$output" || { show_run; fail 'no row of plain'; }
  run_keel guard volumes --json
  assert_status 1
  assert_json '[.volumes[] | [.name, .protected]] == [["bare", "no"], ["plain", "not-needed"], ["shop", "yes"]]'
  assert_json '.volumes[0] | .containers == ["idle"] and .running == []'
  assert_json '.volumes[2].holds | .verdict == "unproven" and .size_bytes > 10000000
               and [.clusters[0].databases[].name] == ["shop"] and .clusters[0].is_shut_down'
  [ "$(jq -r '.volumes[2].holds.clusters[0].system_identifier' <<< "$output")" = \
    "$(pg_sql db postgres 'SELECT system_identifier FROM pg_control_system()')" ]
  run_keel guard volumes check
  assert_error 1 'a database volume is unprotected: bare'
  [ -z "$output" ]
}

@test "volumes: nobody's word is taken for what cannot be seen; a name in guard.protect protects" {
  fresh shop plain kept_by_name
  rm "$(volume_path kept_by_name)/file"
  put one kept_by_name
  run_keel guard volumes check
  assert_status 0
  assert_stdout '3 volumes, 2 of them protected'
  chmod 666 "$ENGINE/docker.sock"
  run --separate-stderr setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/ "$PGKEEL" \
    guard volumes
  assert_error 1 'a volume without a label cannot be looked into, it may hold a database: plain' 'sudo'
  grep -qE '^plain +unknown +unknown +unknown +unknown +unknown$' <<< "$output" || { show_run; fail 'no row of plain'; }
  run --separate-stderr setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/ "$PGKEEL" \
    guard volumes check
  assert_status 1
  chmod 660 "$ENGINE/docker.sock"
  run_keel guard volumes --docker tcp://192.0.2.1:1
  assert_error 4 'asking the Docker Engine'
  run_keel guard volumes create
  assert_error 2 'needs a name'
  run_keel guard volumes remove shop
  assert_error 2 'cannot “remove”'
}

@test "volumes create makes a protected one, once, and takes no other for it" {
  fresh plain
  guarded
  run_keel guard volumes create new
  assert_status 0
  assert_stdout "made volume new with the label $LABEL"
  [ "$(docker volume inspect --format '{{index .Labels "com.ledgerflow.protect"}}' new)" = true ]
  run_keel guard volumes create new --json
  assert_status 0
  assert_json '.volume == "new" and (.is_new | not)'
  run_keel guard volumes create new --opt type=tmpfs --opt device=tmpfs
  assert_error 1 'with another driver or other options'
  run_keel guard volumes create plain
  assert_error 1 'without the label' 'cannot be changed'
  run_keel guard volumes create 'not/a/name'
  assert_status 5
  assert_refused_by_plugin new
}

@test "a release is refused without a proof, with a stale one, for another cluster, damaged, and in its own volume" {
  local name
  fresh shop bare other plain
  run_keel guard release nowhere
  assert_error 5 'there is no Docker volume “nowhere”' 'guard volumes'
  run_keel guard release plain
  assert_error 1 'volume “plain” is not protected' 'docker volume rm plain'
  run_keel guard release
  assert_error 2 'which volume'
  run_keel guard release shop --confirm=shop
  assert_error 3 'there is no proven backup' 'backup prove latest'
  assert_stderr 'shop: backup of'
  assert_stderr 'never proven'

  "$PGKEEL" backup prove latest > /dev/null 2>&1
  run_keel guard release other
  assert_error 3 'there is no proven backup'
  assert_stderr 'shop: no backup'
  put two shop
  run_keel guard release shop
  assert_error 3 'there is no proven backup'
  assert_stderr 'orders: no backup'
  put one shop

  cp pgkeel.yaml pgkeel.yaml.orig
  sed -i 's/^guard: {/&proof_max_age: 1s, /' pgkeel.yaml
  sleep 1
  run_keel guard release shop
  mv pgkeel.yaml.orig pgkeel.yaml
  assert_error 3 'there is no proven backup' 'backup create'
  assert_stderr 'too old'

  # Proven, and damaged since: every byte is read again.
  name=$(jq -r '.volumes[0].holds.clusters[0].databases[0].proven.path' <<< "$("$PGKEEL" guard volumes --json)")
  cp "$name" "$ENGINE/whole"
  printf x | dd of="$name" bs=1 seek=$(($(stat --format %s "$name") / 2)) conv=notrunc status=none
  run_keel guard release shop --confirm=shop
  cp "$ENGINE/whole" "$name"
  rm "${name%.sql.gz}.verified.json"
  close_incidents
  assert_status 1
  assert_stderr "$(basename "$name")"
  assert_stderr 'damaged'

  # As if the backup were taken to another folder, which is mounted from inside of the volume.
  mv backups "$(volume_path shop)/backups"
  ln -s "$(volume_path shop)/backups" backups
  run_keel guard release shop
  mv "$(volume_path shop)/backups" "$PROJECT/kept" && rm backups && mv kept backups
  assert_error 3 'there is no proven backup'
  assert_stderr 'backups that lie in the volume itself do not count: '

  rm "$(volume_path bare)/global/pg_control"
  { head -c 40 "$ENGINE/one/global/pg_control"; seq 1000; } > "$(volume_path bare)/global/pg_control"
  run_keel guard release bare --confirm=bare
  assert_error 3 'there is no proven backup' 'Unknown is not proven'
  assert_stderr 'unknown: the checksum of pg_control is wrong'
}

@test "a release is refused while in use, during an incident, for production by another name, unconfirmed" {
  local server
  fresh shop
  docker run --detach --name web --network none --volume shop:/data tools:e2e sleep 100000 > /dev/null
  run_keel guard release shop
  assert_error 3 'in use: container “web” is running' 'docker stop web && docker rm web'
  docker kill web > /dev/null
  # A server that has the files by another way; its working folder is the data directory.
  (cd "$(volume_path shop)" && exec sleep 1000 3>&-) &
  server=$!
  wait_for 60 test "/proc/$server/cwd" -ef "$(volume_path shop)"
  run_keel guard release shop --confirm=shop
  kill "$server"
  wait "$server" || true
  assert_error 3 "process $server is at work in the data directory"

  run_keel guard release shop
  assert_error 3 'there is no terminal to confirm on' '--confirm=shop'
  run_keel --yes guard release shop
  assert_error 3 'there is no terminal to confirm on'
  typed 'bare\n' shop
  [ "$status" -eq 3 ] && [[ $output == *'not confirmed'* ]]
  run_keel guard release --list
  assert_stdout 'no volume is released'

  ID=$("$PGKEEL" incident open 'rows vanished' --json | jq -r .id)
  run_keel guard release shop --confirm=shop
  assert_error 3 'incident'
  PGKEEL_INCIDENT=$ID run_keel guard release shop --confirm=shop
  assert_status 0
  close_incidents
  run_keel guard release --revoke shop
  assert_status 0

  mkdir backups/production
  mv backups/staging backups/aside
  PGKEEL_ENV=production "$PGKEEL" backup create > /dev/null 2>&1
  run_keel guard release shop --confirm=shop
  assert_error 3 'holds the database “shop” of production' 'pgkeel -e production guard release shop'
  LEDGER_ENV=staging run_keel -e production guard release shop --confirm=shop
  assert_status 3
  rm -r backups/production
  mv backups/aside backups/staging

  [ "$(jq -r 'select(.action == "guard release" and .phase == "refused") | .error' .pgkeel/audit.jsonl | wc -l)" -ge 8 ]
  run_keel audit verify
  assert_status 0
}

@test "typed, proven: one deletion, no second one; all of it in the audit log" {
  fresh shop
  docker create --name idle --volume shop:/data tools:e2e true > /dev/null
  guarded
  assert_refused_by_plugin shop
  typed 'shop\n' shop
  [ "$status" -eq 0 ] || { echo "$output"; fail 'not released'; }
  [[ $output == *'Type the name shop to go on'* && $output == *'docker rm idle'* && $output == *'volume shop can be deleted once'* ]]
  run_keel guard release --list --json
  assert_json '.releases | length == 1 and (.[0] | .volume == "shop" and .is_open and (.by | length > 0))'
  run docker volume rm shop
  [ "$status" -ne 0 ] && [[ $output == *'container “idle” mounts it'* ]]
  docker rm idle > /dev/null
  docker volume rm shop
  run_keel guard release --list
  assert_stdout 'no volume is released'
  docker volume create --label "$LABEL" shop > /dev/null
  put one shop
  assert_refused_by_plugin shop
  jq -es 'map(select(.action | startswith("guard"))) | map(select(.volume == "shop")) | map([.action, .phase])
          | .[-5:] == [["guard release", "intent"], ["guard release", "done"], ["guard", "refused"], ["guard", "intent"],
                      ["guard", "refused"]]' \
    .pgkeel/audit.jsonl || { tail -n 8 .pgkeel/audit.jsonl; fail 'not in the log'; }
}

@test "a release ends: by its time, taken back, or when the volume becomes another" {
  local file
  fresh shop
  guarded
  run_keel guard release shop --confirm=shop
  assert_status 0
  file=$(ls "$STATE"/releases/*.release)
  jq '.expires = (now | floor)' "$file" > "$file.new"
  install -m 600 "$file.new" "$file" && rm "$file.new"
  run_keel guard release --list
  assert_stdout ' over '
  assert_refused_by_plugin shop

  run_keel guard release shop --confirm=shop
  assert_status 0
  run_keel guard release --revoke shop
  assert_status 0
  assert_refused_by_plugin shop
  run_keel guard release --revoke shop
  assert_error 1 'volume “shop” is not released'

  run_keel guard release shop --confirm=shop
  assert_status 0
  cp --remove-destination "$ENGINE/other/global/pg_control" "$(volume_path shop)/global/pg_control"
  assert_refused_by_plugin shop
}

@test "without a backup the words are typed, too; of many at once one deletes" {
  local i answers
  fresh other
  guarded
  run_keel guard release other --no-backup
  assert_error 3 'there is no terminal to confirm on' "--confirm='other no backup'"
  GUARD_RELEASE_CONFIRM=other run_keel guard release other --no-backup --confirm=other
  assert_status 3
  typed 'other\n' other --no-backup
  [ "$status" -eq 3 ] && [[ $output == *'not confirmed'* ]]
  run_keel guard release --list
  assert_stdout 'no volume is released'
  typed 'other no backup\n' other --no-backup
  [ "$status" -eq 0 ] || { echo "$output"; fail 'not released'; }
  [[ $output == *'WITHOUT A PROVEN BACKUP'* ]]
  GUARD_RELEASE_CONFIRM='other no backup' run_keel guard release other --no-backup
  assert_status 0
  jq -es 'map(select(.action == "guard release" and .phase == "done"))[-1] | .volume == "other" and .no_backup
          and .confirmed == {"level": "name", "by": "GUARD_RELEASE_CONFIRM"}' \
    .pgkeel/audit.jsonl || { tail -n 1 .pgkeel/audit.jsonl; fail "not in the log"; }
  for i in $(seq 16); do
    api DELETE /volumes/other > "$ENGINE/answer.$i" &
    ids+=($!)
  done
  for i in "${ids[@]}"; do wait "$i" || true; done
  answers=$(cat "$ENGINE"/answer.* | grep -c 'HTTP 204')
  [ "$answers" -eq 1 ] || { cat "$ENGINE"/answer.*; fail "$answers deletions went through"; }
  [ "$(jq -s 'map(select(.action == "guard" and .phase == "intent" and .volume == "other")) | length' .pgkeel/audit.jsonl)" -eq 1 ]
}

# docs/guard.md, “Moving a database to a protected volume”; the numbers are its steps.
@test "a database moves to a protected volume in the way that the manual says, with the plugin watching" {
  local data=/var/lib/postgresql/data sum
  fresh bare
  rm -r "$(volume_path bare)"
  cp -a "$ENGINE/one" "$(volume_path bare)" # no links: a server will write to it
  chown -R 999:999 "$(volume_path bare)"
  guarded
  docker run --detach --name db --network none --volume bare:$data pg:e2e > /dev/null
  wait_for 60 docker exec db psql -d shop -c 'SELECT 1' 2> /dev/null
  sum=$(docker exec db psql -Atd shop -c 'SELECT count(*), sum(i) FROM t')
  run_keel guard volumes check
  assert_error 1 'a database volume is unprotected: bare'
  docker stop db # 2
  docker rm db
  "$PGKEEL" guard volumes create moved # 3
  docker run --rm --network none --user root --entrypoint cp --volume bare:/from:ro --volume moved:$data pg:e2e \
    -a /from/. $data/ # 4
  docker run --detach --name db --network none --volume moved:$data pg:e2e > /dev/null # 5
  wait_for 60 docker exec db psql -d shop -c 'SELECT 1' 2> /dev/null
  [ "$(docker exec db psql -Atd shop -c 'SELECT count(*), sum(i) FROM t')" = "$sum" ]
  run_keel guard release bare --confirm=bare # 7
  assert_status 0
  docker volume rm bare
  run_keel guard volumes check
  assert_status 0
  assert_refused_by_plugin moved
}
