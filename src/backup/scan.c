#include "backup/scan.h"
#include "base/parallel.h"
#include "db/copy.h"

#include <string.h>

#define BLOCK_BYTES 8192
/* A range is long enough that starting it costs nothing, and short enough that the last ones keep
 * all workers busy to the end. */
#define RANGE_BYTES (32 * UINT64_C (1048576))
/* What part of a table that one worker may read alone is left for whoever has time at the end. */
#define TAIL_DIVISOR 8

void
scan_table_free (ScanTable *table)
{
  g_free (table->oid);
  g_free (table->schema);
  g_free (table->name);
  g_free (table->root_schema);
  g_free (table->root_name);
  g_free (table->quoted_root);
  g_free (table->quoted_name);
  g_free (table->column_list);
  g_strfreev (table->columns);
  g_free (table->condition);
  g_free (table);
}

/* Columns of the query: oid, schema, name, quoted name, column list, condition,
 * heap bytes, total bytes, whether its storage knows ctid ranges, whether an extension owns it; and of
 * the root through which rows must be loaded: schema, name, quoted name, column list. That is so
 * under a partitioned table that hashes an enum: the hash is of the value's OID, which is another one
 * in every copy. */
static const char tables_sql[]
    = "WITH columns AS MATERIALIZED ("
      "  SELECT attrelid,"
      "         pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum) AS list"
      "    FROM pg_catalog.pg_attribute"
      "   WHERE attnum > 0 AND NOT attisdropped AND attgenerated = ''"
      "   GROUP BY attrelid)"
      "SELECT c.oid, n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname),"
      "       coalesce(a.list, ''), x.condition,"
      "       pg_catalog.pg_relation_size(c.oid), pg_catalog.pg_table_size(c.oid),"
      "       coalesce(am.amname = 'heap', false), d.objid IS NOT NULL,"
      "       rn.nspname, rc.relname,"
      "       CASE WHEN rc.oid IS NOT NULL"
      "         THEN pg_catalog.format('%I.%I', rn.nspname, rc.relname) END,"
      "       coalesce(ra.list, '')"
      "  FROM pg_catalog.pg_class c"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      "  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam"
      "  LEFT JOIN columns a ON a.attrelid = c.oid"
      "  LEFT JOIN LATERAL (SELECT pg_catalog.pg_partition_root(c.oid) AS oid"
      "     WHERE c.relispartition AND EXISTS ("
      "       SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) p"
      "         JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = p.relid"
      "         JOIN pg_catalog.pg_opclass o ON o.oid = ANY (t.partclass::pg_catalog.oid[])"
      "        WHERE t.partstrat = 'h' AND o.opcname = 'enum_ops')) r ON true"
      "  LEFT JOIN pg_catalog.pg_class rc ON rc.oid = r.oid"
      "  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace"
      "  LEFT JOIN columns ra ON ra.attrelid = r.oid"
      "  LEFT JOIN pg_catalog.pg_depend d"
      "         ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid"
      "        AND d.objsubid = 0 AND d.deptype = 'e'"
      "  LEFT JOIN (SELECT pg_catalog.unnest(extconfig) AS oid,"
      "                    pg_catalog.unnest(extcondition) AS condition"
      "               FROM pg_catalog.pg_extension) x ON x.oid = c.oid"
      " WHERE c.relkind = 'r' AND c.relpersistence <> 't'"
      "   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
      "   AND (d.objid IS NULL OR x.oid IS NOT NULL)"
      "   AND (c.relpersistence = 'p' OR NOT pg_catalog.pg_is_in_recovery())"
      " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* Text as it can stand in JSON: databases in SQL_ASCII may hold any bytes in names. */
static char *
utf8_text (const DbResult *result, int row, int column)
{
  return text_escape_invalid (db_result_text (result, row, column));
}

/* "a, \"b, c\"" as its elements; quotes inside a name are doubled, which closes and opens again. */
static GPtrArray *
split_list (const char *list)
{
  GPtrArray *elements = g_ptr_array_new_with_free_func (g_free);
  const char *start = list;
  bool is_quoted = false;
  for (const char *at = list; *at != '\0'; at++)
    {
      is_quoted ^= *at == '"';
      if (is_quoted || *at != ',')
        continue;
      g_ptr_array_add (elements, g_strndup (start, (gsize) (at - start)));
      start = at + strlen (", ");
    }
  if (*list != '\0')
    g_ptr_array_add (elements, g_strdup (start));
  return elements;
}

