/*
 * The sessions of a dump: one consistent view of the database, held by several connections.
 *
 * Order matters. First a locker takes ACCESS SHARE on every table, waiting in short turns so that it
 * never is the cause of a deadlock; then the snapshot is taken, so that nothing can be truncated or
 * rewritten between lock and snapshot; then workers and pg_dump take the same locks without waiting.
 * If DDL has queued up behind the locker in that moment, they could only wait for it while it waits
 * for us: then everything is let go, the DDL passes, and it starts over. Once all are in, DDL waits.
 */
#pragma once

#include "backup/ddl.h"
#include "backup/scan.h"
#include "base/report.h"
#include "db/conn.h"

typedef struct
{
  const char *url;
  const char *database; /* NULL: the one in the URL */
  unsigned int worker_count;
  bool want_ddl, schema_only;
  int lock_wait_seconds; /* give up after this long; 0: ten minutes */
} SnapshotSpec;

typedef struct
{
  DbConn *locker;
  DbConn *main;       /* in the snapshot; the database's own encoding */
  GPtrArray *workers; /* of DbConn, likewise */
  GPtrArray *tables;  /* of ScanTable */
  char *encoding;
  char *snapshot;
  int64_t taken;    /* seconds since 1970 */
  BackupDdl ddl;    /* when asked for */
  bool is_borrowed; /* the sessions are somebody else's */
} Snapshot;

bool snapshot_open (const SnapshotSpec *spec, Report *report, Snapshot **ret_snapshot,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What CONN sees in the transaction it is in, as a snapshot of one session; CONN stays the caller's. */
bool snapshot_borrow (DbConn *conn, Snapshot **ret_snapshot, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Ends all transactions and sessions, but for borrowed ones. */
void snapshot_free (Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Snapshot, snapshot_free)
