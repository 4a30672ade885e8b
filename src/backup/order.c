#include "backup/order.h"

/* Which table refers to which other. A partitioned table holds no rows itself: its partitions have
 * its keys as their own, and are what a key that refers to it needs. */
static const char references_sql[]
    = "SELECT DISTINCT k.conrelid, coalesce(p.relid::pg_catalog.oid, k.confrelid)"
      "  FROM pg_catalog.pg_constraint k"
      "  JOIN pg_catalog.pg_class t ON t.oid = k.conrelid"
      "  JOIN pg_catalog.pg_class r ON r.oid = k.confrelid"
      "  LEFT JOIN LATERAL pg_catalog.pg_partition_tree(k.confrelid) p"
      "         ON r.relkind = 'p' AND p.isleaf"
      " WHERE k.contype = 'f' AND t.relkind = 'r' AND k.conrelid <> k.confrelid";

typedef struct Node Node;
struct Node
{
  ScanTable *table;
  GPtrArray *needs;     /* of Node */
  GPtrArray *needed_by; /* of Node */
  guint open_count;     /* of needs that are not placed yet */
  bool is_placed;
  bool is_seen; /* by the search for a circle */
};

static void
node_free (void *data)
{
  Node *node = data;
  g_ptr_array_unref (node->needs);
  g_ptr_array_unref (node->needed_by);
  g_free (node);
}

typedef struct
{
  GPtrArray *nodes;   /* of Node, in the tables' order */
  GHashTable *by_oid; /* text to Node */
} Graph;

static void
graph_clear (Graph *graph)
{
  g_clear_pointer (&graph->by_oid, g_hash_table_unref);
  g_clear_pointer (&graph->nodes, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Graph, graph_clear)

static void
graph_init (Graph *graph, GPtrArray *tables)
{
  graph->nodes = g_ptr_array_new_with_free_func (node_free);
  graph->by_oid = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < tables->len; i++)
    {
      Node *node = g_new0 (Node, 1);
      node->table = tables->pdata[i];
      node->needs = g_ptr_array_new ();
      node->needed_by = g_ptr_array_new ();
      g_ptr_array_add (graph->nodes, node);
      g_hash_table_insert (graph->by_oid, node->table->oid, node);
    }
}

static bool
read_references (Graph *graph, DbConn *conn, bool all_keys, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, references_sql, 0, NULL, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Node *node = g_hash_table_lookup (graph->by_oid, db_result_text (result, row, 0));
      Node *needed = g_hash_table_lookup (graph->by_oid, db_result_text (result, row, 1));
      if (node == NULL || needed == NULL || node == needed
          || !(all_keys || node->table->is_extension_member))
        continue;
      g_ptr_array_add (node->needs, needed);
      g_ptr_array_add (needed->needed_by, node);
      node->open_count++;
    }
  return true;
}

static void
place (Node *node, guint level)
{
  node->table->level = level;
  node->is_placed = true;
  for (guint i = 0; i < node->needed_by->len; i++)
    ((Node *) node->needed_by->pdata[i])->open_count--;
}

/* Follows what START needs, among what is not placed, until it is back. */
static bool
is_in_circle (const Graph *graph, const Node *start)
{
  g_autoptr (GPtrArray) stack = g_ptr_array_new ();
  for (guint i = 0; i < graph->nodes->len; i++)
    ((Node *) graph->nodes->pdata[i])->is_seen = false;
  g_ptr_array_add (stack, (gpointer) start);
  while (stack->len > 0)
    {
      const Node *node = g_ptr_array_steal_index (stack, stack->len - 1);
      for (guint i = 0; i < node->needs->len; i++)
        {
          Node *next = node->needs->pdata[i];
          if (next == start)
            return true;
          if (next->is_placed || next->is_seen)
            continue;
          next->is_seen = true;
          g_ptr_array_add (stack, next);
        }
    }
  return false;
}

static void
break_circle (Graph *graph, guint level, GPtrArray *circles)
{
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      Node *node = graph->nodes->pdata[i];
      if (node->is_placed || !is_in_circle (graph, node))
        continue;
      g_ptr_array_add (circles, g_strdup_printf ("%s.%s", node->table->schema, node->table->name));
      place (node, level);
      return;
    }
  g_assert_not_reached ();
}

/* Those of one level are found before any of them is placed, as that opens the way for others. */
static GPtrArray *
list_free_nodes (const Graph *graph)
{
  GPtrArray *list = g_ptr_array_new ();
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      Node *node = graph->nodes->pdata[i];
      if (!node->is_placed && node->open_count == 0)
        g_ptr_array_add (list, node);
    }
  return list;
}

bool
order_tables (DbConn *conn, GPtrArray *tables, bool all_keys, GPtrArray **ret_circles,
              GError **error)
{
  g_auto (Graph) graph = { 0 };
  g_autoptr (GPtrArray) circles = g_ptr_array_new_with_free_func (g_free);
  graph_init (&graph, tables);
  if (!read_references (&graph, conn, all_keys, error))
    return prefix_error (error, "foreign keys");
  guint placed = 0;
  for (guint level = 0; placed < graph.nodes->len; level++)
    {
      g_autoptr (GPtrArray) free_nodes = list_free_nodes (&graph);
      for (guint i = 0; i < free_nodes->len; i++)
        place (free_nodes->pdata[i], level);
      if (free_nodes->len == 0)
        break_circle (&graph, level, circles);
      placed += MAX (free_nodes->len, 1);
    }
  *ret_circles = g_steal_pointer (&circles);
  return true;
}
