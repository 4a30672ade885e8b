#include "project/node.h"

#include <string.h>
#include <yaml.h>

/* A project file has no reason for more. */
static const NodeLimits limits_strict = { .max_depth = 8, .max_nodes = 5000 };

const NodeLimits node_limits_foreign
    = { .max_depth = 64, .max_nodes = 100000, .max_aliased_bytes = (size_t) 4 * 1024 * 1024 };

/* What one parse carries along. */
typedef struct
{
  char *file; /* a g_ref_string */
  const NodeLimits *limits;
  bool is_foreign; /* aliases, tags, several documents */
  yaml_parser_t yaml;
  int node_count;
  size_t aliased_bytes;
  GHashTable
      *anchors; /* of the document: its name, Node. Copies, as merging takes mappings apart */
} Parse;

static void
parse_clear (Parse *parse)
{
  yaml_parser_delete (&parse->yaml);
  g_clear_pointer (&parse->anchors, g_hash_table_unref);
  g_clear_pointer (&parse->file, g_ref_string_release);
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
  g_free (node->tag);
  g_clear_pointer (&node->file, g_ref_string_release);
  g_clear_pointer (&node->children, g_ptr_array_unref);
  g_free (node);
}

/* Without its children. */
static Node *
node_copy_alone (const Node *node)
{
  Node *copy = g_memdup2 (node, sizeof *node);
  copy->key = g_strdup (node->key);
  copy->text = g_strdup (node->text);
  copy->tag = g_strdup (node->tag);
  copy->file = node->file != NULL ? g_ref_string_acquire (node->file) : NULL;
  if (node->children != NULL)
    copy->children = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free);
  return copy;
}

Node *
node_copy (const Node *node)
{
  Node *copy = node_copy_alone (node);
  for (guint i = 0; node->children != NULL && i < node->children->len; i++)
    g_ptr_array_add (copy->children, node_copy (node->children->pdata[i]));
  return copy;
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

static const char *
anchor_of (const yaml_event_t *event)
{
  switch (event->type)
    {
    case YAML_ALIAS_EVENT: return (const char *) event->data.alias.anchor;
    case YAML_SCALAR_EVENT: return (const char *) event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return (const char *) event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return (const char *) event->data.mapping_start.anchor;
    default: return NULL;
    }
}

static const char *
tag_of (const yaml_event_t *event)
{
  switch (event->type)
    {
    case YAML_SCALAR_EVENT: return (const char *) event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT: return (const char *) event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return (const char *) event->data.mapping_start.tag;
    default: return NULL;
    }
}

/* Anchors, aliases and tags make small files large and types doubtful. */
static bool
check_plain_yaml (const Parse *parse, const yaml_event_t *event, GError **error)
{
  const char *anchor = anchor_of (event), *tag = tag_of (event);
  if (parse->is_foreign)
    return true;
  if (anchor != NULL)
    return refuse (parse, event->start_mark, "Write the value out where it is used.",
                   "anchors and aliases (& and *) are not allowed", error);
  if (tag != NULL)
    return refuse (parse, event->start_mark, "Leave the tag out; quote a text that begins with !.",
                   "tags (!) are not allowed", error);
  return true;
}

static Node *
node_new (const Parse *parse, NodeKind kind, const yaml_event_t *event)
{
  Node *node = g_new0 (Node, 1);
  node->kind = kind;
  node->file = g_ref_string_acquire (parse->file);
  node->tag = g_strdup (tag_of (event));
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
  Node *node = node_new (parse, NODE_SCALAR, event);
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
      Node *child = NULL;
      if (!parse_value (parse, &event, depth, &child, error))
        return false;
      g_ptr_array_add (node->children, child);
    }
}

static bool
check_new_key (const Parse *parse, GHashTable *keys, const yaml_event_t *event, GError **error)
{
  const char *key = (const char *) event->data.scalar.value;
  const Node *first = g_hash_table_lookup (keys, key);
  if (first == NULL)
    return true;
  g_autofree char *message
      = g_strdup_printf ("“%s” is there twice (first on line %d)", key, first->key_line);
  return refuse (parse, event->start_mark, "Remove one of the two.", message, error);
}

static bool
is_merge_key (const Parse *parse, const yaml_event_t *key)
{
  return parse->is_foreign && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
         && strcmp ((const char *) key->data.scalar.value, "<<") == 0;
}

static bool
parse_key (Parse *parse, GHashTable *keys, const yaml_event_t *event, GError **error)
{
  if (!check_plain_yaml (parse, event, error))
    return false;
  if (event->type != YAML_SCALAR_EVENT
      || strlen ((const char *) event->data.scalar.value) != event->data.scalar.length)
    return refuse (parse, event->start_mark, "Write it as key: value.",
                   "a key must be a plain word", error);
  return is_merge_key (parse, event) || check_new_key (parse, keys, event, error);
}

