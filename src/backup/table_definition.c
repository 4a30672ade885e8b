#include "backup/table_definition.h"
#include "backup/database.h"
#include "backup/ddl.h"
#include "backup/load.h"
#include "base/cancel.h"
#include "base/process.h"
#include "db/binaries.h"
#include "sql/split.h"

#include <string.h>
#include <unistd.h>

/* Of the definition of one table. */
#define DDL_MAX_BYTES (64 * 1024 * 1024)
#define STATEMENT_CHARS 160

void
table_definition_clear (TableDefinition *definition)
{
  g_free (definition->before);
  g_free (definition->after);
  g_free (definition->not_included);
  g_clear_pointer (&definition->at_end, g_ptr_array_unref);
}

/* A database that holds the backup's whole schema and no rows: what pg_dump reads the definition of
 * the one table from. */
typedef struct
{
  DbConn *admin;
  DbConn *conn;
  char *name;
} Schema;

static void
schema_clear (Schema *schema)
{
  cancel_hold ();
  if (schema->conn != NULL)
    database_drop_subscriptions (schema->conn);
  g_clear_pointer (&schema->conn, db_conn_free);
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
  g_autofree char *encoding = db_quote_literal (index->encoding);
  g_autofree char *sql = g_strdup_printf ("SET client_encoding = %s", encoding);
  int unfinished;
  schema->admin = plan->admin;
  if (!database_drop_unfinished (plan->admin, &unfinished, error)
      || !database_create (plan->admin, name, json_object_get (index->source, "database"), false,
                           NULL, error))
    return false;
  schema->name = g_steal_pointer (&name);
  if (!db_connect (plan->spec.url, schema->name, &db_retry_default, &schema->conn, error)
      || !db_exec (schema->conn, "SET synchronous_commit = off", error)
      || !db_exec (schema->conn, sql, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (phases); i++)
    if (!load_ddl (schema->conn, plan->reader, phases[i], error))
      return prefix_error (error, "reading the schema of the backup");
  return db_speak_utf8 (schema->conn, error);
}

/* Views and foreign keys of others: dropping the table with CASCADE took them along. */
static bool
list_not_included (RestorePlan *plan, const Schema *schema, char **ret_names, GError **error)
{
  g_autofree char *quoted = db_quote_name (plan->table->schema, plan->table->name);
  const char *const params[] = { quoted };
  return db_query_text (
      schema->conn,
      "SELECT pg_catalog.string_agg(what, ', ' ORDER BY what) FROM ("
      "  SELECT DISTINCT pg_catalog.format('view %s', r.ev_class::pg_catalog.regclass) AS what"
      "    FROM pg_catalog.pg_depend d"
      "    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
      "   WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
      "     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
      "     AND d.refobjid = $1::pg_catalog.regclass AND r.ev_class <> d.refobjid"
      "  UNION ALL SELECT pg_catalog.format('foreign key %I of %s', c.conname,"
      "                                     c.conrelid::pg_catalog.regclass)"
      "    FROM pg_catalog.pg_constraint c"
      "   WHERE c.contype = 'f' AND c.confrelid = $1::pg_catalog.regclass"
      "     AND c.conrelid <> c.confrelid AND c.conparentid = 0) AS needs",
      1, params, ret_names, error);
}

/* The copy's name is put in its place: all that LIKE makes is its own. */
static bool
make_copy (RestorePlan *plan, const Schema *schema, const char *as, GError **error)
{
  g_autofree char *original = db_quote_name (plan->table->schema, plan->table->name);
  g_autofree char *copy = db_quote_name (plan->table->schema, as);
  g_autofree char *sql = g_strdup_printf (
      "CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING DEFAULTS EXCLUDING IDENTITY)", copy,
      original);
  return db_exec (schema->conn, sql, error)
         || prefix_error (error, "copying the definition of the table");
}

/* SECTION is "pre-data" or "post-data". */
static bool
dump_section (RestorePlan *plan, const Schema *schema, const char *name, const char *section,
              char **ret_sql, GError **error)
{
  g_autofree char *password = NULL;
  g_autofree char *plain = db_conninfo (plan->spec.url, schema->name, &password, error);
  g_autofree char *pg_dump = binaries_find_tool ("pg_dump", db_server_major (plan->admin), error);
  if (plain == NULL || pg_dump == NULL)
    return false;
  g_autofree char *conninfo = db_conninfo_add_options (plain, backup_ddl_session_options, error);
  if (conninfo == NULL)
    return false;
  g_autofree char *quoted = db_quote_name (plan->table->schema, name);
  g_autofree char *table = g_strdup_printf ("--table=%s", quoted);
  g_autofree char *dbname = g_strdup_printf ("--dbname=%s", conninfo);
  g_autofree char *which = g_strdup_printf ("--section=%s", section);
  g_autofree char *setting = password != NULL ? g_strdup_printf ("PGPASSWORD=%s", password) : NULL;
  const char *const argv[]
      = { pg_dump, dbname, which, table, "--no-password", "--encoding=UTF8", NULL };
  const char *const environment[] = { "LC_ALL=C", setting, NULL };
  ProcessSpec spec = {
    .argv = argv, .environment = environment, .die_with_us = true, .output_max_bytes = DDL_MAX_BYTES
  };
  g_auto (ProcessResult) result = { 0 };
  if (!process_run_ok (&spec, &result, error))
    return false;
  *ret_sql = g_steal_pointer (&result.output);
  return true;
}

bool
table_definition_read (RestorePlan *plan, const char *as, TableDefinition *ret_definition,
                       GError **error)
{
  g_auto (Schema) schema = { 0 };
  g_auto (TableDefinition) definition = { 0 };
  const char *name = as != NULL ? as : plan->table->name;
  definition.at_end = g_ptr_array_new_with_free_func (g_free);
  if (!schema_make (plan, &schema, error)
      || (as != NULL ? !make_copy (plan, &schema, as, error)
                     : !list_not_included (plan, &schema, &definition.not_included, error))
      || !dump_section (plan, &schema, name, "pre-data", &definition.before, error)
      || !dump_section (plan, &schema, name, "post-data", &definition.after, error))
    return false;
  *ret_definition = definition;
  definition = (TableDefinition){ 0 };
  return true;
}

/* What pg_dump says of the session first is left out: the session is ours, and a pg_dump that is newer
 * than the server sets what that does not know. */
static const char *
skip_preamble (const char *sql)
{
  static const char last[] = "SET row_security = off;\n";
  const char *end = strstr (sql, last);
  return end != NULL ? end + strlen (last) : sql;
}

/* "ALTER TABLE ONLY parent ATTACH PARTITION ...", the same of its indexes, and what is switched on or
 * off of the triggers that it then has from its parent. These come last: the parent has its keys
 * already and would make them for it, while a partition that comes with its own keeps them. */
static bool
needs_partition (const char *sql)
{
  return (g_str_has_prefix (sql, "ALTER TABLE ") || g_str_has_prefix (sql, "ALTER INDEX "))
         && (strstr (sql, " ATTACH PARTITION ") != NULL || strstr (sql, " TRIGGER ") != NULL);
}

/* Comes last too: an owner who was denied INSERT must be able to load. Grants of others than the owner
 * are made under their names. */
static bool
is_grant (const char *sql)
{
  return g_str_has_prefix (sql, "GRANT ") || g_str_has_prefix (sql, "REVOKE ")
         || g_str_has_prefix (sql, "SET SESSION AUTHORIZATION ")
         || g_str_has_prefix (sql, "RESET SESSION AUTHORIZATION");
}

/* Statements of TEXT, without those for psql; what has to come last goes to AT_END. */
static GPtrArray *
list_statements (const char *text, GPtrArray *at_end)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  const char *sql = skip_preamble (text);
  g_autoptr (GArray) statements = sql_split (sql, strlen (sql));
  for (guint i = 0; i < statements->len; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      char *one = g_strndup (sql + statement->start, statement->length);
      if (*one == '\\')
        g_free (one);
      else
        g_ptr_array_add (needs_partition (one) || is_grant (one) ? at_end : list, one);
    }
  return list;
}

