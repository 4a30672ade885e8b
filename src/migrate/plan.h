/*
 * Files against history: where every migration stands, and what a run would do. Asks no server and
 * parses nothing but files whose bytes have changed since they were applied.
 */
#pragma once

#include "migrate/history.h"
#include "migrate/migration.h"
#include "sql/parse.h"

typedef enum
{
  PLAN_APPLIED,     /* done, and the file is the one that was applied */
  PLAN_REFORMATTED, /* done; the file's bytes changed, what they mean did not */
  PLAN_COVERED,     /* a baseline stands for it */
  PLAN_PENDING,
  PLAN_UNFINISHED, /* begun; a run goes on where it stopped */
  PLAN_REPEAT,     /* repeatable and changed: runs again */
  PLAN_LATE,       /* pending, but a later one is applied already */
  PLAN_CHANGED,    /* done, but the file means something else now */
  PLAN_MISSING,    /* done, but there is no file */
  PLAN_REVERTING,  /* its down script has begun */
} PlanState;

const char *plan_state_name (PlanState state); /* "applied", ... */

typedef struct
{
  PlanState state;
  const Migration *migration; /* NULL: missing */
  const HistoryEntry *entry;  /* the row in force; NULL: none */
} PlanItem;

typedef struct
{
  const MigrationSet *set; /* both borrowed, as are the items' parts */
  const History *history;
  GPtrArray
      *items; /* of PlanItem, in the order of the set; missing ones where their version belongs */
  guint counts[PLAN_REVERTING + 1];
} Plan;

/* PARSER is used for files whose bytes have changed. */
bool plan_new (const MigrationSet *set, const History *history, SqlParser *parser, Plan **ret_plan,
               GError **error) G_GNUC_WARN_UNUSED_RESULT;
void plan_free (Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Plan, plan_free)

/* How many are there to run: pending, late, unfinished or to be repeated. */
guint plan_pending_count (const Plan *plan);

typedef struct
{
  const char *to; /* the last version to apply; NULL: all */
  bool allow_late;
} PlanUp;

/* What `up` runs, in order: *RET_ITEMS of PlanItem, borrowed. KEEL_ERROR_REFUSED, naming files, when
 * something stands against it: late or changed files, a down that stopped half way, a migration that
 * is not SQL; KEEL_ERROR_USAGE for a version that is not there. */
bool plan_up (const Plan *plan, const PlanUp *spec, GPtrArray **ret_items, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  const char *to; /* what comes after this version is undone; NULL: the last STEPS */
  guint steps;
} PlanDown;

/* What `down` undoes, the last applied first. Errors as above: no down script, no file, adopted without a
 * file, a baseline. */
bool plan_down (const Plan *plan, const PlanDown *spec, GPtrArray **ret_items, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "20250101120000 add_orders", "R refresh": for messages; caller frees. */
char *plan_item_title (const PlanItem *item);
