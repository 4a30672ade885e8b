/*
 * Where the rows that a fix touches are kept: pgkeel.integrity_fix, a row for every fix, and
 * pgkeel.quarantine, a row for every row that it inserted, updated or deleted, in that order.
 *
 * How rows get there does not depend on the fix's statements: for the time of the transaction, row
 * triggers on the tables write down each change, and the server's own count of changed rows (which
 * knows of cascades and of what other triggers do) must agree, table by table. A table that was
 * changed without being watched makes the fix begin again with it being watched.
 *
 * A row is kept twice: as jsonb, for people and queries, and as its row text, which gives back every
 * type exactly (jsonb loses a json's spelling, the bounds of arrays, a float's minus zero).
 */
#pragma once

#include "db/conn.h"

typedef struct
{
  char *schema, *name;
  unsigned int oid;
  int64_t inserted, updated, deleted;
} QuarantineTable;

void quarantine_table_free (QuarantineTable *table);

/* Makes schema and tables where they are missing. In a transaction. */
bool quarantine_create (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What this transaction changed so far, aborted savepoints included, as the server counts: of
 * QuarantineTable, tables of users only. */
bool quarantine_count (DbConn *conn, GPtrArray **ret_tables, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* AFTER less BEFORE, both of quarantine_count; tables that did not change are left out. Caller
 * unrefs. */
GPtrArray *quarantine_difference (const GPtrArray *before, const GPtrArray *after);

/* Watches TABLES (of QuarantineTable) for the fix FIX_ID, until quarantine_unwatch. */
bool quarantine_watch (DbConn *conn, const char *fix_id, const GPtrArray *tables, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool quarantine_unwatch (DbConn *conn, const GPtrArray *tables, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What is written down comes from the fix of CHECK_ID, found by the run RUN_ID. */
bool quarantine_attribute (DbConn *conn, const char *check_id, const char *run_id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What was written down for FIX_ID: of QuarantineTable. */
bool quarantine_held (DbConn *conn, const char *fix_id, GPtrArray **ret_tables, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Of TABLES the one called SCHEMA.NAME, or NULL. */
QuarantineTable *quarantine_find (const GPtrArray *tables, const char *schema, const char *name);
