#include "backup/load.h"
#include "backup/load_copy.h"
#include "backup/load_keys.h"
#include "backup/load_types.h"
#include "backup/source.h"
#include "base/parallel.h"
#include "sql/split.h"

#include <string.h>

#define JOBS_MAX 8
#define ERROR_STATEMENT_CHARS 160
/* A table of fewer parts is not worth two sessions. */
#define TAIL_PARTS_MIN 8

/* A table on its way. One session fills its head, the first parts; what follows is the tail, which
 * any sessions with nothing better to do fill together, so that all are busy to the end. */
typedef struct
{
  BackupTable *entry;
  guint head_parts; /* of entry->members */
  guint next_part;
  guint sessions; /* that fill it now */
  char *name;     /* as the dump writes it; NULL before its first part */
  bool is_begun, head_is_filled;
} Table;

static void
table_free (void *data)
{
  Table *table = data;
  g_free (table->name);
  g_free (table);
}

typedef struct
{
  const LoadSpec *spec;
  BackupReader *reader;
  const BackupIndex *index;
  Report *report;
  GPtrArray *conns; /* of DbConn; conns[0] is the main one */
  bool owns_conns;
  LoadTypes *types;  /* NULL: rows go as text */
  GPtrArray *tables; /* of Table, with rows, large first */

  GMutex lock; /* over all below, and over what changes in tables */
  GCond changed;
  guint filling_count; /* sessions that fill a table */
  LoadKeys *keys;      /* to build meanwhile; NULL: none */
  uint64_t done_bytes, total_bytes, rows;
} Load;

static void
load_clear (Load *load)
{
  g_clear_pointer (&load->conns, g_ptr_array_unref);
  g_clear_pointer (&load->tables, g_ptr_array_unref);
  g_clear_pointer (&load->types, load_types_free);
  g_cond_clear (&load->changed);
  g_mutex_clear (&load->lock);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Load, load_clear)

/* Settings of a session that only loads. Losing the last moments in a crash of the server loses a
 * database that is not yet in use. */
static const char session_sql[]
    = "SET synchronous_commit = off;"

      "SET default_tablespace = '';"
      "SET default_transaction_read_only = off;"
      /* A replica's triggers and unchecked foreign keys are not what is restored. */
      "SELECT pg_catalog.set_config('session_replication_role', 'origin', false)"
      " WHERE pg_catalog.current_setting('session_replication_role') <> 'origin';"
      "RESET timezone; RESET datestyle; RESET intervalstyle";

/* Back to what every session of ours has, for who goes on with it. */
static const char session_end_sql[] = "SET timezone = 'UTC';"
                                      "SET datestyle = 'ISO, YMD';"
                                      "SET intervalstyle = 'postgres'";

static bool
prepare_session (Load *load, DbConn *conn, GError **error)
{
  g_autofree char *encoding = db_quote_literal (load->index->encoding);
  g_autofree char *sql = g_strdup_printf ("SET client_encoding = %s", encoding);
  g_autofree char *settings = source_session_sql (load->index);
  return db_exec (conn, session_sql, error) && db_exec (conn, settings, error)
         && db_exec (conn, sql, error);
}

static bool
open_sessions (Load *load, unsigned int count, GError **error)
{
  const LoadSpec *spec = load->spec;
  load->owns_conns = spec->single == NULL;
  load->conns = load->owns_conns ? g_ptr_array_new_with_free_func ((GDestroyNotify) db_conn_free)
                                 : g_ptr_array_new ();
  if (!load->owns_conns)
    g_ptr_array_add (load->conns, spec->single);
  while (load->owns_conns && load->conns->len < count)
    {
      DbConn *conn = NULL;
      if (!db_connect (spec->url, spec->database, &db_retry_default, &conn, error))
        return false;
      g_ptr_array_add (load->conns, conn);
    }
  for (guint i = 0; i < load->conns->len; i++)
    if (!prepare_session (load, load->conns->pdata[i], error))
      return false;
  return true;
}

