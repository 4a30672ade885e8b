#include "integrity/bitmap.h"
#include "integrity/run_internal.h"

#include <string.h>

/* 16 MB of bits: a range of 134 million. */
#define BITS_MAX (INT64_C (1) << 27)
/* So many bits may stand for one row before hashing the rows is better. */
#define BITS_PER_ROW_MAX 64
#define BITS_ALWAYS 1000000

static void
bitmap_free (Bitmap *bitmap)
{
  g_free (bitmap->bytes);
  g_free (bitmap);
}

GHashTable *
bitmap_cache_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) bitmap_free);
}

static bool
is_integer (const CatalogueColumn *column)
{
  return strcmp (column->base_name, "int2") == 0 || strcmp (column->base_name, "int4") == 0
         || strcmp (column->base_name, "int8") == 0;
}

bool
bitmap_suits (const CatalogueKey *key)
{
  return key->child_columns->len == 1 && is_integer (key->child_columns->pdata[0])
         && is_integer (key->parent_columns->pdata[0])
         && strcmp (key->operators->pdata[0], "=") == 0;
}

/* Counting from LOW, get_bit() takes the lowest bit of the first byte for the first one, while
 * int8send() writes the highest byte of a word first: hence # 56, which turns the bytes round. */
static char *
build_sql (const CatalogueTable *table, const CatalogueColumn *column, int64_t low, int64_t high)
{
  const char *only = catalogue_table_only (table);
  return g_strdup_printf (
      "WITH words AS (SELECT (%1$s::int8 - %2$" G_GINT64_FORMAT ") >> 6 AS word,"
      "  bit_or(1::int8 << (((%1$s::int8 - %2$" G_GINT64_FORMAT ") & 63) # 56)::int4) AS bits"
      " FROM %3$s%4$s WHERE %1$s IS NOT NULL GROUP BY 1)"
      " SELECT string_agg(int8send(coalesce(words.bits, 0)), ''::bytea ORDER BY place)"
      " FROM generate_series(0, %5$" G_GINT64_FORMAT "::int8) AS place"
      " LEFT JOIN words ON words.word = place",
      column->quoted, low, only, table->quoted, (high - low) >> 6);
}

static bool
read_bits (CheckContext *context, const CatalogueTable *table, const CatalogueColumn *column,
           Bitmap *bitmap, GError **error)
{
  g_autoptr (DbResult) bounds = NULL, bits = NULL;
  g_autofree char *bounds_sql
      = g_strdup_printf ("SELECT min(%1$s), max(%1$s), count(%1$s) FROM %2$s%3$s", column->quoted,
                         catalogue_table_only (table), table->quoted);
  if (!check_query_heap (context, bounds_sql, 0, NULL, &bounds, error))
    return false;
  int64_t rows = db_result_int64 (bounds, 0, 2);
  bitmap->low = db_result_int64 (bounds, 0, 0);
  bitmap->high = db_result_int64 (bounds, 0, 1);
  if (rows == 0)
    {
      /* An empty range: nothing is in it. */
      *bitmap = (Bitmap){ .is_known = true, .low = 1, .high = 0, .bytes = g_strdup ("\\x00") };
      return true;
    }
  double span = (double) bitmap->high - (double) bitmap->low + 1;
  if (span > (double) BITS_MAX || span > (double) rows * BITS_PER_ROW_MAX + BITS_ALWAYS)
    return true;
  g_autofree char *sql = build_sql (table, column, bitmap->low, bitmap->high);
  if (!check_query_heap (context, sql, 0, NULL, &bits, error))
    return false;
  bitmap->bytes = g_strdup (db_result_text (bits, 0, 0));
  bitmap->is_known = true;
  return true;
}

bool
bitmap_read (CheckContext *context, const CatalogueTable *table, const CatalogueColumn *column,
             const Bitmap **ret_bitmap, GError **error)
{
  Runner *runner = context->runner;
  g_autofree char *name = g_strdup_printf ("%u %d", table->oid, column->number);
  g_mutex_lock (&runner->lock);
  Bitmap *bitmap = g_hash_table_lookup (runner->bitmaps, name);
  g_mutex_unlock (&runner->lock);
  if (bitmap != NULL)
    {
      *ret_bitmap = bitmap;
      return true;
    }
  bitmap = g_new0 (Bitmap, 1);
  if (!read_bits (context, table, column, bitmap, error))
    {
      bitmap_free (bitmap);
      return false;
    }
  g_mutex_lock (&runner->lock);
  Bitmap *other = g_hash_table_lookup (runner->bitmaps, name);
  if (other == NULL)
    g_hash_table_insert (runner->bitmaps, g_steal_pointer (&name), bitmap);
  g_mutex_unlock (&runner->lock);
  /* Another session was faster: one of two equal ones is enough. */
  if (other != NULL)
    bitmap_free (bitmap);
  *ret_bitmap = other != NULL ? other : bitmap;
  return true;
}

char *
bitmap_missing_sql (const Bitmap *bitmap, const char *column, int parameter)
{
  return g_strdup_printf ("CASE WHEN %1$s BETWEEN %2$" G_GINT64_FORMAT " AND %3$" G_GINT64_FORMAT
                          " THEN get_bit($%4$d::bytea, (%1$s::int8 - %2$" G_GINT64_FORMAT
                          ")::int4) = 0 ELSE %1$s IS NOT NULL END",
                          column, bitmap->low, bitmap->high, parameter);
}
