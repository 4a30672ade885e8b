#include "guard/compose_project.h"

#include "base/fs.h"
#include "project/dotenv.h"

#include <string.h>

#define FILE_MAX_BYTES ((size_t) 4 << 20)
#define FILES_MAX 64

typedef struct
{
  ComposeProject *project;
  const GuardCommand *command;
  const char *current;  /* where the command runs */
  GPtrArray *env_names; /* what .env files say that the project is called */
} Reading;

static void
volume_free (void *volume_pointer)
{
  ComposeVolume *volume = volume_pointer;
  g_free (volume->key);
  g_free (volume->name);
  g_free (volume);
}

void
compose_project_clear (ComposeProject *project)
{
  g_free (project->folder);
  g_clear_pointer (&project->names, g_ptr_array_unref);
  g_clear_pointer (&project->files, g_ptr_array_unref);
  g_clear_pointer (&project->documents, g_ptr_array_unref);
  g_clear_pointer (&project->volumes, g_ptr_array_unref);
  g_clear_pointer (&project->env_files, g_ptr_array_unref);
  g_strfreev (project->variables);
  g_free (project->problem);
}

static void note_problem (ComposeProject *project, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The first one stands. */
static void
note_problem (ComposeProject *project, const char *format, ...)
{
  va_list args;
  if (project->problem != NULL)
    return;
  va_start (args, format);
  project->problem = g_strdup_vprintf (format, args);
  va_end (args);
}

static bool
has_text (const GPtrArray *texts, const char *text)
{
  return g_ptr_array_find_with_equal_func ((GPtrArray *) texts, text, g_str_equal, NULL);
}

/* --- .env --------------------------------------------------------------------------------------- */

static void
add_variable (Reading *reading, const DotenvEntry *entry)
{
  ComposeProject *project = reading->project;
  g_autofree char *expanded
      = entry->is_literal ? g_strdup (entry->text) : compose_expand (project, entry->text);
  const char *value = expanded != NULL ? expanded : entry->text;
  if (strcmp (entry->name, "COMPOSE_PROJECT_NAME") == 0 && *value != '\0')
    g_ptr_array_add (reading->env_names, g_strdup (value));
  project->variables = g_environ_setenv (project->variables, entry->name, value, FALSE);
}

/* MUST_BE: it was asked for by name. */
static void
read_env_file (Reading *reading, const char *path, bool must_be)
{
  ComposeProject *project = reading->project;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  g_autofree char *text = NULL;
  size_t length;
  if (has_text (project->env_files, path)
      || (!must_be && !g_file_test (path, G_FILE_TEST_IS_REGULAR)))
    return;
  g_ptr_array_add (project->env_files, g_strdup (path));
  if (!fs_read_text (path, FILE_MAX_BYTES, &text, &length, &error)
      || !dotenv_parse (path, text, length, &entries, &error))
    {
      note_problem (project, "%s", error->message);
      return;
    }
  for (guint i = 0; i < entries->len; i++)
    add_variable (reading, entries->pdata[i]);
}

static void
read_usual_env_file (Reading *reading, const char *folder)
{
  const char *off = g_getenv ("COMPOSE_DISABLE_ENV_FILE");
  g_autofree char *path = g_build_filename (folder, ".env", NULL);
  if (off == NULL || (strcmp (off, "1") != 0 && g_ascii_strcasecmp (off, "true") != 0))
    read_env_file (reading, path, false);
}

/* Those that are named instead of .env. False: none are. */
static bool
read_named_env_files (Reading *reading)
{
  const char *listed = g_getenv ("COMPOSE_ENV_FILES");
  g_auto (GStrv) split = g_strsplit (listed != NULL ? listed : "", ",", -1);
  char **names = *reading->command->env_files != NULL ? reading->command->env_files : split;
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *path = g_canonicalize_filename (*name, reading->current);
      read_env_file (reading, path, true);
    }
  return *names != NULL;
}

/* --- files -------------------------------------------------------------------------------------- */

static bool
is_elsewhere (const char *name)
{
  return strcmp (name, "-") == 0 || strstr (name, "://") != NULL || g_str_has_prefix (name, "git@")
         || g_str_has_prefix (name, "oci:");
}

