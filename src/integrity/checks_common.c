#include "integrity/checks_common.h"

#include <string.h>

double
check_table_rows (const CatalogueTable *table)
{
  return MAX (table->rows, 1);
}

bool
check_name_ends (const char *name, const char *const *suffixes)
{
  size_t length = strlen (name);
  for (guint i = 0; suffixes[i] != NULL; i++)
    {
      size_t end = strlen (suffixes[i]);
      if (length < end || g_ascii_strcasecmp (name + length - end, suffixes[i]) != 0)
        continue;
      if (length == end || name[length - end - 1] == '_')
        return true;
    }
  return false;
}

static bool
is_one_of (const CatalogueColumn *column, const char *const *types)
{
  return g_strv_contains (types, column->base_name);
}

bool
check_is_integer (const CatalogueColumn *column)
{
  static const char *const types[] = { "int2", "int4", "int8", NULL };
  return is_one_of (column, types);
}

bool
check_is_numeric (const CatalogueColumn *column)
{
  static const char *const types[] = { "numeric", "float4", "float8", "money", NULL };
  return check_is_integer (column) || is_one_of (column, types);
}

bool
check_is_text (const CatalogueColumn *column)
{
  static const char *const types[] = { "text", "varchar", "bpchar", "citext", NULL };
  return is_one_of (column, types);
}

bool
check_is_time (const CatalogueColumn *column)
{
  static const char *const types[] = { "date", "timestamp", "timestamptz", NULL };
  return is_one_of (column, types);
}

const CatalogueIndex *
check_unique_on (const CatalogueTable *table, const CatalogueColumn *column)
{
  for (guint i = 0; i < table->indexes->len; i++)
    {
      const CatalogueIndex *index = table->indexes->pdata[i];
      if (index->is_unique && index->is_valid && !index->is_partial && index->columns->len == 1
          && g_array_index (index->columns, int, 0) == column->number)
        return index;
    }
  return NULL;
}

bool
check_is_in_unique (const CatalogueTable *table, const CatalogueColumn *column)
{
  for (guint i = 0; i < table->indexes->len; i++)
    {
      const CatalogueIndex *index = table->indexes->pdata[i];
      if (!index->is_unique)
        continue;
      for (guint j = 0; j < index->columns->len; j++)
        if (g_array_index (index->columns, int, j) == column->number
            || (g_array_index (index->columns, int, j) == 0
                && strstr (index->keys->pdata[j], column->name) != NULL))
          return true;
    }
  return false;
}

/* A row of the keys can only be compared after reading the table: no index has that order, so none
 * that has lost rows is used. Nulls are alike within it. */
char *
check_copies_query (const CatalogueTable *table, const char *keys, const char *condition)
{
  return g_strdup_printf ("SELECT * FROM (SELECT ctid, *, count(*) OVER (PARTITION BY ROW(%s)) AS"
                          " copies FROM %s%s%s%s) AS counted WHERE copies > 1",
                          keys, catalogue_table_only (table), table->quoted,
                          condition != NULL ? " WHERE " : "", condition != NULL ? condition : "");
}

char *
check_copies_count (const CatalogueTable *table, const char *keys, const char *condition)
{
  return g_strdup_printf (
      "SELECT count(*), coalesce(sum(copies), 0), (SELECT count(*) FROM %1$s%2$s)"
      " FROM (SELECT count(*) AS copies FROM %1$s%2$s%3$s%4$s GROUP BY %5$s"
      " HAVING count(*) > 1) AS counted",
      catalogue_table_only (table), table->quoted, condition != NULL ? " WHERE " : "",
      condition != NULL ? condition : "", keys);
}
