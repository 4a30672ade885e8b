#include "seed/gen_catalog.h"
#include "base/text.h"
#include "seed/gen_check.h"

#include <string.h>

/* --- types ------------------------------------------------------------------------------------ */

static const struct
{
  const char *name;
  GenTypeKind kind;
  int scale; /* what is made where the type does not say */
} type_names[] = {
  { "bool", GEN_TYPE_BOOL, 0 },
  { "int2", GEN_TYPE_INT2, 0 },
  { "int4", GEN_TYPE_INT4, 0 },
  { "int8", GEN_TYPE_INT8, 0 },
  { "oid", GEN_TYPE_OID, 0 },
  { "float4", GEN_TYPE_FLOAT4, 3 },
  { "float8", GEN_TYPE_FLOAT8, 6 },
  { "numeric", GEN_TYPE_NUMERIC, 2 },
  { "money", GEN_TYPE_MONEY, 2 },
  { "text", GEN_TYPE_TEXT, 0 },
  { "varchar", GEN_TYPE_TEXT, 0 },
  { "bpchar", GEN_TYPE_TEXT, 0 },
  { "name", GEN_TYPE_TEXT, 0 },
  { "citext", GEN_TYPE_TEXT, 0 },
  { "json", GEN_TYPE_JSON, 0 },
  { "jsonb", GEN_TYPE_JSONB, 0 },
  { "uuid", GEN_TYPE_UUID, 0 },
  { "date", GEN_TYPE_DATE, 0 },
  { "time", GEN_TYPE_TIME, 0 },
  { "timestamp", GEN_TYPE_TIMESTAMP, 0 },
  { "timestamptz", GEN_TYPE_TIMESTAMPTZ, 0 },
  { "interval", GEN_TYPE_INTERVAL, 0 },
  { "inet", GEN_TYPE_INET, 0 },
  { "cidr", GEN_TYPE_CIDR, 0 },
  { "macaddr", GEN_TYPE_MACADDR, 0 },
  { "bytea", GEN_TYPE_BYTEA, 0 },
  { "bit", GEN_TYPE_BIT, 0 },
  { "varbit", GEN_TYPE_BIT, 0 },
};

/* Domains are looked through; what they check is found with the tables' own checks. */
static const char type_sql[]
    = "WITH RECURSIVE base(oid, typmod, depth) AS (\n"
      "  SELECT $1::pg_catalog.oid, $2::pg_catalog.int4, 0\n"
      "  UNION ALL\n"
      "  SELECT t.typbasetype, t.typtypmod, b.depth + 1\n"
      "    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')\n"
      "SELECT t.oid, t.typname, t.typtype, b.typmod, pg_catalog.format_type(t.oid, b.typmod),\n"
      "       CASE WHEN t.typtype = 'r' THEN r.rngsubtype\n"
      "            WHEN e.oid IS NOT NULL THEN e.oid ELSE 0 END,\n"
      "       t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace OR t.typname = 'citext'\n"
      "  FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid\n"
      "  LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid\n"
      "  LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid\n"
      " ORDER BY b.depth DESC LIMIT 1";

static void
apply_typmod (GenType *type, const char *name, int typmod)
{
  bool is_bits = type->kind == GEN_TYPE_BIT;
  type->is_fixed = strcmp (name, "bpchar") == 0 || strcmp (name, "bit") == 0;
  if (strcmp (name, "name") == 0)
    type->max_chars = 63;
  if (typmod < 0)
    return;
  if (type->kind == GEN_TYPE_TEXT || is_bits)
    type->max_chars = is_bits ? typmod : typmod - 4;
  if (type->kind == GEN_TYPE_NUMERIC)
    {
      /* The scale is 11 bits, and has a sign since PostgreSQL 15. */
      int scale = (((typmod - 4) & 0x7FF) ^ 1024) - 1024;
      type->precision = (typmod - 4) >> 16 & 0xFFFF;
      type->scale = CLAMP (scale, 0, 9);
      type->precision -= MAX (scale, 0) - type->scale;
    }
}

