/*
 * A few threads that do one thing together: the first error stops all and is the one reported.
 */
#pragma once

#include "base/error.h"

typedef struct Parallel Parallel;

/* WORKER is 0..count-1. Long work should look at parallel_stopped now and then. */
typedef bool (*ParallelFn) (Parallel *parallel, unsigned int worker, void *data, GError **error);

/* Runs FUNCTION in COUNT threads and waits for all of them. */
bool parallel_run (unsigned int count, ParallelFn function, void *data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* True once another worker has failed. */
bool parallel_stopped (const Parallel *parallel);

/* False, with KEEL_ERROR_CANCELLED set, once another worker has failed. */
bool parallel_check (const Parallel *parallel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Hands out 0, 1, 2, ... each once, to whichever worker asks next. */
unsigned int parallel_next (Parallel *parallel);
