#include "guard/arguments.h"
#include "base/text.h"
#include "guard/arguments_internal.h"
#include "guard/mask.h"

#include <string.h>

void
guard_command_clear (GuardCommand *command)
{
  g_free (command->given);
  g_free (command->host);
  g_free (command->context);
  g_free (command->config);
  g_free (command->command);
  g_clear_pointer (&command->operations, g_ptr_array_unref);
  g_strfreev (command->files);
  g_strfreev (command->env_files);
  g_free (command->project_name);
  g_free (command->project_folder);
  g_strfreev (command->services);
}

bool
guard_command_is_guarded (const GuardCommand *command)
{
  return command->operations->len > 0 || command->containers != GUARD_COMPOSE_NOTHING
         || command->answers_yes;
}

GuardOperation *
arguments_add (Arguments *arguments, GuardAct act, const char *name)
{
  GuardOperation *operation = g_new0 (GuardOperation, 1);
  operation->act = act;
  operation->name = g_strdup (name);
  operation->given = g_strdup (arguments->given);
  g_ptr_array_add (arguments->command->operations, operation);
  return operation;
}

static const WordOption no_options[] = { { "help", 0, false }, { 0 } };

static const WordOption remove_options[] = {
  { "force", 'f', false },
  { "link", 'l', false },
  { "volumes", 'v', false },
  { "help", 0, false },
  { 0 },
};

static const WordOption stop_options[] = {
  { "signal", 's', true },
  { "time", 't', true },
  { "timeout", 0, true },
  { "help", 0, false },
  { 0 },
};

static const WordOption prune_options[] = {
  { "all", 'a', false }, { "force", 'f', false }, { "volumes", 0, false },
  { "filter", 0, true }, { "help", 0, false },    { 0 },
};

static const WordOption volume_create_options[] = {
  { "availability", 0, true },
  { "driver", 'd', true },
  { "group", 0, true },
  { "label", 0, true },
  { "limit-bytes", 0, true },
  { "name", 0, true },
  { "opt", 'o', true },
  { "required-bytes", 0, true },
  { "scope", 0, true },
  { "secret", 0, true },
  { "sharing", 0, true },
  { "topology-preferred", 0, true },
  { "topology-required", 0, true },
  { "type", 0, true },
  { "help", 0, false },
  { 0 },
};

static const WordOption stack_options[] = {
  { "compose-file", 'c', true },
  { "bundle-file", 0, true },
  { "detach", 'd', false },
  { "prune", 0, false },
  { "quiet", 'q', false },
  { "resolve-image", 0, true },
  { "with-registry-auth", 0, false },
  { "orchestrator", 0, true },
  { "help", 0, false },
  { 0 },
};

static void
collect_volume_remove (Arguments *arguments, const Words *words)
{
  for (guint i = 0; i < words->arguments->len; i++)
    arguments_add (arguments, GUARD_VOLUME_REMOVE, words->arguments->pdata[i])->force
        = words_has (words, "force");
}

/* {"label": ["a=b"]} of --filter label=a=b. */
static json_t *
read_filters (const Words *words)
{
  g_autoptr (GPtrArray) values = words_values (words, "filter");
  if (values->len == 0)
    return NULL;
  json_t *filters = json_object ();
  for (guint i = 0; i < values->len; i++)
    {
      g_auto (GStrv) parts = g_strsplit (values->pdata[i], "=", 2);
      g_autofree char *name = g_ascii_strdown (g_strstrip (parts[0] != NULL ? parts[0] : ""), -1);
      json_t *list = json_object_get (filters, name);
      if (list == NULL)
        {
          list = json_array ();
          if (json_object_set_new (filters, name, list) != 0)
            continue;
        }
      json_array_append_new (list,
                             json_string (parts[0] != NULL && parts[1] != NULL ? parts[1] : ""));
    }
  return filters;
}