/* The first of NAMES that is in FOLDER; caller frees. NULL: none is. */
static char *
find_in (const char *folder, const char *const *names)
{
  for (; *names != NULL; names++)
    {
      g_autofree char *path = g_build_filename (folder, *names, NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }
  return NULL;
}

static void
find_usual_files (const char *start, GPtrArray *files)
{
  static const char *const usual[]
      = { "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml", NULL };
  static const char *const overrides[]
      = { "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml",
          "docker-compose.override.yaml", NULL };
  g_autofree char *folder = g_strdup (start);
  for (;;)
    {
      char *found = find_in (folder, usual);
      if (found != NULL)
        {
          g_ptr_array_add (files, found);
          char *more = find_in (folder, overrides);
          if (more != NULL)
            g_ptr_array_add (files, more);
          return;
        }
      char *parent = g_path_get_dirname (folder);
      bool is_top = strcmp (parent, folder) == 0;
      g_free (folder);
      folder = parent;
      if (is_top)
        return;
    }
}

/* Seen from where the command runs, or else from the project's folder. */
static void
add_file (Reading *reading, const char *name, GPtrArray *files)
{
  if (is_elsewhere (name))
    {
      note_problem (reading->project, "the compose file “%s” cannot be looked at", name);
      return;
    }
  g_autofree char *path = g_canonicalize_filename (name, reading->current);
  if (!g_file_test (path, G_FILE_TEST_EXISTS) && reading->project->folder != NULL)
    {
      g_free (path);
      path = g_canonicalize_filename (name, reading->project->folder);
    }
  g_ptr_array_add (files, g_steal_pointer (&path));
}

/* COMPOSE_FILE. */
static void
add_listed_files (Reading *reading, GPtrArray *files)
{
  const char *listed = compose_variable (reading->project, "COMPOSE_FILE");
  const char *separator = compose_variable (reading->project, "COMPOSE_PATH_SEPARATOR");
  if (separator == NULL || *separator == '\0')
    separator = ":";
  g_auto (GStrv) names = g_strsplit (listed != NULL ? listed : "", separator, -1);
  for (char **name = names; *name != NULL; name++)
    if (**name != '\0')
      add_file (reading, *name, files);
}

/* --- what stands in them ------------------------------------------------------------------------ */

static ComposeVolume *
find_volume (ComposeProject *project, const char *key)
{
  for (guint i = 0; i < project->volumes->len; i++)
    {
      ComposeVolume *volume = project->volumes->pdata[i];
      if (strcmp (volume->key, key) == 0)
        return volume;
    }
  ComposeVolume *volume = g_new0 (ComposeVolume, 1);
  volume->key = g_strdup (key);
  g_ptr_array_add (project->volumes, volume);
  return volume;
}

/* The text of a scalar with its variables; caller frees. NULL: there is none, or it is a problem now. */
static char *
expanded_text (ComposeProject *project, const Node *node)
{
  if (node == NULL || node->kind != NODE_SCALAR || node_is_null (node))
    return NULL;
  char *text = compose_expand (project, node->text);
  if (text == NULL)
    note_problem (project, "%s:%d: the variables in “%s” cannot be replaced",
                  node->file != NULL ? node->file : "compose file", node->line, node->text);
  return text;
}

static void
read_volume (ComposeProject *project, const Node *node)
{
  const Node *external = node_child (node, "external");
  g_autofree char *name = expanded_text (project, node_child (node, "name"));
  g_autofree char *says = expanded_text (project, external);
  ComposeVolume *volume = find_volume (project, node->key);
  if (name != NULL)
    {
      g_free (volume->name);
      volume->name = g_steal_pointer (&name);
    }
  if (external != NULL)
    volume->is_external = external->kind == NODE_MAPPING
                          || (says != NULL && g_ascii_strcasecmp (says, "true") == 0);
}

static void read_file (Reading *reading, const char *path);

static void
include_file (Reading *reading, const Node *node, const char *from)
{
  g_autofree char *name = expanded_text (reading->project, node);
  if (name == NULL)
    return;
  if (is_elsewhere (name))
    {
      note_problem (reading->project, "the compose file “%s” cannot be looked at", name);
      return;
    }
  g_autofree char *folder = g_path_get_dirname (from);
  g_autofree char *path = g_canonicalize_filename (name, folder);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_free (path);
      path = g_canonicalize_filename (name, reading->project->folder);
    }
  read_file (reading, path);
}

/* `include`: names, or mappings whose `path` is one or more. */
static void
read_includes (Reading *reading, const Node *root, const char *from)
{
  const Node *list = node_child (root, "include");
  for (guint i = 0; list != NULL && list->kind == NODE_SEQUENCE && i < list->children->len; i++)
    {
      const Node *one = list->children->pdata[i];
      const Node *paths = one->kind == NODE_MAPPING ? node_child (one, "path") : one;
      if (paths == NULL)
        continue;
      if (paths->kind == NODE_SCALAR)
        include_file (reading, paths, from);
      else
        for (guint j = 0; j < paths->children->len; j++)
          include_file (reading, paths->children->pdata[j], from);
    }
}

static void
read_document (Reading *reading, Node *root, const char *path)
{
  const Node *volumes = node_child (root, "volumes");
  g_ptr_array_add (reading->project->documents, root);
  for (guint i = 0; volumes != NULL && volumes->kind == NODE_MAPPING && i < volumes->children->len;
       i++)
    read_volume (reading->project, volumes->children->pdata[i]);
  read_includes (reading, root, path);
}

