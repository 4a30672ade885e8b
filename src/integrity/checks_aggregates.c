/* Stored counts and sums against the rows that they stand for. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"
#include "integrity/names.h"
#include "integrity/run.h"

#include <string.h>

/* An inferred rule is believed when no more than this share of the rows breaks it, or one row, and at
 * least so many rows that have something to count keep it. */
#define BROKEN_SHARE_MAX 0.01
#define KEPT_MIN 2
/* What fewer rows keep may be chance: then it is only a warning. */
#define KEPT_SURE 20
/* Headers may be new: so many of them may have no lines yet. */
#define EMPTY_SHARE_MAX 0.05
/* Expressions tried for one column. */
#define CANDIDATES_MAX 24

/* "PARENT.COLUMN is EXPRESSION over the rows of CHILD where child_key = parent_key." */
typedef struct
{
  const CatalogueTable *parent, *child;
  const CatalogueColumn *column;
  char *parent_key, *child_key; /* SQL, unqualified */
  char *filter;                 /* NULL: all rows of the child */
  GPtrArray *expressions;       /* of char *: tried in this order */
  char *object;
  bool is_declared; /* then there is one expression, and every difference counts */
} Sum;

static Sum *
sum_new (const CatalogueTable *parent, const CatalogueColumn *column, const CatalogueTable *child,
         const char *parent_key, const char *child_key)
{
  Sum *sum = g_new0 (Sum, 1);
  sum->parent = parent;
  sum->column = column;
  sum->child = child;
  sum->parent_key = g_strdup (parent_key);
  sum->child_key = g_strdup (child_key);
  sum->expressions = g_ptr_array_new_with_free_func (g_free);
  sum->object = catalogue_display (parent, column);
  return sum;
}

static void
sum_free (void *data)
{
  Sum *sum = data;
  g_free (sum->parent_key);
  g_free (sum->child_key);
  g_free (sum->filter);
  g_free (sum->object);
  g_ptr_array_unref (sum->expressions);
  g_free (sum);
}

/* "parent AS p LEFT JOIN (the child's rows, grouped) AS d", d.v0 and so on being the expressions. */
static char *
sum_source (const Sum *sum, guint first, guint count)
{
  g_autoptr (GString) values = g_string_new (NULL);
  for (guint i = first; i < first + count; i++)
    g_string_append_printf (values, ", %s AS v%u", (const char *) sum->expressions->pdata[i], i);
  return g_strdup_printf ("%s%s AS p LEFT JOIN (SELECT %s AS key%s FROM %s%s%s%s GROUP BY 1) AS d"
                          " ON d.key = p.%s",
                          catalogue_table_only (sum->parent), sum->parent->quoted, sum->child_key,
                          values->str, catalogue_table_only (sum->child), sum->child->quoted,
                          sum->filter != NULL ? " WHERE " : "",
                          sum->filter != NULL ? sum->filter : "", sum->parent_key);
}

static char *
sum_differs (const Sum *sum, guint i)
{
  return g_strdup_printf ("coalesce(p.%s, 0) <> coalesce(d.v%u, 0)", sum->column->quoted, i);
}

static char *
sum_statement (const Sum *sum)
{
  g_autofree char *source = sum_source (sum, 0, sum->expressions->len);
  GString *sql = g_string_new ("SELECT count(*), coalesce(sum(1), 0)");
  for (guint i = 0; i < sum->expressions->len; i++)
    {
      g_autofree char *differs = sum_differs (sum, i);
      g_string_append_printf (
          sql, ", count(*) FILTER (WHERE %s), count(*) FILTER (WHERE NOT (%s) AND p.%s <> 0)",
          differs, differs, sum->column->quoted);
    }
  g_string_append_printf (sql, " FROM %s", source);
  return g_string_free (sql, FALSE);
}

