#include "backup/load.h"
#include "backup/gzip.h"
#include "backup/load_keys.h"
#include "backup/source.h"
#include "base/parallel.h"
#include "db/copy.h"
#include "sql/split.h"

#include <string.h>

#define JOBS_MAX 8
/* "\.", newline, newline: how a part's rows end. */
#define COPY_END_BYTES 4
#define ERROR_STATEMENT_CHARS 160

typedef struct
{
  const BackupTable *table;
  int member; /* one part, or -1: the whole table in one transaction */
  uint64_t raw_bytes;
} Job;

typedef struct
{
  const LoadSpec *spec;
  BackupReader *reader;
  const BackupIndex *index;
  Report *report;
  GPtrArray *conns; /* of DbConn; conns[0] is the main one */
  bool owns_conns;
  GArray *jobs;     /* of Job */
  GMutex lock;      /* over the progress and the names */
  uint64_t done_bytes, total_bytes, rows;
  GHashTable *names; /* BackupTable to its quoted name as the dump writes it */
} Load;

static void
load_clear (Load *load)
{
  g_clear_pointer (&load->conns, g_ptr_array_unref);
  g_clear_pointer (&load->jobs, g_array_unref);
  g_clear_pointer (&load->names, g_hash_table_unref);
  g_mutex_clear (&load->lock);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Load, load_clear)

/* Settings of a session that only loads. Losing the last moments in a crash of the server loses a
 * database that is not yet in use. */
static const char session_sql[]
    = "SET synchronous_commit = off;"
      "SET maintenance_work_mem = '512MB';"
      "SET default_tablespace = '';"
      "SET default_transaction_read_only = off;"
      /* A replica's triggers and unchecked foreign keys are not what is restored. */
      "SELECT pg_catalog.set_config('session_replication_role', 'origin', false)"
      " WHERE pg_catalog.current_setting('session_replication_role') <> 'origin';"
      "SELECT pg_catalog.set_config('search_path', '', false);"
      "RESET timezone; RESET datestyle; RESET intervalstyle";

/* Back to what every session of ours has, for who goes on with it. */
static const char session_end_sql[] = "SET timezone = 'UTC';"
                                      "SET datestyle = 'ISO, YMD';"
                                      "SET intervalstyle = 'postgres';"
                                      "SET search_path = pg_catalog";

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
  load->conns = load->owns_conns
                    ? g_ptr_array_new_with_free_func ((GDestroyNotify) db_conn_free)
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

/* The inflated stream of one part, of which only the rows go to the server. */
typedef struct
{
  Load *load;
  DbConn *conn;
  const BackupTable *table;
  GString *statement;
  uint64_t at, rows_end;
  bool freeze, started;
} PartStream;

/* "COPY t (a) FROM stdin;" becomes "COPY t (a) FROM stdin WITH (FREEZE)". */
static bool
start_copy (PartStream *stream, GError **error)
{
  static const char ending[] = " FROM stdin;\n";
  GString *sql = stream->statement;
  if (!g_str_has_suffix (sql->str, ending) || !g_str_has_prefix (sql->str, "COPY "))
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "a part does not begin with its COPY statement");
  g_string_truncate (sql, sql->len - 2);
  if (stream->load->spec->only_statement != NULL)
    g_string_assign (sql, stream->load->spec->only_statement);
  if (stream->freeze)
    g_string_append (sql, " WITH (FREEZE)");
  stream->started = true;
  return db_copy_in_begin (stream->conn, sql->str, error);
}

