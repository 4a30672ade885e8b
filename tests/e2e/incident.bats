#!/usr/bin/env bats
# Incidents: what opens them, what they stop, and how they end.
# shellcheck disable=SC1111,SC2016 # real quotation marks; the hook's shell expands its variables

load helper

setup_file ()
{
  local major
  e2e_begin
  pg_start_all
  major=$(pg_majors | head -n 1)
  pg_tool "$major" createdb shop
  pg_sql "$major" shop "CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT i, md5(i::text) FROM generate_series(1, 2000) i"
}
teardown_file () { e2e_end; }

setup ()
{
  MAJOR=$(pg_majors | head -n 1)
  project_new "project: shop
backup: {keep: {db: 48h}, min_size: 1KB}
incident:
  emergency_backup: false
  notify: 'printf \"%s %s %s\\n\" \"\$INCIDENT_EVENT\" \"\$INCIDENT_KIND\" \"\$INCIDENT_SUBJECT\" >> told; echo noted'
environments:
  staging: {url: '$(pg_url "$MAJOR" shop)'}
  testing: {url: '$(pg_url "$MAJOR" shop)'}
  production: {url: '$(pg_url "$MAJOR" shop)', protected: true}"
  export PGKEEL_ENV=staging
}

# What a test that failed has left running.
teardown ()
{
  local pid
  for pid in ${GUARD:-} ${ENGINE:-}; do
    kill "$pid" 2> kill.log || true
  done
}

open_one ()
{
  run_keel incident open "$@" --json
  assert_status 0
  ID=$(jq -r .id <<< "$output")
}

@test "an incident is opened, added to, shown, reported and closed with a reason" {
  run_keel incident list
  assert_status 0
  assert_stdout 'no incident is open'
  open_one 'rows *vanished*, password=hunter2' --subject orders
  assert_json '.is_new'
  open_one 'more rows vanished' --subject orders
  assert_json '.is_new | not'
  run_keel incident list --json
  assert_json '.incidents | length == 1 and (.[0] | .kind == "manual" and .events == 2 and .is_open
               and .subject == "orders" and .summary == "rows *vanished*, password=***")'
  run_keel incident show "$ID" --json
  assert_json '[.timeline[].event] == ["opened", "notify", "backup", "repeated"]'
  run_keel incident show "$ID"
  assert_stdout 'more rows vanished'
  run_keel incident close "$ID"
  assert_error 2 'an incident is closed with a written reason' '--reason'
  run_keel -e testing incident close "$ID" --reason x
  assert_error 2 'is of the environment “staging”' 'Give -e staging.'
  run_keel incident close "$ID" --reason 'found again'
  assert_status 0
  run_keel incident report "$ID"
  assert_status 0
  assert_stdout "# Incident $ID"
  assert_stdout '- summary: rows \*vanished\*, password=\*\*\*'
  assert_stdout '- reason: found again'
  assert_stdout '## Timeline'
  run_keel incident close "$ID" --reason again
  assert_error 2 'was closed on'
  run_keel incident show 2020-01-01-1
  assert_error 2 'there is no incident “2020-01-01-1”' 'incident list --all'
  [ "$(cat told)" = $'opened manual orders\nclosed manual orders' ]
  run ! grep -rq hunter2 .pgkeel
  run_keel audit verify
  assert_status 0
}

@test "a protected environment's incident is closed only where the environment says so" {
  PGKEEL_ENV=production open_one 'looked at'
  run_keel -e production incident close "$ID" --reason 'nothing'
  assert_error 3 'production'
  PGKEEL_ENV=production run_keel incident close "$ID" --reason 'nothing'
  assert_status 0
}

@test "an open incident stops what destroys, in its environment only, until it is named or closed" {
  local command
  mkdir -p migrations seeds/staging
  printf '%s\n' 'id,note' '1,first' > seeds/staging/orders.csv
  printf '%s\n' 'CREATE TABLE later (id int PRIMARY KEY);' > migrations/0001_later.sql
  run_keel backup create
  assert_status 0
  open_one 'something is wrong'
  for command in 'restore latest --yes' 'migrate up --yes' 'migrate down --yes' 'seed staging --clean --yes' \
                 'backup prune'; do
    # shellcheck disable=SC2086 # words
    run_keel $command
    assert_error 3 "while the incident $ID is open" "PGKEEL_INCIDENT=$ID"
  done
  run_keel audit log --json
  assert_json ".entries | map(select (.phase == \"refused\" and (.error | contains (\"$ID\")))) | length == 5"
  run_keel backup prune --dry-run
  assert_status 0
  run_keel backup create
  assert_status 0
  assert_stderr 'an incident is open: no old backup is removed'
  PGKEEL_INCIDENT=$ID run_keel backup prune
  assert_status 0
  run_keel incident show "$ID" --json
  assert_json '.timeline | any(.event == "proceeded" and .summary == "backup prune")'
  run_keel audit log --action 'incident proceed' --json
  assert_json '.entries | length == 1'
  run_keel -e testing incident list --json
  assert_json '.incidents | length == 1'
  PGKEEL_ENV=testing run_keel backup prune
  assert_status 0
  run_keel incident close "$ID" --reason 'understood'
  assert_status 0
  run_keel backup prune
  assert_status 0
}

