#include "seed/gen_expr.h"

#include <string.h>

#define MAX_DEPTH 16
#define MAX_WEIGHT 1000000

typedef struct
{
  const char *text;
  const char *at;
} Reader;

void
gen_expr_free (GenExpr *expr)
{
  if (expr == NULL)
    return;
  g_free (expr->name);
  g_free (expr->text);
  g_ptr_array_unref (expr->args);
  g_free (expr);
}

static GenExpr *
expr_new (void)
{
  GenExpr *expr = g_new0 (GenExpr, 1);
  expr->weight = 1;
  expr->args = g_ptr_array_new_with_free_func ((GDestroyNotify) gen_expr_free);
  return expr;
}

char *
gen_expr_quote (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "'", -1);
  g_autofree char *doubled = g_strjoinv ("''", parts);
  return g_strconcat ("'", doubled, "'", NULL);
}

static bool
refuse (const Reader *reader, const char *wanted, GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG,
                     "Expressions are described in docs/generators.md: between(1, 10), "
                     "one_of('a' 3, 'b' 1), null(20, email()).",
                     "the expression “%s” is not understood at character %ld: %s", reader->text,
                     (long) g_utf8_strlen (reader->text, reader->at - reader->text) + 1, wanted);
}

static void
skip_blanks (Reader *reader)
{
  while (g_ascii_isspace (*reader->at))
    reader->at++;
}

static bool
take (Reader *reader, char wanted)
{
  skip_blanks (reader);
  if (*reader->at != wanted)
    return false;
  reader->at++;
  return true;
}

static bool
is_bare (char byte)
{
  return g_ascii_isalnum (byte) || strchr ("_.:+-", byte) != NULL;
}

static char *
read_bare (Reader *reader)
{
  const char *start = reader->at;
  while (*reader->at != '\0' && is_bare (*reader->at))
    reader->at++;
  return g_strndup (start, (gsize) (reader->at - start));
}

static bool
read_quoted (Reader *reader, char **ret_text, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (reader->at++; *reader->at != '\0'; reader->at++)
    {
      if (*reader->at == '\'' && *++reader->at != '\'')
        {
          *ret_text = g_string_free (g_steal_pointer (&text), FALSE);
          return true;
        }
      g_string_append_c (text, *reader->at);
    }
  return refuse (reader, "a quote is not closed", error);
}

static bool read_expr (Reader *reader, int depth, GenExpr **ret_expr, GError **error);

static bool
read_weight (Reader *reader, GenExpr *expr, GError **error)
{
  skip_blanks (reader);
  if (!g_ascii_isdigit (*reader->at))
    return true;
  g_autofree char *text = read_bare (reader);
  if (strspn (text, "0123456789") != strlen (text) || strlen (text) > 7
      || (expr->weight = g_ascii_strtoull (text, NULL, 10)) > MAX_WEIGHT)
    return refuse (reader, "a weight is a whole number up to 1000000", error);
  return true;
}

static bool
read_args (Reader *reader, int depth, GenExpr *expr, GError **error)
{
  if (take (reader, ')'))
    return true;
  do
    {
      GenExpr *arg;
      if (!read_expr (reader, depth + 1, &arg, error))
        return false;
      g_ptr_array_add (expr->args, arg);
      if (!read_weight (reader, arg, error))
        return false;
    }
  while (take (reader, ','));
  return take (reader, ')') || refuse (reader, "a comma or “)” must follow", error);
}

static bool
read_expr (Reader *reader, int depth, GenExpr **ret_expr, GError **error)
{
  g_autoptr (GenExpr) expr = expr_new ();
  skip_blanks (reader);
  if (depth > MAX_DEPTH)
    return refuse (reader, "it is nested too deeply", error);
  if (*reader->at == '\'')
    {
      if (!read_quoted (reader, &expr->text, error))
        return false;
    }
  else if (g_ascii_isalpha (*reader->at) || *reader->at == '_')
    {
      expr->name = read_bare (reader);
      if (strcmp (expr->name, "true") == 0 || strcmp (expr->name, "false") == 0)
        {
          expr->text = g_steal_pointer (&expr->name);
          expr->is_bare = true;
        }
      else if (take (reader, '(') && !read_args (reader, depth, expr, error))
        return false;
    }
  else if (*reader->at != '\0' && is_bare (*reader->at))
    {
      expr->text = read_bare (reader);
      expr->is_bare = true;
    }
  else
    return refuse (reader, "a function, a number or a 'text' must stand here", error);
  *ret_expr = g_steal_pointer (&expr);
  return true;
}

bool
gen_expr_parse (const char *text, GenExpr **ret_expr, GError **error)
{
  g_autoptr (GenExpr) expr = NULL;
  Reader reader = { .text = text, .at = text };
  if (!read_expr (&reader, 0, &expr, error))
    return false;
  skip_blanks (&reader);
  if (*reader.at != '\0')
    return refuse (&reader, "it should end here", error);
  *ret_expr = g_steal_pointer (&expr);
  return true;
}
