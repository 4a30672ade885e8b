#include "sql/token.h"

#include <string.h>

#define OPERATOR_CHARACTERS "+-*/<>=~!@#%^&|`?"

static bool
is_space (char c)
{
  return g_ascii_isspace (c) || c == '\v';
}

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
at_or_nul (const char *text, size_t length, size_t at)
{
  return at < length ? text[at] : '\0';
}

static size_t
end_of_line (const char *text, size_t length, size_t at)
{
  const char *end = memchr (text + at, '\n', length - at);
  size_t stop = end != NULL ? (size_t) (end - text) : length;
  return stop > at && text[stop - 1] == '\r' ? stop - 1 : stop;
}

static size_t
end_of_comment (const char *text, size_t length, size_t at)
{
  int depth = 0;
  while (at < length)
    {
      char c = text[at], next = at_or_nul (text, length, at + 1);
      if (c == '/' && next == '*')
        depth++, at += 2;
      else if (c == '*' && next == '/')
        {
          at += 2;
          if (--depth == 0)
            break;
        }
      else
        at++;
    }
  return MIN (at, length);
}

/* AT is the opening quote; a doubled quote does not end it. */
static size_t
end_of_quoted (const char *text, size_t length, size_t at, bool backslashes)
{
  char quote = text[at++];
  for (; at < length; at++)
    {
      if (backslashes && text[at] == '\\')
        at++;
      else if (text[at] == quote)
        {
          if (at_or_nul (text, length, at + 1) != quote)
            return at + 1;
          at++;
        }
    }
  return length;
}

/* How long the tag at AT is, "$x$" 3; 0 when it is none. */
static size_t
dollar_tag_length (const char *text, size_t length, size_t at)
{
  size_t end = at + 1;
  if (end < length && g_ascii_isdigit (text[end]))
    return 0;
  while (end < length && text[end] != '$' && is_word_part (text[end]))
    end++;
  return end < length && text[end] == '$' ? end + 1 - at : 0;
}

static size_t
end_of_dollar (const char *text, size_t length, size_t at, size_t tag_length)
{
  size_t body = at + tag_length;
  const char *close = memmem (text + body, length - body, text + at, tag_length);
  return close != NULL ? (size_t) (close - text) + tag_length : length;
}

static size_t
end_of_word (const char *text, size_t length, size_t at)
{
  while (at < length && is_word_part (text[at]))
    at++;
  return at;
}

static size_t
end_of_number (const char *text, size_t length, size_t at)
{
  for (; at < length; at++)
    {
      char c = text[at];
      bool is_sign = (c == '+' || c == '-') && (text[at - 1] | 0x20) == 'e'
                     && g_ascii_isdigit (at_or_nul (text, length, at + 1));
      if (!is_word_part (c) && c != '.' && !is_sign)
        break;
    }
  return at;
}

/* A run of operator characters ends before a comment. */
static size_t
end_of_operator (const char *text, size_t length, size_t at)
{
  size_t start = at;
  while (at < length && strchr (OPERATOR_CHARACTERS, text[at]) != NULL && text[at] != '\0')
    {
      char next = at_or_nul (text, length, at + 1);
      if (at > start && ((text[at] == '-' && next == '-') || (text[at] == '/' && next == '*')))
        break;
      at++;
    }
  return MAX (at, start + 1);
}

/* A word, or the string or quoted name that its letters belong to: E'', B'', X'', N'', U&''. */
static SqlTokenKind
read_word (const char *text, size_t length, size_t *at)
{
  size_t start = *at, end = end_of_word (text, length, start);
  char letter = (char) (text[start] | 0x20);
  char next = at_or_nul (text, length, end);
  *at = end;
  if (end - start != 1)
    return SQL_TOKEN_WORD;
  if (next == '\'' && strchr ("ebxn", letter) != NULL)
    {
      *at = end_of_quoted (text, length, end, letter == 'e');
      return SQL_TOKEN_STRING;
    }
  char quote = at_or_nul (text, length, end + 1);
  if (letter != 'u' || next != '&' || (quote != '\'' && quote != '"'))
    return SQL_TOKEN_WORD;
  *at = end_of_quoted (text, length, end + 1, false);
  return quote == '"' ? SQL_TOKEN_QUOTED : SQL_TOKEN_STRING;
}

