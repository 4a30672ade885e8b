/* Injected corruption: for each check a schema in which it is silent, and what it must find once the
 * rows or the catalogue have been corrupted. One table per area, run by test_checks.c. */
#pragma once

#include <stddef.h>

typedef struct
{
  const char *id;      /* of the check */
  const char *clean;   /* SQL that makes schema t, the current one; there the check finds nothing */
  const char *corrupt; /* SQL that breaks it */
  const char *object;  /* of the only finding */
  long rows;           /* offending rows; -1: it is not about rows */
  const char *part;    /* of the message; NULL: anything */
  int from_major;      /* 0: all */
} Corruption;

extern const Corruption corruption_referential[];
extern const Corruption corruption_inferred[];
extern const Corruption corruption_keys[];
extern const Corruption corruption_values[];
extern const Corruption corruption_aggregates[];
