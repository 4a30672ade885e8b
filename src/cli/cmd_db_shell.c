/* pgkeel db shell: psql that says where it is. */
#include "base/fs.h"
#include "cli/cmd_db.h"
#include "cli/output.h"
#include "db/binaries.h"
#include "db/conn.h"
#include "project/audit.h"
#include "project/stamp.h"
#include "project/target.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* TEXT as it may stand in psql's prompt, where % begins an escape. */
static char *
prompt_text (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "%", -1);
  return g_strjoinv ("%%", parts);
}

/* "shop/production shop=# ", the first word red for production and protected environments. TAIL: what
 * psql's own prompt ends with. */
static char *
make_prompt (const Project *project, const char *tail)
{
  const ProjectEnvironment *environment = project->environment;
  bool dangerous = environment->is_protected || strcmp (environment->name, "production") == 0;
  g_autofree char *name = prompt_text (project->name);
  g_autofree char *where = prompt_text (environment->name);
  if (!output_wants_colour (STDOUT_FILENO))
    return g_strdup_printf ("%s/%s %s", name, where, tail);
  return g_strdup_printf ("%%[%s%%]%s/%s%%[%%033[0m%%] %s",
                          dangerous ? "%033[1;37;41m" : "%033[1;32m", name, where, tail);
}

/* TEXT as a quoted argument of a psql backslash command. */
static char *
quote_for_psql (const char *text)
{
  g_auto (GStrv) slashes = g_strsplit (text, "\\", -1);
  g_autofree char *escaped = g_strjoinv ("\\\\", slashes);
  g_auto (GStrv) quotes = g_strsplit (escaped, "'", -1);
  g_autofree char *doubled = g_strjoinv ("''", quotes);
  return g_strdup_printf ("'%s'", doubled);
}

/* The psqlrc that psql would have read by itself, or NULL. */
static char *
find_own_psqlrc (int major)
{
  const char *chosen = g_getenv ("PSQLRC");
  g_autofree char *base = chosen != NULL && chosen[0] == '/'
                              ? g_strdup (chosen)
                              : g_build_filename (g_get_home_dir (), ".psqlrc", NULL);
  if (chosen != NULL && g_str_has_prefix (chosen, "~/"))
    {
      g_free (base);
      base = g_build_filename (g_get_home_dir (), chosen + 2, NULL);
    }
  g_autofree char *versioned = g_strdup_printf ("%s-%d", base, major);
  if (access (versioned, R_OK) == 0)
    return g_steal_pointer (&versioned);
  return access (base, R_OK) == 0 ? g_steal_pointer (&base) : NULL;
}

/* A psqlrc of ours: the user's own one, then the prompt, which that must not take away. In a file
 * without a name, so that nothing is left to remove: psql takes our place. *RET_FD stays open in it. */
static bool
write_psqlrc (const char *prompt1, const char *prompt2, int major, int *ret_fd, GError **error)
{
  g_autofree char *own = find_own_psqlrc (major);
  g_autofree char *include = own != NULL ? quote_for_psql (own) : NULL;
  g_autofree char *first = quote_for_psql (prompt1);
  g_autofree char *second = quote_for_psql (prompt2);
  g_autofree char *text = g_strdup_printf (
      "%s%s%s\\set PROMPT1 %s\n\\set PROMPT2 %s\n", include != NULL ? "\\i " : "",
      include != NULL ? include : "", include != NULL ? "\n" : "", first, second);
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "pgkeel-psqlrc-XXXXXX", NULL);
  g_auto (Fd) fd = g_mkstemp_full (path, O_RDWR, 0600);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot make a file in “%s”", g_get_tmp_dir ());
  unlink (path);
  if (!fs_write_all (fd, text, strlen (text), path, error))
    return false;
  if (lseek (fd, 0, SEEK_SET) != 0)
    return keel_error_errno (error, errno, "cannot write “%s”", path);
  *ret_fd = fd;
  fd = -1;
  return true;
}

/* Connecting first gives our errors and retries, the server's version, and the stamp, which keeps a
 * shell for development out of a database that says it is production. */
static bool
look_first (CliContext *context, const Project *project, const char *url, int *ret_major,
            GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (Stamp) stamp = { 0 };
  if (!db_connect (url, NULL, &db_retry_default, &conn, error)
      || !stamp_read (conn, project, &stamp, error))
    return false;
  if (stamp.verdict == STAMP_MISMATCH)
    return stamp_check (&stamp, project, error);
  if (stamp.verdict == STAMP_COPY)
    report_warning (&context->report, "the database is a copy: its stamp is of another cluster",
                    NULL);
  *ret_major = db_server_major (conn);
  return true;
}

/* Becomes psql. Handlers go by themselves; what is ignored would stay so. */
static bool
become (const char *program, GPtrArray *words, GError **error)
{
  fflush (stdout);
  signal (SIGPIPE, SIG_DFL);
  signal (SIGXFSZ, SIG_DFL);
  execv (program, (char **) words->pdata);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  return keel_error_errno (error, errno, "cannot run “%s”", program);
}

/* Any psql serves where the right one is missing: an older one knows some of \d less. */
static char *
find_psql (CliContext *context, int major, GError **error)
{
  g_autoptr (GError) problem = NULL;
  char *program = binaries_find_tool ("psql", major, &problem);
  if (program != NULL)
    return program;
  program = binaries_find_tool ("psql", 0, NULL);
  if (program != NULL)
    report_warning (&context->report, "psql is older than the server", keel_error_hint (problem));
  else
    g_propagate_error (error, g_steal_pointer (&problem));
  return program;
}

static bool
exec_psql (CliContext *context, const Project *project, const char *url, int major,
           char **arguments, GError **error)
{
  g_autofree char *program = find_psql (context, major, error);
  if (program == NULL)
    return false;
  g_autofree char *password = NULL;
  g_autofree char *conninfo = db_conninfo (url, NULL, &password, error);
  if (conninfo == NULL)
    return false;
  g_autofree char *prompt1 = make_prompt (project, "%/%R%x%# ");
  g_autofree char *prompt2 = make_prompt (project, "%/%R%x%# ");
  g_auto (Fd) psqlrc = -1;
  if (!write_psqlrc (prompt1, prompt2, major, &psqlrc, error))
    return false;
  g_autofree char *psqlrc_path = g_strdup_printf ("/dev/fd/%d", psqlrc);
  g_setenv ("PSQLRC", psqlrc_path, TRUE);
  if (password != NULL)
    g_setenv ("PGPASSWORD", password, TRUE);
  /* For -X, which reads no psqlrc. */
  g_autofree char *prompt_option = g_strdup_printf ("--set=PROMPT1=%s", prompt1);
  g_autofree char *database_option = g_strdup_printf ("--dbname=%s", conninfo);
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_ptr_array_add (words, program);
  g_ptr_array_add (words, database_option);
  g_ptr_array_add (words, prompt_option);
  for (char **argument = arguments; *argument != NULL; argument++)
    g_ptr_array_add (words, *argument);
  g_ptr_array_add (words, NULL);
  return become (program, words, error);
}

bool
db_run_shell (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  int major = 0;
  if (context->json)
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Leave --json out, or ask psql itself: -- --csv -c ...",
                       "“pgkeel db shell” does not write JSON");
  if (!context_project (context, &project, error))
    return false;
  g_autofree char *url = target_url (project, error);
  if (url == NULL || !look_first (context, project, url, &major, error))
    return false;
  if (project->environment->is_protected && !audit_write (project, "db shell", "note", NULL, error))
    return false;
  return exec_psql (context, project, url, major, argv, error);
}
