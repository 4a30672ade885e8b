#include "backup/load_types.h"

#include <string.h>

struct LoadTypes
{
  const BackupIndex *index;
  GHashTable *kinds; /* of columns: BinaryKind by column_key */
};

/* Schema, table, column, OID of its type without domains, whether that is an enum. Types are known by
 * their OIDs, which the built-in ones have everywhere. */
static const char types_sql[]
    = "WITH RECURSIVE domains (oid, base) AS ("
      "  SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typtype = 'd'"
      "  UNION ALL"
      "  SELECT d.oid, t.typbasetype FROM domains d"
      "    JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype = 'd')"
      "SELECT n.nspname, c.relname, a.attname, t.oid, t.typtype = 'e'"
      "  FROM pg_catalog.pg_class c"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      "  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"
      "  LEFT JOIN domains d ON d.oid = a.atttypid"
      "  JOIN pg_catalog.pg_type t ON t.oid = coalesce(d.base, a.atttypid)"
      " WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
      "   AND t.typtype <> 'd' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

static char *
column_key (const char *schema, const char *table, const char *column)
{
  g_autofree char *name = db_quote_name (schema, table);
  return g_strconcat (name, ".", column, NULL);
}

bool
load_types_read (DbConn *conn, const BackupIndex *index, LoadTypes **ret_types, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, types_sql, 0, NULL, &result, error))
    return prefix_error (error, "cannot read the columns' types");
  LoadTypes *types = g_new0 (LoadTypes, 1);
  types->index = index;
  types->kinds = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      BinaryKind kind = db_result_bool (result, row, 4)
                            ? BINARY_TEXT
                            : binary_kind_of_type ((uint32_t) db_result_int64 (result, row, 3));
      if (kind != BINARY_NONE)
        g_hash_table_insert (types->kinds,
                             column_key (db_result_text (result, row, 0),
                                         db_result_text (result, row, 1),
                                         db_result_text (result, row, 2)),
                             GINT_TO_POINTER (kind));
    }
  *ret_types = types;
  return true;
}

void
load_types_free (LoadTypes *types)
{
  if (types == NULL)
    return;
  g_hash_table_unref (types->kinds);
  g_free (types);
}

/* The index has names in UTF-8, the session may speak another encoding: then only plain names are the
 * same in both, of which none stands for bytes of no encoding. */
static bool
is_same_in_session (const LoadTypes *types, const char *key)
{
  return strcmp (types->index->encoding, "UTF8") == 0
         || (g_str_is_ascii (key) && strstr (key, "\\x") == NULL);
}

BinaryRows *
load_types_converter (const LoadTypes *types, const BackupTable *table, BinaryRowsSinkFn sink,
                      void *user_data)
{
  size_t count = g_strv_length (table->columns);
  bool has_root = table->root_name != NULL;
  if (types == NULL || count == 0)
    return NULL;
  g_autofree BinaryKind *kinds = g_new0 (BinaryKind, count);
  for (size_t i = 0; i < count; i++)
    {
      g_autofree char *key
          = column_key (has_root ? table->root_schema : table->schema,
                        has_root ? table->root_name : table->name, table->columns[i]);
      if (is_same_in_session (types, key))
        kinds[i] = GPOINTER_TO_INT (g_hash_table_lookup (types->kinds, key));
    }
  return binary_rows_pay (kinds, count) ? binary_rows_new (kinds, count, sink, user_data) : NULL;
}
