#include "guard/database_variables.h"

#include "base/text.h"
#include "db/conn.h"
#include "project/environment.h"

#include <string.h>

/* What programs connect by when they are told nothing else. */
static const char *const well_known[] = {
  "DATABASE_URL",
  "DATABASE_URI",
  "DATABASE_DSN",
  "DB_URL",
  "DB_URI",
  "DIRECT_URL",
  "DIRECT_DATABASE_URL",
  "DJANGO_DATABASE_URL",
  "JDBC_DATABASE_URL",
  "PG_URL",
  "PG_CONNECTION_STRING",
  "POSTGRES_URL",
  "POSTGRES_URI",
  "POSTGRES_DSN",
  "POSTGRESQL_URL",
  "POSTGRES_PRISMA_URL",
  "POSTGRES_URL_NON_POOLING",
  "SPRING_DATASOURCE_URL",
  "SQLALCHEMY_DATABASE_URI",
  "SQLALCHEMY_DATABASE_URL",
  "TYPEORM_URL",
};

static const char *const endings[] = { "_DATABASE_URL", "_DATABASE_URI", "_DATABASE_DSN", "_DB_URL",
                                       "_DB_URI",       "_POSTGRES_URL", "_PG_URL" };

/* Families of variables with a part of the way each. Several may stand for one keyword of libpq: the first
 * that is set counts. */
typedef struct
{
  const char *variable;
  const char *keyword;
} Part;

typedef struct
{
  const char *key;
  bool fills_in; /* libpq itself: what is not set has a default */
  const char *engine;
  Part parts[16];
} Family;

static const Family families[] = {
  { "PG",
    true,
    NULL,
    { { "PGSERVICE", "service" },
      { "PGHOST", "host" },
      { "PGHOSTADDR", "hostaddr" },
      { "PGPORT", "port" },
      { "PGDATABASE", "dbname" },
      { "PGUSER", "user" },
      { "PGPASSWORD", "password" },
      { "PGPASSFILE", "passfile" },
      { "PGSSLMODE", "sslmode" } } },
  { "POSTGRES",
    false,
    NULL,
    { { "POSTGRES_HOST", "host" },
      { "POSTGRES_SERVER", "host" },
      { "POSTGRES_HOSTNAME", "host" },
      { "POSTGRES_PORT", "port" },
      { "POSTGRES_DB", "dbname" },
      { "POSTGRES_DATABASE", "dbname" },
      { "POSTGRES_NAME", "dbname" },
      { "POSTGRES_USER", "user" },
      { "POSTGRES_USERNAME", "user" },
      { "POSTGRES_PASSWORD", "password" } } },
  { "DB",
    false,
    "DB_ENGINE DB_CONNECTION DB_DIALECT DB_TYPE DB_CLIENT DB_DRIVER",
    { { "DB_HOST", "host" },
      { "DB_HOSTNAME", "host" },
      { "DB_PORT", "port" },
      { "DB_NAME", "dbname" },
      { "DB_DATABASE", "dbname" },
      { "DB_USER", "user" },
      { "DB_USERNAME", "user" },
      { "DB_PASSWORD", "password" },
      { "DB_PASS", "password" } } },
  { "DATABASE",
    false,
    "DATABASE_ENGINE DATABASE_TYPE DATABASE_CLIENT",
    { { "DATABASE_HOST", "host" },
      { "DATABASE_PORT", "port" },
      { "DATABASE_NAME", "dbname" },
      { "DATABASE_USER", "user" },
      { "DATABASE_USERNAME", "user" },
      { "DATABASE_PASSWORD", "password" } } },
  { "SQL",
    false,
    "SQL_ENGINE",
    { { "SQL_HOST", "host" },
      { "SQL_PORT", "port" },
      { "SQL_DATABASE", "dbname" },
      { "SQL_USER", "user" },
      { "SQL_PASSWORD", "password" } } },
  { "RDS",
    false,
    NULL,
    { { "RDS_HOSTNAME", "host" },
      { "RDS_PORT", "port" },
      { "RDS_DB_NAME", "dbname" },
      { "RDS_USERNAME", "user" },
      { "RDS_PASSWORD", "password" } } },
};

