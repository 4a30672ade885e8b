#include "migrate/adopt_internal.h"

#include "base/error.h"

#include <string.h>

/* How many files an error names. */
#define NAMED_MAX 10

const char *
adopt_check_name (AdoptCheck check)
{
  static const char *const names[]
      = { [ADOPT_UNCHECKED] = "unchecked", [ADOPT_SAME] = "same", [ADOPT_DIFFERENT] = "different" };
  return names[check];
}

static void
row_free (AdoptRow *row)
{
  g_free (row->version);
  g_free (row->name);
  g_free (row->applied);
  g_free (row->applied_by);
  g_free (row);
}

void
adoption_free (Adoption *adoption)
{
  if (adoption == NULL)
    return;
  g_free (adoption->table);
  g_ptr_array_unref (adoption->rows);
  g_ptr_array_unref (adoption->warnings);
  g_free (adoption);
}

static void
table_free (AdoptTable *table)
{
  g_free (table->schema);
  g_free (table->name);
  g_strfreev (table->columns);
  g_free (table);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AdoptTable, table_free)

const char *const *
adopt_tool_names (void)
{
  static const char *names[32];
  for (size_t i = 0; adopt_tools[i].name != NULL; i++)
    {
      g_assert (i + 1 < G_N_ELEMENTS (names));
      names[i] = adopt_tools[i].name;
    }
  return names;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* $1: an array of names, or NULL; $2, $3: one schema and table. */
static const char tables_sql[]
    = "SELECT n.nspname, c.relname,\n"
      "       (SELECT pg_catalog.string_agg (a.attname, '/' ORDER BY a.attnum)\n"
      "          FROM pg_catalog.pg_attribute a\n"
      "         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),\n"
      "       EXISTS (SELECT FROM pg_catalog.pg_class r\n"
      "                WHERE r.relnamespace = n.oid AND r.relname = 'ar_internal_metadata')\n"
      "  FROM pg_catalog.pg_class c\n"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'p')\n"
      "   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"
      "   AND ($1::text[] IS NULL OR c.relname = ANY ($1::text[]))\n"
      "   AND ($2::text IS NULL OR n.nspname = $2)\n"
      "   AND ($3::text IS NULL OR c.relname = $3)\n"
      " ORDER BY 1, 2";

static char *
known_tables (void)
{
  GString *names = g_string_new ("{");
  for (size_t i = 0; adopt_tools[i].name != NULL; i++)
    for (size_t j = 0; adopt_tools[i].tables[j] != NULL; j++)
      g_string_append_printf (names, "%s%s", names->len > 1 ? "," : "", adopt_tools[i].tables[j]);
  return g_string_free (g_string_append_c (names, '}'), FALSE);
}

/* Tables that may be some tool's; with NAME ("schema.name" or "name") that one, whatever it is. */
static bool
list_tables (DbConn *conn, const char *name, GPtrArray **ret_tables, GError **error)
{
  g_autofree char *known = name == NULL ? known_tables () : NULL;
  const char *dot = name != NULL ? strchr (name, '.') : NULL;
  g_autofree char *schema = dot != NULL ? g_strndup (name, (gsize) (dot - name)) : NULL;
  const char *params[] = { known, schema, dot != NULL ? dot + 1 : name };
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GPtrArray) tables = g_ptr_array_new_with_free_func ((GDestroyNotify) table_free);
  if (!db_query (conn, tables_sql, G_N_ELEMENTS (params), params, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      AdoptTable *table = g_new0 (AdoptTable, 1);
      table->schema = g_strdup (db_result_text (result, row, 0));
      table->name = g_strdup (db_result_text (result, row, 1));
      table->columns = g_strsplit (db_result_text (result, row, 2), "/", -1);
      table->has_ar_metadata = db_result_bool (result, row, 3);
      g_ptr_array_add (tables, table);
    }
  *ret_tables = g_steal_pointer (&tables);
  return true;
}

static bool
has_columns (const AdoptTool *tool, const AdoptTable *table)
{
  const char *const *columns = (const char *const *) table->columns;
  for (size_t i = 0; tool->columns[i] != NULL; i++)
    if (!g_strv_contains (columns, tool->columns[i]))
      return false;
  return !tool->only_these
         || g_strv_length (table->columns) == g_strv_length ((char **) tool->columns);
}

/* NAMED: the table was named, so it may be called as it likes. */
static bool
is_table_of (const AdoptTool *tool, const AdoptTable *table, bool named)
{
  return (named || g_strv_contains (tool->tables, table->name)) && has_columns (tool, table)
         && (tool->is_it == NULL || tool->is_it (table));
}

