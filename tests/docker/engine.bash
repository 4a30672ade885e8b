# A Docker Engine of its own for the tests, and a PostgreSQL in it. Needs root, dockerd, busybox (static)
# and a PostgreSQL server of this machine, from which the image is made: nothing is downloaded.
#
#   engine_start FOLDER        a private Engine in FOLDER (short: sockets' paths end at 107 bytes), without
#                              plugins; sets ENGINE and DOCKER_HOST. Fails loudly where none can be started
#   engine_stop                ends it, with its containers
#   engine_watch PID FOLDER    ends it and removes FOLDER when process PID ends before engine_stop was called: the
#                              tests were killed, say
#   engine_plugins [NAME...]   from now on it asks these authorization plugins (a reload, no restart): it finds
#                              them as $ENGINE/plugins/NAME.sock, and sees no others
#   engine_images BINDIR       the images pg:e2e (PostgreSQL of BINDIR) and tools:e2e (busybox)
#   api METHOD TARGET [CURL ARGUMENTS...]   a request as it is: prints the answer, and "HTTP 403" as the last
#                              line; fails from 400 on
#   volume_path NAME           where the Engine keeps NAME's files
#
# The Engine runs in namespaces of its own: when its first process ends, all others do, and whatever it mounted goes
# away with them; the ports of its swarm are free on the machine. There, its plugins' folder
# stands in the place of the machine's: all Engines look into that one, and one whose plugin is dead takes 15 seconds
# to list volumes.

ENGINE_SECONDS=${ENGINE_SECONDS:-60}

engine_fail ()
{
  { printf '%s\n' '' "NO DOCKER ENGINE: $1" "The tests of the Docker guard cannot run, which is a failure."
    if [ -s "${ENGINE:-/nonexistent}/log" ]; then tail -n 15 "$ENGINE/log"; fi; } | tee /dev/fd/3 >&2 || true
  return 1
} 3>&2

engine_requirements ()
{
  local program
  [ "$(id -u)" -eq 0 ] || { engine_fail "dockerd needs root"; return 1; }
  for program in dockerd docker busybox curl jq unshare; do
    command -v "$program" > /dev/null || { engine_fail "there is no $program (tools/bootstrap --test)"; return 1; }
  done
}

# Runs in the Engine's mount namespace. Containers need control groups; a container that runs the tests may
# have none, or (version 2) one that is not divided yet.
# shellcheck disable=SC2016 # for the inner shell
ENGINE_PRELUDE='
  if [ ! -f /sys/fs/cgroup/cgroup.controllers ] && ! grep -q " cgroup " /proc/self/mounts; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    for name in $(awk "\$4 == 1 { print \$1 }" /proc/cgroups); do
      mkdir "/sys/fs/cgroup/$name" && mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name"
    done
  elif [ -f /sys/fs/cgroup/cgroup.type ] || grep -q docker /proc/1/mountinfo; then
    mount -o remount,rw /sys/fs/cgroup
    mkdir -p /sys/fs/cgroup/init
    for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$pid" > /sys/fs/cgroup/init/cgroup.procs; done
    sed "s/ / +/g; s/^/+/" /sys/fs/cgroup/cgroup.controllers > /sys/fs/cgroup/cgroup.subtree_control
  fi 2> /dev/null
  mkdir -p /etc/docker /run/docker/plugins && mount -t tmpfs tmpfs /etc/docker &&
    mount --bind "$ENGINE/plugins" /run/docker/plugins || exit 1
  busybox ip link set lo up || exit 1
  [ ! -d /usr/lib/docker ] || mount -t tmpfs tmpfs /usr/lib/docker || exit 1
  exec unshare --pid --fork --kill-child --mount-proc "$@"'

engine_start ()
{
  ENGINE=$1
  engine_requirements || return 1
  export ENGINE DOCKER_HOST=unix://$ENGINE/docker.sock
  unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION
  mkdir -p "$ENGINE/plugins"
  printf '{"experimental": true}\n' > "$ENGINE/daemon.json"
  unshare --mount --net sh -c "$ENGINE_PRELUDE" sh dockerd --config-file "$ENGINE/daemon.json" \
    --data-root "$ENGINE/data" --exec-root "$ENGINE/exec" --host "$DOCKER_HOST" --pidfile "$ENGINE/pid" \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$(engine_group)" \
    --iptables=false --ip-masq=false --bridge=none > "$ENGINE/log" 2>&1 3>&- < /dev/null &
  ENGINE_KEEPER=$!
  export ENGINE_KEEPER
  engine_wait
}

# The control group of its containers.
engine_group () { printf 'pgkeel%s\n' "${ENGINE//\//-}"; }

engine_remove_groups ()
{
  find /sys/fs/cgroup -depth -type d -path "*/$(engine_group)*" -exec rmdir {} + 2> /dev/null || true
}

# engine_pid: dockerd, as it is called outside of its namespace.
engine_pid () { tr -d ' ' < "/proc/$ENGINE_KEEPER/task/$ENGINE_KEEPER/children"; }

engine_runs () { [ -n "${ENGINE_KEEPER:-}" ] && kill -0 "$ENGINE_KEEPER" 2> /dev/null; }

engine_watch ()
{
  # shellcheck disable=SC2016 # for the inner shell
  setsid bash -c 'while kill -0 "$1" 2> /dev/null && kill -0 "$2" 2> /dev/null; do sleep 1; done
                  kill -0 "$2" 2> /dev/null && [ -d "$3" ] || exit
                  kill -KILL "$2"
                  while kill -0 "$2"; do sleep 0.1; done
                  rm -rf "$3"
                  find /sys/fs/cgroup -depth -type d -path "*/$4*" -exec rmdir {} +' \
    watch "$1" "$ENGINE_KEEPER" "$2" "$(engine_group)" > /dev/null 2>&1 3>&- < /dev/null &
  disown
}

