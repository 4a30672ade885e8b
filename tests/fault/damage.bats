#!/usr/bin/env bats
# Finished backups that change on the disk. tests/unit/backup/test_reader.c flips every bit of a file;
# here the program has to say so, with a real backup.

load fault

setup_file ()
{
  fault_begin
  fault_fill_small
  fault_project little
  run_keel backup create
  [ "$status" -eq 0 ] || { show_run; return 1; }
  printf '%s\n' "$PROJECT" > "$E2E_ROOT/template"
}
teardown_file () { fault_end; }
setup ()
{
  use_release
  fault_project little
  cp -a "$(cat "$E2E_ROOT/template")/backups" "$PROJECT"
  FILE=$(newest_backup)
  NAME=$(basename "$FILE")
  SIZE=$(stat -c %s "$FILE")
  cp "$FILE" "$PROJECT/good"
}

# Inverts one bit of the byte at OFFSET of the backup.
flip ()
{
  perl -e 'open my $f, "+<", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1;
           seek $f, $ARGV[1], 0; print $f chr (ord ($c) ^ (1 << $ARGV[2])); close $f or die' "$FILE" "$1" "${2:-0}"
}

mend () { cat "$PROJECT/good" > "$FILE"; rm -f "$BACKUPS"/*.verified.json; }

assert_damage_found ()
{
  run_keel backup verify "$NAME"
  assert_error "${1:-1}" "$NAME" "${2:-}"
  # Whatever it was, nothing calls it verified any more.
  run_keel backup list --json
  assert_json '.backups[0].verified == null and .backups[0].problem != null'
}

@test "a whole backup verifies" {
  run_keel backup verify "$NAME"
  assert_status 0
  run_keel backup list --json
  assert_json '.backups | length == 1 and .[0].problem == null and .[0].verified != null'
}

@test "a flipped bit anywhere is found: in every member, the index and the trailer" {
  local offset i=0
  for offset in 0 3 9 15 $(seq 40 $((SIZE / 40 + 1)) $((SIZE - 79))) $(seq $((SIZE - 78)) $((SIZE - 1))); do
    flip "$offset" $((i++ % 8))
    run_keel backup verify "$NAME"
    # The trailer's version is the one place where a change may look like a newer pgkeel.
    [ "$status" -eq 1 ] || [ "$offset" -ge $((SIZE - 62)) ] || { show_run; fail "byte $offset: exit code $status"; }
    [ "$status" -eq 1 ] || [ "$status" -eq 5 ] || { show_run; fail "byte $offset: exit code $status"; }
    mend
  done
}

@test "a flipped bit is reported once, with what to do, and remembered" {
  flip $((SIZE / 2))
  assert_damage_found 1 "older backup"
  grep -q " verify failed file=$NAME " "$BACKUPS/backup.log"
  # Neither a restore nor a proof starts from it, "latest" says so, and verifying again says the same.
  run_keel backup prove "$NAME"
  assert_error 1 "hash"
  run_keel backup verify latest
  assert_error 1 "damaged" "older one"
  assert_damage_found 1 "older backup"
  # Mended (the disk's cable was loose, a copy was put in its place), it is good again.
  cat "$PROJECT/good" > "$FILE"
  run_keel backup verify "$NAME"
  assert_status 0
  run_keel backup list --json
  assert_json '.backups[0].problem == null and .backups[0].verified != null'
}

@test "a proven backup that is damaged later is no longer called proven" {
  run_keel backup prove "$NAME"
  assert_status 0
  run_keel backup list --json
  assert_json '.backups[0].proven != null'
  flip 200
  run_keel backup prove "$NAME"
  assert_error 1 "hash"
  run_keel backup list --json
  assert_json '.backups[0].proven == null and .backups[0].problem != null'
}

@test "a truncated file is found at every length" {
  local length
  for length in 0 1 77 78 79 500 $(seq 1000 $((SIZE / 12)) $((SIZE - 100))) \
    $((SIZE - 79)) $((SIZE - 78)) $((SIZE - 77)) $((SIZE - 1)); do
    truncate -s "$length" "$FILE"
    run_keel backup verify "$NAME"
    assert_error 1 "$NAME"
    run_keel backup list --json
    assert_json '.backups[0].problem != null'
    mend
  done
}

@test "an empty file is said to be empty" {
  : > "$FILE"
  run_keel backup verify "$NAME"
  assert_error 1 "empty"
  run_keel backup show "$NAME"
  assert_error 1 "empty"
  run_keel backup list
  assert_stdout DAMAGED
}

@test "appended bytes are found" {
  printf 'x' >> "$FILE"
  assert_damage_found
  mend
  gzip -c < /dev/null >> "$FILE"
  assert_damage_found
  mend
  cat "$PROJECT/good" >> "$FILE"
  assert_damage_found
}

# Writes the backup FILE anew from the parts given on standard input, with a trailer that fits them.
# Words: "name from to" of bytes of a file; the last one is the index.
splice ()
{
  perl -MDigest::SHA=sha256 -e '
    my ($out, @parts) = @ARGV; my ($all, $index) = ("", "");
    while (@parts) {
      my ($name, $from, $to) = splice @parts, 0, 3;
      open my $f, "<:raw", $name or die; local $/; my $text = <$f>;
      $all .= $index; $index = substr $text, $from, $to - $from;
    }
    my $trailer = pack "C4 x5 C v a2 v V Q< Q<", 0x1f, 0x8b, 8, 4, 0xff, 56, "PK", 52, 1, length $all, length $index;
    open my $f, ">:raw", $out or die;
    print $f $all, $index, $trailer, sha256 ($all . $index), pack ("C x9", 3); close $f or die' "$FILE" "$@"
}

index_offset () { perl -e 'local $/; open F, "<", $ARGV[0]; $_ = <F>; print unpack "Q<", substr $_, -58, 8' "$1"; }

@test "the splice of these tests makes a file that verifies" {
  local index
  index=$(index_offset "$PROJECT/good")
  splice "$PROJECT/good" 0 "$index" "$PROJECT/good" "$index" $((SIZE - 78))
  cmp "$FILE" "$PROJECT/good"
}

@test "the index of another backup is found, although the trailer fits" {
  local other index other_index
  sleep 1
  pg_sql pg little "UPDATE notes SET body = md5(body) WHERE id = 7"
  run_keel backup create
  assert_status 0
  other=$(newest_backup)
  index=$(index_offset "$PROJECT/good")
  other_index=$(index_offset "$other")
  splice "$PROJECT/good" 0 "$index" "$other" "$other_index" $(($(stat -c %s "$other") - 78))
  run_keel backup verify "$NAME"
  assert_error 1 "$NAME"
  run_keel backup prove "$NAME"
  [ "$status" -eq 1 ] || { show_run; fail "exit code $status"; }
}

@test "members that changed places are found, although trailer and index fit" {
  local index first second
  index=$(index_offset "$PROJECT/good")
  # The first two parts, as the index has them.
  read -r first second < <(perl -e 'local $/; open F, "<:raw", $ARGV[0]; $_ = <F>; print substr $_, $ARGV[1], -78' \
    "$PROJECT/good" "$index" | zcat | sed 's/^-- //' | jq -rRs '[split("\n")[] | fromjson? | .member? // empty] | sort_by(.[0]) | "\(.[0][1]) \(.[0][1] + .[1][1])"')
  splice "$PROJECT/good" "$first" "$second" "$PROJECT/good" 0 "$first" "$PROJECT/good" "$second" "$index" \
    "$PROJECT/good" "$index" $((SIZE - 78))
  [ "$(stat -c %s "$FILE")" -eq "$SIZE" ]
  run_keel backup verify "$NAME"
  assert_error 1 "does not have the hash" "older backup"
}

@test "another backup under this one's name is the backup it is" {
  # Renaming is nobody's crime: the file describes itself.
  mv "$FILE" "$BACKUPS/shop_db_backup_20200101_000000.sql.gz"
  run_keel backup verify shop_db_backup_20200101_000000
  assert_status 0
}

@test "what is no backup at all is refused" {
  head -c 20000 /dev/urandom > "$FILE"
  assert_damage_found
  gzip -c "$PROJECT/pgkeel.yaml" > "$FILE"
  assert_damage_found
  rm "$FILE"
  mkdir "$FILE"
  run_keel backup verify "$NAME"
  [ "$status" -ne 0 ]
  rmdir "$FILE"
  run_keel backup verify "$NAME"
  assert_error 5 "no backup" "backup list"
}
