/*
 * Measures every statement of a migration while it runs on a copy that nobody else works in.
 *
 * Locks and WAL are looked at from a second session; what only the transaction itself can see (new
 * files, counted rows) is asked in it, after the statement. Statements that run outside of a
 * transaction are sampled while they run (sampler.h).
 */
#pragma once

#include "migrate/run.h"

typedef struct
{
  char *relation; /* "schema.name", quoted where needed */
  char kind;      /* pg_class.relkind */
  char *mode;     /* "ACCESS EXCLUSIVE" */
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
  bool is_alone; /* ran outside of a transaction: locks were sampled, rows by table not counted */
  guint rounds;  /* of a batch; 1 otherwise */
  guint sample_count;
  int64_t elapsed_us;
  int64_t rows; /* by the command's tag; -1: it tells none */
  int64_t wal_bytes;
  int64_t size_bytes; /* by which the database grew, files that COMMIT will remove included */
  GPtrArray *locks;   /* of MeasuredLock: on relations that are no catalogues, new with this one */
  GPtrArray *rewritten; /* of char *: tables and materialised views with a new file */
  GPtrArray *rebuilt;   /* of char *: indexes with a new file */
  GPtrArray *touched;   /* of MeasuredRows */
} Measurement;

void measurement_free (Measurement *measurement);

/* Its strongest lock on a table, materialised view or partitioned table; NULL: none. */
const MeasuredLock *measurement_strongest (const Measurement *measurement);

typedef struct Measure Measure;

/* WORK is the session that runs migrations; URL and DATABASE are for sessions of ours, of a superuser. */
bool measure_new (DbConn *work, const char *url, const char *database, Measure **ret_measure,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void measure_free (Measure *measure);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Measure, measure_free)

/* To be given to run_new; owned by MEASURE. */
const RunObserver *measure_observer (Measure *measure);

/* The measurements since the last call, of one script; GPtrArray of Measurement. */
GPtrArray *measure_take (Measure *measure);