/* Runs one statement; an error shows where. */
static bool
run_statement (DbConn *conn, const char *text, const SqlStatement *statement, GError **error)
{
  g_autofree char *sql = g_strndup (text + statement->start, statement->length);
  if (db_exec (conn, sql, error))
    return true;
  g_autofree char *line = text_first_line (sql);
  if (strlen (line) > ERROR_STATEMENT_CHARS)
    line[ERROR_STATEMENT_CHARS] = '\0';
  g_autofree char *valid = g_utf8_make_valid (line, -1);
  return prefix_error (error, "%s", valid);
}

/* psql's commands that keep a dump from running others; they mean nothing to the server. */
static size_t
skip_meta_commands (const char *text)
{
  size_t at = 0;
  while (text[at] == '\\')
    at += strcspn (text + at, "\n") + 1;
  return at;
}

static bool
run_text (DbConn *conn, const char *text, size_t length, GError **error)
{
  size_t skipped = skip_meta_commands (text);
  if (skipped >= length)
    return true;
  g_autoptr (GArray) statements = sql_split (text + skipped, length - skipped);
  for (guint i = 0; i < statements->len; i++)
    if (!run_statement (conn, text + skipped, &g_array_index (statements, SqlStatement, i), error))
      return false;
  return true;
}

bool
load_ddl (DbConn *conn, BackupReader *reader, BackupMemberKind kind, GError **error)
{
  const BackupIndex *index = backup_reader_index (reader);
  for (guint i = 0; i < index->members->len; i++)
    {
      const BackupMember *member = &g_array_index (index->members, BackupMember, i);
      g_autofree char *text = NULL;
      size_t length;
      if (member->kind != kind)
        continue;
      if (!backup_reader_read_text (reader, member, &text, &length, error)
          || !run_text (conn, text, length, error))
        return false;
    }
  return true;
}

static void
count_part (Load *load, const BackupMember *member)
{
  g_mutex_lock (&load->lock);
  load->done_bytes += member->raw_bytes;
  load->rows += member->row_count;
  report_progress (load->report, &(ReportProgress){ "restoring", load->done_bytes,
                                                    load->total_bytes, load->rows });
  g_mutex_unlock (&load->lock);
}

/* What a session does next: fill a table's head or help with its tail, else build a key of a table
 * that is filled. */
typedef struct
{
  Table *table;
  bool is_head;
  LoadKey *key;
  bool is_last_key; /* others have nothing left to do */
} Work;

static guint
part_count (const Table *table)
{
  return table->entry->members->len;
}

static bool
has_open_tail (const Table *table)
{
  return table->head_is_filled && table->next_part < part_count (table);
}

/* The next part that no session has taken; NULL when all are. */
static const BackupMember *
take_part (Load *load, const Work *work)
{
  Table *table = work->table;
  g_mutex_lock (&load->lock);
  guint end = work->is_head ? table->head_parts : part_count (table);
  guint next = table->next_part < end ? table->next_part++ : G_MAXUINT;
  g_mutex_unlock (&load->lock);
  return next != G_MAXUINT ? &g_array_index (table->entry->members, BackupMember, next) : NULL;
}

static void
note_name (Load *load, Table *table, const char *name)
{
  g_mutex_lock (&load->lock);
  if (table->name == NULL)
    table->name = g_strdup (name);
  g_mutex_unlock (&load->lock);
}

/* What one session fills first is emptied before, in the same transaction: then its rows can
 * be frozen at once, so that nothing need rewrite the pages later, and with wal_level = minimal
 * nothing goes through the WAL. TRUNCATE names the table in UTF-8, the session may speak another
 * encoding: then only plain names will do, of which none stands for bytes of no encoding. */
static bool
begin_table (Load *load, const Work *work, DbConn *conn, bool *ret_freeze, GError **error)
{
  const Table *table = work->table;
  g_autofree char *name = db_quote_name (table->entry->schema, table->entry->name);
  g_autofree char *truncate = g_strdup_printf ("TRUNCATE ONLY %s", name);
  bool speaks_name = (g_str_is_ascii (name) && strstr (name, "\\x") == NULL)
                     || strcmp (load->index->encoding, "UTF8") == 0;
  *ret_freeze = work->is_head && !table->entry->is_extension_member && speaks_name
                && table->entry->root_name == NULL && load->spec->only == NULL;
  return (!load->owns_conns || db_exec (conn, "BEGIN", error))
         && (!*ret_freeze || db_exec (conn, truncate, error));
}