static const struct
{
  const char *word;
  const char *environment;
} segments[] = {
  { "PROD", "production" },   { "PRODUCTION", "production" }, { "LIVE", "production" },
  { "STAGING", "staging" },   { "STAGE", "staging" },         { "TEST", "testing" },
  { "TESTING", "testing" },   { "DEV", "development" },       { "DEVELOPMENT", "development" },
  { "LOCAL", "development" },
};

void
database_variable_free (DatabaseVariable *variable)
{
  g_free (variable->name);
  g_free (variable->key);
  g_free (variable->meant_for);
  g_free (variable->url);
  g_free (variable->shown);
  g_free (variable);
}

/* --- what a variable is for ----------------------------------------------------------------------- */

static bool
is_among (const char *const *words, size_t n, const char *word)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp (words[i], word) == 0)
      return true;
  return false;
}

static bool
has_segment (const char *name, const char *segment)
{
  g_auto (GStrv) parts = g_strsplit (name, "_", -1);
  return g_strv_contains ((const char *const *) parts, segment);
}

/* Whether TEXT is nothing but "${NAME}" or "${NAME:-...}": then NAME holds a URL. A user or a password that stands
 * inside of a URL is none. */
static bool
is_reference (const char *text, const char *name)
{
  g_autofree char *plain = g_strdup_printf ("${%s}", name);
  g_autofree char *with_default = g_strdup_printf ("${%s:-", name);
  if (text == NULL)
    return false;
  return strcmp (text, plain) == 0
         || (g_str_has_prefix (text, with_default) && g_str_has_suffix (text, "}")
             && strchr (text, '}') == text + strlen (text) - 1);
}

/* The environment whose URL in pgkeel.yaml is NAME. */
static const char *
environment_referring (const Project *project, const char *name)
{
  for (guint i = 0; i < project->environments->len; i++)
    {
      const ProjectEnvironment *environment = project->environments->pdata[i];
      if (is_reference (environment->url_text, name))
        return environment->name;
    }
  return NULL;
}

static const char *
environment_by_name (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (segments); i++)
    if (has_segment (name, segments[i].word))
      return segments[i].environment;
  return NULL;
}

static bool
is_for_reading (const char *name)
{
  static const char *const words[]
      = { "REPLICA", "READ", "READER", "READONLY", "RO", "STANDBY", "FOLLOWER", "SLAVE" };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (has_segment (name, words[i]))
      return true;
  return false;
}

/* UPPER is NAME in capitals: some programs read their settings in any case. */
static EnvLockRole
role_of (const Project *project, const char *name, const char *upper, const char **ret_meant_for)
{
  const ProjectEnvironment *chosen = project->environment;
  *ret_meant_for = NULL;
  if (has_segment (upper, "SHADOW"))
    return ENV_LOCK_ROLE_SHADOW;
  if (is_reference (chosen->url_text, name)
      || is_among (well_known, G_N_ELEMENTS (well_known), upper))
    return ENV_LOCK_ROLE_MAIN;
  *ret_meant_for = environment_by_name (upper);
  if (*ret_meant_for == NULL)
    *ret_meant_for = environment_referring (project, name);
  if (*ret_meant_for != NULL)
    return strcmp (*ret_meant_for, chosen->name) == 0 ? ENV_LOCK_ROLE_MAIN : ENV_LOCK_ROLE_OTHER;
  return is_for_reading (upper) ? ENV_LOCK_ROLE_REPLICA : ENV_LOCK_ROLE_EXTRA;
}

/* A URL of PostgreSQL tells by itself what it is, whatever the variable is called. */
static bool
is_postgres_url (const char *value)
{
  static GRegex *pattern;
  if (g_once_init_enter (&pattern))
    {
      GRegex *regex = g_regex_new (
          "^\\s*[\"']?(?:jdbc:)?(?:postgres|postgresql|psql|pgsql|postgis)(?:\\+\\w+)?://",
          G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
      g_assert (regex != NULL);
      g_once_init_leave (&pattern, regex);
    }
  return g_regex_match (pattern, value, 0, NULL);
}

static bool
names_url (const Project *project, const char *name, const char *upper)
{
  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (upper, endings[i]))
      return true;
  return is_among (well_known, G_N_ELEMENTS (well_known), upper)
         || environment_referring (project, name) != NULL;
}

/* --- URLs ------------------------------------------------------------------------------------------- */

