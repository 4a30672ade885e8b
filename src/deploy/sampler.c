#include "deploy/sampler.h"

#include <string.h>

#define POLL_US 500

struct Sampler
{
  DbConn *conn;
  char pid[16];
  bool holds_up; /* an old snapshot is open */
  GThread *thread;
  int stop; /* atomic */
  GHashTable *locks;
  guint count;
  GError *problem;
};

/* Relations that are no catalogues, and what the session waits for. pg_locks is read anew each time,
 * whatever the snapshot. */
static const char sample_sql[]
    = "SELECT l.locktype, l.relation, l.mode, l.granted\n"
      "  FROM pg_catalog.pg_locks l\n"
      " WHERE l.pid = $1::int\n"
      "   AND (l.locktype = 'relation' AND l.relation >= 16384 OR NOT l.granted)";

static bool
take_sample (Sampler *sampler, GError **error)
{
  const char *const params[] = { sampler->pid };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (sampler->conn, sample_sql, 1, params, &result, error))
    return false;
  bool waits = false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      waits |= !db_result_bool (result, row, 3);
      /* What it waits for, it gets as soon as we are gone. */
      if (strcmp (db_result_text (result, row, 0), "relation") == 0)
        g_hash_table_add (sampler->locks, g_strdup_printf ("%s:%s", db_result_text (result, row, 1),
                                                           db_result_text (result, row, 2)));
    }
  sampler->count++;
  if (!waits || !sampler->holds_up)
    return true;
  sampler->holds_up = false;
  return db_exec (sampler->conn, "COMMIT", error);
}

static void *
run (void *data)
{
  Sampler *sampler = data;
  while (g_atomic_int_get (&sampler->stop) == 0 && take_sample (sampler, &sampler->problem))
    g_usleep (POLL_US);
  /* However it ended: nobody must go on waiting for us. */
  (void) !db_rollback (sampler->conn);
  return NULL;
}

bool
sampler_start (const SamplerSpec *spec, Sampler **ret_sampler, GError **error)
{
  g_autofree char *sql
      = g_strdup_printf ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; %s"
                         " SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace",
                         spec->bait != NULL ? spec->bait : "");
  if (spec->holds_up && !db_exec (spec->conn, sql, error))
    return false;
  Sampler *sampler = g_new0 (Sampler, 1);
  sampler->conn = spec->conn;
  sampler->holds_up = spec->holds_up;
  g_snprintf (sampler->pid, sizeof sampler->pid, "%d", spec->backend_pid);
  sampler->locks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  sampler->thread = g_thread_new ("sampler", run, sampler);
  *ret_sampler = sampler;
  return true;
}

bool
sampler_stop (Sampler *sampler, GHashTable **ret_locks, guint *ret_count, GError **error)
{
  g_atomic_int_set (&sampler->stop, 1);
  g_thread_join (sampler->thread);
  bool done = sampler->problem == NULL;
  if (done)
    {
      *ret_locks = g_steal_pointer (&sampler->locks);
      *ret_count = sampler->count;
    }
  else
    g_propagate_error (error, g_steal_pointer (&sampler->problem));
  g_clear_pointer (&sampler->locks, g_hash_table_unref);
  g_free (sampler);
  return done;
}
