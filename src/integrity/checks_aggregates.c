/* Stored counts and sums against the rows that they stand for. */
#include "integrity/checks.h"
#include "integrity/checks_common.h"
#include "integrity/names.h"
#include "integrity/run.h"
#include "integrity/sums.h"

#include <string.h>

/* Expressions tried for one column. */
#define CANDIDATES_MAX 24

/* What a column named status says of rows that count. */
static char *
done_filter (const CatalogueTable *child)
{
  const CatalogueColumn *status = catalogue_column_named (child, "status");
  if (status == NULL || (!check_is_text (status) && status->category != 'E'))
    return NULL;
  return g_strdup_printf ("lower(%s::text) IN ('completed', 'complete', 'paid', 'succeeded',"
                          " 'success', 'confirmed', 'settled', 'posted', 'approved', 'active',"
                          " 'done', 'published')",
                          status->quoted);
}

/* EXPRESSION, and the same over the rows only that are not deleted or that are done. */
static void
add_candidates (Sum *sum, const char *expression)
{
  const CatalogueColumn *deleted = catalogue_column_named (sum->child, "deleted_at");
  g_autofree char *done = done_filter (sum->child);
  if (sum->expressions->len >= CANDIDATES_MAX)
    return;
  g_ptr_array_add (sum->expressions, g_strdup (expression));
  if (deleted != NULL)
    g_ptr_array_add (sum->expressions,
                     g_strdup_printf ("%s FILTER (WHERE %s IS NULL)", expression, deleted->quoted));
  if (done != NULL)
    g_ptr_array_add (sum->expressions, g_strdup_printf ("%s FILTER (WHERE %s)", expression, done));
}

/* --- from which rows a column may be counted ------------------------------------------------------- */

typedef void (*DetailFn) (CheckContext *context, const Check *check, const CatalogueTable *parent,
                          const CatalogueColumn *column, const CatalogueKey *key,
                          const CatalogueColumn *child_key, const char *parent_key);

/* The child's column that refers to OWN, which alone is the parent's primary key; a key of several columns
 * only repeats a tenant beside it. NULL: there is none. */
static const CatalogueColumn *
referring_column (const CatalogueKey *key, const CatalogueColumn *own)
{
  for (guint i = 0; !key->is_inherited && i < key->child_columns->len; i++)
    if (key->parent_columns->pdata[i] == own)
      return key->child_columns->pdata[i];
  return NULL;
}

/* Calls FUNCTION for the keys that refer to PARENT, and, where PARENT's own key refers to another
 * table ("user_analytics.user_id"), for those that refer to that one. */
static void
each_detail (CheckContext *context, const Check *check, const CatalogueTable *parent,
             const CatalogueColumn *column, DetailFn function)
{
  const CatalogueColumn *own = names_key_column (parent);
  if (own == NULL)
    return;
  for (guint i = 0; i < parent->referrers->len; i++)
    {
      const CatalogueKey *key = parent->referrers->pdata[i];
      const CatalogueColumn *child_key = referring_column (key, own);
      if (child_key != NULL)
        function (context, check, parent, column, key, child_key, own->quoted);
    }
  for (guint i = 0; i < parent->keys->len; i++)
    {
      const CatalogueKey *up = parent->keys->pdata[i];
      if (up->child_columns->len != 1 || up->child_columns->pdata[0] != own)
        continue;
      for (guint j = 0; j < up->parent->referrers->len; j++)
        {
          const CatalogueKey *key = up->parent->referrers->pdata[j];
          const CatalogueColumn *child_key = referring_column (key, up->parent_columns->pdata[0]);
          if (child_key != NULL && key->child != parent)
            function (context, check, parent, column, key, child_key, own->quoted);
        }
    }
}

static void
each_stored (CheckContext *context, const Check *check, const char *noun,
             bool (*is_stored) (const CatalogueColumn *column), DetailFn function)
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, noun, 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; table->kind == 'r' && !table->is_partition && j < table->columns->len; j++)
        if (is_stored (table->columns->pdata[j]))
          each_detail (context, check, table, table->columns->pdata[j], function);
    }
}

