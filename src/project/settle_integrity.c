/* The section `integrity` of pgkeel.yaml. */
#include "base/size.h"
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

static bool
settle_backup_max_age (const Settle *settle, const char *written, GError **error)
{
  const Node *node;
  int64_t seconds;
  g_autofree char *text = NULL;
  settle->project->integrity.backup_max_age_seconds = BACKUP_MAX_AGE_DEFAULT_SECONDS;
  if (!settle_expanded (settle, "integrity.backup_max_age", written, &text, &node, error)
      || text == NULL)
    return written == NULL;
  if (!duration_parse (text, &seconds) || seconds <= 0)
    return settle_refuse_value (settle, node, text, "a duration",
                                "Write a number and m, h, d or w, as in 24h or 7d.", error);
  settle->project->integrity.backup_max_age_seconds = seconds;
  return true;
}

bool
settle_integrity (const Settle *settle, GError **error)
{
  static const ConfigIntegrity none = { 0 };
  const ConfigIntegrity *written
      = settle->config->integrity != NULL ? settle->config->integrity : &none;
  settle->project->integrity.statement_timeout_ms = STATEMENT_TIMEOUT_DEFAULT_MS;
  return settle_checks (settle, written->checks, error)
         && settle_backup_max_age (settle, written->backup_max_age, error)
         && settle_timeout (settle, "integrity.statement_timeout", written->statement_timeout, true,
                            &settle->project->integrity.statement_timeout_ms, error);
}
