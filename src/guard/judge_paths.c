/*
 * Folders of the host that containers must not get: where volumes are, what is above and below it, and what
 * the guard itself needs.
 */
#include "guard/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *const engine_sockets[]
    = { "/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock" };

bool
judge_path_covers (const char *upper, const char *lower)
{
  size_t length = strlen (upper);
  if (strcmp (upper, "/") == 0)
    return true;
  return strncmp (upper, lower, length) == 0 && (lower[length] == '/' || lower[length] == '\0');
}

/* PATH with symbolic links resolved, as far as it is there; caller frees. */
static char *
resolve (const char *path)
{
  g_autofree char *clean = g_canonicalize_filename (path, "/");
  g_autofree char *missing = g_strdup ("");
  for (;;)
    {
      char *real = realpath (clean, NULL);
      if (real != NULL || strcmp (clean, "/") == 0)
        {
          g_autofree char *joined = g_build_filename (real != NULL ? real : "/", missing, NULL);
          free (real);
          return g_canonicalize_filename (joined, "/");
        }
      g_autofree char *base = g_path_get_basename (clean);
      char *more = g_build_filename (base, missing, NULL);
      g_free (missing);
      missing = more;
      char *parent = g_path_get_dirname (clean);
      g_free (clean);
      clean = parent;
    }
}

/* As judge_path_covers for two resolved paths, and true as well when LOWER is below the same folder by another
 * name: a file system can be mounted twice. */
static bool
covers (const char *upper, const char *lower)
{
  struct stat wanted, status;
  if (judge_path_covers (upper, lower))
    return true;
  if (stat (upper, &wanted) != 0)
    return false;
  g_autofree char *path = g_strdup (lower);
  while (strcmp (path, "/") != 0)
    {
      if (stat (path, &status) == 0 && status.st_dev == wanted.st_dev
          && status.st_ino == wanted.st_ino)
        return true;
      char *parent = g_path_get_dirname (path);
      g_free (path);
      path = parent;
    }
  return false;
}

static bool
touches (const char *a, const char *b)
{
  return covers (a, b) || covers (b, a);
}

static bool
read_root (Judge *judge)
{
  GError *error = NULL;
  g_autoptr (json_t) info = NULL;
  if (judge->root != NULL)
    return true;
  if (!judge->engine->get (judge->engine, "/info", &info, &error))
    return judge_refuse_unknown (judge, error);
  const char *root = json_string_value (json_object_get (info, "DockerRootDir"));
  if (root == NULL || *root != '/')
    {
      keel_error (&error, KEEL_ERROR_FAILED, NULL,
                  "the Docker Engine does not say where its data is");
      return judge_refuse_unknown (judge, error);
    }
  judge->root = resolve (root);
  return true;
}

/* Volumes may lie elsewhere: on a device, or where another driver keeps them. */
static bool
judge_volume_places (Judge *judge, const char *real)
{
  const json_t *volumes;
  size_t i;
  json_t *object;
  if (!judge_volumes (judge, &volumes))
    return false;
  json_array_foreach (volumes, i, object)
    {
      g_autoptr (GuardVolume) volume = guard_volume_from_json (judge->policy, object);
      const char *places[] = { volume->mountpoint, volume->device };
      bool is_touched = false;
      for (size_t j = 0; j < G_N_ELEMENTS (places); j++)
        if (places[j] != NULL && *places[j] == '/')
          {
            g_autofree char *place = resolve (places[j]);
            is_touched = is_touched || touches (real, place);
          }
      if (!is_touched)
        continue;
      guard_volume_look_into (volume);
      if (!guard_volume_is_protected (volume))
        continue;
      g_autofree char *why = guard_volume_why (judge->policy, volume);
      return judge_refuse (
          judge,
          &(Refusal){ "host-path", volume->name, "Mount it read-only, or another folder.", true },
          "%s has the files of volume “%s”, which %s", real, volume->name, why);
    }
  return true;
}

static bool
judge_guard_paths (Judge *judge, const char *real)
{
  for (char **path = judge->policy->paths; *path != NULL; path++)
    {
      g_autofree char *own = resolve (*path);
      if (touches (real, own))
        return judge_refuse (judge,
                             &(Refusal){ .rule = "host-path",
                                         .hint = "Mount it read-only, or another folder.",
                                         .is_attempt = true },
                             "%s is what this guard works with", own);
    }
  return true;
}

