#include "db/server_user.h"
#include "base/process.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static uid_t
effective_uid (const ServerUser *user)
{
  return user->uid != 0 ? user->uid : geteuid ();
}

bool
server_user_default (ServerUser *ret_user, GError **error)
{
  static const char *const names[] = { "postgres", "nobody" };
  if (geteuid () != 0)
    {
      *ret_user = (ServerUser){ 0 };
      return true;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      char buffer[4096];
      struct passwd entry, *found = NULL;
      if (getpwnam_r (names[i], &entry, buffer, sizeof buffer, &found) != 0 || found == NULL
          || entry.pw_uid == 0)
        continue;
      *ret_user = (ServerUser){ entry.pw_uid, entry.pw_gid };
      return true;
    }
  return keel_error (
      error, KEEL_ERROR_MISSING,
      "Add a user “postgres” (useradd --system postgres), or run pgkeel as an ordinary user.",
      "PostgreSQL does not run as root, and there is no user “postgres” or “nobody”");
}

bool
server_user_of_folder (const char *folder, ServerUser *ret_user, GError **error)
{
  struct stat info;
  if (lstat (folder, &info) != 0)
    return keel_error_errno (error, errno, "cannot look at “%s”", folder);
  if (info.st_uid == geteuid () && info.st_uid != 0)
    *ret_user = (ServerUser){ 0 };
  else if (info.st_uid == 0)
    return keel_error (error, KEEL_ERROR_FAILED, "Give it to the user who is to run it (chown -R).",
                       "“%s” belongs to root, and PostgreSQL does not run as root", folder);
  else if (geteuid () != 0)
    return keel_error (error, KEEL_ERROR_FAILED, "Run pgkeel as that user or as root.",
                       "“%s” belongs to another user (uid %u)", folder, (unsigned int) info.st_uid);
  else
    *ret_user = (ServerUser){ info.st_uid, info.st_gid };
  return true;
}

bool
server_user_can_enter (const ServerUser *user, const char *folder)
{
  if (user->uid == 0)
    return access (folder, X_OK) == 0;
  const char *const argv[] = { "test", "-x", folder, NULL };
  const ProcessSpec spec = { .argv = argv, .folder = "/", .uid = user->uid, .gid = user->gid };
  g_auto (ProcessResult) result = { 0 };
  return process_run (&spec, &result, NULL) && result.exit_code == 0;
}

bool
server_user_make_folder (const ServerUser *user, const char *folder, GError **error)
{
  if (mkdir (folder, 0700) == 0)
    {
      if (user->uid != 0 && lchown (folder, user->uid, user->gid) != 0)
        return keel_error_errno (error, errno, "cannot give the folder “%s” to its user", folder);
      return true;
    }
  if (errno != EEXIST)
    return keel_error_errno (error, errno, "cannot make the folder “%s”", folder);
  struct stat info;
  if (lstat (folder, &info) != 0)
    return keel_error_errno (error, errno, "cannot look at “%s”", folder);
  if (!S_ISDIR (info.st_mode) || info.st_uid != effective_uid (user)
      || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return keel_error (error, KEEL_ERROR_FAILED, "See who made it; remove it if it is of no use.",
                       "“%s” is there and is not a private folder of the server's user", folder);
  return true;
}
