#include "integrity/fix_plan.h"

#include "sql/classify.h"
#include "sql/split.h"

#include <string.h>

void
fix_item_free (FixItem *item)
{
  g_ptr_array_unref (item->statements);
  g_free (item->why_not);
  g_free (item);
}

unsigned int
fix_plan_count (const GPtrArray *items)
{
  unsigned int count = 0;
  for (guint i = 0; i < items->len; i++)
    count += ((const FixItem *) items->pdata[i])->applies;
  return count;
}

static bool
is_row_change (const char *tag)
{
  return strcmp (tag, "INSERT") == 0 || strcmp (tag, "UPDATE") == 0 || strcmp (tag, "DELETE") == 0;
}

/* Why a statement cannot be one of several in a transaction that is taken back; NULL: it can. */
static const char *
obstacle (const SqlClass *class)
{
  if (class->kind == SQL_KIND_UNKNOWN)
    return "pgkeel cannot read its statement; run it yourself";
  if (class->kind == SQL_KIND_TRANSACTION)
    return "it begins or ends transactions; run it yourself";
  if (class->kind == SQL_KIND_COPY_STDIN || strcmp (class->tag, "TRUNCATE") == 0
      || strcmp (class->tag, "TRUNCATE TABLE") == 0)
    return "rows that go this way cannot be kept; run it yourself";
  if (sql_kind_runs_alone (class->kind) || strcmp (class->tag, "ALTER SYSTEM") == 0)
    return "it cannot run in a transaction; run it yourself";
  return NULL;
}

static bool
read_statements (SqlParser *parser, const char *fix, FixItem *item, const char **ret_obstacle,
                 GError **error)
{
  g_autoptr (GArray) cut = sql_split (fix, strlen (fix));
  *ret_obstacle = cut->len == 0 ? "it has no statement" : NULL;
  item->changes_rows = true;
  for (guint i = 0; i < cut->len; i++)
    {
      const SqlStatement *statement = &g_array_index (cut, SqlStatement, i);
      const char *text = fix + statement->start;
      g_auto (SqlClass) class = { 0 };
      if (!sql_classify (parser, text, statement->length, &class, error))
        return false;
      if (*ret_obstacle == NULL)
        *ret_obstacle = obstacle (&class);
      if (!is_row_change (class.tag))
        item->changes_rows = false;
      item->uses_sequences
          |= strcmp (class.tag, "SELECT") == 0 || strcmp (class.tag, "ALTER SEQUENCE") == 0;
      g_ptr_array_add (item->statements, g_strndup (text, statement->length));
    }
  return true;
}

static bool
is_chosen (const Finding *finding, const FixChoice *choice)
{
  if (choice->ids != NULL && choice->ids[0] != NULL)
    return g_strv_contains (choice->ids, finding->check->id);
  return choice->all || finding->fix_is_safe;
}

bool
fix_plan (SqlParser *parser, const IntegrityRun *run, const FixChoice *choice,
          GPtrArray **ret_items, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func ((GDestroyNotify) fix_item_free);
  for (guint i = 0; i < run->findings->len; i++)
    {
      const Finding *finding = run->findings->pdata[i];
      const char *problem = NULL;
      if (finding->fix == NULL)
        continue;
      FixItem *item = g_new0 (FixItem, 1);
      item->finding = finding;
      item->statements = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (items, item);
      if (!read_statements (parser, finding->fix, item, &problem, error))
        return false;
      if (problem == NULL && !is_chosen (finding, choice))
        problem = "it is not marked safe; name its check, or give --all";
      item->applies = problem == NULL;
      item->why_not = g_strdup (problem);
    }
  *ret_items = g_steal_pointer (&items);
  return true;
}
