#include "backup/foreign.h"
#include "backup/script.h"
#include "backup/trailer.h"
#include "base/cancel.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"
#include "db/binaries.h"
#include "db/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* For what psql or pg_restore do not take. */
#define DUMP_HINT                                                                                  \
  "Nothing was replaced. Look whether the dump is whole, and whether this server has what it needs."
#define WAIT_TURN_MS 10
#define BUFFER_BYTES ((size_t) 256 * 1024)
#define ERRORS_MAX_BYTES (1024 * 1024)

const char *
foreign_kind_name (ForeignKind kind)
{
  static const char *const names[]
      = { "pgkeel backup", "SQL text", "gzipped SQL text", "pg_dump archive" };
  return names[kind];
}

/* A trailer at the end, even a damaged one, makes the file ours: then damage is not to be restored
 * by psql as if nothing were wrong. */
static bool
has_trailer (int fd, uint64_t size)
{
  uint8_t bytes[TRAILER_BYTES];
  static const uint8_t mark[] = { 'P', 'K', 52, 0 };
  return size >= TRAILER_BYTES
         && fs_pread_all (fd, bytes, sizeof bytes, size - sizeof bytes, "", NULL)
         && memcmp (bytes + 12, mark, sizeof mark) == 0;
}

/* pgkeel's files begin with a comment that says so. */
static bool
is_archive (const uint8_t *bytes, size_t length)
{
  bool is_tar = length >= 262 && memcmp (bytes + 257, "ustar", 5) == 0;
  return is_tar || (length >= 5 && memcmp (bytes, "PGDMP", 5) == 0);
}

bool
foreign_detect (const char *path, ForeignKind *ret_kind, GError **error)
{
  struct stat info;
  g_auto (Fd) fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &info) != 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  if (S_ISDIR (info.st_mode))
    {
      g_autofree char *toc = g_build_filename (path, "toc.dat", NULL);
      *ret_kind = FOREIGN_ARCHIVE;
      return g_file_test (toc, G_FILE_TEST_EXISTS)
             || keel_error (error, KEEL_ERROR_USAGE, "Name a file, or a folder that pg_dump wrote.",
                            "“%s” is a folder, not a backup", path);
    }
  if (info.st_size == 0)
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one holds nothing.",
                       "“%s” is empty (0 bytes)", path);
  uint8_t bytes[512] = { 0 };
  size_t length = MIN ((size_t) info.st_size, sizeof bytes);
  if (!fs_pread_all (fd, bytes, length, 0, path, error))
    return false;
  bool is_gzip = length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
  if (is_gzip)
    *ret_kind = has_trailer (fd, (uint64_t) info.st_size) ? FOREIGN_NONE : FOREIGN_SQL_GZ;
  else
    *ret_kind = is_archive (bytes, length) ? FOREIGN_ARCHIVE : FOREIGN_SQL;
  return true;
}

