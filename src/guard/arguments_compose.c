/* docker compose and docker-compose. Options of 1.x and 2.x together: none means two things. */
#include "guard/arguments_internal.h"

#include <string.h>

static const WordOption compose_options[] = {
  { "all-resources", 0, false },
  { "ansi", 0, true },
  { "compatibility", 0, false },
  { "config", 0, true },
  { "context", 'c', true },
  { "debug", 'D', false },
  { "dry-run", 0, false },
  { "env-file", 0, true },
  { "file", 'f', true },
  { "help", 'h', false },
  { "host", 'H', true },
  { "log-level", 'l', true },
  { "no-ansi", 0, false },
  { "parallel", 0, true },
  { "profile", 0, true },
  { "progress", 0, true },
  { "project-directory", 0, true },
  { "project-name", 'p', true },
  { "skip-hostname-check", 0, false },
  { "tls", 0, false },
  { "tlscacert", 0, true },
  { "tlscert", 0, true },
  { "tlskey", 0, true },
  { "tlsverify", 0, false },
  { "verbose", 0, false },
  { "version", 'v', false },
  { "workdir", 0, true },
  { 0 },
};

static const WordOption down_options[] = {
  { "dry-run", 0, false },
  { "remove-orphans", 0, false },
  { "rmi", 0, true },
  { "timeout", 't', true },
  { "volumes", 'v', false },
  { "help", 0, false },
  { 0 },
};

static const WordOption rm_options[] = {
  { "all", 'a', false },
  { "dry-run", 0, false },
  { "force", 'f', false },
  { "stop", 's', false },
  { "volumes", 'v', false },
  { "help", 0, false },
  { 0 },
};

static const WordOption up_options[] = {
  { "attach", 0, true },       { "detach", 'd', false },
  { "dry-run", 0, false },     { "exit-code-from", 0, true },
  { "help", 0, false },        { "no-attach", 0, true },
  { "pull", 0, true },         { "renew-anon-volumes", 'V', false },
  { "scale", 0, true },        { "timeout", 't', true },
  { "wait-timeout", 0, true }, { "watch", 'w', false },
  { "yes", 'y', false },       { 0 },
};

static const WordOption run_options[] = {
  { "build", 0, false },      { "cap-add", 0, true },
  { "cap-drop", 0, true },    { "detach", 'd', false },
  { "dry-run", 0, false },    { "entrypoint", 0, true },
  { "env", 'e', true },       { "env-from-file", 0, true },
  { "help", 0, false },       { "interactive", 'i', false },
  { "label", 'l', true },     { "name", 0, true },
  { "no-TTY", 'T', false },   { "no-deps", 0, false },
  { "publish", 'p', true },   { "pull", 0, true },
  { "quiet", 'q', false },    { "quiet-build", 0, false },
  { "quiet-pull", 0, false }, { "remove-orphans", 0, false },
  { "rm", 0, false },         { "service-ports", 'P', false },
  { "tty", 't', false },      { "use-aliases", 0, false },
  { "user", 'u', true },      { "volume", 'v', true },
  { "workdir", 'w', true },   { 0 },
};

static const WordOption exec_options[] = {
  { "detach", 'd', false }, { "dry-run", 0, false },    { "env", 'e', true },
  { "help", 0, false },     { "index", 0, true },       { "interactive", 'i', false },
  { "no-TTY", 'T', false }, { "privileged", 0, false }, { "tty", 't', false },
  { "user", 'u', true },    { "workdir", 'w', true },   { 0 },
};

static const WordOption cp_options[] = {
  { "all", 0, false },
  { "archive", 'a', false },
  { "dry-run", 0, false },
  { "follow-link", 'L', false },
  { "help", 0, false },
  { "index", 0, true },
  { 0 },
};

/* Without -v it leaves every volume as it is. */
static void
collect_down (Arguments *arguments, const Words *words)
{
  if (words_has (words, "volumes"))
    arguments_add (arguments, GUARD_COMPOSE_DOWN, NULL)->removes_volumes = true;
}

