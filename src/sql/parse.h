/*
 * Parses SQL with PostgreSQL's own grammar (libpg_query).
 *
 * libpg_query overflows its stack on deep input and cannot be interrupted, so it runs in a child
 * process with limits on memory, stack and time; a child that dies is replaced. What it cannot
 * parse is unknown, never harmless: callers must treat it so. The grammar is that of one major
 * version of PostgreSQL (sql_parser_version), which newer statements may be ahead of.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* One child process; used by one thread at a time. */
typedef struct SqlParser SqlParser;

/* Starts nothing yet: the child comes with the first statement. Caller frees. */
SqlParser *sql_parser_new (void);
void sql_parser_free (SqlParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SqlParser, sql_parser_free)

/* The major version of PostgreSQL whose grammar this is, e.g. 15. */
int sql_parser_version (void);

/* Parses one statement. *RET_TREE becomes the JSON object of libpg_query's parse tree for that
 * statement's "stmt" (one member, named by the kind of node, e.g. {"AlterTableStmt": {...}}), or
 * NULL if the text cannot be parsed; then *RET_MESSAGE holds the parser's words and *RET_POSITION
 * the byte where it stopped (both may be NULL). False only when no child can be started. The caller
 * owns what is returned. */
bool sql_parse (SqlParser *parser, const char *text, size_t length, json_t **ret_tree,
                char **ret_message, size_t *ret_position, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A digest of what a text of many statements means, in two forms that comments, white space, line
 * ends, the case of words and semicolons to spare do not change: "tokens:<32 hex>" from the words
 * alone, and, when all of it can be parsed, " pg15:<32 hex>" from the parse trees without their
 * locations. Two texts mean the same when either form is equal. False only when no child can be
 * started. Caller frees. */
bool sql_fingerprint (SqlParser *parser, const char *text, size_t length, char **ret_fingerprint,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool sql_fingerprint_equal (const char *a, const char *b);
