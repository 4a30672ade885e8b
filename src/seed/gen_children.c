#include "seed/gen_children.h"

#include "seed/gen_random.h"

#include <glib.h>
#include <stdbool.h>

/* How many children the first of the pair PAIR has. */
static uint64_t
first_of_pair (const GenChildren *children, uint64_t pair)
{
  uint64_t word = gen_word (children->key, gen_row_word (pair));
  return children->low + gen_reduce (word, children->high - children->low + 1);
}

static uint64_t
count_rows (const GenChildren *children)
{
  uint64_t pairs = children->parents / 2;
  if (children->kind != GEN_CHILDREN_RANGE)
    return children->parents * children->low;
  return pairs * (children->low + children->high)
         + (children->parents % 2 != 0 ? first_of_pair (children, pairs) : 0);
}

void
gen_children_init (GenChildren *children, GenChildrenKind kind, uint64_t parents, uint64_t low,
                   uint64_t high, unsigned int exponent, uint64_t key)
{
  *children
      = (GenChildren){ .kind = kind, .parents = parents, .low = low, .high = high, .key = key };
  children->rows = parents > 0 ? count_rows (children) : 0;
  children->most = high;
  if (kind != GEN_CHILDREN_ZIPF || children->rows == 0)
    return;
  children->zipf = gen_zipf_new (children->rows, parents, exponent);
  children->most = gen_zipf_most (children->zipf);
  gen_permute_init (&children->ranks, parents, key);
}

void
gen_children_clear (GenChildren *children)
{
  g_clear_pointer (&children->zipf, gen_zipf_free);
}

static void
find_in_range (const GenChildren *children, uint64_t row, uint64_t *ret_parent,
               uint64_t *ret_ordinal)
{
  uint64_t both = children->low + children->high;
  uint64_t pair = row / both, offset = row % both;
  uint64_t first = first_of_pair (children, pair);
  bool is_second = offset >= first;
  *ret_parent = 2 * pair + is_second;
  *ret_ordinal = offset - (is_second ? first : 0);
}

void
gen_children_find (const GenChildren *children, uint64_t row, uint64_t *ret_parent,
                   uint64_t *ret_ordinal)
{
  uint64_t rank;
  switch (children->kind)
    {
    case GEN_CHILDREN_FIXED:
      *ret_parent = row / children->low;
      *ret_ordinal = row % children->low;
      return;
    case GEN_CHILDREN_RANGE: find_in_range (children, row, ret_parent, ret_ordinal); return;
    case GEN_CHILDREN_ZIPF:
      gen_zipf_find (children->zipf, row, &rank, ret_ordinal);
      *ret_parent = gen_permute (&children->ranks, rank);
      return;
    }
}
