#include "seed/table.h"
#include "project/nearest.h"

#include <stdlib.h>
#include <string.h>

struct SeedTables
{
  DbConn *conn;
  GHashTable *by_oid;  /* guint -> SeedTable */
  GHashTable *by_name; /* "schema.name" or "name" as asked -> SeedTable, NULL: there is none */
  char *path;          /* of schemas, as an array; NULL: not read yet */
};

static void
seed_column_free (SeedColumn *column)
{
  g_free (column->name);
  g_free (column->type);
  g_free (column->equal);
  g_free (column->fallback);
  g_free (column->sequence);
  g_free (column);
}

static void
seed_foreign_key_free (SeedForeignKey *key)
{
  g_free (key->name);
  g_array_unref (key->columns);
  g_array_unref (key->targets);
  g_free (key);
}

static void
seed_table_free (SeedTable *table)
{
  g_free (table->schema);
  g_free (table->name);
  g_free (table->shown);
  g_free (table->sql);
  g_ptr_array_unref (table->columns);
  g_clear_pointer (&table->primary, g_array_unref);
  g_ptr_array_unref (table->uniques);
  g_ptr_array_unref (table->keys);
  g_free (table);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SeedTable, seed_table_free)

SeedTables *
seed_tables_new (DbConn *conn)
{
  SeedTables *tables = g_new0 (SeedTables, 1);
  tables->conn = conn;
  tables->by_oid = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) seed_table_free);
  tables->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return tables;
}

void
seed_tables_free (SeedTables *tables)
{
  if (tables == NULL)
    return;
  g_free (tables->path);
  g_hash_table_unref (tables->by_name);
  g_hash_table_unref (tables->by_oid);
  g_free (tables);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The operator is that of the type's default order, as search_path would not find those of extensions. */
static const char columns_sql[]
    = "WITH RECURSIVE base AS (\n"
      "  SELECT a.attnum, a.atttypid AS oid FROM pg_attribute a\n"
      "   WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped\n"
      "  UNION ALL\n"
      "  SELECT b.attnum, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.oid\n"
      "   WHERE t.typbasetype <> 0),\n"
      "plain AS (\n"
      "  SELECT b.attnum, t.oid, t.typlen, t.typelem FROM base b JOIN pg_type t ON t.oid = b.oid\n"
      "   WHERE t.typbasetype = 0)\n"
      "SELECT a.attnum, a.attname,\n"
      "       format_type (a.atttypid, a.atttypmod)\n"
      "         || CASE WHEN a.attcollation NOT IN (0, t.typcollation)\n"
      "                 THEN format (' COLLATE %I.%I', cn.nspname, c.collname) ELSE '' END,\n"
      "       coalesce ((SELECT format ('OPERATOR(%I.%s)', n.nspname, o.oprname)\n"
      "                    FROM pg_opclass oc\n"
      "                    JOIN pg_am am ON am.oid = oc.opcmethod AND am.amname = 'btree'\n"
      "                    JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3\n"
      "                     AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype\n"
      "                    JOIN pg_operator o ON o.oid = ao.amopopr\n"
      "                    JOIN pg_namespace n ON n.oid = o.oprnamespace\n"
      "                   WHERE oc.opcdefault AND oc.opcintype = p.oid LIMIT 1),\n"
      "                 'OPERATOR(pg_catalog.=)'),\n"
      "       CASE WHEN a.attidentity <> '' THEN format ('nextval(%L)', s.name)\n"
      "            WHEN a.attgenerated = '' THEN coalesce (pg_get_expr (d.adbin, d.adrelid),\n"
      "                 CASE WHEN t.typdefault IS NOT NULL THEN format ('CAST(%L AS %s)', t.typdefault,\n"
      "                      format_type (a.atttypid, a.atttypmod)) END) END,\n"
      "       format ('%L::regclass', s.name), s.name IS NOT NULL,\n"
      "       a.attnotnull, p.oid IN (114, 3802), p.typelem <> 0 AND p.typlen = -1,\n"
      "       a.attidentity = 'a', a.attgenerated <> ''\n"
      "  FROM pg_attribute a\n"
      "  JOIN pg_class r ON r.oid = a.attrelid\n"
      "  JOIN pg_namespace rn ON rn.oid = r.relnamespace\n"
      "  JOIN pg_type t ON t.oid = a.atttypid\n"
      "  JOIN plain p ON p.attnum = a.attnum\n"
      "  LEFT JOIN pg_collation c ON c.oid = a.attcollation\n"
      "  LEFT JOIN pg_namespace cn ON cn.oid = c.collnamespace\n"
      "  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum\n"
      "  LEFT JOIN LATERAL (SELECT pg_get_serial_sequence (format ('%I.%I', rn.nspname, r.relname),\n"
      "                                                    a.attname) AS name) s ON true\n"
      " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped\n"
      " ORDER BY a.attnum";

static const char uniques_sql[]
    = "SELECT i.indisprimary,\n"
      "       (SELECT string_agg (k::text, ' ' ORDER BY o)\n"
      "          FROM unnest (i.indkey) WITH ORDINALITY u (k, o) WHERE o <= i.indnkeyatts)\n"
      "  FROM pg_index i\n"
      " WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL\n"
      "   AND i.indexprs IS NULL\n"
      " ORDER BY i.indisprimary DESC, i.indexrelid";

static const char keys_sql[]
    = "SELECT conname, confrelid, array_to_string (conkey, ' '), array_to_string (confkey, ' '),\n"
      "       condeferrable\n"
      "  FROM pg_constraint WHERE conrelid = $1::oid AND contype = 'f'\n"
      /* PostgreSQL keeps further rows for each partition of a table that is referred to. */
      "   AND (conparentid = 0 OR confrelid NOT IN (SELECT inhrelid FROM pg_inherits))\n"
      " ORDER BY oid";

static char *
text_or_null (const DbResult *result, int row, int column)
{
  return db_result_is_null (result, row, column) ? NULL
                                                 : g_strdup (db_result_text (result, row, column));
}

static GArray *
numbers_of (const char *text)
{
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (int));
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  for (char **word = words; *word != NULL; word++)
    {
      int number = atoi (*word);
      g_array_append_val (numbers, number);
    }
  return numbers;
}

