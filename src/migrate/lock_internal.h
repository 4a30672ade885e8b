/* What the files lock_*.c share. */
#pragma once

#include "migrate/lock_model.h"

typedef struct
{
  const LockSchema *schema;
  int server_major;
  GPtrArray *effects; /* of LockEffect */
} LockPrediction;

/* Adds to what is predicted for KEY, which may be NULL: the strongest of each wins. */
void lock_note (LockPrediction *prediction, const char *key, LockMode mode, LockAnswer rewrite,
                LockAnswer scan);

/* The same for a RangeVar node. */
void lock_note_range (LockPrediction *prediction, const json_t *range, LockMode mode,
                      LockAnswer rewrite, LockAnswer scan);

/* The same for KEY and all its partitions and inheriting tables. */
void lock_note_tree (LockPrediction *prediction, const char *key, LockMode mode, LockAnswer rewrite,
                     LockAnswer scan);

/* ACCESS SHARE on all tables that a query within NODE reads. */
void lock_note_queries (LockPrediction *prediction, const json_t *node);

/* An AlterTableStmt. */
void lock_predict_alter (LockPrediction *prediction, const json_t *node);
