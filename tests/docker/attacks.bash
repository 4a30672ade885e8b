# Ways to destroy the data of fixture.bash. Each row:
#
#   attack CATEGORY VICTIM TITLE COMMAND
#
# VICTIM is what a refusal must name: a volume; "any" where it may name one of several, or the Engine's folder;
# "host": the host; "anonymous" one that the command makes first; "opaque": it says that it cannot look into it. COMMAND runs in this
# shell. attacks.sh runs every row against an Engine without the plugin, where each must really destroy something;
# guard_docker.bats runs them with it.
# shellcheck disable=SC2016 # COMMAND is evaluated when it is run

ATTACKS=()
attack ()
{
  ATTACKS+=("$1"$'\x1f'"$2"$'\x1f'"$3"$'\x1f'"$4")
}

# shellcheck disable=SC2034 # for those who ask
# attack_fields ROW: sets CATEGORY, VICTIM, TITLE and COMMAND.
attack_fields ()
{
  IFS=$'\x1f' read -r -d '' CATEGORY VICTIM TITLE COMMAND <<< "$1" || true
  COMMAND=${COMMAND%$'\n'}
}

# The newer of two clients, where one is installed: /usr/local/bin/docker next to Debian's /usr/bin/docker.
CLIENT=/usr/bin/docker
[ -x $CLIENT ] || CLIENT=$(command -v docker)
NEW_CLIENT=
for candidate in $(type -ap docker); do
  [ "$candidate" = "$CLIENT" ] || [ -n "$NEW_CLIENT" ] || NEW_CLIENT=$candidate
done
docker () { "$CLIENT" "$@"; }

JSON=(--header 'Content-Type: application/json')

# big BYTES: that many of a byte that says nothing.
big () { head -c "$1" /dev/zero | tr '\0' "${2:- }"; }

# Makes a container from BODY at VERSION ("" or "/v1.24"), starts it and waits until it has ended.
# BODY may be @FILE. What follows is for curl.
api_run ()
{
  local version=$1 body=$2 answer id
  shift 2
  answer=$(api POST "$version/containers/create" "${JSON[@]}" --data-binary "$body" "$@") || { echo "$answer"; return 1; }
  id=$(head -n 1 <<< "$answer" | jq -r .Id)
  api POST "/containers/$id/start" || return 1
  api POST "/containers/$id/wait" > /dev/null
}

# A body for api_run: wipes what is mounted at /x. HOST is HostConfig's inside, MORE stands before it.
wiper ()
{
  printf '{"Image":"tools:e2e","Cmd":["sh","-c","rm -rf /x/* /x/idle/_data/*"],%s"HostConfig":{"NetworkMode":"none",%s}}' \
    "${2:-}" "$1"
}

run_wiper () { docker run --rm --network none "$@" tools:e2e rm -rf /x; }

# ---- Deleting volumes

attack delete idle 'docker volume rm' 'docker volume rm idle'
attack delete idle 'docker volume rm -f' 'docker volume rm -f idle'
attack delete idle 'docker volume remove, the second of two' \
  'docker volume create spare > /dev/null; docker volume remove spare idle'
attack delete plain 'docker volume rm, no label but PostgreSQL in it' 'docker volume rm plain'
attack delete named 'docker volume rm, protected by name' 'docker volume rm named'
attack delete marked 'docker volume rm, label but no PostgreSQL' 'docker volume rm -f marked'
[ -z "$NEW_CLIENT" ] || attack delete idle 'docker volume rm -f, newer client' '$NEW_CLIENT volume rm -f idle'
attack delete idle 'DELETE without a version' 'api DELETE /volumes/idle'
attack delete idle 'DELETE with the newest version' 'api DELETE /v1.41/volumes/idle'
attack delete idle 'DELETE with an old version' 'api DELETE /v1.24/volumes/idle'
attack delete idle 'DELETE with the oldest version' 'api DELETE /v1.12/volumes/idle'
attack delete idle 'DELETE with zeros in its version' 'api DELETE /v001.0041/volumes/idle'
for word in 1 yes TRUE on t; do
  attack delete idle "DELETE with force=$word" "api DELETE '/volumes/idle?force=$word'"
done
attack delete idle 'DELETE with force twice' "api DELETE '/volumes/idle?force=0&force=1'"
attack delete plain 'taking the label for granted: made again with another, then removed' \
  'docker volume create --label com.ledgerflow.protect=false idle; docker volume rm plain idle'
