/*
 * The environment lock: may a command be run for the chosen environment, seeing the variables that it will see?
 *
 * A pure judgement. Facts come in, a row for everything that was looked at goes out; nothing is asked of a
 * server or a file here. What is not known is never taken for fine.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum
{
  ENV_LOCK_UNKNOWN = 0, /* could not be found out: refused */
  ENV_LOCK_FINE,
  ENV_LOCK_NOTE, /* worth knowing */
  ENV_LOCK_WARNING,
  ENV_LOCK_REFUSED,
} EnvLockLevel;

/* "unknown", "fine", "note", "warning", "refused". */
const char *env_lock_level_name (EnvLockLevel level);

/* --- facts: all texts are borrowed, and may be NULL where nothing is known ---------------------- */

typedef enum
{
  ENV_LOCK_DATABASE_UNASKED = 0,
  ENV_LOCK_DATABASE_REACHED,
  ENV_LOCK_DATABASE_UNREACHABLE, /* nobody answers, or there is no database of that name */
  ENV_LOCK_DATABASE_CLOSED, /* somebody answers and does not let us in: the command may know better */
  ENV_LOCK_DATABASE_NO_URL,       /* the environment has none, or a variable in it is missing */
  ENV_LOCK_DATABASE_UNPARSEABLE,  /* the text is no URL */
  ENV_LOCK_DATABASE_NOT_POSTGRES, /* mysql://, sqlite:///, ... */
  ENV_LOCK_DATABASE_INCOMPLETE,   /* DB_NAME without DB_HOST: the program fills in the rest */
} EnvLockDatabaseState;

typedef enum
{
  ENV_LOCK_STAMP_UNKNOWN = 0, /* may not be read */
  ENV_LOCK_STAMP_NONE,
  ENV_LOCK_STAMP_HERE, /* written on the cluster where it stands */
  ENV_LOCK_STAMP_COPY, /* it came with a restored dump */
} EnvLockStamp;

/* A database, as somebody who follows a URL finds it. */
typedef struct
{
  EnvLockDatabaseState state;
  const char *problem; /* why it could not be reached */
  const char *shown;   /* the URL without its password */
  const char *host;    /* "db1:5432", "localhost:5432", a socket's folder */
  const char *name;
  const char *
      cluster; /* system_identifier, which copies of a server's files share; NULL: may not be asked for */
  EnvLockStamp stamp;
  const char *stamp_project, *stamp_environment;
  const char *url_says; /* environment_of_url */
  const char *started;  /* when the server was; NULL: not known */
  bool is_local_host;   /* the URL says this machine */
  bool is_replica;      /* pg_is_in_recovery () */
  bool is_superuser;
  bool has_many_hosts;
  int port_asked, port_found; /* they differ when something stands in between; 0: not known */
} EnvLockDatabase;

typedef enum
{
  ENV_LOCK_ROLE_MAIN,    /* DATABASE_URL, PGHOST, POSTGRES_HOST...: what programs connect by */
  ENV_LOCK_ROLE_EXTRA,   /* ANALYTICS_DATABASE_URL: another database of the project */
  ENV_LOCK_ROLE_OTHER,   /* STAGING_DATABASE_URL: of the environment `meant_for` */
  ENV_LOCK_ROLE_REPLICA, /* REPLICA_DATABASE_URL */
  ENV_LOCK_ROLE_SHADOW,  /* SHADOW_DATABASE_URL: emptied by Prisma whenever it likes */
} EnvLockRole;

/* A variable, or a family of them, that names a database. */
typedef struct
{
  const char *name;   /* "DATABASE_URL", "PGHOST, PGDATABASE" */
  const char *source; /* ".env"; NULL: the process's environment */
  bool is_shadowed;   /* of a file, while the process's environment says something else */
  EnvLockRole role;
  const char *meant_for; /* of ENV_LOCK_ROLE_OTHER */
  EnvLockDatabase database;
} EnvLockVariable;

/* A variable that says which environment this is. */
typedef struct
{
  const char *name;
  const char *value;
  const char *source; /* NULL: the process's environment */
  const char *says;   /* "production", ...; NULL: nothing that is known */
  bool is_lock;       /* LEDGER_ENV, PGKEEL_ENV: must agree to the letter */
  bool is_lax;        /* NODE_ENV: "production" of it says how a program was built */
} EnvLockMode;

typedef enum
{
  ENV_LOCK_CHOSEN_ASKED,    /* -e */
  ENV_LOCK_CHOSEN_VARIABLE, /* of the process's environment */
  ENV_LOCK_CHOSEN_FILE,     /* by a line of .env */
  ENV_LOCK_CHOSEN_URL,      /* guessed from DATABASE_URL */
  ENV_LOCK_CHOSEN_DEFAULT,
} EnvLockChosen;

typedef struct
{
  bool is_known;                  /* the backups could be looked at */
  const char *name;               /* of the newest proven backup; NULL: none is */
  const char *problem;            /* when they could not */
  const char *cluster, *database; /* of which it is a backup; NULL: not known */
  int64_t age_seconds;            /* of its data; negative: it is of the future */
  int64_t max_age_seconds;
  bool is_waived; /* --no-proof */
} EnvLockProof;

typedef struct
{
  const char *project, *environment;
  bool is_protected;
  EnvLockChosen chosen;
  const char *chosen_reason; /* "--env", "NODE_ENV (.env)" */
  EnvLockDatabase target;    /* where the environment's URL leads */
  bool target_is_default;    /* the default of a ${NAME:-default} was taken */
  const EnvLockVariable *variables;
  size_t variable_count;
  const EnvLockMode *modes;
  size_t mode_count;
  const char *authorised; /* what --authorise said */
  const char *leave;      /* "pgkeel, process 4711": runs this below itself, after its own checks */
  bool leave_has_target;  /* it has set the variables, to `target` */
  bool has_terminal;
  bool is_ci;
  const char *
      shares_url; /* a protected environment whose URL leads to the same place by its words; NULL */
  const char *sudo_user;     /* who has become us */
  const char *writable_file; /* a .env file that others may write */
  const char *unread_file;   /* a .env file that cannot be read */
  const char *stale_file;    /* a .env file that is older than, and different from, `fresh_file` */
  const char *fresh_file;
  EnvLockProof proof;
  const char *incident; /* what incident_check_none says; NULL: none is open */
} EnvLockFacts;

/* --- the verdict -------------------------------------------------------------------------------- */

typedef struct
{
  EnvLockLevel level;
  const char *rule; /* stable: "stamp-mismatch" */
  char *subject;    /* "DATABASE_URL (.env)" */
  char *text;       /* what was found; one line */
  const char *hint; /* what to do; NULL */
} EnvLockRow;

typedef struct
{
  GPtrArray *rows; /* of EnvLockRow, in the order things were looked at */
  unsigned int refused, warnings;
  /* The first so many rows are about places: do environment, variables and databases agree. The others are about
   * leave: may a command be run there, now. */
  unsigned int place_rows, places_refused;
} EnvLockVerdict;

void env_lock_verdict_clear (EnvLockVerdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EnvLockVerdict, env_lock_verdict_clear)

void env_lock_judge (const EnvLockFacts *facts, EnvLockVerdict *ret_verdict);

/* KEEL_ERROR_REFUSED, with the first reason in the message ("ACTION: ..."), the others in the detail, unless
 * nothing is refused. */
bool env_lock_check (const EnvLockVerdict *verdict, const char *action, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same, of places alone. */
bool env_lock_check_places (const EnvLockVerdict *verdict, const char *action, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
