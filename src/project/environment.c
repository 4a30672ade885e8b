#include "project/environment.h"
#include "db/conn.h"
#include "project/check.h"
#include "project/nearest.h"

#include <string.h>

#define NAME_MAX_BYTES 63

char *
environment_canonical (const char *name)
{
  static const struct
  {
    const char *alias;
    const char *name;
  } aliases[] = { { "dev", "development" }, { "test", "testing" }, { "prod", "production" } };
  char *lower = g_ascii_strdown (name, -1);
  for (size_t i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (strcmp (lower, aliases[i].alias) == 0)
      {
        g_free (lower);
        return g_strdup (aliases[i].name);
      }
  return lower;
}

bool
environment_name_is_valid (const char *name)
{
  size_t length = strlen (name);
  return length <= NAME_MAX_BYTES && g_ascii_islower (*name)
         && strspn (name, G_CSET_a_2_z G_CSET_DIGITS "_-") == length;
}

/* Whether TEXT has WORD between characters that are no letters. */
static bool
has_word (const char *text, const char *word)
{
  size_t length = strlen (word);
  for (const char *at = text; *at != '\0'; at++)
    {
      bool begins = at == text || !g_ascii_isalpha (at[-1]);
      if (begins && g_ascii_strncasecmp (at, word, length) == 0 && !g_ascii_isalpha (at[length]))
        return true;
    }
  return false;
}

static const struct
{
  const char *word;
  const char *environment;
} url_words[] = {
  { "prod", "production" },         { "production", "production" },
  { "staging", "staging" },         { "test", "testing" },
  { "testing", "testing" },         { "dev", "development" },
  { "development", "development" },
};

char *
environment_plain_url (const char *url)
{
  const char *scheme_end = strstr (url, "://");
  const char *plus = strchr (url, '+');
  if (!g_str_has_prefix (url, "postgres") || scheme_end == NULL || plus == NULL
      || plus > scheme_end)
    return g_strdup (url);
  return g_strdup_printf ("%.*s%s", (int) (plus - url), url, scheme_end);
}

/* The host and the database of URL; a password or a parameter says nothing about the environment, nor
 * does the folder of a socket. */
static bool
url_texts (const char *url, char **ret_host, char **ret_database)
{
  g_autofree char *plain = environment_plain_url (url);
  g_autofree char *host = NULL;
  if (!db_url_parts (plain, ret_database, NULL, &host, NULL))
    return false;
  bool is_socket = *host == '/' || *host == '@' || strcmp (host, "local socket") == 0;
  *ret_host = is_socket ? g_strdup ("localhost") : g_steal_pointer (&host);
  return true;
}

static bool
is_this_machine (const char *host)
{
  return has_word (host, "localhost") || g_str_has_prefix (host, "127.")
         || g_str_has_prefix (host, "::1");
}

/* *RET_WORD is the word that decided; NULL when none did. */
static const char *
judge_url (const char *url, const char **ret_word)
{
  g_autofree char *host = NULL;
  g_autofree char *database = NULL;
  *ret_word = NULL;
  if (*url == '\0' || !url_texts (url, &host, &database))
    return NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (url_words); i++)
    if (has_word (host, url_words[i].word) || has_word (database, url_words[i].word))
      {
        *ret_word = url_words[i].word;
        return url_words[i].environment;
      }
  if (!is_this_machine (host))
    return NULL;
  *ret_word = "localhost";
  return "development";
}

const char *
environment_of_url (const char *url)
{
  const char *word;
  return judge_url (url, &word);
}

const char *
environment_of_words (const char *text)
{
  for (size_t i = 0; i < G_N_ELEMENTS (url_words); i++)
    if (has_word (text, url_words[i].word))
      return url_words[i].environment;
  return has_word (text, "local") ? "development" : NULL;
}

