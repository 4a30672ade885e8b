/*
 * pgkeel config: what is in force and where it comes from. Opening the project has already checked
 * every value; `check` also looks at the environments that were not chosen.
 */
#include "base/size.h"
#include "cli/cmds.h"
#include "cli/output.h"

static int check_all;

/* An environment as it is when it is the chosen one, with its own .env file. */
typedef struct
{
  const char *name;
  bool is_chosen;
  GError *problem; /* NULL: it can be used */
} EnvironmentCheck;

static void
environment_check_free (EnvironmentCheck *check)
{
  g_clear_error (&check->problem);
  g_free (check);
}

static EnvironmentCheck *
check_environment (const Project *project, const ProjectEnvironment *environment)
{
  EnvironmentCheck *check = g_new0 (EnvironmentCheck, 1);
  g_autoptr (Project) as_chosen = NULL;
  const char *url;
  check->name = environment->name;
  check->is_chosen = environment == project->environment;
  if (project_open (project->folder, environment->name, &as_chosen, &check->problem))
    (void) !project_url (as_chosen, &url, &check->problem);
  return check;
}

static GPtrArray *
check_environments (const Project *project)
{
  GPtrArray *checks = g_ptr_array_new_with_free_func ((GDestroyNotify) environment_check_free);
  for (guint i = 0; i < project->environments->len; i++)
    g_ptr_array_add (checks, check_environment (project, project->environments->pdata[i]));
  return checks;
}

/* One row of "setting, value, where from"; a NULL value is shown as what its absence means. */
static void
add_setting (OutputTable *table, const Project *project, const char *key, const char *value)
{
  output_table_row (table, key, value, project_origin (project, key));
}

static void
add_duration (OutputTable *table, const Project *project, const char *key, int64_t seconds)
{
  g_autofree char *text
      = seconds > 0 ? duration_format (seconds) : g_strdup ("for ever (nothing is removed)");
  add_setting (table, project, key, text);
}

static void
add_timeout (OutputTable *table, const Project *project, const char *key, int64_t timeout_ms)
{
  g_autofree char *text = timeout_ms > 0 ? g_strdup_printf ("%" G_GINT64_FORMAT " ms", timeout_ms)
                                         : g_strdup ("none");
  add_setting (table, project, key, text);
}

static void
add_count (OutputTable *table, const Project *project, const char *key, unsigned int count)
{
  g_autofree char *text = count > 0 ? g_strdup_printf ("%u", count) : g_strdup ("none");
  add_setting (table, project, key, text);
}

static void
add_command (OutputTable *table, const Project *project, const char *key, const char *command)
{
  if (command != NULL)
    add_setting (table, project, key, command);
}

static void
add_migration_settings (OutputTable *table, const Project *project)
{
  const ProjectMigrations *migrations = &project->migrations;
  g_autofree char *ignore = g_strjoinv (", ", migrations->ignore);
  add_setting (table, project, "migrations.dir",
               migrations->dir != NULL ? migrations->dir : "looked for");
  add_setting (table, project, "migrations.layout",
               migrations->layout != NULL ? migrations->layout : "told from the files");
  add_timeout (table, project, "migrations.lock_timeout", migrations->lock_timeout_ms);
  add_timeout (table, project, "migrations.statement_timeout", migrations->statement_timeout_ms);
  g_autofree char *age = migrations->rehearsal_max_age_s > 0
                             ? duration_format (migrations->rehearsal_max_age_s)
                             : g_strdup ("any");
  add_setting (table, project, "migrations.rehearsal_max_age", age);
  add_setting (table, project, "migrations.ignore", *ignore != '\0' ? ignore : "none");
  add_command (table, project, "migrations.command.status", migrations->status_command);
  add_command (table, project, "migrations.command.up", migrations->up_command);
  add_command (table, project, "migrations.command.down", migrations->down_command);
}

static void
add_integrity_settings (OutputTable *table, const Project *project)
{
  const ProjectIntegrity *integrity = &project->integrity;
  add_setting (table, project, "integrity.checks", integrity->checks_folder);
  add_duration (table, project, "integrity.backup_max_age", integrity->backup_max_age_seconds);
  add_timeout (table, project, "integrity.statement_timeout", integrity->statement_timeout_ms);
  add_count (table, project, "integrity.aggregates", integrity->aggregates->len);
  add_count (table, project, "integrity.ignore", integrity->ignore->len);
}

