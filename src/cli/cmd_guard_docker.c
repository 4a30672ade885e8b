/*
 * pgkeel guard docker, and ledger_docker: docker itself, but for what the guard refuses.
 *
 * Nothing is run before everything has been looked at; then this process becomes docker, so that its exit code, its
 * terminal, its input and its signals are docker's own.
 */
#include "base/process.h"
#include "base/text.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/guard_notice.h"
#include "cli/guard_proof.h"
#include "guard/expand.h"
#include "guard/production.h"
#include "guard/real_docker.h"
#include "guard/release.h"
#include "guard/status.h"
#include "project/audit.h"
#include "project/environment.h"
#include "project/incident.h"

#include <string.h>

#define AUTHORISE_HOW "put --authorise production before docker's own words."

/* One command line, and what is known about it. */
typedef struct
{
  CliContext *context;
  char **words;           /* docker's, as given */
  const char *authorised; /* what --authorise said; NULL */
  Project *project; /* NULL: pgkeel.yaml cannot be read, which does not matter to what only reads */
  char *docker;     /* the real one; NULL: there is none, which does not matter to docker-compose */
  GuardCommand command;
  GuardEndpoint endpoint;
  ComposeProject compose;
  GuardPolicy *policy;
  GuardEngine *engine;
  enum
  {
    PLUGIN_UNKNOWN = 0,
    PLUGIN_IS_THERE,
    PLUGIN_IS_NOT,
  } plugin;
} Call;

static void
call_clear (Call *call)
{
  g_free (call->docker);
  guard_command_clear (&call->command);
  guard_endpoint_clear (&call->endpoint);
  compose_project_clear (&call->compose);
  guard_policy_free (call->policy);
  guard_engine_free (call->engine);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Call, call_clear)

static bool
uses_files (const Call *call)
{
  return call->command.is_compose || *call->command.files != NULL;
}

/* --- what the command line leaves open ---------------------------------------------------------- */

/* A .env file can send docker-compose 1.x to another Engine than docker. */
static void
note_other_engine (Call *call)
{
  static const char *const names[] = { "DOCKER_HOST", "DOCKER_CONTEXT" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *value = g_environ_getenv (call->compose.variables, names[i]);
      if (value != NULL && g_getenv (names[i]) == NULL && call->command.host == NULL
          && call->command.context == NULL && call->endpoint.problem == NULL)
        call->endpoint.problem
            = g_strdup_printf ("%s stands in .env, which not every compose follows", names[i]);
    }
}

static void
read_call (Call *call)
{
  g_autofree char *folder = g_get_current_dir ();
  guard_arguments_read (GUARD_PROGRAM_DOCKER, call->words, folder, &call->command);
  if (call->command.is_reading)
    return;
  guard_endpoint_find (&call->command, &call->endpoint);
  if (!uses_files (call))
    return;
  compose_project_read (&call->command, folder, &call->compose);
  note_other_engine (call);
}

/* The API that this client speaks with this Engine, as it says itself; an old one prunes named volumes, too. */
static bool
prune_takes_named (const Call *call)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_auto (ProcessResult) result = { 0 };
  const char *const options[][2] = { { "--config", call->command.config },
                                     { "--context", call->command.context },
                                     { "--host", call->command.host } };
  if (call->docker == NULL)
    return true;
  g_ptr_array_add (argv, call->docker);
  for (size_t i = 0; i < G_N_ELEMENTS (options); i++)
    if (options[i][1] != NULL)
      {
        g_ptr_array_add (argv, (char *) options[i][0]);
        g_ptr_array_add (argv, (char *) options[i][1]);
      }
  g_ptr_array_add (argv, "version");
  g_ptr_array_add (argv, "--format");
  g_ptr_array_add (argv, "{{.Client.APIVersion}}");
  g_ptr_array_add (argv, NULL);
  const ProcessSpec spec = { .argv = (const char *const *) argv->pdata };
  if (!process_run_ok (&spec, &result, &error))
    return true;
  return guard_api_prunes_named (result.output);
}

/* --- judgement ---------------------------------------------------------------------------------- */

/* Processes in containers touch no files of volumes that the guard would have to look at. */
static bool
looks_at_volumes (const Call *call)
{
  for (guint i = 0; i < call->command.operations->len; i++)
    {
      const GuardOperation *operation = call->command.operations->pdata[i];
      if (operation->act != GUARD_CONTAINER_EXEC)
        return true;
    }
  return call->command.operations->len == 0;
}