/* Newer clients write --all as the filter all=1, so that works, too. */
static bool
filters_say_all (const json_t *filters)
{
  static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", NULL };
  size_t i;
  json_t *value;
  json_array_foreach (json_object_get (filters, "all"), i, value)
    if (!g_strv_contains (no, json_string_value (value)))
      return true;
  return false;
}

static void
collect_volume_prune (Arguments *arguments, const Words *words)
{
  GuardOperation *prune = arguments_add (arguments, GUARD_VOLUME_PRUNE, NULL);
  prune->filters = read_filters (words);
  prune->force = words_has (words, "force");
  prune->takes_named = words_has (words, "all") || filters_say_all (prune->filters);
}

/* Without --volumes it leaves volumes alone, those of the containers that it removes included. */
static void
collect_system_prune (Arguments *arguments, const Words *words)
{
  if (!words_has (words, "volumes"))
    return;
  GuardOperation *prune = arguments_add (arguments, GUARD_VOLUME_PRUNE, NULL);
  prune->filters = read_filters (words);
  prune->force = words_has (words, "force");
  prune->takes_named = filters_say_all (prune->filters);
}

static void
collect_container_remove (Arguments *arguments, const Words *words)
{
  if (words_has (words, "link"))
    return;
  for (guint i = 0; i < words->arguments->len; i++)
    {
      GuardOperation *removal
          = arguments_add (arguments, GUARD_CONTAINER_REMOVE, words->arguments->pdata[i]);
      removal->force = words_has (words, "force");
      removal->removes_volumes = words_has (words, "volumes");
    }
}

/* One that removes itself takes its anonymous volumes along. */
static void
collect_container_stop (Arguments *arguments, const Words *words)
{
  for (guint i = 0; i < words->arguments->len; i++)
    arguments_add (arguments, GUARD_CONTAINER_STOP, words->arguments->pdata[i]);
}

static void
collect_service_remove (Arguments *arguments, const Words *words)
{
  for (guint i = 0; i < words->arguments->len; i++)
    arguments_add (arguments, GUARD_SERVICE_CHANGE, words->arguments->pdata[i])->verb = "remove";
}

/* "a=b" of every value as an object's members. */
static json_t *
read_pairs (const Words *words, const char *option)
{
  json_t *pairs = json_object ();
  g_autoptr (GPtrArray) values = words_values (words, option);
  for (guint i = 0; i < values->len; i++)
    {
      g_auto (GStrv) parts = g_strsplit (values->pdata[i], "=", 2);
      if (parts[0] != NULL)
        json_object_set_new (pairs, parts[0], json_string (parts[1] != NULL ? parts[1] : ""));
    }
  return pairs;
}

static void
collect_volume_create (Arguments *arguments, const Words *words)
{
  const char *name
      = words->arguments->len > 0 ? words->arguments->pdata[0] : words_value (words, "name");
  const char *driver = words_value (words, "driver");
  GuardOperation *making = arguments_add (arguments, GUARD_VOLUME_CREATE, name);
  making->spec = json_pack ("{s:s?, s:s, s:o, s:o}", "Name", name, "Driver",
                            driver != NULL ? driver : "local", "DriverOpts",
                            read_pairs (words, "opt"), "Labels", read_pairs (words, "label"));
}

static void
collect_volume_update (Arguments *arguments, const Words *words)
{
  const char *name = words->arguments->len > 0 ? words->arguments->pdata[0] : NULL;
  GuardOperation *update = arguments_add (arguments, GUARD_VOLUME_UPDATE, name);
  update->spec
      = json_pack ("{s:{s:s?}}", "Spec", "Availability", words_value (words, "availability"));
}

/* plugin rm takes several; the others one, and then what is no plugin. */
static void
collect_plugin (Arguments *arguments, const Words *words)
{
  bool takes_many = strcmp (arguments->command->command, "plugin rm") == 0;
  for (guint i = 0; i < words->arguments->len && (i == 0 || takes_many); i++)
    arguments_add (arguments, GUARD_PLUGIN_CHANGE, words->arguments->pdata[i])->force
        = words_has (words, "force");
}