attack delete idle 'made again without its label, then removed' \
  'api POST /volumes/create "${JSON[@]}" --data "{\"Name\":\"idle\",\"Labels\":{\"com.ledgerflow.protect\":\"false\"}}"
   api DELETE /volumes/idle'

# ---- The same deletion, spelt otherwise

attack spelling idle 'one letter encoded' 'api DELETE /volumes/i%64le'
attack spelling idle 'every letter encoded' 'api DELETE /volumes/%69%64%6c%65'
attack spelling idle 'capital hexadecimal digits' 'api DELETE /volumes/id%6Ce'
attack spelling idle 'the word volumes encoded' 'api DELETE /%76olumes/idle'
attack spelling idle 'the slash encoded' 'api DELETE /volumes%2Fidle'
attack spelling idle 'all slashes encoded, with a version' 'api DELETE /v1.41%2fvolumes%2fidle'
attack spelling idle 'the version encoded' 'api DELETE /v1%2e41/volumes/idle'
attack spelling idle 'double slash, redirection followed' 'api DELETE //volumes/idle --location'
attack spelling idle 'double slash before the name' 'api DELETE /v1.41/volumes//idle --location'
attack spelling idle 'dot segments' 'api DELETE /containers/../volumes/./idle --location'
attack spelling idle 'encoded dot segments' 'api DELETE /images/%2e%2e/volumes/%2e/idle --location'
attack spelling idle 'absolute form' 'api DELETE / --request-target http://engine/volumes/idle'
attack spelling idle 'absolute form with another host and user' \
  'api DELETE / --request-target http://me@containers/v1.41/volumes/idle'
attack spelling idle 'HTTP/1.0' 'api DELETE /volumes/idle --http1.0'
attack spelling idle 'an odd Host' 'api DELETE /volumes/idle --header "Host: containers"'
attack spelling idle 'claims to be another method' \
  'api DELETE /volumes/idle --header "X-HTTP-Method-Override: GET" --header "X-Method: GET"'
attack spelling idle 'claims to be an upgrade' \
  'api DELETE /volumes/idle --header "Upgrade: tcp" --header "Connection: Upgrade"'
attack spelling idle 'an empty question mark' 'api DELETE "/volumes/idle?"'
attack spelling idle 'a query with nonsense' 'api DELETE "/volumes/idle?%20=+&&&=&x=%ff%00"'
attack spelling idle 'a query of 60 KB' 'api DELETE /volumes/idle?x=$(big 60000 a)'
attack spelling idle 'headers of 60 KB' \
  '{ for i in 1 2; do printf "X-%d: " $i; big 30000 a; echo; done; } > "$ENGINE/request"
   api DELETE /volumes/idle --header "@$ENGINE/request"'
attack spelling idle 'a header that is not UTF-8' 'api DELETE /volumes/idle --header $'"'"'X-Name: \xff\xfe\x80'"'"
attack spelling idle 'a header with quotes and escapes' 'api DELETE /volumes/idle --header "X-Name: \"}],\\u0000{\\"'
attack spelling idle 'a body that is not JSON' 'api DELETE /volumes/idle "${JSON[@]}" --data "{{{"'
attack spelling idle 'a body that is another request' \
  'api DELETE /volumes/idle "${JSON[@]}" --data "{\"RequestUri\":\"/_ping\",\"RequestMethod\":\"GET\"}"'
attack spelling idle 'a form as its body' 'api DELETE /volumes/idle --data "name=other&force=0"'
attack spelling idle 'a body of 1.1 MB' \
  'big 1100000 > "$ENGINE/request"; api DELETE /volumes/idle "${JSON[@]}" --data-binary "@$ENGINE/request"'
attack spelling idle 'a body of 5 MB' \
  'big 5000000 > "$ENGINE/request"; api DELETE /volumes/idle "${JSON[@]}" --data-binary "@$ENGINE/request"'
attack spelling idle 'a chunked body' \
  'echo "{}" > "$ENGINE/request"; api DELETE /volumes/idle "${JSON[@]}" --header "Transfer-Encoding: chunked" --data-binary "@$ENGINE/request"'
attack spelling idle 'a multipart body' 'api DELETE /volumes/idle --form file=@/etc/hostname'