@test "an empty, a shrunken and a damaged backup each open one" {
  pg_tool "$MAJOR" createdb --template=shop shrinking
  sed -i 's/dbname\|\/shop?/\/shrinking?/' pgkeel.yaml
  run_keel backup create
  assert_status 0
  pg_sql "$MAJOR" shrinking 'DELETE FROM orders WHERE id > 10'
  run_keel backup create --json
  assert_status 0
  assert_stderr 'commands that destroy are refused until it is closed'
  printf x | dd of="$(jq -r .path <<< "$output")" bs=1 seek=700 conv=notrunc status=none
  run_keel backup prove
  [ "$status" -ne 0 ]
  sed -i 's/^backup:.*/backup: {min_size: 10MB}/' pgkeel.yaml
  run_keel backup create
  assert_error 1 'or less counts as failed'
  run_keel incident list --json
  assert_json '[.incidents[].kind] | sort == ["damaged-backup", "empty-backup", "shrunken-backup"]'
  [ "$(grep -c '^opened ' told)" -eq 3 ]
  pg_tool "$MAJOR" dropdb shrinking
}

@test "a list shows an empty and a cut backup once, and a critical finding opens one in production" {
  local id
  run_keel backup create --json
  cp "$(jq -r .path <<< "$output")" backups/staging/shop_db_backup_20250101_000000.sql.gz
  : > backups/staging/shop_db_backup_20250102_000000.sql.gz
  truncate -s 20000 backups/staging/shop_db_backup_20250101_000000.sql.gz
  : > backups/staging/other_db_backup_20250102_000000.sql.gz
  run_keel backup list
  assert_status 0
  run_keel incident list --json
  assert_json '[.incidents[] | "\(.kind) \(.subject)"] | sort == ["damaged-backup shop_db_backup_20250101_000000.sql.gz",
    "empty-backup shop_db_backup_20250102_000000.sql.gz"]'
  for id in $(jq -r '.incidents[].id' <<< "$output"); do
    run_keel incident close "$id" --reason 'a test'
  done
  # The files are still there: that is no news.
  run_keel backup list --json
  assert_status 0
  [ -z "$stderr" ]
  run_keel incident list
  assert_stdout 'no incident is open'
  # The servers of the tests run with fsync off.
  run_keel integrity check --check setting-fsync
  assert_status 1
  refute_stderr 'incident'
  PGKEEL_ENV=production run_keel integrity check --check setting-fsync
  assert_status 1
  assert_stderr 'integrity check: 1 finding of severity critical'
  PGKEEL_ENV=production run_keel integrity quick --check setting-fsync --json
  assert_status 1
  run_keel incident list --json
  assert_json '.incidents | length == 1 and (.[0] | .kind == "failed-integrity" and .subject == "shop"
    and .environment == "production" and .events == 2)'
  run_keel incident show "$(jq -r '.incidents[0].id' <<< "$output")" --json
  assert_json '.timeline[0].evidence.findings[0].check == "setting-fsync"'
}

@test "a webhook gets the incident as JSON; one that is not there is told of, without its URL" {
  local port
  python3 -c '
import http.server, os
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open("posted", "wb").write(self.path.encode() + b"\n" + body)
        self.send_response(204); self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
open("port.part", "w").write(str(server.server_port))
os.rename("port.part", "port")
server.timeout = 60
server.handle_request()' 3>&- &
  while [ ! -e port ]; do sleep 0.05; done
  port=$(cat port)
  sed -i "s|^  notify:.*|  webhook: http://127.0.0.1:$port/hook?key=hunter2|" pgkeel.yaml
  open_one 'rows vanished' --subject orders
  wait
  [ "$(head -n 1 posted)" = '/hook?key=hunter2' ]
  [ "$(tail -n 1 posted | jq -r '"\(.event) \(.kind) \(.subject) \(.summary) \(.environment)"')" = \
    'opened manual orders rows vanished staging' ]
  run_keel incident show "$ID" --json
  assert_json '.timeline | any(.summary == "incident.webhook (opened) answered 204")'
  # Nobody listens there any more.
  run_keel incident close "$ID" --reason 'found again'
  assert_status 0
  assert_stderr 'incident.webhook (closed) could not be reached'
  run ! grep -rq hunter2 .pgkeel
}

