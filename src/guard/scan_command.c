/* The commands of scripts: what they run, through whatever is in front of it. */
#include "guard/scan_internal.h"

#include <string.h>

/* Scripts in scripts in scripts ("ssh host 'bash -c ...'"). */
#define MAX_DEPTH 6
#define MAX_EXPANSIONS 64
#define MAX_WORDS 10000
/* Variables in scripts in scripts could make much of little. */
#define MAX_INNER_BYTES ((size_t) 4 * 1024 * 1024)

static bool
words_have (const char *const *list, const char *word)
{
  return g_strv_contains (list, word);
}

static const char *
base_of (const char *path)
{
  const char *slash = strrchr (path, '/');
  return slash != NULL ? slash + 1 : path;
}

void
scan_call_report (const ScanCall *call, const char *rule, ScanSeverity severity,
                  const ShellWord *word, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  ScanPlace place = { call->site->file, word->spot.line, word->spot.column, call->start.line };
  if (call->site->is_ephemeral)
    severity = SCAN_NOTE;
  scan_report (call->run, rule, severity, &place, "%s", message);
}

/* WORD is a cluster of short options with LETTER in it: "-fv". */
static bool
has_letter (const char *word, char letter)
{
  return word[0] == '-' && word[1] != '-' && strchr (word + 1, letter) != NULL;
}

/* --- scripts in words ------------------------------------------------------------------------- */

/* A text whose first line stands at SPOT, and whose other lines stand below it. */
static void
scan_inner (const ScanCall *call, const char *script, ScanSpot spot)
{
  ScanSite site = *call->site;
  g_autoptr (ScanText) text = scan_text_new ();
  call->run->inner_bytes += strlen (script);
  if (++site.depth > MAX_DEPTH || call->run->inner_bytes > MAX_INNER_BYTES)
    return;
  for (const char *at = script; *at != '\0'; at++)
    {
      scan_text_add (text, *at, spot);
      if (*at == '\n')
        spot = (ScanSpot){ spot.line + 1, 1 };
    }
  scan_shell (call->run, &site, text);
}

/* The words joined as a shell of their own reads them: "eval", "ssh host". */
static void
scan_joined (const ScanCall *call, ScanWords words)
{
  g_autoptr (GString) script = g_string_new (NULL);
  for (guint i = 0; i < words.count; i++)
    g_string_append_printf (script, "%s%s", i > 0 ? " " : "", words.words[i]->text);
  if (words.count > 0)
    scan_inner (call, script->str, words.words[0]->spot);
}

/* "sh -c SCRIPT", "bash -euxc SCRIPT", "bash <<EOF". */
static void
check_shell (const ScanCall *call, ScanWords words)
{
  for (guint i = 0; i + 1 < words.count && words.words[i]->text[0] == '-'; i++)
    if (has_letter (words.words[i]->text, 'c'))
      {
        scan_inner (call, words.words[i + 1]->text, words.words[i + 1]->spot);
        return;
      }
  if (call->command->input != NULL)
    scan_inner (call, call->command->input, call->command->input_spot);
}

static void
check_ssh (const ScanCall *call, ScanWords words)
{
  guint i = 0;
  while (i < words.count && words.words[i]->text[0] == '-')
    i += strlen (words.words[i]->text) == 2
                 && strchr ("bcDEeFIiJLlmOopQRSWw", words.words[i]->text[1]) != NULL
             ? 2
             : 1;
  /* The other machine is not thrown away. */
  ScanSite site = *call->site;
  site.is_ephemeral = false;
  ScanCall remote = *call;
  remote.site = &site;
  scan_joined (&remote, scan_words_from (words, i + 1));
  if (call->command->input != NULL)
    scan_inner (&remote, call->command->input, call->command->input_spot);
}

static void
check_trap (const ScanCall *call, ScanWords words)
{
  if (words.count > 1)
    scan_inner (call, words.words[0]->text, words.words[0]->spot);
}

