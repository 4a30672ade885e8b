#include "seed/guard.h"
#include "project/environment.h"

#include <string.h>

#define PRODUCTION "production"

static bool
is_production (const char *environment)
{
  g_autofree char *name = environment != NULL ? environment_canonical (environment) : NULL;
  return g_strcmp0 (name, PRODUCTION) == 0;
}

bool
seed_guard_check (const Project *project, const Stamp *stamp, const char *url, GError **error)
{
  const char *said = url != NULL ? environment_of_url (url) : NULL;
  if (is_production (project->environment->name))
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Rows that production needs belong in a migration.",
                       "seeds are not for production");
  if (is_production (stamp->environment))
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        stamp->verdict == STAMP_COPY
            ? "It is a copy: if it may be written to, say what it is now with “pgkeel env stamp”."
            : "Check the URL and the environment.",
        "the database is stamped “%s” of project “%s”: production is never seeded",
        stamp->environment, stamp->project);
  if (stamp->verdict == STAMP_NONE && is_production (said))
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "If it is not, say what it is with “pgkeel env stamp”.",
                       "the URL of “%s” looks like production, and the database has no stamp",
                       project->environment->name);
  return stamp_check (stamp, project, error)
         && (!project->environment->is_protected || project_check_authorised (project, error));
}
