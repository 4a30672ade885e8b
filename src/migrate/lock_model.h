/*
 * Predicts what a statement does to the tables it touches, without a server: the strongest lock mode
 * it takes on each, and whether the table is scanned or written anew.
 *
 * After the sources of PostgreSQL 13 to 18, between which these modes changed little; measured on 15 and
 * 17 (tests/e2e/lint_truth.bats compares with what servers do), by hand on 16 and 18. What depends on things the files
 * do not say is LOCK_MAYBE, never a "no". Functions, triggers and rules are not looked into.
 */
#pragma once

#include "migrate/lock_schema.h"

/* In the order of strength that PostgreSQL numbers them in. */
typedef enum
{
  LOCK_NONE,
  LOCK_ACCESS_SHARE,
  LOCK_ROW_SHARE,
  LOCK_ROW_EXCLUSIVE,
  LOCK_SHARE_UPDATE_EXCLUSIVE,
  LOCK_SHARE,
  LOCK_SHARE_ROW_EXCLUSIVE,
  LOCK_EXCLUSIVE,
  LOCK_ACCESS_EXCLUSIVE,
} LockMode;

/* "ACCESS EXCLUSIVE"; "none". */
const char *lock_mode_name (LockMode mode);

/* What others cannot do meanwhile: "all reads and writes", "writes"; "nothing". */
const char *lock_mode_blocks (LockMode mode);

typedef enum
{
  LOCK_NO,
  LOCK_MAYBE,
  LOCK_YES,
} LockAnswer;

/* "no", "maybe", "yes". */
const char *lock_answer_name (LockAnswer answer);

typedef struct
{
  char *key; /* of the relation, as in lock_schema.h; "(table of index i)" when it is not known */
  LockMode mode;
  LockAnswer rewrite; /* the relation gets a new file */
  LockAnswer scan;    /* all of its rows are read under that lock */
} LockEffect;

/* What the statement does to relations that are there already, one LockEffect each, in the order it
 * names them, on a server of SERVER_MAJOR. Caller frees. */
GPtrArray *lock_model_predict (const LockSchema *schema, const json_t *tree, int server_major);

/* The effect on the relation of KEY, or NULL. */
const LockEffect *lock_model_find (const GPtrArray *effects, const char *key);

/* Whether changing a column from OLD to NEW writes the table anew, without a USING clause. */
LockAnswer lock_type_change_rewrites (const LockSchema *schema, const LockType *old,
                                      const LockType *new);

/* Whether the default makes ADD COLUMN write the table anew: it is volatile. */
LockAnswer lock_expression_is_volatile (const LockSchema *schema, const json_t *expression);
