#include "cli/guard_notice.h"

#include "base/text.h"
#include "cli/emergency.h"
#include "guard/known.h"
#include "project/audit.h"

static json_t *
describe (const GuardOperation *operation, const GuardVerdict *verdict)
{
  g_autofree char *given = text_escape_invalid (operation->given);
  return json_pack ("{s:s, s:s, s:s, s:s?, s:s?}", "act", guard_act_name (operation->act), "rule",
                    verdict->rule, "request", given, "volume", verdict->volume, "reason",
                    verdict->reason);
}

bool
guard_notice_write (const Project *project, const GuardOperation *operation,
                    const GuardVerdict *verdict, bool is_silent, GError **error)
{
  g_autoptr (json_t) details = describe (operation, verdict);
  const IncidentSpec incident = {
    .kind = INCIDENT_REFUSED_DESTRUCTION,
    .subject = verdict->volume != NULL ? verdict->volume : "docker",
    .summary = verdict->reason,
    .evidence = details,
  };
  return audit_write (project, "guard", verdict->is_allowed ? "intent" : "refused", details, error)
         && (!verdict->is_attempt || emergency_open_aside (project, &incident, is_silent, error))
         && (!verdict->is_released || guard_known_release (project, verdict->volume, error));
}
