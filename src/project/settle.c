#include "project/settle.h"
#include "base/size.h"
#include "db/conn.h"
#include "project/check.h"
#include "project/environment.h"
#include "project/values.h"

#include <string.h>

#define MIN_SIZE_DEFAULT (10 * 1024)
#define OLDEST_MAJOR 13
#define NEWEST_MAJOR 18
#define IDENTIFIER_MAX_BYTES 63

void
settle_remember_origin (const Settle *settle, const char *key, char *origin)
{
  g_hash_table_insert (settle->project->origins, g_strdup (key), origin);
}

bool
settle_expanded (const Settle *settle, const char *path, const char *written, char **ret_text,
                 const Node **ret_node, GError **error)
{
  *ret_text = NULL;
  *ret_node = NULL;
  if (written == NULL)
    return true;
  const Node *node = node_find (settle->config->root, path);
  g_assert (node != NULL);
  Place place = { settle->file, settle->source, node->line, node->column };
  if (!variables_expand (settle->variables, written, &place, ret_text, error))
    return false;
  settle_remember_origin (settle, path, node_place (node, settle->file));
  *ret_node = node;
  return true;
}

bool
settle_refuse_value (const Settle *settle, const Node *node, const char *text, const char *wanted,
                     const char *hint, GError **error)
{
  g_autofree char *shown = check_shown (text);
  if (node->key == NULL)
    return check_refuse (settle->file, node, hint, error, "“%s” is not %s", shown, wanted);
  return check_refuse (settle->file, node, hint, error, "“%s” must be %s, not “%s”", node->key,
                       wanted, shown);
}

bool
settle_list (const Settle *settle, const char *path, char *const *written, uint32_t count,
             char ***ret_list, GError **error)
{
  const Node *list = node_find (settle->config->root, path);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  for (uint32_t i = 0; i < count; i++)
    {
      const Node *node = list->children->pdata[i];
      Place place = { settle->file, settle->source, node->line, node->column };
      char *text;
      if (!variables_expand (settle->variables, written[i], &place, &text, error))
        return false;
      g_ptr_array_add (texts, text);
    }
  if (list != NULL)
    settle_remember_origin (settle, path, node_place (list, settle->file));
  g_ptr_array_set_free_func (texts, NULL);
  g_ptr_array_add (texts, NULL);
  *ret_list = (char **) g_ptr_array_free (g_steal_pointer (&texts), FALSE);
  return true;
}

bool
settle_duration (const Settle *settle, const char *path, const char *written, int64_t *ret_seconds,
                 GError **error)
{
  const Node *node;
  int64_t seconds;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, path, written, &text, &node, error) || text == NULL)
    return written == NULL;
  if (!duration_parse (text, &seconds) || seconds <= 0)
    return settle_refuse_value (settle, node, text, "a duration",
                                "Write a number and m, h, d or w, as in 48h or 7d.", error);
  *ret_seconds = seconds;
  return true;
}

static bool
settle_name (const Settle *settle, GError **error)
{
  const Node *node;
  g_autofree char *name = NULL;
  if (!settle_expanded (settle, "project", settle->config->project, &name, &node, error))
    return false;
  if (name == NULL)
    {
      g_autofree char *folder = g_path_get_basename (settle->project->folder);
      settle->project->name = value_make_project_name (folder);
      return true;
    }
  if (!value_is_project_name (name))
    return settle_refuse_value (
        settle, node, name, "a name that can stand in file names",
        "Use letters, digits, “-” and “_”, at most 63, beginning with a letter "
        "or a digit.",
        error);
  settle->project->name = g_steal_pointer (&name);
  return true;
}

char *
settle_resolve_path (const Settle *settle, const char *path)
{
  if (g_str_has_prefix (path, "~/"))
    return g_build_filename (g_get_home_dir (), path + 2, NULL);
  return g_canonicalize_filename (path, settle->project->folder);
}