static void
print_settings (const Project *project)
{
  static const OutputColumn columns[] = { { "SETTING" }, { "VALUE" }, { "FROM" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  g_autofree char *min_size = size_format (project->min_size_bytes);
  g_autofree char *count = g_strjoinv (", ", project->count_tables);
  add_setting (table, project, "project", project->name);
  add_setting (table, project, "backup.dir", project->backup_folder);
  add_setting (table, project, "backup.min_size", min_size);
  add_setting (table, project, "backup.schedule.db",
               project->schedule_db != NULL ? project->schedule_db : "none");
  add_setting (table, project, "backup.schedule.full",
               project->schedule_full != NULL ? project->schedule_full : "none");
  add_duration (table, project, "backup.keep.db", project->keep_db_seconds);
  add_duration (table, project, "backup.keep.full", project->keep_full_seconds);
  add_setting (table, project, "backup.count", *count != '\0' ? count : "none");
  add_migration_settings (table, project);
  add_setting (table, project, "seeds.dir", project->seeds_dir);
  add_integrity_settings (table, project);
  output_table_print (table);
}

/* What is connected to: the expanded URL of the chosen environment, the others' as written. */
static char *
shown_target (const ProjectEnvironment *environment)
{
  if (environment->is_local)
    return environment->database != NULL
               ? g_strdup_printf ("local cluster, database “%s”", environment->database)
               : g_strdup ("local cluster");
  return text_mask_url (environment->url != NULL ? environment->url : environment->url_text);
}

static void
print_environments (const Project *project)
{
  static const OutputColumn columns[]
      = { { "ENVIRONMENT" }, { "" }, { "DATABASE" }, { "PROTECTED" }, { "FROM" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < project->environments->len; i++)
    {
      const ProjectEnvironment *environment = project->environments->pdata[i];
      bool is_chosen = environment == project->environment;
      g_autofree char *target = shown_target (environment);
      output_table_row (table, environment->name, is_chosen ? "chosen" : "", target,
                        environment->is_protected ? "yes" : "no", environment->origin);
      if (is_chosen)
        output_table_style (table, 0, OUTPUT_BOLD);
    }
  output_table_print (table);
}

static json_t *
seconds_or_null (int64_t seconds)
{
  return seconds > 0 ? json_integer (seconds) : json_null ();
}

static json_t *
backup_json (const Project *project)
{
  json_t *tables = json_array ();
  for (char **table = project->count_tables; *table != NULL; table++)
    json_array_append_new (tables, output_json_string (*table));
  return json_pack ("{s:o, s:I, s:{s:o, s:o}, s:{s:o, s:o}, s:o}", "dir",
                    output_json_string (project->backup_folder), "min_size_bytes",
                    (json_int_t) project->min_size_bytes, "schedule", "db",
                    output_json_string (project->schedule_db), "full",
                    output_json_string (project->schedule_full), "keep_seconds", "db",
                    seconds_or_null (project->keep_db_seconds), "full",
                    seconds_or_null (project->keep_full_seconds), "count", tables);
}

static json_t *
migrations_json (const Project *project)
{
  const ProjectMigrations *migrations = &project->migrations;
  json_t *ignore = json_array ();
  for (char **pattern = migrations->ignore; *pattern != NULL; pattern++)
    json_array_append_new (ignore, output_json_string (*pattern));
  return json_pack ("{s:o, s:o, s:I, s:I, s:I, s:o, s:{s:o, s:o, s:o}}", "dir",
                    output_json_string (migrations->dir), "layout",
                    output_json_string (migrations->layout), "lock_timeout_ms",
                    (json_int_t) migrations->lock_timeout_ms, "statement_timeout_ms",
                    (json_int_t) migrations->statement_timeout_ms, "rehearsal_max_age_seconds",
                    (json_int_t) migrations->rehearsal_max_age_s, "ignore", ignore, "command",
                    "status", output_json_string (migrations->status_command), "up",
                    output_json_string (migrations->up_command), "down",
                    output_json_string (migrations->down_command));
}

static json_t *
integrity_json (const Project *project)
{
  const ProjectIntegrity *integrity = &project->integrity;
  return json_pack ("{s:o, s:I, s:I}", "checks", output_json_string (integrity->checks_folder),
                    "backup_max_age_seconds", (json_int_t) integrity->backup_max_age_seconds,
                    "statement_timeout_ms", (json_int_t) integrity->statement_timeout_ms);
}

static json_t *
environments_json (const Project *project)
{
  json_t *array = json_array ();
  for (guint i = 0; i < project->environments->len; i++)
    {
      const ProjectEnvironment *environment = project->environments->pdata[i];
      const char *url = environment->url != NULL ? environment->url : environment->url_text;
      g_autofree char *masked = url != NULL ? text_mask_url (url) : NULL;
      json_array_append_new (
          array,
          json_pack ("{s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:s}", "name", environment->name,
                     "chosen", environment == project->environment, "local", environment->is_local,
                     "protected", environment->is_protected, "url", output_json_string (masked),
                     "database", output_json_string (environment->database), "postgres",
                     environment->postgres_major > 0 ? json_integer (environment->postgres_major)
                                                     : json_null (),
                     "from", environment->origin));
    }
  return array;
}

static json_t *
origins_json (const Project *project)
{
  json_t *object = json_object ();
  GHashTableIter iter;
  gpointer key, origin;
  g_hash_table_iter_init (&iter, project->origins);
  while (g_hash_table_iter_next (&iter, &key, &origin))
    json_object_set_new (object, key, output_json_string (origin));
  return object;
}

static json_t *
project_json (const Project *project)
{
  json_t *files = json_array ();
  for (guint i = 0; i < project->files_read->len; i++)
    json_array_append_new (files, output_json_string (project->files_read->pdata[i]));
  return json_pack ("{s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:{s:o}, s:o, s:o, s:o}", "project",
                    project->name, "folder", output_json_string (project->folder), "file",
                    output_json_string (project->file), "files_read", files, "environment",
                    project->environment->name, "environment_reason", project->environment_reason,
                    "backup", backup_json (project), "migrations", migrations_json (project),
                    "seeds", "dir", output_json_string (project->seeds_dir), "integrity",
                    integrity_json (project), "environments", environments_json (project), "from",
                    origins_json (project));
}

static bool
run_show (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  if (!context_project (context, &project, error))
    return false;
  if (context->json)
    {
      output_json (project_json (project));
      return true;
    }
  print_settings (project);
  output_line ("%s", "");
  print_environments (project);
  return true;
}

static void
print_files (const Project *project)
{
  g_autoptr (OutputTable) table = output_pairs_new ();
  if (project->file == NULL)
    output_pair (table, "file", "none: no %s in %s or above", PROJECT_FILE, project->folder);
  for (guint i = 0; i < project->files_read->len; i++)
    output_pair (table, i == 0 ? "read" : "", "%s", (const char *) project->files_read->pdata[i]);
  output_pair (table, "environment", "%s (%s)", project->environment->name,
               project->environment_reason);
  output_table_print (table);
}

static void
print_checks (const GPtrArray *checks)
{
  for (guint i = 0; i < checks->len; i++)
    {
      const EnvironmentCheck *check = checks->pdata[i];
      bool is_wanted = check->is_chosen || check_all;
      OutputStyle style = check->problem == NULL ? OUTPUT_GOOD
                          : is_wanted            ? OUTPUT_BAD
                                                 : OUTPUT_WARN;
      g_autofree char *name = output_paint (style, check->name);
      output_line ("%s: %s", name,
                   check->problem != NULL ? check->problem->message : "can be used");
    }
}

static json_t *
checks_json (const GPtrArray *checks)
{
  json_t *object = json_object ();
  for (guint i = 0; i < checks->len; i++)
    {
      const EnvironmentCheck *check = checks->pdata[i];
      json_object_set_new (
          object, check->name,
          output_json_string (check->problem != NULL ? check->problem->message : NULL));
    }
  return object;
}

/* The first problem that counts: the chosen environment's, with --all anyone's. */
static bool
judge (const GPtrArray *checks, GError **error)
{
  for (guint i = 0; i < checks->len; i++)
    {
      const EnvironmentCheck *check = checks->pdata[i];
      if (check->problem == NULL || !(check->is_chosen || check_all))
        continue;
      g_propagate_error (error, g_error_copy (check->problem));
      return prefix_error (error, "environment “%s”", check->name);
    }
  return true;
}

static bool
run_check (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  if (!context_project (context, &project, error))
    return false;
  g_autoptr (GPtrArray) checks = check_environments (project);
  if (context->json)
    {
      json_t *object = project_json (project);
      json_object_set_new (object, "problems", checks_json (checks));
      output_json (object);
      return judge (checks, error);
    }
  print_files (project);
  output_line ("%s", "");
  print_settings (project);
  output_line ("%s", "");
  print_checks (checks);
  return judge (checks, error);
}

static bool
run_schema (CliContext *context, int argc, char **argv, GError **error)
{
  if (context->json)
    output_json (json_loads (project_json_schema (), 0, NULL));
  else
    output_text (project_json_schema ());
  return true;
}

static const GOptionEntry check_options[] = {
  { "all", 0, 0, G_OPTION_ARG_NONE, &check_all, "Fail unless every environment can be used", NULL },
  { NULL },
};

const CliCommand config_commands[] = {
  {
      .name = "check",
      .summary = "Check pgkeel.yaml and .env, and say what is in force and from where",
      .description
      = "Every key, type and value is checked, with line and column. The environments are looked "
        "at one by one with their own .env files; one that was not chosen and lacks a variable is "
        "reported, and fails the check only with --all. No server is asked.",
      .example = "pgkeel config check --all",
      .options = check_options,
      .run = run_check,
  },
  {
      .name = "show",
      .summary = "Show the configuration in force, secrets masked",
      .example = "pgkeel config show --json",
      .run = run_show,
  },
  {
      .name = "schema",
      .summary = "Print the JSON Schema of pgkeel.yaml, for editors",
      .example = "pgkeel config schema > pgkeel.schema.json",
      .run = run_schema,
  },
  { 0 },
};
