#include "backup/script.h"

#include <string.h>

/* Of a word, the tag of a dollar quote (names are shorter), a comment, a command: only so much is
 * looked at. */
#define WORD_MAX_BYTES 64
#define LINE_MAX_BYTES 256

typedef enum
{
  IN_SQL,
  IN_LINE_COMMENT,
  IN_BLOCK_COMMENT,
  IN_QUOTES,
  AFTER_QUOTE, /* the closing quote, unless it is doubled */
  IN_DOLLAR_TAG,
  IN_DOLLAR_QUOTES,
  IN_COMMAND, /* of psql */
  IN_COPY,
} State;

struct Script
{
  char *path;
  State state;
  GString *text; /* the word, tag, command, comment or line of COPY that is being read */
  char before;   /* the character before this one, in SQL and block comments */
  /* Of quotes: */
  char quote;
  bool has_escapes;
  bool skip;           /* the next character is escaped */
  bool is_nonstandard; /* standard_conforming_strings is off */
  guint comment_depth;
  guint tag_matched; /* characters of the closing tag */
  GString *tag;
  /* Of the statement: */
  guint word_count;
  int paren_depth;
  char first[WORD_MAX_BYTES], second[WORD_MAX_BYTES], last[WORD_MAX_BYTES];
  bool is_copy_in;     /* COPY ... FROM stdin */
  bool copies_at_line; /* its rows begin with the next line */
  /* Of the whole: */
  bool is_gzip, is_dump, is_complete, is_ours, has_index;
};

Script *
script_new (const char *path, bool is_gzip)
{
  Script *script = g_new0 (Script, 1);
  script->path = g_strdup (path);
  script->is_gzip = is_gzip;
  script->text = g_string_new (NULL);
  script->tag = g_string_new (NULL);
  return script;
}

void
script_free (Script *script)
{
  if (script == NULL)
    return;
  g_free (script->path);
  g_string_free (script->text, TRUE);
  g_string_free (script->tag, TRUE);
  g_free (script);
}

static bool
is_word_part (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '$' || (c & 0x80) != 0;
}

static void
begin (Script *script, State state)
{
  script->state = state;
  script->before = '\0';
  g_string_truncate (script->text, 0);
}

static void
keep (Script *script, char c, size_t max)
{
  if (script->text->len < max)
    g_string_append_c (script->text, c);
}

static bool
is_any (const char *word, const char *const *words)
{
  for (; *words != NULL; words++)
    if (strcmp (word, *words) == 0)
      return true;
  return false;
}

/* Statements about the server as a whole, by their first two words. */
static bool
leads_out (const Script *script)
{
  static const char *const verbs[] = { "create", "alter", "drop", NULL };
  static const char *const dropped[] = { "role", "tablespace", NULL };
  if (!is_any (script->first, verbs))
    return false;
  return strcmp (script->second, "database") == 0
         || (strcmp (script->first, "alter") == 0 && strcmp (script->second, "system") == 0)
         || (strcmp (script->first, "drop") == 0 && is_any (script->second, dropped));
}

static bool
end_word (Script *script, GError **error)
{
  if (script->text->len == 0)
    return true;
  g_autofree char *word = g_ascii_strdown (script->text->str, -1);
  g_string_truncate (script->text, 0);
  if (script->paren_depth > 0)
    return true;
  script->word_count++;
  if (script->word_count == 1)
    g_strlcpy (script->first, word, sizeof script->first);
  if (script->word_count == 2)
    g_strlcpy (script->second, word, sizeof script->second);
  if (strcmp (script->first, "copy") == 0 && strcmp (script->last, "from") == 0
      && strcmp (word, "stdin") == 0)
    script->is_copy_in = true;
  g_strlcpy (script->last, word, sizeof script->last);
  if (script->word_count != 2 || !leads_out (script))
    return true;
  g_autofree char *first = g_ascii_strup (script->first, -1);
  g_autofree char *second = g_ascii_strup (script->second, -1);
  return keel_error (
      error, KEEL_ERROR_REFUSED,
      "It was made with --create or by pg_dumpall: make it again without, or run it by hand.",
      "“%s” would change more than the new database, by “%s %s”", script->path, first, second);
}

static void
end_statement (Script *script)
{
  if (strcmp (script->first, "set") == 0
      && strcmp (script->second, "standard_conforming_strings") == 0)
    script->is_nonstandard = strcmp (script->last, "on") != 0;
  script->copies_at_line = script->is_copy_in;
  script->is_copy_in = false;
  script->word_count = 0;
  script->paren_depth = 0;
  *script->first = *script->second = *script->last = '\0';
}

