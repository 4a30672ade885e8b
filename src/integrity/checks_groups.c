/* Groups of rows that should come to something: lines below a header, bookings that come to zero. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"
#include "integrity/names.h"
#include "integrity/sums.h"

#include <string.h>

/* Headers may be new: so many of them may have no lines yet. */
#define EMPTY_SHARE_MAX 0.05

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
  if (broken == 0 || total - broken < SUM_KEPT_MIN
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
  rule->share = SUM_BROKEN_SHARE_MAX * 5;
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

const Check checks_groups[] = {
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
