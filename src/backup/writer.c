#include "backup/writer.h"
#include "backup/gzip.h"
#include "backup/trailer.h"
#include "base/size.h"

struct BackupWriter
{
  StoreWriter *object;
  GMutex lock; /* over everything below and the object */
  Sha256 *hash;
  uint64_t size_bytes;
};

bool
backup_writer_open (Store *store, const char *name, BackupWriter **ret_writer, GError **error)
{
  g_autoptr (StoreWriter) object = NULL;
  if (!store_create (store, name, &object, error))
    return false;
  BackupWriter *writer = g_new0 (BackupWriter, 1);
  g_mutex_init (&writer->lock);
  writer->hash = sha256_new ();
  writer->object = g_steal_pointer (&object);
  *ret_writer = writer;
  return true;
}

void
backup_writer_free (BackupWriter *writer)
{
  if (writer == NULL)
    return;
  store_writer_free (writer->object);
  sha256_free (writer->hash);
  g_mutex_clear (&writer->lock);
  g_free (writer);
}

bool
backup_writer_append (BackupWriter *writer, const uint8_t *data, size_t length,
                      BackupMember *member, GError **error)
{
  sha256_of (data, length, member->sha256);
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  if (!store_writer_append (writer->object, data, length, error))
    return false;
  sha256_update (writer->hash, data, length);
  member->offset = writer->size_bytes;
  member->size_bytes = length;
  writer->size_bytes += length;
  return true;
}

static bool
append_index (BackupWriter *writer, const BackupIndex *index, GError **error)
{
  size_t text_length;
  g_autofree char *text = backup_index_format (index, &text_length);
  g_autoptr (GzipCompressor) compressor = gzip_compressor_new ();
  const uint8_t *member;
  size_t length;
  gzip_compress (compressor, text, text_length, &member, &length);

  BackupTrailer trailer = { .index_offset = writer->size_bytes, .index_size = length };
  uint8_t bytes[TRAILER_BYTES];
  sha256_update (writer->hash, member, length);
  sha256_finish (writer->hash, trailer.sha256);
  backup_trailer_build (&trailer, bytes);
  writer->size_bytes += length + TRAILER_BYTES;
  return store_writer_append (writer->object, member, length, error)
         && store_writer_append (writer->object, bytes, TRAILER_BYTES, error);
}

bool
backup_writer_finish (BackupWriter *writer, const BackupIndex *index, uint64_t min_size_bytes,
                      uint64_t *ret_size_bytes, GError **error)
{
  g_autoptr (StoreReader) object = NULL;
  g_autoptr (BackupReader) reader = NULL;
  if (!append_index (writer, index, error) || !store_writer_sync (writer->object, &object, error))
    return false;
  if (!backup_reader_new (&object, &reader, error) || !backup_reader_verify (reader, NULL, error))
    return prefix_error (error, "reading the new backup back");
  if (writer->size_bytes <= min_size_bytes)
    {
      g_autofree char *size = size_format (writer->size_bytes);
      g_autofree char *limit = size_format (min_size_bytes);
      return keel_error (
          error, KEEL_ERROR_ANSWER_NO,
          "If the database really is that small, lower backup.min_size in pgkeel.yaml.",
          "the backup has only %s, and %s or less counts as failed", size, limit);
    }
  if (!store_writer_commit (writer->object, error))
    return false;
  *ret_size_bytes = writer->size_bytes;
  return true;
}