static bool
on_piece (const char *data, size_t length, void *user_data, GError **error)
{
  PartStream *stream = user_data;
  while (length > 0)
    {
      size_t count = length;
      if (stream->at < stream->table->statement_bytes)
        {
          count = MIN (count, stream->table->statement_bytes - stream->at);
          g_string_append_len (stream->statement, data, (gssize) count);
          if (stream->at + count == stream->table->statement_bytes && !start_copy (stream, error))
            return false;
        }
      else if (stream->at < stream->rows_end)
        {
          count = MIN (count, stream->rows_end - stream->at);
          if (!db_copy_in_write (stream->conn, data, count, error))
            return false;
        }
      stream->at += count;
      data += count;
      length -= count;
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

/* The table's name as the dump quotes it, for load_keys.c. */
static void
note_name (Load *load, const BackupTable *table, const char *statement)
{
  const char *start = statement + strlen ("COPY ");
  const char *end = strstr (start, " (");
  if (end == NULL)
    return;
  g_mutex_lock (&load->lock);
  if (!g_hash_table_contains (load->names, table))
    g_hash_table_insert (load->names, (gpointer) table, g_strndup (start, (gsize) (end - start)));
  g_mutex_unlock (&load->lock);
}

static bool
load_part (Load *load, DbConn *conn, const BackupTable *table, const BackupMember *member,
           bool freeze, GByteArray *buffer, GError **error)
{
  if (!backup_reader_read (load->reader, member, buffer, error))
    return false;
  g_autoptr (GString) statement = g_string_new (NULL);
  PartStream stream = { .load = load, .conn = conn, .table = table, .statement = statement,
                        .freeze = freeze, .rows_end = member->raw_bytes - COPY_END_BYTES };
  bool sent = gzip_inflate (buffer->data, buffer->len, member->raw_bytes, on_piece, &stream, error);
  if (sent && stream.at != member->raw_bytes)
    sent = keel_error (error, KEEL_ERROR_CORRUPT, NULL, "a part of the backup is cut short");
  if (!sent)
    {
      if (stream.started)
        db_copy_in_abort (conn);
      return false;
    }
  uint64_t rows = 0;
  if (!db_copy_in_end (conn, &rows, error))
    return false;
  if (rows != member->row_count)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL,
                       "the server took %" G_GUINT64_FORMAT " rows of a part of %" G_GUINT64_FORMAT,
                       rows, member->row_count);
  note_name (load, table, statement->str);
  count_part (load, member);
  return true;
}

/* The table in one transaction that first empties it: its rows are frozen at once, so that nothing
 * need rewrite the pages later, and with wal_level = minimal nothing goes through the WAL. */
static bool
load_whole_table (Load *load, DbConn *conn, const BackupTable *table, GByteArray *buffer,
                  GError **error)
{
  bool own_transaction = load->owns_conns;
  bool freeze = !table->is_extension_member && load->spec->only == NULL;
  g_autofree char *name = db_quote_name (table->schema, table->name);
  g_autofree char *truncate = g_strdup_printf ("TRUNCATE ONLY %s", name);
  if (own_transaction && !db_exec (conn, "BEGIN", error))
    return false;
  /* TRUNCATE names the table in UTF-8, the session may speak another encoding. */
  freeze = freeze && (g_str_is_ascii (name) || strcmp (load->index->encoding, "UTF8") == 0);
  if (freeze && !db_exec (conn, truncate, error))
    return false;
  for (guint i = 0; i < table->members->len; i++)
    if (!load_part (load, conn, table, &g_array_index (table->members, BackupMember, i), freeze,
                    buffer, error))
      return false;
  return !own_transaction || db_exec (conn, "COMMIT", error);
}

static bool
run_job (Load *load, DbConn *conn, const Job *job, GByteArray *buffer, GError **error)
{
  bool done = job->member < 0
                  ? load_whole_table (load, conn, job->table, buffer, error)
                  : load_part (load, conn, job->table,
                               &g_array_index (job->table->members, BackupMember, job->member),
                               false, buffer, error);
  return done || prefix_error (error, "table %s.%s", job->table->schema, job->table->name);
}

static bool
load_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  Load *load = data;
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  for (unsigned int i; (i = parallel_next (parallel)) < load->jobs->len;)
    if (!parallel_check (parallel, error)
        || !run_job (load, load->conns->pdata[number], &g_array_index (load->jobs, Job, i), buffer,
                     error))
      return false;
  return true;
}

static int
compare_jobs (const void *a, const void *b)
{
  const Job *first = a, *second = b;
  return (first->raw_bytes < second->raw_bytes) - (first->raw_bytes > second->raw_bytes);
}

