/*
 * Runs checks: N read-only sessions in one exported snapshot, so that all of them see the same rows.
 *
 * A check that could not run is UNKNOWN, never passed; one object that could not be read is UNKNOWN
 * while the others are looked at. Ctrl-C (base/cancel.h) ends the statements on the server and the
 * run, with KEEL_ERROR_CANCELLED. Nothing is written, no extension is made, no table is locked beyond
 * what reading takes.
 */
#pragma once

#include "base/report.h"
#include "integrity/aggregates.h"
#include "integrity/check.h"
#include "integrity/ignore.h"

typedef struct
{
  const char *const *ids;      /* NULL-terminated; NULL: all */
  unsigned int categories;     /* bits 1 << CheckCategory; 0: all */
  bool only_quick;             /* those marked so */
  int budget_seconds;          /* begin nothing new after that, and cut off what runs; 0: none */
  unsigned int jobs;           /* sessions; 0: one */
  int statement_timeout_ms;    /* 0: none */
  int lock_timeout_ms;         /* 0: none */
  const char *const *ignore;   /* patterns of ignore.h; may be NULL */
  const char *const *schemas;  /* only tables in these; NULL: all of the user's */
  const GPtrArray *own_checks; /* of const Check: the project's rules; may be NULL */
  const GPtrArray *aggregates; /* of IntegrityAggregate, declared ones; may be NULL */
  const GPtrArray *resume;     /* of char *, IntegrityRun.left_out of the run before; may be NULL */
  const char *database;        /* instead of the URL's; may be NULL */
} IntegrityOptions;

/* What a run came to. */
typedef struct
{
  GPtrArray
      *coverage; /* of Coverage, one per check that was asked for, in the order of the lists */
  GPtrArray *findings; /* of Finding: by severity, worst first, then check id, then object */
  GPtrArray *ignored;  /* of Finding, in the same order: what matches a pattern of options.ignore */
  GPtrArray *ignore_uses; /* of IgnoreUse, one for each pattern, in their order */
  GPtrArray *left_out;    /* of char *: "id" or "id object", what the budget left out */
  char *database;
  char *system_identifier; /* of the cluster; "" where it may not be read */
  int server_version;      /* 150004 */
  int64_t started;         /* seconds since 1970 */
  double seconds;
  int64_t table_count, row_estimate; /* of the database as the catalogue knows it */
  int64_t rows;                      /* read in all */
} IntegrityRun;

void integrity_run_free (IntegrityRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IntegrityRun, integrity_run_free)

/* Looks at the database of URL. REPORT (may be NULL) hears of steps ("foreign keys of public.orders")
 * and progress: done_bytes of total_bytes are then a thousandth part of the cost, rows those read. */
bool integrity_run (const char *url, const IntegrityOptions *options, Report *report,
                    IntegrityRun **ret_run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same in the transaction that CONN is in, with what it has changed; one session, which stays as it
 * is. OPTIONS' timeouts and database are not looked at. */
bool integrity_run_in (DbConn *conn, const IntegrityOptions *options, Report *report,
                       IntegrityRun **ret_run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All built-in checks: of const Check, in the order of docs/integrity.md. Owned by the program. */
const GPtrArray *integrity_checks (void);
/* NULL when there is none called ID. */
const Check *integrity_check_find (const char *id);

/* The number of findings of SEVERITY or worse. */
unsigned int integrity_run_count (const IntegrityRun *run, CheckSeverity severity);
/* True when any check could not look at all that it should have. */
bool integrity_run_has_unknown (const IntegrityRun *run);
