/* The section `integrity` of pgkeel.yaml. */
#include "project/check.h"
#include "project/settle.h"

#include <string.h>

#define BACKUP_MAX_AGE_DEFAULT_SECONDS (24 * 3600)
#define STATEMENT_TIMEOUT_DEFAULT_MS (600 * 1000)
#define IDENTIFIER_MAX_BYTES 63

static bool
settle_checks (const Settle *settle, const char *written, GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, "integrity.checks", written, &text, &node, error))
    return false;
  if (text != NULL && *text == '\0')
    return check_refuse (settle->file, node, "Write a folder, or remove the key.", error,
                         "“%s” is empty", node->key);
  settle->project->integrity.checks_folder
      = settle_resolve_path (settle, text != NULL ? text : "checks");
  return true;
}

/* --- aggregates ----------------------------------------------------------------------------------- */

static void
aggregate_free (ProjectAggregate *aggregate)
{
  g_free (aggregate->name);
  g_free (aggregate->parent);
  g_free (aggregate->column);
  g_free (aggregate->child);
  g_free (aggregate->child_key);
  g_free (aggregate->parent_key);
  g_free (aggregate->expression);
  g_free (aggregate->expression_place);
  g_free (aggregate->filter);
  g_free (aggregate->filter_place);
  g_free (aggregate);
}

GPtrArray *
settle_integrity_aggregates_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) aggregate_free);
}

static bool
is_name (const char *text)
{
  return *text != '\0' && strlen (text) <= IDENTIFIER_MAX_BYTES;
}

static bool
is_table (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ".", -1);
  guint count = g_strv_length (parts);
  return (count == 1 && is_name (parts[0]))
         || (count == 2 && is_name (parts[0]) && is_name (parts[1]));
}

/* A member of the mapping NODE. Not expanded: SQL has its own uses for the dollar sign. */
typedef struct
{
  const char *key;
  const char *written;
  char **ret_text;
  bool is_required;
  bool is_table, is_column;
} Member;

static bool
settle_member (const Settle *settle, const Node *node, const Member *member, GError **error)
{
  const Node *value = node_find (node, member->key);
  if (value == NULL)
    return !member->is_required
           || check_refuse (settle->file, node,
                            "parent, column, child and expression must be there.", error,
                            "the aggregate has no “%s”", member->key);
  if (member->is_table && !is_table (member->written))
    return settle_refuse_value (settle, value, member->written, "a table",
                                "Write it as schema.table; without a schema it is in public.",
                                error);
  if (member->is_column && !is_name (member->written))
    return settle_refuse_value (settle, value, member->written, "a column",
                                "Write the name of one column, without quotes.", error);
  *member->ret_text = g_strdup (member->written);
  return true;
}

/* "groups" is "public.groups". */
static bool
is_same_table (const char *left, const char *right)
{
  g_autofree char *a = strchr (left, '.') ? g_strdup (left) : g_strconcat ("public.", left, NULL);
  g_autofree char *b
      = strchr (right, '.') ? g_strdup (right) : g_strconcat ("public.", right, NULL);
  return strcmp (a, b) == 0;
}

static bool
check_declared_once (const Settle *settle, const Node *list, guint index, GError **error)
{
  const GPtrArray *all = settle->project->integrity.aggregates;
  const ProjectAggregate *aggregate = all->pdata[index];
  for (guint i = 0; i < index; i++)
    {
      const ProjectAggregate *other = all->pdata[i];
      const Node *before = list->children->pdata[i];
      if (strcmp (other->column, aggregate->column) == 0
          && is_same_table (other->parent, aggregate->parent))
        return check_refuse (settle->file, list->children->pdata[index], "Remove one of the two.",
                             error, "“%s.%s” is declared on line %d, too", aggregate->parent,
                             aggregate->column, before->line);
    }
  return true;
}

static char *
value_place (const Settle *settle, const Node *node, const char *key)
{
  const Node *value = node_find (node, key);
  return value != NULL ? node_place (value, settle->file) : NULL;
}

