/*
 * A reader by recursive descent. It knows just enough of the grammar to find where commands begin and
 * end: that "if", "do" and "{" stand before a command, that a case has patterns, that "name ()" is
 * no command.
 */
#include "guard/scan_shell.h"

#include <string.h>

#define MAX_DEPTH 40

typedef struct
{
  char *delimiter;
  bool strips_tabs;
  ShellCommand *command; /* whose input it is; NULL: of something else */
} HereDocument;

typedef struct
{
  const ScanText *source;
  const char *text;
  size_t at, end;
  int depth;
  ShellScript *script;
  GArray *here; /* of HereDocument: announced, and not read yet */
} Reader;

static char *read_word (Reader *reader, bool *ret_is_quoted);
static void read_list (Reader *reader, char closing);

/* --- what is made ----------------------------------------------------------------------------- */

ShellWord *
shell_word_new (const char *text, ScanSpot spot)
{
  ShellWord *word = g_new0 (ShellWord, 1);
  word->text = g_strdup (text);
  word->spot = spot;
  return word;
}

void
shell_word_free (ShellWord *word)
{
  g_free (word->text);
  g_free (word);
}

static ShellCommand *
command_new (void)
{
  ShellCommand *command = g_new0 (ShellCommand, 1);
  command->words = g_ptr_array_new_with_free_func ((GDestroyNotify) shell_word_free);
  command->assignments = g_ptr_array_new_with_free_func ((GDestroyNotify) shell_word_free);
  return command;
}

static void
command_free (ShellCommand *command)
{
  g_ptr_array_unref (command->words);
  g_ptr_array_unref (command->assignments);
  g_free (command->input);
  g_free (command);
}

void
shell_script_free (ShellScript *script)
{
  if (script == NULL)
    return;
  g_ptr_array_unref (script->commands);
  g_hash_table_unref (script->variables);
  g_free (script->problem);
  g_free (script);
}

