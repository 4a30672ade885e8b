/* The nodes that are made of other nodes. */
#include "seed/gen_node.h"
#include "seed/gen_random.h"

#include <string.h>

static GenNode *
node_new (GenEvalFn eval, const GenType *type, GPtrArray *args)
{
  GenNode *node = g_new0 (GenNode, 1);
  node->eval = eval;
  node->type = type;
  node->args = args;
  return node;
}

static GPtrArray *
args_of (GenNode *first, GenNode *second)
{
  GPtrArray *args = g_ptr_array_new_with_free_func ((GDestroyNotify) gen_node_free);
  g_ptr_array_add (args, first);
  if (second != NULL)
    g_ptr_array_add (args, second);
  return args;
}

static void
eval_arg (const GenNode *node, guint number, GenRow *row, uint64_t word, GenValue *value)
{
  const GenNode *arg = node->args->pdata[number];
  arg->eval (arg, row, word, NULL, value);
}

static void
eval_sometimes (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
                GenValue *value)
{
  const GenNode *child = node->args->pdata[0];
  uint64_t next = gen_next (word);
  if (gen_reduce (word, 100) < node->count)
    *value = (GenValue){ .kind = GEN_NULL };
  else
    child->eval (child, row, next, index, value);
}

GenNode *
gen_node_sometimes (unsigned int percent, GenNode *child)
{
  GenNode *node = node_new (eval_sometimes, child->type, args_of (child, NULL));
  node->count = percent;
  node->domain = child->domain;
  node->is_text = child->is_text;
  node->is_unique = child->is_unique;
  return node;
}

static void
eval_one_of (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
             GenValue *value)
{
  guint chosen = 0;
  if (index != NULL)
    chosen = (guint) *index;
  else
    for (uint64_t at = gen_reduce (word, node->count); node->weights[chosen] <= at;)
      chosen++;
  eval_arg (node, chosen, row, gen_next (word), value);
}

/* Different texts may still be one value ('1' and '01'), so they count only when they are constants
 * whose values differ. */
static bool
are_distinct_constants (const GenType *type, const GPtrArray *nodes)
{
  g_autoptr (GHashTable) seen
      = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  for (guint i = 0; i < nodes->len; i++)
    {
      const GenNode *node = nodes->pdata[i];
      GByteArray *plain = g_byte_array_new ();
      if (node->is_constant)
        gen_write_plain (type, &node->constant, plain);
      GBytes *bytes = g_byte_array_free_to_bytes (plain);
      if (!g_hash_table_add (seen, bytes) || !node->is_constant)
        return false;
    }
  return true;
}

GenNode *
gen_node_one_of (const GenType *type, GPtrArray *children, const uint64_t *weights)
{
  GenNode *node = node_new (eval_one_of, type, children);
  node->weights = g_new (uint64_t, children->len);
  for (guint i = 0; i < children->len; i++)
    node->weights[i] = node->count += weights[i];
  node->domain = are_distinct_constants (type, children) ? children->len : 0;
  return node;
}

/* --- texts and JSON --------------------------------------------------------------------------- */

static void
append (GByteArray *out, const char *text)
{
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
}

static void
append_json_text (GByteArray *out, guint start)
{
  g_autofree char *text = g_strndup ((const char *) out->data + start, out->len - start);
  g_byte_array_set_size (out, start);
  append (out, "\"");
  for (const char *at = text; *at != '\0'; at++)
    {
      char escaped[8];
      if (*at == '"' || *at == '\\')
        g_snprintf (escaped, sizeof escaped, "\\%c", *at);
      else if ((unsigned char) *at < ' ')
        g_snprintf (escaped, sizeof escaped, "\\u%04x", *at);
      else
        {
          g_byte_array_append (out, (const guint8 *) at, 1);
          continue;
        }
      append (out, escaped);
    }
  append (out, "\"");
}

/* Nothing that needs an escape: the texts that generators make are of this kind. */
static bool
is_harmless (const GByteArray *out, guint start)
{
  for (guint i = start; i < out->len; i++)
    if (out->data[i] == '"' || out->data[i] == '\\' || out->data[i] < ' ')
      return false;
  return true;
}

static void
append_json (const GenNode *node, const GenValue *value, GByteArray *out)
{
  guint start = out->len;
  switch (value->kind == GEN_NULL ? GEN_TYPE_OTHER : node->type->kind)
    {
    case GEN_TYPE_OTHER: append (out, "null"); return;
    case GEN_TYPE_BOOL: append (out, value->number != 0 ? "true" : "false"); return;
    case GEN_TYPE_JSON:
    case GEN_TYPE_JSONB:
    case GEN_TYPE_INT2:
    case GEN_TYPE_INT4:
    case GEN_TYPE_INT8:
    case GEN_TYPE_OID:
    case GEN_TYPE_FLOAT4:
    case GEN_TYPE_FLOAT8:
    case GEN_TYPE_NUMERIC: gen_write_plain (node->type, value, out); return;
    default: break;
    }
  append (out, "\"");
  gen_write_plain (node->type, value, out);
  if (is_harmless (out, start + 1))
    {
      append (out, "\"");
      return;
    }
  memmove (out->data + start, out->data + start + 1, out->len - start - 1);
  g_byte_array_set_size (out, out->len - 1);
  append_json_text (out, start);
}

