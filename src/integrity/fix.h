/*
 * Puts right what a run found, and takes that back.
 *
 * All statements run in one transaction. In it, the rows they touch are kept (quarantine.h), the checks
 * run again, and the way back is tried (bring_back.h) and taken back; only then it commits. Whatever
 * goes wrong before leaves the database as it was. What statements do that change no rows (a
 * constraint that is validated, a trigger that is enabled) is listed, and not undone.
 *
 * Asks nobody, makes no backup: that is the command's.
 */
#pragma once

#include "base/report.h"
#include "integrity/fix_plan.h"

#include <jansson.h>

typedef struct
{
  const char *url;
  const char *run_id;          /* of the run that found them */
  const char *environment;     /* for the record */
  const char *backup;          /* likewise; NULL: none */
  const GPtrArray *items;      /* of FixItem; those that apply */
  const GPtrArray *own_checks; /* as in IntegrityOptions */
  const GPtrArray *aggregates;
  bool without_undo; /* apply it even when the rows could not be brought back */
} FixSpec;

typedef struct
{
  char *id;            /* "fix_20261121_093000" */
  GPtrArray *tables;   /* of QuarantineTable: what was touched */
  GPtrArray *lasting;  /* of char *: statements that an undo leaves as they are */
  unsigned int solved; /* findings that are gone */
  bool can_be_undone;
  char *no_undo_reason; /* NULL: it can be */
} FixResult;

void fix_result_clear (FixResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FixResult, fix_result_clear)

bool fix_apply (const FixSpec *spec, Report *report, FixResult *ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  int64_t rows, tables, sequences;
  char *fixed;        /* when the fix was made */
  GPtrArray *lasting; /* of char *: statements of the fix that were not taken back */
  GPtrArray *skipped; /* of char *: sequences that were used since */
} UndoResult;

void undo_result_clear (UndoResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UndoResult, undo_result_clear)

/* Takes back the fix called ID, in one transaction: all of it or nothing. KEEL_ERROR_MISSING when there
 * is none, KEEL_ERROR_ANSWER_NO when it was undone before or rows have changed since. DRY_RUN: does it
 * and rolls back. */
bool fix_undo (const char *url, const char *id, bool dry_run, UndoResult *ret_result,
               GError **error) G_GNUC_WARN_UNUSED_RESULT;
