#include "project/stamp.h"

#include <string.h>

/* The server's refusals that mean "cannot be known", as against "went wrong". */
#define INSUFFICIENT_PRIVILEGE "42501"

void
stamp_clear (Stamp *stamp)
{
  g_clear_pointer (&stamp->project, g_free);
  g_clear_pointer (&stamp->environment, g_free);
  g_clear_pointer (&stamp->system_identifier, g_free);
  g_clear_pointer (&stamp->stamped_at, g_free);
  stamp->verdict = STAMP_UNKNOWN;
}

const char *
stamp_verdict_name (StampVerdict verdict)
{
  static const char *const names[] = {
    [STAMP_UNKNOWN] = "unknown",   [STAMP_NONE] = "none", [STAMP_MATCHES] = "matches",
    [STAMP_MISMATCH] = "mismatch", [STAMP_COPY] = "copy",
  };
  return names[verdict];
}

/* Runs a query whose refusal for want of privileges is an answer: *RET_RESULT is NULL then. A
 * savepoint is not needed: nobody reads a stamp inside a transaction that matters. */
static bool
query_if_allowed (DbConn *conn, const char *sql, DbResult **ret_result, GError **error)
{
  g_autoptr (GError) problem = NULL;
  *ret_result = NULL;
  if (db_query (conn, sql, 0, NULL, ret_result, &problem))
    return true;
  if (g_strcmp0 (keel_error_sqlstate (problem), INSUFFICIENT_PRIVILEGE) == 0)
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
read_cluster (DbConn *conn, char **ret_identifier, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query_if_allowed (conn,
                         "SELECT system_identifier::text FROM pg_catalog.pg_control_system ()",
                         &result, error))
    return false;
  *ret_identifier = result != NULL && db_result_rows (result) == 1
                        ? g_strdup (db_result_text (result, 0, 0))
                        : NULL;
  return true;
}

static StampVerdict
judge (const Stamp *stamp, const Project *project, const char *cluster)
{
  if (cluster == NULL)
    return STAMP_UNKNOWN;
  if (strcmp (stamp->system_identifier, cluster) != 0)
    return STAMP_COPY;
  bool matches = strcmp (stamp->project, project->name) == 0
                 && strcmp (stamp->environment, project->environment->name) == 0;
  return matches ? STAMP_MATCHES : STAMP_MISMATCH;
}

/* RET_STAMP's texts are set when there is a row that may be read. */
static bool
read_row (DbConn *conn, Stamp *stamp, bool *ret_is_readable, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query_if_allowed (conn,
                         "SELECT project, environment, system_identifier,\n"
                         "       to_char (stamped_at AT TIME ZONE 'UTC',\n"
                         "                'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')\n"
                         "  FROM pgkeel.identity",
                         &result, error))
    return false;
  *ret_is_readable = result != NULL;
  if (result == NULL || db_result_rows (result) == 0)
    return true;
  stamp->project = g_strdup (db_result_text (result, 0, 0));
  stamp->environment = g_strdup (db_result_text (result, 0, 1));
  stamp->system_identifier = g_strdup (db_result_text (result, 0, 2));
  stamp->stamped_at = g_strdup (db_result_text (result, 0, 3));
  return true;
}

static bool
table_exists (DbConn *conn, bool *ret_exists, GError **error)
{
  g_autofree char *found = NULL;
  if (!db_query_text (conn,
                      "SELECT 1\n"
                      "  FROM pg_catalog.pg_class c\n"
                      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                      " WHERE n.nspname = 'pgkeel' AND c.relname = 'identity'",
                      0, NULL, &found, error))
    return false;
  *ret_exists = found != NULL;
  return true;
}

