/*
 * Stored sums and counts against the rows that they stand for: one statement per column tells how many
 * rows keep the rule and how many break it.
 *
 * What is inferred from names may be several expressions, of which the one that fits best is believed
 * if nearly all rows keep it; of what the project declares every difference counts.
 */
#pragma once

#include "integrity/check.h"

/* An inferred rule is believed when no more than this share of the rows breaks it, or one row, and at
 * least so many rows that have something to count keep it. */
#define SUM_BROKEN_SHARE_MAX 0.01
#define SUM_KEPT_MIN 2

/* "PARENT.COLUMN is EXPRESSION over the rows of CHILD where child_key = parent_key." */
typedef struct
{
  const CatalogueTable *parent, *child;
  const CatalogueColumn *column;
  char *parent_key, *child_key; /* SQL, unqualified */
  char *filter;                 /* SQL over the child's columns, in brackets; NULL: all its rows */
  GPtrArray *expressions;       /* of char *: tried in this order */
  char *object;
  bool is_declared; /* then there is one expression, and every difference counts */
} Sum;

/* Without an expression yet; the keys are copied. */
Sum *sum_new (const CatalogueTable *parent, const CatalogueColumn *column,
              const CatalogueTable *child, const char *parent_key, const char *child_key);
void sum_free (void *data);

/* Counts SUM among what CHECK looks at, and has it looked at later; takes SUM over. */
void sum_plan (CheckContext *context, const Check *check, Sum *sum);
