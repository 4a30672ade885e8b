#include "cli/command.h"

bool
context_project (CliContext *context, Project **ret_project, GError **error)
{
  if (context->project == NULL
      && !project_open (context->folder, context->environment, &context->project, error))
    return false;
  *ret_project = context->project;
  return true;
}

void
context_clear (CliContext *context)
{
  g_clear_pointer (&context->project, project_free);
}
