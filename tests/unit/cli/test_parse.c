#include "../testing.h"
#include "cli/parse.h"

#include <string.h>

static int prove;
static char *type;

static bool
run_nothing (CliContext *context, int argc, char **argv, GError **error)
{
  return true;
}

static const GOptionEntry create_options[] = {
  { "prove", 0, 0, G_OPTION_ARG_NONE, &prove, "Prove it", NULL },
  { "type", 't', 0, G_OPTION_ARG_STRING, &type, "What", "db|schema" },
  { 0 },
};

static const CliCommand show_command = {
  .name = "show",
  .arguments = "BACKUP [TABLE]",
  .min_arguments = 1,
  .max_arguments = 2,
  .summary = "Show",
  .run = run_nothing,
};

static const CliCommand backup_rows[] = {
  { .name = "create", .summary = "Create", .options = create_options, .run = run_nothing },
  { .name = "show", .same_as = &show_command },
  { 0 },
};

static const CliCommand tree[] = {
  { .name = "backup", .summary = "Backups", .children = backup_rows },
  { .name = "look", .same_as = &show_command },
  { .name = "run",
    .arguments = "ARGUMENT...",
    .max_arguments = -1,
    .summary = "Run",
    .run = run_nothing },
  { .name = "under",
    .arguments = "PROGRAM...",
    .min_arguments = 1,
    .max_arguments = -1,
    .options = create_options,
    .stops_at_argument = true,
    .summary = "Run another program",
    .run = run_nothing },
  { 0 },
};

/* Parses LINE, split at spaces, as what follows "pgkeel". */
static bool
parse (const char *line, CliCall *call, GError **error)
{
  prove = 0;
  g_clear_pointer (&type, g_free);
  g_autofree char *whole = g_strdup_printf ("pgkeel%s%s", *line != '\0' ? " " : "", line);
  g_auto (GStrv) argv = g_strsplit (whole, " ", -1);
  return cli_parse (tree, (int) g_strv_length (argv), argv, call, error);
}

static void
assert_refused (const char *line, const char *message, const char *hint)
{
  CliCall call = { .path = (char *) "untouched" };
  g_autoptr (GError) error = NULL;
  assert_false (parse (line, &call, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_USAGE));
  assert_string_equal (error->message, message);
  assert_string_equal (keel_error_hint (error), hint);
  assert_string_equal (call.path, "untouched");
}

static void
test_global_options_stand_anywhere (void **state)
{
  (void) state;
  static const char *const lines[] = {
    "--json -e production backup create -t schema --prove",
    "backup --json -e production create --type=schema --prove",
    "backup create --prove -t schema --env=production --json",
    "-e production backup --json create --prove --type schema",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (CliCall) call = { 0 };
      g_autoptr (GError) error = NULL;
      assert_true (parse (lines[i], &call, &error));
      assert_no_error (error);
      assert_ptr_equal (call.command, &backup_rows[0]);
      assert_string_equal (call.path, "pgkeel backup create");
      assert_true (call.globals.json);
      assert_string_equal (call.globals.environment, "production");
      assert_false (call.globals.yes || call.globals.quiet || call.globals.verbose);
      assert_int_equal (call.argc, 0);
      assert_true (prove);
      assert_string_equal (type, "schema");
    }
}

static void
test_nothing_is_left_of_the_line_before (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_auto (CliCall) first = { 0 }, second = { 0 };
  assert_true (parse ("--json -C /tmp -q look x", &first, &error));
  assert_true (parse ("look y", &second, &error));
  assert_no_error (error);
  assert_string_equal (first.globals.folder, "/tmp");
  assert_true (first.globals.quiet);
  assert_string_equal (first.argv[0], "x");
  assert_false (second.globals.json);
  assert_null (second.globals.folder);
  assert_string_equal (second.argv[0], "y");
  assert_int_equal (second.argc, 1);
}

static void
test_an_alias_has_its_own_path (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_auto (CliCall) call = { 0 };
  assert_true (parse ("look latest", &call, &error));
  assert_ptr_equal (call.command, &show_command);
  assert_string_equal (call.path, "pgkeel look");
}

static void
test_a_double_dash_ends_the_options (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_auto (CliCall) call = { 0 };
  assert_true (parse ("run a --json -- -c --json --", &call, &error));
  assert_no_error (error);
  assert_true (call.globals.json);
  assert_int_equal (call.argc, 4);
  assert_string_equal (call.argv[0], "a");
  assert_string_equal (call.argv[1], "-c");
  assert_string_equal (call.argv[2], "--json");
  assert_string_equal (call.argv[3], "--");
}

