/*
 * The integers that a column holds, as a bit string that the server can look up in.
 *
 * What a foreign key refers to is mostly a dense range of integers. One bit for each of them, built
 * by the server with a sequential scan, turns "has this row a parent" into get_bit(): a fifth of what
 * probing a hash table of a million rows costs, any number of keys in one scan of the child, and
 * nothing multiplies when the parent's column is not unique after all.
 */
#pragma once

#include "integrity/check.h"

typedef struct
{
  bool is_known; /* false: too sparse or too large, join instead */
  int64_t low, high;
  char *bytes; /* bytea in hexadecimal text; bit N stands for LOW + N */
} Bitmap;

GHashTable *bitmap_cache_new (void);

/* True when the types of both columns of KEY allow for it. */
bool bitmap_suits (const CatalogueKey *key);

/* The integers in the column that KEY refers to, kept for the run. On failure of the statement *ERROR
 * is set. The bitmap belongs to the run. */
bool bitmap_read (CheckContext *context, const CatalogueTable *table, const CatalogueColumn *column,
                  const Bitmap **ret_bitmap, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SQL that is true for a row whose COLUMN (SQL text) is not null and not in BITMAP, given as parameter
 * number PARAMETER. Caller frees. */
char *bitmap_missing_sql (const Bitmap *bitmap, const char *column, int parameter);
