/*
 * pgkeel incident: what happened that must not be passed over, and why it could be closed.
 */
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/emergency.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "project/audit.h"
#include "project/who.h"

#include <string.h>

static char *option_subject;
static char *option_reason;
static int option_all;

static const char *
text_of (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text != NULL ? text : "";
}

static bool
is_blank (const char *text)
{
  g_autofree char *copy = g_strdup (text);
  return *g_strstrip (copy) == '\0';
}

/* --- open ------------------------------------------------------------------------------------ */

static bool
run_open (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  Project *project = NULL;
  g_autofree char *id = NULL;
  bool is_new;
  const IncidentSpec spec
      = { INCIDENT_MANUAL, option_subject != NULL ? option_subject : argv[0], argv[0], NULL };
  if (is_blank (argv[0]))
    return keel_error (error, KEEL_ERROR_USAGE, "Say in one line what happened.",
                       "an incident needs a summary");
  if (!context_project (context, &project, error)
      || !incident_open (project, &spec, &id, &is_new, error))
    return false;
  if (is_new)
    emergency_respond_or_warn (context, id);
  if (context->json)
    output_json (json_pack ("{s:s, s:b}", "id", id, "is_new", (int) is_new));
  else if (is_new)
    output_line ("opened %s; commands that destroy are refused in %s until it is closed", id,
                 project->environment->name);
  else
    output_line ("added to %s, which is still open", id);
  return true;
}

/* --- close ----------------------------------------------------------------------------------- */

static bool
close_allowed (CliContext *context, const char *id, GError **error)
{
  const Project *project = context->project;
  g_autoptr (GError) problem = NULL;
  g_autofree char *what = g_strdup_printf ("close the incident %s", id);
  const ConfirmRequest request
      = { .operation = DESTRUCTIVE_INCIDENT_CLOSE, .what = what, .name = id };
  if (project_check_authorised (project, &problem) && confirm (context, &request, &problem))
    return true;
  g_autoptr (json_t) details = json_pack ("{s:s, s:s}", "incident", id, "error", problem->message);
  bool is_logged = audit_write (project, "incident close", "refused", details, error);
  if (is_logged)
    g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
run_close (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  Project *project = NULL;
  if (option_reason == NULL || is_blank (option_reason))
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Say with --reason what it was, and why it is safe to go on.",
                       "an incident is closed with a written reason");
  if (!context_project (context, &project, error) || !close_allowed (context, argv[0], error)
      || !incident_close (project, argv[0], option_reason, error))
    return false;
  incident_notify (context, argv[0], "closed", NULL);
  if (context->json)
    output_json (json_pack ("{s:s, s:b}", "id", argv[0], "closed", 1));
  else
    output_line ("closed %s", argv[0]);
  return true;
}

/* --- respond --------------------------------------------------------------------------------- */

static bool
run_respond (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_autofree char *backup = NULL;
  if (!emergency_respond (context, argv[0], EMERGENCY_PATIENCE_ALONE_S, &backup, error))
    return false;
  if (context->json)
    output_json (
        json_pack ("{s:s, s:o}", "id", argv[0], "emergency_backup", output_json_string (backup)));
  else if (backup != NULL)
    output_line ("%s: emergency backup %s", argv[0], backup);
  else
    output_line ("%s: no emergency backup is wanted", argv[0]);
  return true;
}

/* --- list ------------------------------------------------------------------------------------ */

static json_t *
incident_json (const Incident *incident)
{
  return json_pack (
      "{s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:I, s:o}", "id", incident->id, "environment",
      output_json_string (incident->environment), "kind", output_json_string (incident->kind),
      "subject", output_json_string (incident->subject), "summary",
      output_json_string (incident->summary), "is_open", (int) incident->is_open, "opened",
      output_json_string (incident->opened), "closed", output_json_string (incident->closed),
      "reason", output_json_string (incident->reason), "events", (json_int_t) incident->event_count,
      "problem", output_json_string (incident->problem));
}

