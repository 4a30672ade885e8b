/*
 * What the files of `pgkeel migrate` share: the project's files, the database's history, and the two
 * held against each other.
 */
#pragma once

#include "cli/command.h"
#include "migrate/migration.h"
#include "migrate/plan.h"
#include "migrate/run.h"

typedef struct
{
  Project *project; /* the context's */
  MigrationSet *set;
  SqlParser *parser;
  char *url;
  DbConn *conn;
  History *history;
  Plan *plan;
} MigrateBase;

void migrate_base_clear (MigrateBase *base);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigrateBase, migrate_base_clear)

/* Reads the project's files; no server is asked. Warns of files that were left out. */
bool migrate_base_open (CliContext *context, MigrateBase *base, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Connects to the environment's database. For commands that WRITE the environment must be an
 * authorised one and the database's stamp must agree. */
bool migrate_base_connect (MigrateBase *base, bool write, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Nothing pending because there are no files is not what nothing pending usually means. */
void migrate_warn_of_no_files (CliContext *context, const MigrateBase *base);

/* Reads the history, again if it was read before, and makes the plan. */
bool migrate_base_plan (MigrateBase *base, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the lock for one run at a time (WAIT: a duration, NULL: ten minutes), reads the history again
 * and makes the plan. A pooler in transaction mode is refused. */
bool migrate_base_lock (CliContext *context, MigrateBase *base, const char *wait, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The milliseconds that WAIT (of --lock-wait; NULL: ten minutes) means; KEEL_ERROR_USAGE. */
bool migrate_parse_wait (const char *wait, int64_t *ret_ms, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

json_t *migrate_item_json (const PlanItem *item);    /* the caller owns it */
json_t *migrate_items_json (const GPtrArray *items); /* of PlanItem */
json_t *migrate_failure_json (const RunFailure *failure);

/* What up and down do around the run itself. */
typedef struct
{
  CliContext *context;
  MigrateBase *base;
  const char *action;     /* "migrate up", for the audit log */
  const GPtrArray *items; /* of PlanItem */
  int64_t wait_ms;
  bool no_backup;
  char *backup;     /* its name; NULL: none was made */
  guint done_count; /* of items */
  int64_t elapsed_us;
  RunFailure failure;
  RunAftermath aftermath;
} MigrateRun;

void migrate_run_clear (MigrateRun *run);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigrateRun, migrate_run_clear)

/* Writes a line of PHASE ("refused", "failed", ...) to the audit log. */
bool migrate_audit (const MigrateRun *run, const char *phase, const char *message, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Hands PROBLEM, why RUN may not begin, over to *ERROR, after writing a refusal to the audit log. Always
 * false. */
bool migrate_refuse (const MigrateRun *run, GError *problem, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* There is nothing to be done: WORDS, or an empty list called VERB. */
void migrate_show_nothing (const CliContext *context, bool dry_run, const char *verb,
                           const char *words);

/* Whether the database has no table, view or sequence but pgkeel's own. */
bool migrate_is_empty (DbConn *conn, bool *ret_empty, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Backs up first, unless the environment is local or the database empty, then runs all items, writes the
 * audit log, and shows what was done, or its part before it failed. */
bool migrate_run_items (MigrateRun *run, Run *runner, bool is_up, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Starts the run of RUN->base's session. */
bool migrate_run_start (const MigrateRun *run, Run **ret_runner, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The backup before, as the environment and RUN->no_backup want it; its name goes to RUN->backup. */
bool migrate_back_up (MigrateRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Warns of what RUN->aftermath found. */
void migrate_warn_of_left (const MigrateRun *run);

/* Migrations that commands of the project run (migrations.command): cmd_migrate_external.c. */
typedef struct
{
  const char *wait; /* --lock-wait */
  bool dry_run, no_backup, no_rehearsal;
  const char *refused; /* an option that was given and that commands cannot be told; NULL: none */
} MigrateExternal;

/* Whether the project's migrations are run by commands of its own; false when it cannot be opened. */
bool migrate_is_external (CliContext *context);
/* Passes what a command writes on to standard error. */
void migrate_pass_on (const char *bytes, size_t length, void *data);
bool migrate_external_status (CliContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool migrate_external_up (CliContext *context, const MigrateExternal *spec, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool migrate_external_down (CliContext *context, const MigrateExternal *spec, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* `pgkeel migrate adopt` and `baseline`: cmd_migrate_adopt.c. */
extern const CliCommand migrate_adopt_command, migrate_baseline_command;

/* `pgkeel migrate new`: cmd_migrate_new.c. */
bool migrate_command_new (CliContext *context, int argc, char **argv, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* `pgkeel migrate up` and `down`: cmd_migrate_up.c, cmd_migrate_down.c. */
extern const GOptionEntry migrate_up_options[];
extern const GOptionEntry migrate_down_options[];
bool migrate_command_up (CliContext *context, int argc, char **argv, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool migrate_command_down (CliContext *context, int argc, char **argv, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