/* BACKUP_DIR goes before what is written, which then is not even expanded. */
static bool
settle_backup_folder (const Settle *settle, const char *written, GError **error)
{
  g_autofree char *folder = NULL;
  const char *source;
  if (!variables_lookup (settle->variables, "BACKUP_DIR", &folder, &source, error))
    return false;
  if (folder != NULL && *folder != '\0')
    {
      settle_remember_origin (settle, "backup.dir",
                              source != NULL ? g_strdup_printf ("BACKUP_DIR (%s)", source)
                                             : g_strdup ("BACKUP_DIR"));
      settle->project->backup_folder = settle_resolve_path (settle, folder);
      return true;
    }
  const Node *node;
  g_autofree char *dir = NULL;
  if (!settle_expanded (settle, "backup.dir", written, &dir, &node, error))
    return false;
  if (dir != NULL && *dir == '\0')
    return check_refuse (settle->file, node, "Write a folder, or remove the key.", error,
                         "“dir” is empty");
  settle->project->backup_folder = settle_resolve_path (settle, dir != NULL ? dir : "backups");
  return true;
}

static bool
settle_min_size (const Settle *settle, const char *written, GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  settle->project->min_size_bytes = MIN_SIZE_DEFAULT;
  if (!settle_expanded (settle, "backup.min_size", written, &text, &node, error) || text == NULL)
    return written == NULL;
  return size_parse (text, &settle->project->min_size_bytes)
         || settle_refuse_value (settle, node, text, "a size",
                                 "Write a number and B, KB, MB or GB, as in 10KB.", error);
}

static bool
settle_schedule (const Settle *settle, const char *path, const char *written, char **ret_schedule,
                 GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, path, written, &text, &node, error) || text == NULL)
    return written == NULL;
  if (!value_is_schedule (text))
    return settle_refuse_value (settle, node, text, "a schedule",
                                "Write five fields: minute, hour, day, month, weekday, as in "
                                "\"0 2 * * *\".",
                                error);
  *ret_schedule = g_steal_pointer (&text);
  return true;
}

/* "name" or "schema.name". Quotes are not undone here: a name with a dot in it cannot be headlined. */
static bool
is_table_name (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ".", -1);
  guint n = g_strv_length (parts);
  for (guint i = 0; i < n; i++)
    if (*parts[i] == '\0' || strlen (parts[i]) > IDENTIFIER_MAX_BYTES)
      return false;
  return n == 1 || n == 2;
}

static bool
settle_count (const Settle *settle, const ConfigBackup *backup, GError **error)
{
  const Node *list = node_find (settle->config->root, "backup.count");
  g_autoptr (GPtrArray) tables = g_ptr_array_new_with_free_func (g_free);
  for (uint32_t i = 0; i < backup->count_count; i++)
    {
      const Node *node = list->children->pdata[i];
      Place place = { settle->file, settle->source, node->line, node->column };
      char *table;
      if (!variables_expand (settle->variables, backup->count[i], &place, &table, error))
        return false;
      g_ptr_array_add (tables, table);
      if (!is_table_name (table))
        return settle_refuse_value (settle, node, table, "the name of a table",
                                    "Write it as name or schema.name.", error);
    }
  if (list != NULL)
    settle_remember_origin (settle, "backup.count", node_place (list, settle->file));
  g_ptr_array_add (tables, NULL);
  settle->project->count_tables = (char **) g_ptr_array_free (g_steal_pointer (&tables), FALSE);
  return true;
}

static bool
settle_backup (const Settle *settle, GError **error)
{
  static const ConfigPair no_pair = { 0 };
  static const ConfigBackup no_backup = { 0 };
  Project *project = settle->project;
  const ConfigBackup *backup = settle->config->backup;
  if (backup == NULL)
    backup = &no_backup;
  const ConfigPair *keep = backup->keep != NULL ? backup->keep : &no_pair;
  const ConfigPair *schedule = backup->schedule != NULL ? backup->schedule : &no_pair;
  return settle_backup_folder (settle, backup->dir, error)
         && settle_min_size (settle, backup->min_size, error)
         && settle_duration (settle, "backup.keep.db", keep->db, &project->keep_db_seconds, error)
         && settle_duration (settle, "backup.keep.full", keep->full, &project->keep_full_seconds,
                             error)
         && settle_schedule (settle, "backup.schedule.db", schedule->db, &project->schedule_db,
                             error)
         && settle_schedule (settle, "backup.schedule.full", schedule->full,
                             &project->schedule_full, error)
         && settle_count (settle, backup, error);
}

