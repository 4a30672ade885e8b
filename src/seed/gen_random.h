/*
 * Random words that are computed, not drawn: word = f(seed, table, column, row).
 *
 * Any word can be had alone, in any thread, in any order, on any machine: only 64-bit integer
 * arithmetic, no state, no floating point. The mixer is the finaliser of SplitMix64 (Steele, Lea and
 * Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with Stafford's variant 13 of
 * its constants). It is a bijection of 64-bit words. Rows are mixed once, then once more with the key of
 * each column, so that the streams of two columns are no shifted copies of each other.
 *
 * Not for secrets: who sees values can guess the others.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GEN_GOLDEN UINT64_C (0x9E3779B97F4A7C15) /* 2^64 / golden ratio, odd */

typedef unsigned __int128 GenWide; /* for products */

static inline uint64_t
gen_mix (uint64_t word)
{
  word = (word ^ (word >> 30)) * UINT64_C (0xBF58476D1CE4E5B9);
  word = (word ^ (word >> 27)) * UINT64_C (0x94D049BB133111EB);
  return word ^ (word >> 31);
}

/* What all columns of a row share. */
static inline uint64_t
gen_row_word (uint64_t row)
{
  return gen_mix ((row + 1) * GEN_GOLDEN);
}

/* The word of one column, whose key is gen_key's, in the row of ROW_WORD. */
static inline uint64_t
gen_word (uint64_t key, uint64_t row_word)
{
  return gen_mix (key + row_word);
}

/* The word after WORD, for values that need more than one. */
static inline uint64_t
gen_next (uint64_t word)
{
  return gen_mix (word + GEN_GOLDEN);
}

/* WORD scaled to 0 .. COUNT - 1 (Lemire's multiplication; the bias is COUNT / 2^64). COUNT 0 stands
 * for 2^64. */
static inline uint64_t
gen_reduce (uint64_t word, uint64_t count)
{
  return count == 0 ? word : (uint64_t) (((GenWide) word * count) >> 64);
}

/* A * B / C without overflow in between; C > 0 and the result must fit. */
static inline uint64_t
gen_scale (uint64_t a, uint64_t b, uint64_t c)
{
  return (uint64_t) ((GenWide) a * b / c);
}

/* The key of a column: the first 8 bytes, big-endian, of the SHA-256 of seed (8 bytes, big-endian),
 * SCHEMA, NUL, TABLE, NUL, COLUMN. A column's values do not change when others come or go. */
uint64_t gen_key (uint64_t seed, const char *schema, const char *table, const char *column);