/* --- rm --------------------------------------------------------------------------------------- */

static char *
normal_path (const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename (path, "/");
  const char *name = absolute + (path[0] == '/' ? 0 : 1);
  return g_strdup (name);
}

/* PATH, or a folder that encloses it or lies in it, is one that compose mounts as a data directory. */
static bool
is_mounted (const ScanRun *run, const char *path)
{
  g_autofree char *normal = normal_path (path);
  size_t length = strlen (normal);
  GHashTableIter iterator;
  gpointer key;
  if (length == 0)
    return false;
  g_hash_table_iter_init (&iterator, run->folders);
  while (g_hash_table_iter_next (&iterator, &key, NULL))
    {
      const char *folder = key;
      size_t folder_length = strlen (folder);
      if (folder_length > 0 && strncmp (normal, folder, MIN (length, folder_length)) == 0
          && (length == folder_length
              || (length > folder_length ? normal[folder_length] == '/' : folder[length] == '/')))
        return true;
    }
  return false;
}

static bool
is_data_component (const char *name, const char *before)
{
  static const char *const always[]
      = { "pgdata",  "pg_data",      "pg-data",         "postgres_data",   "postgres-data",
          "pg-data", "postgresdata", "postgresql_data", "postgresql-data", "db_data",
          "db-data", "dbdata",       ".pgdata",         "pgsql-data",      NULL };
  static const char *const below_data[] = { "postgres", "postgresql", "pgsql", "pg", "db", NULL };
  static const char *const data[] = { "data", ".data", "volumes", ".volumes", "docker-data", NULL };
  g_autofree char *lower = g_ascii_strdown (name, -1);
  return words_have (always, lower)
         || (before != NULL && words_have (below_data, lower) && words_have (data, before));
}

bool
scan_is_data_path (const ScanRun *run, const char *path)
{
  static const char *const prefixes[] = { "/var/lib/postgresql",
                                          "/var/lib/pgsql",
                                          "/var/lib/docker",
                                          "$PGDATA",
                                          "${PGDATA",
                                          "/bitnami/postgresql",
                                          NULL };
  for (size_t i = 0; prefixes[i] != NULL; i++)
    if (g_str_has_prefix (path, prefixes[i]))
      return true;
  /* The files of a package, and what a script made for itself, are no data. */
  if (path[0] == '$' || strstr (path, "node_modules") != NULL
      || strstr (path, "site-packages") != NULL)
    return false;
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  for (char **part = parts; *part != NULL; part++)
    if (is_data_component (*part, part > parts ? part[-1] : NULL))
      return true;
  return is_mounted (run, path);
}

static bool
is_recursive (ScanWords words)
{
  for (guint i = 0; i < words.count; i++)
    if (has_letter (words.words[i]->text, 'r') || has_letter (words.words[i]->text, 'R')
        || strcmp (words.words[i]->text, "--recursive") == 0)
      return true;
  return false;
}

/* In a container that has a database's volume, "rm -rf /data/x" is as bad wherever it is mounted. */
static void
check_rm (const ScanCall *call, ScanWords words)
{
  for (guint i = 0; is_recursive (words) && i < words.count; i++)
    {
      const ShellWord *word = words.words[i];
      if (word->text[0] != '-' && (call->is_on_volume || scan_is_data_path (call->run, word->text)))
        scan_call_report (call, "remove-data", SCAN_ERROR, word,
                          call->is_on_volume ? "“%s” is deleted in a database's volume"
                                             : "the data directory “%s” is deleted",
                          word->text);
    }
}

/* --- what stands in front of a command -------------------------------------------------------- */

/* Programs that run what follows them, their options that take a value, and how many words of theirs
 * come before it. */
