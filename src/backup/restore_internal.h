/* What the files of restore share. */
#pragma once

#include "backup/restore.h"
#include "db/conn.h"

typedef enum
{
  MODE_BESIDE,
  MODE_IN_PLACE,
  MODE_TABLE,
} RestoreMode;

struct RestorePlan
{
  RestoreSpec spec; /* its texts are the caller's */
  RestoreMode mode;
  Store *store; /* borrowed */
  char *name;
  char *path;
  ForeignKind kind;
  BackupReader *reader; /* NULL for dumps of other programs */
  DbConn *admin;        /* in a database that is not the target */
  char *database;       /* the target's name */
  bool target_exists;
  char *new_name;           /* filled, then renamed to the target */
  char *kept_name;          /* of the old one; NULL without one */
  json_t *properties;       /* of the new database */
  const BackupTable *table; /* with --table */
  bool table_exists;        /* in the target */
  bool table_differs;       /* there it has other columns */
  char *table_bystanders;   /* what hangs on the one that is there; NULL: nothing */
  char *table_name;         /* that it will have there */
  GPtrArray *steps;         /* of text */
  guint next_step;
};

void restore_add_step (RestorePlan *plan, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Look at what there is, and add the steps. */
bool restore_plan_in_place (RestorePlan *plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool restore_plan_table (RestorePlan *plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Refuses when the server lacks roles or tablespaces that the backup's schema names. */
bool restore_check_roles (const RestorePlan *plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Refuses when the user may not make the database that a restore beside needs. */
bool restore_check_may_create (const RestorePlan *plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Tells REPORT the text of the next step: what runs is what was planned. */
void restore_begin_step (RestorePlan *plan, Report *report);

bool restore_run_beside (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool restore_run_in_place (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool restore_run_table (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_ANSWER_NO with the first difference, if there is any. */
bool restore_check_equal (const CompareResult *compared, GError **error) G_GNUC_WARN_UNUSED_RESULT;