bool
settle_project (const Settle *settle, GError **error)
{
  return settle_name (settle, error) && settle_backup (settle, error)
         && settle_migrations (settle, error) && settle_seeds (settle, error)
         && settle_integrity (settle, error) && settle_guard (settle, error);
}

static const Node *
environment_node (const Settle *settle, const ConfigEnvironment *written, const char *key)
{
  const Node *node = node_find (settle->config->root, "environments");
  for (guint i = 0; node != NULL && i < node->children->len; i++)
    {
      const Node *child = node->children->pdata[i];
      if (strcmp (child->key, written->key) == 0)
        return key != NULL ? node_find (child, key) : child;
    }
  return NULL;
}

/* What is only for environments with a cluster of their own, and what is only for the others. */
static bool
check_local (const Settle *settle, const ConfigEnvironment *written, GError **error)
{
  bool is_local = written->local != NULL && *written->local;
  const Node *url = environment_node (settle, written, "url");
  const Node *database = environment_node (settle, written, "database");
  const Node *postgres = environment_node (settle, written, "postgres");
  Node at_key = { .line = environment_node (settle, written, NULL)->key_line,
                  .column = environment_node (settle, written, NULL)->key_column };
  if (is_local && url != NULL)
    return check_refuse (settle->file, url, "Remove one of the two.", error,
                         "“%s” is local, so it has no “url”", written->key);
  if (!is_local && url == NULL)
    return check_refuse (settle->file, &at_key, "Write local: true, or the URL of its database.",
                         error, "“%s” needs “url” or “local: true”", written->key);
  if (!is_local && database != NULL)
    return check_refuse (settle->file, database, "Name the database in “url”.", error,
                         "“database” is only for a local environment");
  if (!is_local && postgres != NULL)
    return check_refuse (settle->file, postgres, "The server of “url” has the version it has.",
                         error, "“postgres” is only for a local environment");
  if (postgres != NULL && (*written->postgres < OLDEST_MAJOR || *written->postgres > NEWEST_MAJOR))
    return settle_refuse_value (settle, postgres, postgres->text, "a major version from 13 to 18",
                                "Write it as 17, or leave it out for the newest that is installed.",
                                error);
  return true;
}

static bool
settle_environment (const Settle *settle, const ConfigEnvironment *written, GError **error)
{
  if (!check_local (settle, written, error))
    return false;
  ProjectEnvironment *environment = g_new0 (ProjectEnvironment, 1);
  g_ptr_array_add (settle->project->environments, environment);
  environment->name = g_strdup (written->name);
  environment->is_local = written->local != NULL && *written->local;
  environment->is_protected = written->is_protected != NULL
                                  ? *written->is_protected
                                  : strcmp (written->name, "production") == 0;
  environment->url_text = g_strdup (written->url);
  environment->database = g_strdup (written->database);
  environment->postgres_major = written->postgres != NULL ? (int) *written->postgres : 0;
  const Node *node = environment_node (settle, written, written->url != NULL ? "url" : NULL);
  environment->origin = node_place (node, settle->file);
  return true;
}

bool
settle_environments (const Settle *settle, GError **error)
{
  for (uint32_t i = 0; i < settle->config->environment_count; i++)
    if (!settle_environment (settle, &settle->config->environments[i], error))
      return false;
  return true;
}

