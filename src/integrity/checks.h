/*
 * The lists of built-in checks: one per file checks_*.c, each ended by an entry without an id.
 * To add a file: declare its list here and name it in list.c.
 */
#pragma once

#include "integrity/check.h"

extern const Check checks_referential[];
extern const Check checks_inferred[];
extern const Check checks_related[];
extern const Check checks_keys[];
extern const Check checks_labels[];
extern const Check checks_uniqueness[];
extern const Check checks_sequences[];
extern const Check checks_constraints[];
extern const Check checks_values[];
extern const Check checks_aggregates[];  /* stored sums and counts */
extern const Check checks_groups[];      /* headers and lines, ledgers */
extern const Check checks_physical[];    /* settings, wraparound, checksums, whole indexes */
extern const Check checks_amcheck[];     /* pages of tables and indexes */
extern const Check checks_server[];      /* sessions, slots, archiving, partitions */
extern const Check checks_performance[]; /* indexes */
extern const Check checks_statistics[];  /* statistics, vacuum, bloat */
extern const Check checks_schema[];      /* privileges, policies, functions, names */
