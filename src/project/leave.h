/*
 * Leave: what pgkeel tells the commands that it runs after its own checks (`guard run`, the project's command of
 * `migrate up`, a rehearsal), so that a lock inside of them (manage.py) does not ask once more for
 * what was given already, or take the copy of a rehearsal for the wrong database.
 *
 * It is a variable of the command, and holds for what runs below the pgkeel that gave it, as long as DATABASE_URL is
 * still what it was: a leave that somebody wrote down, inherited or copied is none.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define LEAVE_VARIABLE "PGKEEL_LEAVE"

/* The value for a command that is run for ENVIRONMENT with DATABASE_URL (NULL: unset). Caller frees. */
char *leave_value (const char *environment, const char *database_url);

/* Whether our process has leave for ENVIRONMENT with DATABASE_URL; *RET_GIVER: the process that gave it. Never on systems
 * without /proc. */
bool leave_holds (const char *environment, const char *database_url, pid_t *ret_giver);
