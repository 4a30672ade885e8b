#include "seed/gen_compile.h"
#include "seed/gen_calendar.h"
#include "seed/gen_infer.h"
#include "seed/gen_node.h"

#include <string.h>

#define TEXT_CHARS_MAX 10000
#define LIST_ITEMS_MAX 1000

typedef struct
{
  const GenTable *table;
  const GenType *type; /* NULL: told from the expression */
  GenArena *arena;
} Compiler;

typedef bool (*CompileFn) (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node,
                           GError **error);

typedef struct
{
  const char *name;
  guint min_args, max_args;
  CompileFn compile;
  GenTypeKind makes; /* where no column says; GEN_TYPE_OTHER: what its first argument makes */
  const char *form;
} Function;

static const Function *find_function (const char *name);
static bool find_made (const char *name, GenTypeKind *ret_kind);
static bool compile (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node,
                     GError **error);

static bool refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
static bool
refuse (GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  return keel_error (error, KEEL_ERROR_CONFIG, "docs/generators.md lists what can be written.",
                     "%s", message);
}

/* --- types ------------------------------------------------------------------------------------ */

bool
gen_type_is_number (const GenType *type, int64_t *ret_step)
{
  *ret_step = 1;
  switch (type->kind)
    {
    case GEN_TYPE_TIME:
    case GEN_TYPE_TIMESTAMP:
    case GEN_TYPE_TIMESTAMPTZ:
    case GEN_TYPE_INTERVAL: *ret_step = 1000000; return true;
    case GEN_TYPE_INT2:
    case GEN_TYPE_INT4:
    case GEN_TYPE_INT8:
    case GEN_TYPE_OID:
    case GEN_TYPE_FLOAT4:
    case GEN_TYPE_FLOAT8:
    case GEN_TYPE_NUMERIC:
    case GEN_TYPE_MONEY:
    case GEN_TYPE_DATE: return true;
    default: return false;
    }
}

static bool
is_text (const GenType *type)
{
  return type->kind == GEN_TYPE_TEXT || type->kind == GEN_TYPE_OTHER;
}

static bool
check_makes (const Compiler *compiler, const GenExpr *expr, bool is_right, const char *what,
             GError **error)
{
  return is_right
         || refuse (error, "%s() makes %s, and this is of type %s", expr->name, what,
                    compiler->type->name);
}

/* --- arguments -------------------------------------------------------------------------------- */

static const GenExpr *
arg_of (const GenExpr *expr, guint number)
{
  return number < expr->args->len ? expr->args->pdata[number] : NULL;
}

/* Argument NUMBER as a whole number MIN to MAX; OTHERWISE without one. */
static bool
read_int (const GenExpr *expr, guint number, int min, int max, int otherwise, int *ret_value,
          GError **error)
{
  const GenExpr *arg = arg_of (expr, number);
  char *end = NULL;
  *ret_value = otherwise;
  if (arg == NULL)
    return true;
  int64_t value = arg->text != NULL ? g_ascii_strtoll (arg->text, &end, 10) : 0;
  if (arg->text == NULL || end == arg->text || *end != '\0' || value < min || value > max)
    return refuse (error, "argument %u of %s() must be a whole number from %d to %d", number + 1,
                   expr->name, min, max);
  *ret_value = (int) value;
  return true;
}

static bool
read_literal (const Compiler *compiler, const GenExpr *expr, guint number, const GenType *type,
              GenValue *ret_value, GError **error)
{
  const GenExpr *arg = arg_of (expr, number);
  if (arg == NULL || arg->text == NULL)
    return refuse (error, "argument %u of %s() must be a literal", number + 1, expr->name);
  return gen_value_parse (type, arg->text, compiler->arena, ret_value, error);
}

static bool
read_column (const Compiler *compiler, const GenExpr *expr, unsigned int *ret_column,
             GError **error)
{
  const GenExpr *arg = arg_of (expr, 0);
  *ret_column = 0;
  const char *name = arg->name != NULL ? arg->name : arg->text;
  int column = gen_table_find (compiler->table, name);
  if (column < 0)
    return refuse (error, "%s() refers to the column “%s”, which %s does not have", expr->name,
                   name, compiler->table->label);
  *ret_column = (unsigned int) column;
  return true;
}

