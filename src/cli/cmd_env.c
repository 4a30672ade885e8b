/*
 * pgkeel env: which environment is meant, and whether the database agrees.
 */
#include "base/text.h"
#include "cli/cmds.h"
#include "cli/confirm.h"
#include "cli/env_lock.h"
#include "cli/output.h"
#include "project/audit.h"
#include "project/stamp.h"
#include "project/target.h"

#include <string.h>

static int force_stamp;

/* The database of the chosen environment, and what it says of itself. */
typedef struct
{
  Project *project; /* borrowed */
  char *url;
  DbConn *conn;
  Stamp stamp;
} Subject;

static void
subject_clear (Subject *subject)
{
  g_free (subject->url);
  g_clear_pointer (&subject->conn, db_conn_free);
  stamp_clear (&subject->stamp);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Subject, subject_clear)

static bool
subject_open (CliContext *context, Subject *subject, GError **error)
{
  if (!context_project (context, &subject->project, error))
    return false;
  subject->url = target_url (subject->project, error);
  return subject->url != NULL
         && db_connect (subject->url, NULL, &db_retry_default, &subject->conn, error)
         && stamp_read (subject->conn, subject->project, &subject->stamp, error);
}

static char *
describe_stamp (const Stamp *stamp)
{
  const char *name = stamp_verdict_name (stamp->verdict);
  if (stamp->project == NULL)
    return g_strdup (name);
  return g_strdup_printf ("%s: “%s” of project “%s”, stamped %s", name, stamp->environment,
                          stamp->project, stamp->stamped_at);
}

static json_t *
stamp_json (const Stamp *stamp)
{
  return json_pack ("{s:s, s:o, s:o, s:o, s:o}", "verdict", stamp_verdict_name (stamp->verdict),
                    "project", output_json_string (stamp->project), "environment",
                    output_json_string (stamp->environment), "system_identifier",
                    output_json_string (stamp->system_identifier), "stamped_at",
                    output_json_string (stamp->stamped_at));
}

static void
print_check_json (const Subject *subject, const LockLook *look, const char *masked_url)
{
  const Project *project = subject->project;
  bool is_connected = subject->conn != NULL;
  json_t *server = is_connected ? json_integer (db_server_version (subject->conn)) : json_null ();
  output_json (json_pack (
      "{s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "project", project->name, "environment",
      project->environment->name, "environment_reason", project->environment_reason, "local",
      project->environment->is_local, "protected", project->environment->is_protected, "url",
      output_json_string (masked_url), "database",
      output_json_string (is_connected ? db_database (subject->conn) : NULL), "server_version",
      server, "stamp", stamp_json (&subject->stamp), "lock", lock_json (look)));
}

static void
print_check (const Subject *subject, const LockLook *look, const char *masked_url)
{
  static const OutputStyle styles[] = {
    [STAMP_UNKNOWN] = OUTPUT_BAD,  [STAMP_NONE] = OUTPUT_PLAIN, [STAMP_MATCHES] = OUTPUT_GOOD,
    [STAMP_MISMATCH] = OUTPUT_BAD, [STAMP_COPY] = OUTPUT_WARN,
  };
  const Project *project = subject->project;
  g_autoptr (OutputTable) table = output_pairs_new ();
  g_autofree char *stamp = describe_stamp (&subject->stamp);
  output_pair (table, "project", "%s", project->name);
  output_pair (table, "environment", "%s (%s)", project->environment->name,
               project->environment_reason);
  output_pair (table, "protected", "%s", project->environment->is_protected ? "yes" : "no");
  output_pair (table, "url", "%s",
               masked_url != NULL               ? masked_url
               : project->environment->is_local ? "local cluster, not running"
                                                : "unknown");
  if (subject->conn != NULL)
    {
      int version = db_server_version (subject->conn);
      output_pair (table, "database", "%s", db_database (subject->conn));
      output_pair (table, "server", "PostgreSQL %d.%d", version / 10000, version % 10000);
    }
  output_pair (table, "stamp", "%s", stamp);
  output_table_style (table, 1, styles[subject->stamp.verdict]);
  output_table_print (table);
  output_line ("%s", "");
  lock_print (look);
}

/* What is known is printed also when the server cannot be reached; the exit code tells. */
static bool
run_check (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (Subject) subject = { 0 };
  g_auto (LockLook) look = { 0 };
  const LockAsk ask = { .wants_proof = true };
  bool is_open = subject_open (context, &subject, error);
  if (subject.project == NULL)
    return false;
  if (!lock_look (subject.project, &ask, &look, is_open ? error : NULL))
    return false;
  const char *url = subject.url != NULL ? subject.url : subject.project->environment->url_text;
  g_autofree char *masked = url != NULL ? text_mask_url (url) : NULL;
  if (context->json)
    print_check_json (&subject, &look, masked);
  else
    print_check (&subject, &look, masked);
  return is_open && project_check_authorised (subject.project, error)
         && stamp_check (&subject.stamp, subject.project, error)
         && env_lock_check_places (&look.verdict, "they do not agree", error);
}