/* A table that would keep one session busy long after the others have ended is shared part by
 * part; all others are loaded whole. */
static void
add_jobs (Load *load, const BackupTable *table)
{
  bool is_alone = load->conns->len > 1
                  && table->raw_bytes > load->total_bytes / load->conns->len * 5 / 4
                  && table->members->len > load->conns->len;
  if (!is_alone && table->members->len > 0)
    {
      Job whole = { table, -1, table->raw_bytes };
      g_array_append_val (load->jobs, whole);
    }
  for (guint i = 0; is_alone && i < table->members->len; i++)
    {
      Job part = { table, (int) i, g_array_index (table->members, BackupMember, i).raw_bytes };
      g_array_append_val (load->jobs, part);
    }
}

static bool
load_data (Load *load, GError **error)
{
  load->jobs = g_array_new (FALSE, FALSE, sizeof (Job));
  for (guint i = 0; i < load->index->tables->len; i++)
    {
      const BackupTable *table = load->index->tables->pdata[i];
      if (load->spec->only == NULL || load->spec->only == table)
        load->total_bytes += table->raw_bytes;
    }
  for (guint i = 0; i < load->index->tables->len; i++)
    {
      const BackupTable *table = load->index->tables->pdata[i];
      if (load->spec->only == NULL || load->spec->only == table)
        add_jobs (load, table);
    }
  g_array_sort (load->jobs, compare_jobs);
  return parallel_run (load->conns->len, load_worker, load, error);
}

/* Parts are settled in the main session; keys by all of them. */
static bool
load_everything (Load *load, GError **error)
{
  DbConn *main = load->conns->pdata[0];
  const LoadSpec *spec = load->spec;
  bool schema = !spec->skip_schema && strcmp (load->index->type, "data") != 0;
  if (spec->only != NULL)
    return load_data (load, error);
  if (schema && !load_ddl (main, load->reader, MEMBER_PRE_DATA, error))
    return false;
  report_step (load->report, "loading %u tables", load->index->tables->len);
  if (!load_data (load, error) || !load_ddl (main, load->reader, MEMBER_LARGE_OBJECTS, error)
      || !load_ddl (main, load->reader, MEMBER_SEQUENCES, error))
    return false;
  if (!schema)
    return true;
  report_step (load->report, "building keys and indexes, checking foreign keys");
  LoadKeys keys = { load->conns, load->reader, load->names, load->owns_conns };
  return load_keys (&keys, MEMBER_KEYS, error) && load_keys (&keys, MEMBER_FOREIGN_KEYS, error)
         && load_ddl (main, load->reader, MEMBER_POST_DATA, error);
}

/* The planner knows nothing of a database that was just filled. */
static bool
analyze_worker (Parallel *parallel, unsigned int number, void *data, GError **error)
{
  Load *load = data;
  for (unsigned int i; (i = parallel_next (parallel)) < load->index->tables->len;)
    {
      const BackupTable *table = load->index->tables->pdata[i];
      g_autofree char *name = db_quote_name (table->schema, table->name);
      g_autofree char *sql = g_strdup_printf ("ANALYZE %s", name);
      if (table->digest.rows == 0)
        continue;
      if (!parallel_check (parallel, error)
          || !db_exec (load->conns->pdata[number], sql, error))
        return false;
    }
  return true;
}

static bool
analyze (Load *load, GError **error)
{
  for (guint i = 0; i < load->conns->len; i++)
    if (!db_exec (load->conns->pdata[i], "SET client_encoding = 'UTF8'", error))
      return false;
  return parallel_run (load->conns->len, analyze_worker, load, error);
}

bool
load_run (const LoadSpec *spec, BackupReader *reader, Report *report, LoadResult *ret_result,
          GError **error)
{
  g_auto (Load) load = { .spec = spec, .reader = reader, .index = backup_reader_index (reader),
                         .report = report };
  g_mutex_init (&load.lock);
  load.names = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free);
  unsigned int jobs = spec->job_count > 0 ? spec->job_count : MIN (g_get_num_processors (), JOBS_MAX);
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
