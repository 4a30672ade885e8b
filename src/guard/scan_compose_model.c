/* What is said in a compose file, whichever of its forms it is said in. */
#include "guard/scan_internal.h"

#include <string.h>

/* --- texts ------------------------------------------------------------------------------------ */

/* The end of "${...}" that begins at TEXT; NULL: it has none. */
static const char *
closing_brace (const char *text)
{
  int depth = 0;
  for (const char *at = text + 1; *at != '\0'; at++)
    {
      depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
      if (depth == 0)
        return at;
    }
  return NULL;
}

static void
add_variable (GString *out, const char *text, const char *end)
{
  g_autofree char *inner = g_strndup (text + 2, (gsize) (end - text) - 2);
  size_t name = strspn (inner, G_CSET_A_2_Z G_CSET_a_2_z "0123456789_");
  const char *rest = inner + name;
  if (g_str_has_prefix (rest, ":-"))
    g_string_append (out, rest + 2);
  else if (*rest == '-')
    g_string_append (out, rest + 1);
  else
    g_string_append_len (out, text, end - text + 1);
}

char *
compose_text (const char *value)
{
  if (value == NULL)
    return NULL;
  GString *out = g_string_new (NULL);
  while (*value != '\0')
    {
      const char *end = value[0] == '$' && value[1] == '{' ? closing_brace (value) : NULL;
      if (value[0] == '$' && value[1] == '$')
        {
          g_string_append_c (out, '$');
          value += 2;
        }
      else if (end != NULL)
        {
          add_variable (out, value, end);
          value = end + 1;
        }
      else
        g_string_append_c (out, *value++);
    }
  return g_string_free (out, FALSE);
}

static char *
text_of (const Node *node)
{
  return node != NULL && node->kind == NODE_SCALAR ? compose_text (node->text) : NULL;
}

static bool
is_true (const Node *node)
{
  g_autofree char *text = text_of (node);
  return text != NULL && (strcmp (text, "true") == 0 || strcmp (text, "yes") == 0);
}

/* --- pairs ------------------------------------------------------------------------------------ */

void
compose_each_pair (const Node *parent, const char *key, ComposePairFunc each, void *data)
{
  const Node *pairs = node_child (parent, key);
  for (guint i = 0; pairs != NULL && pairs->kind != NODE_SCALAR && i < pairs->children->len; i++)
    {
      const Node *pair = pairs->children->pdata[i];
      if (pair->kind != NODE_SCALAR)
        continue;
      const char *equals = strchr (pair->text, '=');
      if (pair->key != NULL)
        each (pair->key, pair->text, pair, data);
      else
        {
          g_autofree char *name = equals != NULL
                                      ? g_strndup (pair->text, (gsize) (equals - pair->text))
                                      : g_strdup (pair->text);
          each (name, equals != NULL ? equals + 1 : "", pair, data);
        }
    }
}

typedef struct
{
  const char *name;
  char *value;
  const Node *node;
} Search;

static void
match_pair (const char *name, const char *value, const Node *node, void *data)
{
  Search *search = data;
  if (strcmp (name, search->name) != 0)
    return;
  g_free (search->value);
  search->value = g_strdup (value);
  search->node = node;
}

char *
compose_pair (const Node *parent, const char *key, const char *name, const Node **ret_node)
{
  Search search = { .name = name };
  compose_each_pair (parent, key, match_pair, &search);
  if (ret_node != NULL)
    *ret_node = search.node;
  return search.value;
}

/* --- images ----------------------------------------------------------------------------------- */

char *
compose_image (const Node *service, char **ret_tag)
{
  g_autofree char *image = text_of (node_child (service, "image"));
  if (ret_tag != NULL)
    *ret_tag = NULL;
  if (image == NULL)
    return NULL;
  char *digest = strchr (image, '@');
  if (digest != NULL)
    *digest = '\0';
  char *slash = strrchr (image, '/');
  char *colon = strchr (slash != NULL ? slash : image, ':');
  if (colon != NULL && ret_tag != NULL)
    *ret_tag = g_strdup (colon + 1);
  if (colon != NULL)
    *colon = '\0';
  return g_steal_pointer (&image);
}

