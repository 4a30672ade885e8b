/*
 * What `pgkeel init --template` would do to each file of a template, given what is there. Writes nothing.
 */
#pragma once

#include "cli/init_template.h"
#include "cli/init_write.h"

typedef enum
{
  INIT_CREATE,    /* it is missing */
  INIT_ADD,       /* something is added to it */
  INIT_OFFER,     /* something would be added with --merge */
  INIT_UNCHANGED, /* it is as the template, or has all that would be added */
  INIT_LEFT,      /* it is there and stays as it is */
} InitAction;

typedef struct
{
  InitAction action;
  InitChange change; /* without `after` for INIT_UNCHANGED and INIT_LEFT */
  char *note;        /* why it is left, what else is to know; NULL: nothing */
} InitDecision;

/* "create", "add", "offer", "unchanged", "left". */
const char *init_action_name (InitAction action);

/* *RET_DECISIONS: of InitDecision, in the order of the template. MERGE: also add to files of others. */
bool init_plan (const char *folder, const InitTemplate *template, const char *project, bool merge,
                GPtrArray **ret_decisions, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The changes to make, borrowed from DECISIONS, for init_write. Caller frees with g_ptr_array_unref. */
GPtrArray *init_plan_changes (GPtrArray *decisions);