/* Fills the table's head, or as much of its tail as other sessions leave. */
static bool
fill_table (Load *load, const Work *work, DbConn *conn, const Parallel *parallel, GError **error)
{
  bool freeze;
  if (!begin_table (load, work, conn, &freeze, error))
    return false;
  g_autoptr (LoadCopy) copy = load_copy_new (load->reader, conn, work->table->entry,
                                             load->spec->only_statement, freeze, load->types);
  const BackupMember *member;
  while ((member = take_part (load, work)) != NULL)
    {
      if (!parallel_check (parallel, error) || !load_copy_member (copy, member, error))
        return false;
      count_part (load, member);
    }
  if (!load_copy_end (copy, error) || (load->owns_conns && !db_exec (conn, "COMMIT", error)))
    return false;
  note_name (load, work->table, load_copy_table_name (copy));
  return true;
}

/* A head that nobody has begun, else a tail, else a key. */
static bool
choose_work (Load *load, Work *ret_work)
{
  for (guint i = 0; i < load->tables->len; i++)
    {
      Table *table = load->tables->pdata[i];
      if (table->is_begun || table->entry->is_extension_member)
        continue;
      table->is_begun = true;
      *ret_work = (Work){ .table = table, .is_head = true };
      return true;
    }
  for (guint i = 0; i < load->tables->len; i++)
    if (has_open_tail (load->tables->pdata[i]))
      {
        *ret_work = (Work){ .table = load->tables->pdata[i] };
        return true;
      }
  if (load->keys == NULL)
    return false;
  *ret_work = (Work){ .key = load_keys_take (load->keys) };
  ret_work->is_last_key = load->filling_count == 0 && load_keys_ready (load->keys) == 0;
  return ret_work->key != NULL;
}

/* While all sessions build keys, workers of the server's own would only get in their way. */
static bool
run_key (const Work *work, DbConn *conn, GError **error)
{
  const char *sql = work->is_last_key ? "RESET max_parallel_maintenance_workers"
                                      : "SET max_parallel_maintenance_workers = 0";
  return db_exec (conn, sql, error) && load_key_run (work->key, conn, error);
}

static void
begin_filling (Load *load, Table *table)
{
  table->sessions++;
  load->filling_count++;
}

/* False when there is nothing left to do. Waits while other sessions may still finish a table. */
static bool
take_work (Load *load, const Parallel *parallel, Work *ret_work)
{
  bool found;
  *ret_work = (Work){ 0 };
  g_mutex_lock (&load->lock);
  while (!(found = choose_work (load, ret_work)) && load->filling_count > 0
         && !parallel_stopped (parallel))
    g_cond_wait_until (&load->changed, &load->lock, g_get_monotonic_time () + G_USEC_PER_SEC / 10);
  if (ret_work->table != NULL)
    begin_filling (load, ret_work->table);
  g_mutex_unlock (&load->lock);
  return found;
}

/* The last session to end with a table lets its keys be built. */
static void
end_filling (Load *load, const Work *work)
{
  Table *table = work->table;
  g_mutex_lock (&load->lock);
  table->head_is_filled |= work->is_head;
  table->sessions--;
  load->filling_count--;
  if (table->sessions == 0 && table->next_part == part_count (table) && load->keys != NULL)
    load_keys_table_filled (load->keys, table->name, table->entry->raw_bytes);
  g_cond_broadcast (&load->changed);
  g_mutex_unlock (&load->lock);
}

static bool
run_fill (Load *load, const Work *work, DbConn *conn, const Parallel *parallel, GError **error)
{
  const BackupTable *entry = work->table->entry;
  if (!fill_table (load, work, conn, parallel, error))
    return prefix_error (error, "table %s.%s", entry->schema, entry->name);
  end_filling (load, work);
  return true;
}

static bool
load_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  Load *load = data;
  DbConn *conn = load->conns->pdata[number];
  Work work;
  while (take_work (load, parallel, &work))
    {
      if (!parallel_check (parallel, error))
        return false;
      if (work.key != NULL)
        {
          if (!run_key (&work, conn, error))
            return false;
          continue;
        }
      if (!run_fill (load, &work, conn, parallel, error))
        return false;
    }
  return true;
}

