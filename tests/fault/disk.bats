#!/usr/bin/env bats
# Disks that fill up: the backup folder's at every write there is, and the temporary folder's.

load fault

setup_file () { fault_begin; fault_fill 120000; fault_fill_small; }
teardown_file () { fault_end; }
setup () { fault_project little; }
teardown () { unmount_small_below "$PROJECT"; }

# Makes a disk for the backups of which exactly PAGES pages of 4 KiB are free after the backups of
# $PROJECT/old were copied there.
disk_with_free_pages ()
{
  local free
  unmount_small "$PROJECT/backups"
  mount_small 4M "$PROJECT/backups"
  mkdir "$BACKUPS"
  cp -a "$PROJECT"/old/. "$BACKUPS"
  free=$(stat -f -c %f "$PROJECT/backups")
  head -c $(((free - $1) * 4096)) /dev/zero > "$PROJECT/backups/ballast"
  [ "$(stat -f -c %f "$PROJECT/backups")" -eq "$1" ] || fail "the disk has not $1 free pages"
}

# What must hold whatever happened: either there is no trace of a new backup, or there is one and it
# is good.
assert_all_or_nothing ()
{
  if [ "$status" -eq 0 ]; then
    [ "$(list_backups | wc -l)" -eq $(($(wc -l < "$PROJECT/list.before") + 1)) ] ||
      { show_run; fail "exit code 0 without a new backup"; }
    grep -vF "$(basename "$(newest_backup)" .sql.gz)" <(sums_of_backups) | diff "$PROJECT/sums.before" - ||
      fail "an older backup changed"
    zcat "$(newest_backup)" > /dev/null
    rm "$PROJECT/backups/ballast"
    run_keel backup verify
    assert_status 0
    assert_only_finished_files
  else
    assert_error 5 "No space left on device" "Free some space"
    assert_folder_untouched
    rm "$PROJECT/backups/ballast"
    assert_next_run_works
  fi
}

@test "the disk of the backups is full, at every size up to where it is enough" {
  local pages failures=0 successes=0
  use_release
  good_backup
  mv "$BACKUPS" "$PROJECT/old"
  # Each size ends one more write: the lock, the log, the data, the index, the trailer, the record.
  for pages in $(seq 0 12); do
    disk_with_free_pages "$pages"
    note_folder
    run_keel backup create
    show_run
    [ "$status" -eq 0 ] && successes=$((successes + 1)) || failures=$((failures + 1))
    assert_all_or_nothing
  done
  [ "$failures" -ge 4 ] || fail "only $failures runs met a full disk"
  [ "$successes" -ge 4 ] || fail "only $successes runs had enough room"
}

@test "a file may not grow beyond a limit, wherever the limit falls" {
  local size index limit
  use_release
  size=$(stat -c %s "$(good_backup)")
  index=$(($(perl -e 'local $/; open F, "<", $ARGV[0]; $_ = <F>; print unpack "Q<", substr $_, -58, 8' "$(newest_backup)")))
  note_folder
  for limit in $((size / 8)) $((size / 3)) $((size / 2)) $((index - 20)) $((index + 20)) \
    $((index + 300)) $((size - 100)) $((size - 40)); do
    rm "$BACKUPS/backup.log" # or else it reaches the limit, too
    run --separate-stderr prlimit --fsize="$limit" "$PGKEEL" backup create
    echo "limit of $limit bytes"
    assert_error 5 "File too large" "ulimit -f"
    assert_folder_untouched
  done
  run --separate-stderr prlimit --fsize=$((size + 100)) "$PGKEEL" backup create
  assert_status 0
  assert_next_run_works
}

@test "a large backup meets the full disk after some hundred writes" {
  local size
  use_release
  fault_project shop
  good_backup
  mv "$BACKUPS" "$PROJECT/old"
  size=$(stat -c %s "$PROJECT"/old/*.sql.gz)
  for part in 10 50 90; do
    unmount_small "$PROJECT/backups"
    mount_small $((size + size * part / 100)) "$PROJECT/backups"
    mkdir "$BACKUPS"
    cp -a "$PROJECT"/old/. "$BACKUPS"
    note_folder
    run_keel backup create
    assert_error 5 "No space left on device" "Free some space"
    assert_folder_untouched
  done
  mount -o remount,size=64M "$PROJECT/backups"
  assert_next_run_works
}

@test "the sanitized program takes the same way out of a full disk" {
  good_backup
  mv "$BACKUPS" "$PROJECT/old"
  for pages in 0 1 2 4 6; do
    disk_with_free_pages "$pages"
    note_folder
    run_keel backup create
    assert_all_or_nothing
  done
}

@test "the log cannot be written: the backup counts, and the warning says so" {
  good_backup
  rm "$BACKUPS/backup.log"
  mkdir "$BACKUPS/backup.log"
  run_keel backup create
  assert_status 0
  assert_stderr "warning: "
  assert_stderr "backup.log"
  [ "$(list_backups | wc -l)" -eq 2 ]
  run_keel backup verify "$(basename "$(newest_backup)")"
  [ "$status" -ne 99 ]
}

@test "a disk that was full leaves no torn line in backup.log" {
  local log=$PROJECT/old/backup.log padding
  use_release
  good_backup
  mv "$BACKUPS" "$PROJECT/old"
  # The line that tells of the failure does not fit in the last page of the log.
  padding=$((4096 - 10 - $(stat -c %s "$log")))
  { head -c "$padding" /dev/zero | tr '\0' '#'; echo; } >> "$log"
  disk_with_free_pages 0
  cp "$BACKUPS/backup.log" "$PROJECT/log.before"
  run_keel backup create
  assert_status 5
  cmp "$PROJECT/log.before" "$BACKUPS/backup.log" || fail "a piece of a line is left: $(tail -c 30 "$BACKUPS/backup.log")"
  assert_stderr "could not be written to backup.log"
}

@test "the temporary folder is full" {
  good_backup
  note_folder
  mount_small 4k "$TMPDIR" 1777
  run_keel backup create
  assert_error 5 "No space left on device" "Free some space"
  assert_folder_untouched
  mount -o remount,size=8M "$TMPDIR"
  assert_next_run_works
}

@test "there is no temporary folder" {
  good_backup
  note_folder
  TMPDIR=$PROJECT/nowhere run_keel backup create
  assert_error 5 "$PROJECT/nowhere" "TMPDIR"
  assert_folder_untouched
  assert_next_run_works
}

@test "a proof that finds the disk full proves nothing" {
  local name
  name=$(basename "$(good_backup)")
  note_folder
  mount_small 4M "$TMPDIR" 1777
  run_keel backup prove
  assert_error 5 "" ""
  assert_folder_untouched
  assert_nothing_lives
  unmount_small "$TMPDIR"
  run_keel backup list --json
  assert_json '.backups[0].proven == null and (.backups[0].proof_failed | not)'
  run_keel backup prove "$name"
  assert_status 0
}
