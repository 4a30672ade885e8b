/* Quotes, variables and substitutions: what is one word to a shell. */
#include "guard/scan_shell_internal.h"

#include <string.h>

/* --- bytes ------------------------------------------------------------------------------------ */

/* Only the first is told: what follows is its consequence. */
void
shell_complain (ShellReader *reader, size_t index, const char *problem)
{
  if (reader->script->problem != NULL)
    return;
  reader->script->problem = g_strdup (problem);
  reader->script->problem_spot = scan_text_spot (reader->source, index);
}

static bool
skip_continuation (ShellReader *reader)
{
  if (shell_peek (reader, 0) == '\\' && shell_peek (reader, 1) == '\n')
    reader->at += 2;
  else if (shell_peek (reader, 0) == '\\' && shell_peek (reader, 1) == '\r'
           && shell_peek (reader, 2) == '\n')
    reader->at += 3;
  else
    return false;
  return true;
}

void
shell_skip_blanks (ShellReader *reader)
{
  while (shell_peek (reader, 0) == ' ' || shell_peek (reader, 0) == '\t'
         || shell_peek (reader, 0) == '\r' || skip_continuation (reader))
    if (shell_peek (reader, 0) == ' ' || shell_peek (reader, 0) == '\t'
        || shell_peek (reader, 0) == '\r')
      reader->at++;
}

