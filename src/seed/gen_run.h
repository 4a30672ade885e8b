/*
 * The generators of one environment, from seeds.yaml to rows: lock, remove what a killed run left, plan, hold
 * against the ledger, try on the server, load.
 *
 * Who calls has made sure that the database may be written to (guard.h).
 */
#pragma once

#include "seed/config.h"
#include "seed/gen_load.h"

typedef struct
{
  const char *url;
  DbConn *conn;
  const SeedConfig *config;
  uint64_t scale;    /* in thousandths: 1000 is what seeds.yaml says */
  unsigned int jobs; /* as GenLoadSpec has it */
  bool dry_run;      /* plan and try only */
  bool (*inspect) (DbConn *conn, void *data, GError **error); /* as GenLoadSpec has it */
  void *inspect_data;
  Report *report;
} GenRunSpec;

typedef struct
{
  GenModel *model;       /* what was, or would be, generated; is_done: there already */
  uint64_t removed_rows; /* of a run that did not finish */
  GenLoadResult load;
} GenRunResult;

void gen_run_result_clear (GenRunResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GenRunResult, gen_run_result_clear)

/* CONFIG has a `generate:`. */
bool gen_run (const GenRunSpec *spec, GenRunResult *ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Only the plan, for a table whose rows go elsewhere; reads the database. */
bool gen_run_plan (const GenRunSpec *spec, GenModel **ret_model, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
