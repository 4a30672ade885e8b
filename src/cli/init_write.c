#include "cli/init_write.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define STAGE_PREFIX ".pgkeel-init-"
#define TEXT_MAX_BYTES (1024 * 1024)
#define FILE_MODE 0644
#define FOLDER_MODE 0755

/* One change on its way. */
typedef struct
{
  const InitChange *change; /* borrowed */
  Fd parent;
  char *base;        /* name in PARENT */
  char staged[16];   /* name of the new text in the stage */
  char original[16]; /* name that the old file is kept under in the stage */
  bool is_done;
} Step;

typedef struct
{
  const char *folder; /* borrowed */
  Fd root, stage, hold;
  char *stage_path;
  GPtrArray *steps;        /* of Step */
  GPtrArray *made_folders; /* of char *, as they were made */
} Writer;

static void
step_free (Step *step)
{
  fd_clear (&step->parent);
  g_free (step->base);
  g_free (step);
}

static void
writer_clear (Writer *writer)
{
  if (writer->stage_path != NULL)
    {
      g_autoptr (GError) ignored = NULL;
      if (!fs_remove_tree (writer->stage_path, &ignored))
        g_clear_error (&ignored);
    }
  g_clear_pointer (&writer->steps, g_ptr_array_unref);
  g_clear_pointer (&writer->made_folders, g_ptr_array_unref);
  fd_clear (&writer->root);
  fd_clear (&writer->stage);
  fd_clear (&writer->hold);
  g_free (writer->stage_path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Writer, writer_clear)

/* The folder that PATH is in, without following a link; -1 with errno. MADE (may be NULL): folders that
 * are missing are made, and added to it. */
static int
open_parent (int root, const char *path, GPtrArray *made)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  g_autoptr (GString) walked = g_string_new (NULL);
  g_auto (Fd) at = fcntl (root, F_DUPFD_CLOEXEC, 0);
  for (char **part = parts; part[1] != NULL && at >= 0; part++)
    {
      g_string_append_printf (walked, "%s%s", walked->len > 0 ? "/" : "", *part);
      int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
      int next = openat (at, *part, flags);
      if (next < 0 && errno == ENOENT && made != NULL && mkdirat (at, *part, FOLDER_MODE) == 0)
        {
          g_ptr_array_add (made, g_strdup (walked->str));
          next = openat (at, *part, flags);
        }
      int problem = errno;
      fd_clear (&at);
      at = next;
      errno = problem;
    }
  int result = at;
  at = -1;
  return result;
}

