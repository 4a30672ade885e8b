#include "../testing.h"
#include "seed/gen_calendar.h"
#include "seed/gen_children.h"
#include "seed/gen_permute.h"
#include "seed/gen_random.h"
#include "seed/gen_zipf.h"

#include <string.h>

/* --- words ------------------------------------------------------------------------------------ */

/* These may never change: databases that were generated say so. */
static void
test_words_are_the_same_for_ever (void **state)
{
  (void) state;
  assert_true (gen_mix (0) == 0);
  assert_true (gen_mix (1) == UINT64_C (0x5692161d100b05e5));
  /* The first outputs of SplitMix64 with seed 0, which are known from its paper's implementations. */
  assert_true (gen_row_word (0) == UINT64_C (0xe220a8397b1dcdaf));
  assert_true (gen_row_word (1) == UINT64_C (0x6e789e6aa1b965f4));
  assert_true (gen_row_word (2) == UINT64_C (0x06c45d188009454f));
  /* echo -n: seed 42 as 8 bytes, "public", NUL, "users", NUL, "email" | sha256sum */
  assert_true (gen_key (42, "public", "users", "email") == UINT64_C (0x5c8b5d1bb99647ad));
}

static void
test_keys_tell_names_apart (void **state)
{
  (void) state;
  assert_true (gen_key (1, "a", "bc", "d") != gen_key (1, "ab", "c", "d"));
  assert_true (gen_key (1, "a", "b", "c") != gen_key (2, "a", "b", "c"));
}

static void
test_reduction_stays_below_and_is_even (void **state)
{
  (void) state;
  unsigned int counts[10] = { 0 };
  for (uint64_t row = 0; row < 100000; row++)
    counts[gen_reduce (gen_word (7, gen_row_word (row)), 10)]++;
  for (size_t i = 0; i < 10; i++)
    assert_in_range (counts[i], 9700, 10300);
  assert_true (gen_reduce (UINT64_MAX, 0) == UINT64_MAX);
  assert_true (gen_reduce (UINT64_MAX, 3) == 2);
}

/* --- permutations ----------------------------------------------------------------------------- */

static void
check_permutation (uint64_t count, uint64_t key)
{
  g_autofree uint8_t *seen = g_new0 (uint8_t, count);
  GenPermute permute;
  uint64_t at_home = 0;
  gen_permute_init (&permute, count, key);
  for (uint64_t i = 0; i < count; i++)
    {
      uint64_t to = gen_permute (&permute, i);
      assert_true (to < count);
      assert_false (seen[to]);
      seen[to] = 1;
      at_home += to == i;
    }
  /* One is to be expected. */
  if (count > 100)
    assert_true (at_home < 12);
}

static void
test_permutations_hit_every_number_once (void **state)
{
  (void) state;
  for (uint64_t count = 1; count <= 300; count++)
    check_permutation (count, count * 31);
  static const uint64_t counts[] = { 1296, 4095, 4096, 4097, 65537, 1000003 };
  for (size_t i = 0; i < G_N_ELEMENTS (counts); i++)
    check_permutation (counts[i], 5);
}

static void
test_large_permutations_stay_below (void **state)
{
  (void) state;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  GenPermute permute;
  gen_permute_init (&permute, GEN_PERMUTE_MAX, 9);
  for (uint64_t i = 0; i < 10000; i++)
    {
      uint64_t *to = g_new (uint64_t, 1);
      *to = gen_permute (&permute, GEN_PERMUTE_MAX - 1 - i);
      assert_true (*to < GEN_PERMUTE_MAX);
      assert_true (g_hash_table_add (seen, to));
    }
}

/* --- children --------------------------------------------------------------------------------- */

/* Every row belongs to one parent, the children of each are numbered from 0, and there are as many as LOW to
 * HIGH; *RET_COUNTS: how many each parent has. */
