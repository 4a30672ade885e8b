#include "guard/expand.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define LABEL_PROJECT "com.docker.compose.project"
#define LABEL_SERVICE "com.docker.compose.service"

typedef struct
{
  const GuardExpansion *how;
  const GuardCommand *command;
  GPtrArray *operations; /* of GuardOperation: the new list */
  json_t *containers;    /* what the Engine lists; NULL: not asked for yet */
} Expanding;

bool
guard_api_prunes_named (const char *text)
{
  int major, minor;
  if (text == NULL || sscanf (text, "%d.%d", &major, &minor) != 2)
    return true;
  return major < 1 || (major == 1 && minor < 42);
}

bool
guard_expand_wants_api (const GuardCommand *command)
{
  for (guint i = 0; i < command->operations->len; i++)
    {
      const GuardOperation *operation = command->operations->pdata[i];
      if (operation->act == GUARD_VOLUME_PRUNE && !operation->takes_named)
        return true;
    }
  return false;
}

static GuardOperation *
add (Expanding *expanding, GuardAct act, const char *name, const char *given)
{
  GuardOperation *operation = g_new0 (GuardOperation, 1);
  operation->act = act;
  operation->name = g_strdup (name);
  operation->given = g_strdup (given);
  g_ptr_array_add (expanding->operations, operation);
  return operation;
}

static bool
read_containers (Expanding *expanding, GError **error)
{
  GuardEngine *engine = expanding->how->engine;
  if (expanding->containers != NULL)
    return true;
  if (!engine->get (engine, "/containers/json?all=1", &expanding->containers, error))
    return false;
  if (json_is_array (expanding->containers))
    return true;
  return keel_error (error, KEEL_ERROR_FAILED, NULL, "the Docker Engine's answer has no list");
}

static const char *
label_of (const json_t *container, const char *name)
{
  return json_string_value (json_object_get (json_object_get (container, "Labels"), name));
}

/* SERVICES: one of these; empty: any. */
static bool
is_of_project (const ComposeProject *project, const json_t *container, const char *const *services)
{
  const char *name = label_of (container, LABEL_PROJECT);
  const char *service = label_of (container, LABEL_SERVICE);
  if (name == NULL || !g_ptr_array_find_with_equal_func (project->names, name, g_str_equal, NULL))
    return false;
  return *services == NULL || (service != NULL && g_strv_contains (services, service));
}

typedef void (*WithContainer) (Expanding *expanding, const char *id, void *data);

static bool
for_each_container (Expanding *expanding, const char *const *services, WithContainer with,
                    void *data, GError **error)
{
  size_t i;
  json_t *container;
  if (!read_containers (expanding, error))
    return false;
  json_array_foreach (expanding->containers, i, container)
    {
      const char *id = json_string_value (json_object_get (container, "Id"));
      if (id != NULL && is_of_project (expanding->how->project, container, services))
        with (expanding, id, data);
    }
  return true;
}

/* --- down -v ------------------------------------------------------------------------------------ */

/* Compose removes what the files declare by its name alone, whoever made it. */
static void
expand_down (Expanding *expanding, const GuardOperation *down)
{
  const ComposeProject *project = expanding->how->project;
  for (guint i = 0; i < project->names->len; i++)
    {
      const char *name = project->names->pdata[i];
      GuardOperation *one = add (expanding, GUARD_COMPOSE_DOWN, NULL, down->given);
      one->removes_volumes = down->removes_volumes;
      one->project = g_strdup (name);
      for (guint j = 0; j < project->volumes->len; j++)
        {
          const ComposeVolume *volume = project->volumes->pdata[j];
          g_autofree char *volume_name = compose_project_volume_name (volume, name);
          if (!volume->is_external)
            add (expanding, GUARD_VOLUME_REMOVE, volume_name, down->given);
        }
    }
}

/* --- up -y -------------------------------------------------------------------------------------- */

/* Compose makes a volume anew when the file says something else of it than when it was made. */
static void
expand_recreation (Expanding *expanding)
{
  const ComposeProject *project = expanding->how->project;
  for (guint i = 0; i < project->names->len; i++)
    for (guint j = 0; j < project->volumes->len; j++)
      {
        const ComposeVolume *volume = project->volumes->pdata[j];
        g_autofree char *name = compose_project_volume_name (volume, project->names->pdata[i]);
        if (!volume->is_external)
          add (expanding, GUARD_VOLUME_REMOVE, name, expanding->command->given)->verb = "recreate";
      }
}

/* --- rm -v, up -V ------------------------------------------------------------------------------- */

static void
remove_container (Expanding *expanding, const char *id, void *given)
{
  bool is_renewal = expanding->command->containers == GUARD_COMPOSE_RENEW_VOLUMES;
  GuardAct act = is_renewal ? GUARD_CONTAINER_RENEW : GUARD_CONTAINER_REMOVE;
  add (expanding, act, id, given)->removes_volumes = true;
}

/* --- run, exec, cp of a service ----------------------------------------------------------------- */

static const char *
image_of_service (const ComposeProject *project, const char *service)
{
  for (guint i = project->documents->len; i > 0; i--)
    {
      const Node *services = node_child (project->documents->pdata[i - 1], "services");
      const Node *image = node_child (node_child (services, service), "image");
      if (image != NULL && image->kind == NODE_SCALAR)
        return image->text;
    }
  return NULL;
}