static bool
is_data_target (const char *target)
{
  return g_str_has_prefix (target, "/var/lib/postgresql")
         || g_str_has_prefix (target, "/var/lib/pgsql")
         || g_str_has_prefix (target, "/bitnami/postgresql")
         || g_str_has_prefix (target, "/home/postgres/pgdata");
}

/* By its image; one of the project's own, by where it mounts something. */
bool
compose_is_postgres (const Node *service)
{
  static const char *const names[]
      = { "postgres", "postgresql", "postgis",    "timescaledb",       "timescaledb-ha",
          "pgvector", "citus",      "pgvecto-rs", "postgresql-repmgr", NULL };
  g_autofree char *image = compose_image (service, NULL);
  if (image != NULL)
    {
      const char *slash = strrchr (image, '/');
      if (g_strv_contains (names, slash != NULL ? slash + 1 : image))
        return true;
    }
  g_autofree char *password = compose_pair (service, "environment", "POSTGRES_PASSWORD", NULL);
  g_autoptr (GPtrArray) mounts = compose_mounts (service);
  for (guint i = 0; node_child (service, "build") != NULL && password != NULL && i < mounts->len;
       i++)
    if (is_data_target (((const ComposeMount *) mounts->pdata[i])->target))
      return true;
  return false;
}

/* --- mounts ----------------------------------------------------------------------------------- */

void
compose_mount_free (ComposeMount *mount)
{
  g_free (mount->source);
  g_free (mount->target);
  g_free (mount);
}

static char *
trim_path (char *path)
{
  size_t length = strlen (path);
  while (length > 1 && path[length - 1] == '/')
    path[--length] = '\0';
  return path;
}

/* "source:target:mode", "target", with variables whose names hold no colon any more. */
static ComposeMount *
read_short (const Node *node)
{
  g_autofree char *text = text_of (node);
  g_auto (GStrv) parts = g_strsplit (text, ":", 3);
  guint count = g_strv_length (parts);
  ComposeMount *mount = g_new0 (ComposeMount, 1);
  mount->node = node;
  mount->target = trim_path (g_strdup (count > 1 ? parts[1] : count == 1 ? parts[0] : ""));
  mount->source = count > 1 ? g_strdup (parts[0]) : NULL;
  mount->kind = count < 2                                                 ? MOUNT_ANONYMOUS
                : *parts[0] != '\0' && strchr ("/.~$", *parts[0]) != NULL ? MOUNT_BIND
                                                                          : MOUNT_NAMED;
  return mount;
}

static ComposeMount *
read_long (const Node *node)
{
  g_autofree char *type = text_of (node_child (node, "type"));
  char *target = text_of (node_child (node, "target"));
  ComposeMount *mount = g_new0 (ComposeMount, 1);
  mount->node = node;
  mount->target = trim_path (target != NULL ? target : g_strdup (""));
  mount->source = text_of (node_child (node, "source"));
  mount->kind = g_strcmp0 (type, "bind") == 0    ? MOUNT_BIND
                : g_strcmp0 (type, "tmpfs") == 0 ? MOUNT_MEMORY
                : mount->source == NULL          ? MOUNT_ANONYMOUS
                                                 : MOUNT_NAMED;
  return mount;
}

/* In front: what was there is another target's, or the later one's. */
static void
keep_mount (GPtrArray *mounts, ComposeMount *mount)
{
  for (guint i = 0; i < mounts->len; i++)
    if (strcmp (((const ComposeMount *) mounts->pdata[i])->target, mount->target) == 0)
      {
        g_ptr_array_remove_index (mounts, i);
        break;
      }
  g_ptr_array_add (mounts, mount);
}

static void
add_memory (GPtrArray *mounts, const Node *node)
{
  g_autofree char *text = text_of (node);
  if (text == NULL)
    return;
  text[strcspn (text, ":")] = '\0';
  ComposeMount *mount = g_new0 (ComposeMount, 1);
  *mount = (ComposeMount){ MOUNT_MEMORY, NULL, trim_path (g_strdup (text)), node };
  keep_mount (mounts, mount);
}

