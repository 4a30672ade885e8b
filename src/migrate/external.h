/*
 * Migrations that another program runs: a command of the project's own (Django, Alembic, knex, ...).
 *
 * The command runs in a shell, in a process group of its own of which nothing outlives it, nor us. What
 * it did is told by what the database holds before and after: the schema, and the tables in which
 * such tools keep their history (adopt.h knows them). Nothing of the tools' own is ever written.
 */
#pragma once

#include "db/conn.h"
#include "migrate/run.h"
#include "project/project.h"

typedef struct
{
  const char *command;     /* for /bin/sh -c */
  const char *folder;      /* where it runs */
  const char *url;         /* of the database: DATABASE_URL and PG* of the command */
  const char *environment; /* its name: PGKEEL_ENV of the command */
  const char *session;     /* PGAPPNAME of the command */
  /* Names of other variables that are to hold the URL, NULL-terminated; NULL: none. */
  const char *const *also;
  /* What it writes, on either stream, as it comes. */
  void (*output) (const char *bytes, size_t length, void *data);
  void *data;
} ExternalCommand;

/* The session name of commands that run while we hold the lock of run_lock.h. */
#define EXTERNAL_SESSION "pgkeel migrate command"

/* Runs COMMAND to its end. True when it could be run, whatever its exit code (128 + signal when it was
 * killed). *RET_OUTPUT (caller frees): the end of what it wrote. When cancellation is requested, all
 * of its processes are told to end, then made to: KEEL_ERROR_CANCELLED. */
bool external_run (const ExternalCommand *command, int *ret_exit_code, char **ret_output,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the sessions called EXTERNAL_SESSION in this database, and waits until they are gone. To be
 * called with the lock held: then they are what a command left that has ended or was killed. */
bool external_end_sessions (DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A row of a tool's history. */
typedef struct
{
  const char *tool; /* "alembic" */
  char *table;      /* "public.alembic_version" */
  char *version;    /* as `migrate adopt` calls it */
} ExternalRow;

/* What a database holds at one time. */
typedef struct
{
  char *schema_fingerprint;
  GPtrArray *tables;        /* of char *: "alembic (public.alembic_version)" */
  GPtrArray *rows;          /* of ExternalRow, table by table */
  GPtrArray *not_validated; /* of char *: constraints */
} ExternalState;

void external_row_free (ExternalRow *row);
void external_state_clear (ExternalState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ExternalState, external_state_clear)

/* Reads the tools' histories; with IS_WHOLE the schema as well. */
bool external_look (DbConn *conn, bool is_whole, ExternalState *ret_state, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The rows of A that B lacks, of ExternalRow owned by A; the caller frees with g_ptr_array_unref. */
GPtrArray *external_rows_missing (const ExternalState *a, const ExternalState *b);

/* What tells which revisions come before which. */
typedef struct
{
  const char *root, *dir;      /* as for external_check_heads */
  const char *status, *output; /* what the status command and the run wrote; may be NULL */
} ExternalTold;

/* The migrations that are applied in MORE and not in LESS, in the order in which they were applied: rows
 * that MORE has more, and for Alembic, which keeps one row for all, those that it stands for, as far as
 * they are TOLD. Of ExternalRow, the caller's. */
bool external_list_applied (const ExternalTold *told, const ExternalState *less,
                            const ExternalState *more, GPtrArray **ret_rows, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What the run from BEFORE to AFTER, both whole, left. */
bool external_aftermath (DbConn *conn, const ExternalState *before, const ExternalState *after,
                         RunAftermath *ret_aftermath, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_REFUSED when OUTPUT, what a command wrote, says that there are several heads or leaf
 * nodes. */
bool external_check_output (const char *output, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_REFUSED when the files in DIR (NULL: the usual folders) of ROOT have several heads or leaf
 * nodes, or Alembic's table has several rows which are not merged in the files either. STATUS: what the
 * status command wrote, whose word on the heads goes before that of the files; NULL: there is none. */
bool external_check_heads (const ExternalState *state, const char *root, const char *dir,
                           const char *status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Both of what STATUS says and of what external_check_heads finds, for PROJECT; “alembic upgrade heads” means
 * all of them: then several are no conflict. */
bool external_check_project (const Project *project, const ExternalState *state, const char *status,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A run that is to be written into pgkeel.migration. */
typedef struct
{
  bool is_up;
  const char *command;            /* the key of pgkeel.yaml: "migrations.command.up" */
  const char *started;            /* ISO, UTC */
  const char *backup;             /* NULL: none */
  const char *problem;            /* why it failed; NULL: it did not */
  const GPtrArray *gained, *lost; /* of ExternalRow: of the tool's table */
  const GPtrArray *done;          /* of ExternalRow: migrations that were applied; down: undone */
  bool has_table;                 /* some tool's history is there */
  bool schema_changed;
  const char *schema_fingerprint;
} ExternalRun;

/* One row for each migration that was applied; of those that were undone the row in force becomes a
 * reverted one. A run that failed, or of whose migrations the database says nothing,
 * has a row of its own, "run-20261121T073000Z". All in one transaction. */
bool external_write_history (DbConn *conn, const ExternalRun *run, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
