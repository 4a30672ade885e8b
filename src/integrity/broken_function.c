#include "integrity/broken_function.h"

#include "sql/token.h"

#include <string.h>

static const char functions_sql[]
    = "SELECT p.oid::regprocedure::text, p.prosrc, p.oid\n"
      "  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace\n"
      "  JOIN pg_language l ON l.oid = p.prolang\n"
      " WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"
      "   AND l.lanname IN ('sql', 'plpgsql') AND p.prosrc <> ''\n"
      "   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass\n"
      "                      AND e.objid = p.oid AND e.deptype = 'e')\n"
      " ORDER BY 1";

static const char relations_sql[]
    = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')\n"
      "UNION ALL SELECT nspname, NULL FROM pg_namespace";

/* --- the text ------------------------------------------------------------------------------------- */

typedef struct
{
  const char *text;
  GArray *tokens; /* of SqlToken, without comments */
  guint at;
} Body;

static const SqlToken *
token_at (const Body *body, guint i)
{
  return i < body->tokens->len ? &g_array_index (body->tokens, SqlToken, i) : NULL;
}

static bool
is_word (const Body *body, guint i, const char *word)
{
  const SqlToken *token = token_at (body, i);
  return token != NULL && sql_token_is (body->text, token, word);
}

static bool
is_sign (const Body *body, guint i, const char *sign)
{
  const SqlToken *token = token_at (body, i);
  return token != NULL && token->kind == SQL_TOKEN_OPERATOR && token->length == strlen (sign)
         && strncmp (body->text + token->start, sign, token->length) == 0;
}

/* The name at I as the catalogues have it; NULL when there is none. */
static char *
name_at (const Body *body, guint i)
{
  const SqlToken *token = token_at (body, i);
  if (token == NULL)
    return NULL;
  const char *start = body->text + token->start;
  if (token->kind == SQL_TOKEN_WORD)
    return g_ascii_strdown (start, (gssize) token->length);
  if (token->kind != SQL_TOKEN_QUOTED || *start != '"' || token->length < 3)
    return NULL;
  g_autofree char *inner = g_strndup (start + 1, token->length - 2);
  g_auto (GStrv) parts = g_strsplit (inner, "\"\"", -1);
  return g_strjoinv ("\"", parts);
}

/* "name" or "schema.name" that begins at I; *RET_END is what follows it. */
static char *
full_name_at (const Body *body, guint i, guint *ret_end)
{
  g_autofree char *first = name_at (body, i);
  *ret_end = i + 1;
  if (first == NULL)
    return NULL;
  g_autofree char *second = is_sign (body, i + 1, ".") ? name_at (body, i + 2) : NULL;
  if (second == NULL)
    return g_steal_pointer (&first);
  *ret_end = i + 3;
  return g_strdup_printf ("%s.%s", first, second);
}

static bool
begins_statement (const Body *body, guint i)
{
  static const char *const before[]
      = { "begin", "then", "else", "loop", "as", "query", "explain", "analyze" };
  if (i == 0 || token_at (body, i - 1)->kind == SQL_TOKEN_SEMICOLON || is_sign (body, i - 1, "(")
      || is_sign (body, i - 1, ")"))
    return true;
  for (size_t k = 0; k < G_N_ELEMENTS (before); k++)
    if (is_word (body, i - 1, before[k]))
      return true;
  return false;
}

/* Where the name of what is written to begins; 0: this is no such statement. */
static guint
target_of_statement (const Body *body, guint i)
{
  guint at = 0;
  if ((is_word (body, i, "insert") || is_word (body, i, "merge")) && is_word (body, i + 1, "into"))
    at = i + 2;
  else if (is_word (body, i, "delete") && is_word (body, i + 1, "from"))
    at = i + 2;
  else if (is_word (body, i, "update") && begins_statement (body, i))
    at = i + 1;
  return at > 0 && is_word (body, at, "only") ? at + 1 : at;
}

static void
add_made_here (const Body *body, guint i, GHashTable *made)
{
  guint at = i + 1;
  if (!is_word (body, i, "table"))
    return;
  if (is_word (body, at, "if") && is_word (body, at + 1, "not") && is_word (body, at + 2, "exists"))
    at += 3;
  char *name = full_name_at (body, at, &at);
  if (name != NULL)
    g_hash_table_add (made, name);
}

