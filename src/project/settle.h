/*
 * From what is written (Config) to what is in force (Project): variables expanded, values parsed and
 * checked, defaults filled in. Every value remembers where it came from.
 */
#pragma once

#include "project/config.h"
#include "project/project.h"
#include "project/variables.h"

typedef struct
{
  const Config *config;
  const Variables *variables;
  const char *file;   /* as messages call it; NULL without a pgkeel.yaml */
  const char *source; /* its text */
  Project *project;   /* filled in */
} Settle;

/* Name, backup settings. PROJECT->folder must be set. */
bool settle_project (const Settle *settle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The environments as written; without any, the one called NAME that DATABASE_URL gives. URLs are
 * left to settle_url. */
bool settle_environments (const Settle *settle, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Expands the URL and the database of ENVIRONMENT. A missing variable becomes its url_error. */
bool settle_chosen (const Settle *settle, ProjectEnvironment *environment, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
