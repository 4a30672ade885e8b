#include "db/server.h"
#include "base/cancel.h"
#include "base/fs.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* How much of a log's end is looked at for the reason of a failure. */
#define LOG_TAIL_BYTES 8192
/* A detail is a line or two. */
#define REASON_MAX_BYTES 600

/* Settings are given to initdb by name only in relative form: it and pg_ctl put paths through a
 * shell, and the folder's own path may hold anything. */
static bool
run_initdb (const ServerInit *init, const char *locale, ProcessResult *ret_result, GError **error)
{
  g_autofree char *program = g_build_filename (init->bin_folder, "initdb", NULL);
  g_autofree char *locale_option = g_strdup_printf ("--locale=%s", locale);
  g_autofree char *user_option = g_strdup_printf ("--username=%s", init->superuser);
  const char *argv[16] = { program,           "--pgdata",    init->name,        "--auth=trust",
                           "--encoding=UTF8", locale_option, "--lc-messages=C", user_option };
  argv[8] = init->is_scratch ? "--no-sync" : "--data-checksums";
  /* initdb tries all time zones for the one that behaves as the system's; a scratch server needs none. */
  const char *const environment[]
      = { "LC_ALL=C", "PGDATA=", init->is_scratch ? "TZ=UTC" : NULL, NULL };
  const ProcessSpec spec = { .argv = argv,
                             .environment = environment,
                             .folder = init->parent,
                             .uid = init->user->uid,
                             .gid = init->user->gid,
                             .die_with_us = true };
  return process_run (&spec, ret_result, error);
}

/* The first line of initdb's complaints that is an error. */
static char *
initdb_reason (const char *errors)
{
  g_auto (GStrv) lines = g_strsplit (errors, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (strstr (*line, "error:") != NULL || strstr (*line, "FATAL:") != NULL
        || strstr (*line, "fatal:") != NULL)
      return g_strdup (g_strstrip (*line));
  return lines[0] != NULL && *lines[0] != '\0' ? g_strdup (g_strstrip (lines[0])) : NULL;
}

bool
server_init (const ServerInit *init, GError **error)
{
  g_auto (ProcessResult) result = { 0 };
  if (!run_initdb (init, "C.UTF-8", &result, error))
    return false;
  if (result.exit_code != 0 && strstr (result.errors, "locale") != NULL)
    {
      process_result_clear (&result);
      if (!run_initdb (init, "C", &result, error))
        return false;
    }
  if (result.exit_code == 0)
    return true;
  g_autofree char *reason = initdb_reason (result.errors);
  return keel_error_full (error, KEEL_ERROR_FAILED, NULL, reason, NULL,
                          "initdb could not make a cluster in “%s” (exit code %d)", init->parent,
                          result.exit_code);
}

/* TEXT between two QUOTE, which is doubled inside. */
static char *
quote_twice (const char *text, char quote)
{
  GString *quoted = g_string_new (NULL);
  g_string_append_c (quoted, quote);
  for (; *text != '\0'; text++)
    {
      if (*text == quote)
        g_string_append_c (quoted, quote);
      g_string_append_c (quoted, *text);
    }
  g_string_append_c (quoted, quote);
  return g_string_free (quoted, FALSE);
}

char *
server_quote_list_element (const char *path)
{
  return quote_twice (path, '"');
}

char *
server_quote_setting (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "\\", -1);
  g_autofree char *escaped = g_strjoinv ("\\\\", parts);
  return quote_twice (escaped, '\'');
}

bool
server_socket_fits (const char *folder)
{
  size_t length = strlen (folder) + strlen ("/.s.PGSQL." SERVER_PORT);
  return length < sizeof ((struct sockaddr_un *) NULL)->sun_path
         && strpbrk (folder, "\r\n") == NULL;
}

char *
server_url (const char *socket_folder, const char *user, const char *database)
{
  g_autofree char *user_text = g_uri_escape_string (user, NULL, false);
  g_autofree char *database_text = g_uri_escape_string (database, NULL, false);
  g_autofree char *host = g_uri_escape_string (socket_folder, "/", false);
  return g_strdup_printf ("postgresql://%s@/%s?host=%s&port=" SERVER_PORT, user_text, database_text,
                          host);
}

