/*
 * Where a protected volume may be written to: by the container that it belongs to, where it belongs.
 *
 * The Engine does not remember what a volume was used for. What is known: the containers that mount it
 * now, stopped ones too; the compose project on its label; and that a PostgreSQL data directory is used by
 * PostgreSQL, at a place where PostgreSQL looks for it.
 */
#include "guard/judge.h"
#include "net/client.h"

#include <string.h>

#define LABEL_PROJECT "com.docker.compose.project"
#define LABEL_SERVICE "com.docker.compose.service"
#define LABEL_POSTGRES "pgkeel.postgres"

static const char hint_elsewhere[]
    = "Mount it read-only (:ro) to read or copy it, or work in its own container.";

/* What the containers that mount the volume say about one more. */
typedef struct
{
  unsigned int count;
  const char *name;    /* of one of them */
  const char *foreign; /* of another project than the new one's; with its project */
  const char *foreign_project;
  const char *running;  /* running, and not of the same service */
  const char *target;   /* where one mounts it */
  bool is_same_target;  /* one mounts it where the new one wants to */
  bool is_same_service; /* one is of the same service */
} Holders;

static const char *
label_of (const json_t *labels, const char *name)
{
  return json_string_value (json_object_get (labels, name));
}

static void
add_holder (Holders *holders, const json_t *container, const json_t *mount,
            const Placement *placement)
{
  const json_t *labels = json_object_get (container, "Labels");
  const char *project = label_of (labels, LABEL_PROJECT);
  const char *name = json_string_value (json_array_get (json_object_get (container, "Names"), 0));
  const char *target = json_string_value (json_object_get (mount, "Destination"));
  const char *state = json_string_value (json_object_get (container, "State"));
  bool is_same_service = placement->service != NULL && g_strcmp0 (project, placement->project) == 0
                         && g_strcmp0 (label_of (labels, LABEL_SERVICE), placement->service) == 0;
  if (name == NULL)
    name = "?";
  name += *name == '/';
  if (json_is_false (json_object_get (mount, "RW")))
    return; /* who only reads, such as a backup, says nothing about who may write */
  if (g_strcmp0 (name, placement->name) == 0)
    return;
  holders->count++;
  holders->name = name;
  holders->target = target;
  if (g_strcmp0 (project, placement->project) != 0)
    {
      holders->foreign = name;
      holders->foreign_project = project;
    }
  if (!is_same_service && g_strcmp0 (state, "running") == 0)
    holders->running = name;
  holders->is_same_service = holders->is_same_service || is_same_service;
  holders->is_same_target = holders->is_same_target || g_strcmp0 (target, placement->target) == 0;
}

static bool
read_holders (Judge *judge, const GuardVolume *volume, const Placement *placement,
              Holders *ret_holders)
{
  const json_t *containers;
  size_t i, j;
  json_t *container, *mount;
  if (!judge_containers (judge, &containers))
    return false;
  json_array_foreach (containers, i, container)
    json_array_foreach (json_object_get (container, "Mounts"), j, mount)
      if (g_strcmp0 (json_string_value (json_object_get (mount, "Name")), volume->name) == 0)
        add_holder (ret_holders, container, mount, placement);
  return true;
}

static bool G_GNUC_PRINTF (3, 4)
    refuse_place (Judge *judge, const GuardVolume *volume, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *rest = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *why = guard_volume_why (judge->policy, volume);
  return judge_refuse (judge, &(Refusal){ "mount", volume->name, hint_elsewhere, true },
                       "volume “%s” %s%s", volume->name, why, rest);
}

static const char *
value_of (const json_t *environment, const char *name)
{
  size_t i, length = strlen (name);
  json_t *pair;
  json_array_foreach (environment, i, pair)
    {
      const char *text = json_string_value (pair);
      if (text != NULL && strncmp (text, name, length) == 0 && text[length] == '=')
        return text + length + 1;
    }
  return NULL;
}

static bool
is_related (const char *a, const char *b)
{
  return a != NULL && b != NULL && *a == '/' && *b == '/' && strcmp (a, "/") != 0
         && strcmp (b, "/") != 0 && (judge_path_covers (a, b) || judge_path_covers (b, a));
}

/* Where PostgreSQL of any packaging keeps its data, or as the container or its image says. */
static bool
is_usual_target (const Placement *placement, const json_t *image)
{
  static const char *const usual[] = { "/var/lib/postgresql", "/var/lib/pgsql", "/var/lib/postgres",
                                       "/bitnami/postgresql", "/home/postgres", "/pgdata" };
  const json_t *config = json_object_get (image, "Config");
  const char *key;
  json_t *value;
  for (size_t i = 0; i < G_N_ELEMENTS (usual); i++)
    if (is_related (usual[i], placement->target))
      return true;
  if (is_related (value_of (placement->environment, "PGDATA"), placement->target)
      || is_related (value_of (json_object_get (config, "Env"), "PGDATA"), placement->target))
    return true;
  json_object_foreach (json_object_get (config, "Volumes"), key, value)
    if (is_related (key, placement->target))
      return true;
  return false;
}