static const struct
{
  const char *name, *valued;
  guint operands;
} wrappers[] = {
  { "sudo", "uUghpCrt", 0 }, { "doas", "uC", 0 },    { "env", "uCS", 0 },
  { "command", "", 0 },      { "exec", "a", 0 },     { "builtin", "", 0 },
  { "nohup", "", 0 },        { "nice", "n", 0 },     { "ionice", "cnp", 0 },
  { "timeout", "ks", 1 },    { "time", "fo", 0 },    { "xargs", "IinPLsdEa", 0 },
  { "watch", "n", 0 },       { "stdbuf", "ioe", 0 }, { "setsid", "", 0 },
  { "flock", "wEc", 1 },     { "chronic", "", 0 },   { "retry", "tdn", 0 },
  { "npx", "pc", 0 },        { "bunx", "", 0 },      { "yarn", "", 0 },
  { "pnpm", "", 0 },         { "bun", "", 0 },       { "python", "", 0 },
  { "python3", "", 0 },      { "php", "", 0 },       { "ruby", "", 0 },
  { "cross-env", "", 0 },    { "env-cmd", "fe", 0 }, { "dotenv", "efcp", 0 },
  { "gosu", "", 1 },         { "su-exec", "", 1 },   { "tini", "", 0 },
  { "dumb-init", "", 0 },    { "chpst", "u", 0 },    { "wsl", "", 0 },
};

/* Two words that run what follows: "poetry run". */
static const char *const pairs[][2] = {
  { "poetry", "run" }, { "uv", "run" },     { "pipenv", "run" },  { "hatch", "run" },
  { "rye", "run" },    { "pdm", "run" },    { "bundle", "exec" }, { "npm", "exec" },
  { "yarn", "run" },   { "pnpm", "exec" },  { "pnpm", "dlx" },    { "yarn", "dlx" },
  { "mise", "exec" },  { "heroku", "run" }, { "fly", "ssh" },
};

