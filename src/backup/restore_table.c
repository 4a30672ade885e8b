/* One table, in one transaction, reading only its own parts of the backup. */
#include "backup/database.h"
#include "backup/load.h"
#include "backup/table_definition.h"
#include "base/clock.h"

#include <string.h>
#include <unistd.h>

/* What the target has by the table's name: its kind, its columns as COPY takes them, views and foreign
 * keys of other tables that hang on it. */
static const char inspect_sql[]
    = "SELECT c.relkind,"
      "       (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute a"
      "         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
      "           AND a.attgenerated = ''),"
      "       (SELECT pg_catalog.count(DISTINCT r.ev_class) FROM pg_catalog.pg_depend d"
      "          JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
      "         WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
      "           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
      "           AND d.refobjid = c.oid AND r.ev_class <> c.oid),"
      "       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint f"
      "         WHERE f.contype = 'f' AND f.confrelid = c.oid AND f.conrelid <> c.oid"
      "           AND f.conparentid = 0)"
      "  FROM pg_catalog.pg_namespace n"
      "  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = $2"
      " WHERE n.nspname = $1";

static char *
count_text (int64_t count, const char *one, const char *many)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT " %s", count, count == 1 ? one : many);
}

static char *
name_bystanders (int64_t views, int64_t foreign_keys)
{
  g_autofree char *first = count_text (views, "view", "views");
  g_autofree char *second
      = count_text (foreign_keys, "foreign key of another table", "foreign keys of other tables");
  if (views == 0 && foreign_keys == 0)
    return NULL;
  return g_strdup_printf ("%s%s%s", views > 0 ? first : "",
                          views > 0 && foreign_keys > 0 ? " and " : "",
                          foreign_keys > 0 ? second : "");
}

/* JSON keeps names with commas and quotes apart. Names that are no UTF-8 count as others: the
 * definition then comes from the backup. */
static bool
has_columns (const char *json, char *const *wanted)
{
  g_autoptr (json_t) names = json_loads (json, 0, NULL);
  size_t count = g_strv_length ((char **) wanted);
  if (json_array_size (names) != count)
    return false;
  for (size_t i = 0; i < count; i++)
    if (g_strcmp0 (json_string_value (json_array_get (names, i)), wanted[i]) != 0)
      return false;
  return true;
}

static bool
inspect (RestorePlan *plan, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_autoptr (DbResult) found = NULL;
  const BackupTable *table = plan->table;
  const char *const params[] = { table->schema, table->name };
  if (!db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error)
      || !db_query (conn, inspect_sql, 2, params, &found, error))
    return false;
  if (db_result_rows (found) == 0)
    {
      g_autofree char *schema = db_quote_ident (table->schema);
      g_autofree char *hint = g_strdup_printf ("Make it first: CREATE SCHEMA %s;", schema);
      return keel_error (error, KEEL_ERROR_FAILED, hint,
                         "the database “%s” has no schema “%s” to restore the table into",
                         plan->database, table->schema);
    }
  plan->table_exists = !db_result_is_null (found, 0, 0);
  if (!plan->table_exists)
    return true;
  if (strchr ("rpvmf", *db_result_text (found, 0, 0)) == NULL)
    return keel_error (error, KEEL_ERROR_FAILED,
                       "Rename it first, or restore into another database with --to.",
                       "%s.%s is there already, and is no table", table->schema, table->name);
  const char *columns = db_result_is_null (found, 0, 1) ? "[]" : db_result_text (found, 0, 1);
  plan->table_differs = !has_columns (columns, table->columns);
  plan->table_bystanders
      = name_bystanders (db_result_int64 (found, 0, 2), db_result_int64 (found, 0, 3));
  return true;
}

/* Of a table that is there no rows are in the backup: it is partitioned. */
static bool
explain_partitioned (RestorePlan *plan, GError **error)
{
  const BackupIndex *index = backup_reader_index (plan->reader);
  const char *name = plan->spec.table;
  const char *dot = strchr (name, '.');
  for (guint i = 0; i < index->objects->len; i++)
    {
      const BackupObject *object = index->objects->pdata[i];
      const char *last = strchr (object->name, '.');
      if (strcmp (object->kind, "partitioned table") != 0
          || (strcmp (object->name, name) != 0
              && (dot != NULL || last == NULL || strcmp (last + 1, name) != 0)))
        continue;
      g_clear_error (error);
      return keel_error (error, KEEL_ERROR_USAGE,
                         "Name its partitions, one restore each, or restore the whole backup into"
                         " another database with --to and take the table from there.",
                         "%s is partitioned: its rows are in its partitions", object->name);
    }
  return false;
}

