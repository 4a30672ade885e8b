#include "cli/parse.h"

#include "project/nearest.h"

#include <string.h>

static CliGlobals globals;
static char **rest;

static const GOptionEntry global_options[] = {
  { "directory", 'C', 0, G_OPTION_ARG_FILENAME, &globals.folder,
    "Work as if started in this folder", "DIR" },
  { "env", 'e', 0, G_OPTION_ARG_STRING, &globals.environment,
    "The environment of pgkeel.yaml to work on", "ENV" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &globals.json, "Print the result as one JSON object", NULL },
  { "yes", 0, 0, G_OPTION_ARG_NONE, &globals.yes, "Answer yes to yes/no questions", NULL },
  { "confirm", 0, 0, G_OPTION_ARG_STRING, &globals.confirm,
    "Answer a question that wants a word typed: the name of what is at stake, or DESTROY", "WORD" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &globals.quiet, "Show no steps and no progress", NULL },
  { "verbose", 'v', 0, G_OPTION_ARG_NONE, &globals.verbose, "Show when each step began", NULL },
  { "help", 'h', 0, G_OPTION_ARG_NONE, &globals.help, "Show how the command is used", NULL },
  { "version", 0, 0, G_OPTION_ARG_NONE, &globals.version, "Show the version", NULL },
  { 0 },
};

const GOptionEntry *
cli_global_options (void)
{
  return global_options;
}

void
cli_call_clear (CliCall *call)
{
  g_clear_pointer (&call->globals.folder, g_free);
  g_clear_pointer (&call->globals.environment, g_free);
  g_clear_pointer (&call->globals.confirm, g_free);
  g_clear_pointer (&call->path, g_free);
  g_clear_pointer (&call->argv, g_strfreev);
}

const CliCommand *
cli_resolve (const CliCommand *row)
{
  while (row != NULL && row->same_as != NULL)
    row = row->same_as;
  return row;
}

const CliCommand *
cli_find (const CliCommand *rows, const char *name)
{
  for (const CliCommand *row = rows; row != NULL && row->name != NULL; row++)
    if (strcmp (row->name, name) == 0)
      return row;
  return NULL;
}

bool
cli_wants_json (int argc, char **argv)
{
  for (int i = 1; i < argc && strcmp (argv[i], "--") != 0; i++)
    if (strcmp (argv[i], "--json") == 0)
      return true;
  return false;
}

bool
cli_unknown_command (const CliCommand *rows, const char *path, const char *word, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const CliCommand *row = rows; row->name != NULL; row++)
    g_ptr_array_add (names, (char *) row->name);

  const char *nearest = nearest_word (word, (const char *const *) names->pdata, names->len);
  g_autofree char *hint
      = nearest != NULL ? g_strdup_printf ("Did you mean “%s %s”? “%s --help” lists the commands.",
                                           path, nearest, path)
                        : g_strdup_printf ("Run “%s --help” for the list of commands.", path);
  return keel_error (error, KEEL_ERROR_USAGE, hint, "unknown command “%s %s”", path, word);
}

static void
collect_option_names (GPtrArray *names, const GOptionEntry *options)
{
  for (const GOptionEntry *entry = options; entry != NULL && entry->long_name != NULL; entry++)
    if (!(entry->flags & G_OPTION_FLAG_HIDDEN) && *entry->long_name != '\0')
      g_ptr_array_add (names, (char *) entry->long_name);
}

/* The long option of ARGV that neither table knows, as its nearest known one; NULL when none is
 * near. */
static const char *
nearest_option (char **argv, const GOptionEntry *options)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  collect_option_names (names, options);
  collect_option_names (names, global_options);

  for (size_t i = 1; argv[i] != NULL && strcmp (argv[i], "--") != 0; i++)
    {
      if (!g_str_has_prefix (argv[i], "--"))
        continue;
      g_autofree char *word = g_strndup (argv[i] + 2, strcspn (argv[i] + 2, "="));
      const char *nearest = nearest_word (word, (const char *const *) names->pdata, names->len);
      if (nearest != NULL && strcmp (nearest, word) != 0)
        return nearest;
    }
  return NULL;
}

