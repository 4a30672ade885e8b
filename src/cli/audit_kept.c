#include "cli/audit_kept.h"

#include "base/cancel.h"
#include "project/stamp.h"
#include "project/target.h"

static bool
connect_to (const Project *project, DbConn **ret_conn, GError **error)
{
  g_autofree char *url = target_url (project, error);
  return url != NULL && db_connect (url, NULL, &db_retry_none, ret_conn, error);
}

/* The same rules as for anything that writes: the stamp, and who may write to a protected environment. */
static bool
keep (const Project *project, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (Stamp) stamp = { 0 };
  return connect_to (project, &conn, error) && stamp_read (conn, project, &stamp, error)
         && stamp_check (&stamp, project, error) && audit_database_write (conn, project, error);
}

/* What is no fault: a refusal was told already, and a developer's cluster may be stopped. */
static bool
is_expected (const Project *project, const GError *problem)
{
  return keel_error_is (problem, KEEL_ERROR_REFUSED)
         || (project->environment->is_local && keel_error_is (problem, KEEL_ERROR_UNREACHABLE));
}

void
audit_kept_write (CliContext *context)
{
  const Project *project = context->project;
  g_autoptr (GError) problem = NULL;
  if (project == NULL || !project->audit_has_database_head || !audit_was_written ()
      || cancel_requested ())
    return;
  bool is_kept
      = (!project->environment->is_protected || project_check_authorised (project, &problem))
        && keep (project, &problem);
  if (is_kept)
    return;
  g_autofree char *text = g_strdup_printf (
      "the database does not remember the end of the audit log: %s", problem->message);
  if (is_expected (project, problem))
    report_step (&context->report, "%s", text);
  else
    report_warning (&context->report, text, keel_error_hint (problem));
}

bool
audit_kept_read (const Project *project, GPtrArray **ret_kept, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  *ret_kept = NULL;
  return !project->audit_has_database_head
         || (connect_to (project, &conn, error)
             && audit_database_read (conn, project, ret_kept, error));
}