static void
eval_concat (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
             GenValue *value)
{
  GByteArray *out = gen_arena_text (row->arena);
  guint start = out->len;
  char number[24];
  for (guint i = 0; i < node->args->len; i++)
    {
      const GenNode *arg = node->args->pdata[i];
      GenValue part;
      arg->eval (arg, row, word = gen_next (word), NULL, &part);
      if (part.kind != GEN_NULL)
        gen_write_plain (arg->type, &part, out);
    }
  if (index != NULL)
    {
      g_snprintf (number, sizeof number, "-%" G_GUINT64_FORMAT, *index + 1);
      append (out, number);
    }
  *value = gen_arena_keep (row->arena, start);
}

GenNode *
gen_node_concat (const GenType *type, GPtrArray *children)
{
  GenNode *node = node_new (eval_concat, type, children);
  guint unique_count = 0, other_count = 0;
  for (guint i = 0; i < children->len; i++)
    {
      const GenNode *child = children->pdata[i];
      unique_count += child->is_unique;
      other_count += !child->is_unique && !child->is_constant;
    }
  /* Constants around one unique part leave it unique; other parts might make up for its difference. */
  node->is_unique = unique_count == 1 && other_count == 0;
  node->is_text = true;
  node->domain = GEN_PERMUTE_MAX;
  return node;
}

static void
eval_object (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
             GenValue *value)
{
  GByteArray *out = gen_arena_text (row->arena);
  guint start = out->len;
  append (out, "{");
  for (guint i = 0; i < node->args->len; i++)
    {
      GenValue part;
      eval_arg (node, i, row, word = gen_next (word), &part);
      append_json (node->args->pdata[i], &part, out);
      append (out, i % 2 == 0 ? ": " : i + 1 < node->args->len ? ", " : "");
    }
  append (out, "}");
  *value = gen_arena_keep (row->arena, start);
}

GenNode *
gen_node_object (const GenType *type, GPtrArray *children)
{
  return node_new (eval_object, type, children);
}

static uint64_t
list_length (const GenNode *node, uint64_t word)
{
  return (uint64_t) node->min_chars
         + gen_reduce (word, (uint64_t) (node->max_chars - node->min_chars) + 1);
}

static void
eval_json_list (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
                GenValue *value)
{
  GByteArray *out = gen_arena_text (row->arena);
  guint start = out->len;
  append (out, "[");
  for (uint64_t left = list_length (node, word); left > 0; left--)
    {
      GenValue part;
      eval_arg (node, 0, row, word = gen_next (word), &part);
      append_json (node->args->pdata[0], &part, out);
      append (out, left > 1 ? ", " : "");
    }
  append (out, "]");
  *value = gen_arena_keep (row->arena, start);
}

static void
eval_array (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  uint64_t length = list_length (node, word);
  GenValue *items = gen_arena_take (row->arena, (length + 1) * sizeof *items);
  for (uint64_t i = 0; i < length; i++)
    eval_arg (node, 0, row, word = gen_next (word), &items[i]);
  *value = (GenValue){ .kind = GEN_LIST, .items = items, .length = (uint32_t) length };
}

GenNode *
gen_node_list (const GenType *type, GenNode *child, int min, int max)
{
  GenNode *node = node_new (type->kind == GEN_TYPE_ARRAY ? eval_array : eval_json_list, type,
                            args_of (child, NULL));
  node->min_chars = min;
  node->max_chars = max;
  return node;
}

static void
eval_span (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  GenValue *items = gen_arena_take (row->arena, 2 * sizeof *items);
  GenValue length;
  eval_arg (node, 0, row, word, &items[0]);
  eval_arg (node, 1, row, gen_next (word), &length);
  items[1] = items[0];
  items[1].number += length.number;
  *value = (GenValue){ .kind = GEN_LIST, .items = items, .length = 2 };
}

GenNode *
gen_node_span (const GenType *type, GenNode *child, GenNode *length)
{
  return node_new (eval_span, type, args_of (child, length));
}

static void
eval_relative (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
               GenValue *value)
{
  GenValue difference = { 0 };
  gen_column_value (row, node->column, value);
  if (value->kind != GEN_NUMBER || node->args == NULL)
    return;
  eval_arg (node, 0, row, word, &difference);
  value->number = value->number * node->step / node->low;
  value->number += difference.number;
  value->scale = node->type->scale;
}

GenNode *
gen_node_relative (const GenType *type, unsigned int column, GenNode *child, int64_t numerator,
                   int64_t denominator)
{
  GenNode *node = node_new (eval_relative, type, child != NULL ? args_of (child, NULL) : NULL);
  node->column = column;
  node->step = numerator;
  node->low = denominator;
  return node;
}

int
gen_node_refers_to (const GenNode *node)
{
  if (node->eval == eval_relative)
    return (int) node->column;
  for (guint i = 0; node->args != NULL && i < node->args->len; i++)
    {
      int column = gen_node_refers_to (node->args->pdata[i]);
      if (column >= 0)
        return column;
    }
  return -1;
}
