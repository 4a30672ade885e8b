/*
 * What to do about a statement of a migration that failed: our sentence beside the server's own hint.
 */
#pragma once

#include "db/statement.h"

/* A full sentence for FAILURE, or NULL. TEXT: of the statement. Static. */
const char *advice_for (const DbFailure *failure, const char *text);
