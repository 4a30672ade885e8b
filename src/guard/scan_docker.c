/*
 * What docker and docker compose are told to do, as far as it destroys data. The command line is read by
 * arguments.h, so that what the guard refuses and what is reported here are one thing.
 */
#include "guard/arguments.h"
#include "guard/scan_internal.h"

#include <string.h>

static bool
is_dynamic (const char *text)
{
  return strchr (text, '$') != NULL;
}

/* What NAME of a volume, a container or a service is worth a word for. */
static bool
may_be_database (const ScanCall *call, const char *name)
{
  return is_dynamic (name) || g_hash_table_contains (call->run->volumes, name)
         || scan_is_database_name (name);
}

/* The word that is TEXT; else the first. */
static const ShellWord *
find_word (ScanWords words, const char *text)
{
  for (guint i = 1; text != NULL && i < words.count; i++)
    if (strcmp (words.words[i]->text, text) == 0)
      return words.words[i];
  return words.words[0];
}

/* The option that is LETTER or NAME, for the place: it was given. */
static const ShellWord *
find_option (ScanWords words, char letter, const char *name)
{
  for (guint i = 1; i < words.count; i++)
    {
      const char *text = words.words[i]->text;
      bool is_short = text[0] == '-' && text[1] != '-' && strchr (text, letter) != NULL;
      if (is_short || g_str_has_prefix (text, name))
        return words.words[i];
    }
  return words.words[0];
}

/* --- volumes ---------------------------------------------------------------------------------- */

static void
check_volume_remove (const ScanCall *call, ScanWords words, const GuardOperation *operation)
{
  bool is_database = may_be_database (call, operation->name);
  scan_call_report (call, "volume-remove", is_database ? SCAN_ERROR : SCAN_NOTE,
                    find_word (words, operation->name),
                    is_dynamic (operation->name)
                        ? "a volume is removed that is not known here: “%s”"
                    : is_database ? "the database volume “%s” is removed"
                                  : "the volume “%s” is removed",
                    operation->name);
}

static void
check_volume_prune (const ScanCall *call, ScanWords words, const GuardOperation *operation)
{
  bool is_filtered = json_object_get (operation->filters, "label") != NULL;
  scan_call_report (call, "volume-prune", is_filtered ? SCAN_NOTE : SCAN_ERROR,
                    find_word (words, "prune"),
                    is_filtered ? "volumes with a label that are not in use are deleted"
                                : "volumes that are not in use are deleted");
}

static bool
has_label (const json_t *labels, const char *label)
{
  g_auto (GStrv) parts = g_strsplit (label, "=", 2);
  const char *name;
  json_t *value;
  json_object_foreach ((json_t *) labels, name, value)
    {
      const char *text = json_string_value (value);
      if (is_dynamic (name)
          || (strcmp (name, parts[0]) == 0
              && (parts[1] == NULL || is_dynamic (text) || strcmp (text, parts[1]) == 0)))
        return true;
    }
  return false;
}

/* A volume that a script makes is as good as one that compose declares. */
static void
check_volume_create (const ScanCall *call, ScanWords words, const GuardOperation *operation)
{
  const char *label = call->run->settings->label, *name = operation->name;
  if (name == NULL || is_dynamic (name) || !may_be_database (call, name)
      || has_label (json_object_get (operation->spec, "Labels"), label))
    return;
  scan_call_report (call, "db-volume-unprotected", SCAN_ERROR, find_word (words, name),
                    "the database volume “%s” is created without the label %s", name, label);
}

/* --- containers ------------------------------------------------------------------------------- */

static void
check_container_remove (const ScanCall *call, ScanWords words, const GuardOperation *operation)
{
  if (!operation->removes_volumes)
    return;
  scan_call_report (call, "container-remove-volumes",
                    may_be_database (call, operation->name) ? SCAN_WARNING : SCAN_NOTE,
                    find_option (words, 'v', "--volumes"),
                    "the container “%s” is removed with its volumes", operation->name);
}

/* The words behind FIRST of what runs in a container, as the command that they are. */
static void
check_inner (const ScanCall *call, ScanWords words, const json_t *command, bool is_on_volume)
{
  ScanCall inner = *call;
  guint count = (guint) json_array_size (command);
  inner.is_on_volume = is_on_volume;
  if (count > 0 && count < words.count)
    scan_words (&inner, scan_words_from (words, words.count - count));
}

/* "SOURCE:TARGET" and {Source, Target}. */
static bool
mounts_database (const ScanCall *call, const json_t *host)
{
  size_t i;
  json_t *value;
  json_array_foreach (json_object_get (host, "Binds"), i, value)
    {
      g_auto (GStrv) parts = g_strsplit (json_string_value (value), ":", 3);
      if (may_be_database (call, parts[0]) || scan_is_data_path (call->run, parts[0]))
        return true;
    }
  json_array_foreach (json_object_get (host, "Mounts"), i, value)
    {
      const char *source = json_string_value (json_object_get (value, "Source"));
      if (source != NULL
          && (may_be_database (call, source) || scan_is_data_path (call->run, source)))
        return true;
    }
  return false;
}

