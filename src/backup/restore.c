#include "backup/restore.h"
#include "backup/database.h"
#include "backup/restore_internal.h"
#include "backup/source.h"
#include "base/clock.h"
#include "base/size.h"

#include <string.h>

void
restore_result_clear (RestoreResult *result)
{
  g_free (result->database);
  g_free (result->table);
  g_free (result->kept);
  g_free (result->safety_backup);
  compare_result_clear (&result->compared);
}

void
restore_plan_free (RestorePlan *plan)
{
  if (plan == NULL)
    return;
  g_free (plan->name);
  g_free (plan->path);
  backup_reader_free (plan->reader);
  db_conn_free (plan->admin);
  g_free (plan->database);
  g_free (plan->new_name);
  g_free (plan->kept_name);
  g_free (plan->table_name);
  g_free (plan->table_bystanders);
  json_decref (plan->properties);
  g_clear_pointer (&plan->steps, g_ptr_array_unref);
  g_free (plan);
}

const GPtrArray *
restore_plan_steps (const RestorePlan *plan)
{
  return plan->steps;
}

const char *
restore_plan_database (const RestorePlan *plan)
{
  return plan->database;
}

bool
restore_plan_replaces (const RestorePlan *plan)
{
  return plan->target_exists && plan->mode != MODE_TABLE;
}

void
restore_begin_step (RestorePlan *plan, Report *report)
{
  g_assert (plan->next_step < plan->steps->len);
  report_step (report, "%u/%u %s", plan->next_step + 1, plan->steps->len,
               (const char *) plan->steps->pdata[plan->next_step]);
  plan->next_step++;
}

bool
restore_check_equal (const CompareResult *compared, GError **error)
{
  if (compared->differences->len == 0)
    return true;
  const char *first = compared->differences->pdata[0];
  return keel_error_full (
      error, KEEL_ERROR_ANSWER_NO, NULL, first, "What was there before has not been touched.",
      "what was restored differs from the backup in %u places", compared->differences->len);
}

void
restore_add_step (RestorePlan *plan, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (plan->steps, g_strdup_vprintf (format, args));
  va_end (args);
}

/* A backup that is empty, short or cut is refused before anything is done. */
static bool
open_backup (RestorePlan *plan, GError **error)
{
  g_autoptr (StoreReader) object = NULL;
  plan->path = g_build_filename (store_location (plan->store), plan->name, NULL);
  if (!foreign_detect (plan->path, &plan->kind, error))
    return false;
  if (g_file_test (plan->path, G_FILE_TEST_IS_DIR))
    return true;
  if (!store_read (plan->store, plan->name, &object, error))
    return false;
  uint64_t size = store_reader_size (object);
  if (size <= plan->spec.project->min_size_bytes)
    {
      g_autofree char *text = size_format (size);
      return keel_error (
          error, KEEL_ERROR_ANSWER_NO,
          "If the database really is that small, lower backup.min_size in pgkeel.yaml.",
          "“%s” has only %s, which counts as a failed backup", plan->name, text);
    }
  return plan->kind != FOREIGN_NONE || backup_reader_new (&object, &plan->reader, error);
}

static bool
choose_mode (RestorePlan *plan, GError **error)
{
  const RestoreSpec *spec = &plan->spec;
  plan->mode = spec->table != NULL ? MODE_TABLE : spec->in_place ? MODE_IN_PLACE : MODE_BESIDE;
  if (spec->table != NULL && spec->in_place)
    return keel_error (error, KEEL_ERROR_USAGE, "Leave one of them out.",
                       "--table and --in-place do not go together");
  if (plan->mode != MODE_BESIDE && plan->reader == NULL)
    return keel_error (
        error, KEEL_ERROR_USAGE, "Restore it as a whole into another database with --to.",
        "--%s needs a backup written by pgkeel, “%s” is %s",
        spec->table != NULL ? "table" : "in-place", plan->name, foreign_kind_name (plan->kind));
  if (plan->mode == MODE_BESIDE && plan->reader != NULL
      && strcmp (backup_reader_index (plan->reader)->type, "data") == 0)
    return keel_error (
        error, KEEL_ERROR_USAGE,
        "Load it into a database that has the schema: gunzip -c FILE | psql -v ON_ERROR_STOP=1.",
        "“%s” holds data alone, so no whole database can be made of it", plan->name);
  return true;
}

