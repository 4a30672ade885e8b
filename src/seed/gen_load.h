/*
 * Loading generated rows: binary COPY, indexes and constraints on, tables in the order of their foreign keys.
 *
 * With one session all of it is one transaction. With several, every table is shared among them, in
 * transactions of at most a million rows each: so many that the server's list of foreign keys to check
 * stays small. Then a failure, or a cancellation, removes what was written (gen_ledger.h), and so does the next run
 * after one that was killed.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"
#include "seed/gen_plan.h"

typedef struct
{
  const char *url;
  DbConn *conn; /* a session that does nothing else */
  GenModel *model;
  unsigned int jobs; /* sessions; 0: one for few rows, else as many as processors, up to 8 */
  /* Called in a transaction of CONN when all rows are there, before they are final; may be NULL. False with the
   * error set takes all of them back. */
  bool (*inspect) (DbConn *conn, void *data, GError **error);
  void *inspect_data;
  Report *report;
} GenLoadSpec;

typedef struct
{
  uint64_t rows; /* written */
  int64_t elapsed_us;
  unsigned int jobs;
} GenLoadResult;

/* Loads the tables that are not done. Afterwards sequences stand behind what was written. */
bool gen_load (const GenLoadSpec *spec, GenLoadResult *ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