/* A socket is written to through a read-only mount as well. */
static bool
judge_sockets (Judge *judge, const char *real)
{
  for (size_t i = 0; i < G_N_ELEMENTS (engine_sockets); i++)
    {
      g_autofree char *socket = resolve (engine_sockets[i]);
      if (judge_path_covers (real, socket))
        return judge_refuse (judge, &(Refusal){ .rule = "socket" },
                             "guard.strict: with %s a container may do anything to the Engine",
                             socket);
    }
  return true;
}

static bool
refuse_root (Judge *judge, const char *path)
{
  return judge_refuse (judge,
                       &(Refusal){ .rule = "host-path",
                                   .hint = "Mount it read-only, or another folder.",
                                   .is_attempt = true },
                       "%s has the Engine's own data in it (%s), every volume included", path,
                       judge->root);
}

bool
judge_engine_root (Judge *judge, const char *path)
{
  g_autofree char *real = resolve (path);
  return read_root (judge) && (!touches (real, judge->root) || refuse_root (judge, path));
}

bool
judge_host_path (Judge *judge, const char *path, bool may_write)
{
  g_autofree char *real = resolve (path);
  if (judge->policy->is_strict && !judge_sockets (judge, real))
    return false;
  if (!may_write)
    return true;
  if (!read_root (judge))
    return false;
  if (covers (real, judge->root))
    return refuse_root (judge, path);
  /* What is below the root is named by its volume, where there is one. */
  return judge_volume_places (judge, real) && judge_guard_paths (judge, real)
         && (!covers (judge->root, real) || refuse_root (judge, path));
}

static bool
says_read_only (const char *options)
{
  g_auto (GStrv) words = g_strsplit (options != NULL ? options : "", ",", -1);
  return g_strv_contains ((const char *const *) words, "ro");
}

/* Whether LINE of /proc/self/mountinfo is of the block device DEVICE: by its number, or where the file system
 * has numbers of its own, by its name. */
static bool
is_mount_of (const char *line, dev_t device)
{
  unsigned int major_number, minor_number;
  struct stat status;
  const char *rest = strstr (line, " - ");
  if (sscanf (line, "%*s %*s %u:%u", &major_number, &minor_number) == 2
      && makedev (major_number, minor_number) == device)
    return true;
  g_auto (GStrv) words = g_strsplit (rest != NULL ? rest + 3 : "", " ", 3);
  return g_strv_length (words) >= 2 && g_str_has_prefix (words[1], "/dev/")
         && stat (words[1], &status) == 0 && S_ISBLK (status.st_mode) && status.st_rdev == device;
}

/* A disk that is in use here has files that are guarded; a volume would only mount it once more. */
static bool
judge_disk (Judge *judge, const char *path)
{
  struct stat status;
  g_autofree char *mounts = NULL;
  if (stat (path, &status) != 0 || !S_ISBLK (status.st_mode))
    return true;
  bool is_used = !g_file_get_contents ("/proc/self/mountinfo", &mounts, NULL, NULL);
  g_auto (GStrv) lines = g_strsplit (mounts != NULL ? mounts : "", "\n", -1);
  for (char **line = lines; *line != NULL && !is_used; line++)
    is_used = is_mount_of (*line, status.st_rdev);
  return !is_used
         || judge_refuse (judge,
                          &(Refusal){ .rule = "host-path",
                                      .hint = "Use a disk of its own, or a folder of this one.",
                                      .is_attempt = true },
                          "%s is mounted on this host: all of its files could be written to", path);
}

bool
judge_volume_options (Judge *judge, const json_t *options)
{
  const char *flags = json_string_value (json_object_get (options, "o"));
  const char *device = json_string_value (json_object_get (options, "device"));
  bool may_write = !says_read_only (flags);
  if (device != NULL && may_write && !judge_disk (judge, device))
    return false;
  if (device != NULL && *device == '/' && !judge_host_path (judge, device, may_write))
    return false;
  /* upperdir=/folder,... of file systems that lie on others. */
  g_auto (GStrv) words = g_strsplit_set (flags != NULL ? flags : "", ",=:", -1);
  for (char **word = words; *word != NULL; word++)
    if (**word == '/' && !judge_host_path (judge, *word, may_write))
      return false;
  return true;
}
