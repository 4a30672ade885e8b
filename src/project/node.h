/*
 * A YAML document as a tree that remembers where everything stands, so that every message about
 * pgkeel.yaml can name a line and a column.
 *
 * node_parse reads one document of scalars, sequences and mappings. It refuses what a configuration
 * has no use for and an attacker has: anchors and aliases, tags, merge keys, a second document, the
 * same key twice, deep nesting, bytes that are not UTF-8.
 *
 * node_parse_documents is for files of other programs, which use all that: it resolves aliases and
 * merge keys within limits, keeps tags, and reads every document.
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
  char *tag;     /* "!reset"; NULL: none. Only from node_parse_documents */
  char *file;    /* as it was given to the parser; a g_ref_string */
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

/* How much node_parse_documents takes. */
typedef struct
{
  int max_depth;            /* levels of nesting, aliases resolved */
  int max_nodes;            /* values in the whole text, aliases resolved */
  size_t max_aliased_bytes; /* of texts that aliases repeat */
} NodeLimits;

/* What files of other programs may have: 64 levels, 100,000 values, 4 MiB repeated. */
extern const NodeLimits node_limits_foreign;

/* Parses all documents of TEXT, of LENGTH bytes and NUL-terminated. An alias is a copy of what it stands for, which keeps its
 * place; of keys that come by a merge key (<<), those written in the mapping itself win, then the
 * first. Tags are kept and not followed. *RET_DOCUMENTS: of Node, empty documents left out. An alias
 * to what encloses it, and whatever exceeds LIMITS, is refused. */
bool node_parse_documents (const char *file, const char *text, size_t length,
                           const NodeLimits *limits, GPtrArray **ret_documents, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A copy of NODE and all below it, its key included. Caller frees. */
Node *node_copy (const Node *node);

/* The child of a mapping with this key; NULL when there is none, or NODE is NULL or no mapping. Unlike
 * node_find, takes a key with dots in it. */
Node *node_child (const Node *node, const char *key);

/* The value at PATH, keys joined by dots ("backup.keep.db"); NULL when there is none. */
const Node *node_find (const Node *root, const char *path);

/* A plain empty value, ~ or null. */
bool node_is_null (const Node *node);

/* "FILE:LINE:COLUMN". Caller frees. */
char *node_place (const Node *node, const char *file);