static const char *
base_name (const char *path)
{
  const char *slash = strrchr (path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* Whether a link is why the way to PATH ends: O_DIRECTORY with O_NOFOLLOW says ENOTDIR for both. */
static bool
leads_over_link (int root, const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  g_autoptr (GString) walked = g_string_new (NULL);
  struct stat info;
  for (char **part = parts; *part != NULL; part++)
    {
      g_string_append_printf (walked, "%s%s", walked->len > 0 ? "/" : "", *part);
      if (fstatat (root, walked->str, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
      if (S_ISLNK (info.st_mode))
        return true;
    }
  return false;
}

/* Reads the file FD; NULL without an error when it is none, too large, or holds a NUL. */
static bool
read_text (int fd, const char *path, char **ret_text, GError **error)
{
  struct stat info;
  *ret_text = NULL;
  if (fstat (fd, &info) != 0)
    return keel_error_errno (error, errno, "cannot look at “%s”", path);
  if (!S_ISREG (info.st_mode) || info.st_size > TEXT_MAX_BYTES)
    return true;
  size_t length = (size_t) info.st_size;
  g_autofree char *text = g_malloc (length + 1);
  if (length > 0 && !fs_pread_all (fd, text, length, 0, path, error))
    return false;
  text[length] = '\0';
  if (strlen (text) == length)
    *ret_text = g_steal_pointer (&text);
  return true;
}

/* Opens without waiting for the other end of a FIFO. */
static bool
read_below (int root, const char *path, InitPresence *ret_presence, char **ret_text, GError **error)
{
  g_auto (Fd) parent = open_parent (root, path, NULL);
  g_auto (Fd) fd = parent >= 0 ? openat (parent, base_name (path),
                                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                               : -1;
  *ret_text = NULL;
  if (fd < 0 && errno == ENOENT)
    *ret_presence = INIT_IS_ABSENT;
  else if (fd < 0 && leads_over_link (root, path))
    *ret_presence = INIT_IS_LINK;
  else if (fd < 0 && (errno == ENOTDIR || errno == ENXIO))
    *ret_presence = INIT_IS_OTHER;
  else if (fd < 0)
    return keel_error_errno (error, errno, "cannot read “%s”", path);
  else if (!read_text (fd, path, ret_text, error))
    return false;
  else
    *ret_presence = *ret_text != NULL ? INIT_IS_FILE : INIT_IS_OTHER;
  return true;
}

static int
open_root (const char *folder, GError **error)
{
  int root = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    (void) keel_error_errno (error, errno, "cannot open the folder “%s”", folder);
  return root;
}

bool
init_read (const char *folder, const char *path, InitPresence *ret_presence, char **ret_text,
           GError **error)
{
  g_auto (Fd) root = open_root (folder, error);
  return root >= 0 && read_below (root, path, ret_presence, ret_text, error);
}

/* Stages of runs that were killed go; those that are in use stay. */
static void
remove_dead_stages (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_auto (Fd) hold = -1;
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (!g_str_has_prefix (name, STAGE_PREFIX) || g_file_test (path, G_FILE_TEST_IS_SYMLINK)
          || !fs_hold_folder (path, &hold))
        continue;
      g_autoptr (GError) ignored = NULL;
      if (!fs_remove_tree (path, &ignored))
        g_clear_error (&ignored);
    }
}

static bool
open_stage (Writer *writer, GError **error)
{
  remove_dead_stages (writer->folder);
  g_autofree char *path = g_build_filename (writer->folder, STAGE_PREFIX "XXXXXX", NULL);
  if ((writer->root = open_root (writer->folder, error)) < 0
      || !fs_make_held_folder (path, &writer->hold, error))
    return false;
  writer->stage_path = g_steal_pointer (&path);
  writer->stage = open (writer->stage_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return writer->stage >= 0
         || keel_error_errno (error, errno, "cannot open “%s”", writer->stage_path);
}

/* Writes the new text aside, with the mode of the file that it replaces. */
static bool
stage_text (Writer *writer, const InitChange *change, GError **error)
{
  Step *step = g_new0 (Step, 1);
  step->change = change;
  step->parent = -1;
  step->base = g_strdup (base_name (change->path));
  g_snprintf (step->staged, sizeof step->staged, "new-%u", writer->steps->len);
  g_snprintf (step->original, sizeof step->original, "old-%u", writer->steps->len);
  g_ptr_array_add (writer->steps, step);

  mode_t mode = FILE_MODE;
  struct stat info;
  if (change->before != NULL
      && fstatat (writer->root, change->path, &info, AT_SYMLINK_NOFOLLOW) == 0)
    mode = info.st_mode & 07777;
  g_auto (Fd) fd
      = openat (writer->stage, step->staged, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot make a file in “%s”", writer->stage_path);
  if (!fs_write_all (fd, change->after, strlen (change->after), change->path, error))
    return false;
  if ((change->before != NULL && fchmod (fd, mode) != 0) || fsync (fd) != 0)
    return keel_error_errno (error, errno, "cannot write “%s”", change->path);
  return true;
}

static bool
place_new (const Writer *writer, const Step *step, GError **error)
{
  if (linkat (writer->stage, step->staged, step->parent, step->base, 0) == 0)
    return true;
  if (errno == EEXIST)
    return keel_error (error, KEEL_ERROR_REFUSED, "Run the command again.",
                       "“%s” has appeared meanwhile", step->change->path);
  return keel_error_errno (error, errno, "cannot make “%s”", step->change->path);
}

static bool
place_over (const Writer *writer, const Step *step, GError **error)
{
  InitPresence presence;
  g_autofree char *text = NULL;
  if (!read_below (writer->root, step->change->path, &presence, &text, error))
    return false;
  if (g_strcmp0 (text, step->change->before) != 0)
    return keel_error (error, KEEL_ERROR_REFUSED, "Run the command again.",
                       "“%s” has changed meanwhile", step->change->path);
  if (linkat (step->parent, step->base, writer->stage, step->original, 0) != 0
      || renameat (writer->stage, step->staged, step->parent, step->base) != 0)
    return keel_error_errno (error, errno, "cannot replace “%s”", step->change->path);
  return true;
}

static bool
place (Writer *writer, Step *step, GError **error)
{
  step->parent = open_parent (writer->root, step->change->path, writer->made_folders);
  if (step->parent < 0)
    return keel_error_errno (error, errno, "cannot open the folder of “%s”", step->change->path);
  step->is_done = step->change->before == NULL ? place_new (writer, step, error)
                                               : place_over (writer, step, error);
  if (step->is_done && fsync (step->parent) != 0)
    return keel_error_errno (error, errno, "cannot write the folder of “%s”", step->change->path);
  return step->is_done;
}

static void
take_back (Writer *writer)
{
  for (guint i = writer->steps->len; i-- > 0;)
    {
      Step *step = g_ptr_array_index (writer->steps, i);
      if (step->is_done && step->change->before == NULL)
        unlinkat (step->parent, step->base, 0);
      else if (step->is_done)
        renameat (writer->stage, step->original, step->parent, step->base);
    }
  for (guint i = writer->made_folders->len; i-- > 0;)
    unlinkat (writer->root, g_ptr_array_index (writer->made_folders, i), AT_REMOVEDIR);
}

bool
init_write (const char *folder, GPtrArray *changes, GError **error)
{
  g_auto (Writer) writer = { .folder = folder, .root = -1, .stage = -1, .hold = -1 };
  writer.steps = g_ptr_array_new_with_free_func ((GDestroyNotify) step_free);
  writer.made_folders = g_ptr_array_new_with_free_func (g_free);
  if (changes->len == 0)
    return true;
  if (!open_stage (&writer, error))
    return false;
  bool is_fine = true;
  for (guint i = 0; i < changes->len && is_fine; i++)
    is_fine = stage_text (&writer, g_ptr_array_index (changes, i), error);
  for (guint i = 0; i < changes->len && is_fine; i++)
    is_fine = place (&writer, g_ptr_array_index (writer.steps, i), error);
  if (!is_fine)
    take_back (&writer);
  return is_fine;
}