# ---- Prunes

attack prune any 'docker volume prune' 'docker volume prune --force'
attack prune any 'docker volume prune of what is labelled' 'docker volume prune --force --filter label=com.ledgerflow.protect=true'
attack prune any 'docker volume prune of what lacks the label' 'docker volume prune --force --filter "label!=com.ledgerflow.protect"'
attack prune any 'docker volume prune by another label' 'docker volume prune --force --filter "label!=keep"'
[ -z "$NEW_CLIENT" ] || attack prune any 'docker volume prune --all, newer client' \
  'DOCKER_API_VERSION=1.41 $NEW_CLIENT volume prune --force'
attack prune any 'docker system prune --volumes' 'docker system prune --force --volumes'
[ -z "$NEW_CLIENT" ] || attack prune any 'docker system prune --all --volumes, newer client' \
  '$NEW_CLIENT system prune --force --volumes'
attack prune any 'POST without a version' 'api POST /volumes/prune'
attack prune any 'POST with an old version' 'api POST /v1.25/volumes/prune'
attack prune any 'one letter encoded' 'api POST /v1.41/volumes/%70rune'
attack prune any 'the slash encoded' 'api POST /volumes%2fprune'
attack prune any 'empty filters' 'api POST "/v1.41/volumes/prune?filters=%7B%7D"'
attack prune any 'filters of the old form' \
  'api POST "/v1.41/volumes/prune?filters=%7B%22label%22%3A%7B%22com.ledgerflow.protect%3Dtrue%22%3Atrue%7D%7D"'
NOTHING='%7B%22label%22%3A%5B%22no.such.label%22%5D%7D'
attack prune any 'sparing filters, overridden by a form' "api POST '/v1.41/volumes/prune?filters=$NOTHING' --data 'filters={}'"
attack prune any 'sparing filters, overridden by an empty form value' \
  "api POST '/v1.41/volumes/prune?filters=$NOTHING' --data 'filters='"
attack prune any 'two filters, the second one spares' "api POST '/v1.41/volumes/prune?filters=%7B%7D&filters=$NOTHING'"
attack prune any 'filters in another case' "api POST '/v1.41/volumes/prune?Filters=$NOTHING'"
attack prune any 'filters by a label that is not there' "api POST '/v1.41/volumes/prune?filters=%7B%22label%21%22%3A%5B%22no.such%22%5D%7D'"

# ---- Containers whose anonymous volume goes with them

attack anonymous '$OLD' 'docker rm -f -v' 'docker rm --force --volumes old'
attack anonymous '$OLD' 'docker container rm -fv by the beginning of its ID' \
  'docker container rm -fv $(docker inspect --format "{{slice .Id 0 6}}" old)'
attack anonymous '$OLD' 'DELETE with v=1' 'api DELETE "/containers/old?v=1&force=1"'
for word in yes TRUE on 2; do
  attack anonymous '$OLD' "DELETE with v=$word" "api DELETE '/v1.41/containers/old?force=true&v=$word'"
done
attack anonymous '$OLD' 'DELETE with v twice' 'api DELETE "/containers/old?force=1&v=1&v=0"'
attack anonymous '$OLD' 'DELETE with v encoded' 'api DELETE "/containers/old?force=1&%76=%31"'
attack anonymous '$OLD' 'DELETE with its name encoded' 'api DELETE "/containers/%6f%6Cd?force=1&v=1"'
attack anonymous '$OLD' 'DELETE with an old version' 'api DELETE "/v1.19/containers/old?force=1&v=1"'
attack anonymous '$OLD' 'renamed, then removed' 'docker rename old older; docker rm -fv older || { docker rename older old; false; }'
attack anonymous '$OLD' 'stopped, then removed' 'docker stop -t 0 old; docker rm -v old || { docker start old; false; }'
attack anonymous '$TEMP' 'docker stop of a container with --rm' 'docker stop -t 0 temp; sleep 0.3'
attack anonymous '$TEMP' 'docker kill of a container with --rm' 'docker kill temp; sleep 0.3'
attack anonymous '$TEMP' 'docker kill -s TERM, 15 by a query' 'api POST "/containers/temp/kill?signal=9"; sleep 0.3'

attack anonymous '$OLD' 'docker volume rm, anonymous, after its container' \
  'docker rm -f old > /dev/null; docker volume rm $OLD'

