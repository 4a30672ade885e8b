#include "project/leave.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANCESTORS_MAX 64
#define STAT_MAX_BYTES 4096

/* "ENVIRONMENT DIGEST": of the URL no more than a digest, as the variable is there for all to see. */
static char *
subject_of (const char *environment, const char *database_url)
{
  g_autofree char *digest = g_compute_checksum_for_string (
      G_CHECKSUM_SHA256, database_url != NULL ? database_url : "", -1);
  return g_strdup_printf ("%s %.32s", environment, digest);
}

char *
leave_value (const char *environment, const char *database_url)
{
  g_autofree char *subject = subject_of (environment, database_url);
  return g_strdup_printf ("%d %s", (int) getpid (), subject);
}

/* 0 when it cannot be found out. The program's name, in parentheses, may hold anything. */
static pid_t
parent_of (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *text = NULL;
  size_t length;
  if (!fs_read_text (path, STAT_MAX_BYTES, &text, &length, NULL))
    return 0;
  const char *after = strrchr (text, ')');
  return after != NULL && strlen (after) > 4 ? (pid_t) atoi (after + 4) : 0;
}

static bool
is_ancestor (pid_t pid)
{
  pid_t at = getpid ();
  for (int i = 0; i < ANCESTORS_MAX && at > 1; i++)
    {
      at = parent_of (at);
      if (at == pid)
        return true;
    }
  return false;
}

static bool
is_our_program (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/exe", (int) pid);
  struct stat theirs, ours;
  return stat (path, &theirs) == 0 && stat ("/proc/self/exe", &ours) == 0
         && theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool
leave_holds (const char *environment, const char *database_url, pid_t *ret_giver)
{
  const char *value = g_getenv (LEAVE_VARIABLE);
  if (value == NULL)
    return false;
  char *rest = NULL;
  long pid = strtol (value, &rest, 10);
  g_autofree char *subject = subject_of (environment, database_url);
  if (pid <= 1 || pid > G_MAXINT || *rest != ' ' || strcmp (rest + 1, subject) != 0
      || !is_ancestor ((pid_t) pid) || !is_our_program ((pid_t) pid))
    return false;
  *ret_giver = (pid_t) pid;
  return true;
}
