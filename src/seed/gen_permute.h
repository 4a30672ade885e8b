/*
 * A permutation of 0 .. count - 1 that is computed for each number alone: how unique values are
 * guaranteed to be unique without remembering any.
 *
 * A Feistel network over the next power of two, walked on until it falls below count (Black and Rogaway,
 * "Ciphers with arbitrary finite domains", CT-RSA 2002). The two halves may differ by a bit. Fewer than
 * two walks on average.
 */
#pragma once

#include <stdint.h>

#define GEN_PERMUTE_ROUNDS 6

/* The greatest count. */
#define GEN_PERMUTE_MAX (UINT64_C (1) << 62)

typedef struct
{
  uint64_t count;
  unsigned int left_bits, right_bits;
  uint64_t keys[GEN_PERMUTE_ROUNDS];
} GenPermute;

/* COUNT: 1 to GEN_PERMUTE_MAX. */
void gen_permute_init (GenPermute *permute, uint64_t count, uint64_t key);

/* Where NUMBER (below count) goes. */
uint64_t gen_permute (const GenPermute *permute, uint64_t number);