/* --- compose ---------------------------------------------------------------------------------- */

/* COMPOSE_PROJECT_NAME=x in front of the command, or -p x. */
static const char *
project_of (const ScanCall *call, const GuardCommand *command)
{
  if (command->project_name != NULL)
    return command->project_name;
  for (guint i = 0; i < call->command->assignments->len; i++)
    {
      const ShellWord *word = call->command->assignments->pdata[i];
      if (g_str_has_prefix (word->text, "COMPOSE_PROJECT_NAME="))
        return strchr (word->text, '=') + 1;
    }
  return NULL;
}

/* Taking down a project that is thrown away anyway is what -v is for. A file for tests has volumes of its
 * own, but the project is the folder's all the same. */
static void
check_down (const ScanCall *call, ScanWords words, const GuardCommand *command)
{
  const char *project = project_of (call, command);
  bool is_test = command->files[0] != NULL;
  for (char **file = command->files; *file != NULL; file++)
    is_test = is_test && scan_is_throwaway (*file);
  if (project != NULL && !is_dynamic (project) && scan_is_throwaway (project))
    return;
  const ShellWord *option = find_option (words, 'v', "--vol");
  scan_call_report (call, "down-volumes", is_test ? SCAN_NOTE : SCAN_ERROR, option,
                    is_test
                        ? "“%s” takes the volumes along; give the tests a project of their own, "
                          "with -p"
                        : "“%s” takes the project's volumes along",
                    option->text);
}

static void
check_services (const ScanCall *call, ScanWords words, const GuardCommand *command)
{
  bool is_renewal = command->containers == GUARD_COMPOSE_RENEW_VOLUMES;
  bool has_database = command->services[0] == NULL;
  if (command->containers == GUARD_COMPOSE_NOTHING)
    return;
  for (char **service = command->services; *service != NULL; service++)
    has_database = has_database || may_be_database (call, *service);
  scan_call_report (call, "container-remove-volumes", has_database ? SCAN_WARNING : SCAN_NOTE,
                    is_renewal ? find_option (words, 'V', "--renew")
                               : find_option (words, 'v', "--vol"),
                    is_renewal ? "the services start with new anonymous volumes"
                               : "the services' containers are removed with their volumes");
}

/* --- one command line ------------------------------------------------------------------------- */

static void
check_operation (const ScanCall *call, ScanWords words, const GuardCommand *command,
                 const GuardOperation *operation)
{
  const json_t *inner = json_object_get (operation->spec, "Cmd");
  switch (operation->act)
    {
    case GUARD_VOLUME_REMOVE: check_volume_remove (call, words, operation); break;
    case GUARD_VOLUME_PRUNE: check_volume_prune (call, words, operation); break;
    case GUARD_VOLUME_CREATE: check_volume_create (call, words, operation); break;
    case GUARD_CONTAINER_REMOVE: check_container_remove (call, words, operation); break;
    case GUARD_CONTAINER_EXEC: check_inner (call, words, inner, false); break;
    case GUARD_CONTAINER_CREATE:
      check_inner (call, words, inner,
                   mounts_database (call, json_object_get (operation->spec, "HostConfig")));
      break;
    case GUARD_COMPOSE_DOWN: check_down (call, words, command); break;
    default: break; /* acts that take no data away */
    }
}

static void
check_line (const ScanCall *call, ScanWords words, GuardProgram program)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_auto (GuardCommand) command = { 0 };
  for (guint i = 1; i < words.count; i++)
    g_ptr_array_add (argv, words.words[i]->text);
  g_ptr_array_add (argv, NULL);
  guard_arguments_read (program, (char *const *) argv->pdata, scan_tree_root (call->run->tree),
                        &command);
  if (command.is_reading)
    return;
  for (guint i = 0; i < command.operations->len; i++)
    check_operation (call, words, &command, command.operations->pdata[i]);
  check_services (call, words, &command);
  /* "... | xargs docker volume rm" */
  if (strcmp (command.command, "volume rm") == 0 && command.operations->len == 0)
    scan_call_report (call, "volume-remove", SCAN_ERROR, words.words[0],
                      "volumes are removed whose names are not known here");
}

void
scan_docker (const ScanCall *call, ScanWords words)
{
  check_line (call, words, GUARD_PROGRAM_DOCKER);
}

void
scan_docker_compose (const ScanCall *call, ScanWords words)
{
  check_line (call, words, GUARD_PROGRAM_COMPOSE);
}