static void
read_file (Reading *reading, const char *path)
{
  ComposeProject *project = reading->project;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) documents = NULL;
  g_autofree char *text = NULL;
  size_t length;
  if (has_text (project->files, path))
    return;
  if (project->files->len >= FILES_MAX)
    {
      note_problem (project, "there are more than %d compose files", FILES_MAX);
      return;
    }
  g_ptr_array_add (project->files, g_strdup (path));
  if (!fs_read_text (path, FILE_MAX_BYTES, &text, &length, &error)
      || !node_parse_documents (path, text, length, &node_limits_foreign, &documents, &error))
    {
      note_problem (project, "%s", error->message);
      return;
    }
  g_ptr_array_set_free_func (documents, NULL);
  for (guint i = 0; i < documents->len; i++)
    read_document (reading, documents->pdata[i], path);
}

/* --- its name ----------------------------------------------------------------------------------- */

static void
add_name (ComposeProject *project, const char *given)
{
  for (int is_new = 1; is_new >= 0; is_new--)
    {
      g_autofree char *name = compose_normalise_name (given, is_new);
      if (*name != '\0' && !has_text (project->names, name))
        g_ptr_array_add (project->names, g_steal_pointer (&name));
    }
}

static void
add_folder_name (ComposeProject *project)
{
  g_autofree char *base = g_path_get_basename (project->folder);
  add_name (project, base);
  /* What 1.x says when nothing is left. */
  if (project->names->len == 0)
    add_name (project, "default");
}

/* `name` of the files: the last one counts. */
static bool
add_written_name (ComposeProject *project)
{
  for (guint i = project->documents->len; i > 0; i--)
    {
      g_autofree char *name
          = expanded_text (project, node_child (project->documents->pdata[i - 1], "name"));
      if (name == NULL || *name == '\0')
        continue;
      add_name (project, name);
      return true;
    }
  return false;
}

static void
find_names (Reading *reading)
{
  ComposeProject *project = reading->project;
  const char *variable = g_getenv ("COMPOSE_PROJECT_NAME");
  const char *given = reading->command->project_name;
  if (given == NULL && variable != NULL && *variable != '\0')
    given = variable;
  if (given != NULL && *given != '\0')
    {
      add_name (project, given);
      return;
    }
  for (guint i = 0; i < reading->env_names->len; i++)
    add_name (project, reading->env_names->pdata[i]);
  /* Versions differ in which folder's .env they read. */
  bool is_certain
      = strcmp (project->folder, reading->current) == 0 || *reading->command->env_files != NULL;
  if (project->names->len > 0 && is_certain)
    return;
  if (!add_written_name (project))
    add_folder_name (project);
}

/* --- all of it ---------------------------------------------------------------------------------- */

/* The folder as far as the command line says it; the current one when it does not. */
static char *
folder_of_command (const Reading *reading)
{
  const GuardCommand *command = reading->command;
  if (command->project_folder != NULL)
    return g_canonicalize_filename (command->project_folder, reading->current);
  if (*command->files == NULL || is_elsewhere (*command->files))
    return g_strdup (reading->current);
  g_autofree char *path = g_canonicalize_filename (*command->files, reading->current);
  return g_path_get_dirname (path);
}

static void
find_files (Reading *reading, GPtrArray *files)
{
  ComposeProject *project = reading->project;
  const GuardCommand *command = reading->command;
  for (char **name = command->files; *name != NULL; name++)
    add_file (reading, *name, files);
  if (*command->files == NULL && command->is_compose)
    add_listed_files (reading, files);
  if (*command->files == NULL && command->is_compose && files->len == 0 && project->problem == NULL)
    find_usual_files (project->folder, files);
  if (command->project_folder != NULL || files->len == 0)
    return;
  g_free (project->folder);
  project->folder = g_path_get_dirname (files->pdata[0]);
}

void
compose_project_read (const GuardCommand *command, const char *folder, ComposeProject *ret_project)
{
  ComposeProject project = {
    .names = g_ptr_array_new_with_free_func (g_free),
    .files = g_ptr_array_new_with_free_func (g_free),
    .documents = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free),
    .volumes = g_ptr_array_new_with_free_func (volume_free),
    .env_files = g_ptr_array_new_with_free_func (g_free),
    .variables = g_new0 (char *, 1),
  };
  g_autoptr (GPtrArray) env_names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *current = g_canonicalize_filename (folder, "/");
  Reading reading = { &project, command, current, env_names };
  project.folder = folder_of_command (&reading);
  bool are_named = read_named_env_files (&reading);
  if (!are_named)
    {
      read_usual_env_file (&reading, project.folder);
      read_usual_env_file (&reading, current);
    }
  find_files (&reading, files);
  if (!are_named)
    read_usual_env_file (&reading, project.folder);
  for (guint i = 0; i < files->len; i++)
    read_file (&reading, files->pdata[i]);
  find_names (&reading);
  *ret_project = project;
}

char *
compose_project_volume_name (const ComposeVolume *volume, const char *name)
{
  if (volume->name != NULL)
    return g_strdup (volume->name);
  return g_strconcat (name, "_", volume->key, NULL);
}
