#include "store/store.h"
#include "store/internal.h"

#include <string.h>

static void
entry_free (void *data)
{
  StoreEntry *entry = data;
  g_free (entry->name);
  g_free (entry);
}

static int
compare_entries (const void *a, const void *b)
{
  const StoreEntry *const *first = a, *const *second = b;
  return strcmp ((*first)->name, (*second)->name);
}

void
store_free (Store *store)
{
  if (store == NULL)
    return;
  g_free (store->location);
  store->class->free (store);
}

const char *
store_location (const Store *store)
{
  return store->location;
}

bool
store_list (Store *store, GPtrArray **ret_entries, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func (entry_free);
  if (!store->class->list (store, entries, error))
    return false;
  g_ptr_array_sort (entries, compare_entries);
  *ret_entries = g_steal_pointer (&entries);
  return true;
}

bool
store_read (Store *store, const char *name, StoreReader **ret_reader, GError **error)
{
  return store->class->read (store, name, ret_reader, error);
}

uint64_t
store_reader_size (const StoreReader *reader)
{
  return reader->class->size (reader);
}

bool
store_reader_read_at (StoreReader *reader, void *buffer, size_t length, uint64_t offset,
                      GError **error)
{
  return reader->class->read_at (reader, buffer, length, offset, error);
}

void
store_reader_free (StoreReader *reader)
{
  if (reader != NULL)
    reader->class->free (reader);
}

bool
store_create (Store *store, const char *name, StoreWriter **ret_writer, GError **error)
{
  return store->class->create (store, name, ret_writer, error);
}

bool
store_writer_append (StoreWriter *writer, const void *data, size_t length, GError **error)
{
  return writer->class->append (writer, data, length, error);
}

bool
store_writer_sync (StoreWriter *writer, StoreReader **ret_reader, GError **error)
{
  return writer->class->sync (writer, ret_reader, error);
}

bool
store_writer_commit (StoreWriter *writer, GError **error)
{
  return writer->class->commit (writer, error);
}

void
store_writer_free (StoreWriter *writer)
{
  if (writer != NULL)
    writer->class->free (writer);
}

bool
store_write_small (Store *store, const char *name, const char *text, GError **error)
{
  return store->class->write_small (store, name, text, error);
}

bool
store_read_small (Store *store, const char *name, size_t max_bytes, char **ret_text, GError **error)
{
  return store->class->read_small (store, name, max_bytes, ret_text, error);
}

bool
store_remove (Store *store, const char *name, GError **error)
{
  return store->class->remove (store, name, error);
}
