#include "../folder.h"
#include "base/parallel.h"

#include <stdatomic.h>

#define WORKERS 8
#define ITEMS 10000

typedef struct
{
  atomic_uint taken[ITEMS];
  atomic_uint workers_seen;
} Work;

static bool
take_items (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  Work *work = data;
  unsigned int item;
  atomic_fetch_or (&work->workers_seen, 1u << worker);
  while ((item = parallel_next (parallel)) < ITEMS)
    atomic_fetch_add (&work->taken[item], 1);
  return parallel_check (parallel, error);
}

static void
test_every_item_goes_to_one_worker (void **state)
{
  (void) state;
  static Work work;
  g_autoptr (GError) error = NULL;
  assert_true (parallel_run (WORKERS, take_items, &work, &error));
  assert_no_error (error);
  for (int i = 0; i < ITEMS; i++)
    assert_int_equal (work.taken[i], 1);
  assert_int_equal (work.workers_seen, (1u << WORKERS) - 1);
}

/* Worker 3 fails; the others work until they hear of it. */
static bool
fail_third (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  atomic_uint *stopped = data;
  if (worker == 3)
    return keel_error (error, KEEL_ERROR_SERVER, "Look.", "worker %u broke", worker);
  while (!parallel_stopped (parallel))
    g_usleep (100);
  atomic_fetch_add (stopped, 1);
  return parallel_check (parallel, error);
}

static void
test_the_first_error_stops_all_and_is_reported (void **state)
{
  (void) state;
  atomic_uint stopped = 0;
  g_autoptr (GError) error = NULL;
  assert_false (parallel_run (WORKERS, fail_third, &stopped, &error));
  assert_error (error, KEEL_ERROR_SERVER, "worker 3 broke");
  assert_string_equal (keel_error_hint (error), "Look.");
  assert_int_equal (stopped, WORKERS - 1);
}

static bool
fail_always (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  (void) parallel;
  (void) data;
  return keel_error (error, KEEL_ERROR_FAILED, NULL, "worker %u", worker);
}

static void
test_many_errors_are_one (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  assert_false (parallel_run (WORKERS, fail_always, NULL, &error));
  assert_error (error, KEEL_ERROR_FAILED, "worker ");
  assert_false (parallel_run (WORKERS, fail_always, NULL, NULL));
}

static void
test_no_workers_have_nothing_to_do (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  assert_true (parallel_run (0, fail_always, NULL, &error));
  assert_no_error (error);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_every_item_goes_to_one_worker),
    cmocka_unit_test (test_the_first_error_stops_all_and_is_reported),
    cmocka_unit_test (test_many_errors_are_one),
    cmocka_unit_test (test_no_workers_have_nothing_to_do),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
