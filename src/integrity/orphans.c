#include "integrity/orphans.h"
#include "integrity/bitmap.h"

#include <string.h>

/* So many parents are hashed by one statement, and so many rows of them: they share the memory. */
#define JOINS_AT_ONCE 6
#define JOINED_ROWS_MAX 4e6
/* Bitmaps of one statement, which are sent along with it. */
#define BITMAPS_AT_ONCE 16

char *
orphans_object (const CatalogueKey *key)
{
  if (key->child_columns->len == 1)
    return catalogue_display (key->child, key->child_columns->pdata[0]);
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < key->child_columns->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "",
                            ((const CatalogueColumn *) key->child_columns->pdata[i])->name);
  return g_strdup_printf ("%s.(%s)", key->child->display, names->str);
}

/* "c.a = p.x AND c.b = p.y". A key compares by its parent's collation. */
static char *
match_sql (const CatalogueKey *key, const char *parent)
{
  GString *sql = g_string_new (NULL);
  for (guint i = 0; i < key->child_columns->len; i++)
    {
      const CatalogueColumn *child = key->child_columns->pdata[i];
      const CatalogueColumn *other = key->parent_columns->pdata[i];
      g_string_append_printf (sql, "%s%s.%s %s c.%s", i > 0 ? " AND " : "", parent, other->quoted,
                              (const char *) key->operators->pdata[i], child->quoted);
      if (g_strcmp0 (child->collation, other->collation) != 0)
        g_string_append_printf (sql, " COLLATE %s",
                                other->collation != NULL ? other->collation
                                                         : "pg_catalog.\"default\"");
    }
  return g_string_free (sql, FALSE);
}

static char *
all_there_sql (const CatalogueKey *key)
{
  GString *sql = g_string_new (NULL);
  for (guint i = 0; i < key->child_columns->len; i++)
    g_string_append_printf (sql, "%sc.%s IS NOT NULL", i > 0 ? " AND " : "",
                            ((const CatalogueColumn *) key->child_columns->pdata[i])->quoted);
  return g_string_free (sql, FALSE);
}

char *
orphans_condition (const CatalogueKey *key)
{
  g_autofree char *match = match_sql (key, "p");
  g_autofree char *there = all_there_sql (key);
  return g_strdup_printf ("%s AND NOT EXISTS (SELECT FROM %s%s AS p WHERE %s)", there,
                          catalogue_table_only (key->parent), key->parent->quoted, match);
}

char *
orphans_query (const CatalogueKey *key)
{
  g_autofree char *condition = orphans_condition (key);
  return g_strdup_printf ("SELECT c.ctid, c.* FROM %s%s AS c WHERE %s",
                          catalogue_table_only (key->child), key->child->quoted, condition);
}

/* --- one key --------------------------------------------------------------------------------------- */

static bool
count_one (CheckContext *context, const CatalogueKey *key, int64_t *ret_count, GError **error)
{
  g_autofree char *condition = orphans_condition (key);
  g_autofree char *sql
      = g_strdup_printf ("SELECT count(*) FROM %s%s AS c WHERE %s",
                         catalogue_table_only (key->child), key->child->quoted, condition);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  /* A parent that an index does not find may be there all the same. */
  if (db_result_int64 (result, 0, 0) > 0)
    {
      g_clear_pointer (&result, db_result_free);
      if (!check_query_heap (context, sql, 0, NULL, &result, error))
        return false;
    }
  *ret_count = db_result_int64 (result, 0, 0);
  return true;
}

static bool
count_alone (CheckContext *context, const Check *check, const CatalogueKey *key, int64_t *ret_count,
             GError **error)
{
  g_autofree char *object = orphans_object (key);
  g_autoptr (GError) problem = NULL;
  if (count_one (context, key, ret_count, &problem))
    return true;
  *ret_count = -1;
  if (check_note_failure (context, check, object, &problem))
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* --- several keys in one pass ---------------------------------------------------------------------- */

/* Keys of one table that one statement looks at, by their places in the list. */
typedef struct
{
  const GPtrArray *keys;
  guint places[MAX (JOINS_AT_ONCE, BITMAPS_AT_ONCE)];
  const Bitmap *bitmaps[BITMAPS_AT_ONCE];
  guint count;
} Group;

static const CatalogueKey *
group_key (const Group *group, guint i)
{
  return group->keys->pdata[group->places[i]];
}

static char *
bitmap_statement (const Group *group)
{
  const CatalogueTable *child = group_key (group, 0)->child;
  GString *sql = g_string_new ("SELECT count(*)");
  for (guint i = 0; i < group->count; i++)
    {
      const CatalogueColumn *column = group_key (group, i)->child_columns->pdata[0];
      g_autofree char *missing
          = bitmap_missing_sql (group->bitmaps[i], column->quoted, (int) i + 1);
      g_string_append_printf (sql, ", count(*) FILTER (WHERE %s)", missing);
    }
  g_string_append_printf (sql, " FROM %s%s", catalogue_table_only (child), child->quoted);
  return g_string_free (sql, FALSE);
}

static bool
count_by_bitmaps (CheckContext *context, const Group *group, int64_t *counts, int64_t *ret_rows,
                  GError **error)
{
  const char *params[BITMAPS_AT_ONCE];
  for (guint i = 0; i < group->count; i++)
    params[i] = group->bitmaps[i]->bytes;
  g_autofree char *sql = bitmap_statement (group);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, (int) group->count, params, &result, error))
    return false;
  *ret_rows = db_result_int64 (result, 0, 0);
  for (guint i = 0; i < group->count; i++)
    counts[group->places[i]] = db_result_int64 (result, 0, (int) i + 1);
  return true;
}

