/*
 * Which databases a command line names by itself, past all variables: URLs of PostgreSQL in any word, where psql,
 * pg_restore and dropdb are sent by their options, and what env(1) sets.
 *
 * Scripts are not read: "sh -c 'cd x && make'" may do anything.
 */
#pragma once

#include "guard/database_variables.h"

/* Those in ARGV (NULL-terminated), as databases of the project beside its own. GPtrArray of DatabaseVariable. */
GPtrArray *database_arguments_find (char *const *argv);

/* ENVIRONMENT ("NAME=VALUE") as it will be when ARGV begins with env(1) and assignments. Caller frees. */
char **database_arguments_environment (char *const *environment, char *const *argv);
