/*
 * What the sessions of a run share, and the work that waits for them. Known to run.c, context.c and
 * scan.c only.
 */
#pragma once

#include "base/parallel.h"
#include "integrity/run.h"

typedef struct
{
  const Check *check; /* NULL: a scan, which asks for several */
  char *object;
  int64_t count; /* objects it looks at; 0: one, which the runner accounts for */
  double cost;
  CheckLaterFn function;
  void *data;
  GDestroyNotify free_data;
} RunTask;

typedef struct
{
  const IntegrityOptions *options;
  Report *report;
  Catalogue *catalogue;
  IntegrityRun *run;
  GHashTable *coverage; /* const Check to Coverage, borrowed */
  GHashTable *resume;   /* of "id" and "id object"; NULL: all is looked at */
  int64_t give_up_us;   /* on the monotonic clock; 0: never */
  GMutex lock;          /* for what is below, run and coverage */
  GPtrArray *tasks;     /* of RunTask, waiting */
  GPtrArray *probes;    /* of CheckProbe, copies, waiting */
  double cost, cost_done;
  GHashTable *bitmaps; /* of bitmap.h, by the parent's oid and column */
} Runner;

/* One thread's view of a run. */
struct CheckContext
{
  Runner *runner;
  DbConn *conn;
};

void run_task_free (RunTask *task);
void run_probe_free (CheckProbe *probe);

/* ERROR stopped CHECK's look at OBJECT (NULL: the check as a whole). True when the run goes on, having
 * declared it unknown or left out; false when ERROR ends the run. */
bool run_note_failure (CheckContext *context, const Check *check, const char *object,
                       const GError *error);

/* True for errors that end the run: being cancelled, a broken connection. */
bool run_is_fatal (const GError *error);

/* CHECK did not get to OBJECT (NULL: at all), which stands for COUNT, within the budget. */
void run_leave_out (Runner *runner, const Check *check, const char *object, int64_t count);

/* False when a resumed run need not look at OBJECT again; then the COUNT it stands for are counted as
 * looked at. */
bool run_is_wanted (Runner *runner, const Check *check, const char *object, int64_t count);

void run_add_seconds (Runner *runner, const Check *check, double seconds);

/* Makes tasks of the probes that wait: one for each table. */
void run_plan_scans (Runner *runner);

/* The budget leaves TASK out. */
void run_leave_task_out (CheckContext *context, RunTask *task);
