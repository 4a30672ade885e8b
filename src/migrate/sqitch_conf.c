#include "migrate/sqitch_conf.h"
#include "base/fs.h"

#include <string.h>

#define CONF "sqitch.conf"
#define CONF_MAX_BYTES ((size_t) 1024 * 1024)

void
sqitch_places_free (SqitchPlaces *places)
{
  if (places == NULL)
    return;
  g_free (places->plan);
  g_free (places->deploy);
  g_free (places->revert);
  g_free (places->verify);
  for (size_t i = 0; i < G_N_ELEMENTS (places->reworked); i++)
    g_free (places->reworked[i]);
  g_free (places->extension);
  g_free (places);
}

/* --- git's syntax ---------------------------------------------------------------------------- */

/* The text that is read, and "section.subsection.key" -> value of what has been. */
typedef struct
{
  const char *shown;
  const char *at;
  unsigned int line;
  GString *section;
  GHashTable *values;
} Conf;

static bool
refuse (const Conf *conf, const char *what, GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG,
                     "Sections are like [engine \"pg\"], settings like deploy_dir = deploy.",
                     "%s:%u: %s", conf->shown, conf->line, what);
}

static void
skip_blanks (Conf *conf)
{
  conf->at += strspn (conf->at, " \t\r");
}

static bool
is_line_over (const Conf *conf)
{
  return *conf->at == '\0' || *conf->at == '\n' || *conf->at == '#' || *conf->at == ';';
}

static void
skip_line (Conf *conf)
{
  conf->at += strcspn (conf->at, "\n");
}

/* What a backslash in a value or a name stands for; false when it is none of those that git knows. */
static bool
unescape (Conf *conf, GString *text, GError **error)
{
  static const char known[] = "\"\\ntb";
  static const char meant[] = "\"\\\n\t\b";
  if (conf->at[1] == '\r' && conf->at[2] == '\n')
    conf->at++;
  const char *found = conf->at[1] != '\0' ? strchr (known, conf->at[1]) : NULL;
  if (found != NULL)
    g_string_append_c (text, meant[found - known]);
  else if (conf->at[1] == '\n')
    conf->line++;
  else
    return refuse (conf, "a backslash that stands for nothing", error);
  conf->at += 2;
  return true;
}

/* [name] or [name "sub"]; the name's case does not matter, the sub's does. */
static bool
read_section (Conf *conf, GError **error)
{
  size_t length = strcspn (++conf->at, " \t\"]\n");
  g_autofree char *name = g_ascii_strdown (conf->at, (gssize) length);
  g_string_assign (conf->section, name);
  conf->at += length;
  skip_blanks (conf);
  if (*conf->at == '"')
    {
      g_string_append_c (conf->section, '.');
      for (conf->at++; *conf->at != '"';)
        {
          if (*conf->at == '\0' || *conf->at == '\n')
            return refuse (conf, "a section's name has no end", error);
          if (*conf->at != '\\')
            g_string_append_c (conf->section, *conf->at++);
          else if (!unescape (conf, conf->section, error))
            return false;
        }
      conf->at++;
      skip_blanks (conf);
    }
  if (length == 0 || *conf->at != ']')
    return refuse (conf, "a section's name has no end", error);
  conf->at++;
  return true;
}

/* Up to the end of the line, or a comment outside of quotes; blanks around it do not count. */
static bool
read_value (Conf *conf, char **ret_value, GError **error)
{
  g_autoptr (GString) value = g_string_new (NULL);
  bool in_quotes = false;
  size_t kept = 0; /* up to here blanks at the end are meant */
  skip_blanks (conf);
  while (*conf->at != '\0' && *conf->at != '\n' && (in_quotes || !is_line_over (conf)))
    {
      bool is_blank = !in_quotes && strchr (" \t\r", *conf->at) != NULL;
      if (*conf->at == '\\')
        {
          if (!unescape (conf, value, error))
            return false;
        }
      else if (*conf->at == '"')
        {
          in_quotes = !in_quotes;
          conf->at++;
        }
      else
        g_string_append_c (value, *conf->at++);
      if (!is_blank)
        kept = value->len;
    }
  if (in_quotes)
    return refuse (conf, "a quotation has no end", error);
  g_string_truncate (value, kept);
  *ret_value = g_string_free (g_steal_pointer (&value), FALSE);
  return true;
}

