#include "../testing.h"
#include "base/digest.h"

#include <string.h>

static void
test_sha256_of_abc (void **state)
{
  (void) state;
  uint8_t sum[SHA256_BYTES], again[SHA256_BYTES];
  sha256_of ("abc", 3, sum);
  g_autofree char *hex = sha256_hex (sum);
  /* FIPS 180-4's example. */
  assert_string_equal (hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_true (sha256_from_hex (hex, again));
  assert_memory_equal (sum, again, sizeof sum);
  assert_false (sha256_from_hex ("ba78", again));
  hex[0] = 'g';
  assert_false (sha256_from_hex (hex, again));
}

static void
test_row_digest_ignores_order_and_sees_everything_else (void **state)
{
  (void) state;
  RowDigest a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
  row_digest_add (&a, "one", 3);
  row_digest_add (&a, "two", 3);
  row_digest_add (&b, "two", 3);
  row_digest_add (&b, "one", 3);
  assert_true (row_digest_equal (&a, &b));
  row_digest_add (&c, "one", 3);
  row_digest_add (&c, "one", 3);
  assert_false (row_digest_equal (&a, &c));
  row_digest_add (&d, "onetwo", 6);
  row_digest_add (&d, "", 0);
  assert_false (row_digest_equal (&a, &d));
}

static void
test_row_digest_carries_and_merges (void **state)
{
  (void) state;
  RowDigest high = { .high = 1, .low = UINT64_MAX, .rows = 1 };
  RowDigest one = { .high = 2, .low = 1, .rows = 1 };
  row_digest_merge (&high, &one);
  assert_true (high.high == 4 && high.low == 0 && high.rows == 2);
  g_autofree char *hex = row_digest_hex (&high);
  assert_string_equal (hex, "00000000000000040000000000000000");
  RowDigest read = { .rows = 2 };
  assert_true (row_digest_from_hex (hex, &read));
  assert_true (row_digest_equal (&read, &high));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_sha256_of_abc),
    cmocka_unit_test (test_row_digest_ignores_order_and_sees_everything_else),
    cmocka_unit_test (test_row_digest_carries_and_merges),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
