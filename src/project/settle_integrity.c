/* The section `integrity` of pgkeel.yaml. */
#include "project/check.h"
#include "project/settle.h"

#define BACKUP_MAX_AGE_DEFAULT_SECONDS (24 * 3600)
#define STATEMENT_TIMEOUT_DEFAULT_MS (600 * 1000)

static bool
settle_checks (const Settle *settle, const char *written, GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, "integrity.checks", written, &text, &node, error))
    return false;
  if (text != NULL && *text == '\0')
    return check_refuse (settle->file, node, "Write a folder, or remove the key.", error,
                         "“%s” is empty", node->key);
  settle->project->integrity.checks_folder
      = settle_resolve_path (settle, text != NULL ? text : "checks");
  return true;
}

bool
settle_integrity (const Settle *settle, GError **error)
{
  static const ConfigIntegrity none = { 0 };
  const ConfigIntegrity *written
      = settle->config->integrity != NULL ? settle->config->integrity : &none;
  settle->project->integrity.statement_timeout_ms = STATEMENT_TIMEOUT_DEFAULT_MS;
  settle->project->integrity.backup_max_age_seconds = BACKUP_MAX_AGE_DEFAULT_SECONDS;
  return settle_checks (settle, written->checks, error)
         && settle_duration (settle, "integrity.backup_max_age", written->backup_max_age,
                             &settle->project->integrity.backup_max_age_seconds, error)
         && settle_timeout (settle, "integrity.statement_timeout", written->statement_timeout, true,
                            &settle->project->integrity.statement_timeout_ms, error);
}