static bool
is_libpq (const char *url)
{
  return db_url_parts (url, NULL, NULL, NULL, NULL);
}

/* Prisma's ?schema=public and asyncpg's ?ssl=require are unknown to libpq. */
static char *
without_foreign_parameters (const char *url)
{
  const char *mark = strchr (url, '?');
  if (mark == NULL)
    return g_strdup (url);
  g_autoptr (GString) kept = g_string_new_len (url, mark - url);
  g_autofree char *base = g_strdup (kept->str);
  g_auto (GStrv) parameters = g_strsplit (mark + 1, "&", -1);
  char separator = '?';
  for (size_t i = 0; parameters[i] != NULL; i++)
    {
      g_autofree char *alone = g_strdup_printf ("%s?%s", base, parameters[i]);
      if (!is_libpq (alone))
        continue;
      g_string_append_printf (kept, "%c%s", separator, parameters[i]);
      separator = '&';
    }
  return g_string_free (g_steal_pointer (&kept), FALSE);
}

/* VALUE with a scheme that libpq knows; a copy when it has none of ours. */
static char *
with_libpq_scheme (const char *value)
{
  static const char *const alike[] = { "psql://", "pgsql://", "postgis://" };
  const char *text = g_str_has_prefix (value, "jdbc:") ? value + strlen ("jdbc:") : value;
  for (size_t i = 0; i < G_N_ELEMENTS (alike); i++)
    if (g_str_has_prefix (text, alike[i]))
      return g_strconcat ("postgresql://", text + strlen (alike[i]), NULL);
  return environment_plain_url (text);
}

static bool
is_other_engine (const char *url)
{
  const char *scheme_end = strstr (url, "://");
  return (scheme_end != NULL && !g_str_has_prefix (url, "postgres://")
          && !g_str_has_prefix (url, "postgresql://"))
         || g_str_has_prefix (url, "sqlite:") || g_str_has_prefix (url, "file:");
}

/* VALUE without blanks and quotes around it, which Docker's --env-file leaves and some programs take off. */
static char *
bare_value (const char *value)
{
  g_autofree char *copy = g_strstrip (g_strdup (value));
  size_t length = strlen (copy);
  bool is_quoted = length >= 2 && (*copy == '"' || *copy == '\'') && copy[length - 1] == *copy;
  return is_quoted ? g_strndup (copy + 1, length - 2) : g_steal_pointer (&copy);
}

static void
read_url (DatabaseVariable *variable, const char *value)
{
  g_autofree char *bare = bare_value (value);
  g_autofree char *url = with_libpq_scheme (bare);
  if (is_other_engine (url))
    {
      variable->state = ENV_LOCK_DATABASE_NOT_POSTGRES;
      g_auto (GStrv) parts = g_strsplit (url, ":", 2);
      variable->shown = g_strdup_printf ("%s:...", parts[0]);
      return;
    }
  if (!is_libpq (url))
    {
      char *rest = without_foreign_parameters (url);
      g_free (url);
      url = rest;
    }
  if (!is_libpq (url))
    {
      variable->state = ENV_LOCK_DATABASE_UNPARSEABLE;
      return;
    }
  variable->shown = text_mask_url (url);
  variable->url = g_steal_pointer (&url);
}

DatabaseVariable *
database_variable_new (const char *name, const char *key, EnvLockRole role, const char *url)
{
  DatabaseVariable *variable = g_new0 (DatabaseVariable, 1);
  variable->name = g_strdup (name);
  variable->key = g_strdup (key);
  variable->role = role;
  read_url (variable, url);
  return variable;
}

static void
add_url (const Project *project, const char *name, const char *value, GPtrArray *found)
{
  const char *meant_for;
  g_autofree char *upper = g_ascii_strup (name, -1);
  EnvLockRole role = role_of (project, name, upper, &meant_for);
  DatabaseVariable *variable = database_variable_new (name, upper, role, value);
  variable->meant_for = role == ENV_LOCK_ROLE_OTHER ? g_strdup (meant_for) : NULL;
  /* Who keeps another engine beside PostgreSQL is not warned of it. */
  if (variable->state == ENV_LOCK_DATABASE_NOT_POSTGRES && role != ENV_LOCK_ROLE_MAIN)
    database_variable_free (variable);
  else
    g_ptr_array_add (found, variable);
}

