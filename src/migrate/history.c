#include "migrate/history.h"

#include <string.h>
#include <unistd.h>

/* Others may create the schema at the same moment (the identity stamp does). */
#define ENSURE_TRIES 20

static const char *const state_names[]
    = { [HISTORY_RUNNING] = "running",   [HISTORY_FAILED] = "failed",
        [HISTORY_APPLIED] = "applied",   [HISTORY_ADOPTED] = "adopted",
        [HISTORY_BASELINE] = "baseline", [HISTORY_REVERTING] = "reverting",
        [HISTORY_REVERTED] = "reverted", [HISTORY_REPLACED] = "replaced" };

static const char *const kind_names[] = { [MIGRATION_VERSIONED] = "versioned",
                                          [MIGRATION_REPEATABLE] = "repeatable",
                                          [MIGRATION_BASELINE] = "baseline" };

const char *
history_state_name (HistoryState state)
{
  return state_names[state];
}

static bool
index_of (const char *const *names, size_t count, const char *name, int *ret_index)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp (names[i], name) == 0)
      {
        *ret_index = (int) i;
        return true;
      }
  return false;
}

void
history_entry_free (HistoryEntry *entry)
{
  if (entry == NULL)
    return;
  char *texts[] = { entry->version,
                    entry->name,
                    entry->checksum,
                    entry->fingerprint,
                    entry->started,
                    entry->finished,
                    entry->reverted,
                    entry->applied_by,
                    entry->reverted_by,
                    entry->applied_from,
                    entry->pgkeel_version,
                    entry->backup,
                    entry->schema_fingerprint,
                    entry->error,
                    entry->statement_digest,
                    entry->statement_probe };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_free (entry);
}

void
history_free (History *history)
{
  if (history == NULL)
    return;
  g_hash_table_unref (history->in_force);
  g_ptr_array_unref (history->entries);
  g_free (history);
}

static History *
history_new (void)
{
  History *history = g_new0 (History, 1);
  history->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) history_entry_free);
  history->in_force = g_hash_table_new (g_str_hash, g_str_equal);
  return history;
}

/* --- reading --------------------------------------------------------------------------------- */

static const char read_sql[]
    = "SELECT id, version, name, kind, state, checksum, fingerprint,\n"
      "       started, finished, reverted,\n"
      "       applied_by, reverted_by, applied_from, pgkeel_version, backup, schema_fingerprint, error,\n"
      "       statement_total, statement_begun, statement_done, statement_digest, statement_probe,\n"
      "       batch_rows\n"
      "  FROM pgkeel.migration\n"
      " ORDER BY id";

static char *
text_at (const DbResult *result, int row, int column)
{
  return db_result_is_null (result, row, column) ? NULL
                                                 : g_strdup (db_result_text (result, row, column));
}

/* Our sessions are in UTC and write "2025-04-22 02:00:00.123456+00". Turning that into ISO here costs a
 * fifth of what to_char does there, which is felt with thousands of rows. */
static char *
time_at (const DbResult *result, int row, int column)
{
  const char *text = db_result_text (result, row, column);
  if (strlen (text) < 19)
    return NULL;
  char *iso = g_strdup_printf ("%.19sZ", text);
  iso[10] = 'T';
  return iso;
}

static HistoryEntry *
entry_from_row (const DbResult *result, int row, GError **error)
{
  g_autoptr (HistoryEntry) entry = g_new0 (HistoryEntry, 1);
  int kind, state;
  if (!index_of (kind_names, G_N_ELEMENTS (kind_names), db_result_text (result, row, 3), &kind)
      || !index_of (state_names, G_N_ELEMENTS (state_names), db_result_text (result, row, 4),
                    &state))
    {
      keel_error (error, KEEL_ERROR_FAILED, "A newer pgkeel may have written it; use that one.",
                  "pgkeel.migration holds a row (%s) that is not understood",
                  db_result_text (result, row, 1));
      return NULL;
    }
  entry->kind = (MigrationKind) kind;
  entry->state = (HistoryState) state;
  entry->id = db_result_int64 (result, row, 0);
  char **const times[] = { &entry->started, &entry->finished, &entry->reverted };
  char **const texts[] = { &entry->applied_by,     &entry->reverted_by, &entry->applied_from,
                           &entry->pgkeel_version, &entry->backup,      &entry->schema_fingerprint,
                           &entry->error };
  entry->version = text_at (result, row, 1);
  entry->name = text_at (result, row, 2);
  entry->checksum = text_at (result, row, 5);
  entry->fingerprint = text_at (result, row, 6);
  for (size_t i = 0; i < G_N_ELEMENTS (times); i++)
    *times[i] = time_at (result, row, 7 + (int) i);
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    *texts[i] = text_at (result, row, 10 + (int) i);
  entry->statement_total = (int) db_result_int64 (result, row, 17);
  entry->statement_begun = (int) db_result_int64 (result, row, 18);
  entry->statement_done = (int) db_result_int64 (result, row, 19);
  entry->statement_digest = text_at (result, row, 20);
  entry->statement_probe = text_at (result, row, 21);
  entry->batch_rows = db_result_int64 (result, row, 22);
  return g_steal_pointer (&entry);
}

