#include "base/text.h"
#include "db/conn.h"
#include "db/internal.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PQconninfoOption, PQconninfoFree)

/* The options that URL itself gives; libpq adds its defaults when it connects. */
static PQconninfoOption *
parse_url (const char *url, GError **error)
{
  char *problem = NULL;
  PQconninfoOption *options = PQconninfoParse (url, &problem);
  if (options == NULL)
    {
      g_autofree char *masked = text_mask_url (url);
      keel_error (error, KEEL_ERROR_CONFIG,
                  "Write it as postgresql://user@host:5432/database, special characters %-encoded.",
                  "“%s” is not a PostgreSQL URL", masked);
      PQfreemem (problem);
    }
  return options;
}

static const char *
option_value (const PQconninfoOption *options, const char *keyword)
{
  for (; options->keyword != NULL; options++)
    if (strcmp (options->keyword, keyword) == 0)
      return options->val;
  return NULL;
}

static void
append_conninfo (GString *text, const char *keyword, const char *value)
{
  g_string_append_printf (text, "%s%s='", text->len > 0 ? " " : "", keyword);
  for (; *value != '\0'; value++)
    {
      if (*value == '\'' || *value == '\\')
        g_string_append_c (text, '\\');
      g_string_append_c (text, *value);
    }
  g_string_append_c (text, '\'');
}

/* What must not be seen in a list of processes, and has no variable to be passed in instead. */
static bool
is_other_secret (const PQconninfoOption *option)
{
  return strcmp (option->keyword, "password") != 0
         && (option->dispchar[0] == '*' || strcmp (option->keyword, "scram_client_key") == 0
             || strcmp (option->keyword, "scram_server_key") == 0);
}

static bool
refuse_secrets (const PQconninfoOption *options, GError **error)
{
  for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
    if (option->val != NULL && *option->val != '\0' && is_other_secret (option))
      return keel_error (
          error, KEEL_ERROR_CONFIG,
          "Put it into a service file (pg_service.conf) and name that with service=... in the URL.",
          "“%s” in the URL cannot be handed to PostgreSQL's programs without showing it to others",
          option->keyword);
  return true;
}

char *
db_conninfo (const char *url, const char *database, char **ret_password, GError **error)
{
  g_autoptr (PQconninfoOption) options = parse_url (url, error);
  if (options == NULL || (ret_password != NULL && !refuse_secrets (options, error)))
    return NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
    {
      const char *value = option->val;
      if (strcmp (option->keyword, "dbname") == 0 && database != NULL)
        value = database;
      if (strcmp (option->keyword, "password") == 0 && ret_password != NULL)
        continue;
      /* What is given as empty stays so: leaving it out would let the environment (PGOPTIONS) fill it. */
      if (value != NULL)
        append_conninfo (text, option->keyword, value);
    }
  /* A URL that names its host must not be led elsewhere by PGHOSTADDR. */
  if (option_value (options, "host") != NULL && option_value (options, "hostaddr") == NULL)
    append_conninfo (text, "hostaddr", "");
  if (ret_password != NULL)
    *ret_password = g_strdup (option_value (options, "password"));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
db_conninfo_add_options (const char *conninfo, const char *options, GError **error)
{
  g_autoptr (PQconninfoOption) parsed = parse_url (conninfo, error);
  if (parsed == NULL)
    return NULL;
  const char *before = option_value (parsed, "options");
  if (before == NULL)
    before = g_getenv ("PGOPTIONS");
  g_autofree char *all = g_strdup_printf ("%s %s", before != NULL ? before : "", options);
  /* The last value of a keyword counts. */
  g_autoptr (GString) text = g_string_new (conninfo);
  append_conninfo (text, "options", all);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

bool
db_url_parts (const char *url, char **ret_database, char **ret_user, char **ret_host,
              GError **error)
{
  g_autoptr (PQconninfoOption) options = parse_url (url, error);
  if (options == NULL)
    return false;
  const char *database = option_value (options, "dbname");
  const char *user = option_value (options, "user");
  const char *host = option_value (options, "host");
  const char *port = option_value (options, "port");
  if (ret_database != NULL)
    *ret_database = g_strdup (database != NULL ? database : "");
  if (ret_user != NULL)
    *ret_user = g_strdup (user != NULL ? user : "");
  if (ret_host != NULL)
    *ret_host = host == NULL || host[0] == '/'
                    ? g_strdup (host != NULL ? host : "local socket")
                    : g_strdup_printf ("%s:%s", host, port != NULL ? port : "5432");
  return true;
}

static void
append_uri_part (GString *uri, const char *before, const char *value)
{
  if (value == NULL)
    return;
  g_autofree char *escaped = g_uri_escape_string (value, NULL, FALSE);
  g_string_append_printf (uri, "%s%s", before, escaped);
}

/* A folder, or several hosts, cannot stand where a URL has its host. */
static bool
is_plain_host (const char *host)
{
  return host != NULL && host[0] != '/' && host[0] != '@' && strpbrk (host, ",:") == NULL;
}

static char *
make_uri (const PQconninfoOption *options)
{
  static const char *const in_front[] = { "user", "password", "dbname", NULL };
  const char *user = option_value (options, "user"), *host = option_value (options, "host");
  bool plain = is_plain_host (host);
  const char *before = "?";
  GString *uri = g_string_new ("postgresql://");
  append_uri_part (uri, "", user);
  if (user != NULL)
    append_uri_part (uri, ":", option_value (options, "password"));
  g_string_append (uri, user != NULL ? "@" : "");
  if (plain)
    append_uri_part (uri, "", host);
  if (plain)
    append_uri_part (uri, ":", option_value (options, "port"));
  g_string_append_c (uri, '/');
  append_uri_part (uri, "", option_value (options, "dbname"));
  for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
    if (option->val != NULL && !g_strv_contains (in_front, option->keyword)
        && !(plain
             && (strcmp (option->keyword, "host") == 0 || strcmp (option->keyword, "port") == 0)))
      {
        g_string_append_printf (uri, "%s%s=", before, option->keyword);
        append_uri_part (uri, "", option->val);
        before = "&";
      }
  return g_string_free (uri, FALSE);
}

char **
db_url_environment (const char *url, GError **error)
{
  g_autoptr (PQconninfoOption) options = parse_url (url, error);
  if (options == NULL)
    return NULL;
  /* What was written as a URL goes on as it is. */
  g_autofree char *uri = g_str_has_prefix (url, "postgres") && strstr (url, "://") != NULL
                             ? NULL
                             : make_uri (options);
  char **environment = g_environ_setenv (NULL, "DATABASE_URL", uri != NULL ? uri : url, TRUE);
  for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
    if (option->val != NULL && option->envvar != NULL)
      environment = g_environ_setenv (environment, option->envvar, option->val, TRUE);
  /* As in db_conninfo. */
  if (option_value (options, "host") != NULL && option_value (options, "hostaddr") == NULL)
    environment = g_environ_setenv (environment, "PGHOSTADDR", "", TRUE);
  return environment;
}
