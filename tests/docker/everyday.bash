# What people do with Docker all day, and a guard must not be in the way of. Each row:
#
#   everyday PATTERN COMMAND     ends with exit code 0 and prints what the extended regular expression PATTERN matches
#
#   everyday_transcript          what commands print and how they end that change nothing, and fail as they should
#
# They run in this order, on the fixture. attacks.sh --everyday runs them without a guard.
# shellcheck disable=SC2016 # COMMAND is evaluated when it is run

EVERYDAY=()
everyday () { EVERYDAY+=("$1"$'\x1f'"$2"); }

# run_everyday ROW: prints what the command printed; fails when it is not as it should be.
run_everyday ()
{
  local pattern command output code=0
  IFS=$'\x1f' read -r -d '' pattern command <<< "$1" || true
  output=$(set -o pipefail; eval "$command" 2>&1) || code=$?
  [ "$code" -eq 0 ] && grep -qE -- "$pattern" <<< "$output" && return 0
  printf 'an everyday command fails, exit code %d, or prints no “%s”:\n%s\n%s\n' "$code" "$pattern" "$command" "$output"
  return 1
}

everyday_transcript ()
{
  local command
  while read -r command; do
    printf '$ %s\n' "$command"
    eval "$command" 2>&1 || printf 'exit code %d\n' $?
  done << 'END'
docker ps --format '{{.Names}} {{.Image}} {{.State}}' | sort
docker volume ls --format '{{.Name}} {{.Driver}}' | sort
docker volume inspect idle plain
docker inspect --format '{{json .Mounts}} {{json .Config}}' db
docker images --format '{{.Repository}}:{{.Tag}} {{.ID}}'
docker exec db psql --no-psqlrc --quiet --no-align --tuples-only -c 'SELECT sum(amount) FROM ledger'
docker exec db sh -c 'exit 7'
docker run --rm --network none tools:e2e sh -c 'echo out; exit 3'
docker run --rm --network none tools:e2e sh -c 'echo err >&2; exit 4' > /dev/null

docker volume rm no-such-volume
docker volume rm --force no-such-volume
docker rm --volumes no-such-container
docker stop no-such-container
docker volume create 'a bad name'
api GET /v1.24/volumes/no-such-volume
api POST /containers/no-such-container/start
api DELETE /images/no-such-image
END
}

everyday '^[0-9a-f]+ .* db$' 'docker ps'
everyday 'wiper' 'docker ps --all --filter volume=waiting'
everyday 'ready to accept' 'docker logs db'
everyday '^20000$' 'docker exec db psql --no-psqlrc --quiet --no-align --tuples-only -c "SELECT count(*) FROM ledger"'
everyday '^20000$' 'echo "SELECT count(*) FROM ledger" | docker exec --interactive db psql --no-psqlrc --quiet --no-align --tuples-only'
everyday '^uid=0' 'docker exec --user 0 --workdir /tmp --env A=b db id'
everyday 'db +[0-9.]+%' 'docker stats --no-stream db'
everyday 'postgres' 'docker top db'
everyday '"Destination": "/var/lib/postgresql/data"' 'docker inspect db'
everyday '.' 'docker diff db'
everyday '^0$' 'docker wait $(docker run --detach --network none tools:e2e true)'
everyday 'idle' 'docker volume ls --filter label=com.ledgerflow.protect'
everyday '"com.ledgerflow.protect": "true"' 'docker volume inspect idle'
everyday '^spare$' 'docker volume create --label temporary=yes spare'
everyday '^idle$' 'docker volume create idle'
everyday '^written$' 'docker run --rm --network none -v spare:/x tools:e2e sh -c "echo written > /x/file; cat /x/file"'
everyday '^written$' 'docker run --rm --network none --mount type=volume,src=spare,dst=/x,readonly tools:e2e cat /x/file'
everyday '^spare$' 'docker volume rm spare'
everyday 'spare2' 'docker volume create --label temporary=yes spare2 && docker volume prune --force --filter label=temporary'
everyday '^hello$' 'docker run --rm --network none tools:e2e echo hello'
everyday '^from outside$' 'echo from outside | docker run --rm --interactive --network none tools:e2e cat'
everyday 'tmpfs' 'docker run --rm --network none --tmpfs /scratch tools:e2e grep /scratch /proc/mounts'
everyday '^new$' 'docker run --rm --network none -v /scratch tools:e2e sh -c "echo new > /scratch/x; cat /scratch/x"'
everyday '^kept$' 'mkdir -p "$ENGINE/project" && docker run --rm --network none -v "$ENGINE/project:/x" tools:e2e sh -c "echo kept > /x/file" &&
                   cat "$ENGINE/project/file"'