static bool
is_in_force (const HistoryEntry *entry)
{
  return entry->state != HISTORY_REVERTED && entry->state != HISTORY_REPLACED;
}

bool
history_read (DbConn *conn, History **ret_history, GError **error)
{
  g_autoptr (History) history = history_new ();
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GError) problem = NULL;
  if (!db_query (conn, read_sql, 0, NULL, &result, &problem))
    {
      const char *sqlstate = keel_error_sqlstate (problem);
      bool is_absent = g_strcmp0 (sqlstate, "42P01") == 0 || g_strcmp0 (sqlstate, "3F000") == 0;
      if (is_absent)
        {
          *ret_history = g_steal_pointer (&history);
          return true;
        }
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "reading pgkeel.migration");
    }
  history->exists = true;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      HistoryEntry *entry = entry_from_row (result, row, error);
      if (entry == NULL)
        return false;
      g_ptr_array_add (history->entries, entry);
      if (is_in_force (entry))
        g_hash_table_replace (history->in_force, entry->version, entry);
    }
  *ret_history = g_steal_pointer (&history);
  return true;
}

const HistoryEntry *
history_find (const History *history, const char *version)
{
  return g_hash_table_lookup (history->in_force, version);
}

/* --- creating -------------------------------------------------------------------------------- */

static const char create_sql[]
    = "BEGIN;\n"
      "CREATE SCHEMA IF NOT EXISTS pgkeel;\n"
      "CREATE TABLE IF NOT EXISTS pgkeel.migration (\n"
      "  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
      "  version text NOT NULL,\n"
      "  name text NOT NULL,\n"
      "  kind text NOT NULL CHECK (kind IN ('versioned', 'repeatable', 'baseline')),\n"
      "  state text NOT NULL CHECK (state IN ('running', 'failed', 'applied', 'adopted', 'baseline',\n"
      "                                       'reverting', 'reverted', 'replaced')),\n"
      "  checksum text,\n"
      "  fingerprint text,\n"
      "  started timestamptz NOT NULL,\n"
      "  finished timestamptz,\n"
      "  reverted timestamptz,\n"
      "  applied_by text NOT NULL,\n"
      "  applied_from text,\n"
      "  reverted_by text,\n"
      "  pgkeel_version text NOT NULL,\n"
      "  backup text,\n"
      "  schema_fingerprint text,\n"
      "  error text,\n"
      "  statement_total int NOT NULL DEFAULT 0,\n"
      "  statement_begun int NOT NULL DEFAULT 0,\n"
      "  statement_done int NOT NULL DEFAULT 0,\n"
      "  statement_digest text,\n"
      "  statement_probe text,\n"
      "  batch_rows bigint NOT NULL DEFAULT 0\n"
      ");\n"
      "CREATE UNIQUE INDEX IF NOT EXISTS migration_in_force ON pgkeel.migration (version)\n"
      " WHERE state NOT IN ('reverted', 'replaced');\n"
      "COMMENT ON TABLE pgkeel.migration IS 'Kept by pgkeel: which migrations this database has had';\n"
      "GRANT USAGE ON SCHEMA pgkeel TO PUBLIC;\n"
      "GRANT SELECT ON pgkeel.migration TO PUBLIC;\n"
      "COMMIT";