/* The names in a column list. */
static char **
parse_columns (const char *list)
{
  g_autoptr (GPtrArray) quoted = split_list (list);
  char **columns = g_new0 (char *, quoted->len + 1);
  for (guint i = 0; i < quoted->len; i++)
    {
      g_autoptr (GString) name = g_string_new (quoted->pdata[i]);
      if (name->str[0] == '"')
        {
          g_string_truncate (name, name->len - 1);
          g_string_erase (name, 0, 1);
          g_string_replace (name, "\"\"", "\"", 0);
        }
      columns[i] = text_escape_invalid (name->str);
    }
  return columns;
}

static ScanTable *
table_of_row (const DbResult *own, const DbResult *utf8, int row, bool has_tid_scan)
{
  ScanTable *table = g_new0 (ScanTable, 1);
  table->oid = g_strdup (db_result_text (own, row, 0));
  table->schema = utf8_text (utf8, row, 1);
  table->name = utf8_text (utf8, row, 2);
  table->quoted_name = g_strdup (db_result_text (own, row, 3));
  table->column_list = g_strdup (db_result_text (own, row, 4));
  table->columns = parse_columns (db_result_text (utf8, row, 4));
  if (*db_result_text (own, row, 5) != '\0')
    table->condition = g_strdup (db_result_text (own, row, 5));
  table->heap_bytes = (uint64_t) db_result_int64 (own, row, 6);
  table->total_bytes = (uint64_t) db_result_int64 (own, row, 7);
  table->can_split = has_tid_scan && db_result_bool (own, row, 8);
  table->is_extension_member = db_result_bool (own, row, 9);
  if (db_result_is_null (own, row, 10))
    return table;
  table->root_schema = utf8_text (utf8, row, 10);
  table->root_name = utf8_text (utf8, row, 11);
  table->quoted_root = g_strdup (db_result_text (own, row, 12));
  /* One order of columns for all partitions, so that the digests of their rows add up. */
  g_auto (GStrv) columns = parse_columns (db_result_text (utf8, row, 13));
  if (!scan_table_arrange (table, columns))
    g_clear_pointer (&table->root_name, g_free);
  return table;
}

/* Runs the query once more with names in UTF-8 when the database's encoding is another one. */
static bool
query_utf8 (DbConn *conn, DbResult **ret_result, GError **error)
{
  return db_exec (conn, "SET client_encoding = 'UTF8'", error)
         && db_query (conn, tables_sql, 0, NULL, ret_result, error)
         && db_exec (conn,
                     "SELECT pg_catalog.set_config('client_encoding',"
                     " pg_catalog.current_setting('server_encoding'), false)",
                     error);
}

bool
scan_list_tables (DbConn *conn, GPtrArray **ret_tables, GError **error)
{
  g_autoptr (DbResult) own = NULL;
  g_autoptr (DbResult) utf8 = NULL;
  g_autofree char *encoding = NULL;
  if (!db_query_text (conn, "SHOW server_encoding", 0, NULL, &encoding, error)
      || !db_query (conn, tables_sql, 0, NULL, &own, error))
    return false;
  bool is_utf8 = strcmp (encoding, "UTF8") == 0 || strcmp (encoding, "SQL_ASCII") == 0;
  if (!is_utf8 && !query_utf8 (conn, &utf8, error))
    return false;
  if (!is_utf8 && db_result_rows (own) != db_result_rows (utf8))
    return keel_error (error, KEEL_ERROR_FAILED, NULL,
                       "the list of tables changed while it was read");
  GPtrArray *tables = g_ptr_array_new_with_free_func ((GDestroyNotify) scan_table_free);
  bool has_tid_scan = db_server_major (conn) >= 14;
  for (int row = 0; row < db_result_rows (own); row++)
    g_ptr_array_add (tables, table_of_row (own, is_utf8 ? own : utf8, row, has_tid_scan));
  *ret_tables = tables;
  return true;
}

bool
scan_table_arrange (ScanTable *table, char **wanted)
{
  guint count = g_strv_length (wanted);
  g_autoptr (GPtrArray) quoted = split_list (table->column_list);
  g_autoptr (GString) list = g_string_new (NULL);
  if (g_strv_length (table->columns) != count || quoted->len != count)
    return false;
  for (guint i = 0; i < count; i++)
    {
      guint j = 0;
      while (j < count && strcmp (table->columns[j], wanted[i]) != 0)
        j++;
      if (j == count)
        return false;
      g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", (const char *) quoted->pdata[j]);
    }
  g_strfreev (table->columns);
  table->columns = g_strdupv (wanted);
  g_free (table->column_list);
  table->column_list = g_string_free (g_steal_pointer (&list), FALSE);
  return true;
}

