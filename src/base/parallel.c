#include "base/parallel.h"

#include <stdatomic.h>

struct Parallel
{
  ParallelFn function;
  void *data;
  atomic_bool stopped;
  atomic_uint next;
  GMutex lock;
  GError *error; /* the first */
};

typedef struct
{
  Parallel *parallel;
  unsigned int number;
} Worker;

static void *
run_worker (void *data)
{
  Worker *worker = data;
  Parallel *parallel = worker->parallel;
  GError *error = NULL;
  if (!parallel->function (parallel, worker->number, parallel->data, &error))
    {
      g_mutex_lock (&parallel->lock);
      if (parallel->error == NULL)
        parallel->error = g_steal_pointer (&error);
      g_mutex_unlock (&parallel->lock);
      atomic_store (&parallel->stopped, true);
      g_clear_error (&error);
    }
  return NULL;
}

bool
parallel_run (unsigned int count, ParallelFn function, void *data, GError **error)
{
  Parallel parallel = { .function = function, .data = data };
  g_mutex_init (&parallel.lock);
  g_autofree Worker *workers = g_new0 (Worker, count);
  g_autofree GThread **threads = g_new0 (GThread *, count);
  for (unsigned int i = 0; i < count; i++)
    {
      workers[i] = (Worker){ &parallel, i };
      threads[i] = g_thread_new ("worker", run_worker, &workers[i]);
    }
  for (unsigned int i = 0; i < count; i++)
    g_thread_join (threads[i]);
  g_mutex_clear (&parallel.lock);
  bool done = !atomic_load (&parallel.stopped);
  if (parallel.error != NULL)
    g_propagate_error (error, parallel.error);
  return done;
}

bool
parallel_stopped (const Parallel *parallel)
{
  return atomic_load (&parallel->stopped);
}

bool
parallel_check (const Parallel *parallel, GError **error)
{
  if (!parallel_stopped (parallel))
    return true;
  return keel_error (error, KEEL_ERROR_CANCELLED, NULL, "stopped because another worker failed");
}

unsigned int
parallel_next (Parallel *parallel)
{
  return atomic_fetch_add (&parallel->next, 1);
}