/* A server that allows no new databases may allow none but this one. */
static bool
connect_admin (RestorePlan *plan, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (database_connect_admin (plan->spec.url, plan->database, &plan->admin, &problem))
    return true;
  if (plan->mode != MODE_BESIDE
      && db_connect (plan->spec.url, plan->database, &db_retry_none, &plan->admin, NULL))
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
choose_database (RestorePlan *plan, GError **error)
{
  g_autofree char *database = NULL, *user = NULL;
  if (!db_url_parts (plan->spec.url, &database, &user, NULL, error))
    return false;
  const char *name = plan->spec.to != NULL ? plan->spec.to : *database != '\0' ? database : user;
  if (*name == '\0' || strlen (name) > DATABASE_NAME_MAX_BYTES)
    return keel_error (error, KEEL_ERROR_USAGE, "Name one of 1 to 63 bytes with --to.",
                       "“%s” cannot be the name of a database", name);
  plan->database = g_strdup (name);
  return connect_admin (plan, error)
         && database_exists (plan->admin, plan->database, &plan->target_exists, error);
}

/* The new database is like the one it replaces; without one it is as the backup remembers it. */
static bool
choose_properties (RestorePlan *plan, GError **error)
{
  if (plan->target_exists)
    {
      g_autoptr (DbConn) conn = NULL;
      g_autoptr (BackupIndex) live = backup_index_new ();
      if (!db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error)
          || !source_read (conn, live, error))
        return false;
      plan->properties = json_deep_copy (json_object_get (live->source, "database"));
    }
  else if (plan->reader != NULL)
    plan->properties
        = json_deep_copy (json_object_get (backup_reader_index (plan->reader)->source, "database"));
  else
    plan->properties = json_object ();
  /* Its owner may have a name that this server does not know; --to makes a copy of our own. */
  return true;
}

static char *
join_names (const GPtrArray *names)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();
  for (guint i = 0; i < names->len && i < 10; i++)
    g_ptr_array_add (texts, names->pdata[i]);
  g_ptr_array_add (texts, NULL);
  return g_strjoinv (", ", (char **) texts->pdata);
}

/* The DDL would fail half way: better to say at once what is missing, and how to make it. */
bool
restore_check_roles (const RestorePlan *plan, GError **error)
{
  g_autoptr (GPtrArray) roles = NULL;
  g_autoptr (GPtrArray) tablespaces = NULL;
  if (plan->reader == NULL)
    return true;
  const json_t *source = backup_reader_index (plan->reader)->source;
  if (!database_list_missing (plan->admin, source, &roles, &tablespaces, error))
    return false;
  if (tablespaces->len > 0)
    {
      g_autofree char *names = join_names (tablespaces);
      return keel_error (error, KEEL_ERROR_FAILED, "Make them with CREATE TABLESPACE first.",
                         "the server lacks tablespaces that the backup needs: %s", names);
    }
  if (roles->len == 0)
    return true;
  g_autoptr (GString) hint = g_string_new ("Make them first:");
  for (guint i = 0; i < roles->len && i < 10; i++)
    {
      g_autofree char *sql = database_create_role_sql (source, roles->pdata[i]);
      g_string_append_printf (hint, " %s;", sql);
    }
  g_autofree char *names = join_names (roles);
  return keel_error (error, KEEL_ERROR_FAILED, hint->str,
                     "the server lacks roles that the backup needs: %s", names);
}

bool
restore_check_may_create (const RestorePlan *plan, GError **error)
{
  g_autofree char *may = NULL;
  if (!db_query_text (plan->admin,
                      "SELECT 1 FROM pg_catalog.pg_roles"
                      " WHERE rolname = current_user AND (rolcreatedb OR rolsuper)",
                      0, NULL, &may, error))
    return false;
  return may != NULL
         || keel_error (error, KEEL_ERROR_FAILED,
                        plan->mode == MODE_BESIDE && plan->spec.to == NULL
                            ? "Grant it with ALTER ROLE ... CREATEDB, or restore with --in-place."
                            : "Grant it with ALTER ROLE ... CREATEDB.",
                        "“%s” may make no databases, and the restore needs a new one",
                        db_user (plan->admin));
}

static bool
check_version (RestorePlan *plan, GError **error)
{
  if (plan->reader == NULL)
    return true;
  int from = backup_reader_index (plan->reader)->server_version / 10000;
  int to = db_server_major (plan->admin);
  return from <= to
         || keel_error (error, KEEL_ERROR_FAILED, "Restore it on that version or a newer one.",
                        "the backup comes from PostgreSQL %d, the server is PostgreSQL %d", from,
                        to);
}

