/*
 * Cuts SQL text into words, literals, operators and comments, as PostgreSQL's scanner would.
 *
 * Independent of any version of libpg_query, so that what is computed from tokens and kept (a
 * fingerprint) stays the same over years. Judges nothing and never fails: an unclosed quote or
 * comment runs to the end. The text must have standard_conforming_strings on.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum
{
  SQL_TOKEN_WORD,      /* a key word or an unquoted name */
  SQL_TOKEN_QUOTED,    /* "name", U&"name" */
  SQL_TOKEN_STRING,    /* 'x', E'x', B'x', N'x', U&'x' */
  SQL_TOKEN_DOLLAR,    /* $tag$x$tag$ */
  SQL_TOKEN_NUMBER,    /* 1, 1.5e3, 0xff, and parameters: $1 */
  SQL_TOKEN_OPERATOR,  /* a run of operator characters, or one of ( ) [ ] , . : */
  SQL_TOKEN_SEMICOLON, /* ; */
  SQL_TOKEN_COMMENT,   /* -- to the end of the line (without it), or a nested one */
} SqlTokenKind;

typedef struct
{
  SqlTokenKind kind;
  size_t start, length; /* in bytes of the text */
} SqlToken;

/* Reads the token at or after *AT and moves *AT behind it; white space is skipped. False at the
 * end. */
bool sql_token_next (const char *text, size_t length, size_t *at, SqlToken *ret_token);

/* As above, but comments are skipped too. */
bool sql_token_next_word (const char *text, size_t length, size_t *at, SqlToken *ret_token);

/* True when TOKEN is the unquoted word WORD, in any case. */
bool sql_token_is (const char *text, const SqlToken *token, const char *word);

/* True when the text begins with these words (NULL-terminated), comments aside. */
bool sql_begins_with (const char *text, size_t length, const char *const *words);

/* The first COUNT tokens as they are written, one space between them; for messages. Caller frees. */
char *sql_first_words (const char *text, size_t length, unsigned int count);

/* The text between the tags of a dollar-quoted string. */
SqlToken sql_token_dollar_body (const char *text, const SqlToken *token);
