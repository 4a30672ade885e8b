#include "project/node.h"

#include <string.h>
#include <yaml.h>

#define MAX_DEPTH 8
#define MAX_NODES 5000

/* What one parse carries along. */
typedef struct
{
  const char *file;
  yaml_parser_t yaml;
  int node_count;
} Parse;

static void
parse_clear (Parse *parse)
{
  yaml_parser_delete (&parse->yaml);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parse, parse_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (yaml_event_t, yaml_event_delete)

void
node_free (Node *node)
{
  if (node == NULL)
    return;
  g_free (node->key);
  g_free (node->text);
  g_clear_pointer (&node->children, g_ptr_array_unref);
  g_free (node);
}

char *
node_place (const Node *node, const char *file)
{
  return g_strdup_printf ("%s:%d:%d", file, node->line, node->column);
}

static bool
refuse (const Parse *parse, yaml_mark_t mark, const char *hint, const char *message, GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s:%zu:%zu: %s", parse->file, mark.line + 1,
                     mark.column + 1, message);
}

/* libyaml tells where it stopped, and often also where the construct began that it was reading. */
static bool
refuse_syntax (const Parse *parse, GError **error)
{
  const yaml_parser_t *yaml = &parse->yaml;
  const char *problem = yaml->problem != NULL ? yaml->problem : "it cannot be read";
  g_autofree char *message = yaml->context != NULL
                                 ? g_strdup_printf ("not valid YAML: %s %s", problem, yaml->context)
                                 : g_strdup_printf ("not valid YAML: %s", problem);
  return refuse (parse, yaml->problem_mark, "Check the indentation, quotes and brackets there.",
                 message, error);
}

static bool
next_event (Parse *parse, yaml_event_t *ret_event, GError **error)
{
  if (!yaml_parser_parse (&parse->yaml, ret_event))
    return refuse_syntax (parse, error);
  return true;
}

/* Anchors, aliases and tags make small files large and types doubtful. */
static bool
check_plain_yaml (const Parse *parse, const yaml_event_t *event, GError **error)
{
  const yaml_char_t *anchor = NULL, *tag = NULL;
  switch (event->type)
    {
    case YAML_ALIAS_EVENT: anchor = event->data.alias.anchor; break;
    case YAML_SCALAR_EVENT:
      anchor = event->data.scalar.anchor;
      tag = event->data.scalar.tag;
      break;
    case YAML_SEQUENCE_START_EVENT:
      anchor = event->data.sequence_start.anchor;
      tag = event->data.sequence_start.tag;
      break;
    case YAML_MAPPING_START_EVENT:
      anchor = event->data.mapping_start.anchor;
      tag = event->data.mapping_start.tag;
      break;
    default: break;
    }
  if (anchor != NULL)
    return refuse (parse, event->start_mark, "Write the value out where it is used.",
                   "anchors and aliases (& and *) are not allowed", error);
  if (tag != NULL)
    return refuse (parse, event->start_mark, "Leave the tag out; quote a text that begins with !.",
                   "tags (!) are not allowed", error);
  return true;
}

static Node *
node_new (NodeKind kind, const yaml_event_t *event)
{
  Node *node = g_new0 (Node, 1);
  node->kind = kind;
  node->line = (int) event->start_mark.line + 1;
  node->column = (int) event->start_mark.column + 1;
  if (kind != NODE_SCALAR)
    node->children = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free);
  return node;
}

static bool
scalar_new (const Parse *parse, const yaml_event_t *event, Node **ret_node, GError **error)
{
  const char *text = (const char *) event->data.scalar.value;
  if (strlen (text) != event->data.scalar.length)
    return refuse (parse, event->start_mark, "Remove the \\0 from the text.",
                   "a NUL character is not allowed", error);
  Node *node = node_new (NODE_SCALAR, event);
  node->text = g_strdup (text);
  node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  *ret_node = node;
  return true;
}

static bool parse_value (Parse *parse, const yaml_event_t *event, int depth, Node **ret_node,
                         GError **error);

static bool
parse_sequence (Parse *parse, Node *node, int depth, GError **error)
{
  for (;;)
    {
      g_auto (yaml_event_t) event = { 0 };
      if (!next_event (parse, &event, error))
        return false;
      if (event.type == YAML_SEQUENCE_END_EVENT)
        return true;
      Node *child;
      if (!parse_value (parse, &event, depth, &child, error))
        return false;
      g_ptr_array_add (node->children, child);
    }
}

static bool
check_new_key (const Parse *parse, const Node *mapping, const yaml_event_t *event, GError **error)
{
  const char *key = (const char *) event->data.scalar.value;
  for (guint i = 0; i < mapping->children->len; i++)
    {
      const Node *child = mapping->children->pdata[i];
      if (strcmp (child->key, key) != 0)
        continue;
      g_autofree char *message
          = g_strdup_printf ("“%s” is there twice (first on line %d)", key, child->key_line);
      return refuse (parse, event->start_mark, "Remove one of the two.", message, error);
    }
  return true;
}