/* --- families ---------------------------------------------------------------------------------------- */

/* The last one counts; ANY_CASE: as programs read their settings that do not care. */
static const char *
value_of (const char *const *environment, const char *name, bool any_case)
{
  const char *found = NULL;
  size_t length = strlen (name);
  for (size_t i = 0; environment[i] != NULL; i++)
    {
      bool is_it = any_case ? g_ascii_strncasecmp (environment[i], name, length) == 0
                            : strncmp (environment[i], name, length) == 0;
      if (is_it && environment[i][length] == '=' && environment[i][length + 1] != '\0')
        found = environment[i] + length + 1;
    }
  return found;
}

static bool
is_of_other_engine (const Family *family, const char *const *environment)
{
  static const char *const others[]
      = { "mysql", "maria", "sqlite", "oracle", "mssql", "sqlsrv", "sqlserver", "mongo" };
  if (family->engine == NULL)
    return false;
  g_auto (GStrv) names = g_strsplit (family->engine, " ", -1);
  for (size_t i = 0; names[i] != NULL; i++)
    {
      const char *value = value_of (environment, names[i], true);
      g_autofree char *lower = value != NULL ? g_ascii_strdown (value, -1) : g_strdup ("");
      for (size_t j = 0; j < G_N_ELEMENTS (others); j++)
        if (strstr (lower, others[j]) != NULL)
          return true;
    }
  return false;
}

static void
append_part (GString *conninfo, const char *keyword, const char *value)
{
  g_string_append_printf (conninfo, "%s%s='", conninfo->len > 0 ? " " : "", keyword);
  for (; *value != '\0'; value++)
    {
      if (*value == '\'' || *value == '\\')
        g_string_append_c (conninfo, '\\');
      g_string_append_c (conninfo, *value);
    }
  g_string_append_c (conninfo, '\'');
}

static bool
is_place (const char *keyword)
{
  static const char *const places[] = { "service", "host", "hostaddr", "port", "dbname" };
  return is_among (places, G_N_ELEMENTS (places), keyword);
}

static void
add_family (const Family *family, const char *const *environment, GPtrArray *found)
{
  g_autoptr (GString) conninfo = g_string_new (NULL);
  g_autoptr (GString) names = g_string_new (NULL);
  g_autoptr (GHashTable) given = g_hash_table_new (g_str_hash, g_str_equal);
  for (const Part *part = family->parts; part->variable != NULL; part++)
    {
      const char *value = value_of (environment, part->variable, !family->fills_in);
      if (value == NULL || !g_hash_table_add (given, (gpointer) part->keyword))
        continue;
      append_part (conninfo, part->keyword, value);
      if (is_place (part->keyword))
        g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", part->variable);
    }
  if (names->len == 0 || is_of_other_engine (family, environment))
    return;
  bool is_whole
      = family->fills_in
        || (g_hash_table_contains (given, "host") && g_hash_table_contains (given, "dbname"));
  DatabaseVariable *variable = g_new0 (DatabaseVariable, 1);
  variable->name = g_strdup (names->str);
  variable->key = g_strdup (family->key);
  variable->role = ENV_LOCK_ROLE_MAIN;
  if (!is_whole)
    variable->state = ENV_LOCK_DATABASE_INCOMPLETE;
  else if (!is_libpq (conninfo->str))
    variable->state = ENV_LOCK_DATABASE_UNPARSEABLE;
  else
    {
      variable->shown = text_mask_url (conninfo->str);
      variable->url = g_strdup (conninfo->str);
    }
  g_ptr_array_add (found, variable);
}

/* --- all of them ---------------------------------------------------------------------------------------- */

GPtrArray *
database_variables_find (const Project *project, const char *const *environment)
{
  GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify) database_variable_free);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (size_t i = 0; environment[i] != NULL; i++)
    {
      const char *equals = strchr (environment[i], '=');
      if (equals == NULL)
        continue;
      char *name = g_strndup (environment[i], (gsize) (equals - environment[i]));
      const char *value = value_of (environment, name, false);
      g_autofree char *upper = g_ascii_strup (name, -1);
      if (g_hash_table_add (seen, name) && value != NULL
          && (names_url (project, name, upper) || is_postgres_url (value)))
        add_url (project, name, value, found);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++)
    add_family (&families[i], environment, found);
  return found;
}
