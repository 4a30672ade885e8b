#include "cli/label_watch.h"

#include "guard/known.h"

static bool
raise_loss (const GuardLoss *loss, LabelWatchRaise raise, void *data, GError **error)
{
  g_autofree char *summary
      = g_strdup_printf ("the protected volume “%s” %s", loss->volume, loss->what);
  const IncidentSpec spec = { INCIDENT_LOST_LABEL, loss->volume, summary, loss->evidence };
  return raise (&spec, data, error);
}

bool
label_watch_look (const Project *project, const GuardPolicy *policy, GuardEngine *engine,
                  LabelWatchRaise raise, void *data, guint *ret_count, GError **error)
{
  g_autoptr (GuardKnown) known = NULL;
  g_autoptr (GPtrArray) volumes = NULL;
  /* The Engine first: while it is asked nobody should wait for the file. */
  if (!guard_volumes_read (policy, engine, &volumes, error)
      || !guard_known_read (project, &known, error))
    return false;
  g_autoptr (GPtrArray) losses = guard_known_compare (known, volumes);
  for (guint i = 0; i < losses->len; i++)
    if (!raise_loss (losses->pdata[i], raise, data, error))
      return false;
  if (ret_count != NULL)
    *ret_count = losses->len;
  return guard_known_write (known, error);
}
