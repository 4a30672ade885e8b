/*
 * A reader by recursive descent. It knows just enough of the grammar to find where commands begin and
 * end: that "if", "do" and "{" stand before a command, that a case has patterns, that "name ()" is
 * no command.
 */
#include "guard/scan_shell_internal.h"

#include <string.h>

typedef struct
{
  char *delimiter;
  bool strips_tabs;
  ShellCommand *command; /* whose input it is; NULL: of something else */
} HereDocument;

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

/* --- redirections and here documents ---------------------------------------------------------- */

static void
read_here_line (const ShellReader *reader, size_t start, size_t *ret_end, size_t *ret_next)
{
  const char *newline = memchr (reader->text + start, '\n', reader->end - start);
  *ret_end = newline != NULL ? (size_t) (newline - reader->text) : reader->end;
  *ret_next = newline != NULL ? *ret_end + 1 : reader->end;
}

static void
read_here_document (ShellReader *reader, const HereDocument *here)
{
  size_t start = reader->at;
  g_autoptr (GString) body = g_string_new (NULL);
  while (!shell_at_end (reader))
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
read_here_documents (ShellReader *reader)
{
  for (guint i = 0; i < reader->here->len; i++)
    read_here_document (reader, &g_array_index (reader->here, HereDocument, i));
  g_array_set_size (reader->here, 0);
}

static void
announce_here (ShellReader *reader, ShellCommand *command)
{
  bool is_quoted, strips = shell_peek (reader, 0) == '-';
  if (strips)
    reader->at++;
  shell_skip_blanks (reader);
  HereDocument here = { shell_read_word (reader, &is_quoted), strips, command };
  g_array_append_val (reader->here, here);
}

static void
read_here_string (ShellReader *reader, ShellCommand *command)
{
  bool is_quoted;
  shell_skip_blanks (reader);
  ScanSpot spot = scan_text_spot (reader->source, reader->at);
  char *text = shell_read_word (reader, &is_quoted);
  g_free (command->input);
  command->input = text;
  command->input_spot = spot;
}

/* At < or >. */
static void
read_redirection (ShellReader *reader, ShellCommand *command)
{
  bool is_quoted;
  if (shell_peek (reader, 1) == '(')
    {
      reader->at += 2;
      shell_read_nested (reader, ')');
      return;
    }
  if (strncmp (reader->text + reader->at, "<<<", MIN (3, reader->end - reader->at)) == 0
      && reader->at + 3 <= reader->end)
    {
      reader->at += 3;
      read_here_string (reader, command);
      return;
    }
  if (shell_peek (reader, 0) == '<' && shell_peek (reader, 1) == '<')
    {
      reader->at += 2;
      announce_here (reader, command);
      return;
    }
  while (shell_peek (reader, 0) != '\0' && strchr ("<>&|", shell_peek (reader, 0)) != NULL)
    reader->at++;
  shell_skip_blanks (reader);
  g_free (shell_read_word (reader, &is_quoted));
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
keep_variable (ShellReader *reader, const char *assignment, const char *value)
{
  size_t length = strcspn (assignment, "+=");
  g_hash_table_replace (reader->script->variables, g_strndup (assignment, length),
                        g_strdup (value != NULL ? value : strchr (assignment, '=') + 1));
}

/* The words of NAME=( ... ); the bracket is next. */
static void
read_array (ShellReader *reader, const char *assignment)
{
  g_autoptr (GString) value = g_string_new (NULL);
  reader->at++;
  while (!shell_at_end (reader) && shell_peek (reader, 0) != ')')
    {
      bool is_quoted;
      shell_skip_blanks (reader);
      if (shell_peek (reader, 0) == '#')
        shell_skip_comment (reader);
      if (shell_ends_word (shell_peek (reader, 0)))
        {
          if (!shell_at_end (reader) && shell_peek (reader, 0) != ')')
            reader->at++;
          continue;
        }
      g_autofree char *word = shell_read_word (reader, &is_quoted);
      g_string_append_printf (value, "%s%s", value->len > 0 ? " " : "", word);
    }
  if (!shell_at_end (reader))
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
skip_to_line_end (ShellReader *reader)
{
  bool is_quoted;
  while (!shell_at_end (reader))
    {
      shell_skip_blanks (reader);
      char byte = shell_peek (reader, 0);
      if (byte == '\n' || byte == ';' || shell_at_end (reader))
        return;
      if (byte == '#')
        shell_skip_comment (reader);
      else if (shell_ends_word (byte))
        reader->at++;
      else
        g_free (shell_read_word (reader, &is_quoted));
    }
}

/* Behind "in" or ";;": over "pattern)" up to the commands; stops before "esac". */
static void
skip_pattern (ShellReader *reader)
{
  bool is_quoted;
  for (;;)
    {
      shell_skip_blanks (reader);
      char byte = shell_peek (reader, 0);
      if (shell_at_end (reader))
        return;
      size_t start = reader->at;
      if (byte == '#')
        shell_skip_comment (reader);
      else if (shell_ends_word (byte))
        {
          reader->at++;
          if (byte == ')')
            return;
          if (byte == '\n')
            read_here_documents (reader);
        }
      else
        {
          g_autofree char *word = shell_read_word (reader, &is_quoted);
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
skip_head (ShellReader *reader, const char *word)
{
  bool is_quoted;
  if (strcmp (word, "for") == 0 || strcmp (word, "select") == 0)
    skip_to_line_end (reader);
  else if (strcmp (word, "function") == 0)
    {
      shell_skip_blanks (reader);
      g_free (shell_read_word (reader, &is_quoted));
    }
  else if (strcmp (word, "case") == 0)
    {
      shell_skip_blanks (reader);
      g_free (shell_read_word (reader, &is_quoted));
      for (shell_skip_blanks (reader); shell_peek (reader, 0) == '\n'; shell_skip_blanks (reader))
        reader->at++;
      g_free (shell_read_word (reader, &is_quoted));
      skip_pattern (reader);
    }
  else
    return false;
  return true;
}

static void
add_word (ShellReader *reader, ShellCommand *command)
{
  size_t start = reader->at;
  ScanSpot spot = scan_text_spot (reader->source, start);
  bool is_quoted;
  g_autofree char *text = shell_read_word (reader, &is_quoted);
  bool is_first = command->words->len == 0;
  bool is_digits = !is_quoted && *text != '\0' && strspn (text, "0123456789") == strlen (text);
  if (reader->at == start)
    {
      reader->at++; /* cannot happen; an endless loop would be worse */
      return;
    }
  if (is_digits && (shell_peek (reader, 0) == '<' || shell_peek (reader, 0) == '>'))
    return;
  if (is_first && !is_quoted && (is_reserved (text) || skip_head (reader, text)))
    return;
  ShellWord *word = shell_word_new (text, spot);
  word->is_quoted = is_quoted;
  bool assigns = is_assignment (text);
  if (assigns && shell_peek (reader, 0) == '(' && g_str_has_suffix (text, "="))
    read_array (reader, text);
  else if (assigns)
    keep_variable (reader, text, NULL);
  g_ptr_array_add (assigns && is_first ? command->assignments : command->words, word);
}

/* A comment begins where a word would. */
static bool
read_element (ShellReader *reader, ShellCommand *command)
{
  char byte = shell_peek (reader, 0);
  if (byte == '#')
    shell_skip_comment (reader);
  else if (byte == '<' || byte == '>')
    read_redirection (reader, command);
  else if (byte == '&' && shell_peek (reader, 1) == '>')
    {
      reader->at++;
      read_redirection (reader, command);
    }
  else if (byte == '(' && shell_peek (reader, 1) == '(' && command->words->len == 0)
    {
      reader->at += 2;
      shell_skip_arithmetic (reader);
    }
  else if (shell_ends_word (byte) && !shell_at_end (reader) && byte != '\0')
    return false;
  else
    add_word (reader, command);
  return true;
}

/* What ends a command. "&&" and "||" and ";" mean the same here; a pipe is told. */
static void
read_separator (ShellReader *reader, ShellCommand *command)
{
  char byte = reader->text[reader->at++];
  if (byte == '\n')
    read_here_documents (reader);
  else if (byte == '|' && shell_peek (reader, 0) == '|')
    reader->at++;
  else if (byte == '|')
    {
      command->is_piped = true;
      if (shell_peek (reader, 0) == '&')
        reader->at++;
    }
  else if (byte == '&' && shell_peek (reader, 0) == '&')
    reader->at++;
  else if (byte == ';' && (shell_peek (reader, 0) == ';' || shell_peek (reader, 0) == '&'))
    {
      reader->at++;
      if (shell_peek (reader, 0) == '&')
        reader->at++;
      skip_pattern (reader);
    }
}

/* Commands up to CLOSING, which is left for the caller; '\0': up to the end. */
void
shell_read_list (ShellReader *reader, char closing)
{
  while (!shell_at_end (reader))
    {
      ShellCommand *command = command_new ();
      bool is_closed = false;
      for (shell_skip_blanks (reader); !shell_at_end (reader); shell_skip_blanks (reader))
        if (!read_element (reader, command))
          {
            is_closed = closing != '\0' && shell_peek (reader, 0) == closing;
            if (shell_peek (reader, 0) == '(' && !is_closed)
              {
                reader->at++;
                shell_read_nested (reader, ')');
                continue;
              }
            break;
          }
      g_ptr_array_add (reader->script->commands, command);
      if (is_closed || shell_at_end (reader))
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
  ShellReader reader
      = { .source = text, .text = text->text->str, .end = text->text->len, .script = script };
  reader.here = g_array_new (FALSE, FALSE, sizeof (HereDocument));
  g_array_set_clear_func (reader.here, (GDestroyNotify) here_clear);
  shell_read_list (&reader, '\0');
  g_array_unref (reader.here);
  return script;
}
