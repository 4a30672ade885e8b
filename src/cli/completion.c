#include "cli-resources.h"
#include "cli/cmds.h"
#include "cli/complete.h"
#include "cli/output.h"

#include <string.h>

static bool
print_script (CliContext *context, const char *shell, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/pgkeel/cli/completion/pgkeel.%s", shell);
  g_autoptr (GBytes) bytes
      = g_resource_lookup_data (cli_get_resource (), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (bytes == NULL)
    return keel_error (error, KEEL_ERROR_USAGE, "There is completion for bash, zsh and fish.",
                       "no completion for the shell “%s”", shell);
  const char *script = g_bytes_get_data (bytes, NULL);
  if (context->json)
    output_json (json_pack ("{s:s, s:s}", "shell", shell, "script", script));
  else
    output_text (script);
  return true;
}

/* `completion words -- WORD...`: what the scripts ask. Not in the manual: it is theirs alone. */
static void
print_words (CliContext *context, int count, char **words)
{
  g_autoptr (GPtrArray) lines = complete_words (cli_commands, count, words);
  json_t *array = json_array ();
  for (guint i = 0; i < lines->len; i++)
    {
      const char *line = g_ptr_array_index (lines, i);
      if (context->json)
        json_array_append_new (array, output_json_string (line));
      else
        output_line ("%s", line);
    }
  if (context->json)
    output_json (json_pack ("{s:O}", "words", array));
  json_decref (array);
}

static bool
run_completion (CliContext *context, int argc, char **argv, GError **error)
{
  if (argc > 1 && strcmp (argv[0], "words") == 0)
    {
      print_words (context, argc - 1, argv + 1);
      return true;
    }
  if (argc > 1)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "one shell at a time");
  return print_script (context, argv[0], error);
}

const CliCommand completion_command = {
  .name = "completion",
  .arguments = "bash|zsh|fish",
  .min_arguments = 1,
  .max_arguments = -1,
  .summary = "Print the completion script of a shell",
  .description = "“make install” puts the scripts where the shells look for them; this is for a "
                 "pgkeel that was not installed.\n\n"
                 "bash: eval \"$(pgkeel completion bash)\" in ~/.bashrc. "
                 "zsh: pgkeel completion zsh > a folder of $fpath/_pgkeel. "
                 "fish: pgkeel completion fish > ~/.config/fish/completions/pgkeel.fish.",
  .example = "eval \"$(pgkeel completion bash)\"",
  .run = run_completion,
};
