#!/usr/bin/env bats
# Runs beside and after each other: locks, clocks, permissions, databases that shrink, and what
# retention may remove.

load fault

setup_file () { fault_begin; fault_fill_small; fault_fill 20000; }
teardown_file () { fault_end; }
setup () { use_release; fault_project little; }

# A name for a backup made SECONDS ago.
name_of_age () { date -u -d "@$(($(date +%s) - $1))" +shop_db_backup_%Y%m%d_%H%M%S.sql.gz; }

@test "two runs at once: the second one is refused and changes nothing" {
  good_backup
  fault_project shop
  start_keel backup create
  stop_at_bytes 1000
  run_keel backup create
  assert_error 6 "another run holds the lock" "process $KEEL_PID"
  [ "$(written_bytes)" -gt 0 ] || fail "the second run took away the first one's file"
  kill -CONT "$KEEL_PID"
  await_keel
  assert_status 0
  [ "$(list_backups | wc -l)" -eq 1 ]
  assert_next_run_works
}

@test "the lock of a run that was killed does not hold" {
  fault_project shop
  start_keel backup create
  stop_at_bytes 1000
  kill -KILL "$KEEL_PID"
  await_keel
  assert_next_run_works
}

@test "the clock has gone back: the new backup is the latest one all the same" {
  local future name
  good_backup
  future=$(name_of_age -7200)
  mv "$(newest_backup)" "$BACKUPS/$future"
  rm -f "$BACKUPS"/*.json
  run_keel backup create --json
  assert_status 0
  assert_stderr "warning: the clock has gone back: "
  assert_stderr "$future"
  assert_json '.warnings | length == 1 and (.[0] | contains ("clock"))'
  name=$(jq -r .backup <<< "$output")
  [[ $name > $future ]] || fail "$name sorts before $future"
  run_keel backup list --json
  assert_json ".backups[0].name == \"$name\""
  run_keel backup show latest --json
  assert_json ".name == \"$name\""
  grep -q ' create warning .*clock' "$BACKUPS/backup.log"
}

@test "two backups in one second have two names" {
  run_keel backup create --type schema
  assert_status 0
  for _ in 1 2 3; do
    run_keel backup create
    assert_status 0
    refute_stderr "clock"
  done
  [ "$(list_backups | wc -l)" -eq 4 ]
}

@test "a table that lost more than half of its rows is warned about, everywhere" {
  pg_sql pg postgres "CREATE DATABASE shrink TEMPLATE little"
  fault_project shrink
  good_backup
  pg_sql pg shrink "DELETE FROM notes WHERE id > 700"
  run_keel backup create --json
  assert_status 0
  assert_stderr "warning: table public.notes fell from 1,500 to 700 rows"
  assert_stderr "hint: "
  assert_json '.warnings | any (contains ("public.notes fell from 1,500 to 700 rows"))'
  grep -q ' create warning .*public.notes fell from 1,500 to 700 rows' "$BACKUPS/backup.log"
  # Not again: it is compared with the backup before, and exactly half is not more than half.
  pg_sql pg shrink "DELETE FROM notes WHERE id > 350"
  run_keel backup create --json
  assert_json '.warnings == []'
  [ -z "$stderr" ]
  pg_sql pg shrink "DROP TABLE notes; CREATE TABLE other (id integer); INSERT INTO other SELECT generate_series(1, 900)"
  run_keel backup create --json
  assert_status 0
  assert_json '.warnings | any (contains ("public.notes, which had 350 rows, is gone"))'
}

@test "a backup that is smaller than min_size has failed" {
  fault_project little
  sed -i "s/min_size: 512B/min_size: 1MB/" pgkeel.yaml
  mkdir -p "$BACKUPS"
  note_folder
  run_keel backup create
  assert_error 1 "counts as failed" "backup.min_size"
  assert_folder_untouched
  grep -q ' create failed .*counts as failed' "$BACKUPS/backup.log"
  # The default, 10 KB, refuses a database with nothing in it.
  pg_sql pg postgres "CREATE DATABASE empty"
  project_new "project: shop
incident: {emergency_backup: false}
environments:
  development: {url: \"$(pg_url pg empty)\"}"
  BACKUPS=$PROJECT/backups/development
  run_keel backup create
  assert_error 1 "10.0 KB or less counts as failed" "backup.min_size"
  [ -z "$(list_backups)" ]
}

@test "the backup folder cannot be written to, or cannot be read" {
  local user=nobody groups=(--clear-groups)
  [ "$(id -u)" -eq 0 ] || { user=$(id -un); groups=(--keep-groups); }
  good_backup
  chown -R "$user" "$PROJECT"
  # setpriv changes nothing when it is asked for who we are.
  as_nobody ()
  {
    run --separate-stderr setpriv --reuid="$user" --regid="$(id -g "$user")" "${groups[@]}" "$PGKEEL" "$@"
  }
  as_nobody backup list --json
  assert_status 0
  assert_json '.backups | length == 1'
  chmod 500 "$BACKUPS"
  rm -f "$BACKUPS/.lock"
  as_nobody backup create
  assert_error 5 "Permission denied" "permissions"
  # What can be listed but not looked at must not pass for empty.
  chmod 400 "$BACKUPS"
  as_nobody backup list
  assert_error 5 "Permission denied" "permissions"
  chmod 000 "$BACKUPS"
  as_nobody backup list
  assert_error 5 "Permission denied" "permissions"
  as_nobody backup create
  assert_error 5 "Permission denied" "permissions"
  as_nobody backup verify latest
  assert_error 5 "Permission denied" "permissions"
  chmod 700 "$BACKUPS"
  as_nobody backup create
  assert_status 0
  [ "$(stat -c %a "$(newest_backup)")" = 600 ]
}

@test "the backup folder is a file" {
  mkdir "$PROJECT/backups"
  echo x > "$BACKUPS"
  run_keel backup create
  assert_error 5 "$BACKUPS"
  run_keel backup list
  assert_error 5 "$BACKUPS"
}

# Three backups, the oldest first: $OLD, $MIDDLE, $NEW; the first two are older than what is kept.
# faketime moves the clock that the index has, renaming would only move the name's.
make_old_backups ()
{
  local library
  library=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
  [ -n "$library" ] || fail "libfaketime is not installed (apt-get install faketime)"
  run env LD_PRELOAD="$library" FAKETIME=-10d "$PGKEEL" backup create
  [ "$status" -eq 0 ] || fail "$output"
  OLD=$(basename "$(newest_backup)")
  run env LD_PRELOAD="$library" FAKETIME=-5d "$PGKEEL" backup create
  [ "$status" -eq 0 ] || fail "$output"
  MIDDLE=$(basename "$(newest_backup)")
  [[ $OLD < $MIDDLE ]]
}

use_keep () { sed -i "s/min_size: 512B/min_size: 512B, keep: {db: $1}/" pgkeel.yaml; }

@test "what is older than backup.keep goes after a successful backup, and only then" {
  make_old_backups
  use_keep 48h
  note_folder
  # A failed run removes nothing.
  sed -i.good 's/dbname=little\|\/little?/\/not_there?/' pgkeel.yaml
  ! cmp -s pgkeel.yaml pgkeel.yaml.good || fail "the URL was not changed"
  run_keel backup create
  [ "$status" -ne 0 ]
  assert_folder_untouched
  mv pgkeel.yaml.good pgkeel.yaml
  sed -i 's/min_size: 512B/min_size: 1GB/' pgkeel.yaml
  run_keel backup create
  assert_error 1 "counts as failed"
  assert_folder_untouched
  sed -i 's/min_size: 1GB/min_size: 512B/' pgkeel.yaml
  run_keel backup prune --dry-run --json
  assert_json ".dry_run and .removed == [\"$OLD\"]"
  assert_folder_untouched
  close_incidents
  run_keel backup create --json
  assert_status 0
  assert_json ".removed == [\"$OLD\", \"$MIDDLE\"]"
  [ "$(list_backups | wc -l)" -eq 1 ]
  [ "$(find "$BACKUPS" -name '*.json' | wc -l)" -eq 1 ] || fail "something is left beside what was removed"
  grep -q " prune ok file=$OLD" "$BACKUPS/backup.log"
}

@test "retention keeps the last good backup, the newest proven one, and damaged ones, however old" {
  make_old_backups
  use_keep 48h
  run_keel backup prove "$OLD"
  assert_status 0
  run_keel backup prune --json
  assert_json '.removed == []'
  [ "$(list_backups | wc -l)" -eq 2 ]
  # The newer one turns out damaged: the old one, unproven now, is the last good one.
  rm "$BACKUPS"/*.proof.json
  printf 'x' >> "$BACKUPS/$MIDDLE"
  run_keel backup prune --json
  assert_json '.removed == []'
  run_keel backup create --json
  assert_json ".removed == [\"$OLD\"]"
  list_backups | grep -qx "$MIDDLE" || fail "a damaged file was removed"
}

@test "a backup that a verification found damaged is not the last good one" {
  make_old_backups
  use_keep 48h
  perl -e 'open F, "+<", $ARGV[0]; seek F, 300, 0; print F "damage"; close F' "$BACKUPS/$MIDDLE"
  run_keel backup verify "$MIDDLE"
  assert_status 1
  close_incidents
  run_keel backup prune --json
  assert_json '.removed == []'
  [ "$(list_backups | wc -l)" -eq 2 ]
}

@test "prune of production asks, and a scheduled one says --yes" {
  fault_project shop 'keep: {db: 1h}'
  sed -i 's/^  development:/  production:/' pgkeel.yaml
  PGKEEL_ENV=production run_keel backup prune < /dev/null
  assert_error 3 "this would remove the backups of production that are older than backup.keep" "give --yes"
  PGKEEL_ENV=production run_keel backup prune --yes
  assert_status 0
  run_keel -e production audit log --action 'backup prune' --json
  assert_json '[.entries[] | [.phase, .confirmed.by]] == [["refused", "nobody"], ["intent", "--yes"], ["done", "--yes"]]'
}

@test "without backup.keep nothing goes, and prune says why" {
  make_old_backups
  run_keel backup create --json
  assert_json '.removed == []'
  [ "$(list_backups | wc -l)" -eq 3 ]
  run_keel backup prune
  assert_error 2 "backup.keep is not set" "keep:"
}

@test "what is not ours, and other projects' backups, stay" {
  make_old_backups
  use_keep 48h
  cp "$BACKUPS/$OLD" "$BACKUPS/${OLD/shop_db/bakery_db}"
  cp "$BACKUPS/$OLD" "$BACKUPS/${OLD/shop_db/shop_data}"
  echo notes > "$BACKUPS/notes.txt"
  run_keel backup create
  assert_status 0
  [ -f "$BACKUPS/${OLD/shop_db/bakery_db}" ]
  [ -f "$BACKUPS/${OLD/shop_db/shop_data}" ] # the newest of its type
  [ -f "$BACKUPS/notes.txt" ]
  [ ! -f "$BACKUPS/$OLD" ]
}
