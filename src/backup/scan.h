/*
 * Reads tables in parallel: which tables there are, how they are cut into ranges, and every row of
 * each handed to a sink. Dump and comparison differ only in their sink.
 */
#pragma once

#include "backup/index.h"
#include "base/report.h"
#include "db/conn.h"

/* A table as a session sees it. Names and lists are in the session's encoding. */
typedef struct
{
  BackupTable *entry; /* its place in an index; borrowed, used by sinks under a lock */
  char *oid;
  char *schema;         /* UTF-8 */
  char *name;           /* UTF-8 */
  char *root_schema;    /* of a partition whose rows must be loaded through this root, as they */
  char *root_name;      /* may belong into another partition of a copy; UTF-8, NULL otherwise */
  char *quoted_root;    /* both, quoted */
  char *quoted_name;    /* schema.name, quoted */
  char *column_list;    /* quoted, comma-separated, without generated columns; may be "" */
  char **columns;       /* UTF-8 */
  char *condition;      /* WHERE ... of an extension's configuration table, or NULL */
  uint64_t heap_bytes;  /* of the main fork: what ranges are cut from */
  uint64_t total_bytes; /* with TOAST: for progress */
  guint level;          /* read only after all tables of lower levels; 0 unless set */
  bool can_split;       /* by ranges of ctid */
  bool is_extension_member; /* the extension makes the table itself; only its rows are ours */
} ScanTable;

void scan_table_free (ScanTable *table);

/* All tables whose rows a dump holds, in name order: ordinary tables and partitions of the user's
 * schemas and extensions' configuration tables; not temporary or foreign ones. GPtrArray of
 * ScanTable. The session's encoding must be the database's own. */
bool scan_list_tables (DbConn *conn, GPtrArray **ret_tables, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Has the table read with its columns in the order of WANTED (NULL-terminated), as a copy may hold
 * them in another: a restored inheritance child has its parents' columns first. False when it has
 * other columns; then it is unchanged. */
bool scan_table_arrange (ScanTable *table, char **wanted);

/* Where rows go. begin and end surround each range; all three are called by one worker at a time
 * with that worker's own state. Lines include their newline. */
typedef struct
{
  bool (*begin) (void *state, const ScanTable *table, GError **error);
  bool (*row) (void *state, const char *line, size_t length, GError **error);
  bool (*end) (void *state, GError **error);
  /* Waits until the rows of all ranges so far are where they belong; NULL if they are at once. */
  bool (*settle) (void *state, GError **error);
} ScanSink;

/* Reads TABLES (of ScanTable) with one thread per connection of CONNS (of DbConn); STATES holds one
 * sink state for each. All connections should share one snapshot. PHASE is for progress. */
bool scan_run (GPtrArray *conns, GPtrArray *tables, const ScanSink *sink, void *const *states,
               const char *phase, Report *report, GError **error) G_GNUC_WARN_UNUSED_RESULT;
