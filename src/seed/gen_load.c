#include "seed/gen_load.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/parallel.h"
#include "base/text.h"
#include "db/copy.h"
#include "seed/gen_copy.h"
#include "seed/gen_ledger.h"

#include <stdatomic.h>

/* What a worker takes at a time. */
#define CHUNK_ROWS UINT64_C (20000)
#define TRANSACTION_ROWS UINT64_C (1000000)
/* Fewer are not worth other sessions. */
#define ROWS_FOR_JOBS UINT64_C (100000)
#define JOBS_MAX 8

typedef struct
{
  const GenLoadSpec *spec;
  const GenTable *table;
  unsigned int jobs;
  DbConn *conns[JOBS_MAX]; /* of the workers */
  GMutex lock;             /* of spec->conn, while workers run, and of progress */
  atomic_ullong next;      /* row of the table */
  uint64_t total_rows;
  atomic_ullong done_rows;
  char *phase;
} Load;

static void
show_progress (Load *load)
{
  const ReportProgress progress = { .phase = load->phase,
                                    .rows = atomic_load (&load->done_rows),
                                    .total_rows = load->total_rows };
  g_mutex_lock (&load->lock);
  report_progress (load->spec->report, &progress);
  g_mutex_unlock (&load->lock);
}

/* The next piece of the table; false: there is none. */
static bool
take_chunk (Load *load, uint64_t *ret_first, uint64_t *ret_count)
{
  uint64_t first = atomic_fetch_add (&load->next, CHUNK_ROWS);
  if (first >= load->table->rows)
    return false;
  *ret_first = first;
  *ret_count = MIN (CHUNK_ROWS, load->table->rows - first);
  return true;
}

/* --- one COPY --------------------------------------------------------------------------------- */

/* COPYs from FIRST on until the table has no more, or the transaction is large enough; then FIRST and COUNT
 * are what was taken and not sent. */
static bool
copy_rows (Load *load, Parallel *parallel, DbConn *conn, uint64_t *first, uint64_t *count,
           bool *ret_more, GError **error)
{
  g_autofree char *name = db_quote_name (load->table->schema, load->table->name);
  g_autofree char *sql = gen_copy_statement (load->table, name, load->table->is_binary);
  uint64_t rows = 0, taken = 0;
  g_autoptr (GenCopy) copy
      = gen_copy_new (load->table, load->table->is_binary, gen_copy_to_session, conn);
  if (!db_copy_in_begin (conn, sql, error))
    return false;
  do
    {
      if (!gen_copy_rows (copy, *first, *count, 1, error)
          || (parallel != NULL && !parallel_check (parallel, error)))
        {
          db_copy_in_abort (conn);
          return false;
        }
      rows += *count;
      atomic_fetch_add (&load->done_rows, *count);
      show_progress (load);
      *ret_more = take_chunk (load, first, count);
    }
  while (*ret_more && (parallel == NULL || rows < TRANSACTION_ROWS));
  if (!gen_copy_end (copy, error))
    {
      db_copy_in_abort (conn);
      return false;
    }
  return db_copy_in_end (conn, &taken, error)
         && (taken == rows
             || keel_error (
                 error, KEEL_ERROR_FAILED, "A trigger or a rule of the table takes rows away.",
                 "the server took %" G_GUINT64_FORMAT " rows of %" G_GUINT64_FORMAT, taken, rows));
}

/* --- several sessions ------------------------------------------------------------------------- */

/* Writes down the number of the transaction before anything is written in it. */
static bool
begin_transaction (Load *load, DbConn *conn, GError **error)
{
  g_autofree char *xid = NULL;
  if (!db_exec (conn, "BEGIN", error)
      || !db_query_text (conn, "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text", 0, NULL,
                         &xid, error))
    return false;
  g_mutex_lock (&load->lock);
  bool done = gen_ledger_add_transaction (load->spec->conn, load->table, xid, error);
  g_mutex_unlock (&load->lock);
  return done;
}

static bool
work (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  Load *load = data;
  DbConn *conn = load->conns[worker];
  uint64_t first, count;
  bool more = take_chunk (load, &first, &count);
  while (more)
    if (!begin_transaction (load, conn, error)
        || !copy_rows (load, parallel, conn, &first, &count, &more, error)
        || !db_exec (conn, "COMMIT", error))
      {
        db_rollback (conn);
        return false;
      }
  return true;
}

/* A row may refer to one before it, which another session would not see. */
static bool
refers_to_itself (const GenTable *table)
{
  for (guint i = 0; i < table->links->len; i++)
    if (((const GenLink *) table->links->pdata[i])->is_self)
      return true;
  return false;
}

static unsigned int
count_workers (const Load *load)
{
  uint64_t useful = load->table->rows / CHUNK_ROWS + 1;
  return refers_to_itself (load->table) ? 1 : (unsigned int) MIN (load->jobs, useful);
}

static bool
load_table_parallel (Load *load, GError **error)
{
  return gen_ledger_begin (load->spec->conn, load->spec->model, load->table, error)
         && parallel_run (count_workers (load), work, load, error);
}

/* --- one session ------------------------------------------------------------------------------ */

static bool
load_table_alone (Load *load, GError **error)
{
  uint64_t first, count;
  bool more;
  g_autofree char *xid = NULL;
  DbConn *conn = load->spec->conn;
  if (!gen_ledger_begin (conn, load->spec->model, load->table, error)
      || !db_query_text (conn, "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text", 0, NULL,
                         &xid, error)
      || !gen_ledger_add_transaction (conn, load->table, xid, error))
    return false;
  return !take_chunk (load, &first, &count)
         || copy_rows (load, NULL, conn, &first, &count, &more, error);
}

