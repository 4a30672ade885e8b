#include "deploy/command_sampler.h"

#include "base/clock.h"

#include <string.h>

#define POLL_US 500

struct CommandSampler
{
  DbConn *conn;
  char *ours; /* an array of process ids, as SQL text */
  GThread *thread;
  int stop; /* atomic */
  int64_t last_us;
  CommandSamples samples;
  GHashTable *sessions;
  GError *problem;
};

void
command_samples_clear (CommandSamples *samples)
{
  g_clear_pointer (&samples->locks, g_hash_table_unref);
  *samples = (CommandSamples){ 0 };
}

/* Sessions without locks are seen too, which proves that the command came here. */
static const char sample_sql[]
    = "SELECT s.pid, l.relation, l.mode, l.granted\n"
      "  FROM pg_catalog.pg_stat_get_activity(NULL) s\n"
      "  LEFT JOIN pg_catalog.pg_locks l\n"
      "    ON l.pid = s.pid AND l.locktype = 'relation' AND l.relation >= 16384\n"
      " WHERE s.datid = (SELECT oid FROM pg_catalog.pg_database\n"
      "                   WHERE datname = pg_catalog.current_database())\n"
      "   AND s.pid <> ALL ($1::int[])";

static void
note_row (CommandSampler *sampler, const DbResult *result, int row, int64_t since_us)
{
  g_hash_table_add (sampler->sessions, g_strdup (db_result_text (result, row, 0)));
  if (db_result_is_null (result, row, 1))
    return;
  g_autofree char *key
      = g_strdup_printf ("%s:%s", db_result_text (result, row, 1), db_result_text (result, row, 2));
  SampledLock *lock = g_hash_table_lookup (sampler->samples.locks, key);
  if (lock == NULL)
    {
      lock = g_new0 (SampledLock, 1);
      g_hash_table_insert (sampler->samples.locks, g_steal_pointer (&key), lock);
    }
  *(db_result_bool (result, row, 3) ? &lock->held_us : &lock->waited_us) += since_us;
}

static bool
take_sample (CommandSampler *sampler, GError **error)
{
  const char *const params[] = { sampler->ours };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (sampler->conn, sample_sql, 1, params, &result, error))
    return false;
  int64_t now_us = clock_monotonic_us ();
  for (int row = 0; row < db_result_rows (result); row++)
    note_row (sampler, result, row, now_us - sampler->last_us);
  sampler->last_us = now_us;
  sampler->samples.sample_count++;
  return true;
}

static void *
run (void *data)
{
  CommandSampler *sampler = data;
  while (g_atomic_int_get (&sampler->stop) == 0 && take_sample (sampler, &sampler->problem))
    g_usleep (POLL_US);
  return NULL;
}

bool
command_sampler_start (DbConn *conn, int other_pid, CommandSampler **ret_sampler, GError **error)
{
  CommandSampler *sampler = g_new0 (CommandSampler, 1);
  sampler->conn = conn;
  sampler->ours = g_strdup_printf ("{%d,%d}", db_backend_pid (conn), other_pid);
  sampler->samples.locks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  sampler->sessions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  sampler->last_us = clock_monotonic_us ();
  sampler->thread = g_thread_try_new ("sampler", run, sampler, error);
  if (sampler->thread != NULL)
    {
      *ret_sampler = sampler;
      return true;
    }
  g_hash_table_unref (sampler->sessions);
  command_samples_clear (&sampler->samples);
  g_free (sampler->ours);
  g_free (sampler);
  return false;
}

bool
command_sampler_stop (CommandSampler *sampler, CommandSamples *ret_samples, GError **error)
{
  g_atomic_int_set (&sampler->stop, 1);
  g_thread_join (sampler->thread);
  bool done = sampler->problem == NULL;
  sampler->samples.session_count = g_hash_table_size (sampler->sessions);
  if (done)
    {
      *ret_samples = sampler->samples;
      sampler->samples = (CommandSamples){ 0 };
    }
  else
    g_propagate_error (error, g_steal_pointer (&sampler->problem));
  g_hash_table_unref (sampler->sessions);
  command_samples_clear (&sampler->samples);
  g_free (sampler->ours);
  g_free (sampler);
  return done;
}

void
command_samples_note (const CommandSamples *samples, GHashTable *before, GHashTable *now,
                      Measurement *measurement)
{
  GHashTableIter iter;
  void *key, *value;
  measurement->sample_count = samples->sample_count;
  g_hash_table_iter_init (&iter, samples->locks);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const SampledLock *lock = value;
      g_auto (GStrv) parts = g_strsplit (key, ":", 2);
      const Relation *known = g_hash_table_lookup (before, parts[0]);
      const Relation *made = g_hash_table_lookup (now, parts[0]);
      const Relation *relation = known != NULL ? known : made;
      /* What a command makes and removes again has no name any more. */
      if (relation == NULL)
        continue;
      measurement_add_lock (measurement, relation->name, relation->kind, known == NULL, parts[1]);
      measurement_add_lock_time (measurement, relation->name, parts[1], lock->held_us,
                                 lock->waited_us);
    }
  measurement_sort_locks (measurement);
}
