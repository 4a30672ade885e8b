#include "seed/gen_random.h"

#include "base/digest.h"

#include <string.h>

uint64_t
gen_key (uint64_t seed, const char *schema, const char *table, const char *column)
{
  g_autoptr (Sha256) hash = sha256_new ();
  uint8_t sum[SHA256_BYTES];
  const uint64_t seed_bytes = GUINT64_TO_BE (seed);
  uint64_t key;
  sha256_update (hash, &seed_bytes, sizeof seed_bytes);
  sha256_update (hash, schema, strlen (schema) + 1);
  sha256_update (hash, table, strlen (table) + 1);
  sha256_update (hash, column, strlen (column));
  sha256_finish (hash, sum);
  memcpy (&key, sum, sizeof key);
  return GUINT64_FROM_BE (key);
}
