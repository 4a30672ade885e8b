/*
 * What was measured of one statement.
 */
#pragma once

#include "migrate/script.h"

typedef struct
{
  char *relation;             /* "schema.name", quoted where needed */
  char kind;                  /* pg_class.relkind */
  char *mode;                 /* "ACCESS EXCLUSIVE" */
  bool is_new;                /* made in the same transaction: nobody else sees it yet */
  int64_t held_us, waited_us; /* of a command: for how long it was seen held, and waited for */
} MeasuredLock;

typedef struct
{
  char *table;
  int64_t inserted, updated, deleted;
} MeasuredRows;

typedef struct
{
  guint index; /* in its script, from 0 */
  unsigned int line;
  char *tag;  /* "ALTER TABLE" */
  char *text; /* its beginning */
  bool failed;
  bool is_alone; /* refuses transactions: locks were sampled, rows by table not counted */
  guint rounds;  /* of a batch; 1 otherwise */
  guint sample_count;
  int64_t elapsed_us;
  int64_t commit_us; /* of the COMMIT behind it; -1: none follows it */
  bool commit_failed;
  int64_t rows; /* by the command's tag; -1: it tells none */
  int64_t wal_bytes;
  int64_t size_bytes; /* by which the database grew, files that COMMIT will remove included */
  GPtrArray *locks;   /* of MeasuredLock: on relations that are no catalogues, new with this one */
  GPtrArray *rewritten; /* of char *: tables and materialised views with a new file */
  GPtrArray *rebuilt;   /* of char *: indexes with a new file */
  GPtrArray *touched;   /* of MeasuredRows */
} Measurement;

void measurement_free (Measurement *measurement);

/* One of statement INDEX, with nothing measured yet. Caller frees. */
Measurement *measurement_new (const MigrateScript *script, guint index);

/* Of a command TEXT, called KEY in pgkeel.yaml. Caller frees. */
Measurement *measurement_new_command (const char *key, const char *text);

/* The beginning of a statement's TEXT, valid UTF-8, and without literals that may be secrets. Caller
 * frees. */
char *measurement_show_text (const char *text);

/* What was seen, each noted once. MODE is the server's name: "AccessExclusiveLock". Relations that belong
 * to others (TOAST, pgkeel's own) are left out. */
void measurement_add_lock (Measurement *measurement, const char *relation, char kind, bool is_new,
                           const char *mode);
void measurement_add_lock_time (Measurement *measurement, const char *relation, const char *mode,
                                int64_t held_us, int64_t waited_us);
void measurement_add_file (Measurement *measurement, const char *relation, char kind);
/* Counts below 0 are none. */
void measurement_add_rows (Measurement *measurement, const char *table, int64_t inserted,
                           int64_t updated, int64_t deleted);

/* Whether the COMMIT behind it is worth a line: it failed, or took a millisecond or more. */
bool measurement_shows_commit (const Measurement *measurement);

/* By relation, the strongest first. */
void measurement_sort_locks (Measurement *measurement);

/* Its strongest lock on a table, materialised view or partitioned table that was there before; NULL:
 * none. */
const MeasuredLock *measurement_strongest (const Measurement *measurement);
