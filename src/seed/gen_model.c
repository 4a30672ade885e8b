#include "seed/gen_model.h"

#include <string.h>

void
gen_node_free (GenNode *node)
{
  if (node == NULL)
    return;
  gen_type_free (node->own_type);
  g_clear_pointer (&node->args, g_ptr_array_unref);
  g_free (node->weights);
  g_free (node);
}

static void
bounds_clear (GenBounds *bounds)
{
  g_strfreev (bounds->allowed);
  g_free (bounds->after);
  g_free (bounds->not_less);
}

static void
column_free (void *data)
{
  GenColumn *column = data;
  gen_node_free (column->node);
  gen_type_free (column->type);
  bounds_clear (&column->bounds);
  g_free (column->sequence);
  g_free (column->expression);
  g_free (column->name);
  g_free (column);
}

static void
link_free (void *data)
{
  GenLink *link = data;
  g_clear_pointer (&link->zipf, gen_zipf_free);
  g_clear_pointer (&link->keys, g_ptr_array_unref);
  g_strfreev (link->parent_names);
  g_free (link->parent_schema);
  g_free (link->parent_name);
  g_free (link->parent_columns);
  g_free (link->columns);
  g_free (link->name);
  g_free (link);
}

static void
key_free (void *data)
{
  GenKey *key = data;
  g_free (key->columns);
  g_free (key->name);
  g_free (key);
}

static void
group_free (void *data)
{
  GenGroup *group = data;
  g_free (group->domains);
  g_free (group);
}

GenTable *
gen_table_new (const char *schema, const char *name)
{
  GenTable *table = g_new0 (GenTable, 1);
  table->schema = g_strdup (schema);
  table->name = g_strdup (name);
  table->label
      = strcmp (schema, "public") == 0 ? g_strdup (name) : g_strconcat (schema, ".", name, NULL);
  table->columns = g_ptr_array_new_with_free_func (column_free);
  table->links = g_ptr_array_new_with_free_func (link_free);
  table->keys = g_ptr_array_new_with_free_func (key_free);
  table->groups = g_ptr_array_new_with_free_func (group_free);
  return table;
}

void
gen_table_free (GenTable *table)
{
  if (table == NULL)
    return;
  g_ptr_array_unref (table->columns);
  g_ptr_array_unref (table->links);
  g_ptr_array_unref (table->keys);
  g_ptr_array_unref (table->groups);
  gen_children_clear (&table->children);
  g_free (table->schema);
  g_free (table->name);
  g_free (table->label);
  g_free (table);
}

int
gen_table_find (const GenTable *table, const char *name)
{
  for (guint i = 0; i < table->columns->len; i++)
    if (strcmp (gen_table_column (table, i)->name, name) == 0)
      return (int) i;
  return -1;
}

bool
gen_link_is_nullable (const GenTable *table, const GenLink *link)
{
  for (guint i = 0; i < link->count; i++)
    if (gen_table_column (table, link->columns[i])->is_not_null)
      return false;
  return true;
}