static void
print_list (const GPtrArray *incidents)
{
  static const OutputColumn columns[]
      = { { "ID" },      { "STATE" },        { "ENVIRONMENT" }, { "OPENED" }, { "KIND" },
          { "SUBJECT" }, { "EVENTS", true }, { "SUMMARY" },     { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < incidents->len; i++)
    {
      const Incident *incident = incidents->pdata[i];
      g_autofree char *count = g_strdup_printf ("%" G_GUINT64_FORMAT, incident->event_count);
      output_table_row (table, incident->id, incident->is_open ? "open" : "closed",
                        incident->environment, incident->opened, incident->kind, incident->subject,
                        count, incident->problem != NULL ? incident->problem : incident->summary);
      if (incident->is_open)
        output_table_style (table, 1, OUTPUT_BAD);
    }
  output_table_print (table);
}

static bool
run_list (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  Project *project = NULL;
  g_autoptr (GPtrArray) incidents = NULL;
  if (!context_project (context, &project, error)
      || !incident_list (project, option_all, &incidents, error))
    return false;
  if (context->json)
    {
      json_t *array = json_array ();
      for (guint i = 0; i < incidents->len; i++)
        json_array_append_new (array, incident_json (incidents->pdata[i]));
      output_json (json_pack ("{s:o}", "incidents", array));
    }
  else if (incidents->len == 0)
    output_line (option_all ? "no incidents" : "no incident is open");
  else
    print_list (incidents);
  return true;
}

/* --- show ------------------------------------------------------------------------------------ */

static void
pair_if_known (OutputTable *table, const char *name, const char *value)
{
  if (value != NULL)
    output_pair (table, name, "%s", value);
}

static void
print_timeline (const json_t *timeline)
{
  static const OutputColumn columns[]
      = { { "TIME" }, { "EVENT" }, { "WHO" }, { "SUMMARY" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  size_t i;
  json_t *entry;
  json_array_foreach (timeline, i, entry)
    {
      g_autofree char *who = who_describe (json_object_get (entry, "who"));
      output_table_row (table, text_of (entry, "time"), text_of (entry, "event"), who,
                        text_of (entry, "summary"));
    }
  output_table_print (table);
}

static void
print_incident (const Incident *incident)
{
  g_autoptr (OutputTable) pairs = output_pairs_new ();
  output_pair (pairs, "incident", "%s", incident->id);
  output_pair (pairs, "state", "%s", incident->is_open ? "open" : "closed");
  pair_if_known (pairs, "environment", incident->environment);
  pair_if_known (pairs, "kind", incident->kind);
  pair_if_known (pairs, "subject", incident->subject);
  pair_if_known (pairs, "summary", incident->summary);
  pair_if_known (pairs, "opened", incident->opened);
  pair_if_known (pairs, "closed", incident->closed);
  pair_if_known (pairs, "reason", incident->reason);
  pair_if_known (pairs, "problem", incident->problem);
  output_pair (pairs, "events", "%" G_GUINT64_FORMAT, incident->event_count);
  output_table_print (pairs);
  if (incident->document == NULL)
    return;
  output_line ("%s", "");
  print_timeline (json_object_get (incident->document, "timeline"));
}

static bool
run_show (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  Project *project = NULL;
  g_autoptr (Incident) incident = NULL;
  if (!context_project (context, &project, error)
      || !incident_read (project, argv[0], &incident, error))
    return false;
  if (!context->json)
    {
      print_incident (incident);
      return true;
    }
  json_t *object = incident_json (incident);
  if (object != NULL && incident->document != NULL)
    json_object_set (object, "timeline", json_object_get (incident->document, "timeline"));
  output_json (object);
  return true;
}

/* --- report ---------------------------------------------------------------------------------- */

/* TEXT as Markdown that shows it as it is. */
static void
append_text (GString *out, const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    {
      if (strchr ("\\`*_[]<>#|&", *c) != NULL)
        g_string_append_c (out, '\\');
      g_string_append_c (out, *c);
    }
}

static void
append_fact (GString *out, const char *name, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_printf (out, "- %s: ", name);
  append_text (out, value);
  g_string_append_c (out, '\n');
}

/* Indented, so that nothing in it can end the block. */
static void
append_evidence (GString *out, const json_t *evidence)
{
  g_autofree char *dumped = json_dumps (evidence, JSON_INDENT (2));
  g_auto (GStrv) lines = g_strsplit (dumped != NULL ? dumped : "", "\n", -1);
  g_string_append_c (out, '\n');
  for (size_t i = 0; lines[i] != NULL; i++)
    g_string_append_printf (out, "    %s\n", lines[i]);
}

static void
append_timeline (GString *out, const json_t *timeline)
{
  size_t i;
  json_t *entry;
  g_string_append (out, "\n## Timeline\n");
  json_array_foreach (timeline, i, entry)
    {
      const json_t *evidence = json_object_get (entry, "evidence");
      g_autofree char *who = who_describe (json_object_get (entry, "who"));
      g_string_append_printf (out, "\n### %s %s\n\n", text_of (entry, "time"),
                              text_of (entry, "event"));
      append_text (out, text_of (entry, "summary"));
      g_string_append (out, " (");
      append_text (out, who);
      g_string_append (out, ")\n");
      if (evidence != NULL)
        append_evidence (out, evidence);
    }
}

/* Events that were not kept: the first and the last of a kind are (docs/incidents.md). */
static void
append_omitted (GString *out, json_t *omitted)
{
  const char *event;
  json_t *count;
  json_object_foreach (omitted, event, count)
    {
      g_string_append_printf (out, "\nNot kept: %" JSON_INTEGER_FORMAT " more events called ",
                              json_integer_value (count));
      append_text (out, event);
      g_string_append (out, ", between the first and the last.\n");
    }
}

static char *
report_text (const Project *project, const Incident *incident)
{
  GString *out = g_string_new (NULL);
  g_autofree char *count = g_strdup_printf ("%" G_GUINT64_FORMAT, incident->event_count);
  g_string_append_printf (out, "# Incident %s\n\n", incident->id);
  append_fact (out, "state", incident->is_open ? "open" : "closed");
  append_fact (out, "project", project->name);
  append_fact (out, "environment", incident->environment);
  append_fact (out, "kind", incident->kind);
  append_fact (out, "subject", incident->subject);
  append_fact (out, "summary", incident->summary);
  append_fact (out, "events", count);
  append_fact (out, "opened", incident->opened);
  append_fact (out, "closed", incident->closed);
  append_fact (out, "reason", incident->reason);
  append_fact (out, "problem", incident->problem);
  if (incident->document != NULL)
    {
      append_timeline (out, json_object_get (incident->document, "timeline"));
      append_omitted (out, json_object_get (incident->document, "omitted"));
    }
  g_autofree char *text = g_string_free (out, FALSE);
  return output_safe_text (text);
}

static bool
run_report (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  Project *project = NULL;
  g_autoptr (Incident) incident = NULL;
  if (!context_project (context, &project, error)
      || !incident_read (project, argv[0], &incident, error))
    return false;
  g_autofree char *text = report_text (project, incident);
  if (context->json)
    output_json (
        json_pack ("{s:s, s:o}", "id", incident->id, "markdown", output_json_string (text)));
  else
    output_text (text);
  return true;
}

/* --- the tables ------------------------------------------------------------------------------ */

static const GOptionEntry open_options[]
    = { { "subject", 0, 0, G_OPTION_ARG_STRING, &option_subject,
          "What it is about, such as a volume or a backup (default: the summary)", "TEXT" },
        G_OPTION_ENTRY_NULL };

static const GOptionEntry close_options[]
    = { { "reason", 0, 0, G_OPTION_ARG_STRING, &option_reason,
          "What it was, and why it is safe to go on; required", "TEXT" },
        G_OPTION_ENTRY_NULL };

static const GOptionEntry list_options[]
    = { { "all", 0, 0, G_OPTION_ARG_NONE, &option_all, "Also those that are closed", NULL },
        G_OPTION_ENTRY_NULL };

const CliCommand incident_commands[] = {
  { .name = "open",
    .arguments = "SUMMARY",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "Open an incident: commands that destroy are refused from now on",
    .description
    = "One of the same subject that is open is added to. Refused are restore, migrate, seed\n"
      "--clean, integrity fix, backup prune and nuke, in this environment, until it is closed.\n"
      "PGKEEL_INCIDENT=ID[,ID...] names every open one and lets a command pass; that is logged.",
    .example = "pgkeel incident open \"orders lost 200 rows overnight\"",
    .options = open_options,
    .run = run_open },
  { .name = "respond",
    .arguments = "INCIDENT",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "Do again what happens when an incident opens: tell, back up, check",
    .description
    = "Runs incident.notify, makes an emergency backup and a quick check of integrity, all in the\n"
      "timeline. It runs by itself when an incident opens; by hand, when that failed. Exit code 5\n"
      "when no emergency backup could be made.",
    .example = "pgkeel incident respond 2026-11-21-1",
    .run = run_respond },
  { .name = "close",
    .arguments = "INCIDENT",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "Close an incident, with a written reason",
    .example = "pgkeel incident close 2026-11-21-1 --reason \"the disk was full; proven again\"",
    .options = close_options,
    .run = run_close },
  { .name = "list",
    .summary = "List the incidents that are open, of all environments",
    .example = "pgkeel incident list --all",
    .options = list_options,
    .run = run_list },
  { .name = "show",
    .arguments = "INCIDENT",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "Show an incident and its timeline",
    .example = "pgkeel incident show 2026-11-21-1",
    .run = run_show },
  { .name = "report",
    .arguments = "INCIDENT",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "Print an incident as Markdown: facts, timeline, evidence",
    .example = "pgkeel incident report 2026-11-21-1 > incident.md",
    .run = run_report },
  { 0 }
};