/* What dumps contain, and what changes neither the connection nor how psql runs them. */
static bool
is_harmless (const char *command)
{
  static const char *const names[] = { "restrict", "unrestrict", "echo", "qecho", "warn",
                                       "encoding", "timing",     "pset", ".",     NULL };
  static const char *const settings[] = { "set ON_ERROR_STOP on", "set ON_ERROR_STOP 1",
                                          "set ON_ERROR_STOP true", "set ON_ERROR_STOP", NULL };
  g_autofree char *name = g_strndup (command, strcspn (command, " \t\r"));
  g_autofree char *whole = g_strchomp (g_strdup (command));
  return (is_any (name, names) && strpbrk (command, "`\\") == NULL) || is_any (whole, settings);
}

static bool
end_command (Script *script, GError **error)
{
  bool is_fine = script->text->len < LINE_MAX_BYTES && is_harmless (script->text->str);
  g_autofree char *name = g_strndup (script->text->str, strcspn (script->text->str, " \t\r\\`"));
  begin (script, IN_SQL);
  if (is_fine)
    return true;
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  bool connects = strcmp (valid, "connect") == 0 || strcmp (valid, "c") == 0;
  return keel_error (
      error, KEEL_ERROR_REFUSED,
      connects
          ? "It was made with --create or by pg_dumpall: make it again without, or run it by hand."
          : "Take it out if it is not needed, or run the file by hand with psql.",
      connects ? "“%s” would leave the new database by “\\%s”"
               : "“%s” has the psql command “\\%s”, which could reach beyond the new database",
      script->path, valid);
}

/* Comments by which dumps are known. */
static void
end_line_comment (Script *script)
{
  const char *line = script->text->str;
  script->is_ours = script->is_ours || g_str_has_prefix (line, " Restore without pgkeel: ");
  script->has_index = script->has_index || g_str_has_prefix (line, " {\"end\":");
  script->is_dump = script->is_dump || strcmp (line, " PostgreSQL database dump") == 0;
  script->is_complete
      = script->is_complete || strcmp (line, " PostgreSQL database dump complete") == 0;
  begin (script, IN_SQL);
}

static void
end_line (Script *script)
{
  if (script->copies_at_line)
    begin (script, IN_COPY);
  script->copies_at_line = false;
}

static bool
begin_quotes (Script *script, char quote, GError **error)
{
  bool is_escape = script->text->len == 1 && (*script->text->str | 0x20) == 'e';
  if (!end_word (script, error))
    return false;
  script->quote = quote;
  script->has_escapes = quote == '\'' && (is_escape || script->is_nonstandard);
  script->skip = false;
  /* What stands between two words parts them. */
  *script->last = '\0';
  script->word_count++;
  begin (script, IN_QUOTES);
  return true;
}

static bool
read_sql (Script *script, char c, GError **error)
{
  char before = script->before;
  script->before = c;
  if (is_word_part (c) && (c != '$' || script->text->len > 0))
    {
      keep (script, c, WORD_MAX_BYTES - 1);
      return true;
    }
  if (c == '\'' || c == '"')
    return begin_quotes (script, c, error);
  if (!end_word (script, error))
    return false;
  if (c == '-' && before == '-')
    begin (script, IN_LINE_COMMENT);
  else if (c == '*' && before == '/')
    {
      begin (script, IN_BLOCK_COMMENT);
      script->comment_depth = 1;
    }
  else if (c == '$')
    begin (script, IN_DOLLAR_TAG);
  else if (c == '\\')
    begin (script, IN_COMMAND);
  else if (c == '(' || c == ')')
    script->paren_depth += c == '(' ? 1 : script->paren_depth > 0 ? -1 : 0;
  else if (c == ';')
    end_statement (script);
  else if (c == '\n')
    end_line (script);
  else if (c == '\0')
    return keel_error (error, KEEL_ERROR_USAGE, "Name a backup, SQL text or an archive of pg_dump.",
                       "“%s” is neither SQL text nor an archive of pg_dump", script->path);
  return true;
}

static void
read_block_comment (Script *script, char c)
{
  char before = script->before;
  script->before = c;
  if (before == '/' && c == '*')
    script->comment_depth++;
  else if (before == '*' && c == '/')
    script->comment_depth--;
  else
    return;
  script->before = '\0';
  if (script->comment_depth == 0)
    begin (script, IN_SQL);
}

