#include "integrity/aggregates.h"
#include "base/text.h"
#include "sql/parse.h"
#include "sql/token.h"

#include <string.h>

void
integrity_aggregate_free (IntegrityAggregate *aggregate)
{
  if (aggregate == NULL)
    return;
  g_free (aggregate->name);
  g_free (aggregate->parent);
  g_free (aggregate->column);
  g_free (aggregate->child);
  g_free (aggregate->child_key);
  g_free (aggregate->parent_key);
  g_free (aggregate->expression);
  g_free (aggregate->filter);
  g_free (aggregate);
}

static bool
refuse (const char *place, const char *what, const char *problem, GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG,
                     "Write one expression of SQL over the child's columns, as in count(*),"
                     " sum(amount) or status = 'paid'.",
                     "%s: “%s” %s", place, what, problem);
}

static bool
has_comment (const char *text)
{
  size_t at = 0;
  SqlToken token;
  while (sql_token_next (text, strlen (text), &at, &token))
    if (token.kind == SQL_TOKEN_COMMENT)
      return true;
  return false;
}

/* "SELECT (TEXT)" is one SELECT of one value and nothing more: what closes the bracket and goes on with
 * SQL of its own gets another tree. */
static bool
is_one_value (const json_t *tree)
{
  static const char *const members[] = { "targetList", "limitOption", "op", NULL };
  json_t *select = json_object_get (tree, "SelectStmt");
  const char *key;
  json_t *value;
  json_object_foreach (select, key, value)
    if (!g_strv_contains (members, key))
      return false;
  json_t *target
      = json_object_get (json_array_get (json_object_get (select, "targetList"), 0), "ResTarget");
  return json_array_size (json_object_get (select, "targetList")) == 1
         && json_object_get (target, "name") == NULL
         && json_object_get (json_object_get (target, "val"), "RowExpr") == NULL;
}

/* WHAT is what the key is called. It is put into brackets, in the check's query and in the fix. */
static bool
read_expression (SqlParser *parser, const char *what, const char *text, const char *place,
                 char **ret_sql, GError **error)
{
  if (text == NULL)
    return true;
  g_autofree char *sql = g_strdup_printf ("SELECT (%s)", text);
  g_autofree char *message = NULL;
  g_autoptr (json_t) tree = NULL;
  if (has_comment (text))
    return refuse (place, what, "has a comment in it", error);
  if (!sql_parse (parser, sql, strlen (sql), &tree, &message, NULL, error))
    return false;
  if (tree == NULL)
    {
      g_autofree char *problem = g_strdup_printf ("cannot be read: %s", message);
      return refuse (place, what, problem, error);
    }
  if (!is_one_value (tree))
    return refuse (place, what, "is more than one expression", error);
  *ret_sql = g_strdup (text);
  return true;
}

static bool
read_one (SqlParser *parser, const ProjectAggregate *written, IntegrityAggregate *aggregate,
          GError **error)
{
  aggregate->name = g_strdup (written->name);
  aggregate->parent = g_strdup (written->parent);
  aggregate->column = g_strdup (written->column);
  aggregate->child = g_strdup (written->child);
  aggregate->child_key = g_strdup (written->child_key);
  aggregate->parent_key = g_strdup (written->parent_key);
  return read_expression (parser, "expression", written->expression, written->expression_place,
                          &aggregate->expression, error)
         && read_expression (parser, "filter", written->filter, written->filter_place,
                             &aggregate->filter, error);
}

bool
integrity_aggregates_read (const ProjectIntegrity *settings, GPtrArray **ret_aggregates,
                           GError **error)
{
  g_autoptr (SqlParser) parser = sql_parser_new ();
  g_autoptr (GPtrArray) aggregates
      = g_ptr_array_new_with_free_func ((GDestroyNotify) integrity_aggregate_free);
  for (guint i = 0; i < settings->aggregates->len; i++)
    {
      IntegrityAggregate *aggregate = g_new0 (IntegrityAggregate, 1);
      g_ptr_array_add (aggregates, aggregate);
      if (!read_one (parser, settings->aggregates->pdata[i], aggregate, error))
        return false;
    }
  *ret_aggregates = g_steal_pointer (&aggregates);
  return true;
}
