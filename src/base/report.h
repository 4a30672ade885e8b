/*
 * How library code tells its caller what is going on, without printing: the command line shows it,
 * the agent logs it, a test collects it. Any function may be NULL; a NULL Report is silent.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct
{
  const char *phase;   /* "dumping", "verifying", ... */
  uint64_t done_bytes; /* of total_bytes, which may be an estimate; 0: unknown */
  uint64_t total_bytes;
  uint64_t rows;
  uint64_t total_rows; /* where rows are what is counted; 0: bytes are */
} ReportProgress;

typedef struct Report Report;
struct Report
{
  /* Something the user must see although the operation goes on; HINT may be NULL. */
  void (*warning) (Report *report, const char *message, const char *hint);
  /* A step begins: "restoring into “x”". */
  void (*step) (Report *report, const char *message);
  /* Called often, from any thread, one call at a time. */
  void (*progress) (Report *report, const ReportProgress *progress);
  void *data;
};

static inline void
report_warning (Report *report, const char *message, const char *hint)
{
  if (report != NULL && report->warning != NULL)
    report->warning (report, message, hint);
}

static inline void G_GNUC_PRINTF (2, 3) report_step (Report *report, const char *format, ...)
{
  if (report == NULL || report->step == NULL)
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  report->step (report, message);
}

static inline void
report_progress (Report *report, const ReportProgress *progress)
{
  if (report != NULL && report->progress != NULL)
    report->progress (report, progress);
}
