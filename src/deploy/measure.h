/*
 * Measures every statement of a migration while it runs on a copy that nobody else works in.
 *
 * Locks and WAL are looked at from a second session; what only the transaction itself can see (new
 * files, counted rows) is asked in it, after the statement. Statements that run outside of a
 * transaction are sampled while they run (sampler.h).
 */
#pragma once

#include "deploy/measurement.h"
#include "migrate/run.h"

typedef struct Measure Measure;

/* WORK is the session that runs migrations; URL and DATABASE are for sessions of ours, of a superuser. */
bool measure_new (DbConn *work, const char *url, const char *database, Measure **ret_measure,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void measure_free (Measure *measure);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Measure, measure_free)

/* To be given to run_new; owned by MEASURE. */
const RunObserver *measure_observer (Measure *measure);

/* The measurements since the last call, of one script; GPtrArray of Measurement. */
GPtrArray *measure_take (Measure *measure);
