/* pgkeel migrate enum: migrations that change an enum's values, written from what the database has. */
#include "base/clock.h"
#include "base/fs.h"
#include "cli/cmd_migrate.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "migrate/enum_change.h"
#include "migrate/layout.h"
#include "migrate/lint.h"

#include <string.h>

#define FILE_MODE 0644
#define FOLDER_MODE 0755

static char *option_before;
static char *option_after;
static char *option_replace_with;
static char *option_name;

#define NAME_OPTION                                                                                \
  {                                                                                                \
    "name", 0, 0, G_OPTION_ARG_STRING, &option_name,                                               \
        "What the migration is called (default: what it does)", "NAME"                             \
  }

static const GOptionEntry add_options[]
    = { { "before", 0, 0, G_OPTION_ARG_STRING, &option_before, "Put it before this value",
          "VALUE" },
        { "after", 0, 0, G_OPTION_ARG_STRING, &option_after, "Put it after this value", "VALUE" },
        NAME_OPTION,
        G_OPTION_ENTRY_NULL };

static const GOptionEntry rename_options[] = { NAME_OPTION, G_OPTION_ENTRY_NULL };

static const GOptionEntry remove_options[]
    = { { "replace-with", 0, 0, G_OPTION_ARG_STRING, &option_replace_with,
          "What rows and defaults that hold the value get instead", "VALUE" },
        NAME_OPTION,
        G_OPTION_ENTRY_NULL };

/* What is written from the database as it is must not miss what is still to be applied to it. */
static bool
check_applied (const MigrateBase *base, GError **error)
{
  guint count = plan_pending_count (base->plan);
  return count == 0
         || keel_error (error, KEEL_ERROR_REFUSED,
                        "Run “pgkeel migrate up” first: the migration is written from what the "
                        "database has.",
                        "%u migration%s pending", count, count == 1 ? " is" : "s are");
}

static bool
open_base (CliContext *context, MigrateBase *base, GError **error)
{
  if (!context_project (context, &base->project, error))
    return false;
  const ProjectMigrations *settings = &base->project->migrations;
  if (!migration_set_read_for_new (base->project->folder, settings->dir, settings->layout,
                                   &base->set, error))
    return false;
  base->parser = sql_parser_new ();
  return migrate_base_connect (base, false, error) && migrate_base_plan (base, error)
         && check_applied (base, error);
}

static bool
write_file (const Project *project, const MigrationNewFile *file, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (file->path, project->folder);
  g_autofree char *folder = g_path_get_dirname (path);
  if (!file->is_changed && g_file_test (path, G_FILE_TEST_EXISTS))
    return keel_error (error, KEEL_ERROR_REFUSED, "Choose another name, or wait a second.",
                       "“%s” is there already", file->path);
  return fs_make_folder (folder, FOLDER_MODE, error)
         && fs_write_durable (path, file->text, strlen (file->text), FILE_MODE, error);
}

static void
show (const CliContext *context, const MigrateBase *base, const GPtrArray *files, bool has_down)
{
  json_t *array = json_array ();
  for (guint i = 0; i < files->len; i++)
    {
      const MigrationNewFile *file = files->pdata[i];
      json_array_append_new (array,
                             json_pack ("{s:o, s:b}", "path", output_json_string (file->path),
                                        "changed", file->is_changed));
      if (!context->json)
        output_line ("%s %s", file->is_changed ? "changed" : "wrote", file->path);
    }
  json_t *object = json_pack ("{s:s, s:o, s:b}", "layout", base->set->layout, "files", array,
                              "way_back", has_down);
  if (context->json)
    output_json (object);
  else
    json_decref (object);
}

static void
add_source (GArray *files, const MigrationScript *script)
{
  LintFile file = { .path = script->path,
                    .text = script->text,
                    .length = script->length,
                    .line = 1,
                    .no_transaction = script->no_transaction };
  if (script->text != NULL)
    g_array_append_val (files, file);
}

/* What lint finds in CHANGE after the files that are there. */
static bool
lint_change (const MigrateBase *base, const EnumChange *change, LintResult **ret_result,
             GError **error)
{
  g_autoptr (GArray) files = g_array_new (FALSE, FALSE, sizeof (LintFile));
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < base->set->migrations->len; i++)
    add_source (files, &((const Migration *) base->set->migrations->pdata[i])->up);
  for (guint i = 0; i < change->up->len; i++)
    g_string_append_printf (text, "%s\n", (const char *) change->up->pdata[i]);
  const MigrationScript script = { .path = change->name, .text = text->str, .length = text->len };
  add_source (files, &script);
  g_autofree bool *judged = g_new0 (bool, files->len);
  judged[files->len - 1] = true;
  LintOptions options = { .server_major = db_server_major (base->conn), .level = LINT_WARNING };
  return lint_run (&options, (const LintFile *) (void *) files->data, files->len, judged,
                   ret_result, error);
}