static void
collect_swarm_leave (Arguments *arguments, const Words *words)
{
  arguments_add (arguments, GUARD_SWARM_LEAVE, NULL)->force = words_has (words, "force");
}

/* Its compose files count for what is production. */
static void
collect_stack (Arguments *arguments, const Words *words)
{
  g_autoptr (GPtrArray) files = words_values (words, "compose-file");
  g_strfreev (arguments->command->files);
  arguments->command->files = g_new0 (char *, files->len + 1);
  for (guint i = 0; i < files->len; i++)
    arguments->command->files[i] = g_strdup (files->pdata[i]);
}

static const ArgumentRow rows[] = {
  { "container rm", remove_options, false, false, collect_container_remove },
  { "container stop", stop_options, false, false, collect_container_stop },
  { "container kill", stop_options, false, false, collect_container_stop },
  { "container create", arguments_run_options, true, false, arguments_collect_run },
  { "container run", arguments_run_options, true, false, arguments_collect_run },
  { "container exec", arguments_exec_options, true, false, arguments_collect_exec },
  { "container cp", no_options, false, false, arguments_collect_cp },
  { "volume rm", remove_options, false, false, collect_volume_remove },
  { "volume prune", prune_options, false, false, collect_volume_prune },
  { "volume create", volume_create_options, false, false, collect_volume_create },
  { "volume update", volume_create_options, false, false, collect_volume_update },
  { "system prune", prune_options, false, false, collect_system_prune },
  { "plugin rm", remove_options, false, false, collect_plugin },
  { "plugin disable", remove_options, false, false, collect_plugin },
  { "plugin upgrade", no_options, false, false, collect_plugin },
  { "plugin set", no_options, false, false, collect_plugin },
  { "service create", arguments_service_options, true, false, arguments_collect_service },
  { "service update", arguments_service_options, false, false, arguments_collect_service },
  { "service rm", no_options, false, false, collect_service_remove },
  { "stack deploy", stack_options, false, false, collect_stack },
  { "swarm leave", remove_options, false, false, collect_swarm_leave },
};

/* Commands under two names: the management form is the one that is used here. */
static const struct
{
  const char *given, *path;
} same[] = {
  { "attach", "container attach" },   { "commit", "container commit" },
  { "cp", "container cp" },           { "create", "container create" },
  { "diff", "container diff" },       { "exec", "container exec" },
  { "export", "container export" },   { "history", "image history" },
  { "images", "image ls" },           { "info", "system info" },
  { "events", "system events" },      { "kill", "container kill" },
  { "logs", "container logs" },       { "pause", "container pause" },
  { "port", "container port" },       { "ps", "container ls" },
  { "rename", "container rename" },   { "restart", "container restart" },
  { "rm", "container rm" },           { "rmi", "image rm" },
  { "run", "container run" },         { "save", "image save" },
  { "start", "container start" },     { "stats", "container stats" },
  { "stop", "container stop" },       { "top", "container top" },
  { "unpause", "container unpause" }, { "update", "container update" },
  { "wait", "container wait" },       { "container remove", "container rm" },
  { "container ps", "container ls" }, { "container list", "container ls" },
  { "image list", "image ls" },       { "image remove", "image rm" },
  { "volume remove", "volume rm" },   { "volume list", "volume ls" },
  { "network list", "network ls" },   { "plugin remove", "plugin rm" },
  { "plugin list", "plugin ls" },     { "service remove", "service rm" },
  { "service list", "service ls" },   { "stack up", "stack deploy" },
  { "stack down", "stack rm" },       { "stack remove", "stack rm" },
  { "stack list", "stack ls" },       { "context list", "context ls" },
  { "node list", "node ls" },         { "secret list", "secret ls" },
  { "config list", "config ls" },
};

