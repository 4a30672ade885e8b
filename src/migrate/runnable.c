#include "migrate/runnable.h"
#include "sql/token.h"

#include <string.h>

/* Commands that only change what psql shows, or ask for what happens anyway. */
static const char *const harmless[] = {
  "\\echo",
  "\\qecho",
  "\\warn",
  "\\timing",
  "\\pset",
  "\\x",
  "\\a",
  "\\t",
  "\\restrict",
  "\\unrestrict",
  "\\conninfo",
  "\\!echo",
  "\\set ON_ERROR_STOP",
  "\\set QUIET",
  "\\set ECHO",
  "\\set VERBOSITY",
  "\\set AUTOCOMMIT on",
  "\\unset QUIET",
  "\\set SHOW_CONTEXT",
};

/* Whether anything in TEXT could be what this module looks for. Most texts end here. */
static bool
is_suspect (const char *text)
{
  for (const char *at = text + strcspn (text, "\\{:<"); *at != '\0';
       at += 1 + strcspn (at + 1, "\\{:<"))
    {
      char next = at[1];
      if (*at == '\\' || *at == '{' || (*at == '<' && next == '%'))
        return true;
      if (*at == ':' && (at == text || at[-1] != ':')
          && (g_ascii_isalpha (next) || next == '_' || next == '\'' || next == '"'))
        return true;
    }
  return false;
}

static unsigned int
line_at (const char *text, size_t at, unsigned int first)
{
  for (size_t i = 0; i < at; i++)
    first += text[i] == '\n';
  return first;
}

static size_t
line_length (const char *text, size_t length)
{
  const char *end = memchr (text, '\n', length);
  return end != NULL ? (size_t) (end - text) : length;
}

static bool
is_harmless (const char *command, size_t length)
{
  for (size_t i = 0; i < G_N_ELEMENTS (harmless); i++)
    {
      size_t known = strlen (harmless[i]);
      if (length >= known && memcmp (command, harmless[i], known) == 0
          && (length == known || !g_ascii_isalnum (command[known])))
        return true;
    }
  return false;
}

static char *
command_problem (const char *command, size_t length, unsigned int line)
{
  size_t name = 1;
  while (name < length && !g_ascii_isspace (command[name]))
    name++;
  if (name == 2 && command[1] == '.')
    return g_strdup_printf ("rows without a COPY up to line %u", line);
  return g_strdup_printf ("psql's %.*s on line %u", (int) name, command, line);
}

static size_t
name_length (const char *text, size_t length)
{
  size_t end = 0;
  while (end < length && (g_ascii_isalnum (text[end]) || text[end] == '_'))
    end++;
  return end;
}

/* Where the walk through the tokens is. */
typedef struct
{
  char *text;
  size_t length, at;
  unsigned int line;
  unsigned int brackets; /* how deep in [ ]: a slice has its colon there */
} Walk;

static char *
operator_problem (Walk *walk, size_t start)
{
  char *text = walk->text + start;
  size_t rest = walk->length - start;
  char next = rest > 1 ? text[1] : '\0';
  bool is_name = g_ascii_isalpha (next) || next == '_';
  unsigned int line = line_at (walk->text, start, walk->line);
  switch (text[0])
    {
    case '[': walk->brackets++; break;
    case ']': walk->brackets -= walk->brackets > 0; break;
    case '\\':
      {
        size_t end = line_length (text, rest);
        if (!is_harmless (text, end))
          return command_problem (text, end, line);
        memset (text, ' ', text[end - 1] == '\r' ? end - 1 : end);
        walk->at = start + end;
        break;
      }
    case ':':
      if ((start > 0 && text[-1] == ':') || walk->brackets > 0
          || !(is_name || next == '\'' || next == '"'))
        break;
      if (is_name)
        return g_strdup_printf ("psql's variable :%.*s on line %u",
                                (int) name_length (text + 1, rest - 1), text + 1, line);
      return g_strdup_printf ("a variable of psql (:%c) on line %u", next, line);
    case '{': return g_strdup_printf ("a template's {%s on line %u", next == '{' ? "{" : "", line);
    case '<':
      if (next == '%')
        return g_strdup_printf ("a template's <%% on line %u", line);
      break;
    default: break;
    }
  return NULL;
}

/* Words of the statement that is being read. */
typedef struct
{
  bool has_words, is_copy, after_from, from_stdin;
} Statement;

static void
note_word (const char *text, const SqlToken *token, Statement *statement)
{
  bool is_first = !statement->has_words;
  statement->has_words = true;
  statement->is_copy |= is_first && sql_token_is (text, token, "copy");
  statement->from_stdin |= statement->after_from && sql_token_is (text, token, "stdin");
  statement->after_from = sql_token_is (text, token, "from");
}

/* Behind the semicolon of COPY ... FROM stdin: the rows, up to a line "\.", are data. */
static void
skip_rows (Walk *walk)
{
  size_t at = walk->at;
  while (at < walk->length)
    {
      size_t length = line_length (walk->text + at, walk->length - at);
      bool is_end = length >= 2 && memcmp (walk->text + at, "\\.", 2) == 0
                    && (length == 2 || (length == 3 && walk->text[at + 2] == '\r'));
      at = MIN (at + length + 1, walk->length);
      if (is_end)
        {
          walk->at = at;
          return;
        }
    }
}

char *
runnable_problem (char *text, size_t length, unsigned int line)
{
  Walk walk = { .text = text, .length = length, .line = line };
  Statement statement = { 0 };
  SqlToken token;
  if (!is_suspect (text))
    return NULL;
  while (sql_token_next (text, length, &walk.at, &token))
    {
      char *problem
          = token.kind == SQL_TOKEN_OPERATOR ? operator_problem (&walk, token.start) : NULL;
      if (token.kind == SQL_TOKEN_SEMICOLON)
        {
          if (statement.is_copy && statement.from_stdin)
            skip_rows (&walk);
          statement = (Statement){ 0 };
        }
      else if (token.kind == SQL_TOKEN_WORD)
        note_word (text, &token, &statement);
      if (problem != NULL)
        return problem;
    }
  return NULL;
}