ServerAnswer
server_ask (const char *socket_folder)
{
  /* As text, where what is given as empty counts: PGHOSTADDR, PGSERVICE and PGOPTIONS have no say. */
  g_autofree char *url = server_url (socket_folder, "postgres", "postgres");
  g_autofree char *question = g_strdup_printf ("%s&hostaddr=&options=&connect_timeout=2", url);
  switch (PQping (question))
    {
    case PQPING_OK: return SERVER_ACCEPTS;
    case PQPING_REJECT: return SERVER_NOT_YET;
    default: return SERVER_SILENT;
    }
}

/* A person's shell may have gone to the folder too. */
static bool
is_server (const char *pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/comm", pid);
  g_autofree char *name = NULL;
  return fs_read_text (path, 64, &name, NULL, NULL) && strcmp (g_strchomp (name), "postgres") == 0;
}

bool
server_can_find_processes (void)
{
  return access ("/proc/self/cwd", F_OK) == 0;
}

/* Whether the process whose id is the text PID is a server in the folder that WANTED describes. */
static bool
works_in (const char *pid, const struct stat *wanted)
{
  struct stat found;
  g_autofree char *link = g_strdup_printf ("/proc/%s/cwd", pid);
  return stat (link, &found) == 0 && found.st_dev == wanted->st_dev
         && found.st_ino == wanted->st_ino && is_server (pid);
}

bool
server_works_in (pid_t pid, const char *data_folder)
{
  struct stat wanted;
  g_autofree char *text = g_strdup_printf ("%d", (int) pid);
  if (!server_can_find_processes ())
    return kill (pid, 0) == 0 || errno == EPERM;
  return stat (data_folder, &wanted) == 0 && works_in (text, &wanted);
}

GArray *
server_find_processes (const char *data_folder)
{
  GArray *pids = g_array_new (FALSE, FALSE, sizeof (pid_t));
  struct stat wanted;
  g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
  if (processes == NULL || stat (data_folder, &wanted) != 0)
    return pids;
  const char *name;
  while ((name = g_dir_read_name (processes)) != NULL)
    if (g_ascii_isdigit (name[0]) && works_in (name, &wanted))
      {
        pid_t pid = (pid_t) atoi (name);
        g_array_append_val (pids, pid);
      }
  return pids;
}

/* The end of the file, without a line that is cut at its beginning. */
static char *
read_tail (const char *path)
{
  g_auto (Fd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;
  if (fd < 0 || fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    return NULL;
  off_t start = MAX (0, info.st_size - LOG_TAIL_BYTES);
  g_autofree char *text = g_malloc0 (LOG_TAIL_BYTES + 1);
  if (pread (fd, text, LOG_TAIL_BYTES, start) <= 0)
    return NULL;
  const char *first = start > 0 ? strchr (text, '\n') : NULL;
  return g_strdup (first != NULL ? first + 1 : text);
}

/* Where LINE says how bad it is: what stands before (time, process) is of no use to the reader. */
static const char *
find_failure (const char *line)
{
  static const char *const severities[] = { "FATAL: ", "PANIC: ", "ERROR: " };
  /* Our own question, asked too early, leaves a line too. */
  if (strstr (line, "the database system is starting up") != NULL)
    return NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (severities); i++)
    if (strstr (line, severities[i]) != NULL)
      return strstr (line, severities[i]);
  return NULL;
}

static void
append_reason (GString *reason, const char *text)
{
  if (text != NULL && reason->len < REASON_MAX_BYTES)
    g_string_append_printf (reason, "%s%s", reason->len > 0 ? "; " : "", text);
}

char *
server_log_reason (const char *log_path)
{
  g_autofree char *text = read_tail (log_path);
  if (text == NULL)
    return NULL;
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  guint count = g_strv_length (lines), at = count;
  while (at > 0 && find_failure (lines[at - 1]) == NULL)
    at--;
  if (at == 0)
    return count > 0 && *lines[count - 1] != '\0' ? g_strdup (g_strstrip (lines[count - 1])) : NULL;
  at--;
  g_autoptr (GString) reason = g_string_new (NULL);
  append_reason (reason, g_strstrip ((char *) find_failure (lines[at])));
  /* That the configuration is wrong is fatal; what is wrong with it stands before. */
  if (strstr (lines[at], "configuration file") != NULL && at > 0)
    append_reason (reason, strstr (lines[at - 1], "LOG: "));
  for (guint i = at + 1; i < count; i++)
    {
      append_reason (reason, strstr (lines[i], "DETAIL: "));
      append_reason (reason, strstr (lines[i], "HINT: "));
    }
  return g_string_free (g_steal_pointer (&reason), FALSE);
}
