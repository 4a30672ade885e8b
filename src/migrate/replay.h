/*
 * The schema that the migration files make: those that are in a database are run again, from the first
 * on, in a place that is thrown away (replay_place.h), by the same code as `migrate up`.
 */
#pragma once

#include "base/report.h"
#include "migrate/plan.h"

typedef struct
{
  DbConn *live; /* a session in the database whose history PLAN has; it is only read */
  const char *live_url;
  const Plan *plan;
  SqlParser *parser;
  const char *const *ignore;    /* NULL-terminated: what the project leaves to others */
  int64_t statement_timeout_ms; /* 0: none */
  const char *parent;           /* folder for the scratch cluster; NULL: the temporary one */
  bool on_server;               /* in a scratch database on the server */
  bool never_on_server;         /* not even when that version's programs are missing here */
  Report *report;
} ReplaySpec;

typedef struct
{
  GPtrArray *objects;  /* of DbSchemaObject: the schema that came out */
  char *place;         /* "scratch cluster of PostgreSQL 15" */
  guint file_count;    /* that were run */
  bool without_owners; /* another role ran them than the one that applied them */
} Replay;

void replay_clear (Replay *replay);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Replay, replay_clear)

/* Errors: those of replay_files.h and replay_place.h, and a statement that fails. */
bool replay_run (const ReplaySpec *spec, Replay *ret_replay, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