engine_wait ()
{
  local end=$((SECONDS + ENGINE_SECONDS))
  until curl --silent --fail --output /dev/null --unix-socket "$ENGINE/docker.sock" http://engine/_ping; do
    engine_runs || { engine_fail "dockerd ended"; return 1; }
    [ "$SECONDS" -lt "$end" ] || { engine_fail "dockerd does not answer"; return 1; }
    sleep 0.05
  done
}

# Asks no plugin any more, so that none can be in the way.
engine_stop ()
{
  local containers
  engine_runs || return 0
  # shellcheck disable=SC2119
  engine_plugins || true
  containers=$(docker ps --quiet --no-trunc) || true
  # shellcheck disable=SC2086 # one word each
  [ -z "$containers" ] || docker kill $containers > /dev/null || true
  kill -TERM "$(engine_pid)" || true
  local end=$((SECONDS + 30))
  while engine_runs; do
    [ "$SECONDS" -lt "$end" ] || { kill -KILL "$ENGINE_KEEPER"; break; }
    sleep 0.05
  done
  engine_remove_groups
}

# shellcheck disable=SC2120 # other files have names for it
engine_plugins ()
{
  local names reloads
  reloads=$(grep -c 'Reloaded configuration' "$ENGINE/log") || true
  names=$(printf '%s\n' "$@" | jq --raw-input --null-input --compact-output '[inputs | select(. != "")]')
  printf '{"experimental": true, "authorization-plugins": %s}\n' "$names" > "$ENGINE/daemon.json"
  kill -HUP "$(engine_pid)"
  local end=$((SECONDS + 30))
  until [ "$(grep -c 'Reloaded configuration' "$ENGINE/log")" -gt "$reloads" ]; do
    [ "$SECONDS" -lt "$end" ] || { engine_fail "dockerd does not reload"; return 1; }
    sleep 0.05
  done
}

# image_libraries ROOT FILE...: the libraries that FILEs need, at their own paths.
image_libraries ()
{
  local root=$1 library
  shift
  while read -r library; do
    [ -e "$root$library" ] || install -D "$library" "$root$library"
  done < <(ldd "$@" 2> /dev/null | grep -oE '/[^ ]+ \(0x' | cut -d ' ' -f 1 | sort -u)
}

image_base ()
{
  local root=$1
  mkdir -p "$root"/{bin,dev,etc,proc,sys,root,tmp,run,var/lib/postgresql/data}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  chroot "$root" /bin/busybox --install -s /bin
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' \
    > "$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'postgres:x:999:' > "$root/etc/group"
}

# Like the entry point of the official image: an empty data directory is initialised, a full one is served.
image_entry ()
{
  cat << EOF
#!/bin/sh
set -e
data=\${PGDATA:-/var/lib/postgresql/data}
[ "\$1" = postgres ] || exec "\$@"
if [ ! -s "\$data/PG_VERSION" ]; then
  mkdir -p -m 700 "\$data"
  initdb --no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 --wal-segsize=1 -D "\$data"
fi
exec "\$@" -D "\$data" -c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off -c timezone=UTC \\
  -c min_wal_size=2MB -c shared_buffers=8MB
EOF
}

engine_images ()
{
  local bindir=$1 root=$ENGINE/rootfs version share libdir
  version=$("$bindir/postgres" --version | sed -E 's/.*\) ([0-9]+).*/\1/')
  share=$("$bindir/pg_config" --sharedir)
  libdir=$("$bindir/pg_config" --pkglibdir)
  image_base "$root"
  tar -C "$root" -c . | docker import - tools:e2e > /dev/null || return 1
  mkdir -p "$root$bindir" "$root$share" "$root$libdir" "$root/usr/share/zoneinfo"
  cp "$bindir"/{postgres,initdb,psql} "$root$bindir/"
  cp "$libdir"/{plpgsql,dict_snowball,libpqwalreceiver}.so "$root$libdir/"
  cp -rL "$share"/. "$root$share/"
  cp -rL /usr/share/zoneinfo/{Etc,UTC,GMT} "$root/usr/share/zoneinfo/"
  mkdir -p "$root/usr/lib/locale"
  cp -rL /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
  image_libraries "$root" "$bindir"/{postgres,initdb,psql} "$libdir"/{plpgsql,dict_snowball,libpqwalreceiver}.so
  image_entry > "$root/bin/entry"
  chmod 755 "$root/bin/entry"
  chown -R 999:999 "$root/var/lib/postgresql"
  chmod 700 "$root/var/lib/postgresql/data"
  tar -C "$root" -c . | docker import --change "ENV PATH=$bindir:/bin PGHOST=/tmp PGUSER=postgres PG_MAJOR=$version" \
    --change 'ENTRYPOINT ["/bin/entry"]' --change 'CMD ["postgres"]' --change 'USER postgres' \
    - pg:e2e > /dev/null || return 1
  rm -rf "$root"
}

api ()
{
  local method=$1 target=$2 answer
  shift 2
  answer=$(curl --silent --show-error --path-as-is --unix-socket "$ENGINE/docker.sock" --max-time "${API_SECONDS:-60}" \
    --write-out '\nHTTP %{http_code}' --request "$method" "$@" "http://engine$target") || answer+=$'\nHTTP 000'
  printf '%s\n' "$answer"
  [[ $answer =~ HTTP\ [123][0-9][0-9]$ ]]
}

volume_path () { printf '%s\n' "$ENGINE/data/volumes/$1/_data"; }
