#include "project/dotenv.h"

#include <string.h>

typedef struct
{
  const char *file;
  const char *at;
  const char *line_start;
  int line;
} Reader;

void
dotenv_entry_free (DotenvEntry *entry)
{
  g_free (entry->name);
  g_free (entry->text);
  g_free (entry);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DotenvEntry, dotenv_entry_free)

static int
column_of (const Reader *reader, const char *at)
{
  return (int) g_utf8_strlen (reader->line_start, at - reader->line_start) + 1;
}

static bool
refuse (const Reader *reader, const char *at, const char *hint, const char *message, GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s:%d:%d: %s", reader->file, reader->line,
                     column_of (reader, at), message);
}

static bool
at_line_end (const Reader *reader)
{
  return *reader->at == '\0' || *reader->at == '\n'
         || (reader->at[0] == '\r' && reader->at[1] == '\n');
}

static void
skip_blanks (Reader *reader)
{
  while (*reader->at == ' ' || *reader->at == '\t')
    reader->at++;
}

static void
skip_line (Reader *reader)
{
  reader->at += strcspn (reader->at, "\n");
  if (*reader->at == '\n')
    reader->at++;
  reader->line++;
  reader->line_start = reader->at;
}

static bool
is_name_char (char c, bool is_first)
{
  return c == '_' || g_ascii_isalpha (c)
         || (!is_first && (g_ascii_isdigit (c) || c == '.' || c == '-'));
}

/* NULL when no name begins here. */
static char *
read_name (Reader *reader)
{
  const char *start = reader->at;
  while (is_name_char (*reader->at, reader->at == start))
    reader->at++;
  return reader->at > start ? g_strndup (start, (size_t) (reader->at - start)) : NULL;
}

/* Up to a comment or the end of the line, without the blanks before it. */
static char *
read_bare (Reader *reader)
{
  const char *start = reader->at;
  const char *end = start;
  for (; !at_line_end (reader); reader->at++)
    {
      bool is_blank = *reader->at == ' ' || *reader->at == '\t';
      if (*reader->at == '#' && end < reader->at)
        break;
      if (!is_blank)
        end = reader->at + 1;
    }
  return g_strndup (start, (size_t) (end - start));
}

/* One character after a backslash, in double quotes. */
static void
append_escape (GString *text, const char *next)
{
  switch (*next)
    {
    case 'n': g_string_append_c (text, '\n'); break;
    case 'r': g_string_append_c (text, '\r'); break;
    case 't': g_string_append_c (text, '\t'); break;
    case '$': g_string_append (text, next[1] == '{' ? "$$" : "$"); break;
    case '"':
    case '\\': g_string_append_c (text, *next); break;
    default: g_string_append_c (text, '\\'); g_string_append_c (text, *next);
    }
}

/* From the opening quote past the closing one. */
static bool
read_quoted (Reader *reader, char **ret_text, GError **error)
{
  const Reader start = *reader;
  char quote = *reader->at++;
  g_autoptr (GString) text = g_string_new (NULL);
  for (; *reader->at != quote; reader->at++)
    {
      if (*reader->at == '\0')
        return refuse (&start, start.at, "Close it, or leave the quote out.",
                       "the quote is never closed", error);
      if (quote == '"' && *reader->at == '\\' && reader->at[1] != '\0' && reader->at[1] != '\n'
          && reader->at[1] != '\r')
        {
          append_escape (text, ++reader->at);
          continue;
        }
      if (reader->at[0] == '\r' && reader->at[1] == '\n')
        continue;
      g_string_append_c (text, *reader->at);
      if (*reader->at == '\n')
        {
          reader->line++;
          reader->line_start = reader->at + 1;
        }
    }
  reader->at++;
  *ret_text = g_string_free (g_steal_pointer (&text), FALSE);
  return true;
}

static bool
read_value (Reader *reader, DotenvEntry *entry, GError **error)
{
  skip_blanks (reader);
  entry->line = reader->line;
  entry->column = column_of (reader, reader->at);
  if (*reader->at != '"' && *reader->at != '\'')
    {
      /* "NAME= # comment" is empty, "NAME=#x" is not. */
      if (*reader->at == '#' && (reader->at[-1] == ' ' || reader->at[-1] == '\t'))
        entry->text = g_strdup ("");
      else
        entry->text = read_bare (reader);
      return true;
    }
  entry->is_literal = *reader->at == '\'';
  if (!read_quoted (reader, &entry->text, error))
    return false;
  skip_blanks (reader);
  if (!at_line_end (reader) && *reader->at != '#')
    return refuse (reader, reader->at, "Put quotes around the whole value.",
                   "there is text after the closing quote", error);
  return true;
}

/* "export " before a name; a variable may itself be called export. */
static void
skip_export (Reader *reader)
{
  if (!g_str_has_prefix (reader->at, "export ") && !g_str_has_prefix (reader->at, "export\t"))
    return;
  const char *after = reader->at + strlen ("export");
  after += strspn (after, " \t");
  if (is_name_char (*after, true))
    reader->at = after;
}

/* *RET_ENTRY is NULL for blank lines, comments and a name alone. */
static bool
read_line (Reader *reader, DotenvEntry **ret_entry, GError **error)
{
  *ret_entry = NULL;
  skip_blanks (reader);
  if (at_line_end (reader) || *reader->at == '#')
    return true;
  skip_export (reader);
  g_autoptr (DotenvEntry) entry = g_new0 (DotenvEntry, 1);
  const char *start = reader->at;
  entry->name = read_name (reader);
  if (entry->name != NULL)
    skip_blanks (reader);
  if (entry->name != NULL && at_line_end (reader))
    return true;
  if (entry->name == NULL || *reader->at != '=')
    return refuse (reader, start, "Write NAME=value, or # before a comment.",
                   "this is not a NAME=value line", error);
  reader->at++;
  if (!read_value (reader, entry, error))
    return false;
  *ret_entry = g_steal_pointer (&entry);
  return true;
}

bool
dotenv_parse (const char *file, const char *text, size_t length, GPtrArray **ret_entries,
              GError **error)
{
  if (g_str_has_prefix (text, "\xef\xbb\xbf"))
    {
      text += 3;
      length -= 3;
    }
  Reader reader = { .file = file, .at = text, .line_start = text, .line = 1 };
  const char *invalid;
  if (!g_utf8_validate (text, (gssize) length, &invalid))
    {
      while (reader.line_start + strcspn (reader.line_start, "\n") < invalid && *reader.at != '\0')
        skip_line (&reader);
      return refuse (&reader, invalid, "Save the file as UTF-8.", "a byte that is not UTF-8 text",
                     error);
    }
  g_autoptr (GPtrArray) entries
      = g_ptr_array_new_with_free_func ((GDestroyNotify) dotenv_entry_free);
  while (*reader.at != '\0')
    {
      DotenvEntry *entry;
      if (!read_line (&reader, &entry, error))
        return false;
      if (entry != NULL)
        g_ptr_array_add (entries, entry);
      skip_line (&reader);
    }
  *ret_entries = g_steal_pointer (&entries);
  return true;
}
