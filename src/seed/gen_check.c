#include "seed/gen_check.h"

#include "base/text.h"
#include "sql/tree.h"

#include <string.h>

typedef struct
{
  GenTable *table;
  int column; /* whom VALUE means, or -1 */
} Learner;

/* A node is an object with one member, named by its kind. */
static const json_t *
of_kind (const json_t *node, const char *kind)
{
  return json_object_get (node, kind);
}

static const json_t *
without_casts (const json_t *node)
{
  const json_t *cast;
  while ((cast = of_kind (node, "TypeCast")) != NULL)
    node = json_object_get (cast, "arg");
  return node;
}

static GenColumn *
column_of (const Learner *learner, const json_t *node)
{
  const json_t *ref = of_kind (without_casts (node), "ColumnRef");
  const char *name = sql_tree_last_name (json_object_get (ref, "fields"));
  if (name == NULL)
    return NULL;
  int column = learner->column >= 0 && g_ascii_strcasecmp (name, "value") == 0
                   ? learner->column
                   : gen_table_find (learner->table, name);
  return column >= 0 ? gen_table_column (learner->table, (unsigned int) column) : NULL;
}

/* The text of a constant, or NULL. Caller frees. */
static char *
constant_of (const json_t *node)
{
  const json_t *inner = without_casts (node), *constant = of_kind (inner, "A_Const");
  const json_t *expression = of_kind (inner, "A_Expr"), *part;
  if (expression != NULL && json_object_get (expression, "lexpr") == NULL
      && g_strcmp0 (sql_tree_last_name (json_object_get (expression, "name")), "-") == 0)
    {
      g_autofree char *positive = constant_of (json_object_get (expression, "rexpr"));
      return positive != NULL ? g_strconcat ("-", positive, NULL) : NULL;
    }
  if ((part = json_object_get (constant, "sval")) != NULL)
    return g_strdup (sql_tree_text (part, "sval") != NULL ? sql_tree_text (part, "sval") : "");
  if ((part = json_object_get (constant, "fval")) != NULL)
    return g_strdup (sql_tree_text (part, "fval"));
  if ((part = json_object_get (constant, "ival")) != NULL)
    return g_strdup_printf ("%ld", sql_tree_number (part, "ival"));
  return NULL;
}

/* The column whose length NODE is. */
static GenColumn *
length_of (const Learner *learner, const json_t *node)
{
  static const char *const names[] = { "length", "char_length", "character_length", NULL };
  const json_t *call = of_kind (without_casts (node), "FuncCall");
  const char *name = sql_tree_last_name (json_object_get (call, "funcname"));
  if (name == NULL || !g_strv_contains (names, name))
    return NULL;
  return column_of (learner, json_array_get (json_object_get (call, "args"), 0));
}

static void
set_low (GenBounds *bounds, int64_t low)
{
  bounds->low = bounds->has_low ? MAX (bounds->low, low) : low;
  bounds->has_low = true;
}

static void
set_high (GenBounds *bounds, int64_t high)
{
  bounds->high = bounds->has_high ? MIN (bounds->high, high) : high;
  bounds->has_high = true;
}

static void
learn_length (GenColumn *column, const char *operation, const char *constant)
{
  GenBounds *bounds = &column->bounds;
  int64_t count = g_ascii_strtoll (constant, NULL, 10);
  count += strcmp (operation, ">") == 0 ? 1 : strcmp (operation, "<") == 0 ? -1 : 0;
  if (count < 0 || count > 10000)
    return;
  if (*operation == '>' || *operation == '=')
    bounds->min_chars = MAX (bounds->min_chars, (int) count);
  if (*operation == '<' || *operation == '=')
    bounds->max_chars = bounds->max_chars > 0 ? MIN (bounds->max_chars, (int) count) : (int) count;
}

static void
learn_constant (GenColumn *column, const char *operation, const char *constant)
{
  g_autoptr (GenArena) arena = gen_arena_new ();
  /* A domain's check may be about the elements. */
  const GenType *type = column->type->kind == GEN_TYPE_ARRAY ? column->type->element : column->type;
  GenBounds *bounds = &column->bounds;
  GenValue value;
  if (strcmp (operation, "<>") == 0 && *constant == '\0')
    bounds->min_chars = MAX (bounds->min_chars, 1);
  if (strcmp (operation, "=") == 0 && bounds->allowed == NULL)
    bounds->allowed = g_strdupv ((char *[]){ (char *) constant, NULL });
  if (!gen_value_parse (type, constant, arena, &value, NULL) || value.kind != GEN_NUMBER)
    return;
  if (strcmp (operation, ">=") == 0)
    set_low (bounds, value.number);
  else if (strcmp (operation, ">") == 0 && value.number < INT64_MAX)
    set_low (bounds, value.number + 1);
  else if (strcmp (operation, "<=") == 0)
    set_high (bounds, value.number);
  else if (strcmp (operation, "<") == 0 && value.number > INT64_MIN)
    set_high (bounds, value.number - 1);
}

