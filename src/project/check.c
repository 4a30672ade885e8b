#include "project/check.h"
#include "base/text.h"
#include "project/nearest.h"

#include <string.h>

#define SHOWN_CHARS 60

char *
check_shown (const char *text)
{
  g_autofree char *masked = text_mask_url (text);
  g_autofree char *line = text_first_line (masked);
  if (g_utf8_strlen (line, -1) <= SHOWN_CHARS)
    return g_steal_pointer (&line);
  g_autofree char *start = g_utf8_substring (line, 0, SHOWN_CHARS);
  return g_strdup_printf ("%s…", start);
}

static bool
refuse_at (const char *file, int line, int column, const char *hint, const char *message,
           GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s:%d:%d: %s", file, line, column, message);
}

bool
check_refuse (const char *file, const Node *node, const char *hint, GError **error,
              const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  return refuse_at (file, node->line, node->column, hint, message, error);
}

/* What a message calls the value: its key, or the place it has in a list. */
static char *
called (const Node *node)
{
  if (node->key == NULL)
    return g_strdup ("the value");
  g_autofree char *key = check_shown (node->key);
  return g_strdup_printf ("“%s”", key);
}

static bool
refuse_null (const char *file, const Node *node, GError **error)
{
  g_autofree char *name = called (node);
  return check_refuse (file, node, "Write a value after the colon, or remove the key.", error,
                       "%s has no value", name);
}

static bool
refuse_kind (const char *file, const Node *node, const char *wanted, const char *hint,
             GError **error)
{
  static const char *const kinds[] = { "a text", "a list", "a mapping" };
  if (node_is_null (node))
    return refuse_null (file, node, error);
  g_autofree char *name = called (node);
  return check_refuse (file, node, hint, error, "%s must be %s, not %s", name, wanted,
                       kinds[node->kind]);
}

static bool
refuse_text (const char *file, const Node *node, const char *wanted, const char *hint,
             GError **error)
{
  if (node_is_null (node))
    return refuse_null (file, node, error);
  g_autofree char *name = called (node);
  g_autofree char *shown = check_shown (node->text);
  return check_refuse (file, node, hint, error, "%s must be %s, not %s“%s”", name, wanted,
                       node->is_plain ? "" : "the text ", shown);
}

static bool
refuse_key (const char *file, const Node *child, const cyaml_schema_field_t *fields, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  for (; fields->key != NULL; fields++)
    g_ptr_array_add (keys, (gpointer) fields->key);
  g_autofree char *hint
      = nearest_hint (child->key, "keys here", (const char *const *) keys->pdata, keys->len);
  g_autofree char *shown = check_shown (child->key);
  g_autofree char *message = g_strdup_printf ("unknown key “%s”", shown);
  return refuse_at (file, child->key_line, child->key_column, hint, message, error);
}

static const cyaml_schema_field_t *
field_called (const cyaml_schema_field_t *fields, const char *key)
{
  for (; fields->key != NULL; fields++)
    if (strcmp (fields->key, key) == 0)
      return fields;
  return NULL;
}

static bool
check_mapping (const char *file, const Node *node, const cyaml_schema_value_t *schema,
               GError **error)
{
  if (node->kind != NODE_MAPPING)
    return refuse_kind (file, node, "a mapping", "Write its keys below it, indented, one a line.",
                        error);
  for (guint i = 0; i < node->children->len; i++)
    {
      const Node *child = node->children->pdata[i];
      const cyaml_schema_field_t *field = field_called (schema->mapping.fields, child->key);
      if (field == NULL)
        return refuse_key (file, child, schema->mapping.fields, error);
      if (!check_node (file, child, &field->value, error))
        return false;
    }
  return true;
}

static bool
check_sequence (const char *file, const Node *node, const cyaml_schema_value_t *schema,
                GError **error)
{
  if (node->kind != NODE_SEQUENCE)
    return refuse_kind (file, node, "a list", "Write it as [one, two].", error);
  for (guint i = 0; i < node->children->len; i++)
    if (!check_node (file, node->children->pdata[i], schema->sequence.entry, error))
      return false;
  return true;
}

static bool
check_bool (const char *file, const Node *node, GError **error)
{
  static const char hint[] = "Write true or false, without quotes.";
  if (node->kind != NODE_SCALAR)
    return refuse_kind (file, node, "true or false", hint, error);
  bool is_bool = strcmp (node->text, "true") == 0 || strcmp (node->text, "false") == 0;
  return (is_bool && node->is_plain) || refuse_text (file, node, "true or false", hint, error);
}

static bool
check_uint (const char *file, const Node *node, GError **error)
{
  static const char hint[] = "Write digits only, without quotes.";
  if (node->kind != NODE_SCALAR)
    return refuse_kind (file, node, "a whole number", hint, error);
  size_t length = strlen (node->text);
  bool is_number = length > 0 && length <= 9 && strspn (node->text, G_CSET_DIGITS) == length;
  return (is_number && node->is_plain) || refuse_text (file, node, "a whole number", hint, error);
}

static bool
check_string (const char *file, const Node *node, const cyaml_schema_value_t *schema,
              GError **error)
{
  if (node->kind != NODE_SCALAR)
    return refuse_kind (file, node, "a text", "Put quotes around a text that begins with { or [.",
                        error);
  if (node_is_null (node))
    return refuse_null (file, node, error);
  g_autofree char *name = called (node);
  if (strlen (node->text) < schema->string.min)
    return check_refuse (file, node, "Write a value, or remove the key.", error, "%s is empty",
                         name);
  if (strlen (node->text) > schema->string.max)
    return check_refuse (file, node, NULL, error, "%s is longer than %u bytes", name,
                         schema->string.max);
  return true;
}

bool
check_node (const char *file, const Node *node, const cyaml_schema_value_t *schema, GError **error)
{
  bool may_be_null = (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL;
  if (may_be_null && node_is_null (node))
    return true;
  switch (schema->type)
    {
    case CYAML_MAPPING: return check_mapping (file, node, schema, error);
    case CYAML_SEQUENCE: return check_sequence (file, node, schema, error);
    case CYAML_BOOL: return check_bool (file, node, error);
    case CYAML_UINT: return check_uint (file, node, error);
    case CYAML_STRING: return check_string (file, node, schema, error);
    default: g_assert_not_reached ();
    }
}
