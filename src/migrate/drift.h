/*
 * Drift: how a database differs from what its migration files make, object by object.
 *
 * Compares two readings of db/schema.h. A table is one object with its columns, one a line; its
 * indexes, constraints, triggers, policies and grants are objects of their own, unless the table as a
 * whole is missing or unexpected: then they are lines of it. Left out are schema pgkeel, the history
 * tables of other tools, versions of extensions (a replay installs those that are at hand), and what
 * the project leaves to others.
 */
#pragma once

#include "db/schema.h"

typedef enum
{
  DRIFT_MISSING,    /* the files make it; it is not in the database */
  DRIFT_UNEXPECTED, /* it is in the database; the files do not make it */
  DRIFT_DIFFERENT,  /* in both, with different definitions */
} DriftChange;

const char *drift_change_name (DriftChange change); /* "missing", ... */

typedef struct
{
  DriftChange change;
  char *kind;     /* "table", "index", "function", "grants", ... */
  char *name;     /* quoted and with its schema */
  char *expected; /* lines: what the files make; NULL when unexpected */
  char *found;    /* lines: what the database has; NULL when missing */
} DriftItem;

typedef struct
{
  const char *const
      *ignore;         /* "schema" or "schema.table", with * and ?; NULL-terminated, or NULL */
  bool without_owners; /* the files were replayed by another role than the one that applied them */
} DriftSpec;

/* EXPECTED, FOUND: of DbSchemaObject. Returns DriftItem, sorted by the table or object they are about;
 * freed with the array. */
GPtrArray *drift_compare (const GPtrArray *expected, const GPtrArray *found, const DriftSpec *spec);

/* Whether OBJECT is left out by SPEC's patterns, or because it is pgkeel's or another tool's own. */
bool drift_is_ignored (const DbSchemaObject *object, const DriftSpec *spec);