/* An exchange locks and rewrites by its nature: the file says so where lint would stop at it. */
static bool
ignore_findings (const MigrateBase *base, EnumChange *change, GError **error)
{
  g_autoptr (LintResult) result = NULL;
  g_autoptr (GPtrArray) rules = g_ptr_array_new ();
  if (!lint_change (base, change, &result, error))
    return false;
  for (guint i = 0; i < result->findings->len; i++)
    {
      const char *id = ((const LintFinding *) result->findings->pdata[i])->rule->id;
      if (!g_ptr_array_find_with_equal_func (rules, id, g_str_equal, NULL))
        g_ptr_array_add (rules, (void *) id);
    }
  if (rules->len == 0)
    return true;
  g_ptr_array_add (rules, NULL);
  g_autofree char *list = g_strjoinv (",", (char **) rules->pdata);
  char *first = change->up->pdata[0];
  change->up->pdata[0] = g_strdup_printf (
      "-- pgkeel: ignore-file %s a value leaves an enum only by exchanging the type\n%s", list,
      first);
  g_free (first);
  return true;
}

static bool
write_change (CliContext *context, const MigrateBase *base, const EnumChange *change,
              GError **error)
{
  g_autoptr (GPtrArray) files = NULL;
  const char *name = option_name != NULL ? option_name : change->name;
  if (!migration_plan_new (base->project->folder, base->set, name, clock_now (), &files, error))
    return false;
  bool has_down = enum_change_fill (change, base->set->layout, files) && change->down != NULL;
  for (guint i = 0; i < files->len; i++)
    if (!write_file (base->project, files->pdata[i], error))
      return false;
  show (context, base, files, has_down);
  if (change->down == NULL)
    report_warning (&context->report, "it has no way back", change->no_way_back);
  else if (!has_down)
    report_warning (&context->report, "it has no way back, as the others here have none", NULL);
  return true;
}

static bool
run_add (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_auto (MigrateBase) base = { 0 };
  g_autoptr (EnumType) type = NULL;
  g_autoptr (EnumChange) change = NULL;
  if (option_before != NULL && option_after != NULL)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "--before and --after exclude each other");
  return open_base (context, &base, error) && enum_type_read (base.conn, argv[0], &type, error)
         && enum_change_add (base.conn, type, argv[1], option_before, option_after, &change, error)
         && write_change (context, &base, change, error);
}

static bool
run_rename (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_auto (MigrateBase) base = { 0 };
  g_autoptr (EnumType) type = NULL;
  g_autoptr (EnumChange) change = NULL;
  return open_base (context, &base, error) && enum_type_read (base.conn, argv[0], &type, error)
         && enum_change_rename (type, argv[1], argv[2], &change, error)
         && write_change (context, &base, change, error);
}

static bool
run_remove (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_auto (MigrateBase) base = { 0 };
  g_autoptr (EnumType) type = NULL;
  g_autoptr (EnumChange) change = NULL;
  return open_base (context, &base, error) && enum_type_read (base.conn, argv[0], &type, error)
         && enum_change_remove (base.conn, type, argv[1], option_replace_with, &change, error)
         && ignore_findings (&base, change, error) && write_change (context, &base, change, error);
}

const CliCommand migrate_enum_commands[] = {
  { .name = "add",
    .arguments = "TYPE VALUE",
    .min_arguments = 2,
    .max_arguments = 2,
    .summary = "Write a migration that adds a value to an enum",
    .description
    = "The way back takes the value away again, by exchanging the type; it is refused while rows hold\n"
      "the value. A later migration may use the value, this one does not. TYPE is written as in SQL.\n"
      "Nothing in the database is changed.",
    .example = "pgkeel migrate enum add mood meh --before=happy",
    .options = add_options,
    .run = run_add },
  { .name = "rename",
    .arguments = "TYPE OLD NEW",
    .min_arguments = 3,
    .max_arguments = 3,
    .summary = "Write a migration that renames a value of an enum",
    .description
    = "Rows, defaults and views follow; text in functions and programs does not. Nothing in\n"
      "the database is changed.",
    .example = "pgkeel migrate enum rename mood ok fine",
    .options = rename_options,
    .run = run_rename },
  { .name = "remove",
    .arguments = "TYPE VALUE",
    .min_arguments = 2,
    .max_arguments = 2,
    .summary = "Write a migration that takes a value out of an enum",
    .description
    = "PostgreSQL cannot do that, so the type is exchanged for one without the value, in every column,\n"
      "array and domain. Defaults, checks, foreign keys, indexes, triggers, policies and views that\n"
      "stand in the way are dropped and made again as they were. The rows are counted first: when some\n"
      "hold the value it is refused, with table, column and count, unless --replace-with says what\n"
      "they become. What cannot be carried along is refused by name. The tables are rewritten, under\n"
      "an exclusive lock. Nothing in the database is changed yet.",
    .example = "pgkeel migrate enum remove mood sad --replace-with=ok",
    .options = remove_options,
    .run = run_remove },
  { 0 },
};