everyday '^[0-9]+$' 'docker run --rm --network none -v idle:/x:ro tools:e2e tar -c /x | wc -c'
everyday 'PG_VERSION' 'docker run --rm --network none --volumes-from db:ro tools:e2e ls /var/lib/postgresql/data'
everyday '^[0-9a-f]{64}$' 'docker run --detach --name work --network none tools:e2e sleep 100000'
everyday '^copied$' 'echo copied > "$ENGINE/file"; docker cp "$ENGINE/file" work:/tmp/file && docker exec work cat /tmp/file'
everyday '^copied$' 'docker cp work:/tmp/file - | tar -xO'
everyday '^copied$' 'docker cp "$ENGINE/file" db:/tmp/file && docker exec db cat /tmp/file'
everyday 'PG_VERSION' 'docker cp db:/var/lib/postgresql/data - | tar -t'
everyday '^busy$' 'docker rename work busy && docker ps --format "{{.Names}}" --filter name=busy'
everyday '^busy$' 'docker update --restart no busy'
everyday 'Paused' 'docker pause busy && docker ps --filter name=busy'
everyday '^busy$' 'docker unpause busy'
everyday '^busy$' 'docker stop --time 0 busy'
everyday '^busy$' 'docker start busy'
everyday '^busy$' 'docker restart --time 0 busy'
everyday '^busy$' 'docker kill busy'
everyday '^sha256:' 'docker commit busy snapshot:e2e'
everyday 'tmp/file' 'docker export busy | tar -t'
everyday '^busy$' 'docker rm --volumes busy'
everyday '^[0-9a-f]{64}$' 'docker create --name scratch --network none -v /scratch tools:e2e true'
everyday '^scratch$' 'docker rm --force --volumes scratch'
everyday 'Total reclaimed' 'docker create --network none tools:e2e true > /dev/null && docker container prune --force --filter label!=no.such'
everyday 'Total reclaimed' 'docker image prune --force'
everyday '^tagged$' 'docker tag tools:e2e tagged:1 && docker images --format "{{.Repository}}" tagged'
everyday 'Untagged' 'docker rmi tagged:1'
everyday 'tools' 'docker image ls'
everyday 'IMAGE' 'docker history tools:e2e'
everyday 'Loaded image: tools:e2e' 'docker save tools:e2e | docker load'
everyday '^sha256:' 'tar -C "$ENGINE/project" -c . | docker import - imported:1'
everyday 'Successfully built' 'printf "FROM scratch\nCOPY file /\nLABEL a=b\n" > "$ENGINE/project/Dockerfile" && DOCKER_BUILDKIT=0 docker build -t built:1 "$ENGINE/project"'
everyday 'built from' 'printf "FROM tools:e2e\nRUN echo built from > /file\nRUN cat /file\n" | DOCKER_BUILDKIT=0 docker build --network none -'
everyday '^[0-9a-f]{64}$' 'docker network create --internal --driver bridge apart'
everyday 'apart' 'docker network ls && docker network inspect apart'
everyday '^apart$' 'docker network rm apart'
everyday 'Total reclaimed|Deleted|^$' 'docker network prune --force'
everyday 'Local Volumes' 'docker system df'
everyday 'idle' 'docker system df --verbose'
everyday 'Total reclaimed' 'docker system prune --force'
everyday 'Server Version' 'docker info'
everyday 'API version' 'docker version'
everyday 'exec_start|create|start' 'docker events --since 10m --until 0s'
everyday 'NAME|pgkeel|^$' 'docker plugin ls'
everyday 'Ready' 'docker node ls'
everyday 'waiting' 'docker run --rm --network none --label com.example.backup=yes -v waiting:/from:ro -v "$ENGINE/project:/to" tools:e2e sh -c "tar -c /from > /to/t"; echo waiting'
everyday '^[0-9a-f]{64}$' 'docker volume create --label com.ledgerflow.protect=true fresh > /dev/null && docker run --detach --name fresh --network none -v fresh:/var/lib/postgresql/data pg:e2e'
everyday '^1$' 'wait_for_pg fresh && psql_in fresh "SELECT 1"'
everyday '^fresh$' 'docker rm --force fresh'
everyday '^1$' 'docker run --detach --name fresh2 --network none -v fresh:/var/lib/postgresql/data pg:e2e > /dev/null && wait_for_pg fresh2 && psql_in fresh2 "SELECT 1"'
everyday '^fresh2$' 'docker stop fresh2 && docker start fresh2'
everyday '^db$' 'docker restart db'
everyday '^1$' 'wait_for_pg db && psql_in db "SELECT 1"'
everyday 'image: pg:e2e' 'compose config'
everyday 'shop_db_1' 'compose ps'
everyday 'ready to accept' 'compose logs db'
everyday '^20000$' 'compose exec -T db psql --no-psqlrc --quiet --no-align --tuples-only -c "SELECT count(*) FROM ledger"'
everyday 'hello' 'compose run --rm web echo hello'
everyday '.' 'compose restart -t 1 web && docker ps'
everyday '.' 'compose stop -t 5 && compose start && wait_for_pg shop_db_1 && docker ps'
everyday 'shop_db_1' 'compose up -d --force-recreate -t 5 && wait_for_pg shop_db_1 && docker ps'
everyday 'shop_db_1' 'compose down -t 5 && compose up -d && wait_for_pg shop_db_1 && docker ps'
[ -z "$NEW_CLIENT" ] || everyday 'db' '$NEW_CLIENT ps'
[ -z "$NEW_CLIENT" ] || everyday '^hello$' '$NEW_CLIENT run --rm --network none tools:e2e echo hello'
everyday 'OK' 'api GET /_ping'
everyday 'HTTP 200' 'api GET /v1.24/containers/json?all=1'