static bool
usage_error (const GError *cause, const char *path, char **argv, const GOptionEntry *options,
             GError **error)
{
  const char *nearest = NULL;
  if (g_error_matches (cause, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
    nearest = nearest_option (argv, options);
  g_autofree char *hint
      = nearest != NULL
            ? g_strdup_printf ("Did you mean “--%s”? “%s --help” lists the options.", nearest, path)
            : g_strdup_printf ("Run “%s --help” for the options.", path);
  return keel_error (error, KEEL_ERROR_USAGE, hint, "%s", cause->message);
}

/* Takes the options out of *WORDS (words[0] is skipped, as in argv): of a command that does something all of
 * them and the arguments too, else (LEAF is NULL) only the global ones in front of the first word. */
static bool
take_options (char ***words, const CliCommand *leaf, const char *path, GError **error)
{
  static const GOptionEntry remaining[]
      = { { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &rest, NULL, NULL }, { 0 } };

  const GOptionEntry *options = leaf != NULL ? leaf->options : NULL;
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_strict_posix (context, leaf == NULL || leaf->stops_at_argument);
  g_option_context_add_main_entries (context, global_options, NULL);
  if (options != NULL)
    g_option_context_add_main_entries (context, options, NULL);
  if (leaf != NULL)
    g_option_context_add_main_entries (context, remaining, NULL);

  g_auto (GStrv) before = g_strdupv (*words);
  g_autoptr (GError) cause = NULL;
  if (!g_option_context_parse_strv (context, words, &cause))
    return usage_error (cause, path, before, options, error);
  return true;
}

/* Takes words[1] away. */
static void
drop_word (char **words)
{
  g_free (words[1]);
  for (size_t i = 1; words[i] != NULL; i++)
    words[i] = words[i + 1];
}

static bool
check_argument_count (const CliCommand *command, const char *path, int count, char **argv,
                      GError **error)
{
  g_autofree char *hint = g_strdup_printf ("Run “%s --help” for its use.", path);
  if (count < command->min_arguments)
    return keel_error (error, KEEL_ERROR_USAGE, hint, "“%s” needs %s", path,
                       command->arguments != NULL ? command->arguments : "an argument");
  if (command->max_arguments >= 0 && count > command->max_arguments)
    return keel_error (error, KEEL_ERROR_USAGE, hint, "“%s” does not take the argument “%s”", path,
                       argv[command->max_arguments]);
  return true;
}

/* Follows WORDS down the tree to a command or as far as they go. */
static bool
find_command (const CliCommand *tree, char ***words, GString *path, const CliCommand **ret_command,
              GError **error)
{
  const CliCommand *rows = tree, *command = NULL;
  while (rows != NULL)
    {
      if (!take_options (words, NULL, path->str, error))
        return false;
      if ((*words)[1] == NULL)
        break;
      command = cli_resolve (cli_find (rows, (*words)[1]));
      if (command == NULL)
        return cli_unknown_command (rows, path->str, (*words)[1], error);
      g_string_append_printf (path, " %s", (*words)[1]);
      drop_word (*words);
      rows = command->children;
    }
  *ret_command = command;
  return true;
}

/* Whether help on the command itself is asked for, rather than on what it runs. */
static bool
asks_for_help (char *const *words)
{
  return g_strcmp0 (words[1], "--help") == 0 || g_strcmp0 (words[1], "-h") == 0;
}

static bool
parse_words (const CliCommand *tree, char ***words, GString *path, const CliCommand **ret_command,
             GError **error)
{
  const CliCommand *command = NULL;
  if (!find_command (tree, words, path, &command, error))
    return false;
  if (command != NULL && command->takes_words && !asks_for_help (*words))
    /* A “--” in front of them is ours. */
    rest = g_strdupv (*words + (g_strcmp0 ((*words)[1], "--") == 0 ? 2 : 1));
  else if (command != NULL && command->run != NULL)
    {
      if (!take_options (words, command, path->str, error))
        return false;
      int count = rest != NULL ? (int) g_strv_length (rest) : 0;
      if (!globals.help && !globals.version
          && !check_argument_count (command, path->str, count, rest, error))
        return false;
    }
  if (globals.quiet && globals.verbose)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "--quiet and --verbose exclude each other");
  *ret_command = command;
  return true;
}

bool
cli_parse (const CliCommand *tree, int argc, char **argv, CliCall *ret_call, GError **error)
{
  globals = (CliGlobals){ 0 };
  g_clear_pointer (&rest, g_strfreev);

  g_auto (GStrv) words = g_new0 (char *, argc + 2);
  for (int i = 0; i < MAX (argc, 1); i++)
    words[i] = g_strdup (i < argc ? argv[i] : "pgkeel");

  g_autoptr (GString) path = g_string_new ("pgkeel");
  CliCall call = { 0 };
  bool ok = parse_words (tree, &words, path, &call.command, error);
  call.globals = globals;
  globals = (CliGlobals){ 0 };
  call.argv = rest != NULL ? g_steal_pointer (&rest) : g_new0 (char *, 1);
  call.argc = (int) g_strv_length (call.argv);
  call.path = g_strdup (path->str);
  if (ok)
    *ret_call = call;
  else
    cli_call_clear (&call);
  return ok;
}