bool
settle_only_environment (const Settle *settle, const char *name, GError **error)
{
  g_autofree char *url = NULL;
  const char *source;
  if (!variables_lookup (settle->variables, "DATABASE_URL", &url, &source, error))
    return false;
  bool has_url = url != NULL && *url != '\0';
  const char *said = has_url ? environment_of_url (url) : NULL;
  ProjectEnvironment *environment = g_new0 (ProjectEnvironment, 1);
  g_ptr_array_add (settle->project->environments, environment);
  environment->name = g_strdup (name);
  environment->is_local = !has_url && strcmp (name, "development") == 0;
  environment->is_protected
      = strcmp (name, "production") == 0 || (said != NULL && strcmp (said, "production") == 0);
  environment->url_text = g_strdup (environment->is_local ? NULL : "${DATABASE_URL}");
  environment->origin = !has_url         ? g_strdup ("default")
                        : source != NULL ? g_strdup_printf ("DATABASE_URL (%s)", source)
                                         : g_strdup ("DATABASE_URL");
  return true;
}

static const ConfigEnvironment *
written_environment (const Settle *settle, const char *name)
{
  for (uint32_t i = 0; i < settle->config->environment_count; i++)
    if (strcmp (settle->config->environments[i].name, name) == 0)
      return &settle->config->environments[i];
  return NULL;
}

static Place
place_in (const Settle *settle, const Node *node)
{
  if (node == NULL)
    return (Place){ .file = "DATABASE_URL" };
  return (Place){ settle->file, settle->source, node->line, node->column };
}

static bool
expand_url (const Settle *settle, const char *url_text, const Place *place, char **ret_url,
            GError **error)
{
  g_autofree char *url = NULL;
  if (!variables_expand (settle->variables, url_text, place, &url, error))
    return false;
  g_autofree char *plain = environment_plain_url (url);
  g_autofree char *where = place_of (place, NULL);
  if (*url == '\0')
    return keel_error (error, KEEL_ERROR_CONFIG, "Set the variable it is made of, or write a URL.",
                       "%s: the URL is empty", where);
  if (!db_url_parts (plain, NULL, NULL, NULL, error))
    return prefix_error (error, "%s", where);
  *ret_url = g_steal_pointer (&plain);
  return true;
}

static bool
settle_database (const Settle *settle, ProjectEnvironment *environment, const Node *node,
                 GError **error)
{
  if (node == NULL)
    {
      environment->database = g_strdup (settle->project->name);
      return true;
    }
  Place place = place_in (settle, node);
  g_autofree char *database = NULL;
  if (!variables_expand (settle->variables, environment->database, &place, &database, error))
    return false;
  if (*database == '\0' || strlen (database) > IDENTIFIER_MAX_BYTES)
    return settle_refuse_value (settle, node, database, "a name of 1 to 63 bytes", NULL, error);
  g_free (environment->database);
  environment->database = g_steal_pointer (&database);
  return true;
}

/* Without a pgkeel.yaml there is no place to point at. */
static bool
refuse_no_url (const Settle *settle, const ProjectEnvironment *environment, GError **error)
{
  g_autofree char *hint = g_strdup_printf (
      settle->file != NULL ? "Write it below environments in %s, or set DATABASE_URL."
                           : "Set DATABASE_URL, or write a %s with `pgkeel init`.",
      PROJECT_FILE);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "environment “%s” has no URL",
                     environment->name);
}

bool
settle_chosen (const Settle *settle, ProjectEnvironment *environment, GError **error)
{
  const ConfigEnvironment *written = written_environment (settle, environment->name);
  if (environment->is_local)
    return settle_database (settle, environment,
                            written != NULL ? environment_node (settle, written, "database") : NULL,
                            error);
  if (strcmp (environment->origin, "default") == 0)
    return !refuse_no_url (settle, environment, &environment->url_error);
  Place place
      = place_in (settle, written != NULL ? environment_node (settle, written, "url") : NULL);
  char *url = NULL;
  if (expand_url (settle, environment->url_text, &place, &url, &environment->url_error))
    environment->url = url;
  return true;
}
