/*
 * What a run found, as one JSON object that is printed, kept below .pgkeel/integrity/ENVIRONMENT/ and
 * made into a page (report_html.h). docs/integrity.md describes it.
 *
 * Sample rows are data of the database: the files are for their owner's eyes only (mode 0600).
 */
#pragma once

#include "integrity/run.h"
#include "project/project.h"

#include <jansson.h>

#define REPORT_SAMPLE_ROWS 5

typedef struct
{
  const Project *project;
  const char *url;      /* where samples are read; NULL: none are */
  const char *mode;     /* "check", "quick", "report" */
  unsigned int samples; /* rows of each finding; 0: none */
} ReportSpec;

/* "20261121_093000": names the run of that time. Caller frees. */
char *report_run_id (const IntegrityRun *run);

/* A sample that cannot be read is left out, its finding says why. */
bool report_build (const IntegrityRun *run, const ReportSpec *spec, json_t **ret_report,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Keeps REPORT, and the last 100 of its environment. *RET_PATH (may be NULL): where. */
bool report_save (const Project *project, json_t *report, char **ret_path, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The last report that was kept, or NULL. One that cannot be read is an error. */
bool report_last (const Project *project, json_t **ret_report, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Adds to REPORT how it differs from BEFORE (may be NULL): "trend". */
void report_compare (json_t *report, json_t *before);

/* "foreign keys 70 of 70, tables 12 of 14; 12,400,311 rows; skipped: ..." Caller frees. */
char *report_coverage_line (const IntegrityRun *run);

/* "3 findings and 1 UNKNOWN of 2 patterns": what is ignored; NULL when nothing is. Caller frees. */
char *report_ignored_line (const IntegrityRun *run);

/* A page that needs nothing else; UTF-8. Caller frees. */
char *report_html (const json_t *report);
