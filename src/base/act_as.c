#include "base/act_as.h"

#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/fsuid.h>

/* Linux keeps these for each thread; what is executed does not inherit them. */
ActAs
act_as_owner_of (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  struct stat info;
  if (geteuid () != 0)
    return (ActAs){ 0 };
  if ((lstat (path, &info) != 0 || !S_ISDIR (info.st_mode)) && stat (parent, &info) != 0)
    return (ActAs){ 0 };
  if (info.st_uid == 0)
    return (ActAs){ 0 };
  /* The group first: without its rights over files root could not change it any more. */
  gid_t gid = (gid_t) setfsgid (info.st_gid);
  return (ActAs){ true, (uid_t) setfsuid (info.st_uid), gid };
}

void
act_as_clear (ActAs *act)
{
  if (!act->is_changed)
    return;
  setfsuid (act->uid);
  setfsgid (act->gid);
  act->is_changed = false;
}

#else

ActAs
act_as_owner_of (const char *path)
{
  (void) path;
  return (ActAs){ 0 };
}

void
act_as_clear (ActAs *act)
{
  (void) act;
}

#endif
