#include "project/project.h"
#include "base/fs.h"
#include "project-resources.h"
#include "project/config.h"
#include "project/environment.h"
#include "project/settle.h"
#include "project/variables.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>


/* What opening a project carries along. */
typedef struct
{
  Project *project;
  Config *config;
  Variables *variables;
  char *source; /* the text of pgkeel.yaml */
} Opening;

static void
opening_clear (Opening *opening)
{
  g_clear_pointer (&opening->project, project_free);
  g_clear_pointer (&opening->config, config_free);
  g_clear_pointer (&opening->variables, variables_free);
  g_free (opening->source);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Opening, opening_clear)

static void
environment_free (ProjectEnvironment *environment)
{
  g_free (environment->name);
  g_free (environment->url);
  g_free (environment->database);
  g_free (environment->url_text);
  g_free (environment->origin);
  g_clear_error (&environment->url_error);
  g_free (environment);
}

static void
migrations_clear (ProjectMigrations *migrations)
{
  g_free (migrations->dir);
  g_free (migrations->layout);
  g_strfreev (migrations->ignore);
  g_free (migrations->status_command);
  g_free (migrations->up_command);
  g_free (migrations->down_command);
}

static void
integrity_clear (ProjectIntegrity *integrity)
{
  g_free (integrity->checks_folder);
  g_ptr_array_unref (integrity->aggregates);
  g_ptr_array_unref (integrity->ignore);
}

void
project_free (Project *project)
{
  if (project == NULL)
    return;
  g_free (project->folder);
  g_free (project->file);
  g_free (project->name);
  g_free (project->backup_folder);
  g_free (project->schedule_db);
  g_free (project->schedule_full);
  g_strfreev (project->count_tables);
  migrations_clear (&project->migrations);
  g_free (project->seeds_dir);
  g_free (project->guard.label);
  g_strfreev (project->guard.protect);
  g_strfreev (project->guard.production);
  g_free (project->incident.notify_command);
  g_free (project->incident.webhook);
  integrity_clear (&project->integrity);
  g_ptr_array_unref (project->environments);
  g_free (project->environment_reason);
  g_ptr_array_unref (project->files_read);
  g_clear_error (&project->lock_error);
  g_hash_table_unref (project->origins);
  g_free (project);
}

Project *
settle_project_new (void)
{
  Project *project = g_new0 (Project, 1);
  project->environments = g_ptr_array_new_with_free_func ((GDestroyNotify) environment_free);
  project->integrity.aggregates = settle_integrity_aggregates_new ();
  project->integrity.ignore = settle_integrity_patterns_new ();
  project->files_read = g_ptr_array_new_with_free_func (g_free);
  project->origins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return project;
}

/* Sets the folder to where pgkeel.yaml is, walking up; to START when there is none. */
static bool
find_folder (Project *project, const char *start, GError **error)
{
  char *real = realpath (start != NULL ? start : ".", NULL);
  if (real == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG, "Name a folder that is there.",
                       "cannot enter “%s”: %s", start != NULL ? start : ".", g_strerror (errno));
  project->folder = g_strdup (real);
  g_autofree char *folder = g_strdup (real);
  free (real);
  for (;;)
    {
      g_autofree char *file = g_build_filename (folder, PROJECT_FILE, NULL);
      if (g_file_test (file, G_FILE_TEST_EXISTS))
        {
          g_free (project->folder);
          project->folder = g_steal_pointer (&folder);
          project->file = g_steal_pointer (&file);
          return true;
        }
      if (strcmp (folder, "/") == 0)
        return true;
      g_autofree char *parent = g_path_get_dirname (folder);
      g_free (folder);
      folder = g_steal_pointer (&parent);
    }
}

/* Without a file the configuration is an empty one. */
static bool
read_config (Opening *opening, GError **error)
{
  size_t length = 0;
  if (opening->project->file != NULL)
    {
      g_autoptr (GError) problem = NULL;
      if (!fs_read_text (opening->project->file, CONFIG_MAX_BYTES, &opening->source, &length,
                         &problem))
        return keel_error (error, KEEL_ERROR_CONFIG, keel_error_hint (problem), "%s",
                           problem->message);
      g_ptr_array_add (opening->project->files_read, g_strdup (opening->project->file));
    }
  const char *text = opening->source != NULL ? opening->source : "";
  return config_parse (PROJECT_FILE, text, length, &opening->config, error);
}

static bool
read_variables (Opening *opening, const char *name, GError **error)
{
  Project *project = opening->project;
  bool found;
  if (!variables_read_file (opening->variables, project->folder, name, &found, error))
    return false;
  if (found)
    g_ptr_array_add (project->files_read, g_build_filename (project->folder, name, NULL));
  return true;
}

/* .env.prod first, so that .env.production, its full name, goes before it. */
static bool
read_environment_variables (Opening *opening, const char *environment, GError **error)
{
  static const char *const aliases[] = { "dev", "test", "prod" };
  for (size_t i = 0; i < G_N_ELEMENTS (aliases); i++)
    {
      g_autofree char *canonical = environment_canonical (aliases[i]);
      g_autofree char *file = g_strdup_printf (".env.%s", aliases[i]);
      if (strcmp (canonical, environment) == 0 && !read_variables (opening, file, error))
        return false;
    }
  g_autofree char *file = g_strdup_printf (".env.%s", environment);
  return read_variables (opening, file, error);
}

