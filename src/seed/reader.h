/*
 * Rows of a CSV or JSON file, one at a time. docs/seeds.md says what the two look like.
 *
 * Knows nothing of tables: values are texts that stand at a place. The file is in memory as a whole, its
 * rows are not. Every message names file, line and column.
 */
#pragma once

#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>

/* What a file may have. */
#define SEED_NAMES_MAX 2000
#define SEED_ROWS_MAX 50000000

typedef enum
{
  SEED_FORMAT_CSV,
  SEED_FORMAT_JSON,
} SeedFormat;

typedef enum
{
  SEED_VALUE_NULL,
  SEED_VALUE_TEXT,   /* as it stands (CSV) */
  SEED_VALUE_STRING, /* a JSON string with its quotes: seed_value_string reads it */
  SEED_VALUE_WORD,   /* a JSON number, true or false */
  SEED_VALUE_LIST,   /* JSON, with its brackets */
  SEED_VALUE_OBJECT, /* JSON, with its braces */
} SeedValueKind;

typedef struct
{
  guint name; /* index into seed_reader_names */
  SeedValueKind kind;
  const char *text; /* not NUL-terminated; the reader's until the next row */
  size_t length;
  size_t offset; /* in the file */
} SeedValue;

typedef struct
{
  const SeedValue *values;
  guint count;
  size_t offset; /* in the file */
} SeedRow;

typedef struct SeedReader SeedReader;

/* Reads TEXT (borrowed, LENGTH bytes, NUL-terminated), which messages call FILE (borrowed). Of CSV it reads the
 * header. */
bool seed_reader_new (const char *file, SeedFormat format, const char *text, size_t length,
                      SeedReader **ret_reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void seed_reader_free (SeedReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SeedReader, seed_reader_free)

/* The names of columns so far, of char *: of CSV all, of JSON those of the rows that were read. */
const GPtrArray *seed_reader_names (const SeedReader *reader);

/* Where name NUMBER stands first. */
size_t seed_reader_name_offset (const SeedReader *reader, guint number);

/* *RET_HAS_ROW is false at the end. The row is good until the next call. */
bool seed_reader_next (SeedReader *reader, SeedRow *ret_row, bool *ret_has_row, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The members of an object (a value of kind OBJECT), as values whose names are in NAMES (of char *), which
 * grows. *RET_VALUES: of SeedValue, which point into VALUE's text. */
bool seed_reader_members (SeedReader *reader, const SeedValue *value, GPtrArray *names,
                          GArray **ret_values, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a value of kind STRING says; caller frees. */
char *seed_value_string (const SeedValue *value);

/* A LIST as the server writes arrays: {"a",1,NULL,{...}}. Objects in it are taken as text, JSON in JSON. Caller
 * frees. */
char *seed_value_array (const SeedValue *value);

/* Sets KEEL_ERROR_CONFIG "FILE:LINE:COLUMN: MESSAGE" for a place in TEXT. Always returns false. */
bool seed_refuse_at (const char *file, const char *text, size_t offset, const char *hint,
                     GError **error, const char *format, ...) G_GNUC_PRINTF (6, 7);

/* The message on one line, not longer than a person reads. Caller frees. */
char *seed_one_line (const char *format, va_list args) G_GNUC_PRINTF (1, 0);

/* "FILE:LINE:COLUMN", from 1, the column in characters. Caller frees. */
char *seed_place_at (const char *file, const char *text, size_t offset);
