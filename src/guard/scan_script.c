/* Where scripts are in files that are no scripts themselves. Makefiles are in scan_make.c. */
#include "guard/scan_internal.h"

#include <string.h>

/* A mapping or list may nest this deep before no script is looked for in it. */
#define MAX_DEPTH 24

static void
unreadable (ScanRun *run, const ScanFile *file, const GError *error)
{
  /* The message begins with the file's name and place. */
  unsigned int line = 1, column = 1;
  const char *rest = error->message + strlen (file->path);
  if (!g_str_has_prefix (error->message, file->path)
      || sscanf (rest, ":%u:%u:", &line, &column) != 2)
    line = column = 1;
  const char *words = strstr (error->message, ": ");
  ScanPlace place = { file->path, line, column, 0 };
  scan_report (run, "script-unreadable", SCAN_WARNING, &place, "%s",
               words != NULL ? words + 2 : error->message);
}

/* NULL, reported, when it cannot be parsed. Caller unrefs. */
static GPtrArray *
parse_documents (ScanRun *run, const ScanFile *file)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *documents = NULL;
  if (!node_parse_documents (file->path, file->text, file->length, &node_limits_foreign, &documents,
                             &error))
    unreadable (run, file, error);
  return documents;
}

static void
scan_scalar (ScanRun *run, const ScanFile *file, const Node *scalar, bool is_ephemeral)
{
  ScanSite site = { file->path, is_ephemeral, 0 };
  if (scalar == NULL || scalar->kind != NODE_SCALAR)
    return;
  g_autoptr (ScanText) text = scan_text_of_scalar (scalar, &file->source);
  scan_shell (run, &site, text);
}

/* Values below NODE whose key says that they are secret: `env:`, `variables:`. */
static void
check_secrets (ScanRun *run, const Node *node, int depth)
{
  if (depth > MAX_DEPTH)
    return;
  if (node->kind == NODE_SCALAR && node->key != NULL
      && scan_secret_of (node->key, node->text) == SECRET_REAL)
    {
      ScanPlace place = scan_place_of (node);
      scan_report (run, "plaintext-secret", SCAN_ERROR, &place, "“%s” is written here", node->key);
    }
  for (guint i = 0; node->kind != NODE_SCALAR && i < node->children->len; i++)
    check_secrets (run, node->children->pdata[i], depth + 1);
}

/* --- package.json ----------------------------------------------------------------------------- */

static void
scan_package (ScanRun *run, const ScanFile *file)
{
  g_autoptr (GPtrArray) documents = parse_documents (run, file);
  const Node *scripts = documents != NULL && documents->len > 0
                            ? node_child (documents->pdata[0], "scripts")
                            : NULL;
  for (guint i = 0; scripts != NULL && scripts->kind == NODE_MAPPING && i < scripts->children->len;
       i++)
    scan_scalar (run, file, scripts->children->pdata[i], false);
}

/* --- GitHub Actions --------------------------------------------------------------------------- */

/* GitHub's own machines are made for a job and thrown away after it. */
static bool
is_hosted (const Node *runs_on)
{
  static const char *const prefixes[] = { "ubuntu-", "windows-", "macos-" };
  if (runs_on == NULL || runs_on->kind == NODE_MAPPING)
    return false;
  if (runs_on->kind == NODE_SEQUENCE)
    return runs_on->children->len == 1 && is_hosted (runs_on->children->pdata[0]);
  for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_str_has_prefix (runs_on->text, prefixes[i]))
      return true;
  return false;
}

static void
scan_steps (ScanRun *run, const ScanFile *file, const Node *steps, bool is_ephemeral)
{
  for (guint i = 0; steps != NULL && steps->kind == NODE_SEQUENCE && i < steps->children->len; i++)
    {
      const Node *step = steps->children->pdata[i], *shell = node_child (step, "shell");
      if (shell != NULL && shell->kind == NODE_SCALAR
          && g_regex_match_simple ("^(python|perl|node|ruby)", shell->text, 0, 0))
        continue;
      scan_scalar (run, file, node_child (step, "run"), is_ephemeral);
    }
}

static void
scan_workflow (ScanRun *run, const ScanFile *file)
{
  g_autoptr (GPtrArray) documents = parse_documents (run, file);
  if (documents == NULL || documents->len == 0)
    return;
  const Node *root = documents->pdata[0], *jobs = node_child (root, "jobs");
  check_secrets (run, root, 0);
  scan_steps (run, file, node_find (root, "runs.steps"), false);
  for (guint i = 0; jobs != NULL && jobs->kind == NODE_MAPPING && i < jobs->children->len; i++)
    {
      const Node *job = jobs->children->pdata[i];
      scan_steps (run, file, node_child (job, "steps"), is_hosted (node_child (job, "runs-on")));
    }
}

/* --- other pipelines -------------------------------------------------------------------------- */

static bool
holds_script (const char *key)
{
  static const char *const keys[]
      = { "script",   "before_script", "after_script", "run",  "command",
          "commands", "cmds",          "cmd",          "bash", NULL };
  return key != NULL && g_strv_contains (keys, key);
}

/* Scalars below NODE that are scripts by the key they, or the lists around them, have. */
static void
scan_pipeline_node (ScanRun *run, const ScanFile *file, const Node *node, bool is_script, int depth)
{
  if (depth > MAX_DEPTH)
    return;
  if (node->kind == NODE_SCALAR)
    {
      if (is_script)
        scan_scalar (run, file, node, false);
      return;
    }
  for (guint i = 0; i < node->children->len; i++)
    {
      const Node *child = node->children->pdata[i];
      bool inherits = node->kind == NODE_SEQUENCE && is_script;
      scan_pipeline_node (run, file, child, inherits || holds_script (child->key), depth + 1);
    }
}

static void
scan_pipeline (ScanRun *run, const ScanFile *file)
{
  g_autoptr (GPtrArray) documents = parse_documents (run, file);
  for (guint i = 0; documents != NULL && i < documents->len; i++)
    {
      check_secrets (run, documents->pdata[i], 0);
      scan_pipeline_node (run, file, documents->pdata[i], false, 0);
    }
}

/* --- all kinds -------------------------------------------------------------------------------- */

static void
scan_shell_file (ScanRun *run, const ScanFile *file)
{
  ScanSite site = { file->path, false, 0 };
  g_autoptr (ScanText) text = scan_text_of (file->text, file->length, (ScanSpot){ 1, 1 });
  scan_shell (run, &site, text);
}

void
scan_script_file (ScanRun *run, const ScanFile *file)
{
  switch (file->kind)
    {
    case SCAN_KIND_MAKEFILE: scan_makefile (run, file); break;
    case SCAN_KIND_SHELL: scan_shell_file (run, file); break;
    case SCAN_KIND_PACKAGE_JSON: scan_package (run, file); break;
    case SCAN_KIND_WORKFLOW: scan_workflow (run, file); break;
    case SCAN_KIND_PIPELINE: scan_pipeline (run, file); break;
    case SCAN_KIND_NONE:
    case SCAN_KIND_COMPOSE:
    case SCAN_KIND_ENV: break;
    }
}