static void
check_children (const GenChildren *children, uint64_t low, uint64_t high, uint64_t **ret_counts)
{
  uint64_t *counts = g_new0 (uint64_t, children->parents);
  g_autofree uint64_t *sums = g_new0 (uint64_t, children->parents);
  for (uint64_t row = 0; row < children->rows; row++)
    {
      uint64_t parent, ordinal;
      gen_children_find (children, row, &parent, &ordinal);
      assert_true (parent < children->parents);
      assert_true (ordinal < children->most);
      counts[parent]++;
      sums[parent] += ordinal;
    }
  for (uint64_t i = 0; i < children->parents; i++)
    {
      assert_in_range (counts[i], low, high);
      assert_int_equal (sums[i], counts[i] == 0 ? 0 : counts[i] * (counts[i] - 1) / 2);
    }
  *ret_counts = counts;
}

static void
test_fixed_numbers_of_children (void **state)
{
  (void) state;
  g_autofree uint64_t *counts = NULL;
  GenChildren children;
  gen_children_init (&children, GEN_CHILDREN_FIXED, 1000, 3, 3, 0, 1);
  assert_int_equal (children.rows, 3000);
  check_children (&children, 3, 3, &counts);
}

static void
test_ranges_of_children_are_even (void **state)
{
  (void) state;
  for (uint64_t parents = 1; parents < 8; parents++)
    {
      g_autofree uint64_t *counts = NULL;
      GenChildren children;
      gen_children_init (&children, GEN_CHILDREN_RANGE, parents, 0, 5, 0, parents);
      check_children (&children, 0, 5, &counts);
    }
  g_autofree uint64_t *counts = NULL;
  unsigned int frequency[8] = { 0 };
  GenChildren children;
  gen_children_init (&children, GEN_CHILDREN_RANGE, 50001, 2, 7, 0, 5);
  check_children (&children, 2, 7, &counts);
  for (uint64_t i = 0; i < 50001; i++)
    frequency[counts[i]]++;
  for (size_t i = 2; i <= 7; i++)
    assert_in_range (frequency[i], 8000, 8700);
}

static int
compare_down (const void *a, const void *b)
{
  uint64_t first = *(const uint64_t *) a, second = *(const uint64_t *) b;
  return first < second ? 1 : first > second ? -1 : 0;
}

/* Rank k has 1 / k of what rank 1 has. */
static void
test_zipf_has_its_shape (void **state)
{
  (void) state;
  g_autofree uint64_t *counts = NULL;
  GenChildren children;
  gen_children_init (&children, GEN_CHILDREN_ZIPF, 10000, 20, 20, 1000, 3);
  assert_int_equal (children.rows, 200000);
  check_children (&children, 0, children.most, &counts);
  qsort (counts, 10000, sizeof *counts, compare_down);
  /* H(10000) = 9.7876 */
  assert_in_range (counts[0], 20200, 20600);
  for (uint64_t rank = 2; rank <= 1000; rank++)
    {
      uint64_t wanted = counts[0] / rank;
      assert_in_range (counts[rank - 1], wanted - wanted / 30 - 1, wanted + wanted / 30 + 1);
    }
  assert_int_equal (counts[0], children.most);
  gen_children_clear (&children);
}

static void
test_zipf_weights_are_powers (void **state)
{
  (void) state;
  const uint64_t one = UINT64_C (1) << 32;
  static const struct
  {
    uint64_t k;
    unsigned int exponent;
    uint64_t divisor; /* of 2^32 */
  } cases[] = { { 1, 1000, 1 }, { 2, 1000, 2 },  { 7, 1000, 7 },     { 1000, 1000, 1000 },
                { 4, 500, 2 },  { 9, 2000, 81 }, { 10, 3000, 1000 }, { 100, 500, 10 },
                { 5, 0, 1 },    { 1, 4000, 1 } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      uint64_t weight = gen_zipf_weight (cases[i].k << 16, cases[i].exponent);
      uint64_t wanted = one / cases[i].divisor;
      assert_in_range (weight, wanted - wanted / 1000000 - 2, wanted + wanted / 1000000 + 2);
    }
}

