/*
 * What destroys or rewrites data, and how it is confirmed in which environment: the one table. A
 * command's --help and docs/confirmation.md show it; confirm.h asks what it says.
 *
 * Nothing is asked here, and nothing depends on a terminal.
 */
#pragma once

#include "project/project.h"

/* Zero is never, so that what the table forgets is refused. */
typedef enum
{
  CONFIRM_NEVER = 0, /* refused, whoever says what */
  CONFIRM_NONE,      /* nothing to ask */
  CONFIRM_YES_NO,    /* y or yes; the only level that --yes answers */
  CONFIRM_NAME,      /* type the name of what is at stake */
  CONFIRM_WORD,      /* type CONFIRM_DESTROY_WORD */
} ConfirmLevel;

#define CONFIRM_DESTROY_WORD "DESTROY"

/* "never", "none", "yes/no", "name", "DESTROY". */
const char *confirm_level_name (ConfirmLevel level);

/* The table's columns, in the order of caution. */
typedef enum
{
  ENVIRONMENT_DEVELOPMENT,
  ENVIRONMENT_TESTING,
  ENVIRONMENT_STAGING,   /* and every other name */
  ENVIRONMENT_PROTECTED, /* "protected: true", whatever its name, but for production */
  ENVIRONMENT_PRODUCTION /* by its name, protected or not */
} EnvironmentKind;

#define ENVIRONMENT_KIND_COUNT (ENVIRONMENT_PRODUCTION + 1)

/* "development", ... */
const char *environment_kind_name (EnvironmentKind kind);
EnvironmentKind environment_kind (const ProjectEnvironment *environment);

/* The table's rows. */
typedef enum
{
  DESTRUCTIVE_RESTORE_REPLACE,
  DESTRUCTIVE_RESTORE_OWN,
  DESTRUCTIVE_RESTORE_BESIDE,
  DESTRUCTIVE_NUKE,
  DESTRUCTIVE_SEED_CLEAN,
  DESTRUCTIVE_MIGRATE_UP,
  DESTRUCTIVE_MIGRATE_UNREHEARSED,
  DESTRUCTIVE_MIGRATE_DOWN,
  DESTRUCTIVE_MIGRATE_DOWN_LOSING,
  DESTRUCTIVE_MIGRATE_REHEARSE,
  DESTRUCTIVE_MIGRATE_ADOPT,
  DESTRUCTIVE_MIGRATE_BASELINE,
  DESTRUCTIVE_INTEGRITY_FIX,
  DESTRUCTIVE_INTEGRITY_UNDO,
  DESTRUCTIVE_BACKUP_PRUNE,
  DESTRUCTIVE_ENV_STAMP,
  DESTRUCTIVE_ENV_STAMP_REPLACE,
  DESTRUCTIVE_INCIDENT_CLOSE,
  DESTRUCTIVE_GUARD_RELEASE,
  DESTRUCTIVE_GUARD_RELEASE_UNPROVEN,
  DESTRUCTIVE_GUARD_DOCKER,
} DestructiveOperation;

#define DESTRUCTIVE_COUNT (DESTRUCTIVE_GUARD_DOCKER + 1)

typedef struct
{
  const char *command; /* "migrate down" */
  const char *what;    /* "lose no data"; at most DESTRUCTIVE_WHAT_COLUMNS wide */
  ConfirmLevel levels[ENVIRONMENT_KIND_COUNT];
  const char *variable; /* at 1, or at the name, it confirms up to CONFIRM_NAME; NULL: none */
  bool is_named;        /* VARIABLE must hold the name: 1 will not do */
  const char *allow;    /* must be 1 in protected environments and production; NULL: none */
  const char *against;  /* with ALLOW, for its message: "restores" */
} DestructiveRow;

#define DESTRUCTIVE_WHAT_COLUMNS 32

const DestructiveRow *destructive_row (DestructiveOperation operation);

/* How OPERATION is confirmed in ENVIRONMENT. */
ConfirmLevel destructive_level (DestructiveOperation operation,
                                const ProjectEnvironment *environment);

/* KEEL_ERROR_REFUSED unless the row's ALLOW is set where it must be. */
bool destructive_check_allowed (DestructiveOperation operation,
                                const ProjectEnvironment *environment, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The rows of COMMAND ("migrate down") as --help shows them: lines, an empty one, a paragraph. NULL when
 * it has none. Caller frees. */
char *destructive_help (const char *command);

/* All rows as the table of docs/confirmation.md. Caller frees. */
char *destructive_markdown (void);
