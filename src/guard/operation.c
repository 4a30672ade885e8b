#include "guard/operation.h"

void
guard_operation_clear (GuardOperation *operation)
{
  g_free (operation->name);
  g_clear_pointer (&operation->filters, json_decref);
  g_clear_pointer (&operation->spec, json_decref);
  g_free (operation->path);
  g_free (operation->project);
  g_free (operation->detail);
  g_free (operation->given);
}

void
guard_operation_free (GuardOperation *operation)
{
  if (operation == NULL)
    return;
  guard_operation_clear (operation);
  g_free (operation);
}

const char *
guard_act_name (GuardAct act)
{
  static const char *const names[] = {
    [GUARD_OTHER] = "other",
    [GUARD_VOLUME_REMOVE] = "volume-remove",
    [GUARD_VOLUME_PRUNE] = "volume-prune",
    [GUARD_VOLUME_CREATE] = "volume-create",
    [GUARD_VOLUME_UPDATE] = "volume-update",
    [GUARD_CONTAINER_CREATE] = "container-create",
    [GUARD_CONTAINER_START] = "container-start",
    [GUARD_CONTAINER_STOP] = "container-stop",
    [GUARD_CONTAINER_REMOVE] = "container-remove",
    [GUARD_CONTAINER_RENEW] = "container-renew",
    [GUARD_CONTAINER_EXEC] = "container-exec",
    [GUARD_ARCHIVE_PUT] = "archive-put",
    [GUARD_CHECKPOINT_REMOVE] = "checkpoint-remove",
    [GUARD_PLUGIN_CHANGE] = "plugin-change",
    [GUARD_SERVICE_CHANGE] = "service-change",
    [GUARD_SWARM_LEAVE] = "swarm-leave",
    [GUARD_COMPOSE_DOWN] = "compose-down",
    [GUARD_OPAQUE] = "opaque",
  };
  return names[act];
}
