/*
 * Where backups live: named objects that appear whole or not at all.
 *
 * A vtable, so that a folder and (later) object storage serve the same callers. It knows nothing of
 * what the objects hold, and it never replaces or removes an object unless told its name.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Store Store;
typedef struct StoreReader StoreReader;
typedef struct StoreWriter StoreWriter;

typedef struct
{
  char *name;
  uint64_t size_bytes;
  int64_t modified; /* seconds since 1970 */
} StoreEntry;

/* A folder of the local file system; it need not exist before the first write. */
Store *store_open_folder (const char *path);
void store_free (Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Store, store_free)

/* For messages: the folder. Owned by the store. */
const char *store_location (const Store *store);

/* All finished objects, sorted by name; GPtrArray of StoreEntry. A store that does not exist yet is
 * empty; one that cannot be read is an error. */
bool store_list (Store *store, GPtrArray **ret_entries, GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool store_read (Store *store, const char *name, StoreReader **ret_reader, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
uint64_t store_reader_size (const StoreReader *reader);
/* Exactly LENGTH bytes at OFFSET, from any thread; an object that ends before: KEEL_ERROR_CORRUPT. */
bool store_reader_read_at (StoreReader *reader, void *buffer, size_t length, uint64_t offset,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
void store_reader_free (StoreReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreReader, store_reader_free)

/* A new object under a temporary name. The caller appends from one thread at a time. */
bool store_create (Store *store, const char *name, StoreWriter **ret_writer, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool store_writer_append (StoreWriter *writer, const void *data, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Everything appended is on stable storage when it returns; RET_READER then reads it from there. */
bool store_writer_sync (StoreWriter *writer, StoreReader **ret_reader, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Gives a synced object its name; fails, changing nothing, when the name is taken. */
bool store_writer_commit (StoreWriter *writer, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Without a commit nothing remains. */
void store_writer_free (StoreWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreWriter, store_writer_free)

/* Small objects (proofs, records), replaced all or nothing. */
bool store_write_small (Store *store, const char *name, const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool store_read_small (Store *store, const char *name, size_t max_bytes, char **ret_text,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes one object; fine when it is not there. */
bool store_remove (Store *store, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