# ---- Containers that can reach the files

attack mount waiting 'a container from before, started' 'docker start --attach wiper'
attack mount waiting 'a container from before, restarted' 'docker restart wiper && docker wait wiper'
attack mount waiting 'a container from before, started by an old version, with a body' \
  'api POST /v1.23/containers/wiper/start "${JSON[@]}" --data "{}" && api POST /containers/wiper/wait'
attack mount idle '-v at another path' 'run_wiper -v idle:/x'
attack mount idle '--mount at another path' 'run_wiper --mount type=volume,src=idle,dst=/x'
attack mount plain '-v, PostgreSQL without a label' 'run_wiper -v plain:/x'
attack mount pgdata '-v of the volume in use' 'run_wiper -v pgdata:/x'
attack mount pgdata '--volumes-from' 'docker run --rm --network none --volumes-from db tools:e2e sh -c "rm -rf $DATA_IN_IMAGE/*"'
attack mount pgdata '--volumes-from its ID, rw' \
  'docker run --rm --network none --volumes-from $(docker inspect --format "{{.Id}}" db):rw tools:e2e sh -c "rm -rf $DATA_IN_IMAGE/*"'
attack mount pgdata '--volumes-from a container that took it from db' \
  'docker create --name between --network none --volumes-from db tools:e2e true &&
   docker run --rm --network none --volumes-from between tools:e2e sh -c "rm -rf $DATA_IN_IMAGE/*"'
attack mount idle 'bind of its folder' 'run_wiper -v $ENGINE/data/volumes/idle/_data:/x'
attack mount idle 'bind of its folder, --mount' 'run_wiper --mount type=bind,src=$ENGINE/data/volumes/idle/_data,dst=/x'
attack mount idle 'bind of a folder in it' 'run_wiper -v $ENGINE/data/volumes/idle/_data/base:/x'
attack mount any 'bind of all volumes' 'docker run --rm --network none -v $ENGINE/data/volumes:/x tools:e2e rm -rf /x/idle/_data'
attack mount any 'bind of the data root' 'docker run --rm --network none -v $ENGINE/data:/x tools:e2e rm -rf /x/volumes/idle/_data'
attack mount any 'bind of the host' 'docker run --rm --network none -v /:/x tools:e2e rm -rf /x$ENGINE/data/volumes/idle/_data'
attack mount any 'bind with dots' 'run_wiper -v $ENGINE/data/../data/volumes/./idle/_data:/x'
attack mount any 'bind with slashes' 'run_wiper -v $ENGINE//data///volumes//idle/_data//:/x'
attack mount any 'bind through a symbolic link' \
  'ln -sfn "$ENGINE/data/volumes/idle" "$ENGINE/link"; run_wiper -v $ENGINE/link/_data:/x'
attack mount idle 'POST Binds' 'api_run "" "$(wiper "\"Binds\":[\"idle:/x\"]")"'
attack mount idle 'POST Binds with options' 'api_run "" "$(wiper "\"Binds\":[\"idle:/x:rw,nocopy\"]")"'
attack mount idle 'POST Mounts' 'api_run "" "$(wiper "\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"idle\",\"Target\":\"/x\"}]")"'
attack mount idle 'keys in another case' 'api_run "" "$(wiper "\"bINDS\":[\"idle:/x\"]")"'
attack mount idle 'hostconfig in another case' \
  'api_run "" "{\"image\":\"tools:e2e\",\"cmd\":[\"rm\",\"-rf\",\"/x\"],\"hostconfig\":{\"networkmode\":\"none\",\"mounts\":[{\"type\":\"volume\",\"source\":\"idle\",\"target\":\"/x\"}]}}"'
attack mount idle 'a key with an escape' 'api_run "" "$(wiper "\"B\\u0069nds\":[\"\\u0069dle:/x\"]")"'
attack mount idle 'a key with a long s (Kelvin and its like fold to ASCII)' \
  'api_run "" "$(wiper "\"Bind\\u017f\":[\"idle:/x\"]")"'
attack mount opaque 'HostConfig twice, the first one mounts' \
  'api_run "" "$(wiper "\"Memory\":0" "\"HostConfig\":{\"Binds\":[\"idle:/x\"]},")"'
