/* From (row, column) to a value: links, unique columns, and the row as COPY has it. */
#include "seed/gen_model.h"
#include "seed/gen_random.h"

#include <string.h>

/* The part PLACE of an index that stands for a member of each domain. */
static uint64_t
take_apart (const GenGroup *group, uint64_t index, guint place)
{
  for (guint i = 0; i < place; i++)
    index /= group->domains[i];
  return index % group->domains[place];
}

static uint64_t
group_index (const GenGroup *group, const GenRow *row, guint place)
{
  uint64_t number = row->row;
  if (group->by_parent)
    {
      uint64_t parent, ordinal;
      gen_children_find (&row->table->children, row->row, &parent, &ordinal);
      uint64_t turn
          = gen_reduce (gen_word (group->key, gen_row_word (parent)), group->permute.count);
      number = (turn + ordinal) % group->permute.count;
    }
  return take_apart (group, gen_permute (&group->permute, number), place);
}

/* A row refers to one before it, so that there are no circles; the first to none, or to itself. */
static bool
self_parent (const GenLink *link, const GenRow *row, uint64_t word, uint64_t *ret_parent)
{
  *ret_parent = row->row > 0 ? gen_reduce (word, row->row) : 0;
  return row->row > 0 || link->null_percent == 0;
}

bool
gen_link_parent (const GenLink *link, const GenRow *row, uint64_t *ret_parent)
{
  uint64_t word = gen_word (link->key, row->row_word), ordinal, rank;
  if (link->is_null || link->parents == 0
      || (link->null_percent > 0 && gen_reduce (gen_next (word), 100) < link->null_percent))
    return false;
  if (link->is_self && link->mode == GEN_LINK_UNIFORM)
    return self_parent (link, row, word, ret_parent);
  switch (link->mode)
    {
    case GEN_LINK_UNIFORM: *ret_parent = gen_reduce (word, link->parents); return true;
    case GEN_LINK_ZIPF:
      gen_zipf_find (link->zipf, word >> 2, &rank, &ordinal);
      *ret_parent = gen_permute (&link->permute, rank);
      return true;
    case GEN_LINK_CHILDREN:
      gen_children_find (&row->table->children, row->row, ret_parent, &ordinal);
      return true;
    case GEN_LINK_PERMUTE: *ret_parent = gen_permute (&link->permute, row->row); return true;
    case GEN_LINK_GROUP:
      *ret_parent = group_index (link->group, row, link->group_place);
      return true;
    }
  return false;
}

static void
link_value (GenRow *row, const GenLink *link, guint place, GenValue *value)
{
  uint64_t parent;
  if (!gen_link_parent (link, row, &parent))
    {
      *value = (GenValue){ .kind = GEN_NULL };
      return;
    }
  if (link->parent == NULL)
    {
      *value = ((const GenValue *) link->keys->pdata[parent])[place];
      return;
    }
  GenRow parent_row = {
    .arena = row->arena, .table = link->parent, .row = parent, .row_word = gen_row_word (parent)
  };
  gen_column_value (&parent_row, link->parent_columns[place], value);
}

void
gen_column_value (GenRow *row, unsigned int number, GenValue *value)
{
  const GenColumn *column = gen_table_column (row->table, number);
  uint64_t index;
  if (column->link != NULL)
    {
      link_value (row, column->link, column->link_place, value);
      return;
    }
  uint64_t word = gen_word (column->key, row->row_word);
  switch (column->unique)
    {
    case GEN_UNIQUE_NO: column->node->eval (column->node, row, word, NULL, value); return;
    case GEN_UNIQUE_PERMUTE: index = gen_permute (&column->permute, row->row); break;
    case GEN_UNIQUE_GROUP: index = group_index (column->group, row, column->group_place); break;
    }
  column->node->eval (column->node, row, word, &index, value);
}

static void
put_field_count (const GenTable *table, GByteArray *out)
{
  guint count = 0;
  for (guint i = 0; i < table->columns->len; i++)
    count += !gen_table_column (table, i)->is_left_out;
  uint8_t bytes[2] = { (uint8_t) (count >> 8), (uint8_t) count };
  g_byte_array_append (out, bytes, sizeof bytes);
}

void
gen_row_write (const GenTable *table, uint64_t number, bool is_binary, GenArena *arena,
               GByteArray *out)
{
  GenRow row = { .arena = arena, .table = table, .row = number, .row_word = gen_row_word (number) };
  bool is_first = true;
  gen_arena_reset (arena);
  if (is_binary)
    put_field_count (table, out);
  for (guint i = 0; i < table->columns->len; i++)
    {
      const GenColumn *column = gen_table_column (table, i);
      GenValue value;
      if (column->is_left_out)
        continue;
      gen_column_value (&row, i, &value);
      if (is_binary)
        {
          gen_write_binary (column->type, &value, out);
          continue;
        }
      if (!is_first)
        g_byte_array_append (out, (const guint8 *) "\t", 1);
      is_first = false;
      gen_write_text (column->type, &value, out);
    }
  if (!is_binary)
    g_byte_array_append (out, (const guint8 *) "\n", 1);
}