static void
report_sum (CheckContext *context, const Check *check, const Sum *sum, guint i, int64_t rows,
            int64_t broken, int64_t kept)
{
  g_autofree char *broken_text = text_format_count ((uint64_t) broken);
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  g_autofree char *source = sum_source (sum, i, 1);
  g_autofree char *differs = sum_differs (sum, i);
  Finding *finding
      = finding_new (check, sum->object, "in %s of %s rows it is not %s of %s%s", broken_text,
                     rows_text, (const char *) sum->expressions->pdata[i], sum->child->display,
                     sum->is_declared ? "" : ", as it is in all others");
  finding->rows = broken;
  finding->query = g_strdup_printf ("SELECT p.ctid, p.*, coalesce(d.v%u, 0) AS actual FROM %s WHERE"
                                    " %s",
                                    i, source, differs);
  finding->schema = g_strdup (sum->parent->schema);
  finding->table = g_strdup (sum->parent->name);
  finding->fix = g_strdup_printf (
      "UPDATE %1$s%2$s AS p SET %3$s = coalesce((SELECT %4$s FROM %5$s%6$s AS c WHERE c.%7$s = p.%8$s"
      "%9$s%10$s), 0) WHERE p.ctid IN (SELECT p.ctid FROM %11$s WHERE %12$s)",
      catalogue_table_only (sum->parent), sum->parent->quoted, sum->column->quoted,
      (const char *) sum->expressions->pdata[i], catalogue_table_only (sum->child),
      sum->child->quoted, sum->child_key, sum->parent_key, sum->filter != NULL ? " AND " : "",
      sum->filter != NULL ? sum->filter : "", source, differs);
  finding->is_inferred = !sum->is_declared;
  if (finding->is_inferred && kept < KEPT_SURE)
    finding->severity = CHECK_SEVERITY_WARNING;
  check_found (context, finding);
}

static bool
is_believed (int64_t rows, int64_t broken, int64_t kept)
{
  return kept >= KEPT_MIN && kept > broken
         && broken <= MAX (1, (int64_t) (BROKEN_SHARE_MAX * (double) rows));
}

static bool
look_at_sum (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Sum *sum = data;
  g_autofree char *sql = sum_statement (sum);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  int64_t rows = db_result_int64 (result, 0, 0);
  check_covered (context, check, 0, rows);
  /* The expression that fits best is what is meant; when it fits all rows nothing is wrong. */
  guint best = 0;
  for (guint i = 1; i < sum->expressions->len; i++)
    if (db_result_int64 (result, 0, 2 + 2 * (int) i)
        < db_result_int64 (result, 0, 2 + 2 * (int) best))
      best = i;
  int64_t broken = db_result_int64 (result, 0, 2 + 2 * (int) best);
  int64_t kept = db_result_int64 (result, 0, 3 + 2 * (int) best);
  if (broken > 0 && (sum->is_declared || is_believed (rows, broken, kept)))
    report_sum (context, check, sum, best, rows, broken, kept);
  return true;
}

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

static void
plan_sum (CheckContext *context, const Check *check, Sum *sum)
{
  check_expect (context, check, NULL, 1);
  if (check_can_read (context, check, sum->parent, sum->object)
      && check_can_read (context, check, sum->child, sum->object))
    check_later (context, check, sum->object,
                 check_table_rows (sum->parent) + 2 * check_table_rows (sum->child), look_at_sum,
                 sum, sum_free);
  else
    sum_free (sum);
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
  plan_sum (context, check, sum);
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
    plan_sum (context, check, sum);
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
      check_unknown (context, check, aggregate->name != NULL ? aggregate->name : aggregate->parent,
                     "%s",
                     parent == NULL   ? "there is no such parent table"
                     : column == NULL ? "the parent has no such column"
                     : child == NULL  ? "there is no such child table"
                                      : "what the child refers to is not known: declare the keys");
      return;
    }
  Sum *sum = sum_new (parent, column, child, parent_key->quoted, child_key->quoted);
  g_ptr_array_add (sum->expressions, g_strdup (aggregate->expression));
  sum->filter = g_strdup (aggregate->filter);
  sum->is_declared = true;
  plan_sum (context, check, sum);
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

