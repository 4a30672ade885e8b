/*
 * Which variables name databases, and how programs read them: DATABASE_URL and its kin, libpq's PGHOST, the
 * POSTGRES_HOST and DB_HOST of settings files.
 *
 * Only texts are looked at here. URLs come out as libpq takes them: without the driver in the scheme,
 * without "jdbc:", without the parameters that only other libraries know.
 */
#pragma once

#include "guard/environment_lock.h"
#include "project/project.h"

typedef struct
{
  char *name; /* "DATABASE_URL", "PGHOST, PGDATABASE" */
  char *key;  /* the same for the same thing of another source: "DATABASE_URL", "PG" */
  EnvLockRole role;
  char *meant_for;            /* of ENV_LOCK_ROLE_OTHER */
  char *url;                  /* for db_connect; NULL: `state` says why */
  EnvLockDatabaseState state; /* ENV_LOCK_DATABASE_UNASKED with a URL */
  char *shown;                /* without the password; NULL when there is nothing to show */
} DatabaseVariable;

/* One that holds URL, however it is written; `url`, `state` and `shown` say what that is. */
DatabaseVariable *database_variable_new (const char *name, const char *key, EnvLockRole role,
                                         const char *url);

void database_variable_free (DatabaseVariable *variable);

/* Those among ENVIRONMENT ("NAME=VALUE", NULL-terminated; the last of a name counts), for the chosen environment of
 * PROJECT. GPtrArray of DatabaseVariable. */
GPtrArray *database_variables_find (const Project *project, const char *const *environment);
