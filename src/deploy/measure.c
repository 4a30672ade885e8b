#include "deploy/measure.h"
#include "base/clock.h"
#include "deploy/relations.h"
#include "deploy/sampler.h"

#include <string.h>

struct Measure
{
  DbConn *work;
  DbConn *watch;   /* looks from outside */
  DbConn *samples; /* lent to the sampler */
  char pid[16];
  RunObserver observer;
  GPtrArray *measured; /* of Measurement */
  const MigrateScript *script;

  char *transaction;     /* the one that relations, held and counted are true of */
  GHashTable *relations; /* OID -> Relation */
  GHashTable *held;      /* "OID:mode" */
  bool counted;          /* relations know what the transaction has counted so far */

  Sampler *sampler;
  int64_t started_us;
  int64_t wal_before, size_before;
};

/* --- looking --------------------------------------------------------------------------------- */

/* Where WAL and size are, and which transaction the session is in. */
static bool
look (Measure *measure, int64_t *ret_wal, int64_t *ret_size, char **ret_transaction, GError **error)
{
  static const char sql[]
      = "SELECT (pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint,\n"
        "       pg_catalog.pg_database_size(pg_catalog.current_database()),\n"
        "       (SELECT virtualtransaction FROM pg_catalog.pg_locks\n"
        "         WHERE pid = $1::int AND locktype = 'virtualxid' AND granted LIMIT 1)";
  const char *const params[] = { measure->pid };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (measure->watch, sql, 1, params, &result, error))
    return false;
  *ret_wal = db_result_int64 (result, 0, 0);
  *ret_size = db_result_int64 (result, 0, 1);
  if (ret_transaction != NULL)
    *ret_transaction = g_strdup (db_result_text (result, 0, 2));
  return true;
}

/* The locks that the session holds, as "OID:mode". */
static bool
read_locks (Measure *measure, GHashTable **ret_locks, GError **error)
{
  static const char sql[]
      = "SELECT relation::text || ':' || mode\n"
        "  FROM pg_catalog.pg_locks\n"
        " WHERE pid = $1::int AND locktype = 'relation' AND granted AND relation >= 16384";
  const char *const params[] = { measure->pid };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (measure->watch, sql, 1, params, &result, error))
    return false;
  GHashTable *locks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (int row = 0; row < db_result_rows (result); row++)
    g_hash_table_add (locks, g_strdup (db_result_text (result, row, 0)));
  *ret_locks = locks;
  return true;
}

/* What the transaction itself sees of the relations it has locked. Counters go on from one transaction
 * to the next until the server collects them, so only differences count. */
static bool
read_own (Measure *measure, DbResult **ret_result, GError **error)
{
  static const char sql[]
      = "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind, c.relfilenode,\n"
        "       pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid),\n"
        "       pg_catalog.pg_stat_get_xact_tuples_updated(c.oid),\n"
        "       pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)\n"
        "  FROM pg_catalog.pg_class c\n"
        "  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace\n"
        " WHERE c.oid OPERATOR(pg_catalog.>=) 16384\n"
        "   AND ($1::pg_catalog.bool OR c.oid OPERATOR(pg_catalog.=) ANY (ARRAY(\n"
        "     SELECT l.relation FROM pg_catalog.pg_locks l\n"
        "      WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()\n"
        "        AND l.locktype OPERATOR(pg_catalog.=) 'relation')))\n"
        " ORDER BY 2";
  /* Before the first statement nothing is locked, and any table may have been counted before. */
  const char *const params[] = { measure->counted ? "f" : "t" };
  return db_query (measure->work, sql, 1, params, ret_result, error);
}

/* --- noting ---------------------------------------------------------------------------------- */

