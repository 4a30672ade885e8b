/*
 * sqitch.plan: the changes in order, their dependencies, the tags between them.
 */
#pragma once

#include "base/error.h"

typedef struct
{
  char *name;
  char **depends;    /* names as written: "a", "a@tag", "@tag", "project:a"; without conflicts */
  unsigned int line; /* of the plan */
  guint time;        /* 1: the first change of that name, 2: its first rework, ... */
  char *
      *suffixes; /* of its scripts, "@v1": the tags between it and its rework; empty: it has none */
} SqitchChange;

typedef struct
{
  char *project;
  GPtrArray *changes; /* of SqitchChange */
  char *last_tag;     /* without "@"; NULL: no tag */
} SqitchPlan;

/* Parses TEXT. SHOWN is for messages: "sqitch.plan:3: ...". Refuses a change that needs one which is
 * not before it, and a change that is there twice without a tag between. */
bool sqitch_plan_parse (const char *shown, const char *text, SqitchPlan **ret_plan, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void sqitch_plan_free (SqitchPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SqitchPlan, sqitch_plan_free)