static void
add_steps (RestorePlan *plan)
{
  const BackupTable *table = plan->table;
  g_autofree char *rows = text_format_count (table->digest.rows);
  if (!plan->table_exists)
    restore_add_step (plan, "make the table %s.%s as the backup defines it", table->schema,
                      plan->table_name);
  else
    restore_add_step (
        plan, "make the table %s.%s beside %s.%s, with %s; that one stays as it is%s%s",
        table->schema, plan->table_name, table->schema, table->name,
        plan->table_differs ? "the columns that it has in the backup" : "the same definition",
        plan->table_bystanders != NULL ? ", and so do " : "",
        plan->table_bystanders != NULL ? plan->table_bystanders : "");
  restore_add_step (plan, "restore its %s rows", rows);
  restore_add_step (plan, "compare them by count and digest");
  if (!plan->table_exists)
    restore_add_step (plan,
                      "add its keys, indexes, triggers and grants, but not those that need what is"
                      " not there");
  else if (plan->table_differs)
    restore_add_step (plan, "add its keys and indexes");
  restore_add_step (plan, "commit");
}

bool
restore_plan_table (RestorePlan *plan, GError **error)
{
  plan->table
      = backup_index_find_table (backup_reader_index (plan->reader), plan->spec.table, error);
  if (plan->table == NULL)
    return explain_partitioned (plan, error);
  if (!plan->target_exists)
    return keel_error (error, KEEL_ERROR_USAGE, "Create it first, or name another one with --to.",
                       "there is no database “%s” to restore a table into", plan->database);
  if (!inspect (plan, error))
    return false;
  if (!plan->table_exists && plan->table->root_name != NULL)
    return keel_error (error, KEEL_ERROR_FAILED,
                       "Restore the whole backup into another database with --to, and copy the rows"
                       " from there.",
                       "the rows of %s.%s may belong into other partitions of %s.%s here, which are"
                       " chosen by a hash of an enum",
                       plan->table->schema, plan->table->name, plan->table->root_schema,
                       plan->table->root_name);
  /* The definition is read through a database that has all of the schema, with all its owners. */
  if ((!plan->table_exists || plan->table_differs)
      && (!restore_check_may_create (plan, error) || !restore_check_roles (plan, error)))
    return false;
  g_autofree char *stamp = clock_format_stamp (clock_now ());
  g_autofree char *suffix = g_strdup_printf ("_restored_%s", stamp);
  plan->table_name = plan->table_exists ? database_derive_name (plan->table->name, suffix)
                                        : g_strdup (plan->table->name);
  add_steps (plan);
  return true;
}

/* Sequences that the table owns come with it, so their positions do too. */
static bool
set_sequences (RestorePlan *plan, DbConn *conn, GError **error)
{
  const BackupIndex *index = backup_reader_index (plan->reader);
  const char *const params[] = { plan->table->schema, plan->table->name };
  g_autoptr (DbResult) owned = NULL;
  if (!db_query (conn,
                 "SELECT n.nspname, s.relname FROM pg_catalog.pg_class s"
                 "  JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace"
                 "  JOIN pg_catalog.pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
                 "   AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
                 "   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
                 "  JOIN pg_catalog.pg_class t ON t.oid = d.refobjid"
                 "  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace"
                 " WHERE s.relkind = 'S' AND tn.nspname = $1 AND t.relname = $2",
                 2, params, &owned, error))
    return false;
  for (int row = 0; row < db_result_rows (owned); row++)
    for (guint i = 0; i < index->sequences->len; i++)
      {
        const BackupSequence *sequence = index->sequences->pdata[i];
        if (strcmp (sequence->schema, db_result_text (owned, row, 0)) != 0
            || strcmp (sequence->name, db_result_text (owned, row, 1)) != 0)
          continue;
        g_autofree char *quoted = db_quote_name (sequence->schema, sequence->name);
        g_autofree char *value = g_strdup_printf ("%" G_GINT64_FORMAT, sequence->last_value);
        const char *const position[] = { quoted, value, sequence->is_called ? "true" : "false" };
        g_autoptr (DbResult) ignored = NULL;
        if (!db_query (conn, "SELECT pg_catalog.setval($1::regclass, $2::bigint, $3::boolean)", 3,
                       position, &ignored, error))
          return false;
      }
  return true;
}

static bool
load_rows (RestorePlan *plan, DbConn *conn, const char *statement, Report *report, GError **error)
{
  LoadSpec load
      = { .single = conn, .only = plan->table, .only_statement = statement, .job_count = 1 };
  LoadResult loaded;
  restore_begin_step (plan, report);
  return load_run (&load, plan->reader, report, &loaded, error);
}

