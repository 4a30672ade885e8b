/*
 * What a text means, in a form that its layout does not change.
 *
 * Line ends are made alike before anything else: a checkout on another system changes them inside
 * function bodies and strings too, and no migration is about them.
 */
#include "base/digest.h"
#include "sql/parse.h"
#include "sql/split.h"
#include "sql/token.h"

#include <string.h>

#define DIGEST_HEX_CHARS 32

/* Which statement the tokens are of, as far as their digest depends on it. */
typedef struct
{
  unsigned int count; /* of tokens so far */
  bool is_copy, is_routine;
  bool after_from, from_stdin; /* the word before was FROM; FROM STDIN was there */
} Statement;

static char *
unify_line_ends (const char *text, size_t length, size_t *ret_length)
{
  char *copy = g_malloc (length + 1);
  size_t at = 0;
  for (size_t i = 0; i < length; i++)
    if (text[i] != '\r' || i + 1 >= length || text[i + 1] != '\n')
      copy[at++] = text[i];
  copy[at] = '\0';
  *ret_length = at;
  return copy;
}

/* A byte that no token holds ends each, so that "a b" and "ab" differ. */
static void
add (GString *meaning, char kind, const char *text, size_t length, bool fold)
{
  g_string_append_c (meaning, kind);
  gsize start = meaning->len;
  g_string_append_len (meaning, text, (gssize) length);
  for (gsize i = start; fold && i < meaning->len; i++)
    meaning->str[i] = g_ascii_tolower (meaning->str[i]);
  g_string_append_c (meaning, '\0');
}

/* Whether the routine that is declared from AT on is in a language of which layout is no part: SQL
 * and PL/pgSQL, but not Python. The clause may follow the body; without one it is BY_DEFAULT. */
static bool
has_free_layout (const char *text, size_t length, size_t at, bool by_default)
{
  bool after_language = false, is_known = by_default;
  SqlToken token;
  while (sql_token_next_word (text, length, &at, &token) && token.kind != SQL_TOKEN_SEMICOLON)
    {
      if (after_language)
        is_known = sql_token_is (text, &token, "sql") || sql_token_is (text, &token, "plpgsql")
                   || memmem (text + token.start, token.length, "'plpgsql'", 9) != NULL
                   || memmem (text + token.start, token.length, "'sql'", 5) != NULL;
      after_language = sql_token_is (text, &token, "language");
      if (after_language)
        is_known = false;
    }
  return is_known;
}

static void
note_word (Statement *statement, const char *text, size_t length, const SqlToken *token)
{
  size_t end = token->start + token->length;
  statement->count++;
  if (statement->count == 1)
    {
      statement->is_copy = sql_token_is (text, token, "copy");
      statement->is_routine
          = sql_token_is (text, token, "do") && has_free_layout (text, length, end, true);
    }
  else if (statement->count <= 4
           && (sql_token_is (text, token, "function") || sql_token_is (text, token, "procedure")))
    statement->is_routine = has_free_layout (text, length, end, false);
  statement->from_stdin |= statement->after_from && sql_token_is (text, token, "stdin");
  statement->after_from = sql_token_is (text, token, "from");
}

static void add_tokens (GString *meaning, const char *text, size_t length);

static void
add_token (GString *meaning, const char *text, const SqlToken *token, const Statement *statement)
{
  const char *start = text + token->start;
  switch (token->kind)
    {
    case SQL_TOKEN_WORD:
    case SQL_TOKEN_NUMBER: add (meaning, 'w', start, token->length, true); break;
    case SQL_TOKEN_DOLLAR:
      {
        SqlToken body = sql_token_dollar_body (text, token);
        add (meaning, 's', "", 0, false);
        if (statement->is_routine)
          add_tokens (meaning, text + body.start, body.length);
        else
          add (meaning, 's', text + body.start, body.length, false);
        add (meaning, 's', "", 0, false);
        break;
      }
    case SQL_TOKEN_OPERATOR: add (meaning, 'o', start, token->length, false); break;
    default: add (meaning, 'q', start, token->length, false);
    }
}

/* Rows follow COPY FROM STDIN up to a line "\.", and their case and white space count. Returns where
 * the SQL goes on. */