/* All arguments from FIRST on, for a value of TYPE (NULL: each for itself). */
static bool
compile_args (const Compiler *compiler, const GenExpr *expr, guint first, const GenType *type,
              GPtrArray **ret_nodes, GError **error)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) gen_node_free);
  Compiler inner = *compiler;
  inner.type = type;
  for (guint i = first; i < expr->args->len; i++)
    {
      GenNode *node;
      if (!compile (&inner, expr->args->pdata[i], &node, error))
        return false;
      g_ptr_array_add (nodes, node);
    }
  *ret_nodes = g_steal_pointer (&nodes);
  return true;
}

/* --- functions -------------------------------------------------------------------------------- */

static bool
compile_range (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  GenValue low, high;
  int64_t step;
  if (!gen_type_is_number (compiler->type, &step))
    return check_makes (compiler, expr, false, "a number or a time", error);
  if (!read_literal (compiler, expr, 0, compiler->type, &low, error)
      || !read_literal (compiler, expr, 1, compiler->type, &high, error))
    return false;
  if (low.number > high.number)
    return refuse (error, "%s(): the second bound is below the first", expr->name);
  *ret_node = gen_node_range (compiler->type, low.number, high.number, step,
                              strcmp (expr->name, "skewed") == 0);
  return true;
}

static bool
compile_sequence (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  int64_t unit;
  GenValue start = { .number = 1 }, step = { .number = 1 };
  if (!gen_type_is_number (compiler->type, &unit))
    return check_makes (compiler, expr, false, "a number or a time", error);
  GenType plain = { .kind = GEN_TYPE_INT8, .name = (char *) "a whole number" };
  bool is_whole = unit == 1 && compiler->type->kind != GEN_TYPE_DATE;
  GenType steps = { .kind = GEN_TYPE_INTERVAL, .name = (char *) "interval" };
  if (expr->args->len > 0 && !read_literal (compiler, expr, 0, compiler->type, &start, error))
    return false;
  if (expr->args->len > 1
      && !read_literal (compiler, expr, 1,
                        is_whole    ? compiler->type
                        : unit == 1 ? &plain
                                    : &steps,
                        &step, error))
    return false;
  for (int i = 0; is_whole && i < compiler->type->scale; i++)
    {
      start.number *= expr->args->len > 0 ? 1 : 10;
      step.number *= expr->args->len > 1 ? 1 : 10;
    }
  if (unit != 1 && expr->args->len < 2)
    step.number = unit;
  *ret_node = gen_node_sequence (compiler->type, start.number, step.number);
  return true;
}

static bool
compile_text (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  if (!check_makes (compiler, expr, is_text (compiler->type), "text", error))
    return false;
  *ret_node
      = gen_node_text (compiler->type, gen_text_kind (expr->name), 0, compiler->type->max_chars);
  return true;
}

static bool
compile_words (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  int limit = compiler->type->max_chars > 0 ? compiler->type->max_chars : TEXT_CHARS_MAX;
  int min, max;
  if (!check_makes (compiler, expr, is_text (compiler->type), "text", error)
      || !read_int (expr, 0, 0, limit, 5, &min, error)
      || !read_int (expr, 1, min, limit, MAX (min, MIN (limit, 40)), &max, error))
    return false;
  *ret_node = gen_node_words (compiler->type, min, max);
  return true;
}

static bool
compile_chars (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  static const struct
  {
    const char *name, *alphabet;
  } kinds[] = { { "hex", "0123456789abcdef" },
                { "digits", "0123456789" },
                { "letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
                { "bits", "01" } };
  bool is_bit = strcmp (expr->name, "bits") == 0;
  int limit = compiler->type->max_chars > 0 ? compiler->type->max_chars : TEXT_CHARS_MAX, width;
  if (!check_makes (compiler, expr,
                    is_text (compiler->type) || (is_bit && compiler->type->kind == GEN_TYPE_BIT),
                    "text", error)
      || !read_int (expr, 0, 1, limit, MIN (limit, 8), &width, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].name, expr->name) == 0)
      *ret_node = gen_node_chars (compiler->type, kinds[i].alphabet, width);
  return true;
}