static bool
compare_rows (RestorePlan *plan, DbConn *conn, const char *name, Report *report,
              RestoreResult *result, GError **error)
{
  CompareSpec compare = { .single = conn,
                          .expect_data = true,
                          .only = plan->table,
                          .only_schema = plan->table->schema,
                          .only_name = name };
  restore_begin_step (plan, report);
  if (!compare_run (&compare, backup_reader_index (plan->reader), report, &result->compared, error)
      || !restore_check_equal (&result->compared, error))
    return false;
  result->is_compared = true;
  result->table_count = 1;
  result->row_count = plan->table->digest.rows;
  return db_speak_utf8 (conn, error);
}

/* The table is not there: it comes back whole, as pg_dump --table would bring it. */
static bool
restore_missing (RestorePlan *plan, DbConn *conn, Report *report, RestoreResult *result,
                 GError **error)
{
  g_auto (TableDefinition) definition = { 0 };
  restore_begin_step (plan, report);
  if (!table_definition_read (plan, NULL, &definition, error) || !db_exec (conn, "BEGIN", error)
      || !table_definition_run_before (&definition, conn, error)
      || !load_rows (plan, conn, NULL, report, error)
      || !compare_rows (plan, conn, plan->table->name, report, result, error)
      || !set_sequences (plan, conn, error))
    return false;
  restore_begin_step (plan, report);
  return table_definition_run_after (&definition, conn, report, error);
}

static bool
make_like (RestorePlan *plan, DbConn *conn, const char *name, GError **error)
{
  g_autofree char *copy = db_quote_name (plan->table->schema, name);
  g_autofree char *original = db_quote_name (plan->table->schema, plan->table->name);
  g_autofree char *sql
      = g_strdup_printf ("CREATE TABLE %s (LIKE %s INCLUDING ALL)", copy, original);
  return db_exec (conn, sql, error);
}

/* The rows were as the rules of then wanted them. */
static bool
explain_violation (GError **error)
{
  if (error == NULL || *error == NULL || keel_error_sqlstate (*error) == NULL
      || !g_str_has_prefix (keel_error_sqlstate (*error), "23"))
    return false;
  g_autoptr (GError) problem = *error;
  *error = NULL;
  return keel_error_full (
      error, KEEL_ERROR_SERVER, keel_error_sqlstate (problem), keel_error_detail (problem),
      "The table has rules now that its rows of then do not meet: restore the backup"
      " into another database with --to.",
      "%s", problem->message);
}

static bool
fill_beside (RestorePlan *plan, DbConn *conn, const char *name, Report *report,
             RestoreResult *result, GError **error)
{
  g_autofree char *schema = db_quote_ident (plan->table->schema);
  g_autofree char *path = g_strdup_printf ("SET LOCAL search_path = %s", schema);
  g_autofree char *copy = g_strdup_printf ("COPY %s FROM stdin", name);
  if (!db_exec (conn, path, error))
    return false;
  if (load_rows (plan, conn, copy, report, error))
    return db_exec (conn, "SET LOCAL search_path = pg_catalog", error)
           && compare_rows (plan, conn, name, report, result, error);
  return explain_violation (error);
}

/* The table is there: its rows of then come beside those of now, for a person to compare and merge.
 * It is filled under a plain name, which is the same in every encoding. */
static bool
restore_beside (RestorePlan *plan, DbConn *conn, Report *report, RestoreResult *result,
                GError **error)
{
  g_auto (TableDefinition) definition = { 0 };
  g_autofree char *temporary = g_strdup_printf ("pgkeel_restored_%d", (int) getpid ());
  g_autofree char *quoted = db_quote_name (plan->table->schema, temporary);
  g_autofree char *final = db_quote_ident (plan->table_name);
  g_autofree char *rename = g_strdup_printf ("ALTER TABLE %s RENAME TO %s", quoted, final);
  restore_begin_step (plan, report);
  if (plan->table_differs && !table_definition_read (plan, temporary, &definition, error))
    return false;
  if (!db_exec (conn, "BEGIN", error)
      || !(plan->table_differs ? table_definition_run_before (&definition, conn, error)
                               : make_like (plan, conn, temporary, error))
      || !fill_beside (plan, conn, temporary, report, result, error))
    return false;
  if (plan->table_differs)
    {
      restore_begin_step (plan, report);
      if (!table_definition_run_after (&definition, conn, report, error))
        return false;
    }
  return db_exec (conn, rename, error);
}

bool
restore_run_table (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  if (!db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error))
    return false;
  if (plan->table_exists ? !restore_beside (plan, conn, report, result, error)
                         : !restore_missing (plan, conn, report, result, error))
    return false;
  restore_begin_step (plan, report);
  if (!db_exec (conn, "COMMIT", error))
    return false;
  result->table = g_strdup_printf ("%s.%s", plan->table->schema, plan->table_name);
  return true;
}