static void
here_clear (HereDocument *here)
{
  g_free (here->delimiter);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static char
peek (const Reader *reader, size_t ahead)
{
  return reader->at + ahead < reader->end ? reader->text[reader->at + ahead] : '\0';
}

static bool
at_end (const Reader *reader)
{
  return reader->at >= reader->end;
}

/* Only the first is told: what follows is its consequence. */
static void
complain (Reader *reader, size_t index, const char *problem)
{
  if (reader->script->problem != NULL)
    return;
  reader->script->problem = g_strdup (problem);
  reader->script->problem_spot = scan_text_spot (reader->source, index);
}

static bool
skip_continuation (Reader *reader)
{
  if (peek (reader, 0) == '\\' && peek (reader, 1) == '\n')
    reader->at += 2;
  else if (peek (reader, 0) == '\\' && peek (reader, 1) == '\r' && peek (reader, 2) == '\n')
    reader->at += 3;
  else
    return false;
  return true;
}

static void
skip_blanks (Reader *reader)
{
  while (peek (reader, 0) == ' ' || peek (reader, 0) == '\t' || peek (reader, 0) == '\r'
         || skip_continuation (reader))
    if (peek (reader, 0) == ' ' || peek (reader, 0) == '\t' || peek (reader, 0) == '\r')
      reader->at++;
}

static void
skip_comment (Reader *reader)
{
  while (!at_end (reader) && peek (reader, 0) != '\n')
    reader->at++;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Reads up to the closing bracket as commands of their own. */
static void
read_nested (Reader *reader, char closing)
{
  size_t start = reader->at;
  if (++reader->depth > MAX_DEPTH)
    {
      complain (reader, start, "nested too deeply");
      reader->at = reader->end;
    }
  else
    read_list (reader, closing);
  reader->depth--;
  if (peek (reader, 0) == closing)
    reader->at++;
  else
    complain (reader, start, "a bracket that is not closed");
}

/* Arithmetic: no commands in it worth reading. */
static void
skip_arithmetic (Reader *reader)
{
  size_t start = reader->at;
  int open = 0;
  while (!at_end (reader))
    {
      char byte = reader->text[reader->at++];
      open += byte == '(' ? 1 : byte == ')' ? -1 : 0;
      if (open < 0)
        {
          if (peek (reader, 0) == ')')
            reader->at++;
          return;
        }
    }
  complain (reader, start, "arithmetic that is not closed");
}

static void
read_backticks (Reader *reader)
{
  size_t start = reader->at, end = start;
  while (end < reader->end && reader->text[end] != '`')
    end += reader->text[end] == '\\' ? 2 : 1;
  if (end >= reader->end)
    {
      complain (reader, start - 1, "a backtick that is not closed");
      reader->at = reader->end;
      return;
    }
  Reader inner = *reader;
  inner.end = end;
  if (++inner.depth <= MAX_DEPTH)
    read_list (&inner, '\0');
  reader->at = end + 1;
}

/* ${...}; what is in it may be quoted and nested. */
static void
read_braces (Reader *reader)
{
  size_t start = reader->at;
  if (++reader->depth > MAX_DEPTH)
    {
      complain (reader, start, "nested too deeply");
      reader->at = reader->end;
    }
  while (!at_end (reader) && peek (reader, 0) != '}')
    {
      char byte = reader->text[reader->at++];
      if (byte == '\\' && !at_end (reader))
        reader->at++;
      else if (byte == '$' && peek (reader, 0) == '{')
        {
          reader->at++;
          read_braces (reader);
        }
      else if (byte == '$' && peek (reader, 0) == '(')
        {
          reader->at++;
          read_nested (reader, ')');
        }
    }
  reader->depth--;
  if (at_end (reader))
    complain (reader, start, "a brace that is not closed");
  else
    reader->at++;
}

/* At a $. What it stands for goes into WORD as it is written. */
static void
read_dollar (Reader *reader, GString *word)
{
  size_t start = reader->at++;
  if (peek (reader, 0) == '(' && peek (reader, 1) == '(')
    {
      reader->at += 2;
      skip_arithmetic (reader);
    }
  else if (peek (reader, 0) == '(')
    {
      reader->at++;
      read_nested (reader, ')');
    }
  else if (peek (reader, 0) == '{')
    {
      reader->at++;
      read_braces (reader);
    }
  g_string_append_len (word, reader->text + start,
                       (gssize) (MIN (reader->at, reader->end) - start));
}

static void
read_single_quoted (Reader *reader, GString *word)
{
  size_t start = reader->at++;
  while (!at_end (reader) && peek (reader, 0) != '\'')
    g_string_append_c (word, reader->text[reader->at++]);
  if (at_end (reader))
    complain (reader, start, "a quote (') that is not closed");
  else
    reader->at++;
}

/* $'...': of the escapes only those matter here that end a quote or a line. */
static void
read_ansi_quoted (Reader *reader, GString *word)
{
  size_t start = reader->at;
  reader->at += 2;
  while (!at_end (reader) && peek (reader, 0) != '\'')
    {
      char byte = reader->text[reader->at++];
      if (byte == '\\' && !at_end (reader))
        {
          byte = reader->text[reader->at++];
          byte = byte == 'n' ? '\n' : byte == 't' ? '\t' : byte;
        }
      g_string_append_c (word, byte);
    }
  if (at_end (reader))
    complain (reader, start, "a quote ($') that is not closed");
  else
    reader->at++;
}

static void
read_double_quoted (Reader *reader, GString *word)
{
  size_t start = reader->at++;
  while (!at_end (reader) && peek (reader, 0) != '"')
    {
      char byte = peek (reader, 0), next = peek (reader, 1);
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
  if (at_end (reader))
    complain (reader, start, "a quote (\") that is not closed");
  else
    reader->at++;
}

static bool
ends_word (char byte)
{
  return byte == '\0' || strchr (" \t\r\n;&|()<>", byte) != NULL;
}

/* One piece of a word that is not an ordinary byte; false when the next byte is one. */
static bool
read_special (Reader *reader, GString *word, bool *ret_is_quoted)
{
  char byte = peek (reader, 0), next = peek (reader, 1);
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
static char *
read_word (Reader *reader, bool *ret_is_quoted)
{
  GString *word = g_string_new (NULL);
  *ret_is_quoted = false;
  while (!at_end (reader))
    {
      if (read_special (reader, word, ret_is_quoted))
        continue;
      char byte = peek (reader, 0);
      if (byte != '\0' && ends_word (byte))
        break;
      /* <(...) and >(...) begin words of their own; "=(" begins an array. */
      g_string_append_c (word, byte != '\0' ? byte : '?');
      reader->at++;
      if (byte == '=' && peek (reader, 0) == '(')
        break;
    }
  return g_string_free (word, FALSE);
}

/* --- redirections and here documents ---------------------------------------------------------- */

static void
read_here_line (const Reader *reader, size_t start, size_t *ret_end, size_t *ret_next)
{
  const char *newline = memchr (reader->text + start, '\n', reader->end - start);
  *ret_end = newline != NULL ? (size_t) (newline - reader->text) : reader->end;
  *ret_next = newline != NULL ? *ret_end + 1 : reader->end;
}

static void
read_here_document (Reader *reader, const HereDocument *here)
{
  size_t start = reader->at;
  g_autoptr (GString) body = g_string_new (NULL);
  while (!at_end (reader))
    {
      size_t line = reader->at, end, next;
      read_here_line (reader, line, &end, &next);
      while (here->strips_tabs && line < end && reader->text[line] == '\t')
        line++;
      size_t length = end - line;
      if (length > 0 && reader->text[end - 1] == '\r')
        length--;
      reader->at = next;
      if (length == strlen (here->delimiter)
          && memcmp (reader->text + line, here->delimiter, length) == 0)
        break;
      g_string_append_len (body, reader->text + line, (gssize) (end - line));
      g_string_append_c (body, '\n');
    }
  if (here->command == NULL)
    return;
  g_free (here->command->input);
  here->command->input = g_strdup (body->str);
  here->command->input_spot = scan_text_spot (reader->source, start);
}

/* Behind the end of a line: the bodies of what was announced on it. */
static void
read_here_documents (Reader *reader)
{
  for (guint i = 0; i < reader->here->len; i++)
    read_here_document (reader, &g_array_index (reader->here, HereDocument, i));
  g_array_set_size (reader->here, 0);
}

static void
announce_here (Reader *reader, ShellCommand *command)
{
  bool is_quoted, strips = peek (reader, 0) == '-';
  if (strips)
    reader->at++;
  skip_blanks (reader);
  HereDocument here = { read_word (reader, &is_quoted), strips, command };
  g_array_append_val (reader->here, here);
}

static void
read_here_string (Reader *reader, ShellCommand *command)
{
  bool is_quoted;
  skip_blanks (reader);
  ScanSpot spot = scan_text_spot (reader->source, reader->at);
  char *text = read_word (reader, &is_quoted);
  g_free (command->input);
  command->input = text;
  command->input_spot = spot;
}

/* At < or >. */
static void
read_redirection (Reader *reader, ShellCommand *command)
{
  bool is_quoted;
  if (peek (reader, 1) == '(')
    {
      reader->at += 2;
      read_nested (reader, ')');
      return;
    }
  if (strncmp (reader->text + reader->at, "<<<", MIN (3, reader->end - reader->at)) == 0
      && reader->at + 3 <= reader->end)
    {
      reader->at += 3;
      read_here_string (reader, command);
      return;
    }
  if (peek (reader, 0) == '<' && peek (reader, 1) == '<')
    {
      reader->at += 2;
      announce_here (reader, command);
      return;
    }
  while (peek (reader, 0) != '\0' && strchr ("<>&|", peek (reader, 0)) != NULL)
    reader->at++;
  skip_blanks (reader);
  g_free (read_word (reader, &is_quoted));
}

/* --- commands --------------------------------------------------------------------------------- */

static bool
is_assignment (const char *word)
{
  size_t length = 0;
  if (!g_ascii_isalpha (*word) && *word != '_')
    return false;
  while (g_ascii_isalnum (word[length]) || word[length] == '_')
    length++;
  return word[length] == '=' || (word[length] == '+' && word[length + 1] == '=');
}

static void
keep_variable (Reader *reader, const char *assignment, const char *value)
{
  size_t length = strcspn (assignment, "+=");
  g_hash_table_replace (reader->script->variables, g_strndup (assignment, length),
                        g_strdup (value != NULL ? value : strchr (assignment, '=') + 1));
}

/* The words of NAME=( ... ); the bracket is next. */
static void
read_array (Reader *reader, const char *assignment)
{
  g_autoptr (GString) value = g_string_new (NULL);
  reader->at++;
  while (!at_end (reader) && peek (reader, 0) != ')')
    {
      bool is_quoted;
      skip_blanks (reader);
      if (peek (reader, 0) == '#')
        skip_comment (reader);
      if (ends_word (peek (reader, 0)))
        {
          if (!at_end (reader) && peek (reader, 0) != ')')
            reader->at++;
          continue;
        }
      g_autofree char *word = read_word (reader, &is_quoted);
      g_string_append_printf (value, "%s%s", value->len > 0 ? " " : "", word);
    }
  if (!at_end (reader))
    reader->at++;
  keep_variable (reader, assignment, value->str);
}

/* Words that may stand before a command without being one. */
static bool
is_reserved (const char *word)
{
  static const char *const words[]
      = { "if",    "then", "else", "elif", "fi",   "do",     "done", "while",
          "until", "!",    "{",    "}",    "time", "coproc", "esac", NULL };
  return g_strv_contains (words, word);
}

static void
skip_to_line_end (Reader *reader)
{
  bool is_quoted;
  while (!at_end (reader))
    {
      skip_blanks (reader);
      char byte = peek (reader, 0);
      if (byte == '\n' || byte == ';' || at_end (reader))
        return;
      if (byte == '#')
        skip_comment (reader);
      else if (ends_word (byte))
        reader->at++;
      else
        g_free (read_word (reader, &is_quoted));
    }
}

/* Behind "in" or ";;": over "pattern)" up to the commands; stops before "esac". */
static void
skip_pattern (Reader *reader)
{
  bool is_quoted;
  for (;;)
    {
      skip_blanks (reader);
      char byte = peek (reader, 0);
      if (at_end (reader))
        return;
      size_t start = reader->at;
      if (byte == '#')
        skip_comment (reader);
      else if (ends_word (byte))
        {
          reader->at++;
          if (byte == ')')
            return;
          if (byte == '\n')
            read_here_documents (reader);
        }
      else
        {
          g_autofree char *word = read_word (reader, &is_quoted);
          if (strcmp (word, "esac") == 0 && !is_quoted)
            {
              reader->at = start;
              return;
            }
        }
    }
}

/* "case WORD in", "for NAME in WORDS", "function NAME": what is no command. True when WORD began one. */
static bool
skip_head (Reader *reader, const char *word)
{
  bool is_quoted;
  if (strcmp (word, "for") == 0 || strcmp (word, "select") == 0)
    skip_to_line_end (reader);
  else if (strcmp (word, "function") == 0)
    {
      skip_blanks (reader);
      g_free (read_word (reader, &is_quoted));
    }
  else if (strcmp (word, "case") == 0)
    {
      skip_blanks (reader);
      g_free (read_word (reader, &is_quoted));
      for (skip_blanks (reader); peek (reader, 0) == '\n'; skip_blanks (reader))
        reader->at++;
      g_free (read_word (reader, &is_quoted));
      skip_pattern (reader);
    }
  else
    return false;
  return true;
}

static void
add_word (Reader *reader, ShellCommand *command)
{
  size_t start = reader->at;
  ScanSpot spot = scan_text_spot (reader->source, start);
  bool is_quoted;
  g_autofree char *text = read_word (reader, &is_quoted);
  bool is_first = command->words->len == 0;
  bool is_digits = !is_quoted && *text != '\0' && strspn (text, "0123456789") == strlen (text);
  if (reader->at == start)
    {
      reader->at++; /* cannot happen; an endless loop would be worse */
      return;
    }
  if (is_digits && (peek (reader, 0) == '<' || peek (reader, 0) == '>'))
    return;
  if (is_first && !is_quoted && (is_reserved (text) || skip_head (reader, text)))
    return;
  ShellWord *word = shell_word_new (text, spot);
  word->is_quoted = is_quoted;
  bool assigns = is_assignment (text);
  if (assigns && peek (reader, 0) == '(' && g_str_has_suffix (text, "="))
    read_array (reader, text);
  else if (assigns)
    keep_variable (reader, text, NULL);
  g_ptr_array_add (assigns && is_first ? command->assignments : command->words, word);
}

/* A comment begins where a word would. */
static bool
read_element (Reader *reader, ShellCommand *command)
{
  char byte = peek (reader, 0);
  if (byte == '#')
    skip_comment (reader);
  else if (byte == '<' || byte == '>')
    read_redirection (reader, command);
  else if (byte == '&' && peek (reader, 1) == '>')
    {
      reader->at++;
      read_redirection (reader, command);
    }
  else if (byte == '(' && peek (reader, 1) == '(' && command->words->len == 0)
    {
      reader->at += 2;
      skip_arithmetic (reader);
    }
  else if (ends_word (byte) && !at_end (reader) && byte != '\0')
    return false;
  else
    add_word (reader, command);
  return true;
}

/* What ends a command. "&&" and "||" and ";" mean the same here; a pipe is told. */
static void
read_separator (Reader *reader, ShellCommand *command)
{
  char byte = reader->text[reader->at++];
  if (byte == '\n')
    read_here_documents (reader);
  else if (byte == '|' && peek (reader, 0) == '|')
    reader->at++;
  else if (byte == '|')
    {
      command->is_piped = true;
      if (peek (reader, 0) == '&')
        reader->at++;
    }
  else if (byte == '&' && peek (reader, 0) == '&')
    reader->at++;
  else if (byte == ';' && (peek (reader, 0) == ';' || peek (reader, 0) == '&'))
    {
      reader->at++;
      if (peek (reader, 0) == '&')
        reader->at++;
      skip_pattern (reader);
    }
}

/* Commands up to CLOSING, which is left for the caller; '\0': up to the end. */
static void
read_list (Reader *reader, char closing)
{
  while (!at_end (reader))
    {
      ShellCommand *command = command_new ();
      bool is_closed = false;
      guint place = reader->script->commands->len;
      for (skip_blanks (reader); !at_end (reader); skip_blanks (reader))
        if (!read_element (reader, command))
          {
            is_closed = closing != '\0' && peek (reader, 0) == closing;
            if (peek (reader, 0) == '(' && !is_closed)
              {
                reader->at++;
                read_nested (reader, ')');
                continue;
              }
            break;
          }
      (void) place;
      g_ptr_array_add (reader->script->commands, command);
      if (is_closed || at_end (reader))
        return;
      read_separator (reader, command);
    }
}

ShellScript *
shell_parse (const ScanText *text)
{
  ShellScript *script = g_new0 (ShellScript, 1);
  script->commands = g_ptr_array_new_with_free_func ((GDestroyNotify) command_free);
  script->variables = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  Reader reader
      = { .source = text, .text = text->text->str, .end = text->text->len, .script = script };
  reader.here = g_array_new (FALSE, FALSE, sizeof (HereDocument));
  g_array_set_clear_func (reader.here, (GDestroyNotify) here_clear);
  read_list (&reader, '\0');
  g_array_unref (reader.here);
  return script;
}
