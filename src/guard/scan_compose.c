/*
 * Compose files as they are used together. In a folder the file that compose takes by itself belongs with
 * its override; every other one stands alone when each of its services says what it runs, and otherwise
 * over the first.
 */
#include "guard/scan_internal.h"

#include <string.h>

void
compose_group_free (ComposeGroup *group)
{
  if (group == NULL)
    return;
  g_ptr_array_unref (group->files);
  g_clear_pointer (&group->root, node_free);
  g_free (group);
}

/* --- merging ---------------------------------------------------------------------------------- */

static void merge_into (Node *base, const Node *over);

/* [A=b, C] as {A: b, C: }, so that it merges with the other form. */
static void
make_mapping (Node *list)
{
  if (list->kind != NODE_SEQUENCE)
    return;
  for (guint i = 0; i < list->children->len; i++)
    {
      Node *item = list->children->pdata[i];
      char *equals = item->kind == NODE_SCALAR ? strchr (item->text, '=') : NULL;
      item->key = item->kind != NODE_SCALAR ? g_strdup ("")
                  : equals != NULL          ? g_strndup (item->text, (gsize) (equals - item->text))
                                            : g_strdup (item->text);
      item->key_line = item->line;
      item->key_column = item->column;
      if (item->kind == NODE_SCALAR)
        {
          char *value = g_strdup (equals != NULL ? equals + 1 : "");
          g_free (item->text);
          item->text = value;
        }
    }
  list->kind = NODE_MAPPING;
}

static bool
is_replaced (const char *key)
{
  static const char *const keys[] = { "command", "entrypoint", "test", NULL };
  return key != NULL && g_strv_contains (keys, key);
}

static bool
is_pairs (const char *key)
{
  static const char *const keys[]
      = { "environment", "labels", "args", "depends_on", "networks", "sysctls", NULL };
  return key != NULL && g_strv_contains (keys, key);
}

static void
merge_child (Node *base, const Node *over)
{
  Node *before = node_child (base, over->key);
  if (before != NULL && g_strcmp0 (over->tag, "!reset") == 0)
    {
      g_ptr_array_remove (base->children, before);
      return;
    }
  bool is_pair_list = before != NULL && is_pairs (over->key) && before->kind != NODE_SCALAR
                      && over->kind != NODE_SCALAR && before->kind != over->kind;
  bool merges = before != NULL && before->kind != NODE_SCALAR
                && g_strcmp0 (over->tag, "!override") != 0 && !is_replaced (over->key)
                && (before->kind == over->kind || is_pair_list);
  if (merges)
    {
      g_autoptr (Node) copy = node_copy (over);
      if (is_pair_list)
        {
          make_mapping (before);
          make_mapping (copy);
        }
      merge_into (before, copy);
      return;
    }
  if (before != NULL)
    g_ptr_array_remove (base->children, before);
  g_ptr_array_add (base->children, node_copy (over));
}

/* OVER is merged as compose does: mappings by key, lists one behind the other. Both are of one kind. */
static void
merge_into (Node *base, const Node *over)
{
  for (guint i = 0; i < over->children->len; i++)
    if (over->kind == NODE_MAPPING)
      merge_child (base, over->children->pdata[i]);
    else
      g_ptr_array_add (base->children, node_copy (over->children->pdata[i]));
}

/* --- reading ---------------------------------------------------------------------------------- */

/* "FILE:LINE:COLUMN: what": the place, and what is wrong. */
static const char *
split_message (const char *path, const char *message, unsigned int *ret_line,
               unsigned int *ret_column)
{
  size_t length = strlen (path);
  int used = 0;
  *ret_line = *ret_column = 1;
  if (strncmp (message, path, length) != 0
      || sscanf (message + length, ":%u:%u: %n", ret_line, ret_column, &used) != 2)
    return message;
  return message + length + used;
}

static void
report_unreadable (ScanRun *run, const ScanFile *file, const char *message)
{
  ScanPlace place = { .file = file->path };
  const char *rest = split_message (file->path, message, &place.line, &place.column);
  scan_report (run, "compose-unreadable", SCAN_ERROR, &place, "%s", rest);
}