@test "a hook that fails, or writes much, changes nothing but the timeline" {
  sed -i "s/^  notify:.*/  notify: 'seq 100000; exit 7'/" pgkeel.yaml
  open_one 'x'
  assert_stderr 'incident.notify (opened) ended with exit code 7'
  run_keel incident show "$ID" --json
  assert_json '.timeline | any(.event == "notify" and (.summary | contains("exit code 7"))
               and (.evidence.output | length) <= 4000)'
}

# --- the emergency protocol

respond_by_itself () { sed -i '/emergency_backup/d' pgkeel.yaml; }

emergency_files () { find backups -name '*_emergency_backup_*.sql.gz' | sort; }

@test "an incident backs the database up and checks it, once, beside all other backups and for good" {
  local file
  respond_by_itself
  sed -i 's/db: 48h/db: 1s/' pgkeel.yaml
  run_keel backup create
  open_one 'rows vanished' --subject orders
  run_keel incident show "$ID" --json
  assert_json '[.timeline[].event] == ["opened", "notify", "backup", "integrity"]'
  assert_json '.timeline[2].evidence | .rows == 2000 and .tables == 1 and .differences == []'
  assert_json '.timeline[3].summary | test("^quick check of integrity: [0-9]+ critical, [0-9]+ errors?; looked at: ")'
  file=$(emergency_files)
  [ "$(wc -l <<< "$file")" -eq 1 ]
  assert_json ".timeline[2].evidence.path == \"$PWD/$file\""
  [ "$(gunzip -c "$file" | grep -c "^[0-9]*	[0-9a-f]*\$")" -eq 2000 ]
  # Again: added to. Another one within ten minutes: this backup serves it.
  open_one 'more rows vanished' --subject orders
  open_one 'other rows vanished' --subject others
  run_keel incident show "$ID" --json
  assert_json '.timeline | any(.event == "backup" and (.summary | contains("serves: it is less than 10 minutes old")))'
  [ "$(emergency_files)" = "$file" ]
  # It is no backup to fall back on without a word, and no retention takes it.
  run_keel backup list --json
  assert_json '[.backups[].type] | sort == ["db", "emergency"]'
  run_keel backup verify latest --json
  assert_json '.backup | contains("_db_backup_")'
  sleep 1.1
  run_keel incident list --json
  PGKEEL_INCIDENT=$(jq -r '[.incidents[].id] | join(",")' <<< "$output") run_keel backup prune
  assert_status 0
  run_keel backup prove "$(basename "$file")"
  assert_status 0
  run_keel incident report "$ID"
  assert_stdout 'backup'
  run_keel audit log --action 'incident backup' --json
  assert_json '[.entries[].phase] == ["intent", "done", "intent", "done"]'
  run_keel audit verify
  assert_status 0
}

@test "an emergency backup that cannot be made is in the timeline, told, and tried again by hand" {
  respond_by_itself
  cp pgkeel.yaml good.yaml
  sed -i 's/\/shop?/\/gone?/' pgkeel.yaml
  open_one 'rows vanished' --subject orders
  assert_stderr 'no emergency backup could be made: '
  assert_stderr "“pgkeel incident respond $ID” tries it again"
  run_keel incident show "$ID" --json
  assert_json '[.timeline[].event] == ["opened", "notify", "backup", "notify", "integrity"]'
  [ "$(tail -n 1 told)" = 'response-failed manual orders' ]
  run_keel incident respond "$ID"
  assert_error 4 'no emergency backup could be made'
  cp good.yaml pgkeel.yaml
  run_keel incident respond "$ID" --json
  assert_status 0
  assert_json '.emergency_backup | contains("_emergency_backup_")'
  run_keel audit log --action 'incident backup' --json
  assert_json '[.entries[].phase] == ["intent", "failed", "intent", "failed", "intent", "done"]'
  run_keel incident close "$ID" --reason 'the server is back'
  run_keel incident respond "$ID"
  assert_error 2 'is closed'
}

# An Engine that has the volumes of volumes.json, at engine.sock; until $ENGINE is ended.
engine_start ()
{
  python3 -c '
import http.server, json, os, socketserver
class Engine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        volumes = json.load(open("volumes.json"))
        path = self.path.split("?")[0]
        found = [v for v in volumes if path == "/volumes/" + v["Name"]]
        body = {"Volumes": volumes} if path == "/volumes" else [] if path == "/containers/json" else found[:1]
        if path.startswith("/volumes/"):
            body = found[0] if found else {"message": "no such volume"}
        text = json.dumps(body).encode()
        self.send_response(404 if path.startswith("/volumes/") and not found else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def address_string(self): return "engine"
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingUnixStreamServer): daemon_threads = True
server = Server("engine.part", Engine)
os.rename("engine.part", "engine.sock")
server.serve_forever()' 3>&- &
  ENGINE=$!
  wait_for 60 test -S engine.sock
}