static int
compare_tables (const void *a, const void *b)
{
  const Table *const *first = a, *const *second = b;
  uint64_t x = (*first)->entry->raw_bytes, y = (*second)->entry->raw_bytes;
  return (x < y) - (x > y);
}

/* The tables to fill, large first. */
static void
list_tables (Load *load)
{
  for (guint i = 0; i < load->index->tables->len; i++)
    {
      BackupTable *entry = load->index->tables->pdata[i];
      if (entry->members->len == 0 || (load->spec->only != NULL && load->spec->only != entry))
        continue;
      Table *table = g_new0 (Table, 1);
      table->entry = entry;
      g_ptr_array_add (load->tables, table);
      load->total_bytes += entry->raw_bytes;
    }
  g_ptr_array_sort (load->tables, compare_tables);
}

static int
compare_places (const void *a, const void *b)
{
  const Table *const *first = a, *const *second = b;
  uint64_t x = g_array_index ((*first)->entry->members, BackupMember, 0).offset;
  uint64_t y = g_array_index ((*second)->entry->members, BackupMember, 0).offset;
  return (x > y) - (x < y);
}

/* Configuration tables of extensions have their foreign keys already: they are filled one after the
 * other in the file's order, which follows those. */
static bool
extension_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  Load *load = data;
  g_autoptr (GPtrArray) tables = g_ptr_array_new ();
  for (guint i = 0; i < load->tables->len; i++)
    if (((Table *) load->tables->pdata[i])->entry->is_extension_member)
      g_ptr_array_add (tables, load->tables->pdata[i]);
  g_ptr_array_sort (tables, compare_places);
  for (guint i = 0; i < tables->len; i++)
    {
      Work work = { .table = tables->pdata[i], .is_head = true };
      begin_filling (load, work.table);
      if (!run_fill (load, &work, load->conns->pdata[number], parallel, error))
        return false;
    }
  return true;
}

/* A session's fair share of all rows is what its heads may hold together. Of a table that holds more
 * than such a share nothing would be gained by a head: the others would wait for its end. A small
 * table is all head. */
static void
plan_heads (Load *load)
{
  guint sessions = load->conns->len;
  uint64_t share = load->total_bytes / sessions;
  for (guint i = 0; i < load->tables->len; i++)
    {
      Table *table = load->tables->pdata[i];
      uint64_t bytes = table->entry->raw_bytes;
      guint parts = part_count (table);
      table->head_parts = parts;
      if (sessions == 1 || parts < TAIL_PARTS_MIN || table->entry->is_extension_member)
        continue;
      if (bytes > share / 4 * 5)
        table->head_parts = 0;
      else if (bytes > share / 4)
        table->head_parts = parts / 4 * 3;
      table->head_is_filled = table->is_begun = table->head_parts == 0;
    }
}

static bool
load_data (Load *load, GError **error)
{
  list_tables (load);
  /* One table alone has another name, or comes from a statement of the caller's. */
  if (load->spec->only == NULL
      && !load_types_read (load->conns->pdata[0], load->index, &load->types, error))
    return false;
  plan_heads (load);
  return parallel_run (1, extension_worker, load, error)
         && parallel_run (load->conns->len, load_worker, load, error);
}

/* Foreign keys come when all tables have their rows and their keys. */
static bool
load_foreign_keys (Load *load, GError **error)
{
  g_autoptr (LoadKeys) keys = NULL;
  if (!load_keys_new (load->reader, MEMBER_FOREIGN_KEYS, &keys, error))
    return false;
  load_keys_tolerate (keys, load->spec->broken_keys);
  load_keys_all_filled (keys);
  load->keys = keys;
  bool done = parallel_run (load->conns->len, load_worker, load, error)
              && load_keys_finish (keys, load->conns->pdata[0], error);
  load->keys = NULL;
  return done;
}

