#include "seed/gen_zipf.h"

#include "seed/gen_random.h"

#include <glib.h>

#define EXACT_RANKS 64
#define RANGES_PER_OCTAVE 32
#define MAX_RANGES (EXACT_RANKS + 58 * RANGES_PER_OCTAVE)

/* Ranks rank .. (next range's rank) - 1 own rows row .. (next range's row) - 1. */
typedef struct
{
  uint64_t rank;
  uint64_t row;
} Range;

struct GenZipf
{
  unsigned int count;
  Range ranges[MAX_RANGES + 1]; /* the last is the end */
};

/* --- fixed point ------------------------------------------------------------------------------ */

/* log2 (VALUE / 2^16) * 2^32 for VALUE >= 2^16, by squaring: one bit of the result each time. */
static uint64_t
log2_fixed (uint64_t value)
{
  unsigned int top = 63 - (unsigned int) __builtin_clzll (value);
  uint64_t whole = top - 16;
  uint64_t mantissa = top >= 31 ? value >> (top - 31) : value << (31 - top); /* 1.31 bits */
  uint64_t fraction = 0;
  for (int bit = 31; bit >= 0; bit--)
    {
      mantissa = mantissa * mantissa >> 31;
      if (mantissa >> 32 != 0)
        {
          fraction |= UINT64_C (1) << bit;
          mantissa >>= 1;
        }
    }
  return whole << 32 | fraction;
}

/* floor (2^(1/2^i) * 2^62) for i = 1 .. 32, by square roots. */
static void
fill_roots (uint64_t roots[32])
{
  uint64_t root = UINT64_C (1) << 63;
  for (int i = 0; i < 32; i++)
    {
      GenWide square = (GenWide) root << 62;
      uint64_t low = UINT64_C (1) << 62, high = UINT64_C (1) << 63;
      while (high - low > 1)
        {
          uint64_t middle = low + (high - low) / 2;
          if ((GenWide) middle * middle <= square)
            low = middle;
          else
            high = middle;
        }
      root = low;
      roots[i] = root;
    }
}

/* 2^48 / 2^(EXPONENT / 2^32); 0 when that is too little to matter. */
static uint64_t
exp2_negative (uint64_t exponent)
{
  static uint64_t roots[32];
  static gsize once;
  if (g_once_init_enter (&once))
    {
      fill_roots (roots);
      g_once_init_leave (&once, 1);
    }
  uint64_t power = UINT64_C (1) << 62;
  for (int i = 0; i < 32; i++)
    if (exponent >> (31 - i) & 1)
      power = (uint64_t) ((GenWide) power * roots[i] >> 62);
  /* 2^48 / power, then the whole part. */
  uint64_t inverse = (uint64_t) (((GenWide) 1 << 110) / power);
  uint64_t whole = exponent >> 32;
  return whole >= 64 ? 0 : inverse >> whole;
}

static uint64_t
weight_48 (uint64_t k_16, unsigned int exponent)
{
  GenWide power = (GenWide) log2_fixed (k_16) * exponent / 1000;
  return power >> 64 != 0 ? 0 : exp2_negative ((uint64_t) power);
}

uint64_t
gen_zipf_weight (uint64_t k_16, unsigned int exponent)
{
  return weight_48 (k_16, exponent) >> 16;
}

/* --- the table ------------------------------------------------------------------------------- */

/* Where the ranges begin, as ranks from 0. */
static void
cut_ranges (GenZipf *zipf, uint64_t parents)
{
  uint64_t width = EXACT_RANKS / RANGES_PER_OCTAVE;
  uint64_t rank = 0;
  for (; rank < MIN (parents, EXACT_RANKS); rank++)
    zipf->ranges[zipf->count++].rank = rank;
  for (; rank < parents; width *= 2)
    for (int i = 0; i < RANGES_PER_OCTAVE && rank < parents; i++, rank += width)
      zipf->ranges[zipf->count++].rank = rank;
  zipf->ranges[zipf->count].rank = parents;
}

/* The middle of the ranks FIRST + 1 .. END, which are those of people, times 2^16. */
static uint64_t
middle_16 (uint64_t first, uint64_t end)
{
  GenWide middle = ((GenWide) first + 1 + end) << 15;
  return middle >> 63 != 0 ? UINT64_C (1) << 63 : (uint64_t) middle;
}

GenZipf *
gen_zipf_new (uint64_t rows, uint64_t parents, unsigned int exponent)
{
  g_assert (rows > 0 && parents > 0 && exponent <= 4000);
  GenZipf *zipf = g_new0 (GenZipf, 1);
  GenWide total = 0;
  cut_ranges (zipf, parents);
  g_autofree GenWide *sums = g_new0 (GenWide, zipf->count + 1);
  for (unsigned int i = 0; i < zipf->count; i++)
    {
      uint64_t first = zipf->ranges[i].rank, end = zipf->ranges[i + 1].rank;
      sums[i] = total;
      total += (GenWide) weight_48 (middle_16 (first, end), exponent) * (end - first);
    }
  /* Both below 2^63, so that their product with a row number fits. */
  unsigned int shift = 0;
  while (total >> shift >> 63 != 0)
    shift++;
  for (unsigned int i = 0; i < zipf->count; i++)
    zipf->ranges[i].row
        = gen_scale ((uint64_t) (sums[i] >> shift), rows, (uint64_t) (total >> shift));
  zipf->ranges[zipf->count].row = rows;
  return zipf;
}

void
gen_zipf_free (GenZipf *zipf)
{
  g_free (zipf);
}

static const Range *
range_of (const GenZipf *zipf, uint64_t row)
{
  unsigned int low = 0, high = zipf->count;
  while (high - low > 1)
    {
      unsigned int middle = (low + high) / 2;
      if (zipf->ranges[middle].row <= row)
        low = middle;
      else
        high = middle;
    }
  return &zipf->ranges[low];
}

/* Rank R of a range of RANKS owns its rows ceil (R * ROWS / RANKS) .. before ceil ((R + 1) * ROWS / RANKS). */
void
gen_zipf_find (const GenZipf *zipf, uint64_t row, uint64_t *ret_rank, uint64_t *ret_ordinal)
{
  const Range *range = range_of (zipf, row);
  uint64_t ranks = range[1].rank - range->rank, rows = range[1].row - range->row;
  uint64_t offset = row - range->row;
  uint64_t rank = gen_scale (offset, ranks, rows);
  uint64_t first = gen_scale (rank, rows, ranks);
  if (gen_scale (first, ranks, rows) < rank)
    first++;
  *ret_rank = range->rank + rank;
  *ret_ordinal = offset - first;
}

uint64_t
gen_zipf_most (const GenZipf *zipf)
{
  uint64_t most = 0;
  for (unsigned int i = 0; i < zipf->count; i++)
    {
      const Range *range = &zipf->ranges[i];
      uint64_t ranks = range[1].rank - range->rank, rows = range[1].row - range->row;
      most = MAX (most, rows / ranks + (rows % ranks != 0));
    }
  return most;
}