/* What can be run in production by anybody. */
static const char *const reading[] = {
  "",
  "help",
  "version",
  "inspect",
  "search",
  "system info",
  "system events",
  "system df",
  "container ls",
  "container logs",
  "container inspect",
  "container stats",
  "container top",
  "container port",
  "container diff",
  "container wait",
  "container export",
  "image ls",
  "image history",
  "image inspect",
  "image save",
  "volume ls",
  "volume inspect",
  "network ls",
  "network inspect",
  "plugin ls",
  "plugin inspect",
  "service ls",
  "service ps",
  "service logs",
  "service inspect",
  "stack ls",
  "stack ps",
  "stack services",
  "stack config",
  "node ls",
  "node ps",
  "node inspect",
  "secret ls",
  "secret inspect",
  "config ls",
  "config inspect",
  "context ls",
  "context show",
  "context inspect",
  "manifest inspect",
  "trust inspect",
  NULL,
};

static bool
is_group (const char *word)
{
  static const char *const groups[]
      = { "builder",  "buildx",  "checkpoint", "config", "container", "context", "image",
          "manifest", "network", "node",       "plugin", "secret",    "service", "stack",
          "swarm",    "system",  "trust",      "volume", NULL };
  return g_strv_contains (groups, word);
}

static const char *
canonical_path (const char *path)
{
  for (size_t i = 0; i < G_N_ELEMENTS (same); i++)
    if (strcmp (same[i].given, path) == 0)
      return same[i].path;
  return path;
}

static const ArgumentRow *
find_row (const char *path)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (rows[i].path, path) == 0)
      return &rows[i];
  return NULL;
}

static void
read_command (Arguments *arguments, char *const *argv)
{
  static const WordRules no_rules = { no_options, false, false };
  GuardCommand *command = arguments->command;
  const ArgumentRow *row = find_row (command->command);
  WordRules rules = no_rules;
  if (row != NULL)
    rules = (WordRules){ row->options, row->stops_at_word, false };
  g_auto (Words) words = { 0 };
  words_read (&rules, argv, &words);
  if (words_has (&words, "help"))
    command->is_reading = true;
  else if (row != NULL)
    row->collect (arguments, &words);
}

/* A group's options stand before the command; those that docker knows take no value. */
static char *const *
skip_options (char *const *argv)
{
  while (*argv != NULL && **argv == '-')
    argv++;
  return argv;
}

static bool
asks_for_help (char *const *from, char *const *to)
{
  for (; from < to; from++)
    if (strcmp (*from, "--help") == 0)
      return true;
  return false;
}

static void
read_docker (Arguments *arguments, char *const *argv)
{
  GuardCommand *command = arguments->command;
  g_autoptr (GString) path = g_string_new (*argv);
  bool is_help = false;
  if (*argv != NULL)
    argv++;
  if (is_group (path->str))
    {
      char *const *word = skip_options (argv);
      is_help = asks_for_help (argv, word);
      if (*word != NULL)
        g_string_append_printf (path, " %s", *word++);
      argv = word;
    }
  command->command = g_strdup (canonical_path (path->str));
  /* A group alone prints its help. */
  command->is_reading
      = is_help || g_strv_contains (reading, command->command) || is_group (command->command);
  if (!is_help)
    read_command (arguments, argv);
}

static const WordOption docker_options[] = {
  { "config", 0, true },
  { "context", 'c', true },
  { "debug", 'D', false },
  { "host", 'H', true },
  { "log-level", 'l', true },
  { "tls", 0, false },
  { "tlscacert", 0, true },
  { "tlscert", 0, true },
  { "tlskey", 0, true },
  { "tlsverify", 0, false },
  { "version", 'v', false },
  { "help", 0, false },
  { 0 },
};

bool
arguments_say_tls (const Words *words)
{
  static const char *const files[] = { "tlscacert", "tlscert", "tlskey" };
  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    if (words_value (words, files[i]) != NULL)
      return true;
  return words_has (words, "tls") || words_has (words, "tlsverify");
}

/* The words from the first that is no option on; RET_GLOBALS: what stood before. */
static char *const *
read_globals (char *const *argv, Words *ret_globals)
{
  static const WordRules rules = { docker_options, true, false };
  words_read (&rules, argv, ret_globals);
  size_t count = g_strv_length ((char **) argv);
  return argv + (count - ret_globals->arguments->len);
}

