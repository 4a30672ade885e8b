/* One table, in one transaction, reading only its own parts of the backup. */
#include "backup/database.h"
#include "backup/load.h"
#include "backup/restore_internal.h"
#include "base/cancel.h"
#include "base/process.h"
#include "db/binaries.h"
#include "sql/split.h"

#include <string.h>
#include <unistd.h>

/* Of the definition of one table. */
#define DDL_MAX_BYTES (64 * 1024 * 1024)

bool
restore_find_table (RestorePlan *plan, bool *ret_exists, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_autofree char *found = NULL;
  const char *const params[] = { plan->table->schema, plan->table->name };
  if (!db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error)
      || !db_query_text (conn,
                         "SELECT 1 FROM pg_catalog.pg_class c"
                         "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                         " WHERE n.nspname = $1 AND c.relname = $2",
                         2, params, &found, error))
    return false;
  *ret_exists = found != NULL;
  return true;
}

/* A database that holds the backup's whole schema and no rows: what pg_dump reads the definition of
 * the one table from. */
typedef struct
{
  DbConn *admin;
  char *name;
} Schema;

static void
schema_clear (Schema *schema)
{
  cancel_hold ();
  if (schema->name != NULL)
    (void) !database_drop (schema->admin, schema->name, NULL);
  cancel_release ();
  g_free (schema->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Schema, schema_clear)

static bool
schema_make (RestorePlan *plan, Schema *schema, GError **error)
{
  static const BackupMemberKind phases[]
      = { MEMBER_PRE_DATA, MEMBER_KEYS, MEMBER_FOREIGN_KEYS, MEMBER_POST_DATA };
  const BackupIndex *index = backup_reader_index (plan->reader);
  g_autofree char *suffix = g_strdup_printf ("_schema_%d", (int) getpid ());
  g_autofree char *name = database_derive_name (plan->database, suffix);
  g_autoptr (DbConn) conn = NULL;
  g_autofree char *encoding = db_quote_literal (index->encoding);
  g_autofree char *sql = g_strdup_printf ("SET client_encoding = %s", encoding);
  int unfinished;
  schema->admin = plan->admin;
  if (!database_drop_unfinished (plan->admin, &unfinished, error)
      || !database_create (plan->admin, name, json_object_get (index->source, "database"), false,
                           NULL, error))
    return false;
  schema->name = g_steal_pointer (&name);
  if (!db_connect (plan->spec.url, schema->name, &db_retry_default, &conn, error)
      || !db_exec (conn, "SET synchronous_commit = off; SET check_function_bodies = off", error)
      || !db_exec (conn, sql, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (phases); i++)
    if (!load_ddl (conn, plan->reader, phases[i], error))
      return prefix_error (error, "reading the schema of the backup");
  return true;
}

/* The definition of the table by pg_dump: SECTION is "pre-data" or "post-data". */
static bool
dump_definition (RestorePlan *plan, const Schema *schema, const char *section, char **ret_sql,
                 GError **error)
{
  g_autofree char *password = NULL;
  g_autofree char *conninfo = db_conninfo (plan->spec.url, schema->name, &password, error);
  g_autofree char *pg_dump = binaries_find_tool ("pg_dump", db_server_major (plan->admin), error);
  if (conninfo == NULL || pg_dump == NULL)
    return false;
  g_autofree char *quoted = db_quote_name (plan->table->schema, plan->table->name);
  g_autofree char *table = g_strdup_printf ("--table=%s", quoted);
  g_autofree char *dbname = g_strdup_printf ("--dbname=%s", conninfo);
  g_autofree char *which = g_strdup_printf ("--section=%s", section);
  g_autofree char *setting = password != NULL ? g_strdup_printf ("PGPASSWORD=%s", password) : NULL;
  const char *const argv[]
      = { pg_dump, dbname, which, table, "--no-password", "--encoding=UTF8", NULL };
  const char *const environment[] = { "LC_ALL=C", setting, NULL };
  ProcessSpec spec
      = { .argv = argv, .environment = environment, .output_max_bytes = DDL_MAX_BYTES };
  g_auto (ProcessResult) result = { 0 };
  if (!process_run_ok (&spec, &result, error))
    return false;
  *ret_sql = g_steal_pointer (&result.output);
  return true;
}

/* "ALTER TABLE ONLY parent ATTACH PARTITION ...", the same of its indexes, and what is switched on or
 * off of the triggers that it then has from its parent. */
static bool
needs_partition (const char *sql)
{
  return (g_str_has_prefix (sql, "ALTER TABLE ") || g_str_has_prefix (sql, "ALTER INDEX "))
         && (strstr (sql, " ATTACH PARTITION ") != NULL || strstr (sql, " TRIGGER ") != NULL);
}

static bool
run_one (DbConn *conn, const char *sql, GError **error)
{
  return db_exec (conn, sql, error) || prefix_error (error, "%.160s", sql);
}

/* Runs pg_dump's text, leaving out psql's own commands and what it sets about encodings. What makes
 * the table a partition is put off into LATER: its parent has its keys already and would make them
 * for it, while a partition that comes with its own keeps them. */
static bool
run_definition (DbConn *conn, const char *sql, GPtrArray *later, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_auto (GStrv) lines = g_strsplit (sql, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (!g_str_has_prefix (*line, "\\restrict ") && !g_str_has_prefix (*line, "\\unrestrict "))
      g_string_append_printf (text, "%s\n", *line);
  g_autoptr (GArray) statements = sql_split (text->str, text->len);
  for (guint i = 0; i < statements->len; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      g_autofree char *one = g_strndup (text->str + statement->start, statement->length);
      if (needs_partition (one))
        g_ptr_array_add (later, g_steal_pointer (&one));
      else if (!run_one (conn, one, error))
        return false;
    }
  return true;
}

static bool
run_later (DbConn *conn, GPtrArray *later, GError **error)
{
  for (guint i = 0; i < later->len; i++)
    if (!run_one (conn, later->pdata[i], error))
      return false;
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
  g_auto (Schema) schema = { 0 };
  g_autofree char *before = NULL, *after = NULL;
  g_autoptr (GPtrArray) later = g_ptr_array_new_with_free_func (g_free);
  restore_begin_step (plan, report);
  return schema_make (plan, &schema, error)
         && dump_definition (plan, &schema, "pre-data", &before, error)
         && dump_definition (plan, &schema, "post-data", &after, error)
         && db_exec (conn, "BEGIN", error) && run_definition (conn, before, later, error)
         && load_rows (plan, conn, NULL, report, error)
         && compare_rows (plan, conn, plan->table->name, report, result, error)
         && set_sequences (plan, conn, error) && run_definition (conn, after, later, error)
         && run_later (conn, later, error);
}

/* The table is there: its rows of then come beside those of now, for a person to compare and merge.
 * It is filled under a plain name, which is the same in every encoding. */
static bool
restore_beside (RestorePlan *plan, DbConn *conn, Report *report, RestoreResult *result,
                GError **error)
{
  g_autofree char *temporary = g_strdup_printf ("pgkeel_restored_%d", (int) getpid ());
  g_autofree char *schema = db_quote_ident (plan->table->schema);
  g_autofree char *original = db_quote_name (plan->table->schema, plan->table->name);
  g_autofree char *final = db_quote_ident (plan->table_name);
  g_autofree char *make
      = g_strdup_printf ("SET LOCAL search_path = %s; CREATE TABLE %s (LIKE %s INCLUDING ALL)",
                         schema, temporary, original);
  g_autofree char *copy = g_strdup_printf ("COPY %s FROM stdin", temporary);
  g_autofree char *rename
      = g_strdup_printf ("ALTER TABLE %s.%s RENAME TO %s", schema, temporary, final);
  g_autofree char *path = g_strdup_printf ("SET LOCAL search_path = %s", schema);
  restore_begin_step (plan, report);
  return db_exec (conn, "BEGIN", error) && db_exec (conn, make, error)
         && load_rows (plan, conn, copy, report, error)
         && compare_rows (plan, conn, temporary, report, result, error)
         && db_exec (conn, path, error) && db_exec (conn, rename, error);
}

bool
restore_run_table (RestorePlan *plan, Report *report, RestoreResult *result, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  if (!db_connect (plan->spec.url, plan->database, &db_retry_default, &conn, error))
    return false;
  bool done = plan->table_exists ? restore_beside (plan, conn, report, result, error)
                                 : restore_missing (plan, conn, report, result, error);
  if (!done)
    return prefix_error (error, "table %s.%s", plan->table->schema, plan->table->name);
  restore_begin_step (plan, report);
  if (!db_exec (conn, "COMMIT", error))
    return false;
  result->table = g_strdup_printf ("%s.%s", plan->table->schema, plan->table_name);
  return true;
}
