#include "sql/tree.h"

#include <string.h>

const char *
sql_tree_text (const json_t *node, const char *key)
{
  return json_string_value (json_object_get (node, key));
}

bool
sql_tree_flag (const json_t *node, const char *key)
{
  return json_is_true (json_object_get (node, key));
}

long
sql_tree_number (const json_t *node, const char *key)
{
  return (long) json_integer_value (json_object_get (node, key));
}

bool
sql_tree_is (const json_t *node, const char *key, const char *value)
{
  return g_strcmp0 (sql_tree_text (node, key), value) == 0;
}

const char *
sql_tree_string (const json_t *node)
{
  return sql_tree_text (json_object_get (node, "String"), "sval");
}

const char *
sql_tree_last_name (const json_t *names)
{
  size_t count = json_array_size (names);
  return count > 0 ? sql_tree_string (json_array_get (names, count - 1)) : NULL;
}

const char *
sql_tree_schema_name (const json_t *names)
{
  size_t count = json_array_size (names);
  return count > 1 ? sql_tree_string (json_array_get (names, count - 2)) : NULL;
}

const json_t *
sql_tree_option (const json_t *list, const char *name)
{
  size_t index;
  json_t *element;
  json_array_foreach (list, index, element)
    {
      const json_t *option = json_object_get (element, "DefElem");
      if (sql_tree_is (option, "defname", name))
        return option;
    }
  return NULL;
}

const char *
sql_tree_option_text (const json_t *list, const char *name)
{
  const json_t *value = json_object_get (sql_tree_option (list, name), "arg");
  const char *text = sql_tree_string (value);
  if (text == NULL)
    text = sql_tree_last_name (json_object_get (json_object_get (value, "TypeName"), "names"));
  if (text == NULL)
    text = sql_tree_text (json_object_get (json_object_get (value, "A_Const"), "sval"), "sval");
  return text;
}

bool
sql_tree_option_is_on (const json_t *list, const char *name, bool if_missing)
{
  const json_t *option = sql_tree_option (list, name);
  const json_t *value = json_object_get (option, "arg");
  const char *word = sql_tree_option_text (list, name);
  if (option == NULL)
    return if_missing;
  if (value == NULL)
    return true;
  if (word != NULL)
    return g_ascii_strcasecmp (word, "false") != 0 && g_ascii_strcasecmp (word, "off") != 0
           && g_ascii_strcasecmp (word, "no") != 0 && strcmp (word, "0") != 0;
  return sql_tree_flag (json_object_get (value, "Boolean"), "boolval")
         || sql_tree_number (json_object_get (value, "Integer"), "ival") != 0;
}

/* jansson has bounded how deep a tree is. */
bool
sql_tree_visit (const json_t *tree, const char *kind, SqlTreeVisit visit, void *data)
{
  const char *key;
  json_t *value;
  size_t index;
  json_object_foreach ((json_t *) tree, key, value)
    {
      if (strcmp (key, kind) == 0 && json_is_object (value) && visit (value, data))
        return true;
      if (sql_tree_visit (value, kind, visit, data))
        return true;
    }
  json_array_foreach (tree, index, value)
    {
      if (sql_tree_visit (value, kind, visit, data))
        return true;
    }
  return false;
}

static bool
is_there (const json_t *node, void *data)
{
  return true;
}

bool
sql_tree_contains (const json_t *tree, const char *kind)
{
  return sql_tree_visit (tree, kind, is_there, NULL);
}