static void
test_zipf_has_room_for_any_number (void **state)
{
  (void) state;
  static const uint64_t parents[]
      = { 1, 2, 63, 64, 65, 1000000007, UINT64_C (1) << 40, GEN_PERMUTE_MAX };
  static const unsigned int exponents[] = { 0, 500, 1000, 1500, 4000 };
  for (size_t i = 0; i < G_N_ELEMENTS (parents); i++)
    for (size_t j = 0; j < G_N_ELEMENTS (exponents); j++)
      {
        uint64_t rank, ordinal, before = 0;
        GenZipf *zipf = gen_zipf_new (GEN_PERMUTE_MAX, parents[i], exponents[j]);
        for (uint64_t step = 0; step < 1000; step++)
          {
            gen_zipf_find (zipf, step * (GEN_PERMUTE_MAX / 1000), &rank, &ordinal);
            assert_true (rank < parents[i] && rank >= before);
            before = rank;
          }
        gen_zipf_find (zipf, GEN_PERMUTE_MAX - 1, &rank, &ordinal);
        assert_true (rank < parents[i]);
        gen_zipf_free (zipf);
      }
}

/* --- calendar --------------------------------------------------------------------------------- */

static void
test_every_day_of_800_years (void **state)
{
  (void) state;
  int64_t year = 1599, before_year = 0;
  unsigned int month, day, before_month = 0, before_day = 0;
  assert_int_equal (gen_days_of_date (2000, 1, 1), 0);
  assert_int_equal (gen_days_of_date (1970, 1, 1), -10957);
  assert_int_equal (gen_days_of_date (2024, 2, 29), 8825);
  for (int64_t days = gen_days_of_date (1600, 1, 1); days < gen_days_of_date (2400, 1, 1); days++)
    {
      gen_date_of_days (days, &year, &month, &day);
      assert_int_equal (gen_days_of_date (year, month, day), days);
      assert_true (g_date_valid_dmy ((GDateDay) day, (GDateMonth) month, (GDateYear) year));
      assert_true (year > before_year || (year == before_year && month > before_month)
                   || (year == before_year && month == before_month && day > before_day));
      before_year = year;
      before_month = month;
      before_day = day;
    }
}

static void
test_times_are_read (void **state)
{
  (void) state;
  int64_t us;
  assert_true (gen_parse_timestamp ("2000-01-02 00:00:01.5", &us) && us == GEN_DAY_US + 1500000);
  assert_true (gen_parse_timestamp ("1999-12-31T23:59Z", &us) && us == -60000000);
  assert_true (gen_parse_timestamp ("2000-01-01 00:00:00+00", &us) && us == 0);
  assert_true (gen_parse_time ("23:59:59", &us) && us == INT64_C (86399000000));
  static const char *const bad[]
      = { "",         "2023-02-29",          "2023-13-01",     "2023-1-1", "2023-01-01x",
          "20230101", "2023-01-01 24:00:00", "2023-01-01 1:00" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (gen_parse_timestamp (bad[i], &us));
  assert_false (gen_parse_time ("12", &us));
}

int
main (void)
{
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_words_are_the_same_for_ever),
    cmocka_unit_test (test_keys_tell_names_apart),
    cmocka_unit_test (test_reduction_stays_below_and_is_even),
    cmocka_unit_test (test_permutations_hit_every_number_once),
    cmocka_unit_test (test_large_permutations_stay_below),
    cmocka_unit_test (test_fixed_numbers_of_children),
    cmocka_unit_test (test_ranges_of_children_are_even),
    cmocka_unit_test (test_zipf_has_its_shape),
    cmocka_unit_test (test_zipf_weights_are_powers),
    cmocka_unit_test (test_zipf_has_room_for_any_number),
    cmocka_unit_test (test_every_day_of_800_years),
    cmocka_unit_test (test_times_are_read),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
