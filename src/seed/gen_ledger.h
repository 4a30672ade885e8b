/*
 * What was generated into a database: a row per table in pgkeel.seed_generated, with the digest of the
 * settings, where its keys began, and the transactions that wrote its rows.
 *
 * The transactions say which rows are generated ones that nobody has changed since (their xmin): how the
 * rows of a run that failed, or was killed, are removed again, and no others.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"
#include "seed/gen_plan.h"

/* Makes the table where it is missing. */
bool gen_ledger_prepare (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets is_done, and where keys begin, of the tables of MODEL that are in the ledger and still have rows.
 * Without a ledger there is nothing to do. */
bool gen_ledger_apply (DbConn *conn, const GenModel *model, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_REFUSED when a table was generated with other settings than now. */
bool gen_ledger_check (DbConn *conn, const GenModel *model, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* TABLE is about to be loaded / is loaded. */
bool gen_ledger_begin (DbConn *conn, const GenModel *model, const GenTable *table, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool gen_ledger_add_transaction (DbConn *conn, const GenTable *table, const char *xid,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool gen_ledger_finish (DbConn *conn, const GenTable *table, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Removes the rows of runs that did not finish, children first, and says how many. */
bool gen_ledger_clean (DbConn *conn, uint64_t *ret_rows, GError **error) G_GNUC_WARN_UNUSED_RESULT;