static void
note_new_locks (Measure *measure, Measurement *measurement, GHashTable *locks)
{
  GHashTableIter iter;
  void *key;
  g_hash_table_iter_init (&iter, locks);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      g_auto (GStrv) parts = g_strsplit (key, ":", 2);
      const Relation *relation = g_hash_table_lookup (measure->relations, parts[0]);
      /* What a statement makes and removes again has no name any more. */
      if (relation != NULL && !g_hash_table_contains (measure->held, key))
        measurement_add_lock (measurement, relation->name, relation->kind, relation->is_new,
                              parts[1]);
    }
  measurement_sort_locks (measurement);
}

/* Takes over what the transaction sees now; MEASUREMENT (NULL: none) is told the differences. */
static void
take_own (Measure *measure, const DbResult *own, Measurement *measurement)
{
  for (int row = 0; row < db_result_rows (own); row++)
    {
      const char *oid = db_result_text (own, row, 0);
      Relation *now = relation_new (own, row);
      const Relation *before = g_hash_table_lookup (measure->relations, oid);
      now->inserted = db_result_int64 (own, row, 4);
      now->updated = db_result_int64 (own, row, 5);
      now->deleted = db_result_int64 (own, row, 6);
      now->is_new = before == NULL || before->is_new;
      if (measurement != NULL && before != NULL)
        relation_note_file (measurement, before, now);
      if (measurement != NULL && measure->counted && strchr ("rm", now->kind) != NULL)
        measurement_add_rows (measurement, now->name,
                              now->inserted - (before != NULL ? before->inserted : 0),
                              now->updated - (before != NULL ? before->updated : 0),
                              now->deleted - (before != NULL ? before->deleted : 0));
      g_hash_table_insert (measure->relations, g_strdup (oid), now);
    }
  measure->counted = true;
}

/* --- around a statement ---------------------------------------------------------------------- */

/* Every transaction begins with what is committed, and holds nothing. */
static bool
begin_transaction (Measure *measure, const char *transaction, GError **error)
{
  GHashTable *relations;
  if (measure->transaction != NULL && strcmp (measure->transaction, transaction) == 0
      && *transaction != '\0')
    return true;
  if (!relations_read (measure->watch, &relations, error))
    return false;
  g_clear_pointer (&measure->relations, g_hash_table_unref);
  measure->relations = relations;
  g_hash_table_remove_all (measure->held);
  measure->counted = false;
  g_free (measure->transaction);
  measure->transaction = g_strdup (transaction);
  return true;
}

/* SET TRANSACTION refuses to come after a query of ours. */
static bool
may_ask (const Measure *measure, const ScriptStatement *statement)
{
  return db_in_transaction (measure->work) && !statement->sets_session
         && !g_str_has_prefix (statement->class.tag != NULL ? statement->class.tag : "", "SET");
}

static bool
waits_for_snapshots (SqlKind kind)
{
  return kind == SQL_KIND_CONCURRENT_INDEX || kind == SQL_KIND_CONCURRENT_REINDEX;
}

/* A unit that is tried again is measured again; the rounds of a batch add up. */
static Measurement *
open_measurement (Measure *measure, const MigrateScript *script, guint index)
{
  if (measure->script != script)
    {
      measure->script = script;
      g_ptr_array_set_size (measure->measured, 0);
    }
  while (measure->measured->len > 0)
    {
      Measurement *last = measure->measured->pdata[measure->measured->len - 1];
      bool goes_on
          = last->index == index && !last->failed && migrate_script_at (script, index)->is_batch;
      if (goes_on)
        return last;
      if (last->index < index)
        break;
      g_ptr_array_set_size (measure->measured, (int) measure->measured->len - 1);
    }
  Measurement *measurement = measurement_new (script, index);
  g_ptr_array_add (measure->measured, measurement);
  return measurement;
}

/* Tables that, while we hold them, hold the statement up: it waits for whoever works with them. Of an
 * index that is its table; a table that loses a partition waits for those who use the partition. *RET_SQL
 * locks them; NULL: there are none, or the statement waits for snapshots anyway. */
