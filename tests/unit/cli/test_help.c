#include "../testing.h"
#include "base/text.h"
#include "cli/help.h"

#include <string.h>

static int prove;
static char *type;

static bool
run_nothing (CliContext *context, int argc, char **argv, GError **error)
{
  return true;
}

static const GOptionEntry create_options[] = {
  { "prove", 0, 0, G_OPTION_ARG_NONE, &prove, "Restore it elsewhere and compare", NULL },
  { "type", 't', 0, G_OPTION_ARG_STRING, &type, "What goes into it", "db|schema" },
  { "secret", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &prove, "Hidden", NULL },
  { 0 },
};

static const CliCommand backup_rows[] = {
  { .name = "create",
    .arguments = "[NAME]",
    .summary = "Make a backup",
    .description = "A first paragraph that is long enough to be broken into two lines, since it has"
                   " more than eighty columns.\n\nA second one.",
    .example = "pgkeel backup create --prove",
    .options = create_options,
    .run = run_nothing },
  { 0 },
};

static const CliCommand tree[] = {
  { .name = "backup", .summary = "Work with backups", .children = backup_rows },
  { .name = "make", .same_as = &backup_rows[0] },
  { 0 },
};

static void
test_a_command (void **state)
{
  (void) state;
  g_autofree char *text = help_text (tree, &backup_rows[0], "pgkeel backup create");
  const char *expected = "Usage: pgkeel backup create [OPTION...] [NAME]\n"
                         "\n"
                         "Make a backup.\n"
                         "\n"
                         "A first paragraph that is long enough to be broken into two lines, since "
                         "it has\n"
                         "more than eighty columns.\n"
                         "\n"
                         "A second one.\n"
                         "\n"
                         "Options:\n"
                         "      --prove           Restore it elsewhere and compare\n"
                         "  -t, --type=db|schema  What goes into it\n"
                         "\n"
                         "Global options:\n";
  assert_true (g_str_has_prefix (text, expected));
  assert_true (g_str_has_suffix (text, "\nExample:\n  pgkeel backup create --prove\n"));
  assert_null (strstr (text, "secret"));
}

static void
test_a_group_and_the_program (void **state)
{
  (void) state;
  g_autofree char *group = help_text (tree, &tree[0], "pgkeel backup");
  assert_true (g_str_has_prefix (group, "Usage: pgkeel backup [OPTION...] COMMAND\n\n"
                                        "Work with backups.\n\nCommands:\n"
                                        "  create  Make a backup\n"));
  g_autofree char *program = help_text (tree, NULL, "pgkeel");
  assert_non_null (strstr (program, "  backup  Work with backups\n  make    Make a backup\n"));
}

static void
test_the_tree_as_json (void **state)
{
  (void) state;
  g_autoptr (json_t) object = help_json (tree, NULL, "pgkeel");
  json_t *commands = json_object_get (object, "commands");
  assert_int_equal (json_array_size (commands), 2);
  json_t *alias = json_array_get (commands, 1);
  assert_string_equal (json_string_value (json_object_get (alias, "command")), "pgkeel make");
  json_t *options = json_object_get (alias, "options");
  assert_int_equal (json_array_size (options), 2);
  json_t *option = json_array_get (options, 1);
  assert_string_equal (json_string_value (json_object_get (option, "long")), "type");
  assert_string_equal (json_string_value (json_object_get (option, "short")), "t");
  assert_string_equal (json_string_value (json_object_get (option, "argument")), "db|schema");
}

/* A line past 80 columns wraps wherever the terminal pleases. */
static void
check_width (const CliCommand *rows, const char *path)
{
  for (const CliCommand *row = rows; row->name != NULL; row++)
    {
      const CliCommand *command = row->same_as != NULL ? row->same_as : row;
      g_autofree char *own_path = g_strdup_printf ("%s %s", path, row->name);
      g_autofree char *text = help_text (rows, command, own_path);
      g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
      for (size_t i = 0; lines[i] != NULL; i++)
        if (g_utf8_strlen (lines[i], -1) > 80)
          fail_msg ("“%s”: more than 80 columns: %s", own_path, lines[i]);
      if (command->children != NULL)
        check_width (command->children, own_path);
    }
}

static void
test_every_help_fits_on_a_terminal (void **state)
{
  (void) state;
  check_width (cli_commands, "pgkeel");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_a_command),
    cmocka_unit_test (test_a_group_and_the_program),
    cmocka_unit_test (test_the_tree_as_json),
    cmocka_unit_test (test_every_help_fits_on_a_terminal),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
