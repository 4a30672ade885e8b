/* Variables in compose files. */
#include "guard/compose_project.h"

#include <string.h>

#define DEPTH_MAX 16

const char *
compose_variable (const ComposeProject *project, const char *name)
{
  const char *value = g_getenv (name);
  return value != NULL ? value : g_environ_getenv (project->variables, name);
}

static bool append_expanded (const ComposeProject *project, const char *text, size_t length,
                             int depth, GString *result);

static size_t
name_length (const char *text, size_t length)
{
  size_t i = 0;
  while (i < length && (g_ascii_isalnum (text[i]) || text[i] == '_'))
    i++;
  return i > 0 && g_ascii_isdigit (*text) ? 0 : i;
}

/* The "}" that closes what begins at TEXT, whatever is nested in it; NULL: none does. */
static const char *
find_close (const char *text, const char *end)
{
  int depth = 1;
  for (; text < end; text++)
    {
      if (*text == '{')
        depth++;
      else if (*text == '}' && --depth == 0)
        return text;
    }
  return NULL;
}

/* What stands between the braces. */
static bool
append_braced (const ComposeProject *project, const char *text, size_t length, int depth,
               GString *result)
{
  size_t named = name_length (text, length);
  g_autofree char *name = g_strndup (text, named);
  const char *value = compose_variable (project, name);
  const char *rest = text + named, *end = text + length;
  if (named == 0)
    return false;
  if (rest == end)
    {
      g_string_append (result, value != NULL ? value : "");
      return true;
    }
  bool minds_empty = *rest == ':';
  rest += minds_empty ? 1 : 0;
  if (rest == end)
    return false;
  bool is_set = value != NULL && (!minds_empty || *value != '\0');
  char mode = *rest++;
  if (mode == '+')
    return !is_set || append_expanded (project, rest, (size_t) (end - rest), depth + 1, result);
  if (mode != '-' && mode != '?')
    return false;
  if (is_set)
    g_string_append (result, value);
  else if (mode == '?')
    return false;
  else
    return append_expanded (project, rest, (size_t) (end - rest), depth + 1, result);
  return true;
}

static bool
append_expanded (const ComposeProject *project, const char *text, size_t length, int depth,
                 GString *result)
{
  const char *end = text + length;
  if (depth > DEPTH_MAX)
    return false;
  while (text < end)
    {
      size_t left = (size_t) (end - text);
      size_t named = *text == '$' ? name_length (text + 1, left - 1) : 0;
      const char *close;
      if (*text != '$')
        g_string_append_c (result, *text++);
      else if (left > 1 && text[1] == '$')
        {
          g_string_append_c (result, '$');
          text += 2;
        }
      else if (named > 0)
        {
          g_autofree char *name = g_strndup (text + 1, named);
          const char *value = compose_variable (project, name);
          g_string_append (result, value != NULL ? value : "");
          text += 1 + named;
        }
      else if (left > 1 && text[1] == '{' && (close = find_close (text + 2, end)) != NULL)
        {
          if (!append_braced (project, text + 2, (size_t) (close - text - 2), depth, result))
            return false;
          text = close + 1;
        }
      else
        return false;
    }
  return true;
}

char *
compose_expand (const ComposeProject *project, const char *text)
{
  g_autoptr (GString) result = g_string_new (NULL);
  if (!append_expanded (project, text, strlen (text), 0, result))
    return NULL;
  return g_string_free (g_steal_pointer (&result), FALSE);
}

char *
compose_normalise_name (const char *name, bool is_new)
{
  GString *kept = g_string_new (NULL);
  for (; *name != '\0'; name++)
    {
      char lower = g_ascii_tolower (*name);
      bool is_sign = lower == '-' || lower == '_';
      if (g_ascii_islower (lower) || g_ascii_isdigit (lower)
          || (is_sign && (kept->len > 0 || !is_new)))
        g_string_append_c (kept, lower);
    }
  return g_string_free (kept, FALSE);
}