typedef struct
{
  const ScanTable *table;
  uint64_t first_block;
  uint64_t end_block; /* 0: to the end of the table, however long it is by now */
  bool is_whole, is_head;
  guint before_count; /* ranges of lower levels */
  uint64_t weight_bytes;
} Range;

typedef struct
{
  GPtrArray *conns;
  GArray *ranges;
  const ScanSink *sink;
  void *const *states;
  const char *phase;
  Report *report;
  GMutex lock; /* over the progress */
  uint64_t done_bytes, total_bytes, rows;
  bool has_levels;
  guint done_ranges;
  GCond changed; /* done_ranges has */
} Scan;

/* What on_row needs; one per worker. */
typedef struct
{
  Scan *scan;
  const Parallel *parallel;
  void *state;
  uint64_t left_bytes;    /* of the range's weight that progress has not counted yet */
  uint64_t pending_bytes; /* seen since progress was told */
  uint64_t pending_rows;
} Worker;

static void
add_range (GArray *ranges, const ScanTable *table, uint64_t first, uint64_t end)
{
  uint64_t blocks = table->heap_bytes / BLOCK_BYTES;
  Range range = { .table = table, .first_block = first, .end_block = end < blocks ? end : 0 };
  range.weight_bytes = table->total_bytes / blocks * (end - first);
  g_array_append_val (ranges, range);
}

/* A table of no more than a worker's fair share is read by one of them: a plain scan goes through a
 * small ring of buffers, where ranges of ctid push everything else out of the server's cache. If it is
 * a good part of that share, the last of its blocks are left to even out who ends when: the scan of
 * the others then passes over those, which costs little. */
static void
add_ranges (GArray *ranges, const ScanTable *table, uint64_t fair_share_bytes)
{
  uint64_t blocks = table->heap_bytes / BLOCK_BYTES;
  uint64_t step = RANGE_BYTES / BLOCK_BYTES, first = 0;
  bool is_alone = table->total_bytes <= fair_share_bytes;
  if (!table->can_split || table->condition != NULL || blocks <= step
      || (is_alone && table->total_bytes <= fair_share_bytes / 4))
    {
      Range whole = { .table = table, .is_whole = true, .weight_bytes = table->total_bytes };
      g_array_append_val (ranges, whole);
      return;
    }
  if (is_alone)
    {
      first = blocks - blocks / TAIL_DIVISOR;
      step = MAX (step / 4, 1);
      add_range (ranges, table, 0, first);
      g_array_index (ranges, Range, ranges->len - 1).is_head = true;
    }
  for (uint64_t at = first; at < blocks; at += step)
    add_range (ranges, table, at, MIN (at + step, blocks));
}

/* Large first, so that no long one is left for the end. */
static int
compare_ranges (const void *a, const void *b)
{
  const Range *first = a, *second = b;
  if (first->table->level != second->table->level)
    return first->table->level < second->table->level ? -1 : 1;
  if (first->weight_bytes != second->weight_bytes)
    return first->weight_bytes < second->weight_bytes ? 1 : -1;
  int order = strcmp (first->table->quoted_name, second->table->quoted_name);
  if (order != 0)
    return order;
  return (first->first_block > second->first_block) - (first->first_block < second->first_block);
}

static char *
copy_statement (const Range *range)
{
  const ScanTable *table = range->table;
  GString *sql = g_string_new ("COPY ");
  if (range->is_whole && table->condition == NULL)
    {
      g_string_append (sql, table->quoted_name);
      if (table->column_list[0] != '\0')
        g_string_append_printf (sql, " (%s)", table->column_list);
    }
  else
    {
      g_string_append_printf (sql, "(SELECT %s FROM ONLY %s", table->column_list,
                              table->quoted_name);
      if (table->condition != NULL)
        g_string_append_printf (sql, " %s", table->condition);
      else
        g_string_append_printf (sql, " WHERE ctid >= '(%" G_GUINT64_FORMAT ",0)'",
                                range->first_block);
      if (range->end_block > 0)
        g_string_append_printf (sql, " AND ctid < '(%" G_GUINT64_FORMAT ",0)'", range->end_block);
      g_string_append_c (sql, ')');
    }
  g_string_append (sql, " TO STDOUT");
  return g_string_free (sql, FALSE);
}