static bool
compile_bytes (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  GenTypeKind kind = compiler->type->kind;
  int min, max;
  if (strcmp (expr->name, "uuid") == 0)
    {
      *ret_node = gen_node_uuid (compiler->type);
      return check_makes (compiler, expr, kind == GEN_TYPE_UUID, "a uuid", error);
    }
  if (strcmp (expr->name, "inet") == 0)
    {
      *ret_node = gen_node_inet (compiler->type);
      return check_makes (compiler, expr, kind == GEN_TYPE_INET || kind == GEN_TYPE_CIDR,
                          "an address", error);
    }
  if (strcmp (expr->name, "mac") == 0)
    {
      *ret_node = gen_node_mac (compiler->type);
      return check_makes (compiler, expr, kind == GEN_TYPE_MACADDR, "an address", error);
    }
  if (!read_int (expr, 0, 0, TEXT_CHARS_MAX, 16, &min, error)
      || !read_int (expr, 1, min, TEXT_CHARS_MAX, min, &max, error))
    return false;
  *ret_node = gen_node_bytes (compiler->type, min, max);
  return check_makes (compiler, expr, kind == GEN_TYPE_BYTEA, "bytes", error);
}

static bool
compile_chance (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  int percent;
  if (!check_makes (compiler, expr, compiler->type->kind == GEN_TYPE_BOOL, "true and false", error)
      || !read_int (expr, 0, 0, 100, 50, &percent, error))
    return false;
  *ret_node = gen_node_chance (compiler->type, (unsigned int) percent);
  return true;
}

static bool
compile_null (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  GenNode *child;
  int percent;
  if (expr->args->len == 0)
    {
      *ret_node = gen_node_null (compiler->type);
      return true;
    }
  if (expr->args->len == 1)
    return refuse (error, "null() takes a percentage and an expression, or nothing");
  if (!read_int (expr, 0, 0, 100, 0, &percent, error)
      || !compile (compiler, expr->args->pdata[1], &child, error))
    return false;
  *ret_node = gen_node_sometimes ((unsigned int) percent, child);
  return true;
}

static bool
compile_one_of (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  g_autofree uint64_t *weights = g_new (uint64_t, expr->args->len);
  GPtrArray *nodes;
  uint64_t sum = 0;
  for (guint i = 0; i < expr->args->len; i++)
    sum += weights[i] = arg_of (expr, i)->weight;
  if (sum == 0)
    return refuse (error, "one_of(): all weights are 0");
  if (!compile_args (compiler, expr, 0, compiler->type, &nodes, error))
    return false;
  *ret_node = gen_node_one_of (compiler->type, nodes, weights);
  return true;
}

static bool
compile_concat (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  GPtrArray *nodes;
  if (!check_makes (compiler, expr, is_text (compiler->type), "text", error)
      || !compile_args (compiler, expr, 0, NULL, &nodes, error))
    return false;
  *ret_node = gen_node_concat (compiler->type, nodes);
  return true;
}

static bool
is_json (const GenType *type)
{
  return type->kind == GEN_TYPE_JSON || type->kind == GEN_TYPE_JSONB;
}

static bool
compile_object (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  GPtrArray *nodes;
  if (!check_makes (compiler, expr, is_json (compiler->type) || is_text (compiler->type), "JSON",
                    error))
    return false;
  for (guint i = 0; i < expr->args->len; i += 2)
    if (arg_of (expr, i)->text == NULL || arg_of (expr, i)->is_bare || i + 1 == expr->args->len)
      return refuse (error, "object() takes 'name', expression, 'name', expression, ...");
  if (!compile_args (compiler, expr, 0, NULL, &nodes, error))
    return false;
  *ret_node = gen_node_object (compiler->type, nodes);
  return true;
}

static bool
compile_list (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  bool is_array = compiler->type->kind == GEN_TYPE_ARRAY;
  Compiler inner = *compiler;
  GenNode *child;
  int min, max;
  if (!check_makes (compiler, expr, is_array || is_json (compiler->type), "an array", error)
      || !read_int (expr, 1, 0, LIST_ITEMS_MAX, 0, &min, error)
      || !read_int (expr, 2, min, LIST_ITEMS_MAX, MAX (min, 4), &max, error))
    return false;
  inner.type = is_array ? compiler->type->element : NULL;
  if (!compile (&inner, expr->args->pdata[0], &child, error))
    return false;
  *ret_node = gen_node_list (compiler->type, child, min, max);
  return true;
}

/* The type that differences of TYPE's values are written in. */
static const GenType *
difference_type (const GenType *type)
{
  static const GenType days = { .kind = GEN_TYPE_INT8, .name = (char *) "a number of days" };
  static const GenType interval = { .kind = GEN_TYPE_INTERVAL, .name = (char *) "interval" };
  if (type->kind == GEN_TYPE_DATE)
    return &days;
  return type->kind == GEN_TYPE_TIMESTAMP || type->kind == GEN_TYPE_TIMESTAMPTZ
                 || type->kind == GEN_TYPE_TIME
             ? &interval
             : type;
}

