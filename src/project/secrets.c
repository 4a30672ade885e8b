#include "project/secrets.h"

#include "base/fs.h"
#include "base/text.h"
#include "project/dotenv.h"

#include <string.h>

#define HIDDEN "***"
#define ENV_FILE_MAX_BYTES (256 * 1024)
/* A shorter one would be found in words that have nothing to do with it. */
#define KNOWN_MIN_BYTES 6

/* "bypass" is none. PASSWORD_2 is one, too. */
#define SECRET_WORD                                                                                \
  "(?:(?:(?<![a-z])pass|password|passwd|passphrase|pwd|secret|token|credentials?"                  \
  "|(?:api|access|private|secret|encryption|signing|account)[_-]?key)(?:_?\\d+)?)"
/* A value: in quotes with what they escape, in quotes that are escaped themselves (JSON in a text), or up to the next
 * blank. Quotes that do not end go to the end of the text. */
#define QUOTED                                                                                     \
  "\\\\\"(?:[^\"\\\\]|\\\\\\\\(?:\\\\\"|\\\\\\\\|[^\"\\\\]))*(?:\\\\\"|$)|\"(?:[^\"\\\\]|\\\\.)*(?:\"|$)|'(?:[^'\\\\]|\\\\.|'')*(?:'|$)"
#define BARE "(?:\\\\.|[^\\s\\\\])+"

static GRegex *
regex_of (const char *pattern)
{
  GRegex *regex = g_regex_new (pattern, G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);
  g_assert (regex != NULL);
  return regex;
}

/* NAMES ending so hold secrets: DB_PASSWORD, SECRET_KEY, GITHUB_TOKEN. A shell's PWD is where it works. */
static bool
is_secret_name (const char *name)
{
  if (strcmp (name, "PWD") == 0 || strcmp (name, "OLDPWD") == 0)
    return false;
  static gsize ready;
  static GRegex *regex;
  if (g_once_init_enter (&ready))
    {
      regex = regex_of ("(?:" SECRET_WORD "|_key)$");
      g_once_init_leave (&ready, 1);
    }
  return g_regex_match (regex, name, 0, NULL);
}

/* Whether WORD is an option whose value is the next word: "--password", "-db-token". */
static bool
is_secret_option (const char *word)
{
  return word[0] == '-' && strchr (word, '=') == NULL && is_secret_name (word);
}

/* --- what the project knows ------------------------------------------------------------------ */

static void
add_known (GPtrArray *known, const char *value)
{
  if (value != NULL && strlen (value) >= KNOWN_MIN_BYTES && strcmp (value, HIDDEN) != 0
      && strstr (value, "${") == NULL)
    g_ptr_array_add (known, g_strdup (value));
}

/* The password of a URL, as written and decoded. One that is the user's or the database's name, too, would take
 * those with it. */
static void
add_url (GPtrArray *known, const char *url)
{
  static const char pattern[] = "^[a-z0-9+]+://([^:/@?]*):([^/?]*)@[^/]*/?([^?]*)";
  g_autoptr (GMatchInfo) match = NULL;
  g_autoptr (GRegex) regex = regex_of (pattern);
  if (url == NULL || !g_regex_match (regex, url, 0, &match))
    return;
  g_autofree char *user = g_match_info_fetch (match, 1);
  g_autofree char *password = g_match_info_fetch (match, 2);
  g_autofree char *database = g_match_info_fetch (match, 3);
  g_autofree char *decoded = g_uri_unescape_string (password, NULL);
  if (strcmp (password, user) == 0 || strcmp (password, database) == 0)
    return;
  add_known (known, password);
  if (g_strcmp0 (password, decoded) != 0)
    add_known (known, decoded);
}

/* Where the shell is and was. */
static bool
is_folder_name (const char *name)
{
  return strcmp (name, "PWD") == 0 || strcmp (name, "OLDPWD") == 0;
}

static void
add_variable (GPtrArray *known, const char *name, const char *value)
{
  if (value == NULL || is_folder_name (name))
    return;
  if (is_secret_name (name))
    {
      g_autofree char *escaped = g_uri_escape_string (value, NULL, FALSE);
      add_known (known, value);
      if (strcmp (escaped, value) != 0)
        add_known (known, escaped);
    }
  else
    add_url (known, value);
}

static void
add_file (GPtrArray *known, const char *path)
{
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  size_t length;
  if (!fs_read_text (path, ENV_FILE_MAX_BYTES, &text, &length, NULL)
      || !dotenv_parse (path, text, length, &entries, NULL))
    return;
  for (guint i = 0; i < entries->len; i++)
    {
      const DotenvEntry *entry = entries->pdata[i];
      add_variable (known, entry->name, entry->text);
    }
}

static int
compare_lengths (const void *a, const void *b)
{
  size_t left = strlen (*(char *const *) a), right = strlen (*(char *const *) b);
  return left > right ? -1 : left < right;
}

/* The longest first: one may be the beginning of another. */
static GPtrArray *
known_secrets (const Project *project)
{
  GPtrArray *known = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) names = g_listenv ();
  for (guint i = 0; names[i] != NULL; i++)
    add_variable (known, names[i], g_getenv (names[i]));
  for (guint i = 0; i < project->environments->len; i++)
    add_url (known, ((const ProjectEnvironment *) project->environments->pdata[i])->url);
  for (guint i = 0; i < project->files_read->len; i++)
    {
      g_autofree char *name = g_path_get_basename (project->files_read->pdata[i]);
      if (g_str_has_prefix (name, ".env"))
        add_file (known, project->files_read->pdata[i]);
    }
  g_ptr_array_sort (known, compare_lengths);
  return known;
}