GPtrArray *
guard_arguments_for_compose (char *const *argv, char **ret_config)
{
  static const char *const known[] = { "context", "host",   "log-level", "tls", "tlscacert",
                                       "tlscert", "tlskey", "tlsverify", NULL };
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  g_auto (Words) globals = { 0 };
  argv = read_globals (argv, &globals);
  for (guint i = 0; i < globals.given->len; i++)
    {
      const WordGiven *given = globals.given->pdata[i];
      const char *name = given->option->name;
      if (!g_strv_contains (known, name))
        continue;
      if (given->option->takes_value)
        g_ptr_array_add (words, g_strdup_printf ("--%s=%s", name, given->value));
      else if (words_has (&globals, name))
        g_ptr_array_add (words, g_strdup_printf ("--%s", name));
    }
  *ret_config = g_strdup (words_value (&globals, "config"));
  for (argv += *argv != NULL ? 1 : 0; *argv != NULL; argv++)
    g_ptr_array_add (words, g_strdup (*argv));
  g_ptr_array_add (words, NULL);
  return words;
}

static void
read_all (Arguments *arguments, char *const *argv)
{
  GuardCommand *command = arguments->command;
  if (command->program == GUARD_PROGRAM_COMPOSE)
    {
      arguments_read_compose (arguments, argv);
      return;
    }
  g_auto (Words) globals = { 0 };
  argv = read_globals (argv, &globals);
  command->host = g_strdup (words_value (&globals, "host"));
  command->context = g_strdup (words_value (&globals, "context"));
  command->config = g_strdup (words_value (&globals, "config"));
  command->is_tls = arguments_say_tls (&globals);
  if (words_has (&globals, "help") || words_has (&globals, "version"))
    {
      command->command = g_strdup ("");
      command->is_reading = true;
    }
  else if (g_strcmp0 (*argv, "compose") == 0)
    arguments_read_compose (arguments, argv + 1);
  else
    read_docker (arguments, argv);
}

/* What stands in JSON must be UTF-8. Names of volumes and containers always are; paths need not be, and a
 * path that is not what was given is no path to judge by. */
static char **
escape_all (char *const *argv, bool *ret_changed)
{
  guint count = g_strv_length ((char **) argv);
  char **escaped = g_new0 (char *, count + 1);
  *ret_changed = false;
  for (guint i = 0; i < count; i++)
    {
      escaped[i] = text_escape_invalid (argv[i]);
      *ret_changed |= strcmp (escaped[i], argv[i]) != 0;
    }
  return escaped;
}

static void
make_opaque (GuardOperation *operation)
{
  if (operation->act != GUARD_CONTAINER_CREATE && operation->act != GUARD_VOLUME_CREATE
      && operation->act != GUARD_SERVICE_CHANGE)
    return;
  operation->act = GUARD_OPAQUE;
  operation->detail = g_strdup ("its arguments are no valid UTF-8");
}

void
guard_arguments_read (GuardProgram program, char *const *argv, const char *folder,
                      GuardCommand *ret_command)
{
  bool is_changed;
  g_auto (GStrv) words = escape_all (argv, &is_changed);
  g_autofree char *masked = mask_line (words);
  g_autofree char *given = g_strconcat (
      program == GUARD_PROGRAM_COMPOSE ? "docker-compose " : "docker ", masked, NULL);
  GuardCommand command
      = { .program = program,
          .given = g_strdup (given),
          .operations = g_ptr_array_new_with_free_func ((GDestroyNotify) guard_operation_free),
          .files = g_new0 (char *, 1),
          .env_files = g_new0 (char *, 1),
          .services = g_new0 (char *, 1) };
  Arguments arguments = { &command, folder, given };
  read_all (&arguments, words);
  for (guint i = 0; is_changed && i < command.operations->len; i++)
    make_opaque (command.operations->pdata[i]);
  *ret_command = command;
}
