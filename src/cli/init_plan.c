#include "cli/init_plan.h"

#include "cli/init_merge.h"

#include <string.h>

#define LOCK_MARK "pgkeel_lock"
#define LOCK_LINES "import pgkeel_lock\n\npgkeel_lock.check()"

static const char *const action_names[] = {
  [INIT_CREATE] = "create",       [INIT_ADD] = "add",   [INIT_OFFER] = "offer",
  [INIT_UNCHANGED] = "unchanged", [INIT_LEFT] = "left",
};

const char *
init_action_name (InitAction action)
{
  return action_names[action];
}

static void
decision_free (InitDecision *decision)
{
  g_free (decision->change.path);
  g_free (decision->change.before);
  g_free (decision->change.after);
  g_free (decision->note);
  g_free (decision);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (InitDecision, decision_free)

/* NULL when none of NAMES is there, else the one that is; caller frees. */
static char *
first_there (const char *folder, const char *names)
{
  g_auto (GStrv) list = g_strsplit (names != NULL ? names : "", " ", -1);
  for (char **name = list; *name != NULL; name++)
    {
      g_autofree char *path = g_build_filename (folder, *name, NULL);
      if (**name != '\0' && g_file_test (path, G_FILE_TEST_EXISTS))
        return g_strdup (*name);
    }
  return NULL;
}

/* The text of manage.py is somebody else's; without one there is nothing to put the lock into. */
static void
decide_absent (const char *folder, const InitTemplate *template, const InitFile *file,
               const char *project, InitDecision *decision)
{
  g_autofree char *instead = first_there (folder, file->unless);
  if (file->existing == INIT_ADD_THE_LOCK)
    {
      decision->action = INIT_LEFT;
      decision->note = g_strdup ("is not there yet: make the Django project, then run this again "
                                 "with --merge");
    }
  else if (instead != NULL)
    {
      decision->action = INIT_LEFT;
      decision->note = g_strdup_printf ("not needed: “%s” is there", instead);
    }
  else
    {
      decision->action = INIT_CREATE;
      decision->change.after = init_template_render (template, file->path, project);
    }
}

static bool
merge_text (const InitFile *file, const char *before, const char *wanted, char **ret_after,
            char **ret_note, GError **error)
{
  g_autofree char *taken = NULL;
  if (file->existing == INIT_ADD_LINES)
    *ret_after = init_merge_lines (before, wanted);
  else if (file->existing == INIT_ADD_THE_LOCK)
    return init_merge_main (before, LOCK_LINES, LOCK_MARK, ret_after, error);
  else if (!init_merge_scripts (before, wanted, ret_after, &taken, error))
    return false;
  if (taken != NULL)
    *ret_note = g_strdup_printf ("has its own: %s", taken);
  return true;
}

/* BEFORE is there, and is taken over. */
static void
decide_present (const InitTemplate *template, const InitFile *file, const char *project, bool merge,
                char *before, InitDecision *decision)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *wanted = file->existing != INIT_ADD_THE_LOCK
                                ? init_template_render (template, file->path, project)
                                : NULL;
  bool is_same = g_strcmp0 (before, wanted) == 0;
  decision->change.before = before;
  decision->action = is_same ? INIT_UNCHANGED : INIT_LEFT;
  if (is_same)
    return;
  if (file->existing == INIT_LEAVE_IT)
    {
      decision->note = g_strdup ("is there already, and differs from the template's");
      return;
    }
  if (!merge_text (file, before, wanted, &decision->change.after, &decision->note, &problem))
    decision->note = g_strdup_printf ("nothing can be added: %s", problem->message);
  else if (decision->change.after == NULL)
    decision->action = INIT_UNCHANGED;
  else
    decision->action = merge || file->existing == INIT_ADD_LINES ? INIT_ADD : INIT_OFFER;
}

static bool
decide (const char *folder, const InitTemplate *template, const InitFile *file, const char *project,
        bool merge, InitDecision **ret_decision, GError **error)
{
  g_autoptr (InitDecision) decision = g_new0 (InitDecision, 1);
  InitPresence presence;
  g_autofree char *text = NULL;
  decision->change.path = g_strdup (file->path);
  decision->action = INIT_LEFT;
  if (!init_read (folder, file->path, &presence, &text, error))
    return false;
  if (presence == INIT_IS_ABSENT)
    decide_absent (folder, template, file, project, decision);
  else if (presence == INIT_IS_FILE)
    decide_present (template, file, project, merge, g_steal_pointer (&text), decision);
  else
    decision->note
        = g_strdup (presence == INIT_IS_LINK ? "a symbolic link is on the way, and none is followed"
                                             : "is there already, and is no text file");
  *ret_decision = g_steal_pointer (&decision);
  return true;
}

bool
init_plan (const char *folder, const InitTemplate *template, const char *project, bool merge,
           GPtrArray **ret_decisions, GError **error)
{
  g_autoptr (GPtrArray) decisions = g_ptr_array_new_with_free_func ((GDestroyNotify) decision_free);
  for (const InitFile *file = template->files; file->path != NULL; file++)
    {
      InitDecision *decision;
      if (!decide (folder, template, file, project, merge, &decision, error))
        return false;
      g_ptr_array_add (decisions, decision);
    }
  *ret_decisions = g_steal_pointer (&decisions);
  return true;
}

GPtrArray *
init_plan_changes (GPtrArray *decisions)
{
  GPtrArray *changes = g_ptr_array_new ();
  for (guint i = 0; i < decisions->len; i++)
    {
      InitDecision *decision = g_ptr_array_index (decisions, i);
      if (decision->action == INIT_CREATE || decision->action == INIT_ADD)
        g_ptr_array_add (changes, &decision->change);
    }
  return changes;
}
