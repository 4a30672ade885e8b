/* pgkeel migrate validate: files against history, and the database against what the files make. */
#include "base/line_diff.h"
#include "cli/cmd_migrate.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "db/schema.h"
#include "migrate/drift.h"
#include "migrate/replay.h"

#include <string.h>

/* Lines around a difference. */
#define CONTEXT 2

static gboolean option_files;
static gboolean option_on_server;

static const GOptionEntry validate_options[]
    = { { "files", 0, 0, G_OPTION_ARG_NONE, &option_files,
          "Only hold the files against the history; replay nothing", NULL },
        { "on-server", 0, 0, G_OPTION_ARG_NONE, &option_on_server,
          "Replay in a scratch database on the environment's server, not in a cluster here", NULL },
        G_OPTION_ENTRY_NULL };

typedef struct
{
  guint problem_count; /* files that contradict the history */
  bool is_compared;
  Replay replay;
  GPtrArray *drift; /* of DriftItem; NULL: not compared */
} Verdict;

static void
verdict_clear (Verdict *verdict)
{
  replay_clear (&verdict->replay);
  g_clear_pointer (&verdict->drift, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Verdict, verdict_clear)

/* Pending ones are what `migrate up` is for. */
static bool
is_problem (const PlanItem *item)
{
  switch (item->state)
    {
    case PLAN_CHANGED:
    case PLAN_MISSING:
    case PLAN_LATE:
    case PLAN_UNFINISHED:
    case PLAN_REVERTING: return true;
    default: return false;
    }
}

static const char *
explain (PlanState state)
{
  switch (state)
    {
    case PLAN_CHANGED: return "means something else now than when it was applied";
    case PLAN_MISSING: return "was applied, but there is no file";
    case PLAN_LATE: return "is pending, but later ones are applied already";
    case PLAN_UNFINISHED: return "stopped half way; “pgkeel migrate up” goes on";
    case PLAN_REVERTING: return "was undone half way; “pgkeel migrate down” goes on";
    default: return "";
    }
}

/* --- for people ------------------------------------------------------------------------------ */

static void
print_files (const Plan *plan)
{
  guint applied
      = plan->counts[PLAN_APPLIED] + plan->counts[PLAN_REFORMATTED] + plan->counts[PLAN_COVERED];
  for (guint i = 0; i < plan->items->len; i++)
    {
      const PlanItem *item = plan->items->pdata[i];
      g_autofree char *title = plan_item_title (item);
      g_autofree char *state = output_paint (OUTPUT_BAD, plan_state_name (item->state));
      g_autofree char *safe = output_safe_text (title);
      if (is_problem (item))
        output_line ("%s: %s %s", state, safe, explain (item->state));
    }
  output_line ("files: %u applied, %u pending", applied,
               plan->counts[PLAN_PENDING] + plan->counts[PLAN_REPEAT]);
}

/* One that is only on one side is shown as its lines. */
static void
print_item (const DriftItem *item)
{
  g_autofree char *change = output_paint (OUTPUT_BAD, drift_change_name (item->change));
  g_autofree char *name = output_safe_text (item->name);
  g_autofree char *diff = line_diff (item->expected, item->found, CONTEXT);
  g_autofree char *safe = output_safe_text (diff);
  g_auto (GStrv) lines = g_strsplit (safe, "\n", -1);
  output_line ("%s: %s %s", change, item->kind, name);
  for (guint i = 0; lines[i] != NULL && (*lines[i] != '\0' || lines[i + 1] != NULL); i++)
    {
      g_autofree char *line = output_paint (*lines[i] == '-'   ? OUTPUT_BAD
                                            : *lines[i] == '+' ? OUTPUT_GOOD
                                                               : OUTPUT_DIM,
                                            lines[i]);
      output_line ("  %s", line);
    }
}

static void
print_drift (const Verdict *verdict)
{
  guint count = verdict->drift->len;
  if (count > 0)
    output_line ("drift, what the files make (-) and what the database has (+):");
  for (guint i = 0; i < count; i++)
    print_item (verdict->drift->pdata[i]);
  if (count == 0)
    output_line ("schema: as the files make it (%u replayed in a %s)", verdict->replay.file_count,
                 verdict->replay.place);
  else
    output_line ("schema: %u object%s from what the files make (%u replayed in a %s)", count,
                 count == 1 ? " differs" : "s differ", verdict->replay.file_count,
                 verdict->replay.place);
  if (verdict->replay.without_owners)
    output_line (
        "owners were not compared: other roles applied the files than the one that replayed "
        "them");
}

/* --- for programs ---------------------------------------------------------------------------- */

static json_t *
drift_json (const Verdict *verdict)
{
  json_t *objects = json_array ();
  if (!verdict->is_compared)
    {
      json_decref (objects);
      return json_null ();
    }
  for (guint i = 0; i < verdict->drift->len; i++)
    {
      const DriftItem *item = verdict->drift->pdata[i];
      json_array_append_new (objects,
                             json_pack ("{s:s, s:s, s:o, s:o, s:o}", "change",
                                        drift_change_name (item->change), "kind", item->kind,
                                        "name", output_json_string (item->name), "expected",
                                        output_json_string (item->expected), "found",
                                        output_json_string (item->found)));
    }
  return json_pack ("{s:s, s:i, s:b, s:o}", "place", verdict->replay.place, "replayed",
                    (int) verdict->replay.file_count, "owners_compared",
                    (int) !verdict->replay.without_owners, "objects", objects);
}

static json_t *
problems_json (const Plan *plan)
{
  json_t *array = json_array ();
  for (guint i = 0; i < plan->items->len; i++)
    if (is_problem (plan->items->pdata[i]))
      json_array_append_new (array, migrate_item_json (plan->items->pdata[i]));
  return array;
}

static json_t *
verdict_json (const MigrateBase *base, const Verdict *verdict)
{
  const Plan *plan = base->plan;
  bool is_valid = verdict->problem_count == 0 && (option_files || verdict->is_compared)
                  && (!verdict->is_compared || verdict->drift->len == 0);
  return json_pack ("{s:b, s:i, s:i, s:o, s:o}", "valid", (int) is_valid, "applied",
                    (int) (plan->counts[PLAN_APPLIED] + plan->counts[PLAN_REFORMATTED]
                           + plan->counts[PLAN_COVERED]),
                    "pending", (int) (plan->counts[PLAN_PENDING] + plan->counts[PLAN_REPEAT]),
                    "problems", problems_json (plan), "drift", drift_json (verdict));
}

/* --- the command ----------------------------------------------------------------------------- */

static const char *const *
ignored (const MigrateBase *base)
{
  return (const char *const *) base->project->migrations.ignore;
}

/* A protected server is not where files are tried, unless that is asked for. */
static bool
compare_schema (CliContext *context, const MigrateBase *base, Verdict *verdict, GError **error)
{
  g_autoptr (GPtrArray) found = NULL;
  const ReplaySpec spec = { .live = base->conn,
                            .live_url = base->url,
                            .plan = base->plan,
                            .parser = base->parser,
                            .ignore = ignored (base),
                            .statement_timeout_ms = base->project->migrations.statement_timeout_ms,
                            .on_server = option_on_server,
                            .never_on_server = base->project->environment->is_protected,
                            .report = &context->report };
  if (!db_schema_read (base->conn, &found, error) || !replay_run (&spec, &verdict->replay, error))
    return false;
  const DriftSpec drift
      = { .ignore = ignored (base), .without_owners = verdict->replay.without_owners };
  verdict->drift = drift_compare (verdict->replay.objects, found, &drift);
  verdict->is_compared = true;
  return true;
}

static bool
answer (const Verdict *verdict, GError **error)
{
  guint drift = verdict->is_compared ? verdict->drift->len : 0;
  if (verdict->problem_count > 0)
    return keel_error (error, KEEL_ERROR_ANSWER_NO, "“pgkeel migrate status” lists all files.",
                       "files and history contradict each other in %u migration%s%s",
                       verdict->problem_count, verdict->problem_count == 1 ? "" : "s",
                       drift > 0 ? ", and the schema has drifted" : "");
  return drift == 0
         || keel_error (
             error, KEEL_ERROR_ANSWER_NO,
             "Write what is wanted into a new migration, undo the rest by hand, or leave "
             "objects to others with migrations.ignore.",
             "the schema has drifted from its files: %u object%s", drift, drift == 1 ? "" : "s");
}

static bool
run_validate (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (MigrateBase) base = { 0 };
  g_auto (Verdict) verdict = { 0 };
  g_autoptr (GError) problem = NULL;
  if (migrate_is_external (context))
    return keel_error (error, KEEL_ERROR_FAILED, "“pgkeel migrate status” asks that tool.",
                       "the migrations are programs of another tool, which cannot be replayed");
  if (!migrate_base_open (context, &base, error) || !migrate_base_connect (&base, false, error)
      || !migrate_base_plan (&base, error))
    return false;
  for (guint i = 0; i < base.plan->items->len; i++)
    verdict.problem_count += is_problem (base.plan->items->pdata[i]);
  bool done = option_files || compare_schema (context, &base, &verdict, &problem);
  if (context->json)
    output_json (verdict_json (&base, &verdict));
  else
    {
      print_files (base.plan);
      if (verdict.is_compared)
        print_drift (&verdict);
    }
  if (done)
    return answer (&verdict, error);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

const CliCommand migrate_validate_command = {
  .name = "validate",
  .summary = "Hold files against the history, and the database against what the files make",
  .description
  = "Two questions. Do the files agree with the history: is none changed, missing or late? And is the\n"
    "schema the one that the applied files make? They are run again, from the first on, in a scratch\n"
    "cluster of the server's major version, and the two schemas are compared object by object: tables\n"
    "with their columns, indexes, constraints, functions, views, triggers, policies, types, grants.\n"
    "What differs is drift: it is shown with both definitions, and the exit code is 1.\n\n"
    "Where that version's programs are missing, a scratch database on the server does; not in protected\n"
    "environments unless --on-server says so. Objects in migrations.ignore, pgkeel's own and the history\n"
    "tables of other tools are left out. Nothing is written to the database.",
  .example = "pgkeel migrate validate",
  .options = validate_options,
  .run = run_validate,
};
