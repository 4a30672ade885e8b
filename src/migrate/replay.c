#include "migrate/replay.h"

#include "db/schema.h"
#include "migrate/drift.h"
#include "migrate/replay_place.h"
#include "migrate/run.h"
#include "migrate/run_lock.h"

#include <string.h>

/* Nobody else works there. */
#define LOCK_TIMEOUT_MS 10000

void
replay_clear (Replay *replay)
{
  g_clear_pointer (&replay->objects, g_ptr_array_unref);
  g_clear_pointer (&replay->place, g_free);
}

/* --- who replays ----------------------------------------------------------------------------- */

/* Who a file's objects belong to is who ran it. Where the history does not know (another tool's), it is
 * whoever owns most of what is there. */
typedef struct
{
  GHashTable *roles; /* names of all that the server has */
  char *usual;
} Owners;

static void
owners_clear (Owners *owners)
{
  g_clear_pointer (&owners->roles, g_hash_table_unref);
  g_free (owners->usual);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Owners, owners_clear)

static bool
read_owners (DbConn *live, Owners *owners, GError **error)
{
  g_autoptr (DbResult) roles = NULL;
  if (!db_query (live, "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_'", 0, NULL,
                 &roles, error)
      || !db_query_text (live,
                         "SELECT r.rolname\n"
                         "  FROM pg_catalog.pg_class c\n"
                         "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                         "  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner\n"
                         " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')\n"
                         "   AND n.nspname !~ '^pg_'\n"
                         "   AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"
                         "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d\n"
                         "                    WHERE d.objid = c.oid AND d.deptype = 'e'\n"
                         "                      AND d.classid = 'pg_catalog.pg_class'::regclass)\n"
                         " GROUP BY r.rolname ORDER BY pg_catalog.count (*) DESC, r.rolname\n"
                         " LIMIT 1",
                         0, NULL, &owners->usual, error))
    return false;
  owners->roles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (int row = 0; row < db_result_rows (roles); row++)
    g_hash_table_add (owners->roles, g_strdup (db_result_text (roles, row, 0)));
  if (owners->usual == NULL)
    owners->usual = g_strdup (db_user (live));
  return true;
}

static const char *
who_ran (const Owners *owners, const PlanItem *item)
{
  const HistoryEntry *entry = item->entry;
  bool is_known = entry != NULL && entry->state == HISTORY_APPLIED && entry->applied_by != NULL
                  && g_hash_table_contains (owners->roles, entry->applied_by);
  return is_known ? entry->applied_by : owners->usual;
}

static GPtrArray *
list_users (const Owners *owners, const GPtrArray *items)
{
  GPtrArray *users = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < items->len; i++)
    {
      const char *user = who_ran (owners, items->pdata[i]);
      if (!g_ptr_array_find_with_equal_func (users, user, g_str_equal, NULL))
        g_ptr_array_add (users, g_strdup (user));
    }
  return users;
}

/* --- running --------------------------------------------------------------------------------- */

/* A session of one user, and the run in it. */
typedef struct
{
  char *url;
  DbConn *conn;
  Run *run;
} Session;

static void
session_clear (Session *session)
{
  g_clear_pointer (&session->run, run_free);
  g_clear_pointer (&session->conn, db_conn_free);
  g_clear_pointer (&session->url, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Session, session_clear)

static bool
session_open (Session *session, const ReplaySpec *spec, const ReplayPlace *place, const char *user,
              GError **error)
{
  session->url = replay_place_url (place, user, error);
  if (session->url == NULL
      || !db_connect (session->url, NULL, &db_retry_default, &session->conn, error)
      || !run_lock_take (session->conn, LOCK_TIMEOUT_MS, spec->report, error))
    return false;
  RunSpec run = { .url = session->url,
                  .conn = session->conn,
                  .parser = spec->parser,
                  .lock_timeout_ms = LOCK_TIMEOUT_MS,
                  .statement_timeout_ms = spec->statement_timeout_ms,
                  .wait_ms = LOCK_TIMEOUT_MS };
  return run_new (&run, &session->run, error);
}

/* Another session is opened whenever another user comes. */
static bool
run_items (const ReplaySpec *spec, const ReplayPlace *place, const Owners *owners,
           const GPtrArray *items, GError **error)
{
  g_auto (Session) session = { 0 };
  const char *user = NULL;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      const PlanItem pending = { PLAN_PENDING, item->migration, NULL };
      const char *next = who_ran (owners, item);
      g_auto (RunFailure) failure = { 0 };
      if (user == NULL || strcmp (user, next) != 0)
        {
          session_clear (&session);
          user = next;
          if (!session_open (&session, spec, place, user, error))
            return false;
        }
      if (!run_up (session.run, &pending, &failure, error))
        return false;
    }
  return true;
}

