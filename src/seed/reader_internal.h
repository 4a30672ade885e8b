/*
 * What the two readers share (reader.c, reader_csv.c, reader_json.c).
 */
#pragma once

#include "seed/reader.h"

struct SeedReader
{
  const char *file;
  SeedFormat format;
  const char *text;
  size_t length;
  size_t at; /* of the next byte */
  guint64 row_count;
  GPtrArray *names;       /* of char * */
  GArray *name_offsets;   /* of size_t */
  GHashTable *by_name;    /* name -> its index + 1; of JSON */
  GArray *values;         /* of SeedValue: the row */
  GString *unquoted;      /* CSV: fields whose text is not what stands in the file */
  bool is_first, is_done; /* JSON */
};

bool seed_csv_header (SeedReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool seed_csv_next (SeedReader *reader, SeedRow *ret_row, bool *ret_has_row, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool seed_json_begin (SeedReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool seed_json_next (SeedReader *reader, SeedRow *ret_row, bool *ret_has_row, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