/* --- header-without-lines and ledger-unbalanced ---------------------------------------------------- */

/* A rule about groups of a table's rows that nearly all groups keep. */
typedef struct
{
  const CatalogueTable *table;
  char *object;
  char *query;   /* of all rows that break it */
  char *total;   /* SELECT of how many rows or groups there are */
  char *message; /* behind "N of M" */
  double share;  /* that may break it before it is not believed */
} GroupRule;

static void
group_rule_free (void *data)
{
  GroupRule *rule = data;
  g_free (rule->object);
  g_free (rule->query);
  g_free (rule->total);
  g_free (rule->message);
  g_free (rule);
}

static bool
look_at_groups (CheckContext *context, const Check *check, void *data, GError **error)
{
  const GroupRule *rule = data;
  g_autofree char *sql
      = g_strdup_printf ("SELECT count(*), (%s) FROM (%s) AS broken", rule->total, rule->query);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  int64_t broken = db_result_int64 (result, 0, 0), total = db_result_int64 (result, 0, 1);
  check_covered (context, check, 0, total);
  if (broken == 0 || total - broken < KEPT_MIN
      || broken > MAX (1, (int64_t) (rule->share * (double) total)))
    return true;
  g_autofree char *broken_text = text_format_count ((uint64_t) broken);
  g_autofree char *total_text = text_format_count ((uint64_t) total);
  Finding *finding
      = finding_new (check, rule->object, "%s of %s %s", broken_text, total_text, rule->message);
  finding->rows = broken;
  finding->query = g_strdup (rule->query);
  finding->schema = g_strdup (rule->table->schema);
  finding->table = g_strdup (rule->table->name);
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static void
plan_groups (CheckContext *context, const Check *check, const CatalogueKey *key, GroupRule *rule)
{
  check_expect (context, check, NULL, 1);
  if (check_can_read (context, check, key->child, rule->object)
      && check_can_read (context, check, key->parent, rule->object))
    check_later (context, check, rule->object,
                 check_table_rows (key->child) * 2 + check_table_rows (key->parent), look_at_groups,
                 rule, group_rule_free);
  else
    group_rule_free (rule);
}

/* "invoice_lines" of "invoices". */
static bool
is_lines_of (const CatalogueTable *child, const CatalogueTable *parent)
{
  static const char *const words[]
      = { "_items", "_item",      "_lines",    "_line", "_details", "_detail", "_entries",
          "_entry", "_positions", "_position", "_legs", "_leg",     NULL };
  g_autofree char *name = names_snake (child->name);
  for (guint i = 0; words[i] != NULL; i++)
    if (g_str_has_suffix (name, words[i]))
      {
        name[strlen (name) - strlen (words[i])] = '\0';
        return names_match (parent, name, NULL);
      }
  return false;
}

static void
look_for_lines (CheckContext *context, const Check *check, const CatalogueKey *key)
{
  if (key->is_inherited || key->child_columns->len != 1 || !is_lines_of (key->child, key->parent))
    return;
  const CatalogueColumn *child = key->child_columns->pdata[0];
  const CatalogueColumn *parent = key->parent_columns->pdata[0];
  GroupRule *rule = g_new0 (GroupRule, 1);
  rule->table = key->parent;
  rule->object = g_strdup (key->parent->display);
  rule->share = EMPTY_SHARE_MAX;
  rule->query = g_strdup_printf ("SELECT p.ctid, p.* FROM %s%s AS p WHERE NOT EXISTS (SELECT FROM"
                                 " %s%s AS c WHERE c.%s = p.%s)",
                                 catalogue_table_only (key->parent), key->parent->quoted,
                                 catalogue_table_only (key->child), key->child->quoted,
                                 child->quoted, parent->quoted);
  rule->total = g_strdup_printf ("SELECT count(*) FROM %s%s", catalogue_table_only (key->parent),
                                 key->parent->quoted);
  rule->message = g_strdup_printf ("rows have no row in %s", key->child->display);
  plan_groups (context, check, key, rule);
}

static void
each_key (CheckContext *context, const Check *check, const char *noun,
          void (*function) (CheckContext *context, const Check *check, const CatalogueKey *key))
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, noun, 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; j < table->keys->len; j++)
        function (context, check, table->keys->pdata[j]);
    }
}

