/*
 * Puts the rewrites of a result into a file's text, where that keeps its meaning.
 *
 * Each of them needs its statements committed one by one. That is certain to be right only when
 * nothing else in the file relies on being one transaction with them.
 */
#include "migrate/lint_internal.h"
#include "sql/token.h"

#include <string.h>

#define TIMEOUT "lock_timeout = '5s';\n"

static const LintFinding *
rewrite_at (const LintFile *file, const LintResult *result, const SqlStatement *statement)
{
  for (guint i = 0; i < result->findings->len; i++)
    {
      const LintFinding *finding = result->findings->pdata[i];
      if (finding->rewrite != NULL && finding->offset == statement->start
          && strcmp (finding->path, file->path) == 0)
        return finding;
    }
  return NULL;
}

/* What may stand beside them: settings, and what is committed by itself anyway. */
static bool
is_indifferent (const char *text, const SqlStatement *statement)
{
  static const char *const beginnings[][5] = {
    { "set" },
    { "reset" },
    { "create", "index", "concurrently" },
    { "create", "unique", "index", "concurrently" },
    { "drop", "index", "concurrently" },
    { "reindex" },
    { "vacuum" },
    { "analyze" },
    { "comment" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (beginnings); i++)
    if (sql_begins_with (text + statement->start, statement->length, beginnings[i]))
      return true;
  return false;
}

static unsigned int
line_at (const LintFile *file, size_t offset)
{
  unsigned int line = MAX (file->line, 1);
  for (size_t i = 0; i < offset && i < file->length; i++)
    line += file->text[i] == '\n';
  return line;
}

static void
say (GPtrArray *notes, const LintFile *file, size_t offset, const char *what)
{
  g_ptr_array_add (notes, g_strdup_printf ("%s:%u: %s", file->path, line_at (file, offset), what));
}

/* The statement that keeps the file from losing its transaction, or NULL. */
static const SqlStatement *
obstacle (const LintFile *file, const LintResult *result, const GArray *statements)
{
  for (guint i = 0; i < statements->len && !file->no_transaction; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      if (rewrite_at (file, result, statement) == NULL && !is_indifferent (file->text, statement))
        return statement;
    }
  return NULL;
}

static bool
lacks_timeout (const LintFile *file, const LintResult *result)
{
  for (guint i = 0; i < result->findings->len; i++)
    {
      const LintFinding *finding = result->findings->pdata[i];
      if (finding->rule == lint_rule (RULE_LOCK_TIMEOUT) && strcmp (finding->path, file->path) == 0)
        return true;
    }
  return false;
}

/* Puts the rewrites in; returns how many. */
static guint
put_in (const LintFile *file, const LintResult *result, const GArray *statements, GString *text,
        GPtrArray *notes)
{
  size_t at = 0;
  guint count = 0;
  for (guint i = 0; i < statements->len; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      const LintFinding *finding = rewrite_at (file, result, statement);
      if (finding == NULL)
        continue;
      g_string_append_len (text, file->text + at, (gssize) (statement->start - at));
      g_string_append (text, finding->rewrite);
      at = statement->start + statement->length;
      g_autofree char *what = g_strconcat (finding->rule->id, ": written anew", NULL);
      say (notes, file, statement->start, what);
      count++;
    }
  g_string_append_len (text, file->text + at, (gssize) (file->length - at));
  return count;
}

bool
lint_fix (const LintFile *file, const LintResult *result, const char *marker, char **ret_text,
          GPtrArray **ret_notes, GError **error)
{
  g_autoptr (GArray) statements = sql_split (file->text, file->length);
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) head = g_string_new (NULL);
  const SqlStatement *blocking = obstacle (file, result, statements);
  guint count = 0;
  if (memchr (file->text, '\0', file->length) != NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "%s: a zero byte in it", file->path);
  if (blocking == NULL)
    count = put_in (file, result, statements, text, notes);
  else
    {
      g_string_append_len (text, file->text, (gssize) file->length);
      for (guint i = 0; i < statements->len; i++)
        {
          const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
          g_autofree char *what = g_strdup_printf (
              "not changed: it would have to leave the transaction it shares with line %u; move it to "
              "a file of its own",
              line_at (file, blocking->start));
          if (rewrite_at (file, result, statement) != NULL)
            say (notes, file, statement->start, what);
        }
    }
  if (count > 0 && !file->no_transaction)
    g_string_append_printf (head, "%s\n", marker);
  if (lacks_timeout (file, result))
    {
      g_string_append_printf (head, "%s%s",
                              count > 0 || file->no_transaction ? "SET " : "SET LOCAL ", TIMEOUT);
      say (notes, file, 0, "lock-timeout: SET lock_timeout added");
    }
  g_string_prepend (text, head->str);
  bool is_changed = count > 0 || head->len > 0;
  *ret_text = is_changed ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
  *ret_notes = g_steal_pointer (&notes);
  return true;
}