void
shell_skip_comment (ShellReader *reader)
{
  while (!shell_at_end (reader) && shell_peek (reader, 0) != '\n')
    reader->at++;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Reads up to the closing bracket as commands of their own. */
void
shell_read_nested (ShellReader *reader, char closing)
{
  size_t start = reader->at;
  if (++reader->depth > SHELL_MAX_DEPTH)
    {
      shell_complain (reader, start, "nested too deeply");
      reader->at = reader->end;
    }
  else
    shell_read_list (reader, closing);
  reader->depth--;
  if (shell_peek (reader, 0) == closing)
    reader->at++;
  else
    shell_complain (reader, start, "a bracket that is not closed");
}

/* Arithmetic: no commands in it worth reading. */
void
shell_skip_arithmetic (ShellReader *reader)
{
  size_t start = reader->at;
  int open = 0;
  while (!shell_at_end (reader))
    {
      char byte = reader->text[reader->at++];
      open += byte == '(' ? 1 : byte == ')' ? -1 : 0;
      if (open < 0)
        {
          if (shell_peek (reader, 0) == ')')
            reader->at++;
          return;
        }
    }
  shell_complain (reader, start, "arithmetic that is not closed");
}

static void
read_backticks (ShellReader *reader)
{
  size_t start = reader->at, end = start;
  while (end < reader->end && reader->text[end] != '`')
    end += reader->text[end] == '\\' ? 2 : 1;
  if (end >= reader->end)
    {
      shell_complain (reader, start - 1, "a backtick that is not closed");
      reader->at = reader->end;
      return;
    }
  ShellReader inner = *reader;
  inner.end = end;
  if (++inner.depth <= SHELL_MAX_DEPTH)
    shell_read_list (&inner, '\0');
  reader->at = end + 1;
}

/* ${...}; what is in it may be quoted and nested. */
static void
read_braces (ShellReader *reader)
{
  size_t start = reader->at;
  if (++reader->depth > SHELL_MAX_DEPTH)
    {
      shell_complain (reader, start, "nested too deeply");
      reader->at = reader->end;
    }
  while (!shell_at_end (reader) && shell_peek (reader, 0) != '}')
    {
      char byte = reader->text[reader->at++];
      if (byte == '\\' && !shell_at_end (reader))
        reader->at++;
      else if (byte == '$' && shell_peek (reader, 0) == '{')
        {
          reader->at++;
          read_braces (reader);
        }
      else if (byte == '$' && shell_peek (reader, 0) == '(')
        {
          reader->at++;
          shell_read_nested (reader, ')');
        }
    }
  reader->depth--;
  if (shell_at_end (reader))
    shell_complain (reader, start, "a brace that is not closed");
  else
    reader->at++;
}

/* At a $. What it stands for goes into WORD as it is written. */
static void
read_dollar (ShellReader *reader, GString *word)
{
  size_t start = reader->at++;
  if (shell_peek (reader, 0) == '(' && shell_peek (reader, 1) == '(')
    {
      reader->at += 2;
      shell_skip_arithmetic (reader);
    }
  else if (shell_peek (reader, 0) == '(')
    {
      reader->at++;
      shell_read_nested (reader, ')');
    }
  else if (shell_peek (reader, 0) == '{')
    {
      reader->at++;
      read_braces (reader);
    }
  g_string_append_len (word, reader->text + start,
                       (gssize) (MIN (reader->at, reader->end) - start));
}

static void
read_single_quoted (ShellReader *reader, GString *word)
{
  size_t start = reader->at++;
  while (!shell_at_end (reader) && shell_peek (reader, 0) != '\'')
    g_string_append_c (word, reader->text[reader->at++]);
  if (shell_at_end (reader))
    shell_complain (reader, start, "a quote (') that is not closed");
  else
    reader->at++;
}

/* $'...': of the escapes only those matter here that end a quote or a line. */
static void
read_ansi_quoted (ShellReader *reader, GString *word)
{
  size_t start = reader->at;
  reader->at += 2;
  while (!shell_at_end (reader) && shell_peek (reader, 0) != '\'')
    {
      char byte = reader->text[reader->at++];
      if (byte == '\\' && !shell_at_end (reader))
        {
          byte = reader->text[reader->at++];
          byte = byte == 'n' ? '\n' : byte == 't' ? '\t' : byte;
        }
      g_string_append_c (word, byte);
    }
  if (shell_at_end (reader))
    shell_complain (reader, start, "a quote ($') that is not closed");
  else
    reader->at++;
}

static void
read_double_quoted (ShellReader *reader, GString *word)
{
  size_t start = reader->at++;
  while (!shell_at_end (reader) && shell_peek (reader, 0) != '"')
    {
      char byte = shell_peek (reader, 0), next = shell_peek (reader, 1);
      if (byte == '\\' && next == '\n')
        reader->at += 2;
      else if (byte == '\\' && next != '\0' && strchr ("\"\\$`", next) != NULL)
        {
          g_string_append_c (word, next);
          reader->at += 2;
        }
      else if (byte == '$')
        read_dollar (reader, word);
      else if (byte == '`')
        {
          reader->at++;
          read_backticks (reader);
          g_string_append (word, "$(...)");
        }
      else
        g_string_append_c (word, reader->text[reader->at++]);
    }
  if (shell_at_end (reader))
    shell_complain (reader, start, "a quote (\") that is not closed");
  else
    reader->at++;
}

bool
shell_ends_word (char byte)
{
  return byte == '\0' || strchr (" \t\r\n;&|()<>", byte) != NULL;
}

/* One piece of a word that is not an ordinary byte; false when the next byte is one. */
static bool
read_special (ShellReader *reader, GString *word, bool *ret_is_quoted)
{
  char byte = shell_peek (reader, 0), next = shell_peek (reader, 1);
  if (skip_continuation (reader))
    return true;
  if (byte == '\'')
    read_single_quoted (reader, word);
  else if (byte == '"')
    read_double_quoted (reader, word);
  else if (byte == '$' && next == '\'')
    read_ansi_quoted (reader, word);
  else if (byte == '$')
    read_dollar (reader, word);
  else if (byte == '`')
    {
      reader->at++;
      read_backticks (reader);
      g_string_append (word, "$(...)");
    }
  else if (byte == '\\' && reader->at + 1 < reader->end)
    {
      g_string_append_c (word, next);
      reader->at += 2;
    }
  else
    return false;
  *ret_is_quoted = *ret_is_quoted || byte == '\'' || byte == '"' || byte == '\\' || next == '\'';
  return true;
}

/* Returns the word at the reader, quotes undone; caller frees. A NUL in the text ends none. */
char *
shell_read_word (ShellReader *reader, bool *ret_is_quoted)
{
  GString *word = g_string_new (NULL);
  *ret_is_quoted = false;
  while (!shell_at_end (reader))
    {
      if (read_special (reader, word, ret_is_quoted))
        continue;
      char byte = shell_peek (reader, 0);
      if (byte != '\0' && shell_ends_word (byte))
        break;
      /* <(...) and >(...) begin words of their own; "=(" begins an array. */
      g_string_append_c (word, byte != '\0' ? byte : '?');
      reader->at++;
      if (byte == '=' && shell_peek (reader, 0) == '(')
        break;
    }
  return g_string_free (word, FALSE);
}
