# What the attacks are made on. Load engine.bash first; the Engine must not be guarded yet.
#
#   volume   label  PostgreSQL's files   used by
#   pgdata   yes    yes, served          container db
#   idle     yes    yes                  nobody
#   waiting  yes    yes                  container wiper, made and never started
#   plain    no     yes                  nobody
#   named    no     no                   nobody; guard.protect names it
#   marked   yes    no                   nobody
#   (anonymous)     yes                  containers old (running) and temp (running, --rm)
#   shop_pgdata yes yes, served          project shop of docker-compose, service db
#
#   fixture_begin BINDIR    makes it all
#   fixture_check           quick, from the host: prints what is lost or changed; fails if anything is
#   fixture_digest CONTAINER  of all rows, asked of its PostgreSQL
#   fixture_repair          makes again what fixture_check misses

LABEL=com.ledgerflow.protect=true
DATA_IN_IMAGE=/var/lib/postgresql/data
FIXTURE_VOLUMES=(pgdata idle waiting plain named marked shop_pgdata)
LEDGER_SQL="CREATE TABLE ledger (id int PRIMARY KEY, account text NOT NULL, amount numeric NOT NULL);
  INSERT INTO ledger SELECT i, 'account ' || i % 97, (i * 7919 % 100000) / 100.0 FROM generate_series(1, 20000) i"
DIGEST_SQL="SELECT count(*) || ' ' || md5(string_agg(l::text, '|' ORDER BY id)) FROM ledger l"

psql_in () { docker exec "$1" psql --no-psqlrc --quiet --no-align --tuples-only --command "$2"; }

pg_answers () { psql_in "$1" 'SELECT 1' > /dev/null 2>&1; }

wait_for_pg ()
{
  local end=$((SECONDS + 60))
  until pg_answers "$1"; do
    [ "$SECONDS" -lt "$end" ] || { docker logs "$1" 2>&1 | tail -n 5 >&2; return 1; }
    sleep 0.05
  done
}

fixture_digest () { psql_in "$1" "$DIGEST_SQL"; }

# A cluster with the rows, stopped: what every PostgreSQL volume is a copy of.
fixture_template ()
{
  docker volume create template > /dev/null
  docker run --detach --name template --network none --volume template:$DATA_IN_IMAGE pg:e2e > /dev/null
  wait_for_pg template || return 1
  psql_in template "$LEDGER_SQL" || return 1
  DIGEST=$(fixture_digest template)
  docker stop --time 30 template > /dev/null
  TEMPLATE=$ENGINE/template
  cp -a "$(volume_path template)" "$TEMPLATE"
  docker rm template > /dev/null
  docker volume rm template > /dev/null
  export DIGEST TEMPLATE
}

has_postgres () { [ "$1" != named ] && [ "$1" != marked ]; }

fixture_fill ()
{
  local path
  path=$(volume_path "$1")
  if has_postgres "$1"; then
    cp -a "$TEMPLATE/." "$path/"
  else
    seq 1000 > "$path/rows.csv"
  fi
}

fixture_volume ()
{
  local labels=()
  case $1 in
    plain | named) ;;
    shop_pgdata) labels=(--label "$LABEL" --label com.docker.compose.project=shop
                         --label com.docker.compose.volume=pgdata --label com.docker.compose.version=1.29.2) ;;
    *) labels=(--label "$LABEL") ;;
  esac
  docker volume create "${labels[@]}" "$1" > /dev/null && fixture_fill "$1"
}

fixture_compose ()
{
  mkdir -p "$ENGINE/shop"
  cat > "$ENGINE/shop/docker-compose.yml" << EOF
version: "3.7"
services:
  db:
    container_name: shop_db_1
    image: pg:e2e
    network_mode: none
    volumes: ["pgdata:$DATA_IN_IMAGE"]
  web:
    container_name: shop_web_1
    image: tools:e2e
    network_mode: none
    command: sh -c "trap exit TERM; sleep 100000 & wait"
    stop_grace_period: 0s
volumes:
  pgdata:
    labels: {com.ledgerflow.protect: "true"}
EOF
}

compose () { (cd "$ENGINE/shop" && docker-compose "$@") < /dev/null; }

# anonymous CONTAINER: the name of its anonymous volume.
anonymous ()
{
  docker inspect --format '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}}{{end}}{{end}}' "$1"
}

