#include "seed/gen_permute.h"

#include "seed/gen_random.h"

#include <glib.h>

static unsigned int
bits_for (uint64_t count)
{
  unsigned int bits = 0;
  while (bits < 64 && (UINT64_C (1) << bits) < count)
    bits++;
  return bits;
}

void
gen_permute_init (GenPermute *permute, uint64_t count, uint64_t key)
{
  g_assert (count > 0 && count <= GEN_PERMUTE_MAX);
  unsigned int bits = bits_for (count);
  permute->count = count;
  permute->left_bits = bits / 2;
  permute->right_bits = bits - bits / 2;
  for (unsigned int i = 0; i < GEN_PERMUTE_ROUNDS; i++)
    {
      key = gen_next (key);
      permute->keys[i] = key;
    }
}

static inline uint64_t
mask_of (unsigned int bits)
{
  return (UINT64_C (1) << bits) - 1;
}

/* Even rounds change the left half by the right one, odd rounds the other way round: each can be undone,
 * whatever the mixer does and however wide the halves are. */
static uint64_t
encipher (const GenPermute *permute, uint64_t number)
{
  uint64_t left = number >> permute->right_bits;
  uint64_t right = number & mask_of (permute->right_bits);
  for (unsigned int i = 0; i < GEN_PERMUTE_ROUNDS; i += 2)
    {
      left ^= gen_mix (right + permute->keys[i]) & mask_of (permute->left_bits);
      right ^= gen_mix (left + permute->keys[i + 1]) & mask_of (permute->right_bits);
    }
  return left << permute->right_bits | right;
}

uint64_t
gen_permute (const GenPermute *permute, uint64_t number)
{
  if (permute->count == 1)
    return 0;
  do
    number = encipher (permute, number);
  while (number >= permute->count);
  return number;
}