static char *
shorten (const char *sql)
{
  g_autoptr (GString) text = g_string_new (sql);
  g_string_replace (text, "\n    ", " ", 0);
  g_autofree char *line = text_first_line (text->str);
  if (strlen (line) > STATEMENT_CHARS)
    line[STATEMENT_CHARS] = '\0';
  return g_utf8_make_valid (line, -1);
}

static bool
run_one (DbConn *conn, const char *sql, GError **error)
{
  if (db_exec (conn, sql, error))
    return true;
  g_autofree char *line = shorten (sql);
  keel_error_suggest (error, "Nothing was changed. Restore the whole backup into another database"
                             " with --to, and take from there what is needed.");
  return prefix_error (error, "%s", line);
}

bool
table_definition_run_before (TableDefinition *definition, DbConn *conn, GError **error)
{
  g_autoptr (GPtrArray) statements = list_statements (definition->before, definition->at_end);
  for (guint i = 0; i < statements->len; i++)
    if (!run_one (conn, statements->pdata[i], error))
      return false;
  return true;
}

/* Something the statement needs is not there, or not as it was: a table, column, function, type, schema,
 * unique key; rows that a foreign key refers to; room beside other partitions. */
static bool
is_passable (const GError *error)
{
  static const char *const states[] = { "42P01", "42703", "42883", "42704", "3F000", "42830",
                                        "42804", "42P17", "42809", "42501", "23503", "23514" };
  const char *sqlstate = keel_error_sqlstate (error);
  for (size_t i = 0; sqlstate != NULL && i < G_N_ELEMENTS (states); i++)
    if (strcmp (sqlstate, states[i]) == 0)
      return true;
  return false;
}

