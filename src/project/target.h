/*
 * The database that the chosen environment means, as a URL one can connect to.
 */
#pragma once

#include "project/project.h"

/* The URL of the environment: as configured, or that of its embedded cluster, which must be running.
 * Caller frees. KEEL_ERROR_CONFIG without one, KEEL_ERROR_UNREACHABLE when the cluster is stopped. */
char *target_url (const Project *project, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The names of variables, in the process's environment and in the .env files, whose value is URL as it stands:
 * programs of the project may read them instead of DATABASE_URL. NULL-terminated; caller frees with
 * g_strfreev. */
char **target_url_variables (const Project *project, const char *url, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
