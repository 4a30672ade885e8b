#include "guard/mask.h"

#include <stdbool.h>
#include <string.h>

#define SECRET_NAME                                                                                \
  "[A-Za-z0-9_.-]*(?:pass|passwd|pwd|secret|token|credential|apikey|api_key|key)[A-Za-z0-9_.-]*"

static char *
replace (GRegex *regex, const char *text, const char *with)
{
  char *replaced = g_regex_replace (regex, text, -1, 0, with, 0, NULL);
  return replaced != NULL ? replaced : g_strdup ("***");
}

static GRegex *
compile (GRegex **kept, const char *pattern)
{
  if (g_once_init_enter (kept))
    {
      GRegex *regex
          = g_regex_new (pattern, G_REGEX_CASELESS | G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);
      g_assert (regex != NULL);
      g_once_init_leave (kept, regex);
    }
  return *kept;
}

char *
mask_text (const char *text)
{
  static GRegex *names, *urls, *sql, *headers;
  /* A quoted value to its quote, another to the next blank. */
  g_autofree char *named = replace (
      compile (&names, "(" SECRET_NAME ")=(?:'[^']*'|\"[^\"]*\"|[^\\s'\"]*)"), text, "\\1=***");
  g_autofree char *located
      = replace (compile (&urls, "(://[^\\s/:@]*):[^\\s/]*@"), named, "\\1:***@");
  /* ALTER ROLE ada PASSWORD 'x'; Authorization: Bearer x */
  g_autofree char *stated = replace (
      compile (&sql,
               "\\b(password|identified\\s+by)(\\s+)(?:E?'(?:[^']|'')*'|\\$(\\w*)\\$.*?\\$\\3\\$)"),
      located, "\\1\\2***");
  return replace (
      compile (&headers, "\\b((?:proxy-)?authorization|cookie|x-api-key)(\\s*:\\s*)[^'\"\\r\\n]+"),
      stated, "\\1\\2***");
}

/* "-e", "--env" and letters that end in e: the next word is a variable. */
static bool
announces_variable (const char *word)
{
  if (strcmp (word, "--env") == 0 || strcmp (word, "--build-arg") == 0)
    return true;
  size_t length = strlen (word);
  return length >= 2 && word[0] == '-' && word[1] != '-' && word[length - 1] == 'e';
}

static bool
announces_secret (const char *word)
{
  static GRegex *option;
  return strcmp (word, "-p") == 0
         || g_regex_match (compile (&option, "^--?" SECRET_NAME "$"), word, 0, NULL);
}

/* NAME=*** of NAME=VALUE. */
static char *
mask_variable (const char *word)
{
  const char *equals = strchr (word, '=');
  if (equals == NULL)
    return g_strdup (word);
  return g_strdup_printf ("%.*s=***", (int) (equals - word), word);
}

/* "--env=A=b" and "-eA=b". */
static char *
mask_joined (const char *word)
{
  static const char *const begins[] = { "--env=", "--build-arg=", "-e", NULL };
  for (size_t i = 0; begins[i] != NULL; i++)
    if (g_str_has_prefix (word, begins[i]) && strlen (word) > strlen (begins[i]))
      {
        g_autofree char *variable = mask_variable (word + strlen (begins[i]));
        return g_strconcat (begins[i], variable, NULL);
      }
  return NULL;
}

static char *
mask_word (const char *before, const char *word, bool is_login)
{
  if (before != NULL && announces_variable (before))
    return mask_variable (word);
  if (before != NULL && announces_secret (before) && (is_login || strcmp (before, "-p") != 0))
    return g_strdup ("***");
  char *joined = mask_joined (word);
  return joined != NULL ? joined : mask_text (word);
}

char *
mask_line (char *const *argv)
{
  bool is_login = g_strv_contains ((const char *const *) argv, "login");
  GString *line = g_string_new (NULL);
  for (size_t i = 0; argv[i] != NULL; i++)
    {
      g_autofree char *masked = mask_word (i > 0 ? argv[i - 1] : NULL, argv[i], is_login);
      bool is_plain = *masked != '\0' && strpbrk (masked, " \t\n\"'\\$") == NULL;
      g_autofree char *quoted = is_plain ? NULL : g_shell_quote (masked);
      g_string_append_printf (line, "%s%s", i > 0 ? " " : "", is_plain ? masked : quoted);
    }
  return g_string_free (line, FALSE);
}