/* Keys are built while other tables are still being filled; what is left comes after. */
static bool
load_data_and_keys (Load *load, GError **error)
{
  g_autoptr (LoadKeys) keys = NULL;
  if (!load_keys_new (load->reader, MEMBER_KEYS, &keys, error))
    return false;
  load_keys_tolerate (keys, load->spec->broken_keys);
  load->keys = keys;
  bool done = load_data (load, error);
  if (done)
    {
      report_step (load->report, "building the rest of the keys and indexes");
      load_keys_all_filled (keys);
      done = parallel_run (load->conns->len, load_worker, load, error)
             && load_keys_finish (keys, load->conns->pdata[0], error);
    }
  load->keys = NULL;
  return done;
}

/* In one transaction of one session nothing runs beside anything, and a failed statement ends it. */
static bool
load_everything (Load *load, GError **error)
{
  DbConn *main = load->conns->pdata[0];
  const LoadSpec *spec = load->spec;
  if (spec->only != NULL)
    return load_data (load, error);
  if (spec->skip_schema || strcmp (load->index->type, "data") == 0)
    return load_data (load, error) && load_ddl (main, load->reader, MEMBER_LARGE_OBJECTS, error)
           && load_ddl (main, load->reader, MEMBER_SEQUENCES, error);
  if (!load_ddl (main, load->reader, MEMBER_PRE_DATA, error))
    return false;
  report_step (load->report, "loading %u tables and building their keys", load->index->tables->len);
  if (!load_data_and_keys (load, error)
      || !load_ddl (main, load->reader, MEMBER_LARGE_OBJECTS, error)
      || !load_ddl (main, load->reader, MEMBER_SEQUENCES, error))
    return false;
  report_step (load->report, "checking foreign keys, making triggers, rules and grants");
  return load_foreign_keys (load, error) && load_ddl (main, load->reader, MEMBER_POST_DATA, error);
}

/* The planner knows nothing of a database that was just filled. */
static const char filled_sql[] = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)"
                                 "  FROM pg_catalog.pg_class c"
                                 "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                                 " WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'"
                                 "   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
                                 "   AND pg_catalog.pg_relation_size(c.oid) > 0"
                                 " ORDER BY pg_catalog.pg_relation_size(c.oid) DESC";

typedef struct
{
  const Load *load;
  DbResult *filled;
} Analyze;

static bool
analyze_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  const Analyze *analysis = data;
  for (int i; (i = (int) parallel_next (parallel)) < db_result_rows (analysis->filled);)
    {
      g_autofree char *sql
          = g_strdup_printf ("ANALYZE %s", db_result_text (analysis->filled, i, 0));
      if (!parallel_check (parallel, error)
          || !db_exec (analysis->load->conns->pdata[number], sql, error))
        return false;
    }
  return true;
}

static bool
analyze (Load *load, GError **error)
{
  g_autoptr (DbResult) filled = NULL;
  for (guint i = 0; i < load->conns->len; i++)
    if (!db_speak_utf8 (load->conns->pdata[i], error))
      return false;
  if (!db_query (load->conns->pdata[0], filled_sql, 0, NULL, &filled, error))
    return false;
  Analyze analysis = { load, filled };
  return parallel_run (load->conns->len, analyze_worker, &analysis, error);
}

bool
load_run (const LoadSpec *spec, BackupReader *reader, Report *report, LoadResult *ret_result,
          GError **error)
{
  g_auto (Load) load
      = { .spec = spec, .reader = reader, .index = backup_reader_index (reader), .report = report };
  g_mutex_init (&load.lock);
  g_cond_init (&load.changed);
  load.tables = g_ptr_array_new_with_free_func (table_free);
  unsigned int jobs
      = spec->job_count > 0 ? spec->job_count : MIN (g_get_num_processors (), JOBS_MAX);
  if (!open_sessions (&load, jobs, error) || !load_everything (&load, error)
      || (spec->analyze && !analyze (&load, error)))
    return false;
  /* One commit that waits for the disk puts all earlier ones on it too. */
  if (load.owns_conns
      && !db_exec (load.conns->pdata[0],
                   "SET synchronous_commit = on; SELECT pg_catalog.txid_current()", error))
    return false;
  if (!load.owns_conns && !db_exec (load.conns->pdata[0], session_end_sql, error))
    return false;
  *ret_result = (LoadResult){ load.rows, load.done_bytes };
  return true;
}