static bool
is_key_character (char c)
{
  return g_ascii_isalnum (c) || c == '-' || c == '_';
}

/* The last of several counts; one without a value is "true". */
static bool
read_setting (Conf *conf, GError **error)
{
  const char *start = conf->at;
  char *value = NULL;
  while (is_key_character (*conf->at))
    conf->at++;
  g_autofree char *key = g_ascii_strdown (start, conf->at - start);
  skip_blanks (conf);
  if (*key == '\0' || conf->section->len == 0 || (*conf->at != '=' && !is_line_over (conf)))
    return refuse (conf, "this is no setting", error);
  if (*conf->at != '=')
    value = g_strdup ("true");
  else
    {
      conf->at++;
      if (!read_value (conf, &value, error))
        return false;
    }
  g_hash_table_replace (conf->values, g_strdup_printf ("%s.%s", conf->section->str, key), value);
  return true;
}

bool
sqitch_conf_parse (const char *shown, const char *text, GHashTable **ret_values, GError **error)
{
  g_autoptr (GString) section = g_string_new (NULL);
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  Conf conf = { .shown = shown, .at = text, .line = 1, .section = section, .values = values };
  while (*conf.at != '\0')
    {
      skip_blanks (&conf);
      if (*conf.at == '\n')
        {
          conf.at++;
          conf.line++;
        }
      else if (is_line_over (&conf))
        skip_line (&conf);
      else if (*conf.at == '[' ? !read_section (&conf, error) : !read_setting (&conf, error))
        return false;
    }
  *ret_values = g_steal_pointer (&values);
  return true;
}

/* --- what it says ---------------------------------------------------------------------------- */

static const char *
value_of (GHashTable *values, const char *section, const char *key)
{
  g_autofree char *name = g_strdup_printf ("%s.%s", section, key);
  const char *value = g_hash_table_lookup (values, name);
  return value != NULL && *value != '\0' ? value : NULL;
}

static const char *
value_of_engine (GHashTable *values, const char *key)
{
  const char *value = value_of (values, "engine.pg", key);
  return value != NULL ? value : value_of (values, "core.pg", key);
}

static const char *
setting (GHashTable *values, const char *key)
{
  const char *target = value_of (values, "core", "target");
  if (target == NULL)
    target = value_of_engine (values, "target");
  g_autofree char *section = g_strdup_printf ("target.%s", target != NULL ? target : "");
  const char *value = target != NULL ? value_of (values, section, key) : NULL;
  if (value == NULL)
    value = value_of_engine (values, key);
  return value != NULL ? value : value_of (values, "core", key);
}

/* A project may have several engines: then PostgreSQL's is meant. */
static bool
check_engine (GHashTable *values, const char *shown, GError **error)
{
  const char *engine = value_of (values, "core", "engine");
  if (engine == NULL || strcmp (engine, "pg") == 0 || strcmp (engine, "cockroach") == 0)
    return true;
  GHashTableIter each;
  void *name;
  g_hash_table_iter_init (&each, values);
  while (g_hash_table_iter_next (&each, &name, NULL))
    if (g_str_has_prefix (name, "engine.pg."))
      return true;
  return keel_error (error, KEEL_ERROR_CONFIG, "pgkeel is for PostgreSQL only.",
                     "%s: the engine is %s", shown, engine);
}

/* The settings of sqitch.conf in FOLDER; NULL when there is none. */
static bool
read_conf (const char *root, const char *folder, GHashTable **ret_values, GError **error)
{
  g_autofree char *shown
      = strcmp (folder, ".") == 0 ? g_strdup (CONF) : g_build_filename (folder, CONF, NULL);
  g_autofree char *path = g_canonicalize_filename (shown, root);
  g_autofree char *text = NULL;
  g_autoptr (GHashTable) values = NULL;
  *ret_values = NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  if (!fs_read_text (path, CONF_MAX_BYTES, &text, NULL, error)
      || !sqitch_conf_parse (shown, text, &values, error) || !check_engine (values, shown, error))
    return false;
  *ret_values = g_steal_pointer (&values);
  return true;
}

/* --- where things are ------------------------------------------------------------------------ */

