/*
 * Writes a statement as it should be, where that follows from its text alone.
 *
 * Texts are cut and put together, not printed from the tree: names, quotes and comments stay as whoever
 * wrote them chose. What has options that are not known here is left to people.
 */
#include "migrate/lint_internal.h"
#include "sql/token.h"
#include "sql/tree.h"

#include <string.h>

/* The statement as its tokens, comments left out. */
typedef struct
{
  const char *text;
  size_t length;
  GArray *tokens; /* of SqlToken */
} Words;

static Words
words_of (const char *text, size_t length)
{
  Words words = { text, length, g_array_new (FALSE, FALSE, sizeof (SqlToken)) };
  size_t at = 0;
  SqlToken token;
  while (sql_token_next_word (text, length, &at, &token))
    g_array_append_val (words.tokens, token);
  return words;
}

static const SqlToken *
word_at (const Words *words, guint index)
{
  return index < words->tokens->len ? &g_array_index (words->tokens, SqlToken, index) : NULL;
}

static bool
word_is (const Words *words, guint index, const char *word)
{
  const SqlToken *token = word_at (words, index);
  return token != NULL && sql_token_is (words->text, token, word);
}

/* Which token is that word, from FROM on; words->tokens->len when there is none. */
static guint
find_word (const Words *words, guint from, const char *word)
{
  while (from < words->tokens->len && !word_is (words, from, word))
    from++;
  return from;
}

/* The statement with INSERTED behind token INDEX. */
static char *
insert_behind (const Words *words, guint index, const char *inserted)
{
  const SqlToken *token = word_at (words, index);
  if (token == NULL)
    return NULL;
  size_t end = token->start + token->length;
  return g_strdup_printf ("%.*s%s%.*s", (int) end, words->text, inserted,
                          (int) (words->length - end), words->text + end);
}

/* The text of tokens FIRST up to before END. */
static char *
text_between (const Words *words, guint first, guint end)
{
  const SqlToken *from = word_at (words, first), *last = word_at (words, end - 1);
  if (from == NULL || last == NULL || end <= first)
    return NULL;
  return g_strndup (words->text + from->start, last->start + last->length - from->start);
}

/* ALTER TABLE [IF EXISTS] [ONLY] name: the name's text, and *RET_NEXT the token behind it. */
static char *
table_text (const Words *words, guint *ret_next)
{
  guint at = 2;
  if (!word_is (words, 0, "alter") || !word_is (words, 1, "table"))
    return NULL;
  if (word_is (words, at, "if"))
    at += 2;
  if (word_is (words, at, "only"))
    return NULL;
  guint end = at + 1;
  while (word_at (words, end) != NULL && words->text[word_at (words, end)->start] == '.')
    end += 2;
  *ret_next = end;
  return text_between (words, at, end);
}

static char *
rewrite_create_index (const Words *words)
{
  return insert_behind (words, find_word (words, 0, "index"), " CONCURRENTLY");
}

/* More than one at once there is none, nor CASCADE. */
static char *
rewrite_drop_index (const Words *words, const json_t *node)
{
  if (json_array_size (json_object_get (node, "objects")) != 1
      || sql_tree_is (node, "behavior", "DROP_CASCADE"))
    return NULL;
  return insert_behind (words, find_word (words, 0, "index"), " CONCURRENTLY");
}

static char *
rewrite_reindex (const Words *words)
{
  static const char *const kinds[] = { "index", "table", "schema", "database" };
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      guint at = find_word (words, 1, kinds[i]);
      if (at < words->tokens->len)
        return insert_behind (words, at, " CONCURRENTLY");
    }
  return NULL;
}

/* The name behind CONSTRAINT, as it is written. */
static char *
constraint_text (const Words *words, guint from)
{
  guint at = find_word (words, from, "constraint");
  return text_between (words, at + 1, at + 2);
}

