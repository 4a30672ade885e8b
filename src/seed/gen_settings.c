#include "seed/gen_settings.h"
#include "project/check.h"
#include "project/nearest.h"
#include "seed/gen_calendar.h"
#include "seed/gen_compile.h"

#include <string.h>

#define ROWS_MAX UINT64_C (1000000000000)

static void
table_settings_free (void *data)
{
  GenTableSettings *settings = data;
  g_free (settings->name);
  g_free (settings->per);
  g_free (settings);
}

void
gen_settings_free (GenSettings *settings)
{
  if (settings == NULL)
    return;
  g_ptr_array_unref (settings->tables);
  g_free (settings);
}

const GenTableSettings *
gen_settings_find (const GenSettings *settings, const Node *node)
{
  for (guint i = 0; i < settings->tables->len; i++)
    if (((GenTableSettings *) settings->tables->pdata[i])->node == node)
      return settings->tables->pdata[i];
  g_assert_not_reached ();
}

/* node_find takes dots for steps. */
static const Node *
child_of (const Node *mapping, const char *key)
{
  for (guint i = 0; mapping != NULL && i < mapping->children->len; i++)
    {
      const Node *child = mapping->children->pdata[i];
      if (strcmp (child->key, key) == 0 && !node_is_null (child))
        return child;
    }
  return NULL;
}

static bool
check_keys (const char *file, const Node *mapping, const char *const *known, GError **error)
{
  for (guint i = 0; i < mapping->children->len; i++)
    {
      const Node *child = mapping->children->pdata[i];
      if (g_strv_contains (known, child->key))
        continue;
      Node at_key = { .line = child->key_line, .column = child->key_column };
      g_autofree char *shown = check_shown (child->key);
      g_autofree char *hint
          = nearest_hint (child->key, "keys here", known, g_strv_length ((char **) known));
      return check_refuse (file, &at_key, hint, error, "unknown key “%s”", shown);
    }
  return true;
}

static bool
check_mapping (const char *file, const Node *node, const char *what, GError **error)
{
  return node->kind == NODE_MAPPING
         || check_refuse (file, node, NULL, error, "“%s” must be a mapping of %s", node->key, what);
}

static bool
parse_count (const char *text, uint64_t *ret_count)
{
  g_auto (GStrv) parts = g_strsplit (text, "_", -1);
  g_autofree char *digits = g_strjoinv ("", parts);
  size_t length = strlen (digits);
  if (length == 0 || length > 13 || strspn (digits, "0123456789") != length)
    return false;
  *ret_count = g_ascii_strtoull (digits, NULL, 10);
  return *ret_count <= ROWS_MAX;
}

static bool
read_rows (const char *file, const Node *node, uint64_t *ret_rows, GError **error)
{
  if (node->kind == NODE_SCALAR && parse_count (node->text, ret_rows))
    return true;
  return check_refuse (file, node, "Write it as 5000 or 1_000_000.", error,
                       "this must be a number of rows, up to a million million");
}

/* "3", "0..20", "zipf 10", "zipf 10 1.2" */
static bool
parse_children (const char *text, GenTableSettings *table)
{
  const char *dots = strstr (text, "..");
  if (g_str_has_prefix (text, "zipf "))
    {
      g_auto (GStrv) words = g_strsplit (text, " ", 3);
      table->kind = GEN_CHILDREN_ZIPF;
      table->exponent = 1000;
      if (!parse_count (words[1], &table->low)
          || (words[2] != NULL && !gen_parse_exponent (words[2], &table->exponent)))
        return false;
      table->high = table->low;
      return true;
    }
  if (dots != NULL)
    {
      g_autofree char *first = g_strndup (text, (gsize) (dots - text));
      table->kind = GEN_CHILDREN_RANGE;
      return parse_count (first, &table->low) && parse_count (dots + 2, &table->high)
             && table->low <= table->high;
    }
  table->kind = GEN_CHILDREN_FIXED;
  if (!parse_count (text, &table->low))
    return false;
  table->high = table->low;
  return true;
}