static bool
open_guard (Call *call, GError **error)
{
  g_autofree char *releases = guard_release_folder ();
  call->policy = guard_policy_new (&call->project->guard, releases);
  if (!guard_endpoint_open (&call->endpoint, &call->engine, error))
    return false;
  if (looks_at_volumes (call))
    guard_policy_set_remote (call->policy, !guard_endpoint_is_here (&call->endpoint, call->engine));
  return true;
}

static bool
plugin_decides (Call *call)
{
  g_auto (GuardStatus) status = { 0 };
  if (call->plugin == PLUGIN_UNKNOWN)
    call->plugin = call->endpoint.problem == NULL
                           && guard_status_read (call->endpoint.host, "pgkeel", &status, NULL)
                           && status.is_guarded
                       ? PLUGIN_IS_THERE
                       : PLUGIN_IS_NOT;
  return call->plugin == PLUGIN_IS_THERE;
}

/* What is known about the volume at stake: one line, caller frees. */
static char *
describe_volume (Call *call, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GuardVolume) volume = NULL;
  g_autoptr (GPtrArray) backups = NULL;
  g_autoptr (GuardProof) proof = NULL;
  if (!guard_volume_read (call->policy, call->engine, name, &volume, &error))
    return g_strdup_printf ("volume: %s (%s)", name, error->message);
  if (volume == NULL)
    return g_strdup_printf ("volume: %s", name);
  if (!guard_backups_read (call->project, &backups, &error))
    return g_strdup_printf ("volume: %s\nlast proven backup: cannot be found out: %s", name,
                            error->message);
  proof = guard_proof_of_volume (call->project, backups, volume);
  g_autofree char *size = proof->has_size
                              ? g_format_size_full (proof->size_bytes, G_FORMAT_SIZE_IEC_UNITS)
                              : g_strdup ("size not known");
  g_autofree char *says = guard_proof_describe (proof);
  return g_strdup_printf ("volume: %s, %s\nlast proven backup: %s", name, size, says);
}

static bool
refuse (Call *call, const GuardOperation *operation, const GuardVerdict *verdict, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (GString) detail = g_string_new ("command: ");
  g_string_append (detail, operation->given);
  if (verdict->volume != NULL)
    {
      g_autofree char *volume = describe_volume (call, verdict->volume);
      g_string_append_printf (detail, "\n%s", volume);
    }
  if (!guard_notice_write (call->project, operation, verdict, true, &problem))
    g_string_append_printf (detail, "\nit could not be logged: %s", problem->message);
  else if (verdict->is_attempt)
    g_string_append (
        detail, "\nthis is an incident: until it is closed (pgkeel incident list), nothing that "
                "destroys is let through");
  return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, detail->str, verdict->hint,
                          "refused: %s", verdict->reason);
}

/* What it would do could not be found out. */
static bool
refuse_unknown (const Call *call, const GError *cause, GError **error)
{
  g_autofree char *detail = g_strconcat ("command: ", call->command.given, NULL);
  g_autoptr (json_t) details = json_pack ("{s:s, s:s, s:s}", "rule", "unknown", "request",
                                          call->command.given, "reason", cause->message);
  if (!audit_write (call->project, "guard", "refused", details, NULL))
    g_debug ("the refusal could not be logged");
  return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, detail, keel_error_hint (cause),
                          "refused: it cannot be found out what this would destroy: %s",
                          cause->message);
}

static bool
complete_command (Call *call, GError **error)
{
  const GuardExpansion expansion = {
    .project = call->command.is_compose ? &call->compose : NULL,
    .engine = call->engine,
    .prune_takes_named = guard_expand_wants_api (&call->command) && prune_takes_named (call),
  };
  g_autoptr (GError) problem = NULL;
  return guard_expand (&call->command, &expansion, &problem)
         || refuse_unknown (call, problem, error);
}

/* A release is used up only once nothing else stands in the way, and by the plugin where there is one. */
static bool
judge_all (Call *call, bool take_releases, GError **error)
{
  const GPtrArray *operations = call->command.operations;
  for (guint i = 0; i < operations->len; i++)
    {
      const GuardOperation *operation = operations->pdata[i];
      g_auto (GuardVerdict) verdict = { 0 };
      guard_judge (call->policy, call->engine, operation,
                   take_releases && call->plugin != PLUGIN_IS_THERE, &verdict);
      if (!verdict.is_allowed)
        {
          /* The plugin sees files that we may not look at. */
          if (!verdict.is_attempt && plugin_decides (call))
            continue;
          return refuse (call, operation, &verdict, error);
        }
      if (!verdict.is_released)
        continue;
      if (!plugin_decides (call) && take_releases
          && !guard_notice_write (call->project, operation, &verdict, true, error))
        return false;
    }
  return true;
}