static bool
read_labels (DbConn *conn, GenType *type, GError **error)
{
  g_autofree char *oid = g_strdup_printf ("%u", type->oid);
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn,
                 "SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = $1::pg_catalog.oid\n"
                 " ORDER BY enumsortorder",
                 1, (const char *[]){ oid }, &result, error))
    return false;
  type->labels = g_new0 (char *, db_result_rows (result) + 1);
  for (int i = 0; i < db_result_rows (result); i++)
    type->labels[i] = g_strdup (db_result_text (result, i, 0));
  return true;
}

static bool
read_type (DbConn *conn, const char *oid, const char *typmod, GenType **ret_type, GError **error)
{
  g_autoptr (GenType) type = g_new0 (GenType, 1);
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, type_sql, 2, (const char *[]){ oid, typmod }, &result, error))
    return false;
  if (db_result_rows (result) == 0)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "the type with OID %s is gone", oid);
  const char *name = db_result_text (result, 0, 1), *element = db_result_text (result, 0, 5);
  char category = *db_result_text (result, 0, 2);
  type->oid = (uint32_t) db_result_int64 (result, 0, 0);
  type->element_oid = (uint32_t) db_result_int64 (result, 0, 5);
  type->name = g_strdup (db_result_text (result, 0, 4));
  if (category == 'e')
    type->kind = GEN_TYPE_ENUM;
  else if (strcmp (element, "0") != 0 && category != 'm')
    type->kind = category == 'r' ? GEN_TYPE_RANGE : GEN_TYPE_ARRAY;
  else
    for (size_t i = 0; i < G_N_ELEMENTS (type_names) && db_result_bool (result, 0, 6); i++)
      if (strcmp (type_names[i].name, name) == 0)
        {
          type->kind = type_names[i].kind;
          type->scale = type_names[i].scale;
        }
  if (type->kind == GEN_TYPE_ENUM && !read_labels (conn, type, error))
    return false;
  if (type->kind == GEN_TYPE_ARRAY || type->kind == GEN_TYPE_RANGE)
    {
      const char *inner = type->kind == GEN_TYPE_ARRAY ? db_result_text (result, 0, 3) : "-1";
      if (!read_type (conn, element, inner, &type->element, error))
        return false;
    }
  apply_typmod (type, name, (int) db_result_int64 (result, 0, 3));
  *ret_type = g_steal_pointer (&type);
  return true;
}

/* --- the table -------------------------------------------------------------------------------- */

/* As the database's own search_path finds it; the session has another one. */
static const char table_sql[]
    = "SELECT c.oid, n.nspname, c.relname, c.relkind\n"
      "  FROM pg_catalog.pg_class c\n"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
      "  CROSS JOIN (SELECT pg_catalog.array_agg(CASE WHEN s = '$user' THEN current_user::pg_catalog.text ELSE s END) AS list\n"
      "          FROM (SELECT pg_catalog.btrim(pg_catalog.btrim(p), '\"') AS s\n"
      "                  FROM pg_catalog.pg_settings g,\n"
      "                       pg_catalog.regexp_split_to_table(g.reset_val, ',') p\n"
      "                 WHERE g.name = 'search_path') x) path\n"
      " WHERE c.relkind IN ('r', 'p')\n"
      "   AND (n.nspname || '.' || c.relname = $1\n"
      "        OR (c.relname = $1 AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'))\n"
      " ORDER BY n.nspname || '.' || c.relname = $1 DESC,\n"
      "          pg_catalog.array_position(path.list, n.nspname::pg_catalog.text) NULLS LAST,\n"
      "          n.nspname <> 'public', n.nspname\n"
      " LIMIT 1";

static bool
find_table (DbConn *conn, const char *name, GenTable **ret_table, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, table_sql, 1, &name, &result, error))
    return false;
  if (db_result_rows (result) == 0)
    return keel_error (error, KEEL_ERROR_CONFIG,
                       "Write it as the catalogue has it, with its schema when that is not in the "
                       "search_path; apply pending migrations first.",
                       "the database has no table “%s”", name);
  *ret_table = gen_table_new (db_result_text (result, 0, 1), db_result_text (result, 0, 2));
  (*ret_table)->oid = (uint32_t) db_result_int64 (result, 0, 0);
  return true;
}

