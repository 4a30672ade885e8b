#include "backup/compare.h"
#include "backup/large_objects.h"
#include "backup/objects.h"
#include "backup/scan.h"
#include "backup/snapshot.h"
#include "backup/source.h"

#include <string.h>

#define JOBS_MAX 8

void
compare_result_clear (CompareResult *result)
{
  g_clear_pointer (&result->differences, g_ptr_array_unref);
}

typedef struct
{
  const CompareSpec *spec;
  const BackupIndex *index;
  Report *report;
  Snapshot *snapshot;
  GHashTable *digests; /* ScanTable to RowDigest */
  GMutex lock;         /* over digests */
  CompareResult *result;
} Compare;

static void G_GNUC_PRINTF (2, 3) differ (Compare *compare, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (compare->result->differences, g_strdup_vprintf (format, args));
  va_end (args);
}

typedef struct
{
  Compare *compare;
  const ScanTable *table;
  RowDigest digest;
} Digester;

static bool
digester_begin (void *state, const ScanTable *table, GError **error)
{
  (void) error;
  Digester *digester = state;
  digester->table = table;
  digester->digest = (RowDigest){ 0 };
  return true;
}

static bool
digester_row (void *state, const char *line, size_t length, GError **error)
{
  (void) error;
  Digester *digester = state;
  row_digest_add (&digester->digest, line, length - 1);
  return true;
}

static bool
digester_end (void *state, GError **error)
{
  (void) error;
  Digester *digester = state;
  g_mutex_lock (&digester->compare->lock);
  RowDigest *sum = g_hash_table_lookup (digester->compare->digests, digester->table);
  if (sum == NULL)
    {
      sum = g_new0 (RowDigest, 1);
      g_hash_table_insert (digester->compare->digests, (gpointer) digester->table, sum);
    }
  row_digest_merge (sum, &digester->digest);
  g_mutex_unlock (&digester->compare->lock);
  return true;
}

static bool
scan (Compare *compare, GPtrArray *tables, GError **error)
{
  static const ScanSink sink = { digester_begin, digester_row, digester_end };
  guint count = compare->snapshot->workers->len;
  g_autofree Digester *digesters = g_new0 (Digester, count);
  g_autofree void **states = g_new0 (void *, count);
  for (guint i = 0; i < count; i++)
    {
      digesters[i].compare = compare;
      states[i] = &digesters[i];
    }
  return scan_run (compare->snapshot->workers, tables, &sink, states, "comparing", compare->report,
                   error);
}

/* Pairs the tables of the backup with those of the database. */
static GPtrArray *
pair_tables (Compare *compare)
{
  GPtrArray *tables = g_ptr_array_new ();
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < compare->snapshot->tables->len; i++)
    {
      ScanTable *table = compare->snapshot->tables->pdata[i];
      g_hash_table_insert (found, db_quote_name (table->schema, table->name), table);
    }
  for (guint i = 0; i < compare->index->tables->len; i++)
    {
      BackupTable *wanted = compare->index->tables->pdata[i];
      if (compare->spec->only != NULL && compare->spec->only != wanted)
        continue;
      const CompareSpec *spec = compare->spec;
      g_autofree char *key
          = db_quote_name (spec->only_schema != NULL ? spec->only_schema : wanted->schema,
                           spec->only_name != NULL ? spec->only_name : wanted->name);
      ScanTable *table = g_hash_table_lookup (found, key);
      compare->result->tables_total++;
      if (table == NULL)
        differ (compare, "table %s.%s is missing", wanted->schema, wanted->name);
      else if (!scan_table_arrange (table, wanted->columns))
        differ (compare, "table %s.%s has other columns", wanted->schema, wanted->name);
      else
        {
          table->entry = wanted;
          g_ptr_array_add (tables, table);
        }
    }
  return tables;
}

static const RowDigest *
digest_of (const Compare *compare, const ScanTable *table)
{
  static const RowDigest none = { 0 };
  const RowDigest *digest = g_hash_table_lookup (compare->digests, table);
  return digest != NULL ? digest : &none;
}

/* Partitions whose rows may lie in one another are compared together: digests add up. */
static void
judge_root (Compare *compare, GPtrArray *tables, const ScanTable *first)
{
  RowDigest found = { 0 }, wanted = { 0 };
  uint64_t count = 0;
  for (guint i = 0; i < tables->len; i++)
    {
      const ScanTable *table = tables->pdata[i];
      if (table->entry->root_name == NULL
          || strcmp (table->entry->root_name, first->entry->root_name) != 0
          || strcmp (table->entry->root_schema, first->entry->root_schema) != 0)
        continue;
      /* Only the first of them speaks for all. */
      if (count == 0 && table != first)
        return;
      row_digest_merge (&found, digest_of (compare, table));
      row_digest_merge (&wanted, &table->entry->digest);
      count++;
    }
  compare->result->rows += found.rows;
  if (row_digest_equal (&found, &wanted))
    compare->result->tables_equal += count;
  else
    differ (compare,
            "the partitions of %s.%s together hold %" G_GUINT64_FORMAT
            " rows, which are not the %" G_GUINT64_FORMAT " of the backup",
            first->entry->root_schema, first->entry->root_name, found.rows, wanted.rows);
}

static void
judge_table (Compare *compare, const ScanTable *table)
{
  const RowDigest *digest = digest_of (compare, table);
  const BackupTable *wanted = table->entry;
  compare->result->rows += digest->rows;
  if (row_digest_equal (digest, &wanted->digest))
    compare->result->tables_equal++;
  else if (digest->rows != wanted->digest.rows)
    differ (compare, "table %s.%s has %" G_GUINT64_FORMAT " rows instead of %" G_GUINT64_FORMAT,
            wanted->schema, wanted->name, digest->rows, wanted->digest.rows);
  else
    differ (compare, "table %s.%s has as many rows, but their contents differ", wanted->schema,
            wanted->name);
}