/* A stamp that says otherwise, or that cannot be read, is replaced only with --force. */
static bool
check_replaceable (const Subject *subject, GError **error)
{
  StampVerdict verdict = subject->stamp.verdict;
  if (force_stamp || verdict == STAMP_NONE || verdict == STAMP_COPY)
    return true;
  return stamp_check (&subject->stamp, subject->project, error);
}

static bool
ask (CliContext *context, const Subject *subject, GError **error)
{
  const ProjectEnvironment *environment = subject->project->environment;
  const char *database = db_database (subject->conn);
  g_autofree char *what = g_strdup_printf ("stamp the database “%s” as “%s” of project “%s”",
                                           database, environment->name, subject->project->name);
  const ConfirmRequest request
      = { .operation = subject->stamp.verdict != STAMP_NONE ? DESTRUCTIVE_ENV_STAMP_REPLACE
                                                            : DESTRUCTIVE_ENV_STAMP,
          .what = what,
          .name = database };
  return confirm (context, &request, error);
}

static json_t *
audit_details (const CliContext *context, const Subject *subject)
{
  return json_pack ("{s:o, s:o, s:s, s:o, s:o}", "confirmed", confirm_json (context), "database",
                    output_json_string (db_database (subject->conn)), "verdict_before",
                    stamp_verdict_name (subject->stamp.verdict), "project_before",
                    output_json_string (subject->stamp.project), "environment_before",
                    output_json_string (subject->stamp.environment));
}

/* Intent before, outcome after. An outcome that cannot be logged is an error, too. */
static bool
write_stamp (const CliContext *context, const Subject *subject, GError **error)
{
  g_autoptr (json_t) details = audit_details (context, subject);
  if (!audit_write (subject->project, "env stamp", "intent", details, error))
    return false;
  bool is_written = stamp_write (subject->conn, subject->project, error);
  if (!is_written)
    json_object_set_new (details, "error",
                         output_json_string (error != NULL ? (*error)->message : NULL));
  bool is_logged = audit_write (subject->project, "env stamp", is_written ? "done" : "failed",
                                details, is_written ? error : NULL);
  return is_written && is_logged;
}

static bool
may_stamp (CliContext *context, const Subject *subject, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (check_replaceable (subject, &problem) && ask (context, subject, &problem))
    return true;
  g_autoptr (json_t) details = audit_details (context, subject);
  json_object_set_new (details, "error", output_json_string (problem->message));
  if (keel_error_is (problem, KEEL_ERROR_REFUSED)
      && !audit_write (subject->project, "env stamp", "refused", details, NULL))
    report_warning (&context->report, "the refusal could not be written to the audit log", NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static void
print_stamped (const CliContext *context, const Subject *subject, bool is_new)
{
  const Project *project = subject->project;
  if (context->json)
    output_json (json_pack ("{s:s, s:s, s:o, s:b}", "project", project->name, "environment",
                            project->environment->name, "database",
                            output_json_string (db_database (subject->conn)), "changed", is_new));
  else
    output_line ("the database “%s” %s “%s” of project “%s”", db_database (subject->conn),
                 is_new ? "is now stamped" : "is stamped already:", project->environment->name,
                 project->name);
}

static bool
run_stamp (CliContext *context, int argc, char **argv, GError **error)
{
  g_auto (Subject) subject = { 0 };
  if (!subject_open (context, &subject, error)
      || !project_check_authorised (subject.project, error))
    return false;
  bool is_new = subject.stamp.verdict != STAMP_MATCHES;
  if (is_new && (!may_stamp (context, &subject, error) || !write_stamp (context, &subject, error)))
    return false;
  print_stamped (context, &subject, is_new);
  return true;
}

static const GOptionEntry stamp_options[] = {
  { "force", 0, 0, G_OPTION_ARG_NONE, &force_stamp,
    "Replace a stamp of another environment, or one that cannot be read", NULL },
  { NULL },
};

const CliCommand env_commands[] = {
  {
      .name = "check",
      .summary = "Show which environment is meant, why, and whether databases and variables agree",
      .description
      = "The database carries a stamp (schema pgkeel) that says which project and environment it "
        "is. Every variable and .env file that names a database is looked at as well, and where it "
        "leads. Exit code 3 when they do not agree: a stamp that says otherwise or cannot be read, "
        "a variable that leads to another database, LEDGER_ENV or PGKEEL_ENV with another "
        "environment than the chosen one. The rows below GUARD RUN (authorisation, proven backup, "
        "incidents) say what would stop a command; for the exit code they do not count.",
      .example = "pgkeel -e production env check",
      .run = run_check,
  },
  {
      .name = "stamp",
      .summary = "Write into the database which project and environment it is",
      .description
      = "Afterwards a wrong URL or a wrong environment is refused before anything is written. A "
        "database that was restored from another cluster's backup counts as a copy until it is "
        "stamped anew.",
      .example = "pgkeel -e staging env stamp",
      .options = stamp_options,
      .run = run_stamp,
  },
  { 0 },
};
