#include "backup/foreign.h"
#include "backup/trailer.h"
#include "base/cancel.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"
#include "db/binaries.h"
#include "db/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* For what psql or pg_restore do not take. */
#define DUMP_HINT                                                                                  \
  "Nothing was replaced. Look whether the dump is whole, and whether this server has what it needs."
#define TAIL_BYTES 4096
#define ERRORS_MAX_BYTES (1024 * 1024)

static const char dump_begin[] = "-- PostgreSQL database dump\n";
static const char dump_end[] = "-- PostgreSQL database dump complete\n";

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

/* What the text on its way to psql shows of itself. */
typedef struct
{
  GString *line; /* the beginning of the line that is not yet complete */
  bool is_dump;  /* pg_dump's heading was seen */
  bool is_gzip;  /* pgkeel's own files are known by their trailer, so one of them has lost it */
  bool is_ours;  /* pgkeel's own heading was seen: then only its index ends it */
  bool has_index;
  bool is_complete; /* and its last words */
  bool connects;    /* it would leave the database */
} Watch;

static void
watch_line (Watch *watch)
{
  const char *line = watch->line->str;
  watch->is_ours = watch->is_ours || g_str_has_prefix (line, "-- Restore without pgkeel: ");
  watch->has_index = watch->has_index || g_str_has_prefix (line, "-- {\"end\":");
  watch->is_dump = watch->is_dump || strcmp (line, dump_begin) == 0;
  watch->is_complete = watch->is_complete || strcmp (line, dump_end) == 0;
  watch->connects
      = watch->connects || g_str_has_prefix (line, "\\connect ") || g_str_has_prefix (line, "\\c ");
  g_string_truncate (watch->line, 0);
}

/* Only the beginnings of lines are kept: none that matters is longer. */
static void
watch_text (Watch *watch, const char *data, size_t length)
{
  while (length > 0)
    {
      const char *end = memchr (data, '\n', length);
      size_t count = end != NULL ? (size_t) (end + 1 - data) : length;
      if (watch->line->len < TAIL_BYTES)
        g_string_append_len (watch->line, data, (gssize) MIN (count, (size_t) TAIL_BYTES));
      if (end != NULL)
        watch_line (watch);
      data += count;
      length -= count;
    }
}

static bool
judge_text (const Watch *watch, const char *path, GError **error)
{
  if (watch->connects)
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        "It was made with --create or by pg_dumpall: make it again without, or run it by hand.",
        "“%s” would leave the new database by “\\connect”", path);
  if (watch->is_ours && (watch->is_gzip || !watch->has_index))
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one ends early.",
                       "“%s” was written by pgkeel, but lacks its end", path);
  if (watch->is_dump && !watch->is_complete)
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one ends early.",
                       "“%s” was begun by pg_dump, but lacks its end", path);
  return true;
}

/* Feeds psql; when it has ended early its own error says why. */
static bool
feed (int from, int to, const char *path, Watch *watch, GError **error)
{
  g_autofree char *buffer = g_malloc (256 * 1024);
  for (;;)
    {
      ssize_t count = read (from, buffer, 256 * 1024);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return keel_error_errno (error, errno, "cannot read “%s”", path);
      if (!cancel_check (error))
        return false;
      if (count == 0)
        break;
      watch_text (watch, buffer, (size_t) count);
      if (watch->connects)
        break;
      if (!fs_write_all (to, buffer, (size_t) count, "psql", NULL))
        return true;
    }
  if (watch->line->len > 0)
    watch_line (watch);
  return judge_text (watch, path, error);
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

/* psql's first error, without the file name before it. */
static char *
first_error (const char *log_path)
{
  g_autofree char *text = NULL;
  if (!fs_read_text (log_path, ERRORS_MAX_BYTES, &text, NULL, NULL))
    return NULL;
  const char *at = strstr (text, "ERROR: ");
  return text_first_line (at != NULL ? at + strlen ("ERROR: ") : text);
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
  g_autoptr (GString) line = g_string_new (NULL);
  Watch watch = { .line = line, .is_gzip = kind == FOREIGN_SQL_GZ };
  pid_t gzip, psql;
  int ends[2];
  if (!open_text (path, kind, &text, &gzip, error))
    return false;
  if (log < 0 || pipe2 (ends, O_CLOEXEC) != 0)
    return keel_error_errno (error, errno, "cannot make a pipe");
  bool started = process_start_fds (&spec, ends[0], -1, log, &psql, error);
  close (ends[0]);
  bool fed = started && feed (text, ends[1], path, &watch, error);
  /* Without its end psql must not run the last statement as if it were whole. */
  if (started && !fed)
    kill (psql, SIGTERM);
  close (ends[1]);
  fd_clear (&text);
  int psql_code = started ? process_wait (psql) : 0;
  int gzip_code = gzip > 0 ? process_wait (gzip) : 0;
  if (!fed)
    return false;
  if (psql_code != 0)
    {
      g_autofree char *detail = first_error (tool->log_path);
      return keel_error_full (error, KEEL_ERROR_FAILED, NULL, detail, DUMP_HINT,
                              "psql stopped at an error in “%s”", path);
    }
  if (gzip_code != 0)
    return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one is damaged.",
                       "“%s” is not a whole gzip file", path);
  return true;
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
  if (process_run_ok (&spec, &result, error))
    return true;
  keel_error_suggest (error, DUMP_HINT);
  return false;
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
