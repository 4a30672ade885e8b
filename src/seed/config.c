#include "seed/config.h"
#include "base/fs.h"
#include "project/check.h"
#include "project/environment.h"
#include "project/nearest.h"

#include <errno.h>
#include <string.h>

#define COUNT_DIGITS_MAX 18

static void
seed_name_free (SeedName *name)
{
  g_free (name->name);
  g_free (name);
}

static void
seed_key_free (SeedKey *key)
{
  g_free (key->table);
  g_strfreev (key->columns);
  g_free (key);
}

static void
seed_expect_free (SeedExpect *expect)
{
  g_free (expect->table);
  g_free (expect->where);
  g_free (expect);
}

void
seed_config_free (SeedConfig *config)
{
  if (config == NULL)
    return;
  g_ptr_array_unref (config->keys);
  g_ptr_array_unref (config->essential);
  g_ptr_array_unref (config->clean);
  g_ptr_array_unref (config->expect);
  node_free (config->root);
  g_free (config->file);
  g_free (config);
}

static SeedConfig *
config_new (const char *file)
{
  SeedConfig *config = g_new0 (SeedConfig, 1);
  config->file = g_strdup (file);
  config->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_key_free);
  config->essential = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_name_free);
  config->clean = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_name_free);
  config->expect = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_expect_free);
  return config;
}

/* What a key that stands there without a value means: nothing. */
static bool
is_nothing (const Node *node)
{
  return node == NULL || node_is_null (node);
}

static bool
check_kind (const SeedConfig *config, const Node *node, NodeKind kind, const char *wanted,
            GError **error)
{
  return node->kind == kind
         || check_refuse (config->file, node, NULL, error, "“%s” must be %s", node->key, wanted);
}

static bool
refuse_key (const SeedConfig *config, const Node *node, const char *const *known, GError **error)
{
  Node at_key = { .line = node->key_line, .column = node->key_column };
  g_autofree char *shown = check_shown (node->key);
  g_autofree char *hint
      = nearest_hint (node->key, "keys here", known, g_strv_length ((char **) known));
  return check_refuse (config->file, &at_key, hint, error, "unknown key “%s”", shown);
}

static bool
check_keys (const SeedConfig *config, const Node *mapping, const char *const *known, GError **error)
{
  for (guint i = 0; i < mapping->children->len; i++)
    {
      const Node *child = mapping->children->pdata[i];
      if (!g_strv_contains (known, child->key))
        return refuse_key (config, child, known, error);
    }
  return true;
}

static bool
check_word (const SeedConfig *config, const Node *node, const char *what, GError **error)
{
  if (node->kind == NODE_SCALAR && !node_is_null (node) && *node->text != '\0')
    return true;
  return check_refuse (config->file, node, NULL, error, "this must be %s", what);
}

static bool
read_names (const SeedConfig *config, const Node *list, GPtrArray *names, GError **error)
{
  if (is_nothing (list))
    return true;
  if (!check_kind (config, list, NODE_SEQUENCE, "a list, as in [one, two]", error))
    return false;
  for (guint i = 0; i < list->children->len; i++)
    {
      const Node *child = list->children->pdata[i];
      if (!check_word (config, child, "the name of a table or a file", error))
        return false;
      SeedName *name = g_new0 (SeedName, 1);
      name->name = g_strdup (child->text);
      name->node = child;
      g_ptr_array_add (names, name);
    }
  return true;
}

/* --- keys ------------------------------------------------------------------------------------ */

static bool
read_key (SeedConfig *config, const Node *node, GError **error)
{
  g_autoptr (GPtrArray) columns = g_ptr_array_new_with_free_func (g_free);
  guint count = node->kind == NODE_SEQUENCE ? node->children->len : 1;
  if (count == 0)
    return check_refuse (config->file, node, NULL, error, "the key of “%s” has no column",
                         node->key);
  for (guint i = 0; i < count; i++)
    {
      const Node *column = node->kind == NODE_SEQUENCE ? node->children->pdata[i] : node;
      if (!check_word (config, column, "the name of a column", error))
        return false;
      for (guint j = 0; j < columns->len; j++)
        if (strcmp (columns->pdata[j], column->text) == 0)
          return check_refuse (config->file, column, "Remove one of the two.", error,
                               "column “%s” is there twice", column->text);
      g_ptr_array_add (columns, g_strdup (column->text));
    }
  g_ptr_array_add (columns, NULL);
  SeedKey *key = g_new0 (SeedKey, 1);
  key->table = g_strdup (node->key);
  key->columns = (char **) g_ptr_array_free (g_steal_pointer (&columns), FALSE);
  key->node = node;
  g_ptr_array_add (config->keys, key);
  return true;
}

static bool
read_keys (SeedConfig *config, const Node *keys, GError **error)
{
  if (is_nothing (keys))
    return true;
  if (!check_kind (config, keys, NODE_MAPPING, "a mapping of tables to columns", error))
    return false;
  for (guint i = 0; i < keys->children->len; i++)
    if (!read_key (config, keys->children->pdata[i], error))
      return false;
  return true;
}

/* --- expect ---------------------------------------------------------------------------------- */

static bool
read_count (const SeedConfig *config, const Node *node, int64_t *ret_count, GError **error)
{
  size_t length = node->kind == NODE_SCALAR ? strlen (node->text) : 0;
  if (length == 0 || length > COUNT_DIGITS_MAX || strspn (node->text, G_CSET_DIGITS) != length)
    return check_refuse (config->file, node, "Write it as 5, or as {count: 5, where: \"...\"}.",
                         error, "this must be a number of rows");
  *ret_count = g_ascii_strtoll (node->text, NULL, 10);
  return true;
}

