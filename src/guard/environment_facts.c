#include "guard/environment_facts.h"

#include "base/fs.h"
#include "db/conn.h"
#include "guard/database_arguments.h"
#include "guard/database_variables.h"
#include "project/dotenv.h"
#include "project/environment.h"
#include "project/leave.h"
#include "project/target.h"
#include "project/variables.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define ENV_FILE_MAX_BYTES (256 * 1024)

/* Where variables come from: the process's environment, or a file. */
typedef struct
{
  const char *name;   /* ".env"; NULL: the process */
  char **environment; /* "NAME=VALUE" */
  int64_t modified;
  GPtrArray *variables; /* of DatabaseVariable */
} Source;

typedef struct
{
  const Project *project;
  EnvLockGathered *gathered;
  char *const *environment;
  char *const *argv;  /* NULL: no command */
  GPtrArray *sources; /* of Source, the process's environment first */
  char *target_url;   /* NULL: there is none, and the fact says why */
} Gathering;

static void
source_free (Source *source)
{
  g_strfreev (source->environment);
  g_clear_pointer (&source->variables, g_ptr_array_unref);
  g_free (source);
}

static void
gathering_clear (Gathering *gathering)
{
  g_clear_pointer (&gathering->sources, g_ptr_array_unref);
  g_clear_pointer (&gathering->target_url, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Gathering, gathering_clear)

void
env_lock_gathered_clear (EnvLockGathered *gathered)
{
  g_clear_pointer (&gathered->variables, g_array_unref);
  g_clear_pointer (&gathered->modes, g_array_unref);
  g_clear_pointer (&gathered->texts, g_ptr_array_unref);
  g_clear_pointer (&gathered->ask, env_lock_ask_free);
}

/* TEXT, which from now on belongs to the facts. */
static const char *
keep (const Gathering *gathering, char *text)
{
  if (text != NULL)
    g_ptr_array_add (gathering->gathered->texts, text);
  return text;
}

static const char *
value_in (const Source *source, const char *name)
{
  const char *value = g_environ_getenv (source->environment, name);
  return value != NULL && *value != '\0' ? value : NULL;
}

/* --- sources -------------------------------------------------------------------------------------- */

/* The lines of a file; what cannot be expanded stays as it is written, and will be no URL. */
static char **
expand_entries (const GPtrArray *entries, const Variables *variables, const char *file)
{
  char **environment = g_new0 (char *, 1);
  for (guint i = 0; i < entries->len; i++)
    {
      const DotenvEntry *entry = entries->pdata[i];
      g_autofree char *value = NULL;
      const Place place = { .file = file, .line = entry->line, .column = entry->column };
      if (entry->is_literal || !variables_expand (variables, entry->text, &place, &value, NULL))
        value = g_strdup (entry->text);
      environment = g_environ_setenv (environment, entry->name, value, TRUE);
    }
  return environment;
}

/* A file that is not there is none; one that cannot be read, or is no .env file, is a fact of its own. */
static void
add_file (Gathering *gathering, const char *folder, const char *base, const char *shown)
{
  g_autofree char *path = g_build_filename (folder, base, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (Variables) variables = variables_new ();
  struct stat status;
  size_t length;
  bool is_there = stat (path, &status) == 0;
  /* Virtual environments of Python are called .env, too. A pipe that a secret store feeds cannot be read twice. */
  if (is_there ? S_ISDIR (status.st_mode) : errno == ENOENT || errno == ENOTDIR)
    return;
  if (!is_there || !S_ISREG (status.st_mode)
      || !fs_read_text (path, ENV_FILE_MAX_BYTES, &text, &length, NULL)
      || !dotenv_parse (base, text, length, &entries, NULL)
      || !variables_add_text (variables, base, text, length, NULL))
    {
      gathering->gathered->facts.unread_file = keep (gathering, g_strdup (shown));
      return;
    }
  Source *source = g_new0 (Source, 1);
  source->name = keep (gathering, g_strdup (shown));
  source->environment = expand_entries (entries, variables, base);
  source->modified = status.st_mtime;
  source->variables
      = database_variables_find (gathering->project, (const char *const *) source->environment);
  g_ptr_array_add (gathering->sources, source);
  if ((status.st_mode & S_IWOTH) != 0)
    gathering->gathered->facts.writable_file = source->name;
}

/* ".env.production", and ".env.prod" before it. */
static void
add_files_of (Gathering *gathering, const char *folder, const char *prefix, const char *environment)
{
  static const char *const aliases[] = { "dev", "test", "prod" };
  for (size_t i = 0; i < G_N_ELEMENTS (aliases); i++)
    {
      g_autofree char *canonical = environment_canonical (aliases[i]);
      g_autofree char *base = g_strdup_printf (".env.%s", aliases[i]);
      g_autofree char *shown = g_strconcat (prefix, base, NULL);
      if (strcmp (canonical, environment) == 0)
        add_file (gathering, folder, base, shown);
    }
  g_autofree char *base = g_strdup_printf (".env.%s", environment);
  g_autofree char *shown = g_strconcat (prefix, base, NULL);
  add_file (gathering, folder, base, shown);
}

static void
add_folder (Gathering *gathering, const char *folder, const char *prefix)
{
  static const char *const modes[] = { "NODE_ENV", "RAILS_ENV", "APP_ENV" };
  const char *chosen = gathering->project->environment->name;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  static const char *const always[] = { ".env", ".env.local", "prisma/.env" };
  for (size_t i = 0; i < G_N_ELEMENTS (always); i++)
    {
      g_autofree char *shown = g_strconcat (prefix, always[i], NULL);
      add_file (gathering, folder, always[i], shown);
    }
  add_files_of (gathering, folder, prefix, chosen);
  g_hash_table_add (seen, g_strdup (chosen));
  for (size_t i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      const char *value = value_in (gathering->sources->pdata[0], modes[i]);
      g_autofree char *mode = environment_canonical (value != NULL ? value : "");
      if (environment_name_is_valid (mode) && g_hash_table_add (seen, g_strdup (mode)))
        add_files_of (gathering, folder, prefix, mode);
    }
}

static void
find_sources (Gathering *gathering)
{
  Source *process = g_new0 (Source, 1);
  process->environment
      = gathering->argv != NULL
            ? database_arguments_environment (gathering->environment, gathering->argv)
            : g_strdupv ((char **) gathering->environment);
  process->variables
      = database_variables_find (gathering->project, (const char *const *) process->environment);
  g_ptr_array_add (gathering->sources, process);
  if (gathering->argv != NULL)
    {
      Source *command = g_new0 (Source, 1);
      command->name = keep (gathering, g_strdup ("the command"));
      command->environment = g_new0 (char *, 1);
      command->variables = database_arguments_find (gathering->argv);
      g_ptr_array_add (gathering->sources, command);
    }
  const char *root = gathering->project->folder;
  add_folder (gathering, root, "");
  g_autofree char *current = g_get_current_dir ();
  if (strcmp (current, root) == 0)
    return;
  const char *below = g_str_has_prefix (current, root) && current[strlen (root)] == '/'
                          ? current + strlen (root) + 1
                          : current;
  g_autofree char *prefix = g_strdup_printf ("%s/", below);
  add_folder (gathering, current, prefix);
}

/* --- the environment's database ------------------------------------------------------------------ */

/* Whoever gave leave has set DATABASE_URL: the environment's database, or a copy of it for a rehearsal. */
static char *
url_of_leave (const Gathering *gathering)
{
  EnvLockFacts *facts = &gathering->gathered->facts;
  const char *value = value_in (gathering->sources->pdata[0], "DATABASE_URL");
  pid_t giver;
  if (!leave_holds (facts->environment, value, &giver))
    return NULL;
  facts->leave = keep (gathering, g_strdup_printf ("pgkeel, process %d", (int) giver));
  facts->leave_has_target = value != NULL;
  return g_strdup (value);
}

static void
find_target (Gathering *gathering)
{
  g_autoptr (GError) problem = NULL;
  EnvLockDatabase *target = &gathering->gathered->facts.target;
  gathering->target_url = url_of_leave (gathering);
  if (gathering->target_url == NULL)
    gathering->target_url = target_url (gathering->project, &problem);
  if (gathering->target_url != NULL)
    {
      env_lock_ask_add (gathering->gathered->ask, gathering->target_url);
      return;
    }
  target->state = keel_error_is (problem, KEEL_ERROR_UNREACHABLE) ? ENV_LOCK_DATABASE_UNREACHABLE
                                                                  : ENV_LOCK_DATABASE_NO_URL;
  target->shown = gathering->project->environment->is_local ? "the local cluster" : NULL;
  target->problem = keep (gathering, g_strdup (problem->message));
}

/* Whether a variable of the environment's URL is unset, so that its default was taken. A port's says little. */
static bool
takes_default (const Gathering *gathering)
{
  const char *at = gathering->project->environment->url_text;
  while (at != NULL && (at = strstr (at, "${")) != NULL)
    {
      at += strlen ("${");
      size_t length = strcspn (at, ":}");
      g_autofree char *name = g_strndup (at, length);
      const char *after = at + length;
      bool is_set
          = !g_str_has_prefix (after, ":-") || after[2 + strspn (after + 2, G_CSET_DIGITS)] == '}';
      for (guint i = 0; i < gathering->sources->len && !is_set; i++)
        is_set = value_in (gathering->sources->pdata[i], name) != NULL;
      if (!is_set)
        return true;
    }
  return false;
}

/* --- variables ------------------------------------------------------------------------------------ */

static const DatabaseVariable *
variable_called (const Source *source, const char *key)
{
  for (guint i = 0; i < source->variables->len; i++)
    {
      const DatabaseVariable *variable = source->variables->pdata[i];
      if (strcmp (variable->key, key) == 0)
        return variable;
    }
  return NULL;
}

static void
add_variables_of (Gathering *gathering, const Source *source)
{
  const Source *process = gathering->sources->pdata[0];
  for (guint i = 0; i < source->variables->len; i++)
    {
      const DatabaseVariable *variable = source->variables->pdata[i];
      EnvLockVariable fact
          = { .name = keep (gathering, g_strdup (variable->name)),
              .source = source->name,
              .is_shadowed = source != process && variable_called (process, variable->key) != NULL,
              .role = variable->role,
              .meant_for = keep (gathering, g_strdup (variable->meant_for)) };
      const char *shown = keep (gathering, g_strdup (variable->shown));
      fact.database = variable->url != NULL
                          ? env_lock_ask_answer (gathering->gathered->ask, variable->url)
                          : (EnvLockDatabase){ .state = variable->state, .shown = shown };
      g_array_append_val (gathering->gathered->variables, fact);
    }
}

/* URL_TEXT of pgkeel.yaml with the variables that ENVIRONMENT's files and ours give it; NULL: one is missing. */
static char *
expand_url (const Project *project, const ProjectEnvironment *environment)
{
  g_autoptr (Variables) variables = variables_new ();
  g_autofree char *base = g_strdup_printf (".env.%s", environment->name);
  const Place place = { .file = PROJECT_FILE, .line = 1, .column = 1 };
  char *url = NULL;
  bool found;
  if (environment->url_text == NULL
      || !variables_read_file (variables, project->folder, ".env", &found, NULL)
      || !variables_read_file (variables, project->folder, base, &found, NULL)
      || !variables_expand (variables, environment->url_text, &place, &url, NULL))
    return NULL;
  char *plain = environment_plain_url (url);
  g_free (url);
  return plain;
}

static char *
where_to (const char *url)
{
  g_autofree char *database = NULL;
  g_autofree char *host = NULL;
  if (url == NULL || !db_url_parts (url, &database, NULL, &host, NULL))
    return NULL;
  return g_strdup_printf ("%s/%s", host, database);
}

/* By their words: production is not to be connected to from here only to be told apart. */
static void
find_shared_url (const Gathering *gathering)
{
  const Project *project = gathering->project;
  g_autofree char *mine = where_to (gathering->target_url);
  for (guint i = 0; mine != NULL && i < project->environments->len; i++)
    {
      const ProjectEnvironment *other = project->environments->pdata[i];
      bool is_guarded = other->is_protected || strcmp (other->name, "production") == 0;
      if (other == project->environment || !is_guarded)
        continue;
      g_autofree char *url = expand_url (project, other);
      g_autofree char *place = where_to (url);
      if (g_strcmp0 (place, mine) == 0)
        gathering->gathered->facts.shares_url = other->name;
    }
}

static bool
ask_all (Gathering *gathering, GError **error)
{
  EnvLockGathered *gathered = gathering->gathered;
  for (guint i = 0; i < gathering->sources->len; i++)
    {
      const Source *source = gathering->sources->pdata[i];
      for (guint j = 0; j < source->variables->len; j++)
        {
          const DatabaseVariable *variable = source->variables->pdata[j];
          if (variable->url != NULL)
            env_lock_ask_add (gathered->ask, variable->url);
        }
    }
  if (!env_lock_ask_run (gathered->ask, error))
    return false;
  if (gathering->target_url != NULL)
    gathered->facts.target = env_lock_ask_answer (gathered->ask, gathering->target_url);
  for (guint i = 0; i < gathering->sources->len; i++)
    add_variables_of (gathering, gathering->sources->pdata[i]);
  return true;
}

/* A file that is older than one that says something else of the same database. */
static void
find_stale_file (const Gathering *gathering)
{
  EnvLockFacts *facts = &gathering->gathered->facts;
  for (guint i = 1; i < gathering->sources->len; i++)
    for (guint j = 1; j < gathering->sources->len; j++)
      {
        const Source *old = gathering->sources->pdata[i], *fresh = gathering->sources->pdata[j];
        for (guint k = 0; old->modified < fresh->modified && k < old->variables->len; k++)
          {
            const DatabaseVariable *mine = old->variables->pdata[k];
            const DatabaseVariable *other = variable_called (fresh, mine->key);
            if (mine->role != ENV_LOCK_ROLE_MAIN || other == NULL
                || g_strcmp0 (mine->url, other->url) == 0)
              continue;
            facts->stale_file = old->name;
            facts->fresh_file = fresh->name;
          }
      }
}

/* --- what says which environment this is ------------------------------------------------------------ */

/* Of a value like "prod", or of the words in one like "config.settings.production". */
static const char *
environment_said (const Gathering *gathering, const char *value, bool is_path)
{
  static const char *const known[] = { "development", "testing", "staging", "production" };
  if (is_path)
    return environment_of_words (value);
  g_autofree char *canonical = environment_canonical (value);
  for (size_t i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (known[i], canonical) == 0)
      return known[i];
  const ProjectEnvironment *environment = project_find_environment (gathering->project, value);
  return environment != NULL ? environment->name : NULL;
}

/* The process's environment goes before .env; .env.<environment> does not count, as it was chosen already. */
static void
find_modes (const Gathering *gathering)
{
  static const struct
  {
    const char *name;
    bool is_lock, is_lax, is_path;
  } names[] = {
    { "LEDGER_ENV", true, false, false },
    { "PGKEEL_ENV", true, false, false },
    { "NODE_ENV", false, true, false },
    { "DJANGO_ENV", false, false, false },
    { "RAILS_ENV", false, false, false },
    { "RACK_ENV", false, false, false },
    { "APP_ENV", false, false, false },
    { "FLASK_ENV", false, false, false },
    { "MIX_ENV", false, false, false },
    { "DJANGO_SETTINGS_MODULE", false, false, true },
    { "SPRING_PROFILES_ACTIVE", false, false, true },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    for (guint j = 0; j < gathering->sources->len; j++)
      {
        const Source *source = gathering->sources->pdata[j];
        const char *value = value_in (source, names[i].name);
        bool is_for_all = source->name == NULL || g_str_has_suffix (source->name, ".env")
                          || g_str_has_suffix (source->name, ".env.local");
        if (value == NULL || !is_for_all)
          continue;
        const char *kept = keep (gathering, g_strdup (value));
        EnvLockMode mode = { .name = names[i].name,
                             .value = kept,
                             .source = source->name,
                             .says = environment_said (gathering, kept, names[i].is_path),
                             .is_lock = names[i].is_lock,
                             .is_lax = names[i].is_lax };
        g_array_append_val (gathering->gathered->modes, mode);
        break;
      }
}

static EnvLockChosen
how_chosen (const char *reason)
{
  if (strcmp (reason, "--env") == 0)
    return ENV_LOCK_CHOSEN_ASKED;
  if (strcmp (reason, "default") == 0)
    return ENV_LOCK_CHOSEN_DEFAULT;
  if (g_str_has_prefix (reason, "DATABASE_URL"))
    return ENV_LOCK_CHOSEN_URL;
  return strchr (reason, '(') != NULL ? ENV_LOCK_CHOSEN_FILE : ENV_LOCK_CHOSEN_VARIABLE;
}

static bool
is_ci (const Gathering *gathering)
{
  const char *value = value_in (gathering->sources->pdata[0], "CI");
  return value != NULL && strcmp (value, "0") != 0 && g_ascii_strcasecmp (value, "false") != 0;
}

static void
begin_facts (const Gathering *gathering)
{
  const Project *project = gathering->project;
  EnvLockFacts *facts = &gathering->gathered->facts;
  facts->project = project->name;
  facts->environment = project->environment->name;
  /* Production by its name, whatever pgkeel.yaml says of its protection. */
  facts->is_protected = project->environment->is_protected
                        || strcmp (project->environment->name, "production") == 0;
  facts->chosen = how_chosen (project->environment_reason);
  facts->chosen_reason = project->environment_reason;
  facts->is_ci = is_ci (gathering);
  facts->sudo_user
      = keep (gathering, g_strdup (value_in (gathering->sources->pdata[0], "SUDO_USER")));
}

bool
env_lock_gather (const Project *project, char *const *environment, char *const *argv,
                 EnvLockGathered *ret_gathered, GError **error)
{
  g_auto (EnvLockGathered) gathered
      = { .variables = g_array_new (FALSE, TRUE, sizeof (EnvLockVariable)),
          .modes = g_array_new (FALSE, TRUE, sizeof (EnvLockMode)),
          .texts = g_ptr_array_new_with_free_func (g_free),
          .ask = env_lock_ask_new (project) };
  g_auto (Gathering) gathering
      = { .project = project,
          .gathered = &gathered,
          .environment = environment,
          .argv = argv,
          .sources = g_ptr_array_new_with_free_func ((GDestroyNotify) source_free) };
  EnvLockFacts *facts = &gathered.facts;
  find_sources (&gathering);
  begin_facts (&gathering);
  find_modes (&gathering);
  find_target (&gathering);
  if (facts->leave == NULL)
    find_shared_url (&gathering);
  facts->target_is_default = !facts->leave_has_target && takes_default (&gathering);
  if (!ask_all (&gathering, error))
    return false;
  find_stale_file (&gathering);
  facts->variables = (const EnvLockVariable *) gathered.variables->data;
  facts->variable_count = gathered.variables->len;
  facts->modes = (const EnvLockMode *) gathered.modes->data;
  facts->mode_count = gathered.modes->len;
  *ret_gathered = gathered;
  gathered = (EnvLockGathered){ 0 };
  return true;
}