/* --- all tables ------------------------------------------------------------------------------- */

/* Behind the last number that was written, where it is not further on already. */
static bool
move_sequences (DbConn *conn, const GenTable *table, GError **error)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      const GenColumn *column = gen_table_column (table, i);
      g_autoptr (DbResult) result = NULL;
      if (column->sequence == NULL || column->is_left_out || column->link != NULL
          || table->rows == 0)
        continue;
      g_autofree char *name = db_quote_ident (column->name);
      g_autofree char *quoted = db_quote_name (table->schema, table->name);
      g_autofree char *sql = g_strdup_printf (
          "SELECT pg_catalog.setval($1::pg_catalog.regclass, greatest(m, s.last_value))\n"
          "  FROM (SELECT pg_catalog.max(%s)::pg_catalog.int8 AS m FROM %s) x, %s s\n"
          " WHERE m IS NOT NULL AND (m > s.last_value OR (m = s.last_value AND NOT s.is_called))",
          name, quoted, column->sequence);
      if (!db_query (conn, sql, 1, (const char *[]){ column->sequence }, &result, error))
        return false;
    }
  return true;
}

static bool
load_table (Load *load, const GenTable *table, GError **error)
{
  g_autofree char *phase = g_strdup_printf ("generating %s", table->label);
  bool done;
  load->table = table;
  load->phase = phase;
  atomic_store (&load->next, 0);
  done = load->jobs > 1 ? load_table_parallel (load, error) : load_table_alone (load, error);
  done = done && move_sequences (load->spec->conn, table, error);
  /* Side by side, nothing is final before all of it is: until then every table is one to clean up. */
  if (done && load->jobs == 1)
    done = gen_ledger_finish (load->spec->conn, table, error);
  return done || prefix_error (error, "generating rows of “%s”", table->label);
}

static bool
load_all (Load *load, GError **error)
{
  const GenModel *model = load->spec->model;
  for (guint i = 0; i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      if (!table->is_done && !load_table (load, table, error))
        return false;
    }
  return true;
}

static bool
inspect (const Load *load, GError **error)
{
  const GenLoadSpec *spec = load->spec;
  return spec->inspect == NULL || spec->inspect (spec->conn, spec->inspect_data, error);
}

/* Whoever calls rolls back after a failure. */
static bool
finish_all (const Load *load, GError **error)
{
  const GenModel *model = load->spec->model;
  if (!db_exec (load->spec->conn, "BEGIN", error) || !inspect (load, error))
    return false;
  for (guint i = 0; i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      if (!table->is_done && !gen_ledger_finish (load->spec->conn, table, error))
        return false;
    }
  return db_exec (load->spec->conn, "COMMIT", error);
}

/* After a failure of several sessions: what they committed goes again. */
static void
clean_up (const Load *load)
{
  g_autoptr (GError) problem = NULL;
  uint64_t rows = 0;
  cancel_hold ();
  bool done
      = db_rollback (load->spec->conn) && gen_ledger_clean (load->spec->conn, &rows, &problem);
  cancel_release ();
  g_autofree char *count = text_format_count (rows);
  if (done)
    report_step (load->spec->report, "the %s rows that this run had written were removed", count);
  else
    report_warning (load->spec->report, "what this run had written could not be removed",
                    "The next run with generators removes it first.");
}

static bool
connect_workers (Load *load, GError **error)
{
  for (unsigned int i = 0; i < load->jobs && load->jobs > 1; i++)
    if (!db_connect (load->spec->url, NULL, &db_retry_default, &load->conns[i], error))
      return false;
  return true;
}

static bool
load_parallel (Load *load, GError **error)
{
  if (connect_workers (load, error) && load_all (load, error) && finish_all (load, error))
    return true;
  for (unsigned int i = 0; i < JOBS_MAX; i++)
    g_clear_pointer (&load->conns[i], db_conn_free);
  clean_up (load);
  return false;
}

static bool
load_alone (Load *load, GError **error)
{
  DbConn *conn = load->spec->conn;
  if (db_exec (conn, "BEGIN", error) && load_all (load, error) && inspect (load, error)
      && db_exec (conn, "COMMIT", error))
    return true;
  cancel_hold ();
  bool is_back = db_rollback (conn);
  cancel_release ();
  if (!is_back)
    report_warning (load->spec->report, "the session could not be rolled back; it was ended", NULL);
  return false;
}

static uint64_t
count_open_rows (const GenModel *model)
{
  uint64_t rows = 0;
  for (guint i = 0; i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      rows += table->is_done ? 0 : table->rows;
    }
  return rows;
}

bool
gen_load (const GenLoadSpec *spec, GenLoadResult *ret_result, GError **error)
{
  Load load = { .spec = spec, .jobs = spec->jobs, .total_rows = count_open_rows (spec->model) };
  int64_t began_us = clock_monotonic_us ();
  if (load.jobs == 0)
    load.jobs = load.total_rows < ROWS_FOR_JOBS ? 1 : g_get_num_processors ();
  load.jobs = CLAMP (load.jobs, 1, JOBS_MAX);
  g_mutex_init (&load.lock);
  bool done = load.jobs > 1 ? load_parallel (&load, error) : load_alone (&load, error);
  for (unsigned int i = 0; i < JOBS_MAX; i++)
    g_clear_pointer (&load.conns[i], db_conn_free);
  g_mutex_clear (&load.lock);
  if (!done)
    return false;
  *ret_result = (GenLoadResult){ .rows = load.total_rows,
                                 .jobs = load.jobs,
                                 .elapsed_us = clock_monotonic_us () - began_us };
  return true;
}
