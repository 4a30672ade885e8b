#include "guard/real_docker.h"

#include "base/cancel.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A script named docker may call us once or twice for good reasons. */
#define DEPTH_MAX 4

static bool
is_ourselves (const char *path)
{
  struct stat self, other;
  return stat ("/proc/self/exe", &self) == 0 && stat (path, &other) == 0
         && self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

static bool
is_program (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test (path, G_FILE_TEST_IS_DIR);
}

static bool
check_override (const char *path, GError **error)
{
  if (!g_path_is_absolute (path) || !is_program (path))
    return keel_error (error, KEEL_ERROR_CONFIG, "Set it to the absolute path of docker.",
                       "PGKEEL_DOCKER (“%s”) is no program", path);
  return !is_ourselves (path)
         || keel_error (error, KEEL_ERROR_CONFIG, "Set it to the path of the real docker.",
                        "PGKEEL_DOCKER (“%s”) is pgkeel itself", path);
}

bool
real_docker_find (const char *name, char **ret_path, GError **error)
{
  const char *given = strcmp (name, "docker") == 0 ? g_getenv ("PGKEEL_DOCKER") : NULL;
  const char *search = g_getenv ("PATH");
  if (given != NULL && *given != '\0')
    {
      if (!check_override (given, error))
        return false;
      *ret_path = g_strdup (given);
      return true;
    }
  g_auto (GStrv) folders
      = g_strsplit (search != NULL ? search : "/usr/local/bin:/usr/bin:/bin", ":", -1);
  for (char **folder = folders; *folder != NULL; folder++)
    {
      g_autofree char *path = g_build_filename (**folder != '\0' ? *folder : ".", name, NULL);
      if (!is_program (path) || is_ourselves (path))
        continue;
      *ret_path = g_steal_pointer (&path);
      return true;
    }
  return keel_error (error, KEEL_ERROR_MISSING,
                     "Install it, put it in PATH, or set PGKEEL_DOCKER to its path.",
                     "there is no program “%s” in PATH besides pgkeel itself", name);
}

bool
real_docker_exec (const char *path, char *const *argv, GError **error)
{
  const char *text = g_getenv (REAL_DOCKER_DEPTH);
  guint64 depth = text != NULL ? g_ascii_strtoull (text, NULL, 10) : 0;
  if (depth >= DEPTH_MAX)
    return keel_error (error, KEEL_ERROR_FAILED,
                       "Set PGKEEL_DOCKER to the path of the real docker.",
                       "“%s” leads back to pgkeel", path);
  g_autofree char *next = g_strdup_printf ("%" G_GUINT64_FORMAT, depth + 1);
  if (!cancel_check (error))
    return false;
  g_setenv (REAL_DOCKER_DEPTH, next, TRUE);
  cancel_uninstall ();
  execvp (path, argv);
  int failure = errno;
  return keel_error_errno (error, failure, "cannot run “%s”", path);
}
