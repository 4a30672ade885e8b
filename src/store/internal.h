/* The vtable. Only the files of src/store include it. */
#pragma once

#include "store/store.h"

typedef struct
{
  bool (*list) (Store *store, GPtrArray *entries, GError **error);
  bool (*read) (Store *store, const char *name, StoreReader **ret_reader, GError **error);
  bool (*create) (Store *store, const char *name, StoreWriter **ret_writer, GError **error);
  bool (*write_small) (Store *store, const char *name, const char *text, GError **error);
  bool (*read_small) (Store *store, const char *name, size_t max_bytes, char **ret_text,
                      GError **error);
  bool (*remove) (Store *store, const char *name, GError **error);
  void (*free) (Store *store);
} StoreClass;

typedef struct
{
  uint64_t (*size) (const StoreReader *reader);
  bool (*read_at) (StoreReader *reader, void *buffer, size_t length, uint64_t offset,
                   GError **error);
  void (*free) (StoreReader *reader);
} StoreReaderClass;

typedef struct
{
  bool (*append) (StoreWriter *writer, const void *data, size_t length, GError **error);
  bool (*sync) (StoreWriter *writer, StoreReader **ret_reader, GError **error);
  bool (*commit) (StoreWriter *writer, GError **error);
  void (*free) (StoreWriter *writer);
} StoreWriterClass;

/* Each implementation's structures begin with these. */
struct Store
{
  const StoreClass *class;
  char *location;
};
struct StoreReader
{
  const StoreReaderClass *class;
};
struct StoreWriter
{
  const StoreWriterClass *class;
};
