/*
 * What was done to a database: the table pgkeel.migration, one row for each time a migration was
 * applied. A row that was reverted, or replaced by a later run of a repeatable migration, stays; at
 * most one row of a version is in force.
 *
 * Rows are written in the transaction of the work itself, so every statement here works whatever the
 * session's search_path is.
 */
#pragma once

#include "db/conn.h"
#include "migrate/migration.h"

typedef enum
{
  HISTORY_RUNNING,   /* begun, some statements may be done */
  HISTORY_FAILED,    /* stopped by an error; statement_done says how far it came */
  HISTORY_APPLIED,   /* done */
  HISTORY_ADOPTED,   /* done by another tool before pgkeel came */
  HISTORY_BASELINE,  /* stands for all versions up to its own */
  HISTORY_REVERTING, /* its down script has begun */
  HISTORY_REVERTED,  /* undone; no longer in force */
  HISTORY_REPLACED,  /* a repeatable one that ran again later; no longer in force */
} HistoryState;

const char *history_state_name (HistoryState state); /* "running", ... */

/* Texts may be NULL where nothing is known. Times are ISO, UTC. */
typedef struct
{
  int64_t id;
  char *version, *name;
  MigrationKind kind;
  HistoryState state;
  char *checksum;    /* SHA-256 of the up file, hexadecimal */
  char *fingerprint; /* sql_fingerprint of the up script */
  char *started, *finished, *reverted;
  char *applied_by, *reverted_by; /* the database's user */
  char *applied_from;             /* user@host of the operating system */
  char *pgkeel_version;
  char *backup;             /* made before it */
  char *schema_fingerprint; /* of the database after the run that it was the last of */
  char *error;              /* the server's message when it failed */
  /* The journal of the script that runs, up or down. */
  int statement_total;
  int statement_begun;    /* its statements count from 1; of one that runs alone */
  int statement_done;     /* the last one that is committed */
  char *statement_digest; /* of the text up to there (script.h) */
  char
      *statement_probe; /* what was there before statement_begun: OIDs of indexes, commas between */
  int64_t batch_rows;   /* of the batch that runs: rows changed so far */
} HistoryEntry;

void history_entry_free (HistoryEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HistoryEntry, history_entry_free)

typedef struct
{
  bool exists;          /* the table is there */
  GPtrArray *entries;   /* of HistoryEntry, in the order in which they were begun */
  GHashTable *in_force; /* version -> HistoryEntry */
} History;

void history_free (History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (History, history_free)

/* One query. A database without the table has an empty history. Outside of transactions only, and in a
 * session with the settings that db_connect gives it. */
bool history_read (DbConn *conn, History **ret_history, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The row in force of VERSION, or NULL. */
const HistoryEntry *history_find (const History *history, const char *version);

/* Creates schema and table unless they are there; many may do so at once. Outside of transactions. */
bool history_ensure (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes what ENTRY says: version, name, kind, state, checksum, fingerprint, started (NULL: now),
 * finished (NULL: now, where the state is a finished one), applied_by (NULL: the session's user),
 * applied_from, backup, statement_*. A row in force of that version is overwritten, but for one that
 * is APPLIED and repeatable, which becomes REPLACED. Inside a transaction or not. */
bool history_write (DbConn *conn, const HistoryEntry *entry, int64_t *ret_id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Says how far row ID has come: its state, and statement_begun, _done, _digest, _probe, batch_rows of
 * ENTRY. KEEL_ERROR_FAILED when the row is gone. */
bool history_journal (DbConn *conn, int64_t id, const HistoryEntry *entry, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Notes that ID failed with MESSAGE, as far as it had come. */
bool history_fail (DbConn *conn, int64_t id, const char *message, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The file of ID has other bytes now. FINGERPRINT NULL: it means the same as before. */
bool history_set_file (DbConn *conn, int64_t id, const char *checksum, const char *fingerprint,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The schema's fingerprint after the run whose last migration was ID. */
bool history_set_schema (DbConn *conn, int64_t id, const char *fingerprint, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "user@host" of this process. Caller frees. */
char *history_whoami (void);
