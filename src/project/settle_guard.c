/* The sections `guard`, `incident` and `audit` of pgkeel.yaml. */
#include "project/check.h"
#include "project/settle.h"

#include <string.h>

#define LABEL_DEFAULT "com.ledgerflow.protect=true"
#define PROOF_MAX_AGE_DEFAULT_SECONDS (24 * 3600)

static bool
settle_label (const Settle *settle, const char *written, GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, "guard.label", written, &text, &node, error))
    return false;
  if (text != NULL && (*text == '\0' || *text == '=' || strpbrk (text, " \t\n") != NULL))
    return settle_refuse_value (settle, node, text, "a label",
                                "Write name=value, as in com.example.protect=true; without a value "
                                "any counts.",
                                error);
  settle->project->guard.label = g_strdup (text != NULL ? text : LABEL_DEFAULT);
  return true;
}

/* What compose files and contexts of production are called when nothing is written. */
static char **
production_default (void)
{
  static const char *const patterns[] = { "*prod.yml",        "*prod.yaml",   "*production.yml",
                                          "*production.yaml", "prod",         "production",
                                          "*-prod",           "*-production", NULL };
  return g_strdupv ((char **) patterns);
}

static bool
settle_guard_section (const Settle *settle, const ConfigGuard *written, GError **error)
{
  ProjectGuard *guard = &settle->project->guard;
  guard->is_strict = written->strict != NULL && *written->strict;
  guard->proof_max_age_seconds = PROOF_MAX_AGE_DEFAULT_SECONDS;
  if (!settle_label (settle, written->label, error)
      || !settle_list (settle, "guard.protect", written->protect, written->protect_count,
                       &guard->protect, error)
      || !settle_list (settle, "guard.production", written->production, written->production_count,
                       &guard->production, error)
      || !settle_duration (settle, "guard.proof_max_age", written->proof_max_age,
                           &guard->proof_max_age_seconds, error))
    return false;
  if (written->production == NULL)
    {
      g_strfreev (guard->production);
      guard->production = production_default ();
    }
  return true;
}

static bool
settle_webhook (const Settle *settle, const char *written, GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, "incident.webhook", written, &text, &node, error))
    return false;
  if (text != NULL && !g_str_has_prefix (text, "http://") && !g_str_has_prefix (text, "https://"))
    return check_refuse (settle->file, node, "Write it with http:// or https://.", error,
                         "“webhook” is no URL of a web server");
  settle->project->incident.webhook = g_steal_pointer (&text);
  return true;
}

bool
settle_guard (const Settle *settle, GError **error)
{
  static const ConfigGuard no_guard = { 0 };
  static const ConfigIncident no_incident = { 0 };
  const Config *config = settle->config;
  const ConfigIncident *incident = config->incident != NULL ? config->incident : &no_incident;
  Project *project = settle->project;
  project->audit_has_database_head = config->audit != NULL && config->audit->database_head != NULL
                                     && *config->audit->database_head;
  project->incident.wants_backup
      = incident->emergency_backup == NULL || *incident->emergency_backup;
  /* Not expanded: the shell that runs it does that, and a password stays out of the arguments. */
  project->incident.notify_command = g_strdup (incident->notify);
  if (incident->notify != NULL)
    settle_remember_origin (settle, "incident.notify",
                            node_place (node_find (config->root, "incident.notify"), settle->file));
  return settle_guard_section (settle, config->guard != NULL ? config->guard : &no_guard, error)
         && settle_webhook (settle, incident->webhook, error);
}
