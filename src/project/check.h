/*
 * Holds a YAML tree against libcyaml's schema tables and says, with line and column, what does not
 * fit: unknown keys, wrong types, missing values.
 */
#pragma once

#include "project/node.h"

#include <cyaml/cyaml.h>

/* False with KEEL_ERROR_CONFIG for the first thing in NODE that SCHEMA does not allow. */
bool check_node (const char *file, const Node *node, const cyaml_schema_value_t *schema,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets "FILE:LINE:COLUMN: MESSAGE" for NODE's value. Always returns false. */
bool check_refuse (const char *file, const Node *node, const char *hint, GError **error,
                   const char *format, ...) G_GNUC_PRINTF (5, 6);

/* TEXT as a message may show it: one line, not too long, passwords masked. Caller frees. */
char *check_shown (const char *text);