/* NULL: it is empty, or *RET_PROBLEM says what is wrong. Caller frees both. */
static Node *
parse_file (const char *path, const char *text, size_t length, char **ret_problem)
{
  g_autoptr (GPtrArray) documents = NULL;
  g_autoptr (GError) error = NULL;
  if (!node_parse_documents (path, text, length, &node_limits_foreign, &documents, &error))
    *ret_problem = g_strdup (error->message);
  else if (documents->len > 0 && ((const Node *) documents->pdata[0])->kind != NODE_MAPPING)
    *ret_problem = g_strdup ("it is no mapping");
  else if (documents->len > 0)
    return node_copy (documents->pdata[0]);
  return NULL;
}

/* A file that is named as compose files are and has no services is something else. */
static Node *
read_file (ScanRun *run, const ScanFile *file)
{
  g_autofree char *problem = NULL;
  Node *root = parse_file (file->path, file->text, file->length, &problem);
  if (problem != NULL)
    report_unreadable (run, file, problem);
  return root;
}

/* Every service says what it runs. */
static bool
stands_alone (const Node *root)
{
  const Node *services = node_child (root, "services");
  for (guint i = 0;
       services != NULL && services->kind == NODE_MAPPING && i < services->children->len; i++)
    {
      const Node *service = services->children->pdata[i];
      if (node_child (service, "image") == NULL && node_child (service, "build") == NULL
          && node_child (service, "extends") == NULL)
        return false;
    }
  return true;
}

/* --- groups ----------------------------------------------------------------------------------- */

static const char *
name_of (const char *path)
{
  const char *slash = strrchr (path, '/');
  return slash != NULL ? slash + 1 : path;
}

static bool
is_production (const ScanRun *run, const char *path)
{
  for (const char *const *pattern = run->settings->production; pattern != NULL && *pattern != NULL;
       pattern++)
    if (g_pattern_match_simple (*pattern, name_of (path)))
      return true;
  return false;
}

static ComposeGroup *
group_new (void)
{
  ComposeGroup *group = g_new0 (ComposeGroup, 1);
  group->files = g_ptr_array_new ();
  return group;
}

/* ROOT (may be NULL) is copied. */
static void
group_add (const ScanRun *run, ComposeGroup *group, const ScanFile *file, const Node *root)
{
  g_ptr_array_add (group->files, (gpointer) file);
  group->is_judged = group->is_judged || file->is_judged;
  group->is_production = group->is_production || is_production (run, file->path);
  group->is_throwaway
      = !group->is_production && (group->is_throwaway || scan_is_throwaway (file->path));
  if (root != NULL && group->root == NULL)
    group->root = node_copy (root);
  else if (root != NULL)
    merge_into (group->root, root);
}

typedef enum
{
  ROLE_BASE,
  ROLE_OVERRIDE,
  ROLE_OTHER,
} ComposeRole;

static ComposeRole
role_of (const char *path)
{
  static const char *const bases[]
      = { "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml", NULL };
  static const char *const overrides[]
      = { "compose.override.yaml", "compose.override.yml", "docker-compose.override.yml",
          "docker-compose.override.yaml", NULL };
  return g_strv_contains (bases, name_of (path))       ? ROLE_BASE
         : g_strv_contains (overrides, name_of (path)) ? ROLE_OVERRIDE
                                                       : ROLE_OTHER;
}

/* A file and what it holds. */
typedef struct
{
  const ScanFile *file;
  Node *root;
  char *folder;
  ComposeRole role;
} ComposeFile;

static void
compose_file_free (ComposeFile *compose)
{
  g_clear_pointer (&compose->root, node_free);
  g_free (compose->folder);
  g_free (compose);
}

static const ComposeFile *
find_role (const GPtrArray *files, const char *folder, ComposeRole role)
{
  for (guint i = 0; i < files->len; i++)
    {
      const ComposeFile *compose = files->pdata[i];
      if (compose->role == role && strcmp (compose->folder, folder) == 0)
        return compose;
    }
  return NULL;
}

static ComposeGroup *
make_group (const ScanRun *run, const GPtrArray *files, const ComposeFile *compose)
{
  const ComposeFile *base = find_role (files, compose->folder, ROLE_BASE);
  const ComposeFile *override = find_role (files, compose->folder, ROLE_OVERRIDE);
  ComposeGroup *group = group_new ();
  if (compose->role != ROLE_BASE && base != NULL && !stands_alone (compose->root))
    group_add (run, group, base->file, base->root);
  group_add (run, group, compose->file, compose->root);
  if (compose->role == ROLE_BASE && override != NULL)
    group_add (run, group, override->file, override->root);
  return group;
}

