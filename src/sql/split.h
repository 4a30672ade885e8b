/*
 * Splits SQL text into statements, as psql's own scanner would.
 *
 * Knows quotes, E'' strings, dollar quotes, nested comments, parentheses and the bodies of
 * SQL-standard functions (BEGIN ATOMIC ... END). libpg_query's scanner-based splitter is not used
 * here: the version of PostgreSQL 15 cuts such bodies apart. It does not judge statements, and it
 * does not know psql's meta-commands or COPY data.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct
{
  size_t offset; /* of the first byte after the previous statement's semicolon */
  size_t start;  /* of the first byte that is neither white space nor in a comment */
  size_t length; /* from start to before the semicolon */
} SqlStatement;

/* Returns an array of SqlStatement, in order; empty statements are left out. What follows the last
 * semicolon is a statement of its own unless it is blank. The text must have
 * standard_conforming_strings on. Never fails: an unclosed quote runs to the end. Caller frees. */
GArray *sql_split (const char *text, size_t length);

/* The same one by one, for texts that hold more than SQL (COPY data): reads the statement that begins
 * at or after *AT, and moves *AT behind its semicolon. False at the end. */
bool sql_split_next (const char *text, size_t length, size_t *at, SqlStatement *ret_statement);