static void
read_quotes (Script *script, char c)
{
  if (script->skip)
    script->skip = false;
  else if (script->has_escapes && c == '\\')
    script->skip = true;
  else if (c == script->quote)
    script->state = AFTER_QUOTE;
}

/* "$tag$" begins a quotation; "$1" is a parameter, and a lone "$" nothing. */
static bool
read_dollar_tag (Script *script, char c, GError **error)
{
  bool is_tag = is_word_part (c) && c != '$' && !(script->text->len == 0 && g_ascii_isdigit (c));
  if (is_tag)
    {
      keep (script, c, WORD_MAX_BYTES);
      return true;
    }
  if (c != '$')
    {
      begin (script, IN_SQL);
      return read_sql (script, c, error);
    }
  g_string_printf (script->tag, "$%s$", script->text->str);
  script->tag_matched = 0;
  *script->last = '\0';
  begin (script, IN_DOLLAR_QUOTES);
  return true;
}

/* A '$' is only at both ends of the tag, so after a mismatch only the first can match anew. */
static void
read_dollar_quotes (Script *script, char c)
{
  if (script->tag->str[script->tag_matched] == c)
    script->tag_matched++;
  else
    script->tag_matched = c == '$';
  if (script->tag_matched == script->tag->len)
    begin (script, IN_SQL);
}

static bool
read_command (Script *script, char c, GError **error)
{
  /* "\;" and "\:" are the characters themselves. */
  if (script->text->len == 0 && (c == ';' || c == ':'))
    begin (script, IN_SQL);
  else if (c == '\n')
    {
      if (!end_command (script, error))
        return false;
      end_line (script);
    }
  else
    keep (script, c, LINE_MAX_BYTES);
  return true;
}

static bool
read_one (Script *script, char c, GError **error)
{
  switch (script->state)
    {
    case IN_SQL: return read_sql (script, c, error);
    case IN_LINE_COMMENT:
      if (c != '\n')
        keep (script, c, LINE_MAX_BYTES);
      else
        {
          end_line_comment (script);
          end_line (script);
        }
      return true;
    case IN_BLOCK_COMMENT: read_block_comment (script, c); return true;
    case IN_QUOTES: read_quotes (script, c); return true;
    case AFTER_QUOTE:
      if (c == script->quote)
        {
          script->state = IN_QUOTES;
          return true;
        }
      begin (script, IN_SQL);
      return read_sql (script, c, error);
    case IN_DOLLAR_TAG: return read_dollar_tag (script, c, error);
    case IN_DOLLAR_QUOTES: read_dollar_quotes (script, c); return true;
    case IN_COMMAND: return read_command (script, c, error);
    case IN_COPY: break;
    }
  return true;
}

/* Rows, line by line up to "\."; returns how much of DATA they are. */
static size_t
read_copy (Script *script, const char *data, size_t length)
{
  size_t at = 0;
  while (at < length && script->state == IN_COPY)
    {
      const char *end = memchr (data + at, '\n', length - at);
      size_t count = end != NULL ? (size_t) (end - data) - at : length - at;
      if (script->text->len < 4)
        g_string_append_len (script->text, data + at, (gssize) MIN (count, 4));
      at += count + (end != NULL);
      if (end == NULL)
        break;
      if (strcmp (script->text->str, "\\.") == 0 || strcmp (script->text->str, "\\.\r") == 0)
        begin (script, IN_SQL);
      else
        g_string_truncate (script->text, 0);
    }
  return at;
}

bool
script_read (Script *script, const char *data, size_t length, GError **error)
{
  for (size_t at = 0; at < length;)
    if (script->state == IN_COPY)
      at += read_copy (script, data + at, length - at);
    else if (!read_one (script, data[at++], error))
      return false;
  return true;
}

bool
script_end (Script *script, GError **error)
{
  if (script->state == IN_LINE_COMMENT)
    end_line_comment (script);
  if ((script->state == IN_COMMAND && !end_command (script, error))
      || (script->state == IN_SQL && !end_word (script, error)))
    return false;
  if (script->is_ours && (script->is_gzip || !script->has_index))
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one ends early.",
                       "“%s” was written by pgkeel, but lacks its end", script->path);
  if (script->is_dump && !script->is_complete)
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one ends early.",
                       "“%s” was begun by pg_dump, but lacks its end", script->path);
  return true;
}
