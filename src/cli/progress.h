/*
 * How the command line shows a Report: warnings and steps as lines on standard error, progress as
 * one line that redraws itself there, on a terminal only.
 *
 * There is one standard error, so there is one of these per process. Safe from any thread.
 */
#pragma once

#include "base/report.h"

#include <stdbool.h>

/* Fills REPORT. QUIET hides steps and progress, never warnings; VERBOSE puts the seconds since now
 * before each step. */
void progress_init (Report *report, bool quiet, bool verbose);

/* Takes the progress line off the terminal, if it is there; before anything else is printed. */
void progress_clear (void);

/* How fast, from what PROGRESS was START_US ago; what progress_render shows. */
typedef struct
{
  double per_second; /* bytes, or rows where their total is known; 0: not known yet */
  double seconds;    /* since the phase began */
} ProgressRate;

/* The progress line for a terminal of WIDTH columns, never wider than WIDTH - 1; what does not fit
 * is left out, the least useful first. Caller frees. */
char *progress_render (const ReportProgress *progress, const ProgressRate *rate, int width);

/* "0:07", "12:40", "3:05:00". Caller frees. */
char *progress_format_clock (double seconds);
