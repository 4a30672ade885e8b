#include "project/audit_database.h"

#include "base/act_as.h"
#include "base/fs.h"
#include "base/text.h"
#include "project/audit_line.h"

#include <stdio.h>

void
audit_kept_free (AuditKept *kept)
{
  if (kept == NULL)
    return;
  g_free (kept->hash);
  g_free (kept->first);
  g_free (kept->written);
  g_free (kept);
}

/* How the log ends, and where and how it begins. */
typedef struct
{
  AuditHead head;
  char *host, *folder, *first;
} LogEnd;

static void
log_end_clear (LogEnd *end)
{
  audit_head_clear (&end->head);
  g_free (end->host);
  g_free (end->folder);
  g_free (end->first);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LogEnd, log_end_clear)

/* *RET_HASH: of the first entry; NULL when there is none. */
static bool
read_first (const Project *project, char **ret_hash, GError **error)
{
  g_autofree char *path = project_state_path (project, AUDIT_FILE);
  g_autoptr (AuditReader) reader = NULL;
  *ret_hash = NULL;
  if (!audit_reader_open (path, &reader, error))
    return false;
  bool has_line = reader != NULL;
  while (has_line && *ret_hash == NULL)
    {
      AuditLine line;
      if (!audit_reader_next (reader, &line, &has_line, error))
        return false;
      g_autoptr (json_t) entry = has_line ? audit_line_parse (&line) : NULL;
      if (entry != NULL)
        *ret_hash = g_strdup (line.hash);
    }
  return true;
}

/* What a database may hold of the machine's names is valid UTF-8. */
static bool
read_end (const Project *project, LogEnd *ret_end, GError **error)
{
  g_autofree char *folder = g_build_filename (project->folder, PROJECT_STATE_FOLDER, NULL);
  g_auto (ActAs) act = act_as_owner_of (folder);
  g_auto (LogEnd) end = { .host = g_utf8_make_valid (g_get_host_name (), -1),
                          .folder = g_utf8_make_valid (project->folder, -1) };
  g_auto (Fd) lock = -1;
  if ((g_file_test (folder, G_FILE_TEST_EXISTS) && !audit_lock (project, &lock, error))
      || !audit_head_read (project, &end.head, error) || !read_first (project, &end.first, error))
    return false;
  *ret_end = end;
  end = (LogEnd){ 0 };
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
                      " WHERE n.nspname = 'pgkeel' AND c.relname = 'audit_head'",
                      0, NULL, &found, error))
    return false;
  *ret_exists = found != NULL;
  return true;
}

/* --- read ------------------------------------------------------------------------------------ */

static bool
read_rows (DbConn *conn, const LogEnd *end, GPtrArray *kept, GError **error)
{
  const char *params[] = { end->host, end->folder, end->first };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (
          conn,
          "SELECT entries, last_hash, first_hash,\n"
          "       to_char (written_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')\n"
          "  FROM pgkeel.audit_head\n"
          " WHERE (host = $1 AND folder = $2) OR first_hash = $3\n"
          " ORDER BY entries, last_hash",
          3, params, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      AuditKept *one = g_new0 (AuditKept, 1);
      one->count = (uint64_t) db_result_int64 (result, row, 0);
      one->hash = g_strdup (db_result_text (result, row, 1));
      one->first = g_strdup (db_result_text (result, row, 2));
      one->written = g_strdup (db_result_text (result, row, 3));
      g_ptr_array_add (kept, one);
    }
  return true;
}

static void
kept_free (void *kept)
{
  audit_kept_free (kept);
}

bool
audit_database_read (DbConn *conn, const Project *project, GPtrArray **ret_kept, GError **error)
{
  g_auto (LogEnd) end = { 0 };
  g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func (kept_free);
  bool exists;
  if (!read_end (project, &end, error) || !table_exists (conn, &exists, error)
      || (exists && !read_rows (conn, &end, kept, error)))
    return prefix_error (error, "asking the database for the end of the audit log");
  *ret_kept = g_steal_pointer (&kept);
  return true;
}

/* --- write ----------------------------------------------------------------------------------- */

static const char create_sql[]
    = "CREATE SCHEMA IF NOT EXISTS pgkeel;\n"
      "CREATE TABLE IF NOT EXISTS pgkeel.audit_head (\n"
      "  host text NOT NULL,\n"
      "  folder text NOT NULL,\n"
      "  first_hash text NOT NULL,\n"
      "  entries bigint NOT NULL CHECK (entries > 0),\n"
      "  last_hash text NOT NULL,\n"
      "  environment text NOT NULL,\n"
      "  written_at timestamptz NOT NULL DEFAULT now (),\n"
      "  written_by text NOT NULL DEFAULT current_user,\n"
      "  PRIMARY KEY (host, folder, entries)\n"
      ");\n"
      "COMMENT ON TABLE pgkeel.audit_head IS\n"
      "  'Kept by pgkeel: how audit logs ended, so that one that was cut or replaced is found';\n";

/* *RET_MOST: how many entries the database remembers at most; 0: none. */
static bool
insert (DbConn *conn, const Project *project, const LogEnd *end, uint64_t *ret_most, GError **error)
{
  char entries[24];
  g_autofree char *most = NULL;
  const char *params[]
      = { end->host, end->folder, end->first, end->head.hash, entries, project->environment->name };
  snprintf (entries, sizeof entries, "%" G_GUINT64_FORMAT, end->head.count);
  if (!db_query_text (conn,
                      "WITH known AS (\n"
                      "  SELECT coalesce (max (entries), 0) AS most\n"
                      "    FROM pgkeel.audit_head\n"
                      "   WHERE (host = $1 AND folder = $2) OR first_hash = $3\n"
                      "), added AS (\n"
                      "  INSERT INTO pgkeel.audit_head\n"
                      "         (host, folder, first_hash, last_hash, entries, environment)\n"
                      "  SELECT $1, $2, $3, $4, $5::bigint, $6 FROM known WHERE most < $5::bigint\n"
                      "      ON CONFLICT DO NOTHING\n"
                      ")\n"
                      "SELECT most FROM known",
                      6, params, &most, error))
    return false;
  *ret_most = g_ascii_strtoull (most, NULL, 10);
  return true;
}

bool
audit_database_write (DbConn *conn, const Project *project, GError **error)
{
  g_auto (LogEnd) end = { 0 };
  uint64_t most = 0;
  bool exists;
  if (!read_end (project, &end, error))
    return false;
  if (!end.head.is_known || end.first == NULL)
    return true;
  if (!table_exists (conn, &exists, error) || (!exists && !db_exec (conn, create_sql, error))
      || !insert (conn, project, &end, &most, error))
    return prefix_error (error, "keeping the end of the audit log in the database");
  if (most <= end.head.count)
    return true;
  return keel_error (error, KEEL_ERROR_ANSWER_NO, "See “pgkeel audit verify”.",
                     "the audit log has %" G_GUINT64_FORMAT
                     " entries, but the database remembers %" G_GUINT64_FORMAT,
                     end.head.count, most);
}
