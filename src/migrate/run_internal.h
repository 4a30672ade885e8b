/*
 * What the files of a run share: the script that is being run, and its units.
 */
#pragma once

#include "migrate/run.h"
#include "migrate/script.h"
#include "migrate/watch.h"

/* How long others may wait behind us: long enough for the short transactions of a busy table to end
 * before us, short enough for nobody to notice. */
#define RUN_GIVE_WAY_MS 200

struct Run
{
  RunSpec spec;
  Watch *watch;
  char *settings; /* SQL that makes the session as new */
  char *own_role; /* SQL: for the rest of the transaction we are who we were at first */
  char *applied_from;
  char *backup;              /* its name; NULL: none was made */
  GHashTable *not_validated; /* constraints that were NOT VALID before */
  int64_t last_id;           /* the row applied last; 0: none */
};

/* One script on its way. */
typedef struct
{
  Run *run;
  const PlanItem *item;
  const MigrateScript *script;
  bool is_up;
  int64_t id;           /* its row; 0: it has none yet */
  HistoryEntry journal; /* what its row says, or is to say; texts are owned here */
  bool was_begun;       /* an earlier run began statement_begun and nobody knows how it ended */
  bool split_enums;
  int64_t give_way_ms; /* of this try */
  RunFailure *failure;
} ScriptRun;

/* Runs UNIT and writes the journal. *RET_AGAIN: it was not run, as the script has to be cut in another
 * way. */
bool run_unit (ScriptRun *run, const ScriptUnit *unit, bool *ret_again, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* True when UNIT is all of the script: its row is written with it. */
bool run_unit_is_whole (const ScriptRun *run, const ScriptUnit *unit);

/* Writes that the script is done up to COUNT statements: the whole row when it has none yet. Inside a
 * transaction. */
bool run_journal_done (ScriptRun *run, guint count, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Does what WRITE does in a transaction of its own, as ourselves. */
typedef bool (*RunWriteFn) (ScriptRun *run, GError **error);
bool run_in_transaction (ScriptRun *run, RunWriteFn write, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The constraints that are NOT VALID now, of char *. */
bool run_list_not_validated (DbConn *conn, GPtrArray **ret_names, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The indexes that are INVALID now, of char *. */
bool run_list_invalid_indexes (DbConn *conn, GPtrArray **ret_names, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Turns what the server said about statement INDEX into run->failure and *ERROR (whose message is
 * replaced). FAILURE is taken over. INDEX past the end: at the commit. Always returns false. */
bool run_fail (ScriptRun *run, guint index, DbFailure *failure, GError **error);