attack mount opaque 'Binds twice, in two cases' 'api_run "" "$(wiper "\"Binds\":[],\"binds\":[\"idle:/x\"]")"'
attack mount opaque 'Binds twice, the other way' 'api_run "" "$(wiper "\"binds\":[\"other:/y\"],\"Binds\":[\"idle:/x\"]")"'
attack mount idle 'more behind the body' 'api_run "" "$(wiper "\"Binds\":[\"idle:/x\"]") {\"HostConfig\":{}}"'
attack mount idle 'garbage behind the body' 'api_run "" "$(wiper "\"Binds\":[\"idle:/x\"]") ]]]"'
attack mount opaque 'a body of 1.1 MB' \
  '{ wiper "\"Binds\":[\"idle:/x\"]"; big 1100000; } > "$ENGINE/request"; api_run "" "@$ENGINE/request"'
attack mount opaque 'a body of 5 MB' \
  '{ wiper "\"Binds\":[\"idle:/x\"]"; big 5000000; } > "$ENGINE/request"; api_run "" "@$ENGINE/request"'
attack mount opaque 'a body of 1.1 MB, the blanks first' \
  '{ big 1100000; wiper "\"Binds\":[\"idle:/x\"]"; } > "$ENGINE/request"; api_run "" "@$ENGINE/request"'
attack mount idle 'a chunked body' \
  'wiper "\"Binds\":[\"idle:/x\"]" > "$ENGINE/request"; api_run "" "@$ENGINE/request" --header "Transfer-Encoding: chunked"'
attack mount idle 'Content-Type with parameters' \
  'JSON=(--header "Content-Type: application/json; charset=UTF-8"); api_run "" "$(wiper "\"Binds\":[\"idle:/x\"]")"'
attack mount idle 'Content-Type in capitals' \
  'JSON=(--header "Content-Type: APPLICATION/JSON;x=\"y\""); api_run "" "$(wiper "\"Binds\":[\"idle:/x\"]")"'
attack mount idle 'Content-Type twice' \
  'JSON=(--header "Content-Type: application/json" --header "Content-Type: text/plain"); api_run "" "$(wiper "\"Binds\":[\"idle:/x\"]")"'
attack mount idle 'a very old version' 'api_run /v1.18 "$(wiper "\"Binds\":[\"idle:/x\"]")"'
attack mount idle 'create, encoded' \
  'id=$(api POST "/containers%2f%63reate" "${JSON[@]}" --data "$(wiper "\"Binds\":[\"idle:/x\"]")" | tee "$ENGINE/answer" | head -n 1 | jq -r .Id)
   grep -q "HTTP 201" "$ENGINE/answer" && api POST /containers/$id/start && api POST /containers/$id/wait || cat "$ENGINE/answer"'
attack mount idle 'mounts given when it is started (API before 1.24)' \
  'docker create --name late --network none tools:e2e rm -rf /x/PG_VERSION /x/global > /dev/null
   api POST /v1.23/containers/late/start "${JSON[@]}" --data "{\"NetworkMode\":\"none\",\"Binds\":[\"idle:/x\"]}" && api POST /containers/late/wait'
attack mount any 'a volume that is its folder' \
  'docker volume create -o type=none -o o=bind -o device="$ENGINE/data/volumes/idle/_data" alias && run_wiper -v alias:/x'
attack mount any 'a volume that is the data root, by a bind' \
  'docker volume create -o type=none -o o=rbind,rw -o device="$ENGINE/data/./volumes/" alias &&
   docker run --rm --network none -v alias:/x tools:e2e rm -rf /x/idle/_data'
attack mount any 'a volume that is the host' \
  'docker volume create -o type=none -o o=bind -o device=/ alias &&
   docker run --rm --network none -v alias:/x tools:e2e rm -rf /x$ENGINE/data/volumes/idle/_data'
attack mount any 'a volume over a link to its folder' \
  'ln -sfn "$ENGINE/data/volumes/idle/_data" "$ENGINE/link"
   docker volume create -o type=none -o o=bind -o device="$ENGINE/link" alias && run_wiper -v alias:/x'
attack mount any 'a volume over its folder, keys in another case' \
  'api POST /volumes/create "${JSON[@]}" --data "{\"name\":\"alias\",\"DRIVEROPTS\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"$ENGINE/data/volumes/idle/_data\"}}" &&
   run_wiper -v alias:/x'
