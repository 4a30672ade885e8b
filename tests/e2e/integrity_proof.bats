#!/usr/bin/env bats
# tests/integrity-proof/prove run once: what it broke, what was found, what was found where nothing is.
# Its table is in the output of a test that fails; README.md there says how to read it.

load helper

setup_file ()
{
  e2e_begin
  RESULT=$E2E_ROOT/result.json
  export RESULT
  # The release build: 60 runs of the checks, of which each test of its own has the sanitized one.
  "$REPOSITORY/tests/integrity-proof/prove" --pgkeel "${PGKEEL_RELEASE:-$PGKEEL}" \
    --bindir "$(pg_bindirs | head -n 1)" --json "$RESULT" > "$E2E_ROOT/table" 2>&1 3>&- || true
}

teardown_file () { e2e_end; }

# True of the result, or the table is shown.
assert_proof ()
{
  if [ ! -s "$RESULT" ] || ! jq -e "$1" "$RESULT" > /dev/null; then
    cat "$E2E_ROOT/table" >&2
    fail "not true: $1"
  fi
}

@test "six clean databases: nothing to complain about, nothing that could not be looked at" {
  assert_proof '(.clean | length) == 6 and ([.clean[][]] == [])'
}

@test "at least 300 faults of at least 50 classes are injected" {
  assert_proof '(.classes | length) >= 50 and ([.classes[].made] | add) >= 300'
}

@test "every injected fault is found by its check, at its object" {
  assert_proof '.missed == []'
}

@test "without their foreign keys, at least 90 in 100 are inferred again, and at most 5 in 100 are false" {
  assert_proof '[.inferred.avdaily, .inferred.dordash, .inferred.ledgerflow]
                | ([.[].again] | add) >= 0.9 * ([.[].keys] | add) and ([.[].keys] | add) >= 40
                  and ([.[].false | length] | add) <= 0.05 * ([.[].inferred] | add)'
}