static bool
parse_key (Parse *parse, const Node *mapping, const yaml_event_t *event, GError **error)
{
  if (!check_plain_yaml (parse, event, error))
    return false;
  if (event->type != YAML_SCALAR_EVENT
      || strlen ((const char *) event->data.scalar.value) != event->data.scalar.length)
    return refuse (parse, event->start_mark, "Write it as key: value.",
                   "a key must be a plain word", error);
  return check_new_key (parse, mapping, event, error);
}

static bool
parse_mapping (Parse *parse, Node *node, int depth, GError **error)
{
  for (;;)
    {
      g_auto (yaml_event_t) key = { 0 };
      g_auto (yaml_event_t) value = { 0 };
      if (!next_event (parse, &key, error))
        return false;
      if (key.type == YAML_MAPPING_END_EVENT)
        return true;
      Node *child;
      if (!parse_key (parse, node, &key, error) || !next_event (parse, &value, error)
          || !parse_value (parse, &value, depth, &child, error))
        return false;
      child->key = g_strdup ((const char *) key.data.scalar.value);
      child->key_line = (int) key.start_mark.line + 1;
      child->key_column = (int) key.start_mark.column + 1;
      g_ptr_array_add (node->children, child);
    }
}

static bool
parse_value (Parse *parse, const yaml_event_t *event, int depth, Node **ret_node, GError **error)
{
  if (!check_plain_yaml (parse, event, error))
    return false;
  if (++parse->node_count > MAX_NODES)
    return refuse (parse, event->start_mark, "A project file has at most 5,000.",
                   "there are too many values", error);
  if (event->type == YAML_SCALAR_EVENT)
    return scalar_new (parse, event, ret_node, error);
  if (depth >= MAX_DEPTH)
    return refuse (parse, event->start_mark, "A project file has at most 8 levels.",
                   "nested too deeply", error);

  bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
  g_autoptr (Node) node = node_new (is_mapping ? NODE_MAPPING : NODE_SEQUENCE, event);
  if (is_mapping ? !parse_mapping (parse, node, depth + 1, error)
                 : !parse_sequence (parse, node, depth + 1, error))
    return false;
  *ret_node = g_steal_pointer (&node);
  return true;
}

/* Consumes the stream's start, the only document, and the end of both. */
static bool
parse_stream (Parse *parse, Node **ret_root, GError **error)
{
  g_autoptr (Node) root = NULL;
  for (;;)
    {
      g_auto (yaml_event_t) event = { 0 };
      if (!next_event (parse, &event, error))
        return false;
      switch (event.type)
        {
        case YAML_STREAM_END_EVENT: *ret_root = g_steal_pointer (&root); return true;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
        case YAML_DOCUMENT_START_EVENT:
          if (root != NULL)
            return refuse (parse, event.start_mark, "Keep everything in one document.",
                           "a second document (---) is not allowed", error);
          break;
        default:
          if (!parse_value (parse, &event, 0, &root, error))
            return false;
        }
    }
}

/* libyaml would take UTF-16 too, and says little about bytes it cannot decode. */
static bool
check_encoding (const char *file, const char *text, size_t length, GError **error)
{
  const char *end;
  if (g_utf8_validate (text, (gssize) length, &end))
    return true;
  int line = 1;
  const char *line_start = text;
  for (const char *at = text; at < end; at++)
    if (*at == '\n')
      {
        line++;
        line_start = at + 1;
      }
  return keel_error (error, KEEL_ERROR_CONFIG, "Save the file as UTF-8.",
                     "%s:%d:%ld: a byte that is not UTF-8 text", file, line,
                     g_utf8_strlen (line_start, end - line_start) + 1);
}

bool
node_parse (const char *file, const char *text, size_t length, Node **ret_root, GError **error)
{
  if (!check_encoding (file, text, length, error))
    return false;
  g_auto (Parse) parse = { .file = file };
  if (!yaml_parser_initialize (&parse.yaml))
    g_error ("out of memory");
  yaml_parser_set_encoding (&parse.yaml, YAML_UTF8_ENCODING);
  if (g_str_has_prefix (text, "\xef\xbb\xbf"))
    {
      text += 3;
      length -= 3;
    }
  yaml_parser_set_input_string (&parse.yaml, (const unsigned char *) text, length);
  return parse_stream (&parse, ret_root, error);
}

static const Node *
child_called (const Node *mapping, const char *key)
{
  if (mapping == NULL || mapping->kind != NODE_MAPPING)
    return NULL;
  for (guint i = 0; i < mapping->children->len; i++)
    {
      const Node *child = mapping->children->pdata[i];
      if (strcmp (child->key, key) == 0)
        return child;
    }
  return NULL;
}

const Node *
node_find (const Node *root, const char *path)
{
  g_auto (GStrv) keys = g_strsplit (path, ".", -1);
  const Node *node = root;
  for (char **key = keys; *key != NULL && node != NULL; key++)
    node = child_called (node, *key);
  return node;
}

bool
node_is_null (const Node *node)
{
  return node->kind == NODE_SCALAR && node->is_plain
         && (*node->text == '\0' || strcmp (node->text, "~") == 0
             || g_ascii_strcasecmp (node->text, "null") == 0);
}
