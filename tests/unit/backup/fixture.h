/* A small backup file, whole and real, made with the writer. */
#pragma once

#include "../folder.h"
#include "backup/gzip.h"
#include "backup/writer.h"

typedef struct
{
  const char *name; /* NULL: "shop_db_backup_20250422_020000.sql.gz" */
  const char *type; /* NULL: "db" */
  int64_t created;  /* 0: 2025-04-22 02:00:00 UTC */
  const char *rows; /* of the one table; NULL: three rows */
  uint64_t min_size_bytes;
} SmallBackup;

#define SMALL_NAME "shop_db_backup_20250422_020000.sql.gz"
#define SMALL_CREATED 1745287200
#define SMALL_STATEMENT "COPY public.t (a, b) FROM stdin;\n"
#define SMALL_ROWS "1\tone\n2\ttwo\n3\t\\N\n"

static inline bool
append_part (BackupWriter *writer, BackupMemberKind kind, const char *text, uint64_t rows,
             GArray *members, GError **error)
{
  g_autoptr (GzipCompressor) compressor = gzip_compressor_new ();
  BackupMember member = { .kind = kind, .raw_bytes = strlen (text), .row_count = rows };
  const uint8_t *bytes;
  size_t length;
  gzip_compress (compressor, text, strlen (text), &bytes, &length);
  if (!backup_writer_append (writer, bytes, length, &member, error))
    return false;
  g_array_append_val (members, member);
  return true;
}

static inline BackupTable *
make_small_table (const char *rows)
{
  BackupTable *table = backup_table_new ("public", "t");
  g_strfreev (table->columns);
  table->columns = g_strdupv ((char **) (const char *const[]){ "a", "b", NULL });
  table->raw_bytes = strlen (rows);
  table->statement_bytes = strlen (SMALL_STATEMENT);
  g_auto (GStrv) lines = g_strsplit (rows, "\n", -1);
  for (guint i = 0; i + 1 < g_strv_length (lines); i++)
    row_digest_add (&table->digest, lines[i], strlen (lines[i]));
  return table;
}

static inline BackupIndex *
make_small_index (const SmallBackup *spec)
{
  BackupIndex *index = backup_index_new ();
  index->created = spec->created != 0 ? spec->created : SMALL_CREATED;
  index->project = g_strdup ("shop");
  index->environment = g_strdup ("production");
  index->type = g_strdup (spec->type != NULL ? spec->type : "db");
  index->pgkeel_version = g_strdup ("0.1.0");
  index->database = g_strdup ("shop");
  index->server_version = 150004;
  index->system_identifier = g_strdup ("7710465302438138888");
  index->encoding = g_strdup ("UTF8");
  index->lsn = g_strdup ("0/1BF6BC0");
  index->source = json_object ();
  return index;
}

/* Writes all of SPEC but its name: the index is finished and the file is not. */
static inline bool
fill_small_backup (BackupWriter *writer, const SmallBackup *spec, BackupIndex *index,
                   GError **error)
{
  const char *rows = spec->rows != NULL ? spec->rows : SMALL_ROWS;
  BackupTable *table = make_small_table (rows);
  g_ptr_array_add (index->tables, table);
  g_autofree char *data = g_strconcat (SMALL_STATEMENT, rows, "\\.\n\n", NULL);
  return append_part (writer, MEMBER_HEADER, "SET client_encoding = 'UTF8';\n", 0, index->members,
                      error)
         && append_part (writer, MEMBER_PRE_DATA, "CREATE TABLE public.t (a int, b text);\n", 0,
                         index->members, error)
         && append_part (writer, MEMBER_DATA, data, table->digest.rows, table->members, error)
         && append_part (writer, MEMBER_KEYS, "ALTER TABLE public.t ADD PRIMARY KEY (a);\n", 0,
                         index->members, error);
}

static inline bool
write_small_backup (Store *store, const SmallBackup *spec, uint64_t *ret_size_bytes, GError **error)
{
  g_autoptr (BackupWriter) writer = NULL;
  g_autoptr (BackupIndex) index = make_small_index (spec);
  return backup_writer_open (store, spec->name != NULL ? spec->name : SMALL_NAME, &writer, error)
         && fill_small_backup (writer, spec, index, error)
         && backup_writer_finish (writer, index, spec->min_size_bytes, ret_size_bytes, error);
}

/* In FOLDER, and it must succeed. */
static inline void
put_small_backup (const char *folder, const SmallBackup *spec)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GError) error = NULL;
  uint64_t size_bytes;
  bool written = write_small_backup (store, spec, &size_bytes, &error);
  assert_no_error (error);
  assert_true (written);
}