/* PATH as seen from FOLDER, both absolute and without "..". */
static char *
relative (const char *path, const char *folder)
{
  g_auto (GStrv) to = g_strsplit (path, "/", -1);
  g_auto (GStrv) from = g_strsplit (folder, "/", -1);
  g_autoptr (GString) text = g_string_new (NULL);
  guint same = 0;
  while (to[same] != NULL && g_strcmp0 (to[same], from[same]) == 0)
    same++;
  for (guint i = same; from[i] != NULL; i++)
    g_string_append (text, *from[i] != '\0' ? "../" : "");
  for (guint i = same; to[i] != NULL; i++)
    g_string_append_printf (text, "%s%s", to[i], to[i + 1] != NULL ? "/" : "");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* What is needed to tell the places: paths are absolute. */
typedef struct
{
  GHashTable *values;
  const char *folder; /* they are to be seen from here */
  char *base;         /* of sqitch.conf */
  char *top;
} Project;

static void
project_clear (Project *project)
{
  g_clear_pointer (&project->values, g_hash_table_unref);
  g_free (project->base);
  g_free (project->top);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Project, project_clear)

/* As KEY says, else NAME in UNDER (absolute); absolute, caller frees. */
static char *
path_of (const Project *project, const char *key, const char *under, const char *name)
{
  const char *said = setting (project->values, key);
  return said != NULL ? g_canonicalize_filename (said, project->base)
                      : g_canonicalize_filename (name, under);
}

static char *
place (const Project *project, const char *key, const char *under, const char *name)
{
  g_autofree char *path = path_of (project, key, under, name);
  return relative (path, project->folder);
}

static SqitchPlaces *
find_places (const Project *project)
{
  const char *extension = setting (project->values, "extension");
  g_autofree char *reworked = path_of (project, "reworked_dir", project->top, ".");
  SqitchPlaces *places = g_new0 (SqitchPlaces, 1);
  places->plan = place (project, "plan_file", project->top, "sqitch.plan");
  places->deploy = place (project, "deploy_dir", project->top, "deploy");
  places->revert = place (project, "revert_dir", project->top, "revert");
  places->verify = place (project, "verify_dir", project->top, "verify");
  places->reworked[0] = place (project, "reworked_deploy_dir", reworked, "deploy");
  places->reworked[1] = place (project, "reworked_revert_dir", reworked, "revert");
  places->reworked[2] = place (project, "reworked_verify_dir", reworked, "verify");
  places->extension = g_strdup (extension != NULL ? extension : "sql");
  return places;
}

/* Whether the settings, which are ROOT's, are for the project whose folder is FOLDER. */
static bool
is_for (GHashTable *values, const char *root, const char *folder)
{
  Project project = { .values = values, .folder = folder, .base = (char *) root };
  g_autofree char *top = path_of (&project, "top_dir", root, ".");
  g_autofree char *plan = path_of (&project, "plan_file", top, "sqitch.plan");
  g_autofree char *parent = g_path_get_dirname (plan);
  return strcmp (top, folder) == 0 || strcmp (parent, folder) == 0;
}

bool
sqitch_places_read (const char *root, const char *folder, SqitchPlaces **ret_places, GError **error)
{
  g_auto (Project) project = { 0 };
  g_autofree char *base = g_canonicalize_filename (root, NULL);
  g_autofree char *path = g_canonicalize_filename (folder, base);
  if (!read_conf (root, folder, &project.values, error))
    return false;
  project.base = g_strdup (path);
  if (project.values == NULL && strcmp (path, base) != 0)
    {
      if (!read_conf (root, ".", &project.values, error))
        return false;
      if (project.values != NULL && !is_for (project.values, base, path))
        g_clear_pointer (&project.values, g_hash_table_unref);
      if (project.values != NULL)
        {
          g_free (project.base);
          project.base = g_strdup (base);
        }
    }
  if (project.values == NULL)
    project.values = g_hash_table_new (g_str_hash, g_str_equal);
  project.folder = path;
  project.top = path_of (&project, "top_dir", project.base, ".");
  *ret_places = find_places (&project);
  return true;
}

bool
sqitch_top_dir (const char *root, char **ret_top, GError **error)
{
  g_autoptr (GHashTable) values = NULL;
  if (!read_conf (root, ".", &values, error))
    return false;
  const char *top = values != NULL ? setting (values, "top_dir") : NULL;
  *ret_top = values != NULL ? g_strdup (top != NULL ? top : ".") : NULL;
  return true;
}