/* Left joins tell whether there are orphans at all. How many there are they would not when a parent's
 * column is not unique after all, so whatever is found is counted once more by itself. */
static char *
join_statement (const Group *group)
{
  const CatalogueTable *child = group_key (group, 0)->child;
  GString *sql = g_string_new ("SELECT count(*)");
  g_autoptr (GString) joins = g_string_new (NULL);
  for (guint i = 0; i < group->count; i++)
    {
      const CatalogueKey *key = group_key (group, i);
      const CatalogueColumn *first = key->parent_columns->pdata[0];
      g_autofree char *alias = g_strdup_printf ("p%u", i);
      g_autofree char *there = all_there_sql (key);
      g_autofree char *match = match_sql (key, alias);
      g_string_append_printf (sql, ", count(*) FILTER (WHERE %s AND %s.%s IS NULL)", there, alias,
                              first->quoted);
      g_string_append_printf (joins, " LEFT JOIN %s%s AS %s ON %s",
                              catalogue_table_only (key->parent), key->parent->quoted, alias,
                              match);
    }
  g_string_append_printf (sql, " FROM %s%s AS c%s", catalogue_table_only (child), child->quoted,
                          joins->str);
  return g_string_free (sql, FALSE);
}

static bool
count_by_joins (CheckContext *context, const Check *check, const Group *group, int64_t *counts,
                GError **error)
{
  g_autofree char *sql = join_statement (group);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  for (guint i = 0; i < group->count; i++)
    {
      counts[group->places[i]] = db_result_int64 (result, 0, (int) i + 1);
      if (counts[group->places[i]] > 0
          && !count_alone (context, check, group_key (group, i), &counts[group->places[i]], error))
        return false;
    }
  return true;
}

/* What fails together is tried one by one. */
static bool
count_group (CheckContext *context, const Check *check, Group *group, bool by_bitmaps,
             int64_t *counts, int64_t *ret_rows, GError **error)
{
  g_autoptr (GError) problem = NULL;
  guint count = group->count;
  bool done = false;
  if (by_bitmaps && count > 0)
    done = count_by_bitmaps (context, group, counts, ret_rows, &problem);
  else if (count > 1)
    done = count_by_joins (context, check, group, counts, &problem);
  if (problem != NULL && !keel_error_is (problem, KEEL_ERROR_SERVER))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  for (guint i = 0; !done && i < count; i++)
    if (!count_alone (context, check, group_key (group, i), &counts[group->places[i]], error))
      return false;
  group->count = 0;
  return true;
}

/* --- all keys of a table --------------------------------------------------------------------------- */

/* The bitmap of what KEY refers to, or NULL: join. */
static bool
find_bitmap (CheckContext *context, const CatalogueKey *key, const Bitmap **ret_bitmap,
             GError **error)
{
  *ret_bitmap = NULL;
  /* A few rows against a large parent: looking them up in the parent's index is cheaper. */
  if (!bitmap_suits (key) || key->parent->rows > 20 * key->child->rows + 100000)
    return true;
  const Bitmap *bitmap;
  if (!bitmap_read (context, key->parent, key->parent_columns->pdata[0], &bitmap, error))
    return false;
  *ret_bitmap = bitmap->is_known ? bitmap : NULL;
  return true;
}

static bool
count_rows (CheckContext *context, const CatalogueTable *table, int64_t *ret_rows, GError **error)
{
  g_autofree char *sql
      = g_strdup_printf ("SELECT count(*) FROM %s%s", catalogue_table_only (table), table->quoted);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, 0, NULL, &result, error))
    return false;
  *ret_rows = db_result_int64 (result, 0, 0);
  return true;
}

/* Sorts KEYS into the two groups, counting a group whenever it is full. */
static bool
count_key (CheckContext *context, const Check *check, guint place, Group *bits, Group *joins,
           double *joined_rows, int64_t *counts, int64_t *rows, GError **error)
{
  const CatalogueKey *key = bits->keys->pdata[place];
  const Bitmap *bitmap = NULL;
  g_autoptr (GError) problem = NULL;
  if (!find_bitmap (context, key, &bitmap, &problem))
    {
      g_autofree char *object = orphans_object (key);
      counts[place] = -1;
      if (check_note_failure (context, check, object, &problem))
        return true;
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  if (bitmap != NULL)
    {
      bits->places[bits->count] = place;
      bits->bitmaps[bits->count++] = bitmap;
      return bits->count < BITMAPS_AT_ONCE
             || count_group (context, check, bits, true, counts, rows, error);
    }
  if (joins->count == JOINS_AT_ONCE || *joined_rows + key->parent->rows > JOINED_ROWS_MAX)
    {
      if (!count_group (context, check, joins, false, counts, rows, error))
        return false;
      *joined_rows = 0;
    }
  joins->places[joins->count++] = place;
  *joined_rows += key->parent->rows;
  return true;
}

bool
orphans_count (CheckContext *context, const Check *check, const GPtrArray *keys, int64_t *counts,
               int64_t *ret_rows, GError **error)
{
  Group bits = { .keys = keys }, joins = { .keys = keys };
  double joined_rows = 0;
  int64_t rows = -1;
  for (guint i = 0; i < keys->len; i++)
    if (!count_key (context, check, i, &bits, &joins, &joined_rows, counts, &rows, error))
      return false;
  if (!count_group (context, check, &bits, true, counts, &rows, error)
      || !count_group (context, check, &joins, false, counts, &rows, error))
    return false;
  if (rows < 0
      && !count_rows (context, ((const CatalogueKey *) keys->pdata[0])->child, &rows, error))
    return false;
  *ret_rows = rows;
  return true;
}
