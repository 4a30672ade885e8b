/*
 * What external commands do, seen in the database: tools' histories, the schema, and our own history.
 */
#include "migrate/adopt_internal.h"
#include "migrate/external.h"
#include "migrate/run_internal.h"

#include <string.h>

/* --- tools' histories ------------------------------------------------------------------------- */

void
external_row_free (ExternalRow *row)
{
  g_free (row->table);
  g_free (row->version);
  g_free (row);
}

void
external_state_clear (ExternalState *state)
{
  g_free (state->schema_fingerprint);
  g_clear_pointer (&state->tables, g_ptr_array_unref);
  g_clear_pointer (&state->rows, g_ptr_array_unref);
  g_clear_pointer (&state->not_validated, g_ptr_array_unref);
  *state = (ExternalState){ 0 };
}

/* Those of Flyway and goose are logs, in which a row may say that something was undone; their files are
 * SQL, which pgkeel runs itself. */
static const AdoptTool *
find_tool (const char *name, size_t length)
{
  for (const AdoptTool *tool = adopt_tools; tool->name != NULL; tool++)
    if (strlen (tool->name) == length && strncmp (tool->name, name, length) == 0
        && strcmp (tool->name, "flyway") != 0 && strcmp (tool->name, "goose") != 0)
      return tool;
  return NULL;
}

/* These two write the file's name with its extension. */
static char *
version_of (const AdoptTool *tool, const char *text)
{
  const char *dot = strrchr (text, '.');
  bool is_file = strcmp (tool->name, "knex") == 0 || strcmp (tool->name, "node-pg-migrate") == 0;
  return is_file && dot != NULL ? g_strndup (text, (gsize) (dot - text)) : g_strdup (text);
}

static bool
read_table (DbConn *conn, const AdoptTool *tool, const char *table, ExternalState *state,
            GError **error)
{
  const char *dot = strchr (table, '.');
  g_autofree char *schema = g_strndup (table, (gsize) (dot - table));
  g_autofree char *quoted = db_quote_name (schema, dot + 1);
  g_autoptr (GString) sql = g_string_new (tool->sql);
  g_autoptr (DbResult) result = NULL;
  g_string_replace (sql, "%s", quoted, 1);
  if (!db_query (conn, sql->str, 0, NULL, &result, error))
    return prefix_error (error, "reading %s", table);
  for (int i = 0; i < db_result_rows (result); i++)
    {
      ExternalRow *row = g_new0 (ExternalRow, 1);
      row->tool = tool->name;
      row->table = g_strdup (table);
      row->version = version_of (tool, db_result_text (result, i, 0));
      g_ptr_array_add (state->rows, row);
    }
  return true;
}

/* FOUND: "alembic (public.alembic_version)", of adopt_find. */
static bool
read_found (DbConn *conn, const char *found, ExternalState *state, GError **error)
{
  const char *open = strstr (found, " (");
  const AdoptTool *tool = find_tool (found, (size_t) (open - found));
  g_autofree char *table = g_strndup (open + 2, strlen (open + 2) - 1);
  if (tool == NULL)
    return true;
  g_ptr_array_add (state->tables, g_strdup (found));
  return read_table (conn, tool, table, state, error);
}

bool
external_look (DbConn *conn, bool is_whole, ExternalState *ret_state, GError **error)
{
  g_auto (ExternalState) state = { 0 };
  g_autoptr (GPtrArray) found = NULL;
  state.tables = g_ptr_array_new_with_free_func (g_free);
  state.rows = g_ptr_array_new_with_free_func ((GDestroyNotify) external_row_free);
  if (!adopt_find (conn, &found, error))
    return false;
  for (guint i = 0; i < found->len; i++)
    if (!read_found (conn, found->pdata[i], &state, error))
      return false;
  if (is_whole)
    {
      state.schema_fingerprint = run_schema_fingerprint (conn, error);
      if (state.schema_fingerprint == NULL
          || !run_list_not_validated (conn, &state.not_validated, error))
        return false;
    }
  *ret_state = state;
  state = (ExternalState){ 0 };
  return true;
}

static bool
has_row (const ExternalState *state, const ExternalRow *row)
{
  for (guint i = 0; i < state->rows->len; i++)
    {
      const ExternalRow *other = state->rows->pdata[i];
      if (strcmp (row->version, other->version) == 0 && strcmp (row->table, other->table) == 0)
        return true;
    }
  return false;
}

GPtrArray *
external_rows_missing (const ExternalState *a, const ExternalState *b)
{
  GPtrArray *missing = g_ptr_array_new ();
  for (guint i = 0; i < a->rows->len; i++)
    if (!has_row (b, a->rows->pdata[i]))
      g_ptr_array_add (missing, a->rows->pdata[i]);
  return missing;
}