static bool
read_columns (DbConn *conn, SeedTable *table, const char *oid, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, columns_sql, 1, &oid, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      SeedColumn *column = g_new0 (SeedColumn, 1);
      g_ptr_array_add (table->columns, column);
      column->number = (int) db_result_int64 (result, row, 0);
      column->name = text_or_null (result, row, 1);
      column->type = text_or_null (result, row, 2);
      column->equal = text_or_null (result, row, 3);
      column->fallback = text_or_null (result, row, 4);
      column->sequence = db_result_bool (result, row, 6) ? text_or_null (result, row, 5) : NULL;
      column->is_not_null = db_result_bool (result, row, 7);
      column->is_json = db_result_bool (result, row, 8);
      column->is_array = db_result_bool (result, row, 9);
      column->is_always = db_result_bool (result, row, 10);
      column->is_generated = db_result_bool (result, row, 11);
    }
  return true;
}

static bool
read_uniques (DbConn *conn, SeedTable *table, const char *oid, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, uniques_sql, 1, &oid, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      GArray *columns = numbers_of (db_result_text (result, row, 1));
      g_ptr_array_add (table->uniques, columns);
      if (db_result_bool (result, row, 0))
        table->primary = g_array_ref (columns);
    }
  if (table->primary == NULL)
    table->primary = g_array_new (FALSE, FALSE, sizeof (int));
  return true;
}

static bool
read_keys (DbConn *conn, SeedTable *table, const char *oid, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, keys_sql, 1, &oid, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      SeedForeignKey *key = g_new0 (SeedForeignKey, 1);
      key->name = text_or_null (result, row, 0);
      key->target_oid = (guint) db_result_int64 (result, row, 1);
      key->columns = numbers_of (db_result_text (result, row, 2));
      key->targets = numbers_of (db_result_text (result, row, 3));
      key->is_deferrable = db_result_bool (result, row, 4);
      g_ptr_array_add (table->keys, key);
    }
  return true;
}

/* ROW of RESULT: oid, schema, name, shown. */
static bool
table_read (SeedTables *tables, const DbResult *result, SeedTable **ret_table, GError **error)
{
  guint oid = (guint) db_result_int64 (result, 0, 0);
  SeedTable *known = g_hash_table_lookup (tables->by_oid, GUINT_TO_POINTER (oid));
  if (known != NULL)
    {
      *ret_table = known;
      return true;
    }
  g_autoptr (SeedTable) table = g_new0 (SeedTable, 1);
  table->oid = oid;
  table->schema = text_or_null (result, 0, 1);
  table->name = text_or_null (result, 0, 2);
  table->shown = strcmp (table->schema, "public") == 0
                     ? g_strdup (table->name)
                     : g_strdup_printf ("%s.%s", table->schema, table->name);
  table->sql = db_quote_name (table->schema, table->name);
  table->columns = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_column_free);
  table->uniques = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  table->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_foreign_key_free);
  const char *oid_text = db_result_text (result, 0, 0);
  if (!read_columns (tables->conn, table, oid_text, error)
      || !read_uniques (tables->conn, table, oid_text, error)
      || !read_keys (tables->conn, table, oid_text, error))
    return prefix_error (error, "reading what the catalogue says of table %s", table->shown);
  *ret_table = table;
  g_hash_table_insert (tables->by_oid, GUINT_TO_POINTER (oid), g_steal_pointer (&table));
  return true;
}