static bool
is_postgres_program (const char *program)
{
  static const char *const programs[] = { "postgres", "postmaster", "pg_ctl", NULL };
  if (program == NULL)
    return false;
  g_autofree char *base = g_path_get_basename (program);
  return g_strv_contains (programs, base);
}

/* "postgres", "postgis", "pgvector", "my-pg": a word of the repository's name speaks of it. */
static bool
is_postgres_name (const char *image)
{
  g_autofree char *folded = g_ascii_strdown (image, -1);
  const char *slash = strrchr (folded, '/');
  g_auto (GStrv) words = g_strsplit_set (slash != NULL ? slash + 1 : folded, "-_.:@", -1);
  for (char **word = words; *word != NULL; word++)
    if (g_str_has_prefix (*word, "pg") || strstr (*word, "postg") != NULL
        || g_str_has_prefix (*word, "timescale") || g_str_has_prefix (*word, "citus")
        || g_str_has_prefix (*word, "spilo"))
      return true;
  return false;
}

/* Whether the image is one of PostgreSQL: told by its environment, its label, its program or its name. */
static bool
is_postgres_image (const Placement *placement, const json_t *image)
{
  const json_t *config = json_object_get (image, "Config");
  const json_t *environment = json_object_get (config, "Env");
  const json_t *entrypoint = json_object_get (config, "Entrypoint");
  const json_t *command = json_object_get (config, "Cmd");
  const json_t *words = json_array_size (entrypoint) > 0 ? entrypoint : command;
  return value_of (environment, "PGDATA") != NULL || value_of (environment, "PG_MAJOR") != NULL
         || value_of (environment, "PG_VERSION") != NULL
         || label_of (json_object_get (config, "Labels"), LABEL_POSTGRES) != NULL
         || is_postgres_program (placement->program)
         || is_postgres_program (json_string_value (json_array_get (words, 0)))
         || (placement->image != NULL && is_postgres_name (placement->image));
}

static bool
judge_image (Judge *judge, const GuardVolume *volume, const Placement *placement, bool is_new_place)
{
  GError *error = NULL;
  g_autoptr (json_t) image = NULL;
  g_autofree char *escaped = net_escape (placement->image != NULL ? placement->image : "");
  g_autofree char *path = g_strconcat ("/images/", escaped, "/json", NULL);
  if (*escaped != '\0' && !judge->engine->get (judge->engine, path, &image, &error))
    return judge_refuse_unknown (judge, error);
  if (!is_postgres_image (placement, image))
    return refuse_place (judge, volume,
                         ": “%s” is not known as an image of PostgreSQL (it sets no PGDATA) and "
                         "may only read it",
                         placement->image != NULL ? placement->image : "");
  if (is_new_place && !is_usual_target (placement, image))
    return refuse_place (judge, volume, ": %s is not where PostgreSQL of this image looks for it",
                         placement->target);
  return true;
}

bool
judge_placement (Judge *judge, const GuardVolume *volume, const Placement *placement)
{
  Holders holders = { 0 };
  bool is_database = volume->postgres != NULL || !volume->is_readable;
  if (!read_holders (judge, volume, placement, &holders))
    return false;
  if (volume->project != NULL && g_strcmp0 (volume->project, placement->project) != 0)
    return refuse_place (judge, volume, " and is of the compose project “%s”", volume->project);
  if (holders.foreign != NULL)
    return refuse_place (judge, volume, " and is mounted by container “%s” outside of this project",
                         holders.foreign);
  if (is_database && holders.running != NULL)
    return refuse_place (judge, volume, " and is in use by the running container “%s”",
                         holders.running);
  /* Files that are no database may be shared within a project. */
  bool is_shared = !is_database && placement->project != NULL;
  if (holders.count > 0 && !holders.is_same_target && !is_shared)
    return refuse_place (judge, volume, " and belongs at %s", holders.target);
  if (volume->postgres == NULL || holders.is_same_service)
    return true;
  return judge_image (judge, volume, placement, holders.count == 0);
}

/* It was made when nobody minded, or when the volume held no database. Less is asked of it than of a new one:
 * what worked yesterday is to start today, unless it is nothing that belongs to a database. */
bool
judge_start_placement (Judge *judge, const GuardVolume *volume, const Placement *placement)
{
  Holders holders = { 0 };
  bool is_own = volume->project != NULL && g_strcmp0 (volume->project, placement->project) == 0;
  if (volume->postgres == NULL)
    return true;
  if (!read_holders (judge, volume, placement, &holders))
    return false;
  if (holders.running != NULL)
    return refuse_place (judge, volume, " and is in use by the running container “%s”",
                         holders.running);
  return is_own || judge_image (judge, volume, placement, false);
}
