/*
 * Restores a backup without destroying anything first.
 *
 * The usual way is side by side: a new database is made, filled and compared with the backup's counts
 * and digests; only then the old one is renamed away, in the same transaction in which the new one
 * gets its name. In place, for servers that allow no new databases, is one transaction: drop, load,
 * compare, commit, after a safety backup. One table comes back in one transaction too, and beside the
 * one that is there.
 */
#pragma once

#include "backup/compare.h"
#include "backup/foreign.h"
#include "backup/reader.h"
#include "project/project.h"

typedef struct
{
  const Project *project;
  const char *url;   /* of the environment */
  const char *to;    /* --to: another database on that server; NULL: the one in the URL */
  const char *table; /* --table; NULL: everything */
  bool in_place;
  bool skip_compare; /* side by side only: take the server's word for what it loaded */
  unsigned int job_count;
  unsigned int lock_wait_seconds; /* in place: for every lock that another session holds */
} RestoreSpec;

/* What will be done. A dry run shows it, a real run follows it. */
typedef struct RestorePlan RestorePlan;

/* Reads what there is and decides; changes nothing. Errors: a backup that is damaged or too small, a
 * role or tablespace that the server lacks, ... */
bool restore_plan_new (const RestoreSpec *spec, Store *store, const char *name,
                       RestorePlan **ret_plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void restore_plan_free (RestorePlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RestorePlan, restore_plan_free)

/* Texts, one for each step, in order; owned by the plan. */
const GPtrArray *restore_plan_steps (const RestorePlan *plan);
/* The database that will be there at the end. */
const char *restore_plan_database (const RestorePlan *plan);
/* True when something that is there will be replaced or renamed. */
bool restore_plan_replaces (const RestorePlan *plan);

typedef struct
{
  char *database;      /* what was restored */
  char *table;         /* with --table: as what, schema.name */
  char *kept;          /* the old database's new name; NULL without one */
  char *safety_backup; /* path; in place only */
  bool is_compared;    /* false for dumps of other programs, and when that was asked for */
  bool is_foreign;     /* a dump of another program */
  CompareResult compared;
  uint64_t table_count, row_count;
  uint64_t bytes_read; /* of the backup file */
  int64_t elapsed_us;
} RestoreResult;

void restore_result_clear (RestoreResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RestoreResult, restore_result_clear)

/* Follows the plan. On failure the database that was there is as it was. */
bool restore_run (RestorePlan *plan, Report *report, RestoreResult *ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
