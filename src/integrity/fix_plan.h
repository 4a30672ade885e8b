/*
 * What “integrity fix” would do: the statements of a run's findings, which of them may be run, and why
 * the others are only shown.
 */
#pragma once

#include "integrity/run.h"
#include "sql/parse.h"

typedef struct
{
  const Finding *finding; /* borrowed from the run */
  GPtrArray *statements;  /* of char *, one statement each */
  bool changes_rows;      /* only INSERT, UPDATE and DELETE: what undo brings back completely */
  bool uses_sequences;    /* may move a sequence */
  bool applies;
  char *why_not; /* when it does not apply: half a sentence; NULL otherwise */
} FixItem;

void fix_item_free (FixItem *item);

typedef struct
{
  const char *const *ids; /* of checks to be fixed; NULL or empty: those with a safe fix */
  bool all;               /* every fix that can be run, safe or not */
} FixChoice;

/* *RET_ITEMS: of FixItem, one for each finding of RUN that has a fix, in the order of the findings;
 * freed with it. False only when no SQL parser can be started. */
bool fix_plan (SqlParser *parser, const IntegrityRun *run, const FixChoice *choice,
               GPtrArray **ret_items, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How many of ITEMS apply. */
unsigned int fix_plan_count (const GPtrArray *items);
