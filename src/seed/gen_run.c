#include "seed/gen_run.h"
#include "base/text.h"
#include "seed/gen_ledger.h"
#include "seed/gen_trial.h"

#define LOCK_NAME "'pgkeel seed generate'"

void
gen_run_result_clear (GenRunResult *result)
{
  g_clear_pointer (&result->model, gen_model_free);
}

static bool
take_lock (DbConn *conn, GError **error)
{
  g_autofree char *answer = NULL;
  if (!db_query_text (conn,
                      "SELECT pg_catalog.pg_try_advisory_lock(\n"
                      "         pg_catalog.hashtextextended(" LOCK_NAME ", 0))",
                      0, NULL, &answer, error))
    return false;
  return g_strcmp0 (answer, "t") == 0
         || keel_error (error, KEEL_ERROR_LOCKED, "Wait for it to end, then run the command again.",
                        "another run is generating rows in this database");
}

static void
give_lock (DbConn *conn)
{
  g_autofree char *answer = NULL;
  g_autoptr (GError) ignored = NULL;
  /* The lock ends with the session at the latest. */
  if (!db_query_text (conn,
                      "SELECT pg_catalog.pg_advisory_unlock(\n"
                      "         pg_catalog.hashtextextended(" LOCK_NAME ", 0))",
                      0, NULL, &answer, &ignored))
    g_clear_error (&ignored);
}

bool
gen_run_plan (const GenRunSpec *spec, GenModel **ret_model, GError **error)
{
  const GenPlanSpec plan = { .conn = spec->conn,
                             .file = spec->config->file,
                             .generate = spec->config->generate,
                             .scale = spec->scale,
                             .dry_run = spec->dry_run };
  return gen_plan_make (&plan, spec->report, ret_model, error);
}

static bool
clean_ledger (const GenRunSpec *spec, uint64_t *ret_rows, GError **error)
{
  if (!gen_ledger_prepare (spec->conn, error) || !gen_ledger_clean (spec->conn, ret_rows, error))
    return prefix_error (error, "removing what an earlier run left");
  if (*ret_rows > 0)
    {
      g_autofree char *count = text_format_count (*ret_rows);
      report_step (spec->report, "removed %s rows of a run that did not finish", count);
    }
  return true;
}

/* The planner knows nothing of tables that were just filled. */
static bool
analyze (const GenRunSpec *spec, const GenModel *model, GError **error)
{
  for (guint i = 0; i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      g_autofree char *name = db_quote_name (table->schema, table->name);
      g_autofree char *sql = g_strdup_printf ("ANALYZE %s", name);
      if (!table->is_done && table->rows > 0 && !db_exec (spec->conn, sql, error))
        return false;
    }
  return true;
}

static bool
run_locked (const GenRunSpec *spec, GenRunResult *result, GError **error)
{
  if ((!spec->dry_run && !clean_ledger (spec, &result->removed_rows, error))
      || !gen_run_plan (spec, &result->model, error)
      || !gen_ledger_check (spec->conn, result->model, error)
      || !gen_trial (spec->conn, result->model, spec->config->file, error))
    return false;
  const GenLoadSpec load = { .url = spec->url,
                             .conn = spec->conn,
                             .model = result->model,
                             .jobs = spec->jobs,
                             .inspect = spec->inspect,
                             .inspect_data = spec->inspect_data,
                             .report = spec->report };
  return spec->dry_run
         || (gen_load (&load, &result->load, error) && analyze (spec, result->model, error));
}

bool
gen_run (const GenRunSpec *spec, GenRunResult *ret_result, GError **error)
{
  g_auto (GenRunResult) result = { 0 };
  if (!spec->dry_run && !take_lock (spec->conn, error))
    return false;
  bool done = run_locked (spec, &result, error);
  if (!spec->dry_run)
    give_lock (spec->conn);
  if (!done)
    return false;
  *ret_result = result;
  result.model = NULL;
  return true;
}