/* BASE_WHAT_TIME, of the first second from now that no database is called by. */
static bool
choose_name (RestorePlan *plan, const char *what, char **ret_name, GError **error)
{
  for (int64_t time = clock_now ();; time++)
    {
      bool exists = false;
      g_autofree char *stamp = clock_format_stamp (time);
      g_autofree char *suffix = g_strdup_printf ("_%s_%s", what, stamp);
      g_autofree char *name = database_derive_name (plan->database, suffix);
      if (!database_exists (plan->admin, name, &exists, error))
        return false;
      if (exists)
        continue;
      *ret_name = g_steal_pointer (&name);
      return true;
    }
}

static bool
plan_beside (RestorePlan *plan, GError **error)
{
  if (!restore_check_may_create (plan, error)
      || !choose_name (plan, "restore", &plan->new_name, error)
      || (plan->target_exists && !choose_name (plan, "before", &plan->kept_name, error)))
    return false;
  if (plan->reader != NULL)
    {
      const BackupIndex *index = backup_reader_index (plan->reader);
      g_autofree char *rows = text_format_count (backup_index_rows (index));
      restore_add_step (plan, "verify every byte of “%s”", plan->name);
      restore_add_step (plan, "make the database “%s” with the properties of “%s”", plan->new_name,
                        plan->database);
      restore_add_step (plan, "restore %u tables, %s rows into it", index->tables->len, rows);
      if (!plan->spec.skip_compare)
        restore_add_step (
            plan, "compare every table by count and digest, sequences, large objects and schema");
    }
  else
    {
      if (plan->kind != FOREIGN_ARCHIVE)
        restore_add_step (
            plan,
            "read all of “%s”: it must be whole, and stay in the database it is restored into",
            plan->name);
      restore_add_step (plan, "make the database “%s”", plan->new_name);
      restore_add_step (plan, "restore “%s” (%s) into it with %s", plan->name,
                        foreign_kind_name (plan->kind),
                        plan->kind == FOREIGN_ARCHIVE ? "pg_restore" : "psql");
      restore_add_step (plan, "count what came (there are no counts or digests to compare with)");
    }
  if (plan->target_exists)
    restore_add_step (
        plan, "end the sessions in “%s”, rename it to “%s” and “%s” to “%s”, in one transaction",
        plan->database, plan->kept_name, plan->new_name, plan->database);
  else
    restore_add_step (plan, "rename “%s” to “%s”", plan->new_name, plan->database);
  return true;
}

bool
restore_plan_new (const RestoreSpec *spec, Store *store, const char *name, RestorePlan **ret_plan,
                  GError **error)
{
  g_autoptr (RestorePlan) plan = g_new0 (RestorePlan, 1);
  plan->spec = *spec;
  plan->store = store;
  plan->name = g_strdup (name);
  plan->steps = g_ptr_array_new_with_free_func (g_free);
  if (!open_backup (plan, error) || !choose_mode (plan, error) || !choose_database (plan, error)
      || !check_version (plan, error)
      || (plan->mode != MODE_TABLE && !restore_check_roles (plan, error)))
    return false;
  if (plan->mode == MODE_BESIDE)
    {
      if (!choose_properties (plan, error) || !plan_beside (plan, error))
        return false;
    }
  else if (plan->mode == MODE_IN_PLACE ? !restore_plan_in_place (plan, error)
                                       : !restore_plan_table (plan, error))
    return false;
  *ret_plan = g_steal_pointer (&plan);
  return true;
}

bool
restore_run (RestorePlan *plan, Report *report, RestoreResult *ret_result, GError **error)
{
  static bool (*const run[]) (RestorePlan *, Report *, RestoreResult *, GError **)
      = { restore_run_beside, restore_run_in_place, restore_run_table };
  int64_t started = clock_monotonic_us ();
  g_auto (RestoreResult) result = { .database = g_strdup (plan->database) };
  if (!run[plan->mode](plan, report, &result, error))
    return false;
  result.elapsed_us = clock_monotonic_us () - started;
  result.bytes_read = plan->reader != NULL ? backup_reader_bytes_read (plan->reader) : 0;
  *ret_result = result;
  result = (RestoreResult){ 0 };
  return true;
}
