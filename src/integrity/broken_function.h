/*
 * Functions whose bodies name tables that are not there, as far as their text tells.
 *
 * The server keeps no dependency for what the text of an SQL or PL/pgSQL function names. Looked at are
 * targets of INSERT, UPDATE, DELETE and MERGE, names with a schema after FROM and JOIN, and
 * NAME%ROWTYPE. A name counts as missing when no schema has it, so that no search_path can make it
 * wrong to say so. Statements that are put together at run time (EXECUTE) cannot be looked at.
 */
#pragma once

#include "integrity/check.h"

bool broken_function_run (CheckContext *context, const Check *check, GError **error);

/* The names in BODY, as they are written but folded as the server does ("schema.name" or "name", with
 * duplicates), that it needs as tables: of char *, for tests too. Caller unrefs. */
GPtrArray *broken_function_names (const char *body);