/* --- hiding ---------------------------------------------------------------------------------- */

/* Each leaves its first group, and "***" for the rest. */
static const char *const patterns[] = {
  /* The password of a URL, whatever is in it; host:port/path@x has none. */
  "([a-z][a-z0-9+.-]{0,15}://[^\\s:/@?\"']*:)(?!\\*\\*\\*@)(?!\\d{1,5}[/?#])[^\\s\"]+(?=@)",
  /* ?password=x&sslmode=y */
  "([?&][\\w-]*" SECRET_WORD "=)[^\\s&\"]+",
  /* PASSWORD=x, password: x, 'password' => 'x', \"password\": \"x\" */
  "(" SECRET_WORD "\\\\?[\"']?\\s*(?:=>?|:)\\s*)(?!\\*\\*\\*)(?:" QUOTED "|" BARE ")",
  /* SOME_KEY=x; foreign_key=x is none. */
  "((?<!primary)(?<!foreign)(?<!unique)(?<!public)_key\\\\?[\"']?\\s*(?:=>?|:)\\s*)(?!\\*\\*\\*)(?:" QUOTED
  "|" BARE ")",
  /* --token x */
  "((?<![\\w-])--?[\\w-]*" SECRET_WORD "\\s+)(?!\\*\\*\\*)(?:" QUOTED "|" BARE ")",
  /* ALTER ROLE ada PASSWORD 'x' */
  "(" SECRET_WORD "\\s+E?)(?!\\*\\*\\*)(?=')(?:" QUOTED ")",
  "(authorization[\"']?\\s*[:=]\\s*[\"']?(?:bearer|basic|token)\\s+)(?!\\*\\*\\*)[^\\s\"']+",
  "(bearer\\s+)(?!\\*\\*\\*)[\\w.~+/=-]{8,}",
  "(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?s:.*?)(?=-----END|$)",
};

static char *
hide_patterns (const char *text)
{
  static gsize ready;
  static GRegex *regexes[G_N_ELEMENTS (patterns)];
  if (g_once_init_enter (&ready))
    {
      for (size_t i = 0; i < G_N_ELEMENTS (patterns); i++)
        regexes[i] = regex_of (patterns[i]);
      g_once_init_leave (&ready, 1);
    }
  char *hidden = g_strdup (text);
  for (size_t i = 0; i < G_N_ELEMENTS (patterns) && hidden != NULL; i++)
    {
      g_autofree char *before = hidden;
      hidden = g_regex_replace (regexes[i], before, -1, 0, "\\1" HIDDEN, 0, NULL);
    }
  return hidden;
}

/* A word of a command, "PGPASSWORD=two words": all after the "=" is the value, blanks or not. */
static char *
hide_word (const char *word)
{
  static gsize ready;
  static GRegex *regex;
  if (g_once_init_enter (&ready))
    {
      regex = regex_of ("^-{0,2}[\\w.-]*(?:" SECRET_WORD "|_key)=.");
      g_once_init_leave (&ready, 1);
    }
  if (!g_regex_match (regex, word, 0, NULL))
    return NULL;
  return g_strdup_printf ("%.*s=" HIDDEN, (int) (strchr (word, '=') - word), word);
}

static char *
hide (const GPtrArray *known, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *result = g_string_new (valid);
  for (guint i = 0; i < known->len; i++)
    g_string_replace (result, known->pdata[i], HIDDEN, 0);
  g_autofree char *without_known = g_string_free (result, FALSE);
  char *hidden = hide_patterns (without_known);
  return hidden != NULL ? hidden : g_strdup (HIDDEN);
}

char *
secrets_hide (const Project *project, const char *text)
{
  g_autoptr (GPtrArray) known = known_secrets (project);
  return hide (known, text);
}

/* What stands for VALUE; NULL when it may stay. */
static json_t *
hidden_string (const GPtrArray *known, const json_t *value)
{
  g_autofree char *hidden = hide (known, json_string_value (value));
  return strcmp (hidden, json_string_value (value)) != 0 ? json_string (hidden) : NULL;
}

static void hide_json (const GPtrArray *known, json_t *value);

static void
hide_array (const GPtrArray *known, json_t *array)
{
  bool is_value = false;
  for (size_t i = 0; i < json_array_size (array); i++)
    {
      json_t *element = json_array_get (array, i);
      bool is_option = json_is_string (element) && is_secret_option (json_string_value (element));
      g_autofree char *word
          = json_is_string (element) ? hide_word (json_string_value (element)) : NULL;
      json_t *other = !json_is_string (element) ? NULL
                      : is_value                ? json_string (HIDDEN)
                      : word != NULL            ? json_string (word)
                                                : hidden_string (known, element);
      if (other != NULL)
        json_array_set_new (array, i, other);
      else
        hide_json (known, element);
      is_value = is_option;
    }
}

static void
hide_json (const GPtrArray *known, json_t *value)
{
  const char *key;
  json_t *member;
  if (json_is_array (value))
    hide_array (known, value);
  if (!json_is_object (value))
    return;
  json_object_foreach (value, key, member)
    {
      json_t *other = !json_is_string (member) ? NULL
                      : is_secret_name (key)   ? json_string (HIDDEN)
                                               : hidden_string (known, member);
      if (other != NULL)
        json_object_set_new (value, key, other);
      else
        hide_json (known, member);
    }
}

void
secrets_hide_json (const Project *project, json_t *value)
{
  g_autoptr (GPtrArray) known = known_secrets (project);
  hide_json (known, value);
}