/* LOWER must be less than HIGHER: whichever has no value of its own follows the other. */
static void
learn_pair (const GenColumn *lower, GenColumn *higher, bool may_be_equal)
{
  char **place = may_be_equal ? &higher->bounds.not_less : &higher->bounds.after;
  if (*place == NULL && lower != higher)
    *place = g_strdup (lower->name);
}

static void
learn_comparison (const Learner *learner, const json_t *left, const char *operation,
                  const json_t *right)
{
  static const char *const turned[][2] = { { "<", ">" },   { "<=", ">=" }, { ">", "<" },
                                           { ">=", "<=" }, { "=", "=" },   { "<>", "<>" } };
  GenColumn *column = column_of (learner, left), *other = column_of (learner, right);
  GenColumn *measured = length_of (learner, left);
  g_autofree char *constant = constant_of (right);
  g_autofree char *first = constant_of (left);
  if (measured != NULL && constant != NULL)
    learn_length (measured, operation, constant);
  else if (column != NULL && constant != NULL)
    learn_constant (column, operation, constant);
  else if (column != NULL && other != NULL && *operation == '<' && operation[1] != '>')
    learn_pair (column, other, operation[1] == '=');
  else if (column != NULL && other != NULL && *operation == '>')
    learn_pair (other, column, operation[1] == '=');
  else if (first != NULL)
    for (size_t i = 0; i < G_N_ELEMENTS (turned); i++)
      if (strcmp (turned[i][0], operation) == 0)
        {
          learn_comparison (learner, right, turned[i][1], left);
          return;
        }
}

/* x = ANY (ARRAY[...]), which is how IN is kept. */
static void
learn_list (const Learner *learner, const json_t *left, const json_t *right)
{
  GenColumn *column = column_of (learner, left);
  const json_t *array = of_kind (without_casts (right), "A_ArrayExpr"), *element;
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  size_t i;
  if (column == NULL || array == NULL || column->bounds.allowed != NULL)
    return;
  json_array_foreach (json_object_get (array, "elements"), i, element)
    {
      char *text = constant_of (element);
      if (text == NULL)
        return;
      g_ptr_array_add (texts, text);
    }
  g_ptr_array_add (texts, NULL);
  column->bounds.allowed = (char **) g_ptr_array_free (g_steal_pointer (&texts), FALSE);
}

static void learn (const Learner *learner, const json_t *node);

/* Of "x IS NULL OR rest", the rest. */
static void
learn_or (const Learner *learner, const json_t *args)
{
  const json_t *arg, *rest = NULL;
  size_t i;
  json_array_foreach (args, i, arg)
    {
      const json_t *test = of_kind (arg, "NullTest");
      if (test != NULL && sql_tree_is (test, "nulltesttype", "IS_NULL"))
        continue;
      if (rest != NULL)
        return;
      rest = arg;
    }
  learn (learner, rest);
}

static void
learn (const Learner *learner, const json_t *node)
{
  const json_t *expression = of_kind (node, "A_Expr"), *both = of_kind (node, "BoolExpr");
  const json_t *left = json_object_get (expression, "lexpr");
  const json_t *right = json_object_get (expression, "rexpr"), *arg;
  const char *operation = sql_tree_last_name (json_object_get (expression, "name"));
  size_t i;
  if (sql_tree_is (both, "boolop", "AND_EXPR"))
    json_array_foreach (json_object_get (both, "args"), i, arg)
      learn (learner, arg);
  else if (sql_tree_is (both, "boolop", "OR_EXPR"))
    learn_or (learner, json_object_get (both, "args"));
  else if (sql_tree_is (expression, "kind", "AEXPR_OP") && left != NULL && operation != NULL)
    learn_comparison (learner, left, operation, right);
  else if (sql_tree_is (expression, "kind", "AEXPR_OP_ANY") && g_strcmp0 (operation, "=") == 0)
    learn_list (learner, left, right);
}

bool
gen_check_learn (GenTable *table, const char *check, int column, SqlParser *parser, GError **error)
{
  const Learner learner = { .table = table, .column = column };
  g_autofree char *text = g_strconcat ("SELECT 1 WHERE ", check, NULL);
  g_autoptr (json_t) tree = NULL;
  if (!sql_parse (parser, text, strlen (text), &tree, NULL, NULL, error))
    return false;
  learn (&learner, json_object_get (json_object_get (tree, "SelectStmt"), "whereClause"));
  return true;
}
