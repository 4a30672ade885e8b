/*
 * pgkeel guard run: the environment lock in front of any command.
 */
#include "base/foreground.h"
#include "cli/cmds.h"
#include "cli/env_lock.h"
#include "cli/output.h"
#include "guard/mask.h"
#include "project/audit.h"
#include "project/incident.h"

#include <string.h>
#include <sys/wait.h>

/* As shells say it. */
#define EXIT_NOT_FOUND 127
#define EXIT_CANNOT_RUN 126

static int option_set_url;
static int option_no_proof;
static int option_dry_run;
static char *option_authorise;

typedef struct
{
  CliContext *context;
  Project *project;
  LockLook look;
  char *line; /* the command, secrets masked */
} GuardRun;

static void
guard_run_clear (GuardRun *run)
{
  lock_look_clear (&run->look);
  g_free (run->line);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardRun, guard_run_clear)

/* --- the audit log -------------------------------------------------------------------------------- */

static json_t *
rules_of (const EnvLockVerdict *verdict, EnvLockLevel level)
{
  json_t *rules = json_array ();
  for (guint i = 0; i < verdict->rows->len; i++)
    {
      const EnvLockRow *row = verdict->rows->pdata[i];
      if (row->level == level)
        json_array_append_new (rules, json_string (row->rule));
    }
  return rules;
}

static json_t *
details_of (const GuardRun *run)
{
  const EnvLockFacts *facts = &run->look.gathered.facts;
  const EnvLockVerdict *verdict = &run->look.verdict;
  return json_pack (
      "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "command", output_json_string (run->line),
      "decision", verdict->refused > 0 ? "refused" : "run", "chosen_by",
      output_json_string (facts->chosen_reason), "target", output_json_string (facts->target.shown),
      "authorised", output_json_string (facts->authorised), "refused",
      rules_of (verdict, ENV_LOCK_REFUSED), "warnings", rules_of (verdict, ENV_LOCK_WARNING),
      "no_proof", (int) facts->proof.is_waived, "set_url", (int) (option_set_url != 0));
}

/* The refusal is what matters: that it could not be written down is a warning. */
static void
audit_refusal (const GuardRun *run, const GError *refusal)
{
  g_autoptr (json_t) details = details_of (run);
  g_autoptr (GError) problem = NULL;
  json_object_set_new (details, "decision", json_string ("refused"));
  json_object_set_new (details, "error", output_json_string (refusal->message));
  if (!audit_write (run->project, "guard run", "refused", details, &problem))
    report_warning (&run->context->report, "the refusal could not be written to the audit log",
                    problem->message);
}

static bool
audit_outcome (const GuardRun *run, int64_t began_us, const GError *problem, GError **error)
{
  int status = run->context->child_status;
  bool is_good = problem == NULL && WIFEXITED (status) && WEXITSTATUS (status) == 0;
  g_autoptr (json_t) details
      = json_pack ("{s:o, s:i, s:o, s:I}", "command", output_json_string (run->line), "exit_code",
                   foreground_exit_code (status), "signal",
                   WIFSIGNALED (status) ? json_integer (WTERMSIG (status)) : json_null (),
                   "elapsed_ms", (json_int_t) (g_get_monotonic_time () - began_us) / 1000);
  if (problem != NULL)
    json_object_set_new (details, "error", output_json_string (problem->message));
  return audit_write (run->project, "guard run", is_good ? "done" : "failed", details, error);
}

/* --- running -------------------------------------------------------------------------------------- */

static void
show_warnings (const GuardRun *run)
{
  const EnvLockVerdict *verdict = &run->look.verdict;
  for (guint i = 0; i < verdict->rows->len; i++)
    {
      const EnvLockRow *row = verdict->rows->pdata[i];
      if (row->level != ENV_LOCK_WARNING)
        continue;
      g_autofree char *text = g_strdup_printf ("%s: %s", row->subject, row->text);
      report_warning (&run->context->report, text, row->hint);
    }
}

/* What it ends with is what we end with, whether or not that can be written down. */
static bool
run_command (const GuardRun *run, char **argv, GError **error)
{
  CliContext *context = run->context;
  g_autoptr (GError) problem = NULL;
  g_autoptr (GError) unlogged = NULL;
  int64_t began_us = g_get_monotonic_time ();
  if (!foreground_run ((const char *const *) argv, run->look.environment, &context->child_status,
                       &problem))
    context->child_status = W_EXITCODE (
        keel_error_is (problem, KEEL_ERROR_MISSING) ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, 0);
  context->has_child = !keel_error_is (problem, KEEL_ERROR_CANCELLED);
  if (!audit_outcome (run, began_us, problem, &unlogged))
    report_warning (&context->report, "what came of it could not be written to the audit log",
                    unlogged->message);
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return *error == NULL;
}

