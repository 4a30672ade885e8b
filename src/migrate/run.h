/*
 * Runs migrations, up and down, and goes on where an earlier run stopped.
 *
 * A file is one transaction, which writes the file's row in pgkeel.migration too. Statements that
 * cannot run in one, and files that ask for it, go one by one, with a journal in that row: written in
 * the statement's own transaction where there is one, before and after it otherwise. Locks are waited
 * for in short tries, which give way to others (watch.h).
 */
#pragma once

#include "base/report.h"
#include "db/statement.h"
#include "migrate/plan.h"
#include "migrate/script.h"

/* Looks on at every statement: a rehearsal measures. Both are called in the session's transaction where
 * the statement has one (each round of a batch has its own), AFTER of those that fail too, with DONE
 * false: then the session cannot be asked anything. ROWS: changed by it, -1 when it changes none. A
 * unit that is tried again calls again from its first statement. */
typedef struct
{
  bool (*before) (const MigrateScript *script, guint index, void *data, GError **error);
  bool (*after) (const MigrateScript *script, guint index, bool done, int64_t rows, void *data,
                 GError **error);
  /* The transaction whose statements are FIRST and those behind it was committed, or, not DONE, could not be:
   * deferred constraints and triggers run then. */
  void (*committed) (const MigrateScript *script, guint first, bool done, int64_t elapsed_us,
                     void *data);
  void *data;
} RunObserver;

typedef struct
{
  const char *url; /* for a second session, which watches */
  DbConn *conn; /* the session that works; holds the lock of run_lock.h, outside of transactions */
  SqlParser *parser;
  int64_t lock_timeout_ms;      /* of one try */
  int64_t statement_timeout_ms; /* 0: none */
  int64_t wait_ms;              /* for locks, all tries of one transaction together */
  Report *report;
  const RunObserver *observer; /* NULL: nobody looks on */
} RunSpec;

typedef struct Run Run;

/* Creates the history's table, and starts the watch. RET_RUN uses what SPEC points to. */
bool run_new (const RunSpec *spec, Run **ret_run, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void run_free (Run *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

/* The backup that protects what runs from now on; copied. */
void run_set_backup (Run *run, const char *backup);

/* Why a script stopped. The error says the same as text. */
typedef struct
{
  char *path;
  unsigned int line;
  guint statement, statement_total; /* from 1; 0: at no statement */
  char *tag;                        /* "ALTER TABLE" */
  char *text;                       /* of the statement, its beginning */
  DbFailure server;
  char *advice;
  char *state; /* of the database now, a sentence */
} RunFailure;

void run_failure_clear (RunFailure *failure);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RunFailure, run_failure_clear)

/* Applies ITEM (of plan_up), or undoes it (of plan_down). *RET_FAILURE (must be empty) is filled in when
 * a statement fails. */
bool run_up (Run *run, const PlanItem *item, RunFailure *ret_failure, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool run_down (Run *run, const PlanItem *item, RunFailure *ret_failure, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What a run left, afterwards. */
typedef struct
{
  char *schema_fingerprint;   /* as run_schema_fingerprint */
  GPtrArray *invalid_indexes; /* of char *: "schema.index", all there are */
  GPtrArray *not_validated;   /* of char *: constraints that are NOT VALID since this run */
} RunAftermath;

void run_aftermath_clear (RunAftermath *aftermath);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RunAftermath, run_aftermath_clear)

/* Looks at the schema and notes its fingerprint with the last migration that was applied. */
bool run_finish (Run *run, RunAftermath *ret_aftermath, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The schema's fingerprint without what pgkeel and other migration tools keep in the database for
 * themselves. Caller frees. */
char *run_schema_fingerprint (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What undoing would lose, found out by doing it in a transaction that is taken back. */
typedef struct
{
  char *table;  /* "schema.table" */
  char *column; /* NULL: the table as a whole, or some of its rows */
  enum
  {
    LOSS_DROPPED, /* rows: of the table, or those that have a value in the column */
    LOSS_DELETED, /* rows: deleted */
    LOSS_CHANGED, /* rows: updated */
  } kind;
  int64_t rows;
  bool is_estimate; /* counting took too long */
} RunLoss;

typedef struct
{
  GPtrArray *losses; /* of RunLoss */
  char *problem;     /* why it could not be found out; NULL: it was */
  guint left_out;    /* statements that cannot be tried in a transaction */
} RunLosses;

void run_losses_clear (RunLosses *losses);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RunLosses, run_losses_clear)

/* ITEMS: of plan_down. Takes the locks that undoing takes, for as long as undoing takes; a statement that
 * takes more than ten seconds is given up. */
bool run_measure_loss (Run *run, const GPtrArray *items, RunLosses *ret_losses, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
