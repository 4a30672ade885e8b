/*
 * Seeding: makes a database have the rows that the project's seeds say, all in one transaction.
 *
 * Who calls has made sure that the database may be written to (guard.h). Constraints are never switched off,
 * and no row is removed but those that pgkeel itself seeded and nobody has changed since.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"
#include "project/project.h"
#include "seed/config.h"

typedef struct
{
  const Project *project;
  bool clean;     /* empty the seeded tables first */
  bool validate;  /* hold the expectations against the database, before COMMIT */
  bool minimal;   /* only what is marked essential */
  bool generates; /* generators come after: expectations of their tables are not looked at yet */
  bool dry_run;   /* ROLLBACK at the end */
  /* Called before COMMIT, with the rows there; may be NULL. False with the error set takes all back. */
  bool (*inspect) (DbConn *conn, void *data, GError **error);
  void *inspect_data;
} SeedSpec;

typedef struct
{
  char *table;
  int64_t inserted, updated, unchanged, retracted;
  int64_t kept; /* rows that left the files and stay all the same */
} SeedTableResult;

typedef struct
{
  char *file;
  bool was_run; /* false: its text has not changed since it ran */
  int64_t rows; /* that its statements changed */
} SeedScriptResult;

typedef struct
{
  char *table;
  char *where; /* NULL: all rows */
  int64_t min, max, count;
  bool holds;
} SeedExpectResult;

/* A row that left the files and was not removed. */
typedef struct
{
  char *table;
  char *key;    /* as JSON */
  char *reason; /* "it was changed since", "rows of orders refer to it" */
} SeedKept;

typedef struct
{
  GPtrArray *tables;  /* of SeedTableResult, in the order they were loaded */
  GPtrArray *scripts; /* of SeedScriptResult */
  GPtrArray *expects; /* of SeedExpectResult */
  GPtrArray *kept;    /* of SeedKept; at most SEED_KEPT_MAX of each table */
  GPtrArray *cleaned; /* of char *: tables that were emptied */
  int64_t elapsed_us;
} SeedResult;

#define SEED_KEPT_MAX 100

void seed_result_clear (SeedResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SeedResult, seed_result_clear)

/* The project's folder of seeds, absolute, and what messages call it; the caller frees both. */
void seed_folder (const Project *project, char **ret_path, char **ret_shown);

/* seeds.yaml of the project, for its chosen environment. */
bool seed_read_config (const Project *project, SeedConfig **ret_config, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What one run of seeds is about to do. */
typedef struct SeedRun SeedRun;

/* Reads the files and what the catalogue says of their tables; writes nothing. CONN must be outside of a
 * transaction, and be the run's alone until it is freed. CONFIG is borrowed. */
bool seed_run_new (const SeedSpec *spec, DbConn *conn, const SeedConfig *config, Report *report,
                   SeedRun **ret_run, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void seed_run_free (SeedRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SeedRun, seed_run_free)

/* What --clean empties: of char *, "users (1,204 rows)". KEEL_ERROR_REFUSED when tables that are neither seeded nor
 * named below `clean:` refer to them. */
bool seed_run_to_clean (SeedRun *run, GPtrArray **ret_tables, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Loads. *RET_RESULT says what was done, also of an expectation that does not hold (KEEL_ERROR_ANSWER_NO, nothing
 * loaded). KEEL_ERROR_CONFIG with file, line and column for what a file says; KEEL_ERROR_SERVER, with the
 * place too where it can be found, for what the server refuses; KEEL_ERROR_LOCKED. */
bool seed_run_load (SeedRun *run, SeedResult *ret_result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Counts what CONFIG expects, in the session as it is; WITHOUT_GENERATED: but of the tables that `generate:` names.
 * *RET_EXPECTS: of SeedExpectResult. KEEL_ERROR_ANSWER_NO when one does not hold. */
bool seed_validate (DbConn *conn, const SeedConfig *config, bool without_generated,
                    GPtrArray **ret_expects, GError **error) G_GNUC_WARN_UNUSED_RESULT;