static bool
compile_span (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  const GenType *element = compiler->type->element;
  GenValue bounds[4];
  int64_t step, length_step;
  if (!check_makes (compiler, expr, compiler->type->kind == GEN_TYPE_RANGE, "a range", error))
    return false;
  if (!gen_type_is_number (element, &step))
    return refuse (error, "span() does not know ranges of %s", element->name);
  const GenType *length = difference_type (element);
  if (!gen_type_is_number (length, &length_step))
    return false;
  for (guint i = 0; i < 4; i++)
    if (!read_literal (compiler, expr, i, i < 2 ? element : length, &bounds[i], error))
      return false;
  if (bounds[0].number > bounds[1].number || bounds[2].number > bounds[3].number)
    return refuse (error, "span(): the second bound is below the first");
  *ret_node = gen_node_span (
      compiler->type, gen_node_range (element, bounds[0].number, bounds[1].number, step, false),
      gen_node_range (length, bounds[2].number, bounds[3].number, length_step, false));
  return true;
}

/* What a number of FROM is multiplied with to be one of TO. */
static bool
find_factor (const GenType *from, const GenType *to, int64_t *ret_numerator,
             int64_t *ret_denominator)
{
  bool from_days = from->kind == GEN_TYPE_DATE, to_days = to->kind == GEN_TYPE_DATE;
  bool from_us = from->kind == GEN_TYPE_TIMESTAMP || from->kind == GEN_TYPE_TIMESTAMPTZ;
  bool to_us = to->kind == GEN_TYPE_TIMESTAMP || to->kind == GEN_TYPE_TIMESTAMPTZ;
  int64_t step;
  *ret_numerator = from_days && to_us ? GEN_DAY_US : 1;
  *ret_denominator = from_us && to_days ? GEN_DAY_US : 1;
  for (int i = from->scale; i < to->scale; i++)
    *ret_numerator *= 10;
  for (int i = to->scale; i < from->scale; i++)
    *ret_denominator *= 10;
  if (from_days || from_us || to_days || to_us)
    return (from_days || from_us) && (to_days || to_us);
  return gen_type_is_number (from, &step) && gen_type_is_number (to, &step)
         && (from->kind == GEN_TYPE_TIME) == (to->kind == GEN_TYPE_TIME)
         && (from->kind == GEN_TYPE_INTERVAL) == (to->kind == GEN_TYPE_INTERVAL);
}

static bool
compile_relative (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  int sign = strcmp (expr->name, "before") == 0 ? -1 : 1;
  const GenType *difference = difference_type (compiler->type);
  GenValue low, high;
  unsigned int column;
  int64_t numerator, denominator, step;
  if (!read_column (compiler, expr, &column, error))
    return false;
  const GenType *from = gen_table_column (compiler->table, column)->type;
  if (!find_factor (from, compiler->type, &numerator, &denominator)
      || !gen_type_is_number (difference, &step))
    return refuse (error, "%s(): a %s cannot be told from the %s of “%s”", expr->name,
                   compiler->type->name, from->name,
                   gen_table_column (compiler->table, column)->name);
  if (!read_literal (compiler, expr, 1, difference, &low, error)
      || !read_literal (compiler, expr, expr->args->len > 2 ? 2 : 1, difference, &high, error))
    return false;
  if (low.number > high.number)
    return refuse (error, "%s(): the second bound is below the first", expr->name);
  GenNode *child = gen_node_range (difference, sign > 0 ? low.number : -high.number,
                                   sign > 0 ? high.number : -low.number, step, false);
  *ret_node = gen_node_relative (compiler->type, column, child, numerator, denominator);
  return true;
}

static bool
compile_same (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  unsigned int column;
  if (!read_column (compiler, expr, &column, error))
    return false;
  const GenType *from = gen_table_column (compiler->table, column)->type;
  if (from->kind != compiler->type->kind || from->scale != compiler->type->scale)
    return refuse (error, "same(): “%s” is of type %s, not %s",
                   gen_table_column (compiler->table, column)->name, from->name,
                   compiler->type->name);
  *ret_node = gen_node_relative (compiler->type, column, NULL, 1, 1);
  return true;
}

