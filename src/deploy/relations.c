#include "deploy/relations.h"

#include <string.h>

void
relation_free (Relation *relation)
{
  g_free (relation->name);
  g_free (relation->file);
  g_free (relation);
}

Relation *
relation_new (const DbResult *result, int row)
{
  Relation *relation = g_new0 (Relation, 1);
  relation->name = g_strdup (db_result_text (result, row, 1));
  relation->kind = db_result_text (result, row, 2)[0];
  relation->file = g_strdup (db_result_text (result, row, 3));
  return relation;
}

Relation *
relation_copy (const Relation *relation)
{
  Relation *copy = g_new0 (Relation, 1);
  *copy = *relation;
  copy->name = g_strdup (relation->name);
  copy->file = g_strdup (relation->file);
  return copy;
}

bool
relations_read (DbConn *conn, GHashTable **ret_relations, GError **error)
{
  static const char sql[]
      = "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind, c.relfilenode\n"
        "  FROM pg_catalog.pg_class c\n"
        "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
        " WHERE c.oid >= 16384";
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, 0, NULL, &result, error))
    return false;
  GHashTable *relations
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) relation_free);
  for (int row = 0; row < db_result_rows (result); row++)
    g_hash_table_insert (relations, g_strdup (db_result_text (result, row, 0)),
                         relation_new (result, row));
  *ret_relations = relations;
  return true;
}

void
relation_note_file (Measurement *measurement, const Relation *before, const Relation *now)
{
  if (strcmp (before->file, now->file) != 0)
    measurement_add_file (measurement, now->name, now->kind);
}
