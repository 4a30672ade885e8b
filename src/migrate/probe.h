/*
 * Statements that cannot be in one transaction with their own journal: what they left behind when they
 * failed or were killed, and whether one that was begun is done. Answers come from the catalogues.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"
#include "db/statement.h"
#include "migrate/script.h"

/* What has to be remembered before STATEMENT begins: the OIDs of the indexes of its table. *RET_NOTE
 * is NULL where nothing does. Caller frees. */
bool probe_note (DbConn *conn, const ScriptStatement *statement, char **ret_note, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* STATEMENT was begun, NOTE taken before, and nobody knows how it ended. Sets *RET_DONE when the
 * catalogues say that it is done. */
bool probe_is_done (DbConn *conn, const ScriptStatement *statement, const char *note,
                    bool *ret_done, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes what an earlier try left: the INVALID index of that name, *_ccnew and *_ccold indexes; ends a
 * detaching that is pending, and then sets *RET_DONE. NOTE may be NULL: nothing was begun. */
bool probe_clean (DbConn *conn, const ScriptStatement *statement, const char *note, bool *ret_done,
                  Report *report, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* True when FAILURE of a statement that was begun before says that it is done: what it creates is
 * there, what it drops is not. */
bool probe_failure_means_done (const ScriptStatement *statement, const char *text,
                               const DbFailure *failure);