/* The first variable that names an environment; *RET_NAME stays NULL when none does. */
static bool
from_variables (const Variables *variables, char **ret_name, char **ret_reason, GError **error)
{
  static const char *const names[] = { "PGKEEL_ENV", "LEDGER_ENV", "NODE_ENV" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *value = NULL;
      const char *source;
      if (!variables_lookup (variables, names[i], &value, &source, error))
        return false;
      if (value == NULL || *value == '\0')
        continue;
      *ret_reason
          = source != NULL ? g_strdup_printf ("%s (%s)", names[i], source) : g_strdup (names[i]);
      *ret_name = g_steal_pointer (&value);
      return true;
    }
  return true;
}

/* A DATABASE_URL that cannot be expanded says nothing; who needs it will hear why. */
static void
from_url (const Variables *variables, char **ret_name, char **ret_reason)
{
  g_autofree char *url = NULL;
  const char *source;
  if (!variables_lookup (variables, "DATABASE_URL", &url, &source, NULL) || url == NULL)
    return;
  const char *word;
  const char *name = judge_url (url, &word);
  if (name == NULL)
    return;
  *ret_name = g_strdup (name);
  *ret_reason = g_strdup_printf ("DATABASE_URL%s%s%s, which says “%s”", source != NULL ? " (" : "",
                                 source != NULL ? source : "", source != NULL ? ")" : "", word);
}

static bool
refuse_unknown (const char *name, const char *reason, const char *const *known, size_t n,
                GError **error)
{
  g_autoptr (GString) hint = g_string_new ("Known environments: ");
  for (size_t i = 0; i < n; i++)
    g_string_append_printf (hint, "%s%s", i > 0 ? ", " : "", known[i]);
  g_string_append_c (hint, '.');
  const char *nearest = nearest_word (name, known, n);
  if (nearest != NULL)
    g_string_append_printf (hint, " Did you mean “%s”?", nearest);
  g_autofree char *shown = check_shown (name);
  bool is_default = strcmp (reason, "default") == 0;
  if (is_default)
    g_string_append (hint, " Choose one with -e or PGKEEL_ENV.");
  return keel_error (error, KEEL_ERROR_CONFIG, hint->str, "unknown environment “%s” (%s%s)", shown,
                     is_default ? "the " : "from ", reason);
}

bool
environment_choose (const char *asked, const Variables *variables, const char *const *known,
                    size_t n, char **ret_name, char **ret_reason, GError **error)
{
  g_autofree char *name = g_strdup (asked);
  g_autofree char *reason = asked != NULL ? g_strdup ("--env") : NULL;
  if (name == NULL && !from_variables (variables, &name, &reason, error))
    return false;
  if (name == NULL)
    from_url (variables, &name, &reason);
  if (name == NULL)
    {
      name = g_strdup ("development");
      reason = g_strdup ("default");
    }
  g_autofree char *canonical = environment_canonical (name);
  for (size_t i = 0; i < n; i++)
    if (strcmp (known[i], canonical) == 0)
      {
        *ret_name = g_steal_pointer (&canonical);
        *ret_reason = g_steal_pointer (&reason);
        return true;
      }
  return refuse_unknown (name, reason, known, n, error);
}

static bool
refuse_locked (const char *name, const char *variable, const char *source, const char *said,
               GError **error)
{
  g_autofree char *hint = g_strdup_printf ("Run it where %s=%s is set on purpose.", variable, name);
  g_autofree char *shown = check_shown (said);
  return keel_error (error, KEEL_ERROR_REFUSED, hint,
                     "“%s” is protected, and %s%s%s%s says this is “%s”", name, variable,
                     source != NULL ? " (" : "", source != NULL ? source : "",
                     source != NULL ? ")" : "", shown);
}

bool
environment_check_lock (const char *name, const Variables *variables, GError **error)
{
  static const char *const names[] = { "PGKEEL_ENV", "LEDGER_ENV" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *value = NULL;
      const char *source;
      if (!variables_lookup (variables, names[i], &value, &source, error))
        return false;
      if (value == NULL || *value == '\0')
        continue;
      g_autofree char *said = environment_canonical (value);
      if (strcmp (said, name) != 0)
        return refuse_locked (name, names[i], source, said, error);
    }
  return true;
}
