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

/* An empty project, for project_open and for tests; project_free frees it. */
Project *settle_project_new (void);

/* The section `migrations`; settle_project calls it. */
bool settle_migrations (const Settle *settle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The section `seeds`; settle_project calls it. */
bool settle_seeds (const Settle *settle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The section `integrity`; settle_project calls it. */
bool settle_integrity (const Settle *settle, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Empty ones. */
GPtrArray *settle_integrity_aggregates_new (void);
GPtrArray *settle_integrity_patterns_new (void);

/* The sections `guard`, `incident` and `audit`; settle_project calls it. */
bool settle_guard (const Settle *settle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The list at PATH as a NULL-terminated vector of expanded texts; *RET_LIST is never NULL. */
bool settle_list (const Settle *settle, const char *path, char *const *written, uint32_t count,
                  char ***ret_list, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The key at PATH as a duration of whole seconds, more than none; *RET_SECONDS stays as it is when
 * nothing is written. */
bool settle_duration (const Settle *settle, const char *path, const char *written,
                      int64_t *ret_seconds, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For the functions above: remembers that KEY comes from ORIGIN, which is taken over. */
void settle_remember_origin (const Settle *settle, const char *key, char *origin);

/* The expanded text of the key at PATH; NULL when it is not written. */
bool settle_expanded (const Settle *settle, const char *path, const char *written, char **ret_text,
                      const Node **ret_node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TEXT as seen from the project's folder, with a leading ~/ as the shell has it. Caller frees. */
char *settle_resolve_path (const Settle *settle, const char *path);

/* The key at PATH as a duration of at most 7 days, "500ms" too; *RET_MS stays as it is when nothing is
 * written. */
bool settle_timeout (const Settle *settle, const char *path, const char *written, bool can_be_none,
                     int64_t *ret_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "KEY must be WANTED, not TEXT" at NODE's place. Always returns false. */
bool settle_refuse_value (const Settle *settle, const Node *node, const char *text,
                          const char *wanted, const char *hint, GError **error);

/* Name, backup and migration settings. PROJECT->folder must be set. */
bool settle_project (const Settle *settle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The environments as written; their URLs are not expanded yet. */
bool settle_environments (const Settle *settle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For a project that writes none: the one called NAME, made of DATABASE_URL, or a local one. */
bool settle_only_environment (const Settle *settle, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Expands the URL and the database of ENVIRONMENT. A missing variable becomes its url_error. */
bool settle_chosen (const Settle *settle, ProjectEnvironment *environment, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
