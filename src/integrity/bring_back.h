/*
 * Brings back the rows that a fix touched, exactly, from pgkeel.quarantine.
 *
 * Triggers of the user's do not fire meanwhile. As a superuser foreign keys are not asked either
 * (session_replication_role), since a fix of orphans is undone by bringing orphans back; as another
 * role the keys are asked, and may refuse it. Generated columns are computed again, identity columns
 * get their old values. Every row that came back is compared with what was kept, and nothing else may
 * change.
 */
#pragma once

#include "db/conn.h"

typedef struct
{
  int64_t rows;   /* brought back, changed back or removed again */
  int64_t tables; /* they are in */
} BringBackResult;

/* In a transaction, with the tables locked against writes. KEEL_ERROR_ANSWER_NO when rows are no
 * longer as the fix left them. */
bool bring_back (DbConn *conn, const char *fix_id, BringBackResult *ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
