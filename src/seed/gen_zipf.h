/*
 * How N rows fall on P parents when the parent of rank k gets a share that is proportional to 1 / k^s.
 *
 * Exact in both directions and alike on every machine: shares are integers, from logarithms and
 * powers of two in fixed point. Ranks up to 64 have their own share; above, 32 ranges of ranks per
 * octave share theirs evenly, which is off by less than 2% at a range's ends. So the table has at most
 * 64 + 58 * 32 entries, however many parents there are.
 *
 * Rows are dealt out in order: rank 1 owns the first rows, rank 2 the next, and so on. A rank far down may own none.
 */
#pragma once

#include <stdint.h>

typedef struct GenZipf GenZipf;

/* EXPONENT is s in thousandths: 1000 is Zipf's law, 0 shares evenly; at most 4000. ROWS and PARENTS: 1 to
 * 2^62. Caller frees. */
GenZipf *gen_zipf_new (uint64_t rows, uint64_t parents, unsigned int exponent);
void gen_zipf_free (GenZipf *zipf);

/* The rank, from 0, that owns ROW, and which of its rows that is, from 0. */
void gen_zipf_find (const GenZipf *zipf, uint64_t row, uint64_t *ret_rank, uint64_t *ret_ordinal);

/* How many rows RANK owns at most: rank 0 has the most. */
uint64_t gen_zipf_most (const GenZipf *zipf);

/* 2^32 / (K / 2^16)^s for K >= 2^16, in fixed point: for tests. */
uint64_t gen_zipf_weight (uint64_t k_16, unsigned int exponent);