attack mount opaque 'a volume over its folder, a body of 1.1 MB' \
  '{ printf "{\"Name\":\"alias\",\"DriverOpts\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"$ENGINE/data/volumes/idle/_data\"}}"; big 1100000; } > "$ENGINE/request"
   api POST /volumes/create "${JSON[@]}" --data-binary "@$ENGINE/request" && run_wiper -v alias:/x'
attack mount any 'a volume in one with the container' \
  'run_wiper --mount "type=volume,dst=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=$ENGINE/data/volumes/idle/_data"'
attack mount any 'an overlay whose upper folder it is' \
  'mkdir -p "$ENGINE/data/lower" "$ENGINE/data/work"
   docker volume create -o type=overlay -o "o=lowerdir=$ENGINE/data/lower,upperdir=$ENGINE/data/volumes/idle/_data,workdir=$ENGINE/data/work" \
     -o device=overlay alias && run_wiper -v alias:/x'
# Where the files lie on a disk; in a container they may not.
[ ! -b "$(findmnt --noheadings --output SOURCE --target /tmp)" ] ||
  attack mount host 'a volume that is a disk of the host' \
  'docker volume create -o "type=$(findmnt --noheadings --output FSTYPE --target "$ENGINE")" -o "device=$(findmnt --noheadings --output SOURCE --target "$ENGINE")" alias &&
   docker run --rm --network none -v alias:/x tools:e2e rm -rf /x$ENGINE/data/volumes/idle/_data'

# ---- Files written from outside

junk () { mkdir -p "$ENGINE/junk/$1"; big 8192 x > "$ENGINE/junk/$1/pg_control"; }

attack copy pgdata 'docker cp over pg_control' 'junk global; docker cp "$ENGINE/junk/global/pg_control" db:$DATA_IN_IMAGE/global/pg_control; false'
attack copy pgdata 'docker cp of a folder, with dots' \
  'junk global; docker cp "$ENGINE/junk/global" db:/var/lib/../lib//postgresql/./data/; false'
attack copy pgdata 'docker cp of a tar to /' \
  'junk var/lib/postgresql/data/global; tar -C "$ENGINE/junk" -c var | docker cp - db:/; false'
attack copy pgdata 'PUT with its path encoded' \
  'junk global; tar -C "$ENGINE/junk" -c global | api PUT "/containers/db/archive?path=%2fvar%2flib%2fpostgresql%2fd%61ta" -T - ; false'
attack copy opaque 'PUT with two paths' \
  'junk global; tar -C "$ENGINE/junk" -c global | api PUT "/containers/db/archive?path=$DATA_IN_IMAGE&path=/tmp" -T - ; false'
attack copy pgdata 'PUT without a leading slash' \
  'junk global; tar -C "$ENGINE/junk" -c global | api PUT "/containers/db/archive?path=var/lib/postgresql/data" -T - ; false'
attack copy '$OLD' 'PUT by the beginning of its ID' \
  'junk global; tar -C "$ENGINE/junk" -c global | api PUT "/v1.20/containers/$(docker inspect --format "{{slice .Id 0 8}}" old)/archive?path=$DATA_IN_IMAGE/" -T - ; false'

# ---- docker-compose

attack compose shop_pgdata 'down -v' 'compose down -v'
attack compose shop_pgdata 'down --volumes --remove-orphans, -p and -f' \
  'docker-compose -p shop -f "$ENGINE/shop/docker-compose.yml" down --volumes --remove-orphans -t 0'
attack compose shop_pgdata 'rm -s -f, then docker volume rm' 'compose rm -s -f db; docker volume rm shop_pgdata'
attack compose shop_pgdata 'rm -s -f -v, then prune' 'compose rm -s -f -v db web; docker volume prune -f'
attack compose shop_pgdata 'run with the volume elsewhere' 'compose run --rm -v shop_pgdata:/x web rm -rf /x'
attack compose shop_pgdata 'up of a project that wipes it' \
  'sed -i "s|command: .*|command: [rm, -rf, /x]\n    volumes: [\"pgdata:/x\"]|" "$ENGINE/shop/docker-compose.yml"; compose up web'