static const char columns_sql[]
    = "SELECT a.attnum, a.attname, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull),\n"
      "       a.atthasdef OR t.typdefault IS NOT NULL, a.attgenerated <> '', a.atttypid, a.atttypmod,\n"
      "       (SELECT pg_catalog.format('%I.%I', n.nspname, s.relname)\n"
      "          FROM pg_catalog.pg_depend d\n"
      "          JOIN pg_catalog.pg_class s ON s.relkind = 'S'\n"
      "           AND s.oid IN (d.objid, d.refobjid)\n"
      "          JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace\n"
      "          LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum\n"
      "         WHERE (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid\n"
      "                AND d.refobjid = s.oid)\n"
      "            OR (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.oid\n"
      "                AND d.deptype = 'i' AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum)\n"
      "         LIMIT 1)\n"
      "  FROM pg_catalog.pg_attribute a\n"
      "  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid\n"
      " WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped\n"
      " ORDER BY a.attnum";

/* Column numbers of the catalogue to positions in the table. */
typedef struct
{
  DbConn *conn;
  SqlParser *parser;
  GenTable *table;
  char *oid;
  GHashTable *positions; /* attnum as text -> position + 1 */
} Reading;

static bool
read_columns (Reading *reading, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (reading->conn, columns_sql, 1, (const char *const *) &reading->oid, &result,
                 error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    {
      GenColumn *column = g_new0 (GenColumn, 1);
      g_ptr_array_add (reading->table->columns, column);
      column->name = g_strdup (db_result_text (result, i, 1));
      column->is_not_null = db_result_bool (result, i, 2);
      column->has_default = db_result_bool (result, i, 3);
      column->is_generated = db_result_bool (result, i, 4);
      column->key_start = 1;
      if (!db_result_is_null (result, i, 7))
        column->sequence = g_strdup (db_result_text (result, i, 7));
      g_hash_table_insert (reading->positions, g_strdup (db_result_text (result, i, 0)),
                           GINT_TO_POINTER (i + 1));
      if (!read_type (reading->conn, db_result_text (result, i, 5), db_result_text (result, i, 6),
                      &column->type, error))
        return false;
    }
  return true;
}

/* "2 5" as positions; false when one of them is not a column. */
static bool
read_positions (const Reading *reading, const char *numbers, unsigned int **ret_columns,
                guint *ret_count)
{
  g_auto (GStrv) list = g_strsplit (numbers, " ", -1);
  guint count = g_strv_length (list);
  g_autofree unsigned int *columns = g_new0 (unsigned int, count + 1);
  for (guint i = 0; i < count; i++)
    {
      void *position = g_hash_table_lookup (reading->positions, list[i]);
      if (position == NULL)
        return false;
      columns[i] = (unsigned int) GPOINTER_TO_INT (position) - 1;
    }
  *ret_columns = g_steal_pointer (&columns);
  *ret_count = count;
  return count > 0;
}

/* An index over expressions is taken for one over the columns that they read: what is unique there is
 * unique in any case of its letters too. */
static const char keys_sql[]
    = "SELECT ic.relname, i.indisprimary, i.indpred IS NOT NULL,\n"
      "       pg_catalog.to_jsonb(i)->>'indnullsnotdistinct' = 'true',\n"
      "       (SELECT pg_catalog.string_agg(k::pg_catalog.text, ' ' ORDER BY k) FROM (\n"
      "          SELECT k FROM pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) k WHERE k > 0\n"
      "          UNION\n"
      "          SELECT d.refobjsubid::pg_catalog.int2 FROM pg_catalog.pg_depend d\n"
      "           WHERE 0 = ANY (i.indkey) AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass\n"
      "             AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid > 0\n"
      "             AND i.indpred IS NULL) x)\n"
      "  FROM pg_catalog.pg_index i\n"
      "  JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid\n"
      " WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique\n"
      " ORDER BY i.indisprimary DESC, ic.relname";

static bool
read_key_start (const Reading *reading, GenColumn *column, GError **error)
{
  g_autofree char *name = db_quote_ident (column->name);
  g_autofree char *table = db_quote_name (reading->table->schema, reading->table->name);
  g_autofree char *sql
      = g_strdup_printf ("SELECT pg_catalog.max(%s)::pg_catalog.text FROM %s", name, table);
  g_autofree char *greatest = NULL;
  if (!db_query_text (reading->conn, sql, 0, NULL, &greatest, error))
    return false;
  if (greatest != NULL)
    column->key_start = MAX (1, g_ascii_strtoll (greatest, NULL, 10) + 1);
  return true;
}

static bool
is_whole_number (const GenType *type)
{
  return type->kind == GEN_TYPE_INT2 || type->kind == GEN_TYPE_INT4 || type->kind == GEN_TYPE_INT8
         || (type->kind == GEN_TYPE_NUMERIC && type->scale == 0);
}

static bool
read_keys (Reading *reading, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (reading->conn, keys_sql, 1, (const char *const *) &reading->oid, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    {
      g_autofree unsigned int *columns = NULL;
      guint count;
      if (!read_positions (reading, db_result_text (result, i, 4), &columns, &count))
        continue;
      GenColumn *first = gen_table_column (reading->table, columns[0]);
      if (count == 1)
        {
          first->is_key = true;
          first->is_primary |= db_result_bool (result, i, 1);
          if (is_whole_number (first->type) && !read_key_start (reading, first, error))
            return false;
        }
      for (guint j = 0; count > 1 && j < count; j++)
        gen_table_column (reading->table, columns[j])->is_key_part = true;
      GenKey *key = g_new0 (GenKey, 1);
      key->name = g_strdup (db_result_text (result, i, 0));
      key->is_partial = db_result_bool (result, i, 2);
      key->nulls_equal = db_result_bool (result, i, 3);
      key->columns = g_steal_pointer (&columns);
      key->count = count;
      g_ptr_array_add (reading->table->keys, key);
    }
  return true;
}

/* A key to a partitioned table is there once more for each partition: those have a parent of the same table. */
static const char links_sql[]
    = "SELECT k.conname, n.nspname,\n"
      "       pg_catalog.array_to_string(k.conkey, ' '),\n"
      "       (SELECT pg_catalog.json_agg(a.attname ORDER BY x.place)\n"
      "          FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY x(number, place)\n"
      "          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.number),\n"
      "       k.confrelid = k.conrelid, c.relname, k.confrelid\n"
      "  FROM pg_catalog.pg_constraint k\n"
      "  JOIN pg_catalog.pg_class c ON c.oid = k.confrelid\n"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
      "  LEFT JOIN pg_catalog.pg_constraint o ON o.oid = k.conparentid\n"
      " WHERE k.contype = 'f' AND k.conrelid = $1::pg_catalog.oid\n"
      "   AND o.conrelid IS DISTINCT FROM k.conrelid\n"
      " ORDER BY pg_catalog.cardinality(k.conkey) DESC, k.conname";

static char **
read_names (const char *json)
{
  g_autoptr (json_t) list = json_loads (json, 0, NULL);
  char **names = g_new0 (char *, json_array_size (list) + 1);
  json_t *name;
  size_t i;
  json_array_foreach (list, i, name)
    names[i] = g_strdup (json_string_value (name));
  return names;
}

static bool
read_links (Reading *reading, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (reading->conn, links_sql, 1, (const char *const *) &reading->oid, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    {
      GenLink *link = g_new0 (GenLink, 1);
      g_ptr_array_add (reading->table->links, link);
      link->name = g_strdup (db_result_text (result, i, 0));
      link->parent_schema = g_strdup (db_result_text (result, i, 1));
      link->parent_name = g_strdup (db_result_text (result, i, 5));
      link->parent_oid = (uint32_t) db_result_int64 (result, i, 6);
      link->parent_names = read_names (db_result_text (result, i, 3));
      link->is_self = db_result_bool (result, i, 4);
      if (!read_positions (reading, db_result_text (result, i, 2), &link->columns, &link->count))
        return keel_error (error, KEEL_ERROR_FAILED, NULL,
                           "the foreign key “%s” has unknown columns", link->name);
    }
  return true;
}

static const char checks_sql[]
    = "SELECT pg_catalog.pg_get_expr(k.conbin, k.conrelid), 0\n"
      "  FROM pg_catalog.pg_constraint k\n"
      " WHERE k.contype = 'c' AND k.conrelid = $1::pg_catalog.oid\n"
      "UNION ALL\n"
      "SELECT pg_catalog.pg_get_expr(k.conbin, 0), a.attnum\n"
      "  FROM pg_catalog.pg_attribute a\n"
      "  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid\n"
      "  JOIN pg_catalog.pg_constraint k ON k.contype = 'c' AND k.contypid <> 0 AND k.contypid IN (a.atttypid, t.typelem)\n"
      " WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped";

static bool
read_checks (Reading *reading, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (reading->conn, checks_sql, 1, (const char *const *) &reading->oid, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    {
      int column = GPOINTER_TO_INT (
                       g_hash_table_lookup (reading->positions, db_result_text (result, i, 1)))
                   - 1;
      if (!gen_check_learn (reading->table, db_result_text (result, i, 0), column, reading->parser,
                            error))
        return false;
    }
  return true;
}

/* Where the sequences behind columns have come to. */
static bool
read_sequences (Reading *reading, GError **error)
{
  for (guint i = 0; i < reading->table->columns->len; i++)
    {
      GenColumn *column = gen_table_column (reading->table, i);
      g_autofree char *next = NULL;
      if (column->sequence == NULL)
        continue;
      g_autofree char *sql = g_strdup_printf (
          "SELECT (last_value + CASE WHEN is_called THEN 1 ELSE 0 END)::pg_catalog.text FROM %s",
          column->sequence);
      if (!db_query_text (reading->conn, sql, 0, NULL, &next, error))
        return false;
      column->key_start
          = MAX (column->key_start, next != NULL ? g_ascii_strtoll (next, NULL, 10) : 1);
    }
  return true;
}

bool
gen_catalog_read (DbConn *conn, SqlParser *parser, const char *name, GenTable **ret_table,
                  GError **error)
{
  g_autoptr (GenTable) table = NULL;
  if (!find_table (conn, name, &table, error))
    return false;
  g_autofree char *oid = g_strdup_printf ("%u", table->oid);
  g_autoptr (GHashTable) positions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Reading reading
      = { .conn = conn, .parser = parser, .table = table, .oid = oid, .positions = positions };
  if (!read_columns (&reading, error) || !read_keys (&reading, error)
      || !read_links (&reading, error) || !read_checks (&reading, error)
      || !read_sequences (&reading, error))
    return prefix_error (error, "the table “%s”", name);
  *ret_table = g_steal_pointer (&table);
  return true;
}

bool
gen_catalog_read_keys (DbConn *conn, const GenTable *table, GenLink *link, GenArena *arena,
                       GError **error)
{
  g_autoptr (GString) sql = g_string_new ("SELECT ");
  g_autoptr (GString) order = g_string_new (NULL);
  g_autoptr (DbResult) result = NULL;
  g_autofree char *parent = db_quote_name (link->parent_schema, link->parent_name);
  for (guint i = 0; i < link->count; i++)
    {
      g_autofree char *column = db_quote_ident (link->parent_names[i]);
      g_string_append_printf (sql, "%s%s::pg_catalog.text", i > 0 ? ", " : "", column);
      g_string_append_printf (order, "%s%s", i > 0 ? ", " : "", column);
    }
  g_string_append_printf (sql, " FROM %s ORDER BY %s LIMIT %d", parent, order->str, GEN_KEYS_MAX);
  if (!db_query (conn, sql->str, 0, NULL, &result, error))
    return false;
  link->keys = g_ptr_array_new_with_free_func (g_free);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      GenValue *values = g_new0 (GenValue, link->count);
      g_ptr_array_add (link->keys, values);
      for (guint i = 0; i < link->count; i++)
        if (!gen_value_parse (gen_table_column (table, link->columns[i])->type,
                              db_result_text (result, row, (int) i), arena, &values[i], error))
          return false;
    }
  link->parents = link->keys->len;
  return true;
}
