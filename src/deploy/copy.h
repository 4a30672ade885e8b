/*
 * The copy that migrations are rehearsed on: a backup restored into a scratch cluster of its own, which
 * ends with the copy; and what is judged there whatever runs in it.
 */
#pragma once

#include "db/cluster.h"
#include "deploy/rehearsal.h"
#include "deploy/state.h"

typedef struct
{
  const RehearseSpec *spec;
  Report *report;
  Rehearsal *result; /* is told what is found */
  ScratchCluster *cluster;
  DbConn *admin;
  char *url; /* of the superuser */
  char *database;
  char *work_url; /* of the role that migrates */
  DbConn *look;   /* the superuser's, in the copy */
  GHashTable *broken_before;
} Copy;

void copy_clear (Copy *copy);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Copy, copy_clear)

/* Restores, and finds out as whom migrations run. COPY has spec, report and result. */
bool copy_open (Copy *copy, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Size and constraints, before anything runs. */
bool copy_check_before (Copy *copy, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The digests of all rows; LIKE as for deploy_state_read. */
bool copy_read_state (Copy *copy, const DeployState *like, DeployState **ret_state, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What the way back has cost: SCHEMA (of DbSchemaObject) and STATE are as it was before, NOW is the schema
 * as it is. Fills in differences and way_back. */
bool copy_judge_return (Copy *copy, const GPtrArray *schema, const GPtrArray *now,
                        const DeployState *state, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Constraints, size, and what AFTERMATH (whose lists are taken over) found, at the end. */
bool copy_judge_end (Copy *copy, RunAftermath *aftermath, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds a line to TEXTS, a list of the result. */
void copy_note (GPtrArray *texts, const char *format, ...) G_GNUC_PRINTF (2, 3);