static bool
run_headers (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, "headers", look_for_lines);
  return true;
}

/* What the rows of one transaction must come to: debit less credit, or a signed amount. */
static char *
balance_sql (const CatalogueTable *table)
{
  const CatalogueColumn *debit = catalogue_column_named (table, "debit");
  const CatalogueColumn *credit = catalogue_column_named (table, "credit");
  if (debit != NULL && credit != NULL && check_is_numeric (debit) && check_is_numeric (credit))
    return g_strdup_printf ("coalesce(sum(c.%s), 0) - coalesce(sum(c.%s), 0)", debit->quoted,
                            credit->quoted);
  static const char *const words[]
      = { "entry",        "posting",      "leg",          "split",      "ledger_line",
          "journal_line", "ledger_entry", "journal_item", "entry_line", NULL };
  const CatalogueColumn *amount = catalogue_column_named (table, "amount");
  bool is_ledger = false;
  for (guint i = 0; words[i] != NULL; i++)
    is_ledger |= names_match (table, words[i], NULL);
  if (!is_ledger || amount == NULL || !check_is_numeric (amount))
    return NULL;
  return g_strdup_printf ("coalesce(sum(c.%s), 0)", amount->quoted);
}

static void
look_at_ledger (CheckContext *context, const Check *check, const CatalogueKey *key)
{
  static const char *const words[]
      = { "transaction", "journal", "entry", "voucher", "transfer", "posting", NULL };
  bool is_whole = false;
  for (guint i = 0; words[i] != NULL; i++)
    is_whole |= names_match (key->parent, words[i], NULL);
  g_autofree char *balance = is_whole ? balance_sql (key->child) : NULL;
  if (balance == NULL || key->is_inherited || key->child_columns->len != 1)
    return;
  const CatalogueColumn *column = key->child_columns->pdata[0];
  GroupRule *rule = g_new0 (GroupRule, 1);
  rule->table = key->parent;
  rule->object = g_strdup (key->child->display);
  rule->share = BROKEN_SHARE_MAX * 5;
  rule->query = g_strdup_printf (
      "SELECT c.%1$s, %2$s AS balance, count(*) AS rows FROM %3$s%4$s AS c"
      " WHERE c.%1$s IS NOT NULL GROUP BY c.%1$s HAVING %2$s <> 0",
      column->quoted, balance, catalogue_table_only (key->child), key->child->quoted);
  rule->total = g_strdup_printf ("SELECT count(DISTINCT %s) FROM %s%s", column->quoted,
                                 catalogue_table_only (key->child), key->child->quoted);
  rule->message
      = g_strdup_printf ("groups of rows with the same %s do not come to zero", column->name);
  plan_groups (context, check, key, rule);
}

static bool
run_ledgers (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_key (context, check, "ledgers", look_at_ledger);
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
  {
      .id = "header-without-lines",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Headers without lines",
      .why = "An order or invoice without a line is half of a transaction that was lost, or an"
             " import that stopped.",
      .advice = "Restore the lines, or remove the headers.",
      .run = run_headers,
  },
  {
      .id = "ledger-unbalanced",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Bookings that do not come to zero",
      .why
      = "In double entry what leaves one account arrives at another: money has appeared or gone.",
      .advice = "Look at each transaction; book what is missing, and do not change what is there.",
      .run = run_ledgers,
  },
  { .id = NULL },
};