bool
external_aftermath (DbConn *conn, const ExternalState *before, const ExternalState *after,
                    RunAftermath *ret_aftermath, GError **error)
{
  g_auto (RunAftermath) aftermath = { 0 };
  if (!run_list_invalid_indexes (conn, &aftermath.invalid_indexes, error))
    return false;
  aftermath.schema_fingerprint = g_strdup (after->schema_fingerprint);
  aftermath.not_validated = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < after->not_validated->len; i++)
    if (!g_ptr_array_find_with_equal_func (before->not_validated, after->not_validated->pdata[i],
                                           g_str_equal, NULL))
      g_ptr_array_add (aftermath.not_validated, g_strdup (after->not_validated->pdata[i]));
  *ret_aftermath = aftermath;
  aftermath = (RunAftermath){ 0 };
  return true;
}

/* --- our own history -------------------------------------------------------------------------- */

static bool
write_one (DbConn *conn, const ExternalRun *run, const char *version, const char *name,
           HistoryState state, GError **error)
{
  g_autofree char *from = history_whoami ();
  int64_t id = 0;
  const HistoryEntry entry = { .version = (char *) version,
                               .name = (char *) name,
                               .kind = MIGRATION_VERSIONED,
                               .state = state,
                               .started = (char *) run->started,
                               .applied_from = from,
                               .backup = (char *) run->backup };
  return history_write (conn, &entry, &id, error)
         && history_set_schema (conn, id, run->schema_fingerprint, error)
         && (state != HISTORY_FAILED || history_fail (conn, id, run->problem, error));
}

static bool
set_state (DbConn *conn, const HistoryEntry *entry, HistoryState state, GError **error)
{
  HistoryEntry changed = *entry;
  changed.state = state;
  return history_journal (conn, entry->id, &changed, error);
}

static bool
write_applied (DbConn *conn, const ExternalRun *run, GError **error)
{
  for (guint i = 0; i < run->done->len && run->is_up; i++)
    {
      const ExternalRow *row = run->done->pdata[i];
      if (!write_one (conn, run, row->version, row->tool, HISTORY_APPLIED, error))
        return false;
    }
  return true;
}

/* What a table gains on the way down is what it holds instead: Alembic's the revision before. */
static bool
write_undone (DbConn *conn, const ExternalRun *run, const History *history, GError **error)
{
  for (guint i = 0; i < run->done->len && !run->is_up; i++)
    {
      const ExternalRow *row = run->done->pdata[i];
      const HistoryEntry *known = history_find (history, row->version);
      if (known != NULL && !set_state (conn, known, HISTORY_REVERTED, error))
        return false;
    }
  for (guint i = 0; i < run->gained->len && !run->is_up; i++)
    {
      const ExternalRow *row = run->gained->pdata[i];
      if (history_find (history, row->version) == NULL
          && !write_one (conn, run, row->version, row->tool, HISTORY_ADOPTED, error))
        return false;
    }
  return true;
}

/* Failed runs are of the past once one has gone well. */
static bool
close_failed (DbConn *conn, const History *history, GError **error)
{
  for (guint i = 0; i < history->entries->len; i++)
    {
      const HistoryEntry *entry = history->entries->pdata[i];
      if (entry->state == HISTORY_FAILED && g_str_has_prefix (entry->version, "run-")
          && !set_state (conn, entry, HISTORY_REPLACED, error))
        return false;
    }
  return true;
}

static bool
write_run (DbConn *conn, const ExternalRun *run, const History *history, GError **error)
{
  bool is_told = run->gained->len > 0 || run->lost->len > 0;
  bool is_nothing = run->has_table && !run->schema_changed;
  g_autofree char *plain = g_strdup (run->started);
  g_autofree char *version = NULL;
  if (run->problem == NULL && !close_failed (conn, history, error))
    return false;
  if (run->problem == NULL && (is_told || is_nothing))
    return true;
  /* 2026-11-21T07:30:00Z, as in versions. */
  g_auto (GStrv) parts = g_strsplit_set (plain, "-:", -1);
  g_autofree char *joined = g_strjoinv ("", parts);
  version = g_strconcat ("run-", joined, NULL);
  return write_one (conn, run, version, run->command,
                    run->problem != NULL ? HISTORY_FAILED : HISTORY_APPLIED, error);
}

bool
external_write_history (DbConn *conn, const ExternalRun *run, GError **error)
{
  g_autoptr (History) history = NULL;
  if (!history_read (conn, &history, error) || !db_exec (conn, "BEGIN", error))
    return false;
  if (write_undone (conn, run, history, error) && write_applied (conn, run, error)
      && write_run (conn, run, history, error) && db_exec (conn, "COMMIT", error))
    return true;
  (void) db_rollback (conn);
  return false;
}
