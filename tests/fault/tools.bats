#!/usr/bin/env bats
# shellcheck disable=SC2016 # the text of the false tools is for their own shell
# pg_dump and pg_restore that fail, lie, hang, or are the wrong ones.

load fault

setup_file () { fault_begin; fault_fill_small; pg_sql pg little "CREATE TABLE more (id integer); CREATE VIEW few AS SELECT 1 AS one; CREATE INDEX ON notes (body)"; }
teardown_file () { fault_end; }
setup ()
{
  fault_project little
  BIN=$PROJECT/bin
  REAL=$(pg_bindir pg)
  mkdir "$BIN"
  ln -s "$REAL"/* "$BIN"
}

# Puts a shell script in the place of TOOL. It still tells its version as the real one does.
fake ()
{
  rm "$BIN/$1"
  {
    printf '%s\n' '#!/bin/sh' "case \"\$1\" in --version | -V) exec '$REAL/$1' --version ;; esac" \
      'for argument; do case $argument in --file=*) file=${argument#--file=} ;; esac; done'
    cat
  } > "$BIN/$1"
  chmod +x "$BIN/$1"
}

# A backup with the fake fails with the message MESSAGE and a hint, and leaves everything as it was.
assert_backup_fails ()
{
  good_backup
  note_folder
  PGKEEL_PG_PATH=$BIN run_keel backup create
  assert_error 5 "$1" "${2:-PGKEEL_PG_PATH}"
  assert_folder_untouched
  grep -q ' create failed ' "$BACKUPS/backup.log"
  assert_next_run_works
}

@test "pg_dump fails" {
  fake pg_dump <<< 'echo "pg_dump: error: the moon is wrong" >&2; exit 1'
  assert_backup_fails "pg_dump failed with exit code 1"
  PGKEEL_PG_PATH=$BIN run_keel backup create
  assert_stderr "detail: pg_dump: error: the moon is wrong"
}

@test "pg_dump is killed" {
  fake pg_dump <<< 'kill -KILL $$'
  assert_backup_fails "pg_dump"
}

@test "pg_dump reports success and writes nothing" {
  fake pg_dump <<< 'exit 0'
  assert_backup_fails "what pg_dump wrote"
}

@test "pg_dump reports success and writes an empty file" {
  fake pg_dump <<< ': > "$file"'
  assert_backup_fails "what pg_dump wrote"
}

@test "pg_dump reports success and writes something else" {
  fake pg_dump <<< 'echo "CREATE TABLE notes ();" > "$file"'
  assert_backup_fails "what pg_dump wrote"
}

@test "pg_dump reports success, but its file was cut" {
  fake pg_dump <<< "'$REAL/pg_dump' \"\$@\" && truncate -s 1500 \"\$file\""
  assert_backup_fails "what pg_dump wrote"
}

@test "pg_dump reports success, but a table is missing" {
  fake pg_dump <<< "exec '$REAL/pg_dump' --exclude-table=more \"\$@\""
  assert_backup_fails "lacks 1 of 2 tables"
}

@test "pg_dump dumps another database" {
  pg_sql pg postgres "CREATE DATABASE other_little"
  fake pg_dump <<< "set -- \$(printf '%s\n' \"\$@\" | grep -v -e ^--dbname -e ^--snapshot)
exec '$REAL/pg_dump' --dbname='$(pg_url pg other_little)' \"\$@\""
  assert_backup_fails "lacks 2 of 2 tables"
}

@test "pg_restore fails" {
  fake pg_restore <<< 'echo "pg_restore: error: out of luck" >&2; exit 1'
  assert_backup_fails "pg_restore failed with exit code 1"
}

@test "pg_restore reports success and prints nothing" {
  fake pg_restore <<< 'exit 0'
  assert_backup_fails "lacks 2 of 2 tables"
}

@test "pg_restore lists well, then prints nothing" {
  fake pg_restore <<< "case \"\$*\" in *--list*) exec '$REAL/pg_restore' \"\$@\" ;; esac"
  assert_backup_fails "its output is cut short"
}

@test "pg_restore's text is cut in its middle" {
  fake pg_restore <<< "case \"\$*\" in *--list*) exec '$REAL/pg_restore' \"\$@\" ;; esac
'$REAL/pg_restore' \"\$@\" | head -c 1500"
  assert_backup_fails "its output is cut short"
}

@test "pg_restore leaves out an index" {
  fake pg_restore <<< "'$REAL/pg_restore' \"\$@\" | sed '/-- Name: .*; Type: INDEX;/,/;\$/d'"
  assert_backup_fails "its output is cut short"
}

@test "pg_dump fails now and then: the next attempt of the same run succeeds" {
  fake pg_dump <<< "[ -e '$PROJECT/tried' ] || { touch '$PROJECT/tried'; exit 1; }
exec '$REAL/pg_dump' \"\$@\""
  PGKEEL_PG_PATH=$BIN run_keel backup create
  assert_status 0
  [ -e "$PROJECT/tried" ]
  run_keel backup prove
  assert_status 0
}

@test "there is no pg_dump that is new enough" {
  good_backup
  note_folder
  mkdir "$PROJECT/none"
  # The folders of the system are looked at, too, unless they cannot be seen.
  fake pg_dump <<< 'echo "pg_dump (PostgreSQL) 9.6.24"'
  sed -i 's/^case .*/case "$1" in --version | -V) echo "pg_dump (PostgreSQL) 9.6.24"; exit ;; esac/' "$BIN/pg_dump"
  PGKEEL_PG_PATH=$BIN run_keel backup create
  # Either the system's own is taken, or the message says what to install; never the old one.
  [ "$status" -eq 0 ] || assert_error 5 "pg_dump" "install"
  assert_next_run_works
}

@test "with an initdb that lies nothing is proven by a scratch cluster" {
  good_backup
  fake initdb <<< 'exit 0'
  PGKEEL_PG_PATH=$BIN run_keel backup prove --json
  # A scratch database on the server is the other place there is, and the proof says so.
  [ "$status" -ne 0 ] || assert_json '.place | contains ("scratch database on the server")'
  assert_only_finished_files
  assert_no_temporary_files
  assert_nothing_lives
}