static bool
read_limits (const SeedConfig *config, const Node *node, SeedExpect *expect, GError **error)
{
  static const char *const known[] = { "count", "min", "max", "where", NULL };
  const Node *count = node_find (node, "count"), *min = node_find (node, "min");
  const Node *max = node_find (node, "max"), *where = node_find (node, "where");
  if (!check_keys (config, node, known, error))
    return false;
  if ((count == NULL) == (min == NULL && max == NULL))
    return check_refuse (config->file, node, NULL, error,
                         "an expectation has “count”, or else “min” or “max”");
  if ((count != NULL && !read_count (config, count, &expect->min, error))
      || (min != NULL && !read_count (config, min, &expect->min, error))
      || (max != NULL && !read_count (config, max, &expect->max, error))
      || (where != NULL && !check_word (config, where, "a condition", error)))
    return false;
  if (count != NULL)
    expect->max = expect->min;
  if (where != NULL)
    expect->where = g_strdup (where->text);
  return true;
}

static bool
read_expect (const SeedConfig *config, const char *table, const Node *node, GPtrArray *expects,
             GError **error)
{
  SeedExpect *expect = g_new0 (SeedExpect, 1);
  g_ptr_array_add (expects, expect);
  expect->table = g_strdup (table);
  expect->max = -1;
  expect->node = node;
  if (node->kind == NODE_MAPPING)
    return read_limits (config, node, expect, error);
  if (!read_count (config, node, &expect->min, error))
    return false;
  expect->max = expect->min;
  return true;
}

static bool
read_expects (const SeedConfig *config, const Node *mapping, const Node *replaced_by,
              GPtrArray *expects, GError **error)
{
  if (is_nothing (mapping))
    return true;
  if (!check_kind (config, mapping, NODE_MAPPING, "a mapping of tables to numbers", error))
    return false;
  g_autoptr (GPtrArray) unused = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_expect_free);
  for (guint i = 0; i < mapping->children->len; i++)
    {
      const Node *child = mapping->children->pdata[i];
      bool is_replaced = false;
      for (guint j = 0; replaced_by != NULL && j < replaced_by->children->len; j++)
        is_replaced |= strcmp (((Node *) replaced_by->children->pdata[j])->key, child->key) == 0;
      GPtrArray *to = is_replaced ? unused : expects;
      bool is_list = child->kind == NODE_SEQUENCE;
      for (guint j = 0; j < (is_list ? child->children->len : 1); j++)
        if (!read_expect (config, child->key, is_list ? child->children->pdata[j] : child, to,
                          error))
          return false;
    }
  return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* The environment of that name; whatever is wrong in the others is found too. */
static bool
find_environment (const SeedConfig *config, const char *name, const Node **ret_node, GError **error)
{
  static const char *const known[] = { "essential", "clean", "expect", "generate", NULL };
  const Node *environments = node_find (config->root, "environments");
  if (is_nothing (environments))
    return true;
  if (!check_kind (config, environments, NODE_MAPPING, "a mapping of environments", error))
    return false;
  for (guint i = 0; i < environments->children->len; i++)
    {
      const Node *child = environments->children->pdata[i];
      g_autofree char *canonical = environment_canonical (child->key);
      if (!node_is_null (child)
          && (!check_kind (config, child, NODE_MAPPING, "a mapping", error)
              || !check_keys (config, child, known, error)))
        return false;
      if (strcmp (canonical, name) == 0)
        *ret_node = child;
    }
  return true;
}

static bool
read_all (SeedConfig *config, const char *environment, GError **error)
{
  static const char *const known[]
      = { "keys", "essential", "clean", "expect", "generate", "environments", NULL };
  const Node *root = config->root, *own = NULL;
  if (root->kind != NODE_MAPPING)
    return check_refuse (config->file, root, NULL, error, "this must be a mapping");
  if (!check_keys (config, root, known, error)
      || !find_environment (config, environment, &own, error))
    return false;
  config->has_environment = own != NULL;
  const Node *own_expect = node_find (own, "expect");
  if (own_expect != NULL && own_expect->kind != NODE_MAPPING)
    own_expect = NULL;
  const Node *generate = node_find (own, "generate");
  config->generate = generate != NULL ? generate : node_find (root, "generate");
  if (config->generate != NULL && node_is_null (config->generate))
    config->generate = NULL;
  return read_keys (config, node_find (root, "keys"), error)
         && read_names (config, node_find (root, "essential"), config->essential, error)
         && read_names (config, node_find (own, "essential"), config->essential, error)
         && read_names (config, node_find (root, "clean"), config->clean, error)
         && read_names (config, node_find (own, "clean"), config->clean, error)
         && read_expects (config, node_find (root, "expect"), own_expect, config->expect, error)
         && read_expects (config, node_find (own, "expect"), NULL, config->expect, error);
}

bool
seed_config_parse (const char *file, const char *text, size_t length, const char *environment,
                   SeedConfig **ret_config, GError **error)
{
  g_autoptr (SeedConfig) config = config_new (file);
  if (!node_parse (file, text, length, &config->root, error))
    return false;
  if (config->root != NULL && node_is_null (config->root))
    g_clear_pointer (&config->root, node_free);
  if (config->root != NULL && !read_all (config, environment, error))
    return false;
  *ret_config = g_steal_pointer (&config);
  return true;
}

bool
seed_config_read (const char *path, const char *file, const char *environment,
                  SeedConfig **ret_config, GError **error)
{
  g_autofree char *text = NULL;
  size_t length;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      *ret_config = config_new (file);
      return true;
    }
  return fs_read_text (path, SEED_CONFIG_MAX_BYTES, &text, &length, error)
         && seed_config_parse (file, text, length, environment, ret_config, error);
}
