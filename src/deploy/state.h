/*
 * What a database holds, small enough to keep: its schema, and for every table the digests of its rows
 * and of each of its columns. Two of them say what a way there and back has cost.
 *
 * What migration tools keep in the database for themselves is left out: schema pgkeel, alembic_version and
 * so on. So are sequence positions: nobody takes a number back.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"

typedef struct DeployState DeployState;

typedef struct
{
  const char *url; /* of a session that may read everything */
  const char *database;
  unsigned int job_count; /* 0: one for each processor, at most 8 */
} DeployStateSpec;

/* With LIKE, an earlier state, tables are read in the order of columns that they had then: a column that
 * was dropped and added again is another one to the server, not to us. */
bool deploy_state_read (const DeployStateSpec *spec, const DeployState *like, Report *report,
                        DeployState **ret_state, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void deploy_state_free (DeployState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DeployState, deploy_state_free)

guint deploy_state_table_count (const DeployState *state);
uint64_t deploy_state_rows (const DeployState *state);

/* The schema alone, as objects (db/schema.h) without tools' own. */
bool deploy_schema_read (DbConn *conn, GPtrArray **ret_objects, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* One line for each object that differs between BEFORE and NOW; empty when they are alike. GPtrArray of
 * char *. */
GPtrArray *deploy_schema_compare (const GPtrArray *before, const GPtrArray *now);

typedef struct
{
  char *table;  /* "schema.table", quoted where needed; NULL: large objects */
  char *column; /* NULL: the table as a whole */
  char *text;   /* a sentence about it */
} DeployLoss;

/* What of BEFORE's data is not in NOW as it was: DeployLoss. *RET_EQUAL_TABLES: how many tables are as
 * they were. */
GPtrArray *deploy_state_compare (const DeployState *before, const DeployState *now,
                                 guint *ret_equal_tables);
