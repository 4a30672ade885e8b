/* The section `seeds` of pgkeel.yaml. */
#include "project/check.h"
#include "project/settle.h"

#define SEEDS_DIR_DEFAULT "seeds"

bool
settle_seeds (const Settle *settle, GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  const char *written = settle->config->seeds != NULL ? settle->config->seeds->dir : NULL;
  if (!settle_expanded (settle, "seeds.dir", written, &text, &node, error))
    return false;
  if (text != NULL && *text == '\0')
    return check_refuse (settle->file, node, "Write a folder, or remove the key.", error,
                         "“%s” is empty", node->key);
  settle->project->seeds_dir = g_strdup (text != NULL ? text : SEEDS_DIR_DEFAULT);
  return true;
}