/* A tool and where its history is. */
typedef struct
{
  const AdoptTool *tool;
  const AdoptTable *table;
} Found;

static GArray *
match_tables (const GPtrArray *tables, const AdoptTool *wanted, bool named)
{
  GArray *found = g_array_new (FALSE, FALSE, sizeof (Found));
  for (guint i = 0; i < tables->len; i++)
    for (const AdoptTool *tool = adopt_tools; tool->name != NULL; tool++)
      if ((wanted == NULL || wanted == tool) && is_table_of (tool, tables->pdata[i], named))
        {
          Found one = { tool, tables->pdata[i] };
          g_array_append_val (found, one);
        }
  return found;
}

static char *
describe_found (const Found *found)
{
  return g_strdup_printf ("%s (%s.%s)", found->tool->name, found->table->schema,
                          found->table->name);
}

bool
adopt_find (DbConn *conn, GPtrArray **ret_found, GError **error)
{
  g_autoptr (GPtrArray) tables = NULL;
  if (!list_tables (conn, NULL, &tables, error))
    return false;
  g_autoptr (GArray) found = match_tables (tables, NULL, false);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < found->len; i++)
    g_ptr_array_add (names, describe_found (&g_array_index (found, Found, i)));
  *ret_found = names;
  return true;
}

static bool
find_tool (const char *name, const AdoptTool **ret_tool, GError **error)
{
  *ret_tool = NULL;
  if (name == NULL)
    return true;
  for (const AdoptTool *tool = adopt_tools; tool->name != NULL; tool++)
    if (strcmp (tool->name, name) == 0)
      {
        *ret_tool = tool;
        return true;
      }
  g_autofree char *names = g_strjoinv (", ", (char **) adopt_tool_names ());
  g_autofree char *hint = g_strdup_printf ("The tools are: %s.", names);
  return keel_error (error, KEEL_ERROR_USAGE, hint, "there is no tool “%s”", name);
}

static bool
refuse_several (const GArray *found, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < found->len; i++)
    {
      g_autofree char *name = describe_found (&g_array_index (found, Found, i));
      g_string_append_printf (names, "%s%s", i > 0 ? "\n" : "", name);
    }
  return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, names->str,
                          "Say which one is meant with --from=TOOL or --table=SCHEMA.TABLE.",
                          "there are %u histories of migrations in this database", found->len);
}