static bool
find_bait (Measure *measure, const SqlClass *class, char **ret_sql, GError **error)
{
  static const char sql[]
      = "SELECT DISTINCT pg_catalog.format('LOCK TABLE ONLY %I.%I IN ACCESS SHARE MODE',\n"
        "                                  n.nspname, t.relname)\n"
        "  FROM pg_catalog.pg_class c\n"
        "  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid\n"
        "  LEFT JOIN pg_catalog.pg_inherits h ON h.inhparent = c.oid\n"
        "  JOIN pg_catalog.pg_class t ON t.oid = coalesce(i.indrelid, h.inhrelid)\n"
        "  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace\n"
        " WHERE c.relname = $1 AND c.relkind IN ('i', 'p') AND c.oid >= 16384\n"
        "   AND ($2::text IS NULL OR n.nspname = $2)";
  const char *const params[] = { class->name, class->schema };
  *ret_sql = NULL;
  if ((class->kind != SQL_KIND_CONCURRENT_DROP && class->kind != SQL_KIND_CONCURRENT_DETACH)
      || class->name == NULL)
    return true;
  g_autoptr (DbResult) result = NULL;
  if (!db_query (measure->watch, sql, 2, params, &result, error))
    return false;
  g_autoptr (GString) text = g_string_new (NULL);
  for (int row = 0; row < db_result_rows (result); row++)
    g_string_append_printf (text, "%s;", db_result_text (result, row, 0));
  if (text->len > 0)
    *ret_sql = g_string_free (g_steal_pointer (&text), FALSE);
  return true;
}

static bool
start_sampling (Measure *measure, const ScriptStatement *statement, GError **error)
{
  const SqlClass *class = &statement->class;
  g_autofree char *bait = NULL;
  if (!find_bait (measure, class, &bait, error))
    return false;
  SamplerSpec spec = { .conn = measure->samples,
                       .backend_pid = db_backend_pid (measure->work),
                       .holds_up = bait != NULL || waits_for_snapshots (class->kind),
                       .bait = bait };
  return sampler_start (&spec, &measure->sampler, error);
}

static bool
before_statement (const MigrateScript *script, guint index, void *data, GError **error)
{
  Measure *measure = data;
  const ScriptStatement *statement = migrate_script_at (script, index);
  g_autofree char *transaction = NULL;
  g_autoptr (DbResult) own = NULL;
  Measurement *measurement = open_measurement (measure, script, index);
  measurement->is_alone = !db_in_transaction (measure->work);
  if (!look (measure, &measure->wal_before, &measure->size_before, &transaction, error)
      || !begin_transaction (measure, transaction, error))
    return false;
  if (may_ask (measure, statement) && !measure->counted)
    {
      if (!read_own (measure, &own, error))
        return false;
      take_own (measure, own, NULL);
    }
  if (measurement->is_alone && !start_sampling (measure, statement, error))
    return false;
  measure->started_us = clock_monotonic_us ();
  return true;
}

/* In its transaction, or after it has ended. */
static bool
measure_inside (Measure *measure, Measurement *measurement, GError **error)
{
  g_autoptr (GHashTable) locks = NULL;
  g_autoptr (DbResult) own = NULL;
  const ScriptStatement *statement = migrate_script_at (measure->script, measurement->index);
  if (!read_locks (measure, &locks, error))
    return false;
  if (may_ask (measure, statement))
    {
      if (!read_own (measure, &own, error))
        return false;
      take_own (measure, own, measurement);
    }
  note_new_locks (measure, measurement, locks);
  g_hash_table_unref (measure->held);
  measure->held = g_steal_pointer (&locks);
  return true;
}

