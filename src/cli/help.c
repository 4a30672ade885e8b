#include "cli/help.h"

#include "cli/destructive.h"
#include "cli/output.h"
#include "cli/parse.h"

#include <string.h>

#define HELP_COLUMNS 80
#define HELP_LEFT_MAX 30

static const char program_summary[]
    = "Keep a PostgreSQL database upright: back it up, prove the backup, bring it back";

/* Appends TEXT broken into lines that begin with INDENT spaces; the first begins at COLUMN. */
static void
append_wrapped (GString *out, const char *text, int column, int indent)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  bool is_line_empty = true;
  for (size_t i = 0; words[i] != NULL; i++)
    {
      int width = (int) g_utf8_strlen (words[i], -1);
      if (!is_line_empty && column + 1 + width > HELP_COLUMNS)
        {
          g_string_append_printf (out, "\n%*s", indent, "");
          column = indent;
          is_line_empty = true;
        }
      g_string_append_printf (out, "%s%s", is_line_empty ? "" : " ", words[i]);
      column += width + (is_line_empty ? 0 : 1);
      is_line_empty = false;
    }
  g_string_append_c (out, '\n');
}

/* "  LEFT   TEXT" with TEXT at column LEFT_WIDTH + 4. */
static void
append_row (GString *out, const char *left, int left_width, const char *text)
{
  int width = (int) g_utf8_strlen (left, -1);
  int indent = left_width + 4;
  if (width > left_width)
    g_string_append_printf (out, "  %s\n%*s", left, indent, "");
  else
    g_string_append_printf (out, "  %s%*s", left, left_width - width + 2, "");
  append_wrapped (out, text, indent, indent);
}

static void
append_paragraphs (GString *out, const char *text)
{
  g_auto (GStrv) paragraphs = g_strsplit (text, "\n\n", -1);
  for (size_t i = 0; paragraphs[i] != NULL; i++)
    {
      g_strdelimit (paragraphs[i], "\n", ' ');
      g_string_append_c (out, '\n');
      append_wrapped (out, paragraphs[i], 0, 0);
    }
}

static bool
is_shown (const GOptionEntry *entry)
{
  return !(entry->flags & G_OPTION_FLAG_HIDDEN) && *entry->long_name != '\0';
}

static char *
option_left (const GOptionEntry *entry)
{
  g_autofree char *short_name
      = entry->short_name != 0 ? g_strdup_printf ("-%c, ", entry->short_name) : g_strdup ("    ");
  return g_strconcat (short_name, "--", entry->long_name, entry->arg_description != NULL ? "=" : "",
                      entry->arg_description, NULL);
}

static void
append_options (GString *out, const char *title, const GOptionEntry *options)
{
  int width = 0;
  for (const GOptionEntry *entry = options; entry->long_name != NULL; entry++)
    {
      g_autofree char *left = option_left (entry);
      width = MAX (width, (int) g_utf8_strlen (left, -1));
    }
  g_string_append_printf (out, "\n%s:\n", title);
  for (const GOptionEntry *entry = options; entry->long_name != NULL; entry++)
    {
      g_autofree char *left = option_left (entry);
      if (is_shown (entry))
        append_row (out, left, MIN (width, HELP_LEFT_MAX), entry->description);
    }
}

static const char *
summary_of (const CliCommand *row)
{
  return row->summary != NULL ? row->summary : cli_resolve (row)->summary;
}

static void
append_commands (GString *out, const CliCommand *rows)
{
  int width = 0;
  for (const CliCommand *row = rows; row->name != NULL; row++)
    width = MAX (width, (int) strlen (row->name));
  g_string_append (out, "\nCommands:\n");
  for (const CliCommand *row = rows; row->name != NULL; row++)
    append_row (out, row->name, width, summary_of (row));
}

/* How PATH ("pgkeel restore") is confirmed, if it is. */
static void
append_confirmation (GString *out, const char *path)
{
  const char *space = strchr (path, ' ');
  g_autofree char *text = space != NULL ? destructive_help (space + 1) : NULL;
  if (text == NULL)
    return;
  char *means = strstr (text, "\n\n");
  *means = '\0';
  g_string_append_printf (out, "\nHow it is confirmed (docs/confirmation.md):\n%s\n", text);
  append_paragraphs (out, means + 2);
}

