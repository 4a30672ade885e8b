#include "backup/dump.h"
#include "backup/gzip.h"
#include "backup/large_objects.h"
#include "backup/objects.h"
#include "backup/order.h"
#include "backup/part.h"
#include "backup/scan.h"
#include "backup/snapshot.h"
#include "backup/source.h"
#include "backup/writer.h"
#include "base/clock.h"

#include <string.h>

/* Memory: every worker holds one part as text and one compressed. */
#define PART_BYTES_FEW_JOBS (4 * 1024 * 1024)
#define PART_BYTES_MANY_JOBS (2 * 1024 * 1024)
#define FEW_JOBS 4
#define JOBS_MAX 8

const char *
dump_type_name (DumpType type)
{
  static const char *const names[] = { "db", "schema", "data" };
  return names[type];
}

void
dump_result_clear (DumpResult *result)
{
  g_clear_pointer (&result->index, backup_index_free);
}

typedef struct
{
  const DumpSpec *spec;
  Report *report;
  unsigned int job_count;
  size_t part_bytes;
  Snapshot *snapshot;
  BackupWriter *writer;
  BackupIndex *index;
  GzipCompressor *compressor; /* of the main thread */
  GMutex lock;                /* over the tables of the index while workers run */
} Dump;

static void
dump_clear (Dump *dump)
{
  snapshot_free (dump->snapshot);
  backup_writer_free (dump->writer);
  backup_index_free (dump->index);
  gzip_compressor_free (dump->compressor);
  g_mutex_clear (&dump->lock);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Dump, dump_clear)

/* Appends TEXT as one part of its own. */
static bool
append_text (Dump *dump, BackupMemberKind kind, const char *text, size_t length, GError **error)
{
  BackupMember member = { .kind = kind, .raw_bytes = length };
  const uint8_t *bytes;
  size_t compressed;
  gzip_compress (dump->compressor, text, length, &bytes, &compressed);
  if (!backup_writer_append (dump->writer, bytes, compressed, &member, error))
    return false;
  g_array_append_val (dump->index->members, member);
  return true;
}