/* The schemas of the database's own search_path, which the session has replaced. */
static bool
read_path (SeedTables *tables, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autoptr (DbResult) ignored = NULL;
  g_autofree char *path = NULL;
  if (tables->path != NULL)
    return true;
  if (!db_query (
          tables->conn,
          "SELECT current_setting ('search_path'), set_config ('search_path', reset_val, false)\n"
          "  FROM pg_settings WHERE name = 'search_path'",
          0, NULL, &result, error)
      || !db_query_text (tables->conn, "SELECT current_schemas (false)::text", 0, NULL, &path,
                         error))
    return false;
  const char *params[] = { db_result_text (result, 0, 0) };
  if (!db_query (tables->conn, "SELECT set_config ('search_path', $1, false)", 1, params, &ignored,
                 error))
    return false;
  tables->path = g_steal_pointer (&path);
  return true;
}

static const char find_sql[] = "SELECT c.oid, n.nspname, c.relname\n"
                               "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
                               " WHERE c.relname = $2 AND c.relkind IN ('r', 'p')\n"
                               "   AND CASE WHEN $1::text IS NOT NULL THEN n.nspname = $1\n"
                               "            ELSE n.nspname = ANY ($3::name[]) END\n"
                               " ORDER BY array_position ($3::name[], n.nspname)\n"
                               " LIMIT 1";

bool
seed_tables_find (SeedTables *tables, const char *schema, const char *name, SeedTable **ret_table,
                  GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autofree char *asked = schema != NULL ? db_quote_name (schema, name) : db_quote_ident (name);
  gpointer known;
  if (g_hash_table_lookup_extended (tables->by_name, asked, NULL, &known))
    {
      *ret_table = known;
      return true;
    }
  *ret_table = NULL;
  if (!read_path (tables, error))
    return false;
  const char *params[] = { schema, name, tables->path };
  if (!db_query (tables->conn, find_sql, 3, params, &result, error)
      || (db_result_rows (result) > 0 && !table_read (tables, result, ret_table, error)))
    return false;
  g_hash_table_insert (tables->by_name, g_steal_pointer (&asked), *ret_table);
  return true;
}

bool
seed_tables_find_written (SeedTables *tables, const char *written, SeedTable **ret_table,
                          GError **error)
{
  const char *dot = strchr (written, '.');
  g_autofree char *schema = dot != NULL ? g_strndup (written, (size_t) (dot - written)) : NULL;
  return seed_tables_find (tables, schema, dot != NULL ? dot + 1 : written, ret_table, error);
}

bool
seed_tables_by_oid (SeedTables *tables, guint oid, SeedTable **ret_table, GError **error)
{
  SeedTable *known = g_hash_table_lookup (tables->by_oid, GUINT_TO_POINTER (oid));
  g_autofree char *oid_text = g_strdup_printf ("%u", oid);
  const char *params[] = { oid_text };
  g_autoptr (DbResult) result = NULL;
  if (known != NULL)
    {
      *ret_table = known;
      return true;
    }
  if (!db_query (tables->conn,
                 "SELECT c.oid, n.nspname, c.relname FROM pg_class c\n"
                 "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid",
                 1, params, &result, error))
    return false;
  if (db_result_rows (result) == 0)
    return keel_error (error, KEEL_ERROR_FAILED, "Run the command again.",
                       "a table was dropped meanwhile");
  return table_read (tables, result, ret_table, error);
}

char *
seed_tables_nearest (SeedTables *tables, const char *name)
{
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  if (!db_query (
          tables->conn,
          "SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname\n"
          "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
          " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition\n"
          "   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgkeel')\n"
          "   AND n.nspname !~ '^pg_' ORDER BY 1 LIMIT 5000",
          0, NULL, &result, NULL))
    return NULL;
  for (int row = 0; row < db_result_rows (result); row++)
    g_ptr_array_add (names, (gpointer) db_result_text (result, row, 0));
  const char *nearest = nearest_word (name, (const char *const *) names->pdata, names->len);
  return nearest != NULL ? g_strdup_printf ("Did you mean “%s”?", nearest) : NULL;
}

const SeedColumn *
seed_table_column (const SeedTable *table, int number)
{
  for (guint i = 0; i < table->columns->len; i++)
    if (((SeedColumn *) table->columns->pdata[i])->number == number)
      return table->columns->pdata[i];
  return NULL;
}

const SeedColumn *
seed_table_column_called (const SeedTable *table, const char *name)
{
  for (guint i = 0; i < table->columns->len; i++)
    if (strcmp (((SeedColumn *) table->columns->pdata[i])->name, name) == 0)
      return table->columns->pdata[i];
  return NULL;
}

static bool
has_number (const GArray *numbers, int number)
{
  for (guint i = 0; i < numbers->len; i++)
    if (g_array_index (numbers, int, i) == number)
      return true;
  return false;
}

bool
seed_table_is_unique (const SeedTable *table, const GArray *columns)
{
  for (guint i = 0; i < table->uniques->len; i++)
    {
      const GArray *unique = table->uniques->pdata[i];
      bool covers = unique->len > 0;
      for (guint j = 0; j < unique->len; j++)
        covers = covers && has_number (columns, g_array_index (unique, int, j));
      if (covers)
        return true;
    }
  return false;
}