/* Takes the children of FROM, a mapping, that are not among KEYS. */
static void
merge_mapping (Node *node, GHashTable *keys, Node *from)
{
  g_autoptr (GPtrArray) children = g_steal_pointer (&from->children);
  g_ptr_array_set_free_func (children, NULL);
  for (guint i = 0; i < children->len; i++)
    {
      Node *child = children->pdata[i];
      if (g_hash_table_contains (keys, child->key))
        {
          node_free (child);
          continue;
        }
      g_hash_table_insert (keys, child->key, child);
      g_ptr_array_add (node->children, child);
    }
}

/* Puts the keys of MERGED (what stood behind <<) where NODE has none of its own. */
static bool
merge_all (const Parse *parse, Node *node, GHashTable *keys, const GPtrArray *merged,
           GError **error)
{
  for (guint i = 0; i < merged->len; i++)
    {
      Node *from = merged->pdata[i];
      guint count = from->kind == NODE_SEQUENCE ? from->children->len : 1;
      for (guint j = 0; j < count; j++)
        {
          Node *mapping = from->kind == NODE_SEQUENCE ? from->children->pdata[j] : from;
          if (mapping->kind != NODE_MAPPING)
            return keel_error (error, KEEL_ERROR_CONFIG,
                               "Write << with a mapping, or a list of them.",
                               "%s:%d:%d: only mappings can be merged", parse->file, mapping->line,
                               mapping->column);
          merge_mapping (node, keys, mapping);
        }
    }
  return true;
}

static bool
parse_member (Parse *parse, const yaml_event_t *key, int depth, Node **ret_child, GError **error)
{
  g_auto (yaml_event_t) value = { 0 };
  Node *child = NULL;
  if (!next_event (parse, &value, error) || !parse_value (parse, &value, depth, &child, error))
    return false;
  child->key = g_strdup ((const char *) key->data.scalar.value);
  child->key_line = (int) key->start_mark.line + 1;
  child->key_column = (int) key->start_mark.column + 1;
  *ret_child = child;
  return true;
}

static bool
parse_mapping (Parse *parse, Node *node, int depth, GError **error)
{
  g_autoptr (GHashTable) keys = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) merged = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free);
  for (;;)
    {
      g_auto (yaml_event_t) key = { 0 };
      Node *child = NULL;
      if (!next_event (parse, &key, error))
        return false;
      if (key.type == YAML_MAPPING_END_EVENT)
        return merge_all (parse, node, keys, merged, error);
      if (!parse_key (parse, keys, &key, error)
          || !parse_member (parse, &key, depth, &child, error))
        return false;
      if (is_merge_key (parse, &key))
        {
          g_ptr_array_add (merged, child);
          continue;
        }
      g_hash_table_insert (keys, child->key, child);
      g_ptr_array_add (node->children, child);
    }
}

static bool
refuse_count (const Parse *parse, yaml_mark_t mark, GError **error)
{
  if (parse->is_foreign)
    return refuse (parse, mark, "Aliases that repeat aliases grow fast; write less of them.",
                   "there are too many values, or too much text is repeated", error);
  return refuse (parse, mark, "A project file has at most 5,000.", "there are too many values",
                 error);
}

static bool
refuse_depth (const Parse *parse, yaml_mark_t mark, GError **error)
{
  g_autofree char *hint
      = g_strdup_printf ("There may be at most %d levels.", parse->limits->max_depth);
  return refuse (parse, mark, parse->is_foreign ? hint : "A project file has at most 8 levels.",
                 "nested too deeply", error);
}

/* A copy of what stands at an anchor, counted as if it had been written out. */
static bool
copy_aliased (Parse *parse, const Node *node, yaml_mark_t mark, int depth, Node **ret_copy,
              GError **error)
{
  parse->aliased_bytes += node->text != NULL ? strlen (node->text) : 0;
  if (++parse->node_count > parse->limits->max_nodes
      || parse->aliased_bytes > parse->limits->max_aliased_bytes)
    return refuse_count (parse, mark, error);
  g_autoptr (Node) copy = node_copy_alone (node);
  if (node->kind == NODE_SCALAR)
    {
      *ret_copy = g_steal_pointer (&copy);
      return true;
    }
  if (depth >= parse->limits->max_depth)
    return refuse_depth (parse, mark, error);
  for (guint i = 0; i < node->children->len; i++)
    {
      Node *child = NULL;
      if (!copy_aliased (parse, node->children->pdata[i], mark, depth + 1, &child, error))
        return false;
      g_ptr_array_add (copy->children, child);
    }
  *ret_copy = g_steal_pointer (&copy);
  return true;
}

static bool
parse_alias (Parse *parse, const yaml_event_t *event, int depth, Node **ret_node, GError **error)
{
  const Node *anchored = g_hash_table_lookup (parse->anchors, anchor_of (event));
  if (anchored == NULL)
    return refuse (parse, event->start_mark,
                   "Give the anchor (&name) before it is used, and not around it.",
                   "an alias (*name) to an anchor that is not there", error);
  if (!copy_aliased (parse, anchored, event->start_mark, depth, ret_node, error))
    return false;
  /* The key is the place's own. */
  g_clear_pointer (&(*ret_node)->key, g_free);
  return true;
}

