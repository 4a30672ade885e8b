/*
 * The project: pgkeel.yaml found by walking up, its environments, and which one is meant.
 *
 * Reads pgkeel.yaml, .env and .env.<environment>; expands ${VAR}; knows nothing of what is done with
 * the result. Without a pgkeel.yaml, a project made of defaults and DATABASE_URL is used.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define PROJECT_FILE "pgkeel.yaml"
#define PROJECT_STATE_FOLDER ".pgkeel"

typedef struct
{
  char *name;     /* "development", "staging", "production", ... */
  char *url;      /* expanded; NULL when local (the cluster knows its own), when not the chosen one,
                     and when a variable in it is missing: ask project_url, which says so */
  char *database; /* for local environments: the database's name (default: the project's name) */
  bool is_local;  /* an embedded cluster under .pgkeel/ */
  bool is_protected;
  int postgres_major; /* of a local cluster; 0: the newest installed */
  char *url_text;     /* the URL as written, with its ${VAR}; NULL when local */
  char *origin;       /* where it is written: "pgkeel.yaml:9:3", "DATABASE_URL", "default" */
  GError *url_error;  /* why url is missing; NULL otherwise */
} ProjectEnvironment;

/* The section `migrations`. */
typedef struct
{
  char *dir;    /* seen from the project's folder, as written; NULL: the usual ones are looked in */
  char *layout; /* NULL: told from the files */
  int64_t lock_timeout_ms;      /* 2,000 when nothing is written */
  int64_t statement_timeout_ms; /* 0: none */
  int64_t rehearsal_max_age_s;  /* 86,400 when nothing is written; 0: rehearsals do not age */
  char **ignore; /* "schema" or "schema.table", with * and ?; NULL-terminated, never NULL */
  char *status_command, *up_command, *down_command; /* for a shell, as written; NULL: not written */
} ProjectMigrations;

/* One of `integrity.aggregates`, as written; texts that are not written are NULL. What they mean is
 * said by IntegrityAggregate. */
typedef struct
{
  char *name;
  char *parent, *column;
  char *child;
  char *child_key, *parent_key;
  char *expression, *expression_place; /* "pgkeel.yaml:9:19" */
  char *filter, *filter_place;
} ProjectAggregate;

/* One of `integrity.ignore`. */
typedef struct
{
  char *text; /* "id", "id:object" or "*:object", with * and ? */
  char *place;
} ProjectPattern;

/* The section `integrity`. */
typedef struct
{
  char *checks_folder; /* absolute, of the project's own rules; may not be there */
  int64_t
      backup_max_age_seconds;   /* of the last proof, for a fix: 24 hours when nothing is written */
  int64_t statement_timeout_ms; /* of one check; 0: none */
  GPtrArray *aggregates;        /* of ProjectAggregate; never NULL */
  GPtrArray *ignore;            /* of ProjectPattern; never NULL */
} ProjectIntegrity;

/* The section `guard`. */
typedef struct
{
  char *label;                   /* protects a volume: "name=value", or "name" with any value */
  char **protect;                /* volumes by name, with * and ?; NULL-terminated, never NULL */
  bool is_strict;                /* no privileged containers, no mounts of the Engine's socket */
  int64_t proof_max_age_seconds; /* of the proof that a deletion needs: 24 hours */
  char **production; /* compose files and contexts that are production: names with * and ? */
} ProjectGuard;

/* The section `incident`. */
typedef struct
{
  char *notify_command; /* for a shell, as written; NULL: none */
  char *webhook;        /* a URL; NULL: none */
  bool wants_backup;    /* one is made when an incident opens */
} ProjectIncident;

typedef struct
{
  char *folder;            /* absolute: where pgkeel.yaml is, or where we were started */
  char *file;              /* absolute path of pgkeel.yaml; NULL when there is none */
  char *name;              /* "ledgerflow"; default: the folder's name, made safe for file names */
  char *backup_folder;     /* absolute, without the environment; BACKUP_DIR overrides */
  uint64_t min_size_bytes; /* a smaller backup, or one as small, is a failed one: 10 KB */
  int64_t keep_db_seconds; /* 0: not configured, nothing is ever removed */
  int64_t keep_full_seconds;
  char *schedule_db, *schedule_full;
  char **count_tables; /* headlined tables, NULL-terminated; "name" or "schema.name" */
  ProjectMigrations migrations;
  char *seeds_dir; /* seen from the project's folder, as written: "seeds" when nothing is */
  ProjectIntegrity integrity;
  ProjectGuard guard;
  ProjectIncident incident;
  bool audit_has_database_head; /* the end of the audit log is kept in the database as well */
  GPtrArray *environments;      /* of ProjectEnvironment */
  const ProjectEnvironment *environment; /* the chosen one */
  char *environment_reason; /* how it was chosen: "--env", "PGKEEL_ENV", "default", ... */
  GPtrArray *files_read;    /* of char *, absolute, in the order read: pgkeel.yaml, .env, ... */
  GError *lock_error;       /* what project_check_authorised says; NULL: nothing */
  GHashTable *origins; /* "backup.dir" -> "pgkeel.yaml:3:8", "BACKUP_DIR"; not there: default */
} Project;

/* Opens the project of START_FOLDER (NULL: the current one). ENVIRONMENT is what -e/--env said, or
 * NULL. Errors: KEEL_ERROR_CONFIG with file, line and column. A variable that only a URL needs and
 * that is missing is no error here. */
bool project_open (const char *start_folder, const char *environment, Project **ret_project,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
void project_free (Project *project);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Project, project_free)

/* The names that -e takes in the project of START_FOLDER, whichever is meant now; caller frees with
 * g_strfreev. Reads pgkeel.yaml only. */
bool project_environment_names (const char *start_folder, char ***ret_names, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* <backup_folder>/<environment>. Caller frees. */
char *project_backup_folder (const Project *project);
/* <folder>/.pgkeel/NAME. Caller frees. */
char *project_state_path (const Project *project, const char *name);

/* The URL of the chosen environment, owned by the project; NULL for a local one, whose cluster knows
 * its own. KEEL_ERROR_CONFIG, with the place in the file, when a variable in it is missing. */
bool project_url (const Project *project, const char **ret_url, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Call before a command that writes to the database of a protected environment: KEEL_ERROR_REFUSED
 * when LEDGER_ENV or PGKEEL_ENV is set, in the process's environment or in .env, and means another
 * environment than the chosen one. Other environments pass. (.env.<environment> does not count: the
 * target cannot authorise itself.) */
bool project_check_authorised (const Project *project, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "pgkeel.yaml:3:8", "BACKUP_DIR" or "default" for a key like "backup.dir". */
const char *project_origin (const Project *project, const char *key);

/* The environment called NAME (an alias is fine), or NULL. Owned by the project. */
const ProjectEnvironment *project_find_environment (const Project *project, const char *name);

/* The JSON Schema of pgkeel.yaml, for editors; static. */
const char *project_json_schema (void);
