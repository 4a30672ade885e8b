/*
 * The ledger of seeded rows and scripts: tables in schema pgkeel.
 */
#pragma once

#include "seed/internal.h"

/* Makes the tables where they are not there. */
bool seed_ledger_ensure (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes down what was inserted and updated, as it is now; once all is done. */
bool seed_ledger_write (SeedRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The digest of row T of a table, as SQL. Caller frees. */
char *seed_ledger_digest (const char *t);

/* Removes the rows that have left the files; those that cannot go yet are left to the last time, which says why
 * they stay. */
bool seed_retract (SeedRun *run, bool is_last, GError **error) G_GNUC_WARN_UNUSED_RESULT;