/* Only complete nodes are kept, so nothing can hold itself. */
static bool
keep_anchored (Parse *parse, const yaml_event_t *event, int depth, const Node *node, GError **error)
{
  Node *copy;
  const char *anchor = anchor_of (event);
  if (anchor == NULL)
    return true;
  if (!copy_aliased (parse, node, event->start_mark, depth, &copy, error))
    return false;
  g_hash_table_replace (parse->anchors, g_strdup (anchor), copy);
  return true;
}

static bool
parse_written (Parse *parse, const yaml_event_t *event, int depth, Node **ret_node, GError **error)
{
  if (++parse->node_count > parse->limits->max_nodes)
    return refuse_count (parse, event->start_mark, error);
  if (event->type == YAML_SCALAR_EVENT)
    return scalar_new (parse, event, ret_node, error);
  if (depth >= parse->limits->max_depth)
    return refuse_depth (parse, event->start_mark, error);

  bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
  g_autoptr (Node) node = node_new (parse, is_mapping ? NODE_MAPPING : NODE_SEQUENCE, event);
  if (is_mapping ? !parse_mapping (parse, node, depth + 1, error)
                 : !parse_sequence (parse, node, depth + 1, error))
    return false;
  *ret_node = g_steal_pointer (&node);
  return true;
}

static bool
parse_value (Parse *parse, const yaml_event_t *event, int depth, Node **ret_node, GError **error)
{
  g_autoptr (Node) node = NULL;
  if (!check_plain_yaml (parse, event, error))
    return false;
  if (event->type == YAML_ALIAS_EVENT)
    return parse_alias (parse, event, depth, ret_node, error);
  if (!parse_written (parse, event, depth, &node, error)
      || !keep_anchored (parse, event, depth, node, error))
    return false;
  *ret_node = g_steal_pointer (&node);
  return true;
}

/* Consumes the stream's start, its documents, and its end. Foreign texts may have several. */
static bool
parse_stream (Parse *parse, GPtrArray *documents, GError **error)
{
  for (;;)
    {
      g_auto (yaml_event_t) event = { 0 };
      Node *root = NULL;
      if (!next_event (parse, &event, error))
        return false;
      switch (event.type)
        {
        case YAML_STREAM_END_EVENT: return true;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
        case YAML_DOCUMENT_START_EVENT:
          if (documents->len > 0 && !parse->is_foreign)
            return refuse (parse, event.start_mark, "Keep everything in one document.",
                           "a second document (---) is not allowed", error);
          g_hash_table_remove_all (parse->anchors);
          break;
        default:
          if (!parse_value (parse, &event, 0, &root, error))
            return false;
          g_ptr_array_add (documents, root);
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

static bool
parse_text (const char *file, const char *text, size_t length, const NodeLimits *limits,
            bool is_foreign, GPtrArray **ret_documents, GError **error)
{
  g_autoptr (GPtrArray) documents = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free);
  if (!check_encoding (file, text, length, error))
    return false;
  g_auto (Parse) parse = { .limits = limits, .is_foreign = is_foreign };
  if (!yaml_parser_initialize (&parse.yaml))
    g_error ("out of memory");
  parse.file = g_ref_string_new (file);
  parse.anchors
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) node_free);
  yaml_parser_set_encoding (&parse.yaml, YAML_UTF8_ENCODING);
  if (g_str_has_prefix (text, "\xef\xbb\xbf"))
    {
      text += 3;
      length -= 3;
    }
  yaml_parser_set_input_string (&parse.yaml, (const unsigned char *) text, length);
  if (!parse_stream (&parse, documents, error))
    return false;
  *ret_documents = g_steal_pointer (&documents);
  return true;
}

bool
node_parse (const char *file, const char *text, size_t length, Node **ret_root, GError **error)
{
  g_autoptr (GPtrArray) documents = NULL;
  if (!parse_text (file, text, length, &limits_strict, false, &documents, error))
    return false;
  *ret_root = documents->len > 0 ? g_ptr_array_steal_index (documents, 0) : NULL;
  return true;
}

bool
node_parse_documents (const char *file, const char *text, size_t length, const NodeLimits *limits,
                      GPtrArray **ret_documents, GError **error)
{
  return parse_text (file, text, length, limits, true, ret_documents, error);
}

Node *
node_child (const Node *node, const char *key)
{
  if (node == NULL || node->kind != NODE_MAPPING)
    return NULL;
  for (guint i = 0; i < node->children->len; i++)
    {
      Node *child = node->children->pdata[i];
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
    node = node_child (node, *key);
  return node;
}

bool
node_is_null (const Node *node)
{
  return node->kind == NODE_SCALAR && node->is_plain
         && (*node->text == '\0' || strcmp (node->text, "~") == 0
             || g_ascii_strcasecmp (node->text, "null") == 0);
}
