/*
 * Where sequences stand: what a fix may move, and no transaction takes back.
 */
#pragma once

#include "db/conn.h"

#include <jansson.h>

/* An array of {"schema", "name", "last", "called"} for all sequences that may be read. */
bool sequence_state_read (DbConn *conn, json_t **ret_state, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* An array of {"schema", "name", "before": {...}, "after": {...}} for those that moved. */
json_t *sequence_state_changes (json_t *before, json_t *after);

/* Moves the sequences of CHANGES back. One that stands elsewhere than CHANGES' "after" was used
 * meanwhile: it stays, and its name is added to SKIPPED (may be NULL). *RET_COUNT: how many moved. */
bool sequence_state_restore (DbConn *conn, json_t *changes, GPtrArray *skipped, int64_t *ret_count,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