static bool
allow (const GuardRun *run, GError **error)
{
  g_autofree char *action = g_strdup_printf ("“%s” is not run", run->line);
  g_autofree char *incident_action = g_strdup_printf ("guard run: %s", run->line);
  g_autoptr (GError) refusal = NULL;
  bool has_leave = run->look.gathered.facts.leave != NULL;
  if (env_lock_check (&run->look.verdict, action, &refusal)
      && (has_leave || incident_check_none (run->project, incident_action, &refusal)))
    return true;
  audit_refusal (run, refusal);
  g_propagate_error (error, g_steal_pointer (&refusal));
  return false;
}

static bool
show_only (const GuardRun *run, GError **error)
{
  const EnvLockVerdict *verdict = &run->look.verdict;
  g_autofree char *action = g_strdup_printf ("“%s” would not be run", run->line);
  if (run->context->json)
    {
      json_t *object = lock_json (&run->look);
      json_object_set_new (object, "command", output_json_string (run->line));
      json_object_set_new (object, "would_run", json_boolean (verdict->refused == 0));
      output_json (object);
    }
  else
    {
      lock_print (&run->look);
      if (verdict->refused == 0)
        output_line ("would run for %s: %s", run->project->environment->name, run->line);
    }
  return env_lock_check (verdict, action, error);
}

static bool
run_guarded (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_auto (GuardRun) run = { .context = context, .line = mask_line (argv) };
  const LockAsk ask = { .authorised = option_authorise,
                        .set_url = option_set_url != 0,
                        .no_proof = option_no_proof != 0,
                        .argv = argv,
                        .wants_proof = option_dry_run != 0 };
  if (context->json && !option_dry_run)
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Standard output is the command's: give --json to the command itself, or "
                       "--dry-run to see the verdict.",
                       "“pgkeel guard run” does not write JSON");
  if (!context_project (context, &run.project, error)
      || !lock_look (run.project, &ask, &run.look, error))
    return false;
  if (option_dry_run)
    return show_only (&run, error);
  if (!allow (&run, error))
    return false;
  show_warnings (&run);
  g_autoptr (json_t) details = details_of (&run);
  return audit_write (run.project, "guard run", "intent", details, error)
         && run_command (&run, argv, error);
}

static const GOptionEntry run_options[] = {
  { "set-url", 0, 0, G_OPTION_ARG_NONE, &option_set_url,
    "Give the command the environment's own URL: DATABASE_URL, PGHOST and so on", NULL },
  { "no-proof", 0, 0, G_OPTION_ARG_NONE, &option_no_proof,
    "Go on without a proven backup that is young enough", NULL },
  { "authorise", 0, 0, G_OPTION_ARG_STRING, &option_authorise,
    "Authorise this one command for a protected environment: its name", "ENV" },
  { "dry-run", 0, 0, G_OPTION_ARG_NONE, &option_dry_run,
    "Show what was found, and whether the command would run", NULL },
  { 0 },
};

const CliCommand guard_run_command = {
  .name = "run",
  .arguments = "PROGRAM...",
  .min_arguments = 1,
  .max_arguments = -1,
  .stops_at_argument = true,
  .summary = "Run a command only where its variables lead to the right database",
  .description
  = "Looks at every variable and .env file that names a database, asks each one who it is, and refuses with exit "
    "code 3 when they, the chosen environment and LEDGER_ENV do not agree. For a protected environment somebody "
    "must have authorised it, and a proven backup must be younger than guard.proof_max_age. Then the command runs "
    "in the foreground: terminal, standard input, signals and exit code are its own. The audit log has a line "
    "before and one after.\n"
    "\n"
    "Exit code: the command's; 128 and the signal's number when it was killed; 127 when there is no such program, 126 "
    "when it cannot be run. What pgkeel itself has to say begins with “pgkeel: ” on standard error, and only "
    "then 2 to 6 are pgkeel's own.",
  .example = "pgkeel -e production guard run --authorise production -- manage.py migrate",
  .options = run_options,
  .run = run_guarded,
};