/* Opens the text: the file itself, or the output of gzip. */
static bool
open_text (const char *path, ForeignKind kind, int *ret_fd, pid_t *ret_gzip, GError **error)
{
  g_auto (Fd) file = open (path, O_RDONLY | O_CLOEXEC);
  int ends[2];
  *ret_gzip = 0;
  if (file < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  if (kind == FOREIGN_SQL)
    {
      *ret_fd = file;
      file = -1;
      return true;
    }
  const char *const argv[] = { "gzip", "-dc", NULL };
  if (pipe2 (ends, O_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "cannot make a pipe");
  bool started
      = process_start_fds (&(ProcessSpec){ .argv = argv }, file, ends[1], -1, ret_gzip, error);
  close (ends[1]);
  if (started)
    *ret_fd = ends[0];
  else
    close (ends[0]);
  return started;
}

/* psql may take its time over a statement: TO does not block, so that whoever wants it to end need not
 * wait for that. False when psql has ended, or shall. */
static bool
write_or_cancel (int to, const char *data, size_t length)
{
  while (length > 0)
    {
      struct pollfd fds[] = { { to, POLLOUT, 0 }, { cancel_fd (), POLLIN, 0 } };
      ssize_t count = write (to, data, length);
      if (count < 0 && errno != EINTR && errno != EAGAIN)
        return false;
      data += MAX (count, 0);
      length -= (size_t) MAX (count, 0);
      if (count < 0)
        poll (fds, G_N_ELEMENTS (fds), -1);
      if (cancel_requested ())
        return false;
    }
  return true;
}

/* Its exit code, or that of being told to end when that is wanted. */
static int
wait_or_cancel (pid_t pid)
{
  int status;
  while (!cancel_requested ())
    {
      struct pollfd fd = { cancel_fd (), POLLIN, 0 };
      pid_t ended = waitpid (pid, &status, WNOHANG);
      if (ended < 0 && errno != EINTR)
        return 127;
      if (ended == pid)
        return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
      poll (&fd, 1, WAIT_TURN_MS);
    }
  kill (pid, SIGTERM);
  return process_wait (pid);
}

/* Feeds psql, or nobody (TO is -1); when psql has ended early its own error says why. */
static bool
feed (int from, int to, const char *path, bool is_gzip, GError **error)
{
  g_autofree char *buffer = g_malloc (BUFFER_BYTES);
  g_autoptr (Script) script = script_new (path, is_gzip);
  for (;;)
    {
      ssize_t count = read (from, buffer, BUFFER_BYTES);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return keel_error_errno (error, errno, "cannot read “%s”", path);
      if (!cancel_check (error))
        return false;
      if (count == 0)
        return script_end (script, error);
      if (!script_read (script, buffer, (size_t) count, error))
        return false;
      if (to >= 0 && !write_or_cancel (to, buffer, (size_t) count))
        return cancel_check (error);
    }
}

static bool
judge_gzip (int exit_code, const char *path, GError **error)
{
  return exit_code == 0
         || keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one is damaged.",
                        "“%s” is not a whole gzip file", path);
}

/* False at the end. */
static bool
skip_some (int fd)
{
  char buffer[16384];
  ssize_t count;
  while ((count = read (fd, buffer, sizeof buffer)) < 0 && errno == EINTR)
    ;
  return count > 0;
}

bool
foreign_check (const char *path, ForeignKind kind, GError **error)
{
  g_auto (Fd) text = -1;
  g_autoptr (GError) problem = NULL;
  pid_t gzip;
  if (kind == FOREIGN_ARCHIVE)
    return true;
  if (!open_text (path, kind, &text, &gzip, error))
    return false;
  bool is_read = feed (text, -1, path, kind == FOREIGN_SQL_GZ, &problem);
  /* Of a file that is damaged nothing else need be said. */
  while (!is_read && gzip > 0 && !cancel_requested () && skip_some (text))
    ;
  fd_clear (&text);
  int gzip_code = gzip > 0 ? process_wait (gzip) : 0;
  if (!cancel_check (error) || !judge_gzip (gzip_code, path, error))
    return false;
  if (!is_read)
    g_propagate_error (error, g_steal_pointer (&problem));
  return is_read;
}

/* The first error in what psql or pg_restore said, without file names before it. */
static char *
first_error (const char *text)
{
  const char *at = strstr (text, "ERROR: ");
  g_autofree char *line = text_first_line (at != NULL ? at + strlen ("ERROR: ") : text);
  return g_strdup (g_strstrip (line));
}

/* With the first error of TEXT, which PROGRAM said, and a hint for it. */
static bool
tool_failed (const char *program, const char *text, const char *path, GError **error)
{
  static const char role[] = "role \"", missing[] = "\" does not exist";
  g_autofree char *detail = first_error (text != NULL ? text : "");
  g_autofree char *hint = NULL;
  if (g_str_has_prefix (detail, role) && g_str_has_suffix (detail, missing))
    {
      g_autofree char *name
          = g_strndup (detail + strlen (role), strlen (detail) - strlen (role) - strlen (missing));
      g_autofree char *quoted = db_quote_ident (name);
      hint = g_strdup_printf ("Nothing was replaced. Make the role first: CREATE ROLE %s;", quoted);
    }
  return keel_error_full (error, KEEL_ERROR_FAILED, NULL, *detail != '\0' ? detail : NULL,
                          hint != NULL ? hint : DUMP_HINT, "%s stopped at an error in “%s”",
                          program, path);
}

typedef struct
{
  char *program;
  char *conninfo;
  char *password_setting; /* PGPASSWORD=..., or NULL */
  char *log_path;
} Tool;

static void
tool_clear (Tool *tool)
{
  if (tool->log_path != NULL)
    unlink (tool->log_path);
  g_free (tool->program);
  g_free (tool->conninfo);
  g_free (tool->password_setting);
  g_free (tool->log_path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tool, tool_clear)

static bool
tool_prepare (Tool *tool, const char *name, const char *url, const char *database, int major,
              GError **error)
{
  g_autofree char *password = NULL;
  g_autofree char *conninfo = db_conninfo (url, database, &password, error);
  if (conninfo == NULL)
    return false;
  tool->conninfo = g_strdup_printf ("--dbname=%s", conninfo);
  if (password != NULL)
    tool->password_setting = g_strdup_printf ("PGPASSWORD=%s", password);
  tool->program = binaries_find_tool (name, major, error);
  g_auto (Fd) log = g_file_open_tmp ("pgkeel-restore-XXXXXX", &tool->log_path, error);
  return tool->program != NULL && log >= 0;
}

static bool
run_psql (Tool *tool, const char *path, ForeignKind kind, GError **error)
{
  const char *const argv[]
      = { tool->program,        tool->conninfo,          "-X", "-q", "--no-password",
          "--output=/dev/null", "--set=ON_ERROR_STOP=1", NULL };
  const char *const environment[] = { "LC_ALL=C", tool->password_setting, NULL };
  ProcessSpec spec = { .argv = argv, .environment = environment };
  g_auto (Fd) text = -1;
  g_auto (Fd) log = open (tool->log_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  pid_t gzip, psql;
  int ends[2];
  if (!open_text (path, kind, &text, &gzip, error))
    return false;
  if (log < 0 || pipe2 (ends, O_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "cannot make a pipe");
  bool started = process_start_fds (&spec, ends[0], -1, log, &psql, error);
  close (ends[0]);
  fcntl (ends[1], F_SETFL, O_NONBLOCK);
  bool fed = started && feed (text, ends[1], path, kind == FOREIGN_SQL_GZ, error);
  /* Without its end psql must not run the last statement as if it were whole. */
  if (started && !fed)
    kill (psql, SIGTERM);
  close (ends[1]);
  fd_clear (&text);
  int psql_code = started ? wait_or_cancel (psql) : 0;
  int gzip_code = gzip > 0 ? process_wait (gzip) : 0;
  if (!fed || !cancel_check (error))
    return false;
  if (psql_code != 0)
    {
      g_autofree char *said = NULL;
      (void) !fs_read_text (tool->log_path, ERRORS_MAX_BYTES, &said, NULL, NULL);
      return tool_failed ("psql", said, path, error);
    }
  return judge_gzip (gzip_code, path, error);
}

static bool
run_pg_restore (Tool *tool, const char *path, unsigned int job_count, GError **error)
{
  struct stat info;
  /* Its parallel mode needs to seek, which the tar format cannot. */
  g_autofree char *jobs
      = g_strdup_printf ("--jobs=%u", job_count > 0 ? job_count : MIN (g_get_num_processors (), 8));
  uint8_t magic[5] = { 0 };
  g_auto (Fd) fd = open (path, O_RDONLY | O_CLOEXEC);
  bool is_folder = fd >= 0 && fstat (fd, &info) == 0 && S_ISDIR (info.st_mode);
  bool is_custom = !is_folder && fs_pread_all (fd, magic, sizeof magic, 0, path, NULL)
                   && memcmp (magic, "PGDMP", sizeof magic) == 0;
  const char *const argv[] = { tool->program,
                               tool->conninfo,
                               "--no-password",
                               "--exit-on-error",
                               path,
                               is_folder || is_custom ? jobs : NULL,
                               NULL };
  const char *const environment[] = { "LC_ALL=C", tool->password_setting, NULL };
  g_auto (ProcessResult) result = { 0 };
  ProcessSpec spec = { .argv = argv, .environment = environment, .die_with_us = true };
  if (!process_run (&spec, &result, error))
    return false;
  return result.exit_code == 0 || tool_failed ("pg_restore", result.errors, path, error);
}

bool
foreign_restore (const char *path, ForeignKind kind, const char *url, const char *database,
                 int server_major, unsigned int job_count, GError **error)
{
  g_auto (Tool) tool = { 0 };
  bool is_archive_kind = kind == FOREIGN_ARCHIVE;
  if (!tool_prepare (&tool, is_archive_kind ? "pg_restore" : "psql", url, database, server_major,
                     error))
    return false;
  return is_archive_kind ? run_pg_restore (&tool, path, job_count, error)
                         : run_psql (&tool, path, kind, error);
}