/* Extensions of the database that no file creates and nobody left out are the likeliest reason for a
 * type or a function that is not there. */
static void
warn_of_extensions (const ReplaySpec *spec, const ReplayFiles *files)
{
  const DriftSpec drift = { .ignore = spec->ignore };
  g_autoptr (DbResult) found = NULL;
  if (!db_query (spec->live,
                 "SELECT e.extname, n.nspname, pg_catalog.quote_ident (e.extname),\n"
                 "       'schema ' || pg_catalog.quote_ident (n.nspname)\n"
                 "  FROM pg_catalog.pg_extension e\n"
                 "  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace\n"
                 " WHERE e.extname <> 'plpgsql' ORDER BY e.extname",
                 0, NULL, &found, NULL))
    return;
  for (int row = 0; row < db_result_rows (found); row++)
    {
      const char *name = db_result_text (found, row, 0), *schema = db_result_text (found, row, 1);
      const DbSchemaObject object = { .kind = (char *) "extension",
                                      .name = (char *) db_result_text (found, row, 2),
                                      .definition = (char *) db_result_text (found, row, 3) };
      if (g_hash_table_contains (files->extensions, name) || drift_is_ignored (&object, &drift))
        continue;
      g_autofree char *message
          = g_strdup_printf ("the database has the extension “%s”, which no file creates", name);
      g_autofree char *hint = g_strdup_printf (
          "If files need it, create it in one, or put “%s.%s” in migrations.ignore: then "
          "it is there before they run.",
          schema, name);
      report_warning (spec->report, message, hint);
    }
}

static bool
replay_files (const ReplaySpec *spec, const ReplayFiles *files, const ReplayPlace *place,
              const Owners *owners, Replay *replay, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  replay->place = g_strdup (replay_place_title (place));
  replay->file_count = files->items->len;
  report_step (spec->report, "replaying %u files in a %s", files->items->len, replay->place);
  if (!run_items (spec, place, owners, files->items, error))
    {
      warn_of_extensions (spec, files);
      return prefix_error (error, "replaying the files in a %s", replay->place);
    }
  g_autofree char *url = replay_place_url (place, db_user (spec->live), error);
  return url != NULL && db_connect (url, NULL, &db_retry_default, &conn, error)
         && db_schema_read (conn, &replay->objects, error);
}

bool
replay_run (const ReplaySpec *spec, Replay *ret_replay, GError **error)
{
  g_auto (ReplayFiles) files = { 0 };
  g_auto (Owners) owners = { 0 };
  g_autoptr (GPtrArray) users = NULL;
  g_autoptr (ReplayPlace) place = NULL;
  g_auto (Replay) replay = { 0 };
  if (!replay_files_find (spec->plan, &files, error) || !read_owners (spec->live, &owners, error))
    return false;
  users = list_users (&owners, files.items);
  ReplayPlaceSpec where = { .live = spec->live,
                            .live_url = spec->live_url,
                            .files = &files,
                            .users = users,
                            .ignore = spec->ignore,
                            .parent = spec->parent,
                            .on_server = spec->on_server,
                            .never_on_server = spec->never_on_server,
                            .report = spec->report };
  if (!replay_place_open (&where, &place, error)
      || !replay_files (spec, &files, place, &owners, &replay, error))
    return false;
  for (guint i = 0; i < users->len; i++)
    replay.without_owners
        |= replay_place_is_on_server (place) && strcmp (users->pdata[i], db_user (spec->live)) != 0;
  *ret_replay = replay;
  replay = (Replay){ 0 };
  return true;
}