static size_t
add_copy_rows (GString *meaning, const char *text, size_t length, size_t at)
{
  const char *end = memmem (text + at, length - at, "\n\\.", 3);
  size_t stop = end != NULL ? (size_t) (end - text) + 3 : length;
  add (meaning, 'r', text + at, stop - at, false);
  return stop;
}

static void
add_tokens (GString *meaning, const char *text, size_t length)
{
  Statement statement = { 0 };
  SqlToken token;
  size_t at = 0;
  while (sql_token_next_word (text, length, &at, &token))
    {
      if (token.kind != SQL_TOKEN_SEMICOLON)
        {
          note_word (&statement, text, length, &token);
          add_token (meaning, text, &token, &statement);
          continue;
        }
      if (statement.is_copy && statement.from_stdin)
        at = add_copy_rows (meaning, text, length, at);
      if (statement.count > 0)
        add (meaning, ';', "", 0, false);
      statement = (Statement){ 0 };
    }
  if (statement.count > 0)
    add (meaning, ';', "", 0, false);
}

static char *
digest_hex (const char *data, size_t length)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (data, length, sum);
  char *hex = sha256_hex (sum);
  hex[DIGEST_HEX_CHARS] = '\0';
  return hex;
}

static bool
is_location (const char *key, const json_t *value)
{
  return json_is_integer (value)
         && (g_str_has_suffix (key, "location") || g_str_equal (key, "stmt_len")
             || g_str_equal (key, "rexpr_list_start") || g_str_equal (key, "rexpr_list_end")
             || g_str_equal (key, "list_start") || g_str_equal (key, "list_end"));
}

/* jansson has bounded how deep it is. */
static void
remove_locations (json_t *tree)
{
  const char *key;
  void *next;
  json_t *value;
  size_t index;
  json_object_foreach_safe (tree, next, key, value)
    {
      if (is_location (key, value))
        json_object_del (tree, key);
      else
        remove_locations (value);
    }
  json_array_foreach (tree, index, value)
    remove_locations (value);
}

/* *RET_ALL becomes false when something could not be parsed. */
static bool
add_trees (SqlParser *parser, const char *text, size_t length, GString *meaning, bool *ret_all,
           GError **error)
{
  g_autoptr (GArray) statements = sql_split (text, length);
  *ret_all = true;
  for (guint i = 0; i < statements->len && *ret_all; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      json_t *tree = NULL;
      if (!sql_parse (parser, text + statement->start, statement->length, &tree, NULL, NULL, error))
        return false;
      remove_locations (tree);
      char *dump = tree != NULL ? json_dumps (tree, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
      json_decref (tree);
      *ret_all = dump != NULL;
      if (dump != NULL)
        g_string_append_len (meaning, dump, (gssize) strlen (dump) + 1);
      free (dump);
    }
  return true;
}

bool
sql_fingerprint (SqlParser *parser, const char *text, size_t length, char **ret_fingerprint,
                 GError **error)
{
  size_t unified_length;
  bool all_parsed;
  g_autofree char *unified = unify_line_ends (text, length, &unified_length);
  g_autoptr (GString) words = g_string_new (NULL);
  g_autoptr (GString) trees = g_string_new (NULL);
  g_autoptr (GString) result = g_string_new ("tokens:");
  if (!add_trees (parser, unified, unified_length, trees, &all_parsed, error))
    return false;
  add_tokens (words, unified, unified_length);
  g_autofree char *words_hex = digest_hex (words->str, words->len);
  g_autofree char *trees_hex = digest_hex (trees->str, trees->len);
  g_string_append (result, words_hex);
  if (all_parsed)
    g_string_append_printf (result, " pg%d:%s", sql_parser_version (), trees_hex);
  *ret_fingerprint = g_string_free (g_steal_pointer (&result), FALSE);
  return true;
}

bool
sql_fingerprint_equal (const char *a, const char *b)
{
  g_auto (GStrv) forms_of_a = g_strsplit (a, " ", -1);
  g_auto (GStrv) forms_of_b = g_strsplit (b, " ", -1);
  for (char **form = forms_of_a; *form != NULL; form++)
    if (**form != '\0' && g_strv_contains ((const char *const *) forms_of_b, *form))
      return true;
  return false;
}
