#include "backup/remove.h"
#include "backup/compare.h"
#include "backup/database.h"
#include "backup/inventory.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "project/stamp.h"

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

/* The old database gets its name again. What cannot be done because of a signal is done all the same. */
static bool
change_back (const Removal *removal)
{
  cancel_hold ();
  bool is_back = database_swap (removal->admin, removal->spec->database, removal->empty_name,
                                removal->gone_name, removal->properties, true, NULL);
  cancel_release ();
  return is_back;
}

static void
drop_empty (const Removal *removal)
{
  cancel_hold ();
  bool is_dropped = database_drop (removal->admin, removal->empty_name, NULL);
  cancel_release ();
  if (!is_dropped)
    report_warning (removal->report, "the empty database could not be dropped",
                    "The next restore or nuke will remove it.");
}

static bool
replace (const Removal *removal, char **ret_kept, GError **error)
{
  report_step (removal->report, "putting an empty database in the place of “%s”",
               removal->spec->database);
  if (!database_swap (removal->admin, removal->spec->database, removal->gone_name,
                      removal->empty_name, removal->properties, removal->spec->end_sessions, error))
    {
      explain_sessions (removal, error);
      drop_empty (removal);
      return false;
    }
  if (compare (removal, error))
    return true;
  if (change_back (removal))
    drop_empty (removal);
  else
    {
      *ret_kept = g_strdup (removal->gone_name);
      g_autofree char *text = g_strdup_printf (
          "the database could not get its name back: its data is in “%s”", removal->gone_name);
      report_warning (removal->report, text, "Rename it when the server answers again.");
    }
  return false;
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
  if (!make_empty (&removal, error))
    {
      drop_empty (&removal);
      return false;
    }
  if (!replace (&removal, ret_kept, error))
    return false;
  report_step (report, "dropping what was “%s”", spec->database);
  if (database_drop (removal.admin, removal.gone_name, error))
    return true;
  *ret_kept = g_strdup (removal.gone_name);
  return prefix_error (error, "what was “%s” is now “%s” and could not be dropped", spec->database,
                       removal.gone_name);
}
