/*
 * Which parent a row belongs to when a table is declared as children per parent, and back.
 *
 * Nothing is counted: the parent of a row, which of its children the row is, and the number of rows in all
 * are arithmetic.
 *
 *   fixed n      parent p has the rows p * n .. p * n + n - 1
 *   range a..b   parents 2j and 2j + 1 have a + b children together: one has a + r, the other b - r, where
 *                r = f(key, j) is even over 0 .. b - a. So each count is even over a .. b, and the rows
 *                of a pair begin at j * (a + b).
 *   zipf n       n per parent on average, shared as in gen_zipf.h; which parent has which rank is a permutation
 *
 * Without an order of ours, rows are spread by chance: evenly, or by Zipf's law (gen_spread_...).
 */
#pragma once

#include "seed/gen_permute.h"
#include "seed/gen_zipf.h"

typedef enum
{
  GEN_CHILDREN_FIXED,
  GEN_CHILDREN_RANGE,
  GEN_CHILDREN_ZIPF,
} GenChildrenKind;

typedef struct
{
  GenChildrenKind kind;
  uint64_t parents;
  uint64_t low, high; /* fixed: both n; zipf: both the average */
  uint64_t key;
  uint64_t rows; /* in all */
  uint64_t most; /* the most that one parent can have */
  GenZipf *zipf;
  GenPermute ranks;
} GenChildren;

/* EXPONENT is that of gen_zipf_new. PARENTS * HIGH must be below 2^62. */
void gen_children_init (GenChildren *children, GenChildrenKind kind, uint64_t parents, uint64_t low,
                        uint64_t high, unsigned int exponent, uint64_t key);
void gen_children_clear (GenChildren *children);

/* The parent, from 0, of ROW (below rows), and which of its children it is, from 0. */
void gen_children_find (const GenChildren *children, uint64_t row, uint64_t *ret_parent,
                        uint64_t *ret_ordinal);