/* What another program is given is not read here, whatever it looks like. */
static void
test_options_end_at_a_program (void **state)
{
  (void) state;
  static const struct
  {
    const char *line;
    const char *environment;
    const char *arguments;
  } cases[] = {
    { "under psql -e x --json --help", NULL, "psql -e x --json --help" },
    { "under -e dev --prove psql -e x --prove", "dev", "psql -e x --prove" },
    { "-e dev under -- psql --json", "dev", "psql --json" },
    { "under --prove -e dev -- -odd -- x", "dev", "-odd -- x" },
    { "under psql -- -e x", NULL, "psql -- -e x" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (CliCall) call = { 0 };
      g_autoptr (GError) error = NULL;
      assert_true (parse (cases[i].line, &call, &error));
      assert_no_error (error);
      g_autofree char *arguments = g_strjoinv (" ", call.argv);
      assert_string_equal (arguments, cases[i].arguments);
      assert_int_equal (g_strcmp0 (call.globals.environment, cases[i].environment), 0);
      assert_false (call.globals.json || call.globals.help);
      assert_int_equal (prove, strstr (cases[i].line, "--prove") != NULL);
    }
  assert_refused ("under", "“pgkeel under” needs PROGRAM...",
                  "Run “pgkeel under --help” for its use.");
  assert_refused ("under --wrong psql", "Unknown option --wrong",
                  "Run “pgkeel under --help” for the options.");
}

static void
test_help_needs_no_arguments (void **state)
{
  (void) state;
  static const char *const lines[] = { "backup show --help", "-h backup show", "backup show -h" };
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (CliCall) call = { 0 };
      g_autoptr (GError) error = NULL;
      assert_true (parse (lines[i], &call, &error));
      assert_true (call.globals.help);
      assert_ptr_equal (call.command, &show_command);
    }
}

static void
test_a_group_alone_is_handed_over (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_auto (CliCall) group = { 0 }, nothing = { 0 };
  assert_true (parse ("backup", &group, &error));
  assert_ptr_equal (group.command, &tree[0]);
  assert_true (parse ("", &nothing, &error));
  assert_null (nothing.command);
  assert_string_equal (nothing.path, "pgkeel");
}

static void
test_mistakes_name_the_nearest (void **state)
{
  (void) state;
  assert_refused ("bakcup create", "unknown command “pgkeel bakcup”",
                  "Did you mean “pgkeel backup”? “pgkeel --help” lists the commands.");
  assert_refused (
      "backup creat", "unknown command “pgkeel backup creat”",
      "Did you mean “pgkeel backup create”? “pgkeel backup --help” lists the commands.");
  assert_refused ("zzz", "unknown command “pgkeel zzz”",
                  "Run “pgkeel --help” for the list of commands.");
  assert_refused ("backup create --proev", "Unknown option --proev",
                  "Did you mean “--prove”? “pgkeel backup create --help” lists the options.");
  assert_refused ("backup create --jsno", "Unknown option --jsno",
                  "Did you mean “--json”? “pgkeel backup create --help” lists the options.");
  assert_refused ("backup create -Z", "Unknown option -Z",
                  "Run “pgkeel backup create --help” for the options.");
  assert_refused ("backup --prove create", "Unknown option --prove",
                  "Run “pgkeel backup --help” for the options.");
}

static void
test_arguments_are_counted (void **state)
{
  (void) state;
  assert_refused ("backup show", "“pgkeel backup show” needs BACKUP [TABLE]",
                  "Run “pgkeel backup show --help” for its use.");
  assert_refused ("backup show a b c", "“pgkeel backup show” does not take the argument “c”",
                  "Run “pgkeel backup show --help” for its use.");
  assert_refused ("backup create x", "“pgkeel backup create” does not take the argument “x”",
                  "Run “pgkeel backup create --help” for its use.");
  assert_refused ("backup create -t", "Missing argument for -t",
                  "Run “pgkeel backup create --help” for the options.");
  CliCall call = { 0 };
  g_autoptr (GError) error = NULL;
  assert_false (parse ("look x -q -v", &call, &error));
  assert_string_equal (error->message, "--quiet and --verbose exclude each other");
}

static void
test_json_is_seen_in_a_line_that_cannot_be_parsed (void **state)
{
  (void) state;
  char *yes[] = { (char *) "pgkeel", (char *) "nosuch", (char *) "--json", NULL };
  char *no[] = { (char *) "pgkeel", (char *) "run", (char *) "--", (char *) "--json", NULL };
  assert_true (cli_wants_json (3, yes));
  assert_false (cli_wants_json (4, no));
}

/* A command's option that a global one hides could never be given. */
static void
check_options (const CliCommand *rows)
{
  for (const CliCommand *row = rows; row->name != NULL; row++)
    {
      const CliCommand *command = cli_resolve (row);
      assert_non_null (command->summary);
      assert_true ((command->run != NULL) != (command->children != NULL));
      for (const GOptionEntry *own = command->options; own != NULL && own->long_name; own++)
        for (const GOptionEntry *global = cli_global_options (); global->long_name; global++)
          {
            assert_string_not_equal (own->long_name, global->long_name);
            if (own->short_name != 0)
              assert_int_not_equal (own->short_name, global->short_name);
          }
      if (command->children != NULL)
        check_options (command->children);
    }
}

static void
test_the_tree_is_sound (void **state)
{
  (void) state;
  check_options (cli_commands);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_global_options_stand_anywhere),
    cmocka_unit_test (test_nothing_is_left_of_the_line_before),
    cmocka_unit_test (test_an_alias_has_its_own_path),
    cmocka_unit_test (test_a_double_dash_ends_the_options),
    cmocka_unit_test (test_options_end_at_a_program),
    cmocka_unit_test (test_help_needs_no_arguments),
    cmocka_unit_test (test_a_group_alone_is_handed_over),
    cmocka_unit_test (test_mistakes_name_the_nearest),
    cmocka_unit_test (test_arguments_are_counted),
    cmocka_unit_test (test_json_is_seen_in_a_line_that_cannot_be_parsed),
    cmocka_unit_test (test_the_tree_is_sound),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