attack compose shop_pgdata 'up of another project that takes it in' \
  'printf "version: \"3.7\"\nservices:\n  w: {image: \"tools:e2e\", network_mode: none, command: [rm, -rf, $DATA_IN_IMAGE], volumes: [\"d:$DATA_IN_IMAGE\"]}\nvolumes: {d: {external: true, name: shop_pgdata}}\n" > "$ENGINE/other.yml"
   docker-compose -p other -f "$ENGINE/other.yml" up'
attack compose anonymous 'rm -s -f -v of a service with an anonymous volume' \
  'printf "version: \"3.7\"\nservices:\n  w: {image: \"tools:e2e\", network_mode: none, command: sleep 99999, stop_grace_period: 0s, volumes: [\"$DATA_IN_IMAGE\"]}\n" > "$ENGINE/anon.yml"
   docker-compose -p anon -f "$ENGINE/anon.yml" up -d; EXTRA=$(anonymous anon_w_1); cp -a "$TEMPLATE/." "$(volume_path "$EXTRA")/"
   docker-compose -p anon -f "$ENGINE/anon.yml" rm -s -f -v'

# ---- Checkpoints: an experimental Engine removes what folder it is told to

attack checkpoint idle 'DELETE of a checkpoint that is the volume' \
  'api DELETE "/containers/db/checkpoints/_data?dir=$ENGINE/data/volumes/idle"'
attack checkpoint idle 'DELETE of a checkpoint, encoded, an old version' \
  'api DELETE "/v1.25/containers/db/check%70oints/%5fdata?%64ir=$ENGINE/data/volumes/./idle/"'
attack checkpoint any 'docker checkpoint rm of all volumes' \
  'docker checkpoint rm --checkpoint-dir "$ENGINE/data" db volumes'

# ---- Services: what swarm makes for them, nobody asks a plugin about

# Waits until the service NAME has done what it was made for.
service_end ()
{
  local end=$((SECONDS + 20))
  until docker service ps "$1" 2> /dev/null | grep -qE 'Failed|Complete'; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}
# shellcheck disable=SC2034 # for the rows
WIPING=(--detach --restart-condition none --network host)

attack swarm idle 'docker service create' \
  'docker service create "${WIPING[@]}" --name w --mount type=volume,src=idle,dst=/x tools:e2e rm -rf /x && service_end w; docker service rm w'
attack swarm any 'docker service create with a bind' \
  'docker service create "${WIPING[@]}" --name w --mount type=bind,src=$ENGINE/data/volumes,dst=/x tools:e2e rm -rf /x/idle/_data && service_end w
   docker service rm w'
attack swarm idle 'docker service update --mount-add' \
  'docker service create --detach --network host --name w tools:e2e rm -rf /x/PG_VERSION /x/base
   docker service update --detach --mount-add type=volume,src=idle,dst=/x w && sleep 6; docker service rm w'

# ---- What only a strict guard refuses

attack strict pgdata 'PUT to /tmp of a link and what goes through it' \
  'mkdir -p "$ENGINE/junk/a" "$ENGINE/junk/b/x/global"; ln -sfn $DATA_IN_IMAGE "$ENGINE/junk/a/x"; big 8192 x > "$ENGINE/junk/b/x/global/pg_control"
   tar -C "$ENGINE/junk/a" -cf "$ENGINE/junk/t" x; tar -C "$ENGINE/junk/b" -rf "$ENGINE/junk/t" x/global/pg_control
   api PUT "/containers/db/archive?path=/tmp" -T "$ENGINE/junk/t"; false'
attack strict any 'the files of a process of the database: --pid container:' \
  'docker run --rm --network none --user 999 --pid container:db tools:e2e sh -c "rm -rf /proc/1/root$DATA_IN_IMAGE/*"'
attack strict any 'the files of a process of the host: --pid host' \
  'docker run --rm --network none --user 999 --pid host -e P=$(docker inspect --format "{{.State.Pid}}" db) tools:e2e \
     sh -c "rm -rf /proc/\$P/root$DATA_IN_IMAGE/*"'
attack strict any 'a device of the host, with --cap-add' \
  'device=$(findmnt --noheadings --output SOURCE --target "$ENGINE")
   docker run --rm --network none --cap-add SYS_ADMIN --security-opt apparmor=unconfined --device $device:/dev/disk tools:e2e \
     sh -c "mkdir /x && mount -t $(findmnt --noheadings --output FSTYPE --target "$ENGINE") /dev/disk /x && rm -rf /x$ENGINE/data/volumes/idle/_data"'
