#include "sql/split.h"

#include <string.h>

typedef struct
{
  const char *text;
  size_t length;
  size_t at;
  /* Of the statement being read: */
  int paren_depth;
  int block_depth; /* of BEGIN ATOMIC and of CASE inside it */
  int word_count;  /* words seen outside parentheses */
  bool is_create;  /* first word is CREATE */
  bool is_routine; /* CREATE [OR REPLACE] FUNCTION or PROCEDURE */
} Scanner;

static bool
is_word_start (char c)
{
  return g_ascii_isalpha (c) || c == '_' || (c & 0x80) != 0;
}

static bool
is_word_part (char c)
{
  return is_word_start (c) || g_ascii_isdigit (c) || c == '$';
}

static char
peek (const Scanner *scanner, size_t ahead)
{
  size_t at = scanner->at + ahead;
  return at < scanner->length ? scanner->text[at] : '\0';
}

static void
skip_line_comment (Scanner *scanner)
{
  const char *end = memchr (scanner->text + scanner->at, '\n', scanner->length - scanner->at);
  scanner->at = end != NULL ? (size_t) (end - scanner->text) : scanner->length;
}

static void
skip_block_comment (Scanner *scanner)
{
  int depth = 0;
  while (scanner->at < scanner->length)
    {
      if (peek (scanner, 0) == '/' && peek (scanner, 1) == '*')
        depth++, scanner->at += 2;
      else if (peek (scanner, 0) == '*' && peek (scanner, 1) == '/')
        {
          scanner->at += 2;
          if (--depth == 0)
            return;
        }
      else
        scanner->at++;
    }
}

/* At the opening quote. A doubled quote closes and opens again, which comes to the same. */
static void
skip_quoted (Scanner *scanner, char quote, bool backslashes)
{
  for (scanner->at++; scanner->at < scanner->length; scanner->at++)
    {
      char c = scanner->text[scanner->at];
      if (backslashes && c == '\\')
        scanner->at++;
      else if (c == quote)
        {
          scanner->at++;
          return;
        }
    }
  scanner->at = scanner->length;
}

/* At a '$': skips a dollar-quoted string and returns true, or returns false for anything else. */
static bool
skip_dollar_quoted (Scanner *scanner)
{
  size_t end = scanner->at + 1;
  if (end < scanner->length && g_ascii_isdigit (scanner->text[end]))
    return false;
  while (end < scanner->length && scanner->text[end] != '$' && is_word_part (scanner->text[end]))
    end++;
  if (end >= scanner->length || scanner->text[end] != '$')
    return false;
  size_t tag_length = end + 1 - scanner->at;
  const char *tag = scanner->text + scanner->at;
  const char *close = memmem (tag + tag_length, scanner->length - end - 1, tag, tag_length);
  scanner->at = close != NULL ? (size_t) (close - scanner->text) + tag_length : scanner->length;
  return true;
}

static bool
word_is (const char *word, size_t length, const char *expected)
{
  return strlen (expected) == length && g_ascii_strncasecmp (word, expected, length) == 0;
}

/* Follows just enough grammar to know the semicolons inside BEGIN ATOMIC bodies. */
static void
note_word (Scanner *scanner, const char *word, size_t length)
{
  if (scanner->paren_depth > 0)
    return;
  scanner->word_count++;
  if (scanner->word_count == 1)
    scanner->is_create = word_is (word, length, "create");
  else if (scanner->is_create && scanner->word_count <= 4
           && (word_is (word, length, "function") || word_is (word, length, "procedure"))
           && (scanner->word_count == 2 || scanner->word_count == 4))
    scanner->is_routine = true;
  if (!scanner->is_routine)
    return;
  if (word_is (word, length, "begin"))
    scanner->block_depth++;
  else if (scanner->block_depth > 0 && word_is (word, length, "case"))
    scanner->block_depth++;
  else if (scanner->block_depth > 0 && word_is (word, length, "end"))
    scanner->block_depth--;
}

static void
skip_word (Scanner *scanner)
{
  size_t start = scanner->at;
  while (scanner->at < scanner->length && is_word_part (scanner->text[scanner->at]))
    scanner->at++;
  size_t length = scanner->at - start;
  char quote = peek (scanner, 0);
  if (quote == '\'' && length == 1 && (scanner->text[start] | 0x20) == 'e')
    skip_quoted (scanner, '\'', true);
  else
    note_word (scanner, scanner->text + start, length);
}

/* Skips white space or a comment; false when there is neither. */
static bool
skip_blank (Scanner *scanner)
{
  char c = peek (scanner, 0);
  if (g_ascii_isspace (c) || c == '\v')
    scanner->at++;
  else if (c == '-' && peek (scanner, 1) == '-')
    skip_line_comment (scanner);
  else if (c == '/' && peek (scanner, 1) == '*')
    skip_block_comment (scanner);
  else
    return false;
  return true;
}

static void
skip_token (Scanner *scanner)
{
  char c = peek (scanner, 0);
  if (c == '\'' || c == '"')
    skip_quoted (scanner, c, false);
  else if (c == '$' && skip_dollar_quoted (scanner))
    return;
  else if (is_word_start (c))
    skip_word (scanner);
  else if (g_ascii_isdigit (c))
    while (scanner->at < scanner->length && is_word_part (scanner->text[scanner->at]))
      scanner->at++;
  else
    {
      scanner->paren_depth += (c == '(') - (c == ')' && scanner->paren_depth > 0);
      scanner->at++;
    }
}

/* Reads up to and including the next semicolon; false at the end of the text. */
static bool
next_statement (Scanner *scanner, SqlStatement *ret_statement)
{
  size_t offset = scanner->at;
  scanner->paren_depth = scanner->block_depth = scanner->word_count = 0;
  scanner->is_create = scanner->is_routine = false;
  while (scanner->at < scanner->length && skip_blank (scanner))
    ;
  size_t start = scanner->at;
  size_t end = start;
  while (scanner->at < scanner->length)
    {
      if (skip_blank (scanner))
        continue;
      if (peek (scanner, 0) == ';' && scanner->paren_depth == 0 && scanner->block_depth == 0)
        break;
      skip_token (scanner);
      end = scanner->at;
    }
  bool found = start < scanner->length;
  scanner->at += scanner->at < scanner->length;
  *ret_statement = (SqlStatement){ offset, start, end - start };
  return found;
}

GArray *
sql_split (const char *text, size_t length)
{
  GArray *statements = g_array_new (FALSE, FALSE, sizeof (SqlStatement));
  Scanner scanner = { .text = text, .length = length };
  SqlStatement statement;
  while (next_statement (&scanner, &statement))
    if (statement.length > 0)
      g_array_append_val (statements, statement);
  return statements;
}

bool
sql_split_next (const char *text, size_t length, size_t *at, SqlStatement *ret_statement)
{
  Scanner scanner = { .text = text, .length = length, .at = *at };
  SqlStatement statement;
  while (next_statement (&scanner, &statement))
    if (statement.length > 0)
      {
        *at = scanner.at;
        *ret_statement = statement;
        return true;
      }
  *at = scanner.at;
  return false;
}