fixture_container ()
{
  case $1 in
    db)
      docker run --detach --name db --network none --volume pgdata:$DATA_IN_IMAGE pg:e2e > /dev/null &&
        wait_for_pg db ;;
    wiper)
      docker create --name wiper --network none --volume waiting:/x tools:e2e rm -rf /x > /dev/null ;;
    old | temp)
      local options=()
      [ "$1" = old ] || options=(--rm)
      docker run --detach --name "$1" "${options[@]}" --network none --volume $DATA_IN_IMAGE tools:e2e \
        sleep 100000 > /dev/null
      cp -a "$TEMPLATE/." "$(volume_path "$(anonymous "$1")")/" ;;
    shop_db_1) compose up -d > /dev/null 2>&1 && wait_for_pg shop_db_1 ;;
  esac
}

FIXTURE_CONTAINERS=(db wiper old temp shop_db_1)

fixture_begin ()
{
  local name
  engine_images "$1" && fixture_template || return 1
  fixture_compose
  docker swarm init --advertise-addr 127.0.0.1 > /dev/null
  for name in "${FIXTURE_VOLUMES[@]}"; do fixture_volume "$name" || return 1; done
  for name in "${FIXTURE_CONTAINERS[@]}"; do fixture_container "$name" || return 1; done
  OLD=$(anonymous old) TEMP=$(anonymous temp)
  export OLD TEMP
}

# Names, sizes and the contents of what an attack would overwrite.
fingerprint ()
{
  (cd "$1" 2> /dev/null || exit
   find . -type f -printf '%p %s\n' | sort
   cat PG_VERSION global/pg_control rows.csv 2> /dev/null) | md5sum
}

# A served cluster changes; it must still have all of the template's relations.
served_cluster_is_whole ()
{
  local path=$1
  [ "$(cat "$path/PG_VERSION" 2> /dev/null)" = "$(cat "$TEMPLATE/PG_VERSION")" ] &&
    # The system identifier.
    cmp --quiet --bytes=8 "$path/global/pg_control" "$TEMPLATE/global/pg_control" &&
    [ -z "$(comm -13 <(cd "$path" 2> /dev/null && find base global -type f -size +0 | sort) \
                     <(cd "$TEMPLATE" && find base global -type f -size +0 ! -name pg_internal.init | sort))" ]
}

volume_is_whole ()
{
  case $1 in
    pgdata | shop_pgdata) served_cluster_is_whole "$(volume_path "$1")" ;;
    named | marked) [ "$(fingerprint "$(volume_path "$1")")" = "$(seq 1000 | { printf '%s\n' './rows.csv 3893'; cat; } | md5sum)" ] ;;
    *) [ "$(fingerprint "$(volume_path "$1")")" = "${TEMPLATE_FINGERPRINT:=$(fingerprint "$TEMPLATE")}" ] ;;
  esac
}

fixture_check ()
{
  local name lost=() there
  there=$(api GET /volumes) || { echo "no list of volumes: $there"; return 1; }
  : "${TEMPLATE_FINGERPRINT:=$(fingerprint "$TEMPLATE")}"
  for name in "${FIXTURE_VOLUMES[@]}" "$OLD" "$TEMP"; do
    if [[ $there != *"\"Name\":\"$name\""* ]]; then
      lost+=("$name: gone")
    elif ! volume_is_whole "$name"; then
      lost+=("$name: files lost")
    fi
  done
  [ "${#lost[@]}" -eq 0 ] || { printf '%s\n' "${lost[@]}"; return 1; }
}

fixture_repair ()
{
  local name container keep there
  fixture_compose
  keep=$(printf '%s\n' "${FIXTURE_CONTAINERS[@]}" shop_web_1)
  docker ps --all --format '{{.Names}}' | grep -vxF "$keep" | xargs -r docker rm -f > /dev/null
  there=$(api GET /volumes)
  for name in "${FIXTURE_VOLUMES[@]}"; do
    [[ $there != *"\"Name\":\"$name\""* ]] || ! volume_is_whole "$name" || continue
    docker ps --all --quiet --filter "volume=$name" | xargs -r docker rm -f > /dev/null
    docker volume rm -f "$name" > /dev/null 2>&1
    fixture_volume "$name" || return 1
  done
  for container in old temp; do
    name=$OLD
    [ $container = old ] || name=$TEMP
    docker inspect $container > /dev/null 2>&1 && volume_is_whole "$name" && continue
    docker rm -f $container > /dev/null 2>&1
    while docker inspect $container > /dev/null 2>&1; do sleep 0.05; done
    fixture_container $container || return 1
  done
  for container in db shop_db_1; do
    pg_answers $container && continue
    docker rm -f $container > /dev/null 2>&1
    fixture_container $container || return 1
  done
  docker inspect wiper > /dev/null 2>&1 || fixture_container wiper
  docker volume ls --quiet | grep -vxF "$(printf '%s\n' "${FIXTURE_VOLUMES[@]}" "$(anonymous old)" "$(anonymous temp)")" |
    xargs -r docker volume rm > /dev/null
  OLD=$(anonymous old) TEMP=$(anonymous temp)
}
