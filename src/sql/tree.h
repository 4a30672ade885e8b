/*
 * Reading the parse trees of parse.h: JSON objects, in which what has its default is left out.
 *
 * Every function takes NULL for a node that is not there and answers as for an empty one, so that
 * whole paths can be followed without asking at each step. What is returned belongs to the tree.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* The text, flag or number under KEY; NULL, false, 0 without. */
const char *sql_tree_text (const json_t *node, const char *key);
bool sql_tree_flag (const json_t *node, const char *key);
long sql_tree_number (const json_t *node, const char *key);

/* Whether the text under KEY is VALUE: enum values are texts. */
bool sql_tree_is (const json_t *node, const char *key, const char *value);

/* The text of {"String": {"sval": ...}}. */
const char *sql_tree_string (const json_t *node);

/* Of a list of String nodes, the last, and the one before it. */
const char *sql_tree_last_name (const json_t *names);
const char *sql_tree_schema_name (const json_t *names);

/* The DefElem called NAME of a list of options, or NULL; what it says, whatever kind of node that is;
 * whether it is on (it is when it stands alone). */
const json_t *sql_tree_option (const json_t *list, const char *name);
const char *sql_tree_option_text (const json_t *list, const char *name);
bool sql_tree_option_is_on (const json_t *list, const char *name, bool if_missing);

/* Called for each object of the tree that stands under key KIND, from the root down; stops when it
 * returns true, and returns that. */
typedef bool (*SqlTreeVisit) (const json_t *node, void *data);
bool sql_tree_visit (const json_t *tree, const char *kind, SqlTreeVisit visit, void *data);

/* Whether there is any object under that key. */
bool sql_tree_contains (const json_t *tree, const char *kind);