static bool
measure_alone (Measure *measure, Measurement *measurement, GHashTable *locks, GError **error)
{
  g_autoptr (GHashTable) relations = NULL;
  GHashTableIter iter;
  void *oid, *value;
  if (!relations_read (measure->watch, &relations, error))
    return false;
  g_hash_table_iter_init (&iter, relations);
  while (g_hash_table_iter_next (&iter, &oid, &value))
    {
      const Relation *before = g_hash_table_lookup (measure->relations, oid);
      if (before != NULL)
        relation_note_file (measurement, before, value);
      else
        {
          Relation *now = relation_copy (value);
          now->is_new = true;
          g_hash_table_insert (measure->relations, g_strdup (oid), now);
        }
    }
  note_new_locks (measure, measurement, locks);
  return true;
}

static bool
after_statement (const MigrateScript *script, guint index, bool done, int64_t rows, void *data,
                 GError **error)
{
  Measure *measure = data;
  (void) script;
  (void) index;
  int64_t elapsed_us = clock_monotonic_us () - measure->started_us;
  Measurement *measurement = measure->measured->pdata[measure->measured->len - 1];
  g_autoptr (GHashTable) sampled = NULL;
  int64_t wal, size;
  measurement->elapsed_us += elapsed_us;
  measurement->rounds++;
  measurement->failed = !done;
  Sampler *sampler = g_steal_pointer (&measure->sampler);
  guint samples = 0;
  if (sampler != NULL && !sampler_stop (sampler, &sampled, &samples, error))
    return false;
  measurement->sample_count += samples;
  if (!done)
    return true;
  if (rows >= 0)
    measurement->rows = MAX (measurement->rows, 0) + rows;
  if (!look (measure, &wal, &size, NULL, error))
    return false;
  measurement->wal_bytes += wal - measure->wal_before;
  measurement->size_bytes += size - measure->size_before;
  if (sampled != NULL ? measure_alone (measure, measurement, sampled, error)
                      : measure_inside (measure, measurement, error))
    return true;
  return prefix_error (error, "measuring what it did");
}

/* Belongs to the last statement of the transaction; a transaction of none is nobody's. */
static void
after_commit (const MigrateScript *script, guint first, bool done, int64_t elapsed_us, void *data)
{
  Measure *measure = data;
  Measurement *last = measure->script == script && measure->measured->len > 0
                          ? measure->measured->pdata[measure->measured->len - 1]
                          : NULL;
  if (last == NULL || last->index < first)
    return;
  last->commit_us = MAX (last->commit_us, 0) + elapsed_us;
  last->commit_failed = !done;
}

/* --- the whole ------------------------------------------------------------------------------- */

bool
measure_new (DbConn *work, const char *url, const char *database, Measure **ret_measure,
             GError **error)
{
  g_autoptr (Measure) measure = g_new0 (Measure, 1);
  measure->work = work;
  measure->observer = (RunObserver){
    .before = before_statement, .after = after_statement, .committed = after_commit, .data = measure
  };
  measure->measured = g_ptr_array_new_with_free_func ((GDestroyNotify) measurement_free);
  measure->held = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_snprintf (measure->pid, sizeof measure->pid, "%d", db_backend_pid (work));
  if (!db_connect (url, database, &db_retry_default, &measure->watch, error)
      || !db_connect (url, database, &db_retry_default, &measure->samples, error))
    return false;
  *ret_measure = g_steal_pointer (&measure);
  return true;
}

void
measure_free (Measure *measure)
{
  if (measure == NULL)
    return;
  g_clear_pointer (&measure->relations, g_hash_table_unref);
  g_hash_table_unref (measure->held);
  g_ptr_array_unref (measure->measured);
  db_conn_free (measure->watch);
  db_conn_free (measure->samples);
  g_free (measure->transaction);
  g_free (measure);
}

const RunObserver *
measure_observer (Measure *measure)
{
  return &measure->observer;
}

GPtrArray *
measure_take (Measure *measure)
{
  GPtrArray *measured = measure->measured;
  measure->measured = g_ptr_array_new_with_free_func ((GDestroyNotify) measurement_free);
  measure->script = NULL;
  return measured;
}