static bool
pick (const GPtrArray *tables, const AdoptTool *wanted, const char *table, Found *ret_found,
      GError **error)
{
  g_autoptr (GArray) found = match_tables (tables, wanted, table != NULL);
  const char *hint = "For a database that no tool has kept a history of, there is “pgkeel migrate "
                     "baseline”.";
  if (found->len > 1)
    return refuse_several (found, error);
  if (found->len == 0 && table != NULL)
    return keel_error (error, KEEL_ERROR_MISSING, hint, "“%s” is no table of %s", table,
                       wanted != NULL ? wanted->name : "a tool that is known");
  if (found->len == 0)
    return keel_error (error, KEEL_ERROR_MISSING, hint,
                       "there is no history of %s in this database",
                       wanted != NULL ? wanted->name : "any tool that is known");
  *ret_found = g_array_index (found, Found, 0);
  return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

AdoptRow *
adopt_add (AdoptReading *reading, const char *version, const char *name, const Migration *migration,
           const char *applied)
{
  AdoptRow *row = g_new0 (AdoptRow, 1);
  row->version = g_strdup (migration != NULL ? migration->version : version);
  row->name = g_strdup (name);
  row->kind = migration != NULL ? migration->kind : MIGRATION_VERSIONED;
  row->state = HISTORY_ADOPTED;
  row->applied = g_strdup (applied);
  row->migration = migration;
  g_ptr_array_add (reading->adoption->rows, row);
  return row;
}

const Migration *
adopt_match (const AdoptReading *reading, const char *version)
{
  const MigrationSet *set = reading->set;
  const Migration *exact = migration_set_find (set, version);
  if (exact != NULL || set->compare == NULL)
    return exact;
  for (guint i = 0; i < set->migrations->len; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      if (migration->kind != MIGRATION_REPEATABLE
          && set->compare (migration->version, version) == 0)
        return migration;
    }
  return NULL;
}

static bool
read_rows (AdoptReading *reading, const AdoptTool *tool, GError **error)
{
  g_autofree char *table = db_quote_name (reading->table->schema, reading->table->name);
  g_autoptr (GString) sql = g_string_new (tool->sql);
  g_autoptr (DbResult) result = NULL;
  g_string_replace (sql, "%s", table, 1);
  if (!db_query (reading->conn, sql->str, 0, NULL, &result, error))
    return prefix_error (error, "reading %s", reading->adoption->table);
  for (int row = 0; row < db_result_rows (result); row++)
    if (!tool->take (reading, result, row, error))
      return false;
  return reading->adoption->rows->len > 0
         || keel_error (error, KEEL_ERROR_ANSWER_NO,
                        "There is nothing to adopt: “pgkeel migrate up” applies the files.",
                        "the history of %s in %s is empty", tool->name, reading->adoption->table);
}

static void
warn_of_missing (Adoption *adoption)
{
  g_autoptr (GString) names = g_string_new (NULL);
  guint count = 0;
  for (guint i = 0; i < adoption->rows->len; i++)
    {
      const AdoptRow *row = adoption->rows->pdata[i];
      if (row->migration == NULL && row->state != HISTORY_BASELINE && ++count <= NAMED_MAX)
        g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", row->version);
    }
  if (count > 0)
    g_ptr_array_add (adoption->warnings,
                     g_strdup_printf ("%u of %u applied migrations have no file here: %s%s", count,
                                      adoption->rows->len, names->str,
                                      count > NAMED_MAX ? ", ..." : ""));
}

bool
adopt_read (DbConn *conn, const char *root, const MigrationSet *set, const char *tool_name,
            const char *table, Adoption **ret_adoption, GError **error)
{
  const AdoptTool *tool;
  Found found = { 0 };
  g_autoptr (GPtrArray) tables = NULL;
  if (!find_tool (tool_name, &tool, error) || !list_tables (conn, table, &tables, error)
      || !pick (tables, tool, table, &found, error))
    return false;
  g_autoptr (Adoption) adoption = g_new0 (Adoption, 1);
  adoption->tool = found.tool->name;
  adoption->table = g_strdup_printf ("%s.%s", found.table->schema, found.table->name);
  adoption->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) row_free);
  adoption->warnings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  AdoptReading reading = { .conn = conn,
                           .root = root,
                           .set = set,
                           .table = found.table,
                           .adoption = adoption,
                           .by_name = by_name };
  bool is_read = (found.tool->check == NULL || found.tool->check (&reading, error))
                 && read_rows (&reading, found.tool, error);
  g_free (reading.last);
  if (!is_read)
    return false;
  warn_of_missing (adoption);
  *ret_adoption = g_steal_pointer (&adoption);
  return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool
write_row (DbConn *conn, const Adoption *adoption, const AdoptRow *row, const char *fingerprint,
           GError **error)
{
  g_autofree char *from = g_strdup_printf ("%s: %s", adoption->tool, adoption->table);
  const Migration *migration = row->migration;
  const HistoryEntry entry = {
    .version = row->version,
    .name = row->name,
    .kind = row->kind,
    .state = row->state,
    .checksum = migration != NULL ? (char *) migration->checksum : NULL,
    .fingerprint = (char *) fingerprint,
    .started = row->applied,
    .finished = row->applied,
    .applied_by = row->applied_by,
    .applied_from = from,
  };
  return history_write (conn, &entry, NULL, error);
}

static bool
is_same (const Adoption *a, const Adoption *b)
{
  bool same = a->rows->len == b->rows->len;
  for (guint i = 0; same && i < a->rows->len; i++)
    {
      const AdoptRow *first = a->rows->pdata[i], *second = b->rows->pdata[i];
      same = strcmp (first->version, second->version) == 0 && first->state == second->state
             && first->check == second->check;
    }
  return same;
}

/* Fingerprints let a file be reformatted later. Made before the transaction: parsing takes a while. */
static bool
make_fingerprints (SqlParser *parser, const Adoption *adoption, GPtrArray **ret_fingerprints,
                   GError **error)
{
  g_autoptr (GPtrArray) fingerprints = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < adoption->rows->len; i++)
    {
      const Migration *migration = ((AdoptRow *) adoption->rows->pdata[i])->migration;
      char *fingerprint = NULL;
      if (migration != NULL && migration->up.text != NULL
          && !sql_fingerprint (parser, migration->up.text, migration->up.length, &fingerprint,
                               error))
        return false;
      g_ptr_array_add (fingerprints, fingerprint);
    }
  *ret_fingerprints = g_steal_pointer (&fingerprints);
  return true;
}