static char *
rewrite_not_valid (const Words *words)
{
  guint next = 0;
  g_autofree char *table = table_text (words, &next);
  g_autofree char *name = constraint_text (words, next);
  if (table == NULL || name == NULL || !word_is (words, next, "add")
      || !word_is (words, next + 1, "constraint"))
    return NULL;
  return g_strdup_printf ("%.*s NOT VALID;\nALTER TABLE %s VALIDATE CONSTRAINT %s",
                          (int) words->length, words->text, table, name);
}

/* ALTER TABLE t ALTER [COLUMN] c SET NOT NULL. */
static char *
rewrite_set_not_null (const Words *words)
{
  guint next = 0;
  g_autofree char *table = table_text (words, &next);
  if (table == NULL || !word_is (words, next, "alter"))
    return NULL;
  guint at = word_is (words, next + 1, "column") ? next + 2 : next + 1;
  g_autofree char *column = text_between (words, at, at + 1);
  const SqlToken *token = word_at (words, at);
  if (column == NULL || token->kind != SQL_TOKEN_WORD || !word_is (words, at + 1, "set"))
    return NULL;
  g_autofree char *name = g_strdup_printf ("%.40s_not_null", column);
  return g_strdup_printf ("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n"
                          "ALTER TABLE %s VALIDATE CONSTRAINT %s;\n"
                          "%.*s;\n"
                          "ALTER TABLE %s DROP CONSTRAINT %s",
                          table, name, column, table, name, (int) words->length, words->text, table,
                          name);
}

/* ALTER TABLE t ADD CONSTRAINT n UNIQUE (columns), and nothing behind it. */
static char *
rewrite_unique (const Words *words)
{
  guint next = 0;
  g_autofree char *table = table_text (words, &next);
  g_autofree char *name = constraint_text (words, next);
  guint unique = next + 3;
  guint last = words->tokens->len - 1;
  if (table == NULL || name == NULL || !word_is (words, next, "add")
      || !word_is (words, next + 1, "constraint") || !word_is (words, unique, "unique")
      || words->text[word_at (words, last)->start] != ')')
    return NULL;
  g_autofree char *columns = text_between (words, unique + 1, last + 1);
  if (columns == NULL || columns[0] != '(' || strchr (columns + 1, '(') != NULL)
    return NULL;
  return g_strdup_printf ("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s %s;\n"
                          "ALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s",
                          name, table, columns, table, name, name);
}

/* Only a plain table is known to take it. */
static bool
is_plain_table (const Lint *lint, const char *key)
{
  const LockRelation *relation = lock_schema_find (lint->schema, key);
  return relation != NULL && relation->kind == LOCK_RELATION_TABLE;
}

static bool
is_single_command (const Lint *lint)
{
  return strcmp (lint->kind, "AlterTableStmt") == 0
         && json_array_size (json_object_get (lint->node, "cmds")) == 1;
}

char *
lint_rewrite (const Lint *lint, const LintReport *report)
{
  if (lint->statement == NULL || lint->node == NULL)
    return NULL;
  Words words = words_of (lint->text + lint->statement->start, lint->statement->length);
  bool is_plain = report->key != NULL && is_plain_table (lint, report->key);
  char *rewrite = NULL;
  if (report->rule == RULE_INDEX_NOT_CONCURRENT && is_plain)
    rewrite = rewrite_create_index (&words);
  else if (report->rule == RULE_DROP_INDEX_NOT_CONCURRENT)
    rewrite = rewrite_drop_index (&words, lint->node);
  else if (report->rule == RULE_REINDEX_NOT_CONCURRENT)
    rewrite = rewrite_reindex (&words);
  else if (is_plain && is_single_command (lint))
    {
      if (report->rule == RULE_CHECK_VALIDATED || report->rule == RULE_FOREIGN_KEY_VALIDATED)
        rewrite = rewrite_not_valid (&words);
      else if (report->rule == RULE_SET_NOT_NULL)
        rewrite = rewrite_set_not_null (&words);
      else if (report->rule == RULE_UNIQUE_BUILDS_INDEX)
        rewrite = rewrite_unique (&words);
    }
  g_array_unref (words.tokens);
  return rewrite;
}
