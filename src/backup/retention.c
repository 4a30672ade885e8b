#include "backup/retention.h"
#include "backup/backup_log.h"
#include "backup/catalogue.h"
#include "base/clock.h"

#include <string.h>

static int64_t
keep_seconds (const Project *project, const char *type)
{
  if (strcmp (type, CATALOGUE_EMERGENCY) == 0)
    return 0;
  return strcmp (type, "full") == 0 ? project->keep_full_seconds : project->keep_db_seconds;
}

/* Notes the first of each type that is met, going from new to old. */
static bool
is_first (GHashTable *seen, const char *type, const char *what)
{
  return g_hash_table_add (seen, g_strdup_printf ("%s %s", type, what));
}

static bool
may_go (const Project *project, const BackupEntry *entry, GHashTable *seen, int64_t now)
{
  if (entry->problem != NULL || strcmp (entry->project, project->name) != 0)
    return false;
  /* One that could not be restored is no way back, however new. */
  bool is_newest = entry->proven >= 0 && is_first (seen, entry->type, "whole");
  bool is_newest_proven = entry->proven > 0 && is_first (seen, entry->type, "proven");
  int64_t keep = keep_seconds (project, entry->type);
  /* By the name's time and the snapshot's: a clock that jumped must agree with itself to count. */
  int64_t age = now - MAX (entry->stamp, entry->created);
  return keep > 0 && !is_newest && !is_newest_proven && age > keep;
}

static bool
remove_one (Store *store, const char *folder, const char *name, GError **error)
{
  return catalogue_remove (store, name, error)
         && backup_log (folder, "prune", "ok", error, "file=%s", name);
}

bool
retention_run (const Project *project, const char *folder, bool dry_run, GPtrArray *removed,
               GError **error)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GPtrArray) going = g_ptr_array_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!catalogue_list (store, &entries, error))
    return false;
  int64_t now = clock_now ();
  for (guint i = 0; i < entries->len; i++)
    if (may_go (project, entries->pdata[i], seen, now))
      g_ptr_array_insert (going, 0, entries->pdata[i]);
  for (guint i = 0; i < going->len; i++)
    {
      const BackupEntry *entry = going->pdata[i];
      if (!dry_run && !remove_one (store, folder, entry->name, error))
        return prefix_error (error, "removing old backups");
      g_ptr_array_add (removed, g_strdup (entry->name));
    }
  return true;
}
