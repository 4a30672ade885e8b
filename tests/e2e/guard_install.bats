# guard install: the units, what they say, what is left alone. No Engine is needed.

setup_file ()
{
  load helper
  e2e_begin
}

teardown_file ()
{
  load helper
  e2e_end
}

setup ()
{
  load helper
  project_new
  ROOT=$PROJECT/root
  UNITS=$ROOT/etc/systemd/system
}

@test "installing writes units that systemd takes, says what is left to do, and changes nothing again" {
  run_keel guard install --root "$ROOT" --dry-run
  assert_status 0
  assert_stdout "would be written"
  assert_stdout "+ListenStream=/run/docker/plugins/pgkeel.sock"
  [ ! -e "$ROOT" ]

  run_keel guard install --root "$ROOT"
  assert_status 0
  assert_stdout "written    $UNITS/pgkeel-guard.service"
  assert_stdout "systemctl enable --now pgkeel-guard.socket pgkeel-guard.service"
  assert_stdout "write to $ROOT/etc/docker/daemon.json: {\"authorization-plugins\": [\"pgkeel\"]}"
  systemd-analyze verify --man=no "$UNITS"/pgkeel-guard.*
  grep -qF -- "-C \"$PROJECT\" guard serve" "$UNITS/pgkeel-guard.service"
  cp -a "$UNITS" before

  run_keel guard install --root "$ROOT"
  assert_status 0
  assert_stdout "unchanged  $UNITS/pgkeel-guard.service"
  refute_stdout "written"
  diff -r before "$UNITS"
  run_keel audit log --json --action "guard install"
  assert_json '[.entries[].phase] == ["intent", "done"]'
}

@test "what somebody changed stays, and what nobody changed is brought up to date" {
  run_keel guard install --root "$ROOT"
  assert_status 0
  run_keel guard install --root "$ROOT" --docker unix:///run/other.sock
  assert_status 0
  assert_stdout "updated    $UNITS/pgkeel-guard.service"
  assert_stdout "unchanged  $UNITS/pgkeel-guard.socket"
  grep -qF -- '--docker "unix:///run/other.sock"' "$UNITS/pgkeel-guard.service"

  echo 'Nice=5' >> "$UNITS/pgkeel-guard.service"
  cp "$UNITS/pgkeel-guard.service" before
  run_keel guard install --root "$ROOT"
  assert_error 3 "was changed, or made by somebody else" "systemctl edit"
  assert_stderr "-Nice=5"
  cmp before "$UNITS/pgkeel-guard.service"
  run_keel guard install --root "$ROOT" --remove
  assert_error 3 "was changed" "remove it yourself"
  [ -e "$UNITS/pgkeel-guard.socket" ]
}

@test "daemon.json is read and never written" {
  mkdir -p "$ROOT/etc/docker"
  printf '{"debug": true, "authorization-plugins": ["opa"]}' > "$ROOT/etc/docker/daemon.json"
  cp "$ROOT/etc/docker/daemon.json" before
  run_keel guard install --root "$ROOT" --name pgkeel-two --socket /run/two.sock
  assert_status 0
  assert_stdout '"authorization-plugins": ["pgkeel-two", "opa"]'
  [ "$(cat "$ROOT/etc/docker/plugins/pgkeel-two.spec")" = unix:///run/two.sock ]
  cmp before "$ROOT/etc/docker/daemon.json"

  # While the Engine is told of it, it must not go.
  printf '{"authorization-plugins": ["pgkeel-two", "opa"]}' > "$ROOT/etc/docker/daemon.json"
  run_keel guard install --root "$ROOT" --name pgkeel-two --json
  assert_status 0
  assert_json '.daemon_json.names_plugin and all(.files[0, 1]; .done != "written")'
  run_keel guard install --root "$ROOT" --name pgkeel-two --remove
  assert_error 3 "names the plugin" "systemctl reload docker"
  cp before "$ROOT/etc/docker/daemon.json"
  mkdir "$UNITS/sockets.target.wants"
  ln -s ../pgkeel-two-guard.socket "$UNITS/sockets.target.wants/pgkeel-two-guard.socket"
  run_keel guard install --root "$ROOT" --name pgkeel-two --remove
  assert_status 0
  [ -z "$(find "$UNITS" "$ROOT/etc/docker/plugins" ! -type d)" ]

  printf '{"debug": true,}' > "$ROOT/etc/docker/daemon.json"
  run_keel guard install --root "$ROOT"
  assert_status 0
  assert_stderr "daemon.json:1"
}

@test "names and paths that no unit can say are refused, others are quoted" {
  local folder="$PROJECT/50% \"of\" \$all"
  run_keel guard install --root "$ROOT" --name '../x'
  assert_error 2 "can be no plugin's name"
  run_keel guard install --root "$ROOT" --socket relative.sock
  assert_error 2 "must be an absolute path"
  mkdir "$folder" && echo 'project: odd' > "$folder/pgkeel.yaml"
  run_keel -C "$folder" guard install --root "$ROOT"
  assert_status 0
  grep -qF "50%% \\\"of\\\" \$\$all" "$UNITS/pgkeel-guard.service"
  systemd-analyze verify --man=no "$UNITS"/pgkeel-guard.*
  mkdir "$PROJECT/none"
  mv pgkeel.yaml aside
  run_keel -C "$PROJECT/none" guard install --root "$ROOT"
  assert_error 2 "needs a pgkeel.yaml"
}
