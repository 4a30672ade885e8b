#include "backup/remove.h"
#include "backup/compare.h"
#include "backup/database.h"
#include "backup/inventory.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "project/stamp.h"

#define END_TURNS 100
#define END_TURN_MS 50

typedef struct
{
  const RemoveSpec *spec;
  Report *report;
  DbConn *admin;
  const json_t *properties;
  char *empty_name; /* of the new database until it takes the name */
  char *gone_name;  /* of the old one, from then until it is dropped */
} Removal;

static void
removal_clear (Removal *removal)
{
  g_clear_pointer (&removal->admin, db_conn_free);
  g_free (removal->empty_name);
  g_free (removal->gone_name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Removal, removal_clear)

/* Names of the first second from now that no database is called by. */
static bool
choose_names (Removal *removal, GError **error)
{
  for (int64_t time = clock_now ();; time++)
    {
      bool empty_exists = true, gone_exists = true;
      g_autofree char *stamp = clock_format_stamp (time);
      g_autofree char *empty_suffix = g_strdup_printf ("_empty_%s", stamp);
      g_autofree char *gone_suffix = g_strdup_printf ("_nuked_%s", stamp);
      g_autofree char *empty = database_derive_name (removal->spec->database, empty_suffix);
      g_autofree char *gone = database_derive_name (removal->spec->database, gone_suffix);
      if (!database_exists (removal->admin, empty, &empty_exists, error)
          || !database_exists (removal->admin, gone, &gone_exists, error))
        return false;
      if (empty_exists || gone_exists)
        continue;
      removal->empty_name = g_steal_pointer (&empty);
      removal->gone_name = g_steal_pointer (&gone);
      return true;
    }
}

static bool
make_empty (const Removal *removal, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  return database_create (removal->admin, removal->empty_name, removal->properties, false, NULL,
                          error)
         && db_connect (removal->spec->url, removal->empty_name, &db_retry_default, &conn, error)
         && stamp_write (conn, removal->spec->project, error);
}

/* Says who is connected, if that is why the names could not be changed. */
static void
explain_sessions (const Removal *removal, GError **error)
{
  g_autoptr (GPtrArray) sessions = NULL;
  if (error == NULL || g_strcmp0 (keel_error_sqlstate (*error), "55006") != 0
      || !inventory_sessions (removal->admin, removal->spec->database, &sessions, NULL))
    return;
  g_autoptr (GString) detail = g_string_new ("");
  for (guint i = 0; i < sessions->len; i++)
    {
      const InventorySession *session = sessions->pdata[i];
      g_string_append_printf (detail, "%sprocess %d of %s (%s)", i > 0 ? ", " : "", session->pid,
                              session->user, session->application);
    }
  g_clear_error (error);
  keel_error_full (error, KEEL_ERROR_REFUSED, "55006", detail->len > 0 ? detail->str : NULL,
                   "End them, or let --end-sessions do it.",
                   "others have connected to the database “%s”: nothing was removed",
                   removal->spec->database);
}

static bool
check_same (const Removal *removal, const CompareResult *compared, GError **error)
{
  bool is_same = compared->tables_equal == compared->tables_total
                 && compared->sequences_equal == compared->sequences_total
                 && compared->large_objects_equal && compared->schema_compared
                 && compared->schema_equal;
  return is_same
         || keel_error_full (
             error, KEEL_ERROR_ANSWER_NO, NULL,
             compared->differences->len > 0 ? compared->differences->pdata[0] : NULL,
             "Run it again when nobody writes.",
             "the database “%s” was changed after the backup was made: nothing was removed",
             removal->spec->database);
}

static bool
compare (const Removal *removal, GError **error)
{
  g_auto (CompareResult) compared = { 0 };
  const CompareSpec spec = { .url = removal->spec->url,
                             .database = removal->gone_name,
                             .job_count = removal->spec->job_count,
                             .expect_schema = true,
                             .expect_data = true };
  report_step (removal->report, "comparing what was “%s” with the backup, row by row",
               removal->spec->database);
  return compare_run (&spec, removal->spec->index, removal->report, &compared, error)
         && check_same (removal, &compared, error);
}

/* A server process ends its last command though its client has gone, and what it was told to rename would
 * be renamed after we have looked. */
static bool
wait_for_end (DbConn *conn, int pid)
{
  g_autofree char *text = g_strdup_printf ("%d", pid);
  const char *const params[] = { text };
  for (int turn = 0; turn < END_TURNS; turn++)
    {
      g_autofree char *found = NULL;
      if (!db_query_text (conn, "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = $1::int", 1,
                          params, &found, NULL))
        return false;
      if (found == NULL)
        return true;
      g_usleep (END_TURN_MS * 1000);
    }
  return false;
}

/* In a session of its own, as the one that worked may be what failed. *RET_RENAMED: whether the old
 * database has the other name now. */
static bool
open_again (Removal *removal, bool *ret_renamed)
{
  int pid = db_backend_pid (removal->admin);
  g_clear_pointer (&removal->admin, db_conn_free);
  return database_connect_admin (removal->spec->url, removal->spec->database, &removal->admin, NULL)
         && wait_for_end (removal->admin, pid)
         && database_exists (removal->admin, removal->gone_name, ret_renamed, NULL);
}

/* The old database gets its name again, if it had lost it; the empty one goes. */
static bool
put_back (Removal *removal)
{
  bool is_renamed = false;
  if (!open_again (removal, &is_renamed)
      || (is_renamed
          && !database_swap (removal->admin, removal->spec->database, removal->empty_name,
                             removal->gone_name, removal->properties, true, NULL)))
    return false;
  if (!database_drop (removal->admin, removal->empty_name, NULL))
    report_warning (removal->report, "the empty database could not be dropped",
                    "The next restore or nuke will remove it.");
  return true;
}

/* What cannot be done because of a signal is done all the same. */
static void
give_up (Removal *removal, char **ret_kept)
{
  cancel_hold ();
  bool is_back = put_back (removal);
  cancel_release ();
  if (is_back)
    return;
  *ret_kept = g_strdup (removal->gone_name);
  g_autofree char *text = g_strdup_printf (
      "if there is a database “%s”, it has the data: “%s” could not get its name back",
      removal->gone_name, removal->spec->database);
  report_warning (removal->report, text, "Rename it when the server answers again.");
}

static bool
replace (const Removal *removal, GError **error)
{
  report_step (removal->report, "putting an empty database in the place of “%s”",
               removal->spec->database);
  if (make_empty (removal, error)
      && database_swap (removal->admin, removal->spec->database, removal->gone_name,
                        removal->empty_name, removal->properties, removal->spec->end_sessions,
                        error))
    return compare (removal, error);
  explain_sessions (removal, error);
  return false;
}

/* From here on there is no way back but the backup, so nothing interrupts it. */
static bool
drop_gone (const Removal *removal, char **ret_kept, GError **error)
{
  report_step (removal->report, "dropping what was “%s”", removal->spec->database);
  cancel_hold ();
  bool is_dropped = database_drop (removal->admin, removal->gone_name, error);
  cancel_release ();
  if (is_dropped)
    return true;
  *ret_kept = g_strdup (removal->gone_name);
  return prefix_error (error, "what was “%s” is now “%s” and could not be dropped",
                       removal->spec->database, removal->gone_name);
}

static bool
open_removal (const RemoveSpec *spec, Removal *removal, GError **error)
{
  int unfinished = 0;
  removal->properties = json_object_get (spec->index->source, "database");
  if (!database_connect_admin (spec->url, spec->database, &removal->admin, error)
      || !database_drop_unfinished (removal->admin, &unfinished, error))
    return false;
  if (unfinished > 0)
    report_step (removal->report, "removed %d unfinished databases of runs that were ended",
                 unfinished);
  return choose_names (removal, error);
}

bool
remove_run (const RemoveSpec *spec, Report *report, char **ret_kept, GError **error)
{
  g_auto (Removal) removal = { .spec = spec, .report = report };
  if (!open_removal (spec, &removal, error))
    return false;
  if (replace (&removal, error))
    return drop_gone (&removal, ret_kept, error);
  give_up (&removal, ret_kept);
  return false;
}