static bool
compare_tables (Compare *compare, GError **error)
{
  g_autoptr (GPtrArray) tables = pair_tables (compare);
  if (!scan (compare, tables, error))
    return false;
  for (guint i = 0; i < tables->len; i++)
    {
      const ScanTable *table = tables->pdata[i];
      if (table->entry->root_name != NULL && compare->spec->only == NULL)
        judge_root (compare, tables, table);
      else
        judge_table (compare, table);
    }
  return true;
}

static bool
compare_sequences (Compare *compare, GError **error)
{
  g_autoptr (BackupIndex) live = backup_index_new ();
  g_autofree char *sql = NULL;
  if (!source_read_sequences (compare->snapshot->main, live, &sql, error))
    return false;
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < live->sequences->len; i++)
    {
      BackupSequence *sequence = live->sequences->pdata[i];
      g_hash_table_insert (found, db_quote_name (sequence->schema, sequence->name), sequence);
    }
  for (guint i = 0; i < compare->index->sequences->len; i++)
    {
      const BackupSequence *wanted = compare->index->sequences->pdata[i];
      g_autofree char *key = db_quote_name (wanted->schema, wanted->name);
      const BackupSequence *sequence = g_hash_table_lookup (found, key);
      compare->result->sequences_total++;
      if (sequence != NULL && sequence->last_value == wanted->last_value
          && sequence->is_called == wanted->is_called)
        compare->result->sequences_equal++;
      else
        differ (compare, "sequence %s.%s is %s", wanted->schema, wanted->name,
                sequence == NULL ? "missing" : "at another position");
    }
  return true;
}

static bool
compare_large_objects (Compare *compare, GError **error)
{
  uint64_t count;
  RowDigest digest;
  if (!large_objects_digest (compare->snapshot->main, &count, &digest, error))
    return false;
  compare->result->large_objects_equal
      = count == compare->index->large_object_count
        && row_digest_equal (&digest, &compare->index->large_object_digest);
  if (!compare->result->large_objects_equal)
    differ (compare, "large objects differ: %" G_GUINT64_FORMAT " instead of %" G_GUINT64_FORMAT,
            count, compare->index->large_object_count);
  return true;
}

static bool
compare_schema (Compare *compare, GError **error)
{
  g_autoptr (BackupIndex) live = backup_index_new ();
  if (compare->index->fingerprint == NULL)
    return true;
  if (!objects_read (compare->snapshot->main, live, error))
    return false;
  compare->result->schema_compared = true;
  compare->result->schema_equal = strcmp (live->fingerprint, compare->index->fingerprint) == 0;
  if (compare->result->schema_equal)
    return true;
  g_autoptr (GPtrArray) lines = objects_compare (compare->index, live);
  for (guint i = 0; i < lines->len; i++)
    differ (compare, "schema: %s", (const char *) lines->pdata[i]);
  if (lines->len == 0)
    differ (compare, "the schema has another fingerprint than when it was backed up");
  return true;
}

/* An index on a partitioned table may rightly lack partitions; any other has to be valid. */
static bool
check_indexes (Compare *compare, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (compare->snapshot->main,
                 "SELECT pg_catalog.count(*),"
                 "       pg_catalog.count(*) FILTER (WHERE i.indisvalid AND i.indisready"
                 "                                      OR c.relkind = 'I'),"
                 "       pg_catalog.string_agg(c.oid::pg_catalog.regclass::text, ', ')"
                 "         FILTER (WHERE NOT (i.indisvalid AND i.indisready) AND c.relkind = 'i')"
                 "  FROM pg_catalog.pg_index i"
                 "  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
                 "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                 " WHERE n.nspname !~ '^pg_'",
                 0, NULL, &result, error))
    return false;
  compare->result->indexes_total = (uint64_t) db_result_int64 (result, 0, 0);
  compare->result->indexes_valid = (uint64_t) db_result_int64 (result, 0, 1);
  if (!db_result_is_null (result, 0, 2))
    differ (compare, "invalid indexes: %s", db_result_text (result, 0, 2));
  return true;
}

bool
compare_run (const CompareSpec *spec, const BackupIndex *index, Report *report,
             CompareResult *ret_result, GError **error)
{
  g_auto (CompareResult) result = { .differences = g_ptr_array_new_with_free_func (g_free) };
  g_autoptr (Snapshot) snapshot = NULL;
  g_autoptr (GHashTable) digests
      = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free);
  SnapshotSpec wanted = { .url = spec->url, .database = spec->database };
  wanted.worker_count
      = spec->job_count > 0 ? spec->job_count : MIN (g_get_num_processors (), JOBS_MAX);
  if (spec->single != NULL ? !snapshot_borrow (spec->single, &snapshot, error)
                           : !snapshot_open (&wanted, report, &snapshot, error))
    return false;
  Compare compare = { .spec = spec,
                      .index = index,
                      .report = report,
                      .snapshot = snapshot,
                      .digests = digests,
                      .result = &result };
  g_mutex_init (&compare.lock);
  bool all = spec->only == NULL;
  bool done
      = (!spec->expect_data || compare_tables (&compare, error))
        && (!all || !spec->expect_data
            || (compare_sequences (&compare, error) && compare_large_objects (&compare, error)))
        && (!all || !spec->expect_schema
            || (check_indexes (&compare, error) && compare_schema (&compare, error)));
  g_mutex_clear (&compare.lock);
  if (!done)
    return false;
  *ret_result = result;
  result = (CompareResult){ 0 };
  return true;
}
