#include "guard/database_arguments.h"

#include <string.h>

/* A program of PostgreSQL's that writes, by its options as getopt_long reads them. */
typedef struct
{
  const char *name;
  const char *letters;           /* short options with a value */
  const char *const *long_names; /* long ones with a value; NULL-terminated */
  bool has_database;             /* its first argument is a database */
} Program;

static const char *const psql_names[]
    = { "command", "dbname",   "file", "field-separator",  "host",       "log-file",
        "output",  "port",     "pset", "record-separator", "table-attr", "username",
        "set",     "variable", NULL };
static const char *const restore_names[]
    = { "dbname",   "file",    "format",         "host", "index",    "jobs",
        "use-list", "schema",  "exclude-schema", "port", "function", "superuser",
        "table",    "trigger", "username",       "role", "section",  NULL };
static const char *const drop_names[] = { "host", "port", "username", "maintenance-db", NULL };

static const Program programs[] = {
  { "psql", "cdfFhLopPRTUv", psql_names, true },
  { "pg_restore", "dfFIjLnNpPStThU", restore_names, false },
  { "dropdb", "hpU", drop_names, true },
};

static const Program *
program_called (const char *word)
{
  g_autofree char *base = g_path_get_basename (word);
  for (size_t i = 0; i < G_N_ELEMENTS (programs); i++)
    if (strcmp (programs[i].name, base) == 0)
      return &programs[i];
  return NULL;
}

/* --- the options of a program ------------------------------------------------------------------- */

/* What the options say. */
typedef struct
{
  const char *host, *port, *user, *database;
} Target;

static void
note_option (Target *target, const char *name, const char *value)
{
  if (strcmp (name, "host") == 0)
    target->host = value;
  else if (strcmp (name, "port") == 0)
    target->port = value;
  else if (strcmp (name, "username") == 0)
    target->user = value;
  else if (strcmp (name, "dbname") == 0)
    target->database = value;
}

/* Takes the long option at WORDS; how many words it was. Names may be cut short. */
static size_t
read_long (const Program *program, char *const *words, Target *target)
{
  const char *name = words[0] + 2;
  size_t length = strcspn (name, "=");
  for (size_t i = 0; program->long_names[i] != NULL; i++)
    {
      if (strncmp (program->long_names[i], name, length) != 0)
        continue;
      const char *value = name[length] == '=' ? name + length + 1 : words[1];
      if (value != NULL)
        note_option (target, program->long_names[i], value);
      return name[length] == '=' || words[1] == NULL ? 1 : 2;
    }
  return 1;
}

static size_t
read_short (const Program *program, char *const *words, Target *target)
{
  static const struct
  {
    char letter;
    const char *name;
  } names[] = { { 'h', "host" }, { 'p', "port" }, { 'U', "username" }, { 'd', "dbname" } };
  for (const char *letter = words[0] + 1; *letter != '\0'; letter++)
    {
      if (strchr (program->letters, *letter) == NULL)
        continue;
      const char *value = letter[1] != '\0' ? letter + 1 : words[1];
      for (size_t i = 0; i < G_N_ELEMENTS (names) && value != NULL; i++)
        if (names[i].letter == *letter)
          note_option (target, names[i].name, value);
      return letter[1] != '\0' || words[1] == NULL ? 1 : 2;
    }
  return 1;
}

static Target
read_target (const Program *program, char *const *words)
{
  Target target = { 0 };
  const char *first = NULL;
  bool only_arguments = false;
  while (*words != NULL)
    {
      size_t count = 1;
      if (!only_arguments && strcmp (*words, "--") == 0)
        only_arguments = true;
      else if (!only_arguments && g_str_has_prefix (*words, "--"))
        count = read_long (program, words, &target);
      else if (!only_arguments && (*words)[0] == '-' && (*words)[1] != '\0')
        count = read_short (program, words, &target);
      else if (first == NULL)
        first = *words;
      words += count;
    }
  if (program->has_database && target.database == NULL)
    target.database = first;
  return target;
}

static void
append_part (GString *conninfo, const char *keyword, const char *value)
{
  if (value == NULL || *value == '\0')
    return;
  g_auto (GStrv) slashes = g_strsplit (value, "\\", -1);
  g_autofree char *escaped = g_strjoinv ("\\\\", slashes);
  g_auto (GStrv) quotes = g_strsplit (escaped, "'", -1);
  g_autofree char *quoted = g_strjoinv ("\\'", quotes);
  g_string_append_printf (conninfo, "%s%s='%s'", conninfo->len > 0 ? " " : "", keyword, quoted);
}

/* A database that is a connection string goes before the other options, as libpq has it. */
static void
add_program (const Program *program, char *const *words, GPtrArray *found)
{
  Target target = read_target (program, words);
  bool is_conninfo = target.database != NULL && strchr (target.database, '=') != NULL;
  g_autoptr (GString) conninfo = g_string_new (is_conninfo ? target.database : NULL);
  if (target.database != NULL && strstr (target.database, "://") != NULL)
    return; /* found as a URL */
  if (!is_conninfo)
    {
      append_part (conninfo, "host", target.host);
      append_part (conninfo, "port", target.port);
      append_part (conninfo, "user", target.user);
      append_part (conninfo, "dbname", target.database);
    }
  if (target.host == NULL && target.port == NULL && target.database == NULL)
    return;
  g_ptr_array_add (found, database_variable_new (program->name, program->name, ENV_LOCK_ROLE_EXTRA,
                                                 conninfo->str));
}

/* --- words --------------------------------------------------------------------------------------- */

static void
add_urls (const char *word, GPtrArray *found)
{
  g_autoptr (GRegex) regex = g_regex_new ("(?:postgres|postgresql)(?:\\+\\w+)?://[^\\s'\"<>|;()`]+",
                                          G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_assert (regex != NULL);
  for (g_regex_match (regex, word, 0, &match); g_match_info_matches (match);
       g_match_info_next (match, NULL))
    {
      g_autofree char *url = g_match_info_fetch (match, 0);
      g_autofree char *key = g_strdup_printf ("argument %u", found->len);
      g_ptr_array_add (found, database_variable_new ("a URL", key, ENV_LOCK_ROLE_EXTRA, url));
    }
}

GPtrArray *
database_arguments_find (char *const *argv)
{
  GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify) database_variable_free);
  bool has_program = false;
  for (size_t i = 0; argv[i] != NULL; i++)
    {
      const Program *program = has_program ? NULL : program_called (argv[i]);
      add_urls (argv[i], found);
      if (program == NULL)
        continue;
      has_program = true;
      add_program (program, argv + i + 1, found);
    }
  return found;
}

char **
database_arguments_environment (char *const *environment, char *const *argv)
{
  char **merged = g_strdupv ((char **) environment);
  g_autofree char *base = argv[0] != NULL ? g_path_get_basename (argv[0]) : g_strdup ("");
  if (strcmp (base, "env") != 0)
    return merged;
  for (size_t i = 1; argv[i] != NULL; i++)
    {
      const char *equals = strchr (argv[i], '=');
      if (argv[i][0] == '-')
        continue;
      if (equals == NULL)
        break;
      g_autofree char *name = g_strndup (argv[i], (gsize) (equals - argv[i]));
      merged = g_environ_setenv (merged, name, equals + 1, TRUE);
    }
  return merged;
}
