/*
 * A rehearsal: pending migrations run on a restored copy of the database, there, back and there again,
 * with everything measured on the way.
 *
 * The copy is a scratch cluster that ends with the rehearsal; the database itself is not asked for
 * anything. What was found is kept beside the backup as NAME.rehearsal.json (docs/migrations.md), where
 * `migrate up` looks whether exactly the files it is about to run were rehearsed.
 */
#pragma once

#include "backup/reader.h"
#include "deploy/command_log.h"
#include "deploy/measure.h"
#include "migrate/external_pending.h"
#include "migrate/plan.h"
#include "project/project.h"

typedef struct
{
  const Project *project;
  const MigrationSet *set;
  SqlParser *parser;
  BackupReader *reader;
  const char *backup; /* its name */
  bool is_fresh;      /* not a backup but a copy made of the database just now */
  const char *user;   /* the role that runs migrations; NULL, or not in the backup: a superuser */
  const char *to;     /* as for plan_up */
  bool allow_late;
  unsigned int job_count;
} RehearseSpec;

/* Of migrations that a command of the project runs (migrations.command): set, parser, to and allow_late are
 * not used. */
typedef struct
{
  RehearseSpec copy;
  const char *const *also; /* as in ExternalCommand */
  /* What the commands write, as it comes. */
  void (*output) (const char *bytes, size_t length, void *data);
} RehearseCommandSpec;

/* What such a command did, as a whole: its one RehearsedMigration has the measurements. */
typedef struct
{
  ExternalPending *pending;  /* what was to be done */
  guint session_count;       /* of its sessions that were seen in the copy */
  guint down_runs;           /* how often the down command ran */
  CommandLog log;            /* of the up command */
  GPtrArray *applied;        /* of char *: the tool's migrations */
  GPtrArray *schema_changes; /* of char *: how the schema differs after the up command */
  GPtrArray *data_changes;   /* of char *: what of the data that was there is not as it was */
} RehearsedCommand;

/* One migration of it. */
typedef struct
{
  char *version, *name, *path, *down_path; /* down_path NULL: it has no way back */
  char *checksum;                          /* of the up file */
  char *down_checksum;                     /* of the down script; NULL: none */
  bool undone;                             /* its down script ran */
  int64_t up_us, down_us, again_us;
  GPtrArray *up, *down;      /* of Measurement; NULL: did not run */
  GPtrArray *schema_changes; /* of char *: how the schema differs from before it, after its down */
} RehearsedMigration;

typedef enum
{
  REHEARSAL_NOT_TRIED, /* an up failed before */
  REHEARSAL_NO_DOWN,   /* there is no down script to try */
  REHEARSAL_PROVEN,    /* schema and data are as before */
  REHEARSAL_LOSES,     /* they are not */
  REHEARSAL_DOWN_FAILED,
} RehearsalReturn;

const char *rehearsal_return_name (RehearsalReturn way_back); /* "proven", ... */

typedef struct
{
  char *backup, *backup_sha256;
  bool is_fresh;
  int64_t backup_created;
  char *project, *environment; /* of the database that was copied */
  int server_version;
  char *role;
  bool is_superuser; /* the role was not in the backup: permissions were not tried */
  bool locale_replaced;
  int64_t rehearsed; /* when; seconds since 1970 */
  int64_t restore_us, elapsed_us;
  int64_t size_before, size_after; /* of the database, in bytes */
  GPtrArray *migrations;           /* of RehearsedMigration; empty: nothing is pending */

  RehearsedCommand *command; /* NULL: pgkeel itself ran the files */

  bool passed;
  GPtrArray *problems;   /* of char *: why not */
  GPtrArray *notes;      /* of char *: worth knowing */
  RunFailure failure;    /* of the statement that failed; path NULL: none did */
  const char *failed_in; /* "up", "down", "up again"; NULL: none */

  RehearsalReturn way_back;
  guint undone_count; /* how many of the migrations, from the last */
  GPtrArray
      *differences; /* of DeployLoss and schema differences as text: what the way back costs */
  guint tables_equal, tables_total;
  uint64_t rows_before;

  guint constraints_total;                    /* foreign keys and checks that were validated */
  GPtrArray *constraints_broken;              /* of char * */
  GPtrArray *invalid_indexes, *not_validated; /* of char *: what the migrations leave */
} Rehearsal;

void rehearsal_clear (Rehearsal *rehearsal);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Rehearsal, rehearsal_clear)

/* Fills in the lists, and what SPEC says of the backup. KEEL_ERROR_USAGE for one without data. */
bool rehearsal_begin (const RehearseSpec *spec, Rehearsal *ret_rehearsal, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* True when it could be held, passed or not. */
bool rehearsal_run (const RehearseSpec *spec, Report *report, Rehearsal *ret_rehearsal,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same of the project's up command: on the copy, then the down command (as often as it takes to come back
 * to where the tool's table was), then up again. Several heads are KEEL_ERROR_REFUSED. */
bool rehearsal_run_command (const RehearseCommandSpec *spec, Report *report,
                            Rehearsal *ret_rehearsal, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The whole as the object that is kept, and printed under --json. The caller owns it. */
json_t *rehearsal_json (const Rehearsal *rehearsal);

/* The whole as a page for people, which needs nothing else. Caller frees. */
char *rehearsal_html (const Rehearsal *rehearsal);

/* Keeps it: beside its backup when STORE (may be NULL) is the folder of the environment's backups, else
 * in .pgkeel. *RET_PATH: where. */
bool rehearsal_save (const Rehearsal *rehearsal, const Project *project, Store *store,
                     char **ret_path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  bool found;        /* exactly these files were rehearsed, and it went well */
  char *reason;      /* why not; NULL when found */
  char *backup;      /* on which one; NULL: none */
  int64_t rehearsed; /* when */
} RehearsalMatch;

void rehearsal_match_clear (RehearsalMatch *match);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RehearsalMatch, rehearsal_match_clear)

/* Looks for the last rehearsal, for the chosen environment, of exactly ITEMS (of PlanItem, as plan_up
 * gives them): these files with these bytes, up and down, one after the other. */
bool rehearsal_find (const Project *project, const GPtrArray *items, RehearsalMatch *ret_match,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for commands: of exactly what is PENDING now. */
bool rehearsal_find_command (const Project *project, const ExternalPending *pending,
                             RehearsalMatch *ret_match, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SHA-256 of the down script's text, hexadecimal; NULL without one. Caller frees. */
char *rehearsal_down_checksum (const Migration *migration);
