/*
 * A command line of docker, docker compose or docker-compose, as what it will do to the Engine.
 *
 * Reads words only: no file, no variable, no Engine. What a compose project is called and which
 * containers it has is found out afterwards (compose_project.h, expand.h). A command that this
 * module does not know does nothing here, and passes.
 */
#pragma once

#include "guard/operation.h"

typedef enum
{
  GUARD_PROGRAM_DOCKER,
  GUARD_PROGRAM_COMPOSE, /* docker-compose, the program of its own */
} GuardProgram;

/* What a compose command does to the containers that are there; the rest of it is in operations. */
typedef enum
{
  GUARD_COMPOSE_NOTHING,
  GUARD_COMPOSE_REMOVE_VOLUMES, /* rm -v: removes containers and their anonymous volumes */
  GUARD_COMPOSE_RENEW_VOLUMES,  /* up -V: the anonymous volumes are replaced by empty ones */
} GuardComposeContainers;

typedef struct
{
  GuardProgram program;
  char *given;                   /* the whole line without secrets, for messages and the log */
  char *host, *context, *config; /* -H, -c, --config; NULL: not given */
  bool is_tls;                   /* an option says that the Engine is behind TLS */
  char *command;                 /* "volume rm", "compose down"; "" for docker alone */
  bool is_compose;
  bool is_reading;       /* changes nothing: ps, logs, inspect, ..., and every --help */
  GPtrArray *operations; /* of GuardOperation; with compose, those of its project have no `project`
                            yet, and containers are named by their service */

  /* Of compose. */
  char **files;                        /* -f, in order; NULL-terminated, never NULL */
  char **env_files;                    /* --env-file */
  char *project_name, *project_folder; /* -p, --project-directory; NULL: not given */
  GuardComposeContainers containers;
  char **services; /* that containers speaks of; empty: all */
  bool
      answers_yes; /* up -y: volumes whose configuration has changed are deleted and made anew, unasked */
} GuardCommand;

/* The words for docker-compose 1.x of a line of docker that begins with "compose" after docker's own options; an
 * array of char * that ends with NULL. *RET_CONFIG: what --config said, which 1.x does not know; caller frees. */
GPtrArray *guard_arguments_for_compose (char *const *argv, char **ret_config);

/* Whether it does anything that the policy has an opinion on, now or once it is expanded. */
bool guard_command_is_guarded (const GuardCommand *command);

void guard_command_clear (GuardCommand *command);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardCommand, guard_command_clear)

/* ARGV: what follows the program's name, NULL-terminated. FOLDER: where it runs, for relative paths. */
void guard_arguments_read (GuardProgram program, char *const *argv, const char *folder,
                           GuardCommand *ret_command);
