#include "integrity/ignore.h"
#include "integrity/run.h"
#include "project/nearest.h"

#include <string.h>

void
ignore_use_free (IgnoreUse *use)
{
  g_free (use->pattern);
  g_free (use);
}

/* What stands before the colon. */
static char *
id_of (const char *pattern)
{
  return g_strndup (pattern, strcspn (pattern, ":"));
}

bool
ignore_may_match (const char *pattern, const char *id)
{
  g_autofree char *id_pattern = id_of (pattern);
  return g_pattern_match_simple (id_pattern, id);
}

bool
ignore_matches (const char *pattern, const char *id, const char *object)
{
  const char *colon = strchr (pattern, ':');
  if (!ignore_may_match (pattern, id))
    return false;
  return colon == NULL || (object != NULL && g_pattern_match_simple (colon + 1, object));
}

static bool
refuse (const ProjectPattern *pattern, const GPtrArray *ids, GError **error)
{
  g_autofree char *id = id_of (pattern->text);
  const char *nearest = nearest_word (id, (const char *const *) ids->pdata, ids->len);
  g_autofree char *hint = nearest != NULL
                              ? g_strdup_printf ("Did you mean “%s”?", nearest)
                              : g_strdup ("“pgkeel integrity check --list” names them all.");
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s: there is no check “%s”", pattern->place,
                     id);
}

static bool
matches_any (const ProjectPattern *pattern, const GPtrArray *ids)
{
  for (guint i = 0; i < ids->len; i++)
    if (ignore_may_match (pattern->text, ids->pdata[i]))
      return true;
  return false;
}

bool
ignore_read (const ProjectIntegrity *settings, const GPtrArray *rules, const char ***ret_patterns,
             GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autoptr (GPtrArray) patterns = g_ptr_array_new ();
  const GPtrArray *all = integrity_checks ();
  for (guint i = 0; i < all->len; i++)
    g_ptr_array_add (ids, (gpointer) ((const Check *) all->pdata[i])->id);
  for (guint i = 0; rules != NULL && i < rules->len; i++)
    g_ptr_array_add (ids, (gpointer) ((const Check *) rules->pdata[i])->id);
  for (guint i = 0; i < settings->ignore->len; i++)
    {
      const ProjectPattern *pattern = settings->ignore->pdata[i];
      if (!matches_any (pattern, ids))
        return refuse (pattern, ids, error);
      g_ptr_array_add (patterns, pattern->text);
    }
  g_ptr_array_add (patterns, NULL);
  *ret_patterns = (const char **) g_ptr_array_free (g_steal_pointer (&patterns), FALSE);
  return true;
}