/* A bind's source that the files declare is called otherwise at the Engine. Caller owns the result. */
static json_t *
rename_binds (const ComposeProject *project, const json_t *binds)
{
  json_t *renamed = json_array ();
  size_t i;
  json_t *bind;
  json_array_foreach (binds, i, bind)
    {
      const char *text = json_string_value (bind);
      g_auto (GStrv) parts = g_strsplit (text != NULL ? text : "", ":", 2);
      json_array_append (renamed, bind);
      for (guint j = 0; j < project->volumes->len && parts[0] != NULL && parts[1] != NULL; j++)
        {
          const ComposeVolume *volume = project->volumes->pdata[j];
          if (strcmp (volume->key, parts[0]) != 0 || project->names->len == 0)
            continue;
          g_autofree char *source
              = volume->is_external && volume->name == NULL
                    ? g_strdup (volume->key)
                    : compose_project_volume_name (volume, project->names->pdata[0]);
          g_autofree char *full = g_strconcat (source, ":", parts[1], NULL);
          json_array_append_new (renamed, json_string (full));
        }
    }
  return renamed;
}

/* The container will be the service's: with compose's labels, of the service's image. */
static void
complete_run (Expanding *expanding, GuardOperation *run)
{
  const ComposeProject *project = expanding->how->project;
  json_t *labels = json_object_get (run->spec, "Labels");
  json_t *host = json_object_get (run->spec, "HostConfig");
  const char *service = json_string_value (json_object_get (run->spec, "Image"));
  if (service == NULL || *service == '\0')
    return;
  const char *written = image_of_service (project, service);
  g_autofree char *image = written != NULL ? compose_expand (project, written) : NULL;
  g_autofree char *name = g_strdup (service);
  if (project->names->len > 0)
    json_object_set_new (labels, LABEL_PROJECT, json_string (project->names->pdata[0]));
  json_object_set_new (labels, LABEL_SERVICE, json_string (name));
  json_object_set_new (host, "Binds", rename_binds (project, json_object_get (host, "Binds")));
  if (image != NULL)
    json_object_set_new (run->spec, "Image", json_string (image));
  else
    json_object_del (run->spec, "Image");
}

static void
copy_to_container (Expanding *expanding, const char *id, void *copy_pointer)
{
  const GuardOperation *copy = copy_pointer;
  add (expanding, GUARD_ARCHIVE_PUT, id, copy->given)->path = g_strdup (copy->path);
}

/* OPERATION is taken over. */
static bool
expand_compose_operation (Expanding *expanding, GuardOperation *operation, GError **error)
{
  g_autoptr (GuardOperation) owned = operation;
  if (owned->act == GUARD_COMPOSE_DOWN)
    expand_down (expanding, owned);
  else if (owned->act == GUARD_ARCHIVE_PUT)
    return for_each_container (expanding, (const char *const[]){ owned->name, NULL },
                               copy_to_container, owned, error);
  else
    {
      if (owned->act == GUARD_CONTAINER_CREATE)
        complete_run (expanding, owned);
      g_ptr_array_add (expanding->operations, g_steal_pointer (&owned));
    }
  return true;
}

/* What destroys is not let through on a project that could only be read in part. */
static bool
check_project (const Expanding *expanding, const char *given, GError **error)
{
  const GuardCommand *command = expanding->command;
  bool destroys = command->containers != GUARD_COMPOSE_NOTHING || command->answers_yes;
  for (guint i = 0; i < command->operations->len; i++)
    {
      const GuardOperation *operation = command->operations->pdata[i];
      destroys = destroys || operation->act == GUARD_COMPOSE_DOWN;
    }
  if (!destroys || expanding->how->project->problem == NULL)
    return true;
  return keel_error (error, KEEL_ERROR_REFUSED,
                     "Put the file right, or leave the volumes where they are: without -v nothing "
                     "is lost.",
                     "%s", expanding->how->project->problem);
}

static bool
expand_compose (Expanding *expanding, const char *given, GError **error)
{
  const GuardCommand *command = expanding->command;
  if (!check_project (expanding, given, error))
    return false;
  while (command->operations->len > 0)
    if (!expand_compose_operation (expanding, g_ptr_array_steal_index (command->operations, 0),
                                   error))
      return false;
  if (command->answers_yes)
    expand_recreation (expanding);
  return command->containers == GUARD_COMPOSE_NOTHING
         || for_each_container (expanding, (const char *const *) command->services,
                                remove_container, (void *) given, error);
}

bool
guard_expand (GuardCommand *command, const GuardExpansion *expansion, GError **error)
{
  Expanding expanding = {
    .how = expansion,
    .command = command,
    .operations = g_ptr_array_new_with_free_func ((GDestroyNotify) guard_operation_free),
  };
  for (guint i = 0; i < command->operations->len; i++)
    {
      GuardOperation *operation = command->operations->pdata[i];
      if (operation->act == GUARD_VOLUME_PRUNE && expansion->prune_takes_named)
        operation->takes_named = true;
    }
  bool ok = true;
  if (command->is_compose && expansion->project != NULL)
    {
      ok = expand_compose (&expanding, command->given, error);
      GPtrArray *expanded = g_steal_pointer (&expanding.operations);
      g_ptr_array_unref (command->operations);
      command->operations = expanded;
    }
  g_clear_pointer (&expanding.operations, g_ptr_array_unref);
  g_clear_pointer (&expanding.containers, json_decref);
  return ok;
}