/* --- counter-drift --------------------------------------------------------------------------------- */

/* "member" of "member_count", "members_count", "num_members", "total_members"; NULL: no counter. */
static char *
counted_word (const CatalogueColumn *column)
{
  static const char *const before[] = { "num_", "number_of_", "count_", "n_", "total_", NULL };
  g_autofree char *name = names_snake (column->name);
  if (!check_is_integer (column))
    return NULL;
  char *word = NULL;
  if (g_str_has_suffix (name, "_count"))
    word = g_strndup (name, strlen (name) - strlen ("_count"));
  for (guint i = 0; word == NULL && before[i] != NULL; i++)
    if (g_str_has_prefix (name, before[i]))
      word = g_strdup (name + strlen (before[i]));
  if (word != NULL && strlen (word) > 3 && g_str_has_suffix (word, "s")
      && !g_str_has_suffix (word, "ss"))
    word[strlen (word) - (g_str_has_suffix (word, "ies") ? 3 : 1)] = '\0';
  return word;
}

static bool
is_counter (const CatalogueColumn *column)
{
  g_autofree char *word = counted_word (column);
  return word != NULL;
}

static void
look_at_counter (CheckContext *context, const Check *check, const CatalogueTable *parent,
                 const CatalogueColumn *column, const CatalogueKey *key,
                 const CatalogueColumn *child_key, const char *parent_key)
{
  g_autofree char *word = counted_word (column);
  /* "categor" of "categories" is the beginning of "category" and "categories" alike. */
  g_autofree char *with_y = g_strconcat (word, "y", NULL);
  if (!names_match (key->child, word, NULL) && !names_match (key->child, with_y, NULL))
    return;
  Sum *sum = sum_new (parent, column, key->child, parent_key, child_key->quoted);
  add_candidates (sum, "count(*)");
  sum_plan (context, check, sum);
}

static bool
run_counters (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_stored (context, check, "counters", is_counter, look_at_counter);
  return true;
}

/* --- sum-drift ------------------------------------------------------------------------------------- */

static bool
is_total (const CatalogueColumn *column)
{
  static const char *const ends[] = { "total",        "balance",      "subtotal", "total_amount",
                                      "amount_total", "saved_amount", "sum",      "grand_total",
                                      "amount_paid",  "paid_amount",  NULL };
  return check_is_numeric (column) && strcmp (column->base_name, "money") != 0
         && !column->is_generated
         && (check_name_ends (column->name, ends) || g_str_has_prefix (column->name, "total_"));
}

static bool
is_summand (const CatalogueColumn *column)
{
  static const char *const ends[] = { "amount", "total",    "subtotal", "price",   "value", "cost",
                                      "points", "quantity", "hours",    "minutes", NULL };
  return check_is_numeric (column) && strcmp (column->base_name, "money") != 0
         && check_name_ends (column->name, ends);
}

static void
look_at_total (CheckContext *context, const Check *check, const CatalogueTable *parent,
               const CatalogueColumn *column, const CatalogueKey *key,
               const CatalogueColumn *child_key, const char *parent_key)
{
  Sum *sum = sum_new (parent, column, key->child, parent_key, child_key->quoted);
  const CatalogueColumn *quantity = catalogue_column_named (key->child, "quantity");
  for (guint i = 0; i < key->child->columns->len; i++)
    {
      const CatalogueColumn *part = key->child->columns->pdata[i];
      if (!is_summand (part))
        continue;
      g_autofree char *plain = g_strdup_printf ("sum(%s)", part->quoted);
      add_candidates (sum, plain);
      /* What leaves one account with a minus arrives here with a plus. */
      if (g_str_has_prefix (part->name, "signed"))
        {
          g_autofree char *turned = g_strdup_printf ("sum(- %s)", part->quoted);
          add_candidates (sum, turned);
        }
      if (quantity != NULL && quantity != part && check_is_numeric (quantity)
          && strstr (part->name, "price") != NULL)
        {
          g_autofree char *product
              = g_strdup_printf ("sum(%s * %s)", quantity->quoted, part->quoted);
          add_candidates (sum, product);
        }
    }
  if (sum->expressions->len > 0)
    sum_plan (context, check, sum);
  else
    sum_free (sum);
}