bool
stamp_read (DbConn *conn, const Project *project, Stamp *ret_stamp, GError **error)
{
  g_auto (Stamp) stamp = { 0 };
  g_autofree char *cluster = NULL;
  bool exists, is_readable;
  if (!table_exists (conn, &exists, error))
    return false;
  if (!exists)
    stamp.verdict = STAMP_NONE;
  else
    {
      if (!read_row (conn, &stamp, &is_readable, error) || !read_cluster (conn, &cluster, error))
        return false;
      if (is_readable)
        stamp.verdict = stamp.project == NULL ? STAMP_NONE : judge (&stamp, project, cluster);
    }
  *ret_stamp = stamp;
  stamp = (Stamp){ 0 };
  return true;
}

bool
stamp_check (const Stamp *stamp, const Project *project, GError **error)
{
  const ProjectEnvironment *environment = project->environment;
  switch (stamp->verdict)
    {
    case STAMP_NONE:
    case STAMP_MATCHES: return true;
    case STAMP_MISMATCH:
      return keel_error (
          error, KEEL_ERROR_REFUSED,
          "Check the URL and the environment; if the database really changed its role, run "
          "`pgkeel env stamp --force`.",
          "the database is stamped “%s” of project “%s”, but “%s” of project “%s” was chosen",
          stamp->environment, stamp->project, environment->name, project->name);
    case STAMP_COPY:
      if (!environment->is_protected)
        return true;
      return keel_error (
          error, KEEL_ERROR_REFUSED,
          "If it is meant to be this environment now, say so with `pgkeel env stamp`.",
          "the database is a copy: it was stamped “%s” of project “%s” on another cluster, and “%s” "
          "is protected",
          stamp->environment, stamp->project, environment->name);
    default:
      return keel_error (
          error, KEEL_ERROR_REFUSED,
          "Connect as a role that may read pgkeel.identity and call pg_control_system().",
          "the database's identity stamp cannot be read, so “%s” cannot be told from another "
          "environment",
          environment->name);
    }
}

static const char create_sql[]
    = "CREATE SCHEMA IF NOT EXISTS pgkeel;\n"
      "COMMENT ON SCHEMA pgkeel IS 'Kept by pgkeel: which project and environment this database is';\n"
      "CREATE TABLE IF NOT EXISTS pgkeel.identity (\n"
      "  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),\n"
      "  project text NOT NULL,\n"
      "  environment text NOT NULL,\n"
      "  system_identifier text NOT NULL,\n"
      "  stamped_at timestamptz NOT NULL,\n"
      "  stamped_by text NOT NULL\n"
      ");\n"
      "GRANT USAGE ON SCHEMA pgkeel TO PUBLIC;\n"
      "GRANT SELECT ON pgkeel.identity TO PUBLIC;\n";

static bool
write_row (DbConn *conn, const Project *project, GError **error)
{
  const char *params[] = { project->name, project->environment->name };
  g_autofree char *written = NULL;
  if (!db_exec (conn, create_sql, error))
    return false;
  if (!db_query_text (conn,
                      "INSERT INTO pgkeel.identity\n"
                      "       (project, environment, system_identifier, stamped_at, stamped_by)\n"
                      "SELECT $1, $2, system_identifier::text, now (), current_user\n"
                      "  FROM pg_catalog.pg_control_system ()\n"
                      "    ON CONFLICT (only_row) DO UPDATE\n"
                      "   SET project = excluded.project,\n"
                      "       environment = excluded.environment,\n"
                      "       system_identifier = excluded.system_identifier,\n"
                      "       stamped_at = excluded.stamped_at,\n"
                      "       stamped_by = excluded.stamped_by\n"
                      "RETURNING 1",
                      2, params, &written, error))
    return false;
  return db_exec (conn, "COMMIT", error);
}

bool
stamp_write (DbConn *conn, const Project *project, GError **error)
{
  if (!db_exec (conn, "BEGIN", error))
    return false;
  if (write_row (conn, project, error))
    return true;
  (void) db_rollback (conn);
  prefix_error (error, "writing the identity stamp");
  keel_error_suggest (error, "Connect as the owner of the database or as a superuser.");
  return false;
}
