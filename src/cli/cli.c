#include "base/foreground.h"
#include "cli/audit_kept.h"
#include "cli/cmds.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/progress.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* The label stands before every line, so that grep finds all of a server's detail. */
static void
print_error_line (const char *label, const char *text)
{
  if (text == NULL)
    return;
  g_autofree char *safe = output_safe_text (text);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (safe), "\n", -1);
  for (size_t i = 0; lines[i] != NULL; i++)
    fprintf (stderr, "%s: %s\n", label, lines[i]);
}

static void
print_error (const GError *error)
{
  progress_clear ();
  print_error_line ("pgkeel", error->message);
  print_error_line ("detail", keel_error_detail (error));
  print_error_line ("hint", keel_error_hint (error));
}

static json_t *
error_json (const GError *error)
{
  return json_pack (
      "{s:s, s:o, s:o, s:o, s:o, s:i}", "kind", keel_error_kind_name (error), "message",
      output_json_string (error->message), "detail", output_json_string (keel_error_detail (error)),
      "hint", output_json_string (keel_error_hint (error)), "sqlstate",
      output_json_string (keel_error_sqlstate (error)), "exit_code", keel_error_exit_code (error));
}

/* Under --json: the command's object, with the error in it, or one that holds only the error. */
static void
print_json (const GError *error)
{
  g_autoptr (json_t) object = output_take_json ();
  if (object == NULL)
    object = json_object ();
  if (error != NULL)
    json_object_set_new (object, "error", error_json (error));
  progress_clear ();
  if (json_dumpf (object, stdout, JSON_INDENT (2)) == 0)
    fputc ('\n', stdout);
}

static bool
flush_output (GError **error)
{
  errno = 0;
  if (fflush (stdout) == 0 && !ferror (stdout))
    return true;
  return keel_error_errno (error, errno != 0 ? errno : EIO,
                           "cannot write the result to standard output");
}

/* Does what -C says; the folder is absolute from then on. */
static bool
enter_folder (CliGlobals *globals, GError **error)
{
  if (globals->folder == NULL)
    return true;
  if (chdir (globals->folder) != 0)
    return keel_error (error, KEEL_ERROR_USAGE, "Give -C a folder that is there.",
                       "cannot enter the folder “%s”: %s", globals->folder, g_strerror (errno));
  g_free (globals->folder);
  globals->folder = g_get_current_dir ();
  return true;
}

/* A group alone, or nothing at all: shows what could follow, and is still a mistake, since a script
 * that lost a word must not look as if it had done something. */
static bool
refuse_incomplete (const CliContext *context, const CliCall *call, GError **error)
{
  if (!context->json)
    {
      g_autofree char *text = help_text (cli_commands, call->command, call->path);
      fprintf (stderr, "%s\n", text);
    }
  g_autofree char *hint = g_strdup_printf ("Run “%s --help” for the list.", call->path);
  return keel_error (error, KEEL_ERROR_USAGE, hint, "“%s” needs a command", call->path);
}

static bool
run (CliContext *context, const CliCall *call, GError **error)
{
  if (call->globals.version)
    return version_command.run (context, 0, NULL, error);
  if (call->globals.help)
    {
      help_print (context, call->command, call->path);
      return true;
    }
  if (call->command == NULL || call->command->run == NULL)
    return refuse_incomplete (context, call, error);
  return call->command->run (context, call->argc, call->argv, error) && output_check_json (error);
}

/* Called by another name, it is `pgkeel guard docker`, and all words are docker's. Caller frees; NULL: it is called by
 * its own. */
static char **
words_of_wrapper (int argc, char **argv)
{
  static const char *const names[] = { "ledger_docker", "pgkeel-docker", "docker", NULL };
  static const char *const stand_in[] = { "pgkeel", "guard", "docker", "--" };
  g_autofree char *name = g_path_get_basename (argc > 0 ? argv[0] : "");
  if (!g_strv_contains (names, name))
    return NULL;
  char **words = g_new0 (char *, (size_t) argc + G_N_ELEMENTS (stand_in));
  for (size_t i = 0; i < G_N_ELEMENTS (stand_in); i++)
    words[i] = g_strdup (stand_in[i]);
  for (int i = 1; i < argc; i++)
    words[G_N_ELEMENTS (stand_in) + (size_t) i - 1] = g_strdup (argv[i]);
  return words;
}

int
cli_main (int argc, char **argv)
{
  g_set_prgname ("pgkeel");
  g_auto (GStrv) wrapped = words_of_wrapper (argc, argv);
  if (wrapped != NULL)
    {
      argv = wrapped;
      argc = (int) g_strv_length (wrapped);
    }

  g_autoptr (GError) error = NULL;
  g_auto (CliCall) call = { 0 };
  CliContext context = { .json = cli_wants_json (argc, argv) };
  progress_init (&context.report, false, false);
  if (cli_parse (cli_commands, argc, argv, &call, &error) && enter_folder (&call.globals, &error))
    {
      context.folder = call.globals.folder;
      context.environment = call.globals.environment;
      context.json = call.globals.json;
      context.yes = call.globals.yes;
      context.confirm = call.globals.confirm;
      context.quiet = call.globals.quiet;
      context.verbose = call.globals.verbose;
      progress_init (&context.report, context.quiet, context.verbose);
      bool ok = run (&context, &call, &error);
      g_assert (ok == (error == NULL));
      audit_kept_write (&context);
    }
  context_clear (&context);

  if (context.json)
    print_json (error);
  if (error != NULL)
    print_error (error);
  g_autoptr (GError) flush_error = NULL;
  if (!flush_output (&flush_error) && error == NULL)
    {
      print_error (flush_error);
      return keel_error_exit_code (flush_error);
    }
  if (context.has_child)
    {
      foreground_die_alike (context.child_status);
      return foreground_exit_code (context.child_status);
    }
  return keel_error_exit_code (error);
}