/* The codes that two sessions get which create the same thing at the same time. */
static bool
is_race (const GError *problem)
{
  static const char *const codes[] = { "23505", "42P06", "42P07", "42710", "40P01", "XX000", NULL };
  const char *sqlstate = keel_error_sqlstate (problem);
  return sqlstate != NULL && g_strv_contains (codes, sqlstate);
}

static bool
table_exists (DbConn *conn, bool *ret_exists, GError **error)
{
  g_autofree char *found = NULL;
  if (!db_query_text (conn,
                      "SELECT 1 FROM pg_catalog.pg_class c\n"
                      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                      " WHERE n.nspname = 'pgkeel' AND c.relname = 'migration_in_force'",
                      0, NULL, &found, error))
    return false;
  *ret_exists = found != NULL;
  return true;
}

bool
history_ensure (DbConn *conn, GError **error)
{
  g_autoptr (GError) problem = NULL;
  for (int try = 0; try < ENSURE_TRIES; try++)
    {
      bool exists;
      g_clear_error (&problem);
      if (!table_exists (conn, &exists, error))
        return false;
      if (exists || db_exec (conn, create_sql, &problem))
        return true;
      (void) db_rollback (conn);
      if (!is_race (problem))
        break;
      g_usleep (10 * 1000);
    }
  g_propagate_error (error, g_steal_pointer (&problem));
  prefix_error (error, "creating the table pgkeel.migration");
  keel_error_suggest (error, "Connect as the owner of the database or as a superuser.");
  return false;
}

/* --- writing --------------------------------------------------------------------------------- */

/* A repeatable migration that runs again leaves its earlier run behind as a row of its own. */
static bool
replace_earlier (DbConn *conn, const HistoryEntry *entry, GError **error)
{
  const char *params[] = { entry->version };
  g_autoptr (DbResult) ignored = NULL;
  return entry->kind != MIGRATION_REPEATABLE
         || db_query (conn,
                      "UPDATE pgkeel.migration SET state = 'replaced'\n"
                      " WHERE version = $1 AND state IN ('applied', 'adopted')",
                      1, params, &ignored, error);
}

static const char write_sql[]
    = "INSERT INTO pgkeel.migration AS m\n"
      "       (version, name, kind, state, checksum, fingerprint, started, finished, applied_by,\n"
      "        applied_from, pgkeel_version, backup, statement_total, statement_done,\n"
      "        statement_digest)\n"
      "VALUES ($1, $2, $3, $4, $5, $6, coalesce ($7::timestamptz, pg_catalog.now ()),\n"
      "        CASE WHEN $4 IN ('applied', 'adopted', 'baseline')\n"
      "             THEN coalesce ($8::timestamptz, pg_catalog.clock_timestamp ()) END,\n"
      "        coalesce ($9, session_user::text), $10, $11, $12, $13::int, $14::int, $15)\n"
      "    ON CONFLICT (version) WHERE state NOT IN ('reverted', 'replaced') DO UPDATE\n"
      "   SET name = excluded.name, kind = excluded.kind, state = excluded.state,\n"
      "       checksum = excluded.checksum, fingerprint = excluded.fingerprint,\n"
      "       started = excluded.started, finished = excluded.finished,\n"
      "       applied_by = excluded.applied_by, applied_from = excluded.applied_from,\n"
      "       pgkeel_version = excluded.pgkeel_version, backup = excluded.backup,\n"
      "       statement_total = excluded.statement_total, statement_begun = 0,\n"
      "       statement_done = excluded.statement_done, error = NULL,\n"
      "       statement_digest = excluded.statement_digest, statement_probe = NULL, batch_rows = 0\n"
      "RETURNING m.id";

bool
history_write (DbConn *conn, const HistoryEntry *entry, int64_t *ret_id, GError **error)
{
  g_autofree char *total = g_strdup_printf ("%d", entry->statement_total);
  g_autofree char *done = g_strdup_printf ("%d", entry->statement_done);
  const char *params[] = { entry->version,
                           entry->name != NULL ? entry->name : "",
                           kind_names[entry->kind],
                           state_names[entry->state],
                           entry->checksum,
                           entry->fingerprint,
                           entry->started,
                           entry->finished,
                           entry->applied_by,
                           entry->applied_from,
                           PGKEEL_VERSION,
                           entry->backup,
                           total,
                           done,
                           entry->statement_digest };
  g_autoptr (DbResult) result = NULL;
  if (!replace_earlier (conn, entry, error)
      || !db_query (conn, write_sql, G_N_ELEMENTS (params), params, &result, error))
    return prefix_error (error, "writing pgkeel.migration");
  if (ret_id != NULL)
    *ret_id = db_result_int64 (result, 0, 0);
  return true;
}