static bool
takes_volumes (const Call *call)
{
  for (guint i = 0; i < call->command.operations->len; i++)
    {
      const GuardOperation *operation = call->command.operations->pdata[i];
      if (operation->act == GUARD_VOLUME_REMOVE || operation->act == GUARD_VOLUME_PRUNE
          || operation->act == GUARD_COMPOSE_DOWN
          || (operation->act == GUARD_CONTAINER_REMOVE && operation->removes_volumes))
        return true;
    }
  return false;
}

/* While an incident is open nothing that takes volumes away is let through, protected or not. */
static bool
check_incidents (const Call *call, GError **error)
{
  g_autofree char *action = g_strconcat ("docker ", call->command.command, NULL);
  return !takes_volumes (call) || incident_check_none (call->project, action, error);
}

/* --- production --------------------------------------------------------------------------------- */

/* What says that this is about production; caller frees. NULL: nothing does. */
static char *
find_production (const Call *call)
{
  const Project *project = call->project;
  const GuardSetting setting = {
    .command = &call->command,
    .endpoint = &call->endpoint,
    .compose = uses_files (call) ? &call->compose : NULL,
    .patterns = (const char *const *) project->guard.production,
  };
  char *evidence = guard_production_evidence (&setting);
  if (evidence != NULL || strcmp (project->environment->name, "production") != 0)
    return evidence;
  return g_strdup_printf ("the environment “production” (%s)", project->environment_reason);
}

/* Asks, unless --authorise has already said it. */
static bool
confirm_production (const Call *call, const char *evidence, GError **error)
{
  CliContext *context = call->context;
  g_autoptr (GError) problem = NULL;
  g_autofree char *what
      = g_strdup_printf ("run “%s” in production (%s)", call->command.given, evidence);
  if (call->authorised != NULL)
    context->confirm = call->authorised;
  if (confirm (context,
               &(ConfirmRequest){
                   .operation = DESTRUCTIVE_GUARD_DOCKER, .what = what, .name = "production" },
               &problem))
    return true;
  if (keel_error_is (problem, KEEL_ERROR_CANCELLED) || keel_error_hint (problem) == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  return keel_error (error, KEEL_ERROR_REFUSED, "Run it on a terminal, or " AUTHORISE_HOW, "%s",
                     problem->message);
}

static bool
check_production (const Call *call, GError **error)
{
  if (call->command.is_reading)
    return true;
  g_autofree char *evidence = find_production (call);
  if (evidence == NULL || confirm_production (call, evidence, error))
    return true;
  g_autoptr (json_t) details
      = json_pack ("{s:s, s:s, s:s, s:o}", "rule", "production", "request", call->command.given,
                   "reason", evidence, "confirmed", confirm_json (call->context));
  if (!audit_write (call->project, "guard", "refused", details, NULL))
    g_debug ("the refusal could not be logged");
  return false;
}

/* --- the log ------------------------------------------------------------------------------------ */

/* Every command, where there is a project whose log it belongs in. Only what takes volumes is stopped by a log that
 * cannot be written. */
static bool
log_command (const Call *call, GError **error)
{
  if (call->project == NULL || call->project->file == NULL)
    return true;
  g_autoptr (GError) problem = NULL;
  g_autoptr (json_t) details
      = json_pack ("{s:s, s:b, s:s?, s:o, s:s?}", "request", call->command.given, "reads",
                   (int) call->command.is_reading, "authorised", call->authorised, "confirmed",
                   confirm_json (call->context), "engine", call->endpoint.origin);
  if (audit_write (call->project, "docker", "note", details, &problem))
    return true;
  if (takes_volumes (call))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  if (!call->command.is_reading)
    report_warning (&call->context->report, problem->message, keel_error_hint (problem));
  return true;
}

/* --- becoming docker ---------------------------------------------------------------------------- */

/* Whether DOCKER knows compose by itself. */
static bool
has_compose (const Call *call)
{
  g_auto (ProcessResult) result = { 0 };
  const char *const plain[] = { call->docker, "compose", "version", NULL };
  const char *const configured[]
      = { call->docker, "--config", call->command.config, "compose", "version", NULL };
  const ProcessSpec spec = { .argv = call->command.config != NULL ? configured : plain };
  return call->docker != NULL && process_run (&spec, &result, NULL) && result.exit_code == 0;
}

/* docker-compose of its own, when docker has none. */
static bool
exec_standalone (const Call *call, const char *path, GError **error)
{
  g_autofree char *config = NULL;
  g_autoptr (GPtrArray) words = guard_arguments_for_compose (call->words, &config);
  g_ptr_array_insert (words, 0, g_strdup ("docker-compose"));
  if (config != NULL)
    g_setenv ("DOCKER_CONFIG", config, TRUE);
  return real_docker_exec (path, (char *const *) words->pdata, error);
}

static bool
become_docker (Call *call, GError **error)
{
  g_autofree char *standalone = NULL;
  g_clear_pointer (&call->engine, guard_engine_free);
  if (call->command.is_compose && real_docker_find ("docker-compose", &standalone, NULL)
      && !has_compose (call))
    return exec_standalone (call, standalone, error);
  if (call->docker == NULL)
    return real_docker_find ("docker", &call->docker, error)
           && real_docker_exec (call->docker, call->words, error);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, "docker");
  for (char **word = call->words; *word != NULL; word++)
    g_ptr_array_add (argv, *word);
  g_ptr_array_add (argv, NULL);
  return real_docker_exec (call->docker, (char *const *) argv->pdata, error);
}