static void
append_usage (GString *out, const CliCommand *command, const char *path)
{
  g_string_append_printf (out, "Usage: %s", path);
  if (command == NULL || command->children != NULL)
    g_string_append (out, " [OPTION...] COMMAND\n");
  else
    g_string_append_printf (out, " [OPTION...]%s%s\n", command->arguments != NULL ? " " : "",
                            command->arguments != NULL ? command->arguments : "");
}

char *
help_text (const CliCommand *tree, const CliCommand *command, const char *path)
{
  GString *out = g_string_new (NULL);
  const CliCommand *children = command == NULL ? tree : command->children;

  append_usage (out, command, path);
  g_string_append_printf (out, "\n%s.\n", command != NULL ? command->summary : program_summary);
  if (command != NULL && command->description != NULL)
    append_paragraphs (out, command->description);
  if (children != NULL)
    append_commands (out, children);
  if (command != NULL && command->options != NULL)
    append_options (out, "Options", command->options);
  append_confirmation (out, path);
  append_options (out, "Global options", cli_global_options ());
  if (command != NULL && command->example != NULL)
    g_string_append_printf (out, "\nExample:\n  %s\n", command->example);
  if (children != NULL)
    g_string_append_printf (out, "\n“%s COMMAND --help” says more about a command%s.\n", path,
                            command == NULL ? ", man pgkeel about everything" : "");
  return g_string_free (out, FALSE);
}

static json_t *
options_json (const GOptionEntry *options)
{
  json_t *array = json_array ();
  for (const GOptionEntry *entry = options; entry != NULL && entry->long_name != NULL; entry++)
    {
      if (!is_shown (entry))
        continue;
      char short_name[2] = { entry->short_name, '\0' };
      json_array_append_new (array,
                             json_pack ("{s:s, s:s?, s:s?, s:s}", "long", entry->long_name, "short",
                                        entry->short_name != 0 ? short_name : NULL, "argument",
                                        entry->arg_description, "description", entry->description));
    }
  return array;
}

static json_t *
commands_json (const CliCommand *rows, const char *path)
{
  json_t *array = json_array ();
  for (const CliCommand *row = rows; row->name != NULL; row++)
    {
      g_autofree char *child_path = g_strdup_printf ("%s %s", path, row->name);
      json_array_append_new (array, help_json (NULL, cli_resolve (row), child_path));
    }
  return array;
}

json_t *
help_json (const CliCommand *tree, const CliCommand *command, const char *path)
{
  const CliCommand *children = command == NULL ? tree : command->children;
  json_t *object = json_pack ("{s:s, s:s}", "command", path, "summary",
                              command != NULL ? command->summary : program_summary);
  if (command == NULL)
    json_object_set_new (object, "global_options", options_json (cli_global_options ()));
  else
    {
      json_object_set_new (object, "description", output_json_string (command->description));
      json_object_set_new (object, "arguments", output_json_string (command->arguments));
      json_object_set_new (object, "example", output_json_string (command->example));
      json_object_set_new (object, "options", options_json (command->options));
    }
  if (children != NULL)
    json_object_set_new (object, "commands", commands_json (children, path));
  return object;
}

void
help_print (const CliContext *context, const CliCommand *command, const char *path)
{
  if (context->json)
    {
      output_json (help_json (cli_commands, command, path));
      return;
    }
  g_autofree char *text = help_text (cli_commands, command, path);
  output_text (text);
}

static bool
run_help (CliContext *context, int argc, char **argv, GError **error)
{
  const CliCommand *rows = cli_commands, *command = NULL;
  g_autoptr (GString) path = g_string_new ("pgkeel");
  for (int i = 0; i < argc; i++)
    {
      if (rows == NULL)
        return keel_error (error, KEEL_ERROR_USAGE, NULL, "“%s” has no commands of its own",
                           path->str);
      command = cli_resolve (cli_find (rows, argv[i]));
      if (command == NULL)
        return cli_unknown_command (rows, path->str, argv[i], error);
      g_string_append_printf (path, " %s", argv[i]);
      rows = command->children;
    }
  help_print (context, command, path->str);
  return true;
}

const CliCommand help_command = {
  .name = "help",
  .arguments = "[COMMAND...]",
  .max_arguments = -1,
  .summary = "Show how a command is used",
  .description = "Without a command, lists all of them. With --json, prints the whole tree of "
                 "commands and options as one object.",
  .example = "pgkeel help backup create",
  .run = run_help,
};