static bool
is_environment (const char *word)
{
  size_t length = strspn (word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
  return length > 0 && word[length] == '=';
}

/* Over options and NAME=value of a wrapper, and its operands. */
static guint
behind_wrapper (ScanWords words, const char *valued, guint operands)
{
  guint i = 1;
  for (; i < words.count; i++)
    {
      const char *text = words.words[i]->text;
      if (text[0] == '-' && text[1] != '-' && text[1] != '\0' && text[2] == '\0'
          && strchr (valued, text[1]) != NULL)
        i++;
      else if (text[0] != '-' && !is_environment (text))
        break;
    }
  return i + operands;
}

/* The index of the command that the words in front run; 0: there is nothing in front. */
static guint
skip_front (ScanWords words)
{
  const char *name = base_of (words.words[0]->text);
  for (size_t i = 0; i < G_N_ELEMENTS (pairs) && words.count > 1; i++)
    if (strcmp (name, pairs[i][0]) == 0 && strcmp (words.words[1]->text, pairs[i][1]) == 0)
      return 1 + behind_wrapper (scan_words_from (words, 1), "", 0);
  for (size_t i = 0; i < G_N_ELEMENTS (wrappers); i++)
    if (strcmp (name, wrappers[i].name) == 0)
      return behind_wrapper (words, wrappers[i].valued, wrappers[i].operands);
  return is_environment (words.words[0]->text) ? 1 : 0;
}

/* --- one command ------------------------------------------------------------------------------ */

/* "su - postgres -c SCRIPT". */
static void
check_su (const ScanCall *call, ScanWords words)
{
  for (guint i = 0; i + 1 < words.count; i++)
    if (strcmp (words.words[i]->text, "-c") == 0 || strcmp (words.words[i]->text, "--command") == 0)
      scan_inner (call, words.words[i + 1]->text, words.words[i + 1]->spot);
}

/* "pgkeel guard docker ...": the guard refuses what it protects, and nothing else. */
static void
check_pgkeel (const ScanCall *call, ScanWords words)
{
  for (guint i = 0; i + 1 < words.count; i++)
    if (strcmp (words.words[i]->text, "guard") == 0
        && strcmp (words.words[i + 1]->text, "docker") == 0)
      {
        scan_docker (call, scan_words_from (words, i + 1));
        return;
      }
}

static const struct
{
  const char *name;
  void (*check) (const ScanCall *call, ScanWords words);
} programs[] = {
  { "docker", scan_docker },
  { "docker.exe", scan_docker },
  { "ledger_docker", scan_docker },
  { "pgkeel", check_pgkeel },
  { "podman", scan_docker },
  { "nerdctl", scan_docker },
  { "docker-compose", scan_docker_compose },
  { "docker-compose.exe", scan_docker_compose },
  { "podman-compose", scan_docker_compose },
  { "sh", check_shell },
  { "bash", check_shell },
  { "dash", check_shell },
  { "zsh", check_shell },
  { "ksh", check_shell },
  { "ash", check_shell },
  { "su", check_su },
  { "runuser", check_su },
  { "eval", scan_joined },
  { "ssh", check_ssh },
  { "trap", check_trap },
  { "rm", check_rm },
};

/* A program that stands in a variable whose value is not known here: told by the variable's name, or by
 * what is asked of it. */
static void
check_variable (const ScanCall *call, ScanWords words)
{
  g_autofree char *name = g_ascii_strup (words.words[0]->text, -1);
  const char *next = words.count > 1 ? words.words[1]->text : "";
  if (strstr (name, "COMPOSE") != NULL || strstr (name, "DC") != NULL)
    scan_docker_compose (call, words);
  else if (strstr (name, "DOCKER") != NULL || strstr (name, "PODMAN") != NULL
           || words_have ((const char *const[]){ "compose", "volume", "system", NULL }, next))
    scan_docker (call, words);
  else if (strcmp (next, "down") == 0)
    scan_docker_compose (call, words);
}

void
scan_words (const ScanCall *call, ScanWords words)
{
  guint front;
  while (words.count > 0 && (front = skip_front (words)) > 0)
    words = scan_words_from (words, front);
  if (words.count == 0)
    return;
  const char *name = base_of (words.words[0]->text);
  for (size_t i = 0; i < G_N_ELEMENTS (programs); i++)
    if (strcmp (name, programs[i].name) == 0)
      {
        bool keeps_name
            = programs[i].check == scan_docker || programs[i].check == scan_docker_compose;
        programs[i].check (call, scan_words_from (words, keeps_name ? 0 : 1));
        return;
      }
  if (words.words[0]->text[0] == '$')
    check_variable (call, words);
}

/* --- variables -------------------------------------------------------------------------------- */

/* NAME of a word that is nothing but $NAME, ${NAME}, ${NAME[@]}, ${NAME:-x}; NULL: it is more. Caller
 * frees. */
static char *
variable_of (const char *word)
{
  const char *start = word[0] == '$' ? word + (word[1] == '{' ? 2 : 1) : word;
  size_t length = strspn (start, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
  if (start == word || length == 0)
    return NULL;
  bool is_closed = word[1] == '{' ? start[strlen (start) - 1] == '}' : start[length] == '\0';
  return is_closed ? g_strndup (start, length) : NULL;
}

/* The default of ${NAME:-default}; NULL: none. Caller frees. */
static char *
default_of (const char *word)
{
  const char *start = strstr (word, ":-");
  if (start == NULL || !g_str_has_prefix (word, "${"))
    return NULL;
  return g_strndup (start + 2, strlen (start + 2) - 1);
}

static void
add_words (const ScanCall *call, GPtrArray *words, const ShellWord *word, int *expansions)
{
  g_autofree char *name = variable_of (word->text);
  g_autofree char *fallback = name != NULL ? default_of (word->text) : NULL;
  const char *value = name != NULL ? g_hash_table_lookup (call->script->variables, name) : NULL;
  if (value == NULL || *value == '\0')
    value = fallback;
  /* What a command prints is not known here, and its words are not those of the result. */
  if (value != NULL && (strstr (value, "$(") != NULL || strchr (value, '`') != NULL))
    value = NULL;
  if (value == NULL || (*expansions)++ >= MAX_EXPANSIONS || words->len > MAX_WORDS)
    {
      g_ptr_array_add (words, shell_word_new (word->text, word->spot));
      return;
    }
  g_auto (GStrv) parts = g_strsplit_set (value, " \t\n", -1);
  for (char **part = parts; *part != NULL; part++)
    if (**part != '\0')
      {
        ShellWord inner = { .text = *part, .spot = word->spot };
        add_words (call, words, &inner, expansions);
      }
}

/* --- all of a text ---------------------------------------------------------------------------- */

/* "echo TEXT | psql", "printf TEXT | sh": the text is what the next command reads. */
static void
feed_next (const ScanCall *call, ScanWords words, const ShellCommand *next)
{
  if (!call->command->is_piped || next == NULL || next->input != NULL || words.count < 2)
    return;
  const char *name = base_of (words.words[0]->text);
  if (strcmp (name, "echo") != 0 && strcmp (name, "printf") != 0)
    return;
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 1; i < words.count; i++)
    if (words.words[i]->text[0] != '-')
      g_string_append_printf (text, "%s ", words.words[i]->text);
  ((ShellCommand *) next)->input = g_strdup (text->str);
  ((ShellCommand *) next)->input_spot = words.words[1]->spot;
}

static void
check_assignment (ScanRun *run, const ScanSite *site, const ShellWord *word)
{
  const char *equals = strchr (word->text, '=');
  ScanPlace place = { site->file, word->spot.line, word->spot.column, 0 };
  if (equals == NULL || word->text[0] == '-')
    return;
  g_autofree char *name = g_strndup (word->text, (gsize) (equals - word->text));
  if (scan_secret_of (name, equals + 1) == SECRET_REAL)
    scan_report (run, "plaintext-secret", SCAN_ERROR, &place, "“%s” is written here", name);
}

/* NAME=value in front of a command, and as a word of "export" and "docker run -e". */
static void
check_assignments (ScanRun *run, const ScanSite *site, const ShellCommand *command)
{
  for (guint i = 0; i < command->assignments->len; i++)
    check_assignment (run, site, command->assignments->pdata[i]);
  for (guint i = 1; i < command->words->len; i++)
    check_assignment (run, site, command->words->pdata[i]);
}

static void
scan_one (ScanRun *run, const ScanSite *site, const ShellScript *script, guint index)
{
  const ShellCommand *command = script->commands->pdata[index];
  const ShellCommand *next
      = index + 1 < script->commands->len ? script->commands->pdata[index + 1] : NULL;
  g_autoptr (GPtrArray) expanded
      = g_ptr_array_new_with_free_func ((GDestroyNotify) shell_word_free);
  int expansions = 0;
  check_assignments (run, site, command);
  if (command->words->len == 0)
    return;
  ScanCall call = { .run = run,
                    .site = site,
                    .script = script,
                    .command = command,
                    .start = ((const ShellWord *) command->words->pdata[0])->spot };
  for (guint i = 0; i < command->words->len; i++)
    add_words (&call, expanded, command->words->pdata[i], &expansions);
  ScanWords words = { (ShellWord *const *) expanded->pdata, expanded->len };
  feed_next (&call, words, next);
  scan_words (&call, words);
}

void
scan_shell (ScanRun *run, const ScanSite *site, const ScanText *text)
{
  g_autoptr (ShellScript) script = shell_parse (text);
  for (guint i = 0; i < script->commands->len; i++)
    scan_one (run, site, script, i);
  if (script->problem == NULL || site->depth > 0)
    return;
  ScanPlace place = { site->file, script->problem_spot.line, script->problem_spot.column, 0 };
  scan_report (run, "script-unreadable", SCAN_WARNING, &place, "%s", script->problem);
}
