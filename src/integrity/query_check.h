/*
 * Checks that are one query over catalogues and statistics views: everything but the query is here.
 *
 * The query returns a row for every object it looked at, with these columns, all text:
 *
 *   object    what it looked at: "public.orders"
 *   message   what is wrong with it, one sentence without a stop; NULL: nothing
 *   severity  instead of the check's, by name; NULL: the check's
 *   fix       a statement that puts it right; NULL: none
 *   query     returns the offending rows or what there is to see; NULL: none
 *   unknown   why it could not be looked at; NULL: it was
 *
 * so that what is fine is counted, too. Parameters are thresholds: $1, $2, $3.
 */
#pragma once

#include "integrity/check.h"

typedef struct
{
  const char *noun; /* "indexes" */
  const char *sql;  /* lines that end in "-- [15,17)" are for these major versions only */
  const char *parameters[4];
  bool fix_is_safe;
} QueryCheck;

/* A Check's run function, whose data is a QueryCheck. */
bool query_check_run (CheckContext *context, const Check *check, GError **error);

/* Where "c" is a row of pg_class and "n" its of pg_namespace: a relation of the user's, not one of the
 * system, of pgkeel, of an extension, or temporary. */
#define QUERY_USER_RELATION                                                                        \
  " n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"                   \
  "   AND c.relpersistence <> 't'\n"                                                               \
  "   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass\n"          \
  "                      AND e.objid = c.oid AND e.deptype = 'e')\n"