static const Function functions[] = {
  { "between", 2, 2, compile_range, GEN_TYPE_OTHER, "between(low, high)" },
  { "skewed", 2, 2, compile_range, GEN_TYPE_OTHER, "skewed(low, high)" },
  { "sequence", 0, 2, compile_sequence, GEN_TYPE_INT8, "sequence(start, step)" },
  { "row", 0, 0, compile_sequence, GEN_TYPE_INT8, "row()" },
  { "words", 0, 2, compile_words, GEN_TYPE_TEXT, "words(min, max)" },
  { "hex", 0, 1, compile_chars, GEN_TYPE_TEXT, "hex(length)" },
  { "digits", 0, 1, compile_chars, GEN_TYPE_TEXT, "digits(length)" },
  { "letters", 0, 1, compile_chars, GEN_TYPE_TEXT, "letters(length)" },
  { "bits", 0, 1, compile_chars, GEN_TYPE_TEXT, "bits(length)" },
  { "uuid", 0, 0, compile_bytes, GEN_TYPE_UUID, "uuid()" },
  { "inet", 0, 0, compile_bytes, GEN_TYPE_INET, "inet()" },
  { "mac", 0, 0, compile_bytes, GEN_TYPE_MACADDR, "mac()" },
  { "bytes", 0, 2, compile_bytes, GEN_TYPE_BYTEA, "bytes(min, max)" },
  { "chance", 0, 1, compile_chance, GEN_TYPE_BOOL, "chance(percent)" },
  { "null", 0, 2, compile_null, GEN_TYPE_OTHER, "null(percent, expression)" },
  { "one_of", 1, 1000, compile_one_of, GEN_TYPE_OTHER, "one_of('a' 3, 'b' 1)" },
  { "concat", 1, 100, compile_concat, GEN_TYPE_TEXT, "concat(expression, ...)" },
  { "object", 0, 200, compile_object, GEN_TYPE_JSON, "object('name', expression, ...)" },
  { "array", 1, 3, compile_list, GEN_TYPE_JSON, "array(expression, min, max)" },
  { "span", 4, 4, compile_span, GEN_TYPE_TEXT, "span(low, high, shortest, longest)" },
  { "after", 2, 3, compile_relative, GEN_TYPE_OTHER, "after(column, least, most)" },
  { "before", 2, 3, compile_relative, GEN_TYPE_OTHER, "before(column, least, most)" },
  { "same", 1, 1, compile_same, GEN_TYPE_OTHER, "same(column)" },
};

static const Function text_function = { NULL, 0, 0, compile_text, GEN_TYPE_TEXT, "it takes none" };

static const Function *
find_function (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (functions); i++)
    if (strcmp (functions[i].name, name) == 0)
      return &functions[i];
  return gen_text_kind (name) != NULL ? &text_function : NULL;
}

/* For gen_infer. */
static bool
find_made (const char *name, GenTypeKind *ret_kind)
{
  const Function *function = find_function (name);
  if (function != NULL)
    *ret_kind = function->makes;
  return function != NULL;
}

static bool
compile_function (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  const Function *function = find_function (expr->name);
  if (strcmp (expr->name, "parent") == 0)
    return refuse (error, "parent() is for columns of a foreign key");
  if (function == NULL)
    return refuse (error, "there is no function “%s”", expr->name);
  if (expr->args->len < function->min_args || expr->args->len > function->max_args)
    return refuse (error, "%s() is called with %u arguments: %s", expr->name, expr->args->len,
                   function->form);
  return function->compile (compiler, expr, ret_node, error);
}

static bool
compile (const Compiler *compiler, const GenExpr *expr, GenNode **ret_node, GError **error)
{
  g_autoptr (GenType) own
      = compiler->type == NULL ? gen_infer (compiler->table, expr, find_made) : NULL;
  Compiler inner = *compiler;
  g_autoptr (GenNode) node = NULL;
  GenValue value;
  if (own != NULL)
    inner.type = own;
  if (expr->text == NULL)
    {
      if (!compile_function (&inner, expr, &node, error))
        return false;
    }
  else
    {
      if (!gen_value_parse (inner.type, expr->text, inner.arena, &value, error))
        return false;
      node = gen_node_constant (inner.type, &value);
    }
  node->own_type = g_steal_pointer (&own);
  *ret_node = g_steal_pointer (&node);
  return true;
}

bool
gen_compile (const GenTable *table, const GenType *type, const char *text, GenArena *arena,
             GenNode **ret_node, GError **error)
{
  g_autoptr (GenExpr) expr = NULL;
  const Compiler compiler = { .table = table, .type = type, .arena = arena };
  return gen_expr_parse (text, &expr, error) && compile (&compiler, expr, ret_node, error);
}
