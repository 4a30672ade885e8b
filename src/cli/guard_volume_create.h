/*
 * Makes a volume that is protected from the start, or sees that it is there already.
 */
#pragma once

#include "guard/engine.h"
#include "project/project.h"

typedef struct
{
  const char *name;
  const char *driver;         /* "local" */
  const char *const *options; /* of the driver, "name=value"; NULL: none */
} GuardVolumeSpec;

/* With the project's protection label. *RET_IS_NEW is false when there is one like it already. The Engine is asked
 * again whether it really has it: it answers “created” for a name that is there, whatever its labels are.
 * KEEL_ERROR_ANSWER_NO when there is another one of that name. */
bool guard_volume_create (const Project *project, GuardEngine *engine, const GuardVolumeSpec *spec,
                          bool *ret_is_new, GError **error) G_GNUC_WARN_UNUSED_RESULT;