static bool
read_per (const char *file, const Node *node, GenTableSettings *table, GError **error)
{
  const Node *per = child_of (node, "per"), *children = child_of (node, "children");
  const Node *rows = child_of (node, "rows");
  if ((per == NULL) != (children == NULL) || (per == NULL) == (rows == NULL))
    return check_refuse (file, node,
                         "Examples: users: 1000; orders: {per: users, children: 0..20}.", error,
                         "“%s” needs “rows”, or “per” with “children”", table->name);
  if (rows != NULL)
    return read_rows (file, rows, &table->rows, error);
  if (per->kind != NODE_SCALAR)
    return check_refuse (file, per, NULL, error, "“per” must be the name of a table or a column");
  table->per = g_strdup (per->text);
  table->per_node = per;
  return (children->kind == NODE_SCALAR && parse_children (children->text, table))
         || check_refuse (file, children,
                          "Write 3, 0..20, zipf 10 or zipf 10 1.2 (average, exponent).", error,
                          "“children” is a number, a range or zipf");
}

static bool
read_columns (const char *file, const Node *columns, GError **error)
{
  if (columns == NULL)
    return true;
  if (!check_mapping (file, columns, "columns to expressions", error))
    return false;
  for (guint i = 0; i < columns->children->len; i++)
    {
      const Node *child = columns->children->pdata[i];
      if (child->kind != NODE_SCALAR || *child->text == '\0')
        return check_refuse (file, child, "For NULL in every row write null().", error,
                             "the expression of “%s” must be a text", child->key);
    }
  return true;
}

static bool
read_table (GenSettings *settings, const Node *node, GError **error)
{
  static const char *const known[] = { "rows", "per", "children", "columns", NULL };
  GenTableSettings *table = g_new0 (GenTableSettings, 1);
  g_ptr_array_add (settings->tables, table);
  table->name = g_strdup (node->key);
  table->node = node;
  if (node->kind == NODE_SCALAR)
    return read_rows (settings->file, node, &table->rows, error);
  table->columns = child_of (node, "columns");
  return check_mapping (settings->file, node, "rows, per, children and columns", error)
         && check_keys (settings->file, node, known, error)
         && read_per (settings->file, node, table, error)
         && read_columns (settings->file, table->columns, error);
}

/* "2023-01-01..2024-12-31" */
static bool
read_period (GenSettings *settings, const Node *node, GError **error)
{
  const char *dots = node->kind == NODE_SCALAR ? strstr (node->text, "..") : NULL;
  g_autofree char *first
      = dots != NULL ? g_strndup (node->text, (gsize) (dots - node->text)) : NULL;
  GenPeriod *period = &settings->period;
  if (dots == NULL || !gen_parse_timestamp (first, &period->from_us)
      || !gen_parse_timestamp (dots + 2, &period->until_us) || period->from_us > period->until_us)
    return check_refuse (settings->file, node, "Write it as 2023-01-01..2024-12-31.", error,
                         "“dates” must be a first and a last day");
  period->until_us += GEN_DAY_US - 1000000;
  return true;
}

static bool
read_seed (GenSettings *settings, const Node *node, GError **error)
{
  size_t length = node->kind == NODE_SCALAR ? strlen (node->text) : 0;
  if (length == 0 || length > 18 || strspn (node->text, "0123456789") != length)
    return check_refuse (settings->file, node, NULL, error, "“seed” must be a whole number");
  settings->seed = g_ascii_strtoull (node->text, NULL, 10);
  return true;
}

static bool
read_all (GenSettings *settings, const Node *generate, GError **error)
{
  static const char *const known[] = { "seed", "dates", "tables", NULL };
  const Node *seed = child_of (generate, "seed"), *dates = child_of (generate, "dates");
  const Node *tables = child_of (generate, "tables");
  if (!check_keys (settings->file, generate, known, error)
      || (seed != NULL && !read_seed (settings, seed, error))
      || (dates != NULL && !read_period (settings, dates, error)))
    return false;
  if (tables == NULL)
    return true;
  if (!check_mapping (settings->file, tables, "tables to numbers of rows", error))
    return false;
  for (guint i = 0; i < tables->children->len; i++)
    if (!read_table (settings, tables->children->pdata[i], error))
      return false;
  return true;
}

bool
gen_settings_read (const Node *generate, const char *file, GenSettings **ret_settings,
                   GError **error)
{
  g_autoptr (GenSettings) settings = g_new0 (GenSettings, 1);
  settings->file = file;
  settings->seed = 1;
  settings->period = gen_period_default;
  settings->tables = g_ptr_array_new_with_free_func (table_settings_free);
  if (generate != NULL
      && (!check_mapping (file, generate, "seed, dates and tables", error)
          || !read_all (settings, generate, error)))
    return false;
  *ret_settings = g_steal_pointer (&settings);
  return true;
}