static bool
run_totals (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_stored (context, check, "totals", is_total, look_at_total);
  return true;
}

/* --- declared ones --------------------------------------------------------------------------------- */

/* NAME: "schema.table", or "table" in public. */
static const CatalogueTable *
find_named (const Catalogue *catalogue, const char *name)
{
  const char *dot = strchr (name, '.');
  if (dot == NULL)
    return catalogue_table_named (catalogue, "public", name);
  g_autofree char *schema = g_strndup (name, (gsize) (dot - name));
  return catalogue_table_named (catalogue, schema, dot + 1);
}

/* The column of CHILD that refers to PARENT: as declared, or by the foreign key. */
static const CatalogueColumn *
find_child_key (const IntegrityAggregate *aggregate, const CatalogueTable *parent,
                const CatalogueTable *child)
{
  if (aggregate->child_key != NULL)
    return catalogue_column_named (child, aggregate->child_key);
  for (guint i = 0; i < child->keys->len; i++)
    {
      const CatalogueKey *key = child->keys->pdata[i];
      if (key->parent == parent && key->child_columns->len == 1)
        return key->child_columns->pdata[0];
    }
  return NULL;
}

static void
plan_declared (CheckContext *context, const Check *check, const IntegrityAggregate *aggregate)
{
  const Catalogue *catalogue = check_catalogue (context);
  const CatalogueTable *parent = find_named (catalogue, aggregate->parent);
  const CatalogueTable *child = find_named (catalogue, aggregate->child);
  const CatalogueColumn *column
      = parent != NULL ? catalogue_column_named (parent, aggregate->column) : NULL;
  const CatalogueColumn *child_key
      = parent != NULL && child != NULL ? find_child_key (aggregate, parent, child) : NULL;
  const CatalogueColumn *parent_key = NULL;
  if (parent != NULL)
    parent_key = aggregate->parent_key != NULL
                     ? catalogue_column_named (parent, aggregate->parent_key)
                     : names_key_column (parent);
  if (column == NULL || child_key == NULL || parent_key == NULL)
    {
      check_expect (context, check, NULL, 1);
      g_autofree char *named = g_strdup_printf ("%s.%s", aggregate->parent, aggregate->column);
      check_unknown (context, check, aggregate->name != NULL ? aggregate->name : named, "%s",
                     parent == NULL   ? "there is no such parent table"
                     : column == NULL ? "the parent has no such column"
                     : child == NULL  ? "there is no such child table"
                                      : "what the child refers to is not known: declare the keys");
      return;
    }
  Sum *sum = sum_new (parent, column, child, parent_key->quoted, child_key->quoted);
  g_ptr_array_add (sum->expressions, g_strdup (aggregate->expression));
  if (aggregate->filter != NULL)
    sum->filter = g_strdup_printf ("(%s)", aggregate->filter);
  sum->is_declared = true;
  sum_plan (context, check, sum);
}

static bool
run_declared (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const GPtrArray *aggregates = check_aggregates (context);
  check_expect (context, check, "declared aggregates", 0);
  for (guint i = 0; aggregates != NULL && i < aggregates->len; i++)
    plan_declared (context, check, aggregates->pdata[i]);
  return true;
}

const Check checks_aggregates[] = {
  {
      .id = "aggregate-declared",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Declared sums and counts that are not what their rows come to",
      .why = "The project says that the column is this sum, and programs count on it.",
      .advice = "Compute it anew, and look for the write that did not keep it up.",
      .run = run_declared,
  },
  {
      .id = "counter-drift",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Counters that differ from what they count",
      .why = "A stored count drifts with every write that passes its trigger or its program by.",
      .advice = "Compute it anew, and keep it with a trigger or count when asked.",
      .run = run_counters,
  },
  {
      .id = "sum-drift",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Totals that differ from the sum of their rows",
      .why = "Two answers to one question about money: one of them is wrong.",
      .advice = "Find out which one is right, then compute the total anew.",
      .run = run_totals,
  },
  { .id = NULL },
};