static bool
settle_aggregate (const Settle *settle, const Node *node, const ConfigAggregate *written,
                  GError **error)
{
  ProjectAggregate *aggregate = g_new0 (ProjectAggregate, 1);
  g_ptr_array_add (settle->project->integrity.aggregates, aggregate);
  const Member members[] = {
    { "name", written->name, &aggregate->name, false, false, false },
    { "parent", written->parent, &aggregate->parent, true, true, false },
    { "column", written->column, &aggregate->column, true, false, true },
    { "child", written->child, &aggregate->child, true, true, false },
    { "child_key", written->child_key, &aggregate->child_key, false, false, true },
    { "parent_key", written->parent_key, &aggregate->parent_key, false, false, true },
    { "expression", written->expression, &aggregate->expression, true, false, false },
    { "filter", written->filter, &aggregate->filter, false, false, false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (members); i++)
    if (!settle_member (settle, node, &members[i], error))
      return false;
  aggregate->expression_place = value_place (settle, node, "expression");
  aggregate->filter_place = value_place (settle, node, "filter");
  return true;
}

static bool
settle_aggregates (const Settle *settle, const ConfigIntegrity *written, GError **error)
{
  const Node *list = node_find (settle->config->root, "integrity.aggregates");
  if (list == NULL)
    return true;
  settle_remember_origin (settle, "integrity.aggregates", node_place (list, settle->file));
  for (uint32_t i = 0; i < written->aggregate_count; i++)
    if (!settle_aggregate (settle, list->children->pdata[i], &written->aggregates[i], error)
        || !check_declared_once (settle, list, i, error))
      return false;
  return true;
}

/* --- ignore --------------------------------------------------------------------------------------- */

static void
pattern_free (ProjectPattern *pattern)
{
  g_free (pattern->text);
  g_free (pattern->place);
  g_free (pattern);
}

GPtrArray *
settle_integrity_patterns_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) pattern_free);
}

/* Which checks there are is not known here: whoever runs them says when there is none of that id. All of
 * everything is refused: it would leave nothing to look for. */
static bool
is_pattern (const char *text)
{
  static const char id_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-*?";
  const char *colon = strchr (text, ':');
  size_t length = colon != NULL ? (size_t) (colon - text) : strlen (text);
  return length > 0 && strspn (text, id_characters) >= length && (colon == NULL || colon[1] != '\0')
         && strspn (text, "*?:") < strlen (text);
}

static bool
settle_ignore (const Settle *settle, const ConfigIntegrity *written, GError **error)
{
  const Node *list = node_find (settle->config->root, "integrity.ignore");
  if (list == NULL)
    return true;
  settle_remember_origin (settle, "integrity.ignore", node_place (list, settle->file));
  for (uint32_t i = 0; i < written->ignore_count; i++)
    {
      const Node *node = list->children->pdata[i];
      Place place = { settle->file, settle->source, node->line, node->column };
      g_autofree char *text = NULL;
      if (!variables_expand (settle->variables, written->ignore[i], &place, &text, error))
        return false;
      if (!is_pattern (text))
        return settle_refuse_value (settle, node, text, "a pattern for findings",
                                    "Write it as check, check:object or *:object; * and ? stand "
                                    "for any characters and for one.",
                                    error);
      ProjectPattern *pattern = g_new (ProjectPattern, 1);
      *pattern = (ProjectPattern){ g_steal_pointer (&text), node_place (node, settle->file) };
      g_ptr_array_add (settle->project->integrity.ignore, pattern);
    }
  return true;
}

bool
settle_integrity (const Settle *settle, GError **error)
{
  static const ConfigIntegrity none = { 0 };
  const ConfigIntegrity *written
      = settle->config->integrity != NULL ? settle->config->integrity : &none;
  settle->project->integrity.statement_timeout_ms = STATEMENT_TIMEOUT_DEFAULT_MS;
  settle->project->integrity.backup_max_age_seconds = BACKUP_MAX_AGE_DEFAULT_SECONDS;
  return settle_checks (settle, written->checks, error)
         && settle_duration (settle, "integrity.backup_max_age", written->backup_max_age,
                             &settle->project->integrity.backup_max_age_seconds, error)
         && settle_timeout (settle, "integrity.statement_timeout", written->statement_timeout, true,
                            &settle->project->integrity.statement_timeout_ms, error)
         && settle_aggregates (settle, written, error) && settle_ignore (settle, written, error);
}
