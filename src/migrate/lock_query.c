/*
 * Which tables a query reads, writes, or locks rows of.
 */
#include "migrate/lock_internal.h"
#include "sql/tree.h"

/* What a query reads: every RangeVar in it that is no name of one of its WITH clauses. */
typedef struct
{
  LockPrediction *prediction;
  GHashTable *with_names;
  GHashTable *aliases;        /* nodes that name what FOR UPDATE OF is for: no tables */
  const json_t *locked_names; /* of the FOR UPDATE being looked at */
} Reading;

static bool
note_with (const json_t *node, void *data)
{
  Reading *reading = data;
  const char *name = sql_tree_text (node, "ctename");
  if (name != NULL)
    g_hash_table_add (reading->with_names, (char *) name);
  return false;
}

static bool
note_alias (const json_t *range, void *data)
{
  g_hash_table_add (((Reading *) data)->aliases, (void *) range);
  return false;
}

static bool
note_aliases (const json_t *clause, void *data)
{
  sql_tree_visit (clause, "RangeVar", note_alias, data);
  return false;
}

static bool
is_table (const Reading *reading, const json_t *range)
{
  const char *name = sql_tree_text (range, "relname");
  return name != NULL && !g_hash_table_contains (reading->aliases, range)
         && (sql_tree_text (range, "schemaname") != NULL
             || !g_hash_table_contains (reading->with_names, name));
}

static bool
note_read (const json_t *range, void *data)
{
  Reading *reading = data;
  if (is_table (reading, range))
    lock_note_range (reading->prediction, range, LOCK_ACCESS_SHARE, LOCK_NO, LOCK_NO);
  return false;
}

static bool
note_write (const json_t *node, void *data)
{
  LockPrediction *prediction = data;
  lock_note_range (prediction, json_object_get (node, "relation"), LOCK_ROW_EXCLUSIVE, LOCK_NO,
                   LOCK_NO);
  return false;
}

/* A table of the FROM of a SELECT ... FOR UPDATE [OF names]. */
static bool
note_locked (const json_t *range, void *data)
{
  Reading *reading = data;
  const char *alias = sql_tree_text (json_object_get (range, "alias"), "aliasname");
  const char *name = alias != NULL ? alias : sql_tree_text (range, "relname");
  bool is_meant = json_array_size (reading->locked_names) == 0;
  size_t index;
  json_t *element;
  json_array_foreach (reading->locked_names, index, element)
    is_meant |= sql_tree_is (json_object_get (element, "RangeVar"), "relname", name);
  if (is_meant && is_table (reading, range))
    lock_note_range (reading->prediction, range, LOCK_ROW_SHARE, LOCK_NO, LOCK_NO);
  return false;
}

static bool
note_locking (const json_t *select, void *data)
{
  Reading *reading = data;
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (select, "lockingClause"), index, element)
    {
      reading->locked_names
          = json_object_get (json_object_get (element, "LockingClause"), "lockedRels");
      sql_tree_visit (json_object_get (select, "fromClause"), "RangeVar", note_locked, reading);
    }
  return false;
}

void
lock_note_queries (LockPrediction *prediction, const json_t *node)
{
  static const char *const writers[] = { "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt" };
  g_autoptr (GHashTable) with_names = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) aliases = g_hash_table_new (NULL, NULL);
  Reading reading = { prediction, with_names, aliases, NULL };
  sql_tree_visit (node, "CommonTableExpr", note_with, &reading);
  sql_tree_visit (node, "LockingClause", note_aliases, &reading);
  sql_tree_visit (node, "RangeVar", note_read, &reading);
  sql_tree_visit (node, "SelectStmt", note_locking, &reading);
  for (size_t i = 0; i < G_N_ELEMENTS (writers); i++)
    sql_tree_visit (node, writers[i], note_write, prediction);
}