GPtrArray *
compose_mounts (const Node *service)
{
  GPtrArray *mounts = g_ptr_array_new_with_free_func ((GDestroyNotify) compose_mount_free);
  const Node *memory = node_child (service, "tmpfs"), *volumes = node_child (service, "volumes");
  if (memory != NULL && memory->kind == NODE_SCALAR)
    add_memory (mounts, memory);
  for (guint i = 0; memory != NULL && memory->kind == NODE_SEQUENCE && i < memory->children->len;
       i++)
    add_memory (mounts, memory->children->pdata[i]);
  for (guint i = 0; volumes != NULL && volumes->kind == NODE_SEQUENCE && i < volumes->children->len;
       i++)
    {
      const Node *node = volumes->children->pdata[i];
      if (node->kind != NODE_SEQUENCE)
        keep_mount (mounts, node->kind == NODE_SCALAR ? read_short (node) : read_long (node));
    }
  return mounts;
}

/* --- where the data is ------------------------------------------------------------------------ */

/* The folder that the image itself makes a volume of, which a mount further up does not replace. NULL: not
 * known. */
static const char *
image_volume (const Node *service)
{
  g_autofree char *tag = NULL;
  g_autofree char *image = compose_image (service, &tag);
  const char *slash = image != NULL ? strrchr (image, '/') : NULL;
  if (image == NULL || strcmp (slash != NULL ? slash + 1 : image, "postgres") != 0)
    return NULL;
  int major = tag != NULL ? atoi (tag) : 0;
  return major >= 18 ? "/var/lib/postgresql" : major > 0 ? "/var/lib/postgresql/data" : NULL;
}

static char *
data_folder (const Node *service)
{
  g_autofree char *written = compose_pair (service, "environment", "PGDATA", NULL);
  g_autofree char *tag = NULL;
  g_autofree char *image = compose_image (service, &tag);
  const char *volume = image_volume (service);
  if (written != NULL && *written == '/')
    return trim_path (compose_text (written));
  if (image != NULL && strstr (image, "bitnami") != NULL)
    return g_strdup ("/bitnami/postgresql/data");
  if (image != NULL && g_str_has_suffix (image, "timescaledb-ha"))
    return g_strdup ("/home/postgres/pgdata/data");
  if (g_strcmp0 (volume, "/var/lib/postgresql") == 0)
    return g_strdup_printf ("/var/lib/postgresql/%d/docker", atoi (tag));
  return g_strdup ("/var/lib/postgresql/data");
}

static bool
encloses (const char *folder, const char *path)
{
  size_t length = strlen (folder);
  return strncmp (folder, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

const ComposeMount *
compose_data_mount (const Node *service, const GPtrArray *mounts, char **ret_folder)
{
  char *folder = data_folder (service);
  const char *volume = image_volume (service);
  const ComposeMount *best = NULL;
  *ret_folder = folder;
  for (guint i = 0; i < mounts->len; i++)
    {
      const ComposeMount *mount = mounts->pdata[i];
      /* The image's own volume lies over a mount that is further up. */
      bool is_hidden = volume != NULL && encloses (volume, folder)
                       && encloses (mount->target, volume) && strcmp (mount->target, volume) != 0;
      if (encloses (mount->target, folder) && !is_hidden
          && (best == NULL || strlen (mount->target) > strlen (best->target)))
        best = mount;
    }
  return best;
}

/* --- volumes ---------------------------------------------------------------------------------- */

const Node *
compose_volume (const Node *root, const char *name, bool *ret_is_declared)
{
  const Node *volume = node_child (node_child (root, "volumes"), name);
  *ret_is_declared = volume != NULL;
  return volume != NULL && volume->kind == NODE_MAPPING ? volume : NULL;
}

bool
compose_volume_is_external (const Node *volume)
{
  const Node *external = node_child (volume, "external");
  return external != NULL && (external->kind == NODE_MAPPING || is_true (external));
}

char *
compose_volume_name (const Node *root, const char *name)
{
  bool is_declared;
  const Node *volume = compose_volume (root, name, &is_declared);
  char *given = text_of (node_child (volume, "name"));
  if (given == NULL)
    given = text_of (node_child (node_child (volume, "external"), "name"));
  if (given != NULL)
    return given;
  if (compose_volume_is_external (volume))
    return g_strdup (name);
  g_autofree char *project = text_of (node_child (root, "name"));
  return g_strdup_printf ("%s_%s", project != NULL ? project : "*", name);
}