static bool
try_statement (DbConn *conn, const char *sql, GError **ret_problem, GError **error)
{
  return db_exec (conn, "SAVEPOINT keel", error)
         && (db_exec (conn, sql, ret_problem)
                 ? db_exec (conn, "RELEASE SAVEPOINT keel", error)
                 : db_exec (conn, "ROLLBACK TO SAVEPOINT keel; RELEASE SAVEPOINT keel", error));
}

/* Rows that a foreign key refers to have gone: it can still be there for new rows. */
static bool
add_not_valid (DbConn *conn, const char *sql, Report *report, bool *ret_done, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *not_valid = g_strdup_printf ("%s NOT VALID", sql);
  *ret_done = false;
  if (strstr (sql, " FOREIGN KEY (") == NULL || g_str_has_suffix (sql, " NOT VALID"))
    return true;
  if (!try_statement (conn, not_valid, &problem, error))
    return false;
  *ret_done = problem == NULL;
  if (problem != NULL)
    return true;
  g_autofree char *line = shorten (sql);
  g_autofree char *message = g_strdup_printf ("rows refer to others that are not there: %s", line);
  report_warning (
      report, message,
      "The constraint was added NOT VALID: it holds for new rows. When the others are back, "
      "run ALTER TABLE ... VALIDATE CONSTRAINT.");
  return true;
}

/* *RET_LEFT_OUT is set when it could not be made, and told. */
static bool
run_optional (DbConn *conn, const char *sql, Report *report, bool *ret_left_out, GError **error)
{
  g_autoptr (GError) problem = NULL;
  bool done = false;
  *ret_left_out = false;
  if (!try_statement (conn, sql, &problem, error))
    return false;
  if (problem == NULL)
    return true;
  g_autofree char *line = shorten (sql);
  if (!is_passable (problem))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "%s", line);
    }
  if (g_strcmp0 (keel_error_sqlstate (problem), "23503") == 0
      && !add_not_valid (conn, sql, report, &done, error))
    return false;
  if (done)
    return true;
  g_autofree char *message = g_strdup_printf ("left out, as %s: %s", problem->message, line);
  report_warning (report, message, "The table and its rows are restored without it.");
  *ret_left_out = true;
  return true;
}

/* If it cannot be a partition, the rest of what makes it one is pointless. */
static bool
run_at_end (const GPtrArray *statements, DbConn *conn, Report *report, GError **error)
{
  bool is_alone = false;
  for (guint i = 0; i < statements->len; i++)
    {
      const char *sql = statements->pdata[i];
      bool left_out;
      if (is_alone && needs_partition (sql))
        continue;
      if (!run_optional (conn, sql, report, &left_out, error))
        return false;
      is_alone = is_alone || (left_out && strstr (sql, " ATTACH PARTITION ") != NULL);
    }
  return true;
}

bool
table_definition_run_after (TableDefinition *definition, DbConn *conn, Report *report,
                            GError **error)
{
  g_autoptr (GPtrArray) statements = list_statements (definition->after, definition->at_end);
  bool left_out;
  for (guint i = 0; i < statements->len; i++)
    if (!run_optional (conn, statements->pdata[i], report, &left_out, error))
      return false;
  if (!run_at_end (definition->at_end, conn, report, error))
    return false;
  if (definition->not_included == NULL)
    return true;
  g_autofree char *message = g_strdup_printf (
      "the backup has more that needs this table, and is not restored with it: %s",
      definition->not_included);
  report_warning (report, message,
                  "If it is gone too, restore the whole backup with --to, and take it from there.");
  return true;
}
