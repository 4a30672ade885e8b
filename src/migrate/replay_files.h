/*
 * Which files a replay runs, and what they need of the server that runs them.
 */
#pragma once

#include "migrate/plan.h"

typedef struct
{
  GPtrArray *items;       /* of PlanItem, borrowed, in the order of the files */
  GHashTable *roles;      /* names of those that the files create themselves */
  GHashTable *extensions; /* names of those that the files create -> the file, borrowed */
  char *
      cluster_wide; /* "migrations/3.up.sql: CREATE ROLE app": the first statement whose effect goes
                              beyond its database; NULL: none */
  char *
      reaching_out; /* the same of one that makes the server act on another: a subscription; NULL: none */
} ReplayFiles;

void replay_files_clear (ReplayFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ReplayFiles, replay_files_clear)

/* The files of PLAN that are in the database. KEEL_ERROR_FAILED when some of them cannot be replayed, or
 * when what a baseline stands for is in no file; KEEL_ERROR_REFUSED when they would change another
 * server. */
bool replay_files_find (const Plan *plan, ReplayFiles *ret_files, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Reads TEXT of PATH; replay_files_find calls it. */
void replay_files_scan (ReplayFiles *files, const char *path, const char *text, size_t length);
