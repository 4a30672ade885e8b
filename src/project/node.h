/*
 * A YAML document as a tree that remembers where everything stands, so that every message about
 * pgkeel.yaml can name a line and a column.
 *
 * Reads one document of scalars, sequences and mappings. Refuses what a configuration has no use
 * for and an attacker has: anchors and aliases, tags, merge keys, a second document, the same key
 * twice, deep nesting, bytes that are not UTF-8.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

typedef enum
{
  NODE_SCALAR,
  NODE_SEQUENCE,
  NODE_MAPPING,
} NodeKind;

typedef struct Node Node;
struct Node
{
  NodeKind kind;
  char *key;     /* in a mapping: its key; NULL elsewhere */
  char *text;    /* of a scalar */
  bool is_plain; /* a scalar without quotes */
  int line;      /* of the value, from 1 */
  int column;    /* in characters, from 1 */
  int key_line;  /* of the key */
  int key_column;
  GPtrArray *children; /* of Node; of a sequence or a mapping */
};

void node_free (Node *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Node, node_free)

/* Parses TEXT of LENGTH bytes. FILE is for messages. An empty document gives NULL and true. */
bool node_parse (const char *file, const char *text, size_t length, Node **ret_root, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The value at PATH, keys joined by dots ("backup.keep.db"); NULL when there is none. */
const Node *node_find (const Node *root, const char *path);

/* A plain empty value, ~ or null. */
bool node_is_null (const Node *node);

/* "FILE:LINE:COLUMN". Caller frees. */
char *node_place (const Node *node, const char *file);
