#include "backup/reader.h"
#include "backup/gzip.h"
#include "base/cancel.h"

#include <stdatomic.h>
#include <string.h>

#define VERIFY_BLOCK_BYTES (4 * 1024 * 1024)
/* Compressed: the text has a ceiling of its own. */
#define INDEX_MAX_COMPRESSED_BYTES (INDEX_MAX_BYTES / 2)

struct BackupReader
{
  StoreReader *object;
  BackupTrailer trailer;
  BackupIndex *index;
  atomic_uint_fast64_t bytes_read;
};

static bool
read_at (BackupReader *reader, void *buffer, size_t length, uint64_t offset, GError **error)
{
  atomic_fetch_add (&reader->bytes_read, length);
  return store_reader_read_at (reader->object, buffer, length, offset, error);
}

static bool
read_trailer (BackupReader *reader, GError **error)
{
  uint64_t size = store_reader_size (reader->object);
  uint8_t bytes[TRAILER_BYTES];
  if (size == 0)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the file is empty (0 bytes)");
  if (size < TRAILER_BYTES)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the file is too short to be a backup");
  return read_at (reader, bytes, sizeof bytes, size - sizeof bytes, error)
         && backup_trailer_parse (bytes, size, &reader->trailer, error);
}

static bool
read_index (BackupReader *reader, GError **error)
{
  uint64_t size = reader->trailer.index_size;
  if (size > INDEX_MAX_COMPRESSED_BYTES)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the index of the backup is too large");
  g_autofree uint8_t *member = g_malloc (size + 1);
  g_autofree char *text = NULL;
  size_t length;
  return read_at (reader, member, size, reader->trailer.index_offset, error)
         && gzip_inflate_text (member, size, INDEX_MAX_BYTES, &text, &length, error)
         && backup_index_parse (text, length, reader->trailer.index_offset, &reader->index, error);
}

bool
backup_reader_new (StoreReader **object, BackupReader **ret_reader, GError **error)
{
  BackupReader *reader = g_new0 (BackupReader, 1);
  reader->object = g_steal_pointer (object);
  if (!read_trailer (reader, error) || !read_index (reader, error))
    {
      *object = g_steal_pointer (&reader->object);
      backup_reader_free (reader);
      return false;
    }
  *ret_reader = reader;
  return true;
}

bool
backup_reader_open (Store *store, const char *name, BackupReader **ret_reader, GError **error)
{
  g_autoptr (StoreReader) object = NULL;
  if (!store_read (store, name, &object, error))
    return false;
  if (backup_reader_new (&object, ret_reader, error))
    return true;
  if (error != NULL && keel_error_is (*error, KEEL_ERROR_CORRUPT))
    keel_error_suggest (error, "Use an older backup; this one is damaged.");
  return prefix_error (error, "“%s”", name);
}

void
backup_reader_free (BackupReader *reader)
{
  if (reader == NULL)
    return;
  store_reader_free (reader->object);
  backup_index_free (reader->index);
  g_free (reader);
}

const BackupIndex *
backup_reader_index (const BackupReader *reader)
{
  return reader->index;
}

const BackupTrailer *
backup_reader_trailer (const BackupReader *reader)
{
  return &reader->trailer;
}

uint64_t
backup_reader_size (const BackupReader *reader)
{
  return store_reader_size (reader->object);
}

uint64_t
backup_reader_bytes_read (const BackupReader *reader)
{
  return atomic_load (&reader->bytes_read);
}

bool
backup_reader_read (BackupReader *reader, const BackupMember *member, GByteArray *buffer,
                    GError **error)
{
  g_byte_array_set_size (buffer, (guint) member->size_bytes);
  if (buffer->len != member->size_bytes)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "a part of the backup is too large");
  if (!read_at (reader, buffer->data, member->size_bytes, member->offset, error))
    return false;
  uint8_t sum[SHA256_BYTES];
  sha256_of (buffer->data, buffer->len, sum);
  if (memcmp (sum, member->sha256, sizeof sum) != 0)
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one is damaged.",
                       "the %s part at byte %" G_GUINT64_FORMAT
                       " of the backup does not have the hash it was written with",
                       backup_member_kind_name (member->kind), member->offset);
  return true;
}

bool
backup_reader_read_text (BackupReader *reader, const BackupMember *member, char **ret_text,
                         size_t *ret_length, GError **error)
{
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  g_autofree char *text = NULL;
  size_t length;
  if (!backup_reader_read (reader, member, buffer, error)
      || !gzip_inflate_text (buffer->data, buffer->len, member->raw_bytes, &text, &length, error))
    return false;
  if (length != member->raw_bytes)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "a part of the backup is cut short");
  *ret_text = g_steal_pointer (&text);
  *ret_length = length;
  return true;
}

/* The second reader of backup_reader_verify: every part against the index. */
typedef struct
{
  BackupReader *reader;
  atomic_bool stop;
  GError *error;
} MemberCheck;

static bool
check_members (MemberCheck *check, const GArray *members, GByteArray *buffer)
{
  for (guint i = 0; i < members->len && !atomic_load (&check->stop); i++)
    if (!backup_reader_read (check->reader, &g_array_index (members, BackupMember, i), buffer,
                             &check->error))
      return false;
  return true;
}

static void *
check_all_members (void *data)
{
  MemberCheck *check = data;
  const BackupIndex *index = check->reader->index;
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  bool good = check_members (check, index->members, buffer);
  for (guint i = 0; good && i < index->tables->len; i++)
    good = check_members (check, ((const BackupTable *) index->tables->pdata[i])->members, buffer);
  return NULL;
}

static bool
check_whole (BackupReader *reader, Report *report, GError **error)
{
  g_autoptr (Sha256) hash = sha256_new ();
  uint64_t size = reader->trailer.index_offset + reader->trailer.index_size;
  g_autofree uint8_t *block = g_malloc (MIN (size, (uint64_t) VERIFY_BLOCK_BYTES));
  for (uint64_t at = 0; at < size;)
    {
      size_t count = (size_t) MIN (size - at, (uint64_t) VERIFY_BLOCK_BYTES);
      if (!cancel_check (error) || !read_at (reader, block, count, at, error))
        return false;
      sha256_update (hash, block, count);
      at += count;
      report_progress (report, &(ReportProgress){ "verifying", at, size, 0 });
    }
  uint8_t sum[SHA256_BYTES];
  sha256_finish (hash, sum);
  if (memcmp (sum, reader->trailer.sha256, sizeof sum) != 0)
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one is damaged.",
                       "the backup does not have the hash it was written with");
  return true;
}

bool
backup_reader_verify (BackupReader *reader, Report *report, GError **error)
{
  MemberCheck check = { .reader = reader };
  GThread *thread = g_thread_new ("verify", check_all_members, &check);
  g_autoptr (GError) whole_error = NULL;
  bool good = check_whole (reader, report, &whole_error);
  /* A damaged part says where the damage is, so its check may finish first. */
  bool stop = keel_error_is (whole_error, KEEL_ERROR_CANCELLED);
  atomic_store (&check.stop, stop);
  g_thread_join (thread);
  if (check.error != NULL && !stop)
    {
      g_propagate_error (error, check.error);
      return false;
    }
  g_clear_error (&check.error);
  if (!good)
    g_propagate_error (error, g_steal_pointer (&whole_error));
  return good;
}