static void
add_name (const Body *body, guint i, GHashTable *made, GPtrArray *names)
{
  guint end = 0;
  guint target = target_of_statement (body, i);
  bool reads = is_word (body, i, "from") || is_word (body, i, "join");
  g_autofree char *name = NULL;
  if (target > 0)
    name = full_name_at (body, target, &end);
  else if (reads)
    {
      name = full_name_at (body, i + 1, &end);
      /* Without a schema it may be a variable, a cursor, or a common table expression. */
      if (name != NULL && (end != i + 4 || is_sign (body, end, "(")))
        return;
    }
  else if (is_word (body, i + 1, "rowtype") && is_sign (body, i, "%") && i > 0)
    {
      guint start = i >= 3 && is_sign (body, i - 2, ".") ? i - 3 : i - 1;
      name = full_name_at (body, start, &end);
    }
  if (name != NULL && !g_hash_table_contains (made, name))
    g_ptr_array_add (names, g_steal_pointer (&name));
}

GPtrArray *
broken_function_names (const char *text)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (SqlToken));
  g_autoptr (GHashTable) made = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  size_t at = 0;
  SqlToken token;
  while (sql_token_next_word (text, strlen (text), &at, &token))
    g_array_append_val (tokens, token);
  Body body = { .text = text, .tokens = tokens };
  for (guint i = 0; i < tokens->len; i++)
    add_made_here (&body, i, made);
  for (guint i = 0; i < tokens->len; i++)
    add_name (&body, i, made, names);
  return names;
}

/* --- against the catalogues ----------------------------------------------------------------------- */

/* Of "name", "schema.name" and "schema." for every relation and schema. */
static bool
read_relations (CheckContext *context, GHashTable **ret_known, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, relations_sql, 0, NULL, &result, error))
    return false;
  GHashTable *known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const char *schema = db_result_text (result, row, 0);
      const char *name = db_result_text (result, row, 1);
      g_hash_table_add (known, g_strdup_printf ("%s.%s", schema, name));
      if (*name != '\0')
        g_hash_table_add (known, g_strdup (name));
    }
  *ret_known = known;
  return true;
}

/* With a schema that does not exist it is a record and its field, or a table's alias. */
static bool
is_missing (GHashTable *known, const char *name)
{
  const char *dot = strchr (name, '.');
  if (g_hash_table_contains (known, name))
    return false;
  g_autofree char *schema
      = dot != NULL ? g_strndup (name, (gsize) (dot - name) + 1) : g_strdup ("");
  return dot == NULL || g_hash_table_contains (known, schema);
}

static void
look_at (CheckContext *context, const Check *check, const DbResult *result, int row,
         GHashTable *known)
{
  g_autoptr (GPtrArray) names = broken_function_names (db_result_text (result, row, 1));
  g_autoptr (GHashTable) told = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GString) list = g_string_new (NULL);
  for (guint i = 0; i < names->len; i++)
    if (is_missing (known, names->pdata[i]) && g_hash_table_add (told, names->pdata[i]))
      g_string_append_printf (list, "%s%s", list->len > 0 ? ", " : "",
                              (const char *) names->pdata[i]);
  if (list->len == 0)
    return;
  Finding *finding = finding_new (check, db_result_text (result, row, 0),
                                  "uses %s, which no schema has", list->str);
  finding->query
      = g_strdup_printf ("SELECT pg_get_functiondef(%s)", db_result_text (result, row, 2));
  check_found (context, finding);
}

bool
broken_function_run (CheckContext *context, const Check *check, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GHashTable) known = NULL;
  if (!check_query (context, functions_sql, 0, NULL, &result, error)
      || !read_relations (context, &known, error))
    return false;
  int count = db_result_rows (result);
  check_expect (context, check, "functions in SQL and PL/pgSQL", count);
  for (int row = 0; row < count; row++)
    look_at (context, check, result, row, known);
  check_covered (context, check, count, 0);
  return true;
}
