/*
 * pgkeel guard status: whether the Docker Engine really consults the plugin.
 */
#include "cli/cmds.h"
#include "cli/output.h"
#include "guard/status.h"

static char *name_text, *docker_text;

static json_t *
plugins_json (char *const *plugins)
{
  if (plugins == NULL)
    return json_null ();
  json_t *array = json_array ();
  for (char *const *name = plugins; *name != NULL; name++)
    json_array_append_new (array, output_json_string (*name));
  return array;
}

static json_t *
count_json (int64_t count)
{
  return count >= 0 ? json_integer (count) : json_null ();
}

static json_t *
plugin_json (const GuardStatus *status)
{
  const GuardProbe *answer = &status->answer;
  if (!status->is_guarded)
    return json_null ();
  return json_pack ("{s:o, s:o, s:o, s:o, s:o}", "name", output_json_string (status->plugin),
                    "version", output_json_string (answer->version), "volumes",
                    count_json (answer->volumes), "guarded_volumes", count_json (answer->guarded),
                    "unreadable_volumes", count_json (answer->unreadable));
}

static json_t *
status_json (const GuardStatus *status)
{
  return json_pack ("{s:b, s:{s:o, s:o}, s:o, s:o, s:o, s:o}", "guarded", (int) status->is_guarded,
                    "engine", "host", output_json_string (status->host), "version",
                    output_json_string (status->version), "authorization_plugins",
                    plugins_json (status->plugins), "plugin", plugin_json (status), "problem",
                    output_json_string (status->problem), "change",
                    output_json_string (status->change));
}

static void
print_plugin (OutputTable *pairs, const GuardStatus *status)
{
  const GuardProbe *answer = &status->answer;
  output_pair (pairs, "answered", "by “%s”, pgkeel %s",
               status->plugin != NULL ? status->plugin : "?",
               answer->version != NULL ? answer->version : "?");
  if (answer->volumes >= 0)
    output_pair (pairs, "volumes", "%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " protected",
                 answer->volumes, answer->guarded);
}

static void
print_status (const GuardStatus *status)
{
  g_autoptr (OutputTable) pairs = output_pairs_new ();
  output_pair (pairs, "guarded", "%s", status->is_guarded ? "yes" : "NO");
  output_table_style (pairs, 1, status->is_guarded ? OUTPUT_GOOD : OUTPUT_BAD);
  output_pair (pairs, "engine", "%s%s%s", status->host, status->version != NULL ? ", version " : "",
               status->version != NULL ? status->version : "");
  if (status->plugins != NULL)
    {
      g_autofree char *names = g_strjoinv (", ", status->plugins);
      output_pair (pairs, "plugins", "%s", *names != '\0' ? names : "none");
    }
  if (status->is_guarded)
    print_plugin (pairs, status);
  output_table_print (pairs);
}

static bool
run_status (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (GuardStatus) status = { 0 };
  report_step (&context->report, "asking the Docker Engine");
  if (!guard_status_read (docker_text, name_text != NULL ? name_text : "pgkeel", &status, error))
    return false;
  if (context->json)
    output_json (status_json (&status));
  else
    print_status (&status);
  if (!status.is_guarded)
    return keel_error (error, KEEL_ERROR_ANSWER_NO, status.change, "%s", status.problem);
  if (status.problem != NULL)
    report_warning (&context->report, status.problem, status.change);
  return true;
}

static const GOptionEntry status_options[] = {
  { "name", 0, 0, G_OPTION_ARG_STRING, &name_text, "The plugin's name (default: pgkeel)", "NAME" },
  { "docker", 0, 0, G_OPTION_ARG_STRING, &docker_text,
    "The Engine (default: DOCKER_HOST, or the usual socket)", "HOST" },
  { NULL },
};

const CliCommand guard_status_command = {
  .summary = "Say whether the Docker Engine really consults the plugin",
  .description
  = "Asks the Engine for its version, with a question in it that only pgkeel's plugin answers: no process, "
    "socket or configuration file is believed. Exit code 0 when the plugin answered, 1 when it did not, 4 "
    "when the Engine cannot be reached. When the plugin is dead, the Engine takes half a minute to say so.",
  .example = "pgkeel guard status",
  .options = status_options,
  .run = run_status,
};