static void
tell_progress (Worker *worker, bool range_ended)
{
  Scan *scan = worker->scan;
  uint64_t bytes
      = range_ended ? worker->left_bytes : MIN (worker->pending_bytes, worker->left_bytes);
  g_mutex_lock (&scan->lock);
  scan->done_bytes += bytes;
  scan->rows += worker->pending_rows;
  report_progress (scan->report, &(ReportProgress){ scan->phase, scan->done_bytes,
                                                    scan->total_bytes, scan->rows });
  g_mutex_unlock (&scan->lock);
  worker->left_bytes -= bytes;
  worker->pending_bytes = worker->pending_rows = 0;
}

static bool
on_row (const char *line, size_t length, void *data, GError **error)
{
  Worker *worker = data;
  worker->pending_rows++;
  worker->pending_bytes += length;
  if (worker->pending_bytes > 1024 * 1024)
    {
      tell_progress (worker, false);
      if (!parallel_check (worker->parallel, error))
        return false;
    }
  return worker->scan->sink->row (worker->state, line, length, error);
}

static bool
scan_range (Worker *worker, DbConn *conn, const Range *range, GError **error)
{
  const ScanSink *sink = worker->scan->sink;
  g_autofree char *sql = copy_statement (range);
  worker->left_bytes = range->weight_bytes;
  if (!sink->begin (worker->state, range->table, error)
      || (range->is_head && !db_exec (conn, "SET LOCAL enable_tidscan = off", error))
      || !db_copy_out (conn, sql, on_row, worker, error)
      || (range->is_head && !db_exec (conn, "SET LOCAL enable_tidscan = on", error))
      || !sink->end (worker->state, error))
    return prefix_error (error, "table %s", range->table->quoted_name);
  tell_progress (worker, true);
  return true;
}

/* Waits until all ranges of lower levels have been read. */
static bool
wait_for_level (Scan *scan, const Range *range, const Parallel *parallel, GError **error)
{
  g_mutex_lock (&scan->lock);
  while (scan->done_ranges < range->before_count && !parallel_stopped (parallel))
    g_cond_wait_until (&scan->changed, &scan->lock, g_get_monotonic_time () + G_USEC_PER_SEC / 10);
  g_mutex_unlock (&scan->lock);
  return parallel_check (parallel, error);
}

/* With more than one level a range is only done when its rows are where they belong. */
static bool
scan_next (Worker *worker, DbConn *conn, const Range *range, GError **error)
{
  Scan *scan = worker->scan;
  bool settles = scan->has_levels && scan->sink->settle != NULL;
  if (!wait_for_level (scan, range, worker->parallel, error)
      || !scan_range (worker, conn, range, error)
      || (settles && !scan->sink->settle (worker->state, error)))
    return false;
  g_mutex_lock (&scan->lock);
  scan->done_ranges++;
  g_cond_broadcast (&scan->changed);
  g_mutex_unlock (&scan->lock);
  return true;
}

/* How many ranges, by now sorted, are of lower levels. True when there are levels at all. */
static bool
count_lower_levels (GArray *ranges)
{
  guint before = 0;
  for (guint i = 0; i < ranges->len; i++)
    {
      Range *range = &g_array_index (ranges, Range, i);
      if (i > 0 && range->table->level != range[-1].table->level)
        before = i;
      range->before_count = before;
    }
  return before > 0;
}

static bool
scan_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  Scan *scan = data;
  Worker worker = { .scan = scan, .parallel = parallel, .state = scan->states[number] };
  for (unsigned int i; (i = parallel_next (parallel)) < scan->ranges->len;)
    if (!parallel_check (parallel, error)
        || !scan_next (&worker, scan->conns->pdata[number], &g_array_index (scan->ranges, Range, i),
                       error))
      return false;
  return true;
}

bool
scan_run (GPtrArray *conns, GPtrArray *tables, const ScanSink *sink, void *const *states,
          const char *phase, Report *report, GError **error)
{
  g_autoptr (GArray) ranges = g_array_new (FALSE, TRUE, sizeof (Range));
  Scan scan = { .conns = conns,
                .ranges = ranges,
                .sink = sink,
                .states = states,
                .phase = phase,
                .report = report };
  for (guint i = 0; i < tables->len; i++)
    scan.total_bytes += ((const ScanTable *) tables->pdata[i])->total_bytes;
  for (guint i = 0; i < tables->len; i++)
    add_ranges (ranges, tables->pdata[i], scan.total_bytes / conns->len);
  g_array_sort (ranges, compare_ranges);
  scan.has_levels = count_lower_levels (ranges);
  g_mutex_init (&scan.lock);
  g_cond_init (&scan.changed);
  bool done = parallel_run (conns->len, scan_worker, &scan, error);
  g_cond_clear (&scan.changed);
  g_mutex_clear (&scan.lock);
  return done;
}