/* A name in a comment must not end the comment. */
static char *
comment_safe (const char *text)
{
  char *safe = g_strdup (text);
  for (char *c = safe; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = '?';
  return safe;
}

static bool
append_header (Dump *dump, GError **error)
{
  const BackupIndex *index = dump->index;
  const char *restrict_key = dump->snapshot->ddl.restrict_key;
  g_autofree char *database = comment_safe (index->database);
  g_autofree char *environment
      = comment_safe (index->environment != NULL ? index->environment : "");
  g_autofree char *created = clock_format_iso (index->created);
  g_autofree char *settings = source_session_sql (index);
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (
      text,
      "--\n-- Backup of the PostgreSQL %d database \"%s\" (%s), %s, by pgkeel " PGKEEL_VERSION "\n"
      "-- Restore without pgkeel: gunzip -c FILE | psql -v ON_ERROR_STOP=1 -d NEW_DATABASE\n--\n\n",
      index->server_version / 10000, database, environment, created);
  if (restrict_key != NULL)
    g_string_append_printf (text, "\\restrict %s\n\n", restrict_key);
  g_string_append_printf (text,
                          "SET statement_timeout = 0;\nSET lock_timeout = 0;\n"
                          "SET idle_in_transaction_session_timeout = 0;\n"
                          "SET client_encoding = '%s';\nSET standard_conforming_strings = on;\n"
                          "SELECT pg_catalog.set_config('search_path', '', false);\n"
                          "SET check_function_bodies = false;\nSET xmloption = content;\n"
                          "SET array_nulls = on;\nSET transform_null_equals = off;\n"
                          "SET lc_monetary = 'C';\nSET client_min_messages = warning;\n"
                          "SET row_security = off;\n%s\n",
                          dump->snapshot->encoding, settings);
  return append_text (dump, MEMBER_HEADER, text->str, text->len, error);
}

static bool
append_ddl (Dump *dump, BackupMemberKind kind, GError **error)
{
  const char *text = dump->snapshot->ddl.text[kind];
  return text == NULL || append_text (dump, kind, text, strlen (text), error);
}

/* The entries of the index that rows are counted into. */
static void
add_tables (Dump *dump)
{
  for (guint i = 0; i < dump->snapshot->tables->len; i++)
    {
      ScanTable *table = dump->snapshot->tables->pdata[i];
      BackupTable *entry = backup_table_new (table->schema, table->name);
      g_strfreev (entry->columns);
      entry->columns = g_strdupv (table->columns);
      entry->condition = g_strdup (table->condition);
      entry->is_extension_member = table->is_extension_member;
      entry->root_schema = table->root_name != NULL ? g_strdup (table->root_schema) : NULL;
      entry->root_name = g_strdup (table->root_name);
      table->entry = entry;
      g_ptr_array_add (dump->index->tables, entry);
    }
}

static int
compare_members (const void *a, const void *b)
{
  const BackupMember *first = a, *second = b;
  return (first->offset > second->offset) - (first->offset < second->offset);
}

/* Over a schema that is there, only an order that follows its foreign keys can be loaded. */
static bool
order_dump (Dump *dump, GError **error)
{
  g_autoptr (GPtrArray) circles = NULL;
  if (!order_tables (dump->snapshot->main, dump->snapshot->tables,
                     dump->spec->type == DUMP_DATA_ONLY, &circles, error))
    return false;
  for (guint i = 0; i < circles->len; i++)
    {
      g_autofree char *message
          = g_strdup_printf ("the table %s is part of a circle of foreign keys: no order of the"
                             " tables satisfies them all",
                             (const char *) circles->pdata[i]);
      report_warning (
          dump->report, message,
          "Before you load the data with psql, drop one of those keys; add it again after.");
    }
  return true;
}

static bool
dump_tables (Dump *dump, GError **error)
{
  add_tables (dump);
  if (!order_dump (dump, error))
    return false;
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func ((GDestroyNotify) part_writer_free);
  for (unsigned int i = 0; i < dump->job_count; i++)
    g_ptr_array_add (parts, part_writer_new (dump->writer, &dump->lock, dump->part_bytes));
  if (!scan_run (dump->snapshot->workers, dump->snapshot->tables, &part_writer_sink, parts->pdata,
                 "dumping", dump->report, error))
    return false;
  for (guint i = 0; i < parts->len; i++)
    if (!part_writer_finish (parts->pdata[i], error))
      return false;
  for (guint i = 0; i < dump->index->tables->len; i++)
    g_array_sort (((BackupTable *) dump->index->tables->pdata[i])->members, compare_members);
  return true;
}

typedef struct
{
  Dump *dump;
  GString *text;
} LargeObjects;

static bool
flush_large_objects (LargeObjects *objects, GError **error)
{
  if (objects->text->len == 0)
    return true;
  bool done = append_text (objects->dump, MEMBER_LARGE_OBJECTS, objects->text->str,
                           objects->text->len, error);
  g_string_truncate (objects->text, 0);
  return done;
}

static bool
on_large_object (const char *sql, size_t length, void *data, GError **error)
{
  LargeObjects *objects = data;
  if (objects->text->len + length > objects->dump->part_bytes
      && !flush_large_objects (objects, error))
    return false;
  g_string_append_len (objects->text, sql, (gssize) length);
  return true;
}

static bool
dump_large_objects (Dump *dump, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  LargeObjects objects = { dump, text };
  return large_objects_dump (dump->snapshot->main, on_large_object, &objects,
                             &dump->index->large_object_count, &dump->index->large_object_digest,
                             error)
         && flush_large_objects (&objects, error);
}

static bool
dump_sequences (Dump *dump, GError **error)
{
  g_autofree char *sql = NULL;
  return source_read_sequences (dump->snapshot->main, dump->index, &sql, error)
         && (*sql == '\0' || append_text (dump, MEMBER_SEQUENCES, sql, strlen (sql), error));
}

static bool
dump_data (Dump *dump, GError **error)
{
  return dump_tables (dump, error) && dump_large_objects (dump, error)
         && dump_sequences (dump, error);
}

static bool
append_unrestrict (Dump *dump, GError **error)
{
  const char *key = dump->snapshot->ddl.restrict_key;
  if (key == NULL)
    return true;
  g_autofree char *text = g_strdup_printf ("\\unrestrict %s\n\n", key);
  return append_text (dump, MEMBER_HEADER, text, strlen (text), error);
}

static bool
append_post_data (Dump *dump, GError **error)
{
  DbConn *conn = dump->snapshot->main;
  g_autofree char *sql = NULL;
  return append_ddl (dump, MEMBER_POST_DATA, error)
         && source_read_public_schema (conn, db_server_major (conn), &sql, error)
         && (*sql == '\0' || append_text (dump, MEMBER_POST_DATA, sql, strlen (sql), error));
}

/* All parts, in the order in which a restore by psql runs them. */
static bool
dump_parts (Dump *dump, GError **error)
{
  bool with_schema = dump->spec->type != DUMP_DATA_ONLY;
  bool with_data = dump->spec->type != DUMP_SCHEMA_ONLY;
  return append_header (dump, error) && (!with_schema || append_ddl (dump, MEMBER_PRE_DATA, error))
         && (!with_data || dump_data (dump, error))
         && (!with_schema
             || (append_ddl (dump, MEMBER_KEYS, error)
                 && append_ddl (dump, MEMBER_FOREIGN_KEYS, error) && append_post_data (dump, error)
                 && objects_read (dump->snapshot->main, dump->index, error)))
         && append_unrestrict (dump, error);
}

static void
dump_init (Dump *dump, const DumpSpec *spec, Report *report)
{
  dump->spec = spec;
  dump->report = report;
  dump->job_count = spec->job_count > 0 ? spec->job_count : MIN (g_get_num_processors (), JOBS_MAX);
  dump->part_bytes = dump->job_count <= FEW_JOBS ? PART_BYTES_FEW_JOBS : PART_BYTES_MANY_JOBS;
  dump->compressor = gzip_compressor_new ();
  g_mutex_init (&dump->lock);
  dump->index = backup_index_new ();
  dump->index->project = g_strdup (spec->project);
  dump->index->environment = g_strdup (spec->environment);
  dump->index->type = g_strdup (dump_type_name (spec->type));
  dump->index->pgkeel_version = g_strdup (PGKEEL_VERSION);
}

bool
dump_run (const DumpSpec *spec, Store *store, const char *name, Report *report,
          DumpResult *ret_result, GError **error)
{
  int64_t started = clock_monotonic_us ();
  g_auto (Dump) dump = { 0 };
  dump_init (&dump, spec, report);
  SnapshotSpec snapshot = { .url = spec->url,
                            .worker_count = dump.job_count,
                            .want_ddl = spec->type != DUMP_DATA_ONLY,
                            .schema_only = spec->type == DUMP_SCHEMA_ONLY };
  if (!backup_writer_open (store, name, &dump.writer, error)
      || !snapshot_open (&snapshot, report, &dump.snapshot, error))
    return false;
  dump.index->created = dump.snapshot->taken;
  uint64_t size_bytes;
  if (!source_read (dump.snapshot->main, dump.index, error) || !dump_parts (&dump, error)
      || !backup_writer_finish (dump.writer, dump.index, spec->min_size_bytes, &size_bytes, error))
    return false;
  *ret_result = (DumpResult){ .size_bytes = size_bytes,
                              .elapsed_us = clock_monotonic_us () - started,
                              .index = g_steal_pointer (&dump.index) };
  return true;
}
