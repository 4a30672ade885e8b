#include "backup/load_keys.h"
#include "base/parallel.h"
#include "db/conn.h"
#include "sql/split.h"

#include <string.h>

/* Tables small enough are built in no time, whatever their order. */
#define LARGE_TABLES_MAX 64

typedef struct
{
  char *sql;            /* with the settings that precede it */
  uint64_t weight_bytes; /* of the largest table it names */
  bool is_parallel;
  bool retry;           /* lost a deadlock */
} Job;

static void
job_clear (void *data)
{
  g_free (((Job *) data)->sql);
}

typedef struct
{
  const LoadKeys *keys;
  GArray *jobs; /* of Job */
} Run;

static int
compare_tables (const void *a, const void *b)
{
  const BackupTable *const *first = a, *const *second = b;
  return ((*first)->raw_bytes < (*second)->raw_bytes) - ((*first)->raw_bytes > (*second)->raw_bytes);
}

static GPtrArray *
list_large_tables (const LoadKeys *keys)
{
  const BackupIndex *index = backup_reader_index (keys->reader);
  GPtrArray *tables = g_ptr_array_new ();
  for (guint i = 0; i < index->tables->len; i++)
    if (g_hash_table_contains (keys->names, index->tables->pdata[i]))
      g_ptr_array_add (tables, index->tables->pdata[i]);
  g_ptr_array_sort (tables, compare_tables);
  g_ptr_array_set_size (tables, (gint) MIN (tables->len, LARGE_TABLES_MAX));
  return tables;
}

static uint64_t
weigh (const LoadKeys *keys, GPtrArray *tables, const char *sql)
{
  for (guint i = 0; i < tables->len; i++)
    {
      const BackupTable *table = tables->pdata[i];
      const char *name = g_hash_table_lookup (keys->names, table);
      const char *at = strstr (sql, name);
      char after = at != NULL ? at[strlen (name)] : '\0';
      if (at != NULL && (g_ascii_isspace (after) || after == '(' || after == '\0'))
        return table->raw_bytes;
    }
  return 0;
}

/* "SET name = ..." changes what all later statements see: the latest of each name goes with them. */
static bool
note_setting (GHashTable *settings, const char *sql)
{
  if (!g_str_has_prefix (sql, "SET "))
    return false;
  const char *name = sql + strlen ("SET ");
  g_hash_table_replace (settings, g_strndup (name, strcspn (name, " =")), g_strdup (sql));
  return true;
}

static char *
with_settings (GHashTable *settings, const char *sql)
{
  GString *text = g_string_new (NULL);
  GHashTableIter iterator;
  gpointer setting;
  g_hash_table_iter_init (&iterator, settings);
  while (g_hash_table_iter_next (&iterator, NULL, &setting))
    g_string_append_printf (text, "%s;\n", (const char *) setting);
  g_string_append (text, sql);
  return g_string_free (text, FALSE);
}

/* Only what builds an index or adds a constraint runs side by side. What follows such a statement
 * in the dump (CLUSTER ON, ATTACH PARTITION, SET STATISTICS) needs it, and takes no time. */
static bool
is_parallel (const char *sql)
{
  return g_str_has_prefix (sql, "CREATE INDEX ") || g_str_has_prefix (sql, "CREATE UNIQUE INDEX ")
         || (g_str_has_prefix (sql, "ALTER TABLE ") && strstr (sql, " ADD CONSTRAINT ") != NULL);
}

static void
add_jobs (Run *run, const char *text, size_t length)
{
  g_autoptr (GPtrArray) tables = list_large_tables (run->keys);
  g_autoptr (GHashTable) settings
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GArray) statements = sql_split (text, length);
  for (guint i = 0; i < statements->len; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      g_autofree char *sql = g_strndup (text + statement->start, statement->length);
      if (note_setting (settings, sql))
        continue;
      Job job = { .sql = with_settings (settings, sql), .is_parallel = is_parallel (sql),
                  .weight_bytes = weigh (run->keys, tables, sql) };
      g_array_append_val (run->jobs, job);
    }
}

static bool
run_job (DbConn *conn, const Job *job, GError **error)
{
  if (db_exec (conn, job->sql, error))
    return true;
  const char *last = g_strrstr (job->sql, ";\n");
  g_autofree char *flat = g_strdup (last != NULL ? last + 2 : job->sql);
  g_strdelimit (flat, "\r\n\t", ' ');
  g_autofree char *valid = g_utf8_make_valid (flat, -1);
  return prefix_error (error, "%.200s", valid);
}

static bool
key_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  Run *run = data;
  for (unsigned int i; (i = parallel_next (parallel)) < run->jobs->len;)
    {
      Job *job = &g_array_index (run->jobs, Job, i);
      g_autoptr (GError) problem = NULL;
      if (!parallel_check (parallel, error))
        return false;
      if (run_job (run->keys->conns->pdata[number], job, &problem))
        continue;
      job->retry = run->keys->own_transactions
                   && g_strcmp0 (keel_error_sqlstate (problem), "40P01") == 0;
      if (!job->retry)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
    }
  return true;
}

static int
compare_jobs (const void *a, const void *b)
{
  const Job *first = a, *second = b;
  return (first->weight_bytes < second->weight_bytes) - (first->weight_bytes > second->weight_bytes);
}

static bool
run_batch (Run *run, GError **error)
{
  g_array_sort (run->jobs, compare_jobs);
  if (!parallel_run (run->keys->conns->len, key_worker, run, error))
    return false;
  for (guint i = 0; i < run->jobs->len; i++)
    {
      const Job *job = &g_array_index (run->jobs, Job, i);
      if (job->retry && !run_job (run->keys->conns->pdata[0], job, error))
        return false;
    }
  return true;
}

/* The statements that need others come after all others, in order. */
static bool
run_all (Run *run, GError **error)
{
  g_autoptr (GArray) later = g_array_new (FALSE, FALSE, sizeof (Job));
  g_array_set_clear_func (later, job_clear);
  for (guint i = 0; i < run->jobs->len;)
    {
      Job *job = &g_array_index (run->jobs, Job, i);
      if (job->is_parallel)
        {
          i++;
          continue;
        }
      Job moved = { .sql = g_steal_pointer (&job->sql) };
      g_array_append_val (later, moved);
      g_array_remove_index (run->jobs, i);
    }
  if (!run_batch (run, error))
    return false;
  for (guint i = 0; i < later->len; i++)
    if (!run_job (run->keys->conns->pdata[0], &g_array_index (later, Job, i), error))
      return false;
  return true;
}

bool
load_keys (const LoadKeys *keys, BackupMemberKind kind, GError **error)
{
  const BackupIndex *index = backup_reader_index (keys->reader);
  g_autoptr (GArray) jobs = g_array_new (FALSE, FALSE, sizeof (Job));
  g_array_set_clear_func (jobs, job_clear);
  Run run = { keys, jobs };
  for (guint i = 0; i < index->members->len; i++)
    {
      const BackupMember *member = &g_array_index (index->members, BackupMember, i);
      g_autofree char *text = NULL;
      size_t length;
      if (member->kind != kind)
        continue;
      if (!backup_reader_read_text (keys->reader, member, &text, &length, error))
        return false;
      add_jobs (&run, text, length);
    }
  return run_all (&run, error);
}