/* Runs an UPDATE of one row, which must be there. */
static bool
update_row (DbConn *conn, const char *sql, int n, const char *const *params, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, n, params, &result, error))
    return prefix_error (error, "writing pgkeel.migration");
  return db_result_rows (result) == 1
         || keel_error (error, KEEL_ERROR_FAILED, "Find out who deleted it before going on.",
                        "the migration's row in pgkeel.migration is gone");
}

bool
history_journal (DbConn *conn, int64_t id, const HistoryEntry *entry, GError **error)
{
  g_autofree char *id_text = g_strdup_printf ("%" G_GINT64_FORMAT, id);
  g_autofree char *begun = g_strdup_printf ("%d", entry->statement_begun);
  g_autofree char *done = g_strdup_printf ("%d", entry->statement_done);
  g_autofree char *total = g_strdup_printf ("%d", entry->statement_total);
  g_autofree char *rows = g_strdup_printf ("%" G_GINT64_FORMAT, entry->batch_rows);
  const char *params[] = { id_text,
                           state_names[entry->state],
                           begun,
                           done,
                           total,
                           entry->statement_digest,
                           entry->statement_probe,
                           rows };
  return update_row (
      conn,
      "UPDATE pgkeel.migration\n"
      "   SET state = $2, statement_begun = $3::int, statement_done = $4::int,\n"
      "       statement_total = $5::int, statement_digest = $6, statement_probe = $7,\n"
      "       batch_rows = $8::bigint, error = NULL,\n"
      "       finished = CASE WHEN $2 = 'applied' THEN pg_catalog.clock_timestamp ()\n"
      "                       ELSE finished END,\n"
      "       reverted = CASE WHEN $2 = 'reverted' THEN pg_catalog.clock_timestamp () END,\n"
      "       reverted_by = CASE WHEN $2 IN ('reverting', 'reverted') THEN session_user::text END\n"
      " WHERE id = $1::bigint\n"
      "RETURNING id",
      G_N_ELEMENTS (params), params, error);
}

bool
history_fail (DbConn *conn, int64_t id, const char *message, GError **error)
{
  g_autofree char *id_text = g_strdup_printf ("%" G_GINT64_FORMAT, id);
  const char *params[] = { id_text, message };
  return update_row (
      conn,
      "UPDATE pgkeel.migration\n"
      "   SET error = $2, statement_begun = statement_done, state = CASE state WHEN 'running' THEN 'failed' ELSE state END\n"
      " WHERE id = $1::bigint\n"
      "RETURNING id",
      G_N_ELEMENTS (params), params, error);
}

bool
history_set_file (DbConn *conn, int64_t id, const char *checksum, const char *fingerprint,
                  GError **error)
{
  g_autofree char *id_text = g_strdup_printf ("%" G_GINT64_FORMAT, id);
  const char *params[] = { id_text, checksum, fingerprint };
  return update_row (conn,
                     "UPDATE pgkeel.migration\n"
                     "   SET checksum = $2, fingerprint = coalesce ($3, fingerprint)\n"
                     " WHERE id = $1::bigint\n"
                     "RETURNING id",
                     G_N_ELEMENTS (params), params, error);
}

bool
history_set_schema (DbConn *conn, int64_t id, const char *fingerprint, GError **error)
{
  g_autofree char *id_text = g_strdup_printf ("%" G_GINT64_FORMAT, id);
  const char *params[] = { id_text, fingerprint };
  return update_row (
      conn,
      "UPDATE pgkeel.migration SET schema_fingerprint = $2 WHERE id = $1::bigint RETURNING id",
      G_N_ELEMENTS (params), params, error);
}

char *
history_whoami (void)
{
  return g_strdup_printf ("%s@%s", g_get_user_name (), g_get_host_name ());
}
