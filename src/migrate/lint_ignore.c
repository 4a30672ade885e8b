/*
 * Comments that say a finding is meant to be: "-- pgkeel: ignore RULE reason" before a statement, in
 * it or behind it on its last line; "-- pgkeel: ignore-file RULE reason" anywhere.
 */
#include "migrate/lint_internal.h"
#include "sql/token.h"

#include <stdint.h>
#include <string.h>

#define MARK "pgkeel: "
#define WORD "ignore"
#define WORD_FILE "ignore-file"

static void
ignore_free (LintIgnore *ignore)
{
  g_free (ignore->name);
  g_free (ignore->reason);
  g_free (ignore);
}

/* Which statements a comment at OFFSET is about: the one it is in or before, or, on the same line, the
 * one it is behind. */
static void
find_range (LintIgnore *ignore, const char *text, const GArray *statements)
{
  for (guint i = 0; i < statements->len; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      const SqlStatement *before = i > 0 ? &g_array_index (statements, SqlStatement, i - 1) : NULL;
      if (before != NULL && ignore->offset > before->start && ignore->offset < statement->start)
        {
          size_t end = before->start + before->length;
          if (memchr (text + end, '\n', ignore->offset - MIN (end, ignore->offset)) == NULL)
            statement = before;
        }
      if (ignore->offset < statement->start + statement->length || statement == before
          || i + 1 == statements->len)
        {
          ignore->from = ignore->to = statement->start;
          return;
        }
    }
}

static void
add_rules (GPtrArray *ignores, const LintIgnore *found, const char *names, const char *text,
           const GArray *statements, bool is_file)
{
  g_auto (GStrv) list = g_strsplit (names, ",", -1);
  for (char **name = list; *name != NULL; name++)
    {
      if (**name == '\0')
        continue;
      LintIgnore *ignore = g_memdup2 (found, sizeof *found);
      ignore->name = g_strdup (*name);
      ignore->rule = lint_rule_find (*name);
      ignore->reason = g_strdup (found->reason);
      ignore->from = ignore->to = SIZE_MAX;
      if (is_file)
        ignore->from = 0;
      else
        find_range (ignore, text, statements);
      g_ptr_array_add (ignores, ignore);
    }
}

static void
read_comment (GPtrArray *ignores, const char *text, const SqlToken *token, const GArray *statements)
{
  g_autofree char *comment = g_strndup (text + token->start, token->length);
  const char *at = comment + 2;
  while (*at == ' ' || *at == '\t' || *at == '-')
    at++;
  if (!g_str_has_prefix (at, MARK))
    return;
  g_auto (GStrv) words = g_strsplit_set (at + strlen (MARK), " \t", 3);
  bool is_file = words[0] != NULL && strcmp (words[0], WORD_FILE) == 0;
  if (words[0] == NULL || words[1] == NULL || (!is_file && strcmp (words[0], WORD) != 0))
    return;
  LintIgnore found = { .offset = token->start };
  found.reason = words[2] != NULL ? g_strstrip (words[2]) : (char *) "";
  add_rules (ignores, &found, words[1], text, statements, is_file);
}

GPtrArray *
lint_ignores_read (const char *text, size_t length, const GArray *statements)
{
  GPtrArray *ignores = g_ptr_array_new_with_free_func ((GDestroyNotify) ignore_free);
  size_t at = 0;
  SqlToken token;
  if (memmem (text, length, MARK WORD, strlen (MARK WORD)) == NULL)
    return ignores;
  while (sql_token_next (text, length, &at, &token))
    if (token.kind == SQL_TOKEN_COMMENT)
      read_comment (ignores, text, &token, statements);
  return ignores;
}

bool
lint_ignores (const Lint *lint, const LintRule *rule)
{
  bool is_ignored = false;
  for (guint i = 0; i < lint->ignores->len; i++)
    {
      LintIgnore *ignore = lint->ignores->pdata[i];
      size_t start = lint->statement != NULL ? lint->statement->start : 0;
      if (ignore->rule != rule || start < ignore->from || start > ignore->to)
        continue;
      ignore->is_used = true;
      is_ignored = true;
    }
  return is_ignored;
}

void
lint_ignores_report (Lint *lint)
{
  for (guint i = 0; i < lint->ignores->len; i++)
    {
      const LintIgnore *ignore = lint->ignores->pdata[i];
      SqlStatement place = { ignore->offset, ignore->offset, 0 };
      lint->statement = &place;
      if (ignore->rule == NULL)
        lint_say (lint, RULE_UNUSED_IGNORE, "there is no rule “%s” to ignore", ignore->name);
      else if (!ignore->is_used)
        lint_say (lint, RULE_UNUSED_IGNORE, "“%s” is ignored, but there is none", ignore->name);
      if (ignore->rule != NULL && *ignore->reason == '\0')
        lint_say (lint, RULE_IGNORE_WITHOUT_REASON, "“%s” is ignored without a reason",
                  ignore->name);
      lint->statement = NULL;
    }
}