static GPtrArray *
read_all (ScanRun *run)
{
  GPtrArray *files = g_ptr_array_new_with_free_func ((GDestroyNotify) compose_file_free);
  for (guint i = 0; i < run->files->len; i++)
    {
      const ScanFile *file = run->files->pdata[i];
      Node *root = file->kind == SCAN_KIND_COMPOSE ? read_file (run, file) : NULL;
      if (root == NULL)
        continue;
      ComposeFile *compose = g_new0 (ComposeFile, 1);
      *compose = (ComposeFile){ file, root, g_path_get_dirname (file->path), role_of (file->path) };
      g_ptr_array_add (files, compose);
    }
  return files;
}

static ComposeGroup *
make_named_group (ScanRun *run)
{
  ComposeGroup *group = group_new ();
  for (guint i = 0; i < run->compose->len; i++)
    {
      const ScanFile *file = run->compose->pdata[i];
      g_autoptr (Node) root = read_file (run, file);
      group_add (run, group, file, root);
    }
  return group;
}

void
compose_groups_read (ScanRun *run, GPtrArray **ret_groups)
{
  GPtrArray *groups = g_ptr_array_new_with_free_func ((GDestroyNotify) compose_group_free);
  *ret_groups = groups;
  if (run->compose->len > 0)
    {
      g_ptr_array_add (groups, make_named_group (run));
      return;
    }
  g_autoptr (GPtrArray) files = read_all (run);
  for (guint i = 0; i < files->len; i++)
    {
      const ComposeFile *compose = files->pdata[i];
      /* The override is checked with its base. */
      if (compose->role != ROLE_OVERRIDE || find_role (files, compose->folder, ROLE_BASE) == NULL)
        g_ptr_array_add (groups, make_group (run, files, compose));
    }
}

bool
compose_group_read_head (const ScanRun *run, const ComposeGroup *group, Node **ret_root,
                         GError **error)
{
  g_autoptr (Node) merged = NULL;
  *ret_root = NULL;
  for (guint i = 0; i < group->files->len; i++)
    {
      const ScanFile *file = group->files->pdata[i];
      g_autofree char *text = NULL;
      g_autofree char *problem = NULL;
      size_t length = 0;
      if (!scan_tree_read_head (run->tree, file->path, &text, &length, error))
        return false;
      Node *root = text != NULL ? parse_file (file->path, text, length, &problem) : NULL;
      if (root == NULL)
        continue;
      if (merged == NULL)
        merged = root;
      else
        {
          merge_into (merged, root);
          node_free (root);
        }
    }
  *ret_root = g_steal_pointer (&merged);
  return true;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void
report_elsewhere (ScanRun *run, const ComposeGroup *group)
{
  const Node *include = node_child (group->root, "include");
  const Node *services = node_child (group->root, "services");
  if (include != NULL)
    {
      ScanPlace place = scan_place_of_key (include);
      scan_report (run, "compose-not-followed", SCAN_NOTE, &place, "`include` is not followed");
    }
  for (guint i = 0;
       services != NULL && services->kind == NODE_MAPPING && i < services->children->len; i++)
    {
      const Node *extends = node_child (services->children->pdata[i], "extends");
      if (extends == NULL)
        continue;
      ScanPlace place = scan_place_of_key (extends);
      scan_report (run, "compose-not-followed", SCAN_NOTE, &place,
                   "`extends` of the service “%s” is not followed",
                   ((const Node *) services->children->pdata[i])->key);
    }
}

bool
scan_compose (ScanRun *run, GError **error)
{
  g_autoptr (GPtrArray) groups = NULL;
  compose_groups_read (run, &groups);
  for (guint i = 0; i < groups->len; i++)
    {
      ComposeGroup *group = groups->pdata[i];
      if (group->root == NULL)
        continue;
      /* Files that are not judged tell which volumes are a database's. */
      if (!scan_compose_volumes (run, group, error))
        return false;
      if (!group->is_judged)
        continue;
      report_elsewhere (run, group);
      scan_compose_services (run, group);
    }
  return true;
}