static void
note_services (Arguments *arguments, const Words *words, GuardComposeContainers containers)
{
  GuardCommand *command = arguments->command;
  command->containers = containers;
  g_strfreev (command->services);
  command->services = g_new0 (char *, words->arguments->len + 1);
  for (guint i = 0; i < words->arguments->len; i++)
    command->services[i] = g_strdup (words->arguments->pdata[i]);
}

static void
collect_rm (Arguments *arguments, const Words *words)
{
  if (words_has (words, "volumes"))
    note_services (arguments, words, GUARD_COMPOSE_REMOVE_VOLUMES);
}

static void
collect_up (Arguments *arguments, const Words *words)
{
  arguments->command->answers_yes = words_has (words, "yes");
  if (words_has (words, "renew-anon-volumes"))
    note_services (arguments, words, GUARD_COMPOSE_RENEW_VOLUMES);
}

/* docker-compose 1.x calls "rm -v" by its letter only; that is the same option here. */
static const ArgumentRow rows[] = {
  { "down", down_options, false, false, collect_down },
  { "rm", rm_options, false, false, collect_rm },
  { "up", up_options, false, false, collect_up },
  { "create", up_options, false, false, collect_up },
  { "run", run_options, true, false, arguments_collect_run },
  { "exec", exec_options, true, false, arguments_collect_exec },
  { "cp", cp_options, false, false, arguments_collect_cp },
};

static const char *const reading[]
    = { "config", "convert", "events", "help",    "images", "logs",    "ls", "port",
        "ps",     "stats",   "top",    "version", "viz",    "volumes", NULL };

static const ArgumentRow *
find_row (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (rows[i].path, name) == 0)
      return &rows[i];
  return NULL;
}

static char **
copy_values (const Words *words, const char *option)
{
  g_autoptr (GPtrArray) values = words_values (words, option);
  char **copy = g_new0 (char *, values->len + 1);
  for (guint i = 0; i < values->len; i++)
    copy[i] = g_strdup (values->pdata[i]);
  return copy;
}

static void
replace_if_given (char **kept, const Words *words, const char *option)
{
  const char *value = words_value (words, option);
  if (value == NULL)
    return;
  g_free (*kept);
  *kept = g_strdup (value);
}

static void
take_globals (GuardCommand *command, const Words *words)
{
  replace_if_given (&command->host, words, "host");
  replace_if_given (&command->context, words, "context");
  replace_if_given (&command->config, words, "config");
  replace_if_given (&command->project_name, words, "project-name");
  replace_if_given (&command->project_folder, words, "workdir");
  replace_if_given (&command->project_folder, words, "project-directory");
  command->is_tls = command->is_tls || arguments_say_tls (words);
  g_strfreev (command->files);
  command->files = copy_values (words, "file");
  g_strfreev (command->env_files);
  command->env_files = copy_values (words, "env-file");
}

static void
read_subcommand (Arguments *arguments, const char *name, char *const *argv)
{
  static const WordOption no_options[] = { { "help", 0, false }, { "dry-run", 0, false }, { 0 } };
  const ArgumentRow *row = find_row (name);
  WordRules rules = { no_options, false, true };
  if (row != NULL)
    rules = (WordRules){ row->options, row->stops_at_word, true };
  g_auto (Words) words = { 0 };
  words_read (&rules, argv, &words);
  if (words_has (&words, "help") || words_has (&words, "dry-run"))
    arguments->command->is_reading = true;
  else if (row != NULL)
    row->collect (arguments, &words);
}

void
arguments_read_compose (Arguments *arguments, char *const *argv)
{
  static const WordRules rules = { compose_options, true, true };
  GuardCommand *command = arguments->command;
  g_auto (Words) globals = { 0 };
  words_read (&rules, argv, &globals);
  take_globals (command, &globals);
  command->is_compose = true;
  argv += g_strv_length ((char **) argv) - globals.arguments->len;
  const char *name = *argv != NULL ? *argv++ : "";
  command->command = g_strconcat ("compose", *name != '\0' ? " " : "", name, NULL);
  bool shows_only = words_has (&globals, "help") || words_has (&globals, "version")
                    || words_has (&globals, "dry-run");
  command->is_reading = shows_only || *name == '\0' || g_strv_contains (reading, name);
  if (!shows_only)
    read_subcommand (arguments, name, argv);
}