static SqlTokenKind
read_other (const char *text, size_t length, size_t *at)
{
  char c = text[*at], next = at_or_nul (text, length, *at + 1);
  size_t tag_length = c == '$' ? dollar_tag_length (text, length, *at) : 0;
  if (c == ';')
    {
      (*at)++;
      return SQL_TOKEN_SEMICOLON;
    }
  if (tag_length > 0)
    {
      *at = end_of_dollar (text, length, *at, tag_length);
      return SQL_TOKEN_DOLLAR;
    }
  if (g_ascii_isdigit (c) || ((c == '.' || c == '$') && g_ascii_isdigit (next)))
    {
      *at = end_of_number (text, length, *at + 1);
      return SQL_TOKEN_NUMBER;
    }
  *at = end_of_operator (text, length, *at);
  return SQL_TOKEN_OPERATOR;
}

bool
sql_token_next (const char *text, size_t length, size_t *at, SqlToken *ret_token)
{
  while (*at < length && is_space (text[*at]))
    (*at)++;
  if (*at >= length)
    return false;
  size_t start = *at;
  char c = text[start], next = at_or_nul (text, length, start + 1);
  SqlTokenKind kind = SQL_TOKEN_COMMENT;
  if (c == '-' && next == '-')
    *at = end_of_line (text, length, start);
  else if (c == '/' && next == '*')
    *at = end_of_comment (text, length, start);
  else if (c == '\'' || c == '"')
    {
      *at = end_of_quoted (text, length, start, false);
      kind = c == '"' ? SQL_TOKEN_QUOTED : SQL_TOKEN_STRING;
    }
  else
    kind = is_word_start (c) ? read_word (text, length, at) : read_other (text, length, at);
  *ret_token = (SqlToken){ kind, start, *at - start };
  return true;
}

bool
sql_token_next_word (const char *text, size_t length, size_t *at, SqlToken *ret_token)
{
  SqlToken token;
  while (sql_token_next (text, length, at, &token))
    if (token.kind != SQL_TOKEN_COMMENT)
      {
        *ret_token = token;
        return true;
      }
  return false;
}

bool
sql_token_is (const char *text, const SqlToken *token, const char *word)
{
  return token->kind == SQL_TOKEN_WORD && strlen (word) == token->length
         && g_ascii_strncasecmp (text + token->start, word, token->length) == 0;
}

bool
sql_begins_with (const char *text, size_t length, const char *const *words)
{
  size_t at = 0;
  SqlToken token;
  for (; *words != NULL; words++)
    if (!sql_token_next_word (text, length, &at, &token) || !sql_token_is (text, &token, *words))
      return false;
  return true;
}

char *
sql_first_words (const char *text, size_t length, unsigned int count)
{
  GString *words = g_string_new (NULL);
  size_t at = 0;
  SqlToken token;
  while (count-- > 0 && sql_token_next_word (text, length, &at, &token))
    {
      if (words->len > 0)
        g_string_append_c (words, ' ');
      g_string_append_len (words, text + token.start, (gssize) MIN (token.length, 64));
    }
  return g_string_free (words, FALSE);
}

SqlToken
sql_token_dollar_body (const char *text, const SqlToken *token)
{
  size_t tag = dollar_tag_length (text, token->start + token->length, token->start);
  size_t body = token->length - tag;
  bool is_closed
      = body >= tag
        && memcmp (text + token->start, text + token->start + token->length - tag, tag) == 0;
  return (SqlToken){ SQL_TOKEN_DOLLAR, token->start + tag, is_closed ? body - tag : body };
}