/* The names that may be meant: those that are written, or the usual ones. Borrowed. */
static GPtrArray *
known_environments (const Opening *opening)
{
  static const char *const usual[] = { "development", "testing", "staging", "production" };
  GPtrArray *known = g_ptr_array_new ();
  const Config *config = opening->config;
  for (uint32_t i = 0; i < config->environment_count; i++)
    g_ptr_array_add (known, config->environments[i].name);
  for (size_t i = 0; config->environment_count == 0 && i < G_N_ELEMENTS (usual); i++)
    g_ptr_array_add (known, (gpointer) usual[i]);
  return known;
}

static bool
choose_environment (const Opening *opening, const char *asked, char **ret_name, GError **error)
{
  g_autoptr (GPtrArray) known = known_environments (opening);
  return environment_choose (asked, opening->variables, (const char *const *) known->pdata,
                             known->len, ret_name, &opening->project->environment_reason, error);
}

const ProjectEnvironment *
project_find_environment (const Project *project, const char *name)
{
  g_autofree char *canonical = environment_canonical (name);
  for (guint i = 0; i < project->environments->len; i++)
    {
      const ProjectEnvironment *environment = project->environments->pdata[i];
      if (strcmp (environment->name, canonical) == 0)
        return environment;
    }
  return NULL;
}

/* Which environment is meant, what the others say to that, and only then its own .env file. */
static bool
choose (Opening *opening, const char *asked, char **ret_name, GError **error)
{
  if (!choose_environment (opening, asked, ret_name, error))
    return false;
  (void) !environment_check_lock (*ret_name, opening->variables, &opening->project->lock_error);
  return read_environment_variables (opening, *ret_name, error);
}

static bool
settle (Opening *opening, const char *asked, GError **error)
{
  Project *project = opening->project;
  g_autofree char *name = NULL;
  Settle settling = {
    .config = opening->config,
    .variables = opening->variables,
    .file = project->file != NULL ? PROJECT_FILE : NULL,
    .source = opening->source,
    .project = project,
  };
  if (!settle_environments (&settling, error) || !choose (opening, asked, &name, error)
      || !settle_project (&settling, error)
      || (opening->config->environment_count == 0
          && !settle_only_environment (&settling, name, error)))
    return false;
  project->environment = project_find_environment (project, name);
  g_assert (project->environment != NULL);
  if (!project->environment->is_protected)
    g_clear_error (&project->lock_error);
  return settle_chosen (&settling, (ProjectEnvironment *) project->environment, error);
}

bool
project_open (const char *start_folder, const char *environment, Project **ret_project,
              GError **error)
{
  g_auto (Opening) opening = { .project = settle_project_new (), .variables = variables_new () };
  if (!find_folder (opening.project, start_folder, error)
      || !read_variables (&opening, ".env", error) || !read_config (&opening, error)
      || !settle (&opening, environment, error))
    return false;
  *ret_project = g_steal_pointer (&opening.project);
  return true;
}

bool
project_environment_names (const char *start_folder, char ***ret_names, GError **error)
{
  g_auto (Opening) opening = { .project = settle_project_new () };
  if (!find_folder (opening.project, start_folder, error) || !read_config (&opening, error))
    return false;
  g_autoptr (GPtrArray) known = known_environments (&opening);
  char **names = g_new0 (char *, known->len + 1);
  for (guint i = 0; i < known->len; i++)
    names[i] = g_strdup (known->pdata[i]);
  *ret_names = names;
  return true;
}

char *
project_backup_folder (const Project *project)
{
  return g_build_filename (project->backup_folder, project->environment->name, NULL);
}

char *
project_state_path (const Project *project, const char *name)
{
  return g_build_filename (project->folder, PROJECT_STATE_FOLDER, name, NULL);
}

static bool
copy_problem (const GError *problem, GError **error)
{
  if (problem != NULL && error != NULL)
    *error = g_error_copy (problem);
  return problem == NULL;
}

bool
project_url (const Project *project, const char **ret_url, GError **error)
{
  const ProjectEnvironment *environment = project->environment;
  if (!copy_problem (environment->url_error, error))
    return false;
  *ret_url = environment->url;
  return true;
}

bool
project_check_authorised (const Project *project, GError **error)
{
  return copy_problem (project->lock_error, error);
}

const char *
project_origin (const Project *project, const char *key)
{
  const char *origin = g_hash_table_lookup (project->origins, key);
  return origin != NULL ? origin : "default";
}

const char *
project_json_schema (void)
{
  g_autoptr (GBytes) bytes = g_resource_lookup_data (
      project_get_resource (), "/pgkeel/pgkeel.schema.json", G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_assert (bytes != NULL);
  /* Uncompressed resources are static data with a NUL after them, so this outlives the GBytes. */
  return g_bytes_get_data (bytes, NULL);
}
