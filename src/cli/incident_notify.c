/* Telling people: the command incident.notify, and a POST to incident.webhook. */
#include "base/process.h"
#include "cli/incident_raise.h"
#include "cli/output.h"
#include "net/client.h"

#include <string.h>
#include <sys/stat.h>

#define HOOK_TIMEOUT_MS (30 * 1000)
#define WEBHOOK_TIMEOUT_MS (10 * 1000)
#define WEBHOOK_ANSWER_MAX_BYTES (64 * 1024)
#define HOOK_OUTPUT_MAX_BYTES 4000

typedef struct
{
  const char *name;
  const char *detail; /* NULL: none */
} Event;

static void
note (const Project *project, const char *id, json_t *evidence, Report *report, const char *summary)
{
  g_autoptr (json_t) owned = evidence;
  g_autoptr (GError) problem = NULL;
  if (incident_note (project, id, "notify", summary, owned, &problem))
    return;
  g_autofree char *text
      = g_strdup_printf ("the incident’s timeline could not be written: %s", problem->message);
  report_warning (report, text, NULL);
}

static void
add (GPtrArray *environment, const char *name, const char *value)
{
  g_ptr_array_add (environment, g_strdup_printf ("%s=%s", name, value != NULL ? value : ""));
}

static GPtrArray *
hook_environment (const Project *project, const Incident *incident, const Event *event)
{
  GPtrArray *environment = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *file = incident_path (project, incident->id);
  add (environment, "INCIDENT_EVENT", event->name);
  add (environment, "INCIDENT_DETAIL", event->detail);
  add (environment, "INCIDENT_ID", incident->id);
  add (environment, "INCIDENT_KIND", incident->kind);
  add (environment, "INCIDENT_SUBJECT", incident->subject);
  add (environment, "INCIDENT_SUMMARY", incident->summary);
  add (environment, "INCIDENT_REASON", incident->reason);
  add (environment, "INCIDENT_PROJECT", project->name);
  add (environment, "INCIDENT_ENVIRONMENT", incident->environment);
  add (environment, "INCIDENT_FILE", file);
  g_ptr_array_add (environment, NULL);
  return environment;
}

/* pgkeel.yaml is the owner's: its command runs as them, even if we are root. */
static bool
run_hook (const Project *project, const Incident *incident, const Event *event,
          ProcessResult *result, bool *ret_timed_out, GError **error)
{
  g_autoptr (GPtrArray) environment = hook_environment (project, incident, event);
  const char *argv[] = { "/bin/sh", "-c", project->incident.notify_command, NULL };
  struct stat info;
  if (stat (project->folder, &info) != 0)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "cannot look at “%s”", project->folder);
  const ProcessSpec spec = { .argv = argv,
                             .environment = (const char *const *) environment->pdata,
                             .folder = project->folder,
                             .uid = info.st_uid,
                             .gid = info.st_gid,
                             .output_max_bytes = HOOK_OUTPUT_MAX_BYTES };
  return process_run_limited (&spec, HOOK_TIMEOUT_MS, result, ret_timed_out, error);
}

static void
tell_by_command (const Project *project, const Incident *incident, const Event *event,
                 Report *report)
{
  g_auto (ProcessResult) result = { 0 };
  g_autoptr (GError) problem = NULL;
  bool timed_out = false;
  bool was_run = run_hook (project, incident, event, &result, &timed_out, &problem);
  g_autofree char *summary
      = !was_run    ? g_strdup_printf ("incident.notify (%s) could not be run: %s", event->name,
                                       problem->message)
        : timed_out ? g_strdup_printf (
              "incident.notify (%s) took more than 30 seconds and was ended", event->name)
                    : g_strdup_printf ("incident.notify (%s) ended with exit code %d", event->name,
                                       result.exit_code);
  if (!was_run || result.exit_code != 0)
    report_warning (report, summary, "Tell those who must know yourself.");
  note (project, incident->id, json_pack ("{s:o}", "output", output_json_string (result.output)),
        report, summary);
}

static json_t *
webhook_json (const Project *project, const Incident *incident, const Event *event)
{
  return json_pack (
      "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "event", event->name, "id",
      output_json_string (incident->id), "kind", output_json_string (incident->kind), "subject",
      output_json_string (incident->subject), "summary", output_json_string (incident->summary),
      "reason", output_json_string (incident->reason), "project",
      output_json_string (project->name), "environment", output_json_string (incident->environment),
      "detail", output_json_string (event->detail));
}

/* The status of the answer. */
static bool
post (const char *url, const char *body, long *ret_status, GError **error)
{
  const char *host = strstr (url, "://") + 3;
  size_t length = (size_t) (host - url) + strcspn (host, "/?#");
  g_autofree char *base = g_strndup (url, length);
  g_autofree char *path = g_strdup_printf ("%s%s", url[length] == '/' ? "" : "/", url + length);
  g_autoptr (NetClient) client = net_client_new (&(NetClientSpec){
      .base = base, .timeout_ms = WEBHOOK_TIMEOUT_MS, .max_bytes = WEBHOOK_ANSWER_MAX_BYTES });
  const NetCall call = { .path = path, .body = body, .body_length = strlen (body) };
  g_auto (NetAnswer) answer = { 0 };
  if (!net_client_call (client, &call, &answer, error))
    return false;
  *ret_status = answer.status;
  return true;
}

/* The URL often is a secret: no message has it. */
static void
tell_by_webhook (const Project *project, const Incident *incident, const Event *event,
                 Report *report)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (json_t) object = webhook_json (project, incident, event);
  char *body = json_dumps (object, JSON_COMPACT);
  long status = 0;
  bool was_sent = post (project->incident.webhook, body, &status, &problem);
  free (body);
  bool is_good = was_sent && status >= 200 && status < 300;
  g_autofree char *summary
      = was_sent ? g_strdup_printf ("incident.webhook (%s) answered %ld", event->name, status)
                 : g_strdup_printf ("incident.webhook (%s) could not be reached", event->name);
  if (!is_good)
    report_warning (report, summary, "Tell those who must know yourself.");
  note (project, incident->id, json_object (), report, summary);
}

void
incident_notify (CliContext *context, const char *id, const char *name, const char *detail)
{
  const Event event = { name, detail };
  const Project *project = context->project;
  g_autoptr (Incident) incident = NULL;
  if ((project->incident.notify_command == NULL && project->incident.webhook == NULL)
      || !incident_read (project, id, &incident, NULL))
    return;
  if (project->incident.notify_command != NULL)
    tell_by_command (project, incident, &event, &context->report);
  if (project->incident.webhook != NULL)
    tell_by_webhook (project, incident, &event, &context->report);
}