/* --- all of it ---------------------------------------------------------------------------------- */

static bool
check_call (Call *call, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (!context_project (call->context, &call->project, &problem))
    {
      call->project = NULL;
      if (call->command.is_reading)
        return true;
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "whether docker may do this is not known");
    }
  bool is_guarded = guard_command_is_guarded (&call->command);
  if (is_guarded
      && (!open_guard (call, error) || !complete_command (call, error)
          || !judge_all (call, false, error) || !check_incidents (call, error)))
    return false;
  return check_production (call, error) && (!is_guarded || judge_all (call, true, error))
         && log_command (call, error);
}

/* --authorise in front of docker's words; moves *WORDS past it. */
static bool
take_authorisation (char ***words, const char **ret_authorised, GError **error)
{
  static const char name[] = "--authorise";
  const char *value = NULL;
  if (**words != NULL && g_str_has_prefix (**words, "--authorise="))
    value = *(*words)++ + strlen (name) + 1;
  else if (g_strcmp0 (**words, name) == 0)
    {
      (*words)++;
      value = **words != NULL ? *(*words)++ : "";
    }
  if (value == NULL)
    return true;
  g_autofree char *environment = environment_canonical (value);
  if (strcmp (environment, "production") != 0)
    return keel_error (error, KEEL_ERROR_USAGE, "Only production needs it: " AUTHORISE_HOW,
                       "--authorise takes “production”, not “%s”", value);
  *ret_authorised = "production";
  return true;
}

static bool
run_docker (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (Call) call = { .context = context, .words = argv };
  g_autoptr (GError) missing = NULL;
  if (!take_authorisation (&call.words, &call.authorised, error))
    return false;
  read_call (&call);
  if (!real_docker_find ("docker", &call.docker, &missing)
      && !keel_error_is (missing, KEEL_ERROR_MISSING))
    {
      g_propagate_error (error, g_steal_pointer (&missing));
      return false;
    }
  return check_call (&call, error) && become_docker (&call, error);
}

static char *authorise_text;
static const GOptionEntry docker_options[] = {
  { "authorise", 0, 0, G_OPTION_ARG_STRING, &authorise_text,
    "Before docker's words: what changes production may be run", "production" },
  { NULL },
};

const CliCommand guard_docker_command = {
  .arguments = "WORD...",
  .max_arguments = -1,
  .takes_words = true,
  .summary = "Run docker, unless it would destroy a protected volume",
  .description
  = "Everything after it is docker's. What the guard refuses ends with exit code 3 and says why, "
    "which volume, its size, its last proven backup and what to do instead; everything else "
    "becomes docker, with its exit code, terminal and signals. Called as ledger_docker or "
    "pgkeel-docker, the program is this command; alias docker=ledger_docker makes it yours. "
    "PGKEEL_DOCKER names the real docker.",
  .example = "pgkeel guard docker compose down",
  .options = docker_options,
  .run = run_docker,
};