# [NAME LABELS]...: the Engine has these volumes from now on, and no others.
engine_has ()
{
  while [ "$#" -gt 0 ]; do
    printf '{"Name": "%s", "Driver": "local", "CreatedAt": "2026-11-21T10:00:00Z", "Mountpoint": "%s", "Labels": {%s}}' \
      "$1" "$PWD/empty" "$2"
    shift 2
  done | jq -s . > volumes.part
  mv volumes.part volumes.json
}

# With the capabilities that the unit of `guard install` leaves to root, and no others.
as_unit ()
{
  local capabilities
  capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$REPOSITORY/packaging/pgkeel-guard.service.in")
  capabilities=${capabilities//CAP_/,+}
  capabilities=${capabilities,,}
  if [ "$EUID" -ne 0 ]; then
    exec "$@"
  fi
  exec setpriv --bounding-set="-all${capabilities// /}" "$@"
}

# The Engine's question whether FOLDER's guard would let METHOD URI pass.
ask_guard ()
{
  curl -s --unix-socket guard.sock -X POST http://plugin/AuthZPlugin.AuthZReq \
    -d "{\"RequestMethod\": \"$1\", \"RequestUri\": \"$2\"}"
}

has_response () { "$PGKEEL" incident list --json | jq -e '.incidents | length == 1' > answer \
  && "$PGKEEL" incident show "$("$PGKEEL" incident list --json | jq -r '.incidents[0].id')" --json \
    | jq -e '[.timeline[].event] | contains(["integrity"])' > answer; }

@test "the guard of the Engine answers at once; a process of the project's owner responds, once" {
  local file
  respond_by_itself
  engine_has data '"com.ledgerflow.protect": "true"'
  engine_start
  [ "$EUID" -ne 0 ] || chown -R postgres "$PROJECT"
  as_unit "$PGKEEL" guard serve --socket "$PWD/guard.sock" --name e2e --docker "unix://$PWD/engine.sock" 2> guard.log 3>&- &
  GUARD=$!
  wait_for 60 test -S guard.sock
  for _ in 1 2 3 4 5; do ask_guard DELETE /v1.41/volumes/data | jq -e '.Allow | not'; done
  wait_for 100 has_response
  kill "$GUARD" "$ENGINE"
  wait "$GUARD" "$ENGINE" || true
  file=$(emergency_files)
  [ "$(wc -l <<< "$file")" -eq 1 ]
  [ "$(stat -c %U "$file")" = "$(stat -c %U pgkeel.yaml)" ]
  [ -z "$(find .pgkeel backups ! -user "$(stat -c %U pgkeel.yaml)")" ]
  run_keel incident list --json
  assert_json '.incidents[0] | .kind == "refused-destruction" and .subject == "data" and .events == 5'
  run_keel audit verify
  assert_status 0
}

incident_of () { "$PGKEEL" incident list --json | jq -e --arg name "$1" '.incidents | any(.subject == $name)' > answer; }

# One look of the guard, which has one whenever it is started.
guard_looks ()
{
  rm -f guard.sock
  "$PGKEEL" guard serve --socket "$PWD/guard.sock" --name e2e --docker "unix://$PWD/engine.sock" 2> guard.log 3>&- &
  GUARD=$!
  wait_for 60 "${@:-known}"
  kill "$GUARD"
  wait "$GUARD" || true
}
known () { [ -e .pgkeel/volumes.json ]; }

@test "a protected volume that comes back without its label, or does not come back, opens an incident" {
  engine_has data '"com.ledgerflow.protect": "true"'
  engine_start
  guard_looks
  run_keel incident list
  assert_stdout 'no incident is open'
  engine_has data ''
  guard_looks incident_of data
  run_keel incident list --json
  assert_json '.incidents | length == 1 and (.[0] | .kind == "lost-label"
    and .summary == "the protected volume “data” is there without its label")'
  ID=$(jq -r '.incidents[0].id' <<< "$output")
  run_keel incident show "$ID" --json
  assert_json '.timeline[0].evidence | .known.label and (.now.label | not)'
  engine_has other '"com.ledgerflow.protect": "true"'
  guard_looks grep -q '"is gone"' .pgkeel/volumes.json
  # Told once each; closed is closed, while nothing else is lost.
  run_keel incident show "$ID" --json
  assert_json '.events == 2'
  run_keel incident close "$ID" --reason 'restored'
  engine_has other '"com.ledgerflow.protect": "true"' third '"com.ledgerflow.protect": "true"'
  guard_looks grep -q '"third"' .pgkeel/volumes.json
  run_keel incident list
  assert_stdout 'no incident is open'
  kill "$ENGINE"
  wait "$ENGINE" || true
}