static bool
write_rows (DbConn *conn, const char *root, const MigrationSet *set, const Adoption *adoption,
            const History *history, const GPtrArray *fingerprints, guint *ret_written,
            GError **error)
{
  g_autoptr (Adoption) now = NULL;
  guint written = 0;
  if (!adopt_read (conn, root, set, adoption->tool, adoption->table, &now, error))
    return false;
  if (!is_same (adoption, now))
    return keel_error (error, KEEL_ERROR_REFUSED, "Adopt again when nobody runs it.",
                       "%s has changed its history meanwhile", adoption->tool);
  for (guint i = 0; i < adoption->rows->len; i++)
    {
      const AdoptRow *row = adoption->rows->pdata[i];
      if (history_find (history, row->version) != NULL)
        continue;
      if (!write_row (conn, adoption, row, fingerprints->pdata[i], error))
        return false;
      written++;
    }
  *ret_written = written;
  return true;
}

bool
adopt_write (DbConn *conn, const char *root, const MigrationSet *set, SqlParser *parser,
             const Adoption *adoption, guint *ret_written, GError **error)
{
  g_autoptr (GPtrArray) fingerprints = NULL;
  g_autoptr (History) history = NULL;
  if (!make_fingerprints (parser, adoption, &fingerprints, error)
      || !history_read (conn, &history, error)
      || !db_exec (conn, "BEGIN ISOLATION LEVEL REPEATABLE READ", error))
    return false;
  if (write_rows (conn, root, set, adoption, history, fingerprints, ret_written, error)
      && db_exec (conn, "COMMIT", error))
    return true;
  (void) db_rollback (conn);
  return false;
}

/* --- baseline --------------------------------------------------------------------------------- */

/* Whether anybody has made anything here: a table, view, sequence, type or function of no extension. */
static const char has_objects_sql[]
    = "SELECT 1 FROM (\n"
      "  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS kind, oid, relnamespace AS schema\n"
      "    FROM pg_catalog.pg_class\n"
      "  UNION ALL\n"
      "  SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, typnamespace FROM pg_catalog.pg_type\n"
      "  UNION ALL\n"
      "  SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, pronamespace FROM pg_catalog.pg_proc\n"
      ") o JOIN pg_catalog.pg_namespace n ON n.oid = o.schema\n"
      " WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"
      "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d\n"
      "                    WHERE d.classid = o.kind AND d.objid = o.oid AND d.deptype = 'e')\n"
      " LIMIT 1";

static bool
check_not_empty (DbConn *conn, GError **error)
{
  g_autofree char *something = NULL;
  if (!db_query_text (conn, has_objects_sql, 0, NULL, &something, error))
    return false;
  return something != NULL
         || keel_error (
             error, KEEL_ERROR_REFUSED, "“pgkeel migrate up” applies the files.",
             "the database “%s” is empty: there is nothing that a baseline could stand for",
             db_database (conn));
}

static bool
find_last (const MigrationSet *set, const char *version, const Migration **ret_last, GError **error)
{
  const Migration *last = version != NULL ? migration_set_find (set, version) : NULL;
  for (guint i = 0; i < set->migrations->len && version == NULL; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      if (migration->kind == MIGRATION_VERSIONED)
        last = migration;
    }
  if (last == NULL && version == NULL)
    return keel_error (
        error, KEEL_ERROR_MISSING,
        "“pgkeel migrate new” writes the first one; “pgkeel migrate status” says where "
        "they are looked for.",
        "the project has no migrations");
  if (last == NULL || last->kind != MIGRATION_VERSIONED)
    return keel_error (error, KEEL_ERROR_USAGE, "“pgkeel migrate status” lists them.",
                       "there is no versioned migration “%s”", version);
  *ret_last = last;
  return true;
}

bool
adopt_check_baseline (DbConn *conn, const MigrationSet *set, const char *version,
                      const Migration **ret_last, GError **error)
{
  g_autoptr (History) history = NULL;
  const Migration *last = NULL;
  if (!find_last (set, version, &last, error) || !history_read (conn, &history, error))
    return false;
  if (g_hash_table_size (history->in_force) > 0)
    return keel_error (error, KEEL_ERROR_REFUSED, "“pgkeel migrate status” shows it.",
                       "the database “%s” has a history of migrations already", db_database (conn));
  if (!check_not_empty (conn, error))
    return false;
  *ret_last = last;
  return true;
}

bool
adopt_write_baseline (DbConn *conn, const Migration *last, GError **error)
{
  g_autofree char *from = history_whoami ();
  const HistoryEntry entry = {
    .version = last->version,
    .name = last->name,
    .kind = MIGRATION_BASELINE,
    .state = HISTORY_BASELINE,
    .checksum = (char *) last->checksum,
    .applied_from = from,
  };
  return history_write (conn, &entry, NULL, error);
}
